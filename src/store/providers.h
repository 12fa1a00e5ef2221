/* providers.h - providers that administrators made through the API. Their keys are sealed (vault.h). */
#pragma once

#include "store/rows.h"
#include "store/vault.h"

struct stored_provider {
	atelier_id id;
	const char *name, *kind, *url, *version, *proxy; /* "": none */
	struct str sealed;                               /* the key; p NULL: none. Opened by stored_provider_key */
	const char *bound; /* not stored: kind and origin, which the key was given for (provider_config_origin) */
	bool enabled;
	int64_t max_concurrent, connect_timeout_ms, first_byte_timeout_ms, token_timeout_ms, total_timeout_ms;
	int64_t created_at, updated_at;
};

struct stored_provider_list ROWS_OF(struct stored_provider);

extern const struct rows_table stored_providers_table; /* lists are in the order they were made */
ROWS_LIST(stored_providers_list, stored_providers_table, struct stored_provider_list)
ROWS_GET(stored_providers_get, stored_providers_table, struct stored_provider)
ROWS_DELETE(stored_providers_delete, stored_providers_table)

/* The key in the arena; NULL when there is none. E_INVALID with a sentence when it cannot be opened, as one that was given
 * for something else than `bound`. */
int stored_provider_key(const struct vault *v, const struct stored_provider *p, struct arena *a, const char **ret,
	struct err *e) MUST_CHECK;

/* `id`, `sealed` and the times of `in` are not looked at; the key is sealed for its `bound`. `key`: NULL or "" for none. E_CONFLICT when the name is taken. */
int stored_providers_create(struct db *db, const struct vault *v, const struct stored_provider *in, const char *key,
	atelier_id *ret_id, struct err *e) MUST_CHECK;

/* All of it but the key becomes as in `in`. `key`: NULL keeps what is there, which opens as
 * long as `bound` stays the same; "" removes it. E_NOT_FOUND, E_CONFLICT. */
int stored_providers_update(struct db *db, const struct vault *v, const struct stored_provider *in, const char *key,
	struct err *e) MUST_CHECK;

/* Binds a key that is stored for no address yet, as older versions did, to `p->bound`. 0 also when there is nothing to do. */
int stored_provider_bind(
	struct db *db, const struct vault *v, const struct stored_provider *p, struct err *e) MUST_CHECK;
