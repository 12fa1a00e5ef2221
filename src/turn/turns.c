/* turns.c - all live turns: starting, finding, stopping and following them. */
#include "turn/turn.h"

#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/conversations.h"
#include "sys/metrics.h"
#include "sys/thread.h"
#include "turn/pictures.h"
#include "turn/turn_priv.h"

#define TURN_STACK     (256u << 10) /* virtual; a sleeping turn has touched a small part of it */
#define ENDING_THREADS 8            /* for turns that have given up their place and are about to leave their thread */
#define TITLE_THREADS  4
#define QUEUE_THREADS  2
#define CALL_THREADS   64 /* tools that only read, side by side, of all turns */
#define TITLES_WAITING 100

#define STORE_RETRY_MS     250
#define STORE_RETRY_MAX_MS 2000

/* A word from the journal's thread to the loop. */
struct loss {
	struct loop_task task;
	struct turns *all;
};

/* ---- the registry ---- */

static void registry_add(struct turns *all, struct turn *t)
{
	ASSERT(lock_is_mine(&all->mx));
	ASSERT(!t->next && !t->prev && !t->answered);
	t->next = all->live;
	if (t->next)
		t->next->prev = t;
	all->live = t;
	all->n_running++;
	metric_set(M_turns_running, all->n_running);
}

static void registry_remove(struct turns *all, struct turn *t)
{
	ASSERT(lock_is_mine(&all->mx));
	ASSERT(t->answered && *(t->prev ? &t->prev->next : &all->live) == t);
	if (t->prev)
		t->prev->next = t->next;
	else
		all->live = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->prev = t->next = NULL;
}

/* Frees its place. Once. */
static void registry_answered(struct turns *all, struct turn *t)
{
	ASSERT(lock_is_mine(&all->mx));
	if (t->answered)
		return;
	ASSERT(all->n_running > 0);
	t->answered = true;
	all->n_running--;
	metric_set(M_turns_running, all->n_running);
}

void turn_free(struct turn *t)
{
	ASSERT(!t->prev && !t->next); /* in no list */
	frames_done(&t->out.frames);
	cancel_done(&t->cancel);
	arena_done(&t->arena);
	MAGIC_END(t, TURN_MAGIC);
	free(t);
}

void turn_set_answered(struct turn *t)
{
	ASSERT_IS(t, TURN_MAGIC);
	pthread_mutex_lock(&t->all->mx);
	registry_answered(t->all, t);
	pthread_mutex_unlock(&t->all->mx);
}

void turn_set_storing(struct turn *t)
{
	ASSERT_IS(t, TURN_MAGIC);
	pthread_mutex_lock(&t->all->mx);
	ASSERT(!t->answered);
	t->storing = true;
	pthread_mutex_unlock(&t->all->mx);
}

void turn_leave(struct turn *t)
{
	struct turns *all = t->all;

	ASSERT_IS(t, TURN_MAGIC);
	ASSERT(thread_may_wait() && !t->parent); /* an agent is in no list */
	pthread_mutex_lock(&all->mx);
	registry_answered(all, t);
	registry_remove(all, t);
	pthread_cond_broadcast(&all->gone);
	pthread_mutex_unlock(&all->mx);
	turn_free(t);
}

/* ---- starting ---- */

/* The turns of one question, begun together. */
struct start {
	const struct turn_request *q;
	struct turn *turns[COMPARED_MAX];
	size_t n;
};

/* All of them, or none. */
static int admit(struct turns *all, const struct start *x, struct err *e)
{
	const struct settings *s = all->settings;
	int64_t of_user = 0, n = (int64_t)x->n;
	int r = 0;

	ASSERT(x->n > 0 && x->n <= COMPARED_MAX);
	pthread_mutex_lock(&all->mx);
	for (struct turn *o = all->live; o && of_user < s->max_turns_per_user; o = o->next)
		of_user += o->user_id == x->q->user_id && !o->answered;
	if (all->stopping)
		r = err_set(e, E_STOPPING, "Atelier is shutting down.");
	else if (all->n_running + n > s->max_turns)
		r = err_set(e, E_BUSY, "All %lld places for answers are taken. Try again in a moment.",
			(long long)s->max_turns);
	else if (of_user + n > s->max_turns_per_user)
		r = err_set(e, E_RATE_LIMITED,
			"You have %lld answers running already, of at most %lld. Wait for one to end or stop one.",
			(long long)of_user, (long long)s->max_turns_per_user);
	else
		for (size_t i = 0; i < x->n; i++)
			registry_add(all, x->turns[i]);
	pthread_mutex_unlock(&all->mx);
	if (r < 0)
		e->retry_after_s = 2;
	return r;
}

static void on_log_failure(void *arg, int code)
{
	struct turn *t = arg;

	ASSERT(code < 0);
	ASSERT_IS(t, TURN_MAGIC);
	cancel_fire(&t->cancel, code);
}

/* A word for the reader. */
struct word {
	enum event_type type;
	const char *key, *code, *text;
	int64_t count, tokens; /* 0: not said */
};

static void tell(struct turn *t, const struct word *w)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT(8192);

	ASSERT_IS(t, TURN_MAGIC);
	buf_printf(&json, "{\"%s\":\"%s\",\"text\":", w->key, w->code);
	json_add_cstr(&json, w->text);
	if (w->count)
		buf_printf(&json, ",\"count\":%lld", (long long)w->count);
	if (w->tokens)
		buf_printf(&json, ",\"tokens\":%lld", (long long)w->tokens);
	buf_add_char(&json, '}');
	(void)!turn_event(t, w->type, &json);
}

void turn_tell(struct turn *t, const char *code, const char *text)
{
	tell(t, &(struct word){.type = EV_NOTICE, .key = "code", .code = code, .text = text});
}

void turn_tell_oldest(struct turn *t, const char *code, const char *text, int64_t messages)
{
	tell(t, &(struct word){.type = EV_NOTICE, .key = "code", .code = code, .text = text, .count = messages});
}

void turn_tell_status(struct turn *t, const char *state, const char *text)
{
	tell(t, &(struct word){.type = EV_STATUS, .key = "state", .code = state, .text = text});
}

void turn_left_out_text(const char *model, const char *left_out, struct buf *text)
{
	buf_printf(text, "%s does not take: %s. The answer was made without.", model, left_out);
}

static void tell_left_out(struct turn *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);

	turn_left_out_text(t->model, t->left_out, &text);
	turn_tell(t, "parameters", buf_str(&text).p);
}

static void tell_toolless(struct turn *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);

	buf_printf(&text, "%s cannot call tools. The answer was made without.", t->model);
	turn_tell(t, "tools", buf_str(&text).p);
}

static void tell_dropped(struct turn *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);

	buf_printf(&text,
		"The model was not given the oldest %lld messages of this conversation (about %lld tokens): with them "
		"it is longer than %s takes.",
		(long long)t->context.left_out.messages, (long long)t->context.left_out.tokens, t->model);
	tell(t, &(struct word){.type = EV_NOTICE,
			.key = "code",
			.code = "context",
			.text = buf_str(&text).p,
			.count = t->context.left_out.messages,
			.tokens = t->context.left_out.tokens});
}

/* A log that begins, with its first reader where there is one. */
struct opening {
	struct turn *t;
	const struct turn_request *q;
};

static int open_log_on_loop(void *arg)
{
	const struct opening *x = arg;
	struct turn *t = x->t;
	struct turns *all = t->all;
	CLEANUP(buf_done) struct buf json = BUF_INIT(4096);

	ASSERT(loop_is_mine(all->loop));
	ASSERT(!t->log && t->ids.turn_id);
	turn_start_json(&t->ids, t->model, &json);
	const struct turnlog_of of = {t->ids.turn_id, t->user_id, t->ids.conversation_id};
	t->log = turnlog_open(all->logs, &of, (size_t)all->settings->max_answer_bytes, on_log_failure, t);
	if (buf_status(&json) < 0)
		on_log_failure(t, buf_status(&json));
	else
		(void)turnlog_append(t->log, EV_START, json.p, json.n);
	if (t->left_out)
		tell_left_out(t);
	if (t->toolless)
		tell_toolless(t);
	if (t->context.left_out.messages && !t->summarises)
		tell_dropped(t);
	if (x->q->reads_at)
		turnlog_follow(t->log, 0, x->q->reader, x->q->reads_at);
	return 0;
}

/* What is to be stored of the question, or that the last answer is gone on with. */
static int describe_begin(const struct start *x, const struct conversation *c, struct turn_begin *ret, struct err *e)
{
	const struct turn_request *q = x->q;
	struct turn *t = x->turns[0];

	*ret = (struct turn_begin){
		.user_id = q->user_id,
		.conversation_id = q->conversation_id,
		.place = q->place,
		.at = q->place == TURN_GO_ON ? c->leaf_id : q->at,
		.content = q->content,
		.queued_id = q->queued_id,
		.prompt = t->context.json,
		.model = t->model,
		.n_beside = x->n - 1,
	};
	for (size_t i = 1; i < x->n; i++)
		ret->beside[i - 1] = (struct turn_beside){x->turns[i]->model, x->turns[i]->context.json};
	if (turn_request_write(q, t->wish, &t->arena, &ret->request) < 0)
		return err_set(e, -ENOMEM, "no memory for a turn");
	t->continues = q->place == TURN_GO_ON;
	if (t->continues)
		return 0;
	int r = pictures_attach(t, q, ret, e);
	if (r < 0)
		return r;
	if (q->content && *q->content && !(ret->title = title_plain(q->content, &t->arena)))
		return err_set(e, -ENOMEM, "no memory for a turn");
	return 0;
}

/* The database says only that an answer is being written: better words for one whose end it does not have yet. It alone
 * knows, since what it has is seen by others before anything here is. */
static int explain_conflict(struct turns *all, atelier_id conversation_id, struct err *e)
{
	bool storing = false, lost;

	pthread_mutex_lock(&all->mx);
	for (const struct turn *t = all->live; t && !storing; t = t->next)
		storing = t->storing && t->ids.conversation_id == conversation_id;
	lost = recovery_waits(all, conversation_id);
	pthread_mutex_unlock(&all->mx);
	if (!storing && !lost)
		return E_CONFLICT;
	err_clear(e);
	e->retry_after_s = 2;
	return err_set(e, E_CONFLICT,
		storing ? "The last answer has ended but cannot be stored yet. It is kept and tried again; wait for it."
			: "The answer that the last stop of the server cut off is being stored. Try again in a "
			  "moment.");
}

/* What one of them is made with. */
static int plan(const struct start *x, size_t i, struct conversation *c, struct err *e)
{
	struct turn_request q = *x->q;
	struct turn *t = x->turns[i];
	int r;

	if (q.n_models)
		q.model = q.models[i];
	if ((r = turn_choose(t, &q, c, e)) < 0 || (r = turn_choose_tools(t, q.tools && !q.queued_id, e)) < 0 ||
		(r = turn_where(t, &q, e)) < 0 || (r = prompt_plan(t, &q, c, e)) < 0)
		return r;
	return prompt_check(t, &q, c, e);
}

/* From here on others find them. */
static void publish_ids(struct turns *all, const struct start *x, const struct turn_begun *begun)
{
	pthread_mutex_lock(&all->mx);
	for (size_t i = 0; i < x->n; i++) {
		const struct turn_begun *b = &begun[i];
		x->turns[i]->ids = (struct turn_ids){b->turn_id, b->conversation_id, b->user_message_id, b->message_id};
	}
	pthread_mutex_unlock(&all->mx);
	metric_add(M_turns_total, (int64_t)x->n);
}

struct turn *turn_new(struct turns *all, const struct turn_request *q)
{
	struct turn *t = xcalloc(1, sizeof *t);

	ASSERT_IS(all, TURNS_MAGIC);
	MAGIC_SET(t, TURN_MAGIC);
	t->all = all;
	t->user_id = q->user_id;
	t->key_id = q->key_id;
	t->purpose = "chat";
	t->result = (struct gen_result)GEN_NO_RESULT;
	budget_begin(t, NULL);
	arena_init(&t->arena, TURN_ARENA_BYTES);
	t->language = q->language ? arena_strdup(&t->arena, q->language) : NULL;
	t->time_zone = q->time_zone ? arena_strdup(&t->arena, q->time_zone) : NULL;
	cancel_init(&t->cancel);
	return t;
}

void turn_reopen_log(struct turn *t, struct frames *take)
{
	const struct turnlog_of of = {t->ids.turn_id, t->user_id, t->ids.conversation_id};

	ASSERT(loop_is_mine(t->all->loop));
	ASSERT(!t->log && t->ids.turn_id);
	t->log = turnlog_open(t->all->logs, &of, (size_t)t->all->settings->max_answer_bytes, on_log_failure, t);
	turnlog_restore(t->log, take);
}

int turn_admit_waiting(struct turns *all, const struct turn_request *q, struct turn **ret, struct err *e)
{
	struct start x = {.q = q, .n = 1, .turns = {turn_new(all, q)}};
	int r = admit(all, &x, e);

	*ret = x.turns[0];
	if (r < 0)
		turn_free(x.turns[0]);
	return r;
}

int turn_start(struct turns *all, const struct turn_request *q, struct turn_asked *ret, struct err *e)
{
	struct start x = {.q = q, .n = MAX(q->n_models, (size_t)1)};
	struct turn_begun begun[COMPARED_MAX] = {0};
	struct turn_begin in;
	struct conversation c;
	int r;

	ASSERT_IS(all, TURNS_MAGIC);
	ASSERT(thread_may_wait());
	ASSERT(x.n <= COMPARED_MAX && !((q->place == TURN_GO_ON || q->reads_at) && x.n > 1));
	for (size_t i = 0; i < x.n; i++)
		x.turns[i] = turn_new(all, q);
	r = admit(all, &x, e);
	bool admitted = r == 0;
	for (size_t i = 0; r == 0 && i < x.n; i++)
		r = plan(&x, i, &c, e);
	if (r == 0)
		r = describe_begin(&x, &c, &in, e);
	thread_long_begin(); /* now and then SQLite merges its index of words within */
	if (r == 0)
		r = turns_begin(all->db, &in, begun, e);
	thread_long_end();
	if (r == E_UNSURE)
		unsure_settle(all, begun, x.n);
	if (r == E_CONFLICT)
		r = explain_conflict(all, q->conversation_id, e);
	for (size_t i = 0; r < 0 && i < x.n; i++)
		(admitted ? turn_leave : turn_free)(x.turns[i]);
	if (r < 0)
		return r;
	publish_ids(all, &x, begun);
	*ret = (struct turn_asked){.n = x.n};
	for (size_t i = 0; i < x.n; i++) {
		ret->ids[i] = x.turns[i]->ids;
		(void)loop_call(all->loop, open_log_on_loop, &(struct opening){x.turns[i], q});
	}
	if (q->queued_id)
		bus_publish(all->config.bus,
			&(struct bus_event){BUS_QUEUE, "sent", q->user_id, q->conversation_id, ret->ids[0].turn_id});
	for (size_t i = 0; i < x.n; i++) {
		struct turn *t = x.turns[i];
		bus_publish(all->config.bus,
			&(struct bus_event){BUS_TURN, "started", t->user_id, t->ids.conversation_id, t->ids.turn_id});
		/* Here, where few threads do it for all turns: what a thread has freed it keeps for later, and those of
		 * the turns are thousands that sleep. */
		if (!t->summarises)
			t->prepared = prompt_build(t);
		/* Admission keeps the number of turns below that of the threads; should none be had, the turn runs to
		 * its end here rather than be lost. */
		if (pool_submit(all->threads, &t->task, turn_run, t) < 0)
			turn_run(t);
	}
	return 0;
}

/* ---- stopping ---- */

bool turn_cancel(struct turns *all, atelier_id turn_id, int reason)
{
	bool found = false;

	ASSERT_IS(all, TURNS_MAGIC);
	pthread_mutex_lock(&all->mx);
	for (struct turn *t = all->live; t && !found; t = t->next)
		if (t->ids.turn_id == turn_id) {
			cancel_fire(&t->cancel, reason);
			found = true;
		}
	pthread_mutex_unlock(&all->mx);
	return found;
}

bool turn_stop_call(struct turns *all, atelier_id turn_id, const char *call_id)
{
	bool found = false;

	ASSERT_IS(all, TURNS_MAGIC);
	pthread_mutex_lock(&all->mx);
	for (struct turn *t = all->live; t && !found; t = t->next)
		found = t->ids.turn_id == turn_id && calls_stop(t, call_id);
	pthread_mutex_unlock(&all->mx);
	return found;
}

static bool cancel_those_of(struct turns *all, atelier_id conversation_id)
{
	bool some = false;

	ASSERT(lock_is_mine(&all->mx));
	for (struct turn *t = all->live; t; t = t->next) {
		if (t->ids.conversation_id != conversation_id)
			continue;
		cancel_fire(&t->cancel, E_CANCELED);
		some = true;
	}
	return some;
}

bool turns_end_conversation(struct turns *all, atelier_id conversation_id, int64_t wait_ms)
{
	int64_t until_ms = clock_mono_ms() + wait_ms;
	bool in_time = true;

	ASSERT_IS(all, TURNS_MAGIC);
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&all->mx);
	while (cancel_those_of(all, conversation_id) && in_time)
		in_time = clock_wait(&all->gone, &all->mx, until_ms);
	pthread_mutex_unlock(&all->mx);
	return in_time;
}

unsigned turns_live(struct turns *all)
{
	pthread_mutex_lock(&all->mx);
	unsigned n = all->n_running;
	pthread_mutex_unlock(&all->mx);
	return n;
}

/* ---- life ---- */

int turn_store_wait(struct turns *all, int tries)
{
	ASSERT(tries > 0);
	return cancel_sleep(&all->stop, MIN(all->store_retry_ms << MIN(tries - 1, 8), STORE_RETRY_MAX_MS));
}

/* On the loop: a sync of the journal has failed. */
static void fail_on_loop(void *arg)
{
	struct loss *x = arg;

	turnlogs_fail(x->all->logs, E_STORAGE);
	free(x);
}

static void on_journal_lost(void *arg)
{
	turns_end_unkept(arg);
}

void turns_end_unkept(struct turns *all)
{
	struct loss *x = xcalloc(1, sizeof *x);

	x->all = all;
	loop_post(x->all->loop, &x->task, fail_on_loop, x);
}

int turns_new(const struct turns_config *c, struct turns **ret, struct err *e)
{
	const struct settings *s = c->settings;
	struct turns *all = xcalloc(1, sizeof *all);
	struct pool_config threads = {.name = "turn",
		.keep = 1,
		.max = (unsigned)s->max_turns + ENDING_THREADS,
		.max_queue = (unsigned)s->max_turns,
		.stack_bytes = TURN_STACK};
	struct pool_config titles = {
		.name = "title", .max = TITLE_THREADS, .max_queue = TITLES_WAITING, .stack_bytes = TURN_STACK};
	struct pool_config queue = {.name = "queue", .max = QUEUE_THREADS, .max_queue = (unsigned)s->max_turns};
	struct pool_config tool_calls = {.name = "call", .max = CALL_THREADS, .max_queue = 4096};
	struct pool_config recover = {.name = "recover", .max = 1, .max_queue = 1};
	struct journal_config journal = {.dir = c->journal_dir,
		.segment_bytes = s->journal_segment_mb << 20,
		.sync_ms = s->journal_sync_ms,
		.lost = on_journal_lost,
		.arg = all};
	int r;

	MAGIC_SET(all, TURNS_MAGIC);
	all->config = *c;
	all->settings = s;
	all->loop = c->loop;
	all->db = c->db;
	all->providers = c->providers;
	all->store_retry_ms = STORE_RETRY_MS;
	pthread_mutex_init(&all->mx, NULL);
	pthread_cond_init(&all->gone, NULL);
	cancel_init(&all->stop);
	all->deadlines = deadlines_new();
	if ((r = journal_list(c->journal_dir, &all->left, e)) < 0 ||
		(r = journal_open(&journal, &all->journal, e)) < 0 ||
		(r = turnlogs_new(c->loop, journal_sink(all->journal), s->heartbeat_s * 1000, s->reader_stall_s * 1000,
			 &all->logs)) < 0 ||
		(r = pool_new(&threads, &all->threads)) < 0 || (r = pool_new(&titles, &all->title_threads)) < 0 ||
		(r = pool_new(&queue, &all->queue_threads)) < 0 ||
		(r = pool_new(&tool_calls, &all->call_threads)) < 0 ||
		(r = pool_new(&recover, &all->recover_thread)) < 0 || (r = recovery_start(all, e)) < 0) {
		turns_free(all);
		return r;
	}
	*ret = all;
	return 0;
}

void turns_stop(struct turns *all)
{
	ASSERT(thread_may_wait());
	ASSERT_IS(all, TURNS_MAGIC);
	pthread_mutex_lock(&all->mx);
	all->stopping = true;
	for (struct turn *t = all->live; t; t = t->next)
		cancel_fire(&t->cancel, E_STOPPING);
	pthread_mutex_unlock(&all->mx);
	cancel_fire(&all->stop, E_STOPPING);
	pool_stop(all->queue_threads);
	pool_stop(all->threads);
	pool_stop(all->call_threads);
	pool_stop(all->recover_thread);
	titles_stop(all);
}

void turns_free(struct turns *all)
{
	if (!all)
		return;
	pool_free(all->threads);
	pool_free(all->call_threads);
	pool_free(all->title_threads);
	pool_free(all->queue_threads);
	pool_free(all->recover_thread);
	ASSERT(!all->live && all->n_running == 0); /* each has left on its thread */
	ASSERT(!all->titles && !all->questions && !all->resuming);
	deadlines_free(all->deadlines);
	recovery_free(all);
	unsure_free(all);
	journal_files_done(&all->left);
	turnlogs_free(all->logs);
	journal_close(all->journal);
	cancel_done(&all->stop);
	pthread_cond_destroy(&all->gone);
	pthread_mutex_destroy(&all->mx);
	MAGIC_END(all, TURNS_MAGIC);
	free(all);
}
