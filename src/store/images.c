/*
 * images.c - pictures of messages, of assistants and of questions that wait. Who may see one follows from who may see what has it
 * (SEEN_BY), so there are no rights of pictures; one that nothing has (USED) is removed after a while, as it may have been sent for
 * a question that was never asked. The quota counts blobs, within the transaction that adds one.
 */
#include "store/images.h"

#include "store/grants.h"
#include "store/store_priv.h"

#define NO_IMAGE "There is no such picture, or it is not yours."
#define AT_ONCE  500

#define I struct image_row
static const struct col columns[] = {COL(I64, I, id), COL(I64, I, user_id), COL(TEXT, I, media_type),
	COL(I64, I, width), COL(I64, I, height), COL(TEXT, I, name),
	COL_AS(I64, I, bytes, "(SELECT b.size FROM blobs b WHERE b.id = images.blob_id)", COL_SEEN),
	COL_AS(TEXT, I, hash, "(SELECT b.hash FROM blobs b WHERE b.id = images.blob_id)", COL_SEEN),
	COL_CREATED(I, created_at)};
#undef I
static const struct rows_table images = {"images", "id", NO_IMAGE, NULL, TABLE(struct image_row, columns)};

/* Whether a person may see the row `images`: the parameters are SEEN_PARAMS. */
#define SEEN_BY                                                                                                        \
	"(images.user_id = ? OR EXISTS (SELECT 1 FROM message_images mi JOIN messages m ON m.id = mi.message_id"       \
	" JOIN conversations v ON v.id = m.conversation_id"                                                            \
	" WHERE mi.image_id = images.id AND v.user_id = ? AND v.deleted_at IS NULL)"                                   \
	" OR EXISTS (SELECT 1 FROM assistants s WHERE s.image_id = images.id AND " GRANTED(                            \
		"assistant", "s.id", "s.user_id") "))"
#define SEEN_PARAMS(user_id) DB_I64(user_id), DB_I64(user_id), GRANTED_PARAMS(user_id, false, GRANT_READ)

/* Whether something has it. */
#define USED                                                                                                           \
	"(EXISTS (SELECT 1 FROM message_images mi WHERE mi.image_id = images.id)"                                      \
	" OR EXISTS (SELECT 1 FROM queued_images qi WHERE qi.image_id = images.id)"                                    \
	" OR EXISTS (SELECT 1 FROM assistants s WHERE s.image_id = images.id)"                                         \
	" OR EXISTS (SELECT 1 FROM assistant_versions w WHERE w.image_id = images.id))"

/* ---- making ---- */

struct creation {
	const struct image_new *in;
	atelier_id id;
};

/* The same bytes sent twice count once. */
static int check_quota(struct db_conn *c, const struct image_new *in, struct err *e)
{
	int64_t bytes = 0;
	int r = STORE_I64(c, &bytes, NO_IMAGE, e,
		"SELECT coalesce(sum(size), 0) FROM blobs WHERE id IN (SELECT blob_id FROM images WHERE user_id = ?)",
		DB_I64(in->user_id));

	if (r < 0 || bytes <= in->quota)
		return r;
	return err_set(e, E_QUOTA,
		"Your pictures would take more than %lld MB. Delete conversations that have some, then try again.",
		(long long)(in->quota >> 20));
}

static int take_blob(struct db_conn *c, atelier_id blob_id, void *arg, struct err *e)
{
	struct creation *x = arg;
	const struct image_new *in = x->in;
	int r = STORE_INSERT(c, &x->id, e,
		"INSERT INTO images (id, user_id, blob_id, media_type, width, height, name, sent, created_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
		DB_I64(in->user_id), DB_I64(blob_id), DB_TEXT(in->media_type), DB_I64(in->width), DB_I64(in->height),
		DB_TEXT(in->name), DB_I64(clock_now_ms()));

	return r < 0 ? r : check_quota(c, in, e);
}

int images_create(struct db *db, const char *data, const struct image_new *in, atelier_id *ret_id, struct err *e)
{
	struct creation x = {.in = in};
	const struct blob_new blob = {.bytes = in->bytes, .take = take_blob, .arg = &x};
	int r = blobs_put(db, data, &blob, e);

	if (r == 0)
		*ret_id = x.id;
	return r;
}

/* ---- reading ---- */

int images_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct image_row *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&images, c, a, ret, e, "WHERE id = ? AND " SEEN_BY, DB_I64(id), SEEN_PARAMS(user_id));
}

int images_of_message(struct db_conn *c, atelier_id message_id, struct arena *a, struct image_rows *ret, struct err *e)
{
	return rows_all(&images, c, a, &ret->items, &ret->n, e,
		"JOIN message_images h ON h.image_id = images.id WHERE h.message_id = ? ORDER BY h.n",
		DB_I64(message_id));
}

int images_are_asked(struct db_conn *c, atelier_id message_id, bool *ret, struct err *e)
{
	int64_t some = 0;
	int r = STORE_I64(c, &some, NULL, e,
		"SELECT 1 FROM message_images WHERE message_id = ? OR"
		" message_id = (SELECT parent_id FROM messages WHERE id = ? AND role = 'assistant') LIMIT 1",
		DB_I64(message_id), DB_I64(message_id));

	if (r == 0)
		*ret = some;
	return r;
}

/* ---- who has them ---- */

int images_attach(struct db_conn *c, atelier_id message_id, const atelier_id *ids, size_t n, struct err *e)
{
	int r = 0;

	ASSERT(db_is_writing(c));
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = STORE_EXEC(c, NO_IMAGE, e, "UPDATE images SET sent = 1 WHERE id = ?", DB_I64(ids[i]));
		if (r == 0)
			r = db_exec(c, NULL, e, "INSERT INTO message_images (message_id, n, image_id) VALUES (?, ?, ?)",
				DB_I64(message_id), DB_I64(i), DB_I64(ids[i]));
	}
	return r;
}

int images_queue(struct db_conn *c, atelier_id queued_id, const atelier_id *ids, size_t n, struct err *e)
{
	int r = 0;

	ASSERT(db_is_writing(c));
	for (size_t i = 0; r == 0 && i < n; i++)
		r = db_exec(c, NULL, e, "INSERT INTO queued_images (queued_id, n, image_id) VALUES (?, ?, ?)",
			DB_I64(queued_id), DB_I64(i), DB_I64(ids[i]));
	return r;
}

int images_copy(struct db_conn *c, atelier_id from, atelier_id to, struct err *e)
{
	ASSERT(db_is_writing(c));
	return db_exec(c, NULL, e,
		"INSERT INTO message_images (message_id, n, image_id)"
		" SELECT ?, n, image_id FROM message_images WHERE message_id = ?",
		DB_I64(to), DB_I64(from));
}

/* ---- removing ---- */

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct store_theirs *x = arg;
	int64_t used = 0;
	int r = STORE_I64(c, &used, NO_IMAGE, e,
		"SELECT CASE WHEN " USED " THEN 1 ELSE 0 END FROM images WHERE id = ? AND user_id = ?", DB_I64(x->id),
		DB_I64(x->user_id));

	ASSERT(db_is_writing(c));
	if (r == 0 && used)
		r = err_set(e, E_CONFLICT, "A message or an assistant has this picture. It goes with that.");
	return r < 0 ? r : db_exec(c, NULL, e, "DELETE FROM images WHERE id = ?", DB_I64(x->id));
}

int images_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	ASSERT(user_id);
	return store_apply(db, delete_in, STORE_THEIRS(user_id, id), e);
}

int images_delete_unused(
	struct db *db, const char *data, atelier_id user_id, int64_t before, int64_t *ret_n, struct err *e)
{
	int64_t files;
	int r = STORE_WRITE(db, ret_n, e,
		"DELETE FROM images WHERE id IN (SELECT id FROM images WHERE (? = 0 OR user_id = ?) AND NOT " USED
		" AND (sent = 1 OR created_at < ?) LIMIT ?)",
		DB_I64(user_id), DB_I64(user_id), DB_I64(before), DB_I64(AT_ONCE));

	return r < 0 ? r : blobs_delete_unused(db, data, &files, e);
}
