/*
 * fuzz_schema.c - any text as a body against a schema that has every type of field: what is accepted keeps the bounds,
 * and writing and reading it again gives the same.
 */
#include <stdint.h>

#include "base/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct inner {
	const char *name;
	int64_t n;
};

static const struct field inner_fields[] = {
	FIELD_STR(struct inner, name, "name", 1, 20, FIELD_REQUIRED, "A name."),
	FIELD_I64(struct inner, n, "n", -5, 5, 0, "A number."),
};
static const struct schema inner_schema = SCHEMA("Inner", struct inner, inner_fields, "Inside.");

struct outer {
	const char *str, *text, *word, *json;
	int64_t i;
	double f;
	bool b;
	atelier_id id;
	struct inner inner;
	struct schema_list list, strs;
};

static const struct field outer_fields[] = {
	FIELD_STR(struct outer, str, "str", 1, 30, 0, "A line."),
	FIELD_TEXT(struct outer, text, "text", 0, 100, FIELD_SECRET, "A text."),
	FIELD_ENUM(struct outer, word, "word", "one two three", 0, "A word."),
	FIELD_I64(struct outer, i, "i", -1000, 1000, 0, "A number."),
	FIELD_F64(struct outer, f, "f", 0, 2, 0, "A fraction."),
	FIELD_BOOL(struct outer, b, "b", 0, "A switch."),
	FIELD_ID(struct outer, id, "id", 0, "An identifier."),
	FIELD_JSON(struct outer, json, "json", 0, "Anything."),
	FIELD_LIST(struct outer, list, "list", &inner_schema, 4, 0, "Some."),
	FIELD(FT_STRS, struct outer, strs, "strs", .max = 4, .doc = "Texts."),
};
static const struct schema outer_schema = SCHEMA("Outer", struct outer, outer_fields, "Everything.");

static void check_bounds(const struct outer *o)
{
	if (o->str && (strlen(o->str) < 1 || strlen(o->str) > 30))
		abort();
	if (o->text && strlen(o->text) > 100)
		abort();
	if (o->word && strcmp(o->word, "one") != 0 && strcmp(o->word, "two") != 0 && strcmp(o->word, "three") != 0)
		abort();
	if (o->i < -1000 || o->i > 1000 || !(o->f >= 0 && o->f <= 2) || o->id < 0)
		abort();
	if (o->list.n > 4 || o->strs.n > 4)
		abort();
	for (size_t i = 0; i < o->list.n; i++) {
		const struct inner *in = &((const struct inner *)o->list.items)[i];
		if (!in->name || strlen(in->name) > 20 || in->n < -5 || in->n > 5)
			abort();
	}
}

/* Emitting, reading and emitting again must end where it began. */
static void check_round_trip(const struct outer *o, struct arena *a)
{
	struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
	struct outer again;
	struct err e = {0};

	schema_emit(&outer_schema, o, &first);
	if (buf_status(&first) < 0 || schema_parse(&outer_schema, buf_str(&first), &again, a, &e) < 0)
		abort();
	schema_emit(&outer_schema, &again, &second);
	if (!str_eq(buf_str(&first), buf_str(&second)))
		abort();
	buf_done(&first);
	buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outer o;
	struct arena a;
	struct err e = {0};

	arena_init(&a, 4 << 20);
	if (schema_parse(&outer_schema, (struct str){(const char *)data, size}, &o, &a, &e) == 0) {
		check_bounds(&o);
		check_round_trip(&o, &a);
	} else if (e.code >= 0 || !e.msg[0]) {
		abort(); /* a refusal without a reason */
	}
	arena_done(&a);
	return 0;
}
