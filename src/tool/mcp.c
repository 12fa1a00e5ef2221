/*
 * mcp.c - a server as its users have it: opened when it is needed and tried again where that is harmless. What a request came to is
 * judged in one place (judge): a session that is over is opened anew and asked once more, for nothing was done then; nothing else
 * is sent twice. A program of which a call was stopped is killed once nobody else asks it anything.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "tool/mcp_priv.h"

enum {
	TIMEOUT_MS = 60000,
	TOTAL_MS = 600000,
	PAGES_MAX = 100,
	ROUNDS_MAX = 10,
	PAGES_FIRST_MAX = 8,
	THREADS = 256,
	CONFIG_MAX = 1 << 20
};
enum { ERR_HEADERS = -32020, ERR_URL_FIRST = -32042 };

/* ---- what all share ---- */

int mcp_shared_new(struct http_client *http, unsigned max_programs, struct mcp_shared **ret, struct err *e)
{
	struct mcp_shared *s = xcalloc(1, sizeof(*s));
	const struct pool_config pool = {.name = "mcp", .max = THREADS, .max_queue = THREADS, .stack_bytes = 256 << 10};
	int r = processes_new(max_programs, &s->processes, e);

	MAGIC_SET(s, MCP_SHARED_MAGIC);
	s->http = http;
	if (r == 0 && (r = pool_new(&pool, &s->pool)) < 0)
		r = err_set(e, r, "The threads of tool servers cannot be made.");
	if (r < 0) {
		mcp_shared_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void mcp_shared_free(struct mcp_shared *s)
{
	if (!s)
		return;
	pool_free(s->pool);
	processes_free(s->processes);
	MAGIC_END(s, MCP_SHARED_MAGIC);
	free(s);
}

/* ---- a server ---- */

static int copy_words(struct arena *a, const char *const *words, const char *const **ret)
{
	size_t n = 0;

	*ret = NULL;
	if (!words)
		return 0;
	while (words[n])
		n++;
	const char **copy = ARENA_ARRAY(a, const char *, n + 1);
	for (size_t i = 0; copy && i < n; i++)
		if (!(copy[i] = arena_strdup(a, words[i])))
			return -ENOMEM;
	*ret = copy;
	return copy ? 0 : -ENOMEM;
}

static int copy_config(struct mcp *m, const struct mcp_config *c)
{
	struct arena *a = &m->mem;
	int r = 0;

	m->c = *c;
	m->c.label = arena_strdup(a, c->label);
	m->c.url = arena_strdup(a, c->url);
	m->c.also = arena_strdup(a, c->also);
	m->c.program.writable = arena_strdup(a, c->program.writable);
	if (!m->c.label || (c->url && !m->c.url) || (c->also && !m->c.also) ||
		(c->program.writable && !m->c.program.writable))
		return -ENOMEM;
	if ((r = copy_words(a, c->headers, &m->c.headers)) < 0 || (r = copy_words(a, c->hosts, &m->c.hosts)) < 0 ||
		(r = copy_words(a, c->program.argv, &m->c.program.argv)) < 0 ||
		(r = copy_words(a, c->program.env, &m->c.program.env)) < 0 ||
		(r = copy_words(a, c->program.readable, &m->c.program.readable)) < 0 ||
		(r = copy_words(a, c->program.grants, &m->c.program.grants)) < 0)
		return r;
	if (!m->c.timeout_ms)
		m->c.timeout_ms = TIMEOUT_MS;
	if (!m->c.total_ms)
		m->c.total_ms = TOTAL_MS;
	return 0;
}

static void release(struct mcp *m)
{
	ASSERT(m->state == MCP_CLOSED && m->asking == 0 && !m->process && !m->exchanges);
	mcp_inbox_clear(m);
	buf_done(&m->errors);
	pthread_cond_destroy(&m->cv);
	pthread_mutex_destroy(&m->mx);
	arena_wipe(&m->mem);
	MAGIC_END(m, MCP_MAGIC);
	free(m);
}

int mcp_new(struct mcp_shared *s, const struct mcp_config *c, struct mcp **ret, struct err *e)
{
	struct mcp *m = xcalloc(1, sizeof(*m));

	ASSERT_IS(s, MCP_SHARED_MAGIC);
	ASSERT(!c->url != !c->program.argv); /* an address or a program */
	MAGIC_SET(m, MCP_MAGIC);
	m->shared = s;
	m->inbox_end = &m->inbox;
	m->errors = BUF_INIT(256 << 10);
	arena_init(&m->mem, CONFIG_MAX);
	pthread_mutex_init(&m->mx, NULL);
	pthread_cond_init(&m->cv, NULL);
	int r = copy_config(m, c);
	if (r < 0) {
		release(m);
		return err_set(e, r, "There is no memory for a tool server.");
	}
	*ret = m;
	return 0;
}

void mcp_free(struct mcp *m)
{
	if (!m)
		return;
	mcp_close(m);
	if (m->c.url)
		mcp_http_drop(m, 0); /* what was begun when it had ended already, as the word that nobody waits */
	release(m);
}

/* One that is open: nobody opens it until it is closed. */
static void close_claimed(struct mcp *m)
{
	mcp_shut(m);
	pthread_mutex_lock(&m->mx);
	ASSERT(m->state == MCP_OPENING);
	m->state = MCP_CLOSED;
	m->idle_since = 0;
	pthread_cond_broadcast(&m->cv);
	pthread_mutex_unlock(&m->mx);
}

void mcp_close(struct mcp *m)
{
	ASSERT_IS(m, MCP_MAGIC);
	pthread_mutex_lock(&m->mx);
	while (m->state == MCP_OPENING)
		pthread_cond_wait(&m->cv, &m->mx);
	bool open = m->state == MCP_OPEN;
	if (open)
		m->state = MCP_OPENING;
	pthread_mutex_unlock(&m->mx);
	if (open)
		close_claimed(m);
}

/*
 * A program of which a call was stopped is killed, with all that it started, as soon as nobody asks it anything: what it does for
 * that call only it knows, and whether it heeds the word that the call is over. It is started anew when it is needed.
 */
static void kill_stopped(struct mcp *m)
{
	pthread_mutex_lock(&m->mx);
	bool over = m->call_stopped && m->asking == 0 && m->state == MCP_OPEN;
	if (over) {
		m->state = MCP_OPENING;
		if (m->process)
			process_stop(m->process, 0);
	}
	pthread_mutex_unlock(&m->mx);
	if (over)
		close_claimed(m);
}

int64_t mcp_idle_since(struct mcp *m)
{
	ASSERT_IS(m, MCP_MAGIC);
	pthread_mutex_lock(&m->mx);
	int64_t since = m->state == MCP_OPEN && m->asking == 0 ? m->idle_since : 0;
	pthread_mutex_unlock(&m->mx);
	return since;
}

json_t *mcp_about(struct mcp *m)
{
	pthread_mutex_lock(&m->mx);
	json_t *about = m->state == MCP_OPEN ? json_deep_copy(m->about) : NULL;
	pthread_mutex_unlock(&m->mx);
	return about;
}

const char *mcp_challenge(struct mcp *m, struct arena *a)
{
	pthread_mutex_lock(&m->mx);
	const char *challenge = arena_strdup(a, m->challenge);
	pthread_mutex_unlock(&m->mx);
	return challenge;
}

/* ---- requests ---- */

/* What became of an exchange, as its caller has it. 1: it was not taken, since the session is over: again. */
static int judge(struct mcp *m, int r, struct mcp_answer *got, struct err *e)
{
	pthread_mutex_lock(&m->mx);
	bool session = m->session[0] != '\0', more = got->status == 403 && strstr(m->challenge, "insufficient_scope");
	pthread_mutex_unlock(&m->mx);
	if (got->status == 404 && session)
		return 1;
	if (got->status == 401) {
		err_clear(e);
		return err_set(e, E_UNAUTHORIZED, "%s wants to know who asks: sign in, or give a key.", m->c.label);
	}
	if (more) {
		err_clear(e);
		return err_set(e, E_UNAUTHORIZED, "%s wants more rights than it was signed in to with: sign in again.",
			m->c.label);
	}
	if (r == 0 && got->error)
		return mcp_error(m, got->error, e);
	if (r == 0) {
		pthread_mutex_lock(&m->mx);
		m->crashes = 0;
		pthread_mutex_unlock(&m->mx);
	}
	return r;
}

static void asking(struct mcp *m, int by)
{
	pthread_mutex_lock(&m->mx);
	ASSERT(by > 0 || m->asking > 0);
	m->asking += (unsigned)by;
	m->idle_since = clock_mono_ms();
	pthread_mutex_unlock(&m->mx);
}

/* `ret_error`: the JSON-RPC error that came, if one did. */
static int ask(struct mcp *m, const char *method, const json_t *params, const char *const *headers,
	const struct tool_run *run, json_t **ret_error, json_t **ret, struct err *e)
{
	int r = 0;

	asking(m, 1);
	for (int tries = 0; tries < 2; tries++) {
		CLEANUP(mcp_answer_done) struct mcp_answer got = {0};
		struct err mine = {0};

		if ((r = mcp_open(m, run, e)) < 0)
			break;
		r = judge(m, mcp_exchange(m, method, json_deep_copy(params), headers, run, &got, &mine), &got, &mine);
		if (r == 0)
			*ret = TAKE_PTR(got.result);
		json_decref(*ret_error);
		*ret_error = TAKE_PTR(got.error);
		if (r == 1) {
			mcp_close(m);
			r = err_set(
				&mine, E_PROVIDER_BROKEN, "%s has forgotten the session again and again.", m->c.label);
			if (tries == 0)
				continue;
		}
		if (r < 0)
			err_set(e, r, "%s", mine.msg);
		break;
	}
	asking(m, -1);
	if (r == -ECANCELED && !m->c.url) {
		pthread_mutex_lock(&m->mx);
		m->call_stopped = true;
		pthread_mutex_unlock(&m->mx);
	}
	kill_stopped(m);
	return r;
}

static const char *name_of(const json_t *params)
{
	const char *name = json_get_str(params, "name");

	return name ? name : json_get_str(params, "uri");
}

/* What the server needs to know goes into the same request again. */
static int give_answers(struct mcp *m, const json_t *result, json_t *params, const struct tool_run *run, struct err *e)
{
	json_t *answers = json_object(), *question, *said;
	const char *key;

	json_object_set_new(params, "inputResponses", answers);
	json_object_foreach(json_object_get(result, "inputRequests"), key, question)
	{
		const char *asks = json_get_str(question, "method");

		said = NULL;
		int r = mcp_ask(m, run, asks ? asks : "", json_object_get(question, "params"), &said, e);
		if (r < 0)
			return r;
		json_object_set_new(answers, key, said);
	}
	if (json_object_size(answers) == 0)
		json_object_del(params, "inputResponses");
	if (json_object_get(result, "requestState"))
		json_object_set(params, "requestState", json_object_get(result, "requestState"));
	else
		json_object_del(params, "requestState");
	return 0;
}

/* Of 2025-11-25: pages that the person has to visit before the request can be answered. */
static int visit_first(struct mcp *m, const json_t *error, const struct tool_run *run, struct err *e)
{
	const json_t *pages = json_object_get(json_object_get(error, "data"), "elicitations"), *page;
	size_t i;

	if (json_array_size(pages) == 0)
		return mcp_error(m, error, e);
	json_array_foreach(pages, i, page)
	{
		CLEANUP(json_decrefp) json_t *said = NULL;
		const char *mode = json_get_str(page, "mode");

		if (!mode || strcmp(mode, "url") != 0 || i == PAGES_FIRST_MAX)
			return mcp_error(m, error, e);
		int r = mcp_ask(m, run, "elicitation/create", page, &said, e);
		if (r < 0)
			return r;
		const char *action = json_get_str(said, "action");
		if (!action || strcmp(action, "accept") != 0)
			return err_set(e, E_PROVIDER, "%s wants a page to be visited first, and this was %s.",
				m->c.label, action && strcmp(action, "decline") == 0 ? "declined" : "not done");
	}
	return 0;
}

/* Until the server wants nothing more of the person. */
static int converse(struct mcp *m, const char *method, json_t *params, const char *const *headers,
	const struct tool_run *run, int64_t *ret_code, json_t **ret, struct err *e)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		CLEANUP(json_decrefp) json_t *result = NULL, *error = NULL;
		struct err mine = {0};
		int r = ask(m, method, params, headers, run, &error, &result, &mine);
		const char *type = json_get_str(result, "resultType");
		int64_t code = json_get_i64(error, "code", 0);

		if (ret_code)
			*ret_code = code;
		if (r < 0 && code != ERR_URL_FIRST)
			return err_set(e, r, "%s", mine.msg);
		if (r == 0 && (!type || strcmp(type, "complete") == 0)) {
			*ret = TAKE_PTR(result);
			return 0;
		}
		if (r == 0 && strcmp(type, "input_required") != 0)
			return err_set(
				e, E_PROVIDER_BROKEN, "%s gave a result of a kind that is not known.", m->c.label);
		r = r < 0 ? visit_first(m, error, run, e) : give_answers(m, result, params, run, e);
		if (r < 0)
			return r;
	}
	return err_set(e, E_PROVIDER, "%s asked back more often than it may.", m->c.label);
}

static int ask_named(struct mcp *m, const char *method, json_t *params, const json_t *schema,
	const struct tool_run *run, int64_t *ret_code, json_t **ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char **headers;

	arena_init(&a, 1 << 20);
	int r = mcp_headers(method, name_of(params), schema, json_object_get(params, "arguments"), &a, &headers);
	if (r < 0)
		return err_set(e, r, "There is no memory to ask %s.", m->c.label);
	return converse(m, method, params, headers, run, ret_code, ret, e);
}

int mcp_request(
	struct mcp *m, const char *method, json_t *params, const struct tool_run *run, json_t **ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *own = params ? params : json_object();

	ASSERT(thread_may_wait() && method);
	ASSERT_IS(m, MCP_MAGIC);
	return ask_named(m, method, own, NULL, run, NULL, ret, e);
}

/* ---- lists ---- */

static void add_page(struct mcp *m, json_t *all, const json_t *items, bool tools)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (!tools || !m->c.url || !mcp_header_problem(json_object_get(item, "inputSchema")))
			json_array_append(all, (json_t *)item);
	}
}

int mcp_list(struct mcp *m, const char *what, const struct tool_run *run, json_t **ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *all = json_array();
	CLEANUP(json_decrefp) json_t *cursor = NULL;
	bool templates = strcmp(what, "resourceTemplates") == 0;
	char method[64];

	ASSERT_IS(m, MCP_MAGIC);
	snprintf(method, sizeof(method), "%s/list", templates ? "resources/templates" : what);
	for (int page = 0; page < PAGES_MAX; page++) {
		CLEANUP(json_decrefp) json_t *result = NULL;
		json_t *params = json_object();

		if (cursor)
			json_object_set(params, "cursor", cursor);
		int r = mcp_request(m, method, params, run, &result, e);
		if (r < 0)
			return r;
		add_page(m, all, json_object_get(result, what), strcmp(what, "tools") == 0);
		json_decref(cursor);
		cursor = json_incref(json_object_get(result, "nextCursor"));
		if (!json_is_string(cursor)) {
			pthread_mutex_lock(&m->mx);
			m->listed |= !m->listening;
			pthread_mutex_unlock(&m->mx);
			*ret = TAKE_PTR(all);
			return 0;
		}
	}
	return err_set(e, E_PROVIDER, "%s has more pages of %s than can be read.", m->c.label, what);
}

/* ---- a call ---- */

static int fail(struct tool_result *ret, const struct err *e)
{
	ret->failed = true;
	ret->text = BUF_INIT(4096);
	buf_add_str(&ret->text, err_public_text(e));
	return 0;
}

/* The schema as the server has it now. */
static json_t *schema_again(struct mcp *m, const char *tool, const struct tool_run *run)
{
	CLEANUP(json_decrefp) json_t *tools = NULL;
	struct err ignored = {0};
	const json_t *item;
	size_t i;

	if (mcp_list(m, "tools", run, &tools, &ignored) < 0)
		return NULL;
	json_array_foreach(tools, i, item)
	{
		const char *name = json_get_str(item, "name");

		if (name && strcmp(name, tool) == 0)
			return json_incref(json_object_get(item, "inputSchema"));
	}
	return NULL;
}

int mcp_call(struct mcp *m, const char *tool, const json_t *schema, const json_t *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *result = NULL;
	CLEANUP(json_decrefp)
	json_t *params = json_pack("{s:s,s:o}", "name", tool, "arguments", json_deep_copy(arguments));
	struct err mine = {0};
	int64_t code = 0;
	ASSERT(thread_may_wait());
	ASSERT_IS(m, MCP_MAGIC);
	int r = ask_named(m, "tools/call", params, schema, run, &code, &result, &mine);

	if (r < 0 && code == ERR_HEADERS) {
		CLEANUP(json_decrefp) json_t *now = schema_again(m, tool, run);

		err_clear(&mine);
		r = ask_named(m, "tools/call", params, now, run, &code, &result, &mine);
	}
	if (r == 0)
		r = mcp_result(result, a, ret, &mine);
	if (r == 0)
		return 0;
	return r == -ECANCELED || r == E_UNAUTHORIZED ? err_set(e, r, "%s", mine.msg) : fail(ret, &mine);
}
