/*
 * summary.c - what a conversation is given on in place of its beginning, when it has become too long and its way with that is to
 * summarise. The plan of a turn (context.c) says which messages are left out; here the task's model makes one text of them and of
 * the summary before, in pieces that it can take. It stays as it is, byte for byte, until more has to be left out.
 *
 * A failure is no end: the messages are left out then, as where the way is to drop, and the answer says so.
 */
#include <errno.h>

#include "base/utf8.h"
#include "provider/collect.h"
#include "store/summaries.h"
#include "turn/turn_priv.h"

#define WINDOW_UNKNOWN  8192 /* tokens, of a model that does not say */
#define BYTES_OF_TOKEN  3    /* fewer than most have, so that a piece surely fits */
#define PIECE_MIN       ((size_t)4096)
#define PIECES_MAX      8 /* a beginning longer than these is shortened message by message */
#define PATIENCE_MS     120000
#define NOTICE_TEXT_MAX 600

struct work {
	struct turn *t;
	const char *model;
	struct message_list left; /* what is to be summarised, oldest first */
	size_t piece;             /* bytes of one piece */
	size_t message;           /* bytes of one message at most */
	struct buf text;          /* the summary until now */
	struct arena a;
};

/* The messages behind the summary before, up to the first that is given. */
static int load(struct work *w, struct err *e)
{
	struct turn *t = w->t;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	struct message_list *l = &w->left;
	size_t from = 0, to;
	int r = messages_path(c, t->ids.conversation_id, t->ids.user_message_id, CONTEXT_MESSAGES, &w->a, l, e);

	if (r < 0)
		return r;
	for (to = 0; to < l->n && l->items[to].id != t->context.first_id; to++)
		if (l->items[to].id == t->summary.message_id)
			from = to + 1;
	if (to == l->n && l->n)
		to--; /* all but the question */
	*l = (struct message_list){.items = l->items + from, .n = to > from ? to - from : 0};
	return l->n ? 0 : err_set(e, E_NOT_FOUND, "there is nothing to summarise");
}

static int choose(struct work *w, struct err *e)
{
	struct turn *t = w->t;
	struct err quiet = {0};
	struct model m;
	size_t all = 0;
	int64_t window = WINDOW_UNKNOWN;
	int r = 0;

	w->model = t->model;
	/* A key may call some models only: its turns are summarised by the one that they ask. */
	if (!t->key_id)
		r = providers_resolve_task(t->all->providers, TASK_TITLE, t->model, &w->a, &w->model, e);
	if (r < 0)
		return r;
	if (providers_model(t->all->providers, w->model, &w->a, &m, &quiet) >= 0 && m.context_length > 0)
		window = m.context_length;
	if (strcmp(w->model, t->model) == 0 && t->window)
		window = t->window;
	w->piece = MAX((size_t)(window - 3 * SUMMARY_TOKENS(window)) * BYTES_OF_TOKEN, PIECE_MIN);
	for (size_t i = 0; i < w->left.n; i++)
		all += strlen(w->left.items[i].content);
	w->message = all > PIECES_MAX * w->piece ? MAX(PIECES_MAX * w->piece / w->left.n, (size_t)64) : w->piece / 2;
	return 0;
}

/* Takes messages from *at on, as many as fit, into the question to the model. */
static void write_piece(const struct work *w, size_t *at, struct buf *b)
{
	buf_add_str(b,
		"Below is a part of a conversation between a person and an assistant. Write a summary by which the "
		"conversation can be gone on with: what was asked, what was found out and decided, names and "
		"figures, wishes of the person, what is still open. Use the language of the conversation and at most "
		"300 words. Reply with the summary alone.");
	if (w->text.n)
		buf_printf(b, "\n\nWhat came before, summarised; keep what matters of it:\n%s", w->text.p);
	for (size_t used = 0; *at < w->left.n; ++*at) {
		const struct message *m = &w->left.items[*at];
		size_t n = utf8_prefix(m->content, strlen(m->content), MIN(strlen(m->content), w->message));

		if (used && used + n > w->piece)
			break;
		used += n;
		if (n)
			buf_printf(b, "\n\n%s: %.*s%s", strcmp(m->role, MESSAGE_USER) == 0 ? "Person" : "Assistant",
				(int)n, m->content, m->content[n] ? " [...]" : "");
	}
}

static int ask(struct work *w, const char *text, struct buf *ret, struct err *e)
{
	struct turn *t = w->t;
	struct gen_message question = {.role = "user", .content = text};
	struct gen_request q = {.model = w->model,
		.messages = &question,
		.n_messages = 1,
		.thinking = THINKING_OFF,
		.max_tokens = SUMMARY_TOKENS(t->window),
		.patience_ms = PATIENCE_MS};
	const struct caller who = {.user_id = t->user_id,
		.key_id = t->key_id,
		.conversation_id = t->ids.conversation_id,
		.purpose = "summary"};
	struct text_sink sink;
	struct gen_result result;
	int r;

	text_sink_init(&sink, SUMMARY_MAX);
	r = call_generate(t->all->config.calls, &who, &q, &sink.sink, &t->cancel, &result, NULL, e);
	struct str found = buf_str(&sink.text);

	while (found.n && strchr(" \t\r\n", *found.p))
		found = (struct str){found.p + 1, found.n - 1};
	while (found.n && strchr(" \t\r\n", found.p[found.n - 1]))
		found.n--;
	if (r >= 0 && found.n == 0)
		r = err_set(e, E_PROVIDER_BROKEN, "the model wrote nothing");
	if (r >= 0) {
		buf_reset(ret);
		buf_add(ret, found.p, found.n);
		r = buf_status(ret);
	}
	buf_done(&sink.text);
	return r;
}

static int summarise(struct work *w, struct err *e)
{
	CLEANUP(buf_done) struct buf question = BUF_INIT(TURN_ARENA_BYTES);
	int r = 0;

	if (w->t->summary.text)
		buf_add_str(&w->text, w->t->summary.text);
	for (size_t at = 0; r >= 0 && at < w->left.n;) {
		buf_reset(&question);
		write_piece(w, &at, &question);
		r = buf_status(&question);
		if (r >= 0)
			r = ask(w, question.p, &w->text, e);
	}
	return r;
}

static int keep(struct work *w, struct err *e)
{
	struct turn *t = w->t;
	const struct summary row = {.conversation_id = t->ids.conversation_id,
		.message_id = w->left.items[w->left.n - 1].id,
		.messages = t->summary.messages + (int64_t)w->left.n,
		.text = arena_strndup(&t->arena, w->text.p, w->text.n),
		.model = arena_strdup(&t->arena, w->model)};
	int r = row.text && row.model ? summaries_put(t->all->db, &row, e)
				      : err_set(e, -ENOMEM, "no memory for a turn");

	if (r == 0)
		t->summary = row;
	return r;
}

static int make(struct turn *t, struct err *e)
{
	struct work w = {.t = t, .text = BUF_INIT(SUMMARY_MAX)};
	int r;

	arena_init(&w.a, TURN_ARENA_BYTES);
	if ((r = load(&w, e)) == 0 && (r = choose(&w, e)) == 0 && (r = summarise(&w, e)) >= 0)
		r = keep(&w, e);
	buf_done(&w.text);
	arena_done(&w.a);
	return MIN(r, 0);
}

int summary_renew(struct turn *t)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	int64_t left = t->context.left_out.messages;
	struct err e = {0};

	ASSERT(thread_may_wait() && t->summarises);
	ASSERT_IS(t, TURN_MAGIC);
	turn_tell_status(t, "summarising", "The oldest messages are being summarised");
	int r = make(t, &e);
	if (r < 0 && cancel_reason(&t->cancel))
		return err_set(&t->err, r, "%s", e.msg);
	if (r < 0) {
		buf_printf(&text,
			"The oldest %lld messages could not be summarised (%.300s). The model was not given them.",
			(long long)left, e.msg);
		turn_tell_oldest(t, "context", buf_str(&text).p, left);
		return 0;
	}
	buf_printf(
		&text, "The oldest %lld messages are given to the model as a summary.", (long long)t->summary.messages);
	turn_tell_oldest(t, "summary", buf_str(&text).p, t->summary.messages);
	bus_publish(t->all->config.bus,
		&(struct bus_event){BUS_CONVERSATION, "updated", t->user_id, t->ids.conversation_id, t->ids.turn_id});
	return prompt_summarised(t);
}
