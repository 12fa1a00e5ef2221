/* The server's limits against raw sockets: bodies and their budget, deadlines, half-closed clients, refusals, one address. */
#include <pthread.h>

#include "base/clock.h"
#include "http/listen.h"
#include "http/server_priv.h"
#include "net.h"
#include "sys/metrics.h"

enum { BODY_MAX = 300000, BUDGET = 400000, BUDGET_UNKNOWN = 1000, PER_ADDRESS = 20 };

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct listeners listeners;
	struct http_server *server;
	unsigned port;
	struct http_exchange *waiting;
	unsigned pieces;
	size_t piece_bytes;
	sem_t event, left;
};

static void text(struct http_exchange *x, int status, const char *s)
{
	struct buf b = BUF_INIT(100000);

	buf_add_str(&b, s);
	http_reply(x, status, "text/plain", &b);
}

static void answer_error(struct http_exchange *x, int error)
{
	text(x, err_info(error)->http_status, err_info(error)->wire_code);
}

static void on_body(struct http_exchange *x)
{
	char line[100];
	unsigned sum = 0;
	struct str b = http_body(x);

	for (size_t i = 0; i < b.n; i++)
		sum += (unsigned char)b.p[i];
	snprintf(line, sizeof(line), "%zu bytes, sum %u", b.n, sum);
	if (http_request_error(x))
		answer_error(x, http_request_error(x));
	else
		text(x, 200, line);
}

static void *ask_later(void *arg)
{
	struct http_exchange *x = arg;
	int r = http_body_collect(x, BODY_MAX, HTTP_KNOWN, on_body);

	if (r < 0)
		answer_error(x, r);
	return NULL;
}

static void *more_later(void *arg)
{
	http_body_more(arg);
	return NULL;
}

static void in_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, fn, arg);
	pthread_detach(t);
}

static void on_piece(struct http_exchange *x, const char *p, size_t n)
{
	struct fixture *f = http_exchange_data(x);
	char line[100];

	(void)p;
	f->piece_bytes += n;
	f->pieces += n > 0;
	if (n && strcmp(http_path(x), "/first") == 0)
		text(x, 200, "enough");
	else if (n && f->pieces & 1)
		in_thread(more_later, x);
	else if (n)
		http_body_more(x);
	else if (http_request_error(x))
		answer_error(x, http_request_error(x));
	else {
		snprintf(line, sizeof(line), "%zu bytes in pieces", f->piece_bytes);
		text(x, 200, line);
	}
}

static void on_leave(void *arg)
{
	struct fixture *f = arg;

	text(f->waiting, 200, "nobody reads this");
	sem_post(&f->left);
}

static void on_stream(void *arg)
{
	(void)arg;
}

static void on_head(struct http_exchange *x, void *arg)
{
	static const struct http_stream_ops quiet = {on_stream, on_stream};
	struct fixture *f = arg;
	const char *path = http_path(x);
	int r = 0;

	http_exchange_set_data(x, f);
	if (strcmp(path, "/abort") == 0) {
		http_stream_abort(http_stream_begin(&(struct http_place){.x = x}, "text/plain", &quiet, f));
	} else if (strcmp(path, "/blind") == 0) {
		text(x, 200, "not looked at");
	} else if (strcmp(path, "/thread") == 0) {
		in_thread(ask_later, x);
	} else if (strcmp(path, "/unknown") == 0) {
		r = http_body_collect(x, BODY_MAX, 1, on_body);
	} else if (strcmp(path, "/other") == 0) { /* another stranger */
		r = http_body_collect(x, BODY_MAX, 2, on_body);
	} else if (strcmp(path, "/pieces") == 0 || strcmp(path, "/first") == 0) {
		f->pieces = 0;
		f->piece_bytes = 0;
		r = http_body_pieces(x, BODY_MAX, on_piece);
	} else if (strcmp(path, "/watched") == 0) {
		f->waiting = x;
		if (http_exchange_watch(x, on_leave, NULL, f))
			sem_post(&f->event);
		else
			text(x, 200, "gone at once");
	} else if (strcmp(path, "/wait") == 0) {
		f->waiting = x;
		sem_post(&f->event);
	} else if (strncmp(path, "/file", 5) == 0) {
		CLEANUP(buf_done) struct buf own = BUF_INIT(100);

		http_set_header(x, "ETag", "\"tag\"");
		http_set_header(x, "Content-Encoding", "none");
		buf_add_str(&own, "0123456789");
		if (strcmp(path, "/file") == 0)
			http_reply_ranges(x, "text/plain", "\"tag\"", "0123456789", 10);
		else
			http_reply_ranges_of(x, "text/plain", "\"tag\"", &own);
	} else if (strcmp(path, "/headers") == 0) {
		text(x, 200,
			arena_printf(http_arena(x), "%s|%s|%s", http_header(x, "X-Forwarded-For"),
				http_header(x, "cookie"), http_header(x, "Host")));
	} else {
		r = http_body_collect(x, BODY_MAX, HTTP_KNOWN, on_body);
	}
	if (r < 0)
		answer_error(x, r);
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = {0};

	f->loop = loop_new();
	sem_init(&f->event, 0, 0);
	sem_init(&f->left, 0, 0);
	if (listeners_open(&f->listeners, &(struct listen_config){.words = "127.0.0.1:0"}, &e) < 0)
		return -1;
	const struct http_server_config c = {.listeners = f->listeners.items,
		.n_listeners = f->listeners.n,
		.max_header_bytes = 4000,
		.max_connections = 100,
		.max_connections_per_address = PER_ADDRESS,
		.body_budget = BUDGET,
		.body_budget_unknown = BUDGET_UNKNOWN,
		.on_head = on_head,
		.arg = f};
	if (http_server_new(f->loop, &c, &f->server, &e) < 0)
		return -1;
	f->port = http_server_port(f->server);
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
	sem_destroy(&f->event);
	sem_destroy(&f->left);
	free(f);
	return 0;
}

static int hurry(void *arg)
{
	struct fixture *f = arg;

	http_server_set_pace(f->server, &(struct http_pace){.tick_ms = 10,
						.head_ms = 150,
						.idle_ms = 100000,
						.grace_ms = 150,
						.rate = 1000000,
						.stall_ms = 150,
						.linger_ms = 150});
	return 0;
}

/* Status and body of the next answer. */
static void expect(int fd, const char *request, int status, const char *body)
{
	CLEANUP(net_text_done) struct net_text t = {0};

	if (request)
		net_say(fd, request);
	assert_string_equal(net_answer(fd, &t, true), body);
	assert_int_equal(atoi(t.p + 9), status);
}

static void expect_closed(int fd)
{
	char c;

	assert_true(recv(fd, &c, 1, 0) <= 0);
	close(fd);
}

/* A request with a body of n bytes 'a', of which `sent` are sent. */
static void post(int fd, const char *path, size_t n, size_t sent)
{
	char head[200];
	char *body = xcalloc(1, n + 1);

	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", path, n);
	net_say(fd, head);
	memset(body, 'a', n);
	net_send(fd, body, sent);
	free(body);
}

static const char ECHO[] = "GET /e HTTP/1.1\r\nHost: x\r\n\r\n", ECHOED[] = "0 bytes, sum 0";

/* A connection that is closed at the moment at which others should have their turn has none of its own any more. */
static void test_closed_at_its_turn(void **state)
{
	struct fixture *f = *state;

	for (unsigned before = 0; before < 20; before++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(10000);
		int fd = net_connect(f->port);

		for (unsigned i = 0; i < before; i++)
			buf_add_str(&b, ECHO);
		buf_add_str(&b, "GET /abort HTTP/1.1\r\nHost: x\r\n\r\n");
		net_send(fd, b.p, b.n);
		for (char c[4096]; recv(fd, c, sizeof(c), 0) > 0;)
			;
		close(fd);
	}
	int fd = net_connect(f->port);
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

/* --- bodies -------------------------------------------------------------------------------------------------------- */

static void test_whole(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = {"/loop", "/thread"};
	int fd = net_connect(f->port);

	for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
		post(fd, paths[i], BODY_MAX, BODY_MAX);
		expect(fd, NULL, 200, "300000 bytes, sum 29100000");
		post(fd, paths[i], 3, 3);
		expect(fd, NULL, 200, "3 bytes, sum 291");
	}
	expect(fd,
		"POST /thread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		"chunked\r\n\r\n1;x=y\r\na\r\n2\r\naa\r\n0\r\nT: u\r\n\r\n",
		200, "3 bytes, sum 291");
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static void test_pieces(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);

	post(fd, "/pieces", BODY_MAX, BODY_MAX);
	expect(fd, NULL, 200, "300000 bytes in pieces");
	assert_true(f->pieces > 1);
	expect(fd,
		"POST /pieces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\naa\r\n0\r\n\r\n",
		200, "3 bytes in pieces");
	expect(fd, "POST /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, "0 bytes in pieces");
	post(fd, "/first", 1000, 1000); /* answered before the end; the short rest is read off */
	expect(fd, NULL, 200, "enough");
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);

	post(fd, "/loop", BODY_MAX + 1, 10);
	expect(fd, NULL, 413, "too_large");
	net_send(fd, "more", 4);
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
	/* in chunks it is only seen on the way */
	fd = net_connect(f->port);
	net_say(fd, "POST /loop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	char chunk[10002];
	memset(chunk, 'a', sizeof(chunk));
	memcpy(chunk + 10000, "\r\n", 2);
	for (int i = 0; i < 31 && net_send(fd, "2710\r\n", 6) && net_send(fd, chunk, sizeof(chunk)); i++)
		;
	expect(fd, NULL, 413, "too_large");
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
}

static void test_not_wanted(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);

	post(fd, "/blind", 1000, 1000);
	expect(fd, NULL, 200, "not looked at");
	expect(fd, "POST /blind HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n", 200,
		"not looked at");
	expect(fd, ECHO, 200, ECHOED);
	/* a long one is not read: what would follow it is not believed either */
	post(fd, "/blind", 100000, 10);
	expect(fd, NULL, 200, "not looked at");
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
	/* who was not told to go on may or may not send it */
	fd = net_connect(f->port);
	expect(fd, "POST /blind HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 200,
		"not looked at");
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
}

static void test_bad_chunks(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);

	expect(fd, "POST /loop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nGET /e HTTP/1.1\r\n",
		400, "invalid_request");
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
}

/* What an unfinished body has reserved is not there for others, and is there again when its client leaves; but no stranger takes
 * what all strangers may have. */
static void test_budget(void **state)
{
	struct fixture *f = *state;
	int first = net_connect(f->port), second = net_connect(f->port);

	post(first, "/unknown", BUDGET_UNKNOWN / 4, 1);
	do { /* until the server has seen the first */
		post(second, "/unknown", 1, 1);
		CLEANUP(net_text_done) struct net_text t = {0};
		net_answer(second, &t, true);
		if (atoi(t.p + 9) == 503)
			break;
	} while (true);
	post(second, "/other", BUDGET_UNKNOWN / 4, 0); /* of what the first has left, a quarter */
	expect(second, NULL, 503, "busy");
	close(second);
	second = net_connect(f->port);
	post(second, "/other", BUDGET_UNKNOWN * 3 / 16, BUDGET_UNKNOWN * 3 / 16);
	expect(second, NULL, 200, "187 bytes, sum 18139");
	post(second, "/loop", BODY_MAX, BODY_MAX); /* somebody known has the rest */
	expect(second, NULL, 200, "300000 bytes, sum 29100000");
	close(first);
	do {
		post(second, "/unknown", 1, 1);
		CLEANUP(net_text_done) struct net_text t = {0};
		net_answer(second, &t, true);
		if (atoi(t.p + 9) == 200)
			break;
	} while (true);
	close(second);
}

static void test_continue(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd = net_connect(f->port);

	net_say(fd, "POST /thread HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	net_answer(fd, &t, false);
	assert_string_equal(t.p, "HTTP/1.1 100 Continue\r\n\r\n");
	expect(fd, "aaa", 200, "3 bytes, sum 291");
	/* what is too large anyway is refused before it is sent */
	expect(fd, "POST /loop HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413,
		"too_large");
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
}

/* --- deadlines ----------------------------------------------------------------------------------------------------- */

/* A byte now and then keeps nothing open: head, body whole and in pieces, lingering. Returns what the client got. */
static void trickle(int fd, const char *begin, struct net_text *t)
{
	struct timespec pause = {.tv_nsec = 20000000};

	net_say(fd, begin);
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 0) > 0 && net_more(fd, t) <= 0)
			break;
		if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
		nanosleep(&pause, NULL);
		if (clock_mono_ms() > until_ms)
			fail_msg("still open");
	}
	close(fd);
}

static void test_deadlines(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *begin, *answer;
	} cases[] = {
		{"GET /e HTTP/1.1\r\nHost: x\r\nX: ", "HTTP/1.1 408 "},
		{"POST /loop HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 408 "},
		{"POST /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 408 "},
		{"POST /blind HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", "HTTP/1.1 200 "},
		{"POST /blind HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 200 "},
		{"GET / HTTP/9.9\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
	};

	loop_call(f->loop, hurry, f);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(net_text_done) struct net_text t = {0};
		trickle(net_connect(f->port), cases[i].begin, &t);
		assert_non_null(t.p);
		assert_int_equal(strncmp(t.p, cases[i].answer, strlen(cases[i].answer)), 0);
	}
	int fd = net_connect(f->port);
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

static int patience(void *arg)
{
	struct fixture *f = arg;

	http_server_set_pace(f->server, &(struct http_pace){.tick_ms = 10,
						.head_ms = 10000,
						.idle_ms = 10000,
						.grace_ms = 50,
						.rate = 100,
						.stall_ms = 150,
						.linger_ms = 150});
	return 0;
}

/* Who begins fast has not earned a quarter of an hour of silence. */
static void test_silence(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = {"/loop", "/pieces"};

	loop_call(f->loop, patience, f);
	for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
		int fd = net_connect(f->port);

		post(fd, paths[i], 100000, 99000);
		expect(fd, NULL, 408, "request_timeout");
		close(fd);
	}
}

/* --- clients that leave, or half ----------------------------------------------------------------------------------- */

static void test_half_closed(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);

	net_say(fd, ECHO);
	net_say(fd, ECHO);
	shutdown(fd, SHUT_WR);
	expect(fd, NULL, 200, ECHOED);
	expect(fd, NULL, 200, ECHOED);
	expect_closed(fd);
	for (int watched = 0; watched < 2; watched++) { /* also while somebody watches whether it leaves */
		CLEANUP(net_text_done) struct net_text t = {0};
		fd = net_connect(f->port);
		net_say(fd,
			watched ? "GET /watched HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
		net_wait(&f->event);
		shutdown(fd, SHUT_WR);
		if (watched) { /* an interim response tells them apart */
			net_answer(fd, &t, false);
			assert_int_equal(atoi(t.p + 9), 100);
		}
		text(f->waiting, 200, "still here");
		expect(fd, NULL, 200, "still here");
		expect_closed(fd);
	}
}

static void test_leave(void **state)
{
	struct fixture *f = *state;

	for (int reset = 0; reset < 2; reset++) {
		int fd = net_connect(f->port);
		net_say(fd, "GET /watched HTTP/1.1\r\nHost: x\r\n\r\n");
		net_wait(&f->event);
		if (reset)
			net_reset(fd);
		else
			close(fd);
		net_wait(&f->left);
	}
	int fd = net_connect(f->port); /* in the middle of a body */
	post(fd, "/loop", 1000, 10);
	close(fd);
	fd = net_connect(f->port);
	expect(fd, ECHO, 200, ECHOED);
	close(fd);
}

/* --- refusals and one address ---------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *request;
		int status;
		const char *code;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400, "invalid_request"},
		{"GET / HTTP/2.0\r\n\r\n", 505, "version_not_supported"},
		{"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, "not_implemented"},
		{"GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n", 417, "expectation_failed"},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: magic\r\nConnection: upgrade\r\n\r\n", 426, "upgrade_required"},
	};
	int64_t before = metric_get(M_http_refused_total);

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(net_text_done) struct net_text t = {0};
		char want[100];
		int fd = net_connect(f->port);
		net_say(fd, cases[i].request);
		net_say(fd, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
		shutdown(fd, SHUT_WR);
		net_until_closed(fd, &t);
		assert_int_equal(atoi(t.p + 9), cases[i].status);
		snprintf(want, sizeof(want), "{\"error\":{\"code\":\"%s\",\"message\":\"", cases[i].code);
		assert_non_null(strstr(t.p, want));
		assert_null(strstr(t.p + 1, "HTTP/1.1 2"));
		if (cases[i].status == 426)
			assert_true(strstr(t.p, "\r\nUpgrade: HTTP/1.1\r\n") &&
				    strstr(t.p, "\r\nConnection: Upgrade, close\r\n"));
		close(fd);
	}
	assert_int_equal(metric_get(M_http_refused_total) - before, N_ELEMENTS(cases));
}

/* Who has all that one address may have gets another one for one that waits for nothing, and for none that is at work. */
static void test_one_address(void **state)
{
	struct fixture *f = *state;
	CLEANUP(net_text_done) struct net_text t = {0};
	int fd[PER_ADDRESS], more;

	for (int i = 0; i < PER_ADDRESS; i++) {
		fd[i] = net_connect(f->port);
		expect(fd[i], ECHO, 200, ECHOED);
	}
	more = net_connect(f->port);
	expect(more, ECHO, 200, ECHOED);
	net_until_closed(fd[0], &t);
	assert_int_equal(t.n, 0);
	close(more);
	for (int i = 0; i < PER_ADDRESS; i++) {
		close(fd[i]);
		fd[i] = net_connect(f->port);
		net_say(fd[i], "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
		net_wait(&f->event);
	}
	more = net_connect(f->port);
	net_until_closed(more, &t);
	assert_int_equal(atoi(t.p + 9), 503);
	const char *body = strstr(t.p, "\r\n\r\n{\"error\":{\"code\":\"busy\"");
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), atoi(strstr(t.p, "Content-Length: ") + 16));
	close(more);
	for (int i = 0; i < PER_ADDRESS; i++)
		close(fd[i]);
}

/* Connections that only linger go before those that may be used again. */
static void test_lingering_goes_first(void **state)
{
	struct fixture *f = *state;
	int fd[PER_ADDRESS], more;

	for (int i = 0; i < PER_ADDRESS; i++) {
		CLEANUP(net_text_done) struct net_text t = {0};
		fd[i] = net_connect(f->port);
		net_say(fd[i], i ? "GET / HTTP/1.1\r\n\r\n" : ECHO);
		net_answer(fd[i], &t, true);
		assert_int_equal(atoi(t.p + 9), i ? 400 : 200);
	}
	more = net_connect(f->port);
	expect(more, ECHO, 200, ECHOED);
	expect(fd[0], ECHO, 200, ECHOED);
	close(more);
	for (int i = 0; i < PER_ADDRESS; i++)
		close(fd[i]);
}

/* Large heads that are never finished: few are kept, whoever sends more of them is told to come again. */
static void test_large_heads(void **state)
{
	struct fixture *f = *state;
	struct pollfd fds[PER_ADDRESS];
	char *begin = xcalloc(1, 3001);
	int answered = 0;

	memset(begin, 'a', 3000);
	memcpy(begin, "GET / HTTP/1.1\r\nX: ", 19);
	for (int i = 0; i < PER_ADDRESS; i++) {
		fds[i] = (struct pollfd){.fd = net_connect(f->port), .events = POLLIN};
		net_say(fds[i].fd, begin);
	}
	free(begin);
	while (answered < PER_ADDRESS - 16) {
		assert_true(poll(fds, PER_ADDRESS, PATIENCE_MS) > 0);
		for (int i = 0; i < PER_ADDRESS; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			CLEANUP(net_text_done) struct net_text t = {0};
			net_answer(fds[i].fd, &t, true);
			assert_int_equal(atoi(t.p + 9), 503);
			fds[i].events = 0;
			answered++;
		}
	}
	for (int i = 0; i < PER_ADDRESS; i++) /* the others may still go on */
		if (fds[i].events) {
			expect(fds[i].fd, "\r\nHost: x\r\n\r\n", 200, ECHOED);
			break;
		}
	for (int i = 0; i < PER_ADDRESS; i++)
		close(fds[i].fd);
}

/* --- small things -------------------------------------------------------------------------------------------------- */

static void test_joined_fields(void **state)
{
	struct fixture *f = *state;
	int fd = net_connect(f->port);

	expect(fd,
		"GET http://target/headers HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: a\r\nCookie: "
		"b=1\r\nx-forwarded-for: c, d\r\n"
		"Cookie: e=2\r\nX-Forwarded-For: f\r\n\r\n",
		200, "a, c, d, f|b=1; e=2|target");
	close(fd);
}

#define NOT_THERE                                                                                                      \
	"{\"error\":{\"code\":\"range_not_satisfiable\",\"message\":\"The file has no such "                           \
	"part.\",\"request_id\":null,"                                                                                 \
	"\"retryable\":false}}"

static void test_ranges(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *fields;
		int status;
		const char *body, *range;
	} cases[] = {
		{"", 200, "0123456789", NULL},
		{"Range: bytes=0-0\r\n", 206, "0", "bytes 0-0/10"},
		{"Range: bytes=2-4\r\n", 206, "234", "bytes 2-4/10"},
		{"Range: bytes=8-\r\n", 206, "89", "bytes 8-9/10"},
		{"Range: bytes=8-99999999999999999999999\r\n", 206, "89", "bytes 8-9/10"},
		{"Range: bytes=-3\r\n", 206, "789", "bytes 7-9/10"},
		{"Range: bytes=-30\r\n", 206, "0123456789", "bytes 0-9/10"},
		{"Range: bytes=10-\r\n", 416, NOT_THERE, "bytes */10"},
		{"Range: bytes=99999999999999999999999-\r\n", 416, NOT_THERE, "bytes */10"},
		{"Range: bytes=-0\r\n", 416, NOT_THERE, "bytes */10"},
		{"Range: bytes=4-2\r\n", 200, "0123456789", NULL},
		{"Range: bytes=0-1,3-4\r\n", 200, "0123456789", NULL},
		{"Range: lines=0-1\r\n", 200, "0123456789", NULL},
		{"Range: bytes=+1-2\r\n", 200, "0123456789", NULL},
		{"Range: bytes=-\r\n", 200, "0123456789", NULL},
		{"Range: bytes=1-2\r\nIf-Range: \"tag\"\r\n", 206, "12", "bytes 1-2/10"},
		{"Range: bytes=1-2\r\nIf-Range: \"other\"\r\n", 200, "0123456789", NULL},
		{"Range: bytes=1-2\r\nIf-Range: W/\"tag\"\r\n", 200, "0123456789", NULL},
	};
	int fd = net_connect(f->port);

	for (size_t k = 0; k < 2 * N_ELEMENTS(cases); k++) {
		CLEANUP(net_text_done) struct net_text t = {0};
		char request[300], line[100];
		size_t i = k / 2;
		snprintf(request, sizeof(request), "GET /file%s HTTP/1.1\r\nHost: x\r\n%s\r\n",
			k % 2 ? "-of-its-own" : "", cases[i].fields);
		net_say(fd, request);
		assert_string_equal(net_answer(fd, &t, true), cases[i].body);
		assert_int_equal(atoi(t.p + 9), cases[i].status);
		assert_non_null(strstr(t.p, "\r\nAccept-Ranges: bytes\r\n"));
		snprintf(line, sizeof(line), "\r\nContent-Range: %s\r\n", cases[i].range ? cases[i].range : "");
		assert_int_equal(strstr(t.p, "Content-Range:") != NULL, cases[i].range != NULL);
		assert_int_equal(strstr(t.p, "Content-Encoding:") != NULL, cases[i].status != 416);
		assert_true(!cases[i].range || strstr(t.p, line));
	}
	close(fd);
}

/* Requests behind each other have the same answers, wherever what is sent is cut. */
static void test_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	static const char all[] = "GET /e HTTP/1.1\r\nHost: x\r\n\r\n"
				  "POST /loop HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\naaa"
				  "\r\nPOST /thread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
				  "chunked\r\n\r\n2;x\r\naa\r\n0\r\nT: u\r\n\r\n"
				  "POST /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"
				  "POST /blind HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nGET "
				  "GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	static const char *const answers[] = {
		ECHOED, "3 bytes, sum 291", "2 bytes, sum 194", "4 bytes in pieces", "not looked at", ECHOED};

	for (size_t cut = 1; cut < sizeof(all) - 1; cut++) {
		int fd = net_connect(f->port);
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
		net_send(fd, all, cut);
		sched_yield();
		net_send(fd, all + cut, sizeof(all) - 1 - cut);
		for (size_t i = 0; i < N_ELEMENTS(answers); i++)
			expect(fd, NULL, 200, answers[i]);
		expect_closed(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- what comes behind a head ---- */

enum { SENT_BEHIND = 60000, KEPT_BEHIND = 16384 };

struct behind {
	struct loop *loop;
	size_t kept;
};

static void on_head_behind(struct http_exchange *x, void *arg)
{
	struct behind *b = arg;

	b->kept = x->conn->in.n;
	http_reply_static(x, 200, "text/plain", "x", 1);
	loop_stop(b->loop);
}

/* A body that has come with its head is kept in part only, before anybody knows whose it is. */
static void test_little_is_kept_behind_a_head(void **state UNUSED)
{
	static char sent[SENT_BEHIND] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
	struct behind b = {.loop = loop_new()};
	struct listeners listeners = {0};
	struct http_server *server;
	struct err e = {0};

	assert_int_equal(listeners_open(&listeners, &(struct listen_config){.words = "127.0.0.1:0"}, &e), 0);
	const struct http_server_config c = {.listeners = listeners.items,
		.n_listeners = listeners.n,
		.max_header_bytes = 4000,
		.max_connections = 2,
		.max_connections_per_address = 2,
		.on_head = on_head_behind,
		.arg = &b};
	assert_int_equal(http_server_new(b.loop, &c, &server, &e), 0);
	int fd = net_connect(http_server_port(server));
	assert_true(net_send(fd, sent, sizeof(sent)));
	loop_run(b.loop);
	assert_in_range(b.kept, 1, KEPT_BEHIND);
	close(fd);
	http_server_free(server);
	listeners_close(&listeners);
	loop_free(b.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_closed_at_its_turn),
		TEST(test_whole),
		TEST(test_pieces),
		TEST(test_too_large),
		TEST(test_not_wanted),
		TEST(test_bad_chunks),
		TEST(test_budget),
		TEST(test_continue),
		TEST(test_deadlines),
		TEST(test_silence),
		TEST(test_half_closed),
		TEST(test_leave),
		TEST(test_refusals),
		TEST(test_one_address),
		TEST(test_lingering_goes_first),
		TEST(test_large_heads),
		TEST(test_joined_fields),
		TEST(test_ranges),
		TEST(test_cut_anywhere),
		cmocka_unit_test(test_little_is_kept_behind_a_head),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
