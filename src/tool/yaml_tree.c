/*
 * yaml_tree.c - libyaml's events made a tree, by one function for each kind of node. An alias becomes one more reference to the
 * value of its anchor, which is complete by then, so nothing stands within itself and a document of aliases of aliases takes no
 * more memory than it is long; whoever writes it out counts what comes out (openapi_schema.c).
 */
#include "tool/yaml_tree.h"

#include <errno.h>
#include <yaml.h>

#include "base/utf8.h"

#define LEVELS_MAX 256
#define NODE_COST  80 /* bytes of a node beside its text */

struct reading {
	yaml_parser_t parser;
	json_t *anchors; /* those whose values are complete */
	size_t left;     /* bytes that the tree may still take */
	int level;
	struct err *e;
};

static int broken(struct reading *r)
{
	return err_set(r->e, E_INVALID, "This is no YAML (line %zu): %.80s.", r->parser.problem_mark.line + 1,
		r->parser.problem ? r->parser.problem : "it ends too early");
}

static int next(struct reading *r, yaml_event_t *ret)
{
	return yaml_parser_parse(&r->parser, ret) ? 0 : broken(r);
}

static int spend(struct reading *r, size_t bytes)
{
	if (bytes + NODE_COST > r->left)
		return err_set(r->e, E_TOO_LARGE, "The YAML is too large.");
	r->left -= bytes + NODE_COST;
	return 0;
}

/* ---- scalars ---- */

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return true;
	return false;
}

static json_t *number_of(const char *s)
{
	size_t n = strlen(s);
	char *end;

	if (n == 0 || n > 30 || strspn(s, "+-.0123456789eE") != n || !strpbrk(s, "0123456789"))
		return NULL;
	errno = 0;
	if (strspn(s + (*s == '-' || *s == '+'), "0123456789") == n - (*s == '-' || *s == '+')) {
		long long v = strtoll(s, &end, 10);
		return errno || *end ? NULL : json_integer(v);
	}
	double v = strtod(s, &end);
	return errno || *end ? NULL : json_real(v);
}

static json_t *plain(const char *s)
{
	static const char *const nothing[] = {"", "~", "null", "Null", "NULL"}, *const yes[] = {"true", "True", "TRUE"},
				 *const no[] = {"false", "False", "FALSE"};

	if (is_one_of(s, nothing, N_ELEMENTS(nothing)))
		return json_null();
	if (is_one_of(s, yes, N_ELEMENTS(yes)))
		return json_true();
	if (is_one_of(s, no, N_ELEMENTS(no)))
		return json_false();
	return number_of(s);
}

static json_t *text_of(const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4 * n + 16);

	if (!memchr(p, '\0', n) && utf8_valid(p, n))
		return json_stringn_nocheck(p, n);
	utf8_add_repaired(&b, p, n);
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\0')
			b.p[i] = ' ';
	return json_stringn(b.p ? b.p : "", b.n);
}

static json_t *scalar(const yaml_event_t *event)
{
	const char *s = (const char *)event->data.scalar.value;
	json_t *v = NULL;

	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strlen(s) == event->data.scalar.length)
		v = plain(s);
	return v ? v : text_of(s, event->data.scalar.length);
}

/* ---- nodes ---- */

static int node(struct reading *r, const yaml_event_t *event, json_t **ret);

static int sequence(struct reading *r, json_t *to)
{
	for (;;) {
		yaml_event_t event;
		json_t *v = NULL;
		int n = next(r, &event);

		if (n < 0)
			return n;
		bool end = event.type == YAML_SEQUENCE_END_EVENT;
		n = end ? 0 : node(r, &event, &v);
		yaml_event_delete(&event);
		if (end || n < 0)
			return n;
		if (json_array_append_new(to, v) < 0)
			return err_set(r->e, -ENOMEM, "There is no memory for YAML.");
	}
}

/* `<<`: members of another mapping, or of a list of such, which those written here go before. */
static void merge(json_t *to, const json_t *from)
{
	const json_t *item;
	size_t i;

	if (json_is_object(from))
		json_object_update_missing(to, (json_t *)from);
	json_array_foreach(from, i, item)
	{
		if (json_is_object(item))
			json_object_update_missing(to, (json_t *)item);
	}
}

static int member(struct reading *r, const yaml_event_t *key, json_t *to)
{
	yaml_event_t event;
	json_t *v = NULL;

	if (key->type != YAML_SCALAR_EVENT)
		return err_set(r->e, E_INVALID, "The keys of YAML must be texts (line %zu).", key->start_mark.line + 1);
	int n = next(r, &event);
	if (n < 0)
		return n;
	CLEANUP(json_decrefp) json_t *name = text_of((const char *)key->data.scalar.value, key->data.scalar.length);
	n = name ? spend(r, json_string_length(name)) : -ENOMEM;
	if (n == 0)
		n = node(r, &event, &v);
	yaml_event_delete(&event);
	if (n < 0)
		return n;
	bool merges = key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(json_string_value(name), "<<") == 0;
	if (merges && (json_is_object(v) || json_is_array(v))) {
		merge(to, v);
		json_decref(v);
		return spend(r, json_object_size(to) * sizeof(void *)); /* what was there before is counted again */
	}
	return json_object_set_new(to, json_string_value(name), v) < 0
		       ? err_set(r->e, -ENOMEM, "There is no memory for YAML.")
		       : 0;
}

static int mapping(struct reading *r, json_t *to)
{
	for (;;) {
		yaml_event_t event;
		int n = next(r, &event);

		if (n < 0)
			return n;
		bool end = event.type == YAML_MAPPING_END_EVENT;
		n = end ? 0 : member(r, &event, to);
		yaml_event_delete(&event);
		if (end || n < 0)
			return n;
	}
}

static const char *anchor_of(const yaml_event_t *event)
{
	return (const char *)(event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
			      : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
			      : event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.anchor
									 : NULL);
}

static int alias(struct reading *r, const yaml_event_t *event, json_t **ret)
{
	json_t *v = json_object_get(r->anchors, (const char *)event->data.alias.anchor);

	if (!v)
		return err_set(r->e, E_INVALID, "An alias in the YAML names nothing before it (line %zu).",
			event->start_mark.line + 1);
	*ret = json_incref(v);
	return 0;
}

/* *ret: the caller's. */
static int node(struct reading *r, const yaml_event_t *event, json_t **ret)
{
	json_t *v = NULL;
	int n;

	if (event->type == YAML_ALIAS_EVENT)
		return alias(r, event, ret);
	if (++r->level > LEVELS_MAX)
		return err_set(r->e, E_TOO_LARGE, "The YAML has more than %d levels.", LEVELS_MAX);
	n = spend(r, event->type == YAML_SCALAR_EVENT ? event->data.scalar.length : 0);
	if (n == 0 && event->type == YAML_SCALAR_EVENT)
		v = scalar(event);
	else if (n == 0 && event->type == YAML_SEQUENCE_START_EVENT)
		n = sequence(r, v = json_array());
	else if (n == 0 && event->type == YAML_MAPPING_START_EVENT)
		n = mapping(r, v = json_object());
	r->level--;
	if (n == 0 && !v)
		n = err_set(r->e, E_INVALID, "This is no YAML (line %zu).", event->start_mark.line + 1);
	if (n == 0 && anchor_of(event) && json_object_set(r->anchors, anchor_of(event), v) < 0)
		n = err_set(r->e, E_INVALID, "The name of an anchor in the YAML is no text.");
	if (n < 0)
		json_decref(v);
	else
		*ret = v;
	return n;
}

int yaml_read(const char *p, size_t n, size_t memory, json_t **ret, struct err *e)
{
	struct reading r = {.left = memory, .e = e};
	bool found = false;
	int result = 0;

	if (!yaml_parser_initialize(&r.parser))
		return err_set(e, -ENOMEM, "There is no memory for YAML.");
	r.anchors = json_object();
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)p, n);
	while (result == 0 && !found) {
		yaml_event_t event;
		result = next(&r, &event);
		if (result < 0)
			break;
		if (event.type == YAML_STREAM_END_EVENT)
			result = err_set(e, E_INVALID, "There is nothing in the YAML.");
		else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT)
			found = (result = node(&r, &event, ret)) == 0;
		yaml_event_delete(&event);
	}
	json_decref(r.anchors);
	yaml_parser_delete(&r.parser);
	return result;
}
