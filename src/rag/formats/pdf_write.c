/* pdf_write.c - what stands on the pages of a PDF as blocks: lines joined, running heads left out, headings found. */
#include <ctype.h>
#include <math.h>

#include "base/utf8.h"
#include "rag/formats/pdf.h"

#define FEW      20 /* characters: a page with fewer is a picture, or empty */
#define LARGER   1.18
#define SIZES    512 /* in quarters of a point */
#define LETTERS  120 /* that must be there before they are judged */
#define CONTENTS 200 /* lines of a page that are looked at for a table of contents */
#define HEIGHTS  1000000

size_t pdf_plain(const char *p, size_t n, char *to, size_t max)
{
	size_t m = 0;

	for (size_t i = 0; i < n && m < max; i++) {
		unsigned char c = (unsigned char)p[i];

		if (isalnum(c) || c >= 0x80)
			to[m++] = (char)tolower(c);
	}
	return m;
}

/* ---- running heads ---- */

/* The text with its digits masked. */
static uint64_t masked(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037u;
	bool digit = false;

	for (size_t i = 0; i < n; i++) {
		bool is = isdigit((unsigned char)p[i]) != 0;

		if (!is || !digit)
			h = (h ^ (is ? '0' : (unsigned char)p[i])) * 1099511628211u;
		digit = is;
	}
	return h;
}

struct head {
	uint64_t hash;
	int y;
	size_t line;
};

static int by_hash(const void *a, const void *b)
{
	const struct head *x = a, *y = b;

	return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : x->y != y->y ? (x->y < y->y ? -1 : 1) : 0;
}

static bool in_margin(const struct pdf_page *g, const struct pdf_line *l)
{
	return g->height > 0 && (l->y1 < g->height * 0.12 || l->y0 > g->height * 0.88);
}

static size_t gather(const struct pdf_pages *r, struct head *heads)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = r->pages[i].first; k < r->pages[i].first + r->pages[i].n; k++) {
			if (in_margin(&r->pages[i], &r->lines[k]))
				heads[n++] = (struct head){masked(r->text.p + r->lines[k].at, r->lines[k].n),
					(int)MAX(-HEIGHTS, MIN(r->lines[k].y0 / 4, HEIGHTS)), k};
		}
	}
	return n;
}

/* The same words at the same height on more than 40 % of the pages: left and right ones may differ. */
static void drop_heads(struct pdf_pages *r)
{
	struct head *heads = r->n >= 4 && r->n_lines ? malloc(r->n_lines * sizeof(*heads)) : NULL;
	size_t n = heads ? gather(r, heads) : 0;

	if (n > 0)
		qsort(heads, n, sizeof(*heads), by_hash);
	for (size_t i = 0, k; i < n; i = k) {
		k = i + 1;
		while (k < n && heads[k].hash == heads[i].hash && abs(heads[k].y - heads[k - 1].y) <= 1)
			k++;
		for (size_t j = i; j < k && (double)(k - i) > (double)r->n * 0.4; j++)
			r->lines[heads[j].line].dropped = true;
	}
	free(heads);
}

/* Letters one below the other: a mark across the page. Of no size: not to be seen. */
static void drop_strange(struct pdf_pages *r)
{
	size_t tiny = 0, run = 0;

	for (size_t i = 0; i < r->n_lines; i++) {
		struct pdf_line *l = &r->lines[i];
		bool one = l->n > 0 && utf8_char(r->text.p + l->at, l->n) == l->n &&
			   isalpha((unsigned char)r->text.p[l->at]);

		if (l->size > 0 && l->size < 2) {
			l->dropped = true;
			tiny++;
		}
		run = one ? run + 1 : 0;
		for (size_t k = 0; run >= 4 && k < (run == 4 ? 4 : 1); k++)
			r->lines[i - k].dropped = true;
	}
	if (tiny)
		doc_warn(r->d, "Text too small to be read by people was left out (%zu lines).", tiny);
}

/* ---- garbled ---- */

static bool is_garbled(const struct pdf_pages *r, const struct pdf_page *g)
{
	size_t chars = 0, bad = 0, letters = 0, vowels = 0;

	for (size_t k = g->first; k < g->first + g->n; k++) {
		const char *p = r->text.p + r->lines[k].at;
		size_t n = r->lines[k].n;

		for (size_t i = 0; i < n;) {
			size_t len = MAX(utf8_char(p + i, n - i), 1);
			unsigned char c = (unsigned char)p[i];

			chars++;
			bad += len == 3 && (c == 0xEE || (c == 0xEF && (unsigned char)p[i + 1] < 0xA4) ||
						   memcmp(p + i, "\xEF\xBF\xBD", 3) == 0);
			letters += isalpha(c) != 0;
			vowels += isalpha(c) && strchr("aeiouyAEIOUY", c);
			i += len;
		}
	}
	if (chars > 0 && bad * 10 >= chars * 3)
		return true;
	return letters >= LETTERS && letters * 10 > chars * 6 && vowels * 100 < letters * 18;
}

/* ---- headings ---- */

/* The size in which most letters are. */
static double body_size(const struct pdf_pages *r)
{
	size_t *weights = xcalloc(SIZES, sizeof(*weights)), all = 0, sum = 0, i;

	for (i = 0; i < r->n_lines; i++) {
		size_t at = (size_t)MIN(MAX(r->lines[i].size * 4, 0), SIZES - 1);

		weights[at] += r->lines[i].n;
		all += r->lines[i].n;
	}
	for (i = 0; i < SIZES - 1 && sum + weights[i] <= all / 2; i++)
		sum += weights[i];
	ASSERT(i < SIZES);
	free(weights);
	return (double)i / 4;
}

/* The heading of the outline that says this; a number in front may be on one side alone. */
static bool says(const struct pdf_heading *h, const char *plain, size_t m)
{
	size_t k = strlen(h->title);

	return k > 1 && m >= k && m - k <= 8 && memcmp(plain + m - k, h->title, k) == 0;
}

/* Where dots begin that lead to a page number, as in a table of contents; NULL: there are none. */
static const char *dots(const char *p, size_t n)
{
	const char *apart = memmem(p, n, " . . ", 5);

	return apart ? apart : memmem(p, n, ".....", 5);
}

/* Lines of a table of contents say what a heading says, which stands on another page: found first, they tell nothing. */
static void drop_contents(const struct pdf *p, struct pdf_pages *r, const struct pdf_page *g)
{
	char plain[200];

	for (size_t k = g->first; p->n_outline > 0 && k < g->first + MIN(g->n, (size_t)CONTENTS); k++) {
		struct pdf_line *l = &r->lines[k];
		const char *text = r->text.p + l->at, *end = dots(text, l->n);
		size_t m = end ? pdf_plain(text, (size_t)(end - text), plain, sizeof(plain)) : 0;

		for (size_t i = 0; m > 0 && i < p->n_outline && !l->dropped; i++)
			l->dropped = p->outline[i].page != g->number && says(&p->outline[i], plain, m);
	}
}

/* 0: it is none. */
static int heading_level(
	const struct pdf *p, const struct pdf_page *g, const char *text, size_t n, double size, size_t lines)
{
	char plain[200];
	size_t m = pdf_plain(text, n, plain, sizeof(plain));

	if (m == 0 || lines > 4 || n > 300 || dots(text, n))
		return 0;
	for (size_t i = 0; i < p->n_outline; i++)
		if (p->outline[i].page == g->number && says(&p->outline[i], plain, m))
			return p->outline[i].level;
	if (p->n_outline > 0 || p->body <= 0 || size < p->body * LARGER || m < 2)
		return 0;
	return size > p->body * 1.8 ? 1 : size > p->body * 1.4 ? 2 : 3;
}

/* ---- blocks ---- */

struct block {
	size_t from, to; /* lines */
	double x0, x1, size;
	struct buf text;
};

/* The words of a line, `cut` bytes of the last one left out, each with its box. */
static void write_words(struct doc *d, const struct pdf_pages *r, const struct pdf_line *l, size_t cut)
{
	bool any = false;

	ASSERT(l->word + l->n_words <= r->n_words);
	for (size_t i = l->word; i < l->word + l->n_words; i++) {
		const struct pdf_word *w = &r->words[i];
		bool last = i + 1 == l->word + l->n_words;

		if (i > l->word && any)
			doc_text(d, " ", 1);
		any |= w->n > 0;
		size_t before = doc_mark(d);
		doc_text(d, r->text.p + w->at, w->n - (last ? MIN(cut, w->n) : 0));
		size_t after = doc_mark(d);
		doc_box(d, MAX(before, d->start), after, w->x0, w->y0, w->x1, w->y1);
	}
}

static bool ends_early(const struct block *b, const struct pdf_line *l)
{
	double least = (b->x1 - b->x0) * 0.2;

	return l->leftward ? l->x0 > b->x0 + least : l->x1 < b->x1 - least;
}

static void write_lines(struct doc *d, const struct pdf_pages *r, const struct block *b)
{
	for (size_t i = b->from; i < b->to; i++) {
		const struct pdf_line *l = &r->lines[i];

		if (l->dropped || l->n == 0)
			continue;
		size_t next = i + 1;
		while (next < b->to && r->lines[next].dropped)
			next++;
		struct pdf_joint to = {0, "", false};
		if (next < b->to)
			to = pdf_join(r, l, &r->lines[next]);
		write_words(d, r, l, to.cut);
		/* A line that ends early ends for a reason. */
		doc_str(d, next < b->to && !to.word && ends_early(b, l) ? "\n" : to.between);
	}
}

static bool starts_item(const char *p, size_t n)
{
	static const char *const marks[] = {
		"\xE2\x80\xA2 ", "\xE2\x97\xA6 ", "\xE2\x96\xAA ", "\xE2\x80\x93 ", "- ", "* "};

	for (size_t i = 0; i < N_ELEMENTS(marks); i++) {
		size_t k = strlen(marks[i]);
		if (n > k && memcmp(p, marks[i], k) == 0)
			return true;
	}
	return false;
}

/* In the order in which they are read. */
static void add_text(struct pdf_pages *r, const struct pdf_line *l, struct buf *to)
{
	if (!l->turned) {
		buf_add(to, r->text.p + l->at, l->n);
		return;
	}
	pdf_turn_words(r, l, l->word, l->n_words);
	for (size_t i = l->word; i < l->word + l->n_words; i++) {
		if (i > l->word)
			buf_add_char(to, ' ');
		buf_add(to, r->text.p + r->words[i].at, r->words[i].n);
	}
}

static void write_block(struct pdf *p, struct pdf_pages *r, const struct pdf_page *g, struct block *b)
{
	size_t lines = 0;

	buf_reset(&b->text);
	b->x0 = b->size = 0;
	b->x1 = 0;
	for (size_t i = b->from; i < b->to; i++) {
		const struct pdf_line *l = &r->lines[i];

		if (l->dropped)
			continue;
		b->x0 = lines ? MIN(b->x0, l->x0) : l->x0;
		b->x1 = MAX(b->x1, l->x1);
		b->size = MAX(b->size, l->size);
		add_text(r, l, &b->text);
		lines++;
	}
	if (lines == 0 || buf_status(&b->text) < 0)
		return;
	int level = heading_level(p, g, b->text.p ? b->text.p : "", b->text.n, b->size, lines);
	bool item = !level && starts_item(b->text.p ? b->text.p : "", b->text.n);
	doc_begin(p->d, level ? EXTRACT_HEADING : item ? EXTRACT_LIST : EXTRACT_PARA, item ? 1 : level);
	write_lines(p->d, r, b);
	doc_end(p->d);
}

static size_t count_chars(const struct pdf_pages *r, const struct pdf_page *g)
{
	size_t n = 0;

	for (size_t k = g->first; k < g->first + g->n; k++)
		n += r->lines[k].dropped ? 0 : r->lines[k].n;
	return n;
}

static void write_page(struct pdf *p, struct pdf_pages *r, const struct pdf_page *g)
{
	struct block b = {.text = BUF_INIT((size_t)16 << 20)};
	bool few = count_chars(r, g) < FEW, garbled = !few && is_garbled(r, g);

	doc_place(p->d, EXTRACT_PAGE, g->number, "", g->width, g->height);
	if ((few || garbled) && p->d->ocr && pdf_ocr_page(p, g->number)) {
		doc_state(p->d, EXTRACT_BY_OCR);
		p->with_text++;
		return;
	}
	if (garbled) {
		doc_state(p->d, EXTRACT_GARBLED);
		doc_warn(p->d, "Page %d was left out: its font does not say which characters it shows.", g->number);
		return;
	}
	if (few)
		doc_state(p->d, EXTRACT_NO_TEXT);
	drop_contents(p, r, g);
	struct pdf_tables *tables = pdf_find_tables(r, g);
	for (size_t k = g->first, written = 0; k < g->first + g->n; k = b.to) {
		size_t table = r->lines[k].table;
		b.from = k;
		b.to = k + 1;
		while (b.to < g->first + g->n && !r->lines[b.to].first && r->lines[b.to].table == table)
			b.to++;
		if (!table)
			write_block(p, r, g, &b);
		else if (!(written >> table & 1))
			pdf_write_table(p->d, r, tables, table);
		written |= (size_t)1 << table;
	}
	pdf_tables_free(tables);
	buf_done(&b.text);
	p->with_text += count_chars(r, g) > 0;
}

void pdf_write_pages(struct pdf *p, struct pdf_pages *r)
{
	if (!r->text.p)
		buf_add(&r->text, "", 0);
	pdf_turn_letters(r);
	drop_strange(r);
	drop_heads(r);
	pdf_part_columns(r);
	p->body = body_size(r);
	for (size_t i = 0; i < r->n && !doc_failed(p->d); i++)
		write_page(p, r, &r->pages[i]);
}
