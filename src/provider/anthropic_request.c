/* anthropic_request.c - requests to the Messages API, in the version that the provider is configured for. */
#include <ctype.h>
#include <strings.h>

#include "provider/request.h"

#define MAX_TOKENS      8192 /* when nobody says how many, and the model's own limit is not known */
#define OLD_VERSION     "2023-06-01"
#define TEMPERATURE_MAX 1.0

static const char *version_of(const struct provider *p, unsigned quirks)
{
	return (quirks & QUIRK_OLD_VERSION) || !*p->version ? OLD_VERSION : p->version;
}

/* ---- what its cache shall keep ---- */

/*
 * A mark says that all before it is worth keeping: reading it again costs a tenth, writing it a quarter more. Where the
 * client says nothing, what stays the same from call to call is marked when it is long: tools and system, and, once a
 * conversation goes on, all of it. At most four marks are taken.
 */
#define MARK       "{\"type\":\"ephemeral\"}"
#define MARK_BYTES ((size_t)6000) /* about 1,500 tokens; less is not kept by most models */
#define MARKS_MOST 4

struct marks {
	bool given; /* the client's own */
	size_t left;
	bool prefix, talk; /* ours: behind tools and system; behind the last message */
};

static struct marks marks_of(const struct gen_request *q)
{
	struct marks m = {.left = MARKS_MOST};
	size_t prefix = 0, talk = 0;
	bool answered = false;
	for (size_t i = 0; i < q->n_tools; i++) {
		const struct gen_tool *t = &q->tools[i];
		m.given |= t->cache != NULL;
		prefix += strlen(t->name) + (t->description ? strlen(t->description) : 0) +
			  (t->parameters ? strlen(t->parameters) : 0);
	}
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct gen_message *s = &q->messages[i];
		size_t n = s->content ? strlen(s->content) : 0;
		m.given |= s->cache != NULL;
		answered |= strcmp(s->role, "assistant") == 0;
		*(strcmp(s->role, "system") == 0 ? &prefix : &talk) += n;
	}
	m.prefix = !m.given && prefix >= MARK_BYTES;
	m.talk = !m.given && answered && prefix + talk >= MARK_BYTES;
	return m;
}

/* ,"cache_control":{...} - while there are marks left. */
static void add_mark(struct buf *b, struct marks *m, const char *mark)
{
	if (!mark || m->left == 0)
		return;
	m->left--;
	buf_printf(b, ",\"cache_control\":%s", mark);
}

/* ---- blocks ---- */

struct blocks {
	struct buf *b;
	size_t n;
};

static void next_block(struct blocks *l)
{
	if (l->n++ > 0)
		buf_add_char(l->b, ',');
}

static bool is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

/* Blocks without a text, or of white space alone, are refused. */
static void add_text(struct blocks *l, struct str text)
{
	if (is_blank(text))
		return;
	next_block(l);
	buf_add_str(l->b, "{\"type\":\"text\",\"text\":");
	json_add_string(l->b, text.p, text.n);
	buf_add_char(l->b, '}');
}

static void add_image(struct blocks *l, const struct gen_image *image)
{
	next_block(l);
	buf_printf(l->b, "{\"type\":\"%s\",\"source\":{\"type\":", image->file_name ? "document" : "image");
	if (image->data) {
		buf_add_str(l->b, "\"base64\",\"media_type\":");
		json_add_cstr(l->b, image->media_type ? image->media_type : "image/png");
		buf_add_str(l->b, ",\"data\":");
		json_add_cstr(l->b, image->data);
	} else {
		buf_add_str(l->b, "\"url\",\"url\":");
		json_add_cstr(l->b, image->url ? image->url : "");
	}
	buf_add_str(l->b, "}}");
}

/* Texts and pictures in their order. */
static void add_content(struct blocks *l, const struct gen_message *m)
{
	for (size_t i = 0; i <= m->n_images; i++) {
		add_text(l, request_text_before(m, i));
		if (i < m->n_images)
			add_image(l, &m->images[i]);
	}
}

/* Ids that other providers made may have characters that are not taken here. */
static void add_id(struct buf *b, const char *id)
{
	buf_add_char(b, '"');
	for (const char *p = id && *id ? id : "none"; *p; p++)
		buf_add_char(b, isalnum((unsigned char)*p) || *p == '-' ? *p : '_');
	buf_add_char(b, '"');
}

static void add_tool_use(struct blocks *l, const struct gen_tool_call *c)
{
	next_block(l);
	buf_add_str(l->b, "{\"type\":\"tool_use\",\"id\":");
	add_id(l->b, c->id);
	buf_add_str(l->b, ",\"name\":");
	json_add_cstr(l->b, c->name);
	buf_add_str(l->b, ",\"input\":");
	request_add_object(l->b, c->arguments);
	buf_add_char(l->b, '}');
}

static void add_tool_result(struct blocks *l, const struct gen_message *m)
{
	next_block(l);
	buf_add_str(l->b, "{\"type\":\"tool_result\",\"tool_use_id\":");
	add_id(l->b, m->tool_call_id);
	if (m->n_images == 0) {
		buf_add_str(l->b, ",\"content\":");
		json_add_cstr(l->b, m->content ? m->content : "");
	} else {
		struct blocks inner = {.b = l->b};
		buf_add_str(l->b, ",\"content\":[");
		add_content(&inner, m);
		buf_add_char(l->b, ']');
	}
	if (m->tool_failed)
		buf_add_str(l->b, ",\"is_error\":true");
	buf_add_char(l->b, '}');
}

/* ---- messages ---- */

/* What the tools said comes first, whatever stands between. */
static void add_users_blocks(struct blocks *l, const struct gen_message *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gen_is_role(&m[i], "tool"))
			add_tool_result(l, &m[i]);
	for (size_t i = 0; i < n; i++) {
		if (gen_is_role(&m[i], "tool") || gen_is_system(&m[i]))
			continue;
		add_content(l, &m[i]);
	}
}

static const char *member_of(const json_t *item, const char *key)
{
	const char *text = json_get_str(item, key);
	return text && *text ? text : NULL;
}

static void add_member(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	json_add_cstr(b, value);
}

#define BLOCK_THINKING "{\"type\":\"thinking\""
#define BLOCK_REDACTED "{\"type\":\"redacted_thinking\""

/* Its own thinking, as far as it signed it. */
static void add_thoughts(struct blocks *l, const char *thoughts)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	if (!thoughts || json_read(thoughts, strlen(thoughts), JSON_MEMORY, JSON_READ_EXACT, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *format = json_get_str(item, "format"), *data = member_of(item, "data"),
			   *signature = member_of(item, "signature"), *text = json_get_str(item, "text");
		if (!format || strcmp(format, THOUGHTS_ANTHROPIC) != 0 || !(data || signature))
			continue;
		next_block(l);
		buf_add_str(l->b, data ? BLOCK_REDACTED : BLOCK_THINKING);
		if (data) {
			add_member(l->b, "data", data);
		} else {
			add_member(l->b, "thinking", text ? text : "");
			add_member(l->b, "signature", signature);
		}
		buf_add_char(l->b, '}');
	}
}

static void add_assistants_blocks(struct blocks *l, const struct target *t, const struct gen_message *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (gen_is_system(&m[i]))
			continue;
		if (t)
			add_thoughts(l, request_thoughts(t, &m[i]));
		add_text(l, str_from(m[i].content));
		for (size_t k = 0; k < m[i].n_calls; k++)
			add_tool_use(l, &m[i].calls[k]);
	}
}

/* The end of the neighbours that make one message together: all of the assistant, or all of the other side. */
static size_t group_end(const struct gen_request *q, size_t i)
{
	bool assistant = gen_is_role(&q->messages[i], "assistant");
	while (i < q->n_messages &&
		(gen_is_system(&q->messages[i]) || gen_is_role(&q->messages[i], "assistant") == assistant))
		i++;
	return i;
}

static size_t skip_system(const struct gen_request *q, size_t i)
{
	while (i < q->n_messages && gen_is_system(&q->messages[i]))
		i++;
	return i;
}

/* The mark stands within the last block: its closing brace moves behind it. */
static void mark_last(struct buf *content, struct marks *marks, const char *mark)
{
	if (!mark || marks->left == 0 || content->n == 0 || content->p[content->n - 1] != '}')
		return;
	content->n--;
	add_mark(content, marks, mark);
	buf_add_char(content, '}');
}

static const char *given_mark(const struct gen_message *m, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (m[i].cache && !gen_is_system(&m[i]))
			return m[i].cache;
	return NULL;
}

/* `t`: who gets its thinking back; NULL: nobody. */
static void add_one(struct buf *b, size_t *n, const struct target *t, bool assistant, const struct gen_message *m,
	size_t n_m, struct marks *marks, bool last)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(BODY_MAX_BYTES);
	struct blocks l = {.b = &content};
	if (assistant)
		add_assistants_blocks(&l, t, m, n_m);
	else
		add_users_blocks(&l, m, n_m);
	if (l.n == 0)
		return;
	const char *mark = given_mark(m, n_m);
	mark_last(&content, marks, mark ? mark : last && marks->talk ? MARK : NULL);
	if ((*n)++ > 0)
		buf_add_char(b, ',');
	else if (assistant) /* the first message must be a user's */
		buf_add_str(b, "{\"role\":\"user\",\"content\":\"(The conversation goes on.)\"},");
	buf_printf(b, "{\"role\":\"%s\",\"content\":[", assistant ? "assistant" : "user");
	buf_add(b, content.p, content.n);
	buf_add_str(b, "]}");
	if (buf_status(&content) < 0)
		b->failed = buf_status(&content);
}

/* New models refuse a last message of the assistant's, and all of them one that ends with a blank. */
static bool ends_with_assistant(const struct gen_request *q)
{
	size_t n = q->n_messages;
	while (n > 0 && gen_is_system(&q->messages[n - 1]))
		n--;
	return q->continues || (n > 0 && gen_is_role(&q->messages[n - 1], "assistant"));
}

static void add_messages(struct buf *b, const struct target *t, const struct gen_request *q, struct marks *marks)
{
	const struct gen_message prompt = {.role = "user", .content = q->prompt};
	const struct gen_message go_on = {.role = "user", .content = request_go_on};
	size_t n = 0, before = 0; /* before: of them before the last one */
	buf_add_str(b, ",\"messages\":[");
	if (q->prompt)
		add_one(b, &n, NULL, false, &prompt, 1, marks, false);
	for (size_t i = q->prompt ? q->n_messages : skip_system(q, 0); i < q->n_messages;) {
		size_t end = group_end(q, i);
		before = n;
		add_one(b, &n, t, gen_is_role(&q->messages[i], "assistant"), &q->messages[i], end - i, marks,
			end == q->n_messages && !ends_with_assistant(q));
		i = end;
	}
	if (!q->prompt && ends_with_assistant(q))
		add_one(b, &n, NULL, false, &go_on, 1, marks, true);
	/* Only system texts, or white space: a conversation needs a message of the user, which is its last one. */
	if (n == before)
		buf_printf(b, "%s{\"role\":\"user\",\"content\":\"(The message is empty.)\"}", n > 0 ? "," : "");
	buf_add_char(b, ']');
}

/* There is no switch for any JSON, and not all know schemas: then it is told in words. */
static void add_system(struct buf *b, const struct gen_request *q, unsigned quirks, struct marks *marks)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(BODY_MAX_BYTES);
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct gen_message *m = &q->messages[i];
		if (!gen_is_system(m) || !m->content || !*m->content)
			continue;
		buf_add_str(&text, text.n ? "\n\n" : "");
		buf_add_str(&text, m->content);
	}
	if (q->format == FORMAT_JSON || (quirks & QUIRK_NO_FORMAT)) {
		buf_add_str(&text, text.n ? "\n\n" : "");
		request_add_format_words(&text, q);
	}
	const char *mark = marks->prefix ? MARK : NULL;
	for (size_t i = 0; i < q->n_messages; i++)
		if (gen_is_system(&q->messages[i]) && q->messages[i].cache)
			mark = q->messages[i].cache;
	if (is_blank(buf_str(&text)))
		return;
	buf_add_str(b, mark ? ",\"system\":[{\"type\":\"text\",\"text\":" : ",\"system\":");
	json_add_string(b, text.p, text.n);
	if (!mark)
		return;
	add_mark(b, marks, mark);
	buf_add_str(b, "}]");
}

/* ---- the other fields ---- */

static bool has_system(const struct gen_request *q)
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (gen_is_system(&q->messages[i]) && !is_blank(str_from(q->messages[i].content)))
			return true;
	return false;
}

static bool is_word_of(const char *key, const char *const *words)
{
	while (*words && strcmp(*words, key) != 0)
		words++;
	return *words != NULL;
}

/* Takes away keywords that say nothing, in the whole schema, but not in values; `names`: the members are schemas by their
 * names. Whether there were any. */
static bool drop_nulls(json_t *schema, bool names)
{
	static const char *const values[] = {"const", "default", "enum", "examples", "example", NULL},
				 *const named[] = {"properties", "patternProperties", "$defs", "definitions",
					 "dependentSchemas", NULL};
	bool dropped = false;
	const char *key;
	json_t *v;
	void *next;
	for (size_t i = 0; i < json_array_size(schema); i++)
		dropped |= drop_nulls(json_array_get(schema, i), false);
	json_object_foreach_safe(schema, next, key, v)
	{
		bool value = !names && is_word_of(key, values);
		if (json_is_null(v) && names)
			dropped |= json_object_set_new(schema, key, json_object()) == 0; /* anything */
		else if (json_is_null(v) && (!value || strcmp(key, "enum") == 0))
			dropped |= json_object_del(schema, key) == 0;
		else if (!value)
			dropped |= drop_nulls(v, !names && is_word_of(key, named));
	}
	return dropped;
}

/* A schema must be an object's: where none was given, or an empty one, it is that of no arguments. Keywords that say nothing, or
 * several types, are not taken. */
static void add_schema(struct buf *b, const char *schema)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	const char *type;
	if (!schema || json_read(schema, strlen(schema), JSON_MEMORY, JSON_READ_EXACT, &v, NULL) < 0 ||
		json_object_size(v) == 0) {
		buf_add_str(b, "{\"type\":\"object\",\"properties\":{}}");
		return;
	}
	bool dropped = drop_nulls(v, false);
	type = json_get_str(v, "type");
	if (type && !dropped) {
		buf_add_str(b, schema);
		return;
	}
	buf_add_str(b, "{\"type\":\"object\",");
	if (dropped || json_object_get(v, "type")) {
		json_object_del(v, "type");
		CLEANUP(buf_done) struct buf rest = BUF_INIT(BODY_MAX_BYTES);
		json_add_value(&rest, v);
		buf_add_str(b, rest.n > 2 ? rest.p + 1 : "\"properties\":{}}");
		return;
	}
	buf_add_str(b, strchr(schema, '{') + 1);
}

/* Calls in the messages need tools, also where none can be called any more. */
static void add_called_tools(struct buf *b, const struct gen_request *q)
{
	const char *seen[32];
	size_t n = 0;
	for (size_t i = 0; i < q->n_messages; i++) {
		for (size_t k = 0; k < q->messages[i].n_calls && n < N_ELEMENTS(seen); k++) {
			const char *name = q->messages[i].calls[k].name;
			size_t at = 0;
			while (at < n && strcmp(seen[at], name) != 0)
				at++;
			if (at < n)
				continue;
			seen[n++] = name;
			buf_add_str(b, n > 1 ? ",{\"name\":" : ",\"tools\":[{\"name\":");
			json_add_cstr(b, name);
			buf_add_str(b, ",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}");
		}
	}
	if (n > 0)
		buf_add_str(b, "],\"tool_choice\":{\"type\":\"none\"}");
}

static void add_tools(struct buf *b, const struct gen_request *q, unsigned quirks, struct marks *marks)
{
	static const char *const choices[] = {
		[TOOLS_AUTO] = "auto", [TOOLS_NONE] = "none", [TOOLS_REQUIRED] = "any", [TOOLS_NAMED] = "tool"};
	if (q->n_tools == 0) {
		add_called_tools(b, q);
		return;
	}
	for (size_t i = 0; i < q->n_tools; i++) {
		const struct gen_tool *t = &q->tools[i];
		buf_add_str(b, i ? ",{\"name\":" : ",\"tools\":[{\"name\":");
		json_add_cstr(b, t->name);
		if (t->description) {
			buf_add_str(b, ",\"description\":");
			json_add_cstr(b, t->description);
		}
		buf_add_str(b, ",\"input_schema\":");
		add_schema(b, t->parameters);
		if (t->strict && !(quirks & QUIRK_NO_STRICT))
			buf_add_str(b, ",\"strict\":true");
		bool last = i + 1 == q->n_tools;
		add_mark(b, marks, t->cache ? t->cache : last && marks->prefix && !has_system(q) ? MARK : NULL);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
	if (q->tool_choice == TOOLS_AUTO && !q->one_tool_at_a_time)
		return;
	buf_printf(b, ",\"tool_choice\":{\"type\":\"%s\"", choices[q->tool_choice]);
	if (q->tool_choice == TOOLS_NAMED) {
		buf_add_str(b, ",\"name\":");
		json_add_cstr(b, q->tool_name ? q->tool_name : "");
	}
	if (q->one_tool_at_a_time && q->tool_choice != TOOLS_NONE)
		buf_add_str(b, ",\"disable_parallel_tool_use\":true");
	buf_add_char(b, '}');
}

static int64_t max_tokens(const struct target *t, const struct gen_request *q)
{
	int64_t most = t->model.max_output;
	if (q->max_tokens > 0)
		return most > 0 ? MIN(q->max_tokens, most) : q->max_tokens;
	return most > 0 ? most : MAX_TOKENS;
}

/* A model that is not asked to think is not reminded of what it thought. */
static bool gets_thoughts(const struct gen_request *q, unsigned quirks)
{
	return q->thinking != THINKING_OFF && !(quirks & (QUIRK_NO_THOUGHTS | QUIRK_NO_THINKING));
}

/* Whether the last answer begins with its thinking, as it is sent. */
static bool thought_before(const struct target *t, const struct gen_request *q, unsigned quirks)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(BODY_MAX_BYTES);
	struct blocks l = {.b = &content};
	size_t end = q->n_messages, i;
	while (end > 0 && !gen_is_role(&q->messages[end - 1], "assistant"))
		end--;
	for (i = end; i > 0 && (gen_is_role(&q->messages[i - 1], "assistant") || gen_is_system(&q->messages[i - 1]));)
		i--;
	add_assistants_blocks(&l, gets_thoughts(q, quirks) ? t : NULL, &q->messages[i], end - i);
	return str_starts(buf_str(&content), STR(BLOCK_THINKING)) || str_starts(buf_str(&content), STR(BLOCK_REDACTED));
}

/* Tokens to think with; 0: it cannot. With a budget, no tool may be forced, and what a tool said may not follow a message
 * without its thoughts. */
static int64_t budget_of(const struct target *t, const struct gen_request *q, unsigned quirks)
{
	static const int64_t budgets[] = {
		[THINKING_ON] = 8192, [THINKING_LOW] = 2048, [THINKING_MEDIUM] = 8192, [THINKING_HIGH] = 16384};
	bool forced = q->n_tools > 0 && q->tool_choice >= TOOLS_REQUIRED;
	bool in_loop = q->n_messages > 0 && gen_is_role(&q->messages[q->n_messages - 1], "tool") &&
		       !thought_before(t, q, quirks);
	int64_t budget = MIN(budgets[q->thinking], max_tokens(t, q) / 2);
	return budget >= 1024 && !forced && !in_loop ? budget : 0;
}

/* Older models think with a budget, newer ones as much as they find right; which it is, a refusal tells. */
static void add_thinking(struct buf *b, const struct target *t, const struct gen_request *q, unsigned quirks)
{
	if (q->thinking == THINKING_DEFAULT || (quirks & QUIRK_NO_THINKING))
		return;
	if (q->thinking == THINKING_OFF) {
		buf_add_str(b, ",\"thinking\":{\"type\":\"disabled\"}");
		return;
	}
	if (!(quirks & QUIRK_BUDGET)) {
		buf_add_str(b, ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}");
		return;
	}
	int64_t budget = budget_of(t, q, quirks);
	if (budget > 0)
		buf_printf(b, ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":%lld}", (long long)budget);
}

static const char *effort_of(const struct gen_request *q, unsigned quirks)
{
	if (quirks & (QUIRK_NO_EFFORT | QUIRK_BUDGET | QUIRK_NO_THINKING))
		return NULL;
	switch (q->thinking) {
	case THINKING_LOW:
		return "low";
	case THINKING_MEDIUM:
		return "medium";
	case THINKING_HIGH:
		return "high";
	default:
		return NULL;
	}
}

static void add_output(struct buf *b, const struct gen_request *q, unsigned quirks)
{
	const char *effort = effort_of(q, quirks);
	bool schema = q->format == FORMAT_SCHEMA && !(quirks & QUIRK_NO_FORMAT);
	if (!effort && !schema)
		return;
	buf_add_str(b, ",\"output_config\":{");
	if (effort)
		buf_printf(b, "\"effort\":\"%s\"%s", effort, schema ? "," : "");
	if (schema)
		buf_printf(b, "\"format\":{\"type\":\"json_schema\",\"schema\":%s}", q->schema);
	buf_add_char(b, '}');
}

/* The new version refuses any sampling. */
static bool takes_sampling(const struct target *t, unsigned quirks)
{
	return strcmp(version_of(t->p, quirks), OLD_VERSION) == 0 && !(quirks & QUIRK_NO_SAMPLING);
}

static void add_limits(struct buf *b, const struct target *t, const struct gen_request *q, unsigned quirks)
{
	const struct gen_sampling *s = &q->sampling;
	size_t n = 0;
	buf_printf(b, ",\"max_tokens\":%lld,\"stream\":true", (long long)max_tokens(t, q));
	for (size_t i = 0; q->stop && q->stop[i]; i++) {
		if (is_blank(str_from(q->stop[i]))) /* is refused */
			continue;
		buf_add_str(b, n++ ? "," : ",\"stop_sequences\":[");
		json_add_cstr(b, q->stop[i]);
	}
	if (n > 0)
		buf_add_char(b, ']');
	if (!takes_sampling(t, quirks))
		return;
	request_add_number(b, s, SAMPLE_TEMPERATURE, "temperature", MIN(s->temperature, TEMPERATURE_MAX));
	request_add_number(b, s, SAMPLE_TOP_P, "top_p", s->top_p);
	if (s->top_k > 0) /* elsewhere 0 and -1 say that all are taken */
		request_add_integer(b, s, SAMPLE_TOP_K, "top_k", s->top_k);
}

/* ---- requests ---- */

static bool raw_has_header(const struct gen_raw *raw, const char *name)
{
	for (const char *const *h = raw->headers; h && *h; h++)
		if (strncasecmp(*h, name, strlen(name)) == 0)
			return true;
	return false;
}

/* People give the address without /v1, but not all. */
static void begin(const struct target *t, const struct gen_request *q, const char *path, struct gen_call *r)
{
	const char *base = t->p->base;
	size_t n = strlen(base);
	r->quirks |= quirks_of(t->p, t->name);
	buf_printf(&r->url, "%s%s%s", base, n >= 3 && strcmp(base + n - 3, "/v1") == 0 ? "" : "/v1", path);
	request_header(r, "Content-Type: application/json");
	request_key(r, t->p, "x-api-key: ");
	const struct gen_raw *raw = request_is_raw(q, t->p) ? q->raw : NULL;
	if (!raw || !raw_has_header(raw, "anthropic-version:"))
		request_header(r, "anthropic-version: %s", version_of(t->p, r->quirks));
	for (const char *const *h = raw ? raw->headers : NULL; h && *h; h++)
		request_header(r, "%s", *h);
}

static int add_what_counts(const struct target *t, const struct gen_request *all, struct gen_call *r, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	struct gen_request paired, fit;
	const struct gen_request *q = &fit;
	arena_init(&mem, BODY_MAX_BYTES);
	int code;
	if ((code = history_settle(all, true, &mem, &paired)) < 0 ||
		(code = names_settle(&paired, &mem, &r->names, &fit)) < 0)
		return err_set(e, code, "no memory left for a request");
	buf_add_str(&r->body, "{\"model\":");
	json_add_cstr(&r->body, t->name);
	struct marks marks = marks_of(q);
	add_system(&r->body, q, r->quirks, &marks);
	add_tools(&r->body, q, r->quirks, &marks);
	add_messages(&r->body, gets_thoughts(q, r->quirks) ? t : NULL, q, &marks);
	add_thinking(&r->body, t, q, r->quirks);
	add_output(&r->body, q, r->quirks);
	return 0;
}

static int check(const struct target *t, const struct gen_request *q, struct err *e)
{
	if (q->suffix && *q->suffix)
		return err_set(
			e, E_MODEL_CANNOT, "%s cannot fill a gap in a text; its models only answer.", t->p->label);
	return 0;
}

static bool is_thinking(const json_t *block)
{
	const char *type = json_get_str(block, "type");
	return type && (strcmp(type, "thinking") == 0 || strcmp(type, "redacted_thinking") == 0);
}

/* The blocks of one message. Of one that has nothing else they stay. */
static bool drop_thinking(json_t *content)
{
	size_t all = json_array_size(content), n = 0;
	for (size_t i = 0; i < all; i++)
		n += is_thinking(json_array_get(content, i));
	for (size_t i = n < all ? all : 0; i-- > 0;)
		if (is_thinking(json_array_get(content, i)))
			json_array_remove(content, i);
	return n > 0 && n < all;
}

static bool is_of_type(const json_t *v, const char *type)
{
	const char *s = json_get_str(v, "type");
	return s && strcmp(s, type) == 0;
}

static bool has_result(const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	size_t n = json_array_size(content);
	while (n > 0 && !is_of_type(json_array_get(content, n - 1), "tool_result"))
		n--;
	return n > 0;
}

/* Who thinks within a budget wants the last thinking behind a tool. What clears thinking is refused where nobody thinks. */
static void stop_thinking(json_t *root)
{
	json_t *edits = json_object_get(json_object_get(root, "context_management"), "edits");
	if (!is_of_type(json_object_get(root, "thinking"), "enabled"))
		return;
	json_object_del(root, "thinking");
	for (size_t i = json_array_size(edits); i-- > 0;) {
		const char *type = json_get_str(json_array_get(edits, i), "type");
		if (type && strncmp(type, "clear_thinking", strlen("clear_thinking")) == 0)
			json_array_remove(edits, i);
	}
}

static void drop_all_thinking(json_t *root)
{
	const json_t *messages = json_object_get(root, "messages");
	bool dropped = false;
	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *m = json_array_get(messages, i);
		bool asks = i + 1 == json_array_size(messages);
		if (asks && dropped && has_result(m))
			stop_thinking(root);
		dropped = drop_thinking(json_object_get(m, "content"));
	}
}

/* As it came, but for thinking whose signature was refused: it was made elsewhere, or a program kept half of it. */
static void add_raw(struct buf *b, const struct gen_request *q, const char *model, bool stream, unsigned quirks)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	CLEANUP(buf_done) struct buf less = BUF_INIT(BODY_MAX_BYTES);
	const char *body = q->raw->body;
	if (quirks & QUIRK_NO_THOUGHTS &&
		json_read(body, strlen(body), JSON_MEMORY, JSON_READ_EXACT, &root, NULL) >= 0) {
		drop_all_thinking(root);
		json_add_value(&less, root);
		if (buf_status(&less) == 0)
			body = buf_str(&less).p;
	}
	request_add_raw(b, body, model, stream);
}

int anthropic_request(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e)
{
	int code = check(t, q, e);
	if (code < 0)
		return code;
	begin(t, q, "/messages", r);
	request_header(r, "Accept: text/event-stream");
	if (request_is_raw(q, t->p)) {
		add_raw(&r->body, q, t->name, true, r->quirks);
		return 0;
	}
	if ((code = add_what_counts(t, q, r, e)) < 0)
		return code;
	add_limits(&r->body, t, q, r->quirks);
	if (q->user) {
		buf_add_str(&r->body, ",\"metadata\":{\"user_id\":");
		json_add_cstr(&r->body, q->user);
		buf_add_char(&r->body, '}');
	}
	buf_add_char(&r->body, '}');
	return 0;
}

int anthropic_count(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e)
{
	int code = check(t, q, e);
	if (code < 0)
		return code;
	begin(t, q, "/messages/count_tokens", r);
	request_header(r, "Accept: application/json");
	if (request_is_raw(q, t->p)) {
		add_raw(&r->body, q, t->name, false, r->quirks);
		return 0;
	}
	if ((code = add_what_counts(t, q, r, e)) < 0)
		return code;
	buf_add_char(&r->body, '}');
	return 0;
}

/* ---- what a refusal teaches ---- */

unsigned anthropic_learn(
	const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error)
{
	unsigned ret = 0;
	if (quirk_names(error, "anthropic-version") || quirk_names(error, "anthropic_version"))
		ret |= QUIRK_OLD_VERSION;
	if (q && quirk_names(error, "signature") && quirk_names(error, "thinking") &&
		(q->raw || request_has_thoughts(t, q)))
		return QUIRK_NO_THOUGHTS & ~r->quirks;
	if (!q || q->raw)
		return ret & ~r->quirks;
	bool effort = q->thinking >= THINKING_LOW && !(r->quirks & QUIRK_NO_EFFORT);
	if (effort && quirk_names(error, "effort"))
		ret |= QUIRK_NO_EFFORT;
	else if (q->thinking != THINKING_DEFAULT && (quirk_names(error, "thinking") || quirk_names(error, "adaptive")))
		ret |= q->thinking == THINKING_OFF || (r->quirks & QUIRK_BUDGET) ? QUIRK_NO_THINKING : QUIRK_BUDGET;
	if (q->format == FORMAT_SCHEMA && !ret && (quirk_names(error, "output_config") || quirk_names(error, "format")))
		ret |= QUIRK_NO_FORMAT;
	if (q->n_tools > 0 && quirk_names(error, "strict"))
		ret |= QUIRK_NO_STRICT;
	if (q->sampling.set &&
		(quirk_names(error, "temperature") || quirk_names(error, "top_p") || quirk_names(error, "top_k")))
		ret |= QUIRK_NO_SAMPLING;
	return ret & ~r->quirks;
}

static unsigned lost_thinking(const struct target *t, const struct gen_request *q, unsigned quirks)
{
	if (q->thinking < THINKING_ON)
		return 0;
	if ((quirks & QUIRK_NO_THINKING) || ((quirks & QUIRK_BUDGET) && budget_of(t, q, quirks) == 0))
		return LOST_EFFORT;
	if (q->thinking < THINKING_LOW)
		return 0;
	return quirks & QUIRK_BUDGET ? LOST_TO_BUDGET : quirks & QUIRK_NO_EFFORT ? LOST_LEVEL : 0;
}

unsigned anthropic_lost(const struct target *t, const struct gen_request *q, const struct gen_call *r)
{
	if (request_is_raw(q, t->p))
		return 0;
	unsigned set = q->sampling.set & (SAMPLE_TEMPERATURE | SAMPLE_TOP_P | SAMPLE_TOP_K), lost = 0;
	if (!takes_sampling(t, r->quirks))
		lost = set;
	else if ((set & SAMPLE_TEMPERATURE) && q->sampling.temperature > TEMPERATURE_MAX)
		lost = LOST_HEAT;
	if (t->model.max_output > 0 && q->max_tokens > t->model.max_output)
		lost |= LOST_LENGTH;
	return lost | lost_thinking(t, q, r->quirks);
}
