/*
 * resume.c - turns that wait for a person. Such a turn is a row: what it was asked with, its log, and its calls that are not decided.
 * When none is left it goes on under its id, wherever the person is, and also after a restart.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/tool_choices.h"
#include "turn/turn_priv.h"

#define EXPIRE_BATCH 100
#define MODEL_TRIES  200 /* about ten seconds */

/* ---- what it was asked with ---- */

static void add_ids(struct buf *b, const char *key, const atelier_id *ids, size_t n)
{
	buf_printf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%lld", i ? "," : "", (long long)ids[i]);
	buf_add_char(b, ']');
}

static void add_member(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, ",\"%s\":", key);
	json_add_cstr(b, text);
}

int turn_request_write(const struct turn_request *q, const char *tools, struct arena *a, const char **ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	*ret = NULL;
	if (!tools)
		return 0;
	buf_printf(&b, "{\"key_id\":%lld,\"assistant_id\":%lld", (long long)q->key_id, (long long)q->assistant_id);
	add_member(&b, "tools", tools);
	add_member(&b, "parameters", q->parameters);
	add_member(&b, "language", q->language);
	add_member(&b, "time_zone", q->time_zone);
	add_ids(&b, "collections", q->collections, q->n_collections);
	add_ids(&b, "documents", q->documents, q->n_documents);
	buf_add_char(&b, '}');
	*ret = buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
	return *ret ? 0 : -ENOMEM;
}

static int read_ids(const json_t *list, struct arena *a, const atelier_id **ret, size_t *ret_n)
{
	atelier_id *ids = ARENA_ARRAY(a, atelier_id, json_array_size(list) + 1);
	const json_t *v;
	size_t i;

	if (!ids)
		return -ENOMEM;
	json_array_foreach(list, i, v) ids[i] = json_integer_value(v);
	*ret = ids;
	*ret_n = json_array_size(list);
	return 0;
}

static const char *copy_member(const json_t *v, const char *key, struct arena *a)
{
	const char *s = json_get_str(v, key);

	return s ? arena_strdup(a, s) : NULL;
}

static int request_read(const struct turn_record *r, struct arena *a, struct turn_request *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	int n = json_parse(r->request ? r->request : "{}", r->request ? strlen(r->request) : 2, &v, e);

	*ret = (struct turn_request){
		.user_id = r->user_id, .conversation_id = r->conversation_id, .place = TURN_GO_ON, .model = r->model};
	if (n < 0)
		return n;
	ret->key_id = json_get_i64(v, "key_id", 0);
	ret->assistant_id = json_get_i64(v, "assistant_id", 0);
	ret->tools = copy_member(v, "tools", a);
	ret->parameters = copy_member(v, "parameters", a);
	ret->language = copy_member(v, "language", a);
	ret->time_zone = copy_member(v, "time_zone", a);
	n = read_ids(json_object_get(v, "collections"), a, &ret->collections, &ret->n_collections);
	if (n == 0)
		n = read_ids(json_object_get(v, "documents"), a, &ret->documents, &ret->n_documents);
	return n < 0 ? err_set(e, n, "no memory for a turn") : 0;
}

/* ---- going on ---- */

int turn_stored_log(struct db *db, atelier_id turn_id, struct frames *ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct turn_log log = {.size = 0};
	int r;

	arena_init(&a, FINISH_LOG_MAX);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
		r = turns_log(c, turn_id, &a, &log, e);
	}
	if (r == 0 && log.data.n && log_unpack(log.data, log.size, ret) < 0)
		r = err_set(e, E_INTERNAL, "the stored log of a turn cannot be read");
	ret->last_seq = (uint64_t)log.last_seq;
	return r;
}

struct reopening {
	struct turn *t;
	struct frames frames;
};

static int reopen_on_loop(void *arg)
{
	struct reopening *x = arg;

	turn_reopen_log(x->t, &x->frames);
	return 0;
}

/* What it was made with, chosen anew: nothing of it is kept but the question what for. */
static int prepare(struct turn *t, const struct turn_record *record, struct err *e)
{
	struct turn_request q;
	struct conversation v = {.id = 0};
	int r = request_read(record, &t->arena, &q, e);

	if (r < 0)
		return r;
	t->key_id = q.key_id;
	t->language = q.language;
	t->time_zone = q.time_zone;
	if ((r = turn_choose(t, &q, &v, e)) < 0 || (r = turn_choose_tools(t, false, e)) < 0 ||
		(r = turn_where(t, &q, e)) < 0)
		return r;
	v.leaf_id = record->message_id;
	r = prompt_plan(t, &q, &v, e);
	t->summarises = false;
	return r < 0 ? r : finish_load(t->all->db, t->user_id, record->message_id, &t->arena, &t->before, e);
}

/* Whether it is on its way already, or about to leave. Sets whose the turn is, before anybody sees it run: it may be stopped from then
 * on. */
static int take_on(struct turns *all, struct turn *t, const struct turn_record *r)
{
	bool there = false;

	pthread_mutex_lock(&all->mx);
	for (const struct turn *o = all->live; o && !there; o = o->next)
		there = o->ids.turn_id == r->id;
	if (!there)
		t->ids = (struct turn_ids){r->id, r->conversation_id, r->user_message_id, r->message_id};
	pthread_mutex_unlock(&all->mx);
	return there ? E_BUSY : 0;
}

/* A turn that is to go on when there is a place. */
struct resuming {
	struct turns *all;
	struct turnlog_of of;
	struct resuming *next; /* of those of `all` */
	bool stop;
	bool unsure; /* it may be stored as one that runs already */
	int tries;   /* while nobody offers its model */
	struct pool_task task;
};

static bool may_go_on(const struct resuming *want, const struct turn_record *r)
{
	return strcmp(r->state, STATE_WAITING) == 0 || (want->unsure && strcmp(r->state, STATE_RUNNING) == 0);
}

/* Whether a person is still asked. Looked at before it takes a place, which another one would be refused meanwhile; turns_resume() has
 * the say. */
static bool is_asked(struct db_conn *c, atelier_id turn_id, struct arena *a)
{
	struct turn_call_list calls = {.n = 0};
	struct err quiet = {0};
	bool asked = false;

	if (turn_calls_list(c, turn_id, a, &calls, &quiet) < 0)
		return false;
	for (size_t i = 0; i < calls.n && !asked; i++)
		asked = strcmp(calls.items[i].state, CALL_ASKED) == 0;
	return asked;
}

/* Right after a start the providers may not have been looked at yet. */
static bool has_model(struct turns *all, const char *model, struct arena *a)
{
	struct err quiet = {0};
	const char *id;

	return providers_resolve(all->providers, model, a, &id, &quiet) >= 0;
}

/* Whether it goes on, and that soon: whoever follows it waits for that from now on, also where nobody knew before whose it is. */
static int look(struct resuming *want, struct arena *a, struct turn_record *ret, struct err *e)
{
	const atelier_id turn_id = want->of.turn_id;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(want->all->db);
		r = turns_find(c, turn_id, a, ret, e);
		if (r == 0 && (!may_go_on(want, ret) || (!want->stop && is_asked(c, turn_id, a))))
			r = E_CONFLICT;
	}
	if (r < 0)
		return r;
	pthread_mutex_lock(&want->all->mx);
	want->of = (struct turnlog_of){turn_id, ret->user_id, ret->conversation_id};
	pthread_mutex_unlock(&want->all->mx);
	return want->tries < MODEL_TRIES && !has_model(want->all, ret->model, a) ? E_BUSY : 0;
}

static int resume(struct resuming *want, struct err *e)
{
	struct turns *all = want->all;
	const atelier_id turn_id = want->of.turn_id;
	CLEANUP(arena_done) struct arena a;
	struct turn_record record;
	struct reopening x = {.frames = FRAMES_INIT(FINISH_LOG_MAX)};
	struct err quiet = {0};
	struct turn *t;
	int r;

	arena_init(&a, TURN_ARENA_BYTES);
	if ((r = look(want, &a, &record, e)) < 0)
		return r;
	const struct turn_request q = {.user_id = record.user_id};
	if ((r = turn_admit_waiting(all, &q, &t, e)) < 0)
		return r;
	if ((r = take_on(all, t, &record)) < 0 ||
		(r = turns_resume(all->db, turn_id, want->stop, want->unsure, &t->arena, &record, e)) < 0) {
		want->unsure |= r == E_UNSURE;
		turn_leave(t);
		return r;
	}
	if (turn_stored_log(all->db, turn_id, &x.frames, &quiet) < 0)
		log_warn("turn", "%s", quiet.msg);
	x.t = t;
	/* Only now: who waits for it is not ended by a try that fails. */
	(void)loop_call(all->loop, reopen_on_loop, &x);
	t->continues = t->waited = true;
	t->model = record.model;
	t->after = (uint64_t)record.last_seq;
	t->rounds.behind = t->after;
	if (want->stop)
		cancel_fire(&t->cancel, E_CANCELED);
	t->prepared = prepare(t, &record, &t->err);
	bus_publish(all->config.bus,
		&(struct bus_event){BUS_TURN, "started", t->user_id, t->ids.conversation_id, t->ids.turn_id});
	if (pool_submit(all->threads, &t->task, turn_run, t) < 0)
		turn_run(t); /* here, rather than be lost */
	return 0;
}

bool turn_is_resuming(struct turns *all, atelier_id turn_id, struct turnlog_of *ret)
{
	pthread_mutex_lock(&all->mx);
	const struct resuming *x = all->resuming;
	while (x && (x->of.turn_id != turn_id || !x->of.user_id))
		x = x->next;
	if (x)
		*ret = x->of;
	pthread_mutex_unlock(&all->mx);
	return x != NULL;
}

static void resuming_remove(struct resuming *x)
{
	struct resuming **at = &x->all->resuming;

	pthread_mutex_lock(&x->all->mx);
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	pthread_mutex_unlock(&x->all->mx);
}

/* What did not go on, for those who wait for that. */
struct kept {
	const struct resuming *x;
	struct frames frames;
};

static int is_expected_on_loop(void *arg)
{
	const struct resuming *x = arg;

	return turnlog_is_expected(x->all->logs, x->of.turn_id);
}

static int unexpect_on_loop(void *arg)
{
	struct kept *k = arg;
	struct turnlog_of of;

	if (!turn_is_resuming(k->x->all, k->x->of.turn_id, &of)) /* by another word */
		turnlog_unexpect(k->x->all->logs, k->x->of.turn_id, &k->frames);
	return 0;
}

/* Who came meanwhile follows it as it runs, or gets what is stored of it: also where it has run to its end already. */
static void resuming_end(struct resuming *x)
{
	struct kept k = {x, FRAMES_INIT(FINISH_LOG_MAX)};
	struct err quiet = {0};

	resuming_remove(x);
	if (loop_call(x->all->loop, is_expected_on_loop, x)) {
		if (turn_stored_log(x->all->db, x->of.turn_id, &k.frames, &quiet) < 0)
			log_debug("turn", "%s", quiet.msg);
		(void)loop_call(x->all->loop, unexpect_on_loop, &k);
		frames_done(&k.frames);
	}
	free(x);
}

static void resume_later(void *arg)
{
	struct resuming *x = arg;
	struct err e = {0};
	int r = resume(x, &e);

	x->tries++;
	if ((r == E_BUSY || r == E_UNSURE || r == E_RATE_LIMITED) && turn_wait_place(x->all) &&
		pool_submit(x->all->queue_threads, &x->task, resume_later, x) == 0)
		return;
	if (r < 0 && r != E_CONFLICT && r != E_NOT_FOUND && r != E_STOPPING)
		log_warn("turn", "an answer that waited does not go on: %s", e.msg);
	resuming_end(x);
}

void turn_resume(struct turns *all, const struct turnlog_of *of, bool stop)
{
	struct resuming *x = xcalloc(1, sizeof *x);

	ASSERT_IS(all, TURNS_MAGIC);
	*x = (struct resuming){.all = all, .of = *of, .stop = stop};
	pthread_mutex_lock(&all->mx);
	x->next = all->resuming;
	all->resuming = x;
	pthread_mutex_unlock(&all->mx);
	if (pool_submit(all->queue_threads, &x->task, resume_later, x) < 0)
		resuming_end(x);
}

/* ---- deciding ---- */

int turn_decide(struct turns *all, struct call_decision *d, struct arena *a, struct err *e)
{
	int r = calls_decide_live(all, d, a, e);
	struct turnlog_of of = {.turn_id = d->turn_id};

	ASSERT_IS(all, TURNS_MAGIC);
	d->live = r != E_NOT_FOUND;
	if (!d->live)
		r = turn_calls_decide(all->db, d, a, e);
	else if (r == 0) { /* it is decided, whatever comes of the rule */
		if (strcmp(d->decision, "always") == 0)
			r = tool_rules_add(all->db, d->user_id, 0, d->call.name, d->call.hash, e);
		calls_decided_live(all, d);
	}
	if (r == E_UNSURE) /* whoever goes on finds out */
		turn_resume(all, &of, false);
	if (r < 0)
		return r;
	if (d->conversation_id) /* else nothing of it is kept, to be looked at elsewhere */
		bus_publish(all->config.bus,
			&(struct bus_event){BUS_TURN, "decided", d->user_id, d->conversation_id, d->turn_id});
	of = (struct turnlog_of){d->turn_id, d->user_id, d->conversation_id};
	if (!d->live && d->open == 0)
		turn_resume(all, &of, false);
	return 0;
}

int turns_expire(struct turns *all, int64_t now, int64_t *ret_n, struct err *e)
{
	atelier_id turns[EXPIRE_BATCH];
	size_t n = 0;
	int r = turn_calls_expire(all->db, now, turns, EXPIRE_BATCH, &n, e);

	ASSERT_IS(all, TURNS_MAGIC);
	for (size_t i = 0; i < n; i++)
		turn_resume(all, &(struct turnlog_of){.turn_id = turns[i]}, false);
	turns_go_on_ready(all);
	*ret_n = (int64_t)n;
	return r;
}
