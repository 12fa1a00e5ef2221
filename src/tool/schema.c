/*
 * schema.c - arguments and the JSON Schema that a tool has for them: values that say what the schema wants in another type
 * become that ("5" for 5, a list of one for a text), then the schema is kept. Of the schema's words those are understood that
 * tools use; others hold nobody up, since a server checks what it is sent.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/utf8.h"
#include "tool/tool_priv.h"

#define DEPTH_MAX 48

struct fit {
	const json_t *root;
	struct arena *a;
	bool own; /* extra members go */
	int depth;
	const char *wrong;
};

static const char *fit_value(struct fit *f, const json_t *schema, const char *at, json_t **v);

static const char *say(struct fit *f, const char *at, const char *what)
{
	const char *text = arena_printf(f->a, "\"%s\" %s", *at ? at : "the whole", what);

	return text ? text : "there is no memory";
}

/* ---- types ---- */

enum { T_NULL = 1, T_BOOL = 2, T_INT = 4, T_NUMBER = 8, T_STRING = 16, T_ARRAY = 32, T_OBJECT = 64 };

static unsigned type_of_word(const char *word)
{
	static const char *const words[] = {"null", "boolean", "integer", "number", "string", "array", "object"};

	for (size_t i = 0; word && i < N_ELEMENTS(words); i++)
		if (strcmp(words[i], word) == 0)
			return 1u << i;
	return 0;
}

/* 0: it says nothing of types. */
static unsigned wanted_types(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type"), *item;
	unsigned types = json_is_string(type) ? type_of_word(json_string_value(type)) : 0;
	size_t i;

	json_array_foreach(type, i, item)
	{
		types |= type_of_word(json_string_value(item));
	}
	if (types && json_is_true(json_object_get(schema, "nullable")))
		types |= T_NULL;
	return types;
}

static unsigned types_of(const json_t *v)
{
	if (json_long_number(v))
		return T_NUMBER | (strpbrk(json_long_number(v), ".eE") ? 0u : T_INT);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return T_OBJECT;
	case JSON_ARRAY:
		return T_ARRAY;
	case JSON_STRING:
		return T_STRING;
	case JSON_INTEGER:
		return T_INT | T_NUMBER;
	case JSON_REAL:
		return T_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return T_BOOL;
	default:
		return T_NULL;
	}
}

/* ---- values that say the same in another type; NULL: it says nothing else ---- */

static json_t *read_json(const char *p, size_t n, unsigned types)
{
	json_t *v = NULL;
	struct err quiet = {0};

	if (json_read(p, n, JSON_MEMORY, JSON_READ_LOOSE, &v, &quiet) < 0)
		return NULL;
	if (types_of(v) & types)
		return v;
	json_decref(v);
	return NULL;
}

static json_t *list_of_words(const char *s)
{
	json_t *list = json_array();

	for (;;) {
		size_t n = strcspn(s, ",");
		const char *p = s, *end = s + n;
		while (p < end && isspace((unsigned char)*p))
			p++;
		while (end > p && isspace((unsigned char)end[-1]))
			end--;
		if (end > p)
			json_array_append_new(list, json_stringn(p, (size_t)(end - p)));
		if (s[n] == '\0')
			return list;
		s += n + 1;
	}
}

static json_t *of_string(const json_t *v, unsigned types)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	json_t *found = NULL;

	if (types & (T_INT | T_NUMBER | T_ARRAY | T_OBJECT))
		found = read_json(s, n, types & (T_INT | T_NUMBER | T_ARRAY | T_OBJECT));
	if (!found && types & T_INT && (found = read_json(s, n, T_NUMBER))) {
		double d = json_number_value(found);
		json_decref(found);
		found = d == floor(d) && fabs(d) < 9e15 ? json_integer((json_int_t)d) : NULL;
	}
	if (!found && types & T_BOOL && (strcasecmp(s, "true") == 0 || strcasecmp(s, "false") == 0))
		found = json_boolean(strcasecmp(s, "true") == 0);
	if (!found && types & T_NULL && (strcasecmp(s, "null") == 0 || strcasecmp(s, "none") == 0))
		found = json_null();
	if (!found && types & T_ARRAY)
		found = list_of_words(s);
	return found;
}

static json_t *in_another_type(json_t *v, unsigned types)
{
	if (json_is_string(v) && !json_long_number(v))
		return of_string(v, types);
	if (json_is_real(v) && types & T_INT && json_real_value(v) == floor(json_real_value(v)) &&
		fabs(json_real_value(v)) < 9e15)
		return json_integer((json_int_t)json_real_value(v));
	if (json_array_size(v) == 1 && types_of(json_array_get(v, 0)) & types)
		return json_incref(json_array_get(v, 0));
	if (types & T_STRING && types_of(v) & (T_INT | T_NUMBER | T_BOOL)) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
		json_add_value(&b, v);
		return buf_status(&b) < 0 ? NULL : json_stringn(b.p, b.n);
	}
	if (types & T_ARRAY && !json_is_array(v) && !json_is_null(v)) {
		json_t *list = json_array();
		json_array_append(list, v);
		return list;
	}
	return NULL;
}

/* ---- the words of a schema ---- */

/* "#/$defs/Name"; others are not followed. NULL: there is no such place. */
static const json_t *at_reference(const struct fit *f, const char *ref)
{
	const json_t *v = f->root;

	if (strncmp(ref, "#", 1) != 0)
		return NULL;
	for (ref++; v && *ref == '/';) {
		size_t n = strcspn(++ref, "/");
		char key[256];
		if (n >= sizeof(key))
			return NULL;
		memcpy(key, ref, n);
		key[n] = '\0';
		v = json_object_get(v, key);
		ref += n;
	}
	return v;
}

static bool is_required(const json_t *schema, const char *key)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i, item)
	{
		const char *s = json_string_value(item);
		if (s && strcmp(s, key) == 0)
			return true;
	}
	return false;
}

/* An optional member that was filled with nothing is one that was left out. */
static bool says_nothing(const json_t *schema, const json_t *member_schema, const char *key, const json_t *v)
{
	unsigned types = wanted_types(member_schema);

	if (is_required(schema, key) || !types)
		return false;
	if (json_is_null(v))
		return !(types & T_NULL);
	return json_is_string(v) && !json_long_number(v) && json_string_length(v) == 0 && !(types & T_STRING);
}

static const char *fit_members(struct fit *f, const json_t *schema, const char *at, json_t *object)
{
	const json_t *properties = json_object_get(schema, "properties"), *item;
	const json_t *others = json_object_get(schema, "additionalProperties");
	const char *key, *wrong = NULL;
	json_t *v;
	void *next;
	size_t i;

	json_object_foreach_safe(object, next, key, v)
	{
		const json_t *member = json_object_get(properties, key);
		const char *place = arena_printf(f->a, "%s%s%s", at, *at ? "." : "", key);
		if (!place)
			return "there is no memory";
		if (!member && json_is_object(others))
			member = others;
		if (!member && properties && (f->own || json_is_false(others))) {
			json_object_del(object, key);
			continue;
		}
		if (!member)
			continue;
		if (says_nothing(schema, member, key, v)) {
			json_object_del(object, key);
			continue;
		}
		json_t *fitted = json_incref(v);
		wrong = fit_value(f, member, place, &fitted);
		if (fitted != v)
			json_object_set(object, key, fitted);
		json_decref(fitted);
		if (wrong)
			return wrong;
	}
	json_array_foreach(json_object_get(schema, "required"), i, item)
	{
		const char *s = json_string_value(item);
		if (s && !json_object_get(object, s))
			return say(f, at, arena_printf(f->a, "lacks \"%s\"", s));
	}
	return NULL;
}

static const char *fit_items(struct fit *f, const json_t *schema, const char *at, json_t *list)
{
	const json_t *items = json_object_get(schema, "items");
	const char *wrong = NULL;
	size_t n = json_array_size(list);

	if (n < (size_t)json_get_i64(schema, "minItems", 0))
		return say(f, at, "has too few items");
	if (n > (size_t)json_get_i64(schema, "maxItems", INT64_MAX))
		return say(f, at, "has too many items");
	for (size_t i = 0; json_is_object(items) && i < n && !wrong; i++) {
		const char *place = arena_printf(f->a, "%s[%zu]", at, i);
		json_t *v = json_incref(json_array_get(list, i));
		wrong = place ? fit_value(f, items, place, &v) : "there is no memory";
		json_array_set(list, i, v);
		json_decref(v);
	}
	return wrong;
}

static const char *fit_choices(struct fit *f, const json_t *choices, const char *at, json_t **v)
{
	const json_t *item, *near = NULL;
	size_t i, n = 0;

	if (!json_is_array(choices))
		return NULL;
	json_array_foreach(choices, i, item)
	{
		if (json_equal(item, *v))
			return NULL;
		if (json_is_string(item) && json_is_string(*v) &&
			strcasecmp(json_string_value(item), json_string_value(*v)) == 0) {
			near = item;
			n++;
		}
	}
	if (n == 1) {
		json_decref(*v);
		*v = json_copy((json_t *)near);
		return NULL;
	}
	char *text = json_dumps(choices, JSON_COMPACT);
	const char *what = text ? arena_printf(f->a, "must be one of %.500s", text) : NULL;
	free(text);
	return say(f, at, what ? what : "is none of the choices");
}

static const char *fit_bounds(struct fit *f, const json_t *schema, const char *at, const json_t *v)
{
	const json_t *bound;
	double d;

	if (json_is_string(v) && !json_long_number(v)) {
		size_t n = utf8_count(json_string_value(v), json_string_length(v));
		if (n < (size_t)json_get_i64(schema, "minLength", 0))
			return say(f, at, "is too short");
		if (n > (size_t)json_get_i64(schema, "maxLength", INT64_MAX))
			return say(f, at, "is too long");
	}
	if (!json_get_number(v, &d))
		return NULL;
	if ((bound = json_object_get(schema, "minimum")) && json_is_number(bound) && d < json_number_value(bound))
		return say(f, at, arena_printf(f->a, "must be at least %g", json_number_value(bound)));
	if ((bound = json_object_get(schema, "maximum")) && json_is_number(bound) && d > json_number_value(bound))
		return say(f, at, arena_printf(f->a, "must be at most %g", json_number_value(bound)));
	if ((bound = json_object_get(schema, "exclusiveMinimum")) && json_is_number(bound) &&
		d <= json_number_value(bound))
		return say(f, at, arena_printf(f->a, "must be above %g", json_number_value(bound)));
	if ((bound = json_object_get(schema, "exclusiveMaximum")) && json_is_number(bound) &&
		d >= json_number_value(bound))
		return say(f, at, arena_printf(f->a, "must be below %g", json_number_value(bound)));
	return NULL;
}

/* The first of several schemas that the value keeps, as it stands before as it could be made. */
static const char *fit_one_of(struct fit *f, const json_t *several, const char *at, json_t **v)
{
	const json_t *schema;
	const char *wrong = NULL;
	size_t i;

	for (int pass = 0; pass < 2; pass++) {
		json_array_foreach(several, i, schema)
		{
			unsigned types = wanted_types(schema);
			if (pass == 0 && types && !(types_of(*v) & types))
				continue;
			json_t *copy = json_deep_copy(*v);
			const char *said = fit_value(f, schema, at, &copy);
			if (!said) {
				json_decref(*v);
				*v = copy;
				return NULL;
			}
			json_decref(copy);
			wrong = wrong ? wrong : said;
		}
	}
	return wrong;
}

static const char *fit_type(struct fit *f, const json_t *schema, const char *at, json_t **v)
{
	unsigned types = wanted_types(schema);

	if (!types || types_of(*v) & types)
		return NULL;
	json_t *other = in_another_type(*v, types);
	if (!other) {
		char *text = json_dumps(json_object_get(schema, "type"), JSON_ENCODE_ANY | JSON_COMPACT);
		const char *what = text ? arena_printf(f->a, "must be of the type %s", text) : NULL;
		free(text);
		return say(f, at, what ? what : "has the wrong type");
	}
	json_decref(*v);
	*v = other;
	return NULL;
}

static const char *fit_here(struct fit *f, const json_t *schema, const char *at, json_t **v)
{
	const json_t *part, *constant = json_object_get(schema, "const");
	const char *wrong = fit_type(f, schema, at, v);
	size_t i;

	if (!wrong)
		wrong = fit_choices(f, json_object_get(schema, "enum"), at, v);
	if (!wrong && constant && !json_equal(constant, *v))
		wrong = say(f, at, "has another value than it must have");
	if (!wrong && (part = json_object_get(schema, "anyOf")))
		wrong = fit_one_of(f, part, at, v);
	if (!wrong && (part = json_object_get(schema, "oneOf")))
		wrong = fit_one_of(f, part, at, v);
	if (!wrong && json_is_object(*v))
		wrong = fit_members(f, schema, at, *v);
	if (!wrong && json_is_array(*v))
		wrong = fit_items(f, schema, at, *v);
	if (!wrong)
		wrong = fit_bounds(f, schema, at, *v);
	bool own = f->own;
	f->own = false; /* of several that all hold, each knows but a part of the members */
	json_array_foreach(json_object_get(schema, "allOf"), i, part)
	{
		wrong = wrong ? wrong : fit_value(f, part, at, v);
	}
	f->own = own;
	return wrong;
}

static const char *fit_value(struct fit *f, const json_t *schema, const char *at, json_t **v)
{
	const char *ref = json_get_str(schema, "$ref"), *wrong = NULL;

	if (json_is_false(schema))
		return say(f, at, "must not be there");
	if (!json_is_object(schema) || f->depth >= DEPTH_MAX)
		return NULL;
	f->depth++;
	if (ref && (schema = at_reference(f, ref)))
		wrong = fit_value(f, schema, at, v);
	else if (!ref)
		wrong = fit_here(f, schema, at, v);
	f->depth--;
	return wrong;
}

const char *schema_fit(const json_t *schema, json_t *object, bool own, struct arena *a)
{
	struct fit f = {.root = schema, .a = a, .own = own};
	json_t *v = json_incref(object);
	const char *wrong = fit_value(&f, schema, "", &v);

	ASSERT(f.depth == 0 && f.own == own); /* left as it was come into */
	if (v != object && !wrong && json_is_object(v)) {
		json_object_clear(object);
		json_object_update(object, v);
	}
	json_decref(v);
	return wrong;
}
