/* Several event streams in one answer: whose frames are whose, a client that does not read, and the ways it ends. */
#include <pthread.h>

#include "http/listen.h"
#include "http/server.h"
#include "net.h"

enum { PARTS = 3, LINES = 20000 };

struct part {
	struct fixture *f;
	struct http_stream *st;
	unsigned closed, next, last; /* lines still to pump */
};

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct listeners listeners;
	struct http_server *server;
	struct http_shared *shared;
	struct part parts[PARTS];
	unsigned owner_closed;
	sem_t event;
};

static void owner_closed(void *arg)
{
	struct fixture *f = arg;

	f->owner_closed++;
	sem_post(&f->event);
}

static void pump(struct part *p)
{
	char line[1000];

	while (p->st && p->next < p->last) {
		int n = snprintf(line, sizeof(line), "data: %u %0700d\n\n", p->next, 0);
		if (http_stream_write(p->st, line, (size_t)n) == 0)
			return;
		if (++p->next == p->last)
			sem_post(&p->f->event);
	}
}

static void on_writable(void *arg)
{
	pump(arg);
}

static void on_close(void *arg)
{
	struct part *p = arg;

	p->closed++;
	p->st = NULL;
}

static const struct http_stream_ops ops = {on_writable, on_close};

static void on_head(struct http_exchange *x, void *arg)
{
	static const char *const begins[] = {"event: a\n\n", "event: b\n\n", ""};
	struct fixture *f = arg;

	f->shared = http_shared_start(x, NULL, owner_closed, f);
	assert_non_null(f->shared);
	assert_true(http_shared_write(f->shared, ": hi\n\n", 6));
	for (unsigned i = 0; i < PARTS; i++) {
		const struct http_place at = {
			.shared = f->shared, .begin = begins[i], .end = i < 2 ? "event: end\n\n" : ""};

		f->parts[i] =
			(struct part){.f = f, .st = http_stream_begin(&at, "text/event-stream", &ops, &f->parts[i])};
		assert_non_null(f->parts[i].st);
	}
	sem_post(&f->event);
}

static void *run(void *arg)
{
	struct fixture *f = arg;

	loop_run(f->loop);
	return NULL;
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
		.on_head = on_head,
		.arg = f};
	if (http_server_new(f->loop, &c, &f->server, &e) < 0)
		return -1;
	*state = f;
	return pthread_create(&f->thread, NULL, run, f);
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

static int open_whole(struct fixture *f)
{
	int fd = net_connect_small(http_server_port(f->server), 4096);

	net_say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	net_wait(&f->event);
	return fd;
}

static void say(struct part *p, const char *text)
{
	assert_int_equal(http_stream_write(p->st, text, strlen(text)), strlen(text));
}

static int write_in_turn(void *arg)
{
	struct fixture *f = arg;

	say(&f->parts[0], "data: 1\n\n");
	say(&f->parts[0], "data: 2\n\n");
	say(&f->parts[1], "data: 3\n\n");
	assert_true(http_shared_write(f->shared, "data: own\n\n", 11));
	say(&f->parts[1], "data: 4\n\n");
	say(&f->parts[2], "data: 5\n\n");
	http_stream_end(TAKE_PTR(f->parts[1].st));
	http_stream_end(TAKE_PTR(f->parts[2].st));
	say(&f->parts[0], "data: 6\n\n");
	http_shared_end(f->shared, true);
	assert_int_equal(f->parts[0].closed, 1);
	assert_false(http_shared_write(f->shared, "x", 1));
	const struct http_place at = {.shared = f->shared, .begin = "", .end = ""};
	assert_null(http_stream_begin(&at, "text/event-stream", &ops, NULL));
	return 0;
}

static char *joined(struct net_text *t)
{
	char *p = strstr(t->p, "\r\n\r\n") + 4, *out = t->p;
	size_t n;

	while ((n = strtoul(p, &p, 16)) > 0) {
		memmove(out, p + 2, n);
		out += n;
		p += n + 4;
	}
	*out = '\0';
	return t->p;
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = open_whole(f);

	loop_call(f->loop, write_in_turn, f);
	net_until(fd, &t, 0, "\r\n0\r\n\r\n");
	assert_string_equal(joined(&t),
		": hi\n\nevent: a\n\ndata: 1\n\ndata: 2\n\nevent: b\n\ndata: 3\n\ndata: own\n\ndata: 4\n\ndata: 5\n\n"
		"event: end\n\nevent: a\n\ndata: 6\n\n");
	assert_int_equal(f->owner_closed, 0);
	close(fd);
}

static int pump_all(void *arg)
{
	struct fixture *f = arg;

	for (unsigned i = 0; i < 2; i++) {
		f->parts[i].last = LINES;
		pump(&f->parts[i]);
	}
	assert_true(http_stream_blocked(f->parts[0].st));
	assert_int_equal(http_stream_write(f->parts[1].st, "x", 1), 0);
	/* The owner's frames are kept, and so is an end. */
	assert_true(http_shared_write(f->shared, "data: own\n\n", 11));
	http_stream_end(TAKE_PTR(f->parts[2].st));
	return 0;
}

static int end_whole(void *arg)
{
	http_shared_end(arg, true);
	return 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* Neither waits for the other to have all of its own. */
static void test_slow(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = open_whole(f), last[2] = {-1, -1}, who = 0;
	bool half_way = false, own = false;
	char *save = NULL;

	loop_call(f->loop, pump_all, f);
	/* A client that read while the loop writes could take all of the first one's before it is ever blocked. */
	while (t.n < (size_t)LINES * 2 * 700) {
		assert_true(net_more(fd, &t) > 0);
		loop_call(f->loop, nothing, NULL);
	}
	net_wait(&f->event);
	net_wait(&f->event);
	loop_call(f->loop, end_whole, f->shared);
	net_until(fd, &t, t.n - 1000, "\r\n0\r\n\r\n");
	for (char *p = strtok_r(joined(&t), "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		if (strncmp(p, "event: ", 7) == 0)
			who = p[7] == 'b';
		else if (strcmp(p, "data: own") == 0)
			own = true;
		else if (strncmp(p, "data: ", 6) == 0) {
			assert_int_equal(atoi(p + 6), last[who] + 1);
			last[who]++;
			half_way |= last[0] < LINES - 1 && last[1] >= 0;
		}
	}
	assert_int_equal(last[0], LINES - 1);
	assert_int_equal(last[1], LINES - 1);
	assert_true(own && half_way);
	close(fd);
}

static int abort_part(void *arg)
{
	struct fixture *f = arg;

	http_stream_abort(TAKE_PTR(f->parts[1].st));
	/* Nobody is told from within the call. */
	assert_int_equal(f->parts[0].closed + f->owner_closed, 0);
	assert_int_equal(http_stream_write(f->parts[0].st, "x", 1), 0);
	return 0;
}

static void test_abort(void **state)
{
	struct fixture *f = *state;
	int fd = open_whole(f);

	loop_call(f->loop, abort_part, f);
	net_wait(&f->event);
	assert_int_equal(f->owner_closed, 1);
	assert_int_equal(f->parts[0].closed, 1);
	assert_int_equal(f->parts[1].closed, 0);
	assert_int_equal(f->parts[2].closed, 1);
	close(fd);
}

static void test_leaves(void **state)
{
	struct fixture *f = *state;
	int fd = open_whole(f);

	net_reset(fd);
	net_wait(&f->event);
	assert_int_equal(f->owner_closed, 1);
	for (unsigned i = 0; i < PARTS; i++)
		assert_int_equal(f->parts[i].closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abort, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
