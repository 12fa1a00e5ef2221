/*
 * texts.c - a large text is made in many transactions, none of which is long, and shown in one: until then its row is not ready, and one
 * that was left behind is removed when its document is read again. The same bytes read by the same recipe are one text, however
 * many documents have them. Pieces are of one size, so that a slice reads only those that it lies in.
 */
#include "store/texts.h"

#include "store/store_priv.h"

#define NO_TEXT "What was read from this document is not there any more."
#define AT_ONCE 5 /* texts that are removed in one transaction, each with all its passages */

#define T struct text
static const struct col columns[] = {COL(I64, T, id), COL(TEXT, T, hash), COL(TEXT, T, recipe),
	COL(I64, T, document_id), COL(TEXT, T, format), COL(TEXT, T, language), COL(I64, T, words), COL(I64, T, bytes),
	COL(I64, T, pages), COL(I64, T, passages), COL(TEXT, T, warnings), COL_MADE("created_at")};
#undef T
const struct rows_table texts_table = {"texts", "id", NO_TEXT, NULL, TABLE(struct text, columns)};

int texts_find(struct db_conn *c, const char *hash, const char *recipe, atelier_id *ret_id, struct err *e)
{
	return STORE_I64(c, ret_id, NO_TEXT, e, "SELECT id FROM texts WHERE hash = ? AND recipe = ? AND ready = 1",
		DB_TEXT(hash), DB_TEXT(recipe));
}

/* ---- making one ---- */

struct begin {
	const struct text *in;
	atelier_id id;
};

static int begin_in(struct db_conn *c, void *arg, struct err *e)
{
	struct begin *x = arg;
	int r = db_exec(
		c, NULL, e, "DELETE FROM texts WHERE document_id = ? AND ready = 0", DB_I64(x->in->document_id));

	return r < 0 ? r : rows_create_in(&texts_table, c, x->in, &x->id, e);
}

int texts_begin(struct db *db, const struct text *in, atelier_id *ret_id, struct err *e)
{
	struct begin x = {.in = in};

	return store_make(db, begin_in, &x, &x.id, ret_id, e);
}

/* What is added to a text in one transaction. */
struct part {
	atelier_id id;
	int64_t start; /* of bytes; */
	const void *p; /* they, or rows, */
	size_t n;      /* and how many */
};

static int add_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct part *x = arg;
	int r = 0;

	for (size_t at = 0; r == 0 && at < x->n; at += TEXT_PIECE)
		r = db_exec(c, NULL, e, "INSERT INTO text_pieces (text_id, start_at, bytes) VALUES (?, ?, ?)",
			DB_I64(x->id), DB_I64(x->start + (int64_t)at),
			DB_BLOB((const char *)x->p + at, MIN(x->n - at, TEXT_PIECE)));
	return r;
}

int texts_add(struct db *db, atelier_id id, int64_t start, struct str bytes, struct err *e)
{
	return store_apply(db, add_in, &(struct part){id, start, bytes.p, bytes.n}, e);
}

static int add_passages_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct part *x = arg;
	const struct passage_row *p = x->p;
	int r = 0;

	for (const struct passage_row *end = p + x->n; r == 0 && p < end; p++)
		r = db_exec(c, NULL, e,
			"INSERT INTO passages (id, text_id, n, start_at, end_at, page, heading)"
			" VALUES (?, ?, ?, ?, ?, ?, ?)",
			DB_I64(id_new()), DB_I64(x->id), DB_I64(p->n), DB_I64(p->start), DB_I64(p->end),
			DB_I64(p->page), DB_TEXT(p->heading));
	return r;
}

int texts_add_passages(struct db *db, atelier_id id, const struct passage_row *rows, size_t n, struct err *e)
{
	return store_apply(db, add_passages_in, &(struct part){id, 0, rows, n}, e);
}

static int add_pages_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct part *x = arg;
	const struct page_row *p = x->p;
	int r = 0;

	for (const struct page_row *end = p + x->n; r == 0 && p < end; p++)
		r = db_exec(c, NULL, e,
			"INSERT INTO text_pages (text_id, n, number, kind, label, start_at, end_at, width, height,"
			" boxes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			DB_I64(x->id), DB_I64(p->n), DB_I64(p->number), DB_TEXT(p->kind), DB_TEXT(p->label),
			DB_I64(p->start), DB_I64(p->end), DB_I64(p->width), DB_I64(p->height),
			DB_BLOB(p->boxes.p ? p->boxes.p : "", p->boxes.n));
	return r;
}

int texts_add_pages(struct db *db, atelier_id id, const struct page_row *rows, size_t n, struct err *e)
{
	return store_apply(db, add_pages_in, &(struct part){id, 0, rows, n}, e);
}

static int show_text(struct db_conn *c, const struct text_end *x, struct err *e)
{
	if (x->postings)
		return db_exec(c, NULL, e, "UPDATE texts SET ready = 1, passages = ?, postings = ? WHERE id = ?",
			DB_I64(x->passages), DB_BLOB(x->postings->p, x->postings->n), DB_I64(x->text_id));
	return STORE_I64(c, NULL, NO_TEXT, e, "SELECT 1 FROM texts WHERE id = ? AND ready = 1", DB_I64(x->text_id));
}

static int show_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct text_end *x = arg;
	int r = show_text(c, x, e);

	if (r == 0)
		r = STORE_EXEC(c, "The document is gone.", e,
			"UPDATE collections SET revision = revision + 1 WHERE id ="
			" (SELECT d.collection_id FROM documents d JOIN blobs b ON b.id = d.blob_id"
			"  WHERE d.id = ? AND b.hash = ?)",
			DB_I64(x->document_id), DB_TEXT(x->hash));
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"UPDATE documents SET text_id = ?, state = ?, error_code = NULL, error_text = NULL,"
		" updated_at = ?, revision = (SELECT revision FROM collections k"
		"  WHERE k.id = documents.collection_id) WHERE id = ?",
		DB_I64(x->text_id), DB_TEXT(x->state), DB_I64(clock_now_ms()), DB_I64(x->document_id));
}

int texts_show(struct db *db, const struct text_end *x, struct err *e)
{
	return store_apply(db, show_in, x, e);
}

static int put_in(struct db_conn *c, void *arg, struct err *e)
{
	struct text_whole *x = arg;
	struct begin begin = {.in = x->text};
	int r = begin_in(c, &begin, e);

	x->end.text_id = begin.id;
	if (r == 0)
		r = add_in(c, &(struct part){begin.id, 0, x->bytes.p, x->bytes.n}, e);
	if (r == 0)
		r = add_passages_in(c, &(struct part){begin.id, 0, x->passages, x->n_passages}, e);
	if (r == 0)
		r = add_pages_in(c, &(struct part){begin.id, 0, x->pages, x->n_pages}, e);
	return r < 0 ? r : show_in(c, &x->end, e);
}

int texts_put(struct db *db, struct text_whole *x, struct err *e)
{
	ASSERT(x->end.postings); /* it was made, and not found */
	return store_apply(db, put_in, x, e);
}

/* ---- words made anew ---- */

int texts_outdated(struct db_conn *c, int64_t words, atelier_id after, atelier_id *ret_id, struct err *e)
{
	return STORE_I64(c, ret_id, NO_TEXT, e,
		"SELECT id FROM texts WHERE ready = 1 AND words < ? AND id > ? ORDER BY id LIMIT 1", DB_I64(words),
		DB_I64(after));
}

struct reworded {
	atelier_id id;
	int64_t words;
	struct str postings;
};

static int reword_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct reworded *x = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e, "UPDATE texts SET postings = ?, words = ? WHERE id = ? AND words < ?",
		DB_BLOB(x->postings.p, x->postings.n), DB_I64(x->words), DB_I64(x->id), DB_I64(x->words));

	if (r == 0 && n > 0)
		r = db_exec(c, NULL, e,
			"UPDATE collections SET revision = revision + 1 WHERE id IN"
			" (SELECT collection_id FROM documents WHERE text_id = ?)",
			DB_I64(x->id));
	return r < 0 || n == 0 ? r
			       : db_exec(c, NULL, e,
					 "UPDATE documents SET revision = (SELECT k.revision FROM collections k"
					 " WHERE k.id = documents.collection_id) WHERE text_id = ?",
					 DB_I64(x->id));
}

int texts_reword(struct db *db, atelier_id id, int64_t words, struct str postings, struct err *e)
{
	return store_apply(db, reword_in, &(struct reworded){id, words, postings}, e);
}

/* ---- reading ---- */

int texts_slice(struct db_conn *c, atelier_id id, int64_t start, int64_t end, struct buf *to, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int64_t at = start;
	int r = db_query(c, &rows, e,
		"SELECT start_at, bytes FROM text_pieces WHERE text_id = ? AND start_at > ? AND start_at < ?"
		" ORDER BY start_at",
		DB_I64(id), DB_I64(start - (int64_t)TEXT_PIECE), DB_I64(end));

	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		struct str bytes = db_bytes(rows, 1);
		int64_t skip = at - db_i64(rows, 0), n = MIN((int64_t)bytes.n - skip, end - at);
		if (skip < 0 || n < 0)
			break;
		buf_add(to, bytes.p + skip, (size_t)n);
		at += n;
	}
	if (r >= 0 && at < end)
		return err_set(e, E_NOT_FOUND, NO_TEXT);
	return r < 0 ? r : buf_check(to, e, "The text does not fit the memory set aside for it.");
}

#define P struct page_row
static const struct col page_columns[] = {COL(I64, P, n), COL(I64, P, number), COL(TEXT, P, kind), COL(TEXT, P, label),
	COL_AS(I64, P, start, "start_at", COL_SEEN), COL_AS(I64, P, end, "end_at", COL_SEEN), COL(I64, P, width),
	COL(I64, P, height), COL(BYTES, P, boxes)};
#undef P
static const struct rows_table text_pages = {
	"text_pages", "n", "The document has no such page.", NULL, TABLE(struct page_row, page_columns)};

int texts_pages_numbered(struct db_conn *c, atelier_id id, int64_t number, int64_t limit, struct arena *a,
	struct page_row **ret, size_t *ret_n, struct err *e)
{
	return rows_all(&text_pages, c, a, ret, ret_n, e, "WHERE text_id = ? AND number = ? ORDER BY n LIMIT ?",
		DB_I64(id), DB_I64(number), DB_I64(limit));
}

int texts_page(struct db_conn *c, atelier_id id, int64_t number, struct arena *a, struct page_row *ret, struct err *e)
{
	return rows_first(&text_pages, c, a, ret, e, "WHERE text_id = ? AND number = ? ORDER BY n LIMIT 1", DB_I64(id),
		DB_I64(number));
}

int texts_postings(struct db_conn *c, atelier_id id, struct buf *to, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, NO_TEXT, e, "SELECT postings FROM texts WHERE id = ? AND ready = 1", DB_I64(id));

	if (r == 0)
		buf_add(to, db_bytes(rows, 0).p, db_bytes(rows, 0).n);
	return r < 0 ? r : buf_check(to, e, "The index of a text does not fit the memory set aside for it.");
}

/* Of the place that a passage begins in: of those with its number the last one that begins before it, for a file that holds others
 * counts anew in each. */
#define OF_PLACE(what)                                                                                                 \
	"coalesce((SELECT g." what " FROM text_pages g WHERE g.text_id = passages.text_id AND g.number = "             \
	"passages.page AND g.start_at <= passages.start_at ORDER BY g.n DESC LIMIT 1), '')"

#define P struct passage_row
#define PASSAGE                                                                                                        \
	COL(I64, P, id), COL(I64, P, n), COL_AS(I64, P, start, "passages.start_at", COL_SEEN),                         \
		COL_AS(I64, P, end, "passages.end_at", COL_SEEN), COL(I64, P, page), COL(TEXT, P, heading)
static const struct col passage_columns[] = {PASSAGE};
static const struct col placed_columns[] = {PASSAGE, COL_AS(TEXT, P, place, OF_PLACE("kind"), COL_SEEN),
	COL_AS(TEXT, P, label, OF_PLACE("label"), COL_SEEN)};
#undef PASSAGE
#define NO_PASSAGE "There is no such passage in what was read last."
static const struct rows_table passages = {"passages", "n", NO_PASSAGE, NULL, TABLE(P, passage_columns)};
static const struct rows_table placed = {"passages", "n", NO_PASSAGE, NULL, TABLE(P, placed_columns)};
#undef P

int texts_passages(struct db_conn *c, atelier_id id, int64_t from, int64_t to, struct arena *a,
	struct passage_rows *ret, struct err *e)
{
	return rows_all(&passages, c, a, &ret->items, &ret->n, e, "WHERE text_id = ? AND n >= ? AND n <= ? ORDER BY n",
		DB_I64(id), DB_I64(from), DB_I64(to));
}

int texts_passages_placed(struct db_conn *c, atelier_id id, int64_t from, int64_t to, struct arena *a,
	struct passage_rows *ret, struct err *e)
{
	return rows_all(&placed, c, a, &ret->items, &ret->n, e, "WHERE text_id = ? AND n >= ? AND n <= ? ORDER BY n",
		DB_I64(id), DB_I64(from), DB_I64(to));
}

int texts_passage_of(struct db_conn *c, atelier_id document_id, atelier_id passage_id, struct arena *a,
	struct passage_row *ret, struct err *e)
{
	return rows_first(&passages, c, a, ret, e,
		"JOIN documents d ON d.text_id = passages.text_id WHERE d.id = ? AND passages.id = ?",
		DB_I64(document_id), DB_I64(passage_id));
}

int texts_passage_at(
	struct db_conn *c, atelier_id id, int64_t at, struct arena *a, struct passage_row *ret, struct err *e)
{
	return rows_first(
		&placed, c, a, ret, e, "WHERE text_id = ? AND end_at > ? ORDER BY n LIMIT 1", DB_I64(id), DB_I64(at));
}

/* ---- removing ---- */

int texts_delete_unused(struct db *db, int64_t before, int64_t *ret_n, struct err *e)
{
	return STORE_WRITE(db, ret_n, e,
		"DELETE FROM texts WHERE id IN (SELECT t.id FROM texts t WHERE NOT EXISTS"
		" (SELECT 1 FROM documents d WHERE d.text_id = t.id) AND (t.ready = 1 OR t.created_at < ?)"
		" ORDER BY t.id LIMIT ?)",
		DB_I64(before), DB_I64(AT_ONCE));
}
