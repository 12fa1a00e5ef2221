/* What is of the public internet, and that a call which must stay there cannot be led away from it. */
#include <pthread.h>
#include <sys/un.h>

#include "http/client.h"
#include "http/public.h"
#include "net.h"
#include "sys/fault.h"

static bool is_public(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return http_is_public((struct sockaddr *)&four);
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return http_is_public((struct sockaddr *)&six);
}

static void test_addresses(void **state UNUSED)
{
	static const char *const open[] = {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8",
		"64:ff9b::808:808", "2002:808:808::1", "2a00::5efe:808:808"};
	static const char *const closed[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
		"100.100.100.200", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
		"198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::1",
		"2002:a9fe:a9fe::1", "2001::1", "2001:1::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254",
		"fe80::1", "fec0::1", "ff02::1", "100::1", "4000::1", "2a00::5efe:7f00:1", "2a00::200:5efe:a00:1"};
	struct sockaddr_un local = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < N_ELEMENTS(open); i++)
		if (!is_public(open[i]))
			fail_msg("%s was taken for closed", open[i]);
	for (size_t i = 0; i < N_ELEMENTS(closed); i++)
		if (is_public(closed[i]))
			fail_msg("%s was taken for public", closed[i]);
	assert_false(http_is_public((struct sockaddr *)&local));
}

/* ---- calls ---- */

struct fixture {
	struct loop *loop;
	pthread_t loop_thread, server;
	struct http_client *client;
	int listener;
	unsigned port;
	_Atomic unsigned connections;
	_Atomic bool cuts; /* what it answers, in the middle */
};

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

/* Answers each request of each connection, one connection at a time, and keeps them open. */
static void *serve(void *arg)
{
	struct fixture *f = arg;
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 2\r\n\r\nhi";

	for (;;) {
		CLEANUP(closep) int fd = accept(f->listener, NULL, NULL);
		char request[4096];

		if (fd < 0)
			return NULL;
		f->connections++;
		while (recv(fd, request, sizeof(request), 0) > 0)
			if (!net_send(fd, answer, sizeof(answer) - 1 - f->cuts) || f->cuts)
				break;
	}
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(f->listener, 16), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&sa, &n), 0);
	f->port = ntohs(sa.sin_port);
	f->loop = loop_new();
	assert_int_equal(http_client_new(f->loop, &f->client), 0);
	pthread_create(&f->loop_thread, NULL, run_loop, f->loop);
	pthread_create(&f->server, NULL, serve, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_stop(f->loop);
	pthread_join(f->loop_thread, NULL);
	http_client_free(f->client);
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->server, NULL);
	close(f->listener);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int get_public(struct fixture *f, const char *host, struct err *e)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(1 << 20);
	struct cancel cancel;
	char url[128], type[96] = "";

	cancel_init(&cancel);
	snprintf(url, sizeof(url), "http://%s:%u/x", host, f->port);
	int r = http_client_get_public(f->client, url, 3000, &cancel, &body, type, e);
	cancel_done(&cancel);
	return r;
}

/* However the address is written, and whatever its name: the connection is not made. */
static void test_refused(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1",
		"017700000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]",
		"127.0.0.1.", "user@127.0.0.1", "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1"};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMENTS(hosts); i++) {
		struct err e = {0};
		int r = get_public(f, hosts[i], &e);

		/* What curl takes for a name that it does not know is as good. */
		if (r != E_FORBIDDEN && r != E_INVALID)
			fail_msg("%s: %d %s", hosts[i], r, e.msg);
		if (i < 8 && r != E_FORBIDDEN)
			fail_msg("%s was not refused: %d %s", hosts[i], r, e.msg);
		if (r == E_FORBIDDEN)
			assert_non_null(strstr(e.msg, "public internet"));
	}
	assert_int_equal(f->connections, 0);
}

/* What cannot be had is the request's fault, whichever way it fails: no provider's, and nothing to try again. */
static void test_not_to_be_had(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	unsigned port = f->port;

	fault_set("public_address:EIO");
	assert_int_equal(get_public(f, "127.0.0.1", &e), 0);
	f->cuts = true;
	assert_int_equal(get_public(f, "127.0.0.1", &e), E_INVALID);
	assert_non_null(strstr(e.msg, "in the middle"));
	err_clear(&e);
	f->port = 1;
	assert_int_equal(get_public(f, "127.0.0.1", &e), E_INVALID);
	assert_non_null(strstr(e.msg, "cannot be reached"));
	f->port = port;
	fault_set(NULL);
}

/* A connection that other calls have left open is not used. */
static void test_not_reused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf body = BUF_INIT(1 << 20);
	struct http_result res = {0};
	struct cancel cancel;
	struct err e = {0};
	char url[64];

	cancel_init(&cancel);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", f->port);
	struct http_call call = {.method = "GET", .url = url, .connect_timeout_ms = 3000};
	assert_int_equal(http_client_fetch(f->client, &call, &cancel, &body, &res, &e), 0);
	assert_int_equal(body.n, 2);
	buf_done(&res.error_body);
	assert_int_equal(get_public(f, "127.0.0.1", &e), E_FORBIDDEN);
	assert_int_equal(f->connections, 1);
	cancel_done(&cancel);
}

/* The whole call has an end, whatever trickles in. */
static void test_total(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf body = BUF_INIT(1 << 20);
	CLEANUP(closep) int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	struct http_result res = {0};
	struct cancel cancel;
	struct err e = {0};
	char url[64];

	assert_int_equal(bind(silent, (struct sockaddr *)&sa, n), 0);
	assert_int_equal(listen(silent, 4), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&sa, &n), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(sa.sin_port));
	cancel_init(&cancel);
	struct http_call call = {.method = "GET", .url = url, .connect_timeout_ms = 3000, .total_timeout_ms = 300};
	assert_int_equal(http_client_fetch(f->client, &call, &cancel, &body, &res, &e), E_PROVIDER_TIMEOUT);
	assert_non_null(strstr(e.msg, "within 0.3 seconds"));
	buf_done(&res.error_body);
	cancel_done(&cancel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		TEST(test_refused),
		TEST(test_not_to_be_had),
		TEST(test_not_reused),
		TEST(test_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
