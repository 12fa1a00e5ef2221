/* ollama.c - the answers of Ollama's own protocol: JSON lines. */
#include "provider/provider_priv.h"

/* ---- the usual line ---- */

static bool scan_message(struct json_scan *s, struct scanned *ret)
{
	bool first = true;
	unsigned seen = 0;
	struct str key, ignored;
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		unsigned bit;
		struct str *to = &ignored;
		if (str_eq(key, STR("content"))) {
			bit = 1;
			to = &ret->content;
		} else if (str_eq(key, STR("role"))) {
			bit = 2;
		} else if (str_eq(key, STR("thinking"))) {
			bit = 4;
			to = &ret->reasoning;
		} else {
			return false;
		}
		if ((seen & bit) || !json_scan_string(s, to))
			return false;
		seen |= bit;
	}
	return r == 0 && (seen & 5);
}

/* True for a line that has model, created_at, message{role, content, thinking} or response, and "done":false, in any order, and
 * nothing else. */
static bool scan_line(const char *p, size_t n, struct scanned *ret)
{
	struct json_scan s = {p, p + n};
	bool first = true;
	unsigned seen = 0;
	struct str key, ignored;
	int r;
	if (!json_scan_char(&s, '{'))
		return false;
	while ((r = json_scan_member(&s, &first, &key)) > 0) {
		unsigned bit;
		bool ok;
		if (str_eq(key, STR("model"))) {
			bit = 1;
			ok = json_scan_string(&s, &ignored);
		} else if (str_eq(key, STR("created_at"))) {
			bit = 2;
			ok = json_scan_string(&s, &ret->stamp);
		} else if (str_eq(key, STR("message"))) {
			bit = 4;
			ok = scan_message(&s, ret);
		} else if (str_eq(key, STR("response"))) { /* of a plain completion */
			bit = 4;
			ok = json_scan_string(&s, &ret->content);
		} else if (str_eq(key, STR("done"))) {
			bit = 8;
			ok = json_scan_word(&s, "false");
		} else {
			return false;
		}
		if (!ok || (seen & bit))
			return false;
		seen |= bit;
	}
	return r == 0 && (seen & 12) == 12 && json_scan_end(&s);
}

/* ---- any line ---- */

/* Whole calls, in any line, mostly with the arguments as an object. */
static int take_calls(struct answer *s, const json_t *calls)
{
	int r = 0;
	for (size_t i = 0; i < json_array_size(calls) && r >= 0; i++) {
		const json_t *call = json_array_get(calls, i), *function = json_object_get(call, "function");
		const json_t *arguments = json_object_get(function, "arguments");
		size_t n = s->calls_taken++;
		r = answer_tool(s,
			(struct tool_piece){.at = (int64_t)n,
				.id = json_get_str(call, "id"),
				.name = json_get_str(function, "name")},
			arguments);
	}
	return r;
}

static int take_object(struct answer *s, const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	if (error && !json_is_null(error) && !(json_is_string(error) && json_string_length(error) == 0))
		return answer_error(s, root);
	const json_t *message = json_object_get(root, "message");
	int r = answer_thought(s, message ? message : root);
	if (r >= 0)
		r = answer_parts(s, json_object_get(message, "content"));
	if (r >= 0)
		r = answer_json_text(s, json_object_get(root, "response"), answer_content);
	if (r >= 0)
		r = take_calls(s, json_object_get(message, "tool_calls"));
	if (r >= 0)
		r = answer_logprobs(s, json_object_get(root, "logprobs"));
	/* Some runners say the reason alone; what may follow it is not waited for then, but read. */
	answer_set_reason(s, json_get_str(root, "done_reason"));
	if (r < 0 || !(json_is_true(json_object_get(root, "done")) || *s->finish_reason))
		return r;
	if (!*s->finish_reason)
		answer_set_reason(s, "stop");
	s->tokens_in = wire_count(root, "prompt_eval_count", -1);
	s->tokens_out = wire_count(root, "eval_count", -1);
	s->load_ns = wire_time_ns(root, "load_duration", 1);
	s->prompt_ns = wire_time_ns(root, "prompt_eval_duration", 1);
	s->eval_ns = wire_time_ns(root, "eval_duration", 1);
	if (json_is_true(json_object_get(root, "done")))
		answer_end(s);
	return 0;
}

static int ollama_line(struct answer *s, const char *p, size_t n)
{
	size_t space = 0;
	if (s->ended)
		return 0;
	while (space < n && (p[space] == ' ' || p[space] == '\t'))
		space++;
	if (space == n)
		return 0;
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (wire_parse_piece(p, n, &root, &s->has_halves) < 0 || !json_is_object(root))
		return err_set(s->e, E_PROVIDER_BROKEN, "%s sent a line that is not a JSON object.", s->label);
	int r = take_object(s, root);
	s->has_halves = false;
	return r;
}

static int ollama_finish(struct answer *s)
{
	return s->ended || *s->finish_reason ? 0 : answer_cut(s);
}

const struct dialect ollama_dialect = {
	.kind = "ollama",
	.api = API_OLLAMA | API_MANAGES | API_LOGPROBS | API_SAMPLING | API_OWN_ADDRESS,
	.request = ollama_request,
	.learn = ollama_learn,
	.lost = ollama_lost,
	.line = ollama_line,
	.scan = scan_line,
	.finish = ollama_finish,
	.embed = ollama_embed,
	.list = ollama_list,
};
