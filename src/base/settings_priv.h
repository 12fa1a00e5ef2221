/* settings_priv.h - what settings.c (values) and settings_load.c (sources) share. */
#pragma once

#include "base/settings.h"

#define SETTING_MAX 128

struct settings_priv {
	char *value[SETTING_MAX];  /* owned texts of STR and SECRET; NULL: the default's literal */
	char *origin[SETTING_MAX]; /* owned; NULL: "default" */
};

/* The index of the setting with this name, '-' and '_' being the same; -1: none. */
int settings_find(const char *name, size_t n);

/* The owned URL for a host, host:port or URL, as `what` needs it; NULL with the error recorded. `guess`: complete a bare host. */
char *settings_url(const char *value, bool guess, const char *origin, struct err *e);
