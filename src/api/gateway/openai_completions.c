/* openai_completions.c - POST /v1/completions: plain text goes on, or a gap before a suffix is filled. */
#include "api/gateway/describe.h"
#include "api/gateway/openai.h"
#include "api/request.h"

struct completion {
	bool wants_usage;
	struct str *heads; /* of every chunk, up to the text: one for each answer */
};

/* A text, or a list of one. */
static const char *prompt_of(const struct gw_call *c)
{
	const json_t *p = json_object_get(c->body, "prompt");

	if (json_is_array(p) && json_array_size(p) == 1)
		p = json_array_get(p, 0);
	return json_string_value(p);
}

/* The probabilities of this shape are told in a form that no other provider's answer has. */
static int read_rest(struct gw_call *c)
{
	static const char *const known[] = {"model", "prompt", "suffix", "echo", "n", "best_of", "stop", "max_tokens",
		"temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "repeat_penalty",
		"seed", "stream", "stream_options", "logprobs", NULL};

	if (json_is_number(json_object_get(c->body, "logprobs")))
		gw_ignore(c, "logprobs");
	CLEANUP(json_decrefp) json_t *rest = json_copy(c->body);

	openai_read_user(c);
	if (!gw_target_can(c, API_OPENAI)) { /* no loss: what there is the like of is mapped */
		json_object_del(rest, "user");
		json_object_del(rest, "safety_identifier");
	}
	c->req.extras_api = API_OPENAI;
	return gw_read_extras(c, rest, NULL, API_OPENAI, known, &c->req.extras);
}

static int completion_read(struct gw_call *c)
{
	const json_t *b = c->body;
	int r;

	c->req.prompt = prompt_of(c);
	c->req.suffix = json_get_str(b, "suffix");
	if (!c->req.prompt)
		return err_set(&c->q->err, E_INVALID,
			"\"prompt\" must be one text (or a list with one); numbers of tokens are not understood here.");
	if (json_is_true(json_object_get(b, "echo")))
		return err_set(&c->q->err, E_INVALID, "\"echo\" is not offered here.");
	if ((r = openai_read_choices(c)) < 0 || (r = openai_only_one(c, "best_of")) < 0 ||
		(r = gw_read_sampling(c, b, &c->req.sampling)) < 0 ||
		(r = gw_read_stop(c, json_object_get(b, "stop"), &c->req.stop)) < 0 ||
		(r = openai_read_count(c, "max_tokens", &c->req.max_tokens)) < 0)
		return r;
	return read_rest(c);
}

static void add_start(const struct gw_call *c, struct buf *out)
{
	buf_printf(out, "{\"id\":\"cmpl-%s\",\"object\":\"text_completion\",\"created\":%lld,\"model\":", c->id,
		(long long)(c->created_ms / 1000));
	json_add_cstr(out, c->model);
	buf_add_str(out, ",\"choices\":[");
}

static void add_head(const struct gw_call *c, struct buf *out)
{
	const struct completion *s = c->shape;
	const struct str *head = &s->heads[c->choice];

	buf_add(out, head->p, head->n);
}

static void completion_text(struct gw_call *c, struct str escaped, struct buf *out)
{
	add_head(c, out);
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, "\",\"logprobs\":null,\"finish_reason\":null}]}\n\n");
}

static void completion_end(struct gw_call *c, struct buf *out)
{
	const struct completion *s = c->shape;

	add_head(c, out);
	buf_printf(out, "\",\"logprobs\":null,\"finish_reason\":\"%s\"}]", c->finish);
	gw_add_remarks(c, out);
	buf_add_str(out, "}\n\n");
	if (s->wants_usage) {
		buf_add_str(out, "data: ");
		add_start(c, out);
		buf_add_str(out, "],\"usage\":");
		openai_add_usage(&c->result, out);
		buf_add_str(out, "}\n\n");
	}
	buf_add_str(out, "data: [DONE]\n\n");
}

static void add_choice(const struct gw_call *c, struct buf *out)
{
	struct str text = buf_str(&c->answer.text);

	buf_printf(out, "{\"index\":%lld,\"text\":", (long long)c->choice);
	json_add_string(out, text.p, text.n);
	buf_printf(out, ",\"logprobs\":null,\"finish_reason\":\"%s\"}", c->finish);
}

/* One of several has ended. */
static void completion_choice(struct gw_call *c, struct buf *out)
{
	if (!c->stream) {
		add_choice(c, out);
		buf_add_char(out, ',');
		return;
	}
	add_head(c, out);
	buf_printf(out, "\",\"logprobs\":null,\"finish_reason\":\"%s\"}]}\n\n", c->finish);
}

static int completion_whole(struct gw_call *c, struct buf *out)
{
	ASSERT(c->choice + 1 == MAX(c->n_choices, INT64_C(1))); /* the last one */
	add_start(c, out);
	buf_add(out, buf_str(&c->choices).p, c->choices.n);
	add_choice(c, out);
	buf_add_str(out, "],\"usage\":");
	openai_add_usage(&c->result, out);
	gw_add_remarks(c, out);
	buf_add_char(out, '}');
	return 0;
}

static const struct gw_format completion_format = {
	.content_type = "text/event-stream; charset=utf-8",
	.text = completion_text,
	.choice = completion_choice,
	.heartbeat = gw_heartbeat_comment,
	.end = completion_end,
	.error = openai_stream_error,
	.whole = completion_whole,
};

static int completion_prepare(struct gw_call *c)
{
	struct completion *s = ARENA_NEW(&c->q->mem, struct completion);

	ASSERT(!c->shape && c->n_choices >= 0);
	if (!s || !(s->heads = ARENA_ARRAY(&c->q->mem, struct str, MAX(c->n_choices, INT64_C(1)))))
		return request_no_memory(c->q);
	for (int64_t i = 0; i < MAX(c->n_choices, INT64_C(1)); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

		buf_add_str(&b, "data: ");
		add_start(c, &b);
		buf_printf(&b, "{\"index\":%lld,\"text\":\"", (long long)i);
		s->heads[i] = (struct str){arena_strndup(&c->q->mem, buf_str(&b).p, b.n), b.n};
		if (buf_status(&b) < 0 || !s->heads[i].p)
			return request_no_memory(c->q);
	}
	s->wants_usage = openai_wants_usage(c);
	c->shape = s;
	return 0;
}

static int completions_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int r;

	if ((r = gw_open(q, &completion_format, &c)) < 0 || (r = completion_read(c)) < 0 ||
		(r = completion_prepare(c)) < 0)
		return r;
	return gw_generate(c);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/v1/completions", "openaiCompletions", completions_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, EVENTS, .body_schema = GW_COMPLETION_BODY, .summary = "Have a model go on with a text, or fill a gap in one."},
};
/* clang-format on */
const struct route_set openai_completions_routes = ROUTES(routes);
