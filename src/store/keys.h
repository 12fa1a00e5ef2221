/* keys.h - API keys of people for other programs. Only hashes of the secrets are kept. */
#pragma once

#include "store/users.h"

struct api_key {
	atelier_id id;
	atelier_id user_id;
	const char *username;
	const char *name;
	const char *prefix; /* the secret's first characters */
	struct str hash;    /* of the secret */
	const char *scopes; /* words of: gateway api models */
	const char *models; /* JSON array of ids and patterns; NULL: all */
	int64_t created_at;
	int64_t expires_at;    /* 0: never */
	int64_t token_ends_at; /* the secret alone, which may be changed for another (keys_renew); 0: never */
	struct str first_hash; /* of one that may: of its first secret; no two are of the same. NULL: none */
	int64_t last_used_at;  /* 0: never */
};

struct api_key_list ROWS_OF(struct api_key);

#define KEYS_PER_USER 200

/* Of `in`, all counts but id, username and the times of making and last use. E_CONFLICT, with a sentence, for the
 * KEYS_PER_USER + 1st. */
int keys_create(struct db *db, const struct api_key *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* The key whose hash this is, with its user. E_UNAUTHORIZED, with a sentence, when there is none, it has expired by
 * `now` or the user is disabled. */
int keys_find(struct db_conn *c, const void *hash, size_t n, int64_t now, struct arena *a, struct api_key *ret,
	struct user *ret_user, struct err *e) MUST_CHECK;

/* Whether a key still holds, with this scope (NULL: any), for a user who is not disabled: whose it is, and its end (0:
 * none). E_UNAUTHORIZED. */
int keys_good(struct db_conn *c, atelier_id id, const char *scope, int64_t now, atelier_id *ret_user_id,
	int64_t *ret_expires_at, struct err *e) MUST_CHECK;

/* A user's keys (0: everybody's), newest first. */
int keys_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct api_key_list *ret, struct err *e) MUST_CHECK;
int keys_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct api_key *ret,
	struct err *e) MUST_CHECK;

struct api_key_change {
	const char *name;   /* NULL: stays */
	const char *scopes; /* NULL: stays */
	bool has_models;    /* `models` counts */
	const char *models; /* NULL: all */
};
int keys_change(
	struct db *db, atelier_id user_id, atelier_id id, const struct api_key_change *x, struct err *e) MUST_CHECK;

/* Removes it, with the limits set for it. user_id 0: whoever's it is. *ret_user_id (may be NULL): whose it was. */
int keys_delete(struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_user_id, struct err *e) MUST_CHECK;

/* A new secret for a key, told with the one that it takes the place of. */
struct key_renewal {
	atelier_id id;
	const void *hash, *next_hash; /* of `n` bytes */
	size_t n;
	const char *next_prefix;
	int64_t now, token_ends_at, expires_at;
	int64_t repeat_after; /* one that ends later than this was made so lately that the same may be asked again */
	bool may_stay;        /* one that is so new stays as it is */
};
/* What became of it. KEY_STOLEN: it had been renewed with that secret before, so two have it, and the key is deleted. */
enum key_renewed { KEY_RENEWED, KEY_STAYS, KEY_STOLEN };

/* E_NOT_FOUND: no such key, or nobody may use it any more. */
int keys_renew(struct db *db, const struct key_renewal *x, enum key_renewed *ret, struct err *e) MUST_CHECK;

/* Notes the use; a key that is gone is no error. */
void keys_touch(struct db *db, atelier_id id, int64_t now);
