/*
 * providers_api.c - providers: those of the settings, to look at, and stored ones, to change while Atelier runs. A
 * change is written and then all is configured anew from the database, under one lock, so that the last who writes is
 * the last who has read. A key goes in and never comes out, and goes nowhere but where it was given for.
 */
#include <pthread.h>

#include "api/answer.h"
#include "api/configure.h"
#include "api/models.h"
#include "api/request.h"
#include "base/lock.h"

#define KINDS       "ollama openai anthropic librarian"
#define NAME_MAX_N  32
#define URL_MAX_N   500
#define KEY_MAX_N   4096
#define CALLS_MAX   100000
#define TIMEOUT_MAX 86400000

/* ---- bodies ---- */

struct provider_edit {
	atelier_id id; /* of a test */
	const char *name, *kind, *url, *key, *version, *proxy;
	bool enabled, has_enabled;
	int64_t max_concurrent, connect_timeout_ms, first_byte_timeout_ms, token_timeout_ms, total_timeout_ms;
	bool has_concurrent, has_connect, has_first_byte, has_token, has_total;
};

#define E struct provider_edit
#define EDIT_NUMBER(member, has, wire, top, text)                                                                      \
	FIELD_HAS(FT_I64, E, member, has, wire, .min = 0, .max = (top), .doc = text "; 0: as the settings say.")
#define EDIT_NAME(fl)                                                                                                  \
	FIELD(FT_STR, E, name, "name", .min = 1, .max = NAME_MAX_N, .flags = (fl), .pattern = "^[a-z0-9-]+$",          \
		.hint = "a name of a to z, 0 to 9 and the hyphen", .doc = "Name: a to z, 0 to 9 and the hyphen.")
/* A port from 1 to 65535; a host or an IPv6 address, with or without scheme, port and path. */
#define PORT "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#define URL_PATTERN                                                                                                    \
	"^ *((https?://)?([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\])(:" PORT ")?"                   \
	"(/[A-Za-z0-9._~%!$&'()*+,;=:-]*)*)? *$"
#define PROXY_PATTERN                                                                                                  \
	"^(none|((https?|socks4a?|socks5h?)://)?([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\])"        \
	"(:" PORT ")?/?)?$"
#define EDIT_KIND(flags) FIELD_ENUM(E, kind, "kind", KINDS, flags, "Which API it speaks.")
#define EDIT_ADDRESS                                                                                                   \
	FIELD_STR(E, key, "key", 0, KEY_MAX_N, FIELD_SECRET,                                                           \
		"Key. It is never told again; empty removes it, without this field it stays."),                        \
		FIELD(FT_STR, E, version, "version", .max = NAME_MAX_N, .pattern = "^ *[a-z0-9.-]* *$",                \
			.hint = "a date such as 2023-06-01",                                                           \
			.doc = "Of Anthropic: the version header; empty: the newest that the address knows."),         \
		FIELD(FT_STR, E, proxy, "proxy", .max = URL_MAX_N, .pattern = PROXY_PATTERN,                           \
			.hint = "a proxy such as http://proxy:3128 or socks5h://10.0.0.1:1080, none, or nothing",      \
			.doc = "Proxy to ask it through (http, https, socks4, socks4a, socks5, socks5h); none: "       \
			       "directly; "                                                                            \
			       "empty: as the environment says.")
#define EDIT_URL                                                                                                       \
	FIELD(FT_STR, E, url, "url", .max = URL_MAX_N, .pattern = URL_PATTERN,                                         \
		.hint = "an address: http://... or https://..., without a user or a password in it",                   \
		.doc = "Address; empty: the kind's usual one.")
#define EDIT_REST                                                                                                      \
	FIELD_HAS(FT_BOOL, E, enabled, has_enabled, "enabled", .doc = "Whether it is used."),                          \
		EDIT_NUMBER(max_concurrent, has_concurrent, "max_concurrent", CALLS_MAX, "Calls at the same time"),    \
		EDIT_NUMBER(connect_timeout_ms, has_connect, "connect_timeout_ms", TIMEOUT_MAX, "Time to connect"),    \
		EDIT_NUMBER(first_byte_timeout_ms, has_first_byte, "first_byte_timeout_ms", TIMEOUT_MAX,               \
			"Time until the first byte"),                                                                  \
		EDIT_NUMBER(token_timeout_ms, has_token, "token_timeout_ms", TIMEOUT_MAX,                              \
			"Time between two pieces of an answer"),                                                       \
		EDIT_NUMBER(total_timeout_ms, has_total, "total_timeout_ms", TIMEOUT_MAX, "Time for a whole answer")

static const struct field new_fields[] = {
	EDIT_NAME(FIELD_REQUIRED), EDIT_KIND(FIELD_REQUIRED), EDIT_URL, EDIT_ADDRESS, EDIT_REST};
static const struct schema provider_new_schema = SCHEMA("ProviderNew", E, new_fields, "A new provider.");

static const struct field patch_fields[] = {EDIT_NAME(0), EDIT_KIND(0), EDIT_URL, EDIT_ADDRESS, EDIT_REST};
static const struct schema provider_patch_schema =
	SCHEMA("ProviderPatch", E, patch_fields, "What to change; the rest stays.");

static const struct field try_fields[] = {
	EDIT_KIND(0),
	FIELD_STR(E, url, "url", 0, URL_MAX_N, 0, "Address, of which the answer tells whether it is one."),
	EDIT_ADDRESS,
	FIELD_ID(E, id, "id", 0, "A stored provider, whose stored values stand for the fields that are absent."),
};
static const struct schema provider_try_schema = {
	.name = "ProviderTry",
	.size = sizeof(E),
	.fields = try_fields,
	.n_fields = N_ELEMENTS(try_fields),
	.doc = "What to try; it need not be stored. Without an id the kind is needed.",
	.rule = "\"if\":{\"properties\":{\"id\":{\"type\":\"string\"}},\"required\":[\"id\"]},\"then\":true,"
		"\"else\":{\"properties\":{\"kind\":{\"type\":\"string\"}},\"required\":[\"kind\"]}",
};
#undef E

/* ---- answers ---- */

struct provider_answer {
	struct stored_provider row; /* of the settings: filled as if it were one, with the id 0 */
	struct provider_state state;
	const char *url, *version, *proxy, *source;
	bool has_key, has_first_token;
};

#define A                                 struct provider_answer
#define ANSWER_NUMBER(member, wire, text) FIELD_I64(A, member, wire, 0, 0, FIELD_REQUIRED, text)
static const struct field details_fields[] = {
	FIELD_ID(A, row.id, "id", 0, "Identifier; null: of the settings, and only to look at."),
	FIELD_STR(A, row.name, "name", 0, 0, FIELD_REQUIRED, "Its name; stands before ids that would be ambiguous."),
	FIELD_ENUM(A, row.kind, "kind", KINDS, FIELD_REQUIRED, "Which API it speaks."),
	FIELD_STR(A, url, "url", 0, 0, 0, "Where it is; null: in Atelier itself."),
	FIELD_BOOL(A, has_key, "has_key", FIELD_REQUIRED, "Whether it has a key, which is never told."),
	FIELD_STR(A, version, "version", 0, 0, 0, "Of Anthropic: the version header; null: chosen by Atelier."),
	FIELD_STR(A, proxy, "proxy", 0, 0, 0, "The proxy that was set for it, or none; null: as the environment says."),
	FIELD_STR(A, state.proxy, "proxy_used", 0, 0, 0, "The proxy that it is asked through; null: directly."),
	FIELD_BOOL(A, row.enabled, "enabled", FIELD_REQUIRED, "Whether it is used."),
	FIELD_ENUM(A, source, "source", "settings stored", FIELD_REQUIRED, "Where it is configured."),
	FIELD_ENUM(A, state.state, "state", "checking ok unreachable disabled", FIELD_REQUIRED,
		"How the last refresh went."),
	FIELD_STR(A, state.error, "error", 0, 0, 0, "What is wrong, in words; null: nothing."),
	FIELD_ENUM(A, state.breaker, "breaker", "closed open half_open", FIELD_REQUIRED,
		"open: it failed several times and is left alone for a while; half_open: one call may try."),
	ANSWER_NUMBER(state.retry_in_ms, "retry_in_ms", "Time until an open one may be tried."),
	ANSWER_NUMBER(state.running, "running", "Calls under way."),
	ANSWER_NUMBER(state.queued, "queued", "Calls that wait for a place."),
	ANSWER_NUMBER(state.models, "models", "Models it offers."),
	FIELD_MAYBE(FT_I64, A, state.first_token_ms, has_first_token, "first_token_ms", NULL,
		"Time to the first token of late; null: no call yet."),
	ANSWER_NUMBER(row.max_concurrent, "max_concurrent", "Calls at the same time; 0: as the settings say."),
	ANSWER_NUMBER(row.connect_timeout_ms, "connect_timeout_ms", "Time to connect; 0: as the settings say."),
	ANSWER_NUMBER(row.first_byte_timeout_ms, "first_byte_timeout_ms",
		"Time until the first byte; 0: as the settings say."),
	ANSWER_NUMBER(row.token_timeout_ms, "token_timeout_ms",
		"Time between two pieces of an answer; 0: as the settings say."),
	ANSWER_NUMBER(row.total_timeout_ms, "total_timeout_ms", "Time for a whole answer; 0: as the settings say."),
};
static const struct schema provider_details_schema =
	SCHEMA("ProviderDetails", A, details_fields, "A provider, how it is configured and how it is.");
#undef A

LIST_SCHEMA(provider_list_schema, "ProviderList", &provider_details_schema,
	"Those of the settings, then the stored ones.", "All providers.");

struct test_answer {
	bool ok;
	const char *code, *message;
	int64_t models, duration_ms;
};

static const struct field test_fields[] = {
	FIELD_BOOL(struct test_answer, ok, "ok", FIELD_REQUIRED, "Whether it can be used like this."),
	FIELD_STR(struct test_answer, code, "code", 0, 0, FIELD_REQUIRED,
		"ok, address, name, refused, tls, timeout, unauthorized, path, not_this_kind, no_models or error."),
	FIELD_STR(struct test_answer, message, "message", 0, 0, FIELD_REQUIRED,
		"What is wrong and what to do about it, or what was found."),
	FIELD_I64(struct test_answer, models, "models", 0, 0, FIELD_REQUIRED, "Models that it offers."),
	FIELD_I64(struct test_answer, duration_ms, "duration_ms", 0, 0, FIELD_REQUIRED, "How long it took."),
};
static const struct schema provider_tested_schema =
	SCHEMA("ProviderTested", struct test_answer, test_fields, "How trying a provider went.");

/* ---- reading ---- */

static struct configure sources_of(const struct api *a)
{
	const struct api_config *c = &a->c;

	return (struct configure){.settings = c->settings, .db = c->db, .vault = auth_vault(c->auth)};
}

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

static struct provider_answer with_state(const struct provider_state *s)
{
	return (struct provider_answer){.row = {.name = s->name, .kind = s->kind, .enabled = true},
		.state = *s,
		.url = or_null(s->url),
		.source = "settings",
		.has_key = s->has_key,
		.has_first_token = s->first_token_ms >= 0};
}

static struct provider_answer of_settings(const struct settings *s, const struct provider_state *state)
{
	struct provider_answer out = with_state(state);
	size_t n;
	const struct settings_provider *all = settings_providers(s, &n);

	for (size_t i = 0; i < n; i++) {
		const struct settings_provider *p = &all[i];

		if (strcmp(p->name, state->name) != 0)
			continue;
		out.version = or_null(p->version);
		out.row.enabled = p->enabled;
		out.row.max_concurrent = p->max_concurrent;
		out.row.connect_timeout_ms = p->connect_timeout_ms;
		out.row.first_byte_timeout_ms = p->first_byte_timeout_ms;
		out.row.token_timeout_ms = p->token_timeout_ms;
		out.row.total_timeout_ms = p->total_timeout_ms;
	}
	return out;
}

static struct provider_answer of_row(
	struct request *q, const struct stored_provider *row, const struct catalogue *known)
{
	static const struct provider_state unknown = {.state = "disabled", .breaker = "closed", .first_token_ms = -1};
	struct configure c = sources_of(q->api);
	const char *refusal = configure_refusal(&c, row, known, &q->mem);
	const struct provider_state *state = &unknown;

	for (size_t i = 0; i < known->n_providers; i++)
		if (known->providers[i].id == row->id)
			state = &known->providers[i];
	struct provider_answer out = with_state(state);
	out.row = *row;
	out.url = or_null(row->url) ? row->url : or_null(state->url);
	out.version = or_null(row->version);
	out.proxy = or_null(row->proxy);
	out.source = "stored";
	out.has_key = row->sealed.p != NULL;
	if (refusal) {
		out.state.state = "unreachable";
		out.state.error = refusal;
	}
	return out;
}

static int known_providers(struct request *q, struct catalogue *ret)
{
	return providers_catalogue(q->api->c.providers, &q->mem, ret, &q->err);
}

static int providers_get_all(struct request *q)
{
	struct stored_provider_list stored;
	struct catalogue known;
	size_t n = 0;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = stored_providers_list(c, &q->mem, &stored, &q->err);
	}
	if (r < 0 || (r = known_providers(q, &known)) < 0)
		return r;
	struct provider_answer *items = ARENA_ARRAY(&q->mem, struct provider_answer, known.n_providers + stored.n + 1);
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < known.n_providers; i++)
		if (known.providers[i].id == 0)
			items[n++] = of_settings(q->api->c.settings, &known.providers[i]);
	for (size_t i = 0; i < stored.n; i++)
		items[n++] = of_row(q, &stored.items[i], &known);
	ASSERT(n <= known.n_providers + stored.n);
	return answer_list(q, items, n, NULL);
}

static int load(struct request *q, atelier_id id, struct stored_provider *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return stored_providers_get(c, id, &q->mem, ret, &q->err);
}

static int answer_one(struct request *q, atelier_id id)
{
	struct provider_answer *out = ARENA_NEW(&q->mem, struct provider_answer);
	struct stored_provider row;
	struct catalogue known;
	int r = load(q, id, &row);

	if (r < 0 || (r = known_providers(q, &known)) < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	*out = of_row(q, &row, &known);
	q->answer = out;
	return 0;
}

/* ---- changing ---- */

/* People leave the scheme out. Ollama's addresses are completed where they are used, as its own variable is; of the others
 * only https is guessed, since a key goes there. */
static const char *whole_url(struct request *q, const char *kind, const char *url)
{
	const char *whole = url;

	if (*url && kind && !(provider_kind_api(kind) & API_OWN_ADDRESS) && !strstr(url, "://"))
		whole = arena_printf(&q->mem, "https://%s", url);
	return whole ? whole : url;
}

/* What the body says, over what the row said. */
static void merge(struct request *q, struct stored_provider *row, const struct provider_edit *in)
{
	row->name = in->name ? in->name : row->name;
	row->kind = in->kind ? in->kind : row->kind;
	row->url = in->url ? whole_url(q, row->kind, in->url) : row->url;
	row->version = in->version ? in->version : row->version;
	row->proxy = in->proxy ? in->proxy : row->proxy;
	row->enabled = in->has_enabled ? in->enabled : row->enabled;
	row->max_concurrent = in->has_concurrent ? in->max_concurrent : row->max_concurrent;
	row->connect_timeout_ms = in->has_connect ? in->connect_timeout_ms : row->connect_timeout_ms;
	row->first_byte_timeout_ms = in->has_first_byte ? in->first_byte_timeout_ms : row->first_byte_timeout_ms;
	row->token_timeout_ms = in->has_token ? in->token_timeout_ms : row->token_timeout_ms;
	row->total_timeout_ms = in->has_total ? in->total_timeout_ms : row->total_timeout_ms;
}

/* Addresses are shown to administrators, and stored as they are. */
static bool has_password(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

static int check(struct request *q, const struct stored_provider *row, const char *key)
{
	struct provider_config config = {.name = row->name,
		.kind = row->kind,
		.url = row->url,
		.key = key,
		.version = row->version,
		.proxy = row->proxy};
	struct catalogue known;
	int r = provider_config_check(&config, &q->err);

	if (r == 0 && (has_password(row->url) || has_password(row->proxy)))
		r = err_set(&q->err, E_INVALID,
			"The address (or that of the proxy) has a user or a password in it, which nothing would "
			"protect here. Leave them out, "
			"or "
			"declare this provider in the configuration file.");
	if (r == 0)
		r = known_providers(q, &known);
	for (size_t i = 0; r == 0 && i < known.n_providers; i++)
		if (known.providers[i].id == 0 && strcmp(known.providers[i].name, row->name) == 0)
			return err_set(&q->err, E_CONFLICT,
				"There is a provider named %s already: it is in the settings.", row->name);
	return r;
}

int api_configure_stored(struct api *a, struct err *e)
{
	struct configure c = sources_of(a);

	ASSERT(lock_is_mine(&a->configure_mx)); /* else the last who writes is not the last who has read */
	return configure_again(a->c.providers, &c, e);
}

int api_configure(struct request *q)
{
	return api_configure_stored(q->api, &q->err);
}

/* Sets row->bound. A stored key was given for one kind of provider at one origin and goes nowhere else: E_INVALID when the
 * row that was loaded with the key `was` bound to another one, and the body brings no key. */
static int bind(struct request *q, struct stored_provider *row, const char *was, const struct provider_edit *in)
{
	struct err quiet = {0};

	if (configure_bound(row, &q->mem, &quiet) < 0) {
		row->sealed = (struct str){NULL, 0}; /* to no address no key: a test will tell what is wrong with it */
		return 0;
	}
	if (!row->sealed.p || in->key || strcmp(was, row->bound) == 0)
		return 0;
	return err_field(&q->err, E_INVALID, "key",
		"was given for %.200s, and would now be sent to %.200s. Enter it again, or an empty one to go on "
		"without.",
		was, row->bound);
}

static int create(struct request *q, const struct provider_edit *in, atelier_id *ret_id)
{
	struct stored_provider row = {.url = "", .version = "", .proxy = "", .enabled = true};
	int r;

	merge(q, &row, in);
	r = check(q, &row, in->key);
	if (r == 0)
		r = bind(q, &row, "", in);
	if (r == 0)
		r = stored_providers_create(q->api->c.db, auth_vault(q->api->c.auth), &row, in->key, ret_id, &q->err);
	return r < 0 ? r : api_configure(q);
}

static int providers_post(struct request *q)
{
	atelier_id id = 0;
	int r;

	pthread_mutex_lock(&q->api->configure_mx);
	r = create(q, q->body, &id);
	pthread_mutex_unlock(&q->api->configure_mx);
	if (r == 0)
		request_audit(q, "new provider %s", ((const struct provider_edit *)q->body)->name);
	return r < 0 ? r : answer_one(q, id);
}

/* The row, and what its key was given for. */
static int load_bound(struct request *q, atelier_id id, struct stored_provider *ret, const char **ret_was)
{
	struct err quiet = {0};
	int r = load(q, id, ret);

	if (r < 0)
		return r;
	*ret_was = configure_bound(ret, &q->mem, &quiet) == 0 ? ret->bound : "nothing that it could be sent to";
	return 0;
}

static int update(struct request *q, const struct provider_edit *in)
{
	struct stored_provider row;
	const char *was;
	int r = load_bound(q, q->arg_id, &row, &was);

	if (r < 0)
		return r;
	merge(q, &row, in);
	r = check(q, &row, in->key);
	if (r == 0)
		r = bind(q, &row, was, in);
	if (r == 0)
		r = stored_providers_update(q->api->c.db, auth_vault(q->api->c.auth), &row, in->key, &q->err);
	return r < 0 ? r : api_configure(q);
}

static int provider_patch(struct request *q)
{
	int r;

	pthread_mutex_lock(&q->api->configure_mx);
	r = update(q, q->body);
	pthread_mutex_unlock(&q->api->configure_mx);
	if (r == 0)
		request_audit(q, "change of provider %s%s", q->arg,
			((const struct provider_edit *)q->body)->key ? ", with its key" : "");
	return r < 0 ? r : answer_one(q, q->arg_id);
}

static int provider_delete(struct request *q)
{
	int r;

	pthread_mutex_lock(&q->api->configure_mx);
	r = stored_providers_delete(q->api->c.db, q->arg_id, &q->err);
	if (r == 0)
		r = api_configure(q);
	pthread_mutex_unlock(&q->api->configure_mx);
	if (r == 0)
		request_audit(q, "provider %s is removed", q->arg);
	return r;
}

/* ---- trying ---- */

static int try_config(struct request *q, const struct provider_edit *in, struct provider_config *ret)
{
	struct stored_provider row = {.url = "", .version = "", .proxy = "", .kind = in->kind};
	const char *was = "";
	int r = in->id ? load_bound(q, in->id, &row, &was) : 0;

	if (r < 0)
		return r;
	if (!row.kind)
		return err_field(&q->err, E_INVALID, "kind", "is missing.");
	merge(q, &row, in);
	row.name = "test";
	r = bind(q, &row, was, in);
	if (r < 0)
		return r;
	if (in->key)
		row.sealed = (struct str){NULL, 0};
	r = configure_provider(auth_vault(q->api->c.auth), &row, &q->mem, ret, &q->err);
	if (r < 0)
		return r;
	if (in->key)
		ret->key = in->key;
	else if (row.sealed.p && !ret->key)
		return err_set(&q->err, E_INVALID, "The stored key cannot be opened; enter the key again.");
	ret->enabled = true;
	return 0;
}

static int providers_test_post(struct request *q)
{
	struct test_answer *out = ARENA_NEW(&q->mem, struct test_answer);
	struct provider_config config;
	struct provider_test found;
	int r = try_config(q, q->body, &config);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	r = provider_test(q->api->c.providers, q->who.user.id, &config, &found, &q->err);
	if (r < 0)
		return r;
	*out = (struct test_answer){.ok = found.ok,
		.code = found.code,
		.message = arena_strdup(&q->mem, found.text),
		.models = found.models,
		.duration_ms = found.duration_ms};
	if (!out->message)
		return request_no_memory(q);
	q->answer = out;
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/providers", "listProviders", providers_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &provider_list_schema, .summary = "Where models come from, and how each of them is."},
	{"POST", V1 "/providers", "createProvider", providers_post, ACCESS_ADMIN, .status = 201,
		.body = &provider_new_schema, .answer = &provider_details_schema,
		FAILS(E_CONFLICT),
		.summary = "Add a provider; it is used at once."},
	{"PATCH", V1 "/providers/{id}", "updateProvider", provider_patch, ACCESS_ADMIN, .status = 200,
		.body = &provider_patch_schema, .answer = &provider_details_schema, FAILS(E_CONFLICT),
		.summary = "Change a stored provider."},
	{"DELETE", V1 "/providers/{id}", "deleteProvider", provider_delete, ACCESS_ADMIN, .status = 204,
		FAILS(E_CONFLICT),
		.summary = "Remove a stored provider; calls that run go on to their end."},
	{"POST", V1 "/providers/test", "testProvider", providers_test_post, ACCESS_ADMIN, ROUTE_SLOW, .status = 200,
		.body = &provider_try_schema, .answer = &provider_tested_schema,
		FAILS(E_NOT_FOUND),
		.summary = "Try a provider without storing it (at most 5 seconds); says in words what is wrong."},
};
/* clang-format on */
const struct route_set providers_routes = ROUTES(routes);
