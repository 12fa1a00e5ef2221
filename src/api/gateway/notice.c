/* notice.c - what the model did instead of what was asked: told beside its answer, which stays as it is. */
#include "api/gateway/gateway_priv.h"

static const char *not_chosen(const struct gw_call *c)
{
	const struct gen_request *q = &c->req;

	if (q->tool_choice == TOOLS_REQUIRED && c->answer.n_calls == 0)
		return "The model called no tool, although tool_choice asked for one.";
	if (q->tool_choice != TOOLS_NAMED || !q->tool_name)
		return NULL;
	for (size_t i = 0; i < c->answer.n_calls; i++) {
		if (strcmp(c->answer.calls[i].name, q->tool_name) == 0)
			return NULL;
	}
	return arena_printf(
		&c->q->mem, "The model did not call the tool %.64s, which tool_choice asked for.", q->tool_name);
}

static bool is_plain(const char *s)
{
	while (*s >= ' ' && *s <= '~')
		s++;
	return *s == '\0';
}

bool gw_ends_oddly(const struct gw_call *c)
{
	static const char *const known[] = {"", "stop", "tool_calls", "length", "content_filter", NULL};

	return !gw_word_in(known, c->result.finish_reason);
}

/* What is to be known of the answer itself, whatever was asked. */
static const char *of_answer(const struct gw_call *c, const struct gw_said *said)
{
	if (c->result.thought_as_text)
		return "The text begins with the model's reasoning, which ends at the closing tag: it was sent before "
		       "that tag came.";
	if ((said->pictures || said->sound) && !c->format->has_media)
		return arena_printf(&c->q->mem,
			"The answer came with %s, which this API has no form for. /v1/chat/completions tells it.",
			said->pictures ? "a picture" : "sound");
	for (size_t i = 0; i < c->answer.n_calls; i++) {
		if (c->answer.calls[i].state == MADE_WRONG)
			return arena_printf(&c->q->mem,
				"The arguments of the call of the tool %.64s are no JSON object: the model, or its "
				"server, did not end them.",
				c->answer.calls[i].name);
	}
	if (gw_ends_oddly(c))
		return arena_printf(&c->q->mem,
			"The provider ended the answer by the word \"%s\", which is not known here: it may not be "
			"whole.",
			c->result.finish_reason);
	return NULL;
}

void gw_notice(struct gw_call *c, const struct gw_said *said)
{
	const char *name = NULL;

	if (c->req.raw && said->n_bytes == 0) /* the client has the bytes, and nothing of them was read here */
		return;
	if (c->answer.n_calls == 0 && c->req.tool_choice != TOOLS_NONE)
		name = provider_written_call(&c->req, buf_str(&said->text));
	if (name)
		c->notice = arena_printf(
			&c->q->mem, "The model wrote a call of the tool %.64s as text instead of calling it.", name);
	else
		c->notice = not_chosen(c);
	if (!c->notice && c->answer.n_calls == 0 && !said->answered && !said->pictures && !said->sound)
		c->notice = said->thought ? "The model thought, but gave no answer." : "The model gave no answer.";
	if (!c->notice)
		c->notice = of_answer(c, said);
	/* Of a stream the head is gone: there the last object tells it. The name of a tool may be no text for a header. */
	if (c->notice && !c->stream && is_plain(c->notice))
		http_set_header(c->q->x, "x-atelier-notice", c->notice);
}
