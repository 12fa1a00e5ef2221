/*
 * device.c - devices on which somebody has signed in before. A browser keeps a signed token of 48 bytes in base64url: user,
 * device and time of issue, 8 bytes that stand for the user's password of that time, and a keyed BLAKE2b over all of it.
 * Nothing is stored; a new password makes all of them void.
 */
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/clock.h"

#define MAC_LEN  16
#define HEAD_LEN 32
#define KEEP_MS  ((int64_t)400 * 24 * 3600 * 1000)

struct device {
	int64_t user_id, id, issued_at, password;
};

/* Which password it is, of which the stored hash tells nothing. */
static int64_t password_mark(const struct auth *a, const char *password_hash)
{
	unsigned char mac[MAC_LEN];

	crypto_generichash(mac, sizeof(mac), (const unsigned char *)password_hash, strlen(password_hash), a->device_key,
		sizeof(a->device_key));
	return auth_get_i64(mac);
}

static void sign(const struct auth *a, const unsigned char head[HEAD_LEN], unsigned char ret[MAC_LEN])
{
	crypto_generichash(ret, MAC_LEN, head, HEAD_LEN, a->device_key, sizeof(a->device_key));
}

static bool read_token(const struct auth *a, const char *token, struct device *ret)
{
	unsigned char raw[HEAD_LEN + MAC_LEN], mac[MAC_LEN];
	size_t n = 0, len = token ? strlen(token) : 0;

	if (len != AUTH_DEVICE_TOKEN_LEN || sodium_base642bin(raw, sizeof(raw), token, len, NULL, &n, NULL,
						    sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0)
		return false;
	sign(a, raw, mac);
	if (n != sizeof(raw) || sodium_memcmp(mac, raw + HEAD_LEN, MAC_LEN) != 0)
		return false;
	*ret = (struct device){.user_id = auth_get_i64(raw),
		.id = auth_get_i64(raw + 8),
		.issued_at = auth_get_i64(raw + 16),
		.password = auth_get_i64(raw + 24)};
	return clock_now_ms() - ret->issued_at < KEEP_MS;
}

bool auth_device_name(const struct auth *a, const char *token, char ret[AUTH_DEVICE_NAME])
{
	struct device d;

	if (!read_token(a, token, &d))
		return false;
	snprintf(ret, AUTH_DEVICE_NAME, "%016llx", (unsigned long long)d.id);
	return true;
}

bool auth_device_known(const struct auth *a, const char *token, const struct user *u, char ret[AUTH_DEVICE_NAME])
{
	struct device d;

	ASSERT_IS(a, AUTH_MAGIC);
	return u->id && read_token(a, token, &d) && d.user_id == u->id &&
	       d.password == password_mark(a, u->password_hash) && auth_device_name(a, token, ret);
}

bool auth_device_renew(struct auth *a, const char *old, const struct user *u, char ret[AUTH_DEVICE_TOKEN_LEN + 1])
{
	unsigned char raw[HEAD_LEN + MAC_LEN];
	char name[AUTH_DEVICE_NAME];

	ASSERT_IS(a, AUTH_MAGIC);
	if (auth_device_known(a, old, u, name))
		return false;
	auth_put_i64(raw, u->id);
	randombytes_buf(raw + 8, 8);
	auth_put_i64(raw + 16, clock_now_ms());
	auth_put_i64(raw + 24, password_mark(a, u->password_hash));
	sign(a, raw, raw + HEAD_LEN);
	sodium_bin2base64(ret, AUTH_DEVICE_TOKEN_LEN + 1, raw, sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return true;
}
