/*
 * fuzz_server.c - the HTTP server from the first byte on. The first byte of the input chooses: a head, a chunked body, what a
 * whole connection says, or what is said in a WebSocket, cut into pieces by the second byte. Heads and bodies must be read the same however they are cut.
 */
#include <stdint.h>
#include <sys/socket.h>

#include "http/server_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the readers ---------------------------------------------------------------------------------------------------- */

static ssize_t scan_in_steps(const char *p, size_t n, size_t step, struct head_scan *s)
{
	ssize_t k = 0;

	*s = (struct head_scan){0};
	for (size_t have = 0; k == 0 && have < n;) {
		have += MIN(step, n - have);
		k = head_scan(s, p, have, 4000);
	}
	return k;
}

static void terminated_within(const char *s, const char *p, size_t n)
{
	if (s < p || s >= p + n || !memchr(s, '\0', (size_t)(p + n - s)))
		abort();
}

static void try_head(const char *p, size_t n)
{
	struct head_scan a, b;
	ssize_t whole = scan_in_steps(p, n, n, &a), cut = scan_in_steps(p, n, 1, &b);

	/* What is refused before its end may be refused earlier in pieces, for the same or for another reason. */
	if ((whole > 0) != (cut > 0) || (whole > 0 && whole != cut) || (whole < 0 && cut == 0))
		abort();
	if (whole <= 0)
		return;
	size_t head_n = (size_t)whole - a.begin;
	char *copy = malloc(head_n);
	struct head_field *fields = calloc(a.lines, sizeof(*fields));
	struct head h;
	if (!copy || !fields)
		abort();
	memcpy(copy, p + a.begin, head_n);
	if (head_parse(copy, head_n, fields, &h) == 0) {
		terminated_within(h.method, copy, head_n);
		for (unsigned i = 0; i < h.n_fields; i++) {
			terminated_within(h.fields[i].name, copy, head_n);
			terminated_within(h.fields[i].value, copy, head_n);
		}
		if (h.n_fields >= a.lines || h.length < 0 || (h.chunked && h.length) || (!h.host && !h.http_1_0) ||
			(h.http_1_0 && h.chunked))
			abort();
	}
	free(fields);
	free(copy);
}

/* Returns how the body was read: the bytes taken, or negative; adds its data. */
static ssize_t read_chunks(const char *p, size_t n, size_t step, struct buf *data)
{
	struct chunked c = {0};
	size_t at = 0;

	while (at < n && !chunked_done(&c)) {
		struct str part;
		ssize_t k = chunked_take(&c, p + at, MIN(step, n - at), &part);
		if (k < 0)
			return k;
		if (k == 0 || part.n > (size_t)k)
			abort();
		buf_add(data, part.p, part.n);
		at += (size_t)k;
	}
	return (ssize_t)at;
}

static void try_chunks(const char *p, size_t n)
{
	struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
	ssize_t whole = read_chunks(p, n, n ? n : 1, &a), cut = read_chunks(p, n, 1, &b);

	if (whole != cut || !str_eq(buf_str(&a), buf_str(&b)))
		abort();
	buf_done(&a);
	buf_done(&b);
}

/* --- a connection --------------------------------------------------------------------------------------------------- */

static void on_body(struct http_exchange *x)
{
	http_reply_static(x, http_request_error(x) ? 400 : 200, "text/plain", "body", 4);
}

static void on_piece(struct http_exchange *x, const char *p, size_t n)
{
	if (n && p[0] != '!')
		http_body_more(x);
	else
		on_body(x);
}

static void on_close(void *arg)
{
	(void)arg;
}

static void begin_stream(struct http_exchange *x)
{
	static const struct http_stream_ops ops = {.on_close = on_close};
	struct http_stream *st = http_stream_begin(&(struct http_place){.x = x}, "text/event-stream", &ops, NULL);

	if (!st)
		return;
	http_stream_write(st, "piece", 5);
	http_stream_end(st);
}

static void on_answered(void *arg, int status, struct str body)
{
	struct http_shared *s = arg;

	if (status && body.n)
		(void)http_shared_write(s, body.p, body.n);
	http_websocket_done(s, 0);
	http_shared_unref(s);
}

/* Some are requests inside, some are echoed. */
static void on_message(void *arg, struct http_shared *s, struct str text)
{
	const struct http_inner in = {"POST", "/b", text, on_answered, http_shared_ref(s)};

	(void)arg;
	if (text.p[0] == 'i' && http_inner(s, &in))
		return;
	http_shared_unref(s);
	(void)http_shared_write(s, text.p, text.n);
	if (text.p[0] == 'e')
		http_shared_break(s);
	http_websocket_done(s, 0);
}

/* What holds the stream that was begun, until it is closed. */
struct holder {
	struct http_shared *s;
};

static void on_websocket_closed(void *arg)
{
	struct holder *h = arg;

	http_shared_unref(h->s);
	free(h);
}

static void begin_websocket(struct http_exchange *x)
{
	static const struct http_websocket w = {.max = 3000, .on_message = on_message};
	struct holder *h;
	struct err e = {0};

	if (http_websocket_check(x, &e) < 0) {
		http_reply_static(x, 426, "text/plain", "no", 2);
		return;
	}
	h = xcalloc(1, sizeof *h);
	h->s = http_shared_start(x, &w, on_websocket_closed, h);
	if (!h->s)
		free(h);
}

static void on_head(struct http_exchange *x, void *arg)
{
	int r = 0;

	(void)arg;
	(void)http_query(x, "q");
	(void)http_header(x, "Cookie");
	switch (http_path(x)[0] ? http_path(x)[1] : '\0') {
	case 'b':
		r = http_body_collect(x, 1000, 1, on_body);
		break;
	case 'p':
		r = http_body_pieces(x, 1000, on_piece);
		break;
	case 's':
		begin_stream(x);
		break;
	case 'w':
		begin_websocket(x);
		break;
	default:
		http_reply_ranges(x, "text/plain", "\"tag\"", "0123456789", 10);
	}
	if (r < 0)
		http_reply_static(x, 413, "text/plain", "large", 5);
}

static struct loop *loop;
static struct http_server *server;

static void server_begin(void)
{
	struct err e = {0};
	const struct http_server_config c = {.max_header_bytes = 4000,
		.max_connections = 10,
		.body_budget = 5000,
		.body_budget_unknown = 3000,
		.on_head = on_head};

	loop = loop_new();
	if (!loop || http_server_new(loop, &c, &server, &e) < 0)
		abort();
}

/* Lets the loop do what it can, and reads the answers. */
static void turn(int fd, struct buf *answers)
{
	char text[4096];
	ssize_t n;

	for (int i = 0; i < 4; i++)
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	while ((n = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
		buf_add(answers, text, (size_t)n);
}

static void try_connection(const char *p, size_t n, size_t step)
{
	struct buf answers = BUF_INIT(1 << 20);
	char peer[INET6_ADDRSTRLEN] = "unix";
	int fd[2];

	if (!server)
		server_begin();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
	conn_new(server, fd[1], NULL, peer, NULL);
	for (size_t at = 0; at < n; at += step) {
		if (send(fd[0], p + at, MIN(step, n - at), MSG_NOSIGNAL) < 0)
			break;
		turn(fd[0], &answers);
	}
	shutdown(fd[0], SHUT_WR);
	turn(fd[0], &answers);
	if (answers.n && strncmp(answers.p, "HTTP/1.1 ", 9) != 0)
		abort();
	close(fd[0]);
	for (int i = 0; i < 4; i++) {
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
		conn_on_linger(-1, 0, server); /* does not come at once by itself */
	}
	if (server->n_conns || server->exchanges || server->budget.used)
		abort(); /* something of it is left */
	buf_done(&answers);
}

/* Behind a handshake that is as it should be. */
static void try_websocket(const char *p, size_t n, size_t step)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	buf_add_str(&b, "GET /w HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	buf_add(&b, p, n);
	if (buf_status(&b) == 0)
		try_connection(b.p, b.n, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	const char *p = (const char *)data + 2;
	if (data[0] < 64)
		try_head(p, size - 2);
	else if (data[0] < 96)
		try_chunks(p, size - 2);
	else if (data[0] < 224)
		try_connection(p, size - 2, 1 + (size_t)data[1] * 8);
	else
		try_websocket(p, size - 2, 1 + (size_t)data[1] * 8);
	return 0;
}
