/* code.c - source code in parts at its own joints, XML as its text, LaTeX as what it prints. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "rag/formats/format.h"
#include "rag/formats/odf.h"

#define PART     3000 /* bytes of code after which the next joint ends a block */
#define MINIFIED 300  /* mean bytes of a line */

/* A joint: a line that begins at the margin after an empty one. */
static void write_code(struct doc *d, const char *p, size_t n)
{
	size_t from = 0;
	bool empty = false;

	for (size_t at = 0; at < n && !doc_failed(d);) {
		const char *nl = memchr(p + at, '\n', n - at);
		size_t end = nl ? (size_t)(nl - p) + 1 : n;

		if (empty && at - from > PART / 4 && !isspace((unsigned char)p[at]) && p[at] != '}') {
			doc_block(d, EXTRACT_CODE, 0, p + from, at - from);
			from = at;
		}
		if (end - from > PART * 4) {
			doc_block(d, EXTRACT_CODE, 0, p + from, end - from);
			from = end;
		}
		empty = end - at <= 2;
		at = end;
	}
	doc_block(d, EXTRACT_CODE, 0, p + from, n - from);
}

void read_code(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;
	size_t lines = 1;

	if (!text_decode(d, in, &text))
		return;
	doc_format(d, "code", d->charset);
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	if (text.n > 10000 && text.n / lines > MINIFIED) {
		doc_fail(d, EXTRACT_UNSUPPORTED, "This is code made for machines (minified). Add its source instead.");
		return;
	}
	const char *slash = strrchr(in->name, '/'), *name = slash ? slash + 1 : in->name;
	doc_block(d, EXTRACT_HEADING, 1, name, strlen(name));
	write_code(d, text.p ? text.p : "", text.n);
}

/* ---- XML ---- */

struct xml {
	struct doc *d;
	int depth;
};

static void xml_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xml *x = arg;

	(void)name;
	(void)a;
	/* Deep elements are parts of a sentence or of a record. */
	if (++x->depth <= 3)
		doc_end(x->d);
	else if (x->d->open)
		doc_flow(x->d, " ", 1);
}

static void xml_end(void *arg, const char *name)
{
	struct xml *x = arg;

	(void)name;
	if (x->depth-- <= 3)
		doc_end(x->d);
}

static void xml_text(void *arg, const char *p, size_t n)
{
	struct xml *x = arg;

	for (size_t i = 0; i < n && !x->d->open; i++) {
		if (!isspace((unsigned char)p[i]))
			doc_begin(x->d, EXTRACT_PARA, 0);
	}
	if (x->d->open)
		doc_flow(x->d, p, n);
}

void read_xml(struct doc *d, const struct input *in)
{
	static const struct sax_handler handler = {
		.start = xml_start, .end = xml_end, .text = xml_text, .doctype = true};
	struct xml x = {.d = d};

	/* An OpenDocument text that was not packed. */
	if (memmem(in->p, MIN(in->n, 2000), "urn:oasis:names:tc:opendocument", 31)) {
		struct odf *o = xcalloc(1, sizeof(*o));

		doc_format(d, "odt", NULL);
		odf_begin(o, d);
		if (!sax_parse(d, &odf_handler, o, in->p, in->n))
			doc_fail(d, EXTRACT_BROKEN,
				"The document is damaged. Open it in its own program and save it anew.");
		odf_done(o);
		free(o);
		return;
	}
	doc_format(d, "xml", NULL);
	if (!sax_parse(d, &handler, &x, in->p, in->n))
		doc_warn(d, "The XML is not well-formed: it was read as far as it goes.");
}

/* ---- LaTeX ---- */

struct latex {
	struct doc *d;
	const char *p;
	size_t n, at;
};

static const struct {
	const char *name;
	int level;
} sections[] = {{"part", 1}, {"chapter", 1}, {"section", 2}, {"subsection", 3}, {"subsubsection", 4}, {"paragraph", 5}};

/* The end of {...} from its brace on. */
static size_t braces(const struct latex *l, size_t at)
{
	int depth = 0;

	for (; at < l->n; at++) {
		if (l->p[at] == '\\')
			at++;
		else if (l->p[at] == '{')
			depth++;
		else if (l->p[at] == '}' && --depth == 0)
			return at;
	}
	return l->n;
}

static size_t skip_argument(const struct latex *l, size_t at)
{
	while (at < l->n && l->p[at] == '[') {
		while (at < l->n && l->p[at] != ']')
			at++;
		at += at < l->n;
	}
	return at;
}

/* Behind the arguments that say how a cell is set, not what it says. */
static size_t skip_setting(const struct latex *l, size_t name, size_t n, size_t at)
{
	static const struct {
		const char *name;
		int arguments;
	} taking[] = {{"multicolumn", 2}, {"multirow", 2}, {"cline", 1}, {"cmidrule", 1}, {"textcolor", 1},
		{"cellcolor", 1}, {"rowcolor", 1}};

	for (size_t i = 0; i < N_ELEMENTS(taking); i++)
		if (strlen(taking[i].name) == n && memcmp(taking[i].name, l->p + name, n) == 0)
			for (int k = 0; k < taking[i].arguments && at < l->n && l->p[at] == '{'; k++)
				at = MIN(braces(l, at) + 1, l->n);
	return at;
}

/* A cell without what sets it: commands vanish, what they take stays. */
static void put_cell(const struct latex *l, size_t at, size_t end)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	while (at < end) {
		char c = l->p[at++];
		size_t name = at;
		while (c == '\\' && at < end && isalpha((unsigned char)l->p[at]))
			at++;
		if (c == '\\' && at > name) {
			buf_add_char(&b, ' ');
			at = skip_setting(l, name, at - name, at);
		} else if (c == '\\' && at < end) {
			buf_add_char(&b, l->p[at++]);
		} else if (c != '{' && c != '}' && c != '$') {
			buf_add_char(&b, c == '~' ? ' ' : c);
		}
	}
	doc_cell(l->d, b.p ? b.p : "", b.n);
}

/* What stands in \begin{tabular}{...}: cells between &, rows between \\. */
static void tabular(struct latex *l, size_t end)
{
	size_t from = l->at;

	doc_end(l->d);
	doc_table(l->d);
	for (; l->at < end && !doc_failed(l->d); l->at++) {
		bool row = l->p[l->at] == '\\' && l->at + 1 < end && l->p[l->at + 1] == '\\';
		bool cell = row || l->p[l->at] == '&';
		if (cell)
			put_cell(l, from, l->at);
		if (row)
			doc_row(l->d);
		l->at += l->p[l->at] == '\\'; /* what is escaped */
		from = cell ? l->at + 1 : from;
	}
	put_cell(l, MIN(from, end), end);
	doc_table_end(l->d);
	l->at = end;
}

/* Behind \begin{NAME}: a table as such, what other surroundings take is left to them. False: it is none. */
static bool table_begins(struct latex *l, size_t name, size_t n)
{
	static const char *const names[] = {"tabular", "tabularx", "tabulary", "longtable"};
	char closing[32];

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		size_t len = strlen(names[i]), plain = n - (n > 0 && l->p[name + n - 1] == '*');
		if (plain != len || memcmp(l->p + name, names[i], len) != 0)
			continue;
		while (l->at < l->n && (l->p[l->at] == '{' || l->p[l->at] == '['))
			l->at = l->p[l->at] == '[' ? skip_argument(l, l->at) : MIN(braces(l, l->at) + 1, l->n);
		snprintf(closing, sizeof(closing), "\\end{%s", names[i]);
		const char *end = memmem(l->p + l->at, l->n - l->at, closing, strlen(closing));
		tabular(l, end ? (size_t)(end - l->p) : l->n);
		return true;
	}
	return false;
}

/* Behind a backslash: sections are headings, some commands are left out with what they take, others vanish. */
static void command(struct latex *l)
{
	static const char *const silent[] = {"label", "ref", "cite", "citep", "citet", "begin", "end", "usepackage",
		"includegraphics", "bibliography", "bibliographystyle", "input", "include", "vspace", "hspace",
		"pageref", "documentclass"};
	size_t from = ++l->at, n;

	while (l->at < l->n && isalpha((unsigned char)l->p[l->at]))
		l->at++;
	n = l->at - from;
	if (n == 0) {
		if (l->at < l->n)
			doc_text(l->d, l->p[l->at] == '\\' ? "\n" : l->p + l->at, 1);
		l->at++;
		return;
	}
	l->at += l->at < l->n && l->p[l->at] == '*';
	l->at = skip_argument(l, l->at);
	if (l->at >= l->n || l->p[l->at] != '{')
		return;
	for (size_t i = 0; i < N_ELEMENTS(sections); i++) {
		if (strlen(sections[i].name) == n && memcmp(sections[i].name, l->p + from, n) == 0) {
			size_t end = braces(l, l->at);

			doc_block(l->d, EXTRACT_HEADING, sections[i].level, l->p + l->at + 1, end - l->at - 1);
			l->at = MIN(end + 1, l->n);
			return;
		}
	}
	size_t name = l->at + 1;
	if (n == 5 && memcmp(l->p + from, "begin", 5) == 0) {
		size_t end = braces(l, l->at);
		l->at = MIN(end + 1, l->n);
		if (!table_begins(l, name, end - name))
			l->at = name - 1;
		else
			return;
	}
	for (size_t i = 0; i < N_ELEMENTS(silent); i++) {
		if (strlen(silent[i]) == n && memcmp(silent[i], l->p + from, n) == 0)
			l->at = MIN(braces(l, l->at) + 1, l->n);
	}
	if (n == 4 && memcmp(l->p + from, "item", 4) == 0)
		doc_end(l->d);
}

void read_latex(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;

	if (!text_decode(d, in, &text) || text.n == 0)
		return;
	doc_format(d, "latex", d->charset);
	struct latex l = {.d = d, .p = text.p, .n = text.n};
	const char *begin = memmem(text.p, text.n, "\\begin{document}", 16);
	l.at = begin ? (size_t)(begin - text.p) + 16 : 0;
	while (l.at < l.n && !doc_failed(d)) {
		char c = l.p[l.at];

		if (c == '\\') {
			command(&l);
		} else if (c == '%') {
			while (l.at < l.n && l.p[l.at] != '\n')
				l.at++;
			l.at += l.at < l.n;
		} else if (c == '\n' && l.at + 1 < l.n && l.p[l.at + 1] == '\n') {
			doc_end(d);
			l.at++;
		} else if (c == '{' || c == '}') {
			l.at++;
		} else {
			doc_flow(d, c == '~' ? " " : l.p + l.at, 1);
			l.at++;
		}
	}
	doc_end(d);
}
