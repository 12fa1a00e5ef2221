/* epub.c - books: the files of the spine in their order, by the HTML parser; a chapter is a place with its title. */
#include <ctype.h>
#include <stdio.h>

#include "rag/formats/html.h"
#include "rag/formats/office.h"

#define ITEMS_MAX 10000

struct item {
	char id[128], href[512];
	char title[200];
};

struct book {
	struct doc *d;
	char opf[512], toc[512];
	struct item *items;
	size_t n_items;
	struct {
		int item;
		bool linear;
	} * spine;
	size_t n_spine;
	bool in_title, in_label;
	struct buf text;
	const char *nav; /* the file that the present links are in */
	char target[512];
};

/* ---- which files ---- */

static void container_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct book *b = arg;

	if (strcmp(name, "rootfile") == 0 && !b->opf[0])
		office_copy(sax_get(a, "full-path"), b->opf, sizeof(b->opf));
}

static int from_hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* A reference as a name in the archive: without its fragment, percent signs undone. */
static bool href_path(const char *from, struct str href, char ret[512])
{
	char plain[512];
	size_t n = 0;

	for (size_t i = 0; i < href.n && href.p[i] != '#' && n < sizeof(plain) - 1; i++) {
		bool coded = href.p[i] == '%' && i + 2 < href.n && from_hex(href.p[i + 1]) >= 0 &&
			     from_hex(href.p[i + 2]) >= 0;

		plain[n++] = coded ? (char)(from_hex(href.p[i + 1]) * 16 + from_hex(href.p[i + 2])) : href.p[i];
		i += coded ? 2 : 0;
	}
	plain[n] = '\0';
	return strlen(plain) == n && zip_path(from, plain, n, ret);
}

static int item_by_id(const struct book *b, struct str id)
{
	for (size_t i = 0; i < b->n_items; i++) {
		if (str_eq(str_from(b->items[i].id), id))
			return (int)i;
	}
	return -1;
}

static void opf_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct book *b = arg;
	struct item *it = &b->items[b->n_items];
	int i;

	if (strcmp(name, "item") == 0 && b->n_items < ITEMS_MAX && href_path(b->opf, sax_get(a, "href"), it->href)) {
		struct str properties = sax_get(a, "properties");

		office_copy(sax_get(a, "id"), it->id, sizeof(it->id));
		if ((properties.p && memmem(properties.p, properties.n, "nav", 3)) ||
			sax_is(a, "media-type", "application/x-dtbncx+xml"))
			memcpy(b->toc, it->href, sizeof(b->toc));
		b->n_items++;
	} else if (strcmp(name, "itemref") == 0 && b->n_spine < ITEMS_MAX &&
		   (i = item_by_id(b, sax_get(a, "idref"))) >= 0) {
		b->spine[b->n_spine].item = i;
		b->spine[b->n_spine++].linear = !sax_is(a, "linear", "no");
	} else if (strcmp(name, "title") == 0) {
		b->in_title = b->text.n == 0;
	}
}

static void opf_text(void *arg, const char *p, size_t n)
{
	struct book *b = arg;

	if (b->in_title)
		buf_add(&b->text, p, n);
}

static void opf_end(void *arg, const char *name)
{
	struct book *b = arg;

	if (strcmp(name, "title") == 0)
		b->in_title = false;
}

/* ---- titles: <a href> of a nav, <text> and <content src> of an ncx ---- */

static void set_title(struct book *b, struct str href)
{
	char path[512];

	if (!href.p || !href_path(b->nav, href, path))
		return;
	for (size_t i = 0; i < b->n_items; i++) {
		if (strcmp(b->items[i].href, path) == 0 && !b->items[i].title[0])
			office_copy((struct str){b->text.p ? b->text.p : "", b->text.n}, b->items[i].title,
				sizeof(b->items[i].title));
	}
}

static void toc_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct book *b = arg;

	if (strcmp(name, "a") == 0 || strcmp(name, "text") == 0) {
		b->in_label = true;
		buf_reset(&b->text);
		if (name[0] == 'a')
			office_copy(sax_get(a, "href"), b->target, sizeof(b->target));
	} else if (strcmp(name, "content") == 0) {
		set_title(b, sax_get(a, "src"));
	}
}

static void toc_text(void *arg, const char *p, size_t n)
{
	struct book *b = arg;

	if (b->in_label)
		buf_add(&b->text, p, n);
}

static void toc_end(void *arg, const char *name)
{
	struct book *b = arg;

	if (strcmp(name, "a") == 0)
		set_title(b, str_from(b->target));
	if (strcmp(name, "a") == 0 || strcmp(name, "text") == 0)
		b->in_label = false;
}

/* ---- chapters ---- */

static void read_chapter(struct book *b, struct zip_reader *z, const struct item *it, int number)
{
	CLEANUP(buf_done) struct buf raw = BUF_INIT(4096), text = BUF_INIT(4096);
	const char *charset;
	char claimed[64];
	bool sure;

	doc_place(b->d, EXTRACT_CHAPTER, number, it->title, 0, 0);
	if (!zip_reader_get(z, it->href, &raw)) {
		if (!doc_failed(b->d))
			doc_warn(b->d, "A chapter of the book is missing or damaged (%.100s).", it->href);
		return;
	}
	text.max = (size_t)256 << 20;
	bool claims = raw.n > 0 && html_charset(&(struct input){.p = raw.p, .n = raw.n, .name = ""}, claimed);
	if (raw.n == 0 || !charset_decode(raw.p, raw.n, claims ? claimed : NULL, NULL, &text, &charset, &sure))
		return;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0')
			text.p[i] = ' ';
	}
	b->d->untitled = true; /* the book has its own */
	html_parse(b->d, text.p ? text.p : "", text.n, true);
	b->d->untitled = false;
}

static void read_spine(struct book *b, struct zip_reader *z)
{
	int number = 0;

	for (int linear = 1; linear >= 0; linear--) {
		for (size_t i = 0; i < b->n_spine && !doc_failed(b->d); i++) {
			if (b->spine[i].linear != (linear == 1))
				continue;
			read_chapter(b, z, &b->items[b->spine[i].item], ++number);
			doc_progress(b->d, number, (int)b->n_spine);
		}
	}
}

static bool is_locked(struct zip_reader *z)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	/* Fonts are often veiled; content is locked by a key. */
	return zip_reader_find(z, "META-INF/encryption.xml") >= 0 && zip_reader_get(z, "META-INF/encryption.xml", &b) &&
	       b.n > 0 &&
	       (memmem(b.p, b.n, ".xhtml", 6) || memmem(b.p, b.n, ".html", 5) || memmem(b.p, b.n, ".opf", 4));
}

void epub_read(struct doc *d, struct zip_reader *z)
{
	static const struct sax_handler
		container = {.start = container_start, .mild = true},
		opf = {.start = opf_start, .end = opf_end, .text = opf_text, .doctype = true, .mild = true},
		toc = {.start = toc_start, .end = toc_end, .text = toc_text, .doctype = true, .mild = true};
	struct book b = {.d = d, .text = BUF_INIT(65536)};

	b.items = xcalloc(ITEMS_MAX + 1, sizeof(*b.items));
	b.spine = xcalloc(ITEMS_MAX, sizeof(*b.spine));
	(void)zip_reader_sax(z, "META-INF/container.xml", &container, &b);
	if (is_locked(z))
		doc_fail(d, EXTRACT_LOCKED, "The book is locked by its publisher (DRM), and cannot be read here.");
	if (!doc_failed(d))
		(void)zip_reader_sax(z, b.opf, &opf, &b);
	if (b.text.n > 0)
		doc_title(d, b.text.p, b.text.n);
	b.nav = b.toc;
	if (b.toc[0])
		(void)zip_reader_sax(z, b.toc, &toc, &b);
	if (b.n_spine == 0)
		doc_fail(d, EXTRACT_BROKEN, "The book is damaged: it does not say which chapters it has.");
	read_spine(&b, z);
	buf_done(&b.text);
	free(b.items);
	free(b.spine);
}
