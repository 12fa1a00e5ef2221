/* json.c - JSON and notebooks: records become a table, cells of a notebook what they say, all else a text with indentation. */
#include "base/json.h"

#include "rag/formats/format.h"

#define MEMORY  ((size_t)192 << 20)
#define COLUMNS 60

static void value_text(const json_t *v, struct buf *to)
{
	buf_reset(to);
	if (json_is_string(v))
		buf_add(to, json_string_value(v), json_string_length(v));
	else if (v && !json_is_null(v))
		json_add_value(to, v);
}

/* ---- records ---- */

/* The keys of objects, in the order they are met; 0: these are no records. */
static size_t columns(const json_t *list, const char *keys[COLUMNS])
{
	size_t n = 0, i;
	const json_t *row;
	const char *key;
	json_t *v;

	json_array_foreach(list, i, row)
	{
		if (!json_is_object(row))
			return 0;
		if (i >= 200)
			continue;
		json_object_foreach((json_t *)row, key, v)
		{
			size_t k = 0;

			if (json_is_object(v) ||
				(json_is_array(v) && json_array_size(v) > 0 && !json_is_string(json_array_get(v, 0))))
				return 0;
			while (k < n && strcmp(keys[k], key) != 0)
				k++;
			if (k == n && n == COLUMNS)
				return 0;
			if (k == n)
				keys[n++] = key;
		}
	}
	return i > 1 ? n : 0;
}

static void write_table(struct doc *d, const json_t *list, const char *const *keys, size_t n)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)16 << 20);
	size_t i;
	const json_t *row;

	doc_table(d);
	for (size_t k = 0; k < n; k++)
		doc_cell(d, keys[k], strlen(keys[k]));
	doc_row(d);
	json_array_foreach(list, i, row)
	{
		for (size_t k = 0; k < n; k++) {
			value_text(json_object_get(row, keys[k]), &text);
			doc_cell(d, text.p ? text.p : "", text.n);
		}
		doc_row(d);
	}
	doc_table_end(d);
}

static void add_line(struct buf *b, int depth, bool first)
{
	buf_printf(b, "%s\n%*s", first ? "" : ",", 2 * depth, "");
}

/* With indentation, and numbers as they were written: who looks for 0.1 finds it. */
static void add_pretty(struct buf *b, const json_t *v, int depth)
{
	size_t i, n = 0;
	const char *key;
	json_t *x;

	if (json_is_object(v) && json_object_size(v) > 0) {
		buf_add_char(b, '{');
		json_object_foreach((json_t *)v, key, x)
		{
			add_line(b, depth + 1, n++ == 0);
			json_add_cstr(b, key);
			buf_add_str(b, ": ");
			add_pretty(b, x, depth + 1);
		}
		buf_printf(b, "\n%*s}", 2 * depth, "");
	} else if (json_is_array(v) && json_array_size(v) > 0) {
		buf_add_char(b, '[');
		json_array_foreach(v, i, x)
		{
			add_line(b, depth + 1, i == 0);
			add_pretty(b, x, depth + 1);
		}
		buf_printf(b, "\n%*s]", 2 * depth, "");
	} else {
		json_add_value(b, v);
	}
}

static void write_pretty(struct doc *d, const json_t *v)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)128 << 20);

	add_pretty(&text, v, 0);
	doc_block(d, EXTRACT_CODE, 0, text.p ? text.p : "", text.n);
}

/* ---- notebooks ---- */

/* A text, or a list of its lines. */
static void source_text(const json_t *v, struct buf *to)
{
	size_t i;
	const json_t *line;

	buf_reset(to);
	if (json_is_string(v))
		buf_add_str(to, json_string_value(v));
	json_array_foreach(v, i, line)
	{
		if (json_is_string(line))
			buf_add_str(to, json_string_value(line));
	}
}

/* Without the codes that colour a terminal. */
static void drop_ansi(struct buf *b)
{
	size_t m = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == 0x1B && i + 1 < b->n && b->p[i + 1] == '[') {
			for (i += 2; i < b->n && (b->p[i] < 0x40 || b->p[i] > 0x7E); i++)
				;
		} else {
			b->p[m++] = b->p[i];
		}
	}
	b->n = m;
}

static void write_output(struct doc *d, const json_t *output, struct buf *text)
{
	const json_t *data = json_object_get(output, "data");

	source_text(json_object_get(output, "text"), text);
	if (text->n == 0)
		source_text(json_object_get(data, "text/plain"), text);
	if (text->n == 0)
		source_text(json_object_get(output, "traceback"), text);
	drop_ansi(text);
	doc_block(d, EXTRACT_CODE, 0, text->p ? text->p : "", text->n);
}

static void write_cell(struct doc *d, const json_t *cell, struct buf *text)
{
	const char *type = json_get_str(cell, "cell_type");
	const json_t *input = json_object_get(cell, "input"), *output; /* what code was called before the fourth form */
	size_t k;

	source_text(input ? input : json_object_get(cell, "source"), text);
	if (type && strcmp(type, "markdown") == 0)
		markdown_parse(d, text->p ? text->p : "", text->n);
	else if (type && strcmp(type, "heading") == 0)
		doc_block(d, EXTRACT_HEADING, (int)MAX(MIN(json_integer_value(json_object_get(cell, "level")), 6), 1),
			text->p ? text->p : "", text->n);
	else
		doc_block(d, EXTRACT_CODE, 0, text->p ? text->p : "", text->n);
	json_array_foreach(json_object_get(cell, "outputs"), k, output) write_output(d, output, text);
}

/* Of one sheet after the other; since the fourth form there is one. */
static void write_notebook(struct doc *d, const json_t *v)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)64 << 20);
	const json_t *sheets = json_object_get(v, "worksheets"), *cell;
	bool one = json_is_array(json_object_get(v, "cells"));
	size_t n = one ? 1 : json_array_size(sheets), i;
	int number = 0;

	for (size_t s = 0; s < n; s++) {
		json_array_foreach(json_object_get(one ? v : json_array_get(sheets, s), "cells"), i, cell)
		{
			doc_place(d, EXTRACT_CELL, ++number, "", 0, 0);
			write_cell(d, cell, &text);
		}
	}
}

/* The first letter behind blanks, in UTF-16 with its mark. */
static bool begins_wide(const struct input *in)
{
	bool little = in->n > 3 && memcmp(in->p, "\xFF\xFE", 2) == 0;
	size_t at = little ? 2 : 3;

	if (!little && !(in->n > 3 && memcmp(in->p, "\xFE\xFF", 2) == 0))
		return false;
	while (at < in->n && in->p[at] && strchr(" \t\r\n", in->p[at]))
		at += 2;
	return (at | 1) < in->n && (in->p[at] == '{' || in->p[at] == '[') && in->p[at ^ 1] == '\0';
}

bool is_json(const struct input *in)
{
	if (begins_wide(in))
		return true;
	size_t at = in->n >= 3 && memcmp(in->p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

	while (at < in->n && strchr(" \t\r\n", in->p[at]) && in->p[at])
		at++;
	return at < in->n && (in->p[at] == '{' || in->p[at] == '[');
}

void read_json(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;
	CLEANUP(json_decrefp) json_t *v = NULL;
	const char *keys[COLUMNS];
	size_t n;

	if (!text_decode(d, in, &text))
		return;
	if (json_read(text.p ? text.p : "", text.n, MEMORY, JSON_READ_LOOSE, &v, NULL) < 0) {
		/* Lines of JSON, comments in it, a cut: a text all the same. */
		doc_format(d, "text", d->charset);
		text_paragraphs(d, text.p ? text.p : "", text.n);
		return;
	}
	if (json_object_get(v, "nbformat") &&
		(json_is_array(json_object_get(v, "cells")) || json_is_array(json_object_get(v, "worksheets")))) {
		doc_format(d, "notebook", d->charset);
		write_notebook(d, v);
		return;
	}
	doc_format(d, "json", d->charset);
	if (json_is_array(v) && (n = columns(v, keys)) > 0)
		write_table(d, v, keys, n);
	else
		write_pretty(d, v);
}
