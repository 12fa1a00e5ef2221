/* pdf.c - PDF by poppler's programs: how many pages, the outline, and page ranges as lines with boxes. */
#include <stdio.h>

#include "rag/formats/pdf.h"
#include "rag/formats/run.h"
#include "rag/formats/sax.h"

#define CPU_BASE_S 8 /* and half a second a page; most take a hundredth of that */
#define PAGES_MAX  100000
#define LINES_MAX  ((size_t)1 << 20)
#define WORDS_MAX  ((size_t)1 << 22)

bool pdf_run(struct pdf *p, const char *const *argv, int cpu_s, int (*take)(void *arg, const char *p, size_t n),
	void *arg, struct run_end *end)
{
	const char *words[24];
	size_t n = 0;

	for (; argv[n]; n++)
		words[n] = argv[n];
	ASSERT(n > 1 && n + 2 < N_ELEMENTS(words)); /* with a password and the end */
	if (p->password[0]) {
		/* Options stand before the file. */
		for (size_t i = n; i > 1; i--)
			words[i + 1] = words[i - 1];
		words[1] = "-upw";
		words[2] = p->password;
		n += 2;
	}
	words[n] = NULL;
	return run_program(
		p->d, &(struct run){.argv = words, .in = p->fd, .cpu_s = cpu_s, .take = take, .arg = arg}, end);
}

static int push(void *arg, const char *p, size_t n)
{
	return sax_push(arg, p, n);
}

/* Control characters make it no XML: they are blanks in what is read. */
struct cleaned {
	struct sax *sax;
	char piece[65536];
};

static int push_clean(void *arg, const char *p, size_t n)
{
	struct cleaned *c = arg;

	ASSERT(n <= sizeof(c->piece));
	for (size_t i = 0; i < n; i++)
		c->piece[i] = (unsigned char)p[i] < 0x20 && p[i] != '\n' && p[i] != '\t' && p[i] != '\r' ? ' ' : p[i];
	return push(c->sax, c->piece, n);
}

bool pdf_read_xml(
	struct pdf *p, const char *const *argv, int cpu_s, const struct sax_handler *h, void *arg, struct run_end *end)
{
	struct cleaned *c = xcalloc(1, sizeof(*c));

	c->sax = sax_new(p->d, h, arg);
	bool ran = pdf_run(p, argv, cpu_s, push_clean, c, end);
	(void)sax_free(c->sax);
	free(c);
	return ran;
}

/* ---- what it is ---- */

static int fail_used_up(struct pdf *p, enum extract_failure what)
{
	return doc_fail(p->d, what, "Reading the PDF took more %s than it may. Print it to a new PDF, or split it.",
		what == EXTRACT_TIMEOUT ? "time" : "memory");
}

static int fail_pdf(struct pdf *p, const struct run_end *end)
{
	if (strstr(end->errors, "Incorrect password"))
		return doc_fail(p->d, EXTRACT_LOCKED,
			"The PDF is locked with a password. Remove the password, and add it again.");
	if (strstr(end->errors, "encryption") || strstr(end->errors, "security handler"))
		return doc_fail(p->d, EXTRACT_LOCKED,
			"The PDF is encrypted in a way that cannot be opened. Save it without, and add it again.");
	if (end->used_up)
		return fail_used_up(p, end->used_up);
	return doc_fail(
		p->d, EXTRACT_BROKEN, "The PDF is damaged or cut off. Open it in its own program and save it anew.");
}

static const char *field(const struct buf *info, const char *name, size_t *ret_n)
{
	const char *at = info->n ? info->p : "";

	while (at && strncmp(at, name, strlen(name)) != 0) {
		const char *end = strchr(at, '\n');
		at = end ? end + 1 : NULL;
	}
	if (!at)
		return NULL;
	at += strlen(name);
	at += strspn(at, " ");
	*ret_n = strcspn(at, "\r\n");
	return at;
}

static bool read_info(struct pdf *p)
{
	static const char *const argv[] = {"/usr/bin/pdfinfo", "-enc", "UTF-8", "-", NULL};
	CLEANUP(buf_done) struct buf info = BUF_INIT((size_t)1 << 20);
	struct run_end end;
	size_t n;

	if (!pdf_run(p, argv, 20, buf_take_piece, &info, &end))
		return false;
	const char *pages = end.code || end.signal ? NULL : field(&info, "Pages:", &n);
	long count = pages ? strtol(pages, NULL, 10) : 0;
	if (count <= 0) {
		fail_pdf(p, &end);
		return false;
	}
	if (count > PAGES_MAX) {
		doc_fail(p->d, EXTRACT_TOO_LARGE, "The PDF has more than %d pages. Split it, and add the parts.",
			PAGES_MAX);
		return false;
	}
	p->count = (int)count;
	const char *title = field(&info, "Title:", &n);
	if (title)
		doc_title(p->d, title, n);
	return true;
}

/* ---- the outline: <outline><item page="3">Title</item><outline>...</outline></outline> ---- */

struct outline {
	struct pdf *p;
	int depth, page;
	bool item;
	struct buf title;
};

static void outline_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct outline *o = arg;

	o->depth += strcmp(name, "outline") == 0;
	if (o->depth > 0 && strcmp(name, "item") == 0) {
		o->item = true;
		o->page = sax_int(a, "page", 0);
		buf_reset(&o->title);
	}
}

static void outline_text(void *arg, const char *p, size_t n)
{
	struct outline *o = arg;

	if (o->item)
		buf_add(&o->title, p, n);
}

static void outline_end(void *arg, const char *name)
{
	struct outline *o = arg;
	struct pdf *p = o->p;
	char plain[200];

	o->depth -= strcmp(name, "outline") == 0;
	if (!o->item || strcmp(name, "item") != 0)
		return;
	o->item = false;
	size_t n = buf_status(&o->title) == 0 && o->title.n
			   ? pdf_plain(o->title.p, o->title.n, plain, sizeof(plain) - 1)
			   : 0;
	if (n == 0 || p->n_outline >= 20000)
		return;
	plain[n] = '\0';
	if (p->n_outline == p->outline_cap) {
		size_t cap = MAX(p->outline_cap * 2, 64);
		void *more = realloc(p->outline, cap * sizeof(*p->outline));
		if (!more)
			return;
		p->outline = more;
		p->outline_cap = cap;
	}
	p->outline[p->n_outline++] = (struct pdf_heading){o->page, MAX(1, MIN(o->depth, 6)), xstrdup(plain)};
}

/* It stands at the end of what is said of any pages. */
static void read_outline(struct pdf *p)
{
	static const char *const argv[] = {"/usr/bin/pdftohtml", "-xml", "-i", "-q", "-f", "1", "-l", "1", "-enc",
		"UTF-8", "-stdout", "-", "/tmp/outline" /* it asks for a name, and does not use it */, NULL};
	static const struct sax_handler handler = {outline_start, outline_end, outline_text, true, true};
	struct outline o = {.p = p, .title = BUF_INIT(2000)};
	struct run_end end;

	(void)pdf_read_xml(p, argv, 20, &handler, &o, &end);
	buf_done(&o.title);
}

/* ---- pages ---- */

static struct pdf_page *page(struct pdf_pages *r)
{
	return r->n ? &r->pages[r->n - 1] : NULL;
}

static struct pdf_line *add_line(struct pdf_pages *r)
{
	if (r->n_lines == r->lines_cap) {
		size_t cap = MAX(r->lines_cap * 2, 1024);
		void *more = cap <= LINES_MAX ? realloc(r->lines, cap * sizeof(*r->lines)) : NULL;
		if (!more)
			return NULL;
		r->lines = more;
		r->lines_cap = cap;
	}
	page(r)->n++;
	ASSERT(page(r)->first + page(r)->n == r->n_lines + 1); /* lines of a page stand together */
	return &r->lines[r->n_lines++];
}

static struct pdf_word *add_word(struct pdf_pages *r)
{
	if (r->n_words == r->words_cap) {
		size_t cap = MAX(r->words_cap * 2, 4096);
		void *more = cap <= WORDS_MAX ? realloc(r->words, cap * sizeof(*r->words)) : NULL;
		if (!more)
			return NULL;
		r->words = more;
		r->words_cap = cap;
	}
	return &r->words[r->n_words++];
}

/* Of a line: its text, and where it stands. */
static void begin_word(struct pdf_pages *r, const struct sax_atts *a)
{
	struct pdf_line *line = &r->lines[r->n_lines - 1];
	struct pdf_word *word = add_word(r);

	r->word = word != NULL;
	if (!word)
		return;
	if (r->text.n > line->at)
		buf_add_char(&r->text, ' ');
	*word = (struct pdf_word){.at = r->text.n,
		.x0 = sax_double(a, "xMin"),
		.y0 = sax_double(a, "yMin"),
		.x1 = sax_double(a, "xMax"),
		.y1 = sax_double(a, "yMax")};
	line->size = MAX(line->size, MIN(word->y1 - word->y0, 500));
	line->n_words++;
}

static void page_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct pdf_pages *r = arg;
	struct pdf_line *line;

	if (strcmp(name, "page") == 0 && r->n < PDF_RANGE) {
		int number = r->n ? page(r)->number + 1 : r->pages[0].number;
		r->pages[r->n++] =
			(struct pdf_page){number, sax_double(a, "width"), sax_double(a, "height"), r->n_lines, 0};
	} else if (!page(r)) {
		return;
	} else if (strcmp(name, "block") == 0) {
		r->block = true;
	} else if (strcmp(name, "line") == 0 && (line = add_line(r)) != NULL) {
		*line = (struct pdf_line){.at = r->text.n,
			.x0 = sax_double(a, "xMin"),
			.y0 = sax_double(a, "yMin"),
			.x1 = sax_double(a, "xMax"),
			.y1 = sax_double(a, "yMax"),
			.word = r->n_words,
			.first = r->block};
		r->block = false;
	} else if (strcmp(name, "word") == 0 && r->n_lines > 0 && r->lines) {
		begin_word(r, a);
	}
}

static void page_text(void *arg, const char *p, size_t n)
{
	struct pdf_pages *r = arg;

	if (r->word)
		buf_add(&r->text, p, n);
}

/* What is written upwards or downwards is as wide as its letters are high. */
static void end_line(struct pdf_line *line, size_t end)
{
	double wide = line->x1 - line->x0;

	ASSERT(line->at <= end);
	line->n = end - line->at;
	if (line->n > 2 && wide > 0 && line->y1 - line->y0 > wide * 2)
		line->size = MIN(line->size, wide);
}

static void page_end(void *arg, const char *name)
{
	struct pdf_pages *r = arg;

	if (strcmp(name, "word") == 0 && r->word) {
		r->word = false;
		r->words[r->n_words - 1].n = r->text.n - r->words[r->n_words - 1].at;
	}
	r->whole += strcmp(name, "page") == 0;
	if (r->n_lines > 0 && strcmp(name, "line") == 0)
		end_line(&r->lines[r->n_lines - 1], r->text.n);
}

/* pdftotext tells the size of a page as if it were not turned, and words where they are once it is. */
static void turn_page(struct pdf_page *g, double width, double height, int turned)
{
	bool as_is = width - g->width > -1 && width - g->width < 1;

	if (turned % 180 == 0 || !as_is || !(height > 0 && height < 1e6))
		return;
	g->width = height;
	g->height = width;
}

static void turn_pages(struct pdf *p, struct pdf_pages *r, const char *from, const char *to)
{
	const char *argv[] = {"/usr/bin/pdfinfo", "-f", from, "-l", to, "-", NULL};
	CLEANUP(buf_done) struct buf info = BUF_INIT((size_t)1 << 16);
	struct run_end end;
	double width = 0, height = 0;
	int number, turned;

	if (!pdf_run(p, argv, 20, buf_take_piece, &info, &end) || end.code || end.signal || info.n == 0 ||
		buf_status(&info) < 0)
		return;
	for (const char *at = info.p; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		(void)sscanf(at, "Page %d size: %lf x %lf", &number, &width, &height);
		if (sscanf(at, "Page %d rot: %d", &number, &turned) != 2)
			continue;
		size_t i = (size_t)(number - r->pages[0].number);
		if (i < r->n)
			turn_page(&r->pages[i], width, height, turned);
	}
}

bool pdf_read_pages(struct pdf *p, int first, int last, struct pdf_pages *ret)
{
	static const struct sax_handler handler = {page_start, page_end, page_text, true, true};
	char from[16], to[16];
	const char *argv[] = {"/usr/bin/pdftotext", "-bbox-layout", "-cropbox", "-f", from, "-l", to, "-enc", "UTF-8",
		"-q", "-", "-", NULL};
	struct run_end end;

	snprintf(from, sizeof(from), "%d", first);
	snprintf(to, sizeof(to), "%d", last);
	*ret = (struct pdf_pages){.d = p->d, .text = BUF_INIT((size_t)256 << 20)};
	ret->pages[0].number = first;
	bool ran = pdf_read_xml(p, argv, MIN(CPU_BASE_S + (last - first) / 2, p->cpu_s), &handler, ret, &end);
	bool good = ran && !end.code && !end.signal && !doc_failed(p->d) && buf_status(&ret->text) == 0 &&
		    ret->whole == last - first + 1;
	if (!end.code && !end.signal) /* a word of megabytes */
		end.used_up = EXTRACT_MEMORY;
	if (good)
		turn_pages(p, ret, from, to);
	if (ran && !good) {
		p->used_up = end.used_up ? end.used_up : p->used_up;
		p->cpu_s -= end.used_up ? CPU_BASE_S : 1;
	}
	return good;
}

void pdf_pages_done(struct pdf_pages *r)
{
	buf_done(&r->text);
	free(r->lines);
	free(r->words);
}

/* When a page cannot be read, those around it can. */
static void read_range(struct pdf *p, int first, int last)
{
	struct pdf_pages *r = xcalloc(1, sizeof(*r));

	ASSERT(first <= last && last - first < PDF_RANGE);
	if (p->cpu_s <= 0) {
		p->unreadable += last - first + 1;
	} else if (pdf_read_pages(p, first, last, r)) {
		pdf_drop_unseen(p, r);
		pdf_write_pages(p, r);
	} else if (!doc_failed(p->d) && last > first) {
		int middle = (first + last) / 2;

		read_range(p, first, middle);
		read_range(p, middle + 1, last);
	} else if (!doc_failed(p->d)) {
		p->unreadable++;
		doc_place(p->d, EXTRACT_PAGE, first, "", 0, 0);
		doc_state(p->d, EXTRACT_NO_TEXT);
		doc_warn(p->d, "Page %d cannot be read: %s.", first,
			p->used_up ? "it takes too much time or memory" : "it is damaged");
	}
	pdf_pages_done(r);
	free(r);
}

static int count_lines(void *arg, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(size_t *)arg += p[i] == '\n';
	return 0;
}

/* Two lines of a heading, and one for each. */
static int fail_without_text(struct pdf *p)
{
	static const char *const argv[] = {"/usr/bin/pdfimages", "-list", "-", NULL};
	struct run_end end;
	size_t lines = 0;

	if (!pdf_run(p, argv, 20, count_lines, &lines, &end))
		return -1;
	if (lines <= 2 && !end.used_up)
		return doc_fail(p->d, EXTRACT_EMPTY,
			"There is no text in this PDF, nor a picture that could hold some: its pages are empty, or "
			"drawn of "
			"lines. Look whether it is the right one.");
	return doc_fail(p->d, EXTRACT_SCANNED,
		p->d->ocr ? "The pages are pictures in which no text was recognised. Scan them with more contrast, or "
			    "choose "
			    "the language."
			  : "The pages are pictures of text (a scan). An administrator can install text recognition "
			    "(tesseract-ocr), then try again.");
}

static void judge(struct pdf *p)
{
	if (doc_failed(p->d))
		return;
	if (p->unreadable > 0 && p->with_text == 0 && p->used_up)
		fail_used_up(p, p->used_up);
	else if (p->unreadable > 0 && p->with_text == 0)
		doc_fail(p->d, EXTRACT_BROKEN,
			"The PDF is damaged: none of its pages can be read. Open it in its own program and save it "
			"anew.");
	else if (p->with_text == 0)
		fail_without_text(p);
	else if (p->unreadable > 0)
		doc_warn(p->d, "%d of %d pages could not be read.", p->unreadable, p->count);
}

void read_pdf(struct doc *d, const struct input *in)
{
	struct pdf p = {.d = d, .cpu_s = 120};
	CLEANUP(closep) int own = d->depth > 0 ? run_file(d, in->p, in->n) : -1;

	p.fd = own >= 0 ? own : STDIN_FILENO;
	if (d->password)
		snprintf(p.password, sizeof(p.password), "%s", d->password);
	doc_format(d, "pdf", NULL);
	if (doc_failed(d) || !read_info(&p))
		return;
	read_outline(&p);
	for (int first = 1; first <= p.count && !doc_failed(d); first += PDF_RANGE) {
		int last = MIN(first + PDF_RANGE - 1, p.count);

		read_range(&p, first, last);
		doc_progress(d, last, p.count);
	}
	judge(&p);
	for (size_t i = 0; i < p.n_outline; i++)
		free(p.outline[i].title);
	free(p.outline);
}

/* ---- a page as a picture ---- */

static int copy_out(void *arg, const char *p, size_t n)
{
	(void)arg;
	return write(STDOUT_FILENO, p, n) == (ssize_t)n ? 0 : -1;
}

int draw_page(struct doc *d, int number, int width)
{
	struct pdf p = {.d = d, .fd = STDIN_FILENO};
	char page_word[16], width_word[16];
	const char *argv[] = {"/usr/bin/pdftoppm", "-png", "-cropbox", "-singlefile", "-f", page_word, "-l", page_word,
		"-scale-to-x", width_word, "-scale-to-y", "-1", "-", NULL};
	struct run_end end;

	if (d->password)
		snprintf(p.password, sizeof(p.password), "%s", d->password);
	if (!read_info(&p))
		return EXIT_FAILURE;
	if (number < 1 || number > p.count)
		return EXTRACT_NO_PAGE;
	snprintf(page_word, sizeof(page_word), "%d", number);
	snprintf(width_word, sizeof(width_word), "%d", MAX(64, MIN(width, 4000)));
	return pdf_run(&p, argv, 15, copy_out, NULL, &end) && !end.code && !end.signal ? EXIT_SUCCESS : EXIT_FAILURE;
}
