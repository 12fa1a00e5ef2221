/* The dialects, byte by byte: what a stream of bytes becomes, wherever it was cut. */
#include "streams.h"

#include <stdio.h>

#define OL(content)                                                                                                    \
	"{\"model\":\"m\",\"created_at\":\"2026-11-20T10:00:00.1Z\",\"message\":{\"role\":\"assistant\",\"content\":"  \
	"\"" content "\"},\"done\":false}\n"
#define OL_DONE                                                                                                        \
	"{\"model\":\"m\",\"created_at\":\"x\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,"   \
	"\"done_reason\":\"stop\",\"total_duration\":5,\"prompt_eval_count\":11,\"eval_count\":3}\n"
#define OA(content)                                                                                                    \
	"data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"" content                    \
	"\"}}],\"created\":1,\"id\":\"c\",\"model\":\"m\",\"object\":\"chat.completion.chunk\"}\n\n"
#define OA_STOP "data: {\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}],\"usage\":null}\n\n"
#define OA_DONE "data: [DONE]\n\n"

static void ollama_answers(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(
		&ollama_dialect, OL("Hel") OL("") OL("lo \\\"w\\\"\\n") OL("\\u003cb\\u003e") OL_DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "Hello \"w\"\n<b>");
	assert_string_equal(o.reason, "stop");
	assert_int_equal(o.in, 11);
	assert_int_equal(o.out, 3);

	/* CRLF, blank lines, an end without a line end, and a done line with the last text in it. */
	o = stream_everywhere(&ollama_dialect,
		"{\"message\":{\"content\":\"a\"},\"done\":false}\r\n\r\n"
		"{\"message\":{\"content\":\"b\"},\"done\":true,\"done_reason\":\"length\"}");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "ab");
	assert_string_equal(o.reason, "length");
	assert_int_equal(o.in, -1);
	assert_int_equal(o.out, -1);

	o = stream_everywhere(&ollama_dialect, "{\"message\":{\"content\":\"\",\"thinking\":\"Hm\"},\"done\":false}\n"
					       "{\"message\":{\"thinking\":\"?\"},\"done\":false}\n" OL("Yes") OL_DONE);
	assert_string_equal(o.reasoning, "Hm?");
	assert_string_equal(o.text, "Yes");
}

static void ollama_failures(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&ollama_dialect, OL("half") "{\"error\":\"out of memory\"}\n");
	assert_int_equal(o.r, E_PROVIDER);
	assert_string_equal(o.text, "half");
	assert_string_equal(o.error, "Fake reported: out of memory");

	o = stream_everywhere(&ollama_dialect, OL("half"));
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
	assert_string_equal(o.text, "half");
	o = stream_everywhere(&ollama_dialect, "");
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
	o = stream_everywhere(&ollama_dialect, "<html>no</html>\n");
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
	/* What follows the end is nobody's. */
	o = stream_everywhere(&ollama_dialect, OL("x") OL_DONE "garbage\n");
	assert_int_equal(o.r, 0);
}

static void openai_answers(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&openai_dialect,
		": ping\n\n"
		"data: "
		"{\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}"
		"]}\n\n" OA("Hel") OA("lo\\n") OA_STOP "data: "
						       "{\"choices\":[],\"usage\":{\"prompt_tokens\":51,\"completion_"
						       "tokens\":6,\"total_tokens\":57}}\n\n" OA_DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "Hello\n");
	assert_string_equal(o.reason, "stop");
	assert_int_equal(o.in, 51);
	assert_int_equal(o.out, 6);

	/* Without [DONE] but with a reason; CR only; data without its blank; an event of two lines. */
	o = stream_everywhere(&openai_dialect,
		"data:{\"choices\":[{\"index\":0,\ndata:\"delta\":{\"content\":\"two\"}}]}\n\n"
		"data:{\"choices\":[{\"delta\":{\"content\":\" lines\"},\"finish_reason\":\"length\"}]}\r\r");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "two lines");
	assert_string_equal(o.reason, "length");

	/* Both names of reasoning are the same text; parts; refusal. */
	o = stream_everywhere(&openai_dialect,
		"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\",\"reasoning\":\"Hm\"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"reasoning\":\"m\"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"A\"}]}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\n" OA_DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.reasoning, "Hmm");
	assert_string_equal(o.text, "Ano");

	/* The whole answer in one piece, over several lines. */
	o = stream_everywhere(&openai_dialect, "\n{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\n\"message\":{"
					       "\"role\":\"assistant\",\"content\":\"All\"}}],\n"
					       "\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":2}}\n");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "All");
	assert_int_equal(o.out, 1);
}

static void openai_failures(void **state)
{
	static const char *const errors[] = {
		"data: {\"error\":{\"message\":\"Boom\",\"code\":500}}\n\n",
		"data: {\"error\":\"Boom\"}\n\n",
		"data: {\"object\":\"error\",\"message\":\"Boom\",\"code\":40303}\n\n",
		"data: {\"detail\":\"Boom\"}\n\n",
		"data: {\"detail\":[{\"msg\":\"Boom\"}]}\n\n",
		"event: error\ndata: {\"message\":\"Boom\"}\n\n",
		"data: "
		"{\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\",\"error\":{\"message\":"
		"\"Boom\"}}]}\n\n",
		"{\"error\":{\"message\":\"Boom\"}}",
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
		struct outcome o = stream_everywhere(&openai_dialect, errors[i]);
		assert_int_equal(o.r, E_PROVIDER);
		assert_string_equal(o.error, "Fake reported: Boom");
	}
	/* What programs go by is kept. */
	struct outcome o = stream_everywhere(
		&openai_dialect, "data: {\"error\":{\"message\":\"Boom\",\"code\":\"content_filter\"}}\n\n");
	assert_int_equal(o.r, E_PROVIDER_REJECTED);
	assert_string_equal(o.code, "content_filter");
	o = stream_everywhere(&openai_dialect, OA("half"));
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
	assert_string_equal(o.text, "half");
	o = stream_everywhere(&openai_dialect, OA("half") "data: {\"choices\":[{\"del\n\n");
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
	assert_string_equal(o.text, "half");
	o = stream_everywhere(&openai_dialect, "<!DOCTYPE html>\n<p>Sign in</p>\n");
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
}

/* As llama-server really sends it: a character in two halves, each in a chunk of its own, and raw control characters. */
static void bytes_that_are_not_utf8(void **state)
{
	(void)state;
	struct outcome o =
		stream_everywhere(&openai_dialect, OA("\xef\xbf\xbd\xd9\x81") OA("\xd9") OA("R") OA_STOP OA_DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "\xef\xbf\xbd\xd9\x81\xef\xbf\xbdR");
	o = stream_everywhere(
		&ollama_dialect, OL("a\xf0\x9f") OL("\\ud83d") OL("\\u0000\x01") OL("\\ud83d\\ude00") OL_DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x01\xf0\x9f\x98\x80");
}

static void escape(const char *in, char *out)
{
	for (; *in; in++) {
		if (*in == '\n')
			*out++ = '\\', *out++ = 'n';
		else
			*out++ = *in;
	}
	*out = '\0';
}

static void check_think(const char *answer, const char *reasoning, const char *text)
{
	size_t n = strlen(answer);
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b++) {
			char part[3][256], escaped[3][512], ol[4096], oa[4096];
			snprintf(part[0], 256, "%.*s", (int)a, answer);
			snprintf(part[1], 256, "%.*s", (int)(b - a), answer + a);
			snprintf(part[2], 256, "%s", answer + b);
			for (int i = 0; i < 3; i++)
				escape(part[i], escaped[i]);
			snprintf(
				ol, sizeof(ol), OL("%s") OL("%s") OL("%s") OL_DONE, escaped[0], escaped[1], escaped[2]);
			snprintf(oa, sizeof(oa), OA("%s") OA("%s") OA("%s") OA_STOP OA_DONE, escaped[0], escaped[1],
				escaped[2]);
			struct outcome o = stream_run(&ollama_dialect, ol, strlen(ol), strlen(ol), 0);
			struct outcome p = stream_run(&openai_dialect, oa, strlen(oa), strlen(oa), 0);
			assert_int_equal(o.r, 0);
			assert_string_equal(o.reasoning, reasoning);
			assert_string_equal(o.text, text);
			assert_int_equal(p.r, 0);
			assert_string_equal(p.reasoning, reasoning);
			assert_string_equal(p.text, text);
		}
}

static void think_tags(void **state)
{
	(void)state;
	check_think("<think>\nA <b> or </thin\n</think>\n\nYes <think>", "A <b> or </thin\n", "Yes <think>");
	check_think("\n <think></think>\n\nNo", "", "No");
	check_think("<think>never ends </thi", "never ends </thi", "");
	check_think("<thing> is not a tag", "", "<thing> is not a tag");
	check_think("  plain </think> text", "", "  plain </think> text");
	check_think(" <th", "", " <th");
	check_think("<p>", "", "<p>");
}

/* ---- scanner and full parser agree ---- */

/* The line with a member put first that the scanner does not know, which sends it to the full parser. */
static struct outcome by_parser(const struct dialect *d, const char *line, size_t n)
{
	char other[1024];
	const char *brace = memchr(line, '{', n);
	size_t k = (size_t)(brace + 1 - line);
	memcpy(other, line, k);
	memcpy(other + k, "\"zz\":1,", 7);
	memcpy(other + k + 7, line + k, n - k);
	return stream_run(d, other, n + 7, n + 7, 0);
}

static void compare(const struct dialect *d, const char *line, size_t n)
{
	const char *brace = memchr(line, '{', n);
	if (!brace || (size_t)(brace - line) > 6 || memmem(line, n, "{}", 2))
		return;
	struct outcome a = stream_run(d, line, n, n, 0), b = by_parser(d, line, n);
	stream_same(&a, &b);
}

static const char *const tricky[][2] = {
	{"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\\\"done\\\":true\"},\"done\":false}",
		"\"done\":true"},
	{"{\"model\":\"a\\\"content\\\":\\\"no\",\"message\":{\"content\":\"yes\"},\"done\":false}", "yes"},
	{"{\"model\":\"{\\\"error\\\":1}\",\"done\":false,\"message\":{\"content\":\"yes\",\"role\":\"x\"}}", "yes"},
	{"{ \"done\" : false , \"message\" : { \"content\" : \"blanks\" } , \"model\" : \"m\" } ", "blanks"},
	{"{\"content\":\"outside\",\"message\":{\"content\":\"inside\"},\"done\":false}", "inside"},
	{"{\"x\":{\"content\":\"no\"},\"message\":{\"content\":\"yes\"},\"done\":false}", "yes"},
	{"{\"message\":{\"x\":{\"content\":\"no\"},\"content\":\"yes\"},\"done\":false}", "yes"},
	{"{\"message\":{\"content\":\"yes\"},\"done\":false,\"created_at\":17}", "yes"},
};

static void scanner_is_not_fooled(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(tricky); i++) {
		struct outcome o = stream_run(&ollama_dialect, tricky[i][0], strlen(tricky[i][0]), 0, 0);
		assert_string_equal(o.text, tricky[i][1]);
		assert_string_equal(o.reason, "");
		compare(&ollama_dialect, tricky[i][0], strlen(tricky[i][0]));
	}
}

static uint32_t rnd;

static size_t pick(size_t below)
{
	rnd = rnd * 1664525u + 1013904223u;
	return (rnd >> 8) % below;
}

static void mutate(const struct dialect *d, const char *seed, int rounds)
{
	static const char *const bits[] = {"\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "false",
		"\"done\":true", "\"content\":\"x\"", "\"thinking\":\"x\"", "\"reasoning\":\"x\"", "\"error\":\"e\"",
		"0", "1.5", "\\n", "\\u0041", "\xc3", "\xc3\xa9", " ", "\t", "\"finish_reason\":\"stop\""};
	for (int i = 0; i < rounds; i++) {
		char line[512];
		size_t n = strlen(seed);
		memcpy(line, seed, n);
		for (size_t k = pick(3) + 1; k > 0; k--) {
			const char *bit = bits[pick(N_ELEMENTS(bits))];
			size_t bn = strlen(bit), at = pick(n), cut = pick(3) == 0 ? pick(12) : 0;
			cut = MIN(cut, n - at);
			memmove(line + at + bn, line + at + cut, n - at - cut);
			memcpy(line + at, bit, bn);
			n = n + bn - cut;
		}
		compare(d, line, n);
	}
}

static void scanner_and_parser_agree(void **state)
{
	static const char *const ollama[] = {
		"{\"model\":\"m\",\"created_at\":\"2026\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi "
		"\\\"you\\\"\"},\"done\":false}",
		"{\"message\":{\"content\":\"a\"},\"done\":false}",
		"{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"Hm \\\"x\"},"
		"\"done\":false}",
	};
	static const char *const openai[] = {
		"data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\"Hi "
		"\\\\\"}}],\"created\":17,\"id\":\"c\"}",
		"data: "
		"{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"x\"},"
		"\"logprobs\":null}],\"usage\":null}",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":null,\"reasoning_content\":\"Hm\"}}]}",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"Hm\",\"content\":\"x\"}}]}",
	};
	static const char *const anthropic[] = {
		"data: "
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}",
		"data: {\"delta\":{\"thinking\":\"Hm\",\"type\":\"thinking_delta\"},\"type\":\"content_block_delta\"}",
	};
	(void)state;
	rnd = 7;
	for (size_t i = 0; i < N_ELEMENTS(ollama); i++)
		mutate(&ollama_dialect, ollama[i], 20000);
	for (size_t i = 0; i < N_ELEMENTS(openai); i++)
		mutate(&openai_dialect, openai[i], 20000);
	for (size_t i = 0; i < N_ELEMENTS(anthropic); i++)
		mutate(&anthropic_dialect, anthropic[i], 20000);
}

/* The usual lines must really take the short way: no buffer is made for them. */
static void usual_lines_need_no_memory(void **state)
{
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	(void)state;
	sink_init(&m, true);
	answer_init(&s, &ollama_dialect, "Fake", &m.sink, &e);
	assert_int_equal(answer_feed(&s, OL("Hello \\n"), strlen(OL("Hello \\n"))), 0);
	assert_null(s.lines.part.p);
	assert_null(s.data.p);
	/* The escapes stand as the provider wrote them: no parser made them anew. */
	assert_int_equal(answer_feed(&s, OL("a\\/b"), strlen(OL("a\\/b"))), 0);
	assert_non_null(strstr(m.events.p, "text {\"text\":\"a\\/b\"}"));
	answer_done(&s);
	answer_init(&s, &openai_dialect, "Fake", &m.sink, &e);
	assert_int_equal(answer_feed(&s, OA("c\\/d"), strlen(OA("c\\/d"))), 0);
	assert_non_null(strstr(m.events.p, "text {\"text\":\"c\\/d\"}"));
	assert_null(s.data.p);
	answer_done(&s);
	sink_done(&m);
}

static void sink_can_end_it(void **state)
{
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	(void)state;
	sink_init(&m, true);
	m.answer = E_TOO_LARGE - 100;
	answer_init(&s, &ollama_dialect, "Fake", &m.sink, &e);
	assert_int_equal(answer_feed(&s, OL("x") OL("y"), strlen(OL("x") OL("y"))), E_TOO_LARGE - 100);
	assert_int_equal(m.n_events, 1);
	answer_done(&s);
	sink_done(&m);
}

static void long_pieces(void **state)
{
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	struct buf b = BUF_INIT(1 << 20);
	(void)state;
	sink_init(&m, true);
	answer_init(&s, &ollama_dialect, "Fake", &m.sink, &e);
	buf_add_str(&b, "{\"message\":{\"content\":\"");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\"},\"done\":false}\n" OL_DONE);
	for (size_t at = 0; at < b.n; at += 1000)
		assert_int_equal(answer_feed(&s, b.p + at, MIN((size_t)1000, b.n - at)), 0);
	assert_int_equal(answer_finish(&s), 0);
	assert_int_equal(m.text.n, 100000);
	answer_done(&s);
	buf_done(&b);
	sink_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ollama_answers),
		cmocka_unit_test(ollama_failures),
		cmocka_unit_test(openai_answers),
		cmocka_unit_test(openai_failures),
		cmocka_unit_test(bytes_that_are_not_utf8),
		cmocka_unit_test(think_tags),
		cmocka_unit_test(scanner_is_not_fooled),
		cmocka_unit_test(scanner_and_parser_agree),
		cmocka_unit_test(usual_lines_need_no_memory),
		cmocka_unit_test(sink_can_end_it),
		cmocka_unit_test(long_pieces),
	};
	return cmocka_run_group_tests_name("provider/stream", tests, NULL, NULL);
}
