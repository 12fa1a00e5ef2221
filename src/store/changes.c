/* changes.c - what other processes have changed. */
#include "store/changes.h"

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
