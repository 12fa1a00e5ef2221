/*
 * answer.c - one answer being read: from the bytes of a provider to the events of a sink. The dialects understand the
 * lines; here stands what they share: the events, and the end.
 */
#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "provider/provider_priv.h"

#define EVENT_EMPTY         11 /* {"text":""} */
#define EVENT_FRAME         12 /* one more: a letter by itself is no token */
#define BYTES_OF_LONG_TOKEN 8
#define GATHERED_MAX        (1u << 20)
#define ERROR_BYTES         200 /* of what an error within a stream says */

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
		.shape = LINE_SHAPE_INIT,
		.data = BUF_INIT(LINE_MAX_BYTES),
		.gathered = BUF_INIT(LINE_MAX_BYTES),
	};
	think_init(&s->think, false, false);
}

void answer_done(struct answer *s)
{
	lines_done(&s->lines);
	buf_done(&s->shape.fixed);
	buf_done(&s->data);
	buf_done(&s->gathered);
	answer_tools_done(s);
	answer_thoughts_done(s);
	think_done(&s->think);
	repeat_done(&s->repeat);
}

int64_t answer_bytes(const struct answer *s)
{
	return MAX(s->bytes - s->pieces * EVENT_EMPTY, INT64_C(0));
}

/* A piece has a token or more, where servers do not send each letter by itself; and a token has few bytes. */
int64_t answer_tokens(const struct answer *s)
{
	int64_t bytes = s->bytes - s->pieces * EVENT_FRAME;
	return MAX(MIN(s->pieces, bytes / 2), bytes / BYTES_OF_LONG_TOKEN);
}

/* ---- events ---- */

static const char text_head[] = "{\"text\":\"";

/* An event of n bytes is told, or will be before this piece has been read. */
static void count_event(struct answer *s, size_t n)
{
	ASSERT(s->sink || s->raw);
	if (s->first_token_ms < 0)
		s->first_token_ms = clock_mono_ms() - s->start_ms;
	s->shown = true;
	s->pieces++;
	s->bytes += (int64_t)n;
}

static int tell_gathered(struct answer *s)
{
	int r = 0;
	if (!s->gathers || s->gathered.n == 0)
		return 0;
	buf_add(&s->gathered, "\"}", 2);
	if (!s->raw)
		r = s->sink->event(s->sink, !s->off_loop, EV_TEXT, s->gathered.p, s->gathered.n);
	buf_reset(&s->gathered);
	return r;
}

/* Text that nobody reads along: what came together is one event. */
static int gather(struct answer *s, const char *raw, size_t n)
{
	int r = s->gathered.n + n > GATHERED_MAX ? tell_gathered(s) : 0;
	if (r < 0)
		return r;
	count_event(s, n + EVENT_EMPTY);
	if (s->gathered.n == 0)
		buf_add(&s->gathered, text_head, sizeof(text_head) - 1);
	buf_add(&s->gathered, raw, n);
	return buf_status(&s->gathered);
}

/* Before an event of n bytes is told. 1: it is; 0: nobody reads events here. */
static int begin_event(struct answer *s, size_t n)
{
	int r = tell_gathered(s); /* it comes first */
	if (r < 0)
		return r;
	count_event(s, n);
	return !s->raw;
}

int answer_emit(struct answer *s, enum event_type type, const char *json, size_t n)
{
	int r = begin_event(s, n);
	return r > 0 ? s->sink->event(s->sink, !s->off_loop, type, json, n) : r;
}

/* A long text in pieces. */
static int emit_long_raw(struct answer *s, enum event_type type, const char *raw, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 3 + 16);
	json_add_unescaped(&b, raw, n);
	int r = buf_status(&b);
	return r < 0 ? r : answer_emit_text(s, type, b.p, b.n);
}

static int emit_piece(struct answer *s, enum event_type type, const char *p, size_t n)
{
	ASSERT(n > 0);
	repeat_add(&s->repeat, p, n);
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 6 + 64);
	buf_add_str(&b, "{\"text\":");
	json_add_string(&b, p, n);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	if (r == 0 && s->gathers && type == EV_TEXT)
		return gather(s, b.p + sizeof(text_head) - 1, b.n - EVENT_EMPTY);
	return r < 0 ? r : answer_emit(s, type, b.p, b.n);
}

int answer_emit_text(struct answer *s, enum event_type type, const char *p, size_t n)
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

/* ---- text and reasoning ---- */

int answer_content(struct answer *s, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf whole = BUF_INIT(n * 3 + 16);
	int r = wire_join_halves(&s->half_text, s->has_halves, &p, &n, &whole);
	return r < 0 || n == 0 ? r : think_feed(s, p, n);
}

static int content_unescaped(struct answer *s, const char *raw, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 3 + 16);
	json_add_unescaped(&b, raw, n);
	int r = buf_status(&b);
	return r < 0 ? r : answer_content(s, b.p, b.n);
}

/* The usual piece is a few bytes, so its event is made on the stack, by copying what the provider escaped already. */
int answer_raw(struct answer *s, enum event_type type, const char *raw, size_t n)
{
	const size_t head = sizeof(text_head) - 1;
	char small[512];
	if (n == 0)
		return 0;
	if (type == EV_TEXT && (s->half_text || !think_passes(&s->think, raw, n)))
		return content_unescaped(s, raw, n);
	if (n > LONG_BYTES)
		return emit_long_raw(s, type, raw, n);
	repeat_add(&s->repeat, raw, n);
	if (s->gathers && type == EV_TEXT)
		return gather(s, raw, n);
	if (n <= sizeof(small) - head - 3) {
		memcpy(small, text_head, head);
		memcpy(small + head, raw, n);
		memcpy(small + head + n, "\"}", 3);
		int told = begin_event(s, head + n + 2);
		return told > 0 ? s->sink->event(s->sink, !s->off_loop, type, small, head + n + 2) : told;
	}
	CLEANUP(buf_done) struct buf b = BUF_INIT(n + 64);
	buf_add_str(&b, text_head);
	buf_add(&b, raw, n);
	buf_add_str(&b, "\"}");
	int r = buf_status(&b);
	return r < 0 ? r : answer_emit(s, type, b.p, b.n);
}

int answer_reasoning(struct answer *s, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf whole = BUF_INIT(n * 3 + 16);
	int r = wire_join_halves(&s->half_reasoning, s->has_halves, &p, &n, &whole);
	if (r < 0 || n == 0)
		return r;
	think_came_apart(&s->think);
	return answer_emit_text(s, EV_REASONING, p, n);
}

/* The other half of a character never came. */
static int half_flush(struct answer *s, uint16_t *half, enum event_type type)
{
	static const char replacement[] = "\xef\xbf\xbd";
	if (!*half)
		return 0;
	*half = 0;
	return type == EV_TEXT ? think_feed(s, replacement, 3) : answer_emit_text(s, type, replacement, 3);
}

static void take_figures(struct answer *s, const struct scanned *found)
{
	if (found->tokens_in >= 0)
		s->tokens_in = found->tokens_in;
	if (found->tokens_out >= 0)
		s->tokens_out = found->tokens_out;
	if (found->tokens_cached >= 0)
		s->tokens_cached = found->tokens_cached;
	if (found->tokens_reasoning >= 0)
		s->tokens_reasoning = found->tokens_reasoning;
}

/* A line of another shape than the one before it. */
static bool scan_anew(struct answer *s, const char *p, size_t n, scan_fn scan, struct scanned *found)
{
	*found = SCANNED_INIT;
	if (!scan(p, n, found))
		return false;
	shape_learn(&s->shape, p, n, found);
	if (found->fingerprint.n > 0)
		answer_copy(s->fingerprint, sizeof(s->fingerprint), found->fingerprint.p, found->fingerprint.n);
	if (found->tier.n > 0)
		answer_copy(s->service_tier, sizeof(s->service_tier), found->tier.p, found->tier.n);
	return true;
}

int answer_usual(struct answer *s, const char *p, size_t n, scan_fn scan)
{
	struct scanned found = SCANNED_INIT;
	int r = 0;
	if (!shape_read(&s->shape, p, n, &found) && !scan_anew(s, p, n, scan, &found))
		return 0;
	take_figures(s, &found);
	/* Texts are still escaped; the reasoning comes first. */
	if (found.reasoning.n > 0) {
		think_came_apart(&s->think);
		r = half_flush(s, &s->half_reasoning, EV_REASONING);
		if (r >= 0)
			r = answer_raw(s, EV_REASONING, found.reasoning.p, found.reasoning.n);
	}
	if (r >= 0)
		r = answer_raw(s, EV_TEXT, found.content.p, found.content.n);
	if (r >= 0 && found.finish.n > 0) {
		char reason[64];
		snprintf(reason, sizeof(reason), "%.*s", (int)found.finish.n, found.finish.p);
		answer_set_reason(s, reason);
	}
	return r < 0 ? r : 1;
}

/* The halves of characters and of tags that nothing came behind. */
static int text_finish(struct answer *s, bool whole)
{
	int r = half_flush(s, &s->half_reasoning, EV_REASONING);
	if (r >= 0)
		r = half_flush(s, &s->half_text, EV_TEXT);
	return r < 0 ? r : think_finish(s, whole);
}

int answer_json_text(struct answer *s, const json_t *v, int (*take)(struct answer *, const char *, size_t))
{
	return json_is_string(v) ? take(s, json_string_value(v), json_string_length(v)) : 0;
}

static bool is_empty(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0) ||
	       (json_is_array(v) && json_array_size(v) == 0) || (json_is_object(v) && json_object_size(v) == 0);
}

/* Reasoning as a text, an object that has it under one of these names, or a list of such. */
static int take_thought(struct answer *s, const json_t *v, int depth)
{
	static const char *const names[] = {"text", "thinking", "reasoning", "reasoning_content", "content", "summary"};
	int r = 0;
	if (json_is_string(v))
		return answer_reasoning(s, json_string_value(v), json_string_length(v));
	if (depth == 0)
		return 0;
	for (size_t i = 0; i < json_array_size(v) && r >= 0; i++)
		r = take_thought(s, json_array_get(v, i), depth - 1);
	for (size_t i = 0; i < N_ELEMENTS(names) && json_is_object(v); i++)
		if (!is_empty(json_object_get(v, names[i])))
			return take_thought(s, json_object_get(v, names[i]), depth - 1);
	return r;
}

int answer_thought(struct answer *s, const json_t *message)
{
	/* Some servers send the same under several names: the first that has something is taken. */
	static const char *const names[] = {"reasoning_content", "reasoning", "reasoning_text", "thinking", "thought",
		"reasoning_details", "thinking_blocks"};
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const json_t *v = json_object_get(message, names[i]);
		if (!is_empty(v))
			return take_thought(s, v, 4);
	}
	return 0;
}

static bool is_thought(const json_t *part)
{
	static const char *const types[] = {"thinking", "reasoning", "reasoning_content", "thought", "reasoning_text",
		"reasoning.text", "reasoning.summary", "summary_text"};
	const char *type = json_get_str(part, "type");
	if (json_is_true(json_object_get(part, "thought")))
		return true;
	for (size_t i = 0; type && i < N_ELEMENTS(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static int take_part(struct answer *s, const json_t *part)
{
	if (json_is_string(part))
		return answer_json_text(s, part, answer_content);
	if (is_thought(part))
		return take_thought(s, part, 4);
	const json_t *text = json_object_get(part, "text");
	if (json_is_object(text))
		text = json_object_get(text, "value");
	if (!text)
		text = json_object_get(part, "refusal");
	return answer_json_text(s, text, answer_content);
}

int answer_parts(struct answer *s, const json_t *content)
{
	if (!json_is_array(content))
		return take_part(s, content);
	int r = 0;
	for (size_t i = 0; i < json_array_size(content) && r >= 0; i++)
		r = take_part(s, json_array_get(content, i));
	return r;
}

/* The items of a list, with commas between. */
static void add_items(const json_t *list, struct buf *to)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i > 0)
			buf_add_char(to, ',');
		json_add_value(to, json_array_get(list, i));
	}
}

int answer_logprobs(struct answer *s, const json_t *list)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES * 6);
	if (!s->logprobs || json_array_size(list) == 0)
		return 0;
	add_items(list, &b);
	int r = buf_status(&b);
	return r < 0 ? r : s->logprobs->items(s->logprobs->arg, !s->off_loop, b.p, b.n);
}

int answer_beside(struct answer *s, enum gen_beside_kind kind, const json_t *items)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES * 6);
	if (!s->beside || s->raw || (json_array_size(items) == 0 && !json_is_object(items)))
		return 0;
	if (json_is_object(items))
		json_add_value(&b, items);
	else
		add_items(items, &b);
	int r = buf_status(&b);
	if (r >= 0)
		r = tell_gathered(s); /* it comes first */
	s->shown = true;
	return r < 0 ? r : s->beside->items(s->beside->arg, !s->off_loop, kind, b.p, b.n);
}

void answer_copy(char *to, size_t size, const char *p, size_t n)
{
	ASSERT(size > 0);
	n = utf8_prefix(p, n, size - 1);
	memcpy(to, p, n);
	to[n] = '\0';
}

/* ---- the end ---- */

/* What the dialects call the ends of an answer, in the words of the OpenAI-compatible servers; those that mean that it
 * was broken off are all "error". */
static const char *our_reason(const char *theirs)
{
	static const char *const names[][2] = {{"stop", "stop"}, {"end_turn", "stop"}, {"stop_sequence", "stop"},
		{"pause_turn", "stop"}, {"eos", "stop"}, {"eos_token", "stop"}, {"complete", "stop"},
		{"completed", "stop"}, {"length", "length"}, {"tool_calls", "tool_calls"}, {"tool_use", "tool_calls"},
		{"tool_call", "tool_calls"}, {"function_call", "tool_calls"}, {"content_filter", "content_filter"},
		{"refusal", "content_filter"}, {"recitation", "content_filter"}, {"blocklist", "content_filter"},
		{"spii", "content_filter"}, {"sensitive", "content_filter"}, {"error", "error"}, {"abort", "error"},
		{"insufficient_system_resource", "error"}, {"oom", "error"}, {"killed", "error"}, {"other", "error"},
		{"network", "error"}, {"language", "content_filter"}};
	/* Words that nobody has met yet tell by their parts; the first that fits counts. */
	static const char *const parts[][2] = {{"filter", "content_filter"}, {"safety", "content_filter"},
		{"moderat", "content_filter"}, {"policy", "content_filter"}, {"refus", "content_filter"},
		{"toxic", "content_filter"}, {"prohibit", "content_filter"}, {"guardrail", "content_filter"},
		{"blocked", "content_filter"}, {"error", "error"}, {"fail", "error"}, {"abort", "error"},
		{"cancel", "error"}, {"timeout", "error"}, {"timed_out", "error"}, {"rate_limit", "error"},
		{"malformed", "error"}, {"unexpected", "error"}, {"exception", "error"}, {"disconnect", "error"},
		{"interrupt", "error"}, {"overload", "error"}, {"unavailable", "error"}, {"out_of_memory", "error"},
		{"preempt", "error"}, {"evict", "error"}, {"crash", "error"}, {"connection", "error"},
		{"unspecified", "error"}, {"too_many", "error"}, {"missing", "error"}, {"armor", "content_filter"},
		{"incomplete", "length"}, {"length", "length"}, {"limit", "length"}, {"exceed", "length"},
		{"max_", "length"}, {"truncat", "length"}};
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (strcasecmp(theirs, names[i][0]) == 0)
			return names[i][1];
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		if (strcasestr(theirs, parts[i][0]))
			return parts[i][1];
	return theirs;
}

static bool is_broken_off(const struct answer *s)
{
	return strcmp(s->finish_reason, "error") == 0;
}

/* An end that the model gave the answer, or a limit. */
static bool has_ended_well(const struct answer *s)
{
	return *s->finish_reason && !is_broken_off(s);
}

void answer_set_reason(struct answer *s, const char *reason)
{
	if (!reason || !*reason)
		return;
	const char *ours = our_reason(reason);
	if (s->refused && strcmp(ours, "stop") == 0)
		ours = "content_filter";
	if (strcmp(ours, "error") == 0)
		snprintf(s->broken_word, sizeof(s->broken_word), "%.*s",
			(int)utf8_prefix(reason, strlen(reason), sizeof(s->broken_word) - 1), reason);
	size_t n = utf8_prefix(ours, strlen(ours), sizeof(s->finish_reason) - 1);
	memcpy(s->finish_reason, ours, n);
	s->finish_reason[n] = '\0';
	s->ended_ms = clock_mono_ms();
}

void answer_end(struct answer *s)
{
	s->ended = true;
	s->ended_ms = clock_mono_ms();
}

/* The status that an error within a stream stands for, by its number, its code or its type; 0: it says none. `error` may
 * be an object or a text. */
static int status_of(const json_t *error)
{
	static const struct {
		const char *word;
		int status;
	} known[] = {{"overloaded_error", 529}, {"overloaded", 503}, {"unavailable_error", 503},
		{"service_unavailable", 503}, {"UNAVAILABLE", 503}, {"rate_limit_error", 429},
		{"rate_limit_exceeded", 429}, {"RESOURCE_EXHAUSTED", 429}, {"billing_error", 402}, {"api_error", 502},
		{"timeout_error", 504}, {"invalid_request_error", 400}, {"INVALID_ARGUMENT", 400},
		{"authentication_error", 401}, {"permission_error", 403}, {"not_found_error", 404},
		{"request_too_large", 413}, {"content_filter", 400}};
	const char *const words[] = {
		json_get_str(error, "code"), json_get_str(error, "type"), json_get_str(error, "status")};
	int64_t number = wire_count(error, "code", words[0] ? atoi(words[0]) : 0);
	if (number >= 400 && number < 600)
		return (int)number;
	for (size_t w = 0; w < N_ELEMENTS(words); w++)
		for (size_t i = 0; i < N_ELEMENTS(known) && words[w]; i++)
			if (strcmp(words[w], known[i].word) == 0)
				return known[i].status;
	return 0;
}

int answer_error(struct answer *s, const json_t *root)
{
	char text[1024];
	if (has_ended_well(s)) { /* what went wrong behind the end takes nothing back */
		answer_end(s);
		return 0;
	}
	wire_error_text(root, text, sizeof(text));
	wire_hide(text, s->key);
	text[utf8_prefix(text, strlen(text), ERROR_BYTES)] = '\0';
	int meant = refusal_in_stream(root, s->e);
	if (meant < 0)
		return err_set(s->e, meant, "%s reported: %s", s->label, text);
	int status = status_of(json_object_get(root, "error"));
	if (status == 0)
		status = status_of(root);
	s->transient = status == 429 || status >= 502;
	if (provider_status_code(status) == E_PROVIDER_REJECTED)
		provider_note_theirs(root, s->key, s->e);
	return err_set(s->e, provider_status_code(status), "%s reported: %s", s->label, *text ? text : "an error");
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

/* The same bytes without the key, which an error among them says back. */
static int pass_hidden(struct answer *s, const char *p, size_t n)
{
	char *text = xcalloc(1, n + 1);
	ASSERT(s->raw && s->key);
	memcpy(text, p, n);
	wire_hide(text, s->key);
	int r = s->raw->bytes(s->raw->arg, text, strlen(text));
	free(text);
	return r;
}

int answer_pass(struct answer *s, const char *p, size_t n)
{
	s->got_byte = true;
	if (!s->raw || n == 0)
		return 0;
	s->shown = true;
	if (s->key && *s->key && memmem(p, n, s->key, strlen(s->key)) && !memchr(p, '\0', n))
		return pass_hidden(s, p, n);
	return s->raw->bytes(s->raw->arg, p, n);
}

/* Whether it comes in lines. No line of an event stream begins as a server's does that answers with the whole in one piece. */
static bool is_in_lines(struct answer *s, const char **p, size_t *n)
{
	if (s->body == BODY_UNKNOWN && s->dialect->object) {
		while (*n > 0 && (**p == ' ' || **p == '\n' || **p == '\r' || **p == '\t'))
			++*p, --*n;
		if (*n == 0)
			return true;
		s->body = **p == '{' ? BODY_JSON : BODY_LINES;
	}
	return s->body != BODY_JSON;
}

int answer_read(struct answer *s, const char *p, size_t n)
{
	struct str line;
	int r = 0;
	if (s->ended)
		return 0;
	if (!is_in_lines(s, &p, &n)) {
		buf_add(&s->data, p, n);
		return explain(s, buf_status(&s->data));
	}
	struct piece in = lines_piece(&s->lines, p, n);
	while (r >= 0 && in.p < in.end && (r = lines_next(&s->lines, &in, &line)) > 0) {
		r = s->dialect->scan && !s->ended ? answer_usual(s, line.p, line.n, s->dialect->scan) : 0;
		if (r == 0)
			r = s->dialect->line(s, line.p, line.n);
	}
	r = explain(s, r);
	int told = tell_gathered(s);
	return r < 0 ? r : told;
}

int answer_feed(struct answer *s, const char *p, size_t n)
{
	int r = answer_pass(s, p, n);
	return r < 0 ? r : answer_read(s, p, n);
}

bool answer_is_long(const struct answer *s, const char *p, size_t n)
{
	if (s->ended || (s->lines.taken ? 0 : s->lines.part.n) + s->data.n + n <= LONG_BYTES)
		return false;
	return !p || (s->body != BODY_JSON && (memchr(p, '\n', n) || memchr(p, '\r', n)));
}

bool answer_is_settled(const struct answer *s)
{
	const struct think *t = &s->think;
	return s->ended && t->held.n == 0 && !t->guessed && !s->half_text && !s->half_reasoning && !s->calls &&
	       !s->thoughts && !is_broken_off(s);
}

/* A last line without its end, and what the dialect says to where it ends. */
static int read_end(struct answer *s)
{
	struct str line;
	int r = lines_last(&s->lines, &line) ? s->dialect->line(s, line.p, line.n) : 0;
	return r < 0 ? r : s->dialect->finish(s);
}

int answer_finish(struct answer *s)
{
	int r = s->ended ? 0 : explain(s, read_end(s));
	bool whole = r >= 0 && has_ended_well(s) && strcmp(s->finish_reason, "length") != 0;
	int held = text_finish(s, whole);
	if (r >= 0 && is_broken_off(s))
		r = err_set(s->e, E_PROVIDER_BROKEN, "%s broke the answer off (%s).", s->label, s->broken_word);
	if (held >= 0 && r >= 0)
		held = answer_tools_finish(s);
	if (held >= 0 && r >= 0 && whole)
		held = answer_thoughts_finish(s);
	int told = tell_gathered(s);
	if (held >= 0)
		held = told;
	return r < 0 ? r : held;
}
