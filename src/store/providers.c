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
static const struct rows_table providers = {"providers", "created_at, id", "There is no such provider.",
	"There is a provider of this name already.", TABLE(struct stored_provider, columns)};

int stored_providers_list(struct db_conn *c, struct arena *a, struct stored_provider_list *ret, struct err *e)
{
	return rows_list(&providers, c, a, &ret->items, &ret->n, e);
}

int stored_providers_get(struct db_conn *c, atelier_id id, struct arena *a, struct stored_provider *ret, struct err *e)
{
	return rows_get(&providers, c, id, a, ret, e);
}

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
	CLEANUP(buf_done) struct buf sealed = BUF_INIT(VAULT_MAX + 256);

	if (!x->key)
		return 0;
	if (!*x->key)
		return db_exec(c, NULL, e, "UPDATE providers SET key = NULL WHERE id = ?", DB_I64(x->id));
	const struct vault_place at = {KEY_COLUMN, x->id, x->in->bound};
	int r = vault_seal(x->vault, &at, str_from(x->key), &sealed, e);
	if (r < 0)
		return r;
	return db_exec(
		c, NULL, e, "UPDATE providers SET key = ? WHERE id = ?", DB_BLOB(sealed.p, sealed.n), DB_I64(x->id));
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
	int r = rows_create_in(&providers, c, &row, &x->id, e);

	return r < 0 ? r : set_key(c, x, e);
}

int stored_providers_create(struct db *db, const struct vault *v, const struct stored_provider *in, const char *key,
	atelier_id *ret_id, struct err *e)
{
	struct change x = {.vault = v, .in = in, .key = key};
	int r = db_write(db, create_in, &x, e);

	if (r < 0)
		return r;
	*ret_id = x.id;
	return 0;
}

static int update_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	const struct stored_provider row = row_of(x->in);
	int r = rows_set_in(&providers, c, &row, e);

	return r < 0 ? r : set_key(c, x, e);
}

int stored_providers_update(
	struct db *db, const struct vault *v, const struct stored_provider *in, const char *key, struct err *e)
{
	struct change x = {.vault = v, .in = in, .key = key, .id = in->id};

	return db_write(db, update_in, &x, e);
}

int stored_providers_delete(struct db *db, atelier_id id, struct err *e)
{
	return rows_delete(&providers, db, id, e);
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
