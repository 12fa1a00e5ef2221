/* The window that an Ollama's model is asked with. */
#include "streams.h"

#include <stdio.h>

#include "provider/request.h"

#define MAX_WINDOW 32768

static struct fake_target f;
static char text[400000];

static void model(int64_t trained, int64_t loaded)
{
	fake_target_init(&f, &ollama_dialect, "http://x");
	f.target.name = "m";
	f.target.model.context_length = trained;
	f.target.model.context_loaded = loaded;
}

static int64_t choose(size_t bytes, int64_t max_tokens, struct err *e)
{
	memset(text, 'a', bytes);
	text[bytes] = '\0';
	struct gen_message m = {.role = "user", .content = text};
	struct gen_request q = {.messages = &m, .n_messages = 1, .max_tokens = max_tokens};
	return context_choose(&f.target, &q, MAX_WINDOW, e);
}

static bool again(size_t bytes, int64_t sent, int status, const char *body, int *r, struct err *e)
{
	memset(text, 'a', bytes);
	text[bytes] = '\0';
	struct gen_message m = {.role = "user", .content = text};
	struct gen_request q = {.messages = &m, .n_messages = 1};
	struct http_result res = {.status = status, .error_body = BUF_INIT(4096)};
	buf_add_str(&res.error_body, body);
	bool ret = context_again(&f.target, &q, sent, MAX_WINDOW, &res, r, e);
	buf_done(&res.error_body);
	return ret;
}

static void grows_in_steps(void **state)
{
	struct err e = {0};
	(void)state;
	model(131072, 0);
	assert_int_equal(choose(100, 0, &e), 0); /* its own will do */
	assert_int_equal(choose(30000, 0, &e), 16384);
	assert_int_equal(choose(100, 0, &e), 16384); /* a smaller one would load it anew */
	assert_int_equal(choose(60000, 0, &e), 32768);
	model(131072, 8192);
	assert_int_equal(choose(100, 0, &e), 8192);
	assert_int_equal(choose(100, 9000, &e), 16384); /* the answer needs room too */
	model(6000, 0);
	assert_int_equal(choose(16000, 0, &e), 6000);
	assert_int_equal(e.code, 0);
}

static void asks_for_no_more_than_there_is(void **state)
{
	struct err e = {0};
	(void)state;
	model(8192, 0);
	assert_int_equal(choose(200000, 0, &e), E_CONTEXT_TOO_LONG);
	assert_int_equal(e.limit, 8192);
	assert_true(e.asked > 40000 && e.asked < 80000);
	assert_non_null(strstr(e.msg, "8192"));
	err_clear(&e);
	/* On the edge, it is for the server to say. */
	assert_int_equal(choose(30000, 0, &e), 8192);
	model(0, 0);
	assert_int_equal(choose(300000, 0, &e), E_CONTEXT_TOO_LONG);
	assert_int_equal(e.limit, MAX_WINDOW);
}

static int check(size_t bytes, int64_t context_tokens, struct err *e)
{
	memset(text, 'a', bytes);
	text[bytes] = '\0';
	struct gen_message m = {.role = "user", .content = text};
	struct gen_request q = {.messages = &m, .n_messages = 1, .context_tokens = context_tokens};
	return context_check(&f.target, &q, MAX_WINDOW, e);
}

/* Before anything is sent, and for any dialect; text of very long words is not refused wrongly. */
static void tells_beforehand_what_fits_nowhere(void **state)
{
	struct err e = {0};
	(void)state;
	model(8192, 0);
	assert_int_equal(check(8192 * 7, 0, &e), 0);
	assert_int_equal(check(8192 * 9, 0, &e), E_CONTEXT_TOO_LONG);
	assert_int_equal(e.limit, 8192);
	assert_true(e.asked > e.limit);
	assert_int_equal(check(8192 * 9, 16384, NULL), 0);
	model(131072, 0);
	assert_int_equal(check(MAX_WINDOW * 9, 0, NULL), E_CONTEXT_TOO_LONG); /* what the settings allow */
	fake_target_init(&f, &openai_dialect, "http://x");
	f.target.name = "m";
	assert_int_equal(check(sizeof(text) - 1, 0, NULL), 0); /* nobody knows its window */
	f.target.model.context_length = 4096;
	assert_int_equal(check(4096 * 9, 0, NULL), E_CONTEXT_TOO_LONG);
	assert_int_equal(check(4096 * 7, 0, NULL), 0);
}

static void what_a_program_says_stands(void **state)
{
	struct err e = {0};
	struct gen_request q = {.context_tokens = 2048};
	struct http_result res = {.status = 400, .error_body = BUF_INIT(4096)};
	int r = E_CONTEXT_TOO_LONG;
	(void)state;
	model(131072, 8192);
	assert_int_equal(context_choose(&f.target, &q, MAX_WINDOW, &e), 2048);
	buf_add_str(&res.error_body, "exceed_context_size");
	assert_false(context_again(&f.target, &q, 2048, MAX_WINDOW, &res, &r, &e));
	buf_done(&res.error_body);
}

static void learns_from_refusals(void **state)
{
	static const char with_figures[] = "{\"error\":{\"message\":\"x\",\"type\":\"exceed_context_size_error\","
					   "\"n_prompt_tokens\":13783,\"n_ctx\":4096}}";
	static const char without[] =
		"{\"error\":\"the prompt is longer than the context length currently available\"}";
	struct err e = {0};
	int r = E_CONTEXT_TOO_LONG;
	(void)state;
	model(131072, 0);
	assert_true(again(13000, 0, 400, with_figures, &r, &e));
	assert_int_equal(choose(13000, 0, &e), 16384); /* also what a token takes is known now */
	model(8192, 0);
	assert_false(again(13000, 8192, 400, with_figures, &r, &e));
	assert_int_equal(r, E_CONTEXT_TOO_LONG);
	assert_int_equal(e.asked, 13783);
	assert_int_equal(e.limit, 8192);
	err_clear(&e);
	/* Loaded with less than it was asked for, and no larger window is left. */
	model(16384, 0);
	assert_false(again(13000, 16384, 400, with_figures, &r, &e));
	assert_int_equal(e.limit, 4096);
	err_clear(&e);
	model(131072, 0);
	assert_true(again(1000, 0, 400, without, &r, &e));
	assert_int_equal(choose(1000, 0, &e), 4096);
	assert_true(again(1000, 4096, 400, without, &r, &e));
	assert_int_equal(choose(1000, 0, &e), 8192);
	assert_false(again(1000, 8192, 400, "{\"error\":\"no\"}", &r, &e));
	context_learn(&f.target, &(struct gen_request){.n_messages = 0}, 500); /* nothing to learn from */
}

static void memory_is_a_limit(void **state)
{
	static const char body[] =
		"{\"error\":\"model requires more system memory (9.1 GiB) than is available (4.0 GiB)\"}";
	struct err e = {0};
	int r = E_PROVIDER;
	(void)state;
	model(131072, 0);
	assert_int_equal(choose(60000, 0, &e), 32768);
	assert_false(again(60000, 32768, 500, body, &r, &e));
	assert_int_equal(r, E_CONTEXT_TOO_LONG);
	assert_int_equal(e.limit, 16384);
	err_clear(&e);
	assert_int_equal(choose(40000, 0, &e), 16384);
	model(131072, 0);
	assert_int_equal(choose(100, 0, &e), 0);
	assert_false(again(100, 0, 500, body, &r, &e)); /* the model itself is too large */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_in_steps),
		cmocka_unit_test(tells_beforehand_what_fits_nowhere),
		cmocka_unit_test(asks_for_no_more_than_there_is),
		cmocka_unit_test(what_a_program_says_stands),
		cmocka_unit_test(learns_from_refusals),
		cmocka_unit_test(memory_is_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
