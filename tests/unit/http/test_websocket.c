/* What a WebSocket's client leaves unfinished: a message in pieces that never ends, a goodbye that never comes. */
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "http/listen.h"
#include "http/server_priv.h"
#include "net.h"

enum { BUDGET = 400000, MESSAGE_MAX = 150000, AT_ONCE = 5000 };

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct listeners listeners;
	struct http_server *server;
	struct http_shared *shared;
	int64_t user_timeout_ms;
	bool keepalive;
	char said[100]; /* the last message, NUL shown as 0 */
	sem_t event;
};

static void on_close(void *arg)
{
	sem_post(&((struct fixture *)arg)->event);
}

static void on_message(void *arg, struct http_shared *s, struct str text)
{
	struct fixture *f = arg;

	for (size_t i = 0; i < MIN(text.n, sizeof(f->said) - 1); i++)
		f->said[i] = (char)(text.p[i] ? text.p[i] : '0');
	http_websocket_done(s, text.n);
	sem_post(&f->event);
}

static void on_head(struct http_exchange *x, void *arg)
{
	struct fixture *f = arg;
	const struct http_websocket w = {.max = MESSAGE_MAX, .who = HTTP_KNOWN | 7, .on_message = on_message, .arg = f};
	struct err e = {0};
	int on = 0, ms = 0;
	socklen_t n = sizeof(on);

	assert_int_equal(http_websocket_check(x, &e), 0);
	assert_int_equal(getsockopt(x->conn->fd, SOL_SOCKET, SO_KEEPALIVE, &on, &n), 0);
	assert_int_equal(getsockopt(x->conn->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &n), 0);
	f->keepalive = on != 0;
	f->user_timeout_ms = ms;
	http_shared_unref(f->shared);
	f->shared = http_shared_start(x, &w, on_close, f);
	assert_non_null(f->shared);
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int hurry(void *arg)
{
	struct fixture *f = arg;

	http_server_set_pace(f->server, &(struct http_pace){.tick_ms = 10,
						.head_ms = 10000,
						.idle_ms = 10000,
						.grace_ms = 100,
						.rate = 1000000,
						.stall_ms = 10000,
						.linger_ms = 100});
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = {0};

	f->loop = loop_new();
	sem_init(&f->event, 0, 0);
	if (listeners_open(&f->listeners, &(struct listen_config){.words = "127.0.0.1:0"}, &e) < 0)
		return -1;
	const struct http_server_config c = {.listeners = f->listeners.items,
		.n_listeners = f->listeners.n,
		.max_header_bytes = 2000,
		.max_connections = 10,
		.max_connections_per_address = 10,
		.body_budget = BUDGET,
		.on_head = on_head,
		.arg = f};
	if (http_server_new(f->loop, &c, &f->server, &e) < 0)
		return -1;
	*state = f;
	return pthread_create(&f->thread, NULL, run, f->loop);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	http_server_free(f->server);
	listeners_close(&f->listeners);
	loop_free(f->loop);
	http_shared_unref(f->shared);
	sem_destroy(&f->event);
	free(f);
	return 0;
}

static int open_socket(struct fixture *f)
{
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(http_server_port(f->server));

	net_say(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		    "13\r\n"
		    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	net_until(fd, &t, 0, "\r\n\r\n");
	assert_memory_equal(t.p, "HTTP/1.1 101 ", 13);
	return fd;
}

/* A frame of at most 125 bytes, masked with zeros. */
static bool say(int fd, unsigned op, const char *text, size_t n)
{
	char frame[6 + 125] = {(char)op, (char)(0x80 | n)};

	memcpy(frame + 6, text, n);
	return net_send(fd, frame, 6 + n);
}

enum { TEXT_PIECE = 0x01, MORE = 0x00, LAST = 0x80, WHOLE = 0x81, BINARY = 0x82, PING = 0x89 };

/* The code of the server's goodbye, and that nothing but the end follows it. */
static unsigned code(int fd)
{
	CLEANUP(net_text_done) struct net_text t = {0};

	net_until_closed(fd, &t);
	close(fd);
	if (t.n != 4 || (unsigned char)t.p[0] != 0x88 || t.p[1] != 2)
		return 0;
	return (unsigned)(unsigned char)t.p[2] << 8 | (unsigned char)t.p[3];
}

static void test_unfinished_message(void **state)
{
	struct fixture *f = *state;
	static const char begun[] = {(char)WHOLE, (char)0x85, 0, 0, 0, 0, 'h'};

	loop_call(f->loop, hurry, f);
	int fd = open_socket(f);
	net_send(fd, begun, sizeof(begun));
	assert_int_equal(code(fd), 1008);
	/* A piece now and then is no reason to wait. */
	fd = open_socket(f);
	say(fd, TEXT_PIECE, "h", 1);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; clock_mono_ms() < until_ms && poll(&p, 1, 10) == 0;)
		say(fd, MORE, "a", 1);
	assert_int_equal(code(fd), 1008);
	/* Who owes nothing may stay, also after messages of several pieces and with pings between. */
	fd = open_socket(f);
	say(fd, TEXT_PIECE, "he", 2);
	say(fd, PING, "", 0);
	say(fd, LAST, "re", 2);
	CLEANUP(net_text_done) struct net_text pong = {0};
	while (pong.n < 2)
		assert_true(net_more(fd, &pong) > 0);
	p.fd = fd;
	assert_int_equal(poll(&p, 1, 400), 0); /* nothing comes: a wait for what must not be */
	assert_string_equal(f->said, "here");
	close(fd);
}

static void test_no_goodbye(void **state)
{
	struct fixture *f = *state;

	loop_call(f->loop, hurry, f);
	int fd = open_socket(f);
	say(fd, BINARY, "", 0);
	assert_int_equal(code(fd), 1003);
}

/* Each piece costs memory beside its bytes, of the share of who sends them; a whole message gives that back. */
static void test_many_pieces(void **state)
{
	struct fixture *f = *state;
	int fd = open_socket(f);

	for (int times = 0; times < 4; times++) {
		say(fd, TEXT_PIECE, "", 0);
		for (int i = 0; i < 1500; i++)
			say(fd, MORE, "a", 1);
		say(fd, LAST, "", 0);
		net_wait(&f->event);
	}
	say(fd, TEXT_PIECE, "", 0);
	for (int i = 0; i < AT_ONCE && say(fd, MORE, "a", 1); i++)
		;
	assert_int_equal(code(fd), 1013);
}

static void test_whole_text(void **state)
{
	struct fixture *f = *state;
	int fd = open_socket(f);

	say(fd, WHOLE, "a\0b", 3);
	net_wait(&f->event);
	assert_string_equal(f->said, "a0b");
	/* A client whose network is gone is noticed by the kernel. */
	assert_true(f->keepalive);
	assert_int_equal(f->user_timeout_ms, 60000);
	close(fd);
}

enum { PINGS = 50000, PING_BYTES = 125, HELD_MOST = 32768, LOOKS = 50 };

static void *say_pings(void *arg)
{
	static const char text[PING_BYTES];

	for (int i = 0; i < PINGS; i++)
		if (!say(*(int *)arg, PING, text, sizeof(text)))
			break;
	return NULL;
}

/* The answers that wait for the one connection. */
static int tell_waiting(void *arg)
{
	const struct fixture *f = arg;
	const struct conn *c = f->server->lists[CONN_STALLED].first;

	c = c ? c : f->server->lists[CONN_STREAM].first;
	return c ? (int)(c->out.n - c->out_at) : -1;
}

/* What is said behind what waits, after the room for that was told and before its turn: that is not told again. -1: nothing
 * waits. */
static int write_behind(void *arg)
{
	const struct fixture *f = arg;
	struct conn *c = f->server->lists[CONN_STALLED].first;

	if (!c || !conn_waits(c))
		return -1;
	bool was = c->writable;
	c->writable = true;
	int ok = http_shared_write(f->shared, "{}", 2) && conn_waits(c) && c->writable;
	c->writable = was;
	return ok;
}

/* A client that takes no answers is read no further, and has all of them once it takes them. */
static void test_pings(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text pongs = {0};
	int fd = open_socket(f), behind = -1;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, say_pings, &fd), 0);
	for (int64_t until_ms = clock_mono_ms() + PATIENCE_MS; behind < 0 && clock_mono_ms() < until_ms; sched_yield())
		behind = loop_call(f->loop, write_behind, f);
	assert_int_equal(behind, true);
	for (int i = 0; i < LOOKS; i++) {
		assert_true(loop_call(f->loop, tell_waiting, f) <= HELD_MOST);
		sched_yield();
	}
	while (pongs.n < PINGS * (2 + PING_BYTES))
		assert_true(net_more(fd, &pongs) > 0);
	pthread_join(t, NULL);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unfinished_message),
		TEST(test_no_goodbye),
		TEST(test_many_pieces),
		TEST(test_whole_text),
		TEST(test_pings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
