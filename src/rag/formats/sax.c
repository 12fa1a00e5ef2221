/*
 * sax.c - pieces go to the parser as they come, each looked over by tags.h first. What comes out is counted, for entities make much
 * of little, and a document type is refused but where a format has one, for that is where entities are declared. After a failure of
 * the document no handler is called any more, so that none has to ask.
 */
#include "rag/formats/sax.h"

#include <libxml/parser.h>
#include <math.h>

#include "rag/formats/tags.h"

#define DEPTH_MAX 256
#define CHARS_MAX ((size_t)1 << 30)
#define PIECE     ((size_t)65536)

struct sax {
	struct doc *d;
	const struct sax_handler *h;
	void *arg;
	xmlParserCtxtPtr ctx;
	xmlSAXHandler sax;
	int depth;
	size_t chars;
	struct tags tags;
};

struct str sax_get(const struct sax_atts *a, const char *name)
{
	bool prefixed = name[0] == ':';
	struct str other = {NULL, 0};

	name += prefixed;
	for (int i = 0; i < a->n; i++) {
		const unsigned char **at = &a->list[i * 5];

		if (strcmp((const char *)at[0], name) != 0)
			continue;
		struct str v = {(const char *)at[3], (size_t)(at[4] - at[3])};
		if ((at[1] != NULL) == prefixed)
			return v;
		other = v;
	}
	return prefixed ? (struct str){NULL, 0} : other;
}

bool sax_at(const struct sax_atts *a, int i, struct str *ret_name, struct str *ret_value)
{
	if (i >= a->n)
		return false;
	const unsigned char **at = &a->list[i * 5];
	*ret_name = str_from((const char *)at[0]);
	*ret_value = (struct str){(const char *)at[3], (size_t)(at[4] - at[3])};
	return true;
}

bool sax_is(const struct sax_atts *a, const char *name, const char *value)
{
	return str_eq(sax_get(a, name), str_from(value));
}

static bool copy(struct str v, char ret[32])
{
	if (!v.p || v.n == 0 || v.n > 31)
		return false;
	memcpy(ret, v.p, v.n);
	ret[v.n] = '\0';
	return true;
}

int sax_int(const struct sax_atts *a, const char *name, int otherwise)
{
	char text[32], *end;
	long v;

	if (!copy(sax_get(a, name), text))
		return otherwise;
	v = strtol(text, &end, 10);
	return end == text || v > SAX_INT_MAX || v < -SAX_INT_MAX ? otherwise : (int)v;
}

double sax_double(const struct sax_atts *a, const char *name)
{
	char text[32];
	double v = copy(sax_get(a, name), text) ? strtod(text, NULL) : 0;

	return isfinite(v) ? v : 0;
}

static void stop(struct sax *x)
{
	xmlStopParser(x->ctx);
}

static void start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_ns,
	const xmlChar **ns, int n, int n_default, const xmlChar **atts)
{
	struct sax *x = arg;
	struct sax_atts a = {atts, n};

	(void)prefix;
	(void)uri;
	(void)n_ns;
	(void)ns;
	(void)n_default;
	if (++x->depth > DEPTH_MAX) {
		doc_fail(x->d, EXTRACT_TOO_COMPLEX, "The file is nested deeper than it may be.");
		stop(x);
	} else if (x->h->start && !doc_failed(x->d)) {
		x->h->start(x->arg, (const char *)name, &a);
	}
}

static void end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct sax *x = arg;

	(void)prefix;
	(void)uri;
	x->depth--;
	if (x->h->end && !doc_failed(x->d))
		x->h->end(x->arg, (const char *)name);
}

/* Entities make much of little: what is counted is what comes out. */
static void characters(void *arg, const xmlChar *p, int n)
{
	struct sax *x = arg;

	x->chars += (size_t)MAX(n, 0);
	if (x->chars > CHARS_MAX)
		doc_fail(x->d, EXTRACT_TOO_LARGE, "The file unfolds to more text than is taken.");
	if (doc_failed(x->d))
		stop(x);
	else if (x->h->text && n > 0)
		x->h->text(x->arg, (const char *)p, (size_t)n);
}

static void document_type(void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
	struct sax *x = arg;

	(void)name;
	(void)id;
	(void)system;
	if (x->h->doctype)
		return;
	doc_fail(x->d, EXTRACT_BROKEN,
		"The file declares a document type, which files of its kind never do. It was not read.");
	stop(x);
}

static void silent(void *arg, const char *fmt, ...)
{
	(void)arg;
	(void)fmt;
}

struct sax *sax_new(struct doc *d, const struct sax_handler *h, void *arg)
{
	struct sax *x = xcalloc(1, sizeof(*x));

	x->d = d;
	x->h = h;
	x->arg = arg;
	x->sax = (xmlSAXHandler){.initialized = XML_SAX2_MAGIC,
		.startElementNs = start,
		.endElementNs = end,
		.characters = characters,
		.cdataBlock = characters,
		.ignorableWhitespace = characters,
		.internalSubset = document_type,
		.warning = silent,
		.error = silent};
	x->ctx = xmlCreatePushParserCtxt(&x->sax, x, NULL, 0, NULL);
	if (!x->ctx)
		doc_fail(d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
	else
		(void)xmlCtxtUseOptions(x->ctx, XML_PARSE_NONET | (h->mild ? XML_PARSE_RECOVER : 0));
	return x;
}

int sax_push(struct sax *x, const char *p, size_t n)
{
	for (size_t at = 0; at < n && x->ctx && !doc_failed(x->d); at += PIECE) {
		if (!tags_look(&x->tags, x->d, p + at, MIN(n - at, PIECE)))
			return -1;
		int r = xmlParseChunk(x->ctx, p + at, (int)MIN(n - at, PIECE), 0);
		if (r != 0 && !x->h->mild)
			return -1;
	}
	return x->ctx && !doc_failed(x->d) ? 0 : -1;
}

bool sax_free(struct sax *x)
{
	bool good = false;

	if (x->ctx) {
		if (!doc_failed(x->d))
			(void)xmlParseChunk(x->ctx, NULL, 0, 1);
		good = x->ctx->wellFormed != 0;
		if (x->ctx->myDoc)
			xmlFreeDoc(x->ctx->myDoc);
		xmlFreeParserCtxt(x->ctx);
	}
	free(x);
	return good;
}

bool sax_parse(struct doc *d, const struct sax_handler *h, void *arg, const char *p, size_t n)
{
	struct sax *x = sax_new(d, h, arg);

	(void)sax_push(x, p, n);
	return sax_free(x);
}
