/* tls.c - certificate, key and what a connection needs of them. */
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/magic.h"

enum { WARN_DAYS = 14, DAY_MS = 24 * 3600 * 1000 };

struct tls {
	unsigned magic; /* TLS_MAGIC */
#define TLS_MAGIC 0x746c7374u
	char *cert_path, *key_path;
	pthread_mutex_t mx;
	SSL_CTX *ctx; /* under mx; counted by each connection, so that an old one lives as long as they do */
};

DEFINE_CLEANUP(SSL_CTX, SSL_CTX_free)

/* The reason that OpenSSL gives first; the others only follow from it. */
static const char *reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "it cannot be used";
}

/* A key with a password would make OpenSSL ask for it on the terminal. */
static int no_password(char *to, int n, int writing, void *arg)
{
	(void)to;
	(void)n;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

static int choose_protocol(
	SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered, unsigned n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)ret, ret_n, ours, sizeof(ours) - 1, offered, n) ==
			       OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* So that a missing file is told from one that is no certificate. A pipe would be waited at for ever, deaf to signals. */
static int can_read(const char *what, const char *path, struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, E_INVALID, "The %s %s cannot be read: %s.", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, E_INVALID, "The %s %s is no file that can be read again and again.", what, path);
	return 0;
}

static int load_files(SSL_CTX *ctx, const struct tls *t, struct err *e)
{
	bool asked = false;
	int r = can_read("certificate", t->cert_path, e);

	if (r == 0)
		r = can_read("certificate's key", t->key_path, e);
	if (r < 0)
		return r;
	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	if (SSL_CTX_use_certificate_chain_file(ctx, t->cert_path) != 1)
		return err_set(
			e, E_INVALID, "%s is no certificate in PEM form that can be used: %s.", t->cert_path, reason());
	/* Checked below, so that a key which is none and one of another certificate are two messages. */
	if (SSL_CTX_use_PrivateKey_file(ctx, t->key_path, SSL_FILETYPE_PEM) != 1) {
		unsigned long code = ERR_peek_error();

		if (asked)
			return err_set(e, E_INVALID,
				"The key %s has a password. Store it without: openssl pkey -in %s -out ...",
				t->key_path, t->key_path);
		if (ERR_GET_LIB(code) == ERR_LIB_X509)
			return err_set(e, E_INVALID, "The key %s does not belong to the certificate %s.", t->key_path,
				t->cert_path);
		return err_set(e, E_INVALID, "%s is no key in PEM form that can be used: %s.", t->key_path, reason());
	}
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_set(
			e, E_INVALID, "The key %s does not belong to the certificate %s.", t->key_path, t->cert_path);
	return 0;
}

static int context_new(const struct tls *t, SSL_CTX **ret, struct err *e)
{
	CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int r;

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
		return err_set(e, E_INTERNAL, "OpenSSL cannot be used: %s.", reason());
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	/* A connection that waits for tokens holds no buffers. */
	SSL_CTX_set_mode(
		ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	r = load_files(ctx, t, e);
	if (r < 0) {
		ERR_clear_error();
		return r;
	}
	*ret = TAKE_PTR(ctx);
	return 0;
}

int tls_new(const char *cert_path, const char *key_path, struct tls **ret, struct err *e)
{
	struct tls *t = xcalloc(1, sizeof(*t));
	int r;

	MAGIC_SET(t, TLS_MAGIC);
	t->cert_path = xstrdup(cert_path);
	t->key_path = xstrdup(key_path);
	pthread_mutex_init(&t->mx, NULL);
	r = context_new(t, &t->ctx, e);
	if (r < 0) {
		tls_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	pthread_mutex_destroy(&t->mx);
	free(t->cert_path);
	free(t->key_path);
	MAGIC_END(t, TLS_MAGIC);
	free(t);
}

static bool is_of_today(SSL_CTX *ctx)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);

	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* At a start one that browsers refuse is better than none; here it would take the place of one that they take. */
int tls_reload(struct tls *t, struct err *e)
{
	SSL_CTX *fresh = NULL, *left;
	int r = context_new(t, &fresh, e);

	ASSERT_IS(t, TLS_MAGIC);
	if (r < 0)
		return r;
	pthread_mutex_lock(&t->mx);
	bool worse = !is_of_today(fresh) && is_of_today(t->ctx);
	left = worse ? fresh : t->ctx;
	if (!worse)
		t->ctx = fresh;
	pthread_mutex_unlock(&t->mx);
	SSL_CTX_free(left);
	return worse ? err_set(e, E_INVALID, "The certificate %s has ended or is not valid yet.", t->cert_path) : 0;
}

/* The context of this moment; to be freed. */
static SSL_CTX *context_ref(struct tls *t)
{
	SSL_CTX *ctx;

	ASSERT_IS(t, TLS_MAGIC);
	pthread_mutex_lock(&t->mx);
	ctx = t->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&t->mx);
	return ctx;
}

struct ssl_st *tls_accept(struct tls *t)
{
	CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = context_ref(t);
	SSL *ssl = SSL_new(ctx);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}

/* ---- what is worth a word ---- */

static int64_t time_ms(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void add_names(const X509 *cert, char *to, size_t size)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			buf_printf(&b, "%s%.*s", b.n ? ", " : "", ASN1_STRING_length(name->d.dNSName),
				(const char *)ASN1_STRING_get0_data(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	snprintf(to, size, "%.*s", (int)MIN(b.n, size - 1), b.n ? b.p : "");
}

static void add_warnings(const struct tls *t, const X509 *cert, struct tls_state *to)
{
	int64_t now = clock_now_ms(), days = (to->expires_ms - now) / DAY_MS;
	size_t n = 0, size = sizeof(to->warning);
	struct stat st;

	if (to->expires_ms < now)
		n = (size_t)snprintf(
			to->warning, size, "The certificate %.150s has ended; browsers refuse it.", t->cert_path);
	else if (days < WARN_DAYS)
		n = (size_t)snprintf(
			to->warning, size, "The certificate %.150s ends in %lld days.", t->cert_path, (long long)days);
	else if (time_ms(X509_get0_notBefore(cert)) > now)
		n = (size_t)snprintf(to->warning, size, "The certificate %.150s is not valid yet; is the clock right?",
			t->cert_path);
	if (n < size && stat(t->key_path, &st) == 0 && (st.st_mode & S_IRWXO))
		snprintf(to->warning + n, size - n,
			"%sOthers on this machine may read the key %.150s; chmod 600 closes it.", n ? " " : "",
			t->key_path);
}

void tls_state(struct tls *t, struct tls_state *ret)
{
	CLEANUP(SSL_CTX_freep) SSL_CTX *ctx = context_ref(t);
	const X509 *cert = SSL_CTX_get0_certificate(ctx);

	ASSERT_IS(t, TLS_MAGIC);
	*ret = (struct tls_state){.expires_ms = time_ms(X509_get0_notAfter(cert))};
	add_names(cert, ret->names, sizeof(ret->names));
	add_warnings(t, cert, ret);
}
