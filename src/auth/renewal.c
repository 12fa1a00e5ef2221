/*
 * renewal.c - a token is followed by the one that is computed from it (a keyed hash of the key's number and the token's), never by
 * one that is drawn: so a request whose answer was lost, or two at once, come to the same next token, and nothing has to be kept of
 * the step but the hash that the database has. What was used before that is told by the row, and means that two have it (decision
 * 109).
 */
#include "auth/renewal.h"

#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/keys.h"

_Static_assert(sizeof(((struct auth_renewal *)0)->hash) == AUTH_HASH_LEN, "it holds a hash");

void auth_renewal_make(atelier_id key_id, const char *key, struct auth_renewal *ret)
{
	ret->key_id = key_id;
	auth_key_hash(key, ret->hash);
	snprintf(ret->key, sizeof(ret->key), "%s", key);
}

/* Nothing is drawn: of several answers to one step, each renews to the same token. */
static void next_token(const struct auth *a, const struct auth_renewal *x, char ret[AUTH_TOKEN_LEN + 1])
{
	unsigned char step[8 + AUTH_HASH_LEN], mac[32];

	auth_put_i64(step, x->key_id);
	memcpy(step + 8, x->hash, AUTH_HASH_LEN);
	crypto_generichash(mac, sizeof(mac), step, sizeof(step), a->renewal_key, sizeof(a->renewal_key));
	sodium_bin2base64(ret, AUTH_TOKEN_LEN + 1, mac, sizeof(mac), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(mac, sizeof(mac));
}

int auth_key_renew(struct auth *a, const struct auth_renewal *x, int64_t token_ends_at, int64_t expires_at,
	char ret_key[AUTH_API_KEY_LEN + 1], struct err *e)
{
	unsigned char hash[AUTH_HASH_LEN];
	char prefix[AUTH_KEY_SHOWN + 1], next[AUTH_TOKEN_LEN + 1];
	enum key_renewed what = KEY_RENEWED;

	ASSERT_IS(a, AUTH_MAGIC);
	next_token(a, x, next);
	snprintf(ret_key, AUTH_API_KEY_LEN + 1, AUTH_KEY_PREFIX "%s", next);
	sodium_memzero(next, sizeof(next));
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
			.repeat_after = token_ends_at - AUTH_RENEWAL_REPEAT_S * 1000,
			.may_stay = x->key[0] != '\0'},
		&what, e);
	if (r == 0 && what == KEY_STAYS)
		snprintf(ret_key, AUTH_API_KEY_LEN + 1, "%s", x->key);
	if (r == 0 && what == KEY_STOLEN) {
		log_warn("auth", "a refresh token was used twice, so two have it: the program's key is deleted");
		r = err_set(
			e, E_CONFLICT, "This was used before, by whoever has it now: the program must sign in anew.");
	}
	if (r < 0)
		sodium_memzero(ret_key, AUTH_API_KEY_LEN + 1);
	return r;
}
