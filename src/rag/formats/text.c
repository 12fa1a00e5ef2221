/* text.c - plain text: paragraphs between empty lines, as they stand; a line that is underlined is a heading. */
#include "base/utf8.h"
#include "rag/formats/format.h"

#define LINE_MAX  8000 /* bytes of a line that are kept: longer ones are data, not text */
#define TITLE_MAX 200
#define LEVELS    6

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

/* The sign that a line consists of, and that draws lines; 0: it is no such line. */
static char rule_of(const char *p, size_t n)
{
	size_t same = 0;

	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	while (same < n && p[same] == p[0])
		same++;
	return n >= 3 && same == n && strchr("=-*~^#+\"`", p[0]) ? p[0] : 0;
}

/* A line that stands alone with a rule below it, which is as long as it at least; *ret_next: behind the rule. The sign of the rule, or 0. */
static char title_rule(const char *p, size_t n, size_t at, size_t end, size_t *ret_next)
{
	size_t next, after, beyond;

	(void)line_end(p, n, at, &next);
	size_t rule = line_end(p, n, next, &after), third = line_end(p, n, after, &beyond);
	char sign = end - at <= TITLE_MAX && !rule_of(p + at, end - at) ? rule_of(p + next, rule - next) : 0;

	if (!sign || rule - next < utf8_count(p + at, end - at) || !is_blank(p + after, third - after))
		return 0;
	*ret_next = after;
	return sign;
}

/* Which rules are of which level is chosen by each text: the first one that comes is of the first. */
static int level_of(char signs[LEVELS], char sign)
{
	int i = 0;

	while (i < LEVELS - 1 && signs[i] && signs[i] != sign)
		i++;
	signs[i] = signs[i] ? signs[i] : sign;
	return i + 1;
}

void text_paragraphs(struct doc *d, const char *p, size_t n)
{
	size_t cut = 0;
	char signs[LEVELS] = {0}, sign;

	for (size_t at = 0, next; at < n && !doc_failed(d); at = next) {
		size_t end = line_end(p, n, at, &next), keep = utf8_prefix(p + at, end - at, LINE_MAX);

		if (is_blank(p + at, end - at)) {
			doc_end(d);
			continue;
		}
		if (!d->open && (sign = title_rule(p, n, at, end, &next)) != 0) {
			doc_block(d, EXTRACT_HEADING, level_of(signs, sign), p + at, end - at);
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
