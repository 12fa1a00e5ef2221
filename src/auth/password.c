/* password.c - passwords: which are taken, and their hashes (Argon2id, of settings that take a tenth of a second). */
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/utf8.h"
#include "sys/fault.h"
#include "sys/loop.h"

#define PASSWORD_MIN 8 /* characters, as a person counts them, and not bytes */
#define PASSWORD_MAX 1024
#define BYTES_MAX    ((size_t)4 * PASSWORD_MAX)
#define NAME_MAX_LEN 64
#define HASH_OPS     2
#define HASH_BYTES   ((size_t)64 << 20)
#define SUM_BYTES    32

_Static_assert(crypto_pwhash_STRBYTES == 128, "the header promises room for 128");

/* The cost of a hash, for names that do not exist: nobody knows a password that gives this one. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$YXRlbGllci1ub2JvZHktMQ$"
			     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

int auth_check_password(const char *name, const char *password, struct err *e)
{
	size_t n = utf8_count(password, strlen(password));
	const char *why;

	if (n < PASSWORD_MIN)
		return err_set(e, E_INVALID, "A password needs at least %d characters.", PASSWORD_MIN);
	if (n > PASSWORD_MAX)
		return err_set(
			e, E_INVALID, "A password may have at most %d characters; this one has %zu.", PASSWORD_MAX, n);
	why = auth_common_password(name, password);
	if (why)
		return err_set(e, E_INVALID,
			"This password %s: it would be among the first that somebody guesses. Choose another, such as "
			"several words that nobody would put together.",
			why);
	return 0;
}

int auth_hash_password(const char *name, const char *password, char ret[128], struct err *e)
{
	int r;

	ASSERT(thread_may_wait()); /* it takes long */
	if (sodium_init() < 0)
		return err_set(e, E_INTERNAL, "libsodium does not start");
	r = auth_check_password(name, password, e);
	if (r < 0)
		return r;
	r = crypto_pwhash_str_alg(ret, password, strlen(password), HASH_OPS, HASH_BYTES, crypto_pwhash_ALG_ARGON2ID13);
	return r == 0 ? 0 : err_set(e, -ENOMEM, "no memory to hash a password");
}

/* A hash in its parts. */
struct parts {
	unsigned ops, kib;
	unsigned char salt[crypto_pwhash_SALTBYTES], sum[SUM_BYTES];
};

/* Reads n bytes of base64 up to `after`. */
static const char *read_bytes(const char *p, unsigned char *ret, size_t n, char after)
{
	const char *end;
	size_t got;

	if (sodium_base642bin(ret, n, p, strlen(p), NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) < 0 ||
		got != n || *end != after)
		return NULL;
	return end;
}

static bool read_hash(const char *hash, struct parts *ret)
{
	int at = 0;

	if (sscanf(hash, "$argon2id$v=19$m=%u,t=%u,p=1$%n", &ret->kib, &ret->ops, &at) != 2 || at == 0)
		return false;
	hash = read_bytes(hash + at, ret->salt, sizeof(ret->salt), '$');
	return hash && read_bytes(hash + 1, ret->sum, sizeof(ret->sum), '\0');
}

/* In place of crypto_pwhash_str_verify(), which takes memory that is out for a wrong password. */
int auth_password_matches(const char *hash, const char *password, bool *ret, struct err *e)
{
	unsigned char sum[SUM_BYTES];
	size_t n = strlen(password);
	struct parts of = {0};
	bool any = hash && read_hash(hash, &of);
	int r = any || read_hash(nobody, &of) ? FAULT("password_memory") : -EINVAL;

	ASSERT(thread_may_wait());
	if (r < 0 || crypto_pwhash(sum, sizeof(sum), password, MIN(n, BYTES_MAX + 1), of.salt, of.ops,
			     (size_t)of.kib << 10, crypto_pwhash_ALG_ARGON2ID13) < 0)
		return err_set(e, -ENOMEM, "no memory to check a password");
	*ret = sodium_memcmp(sum, of.sum, sizeof(sum)) == 0 && any && n <= BYTES_MAX;
	sodium_memzero(sum, sizeof(sum));
	return 0;
}

int auth_check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n < 1 || n > NAME_MAX_LEN)
		return err_set(e, E_INVALID, "A user name has 1 to %d characters.", NAME_MAX_LEN);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)name[i] >= 128 || (!isalnum((unsigned char)name[i]) && !strchr("._-@", name[i])))
			return err_set(e, E_INVALID, "A user name is made of letters, digits and . _ - @ only.");
	}
	return 0;
}

int auth_create_user(
	struct db *db, const char *name, const char *password, const char *role, atelier_id *ret, struct err *e)
{
	char hash[128];
	int r;

	if (strcmp(role, ROLE_ADMIN) != 0 && strcmp(role, ROLE_USER) != 0)
		return err_set(e, E_INVALID, "A role is %s or %s.", ROLE_ADMIN, ROLE_USER);
	r = auth_check_name(name, e);
	if (r < 0)
		return r;
	r = auth_hash_password(name, password, hash, e);
	if (r < 0)
		return r;
	return users_create(db, &(struct user_new){.name = name, .password_hash = hash, .role = role}, ret, e);
}
