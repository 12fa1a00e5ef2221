/*
 * json.h - jansson for trees, and the few direct readers and writers that the per-token path uses instead of one.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* json_decrefp(json_t **) is jansson's own cleanup function. */

/* Parses one whole JSON text (any value). Duplicate keys, NUL in strings, more than 256 levels and invalid UTF-8 are
 * refused with E_INVALID and the place; the text itself is never quoted. The result is owned by the caller. */
int json_parse(const char *p, size_t n, json_t **ret, struct err *e) MUST_CHECK;

/* Adds the text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. */
void json_add_string(struct buf *b, const char *p, size_t n);
void json_add_cstr(struct buf *b, const char *s); /* NULL is written as null */

/* Adds a number in its shortest exact form; null when it is not finite. */
void json_add_double(struct buf *b, double v);

/* Adds a jansson value, compact. */
void json_add_value(struct buf *b, const json_t *v);

/* p points behind an opening quote. Returns the length of the raw (still escaped) string up to its closing quote when
 * all of it is complete, valid UTF-8 and uses only the two-character escapes; else -1: let the full parser judge. */
ptrdiff_t json_plain_string(const char *p, size_t n);

/* Adds the unescaped text of a raw JSON string (without quotes), all escapes understood; lone surrogates and
 * NUL become U+FFFD. Bytes that are no escape are copied as they are. */
void json_add_unescaped(struct buf *b, const char *p, size_t n);

/* Borrowed members of an object, NULL or the default when absent or of another type. */
const char *json_get_str(const json_t *obj, const char *key);
int64_t json_get_i64(const json_t *obj, const char *key, int64_t otherwise);
