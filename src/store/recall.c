/* recall.c - see recall.h. The indexes are those of search.c. */
#include "store/recall.h"

#include "base/words.h"
#include "store/store_priv.h"

#define QUERY_MAX ((size_t)16 << 10)
#define TEXT_MAX  "4000" /* characters of a question or an answer that count */

#define COLUMNS                                                                                                        \
	" v.id, m.id, coalesce(q.id, 0), v.title, substr(coalesce(q.content, ''), 1, " TEXT_MAX "),"                   \
	" substr(coalesce(CASE WHEN m.role = 'assistant' THEN m.content ELSE (SELECT x.content FROM messages x"        \
	"  WHERE x.parent_id = m.id AND x.role = 'assistant' AND x.content <> '' ORDER BY x.id DESC LIMIT 1) END, "    \
	"''), 1, " TEXT_MAX "),"                                                                                       \
	" m.created_at "
#define JOINED                                                                                                         \
	" JOIN conversations v ON v.id = m.conversation_id"                                                            \
	" LEFT JOIN messages q ON q.id = CASE WHEN m.role = 'user' THEN m.id ELSE m.parent_id END"
#define MINE " AND v.user_id = ? AND v.deleted_at IS NULL AND v.id <> ? AND m.state <> 'running'"

/* "a b" OR "c"*: each what it is folded to, in a row. */
static void any_sqlite(const struct recall_wish *w, struct buf *b)
{
	for (size_t i = 0; i < w->n; i++) {
		buf_add_str(b, i ? " OR \"" : "\"");
		words_add(b, w->words[i].p, w->words[i].n);
		buf_add_str(b, w->cut[i] ? "\"*" : "\"");
	}
}

/* 'a' <-> 'b' | 'c':*, the same. */
static void any_postgres(const struct recall_wish *w, struct buf *b)
{
	for (size_t i = 0; i < w->n; i++) {
		CLEANUP(buf_done) struct buf folded = BUF_INIT(QUERY_MAX);
		const char *before = i ? " | '" : "'";
		words_add(&folded, w->words[i].p, w->words[i].n);
		for (char *rest = NULL, *one = strtok_r(folded.p ? folded.p : (char[]){""}, " ", &rest); one;
			one = strtok_r(NULL, " ", &rest)) {
			buf_printf(b, "%s%s'", before, one);
			before = " <-> '";
		}
		buf_add_str(b, w->cut[i] ? ":*" : "");
	}
}

static int ask(struct db_conn *c, const struct recall_wish *w, const char *query, struct db_rows **ret, struct err *e)
{
	if (db_is_postgres(c))
		return db_query(c, ret, e,
			"SELECT" COLUMNS "FROM messages m" JOINED " WHERE m.words @@ to_tsquery('simple', ?)" MINE
			" ORDER BY ts_rank(m.words, to_tsquery('simple', ?)) DESC, m.id DESC LIMIT ?",
			DB_TEXT(query), DB_I64(w->user_id), DB_I64(w->but), DB_TEXT(query), DB_I64(w->limit));
	return db_query(c, ret, e,
		"SELECT" COLUMNS "FROM messages_fts f JOIN messages m ON m.id = f.rowid" JOINED
		" WHERE messages_fts MATCH ?" MINE " ORDER BY bm25(messages_fts), m.id DESC LIMIT ?",
		DB_TEXT(query), DB_I64(w->user_id), DB_I64(w->but), DB_I64(w->limit));
}

static int read_row(const struct db_rows *rows, struct arena *a, struct recalled *ret, struct err *e)
{
	*ret = (struct recalled){.conversation_id = db_i64(rows, 0),
		.message_id = db_i64(rows, 1),
		.question_id = db_i64(rows, 2),
		.title = db_dup(rows, 3, a),
		.question = db_dup(rows, 4, a),
		.answer = db_dup(rows, 5, a),
		.created_at = db_i64(rows, 6)};
	return ret->title && ret->question && ret->answer ? 0 : store_full(e);
}

int recall_message(struct db_conn *c, atelier_id user_id, atelier_id but, atelier_id id, struct arena *a,
	struct recalled *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e, "SELECT" COLUMNS "FROM messages m" JOINED " WHERE m.id = ?" MINE, DB_I64(id),
		DB_I64(user_id), DB_I64(but));

	ASSERT(user_id);
	if (r < 0 || (r = db_next(rows, e)) <= 0)
		return r;
	r = read_row(rows, a, ret, e);
	return r < 0 ? r : 1;
}

static bool is_told(const struct recalled_list *l, atelier_id question_id)
{
	for (size_t i = 0; question_id && i < l->n; i++)
		if (l->items[i].question_id == question_id)
			return true;
	return false;
}

int recall_messages(
	struct db_conn *c, const struct recall_wish *w, struct arena *a, struct recalled_list *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf query = BUF_INIT(QUERY_MAX);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	*ret = (struct recalled_list){.items = ARENA_ARRAY(a, struct recalled, (size_t)w->limit + 1)};
	(db_is_postgres(c) ? any_postgres : any_sqlite)(w, &query);
	if (!ret->items)
		return store_full(e);
	if ((r = buf_check(&query, e, "The question is too long.")) < 0 || w->n == 0)
		return r;
	r = ask(c, w, query.p, &rows, e);
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		if (is_told(ret, db_i64(rows, 2)))
			continue;
		if ((r = read_row(rows, a, &ret->items[ret->n], e)) < 0)
			return r;
		ret->n++;
	}
	return MIN(r, 0);
}
