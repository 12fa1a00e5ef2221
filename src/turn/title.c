/* title.c - names for conversations: at once the beginning of the question, later a few words by the model. */
#include <ctype.h>
#include <errno.h>

#include "base/utf8.h"
#include "store/conversations.h"
#include "turn/turn_priv.h"

#define EXCERPT_BYTES 2000 /* of question and answer, for the model to name */

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

struct title_sink {
	struct gen_sink sink;
	struct buf text;
};

static int collect(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct title_sink *t = CONTAINER_OF(s, struct title_sink, sink);
	CLEANUP(json_decrefp) json_t *data = NULL;

	(void)on_loop;
	if (type == EV_MOVED) /* to the reasoning, or from it: a thought is no name */
		buf_reset(&t->text);
	if (type == EV_TEXT && json_parse(json, n, &data, NULL) == 0)
		buf_add_str(&t->text, json_get_str(data, "text") ? json_get_str(data, "text") : "");
	return buf_status(&t->text); /* a model that will not stop ends here */
}

/* The first line that says something, without quotes, marks and the full stop. NULL when there is none. */
static const char *clean(struct str text, struct arena *a)
{
	static const char edges[] = " \t\r\n\"'*#`.:_";
	const char *p = text.p, *end = text.p + text.n;

	while (p < end && strchr(edges, *p))
		p++;
	const char *stop = memchr(p, '\n', (size_t)(end - p));
	if (stop)
		end = stop;
	while (end > p && strchr(edges, end[-1]))
		end--;
	size_t n = utf8_prefix(p, (size_t)(end - p), TITLE_MAX);
	return n >= 2 ? arena_strndup(a, p, n) : NULL;
}

static const char *instruction(struct title *t, const char *answer)
{
	return arena_printf(&t->arena,
		"Name this conversation in at most six words, in its own language. Reply with the name alone.\n\n"
		"Question: %.*s\n\nAnswer: %.*s",
		(int)strlen(t->question), t->question, (int)utf8_prefix(answer, strlen(answer), EXCERPT_BYTES), answer);
}

void title_ask(struct title *t)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	struct title_sink sink = {.sink.event = collect, .text = BUF_INIT(4096)};
	struct gen_result result;
	struct err e = {0};
	struct message m;
	bool set = false;
	int r;

	r = messages_get(c, t->user_id, t->message_id, &t->arena, &m, &e);
	db_releasep(&c);
	const char *text = r < 0 ? NULL : instruction(t, m.content), *model = t->model;
	/* A key may call some models only: its turns name with the one they were answered by. */
	if (text && !t->key_id)
		r = providers_resolve_task(t->all->providers, TASK_TITLE, t->model, &t->arena, &model, &e);
	if (!text || r < 0)
		return;
	struct gen_message ask = {.role = "user", .content = text};
	struct gen_request q = {.model = model, .messages = &ask, .n_messages = 1, .max_tokens = 400};
	const struct caller who = {
		.user_id = t->user_id, .key_id = t->key_id, .conversation_id = t->conversation_id, .purpose = "title"};
	r = call_generate(t->all->config.calls, &who, &q, &sink.sink, &t->cancel, &result, NULL, &e);
	const char *title = r < 0 ? NULL : clean(buf_str(&sink.text), &t->arena);
	buf_done(&sink.text);
	if (title && conversations_set_title_if_plain(t->all->db, t->conversation_id, title, &set, &e) == 0 && set)
		turns_tell(t->all,
			&(struct turn_news){t->user_id, t->conversation_id, t->turn_id, "conversation", "updated"});
}

/* ---- on a thread of its own ---- */

static void title_leave(struct title *t)
{
	struct turns *all = t->all;

	pthread_mutex_lock(&all->mx);
	if (t->prev)
		t->prev->next = t->next;
	else
		all->titles = t->next;
	if (t->next)
		t->next->prev = t->prev;
	pthread_mutex_unlock(&all->mx);
	cancel_done(&t->cancel);
	arena_done(&t->arena);
	free(t);
}

static void title_run(void *arg)
{
	struct title *t = arg;

	if (!cancel_reason(&t->cancel))
		title_ask(t);
	title_leave(t);
}

static bool copy_words(struct title *t, const char *question, const char *model)
{
	t->question = arena_strndup(&t->arena, question, utf8_prefix(question, strlen(question), EXCERPT_BYTES));
	t->model = arena_strdup(&t->arena, model);
	return t->question && t->model;
}

void title_begin(const struct turn *turn)
{
	struct turns *all = turn->all;
	struct title *t = xcalloc(1, sizeof *t);

	*t = (struct title){.all = all,
		.user_id = turn->user_id,
		.key_id = turn->key_id,
		.conversation_id = turn->ids.conversation_id,
		.turn_id = turn->ids.turn_id,
		.message_id = turn->ids.message_id};
	arena_init(&t->arena, TURN_ARENA_BYTES);
	cancel_init(&t->cancel);
	pthread_mutex_lock(&all->mx);
	t->next = all->titles;
	if (t->next)
		t->next->prev = t;
	all->titles = t;
	if (all->stopping)
		cancel_fire(&t->cancel, E_STOPPING);
	pthread_mutex_unlock(&all->mx);
	if (!copy_words(t, turn->question, turn->model) || pool_submit(all->title_threads, &t->task, title_run, t) < 0)
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
