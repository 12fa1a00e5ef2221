/*
 * Stream tokens: 8 bytes each of turn, expiry, session and API key (one of the two is 0), then 32 bytes of keyed BLAKE2b
 * over them, in base64url.
 */
#include <sodium.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "store/keys.h"
#include "store/sessions.h"

#define MAC_LEN       32
#define HEAD_LEN      32
#define CLOCK_SLACK_S 60 /* a clock may be set back a little between making and showing */

void auth_put_i64(unsigned char *p, int64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
}

int64_t auth_get_i64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

static void token_mac(const struct auth *a, const unsigned char head[HEAD_LEN], unsigned char ret[MAC_LEN])
{
	crypto_generichash(ret, MAC_LEN, head, HEAD_LEN, a->stream_key, sizeof(a->stream_key));
}

void auth_stream_token(struct auth *a, const struct auth_stream *s, char ret[AUTH_STREAM_TOKEN_LEN + 1])
{
	unsigned char raw[HEAD_LEN + MAC_LEN];

	ASSERT_IS(a, AUTH_MAGIC);
	auth_put_i64(raw, s->turn_id);
	auth_put_i64(raw + 8, s->expires_at);
	auth_put_i64(raw + 16, s->session_id);
	auth_put_i64(raw + 24, s->key_id);
	token_mac(a, raw, raw + HEAD_LEN);
	sodium_bin2base64(ret, AUTH_STREAM_TOKEN_LEN + 1, raw, sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool read_token(const struct auth *a, const char *token, struct auth_stream *ret)
{
	unsigned char raw[HEAD_LEN + MAC_LEN], mac[MAC_LEN];
	size_t n = 0, len = strlen(token);

	if (len != AUTH_STREAM_TOKEN_LEN || sodium_base642bin(raw, sizeof(raw), token, len, NULL, &n, NULL,
						    sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0)
		return false;
	token_mac(a, raw, mac);
	if (n != sizeof(raw) || sodium_memcmp(mac, raw + HEAD_LEN, MAC_LEN) != 0)
		return false;
	*ret = (struct auth_stream){.turn_id = auth_get_i64(raw),
		.expires_at = auth_get_i64(raw + 8),
		.session_id = auth_get_i64(raw + 16),
		.key_id = auth_get_i64(raw + 24)};
	return true;
}

/* Whose the session or key is and when it ends; E_UNAUTHORIZED when it does not hold any more. */
static int look_up(struct db_conn *c, struct auth_stream *s, const char *scope, struct err *e)
{
	int64_t now = clock_now_ms();

	return s->key_id ? keys_good(c, s->key_id, scope, now, &s->user_id, &s->right_ends_at, e)
			 : sessions_good(c, s->session_id, now, &s->user_id, &s->right_ends_at, e);
}

int auth_still_holds(struct db_conn *c, atelier_id session_id, atelier_id key_id, struct err *e)
{
	struct auth_stream s = {.session_id = session_id, .key_id = key_id};

	return look_up(c, &s, NULL, e);
}

int auth_stream_open(struct auth *a, struct db_conn *c, const char *token, struct auth_stream *ret, struct err *e)
{
	struct auth_stream s;
	int64_t left;
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	if (!read_token(a, token, &s))
		return err_set(e, E_UNAUTHORIZED, "This stream link is not valid.");
	/* One of a clock that was ahead lasts no longer than any other. */
	left = s.expires_at - clock_now_ms();
	if (left <= 0 || left > (a->settings->stream_token_s + CLOCK_SLACK_S) * 1000)
		return err_set(e, E_EXPIRED, "This stream link has expired. Follow the turn under its own address.");
	/* The link holds no longer than what it was made with. */
	r = look_up(c, &s, "api", e);
	if (r == 0)
		*ret = s;
	return r;
}
