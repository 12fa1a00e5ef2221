/* vault.c - sealing, opening and counting: 24 bytes of random nonce, then the sealed text with its tag. */
#include "store/vault.h"

#include <sodium.h>
#include <stdio.h>

#include "store/store_priv.h"

#define NONCE_LEN crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PLACE_MAX 1024

_Static_assert(VAULT_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the key of XChaCha20-Poly1305");

/* What the sealed text is bound to; E_TOO_LARGE. */
static int place(const struct vault_place *at, struct buf *ret, struct err *e)
{
	buf_printf(ret, "%s:%lld", at->column, (long long)at->row);
	if (at->bound)
		buf_printf(ret, ":%s", at->bound);
	return buf_check(ret, e, "What a secret is bound to is too long.");
}

int vault_seal(const struct vault *v, const struct vault_place *at, struct str text, struct buf *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf bound = BUF_INIT(PLACE_MAX);
	unsigned long long n = 0;
	int r = place(at, &bound, e);

	if (r < 0)
		return r;
	if (text.n > VAULT_MAX)
		return err_set(e, E_TOO_LARGE, "A secret has at most %d bytes.", VAULT_MAX);
	unsigned char *to = (unsigned char *)buf_reserve(ret, NONCE_LEN + text.n + TAG_LEN);
	if (!to)
		return err_set(e, buf_status(ret), "no room for a sealed secret");
	randombytes_buf(to, NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(to + NONCE_LEN, &n, (const unsigned char *)text.p, text.n,
		(const unsigned char *)bound.p, bound.n, NULL, to, v->key);
	ret->n += NONCE_LEN + (size_t)n;
	return 0;
}

int vault_put(struct db_conn *c, const struct vault *v, const struct vault_place *at, const char *text, struct err *e)
{
	CLEANUP(buf_done) struct buf sealed = BUF_INIT(VAULT_MAX + NONCE_LEN + TAG_LEN);
	int table = (int)strcspn(at->column, ".");
	char sql[160];
	int r = *text ? vault_seal(v, at, str_from(text), &sealed, e) : 0;

	ASSERT(at->column[table]);
	snprintf(sql, sizeof(sql), "UPDATE %.*s SET %s = ? WHERE id = ?", table, at->column, at->column + table + 1);
	if (r < 0)
		return r;
	return db_exec(c, NULL, e, sql, sealed.n ? DB_BLOB(sealed.p, sealed.n) : DB_NULL, DB_I64(at->row));
}

int vault_open(const struct vault *v, const struct vault_place *at, struct str sealed, struct arena *a, char **ret,
	struct err *e)
{
	CLEANUP(buf_done) struct buf bound = BUF_INIT(PLACE_MAX);
	const unsigned char *from = (const unsigned char *)sealed.p;
	char *text = NULL;
	int r = place(at, &bound, e);

	if (r < 0)
		return r;
	if (sealed.n >= NONCE_LEN + TAG_LEN) {
		text = arena_alloc(a, sealed.n - NONCE_LEN - TAG_LEN + 1);
		if (!text)
			return err_set(e, -ENOMEM, "no memory left for a secret");
	}
	if (!text || crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)text, NULL, NULL, from + NONCE_LEN,
			     sealed.n - NONCE_LEN, (const unsigned char *)bound.p, bound.n, from, v->key) < 0)
		return err_set(e, E_INVALID,
			"The stored key cannot be opened: it was stored with another master key, or for another"
			" address. Enter the key again, or put master.key or the setting master_key back.");
	*ret = text;
	return 0;
}

int vault_count(struct db_conn *c, int64_t *ret, struct err *e)
{
	return STORE_I64(c, ret, NULL, e,
		"SELECT (SELECT count(*) FROM providers WHERE key IS NOT NULL)"
		" + (SELECT count(*) FROM vector_stores WHERE key IS NOT NULL)"
		" + (SELECT count(*) FROM tool_secrets)");
}
