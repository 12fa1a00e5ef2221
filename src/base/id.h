/*
 * id.h - identifiers: a positive 63-bit number, milliseconds since 2020 above 22 random bits, so that they rise with
 * time and fit an SQL integer key; on the wire 13 characters of Crockford's base 32 in lower case.
 */
#pragma once

#include "base/base.h"

#define ID_LEN     13
#define ID_PATTERN "^(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}$" /* what id_parse takes, for the OpenAPI document */

typedef int64_t atelier_id; /* 0 is no id */

atelier_id id_new(void);

/* The least that an id made at this time or later can be. */
atelier_id id_at(int64_t unix_ms); /* unique within the process, also within one millisecond; any thread */
void id_format(atelier_id id, char ret[ID_LEN + 1]);
bool id_parse(const char *s, size_t n, atelier_id *ret); /* exactly 13 characters, canonical */
