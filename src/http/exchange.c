/* exchange.c - one request and its answer, which may come later and from any thread. */
#include "http/server_priv.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/utf8.h"

const char *http_reason(int status)
{
	switch (status) {
	case 413:
		return "Content Too Large";
	case 422:
		return "Unprocessable Content";
	case 428:
		return "Precondition Required";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 499:
		return "Client Closed Request";
	case 507:
		return "Insufficient Storage";
	default:
		return NULL;
	}
}

/* --- reading the request ----------------------------------------------------------------------------------------- */

/* Decodes %XX (and '+' where `plus`); NULL when the result is not text. */
static char *decode(struct arena *a, const char *p, size_t n, bool plus)
{
	char *out = arena_alloc(a, n + 1);
	if (!out)
		return NULL;
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%') {
			char hex[3] = {i + 1 < n ? p[i + 1] : '\0', i + 2 < n ? p[i + 2] : '\0', '\0'};
			if (strspn(hex, "0123456789abcdefABCDEF") != 2)
				return NULL;
			out[k++] = (char)strtol(hex, NULL, 16);
			i += 2;
		} else {
			out[k++] = plus && p[i] == '+' ? ' ' : p[i];
		}
	}
	out[k] = '\0';
	return utf8_valid(out, k) && !memchr(out, '\0', k) ? out : NULL;
}

static void query_parse(struct http_exchange *x)
{
	x->query_parsed = true;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->req);
	const char *p = uri ? evhttp_uri_get_query(uri) : NULL;
	struct query_pair **tail = &x->query;
	while (p && *p) {
		size_t n = strcspn(p, "&");
		const char *eq = memchr(p, '=', n);
		size_t name_n = eq ? (size_t)(eq - p) : n;
		struct query_pair *q = ARENA_NEW(&x->arena, struct query_pair);
		char *name = decode(&x->arena, p, name_n, true);
		char *value = eq ? decode(&x->arena, eq + 1, n - name_n - 1, true) : decode(&x->arena, "", 0, true);
		if (q && name && value) {
			q->name = name;
			q->value = value;
			*tail = q;
			tail = &q->next;
		}
		p += n + (p[n] == '&');
	}
}

/* Two opinions about where a body ends are how one request is smuggled behind another. */
static bool framing_is_doubtful(struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const char *length = NULL, *encoding = NULL;
	for (struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next) {
		if (strcasecmp(h->key, "Content-Length") == 0) {
			if (length && strcmp(length, h->value) != 0)
				return true;
			length = h->value;
		} else if (strcasecmp(h->key, "Transfer-Encoding") == 0) {
			if (encoding)
				return true;
			encoding = h->value;
		}
	}
	if (encoding && (length || strcasecmp(encoding, "chunked") != 0))
		return true;
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_POST:
	case EVHTTP_REQ_PUT:
	case EVHTTP_REQ_PATCH:
	case EVHTTP_REQ_DELETE:
	case EVHTTP_REQ_OPTIONS:
		return false;
	default: /* evhttp reads no body for these */
		return encoding || (length && strcmp(length, "0") != 0);
	}
}

static void request_read(struct http_exchange *x)
{
	struct evhttp_request *req = x->req;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	x->path = path ? decode(&x->arena, path, strlen(path), false) : NULL;
	if (!x->path) {
		x->path = "";
		x->error = E_INVALID;
	}
	x->peer = req->remote_host ? req->remote_host : "";
	if (strncasecmp(x->peer, "::ffff:", 7) == 0 && strchr(x->peer, '.'))
		x->peer += 7;
	if (framing_is_doubtful(req)) {
		x->error = E_INVALID;
		x->close = true;
	}
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	if (n > x->server->config.max_body_bytes) {
		x->error = E_TOO_LARGE;
		evbuffer_drain(in, n);
		n = 0;
	}
	const char *p = n ? (const char *)evbuffer_pullup(in, -1) : "";
	x->body = p ? (struct str){p, n} : (struct str){"", 0};
	if (!p)
		x->error = -ENOMEM;
}

void exchange_begin(struct evhttp_request *req, void *server)
{
	struct http_server *s = server;
	struct http_exchange *x = xcalloc(1, sizeof(*x));
	x->server = s;
	x->req = req;
	x->conn = conn_of(s, req);
	x->next = s->exchanges;
	if (x->next)
		x->next->prev = x;
	s->exchanges = x;
	arena_init(&x->arena, 4 * s->config.max_body_bytes + (1 << 20));
	evhttp_request_own(req); /* it must outlive its connection while somebody reads it */
	if (!x->conn) {          /* cannot be: every connection is known before its first byte */
		struct evhttp_connection *evcon = evhttp_request_get_connection(req);
		evhttp_connection_free(evcon);
		exchange_drop(x);
		return;
	}
	x->conn->x = x;
	x->conn->state = CONN_HANDLING;
	request_read(x);
	s->config.handler(x, s->config.arg);
}

const char *http_method(const struct http_exchange *x)
{
	static const struct {
		enum evhttp_cmd_type type;
		const char *name;
	} names[] = {
		{EVHTTP_REQ_GET, "GET"},
		{EVHTTP_REQ_POST, "POST"},
		{EVHTTP_REQ_HEAD, "HEAD"},
		{EVHTTP_REQ_PUT, "PUT"},
		{EVHTTP_REQ_PATCH, "PATCH"},
		{EVHTTP_REQ_DELETE, "DELETE"},
		{EVHTTP_REQ_OPTIONS, "OPTIONS"},
		{EVHTTP_REQ_TRACE, "TRACE"},
		{EVHTTP_REQ_CONNECT, "CONNECT"},
	};
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (evhttp_request_get_command(x->req) == names[i].type)
			return names[i].name;
	return "?";
}

const char *http_path(const struct http_exchange *x)
{
	return x->path;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
	if (!x->query_parsed)
		query_parse((struct http_exchange *)(uintptr_t)x); /* a cache: one thread at a time, like the arena */
	for (const struct query_pair *q = x->query; q; q = q->next)
		if (strcmp(q->name, name) == 0)
			return q->value;
	return NULL;
}

const char *http_header(const struct http_exchange *x, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(x->req), name);
}

struct str http_body(const struct http_exchange *x)
{
	return x->body;
}

const char *http_peer(const struct http_exchange *x)
{
	return x->peer;
}

int http_request_error(const struct http_exchange *x)
{
	return x->error;
}

struct arena *http_arena(struct http_exchange *x)
{
	return &x->arena;
}

void *http_exchange_data(struct http_exchange *x)
{
	return x->data;
}

void http_exchange_set_data(struct http_exchange *x, void *data)
{
	x->data = data;
}

bool http_exchange_on_leave(struct http_exchange *x, void (*fn)(void *arg), void *arg)
{
	if (x->conn && !fn != !x->on_leave)
		conn_see_leave(x->conn, fn != NULL);
	x->on_leave = fn;
	x->leave_arg = arg;
	return x->conn != NULL;
}

void exchange_left(struct http_exchange *x)
{
	x->conn = NULL;
	if (x->on_leave)
		x->on_leave(x->leave_arg);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

void http_set_header(struct http_exchange *x, const char *name, const char *value)
{
	if (!value || strpbrk(value, "\r\n"))
		return;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(x->req);
	if (strcasecmp(name, "Set-Cookie") != 0)
		evhttp_remove_header(headers, name);
	evhttp_add_header(headers, name, value);
}

void exchange_free(struct http_exchange *x)
{
	if (x->conn)
		x->conn->x = NULL;
	if (x->prev)
		x->prev->next = x->next;
	else
		x->server->exchanges = x->next;
	if (x->next)
		x->next->prev = x->prev;
	arena_done(&x->arena);
	buf_done(&x->out);
	free(x);
}

void exchange_drop(struct http_exchange *x)
{
	struct evhttp_request *req = x->req;
	exchange_free(x);
	evhttp_request_free(req);
}

static void free_body(const void *p, size_t n UNUSED, void *arg UNUSED)
{
	free((void *)(uintptr_t)p);
}

static void add_body(struct http_exchange *x, struct evbuffer *out)
{
	enum { COPY_MAX = 4096 }; /* below, a copy costs less than a reference */
	if (x->out_static) {
		evbuffer_add_reference(out, x->out_static, x->out_static_n, NULL, NULL);
	} else if (x->out.n <= COPY_MAX) {
		evbuffer_add(out, x->out.p, x->out.n);
	} else if (evbuffer_add_reference(out, x->out.p, x->out.n, free_body, NULL) == 0) {
		x->out = BUF_INIT(0);
	}
}

static void reply_now(void *arg)
{
	struct http_exchange *x = arg;
	struct conn *c = x->conn;
	if (!c) {
		exchange_drop(x);
		return;
	}
	struct evhttp_request *req = x->req;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	bool bodyless = x->status < 200 || x->status == 204 || x->status == 304;
	if (!bodyless) {
		char length[24];
		snprintf(length, sizeof(length), "%zu", x->out_static ? x->out_static_n : x->out.n);
		evhttp_remove_header(headers, "Content-Length");
		evhttp_add_header(headers, "Content-Length", length);
	}
	if (x->close || !x->server->listener) {
		evhttp_remove_header(headers, "Connection");
		evhttp_add_header(headers, "Connection", "close");
	}
	if (!bodyless && evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		add_body(x, evhttp_request_get_output_buffer(req));
	int status = x->status;
	c->linger = x->close;
	exchange_free(x);
	c->state = CONN_WRITING;
	c->quiet = 0;
	req->flags &= ~EVHTTP_USER_OWNED;
	evhttp_request_set_on_complete_cb(req, conn_reply_done, c);
	evhttp_send_reply(req, status, http_reason(status), NULL);
}

static void reply(struct http_exchange *x, int status, const char *content_type)
{
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
