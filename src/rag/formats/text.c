/* text.c - plain text: paragraphs between empty lines, as they stand. */
#include "base/utf8.h"
#include "rag/formats/format.h"

#define LINE_MAX 8000 /* bytes of a line that are kept: longer ones are data, not text */

/* The end of the line that begins at `at`, without its line break. */
static size_t line_end(const char *p, size_t n, size_t at, size_t *ret_next)
{
	size_t i = at;

	while (i < n && p[i] != '\n' && p[i] != '\r' && p[i] != '\f')
		i++;
	*ret_next = i < n ? i + 1 + (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n') : n;
	return i;
}

static bool is_blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != ' ' && p[i] != '\t')
			return false;
	}
	return true;
}

void text_paragraphs(struct doc *d, const char *p, size_t n)
{
	size_t cut = 0;

	for (size_t at = 0, next; at < n && !doc_failed(d); at = next) {
		size_t end = line_end(p, n, at, &next), keep = utf8_prefix(p + at, end - at, LINE_MAX);

		if (is_blank(p + at, end - at)) {
			doc_end(d);
			continue;
		}
		cut += keep < end - at;
		doc_text(d, p + at, keep);
		doc_text(d, "\n", 1);
	}
	doc_end(d);
	if (cut)
		doc_warn(d, "%zu line%s longer than %d characters: the rest of %s was left out.", cut,
			cut == 1 ? " is" : "s are", LINE_MAX, cut == 1 ? "it" : "them");
}

void read_text(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;

	if (!text_decode(d, in, &text))
		return;
	doc_format(d, "text", d->charset);
	text_paragraphs(d, text.p ? text.p : "", text.n);
}
