/* scripted.h - a client on a loop of its own, and a server that answers what the test has written down. */
#pragma once

#include <netinet/tcp.h>
#include <pthread.h>

#include "base/clock.h"
#include "http/client_priv.h"
#include "net.h"

enum { MAX_CONNS = 256 };

/* With a user and a password curl makes the call; to an address, and to this machine, it goes directly. */
static const char *host = "user:secret@127.0.0.1";

struct fixture {
	struct loop *loop;
	pthread_t loop_thread, accept_thread, conn_threads[MAX_CONNS];
	struct http_client *client;
	int listener, stop_pipe[2];
	unsigned port;
	/* what the server does with each request; false: close the connection */
	bool (*serve)(struct fixture *f, int fd, unsigned nth);
	pthread_mutex_t mx; /* guards what follows */
	char answer[200000];
	size_t answer_n;
	unsigned n_conns, n_requests;
	char request[4096]; /* the last one, as far as it fits */
	size_t request_n;
	sem_t requested, closed, go;
	bool client_freed;
};

/* --- the scripted server ----------------------------------------------------------------------------------------- */

static bool readable(struct fixture *f, int fd)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = f->stop_pipe[0], .events = POLLIN}};
	while (poll(p, 2, -1) < 0)
		;
	return !p[1].revents;
}

/* Reads one request; false at the end. */
static bool read_request(struct fixture *f, int fd)
{
	char *buf = xcalloc(1, (4 << 20) + 1);
	size_t n = 0, want = 0;
	while (!want || n < want) {
		ssize_t k = readable(f, fd) ? recv(fd, buf + n, (4 << 20) - n, 0) : 0;
		if (k <= 0)
			break;
		n += (size_t)k;
		const char *end = memmem(buf, n, "\r\n\r\n", 4), *length = strcasestr(buf, "Content-Length: ");
		if (end)
			want = (size_t)(end - buf) + 4 + (length ? (size_t)atoi(length + 16) : 0);
	}
	bool whole = want && n == want;
	if (whole) {
		pthread_mutex_lock(&f->mx);
		memcpy(f->request, buf, MIN(n, sizeof(f->request) - 1));
		f->request[MIN(n, sizeof(f->request) - 1)] = '\0';
		f->request_n = n;
		pthread_mutex_unlock(&f->mx);
	}
	free(buf);
	return whole;
}

struct one {
	struct fixture *f;
	int fd;
};

static void *serve_conn(void *arg)
{
	struct one o = *(struct one *)arg;
	free(arg);
	while (read_request(o.f, o.fd)) {
		pthread_mutex_lock(&o.f->mx);
		unsigned nth = ++o.f->n_requests;
		pthread_mutex_unlock(&o.f->mx);
		sem_post(&o.f->requested);
		if (!o.f->serve(o.f, o.fd, nth))
			break;
	}
	close(o.fd);
	sem_post(&o.f->closed);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct fixture *f = arg;
	while (readable(f, f->listener)) {
		struct one *o = xcalloc(1, sizeof(*o));
		*o = (struct one){f, accept(f->listener, NULL, NULL)};
		int on = 1;
		setsockopt(o->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		pthread_mutex_lock(&f->mx);
		unsigned i = f->n_conns++;
		pthread_mutex_unlock(&f->mx);
		if (i >= MAX_CONNS)
			abort();
		pthread_create(&f->conn_threads[i], NULL, serve_conn, o);
	}
	return NULL;
}

/* Sends the bytes of the answer from `from` to `to`. */
static bool send_part(struct fixture *f, int fd, size_t from, size_t to)
{
	char *copy = xcalloc(1, sizeof(f->answer));
	pthread_mutex_lock(&f->mx);
	to = MIN(to, f->answer_n);
	memcpy(copy, f->answer, to);
	pthread_mutex_unlock(&f->mx);
	bool sent = from >= to || net_send(fd, copy + from, to - from);
	free(copy);
	return sent;
}

static bool serve_answer(struct fixture *f, int fd, unsigned nth UNUSED)
{
	return send_part(f, fd, 0, SIZE_MAX);
}

UNUSED static bool serve_answer_and_close(struct fixture *f, int fd, unsigned nth)
{
	serve_answer(f, fd, nth);
	return false;
}

/* --- fixture ----------------------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	*state = f;
	f->serve = serve_answer;
	pthread_mutex_init(&f->mx, NULL);
	sem_init(&f->requested, 0, 0);
	sem_init(&f->closed, 0, 0);
	sem_init(&f->go, 0, 0);
	f->listener = net_listen(64, &f->port);
	if (f->listener < 0 || pipe(f->stop_pipe) < 0)
		return -1;
	f->loop = loop_new();
	if (http_client_new(f->loop, &f->client) < 0)
		return -1;
	pthread_create(&f->loop_thread, NULL, run, f->loop);
	return pthread_create(&f->accept_thread, NULL, accept_all, f);
}

static void stop_client(struct fixture *f)
{
	if (f->client_freed)
		return;
	f->client_freed = true;
	loop_stop(f->loop);
	pthread_join(f->loop_thread, NULL);
	http_client_free(f->client);
	loop_free(f->loop);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	stop_client(f);
	close(f->stop_pipe[1]);
	pthread_join(f->accept_thread, NULL);
	for (unsigned i = 0; i < f->n_conns; i++)
		pthread_join(f->conn_threads[i], NULL);
	close(f->stop_pipe[0]);
	close(f->listener);
	pthread_mutex_destroy(&f->mx);
	sem_destroy(&f->requested);
	sem_destroy(&f->closed);
	sem_destroy(&f->go);
	free(f);
	return 0;
}

UNUSED static void answers_n(struct fixture *f, const char *p, size_t n)
{
	assert_true(n <= sizeof(f->answer));
	pthread_mutex_lock(&f->mx);
	memcpy(f->answer, p, n);
	f->answer_n = n;
	pthread_mutex_unlock(&f->mx);
}

UNUSED static void answers(struct fixture *f, const char *text)
{
	answers_n(f, text, strlen(text));
}

UNUSED static const char PLAIN[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
UNUSED static const char CHUNKED[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	"6\r\ndata: \r\n3\r\n\xc3\xa4\n\r\n1\r\n\n\r\n0\r\n\r\n";

struct got {
	struct http_result r;
	struct err e;
	struct buf body;
	int code;
	int64_t ms;
};

static void got_done(struct got *g)
{
	buf_done(&g->r.error_body);
	buf_done(&g->body);
}

UNUSED static void get_with(struct fixture *f, struct http_call *call, struct cancel *c, struct got *g)
{
	char url[100];
	got_done(g);
	*g = (struct got){.body = BUF_INIT(1 << 20)};
	snprintf(url, sizeof(url), "http://%s:%u/path?key=secret", host, f->port);
	if (!call->url)
		call->url = url;
	if (!call->method)
		call->method = "GET";
	int64_t t = clock_mono_ms();
	g->code = http_client_fetch(f->client, call, c, &g->body, &g->r, &g->e);
	g->ms = clock_mono_ms() - t;
	assert_int_equal(g->e.code, g->code);
	assert_null(strstr(g->e.msg, "secret"));
	call->url = NULL;
}

UNUSED static void get(struct fixture *f, struct got *g)
{
	struct http_call call = {.connect_timeout_ms = PATIENCE_MS,
		.first_byte_timeout_ms = PATIENCE_MS,
		.idle_timeout_ms = PATIENCE_MS};
	get_with(f, &call, NULL, g);
}
