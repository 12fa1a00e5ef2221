/* form.c - what a person wrote into the form of a tool's question, held against what was asked for: a flat schema of texts, numbers,
 * yes or no, and choices (the elicitation of MCP). */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/utf8.h"
#include "tool/tool.h"

static bool is_type(const json_t *schema, const char *type)
{
	const char *own = json_get_str(schema, "type");

	return own && strcmp(own, type) == 0;
}

/* The choices of enum, or of oneOf and anyOf with a const each; NULL: any text. */
static const json_t *choices_of(const json_t *schema)
{
	static const char *const keys[] = {"enum", "oneOf", "anyOf"};

	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (json_is_array(json_object_get(schema, keys[i])))
			return json_object_get(schema, keys[i]);
	return NULL;
}

static bool is_choice(const json_t *choices, const json_t *value)
{
	const json_t *c;
	size_t i;

	json_array_foreach(
		choices, i, c) if (json_equal(json_is_object(c) ? json_object_get(c, "const") : c, value)) return true;
	return false;
}

/* ---- formats ---- */

/* As many digits, then what stands for the pattern: "dddd-dd-dd". */
static bool looks_like(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++)
		if (*pattern == 'd' ? !isdigit((unsigned char)*text) : *text != *pattern)
			return false;
	return true;
}

static bool is_date(const char *s)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (!looks_like(s, "dddd-dd-dd") || sscanf(s, "%4d-%2d-%2d", &year, &month, &day) != 3)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] && (leap || month != 2 || day < 29);
}

/* RFC 3339. */
static bool is_date_time(const char *s)
{
	int hour, minute, second;

	if (!is_date(s) || (s[10] != 'T' && s[10] != 't') || !looks_like(s + 11, "dd:dd:dd") ||
		sscanf(s + 11, "%2d:%2d:%2d", &hour, &minute, &second) != 3 || hour > 23 || minute > 59 || second > 60)
		return false;
	s += 19;
	if (*s == '.' && isdigit((unsigned char)s[1]))
		s += 1 + strspn(s + 1, "0123456789");
	if (*s == 'Z' || *s == 'z')
		return s[1] == '\0';
	return (*s == '+' || *s == '-') && looks_like(s + 1, "dd:dd") && s[6] == '\0';
}

static bool is_email(const char *s)
{
	const char *at = strrchr(s, '@');

	return at && at > s && at[1] && at[1] != '.' && !strpbrk(s, " \t\r\n<>");
}

static bool is_uri(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return n > 0 && isalpha((unsigned char)*s) && s[n] == ':' && s[n + 1] && !strpbrk(s, " \t\r\n<>\"");
}

static const char *check_format(const json_t *schema, const char *s)
{
	static const struct {
		const char *name;
		bool (*is)(const char *s);
		const char *why;
	} formats[] = {{"email", is_email, "must be an e-mail address."},
		{"uri", is_uri, "must be an address such as https://example.org."},
		{"date", is_date, "must be a date: year-month-day."},
		{"date-time", is_date_time, "must be a date with a time (RFC 3339)."}};
	const char *format = json_get_str(schema, "format");

	for (size_t i = 0; format && i < N_ELEMENTS(formats); i++)
		if (strcmp(format, formats[i].name) == 0)
			return formats[i].is(s) ? NULL : formats[i].why;
	return NULL;
}

/* ---- values ---- */

static int64_t bound(const json_t *schema, const char *key, int64_t otherwise)
{
	return json_get_i64(schema, key, otherwise);
}

/* Each of these: NULL, or what is wrong. */
static const char *check_text(const json_t *schema, const json_t *v)
{
	const json_t *choices = choices_of(schema);

	if (!json_is_string(v))
		return "must be a text.";
	if (choices)
		return is_choice(choices, v) ? NULL : "must be one of the choices.";
	int64_t n = (int64_t)utf8_count(json_string_value(v), json_string_length(v));
	if (n < bound(schema, "minLength", 0))
		return "is too short.";
	return n > bound(schema, "maxLength", INT64_MAX) ? "is too long." : check_format(schema, json_string_value(v));
}

static const char *check_number(const json_t *schema, const json_t *v)
{
	double at = 0, least = -INFINITY, most = INFINITY;

	if (!json_is_number(v) || !json_get_number(v, &at))
		return "must be a number.";
	if (is_type(schema, "integer") && at != floor(at))
		return "must be a whole number.";
	(void)json_get_number(json_object_get(schema, "minimum"), &least);
	(void)json_get_number(json_object_get(schema, "maximum"), &most);
	return at < least ? "is too small." : at > most ? "is too large." : NULL;
}

static const char *check_list(const json_t *schema, const json_t *v)
{
	const json_t *choices = choices_of(json_object_get(schema, "items")), *item;
	int64_t n = (int64_t)json_array_size(v);
	size_t i;

	if (!json_is_array(v))
		return "must be a list.";
	json_array_foreach(
		v, i, item) if (!json_is_string(item) ||
				(choices && !is_choice(choices, item))) return "must be some of the choices.";
	return n < bound(schema, "minItems", 0)           ? "has too few of them."
	       : n > bound(schema, "maxItems", INT64_MAX) ? "has too many of them."
							  : NULL;
}

static const char *check(const json_t *schema, const json_t *v)
{
	if (is_type(schema, "boolean"))
		return json_is_boolean(v) ? NULL : "must be true or false.";
	if (is_type(schema, "number") || is_type(schema, "integer"))
		return check_number(schema, v);
	return is_type(schema, "array") ? check_list(schema, v) : check_text(schema, v);
}

static bool is_required(const json_t *schema, const char *key)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(schema, "required"), i,
		name) if (json_is_string(name) && strcmp(json_string_value(name), key) == 0) return true;
	return false;
}

static int refuse(struct err *e, const char *key, const char *why)
{
	char field[200];

	snprintf(field, sizeof(field), "content.%.180s", key);
	return err_field(e, E_INVALID, field, "%s", why);
}

int tool_form_check(const json_t *schema, json_t *content, struct err *e)
{
	const json_t *asked = json_object_get(schema, "properties");
	const char *key;
	json_t *property;
	void *next;

	if (!json_is_object(content))
		return err_field(e, E_INVALID, "content", "must be an object with what was asked for.");
	json_object_foreach((json_t *)(uintptr_t)asked, key, property)
	{
		json_t *v = json_object_get(content, key), *otherwise = json_object_get(property, "default");
		bool empty = !v || json_is_null(v) ||
			     (json_is_string(v) && !json_string_length(v) && !is_required(schema, key));
		if (empty && otherwise) /* a copy: the form is another thread's, too */
			json_object_set_new(content, key, v = json_deep_copy(otherwise));
		else if (empty)
			json_object_del(content, key);
		if (otherwise && !v)
			return err_set(e, -ENOMEM, "no memory left for an answer");
		if (empty && !otherwise && is_required(schema, key))
			return refuse(e, key, "is missing.");
		const char *why = empty && !otherwise ? NULL : check(property, v);
		if (why)
			return refuse(e, key, why);
	}
	json_object_foreach_safe(content, next, key, property) if (!json_object_get(asked, key))
		json_object_del(content, key);
	return 0;
}
