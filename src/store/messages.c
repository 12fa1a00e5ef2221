/*
 * messages.c - what was said: a tree of messages, read as a branch. A branch is walked from its leaf upwards by
 * parents, one look at an index a step, and so costs what is read of it and not what there is; the page that is shown
 * knows its siblings by one more look. What a model is given again is read by fewer columns.
 */
#include "store/messages.h"
#include "store/store_priv.h"

#define MAX_LIMIT ((size_t)1000000)

/* The last message of a page. */
struct page_end {
	atelier_id id;
	size_t steps; /* behind the message that was asked for */
	bool more;    /* there are newer ones */
};

#define M                 struct message
#define FIGURE(T, m, sql) COL_AS(T, M, figures.m, "messages." sql, COL_SEEN)
static const struct col columns[] = {COL(I64, M, id), COL(I64, M, conversation_id), COL(I64, M, parent_id),
	COL(I64, M, turn_id), COL(TEXT, M, role), COL(TEXT, M, state), COL(TEXT, M, content), COL(TEXT, M, parts),
	COL(TEXT, M, model), COL(TEXT, M, error_code), COL(TEXT, M, error_text), COL(TEXT, M, finish_reason),
	FIGURE(I64, tokens_in, "tokens_in"), FIGURE(I64, tokens_out, "tokens_out"),
	FIGURE(I64, tokens_cached, "tokens_cached"), FIGURE(I64, tokens_reasoning, "tokens_reasoning"),
	FIGURE(BOOL, exact, "tokens_exact"), FIGURE(I64, cost_micros, "cost_micros"),
	FIGURE(I64, first_token_ms, "first_token_ms"), FIGURE(I64, duration_ms, "duration_ms"), COL(I64, M, created_at),
	COL(BOOL, M, pinned), COL(I64, M, compared),
	COL_AS(I64, M, last_event,
		"CASE WHEN messages.state IN ('running', 'waiting')"
		" THEN (SELECT t.last_seq FROM turns t WHERE t.id = messages.turn_id) END",
		COL_SEEN)};
static const struct rows_table messages = {"messages", "id", STORE_NO_MESSAGE, NULL, TABLE(struct message, columns)};

/* What models are given again: pictures of questions; of answers those that called tools, and what a provider said of their
 * reasoning. */
#define CALLED "messages.parts LIKE '%{\"type\":\"tool_call\"%'"
#define GIVEN  "messages.role = 'user' OR " CALLED " OR messages.parts LIKE '%,\"thoughts\":{\"provider\":%'"
static const struct col light_columns[] = {COL(I64, M, id), COL(I64, M, parent_id), COL(TEXT, M, role),
	COL(TEXT, M, state), COL(TEXT, M, content),
	COL_AS(TEXT, M, parts, "CASE WHEN " GIVEN " THEN messages.parts END", COL_SEEN)};
#undef M
static const struct rows_table light_messages = {
	"messages", "id", STORE_NO_MESSAGE, NULL, TABLE(struct message, light_columns)};

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
#define ITS_MESSAGES "branch b CROSS JOIN messages WHERE messages.id = b.id ORDER BY b.depth DESC"

/* One message more than asked for tells whether there are older ones. */
static int branch(struct db_conn *c, const struct rows_table *t, atelier_id conversation_id, atelier_id leaf_id,
	size_t limit, struct arena *a, struct message_list *ret, struct err *e)
{
	struct message_list l = {0};
	int r;

	limit = MAX(MIN(limit, MAX_LIMIT), (size_t)1);
	r = rows_from(t, c, a, &l.items, &l.n, e, BRANCH_TABLE(""), ITS_MESSAGES, DB_I64(leaf_id),
		DB_I64(conversation_id), DB_I64(limit), DB_I64(conversation_id));
	if (r < 0)
		return r;
	l.more = l.n > limit;
	if (l.more) { /* the oldest is the one more */
		l.items++;
		l.n--;
	}
	*ret = l;
	return 0;
}

int messages_path(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, size_t limit, struct arena *a,
	struct message_list *ret, struct err *e)
{
	return branch(c, &light_messages, conversation_id, leaf_id, limit, a, ret, e);
}

int messages_sizes(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, size_t limit, struct arena *a,
	struct message_size **ret, size_t *ret_n, bool *ret_more, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct message_size)};
	int r = db_query(c, &rows, e,
		BRANCH_TABLE("") " SELECT messages.id, messages.role, CASE WHEN messages.role <> 'user' AND " CALLED
				 " THEN messages.parts ELSE messages.content END FROM " ITS_MESSAGES,
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
	return m->compared ? STORE_IDS(c, m->together, COMPARED_MAX, &m->n_together, e,
				     "SELECT id FROM messages WHERE parent_id = ? AND compared > 0 ORDER BY compared",
				     DB_I64(m->parent_id))
			   : 0;
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

/* Of the branch that ends in `leaf`, the message up to `n` behind `id`, and how many that is. */
static int step_down(struct db_conn *c, atelier_id conversation_id, atelier_id leaf, atelier_id id, size_t n,
	struct page_end *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, "This message is not in the branch that is shown.", e,
		BRANCH_TABLE(" AND b.id <> ?") " SELECT b.id, d.depth - b.depth, b.depth FROM branch b JOIN branch d "
					       "ON d.id = ?"
					       " WHERE b.depth <= d.depth AND b.depth >= d.depth - ? ORDER BY b.depth"
					       " LIMIT 1",
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
	int r = store_leaf(c, at->user_id, at->conversation_id, &ret->id, e);

	if (r == 0 && at->before_id) {
		ret->more = true;
		return STORE_I64(c, &ret->id, STORE_NO_MESSAGE, e,
			"SELECT parent_id FROM messages WHERE id = ? AND conversation_id = ?", DB_I64(at->before_id),
			DB_I64(at->conversation_id));
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
	r = branch(c, &messages, at->conversation_id, end.id, limit, a, ret, e);
	ret->newer = end.more;
	return r < 0 ? r : add_siblings(c, at->conversation_id, ret, a, e);
}

int messages_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct message *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&messages, c, a, ret, e,
		"JOIN conversations v ON v.id = messages.conversation_id"
		" WHERE messages.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(id), DB_I64(user_id));
}

int messages_add_siblings(struct db_conn *c, struct message *m, struct arena *a, struct err *e)
{
	struct message_list one = {.items = m, .n = 1};

	return add_siblings(c, m->conversation_id, &one, a, e);
}
