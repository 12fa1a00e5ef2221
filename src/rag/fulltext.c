/* fulltext.c - see fulltext.h. */
#include "rag/fulltext.h"

#include <errno.h>
#include <math.h>

#define K1 1.2
#define B  0.75

#define TABLE_FIRST 64
#define ROOM_FIRST  24 /* bytes of a term's places; a block of malloc has as many at least */

_Static_assert((TABLE_FIRST & (TABLE_FIRST - 1)) == 0, "a slot is found by bits");
_Static_assert((int)LANGUAGES <= 32, "languages are bits of a number, and a byte of a document");

struct document {
	int64_t id, text_id;
	uint32_t first, n; /* passages */
	bool gone;         /* its passages are passed over, until there are enough of them to make room */
	uint8_t language;
};

/* Where a term stands: of each passage the distance from the one before, twice, and one more where it stands there several times:
 * then how often follows. */
struct term {
	uint64_t hash; /* 0: free */
	uint8_t *p;
	uint32_t n, room;
	uint32_t passages, next; /* how many; the passage behind the last one */
};

struct fulltext {
	struct document *documents;
	size_t n_documents, documents_room;
	uint32_t *order; /* documents that are there, by id */
	size_t n_order;
	uint16_t *lengths; /* of passages */
	uint32_t *owner;   /* the document of a passage */
	size_t n_passages, passages_room, gone;
	double length; /* of all that are there */
	struct term *table;
	size_t table_size, table_used; /* a power of two */
	size_t bytes;                  /* of the terms' places */
	unsigned of_language[LANGUAGES];
};

struct fulltext *fulltext_new(void)
{
	return xcalloc(1, sizeof(struct fulltext));
}

static void clear(struct fulltext *f)
{
	for (size_t i = 0; i < f->table_size; i++)
		free(f->table[i].p);
	free(f->table);
	free(f->documents);
	free(f->order);
	free(f->lengths);
	free(f->owner);
}

void fulltext_free(struct fulltext *f)
{
	if (f)
		clear(f);
	free(f);
}

/* ---- documents ---- */

/* Where the document is in the order, or belongs. */
static size_t place_of(const struct fulltext *f, int64_t id)
{
	size_t lo = 0, hi = f->n_order;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (f->documents[f->order[mid]].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct document *find(const struct fulltext *f, int64_t id)
{
	size_t at = place_of(f, id);

	return at < f->n_order && f->documents[f->order[at]].id == id ? &f->documents[f->order[at]] : NULL;
}

int64_t fulltext_text_of(const struct fulltext *f, int64_t id)
{
	const struct document *d = find(f, id);

	return d ? d->text_id : 0;
}

size_t fulltext_ids(const struct fulltext *f, int64_t *ret, size_t max)
{
	for (size_t i = 0; i < f->n_order && i < max; i++)
		ret[i] = f->documents[f->order[i]].id;
	return f->n_order;
}

size_t fulltext_passages(const struct fulltext *f)
{
	ASSERT(f->gone <= f->n_passages);
	return f->n_passages - f->gone;
}

size_t fulltext_bytes(const struct fulltext *f)
{
	return f->bytes + f->table_size * sizeof(*f->table) + f->passages_room * 6 +
	       f->documents_room * (sizeof(*f->documents) + sizeof(*f->order));
}

unsigned fulltext_languages(const struct fulltext *f)
{
	unsigned bits = 0;

	for (int l = 0; l < LANGUAGES; l++)
		bits |= f->of_language[l] ? 1u << l : 0;
	return bits;
}

void fulltext_documents(const struct fulltext *f, size_t of[LANGUAGES])
{
	for (int l = 0; l < LANGUAGES; l++)
		of[l] += f->of_language[l];
}

static bool resize(void *array, size_t n, size_t size)
{
	void **items = array, *p = realloc(*items, n * size);

	if (p)
		*items = p;
	return p != NULL;
}

/* Room for one more document and `n` passages. */
static bool make_room(struct fulltext *f, size_t n)
{
	size_t documents = f->documents_room ? f->documents_room * 2 : 64;
	size_t passages = MAX(f->passages_room + f->passages_room / 2, f->n_passages + n);

	if (f->n_passages + n > INT32_MAX)
		return false;
	if (f->n_documents == f->documents_room) {
		if (!resize(&f->documents, documents, sizeof(*f->documents)) ||
			!resize(&f->order, documents, sizeof(*f->order)))
			return false;
		f->documents_room = documents;
	}
	if (f->n_passages + n > f->passages_room) {
		if (!resize(&f->lengths, passages, sizeof(*f->lengths)) ||
			!resize(&f->owner, passages, sizeof(*f->owner)))
			return false;
		f->passages_room = passages;
	}
	return true;
}

static void drop(struct fulltext *f, size_t at)
{
	struct document *d = &f->documents[f->order[at]];

	ASSERT(!d->gone && at < f->n_order);
	for (uint32_t i = d->first; i < d->first + d->n; i++)
		f->length -= f->lengths[i];
	f->gone += d->n;
	ASSERT(f->of_language[d->language] > 0);
	f->of_language[d->language]--;
	d->gone = true;
	f->n_order--;
	memmove(f->order + at, f->order + at + 1, (f->n_order - at) * sizeof(*f->order));
}

/* ---- terms ---- */

static struct term *slot_of(struct term *table, size_t size, uint64_t hash)
{
	size_t i = hash & (size - 1);

	while (table[i].hash && table[i].hash != hash)
		i = (i + 1) & (size - 1);
	return &table[i];
}

static bool make_slots(struct fulltext *f)
{
	size_t size = f->table_size ? f->table_size * 2 : TABLE_FIRST;
	struct term *more;

	if (f->table_used * 3 < f->table_size * 2)
		return true;
	more = calloc(size, sizeof(*more));
	if (!more)
		return false;
	for (size_t i = 0; i < f->table_size; i++)
		if (f->table[i].hash)
			*slot_of(more, size, f->table[i].hash) = f->table[i];
	free(f->table);
	f->table = more;
	f->table_size = size;
	return true;
}

static void add_number(struct term *t, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		t->p[t->n++] = (uint8_t)(v | 0x80);
	t->p[t->n++] = (uint8_t)v;
}

static uint32_t size_of(uint32_t v)
{
	uint32_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* There is room for it. */
static void write_place(struct term *t, uint32_t passage, uint32_t times)
{
	add_number(t, (passage - t->next) * 2 + (times > 1));
	if (times > 1)
		add_number(t, times);
	ASSERT(t->n <= t->room);
	t->next = passage + 1;
	t->passages++;
}

/* Most terms stand in a few passages: what malloc gives at least is enough for them. */
static bool add_place(struct fulltext *f, struct term *t, uint32_t passage, uint32_t times)
{
	uint32_t more = size_of((passage - t->next) * 2 + 1) + (times > 1 ? size_of(times) : 0);

	if (t->n + more > t->room) {
		uint32_t room = t->room ? t->room + t->room / 4 + more : ROOM_FIRST;
		uint8_t *p = t->n < UINT32_MAX / 4 ? realloc(t->p, room) : NULL;
		if (!p)
			return false;
		f->bytes += room - t->room;
		t->p = p;
		t->room = room;
	}
	write_place(t, passage, times);
	return true;
}

static uint32_t read_number(const uint8_t **p)
{
	uint32_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t c = *(*p)++;
		v |= (uint32_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
}

/* The next place behind `passage`, which becomes it; returns how often. */
static uint32_t read_place(const uint8_t **p, uint32_t *passage)
{
	uint32_t v = read_number(p);

	*passage += v / 2;
	return v & 1 ? read_number(p) : 1;
}

/* ---- putting ---- */

/* Whether all can be read, before any of it is added. */
static int check(struct str bytes, struct postings_reader *ret)
{
	struct postings_reader r;
	int s = postings_open(bytes, &r);

	if (s < 0)
		return s;
	*ret = r;
	for (uint32_t i = 0; i < r.passages && !r.broken; i++)
		(void)postings_length(&r);
	for (uint32_t k = postings_terms(&r); k > 0 && !r.broken; k--) {
		uint32_t n, before = 0;
		if (postings_term(&r, &n) == 0)
			r.broken = true;
		for (; n > 0 && !r.broken; n--)
			before = postings_next(&r, before).passage + 1;
	}
	return r.broken ? -EBADMSG : 0;
}

static bool add_terms(struct fulltext *f, struct postings_reader *r)
{
	uint32_t first = (uint32_t)f->n_passages;

	for (uint32_t k = postings_terms(r); k > 0; k--) {
		uint32_t n, before = 0;
		uint64_t hash = postings_term(r, &n);
		if (!make_slots(f))
			return false;
		struct term *t = slot_of(f->table, f->table_size, hash);
		if (!t->hash) {
			t->hash = hash;
			f->table_used++;
		}
		for (; n > 0; n--) {
			struct posting p = postings_next(r, before);
			if (!add_place(f, t, first + p.passage, p.times))
				return false;
			before = p.passage + 1;
		}
	}
	return true;
}

/* Makes an index of what is there, without what is gone. */
static void compact(struct fulltext *f);

int fulltext_put(struct fulltext *f, int64_t id, int64_t text_id, struct str bytes)
{
	struct postings_reader r;
	int s = check(bytes, &r);
	bool whole;

	if (s < 0)
		return s;
	if (!make_room(f, r.passages))
		return -ENOMEM;
	struct document d = {.id = id, .text_id = text_id, .first = (uint32_t)f->n_passages, .n = r.passages};
	d.language = (uint8_t)r.language;
	for (uint32_t i = 0; i < d.n; i++) {
		uint32_t n = postings_length(&r);
		f->lengths[d.first + i] = (uint16_t)MIN(n, (uint32_t)UINT16_MAX);
		f->owner[d.first + i] = (uint32_t)f->n_documents;
		f->length += f->lengths[d.first + i];
	}
	whole = add_terms(f, &r);
	f->n_passages += d.n;
	f->documents[f->n_documents++] = d;
	f->of_language[d.language]++;
	size_t at = place_of(f, id);
	bool before = at < f->n_order && f->documents[f->order[at]].id == id;
	if (before && whole)
		drop(f, at);
	if (!before || whole) {
		memmove(f->order + at + 1, f->order + at, (f->n_order - at) * sizeof(*f->order));
		f->order[at] = (uint32_t)f->n_documents - 1;
		f->n_order++;
	}
	if (!whole) { /* half of its terms are there: as if it were gone */
		if (!before)
			drop(f, at);
		return -ENOMEM;
	}
	compact(f);
	return 0;
}

void fulltext_remove(struct fulltext *f, int64_t id)
{
	size_t at = place_of(f, id);

	if (at < f->n_order && f->documents[f->order[at]].id == id) {
		drop(f, at);
		compact(f);
	}
}

static bool is_gone(const struct fulltext *f, uint32_t passage)
{
	return f->documents[f->owner[passage]].gone;
}

/* New numbers of passages, in the order in which they stand; UINT32_MAX: it is gone. */
static uint32_t *renumber(const struct fulltext *f)
{
	uint32_t *to = malloc(MAX(f->n_passages, (size_t)1) * sizeof(*to)), n = 0;

	for (uint32_t i = 0; to && i < f->n_passages; i++)
		to[i] = is_gone(f, i) ? UINT32_MAX : n++;
	return to;
}

/* In place: what stays is never longer than what it was. */
static void compact_term(struct term *t, const uint32_t *to)
{
	struct term now = {.hash = t->hash, .p = t->p, .room = t->room};
	const uint8_t *p = t->p, *end = t->p + t->n;
	uint32_t passage = 0;

	while (p < end) {
		uint32_t times = read_place(&p, &passage), at = to[passage++];
		if (at != UINT32_MAX)
			write_place(&now, at, times);
	}
	*t = now;
}

static void compact(struct fulltext *f)
{
	size_t kept = 0, n = 0;
	uint32_t *to;

	if (f->gone < 1000 || f->gone < f->n_passages / 4)
		return;
	to = renumber(f);
	if (!to)
		return; /* without memory: later */
	for (size_t i = 0; i < f->table_size; i++)
		if (f->table[i].hash)
			compact_term(&f->table[i], to);
	for (size_t i = 0; i < f->n_documents; i++) {
		struct document *d = &f->documents[i];
		if (d->gone)
			continue;
		for (uint32_t k = 0; k < d->n; k++) {
			f->lengths[kept + k] = f->lengths[d->first + k];
			f->owner[kept + k] = (uint32_t)n;
		}
		d->first = (uint32_t)kept;
		kept += d->n;
		f->order[place_of(f, d->id)] = (uint32_t)n;
		f->documents[n++] = *d;
	}
	ASSERT(n == f->n_order && kept + f->gone == f->n_passages);
	f->n_documents = n;
	f->n_passages = kept;
	f->gone = 0;
	free(to);
}

/* ---- searching ---- */

static const struct term *term_of(const struct fulltext *f, uint64_t hash)
{
	const struct term *t = f->table_size ? slot_of(f->table, f->table_size, hash) : NULL;

	return t && t->hash ? t : NULL;
}

static uint32_t count_there(const struct fulltext *f, const struct term *t)
{
	const uint8_t *p = t->p, *end = t->p + t->n;
	uint32_t passage = 0, n = 0;

	if (f->gone == 0)
		return t->passages;
	while (p < end) {
		(void)read_place(&p, &passage);
		n += !is_gone(f, passage++);
	}
	return n;
}

void fulltext_count(const struct fulltext *f, const uint64_t *terms, size_t n, struct fulltext_stats *to)
{
	to->passages += (double)fulltext_passages(f);
	to->length += f->length;
	for (size_t i = 0; i < n; i++) {
		const struct term *t = term_of(f, terms[i]);
		to->with[i] += t ? count_there(f, t) : 0;
	}
}

static double weight_of(const struct fulltext_stats *s, size_t i)
{
	return log(1 + (s->passages - s->with[i] + 0.5) / (s->with[i] + 0.5));
}

double fulltext_once(const struct fulltext_stats *s, size_t i)
{
	return weight_of(s, i);
}

/* Adds the term's weight to each passage that has it. */
static void score_term(const struct fulltext *f, const struct term *t, double idf, double mean, float *scores)
{
	const uint8_t *p = t->p, *end = t->p + t->n;
	uint32_t passage = 0;

	while (p < end) {
		double times = read_place(&p, &passage);
		double norm = K1 * (1 - B + B * f->lengths[passage] / mean);
		scores[passage++] += (float)(idf * times * (K1 + 1) / (times + norm));
	}
}

/* Which documents are looked at: a byte for each. */
static uint8_t *choose(const struct fulltext *f, const int64_t *only, size_t n_only)
{
	uint8_t *chosen = calloc(MAX(f->n_documents, (size_t)1), 1);

	if (!chosen)
		return NULL;
	for (size_t i = 0; n_only == 0 && i < f->n_order; i++)
		chosen[f->order[i]] = 1;
	for (size_t i = 0; i < n_only; i++) {
		const struct document *d = find(f, only[i]);
		if (d)
			chosen[d - f->documents] = 1;
	}
	return chosen;
}

/* By score, then by document and place: so that the same question has the same answer wherever documents stand in memory. */
static bool is_better(const struct fulltext_hit *a, const struct fulltext_hit *b)
{
	if (a->score > b->score || a->score < b->score)
		return a->score > b->score;
	return a->document_id != b->document_id ? a->document_id < b->document_id : a->passage < b->passage;
}

/* A heap whose first is the worst of the best. */
static void sink(struct fulltext_hit *heap, size_t n, size_t i)
{
	for (;;) {
		size_t worst = i, left = 2 * i + 1, right = left + 1;
		if (left < n && is_better(&heap[worst], &heap[left]))
			worst = left;
		if (right < n && is_better(&heap[worst], &heap[right]))
			worst = right;
		if (worst == i)
			return;
		struct fulltext_hit t = heap[i];
		heap[i] = heap[worst];
		heap[worst] = t;
		i = worst;
	}
}

static int by_rank(const void *a, const void *b)
{
	return is_better(a, b) ? -1 : 1;
}

static size_t keep_best(
	const struct fulltext *f, const float *scores, const uint8_t *chosen, struct fulltext_hit *ret, size_t max)
{
	size_t n = 0;

	for (uint32_t i = 0; i < f->n_passages; i++) {
		const struct document *d = &f->documents[f->owner[i]];
		if (scores[i] <= 0 || !chosen[f->owner[i]])
			continue;
		struct fulltext_hit hit = {d->id, d->text_id, i - d->first, d->language, scores[i]};
		if (n < max) {
			ret[n++] = hit;
			if (n == max)
				for (size_t k = n / 2; k-- > 0;)
					sink(ret, n, k);
		} else if (is_better(&hit, &ret[0])) {
			ret[0] = hit;
			sink(ret, n, 0);
		}
	}
	if (n > 1)
		qsort(ret, n, sizeof(*ret), by_rank);
	return n;
}

int fulltext_search(const struct fulltext *f, const uint64_t *terms, size_t n, const struct fulltext_stats *stats,
	const int64_t *only, size_t n_only, struct fulltext_hit *ret, size_t max)
{
	float *scores = calloc(MAX(f->n_passages, (size_t)1), sizeof(*scores));
	uint8_t *chosen = choose(f, only, n_only);
	double mean = MAX(stats->length / MAX(stats->passages, 1), 1);
	int r = -ENOMEM;

	for (size_t i = 0; scores && i < n; i++) {
		const struct term *t = term_of(f, terms[i]);
		if (t && stats->with[i] > 0)
			score_term(f, t, weight_of(stats, i), mean, scores);
	}
	if (scores && chosen)
		r = (int)keep_best(f, scores, chosen, ret, max);
	free(chosen);
	free(scores);
	return r;
}
