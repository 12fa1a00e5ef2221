/* The certificate: which files are taken, what is said of others, handshakes, and loading it anew. */
#include "http/tls.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>

#include "net.h"

static char folder[] = "/tmp/atelier-tls-XXXXXX";
static char cert[64], key[64], other_key[64];

/* ---- files ---- */

static EVP_PKEY *write_key(const char *path, const EVP_CIPHER *cipher)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "we");

	assert_true(pair && f);
	assert_int_equal(
		PEM_write_PrivateKey(f, pair, cipher, (const unsigned char *)"word", cipher ? 4 : 0, NULL, NULL), 1);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	return pair;
}

static void write_cert(const char *path, EVP_PKEY *pair, long serial, long from_s, long until_s)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *alt =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:chat.example.org,DNS:b.example.org");
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), until_s);
	X509_set_pubkey(x, pair);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_add_ext(x, alt, -1);
	assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
	X509_EXTENSION_free(alt);
	X509_free(x);
}

static void write_pair(long serial, long from_s, long until_s)
{
	EVP_PKEY *pair = write_key(key, NULL);

	write_cert(cert, pair, serial, from_s, until_s);
	EVP_PKEY_free(pair);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

enum { DAY = 86400 };

/* ---- a handshake in memory ---- */

struct met {
	bool done;
	int version;
	long serial;
	char protocol[32];
};

static SSL *client_new(SSL_CTX *ctx, const char *alpn)
{
	SSL *c = SSL_new(ctx);

	SSL_set_connect_state(c);
	if (alpn)
		assert_int_equal(SSL_set_alpn_protos(c, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
	return c;
}

static void carry(SSL *from, SSL *to)
{
	char bytes[4096];
	int n;

	while ((n = BIO_read(SSL_get_wbio(from), bytes, sizeof(bytes))) > 0)
		BIO_write(SSL_get_rbio(to), bytes, n);
}

static struct met handshake(SSL *s, int most, const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct met met = {.done = false};
	const unsigned char *chosen;
	unsigned n;

	SSL_CTX_set_security_level(ctx, 0); /* or it would not even ask for the old versions */
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, most);
	SSL *c = client_new(ctx, alpn);
	SSL_set_bio(c, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_bio(s, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	for (int i = 0; i < 8 && !met.done; i++) {
		int a = SSL_do_handshake(c);
		carry(c, s);
		int b = SSL_do_handshake(s);
		carry(s, c);
		met.done = a == 1 && b == 1;
	}
	met.version = SSL_version(c);
	SSL_get0_alpn_selected(c, &chosen, &n);
	snprintf(met.protocol, sizeof(met.protocol), "%.*s", (int)n, n ? (const char *)chosen : "");
	const X509 *x = SSL_get0_peer_certificate(c);
	met.serial = x ? ASN1_INTEGER_get(X509_get0_serialNumber(x)) : 0;
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(ctx);
	return met;
}

/* ---- tests ---- */

static void test_versions_and_protocols(void **state UNUSED)
{
	struct err e = {0};
	struct tls *t;

	write_pair(1, -DAY, 90 * DAY);
	assert_int_equal(tls_new(cert, key, &t, &e), 0);
	struct met met = handshake(tls_accept(t), TLS1_3_VERSION, "\x02h2\x08http/1.1");
	assert_true(met.done && met.version == TLS1_3_VERSION);
	assert_string_equal(met.protocol, "http/1.1");
	met = handshake(tls_accept(t), TLS1_2_VERSION, NULL);
	assert_true(met.done && met.version == TLS1_2_VERSION);
	assert_string_equal(met.protocol, "");
	assert_false(handshake(tls_accept(t), TLS1_1_VERSION, NULL).done);
	assert_false(handshake(tls_accept(t), TLS1_3_VERSION, "\x02h2").done);
	tls_free(t);
}

static void test_reload(void **state UNUSED)
{
	struct err e = {0};
	struct tls *t;

	write_pair(1, -DAY, 90 * DAY);
	assert_int_equal(tls_new(cert, key, &t, &e), 0);
	struct ssl_st *old = tls_accept(t);
	write_pair(2, -DAY, 90 * DAY);
	assert_int_equal(tls_reload(t, &e), 0);
	assert_int_equal(handshake(tls_accept(t), TLS1_3_VERSION, NULL).serial, 2);
	assert_int_equal(handshake(old, TLS1_3_VERSION, NULL).serial, 1); /* keeps what it began with */
	/* Half of a new pair, as when the renewing program is at work, changes nothing. */
	EVP_PKEY_free(write_key(key, NULL));
	assert_int_equal(tls_reload(t, &e), E_INVALID);
	assert_non_null(strstr(e.msg, "does not belong"));
	assert_int_equal(handshake(tls_accept(t), TLS1_3_VERSION, NULL).serial, 2);
	/* Nor does one that browsers would refuse in its place, until it is no better itself. */
	static const long bad[][2] = {{-9 * DAY, -DAY}, {DAY, 90 * DAY}};
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		err_clear(&e);
		write_pair(3, bad[i][0], bad[i][1]);
		assert_int_equal(tls_reload(t, &e), E_INVALID);
		assert_non_null(strstr(e.msg, "has ended or is not valid yet"));
		assert_int_equal(handshake(tls_accept(t), TLS1_3_VERSION, NULL).serial, 2);
	}
	struct tls *ended;
	assert_int_equal(tls_new(cert, key, &ended, &e), 0);
	write_pair(4, -9 * DAY, -DAY);
	assert_int_equal(tls_reload(ended, &e), 0);
	assert_int_equal(handshake(tls_accept(ended), TLS1_3_VERSION, NULL).serial, 4);
	tls_free(ended);
	/* A connection outlives the server's part of it. */
	old = tls_accept(t);
	tls_free(t);
	assert_true(handshake(old, TLS1_3_VERSION, NULL).done);
}

static const char *refused(const char *c, const char *k)
{
	static struct err e;
	struct tls *t;

	err_clear(&e);
	assert_int_equal(tls_new(c, k, &t, &e), E_INVALID);
	assert_int_equal(e.msg[strlen(e.msg) - 1] == '.' || strstr(e.msg, "openssl pkey"), 1);
	return e.msg;
}

static void test_what_is_wrong_is_named(void **state UNUSED)
{
	write_pair(1, -DAY, 90 * DAY);
	EVP_PKEY_free(write_key(other_key, NULL));
	assert_non_null(strstr(refused("/nowhere/cert", key), "/nowhere/cert"));
	assert_non_null(strstr(refused(cert, "/nowhere/key"), "/nowhere/key"));
	assert_non_null(strstr(refused(cert, other_key), "does not belong"));
	assert_non_null(strstr(refused(key, key), "no certificate"));
	assert_non_null(strstr(refused(cert, cert), "no key"));
	write_text(other_key, "garbage\n");
	assert_non_null(strstr(refused(cert, other_key), "no key"));
	write_text(other_key, "");
	assert_non_null(strstr(refused(other_key, key), "no certificate"));
	EVP_PKEY_free(write_key(other_key, EVP_aes_128_cbc()));
	assert_non_null(strstr(refused(cert, other_key), "has a password"));
	assert_non_null(strstr(refused(folder, key), folder));
	unlink(other_key);
}

static struct tls_state state_of(long from_s, long until_s, mode_t mode)
{
	struct tls_state s;
	struct err e = {0};
	struct tls *t;

	write_pair(1, from_s, until_s);
	assert_int_equal(chmod(key, mode), 0);
	assert_int_equal(tls_new(cert, key, &t, &e), 0);
	tls_state(t, &s);
	tls_free(t);
	return s;
}

static void test_warnings(void **state UNUSED)
{
	struct tls_state s = state_of(-DAY, 90 * DAY, 0600);

	assert_string_equal(s.warning, "");
	assert_string_equal(s.names, "chat.example.org, b.example.org");
	assert_true(llabs(s.expires_ms / 1000 - (time(NULL) + 90 * DAY)) < 100);
	assert_non_null(strstr(state_of(-DAY, 5 * DAY + 100, 0600).warning, "ends in 5 days"));
	assert_non_null(strstr(state_of(-3 * DAY, -DAY, 0600).warning, "has ended"));
	assert_non_null(strstr(state_of(DAY, 90 * DAY, 0600).warning, "not valid yet"));
	assert_non_null(strstr(state_of(-DAY, 90 * DAY, 0644).warning, "chmod 600"));
	assert_string_equal(state_of(-DAY, 90 * DAY, 0640).warning, ""); /* a group of its own is the usual way */
}

static int remove_folder(void **state UNUSED)
{
	unlink(cert);
	unlink(key);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_and_protocols),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_warnings),
	};

	if (!mkdtemp(folder))
		return 1;
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	snprintf(other_key, sizeof(other_key), "%s/other.pem", folder);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
