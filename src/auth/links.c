/*
 * links.c - links by which a person sets a password: an administrator makes one for somebody new, or who has forgotten the
 * password, and hands it over. The token is shown once; its hash is kept for LINK_DAYS.
 */
#include <sodium.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "store/links.h"

#define LINK_DAYS 3
#define DAY_MS    ((int64_t)24 * 3600 * 1000)

int auth_link_new(struct auth *a, atelier_id user_id, struct auth_link *ret, struct err *e)
{
	unsigned char hash[AUTH_HASH_LEN];

	ASSERT_IS(a, AUTH_MAGIC);
	auth_make_token(ret->token);
	auth_hash_token(ret->token, hash);
	ret->expires_at = clock_now_ms() + LINK_DAYS * DAY_MS;
	return links_set(a->db, user_id, (struct str){(const char *)hash, sizeof(hash)}, ret->expires_at, e);
}

/* Whose it is: found before the hash of a password is made, which takes long. */
static int find(struct auth *a, struct str hash, struct arena *mem, struct user *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(a->db);
	atelier_id id;
	int r = links_find(c, hash, clock_now_ms(), &id, e);

	if (r == 0)
		r = users_by_id(c, id, mem, ret, e);
	if (r == 0 && ret->disabled)
		r = err_set(e, E_FORBIDDEN, "This account is disabled.");
	return r;
}

int auth_link_use(
	struct auth *a, const char *token, const char *password, struct arena *mem, struct user *ret, struct err *e)
{
	unsigned char hash[AUTH_HASH_LEN];
	const struct str link = {(const char *)hash, sizeof(hash)};
	char password_hash[128];
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	auth_hash_token(token, hash);
	r = find(a, link, mem, ret, e);
	if (r == 0)
		r = auth_hash_password(ret->name, password, password_hash, e);
	if (r < 0)
		return r;
	return users_set_password(
		a->db, ret->id, &(struct user_password){.hash = password_hash, .end_keys = false, .link = link}, e);
}
