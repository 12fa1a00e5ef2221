/* openai_request.c - requests to OpenAI and to the servers that speak like it, as far as each one understands them. */
#include "provider/request.h"

static bool is_official(const struct provider *p)
{
	return strstr(p->base, "://api.openai.com") != NULL;
}

/* ---- messages ---- */

static void add_text_part(struct buf *b, struct str text)
{
	buf_add_str(b, "{\"type\":\"text\",\"text\":");
	json_add_string(b, text.p, text.n);
	buf_add_char(b, '}');
}

static void add_image_part(struct buf *b, const struct gen_request *q, const struct gen_image *image)
{
	if (image->part) {
		buf_add_str(b, request_extra(q, API_OPENAI, image->part));
		return;
	}
	if (image->file_name) {
		buf_add_str(b, "{\"type\":\"file\",\"file\":{\"filename\":");
		json_add_cstr(b, image->file_name);
		buf_add_str(b, ",\"file_data\":");
	} else {
		buf_add_str(b, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
	}
	if (image->data) {
		CLEANUP(buf_done) struct buf url = BUF_INIT(BODY_MAX_BYTES);
		buf_printf(&url, "data:%s;base64,", image->media_type ? image->media_type : "image/png");
		buf_add_str(&url, image->data);
		json_add_string(b, buf_str(&url).p, url.n);
	} else {
		json_add_cstr(b, image->url ? image->url : "");
	}
	buf_add_str(b, request_extra(q, API_OPENAI, image->extras));
	buf_add_str(b, "}}");
}

static void add_content(struct buf *b, const struct gen_request *q, unsigned quirks, const struct gen_message *m)
{
	const char *text = m->content ? m->content : "";
	size_t n = 0;
	if (m->n_images == 0) {
		if (m->n_calls > 0 && !*text && !(quirks & QUIRK_NO_NULL))
			buf_add_str(b, "null");
		else
			json_add_cstr(b, text);
		return;
	}
	buf_add_char(b, '[');
	for (size_t i = 0; i <= m->n_images; i++) {
		struct str before = request_text_before(m, i);
		if (before.n > 0) {
			buf_add_str(b, n++ > 0 ? "," : "");
			add_text_part(b, before);
		}
		if (i < m->n_images) {
			buf_add_str(b, n++ > 0 ? "," : "");
			add_image_part(b, q, &m->images[i]);
		}
	}
	buf_add_char(b, ']');
}

static bool has_own_extras(const struct target *t, const struct gen_tool_call *c)
{
	return c->extras && request_said_by(t, c->extras_of);
}

/* What it said of the call itself. Where there is nothing, since another model called, or a program did not keep it, and the
 * server wants a signature all the same, it takes this one in its place. */
static void add_call_extras(
	struct buf *b, const struct target *t, unsigned quirks, const struct gen_tool_call *c, bool first)
{
	static const char unsigned_call[] =
		",\"extra_content\":{\"google\":{\"thought_signature\":\"skip_thought_signature_validator\"}}";
	if (has_own_extras(t, c) && !(quirks & QUIRK_NO_CALL_EXTRAS))
		buf_add_str(b, c->extras);
	else if (first && quirks & QUIRK_SIGNED_CALLS)
		buf_add_str(b, unsigned_call);
}

static void add_calls(struct buf *b, const struct target *t, unsigned quirks, const struct gen_message *m)
{
	buf_add_str(b, ",\"tool_calls\":[");
	for (size_t i = 0; i < m->n_calls; i++) {
		const struct gen_tool_call *c = &m->calls[i];
		buf_add_str(b, i ? ",{\"id\":" : "{\"id\":");
		json_add_cstr(b, c->id ? c->id : "");
		buf_add_str(b, ",\"type\":\"function\",\"function\":{\"name\":");
		json_add_cstr(b, c->name);
		buf_add_str(b, ",\"arguments\":");
		json_add_cstr(b, c->arguments && *c->arguments ? c->arguments : "{}");
		buf_add_char(b, '}');
		add_call_extras(b, t, quirks, c, i == 0);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
}

/* What it thought: as it said it for itself, or else the words. */
static void add_reasoning(struct buf *b, const struct target *t, unsigned quirks, const struct gen_message *m)
{
	const char *thoughts = quirks & QUIRK_NO_THOUGHTS ? NULL : request_thoughts(t, m);
	bool wanted = quirks & QUIRK_WANTS_REASONING && strcmp(m->role, "assistant") == 0;
	if (thoughts) {
		buf_printf(b, ",\"reasoning_details\":%s", thoughts);
	} else if (m->reasoning && *m->reasoning && !is_official(t->p) && !(quirks & QUIRK_NO_REASONING)) {
		buf_add_str(b, ",\"reasoning_content\":");
		json_add_cstr(b, m->reasoning);
	} else if (wanted) {
		buf_add_str(b, ",\"reasoning_content\":\"(It was not kept.)\"");
	}
}

static void add_message(struct buf *b, const struct target *t, const struct gen_request *q, unsigned quirks,
	const struct gen_message *m, const char *extra)
{
	buf_add_str(b, "{\"role\":");
	json_add_cstr(b, m->role);
	buf_add_str(b, ",\"content\":");
	if (*extra) {
		CLEANUP(buf_done) struct buf both = BUF_INIT(BODY_MAX_BYTES);
		struct gen_message more = *m;
		buf_printf(
			&both, "%s%s%s", m->content ? m->content : "", m->content && *m->content ? "\n\n" : "", extra);
		more.content = buf_str(&both).p;
		add_content(b, q, quirks, &more);
	} else {
		add_content(b, q, quirks, m);
	}
	add_reasoning(b, t, quirks, m);
	if (m->name) {
		buf_add_str(b, ",\"name\":");
		json_add_cstr(b, m->name);
	}
	if (m->n_calls > 0)
		add_calls(b, t, quirks, m);
	if (m->tool_call_id && strcmp(m->role, "tool") == 0) {
		buf_add_str(b, ",\"tool_call_id\":");
		json_add_cstr(b, m->tool_call_id);
	}
	buf_add_str(b, request_extra(q, API_OPENAI, m->extras));
	buf_add_char(b, '}');
}

/* The words about the format end the first message of the system, or are one; where it does not speak, of the user. */
static void add_messages(struct buf *b, const struct target *t, const struct gen_request *q, unsigned quirks)
{
	static const struct gen_message go_on = {.role = "user", .content = request_go_on};
	const char *first = quirks & QUIRK_NO_SYSTEM ? "user" : "system";
	CLEANUP(buf_done) struct buf words = BUF_INIT(BODY_MAX_BYTES);
	size_t n = 0;
	if (quirks & QUIRK_NO_FORMAT)
		request_add_format_words(&words, q);
	const char *extra = buf_str(&words).p;
	buf_add_str(b, "\"messages\":[");
	if (*extra && (q->n_messages == 0 || strcmp(q->messages[0].role, first) != 0)) {
		const struct gen_message own = {.role = first, .content = extra};
		add_message(b, t, q, quirks, &own, "");
		extra = "";
		n++;
	}
	for (size_t i = 0; i < q->n_messages; i++) {
		if (n++ > 0)
			buf_add_char(b, ',');
		add_message(b, t, q, quirks, &q->messages[i], i == 0 ? extra : "");
	}
	/* Other servers go on with a last message of the assistant by themselves. */
	if (q->continues && is_official(t->p)) {
		buf_add_char(b, ',');
		add_message(b, t, q, quirks, &go_on, "");
	}
	buf_add_char(b, ']');
}

/* ---- the other fields ---- */

static void add_tools(struct buf *b, const struct gen_request *q, unsigned quirks)
{
	const char *more = request_extra(q, API_OPENAI, q->extra_tools);
	if (q->n_tools == 0 && !*more)
		return;
	request_add_functions(b, q, API_OPENAI, !(quirks & QUIRK_NO_STRICT), false);
	if (*more && q->n_tools > 0) /* into the list that was just ended */
		b->n--;
	if (*more)
		buf_printf(b, "%s%s]", q->n_tools > 0 ? "," : ",\"tools\":[", more);
	if (q->tool_choice == TOOLS_NONE)
		buf_add_str(b, ",\"tool_choice\":\"none\"");
	if (q->tool_choice == TOOLS_REQUIRED)
		buf_add_str(b, ",\"tool_choice\":\"required\"");
	if (q->tool_choice == TOOLS_NAMED) {
		buf_add_str(b, ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":");
		json_add_cstr(b, q->tool_name ? q->tool_name : "");
		buf_add_str(b, "}}");
	}
	if (q->one_tool_at_a_time && !(quirks & QUIRK_NO_PARALLEL))
		buf_add_str(b, ",\"parallel_tool_calls\":false");
}

/* Unless the request says it, a schema that is closed may well be held to. */
static bool is_strict(const struct gen_request *q)
{
	return q->schema_strict > 0 ||
	       (q->schema_strict == 0 && quirk_names(str_from(q->schema), "\"additionalProperties\""));
}

/* Some servers know only one of the two ways to ask for JSON, and some neither. */
static void add_format(struct buf *b, const struct gen_request *q, unsigned quirks)
{
	bool schema = q->format == FORMAT_SCHEMA;
	if (q->format == FORMAT_TEXT || (quirks & QUIRK_NO_FORMAT))
		return;
	if (schema == !!(quirks & QUIRK_OTHER_FORMAT)) {
		buf_add_str(b, ",\"response_format\":{\"type\":\"json_object\"}");
		return;
	}
	buf_add_str(b, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":");
	json_add_cstr(b, schema && q->schema_name ? q->schema_name : "answer");
	if (schema && q->schema_description) {
		buf_add_str(b, ",\"description\":");
		json_add_cstr(b, q->schema_description);
	}
	buf_add_str(b, ",\"schema\":");
	buf_add_str(b, schema ? q->schema : "{\"type\":\"object\"}");
	if (schema && is_strict(q) && !(quirks & QUIRK_NO_STRICT))
		buf_add_str(b, ",\"strict\":true");
	buf_add_str(b, "}}");
}

static void add_effort(struct buf *b, const struct gen_request *q, unsigned quirks)
{
	static const char *const words[] = {[THINKING_OFF] = "none",
		[THINKING_ON] = "medium",
		[THINKING_LOW] = "low",
		[THINKING_MEDIUM] = "medium",
		[THINKING_HIGH] = "high"};
	if (q->thinking == THINKING_DEFAULT || (quirks & QUIRK_NO_EFFORT))
		return;
	buf_add_str(b, ",\"reasoning_effort\":");
	json_add_cstr(b, q->effort ? q->effort : words[q->thinking]);
}

static void add_sampling(struct buf *b, const struct provider *p, const struct gen_request *q, unsigned quirks)
{
	const struct gen_sampling *s = &q->sampling;
	if (!(quirks & QUIRK_NO_SAMPLING)) {
		request_add_number(b, s, SAMPLE_TEMPERATURE, "temperature", s->temperature);
		request_add_number(b, s, SAMPLE_TOP_P, "top_p", s->top_p);
		request_add_number(b, s, SAMPLE_PRESENCE, "presence_penalty", s->presence_penalty);
		request_add_number(b, s, SAMPLE_FREQUENCY, "frequency_penalty", s->frequency_penalty);
	}
	if (!(quirks & QUIRK_NO_SEED))
		request_add_seed(b, s);
	if (!is_official(p) && !(quirks & QUIRK_NO_EXTRAS)) {
		request_add_integer(b, s, SAMPLE_TOP_K, "top_k", s->top_k);
		request_add_number(b, s, SAMPLE_MIN_P, "min_p", s->min_p);
		request_add_number(b, s, SAMPLE_REPEAT, "repeat_penalty", s->repeat_penalty);
	}
}

/* Only OpenAI itself is known to want the new name; many others know only the old one. */
static bool wants_new_max(const struct provider *p, const struct gen_request *q, unsigned quirks)
{
	if (q->prompt)
		return false;
	return is_official(p) ? !(quirks & QUIRK_OLD_MAX) : (quirks & QUIRK_NEW_MAX) != 0;
}

static void add_limits(struct buf *b, const struct provider *p, const struct gen_request *q, unsigned quirks)
{
	if (q->max_tokens > 0)
		buf_printf(b, ",\"%s\":%lld", wants_new_max(p, q, quirks) ? "max_completion_tokens" : "max_tokens",
			(long long)q->max_tokens);
	if (q->stop && q->stop[0]) {
		buf_add_str(b, ",\"stop\":");
		request_add_strings(b, q->stop);
	}
}

/* ---- requests ---- */

static void begin(const struct target *t, const char *path, struct gen_call *r)
{
	r->quirks |= quirks_of(t->p, t->name);
	buf_printf(&r->url, "%s%s%s", t->p->base, t->p->add_v1 ? "/v1" : "", path);
	request_header(r, "Content-Type: application/json");
	request_key(r, t->p, "Authorization: Bearer ");
}

static void add_whole(const struct target *t, const struct gen_request *q, bool counts, struct gen_call *r)
{
	struct buf *b = &r->body;
	buf_add_str(b, "{\"model\":");
	json_add_cstr(b, t->name);
	buf_add_char(b, ',');
	if (q->prompt) {
		buf_add_str(b, "\"prompt\":");
		json_add_cstr(b, q->prompt);
		if (q->suffix) {
			buf_add_str(b, ",\"suffix\":");
			json_add_cstr(b, q->suffix);
		}
	} else {
		add_messages(b, t, q, r->quirks);
	}
	if (!counts)
		buf_add_str(b, ",\"stream\":true");
	if (!counts && !(r->quirks & QUIRK_NO_STREAM_OPTIONS))
		buf_add_str(b, ",\"stream_options\":{\"include_usage\":true}");
	add_limits(b, t->p, q, r->quirks);
	add_sampling(b, t->p, q, r->quirks);
	if (!q->prompt) {
		add_tools(b, q, r->quirks);
		add_format(b, q, r->quirks);
		add_effort(b, q, r->quirks);
		request_add_logprobs(b, q);
	}
	if (q->user && !request_has_extra(q, API_OPENAI, "user")) {
		buf_add_str(b, ",\"user\":");
		json_add_cstr(b, q->user);
	}
	buf_add_str(b, request_extra(q, API_OPENAI, q->extras));
	buf_add_char(b, '}');
}

/* Many servers take any name, and any order of messages; those that do not, say so. */
static int fit(const struct target *t, const struct gen_request *q, struct arena *a, struct gen_call *r,
	struct gen_request *ret)
{
	struct gen_request all = *q;
	unsigned quirks = quirks_of(t->p, t->name);
	int code = quirks & QUIRK_PAIRS ? history_pair(q, a, &all) : 0;
	if (code < 0)
		return code;
	code = roles_settle(&all, quirks, a, ret);
	if (code < 0)
		return code;
	all = *ret;
	q = &all;
	return is_official(t->p) || quirks & QUIRK_PLAIN_NAMES ? names_settle(q, a, &r->names, ret) : 0;
}

int openai_request(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	struct gen_request flat, fitting;
	int code = 0;
	arena_init(&mem, BODY_MAX_BYTES);
	if (q->raw_prompt && !q->prompt) {
		code = request_flatten(q, &mem, &flat, e);
		q = &flat;
	}
	if (code < 0)
		return code;
	if ((code = fit(t, q, &mem, r, &fitting)) < 0)
		return err_set(e, code, "no memory left for a request");
	q = &fitting;
	begin(t, q->prompt ? "/completions" : "/chat/completions", r);
	request_header(r, "Accept: text/event-stream");
	if (request_is_raw(q, t->p))
		request_add_raw(&r->body, q->raw->body, t->name, true);
	else
		add_whole(t, q, false, r);
	return 0;
}

/* llama.cpp's: the request itself, with the template of the model and its tools. */
int openai_count(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	struct gen_request fitting;
	arena_init(&mem, BODY_MAX_BYTES);
	int code = fit(t, q, &mem, r, &fitting);
	if (code < 0)
		return err_set(e, code, "no memory left for a request");
	begin(t, "/chat/completions/input_tokens", r);
	request_header(r, "Accept: application/json");
	add_whole(t, &fitting, true, r);
	return 0;
}

int openai_rerank(const struct target *t, const struct rerank_request *q, struct gen_call *r)
{
	struct buf *b = &r->body;
	begin(t, "/rerank", r);
	request_header(r, "Accept: application/json");
	buf_add_str(b, "{\"model\":");
	json_add_cstr(b, t->name);
	buf_add_str(b, ",\"query\":");
	json_add_cstr(b, q->query);
	buf_add_str(b, ",\"documents\":[");
	for (size_t i = 0; i < q->n_texts; i++) {
		buf_add_str(b, i ? "," : "");
		json_add_cstr(b, q->texts[i]);
	}
	buf_printf(b, "],\"top_n\":%zu}", q->n_texts);
	return 0;
}

int openai_embed(
	const struct target *t, const struct embed_request *q, const char *const *inputs, size_t n, struct gen_call *r)
{
	int64_t dimensions = q->dimensions;
	struct buf *b = &r->body;
	begin(t, "/embeddings", r);
	request_header(r, "Accept: application/json");
	buf_add_str(b, "{\"model\":");
	json_add_cstr(b, t->name);
	buf_add_str(b, ",\"input\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_add_cstr(b, inputs[i]);
	}
	buf_add_str(b, "],\"encoding_format\":\"float\"");
	if (dimensions > 0 && !(r->quirks & QUIRK_NO_DIMENSIONS))
		buf_printf(b, ",\"dimensions\":%lld", (long long)dimensions);
	if (q->extras && q->extras_api & API_OPENAI)
		buf_add_str(b, q->extras);
	buf_add_char(b, '}');
	return 0;
}

/* ---- what a refusal teaches ---- */

static unsigned learn_format(const struct gen_request *q, unsigned quirks, struct str error)
{
	static const char *const words[] = {"response_format", "json_object", "json_schema", NULL};
	if (q->format == FORMAT_TEXT || (quirks & QUIRK_NO_FORMAT) || !quirk_names_any(error, words))
		return 0;
	return quirks & QUIRK_OTHER_FORMAT ? QUIRK_NO_FORMAT : QUIRK_OTHER_FORMAT;
}

static unsigned learn_max(
	const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error)
{
	static const char *const either[] = {"max_completion_tokens", "max_tokens", NULL};
	unsigned ret = 0;
	if (q->max_tokens <= 0 || q->prompt || !quirk_refused(error))
		return 0;
	if (!wants_new_max(t->p, q, r->quirks))
		ret = quirk_names_any(error, either) ? QUIRK_NEW_MAX : 0;
	else if (quirk_names(error, "max_completion_tokens"))
		ret = QUIRK_OLD_MAX;
	return ret & ~r->lessons;
}

static unsigned learn_sampling(const struct gen_request *q, struct str error)
{
	static const char *const usual[] = {"temperature", "top_p", "presence_penalty", "frequency_penalty", NULL};
	static const char *const extras[] = {"top_k", "min_p", "repeat_penalty", NULL};
	unsigned set = q->sampling.set, ret = 0;
	if (!set || !quirk_refused(error))
		return 0;
	if ((set & (SAMPLE_TEMPERATURE | SAMPLE_TOP_P | SAMPLE_PRESENCE | SAMPLE_FREQUENCY)) &&
		quirk_names_any(error, usual))
		ret |= QUIRK_NO_SAMPLING;
	if ((set & (SAMPLE_TOP_K | SAMPLE_MIN_P | SAMPLE_REPEAT)) && quirk_names_any(error, extras))
		ret |= QUIRK_NO_EXTRAS;
	if ((set & SAMPLE_SEED) && quirk_names(error, "seed"))
		ret |= QUIRK_NO_SEED;
	return ret;
}

/* Each server says it in its own words. */
static unsigned learn_names(const struct gen_request *q, struct str error)
{
	static const char *const words[] = {"pattern", "regular expression", "too long", "maximum length", "characters",
		"a-z", "letter", "alphanumeric", "alphameric", NULL};
	return quirk_names(error, "name") && quirk_names_any(error, words) && !names_all_plain(q) ? QUIRK_PLAIN_NAMES
												  : 0;
}

/* Calls, or those that get back what `extras_of` said of them. */
static bool has_calls(const struct gen_request *q, const struct target *extras_of)
{
	for (size_t i = 0; i < q->n_messages; i++)
		for (size_t k = 0; k < q->messages[i].n_calls; k++)
			if (!extras_of || has_own_extras(extras_of, &q->messages[i].calls[k]))
				return true;
	return false;
}

static bool names_member(struct str error, const char *members)
{
	CLEANUP(json_decrefp) json_t *all = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_MAX_BYTES);
	const char *key;
	json_t *v;
	buf_printf(&b, "{%s}", members + 1); /* behind its comma */
	if (buf_status(&b) < 0 || wire_parse(b.p, b.n, &all) < 0)
		return false;
	json_object_foreach(all, key, v)
	{
		if (quirk_names(error, key))
			return true;
	}
	return false;
}

/* Whether it names what the provider said of a call. */
static bool names_extras(const struct target *t, const struct gen_request *q, struct str error)
{
	for (size_t i = 0; i < q->n_messages; i++)
		for (size_t k = 0; k < q->messages[i].n_calls; k++) {
			const struct gen_tool_call *c = &q->messages[i].calls[k];
			if (has_own_extras(t, c) && names_member(error, c->extras))
				return true;
		}
	return false;
}

/* As signatures of calls: they are good only where they were made, and not all servers take them. */
static unsigned learn_thoughts(const struct target *t, const struct gen_request *q, struct str error)
{
	static const char *const words[] = {"reasoning_details", "signature", "encrypted", NULL};
	return quirk_names_any(error, words) && request_has_thoughts(t, q) ? QUIRK_NO_THOUGHTS : 0;
}

/* Messages that call and say nothing. */
static bool has_silent_calls(const struct gen_request *q)
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (q->messages[i].n_calls > 0 && !(q->messages[i].content && *q->messages[i].content))
			return true;
	return false;
}

/* A signature is good only where it was made: with another key, address or model it is not valid any more. */
static unsigned learn_extras(const struct target *t, const struct gen_request *q, struct str error)
{
	static const char *const of_calls[] = {"tool_calls", "extra_content", NULL};
	bool missing = quirk_names(error, "missing"), own = has_calls(q, t);
	if (own && quirk_refused(error) && (quirk_names_any(error, of_calls) || names_extras(t, q, error)))
		return QUIRK_NO_CALL_EXTRAS;
	if (missing && quirk_names(error, "thought_signature") && has_calls(q, NULL))
		return QUIRK_SIGNED_CALLS;
	if (!own)
		return 0;
	return quirk_names(error, "signature") && !missing ? QUIRK_NO_CALL_EXTRAS | QUIRK_SIGNED_CALLS : 0;
}

/* A call without a result, one elsewhere, or a result without its call: so leave programs a session that was broken off. */
static bool says_unpaired(const struct gen_request *q, struct str error)
{
	static const char *const words[] = {"must be followed by tool", "did not have response",
		"insufficient tool messages", "must be a response to a prec", "number of function calls and responses",
		"number of function response parts", NULL};
	bool tools = has_calls(q, NULL);
	for (size_t i = 0; i < q->n_messages && !tools; i++)
		tools = strcmp(q->messages[i].role, "tool") == 0;
	return tools && quirk_names_any(error, words);
}

static unsigned learn_calls(const struct target *t, const struct gen_request *q, struct str error)
{
	static const char *const null[] = {"string", "null", "none", "nil", NULL};
	unsigned ret = says_unpaired(q, error) ? QUIRK_PAIRS : learn_extras(t, q, error);
	if (!ret)
		ret = learn_thoughts(t, q, error);
	if (ret)
		return ret;
	return quirk_names(error, "content") && quirk_names_any(error, null) && has_silent_calls(q) ? QUIRK_NO_NULL : 0;
}

/* Some servers say of all forms of a message what each refuses and what it misses: of a member that is refused, the rest is not
 * meant; and one that refuses what it seemed to want does not want it. */
static unsigned learn_reasoning(const struct gen_call *r, struct str error)
{
	static const char *const wanted[] = {"missing", "required", NULL};
	bool wants = quirk_names(error, "passed back") || (quirk_names_any(error, wanted) && !quirk_refused(error));
	bool tried = (r->quirks | r->lessons) & QUIRK_WANTS_REASONING;
	return (wants && !tried ? QUIRK_WANTS_REASONING : QUIRK_NO_REASONING) & ~r->lessons;
}

unsigned openai_learn(const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error)
{
	unsigned ret = 0;
	if (!q) /* of embeddings */
		return quirk_names(error, "dimensions") ? QUIRK_NO_DIMENSIONS & ~r->quirks : 0;
	if (quirk_names(error, "stream_options"))
		ret |= QUIRK_NO_STREAM_OPTIONS;
	if (q->one_tool_at_a_time && quirk_names(error, "parallel_tool_calls"))
		ret |= QUIRK_NO_PARALLEL;
	if (q->thinking != THINKING_DEFAULT && quirk_names(error, "reasoning_effort"))
		ret |= QUIRK_NO_EFFORT;
	if (quirk_names(error, "reasoning_content"))
		ret |= learn_reasoning(r, error);
	if ((q->n_tools > 0 || q->format == FORMAT_SCHEMA) && quirk_names(error, "strict") && quirk_refused(error))
		ret |= QUIRK_NO_STRICT;
	ret |= learn_names(q, error) | learn_format(q, r->quirks, error) | learn_max(t, q, r, error) |
	       learn_sampling(q, error);
	/* What it says of a field may quote the caller's own words, which the lessons below are read from; those of one refusal
	 * are kept or forgotten together. */
	if (!(ret & ~r->quirks))
		ret = roles_learn(q, error) | learn_calls(t, q, error);
	return ret & ~r->quirks;
}

unsigned openai_lost(const struct target *t, const struct gen_request *q, const struct gen_call *r)
{
	unsigned lost = 0;
	if (r->quirks & QUIRK_NO_SAMPLING)
		lost |= SAMPLE_TEMPERATURE | SAMPLE_TOP_P | SAMPLE_PRESENCE | SAMPLE_FREQUENCY;
	if (r->quirks & QUIRK_NO_SEED)
		lost |= SAMPLE_SEED;
	if (is_official(t->p) || (r->quirks & QUIRK_NO_EXTRAS))
		lost |= SAMPLE_TOP_K | SAMPLE_MIN_P | SAMPLE_REPEAT;
	lost &= q->sampling.set;
	if (q->thinking != THINKING_DEFAULT && (q->prompt || (r->quirks & QUIRK_NO_EFFORT)))
		lost |= LOST_EFFORT;
	return q->prompt && q->format != FORMAT_TEXT ? lost | LOST_FORMAT : lost;
}
