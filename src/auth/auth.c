/* auth.c - signing in and out, sessions and who a request is of. What is kept of a token is its hash; the use of a session is noted
 * now and then, by a write that nobody waits for. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/secret.h"
#include "store/sessions.h"
#include "sys/loop.h"
#include "sys/metrics.h"

#define DAY_MS       ((int64_t)24 * 3600 * 1000)
#define REQUEST_ROWS 512
#define TOUCH_MS     ((int64_t)3600 * 1000) /* a session's last use is written at most this often */

_Static_assert(AUTH_TOKEN_LEN + 1 == sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	"a token is 32 bytes in base64url");

int auth_new(struct db *db, const struct settings *s, const char *key_path, struct auth **ret, struct err *e)
{
	unsigned char master[AUTH_KEY_LEN];
	int r;

	if (sodium_init() < 0)
		return err_set(e, E_INTERNAL, "libsodium does not start");
	r = auth_key_may_be_made(db, s, key_path, e);
	if (r == 0)
		r = auth_key_load(s, key_path, master, e);
	if (r < 0)
		return r;
	struct auth *a = secret_new(sizeof(*a));
	MAGIC_SET(a, AUTH_MAGIC);
	a->db = db;
	a->settings = s;
	a->key_path = key_path;
	a->tries = tries_new(s->login_attempts);
	a->requests = meter_new(REQUEST_ROWS);
	a->known = known_keys_new();
	pthread_mutex_init(&a->setup_mx, NULL);
	pthread_mutex_init(&a->touched_mx, NULL);
	auth_key_derive(master, AUTH_KEY_STREAM, a->stream_key);
	auth_key_derive(master, AUTH_KEY_VAULT, a->vault.key);
	auth_key_derive(master, AUTH_KEY_DEVICE, a->device_key);
	auth_key_derive(master, AUTH_KEY_RENEWAL, a->renewal_key);
	randombytes_buf(a->visitor_key, sizeof(a->visitor_key));
	sodium_memzero(master, sizeof(master));
	r = auth_setup_init(a, e);
	if (r < 0) {
		auth_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	tries_free(a->tries);
	meter_free(a->requests);
	known_keys_free(a->known);
	pthread_mutex_destroy(&a->setup_mx);
	pthread_mutex_destroy(&a->touched_mx);
	MAGIC_END(a, AUTH_MAGIC);
	secret_free(a);
}

const struct vault *auth_vault(const struct auth *a)
{
	ASSERT_IS(a, AUTH_MAGIC);
	return &a->vault;
}

void auth_hash_token(const char *token, unsigned char ret[AUTH_HASH_LEN])
{
	crypto_generichash(ret, AUTH_HASH_LEN, (const unsigned char *)token, strlen(token), NULL, 0);
}

void auth_make_token(char ret[AUTH_TOKEN_LEN + 1])
{
	unsigned char raw[32];

	randombytes_buf(raw, sizeof(raw));
	sodium_bin2base64(ret, AUTH_TOKEN_LEN + 1, raw, sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int auth_session_new(
	struct auth *a, const struct user *u, const struct auth_visitor *from, struct auth_session *ret, struct err *e)
{
	unsigned char cookie[AUTH_HASH_LEN], bearer[AUTH_HASH_LEN];
	atelier_id id;
	int64_t now = clock_now_ms();

	ASSERT(u->id);
	ASSERT_IS(a, AUTH_MAGIC);
	auth_make_token(ret->cookie);
	auth_make_token(ret->bearer);
	ret->expires_at = now + a->settings->session_days * DAY_MS;
	auth_hash_token(ret->cookie, cookie);
	auth_hash_token(ret->bearer, bearer);
	return sessions_create(a->db,
		&(struct session){.user_id = u->id,
			.cookie_hash = {(const char *)cookie, sizeof(cookie)},
			.bearer_hash = {(const char *)bearer, sizeof(bearer)},
			.created_at = now,
			.last_seen_at = now,
			.expires_at = ret->expires_at,
			.user_agent = from->user_agent,
			.address = from->address},
		&id, e);
}

bool auth_visitor_group(struct auth *a, const struct auth_visitor *v, char ret[AUTH_GROUP_LEN])
{
	char device[AUTH_DEVICE_NAME];
	struct address address;
	bool known = auth_device_name(a, v->device, device);

	ASSERT_IS(a, AUTH_MAGIC);
	if (known)
		snprintf(ret, AUTH_GROUP_LEN, "device %s", device);
	else if (address_parse(str_from(v->address), &address))
		address_format(&address, 48, ret);
	else
		snprintf(ret, AUTH_GROUP_LEN, "%s", v->address);
	return known;
}

uint64_t auth_visitor_number(struct auth *a, const struct auth_visitor *v)
{
	char group[AUTH_GROUP_LEN];
	uint64_t hash;

	(void)auth_visitor_group(a, v, group);
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)group, strlen(group), a->visitor_key);
	return hash ? hash : 1;
}

/* 0 with the user found, 0 with ret->password_hash NULL when there is none who may log in. */
static int login_find(struct auth *a, const char *name, struct arena *mem, struct user *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(a->db);
	struct err quiet = {0};
	int r = users_by_name(c, name, mem, ret, &quiet);

	if (r == E_NOT_FOUND || (r == 0 && ret->disabled)) {
		*ret = (struct user){0};
		return 0;
	}
	return r < 0 ? err_set(e, r, "%s", quiet.msg) : 0;
}

int auth_login(struct auth *a, const char *name, const char *password, const struct auth_visitor *from,
	struct arena *mem, struct user *ret_user, struct auth_session *ret, struct err *e)
{
	char device[AUTH_DEVICE_NAME];
	struct user user = {0};
	struct taken taken;
	bool matches;
	int r;

	ASSERT(thread_may_wait());
	ASSERT_IS(a, AUTH_MAGIC);
	r = login_find(a, name, mem, &user, e);
	if (r < 0)
		return r;
	bool known = auth_device_known(a, from->device, &user, device);
	struct knock knock = {.name = name, .address = from->address, .device = known ? device : NULL};
	r = tries_take(a->tries, &knock, clock_mono_us(), &taken, e);
	if (r < 0)
		return r;
	r = auth_password_matches(user.password_hash, password, &matches, e);
	if (r < 0)
		return r;
	if (!matches) {
		metric_add(M_logins_failed_total, 1);
		return err_set(e, E_UNAUTHORIZED, "The user name or the password is wrong.");
	}
	tries_good(a->tries, &taken);
	r = auth_session_new(a, &user, from, ret, e);
	if (r < 0)
		return r;
	metric_add(M_logins_total, 1);
	*ret_user = user;
	return 0;
}

bool auth_touch_is_due(struct auth *a, atelier_id id, int64_t last, int64_t now, int64_t every_ms)
{
	struct touched *slot = &a->touched[(uint64_t)id % N_ELEMENTS(a->touched)];
	bool mine;

	ASSERT_IS(a, AUTH_MAGIC);
	/* One in the future is of a clock that was set ahead, and must not stay. */
	if (now < CLOCK_PLAUSIBLE_MS || (now - last < every_ms && last <= now + every_ms))
		return false;
	pthread_mutex_lock(&a->touched_mx);
	mine = slot->id != id || now - slot->at >= every_ms || now < slot->at;
	if (mine)
		*slot = (struct touched){id, now};
	pthread_mutex_unlock(&a->touched_mx);
	return mine;
}

/* The use of a session moves its end, and never to an earlier time: a clock that is set back for a moment would sign out everybody who
 * did something in it. One that was used while the clock was ahead is for the maintenance, which knows whether it stands still. */
static void session_touch(struct auth *a, const struct session *s, int64_t now)
{
	if (s->last_seen_at <= now && auth_touch_is_due(a, s->id, s->last_seen_at, now, TOUCH_MS))
		sessions_touch(a->db, s->id, now, now + a->settings->session_days * DAY_MS);
}

int auth_identify(struct auth *a, struct db_conn *c, const char *cookie, const char *bearer, struct arena *mem,
	struct auth_identity *ret, struct err *e)
{
	const char *token = bearer ? bearer : cookie;
	enum session_by wanted = bearer ? SESSION_BY_BEARER : SESSION_BY_COOKIE, by = wanted;
	unsigned char hash[AUTH_HASH_LEN];
	struct session session = {0};
	struct user user = {0};
	int64_t now = clock_now_ms();
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	if (auth_is_api_key(bearer))
		return auth_identify_key(a, c, bearer, mem, ret, e);
	if (!token || strlen(token) != AUTH_TOKEN_LEN)
		return err_set(e, E_UNAUTHORIZED, "Sign in first.");
	auth_hash_token(token, hash);
	r = sessions_find(c, hash, sizeof(hash), now, mem, &session, &user, &by, e);
	if (r < 0)
		return r;
	if (by != wanted)
		return err_set(e, E_UNAUTHORIZED, "Sign in first.");
	session_touch(a, &session, now);
	*ret = (struct auth_identity){.user = user,
		.session_id = session.id,
		.expires_at = session.expires_at,
		.scopes = AUTH_SCOPE_ALL,
		.by_cookie = by == SESSION_BY_COOKIE};
	return 0;
}

int auth_logout(struct auth *a, atelier_id session_id, struct err *e)
{
	return sessions_delete(a->db, session_id, e);
}

/* Counted by session: without the password nobody gets another one, and who has stolen one keeps nobody else out. */
int auth_change_password(
	struct auth *a, const struct auth_identity *who, const struct auth_password_change *in, struct err *e)
{
	char hash[128], key[64];
	bool matches;
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	snprintf(key, sizeof(key), "password %lld", (long long)who->session_id);
	r = tries_take_plain(a->tries, key, clock_mono_us(), e);
	if (r < 0)
		return r;
	r = auth_password_matches(who->user.password_hash, in->current, &matches, e);
	if (r < 0)
		return r;
	if (!matches)
		return err_set(e, E_FORBIDDEN, "The present password is wrong.");
	tries_good_plain(a->tries, key);
	r = auth_hash_password(who->user.name, in->wanted, hash, e);
	if (r < 0)
		return r;
	return users_set_password(
		a->db, who->user.id, &(struct user_password){.hash = hash, .end_keys = in->end_keys}, e);
}

int auth_take_request(struct auth *a, atelier_id user_id, struct err *e)
{
	int64_t per_minute = a->settings->rate_per_minute;
	struct rate r = {per_minute, 60000000 / per_minute};
	int64_t wait =
		meter_take(a->requests, (struct str){(const char *)&user_id, sizeof(user_id)}, r, clock_mono_us());

	ASSERT_IS(a, AUTH_MAGIC);
	return wait > 0 ? tries_must_wait(wait, "Too many requests.", e) : 0;
}
