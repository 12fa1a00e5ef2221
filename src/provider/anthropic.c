/* anthropic.c - the answers of the Messages API: events of blocks, whose JSON says of what type they are. */
#include <stdio.h>

#include "base/utf8.h"
#include "provider/provider_priv.h"

/* ---- the usual event ---- */

/* {"type":"text_delta","text":"..."} or the same of thinking, in any order, and nothing else. */
static bool scan_delta(struct json_scan *s, struct scanned *ret)
{
	bool first = true;
	unsigned seen = 0;
	struct str key, type = {NULL, 0};
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		unsigned bit;
		struct str *to = &type;
		if (str_eq(key, STR("text"))) {
			bit = 1;
			to = &ret->content;
		} else if (str_eq(key, STR("thinking"))) {
			bit = 2;
			to = &ret->reasoning;
		} else if (str_eq(key, STR("type"))) {
			bit = 4;
		} else {
			return false;
		}
		if ((seen & bit) || !json_scan_string(s, to))
			return false;
		seen |= bit;
	}
	if (r != 0)
		return false;
	return (seen == 5 && str_eq(type, STR("text_delta"))) || (seen == 6 && str_eq(type, STR("thinking_delta")));
}

static bool scan_event(const char *p, size_t n, struct scanned *ret)
{
	struct json_scan s = {p, p + n};
	bool first = true;
	unsigned seen = 0;
	struct str key, value;
	int r;
	if (!json_scan_char(&s, '{'))
		return false;
	while ((r = json_scan_member(&s, &first, &key)) > 0) {
		unsigned bit;
		bool ok;
		if (str_eq(key, STR("type"))) {
			bit = 1;
			ok = json_scan_string(&s, &value) && str_eq(value, STR("content_block_delta"));
		} else if (str_eq(key, STR("delta"))) {
			bit = 2;
			ok = scan_delta(&s, ret);
		} else if (str_eq(key, STR("index"))) {
			bit = 4;
			ok = json_scan_scalar(&s);
		} else {
			return false;
		}
		if (!ok || (seen & bit))
			return false;
		seen |= bit;
	}
	return r == 0 && (seen & 3) == 3 && json_scan_end(&s);
}

static int take_usual(struct answer *s, const char *p, size_t n)
{
	return s->thinks ? 0 : answer_usual(s, p, n, scan_event);
}

/* ---- any event ---- */

/* Each is the sum so far, and null where there is nothing new to say. What was cached is a part of what came in. */
static void take_usage(struct answer *s, const json_t *usage)
{
	static const char *const names[] = {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"};
	bool any = false;
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		s->input[i] = wire_count(usage, names[i], s->input[i]);
		any |= s->input[i] >= 0;
	}
	if (any)
		s->tokens_in = MIN(MAX(s->input[0], 0) + MAX(s->input[1], 0) + MAX(s->input[2], 0), COUNT_MAX);
	s->tokens_cached = s->input[2];
	s->tokens_out = wire_count(usage, "output_tokens", s->tokens_out);
	s->tokens_reasoning =
		wire_count(json_object_get(usage, "output_tokens_details"), "thinking_tokens", s->tokens_reasoning);
}

static void take_stop(struct answer *s, const json_t *from)
{
	const char *sequence = json_get_str(from, "stop_sequence");
	answer_set_reason(s, json_get_str(from, "stop_reason"));
	if (sequence)
		snprintf(s->stop_sequence, sizeof(s->stop_sequence), "%.*s",
			(int)utf8_prefix(sequence, strlen(sequence), sizeof(s->stop_sequence) - 1), sequence);
}

/* A page that the provider's own search found. */
static int take_citation(struct answer *s, const json_t *citation)
{
	const char *url = json_get_str(citation, "url"), *title = json_get_str(citation, "title"),
		   *said = json_get_str(citation, "cited_text");
	CLEANUP(json_decrefp) json_t *note = NULL;
	if (!url)
		return 0;
	note = json_pack("{s:s,s:{s:s,s:s,s:s*}}", "type", "url_citation", "url_citation", "url", url, "title",
		title ? title : url, "content", said && *said ? said : NULL);
	return answer_beside(s, BESIDE_ANNOTATIONS, note);
}

/* A piece of thinking, in the form of OpenRouter's reasoning_details, as which it is kept (thoughts.c). */
static void keep_thinking(struct answer *s, int64_t index, const char *type, const char *member, const json_t *value)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	if (!json_is_string(value) || !s->provider || s->raw)
		return;
	list = json_pack("[{s:s,s:s,s:I,s:O}]", "type", type, "format", THOUGHTS_ANTHROPIC, "index", (json_int_t)index,
		member, value);
	answer_thoughts(s, list);
}

static int take_thinking(struct answer *s, int64_t index, const json_t *from)
{
	const json_t *text = json_object_get(from, "thinking"), *signature = json_object_get(from, "signature");
	keep_thinking(s, index, "reasoning.text", "text", text);
	if (json_string_length(signature) > 0)
		keep_thinking(s, index, "reasoning.text", "signature", signature);
	return answer_json_text(s, text, answer_reasoning);
}

/* The beginning of a block, or a whole one. Blocks of other types are not for us: what the provider's own tools did. */
static int take_block(struct answer *s, int64_t index, const json_t *block)
{
	const char *type = json_get_str(block, "type");
	if (!type)
		return 0;
	s->thinks = strcmp(type, "thinking") == 0 && s->provider && !s->raw;
	if (strcmp(type, "text") == 0) {
		const json_t *citations = json_object_get(block, "citations");
		int r = answer_json_text(s, json_object_get(block, "text"), answer_content);
		for (size_t i = 0; i < json_array_size(citations) && r >= 0; i++)
			r = take_citation(s, json_array_get(citations, i));
		return r;
	}
	if (strcmp(type, "thinking") == 0)
		return take_thinking(s, index, block);
	if (strcmp(type, "redacted_thinking") == 0)
		keep_thinking(s, index, "reasoning.encrypted", "data", json_object_get(block, "data"));
	if (strcmp(type, "tool_use") != 0)
		return 0;
	const json_t *input = json_object_get(block, "input");
	return answer_tool(s,
		(struct tool_piece){.at = index, .id = json_get_str(block, "id"), .name = json_get_str(block, "name")},
		json_object_size(input) > 0 ? input : NULL);
}

static int take_delta(struct answer *s, int64_t index, const json_t *delta)
{
	const char *type = json_get_str(delta, "type");
	if (!type)
		return 0;
	if (strcmp(type, "text_delta") == 0)
		return answer_json_text(s, json_object_get(delta, "text"), answer_content);
	if (strcmp(type, "thinking_delta") == 0 || strcmp(type, "signature_delta") == 0)
		return take_thinking(s, index, delta);
	if (strcmp(type, "citations_delta") == 0)
		return take_citation(s, json_object_get(delta, "citation"));
	if (strcmp(type, "input_json_delta") == 0)
		return answer_tool(s, (struct tool_piece){.at = index}, json_object_get(delta, "partial_json"));
	return 0;
}

/* A server that does not stream sends the whole message. */
static int take_message(struct answer *s, const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	int r = 0;
	take_usage(s, json_object_get(message, "usage"));
	for (size_t i = 0; i < json_array_size(content) && r >= 0; i++)
		r = take_block(s, (int64_t)i, json_array_get(content, i));
	take_stop(s, message);
	return r;
}

static int take_object(struct answer *s, const json_t *root)
{
	const char *type = json_get_str(root, "type");
	const json_t *error = json_object_get(root, "error");
	int64_t index = json_get_i64(root, "index", 0);
	if (s->error_event || (type && strcmp(type, "error") == 0) || (error && !json_is_null(error)) ||
		!json_is_object(root))
		return answer_error(s, root);
	if (!type)
		return 0;
	if (strcmp(type, "content_block_delta") == 0)
		return take_delta(s, index, json_object_get(root, "delta"));
	if (strcmp(type, "content_block_start") == 0)
		return take_block(s, index, json_object_get(root, "content_block"));
	if (strcmp(type, "message_start") == 0)
		return take_message(s, json_object_get(root, "message"));
	if (strcmp(type, "message") == 0) {
		int r = take_message(s, root);
		if (r >= 0)
			answer_end(s);
		return r;
	}
	if (strcmp(type, "message_delta") == 0) {
		take_usage(s, json_object_get(root, "usage"));
		take_stop(s, json_object_get(root, "delta"));
	} else if (strcmp(type, "message_stop") == 0) {
		if (!*s->finish_reason)
			answer_set_reason(s, "stop");
		answer_end(s);
	}
	return 0; /* pings, and what is new */
}

/* A stream without message_stop is not whole, also when it said why it would stop. */
static int anthropic_finish(struct answer *s)
{
	int r = sse_finish(s);
	return r < 0 || s->ended ? r : answer_cut(s);
}

const struct dialect anthropic_dialect = {
	.kind = "anthropic",
	.api = API_ANTHROPIC | API_ADDRESSES | API_ONE_TOOL | API_RESULT_FILES,
	.request = anthropic_request,
	.learn = anthropic_learn,
	.lost = anthropic_lost,
	.line = sse_line,
	.finish = anthropic_finish,
	.usual = take_usual,
	.object = take_object,
	.count = anthropic_count,
	.list = anthropic_list,
};
