/* test_schema.c - bounds, refusals in plain words, writing, and the description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/schema.h"

struct part {
	const char *name;
	int64_t weight;
};

static const struct field part_fields[] = {
	FIELD_STR(struct part, name, "name", 1, 20, FIELD_REQUIRED, "Name."),
	FIELD_I64(struct part, weight, "weight", 0, 9, FIELD_OPTIONAL, "Weight."),
};
static const struct schema part_schema = SCHEMA("Part", struct part, part_fields, "A part.");

struct thing {
	const char *title, *text, *kind, *secret, *extra, *code;
	int64_t n, made;
	double heat;
	bool on, has_on, has_main;
	atelier_id id;
	struct part main;
	struct schema_list parts, stops, ids, words;
};

static const struct field id_item = {.type = FT_ID};
static const struct field word_item = {.type = FT_ENUM, .choices = "red green"};
static const struct field thing_fields[] = {
	FIELD_STR(struct thing, title, "title", 1, 20, FIELD_REQUIRED, "Title."),
	FIELD_TEXT(struct thing, text, "text", 0, 30, FIELD_OPTIONAL, "Text."),
	FIELD_ENUM(struct thing, kind, "kind", "small large", FIELD_OPTIONAL, "Kind."),
	FIELD_STR(struct thing, secret, "secret", 8, 20, FIELD_SECRET | FIELD_OMIT, "Secret."),
	FIELD(FT_I64, struct thing, n, "n", .min = -5, .max = 5, .when_null = 3, .doc = "Number."),
	FIELD_F64(struct thing, heat, "heat", 0, 2, FIELD_OPTIONAL, "Heat."),
	FIELD_HAS(FT_BOOL, struct thing, on, has_on, "on", .doc = "On."),
	FIELD_ID(struct thing, id, "id", FIELD_OPTIONAL, "Id."),
	FIELD_TIME(struct thing, made, "made", FIELD_OPTIONAL, "Made."),
	FIELD_HAS(FT_OBJECT, struct thing, main, has_main, "main", .sub = &part_schema),
	FIELD_LIST(struct thing, parts, "parts", &part_schema, 3, FIELD_OPTIONAL, "Parts."),
	FIELD(FT_STRS, struct thing, stops, "stops", .max = 2, .flags = FIELD_OMIT),
	FIELD(FT_STRS, struct thing, ids, "ids", .max = 2, .item = &id_item, .flags = FIELD_OMIT | FIELD_UNIQUE),
	FIELD(FT_STRS, struct thing, words, "words", .item = &word_item, .flags = FIELD_OMIT),
	FIELD(FT_STR, struct thing, code, "code", .pattern = "^ *[a-z]+-[0-9]{2} *$", .hint = "a code like ab-12",
		.flags = FIELD_OMIT),
	FIELD_JSON(struct thing, extra, "extra", FIELD_OMIT, "Anything."),
};
static const struct schema thing_schema = SCHEMA("Thing", struct thing, thing_fields, "A thing.");

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 100000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

/* The field is what the message begins with, in quotes; nothing when it speaks of the body. */
static void refuse(const char *body, int code, const char *message)
{
	size_t n = *message == '"' ? strcspn(message + 1, "\"") : 0;
	struct thing t;
	struct err e = {0};

	assert_int_equal(schema_parse(&thing_schema, str_from(body), &t, &arena, &e), code);
	assert_int_equal(e.code, code);
	assert_string_equal(e.msg, message);
	assert_int_equal(strlen(e.field), n);
	assert_memory_equal(e.field, message + 1, n);
}

static void accept(const char *body, struct thing *ret)
{
	struct err e = {0};
	int r = schema_parse(&thing_schema, str_from(body), ret, &arena, &e);

	if (r < 0)
		fail_msg("%s: %s", body, e.msg);
}

static void test_texts(void **state)
{
	struct thing t;

	(void)state;
	accept("{\"title\":\"  two words \",\"text\":\" keeps\\r\\n\\tblanks \"}", &t);
	assert_string_equal(t.title, "two words");
	assert_string_equal(t.text, " keeps\r\n\tblanks ");
	accept("{\"title\":\"exactly twenty bytes\",\"text\":null}", &t);
	assert_null(t.text);
	accept("{\"title\":\"x\",\"text\":\"\"}", &t);
	assert_string_equal(t.text, "");
	/* Characters count, as in JSON Schema, not their bytes. */
	accept("{\"title\":\"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\"}", &t);
	refuse("{\"title\":\"exactly 21 characters\"}", E_INVALID,
		"\"title\" is 21 characters long; at most 20 are allowed.");
	refuse("{\"title\":\"   \"}", E_INVALID, "\"title\" must be a text of 1 to 20 characters.");
	refuse("{\"title\":5}", E_INVALID, "\"title\" must be a text of 1 to 20 characters.");
	refuse("{\"title\":\"x\\n\"}", E_INVALID,
		"\"title\" must not contain line breaks or other control characters.");
	refuse("{\"title\":\"a\\nb\"}", E_INVALID,
		"\"title\" must not contain line breaks or other control characters.");
	refuse("{\"title\":\"a\",\"text\":\"\\u001b[0m\"}", E_INVALID,
		"\"text\" must not contain control characters other than line breaks and tabs.");
	refuse("{}", E_INVALID, "\"title\" is missing.");
	refuse("{\"title\":null}", E_INVALID, "\"title\" is missing.");
}

static void test_body(void **state)
{
	(void)state;
	refuse("[]", E_INVALID, "The body must be a JSON object.");
	refuse("{\"title\":\"x\",\"titel\":1}", E_INVALID, "The body has no field \"titel\".");
	refuse("{\"title\":\"x\",\"made\":\"2026-01-01T00:00:00.000Z\"}", E_INVALID, "The body has no field \"made\".");
	refuse("{\"title\":\"x\",\"\\n\":1}", E_INVALID, "The body has no field \"?\".");
	struct thing t;

	accept("{\"title\":\"a\\u0000\\ud800\"}", &t);
	assert_string_equal(t.title, "a\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_numbers(void **state)
{
	struct thing t;

	(void)state;
	accept("{\"title\":\"x\",\"n\":-5,\"heat\":2,\"on\":true,\"id\":\"0000000000012\",\"kind\":\"large\"}", &t);
	assert_int_equal(t.n, -5);
	accept("{\"title\":\"x\",\"n\":5.0}", &t);
	assert_int_equal(t.n, 5);
	accept("{\"title\":\"x\",\"n\":null}", &t);
	assert_int_equal(t.n, 3);
	accept("{\"title\":\"x\",\"n\":-5,\"heat\":2,\"on\":true,\"id\":\"0000000000012\",\"kind\":\"large\"}", &t);
	assert_true(t.heat > 1.99 && t.heat < 2.01);
	assert_true(t.on && t.has_on);
	assert_int_equal(t.id, 34);
	assert_string_equal(t.kind, "large");
	accept("{\"title\":\"x\",\"on\":null}", &t);
	assert_true(t.has_on && !t.on);
	accept("{\"title\":\"x\"}", &t);
	assert_false(t.has_on);
	refuse("{\"title\":\"x\",\"n\":6}", E_INVALID, "\"n\" must be a whole number from -5 to 5.");
	refuse("{\"title\":\"x\",\"n\":-6}", E_INVALID, "\"n\" must be a whole number from -5 to 5.");
	refuse("{\"title\":\"x\",\"n\":1.5}", E_INVALID, "\"n\" must be a whole number from -5 to 5.");
	refuse("{\"title\":\"x\",\"heat\":2.01}", E_INVALID, "\"heat\" must be a number from 0 to 2.");
	refuse("{\"title\":\"x\",\"on\":1}", E_INVALID, "\"on\" must be true or false.");
	refuse("{\"title\":\"x\",\"id\":\"12\"}", E_INVALID, "\"id\" must be an id: 13 letters and digits.");
	refuse("{\"title\":\"x\",\"kind\":\"smal\"}", E_INVALID, "\"kind\" must be one of: small large.");
	refuse("{\"title\":\"x\",\"kind\":\"\"}", E_INVALID, "\"kind\" must be one of: small large.");
	refuse("{\"title\":\"x\",\"kind\":\"small large\"}", E_INVALID, "\"kind\" must be one of: small large.");
}

static void test_nested(void **state)
{
	struct thing t;
	const struct part *parts;

	(void)state;
	accept("{\"title\":\"x\",\"main\":{\"name\":\"m\"},\"parts\":[{\"name\":\"a\"},{\"name\":\"b\",\"weight\":9}],"
	       "\"stops\":[\"\\n\",\"end\"],\"extra\":{ \"k\" : [ 0.7 ] }}",
		&t);
	parts = t.parts.items;
	assert_true(t.has_main);
	assert_string_equal(t.main.name, "m");
	assert_int_equal(t.parts.n, 2);
	assert_string_equal(parts[1].name, "b");
	assert_int_equal(parts[1].weight, 9);
	assert_string_equal(((const char **)t.stops.items)[0], "\n");
	assert_string_equal(t.extra, "{\"k\":[0.7]}");
	refuse("{\"title\":\"x\",\"main\":{}}", E_INVALID, "\"main.name\" is missing.");
	refuse("{\"title\":\"x\",\"main\":[]}", E_INVALID, "\"main\" must be a JSON object.");
	refuse("{\"title\":\"x\",\"parts\":[{\"name\":\"a\"},{\"name\":\"b\",\"weight\":10}]}", E_INVALID,
		"\"parts[1].weight\" must be a whole number from 0 to 9.");
	refuse("{\"title\":\"x\",\"parts\":[{\"name\":\"a\",\"z\":1}]}", E_INVALID, "\"parts[0]\" has no field \"z\".");
	refuse("{\"title\":\"x\",\"parts\":[1,2,3,4]}", E_INVALID, "\"parts\" must be a list of 0 to 3 items.");
	refuse("{\"title\":\"x\",\"stops\":[5]}", E_INVALID, "\"stops[0]\" must be a text.");
}

static void test_items_and_patterns(void **state)
{
	struct thing t;

	(void)state;
	accept("{\"title\":\"x\",\"ids\":[\"0000000000012\"],\"words\":[\"red\",\"red\"],\"code\":\" ab-12\"}", &t);
	assert_string_equal(((const char **)t.ids.items)[0], "0000000000012");
	assert_int_equal(t.words.n, 2);
	assert_string_equal(t.code, "ab-12");
	refuse("{\"title\":\"x\",\"ids\":[\"12\"]}", E_INVALID, "\"ids[0]\" must be an id: 13 letters and digits.");
	refuse("{\"title\":\"x\",\"ids\":[\"0000000000012\",\"0000000000012\"]}", E_INVALID,
		"\"ids[1]\" is there twice.");
	refuse("{\"title\":\"x\",\"words\":[\"blue\"]}", E_INVALID, "\"words[0]\" must be one of: red green.");
	refuse("{\"title\":\"x\",\"code\":\"ab-123\"}", E_INVALID, "\"code\" must be a code like ab-12.");
}

static void test_secret_stays_out(void **state)
{
	struct thing t;
	struct err e = {0};

	(void)state;
	assert_int_equal(schema_parse(&thing_schema, STR("{\"title\":\"x\",\"secret\":\"hunter2\"}"), &t, &arena, &e),
		E_INVALID);
	assert_null(strstr(e.msg, "hunter2"));
}

static void test_arena_full(void **state)
{
	struct arena small;
	struct thing t;
	struct err e = {0};

	(void)state;
	arena_init(&small, 32);
	assert_true(schema_parse(&thing_schema, STR("{\"title\":\"x\",\"text\":\"a text of some length\"}"), &t, &small,
			    &e) < 0);
	assert_int_equal(err_info(e.code)->code, E_BUSY);
	arena_done(&small);
}

static void test_emit(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4000);
	struct part parts[] = {{"a", 1}, {NULL, 2}};
	const char *stops[] = {"x", "y"};
	struct thing t = {.title = "T\"", .made = 1, .heat = 0.7, .id = 34};

	(void)state;
	schema_emit(&thing_schema, &t, &b);
	assert_string_equal(b.p, "{\"title\":\"T\\\"\",\"text\":null,\"kind\":null,\"n\":0,\"heat\":0.7,\"on\":null,"
				 "\"id\":\"0000000000012\",\"made\":\"1970-01-01T00:00:00.001Z\",\"main\":null,"
				 "\"parts\":[]}");
	buf_reset(&b);
	t = (struct thing){.secret = "s", .has_on = true, .has_main = true, .extra = "[1]"};
	t.parts = (struct schema_list){parts, 2};
	t.stops = (struct schema_list){stops, 2};
	schema_emit(&thing_schema, &t, &b);
	assert_string_equal(b.p, "{\"title\":null,\"text\":null,\"kind\":null,\"secret\":\"s\",\"n\":0,\"heat\":0.0,"
				 "\"on\":false,\"id\":null,\"made\":null,\"main\":{\"name\":null,\"weight\":0},"
				 "\"parts\":[{\"name\":\"a\",\"weight\":1},{\"name\":null,\"weight\":2}],"
				 "\"stops\":[\"x\",\"y\"],\"extra\":[1]}");
}

static void test_describe(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10000);
	CLEANUP(json_decrefp) json_t *v = NULL;
	const json_t *properties, *title;

	(void)state;
	schema_describe(&thing_schema, true, &b);
	assert_int_equal(json_parse(b.p, b.n, &v, NULL), 0);
	properties = json_object_get(v, "properties");
	assert_int_equal(json_object_size(properties), N_ELEMENTS(thing_fields));
	title = json_object_get(properties, "title");
	assert_string_equal(json_get_str(title, "type"), "string");
	assert_int_equal(json_get_i64(title, "maxLength", 0), 20);
	assert_string_equal(json_get_str(title, "description"), "Title.");
	assert_int_equal(json_array_size(json_object_get(v, "required")), 1);
	assert_string_equal(json_get_str(json_object_get(properties, "secret"), "format"), "password");
	assert_non_null(strstr(b.p, "\"items\":{\"$ref\":\"#/components/schemas/Part\"}"));
	assert_non_null(strstr(b.p, "\"enum\":[\"small\",\"large\",null]"));
	assert_non_null(strstr(b.p, "\"minimum\":-5,\"maximum\":5"));
	assert_non_null(strstr(b.p, "\"additionalProperties\":false"));
	assert_non_null(strstr(b.p, "\"uniqueItems\":true"));
	assert_non_null(strstr(b.p, "\"items\":{\"type\":\"string\",\"enum\":[\"red\",\"green\"]}"));
	assert_string_equal(json_get_str(json_object_get(properties, "code"), "pattern"), "^ *[a-z]+-[0-9]{2} *$");
	/* An answer may grow: only what is parsed is told to the last. */
	buf_reset(&b);
	schema_describe(&thing_schema, false, &b);
	assert_null(strstr(b.p, "additionalProperties"));
}

struct plan {
	const char *name, *note;
	int64_t n, cap;
	struct part part;
};

static const struct field plan_fields[] = {
	FIELD_STR(struct plan, name, "name", 1, 20, FIELD_OPTIONAL, "Name."),
	FIELD(FT_STR, struct plan, note, "note", .flags = FIELD_NULL, .doc = "Note."),
	FIELD_I64(struct plan, n, "n", 0, 9, FIELD_OPTIONAL, "Number."),
	FIELD(FT_I64, struct plan, cap, "cap", .max = 9, .flags = FIELD_NULL, .when_null = -1,
		.doc = "Cap; null: none."),
	FIELD_OBJECT(struct plan, part, "part", &part_schema, FIELD_OPTIONAL, "Part."),
};
static const struct schema plan_schema = SCHEMA("Plan", struct plan, plan_fields, "A plan.");

static struct plan edited(struct plan row, const char *body)
{
	struct plan in;
	struct err e = {0};
	uint64_t given;

	assert_int_equal(schema_parse_given(&plan_schema, str_from(body), &in, &given, &arena, &e), 0);
	schema_apply(&plan_schema, &in, given, &row);
	return row;
}

/* What is absent stays, and so does what is null, unless null is a value. */
static void test_apply(void **state)
{
	const struct plan row = {"a", "b", 5, 7, {"p", 1}};
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
	struct plan x;

	(void)state;
	x = edited(row, "{}");
	assert_memory_equal(&x, &row, sizeof(row));
	x = edited(row, "{\"name\":null,\"n\":null,\"part\":null}");
	assert_memory_equal(&x, &row, sizeof(row));
	x = edited(row, "{\"note\":null,\"cap\":null,\"n\":0,\"part\":{\"name\":\"q\"}}");
	assert_string_equal(x.name, "a");
	assert_null(x.note);
	assert_true(x.n == 0 && x.cap == -1);
	assert_string_equal(x.part.name, "q");
	schema_emit(&plan_schema, &x, &b);
	assert_string_equal(
		b.p, "{\"name\":\"a\",\"note\":null,\"n\":0,\"cap\":null,\"part\":{\"name\":\"q\",\"weight\":0}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_items_and_patterns),
		cmocka_unit_test(test_secret_stays_out),
		cmocka_unit_test(test_arena_full),
		cmocka_unit_test(test_emit),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
