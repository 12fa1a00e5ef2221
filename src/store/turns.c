/*
 * turns.c - the beginning and the end of an answer, each in one transaction. The beginning makes question, answer,
 * turn and the place in the list at once, or none of them; the end is stored again and again by whoever is not sure
 * that it was, and so finds out by itself what is done already. Several ends become one transaction, of which one that
 * fails spoils no other.
 */
#include "store/turns.h"

#include "store/images.h"
#include "store/queued.h"
#include "store/store_priv.h"

#define QUESTION_MEMORY ((size_t)64 << 20)

#define NO_TURN "There is no such answer, or it is not yours."

/* ---- begin ---- */

struct begin {
	const struct turn_begin *in;
	struct turn_begun out;                      /* of the first answer */
	struct turn_begun beside[COMPARED_MAX - 1]; /* of the others */
	atelier_id parent;                          /* of the question */
	int64_t compared;                           /* the place in a comparison that the answer takes over; 0: none */
};

/* Where the question stands, or which it is. */
static int find_place(struct begin *x, atelier_id leaf, const struct db_rows *rows, struct err *e)
{
	const struct turn_begin *in = x->in;
	bool is_question = str_eq(db_bytes(rows, 3), STR(MESSAGE_USER));
	atelier_id parent = db_i64(rows, 2);

	if (in->place == TURN_AT_LEAF) {
		x->parent = leaf;
		return 0;
	}
	if (db_is_null(rows, 1))
		return err_set(e, E_NOT_FOUND, STORE_NO_MESSAGE);
	if (in->place == TURN_BELOW && is_question)
		return err_set(e, E_INVALID, "A question stands below an answer, and this message is a question.");
	if (in->place == TURN_EDIT && !is_question)
		return err_set(e, E_INVALID, "Only a question can be edited.");
	if (in->place == TURN_REGENERATE)
		x->out.user_message_id = is_question ? in->at : parent;
	else
		x->parent = in->place == TURN_EDIT ? parent : in->at;
	return 0;
}

static int begin_check(struct db_conn *c, struct begin *x, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, STORE_NO_CONVERSATION, e,
		"SELECT v.leaf_id, m.id, m.parent_id, m.role FROM conversations v"
		" LEFT JOIN messages m ON m.id = ? AND m.conversation_id = v.id"
		" WHERE v.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(x->in->at), DB_I64(x->in->conversation_id), DB_I64(x->in->user_id));

	if (r < 0)
		return r;
	x->out.first = db_i64(rows, 0) == 0;
	r = find_place(x, db_i64(rows, 0), rows, e);
	return r < 0 ? r : store_conversation_idle(c, x->in->conversation_id, e);
}

static int insert_turn(struct db_conn *c, atelier_id user_id, const char *model, const char *prompt,
	const char *request, bool continues, struct turn_begun *t, struct err *e)
{
	int r = STORE_INSERT(c, &t->turn_id, e,
		"INSERT INTO turns (id, conversation_id, user_id, user_message_id, message_id, model, continues, state,"
		" created_at, node, prompt, request) VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?)",
		DB_I64(t->conversation_id), DB_I64(user_id), DB_I64(t->user_message_id), DB_I64(t->message_id),
		DB_TEXT(model), DB_I64(continues), DB_I64(t->created_at), DB_I64(db_node(c)), DB_TEXT(prompt),
		DB_TEXT(request));

	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"UPDATE messages SET turn_id = ?, state = 'running', model = ?, error_code = NULL, error_text = NULL,"
		" finish_reason = NULL WHERE id = ?",
		DB_I64(t->turn_id), DB_TEXT(model), DB_I64(t->message_id));
}

/* The question, unless it is there already. */
static int insert_question(struct db_conn *c, struct begin *x, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const struct turn_begin *in = x->in;
	const char *content = in->content;
	int r = 0;

	ASSERT(db_is_writing(c));
	arena_init(&a, QUESTION_MEMORY);
	if (in->place == TURN_REGENERATE)
		return 0;
	if (in->queued_id)
		r = queued_take(c, in->conversation_id, in->queued_id, &a, &content, e);
	if (r == 0 && in->parts && strcmp(content, in->content) != 0)
		r = err_set(e, E_BUSY, "This message was changed just now. Try again.");
	if (r == 0)
		r = STORE_INSERT(c, &x->out.user_message_id, e,
			"INSERT INTO messages (id, conversation_id, parent_id, role, state, content, parts, created_at)"
			" VALUES (?, ?, ?, 'user', 'complete', ?, ?, ?)",
			DB_I64(in->conversation_id), store_ref(x->parent), DB_TEXT(content), DB_TEXT(in->parts),
			DB_I64(x->out.created_at));
	return r < 0 ? r : images_attach(c, x->out.user_message_id, in->images, in->n_images, e);
}

static int insert_answer(struct db_conn *c, const struct turn_begin *in, const struct turn_beside *who,
	int64_t compared, struct turn_begun *t, struct err *e)
{
	int r = STORE_INSERT(c, &t->message_id, e,
		"INSERT INTO messages (id, conversation_id, parent_id, role, state, created_at, compared)"
		" VALUES (?, ?, ?, 'assistant', 'running', ?, ?)",
		DB_I64(in->conversation_id), DB_I64(t->user_message_id), DB_I64(t->created_at), DB_I64(compared));

	return r < 0 ? r : insert_turn(c, in->user_id, who->model, who->prompt, in->request, false, t, e);
}

static int insert_answers(struct db_conn *c, struct begin *x, struct err *e)
{
	const struct turn_begin *in = x->in;
	const struct turn_beside first = {in->model, in->prompt};
	int r = insert_answer(c, in, &first, in->n_beside ? 1 : x->compared, &x->out, e);

	for (size_t i = 0; r == 0 && i < in->n_beside; i++) {
		x->beside[i] = x->out;
		r = insert_answer(c, in, &in->beside[i], (int64_t)i + 2, &x->beside[i], e);
	}
	return r;
}

/* Whoever goes on below an answer has kept it; and of one question there is one comparison, the newest. Of one that is written anew
 * the new answer stands in its place there. */
static int end_comparison(struct db_conn *c, struct begin *x, struct err *e)
{
	if (x->in->place == TURN_REGENERATE && x->in->n_beside == 0) {
		int r = STORE_I64(
			c, &x->compared, NULL, e, "SELECT compared FROM messages WHERE id = ?", DB_I64(x->in->at));
		if (r < 0 || x->compared == 0)
			return r;
		return db_exec(c, NULL, e, "UPDATE messages SET compared = 0 WHERE id = ?", DB_I64(x->in->at));
	}
	if (x->in->place == TURN_EDIT)
		return 0;
	return db_exec(c, NULL, e,
		"UPDATE messages SET compared = 0 WHERE compared > 0 AND parent_id ="
		" CASE WHEN ? = 1 THEN ? ELSE (SELECT p.parent_id FROM messages p WHERE p.id = ?) END",
		DB_I64(x->in->place == TURN_REGENERATE), DB_I64(x->out.user_message_id), DB_I64(x->parent));
}

static int begin_in(struct db_conn *c, void *arg, struct err *e)
{
	struct begin *x = arg;
	const struct turn_begin *in = x->in;
	struct turn_begun *t = &x->out;
	int64_t added = (in->place == TURN_REGENERATE ? 1 : 2) + (int64_t)in->n_beside;
	int r;

	ASSERT(db_is_writing(c));
	ASSERT(in->n_beside < COMPARED_MAX);
	r = begin_check(c, x, e);
	if (r < 0)
		return r;
	t->conversation_id = in->conversation_id;
	t->created_at = clock_now_ms();
	r = insert_question(c, x, e);
	if (r == 0)
		r = end_comparison(c, x, e);
	if (r == 0)
		r = insert_answers(c, x, e);
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"UPDATE conversations SET leaf_id = ?, message_count = message_count + ?, updated_at = ?,"
		" model = CASE WHEN ? = 1 THEN model ELSE ? END,"
		" title = CASE WHEN title = '' THEN coalesce(?, '') ELSE title END WHERE id = ?",
		DB_I64(t->message_id), DB_I64(added), DB_I64(t->created_at), DB_I64(x->compared > 0),
		DB_TEXT(in->model), DB_TEXT(in->title), DB_I64(in->conversation_id));
}

/* ---- going on ---- */

static int go_on_check(struct db_conn *c, struct begin *x, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		"SELECT m.conversation_id, m.parent_id, m.role, m.state, v.leaf_id,"
		" m.finish_reason = 'length' OR m.content = ''" /* of an answer that ended regularly */
		" FROM messages m JOIN conversations v ON v.id = m.conversation_id"
		" WHERE m.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(x->in->at), DB_I64(x->in->user_id));

	if (r < 0)
		return r;
	x->out.conversation_id = db_i64(rows, 0);
	x->out.user_message_id = db_i64(rows, 1);
	x->out.message_id = x->in->at;
	x->out.created_at = clock_now_ms();
	r = store_conversation_idle(c, x->out.conversation_id, e);
	if (r < 0)
		return r;
	if (!str_eq(db_bytes(rows, 2), STR(MESSAGE_ASSISTANT)))
		return err_set(e, E_CONFLICT, "Only an answer can be continued.");
	if (str_eq(db_bytes(rows, 3), STR(STATE_COMPLETE)) && !db_i64(rows, 5))
		return err_set(e, E_CONFLICT, "This answer is complete already.");
	if (db_i64(rows, 4) != x->in->at)
		return err_set(e, E_CONFLICT, "Only the newest answer of a conversation can be continued.");
	return 0;
}

static int go_on_in(struct db_conn *c, void *arg, struct err *e)
{
	struct begin *x = arg;
	const struct turn_begin *in = x->in;
	int r;

	ASSERT(db_is_writing(c));
	r = go_on_check(c, x, e);
	if (r < 0)
		return r;
	r = insert_turn(c, in->user_id, in->model, in->prompt, in->request, true, &x->out, e);
	if (r < 0)
		return r;
	return db_exec(c, NULL, e, "UPDATE conversations SET updated_at = ?, model = ? WHERE id = ?",
		DB_I64(x->out.created_at), DB_TEXT(in->model), DB_I64(x->out.conversation_id));
}

int turns_begin(struct db *db, const struct turn_begin *in, struct turn_begun *ret, struct err *e)
{
	struct begin x = {.in = in};
	int r;

	ASSERT(in->user_id && !(in->place == TURN_GO_ON && in->n_beside));
	r = db_write(db, in->place == TURN_GO_ON ? go_on_in : begin_in, &x, e);
	if (r < 0 && r != E_UNSURE)
		return r;
	ret[0] = x.out;
	if (in->n_beside)
		memcpy(ret + 1, x.beside, in->n_beside * sizeof *ret);
	return r;
}

/* ---- finish ---- */

/* The turn that ends: what it writes, and what that took before. */
struct ending {
	atelier_id conversation_id, message_id;
	int64_t tokens_in, tokens_out;
};

static int finish_check(struct db_conn *c, atelier_id id, struct ending *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, "The conversation of this answer was deleted.", e,
		"SELECT t.state, t.conversation_id, t.message_id, m.tokens_in, m.tokens_out"
		" FROM turns t JOIN messages m ON m.id = t.message_id WHERE t.id = ?",
		DB_I64(id));

	if (r < 0)
		return r;
	if (!str_eq(db_bytes(rows, 0), STR(STATE_RUNNING)))
		return err_set(e, E_CONFLICT, "This answer has ended already.");
	*ret = (struct ending){
		.conversation_id = db_i64(rows, 1),
		.message_id = db_i64(rows, 2),
		.tokens_in = db_i64(rows, 3),
		.tokens_out = db_i64(rows, 4),
	};
	return 0;
}

static int finish_message(struct db_conn *c, const struct turn_finish *in, atelier_id message_id, struct err *e)
{
	const struct message_figures *f = &in->figures;

	return db_exec(c, NULL, e,
		"UPDATE messages SET state = ?, content = ?, parts = ?, model = coalesce(?, model), error_code = ?,"
		" error_text = ?, finish_reason = ?, tokens_in = ?, tokens_out = ?, tokens_cached = ?,"
		" tokens_reasoning = ?, tokens_exact = ?, cost_micros = ?, first_token_ms = ?, duration_ms = ?"
		" WHERE id = ?",
		DB_TEXT(in->state), store_text(in->content),
		in->parts.p ? DB_TEXT_N(in->parts.p, in->parts.n) : DB_TEXT(NULL), DB_TEXT(in->model),
		DB_TEXT(in->error_code), DB_TEXT(in->error_text), DB_TEXT(in->finish_reason), DB_I64(f->tokens_in),
		DB_I64(f->tokens_out), DB_I64(f->tokens_cached), DB_I64(f->tokens_reasoning), DB_I64(f->exact),
		DB_I64(f->cost_micros), DB_I64(f->first_token_ms), DB_I64(f->duration_ms), DB_I64(message_id));
}

static int finish_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct turn_finish *in = arg;
	int64_t now = clock_now_ms();
	struct ending t = {0};
	int r;

	ASSERT(db_is_writing(c));
	r = finish_check(c, in->turn_id, &t, e);
	if (r < 0)
		return r;
	r = finish_message(c, in, t.message_id, e);
	if (r < 0)
		return r;
	r = db_exec(c, NULL, e,
		"UPDATE turns SET state = ?, last_seq = ?, ended_at = ?, log_size = ?, log = ? WHERE id = ?",
		DB_TEXT(in->state), DB_I64(in->last_seq), DB_I64(strcmp(in->state, STATE_WAITING) == 0 ? 0 : now),
		DB_I64(in->log_size), in->log.p ? DB_BLOB(in->log.p, in->log.n) : DB_NULL, DB_I64(in->turn_id));
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"UPDATE conversations SET tokens_in = tokens_in + ?, tokens_out = tokens_out + ?, updated_at = ?,"
		" unread = CASE WHEN ? = 1 THEN 1 ELSE unread END WHERE id = ?",
		DB_I64(in->figures.tokens_in - t.tokens_in), DB_I64(in->figures.tokens_out - t.tokens_out), DB_I64(now),
		DB_I64(in->unread), DB_I64(t.conversation_id));
}

int turns_finish(struct db *db, const struct turn_finish *in, struct err *e)
{
	if (strcmp(in->state, STATE_RUNNING) == 0)
		return err_set(e, E_INTERNAL, "A turn cannot end as running.");
	return store_apply(db, finish_in, in, e);
}

struct finish_all {
	const struct turn_finish *const *items;
	int *results;
	size_t n;
};

/* Each in a savepoint, so that one which fails undoes nothing but itself. */
static int finish_all_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct finish_all *x = arg;
	int r = 0;

	ASSERT(db_is_writing(c));
	for (size_t i = 0; r >= 0 && i < x->n; i++) {
		struct err quiet = {0};
		if ((r = db_exec(c, NULL, e, "SAVEPOINT one")) < 0)
			break;
		x->results[i] = finish_in(c, (void *)(uintptr_t)x->items[i], &quiet);
		if (x->results[i] < 0) {
			r = db_exec(c, NULL, e, "ROLLBACK TO one");
			err_set(e, x->results[i], "%s", quiet.msg); /* for who tells of it; the others go on */
		}
		if (r >= 0)
			r = db_exec(c, NULL, e, "RELEASE one");
	}
	return r;
}

int turns_finish_all(struct db *db, const struct turn_finish *const *items, size_t n, int *ret_results, struct err *e)
{
	struct finish_all x = {items, ret_results, n};
	int r = db_write(db, finish_all_in, &x, e);

	for (size_t i = 0; r < 0 && i < n; i++)
		ret_results[i] = r;
	return r;
}

/* ---- read ---- */

#define T struct turn_record
static const struct col columns[] = {COL(I64, T, id), COL(I64, T, conversation_id), COL(I64, T, user_id),
	COL(I64, T, user_message_id), COL(I64, T, message_id), COL(TEXT, T, model), COL(BOOL, T, continues),
	COL(TEXT, T, state), COL(I64, T, last_seq), COL(I64, T, created_at), COL(I64, T, ended_at),
	COL(TEXT, T, request)};
#undef T
const struct rows_table turns_table = {"turns", "id", NO_TURN, NULL, TABLE(struct turn_record, columns)};

int turns_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct turn_record *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&turns_table, c, a, ret, e,
		"JOIN conversations v ON v.id = turns.conversation_id"
		" WHERE turns.id = ? AND turns.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(id), DB_I64(user_id));
}

int turns_ready(struct db_conn *c, atelier_id *ret, size_t most, size_t *ret_n, struct err *e)
{
	return STORE_IDS(c, ret, most, ret_n, e,
		"SELECT t.id FROM turns t WHERE t.state = 'waiting' AND NOT EXISTS"
		" (SELECT 1 FROM turn_calls k WHERE k.turn_id = t.id AND k.state = 'asked') LIMIT ?",
		DB_I64(most));
}

struct resumption {
	atelier_id id;
	bool anyway, again;
	struct arena *a;
	struct turn_record record;
};

static int resume_in(struct db_conn *c, void *arg, struct err *e)
{
	struct resumption *x = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE turns SET state = 'running', node = ? WHERE id = ? AND (state = 'waiting' AND (? = 1 OR NOT"
		" EXISTS (SELECT 1 FROM turn_calls k WHERE k.turn_id = turns.id AND k.state = 'asked'))"
		" OR ? = 1 AND state = 'running' AND node = ?)",
		DB_I64(db_node(c)), DB_I64(x->id), DB_I64(x->anyway), DB_I64(x->again), DB_I64(db_node(c)));

	ASSERT(db_is_writing(c));
	if (r == 0 && n == 0)
		return err_set(e, E_CONFLICT, "This answer does not wait, or waits on.");
	if (r == 0)
		r = db_exec(c, NULL, e,
			"UPDATE messages SET state = 'running' WHERE id = (SELECT message_id FROM turns WHERE id = ?)",
			DB_I64(x->id));
	return r < 0 ? r : turns_find(c, x->id, x->a, &x->record, e);
}

int turns_resume(
	struct db *db, atelier_id id, bool anyway, bool again, struct arena *a, struct turn_record *ret, struct err *e)
{
	struct resumption x = {.id = id, .anyway = anyway, .again = again, .a = a};
	int r = db_write(db, resume_in, &x, e);

	if (r == 0)
		*ret = x.record;
	return r;
}

int turns_set_prompt(struct db *db, atelier_id id, const char *prompt, struct err *e)
{
	return STORE_WRITE(db, NULL, e, "UPDATE turns SET prompt = ? WHERE id = ?", DB_TEXT(prompt), DB_I64(id));
}

int turns_prompt(struct db_conn *c, atelier_id id, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	int r = STORE_FIRST(c, &rows, NO_TURN, e, "SELECT prompt FROM turns WHERE id = ?", DB_I64(id));

	if (r < 0)
		return r;
	rd.rows = rows;
	*ret = store_str(&rd, 0);
	return store_reader_end(&rd, e);
}

int turns_log(struct db_conn *c, atelier_id id, struct arena *a, struct turn_log *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct turn_log l;
	char *copy;
	int r = STORE_FIRST(c, &rows, NO_TURN, e,
		"SELECT log, log_size, last_seq, user_id, conversation_id FROM turns WHERE id = ?", DB_I64(id));

	if (r < 0)
		return r;
	l = (struct turn_log){.data = db_bytes(rows, 0),
		.size = (size_t)db_i64(rows, 1),
		.last_seq = db_i64(rows, 2),
		.user_id = db_i64(rows, 3),
		.conversation_id = db_i64(rows, 4)};
	copy = arena_alloc(a, l.data.n + 1);
	if (!copy)
		return store_full(e);
	memcpy(copy, l.data.p, l.data.n);
	l.data.p = copy;
	*ret = l;
	return 0;
}

int turns_running(struct db_conn *c, struct arena *a, struct turn_record_list *ret, struct err *e)
{
	/* + keeps the planner from reading all turns in the order of their ids instead of the few that run. */
	return rows_all(&turns_table, c, a, &ret->items, &ret->n, e,
		"WHERE state = 'running' AND (node = ? OR node = 0) ORDER BY +id", DB_I64(db_node(c)));
}

int turns_running_in(
	struct db_conn *c, atelier_id conversation_id, atelier_id ret[COMPARED_MAX], size_t *ret_n, struct err *e)
{
	return STORE_IDS(c, ret, COMPARED_MAX, ret_n, e,
		"SELECT t.id FROM turns t JOIN messages m ON m.id = t.message_id"
		" WHERE t.conversation_id = ? AND t.state = 'running' ORDER BY m.compared, t.id",
		DB_I64(conversation_id));
}

/* ---- old logs ---- */

struct log_removal {
	atelier_id after, before, last;
	int64_t limit, n;
};

static int delete_logs_in(struct db_conn *c, void *arg, struct err *e)
{
	struct log_removal *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(c, &rows, e,
		"SELECT count(*), max(t.id) FROM (SELECT id FROM turns WHERE id > ? AND id < ? ORDER BY id LIMIT ?) t",
		DB_I64(x->after), DB_I64(x->before), DB_I64(x->limit));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	x->n = db_i64(rows, 0);
	x->last = db_i64(rows, 1);
	if (x->n == 0)
		return 0;
	return db_exec(c, NULL, e,
		"UPDATE turns SET log = NULL, log_size = 0 WHERE id > ? AND id <= ? AND log IS NOT NULL AND state NOT"
		" IN ('running', 'waiting')",
		DB_I64(x->after), DB_I64(x->last));
}

int turns_delete_logs(struct db *db, atelier_id *after, int64_t before, int64_t limit, int64_t *ret_n, struct err *e)
{
	struct log_removal x = {.after = *after, .before = id_at(before), .limit = limit};
	int r = db_write(db, delete_logs_in, &x, e);

	ASSERT(limit > 0);
	*ret_n = r < 0 ? 0 : x.n;
	if (r == 0 && x.n > 0)
		*after = x.last;
	return r;
}
