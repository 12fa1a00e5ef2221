/*
 * buf.h - a growable byte buffer born with a maximum. A failed add (over the maximum, out of memory) marks the buffer
 * failed and later adds do nothing, so a writer checks once at the end with buf_status().
 */
#pragma once

#include "base/base.h"

struct err;

struct buf {
	char *p; /* terminated by a NUL that is not counted, once anything was added */
	size_t n, cap;
	size_t max; /* bytes */
	int failed; /* 0, E_TOO_LARGE or -ENOMEM */
};

#define BUF_INIT(limit) ((struct buf){.max = (limit)})

void buf_done(struct buf *b);  /* frees; also the cleanup function */
void buf_wipe(struct buf *b);  /* the same, when there may have been a secret in it */
void buf_reset(struct buf *b); /* empties, keeps the memory and the maximum */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_varint(struct buf *b, uint64_t v); /* seven bits a byte, the lowest first; the last one is below 0x80 */
int buf_take_piece(void *buf, const char *p, size_t n); /* as buf_add, for who gives pieces to a function: buf_status */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Room for n more bytes at p + n, or NULL when the buffer failed; the caller writes there and raises b->n itself. */
char *buf_reserve(struct buf *b, size_t n);

/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Drops what stands behind the first n bytes. */
void buf_cut(struct buf *b, size_t n);

/* 0, or the failure. */
int buf_status(const struct buf *b) MUST_CHECK;

/* The same, recorded: E_TOO_LARGE with these words, or -ENOMEM. */
int buf_check(const struct buf *b, struct err *e, const char *too_large) MUST_CHECK;

/* The bytes as a C string ("" when empty), owned by the caller; the buffer is empty afterwards. NULL if it failed. */
char *buf_take(struct buf *b) MUST_CHECK;

UNUSED static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}
