/* balance.c - whether the tags of a text are balanced. */
#include "base/balance.h"

#include <stdarg.h>
#include <stdio.h>

#define DEPTH_MAX 200

struct place {
	const char *p; /* the name of the tag */
	size_t n, line, column;
};

static void move(const char *from, const char *to, size_t *line, size_t *column)
{
	for (; from < to; from++) {
		if (*from == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)*from & 0xc0) != 0x80) {
			++*column;
		}
	}
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	while (is_letter(p[n]) || (n > 0 && ((p[n] >= '0' && p[n] <= '9') || strchr("-.:", p[n])) && p[n]))
		n++;
	return n;
}

static bool PRINTF(3, 4) fault(const struct place *at, struct balance_fault *ret, const char *fmt, ...)
{
	va_list ap;

	ret->line = at->line;
	ret->column = at->column;
	va_start(ap, fmt);
	vsnprintf(ret->text, sizeof(ret->text), fmt, ap);
	va_end(ap);
	return true;
}

/* Behind what begins at p and is no tag: a comment and the like; NULL: it is none of these. */
static const char *pass_over(const char *p)
{
	static const char *const pairs[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};

	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		const char *end;

		if (strncmp(p, pairs[i][0], strlen(pairs[i][0])) != 0)
			continue;
		end = strstr(p + strlen(pairs[i][0]), pairs[i][1]);
		return end ? end + strlen(pairs[i][1]) : p + strlen(p);
	}
	return NULL;
}

/* The > of a tag, outside of its quotation marks. */
static const char *tag_end(const char *p)
{
	char quote = '\0';

	for (; *p; p++) {
		if (!quote && *p == '>')
			return p;
		if (quote && *p == quote)
			quote = '\0';
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
	}
	return NULL;
}

static bool close_tag(struct place *open, size_t *depth, const struct place *tag, struct balance_fault *ret)
{
	const struct place *last = *depth ? &open[*depth - 1] : NULL;

	if (!last)
		return fault(tag, ret, "</%.*s> closes nothing.", (int)MIN(tag->n, (size_t)40), tag->p);
	if (last->n != tag->n || memcmp(last->p, tag->p, tag->n) != 0)
		return fault(tag, ret, "</%.*s> stands where <%.*s> of line %zu is to be closed.",
			(int)MIN(tag->n, (size_t)24), tag->p, (int)MIN(last->n, (size_t)24), last->p, last->line);
	--*depth;
	return false;
}

bool balance_check(const char *text, struct balance_fault *ret)
{
	struct place open[DEPTH_MAX];
	size_t depth = 0, line = 1, column = 1;

	for (const char *p = text, *next; (next = strchr(p, '<')) != NULL; p = next) {
		bool closes = next[1] == '/';
		const char *over = pass_over(next), *end;
		struct place tag = {.p = next + 1 + closes};

		move(p, next, &line, &column);
		tag.n = name_length(tag.p);
		tag.line = line;
		tag.column = column;
		p = next;
		if (over || tag.n == 0) {
			next = over ? over : next + 1;
			move(p, next, &line, &column);
			continue;
		}
		if (!(end = tag_end(tag.p)))
			return fault(&tag, ret, "The tag <%.*s has no end.", (int)MIN(tag.n, (size_t)40), tag.p);
		next = end + 1;
		move(p, next, &line, &column);
		if (closes && close_tag(open, &depth, &tag, ret))
			return true;
		if (closes || end[-1] == '/')
			continue;
		if (depth == DEPTH_MAX)
			return fault(&tag, ret, "The tags stand too deep in each other.");
		open[depth++] = tag;
	}
	if (depth == 0)
		return false;
	return fault(&open[depth - 1], ret, "<%.*s> is not closed.", (int)MIN(open[depth - 1].n, (size_t)40),
		open[depth - 1].p);
}
