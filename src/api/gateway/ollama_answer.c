/*
 * ollama_answer.c - answers as Ollama gives them: a line of JSON for each piece, and a last one with the figures. Calls
 * of tools are whole, one on a line. No healthy line has a member named "error": its mere presence is one to clients.
 */
#include "api/gateway/ollama.h"
#include "base/clock.h"

void ollama_add_time(int64_t unix_ms, struct buf *out)
{
	char text[25];

	clock_format(unix_ms, text);
	buf_add_char(out, '"');
	buf_add(out, text, 24);
	buf_add_char(out, '"');
}

int ollama_prepare(struct gw_call *c, struct ollama_call *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	ASSERT(!c->shape && c->model);
	buf_add_str(&b, "{\"model\":");
	json_add_cstr(&b, c->model);
	buf_add_str(&b, ",\"created_at\":");
	if (buf_status(&b) < 0)
		return err_set(&c->q->err, E_INVALID, "The name of the model is too long.");
	s->head = (struct str){arena_strndup(&c->q->mem, b.p, b.n), b.n};
	s->hide_thinking = c->req.thinking == THINKING_OFF;
	c->shape = s;
	return s->head.p ? 0 : request_no_memory(c->q);
}

/* ---- pieces ---- */

static void add_head(const struct gw_call *c, struct buf *out)
{
	const struct ollama_call *s = c->shape;

	buf_add(out, s->head.p, s->head.n);
	ollama_add_time(clock_now_ms(), out);
	buf_add_str(out, s->generate ? ",\"response\":\"" : ",\"message\":{\"role\":\"assistant\",\"content\":\"");
}

static void text(struct gw_call *c, struct str escaped, struct buf *out)
{
	const struct ollama_call *s = c->shape;

	add_head(c, out);
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, s->generate ? "\",\"done\":false}\n" : "\"},\"done\":false}\n");
}

static void reasoning(struct gw_call *c, struct str escaped, struct buf *out)
{
	const struct ollama_call *s = c->shape;

	if (s->hide_thinking)
		return;
	add_head(c, out);
	buf_add_str(out, "\",\"thinking\":\"");
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, s->generate ? "\",\"done\":false}\n" : "\"},\"done\":false}\n");
}

static void logprobs(struct gw_call *c, struct str items, struct buf *out)
{
	const struct ollama_call *s = c->shape;

	add_head(c, out);
	buf_add_str(out, s->generate ? "\",\"logprobs\":[" : "\"},\"logprobs\":[");
	buf_add(out, items.p, items.n);
	buf_add_str(out, "],\"done\":false}\n");
}

static void add_call(const struct gw_call *c, const struct made_call *call, size_t i, struct buf *out)
{
	buf_add_str(out, "{\"id\":");
	json_add_cstr(out, call->id);
	buf_printf(out, ",\"function\":{\"index\":%zu,\"name\":", i);
	json_add_cstr(out, call->name);
	buf_add_str(out, ",\"arguments\":");
	gw_add_line(buf_str(&call->arguments), out);
	buf_add_char(out, '}');
	gw_add_call_extras(c, call, out);
	buf_add_char(out, '}');
}

/* ---- the end ---- */

/* Clients divide by it; what we measure in ms may be less than one. */
static int64_t answered_ns(const struct gen_result *g, int64_t first_ms, int64_t took_ms)
{
	if (g->eval_ns > 0)
		return g->eval_ns;
	return took_ms > first_ms ? (took_ms - first_ms) * 1000000 : 500000;
}

/* The provider's own times, where it tells any; the whole is what the client waited for. */
static void add_done(const struct gw_call *c, struct buf *out)
{
	const struct gen_result *g = &c->result;
	int64_t first = MAX(g->first_token_ms, 0), took = MAX(g->duration_ms, first);
	int64_t prompt = g->prompt_ns > 0 ? g->prompt_ns : first * 1000000, eval = answered_ns(g, first, took);
	int64_t whole = MAX((took + g->queued_ms) * 1000000, g->load_ns + prompt + eval);
	bool called = strcmp(c->finish, "tool_calls") == 0;

	buf_printf(out,
		",\"done\":true,\"done_reason\":\"%s\",\"total_duration\":%lld,\"load_duration\":%lld,"
		"\"prompt_eval_count\":%lld,\"prompt_eval_duration\":%lld,\"eval_count\":%lld,\"eval_duration\":%lld",
		called ? "stop" : c->finish, (long long)whole, (long long)g->load_ns, (long long)MAX(g->tokens_in, 0),
		(long long)prompt, (long long)MAX(g->tokens_out, 0), (long long)eval);
	gw_add_remarks(c, out);
	buf_add_char(out, '}');
}

static void end(struct gw_call *c, struct buf *out)
{
	const struct ollama_call *s = c->shape;

	for (size_t i = 0, n = 0; i < c->answer.n_calls && !s->generate; i++) {
		if (c->answer.calls[i].state != MADE_WHOLE)
			continue;
		add_head(c, out);
		buf_add_str(out, "\",\"tool_calls\":[");
		add_call(c, &c->answer.calls[i], n++, out);
		buf_add_str(out, "]},\"done\":false}\n");
	}
	add_head(c, out);
	buf_add_str(out, s->generate ? "\"" : "\"}");
	add_done(c, out);
	buf_add_char(out, '\n');
}

void ollama_stream_error(struct gw_call *c, const struct err *e, struct buf *out)
{
	ollama_error(e, c->q->id, out);
	buf_add_char(out, '\n');
}

static int whole(struct gw_call *c, struct buf *out)
{
	const struct ollama_call *s = c->shape;
	const struct gen_answer *a = &c->answer;

	buf_add(out, s->head.p, s->head.n);
	ollama_add_time(clock_now_ms(), out);
	buf_add_str(out, s->generate ? ",\"response\":" : ",\"message\":{\"role\":\"assistant\",\"content\":");
	json_add_string(out, buf_str(&a->text).p, a->text.n);
	if (a->reasoning.n > 0 && !s->hide_thinking) {
		buf_add_str(out, ",\"thinking\":");
		json_add_string(out, a->reasoning.p, a->reasoning.n);
	}
	size_t n = 0;
	for (size_t i = 0; i < a->n_calls && !s->generate; i++) {
		if (a->calls[i].state != MADE_WHOLE)
			continue;
		buf_add_str(out, n ? "," : ",\"tool_calls\":[");
		add_call(c, &a->calls[i], n++, out);
	}
	if (n > 0)
		buf_add_char(out, ']');
	if (!s->generate)
		buf_add_char(out, '}');
	if (a->logprobs.n > 0) {
		buf_add_str(out, ",\"logprobs\":[");
		buf_add(out, a->logprobs.p, a->logprobs.n);
		buf_add_char(out, ']');
	}
	add_done(c, out);
	return 0;
}

void ollama_add_loaded(struct gw_call *c, const char *reason, struct buf *out)
{
	const struct ollama_call *s = c->shape;

	add_head(c, out);
	buf_printf(out, "%s,\"done\":true,\"done_reason\":\"%s\"}", s->generate ? "\"" : "\"}", reason);
}

/* No heartbeat: until the first piece a failure is a status, as with Ollama, which sends nothing while a model loads. */
const struct gw_format ollama_format = {
	.content_type = "application/x-ndjson",
	.text = text,
	.reasoning = reasoning,
	.logprobs = logprobs,
	.calls_are_objects = true,
	.end = end,
	.error = ollama_stream_error,
	.whole = whole,
};
