/* exchange.c - one request as its handler sees it. */
#include <errno.h>
#include <strings.h>

#include "base/utf8.h"
#include "http/server_priv.h"
#include "http/websocket.h"

enum { ARENA_MAX = 1 << 20 };

/* --- texts of addresses ------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX (and '+' where `plus`); NULL when the result is not text. */
static char *decode(struct arena *a, const char *p, size_t n, bool plus)
{
	char *out = arena_alloc(a, n + 1);
	size_t k = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%') {
			int high = i + 2 < n ? hex_digit(p[i + 1]) : -1, low = high >= 0 ? hex_digit(p[i + 2]) : -1;
			if (low < 0)
				return NULL;
			out[k++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[k++] = plus && p[i] == '+' ? ' ' : p[i];
		}
	}
	out[k] = '\0';
	return utf8_valid(out, k) && !memchr(out, '\0', k) ? out : NULL;
}

/* --- birth and death --------------------------------------------------------------------------------------------- */

/* `c`: that it came on. */
static struct http_exchange *make(const struct conn *c, const char *p, size_t n, unsigned lines)
{
	struct http_server *s = c->server;
	struct http_exchange *x = xcalloc(1, sizeof(*x));

	MAGIC_SET(x, EXCHANGE_MAGIC);
	ASSERT(loop_is_mine(s->loop));
	x->server = s;
	x->next = s->exchanges;
	if (x->next)
		x->next->prev = x;
	s->exchanges = x;
	memcpy(x->peer, c->peer, sizeof(x->peer));
	x->tls = c->tls != NULL;
	arena_init(&x->arena, ARENA_MAX + 4 * s->config.max_header_bytes);
	char *head = arena_strndup(&x->arena, p, n);
	struct head_field *fields = ARENA_ARRAY(&x->arena, struct head_field, lines);
	x->error = head && fields ? head_parse(head, n, fields, &x->head) : -ENOMEM;
	const char *path = x->error < 0 ? NULL : x->head.path;
	if (path && strchr(path, '%')) /* most paths are what they say */
		path = decode(&x->arena, path, strlen(path), false);
	x->path = path ? path : ""; /* what is no text: http_request_error says so */
	return x;
}

struct http_exchange *exchange_new(struct conn *c, const char *p, size_t n, unsigned lines)
{
	struct http_exchange *x = make(c, p, n, lines);

	x->conn = c;
	return x;
}

bool exchange_inner(
	const struct conn *c, struct str head, unsigned lines, const struct http_inner *in, struct http_shared *s)
{
	struct http_exchange *x = make(c, head.p, head.n, lines);

	if (x->error < 0) {
		exchange_free(x);
		return false;
	}
	x->inner = http_shared_ref(s);
	x->answered = in->answered;
	x->answered_arg = in->arg;
	x->body = BUF_INIT(in->body.n + 1);
	buf_add(&x->body, in->body.p, in->body.n);
	x->server->config.on_head(x, x->server->config.arg);
	return true;
}

struct http_shared *http_inner_of(const struct http_exchange *x)
{
	return x->inner;
}

void exchange_free(struct http_exchange *x)
{
	ASSERT(loop_is_mine(x->server->loop));
	ASSERT(loop_is_mine(x->server->loop) && (!x->conn || x->conn->x == x));
	ASSERT(*(x->prev ? &x->prev->next : &x->server->exchanges) == x);
	if (x->conn)
		x->conn->x = NULL;
	*(x->prev ? &x->prev->next : &x->server->exchanges) = x->next;
	if (x->next)
		x->next->prev = x->prev;
	if (x->reserved)
		budget_give(&x->server->budget, x->reserved, x->who);
	if (x->on_end)
		x->on_end(x->watch_arg);
	if (x->answered)
		x->answered(x->answered_arg, 0, (struct str){NULL, 0});
	http_shared_unref(x->inner);
	arena_wipe(&x->arena); /* cookies, keys */
	buf_wipe(&x->body);    /* passwords */
	buf_done(&x->out);
	MAGIC_END(x, EXCHANGE_MAGIC);
	free(x);
}

void exchange_left(struct http_exchange *x)
{
	ASSERT_IS(x, EXCHANGE_MAGIC);
	ASSERT(x->conn && x->conn->x != x); /* its connection has let go of it */
	x->conn = NULL;
	if (!x->mode || x->ended) {
		if (x->on_leave)
			x->on_leave(x->watch_arg);
	} else if (!x->body_posted && (x->mode == BODY_COLLECT || x->more)) {
		body_end(x, E_CANCELED);
	} /* else the next step of its reader finds out */
}

/* --- the query ----------------------------------------------------------------------------------------------- */

static void query_parse(struct http_exchange *x)
{
	struct query_pair **tail = &x->query;
	const char *p = x->head.query;

	x->query_parsed = true;
	while (p && *p) {
		size_t n = strcspn(p, "&");
		const char *eq = memchr(p, '=', n);
		size_t name_n = eq ? (size_t)(eq - p) : n;
		struct query_pair *q = ARENA_NEW(&x->arena, struct query_pair);
		char *name = decode(&x->arena, p, name_n, true);
		char *value = eq ? decode(&x->arena, eq + 1, n - name_n - 1, true) : decode(&x->arena, "", 0, true);
		if (q && name) {
			q->name = name;
			q->value = value; /* NULL: no text, and not the same as none */
			*tail = q;
			tail = &q->next;
		}
		p += n + (p[n] == '&');
	}
}

/* --- what the handler asks ---------------------------------------------------------------------------------------- */

const char *http_method(const struct http_exchange *x)
{
	static const char *const names[] = {"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"};

	ASSERT_IS(x, EXCHANGE_MAGIC);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (strcmp(x->head.method, names[i]) == 0)
			return names[i];
	}
	return "?";
}

const char *http_path(const struct http_exchange *x)
{
	return x->path;
}

const char *http_raw_path(const struct http_exchange *x)
{
	return x->head.path;
}

static const struct query_pair *query_find(const struct http_exchange *x, const char *name)
{
	const struct query_pair *q;

	ASSERT_IS(x, EXCHANGE_MAGIC);
	if (!x->query_parsed)
		query_parse((struct http_exchange *)(uintptr_t)x); /* a cache: one thread at a time, like the arena */
	for (q = x->query; q && strcmp(q->name, name) != 0; q = q->next)
		;
	return q;
}

const char *http_query(const struct http_exchange *x, const char *name)
{
	const struct query_pair *q = query_find(x, name);

	return q ? q->value : NULL;
}

bool http_query_is_text(const struct http_exchange *x, const char *name)
{
	const struct query_pair *q = query_find(x, name);

	return !q || q->value;
}

/* Joins all fields of the name of field i into that one. */
static void join_fields(struct http_exchange *x, unsigned i, const char *name)
{
	struct head_field *f = x->head.fields;
	const char *between = strcasecmp(name, "Cookie") == 0 ? "; " : ", ";

	for (unsigned k = head_find(&x->head, name, i + 1); k < x->head.n_fields; k = head_find(&x->head, name, k)) {
		char *joined = arena_printf(&x->arena, "%s%s%s", f[i].value, between, f[k].value);
		if (joined)
			f[i].value = joined;
		f[k].key = 0; /* found no more */
	}
}

const char *http_header(const struct http_exchange *x, const char *name)
{
	unsigned i;

	ASSERT_IS(x, EXCHANGE_MAGIC);
	if (strcasecmp(name, "Host") == 0)
		return x->head.host;
	i = head_find(&x->head, name, 0);
	if (i == x->head.n_fields)
		return NULL;
	if (head_find(&x->head, name, i + 1) < x->head.n_fields)
		join_fields((struct http_exchange *)(uintptr_t)x, i, name); /* a cache, likewise */
	return x->head.fields[i].value;
}

const char *http_peer(const struct http_exchange *x)
{
	return x->peer;
}

bool http_is_tls(const struct http_exchange *x)
{
	return x->tls;
}

int http_request_error(const struct http_exchange *x)
{
	return x->error || *x->path ? x->error : E_INVALID;
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

bool http_exchange_watch(struct http_exchange *x, void (*leave)(void *arg), void (*end)(void *arg), void *arg)
{
	ASSERT_IS(x, EXCHANGE_MAGIC);
	ASSERT(loop_is_mine(x->server->loop));
	x->on_leave = NULL; /* it is not called from within this call */
	x->on_end = end;
	x->watch_arg = arg;
	if (leave && x->conn && !conn_watch(x->conn, true))
		return false;
	x->on_leave = leave;
	return x->conn != NULL;
}
