/* The reducer, the closing events, packing, and plain titles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "turn/turn_priv.h"

static void add(struct buf *b, uint64_t seq, enum event_type type, const char *json)
{
	event_add_frame(b, seq, type, json, strlen(json));
}

static void test_message(void **state)
{
	struct buf log = BUF_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, 1, EV_START, "{\"turn_id\":\"x\"}");
	add(&log, 2, EV_REASONING, "{\"text\":\"hm\"}");
	add(&log, 3, EV_TEXT, "{\"text\":\"Hel\"}");
	add(&log, 4, EV_TEXT, "{\"text\":\"lo \\\"\\u00e4\\\"\\n\"}");
	add(&log, 5, EV_TEXT, "{ \"text\" : \"!\" }");
	add(&log, 6, EV_CITATION, "{\"n\":1}");
	add(&log, 7, EV_CITATION, "{\"n\":2}");
	add(&log, 8, EV_USAGE,
		"{\"tokens_in\":3,\"tokens_out\":4,\"exact\":true,\"first_token_ms\":5,\"duration_ms\":6}");
	add(&log, 9, EV_ERROR, "{\"code\":\"provider_error\",\"message\":\"broke\",\"retryable\":true}");
	add(&log, 10, EV_DONE, "{\"state\":\"failed\",\"message_id\":\"y\",\"finish_reason\":\"stop\"}");
	assert_int_equal(reduce_log(buf_str(&log), &m, &e), 0);
	assert_string_equal(m.text.p, "Hello \"\xc3\xa4\"\n!");
	assert_string_equal(m.reasoning.p, "hm");
	assert_string_equal(m.citations.p, "[{\"n\":1},{\"n\":2}]");
	assert_int_equal(m.tokens_in, 3);
	assert_int_equal(m.tokens_out, 4);
	assert_true(m.tokens_exact);
	assert_int_equal(m.first_token_ms, 5);
	assert_int_equal(m.duration_ms, 6);
	assert_string_equal(m.error_code, "provider_error");
	assert_string_equal(m.error_text, "broke");
	assert_string_equal(m.state, "failed");
	assert_string_equal(m.finish_reason, "stop");
	assert_int_equal(m.last_seq, 10);
	reduced_done(&m);
	buf_done(&log);
}

/* What was taken for the answer was reasoning, and the reverse; later pieces are not touched. */
static void test_moved(void **state)
{
	struct buf log = BUF_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, 1, EV_REASONING, "{\"text\":\"Hm. \"}");
	add(&log, 2, EV_TEXT, "{\"text\":\"Let me see.\"}");
	add(&log, 3, EV_MOVED, "{\"to\":\"reasoning\"}");
	add(&log, 4, EV_TEXT, "{\"text\":\"Yes.\"}");
	assert_int_equal(reduce_log(buf_str(&log), &m, &e), 0);
	assert_string_equal(m.reasoning.p, "Hm. Let me see.");
	assert_string_equal(m.text.p, "Yes.");
	reduced_done(&m);
	add(&log, 5, EV_MOVED, "{\"to\":\"text\"}");
	add(&log, 6, EV_REASONING, "{\"text\":\"!\"}");
	assert_int_equal(reduce_log(buf_str(&log), &m, &e), 0);
	assert_string_equal(m.text.p, "Yes.Hm. Let me see.");
	assert_string_equal(m.reasoning.p, "!");
	reduced_done(&m);
	buf_done(&log);
}

static void test_damaged(void **state)
{
	struct reduced m;
	struct err e = {0};

	(void)state;
	assert_true(reduce_log(STR("id: 1\nevent: text\ndata: {\"text\":\"a\n\n"), &m, &e) < 0);
	reduced_done(&m);
	err_clear(&e);
	assert_int_equal(reduce_log(STR(""), &m, &e), 0);
	assert_string_equal(m.state, "");
	reduced_done(&m);
}

/* What the closing events say is what the reducer reads. */
static void test_closing(void **state)
{
	struct gen_result g = {
		.tokens_in = 12, .tokens_out = -1, .first_token_ms = 7, .duration_ms = 90, .finish_reason = "length"};
	struct closing c = {.state = STATE_FAILED,
		.message_id = 5,
		.result = &g,
		.est_in = 1,
		.est_out = 2,
		.error = E_PROVIDER,
		.error_text = "said \"no\""};
	struct buf log = BUF_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};
	uint64_t seq = 41;

	(void)state;
	closing_frames(&c, &seq, &log);
	assert_int_equal(seq, 44);
	assert_int_equal(reduce_log(buf_str(&log), &m, &e), 0);
	assert_int_equal(m.tokens_in, 12);
	assert_int_equal(m.tokens_out, 2);
	assert_false(m.tokens_exact);
	assert_string_equal(m.error_code, "provider_error");
	assert_string_equal(m.error_text, "said \"no\"");
	assert_string_equal(m.state, "failed");
	assert_string_equal(m.finish_reason, "length");
	assert_int_equal(m.last_seq, 44);
	reduced_done(&m);
	buf_done(&log);
}

/* What a call cost and who answered is told where it is known; a message is made without it. */
static void test_usage_figures(void **state)
{
	struct gen_result g = {.tokens_in = 12,
		.tokens_out = 3,
		.tokens_cached = 8,
		.tokens_reasoning = 2,
		.first_token_ms = 7,
		.duration_ms = 90,
		.finish_reason = "stop",
		.model = "other"};
	struct closing c = {
		.state = STATE_COMPLETE, .message_id = 5, .result = &g, .asked = "alias", .cost_micros = 1234};
	struct buf log = BUF_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};
	uint64_t seq = 0;

	(void)state;
	closing_frames(&c, &seq, &log);
	assert_non_null(strstr(log.p,
		"{\"tokens_in\":12,\"tokens_out\":3,\"exact\":true,\"first_token_ms\":7,\"duration_ms\":90,"
		"\"tokens_cached\":8,\"tokens_reasoning\":2,\"cost_micros\":1234,\"model\":\"other\"}\n"));
	assert_int_equal(reduce_log(buf_str(&log), &m, &e), 0);
	assert_int_equal(m.tokens_in, 12);
	assert_true(m.tokens_exact);
	reduced_done(&m);
	c.asked = "other";
	c.cost_micros = 0;
	g.tokens_cached = g.tokens_reasoning = -1;
	buf_reset(&log);
	closing_frames(&c, &seq, &log);
	assert_non_null(strstr(log.p, "\"duration_ms\":90}\n"));
	buf_done(&log);
}

static void test_pack(void **state)
{
	struct buf log = BUF_INIT(1 << 20), packed = BUF_INIT(1 << 20), back = BUF_INIT(1 << 20);

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		add(&log, i, EV_TEXT, "{\"text\":\" word\"}");
	assert_int_equal(log_pack(buf_str(&log), &packed), 0);
	assert_true(packed.n < log.n / 5);
	assert_int_equal(log_unpack(buf_str(&packed), log.n, &back), 0);
	assert_true(str_eq(buf_str(&log), buf_str(&back)));
	buf_reset(&back);
	assert_int_equal(log_unpack(buf_str(&packed), log.n + 1, &back), -EBADMSG);
	packed.n /= 2;
	assert_int_equal(log_unpack(buf_str(&packed), log.n, &back), -EBADMSG);
	buf_done(&log);
	buf_done(&packed);
	buf_done(&back);
}

static void test_plain_title(void **state)
{
	struct arena a;
	char longer[400];

	(void)state;
	arena_init(&a, 1 << 16);
	assert_string_equal(title_plain("  How do\n I   connect\tOllama? ", &a), "How do I connect Ollama?");
	assert_string_equal(title_plain(" \n", &a), "");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	assert_int_equal(strlen(title_plain(longer, &a)), TITLE_MAX);
	longer[60] = ' ';
	assert_int_equal(strlen(title_plain(longer, &a)), 60 + 3);
	for (size_t i = 0; i + 1 < sizeof longer - 1; i += 2)
		memcpy(longer + i, "\xc3\xa4", 2); /* never half a character */
	assert_true(strlen(title_plain(longer, &a)) <= TITLE_MAX);
	assert_int_equal(strlen(title_plain(longer, &a)) % 2, (TITLE_MAX - 3 - (TITLE_MAX - 3) % 2 + 3) % 2);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_closing),
		cmocka_unit_test(test_usage_figures),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_plain_title),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
