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
