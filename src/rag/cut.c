/*
 * cut.c - one walk over the blocks of a text. What is gathered (start, end, tokens) is emitted when the next piece would make it
 * too large, when a heading comes, or a page, slide or sheet ends; a block too large for a passage comes by its sentences or lines,
 * and one without any is cut at a blank. A heading waits in `lone` until it is known whether text follows, for then it is in the path
 * of that and no passage. Lying over each other is done at the end, backwards, so that what one takes is never what another has taken
 * already.
 */
#include "rag/cut.h"

#include <errno.h>

#include "base/utf8.h"
#include "rag/words.h"
#include "sys/thread.h"

#define LEVELS    6
#define PATH      3  /* headings of a path: the last ones say what a passage is about */
#define CRUMB     30 /* tokens: fewer go with what follows */
#define HEADINGS  ((size_t)64 << 20)
#define PASSAGES  2000000
#define TITLE_MAX 120 /* bytes of one heading in a path */

struct cut {
	const struct extracted *x;
	size_t tokens;
	struct passages *ret;
	struct str titles[LEVELS];
	const char *path;                 /* of the headings now; the arena's */
	const struct extract_block *lone; /* the last block, when it is a heading */
	int place;                        /* of the last block; -1: none */
	/* what is being gathered */
	size_t start, end, has; /* has: tokens; 0: nothing */
	int64_t page;
	bool apart; /* nothing of this file was emitted yet */
	int failed;
};

void passages_init(struct passages *p)
{
	*p = (struct passages){.items = NULL};
	arena_init(&p->a, HEADINGS);
}

void passages_done(struct passages *p)
{
	arena_done(&p->a);
	free(p->items);
	p->items = NULL;
}

static struct str slice(const struct cut *c, size_t start, size_t end)
{
	return (struct str){c->x->text + start, end - start};
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\n' || ch == '\t';
}

static void emit(struct cut *c)
{
	size_t start = c->start, end = c->end;
	struct passages *p = c->ret;

	thread_give_way();
	c->has = 0;
	while (start < end && is_blank(c->x->text[start]))
		start++;
	while (end > start && is_blank(c->x->text[end - 1]))
		end--;
	if (start == end || c->failed)
		return;
	ASSERT(end <= c->x->len && (p->n == 0 || start >= p->items[p->n - 1].end));
	if (p->n == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct passage *more = room <= PASSAGES * 2 ? realloc(p->items, room * sizeof(*more)) : NULL;
		if (!more) {
			c->failed = -ENOMEM;
			return;
		}
		p->items = more;
		p->room = room;
	}
	p->items[p->n++] = (struct passage){start, end, c->page, str_from(c->path ? c->path : ""), c->apart};
	c->apart = false;
}

/* ---- headings ---- */

static void set_path(struct cut *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	size_t last = LEVELS, n = 0;

	while (last > 0 && n < PATH)
		n += c->titles[--last].n > 0;
	for (size_t i = last; i < LEVELS; i++)
		if (c->titles[i].n)
			buf_printf(&b, "%s" STR_FMT, b.n ? " > " : "", STR_ARG(c->titles[i]));
	c->path = arena_strndup(&c->ret->a, buf_str(&b).p, b.n);
	if (!c->path)
		c->failed = -ENOMEM;
}

static int level_of(const struct extract_block *b)
{
	return MIN(MAX(b->level, 1), LEVELS) - 1;
}

/* A heading below which nothing stands is a text itself: the title of a slide, a line that somebody has made large. What is in
 * the next one's path needs no place of its own; else it goes with what follows on its page, as crumbs do. NULL: nothing follows. */
static void take_lone(struct cut *c, const struct extract_block *next)
{
	const struct extract_block *b = c->lone;

	if (!b || (next && level_of(next) > level_of(b)))
		return;
	if (!c->has) {
		c->start = b->start;
		c->page = b->page;
	}
	c->end = b->end;
	c->has += MAX(words_tokens(slice(c, b->start, b->end)), (size_t)1);
	if (!next || next->page != b->page || c->has >= CRUMB)
		emit(c);
}

static void take_heading(struct cut *c, const struct extract_block *b)
{
	int level = level_of(b);
	struct str title = slice(c, b->start, b->end);

	if (c->lone)
		take_lone(c, b);
	else if (c->has)
		emit(c);
	c->lone = b;
	while (title.n && (is_blank(title.p[0]) || title.p[0] == '#')) {
		title.p++;
		title.n--;
	}
	while (title.n && (is_blank(title.p[title.n - 1]) || title.p[title.n - 1] == '#'))
		title.n--;
	title.n = utf8_prefix(title.p, title.n, MIN(title.n, (size_t)TITLE_MAX));
	const char *line = title.n ? memchr(title.p, '\n', title.n) : NULL;
	if (line)
		title.n = (size_t)(line - title.p);
	c->titles[level] = title;
	for (int i = level + 1; i < LEVELS; i++)
		c->titles[i].n = 0;
	set_path(c);
}

/* ---- pieces ---- */

/* A piece that is not cut: it joins what is gathered, or begins anew. */
static void take_piece(struct cut *c, size_t start, size_t end, int64_t page)
{
	size_t tokens = words_tokens(slice(c, start, end));

	if (c->has && c->has + tokens > c->tokens + c->tokens / 4 && c->has >= CRUMB)
		emit(c);
	if (!c->has) {
		c->start = start;
		c->page = page;
	}
	c->end = end;
	c->has += MAX(tokens, (size_t)1);
}

/* Whether the text may be cut behind byte `i`: at a line for what is made of lines, else behind a sentence. */
static bool is_joint(const struct cut *c, size_t i, size_t end, bool lines)
{
	const char *p = c->x->text;

	if (lines)
		return p[i] == '\n';
	if (i + 1 < end && (p[i] == '.' || p[i] == '!' || p[i] == '?' || p[i] == ';' || p[i] == ':'))
		return is_blank(p[i + 1]);
	/* The full stops of Chinese and Japanese: U+3002, U+FF01, U+FF1F. */
	return i >= 2 && (memcmp(p + i - 2, "\xe3\x80\x82", 3) == 0 || memcmp(p + i - 2, "\xef\xbc\x81", 3) == 0 ||
				 memcmp(p + i - 2, "\xef\xbc\x9f", 3) == 0);
}

/* Where a text without joints is cut: a blank, or a character. */
static size_t cut_by_force(const struct cut *c, size_t start, size_t end, size_t bytes)
{
	size_t n = utf8_prefix(c->x->text + start, end - start, bytes), blank = n;

	if (start + n == end)
		return end;
	while (blank > n / 2 && !is_blank(c->x->text[start + blank - 1]))
		blank--;
	return start + MAX(blank > n / 2 ? blank : n, (size_t)1);
}

/* A block by its sentences or lines, each of which is a piece. */
static void take_parts(struct cut *c, const struct extract_block *b, bool lines)
{
	size_t most = c->tokens * 6, start = b->start; /* bytes of one sentence */

	for (size_t i = b->start; i < b->end; i++) {
		if (i + 1 - start >= most) {
			size_t at = cut_by_force(c, start, b->end, most);
			ASSERT(at > start && at <= b->end); /* it gets on, and stays within the block */
			take_piece(c, start, at, b->page);
			start = at;
			i = at - 1;
		} else if (i + 1 == b->end || is_joint(c, i, b->end, lines)) {
			take_piece(c, start, i + 1, b->page);
			start = i + 1;
		}
	}
	ASSERT(start == b->end); /* nothing of it is left out */
}

/* A file of an archive, or a message, begins behind the last block. What is between two of its own blocks has none. */
static bool is_another_file(const struct cut *c, const struct extract_block *b)
{
	bool another = false;

	ASSERT(b->place < (int)c->x->n_places);
	for (int i = c->place + 1; i <= b->place && !another; i++)
		another = c->x->places[i].kind == EXTRACT_FILE || c->x->places[i].kind == EXTRACT_MESSAGE;
	return another;
}

/* A slide or a sheet is a whole, however little stands there; a page of paper ends in the midst of a text. */
static bool is_whole(const struct cut *c, const struct extract_block *b)
{
	enum extract_place_kind kind = b->place >= 0 ? c->x->places[b->place].kind : EXTRACT_PAGE;

	return kind == EXTRACT_SLIDE || kind == EXTRACT_SHEET;
}

/* Nothing of a file, neither words nor headings, is part of what stands in the next one. */
static void begin_file(struct cut *c)
{
	take_lone(c, NULL);
	if (c->has)
		emit(c);
	c->lone = NULL;
	c->apart = true;
	for (int i = 0; i < LEVELS; i++)
		c->titles[i].n = 0;
	set_path(c);
}

static void take_block(struct cut *c, const struct extract_block *b)
{
	struct str text = slice(c, b->start, b->end);
	bool lines = b->kind == EXTRACT_TABLE || b->kind == EXTRACT_CODE || b->kind == EXTRACT_LIST;

	if (is_another_file(c, b))
		begin_file(c);
	c->place = b->place;
	if (b->kind == EXTRACT_HEADING) {
		take_heading(c, b);
		if (text.n <= TITLE_MAX)
			return;
	}
	c->lone = NULL;
	if (c->has && c->page != b->page && (c->has >= CRUMB || is_whole(c, b)))
		emit(c);
	if (text.n <= c->tokens * 8 && words_tokens(text) <= c->tokens + c->tokens / 4)
		take_piece(c, b->start, b->end, b->page);
	else
		take_parts(c, b, lines);
}

/* From the end of the one before, whole words of it, under the same heading. The last one is done first, so that none takes
 * what another has taken. */
static void lay_over(const struct extracted *x, size_t overlap, struct passages *p)
{
	for (size_t i = p->n; i-- > 1;) {
		const struct passage *before = &p->items[i - 1];
		size_t start = p->items[i].start, at = before->end;

		if (p->items[i].apart || !str_eq(before->heading, p->items[i].heading))
			continue;
		while (at > before->start) {
			size_t word = at;
			while (word > before->start && is_blank(x->text[word - 1]))
				word--;
			while (word > before->start && !is_blank(x->text[word - 1]))
				word--;
			if (words_tokens((struct str){x->text + word, before->end - word}) > overlap)
				break;
			start = at = word;
		}
		ASSERT(start >= before->start && start <= p->items[i].start);
		p->items[i].start = start;
	}
}

int cut_text(const struct extracted *x, size_t tokens, size_t overlap, struct passages *ret, struct err *e)
{
	struct cut c = {.x = x, .tokens = tokens ? tokens : CUT_TOKENS, .place = -1, .ret = ret};

	ASSERT(ret->n == 0); /* as passages_init leaves it */
	for (size_t i = 0; i < x->count && !c.failed; i++)
		take_block(&c, &x->blocks[i]);
	take_lone(&c, NULL);
	if (c.has)
		emit(&c);
	if (overlap)
		lay_over(x, overlap, ret);
	return c.failed ? err_set(e, c.failed, "The text has more passages than fit into memory.") : 0;
}
