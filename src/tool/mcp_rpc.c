/* mcp_rpc.c - JSON-RPC with a server: requests, what comes, and waiting. Whoever waits reads what has come, for all who wait. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/loop.h"
#include "tool/mcp_priv.h"

enum { INBOX_MAX = 64 << 20, UNATTENDED_MAX = 64 << 10 };

/* ---- what has come ---- */

struct mcp_message *mcp_message_new(enum mcp_kind kind, int64_t id, const char *p, size_t n)
{
	struct mcp_message *msg = calloc(1, sizeof(*msg) + n + 1);

	ASSERT(id >= 0 && (unsigned)kind <= MCP_GONE);
	if (!msg)
		return NULL;
	msg->kind = kind;
	msg->id = id;
	msg->n = n;
	if (n > 0)
		memcpy(msg->text, p, n);
	return msg;
}

void mcp_inbox_clear(struct mcp *m)
{
	ASSERT(!m->waits); /* nobody is to read it */
	while (m->inbox) {
		struct mcp_message *msg = m->inbox;

		m->inbox = msg->next;
		free(msg);
	}
	m->inbox_end = &m->inbox;
	m->inbox_bytes = 0;
}

/* mx held. */
static struct mcp_wait *find_wait(struct mcp *m, int64_t id)
{
	struct mcp_wait *w = m->waits;

	ASSERT(lock_is_mine(&m->mx));
	while (w && (w->id != id || w->done))
		w = w->next;
	return w;
}

/* mx held; code 0: something was answered. */
static void finish(struct mcp *m, struct mcp_wait *w, int code, const char *why)
{
	ASSERT(lock_is_mine(&m->mx) && w->m == m);
	ASSERT(!w->done && code <= 0);
	w->done = true;
	w->code = code;
	snprintf(w->why, sizeof(w->why), "%s", why ? why : "");
	pthread_cond_broadcast(&m->cv);
}

/* A result or an error; both are borrowed. */
static void take_response(struct mcp *m, const json_t *o)
{
	const json_t *id = json_object_get(o, "id");
	json_t *result = json_object_get(o, "result"), *error = json_object_get(o, "error");

	pthread_mutex_lock(&m->mx);
	struct mcp_wait *w = json_is_integer(id) ? find_wait(m, json_integer_value(id)) : NULL;
	/* It could not even read which request that was. */
	if (!w && error && (!id || json_is_null(id)) && m->waits && !m->waits->next && !m->waits->done)
		w = m->waits;
	if (w) {
		w->result = json_incref(result);
		w->error = json_incref(error);
		finish(m, w, result || error ? 0 : E_PROVIDER_BROKEN, "it answered with neither a result nor an error");
	}
	pthread_mutex_unlock(&m->mx);
}

static void take_object(struct mcp *m, int64_t exchange, const json_t *o)
{
	const json_t *id = json_object_get(o, "id");

	if (!json_is_object(o))
		return;
	if (!json_get_str(o, "method"))
		take_response(m, o);
	else if (json_is_string(id) || json_is_integer(id))
		mcp_take_request(m, exchange, o);
	else
		mcp_take_notice(m, o);
}

static void take_text(struct mcp *m, const struct mcp_message *msg)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct err ignored = {0};
	const json_t *item;
	size_t i;

	if (msg->n == 0)
		return;
	if (json_read(msg->text, msg->n, 4 * JSON_MEMORY, JSON_READ_LOOSE, &root, &ignored) < 0) {
		log_debug("mcp", "%s wrote a line that is no message.", m->c.label);
		return;
	}
	if (json_is_array(root)) {
		json_array_foreach(root, i, item) take_object(m, msg->id, item);
	} else {
		take_object(m, msg->id, root);
	}
}

/* The id that stands in either end of an answer too long to be read; 0: none. */
static int64_t id_in(const struct mcp_message *msg)
{
	const char *at = strstr(msg->text, "\"id\":");

	for (const char *next = at; next; next = strstr(next + 1, "\"id\":"))
		at = next; /* what stands last is not within the result */
	return at ? strtoll(at + 5, NULL, 10) : 0;
}

/* Of what a tool gave, the first words that can be read, with a note; NULL: there are none. */
static json_t *beginning_of(const struct mcp_message *msg)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(2 * PROCESS_CUT + 16);
	CLEANUP(json_decrefp) json_t *words = NULL;
	struct err ignored = {0};
	const char *at = strstr(msg->text, "\"text\":");
	size_t n = MIN(msg->n, (size_t)PROCESS_CUT);

	at = at ? strchr(at + 7, '"') : NULL;
	if (!at || (size_t)(at - msg->text) >= n)
		return NULL;
	n -= (size_t)(at - msg->text);
	for (size_t less = 0; !words && less < 12 && less + 1 < n;
		less++) { /* what was cut may be an escape, or a letter */
		buf_reset(&text);
		buf_add_char(&text, '[');
		buf_add(&text, at, n - less);
		buf_add_str(&text, "\"]");
		(void)!json_read(buf_str(&text).p, text.n, JSON_MEMORY, 0, &words, &ignored);
	}
	const char *first = json_string_value(json_array_get(words, 0));
	return first ? json_pack("{s:[{s:s,s:s+}]}", "content", "type", "text", "text", first,
			       "\n\n[The result is larger than 16 MB: this is how it begins, and the rest is cut.]")
		     : NULL;
}

static void take_cut(struct mcp *m, const struct mcp_message *msg)
{
	int64_t first = msg->id ? msg->id : id_in(msg);

	pthread_mutex_lock(&m->mx);
	struct mcp_wait *w = find_wait(m, first);
	if (!w && m->waits && !m->waits->next && !m->waits->done)
		w = m->waits;
	if (w && w->is_call)
		w->result = beginning_of(msg);
	if (w)
		finish(m, w, w->result ? 0 : E_TOO_LARGE, "its answer is larger than 16 MB");
	pthread_mutex_unlock(&m->mx);
}

/* A failure's body may be an error of JSON-RPC. */
static json_t *error_of(const struct mcp_message *msg)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct err ignored = {0};

	if (msg->status / 100 == 2 || json_read(msg->text, msg->n, JSON_MEMORY, JSON_READ_LOOSE, &root, &ignored) < 0)
		return NULL;
	json_t *error = json_object_get(root, "error");
	return json_is_integer(json_object_get(error, "code")) ? json_incref(error) : NULL;
}

static void take_end(struct mcp *m, const struct mcp_message *msg)
{
	json_t *error = msg->code < 0 ? NULL : error_of(msg);
	char why[64] = "it closed the connection without an answer";

	if (msg->status / 100 != 2 && msg->code == 0)
		snprintf(why, sizeof(why), "it answered with status %d", msg->status);
	pthread_mutex_lock(&m->mx);
	struct mcp_wait *w = find_wait(m, msg->id);
	bool resume = w && msg->place[0] && w->resumed < 3;
	if (resume) {
		w->resumed++;
	} else if (w) {
		w->status = msg->status;
		w->error = json_incref(error);
		finish(m, w,
			error           ? 0
			: msg->code < 0 ? msg->code
					: E_PROVIDER_BROKEN,
			msg->code < 0 ? msg->text : why);
	}
	pthread_mutex_unlock(&m->mx);
	json_decref(error);
	if (resume)
		mcp_http_resume(m, msg);
}

static void take_gone(struct mcp *m, const struct mcp_message *msg)
{
	pthread_mutex_lock(&m->mx);
	m->gone = true;
	snprintf(m->end, sizeof(m->end), "%s", msg->text);
	for (struct mcp_wait *w = m->waits; w; w = w->next)
		if (!w->done)
			finish(m, w, E_PROVIDER_BROKEN, msg->text);
	pthread_mutex_unlock(&m->mx);
}

static void take(struct mcp *m, const struct mcp_message *msg)
{
	switch (msg->kind) {
	case MCP_TEXT:
		take_text(m, msg);
		return;
	case MCP_CUT:
		take_cut(m, msg);
		return;
	case MCP_ENDED:
		take_end(m, msg);
		return;
	case MCP_GONE:
		take_gone(m, msg);
		return;
	}
}

/* By whoever waits; when nobody does, here and now, if it is small. */
void mcp_deliver_message(struct mcp *m, struct mcp_message *msg)
{
	ASSERT_IS(m, MCP_MAGIC);
	if (!msg)
		return;
	ASSERT(!msg->next); /* it stands in no list, and becomes ours */
	pthread_mutex_lock(&m->mx);
	bool now = !m->waits, full = m->inbox_bytes + msg->n > INBOX_MAX;
	if (!now && !full) {
		*m->inbox_end = msg;
		m->inbox_end = &msg->next;
		m->inbox_bytes += msg->n;
		pthread_cond_broadcast(&m->cv);
	}
	pthread_mutex_unlock(&m->mx);
	if (now && msg->n <= UNATTENDED_MAX)
		take(m, msg);
	if (now || full)
		free(msg);
}

void mcp_deliver(struct mcp *m, enum mcp_kind kind, int64_t id, const char *p, size_t n)
{
	ASSERT_IS(m, MCP_MAGIC);
	mcp_deliver_message(m, mcp_message_new(kind, id, p, n));
}

/* ---- waiting ---- */

static void on_cancel(void *arg)
{
	struct mcp_wait *w = arg;
	struct mcp *m = w->m;

	pthread_mutex_lock(&m->mx);
	w->stopped = true;
	pthread_cond_broadcast(&m->cv);
	pthread_mutex_unlock(&m->mx);
}

/* mx held. */
static struct mcp_message *next_message(struct mcp *m)
{
	struct mcp_message *msg = m->inbox;

	ASSERT(lock_is_mine(&m->mx));
	if (!msg)
		return NULL;
	m->inbox = msg->next;
	if (!m->inbox)
		m->inbox_end = &m->inbox;
	ASSERT(m->inbox_bytes >= msg->n);
	m->inbox_bytes -= msg->n;
	return msg;
}

/* mx held, and given up meanwhile. True: it did something, and there may be more. */
static bool work(struct mcp *m, struct mcp_wait *w)
{
	struct mcp_message *msg = m->reading ? NULL : next_message(m);
	json_t *item = NULL;
	bool reads = msg != NULL, question = false;
	int64_t now = clock_mono_ms();

	ASSERT(lock_is_mine(&m->mx) && w->m == m);
	if (reads) {
		m->reading = true; /* below */
	} else if (json_array_size(w->news) > 0) {
		item = json_incref(json_array_get(w->news, 0));
		json_array_remove(w->news, 0);
	} else if (json_array_size(w->questions) > 0) {
		item = json_incref(json_array_get(w->questions, 0));
		json_array_remove(w->questions, 0);
		question = true;
	} else {
		return false;
	}
	pthread_mutex_unlock(&m->mx);
	if (reads) {
		take(m, msg);
		free(msg);
	} else if (question) {
		mcp_answer_question(m, w->run, item);
	} else {
		double done = 0, total = 0;

		(void)json_get_number(json_object_get(item, "progress"), &done);
		(void)json_get_number(json_object_get(item, "total"), &total);
		w->run->progress(w->run->arg, done, total, json_get_str(item, "message"));
	}
	json_decref(item);
	pthread_mutex_lock(&m->mx);
	if (reads) {
		m->reading = false;
		if (m->inbox)
			pthread_cond_broadcast(&m->cv);
	}
	if (question) { /* how long a person takes is no time of the server's */
		w->heard_ms = clock_mono_ms();
		w->began_ms += w->heard_ms - now;
	}
	return true;
}

static int wait_for(struct mcp *m, struct mcp_wait *w, struct err *e)
{
	int64_t idle = w->idle_ms, total = m->c.total_ms;

	ASSERT(lock_is_mine(&m->mx) && w->m == m);
	w->heard_ms = w->began_ms = clock_mono_ms();
	for (;;) {
		int64_t until = MIN(w->heard_ms + idle, w->began_ms + total), now = clock_mono_ms();

		if (w->stopped)
			return err_set(e, -ECANCELED, "The call of %s was stopped.", m->c.label);
		if (!w->done && work(m, w))
			continue;
		if (w->done && json_array_size(w->news) > 0 && work(m, w))
			continue;
		if (w->done)
			return 0;
		if (now >= until)
			return err_set(e, E_PROVIDER_TIMEOUT, "%s did not answer within %.1f seconds.", m->c.label,
				(double)(now >= w->began_ms + total ? total : idle) / 1000.0);
		struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
		(void)pthread_cond_clockwait(&m->cv, &m->mx, CLOCK_MONOTONIC, &at);
	}
}

/* mx held, and given up meanwhile. The last one reads what is left. */
static void unlink_wait(struct mcp *m, struct mcp_wait *w)
{
	struct mcp_wait **at = &m->waits;
	struct mcp_message *msg;

	ASSERT(lock_is_mine(&m->mx));
	while (*at != w) {
		ASSERT(*at); /* it waits */
		at = &(*at)->next;
	}
	*at = w->next;
	while (!m->waits && (msg = next_message(m)) != NULL) {
		pthread_mutex_unlock(&m->mx);
		if (msg->n <= UNATTENDED_MAX)
			take(m, msg);
		free(msg);
		pthread_mutex_lock(&m->mx);
	}
}

/* ---- requests ---- */

static json_t *envelope(const char *method, json_t *params)
{
	json_t *o = json_pack("{s:s,s:s}", "jsonrpc", "2.0", "method", method);

	if (params)
		json_object_set(o, "params", params);
	return o;
}

/* What each request says of itself, where the revision wants that. */
static json_t *with_meta(struct mcp *m, json_t *params, int64_t id, const struct tool_run *run)
{
	bool modern = m->era == MCP_MODERN;

	if (!modern && !run->progress)
		return params;
	if (!params)
		params = json_object();
	json_t *meta = json_object_get(params, "_meta");
	if (!meta) {
		meta = json_object();
		json_object_set_new(params, "_meta", meta);
	}
	if (run->progress)
		json_object_set_new(meta, "progressToken", json_integer(id));
	if (modern) {
		json_object_set_new(meta, MCP_META "protocolVersion", json_string(m->version));
		json_object_set_new(meta, MCP_META "clientCapabilities", mcp_capabilities(run->ask != NULL));
		json_object_set_new(meta, MCP_META "clientInfo",
			json_pack("{s:s,s:s}", "name", "atelier", "version", ATELIER_VERSION));
	}
	return params;
}

static int send_text(struct mcp *m, int64_t id, const json_t *o, const char *const *headers, struct err *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)32 << 20);

	json_add_value(&text, o);
	int r = buf_check(&text, e, "What a tool is to be given is too large.");
	if (r < 0)
		return r;
	if (m->c.url)
		return mcp_http_send(m, id, text.p, text.n, headers, e);
	pthread_mutex_lock(&m->mx);
	struct process *p = m->process;
	r = p ? process_send(p, text.p, text.n, e) : err_set(e, E_PROVIDER_BROKEN, "%s has ended.", m->c.label);
	pthread_mutex_unlock(&m->mx);
	return r;
}

int mcp_send(struct mcp *m, const json_t *o, struct err *e)
{
	return send_text(m, 0, o, NULL, e);
}

int mcp_notify(struct mcp *m, const char *method, json_t *params, struct err *e)
{
	UNUSED CLEANUP(json_decrefp) json_t *own = params;
	CLEANUP(json_decrefp) json_t *o = envelope(method, params);

	return send_text(m, 0, o, NULL, e);
}

/* Of the newest era, in which a server tells nothing unasked: one request, of which all that comes is notices. */
void mcp_listen(struct mcp *m)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 16);
	const struct tool_run nobody = {.progress = NULL};
	struct err e = {0};

	ASSERT_IS(m, MCP_MAGIC);
	pthread_mutex_lock(&m->mx);
	const json_t *tools = json_object_get(json_object_get(m->about, "capabilities"), "tools");
	bool tells = json_is_true(json_object_get(tools, "listChanged"));
	int64_t id = ++m->last_id;
	m->listening |= tells && !m->c.url; /* its lines come in order: no list is older */
	pthread_mutex_unlock(&m->mx);
	if (!tells)
		return;
	CLEANUP(json_decrefp)
	json_t *params = with_meta(m, json_pack("{s:{s:b}}", "notifications", "toolsListChanged", 1), id, &nobody);
	CLEANUP(json_decrefp) json_t *o = envelope("subscriptions/listen", params);
	json_object_set_new(o, "id", json_integer(id));
	if (!m->c.url) {
		if (mcp_send(m, o, &e) < 0)
			log_debug("mcp", "%s is not listened to: %s", m->c.label, e.msg);
		return;
	}
	json_add_value(&text, o);
	if (buf_status(&text) == 0)
		mcp_http_listen(m, text.p, text.n);
}

/* It is told that nobody waits any more. A modern server over HTTP sees that by the end of the exchange. */
static void abandon(struct mcp *m, int64_t id, int code)
{
	struct err ignored = {0};

	if (m->c.url)
		mcp_http_drop(m, id);
	if (!m->c.url || m->era == MCP_LEGACY)
		(void)mcp_notify(m, "notifications/cancelled",
			json_pack("{s:I,s:s}", "requestId", (json_int_t)id, "reason",
				code == -ECANCELED ? "stopped by the user" : "timed out"),
			&ignored);
}

/* mx held. Of a program that ends just now, how it ended is told to this wait as to the others. */
static bool is_about_to_end(struct mcp *m, struct mcp_wait *w)
{
	ASSERT(lock_is_mine(&m->mx) && w->m == m);
	if (!w->done && m->gone)
		finish(m, w, E_PROVIDER_BROKEN, m->end);
	return w->done || m->process;
}

int mcp_exchange(struct mcp *m, const char *method, json_t *params, const char *const *headers,
	const struct tool_run *run, struct mcp_answer *ret, struct err *e)
{
	struct mcp_wait w = {.m = m,
		.run = run,
		.is_call = strcmp(method, "tools/call") == 0,
		.idle_ms = m->c.timeout_ms,
		.news = json_array(),
		.questions = json_array()};
	struct cancel_hook hook;
	ASSERT(thread_may_wait());
	ASSERT_IS(m, MCP_MAGIC);
	bool hooked = run->cancel && cancel_on(run->cancel, &hook, on_cancel, &w) == 0;
	int r = run->cancel && !hooked ? err_set(e, -ECANCELED, "The call of %s was stopped.", m->c.label) : 0;

	pthread_mutex_lock(&m->mx);
	w.id = ++m->last_id;
	w.next = m->waits;
	m->waits = &w;
	pthread_mutex_unlock(&m->mx);
	CLEANUP(json_decrefp) json_t *own = with_meta(m, params, w.id, run), *o = envelope(method, own);
	json_object_set_new(o, "id", json_integer(w.id));
	struct err lost = {0};
	bool begun = r == 0;
	if (begun)
		r = send_text(m, w.id, o, headers, &lost);
	pthread_mutex_lock(&m->mx);
	bool sent = begun && (r == 0 || (r == -EPIPE && is_about_to_end(m, &w)));
	if (sent)
		r = wait_for(m, &w, e);
	else if (begun && e && !e->code)
		*e = lost;
	unlink_wait(m, &w);
	pthread_mutex_unlock(&m->mx);
	if (hooked)
		cancel_off(run->cancel, &hook);
	if (sent && r < 0)
		abandon(m, w.id, r);
	if (r == 0 && w.code < 0)
		r = err_set(e, w.code, "%s: %s.", m->c.label, w.why);
	json_decref(w.news);
	json_decref(w.questions);
	*ret = (struct mcp_answer){.result = w.result, .error = w.error, .status = w.status};
	return r;
}

void mcp_answer_done(struct mcp_answer *a)
{
	json_decref(a->result);
	json_decref(a->error);
	*a = (struct mcp_answer){0};
}

int mcp_error(struct mcp *m, const json_t *error, struct err *e)
{
	const char *text = json_get_str(error, "message");

	return err_set(e, E_PROVIDER, "%s: %.200s", m->c.label, text && *text ? text : "it refused without a word");
}
