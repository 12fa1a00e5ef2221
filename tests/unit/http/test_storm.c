/*
 * The server under clients that say anything and leave at any time, while answers come from other threads and streams
 * end in every way. The sanitizers judge; the test itself counts that every stream is told of its end exactly once.
 */
#include <pthread.h>

#include "base/clock.h"
#include "http/listen.h"
#include "http/server.h"
#include "net.h"
#include "sys/pool.h"

enum { CLIENTS = 4, ROUNDS = 300 };

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct http_server *server;
	struct pool *pool;
	unsigned port, seed;
	struct storm_stream *streams; /* the loop's */
	unsigned begun, ended;
};

struct storm_stream {
	struct fixture *f;
	struct http_stream *st;
	struct storm_stream **link, *next;
	bool eager; /* writes whatever fits whenever it may */
};

static unsigned rnd(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % n;
}

static void forget(struct storm_stream *s)
{
	s->f->ended++;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	free(s);
}

static void write_some(struct storm_stream *s)
{
	char text[3000];
	memset(text, 'x', sizeof(text));
	unsigned n = s->eager ? 500 : 1 + rnd(&s->f->seed, 3);
	while (n--)
		if (http_stream_write(s->st, text, 1 + rnd(&s->f->seed, sizeof(text))) == 0)
			break;
}

static void on_writable(void *arg)
{
	struct storm_stream *s = arg;
	if (rnd(&s->f->seed, 4) == 0) {
		http_stream_abort(s->st);
		forget(s);
	} else if (rnd(&s->f->seed, 4) == 0) {
		http_stream_end(s->st);
		forget(s);
	} else {
		write_some(s);
	}
}

static void on_close(void *arg)
{
	forget(arg);
}

/* Each tick something happens to each stream. */
static void on_tick(void *arg)
{
	struct fixture *f = arg;
	for (struct storm_stream *s = f->streams, *next; s; s = next) {
		next = s->next;
		unsigned what = rnd(&f->seed, 20);
		if (what == 0) {
			http_stream_end(s->st);
			forget(s);
		} else if (what == 1) {
			http_stream_abort(s->st);
			forget(s);
		} else {
			write_some(s);
		}
	}
}

static void reply_in_pool(void *arg)
{
	struct buf b = BUF_INIT(100000);
	buf_printf(&b, "%05000d", 1);
	http_reply(arg, 200, "text/plain", &b);
}

static void handler(struct http_exchange *x, void *arg)
{
	static const struct http_stream_ops ops = {on_writable, on_close};
	struct fixture *f = arg;
	if (strcmp(http_path(x), "/stream") == 0) {
		struct storm_stream *s = xcalloc(1, sizeof(*s));
		*s = (struct storm_stream){f, NULL, &f->streams, f->streams, rnd(&f->seed, 3) == 0};
		if (s->next)
			s->next->link = &s->next;
		f->streams = s;
		f->begun++;
		s->st = http_stream_begin(&(struct http_place){.x = x}, "text/event-stream", &ops, s);
		if (!s->st) { /* the client has left */
			forget(s);
			return;
		}
		if (rnd(&f->seed, 2))
			write_some(s);
		if (rnd(&f->seed, 8) == 0) {
			http_stream_abort(s->st);
			forget(s);
		}
	} else if (strcmp(http_path(x), "/pool") == 0) {
		struct pool_task *t = ARENA_NEW(http_arena(x), struct pool_task);
		assert_int_equal(pool_submit(f->pool, t, reply_in_pool, x), 0);
	} else {
		http_reply_static(x, 200, "text/plain", "static", 6);
	}
}

static void on_body(struct http_exchange *x)
{
	handler(x, http_exchange_data(x));
}

static void on_piece(struct http_exchange *x, const char *p, size_t n)
{
	struct fixture *f = http_exchange_data(x);
	(void)p;
	if (n && rnd(&f->seed, 4)) /* sometimes answered before the end */
		http_body_more(x);
	else
		handler(x, f);
}

static void on_head(struct http_exchange *x, void *arg)
{
	struct fixture *f = arg;
	http_exchange_set_data(x, f);
	switch (rnd(&f->seed, 4)) {
	case 0:
		handler(x, f);
		break;
	case 1:
		if (http_body_pieces(x, 4000, on_piece) < 0)
			http_reply_static(x, 413, "text/plain", "large", 5);
		break;
	default:
		if (http_body_collect(x, 4000, rnd(&f->seed, 3), on_body) < 0)
			http_reply_static(x, 503, "text/plain", "busy", 4);
	}
}

static void *client(void *arg)
{
	struct fixture *f = arg;
	static const char *const words[] = {"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", "GET /stream HTTP/1.0\r\n\r\n",
		"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n", "GET /pool HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /pool HTTP/1.1\r\nHost: x\r\n\r\nGET /pool HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HT",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"nonsense\r\n\r\n", "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET * HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n"};
	unsigned seed = (unsigned)(uintptr_t)&seed ^ (unsigned)clock_mono_us();
	char sink[20000];
	for (int i = 0; i < ROUNDS; i++) {
		int fd = net_connect_small(f->port, rnd(&seed, 2) ? 4096 : 0);
		if (fd < 0)
			return arg;
		for (unsigned k = rnd(&seed, 4); k; k--) {
			const char *w = words[rnd(&seed, N_ELEMENTS(words))];
			if (!net_send(fd, w, strlen(w)))
				break;
			for (unsigned m = rnd(&seed, 5); m; m--) {
				struct pollfd p = {.fd = fd, .events = POLLIN};
				if (poll(&p, 1, 2) > 0 && recv(fd, sink, sizeof(sink), 0) <= 0)
					break;
			}
		}
		if (rnd(&seed, 3) == 0)
			net_reset(fd);
		else
			close(fd);
	}
	return NULL;
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void test_storm(void **state UNUSED)
{
	struct fixture f = {.seed = 7};
	struct err e = {0};
	pthread_t clients[CLIENTS];
	const struct pool_config pool = {.name = "storm", .keep = 1, .max = 2, .max_queue = 10000};
	f.loop = loop_new();
	assert_int_equal(pool_new(&pool, &f.pool), 0);
	struct listeners listeners = {0};
	assert_int_equal(listeners_open(&listeners, &(struct listen_config){.words = "127.0.0.1:0"}, &e), 0);
	const struct http_server_config c = {.listeners = listeners.items,
		.n_listeners = listeners.n,
		.max_header_bytes = 4000,
		.max_connections = 16,
		.max_connections_per_address = 16,
		.body_budget = 20000,
		.body_budget_unknown = 10000,
		.on_head = on_head,
		.arg = &f};
	assert_int_equal(http_server_new(f.loop, &c, &f.server, &e), 0);
	f.port = http_server_port(f.server);
	struct loop_timer *tick = loop_timer_new(f.loop, 1, on_tick, &f);
	pthread_create(&f.thread, NULL, run, f.loop);
	for (int i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, client, &f);
	for (int i = 0; i < CLIENTS; i++) {
		void *failure;
		pthread_join(clients[i], &failure);
		assert_null(failure);
	}
	int fd = net_connect(f.port);
	CLEANUP(net_text_done) struct net_text t = {0};
	net_say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(net_answer(fd, &t, true), "static"); /* alive and well */
	close(fd);
	pool_free(f.pool);
	loop_stop(f.loop);
	pthread_join(f.thread, NULL);
	loop_timer_free(tick);
	http_server_free(f.server);
	listeners_close(&listeners);
	loop_free(f.loop);
	assert_true(f.begun > ROUNDS / 10);
	assert_int_equal(f.begun, f.ended);
	assert_null(f.streams);
}

/* ---- the loop is everybody's ---- */

enum { CROWD = 100, EACH = 12, REQUEST_US = 200, PASS_MOST = 60 };

struct crowd {
	struct loop *loop;
	struct loop_task task;
	unsigned handled, seen, most; /* requests; `most`: in one turn of the loop */
};

static void on_turn(void *arg)
{
	struct crowd *w = arg;

	w->most = MAX(w->most, w->handled - w->seen);
	w->seen = w->handled;
	if (w->handled == CROWD * EACH)
		loop_stop(w->loop);
	else
		loop_post(w->loop, &w->task, on_turn, w);
}

static void on_slow(struct http_exchange *x, void *arg)
{
	int64_t until = clock_mono_us() + REQUEST_US;

	((struct crowd *)arg)->handled++;
	while (clock_mono_us() < until)
		;
	http_reply_static(x, 200, "text/plain", "slow", 4);
}

/* Many who have sent many requests at once wait for one another, and others' turn comes in between. */
static void test_crowd(void **state UNUSED)
{
	struct crowd w = {.loop = loop_new()};
	struct listeners listeners = {0};
	struct http_server *server;
	struct err e = {0};
	int fds[CROWD];

	assert_int_equal(listeners_open(&listeners, &(struct listen_config){.words = "127.0.0.1:0"}, &e), 0);
	const struct http_server_config c = {.listeners = listeners.items,
		.n_listeners = listeners.n,
		.max_header_bytes = 4000,
		.max_connections = CROWD,
		.max_connections_per_address = CROWD,
		.on_head = on_slow,
		.arg = &w};
	assert_int_equal(http_server_new(w.loop, &c, &server, &e), 0);
	for (int i = 0; i < CROWD; i++) {
		fds[i] = net_connect(http_server_port(server));
		for (int k = 0; k < EACH; k++)
			net_say(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	loop_post(w.loop, &w.task, on_turn, &w);
	loop_run(w.loop);
	assert_int_equal(w.handled, CROWD * EACH);
	assert_in_range(w.most, 1, PASS_MOST);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	http_server_free(server);
	listeners_close(&listeners);
	loop_free(w.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_storm), cmocka_unit_test(test_crowd)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
