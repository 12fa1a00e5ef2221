/* The reducer, the closing events, packing, and plain titles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "turn/turn_priv.h"

static void add(struct frames *f, enum event_type type, const char *json)
{
	assert_int_equal(frames_add(f, type, json, strlen(json)), 0);
}

/* All bytes of a log as one text. */
static char *text_of(const struct frames *f)
{
	struct buf b = BUF_INIT(f->bytes);

	for (const struct chunk *c = f->first; c; c = c->next)
		buf_add(&b, c->p, c->n);
	return buf_take(&b);
}

static void test_message(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, EV_START, "{\"turn_id\":\"x\"}");
	add(&log, EV_REASONING, "{\"text\":\"hm\"}");
	add(&log, EV_TEXT, "{\"text\":\"Hel\"}");
	add(&log, EV_TEXT, "{\"text\":\"lo \\\"\\u00e4\\\"\\n\"}");
	add(&log, EV_TEXT, "{ \"text\" : \"!\" }");
	add(&log, EV_CITATION, "{\"n\":1}");
	add(&log, EV_CITATION, "{\"n\":2,\"url\":\"/\",\"quote\":\"q\"}");
	add(&log, EV_CITATION, "{\"n\":1,\"title\":\"A\"}");
	add(&log, EV_USAGE,
		"{\"tokens_in\":3,\"tokens_out\":4,\"tokens_cached\":2,\"cost_micros\":9,\"exact\":true,"
		"\"first_token_ms\":5,\"duration_ms\":6}");
	add(&log, EV_ERROR, "{\"code\":\"provider_error\",\"message\":\"broke\",\"retryable\":true}");
	add(&log, EV_DONE, "{\"state\":\"failed\",\"message_id\":\"y\",\"finish_reason\":\"stop\"}");
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.content.p, "Hello \"\xc3\xa4\"\n!");
	assert_string_equal(m.json.p, "[{\"type\":\"reasoning\",\"text\":\"hm\"},"
				      "{\"type\":\"text\",\"text\":\"Hello \\\"\xc3\xa4\\\"\\n!\"},"
				      "{\"type\":\"citation\",\"n\":1,\"title\":\"A\",\"url\":\"\",\"quote\":\"\"},"
				      "{\"type\":\"citation\",\"n\":2,\"title\":\"\",\"url\":\"/\",\"quote\":\"q\"}]");
	assert_int_equal(m.figures.tokens_in, 3);
	assert_int_equal(m.figures.tokens_out, 4);
	assert_int_equal(m.figures.tokens_cached, 2);
	assert_int_equal(m.figures.cost_micros, 9);
	assert_true(m.figures.exact);
	assert_int_equal(m.figures.first_token_ms, 5);
	assert_int_equal(m.figures.duration_ms, 6);
	assert_string_equal(m.error_code, "provider_error");
	assert_string_equal(m.error_text, "broke");
	assert_string_equal(m.state, "failed");
	assert_string_equal(m.finish_reason, "stop");
	assert_int_equal(m.last_seq, 11);
	reduced_done(&m);
	frames_done(&log);
}

/* The parts of a log, and what a message of `before` becomes by it. */
static void parts_are(const struct message *before, const struct frames *log, const char *json)
{
	struct reduced m;
	struct err e = {0};

	assert_int_equal(reduce_log(before, log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.json.n ? m.json.p : "", json);
	reduced_done(&m);
}

#define TEXT(words)      "{\"type\":\"text\",\"text\":\"" words "\"}"
#define REASONING(words) "{\"type\":\"reasoning\",\"text\":\"" words "\"}"

/* What was taken for the answer was reasoning, and the reverse; later pieces are not touched. */
static void test_moved(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);

	(void)state;
	add(&log, EV_TEXT, "{\"text\":\"Hm. \"}");
	add(&log, EV_REASONING, "{\"text\":\"Let me \"}");
	add(&log, EV_TEXT, "{\"text\":\"see.\"}");
	add(&log, EV_MOVED, "{\"to\":\"reasoning\"}");
	add(&log, EV_TEXT, "{\"text\":\"Yes.\"}");
	parts_are(NULL, &log, "[" REASONING("Hm. Let me see.") "," TEXT("Yes.") "]");
	add(&log, EV_MOVED, "{\"to\":\"text\"}");
	add(&log, EV_REASONING, "{\"text\":\"!\"}");
	parts_are(NULL, &log, "[" TEXT("Hm. Let me see.Yes.") "," REASONING("!") "]");
	frames_done(&log);
}

#define CALL(id, name, arguments, rest)                                                                                \
	"{\"type\":\"tool_call\",\"id\":\"" id "\",\"name\":\"" name "\",\"arguments\":\"" arguments "\"," rest "}"
#define OPEN               "\"result\":null,\"failed\":false"
#define ROUND(n)           ",\"round\":" #n
#define THOUGHTS(n, round) "\"thoughts\":{\"provider\":\"p\",\"items\":[" #n "],\"round\":" #round "}"

/* Calls of two rounds, whose indexes begin anew; what a later round moves is its own. */
static void test_rounds(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);

	(void)state;
	add(&log, EV_TEXT, "{\"text\":\"Look. \"}");
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"id\":\"a\",\"name\":\"f\"}");
	add(&log, EV_TOOL_CALL, "{\"index\":1,\"id\":\"b\",\"name\":\"g\",\"arguments\":\"{}\"}");
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"arguments\":\"{ }\"}");
	parts_are(NULL, &log,
		"[" TEXT("Look. ") "," CALL("a", "f", "{ }", OPEN ROUND(1)) "," CALL(
			"b", "g", "{}", OPEN ROUND(1)) "]");
	add(&log, EV_TOOL_RESULT, "{\"id\":\"b\",\"result\":\"no\",\"failed\":true}");
	add(&log, EV_TOOL_RESULT, "{\"id\":\"a\",\"result\":\"\"}");
	add(&log, EV_TOOL_RESULT, "{\"id\":\"nobody\",\"result\":\"x\"}");
	add(&log, EV_TEXT, "{\"text\":\"So\"}");
	add(&log, EV_MOVED, "{\"to\":\"reasoning\"}");
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"id\":\"c\",\"name\":\"f\",\"arguments\":\"[\"}");
	parts_are(NULL, &log,
		"[" TEXT("Look. ") "," CALL("a", "f", "{ }", "\"result\":\"\",\"failed\":false" ROUND(1)) "," CALL(
			"b", "g", "{}", "\"result\":\"no\",\"failed\":true" ROUND(1)) "," REASONING("So") "," CALL("c",
			"f", "[", OPEN ROUND(2)) "]");
	frames_done(&log);
}

/* What is said of the reasoning is with the last of its own round; of one that said and called nothing it is with nothing. */
static void test_thoughts(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);

	(void)state;
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"}");
	add(&log, EV_THOUGHTS, "{\"provider\":\"p\",\"items\":[1]}");
	add(&log, EV_TOOL_RESULT, "{\"id\":\"a\",\"result\":\"\"}");
	add(&log, EV_THOUGHTS, "{\"provider\":\"p\",\"items\":[2]}");
	parts_are(NULL, &log,
		"[" CALL("a", "f", "{}",
			"\"result\":\"\",\"failed\":false" ROUND(
				1) ",\"thoughts\":{\"provider\":\"p\",\"items\":[1]}") "]");
	frames_done(&log);
	/* Words are of a round, too, with the calls before them or behind these. */
	log = FRAMES_INIT(1 << 16);
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"}");
	add(&log, EV_REASONING, "{\"text\":\"Hm\"}");
	add(&log, EV_THOUGHTS, "{\"provider\":\"p\",\"items\":[1]}");
	add(&log, EV_TOOL_RESULT, "{\"id\":\"a\",\"result\":\"\"}");
	add(&log, EV_TEXT, "{\"text\":\"So\"}");
	add(&log, EV_THOUGHTS, "{\"provider\":\"p\",\"items\":[2]}");
	parts_are(NULL, &log,
		"[" CALL("a", "f", "{}",
			"\"result\":\"\",\"failed\":false" ROUND(
				1)) ",{\"type\":\"reasoning\",\"text\":\"Hm\"," THOUGHTS(1,
			1) "},{\"type\":\"text\","
			   "\"text\":\"So\"," THOUGHTS(2, 2) "}]");
	frames_done(&log);
}

/* A turn that goes on: its words join the last ones, its sources and results take the place of older ones, what it moves is
 * its own, and what both took adds up. */
static void test_goes_on(void **state)
{
	static const char had[] = "[" TEXT("One, ") "," CALL("w", "ask", "{}",
		OPEN) ",{\"type\":\"citation\",\"n\":1,\"title\":\"old\",\"url\":\"\",\"quote\":\"\"}]";
	const struct message before = {.content = "One, ",
		.parts = had,
		.figures = {
			.tokens_in = 10, .tokens_out = 5, .cost_micros = 7, .first_token_ms = 3, .duration_ms = 50}};
	const struct message plain = {.content = "One, "};
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, EV_TEXT, "{\"text\":\"two\"}");
	parts_are(&plain, &log, "");
	add(&log, EV_CITATION, "{\"n\":1,\"title\":\"new\"}");
	add(&log, EV_TOOL_RESULT, "{\"id\":\"w\",\"result\":\"yes\"}");
	add(&log, EV_USAGE,
		"{\"tokens_in\":1,\"tokens_out\":2,\"exact\":true,\"cost_micros\":3,\"first_token_ms\":9,\"duration_"
		"ms\":8,"
		"\"model\":\"other\"}");
	assert_int_equal(reduce_log(&before, &log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.json.p,
		"[" TEXT("One, ") "," CALL("w", "ask", "{}",
			"\"result\":\"yes\",\"failed\":false") ",{\"type\":\"citation\",\"n\":1,\"title\":\"new\","
							       "\"url\":\"\",\"quote\":\"\"}," TEXT("two") "]");
	assert_string_equal(m.content.p, "One, two");
	assert_string_equal(m.model, "other");
	assert_true(m.figures.tokens_in == 11 && m.figures.tokens_out == 7 && m.figures.cost_micros == 10);
	assert_true(m.figures.first_token_ms == 3 && m.figures.duration_ms == 58);
	assert_false(m.figures.exact); /* not all of it is */
	reduced_done(&m);
	frames_done(&log);
	add(&log, EV_TEXT, "{\"text\":\"hm\"}");
	add(&log, EV_MOVED, "{\"to\":\"reasoning\"}");
	parts_are(&plain, &log, "[" TEXT("One, ") "," REASONING("hm") "]");
	frames_done(&log);
}

/* What a call has besides its result: its tool, what a person said to it, what the tool asked, what it made. */
static void test_members(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);

	(void)state;
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"}");
	add(&log, EV_APPROVAL,
		"{\"id\":\"a\",\"name\":\"f\",\"title\":\"F\",\"arguments\":\"{}\",\"effect\":\"writes\",\"expires_"
		"at\":9}");
	add(&log, EV_DONE, "{\"state\":\"waiting\"}");
	parts_are(NULL, &log,
		"[" CALL("a", "f", "{}",
			OPEN ROUND(1) ",\"title\":\"F\",\"approval\":{\"effect\":\"writes\",\"expires_at\":9}") "]");
	add(&log, EV_APPROVAL,
		"{\"id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\",\"effect\":\"writes\",\"expires_at\":9,\"decision\":"
		"\"once\"}");
	add(&log, EV_TOOL_START, "{\"id\":\"a\",\"source\":\"builtin\",\"at\":5}");
	add(&log, EV_QUESTION, "{\"id\":\"q\",\"call_id\":\"a\",\"from\":\"F\",\"message\":\"?\"}");
	add(&log, EV_QUESTION,
		"{\"id\":\"q\",\"call_id\":\"a\",\"from\":\"F\",\"message\":\"?\",\"action\":\"accept\"}");
	add(&log, EV_TOOL_PROGRESS, "{\"id\":\"a\",\"progress\":1}");
	add(&log, EV_TOOL_RESULT,
		"{\"id\":\"a\",\"result\":\"r\",\"structured\":{\"n\":1},\"files\":[],\"cut\":true,\"duration_ms\":7}");
	add(&log, EV_DONE, "{\"state\":\"complete\"}");
	add(&log, EV_TEXT, "{\"text\":\"nothing comes behind the end\"}");
	parts_are(NULL, &log,
		"[" CALL("a", "f", "{}",
			"\"result\":\"r\",\"failed\":false" ROUND(
				1) ",\"title\":\"F\",\"approval\":{\"effect\":\"writes\","
				   "\"expires_at\":9,\"decision\":\"once\"},\"source\":\"builtin\",\"questions\":[{"
				   "\"id\":\"q\",\"from\":"
				   "\"F\",\"message\":\"?\",\"action\":\"accept\"}],\"structured\":{\"n\":1},\"cut\":"
				   "true,"
				   "\"duration_ms\":7") "]");
	frames_done(&log);
}

/* Before and behind a wait for a person: figures add up, and what is moved is of this side of it. */
static void test_waits(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, EV_TEXT, "{\"text\":\"May I?\"}");
	add(&log, EV_USAGE, "{\"tokens_in\":5,\"tokens_out\":2,\"exact\":true,\"first_token_ms\":4,\"duration_ms\":6}");
	add(&log, EV_DONE, "{\"state\":\"waiting\",\"finish_reason\":\"tool_calls\"}");
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.state, "waiting");
	assert_string_equal(m.finish_reason, "tool_calls");
	assert_int_equal(m.figures.tokens_in, 5);
	reduced_done(&m);
	add(&log, EV_TEXT, "{\"text\":\"Hm.\"}");
	add(&log, EV_MOVED, "{\"to\":\"reasoning\"}");
	add(&log, EV_USAGE, "{\"tokens_in\":7,\"tokens_out\":1,\"exact\":true,\"first_token_ms\":9,\"duration_ms\":1}");
	add(&log, EV_DONE, "{\"state\":\"complete\"}");
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.json.p, "[" TEXT("May I?") "," REASONING("Hm.") "]");
	assert_string_equal(m.state, "complete");
	assert_string_equal(m.finish_reason, "");
	assert_true(m.figures.tokens_in == 12 && m.figures.tokens_out == 3 && m.figures.exact);
	assert_true(m.figures.first_token_ms == 4 && m.figures.duration_ms == 7);
	reduced_done(&m);
	frames_done(&log);
}

/* What an agent says that was called as a tool interrupts nothing of the answer, and is none of its content. */
static void test_agents(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, EV_TOOL_CALL, "{\"index\":0,\"id\":\"a\",\"name\":\"ask\"}");
	add(&log, EV_TEXT, "{\"text\":\"On\"}");
	add(&log, EV_TEXT, "{\"text\":\"Tw\",\"parent\":\"a\"}");
	add(&log, EV_TEXT, "{\"text\":\"e\"}");
	add(&log, EV_TEXT, "{\"text\":\"o\",\"parent\":\"a\"}");
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.content.p, "One");
	assert_string_equal(m.json.p, "[" CALL("a", "ask", "", OPEN ROUND(1)) "," TEXT(
					      "One") ",{\"type\":\"text\",\"parent\":\"a\",\"text\":\"Two\"}]");
	reduced_done(&m);
	frames_done(&log);
}

/* A model that changes its mind at every word makes no endless list. */
static void test_many_parts(void **state)
{
	struct frames log = FRAMES_INIT(1 << 20);
	struct reduced m;
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		add(&log, EV_TEXT, "{\"text\":\"a\"}");
		add(&log, EV_REASONING, "{\"text\":\"b\"}");
	}
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_int_equal(m.parts.n, 1000);
	assert_int_equal(m.content.n, 3000);
	reduced_done(&m);
	frames_done(&log);
}

static void test_damaged(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);
	struct buf half = BUF_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	buf_add_str(&half, "id: 1\nevent: text\ndata: {\"text\":\"a\n\n");
	assert_int_equal(frames_take(&log, &half), 0);
	assert_true(reduce_log(NULL, &log, 0, NULL, &m, &e) < 0);
	reduced_done(&m);
	frames_done(&log);
	err_clear(&e);
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_string_equal(m.state, "");
	reduced_done(&m);
}

/* Whatever a provider reports, sums of it can be made and stored. */
static void test_figures_are_bounded(void **state)
{
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	add(&log, EV_USAGE,
		"{\"tokens_in\":9223372036854775807,\"tokens_out\":-5,\"first_token_ms\":1e300,\"duration_ms\":"
		"9223372036854775807}");
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_int_equal(m.figures.tokens_in, GEN_FIGURE_MAX);
	assert_int_equal(m.figures.tokens_out, 0);
	assert_true(m.figures.first_token_ms >= 0 && m.figures.first_token_ms <= GEN_FIGURE_MAX);
	assert_int_equal(m.figures.duration_ms, GEN_FIGURE_MAX);
	reduced_done(&m);
	frames_done(&log);
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
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};

	(void)state;
	log.last_seq = 41;
	assert_int_equal(closing_frames(&c, &log), 0);
	assert_int_equal(log.last_seq, 44);
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_int_equal(m.figures.tokens_in, 12);
	assert_int_equal(m.figures.tokens_out, 2);
	assert_false(m.figures.exact);
	assert_string_equal(m.error_code, "provider_error");
	assert_string_equal(m.error_text, "said \"no\"");
	assert_string_equal(m.state, "failed");
	assert_string_equal(m.finish_reason, "length");
	assert_int_equal(m.last_seq, 44);
	reduced_done(&m);
	frames_done(&log);
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
	struct frames log = FRAMES_INIT(1 << 16);
	struct reduced m;
	struct err e = {0};
	char *text;

	(void)state;
	assert_int_equal(closing_frames(&c, &log), 0);
	text = text_of(&log);
	assert_non_null(strstr(text,
		"{\"tokens_in\":12,\"tokens_out\":3,\"exact\":true,\"first_token_ms\":7,\"duration_ms\":90,"
		"\"tokens_cached\":8,\"tokens_reasoning\":2,\"cost_micros\":1234,\"model\":\"other\"}\n"));
	assert_int_equal(reduce_log(NULL, &log, 0, NULL, &m, &e), 0);
	assert_int_equal(m.figures.tokens_in, 12);
	assert_true(m.figures.exact);
	reduced_done(&m);
	c.asked = "other";
	c.cost_micros = 0;
	g.tokens_cached = g.tokens_reasoning = -1;
	free(text);
	frames_done(&log);
	assert_int_equal(closing_frames(&c, &log), 0);
	text = text_of(&log);
	assert_non_null(strstr(text, "\"duration_ms\":90}\n"));
	free(text);
	frames_done(&log);
}

static void test_pack(void **state)
{
	struct frames log = FRAMES_INIT(1 << 20), closing = FRAMES_INIT(1 << 20), back = FRAMES_INIT(1 << 20);
	struct buf packed = BUF_INIT(1 << 20);

	(void)state;
	for (int i = 1; i <= 1000; i++)
		add(&log, EV_TEXT, "{\"text\":\" word\"}");
	closing.last_seq = log.last_seq;
	add(&closing, EV_DONE, "{}");
	size_t size = log.bytes + closing.bytes;
	assert_int_equal(log_pack(&log, &closing, &packed), 0);
	assert_true(packed.n < size / 5);
	assert_int_equal(log_unpack(buf_str(&packed), size, &back), 0);
	assert_int_equal(back.last_seq, 1001);
	assert_int_equal(back.bytes, size);
	frames_join(&log, &closing);
	char *before = text_of(&log), *after = text_of(&back);
	assert_string_equal(before, after);
	free(before);
	free(after);
	assert_int_equal(log_unpack(buf_str(&packed), size + 1, &back), -EBADMSG);
	packed.n /= 2;
	assert_int_equal(log_unpack(buf_str(&packed), size, &back), -EBADMSG);
	frames_done(&log);
	frames_done(&back);
	buf_done(&packed);
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

static void test_title_clean(void **state)
{
	static const struct {
		const char *answer, *name; /* NULL: none */
	} all[] = {{".NET and C#", ".NET and C#"}, {"__init__.py in packages", "__init__.py in packages"},
		{"__init__", "__init__"}, {"#include order", "#include order"}, {"`printf`", "`printf`"},
		{"`printf` explained", "`printf` explained"}, {"*args", "*args"},
		{"\"Round Apples\"\n", "Round Apples"}, {"**Title:** Round Apples", "Round Apples"},
		{"**Title: Round Apples**", "Round Apples"}, {"Title: \"Round Apples\".", "Round Apples"},
		{"**Round Apples**", "Round Apples"}, {"# Round Apples", "Round Apples"},
		{"*Round Apples*", "Round Apples"},
		{"\xe2\x80\x9eRunde \xc3\x84pfel\xe2\x80\x9c", "Runde \xc3\x84pfel"},
		{"\xc2\xab Pommes rondes \xc2\xbb", "Pommes rondes"},
		{"\xe3\x80\x8c\xe6\x9e\x97\xe6\xaa\x8e\xe3\x80\x8d", "\xe6\x9e\x97\xe6\xaa\x8e"},
		{"\xe6\xa0\x87\xe9\xa2\x98\xef\xbc\x9a\xe8\x8b\xb9\xe6\x9e\x9c", "\xe8\x8b\xb9\xe6\x9e\x9c"},
		{"Titel: Runde \xc3\x84pfel", "Runde \xc3\x84pfel"}, {"{\"title\": \"Round Apples\"}", "Round Apples"},
		{"```json\n{\"title\":\"Round Apples\"}\n```", "Round Apples"},
		{"Here is a title:\n\n**Round Apples**", "Round Apples"},
		{"Sure! Here is a title: Round Apples", "Round Apples"}, {"\"A\" and \"B\"", "\"A\" and \"B\""},
		{"C++: templates", "C++: templates"}, {"Name mangling", "Name mangling"}, {"", NULL}, {"\n \n", NULL},
		{"```\n```", NULL}, {"<think>", NULL}};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		const char *name = title_clean(str_from(all[i].answer), false, &a);
		if (!name != !all[i].name || (name && strcmp(name, all[i].name) != 0))
			fail_msg("%s became %s", all[i].answer, name ? name : "nothing");
	}
	assert_null(title_clean(STR("The history of round"), true, &a));
	assert_string_equal(title_clean(STR("Round Apples\nThey are"), true, &a), "Round Apples");
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_title_clean),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_thoughts),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_agents),
		cmocka_unit_test(test_many_parts),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_figures_are_bounded),
		cmocka_unit_test(test_closing),
		cmocka_unit_test(test_usage_figures),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_plain_title),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
