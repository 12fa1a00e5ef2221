/* The server against raw sockets: framing, limits, late answers, streams and the ways a client leaves. */
#include <pthread.h>

#include "http/listen.h"
#include "http/server_priv.h"
#include "net.h"
#include "sys/metrics.h"

enum { STREAMS = 4, BODY_MAX = 1000, HEAD_MAX = 2000 };

struct reader {
	struct fixture *f;
	struct http_stream *st;
	unsigned writable, closed;
	size_t next, last; /* lines still to pump */
};

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct listeners listeners;
	struct http_server *server;
	unsigned port;
	struct reader readers[STREAMS];
	unsigned n_readers;
	struct http_exchange *waiting;
	sem_t event;
	bool freed;
};

/* --- the handler ------------------------------------------------------------------------------------------------- */

static void text(struct http_exchange *x, int status, const char *s)
{
	struct buf b = BUF_INIT(100000);
	buf_add_str(&b, s);
	http_reply(x, status, "text/plain", &b);
}

static void *answer_later(void *x)
{
	text(x, 200, "from a thread");
	return NULL;
}

static void pump(struct reader *r)
{
	char line[1000];
	while (r->next < r->last) {
		int n = snprintf(line, sizeof(line), "line %06zu %0900d\n", r->next, 0);
		if (http_stream_write(r->st, line, (size_t)n) == 0)
			return;
		r->next++;
	}
	sem_post(&r->f->event);
}

static void on_writable(void *arg)
{
	struct reader *r = arg;
	r->writable++;
	pump(r);
}

static void on_close(void *arg)
{
	struct reader *r = arg;
	r->closed++;
	r->st = NULL;
	sem_post(&r->f->event);
}

static void begin_stream(struct fixture *f, struct http_exchange *x)
{
	static const struct http_stream_ops ops = {on_writable, on_close};
	struct reader *r = &f->readers[f->n_readers++];
	r->f = f;
	r->st = http_stream_begin(&(struct http_place){.x = x}, "text/event-stream", &ops, r);
	if (r->st)
		assert_int_equal(http_stream_write(r->st, ": ok\n\n", 6), 6);
	sem_post(&f->event);
}

static void handler(struct http_exchange *x, void *arg)
{
	struct fixture *f = arg;
	const char *path = http_path(x);
	if (http_request_error(x)) {
		const struct err_info *info = err_info(http_request_error(x));
		text(x, info->http_status, info->wire_code);
	} else if (strcmp(path, "/thread") == 0) {
		pthread_t t;
		pthread_create(&t, NULL, answer_later, x);
		pthread_detach(t);
	} else if (strcmp(path, "/wait") == 0) {
		f->waiting = x;
		sem_post(&f->event);
	} else if (strcmp(path, "/stream") == 0) {
		begin_stream(f, x);
	} else if (strcmp(path, "/static") == 0) {
		http_reply_static(x, 200, "text/plain", "fixed", 5);
	} else if (strcmp(path, "/large") == 0) {
		struct buf b = BUF_INIT(1 << 20);
		for (int i = 0; i < 50000; i++)
			buf_printf(&b, "%09d\n", i);
		http_reply(x, 200, "text/plain", &b);
	} else if (strcmp(path, "/none") == 0) {
		http_set_header(x, "X-Bad", "a\r\n b: c");
		http_set_header(x, "X-Twice", "1");
		http_set_header(x, "x-twice", "2");
		http_set_header(x, "Set-Cookie", "a=1");
		http_set_header(x, "Set-Cookie", "b=2");
		http_reply(x, 204, NULL, NULL);
	} else {
		const char *q = http_query(x, "q"), *h = http_header(x, "x-some");
		char *s = arena_printf(http_arena(x), "%s %s q=%s h=%s peer=%s body=" STR_FMT, http_method(x), path,
			q ? q : "-", h ? h : "-", http_peer(x), STR_ARG(http_body(x)));
		text(x, 200, s);
	}
}

static void on_body(struct http_exchange *x)
{
	handler(x, http_exchange_data(x));
}

static void on_head(struct http_exchange *x, void *arg)
{
	int r;

	http_exchange_set_data(x, arg);
	if (strcmp(http_path(x), "/blind") == 0) {
		text(x, 200, "not looked at");
		return;
	}
	r = http_body_collect(x, BODY_MAX, 1, on_body);
	if (r < 0)
		text(x, err_info(r)->http_status, err_info(r)->wire_code);
}

/* --- fixture ----------------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct fixture *f = arg;
	loop_run(f->loop);
	return NULL;
}

static int setup_with(void **state, unsigned max_connections)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = {0};
	f->loop = loop_new();
	sem_init(&f->event, 0, 0);
	if (listeners_open(&f->listeners, &(struct listen_config){.words = "127.0.0.1:0"}, &e) < 0)
		return -1;
	struct http_server_config c = {.listeners = f->listeners.items,
		.n_listeners = f->listeners.n,
		.max_header_bytes = HEAD_MAX,
		.max_connections = max_connections,
		.max_connections_per_address = max_connections,
		.body_budget = 1 << 20,
		.body_budget_unknown = 1 << 20,
		.on_head = on_head,
		.arg = f};
	if (http_server_new(f->loop, &c, &f->server, &e) < 0)
		return -1;
	f->port = http_server_port(f->server);
	*state = f;
	return pthread_create(&f->thread, NULL, run, f);
}

static int setup(void **state)
{
	return setup_with(state, 100);
}

static int setup_few(void **state)
{
	return setup_with(state, 2);
}

static void stop(struct fixture *f)
{
	if (f->freed)
		return;
	f->freed = true;
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	http_server_free(f->server);
	listeners_close(&f->listeners);
	loop_free(f->loop);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	stop(f);
	sem_destroy(&f->event);
	free(f);
	return 0;
}

static void expect(int fd, const char *request, int status, const char *body)
{
	CLEANUP(net_text_done) struct net_text t = {0};
	if (request)
		net_say(fd, request);
	assert_string_equal(net_answer(fd, &t, true), body);
	assert_int_equal(atoi(t.p + 9), status);
}

/* A stream's client: connected, its head read. */
static int open_stream(struct fixture *f, const char *request, struct net_text *t)
{
	int fd = net_connect(f->port);
	net_say(fd, request);
	net_wait(&f->event);
	net_until(fd, t, 0, ": ok\n\n");
	return fd;
}

static const char STREAM[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
static const char ECHO[] = "GET /e HTTP/1.1\r\nHost: x\r\n\r\n";
static const char ECHOED[] = "GET /e q=- h=- peer=127.0.0.1 body=";

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);
	expect(fd, "GET /a%20b?p=1&q=x+y%26&q=2 HTTP/1.1\r\nHost: x\r\nX-SOME: v\r\n\r\n", 200,
		"GET /a b q=x y& h=v peer=127.0.0.1 body=");
	expect(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200,
		"POST /p q=- h=- peer=127.0.0.1 body=abc");
	expect(fd, "PUT /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		200, "PUT /p q=- h=- peer=127.0.0.1 body=abcde");
	expect(fd, "GET /static HTTP/1.1\r\nHost: x\r\n\r\n", 200, "fixed");
	assert_int_equal(metric_get(M_http_connections), 1);
	close(fd);
}

static void test_headers(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);
	net_say(fd, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
	net_answer(fd, &t, false);
	assert_int_equal(atoi(t.p + 9), 204);
	assert_null(strcasestr(t.p, "content-type"));
	assert_null(strcasestr(t.p, "content-length"));
	assert_null(strcasestr(t.p, "x-bad"));
	assert_null(strcasestr(t.p, "x-twice: 1"));
	assert_non_null(strcasestr(t.p, "x-twice: 2"));
	assert_non_null(strstr(t.p, "Set-Cookie: a=1\r\nSet-Cookie: b=2"));
	assert_non_null(strstr(t.p, "Date: "));
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static void test_pipelining(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);
	net_say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxyGET "
		    "/thread HTTP/1.1\r\nHost: x\r\n\r\n"
		    "GET /4 HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, NULL, 200, "GET /1 q=- h=- peer=127.0.0.1 body=");
	expect(fd, NULL, 200, "POST /2 q=- h=- peer=127.0.0.1 body=xy");
	expect(fd, NULL, 200, "from a thread");
	expect(fd, NULL, 200, "GET /4 q=- h=- peer=127.0.0.1 body=");
	close(fd);
}

static void test_methods(void **state)
{
	struct fixture *f = *state;
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"};
	int fd = net_connect(f->port);
	for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
		char request[100], answer[100];
		snprintf(request, sizeof(request), "%s /m HTTP/1.1\r\nHost: x\r\n\r\n", methods[i]);
		snprintf(answer, sizeof(answer), "%s /m q=- h=- peer=127.0.0.1 body=", methods[i]);
		expect(fd, request, 200, answer);
	}
	expect(fd, "BREW /m HTTP/1.1\r\nHost: x\r\n\r\n", 200, "? /m q=- h=- peer=127.0.0.1 body=");
	expect(fd, "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_request");
	expect(fd, "GET /a%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_request");
	close(fd);
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);
	net_say(fd, "HEAD /static HTTP/1.1\r\nHost: x\r\n\r\n");
	net_answer(fd, &t, false);
	assert_non_null(strstr(t.p, "Content-Length: 5\r\n"));
	expect(fd, ECHO, 200, ECHOED); /* a body would stand before this answer */
	close(fd);
}

static void test_http_1_0(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);
	net_say(fd, "GET /static HTTP/1.0\r\n\r\n");
	net_until_closed(fd, &t);
	assert_non_null(strstr(t.p, "\r\n\r\nfixed"));
	close(fd);
}

static void test_large_answer(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect_small(f->port, 4096);
	net_say(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *body = net_answer(fd, &t, true);
	assert_int_equal(strlen(body), 500000);
	for (int i = 0; i < 50000; i++)
		assert_int_equal(strtol(body + (size_t)i * 10, NULL, 10), i);
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static void post_of(int fd, size_t n, bool expect_continue)
{
	char head[200];
	snprintf(head, sizeof(head), "POST /p HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n",
		expect_continue ? "Expect: 100-continue\r\n" : "", n);
	net_say(fd, head);
	if (expect_continue)
		return;
	char *body = xcalloc(1, n);
	net_send(fd, body, n); /* the server may close before all is sent */
	free(body);
}

static void expect_envelope(int fd, int status, const char *code)
{
	CLEANUP(net_text_done) struct net_text t = {0};
	char want[100];
	const char *body = net_answer(fd, &t, true);
	snprintf(want, sizeof(want), "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
	assert_int_equal(atoi(t.p + 9), status);
	assert_non_null(strstr(t.p, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(t.p, "Connection: close\r\n"));
	assert_int_equal(strncmp(body, want, strlen(want)), 0);
	assert_non_null(strstr(body, "\"request_id\":null,\"retryable\":"));
	char c;
	assert_true(recv(fd, &c, 1, 0) <= 0);
}

static void test_large_body(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);
	post_of(fd, BODY_MAX + 1, false);
	expect(fd, NULL, 413, "too_large"); /* the handler's words */
	expect(fd, ECHO, 200, ECHOED);
	net_say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	CLEANUP(net_text_done) struct net_text t = {0};
	net_answer(fd, &t, false);
	assert_int_equal(atoi(t.p + 9), 100);
	expect(fd, "ab", 200, "POST /p q=- h=- peer=127.0.0.1 body=ab");
	close(fd);
	for (int waits = 0; waits < 2; waits++) {
		fd = net_connect(f->port);
		post_of(fd, 8 << 20, waits); /* the answer is not lost in a reset */
		expect(fd, NULL, 413, "too_large");
		char c;
		assert_true(recv(fd, &c, 1, 0) <= 0);
		close(fd);
	}
}

static void test_bad_requests(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);
	net_say(fd, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	char *x = xcalloc(1, 3000);
	memset(x, 'x', 3000);
	net_send(fd, x, 3000);
	free(x);
	expect_envelope(fd, 431, "headers_too_large");
	close(fd);
	fd = net_connect(f->port);
	net_say(fd, "\x16\x03\x01 this is no HTTP at all\r\n\r\n");
	expect_envelope(fd, 400, "invalid_request");
	close(fd);
	fd = net_connect(f->port);
	net_say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n");
	expect_envelope(fd, 400, "invalid_request");
	close(fd);
	fd = net_connect(f->port); /* two framings: refused, and nothing behind it is believed */
	net_say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		    "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_envelope(fd, 400, "invalid_request");
	close(fd);
}

/* --- late answers ------------------------------------------------------------------------------------------------ */

static void test_client_gone(void **state)
{
	struct fixture *f = *state;
	for (int reset = 0; reset < 2; reset++) {
		int fd = net_connect(f->port);
		net_say(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
		net_wait(&f->event);
		if (reset)
			net_reset(fd);
		else
			close(fd);
		text(f->waiting, 200, "nobody reads this");
		fd = net_connect(f->port);
		expect(fd, ECHO, 200, ECHOED);
		close(fd);
	}
	int fd = net_connect(f->port); /* one stays unanswered: the server's end frees it */
	net_say(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	net_wait(&f->event);
	stop(f);
	close(fd);
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

struct piece {
	struct fixture *f;
	size_t n;
	const char *p;
};

static int write_all(void *arg)
{
	const struct piece *p = arg;
	for (unsigned i = 0; i < p->f->n_readers; i++)
		if (p->f->readers[i].st)
			assert_int_equal(http_stream_write(p->f->readers[i].st, p->p, p->n), p->n);
	return 0;
}

static int end_all(void *arg)
{
	struct fixture *f = arg;
	for (unsigned i = 0; i < f->n_readers; i++)
		if (f->readers[i].st)
			http_stream_end(TAKE_PTR(f->readers[i].st));
	return 0;
}

static int abort_all(void *arg)
{
	struct fixture *f = arg;
	for (unsigned i = 0; i < f->n_readers; i++)
		if (f->readers[i].st)
			http_stream_abort(TAKE_PTR(f->readers[i].st));
	return 0;
}

/* Takes the chunks off; fails unless the last one is there and is the end of the text. */
static char *dechunk(struct net_text *t)
{
	char *p = strstr(t->p, "\r\n\r\n") + 4, *out = t->p;
	for (;;) {
		char *end;
		size_t n = strtoul(p, &end, 16);
		assert_int_equal(memcmp(end, "\r\n", 2), 0);
		p = end + 2;
		assert_true(p + n + 2 <= t->p + t->n);
		memmove(out, p, n);
		out += n;
		assert_int_equal(memcmp(p + n, "\r\n", 2), 0);
		p += n + 2;
		if (n == 0)
			break;
	}
	assert_ptr_equal(p, t->p + t->n);
	*out = '\0';
	return t->p;
}

static void test_stream_order(void **state)
{
	struct fixture *f = *state;
	int fd[3];
	struct net_text t[3] = {{0}};
	for (int i = 0; i < 3; i++)
		fd[i] = open_stream(f, STREAM, &t[i]);
	for (int k = 0; k < 1000; k++) {
		char line[32];
		struct piece p = {.f = f, .n = (size_t)snprintf(line, sizeof(line), "data: %d\n\n", k), .p = line};
		loop_call(f->loop, write_all, &p);
		if (k % 100 == 0)
			net_until(fd[0], &t[0], 0, line); /* leaves at once, not with the next */
	}
	loop_call(f->loop, end_all, f);
	for (int i = 0; i < 3; i++) {
		net_until(fd[i], &t[i], 0, "\r\n0\r\n\r\n");
		assert_non_null(strstr(t[i].p, "Transfer-Encoding: chunked\r\n"));
		assert_non_null(strstr(t[i].p, "Cache-Control: no-cache, no-transform\r\n"));
		assert_non_null(strstr(t[i].p, "X-Accel-Buffering: no\r\n"));
		const char *p = dechunk(&t[i]);
		assert_int_equal(strncmp(p, ": ok\n\n", 6), 0);
		p += 6;
		for (int k = 0; k < 1000; k++) {
			char line[32];
			int n = snprintf(line, sizeof(line), "data: %d\n\n", k);
			assert_int_equal(strncmp(p, line, (size_t)n), 0);
			p += n;
		}
		assert_int_equal(*p, 0);
		expect(fd[i], ECHO, 200, ECHOED); /* kept alive */
		close(fd[i]);
		net_text_done(&t[i]);
	}
}

static void test_stream_first_send(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);
	net_say(fd, STREAM);
	assert_true(net_more(fd, &t) > 0);
	assert_non_null(strstr(t.p, "\r\n\r\n6\r\n: ok\n\n\r\n"));
	net_wait(&f->event);
	close(fd);
	net_wait(&f->event);
	assert_int_equal(f->readers[0].closed, 1);
}

static int pump_one(void *arg)
{
	struct reader *r = arg;
	r->last = 20000;
	pump(r);
	return http_stream_blocked(r->st);
}

static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect_small(f->port, 4096);
	net_say(fd, STREAM);
	net_wait(&f->event);
	assert_int_equal(loop_call(f->loop, pump_one, &f->readers[0]), 1);
	while (t.n < (size_t)20000 * 900)
		assert_true(net_more(fd, &t) > 0);
	net_wait(&f->event); /* all pumped */
	loop_call(f->loop, end_all, f);
	net_until(fd, &t, t.n > 100000 ? t.n - 100000 : 0, "\r\n0\r\n\r\n");
	assert_true(f->readers[0].writable > 0);
	const char *p = dechunk(&t) + 6;
	for (size_t i = 0; i < 20000; i++) {
		char line[1000];
		int n = snprintf(line, sizeof(line), "line %06zu %0900d\n", i, 0);
		assert_int_equal(strncmp(p, line, (size_t)n), 0);
		p += n;
	}
	assert_int_equal(*p, 0);
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static void test_close_seen(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 4; i++) {
		CLEANUP(net_text_done) struct net_text t = {0};
		int fd = open_stream(f, STREAM, &t);
		struct reader *r = &f->readers[i];
		if (i >= 2) /* with a backlog */
			assert_int_equal(loop_call(f->loop, pump_one, r), 1);
		if (i & 1)
			net_reset(fd);
		else
			close(fd);
		net_wait(&f->event);
		assert_int_equal(r->closed, 1);
	}
	int fd = net_connect(f->port);
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(f->readers[i].closed, 1);
}

static void test_stream_pipelined(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	char request[200];
	snprintf(request, sizeof(request), "%s%s", STREAM, ECHO);
	int fd = open_stream(f, request, &t);
	net_say(fd, ECHO);
	struct piece p = {.f = f, .n = 5, .p = "more\n"};
	loop_call(f->loop, write_all, &p);
	net_until(fd, &t, 0, "more\n");
	assert_int_equal(f->readers[0].closed, 0);
	loop_call(f->loop, end_all, f);
	net_until(fd, &t, 0, "\r\n0\r\n\r\n");
	size_t end = (size_t)(strstr(t.p, "\r\n0\r\n\r\n") - t.p);
	net_until(fd, &t, end, ECHOED);
	end = (size_t)(strstr(t.p + end, ECHOED) - t.p) + 1;
	net_until(fd, &t, end, ECHOED);
	close(fd);
	/* without end is too much */
	CLEANUP(net_text_done) struct net_text t2 = {0};
	fd = open_stream(f, STREAM, &t2);
	char junk[4096] = {'x'};
	for (int i = 0; i < 10000 && net_send(fd, junk, sizeof(junk)); i++)
		;
	net_wait(&f->event);
	assert_int_equal(f->readers[1].closed, 1);
	close(fd);
}

static void test_stream_1_0(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = open_stream(f, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &t);
	struct piece p = {.f = f, .n = 5, .p = "more\n"};
	loop_call(f->loop, write_all, &p);
	loop_call(f->loop, end_all, f);
	net_until_closed(fd, &t);
	assert_null(strstr(t.p, "Transfer-Encoding"));
	assert_null(strstr(t.p, "Content-Length"));
	assert_non_null(strstr(t.p, "\r\n\r\n: ok\n\nmore\n"));
	close(fd);
}

static void test_stream_head(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);
	net_say(fd, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	net_wait(&f->event);
	loop_call(f->loop, end_all, f);
	net_answer(fd, &t, false);
	assert_null(strstr(t.p, "ok"));
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static void test_stream_abort(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = open_stream(f, STREAM, &t);
	loop_call(f->loop, abort_all, f);
	net_until_closed(fd, &t);
	assert_null(strstr(t.p, "\r\n0\r\n\r\n"));
	assert_int_equal(f->readers[0].closed, 0);
	close(fd);
	CLEANUP(net_text_done) struct net_text t2 = {0};
	fd = open_stream(f, STREAM, &t2); /* this one ends with the server */
	stop(f);
	assert_int_equal(f->readers[1].closed, 1);
	close(fd);
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* When all places are taken, who waits for nothing makes room; who waits for an answer does not. */
static void test_max_connections(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int idle = net_connect(f->port), waiting = net_connect(f->port), third, fourth;
	expect(idle, ECHO, 200, ECHOED);
	net_say(waiting, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	net_wait(&f->event);
	struct http_exchange *first = f->waiting;
	third = net_connect(f->port);
	net_say(third, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	net_wait(&f->event);
	net_until_closed(idle, &t);
	assert_int_equal(t.n, 0);
	fourth = net_connect(f->port); /* by the kernel; the server takes two */
	net_say(fourth, ECHO);
	assert_int_equal(metric_get(M_http_connections), 2);
	struct pollfd p = {.fd = fourth, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	text(first, 200, "first");
	expect(waiting, NULL, 200, "first");
	close(waiting);
	expect(fourth, NULL, 200, ECHOED);
	text(f->waiting, 200, "third");
	expect(third, NULL, 200, "third");
	close(idle);
	close(third);
	close(fourth);
}

static int hurry(void *arg)
{
	struct fixture *f = arg;
	http_server_set_pace(f->server, &(struct http_pace){.tick_ms = 10,
						.head_ms = 100,
						.idle_ms = 200,
						.grace_ms = 100,
						.rate = 1000000,
						.stall_ms = 100,
						.linger_ms = 100});
	return 0;
}

static void test_timeouts(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	CLEANUP(net_text_done) struct net_text t2 = {0};
	int stream = open_stream(f, STREAM, &t);
	int slow = net_connect(f->port), idle = net_connect(f->port), waiting = net_connect(f->port);
	net_say(waiting, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	net_wait(&f->event);
	net_say(slow, "GET /e HTTP/1.1\r\nHos");
	expect(idle, ECHO, 200, ECHOED);
	loop_call(f->loop, hurry, f);
	expect_envelope(slow, 408, "request_timeout");
	net_until_closed(idle, &t2);
	assert_int_equal(t2.n, 0);
	text(f->waiting, 200, "late");
	expect(waiting, NULL, 200, "late");
	struct piece p = {.f = f, .n = 5, .p = "more\n"};
	loop_call(f->loop, write_all, &p);
	net_until(stream, &t, 0, "more\n");
	close(stream);
	close(slow);
	close(idle);
	close(waiting);
}

static int stop_accepting(void *arg)
{
	struct fixture *f = arg;
	http_server_stop_accepting(f->server);
	listeners_close(&f->listeners);
	return 0;
}

static void test_stop_accepting(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);
	expect(fd, ECHO, 200, ECHOED);
	loop_call(f->loop, stop_accepting, f);
	assert_int_equal(net_connect_small(f->port, 0), -1);
	expect(fd, ECHO, 200, ECHOED); /* what is open is served, once more */
	CLEANUP(net_text_done) struct net_text t = {0};
	net_until_closed(fd, &t);
	assert_int_equal(t.n, 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keep_alive),
		TEST(test_headers),
		TEST(test_pipelining),
		TEST(test_methods),
		TEST(test_head),
		TEST(test_http_1_0),
		TEST(test_large_answer),
		TEST(test_large_body),
		TEST(test_bad_requests),
		TEST(test_client_gone),
		TEST(test_stream_order),
		TEST(test_stream_first_send),
		TEST(test_slow_reader),
		TEST(test_close_seen),
		TEST(test_stream_pipelined),
		TEST(test_stream_1_0),
		TEST(test_stream_head),
		TEST(test_stream_abort),
		cmocka_unit_test_setup_teardown(test_max_connections, setup_few, teardown),
		TEST(test_timeouts),
		TEST(test_stop_accepting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
