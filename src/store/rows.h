/*
 * rows.h - rows of a table as structs, by a table of its columns.
 *
 * A descriptor says once what a struct has to do with its table: which column is which member, of which type, and when
 * it is written. From it come the statements of five verbs (list, get, create, set, delete), and the reading of what any
 * other statement selects. There are no relations and no query builder: whatever else is asked of the database is SQL in
 * its file.
 *
 *	static const struct col columns[] = {
 *		COL(I64, struct thing, id), COL(TEXT, struct thing, name), COL_CREATED(struct thing, created_at)};
 *	static const struct rows_table things = {"things", "name", "There is no such thing.",
 *		"There is a thing of this name already.", TABLE(struct thing, columns)};
 *
 * Invariants: the first column is `id`, the primary key. Members without a column are read as 0. Text and bytes
 * that are read live in the arena; rows that are written are borrowed for the call.
 * All but reading happens on the writer's thread, inside db_write.
 */
#pragma once

#include "base/id.h"
#include "db/db.h"

enum col_type {
	COL_I64,   /* int64_t, atelier_id */
	COL_BOOL,  /* bool; 0 and 1 */
	COL_TEXT,  /* const char *; NULL is NULL */
	COL_BYTES, /* struct str; p NULL is NULL */
	COL_REF,   /* int64_t, atelier_id; 0 is NULL */
	COL_OPT,   /* int64_t; -1, or anything below 0, is NULL */
	COL_FOLD,  /* written only: the name in this member as it is compared with others */
};

enum col_flag {
	COL_KEPT = 1, /* written when the row is made, and never again */
	COL_NOW = 2,  /* the clock is written, whatever the member says */
	COL_SEEN = 4, /* only read: of another table, or written by other statements */
	COL_BLIND = 8 /* only written: there is no member */
};

struct col {
	const char *name; /* of one that is COL_SEEN: any expression */
	enum col_type type;
	unsigned flags;
	size_t offset;
};

/* clang-format off */
#define COL_AS(t, s, m, sql, fl) {(sql), COL_##t, (fl), offsetof(s, m)}
#define COL(t, s, m)          COL_AS(t, s, m, #m, 0)
#define COL_ONCE(t, s, m)     COL_AS(t, s, m, #m, COL_KEPT)
#define COL_FOLDED(s, m, sql) COL_AS(FOLD, s, m, sql, COL_BLIND)
#define COL_CREATED(s, m)     COL_AS(I64, s, m, #m, COL_KEPT | COL_NOW)
#define COL_UPDATED(s, m)     COL_AS(I64, s, m, #m, COL_NOW)
#define COL_TOUCHED(sql)      {(sql), COL_I64, COL_NOW | COL_BLIND, 0}
#define COL_MADE(sql)         {(sql), COL_I64, COL_NOW | COL_BLIND | COL_KEPT, 0}
/* clang-format on */

/* Constant, and read by any thread; `list` alone is written, once, by whoever is first. */
struct rows_table {
	const char *name, *order; /* `order`: of lists */
	const char *missing;      /* the sentence of E_NOT_FOUND */
	const char *conflict;     /* of E_CONFLICT, a rule of uniqueness that is broken; NULL: there is none */
	const struct col *cols;
	size_t n_cols, size; /* `size`: of the struct */
	struct rows_list *_Atomic
		*list; /* its columns as they are selected, put together when they first are; NULL: each time */
};
#define TABLE(s, array)                                                                                                \
	(array), N_ELEMENTS(array), sizeof(s), (struct rows_list * _Atomic[1])                                         \
	{                                                                                                              \
		NULL                                                                                                   \
	}

/* What rows of a type are read into: struct price_list ROWS_OF(struct price). */
#define ROWS_OF(type)                                                                                                  \
	{                                                                                                              \
		type *items;                                                                                           \
		size_t n;                                                                                              \
	}

/* The same of a page, behind which there may be more. */
#define PAGE_OF(type)                                                                                                  \
	{                                                                                                              \
		type *items;                                                                                           \
		size_t n;                                                                                              \
		bool more;                                                                                             \
	}

/* ---- the five verbs; `row` is the table's struct, `ret_items` the address of a pointer to such structs ---- */

int rows_list(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n,
	struct err *e) MUST_CHECK;
int rows_get(const struct rows_table *t, struct db_conn *c, atelier_id id, struct arena *a, void *ret_row,
	struct err *e) MUST_CHECK;
int rows_create(
	const struct rows_table *t, struct db *db, const void *row, atelier_id *ret_id, struct err *e) MUST_CHECK;
int rows_set(const struct rows_table *t, struct db *db, const void *row, struct err *e) MUST_CHECK;
int rows_delete(const struct rows_table *t, struct db *db, atelier_id id, struct err *e) MUST_CHECK;

/* An edit: what is done to a row between reading and writing it. `edit` runs on the writer's thread and must not wait for
 * anything; when it returns negative, nothing has happened. */
struct rows_edit {
	atelier_id id;
	int (*edit)(void *row, void *arg, struct err *e);
	void *arg;
	struct arena *a; /* of the row that is read */
};

/* Reads, edits and writes in one transaction: of two who edit at once, the second one sees what the first has done.
 * ret_row: the row as it is then. */
int rows_edit(
	const struct rows_table *t, struct db *db, const struct rows_edit *x, void *ret_row, struct err *e) MUST_CHECK;

/* ---- the same inside a db_write that does more ---- */

int rows_create_in(
	const struct rows_table *t, struct db_conn *c, const void *row, atelier_id *ret_id, struct err *e) MUST_CHECK;
int rows_set_in(const struct rows_table *t, struct db_conn *c, const void *row, struct err *e) MUST_CHECK;
int rows_delete_in(const struct rows_table *t, struct db_conn *c, atelier_id id, struct err *e) MUST_CHECK;

/* Whether there is such a row: E_NOT_FOUND. In a db_write it also is kept from being changed elsewhere until the end. */
int rows_lock(const struct rows_table *t, struct db_conn *c, atelier_id id, struct err *e) MUST_CHECK;

/* ---- reading by more than the id: `tail` is all that follows the name of the table ---- */

int rows_all_params(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n,
	struct err *e, const char *tail, const struct db_param *params, size_t n) MUST_CHECK;
#define rows_all(t, c, a, ret_items, ret_n, e, tail, ...)                                                              \
	rows_all_params((t), (c), (a), (ret_items), (ret_n), (e), (tail), DB_PARAMS(__VA_ARGS__))

/* The same where the table does not stand first: `head` is all before SELECT, `from` all behind FROM. */
int rows_from_params(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n,
	struct err *e, const char *head, const char *from, const struct db_param *params, size_t n) MUST_CHECK;
#define rows_from(t, c, a, ret_items, ret_n, e, head, from, ...)                                                       \
	rows_from_params((t), (c), (a), (ret_items), (ret_n), (e), (head), (from), DB_PARAMS(__VA_ARGS__))

/* The first one; E_NOT_FOUND when there is none. */
int rows_first_params(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_row, struct err *e,
	const char *tail, const struct db_param *params, size_t n) MUST_CHECK;
#define rows_first(t, c, a, ret_row, e, tail, ...)                                                                     \
	rows_first_params((t), (c), (a), (ret_row), (e), (tail), DB_PARAMS(__VA_ARGS__))

/* The same of two tables that the tail joins: "JOIN users ON users.id = api_keys.user_id WHERE ...". 1, or 0 when there is
 * none. */
int rows_pair_params(const struct rows_table *const t[2], struct db_conn *c, struct arena *a, void *const ret_row[2],
	struct err *e, const char *tail, const struct db_param *params, size_t n) MUST_CHECK;
#define rows_pair(t1, t2, c, a, ret_row1, ret_row2, e, tail, ...)                                                      \
	rows_pair_params((const struct rows_table *const[]){(t1), (t2)}, (c), (a),                                     \
		(void *const[]){(ret_row1), (ret_row2)}, (e), (tail), DB_PARAMS(__VA_ARGS__))

/*
 * ---- the verbs with the types of one table, for its header ----
 *
 * Each line there is a function of this name: ROWS_LIST(prices_list, prices_table, struct price_list). What it returns is
 * told above; what is particular to the table stands beside the line.
 */
#define ROWS_VERB UNUSED MUST_CHECK static inline int

/* clang-format off */
#define ROWS_LIST(fn, table, list) \
	ROWS_VERB fn(struct db_conn *c, struct arena *a, list *ret, struct err *e) \
	{ return rows_list(&(table), c, a, &ret->items, &ret->n, e); }
#define ROWS_GET(fn, table, row) \
	ROWS_VERB fn(struct db_conn *c, atelier_id id, struct arena *a, row *ret, struct err *e) \
	{ return rows_get(&(table), c, id, a, ret, e); }
#define ROWS_CREATE(fn, table, row) \
	ROWS_VERB fn(struct db *db, const row *in, atelier_id *ret_id, struct err *e) \
	{ return rows_create(&(table), db, in, ret_id, e); }
#define ROWS_EDIT(fn, table, row) \
	ROWS_VERB fn(struct db *db, const struct rows_edit *x, row *ret, struct err *e) \
	{ return rows_edit(&(table), db, x, ret, e); }
#define ROWS_DELETE(fn, table) \
	ROWS_VERB fn(struct db *db, atelier_id id, struct err *e) \
	{ return rows_delete(&(table), db, id, e); }
/* clang-format on */
