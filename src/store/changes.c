/*
 * changes.c - what other processes have changed. Triggers count and note, so that nothing that writes has to think of it, psql
 * included; servers ask once a second, and read again what has another count. On SQLite there is one server, and nothing to
 * ask.
 */
#include "store/changes.h"

#include "store/store_priv.h"

/*
 * The row of a process is touched by that one alone, and who writes holds the lock of the writer anyway. What a program like
 * psql changes counts as the node 0, which every process takes for another.
 */
#define COUNTED(table, topic)                                                                                          \
	"CREATE TRIGGER " table "_changes AFTER INSERT OR UPDATE OR DELETE ON " table                                  \
	" FOR EACH STATEMENT EXECUTE FUNCTION count_change('" topic "');"

const char changes_postgres[] =
	"CREATE TABLE changes ("
	"  topic TEXT NOT NULL,"
	"  node INTEGER NOT NULL,"
	"  n INTEGER NOT NULL,"
	"  PRIMARY KEY (topic, node)"
	");"
	"CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	"  INSERT INTO changes (topic, node, n)"
	"  VALUES (TG_ARGV[0], coalesce(nullif(current_setting('atelier.node', true), ''), '0')::bigint, 1)"
	"  ON CONFLICT (topic, node) DO UPDATE SET n = changes.n + 1;"
	"  RETURN NULL; END $$;" COUNTED("providers", "configuration") COUNTED("model_routes", "configuration")
		COUNTED("model_overrides", "configuration") COUNTED("model_tasks", "configuration")
			COUNTED("prices", "limits") COUNTED("limits", "limits") COUNTED("groups", "limits")
				COUNTED("group_members", "limits") COUNTED("usage", "usage");

/* Of each row that goes, or that changes in what gives a right. The columns are those of struct change_ending. */
#define ENDS(table, name, when, column)                                                                                \
	"CREATE TRIGGER " table "_" name " AFTER " when " EXECUTE FUNCTION note_ending('" column "');"

const char changes_endings_postgres[] =
	"CREATE TABLE endings ("
	"  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	"  node BIGINT NOT NULL,"
	"  at BIGINT NOT NULL,"
	"  user_id BIGINT NOT NULL DEFAULT 0,"
	"  session_id BIGINT NOT NULL DEFAULT 0,"
	"  key_id BIGINT NOT NULL DEFAULT 0,"
	"  conversation_id BIGINT NOT NULL DEFAULT 0"
	");"
	"CREATE INDEX endings_at ON endings(at);"
	"CREATE FUNCTION note_ending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	"  EXECUTE format('INSERT INTO endings (node, at, %I) VALUES ($1, $2, $3)', TG_ARGV[0])"
	"  USING coalesce(nullif(current_setting('atelier.node', true), ''), '0')::bigint,"
	"    (extract(epoch FROM clock_timestamp()) * 1000)::bigint, OLD.id;"
	"  RETURN NULL; END $$;" ENDS("users", "end", "DELETE ON users FOR EACH ROW", "user_id") ENDS("users", "change",
		"UPDATE OF disabled, role ON users FOR EACH ROW",
		"user_id") ENDS("sessions", "end", "DELETE ON sessions FOR EACH ROW", "session_id")
		ENDS("api_keys", "end", "DELETE ON api_keys FOR EACH ROW", "key_id")
			ENDS("api_keys", "change", "UPDATE OF scopes, models ON api_keys FOR EACH ROW", "key_id")
				ENDS("conversations", "end", "DELETE ON conversations FOR EACH ROW", "conversation_id")
					ENDS("conversations", "change",
						"UPDATE OF deleted_at ON conversations FOR EACH ROW"
						" WHEN (NEW.deleted_at IS NOT NULL)",
						"conversation_id");

#define E struct change_ending
static const struct col ending_columns[] = {COL(I64, E, id), COL(I64, E, user_id), COL(I64, E, session_id),
	COL(I64, E, key_id), COL(I64, E, conversation_id)};
#undef E
static const struct rows_table endings = {"endings", NULL, NULL, NULL, TABLE(struct change_ending, ending_columns)};

int changes_endings(
	struct db_conn *c, int64_t after, struct arena *a, struct change_ending **ret, size_t *ret_n, struct err *e)
{
	*ret_n = 0;
	return db_is_postgres(c)
		       ? rows_all(&endings, c, a, ret, ret_n, e, "WHERE id > ? AND node <> ? ORDER BY id LIMIT ?",
				 DB_I64(after), DB_I64(db_node(c)), DB_I64(CHANGE_ENDINGS))
		       : 0;
}

int changes_trim(struct db *db, int64_t before_ms, int64_t *ret_n, struct err *e)
{
	*ret_n = 0;
	return db_is_shared(db) ? STORE_WRITE(db, ret_n, e, "DELETE FROM endings WHERE at < ?", DB_I64(before_ms)) : 0;
}

int changes_read(struct db_conn *c, struct changes_seen *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct changes_seen seen = {0};
	int r;

	if (db_is_postgres(c)) {
		r = db_query(c, &rows, e,
			"SELECT topic, sum(n) FROM changes WHERE node <> ? OR node = 0 GROUP BY topic",
			DB_I64(db_node(c)));
		while (r >= 0 && (r = db_next(rows, e)) > 0) {
			struct str topic = db_bytes(rows, 0);

			if (str_eq(topic, STR("configuration")))
				seen.configuration = db_i64(rows, 1);
			else if (str_eq(topic, STR("limits")))
				seen.limits = db_i64(rows, 1);
			else if (str_eq(topic, STR("usage")))
				seen.usage = db_i64(rows, 1);
		}
		if (r < 0)
			return r;
	}
	*ret = seen;
	return 0;
}
