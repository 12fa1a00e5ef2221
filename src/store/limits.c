/*
 * limits.c - limits as they are set, and what several servers take of them. What is used is counted in call/; here
 * stand the limits, and, where several servers share a PostgreSQL, a row of each server for each limit with what it
 * has used and holds just now.
 */
#include "store/limits.h"
#include "store/store_priv.h"

#define L struct limit
static const struct col columns[] = {COL(I64, L, id), COL_ONCE(TEXT, L, subject), COL_ONCE(I64, L, subject_id),
	COL_ONCE(TEXT, L, model), COL_ONCE(TEXT, L, measure), COL_ONCE(TEXT, L, period), COL(I64, L, amount),
	COL_TOUCHED("updated_at"), COL_MADE("created_at"),
	COL_AS(TEXT, L, subject_name,
		"(SELECT name FROM users WHERE subject = 'user' AND users.id = subject_id UNION ALL"
		" SELECT name FROM groups WHERE subject = 'group' AND groups.id = subject_id UNION ALL"
		" SELECT name FROM api_keys WHERE subject = 'key' AND api_keys.id = subject_id)",
		COL_SEEN)};
#undef L

const struct rows_table limits_table = {"limits", "id", "There is no such limit.",
	"There is such a limit already; change its amount.", TABLE(struct limit, columns)};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct limit *in = arg;
	int r = store_subject(c, in->subject, in->subject_id, e);

	return r < 0 ? r : rows_create_in(&limits_table, c, in, &in->id, e);
}

int limits_create(struct db *db, const struct limit *in, atelier_id *ret_id, struct err *e)
{
	struct limit copy = *in;

	if (!copy.model)
		copy.model = "";
	return store_make(db, create_in, &copy, &copy.id, ret_id, e);
}

int limits_set_amount(struct db *db, atelier_id id, int64_t amount, struct err *e)
{
	return rows_set(
		&limits_table, db, &(struct limit){.id = id, .amount = amount}, e); /* all else is written once */
}

/* ---- what several servers take ---- */

/*
 * Whoever writes holds the lock of the writer, so that what is read and then added within one transaction is right. A row is
 * touched by its own server alone. What was used is added in the transaction of the rows of usage that it stands for: the sums
 * of these and the sums of those are of the same calls at any moment.
 */
const char limit_uses_postgres[] = "CREATE TABLE limit_uses ("
				   "  limit_id BIGINT NOT NULL,"
				   "  node BIGINT NOT NULL,"
				   "  window_start BIGINT NOT NULL,"
				   "  used BIGINT NOT NULL,"
				   "  held BIGINT NOT NULL,"
				   "  PRIMARY KEY (limit_id, node)"
				   ");";

/* The advisory lock that a server holds for as long as it is connected (see db/postgres_connect.c). */
#define IS_ALIVE(node)                                                                                                 \
	"EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted"              \
	" AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"                     \
	" AND ((l.classid::bigint << 32) | l.objid::bigint) = " node ")"

/* How often servers other than this one have been started: rows of `changes`, which belong to one server each. */
#define STARTS_BUT(node) "(SELECT coalesce(sum(s.n), 0) FROM changes s WHERE s.topic = 'starts' AND s.node <> " node ")"

int limit_servers_elsewhere(struct db_conn *c, bool *ret_any, int64_t *ret_starts, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = 0;

	*ret_any = false;
	*ret_starts = 0;
	if (!db_is_postgres(c))
		return 0;
	r = STORE_ROW(c, &rows, e,
		"SELECT count(*), " STARTS_BUT("?") " FROM nodes WHERE id <> ? AND " IS_ALIVE("nodes.id"),
		DB_I64(db_node(c)), DB_I64(db_node(c)));
	if (r <= 0)
		return r;
	*ret_any = db_i64(rows, 0) > 0;
	*ret_starts = db_i64(rows, 1);
	return 0;
}

int limit_server_starts(struct db_conn *c, int64_t now_ms, struct err *e)
{
	int r;

	ASSERT(db_is_writing(c) && db_is_postgres(c) && db_node(c));
	r = db_exec(c, NULL, e, "INSERT INTO nodes (id, seen_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
		DB_I64(db_node(c)), DB_I64(now_ms));
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"INSERT INTO changes (topic, node, n) VALUES ('starts', ?, 1)"
		" ON CONFLICT (topic, node) DO UPDATE SET n = changes.n + 1",
		DB_I64(db_node(c)));
}

int limit_uses_told(struct db_conn *c, struct err *e)
{
	ASSERT(db_is_writing(c));
	return db_is_postgres(c) ? db_exec(c, NULL, e,
					   "INSERT INTO changes (topic, node, n) VALUES ('told', ?, " STARTS_BUT(
						   "?") ") ON CONFLICT (topic, node) DO UPDATE SET n = excluded.n",
					   DB_I64(db_node(c)), DB_I64(db_node(c)))
				 : 0;
}

int limit_servers_silent(struct db_conn *c, int64_t *ret, struct err *e)
{
	return STORE_I64(c, ret, NULL, e,
		"SELECT count(*) FROM nodes WHERE id <> ? AND " IS_ALIVE(
			"nodes.id") " AND coalesce((SELECT t.n FROM changes t WHERE t.topic = 'told' AND t.node = "
				    "nodes.id), 0) < " STARTS_BUT("nodes.id"),
		DB_I64(db_node(c)));
}

#define U struct limit_use
static const struct col use_columns[] = {COL(I64, U, limit_id), COL(I64, U, window_start), COL(I64, U, used),
	COL_AS(I64, U, held, "CASE WHEN held <> 0 AND " IS_ALIVE("node") " THEN held ELSE 0 END", COL_SEEN)};
#undef U
static const struct rows_table uses_table = {"limit_uses", NULL, NULL, NULL, TABLE(struct limit_use, use_columns)};

int limit_uses_elsewhere(struct db_conn *c, struct arena *a, struct limit_use **ret, size_t *ret_n, struct err *e)
{
	*ret_n = 0;
	return db_is_postgres(c) ? rows_all(&uses_table, c, a, ret, ret_n, e, "WHERE node <> ?", DB_I64(db_node(c)))
				 : 0;
}

int limit_uses_add(struct db_conn *c, const struct limit_use *uses, size_t n, struct err *e)
{
	int r = 0;

	ASSERT(db_is_writing(c) && db_is_postgres(c));
	for (size_t i = 0; r == 0 && i < n; i++) {
		ASSERT(uses[i].used >= 0 && uses[i].held >= 0);
		r = db_exec(c, NULL, e,
			"INSERT INTO limit_uses (limit_id, node, window_start, used, held) VALUES (?, ?, ?, ?, ?)"
			" ON CONFLICT (limit_id, node) DO UPDATE SET window_start = excluded.window_start,"
			" used = excluded.used + CASE WHEN limit_uses.window_start = excluded.window_start"
			" THEN limit_uses.used ELSE 0 END, held = excluded.held",
			DB_I64(uses[i].limit_id), DB_I64(db_node(c)), DB_I64(uses[i].window_start),
			DB_I64(uses[i].used), DB_I64(uses[i].held));
	}
	return r;
}

int limit_uses_forget(struct db_conn *c, struct err *e)
{
	int r;

	ASSERT(db_is_writing(c));
	if (!db_is_postgres(c))
		return 0;
	r = db_exec(c, NULL, e, "DELETE FROM limit_uses WHERE limit_id NOT IN (SELECT id FROM limits)");
	return r < 0 ? r
		     : db_exec(c, NULL, e, "UPDATE limit_uses SET held = 0 WHERE node = ? AND held <> 0",
			       DB_I64(db_node(c)));
}
