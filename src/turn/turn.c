/*
 * turn.c - the life of an answer, top to bottom, on a turn thread. Every call may block, sleeps while tokens flow, and
 * returns < 0 on failure; a stopped or failed answer is still stored.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/metrics.h"
#include "turn/turn_priv.h"

#define STORE_RETRY_MS 2000

/* ---- converse: the model's events go to the log ---- */

struct append {
	struct turn *t;
	enum event_type type;
	const char *json;
	size_t n;
};

static int append_on_loop(void *arg)
{
	struct append *a = arg;
	int64_t seq = turnlog_append(a->t->log, a->type, a->json, a->n);

	return seq < 0 ? (int)seq : 0;
}

static int sink_event(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct turn *t = CONTAINER_OF(s, struct turn, sink);
	struct append a = {t, type, json, n};

	return on_loop ? append_on_loop(&a) : loop_call(t->all->loop, append_on_loop, &a);
}

static int turn_converse(struct turn *t)
{
	const struct caller who = {.user_id = t->user_id,
		.key_id = t->key_id,
		.conversation_id = t->ids.conversation_id,
		.purpose = "chat"};

	t->sink.event = sink_event;
	return call_generate(
		t->all->config.calls, &who, &t->request, &t->sink, &t->cancel, &t->result, &t->cost_micros, &t->err);
}

/* ---- persist ---- */

void turn_start_json(const struct turn *t, struct buf *json)
{
	char turn[ID_LEN + 1], conversation[ID_LEN + 1], user[ID_LEN + 1], message[ID_LEN + 1];

	id_format(t->ids.turn_id, turn);
	id_format(t->ids.conversation_id, conversation);
	id_format(t->ids.user_message_id, user);
	id_format(t->ids.message_id, message);
	buf_printf(json,
		"{\"turn_id\":\"%s\",\"conversation_id\":\"%s\",\"user_message_id\":\"%s\",\"message_id\":\"%s\","
		"\"model\":",
		turn, conversation, user, message);
	json_add_cstr(json, t->model);
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

struct copy_log {
	struct turn *t;
	struct buf *to;
	uint64_t last_seq;
};

static int copy_log_on_loop(void *arg)
{
	struct copy_log *c = arg;
	struct str bytes = turnlog_bytes(c->t->log);

	turnlog_detach(c->t->log);
	buf_add(c->to, bytes.p, bytes.n);
	c->last_seq = turnlog_last_seq(c->t->log);
	return buf_status(c->to);
}

/* The last that happens to a log. Its turn does not wait for it and may be gone before. */
struct seal {
	struct loop_task task;
	struct turnlog *log;
	struct buf frames;
};

static void seal_on_loop(void *arg)
{
	struct seal *s = arg;

	turnlog_seal(s->log, s->frames.p, s->frames.n, true);
	turnlog_release(s->log, true);
	buf_done(&s->frames);
	free(s);
}

static void seal_stored(struct turn *t, struct str frames)
{
	struct seal *s = xcalloc(1, sizeof(*s));

	s->log = t->log;
	s->frames = BUF_INIT(frames.n + 1);
	buf_add(&s->frames, frames.p, frames.n);
	loop_post(t->all->loop, &s->task, seal_on_loop, s);
}

struct last_words {
	struct turn *t;
	struct str frames;
	bool stored;
};

static int say_on_loop(void *arg)
{
	struct last_words *w = arg;

	turnlog_seal(w->t->log, w->frames.p, w->frames.n, false);
	return 0;
}

static int release_on_loop(void *arg)
{
	struct last_words *w = arg;

	turnlog_release(w->t->log, w->stored);
	return 0;
}

/* The database cannot be written: what was shown is in the journal and stays there until this works or a restart does
 * it. Until then the log is served from memory. */
static bool store_later(struct turn *t, const struct finish *f)
{
	for (;;) {
		struct err e = {0};
		if (cancel_sleep(&t->all->stop, STORE_RETRY_MS) < 0)
			return false;
		if (turn_store(t->all->db, f, &e) != E_STORAGE)
			return true;
	}
}

/* About four bytes a token: said as an estimate where the provider reports nothing. */
static void estimate(const struct turn *t, size_t log_bytes, struct closing *c)
{
	size_t in = 0;

	for (size_t i = 0; i < t->request.n_messages; i++)
		in += strlen(t->request.messages[i].content);
	c->est_in = (int64_t)(in / 4);
	c->est_out = (int64_t)(log_bytes / 48); /* a frame of one token is about 48 bytes */
}

/* The closing events; before them the first one, should that have been taken back with all else. */
static void add_closing(const struct turn *t, const struct closing *c, uint64_t last_seq, struct buf *log)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT(4096);

	if (last_seq == 0) {
		turn_start_json(t, &json);
		event_add_frame(log, ++last_seq, EV_START, json.p, json.n);
	}
	closing_frames(c, &last_seq, log);
}

static void turn_persist(struct turn *t, int r)
{
	CLEANUP(buf_done) struct buf log = BUF_INIT((size_t)t->all->settings->max_answer_bytes + (1 << 20));
	CLEANUP(buf_done) struct buf last_words = BUF_INIT(65536);
	struct closing c = {.message_id = t->ids.message_id,
		.result = &t->result,
		.asked = t->model,
		.cost_micros = t->cost_micros};
	struct copy_log copy = {t, &log, 0};
	struct err e = {0};

	c.state = outcome(t, r, &c.error);
	c.error_text = c.error == t->err.code ? err_public_text(&t->err) : NULL;
	(void)loop_call(t->all->loop, copy_log_on_loop, &copy);
	estimate(t, log.n, &c);
	size_t shown = log.n;
	add_closing(t, &c, copy.last_seq, &log);

	struct finish f = {t->ids.turn_id, t->base_content, t->base_reasoning, buf_str(&log)};
	int s = turn_store(t->all->db, &f, &e);
	turn_set_answered(t); /* who sees the end may ask again at once */
	if (s != E_STORAGE) {
		/* Gone or ended already: its conversation was deleted meanwhile. */
		seal_stored(t, (struct str){log.p + shown, log.n - shown});
		return;
	}
	log_error("turn", "an answer could not be stored yet, it is kept in the journal: %s", e.msg);
	c.error = E_STORAGE;
	c.error_text = NULL;
	c.state = STATE_FAILED;
	add_closing(t, &c, copy.last_seq, &last_words);
	log.n = shown;
	buf_add(&log, last_words.p, last_words.n);
	f.log = buf_str(&log);
	struct last_words words = {t, buf_str(&last_words), false};
	(void)loop_call(t->all->loop, say_on_loop, &words);
	words.stored = store_later(t, &f);
	(void)loop_call(t->all->loop, release_on_loop, &words);
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
		r >= 0            ? "complete"
		: r == -ECANCELED ? "stopped"
				  : "failed",
		t->model, (long long)(clock_mono_ms() - began_ms), r < 0 ? ": " : "", r < 0 ? cause(t, r) : "");
}

void turn_run(void *arg)
{
	struct turn *t = arg;
	int64_t began_ms = clock_mono_ms();
	int r;

	t->result = (struct gen_result){.tokens_in = -1, .tokens_out = -1, .first_token_ms = -1};
	if ((r = prompt_build(t)) >= 0)
		r = turn_converse(t);
	turn_persist(t, r); /* always: a stopped answer is still an answer */
	report(t, r, began_ms);
	turns_tell(t->all, &(struct turn_news){t->user_id, t->ids.conversation_id, t->ids.turn_id, "turn", "ended"});
	if (r >= 0 && t->ids.first && !t->continues && t->all->settings->auto_title &&
		strcmp(t->model, "librarian") != 0)
		title_begin(t);
	turn_leave(t);
}
