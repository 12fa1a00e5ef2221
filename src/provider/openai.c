/* openai.c - the answers that OpenAI, llama.cpp, vLLM, LM Studio and many others give: server-sent events. */
#include <stdio.h>

#include "base/utf8.h"
#include "provider/provider_priv.h"

/* ---- the usual chunk ---- */

/* A string or null; not twice. */
static bool scan_text(struct json_scan *s, bool *seen, struct str *ret)
{
	if (*seen)
		return false;
	*seen = true;
	return json_scan_word(s, "null") || json_scan_string(s, ret);
}

/* delta: content or reasoning are strings or null; other members say nothing (role, or null). Reasoning under both of its
 * names is for the full parser. */
static bool scan_delta(struct json_scan *s, struct scanned *ret)
{
	bool first = true, content = false, reasoning = false, role = false;
	struct str key;
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		if (str_eq(key, STR("content"))) {
			if (!scan_text(s, &content, &ret->content))
				return false;
		} else if (str_eq(key, STR("reasoning_content")) || str_eq(key, STR("reasoning"))) {
			if (!scan_text(s, &reasoning, &ret->reasoning))
				return false;
		} else if (str_eq(key, STR("role"))) {
			if (role || !json_scan_scalar(s))
				return false;
			role = true;
		} else if (!json_scan_word(s, "null")) {
			return false;
		}
	}
	return r == 0;
}

/* A choice that brings content or reasoning, or ends. */
static bool scan_choice(struct json_scan *s, struct scanned *ret)
{
	bool first = true, delta = false, finish = false;
	struct str key;
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		if (str_eq(key, STR("delta"))) {
			if (delta || !scan_delta(s, ret))
				return false;
			delta = true;
		} else if (str_eq(key, STR("index"))) {
			if (!json_scan_word(s, "0")) /* "01" or "0.5" fail at the comma that must follow */
				return false;
		} else if (str_eq(key, STR("finish_reason"))) {
			if (!scan_text(s, &finish, &ret->finish) || ret->finish.n >= 24)
				return false;
		} else if (!json_scan_word(s, "null")) {
			return false;
		}
	}
	return r == 0 && delta && (ret->content.p || ret->reasoning.p || ret->finish.n > 0);
}

/* Figures of which one has a meaning here, and others are mostly 0: what few say is for the full parser. */
static bool scan_details(struct json_scan *s, struct str name, int64_t *ret)
{
	bool first = true;
	struct str key;
	int r;
	if (json_scan_word(s, "null"))
		return true;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0)
		if (!(str_eq(key, name) ? json_scan_count(s, ret)
					: json_scan_word(s, "0") || json_scan_word(s, "null")))
			return false;
	return r == 0;
}

static bool scan_usage(struct json_scan *s, struct scanned *ret)
{
	bool first = true, ok = true;
	struct str key;
	int r = 0;
	if (json_scan_word(s, "null"))
		return true;
	if (!json_scan_char(s, '{'))
		return false;
	while (ok && (r = json_scan_member(s, &first, &key)) > 0) {
		if (str_eq(key, STR("prompt_tokens")))
			ok = json_scan_count(s, &ret->tokens_in);
		else if (str_eq(key, STR("completion_tokens")))
			ok = json_scan_count(s, &ret->tokens_out);
		else if (str_eq(key, STR("prompt_tokens_details")))
			ok = scan_details(s, STR("cached_tokens"), &ret->tokens_cached);
		else if (str_eq(key, STR("completion_tokens_details")))
			ok = scan_details(s, STR("reasoning_tokens"), &ret->tokens_reasoning);
		else /* DeepSeek's and Moonshot's places for cached tokens are for the full parser */
			ok = !str_eq(key, STR("prompt_cache_hit_tokens")) && !str_eq(key, STR("cached_tokens")) &&
			     json_scan_scalar(s);
	}
	return ok && r == 0;
}

/* Members of a chunk whose scalar values mean nothing to us. */
static bool is_neutral(struct str key)
{
	static const struct str keys[] = {
		STR("id"), STR("object"), STR("created"), STR("model"), STR("obfuscation"), STR("provider")};
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (str_eq(key, keys[i]))
			return true;
	return false;
}

/* A short string, or null. */
static bool scan_label(struct json_scan *s, struct str *ret)
{
	return json_scan_word(s, "null") || (json_scan_string(s, ret) && !memchr(ret->p, '\\', ret->n));
}

static bool scan_choices(struct json_scan *s, struct scanned *ret)
{
	if (!json_scan_char(s, '['))
		return false;
	return json_scan_char(s, ']') || (scan_choice(s, ret) && json_scan_char(s, ']'));
}

/* True for a chunk with one choice that brings content, reasoning or its end, with or without figures, or with figures
 * alone, and nothing else. Members repeated are left to the full parser. */
static bool scan_chunk(const char *p, size_t n, struct scanned *ret)
{
	struct json_scan s = {p, p + n};
	bool first = true, choices = false, usage = false;
	struct str key;
	int r;
	if (!json_scan_char(&s, '{'))
		return false;
	while ((r = json_scan_member(&s, &first, &key)) > 0) {
		if (str_eq(key, STR("choices"))) {
			if (choices || !scan_choices(&s, ret))
				return false;
			choices = true;
		} else if (str_eq(key, STR("usage"))) {
			if (usage || !scan_usage(&s, ret))
				return false;
			usage = true;
		} else if (is_neutral(key)) {
			if (!json_scan_scalar(&s))
				return false;
		} else if (str_eq(key, STR("system_fingerprint"))) {
			if (!scan_label(&s, &ret->fingerprint))
				return false;
		} else if (str_eq(key, STR("service_tier"))) {
			if (!scan_label(&s, &ret->tier))
				return false;
		} else if (!json_scan_word(&s, "null")) {
			return false;
		}
	}
	return r == 0 && choices && json_scan_end(&s);
}

/* ---- any chunk ---- */

/* What a call has beside the members that all have, such as Gemini's `extra_content`; NULL: nothing. */
static json_t *extras_of(const json_t *call)
{
	static const char *const usual[] = {"index", "id", "type", "function"};
	json_t *ret = json_copy((json_t *)(uintptr_t)call), *v;
	const char *key;
	void *next;

	for (size_t i = 0; i < N_ELEMENTS(usual); i++)
		json_object_del(ret, usual[i]);
	json_object_foreach_safe(ret, next, key, v)
	{
		if (json_is_null(v))
			json_object_del(ret, key);
	}
	if (json_object_size(ret) > 0)
		return ret;
	json_decref(ret);
	return NULL;
}

/* A call in one piece or in many; some send the object itself in place of its text. */
static int take_call(struct answer *s, const json_t *call)
{
	const json_t *function = json_object_get(call, "function");
	CLEANUP(json_decrefp) json_t *extras = extras_of(call);
	return answer_tool(s,
		(struct tool_piece){.at = json_get_i64(call, "index", -1),
			.id = json_get_str(call, "id"),
			.name = json_get_str(function, "name"),
			.extras = extras},
		json_object_get(function, "arguments"));
}

static int take_calls(struct answer *s, const json_t *delta)
{
	const json_t *calls = json_object_get(delta, "tool_calls"), *old = json_object_get(delta, "function_call");
	int r = 0;
	for (size_t i = 0; i < json_array_size(calls) && r >= 0; i++)
		r = take_call(s, json_array_get(calls, i));
	if (r >= 0 && json_is_object(old))
		r = answer_tool(
			s, (struct tool_piece){.name = json_get_str(old, "name")}, json_object_get(old, "arguments"));
	return r;
}

/* Its words are what there is to read; who asked for JSON must not take them for that, so that its end is told. */
static int take_refusal(struct answer *s, const json_t *refusal)
{
	s->refused = s->refused || json_string_length(refusal) > 0;
	return answer_parts(s, refusal);
}

/* Pictures stand in a list of their own, or among the parts of the content. */
static int take_media(struct answer *s, const json_t *delta)
{
	const json_t *content = json_object_get(delta, "content"), *part;
	int r = answer_beside(s, BESIDE_IMAGES, json_object_get(delta, "images"));
	for (size_t i = 0; i < json_array_size(content) && r >= 0; i++) {
		part = json_array_get(content, i);
		if (json_object_get(part, "image_url"))
			r = answer_beside(s, BESIDE_IMAGES, part);
	}
	return r < 0 ? r : answer_beside(s, BESIDE_AUDIO, json_object_get(delta, "audio"));
}

/* Perplexity's: pages beside the answer, as addresses, and in a newer list with their titles; in each chunk all of them. */
static int take_pages(struct answer *s, const json_t *root)
{
	const json_t *pages = json_object_get(root, "search_results");
	if (json_array_size(pages) == 0)
		pages = json_object_get(root, "citations");
	if (s->cited || json_array_size(pages) == 0)
		return 0;
	CLEANUP(json_decrefp) json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(pages); i++) {
		const json_t *page = json_array_get(pages, i);
		const char *url = json_is_string(page) ? json_string_value(page) : json_get_str(page, "url");
		const char *title = json_get_str(page, "title");
		if (url)
			json_array_append_new(list, json_pack("{s:s,s:{s:s,s:s}}", "type", "url_citation",
							    "url_citation", "url", url, "title", title ? title : url));
	}
	s->cited = true;
	return answer_beside(s, BESIDE_ANNOTATIONS, list);
}

static int take_choice(struct answer *s, const json_t *choice)
{
	if (json_get_i64(choice, "index", 0) != 0)
		return 0; /* one answer was asked for */
	const json_t *delta = json_object_get(choice, "delta");
	if (json_object_size(delta) > 0)
		s->in_deltas = true;
	else if (!s->in_deltas) /* behind deltas it would say all of them once more */
		delta = json_object_get(choice, "message");
	answer_thoughts(s, json_object_get(delta, "reasoning_details"));
	int r = answer_thought(s, delta);
	if (r >= 0)
		r = answer_parts(s, json_object_get(delta, "content"));
	if (r >= 0)
		r = take_refusal(s, json_object_get(delta, "refusal"));
	if (r >= 0)
		r = answer_parts(s, json_object_get(choice, "text")); /* of a plain completion */
	if (r >= 0)
		r = take_calls(s, delta);
	if (r >= 0)
		r = answer_logprobs(s, json_object_get(json_object_get(choice, "logprobs"), "content"));
	if (r >= 0)
		r = answer_beside(s, BESIDE_ANNOTATIONS, json_object_get(delta, "annotations"));
	if (r >= 0)
		r = take_media(s, delta);
	answer_set_reason(s, json_get_str(choice, "finish_reason"));
	/* vLLM, SGLang and llama.cpp say what they stopped at; a number is the end's own token. */
	const char *stop = json_get_str(choice, "stop_reason");
	if (!stop)
		stop = json_get_str(choice, "matched_stop");
	if (!stop)
		stop = json_get_str(choice, "stopping_word");
	if (stop && !*stop)
		stop = NULL;
	if (stop)
		answer_copy(s->stop_sequence, sizeof(s->stop_sequence), stop, strlen(stop));
	return r;
}

static bool says_error(const json_t *v)
{
	return v && !json_is_null(v) && !json_is_false(v) && !(json_is_string(v) && json_string_length(v) == 0);
}

const struct token_place token_places[] = {
#define X(part, within, name) [part] = {within, name},
	TOKEN_PARTS(X)
#undef X
};

static void take_usage(struct answer *s, const json_t *usage)
{
	const json_t *in = json_object_get(usage, "prompt_tokens_details");
	const json_t *out = json_object_get(usage, "completion_tokens_details");
	s->tokens_in = wire_count(usage, "prompt_tokens", s->tokens_in);
	s->tokens_out = wire_count(usage, "completion_tokens", s->tokens_out);
	s->tokens_cached = wire_count(in, "cached_tokens", s->tokens_cached);
	s->tokens_cached = wire_count(usage, "cached_tokens", s->tokens_cached);           /* Moonshot's place */
	s->tokens_cached = wire_count(usage, "prompt_cache_hit_tokens", s->tokens_cached); /* DeepSeek's name */
	s->tokens_reasoning = wire_count(out, "reasoning_tokens", s->tokens_reasoning);
	s->input[1] = wire_count(in, "cache_write_tokens", s->input[1]);
	for (size_t i = 0; i < N_TOKEN_PARTS; i++)
		s->token_parts[i] = wire_count(
			json_object_get(usage, token_places[i].within), token_places[i].name, s->token_parts[i]);
}

/* llama.cpp's. */
static void take_times(struct answer *s, const json_t *timings)
{
	if (!json_is_object(timings))
		return;
	s->prompt_ns = wire_time_ns(timings, "prompt_ms", 1e6);
	s->eval_ns = wire_time_ns(timings, "predicted_ms", 1e6);
}

static void take_label(const json_t *root, const char *key, char *to, size_t size)
{
	const char *v = json_get_str(root, key);
	if (v)
		answer_copy(to, size, v, strlen(v));
}

static int take_object(struct answer *s, const json_t *root)
{
	const char *object = json_get_str(root, "object");
	if (s->error_event || says_error(json_object_get(root, "error")) || (object && strcmp(object, "error") == 0) ||
		!json_is_object(root))
		return answer_error(s, root);
	const json_t *usage = json_object_get(root, "usage");
	if (!json_is_object(usage))
		usage = json_object_get(json_object_get(root, "x_groq"), "usage");
	take_usage(s, usage);
	take_times(s, json_object_get(root, "timings"));
	take_label(root, "system_fingerprint", s->fingerprint, sizeof(s->fingerprint));
	take_label(root, "service_tier", s->service_tier, sizeof(s->service_tier));
	const json_t *choices = json_object_get(root, "choices");
	if (!choices && says_error(json_object_get(root, "detail")))
		return answer_error(s, root);
	int r = 0;
	for (size_t i = 0; i < json_array_size(choices) && r >= 0; i++) {
		const json_t *choice = json_array_get(choices, i);
		r = take_choice(s, choice);
		take_usage(s, json_object_get(choice, "usage")); /* Moonshot's place for it */
		if (r >= 0 && says_error(json_object_get(choice, "error")))
			r = answer_error(s, choice);
	}
	return r < 0 ? r : take_pages(s, root);
}

static int take_usual(struct answer *s, const char *p, size_t n)
{
	int r = answer_usual(s, p, n, scan_chunk);
	if (r != 0) {
		s->in_deltas |= s->shown || s->think.held.n > 0;
		return r;
	}
	if (n != 6 || memcmp(p, "[DONE]", 6) != 0)
		return 0;
	answer_end(s);
	return 1;
}

static int openai_finish(struct answer *s)
{
	int r = sse_finish(s);
	if (r < 0 || s->ended || *s->finish_reason)
		return r;
	if (s->body == BODY_JSON && s->first_token_ms >= 0) {
		answer_set_reason(s, "stop");
		return 0;
	}
	return answer_cut(s);
}

const struct dialect openai_dialect = {
	.kind = "openai",
	.api = API_OPENAI | API_ADDRESSES | API_ONE_TOOL | API_LOGPROBS | API_ANY_ARGUMENTS | API_NAMES | API_SAMPLING |
	       API_SILENT_LIST,
	.request = openai_request,
	.learn = openai_learn,
	.lost = openai_lost,
	.line = sse_line,
	.finish = openai_finish,
	.usual = take_usual,
	.object = take_object,
	.embed = openai_embed,
	.rerank = openai_rerank,
	.count = openai_count,
	.list = openai_list,
};
