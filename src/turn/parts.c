/* parts.c - see parts.h. */
#include "turn/parts.h"

#include <errno.h>

static const char *const type_names[] = {
	"text", "reasoning", "tool_call", "citation", "notice", "image", "plan", "budget"};

_Static_assert(N_ELEMENTS(type_names) == PART_BUDGET + 1, "each kind has its name");

static void part_done(struct part *p)
{
	buf_done(&p->text);
	buf_done(&p->result);
	free(p->id);
	free(p->name);
	free(p->parent);
	free(p->document);
	free(p->passage);
	free(p->heading);
	free(p->place);
	free(p->label);
	json_decref(p->more);
}

void parts_done(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		part_done(&p->items[i]);
	free(p->items);
	*p = PARTS_INIT(p->max);
}

struct part *parts_add(struct parts *p, enum part_type type)
{
	if (p->n == p->room) {
		struct part *more = xcalloc(p->room ? p->room * 2 : 4, sizeof *more);
		if (p->n)
			memcpy(more, p->items, p->n * sizeof *more);
		free(p->items);
		p->items = more;
		p->room = p->room ? p->room * 2 : 4;
	}
	struct part *part = &p->items[p->n++];
	*part = (struct part){.type = type, .text = BUF_INIT(p->max), .result = BUF_INIT(p->max)};
	return part;
}

void parts_remove(struct parts *p, size_t i)
{
	ASSERT(i < p->n);
	part_done(&p->items[i]);
	p->n--;
	memmove(&p->items[i], &p->items[i + 1], (p->n - i) * sizeof *p->items);
}

int parts_status(const struct parts *p)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n; i++)
		if ((r = buf_status(&p->items[i].text)) >= 0)
			r = buf_status(&p->items[i].result);
	return r;
}

void parts_words(const struct parts *p, enum part_type type, struct buf *to)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].type == type && !p->items[i].parent)
			buf_add(to, buf_str(&p->items[i].text).p, p->items[i].text.n);
}

/* ---- from JSON ---- */

static char *copy_member(const json_t *obj, const char *key)
{
	const char *s = json_get_str(obj, key);

	return s && *s ? xstrdup(s) : NULL;
}

static void add_member(const json_t *obj, const char *key, struct buf *to)
{
	const json_t *v = json_object_get(obj, key);

	if (json_is_string(v))
		buf_add(to, json_string_value(v), json_string_length(v));
}

void part_read_counts(struct part *part, const json_t *v)
{
	part->count = MAX(json_get_i64(v, "count", 0), INT64_C(0));
	part->tokens = MAX(json_get_i64(v, "tokens", 0), INT64_C(0));
}

void part_read_place(struct part *part, const json_t *v)
{
	free(part->document);
	free(part->passage);
	free(part->heading);
	free(part->place);
	free(part->label);
	part->document = copy_member(v, "document_id");
	part->passage = copy_member(v, "passage_id");
	part->heading = copy_member(v, "heading");
	part->place = copy_member(v, "place");
	part->label = copy_member(v, "label");
	part->page = json_get_i64(v, "page", 0);
	part->score = 0;
	(void)json_get_number(json_object_get(v, "score"), &part->score);
}

void part_set(struct part *part, const char *key, json_t *value)
{
	if (!part->more)
		part->more = json_object();
	if (json_object_set(part->more, key, value) < 0)
		part->result.failed = -ENOMEM;
}

/* What is not said by a field of its own. */
static void read_more(struct part *part, const json_t *v)
{
	static const char *const own[] = {
		"type", "text", "id", "name", "arguments", "result", "failed", "round", "parent"};
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)v, key, value)
	{
		bool known = false;
		for (size_t i = 0; i < N_ELEMENTS(own) && !known; i++)
			known = strcmp(key, own[i]) == 0;
		if (!known)
			part_set(part, key, value);
	}
}

static void read_part(struct part *part, const json_t *v)
{
	part->parent = copy_member(v, "parent");
	switch (part->type) {
	case PART_TEXT:
	case PART_REASONING:
		add_member(v, "text", &part->text);
		read_more(part, v);
		break;
	case PART_TOOL_CALL:
		part->n = -1;
		part->id = copy_member(v, "id");
		part->name = copy_member(v, "name");
		add_member(v, "arguments", &part->text);
		part->answered = json_is_string(json_object_get(v, "result"));
		add_member(v, "result", &part->result);
		part->failed = json_is_true(json_object_get(v, "failed"));
		part->round = json_get_i64(v, "round", 0);
		read_more(part, v);
		break;
	case PART_CITATION:
		part->n = json_get_i64(v, "n", 0);
		part->id = copy_member(v, "url");
		part->name = copy_member(v, "title");
		add_member(v, "quote", &part->text);
		part_read_place(part, v);
		break;
	case PART_NOTICE:
		part->name = copy_member(v, "code");
		add_member(v, "text", &part->text);
		part_read_counts(part, v);
		break;
	case PART_IMAGE:
		part->id = copy_member(v, "id");
		part->name = copy_member(v, "name");
		add_member(v, "media_type", &part->text);
		part->width = json_get_i64(v, "width", 0);
		part->height = json_get_i64(v, "height", 0);
		break;
	case PART_PLAN:
	case PART_BUDGET:
		read_more(part, v);
		break;
	}
}

static int type_from(const char *name)
{
	for (size_t i = 0; name && i < N_ELEMENTS(type_names); i++)
		if (strcmp(name, type_names[i]) == 0)
			return (int)i;
	return -1;
}

int parts_read(struct parts *p, const char *json, const char *content, struct err *e)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	int r;

	if (!json) {
		if (content && *content)
			buf_add_str(&parts_add(p, PART_TEXT)->text, content);
		return parts_status(p);
	}
	if ((r = json_parse(json, strlen(json), &list, e)) < 0)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		int type = type_from(json_get_str(v, "type"));
		if (type < 0)
			return err_set(e, E_INVALID, "A message has a part of a kind that is not known here.");
		read_part(parts_add(p, (enum part_type)type), v);
	}
	return parts_status(p);
}

/* ---- to JSON ---- */

static void write_words(struct buf *to, const char *key, const struct buf *words)
{
	buf_printf(to, ",\"%s\":", key);
	json_add_string(to, buf_str(words).p, words->n);
}

static void write_name(struct buf *to, const char *key, const char *name)
{
	buf_printf(to, ",\"%s\":", key);
	json_add_cstr(to, name ? name : "");
}

static void write_more(const struct part *part, struct buf *to)
{
	const char *key;
	json_t *value;

	json_object_foreach(part->more, key, value)
	{
		buf_add_char(to, ',');
		json_add_cstr(to, key);
		buf_add_char(to, ':');
		json_add_value(to, value);
	}
}

void parts_write_one(const struct part *part, struct buf *to)
{
	buf_printf(to, "{\"type\":\"%s\"", type_names[part->type]);
	if (part->parent)
		write_name(to, "parent", part->parent);
	switch (part->type) {
	case PART_TEXT:
	case PART_REASONING:
		write_words(to, "text", &part->text);
		write_more(part, to);
		break;
	case PART_TOOL_CALL:
		write_name(to, "id", part->id);
		write_name(to, "name", part->name);
		write_words(to, "arguments", &part->text);
		if (part->answered)
			write_words(to, "result", &part->result);
		else
			buf_add_str(to, ",\"result\":null");
		buf_printf(to, ",\"failed\":%s", part->failed ? "true" : "false");
		if (part->round)
			buf_printf(to, ",\"round\":%lld", (long long)part->round);
		write_more(part, to);
		break;
	case PART_CITATION:
		buf_printf(to, ",\"n\":%lld", (long long)part->n);
		write_name(to, "title", part->name);
		write_name(to, "url", part->id);
		write_words(to, "quote", &part->text);
		if (!part->document)
			break;
		write_name(to, "document_id", part->document);
		write_name(to, "passage_id", part->passage);
		write_name(to, "heading", part->heading);
		buf_printf(to, ",\"page\":%lld", (long long)part->page);
		if (part->place) {
			write_name(to, "place", part->place);
			write_name(to, "label", part->label);
		}
		if (part->score > 0) {
			buf_add_str(to, ",\"score\":");
			json_add_double(to, part->score);
		}
		break;
	case PART_NOTICE:
		write_name(to, "code", part->name);
		write_words(to, "text", &part->text);
		if (part->count)
			buf_printf(to, ",\"count\":%lld", (long long)part->count);
		if (part->tokens)
			buf_printf(to, ",\"tokens\":%lld", (long long)part->tokens);
		break;
	case PART_IMAGE:
		write_name(to, "id", part->id);
		write_words(to, "media_type", &part->text);
		buf_printf(to, ",\"width\":%lld,\"height\":%lld", (long long)part->width, (long long)part->height);
		write_name(to, "name", part->name);
		break;
	case PART_PLAN:
	case PART_BUDGET:
		write_more(part, to);
		break;
	}
	buf_add_char(to, '}');
}

void parts_write(const struct parts *p, struct buf *to)
{
	if (p->n == 0 || (p->n == 1 && p->items[0].type == PART_TEXT && !p->items[0].parent && !p->items[0].more))
		return;
	for (size_t i = 0; i < p->n; i++) {
		buf_add_char(to, i ? ',' : '[');
		parts_write_one(&p->items[i], to);
	}
	buf_add_char(to, ']');
}
