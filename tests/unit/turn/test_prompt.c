/* Prompts: a branch and nothing beside it, each beginning like the one of the turn before. */
#include "../store/store_test.h"

#include "turn/turn_priv.h"

struct built {
	struct turns all;
	struct settings settings;
	struct turn turn;
};

static void build(struct fixture *f, struct built *b, const struct turn_begun *of, bool continues)
{
	const struct turn_request q = {.place = continues ? TURN_GO_ON : TURN_REGENERATE, .at = of->user_message_id};
	struct conversation v;

	*b = (struct built){.all = {.db = f->db, .settings = &b->settings}};
	b->turn = (struct turn){.magic = TURN_MAGIC,
		.all = &b->all,
		.user_id = f->ada,
		.ids = {of->turn_id, of->conversation_id, of->user_message_id, of->message_id},
		.continues = continues,
		.model = "m"};
	arena_init(&b->turn.arena, TURN_ARENA_BYTES);
	FINE(f, conversations_get(f->c, f->ada, of->conversation_id, &b->turn.arena, &v, &f->e));
	FINE(f, prompt_plan(&b->turn, &q, &v, &f->e));
	assert_int_equal(prompt_build(&b->turn), 0);
}

/* The messages as ROLE:CONTENT, with a blank between. */
static void prompt_is(const struct built *b, const char *expected)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(1 << 20);

	for (size_t i = 0; i < b->turn.request.n_messages; i++) {
		const struct gen_message *m = &b->turn.request.messages[i];
		buf_printf(&all, "%s%s:%s", i ? " " : "", m->role, m->content);
	}
	assert_string_equal(buf_str(&all).p, expected);
}

static void test_branch(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun first = begin(f, f->ada, id, "q1"), second, other;
	struct turn_begin in = {.user_id = f->ada, .conversation_id = id, .model = "m"};
	struct built b;

	build(f, &b, &first, false);
	prompt_is(&b, "user:q1");
	arena_done(&b.turn.arena);
	finish(f, first.turn_id, STATE_COMPLETE, "a1");
	second = begin(f, f->ada, id, "q2");
	build(f, &b, &second, false);
	prompt_is(&b, "user:q1 assistant:a1 user:q2");
	assert_false(b.turn.request.continues);
	arena_done(&b.turn.arena);
	finish(f, second.turn_id, STATE_FAILED, "");
	/* Nothing came of it: it is left out. */
	other = begin(f, f->ada, id, "q3");
	build(f, &b, &other, false);
	prompt_is(&b, "user:q1 assistant:a1 user:q2 user:q3");
	arena_done(&b.turn.arena);
	finish(f, other.turn_id, STATE_COMPLETE, "a3");
	/* What stands beside the branch is no part of it. */
	in.place = TURN_EDIT;
	in.at = second.user_message_id;
	in.content = "q2 again";
	FINE(f, turns_begin(f->db, &in, &other, &f->e));
	build(f, &b, &other, false);
	prompt_is(&b, "user:q1 assistant:a1 user:q2 again");
	arena_done(&b.turn.arena);
	finish(f, other.turn_id, STATE_COMPLETE, "a2");
	in.place = TURN_REGENERATE;
	in.at = first.message_id;
	in.content = NULL;
	FINE(f, turns_begin(f->db, &in, &other, &f->e));
	build(f, &b, &other, false);
	prompt_is(&b, "user:q1");
	arena_done(&b.turn.arena);
}

static void test_goes_on(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t = begin(f, f->ada, id, "q"), more;
	struct turn_begin go = {.user_id = f->ada, .place = TURN_GO_ON, .at = t.message_id, .model = "m"};
	struct built b;

	finish(f, t.turn_id, STATE_INTERRUPTED, "Half");
	FINE(f, turns_begin(f->db, &go, &more, &f->e));
	build(f, &b, &more, true);
	prompt_is(&b, "user:q assistant:Half");
	assert_true(b.turn.request.continues);
	assert_string_equal(b.turn.before->content, "Half");
	arena_done(&b.turn.arena);
}

/* Of a very long branch the newest messages are sent, beginning with a question. */
static void test_long_branch(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_begun t;
	struct built b;

	for (int i = 0; i < 505; i++) {
		t = begin(f, f->ada, id, "q");
		if (i < 504)
			finish(f, t.turn_id, STATE_COMPLETE, "a");
	}
	build(f, &b, &t, false);
	assert_int_equal(b.turn.request.n_messages, 999);
	assert_string_equal(b.turn.request.messages[0].role, MESSAGE_USER);
	assert_string_equal(b.turn.request.messages[998].role, MESSAGE_USER);
	arena_done(&b.turn.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_branch), TEST(test_goes_on), TEST(test_long_branch)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
