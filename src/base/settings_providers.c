/* settings_providers.c - the providers that the file declares: lines `provider.NAME.FIELD = value`. */
#include <stdio.h>

#include "base/secret.h"
#include "base/settings_priv.h"

#define PREFIX        "provider."
#define PROVIDERS_MAX 256
#define NAME_MAX_LEN  32
#define TIMEOUT_MAX   86400000

enum what { TEXT, NUMBER, SWITCH };

#define FIELDS(X)                                                                                                      \
	X(TEXT, kind, 32, "ollama, openai (every server that speaks as OpenAI does) or anthropic; must be there")      \
	X(TEXT, url, 500, "its address (default: the usual one of its kind)")                                          \
	X(TEXT, key, 4096, "its key (default: none)")                                                                  \
	X(TEXT, version, 32, "anthropic: the version header (default: the newest that the address knows)")             \
	X(TEXT, proxy, 500, "its proxy, `none`, or nothing for what the environment says")                             \
	X(NUMBER, max_concurrent, 100000, "calls at the same time (default: `provider_concurrency`)")                  \
	X(NUMBER, connect_timeout_ms, TIMEOUT_MAX, "time to connect (default: `connect_timeout_ms`)")                  \
	X(NUMBER, first_byte_timeout_ms, TIMEOUT_MAX, "time until the first byte (default: `first_byte_timeout_s`)")   \
	X(NUMBER, token_timeout_ms, TIMEOUT_MAX, "time between two pieces (default: `token_timeout_s`)")               \
	X(NUMBER, total_timeout_ms, TIMEOUT_MAX, "time for a whole answer (default: `total_timeout_s`)")               \
	X(SWITCH, enabled, 1, "whether it is used (default: on)")

#define X(w, field, limit, text) {.name = #field, .help = (text), .max = (limit), .number = (w) == NUMBER},
static const struct settings_provider_field fields[] = {FIELDS(X)};
#undef X

#define X(w, field, limit, text) {(w), offsetof(struct settings_provider, field)},
static const struct {
	enum what what;
	size_t at;
} places[] = {FIELDS(X)};
#undef X
_Static_assert(N_ELEMENTS(places) == N_ELEMENTS(fields), "each field has its place");

const struct settings_provider_field *settings_provider_fields(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(fields);
	return fields;
}

const struct settings_provider *settings_providers(const struct settings *s, size_t *ret_n)
{
	*ret_n = s->priv->n_providers;
	return s->priv->providers;
}

bool settings_is_provider(const char *name)
{
	return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

static bool is_name(struct str s)
{
	return s.n >= 1 && s.n <= NAME_MAX_LEN && strspn(s.p, "abcdefghijklmnopqrstuvwxyz0123456789-") >= s.n;
}

static struct settings_provider *provider_of(struct settings *s, struct str name)
{
	struct settings_priv *priv = s->priv;

	ASSERT(name.n > 0 && name.n <= NAME_MAX_LEN); /* is_name */
	for (size_t i = 0; i < priv->n_providers; i++)
		if (str_eq(str_from(priv->providers[i].name), name))
			return &priv->providers[i];
	if (priv->n_providers == PROVIDERS_MAX)
		return NULL;
	if (!priv->providers)
		priv->providers = xcalloc(PROVIDERS_MAX, sizeof(*priv->providers));
	struct settings_provider *p = &priv->providers[priv->n_providers++];
	char copy[NAME_MAX_LEN + 1];
	snprintf(copy, sizeof(copy), STR_FMT, STR_ARG(name));
	*p = (struct settings_provider){.name = xstrdup(copy),
		.kind = xstrdup(""),
		.url = xstrdup(""),
		.key = secret_strdup(""),
		.version = xstrdup(""),
		.proxy = xstrdup(""),
		.origin = xstrdup(""),
		.enabled = true};
	return p;
}

/* Texts are ours to free, although others only read them. An address may have a password in it. */
static void wipe(const char *text)
{
	char *p = (char *)(uintptr_t)text;

	secret_wipe(p);
	free(p);
}

static void replace(const char **text, const char *value)
{
	const char *old = *text;

	*text = xstrdup(value);
	wipe(old);
}

static void replace_key(const char **key, const char *value)
{
	void *old = (void *)(uintptr_t)*key;

	*key = secret_strdup(value);
	secret_free(old);
}

static int set_field(struct settings_provider *p, size_t i, const char *value, const char *origin, struct err *e)
{
	void *at = (char *)p + places[i].at;
	int r;

	switch (places[i].what) {
	case TEXT:
		r = settings_check_text(value, 0, fields[i].max, origin, e);
		if (r == 0 && at == (void *)&p->key)
			replace_key(at, value);
		else if (r == 0)
			replace(at, value);
		return r;
	case NUMBER:
		return settings_parse_int(value, 0, fields[i].max, origin, at, e);
	case SWITCH:
		break;
	}
	return settings_parse_bool(value, origin, at, e);
}

int settings_set_provider(struct settings *s, const char *name, const char *value, const char *origin, struct err *e)
{
	const char *own = name + sizeof(PREFIX) - 1, *dot = strchr(own, '.');
	struct str n = {own, dot ? (size_t)(dot - own) : 0};
	size_t i = 0;

	if (!dot)
		return err_set(e, E_INVALID, "%s: must be \"provider.NAME.FIELD = value\"", origin);
	if (!is_name(n))
		return err_set(e, E_INVALID,
			"%s: the name of a provider has 1 to %d characters of a to z, 0 to 9 and the hyphen", origin,
			NAME_MAX_LEN);
	while (i < N_ELEMENTS(fields) && strcmp(fields[i].name, dot + 1) != 0)
		i++;
	if (i == N_ELEMENTS(fields))
		return err_set(e, E_INVALID, "%s: a provider has no \"%.40s\"", origin, dot + 1);
	struct settings_provider *p = provider_of(s, n);
	if (!p)
		return err_set(e, E_INVALID, "%s: there are more than %d providers", origin, PROVIDERS_MAX);
	ASSERT(places[0].at == offsetof(struct settings_provider, kind));
	if (!*p->origin || i == 0) /* until the kind is said, the first line stands for it */
		replace(&p->origin, origin);
	return set_field(p, i, value, origin, e);
}

int settings_end_providers(const struct settings *s, struct err *e)
{
	for (size_t i = 0; i < s->priv->n_providers; i++) {
		const struct settings_provider *p = &s->priv->providers[i];

		if (!*p->kind)
			return err_set(
				e, E_INVALID, "%s: a line \"provider.%s.kind = ...\" is missing", p->origin, p->name);
	}
	return 0;
}

void settings_free_providers(struct settings *s)
{
	for (size_t i = 0; i < s->priv->n_providers; i++) {
		const struct settings_provider *p = &s->priv->providers[i];
		const char *const texts[] = {p->name, p->kind, p->url, p->version, p->proxy, p->origin};

		for (size_t k = 0; k < N_ELEMENTS(texts); k++)
			wipe(texts[k]);
		secret_free((void *)(uintptr_t)p->key);
	}
	free(s->priv->providers);
}
