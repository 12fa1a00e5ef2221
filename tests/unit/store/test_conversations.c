/* Conversations: whose they are, the list, titles, deleting. */
#include "store_test.h"

#include "base/clock.h"

static int get(struct fixture *f, atelier_id user, atelier_id id, struct conversation *ret)
{
	return conversations_get(f->c, user, id, &f->a, ret, &f->e);
}

static void test_create_and_get(void **state)
{
	struct fixture *f = *state;
	struct conversation v, w;

	FINE(f, conversations_create(f->db, f->ada, &(struct conversation_patch){0}, &v, &f->e));
	FINE(f, get(f, f->ada, v.id, &w));
	assert_true(w.id == v.id && w.user_id == f->ada);
	assert_string_equal(w.title, "");
	assert_string_equal(w.title_state, TITLE_PLAIN);
	assert_string_equal(w.model, "");
	assert_int_equal(w.leaf_id, 0);
	assert_int_equal(w.turn_id, 0);
	assert_int_equal(w.message_count, 0);
	assert_int_equal(w.created_at, v.created_at);
	FINE(f, conversations_create(
			f->db, f->ada, &(struct conversation_patch){.title = "Mine", .model = "m"}, &v, &f->e));
	FINE(f, get(f, f->ada, v.id, &w));
	assert_string_equal(w.title, "Mine");
	assert_string_equal(w.title_state, TITLE_PERSON);
	REFUSED(f, E_NOT_FOUND, conversations_create(f->db, 4711, &(struct conversation_patch){0}, &v, &f->e));
}

static void test_another_persons_is_not_there(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, "secret");
	struct conversation_patch patch = {.title = "stolen"};
	struct conversation_list list;
	struct conversation v;

	REFUSED(f, E_NOT_FOUND, get(f, f->bob, id, &v));
	REFUSED(f, E_NOT_FOUND, conversations_update(f->db, f->bob, id, &patch, &f->e));
	REFUSED(f, E_NOT_FOUND, conversations_delete(f->db, f->bob, id, false, &f->e));
	REFUSED(f, E_NOT_FOUND, conversations_delete(f->db, f->bob, id, true, &f->e));
	begin(f, f->ada, id, "hello");
	/* Not even that an answer is being written. */
	REFUSED(f, E_NOT_FOUND, conversations_delete(f->db, f->bob, id, true, &f->e));
	FINE(f, conversations_list(f->c, f->bob, NULL, NULL, 10, &f->a, &list, &f->e));
	assert_int_equal(list.n, 0);
	FINE(f, conversations_list(f->c, f->bob, &(struct conversation_filter){.search = "secret"}, NULL, 10, &f->a,
			&list, &f->e));
	assert_int_equal(list.n, 0);
	FINE(f, get(f, f->ada, id, &v));
	assert_string_equal(v.title, "secret");
}

static void test_list_in_pages(void **state)
{
	struct fixture *f = *state;
	struct conversation_cursor after = {0};
	struct conversation_list list;
	atelier_id ids[7];
	int seen = 0;

	for (int i = 0; i < 7; i++)
		ids[i] = add_conversation(f, f->ada, "t");
	for (int page = 0; page < 4; page++) {
		FINE(f, conversations_list(f->c, f->ada, NULL, &after, 2, &f->a, &list, &f->e));
		assert_int_equal(list.n, page < 3 ? 2 : 1);
		assert_int_equal(list.more, page < 3);
		for (size_t i = 0; i < list.n; i++, seen++) {
			assert_true(list.items[i].id == ids[6 - seen]);
			after = (struct conversation_cursor){list.items[i].updated_at, list.items[i].id};
		}
	}
	FINE(f, conversations_list(f->c, f->ada, NULL, &after, 2, &f->a, &list, &f->e));
	assert_int_equal(list.n, 0);
	assert_false(list.more);
	/* What was written in last comes first, with the turn that runs in it. Last means a later millisecond. */
	FINE(f, conversations_list(f->c, f->ada, NULL, NULL, 1, &f->a, &list, &f->e));
	while (clock_now_ms() <= list.items[0].updated_at)
		;
	struct turn_begun t = begin(f, f->ada, ids[2], "hello");
	FINE(f, conversations_list(
			f->c, f->ada, &(struct conversation_filter){.search = ""}, NULL, 100, &f->a, &list, &f->e));
	assert_int_equal(list.n, 7);
	assert_true(list.items[0].id == ids[2]);
	assert_true(list.items[0].turn_id == t.turn_id);
	assert_true(list.items[1].turn_id == 0);
}

static size_t found(struct fixture *f, const char *search)
{
	struct conversation_list list;

	FINE(f, conversations_list(
			f->c, f->ada, &(struct conversation_filter){.search = search}, NULL, 10, &f->a, &list, &f->e));
	return list.n;
}

static void test_search(void **state)
{
	struct fixture *f = *state;
	char *huge = xcalloc(1, 200001);

	add_conversation(f, f->ada, "100% of it");
	add_conversation(f, f->ada, "snake_case \\ it");
	add_conversation(f, f->ada, "Bread");
	assert_int_equal(found(f, "it"), 2);
	assert_int_equal(found(f, "BREAD"), 1);
	assert_int_equal(found(f, "%"), 1);
	assert_int_equal(found(f, "_"), 1);
	assert_int_equal(found(f, "\\"), 1);
	assert_int_equal(found(f, "' OR 1=1 --"), 0);
	assert_int_equal(found(f, NULL), 3);
	memset(huge, '%', 200000);
	assert_int_equal(found(f, huge), 0);
	free(huge);
}

static void test_titles(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct conversation_patch patch = {.model = "other"};
	struct conversation v;
	bool set = false;

	FINE(f, conversations_update(f->db, f->ada, id, &patch, &f->e));
	FINE(f, get(f, f->ada, id, &v));
	assert_string_equal(v.model, "other");
	assert_string_equal(v.title_state, TITLE_PLAIN);
	FINE(f, conversations_set_title_if_plain(f->db, id, "By the model", &set, &f->e));
	assert_true(set);
	FINE(f, conversations_set_title_if_plain(f->db, id, "Again", &set, &f->e));
	assert_false(set);
	FINE(f, get(f, f->ada, id, &v));
	assert_string_equal(v.title, "By the model");
	assert_string_equal(v.title_state, TITLE_MODEL);
	patch = (struct conversation_patch){.title = "By me"};
	FINE(f, conversations_update(f->db, f->ada, id, &patch, &f->e));
	FINE(f, conversations_set_title_if_plain(f->db, id, "Again", NULL, &f->e));
	FINE(f, get(f, f->ada, id, &v));
	assert_string_equal(v.title, "By me");
	assert_string_equal(v.title_state, TITLE_PERSON);
	assert_string_equal(v.model, "other");
}

static void test_delete(void **state)
{
	struct fixture *f = *state;
	atelier_id soft = add_conversation(f, f->ada, "soft"), hard = add_conversation(f, f->ada, "hard");
	struct conversation_patch patch = {.title = "t"};
	struct turn_begun t = begin(f, f->ada, hard, "hello");
	struct conversation v;
	struct message m;

	FINE(f, conversations_delete(f->db, f->ada, soft, false, &f->e));
	REFUSED(f, E_NOT_FOUND, get(f, f->ada, soft, &v));
	REFUSED(f, E_NOT_FOUND, conversations_delete(f->db, f->ada, soft, false, &f->e));
	REFUSED(f, E_NOT_FOUND, conversations_update(f->db, f->ada, soft, &patch, &f->e));
	FINE(f, conversations_delete(f->db, f->ada, soft, true, &f->e));
	REFUSED(f, E_CONFLICT, conversations_delete(f->db, f->ada, hard, true, &f->e));
	REFUSED(f, E_CONFLICT, conversations_delete(f->db, f->ada, hard, false, &f->e));
	finish(f, t.turn_id, STATE_COMPLETE, "hi");
	FINE(f, conversations_delete(f->db, f->ada, hard, true, &f->e));
	REFUSED(f, E_NOT_FOUND, messages_get(f->c, f->ada, t.message_id, &f->a, &m, &f->e));
	assert_int_equal(number(f, "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM turns)"
				   " + (SELECT count(*) FROM conversations)"),
		0);
}

/* A branch deeper than SQLite's cascades may go. */
static void test_delete_long(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, "long");

	for (int i = 0; i < 600; i++)
		finish(f, begin(f, f->ada, id, "again").turn_id, STATE_COMPLETE, "yes");
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 1200);
	FINE(f, conversations_delete(f->db, f->ada, id, true, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_and_get),
		TEST(test_another_persons_is_not_there),
		TEST(test_list_in_pages),
		TEST(test_search),
		TEST(test_titles),
		TEST(test_delete),
		TEST(test_delete_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
