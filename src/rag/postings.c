/*
 * postings.c - terms are gathered as entries (term, passage, times), passage by passage, each sorted and put together once it is
 * whole, and all of them sorted by term when they are written. Reading goes once through the bytes with a flag instead of errors,
 * so that who reads asks once at the end; whatever the bytes are, nothing is read behind them.
 */
#include "rag/postings.h"

#include <errno.h>

#include "base/magic.h"
#include "sys/thread.h"

#define VERSION   1
#define PART_BITS 8
#define PARTS     ((size_t)1 << PART_BITS)
_Static_assert(0 < PART_BITS && PART_BITS < 64, "as many of a term's upper bits are its part");
#define AT_A_TIME 64 /* terms */
#define BYTES_MAX ((size_t)256 << 20)

struct entry {
	uint64_t term;
	uint32_t passage, times;
};

struct postings {
	unsigned magic; /* POSTINGS_MAGIC */
#define POSTINGS_MAGIC 0x706f6973u
	enum language language;
	struct entry *items;
	size_t n, room, first; /* first: of the passage that is being added */
	uint32_t *lengths;
	size_t passages, lengths_room;
	bool failed;
};

struct postings *postings_new(enum language l)
{
	struct postings *p = xcalloc(1, sizeof(*p));

	ASSERT((unsigned)l < LANGUAGES); /* else they could not be read back */
	MAGIC_SET(p, POSTINGS_MAGIC);
	p->language = l;
	return p;
}

void postings_free(struct postings *p)
{
	if (!p)
		return;
	free(p->items);
	free(p->lengths);
	MAGIC_END(p, POSTINGS_MAGIC);
	free(p);
}

/* Room for one more of `size` bytes; false: there is no memory. */
static bool grow(void *array, size_t n, size_t *room, size_t size)
{
	void **items = array;
	size_t more = *room ? *room * 2 : 256;
	void *p;

	if (n < *room)
		return true;
	p = more * size <= BYTES_MAX * 4 ? realloc(*items, more * size) : NULL;
	if (!p)
		return false;
	*items = p;
	*room = more;
	return true;
}

static void take(void *arg, const struct word *w)
{
	struct postings *p = arg;

	ASSERT_IS(p, POSTINGS_MAGIC);
	if (!grow(&p->items, p->n, &p->room, sizeof(*p->items))) {
		p->failed = true;
		return;
	}
	ASSERT(p->passages < p->lengths_room);
	p->items[p->n++] = (struct entry){w->term, (uint32_t)p->passages, 1};
	p->lengths[p->passages] += !w->beside;
}

static unsigned part_of(const struct entry *x)
{
	return (unsigned)(x->term >> (64 - PART_BITS));
}

static int by_term(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->term != y->term)
		return x->term < y->term ? -1 : 1;
	return (x->passage > y->passage) - (x->passage < y->passage);
}

void postings_add(struct postings *p, struct words *w, struct str headings, struct str text)
{
	size_t kept;

	ASSERT_IS(p, POSTINGS_MAGIC);
	if (p->failed || !grow(&p->lengths, p->passages, &p->lengths_room, sizeof(*p->lengths))) {
		p->failed = true;
		return;
	}
	p->lengths[p->passages] = 0;
	p->first = kept = p->n;
	words_each(w, p->language, headings, take, p);
	words_each(w, p->language, text, take, p);
	if (p->n > p->first)
		qsort(p->items + p->first, p->n - p->first, sizeof(*p->items), by_term);
	for (size_t i = p->first; i < p->n; i++)
		if (kept > p->first && p->items[kept - 1].term == p->items[i].term)
			p->items[kept - 1].times++;
		else
			p->items[kept++] = p->items[i];
	ASSERT(kept <= p->n);
	p->n = kept;
	p->passages++;
}

static size_t end_of_term(const struct postings *p, size_t i)
{
	size_t end = i;

	ASSERT(i < p->n);
	while (end < p->n && p->items[end].term == p->items[i].term)
		end++;
	return end;
}

/* By the first byte of their terms, which are hashes, and then each part by itself: a long document has a hundred thousand entries, and
 * who works behind others stops in between. */
static void sort_in_parts(struct postings *p)
{
	size_t ends[PARTS] = {0}, next[PARTS], from = 0;
	struct entry *to = xcalloc(p->n + 1, sizeof(*to));

	for (size_t i = 0; i < p->n; i++)
		ends[part_of(&p->items[i])]++;
	for (size_t k = 0; k < PARTS; k++) {
		next[k] = from;
		from = ends[k] += from;
	}
	ASSERT(from == p->n);
	for (size_t i = 0; i < p->n; i++)
		to[next[part_of(&p->items[i])]++] = p->items[i];
	from = 0;
	for (size_t k = 0; k < PARTS; from = ends[k++]) {
		thread_give_way();
		if (ends[k] > from)
			qsort(to + from, ends[k] - from, sizeof(*to), by_term);
	}
	free(p->items);
	p->items = to;
	p->room = p->n + 1;
}

void postings_write(struct postings *p, struct buf *to)
{
	size_t terms = 0, written = 0;

	ASSERT_IS(p, POSTINGS_MAGIC);
	sort_in_parts(p);
	buf_add_varint(to, VERSION);
	buf_add_varint(to, p->language);
	buf_add_varint(to, p->passages);
	for (size_t i = 0; i < p->passages; i++)
		buf_add_varint(to, p->lengths[i]);
	for (size_t i = 0; i < p->n; i = end_of_term(p, i))
		terms++;
	buf_add_varint(to, terms);
	for (size_t i = 0, end; i < p->n; i = end) {
		uint32_t before = 0;
		if (written++ % AT_A_TIME == 0)
			thread_give_way();
		end = end_of_term(p, i);
		buf_add(to, &p->items[i].term, sizeof(p->items[i].term));
		buf_add_varint(to, end - i);
		for (size_t k = i; k < end; k++) {
			ASSERT(p->items[k].passage >= before && p->items[k].passage < p->passages);
			buf_add_varint(to, p->items[k].passage - before);
			buf_add_varint(to, p->items[k].times);
			before = p->items[k].passage + 1;
		}
	}
	if (p->failed)
		to->failed = to->failed ? to->failed : -ENOMEM;
}

/* ---- reading ---- */

static uint64_t number(struct postings_reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		if (r->p == r->end)
			break;
		unsigned char c = *r->p++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	r->broken = true;
	return 0;
}

static uint32_t small_number(struct postings_reader *r)
{
	uint64_t v = number(r);

	if (v > INT32_MAX)
		r->broken = true;
	return r->broken ? 0 : (uint32_t)v;
}

int postings_open(struct str bytes, struct postings_reader *ret)
{
	struct postings_reader r = {
		.p = (const unsigned char *)bytes.p, .end = (const unsigned char *)bytes.p + bytes.n};
	uint64_t version = number(&r), language = number(&r);

	r.passages = small_number(&r);
	if (r.broken || version != VERSION || language >= LANGUAGES || r.passages > bytes.n)
		return -EBADMSG;
	r.language = (enum language)language;
	*ret = r;
	return 0;
}

uint32_t postings_length(struct postings_reader *r)
{
	return small_number(r);
}

uint32_t postings_terms(struct postings_reader *r)
{
	return small_number(r);
}

uint64_t postings_term(struct postings_reader *r, uint32_t *ret_n)
{
	uint64_t term = 0;

	ASSERT(r->p <= r->end);
	if ((size_t)(r->end - r->p) < sizeof(term)) {
		r->broken = true;
	} else {
		memcpy(&term, r->p, sizeof(term));
		r->p += sizeof(term);
	}
	*ret_n = small_number(r);
	return term;
}

struct posting postings_next(struct postings_reader *r, uint32_t before)
{
	struct posting p = {.passage = before + small_number(r)};

	ASSERT(r->p <= r->end);
	p.times = small_number(r);
	if (p.passage >= r->passages)
		r->broken = true;
	return p;
}
