/* store.c - the schema, and what the files of this room share. */
#include "store/store.h"
#include "store/store_priv.h"

/*
 * Messages refer to their parent without a cascade: a branch is deeper than SQLite lets cascades recurse, and a
 * conversation takes all of its messages with it anyway. Long columns stand last, so that the others are read without
 * their pages. That one answer at most is written in a conversation is a rule of the database (turns_running).
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
	"CREATE INDEX manual_passages_page ON manual_passages(page_id);"
	"CREATE VIRTUAL TABLE manual_fts USING fts5("
	"  heading, body, content = 'manual_passages', content_rowid = 'id', tokenize = 'porter unicode61');";

/* Names of before that differ by case or composition alone stay as they are: those rows keep NULL, and work on. */
#define UNIQUE_NAMES(table)                                                                                            \
	"ALTER TABLE " table " ADD COLUMN folded TEXT;"                                                                \
	"UPDATE " table " SET folded = fold(name) WHERE fold(name) IN"                                                 \
	" (SELECT fold(name) FROM " table " GROUP BY fold(name) HAVING count(*) = 1);"                                 \
	"CREATE UNIQUE INDEX " table "_folded ON " table "(folded);"

const struct db_migration *store_migrations(size_t *ret_n)
{
	static const struct db_migration migrations[] = {
		{1, "users, conversations, messages, turns, manual", schema_1},
		{2, "providers, keys, usage, limits, jobs", schema_2},
		{3, "proxies of providers", "ALTER TABLE providers ADD COLUMN proxy TEXT NOT NULL DEFAULT ''"},
		{4, "names are unique however they are written", UNIQUE_NAMES("users") UNIQUE_NAMES("groups")},
		{5, "uploads",
			"CREATE TABLE uploads ("
			"  id INTEGER PRIMARY KEY,"
			"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
			"  size INTEGER NOT NULL,"
			"  metadata TEXT NOT NULL,"
			"  created_at INTEGER NOT NULL,"
			"  expires_at INTEGER NOT NULL"
			") STRICT;"
			"CREATE INDEX uploads_user ON uploads(user_id);"
			"CREATE INDEX uploads_expiry ON uploads(expires_at);"},
	};

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

int store_first(struct db_conn *c, struct db_rows **ret, const char *missing, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query_params(c, &rows, e, sql, params, n);
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_NOT_FOUND, "%s", missing);
	*ret = TAKE_PTR(rows);
	return 0;
}

int store_insert(
	struct db_conn *c, atelier_id *ret_id, struct err *e, const char *sql, struct db_param *params, size_t n)
{
	atelier_id id = id_new();
	struct err first = {0};
	int r;

	params[0] = DB_I64(id);
	r = db_exec_params(c, NULL, &first, sql, params, n);
	if (r == E_CONFLICT) {
		id = id_new();
		params[0] = DB_I64(id);
		r = db_exec_params(c, NULL, e, sql, params, n);
	} else if (r < 0 && e && !e->code) {
		*e = first;
	}
	if (r < 0)
		return r;
	*ret_id = id;
	return 0;
}

int store_conversation_idle(struct db_conn *c, atelier_id conversation_id, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query(c, &rows, e, "SELECT 1 FROM turns WHERE conversation_id = ? AND state = 'running'",
		DB_I64(conversation_id));
	if (r < 0)
		return r;
	r = db_next(rows, e);
	return r > 0 ? err_set(e, E_CONFLICT, STORE_ANSWER_RUNNING) : r;
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

void store_later(struct db *db, int (*fn)(struct db_conn *c, void *arg, struct err *e), const void *arg, size_t n)
{
	struct later *l = xcalloc(1, sizeof(*l) + n);

	memcpy(l->arg, arg, n);
	l->entry = (struct db_later){.fn = fn, .done = later_free, .arg = l->arg};
	if (!db_write_later(db, &l->entry))
		free(l);
}
