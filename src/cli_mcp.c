/* cli_mcp.c - `atelier mcp`: a running server as one of the Model Context Protocol on standard input and output, a message a line, for
 * programs that start their servers. Each is sent on, and its answer written when it comes. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "engine.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define META       "io.modelcontextprotocol/"

enum { AT_A_TIME = 16, LISTENING_MAX = 4, HEADERS_MAX = 8, ERR_INTERNAL = -32603 };

/* All that are under way. */
struct relay {
	const struct cli *cli;
	struct engine engine;
	const char *url, *authorization;
	pthread_mutex_t mx; /* of what follows, and of standard output */
	pthread_cond_t cv;
	struct relayed *first; /* of what is under way */
	unsigned running;      /* of them, those that end by themselves */
	char version[24];      /* that the handshake agreed on; "": none yet */
	struct arena mem;
};

struct relayed {
	struct relay *relay;
	struct pool_task task;
	json_t *asked;
	struct str text;
	struct relayed *next; /* of those under way */
	struct cancel cancel;
	bool listens;    /* its answer goes on until it is stopped */
	bool streams;    /* the answer is a stream of events, each of them a message */
	struct buf came; /* of the answer; of a stream, the line that has not ended */
	struct arena mem;
};

/* ---- what is written ---- */

static void write_line(struct relay *t, const char *p, size_t n)
{
	pthread_mutex_lock(&t->mx);
	print_json(stdout, p, n);
	fputc('\n', stdout);
	fflush(stdout);
	pthread_mutex_unlock(&t->mx);
}

static void write_failure(struct relayed *m, const char *why)
{
	const json_t *id = json_object_get(m->asked, "id");
	CLEANUP(buf_done) struct buf line = BUF_INIT(1 << 20);

	if (!id)
		return;
	CLEANUP(json_decrefp)
	json_t *o = json_pack(
		"{s:s,s:O,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", id, "error", "code", ERR_INTERNAL, "message", why);
	json_add_value(&line, o);
	if (line.n > 0)
		write_line(m->relay, line.p, line.n);
}

/* ---- one message ---- */

/* What may not stand in a header is packed. */
static const char *header(struct arena *a, const char *name, const char *value)
{
	size_t n = strlen(value), room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
	bool plain = n > 0 && *value != ' ' && value[n - 1] != ' ' && strncmp(value, "=?", 2) != 0;

	for (const char *p = value; *p; p++)
		plain &= *p >= ' ' && *p <= '~';
	if (plain)
		return arena_printf(a, "%s: %s", name, value);
	char *packed = arena_alloc(a, room);
	return packed ? arena_printf(a, "%s: =?base64?%s?=", name,
				sodium_bin2base64(
					packed, room, (const unsigned char *)value, n, sodium_base64_VARIANT_ORIGINAL))
		      : NULL;
}

static const char *version_of(struct relayed *m, const json_t *params)
{
	const char *own = json_get_str(json_object_get(params, "_meta"), META "protocolVersion");

	if (own)
		return own;
	pthread_mutex_lock(&m->relay->mx);
	const char *version = arena_strdup(&m->mem, m->relay->version);
	pthread_mutex_unlock(&m->relay->mx);
	return version ? version : "";
}

static void add_headers(struct relayed *m, const char **headers)
{
	const json_t *params = json_object_get(m->asked, "params");
	const char *method = json_get_str(m->asked, "method"), *version = version_of(m, params);
	const char *name = json_get_str(params, "name"), *uri = json_get_str(params, "uri");
	size_t n = 0;

	headers[n++] = m->relay->authorization;
	headers[n++] = "Content-Type: application/json";
	headers[n++] = "Accept: application/json, text/event-stream";
	if (*version)
		headers[n++] = header(&m->mem, "MCP-Protocol-Version", version);
	if (method)
		headers[n++] = header(&m->mem, "Mcp-Method", method);
	if (name || uri)
		headers[n++] = header(&m->mem, "Mcp-Name", name ? name : uri);
	ASSERT(n < HEADERS_MAX);
	headers[n] = NULL;
}

static void note_version(struct relayed *m, const char *p, size_t n)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;
	const char *method = json_get_str(m->asked, "method");

	if (!method || strcmp(method, "initialize") != 0 || json_parse(p, n, &answer, NULL) < 0)
		return;
	const char *version = json_get_str(json_object_get(answer, "result"), "protocolVersion");
	pthread_mutex_lock(&m->relay->mx);
	snprintf(m->relay->version, sizeof(m->relay->version), "%s", version ? version : "");
	pthread_mutex_unlock(&m->relay->mx);
}

static void tell_refusal(struct relayed *m, const struct http_result *res)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	struct str text = buf_str(&res->error_body);
	const json_t *error;
	char why[400];

	if (json_parse(text.p, text.n, &body, NULL) == 0 && json_get_str(body, "jsonrpc")) {
		write_line(m->relay, text.p, text.n);
		return;
	}
	error = json_object_get(body, "error");
	if (json_get_str(error, "message"))
		snprintf(why, sizeof(why), "%.390s", json_get_str(error, "message"));
	else
		snprintf(why, sizeof(why), "%.200s answers with the status %d: that is no Atelier.",
			m->relay->cli->settings.server, res->status);
	write_failure(m, why);
}

static void note_type(void *arg, const char *line, size_t n)
{
	static const char wanted[] = "content-type: text/event-stream";
	struct relayed *m = arg;

	if (n >= sizeof(wanted) - 1 && strncasecmp(line, wanted, sizeof(wanted) - 1) == 0)
		m->streams = true;
}

/* Each event of ours has its message in one line. */
static void take_event_line(struct relayed *m)
{
	struct str line = buf_str(&m->came);

	if (line.n > 6 && strncmp(line.p, "data: ", 6) == 0)
		write_line(m->relay, line.p + 6, line.n - 6);
	m->came.n = 0;
}

static int take_answer(void *arg, const char *p, size_t n)
{
	struct relayed *m = arg;

	while (m->streams && n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t taken = end ? (size_t)(end - p) + 1 : n;

		buf_add(&m->came, p, end ? taken - 1 : n);
		if (end && buf_status(&m->came) == 0)
			take_event_line(m);
		p += taken;
		n -= taken;
	}
	buf_add(&m->came, p, n);
	return buf_status(&m->came);
}

static void relayed_free(struct relayed *m)
{
	buf_done(&m->came);
	json_decref(m->asked);
	cancel_done(&m->cancel);
	arena_done(&m->mem);
	free(m);
}

static void begin(struct relayed *m)
{
	struct relay *t = m->relay;

	pthread_mutex_lock(&t->mx);
	m->next = t->first;
	t->first = m;
	t->running += !m->listens;
	ASSERT(t->running <= AT_A_TIME); /* which was waited for */
	pthread_mutex_unlock(&t->mx);
}

static void end(struct relayed *m)
{
	struct relay *t = m->relay;
	struct relayed **at = &t->first;

	pthread_mutex_lock(&t->mx);
	ASSERT(m->listens || t->running > 0);
	while (*at != m) {
		ASSERT(*at); /* it is in the list */
		at = &(*at)->next;
	}
	*at = m->next;
	t->running -= !m->listens;
	pthread_cond_broadcast(&t->cv);
	pthread_mutex_unlock(&t->mx);
	relayed_free(m);
}

static void send_on(void *arg)
{
	struct relayed *m = arg;
	struct relay *t = m->relay;
	const struct settings *s = &t->cli->settings;
	const char *headers[HEADERS_MAX];
	struct http_result res = {.status = 0};
	struct err e = {0};

	add_headers(m, headers);
	const struct http_call call = {.method = "POST",
		.url = t->url,
		.headers = headers,
		.body = m->text,
		.connect_timeout_ms = s->connect_timeout_ms,
		.first_byte_timeout_ms = s->first_byte_timeout_s * 1000,
		.idle_timeout_ms = s->token_timeout_s * 1000,
		.on_data = take_answer,
		.on_header = note_type,
		.arg = m};
	int r = http_client_run(t->engine.http, &call, &m->cancel, &res, &e);
	if (r == -ECANCELED) {
		/* Nobody waits for it any more. */
	} else if (r < 0) {
		write_failure(m, err_public_text(&e));
	} else if (res.status / 100 != 2) {
		tell_refusal(m, &res);
	} else if (m->came.n > 0) {
		note_version(m, m->came.p, m->came.n);
		write_line(t, m->came.p, m->came.n);
	}
	buf_done(&res.error_body);
	end(m);
}

/* ---- all of them ---- */

static bool is_method(const json_t *asked, const char *name)
{
	const char *method = json_get_str(asked, "method");

	return method && strcmp(method, name) == 0;
}

/* Stops what has this id; NULL: what would go on for good. Whether there was any. */
static bool stop(struct relay *t, const json_t *id)
{
	bool found = false;

	pthread_mutex_lock(&t->mx);
	for (struct relayed *m = t->first; m; m = m->next) {
		if (id ? !json_equal(json_object_get(m->asked, "id"), id) : !m->listens)
			continue;
		cancel_fire(&m->cancel, E_CANCELED);
		found = true;
	}
	pthread_mutex_unlock(&t->mx);
	return found;
}

/* By the end of its connection the server sees that nobody waits, in each revision: it needs no word besides. */
static bool stops_another(struct relay *t, const json_t *asked)
{
	const json_t *id = json_object_get(json_object_get(asked, "params"), "requestId");

	return is_method(asked, "notifications/cancelled") && id && stop(t, id);
}

static void wait_until(struct relay *t, unsigned at_most)
{
	pthread_mutex_lock(&t->mx);
	while (t->running > at_most)
		pthread_cond_wait(&t->cv, &t->mx);
	pthread_mutex_unlock(&t->mx);
}

static bool is_full(struct relay *t)
{
	unsigned n = 0;

	pthread_mutex_lock(&t->mx);
	for (struct relayed *m = t->first; m; m = m->next)
		n += m->listens && !cancel_reason(&m->cancel);
	pthread_mutex_unlock(&t->mx);
	return n >= LISTENING_MAX;
}

static void take_line(struct relay *t, struct pool *pool, const char *line, size_t n)
{
	struct relayed *m = xcalloc(1, sizeof(*m));

	m->relay = t;
	m->came = BUF_INIT(ANSWER_MAX);
	cancel_init(&m->cancel);
	arena_init(&m->mem, (size_t)64 << 20);
	char *text = arena_strndup(&m->mem, line, n);
	if (!text || json_parse(text, n, &m->asked, NULL) < 0) {
		static const char parse[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
					    "\"This is not JSON.\"}}";

		write_line(t, parse, sizeof(parse) - 1);
		relayed_free(m);
		return;
	}
	if (stops_another(t, m->asked)) {
		relayed_free(m);
		return;
	}
	m->text = (struct str){text, n};
	m->listens = is_method(m->asked, "subscriptions/listen");
	bool first = is_method(m->asked, "initialize");
	if (m->listens && is_full(t)) {
		write_failure(m, "There is enough that listens: stop one.");
		relayed_free(m);
		return;
	}
	wait_until(t, AT_A_TIME - 1);
	begin(m);
	if (pool_submit(pool, &m->task, send_on, m) < 0)
		send_on(m);
	/* What begins a conversation is answered before what follows is sent. */
	if (first)
		wait_until(t, 0);
}

static int start(struct relay *t, const struct cli *cli, struct pool **ret_pool, struct err *e)
{
	const struct pool_config threads = {
		.name = "mcp", .max = AT_A_TIME + LISTENING_MAX, .max_queue = AT_A_TIME + LISTENING_MAX};
	const char *server = cli->settings.server;
	size_t n = strlen(server);

	*t = (struct relay){.cli = cli, .mx = PTHREAD_MUTEX_INITIALIZER, .cv = PTHREAD_COND_INITIALIZER};
	arena_init(&t->mem, 1 << 20);
	if (!*cli->settings.server_key)
		return err_set(e, E_INVALID,
			"Make an API key that may act as you (Settings, API keys) and give it as ATELIER_SERVER_KEY.");
	while (n > 0 && server[n - 1] == '/')
		n--;
	t->url = arena_printf(&t->mem, "%.*s/mcp", (int)n, server);
	t->authorization = arena_printf(&t->mem, "Authorization: Bearer %s", cli->settings.server_key);
	if (!t->url || !t->authorization)
		return err_set(e, -ENOMEM, "no memory");
	int r = engine_start(&t->engine, &(struct configure){.settings = &cli->settings}, e);
	if (r == 0 && (r = pool_new(&threads, ret_pool)) < 0)
		r = err_set(e, r, "no threads can be started");
	return r;
}

int cmd_mcp(struct cli *c)
{
	struct pool *pool = NULL;
	struct relay t;
	struct err e = {0};
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (c->argc > 0)
		return usage_error("mcp takes no words, only flags; \"%s\" is one.", c->argv[0]);
	int r = start(&t, c, &pool, &e);
	while (r == 0 && (n = getline(&line, &room, stdin)) > 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n > 0)
			take_line(&t, pool, line, (size_t)n);
	}
	free(line);
	(void)stop(&t, NULL);
	pool_free(pool);
	engine_stop(&t.engine);
	arena_wipe(&t.mem);
	return r < 0 ? report(&e) : EXIT_SUCCESS;
}
