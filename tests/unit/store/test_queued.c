/* Questions that wait: their order, whose they are, how they leave. */
#include "store/queued.h"
#include "store_test.h"

static struct queued waits(struct fixture *f, atelier_id conversation, const char *text)
{
	return (struct queued){.user_id = f->ada, .conversation_id = conversation, .content = text};
}

static void test_only_while_an_answer_runs(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL), first = 1, second;
	struct queued in = waits(f, id, "b");
	struct queued_list list;
	struct turn_begun t;

	FINE(f, queued_add(f->db, &in, false, &first, &f->e));
	assert_int_equal(first, 0);
	t = begin(f, f->ada, id, "a");
	FINE(f, queued_add(f->db, &in, false, &first, &f->e));
	in.content = "c";
	in.model = "m";
	in.parameters = "{\"seed\":1}";
	in.language = "de";
	FINE(f, queued_add(f->db, &in, false, &second, &f->e));
	in.user_id = f->bob;
	REFUSED(f, E_NOT_FOUND, queued_add(f->db, &in, false, &second, &f->e));
	FINE(f, queued_list(f->c, f->ada, id, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_true(list.items[0].id == first && list.items[0].created_at > 0);
	assert_null(list.items[0].model);
	assert_string_equal(list.items[1].content, "c");
	assert_string_equal(list.items[1].model, "m");
	assert_string_equal(list.items[1].parameters, "{\"seed\":1}");
	assert_string_equal(list.items[1].language, "de");
	finish(f, t.turn_id, STATE_COMPLETE, "x");
	in.user_id = f->ada;
	FINE(f, queued_add(f->db, &in, false, &second, &f->e));
	assert_int_equal(second, 0);
}

static void test_leaves_with_its_turn(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL), other = add_conversation(f, f->ada, NULL), q, where;
	struct turn_begun t = begin(f, f->ada, id, "a");
	struct queued in = waits(f, id, "b"), row;
	struct turn_begin go = {.user_id = f->ada, .conversation_id = id, .content = "b", .model = "m"};
	struct message m;

	FINE(f, queued_add(f->db, &in, false, &q, &f->e));
	go.queued_id = q;
	assert_int_equal(turns_begin(f->db, &go, &t, &f->e), E_CONFLICT);
	err_clear(&f->e);
	FINE(f, queued_get(f->c, f->ada, q, &f->a, &row, &f->e));
	finish(f, t.turn_id, STATE_COMPLETE, "x");
	FINE(f, queued_edit(f->db, f->ada, q, "changed", &where, &f->e));
	assert_true(where == id);
	go.conversation_id = other;
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &go, &t, &f->e));
	go.conversation_id = id;
	FINE(f, turns_begin(f->db, &go, &t, &f->e));
	FINE(f, messages_get(f->c, f->ada, t.user_message_id, &f->a, &m, &f->e));
	assert_string_equal(m.content, "changed"); /* not what was read before */
	REFUSED(f, E_NOT_FOUND, queued_get(f->c, f->ada, q, &f->a, &row, &f->e));
	finish(f, t.turn_id, STATE_COMPLETE, "y");
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &go, &t, &f->e)); /* once */
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 4);
}

static void test_whose_it_is(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL), q, where;
	struct turn_begun t = begin(f, f->ada, id, "a");
	struct queued in = waits(f, id, "b"), row;
	struct queued_list list;

	FINE(f, queued_add(f->db, &in, false, &q, &f->e));
	REFUSED(f, E_NOT_FOUND, queued_list(f->c, f->bob, id, &f->a, &list, &f->e));
	REFUSED(f, E_NOT_FOUND, queued_get(f->c, f->bob, q, &f->a, &row, &f->e));
	REFUSED(f, E_NOT_FOUND, queued_edit(f->db, f->bob, q, "x", &where, &f->e));
	REFUSED(f, E_NOT_FOUND, queued_delete(f->db, f->bob, q, &where, &f->e));
	finish(f, t.turn_id, STATE_CANCELED, "");
	FINE(f, conversations_delete(f->db, f->ada, id, false, &f->e)); /* out of sight, and there again */
	REFUSED(f, E_NOT_FOUND, queued_get(f->c, f->ada, q, &f->a, &row, &f->e));
	FINE(f, conversations_restore(f->db, f->ada, id, &f->e));
	FINE(f, queued_delete(f->db, f->ada, q, &where, &f->e));
	REFUSED(f, E_NOT_FOUND, queued_first(f->c, id, &f->a, &row, &f->e));
}

static void test_has_an_end(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL), q;
	struct queued in = waits(f, id, "b");

	begin(f, f->ada, id, "a");
	for (int i = 0; i < QUEUED_MAX; i++)
		FINE(f, queued_add(f->db, &in, false, &q, &f->e));
	REFUSED(f, E_CONFLICT, queued_add(f->db, &in, false, &q, &f->e));
	FINE(f, conversations_delete(f->db, f->ada, add_conversation(f, f->ada, NULL), true, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM queued"), QUEUED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_only_while_an_answer_runs), TEST(test_leaves_with_its_turn),
		TEST(test_whose_it_is), TEST(test_has_an_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
