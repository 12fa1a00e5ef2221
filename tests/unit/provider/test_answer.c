/* What the dialects share of an answer: halves of characters, figures, ends, and parts of content. */
#include "streams.h"

#include <stdio.h>

#define OL(message)      "{\"message\":{" message "},\"done\":false}\n"
#define OL_DONE(figures) "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"" figures "}\n"
#define OA(delta)        "data: {\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n\n"
#define OA_END(reason)   "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define OA_DONE          "data: [DONE]\n\n"
#define AN(delta)        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{" delta "}}\n\n"
#define AN_STOP(reason)  "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}}\n\n"
#define AN_END           "data: {\"type\":\"message_stop\"}\n\n"
#define SMILE            "\xf0\x9f\x98\x80"
#define LOST             "\xef\xbf\xbd"
#define UMLAUT           "\xc3\xa4"

/* A character cut over two pieces as the escapes of its surrogates. */
static void halves_of_characters(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&ollama_dialect,
		OL("\"content\":\"a\\ud83d\"") OL("\"content\":\"\\ude00b\"") OL("\"thinking\":\"\\ud83d\"")
			OL("\"thinking\":\"\\ude00\"") OL_DONE(""));
	assert_string_equal(o.text, "a" SMILE "b");
	assert_string_equal(o.reasoning, SMILE);

	o = stream_everywhere(&openai_dialect,
		OA("\"content\":\"\\ud83d\"") OA("\"content\":\"\"") OA("\"reasoning\":\"x\\uD83D\"")
			OA("\"content\":\"\\ude00\"") OA("\"reasoning\":\"\\uDE00\"") OA_END("stop") OA_DONE);
	assert_string_equal(o.text, SMILE);
	assert_string_equal(o.reasoning, "x" SMILE);

	o = stream_everywhere(&anthropic_dialect,
		AN("\"type\":\"text_delta\",\"text\":\"\\ud83d\"") AN("\"type\":\"text_delta\",\"text\":\"\\ude00\"")
			AN_STOP("end_turn") AN_END);
	assert_string_equal(o.text, SMILE);

	/* Without the other half; and what looks like our marks, in a line that needs none of them. */
	o = stream_everywhere(&openai_dialect, OA("\"content\":\"\\ud83d\"") OA("\"content\":\"x\\ude00y\"")
						       OA("\"content\":\"\\ud83d\"") OA_END("stop") OA_DONE);
	assert_string_equal(o.text, LOST "x" LOST "y" LOST);
	o = stream_everywhere(&openai_dialect, OA("\"content\":\"\xf4\x8f\x80\xbd\"") OA_END("stop") OA_DONE);
	assert_string_equal(o.text, "\xf4\x8f\x80\xbd");
}

#define CALL(function) "\"tool_calls\":[{\"index\":0,\"function\":{" function "}}]"

static void halves_in_arguments(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&openai_dialect,
		OA(CALL("\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"\\ud83d\""))
			OA(CALL("\"arguments\":\"\\ude00\\\"}\"")) OA_END("tool_calls") OA_DONE);
	assert_string_equal(o.tools, "0 MADE f {\"a\":\"" SMILE "\"}\n");
	/* The arguments before the name, and the half in the first event. */
	o = stream_everywhere(&openai_dialect,
		OA(CALL("\"arguments\":\"{\\\"a\\\":\\\"\\ud83d\""))
			OA(CALL("\"name\":\"f\",\"arguments\":\"\\ude00\\\"}\"")) OA_END("tool_calls") OA_DONE);
	assert_string_equal(o.tools, "0 MADE f {\"a\":\"" SMILE "\"}\n");
}

/* What is said of a call beside the usual: with its first event where it is known by then, else by itself, and once. */
static void extras_of_calls(void **state)
{
	static const char stream[] =
		OA("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"},\"sig\":{\"x\":1},\"n\":"
		   "null}]") OA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"},\"sig\":{\"x\":1}}]")
			OA("\"tool_calls\":[{\"index\":0,\"late\":[2]}]")
				OA("\"tool_calls\":[{\"index\":7,\"of\":\"no call\"}]") OA_END("tool_calls") OA_DONE;
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	(void)state;
	sink_init(&m, true);
	answer_init(&s, &openai_dialect, "Fake", &m.sink, &e);
	s.provider = "fake";
	assert_true(answer_feed(&s, stream, sizeof(stream) - 1) >= 0);
	assert_true(answer_finish(&s) >= 0);
	answer_done(&s);
	assert_non_null(strstr(m.events.p, "{\"index\":0,\"id\":\"a\",\"name\":\"f\",\"extras\":{\"provider\":\"fake\","
					   "\"members\":{\"sig\":{\"x\":1}}}}"));
	assert_non_null(strstr(m.events.p,
		"{\"index\":0,\"extras\":{\"provider\":\"fake\",\"members\":{\"sig\":{\"x\":1},\"late\":[2]}}}"));
	assert_null(strstr(m.events.p, "no call"));
	assert_null(strstr(strstr(m.events.p, "late") + 1, "extras"));
	sink_done(&m);
}

/* Those that change with each piece are told as they come only so far, and as they are when the answer ends. */
static void extras_without_end(void **state)
{
	static const char head[] = OA("\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}}]"),
			  tail[] = OA_END("tool_calls") OA_DONE;
	char filler[20001], piece[20400];
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	sink_init(&m, true);
	answer_init(&s, &openai_dialect, "Fake", &m.sink, &e);
	s.provider = "fake";
	assert_true(answer_feed(&s, head, sizeof(head) - 1) >= 0);
	for (int i = 0; i < 100; i++) {
		int n = snprintf(
			piece, sizeof(piece), OA("\"tool_calls\":[{\"index\":0,\"n\":%d,\"sig\":\"%s\"}]"), i, filler);
		assert_true(answer_feed(&s, piece, (size_t)n) >= 0);
	}
	assert_true(answer_feed(&s, tail, sizeof(tail) - 1) >= 0);
	assert_true(answer_finish(&s) >= 0);
	answer_done(&s);
	assert_true(m.events.n < 400000);
	assert_non_null(strstr(m.events.p, "\"n\":0,"));
	assert_non_null(strstr(m.events.p, "\"n\":99,"));
	sink_done(&m);
}

static void figures(void **state)
{
	static const struct {
		const char *figure;
		long long is;
	} all[] = {{"7", 7}, {"0", 0}, {"-1", -1}, {"2.9", 2}, {"\"12\"", 12}, {"\"x\"", -1}, {"\"\"", -1},
		{"null", -1}, {"true", -1}, {"[]", -1}, {"9223372036854775807", COUNT_MAX},
		{"99999999999999999999999", COUNT_MAX}, {"1e30", COUNT_MAX}, {"1e999", COUNT_MAX}, {"-1e999", -1},
		{"1e-999", 0}, {"NaN", -1}, {"-Infinity", -1}, {"Infinity", -1}, {"\"inf\"", COUNT_MAX},
		{"\"nan\"", -1}};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		char stream[1024];
		snprintf(stream, sizeof(stream),
			OL("\"content\":\"x\"") "{\"done\":true,\"eval_count\":%s,\"prompt_eval_count\":%s}\n",
			all[i].figure, all[i].figure);
		struct outcome o = stream_run(&ollama_dialect, stream, strlen(stream), 0, 7);
		if (o.r != 0 || o.in != all[i].is || o.out != all[i].is)
			fail_msg("%s became %lld, %d %s", all[i].figure, o.out, o.r, o.error);
		snprintf(stream, sizeof(stream),
			OA("\"content\":\"x\"")
				OA_END("stop") "data: {\"usage\":{\"prompt_tokens\":%s,\"completion_tokens\":%s,"
					       "\"completion_tokens_details\":{\"reasoning_tokens\":%s}}}\n\n" OA_DONE,
			all[i].figure, all[i].figure, all[i].figure);
		o = stream_run(&openai_dialect, stream, strlen(stream), 0, 7);
		if (o.r != 0 || o.in != all[i].is || o.out != all[i].is || o.thought != all[i].is)
			fail_msg("%s became %lld, %d %s", all[i].figure, o.out, o.r, o.error);
		snprintf(stream, sizeof(stream),
			"data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":%s,"
			"\"cache_read_input_tokens\":%s,\"cache_creation_input_tokens\":%s,\"output_tokens\":%s}}}"
			"\n\n" AN("\"type\":\"text_delta\",\"text\":\"x\"") AN_STOP("end_turn") AN_END,
			all[i].figure, all[i].figure, all[i].figure, all[i].figure);
		o = stream_run(&anthropic_dialect, stream, strlen(stream), 0, 7);
		if (o.r != 0 || o.in != MIN(3 * all[i].is, COUNT_MAX) / (all[i].is < 0 ? 3 : 1) || o.out != all[i].is)
			fail_msg("%s became %lld and %lld, %d %s", all[i].figure, o.in, o.out, o.r, o.error);
	}
}

static void an_error_behind_the_end(void **state)
{
	static const char error[] = "data: {\"error\":{\"message\":\"late\"}}\n\n";
	char stream[1024];
	(void)state;
	snprintf(stream, sizeof(stream), "%s%s", OA("\"content\":\"all\"") OA_END("stop"), error);
	struct outcome o = stream_everywhere(&openai_dialect, stream);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "all");
	assert_string_equal(o.reason, "stop");
	o = stream_everywhere(&openai_dialect,
		OA("\"content\":\"all\"") OA_END("length") "event: error\ndata: {\"message\":\"late\"}\n\n");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.reason, "length");
	o = stream_everywhere(&anthropic_dialect,
		AN("\"type\":\"text_delta\",\"text\":\"all\"") AN_STOP(
			"end_turn") "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"late\"}}\n\n");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "all");
	/* Before it, an error is one. */
	snprintf(stream, sizeof(stream), "%s%s%s", OA("\"content\":\"half\""), error, OA_END("stop"));
	o = stream_everywhere(&openai_dialect, stream);
	assert_int_equal(o.r, E_PROVIDER);
}

static void broken_off(void **state)
{
	static const char *const words[] = {"UPSTREAM_FAILURE", "tool_timeout", "client_disconnect", "error", "abort",
		"network_error", "cancelled", "MALFORMED_FUNCTION_CALL", "insufficient_system_resource", "OTHER",
		"UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "preempted",
		"connection_closed", "FINISH_REASON_UNSPECIFIED"};
	char stream[1024], error[128];
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		snprintf(stream, sizeof(stream),
			OA("\"content\":\"half\"") "data: "
						   "{\"choices\":[{\"delta\":{},\"finish_reason\":\"%s\"}]}"
						   "\n\n" OA_DONE,
			words[i]);
		struct outcome o = stream_everywhere(&openai_dialect, stream);
		assert_int_equal(o.r, E_PROVIDER_BROKEN);
		assert_string_equal(o.text, "half");
		snprintf(error, sizeof(error), "Fake broke the answer off (%s).", words[i]);
		assert_string_equal(o.error, error);
	}
	static const char *const filters[] = {"SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST",
		"IMAGE_SAFETY", "MODEL_ARMOR", "LANGUAGE", "content_filtered"};
	struct outcome o;
	for (size_t i = 0; i < N_ELEMENTS(filters); i++) {
		snprintf(stream, sizeof(stream),
			OA("\"content\":\"half\"") "data: "
						   "{\"choices\":[{\"delta\":{},\"finish_reason\":\"%s\"}]}"
						   "\n\n" OA_DONE,
			filters[i]);
		o = stream_everywhere(&openai_dialect, stream);
		assert_int_equal(o.r, 0);
		assert_string_equal(o.reason, "content_filter");
	}
	o = stream_everywhere(&openai_dialect, OA("\"content\":\"half\"") OA_END("MAX_TOKENS") OA_DONE);
	assert_string_equal(o.reason, "length");
	o = stream_everywhere(&openai_dialect, OA("\"content\":\"half\"") OA_END("something_new") OA_DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.reason, "something_new");
}

/* Reasoning beside the content under its many names, and as parts of it. */
static void thoughts_of_all_shapes(void **state)
{
	static const char *const fields[] = {"\"reasoning_content\":\"Hm.\"", "\"reasoning\":\"Hm.\"",
		"\"reasoning\":\"Hm.\",\"reasoning_content\":\"Hm.\"",
		"\"reasoning\":\"Hm.\",\"reasoning_content\":\"\"", "\"reasoning\":{\"content\":\"Hm.\"}",
		"\"reasoning_content\":[{\"type\":\"text\",\"text\":\"Hm.\"}]", "\"thinking\":\"Hm.\"",
		"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"Hm.\",\"index\":0}]",
		("\"reasoning\":null,\"reasoning_details\":[{\"type\":\"reasoning.summary\",\"summary\":\"Hm.\"},"
		 "{\"type\":\"reasoning.encrypted\",\"data\":\"xx\"}]"),
		"\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"Hm.\",\"signature\":\"s\"}]",
		"\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"Hm.\"}]}]",
		"\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm.\"},{\"type\":\"redacted_thinking\",\"data\":"
		"\"x\"}]",
		"\"content\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Hm.\"}]}]",
		"\"content\":[{\"text\":\"Hm.\",\"thought\":true}]"};
	char stream[2048];
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
		snprintf(stream, sizeof(stream),
			"data: {\"choices\":[{\"delta\":{%s}}]}\n\n" OA("\"content\":\"Yes.\"") OA_END("stop") OA_DONE,
			fields[i]);
		struct outcome o = stream_everywhere(&openai_dialect, stream);
		if (strcmp(o.reasoning, "Hm.") != 0 || strcmp(o.text, "Yes.") != 0)
			fail_msg("%s became %s and %s", fields[i], o.reasoning, o.text);
		snprintf(stream, sizeof(stream), "{\"message\":{%s},\"done\":false}\n%s", fields[i],
			OL("\"content\":\"Yes.\"") OL_DONE(""));
		o = stream_everywhere(&ollama_dialect, stream);
		if (strcmp(o.reasoning, "Hm.") != 0 || strcmp(o.text, "Yes.") != 0)
			fail_msg("%s became %s and %s", fields[i], o.reasoning, o.text);
	}
	struct outcome o = stream_everywhere(
		&openai_dialect, OA("\"content\":[{\"type\":\"text\",\"text\":\"Y\"},{\"type\":\"text\",\"text\":{"
				    "\"value\":\"es\"}},\".\"]") OA_END("stop") OA_DONE);
	assert_string_equal(o.text, "Yes.");
}

/* Where nobody reads along, the texts of one piece are one event, and what comes between them keeps its place. */
static void gathered_texts(void **state)
{
	static const char first[] = OA("\"content\":\"a\"") OA("\"content\":\"\\u00e4\"") OA("\"reasoning\":\"r\"")
		OA("\"content\":\"b\"") "data: {\"choices\":[{\"delta\":{\"con",
			  rest[] = "tent\":\"c\"}}]}\n\n" OA_END("stop") OA_DONE;
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	(void)state;
	sink_init(&m, true);
	answer_init(&s, &openai_dialect, "Fake", &m.sink, &e);
	s.gathers = true;
	assert_true(answer_feed(&s, first, sizeof(first) - 1) >= 0);
	assert_non_null(strstr(m.events.p, "{\"text\":\"a" UMLAUT "\"}"));
	assert_non_null(strstr(strstr(m.events.p, "{\"text\":\"r\"}"), "{\"text\":\"b\"}"));
	assert_true(answer_feed(&s, rest, sizeof(rest) - 1) >= 0);
	assert_true(answer_finish(&s) >= 0);
	assert_string_equal(m.text.p, "a" UMLAUT "bc");
	assert_int_equal(s.pieces, 5); /* they count as they came */
	answer_done(&s);
	sink_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathered_texts),
		cmocka_unit_test(halves_of_characters),
		cmocka_unit_test(halves_in_arguments),
		cmocka_unit_test(extras_of_calls),
		cmocka_unit_test(extras_without_end),
		cmocka_unit_test(figures),
		cmocka_unit_test(an_error_behind_the_end),
		cmocka_unit_test(broken_off),
		cmocka_unit_test(thoughts_of_all_shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
