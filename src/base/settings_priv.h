/* settings_priv.h - what settings.c (values) and settings_load.c (sources) share. */
#pragma once

#include "base/settings.h"

#define SETTING_MAX 128

struct settings_priv {
	char *value[SETTING_MAX];            /* owned texts of STR and SECRET; NULL: the default's literal */
	char *origin[SETTING_MAX];           /* owned; NULL: "default" */
	struct settings_provider *providers; /* settings_providers.c; their texts are owned */
	size_t n_providers;
	char *open_file; /* owned; see settings_open_file */
};

/* The index of the setting with this name, '-' and '_' being the same; -1: none. */
int settings_find(const char *name, size_t n);

/* The owned URL for a host, host:port or URL, as `what` needs it; NULL with the error recorded. `guess`: complete a bare host. */
char *settings_url(const char *value, bool guess, const char *origin, struct err *e);

/* What settings.c and settings_providers.c check alike; E_INVALID that begins with `origin`. */
int settings_check_text(const char *value, int64_t min, int64_t max, const char *origin, struct err *e) MUST_CHECK;
int settings_parse_int(
	const char *value, int64_t min, int64_t max, const char *origin, int64_t *ret, struct err *e) MUST_CHECK;
int settings_parse_bool(const char *value, const char *origin, bool *ret, struct err *e) MUST_CHECK;

/* A line whose name begins with "provider.". */
bool settings_is_provider(const char *name);
int settings_set_provider(
	struct settings *s, const char *name, const char *value, const char *origin, struct err *e) MUST_CHECK;
int settings_end_providers(const struct settings *s, struct err *e) MUST_CHECK; /* all lines are read */
void settings_free_providers(struct settings *s);
