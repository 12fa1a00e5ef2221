/* messages.c - what was said: a tree of messages, read as a branch. */
#include "store/messages.h"
#include "store/store_priv.h"

#define MAX_LIMIT ((size_t)1000000)

/* The last message of a page. */
struct page_end {
	atelier_id id;
	size_t steps; /* behind the message that was asked for */
	bool more;    /* there are newer ones */
};

#define COLUMNS                                                                                                        \
	"m.id, m.conversation_id, m.parent_id, m.turn_id, m.role, m.state, m.content, m.parts, m.model,"               \
	" m.error_code, m.error_text, m.finish_reason, m.tokens_in, m.tokens_out, m.tokens_cached,"                    \
	" m.tokens_reasoning, m.tokens_exact, m.cost_micros, m.first_token_ms, m.duration_ms, m.created_at,"           \
	" m.pinned, m.compared,"                                                                                       \
	" CASE WHEN m.state IN ('running', 'waiting') THEN (SELECT t.last_seq FROM turns t WHERE t.id = m.turn_id) "   \
	"END"

static void read_message(struct store_reader *rd, struct message *m)
{
	*m = (struct message){
		.id = db_i64(rd->rows, 0),
		.conversation_id = db_i64(rd->rows, 1),
		.parent_id = db_i64(rd->rows, 2),
		.turn_id = db_i64(rd->rows, 3),
		.role = store_str(rd, 4),
		.state = store_str(rd, 5),
		.content = store_str(rd, 6),
		.parts = store_str(rd, 7),
		.model = store_str(rd, 8),
		.error_code = store_str(rd, 9),
		.error_text = store_str(rd, 10),
		.finish_reason = store_str(rd, 11),
		.figures =
			{
				.tokens_in = db_i64(rd->rows, 12),
				.tokens_out = db_i64(rd->rows, 13),
				.tokens_cached = db_i64(rd->rows, 14),
				.tokens_reasoning = db_i64(rd->rows, 15),
				.exact = db_i64(rd->rows, 16) != 0,
				.cost_micros = db_i64(rd->rows, 17),
				.first_token_ms = db_i64(rd->rows, 18),
				.duration_ms = db_i64(rd->rows, 19),
			},
		.created_at = db_i64(rd->rows, 20),
		.pinned = db_i64(rd->rows, 21) != 0,
		.compared = db_i64(rd->rows, 22),
		.last_event = db_i64(rd->rows, 23),
	};
}

/* What models are given again: pictures of questions; of answers those that called tools, and what a provider said of their
 * reasoning. */
#define CALLED        "m.parts LIKE '%{\"type\":\"tool_call\"%'"
#define GIVEN         "m.role = 'user' OR " CALLED " OR m.parts LIKE '%,\"thoughts\":{\"provider\":%'"
#define COLUMNS_LIGHT "m.id, m.parent_id, m.role, m.state, m.content, CASE WHEN " GIVEN " THEN m.parts END"

static void read_light(struct store_reader *rd, struct message *m)
{
	*m = (struct message){
		.id = db_i64(rd->rows, 0),
		.parent_id = db_i64(rd->rows, 1),
		.role = store_str(rd, 2),
		.state = store_str(rd, 3),
		.content = store_str(rd, 4),
		.parts = store_str(rd, 5),
	};
}

/*
 * From the leaf upwards, `?` being leaf, conversation, depth, conversation. Each step is one look at an index, whatever a
 * database has counted of its tables. A plain JOIN is not that for sure: PostgreSQL reads all of a long conversation by its
 * index at each step, and SQLite after ANALYZE makes a filter of all messages first. LEFT JOIN and coalesce() keep both from
 * it, and CROSS JOIN keeps SQLite's order. `as_long`: a condition more for a step from `b`.
 */
#define BRANCH_TABLE(as_long)                                                                                          \
	"WITH RECURSIVE branch(id, parent_id, depth) AS ("                                                             \
	"  SELECT id, parent_id, 0 FROM messages WHERE id = ? AND conversation_id = ?"                                 \
	"  UNION ALL"                                                                                                  \
	"  SELECT p.id, p.parent_id, b.depth + 1 FROM branch b LEFT JOIN messages p ON p.id = b.parent_id"             \
	"  WHERE b.depth < ? AND coalesce(p.conversation_id, 0) = ?" as_long ")"
#define BRANCH(columns)                                                                                                \
	BRANCH_TABLE("")                                                                                               \
	" SELECT " columns " FROM branch b CROSS JOIN messages m WHERE m.id = b.id ORDER BY b.depth DESC"

/* One message more than asked for tells whether there are older ones. */
static int branch(struct db_conn *c, bool light, atelier_id conversation_id, atelier_id leaf_id, size_t limit,
	struct arena *a, struct message_list *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct message)};
	struct store_reader rd = {.a = a};
	struct message *items;
	bool more;
	int r;

	limit = MAX(MIN(limit, MAX_LIMIT), (size_t)1);
	r = db_query(c, &rows, e, light ? BRANCH(COLUMNS_LIGHT) : BRANCH(COLUMNS), DB_I64(leaf_id),
		DB_I64(conversation_id), DB_I64(limit), DB_I64(conversation_id));
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct message *m = store_push(&l, a);

		if (!m)
			return store_full(e);
		(light ? read_light : read_message)(&rd, m);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r < 0)
		return r;
	items = l.items;
	more = l.n > limit;
	*ret = (struct message_list){.items = more ? items + 1 : items, .n = more ? limit : l.n, .more = more};
	return 0;
}

int messages_path(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, size_t limit, struct arena *a,
	struct message_list *ret, struct err *e)
{
	return branch(c, true, conversation_id, leaf_id, limit, a, ret, e);
}

int messages_sizes(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, size_t limit, struct arena *a,
	struct message_size **ret, size_t *ret_n, bool *ret_more, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct message_size)};
	int r = db_query(c, &rows, e,
		BRANCH("m.id, m.role, CASE WHEN m.role <> 'user' AND " CALLED " THEN m.parts ELSE m.content END"),
		DB_I64(leaf_id), DB_I64(conversation_id), DB_I64(limit), DB_I64(conversation_id));

	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		struct message_size *m = store_push(&l, a);

		if (!m)
			return store_full(e);
		*m = (struct message_size){
			db_i64(rows, 0), str_eq(db_bytes(rows, 1), STR(MESSAGE_USER)), db_bytes(rows, 2).n};
	}
	if (r < 0)
		return r;
	*ret_more = l.n > limit;
	*ret = *ret_more ? (struct message_size *)l.items + 1 : l.items;
	*ret_n = l.n - *ret_more;
	return 0;
}

/* ---- siblings ---- */

static struct message *child_of(const struct message_list *list, atelier_id parent_id, size_t *at)
{
	for (; *at < list->n; ++*at)
		if (list->items[*at].parent_id == parent_id)
			return &list->items[*at];
	return NULL;
}

/* The comparison that an answer is part of. Rare, so that the siblings of all others are told by an index alone. */
static int add_compared(struct db_conn *c, struct message *m, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = m->compared ? db_query(c, &rows, e,
				      "SELECT id FROM messages WHERE parent_id = ? AND compared > 0 ORDER BY compared",
				      DB_I64(m->parent_id))
			    : 0;

	while (rows && r >= 0 && m->n_together < COMPARED_MAX && (r = db_next(rows, e)) > 0)
		m->together[m->n_together++] = db_i64(rows, 0);
	return MIN(r, 0);
}

/* Rows of parent and id, in the order of the parents' place in the branch. */
static int take_siblings(struct db_rows *rows, struct message_list *list, struct arena *a, struct err *e)
{
	struct store_list ids = {.size = sizeof(atelier_id)};
	size_t at = 0;
	int r;

	while ((r = db_next(rows, e)) > 0) {
		struct message *m = child_of(list, db_i64(rows, 0), &at);
		atelier_id *id;

		if (!m)
			return 0;
		if (m->n_siblings == 0)
			ids = (struct store_list){.size = sizeof(atelier_id)};
		if (!(id = store_push(&ids, a)))
			return store_full(e);
		*id = db_i64(rows, 1);
		m->siblings = ids.items;
		m->n_siblings = ids.n;
	}
	return r;
}

/* Those of a root are found by the conversation: no index has all roots of one. */
static int root_siblings(
	struct db_conn *c, atelier_id conversation_id, struct message_list *list, struct arena *a, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = 0;

	if (list->n > 0 && list->items[0].parent_id == 0)
		r = db_query(c, &rows, e,
			"SELECT 0, id FROM messages WHERE conversation_id = ? AND +parent_id IS NULL ORDER BY id",
			DB_I64(conversation_id));
	return r < 0 || !rows ? r : take_siblings(rows, list, a, e);
}

static int add_siblings(
	struct db_conn *c, atelier_id conversation_id, struct message_list *list, struct arena *a, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = root_siblings(c, conversation_id, list, a, e);

	for (size_t i = 0; r >= 0 && i < list->n; i++)
		r = add_compared(c, &list->items[i], e);
	if (r < 0 || list->n == 0)
		return r;
	r = db_query(c, &rows, e,
		BRANCH_TABLE("") " SELECT b.parent_id, s.id FROM branch b CROSS JOIN messages s WHERE s.parent_id = "
				 "b.parent_id"
				 " ORDER BY b.depth DESC, s.id",
		DB_I64(list->items[list->n - 1].id), DB_I64(conversation_id), DB_I64(list->n - 1),
		DB_I64(conversation_id));
	return r < 0 ? r : take_siblings(rows, list, a, e);
}

/* ---- pages ---- */

static int owned_leaf(struct db_conn *c, atelier_id user_id, atelier_id id, atelier_id *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = STORE_FIRST(c, &rows, STORE_NO_CONVERSATION, e,
		"SELECT leaf_id FROM conversations WHERE id = ? AND user_id = ? AND deleted_at IS NULL", DB_I64(id),
		DB_I64(user_id));
	if (r == 0)
		*ret = db_i64(rows, 0);
	return r;
}

static int parent_of(struct db_conn *c, atelier_id conversation_id, atelier_id id, atelier_id *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		"SELECT parent_id FROM messages WHERE id = ? AND conversation_id = ?", DB_I64(id),
		DB_I64(conversation_id));
	if (r == 0)
		*ret = db_i64(rows, 0);
	return r;
}

/* Of the branch that ends in `leaf`, the message up to `n` behind `id`, and how many that is. */
static int step_down(struct db_conn *c, atelier_id conversation_id, atelier_id leaf, atelier_id id, size_t n,
	struct page_end *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = STORE_FIRST(c, &rows, "This message is not in the branch that is shown.", e,
		BRANCH_TABLE(" AND b.id <> ?") " SELECT b.id, d.depth - b.depth, b.depth FROM branch b JOIN branch d "
					       "ON d.id = ?"
					       " WHERE b.depth <= d.depth AND b.depth >= d.depth - ? ORDER BY b.depth "
					       "LIMIT 1",
		DB_I64(leaf), DB_I64(conversation_id), DB_I64(MAX_LIMIT), DB_I64(conversation_id), DB_I64(id),
		DB_I64(id), DB_I64(n));
	if (r == 0)
		*ret = (struct page_end){db_i64(rows, 0), (size_t)db_i64(rows, 1), db_i64(rows, 2) > 0};
	return r;
}

/* Where the page ends, and how many messages it has. */
static int find_end(
	struct db_conn *c, const struct message_place *at, size_t *limit, struct page_end *ret, struct err *e)
{
	int r = owned_leaf(c, at->user_id, at->conversation_id, &ret->id, e);

	if (r == 0 && at->before_id) {
		ret->more = true;
		return parent_of(c, at->conversation_id, at->before_id, &ret->id, e);
	}
	if (r == 0 && at->around_id)
		return step_down(c, at->conversation_id, ret->id, at->around_id, *limit / 2, ret, e);
	if (r == 0 && at->after_id) {
		r = step_down(c, at->conversation_id, ret->id, at->after_id, *limit, ret, e);
		*limit = ret->steps;
	}
	return r;
}

int messages_list(struct db_conn *c, const struct message_place *at, size_t limit, struct arena *a,
	struct message_list *ret, struct err *e)
{
	struct page_end end = {0};
	int r = find_end(c, at, &limit, &end, e);

	if (r < 0)
		return r;
	*ret = (struct message_list){.newer = end.more};
	if (at->after_id && limit == 0)
		return 0;
	r = branch(c, false, at->conversation_id, end.id, limit, a, ret, e);
	ret->newer = end.more;
	return r < 0 ? r : add_siblings(c, at->conversation_id, ret, a, e);
}

int messages_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct message *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct message m;
	int r;

	ASSERT(user_id);
	r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		"SELECT " COLUMNS " FROM messages m JOIN conversations v ON v.id = m.conversation_id"
		" WHERE m.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(id), DB_I64(user_id));
	if (r < 0)
		return r;
	rd.rows = rows;
	read_message(&rd, &m);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = m;
	return r;
}

int messages_add_siblings(struct db_conn *c, struct message *m, struct arena *a, struct err *e)
{
	struct message_list one = {.items = m, .n = 1};

	return add_siblings(c, m->conversation_id, &one, a, e);
}
