/* store.c - the schema, and what the files of this room share. */
#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/fold.h"
#include "store/changes.h"
#include "store/jobs.h"
#include "store/limits.h"
#include "store/search.h"
#include "store/store_priv.h"

/*
 * Messages refer to their parent without a cascade: a branch is deeper than SQLite lets cascades recurse, and a
 * conversation takes all of its messages with it anyway. Long columns stand last, so that the others are read without
 * their pages. Hashes are those of secrets that nobody else has; sessions go with their user. The manual is that of the program, and is
 * written anew when it is another. That one turn at most writes a message is a rule of the database (turns_running).
 */
static const char schema_1[] =
	"CREATE TABLE users ("
	"  id INTEGER PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	"  display_name TEXT NOT NULL,"
	"  password_hash TEXT NOT NULL,"
	"  role TEXT NOT NULL CHECK (role IN ('admin', 'user')),"
	"  disabled INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE sessions ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  cookie_hash BLOB UNIQUE,"
	"  bearer_hash BLOB UNIQUE,"
	"  created_at INTEGER NOT NULL,"
	"  last_seen_at INTEGER NOT NULL,"
	"  expires_at INTEGER NOT NULL,"
	"  user_agent TEXT,"
	"  address TEXT"
	") STRICT;"
	"CREATE INDEX sessions_user ON sessions(user_id);"
	"CREATE INDEX sessions_expiry ON sessions(expires_at);"

	"CREATE TABLE conversations ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  title TEXT NOT NULL DEFAULT '',"
	"  title_state TEXT NOT NULL DEFAULT 'plain' CHECK (title_state IN ('plain', 'model', 'person')),"
	"  model TEXT NOT NULL DEFAULT '',"
	"  head_id INTEGER,"
	"  message_count INTEGER NOT NULL DEFAULT 0,"
	"  tokens_in INTEGER NOT NULL DEFAULT 0,"
	"  tokens_out INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  deleted_at INTEGER"
	") STRICT;"
	"CREATE INDEX conversations_shown ON conversations(user_id, updated_at DESC, id DESC) WHERE deleted_at IS NULL;"
	"CREATE INDEX conversations_user ON conversations(user_id);"

	"CREATE TABLE messages ("
	"  id INTEGER PRIMARY KEY,"
	"  conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
	"  parent_id INTEGER REFERENCES messages(id),"
	"  turn_id INTEGER,"
	"  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),"
	"  state TEXT NOT NULL CHECK (state IN ('complete', 'running', 'canceled', 'failed', 'interrupted')),"
	"  model TEXT,"
	"  error_code TEXT,"
	"  error_text TEXT,"
	"  finish_reason TEXT,"
	"  tokens_in INTEGER NOT NULL DEFAULT 0,"
	"  tokens_out INTEGER NOT NULL DEFAULT 0,"
	"  tokens_exact INTEGER NOT NULL DEFAULT 0,"
	"  first_token_ms INTEGER NOT NULL DEFAULT 0,"
	"  duration_ms INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  citations TEXT,"
	"  content TEXT NOT NULL DEFAULT '',"
	"  reasoning TEXT NOT NULL DEFAULT ''"
	") STRICT;"
	"CREATE INDEX messages_conversation ON messages(conversation_id);"
	"CREATE INDEX messages_parent ON messages(parent_id);"

	"CREATE TABLE turns ("
	"  id INTEGER PRIMARY KEY,"
	"  conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  user_message_id INTEGER NOT NULL,"
	"  message_id INTEGER NOT NULL,"
	"  model TEXT NOT NULL,"
	"  continues INTEGER NOT NULL DEFAULT 0,"
	"  state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'canceled', 'failed', 'interrupted')),"
	"  last_seq INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  ended_at INTEGER,"
	"  log_size INTEGER NOT NULL DEFAULT 0,"
	"  log BLOB"
	") STRICT;"
	"CREATE INDEX turns_conversation ON turns(conversation_id);"
	"CREATE INDEX turns_user ON turns(user_id);"
	"CREATE UNIQUE INDEX turns_running ON turns(conversation_id) WHERE state = 'running';"

	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"

	"CREATE TABLE manual_pages ("
	"  id INTEGER PRIMARY KEY,"
	"  slug TEXT NOT NULL UNIQUE,"
	"  title TEXT NOT NULL,"
	"  body TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE manual_passages ("
	"  id INTEGER PRIMARY KEY,"
	"  page_id INTEGER NOT NULL REFERENCES manual_pages(id) ON DELETE CASCADE,"
	"  anchor TEXT NOT NULL,"
	"  heading TEXT NOT NULL,"
	"  body TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX manual_passages_page ON manual_passages(page_id);";

static const char search_sqlite[] =
	"CREATE VIRTUAL TABLE manual_fts USING fts5("
	"  heading, body, content = 'manual_passages', content_rowid = 'id', tokenize = 'porter unicode61');";
static const char search_postgres[] =
	"ALTER TABLE manual_passages ADD COLUMN words TSVECTOR GENERATED ALWAYS AS ("
	"  setweight(to_tsvector('english', heading), 'A') || setweight(to_tsvector('english', body), 'B')) STORED;"
	"CREATE INDEX manual_passages_words ON manual_passages USING gin(words);";

/* Names of before that differ by case or composition alone stay as they are. */
#define UNIQUE_NAMES(table)                                                                                            \
	"ALTER TABLE " table " ADD COLUMN folded TEXT;"                                                                \
	"CREATE UNIQUE INDEX " table "_folded ON " table "(folded);"
#define FOLD_NAMES(table)                                                                                              \
	"UPDATE " table " SET folded = fold(name) WHERE fold(name) IN"                                                 \
	" (SELECT fold(name) FROM " table " GROUP BY fold(name) HAVING count(*) = 1);"
/* Of those, the first one has the name, so that there is no further one; the others are found by theirs to the letter. */
#define FOLD_FIRST(table)                                                                                              \
	"UPDATE " table " SET folded = fold(name) WHERE id IN"                                                         \
	" (SELECT min(id) FROM " table " WHERE folded IS NULL GROUP BY fold(name));"

/* Versions rise by one. What was released is never changed: a database that has it does not run it again. */
static const struct db_migration migrations[] = {
	{.version = 1,
		.name = "users, conversations, messages, turns, manual",
		.sql = schema_1,
		.sqlite = search_sqlite,
		.postgres = search_postgres},
	{.version = 2,
		.name = "providers, keys, usage, limits, jobs",
		.sql = schema_2,
		.sqlite = triggers_sqlite,
		.postgres = triggers_postgres},
	{.version = 3,
		.name = "proxies of providers",
		.sql = "ALTER TABLE providers ADD COLUMN proxy TEXT NOT NULL DEFAULT ''"},
	{.version = 4,
		.name = "names are unique however they are written",
		.sql = UNIQUE_NAMES("users") UNIQUE_NAMES("groups"),
		.sqlite = FOLD_NAMES("users") FOLD_NAMES("groups")},
	/* The bytes that are there so far are in the folder of the data (uploads.h); a row without all of them ends when its time is over. */
	{.version = 5,
		.name = "uploads",
		.sql = "CREATE TABLE uploads ("
		       "  id INTEGER PRIMARY KEY,"
		       "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
		       "  size INTEGER NOT NULL,"
		       "  metadata TEXT NOT NULL,"
		       "  created_at INTEGER NOT NULL,"
		       "  expires_at INTEGER NOT NULL"
		       ") STRICT;"
		       "CREATE INDEX uploads_user ON uploads(user_id);"
		       "CREATE INDEX uploads_expiry ON uploads(expires_at);"},
	/* Which process writes an answer: several may share a PostgreSQL. 0: whoever has this database. */
	{.version = 6,
		.name = "answers say who writes them",
		.sql = "ALTER TABLE turns ADD COLUMN node INTEGER NOT NULL DEFAULT 0",
		.sqlite = FOLD_FIRST("users") FOLD_FIRST("groups")},
	/* What is long stands last: sums are made without reading it. */
	{.version = 7,
		.name = "responses that programs go on from",
		.sql = "CREATE TABLE responses ("
		       "  id INTEGER PRIMARY KEY,"
		       "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
		       "  key_id INTEGER REFERENCES api_keys(id) ON DELETE CASCADE,"
		       "  made_at INTEGER NOT NULL,"
		       "  bytes INTEGER NOT NULL,"
		       "  previous TEXT,"
		       "  input TEXT NOT NULL,"
		       "  output TEXT NOT NULL"
		       ") STRICT;"
		       "CREATE INDEX responses_owner ON responses(user_id, key_id);"
		       "CREATE INDEX responses_made ON responses(made_at, bytes);"},
	{.version = 8,
		.name = "messages become parts",
		.sql = "ALTER TABLE conversations RENAME COLUMN head_id TO leaf_id",
		.sqlite = schema_8_sqlite,
		.postgres = schema_8_postgres},
	/* A thing is named by its id or by its name, whichever its kind has; the other one is 0 or "". One row at most says what a
	 * subject may do with a thing. Of links the newest of a person alone is good: there is one. */
	{.version = 9,
		.name = "grants, links to set a password",
		.sql = "CREATE TABLE grants ("
		       "  id INTEGER PRIMARY KEY,"
		       "  kind TEXT NOT NULL,"                     /* of the thing */
		       "  resource_id INTEGER NOT NULL DEFAULT 0," /* of one that is stored */
		       "  resource_name TEXT NOT NULL DEFAULT ''," /* of one that is named */
		       "  subject TEXT NOT NULL,"
		       "  subject_id INTEGER NOT NULL DEFAULT 0," /* of a user or group */
		       "  verb INTEGER NOT NULL,"                 /* 1 read, 2 use, 3 edit; 0 of nobody */
		       "  created_at INTEGER NOT NULL,"
		       "  UNIQUE (kind, resource_id, resource_name, subject, subject_id)"
		       ") STRICT;"
		       "CREATE INDEX grants_subject ON grants(subject, subject_id);"
		       "CREATE TABLE user_links ("
		       "  user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,"
		       "  hash BLOB NOT NULL UNIQUE,"
		       "  expires_at INTEGER NOT NULL"
		       ") STRICT;"},
	{.version = 10, .name = "changes are counted for other processes", .sql = "", .postgres = changes_postgres},
	{.version = 11, .name = "folders, tags and marks of conversations", .sql = schema_order},
	{.version = 12,
		.name = "all that was said can be searched",
		.sql = "",
		.sqlite = search_messages_sqlite,
		.postgres = search_messages_postgres},
	{.version = 13, .name = "jobs are a queue", .sql = schema_jobs},
	{.version = 14, .name = "assistants, parameters and instructions", .sql = schema_assistants},
	{.version = 15, .name = "the library of prompts", .sql = schema_prompts},
	{.version = 16, .name = "questions wait for an answer to end", .sql = schema_queued},
	{.version = 17,
		.name = "what ends at one server ends at the others",
		.sql = "",
		.postgres = changes_endings_postgres},
	{.version = 18, .name = "pictures", .sql = schema_images},
	{.version = 19, .name = "memories, default assistants", .sql = schema_memories},
	{.version = 20, .name = "what models were given", .sql = schema_context},
	{.version = 21, .name = "pictures of assistants", .sql = schema_faces},
	{.version = 22, .name = "several answers to one question", .sql = schema_comparisons},
	{.version = 23, .name = "summaries of long branches", .sql = schema_summaries},
	{.version = 24, .name = "collections and documents", .sql = schema_documents},
	{.version = 25, .name = "vectors of passages", .sql = schema_vectors},
	{.version = 26, .name = "pictures of questions that wait", .sql = schema_queued_images},
	{.version = 27, .name = "documents of questions that wait", .sql = schema_queued_places},
	{.version = 28, .name = "pages of documents", .sql = schema_pages},
	{.version = 29, .name = "tool servers, what people say of tools", .sql = schema_tools},
	{.version = 30, .name = "how collections are searched", .sql = schema_search_settings},
	{.version = 31, .name = "turns that wait for a person", .sql = schema_turn_calls},
	{.version = 32, .name = "tools of conversations, assistants and what waits", .sql = schema_tool_wishes},
	{.version = 33, .name = "files that tools made", .sql = schema_files},
	{.version = 34, .name = "assistants that act", .sql = schema_agents},
	{.version = 35, .name = "rerankers, rewritten questions", .sql = schema_reranking},
	{.version = 36, .name = "documents of assistants, own history", .sql = schema_assistant_places},
	{.version = 37,
		.name = "vectors of what was said before",
		.sql = schema_exchange_vectors,
		.sqlite = exchange_vectors_sqlite,
		.postgres = exchange_vectors_postgres},
	{.version = 38, .name = "vector stores", .sql = schema_vector_stores},
	{.version = 39,
		.name = "time zones of questions that wait",
		.sql = "ALTER TABLE queued ADD COLUMN time_zone TEXT"},
	{.version = 40,
		.name = "of a very long message its beginning is searched",
		.sql = "",
		.sqlite = search_bound_sqlite,
		.postgres = search_bound_postgres},
	{.version = 41, .name = "filters of the search have an index", .sql = search_filters},
	{.version = 42, .name = "jobs are asked for while they run", .sql = schema_jobs_again},
	{.version = 43,
		.name = "programs renew their keys",
		.sql = "ALTER TABLE api_keys ADD COLUMN token_ends_at INTEGER;"
		       "ALTER TABLE api_keys ADD COLUMN first_hash BLOB;"
		       "CREATE UNIQUE INDEX api_keys_first ON api_keys(first_hash);"},
	{.version = 44, .name = "of what version the words of texts are", .sql = schema_words},
	{.version = 45,
		.name = "filters of the search know the message",
		.sql = "",
		.postgres = search_filters_postgres},
	{.version = 46,
		.name = "files know the server that has them",
		.sql = "ALTER TABLE blobs ADD COLUMN node INTEGER NOT NULL DEFAULT 0"},
	{.version = 47,
		.name = "messages go into the index of the search together",
		.sql = "",
		.sqlite = search_together_sqlite,
		.settle = search_settle},
	{.version = 48, .name = "jobs know the server that alone can do them", .sql = schema_jobs_nodes},
	{.version = 49, .name = "several servers keep a limit together", .sql = "", .postgres = limit_uses_postgres},
};

const struct db_migration *store_migrations(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(migrations);
	return migrations;
}

/* ---- shared by the files of this room ---- */

int store_full(struct err *e)
{
	return err_set(e, -ENOMEM, "What was asked for does not fit the memory set aside for it.");
}

const char *store_str(struct store_reader *rd, int col)
{
	const char *s;

	if (db_is_null(rd->rows, col))
		return NULL;
	s = db_dup(rd->rows, col, rd->a);
	if (!s) {
		rd->full = true;
		s = "";
	}
	return s;
}

int store_reader_end(const struct store_reader *rd, struct err *e)
{
	return rd->full ? store_full(e) : 0;
}

void *store_push(struct store_list *l, struct arena *a)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		void *items = arena_alloc_array(a, cap, l->size);

		if (!items)
			return NULL;
		if (l->n)
			memcpy(items, l->items, l->n * l->size);
		l->items = items;
		l->cap = cap;
	}
	return (char *)l->items + l->n++ * l->size;
}

int store_row(struct db_conn *c, struct db_rows **ret, struct err *e, const char *sql, const struct db_param *params,
	size_t n)
{
	int r = db_query_params(c, ret, e, sql, params, n);

	return r < 0 ? r : db_next(*ret, e);
}

int store_first(struct db_conn *c, struct db_rows **ret, const char *missing, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = store_row(c, &rows, e, sql, params, n);

	if (r <= 0)
		return r < 0 ? r : err_set(e, E_NOT_FOUND, "%s", missing);
	*ret = TAKE_PTR(rows);
	return 0;
}

int store_i64(struct db_conn *c, int64_t *ret, const char *missing, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = store_row(c, &rows, e, sql, params, n);

	if (r == 0 && missing)
		return err_set(e, E_NOT_FOUND, "%s", missing);
	if (r >= 0 && ret)
		*ret = r > 0 ? db_i64(rows, 0) : 0;
	return MIN(r, 0);
}

static const struct col id_columns[] = {{"id", COL_I64, COL_SEEN, 0}};
const struct rows_table id_rows = {.name = "", .cols = id_columns, .n_cols = 1, .size = sizeof(atelier_id)};

int store_ids(struct db_conn *c, atelier_id *ret, size_t most, size_t *ret_n, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query_params(c, &rows, e, sql, params, n);

	*ret_n = 0;
	while (r >= 0 && *ret_n < most && (r = db_next(rows, e)) > 0)
		ret[(*ret_n)++] = db_i64(rows, 0);
	return MIN(r, 0);
}

struct statement {
	const char *sql;
	const struct db_param *params;
	size_t n;
	int64_t changed;
};

static int statement_in(struct db_conn *c, void *arg, struct err *e)
{
	struct statement *x = arg;

	return db_exec_params(c, &x->changed, e, x->sql, x->params, x->n);
}

int store_write(
	struct db *db, int64_t *ret_changed, struct err *e, const char *sql, const struct db_param *params, size_t n)
{
	struct statement x = {.sql = sql, .params = params, .n = n};
	int r = db_write(db, statement_in, &x, e);

	if (ret_changed)
		*ret_changed = r < 0 ? 0 : x.changed;
	return r;
}

int store_exec(
	struct db_conn *c, const char *missing, struct err *e, const char *sql, const struct db_param *params, size_t n)
{
	int64_t changed = 0;
	int r = db_exec_params(c, &changed, e, sql, params, n);

	return r < 0 || changed > 0 ? r : err_set(e, E_NOT_FOUND, "%s", missing);
}

int store_change(
	struct db *db, const char *missing, struct err *e, const char *sql, const struct db_param *params, size_t n)
{
	int64_t changed;
	int r = store_write(db, &changed, e, sql, params, n);

	return r < 0 || changed > 0 ? r : err_set(e, E_NOT_FOUND, "%s", missing);
}

int store_make(struct db *db, store_fn *fn, void *arg, const atelier_id *made, atelier_id *ret_id, struct err *e)
{
	int r = db_write(db, fn, arg, e);

	if (r == 0)
		*ret_id = *made;
	return r;
}

int store_apply(struct db *db, store_fn *fn, const void *arg, struct err *e)
{
	return db_write(db, fn, (void *)(uintptr_t)arg, e);
}

int store_insert(
	struct db_conn *c, atelier_id *ret_id, struct err *e, const char *sql, struct db_param *params, size_t n)
{
	atelier_id id = id_new();
	int r;

	ASSERT(db_is_writing(c));
	params[0] = DB_I64(id);
	r = db_exec_params(c, NULL, e, sql, params, n);
	if (r < 0)
		return r;
	*ret_id = id;
	return 0;
}

int store_conflict(int r, struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->msg)];
	va_list ap;

	if (r != E_CONFLICT)
		return r;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_clear(e);
	return err_set(e, r, "%s", text);
}

char *store_fold(const char *name)
{
	struct buf b = BUF_INIT((size_t)64 << 20);
	char *folded;

	fold_add(&b, name, strlen(name));
	folded = buf_take(&b);
	if (!folded)
		abort();
	return folded;
}

int store_subject(struct db_conn *c, const char *subject, atelier_id id, struct err *e)
{
	static const struct {
		const char *subject, *sql, *missing;
	} tables[] = {
		{"user", "SELECT 1 FROM users WHERE id = ?", "There is no such user."},
		{"group", "SELECT 1 FROM groups WHERE id = ?", "There is no such group."},
		{"key", "SELECT 1 FROM api_keys WHERE id = ?", "There is no such key."},
	};

	for (size_t i = 0; i < N_ELEMENTS(tables); i++)
		if (strcmp(tables[i].subject, subject) == 0)
			return STORE_I64(c, NULL, tables[i].missing, e, tables[i].sql, DB_I64(id));
	return 0;
}

int store_leaf(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, atelier_id *ret, struct err *e)
{
	ASSERT(user_id);
	return STORE_I64(c, ret, STORE_NO_CONVERSATION, e,
		"SELECT leaf_id FROM conversations WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
		DB_I64(conversation_id), DB_I64(user_id));
}

int store_conversation_idle(struct db_conn *c, atelier_id conversation_id, struct err *e)
{
	int64_t busy = 0;
	int r = db_exec(c, NULL, e, "UPDATE conversations SET id = id WHERE id = ?", DB_I64(conversation_id));

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = STORE_I64(c, &busy, NULL, e,
			"SELECT 1 FROM turns WHERE conversation_id = ? AND state = 'running'"
			" UNION ALL SELECT 1 FROM turns WHERE conversation_id = ? AND state = 'waiting'",
			DB_I64(conversation_id), DB_I64(conversation_id));
	return r < 0 || !busy ? r
			      : err_set(e, E_CONFLICT,
					"An answer is being written in this conversation. Wait until it is complete, or"
					" stop it first.");
}

/* ---- what nobody waits for ---- */

struct later {
	struct db_later entry;
	_Alignas(max_align_t) char arg[];
};

static void later_free(void *arg)
{
	free(CONTAINER_OF(arg, struct later, arg));
}

void store_later(struct db *db, store_fn *fn, const void *arg, size_t n)
{
	struct later *l = xcalloc(1, sizeof(*l) + n);

	memcpy(l->arg, arg, n);
	l->entry = (struct db_later){.fn = fn, .done = later_free, .arg = l->arg};
	if (!db_write_later(db, &l->entry))
		free(l);
}
