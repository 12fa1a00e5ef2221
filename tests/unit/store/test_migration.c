/* A database of the version before, made by code, becomes one of this version: nothing of its chats is lost. */
#include "store_test.h"

#define VERSION_BEFORE 7

/* A conversation with a plain answer, one that has all that answers had, and one that was running at the stop. */
static const char chats_of_before[] =
	"INSERT INTO users (id, name, display_name, password_hash, role, created_at, updated_at, folded)"
	" VALUES (1, 'ada', 'Ada', 'x', 'admin', 1, 1, 'ada');"
	"INSERT INTO conversations (id, user_id, title, head_id, message_count, tokens_in, tokens_out, created_at, "
	"updated_at)"
	" VALUES (10, 1, 'Bread', 105, 6, 11, 7, 1, 9), (11, 1, 'Empty', NULL, 0, 0, 0, 1, 1);"
	"INSERT INTO messages (id, conversation_id, parent_id, turn_id, role, state, model, error_code, error_text,"
	" finish_reason, tokens_in, tokens_out, tokens_exact, first_token_ms, duration_ms, created_at, citations, "
	"content,"
	" reasoning) VALUES"
	" (100, 10, NULL, NULL, 'user', 'complete', NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 1, NULL, 'What is "
	"\"bread\"?', ''),"
	" (101, 10, 100, 201, 'assistant', 'complete', 'm', NULL, NULL, 'stop', 11, 7, 1, 5, 50, 2, NULL, 'Food.', ''),"
	" (102, 10, 101, NULL, 'user', 'complete', NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 3, NULL, 'Sure?', ''),"
	" (103, 10, 102, 203, 'assistant', 'failed', 'm', 'provider_error', 'It broke.', NULL, 0, 0, 0, 0, 0, 4,"
	"  '[{\"n\":1,\"title\":\"Bäcker\",\"url\":\"/b\",\"quote\":\"a \\\"q\\\"\"},{\"n\":2}]', 'Yes [1]', "
	"'Hm,\nwell'),"
	" (104, 10, 103, NULL, 'user', 'complete', NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 5, NULL, 'And?', ''),"
	" (105, 10, 104, 205, 'assistant', 'running', 'm', NULL, NULL, NULL, 3, 2, 1, 4, 9, 6, NULL, 'So far', "
	"'thought');"
	"INSERT INTO turns (id, conversation_id, user_id, user_message_id, message_id, model, continues, state, "
	"last_seq,"
	" created_at, ended_at, log_size, log) VALUES"
	" (201, 10, 1, 100, 101, 'm', 0, 'complete', 9, 2, 3, 4, x'00ff'),"
	" (203, 10, 1, 102, 103, 'm', 0, 'failed', 9, 2, 3, 0, NULL),"
	" (205, 10, 1, 104, 105, 'm', 1, 'running', 0, 6, NULL, 0, NULL);";

static int run_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	const char *at = chats_of_before;
	int r = 0;

	for (const char *end; r == 0 && (end = strstr(at, ";")); at = end + 1) {
		CLEANUP(freep) char *one = strndup(at, (size_t)(end - at));
		r = db_exec_params(c, NULL, e, one, NULL, 0);
	}
	return r;
}

static int setup_before(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct db_migration *m;
	char path[96];
	size_t n;

	strcpy(f->folder, "/tmp/atelier-store-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(path, sizeof(path), "%s/atelier.db", f->folder);
	const struct db_config config = {.path = path, .readers = 2};
	m = store_migrations(&n);
	FINE(f, db_open(&config, m, VERSION_BEFORE, &f->db, &f->e));
	FINE(f, db_write(f->db, run_in, NULL, &f->e));
	db_close(f->db);
	FINE(f, db_open(&config, m, n, &f->db, &f->e));
	f->c = db_acquire(f->db);
	arena_init(&f->a, 1u << 20);
	f->ada = 1;
	*state = f;
	return 0;
}

static void test_chats_of_before(void **state)
{
	struct fixture *f = *state;
	struct message_list list;
	struct message *m;
	struct conversation v;

	FINE(f, conversations_get(f->c, f->ada, 10, &f->a, &v, &f->e));
	assert_true(v.leaf_id == 105 && v.turn_id == 205 && v.message_count == 6 && v.tokens_out == 7);
	FINE(f, conversations_get(f->c, f->ada, 11, &f->a, &v, &f->e));
	assert_true(v.leaf_id == 0);
	FINE(f, messages_list(f->c, &(struct message_place){.user_id = f->ada, .conversation_id = 10, .before_id = 0},
			100, &f->a, &list, &f->e));
	assert_int_equal(list.n, 6);
	m = list.items;
	assert_string_equal(m[0].content, "What is \"bread\"?");
	assert_string_equal(m[0].role, MESSAGE_USER);
	assert_null(m[0].parts);
	assert_string_equal(m[1].content, "Food.");
	assert_null(m[1].parts);
	assert_true(m[1].figures.tokens_in == 11 && m[1].figures.exact && m[1].figures.duration_ms == 50);
	assert_true(m[1].turn_id == 201 && m[1].parent_id == 100 && m[1].created_at == 2);
	assert_string_equal(m[3].state, STATE_FAILED);
	assert_string_equal(m[3].error_text, "It broke.");
	assert_string_equal(m[3].content, "Yes [1]");
	assert_string_equal(m[3].parts,
		"[{\"type\":\"reasoning\",\"text\":\"Hm,\\nwell\"},{\"type\":\"text\",\"text\":\"Yes [1]\"},"
		"{\"type\":\"citation\",\"n\":1,\"title\":\"Bäcker\",\"url\":\"/b\",\"quote\":\"a \\\"q\\\"\"},"
		"{\"type\":\"citation\",\"n\":2,\"title\":\"\",\"url\":\"\",\"quote\":\"\"}]");
	assert_string_equal(m[5].content, "So far");
	assert_string_equal(m[5].state, STATE_RUNNING);
}

/* The turn that the last run left is found, and ends as any other. */
static void test_turns_of_before(void **state)
{
	struct fixture *f = *state;
	struct turn_record_list running;
	struct turn_begun begun;
	struct turn_log log;
	struct turn_begin in = {.user_id = 1, .conversation_id = 10, .content = "x", .model = "m"};

	FINE(f, turns_log(f->c, 201, &f->a, &log, &f->e));
	assert_true(str_eq(log.data, (struct str){"\0\xff", 2}));
	FINE(f, turns_running(f->c, &f->a, &running, &f->e));
	assert_int_equal(running.n, 1);
	assert_true(running.items[0].id == 205 && running.items[0].continues);
	REFUSED(f, E_CONFLICT, turns_begin(f->db, &in, &begun, &f->e));
	finish(f, 205, STATE_INTERRUPTED, "So far and on");
	FINE(f, turns_begin(f->db, &in, &begun, &f->e));
	FINE(f, conversations_delete(f->db, 1, 11, true, &f->e));
	finish(f, begun.turn_id, STATE_COMPLETE, "y");
	FINE(f, conversations_delete(f->db, 1, 10, true, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM messages"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM turns"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chats_of_before, setup_before, teardown),
		cmocka_unit_test_setup_teardown(test_turns_of_before, setup_before, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
