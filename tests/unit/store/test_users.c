/* Users, sessions, meta. */
#include "base/utf8.h"
#include "store/assistants.h"
#include "store/collections.h"
#include "store/folders.h"
#include "store/groups.h"
#include "store/jobs.h"
#include "store/keys.h"
#include "store/limits.h"
#include "store/memories.h"
#include "store/meta.h"
#include "store/owners.h"
#include "store/prompts.h"
#include "store/sessions.h"
#include "store/tool_choices.h"
#include "store/tool_servers.h"
#include "store_test.h"

static int set_disabled(struct fixture *f, atelier_id id, bool disabled)
{
	return users_change(f->db, id, &(struct user_change){.has_disabled = true, .disabled = disabled}, &f->e);
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	struct user_new in = {.name = "ADA", .password_hash = "x", .role = ROLE_USER};
	struct user_list list;
	struct user u;
	atelier_id id;

	assert_int_equal(users_create(f->db, &in, &id, &f->e), E_CONFLICT);
	assert_string_equal(f->e.msg, "There is a user named ADA already.");
	err_clear(&f->e);
	in.name = "\xc3\x84"
		  "da";
	in.display_name = "Ada L.";
	FINE(f, users_create(f->db, &in, &id, &f->e));
	FINE(f, users_by_name(f->c, "aDa", &f->a, &u, &f->e));
	assert_true(u.id == f->ada);
	assert_string_equal(u.name, "ada");
	assert_string_equal(u.display_name, "ada");
	assert_string_equal(u.role, ROLE_ADMIN);
	assert_string_equal(u.password_hash, "hash");
	assert_false(u.disabled);
	assert_true(u.created_at > 1600000000000);
	FINE(f, users_by_id(f->c, id, &f->a, &u, &f->e));
	assert_string_equal(u.display_name, "Ada L.");
	REFUSED(f, E_NOT_FOUND, users_by_id(f->c, 12345, &f->a, &u, &f->e));
	REFUSED(f, E_NOT_FOUND, users_by_name(f->c, "a' OR 1=1 --", &f->a, &u, &f->e));
	FINE(f, users_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 3);
	assert_string_equal(list.items[0].name, "ada");
	assert_string_equal(list.items[1].name, "bob");
	in.name = "eve";
	in.role = "root";
	assert_true(users_create(f->db, &in, &id, &f->e) < 0);
}

static int run_sql(struct db_conn *c, void *arg, struct err *e)
{
	return db_exec(c, NULL, e, *(const char **)arg);
}

/* Two names of before the folding, which differ by it alone, and the migration on top of them. */
static void test_clashes_of_before(void **state)
{
	struct db_config config = {.readers = 1};
	struct fixture *f = *state;
	struct db *db = NULL;
	char path[96];
	struct user u;
	atelier_id id;
	size_t n;
	const struct db_migration *m = store_migrations(&n);

	snprintf(path, sizeof(path), "%s/before.db", f->folder);
	config.path = path;
	FINE(f, db_open(&config, m, 3, &db, &f->e));
	for (int i = 0; i < 3; i++) {
		const char *rows[] = {
			"INSERT INTO users (id, name, display_name, password_hash, role, created_at, updated_at)"
			" VALUES (7, '\xc3\x84nne', '', 'x', 'user', 1, 1)",
			"INSERT INTO users (id, name, display_name, password_hash, role, created_at, updated_at)"
			" VALUES (8, '\xc3\xa4nne', '', 'x', 'user', 1, 1)",
			"INSERT INTO users (id, name, display_name, password_hash, role, created_at, updated_at)"
			" VALUES (9, '\xc3\x96rt', '', 'x', 'user', 1, 1)"};
		FINE(f, db_write(db, run_sql, &rows[i], &f->e));
	}
	db_close(db);
	FINE(f, db_open(&config, m, n, &db, &f->e));
	struct db_conn *c = db_acquire(db);
	FINE(f, users_by_name(c, "\xc3\x84nne", &f->a, &u, &f->e));
	assert_int_equal(u.id, 7);
	FINE(f, users_by_name(c, "\xc3\xa4nne", &f->a, &u, &f->e));
	assert_int_equal(u.id, 8);
	db_release(c);
	REFUSED(f, E_CONFLICT,
		users_create(db, &(struct user_new){.name = "A\xcc\x88NNE", .password_hash = "x", .role = ROLE_USER},
			&id, &f->e));
	/* What the code would let through, the index does not. */
	const char *same = "UPDATE users SET name = 'x', folded = fold('\xc3\x96RT') WHERE id = 7";
	assert_true(db_write(db, run_sql, &same, &f->e) < 0);
	err_clear(&f->e);
	db_close(db);
}

static void test_first_admin(void **state)
{
	struct fixture *f = *state;
	struct user_new in = {.name = "eve", .password_hash = "x", .role = ROLE_ADMIN, .first_admin = true};
	int64_t n;
	atelier_id id;

	FINE(f, users_count_admins(f->c, &n, &f->e));
	assert_int_equal(n, 1);
	REFUSED(f, E_CONFLICT, users_create(f->db, &in, &id, &f->e));
	REFUSED(f, E_CONFLICT, set_disabled(f, f->ada, true));
	in.first_admin = false;
	FINE(f, users_create(f->db, &in, &id, &f->e));
	FINE(f, set_disabled(f, f->ada, true));
	FINE(f, users_count_admins(f->c, &n, &f->e));
	assert_int_equal(n, 1);
	REFUSED(f, E_NOT_FOUND, set_disabled(f, 99, true));
}

static atelier_id add_session(struct fixture *f, atelier_id user, const char *cookie, const char *bearer, int64_t until)
{
	struct session in = {.user_id = user,
		.cookie_hash = str_from(cookie),
		.bearer_hash = str_from(bearer),
		.created_at = 1000,
		.last_seen_at = 1000,
		.expires_at = until,
		.user_agent = "Firefox"};
	atelier_id id;

	FINE(f, sessions_create(f->db, &in, &id, &f->e));
	return id;
}

static int find(
	struct fixture *f, const char *hash, int64_t now, struct session *s, struct user *u, enum session_by *by)
{
	return sessions_find(f->c, hash, strlen(hash), now, &f->a, s, u, by, &f->e);
}

static void test_sessions_are_found(void **state)
{
	struct fixture *f = *state;
	atelier_id one = add_session(f, f->ada, "C1", "B1", 2000), two = add_session(f, f->bob, NULL, "B2", 2000);
	enum session_by by;
	struct session s;
	struct user u;

	add_session(f, f->ada, "C3", NULL, 5000);
	FINE(f, find(f, "C1", 1500, &s, &u, &by));
	assert_int_equal(by, SESSION_BY_COOKIE);
	assert_true(s.id == one && u.id == f->ada && s.user_id == f->ada);
	assert_string_equal(u.role, ROLE_ADMIN);
	assert_string_equal(s.user_agent, "Firefox");
	assert_null(s.address);
	FINE(f, find(f, "B1", 1500, &s, &u, &by));
	assert_int_equal(by, SESSION_BY_BEARER);
	assert_true(s.id == one);
	FINE(f, find(f, "B2", 1500, &s, &u, &by));
	assert_int_equal(by, SESSION_BY_BEARER);
	assert_true(s.id == two && u.id == f->bob);
	REFUSED(f, E_UNAUTHORIZED, find(f, "B", 1500, &s, &u, &by));
	REFUSED(f, E_UNAUTHORIZED, find(f, "", 1500, &s, &u, &by));
	REFUSED(f, E_UNAUTHORIZED, find(f, "C1", 2000, &s, &u, &by));
	sessions_touch(f->db, one, 1900, 3000);
	store_flush(f);
	FINE(f, find(f, "C1", 2000, &s, &u, &by));
	assert_int_equal(s.last_seen_at, 1900);
	assert_int_equal(s.expires_at, 3000);
}

static void test_sessions_end(void **state)
{
	struct fixture *f = *state;
	atelier_id one = add_session(f, f->ada, "C1", NULL, 2000);
	struct user_new eve = {.name = "eve", .password_hash = "x", .role = ROLE_ADMIN};
	enum session_by by;
	struct session s;
	struct user u;
	atelier_id id;

	add_session(f, f->ada, "C2", NULL, 2000);
	add_session(f, f->ada, "C3", NULL, 9000);
	add_session(f, f->bob, "C4", NULL, 9000);
	FINE(f, sessions_delete(f->db, one, &f->e));
	FINE(f, sessions_delete(f->db, one, &f->e));
	REFUSED(f, E_UNAUTHORIZED, find(f, "C1", 1500, &s, &u, &by));
	int64_t gone;
	FINE(f, sessions_delete_expired(f->db, 2000, 100, &gone, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM sessions"), 2);
	FINE(f, users_set_password(f->db, f->ada, &(struct user_password){.hash = "new"}, &f->e));
	REFUSED(f, E_UNAUTHORIZED, find(f, "C3", 1500, &s, &u, &by));
	FINE(f, find(f, "C4", 1500, &s, &u, &by));
	FINE(f, users_by_id(f->c, f->ada, &f->a, &u, &f->e));
	assert_string_equal(u.password_hash, "new");
	REFUSED(f, E_NOT_FOUND, users_set_password(f->db, 77, &(struct user_password){.hash = "new"}, &f->e));
	FINE(f, set_disabled(f, f->bob, true));
	REFUSED(f, E_UNAUTHORIZED, find(f, "C4", 1500, &s, &u, &by));
	FINE(f, users_create(f->db, &eve, &id, &f->e));
	add_session(f, id, "C5", NULL, 9000);
	FINE(f, set_disabled(f, id, true));
	assert_int_equal(number(f, "SELECT count(*) FROM sessions"), 0);
	add_session(f, id, "C6", NULL, 9000);
	REFUSED(f, E_UNAUTHORIZED, find(f, "C6", 1500, &s, &u, &by));
	FINE(f, set_disabled(f, id, false));
	FINE(f, find(f, "C6", 1500, &s, &u, &by));
}

static void test_session_of_nobody(void **state)
{
	struct fixture *f = *state;
	struct session in = {.user_id = 5, .cookie_hash = STR("x"), .created_at = 1, .expires_at = 2};
	atelier_id id;

	REFUSED(f, E_NOT_FOUND, sessions_create(f->db, &in, &id, &f->e));
}

static void test_meta(void **state)
{
	struct fixture *f = *state;
	const char *value;

	FINE(f, meta_get(f->c, "k", &f->a, &value, &f->e));
	assert_null(value);
	FINE(f, meta_set(f->db, "k", "one", &f->e));
	FINE(f, meta_set(f->db, "k", "two", &f->e));
	FINE(f, meta_get(f->c, "k", &f->a, &value, &f->e));
	assert_string_equal(value, "two");
	FINE(f, meta_set(f->db, "k", NULL, &f->e));
	FINE(f, meta_get(f->c, "k", &f->a, &value, &f->e));
	assert_null(value);
}

static void test_full_arena_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct arena small;
	struct user_list list;
	struct user u;

	arena_init(&small, 8);
	REFUSED(f, -ENOMEM, users_by_id(f->c, f->ada, &small, &u, &f->e));
	REFUSED(f, -ENOMEM, users_list(f->c, &small, &list, &f->e));
	arena_done(&small);
}

static void test_sessions_of_a_clock_ahead(void **state)
{
	struct fixture *f = *state;
	const int64_t now = INT64_C(1800000000000), days = INT64_C(30) * 86400000,
		      ahead = now + INT64_C(3) * 365 * 86400000;
	atelier_id id;
	int64_t n;

	FINE(f, sessions_create(f->db,
			&(struct session){.user_id = f->ada,
				.cookie_hash = {"12345678901234567890123456789012", 32},
				.created_at = ahead,
				.last_seen_at = ahead,
				.expires_at = ahead + days},
			&id, &f->e));
	FINE(f, sessions_heal(f->db, now, days, 100, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(number(f, "SELECT expires_at FROM sessions"), now + days);
	FINE(f, sessions_heal(f->db, now, days, 100, &n, &f->e));
	assert_int_equal(n, 0);
}

/* ---- what is left of somebody who is deleted ---- */

static void share(struct fixture *f, const struct shared_kind *k, const void *row)
{
	const struct grant all = {.subject = "everyone", .verb = GRANT_USE};
	atelier_id id;

	FINE(f, shared_create(k, f->db, row, &id, &f->e));
	FINE(f, grants_set(f->db, &(struct grant_place){.kind = k->grants, .id = id}, &all, 1, &f->e));
}

static void share_one_of_each(struct fixture *f)
{
	share(f, &folders_kind, &(struct folder){.user_id = f->bob, .name = "Work", .instructions = ""});
	share(f, &prompts_kind,
		&(struct prompt_row){.user_id = f->bob,
			.name = "letter",
			.kind = PROMPT_TEXT,
			.description = "",
			.pattern = "",
			.variables = "[]",
			.body = "Write.",
			.version = 1});
	share(f, &assistants_kind,
		&(struct assistant){.user_id = f->bob,
			.name = "Cook",
			.description = "",
			.emoji = "",
			.model = "",
			.instructions = "",
			.parameters = "{}",
			.starters = "[]",
			.agents = "[]",
			.collections = "[]",
			.version = 1});
	share(f, &collections_kind,
		&(struct collection){.user_id = f->bob,
			.name = "Harbour",
			.description = "",
			.passage_tokens = 300,
			.passages = 5,
			.mode = "auto",
			.weight = 50,
			.embedding_model = "",
			.reranker = ""});
	share(f, &tool_servers_kind,
		&(struct tool_server){
			.user_id = f->bob, .name = "Town", .kind = "http", .prefix = "town", .config = "{}"});
}

static void own_one_of_each(struct fixture *f)
{
	atelier_id id, group;

	share_one_of_each(f);
	finish(f, begin(f, f->bob, add_conversation(f, f->bob, "Tea"), "Hi").turn_id, STATE_COMPLETE, "Hello");
	FINE(f, memories_create(f->db, &(struct memory){.user_id = f->bob, .text = "Likes tea"}, &id, &f->e));
	FINE(f, memories_enable(f->db, f->bob, true, &f->e));
	FINE(f, tool_choices_set(f->db, &(struct tool_choice_row){f->bob, "look", 1, -1}, &f->e));
	FINE(f, groups_create(f->db, "Staff", &group, &f->e));
	FINE(f, groups_set_members(f->db, group, &f->bob, 1, &f->e));
	FINE(f, keys_create(f->db,
			&(struct api_key){
				.user_id = f->bob, .name = "k", .prefix = "k", .hash = STR("hash"), .scopes = "api"},
			&id, &f->e));
	FINE(f, sessions_create(f->db,
			&(struct session){.user_id = f->bob,
				.cookie_hash = STR("c"),
				.bearer_hash = STR("b"),
				.created_at = 1,
				.last_seen_at = 1,
				.expires_at = INT64_MAX},
			&id, &f->e));
	FINE(f, limits_create(f->db,
			&(struct limit){.subject = "user",
				.subject_id = f->bob,
				.measure = "requests",
				.period = "month",
				.amount = 1},
			&id, &f->e));
	FINE(f, jobs_create(f->db,
			&(struct job_new){.user_id = f->bob, .kind = "pull", .title = "his.pdf", .params = "{}"}, &id,
			&f->e));
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 1);
}

/* Columns of all tables that have the id of somebody; usage stays, as does the word to other processes. */
static int64_t count_left(struct fixture *f, atelier_id id)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int64_t all = 0;
	int r;

	FINE(f, db_query(f->c, &rows, &f->e,
			test_postgres() ? "SELECT table_name::text, column_name::text FROM information_schema.columns"
					  " WHERE table_schema = current_schema() AND data_type = 'bigint'"
					: "SELECT s.name, i.name FROM sqlite_schema s JOIN pragma_table_info(s.name) i"
					  " WHERE s.type = 'table' AND i.type = 'INTEGER'"));
	while ((r = db_next(rows, &f->e)) > 0) {
		struct str table = db_bytes(rows, 0), column = db_bytes(rows, 1);
		char sql[200];

		if (str_eq(table, STR("usage")) || str_eq(table, STR("usage_days")) || str_eq(table, STR("endings")))
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM " STR_FMT " WHERE " STR_FMT " = %lld", STR_ARG(table),
			STR_ARG(column), (long long)id);
		int64_t n = number(f, sql);
		if (n)
			print_message("%lld rows of " STR_FMT "." STR_FMT "\n", (long long)n, STR_ARG(table),
				STR_ARG(column));
		all += n;
	}
	assert_int_equal(r, 0);
	return all;
}

static void test_nothing_is_left(void **state)
{
	struct fixture *f = *state;

	own_one_of_each(f);
	assert_true(count_left(f, f->bob) > 15);
	FINE(f, users_delete(f->db, f->bob, 0, &f->e));
	assert_int_equal(count_left(f, f->bob), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM grants"), 0); /* of what was theirs */
}

/* What others have is the heir's, by a name of its own; what nobody else has goes. */
static void test_hand_over(void **state)
{
	struct fixture *f = *state;
	struct folder of = {.instructions = ""};
	struct owned_counts n;
	struct tool_server town;
	atelier_id id;

	own_one_of_each(f);
	of.user_id = f->bob;
	of.name = "Private";
	FINE(f, shared_create(&folders_kind, f->db, &of, &id, &f->e));
	of.user_id = f->ada;
	of.name = "WORK";
	FINE(f, shared_create(&folders_kind, f->db, &of, &id, &f->e));
	FINE(f, owners_count(f->c, f->bob, &n, &f->e));
	assert_memory_equal(&n, (&(struct owned_counts){1, 1, 1, 1, 1}), sizeof(n));
	FINE(f, users_delete(f->db, f->bob, f->ada, &f->e));
	assert_int_equal(count_left(f, f->bob), 0);
	FINE(f, owners_count(f->c, f->ada, &n, &f->e));
	assert_memory_equal(&n, (&(struct owned_counts){1, 1, 1, 1, 1}), sizeof(n));
	assert_int_equal(number(f, "SELECT count(*) FROM folders"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM folders WHERE name = 'Work 2' AND folded = 'work 2'"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM assistant_versions"), 1);
	id = number(f, "SELECT id FROM tool_servers");
	FINE(f, tool_servers_get(f->c, f->ada, id, GRANT_EDIT, &f->a, &town, &f->e));
	assert_true(town.shared);
}

enum { ALIKE = 200 };

/* clang-format off */
static int share_alike_in(struct db_conn *c, void *arg, struct err *e)
{
	static int64_t id = 2000;
	const atelier_id *owner = arg;
	int r = 0;

	for (int i = 0; r == 0 && i < ALIKE; i++) {
		char name[100];

		snprintf(name, sizeof(name), "a-letter-with-a-name-that-is-as-long-as-names-may-be-and-%03d", i);
		r = db_exec(c, NULL, e,
			"INSERT INTO prompts (id, user_id, name, folded, kind, pattern, structured, version, created_at, updated_at,"
			" description, variables, body) VALUES (?, ?, ?, ?, 'text', '', 0, 1, 1, 1, '', '[]', '')",
			DB_I64(++id), DB_I64(*owner), DB_TEXT(name), DB_TEXT(name));
		if (r == 0)
			r = db_exec(c, NULL, e,
				"INSERT INTO grants (id, kind, resource_id, resource_name, subject, subject_id, verb, created_at)"
				" VALUES (?, 'prompt', ?, '', 'everyone', 0, 1, 1)",
				DB_I64(id), DB_I64(id));
	}
	return r;
}
/* clang-format on */

/* Of names that are all cut to the same for their number each is found at once, not by all the numbers before it. */
static void test_hand_over_of_names_alike(void **state)
{
	struct fixture *f = *state;
	atelier_id eve = add_user(f, "eve", ROLE_USER);

	FINE(f, db_write(f->db, share_alike_in, &f->bob, &f->e));
	FINE(f, db_write(f->db, share_alike_in, &eve, &f->e));
	FINE(f, users_delete(f->db, f->bob, f->ada, &f->e));
	FINE(f, users_delete(f->db, eve, f->ada, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM prompts"), 2 * ALIKE);
	assert_int_equal(number(f, "SELECT count(*) FROM prompts WHERE name LIKE '%be-an-2'"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM prompts WHERE name LIKE '%be-an-201'"), 1);
}

static void grant_town(struct fixture *f, atelier_id id, atelier_id to, enum grant_verb verb)
{
	const struct grant g = {.subject = "user", .subject_id = to, .verb = verb};

	FINE(f, grants_set(f->db, &(struct grant_place){.kind = "tool_server", .id = id}, &g, 1, &f->e));
}

/* A tool server of an administrator may reach what another's may not: nobody gets there by leaving, or by a friend who does. */
static void test_servers_of_strangers(void **state)
{
	struct fixture *f = *state;
	const struct tool_server of = {.user_id = f->bob,
		.name = "Town",
		.kind = "http",
		.prefix = "town",
		.config = "{}",
		.enabled = true,
		.trusted = true};
	struct tool_server town;
	atelier_id id, eve = add_user(f, "eve", ROLE_USER);

	FINE(f, shared_create(&tool_servers_kind, f->db, &of, &id, &f->e));
	grant_town(f, id, eve, GRANT_EDIT);
	FINE(f, users_delete(f->db, f->bob, f->ada, &f->e));
	REFUSED(f, E_NOT_FOUND, tool_servers_get(f->c, eve, id, GRANT_EDIT, &f->a, &town, &f->e));
	FINE(f, tool_servers_get(f->c, eve, id, GRANT_USE, &f->a, &town, &f->e));
	assert_false(town.enabled || town.trusted);
}

static void test_heirs(void **state)
{
	struct fixture *f = *state;
	atelier_id id, eve = add_user(f, "eve", ROLE_USER);

	share_one_of_each(f);
	REFUSED(f, E_NOT_FOUND, users_delete(f->db, f->bob, 12345, &f->e));
	FINE(f, set_disabled(f, eve, true));
	REFUSED(f, E_CONFLICT, users_delete(f->db, f->bob, eve, &f->e));
	FINE(f, set_disabled(f, eve, false));
	for (int i = 0; i < FOLDERS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		FINE(f, shared_create(&folders_kind, f->db,
				&(struct folder){.user_id = eve, .name = name, .instructions = ""}, &id, &f->e));
	}
	REFUSED(f, E_CONFLICT, users_delete(f->db, f->bob, eve, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM users"), 3);
}

struct stray {
	const char *kind;
	atelier_id resource;
	const char *subject;
	atelier_id of;
};

static int add_stray_in(struct db_conn *c, void *arg, struct err *e)
{
	static int64_t id = 1000;
	const struct stray *x = arg;

	return db_exec(c, NULL, e,
		"INSERT INTO grants (id, kind, resource_id, resource_name, subject, subject_id, verb, created_at)"
		" VALUES (?, ?, ?, ?, ?, ?, 1, 1)",
		DB_I64(++id), DB_TEXT(x->kind), DB_I64(x->resource), DB_TEXT(x->resource ? "" : "gone"),
		DB_TEXT(x->subject), DB_I64(x->of));
}

static void add_stray(struct fixture *f, struct stray x)
{
	FINE(f, db_write(f->db, add_stray_in, &x, &f->e));
}

static void test_strays_are_swept(void **state)
{
	struct fixture *f = *state;
	int64_t kept, n;

	share_one_of_each(f);
	add_stray(f, (struct stray){"model", 0, "nobody", 0});
	kept = number(f, "SELECT count(*) FROM grants");
	add_stray(f, (struct stray){"folder", 99, "everyone", 0});
	add_stray(f, (struct stray){"tool_server", 99, "everyone", 0});
	add_stray(f, (struct stray){"folder", number(f, "SELECT id FROM folders"), "user", 99});
	add_stray(f, (struct stray){"model", 0, "group", 99});
	FINE(f, owners_sweep(f->db, 3, &n, &f->e));
	assert_int_equal(n, 3);
	FINE(f, owners_sweep(f->db, 3, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM grants"), kept);
	FINE(f, owners_sweep(f->db, 3, &n, &f->e));
	assert_int_equal(n, 0);
}

/* A name that is cut for its number is cut between characters. */
static void test_names_of_copies(void **state)
{
	char name[SHARED_COPY_MAX];

	(void)state;
	shared_copy_name(&prompts_kind,
		"a\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"
		"\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"
		"\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad",
		2, name);
	assert_true(utf8_valid(name, strlen(name)));
	assert_string_equal(name + strlen(name) - 2, "-2");
	shared_copy_name(&folders_kind, "Tea", 10, name);
	assert_string_equal(name, "Tea 10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hand_over),
		TEST(test_hand_over_of_names_alike),
		TEST(test_servers_of_strangers),
		TEST(test_heirs),
		TEST(test_strays_are_swept),
		TEST(test_names_of_copies),
		TEST(test_names),
		TEST(test_clashes_of_before),
		TEST(test_first_admin),
		TEST(test_sessions_are_found),
		TEST(test_sessions_end),
		TEST(test_session_of_nobody),
		TEST(test_meta),
		TEST(test_sessions_of_a_clock_ahead),
		TEST(test_full_arena_is_an_error),
		TEST(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
