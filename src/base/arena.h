/*
 * arena.h - memory that dies with its owner: a request, a turn, a job. Capped at birth. One thread at a time.
 * With -DARENA_EMULATE every object is a malloc of its own, so that sanitizers see each overrun.
 */
#pragma once

#include <stdarg.h>

#include "base/base.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
	size_t total, cap; /* bytes */
	size_t next;       /* size of the next chunk; 0: of the first one */
};

void arena_init(struct arena *a, size_t cap);
void arena_done(struct arena *a);
void arena_wipe(struct arena *a); /* the same, when there may have been a secret in it: what was used is overwritten */

/* Zeroed, aligned for any type; NULL when the cap is reached or memory is out: the caller reports -ENOMEM. */
void *arena_alloc(struct arena *a, size_t n) MUST_CHECK;
#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc_array((a), (n), sizeof(type)))
void *arena_alloc_array(struct arena *a, size_t n, size_t size) MUST_CHECK;

/* Terminated copies; NULL as above. arena_strdup(NULL) is NULL. */
char *arena_strdup(struct arena *a, const char *s) MUST_CHECK;
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
bool arena_keep(struct arena *a, const char **text) MUST_CHECK; /* makes it a copy; NULL stays. false: as NULL above */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
