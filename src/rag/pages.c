/*
 * pages.c - boxes of words written and read, and pictures of pages. Words are boxed, not lines, so that half a line can be marked;
 * neighbours of one line are put together when they are read. A picture is made in the sandbox, by a process of its own, and
 * whoever turns pages asks for them again: the last ones are kept in a list by when they were asked for, up to a size.
 */
#include "rag/pages.h"

#include <errno.h>
#include <stdio.h>

#include "rag/rag_priv.h"
#include "store/blobs.h"
#include "sys/loop.h"

#define UNIT      65535.0
#define KEPT_MAX  ((size_t)16 << 20) /* bytes of pictures */
#define PNG_BYTES ((size_t)32 << 20)

/* ---- boxes ---- */

static void write_fraction(struct buf *to, double v, double of)
{
	uint16_t n = (uint16_t)(MAX(0, MIN(v / of, 1)) * UNIT + 0.5);

	buf_add_char(to, (char)(n & 0xff));
	buf_add_char(to, (char)(n >> 8));
}

static void write_boxes(const struct extract_place *p, const struct extract_block *b, size_t *last, struct buf *to)
{
	for (size_t i = 0; i < b->n_boxes && to->n + 40 < BOXES_BYTES; i++) {
		const struct extract_box *x = &b->boxes[i];
		if (x->start < *last)
			continue;
		buf_add_varint(to, x->start - *last);
		buf_add_varint(to, x->end - x->start);
		write_fraction(to, x->x0, p->width);
		write_fraction(to, x->y0, p->height);
		write_fraction(to, x->x1, p->width);
		write_fraction(to, x->y1, p->height);
		*last = x->end;
		ASSERT(*last <= b->end);
	}
}

struct page_row page_row_of(const struct extracted *x, size_t place, size_t *block, struct buf *to)
{
	const struct extract_place *p = &x->places[place];
	size_t start = p->start, last;

	ASSERT(place < x->n_places && p->end <= x->len);
	while (start < p->end && x->text[start] == '\n')
		start++;
	last = start;
	for (; *block < x->count && x->blocks[*block].place <= (int)place; ++*block)
		if (x->blocks[*block].place == (int)place && p->width > 0 && p->height > 0)
			write_boxes(p, &x->blocks[*block], &last, to);
	return (struct page_row){.n = (int64_t)place,
		.number = p->number,
		.kind = extract_place_name(p->kind),
		.label = p->label,
		.start = (int64_t)start,
		.end = (int64_t)p->end,
		.width = (int64_t)(p->width * 100),
		.height = (int64_t)(p->height * 100),
		.boxes = buf_status(to) == 0 ? buf_str(to) : (struct str){"", 0}};
}

struct box_reader {
	const unsigned char *p, *end;
};

static bool read_number(struct box_reader *r, int64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 35 && r->p < r->end; shift += 7) {
		unsigned char c = *r->p++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = (int64_t)v;
			return true;
		}
	}
	return false;
}

static double read_fraction(struct box_reader *r)
{
	unsigned n = r->p[0] | (unsigned)r->p[1] << 8;

	r->p += 2;
	return n / UNIT;
}

static bool read_box(struct box_reader *r, int64_t *start, int64_t *end, struct page_box *ret)
{
	int64_t skip, n;

	if (!read_number(r, &skip) || !read_number(r, &n) || r->end - r->p < 8)
		return false;
	*start = *end + skip;
	*end = *start + n;
	ret->left = read_fraction(r);
	ret->top = read_fraction(r);
	ret->right = read_fraction(r);
	ret->bottom = read_fraction(r);
	return true;
}

/* The next word of a line: not left of where the last one ends, and at its height. */
static bool joins(const struct page_box *a, const struct page_box *b)
{
	double both = MIN(a->bottom, b->bottom) - MAX(a->top, b->top);
	double least = MIN(a->bottom - a->top, b->bottom - b->top);

	return both > least / 2 && b->left >= a->right - 0.005 && b->left - a->right < 0.05;
}

static struct page_box around(const struct page_box *a, const struct page_box *b)
{
	return (struct page_box){
		MIN(a->left, b->left), MIN(a->top, b->top), MAX(a->right, b->right), MAX(a->bottom, b->bottom)};
}

size_t page_boxes(const struct page_row *p, int64_t start, int64_t end, struct page_box *ret, size_t max)
{
	struct box_reader r = {(const unsigned char *)p->boxes.p, (const unsigned char *)p->boxes.p + p->boxes.n};
	int64_t from, to = p->start;
	struct page_box b;
	size_t n = 0;

	while (read_box(&r, &from, &to, &b)) {
		if (to <= start || from >= end)
			continue;
		if (n > 0 && joins(&ret[n - 1], &b))
			ret[n - 1] = around(&ret[n - 1], &b);
		else if (n < max)
			ret[n++] = b;
	}
	return n;
}

int rag_page(struct db_conn *c, const struct page_wish *w, struct arena *a, struct page *ret, struct err *e)
{
	struct page_row row = {.n = 0};
	int r = texts_page(c, w->text_id, w->number, a, &row, e);

	if (r < 0)
		return r;
	struct page_box *boxes = ARENA_ARRAY(a, struct page_box, PAGE_BOXES_MAX);
	if (!boxes)
		return err_set(e, -ENOMEM, "no memory for a page");
	*ret = (struct page){.kind = row.kind,
		.label = row.label,
		.number = row.number,
		.start = row.start,
		.end = row.end,
		.width = (double)row.width / 100,
		.height = (double)row.height / 100,
		.boxes = {boxes, page_boxes(&row, w->start, w->end, boxes, PAGE_BOXES_MAX)}};
	return 0;
}

/* ---- places in words ---- */

bool rag_place_named(const char *place, const char *label)
{
	return place && label && *label && (strcmp(place, "sheet") == 0 || strcmp(place, "file") == 0);
}

void rag_add_place(struct buf *b, const char *place, int64_t page, const char *label)
{
	bool named = rag_place_named(place, label);

	if (!page)
		return;
	if (!named && label && *label)
		buf_printf(b, "%s, ", label); /* the file in an archive that the page is of */
	buf_printf(b, "%s ", place && *place ? place : "page");
	if (named)
		buf_add_str(b, label);
	else
		buf_printf(b, "%lld", (long long)page);
}

const char *rag_counted_in(const char *format)
{
	static const struct {
		const char *format, *word;
	} words[] = {{"xlsx", "sheets"}, {"ods", "sheets"}, {"pptx", "slides"}, {"odp", "slides"}, {"epub", "chapters"},
		{"mbox", "messages"}, {"eml", "messages"}, {"notebook", "cells"}, {"zip", "files"}};

	for (size_t i = 0; format && i < N_ELEMENTS(words); i++)
		if (strcmp(words[i].format, format) == 0)
			return words[i].word;
	return "pages";
}

/* ---- pictures ---- */

struct picture {
	char hash[BLOB_HASH_LEN + 1];
	int page, width;
	struct buf png;
	struct picture *next; /* used less lately */
};

static struct picture **find_picture(struct rag *r, const char *hash, int page, int width)
{
	struct picture **at = &r->pictures;

	while (*at && ((*at)->page != page || (*at)->width != width || strcmp((*at)->hash, hash) != 0))
		at = &(*at)->next;
	return at;
}

static void free_picture(struct picture *p)
{
	buf_done(&p->png);
	free(p);
}

static bool take_kept(struct rag *r, const char *hash, int page, int width, struct buf *to)
{
	pthread_mutex_lock(&r->pictures_mx);
	struct picture **at = find_picture(r, hash, page, width), *p = *at;
	if (p) {
		*at = p->next;
		p->next = r->pictures;
		r->pictures = p;
		buf_add(to, p->png.p, p->png.n);
	}
	pthread_mutex_unlock(&r->pictures_mx);
	return p != NULL;
}

/* Those that were not asked for the longest go. */
static void keep(struct rag *r, const char *hash, int page, int width, const struct buf *png)
{
	struct picture *p = xcalloc(1, sizeof(*p));
	size_t bytes = 0;

	snprintf(p->hash, sizeof(p->hash), "%s", hash);
	p->page = page;
	p->width = width;
	p->png = BUF_INIT(KEPT_MAX);
	buf_add(&p->png, png->p, png->n);
	pthread_mutex_lock(&r->pictures_mx);
	if (buf_status(&p->png) < 0 || *find_picture(r, hash, page, width)) {
		free_picture(p);
	} else {
		p->next = r->pictures;
		r->pictures = p;
	}
	for (struct picture **at = &r->pictures; *at;) {
		struct picture *x = *at;
		bytes += x->png.n;
		if (bytes <= KEPT_MAX) {
			at = &x->next;
		} else {
			*at = x->next;
			free_picture(x);
		}
	}
	pthread_mutex_unlock(&r->pictures_mx);
}

void pictures_free(struct rag *r)
{
	while (r->pictures) {
		struct picture *p = r->pictures;
		r->pictures = p->next;
		free_picture(p);
	}
}

int rag_page_png(struct rag *r, const char *hash, int page, int width, struct buf *ret, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(buf_done) struct buf png = BUF_INIT(PNG_BYTES);
	struct cancel never;
	int s;

	ASSERT(thread_may_wait());
	ASSERT_IS(r, RAG_MAGIC);
	if (take_kept(r, hash, page, width, ret))
		return buf_check(ret, e, "The picture is too large.");
	s = blobs_open(r->config.settings->data, hash, &fd, e);
	if (s < 0)
		return s;
	cancel_init(&never);
	s = extract_page_png(fd, page, width, NULL, &never, &png, e);
	cancel_done(&never);
	if (s < 0)
		return s;
	keep(r, hash, page, width, &png);
	buf_add(ret, png.p, png.n);
	return buf_check(ret, e, "The picture is too large.");
}
