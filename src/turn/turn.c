/*
 * turn.c - the life of an answer, top to bottom, on a turn thread. Every call may block, sleeps while tokens flow, and
 * returns < 0 on failure; a stopped or failed answer is still stored.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/metrics.h"
#include "sys/thread.h"
#include "tool/text_calls.h"
#include "turn/turn_priv.h"

#define LONG_LOG (256u << 10) /* bytes: it takes a tenth of a second to be read and packed */

/* ---- converse: the model's events go to the log ---- */

static void add_figure(int64_t *sum, int64_t figure)
{
	*sum = *sum < 0 ? figure : figure < 0 ? *sum : *sum + figure;
}

void turn_add_figures(struct gen_result *sum, const struct gen_result *r)
{
	ASSERT(sum != r);
	add_figure(&sum->tokens_in, r->tokens_in);
	add_figure(&sum->tokens_out, r->tokens_out);
	add_figure(&sum->tokens_cached, r->tokens_cached);
	add_figure(&sum->tokens_reasoning, r->tokens_reasoning);
	sum->tokens_kept += r->tokens_kept;
	for (size_t i = 0; i < N_TOKEN_PARTS; i++)
		sum->token_parts[i] += r->token_parts[i];
}

/* What the rounds took, in one. */
static void add_up(struct gen_result *sum, const struct gen_result *r)
{
	struct gen_result all = *r;

	turn_add_figures(sum, r);
	all.tokens_in = sum->tokens_in;
	all.tokens_out = sum->tokens_out;
	all.tokens_cached = sum->tokens_cached;
	all.tokens_reasoning = sum->tokens_reasoning;
	all.tokens_kept = sum->tokens_kept;
	memcpy(all.token_parts, sum->token_parts, sizeof all.token_parts);
	all.duration_ms += sum->duration_ms;
	all.queued_ms += sum->queued_ms;
	if (sum->first_token_ms >= 0)
		all.first_token_ms = sum->first_token_ms;
	*sum = all;
}

/* For a model without tools they are told in words, and its calls are read from its text. (Apart, as is the next but one: what
 * they have on the stack would lie beneath each answer that is waited for.) */
static int NOINLINE generate_written(struct turn *t, const struct caller *who, struct cancel *cancel,
	struct gen_result *result, int64_t *cost_micros)
{
	CLEANUP(text_calls_done) struct text_calls written;
	struct gen_request request;
	int r = text_calls_request(&t->request, &t->arena, &request, &t->err), end;

	text_calls_init(&written, &t->sink, t->request.tools, t->request.n_tools);
	if (r >= 0)
		r = call_generate(
			t->all->config.calls, who, &request, &written.sink, cancel, result, cost_micros, &t->err);
	end = text_calls_finish(&written); /* also of an answer that was stopped */
	return r < 0 ? r : MIN(end, r);
}

/* What the one that answered is known not to take, which its provider's kind has words for. */
static void tell_untaken(struct turn *t, unsigned lost)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	const char *names = lost ? parameters_untaken(lost, &t->arena) : NULL;

	if (!names)
		return;
	turn_left_out_text(t->model, names, &text);
	turn_tell(t, "parameters", buf_str(&text).p);
}

/* The time that an assistant has for its answer, while its model writes it. */
struct timed {
	struct cancel cancel;
	struct cancel_link link;
	struct deadline deadline;
	bool runs; /* false: there is no such time */
};

static struct cancel *timed_begin(struct timed *x, struct turn *t)
{
	int64_t grace_ms = budget_grace_ms(t);

	x->runs = grace_ms >= 0;
	if (!x->runs)
		return &t->cancel;
	cancel_init(&x->cancel);
	cancel_link(&x->link, &t->cancel, &x->cancel);
	x->deadline = (struct deadline){.budget = &t->rounds.budget, .grace_ms = grace_ms, .cancel = &x->cancel};
	deadline_begin(t->all->deadlines, &x->deadline);
	return &x->cancel;
}

/* An answer that took longer is what there is by then. */
static int timed_end(struct timed *x, struct turn *t, int r)
{
	if (!x->runs)
		return r;
	deadline_end(t->all->deadlines, &x->deadline);
	cancel_unlink(&x->link);
	if (r < 0 && cancel_reason(&x->cancel) == E_BUDGET && !cancel_reason(&t->cancel)) {
		err_clear(&t->err);
		budget_check(t);
		r = 0;
	}
	cancel_done(&x->cancel);
	return r;
}

/* What a round took, and what was not taken of it. */
static void NOINLINE generated(struct turn *t, int r, struct gen_result *result, int64_t cost_micros)
{
	if (r >= 0)
		tell_untaken(t, result->lost & ~t->result.lost);
	result->lost |= t->result.lost;
	if (t->rounds.n == 0 && t->log)
		prompt_learn(t, result); /* what was planned is what was sent */
	add_up(&t->result, result);
	t->cost_micros += cost_micros;
	budget_spend(t, result, cost_micros);
}

int turn_converse(struct turn *t)
{
	const struct caller who = {.user_id = t->user_id,
		.key_id = t->key_id,
		.conversation_id = t->ids.conversation_id,
		.purpose = t->purpose};
	bool again = true;
	int r = 0;

	ASSERT_IS(t, TURN_MAGIC);
	t->sink = (struct gen_sink){.event = t->tools.n ? rounds_put : turn_put,
		.touched = {{(const char *)&t->sink, offsetof(struct turn, out) - offsetof(struct turn, sink)},
			turnlog_touched(t->log)}};
	cited_want(t);
	while (r >= 0 && again) { /* unless a person is to decide of some: rounds_run */
		struct gen_result result = GEN_NO_RESULT;
		int64_t cost_micros = 0;
		struct timed timed;
		struct cancel *cancel = timed_begin(&timed, t);

		r = t->writes_calls ? generate_written(t, &who, cancel, &result, &cost_micros)
				    : call_generate(t->all->config.calls, &who, &t->request, &t->sink, cancel, &result,
					      &cost_micros, &t->err);
		generated(t, r, &result, cost_micros);
		r = timed_end(&timed, t, r);
		if (r >= 0)
			r = rounds_run(t, &again);
	}
	if (t->rounds.n > 0 ||
		t->waits) /* also of one that was stopped; one that cannot be written any more ends without */
		(void)!budget_tell(t);
	return r;
}

/* ---- persist ---- */

void turn_start_json(const struct turn_ids *ids, const char *model, struct buf *json)
{
	char turn[ID_LEN + 1], conversation[ID_LEN + 1], user[ID_LEN + 1], message[ID_LEN + 1];

	id_format(ids->turn_id, turn);
	id_format(ids->conversation_id, conversation);
	id_format(ids->user_message_id, user);
	id_format(ids->message_id, message);
	buf_printf(json,
		"{\"turn_id\":\"%s\",\"conversation_id\":\"%s\",\"user_message_id\":\"%s\",\"message_id\":\"%s\","
		"\"model\":",
		turn, conversation, user, message);
	json_add_cstr(json, model);
	buf_add_char(json, '}');
}

/* The state that an outcome is called by, and the error to tell (0: none). */
static const char *outcome(struct turn *t, int r, int *ret_error)
{
	int reason = cancel_reason(&t->cancel);

	*ret_error = 0;
	if (r >= 0)
		return STATE_COMPLETE;
	if (reason == E_CANCELED)
		return STATE_CANCELED;
	if (reason == E_STOPPING) {
		*ret_error = E_INTERRUPTED;
		return STATE_INTERRUPTED;
	}
	*ret_error = reason ? reason : r;
	return STATE_FAILED;
}

#define IMAGE_AS_BYTES ((size_t)4 * 768) /* what a picture of usual size takes */

/* About four bytes a token: said as an estimate where the provider reports nothing. */
static void estimate(const struct turn *t, size_t log_bytes, struct closing *c)
{
	size_t in = 0;

	for (size_t i = 0; i < t->request.n_messages; i++)
		in += strlen(t->request.messages[i].content) + IMAGE_AS_BYTES * t->request.messages[i].n_images;
	c->est_in = (int64_t)(in / 4);
	c->est_out = (int64_t)(log_bytes / 48); /* a frame of one token is about 48 bytes */
}

/* How a turn ends, on its way from the log to the database. */
struct ending {
	struct turn *t;
	const struct frames *log; /* the loop's; as it is until that is told otherwise */
	struct closing closing;
	struct frames rest; /* what comes behind the log */
	bool held;          /* the log has the rest, which its readers do not see yet */
	bool aside;         /* it is stored, but not as it was shown */
	struct finish finish;
};

static int close_on_loop(void *arg)
{
	struct ending *x = arg;

	x->log = turnlog_close(x->t->log);
	x->finish.followed = turnlog_is_followed(x->t->log);
	return 0;
}

static int abandon_on_loop(void *arg)
{
	const struct ending *x = arg;

	turnlog_abandon(x->t->log, x->aside);
	return 0;
}

/* The last that happens to a log. Its turn does not wait for it and may be gone before. */
struct end_log {
	struct loop_task task;
	struct turnlog *log;
	struct frames rest;
};

static void end_on_loop(void *arg)
{
	struct end_log *x = arg;

	turnlog_end(x->log, &x->rest);
	free(x);
}

static void end_log(struct ending *x)
{
	struct end_log *end = xcalloc(1, sizeof *end);

	end->log = x->t->log;
	end->rest = x->rest;
	x->rest = FRAMES_INIT(0);
	loop_post(x->t->all->loop, &end->task, end_on_loop, end);
}

/* The closing events, behind a word about the wait where there is one; before all the first event, should that have
 * been taken back with all else. */
static int make_rest(struct ending *x, const char *waiting)
{
	CLEANUP(buf_done) struct buf start = BUF_INIT(4096);
	int r = 0;

	frames_done(&x->rest);
	x->rest.last_seq = x->log->last_seq;
	if (x->rest.last_seq == 0) {
		turn_start_json(&x->t->ids, x->t->model, &start);
		r = buf_status(&start);
		r = r < 0 ? r : frames_add(&x->rest, EV_START, start.p, start.n);
	}
	if (r == 0 && waiting)
		r = frames_add(&x->rest, EV_STATUS, waiting, strlen(waiting));
	return r < 0 ? r : closing_frames(&x->closing, &x->rest);
}

/* What is to be stored, in `ret`. */
static int make_ending(struct ending *x, struct stored *ret, struct err *e)
{
	struct turn *t = x->t;
	bool is_long = x->log->bytes >= LONG_LOG;
	int r = x->held ? 0 : make_rest(x, NULL);

	if (r < 0)
		return err_set(e, r, "the end of a turn does not fit into memory");
	if (t->continues && !t->before && /* which was not to be had when it began */
		(r = finish_load(t->all->db, t->user_id, t->ids.message_id, &t->arena, &t->before, e)) < 0)
		return r;
	x->finish.before = t->before;
	if (is_long)
		thread_work_begin();
	r = finish_prepare(&x->finish, ret, e);
	if (is_long)
		thread_work_end();
	if (r == 0 && (r = FAULT("turn_store")) < 0)
		err_set(e, r, "storing a turn");
	if (r < 0)
		finish_note(&x->finish, r);
	return r;
}

/* Where it was ended because nothing can be kept, readers learn that, and end. */
static bool gives_up(const struct ending *x)
{
	return x->closing.error == E_STORAGE;
}

static int hold_on_loop(void *arg)
{
	struct ending *x = arg;

	if (!x->held) /* without memory for a word they are let go */
		turnlog_let_go(x->t->log);
	else if (gives_up(x))
		turnlog_give_up(x->t->log, &x->rest);
	else
		turnlog_hold(x->t->log, &x->rest);
	return 0;
}

/* The journal gets how the answer ended, so that a restart finds it as it was; its readers learn why it does not end. */
static void hold(struct ending *x)
{
	static const char waiting[] =
		"{\"state\":\"storing\",\"text\":\"The answer has ended and waits until it can be stored\"}";

	if (x->held)
		return;
	x->held = make_rest(x, gives_up(x) ? NULL : waiting) >= 0;
	if (x->held)
		x->finish.closing = NULL;
	(void)loop_call(x->t->all->loop, hold_on_loop, x);
}

/* When it may be tried again. False: the program stops, and a restart goes on from the journal. */
static bool store_later(struct ending *x, int tries, const struct err *why)
{
	if (tries == 1) {
		log_error("turn", "an answer could not be stored yet, it is kept and tried again: %s", why->msg);
		turn_set_storing(x->t);
	}
	hold(x);
	return turn_store_wait(x->t->all, tries) >= 0;
}

/* How it ended, by `r`; nothing comes to its log any more. */
static void begin_ending(struct ending *x, struct turn *t, int r)
{
	struct closing *c = &x->closing;

	*x = (struct ending){.t = t, .rest = FRAMES_INIT(1 << 20)};
	*c = (struct closing){.message_id = t->ids.message_id,
		.result = &t->result,
		.asked = t->model,
		.cost_micros = t->cost_micros};
	c->state = r >= 0 && t->waits ? STATE_WAITING : outcome(t, r, &c->error);
	c->error_text = c->error == t->err.code ? err_public_text(&t->err) : NULL;
	(void)loop_call(t->all->loop, close_on_loop, x);
	estimate(t, x->log->bytes, c);
	x->finish.turn_id = t->ids.turn_id;
	x->finish.after = t->after;
	x->finish.log = x->log;
	x->finish.closing = &x->rest;
	x->finish.journal_dir = t->all->config.journal_dir;
}

static void NOINLINE turn_persist(struct turn *t, int r)
{
	struct ending x;
	int stored, tries = 0;
	struct err e;

	ASSERT(thread_may_wait());
	begin_ending(&x, t, r);
	do { /* until the database has it */
		CLEANUP(stored_done) struct stored s = {.packed = BUF_INIT(0)};
		e = (struct err){0};
		if ((stored = make_ending(&x, &s, &e)) < 0)
			continue;
		thread_long_begin(); /* now and then SQLite merges its index of words within */
		stored = turns_finish(t->all->db, &s.row, &e);
		thread_long_end();
		finish_note(&x.finish, stored);
	} while (!db_is_settled(stored) && store_later(&x, ++tries, &e));
	x.aside = db_is_settled(stored) && finish_is_aside(&x.finish);
	if (tries > 0 && db_is_settled(stored))
		log_info("turn", "the answer that waited is stored");
	turn_set_answered(t); /* who sees the end may ask again at once */
	if (db_is_settled(stored) && !x.aside)
		end_log(&x);
	else
		(void)loop_call(t->all->loop, abandon_on_loop, &x);
	frames_done(&x.rest);
}

/* ---- the story ---- */

static const char *cause(struct turn *t, int r)
{
	int reason = cancel_reason(&t->cancel);

	return t->err.msg[0] ? t->err.msg : err_info(reason ? reason : r)->text;
}

static void report(struct turn *t, int r, int64_t began_ms)
{
	char id[ID_LEN + 1];

	id_format(t->ids.turn_id, id);
	if (r == -ECANCELED)
		metric_add(M_turns_canceled_total, 1);
	else if (r < 0)
		metric_add(M_turns_failed_total, 1);
	if (t->result.first_token_ms >= 0)
		metric_observe(M_turn_first_token_ms, t->result.first_token_ms);
	log_write(r < 0 && r != -ECANCELED ? LOG_WARN : LOG_INFO, "turn", "turn %s %s, model %s, %lld ms%s%s", id,
		r >= 0 && t->waits ? "waits for a person"
		: r >= 0           ? "complete"
		: r == -ECANCELED  ? "stopped"
				   : "failed",
		t->model, (long long)(clock_mono_ms() - began_ms), r < 0 ? ": " : "", r < 0 ? cause(t, r) : "");
}

void turn_run(void *arg)
{
	struct turn *t = arg;
	int64_t began_ms = clock_mono_ms();
	int r = t->prepared;

	ASSERT(thread_may_wait() && t->log && !t->answered);
	ASSERT_IS(t, TURN_MAGIC);
	ASSERT(thread_may_wait() && !t->parent);
	if (r >= 0 && t->waited && (r = rounds_settle(t)) >= 0 && !t->waits)
		r = prompt_build(t);
	if (r >= 0 && t->summarises && (r = summary_renew(t)) >= 0)
		r = prompt_build(t);
	if (r >= 0 && !t->waits && (r = turn_retrieve(t)) >= 0)
		r = turn_converse(t);
	if (r >= 0)
		turn_check_quotes(t);
	turn_persist(t, r); /* always: a stopped answer is still an answer */
	report(t, r, began_ms);
	bus_publish(t->all->config.bus, &(struct bus_event){BUS_TURN, r >= 0 && t->waits ? "waiting" : "ended",
						t->user_id, t->ids.conversation_id, t->ids.turn_id});
	if (r >= 0 && t->waits)
		turn_resume(t->all, &(struct turnlog_of){t->ids.turn_id, t->user_id, t->ids.conversation_id},
			cancel_reason(&t->cancel) == E_CANCELED); /* or decided already */
	else if (r >= 0)
		turn_queue_go_on(t->all, t->user_id, t->ids.conversation_id);
	if (r >= 0 && !t->waits && t->all->settings->auto_title && strcmp(t->model, "librarian") != 0)
		title_begin(t);
	turn_leave(t);
}
