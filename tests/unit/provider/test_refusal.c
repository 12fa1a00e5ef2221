/* What refusals of many servers mean: too long a conversation with its figures, an account that is used up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider/provider_priv.h"

static void test_length(void **state)
{
	static const struct {
		const char *body;
		int64_t asked, limit;
	} cases[] = {
		{"{\"error\":{\"message\":\"This model's maximum context length is 128000 tokens. However, your "
		 "messages "
		 "resulted in 130001 tokens. Please reduce the length of the "
		 "messages.\",\"code\":\"context_length_exceeded\"}}",
			130001, 128000},
		{"{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens. However, you "
		 "requested 5000 tokens (4500 in the messages, 500 in the completion).\",\"code\":400}",
			5000, 4096},
		{"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: "
		 "210000 tokens > 200000 maximum\"}}",
			210000, 200000},
		{"{\"error\":{\"message\":\"input length and `max_tokens` exceed context limit: 190000 + 20000 > "
		 "200000\"}}",
			210000, 200000},
		{"{\"error\":{\"code\":400,\"message\":\"request (9001 tokens) exceeds the available context size "
		 "(8192 "
		 "tokens)\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":9001,\"n_ctx\":8192}}",
			9001, 8192},
		{"{\"error\":\"{\\\"error\\\":{\\\"message\\\":\\\"exceeds the available context size\\\","
		 "\\\"n_prompt_tokens\\\":13783,\\\"n_ctx\\\":4096}}\"}",
			13783, 4096},
		{"{\"error\":{\"message\":\"The input token count exceeds the maximum of 1,048,576 tokens; it is "
		 "1,200,000.\"}}",
			1200000, 1048576},
		{"{\"error\":\"the prompt is longer than the context length currently available\"}", 0, 0},
		{"{\"error\":{\"message\":\"The decoder prompt (length 5012) is longer than the maximum model length "
		 "of "
		 "4096. Make sure that `max_model_len` is no smaller than the number of text tokens.\"}}",
			5012, 4096},
		{"{\"error\":\"Trying to keep the first 5012 tokens when context the overflows. However, the model is "
		 "loaded with context length of only 4096 tokens, which is not enough.\"}",
			5012, 4096},
		{"{\"error\":{\"message\":\"gpt-4-32768 has a context window\"}}", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct err e = {0};

		assert_int_equal(refusal_code(400, str_from(cases[i].body), &e), E_CONTEXT_TOO_LONG);
		assert_int_equal(e.asked, cases[i].asked);
		assert_int_equal(e.limit, cases[i].limit);
	}
	assert_int_equal(refusal_code(401, str_from(cases[0].body), NULL), 0);
}

static void test_money(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(refusal_code(402, STR(""), &e), E_PROVIDER_QUOTA);
	assert_int_equal(refusal_code(429, STR("{\"error\":{\"code\":\"insufficient_quota\"}}"), &e), E_PROVIDER_QUOTA);
	assert_int_equal(refusal_code(400, STR("{\"error\":{\"message\":\"Your credit balance is too low\"}}"), &e),
		E_PROVIDER_QUOTA);
	assert_int_equal(refusal_code(429, STR("{\"error\":{\"message\":\"Slow down\"}}"), &e), 0);
	assert_int_equal(refusal_code(400, STR("{\"error\":\"no such field\"}"), &e), 0);
	assert_int_equal(refusal_code(500, STR(""), &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_length), cmocka_unit_test(test_money)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
