/*
 * pdf_columns.c - columns of a page whose gap is so narrow that pdftotext takes lines that stand beside each other for one. A gutter is
 * a strip without a word over many lines, with prose on both sides of it: lines are cut there, and what is left of it is read before
 * what is right, or behind it where that is the way of the script. Pages without such lines are left as they are.
 */
#include <utf8proc.h>

#include "base/utf8.h"
#include "rag/formats/pdf.h"

#define LEAST   0.45 /* of the height of a line: how wide a gutter is */
#define LINES   6    /* on either side, where no other part of the page has that gutter, */
#define AGAIN   2    /* where one has */
#define ALIGNED 1    /* points by which what stands below each other may differ */
#define SURE    3    /* lines that begin or end at one place, which no other line of a column goes beyond */
#define SIGNS   12   /* in a line of prose, in the mean; wide ones count twice */
#define COVERED 0.6  /* of a column's width, by its lines in the mean */
#define GOES_ON 0.4  /* share of lines that begin as the middle of a sentence may */
#define BAND    0.35 /* of the height of a line: a gap so much higher than most parts what is above and below */
#define HEADING 3    /* lines at most */
#define CELL    4    /* lines: bands that part less on both sides are between rows of a table */
#define OTHER   1.12 /* letters so much larger or smaller begin a block */
#define DEPTH   12
#define KNOWN   8
#define SPANS   2000              /* of a page, and */
#define WORDS   50000             /* with more it is left as it is */
#define LOOKS   ((size_t)4000000) /* at words of a page */

/* A line, or those of its words that stand on one side of a gutter. */
struct span {
	size_t line, word, n;
	double x0, x1, y0, y1;
	bool cut;    /* words of its line stand elsewhere */
	bool column; /* it stands in one that was found here */
};

struct strip {
	double x0, x1;
	size_t end, begin; /* spans on its left that end at it, and on its right that begin there */
};

struct section {
	struct strip strip;
	double top, bottom; /* middles of its spans are between them */
	size_t lines;       /* of the side with fewer */
};

struct side {
	size_t lines, signs, going_on;
	double covered, x0, x1;
	double heights, high, end; /* of all of its lines; of what they cover of the page, from top to bottom */
};

struct columns {
	const struct pdf_pages *r;
	struct span *out;
	size_t n_out, cap;
	struct strip known[KNOWN];
	size_t n_known, looks;
	bool found;
};

static double middle(const struct span *s)
{
	return (s->y0 + s->y1) / 2;
}

static double height(const struct span *s)
{
	return MAX(s->y1 - s->y0, 1);
}

static int by_middle(const void *a, const void *b)
{
	double x = middle(a), y = middle(b);

	return x < y ? -1 : x > y;
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* `n` words of a line from `word` on. */
static struct span span_of(const struct pdf_pages *r, size_t line, size_t word, size_t n)
{
	const struct pdf_word *w = &r->words[word];
	struct span s = {.line = line, .word = word, .n = n, .x0 = w->x0, .x1 = w->x1, .y0 = w->y0, .y1 = w->y1};

	for (size_t i = 1; i < n; i++) {
		s.x0 = MIN(s.x0, w[i].x0);
		s.x1 = MAX(s.x1, w[i].x1);
		s.y0 = MIN(s.y0, w[i].y0);
		s.y1 = MAX(s.y1, w[i].y1);
	}
	s.cut = n < r->lines[line].n_words;
	return s;
}

/* ---- where a gutter is ---- */

/* Words on the left of it, which stand in front. */
static size_t words_left(const struct pdf_pages *r, const struct span *s, const struct strip *g)
{
	double at = (g->x0 + g->x1) / 2;
	size_t n = 0;

	while (n < s->n && (r->words[s->word + n].x0 + r->words[s->word + n].x1) / 2 < at)
		n++;
	return n;
}

/* Makes the strip as narrow as the words of a span leave it. False: they leave nothing of it, or go beyond where others begin or end. */
static bool leaves(struct columns *c, const struct span *s, struct strip *g)
{
	struct strip now = *g;
	double left = -1e9, right = 1e9;

	c->looks += 1 + s->n;
	for (size_t i = s->word; i < s->word + s->n; i++) {
		const struct pdf_word *w = &c->r->words[i];
		if (w->x0 + w->x1 < g->x0 + g->x1)
			left = MAX(left, w->x1);
		else
			right = MIN(right, w->x0);
	}
	now.x0 = MAX(now.x0, left);
	now.x1 = MIN(now.x1, right);
	if (now.x1 - now.x0 < height(s) * LEAST || (g->begin >= SURE && g->x1 - now.x1 > ALIGNED) ||
		(g->end >= SURE && now.x0 - g->x0 > ALIGNED))
		return false;
	now.end = now.x0 - g->x0 > ALIGNED ? 1 : g->end + (now.x0 - left < ALIGNED);
	now.begin = g->x1 - now.x1 > ALIGNED ? 1 : g->begin + (right - now.x1 < ALIGNED);
	*g = now;
	return true;
}

static void take_line(const struct columns *c, const struct span *s, struct side *to)
{
	const struct pdf_word *w = &c->r->words[s->word];
	utf8proc_int32_t sign = -1;
	bool first = true;

	to->x0 = to->lines ? MIN(to->x0, s->x0) : s->x0;
	to->x1 = to->lines ? MAX(to->x1, s->x1) : s->x1;
	to->lines++;
	to->covered += s->x1 - s->x0;
	to->heights += s->y1 - s->y0;
	to->high += to->lines > 1 ? MAX(s->y1 - MAX(to->end, s->y0), 0) : s->y1 - s->y0;
	to->end = to->lines > 1 ? MAX(to->end, s->y1) : s->y1;
	for (size_t i = 0; i < s->n; i++) {
		const char *p = c->r->text.p + w[i].at;
		for (size_t at = 0; at < w[i].n; at += MAX(utf8_char(p + at, w[i].n - at), (size_t)1)) {
			if (utf8proc_iterate(
				    (const utf8proc_uint8_t *)p + at, (utf8proc_ssize_t)(w[i].n - at), &sign) <= 0)
				continue;
			utf8proc_category_t k = utf8proc_category(sign);
			to->going_on += first && (k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LO);
			to->signs += k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_MC
					     ? (size_t)utf8proc_charwidth(sign)
					     : 0;
			first = false;
		}
	}
}

static bool is_prose(const struct side *s)
{
	double lines = (double)s->lines,
	       rows = s->heights > 0 ? s->high * lines / s->heights : lines; /* it may be of columns, too */

	return (double)s->signs >= SIGNS * lines && s->covered >= (s->x1 - s->x0) * COVERED * rows &&
	       (double)s->going_on >= GOES_ON * lines;
}

/* The parts of a span on either side; false: that side has none. */
static bool part_of(const struct columns *c, const struct span *s, const struct strip *g, bool right, struct span *ret)
{
	size_t n = words_left(c->r, s, g);

	if (right ? n == s->n : n == 0)
		return false;
	*ret = n == 0 || n == s->n ? *s
	       : right             ? span_of(c->r, s->line, s->word + n, s->n - n)
				   : span_of(c->r, s->line, s->word, n);
	return true;
}

static void count_sides(
	const struct columns *c, const struct span *s, size_t n, const struct strip *g, struct side ret[2])
{
	struct span part;

	ret[0] = ret[1] = (struct side){0};
	for (size_t i = 0; i < n; i++)
		for (int right = 0; right < 2; right++)
			if (part_of(c, &s[i], g, right, &part))
				take_line(c, &part, &ret[right]);
}

/* How high the gaps are between most lines below each other. */
static double usual_gap(const struct span *s, size_t n)
{
	CLEANUP(freep) double *gaps = xcalloc(n + 1, sizeof(*gaps));
	size_t k = 0;

	for (size_t i = 1; i < n; i++)
		if (middle(&s[i]) - middle(&s[i - 1]) > height(&s[i]) / 2)
			gaps[k++] = s[i].y0 - s[i - 1].y1;
	if (k > 0)
		qsort(gaps, k, sizeof(*gaps), by_number);
	return k > 0 ? gaps[k / 2] : 0;
}

/* Where the spans end that no empty band across both columns parts from the one at `i`. */
static size_t band_end(const struct span *s, size_t n, size_t i, double usual)
{
	double end = s[i].y1;

	for (i++; i < n; i++) {
		double gap = s[i].y0 - end;
		if (gap > usual + height(&s[i]) * BAND && gap > 0)
			break;
		end = MAX(end, s[i].y1);
	}
	return i;
}

/* Of spans from top to bottom the run with most lines on both sides, between headings that stand over both columns at one side. False:
 * bands part them as the rows of a table. */
static bool longest_run(const struct columns *c, const struct span *s, size_t n, const struct strip *g, bool text_below,
	size_t *ret_from, size_t *ret_to)
{
	double usual = usual_gap(s, n);
	size_t best = 0, lines = 0, from = 0, parts = 0, low = 0;

	*ret_from = *ret_to = 0;
	for (size_t i = 0, end; i < n; i = end) {
		struct side sides[2];
		end = band_end(s, n, i, usual);
		count_sides(c, s + i, end - i, g, sides);
		size_t few = MIN(sides[0].lines, sides[1].lines), most = MAX(sides[0].lines, sides[1].lines);
		bool heading = few == 0 && most <= HEADING && (end < n || text_below);
		lines = heading ? 0 : lines + few;
		from = heading ? end : from;
		parts += few > 0;
		low += few > 0 && few < CELL;
		if (lines > best || (!heading && *ret_to == i && from == *ret_from)) {
			best = lines;
			*ret_from = from;
			*ret_to = end;
		}
	}
	return best > 0 && (parts < 3 || low * 2 <= parts);
}

static bool is_known(const struct columns *c, const struct strip *g)
{
	for (size_t i = 0; i < c->n_known; i++)
		if (c->known[i].x0 < g->x1 && c->known[i].x1 > g->x0)
			return true;
	return false;
}

static bool is_leftward(const struct pdf_pages *r, const struct span *s, size_t n)
{
	size_t leftward = 0;

	for (size_t i = 0; i < n; i++)
		leftward += r->lines[s[i].line].leftward;
	return leftward * 2 > n;
}

/* The section around the span at `at`, one of `n` from top to bottom, that this gutter goes through. */
static bool section_at(
	struct columns *c, const struct span *s, size_t n, size_t at, struct strip g, struct section *ret)
{
	size_t from = at, to = at, first, last;
	struct side sides[2];

	while (to < n && leaves(c, &s[to], &g))
		to++;
	while (from > 0 && leaves(c, &s[from - 1], &g))
		from--;
	if (to - from < AGAIN || (is_leftward(c->r, s + from, to - from) ? g.end : g.begin) < MIN(SURE, to - from) ||
		!longest_run(c, s + from, to - from, &g, to < n, &first, &last))
		return false;
	to = from + last;
	from += first;
	count_sides(c, s + from, to - from, &g, sides);
	ret->lines = MIN(sides[0].lines, sides[1].lines);
	if (ret->lines < (is_known(c, &g) ? AGAIN : LINES) || !is_prose(&sides[0]) || !is_prose(&sides[1]))
		return false;
	ret->strip = g;
	ret->top = middle(&s[from]);
	ret->bottom = middle(&s[to - 1]);
	return true;
}

/* The gaps of a span that may be gutters: between its words, and to what stands beside it. */
static void look_beside(struct columns *c, const struct span *s, size_t n, size_t i, struct section *best)
{
	struct section now;
	double least = height(&s[i]) * LEAST;

	for (size_t k = s[i].word + 1; k < s[i].word + s[i].n && c->looks < LOOKS; k++) {
		struct strip g = {c->r->words[k - 1].x1, c->r->words[k].x0, 0, 0};
		bool had = best->lines > 0 && middle(&s[i]) >= best->top && middle(&s[i]) <= best->bottom &&
			   g.x0 <= best->strip.x0 && g.x1 >= best->strip.x1;
		c->looks++;
		if (!had && g.x1 - g.x0 >= least && section_at(c, s, n, i, g, &now) && now.lines > best->lines)
			*best = now;
	}
	struct strip beside = {s[i].x1, 1e9, 0, 0};
	for (size_t k = 0; k < n; k++) {
		c->looks++;
		if (s[k].x0 > s[i].x1 && s[k].y0 < middle(&s[i]) && s[k].y1 > middle(&s[i]))
			beside.x1 = MIN(beside.x1, s[k].x0);
	}
	if (beside.x1 < 1e9 && beside.x1 - beside.x0 >= least && section_at(c, s, n, i, beside, &now) &&
		now.lines > best->lines)
		*best = now;
}

static bool find_section(struct columns *c, const struct span *spans, size_t n, struct section *ret)
{
	CLEANUP(freep) struct span *s = xcalloc(n + 1, sizeof(*s));

	memcpy(s, spans, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_middle);
	*ret = (struct section){.lines = 0};
	for (size_t i = 0; i < n && c->looks < LOOKS; i++)
		look_beside(c, s, n, i, ret);
	if (ret->lines > 0 && c->n_known < KNOWN && !is_known(c, &ret->strip))
		c->known[c->n_known++] = ret->strip;
	return ret->lines > 0;
}

/* ---- what is read after what ---- */

/* From top to bottom, where none stands beside another; else as they were. */
static void put_out(struct columns *c, struct span *s, size_t n, bool column)
{
	CLEANUP(freep) struct span *sorted = xcalloc(n + 1, sizeof(*sorted));
	bool single = column;

	memcpy(sorted, s, n * sizeof(*s));
	if (n > 0)
		qsort(sorted, n, sizeof(*sorted), by_middle);
	for (size_t i = 1; i < n && single; i++)
		single = middle(&sorted[i]) - middle(&sorted[i - 1]) >=
			 MIN(height(&sorted[i]), height(&sorted[i - 1])) / 2;
	ASSERT(c->n_out + n <= c->cap);
	for (size_t i = 0; i < n; i++) {
		c->out[c->n_out] = single ? sorted[i] : s[i];
		c->out[c->n_out++].column = column;
	}
}

static void arrange(
	struct columns *c, struct span *s, size_t n, bool column, int depth) /* NOLINT(misc-no-recursion): DEPTH */
{
	struct section g;

	if (n < AGAIN || depth == DEPTH || !find_section(c, s, n, &g)) {
		put_out(c, s, n, column);
		return;
	}
	enum { BEFORE, LEFT, RIGHT, BEHIND, PARTS };
	CLEANUP(freep) struct span *all = xcalloc(PARTS * n, sizeof(*all));
	struct span *parts[PARTS] = {all, all + n, all + 2 * n, all + 3 * n};
	size_t counts[PARTS] = {0};
	c->found = true;
	for (size_t i = 0; i < n; i++) {
		bool within = middle(&s[i]) >= g.top && middle(&s[i]) <= g.bottom;
		int other = counts[LEFT] + counts[RIGHT] > 0 ? BEHIND : BEFORE;
		if (!within)
			parts[other][counts[other]++] = s[i];
		for (int right = 0; right < 2 && within; right++)
			counts[LEFT + right] +=
				part_of(c, &s[i], &g.strip, right, &parts[LEFT + right][counts[LEFT + right]]);
	}
	bool leftward = is_leftward(c->r, s, n);
	int first = leftward ? RIGHT : LEFT, second = leftward ? LEFT : RIGHT;
	arrange(c, parts[BEFORE], counts[BEFORE], column, depth + 1);
	arrange(c, parts[first], counts[first], true, depth + 1);
	arrange(c, parts[second], counts[second], true, depth + 1);
	arrange(c, parts[BEHIND], counts[BEHIND], column, depth + 1);
}

/* ---- as lines ---- */

static struct pdf_line line_of(const struct pdf_pages *r, const struct span *s)
{
	struct pdf_line l = r->lines[s->line];
	const struct pdf_word *w = &r->words[s->word], *last = &w[s->n - 1];

	l.column = s->column;
	if (!s->cut)
		return l;
	l.at = w->at;
	l.n = last->at + last->n - w->at;
	l.word = s->word;
	l.n_words = s->n;
	l.x0 = s->x0;
	l.x1 = s->x1;
	l.y0 = s->y0;
	l.y1 = s->y1;
	l.size = 0;
	for (size_t i = 0; i < s->n; i++)
		l.size = MAX(l.size, MIN(w[i].y1 - w[i].y0, 500));
	return l;
}

/* Where a column was made of lines, its blocks are made anew: by gaps, and by the size of letters. */
static bool begins_block(const struct pdf_pages *r, const struct span *s, const struct span *before, double usual)
{
	const struct pdf_line *l = &r->lines[s->line];
	bool next = s->line == before->line + 1 && !s->cut && !before->cut;

	if (s->column != before->column || (next && l->first))
		return true;
	if (!s->column)
		return !next;
	double gap = s->y0 - before->y1, ratio = height(s) / height(before);
	return gap > usual + height(s) * BAND || gap < -height(s) || ratio > OTHER || ratio * OTHER < 1;
}

struct lines {
	struct pdf_line *items;
	size_t n, cap;
};

static struct pdf_line *more_lines(struct lines *to, size_t n)
{
	if (to->n + n > to->cap) {
		size_t cap = MAX(to->cap * 2, to->n + n);
		void *items = realloc(to->items, cap * sizeof(*to->items));
		if (!items)
			return NULL;
		to->items = items;
		to->cap = cap;
	}
	to->n += n;
	return to->items + to->n - n;
}

/* The spans of a page as lines; then those that were no spans, since they are left out or sideways. */
static bool write_lines(const struct columns *c, const struct pdf_page *g, const bool *taken, struct lines *all)
{
	double usual = usual_gap(c->out, c->n_out);
	size_t others = 0;

	for (size_t k = 0; k < g->n; k++)
		others += !taken[k];
	struct pdf_line *to = more_lines(all, c->n_out + others);
	for (size_t i = 0; i < c->n_out && to; i++, to++) {
		*to = line_of(c->r, &c->out[i]);
		to->first = i == 0 || begins_block(c->r, &c->out[i], &c->out[i - 1], usual);
	}
	for (size_t k = g->first; k < g->first + g->n && to; k++) {
		if (taken[k - g->first])
			continue;
		*to = c->r->lines[k];
		to++->first |= k == g->first || taken[k - 1 - g->first];
	}
	return to != NULL;
}

static bool is_upright(const struct pdf_line *l)
{
	return !l->dropped && l->n_words > 0 && (l->n <= 2 || l->y1 - l->y0 <= (l->x1 - l->x0) * 2);
}

/* Puts the lines of a page behind those before; *ret_found: they are others now. False: there is no memory for them. */
static bool arrange_page(const struct pdf_pages *r, const struct pdf_page *g, struct lines *to, bool *ret_found)
{
	CLEANUP(freep) struct span *spans = xcalloc(g->n + 1, sizeof(*spans));
	CLEANUP(freep) bool *taken = xcalloc(g->n + 1, sizeof(*taken));
	struct columns c = {.r = r};
	size_t n_spans = 0;
	bool good = true;

	for (size_t k = g->first; k < g->first + g->n; k++) {
		const struct pdf_line *l = &r->lines[k];
		if (!is_upright(l))
			continue;
		c.cap += l->n_words;
		taken[k - g->first] = true;
		spans[n_spans++] = span_of(r, k, l->word, l->n_words);
	}
	if (n_spans <= SPANS && c.cap <= WORDS) {
		c.out = xcalloc(c.cap + 1, sizeof(*c.out));
		arrange(&c, spans, n_spans, false, 0);
	}
	if (c.found) {
		good = write_lines(&c, g, taken, to);
	} else if (g->n > 0) {
		struct pdf_line *lines = more_lines(to, g->n);
		good = lines != NULL;
		if (lines)
			memcpy(lines, r->lines + g->first, g->n * sizeof(*lines));
	}
	free(c.out);
	*ret_found |= c.found;
	return good;
}

void pdf_part_columns(struct pdf_pages *r)
{
	struct lines all = {NULL, 0, 0};
	struct pdf_page pages[PDF_RANGE];
	bool found = false, good = true;

	memcpy(pages, r->pages, sizeof(pages));
	for (size_t i = 0; i < r->n && good; i++) {
		pages[i].first = all.n;
		good = arrange_page(r, &r->pages[i], &all, &found);
		pages[i].n = all.n - pages[i].first;
	}
	if (!found || !good) {
		free(all.items);
		return;
	}
	free(r->lines);
	r->lines = all.items;
	r->n_lines = all.n;
	r->lines_cap = all.cap;
	memcpy(r->pages, pages, sizeof(pages));
}
