/* vault.c - sealing and opening: 24 bytes of random nonce, then the sealed text with its tag. */
#include "store/vault.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define NONCE_LEN  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PLACE_SIZE 96

_Static_assert(VAULT_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the key of XChaCha20-Poly1305");

/* What the sealed text is bound to; returns its length. */
static size_t place(char text[PLACE_SIZE], const char *column, int64_t row)
{
	int n = snprintf(text, PLACE_SIZE, "%s:%lld", column, (long long)row);

	if (n < 0 || n >= PLACE_SIZE)
		abort(); /* names of columns are ours */
	return (size_t)n;
}

int vault_seal(const struct vault *v, const char *column, int64_t row, struct str text, struct buf *ret, struct err *e)
{
	char at[PLACE_SIZE];
	size_t n_at = place(at, column, row);
	unsigned long long n = 0;

	if (text.n > VAULT_MAX)
		return err_set(e, E_TOO_LARGE, "A secret has at most %d bytes.", VAULT_MAX);
	unsigned char *to = (unsigned char *)buf_reserve(ret, NONCE_LEN + text.n + TAG_LEN);
	if (!to)
		return err_set(e, buf_status(ret), "no room for a sealed secret");
	randombytes_buf(to, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(to + NONCE_LEN, &n, (const unsigned char *)text.p, text.n,
		(const unsigned char *)at, n_at, NULL, to, v->key);
	ret->n += NONCE_LEN + (size_t)n;
	return 0;
}

int vault_open(const struct vault *v, const char *column, int64_t row, struct str sealed, struct arena *a, char **ret,
	struct err *e)
{
	const unsigned char *from = (const unsigned char *)sealed.p;
	char at[PLACE_SIZE];
	size_t n_at = place(at, column, row);
	char *text = NULL;

	if (sealed.n >= NONCE_LEN + TAG_LEN) {
		text = arena_alloc(a, sealed.n - NONCE_LEN - TAG_LEN + 1);
		if (!text)
			return err_set(e, -ENOMEM, "no memory left for a secret");
	}
	if (!text || crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)text, NULL, NULL, from + NONCE_LEN,
			     sealed.n - NONCE_LEN, (const unsigned char *)at, n_at, from, v->key) < 0)
		return err_set(e, E_INVALID,
			"The stored key cannot be opened: it was stored with another master key. Enter the key again, "
			"or put master.key or the setting master_key back.");
	*ret = text;
	return 0;
}
