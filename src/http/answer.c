/* answer.c - from a handler's words to bytes on the connection. */
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "http/server_priv.h"
#include "sys/metrics.h"

/* --- the head ----------------------------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {{101, "Switching Protocols"}, {200, "OK"}, {201, "Created"}, {202, "Accepted"},
		{204, "No Content"}, {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"},
		{303, "See Other"}, {304, "Not Modified"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
		{400, "Bad Request"}, {401, "Unauthorized"}, {402, "Payment Required"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"},
		{409, "Conflict"}, {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
		{413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {422, "Unprocessable Content"},
		{423, "Locked"}, {426, "Upgrade Required"}, {428, "Precondition Required"}, {429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"}, {460, "Checksum Mismatch"}, {499, "Client Closed Request"},
		{500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
		{503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"}};

	for (size_t i = 0; i < N_ELEMENTS(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

/* Made anew once a second. */
static void add_date(struct http_server *s)
{
	struct timespec now;
	char date[CLOCK_HTTP_SIZE];

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != s->date_s) {
		s->date_s = now.tv_sec;
		clock_format_http((int64_t)now.tv_sec * 1000, date);
		s->date_n = (size_t)snprintf(s->date, sizeof(s->date), "Date: %s\r\n", date);
	}
	buf_add(&s->head, s->date, s->date_n);
}

static void add_line(struct buf *b, const char *name, const char *value)
{
	buf_add_str(b, name);
	buf_add(b, ": ", 2);
	buf_add_str(b, value);
	buf_add(b, "\r\n", 2);
}

static void add_status(struct buf *b, int status)
{
	buf_add(b, "HTTP/1.1 ", 9);
	buf_add_u64(b, (uint64_t)status);
	buf_add_char(b, ' ');
	buf_add_str(b, reason_of(status));
	buf_add(b, "\r\n", 2);
}

static void add_framing(struct buf *b, int64_t n)
{
	if (n == ANSWER_CHUNKED) {
		buf_add_str(b, "Transfer-Encoding: chunked\r\n");
	} else if (n >= 0) {
		buf_add_str(b, "Content-Length: ");
		buf_add_u64(b, (uint64_t)n);
		buf_add(b, "\r\n", 2);
	}
}

void answer_head(struct http_exchange *x, int64_t n)
{
	struct http_server *s = x->server;
	struct buf *b = &s->head;

	ASSERT(x->conn && loop_is_mine(s->loop)); /* there is one such buffer */
	buf_reset(b);
	add_status(b, x->status);
	add_date(s);
	if (x->fixed)
		buf_add_str(b, x->fixed);
	for (unsigned i = 0; i < x->n_headers; i++)
		add_line(b, x->headers[i].name, x->headers[i].value);
	add_framing(b, n);
	if (x->status == 101)
		;
	else if (x->conn->after >= NEXT_CLOSE)
		buf_add_str(b, "Connection: close\r\n");
	else if (x->head.http_1_0)
		buf_add_str(b, "Connection: keep-alive\r\n");
	buf_add(b, "\r\n", 2);
}

/* A field of this name that is there already; NULL: none, or several are meant. */
static struct answer_header *find_header(struct http_exchange *x, const char *name)
{
	if (strcasecmp(name, "Set-Cookie") == 0)
		return NULL;
	for (unsigned i = 0; i < x->n_headers; i++) {
		if (strcasecmp(x->headers[i].name, name) == 0)
			return &x->headers[i];
	}
	return NULL;
}

static bool grow_headers(struct http_exchange *x)
{
	unsigned cap = x->cap_headers ? 2 * x->cap_headers : 12;
	struct answer_header *more = ARENA_ARRAY(&x->arena, struct answer_header, cap);

	if (!more)
		return false;
	if (x->n_headers)
		memcpy(more, x->headers, x->n_headers * sizeof(*more));
	x->headers = more;
	x->cap_headers = cap;
	return true;
}

void http_set_header(struct http_exchange *x, const char *name, const char *value)
{
	struct answer_header *h;
	char *copy = value && !strpbrk(value, "\r\n") ? arena_strdup(&x->arena, value) : NULL;

	ASSERT_IS(x, EXCHANGE_MAGIC);
	if (!copy)
		return;
	h = find_header(x, name);
	if (!h && x->n_headers == x->cap_headers && !grow_headers(x))
		return;
	if (!h)
		h = &x->headers[x->n_headers++];
	*h = (struct answer_header){name, copy};
}

void http_set_fixed_headers(struct http_exchange *x, const char *lines)
{
	x->fixed = lines;
}

/* --- what follows ------------------------------------------------------------------------------------------------- */

enum conn_next answer_next(const struct http_exchange *x)
{
	const struct conn *c = x->conn;
	bool keep = x->head.keep_alive && x->server->doors;

	if (c->body_left == 0)
		return keep ? NEXT_REQUEST : NEXT_CLOSE;
	/* Who was not told to go on may send the body or not: what follows could be either. */
	if (!keep || x->error < 0 || x->head.expects || c->body_left > HTTP_DISCARD_MAX)
		return NEXT_LINGER;
	return NEXT_DISCARD;
}

/* Sends the head that is ready and a body behind it; `owned` is to be freed when that is gone, or NULL. */
static void send_answer(struct conn *c, const void *p, size_t n, char *owned)
{
	const struct buf *head = &c->server->head;
	struct iovec iov[] = {{head->p, head->n}, {(void *)(uintptr_t)p, n}};
	ssize_t sent = buf_status(head);
	bool waits = conn_waits(c);

	if (sent == 0 && !waits)
		sent = wire_write(c, iov, n ? 2 : 1);
	size_t k = MIN((size_t)MAX(sent, 0), head->n), rest = n - ((size_t)MAX(sent, 0) - k);
	if (sent >= 0 && k < head->n)
		buf_add(&c->out, head->p + k, head->n - k);
	if (sent < 0 || buf_status(&c->out) < 0) {
		free(owned);
		conn_close(c);
		return;
	}
	ASSERT(!c->tail_n && !c->tail_owned); /* the answer before has left */
	if (rest) {
		c->tail = (const char *)p + (n - rest);
		c->tail_n = rest;
		c->tail_owned = owned;
	} else {
		free(owned);
	}
	if (conn_waits(c) && !waits && !c->tls)
		c->writable = false;
	conn_answered(c);
}

static void reply_now(void *arg)
{
	struct http_exchange *x = arg;
	struct conn *c = x->conn;

	if (x->answered) {
		void (*answered)(void *, int, struct str) = TAKE_PTR(x->answered);
		answered(x->answered_arg, x->status,
			x->out_static ? (struct str){(char *)(uintptr_t)x->out_static, x->out_static_n}
				      : buf_str(&x->out));
	}
	if (!c) {
		exchange_free(x);
		return;
	}
	size_t n = x->out_static ? x->out_static_n : x->out.n;
	const void *p = x->out_static ? x->out_static : x->out.p;
	bool bodyless = x->status < 200 || x->status == 204 || x->status == 304;
	bool is_head = strcmp(x->head.method, "HEAD") == 0;
	c->after = (unsigned char)answer_next(x);
	answer_head(x, bodyless ? ANSWER_BODYLESS : (int64_t)n);
	char *owned = x->out.p;
	x->out = BUF_INIT(0);
	exchange_free(x);
	send_answer(c, p, bodyless || is_head ? 0 : n, owned);
}

static void reply(struct http_exchange *x, int status, const char *content_type)
{
	ASSERT_IS(x, EXCHANGE_MAGIC);
	ASSERT(x->status == 0 && status > 0); /* answered once */
	x->status = status;
	if (content_type)
		http_set_header(x, "Content-Type", content_type);
	if (loop_is_current(x->server->loop))
		reply_now(x);
	else
		loop_post(x->server->loop, &x->task, reply_now, x);
}

void http_reply(struct http_exchange *x, int status, const char *content_type, struct buf *body)
{
	static const char failed[] = "{\"error\":{\"code\":\"internal\",\"message\":\"The answer is too "
				     "large.\",\"request_id\":null,\"retryable\":false}}";

	if (body && buf_status(body) < 0) {
		buf_done(body);
		http_reply_static(x, 500, "application/json", failed, sizeof(failed) - 1);
		return;
	}
	if (body) {
		x->out = *body;
		*body = BUF_INIT(x->out.max);
	}
	reply(x, status, content_type);
}

void http_reply_static(struct http_exchange *x, int status, const char *content_type, const void *p, size_t n)
{
	x->out_static = n ? p : NULL;
	x->out_static_n = n;
	reply(x, status, content_type);
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */

void answer_refuse(struct conn *c, int error, const char *why)
{
	struct http_server *s = c->server;
	const struct err_info *info = err_info(error);
	bool is_head = c->x && c->x->head.method && strcmp(c->x->head.method, "HEAD") == 0;
	char body[512];
	int n = snprintf(body, sizeof(body),
		"{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"request_id\":null,\"retryable\":%s}}",
		info->wire_code, why ? why : info->text, info->retryable ? "true" : "false");

	ASSERT(!c->stream && loop_is_mine(s->loop));
	if (c->x)
		exchange_free(c->x);
	c->after = NEXT_LINGER;
	buf_reset(&s->head);
	add_status(&s->head, info->http_status);
	add_date(s);
	add_line(&s->head, "Content-Type", "application/json");
	if (error == E_UPGRADE)
		add_line(&s->head, "Upgrade", "HTTP/1.1");
	add_framing(&s->head, n);
	buf_add_str(&s->head, error == E_UPGRADE ? "Connection: Upgrade, close\r\n\r\n" : "Connection: close\r\n\r\n");
	metric_add(M_http_refused_total, 1);
	char *owned = xstrdup(body);
	send_answer(c, owned, is_head ? 0 : (size_t)n, owned);
}
