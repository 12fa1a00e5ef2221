/*
 * mcp_kind.c - the kinds `mcp-stdio` and `mcp-http` of tool servers: which connections are kept, for whom and how long. A person has one
 * to each server that they use, which all their conversations share; it ends when it has been idle, or the server was changed.
 *
 *	mcp-stdio  {"command": "/usr/bin/node", "args": [..], "env": {..}, "read": ["/folder"], "write": ["/folder"],
 *	            "hosts": ["api.example.org", ...], "timeout_s", "idle_s"}
 *	           secrets {"env": {..}}
 *	mcp-http   {"url": "https://..", "headers": {..}, "timeout_s", "idle_s"}
 *	           secrets {"bearer": "..", "headers": {..}}
 */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/url.h"
#include "store/tool_servers.h"
#include "sys/bus.h"
#include "sys/loop.h"
#include "sys/thread.h"
#include "tool/gate.h"
#include "tool/mcp.h"
#include "tool/mcp_oauth.h"
#include "tool/tool_priv.h"

enum {
	PROGRAMS_MAX = 128,
	WORDS_MAX = 128,
	FOLDERS_MAX = 14,
	IDLE_S = 300,
	TIMEOUT_S = 60,
	REFRESH_LEAST_MS = 10000,
	IDLE_MAX = 32
};
#define MCP_STDIO "mcp-stdio"
#define MCP_HTTP  "mcp-http"

/* ---- what is kept ---- */

struct kept {
	unsigned magic; /* KEPT_MAGIC */
#define KEPT_MAGIC 0x6b657074u
	struct kept *next;
	struct kinds_state *state;
	atelier_id server_id, user_id;
	unsigned char made_of[16]; /* configuration and secrets */
	struct mcp *mcp;
	unsigned used;
	bool gone;  /* not for anybody who comes now */
	bool stale; /* its tools are others than they were */
	int64_t idle_ms, refreshed_ms;
};

struct kinds_state {
	unsigned magic; /* KINDS_MAGIC */
#define KINDS_MAGIC 0x6b696e64u
	struct tools *tools;
	struct mcp_shared *shared;
	pthread_t thread;         /* ends what is idle, and asks anew what has changed */
	pthread_mutex_t renewing; /* one token at a time; never held with mx */
	pthread_mutex_t mx;
	pthread_cond_t cv;
	struct kept *kept;
	bool stopping;
};

/* When it is to end, if nobody uses it until then; 0: at once; INT64_MAX: not by itself. mx held. */
static int64_t ends_at(const struct kept *k)
{
	int64_t since = k->used ? 0 : mcp_idle_since(k->mcp);

	ASSERT(lock_is_mine(&k->state->mx));
	return k->used ? INT64_MAX : k->gone ? 0 : since ? since + k->idle_ms : INT64_MAX;
}

/* mx held. One to be freed without the lock: whose time is over, or, of too many that are idle, whose time is over first. */
static struct kept *take_dead(struct kinds_state *st, int64_t now, int64_t *ret_next)
{
	struct kept **first = NULL, *k;
	int64_t next = INT64_MAX;
	unsigned idle = 0;

	ASSERT(lock_is_mine(&st->mx));
	for (struct kept **at = &st->kept; *at; at = &(*at)->next) {
		int64_t ends = ends_at(*at);

		idle += ends < INT64_MAX;
		if (ends < next) {
			next = ends;
			first = at;
		}
	}
	if (!first || (next > now && idle <= IDLE_MAX)) {
		*ret_next = MIN(*ret_next, next);
		return NULL;
	}
	k = *first;
	ASSERT(k->used == 0);
	*first = k->next;
	k->next = NULL;
	return k;
}

static void free_all(struct kept *dead)
{
	while (dead) {
		struct kept *k = dead;

		dead = k->next;
		ASSERT(k->used == 0);
		mcp_free(k->mcp);
		MAGIC_END(k, KEPT_MAGIC);
		free(k);
	}
}

static struct kept *take_stale(struct kinds_state *st, int64_t now, int64_t *ret_next)
{
	ASSERT(lock_is_mine(&st->mx));
	for (struct kept *k = st->kept; k; k = k->next) {
		int64_t may = k->refreshed_ms ? k->refreshed_ms + REFRESH_LEAST_MS : 0;

		if (!k->stale || k->gone)
			continue;
		if (may > now) {
			*ret_next = MIN(*ret_next, may);
			continue;
		}
		k->stale = false;
		k->refreshed_ms = now;
		return k;
	}
	return NULL;
}

static void refresh_row(struct tools *t, atelier_id server_id, atelier_id user_id)
{
	CLEANUP(arena_done) struct arena a;
	struct tool_server s;
	struct err e = {0};
	int r;

	ASSERT(thread_may_wait() && server_id);
	arena_init(&a, (size_t)32 << 20);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
		r = tool_servers_get(c, user_id, server_id, GRANT_USE, &a, &s, &e);
	}
	if (r == 0 && s.enabled && tool_server_refresh(t, &s, user_id, &e) == 0 && t->config.bus)
		bus_publish_changed(t->config.bus, BUS_TOOLS);
}

static void *keep(void *arg)
{
	struct kinds_state *st = arg;

	ASSERT_IS(st, KINDS_MAGIC);
	pthread_mutex_lock(&st->mx);
	while (!st->stopping) {
		int64_t now = clock_mono_ms(), next = INT64_MAX;
		struct kept *dead = take_dead(st, now, &next), *stale = take_stale(st, now, &next);
		atelier_id server_id = stale ? stale->server_id : 0, user_id = stale ? stale->user_id : 0;

		if (!dead && !stale) {
			if (next == INT64_MAX)
				pthread_cond_wait(&st->cv, &st->mx);
			else
				(void)clock_wait(&st->cv, &st->mx, next);
			continue;
		}
		pthread_mutex_unlock(&st->mx);
		free_all(dead);
		if (stale)
			refresh_row(st->tools, server_id, user_id);
		pthread_mutex_lock(&st->mx);
	}
	pthread_mutex_unlock(&st->mx);
	return NULL;
}

static void on_changed(void *arg)
{
	struct kept *k = arg;

	ASSERT_IS(k, KEPT_MAGIC);
	pthread_mutex_lock(&k->state->mx);
	k->stale = true;
	pthread_cond_signal(&k->state->cv);
	pthread_mutex_unlock(&k->state->mx);
}

/* ---- configurations ---- */

static bool is_texts(const json_t *v, bool object)
{
	const json_t *item;
	const char *key;
	json_t *member;
	size_t i;

	if (!v)
		return true;
	if (object ? !json_is_object(v) : !json_is_array(v))
		return false;
	json_array_foreach(v, i, item) if (!json_is_string(item)) return false;
	json_object_foreach((json_t *)v, key, member) if (!json_is_string(member)) return false;
	return true;
}

static int check_seconds(const json_t *config, struct err *e)
{
	static const char *const names[] = {"timeout_s", "idle_s"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const json_t *v = json_object_get(config, names[i]);

		if (v && (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > 3600))
			return err_set(e, E_INVALID, "\"%s\" is a number of seconds from 1 to 3600.", names[i]);
	}
	return 0;
}

static int check_folders(const json_t *folders, const char *name, struct err *e)
{
	const json_t *item;
	size_t i;

	if (!is_texts(folders, false) || json_array_size(folders) > FOLDERS_MAX)
		return err_set(e, E_INVALID, "\"%s\" must be a list of at most %d folders.", name, FOLDERS_MAX);
	json_array_foreach(folders, i, item) if (json_string_value(item)[0] != '/') return err_set(
		e, E_INVALID, "Each folder of \"%s\" begins with /.", name);
	return 0;
}

static int check_stdio(const json_t *config, struct err *e)
{
	const char *command = json_get_str(config, "command");
	int r = check_seconds(config, e);

	if (r < 0)
		return r;
	if (!command || !*command || (*command != '/' && strchr(command, '/')))
		return err_set(e, E_INVALID, "\"command\" must be the path of a program, or its name in /usr/bin.");
	if (!is_texts(json_object_get(config, "args"), false) ||
		json_array_size(json_object_get(config, "args")) > WORDS_MAX - 2)
		return err_set(e, E_INVALID, "\"args\" must be a list of texts.");
	if (!is_texts(json_object_get(config, "env"), true) ||
		json_object_size(json_object_get(config, "env")) > WORDS_MAX / 4)
		return err_set(e, E_INVALID, "\"env\" must be an object of texts.");
	r = check_folders(json_object_get(config, "read"), "read", e);
	if (r == 0)
		r = check_folders(json_object_get(config, "write"), "write", e);
	return r < 0 ? r : gate_check_hosts(json_object_get(config, "hosts"), e);
}

static int check_http(const json_t *config, struct err *e)
{
	const char *url = json_get_str(config, "url");
	struct http_url parts;
	int r = check_seconds(config, e);

	if (r < 0)
		return r;
	if (!url || !http_url_read(url, &parts) || parts.has_user)
		return err_set(e, E_INVALID,
			"\"url\" must begin with http:// or https://, and has no user or password in it.");
	if (!is_texts(json_object_get(config, "headers"), true) ||
		json_object_size(json_object_get(config, "headers")) > WORDS_MAX / 4)
		return err_set(e, E_INVALID, "\"headers\" must be an object of texts.");
	return 0;
}

/* ---- from a configuration to a connection ---- */

struct words {
	const char *items[WORDS_MAX];
	size_t n;
};

static void add_word(struct words *w, const char *word)
{
	if (word && w->n < WORDS_MAX - 1)
		w->items[w->n++] = word;
}

static void add_list(struct words *w, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) add_word(w, json_string_value(item));
}

/* "NAME=value", "Name: value". */
static void add_pairs(struct words *w, const json_t *pairs, const char *between, struct arena *a)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)pairs, key, v) if (json_is_string(v))
		add_word(w, arena_printf(a, "%s%s%s", key, between, json_string_value(v)));
}

/* What this program keeps is granted to nobody, whatever links lead there. */
static int check_grants(struct tools *t, const struct words *folders, struct err *e)
{
	char data[PATH_MAX], real[PATH_MAX];

	for (size_t i = 0; i < folders->n; i++) {
		if (!realpath(folders->items[i], real))
			return err_set(
				e, E_INVALID, "%.150s cannot be granted: %s.", folders->items[i], strerror(errno));
		size_t n = strlen(real);
		if (t->config.folder && realpath(t->config.folder, data) &&
			(strcmp(real, "/") == 0 || (strncmp(data, real, n) == 0 && (data[n] == '/' || !data[n])) ||
				(strncmp(real, data, strlen(data)) == 0 &&
					(real[strlen(data)] == '/' || !real[strlen(data)]))))
			return err_set(e, E_FORBIDDEN, "%.150s cannot be granted: the data of Atelier is there.",
				folders->items[i]);
	}
	return 0;
}

struct making {
	struct words argv, env, read, write, headers, hosts;
	struct mcp_config config;
};

static int make_stdio(struct tools *t, const struct server_use *s, struct making *m, struct arena *a, struct err *e)
{
	const char *command = json_get_str(s->config, "command");
	int r;

	add_word(&m->argv, *command == '/' ? command : arena_printf(a, "/usr/bin/%s", command));
	add_list(&m->argv, json_object_get(s->config, "args"));
	add_word(&m->env, "PATH=/usr/bin:/bin");
	add_word(&m->env, "HOME=/tmp");
	add_word(&m->env, "LANG=C.UTF-8");
	add_pairs(&m->env, json_object_get(s->config, "env"), "=", a);
	add_pairs(&m->env, json_object_get(s->secrets, "env"), "=", a);
	add_list(&m->hosts, json_object_get(s->config, "hosts"));
	for (const char *const *p = gate_env; m->hosts.n && *p; p++)
		add_word(&m->env, *p);
	add_list(&m->read, json_object_get(s->config, "read"));
	add_list(&m->write, json_object_get(s->config, "write"));
	if (!s->of_admin && m->read.n + m->write.n > 0)
		return err_set(e, E_FORBIDDEN, "Only an administrator may grant folders of this machine.");
	if ((r = check_grants(t, &m->read, e)) < 0 || (r = check_grants(t, &m->write, e)) < 0)
		return r;
	for (const char *const *p = gate_readable(); m->hosts.n && *p; p++)
		add_word(&m->read, *p);
	m->config.hosts = m->hosts.items;
	m->config.also = t->config.settings->tool_networks;
	m->config.program = (struct sandbox){.argv = m->argv.items,
		.env = m->env.items,
		.readable = m->read.items,
		.writable = m->write.n ? m->write.items[0] : NULL,
		.grants = m->write.n ? m->write.items + 1 : NULL,
		.least = SANDBOX_NAMESPACES};
	return 0;
}

static void make_http(struct tools *t, const struct server_use *s, struct making *m, struct arena *a)
{
	const char *bearer = json_get_str(s->secrets, "bearer"),
		   *token = json_get_str(json_object_get(s->secrets, "oauth"), "access_token");

	add_pairs(&m->headers, json_object_get(s->config, "headers"), ": ", a);
	add_pairs(&m->headers, json_object_get(s->secrets, "headers"), ": ", a);
	if (bearer || token)
		add_word(&m->headers, arena_printf(a, "Authorization: Bearer %s", bearer ? bearer : token));
	m->config.url = json_get_str(s->config, "url");
	m->config.headers = m->headers.items;
	m->config.public_only = !s->of_admin;
	m->config.also = t->config.settings->tool_networks;
}

static struct kept *make(struct kinds_state *st, const struct server_use *s, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	struct making *m = xcalloc(1, sizeof(*m));
	struct kept *k = xcalloc(1, sizeof(*k));
	int r = 0;

	arena_init(&a, 1 << 20);
	ASSERT(lock_is_mine(&st->mx)); /* two at once would make two connections */
	*k = (struct kept){.magic = KEPT_MAGIC,
		.state = st,
		.server_id = s->id,
		.user_id = s->user_id,
		.idle_ms = json_get_i64(s->config, "idle_s", IDLE_S) * 1000};
	m->config = (struct mcp_config){.label = s->name,
		.timeout_ms = json_get_i64(s->config, "timeout_s", TIMEOUT_S) * 1000,
		.changed = on_changed,
		.arg = k};
	if (json_get_str(s->config, "url"))
		make_http(st->tools, s, m, &a);
	else
		r = make_stdio(st->tools, s, m, &a, e);
	if (r == 0)
		r = mcp_new(st->shared, &m->config, &k->mcp, e);
	free(m);
	if (r == 0)
		return k;
	free(k);
	return NULL;
}

/* ---- using one ---- */

static void fingerprint(const struct server_use *s, unsigned char ret[16])
{
	crypto_generichash_state state;
	const json_t *const parts[] = {s->config, s->secrets};
	unsigned char rights = s->of_admin;

	crypto_generichash_init(&state, NULL, 0, 16);
	crypto_generichash_update(&state, &rights, 1);
	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		CLEANUP(buf_wipe) struct buf text = BUF_INIT(1 << 20);

		json_add_value(&text, parts[i]);
		crypto_generichash_update(&state, (const unsigned char *)(text.p ? text.p : ""), text.n + 1);
	}
	crypto_generichash_final(&state, ret, 16);
}

/* mx held. */
static struct kept *find(struct kinds_state *st, const struct server_use *s, const unsigned char made_of[16])
{
	ASSERT(lock_is_mine(&st->mx) && s->id); /* one that is only tried is nobody else's */
	for (struct kept *k = st->kept; k; k = k->next) {
		if (k->server_id != s->id || k->user_id != s->user_id || k->gone)
			continue;
		if (memcmp(k->made_of, made_of, 16) == 0)
			return k;
		k->gone = true; /* of an earlier configuration */
	}
	return NULL;
}

/* A server that is only tried (id 0) is nobody else's. */
static int borrow(struct kinds_state *st, const struct server_use *s, struct kept **ret, struct err *e)
{
	unsigned char made_of[16];
	struct kept *k = NULL;

	fingerprint(s, made_of);
	pthread_mutex_lock(&st->mx);
	if (s->id)
		k = find(st, s, made_of);
	if (!k && (k = make(st, s, e)) != NULL) {
		memcpy(k->made_of, made_of, sizeof(made_of));
		k->gone = s->id == 0;
		k->next = st->kept;
		st->kept = k;
	}
	if (k)
		k->used++;
	pthread_mutex_unlock(&st->mx);
	*ret = k;
	return k ? 0 : err_set(e, -ENOMEM, "There is no memory for a tool server.");
}

static void give_back(struct kept *k)
{
	struct kinds_state *st = k->state;

	ASSERT_IS(k, KEPT_MAGIC);
	pthread_mutex_lock(&st->mx);
	ASSERT(k->used > 0); /* given back once */
	k->used--;
	pthread_cond_signal(&st->cv); /* when it is idle is to be known */
	pthread_mutex_unlock(&st->mx);
}

/* ---- tools ---- */

static unsigned hints_of(const json_t *annotations)
{
	bool reads = json_is_true(json_object_get(annotations, "readOnlyHint"));
	unsigned hints = reads ? TOOL_READS : 0;

	if (reads || json_is_true(json_object_get(annotations, "idempotentHint")))
		hints |= TOOL_IDEMPOTENT;
	if (!reads && !json_is_false(json_object_get(annotations, "destructiveHint")))
		hints |= TOOL_DESTROYS;
	if (!json_is_false(json_object_get(annotations, "openWorldHint")))
		hints |= TOOL_OUTSIDE;
	return hints;
}

/* NULL: one that cannot be offered. */
static json_t *entry_of(const json_t *tool)
{
	const json_t *annotations = json_object_get(tool, "annotations");
	const char *name = json_get_str(tool, "name"), *title = json_get_str(tool, "title"),
		   *description = json_get_str(tool, "description");
	json_t *schema = json_deep_copy(json_object_get(tool, "inputSchema"));

	if (!name || !*name || !json_is_object(schema)) {
		json_decref(schema);
		return NULL;
	}
	json_object_del(schema, "$schema");
	return json_pack("{s:s,s:s,s:s,s:o,s:i}", "name", name, "title",
		title                                ? title
		: json_get_str(annotations, "title") ? json_get_str(annotations, "title")
						     : name,
		"description", description ? description : "", "parameters", schema, "hints",
		(int)hints_of(annotations));
}

static struct kinds_state *state_of(struct tools *t, const char *kind)
{
	struct kinds_state *st = tools_kind_state(t, strcmp(kind, MCP_HTTP) == 0 ? &mcp_http_kind : &mcp_stdio_kind);

	ASSERT_IS(st, KINDS_MAGIC);
	return st;
}

/* ---- who signed in (mcp_oauth.h) ---- */

/* The stored secrets, with a token that is not about to end. *ret: the caller's. */
static int exchange_token(struct tools *t, const struct tool_secret_place *at, bool anywhere, struct cancel *c,
	json_t **ret, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	CLEANUP(json_decrefp) json_t *all = NULL;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT(VAULT_MAX);
	const char *stored = NULL;
	json_t *fresh = NULL;
	int r;

	arena_init(&a, 1 << 20);
	{
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(t->config.db);
		r = tool_secrets_get(db, at, &a, &stored, e);
	}
	if (r == 0)
		r = stored ? json_parse(stored, strlen(stored), &all, e) : err_set(e, E_UNAUTHORIZED, "Sign in again.");
	/* Another call may have done it meanwhile: a renewal is good for once. */
	if (r == 0 && mcp_login_is_old(json_object_get(all, "oauth"))) {
		r = mcp_login_renew(t, anywhere, json_object_get(all, "oauth"), c, &fresh, e);
		if (r == 0) {
			json_object_set_new(all, "oauth", fresh);
			json_add_value(&text, all);
			r = buf_check(&text, e, "What opens a tool server is too long.");
		}
		if (r == 0)
			r = tool_secrets_set(t->config.db, at, text.p, e);
	}
	if (r == 0)
		*ret = TAKE_PTR(all);
	return r;
}

/* A token that is about to end is renewed before it is used: in `s` too, since what was sent is hidden in what comes back. */
static int renew(struct tools *t, const struct server_use *s, struct cancel *c, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	CLEANUP(json_decrefp) json_t *now = NULL;
	struct kinds_state *st = state_of(t, s->kind);
	struct tool_server row;
	int r;

	arena_init(&a, (size_t)16 << 20);
	if (!s->id || !mcp_login_is_old(json_object_get(s->secrets, "oauth")))
		return 0;
	{
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(t->config.db);
		r = tool_servers_get(db, s->user_id, s->id, GRANT_USE, &a, &row, e);
	}
	if (r < 0)
		return r;
	const struct tool_secret_place at = {
		t->config.vault, s->id, row.per_user ? s->user_id : 0, tool_server_bound(&row, &a)};
	pthread_mutex_lock(&st->renewing);
	r = exchange_token(t, &at, s->of_admin, c, &now, e);
	pthread_mutex_unlock(&st->renewing);
	if (r == 0)
		json_object_set((json_t *)s->secrets, "oauth", json_object_get(now, "oauth"));
	return r;
}

/* What a call that wanted more rights than were given was told; NULL: there was none. */
static const char *wants_more(struct kinds_state *st, atelier_id server_id, atelier_id user_id, struct arena *a)
{
	const char *found = NULL;

	pthread_mutex_lock(&st->mx);
	for (struct kept *k = st->kept; k && !found; k = k->next) {
		const char *said = k->server_id == server_id && k->user_id == user_id && !k->gone
					   ? mcp_challenge(k->mcp, a)
					   : NULL;
		found = said && strstr(said, "insufficient_scope") ? said : NULL;
	}
	pthread_mutex_unlock(&st->mx);
	return found;
}

int mcp_challenge_of(struct tools *t, const struct tool_server *s, atelier_id user_id, struct arena *a,
	const char **ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *config = NULL;
	CLEANUP(json_decrefp) json_t *none = json_object();
	CLEANUP(json_decrefp) json_t *tools = NULL;
	const struct tool_run run = {.user_id = user_id, .cancel = &t->ending};
	struct kept *k;
	struct err why = {0};
	int r = strcmp(s->kind, MCP_HTTP) != 0 ? err_set(e, E_CONFLICT, "Nobody signs in to a server of this kind.")
					       : json_parse(s->config, strlen(s->config), &config, e);

	if (r < 0 || (*ret = wants_more(state_of(t, s->kind), s->id, user_id, a)))
		return r;
	const struct server_use use = {.user_id = user_id,
		.name = s->name,
		.kind = s->kind,
		.config = config,
		.secrets = none,
		.of_admin = s->of_admin};
	if ((r = borrow(state_of(t, s->kind), &use, &k, e)) < 0)
		return r;
	r = mcp_list(k->mcp, "tools", &run, &tools, &why);
	*ret = mcp_challenge(k->mcp, a);
	give_back(k);
	if (r == 0)
		return err_set(e, E_CONFLICT, "%.100s asks nobody to sign in.", s->name);
	if (r != E_UNAUTHORIZED)
		return err_set(e, r, "%s", why.msg);
	return *ret ? 0 : err_set(e, -ENOMEM, "There is no memory for a sign-in.");
}

/* ---- asking and calling ---- */

static int refresh(struct tools *t, const struct server_use *s, struct cancel *c, struct buf *ret,
	json_t **ret_about UNUSED, struct err *e)
{
	CLEANUP(json_decrefp) json_t *tools = NULL;
	CLEANUP(json_decrefp) json_t *entries = json_array();
	const struct tool_run run = {.user_id = s->user_id, .cancel = c};
	const json_t *tool;
	struct kept *k = NULL;
	size_t i;
	int r = renew(t, s, c, e);

	if (r == 0)
		r = borrow(state_of(t, s->kind), s, &k, e);
	if (r < 0 || !k)
		return r;
	r = mcp_list(k->mcp, "tools", &run, &tools, e);
	give_back(k);
	json_array_foreach(tools, i, tool)
	{
		json_t *entry = entry_of(tool);

		if (entry)
			json_array_append_new(entries, entry);
	}
	if (r == 0)
		json_add_value(ret, entries);
	return r;
}

static int call(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
	const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e)
{
	struct kept *k = NULL;
	int r = renew(t, s, run->cancel, e);

	if (r == 0)
		r = borrow(state_of(t, s->kind), s, &k, e);
	if (r < 0 || !k)
		return r;
	r = mcp_call(k->mcp, tool->own_name, json_object_get(s->entry, "parameters"), arguments, run, a, ret, e);
	give_back(k);
	return r;
}

static void end_all(struct kinds_state *st, atelier_id server_id)
{
	pthread_mutex_lock(&st->mx);
	for (struct kept *k = st->kept; k; k = k->next)
		k->gone |= k->server_id == server_id;
	pthread_cond_signal(&st->cv);
	pthread_mutex_unlock(&st->mx);
}

static void log_of(struct tools *t, atelier_id server_id, atelier_id user_id, struct buf *to)
{
	struct kinds_state *st = state_of(t, MCP_STDIO);

	pthread_mutex_lock(&st->mx);
	for (struct kept *k = st->kept; k && to->n == 0; k = k->next)
		if (k->server_id == server_id && k->user_id == user_id)
			mcp_errors(k->mcp, to);
	pthread_mutex_unlock(&st->mx);
}

static void changed(struct tools *t, atelier_id server_id)
{
	end_all(state_of(t, MCP_STDIO), server_id);
	end_all(state_of(t, MCP_HTTP), server_id);
}

/* ---- the life of a kind ---- */

static int start(struct tools *t, void **ret, struct err *e)
{
	struct kinds_state *st = xcalloc(1, sizeof(*st));
	int r;

	MAGIC_SET(st, KINDS_MAGIC);
	st->tools = t;
	pthread_mutex_init(&st->renewing, NULL);
	pthread_mutex_init(&st->mx, NULL);
	pthread_cond_init(&st->cv, NULL);
	r = mcp_shared_new(t->config.http, PROGRAMS_MAX, &st->shared, e);
	if (r == 0 && (r = thread_start(&st->thread, "mcp-keep", 0, keep, st)) < 0) {
		mcp_shared_free(st->shared);
		r = err_set(e, r, "The keeper of tool servers cannot be started.");
	}
	if (r < 0)
		free(st);
	else
		*ret = st;
	return r;
}

static void stop(void *state)
{
	struct kinds_state *st = state;

	ASSERT_IS(st, KINDS_MAGIC);
	ASSERT(!pthread_equal(pthread_self(), st->thread)); /* which is waited for */
	pthread_mutex_lock(&st->mx);
	st->stopping = true;
	pthread_cond_signal(&st->cv);
	pthread_mutex_unlock(&st->mx);
	pthread_join(st->thread, NULL);
	free_all(st->kept);
	mcp_shared_free(st->shared);
	pthread_cond_destroy(&st->cv);
	pthread_mutex_destroy(&st->mx);
	pthread_mutex_destroy(&st->renewing);
	MAGIC_END(st, KINDS_MAGIC);
	free(st);
}

const struct tool_kind mcp_stdio_kind = {.name = MCP_STDIO,
	.claims = true,
	.check = check_stdio,
	.refresh = refresh,
	.call = call,
	.changed = changed,
	.log = log_of,
	.start = start,
	.stop = stop};

const struct tool_kind mcp_http_kind = {.name = MCP_HTTP,
	.claims = true,
	.check = check_http,
	.refresh = refresh,
	.call = call,
	.changed = changed,
	.start = start,
	.stop = stop};
