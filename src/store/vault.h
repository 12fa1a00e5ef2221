/*
 * vault.h - secrets that must be read again (keys of providers) as they stand in the database: sealed with
 * XChaCha20-Poly1305. What is sealed belongs to one row and column, and
 * to what its owner has bound it to: with anything else it does not open. Any thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "db/db.h"

#define VAULT_KEY_LEN 32

struct vault {
	unsigned char key[VAULT_KEY_LEN];
};

/* Longest text that is sealed. */
#define VAULT_MAX 65536

struct vault_place {
	const char *column; /* "table.column" */
	int64_t row;
	const char *bound; /* any text, like the address that a key may be sent to; NULL: none */
};

/* Adds nonce and sealed text to `ret`. E_TOO_LARGE. */
int vault_seal(const struct vault *v, const struct vault_place *at, struct str text, struct buf *ret,
	struct err *e) MUST_CHECK;

/* Within a db_write: seals a text into its column, which its row has already. "": NULL is there then. */
int vault_put(struct db_conn *c, const struct vault *v, const struct vault_place *at, const char *text,
	struct err *e) MUST_CHECK;

/* The text in the arena, terminated. E_INVALID with a sentence when it was sealed with another key, for another place, or
 * is damaged. */
int vault_open(const struct vault *v, const struct vault_place *at, struct str sealed, struct arena *a, char **ret,
	struct err *e) MUST_CHECK;

/* How many secrets are sealed in the database. */
int vault_count(struct db_conn *c, int64_t *ret, struct err *e) MUST_CHECK;
