/* Who may do what with something that is not theirs: the one condition, and what is kept of it. */
#include "store/assistants.h"
#include "store/grants.h"
#include "store/groups.h"
#include "store/store_priv.h"
#include "store_test.h"

/* Things with an owner, as the rooms to come have them. */
static int make_things(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_exec(c, NULL, e, "CREATE TABLE things (id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL)");
}

static int add_thing(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *x = arg;

	return db_exec(c, NULL, e, "INSERT INTO things (id, user_id) VALUES (?, ?)", DB_I64(x[0]), DB_I64(x[1]));
}

/* The things somebody has a verb on, as digits: "12". */
static const char *has(struct fixture *f, atelier_id user, bool admin, enum grant_verb verb)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	static char text[16];
	size_t n = 0;

	FINE(f, db_query(f->c, &rows, &f->e,
			"SELECT id FROM things WHERE " GRANTED("thing", "things.id", "things.user_id") " ORDER BY id",
			GRANTED_PARAMS(user, admin, verb)));
	while (db_next(rows, &f->e) > 0)
		text[n++] = (char)('0' + db_i64(rows, 0));
	text[n] = '\0';
	return text;
}

static void share(struct fixture *f, atelier_id thing, const char *subject, atelier_id id, enum grant_verb verb)
{
	const struct grant g = {.subject = subject, .subject_id = id, .verb = verb};

	FINE(f, grants_set(f->db, &(struct grant_place){.kind = "thing", .id = thing}, &g, 1, &f->e));
}

static void setup_things(struct fixture *f)
{
	FINE(f, db_write(f->db, make_things, NULL, &f->e));
	for (atelier_id i = 1; i <= 3; i++)
		FINE(f, db_write(f->db, add_thing, (atelier_id[]){i, f->ada}, &f->e));
}

static void test_verbs(void **state)
{
	struct fixture *f = *state;

	setup_things(f);
	assert_string_equal(has(f, f->ada, false, GRANT_EDIT), "123"); /* the owner */
	assert_string_equal(has(f, f->bob, false, GRANT_READ), "");
	assert_string_equal(has(f, f->bob, true, GRANT_EDIT), "123"); /* an administrator, where it is said */
	share(f, 1, "user", f->bob, GRANT_READ);
	share(f, 2, "user", f->bob, GRANT_USE);
	share(f, 3, "user", f->bob, GRANT_EDIT);
	assert_string_equal(has(f, f->bob, false, GRANT_READ), "123");
	assert_string_equal(has(f, f->bob, false, GRANT_USE), "23");
	assert_string_equal(has(f, f->bob, false, GRANT_EDIT), "3");
	share(f, 3, "user", f->ada, GRANT_READ); /* in place of the others */
	assert_string_equal(has(f, f->bob, false, GRANT_READ), "12");
	assert_string_equal(has(f, f->ada, false, GRANT_EDIT), "123");
}

static void test_groups_and_everyone(void **state)
{
	struct fixture *f = *state;
	atelier_id eve = add_user(f, "eve", ROLE_USER), staff;

	setup_things(f);
	FINE(f, groups_create(f->db, "staff", &staff, &f->e));
	FINE(f, groups_set_members(f->db, staff, &f->bob, 1, &f->e));
	share(f, 1, "group", staff, GRANT_USE);
	share(f, 2, "everyone", 0, GRANT_READ);
	assert_string_equal(has(f, f->bob, false, GRANT_READ), "12");
	assert_string_equal(has(f, f->bob, false, GRANT_USE), "1");
	assert_string_equal(has(f, eve, false, GRANT_READ), "2");
	FINE(f, groups_set_members(f->db, staff, &eve, 1, &f->e));
	assert_string_equal(has(f, f->bob, false, GRANT_READ), "2");
	assert_string_equal(has(f, eve, false, GRANT_USE), "1");
	FINE(f, groups_delete(f->db, staff, &f->e));
	assert_string_equal(has(f, eve, false, GRANT_READ), "2");
	share(f, 3, "user", eve, GRANT_EDIT);
	FINE(f, users_delete(f->db, eve, 0, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM grants"), 1);
}

static int forget(struct db_conn *c, void *arg, struct err *e)
{
	return grants_forget(c, "thing", *(const atelier_id *)arg, e);
}

static void test_refused_and_forgotten(void **state)
{
	struct fixture *f = *state;
	const struct grant_place of = {.kind = "thing", .id = 1}, other = {.kind = "else", .id = 1};
	struct grant g[2] = {{.subject = "user", .subject_id = f->bob, .verb = GRANT_USE}};
	struct grant_list l;

	setup_things(f);
	FINE(f, grants_set(f->db, &of, g, 1, &f->e));
	FINE(f, grants_set(f->db, &other, g, 1, &f->e)); /* the same id of another kind */
	g[1] = g[0];
	REFUSED(f, E_CONFLICT, grants_set(f->db, &of, g, 2, &f->e));
	g[1].subject = "group";
	REFUSED(f, E_NOT_FOUND, grants_set(f->db, &of, g, 2, &f->e));
	g[1] = (struct grant){.subject = "user", .subject_id = 4711};
	REFUSED(f, E_NOT_FOUND, grants_set(f->db, &of, g, 2, &f->e));
	FINE(f, grants_list(f->c, &of, &f->a, &l, &f->e)); /* as it was before */
	assert_int_equal(l.n, 1);
	assert_string_equal(l.items[0].subject_name, "bob");
	assert_int_equal(l.items[0].verb, GRANT_USE);
	FINE(f, db_write(f->db, forget, &(atelier_id){1}, &f->e));
	FINE(f, grants_list(f->c, NULL, &f->a, &l, &f->e));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.items[0].kind, "else");
}

static int64_t right(struct fixture *f, atelier_id user, const char *kind, const char *name)
{
	struct grant_right *rights;
	size_t n;

	FINE(f, grants_rights(f->c, user, &f->a, &rights, &n, &f->e));
	for (size_t i = 0; i < n; i++)
		if (strcmp(rights[i].kind, kind) == 0 && strcmp(rights[i].name, name) == 0)
			return rights[i].verb;
	return -1;
}

/* Named things are for everybody until something is said, and stay closed when those they were for are gone. */
static void test_named(void **state)
{
	struct fixture *f = *state;
	const struct grant_place of = {.kind = "model", .name = "large"};
	const struct grant g = {.subject = "user", .subject_id = f->bob, .verb = GRANT_USE};

	assert_int_equal(right(f, f->bob, "model", "large"), -1);
	FINE(f, grants_set(f->db, &of, &g, 1, &f->e));
	assert_int_equal(right(f, f->bob, "model", "large"), GRANT_USE);
	assert_int_equal(right(f, f->ada, "model", "large"), GRANT_NONE);
	assert_int_equal(right(f, f->bob, "provider", "large"), -1);
	FINE(f, users_delete(f->db, f->bob, 0, &f->e));
	assert_int_equal(right(f, f->ada, "model", "large"), GRANT_NONE);
	FINE(f, grants_clear(f->db, &of, &f->e));
	assert_int_equal(right(f, f->ada, "model", "large"), -1);
}

/* The words of the API are the names of the verbs, in their order. */
static void test_names(void **state UNUSED)
{
	char words[64];

	snprintf(words, sizeof(words), "%s %s %s", grant_verb_name(GRANT_READ), grant_verb_name(GRANT_USE),
		grant_verb_name(GRANT_EDIT));
	assert_string_equal(words, GRANT_VERBS);
	assert_int_equal(grant_verb_of("edit"), GRANT_EDIT);
	assert_int_equal(grant_verb_of("own"), GRANT_NONE);
	assert_string_equal(grant_verb_name(9), "none");
}

static atelier_id add_assistant(struct fixture *f, atelier_id user, const char *name)
{
	const struct assistant row = {.user_id = user,
		.name = name,
		.description = "",
		.emoji = "",
		.model = "m",
		.instructions = "Be brief.",
		.parameters = "{}",
		.starters = "[]",
		.agents = "[]",
		.collections = "[]"};
	atelier_id id;

	FINE(f, shared_create(&assistants_kind, f->db, &row, &id, &f->e));
	return id;
}

/* What lists of models need of the assistants that a person has, and none of their texts. */
static void test_assistant_names(void **state)
{
	struct fixture *f = *state;
	atelier_id shared = add_assistant(f, f->ada, "Shared"), own = add_assistant(f, f->bob, "own");
	const struct grant g = {.subject = "user", .subject_id = f->bob, .verb = GRANT_USE};
	struct assistant_list l;

	add_assistant(f, f->ada, "Private");
	FINE(f, grants_set(f->db, &(struct grant_place){.kind = "assistant", .id = shared}, &g, 1, &f->e));
	FINE(f, assistants_names(f->c, f->bob, &f->a, &l, &f->e));
	assert_int_equal(l.n, 2);
	assert_true(l.items[0].id == own && l.items[0].user_id == f->bob && l.items[0].may == GRANT_EDIT);
	assert_true(l.items[1].id == shared && l.items[1].user_id == f->ada && l.items[1].may == GRANT_USE);
	assert_string_equal(l.items[1].name, "Shared");
	assert_string_equal(l.items[1].model, "m");
	assert_true(l.items[1].updated_at > 0);
	assert_null(l.items[1].instructions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_verbs), TEST(test_groups_and_everyone),
		TEST(test_refused_and_forgotten), TEST(test_named), TEST(test_names), TEST(test_assistant_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
