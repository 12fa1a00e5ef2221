/* mcp_open.c - how a connection begins: which of the two eras a server speaks, and what both agree on; and how it ends. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "tool/mcp_priv.h"

enum {
	ERR_HEADERS = -32020,
	ERR_CAPABILITY = -32021,
	ERR_VERSION = -32022,
	ERR_METHOD = -32601,
	GRACE_MS = 150,
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 60000
};

static const char *const legacy_versions[] = {MCP_LEGACY_VERSION, "2025-06-18", "2025-03-26", "2024-11-05"};

/* ---- modern ---- */

static bool has_version(const json_t *list, const char *version)
{
	const json_t *item;
	size_t i;

	json_array_foreach(
		list, i, item) if (json_is_string(item) && strcmp(json_string_value(item), version) == 0) return true;
	return false;
}

static void keep_about(struct mcp *m, json_t *about, const char *version)
{
	pthread_mutex_lock(&m->mx);
	ASSERT(m->state == MCP_OPENING); /* by who opens it */
	json_decref(m->about);
	m->about = about;
	json_object_set_new(about, "protocolVersion", json_string(version));
	snprintf(m->version, sizeof(m->version), "%s", version);
	pthread_mutex_unlock(&m->mx);
}

static void set_era(struct mcp *m, enum mcp_era era, const char *version)
{
	pthread_mutex_lock(&m->mx);
	ASSERT(m->state == MCP_OPENING);
	m->era = era;
	snprintf(m->version, sizeof(m->version), "%s", version);
	pthread_mutex_unlock(&m->mx);
}

/* 1: it is modern; 0: it is not, and may be asked in the old way; negative: neither. */
static int try_modern(struct mcp *m, const struct tool_run *run, struct err *e)
{
	CLEANUP(mcp_answer_done) struct mcp_answer got = {0};
	struct err mine = {0};
	const char *const headers[] = {"Mcp-Method: server/discover", NULL};

	set_era(m, MCP_MODERN, MCP_MODERN_VERSION);
	int r = mcp_exchange(m, "server/discover", NULL, headers, run, &got, &mine);
	const json_t *versions = json_object_get(got.result, "supportedVersions");
	int64_t code = json_get_i64(got.error, "code", 0);
	if (r == 0 && got.error && (code == ERR_VERSION || code == ERR_HEADERS || code == ERR_CAPABILITY)) {
		versions = json_object_get(json_object_get(got.error, "data"), "supported");
		if (code == ERR_VERSION && !has_version(versions, MCP_MODERN_VERSION))
			return err_set(e, E_PROVIDER, "%s speaks none of the revisions of MCP that Atelier knows.",
				m->c.label);
		r = 1;
	} else if (r == 0 && has_version(versions, MCP_MODERN_VERSION)) {
		keep_about(m, json_incref(got.result), MCP_MODERN_VERSION);
		return 1;
	}
	if (r == 1) { /* it knows that revision, but takes this request not */
		keep_about(m, json_object(), MCP_MODERN_VERSION);
		return 1;
	}
	/* No evidence of an era: who may not, who is not there, who was stopped. */
	if (r == -ECANCELED || r == E_PROVIDER_DOWN || r == E_NOT_IMPLEMENTED || r == E_FORBIDDEN ||
		got.status == 401 || got.status == 403 || got.status / 100 == 5)
		return err_set(e,
			got.status == 401 ? E_UNAUTHORIZED
			: r < 0           ? r
					  : E_PROVIDER,
			"%s",
			got.status == 401 ? "It wants to know who asks: sign in, or give a key."
			: mine.msg[0]     ? mine.msg
					  : "It refused.");
	return 0;
}

/* ---- legacy ---- */

static int try_legacy(struct mcp *m, const struct tool_run *run, struct err *e)
{
	CLEANUP(mcp_answer_done) struct mcp_answer got = {0};
	json_t *params = json_pack("{s:s,s:o,s:{s:s,s:s}}", "protocolVersion", MCP_LEGACY_VERSION, "capabilities",
		mcp_capabilities(true), "clientInfo", "name", "atelier", "version", ATELIER_VERSION);
	struct err ignored = {0};

	set_era(m, MCP_LEGACY, "");
	int r = mcp_exchange(m, "initialize", params, NULL, run, &got, e);
	if (r < 0 && got.status == 401)
		return E_UNAUTHORIZED;
	if (r < 0)
		return r;
	if (got.error && json_get_i64(got.error, "code", 0) == ERR_VERSION)
		return 1; /* it is modern after all */
	if (got.error)
		return mcp_error(m, got.error, e);
	const char *version = json_get_str(got.result, "protocolVersion");
	for (size_t i = 0; version && i < N_ELEMENTS(legacy_versions); i++) {
		if (strcmp(version, legacy_versions[i]) != 0)
			continue;
		keep_about(m, json_incref(got.result), legacy_versions[i]);
		(void)mcp_notify(m, "notifications/initialized", NULL, &ignored);
		if (m->c.url) {
			mcp_http_settle(m); /* what follows may not overtake it */
			mcp_http_listen(m, NULL, 0);
		}
		return 0;
	}
	return err_set(e, E_PROVIDER, "%s speaks a revision of MCP that Atelier does not know: %.20s.", m->c.label,
		version ? version : "it does not say which");
}

/* ---- open ---- */

static bool is_gone(struct mcp *m)
{
	pthread_mutex_lock(&m->mx);
	bool gone = m->gone;
	pthread_mutex_unlock(&m->mx);
	return gone;
}

/* A process that has heard the first word of the wrong era may refuse the other one, or have ended. */
static int restart(struct mcp *m, struct err *e)
{
	if (m->c.url)
		return 0;
	mcp_stdio_stop(m, GRACE_MS);
	pthread_mutex_lock(&m->mx);
	m->gone = false;
	pthread_mutex_unlock(&m->mx);
	return mcp_stdio_start(m, e);
}

static int agree(struct mcp *m, const struct tool_run *run, struct err *e)
{
	enum mcp_era era = m->c.era != MCP_AUTO ? m->c.era : m->known;
	int r = m->c.url ? 0 : mcp_stdio_start(m, e);

	if (r == 0 && era != MCP_LEGACY) {
		r = try_modern(m, run, e);
		if (r == 1) {
			mcp_listen(m);
			return 0;
		}
		if (r == 0 && m->c.era == MCP_MODERN)
			return err_set(e, E_PROVIDER, "%s does not speak the revision " MCP_MODERN_VERSION " of MCP.",
				m->c.label);
		if (r == 0 && is_gone(m))
			r = restart(m, e);
	}
	if (r == 0)
		r = try_legacy(m, run, e);
	if (r == 1) {
		r = restart(m, e);
		if (r == 0)
			r = try_modern(m, run, e);
		if (r == 1)
			mcp_listen(m);
		r = r == 1 ? 0 : r == 0 ? err_set(e, E_PROVIDER, "%s speaks no revision of MCP.", m->c.label) : r;
	}
	return r;
}

/* Not again at once, and not for ever. mx held. */
static void note_crash(struct mcp *m)
{
	ASSERT(lock_is_mine(&m->mx));
	m->crashes++;
	m->not_before_ms = clock_mono_ms() + MIN(BACKOFF_MS << MIN(m->crashes - 1, 7u), BACKOFF_MAX_MS);
}

/* mx held, and given up meanwhile. 0: it is ours to open; 1: it is open. */
static int await_turn(struct mcp *m, const struct tool_run *run, struct err *e)
{
	ASSERT(lock_is_mine(&m->mx));
	while (m->state == MCP_OPENING) {
		struct timespec at;

		pthread_mutex_unlock(&m->mx);
		bool stopped = run->cancel && cancel_reason(run->cancel);
		pthread_mutex_lock(&m->mx);
		if (stopped)
			return err_set(e, -ECANCELED, "The call of %s was stopped.", m->c.label);
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_nsec += 100000000;
		if (at.tv_nsec >= 1000000000) {
			at.tv_sec++;
			at.tv_nsec -= 1000000000;
		}
		if (m->state == MCP_OPENING)
			(void)pthread_cond_clockwait(&m->cv, &m->mx, CLOCK_MONOTONIC, &at);
	}
	if (m->state == MCP_OPEN && !m->gone)
		return 1;
	int64_t wait = m->not_before_ms - clock_mono_ms();
	if (m->state == MCP_CLOSED && wait > 0)
		return err_set(e, E_PROVIDER_DOWN, "%s ended %u times in a row; it is started again in %d seconds.",
			m->c.label, m->crashes, (int)(wait / 1000) + 1);
	return 0;
}

int mcp_open(struct mcp *m, const struct tool_run *run, struct err *e)
{
	pthread_mutex_lock(&m->mx);
	int r = await_turn(m, run, e);
	bool crashed = r == 0 && m->state == MCP_OPEN;
	ASSERT_IS(m, MCP_MAGIC);
	ASSERT(thread_may_wait());
	if (r == 0) {
		if (crashed)
			note_crash(m);
		m->state = MCP_OPENING;
	}
	pthread_mutex_unlock(&m->mx);
	if (r != 0)
		return r < 0 ? r : 0;
	mcp_shut(m);
	r = agree(m, run, e);
	if (r < 0)
		mcp_shut(m);
	pthread_mutex_lock(&m->mx);
	ASSERT(m->state == MCP_OPENING); /* whoever opens it is alone with it */
	if (r == 0) {
		m->known = m->era;
		m->state = MCP_OPEN;
	} else {
		m->state = MCP_CLOSED;
		if (!m->c.url && r != -ECANCELED)
			note_crash(m);
	}
	pthread_cond_broadcast(&m->cv);
	pthread_mutex_unlock(&m->mx);
	return r;
}

void mcp_shut(struct mcp *m)
{
	ASSERT(thread_may_wait());
	ASSERT_IS(m, MCP_MAGIC);
	if (m->c.url)
		mcp_http_drop(m, 0);
	else
		mcp_stdio_stop(m, GRACE_MS);
	pthread_mutex_lock(&m->mx);
	m->gone = m->listening = m->listed = m->call_stopped = false;
	m->session[0] = m->version[0] = '\0';
	json_decref(m->about);
	m->about = NULL;
	pthread_mutex_unlock(&m->mx);
}
