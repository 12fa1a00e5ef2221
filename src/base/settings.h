/*
 * settings.h - every setting, one table (settings_table.h): from it come the defaults, the configuration file, the environment, the
 * flags (--name with - for _), --help and docs/reference/settings.md. Later sources win: default < file < environment
 * < flag. A value out of range or of the wrong type is refused with the place it came from.
 *
 * The file is lines of `name = value`; `#` starts a comment line. It is looked for at DATA/atelier.conf, or where
 * --config or ATELIER_CONFIG says. It may declare providers, too: see settings_providers.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/settings_table.h"

enum setting_kind {
	SETTING_STR,
	SETTING_SECRET,
	SETTING_URL,
	SETTING_HOST,
	SETTING_NETWORKS,
	SETTING_ORIGINS,
	SETTING_DATABASE,
	SETTING_RIGHTS,
	SETTING_CHOICE,
	SETTING_INT,
	SETTING_BOOL
};

/* Each setting is a member of its name. The narrow ones stand behind all others, so that none is padded. */
#define SETTING_STR_WORD(name)      const char *name;
#define SETTING_SECRET_WORD(name)   const char *name;
#define SETTING_URL_WORD(name)      const char *name;
#define SETTING_HOST_WORD(name)     const char *name;
#define SETTING_NETWORKS_WORD(name) const char *name;
#define SETTING_ORIGINS_WORD(name)  const char *name;
#define SETTING_DATABASE_WORD(name) const char *name;
#define SETTING_RIGHTS_WORD(name)   const char *name;
#define SETTING_CHOICE_WORD(name)   const char *name;
#define SETTING_INT_WORD(name)      int64_t name;
#define SETTING_BOOL_WORD(name)
#define SETTING_STR_FLAG(name)
#define SETTING_SECRET_FLAG(name)
#define SETTING_URL_FLAG(name)
#define SETTING_HOST_FLAG(name)
#define SETTING_NETWORKS_FLAG(name)
#define SETTING_ORIGINS_FLAG(name)
#define SETTING_DATABASE_FLAG(name)
#define SETTING_RIGHTS_FLAG(name)
#define SETTING_CHOICE_FLAG(name)
#define SETTING_INT_FLAG(name)
#define SETTING_BOOL_FLAG(name) bool name;
#define WORD(kind, name, ...)   SETTING_##kind##_WORD(name)
#define FLAG(kind, name, ...)   SETTING_##kind##_FLAG(name)
struct settings {
	struct settings_priv *priv; /* owns the strings and where each value came from */
	SETTINGS_TABLE(WORD)
	SETTINGS_TABLE(FLAG)
};
#undef WORD
#undef FLAG

struct setting_info {
	enum setting_kind kind;
	const char *name, *def, *env, *help;
	const char *choices; /* of a CHOICE, with blanks between; else NULL */
	int64_t min, max;
};

const struct setting_info *settings_table(size_t *ret_n);

/* Adds which values it takes, in words: "1 to 64", "public, admin, off". */
void setting_values(const struct setting_info *info, struct buf *to);

/*
 * A provider of the file: lines `provider.NAME.FIELD = value`, any number of them and of each kind. The texts are "" and
 * the numbers 0 where nothing is said. What a kind is and which addresses it takes is not checked here.
 */
struct settings_provider {
	const char *name; /* a-z, 0-9 and -, 1 to 32 */
	const char *kind, *url, *key, *version, *proxy;
	int64_t max_concurrent, connect_timeout_ms, first_byte_timeout_ms, token_timeout_ms, total_timeout_ms;
	bool enabled;       /* unless the file says otherwise */
	const char *origin; /* of its line `kind`: "atelier.conf:3" */
};

/* In the order of the file; borrowed. */
const struct settings_provider *settings_providers(const struct settings *s, size_t *ret_n);

/* The fields of such lines, for documentation. */
struct settings_provider_field {
	const char *name, *help;
	int64_t max; /* bytes of a text, or the largest number */
	bool number;
};
const struct settings_provider_field *settings_provider_fields(size_t *ret_n);

/* All defaults, then the environment is applied by settings_load. */
void settings_init(struct settings *s);
void settings_done(struct settings *s);

/* Sets one value; `origin` is for error texts ("--listen", "line 3 of atelier.conf"). E_INVALID. */
int settings_set(struct settings *s, const char *name, const char *value, const char *origin, struct err *e) MUST_CHECK;

/*
 * Reads flags (--name=value, --name value; booleans also --name and --no-name), the environment and the file, in the
 * order of their strength. --listen given again adds to what it said before; a secret is refused as a flag, since everybody
 * sees those of a running program. Removes what it understood from argv, stops at "--"; what is left is for the command. An
 * unknown --flag is E_INVALID with the nearest known name. Fills `data` with its default when it is still empty.
 */
int settings_load(struct settings *s, int *argc, char **argv, struct err *e) MUST_CHECK;

/* The place of a CHOICE's value among its choices, from 0. */
unsigned settings_choice(const struct settings *s, const char *name);

/* The configuration file, if a key or password stands in it and others on this machine may read it; else NULL. */
const char *settings_open_file(const struct settings *s);

/* The next variable of the environment that is nobody's, but named like one of ours but for a letter or two; begins with {0}. */
struct settings_variable {
	char name[64];
	const char *meant; /* the name that was meant */
	size_t next;
};
bool settings_misspelt(struct settings_variable *v);

/* Where the value came from: "default", "OLLAMA_HOST", "--listen", "atelier.conf:3". */
const char *settings_origin(const struct settings *s, const char *name);
