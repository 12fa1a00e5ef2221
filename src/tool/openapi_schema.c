/*
 * openapi_schema.c - references and schemas of a document (openapi.h), made such as models take them: written out, without
 * references, in the words of one revision. What stands within itself, or has no room left, becomes "anything"; the outer levels
 * are kept whole first, so the levels that may be written out are tried from many to few until it fits.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "tool/openapi.h"

#define REFS_MAX   16  /* references that lead to references */
#define PATH_MAX_N 32  /* of references within one another */
#define WORDS_MAX  400 /* bytes of a description */
#define ROOM_LEAST ((size_t)256)

/* ---- references ---- */

static bool next_token(const char **at, char *ret, size_t max)
{
	const char *p = *at;
	size_t n = 0;

	if (*p != '/')
		return false;
	for (p++; *p && *p != '/'; p++) {
		unsigned byte;
		char c = *p;

		if (n + 1 >= max)
			return false;
		if (c == '%' && sscanf(p + 1, "%2x", &byte) == 1 && p[1] && p[2] && byte) {
			c = (char)byte;
			p += 2;
		}
		if (c == '~' && (p[1] == '0' || p[1] == '1')) {
			c = p[1] == '0' ? '~' : '/';
			p++;
		}
		ret[n++] = c;
	}
	ret[n] = '\0';
	*at = p;
	return true;
}

const json_t *openapi_at(const json_t *doc, const char *ref)
{
	char token[512];

	if (*ref++ != '#')
		return NULL;
	while (doc && *ref) {
		if (!next_token(&ref, token, sizeof(token)))
			return NULL;
		if (json_is_array(doc))
			doc = json_array_get(doc, strtoul(token, NULL, 10));
		else
			doc = json_object_get(doc, token);
	}
	return doc;
}

const json_t *openapi_deref(const json_t *doc, const json_t *v)
{
	const char *ref;

	for (int i = 0; v && (ref = json_get_str(v, "$ref")); i++)
		v = i < REFS_MAX ? openapi_at(doc, ref) : NULL;
	return v;
}

/* ---- schemas ---- */

struct making {
	const json_t *doc;
	bool writes;
	int levels; /* that may be written out */
	size_t left;
	bool cut; /* something was left out for want of room */
	const json_t *within[PATH_MAX_N];
	int depth;
};

static json_t *make(struct making *m, const json_t *schema, int level);

static bool spend(struct making *m, size_t bytes)
{
	m->cut |= bytes > m->left;
	m->left -= MIN(bytes, m->left);
	return !m->cut;
}

static void keep_text(struct making *m, json_t *to, const char *name, const json_t *v)
{
	size_t n = json_string_length(v), part = utf8_prefix(json_string_value(v), n, WORDS_MAX);

	if (part > 0 && spend(m, part + strlen(name) + 6))
		json_object_set_new(to, name, json_stringn(json_string_value(v), part));
}

/* About how many bytes it is as text; it stops counting above `most`. */
static size_t size_of(const json_t *v, size_t most)
{
	size_t n = 6 + json_string_length(v), i;
	const json_t *item;
	const char *key;
	json_t *member;

	json_array_foreach(v, i, item)
	{
		if (n > most)
			break;
		n += size_of(item, most - n);
	}
	json_object_foreach((json_t *)v, key, member)
	{
		if (n > most)
			break;
		n += strlen(key) + size_of(member, most - n);
	}
	return n;
}

static void keep_value(struct making *m, json_t *to, const char *name, const json_t *v)
{
	if (spend(m, strlen(name) + size_of(v, m->left)))
		json_object_set_new(to, name, json_deep_copy(v));
}

static void keep_list(struct making *m, json_t *to, const char *name, const json_t *list, int level)
{
	json_t *made = json_array(), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (m->cut)
			break;
		json_array_append_new(made, make(m, item, level));
	}
	json_object_set_new(to, name, made);
}

static bool is_read_only(const struct making *m, const json_t *schema)
{
	return m->writes && json_is_true(json_object_get(openapi_deref(m->doc, schema), "readOnly"));
}

static void keep_members(struct making *m, json_t *to, const json_t *members, int level)
{
	json_t *made = json_object(), *schema;
	const char *name;

	json_object_foreach((json_t *)members, name, schema)
	{
		if (m->cut)
			break;
		if (!is_read_only(m, schema) && spend(m, strlen(name) + 4))
			json_object_set_new(made, name, make(m, schema, level + 1));
	}
	json_object_set_new(to, "properties", made);
}

/* Without those that are only read. */
static void keep_required(struct making *m, json_t *to, const json_t *names, const json_t *members)
{
	json_t *made = json_array(), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		const char *s = json_string_value(name);
		if (s && !is_read_only(m, json_object_get(members, s)) && spend(m, strlen(s) + 3))
			json_array_append(made, name);
	}
	if (json_array_size(made) > 0)
		json_object_set(to, "required", made);
	json_decref(made);
}

/* OpenAPI 3.0 says `nullable`, and true where a number is meant. */
static void modernise(json_t *s, const json_t *from)
{
	static const char *const bounds[][2] = {{"exclusiveMinimum", "minimum"}, {"exclusiveMaximum", "maximum"}};
	json_t *type = json_object_get(s, "type"), *words = json_object_get(s, "enum");

	for (size_t i = 0; i < N_ELEMENTS(bounds); i++) {
		json_t *v = json_object_get(s, bounds[i][0]), *bound = json_object_get(s, bounds[i][1]);
		if (!json_is_boolean(v))
			continue;
		if (json_is_true(v) && bound) {
			json_object_set(s, bounds[i][0], bound);
			json_object_del(s, bounds[i][1]);
		} else {
			json_object_del(s, bounds[i][0]);
		}
	}
	if (!json_is_true(json_object_get(from, "nullable")) || !json_is_string(type))
		return;
	json_object_set_new(s, "type", json_pack("[O,s]", type, "null"));
	if (json_is_array(words))
		json_array_append_new(words, json_null());
}

/* Members of one part of `allOf` beside those of the others. */
static void join(json_t *to, json_t *part)
{
	json_t *members = json_object_get(to, "properties"), *required = json_object_get(to, "required"), *v;
	const char *name;

	if (members && json_object_get(part, "properties")) {
		json_object_update(members, json_object_get(part, "properties"));
		json_object_del(part, "properties");
	}
	if (required && json_object_get(part, "required")) {
		json_array_extend(required, json_object_get(part, "required"));
		json_object_del(part, "required");
	}
	json_object_foreach(part, name, v)
	{
		json_object_set(to, name, v);
	}
}

static void join_all(struct making *m, json_t *to, const json_t *parts, int level)
{
	const json_t *item;
	size_t i;

	json_array_foreach(parts, i, item)
	{
		json_t *part = m->cut ? NULL : make(m, item, level);
		if (json_is_object(part))
			join(to, part);
		json_decref(part);
	}
}

static void keep_all(struct making *m, json_t *to, const json_t *schema, int level)
{
	static const char *const plain[] = {"format", "enum", "const", "default", "minimum", "maximum",
		"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems",
		"maxItems", "uniqueItems", "contentMediaType", "contentEncoding"},
				 *const choices[] = {"oneOf", "anyOf"};
	const json_t *members = json_object_get(schema, "properties"), *v;

	for (size_t i = 0; i < N_ELEMENTS(plain); i++)
		if ((v = json_object_get(schema, plain[i])))
			keep_value(m, to, plain[i], v);
	if (json_is_object(members)) {
		if (!json_object_get(to, "type"))
			json_object_set_new(to, "type", json_string("object"));
		keep_members(m, to, members, level);
		keep_required(m, to, json_object_get(schema, "required"), members);
	}
	if (json_is_object(json_object_get(schema, "items")))
		json_object_set_new(to, "items", make(m, json_object_get(schema, "items"), level + 1));
	v = json_object_get(schema, "additionalProperties");
	if (json_is_object(v) && json_object_size(v) > 0)
		json_object_set_new(to, "additionalProperties", make(m, v, level + 1));
	for (size_t i = 0; i < N_ELEMENTS(choices); i++)
		if (json_array_size(v = json_object_get(schema, choices[i])) > 0)
			keep_list(m, to, choices[i], v, level + 1);
	join_all(m, to, json_object_get(schema, "allOf"), level);
}

static json_t *make(struct making *m, const json_t *schema, int level)
{
	const json_t *found = openapi_deref(m->doc, schema), *v;
	json_t *to = json_object();

	if (!spend(m, 2) || !json_is_object(found) || m->depth >= PATH_MAX_N)
		return to;
	for (int i = 0; i < m->depth; i++)
		if (m->within[i] == found)
			return to; /* it stands within itself: anything */
	if ((v = json_object_get(found, "type")))
		keep_value(m, to, "type", v);
	if (json_is_string(v = json_object_get(schema, "description")) ||
		json_is_string(v = json_object_get(found, "description")))
		keep_text(m, to, "description", v);
	if (level >= m->levels)
		return to;
	m->within[m->depth++] = found;
	keep_all(m, to, found, level);
	m->depth--;
	modernise(to, found);
	return to;
}

json_t *openapi_schema(const json_t *doc, const json_t *schema, bool writes, size_t *room)
{
	static const int levels[] = {10, 6, 4, 3, 2, 1};
	json_t *made = NULL;

	/* As much of it as there is room for, the outer levels whole. */
	for (size_t i = 0; i < N_ELEMENTS(levels); i++) {
		struct making m = {.doc = doc, .writes = writes, .levels = levels[i], .left = MAX(*room, ROOM_LEAST)};

		json_decref(made);
		made = make(&m, schema, 0);
		if (!m.cut)
			break;
	}
	*room -= MIN(*room, size_of(made, *room));
	return made;
}
