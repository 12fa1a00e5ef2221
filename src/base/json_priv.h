/* json_priv.h - what the reader and the writer of JSON share. */
#pragma once

#include "base/json.h"

/* The length of the run at p of bytes that stand for themselves in a JSON string and need no second look. */
size_t json_plain_run(const char *p, size_t n);

/* Four hexadecimal digits, or -1. */
int32_t json_hex4(const char *p, size_t n);
