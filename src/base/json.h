/*
 * json.h - jansson for trees, and the few direct readers and writers that the per-token path uses instead of one.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* json_decrefp(json_t **) is jansson's own cleanup function. */

/*
 * Parses one whole JSON text (any value). Duplicate keys, NUL in strings, more than 256 levels and invalid UTF-8 are
 * refused with E_INVALID and the place; the text itself is never quoted. A number that no int64_t holds is the nearest
 * double. A tree costs up to a hundred times its text ("{}," 80 times), so what it would take beside the bytes of its
 * strings is bounded by `memory`: more is E_TOO_LARGE, found before anything is allocated. The result is owned by the caller.
 */
enum json_reading {
	JSON_READ_STRICT,
	/* Strings may hold what is no text: NUL, halves of surrogate pairs and bytes that are no UTF-8 are read as U+FFFD,
	 * bare control characters as themselves. */
	JSON_READ_MILD,
	/* As MILD; and a number that neither an int64_t nor a double surely holds is kept as it stands: json_long_number. */
	JSON_READ_EXACT,
	/* As EXACT; of a name given twice the last value counts, as with most other parsers; and NaN and Infinity, which Python
	 * writes and JSON does not know, are null. */
	JSON_READ_LOOSE,
};
#define JSON_MEMORY ((size_t)64 << 20) /* for what is not a client's */
int json_read(const char *p, size_t n, size_t memory, enum json_reading how, json_t **ret, struct err *e) MUST_CHECK;

/* json_read, strict, with JSON_MEMORY. */
int json_parse(const char *p, size_t n, json_t **ret, struct err *e) MUST_CHECK;

/* What a tree of this text would take beside the bytes of its strings, in bytes, never too low; counting stops above
 * `memory`. */
size_t json_cost(const char *p, size_t n, size_t memory);

/* The digits of a number that JSON_READ_EXACT kept as it stood, else NULL. To jansson such a value is a JSON_STRING, one
 * that no text can be (json_string_value is ""); json_add_value writes it as the number. */
const char *json_long_number(const json_t *v);

/* The nearest double of any number, such ones too (which may be infinite); false for what is no number. */
bool json_get_number(const json_t *v, double *ret);

/* Adds the text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. */
void json_add_string(struct buf *b, const char *p, size_t n);
void json_add_cstr(struct buf *b, const char *s); /* NULL is written as null */

/* Adds a number in its shortest exact form; null when it is not finite. */
void json_add_double(struct buf *b, double v);

/* Adds a jansson value, compact. */
void json_add_value(struct buf *b, const json_t *v);

/* Adds a text that is one JSON object when it is read loosely: as it stands, or, where a strict reading refuses it, written
 * anew. False: it is none, and nothing was added. */
bool json_add_object(struct buf *b, const char *p, size_t n);

/* p points behind an opening quote. Returns the length of the raw (still escaped) string up to its closing quote when
 * all of it is complete, valid UTF-8 and uses only the two-character escapes; else -1: let the full parser judge. */
ptrdiff_t json_plain_string(const char *p, size_t n);

/* Adds the unescaped text of a raw JSON string (without quotes), all escapes understood; lone surrogates and
 * NUL become U+FFFD. Bytes that are no escape are copied as they are. */
void json_add_unescaped(struct buf *b, const char *p, size_t n);

/* Borrowed members of an object, NULL or the default when absent or of another type. */
const char *json_get_str(const json_t *obj, const char *key);
int64_t json_get_i64(const json_t *obj, const char *key, int64_t otherwise);
