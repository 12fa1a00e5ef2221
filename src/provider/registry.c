/* registry.c - the providers that the settings name, and what their calls have in common. */
#include <errno.h>
#include <time.h>

#include "provider/provider_priv.h"

/*
 * The kinds of providers, in the order of the catalogue. A provider is used when the setting `url` is not empty; one
 * without an address of its own (url: NO_SETTING) when the switch `on` is set.
 */
#define NO_SETTING SIZE_MAX
static const struct kind {
	const struct dialect *dialect;
	const char *noun;
	bool many;           /* such servers are many: sentences tell them apart by their host */
	size_t url, key, on; /* where in struct settings */
} kinds[] = {
	{&ollama_dialect, "Ollama", false, offsetof(struct settings, ollama_host), NO_SETTING, NO_SETTING},
	{&openai_dialect, "The server", true, offsetof(struct settings, openai_base_url),
		offsetof(struct settings, openai_api_key), NO_SETTING},
	{&librarian_dialect, "The Librarian", false, NO_SETTING, NO_SETTING, offsetof(struct settings, librarian)},
};

static const char *text_setting(const struct settings *s, size_t at)
{
	const char *text = at == NO_SETTING ? NULL : *(const char *const *)((const char *)s + at);
	return text ? text : "";
}

static bool is_wanted(const struct settings *s, const struct kind *k)
{
	return k->on == NO_SETTING ? *text_setting(s, k->url) != '\0' : *(const bool *)((const char *)s + k->on);
}

/* "http://user:secret@host/x" without what stands before the @. */
static char *url_without_user(const char *url)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	size_t authority = strcspn(host, "/");
	const char *at = memrchr(host, '@', authority);
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	buf_add(&b, url, (size_t)(host - url));
	buf_add_str(&b, at ? at + 1 : host);
	char *ret = buf_take(&b);
	return ret ? ret : xstrdup("");
}

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

static void add_provider(struct providers *ps, const struct kind *k)
{
	struct provider *p = &ps->all[ps->n++];
	p->dialect = k->dialect;
	p->name = k->dialect->kind;
	p->noun = k->noun;
	p->base = xstrdup(text_setting(ps->settings, k->url));
	for (size_t n = strlen(p->base); n > 0 && p->base[n - 1] == '/'; n--)
		p->base[n - 1] = '\0';
	p->shown_url = url_without_user(p->base);
	p->label = label_for(k, p->shown_url);
	p->key = xstrdup(text_setting(ps->settings, k->key));
}

/* The models of a provider that is always there and never looked at. */
static int add_fixed_models(struct provider *p, struct err *e)
{
	CLEANUP(model_list_freep) struct model_list *l = xcalloc(1, sizeof(*l));
	arena_init(&l->arena, 4096);
	int r = p->dialect->fixed_list(l);
	if (r < 0)
		return err_set(e, r, "Out of memory.");
	p->state = LOOK_OK;
	p->list = TAKE_PTR(l);
	return 0;
}

static int add_providers(struct providers *ps, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < N_ELEMENTS(kinds) && r >= 0; i++) {
		if (!is_wanted(ps->settings, &kinds[i]))
			continue;
		add_provider(ps, &kinds[i]);
		if (kinds[i].dialect->fixed_list)
			r = add_fixed_models(&ps->all[ps->n - 1], e);
	}
	return r;
}

int providers_new(const struct providers_config *c, struct providers **ret, struct err *e)
{
	struct providers *ps = xcalloc(1, sizeof(*ps));
	pthread_condattr_t attr;
	ps->settings = c->settings;
	ps->loop = c->loop;
	ps->http = c->http;
	ps->manual_search = c->manual_search;
	ps->manual_arg = c->manual_arg;
	ps->loading_after_ms = 2000;
	pthread_mutex_init(&ps->mx, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ps->cv, &attr);
	pthread_condattr_destroy(&attr);
	ps->all = xcalloc(N_ELEMENTS(kinds), sizeof(*ps->all));
	int r = add_providers(ps, e);
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
	pthread_mutex_lock(&ps->mx);
	ps->stopping = true;
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].look)
			cancel_fire(ps->all[i].look, E_STOPPING);
	pthread_cond_broadcast(&ps->cv);
	pthread_mutex_unlock(&ps->mx);
	if (ps->started)
		pthread_join(ps->thread, NULL);
	for (size_t i = 0; i < ps->n; i++) {
		struct provider *p = &ps->all[i];
		model_list_free(p->list);
		free(p->error);
		free(p->key);
		free(p->label);
		free(p->shown_url);
		free(p->base);
	}
	pthread_cond_destroy(&ps->cv);
	pthread_mutex_destroy(&ps->mx);
	free(ps->all);
	free(ps);
}

/* ---- calls ---- */

void gen_call_done(struct gen_call *r)
{
	buf_done(&r->url);
	buf_done(&r->body);
	buf_done(&r->auth);
}

void gen_call_add_messages(struct buf *b, const struct gen_request *q)
{
	buf_add_str(b, "\"messages\":[");
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct gen_message *m = &q->messages[i];
		buf_add_str(b, i ? ",{\"role\":" : "{\"role\":");
		json_add_cstr(b, m->role);
		buf_add_str(b, ",\"content\":");
		json_add_cstr(b, m->content ? m->content : "");
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
}

int provider_list_fetch(struct providers *ps, struct provider *p, const char *url, int64_t timeout_ms, struct cancel *c,
	json_t **ret, int *ret_status, struct err *e)
{
	CLEANUP(buf_done) struct buf auth = BUF_INIT(2048), body = BUF_INIT(LIST_MAX_BYTES);
	const char *headers[] = {"Accept: application/json", NULL, NULL};
	struct http_result res = {0};
	if (*p->key) {
		buf_printf(&auth, "Authorization: Bearer %s", p->key);
		headers[1] = auth.p;
	}
	struct http_call call = {.method = "GET",
		.url = url,
		.headers = headers,
		.connect_timeout_ms = timeout_ms,
		.first_byte_timeout_ms = timeout_ms,
		.idle_timeout_ms = timeout_ms};
	int r = http_client_fetch(ps->http, &call, c, &body, &res, e);
	*ret_status = res.status;
	if (r >= 0 && res.status / 100 != 2)
		r = provider_status_error(p, NULL, &res, e);
	else if (r >= 0 && wire_parse(buf_str(&body).p, body.n, ret) < 0)
		r = err_set(e, E_PROVIDER, "%s answered, but not with JSON.", p->label);
	buf_done(&res.error_body);
	return r;
}

/* What of the request is wrong stays wrong; anything else may be well the next time. */
static int status_code(int status)
{
	switch (status) {
	case 400:
	case 401:
	case 403:
	case 404:
	case 413:
	case 422:
		return E_PROVIDER_REFUSED;
	default:
		return E_PROVIDER;
	}
}

int provider_status_error(const struct provider *p, const char *model, const struct http_result *res, struct err *e)
{
	char text[160];
	int status = res->status, code = status_code(status);
	wire_error_body(buf_str(&res->error_body).p, res->error_body.n, text, sizeof(text));
	const char *colon = *text ? ": " : ".";
	switch (status) {
	case 401:
	case 403:
		return err_set(e, code, "%s refused the call (%d%s)%s%s", p->label, status,
			*p->key ? ", check the key" : ", a key may be needed", colon, text);
	case 404:
		if (model && p->dialect == &ollama_dialect)
			return err_set(e, E_MODEL_UNKNOWN, "%s does not have this model: %s. Try: ollama pull %.60s",
				p->label, *text ? text : "not found", model);
		if (model && strstr(text, "model"))
			return err_set(e, E_MODEL_UNKNOWN, "%s does not have this model%s%s", p->label, colon, text);
		return err_set(e, code, "%s has nothing at this address (404)%s%s", p->label, colon, text);
	case 429:
		return err_set(e, code, "%s takes no more requests now (429)%s%s", p->label, colon, text);
	case 502:
	case 503:
	case 529:
		return err_set(e, code, "%s is busy or starting (%d)%s%s", p->label, status, colon, text);
	default:
		return err_set(e, code, "%s answered with status %d%s%s", p->label, status, colon, text);
	}
}
