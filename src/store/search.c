/* search.c - full-text search: FTS5 of SQLite, text search vectors of PostgreSQL. */
#include "store/search.h"

#include "base/buf.h"
#include "store/store_priv.h"

#define QUERY_MAX ((size_t)64 << 10)

/* A heading that is the question comes first, also when stop words make most of it ("What is Atelier?"). */
#define IS_HEADING "CASE WHEN rtrim(fold(p.heading), ' ?!.') = rtrim(fold(trim(?)), ' ?!.') THEN 100.0 ELSE 0.0 END"

/* The words as one text in the arena, each between the two others. */
static const char *joined(
	const struct str *words, size_t n, const char *before, const char *after, struct arena *a, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(QUERY_MAX);
	const char *text;

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s" STR_FMT "%s", before, STR_ARG(words[i]), after);
	text = buf_status(&b) == 0 ? arena_strndup(a, buf_str(&b).p, b.n) : NULL;
	if (!text)
		err_set(e, E_TOO_LARGE, "The search text is too long.");
	return text;
}

/* Each word quoted, so that none is an operator, and any of them enough. */
static int query_sqlite(struct db_conn *c, const char *text, const struct str *words, size_t n, int64_t limit,
	struct arena *a, struct db_rows **ret, struct err *e)
{
	const char *query = joined(words + 1, n - 1, " OR \"", "\"", a, e);
	const char *all = query ? arena_printf(a, "\"" STR_FMT "\"%s", STR_ARG(words[0]), query) : NULL;

	if (!all)
		return err_set(e, E_TOO_LARGE, "The search text is too long.");
	return db_query(c, ret, e,
		"SELECT g.slug, g.title, p.heading, p.anchor, p.body, bm25(manual_fts, 4.0, 1.0) - " IS_HEADING
		" AS rank_ FROM manual_fts JOIN manual_passages p ON p.id = manual_fts.rowid"
		" JOIN manual_pages g ON g.id = p.page_id WHERE manual_fts MATCH ? ORDER BY rank_ LIMIT ?",
		DB_TEXT(text), DB_TEXT(all), DB_I64(limit));
}

/* ts_rank does not know which words are rare, so each word's is weighed by that, as bm25 does. */
static int query_postgres(struct db_conn *c, const char *text, const struct str *words, size_t n, int64_t limit,
	struct arena *a, struct db_rows **ret, struct err *e)
{
	const char *query = joined(words, n, " ", "", a, e);

	if (!query)
		return E_TOO_LARGE;
	return db_query(c, ret, e,
		"WITH asked AS (SELECT DISTINCT plainto_tsquery('english', w) AS q FROM"
		"  unnest(string_to_array(trim(?), ' ')) AS w),"
		" weighed AS (SELECT a.q, ln(1 + ((SELECT count(*) FROM manual_passages) - count(p.id) + 0.5)"
		"  / (count(p.id) + 0.5)) AS weight"
		"  FROM asked a LEFT JOIN manual_passages p ON p.words @@ a.q GROUP BY a.q)"
		" SELECT g.slug, g.title, p.heading, p.anchor, p.body,"
		"  -sum(w.weight * ts_rank('{0, 0, 0.25, 1}'::real[], p.words, w.q))::double precision - " IS_HEADING
		" AS rank_ FROM weighed w JOIN manual_passages p ON p.words @@ w.q JOIN manual_pages g ON g.id = "
		"p.page_id"
		" GROUP BY p.id, g.id ORDER BY rank_, p.id LIMIT ?",
		DB_TEXT(query), DB_TEXT(text), DB_I64(limit));
}

int search_manual(struct db_conn *c, const char *text, const struct str *words, size_t n, int64_t limit,
	struct arena *a, struct db_rows **ret, struct err *e)
{
	return db_is_postgres(c) ? query_postgres(c, text, words, n, limit, a, ret, e)
				 : query_sqlite(c, text, words, n, limit, a, ret, e);
}

int search_manual_filled(struct db_conn *c, struct err *e)
{
	/* PostgreSQL has made the vectors with the rows. */
	return db_is_postgres(c) ? 0 : db_exec(c, NULL, e, "INSERT INTO manual_fts (manual_fts) VALUES ('rebuild')");
}
