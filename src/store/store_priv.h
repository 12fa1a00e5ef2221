/* store_priv.h - what the files of store/ share: reading rows into an arena, inserting under a new id. */
#pragma once

#include <errno.h>

#include "base/clock.h"
#include "base/id.h"
#include "db/db.h"
#include "store/rows.h"

extern const char schema_2[], triggers_sqlite[], triggers_postgres[]; /* schema_2.c */
extern const char schema_order[], schema_comparisons[], schema_summaries[], schema_assistants[], schema_prompts[],
	schema_queued[], schema_context[];                                                    /* schema_chat.c */
extern const char schema_images[], schema_queued_images[], schema_memories[], schema_faces[]; /* schema_media.c */
extern const char schema_documents[], schema_vectors[], schema_queued_places[], schema_pages[],
	schema_search_settings[], schema_reranking[], schema_assistant_places[], schema_exchange_vectors[],
	exchange_vectors_sqlite[], exchange_vectors_postgres[], schema_vector_stores[],
	schema_words[]; /* schema_documents.c */
extern const char schema_tools[], schema_turn_calls[], schema_tool_wishes[], schema_files[],
	schema_agents[];                                  /* schema_tools.c */
extern const char schema_8_sqlite[], schema_8_postgres[]; /* schema_8.c */

/* Copies columns into an arena; a copy that failed is noted here and reported once by store_reader_end. */
struct store_reader {
	const struct db_rows *rows;
	struct arena *a;
	bool full;
};

const char *store_str(struct store_reader *rd, int col); /* NULL for NULL */
int store_reader_end(const struct store_reader *rd, struct err *e) MUST_CHECK;

/* A list that grows in an arena. */
struct store_list {
	void *items;
	size_t n, cap;
	size_t size; /* of one item */
};

/* Room for one more, zeroed; NULL when the arena is full. */
void *store_push(struct store_list *l, struct arena *a);
int store_full(struct err *e); /* records that the arena is full */

/* Of a list that was read with one more row than `limit`: takes that away. Whether it was there. */
UNUSED static inline bool store_cut(size_t *n, size_t limit)
{
	bool more = *n > limit;

	*n = MIN(*n, limit);
	return more;
}

/* Runs a query and goes to its first row: 1; 0: it has none. */
int store_row(struct db_conn *c, struct db_rows **ret, struct err *e, const char *sql, const struct db_param *params,
	size_t n) MUST_CHECK;
#define STORE_ROW(c, ret, e, sql, ...) store_row((c), (ret), (e), (sql), DB_PARAMS(__VA_ARGS__))

/* The same where there should be a row, then 0: `missing` is the sentence of E_NOT_FOUND when there is none. */
int store_first(struct db_conn *c, struct db_rows **ret, const char *missing, struct err *e, const char *sql,
	const struct db_param *params, size_t n) MUST_CHECK;
#define STORE_FIRST(c, ret, missing, e, sql, ...) store_first((c), (ret), (missing), (e), (sql), DB_PARAMS(__VA_ARGS__))

/* The number in the first column of the first row. `missing` is as above; where it is NULL, no row is 0. `ret` NULL: it is
 * enough that there is a row. */
int store_i64(struct db_conn *c, int64_t *ret, const char *missing, struct err *e, const char *sql,
	const struct db_param *params, size_t n) MUST_CHECK;
#define STORE_I64(c, ret, missing, e, sql, ...) store_i64((c), (ret), (missing), (e), (sql), DB_PARAMS(__VA_ARGS__))

/* The numbers in the first column, `most` of them. */
int store_ids(struct db_conn *c, atelier_id *ret, size_t most, size_t *ret_n, struct err *e, const char *sql,
	const struct db_param *params, size_t n) MUST_CHECK;
#define STORE_IDS(c, ret, most, ret_n, e, sql, ...)                                                                    \
	store_ids((c), (ret), (most), (ret_n), (e), (sql), DB_PARAMS(__VA_ARGS__))
extern const struct rows_table id_rows; /* rows of one column, as atelier_id: for rows_from, however many */

/* One statement as a db_write of its own; `ret_changed` (NULL: nobody asks): how many rows it has changed, 0 on failure. */
int store_write(struct db *db, int64_t *ret_changed, struct err *e, const char *sql, const struct db_param *params,
	size_t n) MUST_CHECK;
#define STORE_WRITE(db, ret_changed, e, sql, ...) store_write((db), (ret_changed), (e), (sql), DB_PARAMS(__VA_ARGS__))

/* db_exec of a statement that should change something: `missing` is the sentence of E_NOT_FOUND when it has not. */
int store_exec(struct db_conn *c, const char *missing, struct err *e, const char *sql, const struct db_param *params,
	size_t n) MUST_CHECK;
#define STORE_EXEC(c, missing, e, sql, ...) store_exec((c), (missing), (e), (sql), DB_PARAMS(__VA_ARGS__))

/* The same as a db_write of its own: `missing` is the sentence of E_NOT_FOUND when it has changed none. */
int store_change(struct db *db, const char *missing, struct err *e, const char *sql, const struct db_param *params,
	size_t n) MUST_CHECK;
#define STORE_CHANGE(db, missing, e, sql, ...) store_change((db), (missing), (e), (sql), DB_PARAMS(__VA_ARGS__))

typedef int store_fn(struct db_conn *c, void *arg, struct err *e);

/* db_write of what makes a row, whose id is in `made` then: *ret_id is that, when all went well. */
int store_make(
	struct db *db, store_fn *fn, void *arg, const atelier_id *made, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* db_write of a function that only reads its argument. */
int store_apply(struct db *db, store_fn *fn, const void *arg, struct err *e) MUST_CHECK;

/* What a person does to one thing: the argument of such a function. */
struct store_theirs {
	atelier_id user_id, id;
};
#define STORE_THEIRS(user_id, id) (&(const struct store_theirs){(user_id), (id)})

/* Inserts a row whose first parameter is its new id. */
int store_insert(struct db_conn *c, atelier_id *ret_id, struct err *e, const char *sql, struct db_param *params,
	size_t n) MUST_CHECK;
#define STORE_INSERT(c, ret_id, e, sql, ...)                                                                           \
	store_insert((c), (ret_id), (e), (sql), (struct db_param[]){DB_NULL, __VA_ARGS__},                             \
		sizeof((struct db_param[]){DB_NULL, __VA_ARGS__}) / sizeof(struct db_param))

/* Says E_CONFLICT in the words of what was to be unique; every other result is passed on as it is. */
int store_conflict(int r, struct err *e, const char *fmt, ...) PRINTF(3, 4);

/* A name as it is compared with others, for the columns `folded` (base/fold.h); on the heap. */
char *store_fold(const char *name) __attribute__((malloc, returns_nonnull));

/* Has fn run with the next batch on a copy of `n` bytes of `arg`; nobody waits, and when too many wait it is let go. */
void store_later(struct db *db, store_fn *fn, const void *arg, size_t n);

/* An id as a reference that may be absent. */
UNUSED static inline struct db_param store_ref(atelier_id id)
{
	return id ? DB_I64(id) : DB_NULL;
}

/* Bytes as text that is never NULL. */
UNUSED static inline struct db_param store_text(struct str s)
{
	return s.p ? DB_TEXT_N(s.p, s.n) : DB_TEXT_N("", 0);
}

#define STORE_NO_CONVERSATION "There is no such conversation, or it is not yours."
#define STORE_NO_MESSAGE      "There is no such message, or it is not yours."

/* Whether the user, group or key is there of which something is said; of any other subject there is nothing to ask. E_NOT_FOUND. */
int store_subject(struct db_conn *c, const char *subject, atelier_id id, struct err *e) MUST_CHECK;

/* The last message of the branch that is shown in a person's conversation; 0: it has none. */
int store_leaf(
	struct db_conn *c, atelier_id user_id, atelier_id conversation_id, atelier_id *ret, struct err *e) MUST_CHECK;

/* Inside a db_write: E_CONFLICT when a turn is running in the conversation; else none begins before the end of the write, at
 * no server. */
int store_conversation_idle(struct db_conn *c, atelier_id conversation_id, struct err *e) MUST_CHECK;
