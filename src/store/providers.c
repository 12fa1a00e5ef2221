/* providers.c - providers that administrators made through the API. */
#include "store/providers.h"
#include "store/store_priv.h"

#define NO_PROVIDER "There is no such provider."
#define KEY_COLUMN  "providers.key"
#define PROVIDER_COLUMNS                                                                                               \
	"id, name, kind, url, version, key, enabled, max_concurrent, connect_timeout_ms, first_byte_timeout_ms,"       \
	" token_timeout_ms, total_timeout_ms, created_at, updated_at, proxy"

static void read_provider(struct store_reader *rd, struct stored_provider *p)
{
	*p = (struct stored_provider){
		.id = db_i64(rd->rows, 0),
		.name = store_str(rd, 1),
		.kind = store_str(rd, 2),
		.url = store_str(rd, 3),
		.version = store_str(rd, 4),
		.enabled = db_i64(rd->rows, 6) != 0,
		.max_concurrent = db_i64(rd->rows, 7),
		.connect_timeout_ms = db_i64(rd->rows, 8),
		.first_byte_timeout_ms = db_i64(rd->rows, 9),
		.token_timeout_ms = db_i64(rd->rows, 10),
		.total_timeout_ms = db_i64(rd->rows, 11),
		.created_at = db_i64(rd->rows, 12),
		.updated_at = db_i64(rd->rows, 13),
		.proxy = store_str(rd, 14),
	};
	if (!db_is_null(rd->rows, 5))
		p->sealed = (struct str){store_str(rd, 5), db_bytes(rd->rows, 5).n};
}

int stored_providers_list(struct db_conn *c, struct arena *a, struct stored_provider_list *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct stored_provider)};
	struct store_reader rd = {.a = a};
	int r = db_query(c, &rows, e, "SELECT " PROVIDER_COLUMNS " FROM providers ORDER BY created_at, id");

	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct stored_provider *p = store_push(&l, a);

		if (!p)
			return store_full(e);
		read_provider(&rd, p);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct stored_provider_list){l.items, l.n};
	return r;
}

int stored_providers_get(struct db_conn *c, atelier_id id, struct arena *a, struct stored_provider *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct stored_provider p;
	int r = STORE_FIRST(
		c, &rows, NO_PROVIDER, e, "SELECT " PROVIDER_COLUMNS " FROM providers WHERE id = ?", DB_I64(id));

	if (r < 0)
		return r;
	rd.rows = rows;
	read_provider(&rd, &p);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = p;
	return r;
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

static int is_there(int r, const struct stored_provider *in, struct err *e)
{
	return store_conflict(r, e, "There is a provider named %s already.", in->name);
}

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

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	const struct stored_provider *in = x->in;
	int64_t now = clock_now_ms();
	int r = STORE_INSERT(c, &x->id, e,
		"INSERT INTO providers (id, name, kind, url, version, enabled, max_concurrent, connect_timeout_ms,"
		" first_byte_timeout_ms, token_timeout_ms, total_timeout_ms, created_at, updated_at, proxy)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_TEXT(in->name), DB_TEXT(in->kind), DB_TEXT(or_empty(in->url)), DB_TEXT(or_empty(in->version)),
		DB_I64(in->enabled), DB_I64(in->max_concurrent), DB_I64(in->connect_timeout_ms),
		DB_I64(in->first_byte_timeout_ms), DB_I64(in->token_timeout_ms), DB_I64(in->total_timeout_ms),
		DB_I64(now), DB_I64(now), DB_TEXT(or_empty(in->proxy)));

	return r < 0 ? is_there(r, in, e) : set_key(c, x, e);
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
	const struct stored_provider *in = x->in;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE providers SET name = ?, kind = ?, url = ?, version = ?, enabled = ?, max_concurrent = ?,"
		" connect_timeout_ms = ?, first_byte_timeout_ms = ?, token_timeout_ms = ?, total_timeout_ms = ?,"
		" updated_at = ?, proxy = ? WHERE id = ?",
		DB_TEXT(in->name), DB_TEXT(in->kind), DB_TEXT(or_empty(in->url)), DB_TEXT(or_empty(in->version)),
		DB_I64(in->enabled), DB_I64(in->max_concurrent), DB_I64(in->connect_timeout_ms),
		DB_I64(in->first_byte_timeout_ms), DB_I64(in->token_timeout_ms), DB_I64(in->total_timeout_ms),
		DB_I64(clock_now_ms()), DB_TEXT(or_empty(in->proxy)), DB_I64(in->id));

	if (r < 0)
		return is_there(r, in, e);
	return n == 0 ? err_set(e, E_NOT_FOUND, NO_PROVIDER) : set_key(c, x, e);
}

int stored_providers_update(
	struct db *db, const struct vault *v, const struct stored_provider *in, const char *key, struct err *e)
{
	struct change x = {.vault = v, .in = in, .key = key, .id = in->id};

	return db_write(db, update_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *id = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e, "DELETE FROM providers WHERE id = ?", DB_I64(*id));

	return r == 0 && n == 0 ? err_set(e, E_NOT_FOUND, NO_PROVIDER) : r;
}

int stored_providers_delete(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, delete_in, &id, e);
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
