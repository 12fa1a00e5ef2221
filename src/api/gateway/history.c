/*
 * history.c - calls of tools in what a client sends back whose arguments are no JSON object: a model wrote them so, and the
 * client kept them. Who speaks like OpenAI takes them as the text that they are. Anthropic and Ollama take objects alone;
 * an invented one would be a lie, so the calls of that answer and their results become texts.
 */
#include "api/gateway/gateway_priv.h"

static bool is_role(const struct gen_message *m, const char *role)
{
	return strcmp(m->role, role) == 0;
}

static bool is_broken(const struct gen_message *m)
{
	for (size_t i = 0; i < m->n_calls; i++) {
		const char *text = m->calls[i].arguments;

		if (text && *text && !gw_is_object(str_from(text)))
			return true;
	}
	return false;
}

static int keep(struct gw_call *c, struct buf *b, const char **ret)
{
	*ret = buf_status(b) == 0 ? arena_strndup(&c->q->mem, buf_str(b).p, b->n) : NULL;
	return *ret ? 0 : request_no_memory(c->q);
}

static int calls_as_text(struct gw_call *c, const struct gen_message *from, struct gen_message *to)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

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
	return keep(c, &b, &to->content);
}

static int result_as_text(
	struct gw_call *c, const struct gen_message *call, const struct gen_message *from, struct gen_message *to)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
	const char *name = from->tool_name;

	for (size_t i = 0; i < call->n_calls && !name; i++) {
		if (from->tool_call_id && call->calls[i].id && strcmp(call->calls[i].id, from->tool_call_id) == 0)
			name = call->calls[i].name;
	}
	buf_printf(&b, "(%s of the tool%s%s: ", from->tool_failed ? "Failure" : "Result", name ? " " : "",
		name ? name : "");
	buf_add_str(&b, from->content ? from->content : "");
	buf_add_char(&b, ')');
	*to = (struct gen_message){.role = "user", .images = from->images, .n_images = from->n_images};
	return keep(c, &b, &to->content);
}

int gw_settle_calls(struct gw_call *c)
{
	const struct gen_request *q = &c->req;
	const struct gen_message *broken = NULL;
	struct gen_message *out;
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < q->n_messages && !any; i++)
		any = is_broken(&q->messages[i]);
	if (!any || strcmp(gw_target_kind(c), "openai") == 0)
		return 0;
	out = ARENA_ARRAY(&c->q->mem, struct gen_message, q->n_messages);
	if (!out)
		return request_no_memory(c->q);
	for (size_t i = 0; i < q->n_messages && r == 0; i++) {
		const struct gen_message *m = &q->messages[i];

		if (!is_role(m, "tool"))
			broken = is_broken(m) ? m : NULL;
		if (broken == m)
			r = calls_as_text(c, m, &out[i]);
		else if (broken)
			r = result_as_text(c, broken, m, &out[i]);
		else
			out[i] = *m;
	}
	c->req.messages = out;
	gw_ignore(c, "tool_calls.arguments");
	return r;
}
