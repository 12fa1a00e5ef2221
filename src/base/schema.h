/*
 * schema.h - the fields of a JSON object as a table. From it a request body is parsed and validated into a C struct, an
 * answer is written from one, and the OpenAPI document describes both.
 *
 *	struct rename { const char *title; bool has_pinned; bool pinned; };
 *	static const struct field rename_fields[] = {
 *		FIELD_STR(struct rename, title, "title", 1, 200, FIELD_REQUIRED, "The new title."),
 *	};
 *	const struct schema rename_schema = SCHEMA("Rename", struct rename, rename_fields, "A new title.");
 */
#pragma once

#include "base/err.h"
#include "base/id.h"
#include "base/json.h"

enum field_type {
	FT_STR,  /* const char *; NULL when absent or null; min/max in characters; blanks at its ends are cut off */
	FT_TEXT, /* as FT_STR, but line breaks and tabs are allowed and nothing is cut off; other controls are refused */
	FT_ENUM,   /* const char *: one of `choices`, words separated by blanks */
	FT_I64,    /* int64_t; min/max */
	FT_BOOL,   /* bool */
	FT_F64,    /* double; min/max; a null becomes NaN */
	FT_ID,     /* atelier_id; 13 characters on the wire; 0 is written as null */
	FT_TIME,   /* int64_t Unix ms; RFC 3339 on the wire; 0 is written as null; only emitted */
	FT_OBJECT, /* a struct embedded in place, described by `sub` */
	FT_LIST,   /* struct schema_list of structs described by `sub`; max items in `max` */
	FT_STRS, /* struct schema_list of const char *, each as `item` says (FT_STR, FT_ENUM, FT_ID; NULL: any text) */
	FT_JSON, /* const char *: JSON text as it stands (emitted), any value (parsed: compact text); NULL is null. With `sub` it
		    is described as a list of these, or as one with FIELD_OBJECT_ONLY. */
};

enum field_flag {
	FIELD_OPTIONAL = 0,
	FIELD_REQUIRED = 1,     /* parsing: must be there and not null; emitting: described as always there */
	FIELD_SECRET = 2,       /* described as password; its value never reaches an error text */
	FIELD_OMIT = 4,         /* left out instead of null when empty */
	FIELD_UNIQUE = 8,       /* FT_STRS: no item stands there twice */
	FIELD_NULL = 16,        /* null is a value: it is given, too; of FT_I64 `when_null` is written as null */
	FIELD_OBJECT_ONLY = 32, /* FT_JSON: an object and nothing else */
};

struct schema_list {
	void *items; /* array of the element struct, or of const char * */
	size_t n;
};

struct schema;

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset;
	ptrdiff_t present;   /* offset of a bool set to whether the field was there, or -1 */
	int64_t min, max;    /* 0, 0: no bounds */
	int64_t when_null;   /* FT_I64: what a null becomes */
	const char *choices; /* FT_ENUM: its words; FT_JSON: what its reader takes, as members of JSON Schema
				(FIELD_OBJECT_ONLY: beside its type); or NULL */
	const char *pattern; /* of a text, before blanks are cut off: both a POSIX ERE and one of JavaScript */
	const char *hint;    /* what the pattern wants, for people: "must be " and this */
	const struct field *item;
	const struct schema *sub;
	const char *doc;
};

struct schema {
	const char *name; /* in the OpenAPI document */
	size_t size;      /* of the C struct */
	const struct field *fields;
	size_t n_fields;
	const char *doc;
	const char *rule; /* members of JSON Schema that say what fields do together; its reader sees to it */
};

#define SCHEMA(wire_name, type, array, text)                                                                           \
	{                                                                                                              \
		.name = (wire_name), .size = sizeof(type), .fields = (array), .n_fields = N_ELEMENTS(array),           \
		.doc = (text)                                                                                          \
	}

#define FIELD(t, s, member, wire, ...)                                                                                 \
	{                                                                                                              \
		.name = (wire), .type = (t), .offset = offsetof(s, member), .present = -1, __VA_ARGS__                 \
	}
/* As FIELD; the bool member `has` tells whether the field was there (parsing), or is to be (emitting: else null). */
#define FIELD_HAS(t, s, member, has, wire, ...)                                                                        \
	{                                                                                                              \
		.name = (wire), .type = (t), .offset = offsetof(s, member), .present = offsetof(s, has), __VA_ARGS__   \
	}
#define FIELD_STR(s, m, wire, lo, hi, fl, text)                                                                        \
	FIELD(FT_STR, s, m, wire, .min = (lo), .max = (hi), .flags = (fl), .doc = (text))
#define FIELD_TEXT(s, m, wire, lo, hi, fl, text)                                                                       \
	FIELD(FT_TEXT, s, m, wire, .min = (lo), .max = (hi), .flags = (fl), .doc = (text))
#define FIELD_ENUM(s, m, wire, words, fl, text)                                                                        \
	FIELD(FT_ENUM, s, m, wire, .choices = (words), .flags = (fl), .doc = (text))
#define FIELD_I64(s, m, wire, lo, hi, fl, text)                                                                        \
	FIELD(FT_I64, s, m, wire, .min = (lo), .max = (hi), .flags = (fl), .doc = (text))
#define FIELD_F64(s, m, wire, lo, hi, fl, text)                                                                        \
	FIELD(FT_F64, s, m, wire, .min = (lo), .max = (hi), .flags = (fl), .doc = (text))
#define FIELD_BOOL(s, m, wire, fl, text) FIELD(FT_BOOL, s, m, wire, .flags = (fl), .doc = (text))
#define FIELD_ID(s, m, wire, fl, text)   FIELD(FT_ID, s, m, wire, .flags = (fl), .doc = (text))
#define FIELD_TIME(s, m, wire, fl, text) FIELD(FT_TIME, s, m, wire, .flags = (fl), .doc = (text))
#define FIELD_JSON(s, m, wire, fl, text) FIELD(FT_JSON, s, m, wire, .flags = (fl), .doc = (text))
#define FIELD_LIST(s, m, wire, subschema, hi, fl, text)                                                                \
	FIELD(FT_LIST, s, m, wire, .sub = (subschema), .max = (hi), .flags = (fl), .doc = (text))
#define FIELD_OBJECT(s, m, wire, subschema, fl, text)                                                                  \
	FIELD(FT_OBJECT, s, m, wire, .sub = (subschema), .flags = (fl), .doc = (text))

/* Parses a JSON text into `out` (zeroed first). Strings live in the arena. Wrong types, bounds, missing and unknown
 * fields are E_INVALID with a sentence that names the field. NUL, and what is no Unicode, is read as U+FFFD. */
int schema_parse(const struct schema *s, struct str body, void *out, struct arena *a, struct err *e) MUST_CHECK;

/* The same; *ret_given: bit i is set when the object has field i, and it is not null or FIELD_NULL. */
int schema_parse_given(const struct schema *s, struct str body, void *out, uint64_t *ret_given, struct arena *a,
	struct err *e) MUST_CHECK;

/* Copies the fields that were given from one struct of the schema to another: an edit of what is there. */
void schema_apply(const struct schema *s, const void *from, uint64_t given, void *to);

/* Bytes of the member that a field is of. */
size_t schema_size_of(const struct field *f);

/* Adds the struct as a JSON object. */
void schema_emit(const struct schema *s, const void *in, struct buf *b);

/* Ends the program where a table is none: a member outside of its struct, a type without what it needs, a name twice. For its start. */
void schema_check(const struct schema *s);

/* Adds the JSON Schema (OpenAPI 3.1) of the object; sub-schemas as {"$ref":"#/components/schemas/NAME"}. Of one that is
 * `parsed`, exactly what schema_parse takes. */
void schema_describe(const struct schema *s, bool parsed, struct buf *b);
