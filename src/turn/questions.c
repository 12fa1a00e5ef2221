/* questions.c - what a running tool asks the person: told, waited for, answered once. See docs/decisions/077. */
#include <errno.h>

#include "base/clock.h"
#include "sys/fault.h"
#include "turn/turn_priv.h"

#define SCHEMA_MAX  ((size_t)64 << 10)
#define TEXT_MAX    ((size_t)1 << 20)
#define NO_QUESTION "There is no such question, or it is not yours."
#define IS_OVER     "This is answered already, or nobody waits for an answer any more."

/* A question while its call waits for the answer: on that thread's stack. */
struct question {
	atelier_id turn_id, user_id;
	char id[ID_LEN + 1];
	const json_t *schema; /* NULL: it leads to an address */
	const char *action;   /* NULL: not answered; under the lock of all, as what follows */
	struct buf content;
	struct cancel over; /* fired by the answer, or by a stop */
	struct question *next;
};

/* ---- told ---- */

struct asked {
	const char *call_id, *from, *message, *schema, *url;
	int64_t expires_at;
};

static int tell(struct turn *t, const struct question *q, const struct asked *x, const char *action)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TEXT_MAX);

	buf_printf(&b, "{\"id\":\"%s\",\"call_id\":", q->id);
	json_add_cstr(&b, x->call_id);
	buf_add_str(&b, ",\"from\":");
	json_add_cstr(&b, x->from);
	buf_add_str(&b, ",\"message\":");
	json_add_cstr(&b, x->message);
	if (q->schema) {
		buf_add_str(&b, ",\"schema\":");
		json_add_value(&b, q->schema);
	} else {
		buf_add_str(&b, ",\"url\":");
		json_add_cstr(&b, x->url);
	}
	buf_printf(&b, ",\"expires_at\":%lld", (long long)x->expires_at);
	if (action)
		buf_printf(&b, ",\"action\":\"%s\"", action);
	buf_add_char(&b, '}');
	return turn_event(t, EV_QUESTION, &b);
}

/* Of an answer that is not kept there is nothing to look at elsewhere. */
static void tell_feeds(struct turn *t, const char *what)
{
	if (!t->ids.conversation_id)
		return;
	bus_publish(t->all->config.bus,
		&(struct bus_event){BUS_TURN, what, t->user_id, t->ids.conversation_id, t->ids.turn_id});
}

/* ---- asked ---- */

static void stop(void *over)
{
	cancel_fire(over, E_CANCELED);
}

static void add(struct turns *all, struct question *q)
{
	pthread_mutex_lock(&all->mx);
	q->next = all->questions;
	all->questions = q;
	pthread_mutex_unlock(&all->mx);
}

/* From then on nobody answers it. */
static void take_off(struct turns *all, struct question *q)
{
	pthread_mutex_lock(&all->mx);
	struct question **at = &all->questions;
	while (*at != q) {
		ASSERT(*at); /* it is in the list */
		at = &(*at)->next;
	}
	*at = q->next;
	pthread_mutex_unlock(&all->mx);
}

static void write_answer(const struct question *q, struct buf *ret)
{
	buf_printf(ret, "{\"action\":\"%s\"", q->action ? q->action : "cancel");
	if (q->content.n) {
		buf_add_str(ret, ",\"content\":");
		buf_add(ret, q->content.p, q->content.n);
	}
	buf_add_char(ret, '}');
}

/* Tells it, and waits: 0 when it was answered, or the time for that is over; -ECANCELED. */
static int wait_for(struct turn *t, struct question *q, const struct asked *x, struct cancel *cancel, int64_t ms)
{
	struct cancel_hook hook;
	bool expired = false;
	int r;

	if (cancel_on(cancel, &hook, stop, &q->over) < 0)
		return -ECANCELED;
	add(t->all, q);
	if ((r = tell(t, q, x, NULL)) == 0) {
		tell_feeds(t, "asked");
		expired = cancel_sleep(&q->over, ms) == 0;
	}
	take_off(t->all, q);
	cancel_off(cancel, &hook);
	if (r < 0)
		return r;
	bool stopped = !expired && !q->action;
	r = tell(t, q, x, stopped ? "cancel" : expired ? "expired" : q->action);
	tell_feeds(t, "answered");
	return stopped ? -ECANCELED : r;
}

int64_t question_patience_ms(const struct turns *all)
{
	return FAULT("question_time") < 0 ? 0 : all->settings->question_minutes * 60000;
}

int question_ask(
	struct turn *t, const struct question_asked *asked, struct cancel *cancel, struct buf *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *schema = NULL;
	int64_t ms = question_patience_ms(t->all);
	struct question q = {.turn_id = t->ids.turn_id, .user_id = t->user_id, .content = BUF_INIT(TEXT_MAX)};
	const struct asked x = {
		asked->call_id, asked->from, asked->message, asked->schema, asked->url, clock_now_ms() + ms};
	int r;

	if (!asked->schema && !asked->url)
		return err_set(e, E_INVALID, "The tool asks for nothing.");
	if (asked->schema && strlen(asked->schema) > SCHEMA_MAX)
		return err_set(e, E_TOO_LARGE, "A question of the tool is too large.");
	if (asked->schema && (r = json_parse(asked->schema, strlen(asked->schema), &schema, e)) < 0)
		return r;
	q.schema = schema;
	id_format(id_new(), q.id);
	cancel_init(&q.over);
	allowance_pause(&t->rounds.budget, clock_mono_ms());
	r = wait_for(t, &q, &x, cancel, ms);
	allowance_go_on(&t->rounds.budget, clock_mono_ms());
	cancel_done(&q.over);
	if (r == 0)
		write_answer(&q, ret);
	buf_done(&q.content);
	return r == -ECANCELED ? err_set(e, r, "Stopped.") : r < 0 ? err_set(e, r, "The question cannot be told.") : 0;
}

/* ---- answered ---- */

static struct question *find(struct turns *all, const struct question_answer *a)
{
	struct question *q = all->questions;

	while (q && (q->turn_id != a->turn_id || q->user_id != a->user_id || strcmp(q->id, a->id) != 0))
		q = q->next;
	return q;
}

/* All locked. */
static int take_answer(struct question *q, const struct question_answer *a, struct err *e)
{
	bool accepts = strcmp(a->action, "accept") == 0;

	if (q->action || cancel_reason(&q->over))
		return err_set(e, E_CONFLICT, IS_OVER);
	if (accepts && q->schema) {
		int r = tool_form_check(q->schema, a->content, e);
		if (r < 0)
			return r;
		json_add_value(&q->content, a->content);
		if (buf_status(&q->content) < 0)
			return err_set(e, E_TOO_LARGE, "The answer is too large.");
	}
	q->action = accepts ? "accept" : strcmp(a->action, "decline") == 0 ? "decline" : "cancel";
	cancel_fire(&q->over, E_CANCELED);
	return 0;
}

/* Of one that nobody waits for here: whether it was one. */
static int explain(struct turns *all, const struct question_answer *a, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	struct turn_record record;
	const json_t *q;
	size_t at;
	int r;

	arena_init(&mem, TURN_ARENA_BYTES);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
		r = turns_get(c, a->user_id, a->turn_id, &mem, &record, e);
	}
	if (r == 0)
		r = turn_read_parts(all, &record, &mem, &m, e);
	for (size_t i = 0; r == 0 && i < m.parts.n; i++)
		json_array_foreach(json_object_get(m.parts.items[i].more, "questions"), at,
			q) if (strcmp(json_get_str(q, "id"), a->id) == 0) return err_set(e, E_CONFLICT, IS_OVER);
	return r < 0 ? r : err_set(e, E_NOT_FOUND, NO_QUESTION);
}

int turn_answer(struct turns *all, const struct question_answer *a, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&all->mx);
	struct question *q = find(all, a);
	if (q)
		r = take_answer(q, a, e);
	pthread_mutex_unlock(&all->mx);
	return q ? r : explain(all, a, e);
}
