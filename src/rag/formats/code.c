/* code.c - source code in parts at its own joints, XML as its text. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "rag/formats/format.h"
#include "rag/formats/odf.h"
#include "rag/formats/office.h"

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
	bool records;      /* what it says stands in its attributes, too */
	bool drawing;      /* its attributes are lines and colours; what it says are its labels */
	int skip;          /* the depth below which nothing is read; 0: none */
	size_t said, kept; /* bytes of its text, and of its attributes */
};

/* What names elements for programs, or says how they look. */
static bool is_plumbing(struct str name)
{
	static const char *const names[] = {"id", "class", "style", "lang", "space", "href", "src", "role",
		"schemaLocation", "noNamespaceSchemaLocation"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (str_eq(name, str_from(names[i])))
			return true;
	return false;
}

/* "light: name Skagen, height 46 m" */
static void add_attributes(struct xml *x, const char *element, const struct sax_atts *a)
{
	const char *before = ": ";
	struct str name, value;

	for (int i = 0; sax_at(a, i, &name, &value); i++) {
		CLEANUP(buf_done) struct buf plain = BUF_INIT((size_t)1 << 20);

		if (value.n == 0 || is_plumbing(name))
			continue;
		if (!x->d->open)
			doc_begin(x->d, EXTRACT_PARA, 0);
		if (before[0] == ':')
			doc_flow(x->d, element, strlen(element));
		doc_flow(x->d, before, strlen(before));
		doc_flow(x->d, name.p, name.n);
		doc_flow(x->d, " ", 1);
		office_text(value, &plain);
		doc_flow(x->d, plain.p ? plain.p : "", plain.n);
		before = ", ";
	}
	if (before[0] == ',')
		doc_flow(x->d, " ", 1);
}

/* Of a drawing: what says how it looks, or which program made it. */
static bool is_apparatus(const char *name)
{
	return strcmp(name, "style") == 0 || strcmp(name, "script") == 0 || strcmp(name, "metadata") == 0;
}

/* A label is a block of its own; parts of it that stand elsewhere are words, others are letters in another colour. */
static void begin_label(struct xml *x, const char *name, const struct sax_atts *a)
{
	bool placed = sax_get(a, "x").p || sax_get(a, "y").p || sax_get(a, "dy").p;

	if (strcmp(name, "tspan") != 0)
		doc_end(x->d);
	else if (placed && x->d->open)
		doc_flow(x->d, " ", 1);
}

static void xml_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xml *x = arg;

	if (x->drawing) {
		x->depth++;
		if (!x->skip && is_apparatus(name))
			x->skip = x->depth;
		if (!x->skip)
			begin_label(x, name, a);
		return;
	}
	/* Deep elements are parts of a sentence or of a record. */
	if (++x->depth <= 3)
		doc_end(x->d);
	else if (x->d->open)
		doc_flow(x->d, " ", 1);
	if (x->records)
		add_attributes(x, name, a);
}

static void count_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xml *x = arg;
	struct str key, value;

	x->drawing |= ++x->depth == 1 && strcmp(name, "svg") == 0;
	for (int i = 0; sax_at(a, i, &key, &value); i++)
		x->kept += is_plumbing(key) ? 0 : value.n;
}

static void count_end(void *arg, const char *name)
{
	(void)name;
	((struct xml *)arg)->depth--;
}

static void count_text(void *arg, const char *p, size_t n)
{
	struct xml *x = arg;

	for (size_t i = 0; i < n; i++)
		x->said += !isspace((unsigned char)p[i]);
}

/* A text marks its words up; where more stands in attributes than between elements, they hold what is to be found. */
static void look_at(struct xml *x, const char *p, size_t n)
{
	static const struct sax_handler handler = {
		.start = count_start, .end = count_end, .text = count_text, .doctype = true};

	(void)sax_parse(x->d, &handler, x, p, n); /* what is wrong is told by the second reading */
	x->records = x->kept > x->said && !x->drawing;
	x->depth = 0;
}

static void xml_end(void *arg, const char *name)
{
	struct xml *x = arg;

	if (x->drawing) {
		if (!x->skip && strcmp(name, "tspan") != 0)
			doc_end(x->d);
		x->skip = x->skip == x->depth ? 0 : x->skip;
		x->depth--;
	} else if (x->depth-- <= 3) {
		doc_end(x->d);
	}
}

static void xml_text(void *arg, const char *p, size_t n)
{
	struct xml *x = arg;

	for (size_t i = 0; i < n && !x->d->open && !x->skip; i++) {
		if (!isspace((unsigned char)p[i]))
			doc_begin(x->d, EXTRACT_PARA, 0);
	}
	if (x->d->open && !x->skip)
		doc_flow(x->d, p, n);
}

#define HEAD 4000 /* in which an OpenDocument that was not packed says what it is */

static void read_flat_odf(struct doc *d, const struct input *in)
{
	struct odf *o = xcalloc(1, sizeof(*o));
	bool sheets = memmem(in->p, MIN(in->n, HEAD), "opendocument.spreadsheet", 24) != NULL,
	     slides = memmem(in->p, MIN(in->n, HEAD), "opendocument.presentation", 25) != NULL;

	doc_format(d, sheets ? "ods" : slides ? "odp" : "odt", NULL);
	odf_begin(o, d);
	if (!sax_parse(d, &odf_handler, o, in->p, in->n))
		doc_fail(d, EXTRACT_BROKEN, "The document is damaged. Open it in its own program and save it anew.");
	odf_done(o);
	free(o);
}

void read_xml(struct doc *d, const struct input *in)
{
	static const struct sax_handler handler = {
		.start = xml_start, .end = xml_end, .text = xml_text, .doctype = true};
	struct xml x = {.d = d};

	if (memmem(in->p, MIN(in->n, HEAD), "urn:oasis:names:tc:opendocument", 31)) {
		read_flat_odf(d, in);
		return;
	}
	CLEANUP(buf_done) struct buf text = BUF_INIT(0);
	const char *p = in->p, *charset = NULL;
	size_t n = in->n;
	/* In two bytes a letter: its declaration is not true of what it has become. */
	if (n > 2 && (p[0] == '\xFF' || p[0] == '\xFE')) {
		if (!text_decode(d, in, &text))
			return;
		const char *end = memmem(text.p, text.n, "?>", 2);
		p = end ? end + 2 : text.p;
		n = text.n - (size_t)(p - text.p);
		charset = d->charset;
	}
	doc_format(d, "xml", charset);
	look_at(&x, p, n);
	if (!sax_parse(d, &handler, &x, p, n))
		doc_warn(d, "The XML is not well-formed: it was read as far as it goes.");
}
