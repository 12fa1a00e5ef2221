/*
 * history.c - calls of tools in the messages of a request, made fit for a provider that takes less than others do. Who
 * speaks like OpenAI takes arguments as the text that they are, also when a model wrote no JSON; Anthropic and Ollama take
 * objects alone, and an invented one would be a lie: the calls of that answer and their results become texts. Anthropic
 * also wants one result for each call, and no other, and no id a second time; and so do servers like OpenAI's that say so.
 */
#include <errno.h>

#include "provider/request.h"

struct settling {
	struct arena *a;
	struct gen_message *out;
	size_t n;
	const struct gen_message *broken; /* its calls became text; until the answer after it */
	struct open_call {
		const struct gen_tool_call *call; /* as it is sent; NULL: it has its result */
		const char *id;                   /* by which the client's result names it */
	} * open;                                 /* calls without a result so far */
	const char **ids;                         /* of all calls so far, as they came */
	size_t n_open, n_ids;
	bool said; /* the last message is the assistant's */
};

static bool is_broken(const struct gen_message *m)
{
	for (size_t i = 0; i < m->n_calls; i++) {
		const char *text = m->calls[i].arguments;
		if (text && *text && !request_is_object(text))
			return true;
	}
	return false;
}

bool provider_has_broken_calls(const struct gen_request *q)
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (is_broken(&q->messages[i]))
			return true;
	return false;
}

static int keep(struct settling *s, struct buf *b, const char **ret)
{
	*ret = buf_status(b) == 0 ? arena_strndup(s->a, buf_str(b).p, b->n) : NULL;
	return *ret ? 0 : -ENOMEM;
}

static int add_calls_as_text(struct settling *s, const struct gen_message *from)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_MAX_BYTES);
	struct gen_message *to = &s->out[s->n++];
	*to = *from;
	to->calls = NULL;
	to->n_calls = 0;
	if (from->content && *from->content)
		buf_printf(&b, "%s\n\n", from->content);
	for (size_t i = 0; i < from->n_calls; i++) {
		buf_printf(&b, "%s(Call of the tool %s with the arguments: ", i ? "\n" : "", from->calls[i].name);
		buf_add_str(&b, from->calls[i].arguments ? from->calls[i].arguments : "");
		buf_add_char(&b, ')');
	}
	return keep(s, &b, &to->content);
}

static int add_result_as_text(struct settling *s, const struct gen_message *from)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_MAX_BYTES);
	struct gen_message *to = &s->out[s->n++];
	const char *name = from->tool_name;
	for (size_t i = 0; s->broken && i < s->broken->n_calls && !name; i++) {
		const struct gen_tool_call *c = &s->broken->calls[i];
		if (from->tool_call_id && c->id && strcmp(c->id, from->tool_call_id) == 0)
			name = c->name;
	}
	buf_printf(&b, "(%s of the tool%s%s: ", from->tool_failed ? "Failure" : "Result", name ? " " : "",
		name ? name : "");
	size_t before = b.n;
	buf_add_str(&b, from->content ? from->content : "");
	buf_add_char(&b, ')');
	struct gen_image *images = ARENA_ARRAY(s->a, struct gen_image, from->n_images + 1);
	for (size_t i = 0; images && i < from->n_images; i++) {
		images[i] = from->images[i];
		images[i].at += before;
	}
	*to = (struct gen_message){.role = "user", .images = images, .n_images = from->n_images};
	return images ? keep(s, &b, &to->content) : -ENOMEM;
}

/* Notes that the call has its result; NULL: it is none of the answer before, or has one already. */
static const struct gen_tool_call *answers(struct settling *s, const char *id)
{
	for (size_t i = 0; i < s->n_open; i++)
		if (s->open[i].call && strcmp(s->open[i].id, id ? id : "") == 0)
			return TAKE_PTR(s->open[i].call);
	return NULL;
}

static bool is_taken(const struct settling *s, const char *id)
{
	for (size_t i = 0; i < s->n_ids; i++)
		if (strcmp(s->ids[i], id) == 0)
			return true;
	return *id == '\0';
}

/* Its calls wait for their results; one without an id, or with one that was there before, gets one of its own. */
static int open_calls(struct settling *s, struct gen_message *m)
{
	struct gen_tool_call *calls = ARENA_ARRAY(s->a, struct gen_tool_call, m->n_calls + 1);
	if (!calls)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_calls; i++) {
		const char *id = m->calls[i].id ? m->calls[i].id : "";
		calls[i] = m->calls[i];
		if (is_taken(s, id))
			calls[i].id = arena_printf(s->a, "%.32s_%zu", *id ? id : "call", s->n_ids + 1);
		if (!calls[i].id)
			return -ENOMEM;
		s->ids[s->n_ids++] = id;
		s->open[s->n_open++] = (struct open_call){&calls[i], id};
	}
	m->calls = calls;
	return 0;
}

static struct gen_message no_result(const struct gen_tool_call *call)
{
	return (struct gen_message){.role = "tool",
		.tool_call_id = call->id,
		.tool_name = call->name,
		.content = "(The call has no result.)",
		.tool_failed = true};
}

/* What the assistant says next, or the end, comes only behind all results. */
static void add_missing(struct settling *s)
{
	for (size_t i = 0; i < s->n_open; i++)
		if (s->open[i].call)
			s->out[s->n++] = no_result(s->open[i].call);
	s->n_open = 0;
}

static int settle_one(struct settling *s, const struct gen_message *m, bool pairs)
{
	bool assistant = gen_is_role(m, "assistant");
	if (gen_is_role(m, "system")) {
		s->out[s->n++] = *m;
		return 0;
	}
	if (assistant && !s->said)
		add_missing(s);
	s->said = assistant;
	if (!gen_is_role(m, "tool"))
		s->broken = is_broken(m) ? m : NULL;
	if (s->broken == m)
		return add_calls_as_text(s, m);
	const struct gen_tool_call *call =
		gen_is_role(m, "tool") && pairs && !s->broken ? answers(s, m->tool_call_id) : NULL;
	if (gen_is_role(m, "tool") && (s->broken || (pairs && !call)))
		return add_result_as_text(s, m);
	struct gen_message *to = &s->out[s->n++];
	*to = *m;
	if (call)
		to->tool_call_id = call->id;
	return pairs && m->n_calls > 0 ? open_calls(s, to) : 0;
}

int history_settle(const struct gen_request *q, bool pairs, struct arena *a, struct gen_request *ret)
{
	size_t n_calls = 0, n_results = 0;
	*ret = *q;
	for (size_t i = 0; i < q->n_messages; i++) {
		n_calls += q->messages[i].n_calls;
		n_results += gen_is_role(&q->messages[i], "tool");
	}
	if (n_calls == 0 && (n_results == 0 || !pairs))
		return 0;
	struct settling s = {.a = a,
		.out = ARENA_ARRAY(a, struct gen_message, q->n_messages + n_calls),
		.open = ARENA_ARRAY(a, struct open_call, n_calls + 1),
		.ids = ARENA_ARRAY(a, const char *, n_calls + 1)};
	int r = s.out && s.open && s.ids ? 0 : -ENOMEM;
	for (size_t i = 0; i < q->n_messages && r == 0; i++)
		r = settle_one(&s, &q->messages[i], pairs);
	if (r < 0)
		return r;
	add_missing(&s);
	ret->messages = s.out;
	ret->n_messages = s.n;
	return 0;
}

/* ---- calls with their results right behind them ---- */

/* A call, or a result. */
struct half {
	const char *id;
	size_t message, call; /* its message; which of all calls it is, from 1 on; 0: it is a result */
};

static int compare_halves(const void *a, const void *b)
{
	const struct half *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	if (order == 0)
		order = (x->message > y->message) - (x->message < y->message);
	return order ? order : (x->call > y->call) - (x->call < y->call);
}

static size_t list_halves(const struct gen_request *q, struct half *halves)
{
	size_t n = 0, call = 1;
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct gen_message *m = &q->messages[i];
		if (gen_is_role(m, "tool"))
			halves[n++] = (struct half){m->tool_call_id ? m->tool_call_id : "", i, 0};
		for (size_t k = 0; k < m->n_calls; k++)
			halves[n++] = (struct half){m->calls[k].id ? m->calls[k].id : "", i, call++};
	}
	return n;
}

/*
 * The message with the result of each call, or NULL; `used`: those messages. Many servers number their calls anew in each
 * answer: a result belongs to the last answer with a call of its id, and there to the first such call that has none.
 */
static void find_results(
	const struct gen_request *q, struct half *halves, size_t n, const struct gen_message **results, bool *used)
{
	size_t open = 0; /* the first call that may still get a result, in the order of ids and messages */
	qsort(halves, n, sizeof(*halves), compare_halves);
	for (size_t i = 0; i < n; i++) {
		const struct half *h = &halves[i], *first = &halves[open];
		bool same = strcmp(first->id, h->id) == 0;
		if (h->call == 0 && open < i && same && first->call > 0) {
			results[first->call - 1] = &q->messages[h->message];
			used[h->message] = true;
			open++;
		} else if (h->call > 0 && (!same || first->call == 0 || first->message != h->message)) {
			open = i;
		}
	}
}

int history_pair(const struct gen_request *q, struct arena *a, struct gen_request *ret)
{
	size_t n_calls = 0, call = 0;
	*ret = *q;
	for (size_t i = 0; i < q->n_messages; i++)
		n_calls += q->messages[i].n_calls;
	bool *used = ARENA_ARRAY(a, bool, q->n_messages + 1);
	struct half *halves = ARENA_ARRAY(a, struct half, q->n_messages + n_calls + 1);
	const struct gen_message **results = ARENA_ARRAY(a, const struct gen_message *, n_calls + 1);
	struct settling s = {.a = a, .out = ARENA_ARRAY(a, struct gen_message, q->n_messages + n_calls + 1)};
	int r = s.out && used && halves && results ? 0 : -ENOMEM;
	if (r == 0)
		find_results(q, halves, list_halves(q, halves), results, used);
	for (size_t i = 0; i < q->n_messages && r == 0; call += q->messages[i++].n_calls) {
		const struct gen_message *m = &q->messages[i];
		if (used[i])
			continue;
		if (gen_is_role(m, "tool"))
			r = add_result_as_text(&s, m);
		else
			s.out[s.n++] = *m;
		for (size_t k = 0; k < m->n_calls; k++)
			s.out[s.n++] = results[call + k] ? *results[call + k] : no_result(&m->calls[k]);
	}
	ret->messages = s.out;
	ret->n_messages = s.n;
	return r;
}
