/* schema_parse.c - a JSON text into a C struct, with refusals a person can act on. No value is ever quoted in them. */
#include "base/schema.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* Of the tree that a body becomes, beside its strings; the largest lists that our schemas take need a tenth. */
#define BODY_MEMORY ((size_t)8 << 20)

/* Below, every whole number has a double of its own. */
#define EXACT_MAX 9007199254740992.0

/* Where we are in the text, for the refusals: a chain from the field up to the top. */
struct place {
	const struct place *up;
	const char *name; /* NULL: an item of the list `up` */
	size_t index;
};

struct parse {
	struct arena *arena;
	struct err *err;
	uint64_t given; /* of the outermost object */
};

static int parse_object(struct parse *p, const struct schema *s, const struct place *at, const json_t *v, void *out);

static void add_place(struct buf *b, const struct place *at)
{
	if (!at)
		return;
	add_place(b, at->up);
	if (!at->name) {
		buf_printf(b, "[%zu]", at->index);
		return;
	}
	if (b->n)
		buf_add_char(b, '.');
	buf_add_str(b, at->name);
}

/* Records `"a.b[2]" ` and the sentence's rest. */
static int PRINTF(4, 5) refuse(struct parse *p, const struct place *at, int code, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf where = BUF_INIT(150);
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	add_place(&where, at);
	if (where.n == 0)
		return err_set(p->err, code, "The body %s.", what);
	return err_field(p->err, code, where.p, "%s.", what);
}

static int out_of_memory(struct parse *p)
{
	return err_set(p->err, -ENOMEM, "no memory left for the request's fields");
}

/* "from 1 to 10", or "" without bounds. */
static const char *number_bounds(const struct field *f, char text[64])
{
	text[0] = '\0';
	if (f->min != 0 || f->max != 0)
		snprintf(text, 64, " from %lld to %lld", (long long)f->min, (long long)f->max);
	return text;
}

static int refuse_text(struct parse *p, const struct place *at, const struct field *f)
{
	long long min = f->min, max = f->max;

	if (max == 0 && min == 0)
		return refuse(p, at, E_INVALID, "must be a text");
	if (max == 0)
		return refuse(p, at, E_INVALID, "must be a text of at least %lld characters", min);
	return refuse(p, at, E_INVALID, "must be a text of %lld to %lld characters", min, max);
}

/* NUL was replaced by the JSON parser. */
static bool has_control(const char *s, size_t n, bool many_lines)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (many_lines && (c == '\n' || c == '\r' || c == '\t'))
			continue;
		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

/* 1: it does; 0: it does not; -ENOMEM. */
static int fits(const char *text, const char *pattern)
{
	regex_t rx;
	int r = regcomp(&rx, pattern, REG_EXTENDED | REG_NOSUB);

	ASSERT(r == 0 || r == REG_ESPACE); /* the pattern is of a table */
	if (r != 0)
		return -ENOMEM;
	r = regexec(&rx, text, 0, NULL, 0);
	regfree(&rx);
	return r == REG_ESPACE ? -ENOMEM : r == 0;
}

static int parse_text(struct parse *p, const struct field *f, const struct place *at, const json_t *v, const char **ret)
{
	bool many_lines = f->type == FT_TEXT;
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	uint64_t length = s ? utf8_count(s, n) : 0;
	char *copy;

	if (!s)
		return refuse_text(p, at, f);
	if (f->max != 0 && length > (uint64_t)f->max)
		return refuse(p, at, E_INVALID, "is %llu characters long; at most %lld are allowed",
			(unsigned long long)length, (long long)f->max);
	int fit = f->pattern ? fits(s, f->pattern) : 1;
	if (fit <= 0)
		return fit < 0 ? out_of_memory(p) : refuse(p, at, E_INVALID, "must be %s", f->hint);
	while (!many_lines && n > 0 && s[0] == ' ') {
		s++;
		n--;
	}
	while (!many_lines && n > 0 && s[n - 1] == ' ')
		n--;
	if (f->min > 0 && utf8_count(s, n) < (uint64_t)f->min)
		return refuse_text(p, at, f);
	if (has_control(s, n, many_lines))
		return refuse(p, at, E_INVALID,
			many_lines ? "must not contain control characters other than line breaks and tabs"
				   : "must not contain line breaks or other control characters");
	copy = arena_strndup(p->arena, s, n);
	if (!copy)
		return out_of_memory(p);
	*ret = copy;
	return 0;
}

static int parse_enum(struct parse *p, const struct field *f, const struct place *at, const json_t *v, const char **ret)
{
	struct str word = {json_string_value(v), json_string_length(v)};
	char *copy;

	if (!word.p || str_word_place(f->choices, word) < 0)
		return refuse(p, at, E_INVALID, "must be one of: %s", f->choices);
	copy = arena_strndup(p->arena, word.p, word.n);
	if (!copy)
		return out_of_memory(p);
	*ret = copy;
	return 0;
}

static int parse_i64(struct parse *p, const struct field *f, const struct place *at, const json_t *v, int64_t *ret)
{
	double real = json_number_value(v);
	int64_t n = json_is_real(v) && fabs(real) < EXACT_MAX ? (int64_t)real : json_integer_value(v);
	char bounds[64];

	/* 5.0 is a whole number, too. */
	if (!json_is_number(v) || (json_is_real(v) && (fabs(real) >= EXACT_MAX || fabs(real - (double)n) > 0)) ||
		((f->min != 0 || f->max != 0) && (n < f->min || n > f->max)))
		return refuse(p, at, E_INVALID, "must be a whole number%s", number_bounds(f, bounds));
	*ret = n;
	return 0;
}

static int parse_f64(struct parse *p, const struct field *f, const struct place *at, const json_t *v, double *ret)
{
	double n = json_number_value(v);
	char bounds[64];

	if (!json_is_number(v) || ((f->min != 0 || f->max != 0) && (n < (double)f->min || n > (double)f->max)))
		return refuse(p, at, E_INVALID, "must be a number%s", number_bounds(f, bounds));
	*ret = n;
	return 0;
}

static int parse_json(struct parse *p, const json_t *v, const char **ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(p->arena->cap);
	char *copy;

	json_add_value(&text, v);
	copy = buf_status(&text) == 0 ? arena_strndup(p->arena, text.p, text.n) : NULL;
	if (!copy)
		return out_of_memory(p);
	*ret = copy;
	return 0;
}

/* An item of FT_STRS. */
static int parse_word(struct parse *p, const struct field *f, const struct place *at, const json_t *v, const char **ret)
{
	atelier_id id;

	if (f->type == FT_ENUM)
		return parse_enum(p, f, at, v, ret);
	if (f->type != FT_ID)
		return parse_text(p, f, at, v, ret);
	if (!json_is_string(v) || !id_parse(json_string_value(v), json_string_length(v), &id))
		return refuse(p, at, E_INVALID, "must be an id: %d letters and digits", ID_LEN);
	*ret = arena_strndup(p->arena, json_string_value(v), ID_LEN);
	return *ret ? 0 : out_of_memory(p);
}

static int parse_item(struct parse *p, const struct field *f, const struct place *at, const json_t *v, void *out)
{
	/* Items of a list of texts have no bounds of their own: the body has. */
	static const struct field item = {.type = FT_TEXT};

	if (f->type == FT_STRS)
		return parse_word(p, f->item ? f->item : &item, at, v, out);
	return parse_object(p, f->sub, at, v, out);
}

static bool is_repeated(const char *const *texts, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(texts[k], texts[i]) == 0)
			return true;
	return false;
}

static int parse_list(
	struct parse *p, const struct field *f, const struct place *at, const json_t *v, struct schema_list *ret)
{
	size_t n = json_array_size(v), size = f->type == FT_STRS ? sizeof(char *) : f->sub->size;
	struct schema_list list = {.n = n};

	ASSERT(f->type == FT_STRS || !(f->flags & FIELD_UNIQUE)); /* of texts alone it can be said */
	if (!json_is_array(v) || n < (uint64_t)f->min || (f->max > 0 && n > (uint64_t)f->max)) {
		if (f->max == 0)
			return refuse(p, at, E_INVALID, "must be a list");
		return refuse(
			p, at, E_INVALID, "must be a list of %lld to %lld items", (long long)f->min, (long long)f->max);
	}
	if (n > 0) {
		list.items = arena_alloc_array(p->arena, n, size);
		if (!list.items)
			return out_of_memory(p);
	}
	for (size_t i = 0; i < n; i++) {
		struct place item_at = {.up = at, .index = i};
		int r = parse_item(p, f, &item_at, json_array_get(v, i), (char *)list.items + i * size);

		if (r < 0)
			return r;
		if (f->flags & FIELD_UNIQUE && is_repeated(list.items, i))
			return refuse(p, &item_at, E_INVALID, "is there twice");
	}
	*ret = list;
	return 0;
}

static int parse_field(struct parse *p, const struct field *f, const struct place *at, const json_t *v, char *out)
{
	void *to = out + f->offset;

	switch (f->type) {
	case FT_STR:
	case FT_TEXT:
		return parse_text(p, f, at, v, to);
	case FT_ENUM:
		return parse_enum(p, f, at, v, to);
	case FT_I64:
		return parse_i64(p, f, at, v, to);
	case FT_F64:
		return parse_f64(p, f, at, v, to);
	case FT_BOOL:
		if (!json_is_boolean(v))
			return refuse(p, at, E_INVALID, "must be true or false");
		*(bool *)to = json_is_true(v);
		return 0;
	case FT_ID:
		if (!json_is_string(v) || !id_parse(json_string_value(v), json_string_length(v), to))
			return refuse(p, at, E_INVALID, "must be an id: %d letters and digits", ID_LEN);
		return 0;
	case FT_OBJECT:
		return parse_object(p, f->sub, at, v, to);
	case FT_LIST:
	case FT_STRS:
		return parse_list(p, f, at, v, to);
	case FT_JSON:
		if ((f->flags & FIELD_OBJECT_ONLY) && !json_is_object(v))
			return refuse(p, at, E_INVALID, "must be a JSON object");
		return parse_json(p, v, to);
	case FT_TIME:
		break; /* only emitted */
	}
	return 0;
}

static const struct field *find_field(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i].type != FT_TIME && strcmp(s->fields[i].name, name) == 0)
			return &s->fields[i];
	return NULL;
}

static int refuse_unknown(struct parse *p, const struct place *at, const char *name)
{
	char shown[65];
	size_t n = utf8_prefix(name, strlen(name), sizeof(shown) - 1);

	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
	shown[n] = '\0';
	return refuse(p, at, E_INVALID, "has no field \"%s\"", shown);
}

static int parse_object(struct parse *p, const struct schema *s, const struct place *at, const json_t *v, void *out)
{
	const char *key;
	json_t *item;

	if (!json_is_object(v))
		return refuse(p, at, E_INVALID, "must be a JSON object");
	json_object_foreach((json_t *)v, key, item)
	{
		if (!find_field(s, key))
			return refuse_unknown(p, at, key);
	}
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];
		struct place field_at = {.up = at, .name = f->name};
		int r;

		if (f->type == FT_TIME)
			continue;
		ASSERT(f->offset < s->size && f->present < (ptrdiff_t)s->size); /* the row is of this struct */
		item = json_object_get(v, f->name);
		if ((f->flags & FIELD_REQUIRED) && (!item || json_is_null(item)))
			return refuse(p, &field_at, E_INVALID, "is missing");
		if (item && f->present >= 0)
			*(bool *)((char *)out + f->present) = true;
		if (json_is_null(item) && f->type == FT_I64)
			*(int64_t *)(void *)((char *)out + f->offset) = f->when_null;
		if (json_is_null(item) && f->type == FT_F64)
			*(double *)(void *)((char *)out + f->offset) = NAN;
		if (!at && item && (!json_is_null(item) || f->flags & FIELD_NULL))
			p->given |= (uint64_t)1 << i;
		if (!item || json_is_null(item))
			continue;
		r = parse_field(p, f, &field_at, item, out);
		if (r < 0)
			return r;
	}
	return 0;
}

int schema_parse_given(
	const struct schema *s, struct str body, void *out, uint64_t *ret_given, struct arena *a, struct err *e)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct parse p = {.arena = a, .err = e};
	int r;

	ASSERT(s->n_fields <= 64); /* the bits of `given` */
	memset(out, 0, s->size);
	r = json_read(body.p, body.n, BODY_MEMORY, JSON_READ_MILD, &v, e);
	if (r == 0)
		r = parse_object(&p, s, NULL, v, out);
	if (r == 0)
		*ret_given = p.given;
	return r;
}

int schema_parse(const struct schema *s, struct str body, void *out, struct arena *a, struct err *e)
{
	uint64_t given;

	return schema_parse_given(s, body, out, &given, a, e);
}

size_t schema_size_of(const struct field *f)
{
	switch (f->type) {
	case FT_STR:
	case FT_TEXT:
	case FT_ENUM:
	case FT_JSON:
		return sizeof(const char *);
	case FT_I64:
	case FT_TIME:
		return sizeof(int64_t);
	case FT_BOOL:
		return sizeof(bool);
	case FT_F64:
		return sizeof(double);
	case FT_ID:
		return sizeof(atelier_id);
	case FT_OBJECT:
		return f->sub->size;
	case FT_LIST:
	case FT_STRS:
		return sizeof(struct schema_list);
	}
	return 0;
}

void schema_apply(const struct schema *s, const void *from, uint64_t given, void *to)
{
	ASSERT(s->n_fields >= 64 || given >> s->n_fields == 0); /* of a parse by this schema */
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];

		ASSERT(f->offset + schema_size_of(f) <= s->size);
		if (given & (uint64_t)1 << i)
			memcpy((char *)to + f->offset, (const char *)from + f->offset, schema_size_of(f));
	}
}
