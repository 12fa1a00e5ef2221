/* reduce.c - the reducer: a log of events becomes the message it tells of, and its counterpart, the closing events.
 * The web page has the same reducer in web/src/core/turn/reduce.ts. */
#include <stdio.h>

#include "base/utf8.h"
#include "turn/turn_priv.h"

#define MAX_MESSAGE (256u << 20)

/* {"text":"..."} is nearly all of a log: read it directly, without building a tree. */
static bool add_plain_text(struct str json, struct buf *to)
{
	static const char head[] = "{\"text\":\"";
	size_t k = sizeof head - 1;

	if (json.n < k + 2 || memcmp(json.p, head, k) != 0)
		return false;
	ptrdiff_t n = json_plain_string(json.p + k, json.n - k);
	if (n < 0 || k + (size_t)n + 2 != json.n || json.p[json.n - 1] != '}')
		return false;
	json_add_unescaped(to, json.p + k, (size_t)n);
	return true;
}

static void copy_member(const json_t *obj, const char *key, char *ret, size_t n)
{
	const char *s = json_get_str(obj, key);

	if (s)
		snprintf(ret, n, "%.*s", (int)utf8_prefix(s, strlen(s), n - 1), s);
}

static void reduce_text(struct buf *to, const json_t *data)
{
	const char *s = json_get_str(data, "text");

	if (s)
		buf_add_str(to, s);
}

static void reduce_moved(struct reduced *r, const json_t *data)
{
	const char *to = json_get_str(data, "to");
	bool to_text = to && strcmp(to, "text") == 0;
	struct buf *from = to_text ? &r->reasoning : &r->text;

	buf_add(to_text ? &r->text : &r->reasoning, buf_str(from).p, from->n);
	buf_reset(from);
}

static void reduce_citation(struct reduced *r, struct str json)
{
	buf_add_char(&r->citations, r->citations.n ? ',' : '[');
	buf_add(&r->citations, json.p, json.n);
}

/* Whatever was said, sums of it stay numbers. */
static int64_t figure(const json_t *data, const char *key)
{
	return MIN(MAX(json_get_i64(data, key, 0), INT64_C(0)), GEN_FIGURE_MAX);
}

static void reduce_usage(struct reduced *r, const json_t *data)
{
	r->tokens_in = figure(data, "tokens_in");
	r->tokens_out = figure(data, "tokens_out");
	r->first_token_ms = figure(data, "first_token_ms");
	r->duration_ms = figure(data, "duration_ms");
	r->tokens_exact = json_is_true(json_object_get(data, "exact"));
}

static int reduce_frame(struct reduced *r, const struct event_frame *f, struct err *e)
{
	CLEANUP(json_decrefp) json_t *data = NULL;
	int n;

	r->last_seq = f->seq;
	if (f->type == EV_TEXT && add_plain_text(f->json, &r->text))
		return 0;
	if (f->type == EV_REASONING && add_plain_text(f->json, &r->reasoning))
		return 0;
	if ((n = json_parse(f->json.p, f->json.n, &data, e)) < 0)
		return n;
	switch (f->type) {
	case EV_TEXT:
		reduce_text(&r->text, data);
		break;
	case EV_REASONING:
		reduce_text(&r->reasoning, data);
		break;
	case EV_MOVED:
		reduce_moved(r, data);
		break;
	case EV_CITATION:
		reduce_citation(r, f->json);
		break;
	case EV_USAGE:
		reduce_usage(r, data);
		break;
	case EV_ERROR:
		copy_member(data, "code", r->error_code, sizeof r->error_code);
		copy_member(data, "message", r->error_text, sizeof r->error_text);
		break;
	case EV_DONE:
		copy_member(data, "state", r->state, sizeof r->state);
		copy_member(data, "finish_reason", r->finish_reason, sizeof r->finish_reason);
		break;
	default:
		break; /* what a newer version may add is no part of a message */
	}
	return 0;
}

static int reduce_frames(struct reduced *ret, const struct frames *frames, struct err *e)
{
	struct event_frame f;
	int r;

	for (const struct chunk *c = frames ? frames->first : NULL; c; c = c->next) {
		size_t pos = 0;
		while ((r = event_next_frame((struct str){c->p, c->n}, &pos, &f)) == 1)
			if ((r = reduce_frame(ret, &f, e)) < 0)
				return r;
		if (r < 0 || pos != c->n)
			return err_set(e, E_INVALID, "the log of a turn is damaged behind its event %llu",
				(unsigned long long)ret->last_seq);
	}
	return 0;
}

int reduce_log(const struct frames *log, const struct frames *closing, struct reduced *ret, struct err *e)
{
	int r;

	*ret = (struct reduced){
		.text = BUF_INIT(MAX_MESSAGE), .reasoning = BUF_INIT(MAX_MESSAGE), .citations = BUF_INIT(MAX_MESSAGE)};
	if ((r = reduce_frames(ret, log, e)) < 0 || (r = reduce_frames(ret, closing, e)) < 0)
		return r;
	if (ret->citations.n > 0)
		buf_add_char(&ret->citations, ']');
	if ((r = buf_status(&ret->text)) < 0 || (r = buf_status(&ret->reasoning)) < 0 ||
		(r = buf_status(&ret->citations)) < 0)
		return err_set(e, r, "the log of a turn does not fit into memory");
	return 0;
}

void reduced_done(struct reduced *r)
{
	buf_done(&r->text);
	buf_done(&r->reasoning);
	buf_done(&r->citations);
}

/* ---- closing events ---- */

static void add_usage(const struct closing *c, struct buf *json)
{
	const struct gen_result *g = c->result;
	bool exact = g->tokens_in >= 0 && g->tokens_out >= 0;

	buf_printf(json, "{\"tokens_in\":%lld,\"tokens_out\":%lld,\"exact\":%s",
		(long long)(g->tokens_in >= 0 ? g->tokens_in : c->est_in),
		(long long)(g->tokens_out >= 0 ? g->tokens_out : c->est_out), exact ? "true" : "false");
	if (g->first_token_ms >= 0)
		buf_printf(json, ",\"first_token_ms\":%lld", (long long)g->first_token_ms);
	buf_printf(json, ",\"duration_ms\":%lld", (long long)g->duration_ms);
	if (g->tokens_cached > 0)
		buf_printf(json, ",\"tokens_cached\":%lld", (long long)g->tokens_cached);
	if (g->tokens_reasoning > 0)
		buf_printf(json, ",\"tokens_reasoning\":%lld", (long long)g->tokens_reasoning);
	if (c->cost_micros > 0)
		buf_printf(json, ",\"cost_micros\":%lld", (long long)c->cost_micros);
	if (c->asked && g->model[0] && strcmp(g->model, c->asked) != 0) {
		buf_add_str(json, ",\"model\":");
		json_add_cstr(json, g->model);
	}
	buf_add_char(json, '}');
}

static void add_error(const struct closing *c, struct buf *json)
{
	const struct err_info *info = err_info(c->error);

	buf_add_str(json, "{\"code\":");
	json_add_cstr(json, info->wire_code);
	buf_add_str(json, ",\"message\":");
	json_add_cstr(json, c->error_text ? c->error_text : info->text);
	buf_printf(json, ",\"retryable\":%s}", info->retryable ? "true" : "false");
}

int closing_frames(const struct closing *c, struct frames *f)
{
	CLEANUP(buf_done) struct buf usage = BUF_INIT(16384);
	CLEANUP(buf_done) struct buf error = BUF_INIT(16384);
	CLEANUP(buf_done) struct buf done = BUF_INIT(16384);
	char id[ID_LEN + 1];
	int r;

	if (c->result && c->result->first_token_ms >= 0)
		add_usage(c, &usage);
	if (c->error < 0)
		add_error(c, &error);
	id_format(c->message_id, id);
	buf_printf(&done, "{\"state\":\"%s\",\"message_id\":\"%s\"", c->state, id);
	if (c->result && c->result->finish_reason[0]) {
		buf_add_str(&done, ",\"finish_reason\":");
		json_add_cstr(&done, c->result->finish_reason);
	}
	buf_add_char(&done, '}');
	if ((r = buf_status(&usage)) < 0 || (r = buf_status(&error)) < 0 || (r = buf_status(&done)) < 0)
		return r;
	if ((usage.n && (r = frames_add(f, EV_USAGE, usage.p, usage.n)) < 0) ||
		(error.n && (r = frames_add(f, EV_ERROR, error.p, error.n)) < 0))
		return r;
	return frames_add(f, EV_DONE, done.p, done.n);
}
