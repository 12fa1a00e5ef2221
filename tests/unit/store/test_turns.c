/* Turns and messages: begin, finish, continue, the branch and its pages, whose they are. */
#include <pthread.h>

#include "base/clock.h"
#include "store_test.h"

static struct message message(struct fixture *f, atelier_id id)
{
	struct message m;

	FINE(f, messages_get(f->c, f->ada, id, &f->a, &m, &f->e));
	return m;
}

static struct conversation conversation(struct fixture *f, atelier_id id)
{
	struct conversation v;

	FINE(f, conversations_get(f->c, f->ada, id, &f->a, &v, &f->e));
	return v;
}

static void test_begin(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t = begin(f, f->ada, id, "What is bread?"), again;
	struct turn_begin in = {.user_id = f->ada, .conversation_id = id, .content = "x", .model = "m"};
	struct conversation v = conversation(f, id);
	struct turn_record turn;
	struct message m;
	atelier_id running[COMPARED_MAX];
	size_t n;

	assert_true(t.first);
	assert_true(t.conversation_id == id);
	assert_true(v.leaf_id == t.message_id && v.turn_id == t.turn_id);
	assert_int_equal(v.message_count, 2);
	assert_string_equal(v.title, "What is bread?");
	assert_string_equal(v.title_state, TITLE_PLAIN);
	assert_string_equal(v.model, "big");
	assert_int_equal(v.updated_at, t.created_at);
	m = message(f, t.user_message_id);
	assert_string_equal(m.content, "What is bread?");
	assert_string_equal(m.role, MESSAGE_USER);
	assert_string_equal(m.state, STATE_COMPLETE);
	assert_true(m.parent_id == 0 && m.conversation_id == id);
	assert_null(m.model);
	m = message(f, t.message_id);
	assert_string_equal(m.content, "");
	assert_null(m.parts);
	assert_string_equal(m.role, MESSAGE_ASSISTANT);
	assert_string_equal(m.state, STATE_RUNNING);
	assert_string_equal(m.model, "big");
	assert_true(m.parent_id == t.user_message_id && m.turn_id == t.turn_id);
	assert_int_equal(turns_begin(f->db, &in, &again, &f->e), E_CONFLICT);
	assert_string_equal(f->e.msg,
		"An answer is being written in this conversation. Wait until it is complete, or stop it first.");
	err_clear(&f->e);
	assert_int_equal(conversation(f, id).message_count, 2);
	FINE(f, turns_get(f->c, f->ada, t.turn_id, &f->a, &turn, &f->e));
	assert_string_equal(turn.state, STATE_RUNNING);
	assert_string_equal(turn.model, "big");
	assert_true(turn.message_id == t.message_id && turn.user_message_id == t.user_message_id);
	assert_true(turn.user_id == f->ada && turn.conversation_id == id && !turn.continues && turn.ended_at == 0);
	FINE(f, turns_running_in(f->c, id, running, &n, &f->e));
	assert_int_equal(n, 1);
	assert_true(running[0] == t.turn_id);
}

static void test_another_persons_is_not_there(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t = begin(f, f->ada, id, "secret"), out;
	struct turn_begin in = {.user_id = f->bob, .conversation_id = id, .content = "x", .model = "m"};
	struct turn_begin go = {.user_id = f->bob, .place = TURN_GO_ON, .at = t.message_id, .model = "m"};
	struct message_list list;
	struct turn_record turn;
	struct message m;

	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &in, &out, &f->e));
	REFUSED(f, E_NOT_FOUND, turns_get(f->c, f->bob, t.turn_id, &f->a, &turn, &f->e));
	REFUSED(f, E_NOT_FOUND, messages_get(f->c, f->bob, t.message_id, &f->a, &m, &f->e));
	REFUSED(f, E_NOT_FOUND,
		messages_list(f->c, &(struct message_place){.user_id = f->bob, .conversation_id = id, .before_id = 0},
			10, &f->a, &list, &f->e));
	finish(f, t.turn_id, STATE_CANCELED, "so far");
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &go, &out, &f->e));
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &in, &out, &f->e));
	/* A message of another conversation is no way in. */
	atelier_id own = add_conversation(f, f->bob, NULL);
	REFUSED(f, E_NOT_FOUND,
		messages_list(f->c,
			&(struct message_place){.user_id = f->bob, .conversation_id = own, .before_id = t.message_id},
			10, &f->a, &list, &f->e));
	FINE(f, messages_path(f->c, own, t.message_id, 10, &f->a, &list, &f->e));
	assert_int_equal(list.n, 0);
	/* What was deleted is nobody's. */
	FINE(f, conversations_delete(f->db, f->ada, id, false, &f->e));
	in.user_id = go.user_id = f->ada;
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &in, &out, &f->e));
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &go, &out, &f->e));
	REFUSED(f, E_NOT_FOUND, turns_get(f->c, f->ada, t.turn_id, &f->a, &turn, &f->e));
	REFUSED(f, E_NOT_FOUND, messages_get(f->c, f->ada, t.message_id, &f->a, &m, &f->e));
}

static void test_finish(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t = begin(f, f->ada, id, "q");
	struct turn_finish in = {
		.turn_id = t.turn_id,
		.state = STATE_COMPLETE,
		.content = STR("Bread is food."),
		.parts = STR("[{\"type\":\"reasoning\"},{\"type\":\"text\"}]"),
		.model = "small",
		.finish_reason = "stop",
		.figures = {.tokens_in = 10,
			.tokens_out = 20,
			.tokens_cached = 5,
			.tokens_reasoning = 6,
			.cost_micros = 7,
			.first_token_ms = 30,
			.duration_ms = 400,
			.exact = true},
		.log = {"\0log\0", 5},
		.log_size = 77,
		.last_seq = 9,
	};
	struct turn_record turn;
	struct turn_log log;
	struct message m;

	FINE(f, turns_finish(f->db, &in, &f->e));
	m = message(f, t.message_id);
	assert_string_equal(m.state, STATE_COMPLETE);
	assert_string_equal(m.content, "Bread is food.");
	assert_string_equal(m.parts, "[{\"type\":\"reasoning\"},{\"type\":\"text\"}]");
	assert_string_equal(m.model, "small");
	assert_string_equal(m.finish_reason, "stop");
	assert_null(m.error_code);
	assert_true(m.figures.tokens_in == 10 && m.figures.tokens_out == 20 && m.figures.exact);
	assert_true(m.figures.tokens_cached == 5 && m.figures.tokens_reasoning == 6 && m.figures.cost_micros == 7);
	assert_true(m.figures.first_token_ms == 30 && m.figures.duration_ms == 400);
	FINE(f, turns_get(f->c, f->ada, t.turn_id, &f->a, &turn, &f->e));
	assert_string_equal(turn.state, STATE_COMPLETE);
	assert_int_equal(turn.last_seq, 9);
	assert_true(turn.ended_at >= turn.created_at);
	FINE(f, turns_log(f->c, t.turn_id, &f->a, &log, &f->e));
	assert_true(str_eq(log.data, (struct str){"\0log\0", 5}));
	assert_int_equal(log.size, 77);
	assert_int_equal(conversation(f, id).tokens_out, 20);
	assert_int_equal(conversation(f, id).turn_id, 0);
	assert_int_equal(turns_finish(f->db, &in, &f->e), E_CONFLICT);
	err_clear(&f->e);
	assert_int_equal(conversation(f, id).tokens_out, 20);
	in.turn_id = 4711;
	REFUSED(f, E_NOT_FOUND, turns_finish(f->db, &in, &f->e));
	t = begin(f, f->ada, id, "second");
	assert_false(t.first);
	in.turn_id = t.turn_id;
	in.state = "waiting"; /* which states there are is no affair of the database */
	FINE(f, turns_finish(f->db, &in, &f->e));
	assert_string_equal(message(f, t.message_id).state, "waiting");
	assert_string_equal(conversation(f, id).title, "q");
}

static void test_continue(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t = begin(f, f->ada, id, "q"), more;
	struct turn_begin go = {.user_id = f->ada, .place = TURN_GO_ON, .at = t.message_id, .model = "other"};
	struct turn_finish in = {.turn_id = t.turn_id,
		.state = STATE_FAILED,
		.content = STR("One, "),
		.error_code = "provider_error",
		.error_text = "It broke.",
		.figures = {.tokens_in = 1, .tokens_out = 2, .first_token_ms = 5, .duration_ms = 10, .exact = true}};
	struct turn_record turn;
	struct message m;

	REFUSED(f, E_CONFLICT, turns_begin(f->db, &go, &more, &f->e));
	FINE(f, turns_finish(f->db, &in, &f->e));
	assert_string_equal(message(f, t.message_id).error_text, "It broke.");
	FINE(f, turns_begin(f->db, &go, &more, &f->e));
	assert_true(more.turn_id != t.turn_id && more.message_id == t.message_id);
	assert_true(more.user_message_id == t.user_message_id && more.conversation_id == id && !more.first);
	m = message(f, t.message_id);
	assert_string_equal(m.state, STATE_RUNNING);
	assert_string_equal(m.content, "One, ");
	assert_string_equal(m.model, "other");
	assert_null(m.error_code);
	assert_true(m.turn_id == more.turn_id);
	FINE(f, turns_get(f->c, f->ada, more.turn_id, &f->a, &turn, &f->e));
	assert_true(turn.continues);
	assert_int_equal(conversation(f, id).message_count, 2);
	in = (struct turn_finish){.turn_id = more.turn_id,
		.state = STATE_COMPLETE,
		.content = STR("One, two."),
		.figures = {.tokens_in = 4, .tokens_out = 6, .first_token_ms = 5, .duration_ms = 110, .exact = true}};
	FINE(f, turns_finish(f->db, &in, &f->e));
	m = message(f, t.message_id);
	assert_string_equal(m.content, "One, two.");
	assert_string_equal(m.model, "other");
	assert_true(m.figures.tokens_in == 4 && m.figures.tokens_out == 6 && m.figures.exact);
	assert_int_equal(m.figures.duration_ms, 110);
	assert_int_equal(conversation(f, id).tokens_in, 4);
	assert_int_equal(conversation(f, id).tokens_out, 6);
	REFUSED(f, E_CONFLICT, turns_begin(f->db, &go, &more, &f->e));
	go.at = t.user_message_id;
	REFUSED(f, E_CONFLICT, turns_begin(f->db, &go, &more, &f->e));
}

static void test_continue_only_the_newest(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t = begin(f, f->ada, id, "q"), out;
	struct turn_begin go = {.user_id = f->ada, .place = TURN_GO_ON, .at = t.message_id, .model = "m"};

	finish(f, t.turn_id, STATE_INTERRUPTED, "so far");
	finish(f, begin(f, f->ada, id, "never mind").turn_id, STATE_COMPLETE, "fine");
	REFUSED(f, E_CONFLICT, turns_begin(f->db, &go, &out, &f->e));
}

static atelier_id answered(struct fixture *f, const struct turn_begin *in, atelier_id *ret_question)
{
	struct turn_begun t;

	FINE(f, turns_begin(f->db, in, &t, &f->e));
	finish(f, t.turn_id, STATE_COMPLETE, "a");
	if (ret_question)
		*ret_question = t.user_message_id;
	return t.message_id;
}

static void shown_is(struct fixture *f, atelier_id conversation_id, const atelier_id *ids, size_t n)
{
	struct message_list list;

	FINE(f, messages_list(f->c,
			&(struct message_place){.user_id = f->ada, .conversation_id = conversation_id, .before_id = 0},
			100, &f->a, &list, &f->e));
	assert_int_equal(list.n, n);
	for (size_t i = 0; i < n; i++)
		assert_true(list.items[i].id == ids[i]);
}

/* Edits and further answers stand beside the old ones; of a branch its newest leaf is shown. */
static void test_tree(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL), q1, q2, q1b, a1, a2, a1b, a1c;
	struct turn_begin in = {.user_id = f->ada, .conversation_id = id, .content = "q", .model = "m"};
	struct conversation_patch patch;
	struct message_list list;
	struct turn_begun begun;

	a1 = answered(f, &in, &q1);
	a2 = answered(f, &in, &q2);
	in.place = TURN_REGENERATE;
	in.at = a1;
	a1b = answered(f, &in, NULL);
	in.at = q1;
	a1c = answered(f, &in, NULL);
	shown_is(f, id, (atelier_id[]){q1, a1c}, 2);
	assert_int_equal(conversation(f, id).message_count, 6);
	in.place = TURN_EDIT;
	answered(f, &in, &q1b);
	FINE(f, messages_list(f->c, &(struct message_place){.user_id = f->ada, .conversation_id = id, .before_id = 0},
			100, &f->a, &list, &f->e));
	assert_int_equal(list.items[0].n_siblings, 2);
	assert_true(list.items[0].siblings[0] == q1 && list.items[0].siblings[1] == q1b);
	assert_int_equal(list.items[1].n_siblings, 1);
	patch = (struct conversation_patch){.leaf_id = a1};
	FINE(f, conversations_update(f->db, f->ada, id, &patch, &f->e));
	shown_is(f, id, (atelier_id[]){q1, a1, q2, a2}, 4);
	FINE(f, messages_list(f->c, &(struct message_place){.user_id = f->ada, .conversation_id = id, .before_id = 0},
			3, &f->a, &list, &f->e)); /* a page that begins in the middle */
	assert_int_equal(list.items[0].n_siblings, 3);
	assert_true(list.items[0].siblings[1] == a1b && list.items[0].siblings[2] == a1c);
	patch.leaf_id = q1; /* which is shown already */
	FINE(f, conversations_update(f->db, f->ada, id, &patch, &f->e));
	shown_is(f, id, (atelier_id[]){q1, a1, q2, a2}, 4);
	patch.leaf_id = q1b;
	FINE(f, conversations_update(f->db, f->ada, id, &patch, &f->e));
	patch.leaf_id = q1;
	FINE(f, conversations_update(f->db, f->ada, id, &patch, &f->e));
	shown_is(f, id, (atelier_id[]){q1, a1c}, 2);
	in.place = TURN_BELOW;
	in.at = q1;
	REFUSED(f, E_INVALID, turns_begin(f->db, &in, &begun, &f->e));
	in.place = TURN_EDIT;
	in.at = a1;
	REFUSED(f, E_INVALID, turns_begin(f->db, &in, &begun, &f->e));
	in.conversation_id = add_conversation(f, f->ada, NULL);
	REFUSED(f, E_NOT_FOUND, turns_begin(f->db, &in, &begun, &f->e));
	REFUSED(f, E_NOT_FOUND, conversations_update(f->db, f->ada, in.conversation_id, &patch, &f->e));
	REFUSED(f, E_NOT_FOUND, conversations_update(f->db, f->bob, id, &patch, &f->e));
	assert_true(conversation(f, in.conversation_id).leaf_id == 0);
}

static void test_path_and_pages(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL), ids[10], before = 0;
	struct message_list list;
	int left = 10;

	FINE(f, messages_list(f->c, &(struct message_place){.user_id = f->ada, .conversation_id = id, .before_id = 0},
			5, &f->a, &list, &f->e));
	assert_int_equal(list.n, 0);
	for (int i = 0; i < 5; i++) {
		struct turn_begun t = begin(f, f->ada, id, "q");

		finish(f, t.turn_id, STATE_COMPLETE, "a");
		ids[2 * i] = t.user_message_id;
		ids[2 * i + 1] = t.message_id;
	}
	FINE(f, messages_path(f->c, id, ids[9], SIZE_MAX, &f->a, &list, &f->e));
	assert_int_equal(list.n, 10);
	assert_false(list.more);
	for (int i = 0; i < 10; i++)
		assert_true(list.items[i].id == ids[i]);
	FINE(f, messages_path(f->c, id, ids[4], 3, &f->a, &list, &f->e));
	assert_int_equal(list.n, 3);
	assert_true(list.more);
	assert_true(list.items[0].id == ids[2] && list.items[2].id == ids[4]);
	while (left > 0) {
		FINE(f, messages_list(f->c,
				&(struct message_place){.user_id = f->ada, .conversation_id = id, .before_id = before},
				4, &f->a, &list, &f->e));
		assert_int_equal(list.n, MIN(left, 4));
		assert_int_equal(list.more, left > 4);
		left -= (int)list.n;
		for (size_t i = 0; i < list.n; i++)
			assert_true(list.items[i].id == ids[(size_t)left + i]);
		before = list.items[0].id;
	}
	FINE(f, messages_list(f->c,
			&(struct message_place){.user_id = f->ada, .conversation_id = id, .before_id = ids[0]}, 4,
			&f->a, &list, &f->e));
	assert_int_equal(list.n, 0);
}

static void test_found_running_at_start(void **state)
{
	struct fixture *f = *state;
	atelier_id one = add_conversation(f, f->ada, NULL), two = add_conversation(f, f->bob, NULL);
	struct turn_begun t = begin(f, f->ada, one, "q"), u = begin(f, f->bob, two, "q");
	struct turn_record_list list;

	FINE(f, turns_running(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_true(list.items[0].id == t.turn_id && list.items[1].id == u.turn_id);
	assert_true(list.items[1].user_id == f->bob);
	finish(f, t.turn_id, STATE_INTERRUPTED, "");
	FINE(f, turns_running(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 1);
}

struct racer {
	struct fixture *f;
	pthread_t thread;
	atelier_id conversation;
	int r;
};

static void *race(void *arg)
{
	struct racer *k = arg;
	struct turn_begin in = {
		.user_id = k->f->ada, .conversation_id = k->conversation, .content = "me first", .model = "m"};
	struct turn_begun out;

	k->r = turns_begin(k->f->db, &in, &out, NULL);
	return NULL;
}

static void test_one_answer_at_a_time(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct racer k[6];
	int won = 0;

	for (int i = 0; i < 6; i++) {
		k[i] = (struct racer){.f = f, .conversation = id};
		assert_int_equal(pthread_create(&k[i].thread, NULL, race, &k[i]), 0);
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(k[i].thread, NULL);
		assert_true(k[i].r == 0 || k[i].r == E_CONFLICT);
		won += k[i].r == 0;
	}
	assert_int_equal(won, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 2);
}

/* The log goes, what the message says stays; a running turn is left alone. */
static void test_old_logs(void **state)
{
	struct fixture *f = *state;
	atelier_id one = add_conversation(f, f->ada, "one"), two = add_conversation(f, f->ada, "two"), after = 0;
	struct turn_begun done = begin(f, f->ada, one, "hello");
	struct turn_finish in = {.turn_id = done.turn_id,
		.state = STATE_COMPLETE,
		.content = STR("kept"),
		.log = STR("log"),
		.log_size = 3};
	int64_t n, now = clock_now_ms();

	FINE(f, turns_finish(f->db, &in, &f->e));
	begin(f, f->ada, two, "runs");
	FINE(f, turns_delete_logs(f->db, &after, now - 86400000, 100, &n, &f->e));
	assert_int_equal(n, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM turns WHERE log IS NOT NULL"), 1);
	FINE(f, turns_delete_logs(f->db, &after, now + 86400000, 1, &n, &f->e));
	assert_int_equal(n, 1);
	FINE(f, turns_delete_logs(f->db, &after, now + 86400000, 100, &n, &f->e));
	assert_int_equal(n, 1);
	FINE(f, turns_delete_logs(f->db, &after, now + 86400000, 100, &n, &f->e));
	assert_int_equal(n, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM turns WHERE log IS NOT NULL"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM messages WHERE content = 'kept'"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM turns WHERE state = 'running'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_begin),
		TEST(test_another_persons_is_not_there),
		TEST(test_finish),
		TEST(test_continue),
		TEST(test_continue_only_the_newest),
		TEST(test_tree),
		TEST(test_path_and_pages),
		TEST(test_found_running_at_start),
		TEST(test_old_logs),
		TEST(test_one_answer_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
