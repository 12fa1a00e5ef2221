/* The tree of messages: pages of it, deleting a part, taking a branch along; folders and tags. */
#include "store_test.h"

#include "store/folders.h"
#include "store/tags.h"
#include "store/tree.h"

static atelier_id answered(struct fixture *f, atelier_id conversation, const char *text)
{
	struct turn_begun t = begin(f, f->ada, conversation, text);

	finish(f, t.turn_id, STATE_COMPLETE, "answer");
	return t.message_id;
}

static void test_long_branch(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, "Long"), last = 0;
	struct tree_fork fork = {.user_id = f->ada, .conversation_id = id};
	struct tree_cut cut = {.user_id = f->ada};
	struct tree t;
	size_t n = 0;

	for (int i = 0; i < 100; i++)
		last = answered(f, id, "question");
	do {
		FINE(f, tree_read(f->c, f->ada, id, n ? cut.message_id : 0, 64, &f->a, &t, &f->e));
		n += t.n;
		cut.message_id = t.nodes[t.n - 1].id;
	} while (t.more);
	assert_int_equal(n, 200);
	assert_int_equal(t.leaf_id, last);
	fork.message_id = last;
	FINE(f, tree_fork(f->db, &fork, &id, &f->e));
	FINE(f, tree_read(f->c, f->ada, id, 0, 1000, &f->a, &t, &f->e));
	assert_int_equal(t.n, 200);
	assert_int_equal(t.nodes[199].id, t.leaf_id);
	for (size_t i = 1; i < t.n; i++)
		assert_int_equal(t.nodes[i].parent_id, t.nodes[i - 1].id);
	/* From the first message on: all of it. */
	cut.message_id = t.nodes[0].id;
	FINE(f, tree_delete(f->db, &cut, &f->e));
	assert_int_equal(cut.messages, 200);
	assert_int_equal(cut.answers, 100);
	assert_int_equal(cut.leaf_id, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 200);
	REFUSED(f, E_NOT_FOUND, tree_delete(f->db, &cut, &f->e));
}

/* What is told of the reasoning of an answer without calls is not given again as words, and does not count. */
static void test_sizes(void **state)
{
	static const char thought[] =
		"[{\"type\":\"reasoning\",\"text\":\"Long.\"},{\"type\":\"text\",\"text\":\"Yes.\","
		"\"thoughts\":{\"provider\":\"p\",\"items\":[{\"text\":\"Long.\",\"signature\":\"eA==\"}]}}]";
	static const char called[] = "[{\"type\":\"tool_call\",\"id\":\"a\"},{\"type\":\"text\",\"text\":\"Yes.\"}]";
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, "Sizes");
	struct turn_begun first = begin(f, f->ada, id, "Hello");
	struct turn_finish in = {
		.turn_id = first.turn_id, .state = STATE_COMPLETE, .content = STR("Yes."), .parts = STR(thought)};
	struct message_size *sizes;
	size_t n;
	bool more;

	FINE(f, turns_finish(f->db, &in, &f->e));
	struct turn_begun last = begin(f, f->ada, id, "And");
	in.turn_id = last.turn_id;
	in.parts = STR(called);
	FINE(f, turns_finish(f->db, &in, &f->e));
	FINE(f, messages_sizes(f->c, id, last.message_id, 10, &f->a, &sizes, &n, &more, &f->e));
	assert_int_equal(n, 4);
	assert_int_equal(sizes[0].bytes, strlen("Hello"));
	assert_int_equal(sizes[1].bytes, strlen("Yes."));
	assert_int_equal(sizes[3].bytes, strlen(called));
}

static void test_bin(void **state)
{
	struct fixture *f = *state;
	atelier_id old = add_conversation(f, f->ada, "Old");
	int64_t n = 0;

	answered(f, old, "question");
	add_conversation(f, f->ada, "Kept");
	FINE(f, conversations_delete(f->db, f->ada, old, false, &f->e));
	FINE(f, conversations_empty_bin(f->db, 1000, 10, &n, &f->e));
	assert_int_equal(n, 0);
	FINE(f, conversations_empty_bin(f->db, INT64_MAX, 10, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM conversations"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 0);
}

static void test_folders(void **state)
{
	struct fixture *f = *state;
	struct folder in = {.user_id = f->ada,
		.name = "Stra\xc3\x9f"
			"e",
		.instructions = ""};
	atelier_id id, other;

	FINE(f, shared_create(&folders_kind, f->db, &in, &id, &f->e));
	in.name = "STRASSE";
	REFUSED(f, E_CONFLICT, shared_create(&folders_kind, f->db, &in, &other, &f->e));
	in.user_id = f->bob; /* each has names of their own */
	FINE(f, shared_create(&folders_kind, f->db, &in, &other, &f->e));
	FINE(f, folders_granted(f->c, f->ada, id, GRANT_USE, &f->e));
	REFUSED(f, E_NOT_FOUND, folders_granted(f->c, f->bob, id, GRANT_USE, &f->e));
	REFUSED(f, E_NOT_FOUND, shared_delete(&folders_kind, f->db, f->bob, id, &f->e));
	FINE(f, shared_delete(&folders_kind, f->db, f->ada, id, &f->e));
}

static void test_tags(void **state)
{
	struct fixture *f = *state;
	const char *list = "[]";
	const char *lists[] = {"[\"b\",\"A\"]", "[\"a\"]"};
	struct tag_count *counts;
	size_t n;

	FINE(f, tags_change(&list, TAGS_ADD, "quote \" and \\", 3, &f->a, &f->e));
	FINE(f, tags_change(&list, TAGS_ADD, "\xc3\x84pfel", 3, &f->a, &f->e));
	FINE(f, tags_change(&list, TAGS_ADD, "\xc3\xa4PFEL", 3, &f->a, &f->e));
	assert_string_equal(list, "[\"quote \\\" and \\\\\",\"\xc3\x84pfel\"]");
	FINE(f, tags_change(&list, TAGS_REMOVE, "QUOTE \" AND \\", 3, &f->a, &f->e));
	assert_string_equal(list, "[\"\xc3\x84pfel\"]");
	REFUSED(f, E_INVALID, tags_change(&list, TAGS_SET, "[\"1\",\"2\",\"3\",\"4\"]", 3, &f->a, &f->e));
	assert_int_equal(tags_count(lists, 2, &f->a, &counts, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(counts[0].name, "A");
	assert_int_equal(counts[0].count, 2);
}

static void compared(struct fixture *f, atelier_id id, atelier_id question, struct turn_begun t[3])
{
	struct turn_begin in = {.user_id = f->ada,
		.conversation_id = id,
		.place = question ? TURN_REGENERATE : TURN_AT_LEAF,
		.at = question,
		.content = "Which?",
		.model = "big",
		.beside = {{"small", NULL}, {"tiny", NULL}},
		.n_beside = 2};

	FINE(f, turns_begin(f->db, &in, t, &f->e));
}

static void compared_end(struct fixture *f, const struct turn_begun t[3])
{
	for (size_t i = 0; i < 3; i++)
		finish(f, t[i].turn_id, STATE_COMPLETE, "again");
}

static struct message with_siblings(struct fixture *f, atelier_id id)
{
	struct message m;

	FINE(f, messages_get(f->c, f->ada, id, &f->a, &m, &f->e));
	FINE(f, messages_add_siblings(f->c, &m, &f->a, &f->e));
	return m;
}

static void test_comparison(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add_conversation(f, f->ada, "Compared"), running[COMPARED_MAX];
	struct turn_begin more = {.user_id = f->ada, .conversation_id = id, .content = "More", .model = "big"};
	struct tree_choice keep = {.user_id = f->ada};
	struct turn_begun t[3], one;
	struct conversation v;
	struct message m;
	size_t n;

	compared(f, id, 0, t);
	assert_true(t[1].user_message_id == t[0].user_message_id && t[2].user_message_id == t[0].user_message_id);
	assert_true(t[0].turn_id != t[1].turn_id && t[1].message_id != t[2].message_id);
	m = with_siblings(f, t[1].message_id);
	assert_int_equal(m.n_siblings, 3);
	assert_int_equal(m.n_together, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(m.together[i], t[i].message_id);
	FINE(f, turns_running_in(f->c, id, running, &n, &f->e));
	assert_int_equal(n, 3);
	assert_int_equal(running[2], t[2].turn_id);
	/* As long as one of them is being written nothing begins. */
	finish(f, t[0].turn_id, STATE_COMPLETE, "one");
	finish(f, t[2].turn_id, STATE_FAILED, "three");
	REFUSED(f, E_CONFLICT, turns_begin(f->db, &more, &one, &f->e));
	finish(f, t[1].turn_id, STATE_COMPLETE, "two");
	keep.user_id = f->bob;
	keep.message_id = t[1].message_id;
	REFUSED(f, E_NOT_FOUND, tree_keep(f->db, &keep, &f->e));
	keep.user_id = f->ada;
	FINE(f, tree_keep(f->db, &keep, &f->e));
	assert_int_equal(keep.conversation_id, id);
	FINE(f, conversations_get(f->c, f->ada, id, &f->a, &v, &f->e));
	assert_int_equal(v.leaf_id, t[1].message_id);
	assert_string_equal(v.model, "small");
	assert_int_equal(v.message_count, 4);
	assert_int_equal(with_siblings(f, t[0].message_id).n_together, 0);
	REFUSED(f, E_CONFLICT, tree_keep(f->db, &keep, &f->e));
	/* A second comparison of the same question ends the first; a question below one of its answers ends it. */
	compared(f, id, t[0].user_message_id, t);
	compared_end(f, t);
	assert_int_equal(with_siblings(f, t[0].message_id).n_siblings, 6);
	assert_int_equal(with_siblings(f, t[0].message_id).n_together, 3);
	FINE(f, turns_begin(f->db, &more, &one, &f->e));
	finish(f, one.turn_id, STATE_COMPLETE, "more");
	assert_int_equal(with_siblings(f, t[2].message_id).n_together, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_long_branch), TEST(test_sizes), TEST(test_bin), TEST(test_folders),
		TEST(test_tags), TEST(test_comparison)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
