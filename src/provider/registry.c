/* registry.c - the providers that the settings and the stored configuration name, and how one set becomes another. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/secret.h"
#include "http/proxy.h"
#include "provider/catalogue_priv.h"

/*
 * The kinds of providers, in the order of the catalogue: adding one is a file with its dialect and a row here. The
 * settings make a provider of a kind when its url or its key is set (only_key: when its key is set); one without an
 * address of its own (url: NO_SETTING) when the switch `on` is set.
 */
#define NO_SETTING SIZE_MAX
#define BEARER     "Authorization: Bearer "
static const struct kind {
	const struct dialect *dialect;
	const char *noun;
	const char *usual_url;
	const char *url_rule;   /* the setting by whose rules addresses are read */
	const char *not_in_url; /* what people add to the address, and what we add ourselves; with blanks between */
	const char *key_header;
	bool many;           /* such servers are many: sentences tell them apart by their host */
	bool only_key;       /* the settings' address alone makes no provider */
	size_t url, key, on; /* where in struct settings */
} kinds[] = {
	{&ollama_dialect, "Ollama", "http://localhost:11434", "ollama_host", "/api /v1", BEARER, false, false,
		offsetof(struct settings, ollama_host), NO_SETTING, NO_SETTING},
	{&openai_dialect, "The server", "https://api.openai.com/v1", "openai_base_url", "/chat/completions /models",
		BEARER, true, false, offsetof(struct settings, openai_base_url),
		offsetof(struct settings, openai_api_key), NO_SETTING},
	{&anthropic_dialect, "The server", "https://api.anthropic.com", "openai_base_url", "/messages /v1",
		"x-api-key: ", true, true, offsetof(struct settings, anthropic_base_url),
		offsetof(struct settings, anthropic_api_key), NO_SETTING},
	{&librarian_dialect, "The Librarian", NULL, NULL, "", "", false, false, NO_SETTING, NO_SETTING,
		offsetof(struct settings, librarian)},
};

static const struct kind *kind_named(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (name && strcmp(kinds[i].dialect->kind, name) == 0)
			return &kinds[i];
	return NULL;
}

unsigned provider_kind_api(const char *name)
{
	const struct kind *k = kind_named(name);
	return k ? k->dialect->api : 0;
}

size_t provider_kinds_of(unsigned api, const char *ret[PROVIDER_SHAPES])
{
	size_t n = 0;
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (kinds[i].dialect->api & api & API_SHAPES)
			ret[n++] = kinds[i].dialect->kind;
	return n;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static const char *text_setting(const struct settings *s, size_t at)
{
	return at == NO_SETTING ? "" : or_empty(*(const char *const *)((const char *)s + at));
}

/* ---- addresses ---- */

/* "http://user:secret@host/x" without what stands before the @. */
static char *url_without_user(const char *url)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	buf_add(&b, url, (size_t)(host - url));
	buf_add_str(&b, at ? at + 1 : host);
	char *ret = buf_take(&b);
	return ret ? ret : xstrdup("");
}

static void cut_slashes(char *url)
{
	for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
		url[n - 1] = '\0';
}

/* Takes the words of `ends` off the address, the first one first. */
static void cut_ends(char *url, const char *ends)
{
	for (struct str end; str_next_word(&ends, &end);) {
		size_t n = strlen(url);
		if (n > end.n && memcmp(url + n - end.n, end.p, end.n) == 0)
			url[n - end.n] = '\0';
		cut_slashes(url);
	}
}

/* The address by the rules of the settings, where such addresses have always stood. NULL: refused. */
static char *clean_url(const struct kind *k, const char *given, struct err *e)
{
	struct settings s;
	if (!k->usual_url)
		return xstrdup("");
	if (!*or_empty(given))
		return xstrdup(k->usual_url);
	settings_init(&s);
	int r = settings_set(&s, k->url_rule, given, "The address", e);
	bool guess = strcmp(k->url_rule, "ollama_host") == 0;
	char *ret = r < 0 ? NULL : xstrdup(guess ? s.ollama_host : s.openai_base_url);
	settings_done(&s);
	if (ret && strlen(ret) < 8) { /* blanks alone */
		err_set(e, E_INVALID, "The address: must be a URL, http://... or https://...");
		free(TAKE_PTR(ret));
	}
	if (ret) {
		cut_slashes(ret);
		cut_ends(ret, k->not_in_url);
	}
	return ret;
}

/* A proxy that was set for this provider alone sees what goes over plain http, the key as well. */
static void seeing_proxy(const struct provider_config *c, const char *url, char ret[static HTTP_PROXY_MAX])
{
	char proxy[HTTP_PROXY_MAX] = "";

	if (*or_empty(c->proxy))
		http_proxy_for(c->proxy, url, proxy);
	http_proxy_shown(proxy, ret);
}

int provider_config_origin(const struct provider_config *c, char ret[PROVIDER_ORIGIN_SIZE], struct err *e)
{
	const struct kind *k = kind_named(c->kind);
	CLEANUP(freep) char *url = k ? clean_url(k, c->url, e) : NULL;
	if (!url)
		return err_set(e, E_INVALID, "There is no such kind of provider: \"%.40s\".", or_empty(c->kind));
	CLEANUP(freep) char *plain = url_without_user(url);
	const char *host = strstr(plain, "://");
	bool tls = strncasecmp(plain, "https:", 6) == 0;
	host = host ? host + 3 : plain;
	int n = (int)strcspn(host, "/?#");
	const char *colon = memrchr(host, ':', (size_t)n);
	bool port = colon && !memchr(colon, ']', (size_t)(host + n - colon));
	char proxy[HTTP_PROXY_MAX] = "";
	if (!tls)
		seeing_proxy(c, plain, proxy);
	int at = snprintf(ret, PROVIDER_ORIGIN_SIZE, "%s %s://%.*s%s%s%s", c->kind, tls ? "https" : "http", n, host,
		port  ? ""
		: tls ? ":443"
		      : ":80",
		*proxy ? " through " : "", proxy);
	if (at >= PROVIDER_ORIGIN_SIZE)
		return err_set(e, E_INVALID, "The address is too long.");
	for (char *p = ret; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	return 0;
}

static bool is_header_value(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static bool is_version(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(s) && strlen(s) <= 32;
}

int provider_config_check(const struct provider_config *c, struct err *e)
{
	const char *name = or_empty(c->name);
	size_t n = strlen(name);
	const struct kind *k = kind_named(c->kind);
	if (n < 1 || n > 32 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return err_set(e, E_INVALID,
			"The name of a provider has 1 to 32 characters of a to z, 0 to 9 and the hyphen.");
	if (!k)
		return err_set(e, E_INVALID, "There is no such kind of provider: \"%.40s\".", or_empty(c->kind));
	CLEANUP(freep) char *url = clean_url(k, c->url, e);
	if (!url)
		return E_INVALID;
	if (!is_header_value(or_empty(c->key)))
		return err_set(e, E_INVALID, "The key has a character that no key can have (a line end?).");
	if (!is_version(or_empty(c->version)))
		return err_set(e, E_INVALID, "The version is a date such as 2023-06-01.");
	if (http_proxy_check(c->proxy, e) < 0)
		return E_INVALID;
	if (c->max_concurrent < 0 || c->connect_timeout_ms < 0 || c->first_byte_timeout_ms < 0 ||
		c->token_timeout_ms < 0 || c->total_timeout_ms < 0)
		return err_set(e, E_INVALID, "Times and numbers of calls are not negative.");
	return 0;
}

/* ---- one provider ---- */

static char *label_for(const struct kind *k, const char *shown_url)
{
	const char *host = strstr(shown_url, "://");
	host = host ? host + 3 : shown_url;
	CLEANUP(buf_done) struct buf b = BUF_INIT(160);
	buf_add_str(&b, k->noun);
	if (k->many)
		buf_printf(&b, " at %.*s", (int)MIN(strcspn(host, "/"), 100u), host);
	char *ret = buf_take(&b);
	return ret ? ret : xstrdup(k->noun);
}

/* Servers that imitate Anthropic know the first version only. */
static const char *version_for(const struct kind *k, const char *shown_url, const char *given)
{
	if (!(k->dialect->api & API_ANTHROPIC))
		return "";
	if (*or_empty(given))
		return given;
	const char *host = strstr(shown_url, "://");
	host = host ? host + 3 : shown_url;
	return str_eq((struct str){host, strcspn(host, ":/")}, STR("api.anthropic.com")) ? "2026-10-21" : "2023-06-01";
}

/* The models of a provider that is always there and never refreshed. */
static int add_fixed_models(struct provider *p, struct err *e)
{
	CLEANUP(model_list_freep) struct model_list *l = xcalloc(1, sizeof(*l));
	arena_init(&l->arena, 4096);
	int r = p->dialect->fixed_list(l);
	if (r >= 0)
		r = model_list_sort(l);
	if (r < 0)
		return err_set(e, r, "Out of memory.");
	p->state = PROVIDER_OK;
	p->list = TAKE_PTR(l);
	return 0;
}

int provider_new(const struct providers *ps, const struct provider_config *c, struct provider **ret, struct err *e)
{
	const struct kind *k = kind_named(c->kind);
	char *base = k ? clean_url(k, c->url, e) : NULL;
	if (!base)
		return E_INVALID;
	struct provider *p = xcalloc(1, sizeof(*p));
	MAGIC_SET(p, PROVIDER_MAGIC);
	p->refs = 1;
	p->dialect = k->dialect;
	p->name = xstrdup(c->name);
	p->noun = k->noun;
	p->base = base;
	p->shown_url = url_without_user(base);
	p->label = label_for(k, p->shown_url);
	p->key = secret_strdup(or_empty(c->key));
	p->key_header = k->key_header;
	p->proxy = xstrdup(or_empty(c->proxy));
	p->version = xstrdup(version_for(k, p->shown_url, c->version));
	p->id = c->id;
	p->enabled = c->enabled;
	p->connect_timeout_ms = c->connect_timeout_ms;
	p->first_byte_timeout_ms = c->first_byte_timeout_ms;
	p->token_timeout_ms = c->token_timeout_ms;
	p->total_timeout_ms = c->total_timeout_ms;
	p->max_concurrent = c->max_concurrent > 0 ? c->max_concurrent : ps->settings->provider_concurrency;
	p->slots = slots_new(NULL);
	slots_limit(p->slots, p->max_concurrent);
	p->first_token_ms = -1;
	p->refresh_wanted = true;
	int r = p->dialect->fixed_list ? add_fixed_models(p, e) : 0;
	if (r < 0) {
		provider_unref(p);
		return r;
	}
	*ret = p;
	return 0;
}

struct provider *provider_ref(struct provider *p)
{
	int before = (int)atomic_fetch_add(&p->refs, 1);

	ASSERT(before > 0); /* nobody takes hold of one that is let go */
	return p;
}

void provider_unref(struct provider *p)
{
	if (!p)
		return;
	ASSERT_IS(p, PROVIDER_MAGIC);
	int before = (int)atomic_fetch_sub(&p->refs, 1);
	ASSERT(before > 0);
	if (before > 1)
		return;
	while (p->notes) {
		struct model_note *n = p->notes;
		p->notes = n->next;
		free(n->name);
		free(n);
	}
	slots_free(p->slots);
	model_list_free(p->list);
	free(p->error);
	free(p->version);
	free(p->proxy);
	secret_free(p->key);
	free(p->label);
	free(p->shown_url);
	free(p->base);
	free(p->name);
	MAGIC_END(p, PROVIDER_MAGIC);
	free(p);
}

/* ---- a set of providers ---- */

struct set {
	struct provider **all;
	size_t n;
};

static void set_done(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		provider_unref(s->all[i]);
	free(s->all);
}

static bool is_wanted(const struct settings *s, const struct kind *k)
{
	if (k->on != NO_SETTING)
		return *(const bool *)((const char *)s + k->on);
	return *text_setting(s, k->key) || (*text_setting(s, k->url) && !k->only_key);
}

static int add_of_settings(const struct providers *ps, bool fixed, struct set *to, struct err *e)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		const struct kind *k = &kinds[i];
		if (!is_wanted(ps->settings, k) || fixed != (k->dialect->fixed_list != NULL))
			continue;
		struct provider_config c = {.name = k->dialect->kind,
			.kind = k->dialect->kind,
			.url = text_setting(ps->settings, k->url),
			.key = text_setting(ps->settings, k->key),
			.enabled = true};
		int r = provider_new(ps, &c, &to->all[to->n], e);
		if (r < 0)
			return r;
		to->n++;
	}
	return 0;
}

static bool settings_use(const struct settings *s, const char *name)
{
	const struct kind *k = kind_named(name);
	return k && is_wanted(s, k);
}

static int add_stored(
	const struct providers *ps, const struct provider_config *stored, size_t n, struct set *to, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r = provider_config_check(&stored[i], e);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (strcmp(stored[k].name, stored[i].name) == 0)
				return err_set(e, E_INVALID, "Two providers have the name %s.", stored[i].name);
		if (settings_use(ps->settings, stored[i].name))
			continue;
		r = provider_new(ps, &stored[i], &to->all[to->n], e);
		if (r < 0)
			return r;
		to->n++;
	}
	return 0;
}

/* Those that are always there stand last: their models are what is left when nobody else has any. */
static int set_make(
	const struct providers *ps, const struct provider_config *stored, size_t n, struct set *ret, struct err *e)
{
	*ret = (struct set){.all = xcalloc(N_ELEMENTS(kinds) + n, sizeof(struct provider *))};
	int r = add_of_settings(ps, false, ret, e);
	if (r >= 0)
		r = add_stored(ps, stored, n, ret, e);
	if (r >= 0)
		r = add_of_settings(ps, true, ret, e);
	return r;
}

static bool same_server(const struct provider *a, const struct provider *b)
{
	return a->dialect == b->dialect && a->enabled == b->enabled && strcmp(a->base, b->base) == 0 &&
	       strcmp(a->key, b->key) == 0 && strcmp(a->version, b->version) == 0 && strcmp(a->proxy, b->proxy) == 0;
}

static bool same_config(const struct provider *a, const struct provider *b)
{
	return same_server(a, b) && a->id == b->id && strcmp(a->name, b->name) == 0 &&
	       a->connect_timeout_ms == b->connect_timeout_ms && a->first_byte_timeout_ms == b->first_byte_timeout_ms &&
	       a->token_timeout_ms == b->token_timeout_ms && a->total_timeout_ms == b->total_timeout_ms;
}

/* What is known of a server is known of it under another name, too. Lock held. */
static void inherit(struct provider *to, struct provider *from)
{
	ASSERT(to != from && !to->list == !to->dialect->fixed_list && !to->error); /* new: nobody has refreshed it */
	if (to->dialect != from->dialect || to->dialect->fixed_list || strcmp(to->base, from->base) != 0)
		return;
	to->list = TAKE_PTR(from->list);
	if (!same_server(to, from))
		return;
	to->state = from->state;
	to->refreshes = from->refreshes;
	to->refreshed_ms = from->refreshed_ms;
	to->breaker = from->breaker;
	to->breaker.trial_until_ms = 0;
	to->first_token_ms = from->first_token_ms;
	to->add_v1 = from->add_v1;
	for (size_t i = 0; i < N_ELEMENTS(to->quirks); i++)
		to->quirks[i] = from->quirks[i];
	to->error = TAKE_PTR(from->error);
}

/* The old one takes the place of a new one that does not differ. Lock held. */
static void keep_what_stays(struct providers *ps, struct set *s)
{
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < ps->n; k++) {
			struct provider *p = s->all[i], *old = ps->all[k];
			if (!same_config(p, old)) {
				if (p->id ? p->id == old->id : strcmp(p->name, old->name) == 0)
					inherit(p, old);
				continue;
			}
			old->max_concurrent = p->max_concurrent;
			slots_limit(old->slots, old->max_concurrent);
			s->all[i] = provider_ref(old);
			provider_unref(p);
			break;
		}
}

static void stop_looks_of_others(struct providers *ps, const struct set *s)
{
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < ps->n; i++) {
		bool stays = false;
		for (size_t k = 0; k < s->n; k++)
			stays |= s->all[k] == ps->all[i];
		if (stays)
			continue;
		ps->all[i]->gone = true;
		if (ps->all[i]->refresh)
			cancel_fire(ps->all[i]->refresh, E_CANCELED);
	}
}

int providers_configure(struct providers *ps, const struct provider_config *stored, size_t n,
	const struct catalogue_rules *rules, struct err *e)
{
	ASSERT(thread_may_wait());
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	CLEANUP(set_done) struct set s = {0};
	CLEANUP(rules_freep) struct rules *copy = NULL;
	int r = rules_new(rules, &copy, e);
	if (r >= 0)
		r = set_make(ps, stored, n, &s, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&ps->mx);
	keep_what_stays(ps, &s);
	stop_looks_of_others(ps, &s);
	struct set old = {ps->all, ps->n};
	struct rules *old_rules = ps->rules;
	ps->all = s.all;
	ps->n = s.n;
	ps->rules = copy;
	s = old; /* let go of below */
	copy = old_rules;
	ps->refresh_wanted = true;
	pthread_cond_broadcast(&ps->cv);
	pthread_mutex_unlock(&ps->mx);
	catalogue_changed(ps);
	return 0;
}

int providers_new(const struct providers_config *c, struct providers **ret, struct err *e)
{
	struct providers *ps = xcalloc(1, sizeof(*ps));
	MAGIC_SET(ps, PROVIDERS_MAGIC);
	ps->settings = c->settings;
	ps->loop = c->loop;
	ps->http = c->http;
	ps->bus = c->bus;
	ps->keep_default = c->keep_default;
	ps->keep_arg = c->keep_arg;
	ps->found_default = c->found_default ? xstrdup(c->found_default) : NULL;
	ps->loading_after_ms = 2000;
	pthread_mutex_init(&ps->mx, NULL);
	pthread_cond_init(&ps->cv, NULL);
	cancel_init(&ps->warm);
	int r = providers_configure(ps, NULL, 0, NULL, e);
	if (r < 0) {
		providers_free(ps);
		return r;
	}
	*ret = ps;
	return 0;
}

void providers_free(struct providers *ps)
{
	if (!ps)
		return;
	discovery_stop(ps);
	set_done(&(struct set){ps->all, ps->n});
	rules_free(ps->rules);
	free(ps->found_default);
	cancel_done(&ps->warm);
	pthread_cond_destroy(&ps->cv);
	pthread_mutex_destroy(&ps->mx);
	MAGIC_END(ps, PROVIDERS_MAGIC);
	free(ps);
}
