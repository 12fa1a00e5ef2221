/* pdf_table_kind.c - what stands in rows and columns and is no table: items with marks, lists of contents and of books, indexes,
 * listings, formulas, drawings. Told by what it says, how full its cells are, and how high its words stand. The figures were found on
 * one half of some 300 that were looked at, and tried on the other (decision 111). */
#include <ctype.h>
#include <math.h>

#include "base/utf8.h"
#include "rag/formats/pdf_table.h"

#define LOOSE   0.72   /* share of the cells that say something: most tables have more */
#define SPARSE  0.6    /* the same, of which code among other things has fewer */
#define SKEW    0.35   /* of the height of a word, between the middles of two of one row */
#define OTHER   0.2    /* a word whose height differs by that much is in other letters */
#define SMALLER 0.93   /* numbers of lines are, than what is counted */
#define ALIGNED 1.5    /* points */
#define ROMAN   100000 /* above all numbers in Roman letters */
#define NUMBER  5      /* digits of a line's number at most */

/* "1.", "(12)", "7:", a dot: what stands in front of items, and of lines of code. */
static bool is_mark(const char *p, size_t n)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < n; i++) {
		digits += p[i] >= '0' && p[i] <= '9';
		letters += (p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z';
	}
	return n <= 5 && digits <= 3 && letters == 0 && (unsigned char)p[0] < 0xE3; /* above are ideographs */
}

/* Marks in front of what they count; `numbers`: also without a dot. */
static bool is_list(const struct pdf_pages *r, const struct pieces *t, bool numbers)
{
	size_t marks = 0, others = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		const struct pdf_word *w = &r->words[p->word];
		if (p->column > 0)
			continue;
		bool mark = p->n == 1 && is_mark(r->text.p + w->at, w->n) &&
			    (numbers || !isdigit((unsigned char)r->text.p[w->at + w->n - 1]));
		marks += mark;
		others += !mark;
	}
	return marks > others;
}

/* "2.10", in front of a heading. */
static bool is_section_number(const struct pdf_pages *r, const struct piece *p)
{
	const struct pdf_word *w = &r->words[p->word];
	const char *s = r->text.p + w->at;
	size_t dots = 0;

	for (size_t i = 0; i < w->n; i++) {
		bool dot = s[i] == '.';
		if (!dot && !isdigit((unsigned char)s[i]))
			return false;
		if (dot && (i == 0 || s[i - 1] == '.'))
			return false;
		dots += dot && i + 1 < w->n;
	}
	return p->n == 1 && dots > 0;
}

/* "12", or "iv", which is before all of those. */
static bool page_number(const char *p, size_t n, int64_t *ret)
{
	static const char letters[] = "ivxlc";
	static const int64_t worth[] = {1, 5, 10, 50, 100};
	int64_t value = 0, roman = 0, last = 0;
	size_t digits = 0;

	for (size_t i = n; i > 0; i--) {
		const char *letter = memchr(letters, p[i - 1], sizeof(letters) - 1);
		int64_t one = letter ? worth[letter - letters] : 0;
		roman += one < last ? -one : one;
		last = one;
		digits += isdigit((unsigned char)p[i - 1]) != 0;
		if (!letter && digits == 0)
			return false;
	}
	for (size_t i = 0; i < digits && n <= 6; i++)
		value = value * 10 + (p[i] - '0');
	*ret = digits ? value : roman - ROMAN;
	return n > 0 && n <= 6 && (digits == 0 || digits == n);
}

/* Such numbers down a column, in which they do not become less, also from one column to the next. */
struct numbered {
	size_t numbers, others;
	bool less;
	int64_t last;
};

static void take_number(const struct pdf_pages *r, const struct piece *p, struct numbered *to)
{
	const struct pdf_word *w = &r->words[p->word + p->n - 1];
	int64_t n = 0;
	bool number = page_number(r->text.p + w->at, w->n, &n);

	to->others += !number;
	to->numbers += number;
	to->less |= number && n < to->last;
	to->last = number ? n : to->last;
}

static bool in_order(const struct numbered *x)
{
	return x->numbers >= PDF_ROWS && x->numbers > x->others * 4 && !x->less && x->last != 0;
}

/* Contents in several columns of the page: a title and its page, or a number before both, again and again. */
static bool is_contents_beside(const struct pdf_pages *r, const struct pieces *t, size_t of)
{
	struct numbered x = {.last = -ROMAN};
	size_t titles = 0, words = 0;

	if (t->columns % of != 0 || t->columns == of)
		return false;
	for (size_t at = of - 1; at < t->columns; at += of) {
		size_t before = x.numbers;
		for (size_t i = 0; i < t->n; i++) {
			const struct piece *p = &t->items[i];
			const struct pdf_word *w = &r->words[p->word + p->n - 1];
			if (p->column == at)
				take_number(r, p, &x);
			titles += p->column + 1 == at;
			words += p->column + 1 == at && w->n > 1 && isalpha((unsigned char)r->text.p[w->at + w->n - 1]);
		}
		if ((x.numbers - before) * 3 < t->rows)
			return false;
	}
	return in_order(&x) && words * 4 >= titles * 3;
}

/* Numbers at the end of rows that do not become less, or dots that lead to them. */
static bool is_contents(const struct pdf_pages *r, const struct pieces *t)
{
	struct numbered x = {.last = -ROMAN};
	size_t dots = 0, sections = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		sections += is_section_number(r, p);
		for (size_t k = p->word; k < p->word + p->n; k++) {
			const struct pdf_word *w = &r->words[k];
			dots += w->n > 2 && memcmp(r->text.p + w->at, "...", 3) == 0;
			dots += w->n == 1 && r->text.p[w->at] == '.';
		}
		if (p->column + 1 == t->columns)
			take_number(r, p, &x);
	}
	bool few = t->columns <= 3 || (sections > 1 && sections * 3 >= t->rows);
	return dots > t->rows || (in_order(&x) && few) || is_contents_beside(r, t, 2) || is_contents_beside(r, t, 3);
}

/* "89", "65-67": pages that a word is found on. */
static bool is_pages(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)p[i]) && p[i] != '-' && (unsigned char)p[i] < 0x80)
			return false;
	return n > 0 && isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[n - 1]);
}

/* Pages behind a comma at the end of most pieces: columns of an index. */
static bool is_index(const struct pdf_pages *r, const struct pieces *t)
{
	size_t entries = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		if (p->n < 2)
			continue;
		const struct pdf_word *w = &r->words[p->word + p->n - 1], *before = w - 1;
		entries += before->n > 0 && r->text.p[before->at + before->n - 1] == ',' &&
			   is_pages(r->text.p + w->at, w->n);
	}
	return entries * 2 > t->n;
}

/* "[Knu84]": what a list of books is cited by. */
static bool is_citation(const char *p, size_t n)
{
	size_t letters = 0, digits = 0, at = 1;

	for (; at < n && (isalpha((unsigned char)p[at]) || p[at] == '+' || (unsigned char)p[at] >= 0x80); at++)
		letters++;
	for (; at < n && isdigit((unsigned char)p[at]); at++)
		digits++;
	at += at + 1 < n && isalpha((unsigned char)p[at]);
	return n > 0 && p[0] == '[' && at + 1 == n && p[at] == ']' && letters > 0 && digits > 1;
}

/* Most of the first column are such. */
static bool is_bibliography(const struct pdf_pages *r, const struct pieces *t)
{
	size_t first = 0, cited = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		const struct pdf_word *w = &r->words[p->word];
		first += p->column == 0;
		cited += p->column == 0 && p->n == 1 && is_citation(r->text.p + w->at, w->n);
	}
	return cited * 5 > first * 4;
}

/* All letters are equally wide: what is set so in two columns is a listing. */
static bool is_listing(const struct pdf_pages *r, const struct pieces *t)
{
	double least = 1e9, most = 0;

	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = t->items[i].word; k < t->items[i].word + t->items[i].n; k++) {
			const struct pdf_word *w = &r->words[k];
			size_t letters = utf8_count(r->text.p + w->at, w->n);
			double width = letters > 3 ? (w->x1 - w->x0) / (double)letters : 0;
			least = width > 0 ? MIN(least, width) : least;
			most = MAX(most, width);
		}
	}
	return most > 0 && most < least * 1.05;
}

/* ---- what the cells say ---- */

/* How many cells say what. */
struct said {
	size_t cells, math, words, brief, numbers, code, statements;
};

/* What one cell says. */
struct cell {
	size_t chars, letters, digits, strange; /* letters behind each other; strange: in no number */
	bool math, word, code, comment,
		statement; /* statement: it ends one, or is a comment or a line of the preprocessor */
};

static unsigned decode(const char *p, size_t n)
{
	unsigned c = (unsigned char)p[0];

	c = n == 2 ? c & 0x1F : n == 3 ? c & 0x0F : n == 4 ? c & 0x07 : c;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)p[i] & 0x3F);
	return c;
}

static bool within(unsigned c, unsigned from, unsigned to)
{
	return c >= from && c <= to;
}

/* Operators, letters of formulas, parts of high brackets, which many fonts have where no characters are, and Greek. */
static bool is_math(unsigned c)
{
	return c == '=' || c == 0xB1 || c == 0xB7 || within(c, 0x2190, 0x22FF) || within(c, 0x239B, 0x23B3) ||
	       within(c, 0x2A00, 0x2AFF) || within(c, 0xE000, 0xF8FF) || within(c, 0x1D400, 0x1D7FF) ||
	       within(c, 0x370, 0x3FF);
}

/* Two of them are a word. */
static bool is_ideograph(unsigned c)
{
	return within(c, 0x2E80, 0xD7FF) || within(c, 0xF900, 0xFAFF) || within(c, 0x20000, 0x3FFFF);
}

static bool is_letter(unsigned c)
{
	if (c < 0x80)
		return isalpha((int)c) != 0;
	return c >= 0xC0 && c != 0xD7 && c != 0xF7 && !within(c, 0x2000, 0x2E7F) && !within(c, 0xE000, 0xF8FF) &&
	       !within(c, 0x1D400, 0x1D7FF);
}

static bool is_code(const char *p, size_t n)
{
	unsigned char next = n > 1 ? (unsigned char)p[1] : 0;

	return p[0] == '{' || p[0] == '}' || (p[0] == '\\' && (isalpha(next) || next == '@' || next == '_')) ||
	       (n > 1 && (p[0] == '_' || p[0] == '@') && p[1] == p[0]);
}

static void take_word(const char *p, size_t n, struct cell *c)
{
	c->letters = 0;
	for (size_t i = 0, len; i < n; i += len) {
		len = MAX(utf8_char(p + i, n - i), (size_t)1);
		unsigned ch = decode(p + i, len);
		c->letters = is_letter(ch) ? c->letters + 1 : 0;
		c->chars++;
		c->digits += ch < 0x80 && isdigit((int)ch);
		c->strange += !(ch < 0x80 && (isdigit((int)ch) || strchr("+-.,%eE", (int)ch))) && ch != 0x2212;
		c->math |= is_math(ch);
		c->word |= c->letters > 2 || is_ideograph(ch);
		c->code |= is_code(p + i, n - i);
	}
	c->comment |= n > 1 && p[0] == '#' && isalpha((unsigned char)p[1]);
	c->comment |= n > 1 && (memcmp(p, "/*", 2) == 0 || memcmp(p, "//", 2) == 0);
	c->statement = c->comment || (n > 0 && p[n - 1] == ';');
}

static struct said listen(const struct pdf_pages *r, const struct pieces *t)
{
	struct said s = {0};

	for (size_t i = 0, k; i < t->n; i = k) {
		struct cell c = {0};
		for (k = i; k < t->n && t->items[k].row == t->items[i].row && t->items[k].column == t->items[i].column;
			k++)
			for (size_t w = t->items[k].word; w < t->items[k].word + t->items[k].n; w++)
				take_word(r->text.p + r->words[w].at, r->words[w].n, &c);
		bool number = c.digits > 0 && c.strange == 0;
		s.cells++;
		s.math += c.math;
		s.words += c.word;
		s.brief += c.chars <= 2 && c.digits < c.chars && !c.word;
		s.numbers += number;
		s.code += c.code || c.statement;
		s.statements += c.statement;
	}
	return s;
}

/* ---- how high words stand ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of most words; `ret_other`: the share of those that are higher or lower. */
static double height_of(const struct pdf_pages *r, const struct pieces *t, double *ret_other)
{
	size_t n = 0, other = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->items[i].n;
	CLEANUP(freep) double *heights = xcalloc(n + 1, sizeof(*heights));
	n = 0;
	for (size_t i = 0; i < t->n; i++)
		for (size_t w = t->items[i].word; w < t->items[i].word + t->items[i].n; w++)
			heights[n++] = r->words[w].y1 - r->words[w].y0;
	qsort(heights, n, sizeof(*heights), by_value);
	double middle = heights[n / 2];
	for (size_t i = 0; i < n; i++)
		other += fabs(heights[i] - middle) > middle * OTHER;
	*ret_other = n > 0 ? (double)other / (double)n : 0;
	return middle;
}

double pdf_skewed(const struct pdf_pages *r, const struct pieces *t)
{
	double other, height = height_of(r, t, &other);
	size_t rows = 0, skewed = 0;

	for (size_t i = 0, k; i < t->n; i = k) {
		double least = 1e9, most = -1e9;
		for (k = i; k < t->n && t->items[k].row == t->items[i].row; k++) {
			for (size_t w = t->items[k].word; w < t->items[k].word + t->items[k].n; w++) {
				double middle = (r->words[w].y0 + r->words[w].y1) / 2;
				least = MIN(least, middle);
				most = MAX(most, middle);
			}
		}
		rows++;
		skewed += most - least > height * SKEW;
	}
	return rows > 0 ? (double)skewed / (double)rows : 0;
}

/* ---- kinds ---- */

/* A number of a few digits alone, or in front of a line. */
static bool line_number(const struct pdf_pages *r, const struct piece *p, size_t *ret)
{
	const struct pdf_word *w = &r->words[p->word];
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (!isdigit((unsigned char)r->text.p[w->at + i]))
			return false;
		n = n * 10 + (size_t)(r->text.p[w->at + i] - '0');
	}
	*ret = n;
	return w->n > 0 && w->n <= NUMBER;
}

struct counted {
	size_t in_order; /* numbers behind the one before */
	size_t n, words; /* numbers in such rows; words that are none */
	double heights, others;
	size_t first, last; /* pieces */
};

/* Set to the left or to the right, as one column is. */
static bool is_below(const struct piece *above, const struct piece *p)
{
	return above->column == p->column || fabs(above->x0 - p->x0) < ALIGNED;
}

static struct counted count_lines(const struct pdf_pages *r, const struct pieces *t)
{
	struct counted c = {0};
	size_t last = 0, at = 0, n = 0;
	bool any = false, was = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		bool number = line_number(r, p, &n);
		bool next = number && any && n == last + 1 && is_below(&t->items[at], p);
		for (size_t k = p->word + number; k < p->word + p->n; k++, c.words++)
			c.others += r->words[k].y1 - r->words[k].y0;
		if (!number)
			continue;
		const struct pdf_word *w = &r->words[p->word], *before = &r->words[t->items[at].word];
		if (next && !was) {
			c.first = c.in_order == 0 ? at : c.first;
			c.heights += before->y1 - before->y0;
			c.n++;
		}
		if (next) {
			c.in_order++;
			c.heights += w->y1 - w->y0;
			c.n++;
			c.last = i;
		}
		at = i;
		last = n;
		any = true;
		was = next;
	}
	return c;
}

/* By numbers in smaller letters, or lines of code. What is counted are no numbers. */
bool pdf_is_listing(const struct pdf_pages *r, struct pieces *t)
{
	const struct counted c = count_lines(r, t);
	const struct said s = listen(r, t);

	if (c.in_order < 2 || c.in_order * 4 + 1 < t->rows || c.words == 0 || s.numbers * 2 >= s.cells + c.n ||
		(c.heights / (double)c.n >= c.others / (double)c.words * SMALLER && s.code * 3 <= s.cells))
		return false;
	size_t from = c.first, to = c.last + 1;
	while (from > 0 && t->items[from - 1].row == t->items[c.first].row)
		from--;
	while (to < t->n && t->items[to].row == t->items[c.last].row)
		to++;
	t->items += from;
	t->n = to - from;
	return true;
}

/* Few cells say anything, signs of formulas do, and in letters or at heights of several kinds. */
static bool is_formula(const struct said *s, double fill, double skewed, double other)
{
	return fill < LOOSE && s->math * 5 >= s->cells && s->words * 5 < s->cells * 2 &&
	       s->numbers * 5 < s->cells * 2 && skewed + other >= 0.3 && skewed >= 0.1;
}

/* What stands here and there: the parts of a drawing, columns of a page that have no rows in common. */
static bool is_scattered(const struct said *s, double fill, double skewed)
{
	return fill < LOOSE && (skewed >= 0.45 || (s->brief * 2 >= s->cells && s->words * 10 <= s->cells));
}

/* Lines of code, set in columns by blanks, or of commands that stand beside what they draw. */
static bool is_program(const struct said *s, double fill)
{
	return s->statements * 2 >= s->cells || (s->code * 5 >= s->cells * 3 && fill < SPARSE);
}

bool pdf_is_other(const struct pdf_pages *r, const struct pieces *t, double skewed)
{
	const struct said s = listen(r, t);
	double other, fill = (double)s.cells / (double)(t->rows * t->columns);

	(void)height_of(r, t, &other);
	return is_contents(r, t) || is_index(r, t) || is_bibliography(r, t) || is_formula(&s, fill, skewed, other) ||
	       is_scattered(&s, fill, skewed) || is_program(&s, fill);
}

bool pdf_is_run(const struct pdf_pages *r, const struct pieces *t)
{
	const struct said s = listen(r, t);

	return is_list(r, t, s.words * 4 >= s.cells) || is_listing(r, t);
}

bool pdf_is_pairs(const struct pdf_pages *r, const struct pieces *t)
{
	return is_list(r, t, true) || is_listing(r, t);
}

/* ---- headings between tables ---- */

bool pdf_is_section(const struct pdf_pages *r, const struct pieces *t, size_t i)
{
	const struct piece *p = &t->items[i];
	size_t end = i + 2;

	if (end > t->n || p[1].row != p->row || (end < t->n && p[2].row == p->row) || !is_section_number(r, p) ||
		isdigit((unsigned char)r->text.p[r->words[p[1].word].at]))
		return false;
	for (size_t k = i; k > 0 && t->items[k - 1].row + 1 >= p->row; k--)
		if (fabs(t->items[k - 1].x0 - p[1].x0) < ALIGNED)
			return false;
	for (size_t k = end; k < t->n && t->items[k].row <= p->row + 1; k++)
		if (fabs(t->items[k].x0 - p[1].x0) < ALIGNED)
			return false;
	return true;
}
