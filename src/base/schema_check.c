/*
 * schema_check.c - whether tables of fields are what parsing and writing take them for. Both follow offsets and pointers without
 * asking, at each request: so they are asked about once, when the program starts, and a mistake is met by whoever made it.
 */
#include "base/schema.h"

static bool has_bounds(const struct field *f)
{
	return f->type != FT_BOOL && f->type != FT_ID && f->type != FT_TIME && f->type != FT_ENUM &&
	       f->type != FT_OBJECT;
}

static void check_type(const struct field *f)
{
	bool of_many = f->type == FT_LIST || f->type == FT_STRS, is_text = f->type == FT_STR || f->type == FT_TEXT;

	ASSERT(f->type != FT_ENUM || (f->choices && *f->choices));
	ASSERT((f->type != FT_OBJECT && f->type != FT_LIST) || f->sub);
	ASSERT(!f->sub || f->type == FT_OBJECT || f->type == FT_LIST || f->type == FT_JSON);
	ASSERT(!f->item || f->type == FT_STRS);
	ASSERT(!f->pattern || (is_text && f->hint)); /* who is refused is told what would fit */
	ASSERT(has_bounds(f) || (f->min == 0 && f->max == 0));
	ASSERT(f->min <= f->max || f->max == 0);
	ASSERT(!(is_text || of_many) || f->min >= 0); /* a length */
	ASSERT(!(f->flags & FIELD_UNIQUE) || f->type == FT_STRS);
	ASSERT(!(f->flags & FIELD_OBJECT_ONLY) || f->type == FT_JSON);
}

void schema_check(const struct schema *s)
{
	ASSERT(s->name && s->doc && (s->fields || s->n_fields == 0));
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];

		ASSERT(f->name && *f->name && f->doc);
		check_type(f);
		ASSERT(f->offset + schema_size_of(f) <= s->size);
		ASSERT(f->present < 0 || (size_t)f->present < s->size);
		if (f->item)
			check_type(f->item);
		for (size_t k = 0; k < i; k++)
			ASSERT(strcmp(s->fields[k].name, f->name) !=
				0); /* the first would take what the other is for */
		if (f->type == FT_OBJECT || f->type == FT_LIST)
			schema_check(f->sub);
	}
}
