/* Encrypted connections: requests, bodies, large answers and streams; who speaks plainly there, or never begins; and what our
 * own client says of a certificate that nobody vouches for. */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "http/client.h"
#include "http/listen.h"
#include "http/server_priv.h"
#include "http/tls.h"
#include "net.h"

enum { LARGE = 3 << 20 };

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct tls *tls;
	struct listeners listeners;
	struct http_server *server;
	struct http_client *client;
	SSL_CTX *ctx;
	char *large;
	unsigned port;
	struct http_stream *stream;
	size_t left; /* of the stream */
	sem_t event;
};

/* --- the handler --------------------------------------------------------------------------------------------------- */

static void on_body(struct http_exchange *x)
{
	struct buf b = BUF_INIT(1000);

	buf_printf(&b, "%zu bytes%s", http_body(x).n, http_is_tls(x) ? ", encrypted" : "");
	http_reply(x, 200, "text/plain", &b);
}

static void pump(struct fixture *f)
{
	char line[8000];

	memset(line, 'x', sizeof(line));
	while (f->left && http_stream_write(f->stream, line, sizeof(line)))
		f->left--;
	if (!f->left)
		http_stream_end(f->stream);
}

static void on_writable(void *arg)
{
	pump(arg);
}

static void on_close(void *arg)
{
	sem_post(&((struct fixture *)arg)->event);
}

static void on_head(struct http_exchange *x, void *arg)
{
	static const struct http_stream_ops ops = {on_writable, on_close};
	struct fixture *f = arg;

	if (strcmp(http_path(x), "/large") == 0) {
		http_reply_static(x, 200, "text/plain", f->large, LARGE);
	} else if (strcmp(http_path(x), "/stream") == 0) {
		f->left = 300;
		f->stream = http_stream_begin(&(struct http_place){.x = x}, "text/event-stream", &ops, f);
		pump(f);
	} else if (http_body_collect(x, 1 << 20, 1, on_body) < 0) {
		http_reply_static(x, 413, "text/plain", "large", 5);
	}
}

/* --- fixture --------------------------------------------------------------------------------------------------------- */

static void write_files(const char *cert, const char *key)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	FILE *f = fopen(key, "we");

	PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(key, 0600);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -100);
	X509_gmtime_adj(X509_getm_notAfter(x), 100000);
	X509_set_pubkey(x, pair);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
	f = fopen(cert, "we");
	PEM_write_X509(f, x);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pair);
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char folder[] = "/tmp/atelier-secure-XXXXXX", cert[64], key[64];
	struct err e = {0};

	if (!mkdtemp(folder))
		return -1;
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	write_files(cert, key);
	if (tls_new(cert, key, &f->tls, &e) < 0 ||
		listeners_open(&f->listeners, &(struct listen_config){.words = "127.0.0.1:0", .tls = f->tls}, &e) < 0)
		return -1;
	unlink(cert);
	unlink(key);
	rmdir(folder);
	f->large = malloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		f->large[i] = (char)('a' + i % 23);
	sem_init(&f->event, 0, 0);
	f->loop = loop_new();
	const struct http_server_config c = {.listeners = f->listeners.items,
		.n_listeners = f->listeners.n,
		.max_header_bytes = 4000,
		.max_connections = 100,
		.body_budget = 4 << 20,
		.body_budget_unknown = 4 << 20,
		.on_head = on_head,
		.arg = f};
	if (http_server_new(f->loop, &c, &f->server, &e) < 0 || http_client_new(f->loop, &f->client) < 0)
		return -1;
	f->port = http_server_port(f->server);
	f->ctx = SSL_CTX_new(TLS_client_method());
	*state = f;
	return pthread_create(&f->thread, NULL, run, f->loop);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	http_server_free(f->server);
	http_client_free(f->client);
	listeners_close(&f->listeners);
	tls_free(f->tls);
	loop_free(f->loop);
	SSL_CTX_free(f->ctx);
	sem_destroy(&f->event);
	free(f->large);
	free(f);
	return 0;
}

static SSL *connect_to(struct fixture *f)
{
	SSL *ssl = SSL_new(f->ctx);

	SSL_set_fd(ssl, net_connect_small(f->port, 4096));
	assert_int_equal(SSL_connect(ssl), 1);
	return ssl;
}

static void disconnect(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

/* Reads until `t` ends in the text. */
static void read_until(SSL *ssl, struct net_text *t, const char *end)
{
	size_t n = strlen(end);

	while (t->n < n || memcmp(t->p + t->n - n, end, n) != 0) {
		net_room(t, 65536);
		int k = SSL_read(ssl, t->p + t->n, 60000);
		if (k <= 0)
			fail_msg("closed before \"%s\"", end);
		t->n += (size_t)k;
		t->p[t->n] = '\0';
	}
}

static void say(SSL *ssl, const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void test_requests(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	SSL *ssl = connect_to(f);
	char *body = xcalloc(1, 300001);

	say(ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
	read_until(ssl, &t, "0 bytes, encrypted");
	memset(body, 'b', 300000);
	say(ssl, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n");
	say(ssl, body);
	read_until(ssl, &t, "300000 bytes, encrypted");
	free(body);
	disconnect(ssl);
}

static void test_large_answer(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	SSL *ssl = connect_to(f);
	char some[16384];
	int n;

	say(ssl, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	while ((n = SSL_read(ssl, some, sizeof(some))) > 0) {
		net_room(&t, (size_t)n);
		memcpy(t.p + t.n, some, (size_t)n);
		t.n += (size_t)n;
	}
	assert_int_equal(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN); /* not cut off */
	assert_true(t.n > LARGE);
	assert_int_equal(memcmp(t.p + t.n - LARGE, f->large, LARGE), 0);
	disconnect(ssl);
}

static void test_stream(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	SSL *ssl = connect_to(f);

	say(ssl, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	read_until(ssl, &t, "\r\n0\r\n\r\n");
	assert_in_range(t.n, 300 * 8000, 300 * 8100);
	say(ssl, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	read_until(ssl, &t, "0 bytes, encrypted");
	disconnect(ssl);
}

static void test_spoken_plainly(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);

	net_say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	net_until_closed(fd, &t);
	assert_int_equal(strncmp(t.p, "HTTP/1.1 400 ", 13), 0);
	assert_non_null(strstr(t.p, "This port speaks https, not http"));
	close(fd);
}

static int hurry(void *arg)
{
	struct fixture *f = arg;

	http_server_set_pace(f->server, &(struct http_pace){.tick_ms = 10,
						.head_ms = 50,
						.idle_ms = 100000,
						.grace_ms = 100000,
						.rate = 1,
						.stall_ms = 100000,
						.linger_ms = 100000});
	return 0;
}

static void test_never_begins(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);

	loop_call(f->loop, hurry, f);
	net_send(fd, "\x16\x03\x01", 3);
	net_until_closed(fd, &t);
	assert_int_equal(t.n, 0);
	close(fd);
}

static void test_unknown_issuer(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf body = BUF_INIT(1000);
	struct http_result res = {0};
	struct err e = {0};
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", f->port);
	struct http_call call = {.method = "GET", .url = url};
	assert_int_equal(http_client_fetch(f->client, &call, NULL, &body, &res, &e), E_PROVIDER_DOWN);
	assert_true(res.wrong_peer);
	assert_non_null(strstr(e.msg, "its certificate was not issued by anybody whom this machine trusts"));
	snprintf(url, sizeof(url), "127.0.0.1:%u", f->port);
	assert_non_null(strstr(e.msg, url));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_large_answer),
		TEST(test_stream),
		TEST(test_spoken_plainly),
		TEST(test_never_begins),
		TEST(test_unknown_issuer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
