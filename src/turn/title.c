/* title.c - names for conversations: at once the beginning of the question, later a few words by the model. */
#include <ctype.h>
#include <errno.h>

#include "base/utf8.h"
#include "provider/collect.h"
#include "store/conversations.h"
#include "turn/turn_priv.h"

#define EXCERPT_BYTES 2000 /* of question and answer, for the model to name */
#define NAME_TOKENS   64
#define NAME_BYTES    4096  /* a model that will not stop ends here */
#define PATIENCE_MS   20000 /* for the model's whole answer */
#define IDLE_WAIT_MS  60000 /* for its provider to be idle; then the next answer's turn tries again */
#define ATTEMPTS      3     /* of one that had to give way */

const char *title_plain(const char *question, struct arena *a)
{
	char line[4 * TITLE_MAX];
	size_t n = 0;

	/* One line, blanks folded. */
	for (const char *p = question; *p && n < sizeof line - 1; p++) {
		bool blank = isspace((unsigned char)*p);
		if (!blank)
			line[n++] = *p;
		else if (n > 0 && line[n - 1] != ' ')
			line[n++] = ' ';
	}
	while (n > 0 && line[n - 1] == ' ')
		n--;
	if (n <= TITLE_MAX)
		return arena_strndup(a, line, utf8_prefix(line, n, TITLE_MAX));
	size_t cut = utf8_prefix(line, n, TITLE_MAX - 3);
	for (size_t i = cut; i > TITLE_MAX / 2; i--) /* at a word's end where there is one */
		if (line[i] == ' ') {
			cut = i;
			break;
		}
	return arena_printf(a, "%.*s\xe2\x80\xa6", (int)cut, line);
}

/* ---- by the model ---- */

static const char *instruction(struct title *t, const char *question, const char *answer)
{
	return arena_printf(&t->arena,
		"Name this conversation in at most six words, in its own language. Reply with the name alone.\n\n"
		"Question: %.*s\n\nAnswer: %.*s",
		(int)utf8_prefix(question, strlen(question), EXCERPT_BYTES), question,
		(int)utf8_prefix(answer, strlen(answer), EXCERPT_BYTES), answer);
}

/* What the model is asked; NULL: there is nothing to name, or it has a name. */
static const char *load_question(struct title *t, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	struct conversation v;
	struct message question, answer;

	if (conversations_get(c, t->user_id, t->conversation_id, &t->arena, &v, e) < 0 ||
		strcmp(v.title_state, TITLE_PLAIN) != 0 ||
		messages_get(c, t->user_id, t->user_message_id, &t->arena, &question, e) < 0 ||
		messages_get(c, t->user_id, t->message_id, &t->arena, &answer, e) < 0 || !answer.content[0])
		return NULL;
	return instruction(t, question.content, answer.content);
}

static int generate(struct title *t, const char *model, const char *text, struct text_sink *sink,
	struct gen_result *result, struct err *e)
{
	struct gen_message ask = {.role = "user", .content = text};
	struct gen_request q = {.model = model,
		.messages = &ask,
		.n_messages = 1,
		.background = true,
		.thinking = THINKING_OFF,
		.max_tokens = NAME_TOKENS,
		.patience_ms = PATIENCE_MS};
	const struct caller who = {
		.user_id = t->user_id, .key_id = t->key_id, .conversation_id = t->conversation_id, .purpose = "title"};

	return call_generate(t->all->config.calls, &who, &q, &sink->sink, &t->cancel, result, NULL, e);
}

/* After it gave way: the cancel is as new. False when the program stops. */
static bool may_try_again(struct title *t)
{
	bool again;

	pthread_mutex_lock(&t->all->mx);
	again = !t->all->stopping && cancel_reason(&t->cancel) == E_BUSY;
	if (again) {
		cancel_done(&t->cancel);
		cancel_init(&t->cancel);
	}
	pthread_mutex_unlock(&t->all->mx);
	return again;
}

/* In the background: whoever would wait for the place ends it. */
static int generate_when_idle(struct title *t, const char *model, const char *text, struct text_sink *sink,
	struct gen_result *result, struct err *e)
{
	for (int i = 1;; i++) {
		err_clear(e);
		buf_reset(&sink->text);
		int r = provider_await_idle(t->all->providers, model, &t->cancel, IDLE_WAIT_MS, e);
		if (r >= 0)
			r = generate(t, model, text, sink, result, e);
		if (r >= 0 || r == E_BUSY || i == ATTEMPTS || !may_try_again(t))
			return r;
	}
}

void title_ask(struct title *t)
{
	struct text_sink sink;
	struct gen_result result;
	struct err e = {0};
	bool set = false;
	int r = 0;
	const char *text = load_question(t, &e), *model = t->model, *title = NULL;

	/* A key may call some models only: its turns name with the one they were answered by. */
	if (text && !t->key_id)
		r = providers_resolve_task(t->all->providers, TASK_TITLE, t->model, &t->arena, &model, &e);
	if (!text || r < 0)
		return;
	text_sink_init(&sink, NAME_BYTES);
	r = generate_when_idle(t, model, text, &sink, &result, &e);
	if (r >= 0)
		title = title_clean(buf_str(&sink.text), strcmp(result.finish_reason, "length") == 0, &t->arena);
	buf_done(&sink.text);
	if (title && conversations_set_title_if_plain(t->all->db, t->conversation_id, title, &set, &e) == 0 && set)
		bus_publish(t->all->config.bus,
			&(struct bus_event){BUS_CONVERSATION, "updated", t->user_id, t->conversation_id, t->turn_id});
}

/* ---- on a thread of its own ---- */

static void title_free(struct title *t)
{
	cancel_done(&t->cancel);
	arena_done(&t->arena);
	MAGIC_END(t, TITLE_MAGIC);
	free(t);
}

static void title_leave(struct title *t)
{
	struct turns *all = t->all;

	ASSERT_IS(t, TITLE_MAGIC);
	pthread_mutex_lock(&all->mx);
	ASSERT(*(t->prev ? &t->prev->next : &all->titles) == t);
	if (t->prev)
		t->prev->next = t->next;
	else
		all->titles = t->next;
	if (t->next)
		t->next->prev = t->prev;
	pthread_mutex_unlock(&all->mx);
	title_free(t);
}

/* False when the conversation is about to be named already: of several answers to its first question, by the first. */
static bool titles_add(struct turns *all, struct title *t)
{
	bool first = true;

	pthread_mutex_lock(&all->mx);
	for (const struct title *o = all->titles; o && first; o = o->next)
		first = o->conversation_id != t->conversation_id;
	if (first) {
		t->next = all->titles;
		if (t->next)
			t->next->prev = t;
		all->titles = t;
	}
	if (all->stopping)
		cancel_fire(&t->cancel, E_STOPPING);
	pthread_mutex_unlock(&all->mx);
	return first;
}

static void title_run(void *arg)
{
	struct title *t = arg;

	ASSERT_IS(t, TITLE_MAGIC);
	if (!cancel_reason(&t->cancel))
		title_ask(t);
	title_leave(t);
}

void title_begin(const struct turn *turn)
{
	struct turns *all = turn->all;
	struct title *t = xcalloc(1, sizeof *t);

	ASSERT_IS(turn, TURN_MAGIC);
	*t = (struct title){.magic = TITLE_MAGIC,
		.all = all,
		.user_id = turn->user_id,
		.key_id = turn->key_id,
		.conversation_id = turn->ids.conversation_id,
		.turn_id = turn->ids.turn_id,
		.user_message_id = turn->ids.user_message_id,
		.message_id = turn->ids.message_id};
	arena_init(&t->arena, TURN_ARENA_BYTES);
	cancel_init(&t->cancel);
	if (!titles_add(all, t)) {
		title_free(t);
		return;
	}
	t->model = arena_strdup(&t->arena, turn->model);
	if (!t->model || pool_submit(all->title_threads, &t->task, title_run, t) < 0)
		title_leave(t);
}

void titles_stop(struct turns *all)
{
	pthread_mutex_lock(&all->mx);
	for (struct title *t = all->titles; t; t = t->next)
		cancel_fire(&t->cancel, E_STOPPING);
	pthread_mutex_unlock(&all->mx);
	pool_stop(all->title_threads);
}
