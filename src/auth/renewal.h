/* renewal.h - API keys whose token is changed for another again and again: what a program holds that signed in to /mcp. */
#pragma once

#include "auth/auth.h"

/* Several requests of one program find at the same time that its token has ended, and an answer may get lost: within so many
 * seconds the same comes to the same. */
#define AUTH_RENEWAL_REPEAT_S 60

/* What whoever may renew a key brings back. */
struct auth_renewal {
	atelier_id key_id;
	unsigned char hash[32];         /* of the token that the key has now */
	char key[AUTH_API_KEY_LEN + 1]; /* that token; empty: not known */
};

/* Of a key that was just made or renewed: what will renew it. */
void auth_renewal_make(atelier_id key_id, const char *key, struct auth_renewal *ret);

/* The key with the token that follows, which ends at `token_ends_at`, and all of it at `expires_at` (Unix ms). Which one follows is
 * settled by the one before, so whoever is told the same step goes on with the same; the same within a minute comes to the same, and a
 * token that is not older than that stays, since others of the program may be using it. E_NOT_FOUND: it may not be renewed (any more); E_CONFLICT: it was renewed with that token before, so two have it: it is deleted. */
int auth_key_renew(struct auth *a, const struct auth_renewal *x, int64_t token_ends_at, int64_t expires_at,
	char ret_key[AUTH_API_KEY_LEN + 1], struct err *e) MUST_CHECK;
