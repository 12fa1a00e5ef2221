/* earlier.c - an earlier answer as a client keeps it: what is reasoning in its text, read as that of a new answer is. */
#include <string.h>

#include "provider/collect.h"
#include "provider/provider_priv.h"

struct parted {
	struct gen_sink sink;
	struct gen_answer said;
};

static int take(struct gen_sink *s, bool on_loop UNUSED, enum event_type type, const char *json, size_t n)
{
	struct parted *x = CONTAINER_OF(s, struct parted, sink);
	bool to_text;

	if (type == EV_MOVED)
		return collect_moved(&x->said, json, n, &to_text);
	return collect_text(&x->said, type == EV_REASONING, collect_text_of(json, n));
}

static int part(const char *text, struct parted *x)
{
	struct answer s;
	struct err quiet = {0};

	answer_init(&s, &openai_dialect, "", &x->sink, &quiet);
	s.off_loop = true;
	int r = answer_content(&s, text, strlen(text));
	if (r >= 0)
		r = think_finish(&s, true);
	answer_done(&s);
	return r;
}

bool provider_asks_for_tags(const struct gen_request *q)
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (q->messages[i].content && think_asked_for(q->messages[i].content))
			return true;
	return false;
}

bool provider_part_thoughts(struct gen_message *m, struct arena *a)
{
	struct parted x = {.sink = {.event = take}, .said = {.max = LINE_MAX_BYTES}};
	const char *text = NULL, *thought = m->reasoning;
	bool may = m->content && m->n_images == 0 && strpbrk(m->content, "<[\xe2");

	if (may && part(m->content, &x) >= 0 && x.said.reasoning.n > 0) {
		text = arena_strndup(a, buf_str(&x.said.text).p, x.said.text.n);
		if (!thought || !*thought)
			thought = arena_strndup(a, x.said.reasoning.p, x.said.reasoning.n);
	}
	gen_answer_done(&x.said);
	if (!text || !thought)
		return false;
	m->content = text;
	m->reasoning = thought;
	return true;
}
