/* How a provider's pieces are acknowledged, seen from its side: at once, or when the kernel does it by itself. */
#include <netinet/tcp.h>
#include <pthread.h>

#include "base/clock.h"
#include "http/client.h"
#include "net.h"
#include "sys/loop.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
enum { FIRST = 20, LOOKED_AT = 10 }; /* the kernel acknowledges the first sixteen of a connection at once */

struct fixture {
	struct loop *loop;
	struct http_client *client;
	pthread_t loop_thread;
	int listener;
	unsigned port;
};

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	f->listener = net_listen(4, &f->port);
	if (f->listener < 0)
		return -1;
	f->loop = loop_new();
	if (http_client_new(f->loop, &f->client) < 0)
		return -1;
	return pthread_create(&f->loop_thread, NULL, run, f->loop);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_stop(f->loop);
	pthread_join(f->loop_thread, NULL);
	http_client_free(f->client);
	loop_free(f->loop);
	close(f->listener);
	free(f);
	return 0;
}

static void *ask(void *arg)
{
	struct fixture *f = arg;
	char url[60];
	struct http_call call = {.url = url, .method = "GET", .idle_timeout_ms = PATIENCE_MS};
	struct buf body = BUF_INIT(1 << 20);
	struct http_result result;
	struct err e;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", f->port);
	intptr_t r = http_client_fetch(f->client, &call, NULL, &body, &result, &e);
	buf_done(&result.error_body);
	buf_done(&body);
	return (void *)r;
}

static int accept_request(struct fixture *f)
{
	char c[4] = "";
	int on = 1, fd = accept(f->listener, NULL, NULL);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (memcmp(c, "\r\n\r\n", 4) != 0) {
		memmove(c, c + 1, 3);
		assert_int_equal(recv(fd, c + 3, 1, 0), 1);
	}
	return fd;
}

/* Within less than the kernel waits with it, which is 40 ms. */
static bool acknowledged(int fd)
{
	int64_t until = clock_mono_ms() + 15;
	struct tcp_info info = {0};

	do {
		socklen_t n = sizeof(info);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
		sched_yield();
	} while (info.tcpi_unacked && clock_mono_ms() < until);
	return !info.tcpi_unacked;
}

/* Of the last pieces, `gap_ms` apart, how many were acknowledged as they were read. */
static unsigned acknowledged_of(struct fixture *f, int gap_ms)
{
	unsigned count = 0;
	pthread_t thread;
	void *r;

	pthread_create(&thread, NULL, ask, f);
	int fd = accept_request(f);
	int64_t next = clock_mono_ms();
	net_say(fd, HEAD);
	for (unsigned i = 0; i < FIRST + LOOKED_AT; i++) {
		for (next += gap_ms; clock_mono_ms() < next;)
			(void)poll(NULL, 0, (int)(next - clock_mono_ms()));
		next = clock_mono_ms();
		net_say(fd, "x");
		count += i >= FIRST && acknowledged(fd);
	}
	close(fd);
	pthread_join(thread, &r);
	assert_true((intptr_t)r < 0); /* it was cut */
	return count;
}

/* A machine that has other things to do may keep either side from it for a while: one of three trials is enough. */
static bool most_are(struct fixture *f, int gap_ms, bool at_once)
{
	for (unsigned trial = 0; trial < 3; trial++)
		if ((acknowledged_of(f, gap_ms) > LOOKED_AT / 2) == at_once)
			return true;
	return false;
}

/* Where pieces come far apart, nobody waits for it. */
static void test_slow(void **state)
{
	assert_true(most_are(*state, 55, false));
}

/* A server that collects what it sends until all is acknowledged must not wait. */
static void test_quick(void **state)
{
	assert_true(most_are(*state, 5, true));
	assert_true(most_are(*state, 30, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quick, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
