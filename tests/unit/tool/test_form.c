/* Answers to questions of tools, by the schema that was asked with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tool/tool.h"

/* What is wrong, as the field; "": nothing is. */
static const char *check(const char *property, const char *value, struct err *e)
{
	CLEANUP(buf_done) struct buf schema = BUF_INIT(4096), content = BUF_INIT(4096);
	CLEANUP(json_decrefp) json_t *s = NULL;
	CLEANUP(json_decrefp) json_t *c = NULL;

	*e = (struct err){0};
	buf_printf(&schema, "{\"type\":\"object\",\"properties\":{\"x\":%s},\"required\":[\"x\"]}", property);
	buf_printf(&content, "{\"x\":%s}", value);
	assert_int_equal(json_parse(schema.p, schema.n, &s, e), 0);
	assert_int_equal(json_parse(content.p, content.n, &c, e), 0);
	return tool_form_check(s, c, e) < 0 ? e->field : "";
}

static void test_values(void **state UNUSED)
{
	static const struct {
		const char *property, *good[6], *bad[8];
	} cases[] = {
		{"{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", {"\"ab\"", "\"\xc3\xa4\xc3\xb6\xc3\xbc\""},
			{"\"a\"", "\"abcd\"", "5", "null", "[]"}},
		{"{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", {"\"b\""}, {"\"c\"", "1"}},
		{"{\"type\":\"string\",\"oneOf\":[{\"const\":\"a\",\"title\":\"A\"}]}", {"\"a\""}, {"\"A\""}},
		{"{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"string\",\"enum\":[\"a\","
		 "\"b\"]}}",
			{"[\"a\"]", "[\"b\",\"a\"]"}, {"[]", "[\"c\"]", "[\"a\",\"b\",\"a\"]", "\"a\""}},
		{"{\"type\":\"integer\",\"minimum\":1,\"maximum\":3}", {"1", "3", "2.0"},
			{"0", "4", "1.5", "\"1\"", "true"}},
		{"{\"type\":\"number\",\"maximum\":0.5}", {"0.5", "-1e9"}, {"0.51", "\"0\""}},
		{"{\"type\":\"boolean\"}", {"true", "false"}, {"0", "\"true\""}},
		{"{\"type\":\"string\",\"format\":\"email\"}", {"\"a@b.c\""},
			{"\"a\"", "\"@b\"", "\"a@\"", "\"a b@c\""}},
		{"{\"type\":\"string\",\"format\":\"uri\"}", {"\"https://a/b\"", "\"urn:x\""},
			{"\"a b\"", "\"/a\"", "\"1:x\""}},
		{"{\"type\":\"string\",\"format\":\"date\"}", {"\"2024-02-29\"", "\"2000-02-29\""},
			{"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-1-1\"", "\"2024-04-31\""}},
		{"{\"type\":\"string\",\"format\":\"date-time\"}",
			{"\"2024-02-29T23:59:60Z\"", "\"2024-01-01T00:00:00.5+02:00\""},
			{"\"2024-01-01\"", "\"2024-01-01T24:00:00Z\"", "\"2024-01-01T00:00:00\"",
				"\"2024-01-01T00:00:00.Z\""}},
	};
	struct err e;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		for (size_t k = 0; k < 6 && cases[i].good[k]; k++)
			assert_string_equal(check(cases[i].property, cases[i].good[k], &e), "");
		for (size_t k = 0; k < 8 && cases[i].bad[k]; k++)
			assert_string_equal(check(cases[i].property, cases[i].bad[k], &e), "content.x");
	}
}

static void test_members(void **state UNUSED)
{
	static const char schema[] =
		"{\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"integer\",\"default\":7},"
		"\"c\":{\"type\":\"string\",\"minLength\":3}},\"required\":[\"a\",\"b\"]}";
	CLEANUP(json_decrefp) json_t *s = NULL;
	CLEANUP(json_decrefp) json_t *c = NULL;
	struct err e = {0};

	assert_int_equal(json_parse(schema, strlen(schema), &s, &e), 0);
	c = json_pack("{s:s,s:s,s:i}", "a", "", "c", "", "other", 1);
	assert_int_equal(tool_form_check(s, c, &e), 0);
	assert_int_equal(json_object_size(c), 2); /* what is empty and may be is none, what was not asked for goes */
	assert_int_equal(json_get_i64(c, "b", 0), 7);
	json_object_del(c, "a");
	assert_int_equal(tool_form_check(s, c, &e), E_INVALID);
	assert_string_equal(e.field, "content.a");
	e = (struct err){0};
	assert_int_equal(tool_form_check(s, NULL, &e), E_INVALID);
	assert_string_equal(e.field, "content");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_members)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
