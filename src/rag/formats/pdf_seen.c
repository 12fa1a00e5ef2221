/*
 * pdf_seen.c - words of a PDF that nobody can see: drawn invisibly, or in the colour of what is beneath them. pdftohtml tells what is
 * drawn and in which colour; where a word is white or not drawn, the page as a picture says whether anything stands there. So the
 * words behind a scanned page stay, and white ones in a dark field.
 */
#include <math.h>
#include <stdio.h>

#include "rag/formats/pdf.h"

#define TEXTS_MAX   ((size_t)1 << 17)
#define PAIRS_MAX   ((size_t)20000000) /* of words and texts of a page; with more of them all words are looked at */
#define LONGEST     1000               /* pixels of the picture's longer side */
#define CONTRAST    10                 /* of 255, between the lightest and the darkest point of a word */
#define WHITE       0xF0               /* of each colour, from there on */
#define PAGES_SEEN  40                 /* of a scan: when so many show all of their words, the rest is believed */
#define FONTS_MAX   4096
#define ZOOM        1.5 /* pdftohtml's own */
#define ROUND_ABOUT 2   /* points by which boxes may differ */

struct text {
	int page;
	double x0, y0, x1, y1; /* as parts of its page, 0 to 1 */
	double width;          /* of that in points: pdftohtml knows no crop box */
};

struct drawn {
	struct text *texts; /* those that are not white */
	size_t n, cap;
	bool white[FONTS_MAX]; /* by number */
	int page;
	double width, height;
	bool full; /* no more are taken */
};

static bool is_white(struct str colour)
{
	char hex[8] = "";
	unsigned r, g, b;

	if (colour.n != 7)
		return false;
	memcpy(hex, colour.p, 7);
	return sscanf(hex, "#%2x%2x%2x", &r, &g, &b) == 3 && r >= WHITE && g >= WHITE && b >= WHITE;
}

static void add_text(struct drawn *t, const struct sax_atts *a)
{
	if (t->n == t->cap) {
		size_t cap = MAX(t->cap * 2, 1024);
		void *more = cap <= TEXTS_MAX ? realloc(t->texts, cap * sizeof(*t->texts)) : NULL;
		if (!more) {
			t->full = true;
			return;
		}
		t->texts = more;
		t->cap = cap;
	}
	double x = sax_double(a, "left") / t->width, y = sax_double(a, "top") / t->height;
	t->texts[t->n++] = (struct text){t->page, x, y, x + sax_double(a, "width") / t->width,
		y + sax_double(a, "height") / t->height, t->width / ZOOM};
}

static void drawn_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct drawn *t = arg;

	if (strcmp(name, "page") == 0) {
		t->page = sax_int(a, "number", 0);
		t->width = MAX(1, sax_double(a, "width"));
		t->height = MAX(1, sax_double(a, "height"));
	} else if (strcmp(name, "fontspec") == 0) {
		int id = sax_int(a, "id", -1);

		if (id >= 0 && id < FONTS_MAX)
			t->white[id] = is_white(sax_get(a, "color"));
	} else if (strcmp(name, "text") == 0 && t->page && !t->full) {
		int font = sax_int(a, "font", -1);

		if (font < 0 || font >= FONTS_MAX || !t->white[font])
			add_text(t, a);
	}
}

static bool read_drawn(struct pdf *p, int first, int last, struct drawn *to)
{
	static const struct sax_handler handler = {.start = drawn_start, .doctype = true, .mild = true};
	char from[16], until[16];
	const char *argv[] = {"/usr/bin/pdftohtml", "-xml", "-i", "-q", "-f", from, "-l", until, "-enc", "UTF-8",
		"-stdout", "-", "/tmp/texts" /* it asks for a name, and does not use it */, NULL};
	struct run_end end;

	snprintf(from, sizeof(from), "%d", first);
	snprintf(until, sizeof(until), "%d", last);
	return p->cpu_s > 0 && pdf_read_xml(p, argv, MIN(8 + (last - first) / 2, p->cpu_s), &handler, to, &end) &&
	       !end.code && !end.signal && !to->full;
}

/* Which words have to be looked at: none of what is drawn in a colour is where they are. */
static bool is_doubtful(const struct text *texts, size_t n, const struct pdf_page *g, const struct pdf_word *w)
{
	double x = (w->x0 + w->x1) / 2 / g->width, y = (w->y0 + w->y1) / 2 / g->height;
	double dx = ROUND_ABOUT / g->width, dy = ROUND_ABOUT / g->height;

	for (size_t i = 0; i < n; i++) {
		if (x >= texts[i].x0 - dx && x <= texts[i].x1 + dx && y >= texts[i].y0 - dy && y <= texts[i].y1 + dy)
			return false;
	}
	return true;
}

/* ---- the page as a picture ---- */

struct picture {
	struct buf bytes;
	int width, height;
	const unsigned char *points;
};

static bool draw(struct pdf *p, int number, struct picture *ret)
{
	char word[16], side[16];
	const char *argv[] = {"/usr/bin/pdftoppm", "-gray", "-cropbox", "-singlefile", "-f", word, "-l", word,
		"-scale-to", side, "-", NULL};
	struct run_end end;
	int most, at = 0;

	snprintf(word, sizeof(word), "%d", number);
	snprintf(side, sizeof(side), "%d", LONGEST);
	ret->bytes = BUF_INIT((size_t)4 << 20);
	if (!pdf_run(p, argv, MIN(8, p->cpu_s), buf_take_piece, &ret->bytes, &end) || end.code || end.signal ||
		ret->bytes.n < 16)
		return false;
	if (sscanf(ret->bytes.p, "P5 %d %d %d%n", &ret->width, &ret->height, &most, &at) != 3 || most != 255 ||
		ret->width <= 0 || ret->width > LONGEST + 1 || ret->height <= 0 || ret->height > LONGEST + 1 ||
		ret->bytes.n < (size_t)at + 1 + (size_t)ret->width * (size_t)ret->height)
		return false;
	ret->points = (const unsigned char *)ret->bytes.p + at + 1;
	return true;
}

/* The point of a picture at this part of its side; what is outside is at its edge. */
static int point_at(double part, int side)
{
	ASSERT(side > 0);
	return (int)MAX(0, MIN(part * side, side - 1));
}

static bool is_seen(const struct picture *c, const struct pdf_page *g, const struct pdf_word *w)
{
	int x0 = point_at(w->x0 / g->width, c->width), x1 = point_at(w->x1 / g->width, c->width);
	int y0 = point_at(w->y0 / g->height, c->height), y1 = point_at(w->y1 / g->height, c->height);
	int least = 255, most = 0;

	for (int y = y0; y <= y1; y++) {
		for (int x = x0; x <= x1; x++) {
			least = MIN(least, c->points[y * c->width + x]);
			most = MAX(most, c->points[y * c->width + x]);
		}
	}
	return most - least >= CONTRAST;
}

/* ---- the words of a page ---- */

/* Takes out of a line those words whose mark is set; their number. */
static size_t take_out(struct pdf_pages *r, struct pdf_line *l, const bool *unseen)
{
	size_t at = l->at, n = 0, gone = 0;

	for (size_t i = l->word; i < l->word + l->n_words; i++) {
		struct pdf_word w = r->words[i];

		gone += unseen[i];
		if (unseen[i] || w.n == 0)
			continue;
		if (n > 0)
			r->text.p[at++] = ' ';
		memmove(r->text.p + at, r->text.p + w.at, w.n);
		w.at = at;
		at += w.n;
		r->words[l->word + n++] = w;
	}
	ASSERT(n <= l->n_words && at <= r->text.n); /* words move to the front alone */
	l->n_words = n;
	l->n = at - l->at;
	l->dropped |= n == 0;
	return gone;
}

static size_t look_at_page(
	struct pdf *p, struct pdf_pages *r, const struct pdf_page *g, const struct text *texts, size_t n, bool *marks)
{
	struct picture c = {.width = 0};
	size_t words = 0;
	size_t doubtful = 0, gone = 0;

	for (size_t k = g->first; k < g->first + g->n; k++)
		words += r->lines[k].n_words;
	/* Of a cut page what is told are places in the whole one: then the picture says all. */
	n = words * n > PAIRS_MAX || (n && fabs(texts->width - g->width) > ROUND_ABOUT) ? 0 : n;
	for (size_t k = g->first; k < g->first + g->n; k++) {
		for (size_t i = r->lines[k].word; i < r->lines[k].word + r->lines[k].n_words; i++) {
			marks[i] = is_doubtful(texts, n, g, &r->words[i]);
			doubtful += marks[i];
		}
	}
	if (doubtful == 0 || p->seen >= PAGES_SEEN || p->cpu_s <= 0)
		return 0;
	/* A picture of another shape shows another part of the page. */
	bool drawn = draw(p, g->number, &c) && fabs(c.width * g->height / (c.height * g->width) - 1) < 0.02;
	for (size_t k = g->first; drawn && k < g->first + g->n; k++) {
		for (size_t i = r->lines[k].word; i < r->lines[k].word + r->lines[k].n_words; i++)
			marks[i] = marks[i] && !is_seen(&c, g, &r->words[i]);
		gone += take_out(r, &r->lines[k], marks);
	}
	buf_done(&c.bytes);
	p->seen += gone == 0;
	return gone;
}

void pdf_drop_unseen(struct pdf *p, struct pdf_pages *r)
{
	struct drawn *t = xcalloc(1, sizeof(*t));
	bool *marks = xcalloc(r->n_words + 1, sizeof(*marks));
	size_t gone = 0, at = 0;

	if (r->n > 0 && read_drawn(p, r->pages[0].number, r->pages[r->n - 1].number, t)) {
		for (size_t i = 0; i < r->n && !doc_failed(p->d); i++) {
			const struct pdf_page *g = &r->pages[i];
			size_t first = at;

			while (at < t->n && t->texts[at].page == g->number)
				at++;
			if (g->width > 0 && g->height > 0)
				gone += look_at_page(p, r, g, t->n ? t->texts + first : NULL, at - first, marks);
		}
	}
	if (gone)
		doc_warn(p->d, "Text that cannot be seen was left out (%zu word%s).", gone, gone == 1 ? "" : "s");
	free(marks);
	free(t->texts);
	free(t);
}
