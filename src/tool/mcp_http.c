/* mcp_http.c - a server that is an address (Streamable HTTP): an exchange for each message, on a thread of its own while it is open. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "tool/mcp_priv.h"

enum { RETRY_MS = 1000, LISTEN_TRIES = 5, SETTLE_S = 5 };

struct mcp_exchange {
	unsigned magic; /* EXCHANGE_MAGIC */
#define EXCHANGE_MAGIC 0x65786368u
	struct mcp *m;
	struct mcp_exchange *next;
	struct pool_task task;
	struct cancel cancel;
	int64_t id;
	int64_t delay_ms; /* before it begins */
	char *text;       /* NULL: a GET */
	size_t n;
	bool listens; /* for what the server tells unasked: begun again when it ends */
	struct arena mem;
	const char **headers;
	struct http_result result;
	struct buf body;          /* that is one message */
	struct mcp_events events; /* or a stream of them */
	char session[256];        /* of the answer */
	char challenge[512];
};

#define ROOM(type, member) sizeof(((struct type *)0)->member)
_Static_assert(ROOM(mcp, session) == ROOM(mcp_exchange, session), "it is copied as it stands");
_Static_assert(ROOM(mcp, challenge) == ROOM(mcp_exchange, challenge), "it is copied as it stands");
_Static_assert(ROOM(mcp_message, place) == ROOM(mcp_events, place), "it is copied as it stands");

/* ---- the answer, on the loop ---- */

static bool header(const char *line, size_t n, const char *name, char *ret, size_t room)
{
	size_t k = strlen(name);

	if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
		return false;
	line += k + 1;
	n -= k + 1;
	while (n > 0 && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (n > 0 && strchr(" \t\r\n", line[n - 1]))
		n--;
	if (n >= room)
		return false;
	memcpy(ret, line, n);
	ret[n] = '\0';
	return true;
}

/* What it told before it was listened to nobody knows. */
static void note_listening(struct mcp *m)
{
	pthread_mutex_lock(&m->mx);
	bool stale = !m->listening && m->listed;
	m->listening = true;
	pthread_mutex_unlock(&m->mx);
	if (stale && m->c.changed)
		m->c.changed(m->c.arg);
}

static void note_session(struct mcp_exchange *x)
{
	struct mcp *m = x->m;

	pthread_mutex_lock(&m->mx);
	if (m->state == MCP_OPENING && x->id && x->result.status / 100 == 2)
		memcpy(m->session, x->session, sizeof(m->session));
	pthread_mutex_unlock(&m->mx);
}

static void on_header(void *arg, const char *line, size_t n)
{
	struct mcp_exchange *x = arg;

	ASSERT_IS(x, EXCHANGE_MAGIC);
	if (x->listens && x->result.status / 100 == 2)
		note_listening(x->m);
	if (header(line, n, "Mcp-Session-Id", x->session, sizeof(x->session)))
		note_session(x); /* what follows the answer's body already needs it */
	else
		(void)header(line, n, "WWW-Authenticate", x->challenge, sizeof(x->challenge));
}

static void on_message(void *arg, const char *p, size_t n)
{
	struct mcp_exchange *x = arg;

	mcp_deliver(x->m, MCP_TEXT, x->id, p, n);
}

static int on_data(void *arg, const char *p, size_t n)
{
	struct mcp_exchange *x = arg;

	ASSERT_IS(x, EXCHANGE_MAGIC);
	ASSERT_IS(x->m, MCP_MAGIC);
	if (strncasecmp(x->result.content_type, "text/event-stream", 17) == 0)
		return mcp_events_take(&x->events, p, n);
	buf_add(&x->body, p, n);
	return buf_status(&x->body);
}

/* ---- an exchange, on its thread ---- */

/* Of an answer that is too long. */
static void deliver_beginning(struct mcp_exchange *x)
{
	const struct buf *b = x->events.data.n > 0 ? &x->events.data : x->events.in.n > 0 ? &x->events.in : &x->body;

	if (x->id && b->n > 0)
		mcp_deliver(x->m, MCP_CUT, x->id, b->p, MIN(b->n, (size_t)PROCESS_CUT));
}

static int run_once(struct mcp_exchange *x, struct err *e)
{
	struct mcp *m = x->m;
	struct http_call call = {.method = x->text ? "POST" : "GET",
		.url = m->c.url,
		.headers = x->headers,
		.body = {x->text, x->n},
		.connect_timeout_ms = 15000,
		/* How long it may be silent is for who waits to say. */
		.first_byte_timeout_ms = 0,
		.public_only = m->c.public_only,
		.also = m->c.also,
		.on_data = on_data,
		.on_header = on_header,
		.arg = x};
	int r = x->delay_ms > 0 ? cancel_sleep(&x->cancel, x->delay_ms) : 0;

	ASSERT(thread_may_wait());
	ASSERT_IS(m, MCP_MAGIC);
	if (r == 0)
		r = http_client_run(m->shared->http, &call, &x->cancel, &x->result, e);
	if (r == 0 && x->result.status / 100 == 2 && x->body.n > 0 && x->result.status != 202)
		mcp_deliver(m, MCP_TEXT, x->id, x->body.p, x->body.n);
	if (r == E_TOO_LARGE)
		deliver_beginning(x);
	return r;
}

static void note_challenge(struct mcp_exchange *x)
{
	struct mcp *m = x->m;

	pthread_mutex_lock(&m->mx);
	if (x->result.status == 401 || x->result.status == 403)
		memcpy(m->challenge, x->challenge, sizeof(m->challenge));
	pthread_mutex_unlock(&m->mx);
}

/* Whoever opens the server may be finding out just now. */
static bool is_modern(struct mcp *m)
{
	pthread_mutex_lock(&m->mx);
	bool ret = m->era == MCP_MODERN;
	pthread_mutex_unlock(&m->mx);
	return ret;
}

static void tell_end(struct mcp_exchange *x, int r, const struct err *e)
{
	const char *p = r < 0 ? e->msg : x->result.error_body.p;
	size_t n = r < 0 ? strlen(p) : x->result.error_body.n;
	struct mcp_message *msg = mcp_message_new(MCP_ENDED, x->id, p, n);

	ASSERT(x->id && !x->listens); /* somebody may wait for it */
	if (!msg)
		return;
	msg->status = r < 0 ? 0 : x->result.status;
	msg->code = r;
	msg->retry_ms = x->events.retry_ms;
	/* A stream that broke off, of a server that numbers its events, goes on elsewhere. */
	if (!is_modern(x->m) && x->result.status / 100 == 2 && r != -ECANCELED && r != E_TOO_LARGE)
		memcpy(msg->place, x->events.place, sizeof(msg->place));
	mcp_deliver_message(x->m, msg);
}

static void forget(struct mcp_exchange *x)
{
	struct mcp *m = x->m;
	struct mcp_exchange **at = &m->exchanges;

	pthread_mutex_lock(&m->mx);
	while (*at != x) {
		ASSERT(*at); /* it is open */
		at = &(*at)->next;
	}
	*at = x->next;
	pthread_cond_broadcast(&m->cv);
	pthread_mutex_unlock(&m->mx);
}

static void exchange_free(struct mcp_exchange *x)
{
	buf_done(&x->body);
	buf_done(&x->events.in);
	buf_done(&x->events.data);
	buf_done(&x->result.error_body);
	cancel_done(&x->cancel);
	arena_wipe(&x->mem);
	free(x->text);
	MAGIC_END(x, EXCHANGE_MAGIC);
	free(x);
}

/* Again and again, as long as it is offered; one that ends soon after it began each time is given up. */
static void listen_on(struct mcp_exchange *x)
{
	ASSERT(x->listens);
	for (int quick = 0; quick < LISTEN_TRIES; quick++) {
		struct err e = {0};
		int64_t began = clock_mono_ms();

		x->events.place[0] = '\0';
		if (run_once(x, &e) == -ECANCELED || x->result.status / 100 != 2)
			return;
		buf_done(&x->result.error_body);
		buf_reset(&x->body);
		buf_reset(&x->events.in);
		buf_reset(&x->events.data);
		if (clock_mono_ms() - began > MCP_RETRY_MAX_MS)
			quick = 0;
		x->delay_ms = MAX(x->events.retry_ms, RETRY_MS) << quick;
	}
}

static void run(void *arg)
{
	struct mcp_exchange *x = arg;
	struct err e = {0};

	ASSERT_IS(x, EXCHANGE_MAGIC);
	if (x->listens) {
		listen_on(x);
	} else {
		int r = run_once(x, &e);

		note_challenge(x);
		if (x->id)
			tell_end(x, r, &e);
	}
	forget(x);
	exchange_free(x);
}

/* ---- what is sent ---- */

/* What the protocol itself says in a header is not said a second time by whoever set up the server. */
static bool is_protocols(const char *line)
{
	static const char *const names[] = {
		"Accept:", "Content-Type:", "MCP-Protocol-Version:", "Mcp-Session-Id:", "Last-Event-ID:"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int add_headers(struct mcp_exchange *x, const char *const *more)
{
	struct mcp *m = x->m;
	const char *const *configured = m->c.headers;
	size_t n = 0, room = 8;

	for (const char *const *h = configured; h && *h; h++)
		room++;
	for (const char *const *h = more; h && *h; h++)
		room++;
	x->headers = ARENA_ARRAY(&x->mem, const char *, room);
	if (!x->headers)
		return -ENOMEM;
	for (const char *const *h = configured; h && *h; h++)
		if (!is_protocols(*h))
			x->headers[n++] = arena_strdup(&x->mem, *h);
	for (const char *const *h = more; h && *h; h++)
		x->headers[n++] = arena_strdup(&x->mem, *h);
	x->headers[n++] = x->text ? "Accept: application/json, text/event-stream" : "Accept: text/event-stream";
	if (x->text)
		x->headers[n++] = "Content-Type: application/json";
	pthread_mutex_lock(&m->mx);
	if (m->version[0])
		x->headers[n++] = arena_printf(&x->mem, "MCP-Protocol-Version: %s", m->version);
	if (m->session[0])
		x->headers[n++] = arena_printf(&x->mem, "Mcp-Session-Id: %s", m->session);
	pthread_mutex_unlock(&m->mx);
	if (x->events.place[0])
		x->headers[n++] = arena_printf(&x->mem, "Last-Event-ID: %s", x->events.place);
	ASSERT(n < room); /* and NULL behind them */
	for (size_t i = 0; i < n; i++)
		if (!x->headers[i])
			return -ENOMEM;
	return 0;
}

static struct mcp_exchange *exchange_new(struct mcp *m, int64_t id, const char *text, size_t n)
{
	struct mcp_exchange *x = xcalloc(1, sizeof(*x));

	ASSERT_IS(m, MCP_MAGIC);
	ASSERT(m->c.url && id >= 0);
	MAGIC_SET(x, EXCHANGE_MAGIC);
	x->m = m;
	x->id = id;
	x->body = BUF_INIT(MCP_MESSAGE_MAX);
	x->events = (struct mcp_events){.in = BUF_INIT(MCP_MESSAGE_MAX),
		.data = BUF_INIT(MCP_MESSAGE_MAX),
		.retry_ms = RETRY_MS,
		.message = on_message,
		.arg = x};
	cancel_init(&x->cancel);
	arena_init(&x->mem, 1 << 20);
	if (text) {
		x->text = malloc(n + 1);
		if (x->text)
			memcpy(x->text, text, n);
		x->n = n;
	}
	return x;
}

static int begin(struct mcp_exchange *x, const char *const *headers, struct err *e)
{
	struct mcp *m = x->m;
	int r = x->n > 0 && !x->text ? -ENOMEM : add_headers(x, headers);

	if (r < 0) {
		exchange_free(x);
		return err_set(e, r, "There is no memory to ask %s.", m->c.label);
	}
	pthread_mutex_lock(&m->mx);
	x->next = m->exchanges;
	m->exchanges = x;
	pthread_mutex_unlock(&m->mx);
	r = pool_submit(m->shared->pool, &x->task, run, x);
	if (r == 0)
		return 0;
	forget(x);
	exchange_free(x);
	return err_set(e, r, "Too many tools are being asked at a time.");
}

int mcp_http_send(struct mcp *m, int64_t id, const char *text, size_t n, const char *const *headers, struct err *e)
{
	return begin(exchange_new(m, id, text, n), headers, e);
}

void mcp_http_resume(struct mcp *m, const struct mcp_message *ended)
{
	struct mcp_exchange *x = exchange_new(m, ended->id, NULL, 0);
	struct err e = {0};

	ASSERT(ended->kind == MCP_ENDED && ended->id); /* somebody waits for the rest */
	memcpy(x->events.place, ended->place, sizeof(x->events.place));
	x->delay_ms = ended->retry_ms;
	if (begin(x, NULL, &e) < 0)
		log_debug("mcp", "%s: a stream cannot go on: %s", m->c.label, e.msg);
}

void mcp_http_listen(struct mcp *m, const char *text, size_t n)
{
	static const char *const headers[] = {"Mcp-Method: subscriptions/listen", NULL};
	struct mcp_exchange *x = exchange_new(m, 0, text, n);
	struct err e = {0};

	x->listens = true;
	if (begin(x, text ? headers : NULL, &e) < 0)
		log_debug("mcp", "%s is not listened to: %s", m->c.label, e.msg);
}

void mcp_http_settle(struct mcp *m)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SETTLE_S;
	pthread_mutex_lock(&m->mx);
	while (m->exchanges && pthread_cond_clockwait(&m->cv, &m->mx, CLOCK_MONOTONIC, &until) == 0)
		;
	pthread_mutex_unlock(&m->mx);
}

void mcp_http_drop(struct mcp *m, int64_t id)
{
	ASSERT(id || thread_may_wait());
	pthread_mutex_lock(&m->mx);
	for (struct mcp_exchange *x = m->exchanges; x; x = x->next)
		if (!id || x->id == id)
			cancel_fire(&x->cancel, E_CANCELED);
	while (!id && m->exchanges)
		pthread_cond_wait(&m->cv, &m->mx);
	pthread_mutex_unlock(&m->mx);
}
