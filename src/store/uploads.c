/*
 * uploads.c - the rows of uploads, and what is done to rows and files together. A row is made before its file and
 * removed before it. So what a crash leaves is a row without a file or a file without a row, and both are found by
 * looking through rows and folder, once they are older than the moment in which that is so by right.
 */
#include "store/uploads.h"

#include <inttypes.h>

#include "store/store_priv.h"
#include "store/uploads_priv.h"

#define NO_UPLOAD "There is no such upload, or it is not yours."
#define STRAY_MS  60000 /* a row is without its file for a moment while it is made */
#define AT_ONCE   500

struct creation {
	const struct upload_new *in;
	atelier_id id;
};

static int check_quota(struct db_conn *c, const struct upload_new *in, struct err *e)
{
	int64_t used = 0;
	int r = STORE_I64(c, &used, NULL, e,
		"SELECT coalesce(sum(CASE WHEN size > ? THEN size ELSE ? END), 0) FROM uploads WHERE user_id = ?",
		DB_I64(UPLOAD_LEAST), DB_I64(UPLOAD_LEAST), DB_I64(in->user_id));

	if (r < 0)
		return r;
	if (MAX(in->size, UPLOAD_LEAST) <= in->quota - used)
		return 0;
	return err_set(e, E_QUOTA,
		"Your uploads have %" PRId64 " of the %" PRId64 " bytes that they may have (upload_quota_mb): %" PRId64
		" more do not fit. Delete one, or wait until one expires.",
		used, in->quota, in->size);
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct creation *x = arg;
	const struct upload_new *in = x->in;
	int r = check_quota(c, in, e);

	if (r < 0)
		return r;
	return STORE_INSERT(c, &x->id, e,
		"INSERT INTO uploads (id, user_id, size, metadata, created_at, expires_at)"
		" VALUES (?, ?, ?, ?, ?, ?)",
		DB_I64(in->user_id), DB_I64(in->size), DB_TEXT(in->metadata), DB_I64(clock_now_ms()),
		DB_I64(in->expires_at));
}

int uploads_create(struct db *db, const char *data, const struct upload_new *in, atelier_id *ret_id, struct err *e)
{
	struct creation x = {.in = in};
	int r = db_write(db, create_in, &x, e);

	ASSERT(in->user_id);
	if (r == 0)
		r = upload_make(data, x.id, e); /* a row without a file is removed as a stray */
	if (r == 0)
		*ret_id = x.id;
	return r;
}

#define U struct upload
static const struct col columns[] = {
	COL(I64, U, id), COL(I64, U, size), COL(TEXT, U, metadata), COL(I64, U, created_at), COL(I64, U, expires_at)};
#undef U
static const struct rows_table uploads = {"uploads", NULL, NO_UPLOAD, NULL, TABLE(struct upload, columns)};

int uploads_get(
	struct db_conn *c, atelier_id id, atelier_id user_id, struct arena *a, struct upload *ret, struct err *e)
{
	int r = rows_first(&uploads, c, a, ret, e, "WHERE id = ? AND user_id = ?", DB_I64(id), DB_I64(user_id));

	ASSERT(user_id);
	if (r == 0 && ret->expires_at <= clock_now_ms())
		r = err_set(e, E_EXPIRED, "This upload has expired. Begin a new one.");
	return r;
}

int uploads_delete(struct db *db, const char *data, atelier_id id, atelier_id user_id, struct err *e)
{
	int r = STORE_CHANGE(
		db, NO_UPLOAD, e, "DELETE FROM uploads WHERE id = ? AND user_id = ?", DB_I64(id), DB_I64(user_id));

	ASSERT(user_id);
	if (r == 0)
		upload_remove(data, id);
	return r;
}

/* ---- what nobody comes back for ---- */

struct sweep {
	const char *data;
	int64_t now;
	atelier_id ids[AT_ONCE];
	size_t n;
};

static int delete_all_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct sweep *s = arg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = db_exec(c, NULL, e, "DELETE FROM uploads WHERE id = ?", DB_I64(s->ids[i]));
	return r;
}

int uploads_delete_expired(struct db *db, const char *data, int64_t now, int64_t *ret_n, struct err *e)
{
	struct sweep s = {.data = data, .now = now};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
		r = STORE_IDS(c, s.ids, AT_ONCE, &s.n, e, "SELECT id FROM uploads WHERE expires_at <= ? LIMIT ?",
			DB_I64(now), DB_I64(AT_ONCE));
	}
	if (r == 0 && s.n > 0)
		r = db_write(db, delete_all_in, &s, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n; i++)
		upload_remove(data, s.ids[i]);
	*ret_n = (int64_t)s.n;
	return 0;
}

struct strays {
	struct db_conn *c;
	const char *data;
	int64_t n;
	struct err *e;
};

static int remove_stray(void *arg, atelier_id id)
{
	struct strays *s = arg;
	int64_t has_row = 0;
	int r = STORE_I64(s->c, &has_row, NULL, s->e, "SELECT 1 FROM uploads WHERE id = ?", DB_I64(id));

	if (r < 0 || has_row)
		return r;
	upload_remove(s->data, id);
	s->n++;
	return 0;
}

/* The rows that have lost their file. */
static int find_lost(struct db_conn *c, struct sweep *s, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e, "SELECT id FROM uploads WHERE created_at < ?", DB_I64(s->now - STRAY_MS));

	while (r >= 0 && s->n < N_ELEMENTS(s->ids) && (r = db_next(rows, e)) > 0)
		if (!upload_is_there(s->data, db_i64(rows, 0)))
			s->ids[s->n++] = db_i64(rows, 0);
	return MIN(r, 0);
}

int uploads_delete_strays(struct db *db, const char *data, int64_t now, int64_t *ret_n, struct err *e)
{
	struct sweep s = {.data = data, .now = now};
	struct strays files = {.data = data, .e = e};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
		files.c = c;
		r = upload_each(data, remove_stray, &files);
		if (r == 0)
			r = find_lost(c, &s, e);
	}
	if (r == 0 && s.n > 0)
		r = db_write(db, delete_all_in, &s, e);
	if (r == 0)
		*ret_n = files.n + (int64_t)s.n;
	return r;
}
