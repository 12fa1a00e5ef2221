/* settings.c - the values: their table, their checks, and where each came from. */
#include "base/settings.h"

#include <errno.h>
#include <stdio.h>

#include "base/address.h"
#include "base/secret.h"
#include "base/settings_priv.h"
#include "base/utf8.h"

/* How the columns of the table are written into a row, by kind. */
#define DEFAULT_STR(def)      def
#define DEFAULT_SECRET(def)   def
#define DEFAULT_URL(def)      def
#define DEFAULT_HOST(def)     def
#define DEFAULT_NETWORKS(def) def
#define DEFAULT_ORIGINS(def)  def
#define DEFAULT_DATABASE(def) def
#define DEFAULT_RIGHTS(def)   def
#define DEFAULT_CHOICE(def)   def
#define DEFAULT_INT(def)      #def
#define DEFAULT_BOOL(def)     #def
#define LEAST_STR(least)      .min = (least)
#define LEAST_SECRET(least)   .min = (least)
#define LEAST_URL(least)      .min = (least)
#define LEAST_HOST(least)     .min = (least)
#define LEAST_NETWORKS(least) .min = (least)
#define LEAST_ORIGINS(least)  .min = (least)
#define LEAST_DATABASE(least) .min = (least)
#define LEAST_RIGHTS(least)   .min = (least)
#define LEAST_CHOICE(words)   .choices = (words)
#define LEAST_INT(least)      .min = (least)
#define LEAST_BOOL(least)     .min = (least)

#define X(k, id, standard, least, most, variable, text)                                                                \
	{.kind = SETTING_##k,                                                                                          \
		.name = #id,                                                                                           \
		.def = DEFAULT_##k(standard),                                                                          \
		.env = (variable),                                                                                     \
		.help = (text),                                                                                        \
		LEAST_##k(least),                                                                                      \
		.max = (most)},
static const struct setting_info table[] = {SETTINGS_TABLE(X)};
#undef X

#define X(kind, id, ...) offsetof(struct settings, id),
static const size_t offsets[] = {SETTINGS_TABLE(X)};
#undef X

_Static_assert(N_ELEMENTS(table) <= SETTING_MAX, "raise SETTING_MAX");
_Static_assert(N_ELEMENTS(offsets) == N_ELEMENTS(table), "each setting has its place");

/* What is standard must be allowed; texts are checked by the tests. */
#define CHECK_STR(...)
#define CHECK_SECRET(...)
#define CHECK_URL(...)
#define CHECK_HOST(...)
#define CHECK_NETWORKS(...)
#define CHECK_ORIGINS(...)
#define CHECK_DATABASE(...)
#define CHECK_RIGHTS(...)
#define CHECK_CHOICE(...)
#define CHECK_INT(id, standard, least, most)                                                                           \
	_Static_assert((least) <= (standard) && (standard) <= (most), #id ": its default is out of range");
#define CHECK_BOOL(id, standard, least, most)                                                                          \
	_Static_assert((standard) == 0 || (standard) == 1, #id ": its default is 0 or 1");
#define X(k, id, standard, least, most, ...) CHECK_##k(id, standard, least, most)
SETTINGS_TABLE(X)
#undef X

const struct setting_info *settings_table(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(table);
	return table;
}

int settings_find(const char *name, size_t n)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		const char *known = table[i].name;
		size_t k = 0;

		while (k < n && known[k] && (name[k] == known[k] || (name[k] == '-' && known[k] == '_')))
			k++;
		if (k == n && !known[k])
			return (int)i;
	}
	return -1;
}

static void *field_at(struct settings *s, int i)
{
	ASSERT(i >= 0 && (size_t)i < N_ELEMENTS(offsets));
	return (char *)s + offsets[i];
}

static void set_origin(struct settings *s, int i, const char *origin)
{
	char *copy = xstrdup(origin);

	free(s->priv->origin[i]);
	s->priv->origin[i] = copy;
}

int settings_check_text(const char *value, int64_t min, int64_t max, const char *origin, struct err *e)
{
	size_t n = strlen(value);

	if (n < (uint64_t)min || n > (uint64_t)max)
		return err_set(e, E_INVALID, "%s: must be a text of %lld to %lld bytes", origin, (long long)min,
			(long long)max);
	if (!utf8_valid(value, n))
		return err_set(e, E_INVALID, "%s: must be valid UTF-8", origin);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return err_set(e, E_INVALID, "%s: must not contain control characters", origin);
	return 0;
}

static int check_choice(const char *choices, const char *value, const char *origin, struct err *e)
{
	return str_word_place(choices, str_from(value)) < 0
		       ? err_set(e, E_INVALID, "%s: must be one of: %s", origin, choices)
		       : 0;
}

static int check_networks(const char *value, const char *origin, struct err *e)
{
	size_t n = 0;
	const char *bad = address_bad_network(value, &n);

	return bad ? err_set(e, E_INVALID, "%s: \"%.*s\" is no address or network, like 10.0.0.5 or 192.168.7.0/24",
			     origin, (int)n, bad)
		   : 0;
}

/* As a browser tells it: a path or a "/" at the end would never be met. Browsers have schemes of their own for extensions. */
static bool is_origin(struct str s)
{
	const char *host = memmem(s.p, s.n, "://", 3);

	if (str_eq(s, STR("*")) || str_eq(s, STR("null")))
		return true;
	if (!host || host == s.p)
		return false;
	host += 3;
	return host < s.p + s.n && !memchr(host, '/', (size_t)(s.p + s.n - host));
}

static int check_origins(const char *value, const char *origin, struct err *e)
{
	for (const char *p = value + strspn(value, " ,"); *p; p += strspn(p, " ,")) {
		struct str one = {p, strcspn(p, " ,")};

		if (!is_origin(one))
			return err_set(e, E_INVALID,
				"%s: \"" STR_FMT "\" is no origin, like https://app.example.org, without a path",
				origin, STR_ARG(one));
		p += one.n;
	}
	return 0;
}

/* Who may look at the processes of this machine would read it there. */
static bool has_password(const char *url)
{
	const char *at = strchr(url, '@'), *user = strstr(url, "://");

	return strstr(url, "password=") || (at && user && memchr(user + 3, ':', (size_t)(at - user - 3)));
}

static int check_database(const char *value, const char *origin, struct err *e)
{
	if (*value && strncmp(value, "postgresql://", 13) != 0 && strncmp(value, "postgres://", 11) != 0)
		return err_set(e, E_INVALID, "%s: must be empty or postgresql://user@host/name", origin);
	if (strncmp(origin, "--", 2) == 0 && has_password(value))
		return err_set(e, E_INVALID,
			"%s: a password is not taken as a flag, where every user of this machine can see it. Set "
			"ATELIER_DATABASE, write it into the configuration file, or into ~/.pgpass.",
			origin);
	return 0;
}

/* Of a file: three digits, or four with the first one 0. */
static int check_rights(const char *value, const char *origin, struct err *e)
{
	const char *digits = value[0] == '0' && value[1] && strlen(value) == 4 ? value + 1 : value;

	return strlen(digits) == 3 && strspn(digits, "01234567") == 3
		       ? 0
		       : err_set(e, E_INVALID, "%s: must be rights in octal digits, like 0660", origin);
}

static void value_free(const struct settings *s, size_t i)
{
	if (table[i].kind == SETTING_SECRET)
		secret_free(s->priv->value[i]);
	else
		free(s->priv->value[i]);
}

/* Whether a text is what its kind asks for. */
static int check_text(const struct setting_info *info, const char *value, const char *origin, struct err *e)
{
	int r = settings_check_text(value, info->min, info->max, origin, e);

	if (r == 0 && info->kind == SETTING_CHOICE)
		r = check_choice(info->choices, value, origin, e);
	if (r == 0 && info->kind == SETTING_NETWORKS)
		r = check_networks(value, origin, e);
	if (r == 0 && info->kind == SETTING_ORIGINS)
		r = check_origins(value, origin, e);
	if (r == 0 && info->kind == SETTING_DATABASE)
		r = check_database(value, origin, e);
	if (r == 0 && info->kind == SETTING_RIGHTS)
		r = check_rights(value, origin, e);
	return r;
}

/* The value as it is kept; NULL with the error recorded. */
static char *keep_text(enum setting_kind kind, const char *value, const char *origin, struct err *e)
{
	if (kind == SETTING_SECRET)
		return secret_strdup(value);
	if (value[0] && (kind == SETTING_URL || kind == SETTING_HOST))
		return settings_url(value, kind == SETTING_HOST, origin, e);
	return xstrdup(value);
}

static int set_text(struct settings *s, int i, const char *value, const char *origin, struct err *e)
{
	const struct setting_info *info = &table[i];
	int r = check_text(info, value, origin, e);
	char *copy = r < 0 ? NULL : keep_text(info->kind, value, origin, e);

	if (!copy)
		return E_INVALID;
	value_free(s, (size_t)i);
	s->priv->value[i] = copy;
	*(const char **)field_at(s, i) = copy;
	return 0;
}

int settings_parse_int(const char *value, int64_t min, int64_t max, const char *origin, int64_t *ret, struct err *e)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(value, &end, 10);
	/* strtoll would also take blanks and signs in front. */
	if ((*value != '-' && (*value < '0' || *value > '9')) || *end || errno || v < min || v > max)
		return err_set(e, E_INVALID, "%s: must be a whole number from %lld to %lld", origin, (long long)min,
			(long long)max);
	*ret = v;
	return 0;
}

int settings_parse_bool(const char *value, const char *origin, bool *ret, struct err *e)
{
	struct str v = str_from(value);
	bool yes = str_word_place("1 true yes on", v) >= 0;

	if (!yes && str_word_place("0 false no off", v) < 0)
		return err_set(e, E_INVALID, "%s: must be true or false", origin);
	*ret = yes;
	return 0;
}

int settings_set(struct settings *s, const char *name, const char *value, const char *origin, struct err *e)
{
	int i = settings_find(name, strlen(name)), r;

	if (i < 0)
		return err_set(e, E_INVALID, "%s: there is no setting \"%.64s\"", origin, name);
	if (table[i].kind == SETTING_INT)
		r = settings_parse_int(value, table[i].min, table[i].max, origin, field_at(s, i), e);
	else if (table[i].kind == SETTING_BOOL)
		r = settings_parse_bool(value, origin, field_at(s, i), e);
	else
		r = set_text(s, i, value, origin, e);
	if (r == 0)
		set_origin(s, i, origin);
	return r;
}

void settings_init(struct settings *s)
{
	*s = (struct settings){.priv = xcalloc(1, sizeof(*s->priv))};
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		void *at = field_at(s, (int)i);

		if (table[i].kind == SETTING_INT)
			*(int64_t *)at = strtoll(table[i].def, NULL, 10);
		else if (table[i].kind == SETTING_BOOL)
			*(bool *)at = table[i].def[0] == '1';
		else
			*(const char **)at = table[i].def;
	}
}

void settings_done(struct settings *s)
{
	if (!s->priv)
		return;
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		value_free(s, i);
		free(s->priv->origin[i]);
	}
	settings_free_providers(s);
	free(s->priv->open_file);
	free(s->priv);
	*s = (struct settings){0};
}

unsigned settings_choice(const struct settings *s, const char *name)
{
	int i = settings_find(name, strlen(name));

	ASSERT(i >= 0 && table[i].kind == SETTING_CHOICE); /* the program's own word, of a value that was checked */
	int place = str_word_place(table[i].choices, str_from(*(char *const *)((const char *)s + offsets[i])));
	ASSERT(place >= 0);
	return (unsigned)place;
}

void setting_values(const struct setting_info *info, struct buf *to)
{
	switch (info->kind) {
	case SETTING_INT:
		buf_printf(to, "%lld to %lld", (long long)info->min, (long long)info->max);
		return;
	case SETTING_BOOL:
		buf_add_str(to, "on or off");
		return;
	case SETTING_CHOICE:
		for (const char *w = info->choices; *w; w++)
			buf_add_str(to, *w == ' ' ? ", " : (char[]){*w, '\0'});
		return;
	case SETTING_URL:
		buf_add_str(to, "URL");
		return;
	case SETTING_HOST:
		buf_add_str(to, "host, host:port or URL");
		return;
	case SETTING_RIGHTS:
		buf_add_str(to, "three or four octal digits");
		return;
	case SETTING_NETWORKS:
		buf_add_str(to, "addresses and networks");
		return;
	case SETTING_ORIGINS:
		buf_add_str(to, "origins");
		return;
	case SETTING_DATABASE:
		buf_add_str(to, "empty or postgresql://...");
		return;
	case SETTING_STR:
	case SETTING_SECRET:
		buf_printf(to, "text, up to %lld bytes", (long long)info->max);
		return;
	}
}

const char *settings_origin(const struct settings *s, const char *name)
{
	int i = settings_find(name, strlen(name));

	return i >= 0 && s->priv->origin[i] ? s->priv->origin[i] : "default";
}
