/* mcp_server.c - what a server tells and asks by itself: progress, changed lists, and questions to the person. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "tool/mcp_priv.h"

enum { NEWS_MAX = 256, QUESTIONS_MAX = 16 };

json_t *mcp_capabilities(bool asks)
{
	return asks ? json_pack("{s:{s:{},s:{}}}", "elicitation", "form", "url") : json_object();
}

/* ---- notices ---- */

static void note_progress(struct mcp *m, const json_t *params)
{
	const json_t *token = json_object_get(params, "progressToken");

	pthread_mutex_lock(&m->mx);
	for (struct mcp_wait *w = m->waits; w; w = w->next) {
		if (w->done || !json_is_integer(token) || json_integer_value(token) != w->id)
			continue;
		w->heard_ms = clock_mono_ms();
		if (json_array_size(w->news) == NEWS_MAX)
			json_array_remove(w->news, 0);
		json_array_append_new(w->news, json_deep_copy(params));
		pthread_cond_broadcast(&m->cv);
	}
	pthread_mutex_unlock(&m->mx);
}

void mcp_take_notice(struct mcp *m, const json_t *notice)
{
	const char *method = json_get_str(notice, "method");
	const json_t *params = json_object_get(notice, "params");

	if (strcmp(method, "notifications/progress") == 0)
		note_progress(m, params);
	else if (strcmp(method, "notifications/tools/list_changed") == 0 && m->c.changed)
		m->c.changed(m->c.arg);
}

/* ---- requests ---- */

static void answer(struct mcp *m, const json_t *id, json_t *result, json_t *error)
{
	CLEANUP(json_decrefp) json_t *o = json_pack("{s:s,s:O}", "jsonrpc", "2.0", "id", id);
	struct err e = {0};

	json_object_set_new(o, result ? "result" : "error", result ? result : error);
	if (mcp_send(m, o, &e) < 0)
		log_debug("mcp", "%s could not be answered: %s", m->c.label, e.msg);
}

/* The call that it belongs to: that of the exchange, else the latest of those whose person can be asked. mx held. */
static struct mcp_wait *asker(struct mcp *m, int64_t exchange)
{
	struct mcp_wait *w = m->waits;

	ASSERT(lock_is_mine(&m->mx));
	while (w && (w->done || !w->run->ask || (exchange && w->id != exchange) ||
			    json_array_size(w->questions) >= QUESTIONS_MAX))
		w = w->next;
	return w;
}

void mcp_take_request(struct mcp *m, int64_t exchange, const json_t *request)
{
	const char *method = json_get_str(request, "method");
	const json_t *id = json_object_get(request, "id");

	if (strcmp(method, "ping") == 0) {
		answer(m, id, json_object(), NULL);
		return;
	}
	if (strcmp(method, "elicitation/create") != 0) {
		/* Its own model, and folders, are no affair of a server's: its program has what was granted. */
		answer(m, id, NULL,
			json_pack("{s:i,s:s+}", "code", -32601, "message", "Atelier does not do this for servers: ",
				strlen(method) > 100 ? "a method of a long name" : method));
		return;
	}
	pthread_mutex_lock(&m->mx);
	struct mcp_wait *w = asker(m, exchange);
	if (w) {
		json_array_append_new(w->questions, json_deep_copy(request));
		pthread_cond_broadcast(&m->cv);
	}
	pthread_mutex_unlock(&m->mx);
	if (!w)
		answer(m, id, json_pack("{s:s}", "action", "cancel"), NULL);
}

/* ---- questions ---- */

/* What the form says stands there unless the person changes it. */
static void add_defaults(json_t *content, const json_t *schema)
{
	const char *key;
	json_t *property;

	json_object_foreach(json_object_get(schema, "properties"), key, property)
	{
		json_t *value = json_object_get(property, "default");

		if (value && !json_object_get(content, key))
			json_object_set(content, key, value);
	}
}

int mcp_ask(struct mcp *m, const struct tool_run *run, const char *method, const json_t *params, json_t **ret,
	struct err *e)
{
	CLEANUP(buf_done) struct buf schema = BUF_INIT(1 << 20), said = BUF_INIT(1 << 20);
	const char *mode = json_get_str(params, "mode"), *message = json_get_str(params, "message");
	const json_t *wanted = json_object_get(params, "requestedSchema");
	bool by_url = mode && strcmp(mode, "url") == 0;
	int r;

	ASSERT(thread_may_wait()); /* for a person */
	if (strcmp(method, "elicitation/create") != 0)
		return err_set(
			e, E_PROVIDER, "%s asks for something that Atelier does not give: %.60s.", m->c.label, method);
	if (!run->ask) {
		*ret = json_pack("{s:s}", "action", "cancel");
		return 0;
	}
	if (!by_url) {
		json_add_value(&schema, wanted);
		if ((r = buf_check(&schema, e, "A question of a tool is too large.")) < 0)
			return r;
	}
	r = run->ask(run->arg, m->c.label, message ? message : "", by_url ? NULL : schema.p,
		by_url ? json_get_str(params, "url") : NULL, &said, e);
	if (r < 0)
		return r;
	r = json_read(said.p ? said.p : "", said.n, JSON_MEMORY, JSON_READ_LOOSE, ret, e);
	if (r < 0)
		return r;
	const char *action = json_get_str(*ret, "action");
	if (action && strcmp(action, "accept") == 0 && !by_url) {
		if (!json_object_get(*ret, "content"))
			json_object_set_new(*ret, "content", json_object());
		add_defaults(json_object_get(*ret, "content"), wanted);
	}
	return 0;
}

void mcp_answer_question(struct mcp *m, const struct tool_run *run, const json_t *question)
{
	json_t *said = NULL;
	struct err e = {0};

	if (mcp_ask(m, run, json_get_str(question, "method"), json_object_get(question, "params"), &said, &e) < 0)
		said = json_pack("{s:s}", "action", "cancel");
	answer(m, json_object_get(question, "id"), said, NULL);
}
