/* schema_emit.c - a C struct as a JSON object. */
#include "base/schema.h"

#include "base/clock.h"

static bool is_empty(const struct field *f, const char *in)
{
	const void *at = in + f->offset;

	if (f->present >= 0 && !*(const bool *)(in + f->present))
		return true;
	switch (f->type) {
	case FT_STR:
	case FT_TEXT:
	case FT_ENUM:
	case FT_JSON:
		return *(const char *const *)at == NULL;
	case FT_ID:
		return *(const atelier_id *)at == 0;
	case FT_TIME:
		return *(const int64_t *)at == 0;
	case FT_LIST:
	case FT_STRS:
		/* An empty list is a value; only FIELD_OMIT leaves it out. */
		return (f->flags & FIELD_OMIT) && ((const struct schema_list *)at)->n == 0;
	case FT_I64:
		return (f->flags & FIELD_NULL) && *(const int64_t *)at == f->when_null;
	case FT_BOOL:
	case FT_F64:
	case FT_OBJECT:
		break;
	}
	return false;
}

static void emit_list(const struct field *f, const struct schema_list *list, struct buf *b)
{
	buf_add_char(b, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		if (f->type == FT_STRS)
			json_add_cstr(b, ((const char *const *)list->items)[i]);
		else
			schema_emit(f->sub, (const char *)list->items + i * f->sub->size, b);
	}
	buf_add_char(b, ']');
}

static void emit_quoted(struct buf *b, const char *plain, size_t n)
{
	buf_add_char(b, '"');
	buf_add(b, plain, n);
	buf_add_char(b, '"');
}

static void emit_value(const struct field *f, const void *at, struct buf *b)
{
	char text[32];

	switch (f->type) {
	case FT_STR:
	case FT_TEXT:
	case FT_ENUM:
		json_add_cstr(b, *(const char *const *)at);
		break;
	case FT_JSON:
		buf_add_str(b, *(const char *const *)at);
		break;
	case FT_I64:
		buf_printf(b, "%lld", (long long)*(const int64_t *)at);
		break;
	case FT_F64:
		json_add_double(b, *(const double *)at);
		break;
	case FT_BOOL:
		buf_add_str(b, *(const bool *)at ? "true" : "false");
		break;
	case FT_ID:
		id_format(*(const atelier_id *)at, text);
		emit_quoted(b, text, ID_LEN);
		break;
	case FT_TIME:
		clock_format(*(const int64_t *)at, text);
		emit_quoted(b, text, 24);
		break;
	case FT_OBJECT:
		schema_emit(f->sub, at, b);
		break;
	case FT_LIST:
	case FT_STRS:
		emit_list(f, at, b);
		break;
	}
}

void schema_emit(const struct schema *s, const void *in, struct buf *b)
{
	bool first = true;

	buf_add_char(b, '{');
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];
		bool empty = is_empty(f, in);

		if (empty && (f->flags & FIELD_OMIT))
			continue;
		if (!first)
			buf_add_char(b, ',');
		first = false;
		emit_quoted(b, f->name, strlen(f->name));
		buf_add_char(b, ':');
		if (empty)
			buf_add(b, "null", 4);
		else
			emit_value(f, (const char *)in + f->offset, b);
	}
	buf_add_char(b, '}');
}
