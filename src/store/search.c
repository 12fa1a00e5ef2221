/*
 * search.c - full-text search: FTS5 of SQLite, text search vectors of PostgreSQL. A file of its own, as each has its own words
 * for it. Both are given words and no pattern, and rank alike: what is rare counts more, and a heading more than a text.
 */
#include "store/search.h"

#include <errno.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "store/store_priv.h"

#define QUERY_MAX ((size_t)64 << 10)

/* A heading that is the question comes first, also when stop words make most of it ("What is Atelier?"). */
#define IS_HEADING "CASE WHEN rtrim(fold(p.heading), ' ?!.') = rtrim(fold(trim(?)), ' ?!.') THEN 100.0 ELSE 0.0 END"

/* What was written, as a text in the arena. */
static int take_query(const struct buf *b, struct arena *a, const char **ret, struct err *e)
{
	int r = buf_check(b, e, "The search text is too long.");

	if (r < 0)
		return r;
	*ret = arena_strndup(a, buf_str(b).p, b->n);
	return *ret ? 0 : err_set(e, -ENOMEM, "no memory left for a search");
}

/* Each word between the two others. */
static void add_words(struct buf *b, const struct str *words, size_t n, const char *before, const char *after)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s" STR_FMT "%s", before, STR_ARG(words[i]), after);
}

/* Each word quoted, so that none is an operator, and any of them enough. */
static int query_sqlite(struct db_conn *c, const char *text, const struct str *words, size_t n, int64_t limit,
	struct arena *a, struct db_rows **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(QUERY_MAX);
	const char *all;
	int r;

	add_words(&b, words, 1, "\"", "\"");
	add_words(&b, words + 1, n - 1, " OR \"", "\"");
	if ((r = take_query(&b, a, &all, e)) < 0)
		return r;
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
	CLEANUP(buf_done) struct buf b = BUF_INIT(QUERY_MAX);
	const char *query;
	int r;

	add_words(&b, words, n, " ", "");
	if ((r = take_query(&b, a, &query, e)) < 0)
		return r;
	return db_query(c, ret, e,
		"WITH asked AS (SELECT DISTINCT plainto_tsquery('english', w) AS q FROM"
		"  unnest(string_to_array(trim(?), ' ')) AS w),"
		" weighed AS (SELECT a.q, ln(1 + ((SELECT count(*) FROM manual_passages) - count(p.id) + 0.5)"
		"  / (count(p.id) + 0.5)) AS weight"
		"  FROM asked a LEFT JOIN manual_passages p ON p.words @@ a.q GROUP BY a.q)"
		" SELECT g.slug, g.title, p.heading, p.anchor, p.body,"
		"  -sum(w.weight * ts_rank('{0, 0, 0.25, 1}'::real[], p.words, w.q))::double precision - " IS_HEADING
		" AS rank_ FROM weighed w JOIN manual_passages p ON p.words @@ w.q JOIN manual_pages g ON g.id ="
		" p.page_id GROUP BY p.id, g.id ORDER BY rank_, p.id LIMIT ?",
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

/* ---- messages ---- */

/*
 * The index has no text of its own: it reads the message's, which words() makes anew. It follows the table by triggers, also
 * where a conversation takes its messages with it.
 */
const char search_messages_sqlite[] =
	"CREATE VIEW message_words AS SELECT id, words(content) AS words FROM messages;"
	"CREATE VIRTUAL TABLE messages_fts USING fts5("
	"  words, content = 'message_words', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 0',"
	"  prefix = '2 3');"
	"INSERT INTO messages_fts (messages_fts) VALUES ('rebuild');"
	"CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN"
	"  INSERT INTO messages_fts (rowid, words) VALUES (new.id, words(new.content)); END;"
	"CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN"
	"  INSERT INTO messages_fts (messages_fts, rowid, words) VALUES ('delete', old.id, words(old.content)); END;"
	"CREATE TRIGGER messages_fts_update AFTER UPDATE OF content ON messages WHEN new.content <> old.content BEGIN"
	"  INSERT INTO messages_fts (messages_fts, rowid, words) VALUES ('delete', old.id, words(old.content));"
	"  INSERT INTO messages_fts (rowid, words) VALUES (new.id, words(new.content)); END;";

/* What a vector cannot hold of a very long message is left out of it from the end, rather than the message. */
const char search_messages_postgres[] =
	"CREATE FUNCTION message_vector(text) RETURNS TSVECTOR LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $f$ BEGIN"
	"  RETURN to_tsvector('simple', words($1));"
	"  EXCEPTION WHEN program_limit_exceeded THEN"
	"   RETURN message_vector(left($1, length($1) / 2)); END $f$;"
	"ALTER TABLE messages ADD COLUMN words TSVECTOR GENERATED ALWAYS AS (message_vector(content)) STORED;"
	"CREATE INDEX messages_words ON messages USING gin(words);";

/*
 * One message of megabytes would keep the thread that writes, and all who wait for it, for seconds. What stands behind the
 * bound is not indexed. Messages that are longer change their place in the index once, by the rule that put them there.
 */
#define INDEXED     "words(substr(content, 1, " SEARCH_CHARS_TEXT "))"
#define INDEXED_OLD "words(substr(old.content, 1, " SEARCH_CHARS_TEXT "))"
#define INDEXED_NEW "words(substr(new.content, 1, " SEARCH_CHARS_TEXT "))"
#define LONGER      " WHERE length(content) > " SEARCH_CHARS_TEXT ";"
#define FORGET      "INSERT INTO messages_fts (messages_fts, rowid, words) "
#define LEARN       "INSERT INTO messages_fts (rowid, words) "
/* clang-format off */
const char search_bound_sqlite[] =
	FORGET "SELECT 'delete', id, words(content) FROM messages" LONGER LEARN
	"SELECT id, " INDEXED " FROM messages" LONGER
	"DROP TRIGGER messages_fts_insert; DROP TRIGGER messages_fts_delete; DROP TRIGGER messages_fts_update;"
	"DROP VIEW message_words; CREATE VIEW message_words AS SELECT id, " INDEXED " AS words FROM messages;"
	"CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN "
	LEARN "VALUES (new.id, " INDEXED_NEW "); END;"
	"CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN "
	FORGET "VALUES ('delete', old.id, " INDEXED_OLD "); END;"
	"CREATE TRIGGER messages_fts_update AFTER UPDATE OF content ON messages"
	" WHEN new.content <> old.content BEGIN "
	FORGET "VALUES ('delete', old.id, " INDEXED_OLD ");"
	LEARN "VALUES (new.id, " INDEXED_NEW "); END;";
/* clang-format on */

/* Vectors of before stay as they are: they know more. */
const char search_bound_postgres[] =
	"CREATE OR REPLACE FUNCTION message_vector(text) RETURNS TSVECTOR LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS"
	" $f$ BEGIN"
	"  RETURN to_tsvector('simple', words(left($1, " SEARCH_CHARS_TEXT ")));"
	"  EXCEPTION WHEN program_limit_exceeded THEN"
	"   RETURN message_vector(left($1, least(length($1), " SEARCH_CHARS_TEXT ") / 2)); END $f$;";

/* All that a filter of the search looks at, so that it is told without the messages. */
const char search_filters[] =
	"CREATE INDEX messages_found ON messages(conversation_id, model, role, created_at, pinned);"
	"DROP INDEX messages_conversation;";

/* What SQLite's has by itself: which message it is, so that PostgreSQL need not look there. */
const char search_filters_postgres[] =
	"DROP INDEX messages_found;"
	"CREATE INDEX messages_found ON messages(conversation_id, model, role, created_at, pinned, id);";

/*
 * FTS5 writes a piece of its index at the end of each statement, with all words of that message, and joins pieces later. So what was
 * written is only noted (messages_unindexed), and goes into the index at the end of the writer's transaction, all of it at once. A
 * transaction leaves nothing noted, but for an index that cannot be written. What is noted is not in the index, nor is what has no text.
 */
#define NOTED      "EXISTS (SELECT 1 FROM messages_unindexed WHERE id = old.id)"
#define FORGET_OLD FORGET "SELECT 'delete', old.id, " INDEXED_OLD " WHERE old.content <> '' AND NOT " NOTED ";"
#define UNNOTE     "DELETE FROM messages_unindexed WHERE id = old.id;"
/* clang-format off */
const char search_together_sqlite[] =
	FORGET "SELECT 'delete', id, '' FROM messages WHERE content = '';"
	"DROP TRIGGER messages_fts_insert; DROP TRIGGER messages_fts_delete; DROP TRIGGER messages_fts_update;"
	"DROP VIEW message_words;"
	"CREATE VIEW message_words AS SELECT id, " INDEXED " AS words FROM messages WHERE content <> '';"
	"CREATE TABLE messages_unindexed (id INTEGER PRIMARY KEY);"
	"CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages WHEN new.content <> '' BEGIN"
	" INSERT INTO messages_unindexed (id) VALUES (new.id); END;"
	"CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN " FORGET_OLD UNNOTE " END;"
	"CREATE TRIGGER messages_fts_update AFTER UPDATE OF content ON messages"
	" WHEN new.content <> old.content BEGIN " FORGET_OLD UNNOTE
	" INSERT INTO messages_unindexed (id) SELECT new.id WHERE new.content <> ''; END;";
/* clang-format on */

int search_settle(struct db_conn *c, void *unused UNUSED, struct err *e)
{
	int64_t any = 0;
	int r = STORE_I64(c, &any, NULL, e, "SELECT 1 FROM messages_unindexed LIMIT 1");

	if (r < 0 || !any)
		return r;
	r = db_exec(c, NULL, e,
		LEARN "SELECT m.id, " INDEXED " FROM messages_unindexed n CROSS JOIN messages m ON m.id = n.id");
	return r < 0 ? r : db_exec(c, NULL, e, "DELETE FROM messages_unindexed");
}

#define MESSAGE_COLUMNS " m.id, m.conversation_id, m.role, m.model, m.created_at, v.title, m.content "
#define OF_CONVERSATION " AND v.user_id = ? AND v.deleted_at IS NULL AND (? = 0 OR v.folder_id = ?)"
#define OF_MESSAGE                                                                                                     \
	" AND (? = '' OR m.model = ?) AND (? = '' OR m.role = ?) AND m.created_at >= ? AND m.created_at < ?"           \
	" AND (? = 0 OR m.pinned = 1)"
#define MESSAGE_FILTERS OF_CONVERSATION OF_MESSAGE
#define MESSAGE_PARAMS(f)                                                                                              \
	DB_I64((f)->user_id), DB_I64((f)->folder_id), DB_I64((f)->folder_id), DB_TEXT(or_empty((f)->model)),           \
		DB_TEXT(or_empty((f)->model)), DB_TEXT(or_empty((f)->role)), DB_TEXT(or_empty((f)->role)),             \
		DB_I64((f)->from), DB_I64((f)->to ? (f)->to : INT64_MAX), DB_I64((f)->pinned)

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Whether its last word may be the beginning of one: a single character would be that of too many. */
static bool may_go_on(struct str word)
{
	size_t from;

	while (word.n > 0 && word.p[word.n - 1] == ' ')
		word.n--;
	for (from = word.n; from > 0 && word.p[from - 1] != ' ';)
		from--;
	return utf8_count(word.p + from, word.n - from) > 1;
}

/* "a b" "c"*: phrases, all of them. */
static void phrases_sqlite(struct buf *b, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s\"" STR_FMT "\"%s", i ? " " : "", STR_ARG(words[i]),
			i + 1 == n && may_go_on(words[i]) ? "*" : "");
}

/* 'a' <-> 'b' & 'c':*, the same. */
static void phrases_postgres(struct buf *b, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str w = words[i];
		const char *before = i ? " & " : "";

		while (w.n > 0) {
			size_t blank = 0, len = 0;

			while (blank < w.n && w.p[blank] == ' ')
				blank++;
			while (blank + len < w.n && w.p[blank + len] != ' ')
				len++;
			if (len > 0)
				buf_printf(b, "%s'" STR_FMT "'", before, (int)len, w.p + blank);
			before = " <-> ";
			w = (struct str){w.p + blank + len, w.n - blank - len};
		}
	}
	if (n > 0 && may_go_on(words[n - 1]))
		buf_add_str(b, ":*");
}

/*
 * PostgreSQL plans a prepared statement once for all values, and then does not know whether a word is rare (the index of words)
 * or stands everywhere (the newest messages, one after the other): it is to look at the words each time.
 */
static int plan_each_time(struct db_conn *c, bool on, struct err *e)
{
	return STORE_I64(c, NULL, NULL, e, "SELECT set_config('plan_cache_mode', ?, false)",
		DB_TEXT(on ? "force_custom_plan" : "auto"));
}

/* db_query of what depends on the words; the connection is left as it was, also by a failure. */
static int query_each_time(struct db_conn *c, struct db_rows **ret, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	struct err ignored = {0};
	int back, r;

	if (!db_is_postgres(c))
		return db_query_params(c, ret, e, sql, params, n);
	r = plan_each_time(c, true, e);
	if (r == 0)
		r = db_query_params(c, ret, e, sql, params, n);
	back = plan_each_time(c, false, r < 0 ? &ignored : e);
	return r < 0 ? r : back;
}

/* ---- messages near and far ---- */

/*
 * Near: the newest that have the words, each then looked at. That ends most searches, but a filter that few messages pass would
 * have it look at all. Far: what passes the filters is known before, from `messages_found` alone, and met with what has the words.
 * SQLite reads both lists to the end. PostgreSQL looks at those that pass, the newest first, until there are enough, for its index of
 * words has no order; so it does that at first only if few pass, then looks at more of those that have the words, and last at all.
 * `+`, CROSS, LATERAL with OFFSET 0: the order in which tables are gone through is this one, whatever a planner believes of words and
 * filters that go together. What was looked at is counted, so that it is known whether there is more; by SQLite only when it is asked for.
 */
#define LOOKED_SQLITE "1000"
#define HITS_SQLITE                                                                                                    \
	"(SELECT rowid AS id FROM messages_fts WHERE messages_fts MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC"         \
	" LIMIT " LOOKED_SQLITE ")"
#define NEAR_SQLITE                                                                                                    \
	"SELECT * FROM (SELECT" MESSAGE_COLUMNS ", 0 FROM " HITS_SQLITE " x CROSS JOIN messages m ON m.id = x.id"      \
	" CROSS JOIN conversations v ON v.id = m.conversation_id WHERE 1 = 1" MESSAGE_FILTERS                          \
	" ORDER BY x.id DESC LIMIT ?) UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL,"                      \
	" count(*) / " LOOKED_SQLITE " FROM " HITS_SQLITE
#define MORE_THAN(n, looked, found)                                                                                    \
	"SELECT found.*, looked.more_ FROM (SELECT count(*) / " n " AS more_ FROM " looked ") looked LEFT JOIN " found \
	" found ON 1 = 1 ORDER BY found.id DESC"
#define NEAR_POSTGRES(n)                                                                                               \
	"WITH near AS MATERIALIZED (SELECT id, conversation_id, role, model, created_at, pinned, content"              \
	" FROM messages WHERE words @@ to_tsquery('simple', ?) AND id < ? ORDER BY id DESC LIMIT " n                   \
	"), passed AS (SELECT" MESSAGE_COLUMNS "FROM near m JOIN conversations v ON v.id = m.conversation_id"          \
	" WHERE 1 = 1" MESSAGE_FILTERS " ORDER BY m.id DESC LIMIT ?) " MORE_THAN(n, "near", "passed")
#define FAR_SQLITE                                                                                                     \
	"SELECT" MESSAGE_COLUMNS ", 0 FROM messages_fts x CROSS JOIN messages m ON m.id = x.rowid"                     \
	" CROSS JOIN conversations v ON v.id = m.conversation_id WHERE messages_fts MATCH ? AND x.rowid < ?"           \
	" AND +x.rowid IN (SELECT m.id FROM conversations v CROSS JOIN messages m ON m.conversation_id = v.id"         \
	" WHERE 1 = 1" MESSAGE_FILTERS ") ORDER BY x.rowid DESC LIMIT ?"
#define PASSING_POSTGRES                                                                                               \
	"SELECT x.id, v.title FROM asked CROSS JOIN"                                                                   \
	" (SELECT v.id, v.title FROM conversations v WHERE 1 = 1" OF_CONVERSATION ") v CROSS JOIN LATERAL"             \
	" (SELECT m.id FROM messages m WHERE m.conversation_id = v.id" OF_MESSAGE                                      \
	" AND m.id < asked.before OFFSET 0) x"
#define ASKED_POSTGRES "WITH asked AS (SELECT to_tsquery('simple', ?) AS q, ?::bigint AS before)"
#define OF_PASSING_POSTGRES(passing, more)                                                                             \
	"SELECT" MESSAGE_COLUMNS more "FROM asked CROSS JOIN (" passing " ORDER BY id DESC OFFSET 0) v"                \
	" CROSS JOIN LATERAL (SELECT id, conversation_id, role, model, created_at, content FROM messages"              \
	"  WHERE id = v.id AND words @@ asked.q OFFSET 0) m ORDER BY v.id DESC LIMIT ?"
#define FEW  "20000" /* are put in order */
#define WIDE "5000"  /* are looked at */
/* clang-format off */
static const char *const steps_sqlite[SEARCH_STEPS] = {NEAR_SQLITE, FAR_SQLITE};
static const char *const steps_postgres[SEARCH_STEPS] = {
	NEAR_POSTGRES("200"),
	ASKED_POSTGRES ", passing AS MATERIALIZED (" PASSING_POSTGRES " LIMIT " FEW "), passed AS ("
	OF_PASSING_POSTGRES("SELECT * FROM (SELECT * FROM passing WHERE (SELECT count(*) FROM passing) < " FEW
		" ORDER BY id DESC LIMIT " WIDE ") x", "") ") "
	MORE_THAN(WIDE, "passing", "passed"),
	NEAR_POSTGRES(WIDE),
	ASKED_POSTGRES " " OF_PASSING_POSTGRES(PASSING_POSTGRES, ", 0 ")};
/* clang-format on */

static int phrases(
	struct db_conn *c, const struct str *words, size_t n, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(QUERY_MAX);

	(db_is_postgres(c) ? phrases_postgres : phrases_sqlite)(&b, words, n);
	return take_query(&b, a, ret, e);
}

int search_messages(struct db_conn *c, const struct find_filter *f, const struct str *words, size_t n, size_t step,
	int64_t limit, struct arena *a, struct db_rows **ret, struct err *e)
{
	const char *const *steps = db_is_postgres(c) ? steps_postgres : steps_sqlite;
	atelier_id before = f->before_id ? f->before_id : INT64_MAX;
	const char *query = NULL;
	int r = phrases(c, words, n, a, &query, e);
	const struct db_param params[] = {DB_TEXT(query), DB_I64(before), MESSAGE_PARAMS(f), DB_I64(limit)};

	return r < 0 ? r : query_each_time(c, ret, e, steps[step], params, N_ELEMENTS(params));
}
