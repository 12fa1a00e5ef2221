/*
 * refusal.c - what a provider's refusal means, beyond its status: a conversation that does not fit, with its figures; an
 * account that is used up, which waiting does not help. Servers say both in many ways.
 */
#include <ctype.h>
#include <strings.h>

#include "provider/provider_priv.h"
#include "provider/request.h"

#define FIGURE_MIN 64 /* smaller numbers in such a sentence are no counts of tokens */
#define FIGURES    8

static bool says_any(struct str text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (quirk_names(text, words[i]))
			return true;
	return false;
}

static bool is_about_length(struct str body)
{
	static const char *const words[] = {"context_length_exceeded", "exceed_context_size", "maximum context length",
		"prompt is too long", "context length currently available", "exceeds the available context",
		"exceed context limit", "exceeds the context window", "exceeds the maximum number of tokens",
		"input is too long", "longer than the model's context", "maximum prompt length", "context window",
		"input token count exceeds", "larger than the maximum context", "input length exceeds the context",
		"model_max_prompt_tokens_exceeded", "reduce the length of the messages", "too large for model with",
		"longer than the maximum model length", "loaded with context length", "exceeds the maximum context",
		"exceeds the model's context", "exceeds the model's maximum", "prompt too long", "request too long"};
	return says_any(body, words, N_ELEMENTS(words));
}

static bool is_about_money(struct str body)
{
	static const char *const words[] = {"insufficient_quota", "credit balance", "billing", "insufficient balance",
		"exceeded your current quota", "payment required", "insufficient credits"};
	return says_any(body, words, N_ELEMENTS(words));
}

/* The number at p, which may have commas or underscores between its thousands; *p moves behind it. */
static int64_t read_figure(const char **p, const char *end)
{
	int64_t v = 0;
	for (; *p < end; (*p)++) {
		if (isdigit((unsigned char)**p))
			v = v < INT64_C(1000000000000) ? v * 10 + (**p - '0') : v;
		else if (!strchr(",_", **p) || end - *p < 4 || !isdigit((unsigned char)(*p)[1]) ||
			 !isdigit((unsigned char)(*p)[2]) || !isdigit((unsigned char)(*p)[3]))
			break;
	}
	return v;
}

/* "maximum context length is 4096 tokens. However, you requested 5000", "prompt is too long: 210000 tokens > 200000
 * maximum": the limit is what such words stand before; without them it is the smallest figure. */
static void read_sentence(struct str text, int64_t *asked, int64_t *limit)
{
	static const char *const before_limit[] = {"length is ", "length of ", "> ", "limit of ", "limit is ",
		"maximum of ", "context size (", "window of ", "up to ", "at most ", "length of only "};
	int64_t all[FIGURES], most = 0, sum = 0;
	size_t n = 0;
	*asked = *limit = 0;
	for (const char *p = text.p, *end = p + text.n; p < end && n < FIGURES;) {
		const char *from = p;
		if (!isdigit((unsigned char)*p)) {
			p++;
			continue;
		}
		bool apart = from == text.p || !isalnum((unsigned char)from[-1]); /* not of a model's name */
		int64_t v = read_figure(&p, end);
		if (!apart || v < FIGURE_MIN ||
			(p < end && (isalpha((unsigned char)*p) ||
					    (*p == '-' && p + 1 < end && isalnum((unsigned char)p[1])))))
			continue;
		for (size_t i = 0; i < N_ELEMENTS(before_limit) && *limit == 0; i++) {
			size_t k = strlen(before_limit[i]);
			if ((size_t)(from - text.p) >= k && strncasecmp(from - k, before_limit[i], k) == 0)
				*limit = v;
		}
		all[n++] = v;
	}
	for (size_t i = 0; i < n && *limit == 0 && n > 1; i++)
		most = i == 0 ? all[i] : MIN(most, all[i]);
	if (*limit == 0)
		*limit = most;
	for (size_t i = 0; i < n; i++) {
		if (*asked == 0 && all[i] > *limit)
			*asked = all[i];
		if (all[i] != *limit)
			sum += all[i];
	}
	if (*asked == 0 && sum > *limit)
		*asked = sum;
}

/* llama.cpp and Ollama give the figures as numbers, on either of two levels; Ollama as text within the text. */
static bool read_members(const json_t *root, int depth, int64_t *asked, int64_t *limit)
{
	CLEANUP(json_decrefp) json_t *inner = NULL;
	const json_t *error = json_object_get(root, "error");
	*asked = wire_count(root, "n_prompt_tokens", 0);
	*limit = wire_window(root, "n_ctx");
	if (*asked > 0 && *limit > 0)
		return true;
	if (depth == 0 || !error)
		return false;
	const char *text = json_string_value(error);
	if (text && *text == '{' && wire_parse(text, strlen(text), &inner) >= 0)
		error = inner;
	return json_is_object(error) && read_members(error, depth - 1, asked, limit);
}

int refusal_code(int status, struct str body, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	char text[400];
	int64_t asked = 0, limit = 0;
	if (status == 402 || (status == 429 && is_about_money(body)) ||
		((status == 400 || status == 403) && quirk_names(body, "credit balance")))
		return E_PROVIDER_QUOTA;
	if ((status != 400 && status != 413 && status != 422 && status != 500) || !is_about_length(body))
		return 0;
	if (wire_parse(body.p, body.n, &root) < 0 || !read_members(root, 2, &asked, &limit)) {
		wire_error_body(body.p, body.n, text, sizeof(text));
		read_sentence(str_from(text), &asked, &limit);
	}
	if (e && e->code == 0 && asked > limit && limit > 0) {
		e->asked = asked;
		e->limit = limit;
	}
	return E_CONTEXT_TOO_LONG;
}

int refusal_in_stream(const json_t *root, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES * 6);
	json_add_value(&b, root);
	if (buf_status(&b) < 0)
		return 0;
	int meant = refusal_code(400, buf_str(&b), e);
	return meant < 0 || !is_about_money(buf_str(&b)) ? meant : E_PROVIDER_QUOTA;
}
