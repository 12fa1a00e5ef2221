/* Stream tokens: 8 bytes of turn, 8 bytes of expiry, 32 bytes of keyed BLAKE2b over both, in base64url. */
#include <sodium.h>

#include "auth/auth_priv.h"
#include "base/clock.h"

#define MAC_LEN       32
#define CLOCK_SLACK_S 60 /* a clock may be set back a little between making and showing */
#define RAW_LEN       (16 + MAC_LEN)

static void put_i64(unsigned char *p, int64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
}

static int64_t get_i64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

static void token_mac(const struct auth *a, const unsigned char head[16], unsigned char ret[MAC_LEN])
{
	crypto_generichash(ret, MAC_LEN, head, 16, a->stream_key, sizeof(a->stream_key));
}

void auth_stream_token(struct auth *a, atelier_id turn_id, int64_t expires_at, char ret[AUTH_STREAM_TOKEN_LEN + 1])
{
	unsigned char raw[RAW_LEN];

	put_i64(raw, turn_id);
	put_i64(raw + 8, expires_at);
	token_mac(a, raw, raw + 16);
	sodium_bin2base64(ret, AUTH_STREAM_TOKEN_LEN + 1, raw, RAW_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int auth_stream_turn(struct auth *a, const char *token, atelier_id *ret_turn_id, struct err *e)
{
	unsigned char raw[RAW_LEN], mac[MAC_LEN];
	size_t n = 0, len = strlen(token);
	int64_t left;

	if (len != AUTH_STREAM_TOKEN_LEN ||
		sodium_base642bin(raw, RAW_LEN, token, len, NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) <
			0 ||
		n != RAW_LEN)
		return err_set(e, E_UNAUTHORIZED, "This stream link is not valid.");
	token_mac(a, raw, mac);
	if (sodium_memcmp(mac, raw + 16, MAC_LEN) != 0)
		return err_set(e, E_UNAUTHORIZED, "This stream link is not valid.");
	/* One of a clock that was ahead lasts no longer than any other. */
	left = get_i64(raw + 8) - clock_now_ms();
	if (left <= 0 || left > (a->settings->stream_token_s + CLOCK_SLACK_S) * 1000)
		return err_set(e, E_EXPIRED, "This stream link has expired. Follow the turn under its own address.");
	*ret_turn_id = get_i64(raw);
	return 0;
}
