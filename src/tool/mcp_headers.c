/* mcp_headers.c - what of a request stands in headers too: its name, and those arguments that a tool's schema marks x-mcp-header. */
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#include "tool/mcp_priv.h"

enum { HEADERS_MAX = 64, DEPTH_MAX = 32 };
#define EXACT_MAX INT64_C(9007199254740991) /* what a double holds exactly */

/* ---- which arguments ---- */

struct marked {
	const char *names[HEADERS_MAX];
	size_t n;
	const char *problem;
};

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	return true;
}

static bool is_plain_type(const json_t *schema)
{
	const char *type = json_get_str(schema, "type");

	return type && (strcmp(type, "string") == 0 || strcmp(type, "integer") == 0 || strcmp(type, "boolean") == 0);
}

static void check_mark(struct marked *k, const json_t *schema, const json_t *mark, bool reachable)
{
	const char *name = json_string_value(mark);

	if (!name || !is_token(name))
		k->problem = "a header's name is not one";
	else if (!reachable)
		k->problem = "a header stands where it may not";
	else if (!is_plain_type(schema))
		k->problem = "a header is of a type that none can have";
	else if (k->n == HEADERS_MAX)
		k->problem = "it has too many headers";
	for (size_t i = 0; !k->problem && i < k->n; i++)
		if (strcasecmp(k->names[i], name) == 0)
			k->problem = "two headers have one name";
	if (!k->problem)
		k->names[k->n++] = name;
}

/* Every part of the schema; `reachable`: by way of `properties` alone. */
static void look(struct marked *k, const json_t *schema, bool reachable, bool root, int depth)
{
	const json_t *mark = json_object_get(schema, "x-mcp-header"), *item;
	const char *key, *inner;
	json_t *value, *property;
	size_t i;

	if (k->problem || depth > DEPTH_MAX)
		return;
	if (json_is_array(schema)) {
		json_array_foreach(schema, i, item) look(k, item, false, false, depth + 1);
		return;
	}
	if (mark)
		check_mark(k, schema, mark, reachable && !root);
	json_object_foreach((json_t *)schema, key, value)
	{
		if (strcmp(key, "properties") == 0) {
			json_object_foreach(value, inner, property) look(k, property, reachable, false, depth + 1);
		} else if (strcmp(key, "default") != 0 && strcmp(key, "enum") != 0 && strcmp(key, "const") != 0 &&
			   strcmp(key, "examples") != 0) {
			look(k, value, false, false, depth + 1);
		}
	}
}

const char *mcp_header_problem(const json_t *schema)
{
	struct marked k = {.n = 0};

	look(&k, schema, true, true, 0);
	return k.problem;
}

/* ---- the lines ---- */

struct lines {
	const char **items;
	size_t n;
	struct arena *a;
	bool failed;
};

static bool is_plain(const char *v)
{
	size_t n = strlen(v);

	if (n > 0 && (strchr(" \t", v[0]) || strchr(" \t", v[n - 1])))
		return false;
	if (n >= 11 && strncmp(v, "=?base64?", 9) == 0 && strcmp(v + n - 2, "?=") == 0)
		return false;
	for (; *v; v++)
		if ((unsigned char)*v < ' ' || (unsigned char)*v > '~')
			return false;
	return true;
}

static void add(struct lines *l, const char *prefix, const char *name, const char *value)
{
	const char *line;

	if (l->n == HEADERS_MAX + 2)
		return;
	if (is_plain(value)) {
		line = arena_printf(l->a, "%s%s: %s", prefix, name, value);
	} else {
		size_t n = strlen(value), room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
		char *packed = arena_alloc(l->a, room);

		line = packed ? arena_printf(l->a, "%s%s: =?base64?%s?=", prefix, name,
					sodium_bin2base64(packed, room, (const unsigned char *)value, n,
						sodium_base64_VARIANT_ORIGINAL))
			      : NULL;
	}
	l->failed |= !line;
	if (line)
		l->items[l->n++] = line;
}

static void add_arguments(struct lines *l, const json_t *schema, const json_t *arguments, int depth)
{
	const char *key;
	json_t *property;

	if (depth > DEPTH_MAX || !json_is_object(arguments))
		return;
	json_object_foreach(json_object_get(schema, "properties"), key, property)
	{
		const json_t *value = json_object_get(arguments, key);
		const char *name = json_get_str(property, "x-mcp-header");
		char digits[32];

		if (name && json_is_string(value)) {
			add(l, "Mcp-Param-", name, json_string_value(value));
		} else if (name && json_is_boolean(value)) {
			add(l, "Mcp-Param-", name, json_is_true(value) ? "true" : "false");
		} else if (name && json_is_integer(value) && llabs(json_integer_value(value)) <= EXACT_MAX) {
			snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
			add(l, "Mcp-Param-", name, digits);
		}
		add_arguments(l, property, value, depth + 1);
	}
}

int mcp_headers(const char *method, const char *name, const json_t *schema, const json_t *arguments, struct arena *a,
	const char ***ret)
{
	struct lines l = {.items = ARENA_ARRAY(a, const char *, HEADERS_MAX + 3), .a = a};
	bool named = strcmp(method, "tools/call") == 0 || strcmp(method, "resources/read") == 0 ||
		     strcmp(method, "prompts/get") == 0;

	if (!l.items)
		return -ENOMEM;
	add(&l, "", "Mcp-Method", method);
	if (named && name)
		add(&l, "", "Mcp-Name", name);
	if (schema && !mcp_header_problem(schema))
		add_arguments(&l, schema, arguments, 0);
	if (l.failed)
		return -ENOMEM;
	*ret = l.items;
	return 0;
}
