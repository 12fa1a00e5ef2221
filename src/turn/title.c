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

static const char *instruction(struct turn *t, const char *answer)
{
	return arena_printf(&t->arena,
		"Name this conversation in at most six words, in its own language. Reply with the name alone.\n\n"
		"Question: %.*s\n\nAnswer: %.*s",
		(int)utf8_prefix(t->question, strlen(t->question), EXCERPT_BYTES), t->question,
		(int)utf8_prefix(answer, strlen(answer), EXCERPT_BYTES), answer);
}

void title_ask(struct turn *t)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	struct title_sink sink = {.sink.event = collect, .text = BUF_INIT(4096)};
	struct gen_result result;
	struct err e = {0};
	struct message m;
	bool set = false;
	int r;

	r = messages_get(c, t->user_id, t->ids.message_id, &t->arena, &m, &e);
	db_releasep(&c);
	const char *text = r < 0 ? NULL : instruction(t, m.content), *model = t->model;
	/* A key may call some models only: its turns name with the one they were answered by. */
	if (text && !t->key_id)
		r = providers_resolve_task(t->all->providers, TASK_TITLE, t->model, &t->arena, &model, &e);
	if (!text || r < 0)
		return;
	struct gen_message ask = {.role = "user", .content = text};
	struct gen_request q = {.model = model, .messages = &ask, .n_messages = 1, .max_tokens = 400};
	const struct caller who = {.user_id = t->user_id,
		.key_id = t->key_id,
		.conversation_id = t->ids.conversation_id,
		.purpose = "title"};
	r = call_generate(t->all->config.calls, &who, &q, &sink.sink, &t->cancel, &result, NULL, &e);
	const char *title = r < 0 ? NULL : clean(buf_str(&sink.text), &t->arena);
	buf_done(&sink.text);
	if (title && conversations_set_title_if_plain(t->all->db, t->ids.conversation_id, title, &set, &e) == 0 && set)
		turn_tell(t, "conversation", "updated");
}
