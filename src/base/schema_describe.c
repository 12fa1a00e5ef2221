/* schema_describe.c - the JSON Schema of an object, as OpenAPI 3.1 takes it. */
#include "base/schema.h"

static void add_ref(const struct schema *s, struct buf *b)
{
	buf_printf(b, "{\"$ref\":\"#/components/schemas/%s\"}", s->name);
}

/* `"type":"string"`, or with null for a field that may lack. */
static void add_type(const struct field *f, const char *type, struct buf *b)
{
	if (f->flags & FIELD_REQUIRED)
		buf_printf(b, "\"type\":\"%s\"", type);
	else
		buf_printf(b, "\"type\":[\"%s\",\"null\"]", type);
}

static void add_choices(const struct field *f, struct buf *b)
{
	const char *list = f->choices;

	buf_add_str(b, ",\"enum\":[");
	for (struct str word; str_next_word(&list, &word);) {
		if (word.p != f->choices)
			buf_add_char(b, ',');
		json_add_string(b, word.p, word.n);
	}
	if (!(f->flags & FIELD_REQUIRED))
		buf_add_str(b, ",null");
	buf_add_char(b, ']');
}

#define TEXT_CONTROLS "\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f"

/* What parse_text refuses: control characters, and for a text that may not be empty, blanks alone. */
static const char *text_pattern(const struct field *f)
{
	if (f->pattern)
		return f->pattern;
	if (f->type == FT_TEXT)
		return "^[^" TEXT_CONTROLS "]*$";
	if (f->min == 0)
		return "^[^\\x01-\\x1f\\x7f]*$";
	return f->min == 1 ? "^ *[^\\x01-\\x20\\x7f][^\\x01-\\x1f\\x7f]*$"
			   : "^[^\\x01-\\x20\\x7f][^\\x01-\\x1f\\x7f]*[^\\x01-\\x20\\x7f]$";
}

static void add_text_bounds(const struct field *f, bool parsed, struct buf *b)
{
	if (f->min > 0)
		buf_printf(b, ",\"minLength\":%lld", (long long)f->min);
	if (f->max > 0)
		buf_printf(b, ",\"maxLength\":%lld", (long long)f->max);
	if (f->flags & FIELD_SECRET)
		buf_add_str(b, ",\"format\":\"password\"");
	if (parsed) {
		buf_add_str(b, ",\"pattern\":");
		json_add_cstr(b, text_pattern(f));
	}
	/* A pattern of its own says nothing of these. */
	if (parsed && f->pattern && f->type == FT_TEXT) {
		buf_add_str(b, ",\"not\":{\"type\":\"string\",\"pattern\":");
		json_add_cstr(b, "[" TEXT_CONTROLS "]");
		buf_add_char(b, '}');
	}
}

static void add_number_bounds(const struct field *f, struct buf *b)
{
	bool whole = f->type == FT_I64;

	if (f->min != 0 || f->max != 0)
		buf_printf(b, ",\"minimum\":%lld,\"maximum\":%lld", (long long)f->min, (long long)f->max);
	else if (whole)
		buf_printf(b, ",\"minimum\":%lld,\"maximum\":%lld", (long long)INT64_MIN, (long long)INT64_MAX);
}

static bool add_kind(const struct field *f, bool parsed, struct buf *b);

static void add_list(const struct field *f, bool parsed, struct buf *b)
{
	struct field item = f->item ? *f->item : (struct field){.type = FT_TEXT};

	item.flags |= FIELD_REQUIRED; /* null is no item */
	add_type(f, "array", b);
	buf_add_str(b, ",\"items\":");
	if (f->type == FT_STRS) {
		buf_add_char(b, '{');
		add_kind(&item, parsed, b);
		buf_add_char(b, '}');
	} else {
		add_ref(f->sub, b);
	}
	if (f->min > 0)
		buf_printf(b, ",\"minItems\":%lld", (long long)f->min);
	if (f->max > 0)
		buf_printf(b, ",\"maxItems\":%lld", (long long)f->max);
	if (f->flags & FIELD_UNIQUE)
		buf_add_str(b, ",\"uniqueItems\":true");
}

static void add_object(const struct field *f, struct buf *b)
{
	buf_add_str(b, "\"anyOf\":[");
	add_ref(f->sub, b);
	if (!(f->flags & FIELD_REQUIRED))
		buf_add_str(b, ",{\"type\":\"null\"}");
	buf_add_char(b, ']');
}

/* Everything of one field but its description; false when nothing was added (any value). */
static bool add_kind(const struct field *f, bool parsed, struct buf *b)
{
	switch (f->type) {
	case FT_STR:
	case FT_TEXT:
		add_type(f, "string", b);
		add_text_bounds(f, parsed, b);
		break;
	case FT_ENUM:
		add_type(f, "string", b);
		add_choices(f, b);
		break;
	case FT_I64:
		add_type(f, "integer", b);
		buf_add_str(b, ",\"format\":\"int64\"");
		add_number_bounds(f, b);
		break;
	case FT_F64:
		add_type(f, "number", b);
		add_number_bounds(f, b);
		break;
	case FT_BOOL:
		add_type(f, "boolean", b);
		break;
	case FT_ID:
		add_type(f, "string", b);
		buf_add_str(b, ",\"pattern\":\"" ID_PATTERN "\"");
		break;
	case FT_TIME:
		add_type(f, "string", b);
		buf_add_str(b, ",\"format\":\"date-time\",\"readOnly\":true");
		break;
	case FT_OBJECT:
		add_object(f, b);
		break;
	case FT_LIST:
	case FT_STRS:
		add_list(f, parsed, b);
		break;
	case FT_JSON:
		if (f->sub && f->flags & FIELD_OBJECT_ONLY) {
			add_object(f, b);
			break;
		}
		if (f->flags & FIELD_OBJECT_ONLY) {
			add_type(f, "object", b);
			buf_printf(b, ",%s", parsed && f->choices ? f->choices : "\"additionalProperties\":true");
			break;
		}
		if (parsed && f->choices)
			buf_add_str(b, f->choices);
		else if (f->sub)
			add_list(f, parsed, b);
		else
			return false;
		break;
	}
	return true;
}

static void add_required(const struct schema *s, struct buf *b)
{
	bool first = true;

	for (size_t i = 0; i < s->n_fields; i++) {
		if (!(s->fields[i].flags & FIELD_REQUIRED))
			continue;
		buf_add_str(b, first ? ",\"required\":[" : ",");
		first = false;
		json_add_cstr(b, s->fields[i].name);
	}
	if (!first)
		buf_add_char(b, ']');
}

void schema_describe(const struct schema *s, bool parsed, struct buf *b)
{
	buf_add_str(b, "{\"type\":\"object\"");
	if (s->doc) {
		buf_add_str(b, ",\"description\":");
		json_add_cstr(b, s->doc);
	}
	buf_add_str(b, ",\"properties\":{");
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];
		bool some;

		ASSERT((f->type != FT_LIST && f->type != FT_OBJECT) || f->sub); /* of which it is made */
		ASSERT(f->type != FT_ENUM || f->choices);
		ASSERT(!f->pattern || f->hint); /* who is refused is told what it wants */
		if (i > 0)
			buf_add_char(b, ',');
		json_add_cstr(b, f->name);
		buf_add_str(b, ":{");
		some = add_kind(f, parsed, b);
		if (f->doc) {
			buf_add_str(b, some ? ",\"description\":" : "\"description\":");
			json_add_cstr(b, f->doc);
		}
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
	if (parsed)
		buf_add_str(b, ",\"additionalProperties\":false");
	add_required(s, b);
	if (s->rule)
		buf_printf(b, ",%s", s->rule);
	buf_add_char(b, '}');
}
