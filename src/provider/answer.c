/*
 * answer.c - one answer being read: from the bytes of a provider to the events of a sink. The dialects understand the
 * lines; here stands what they share: the events, the end, and <think> ... </think> at the start of an answer.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "provider/provider_priv.h"

static const char open_tag[] = "<think>", close_tag[] = "</think>";
#define OPEN_N  (sizeof(open_tag) - 1)
#define CLOSE_N (sizeof(close_tag) - 1)

void answer_init(struct answer *s, const struct dialect *d, const char *label, struct gen_sink *sink, struct err *e)
{
	*s = (struct answer){
		.dialect = d,
		.label = label,
		.sink = sink,
		.e = e,
		.start_ms = clock_mono_ms(),
		.tokens_in = -1,
		.tokens_out = -1,
		.tokens_cached = -1,
		.tokens_reasoning = -1,
		.first_token_ms = -1,
		.input = {-1, -1, -1},
		.lines = LINES_INIT,
		.data = BUF_INIT(LINE_MAX_BYTES),
	};
}

void answer_done(struct answer *s)
{
	lines_done(&s->lines);
	buf_done(&s->data);
	answer_tools_done(s);
}

/* ---- events ---- */

int answer_emit(struct answer *s, enum event_type type, const char *json, size_t n)
{
	if (s->first_token_ms < 0)
		s->first_token_ms = clock_mono_ms() - s->start_ms;
	s->shown = true;
	return s->raw ? 0 : s->sink->event(s->sink, !s->off_loop, type, json, n);
}

static int emit_text(struct answer *s, enum event_type type, const char *p, size_t n);

/* A long text in pieces. */
static int emit_long_raw(struct answer *s, enum event_type type, const char *raw, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 3 + 16);
	json_add_unescaped(&b, raw, n);
	int r = buf_status(&b);
	return r < 0 ? r : emit_text(s, type, b.p, b.n);
}

/* The usual piece is a few bytes, so its event is made on the stack, by copying what the provider escaped already. */
static int emit_raw(struct answer *s, enum event_type type, const char *raw, size_t n)
{
	static const char head[] = "{\"text\":\"";
	char small[512];
	if (n <= sizeof(small) - sizeof(head) - 2) {
		memcpy(small, head, sizeof(head) - 1);
		memcpy(small + sizeof(head) - 1, raw, n);
		memcpy(small + sizeof(head) - 1 + n, "\"}", 3);
		return answer_emit(s, type, small, sizeof(head) - 1 + n + 2);
	}
	if (n > LONG_BYTES)
		return emit_long_raw(s, type, raw, n);
	CLEANUP(buf_done) struct buf b = BUF_INIT(n + 64);
	buf_add_str(&b, head);
	buf_add(&b, raw, n);
	buf_add_str(&b, "\"}");
	int r = buf_status(&b);
	return r < 0 ? r : answer_emit(s, type, b.p, b.n);
}

static int emit_piece(struct answer *s, enum event_type type, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 6 + 64);
	buf_add_str(&b, "{\"text\":");
	json_add_string(&b, p, n);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : answer_emit(s, type, b.p, b.n);
}

static int emit_text(struct answer *s, enum event_type type, const char *p, size_t n)
{
	int r = 0;
	while (n > 0 && r >= 0) {
		size_t k = MAX(utf8_prefix(p, n, LONG_BYTES), MIN(n, 1u)); /* never in the middle of a character */
		r = emit_piece(s, type, p, k);
		p += k;
		n -= k;
	}
	return r;
}

/* ---- <think> at the start ---- */

static size_t count_space(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t'))
		i++;
	return i;
}

static int think_in(struct answer *s, const char *p, size_t n);

static int think_start(struct answer *s, const char *p, size_t n)
{
	size_t space = count_space(p, n), rest = n - space;
	if (rest < OPEN_N && n <= sizeof(s->held) && memcmp(p + space, open_tag, rest) == 0) {
		memcpy(s->held, p, n);
		s->n_held = (unsigned)n;
		return 0;
	}
	if (rest < OPEN_N || memcmp(p + space, open_tag, OPEN_N) != 0) {
		s->think = THINK_OFF;
		return emit_text(s, EV_TEXT, p, n);
	}
	s->think = THINK_IN;
	s->skip_space = true;
	return think_in(s, p + space + OPEN_N, rest - OPEN_N);
}

/* The length of the longest end of p that may be the beginning of the closing tag. */
static size_t partial_close(const char *p, size_t n)
{
	for (size_t k = MIN(n, CLOSE_N - 1); k > 0; k--)
		if (memcmp(p + n - k, close_tag, k) == 0)
			return k;
	return 0;
}

static int after_space(struct answer *s, enum event_type type, const char *p, size_t n)
{
	size_t space = s->skip_space ? count_space(p, n) : 0;
	if (space < n)
		s->skip_space = false;
	return emit_text(s, type, p + space, n - space);
}

static int think_in(struct answer *s, const char *p, size_t n)
{
	const char *close = n > 0 ? memmem(p, n, close_tag, CLOSE_N) : NULL;
	if (!close) {
		size_t keep = partial_close(p, n);
		memcpy(s->held, p + n - keep, keep);
		s->n_held = (unsigned)keep;
		return after_space(s, EV_REASONING, p, n - keep);
	}
	size_t before = (size_t)(close - p), behind = before + CLOSE_N;
	int r = after_space(s, EV_REASONING, p, before);
	if (r < 0)
		return r;
	s->think = THINK_OFF;
	s->skip_space = true;
	return after_space(s, EV_TEXT, p + behind, n - behind);
}

int answer_content(struct answer *s, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if (s->think == THINK_OFF)
		return after_space(s, EV_TEXT, p, n);
	int (*step)(struct answer *, const char *, size_t) = s->think == THINK_START ? think_start : think_in;
	if (s->n_held == 0)
		return step(s, p, n);
	CLEANUP(buf_done) struct buf b = BUF_INIT(n + sizeof(s->held));
	buf_add(&b, s->held, s->n_held);
	buf_add(&b, p, n);
	s->n_held = 0;
	int r = buf_status(&b);
	return r < 0 ? r : step(s, b.p, b.n);
}

int answer_content_raw(struct answer *s, const char *raw, size_t n)
{
	if (n == 0)
		return 0;
	if (s->think == THINK_START && s->n_held == 0 && !strchr("< \t\\", raw[0]))
		s->think = THINK_OFF; /* no tag can begin like this */
	if (s->think == THINK_OFF && !s->skip_space)
		return emit_raw(s, EV_TEXT, raw, n);
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 3 + 16);
	json_add_unescaped(&b, raw, n);
	int r = buf_status(&b);
	return r < 0 ? r : answer_content(s, b.p, b.n);
}

int answer_reasoning(struct answer *s, const char *p, size_t n)
{
	return emit_text(s, EV_REASONING, p, n);
}

int answer_scanned(struct answer *s, const struct scanned *found)
{
	int r = 0;
	if (found->reasoning.n > 0)
		r = emit_raw(s, EV_REASONING, found->reasoning.p, found->reasoning.n);
	return r < 0 ? r : answer_content_raw(s, found->content.p, found->content.n);
}

static int think_finish(struct answer *s)
{
	unsigned n = s->n_held;
	s->n_held = 0;
	return emit_text(s, s->think == THINK_IN ? EV_REASONING : EV_TEXT, s->held, n);
}

int answer_json_text(struct answer *s, const json_t *v, int (*take)(struct answer *, const char *, size_t))
{
	return json_is_string(v) ? take(s, json_string_value(v), json_string_length(v)) : 0;
}

/* ---- the end ---- */

/* What the dialects call the ends of an answer, in the words of the OpenAI-compatible servers. */
static const char *our_reason(const char *theirs)
{
	static const char *const names[][2] = {{"end_turn", "stop"}, {"stop_sequence", "stop"}, {"pause_turn", "stop"},
		{"eos", "stop"}, {"eos_token", "stop"}, {"max_tokens", "length"}, {"max_output_tokens", "length"},
		{"model_length", "length"}, {"model_context_window_exceeded", "length"}, {"tool_use", "tool_calls"},
		{"function_call", "tool_calls"}, {"refusal", "content_filter"}, {"safety", "content_filter"}};
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (strcmp(theirs, names[i][0]) == 0)
			return names[i][1];
	return theirs;
}

void answer_set_reason(struct answer *s, const char *reason)
{
	if (!reason || !*reason)
		return;
	reason = our_reason(reason);
	size_t n = utf8_prefix(reason, strlen(reason), sizeof(s->finish_reason) - 1);
	memcpy(s->finish_reason, reason, n);
	s->finish_reason[n] = '\0';
	s->ended_ms = clock_mono_ms();
}

void answer_end(struct answer *s)
{
	s->ended = true;
	s->ended_ms = clock_mono_ms();
}

/* Words for a fault of the moment; `error` may be an object with a type and a code, or a text. */
static bool is_transient(const json_t *error)
{
	static const char *const types[] = {"overloaded_error", "rate_limit_error", "api_error", "timeout_error",
		"unavailable_error", "overloaded"};
	const char *type = json_get_str(error, "type");
	int64_t code = json_get_i64(error, "code", 0);
	if (code == 429 || code == 502 || code == 503 || code == 529)
		return true;
	for (size_t i = 0; type && i < N_ELEMENTS(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

int answer_error(struct answer *s, const json_t *root)
{
	char text[200];
	wire_error_text(root, text, sizeof(text));
	s->transient = is_transient(json_object_get(root, "error")) || is_transient(root);
	return err_set(s->e, E_PROVIDER, "%s reported: %s", s->label, *text ? text : "an error");
}

int answer_cut(struct answer *s)
{
	return err_set(s->e, E_PROVIDER_BROKEN, "%s ended the answer in the middle.", s->label);
}

/* ---- the bytes ---- */

static int explain(struct answer *s, int r)
{
	if (r == E_TOO_LARGE)
		return err_set(
			s->e, E_PROVIDER_BROKEN, "%s sent a line of more than %u MiB.", s->label, LINE_MAX_BYTES >> 20);
	return r;
}

int answer_pass(struct answer *s, const char *p, size_t n)
{
	s->got_byte = true;
	if (!s->raw || n == 0)
		return 0;
	s->shown = true;
	return s->raw->bytes(s->raw->arg, p, n);
}

int answer_read(struct answer *s, const char *p, size_t n)
{
	return s->ended ? 0 : explain(s, s->dialect->feed(s, p, n));
}

int answer_feed(struct answer *s, const char *p, size_t n)
{
	int r = answer_pass(s, p, n);
	return r < 0 ? r : answer_read(s, p, n);
}

bool answer_is_long(const struct answer *s, const char *p, size_t n)
{
	if (s->ended || s->lines.part.n + s->data.n + n <= LONG_BYTES)
		return false;
	return !p || (s->body != BODY_JSON && (memchr(p, '\n', n) || memchr(p, '\r', n)));
}

bool answer_is_settled(const struct answer *s)
{
	return s->ended && s->n_held == 0 && !s->calls;
}

int answer_finish(struct answer *s)
{
	int r = s->ended ? 0 : explain(s, s->dialect->finish(s));
	int held = think_finish(s);
	if (held >= 0 && r >= 0)
		held = answer_tools_finish(s);
	return r < 0 ? r : held;
}
