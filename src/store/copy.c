/*
 * copy.c - moving everything from one database to another. Tables are copied in the order of what refers to what, in
 * pieces by their keys, so that a copy that broke off goes on behind the last row that is there. A mark in the target
 * says that it is not whole until all has been compared row by row; a server does not start on one that has it.
 */
#include "store/copy.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "store/meta.h"
#include "store/store_priv.h"

#define MARK "copy_unfinished"

enum {
	COLS_MAX = 48,
	KEYS_MAX = 5,
	ROWS_FIRST = 16, /* of the first piece; then as many as have about PIECE_BYTES */
	ROWS_MAX = 500,
	PIECE_BYTES = 4 << 20,
	SQL_MAX = 4096,
};

_Static_assert((int)ROWS_FIRST <= (int)ROWS_MAX, "the first piece is a small one");

/*
 * Every table, those that others refer to first, with its key. Not among them: the manual, which the program brings along;
 * counters of changes, when servers were there and what they take of limits, which belong to those; versions. A test looks whether one is missing.
 */
static const struct copy_table {
	const char *name, *key;
} tables[] = {
	{"users", "id"},
	{"sessions", "id"},
	{"api_keys", "id"},
	{"groups", "id"},
	{"group_members", "group_id, user_id"},
	{"folders", "id"},
	{"blobs", "id"},
	{"images", "id"},
	{"assistants", "id"},
	{"assistant_versions", "id"},
	{"parameter_rules", "id"},
	{"prompts", "id"},
	{"prompt_versions", "id"},
	{"conversations", "id"},
	{"messages", "id"},
	{"turns", "id"},
	{"turn_calls", "id"},
	{"queued", "id"},
	{"summaries", "id"},
	{"exchange_vectors", "id"},
	{"collections", "id"},
	{"texts", "id"},
	{"text_pieces", "text_id, start_at"},
	{"text_pages", "text_id, n"},
	{"passages", "id"},
	{"vectors", "text_id, identity, n"},
	{"documents", "id"},
	{"message_images", "message_id, n"},
	{"files", "id"},
	{"message_files", "message_id, file_id"},
	{"queued_images", "queued_id, n"},
	{"queued_places", "queued_id, n"},
	{"memories", "id"},
	{"memory_settings", "user_id"},
	{"default_assistants", "user_id"},
	{"tool_servers", "id"},
	{"tool_secrets", "id"},
	{"tool_choices", "id"},
	{"tool_rules", "id"},
	{"vector_stores", "id"},
	{"vector_copies", "text_id, identity"},
	{"providers", "id"},
	{"model_routes", "id"},
	{"model_overrides", "model"},
	{"model_tasks", "task"},
	{"token_rates", "model"},
	{"prices", "id"},
	{"limits", "id"},
	{"usage", "id"},
	{"usage_days", "day, user_id, key_id, provider, model"},
	{"jobs", "id"},
	{"uploads", "id"},
	{"responses", "id"},
	{"grants", "id"},
	{"user_links", "user_id"},
	{"meta", "key"},
};

bool copy_has_table(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(tables); i++) {
		if (strcmp(tables[i].name, name) == 0)
			return true;
	}
	return false;
}

struct column {
	char name[64];
	enum db_type type;
};

/* A table while it is copied or compared: its columns, and the key of the last row. */
struct work {
	const struct copy_table *t;
	struct column cols[COLS_MAX];
	size_t n_cols, n_keys;
	size_t keys[KEYS_MAX]; /* their columns */
	struct db_param last[KEYS_MAX];
	bool begun;
	char text[KEYS_MAX][512]; /* of the last key's texts */
	int64_t rows, limit;
	uint64_t hash;
};

/* ---- what a table has ---- */

static enum db_type type_of(struct str declared)
{
	if (str_eq(declared, STR("TEXT")) || str_eq(declared, STR("text")))
		return DB_T_TEXT;
	if (str_eq(declared, STR("BLOB")) || str_eq(declared, STR("bytea")))
		return DB_T_BLOB;
	if (str_eq(declared, STR("REAL")) || str_eq(declared, STR("double precision")))
		return DB_T_F64;
	return DB_T_I64;
}

static int find_keys(struct work *w, struct err *e)
{
	for (const char *k = w->t->key; *k; k += strspn(k, ", ")) {
		size_t n = strcspn(k, ", "), i = 0;

		while (i < w->n_cols && !str_eq(str_from(w->cols[i].name), (struct str){k, n}))
			i++;
		if (i == w->n_cols || w->n_keys == KEYS_MAX)
			return err_set(e, E_INTERNAL, "The table %s has no key %s.", w->t->name, w->t->key);
		w->keys[w->n_keys++] = i;
		k += n;
	}
	return 0;
}

/* By name, so that both databases have them in one order. */
static int find_columns(struct db_conn *c, struct work *w, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		db_is_postgres(c) ? "SELECT column_name::text, data_type::text FROM information_schema.columns"
				    " WHERE table_schema = current_schema() AND table_name = ?"
				    " AND is_generated = 'NEVER' ORDER BY column_name::text COLLATE \"C\""
				  : "SELECT name, type FROM pragma_table_info(?) ORDER BY name",
		DB_TEXT(w->t->name));

	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		if (w->n_cols == COLS_MAX)
			return err_set(e, E_INTERNAL, "The table %s has too many columns.", w->t->name);
		snprintf(w->cols[w->n_cols].name, sizeof(w->cols[0].name), STR_FMT, STR_ARG(db_bytes(rows, 0)));
		w->cols[w->n_cols++].type = type_of(db_bytes(rows, 1));
	}
	return r < 0 ? r : find_keys(w, e);
}

static int work_begin(struct db_conn *c, const struct copy_table *t, struct work *w, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->t = t;
	w->limit = ROWS_FIRST;
	w->hash = 14695981039346656037u;
	return find_columns(c, w, e);
}

/* ---- reading a piece ---- */

/* What belongs to one process alone is not taken along: which one writes an answer, has a file or can do a job, and which manual is stored. */
#define MINE_SQL " AND key <> 'manual_version' AND key <> '" MARK "'"

static bool is_node(const struct work *w, size_t i)
{
	return (strcmp(w->t->name, "turns") == 0 || strcmp(w->t->name, "blobs") == 0 ||
		       strcmp(w->t->name, "jobs") == 0) &&
	       strcmp(w->cols[i].name, "node") == 0;
}

static void select_piece(const struct work *w, struct buf *sql)
{
	buf_add_str(sql, "SELECT ");
	for (size_t i = 0; i < w->n_cols; i++)
		buf_printf(sql, "%s%s", i ? ", " : "", w->cols[i].name);
	buf_printf(sql, " FROM %s WHERE 1 = 1", w->t->name);
	if (strcmp(w->t->name, "meta") == 0)
		buf_add_str(sql, MINE_SQL);
	if (w->begun) {
		buf_printf(sql, " AND (%s) > (", w->t->key);
		for (size_t i = 0; i < w->n_keys; i++)
			buf_add_str(sql, i ? ", ?" : "?");
		buf_add_char(sql, ')');
	}
	buf_printf(sql, " ORDER BY %s LIMIT ?", w->t->key);
}

static int read_piece(struct db_conn *c, const struct work *w, struct db_rows **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
	struct db_param params[KEYS_MAX + 1];
	size_t n = 0;

	select_piece(w, &sql);
	if (buf_status(&sql) < 0)
		return err_set(e, E_INTERNAL, "The table %s is too wide.", w->t->name);
	for (; w->begun && n < w->n_keys; n++)
		params[n] = w->last[n];
	params[n++] = DB_I64(w->limit);
	return db_query_params(c, ret, e, sql.p, params, n);
}

static struct db_param value_of(const struct work *w, const struct db_rows *rows, size_t i)
{
	struct str s;

	if (is_node(w, i))
		return DB_I64(0);
	if (db_is_null(rows, (int)i))
		return (struct db_param){.type = w->cols[i].type == DB_T_TEXT ? DB_T_TEXT : DB_T_NULL};
	switch (w->cols[i].type) {
	case DB_T_F64:
		return DB_F64(db_f64(rows, (int)i));
	case DB_T_TEXT:
		s = db_bytes(rows, (int)i);
		return DB_TEXT_N(s.p, s.n);
	case DB_T_BLOB:
		s = db_bytes(rows, (int)i);
		return DB_BLOB(s.p, s.n);
	default:
		return DB_I64(db_i64(rows, (int)i));
	}
}

/* Remembers where to go on, and how large rows are here. */
static int keep_place(struct work *w, const struct db_param *values, struct err *e)
{
	for (size_t i = 0; i < w->n_keys; i++) {
		ASSERT(w->keys[i] < w->n_cols);
		w->last[i] = values[w->keys[i]];
		if (w->last[i].type != DB_T_TEXT)
			continue;
		if (w->last[i].n > sizeof(w->text[0]))
			return err_set(e, E_TOO_LARGE, "A key of the table %s is too long.", w->t->name);
		memcpy(w->text[i], w->last[i].p, w->last[i].n);
		w->last[i].p = w->text[i];
	}
	w->begun = true;
	w->rows++;
	return 0;
}

static void fit_limit(struct work *w, int64_t rows, size_t bytes)
{
	size_t each = rows ? bytes / (size_t)rows + 1 : 1;

	w->limit = MAX(MIN((int64_t)(PIECE_BYTES / each), (int64_t)ROWS_MAX), (int64_t)1);
}

/* ---- copying ---- */

static void insert_sql(const struct work *w, struct buf *sql)
{
	buf_printf(sql, "INSERT INTO %s (", w->t->name);
	for (size_t i = 0; i < w->n_cols; i++)
		buf_printf(sql, "%s%s", i ? ", " : "", w->cols[i].name);
	buf_add_str(sql, ") VALUES (");
	for (size_t i = 0; i < w->n_cols; i++)
		buf_add_str(sql, i ? ", ?" : "?");
	buf_add_str(sql, ") ON CONFLICT DO NOTHING");
}

struct piece {
	struct work *w;
	struct db_conn *from;
	int64_t n;
};

static int copy_piece_in(struct db_conn *to, void *arg, struct err *e)
{
	struct piece *x = arg;
	struct work *w = x->w;
	CLEANUP(buf_done) struct buf sql = BUF_INIT(SQL_MAX);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct db_param values[COLS_MAX];
	size_t bytes = 0;
	int r = read_piece(x->from, w, &rows, e);

	insert_sql(w, &sql);
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		for (size_t i = 0; i < w->n_cols; i++) {
			values[i] = value_of(w, rows, i);
			bytes += values[i].n;
		}
		x->n++;
		r = db_exec_params(to, NULL, e, sql.p, values, w->n_cols);
		if (r == 0)
			r = keep_place(w, values, e);
	}
	fit_limit(w, x->n, bytes);
	return r;
}

/* Keys that are one number rise with time: what is there already is not looked at again. */
static int skip_copied(struct db *to, struct work *w, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = NULL;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	char sql[160];
	int r;

	if (w->n_keys > 1 || w->cols[w->keys[0]].type != DB_T_I64)
		return 0;
	c = db_acquire(to);
	snprintf(sql, sizeof(sql), "SELECT max(%s), count(*) FROM %s", w->t->key, w->t->name);
	r = STORE_ROW(c, &rows, e, sql);
	if (r < 0 || db_i64(rows, 1) == 0)
		return MIN(r, 0);
	w->last[0] = DB_I64(db_i64(rows, 0));
	w->rows = db_i64(rows, 1);
	w->begun = true;
	return 0;
}

static int copy_table(struct db_conn *from, struct db *to, const struct copy_table *t, copy_progress_fn progress,
	void *arg, struct err *e)
{
	CLEANUP(freep) struct work *w = xcalloc(1, sizeof(*w));
	struct piece x = {.w = w, .from = from, .n = 1};
	int r = work_begin(from, t, w, e);

	if (r == 0)
		r = skip_copied(to, w, e);
	while (r == 0 && x.n > 0) {
		x.n = 0;
		r = db_write(to, copy_piece_in, &x, e);
		if (r == 0)
			progress(arg, t->name, w->rows, false);
	}
	return r;
}

static int mark_of(struct db *db, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);

	return meta_get(c, MARK, a, ret, e);
}

static int is_empty(struct db *db, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int64_t users = 0;
	int r = STORE_I64(c, &users, NULL, e, "SELECT 1 FROM users LIMIT 1");

	return users ? err_set(e, E_CONFLICT, "%s has users already: a copy goes into an empty database.", db_place(db))
		     : r;
}

/* Rows of two sources would lie in one database, and neither copy could be finished. */
static int is_same_source(const struct db *from, const struct db *to, const char *mark, struct err *e)
{
	if (strcmp(mark, db_place(from)) == 0)
		return 0;
	return err_set(e, E_CONFLICT,
		"A copy from %.200s to %.200s was begun and not finished. Go on from there, or begin with an empty"
		" database.",
		mark, db_place(to));
}

int copy_all(struct db *from, struct db *to, copy_progress_fn progress, void *arg, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(db_releasep) struct db_conn *c = NULL;
	const char *mark = NULL;
	int r;

	arena_init(&a, 8192);
	r = mark_of(to, &a, &mark, e);
	if (r == 0)
		r = mark ? is_same_source(from, to, mark, e) : is_empty(to, e);
	if (r == 0 && !mark)
		r = meta_set(to, MARK, db_place(from), e);
	if (r < 0)
		return r;
	c = db_acquire(from);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(tables); i++)
		r = copy_table(c, to, &tables[i], progress, arg, e);
	return r;
}

/* ---- comparing ---- */

static void hash_bytes(uint64_t *h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*h = (*h ^ ((const unsigned char *)p)[i]) * 1099511628211u;
}

/* A text as PostgreSQL can have it, whichever it is from. */
static int hash_text(uint64_t *h, struct str s, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 30);

	if (utf8_valid(s.p, s.n) && !memchr(s.p, 0, s.n)) {
		hash_bytes(h, s.p, s.n);
		return 0;
	}
	for (const char *p = s.p, *end = s.p + s.n; p < end;) {
		const char *zero = memchr(p, 0, (size_t)(end - p));

		utf8_add_repaired(&b, p, (size_t)((zero ? zero : end) - p));
		if (zero)
			buf_add_str(&b, "\xef\xbf\xbd");
		p = zero ? zero + 1 : end;
	}
	hash_bytes(h, b.p, b.n);
	return buf_status(&b) < 0 ? err_set(e, -ENOMEM, "Out of memory.") : 0;
}

static int hash_row(struct work *w, const struct db_param *values, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->n_cols; i++) {
		const struct db_param *v = &values[i];
		bool null = v->type == DB_T_NULL || (v->type == DB_T_TEXT && !v->p);
		char kind = (char)('0' + (null ? DB_T_NULL : v->type));

		hash_bytes(&w->hash, &kind, 1);
		if (null)
			continue;
		if (v->type == DB_T_I64)
			hash_bytes(&w->hash, &v->i, sizeof(v->i));
		else if (v->type == DB_T_F64)
			hash_bytes(&w->hash, &v->f, sizeof(v->f));
		else if (v->type == DB_T_BLOB)
			hash_bytes(&w->hash, v->p, v->n);
		else
			r = hash_text(&w->hash, (struct str){v->p, v->n}, e);
	}
	return r;
}

static int hash_piece(struct db_conn *c, struct work *w, int64_t *ret_n, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct db_param values[COLS_MAX];
	size_t bytes = 0;
	int r = read_piece(c, w, &rows, e);

	*ret_n = 0;
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		for (size_t i = 0; i < w->n_cols; i++) {
			values[i] = value_of(w, rows, i);
			bytes += values[i].n;
		}
		++*ret_n;
		r = hash_row(w, values, e);
		if (r == 0)
			r = keep_place(w, values, e);
	}
	fit_limit(w, *ret_n, bytes);
	return r;
}

static int hash_table(struct db *db, const struct copy_table *t, struct work *w, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int r = work_begin(c, t, w, e);
	int64_t n = 1;

	while (r == 0 && n > 0)
		r = hash_piece(c, w, &n, e);
	return r;
}

int copy_compare(struct db *from, struct db *to, copy_progress_fn progress, void *arg, struct err *e)
{
	CLEANUP(freep) struct work *a = xcalloc(1, sizeof(*a));
	CLEANUP(freep) struct work *b = xcalloc(1, sizeof(*b));
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(tables); i++) {
		r = hash_table(from, &tables[i], a, e);
		if (r == 0)
			r = hash_table(to, &tables[i], b, e);
		if (r == 0 && (a->rows != b->rows || a->hash != b->hash))
			r = err_set(e, E_CONFLICT,
				"%s differs: %lld rows in %.200s, %lld in the copy%s. It was changed after the copy"
				" was begun: begin again with an empty database.",
				tables[i].name, (long long)a->rows, db_place(from), (long long)b->rows,
				a->rows == b->rows ? ", not the same" : "");
		if (r == 0)
			progress(arg, tables[i].name, a->rows, true);
	}
	return r < 0 ? r : meta_set(to, MARK, NULL, e);
}

int copy_is_whole(struct db *db, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char *mark = NULL;
	int r;

	arena_init(&a, 8192);
	r = mark_of(db, &a, &mark, e);
	if (r == 0 && mark)
		r = err_set(e, E_CONFLICT,
			"A copy from %.100s to %.100s was begun and not finished. Go on with atelier db copy.", mark,
			db_place(db));
	return r;
}
