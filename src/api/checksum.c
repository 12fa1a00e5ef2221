/* checksum.c - sha1 and sha256 by OpenSSL, crc32 (four bytes, the highest first) by zlib. */
#include "api/checksum.h"

#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <zlib.h>

static int begin_digest(struct checksum *c, const EVP_MD *md)
{
	c->digest = EVP_MD_CTX_new();
	return c->digest && EVP_DigestInit_ex(c->digest, md, NULL) == 1 ? 0 : E_INTERNAL;
}

static bool is(struct str name, const char *what)
{
	return str_eq(name, str_from(what));
}

int checksum_begin(struct checksum *c, const char *header, struct err *e)
{
	struct str name = {header, header ? strcspn(header, " ") : 0};
	size_t size = is(name, "sha1") ? 20 : is(name, "sha256") ? 32 : is(name, "crc32") ? 4 : 0;
	const char *text, *end;

	*c = (struct checksum){0};
	if (!header)
		return 0;
	if (!size)
		return err_set(e, E_INVALID, "Upload-Checksum: the algorithms known are %s.", CHECKSUM_ALGORITHMS);
	text = header + name.n + strspn(header + name.n, " ");
	if (sodium_base642bin(c->wanted, sizeof(c->wanted), text, strlen(text), NULL, &c->n_wanted, &end,
		    sodium_base64_VARIANT_ORIGINAL) != 0 ||
		*end || c->n_wanted != size)
		return err_set(e, E_INVALID, "Upload-Checksum: there must be %zu bytes in base64.", size);
	if (size == 4)
		c->crc = crc32(0, NULL, 0);
	else if (begin_digest(c, size == 20 ? EVP_sha1() : EVP_sha256()) < 0)
		return err_set(e, E_INTERNAL, "the checksum cannot be computed");
	return 0;
}

void checksum_add(struct checksum *c, const void *p, size_t n)
{
	ASSERT(n <= UINT_MAX); /* what zlib counts in */
	if (c->digest)
		(void)EVP_DigestUpdate(c->digest, p, n);
	else if (c->n_wanted)
		c->crc = crc32(c->crc, p, (unsigned)n);
}

bool checksum_matches(struct checksum *c)
{
	unsigned char found[EVP_MAX_MD_SIZE] = {(unsigned char)(c->crc >> 24), (unsigned char)(c->crc >> 16),
		(unsigned char)(c->crc >> 8), (unsigned char)c->crc};

	_Static_assert(sizeof(c->wanted) <= sizeof(found), "each digest that is taken has its room");
	ASSERT(c->n_wanted <= sizeof(c->wanted));
	if (c->digest && EVP_DigestFinal_ex(c->digest, found, NULL) != 1)
		return false;
	return memcmp(found, c->wanted, c->n_wanted) == 0;
}

void checksum_done(struct checksum *c)
{
	EVP_MD_CTX_free(c->digest);
	c->digest = NULL;
}
