/* request.c - the pieces that the requests of all dialects are made of. */
#include "provider/request.h"
#include "base/secret.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

const char request_go_on[] = "Go on exactly where your last message ends. Do not repeat any of it, and do not "
			     "comment on it.";

/* ---- what is asked ---- */

static bool is_object(const char *text)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	return text && json_read(text, strlen(text), JSON_MEMORY, JSON_READ_EXACT, &root, NULL) >= 0 &&
	       json_is_object(root);
}

int request_check(const struct gen_request *q, struct err *e)
{
	for (size_t i = 0; i < q->n_tools; i++)
		if (q->tools[i].parameters && !is_object(q->tools[i].parameters))
			return err_set(e, E_INVALID, "The parameters of the tool \"%.64s\" are not a JSON object.",
				q->tools[i].name);
	if (q->format == FORMAT_SCHEMA && !is_object(q->schema))
		return err_set(e, E_INVALID, "The schema of the answer is not a JSON object.");
	if (q->raw && !is_object(q->raw->body))
		return err_set(e, E_INVALID, "The request is not a JSON object.");
	return 0;
}

bool request_is_raw(const struct gen_request *q, const struct provider *p)
{
	return q->raw && (q->raw->api & p->dialect->api);
}

/* ---- headers ---- */

void gen_call_done(struct gen_call *r)
{
	buf_done(&r->url);
	buf_done(&r->body);
	names_done(&r->names);
	for (size_t i = 0; i < r->n_lines; i++) {
		secret_wipe(r->lines[i]);
		free(r->lines[i]);
	}
}

static void add_line(struct gen_call *r, const char *line)
{
	if (r->n_lines == N_ELEMENTS(r->lines))
		return;
	r->lines[r->n_lines] = xstrdup(line);
	r->headers[r->n_lines] = r->lines[r->n_lines];
	r->n_lines++;
}

void request_header(struct gen_call *r, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(line))
		add_line(r, line);
	secret_wipe(line);
}

void request_key(struct gen_call *r, const struct provider *p, const char *before)
{
	if (*p->key)
		request_header(r, "%s%s", before, p->key);
}

/* ---- JSON ---- */

bool request_is_object(const char *text)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	return json_read(text, strlen(text), JSON_MEMORY, JSON_READ_LOOSE, &v, NULL) == 0 && json_is_object(v);
}

void request_add_object(struct buf *b, const char *text)
{
	if (!text || !json_add_object(b, text, strlen(text)))
		buf_add_str(b, "{}");
}

void request_add_number(struct buf *b, const struct gen_sampling *s, unsigned bit, const char *name, double value)
{
	if (!(s->set & bit))
		return;
	buf_printf(b, ",\"%s\":", name);
	json_add_double(b, value);
}

void request_add_integer(struct buf *b, const struct gen_sampling *s, unsigned bit, const char *name, int64_t value)
{
	if (s->set & bit)
		buf_printf(b, ",\"%s\":%lld", name, (long long)value);
}

void request_add_seed(struct buf *b, const struct gen_sampling *s)
{
	if (s->set & SAMPLE_SEED)
		buf_printf(b, ",\"seed\":%s", s->seed);
}

void request_add_strings(struct buf *b, const char *const *list)
{
	buf_add_char(b, '[');
	for (size_t i = 0; list[i]; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_add_cstr(b, list[i]);
	}
	buf_add_char(b, ']');
}

const char *request_extra(const struct gen_request *q, unsigned api, const char *members)
{
	return members && q->extras_api == api ? members : "";
}

static void add_function(struct buf *b, const struct gen_tool *t, const char *extras, bool strict)
{
	buf_add_str(b, "{\"type\":\"function\",\"function\":{\"name\":");
	json_add_cstr(b, t->name);
	if (t->description) {
		buf_add_str(b, ",\"description\":");
		json_add_cstr(b, t->description);
	}
	buf_add_str(b, ",\"parameters\":");
	buf_add_str(b, t->parameters ? t->parameters : "{\"type\":\"object\",\"properties\":{}}");
	if (t->strict && strict)
		buf_add_str(b, ",\"strict\":true");
	buf_add_str(b, extras);
	buf_add_str(b, "}}");
}

void request_add_functions(struct buf *b, const struct gen_request *q, unsigned api, bool strict, bool only_named)
{
	size_t n = 0;
	only_named = only_named && q->tool_choice == TOOLS_NAMED && q->tool_name;
	for (size_t i = 0; i < q->n_tools; i++) {
		if (only_named && strcmp(q->tools[i].name, q->tool_name) != 0)
			continue;
		buf_add_str(b, n++ == 0 ? ",\"tools\":[" : ",");
		add_function(b, &q->tools[i], request_extra(q, api, q->tools[i].extras), strict);
	}
	if (n > 0)
		buf_add_char(b, ']');
}

bool request_said_by(const struct target *t, const char *name)
{
	return name ? strcmp(name, t->p->name) == 0 : !t->fallback;
}

const char *request_thoughts(const struct target *t, const struct gen_message *m)
{
	if (m->thoughts)
		return request_said_by(t, m->thoughts_of) ? m->thoughts : NULL;
	for (size_t i = 0; i < m->n_calls; i++)
		if (m->calls[i].thoughts)
			return request_said_by(t, m->calls[i].extras_of) ? m->calls[i].thoughts : NULL;
	return NULL;
}

bool request_has_thoughts(const struct target *t, const struct gen_request *q)
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (request_thoughts(t, &q->messages[i]))
			return true;
	return false;
}

void request_add_logprobs(struct buf *b, const struct gen_request *q)
{
	if (q->logprobs)
		buf_add_str(b, ",\"logprobs\":true");
	if (q->logprobs && q->logprobs->top > 0)
		buf_printf(b, ",\"top_logprobs\":%lld", (long long)q->logprobs->top);
}

bool request_has_extra(const struct gen_request *q, unsigned api, const char *name)
{
	char key[80];
	int n = snprintf(key, sizeof(key), ",\"%s\":", name);
	return n > 0 && (size_t)n < sizeof(key) && strstr(request_extra(q, api, q->extras), key);
}

void request_add_format_words(struct buf *b, const struct gen_request *q)
{
	if (q->format == FORMAT_JSON)
		buf_add_str(b, "Answer with one JSON object and nothing else: no words around it, no code fence.");
	if (q->format == FORMAT_SCHEMA)
		buf_printf(b,
			"Answer with one JSON value that is valid by the following JSON Schema and nothing else: no "
			"words around it, no code fence.\n%s",
			q->schema);
}

struct str request_text_before(const struct gen_message *m, size_t i)
{
	const char *text = m->content ? m->content : "";
	size_t n = strlen(text), from = i > 0 ? MIN(m->images[i - 1].at + m->images[i - 1].gap, n) : 0,
	       to = i < m->n_images ? MIN(m->images[i].at, n) : n;

	return (struct str){text + from, to > from ? to - from : 0};
}

int request_flatten(const struct gen_request *q, struct arena *a, struct gen_request *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_MAX_BYTES);

	for (size_t i = 0; i < q->n_messages; i++) {
		const struct gen_message *m = &q->messages[i];

		if (m->n_images > 0)
			return err_set(e, E_MODEL_CANNOT, "Pictures cannot be sent without the template of the model.");
		if (m->content && *m->content)
			buf_printf(&b, "%s%s", b.n ? "\n\n" : "", m->content);
	}
	*ret = *q;
	ret->prompt = buf_status(&b) == 0 ? arena_strndup(a, b.n ? b.p : "", b.n) : NULL;
	ret->messages = NULL;
	ret->n_messages = 0;
	return ret->prompt ? 0 : err_set(e, -ENOMEM, "no memory left for a request");
}

/* ---- a request in the provider's own shape ---- */

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* Behind the string that begins at p. The text was parsed before, so that every part of it has its end. */
static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

static const char *skip_value(const char *p)
{
	int depth = 0;
	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (*p && (depth > 0 || !strchr(",}] \t\r\n", *p)));
	return p;
}

static bool is_key(const char *p, const char *end, const char *key)
{
	size_t n = strlen(key);
	return (size_t)(end - p) == n + 2 && memcmp(p + 1, key, n) == 0;
}

/* The other members stay as they are, byte by byte: numbers keep their digits, objects their order. */
void request_add_raw(struct buf *b, const char *body, const char *model, bool stream)
{
	buf_add_str(b, "{\"model\":");
	json_add_cstr(b, model);
	if (stream)
		buf_add_str(b, ",\"stream\":true");
	const char *p = skip_space(skip_space(body) + 1);
	while (*p == '"') {
		const char *key = p, *key_end = skip_string(p);
		const char *value = skip_space(skip_space(key_end) + 1), *end = skip_value(value);
		if (!is_key(key, key_end, "model") && !is_key(key, key_end, "stream")) {
			buf_add_char(b, ',');
			buf_add(b, key, (size_t)(end - key));
		}
		p = skip_space(end);
		if (*p == ',')
			p = skip_space(p + 1);
	}
	buf_add_char(b, '}');
}
