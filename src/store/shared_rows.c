/*
 * shared_rows.c - rows that belong to a person, are others' by grants, and keep what they were. One set of verbs for
 * all such kinds, whose statements are written when they run, out of names of tables that stand in descriptors and
 * never come from a request. Who may what is a condition of the statement itself: nothing is read first and judged
 * afterwards.
 */
#include "store/shared_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "store/store_priv.h"

#define SQL_MAX 1024

/* Of a name to which a number is added: no kind has names of fewer than 60 characters. */
#define COPIED_BYTES 55

/* Of the columns: may. */
#define MAY_PARAMS(user_id) DB_I64(user_id), DB_I64(user_id), DB_I64(user_id)

/* As GRANTED, of a kind that is told when it runs. */
static void add_granted(char ret[SQL_MAX], const struct shared_kind *k, const char *before, const char *after)
{
	ASSERT(k->rows && k->grants);
	snprintf(ret, SQL_MAX,
		"WHERE %s(? = 1 OR %s.user_id = ? OR EXISTS (SELECT 1 FROM grants g WHERE g.kind = '%s'"
		" AND g.resource_id = %s.id AND g.verb >= ? AND " GRANTED_TO "))%s",
		before, k->rows->name, k->grants, k->rows->name, after);
}

int shared_list(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, struct arena *a, void *ret_items,
	size_t *ret_n, struct err *e)
{
	char tail[SQL_MAX], which[300], order[100];

	ASSERT(user_id);
	snprintf(which, sizeof(which), "%s%s", k->listed ? k->listed : "", k->listed ? " AND " : "");
	snprintf(order, sizeof(order), " ORDER BY %s.folded, %s.id", k->rows->name, k->rows->name);
	add_granted(tail, k, which, order);
	return rows_all(k->rows, c, a, ret_items, ret_n, e, tail, MAY_PARAMS(user_id),
		GRANTED_PARAMS(user_id, false, GRANT_READ));
}

int shared_get(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb,
	struct arena *a, void *ret_row, struct err *e)
{
	char tail[SQL_MAX], which[100];

	ASSERT(user_id);
	snprintf(which, sizeof(which), "%s.id = ? AND ", k->rows->name);
	add_granted(tail, k, which, "");
	return rows_first(
		k->rows, c, a, ret_row, e, tail, MAY_PARAMS(user_id), DB_I64(id), GRANTED_PARAMS(user_id, false, verb));
}

int shared_named(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, const char *name,
	enum grant_verb verb, struct arena *a, void *ret_row, struct err *e)
{
	char tail[SQL_MAX], which[100], order[200], *folded = store_fold(name);
	const char *table = k->rows->name;

	ASSERT(user_id);
	snprintf(which, sizeof(which), "%s.folded = ? AND ", table);
	snprintf(order, sizeof(order), " ORDER BY CASE WHEN %s.user_id = ? THEN 0 ELSE 1 END, %s.id LIMIT 1", table,
		table);
	add_granted(tail, k, which, order);

	int r = rows_first(k->rows, c, a, ret_row, e, tail, MAY_PARAMS(user_id), DB_TEXT(folded),
		GRANTED_PARAMS(user_id, false, verb), DB_I64(user_id));

	free(folded);
	return r;
}

int shared_versions(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a,
	void *ret_items, size_t *ret_n, struct err *e)
{
	char tail[SQL_MAX];
	void *row = arena_alloc(a, k->rows->size);
	int r = row ? shared_get(k, c, user_id, id, GRANT_EDIT, a, row, e) : store_full(e);

	ASSERT(k->versions && k->ref && user_id);
	snprintf(tail, sizeof(tail), "WHERE %s = ? ORDER BY version DESC", k->ref);
	return r < 0 ? r : rows_all(k->versions, c, a, ret_items, ret_n, e, tail, DB_I64(id));
}

/* ---- writing ---- */

struct change {
	const struct shared_kind *k;
	atelier_id user_id, id;
	const void *in;
	const struct rows_edit *edit; /* NULL: it becomes what it was in `version` */
	int64_t version;
	struct arena *a;
	void *ret;
};

static atelier_id id_in(const void *row, size_t offset)
{
	return *(const atelier_id *)(const void *)((const char *)row + offset);
}

/* Of a version: what the thing itself has, too, and an edit can change. */
static bool is_kept(const struct col *c)
{
	static const char *const others[] = {"id", "version", "user_id"};

	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		if (strcmp(c->name, others[i]) == 0)
			return false;
	return !(c->flags & COL_KEPT);
}

/* ", name, body" */
static void add_kept(char ret[SQL_MAX], const struct rows_table *versions)
{
	size_t n = 0;

	for (size_t i = 0; i < versions->n_cols; i++)
		if (is_kept(&versions->cols[i]))
			n += (size_t)snprintf(ret + n, SQL_MAX - n, ", %s", versions->cols[i].name);
	ASSERT(n < SQL_MAX);
}

/* What it is from now on, as a version. */
static int keep(const struct shared_kind *k, struct db_conn *c, atelier_id id, atelier_id user_id, struct err *e)
{
	char sql[3 * SQL_MAX], kept[SQL_MAX];
	atelier_id version;

	ASSERT(!k->versions || k->ref);
	if (!k->versions)
		return 0;
	add_kept(kept, k->versions);
	snprintf(sql, sizeof(sql),
		"INSERT INTO %s (id, %s, version, user_id, created_at%s)"
		" SELECT ?, id, version, ?, updated_at%s FROM %s WHERE id = ?",
		k->versions->name, k->ref, kept, kept, k->rows->name);
	return STORE_INSERT(c, &version, e, sql, DB_I64(user_id), DB_I64(id));
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	char sql[SQL_MAX];
	int64_t n = 0;
	int r;

	ASSERT(db_is_writing(c));
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE user_id = ?", x->k->rows->name);
	r = STORE_I64(c, &n, NULL, e, sql, DB_I64(x->user_id));
	if (r == 0 && n >= x->k->max)
		r = err_set(e, E_CONFLICT, "%s", x->k->many);
	if (r == 0)
		r = rows_create_in(x->k->rows, c, x->in, &x->id, e);
	return r < 0 ? r : keep(x->k, c, x->id, x->user_id, e);
}

int shared_create(const struct shared_kind *k, struct db *db, const void *row, atelier_id *ret_id, struct err *e)
{
	struct change x = {.k = k, .in = row, .user_id = id_in(row, k->user_id)};

	return store_make(db, create_in, &x, &x.id, ret_id, e);
}

static const size_t member_bytes[] = {[COL_I64] = sizeof(int64_t),
	[COL_BOOL] = sizeof(bool),
	[COL_TEXT] = sizeof(const char *),
	[COL_BYTES] = sizeof(struct str),
	[COL_REF] = sizeof(int64_t),
	[COL_OPT] = sizeof(int64_t)};

/* Makes the row what it was in that version. */
static int take_version(struct db_conn *c, const struct change *x, struct err *e)
{
	const struct rows_table *t = x->k->versions;
	char tail[SQL_MAX], *was = arena_alloc(x->a, t->size);
	int r;

	if (!was)
		return store_full(e);
	snprintf(tail, sizeof(tail), "WHERE %s = ? AND version = ?", x->k->ref);
	r = rows_first(t, c, x->a, was, e, tail, DB_I64(x->id), DB_I64(x->version));
	for (size_t i = 0; r == 0 && i < t->n_cols; i++) {
		const struct col *col = &t->cols[i];

		if (is_kept(col))
			memcpy((char *)x->ret + col->offset, was + col->offset, member_bytes[col->type]);
	}
	return r;
}

static int edit_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r = rows_lock(x->k->rows, c, x->id, e);

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = shared_get(x->k, c, x->user_id, x->id, GRANT_EDIT, x->a, x->ret, e);
	if (r == 0)
		r = x->edit ? x->edit->edit(x->ret, x->edit->arg, e) : take_version(c, x, e);
	if (r < 0)
		return r;
	if (x->k->versions)
		++*(int64_t *)(void *)((char *)x->ret + x->k->version);
	r = rows_set_in(x->k->rows, c, x->ret, e);
	return r < 0 ? r : keep(x->k, c, x->id, x->user_id, e);
}

int shared_edit(const struct shared_kind *k, struct db *db, atelier_id user_id, const struct rows_edit *edit,
	void *ret_row, struct err *e)
{
	struct change x = {.k = k, .user_id = user_id, .id = edit->id, .edit = edit, .a = edit->a, .ret = ret_row};

	ASSERT(user_id);
	return db_write(db, edit_in, &x, e);
}

int shared_roll_back(const struct shared_kind *k, struct db *db, atelier_id user_id, atelier_id id, int64_t version,
	struct arena *a, void *ret_row, struct err *e)
{
	struct change x = {.k = k, .user_id = user_id, .id = id, .version = version, .a = a, .ret = ret_row};

	ASSERT(user_id);
	return db_write(db, edit_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	char sql[SQL_MAX];
	int r;

	snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE id = ? AND user_id = ?", x->k->rows->name);
	r = STORE_EXEC(c, x->k->rows->missing, e, sql, DB_I64(x->id), DB_I64(x->user_id));
	return r < 0 ? r : grants_forget(c, x->k->grants, x->id, e);
}

void shared_copy_name(const struct shared_kind *k, const char *name, int n, char ret[SHARED_COPY_MAX])
{
	snprintf(ret, SHARED_COPY_MAX, "%.*s%s%d", (int)utf8_prefix(name, strlen(name), COPIED_BYTES), name,
		k->copy ? k->copy : " ", n);
}

int shared_delete(const struct shared_kind *k, struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	ASSERT(user_id);
	return store_apply(db, delete_in, &(struct change){.k = k, .user_id = user_id, .id = id}, e);
}
