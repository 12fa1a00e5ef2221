/* Arguments as models write them: unwrapped, mended where there is one reading, made to fit the schema, never closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tool/tool_priv.h"

#define ANY "{\"type\":\"object\"}"
#define S                                                                                                              \
	"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1},\"x\":{\"type\":\"number\"}," \
	"\"on\":{\"type\":\"boolean\"},\"s\":{\"type\":\"string\"},\"list\":{\"type\":\"array\",\"items\":{\"type\":"  \
	"\"string\"}},\"o\":{\"type\":\"object\"},\"unit\":{\"enum\":[\"metric\",\"us\"]},\"r\":{\"$ref\":\"#/$defs/"  \
	"r\"},"                                                                                                        \
	"\"u\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}},\"$defs\":{\"r\":{\"type\":\"object\","       \
	"\"required\":[\"id\"],\"properties\":{\"id\":{\"type\":\"integer\"}}}}}"

struct fixture {
	struct arena a;
	struct tool_arguments got;
};

static void read_as(struct fixture *f, const char *schema, const char *source, const char *written)
{
	const struct tool t = {.name = "t", .parameters = schema, .source = source, .own_name = "t", .description = ""};
	struct err e = {0};

	arena_init(&f->a, 16 << 20);
	assert_int_equal(tool_arguments_read(&t, str_from(written), &f->a, &f->got, &e), 0);
}

static void expect(const char *schema, const char *source, const char *written, const char *json, bool repaired)
{
	struct fixture f;

	read_as(&f, schema, source, written);
	if (f.got.n != 1)
		fail_msg("%s: %s", written, f.got.problem);
	assert_string_equal(f.got.items[0], json);
	assert_int_equal(f.got.repaired, repaired);
	arena_done(&f.a);
}

static void refused(const char *schema, const char *written, const char *why)
{
	struct fixture f;

	read_as(&f, schema, "builtin", written);
	if (f.got.n != 0)
		fail_msg("%s was taken as %s", written, f.got.items[0]);
	if (!strstr(f.got.problem, why))
		fail_msg("%s: %s", written, f.got.problem);
	arena_done(&f.a);
}

static void test_unwrapped(void **state UNUSED)
{
	static const char *const cases[][2] = {{"{\"a\":1}", "{\"a\":1}"}, {"", "{}"}, {"null", "{}"}, {" \n", "{}"},
		{"\"{\\\"a\\\":1}\"", "{\"a\":1}"}, {"[{\"a\":1}]", "{\"a\":1}"},
		{"```json\n{\"a\":1}\n```", "{\"a\":1}"}, {"{\"a\":\"\\u00e4\"}", "{\"a\":\"\xc3\xa4\"}"},
		{"{\"a\":12345678901234567890123}", "{\"a\":12345678901234567890123}"}};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		expect(ANY, "builtin", cases[i][0], cases[i][1], false);
}

static void test_mended(void **state UNUSED)
{
	static const char *const cases[][2] = {{"{\"a\":1}}", "{\"a\":1}"}, {"{\"a\":[1]}]}", "{\"a\":[1]}"},
		{"{'a': 'b'}", "{\"a\":\"b\"}"}, {"{\"a\":True,\"b\":None,}", "{\"a\":true,\"b\":null}"},
		{"{a: 1, b_c: [1,2,],}", "{\"a\":1,\"b_c\":[1,2]}"},
		{"{\"p\":\"C:\\dir\\new\"}", "{\"p\":\"C:\\\\dir\\\\new\"}"},
		{"{\"re\":\"\\d+\"}", "{\"re\":\"\\\\d+\"}"}, {"{'q': 'say \"hi\"'}", "{\"q\":\"say \\\"hi\\\"\"}"},
		{"{'q': 'it\\'s'}", "{\"q\":\"it's\"}"}, {"```\n{'a':1}\n```", "{\"a\":1}"}};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		expect(ANY, "builtin", cases[i][0], cases[i][1], true);
	expect(ANY, "builtin", "{\"t\":\"a\nb\"}", "{\"t\":\"a\\nb\"}", false); /* a raw line break is read mildly */
}

static void test_never_closed(void **state UNUSED)
{
	static const char whole[] =
		"{\"path\": \"/x\", 'content': \"all of \\\"it\\\"\", \"list\": [1, {\"a\": True}], \"n\": 12}";

	refused(ANY, "{\"path\":\"a\",\"content\":\"half of", "cut off");
	refused(ANY, "{\"a\":1", "cut off");
	refused(ANY, "{\"a\":", "cut off");
	refused(ANY, "{\"a\":1,", "cut off");
	refused(ANY, "{\"a\":[1,2", "cut off");
	for (size_t n = 1; n < sizeof(whole) - 1; n++) { /* cut at every byte: never run */
		char cut[sizeof(whole)];
		memcpy(cut, whole, n);
		cut[n] = '\0';
		refused(ANY, cut, "cannot be used");
	}
}

static void test_refused(void **state UNUSED)
{
	refused(ANY, "[1,2]", "a list");
	refused(ANY, "5", "a number");
	refused(ANY, "\"Berlin\"", "no JSON");
	refused(ANY, "Berlin", "no JSON");
	refused(ANY, "{\"a\":\"he said \"hi\" to\"}", "no JSON");
	refused(ANY, "{city: Berlin}", "no JSON");
	refused(ANY, "{\"a\":1} and more", "no JSON");
	refused(ANY, "{\"re\":\"\\d+\\n\"}", "no JSON"); /* a line break, or two signs? */
	refused(S, "{\"n\":\"many\"}", "\"n\" must be of the type \"integer\"");
	refused(S, "{\"n\":0}", "at least 1");
	refused(S, "{\"unit\":\"kelvin\"}", "must be one of [\"metric\",\"us\"]");
	refused(S, "{\"r\":{}}", "\"r\" lacks \"id\"");
	refused("{\"type\":\"object\",\"required\":[\"city\"],\"properties\":{\"city\":{\"type\":\"string\"}}}", "{}",
		"lacks \"city\"");
}

/* What has two readings, or none, is not guessed. */
static void test_not_guessed(void **state UNUSED)
{
	static const char *const wrong[] = {"{\xe2\x80\x9cx\xe2\x80\x9d: 1}", "{\"a\":1};", "{\"a\":1 // x\n}",
		"{\"a\":1 /* x */}", "{\"a\":0x10}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":01}",
		"<tool_call>{\"a\":1}</tool_call>", "{\"a\":\"\\x41\"}", "{'a': 'it's'}", "({\"a\":1})",
		"{\"a\":1,,\"b\":2}", "{,\"a\":1}", "{\"a\" 1}", "{\"a\"=1}", "{\"a\":\"b\" \"c\":1}",
		"arguments: {\"a\":1}", "[{\"a\":1},{\"a\":2}]", "true", "{\"a\":1}\n```", "```json\n{\"a\":1}",
		"{\"a\":`b`}", "{\"a\":[1,2,3}", "{\"a\":{\"b\":1]}", "{\"a\":(1,2)}", "{\"a\":tru}"};

	for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
		refused(ANY, wrong[i], "cannot be used");
	refused(ANY, "{\"a\":'b\"}", "cut off");
	refused(ANY, "{\"a\":\"b'}", "cut off");
	refused(ANY, "{\"a\":\"...\"", "cut off");
}

static void test_several(void **state UNUSED)
{
	struct fixture f;

	read_as(&f, ANY, "builtin", "{\"a\":1}{\"a\":2}\n{\"a\":3}");
	assert_int_equal(f.got.n, 3);
	assert_string_equal(f.got.items[0], "{\"a\":1}");
	assert_string_equal(f.got.items[2], "{\"a\":3}");
	arena_done(&f.a);
	refused(ANY, "{\"a\":1}{\"a\":", "cut off");
}

static void test_fitted(void **state UNUSED)
{
	static const char *const cases[][2] = {{"{\"n\":\"5\"}", "{\"n\":5}"}, {"{\"n\":5.0}", "{\"n\":5}"},
		{"{\"n\":\"5.0\"}", "{\"n\":5}"}, {"{\"x\":\"2.5\"}", "{\"x\":2.5}"},
		{"{\"on\":\"True\"}", "{\"on\":true}"}, {"{\"s\":5}", "{\"s\":\"5\"}"},
		{"{\"s\":[\"a\"]}", "{\"s\":\"a\"}"}, {"{\"list\":\"a, b\"}", "{\"list\":[\"a\",\"b\"]}"},
		{"{\"list\":\"[\\\"a\\\",\\\"b\\\"]\"}", "{\"list\":[\"a\",\"b\"]}"},
		{"{\"list\":[1,2]}", "{\"list\":[\"1\",\"2\"]}"}, {"{\"o\":\"{\\\"k\\\":1}\"}", "{\"o\":{\"k\":1}}"},
		{"{\"unit\":\"Metric\"}", "{\"unit\":\"metric\"}"},
		{"{\"n\":\"\",\"x\":null,\"s\":\"\"}", "{\"s\":\"\"}"}, {"{\"u\":null}", "{\"u\":null}"},
		{"{\"u\":\"7\"}", "{\"u\":7}"}, {"{\"r\":{\"id\":\"3\"}}", "{\"r\":{\"id\":3}}"},
		{"{\"other\":1}", "{}"}};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		expect(S, "builtin", cases[i][0], cases[i][1], false);
	expect(S, "0abcdefghjkmn", "{\"other\":1}", "{\"other\":1}", false); /* a server judges for itself */
}

static void test_cut_result(void **state UNUSED)
{
	CLEANUP(tool_result_done) struct tool_result r = {.text = BUF_INIT(4 << 20)};
	size_t n = (size_t)3 << 20;

	for (size_t i = 0; i < n / 2; i++)
		buf_add_str(&r.text, "\xc3\xa4");
	tool_result_cap(&r);
	assert_true(r.text.n <= TOOL_TEXT_MAX && r.text.n > TOOL_TEXT_MAX / 2);
	/* What is kept says that it is not all of it. */
	const char *note = strstr(r.whole.p, "\n\n[2097252 of 3145728 bytes are not kept.]\n");
	assert_non_null(note);
	assert_int_equal(note - r.whole.p, TOOL_KEPT_MAX - 100);
	assert_memory_equal(note - 2, "\xc3\xa4", 2);
	assert_true(r.whole.n <= TOOL_KEPT_MAX);
	assert_int_equal(note - r.whole.p + (ptrdiff_t)strlen(note), r.whole.n);
	assert_non_null(strstr(r.text.p, "of 3145728 bytes are left out here"));
	assert_memory_equal(r.text.p + r.text.n - 2, "\xc3\xa4", 2);
}

static void test_unknown(void **state UNUSED)
{
	struct tool items[] = {{.name = "a"}, {.name = "b"}};
	CLEANUP(tool_result_done) struct tool_result r = {.n_files = 0};

	tool_result_unknown(&(struct tool_list){items, 2}, "c", &r);
	assert_true(r.failed);
	assert_string_equal(r.text.p, "There is no tool c. There are: a, b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_unwrapped), cmocka_unit_test(test_mended),
		cmocka_unit_test(test_never_closed), cmocka_unit_test(test_refused), cmocka_unit_test(test_not_guessed),
		cmocka_unit_test(test_several), cmocka_unit_test(test_fitted), cmocka_unit_test(test_cut_result),
		cmocka_unit_test(test_unknown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
