/* renewal.c - see renewal.h and docs/decisions/109. */
#include "auth/renewal.h"

#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/keys.h"

/* Several requests of one program find at the same time that its token has ended, and an answer may get lost. */
#define REPEAT_MS 60000

_Static_assert(sizeof(((struct auth_renewal *)0)->hash) == AUTH_HASH_LEN, "it holds a hash");

void auth_renewal_make(atelier_id key_id, const char *key, struct auth_renewal *ret)
{
	ret->key_id = key_id;
	auth_key_hash(key, ret->hash);
	auth_make_token(ret->next);
}

int auth_key_renew(struct auth *a, const struct auth_renewal *x, int64_t token_ends_at, int64_t expires_at,
	char ret_key[AUTH_API_KEY_LEN + 1], struct err *e)
{
	unsigned char hash[AUTH_HASH_LEN];
	char prefix[AUTH_KEY_SHOWN + 1];
	bool stolen = false;

	ASSERT_IS(a, AUTH_MAGIC);
	snprintf(ret_key, AUTH_API_KEY_LEN + 1, AUTH_KEY_PREFIX "%s", x->next);
	memcpy(prefix, ret_key, AUTH_KEY_SHOWN);
	prefix[AUTH_KEY_SHOWN] = '\0';
	auth_key_hash(ret_key, hash);
	int r = keys_renew(a->db,
		&(struct key_renewal){.id = x->key_id,
			.hash = x->hash,
			.next_hash = hash,
			.n = sizeof(hash),
			.next_prefix = prefix,
			.now = clock_now_ms(),
			.token_ends_at = token_ends_at,
			.expires_at = expires_at,
			.repeat_after = token_ends_at - REPEAT_MS},
		&stolen, e);
	if (r == 0 && stolen) {
		log_warn("auth", "a refresh token was used twice, so two have it: the program's key is deleted");
		r = err_set(
			e, E_CONFLICT, "This was used before, by whoever has it now: the program must sign in anew.");
	}
	if (r < 0)
		sodium_memzero(ret_key, AUTH_API_KEY_LEN + 1);
	return r;
}
