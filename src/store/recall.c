/*
 * recall.c - the words of a question, any of them, asked of the full-text indexes that search.c makes, each database in its own
 * language of queries. Answers to the same question are told once: the best of them.
 */
#include "store/recall.h"

#include "base/words.h"
#include "store/store_priv.h"

#define QUERY_MAX ((size_t)16 << 10)
#define TEXT_MAX  "4000" /* characters of a question or an answer that count */

#define R struct recalled
static const struct col columns[] = {COL_AS(I64, R, conversation_id, "v.id", COL_SEEN),
	COL_AS(I64, R, message_id, "m.id", COL_SEEN), COL_AS(I64, R, question_id, "q.id", COL_SEEN),
	COL_AS(TEXT, R, title, "v.title", COL_SEEN),
	COL_AS(TEXT, R, question, "substr(coalesce(q.content, ''), 1, " TEXT_MAX ")", COL_SEEN),
	COL_AS(TEXT, R, answer,
		"substr(coalesce(CASE WHEN m.role = 'assistant' THEN m.content ELSE (SELECT x.content FROM messages x"
		"  WHERE x.parent_id = m.id AND x.role = 'assistant' AND x.content <> '' ORDER BY x.id DESC LIMIT 1)"
		" END, ''), 1, " TEXT_MAX ")",
		COL_SEEN),
	COL_AS(I64, R, created_at, "m.created_at", COL_SEEN)};
#undef R
static const struct rows_table found = {"messages m", NULL, NULL, NULL, TABLE(struct recalled, columns)};
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

static int ask(struct db_conn *c, const struct recall_wish *w, const char *query, struct arena *a,
	struct recalled_list *ret, struct err *e)
{
	if (db_is_postgres(c))
		return rows_all(&found, c, a, &ret->items, &ret->n, e,
			JOINED " WHERE m.words @@ to_tsquery('simple', ?)" MINE
			       " ORDER BY ts_rank(m.words, to_tsquery('simple', ?)) DESC, m.id DESC LIMIT ?",
			DB_TEXT(query), DB_I64(w->user_id), DB_I64(w->but), DB_TEXT(query), DB_I64(w->limit));
	return rows_from(&found, c, a, &ret->items, &ret->n, e, "",
		"messages_fts f JOIN messages m ON m.id = f.rowid" JOINED " WHERE messages_fts MATCH ?" MINE
		" ORDER BY bm25(messages_fts), m.id DESC LIMIT ?",
		DB_TEXT(query), DB_I64(w->user_id), DB_I64(w->but), DB_I64(w->limit));
}

int recall_message(struct db_conn *c, atelier_id user_id, atelier_id but, atelier_id id, struct arena *a,
	struct recalled *ret, struct err *e)
{
	struct recalled_list l = {0};
	int r = rows_all(&found, c, a, &l.items, &l.n, e, JOINED " WHERE m.id = ?" MINE, DB_I64(id), DB_I64(user_id),
		DB_I64(but));

	ASSERT(user_id);
	if (r < 0 || l.n == 0)
		return r;
	*ret = l.items[0];
	return 1;
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
	struct recalled_list all = {0};
	int r;

	*ret = (struct recalled_list){0};
	(db_is_postgres(c) ? any_postgres : any_sqlite)(w, &query);
	if ((r = buf_check(&query, e, "The question is too long.")) < 0 || w->n == 0)
		return r;
	r = ask(c, w, query.p, a, &all, e);
	ret->items = all.items;
	for (size_t i = 0; r == 0 && i < all.n; i++)
		if (!is_told(ret, all.items[i].question_id))
			ret->items[ret->n++] = all.items[i];
	return r;
}
