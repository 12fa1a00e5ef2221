/* Documents that describe an interface: references, names, bodies, Swagger's other words, YAML, and documents that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tool/openapi.h"
#include "tool/tool.h"
#include "tool/yaml_tree.h"

static json_t *read_doc(const char *text)
{
	json_t *doc = NULL;
	struct err e = {0};

	if (openapi_read(text, strlen(text), &doc, &e) < 0)
		fail_msg("%s", e.msg);
	return doc;
}

static json_t *entries_of(const char *text, const char *wanted)
{
	json_t *doc = read_doc(text), *ret = NULL, *list = wanted ? json_loads(wanted, 0, NULL) : NULL;
	const struct openapi_wish w = {.url = "https://host.example/a/openapi.json", .operations = list};
	struct err e = {0};

	if (openapi_entries(doc, &w, 500, &ret, &e) < 0)
		fail_msg("%s", e.msg);
	json_decref(list);
	json_decref(doc);
	return ret;
}

static void expect_at(const json_t *v, const char *pointer, const char *json)
{
	char *got = json_dumps(openapi_at(v, pointer), JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

	assert_string_equal(got ? got : "nothing", json);
	free(got);
}

static void expect_refused(const char *text, const char *why)
{
	json_t *doc = NULL;
	struct err e = {0};

	assert_true(openapi_read(text, strlen(text), &doc, &e) < 0);
	if (!strstr(e.msg, why))
		fail_msg("%s", e.msg);
}

#define DOC(paths) "{\"openapi\":\"3.0.3\",\"servers\":[{\"url\":\"/v1/\"}],\"paths\":" paths

static void test_references(void **state)
{
	(void)state;
	json_t *e = entries_of(
		DOC("{\"/a\":{\"$ref\":\"#/x/item\"}},\"x\":{\"item\":{\"post\":{\"requestBody\":{\"$ref\":\"#/x/"
		    "b~1c\"}}},"
		    "\"b/c\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/x/"
		    "s%201\"}}}},"
		    "\"s "
		    "1\":{\"allOf\":[{\"$ref\":\"#/x/"
		    "base\"},{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":\"integer\","
		    "\"nullable\":true,\"minimum\":1,\"exclusiveMinimum\":true},\"self\":{\"$ref\":\"#/x/s%201\"}}}]},"
		    "\"base\":{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":{\"type\":\"string\"},"
		    "\"made\":{\"readOnly\":true}}}}}"),
		NULL);
	expect_at(e, "#/0/name", "\"post_a\"");
	expect_at(e, "#/0/call/url", "\"https://host.example/v1/a\"");
	expect_at(e, "#/0/parameters/required", "[\"id\",\"n\"]");
	expect_at(e, "#/0/parameters/properties/n", "{\"exclusiveMinimum\":1,\"type\":[\"integer\",\"null\"]}");
	expect_at(e, "#/0/parameters/properties/self", "{}"); /* it stands within itself */
	expect_at(e, "#/0/parameters/properties/made", "nothing");
	json_decref(e);
}

static void test_names(void **state)
{
	(void)state;
	json_t *e = entries_of(
		DOC("{\"/a\":{\"get\":{\"operationId\":\"x/y\"},\"put\":{\"operationId\":\"x "
		    "y\"}},\"/{b}/c-d\":{\"get\":{}},\"/e\":{"
		    "\"get\":{\"operationId\":"
		    "\"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij\"}},\"/\xc3\xa9\":{"
		    "\"get\":{\"operationId\":\"\xc3\xa9\"}}}}"),
		NULL);
	expect_at(e, "#/0/name", "\"x_y\"");
	expect_at(e, "#/1/name", "\"x_y_2\"");
	expect_at(e, "#/2/name", "\"get_b_c-d\"");
	assert_int_equal(json_string_length(openapi_at(e, "#/3/name")), TOOL_NAME_MAX);
	assert_true(json_string_length(openapi_at(e, "#/4/name")) > 0);
	json_decref(e);
	/* What is chosen keeps the name that it has among all. */
	e = entries_of(
		DOC("{\"/a\":{\"get\":{\"operationId\":\"x/y\"},\"put\":{\"operationId\":\"x y\"}}}}"), "[\"PUT /a\"]");
	expect_at(e, "#/0/name", "\"x_y_2\"");
	json_decref(e);
}

static void test_arguments_told_apart(void **state)
{
	(void)state;
	json_t *e = entries_of(DOC("{\"/a/"
				   "{id}\":{\"parameters\":[{\"name\":\"id\",\"in\":\"path\"},{\"name\":\"q\",\"in\":"
				   "\"query\",\"required\":true}],"
				   "\"post\":{\"parameters\":[{\"name\":\"q\",\"in\":\"query\",\"style\":"
				   "\"pipeDelimited\"},{\"name\":\"Accept\",\"in\":\"header\"}],"
				   "\"requestBody\":{\"content\":{\"application/"
				   "x-www-form-urlencoded\":{\"schema\":{\"type\":\"object\",\"required\":[\"id\"],"
				   "\"properties\":{\"id\":{\"type\":\"string\"}}}}}}}}}}"),
		NULL);
	expect_at(e, "#/0/call/in/q", "{\"in\":\"query\",\"name\":\"q\",\"style\":\"pipe\"}");
	expect_at(e, "#/0/call/in/body_id", "{\"in\":\"body\",\"name\":\"id\"}");
	expect_at(e, "#/0/call/body", "\"form\"");
	expect_at(e, "#/0/parameters/required", "[\"id\"]"); /* the body may be left out, the path not */
	expect_at(e, "#/0/call/in/Accept", "nothing");
	json_decref(e);
}

static void test_swagger(void **state)
{
	(void)state;
	json_t *e = entries_of(
		"swagger: '2.0'\nhost: api.example\nbasePath: /v2\nschemes: [http]\npaths:\n  /a:\n    post:\n      "
		"parameters:\n"
		"        - {name: pet, in: body, required: true, schema: {$ref: '#/definitions/Pet'}}\n"
		"        - {name: tags, in: query, type: array, items: {type: string}, collectionFormat: csv}\n"
		"  /b:\n    post:\n      parameters:\n        - {name: f, in: formData, type: string, required: true}\n"
		"definitions:\n  Pet: {type: object, properties: {name: {type: string}}}\n",
		NULL);
	expect_at(e, "#/0/call/url", "\"http://api.example/v2/a\"");
	expect_at(e, "#/0/parameters/properties/name/type", "\"string\"");
	expect_at(e, "#/0/call/in/tags/style", "\"comma\"");
	expect_at(e, "#/1/call/body", "\"form\"");
	expect_at(e, "#/1/parameters/required", "[\"f\"]");
	json_decref(e);
}

static void test_yaml(void **state)
{
	(void)state;
	static const char text[] = "a: &x {n: 1, t: '1', f: 1.5, y: yes, b: true, z: ~, v: 2026-01-01, i: 1.2.3}\nb: "
				   "{<<: *x, n: 2}\nc:\n  - *x\n  - |\n    two\n    lines\n200: k\n";
	json_t *v = NULL;
	struct err e = {0};

	if (yaml_read(text, strlen(text), 1 << 20, &v, &e) < 0)
		fail_msg("%s", e.msg);
	expect_at(v, "#/a",
		"{\"b\":true,\"f\":1.5,\"i\":\"1.2.3\",\"n\":1,\"t\":\"1\",\"v\":\"2026-01-01\",\"y\":\"yes\",\"z\":"
		"null}");
	expect_at(v, "#/b/n", "2");
	expect_at(v, "#/b/t", "\"1\"");
	expect_at(v, "#/200", "\"k\"");
	json_decref(v);
	static const char *const wrong[] = {"a: *b", "a: &b [*b]", "? [a, b]\n: c", "a: [", "", "a: b: c", "{a: b"};
	for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
		v = NULL;
		assert_true(yaml_read(wrong[i], strlen(wrong[i]), 1 << 20, &v, &e) < 0);
		assert_null(v);
	}
}

/* What has more arguments than a tool may have is told where operations are chosen, too. */
static void test_many_arguments(void **state)
{
	struct buf b = BUF_INIT(1 << 16);

	(void)state;
	/* One that may be either of several things is one argument, however many members are named. */
	for (int n = 250; n <= 252; n++) {
		buf_reset(&b);
		buf_add_str(
			&b, DOC("{\"/x\":{\"post\":{\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{"
				"\"type\":\"object\",\"properties\":{\"p0\":{}"));
		for (int i = 1; i < n; i++)
			buf_printf(&b, ",\"p%d\":{}", i);
		buf_printf(&b, "}%s}}}}}}}}",
			n == 252 ? ",\"oneOf\":[{\"required\":[\"p0\"]},{\"required\":[\"p1\"]}]" : "");
		buf_add_char(&b, '\0');
		json_t *doc = read_doc(b.p), *about = openapi_about(doc, &(struct openapi_wish){0});

		expect_at(about, "#/operations/0/problem", n == 251 ? "\"it has too many parameters\"" : "nothing");
		json_decref(about);
		json_decref(doc);
	}
	buf_done(&b);
}

/* How the members of a form are written is what the document says of each. */
static void test_deep_forms(void **state)
{
	json_t *entries = entries_of(
		DOC("{\"/x\":{\"post\":{\"requestBody\":{\"content\":{\"application/x-www-form-urlencoded\":{"
		    "\"encoding\":{\"a\":{\"style\":\"deepObject\",\"explode\":true},\"b\":{\"style\":\"form\"}},"
		    "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}}}}}}}}}}"),
		NULL);

	(void)state;
	expect_at(entries, "#/0/call/deep", "[\"a\"]");
	json_decref(entries);
}

static void test_refusals(void **state)
{
	(void)state;
	expect_refused("{}", "no OpenAPI");
	expect_refused("{\"openapi\":\"3.0.0\"}", "no OpenAPI");
	expect_refused("{\"openapi\":\"4.0.0\",\"paths\":{}}", "no OpenAPI");
	expect_refused("<html>", "no OpenAPI");
	expect_refused("{\"openapi\":", "");
	json_t *doc = read_doc(DOC("{\"/a\":{\"get\":{\"parameters\":[{\"$ref\":\"other.json#/p\"}]}}}}")), *ret = NULL,
	       *list = json_loads("[\"GET /a\"]", 0, NULL);
	struct openapi_wish w = {.url = "https://host.example/a", .operations = list};
	struct err e = {0};
	assert_int_equal(openapi_entries(doc, &w, 500, &ret, &e), E_INVALID);
	assert_non_null(strstr(e.msg, "not in the document"));
	json_decref(list);
	w = (struct openapi_wish){.url = NULL};
	e = (struct err){0};
	assert_int_equal(openapi_entries(doc, &w, 500, &ret, &e), E_INVALID);
	assert_non_null(strstr(e.msg, "\"server\""));
	json_decref(doc);
}

/* ---- what means harm ---- */

static size_t largest(const char *text)
{
	json_t *e = entries_of(text, NULL), *one;
	size_t most = 0, i;

	json_array_foreach(e, i, one)
	{
		char *s = json_dumps(json_object_get(one, "parameters"), JSON_COMPACT);
		most = MAX(most, strlen(s));
		free(s);
	}
	json_decref(e);
	return most;
}

static void test_hostile(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(64 << 20);
	int64_t began = clock_mono_ms();

	/* Ten levels of a thousand references each. */
	buf_add_str(&b, DOC("{\"/a\":{\"post\":{\"requestBody\":{\"content\":{\"application/"
			    "json\":{\"schema\":{\"$ref\":\"#/s/0\"}}}}}}},\"s\":["));
	for (int i = 0; i < 10; i++) {
		buf_printf(&b, "%s{\"anyOf\":[", i ? "," : "");
		for (int k = 0; k < 1000; k++)
			buf_printf(&b, "%s{\"$ref\":\"#/s/%d\"}", k ? "," : "", i + 1);
		buf_add_str(&b, "]}");
	}
	buf_add_str(&b, "]}");
	assert_true(largest(b.p) < 40000);
	/* References in a ring, and one that leads to itself. */
	buf_reset(&b);
	buf_add_str(&b, DOC("{\"/a\":{\"get\":{\"parameters\":[{\"$ref\":\"#/r/"
			    "0\"}]},\"put\":{\"parameters\":[{\"name\":\"q\",\"in\":\"query\",\"schema\":{"
			    "\"$ref\":\"#/r/2\"}}]}}},\"r\":[{\"$ref\":\"#/r/1\"},{\"$ref\":\"#/r/0\"},{\"$ref\":\"#/r/"
			    "2\"}]}"));
	assert_true(largest(b.p) < 1000);
	buf_reset(&b);
	/* YAML whose aliases would be a billion values. */
	buf_add_str(&b, "openapi: 3.0.0\nservers: [{url: /}]\nx0: &x0 {a: 1, b: 2}\n");
	for (int i = 1; i < 12; i++)
		buf_printf(&b, "x%d: &x%d [*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d]\n", i, i, i - 1, i - 1, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1);
	buf_add_str(
		&b, "paths: {/a: {get: {parameters: [{name: q, in: query, schema: {enum: *x11, default: *x11}}]}}}\n");
	assert_true(largest(b.p) < 40000);
	/* Deep. */
	buf_reset(&b);
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, '[');
	buf_add_char(&b, '\0');
	expect_refused(b.p, "");
	/* Many. */
	buf_reset(&b);
	buf_add_str(&b, "a: [");
	for (int i = 0; i < 20000; i++)
		buf_add_str(&b, "1,");
	buf_add_str(&b, "]");
	json_t *v = NULL;
	struct err e = {0};
	assert_int_equal(yaml_read(b.p, b.n, 1 << 20, &v, &e), E_TOO_LARGE);
	buf_done(&b);
	assert_true(clock_mono_ms() - began < 60000); /* a second or two here */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_arguments_told_apart),
		cmocka_unit_test(test_swagger),
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_many_arguments),
		cmocka_unit_test(test_deep_forms),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
