/*
 * files.c - files that tools made. A row is made in the transaction that puts its blob and attaches it to its message, after which
 * the quota is looked at: what is over it is rolled back with all of it. Whoever may see a message of their own conversations may
 * see its files, and what no message has any more is removed by maintenance, so nobody counts.
 */
#include "store/files.h"

#include "store/store_priv.h"

#define NO_FILE "There is no such file, or it is not yours."
#define AT_ONCE 500

#define F struct file_row
static const struct col columns[] = {COL(I64, F, id), COL(I64, F, user_id), COL(TEXT, F, name),
	COL(TEXT, F, media_type),
	COL_AS(I64, F, bytes, "(SELECT b.size FROM blobs b WHERE b.id = files.blob_id)", COL_SEEN),
	COL_AS(TEXT, F, hash, "(SELECT b.hash FROM blobs b WHERE b.id = files.blob_id)", COL_SEEN),
	COL_CREATED(F, created_at)};
#undef F
static const struct rows_table files = {"files", "id", NO_FILE, NULL, TABLE(struct file_row, columns)};

/* Whether a person may see the row `files`: the parameter is the person. */
#define SEEN_BY                                                                                                        \
	"EXISTS (SELECT 1 FROM message_files h JOIN messages m ON m.id = h.message_id"                                 \
	" JOIN conversations v ON v.id = m.conversation_id"                                                            \
	" WHERE h.file_id = files.id AND v.user_id = ? AND v.deleted_at IS NULL)"

/* ---- making ---- */

struct creation {
	const struct file_new *in;
	atelier_id id;
};

/* The same bytes twice count once. */
static int check_quota(struct db_conn *c, const struct file_new *in, struct err *e)
{
	int64_t bytes = 0;
	int r = STORE_I64(c, &bytes, NO_FILE, e,
		"SELECT coalesce(sum(size), 0) FROM blobs WHERE id IN (SELECT blob_id FROM files WHERE user_id = ?)",
		DB_I64(in->user_id));

	if (r < 0 || bytes <= in->quota)
		return r;
	return err_set(
		e, E_QUOTA, "all files that tools made would take more than %lld MB", (long long)(in->quota >> 20));
}

static int take_blob(struct db_conn *c, atelier_id blob_id, void *arg, struct err *e)
{
	struct creation *x = arg;
	const struct file_new *in = x->in;
	int r = STORE_I64(c, NULL, STORE_NO_MESSAGE, e, "SELECT 1 FROM messages WHERE id = ?", DB_I64(in->message_id));

	if (r == 0)
		r = STORE_INSERT(c, &x->id, e,
			"INSERT INTO files (id, user_id, blob_id, name, media_type, created_at)"
			" VALUES (?, ?, ?, ?, ?, ?)",
			DB_I64(in->user_id), DB_I64(blob_id), DB_TEXT(in->name), DB_TEXT(in->media_type),
			DB_I64(clock_now_ms()));
	if (r == 0)
		r = db_exec(c, NULL, e, "INSERT INTO message_files (message_id, file_id) VALUES (?, ?)",
			DB_I64(in->message_id), DB_I64(x->id));
	return r < 0 ? r : check_quota(c, in, e);
}

int files_create(struct db *db, const char *data, const struct file_new *in, atelier_id *ret_id, struct err *e)
{
	struct creation x = {.in = in};
	const struct blob_new blob = {.bytes = in->bytes, .take = take_blob, .arg = &x};
	int r = blobs_put(db, data, &blob, e);

	if (r == 0)
		*ret_id = x.id;
	return r;
}

/* ---- reading ---- */

int files_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct file_row *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&files, c, a, ret, e, "WHERE id = ? AND " SEEN_BY, DB_I64(id), DB_I64(user_id));
}

int files_copy(struct db_conn *c, atelier_id from, atelier_id to, struct err *e)
{
	ASSERT(db_is_writing(c));
	return db_exec(c, NULL, e,
		"INSERT INTO message_files (message_id, file_id) SELECT ?, file_id FROM message_files WHERE message_id"
		" = ?",
		DB_I64(to), DB_I64(from));
}

/* ---- removing ---- */

int files_delete_unused(struct db *db, atelier_id user_id, int64_t *ret_n, struct err *e)
{
	return STORE_WRITE(db, ret_n, e,
		"DELETE FROM files WHERE id IN (SELECT id FROM files WHERE (? = 0 OR user_id = ?) AND NOT EXISTS"
		" (SELECT 1 FROM message_files h WHERE h.file_id = files.id) LIMIT ?)",
		DB_I64(user_id), DB_I64(user_id), DB_I64(AT_ONCE));
}
