/*
 * providers.c - providers that administrators made through the API. A key is sealed for its row and for the address it
 * was given for, and so is written when the row is there, in the same transaction: copied into another row, or with
 * another address in its own, it does not open.
 */
#include "store/providers.h"
#include "store/store_priv.h"

#define KEY_COLUMN "providers.key"

#define P struct stored_provider
static const struct col columns[] = {COL(I64, P, id), COL(TEXT, P, name), COL(TEXT, P, kind), COL(TEXT, P, url),
	COL(TEXT, P, version), COL(TEXT, P, proxy), COL_AS(BYTES, P, sealed, "key", COL_SEEN), COL(BOOL, P, enabled),
	COL(I64, P, max_concurrent), COL(I64, P, connect_timeout_ms), COL(I64, P, first_byte_timeout_ms),
	COL(I64, P, token_timeout_ms), COL(I64, P, total_timeout_ms), COL_CREATED(P, created_at),
	COL_UPDATED(P, updated_at)};
#undef P
const struct rows_table stored_providers_table = {"providers", "created_at, id", "There is no such provider.",
	"There is a provider of this name already.", TABLE(struct stored_provider, columns)};

int stored_provider_key(
	const struct vault *v, const struct stored_provider *p, struct arena *a, const char **ret, struct err *e)
{
	const struct vault_place at = {KEY_COLUMN, p->id, p->bound};
	char *key = NULL;
	int r = p->sealed.p ? vault_open(v, &at, p->sealed, a, &key, e) : 0;

	if (r == 0)
		*ret = key;
	return r;
}

struct change {
	const struct vault *vault;
	const struct stored_provider *in;
	const char *key;
	atelier_id id;
};

/* It is sealed for its row, so the row is there first. */
static int set_key(struct db_conn *c, const struct change *x, struct err *e)
{
	const struct vault_place at = {KEY_COLUMN, x->id, x->in->bound};

	return x->key ? vault_put(c, x->vault, &at, x->key, e) : 0;
}

static struct stored_provider row_of(const struct stored_provider *in)
{
	struct stored_provider row = *in;

	row.url = row.url ? row.url : "";
	row.version = row.version ? row.version : "";
	row.proxy = row.proxy ? row.proxy : "";
	return row;
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	const struct stored_provider row = row_of(x->in);
	int r = rows_create_in(&stored_providers_table, c, &row, &x->id, e);

	return r < 0 ? r : set_key(c, x, e);
}

int stored_providers_create(struct db *db, const struct vault *v, const struct stored_provider *in, const char *key,
	atelier_id *ret_id, struct err *e)
{
	struct change x = {.vault = v, .in = in, .key = key};

	return store_make(db, create_in, &x, &x.id, ret_id, e);
}

static int update_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	const struct stored_provider row = row_of(x->in);
	int r = rows_set_in(&stored_providers_table, c, &row, e);

	return r < 0 ? r : set_key(c, x, e);
}

int stored_providers_update(
	struct db *db, const struct vault *v, const struct stored_provider *in, const char *key, struct err *e)
{
	return store_apply(db, update_in, &(struct change){.vault = v, .in = in, .key = key, .id = in->id}, e);
}

int stored_provider_bind(struct db *db, const struct vault *v, const struct stored_provider *p, struct err *e)
{
	const struct vault_place unbound = {KEY_COLUMN, p->id, NULL};
	CLEANUP(arena_done) struct arena a;
	struct err quiet = {0};
	char *key = NULL;

	arena_init(&a, 2 * VAULT_MAX);
	if (!p->sealed.p || vault_open(v, &unbound, p->sealed, &a, &key, &quiet) < 0)
		return 0;
	return stored_providers_update(db, v, p, key, e);
}
