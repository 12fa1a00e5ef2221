/*
 * fulltext.c - each document that is put becomes a part of its own, behind the others (terms.h); parts are merged so that each is
 * at least twice as large as the next one, as of a log-structured tree: then there are few to ask, and a term is written anew only
 * as often as what it lies in doubles. A document that goes is only marked, and its passages are passed over until a quarter of all
 * are gone. Passages are numbered over the whole index, so that lengths and owners are plain arrays. Bytes are gone through before
 * any of them is added, for what reads parts trusts them.
 */
#include "rag/fulltext.h"

#include <errno.h>
#include <math.h>

#include "rag/terms.h"

#define K1 1.2
#define B  0.75

#define TERM_BYTES ((size_t)1 << 32) /* of one term of a part */
#define PARTS_MAX  64                /* each is twice as large as the next one */

_Static_assert((int)LANGUAGES <= 31, "languages are bits of a number, and a byte of a document");

struct document {
	int64_t id, text_id, version;
	uint32_t first, n; /* passages */
	bool gone;         /* its passages are passed over, until there are enough of them to make room */
	uint8_t language;
};

struct fulltext {
	struct document *documents;
	size_t n_documents, documents_room;
	uint32_t *order; /* documents that are there, by id */
	size_t n_order;
	uint16_t *lengths; /* of passages */
	uint32_t *owner;   /* the document of a passage */
	size_t n_passages, passages_room, gone;
	double length;                  /* of all that are there */
	struct terms *parts[PARTS_MAX]; /* in the order of their passages */
	size_t n_parts;
	const char *folder;
	unsigned of_language[LANGUAGES];
	unsigned before; /* documents whose terms are of an older version */
};

struct fulltext *fulltext_new(const char *folder)
{
	struct fulltext *f = xcalloc(1, sizeof(*f));

	f->folder = folder;
	return f;
}

static void clear(struct fulltext *f)
{
	for (size_t i = 0; i < f->n_parts; i++)
		terms_free(f->parts[i]);
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

	ASSERT(f->n_order <= f->n_documents);
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

int64_t fulltext_version_of(const struct fulltext *f, int64_t id)
{
	const struct document *d = find(f, id);

	return d ? d->version : 0;
}

size_t fulltext_ids(const struct fulltext *f, int64_t *ret, size_t max)
{
	for (size_t i = 0; i < f->n_order && i < max; i++)
		ret[i] = f->documents[f->order[i]].id;
	return f->n_order;
}

static int by_text(const void *a, const void *b)
{
	const struct fulltext_text *x = a, *y = b;

	if (x->text_id != y->text_id)
		return x->text_id < y->text_id ? -1 : 1;
	return (x->document_id > y->document_id) - (x->document_id < y->document_id);
}

size_t fulltext_texts(const struct fulltext *f, const int64_t *only, size_t n_only, struct fulltext_text *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < (n_only ? n_only : f->n_order); i++) {
		const struct document *d = n_only ? find(f, only[i]) : &f->documents[f->order[i]];
		if (d)
			ret[n++] = (struct fulltext_text){d->text_id, d->id};
	}
	if (n > 1)
		qsort(ret, n, sizeof(*ret), by_text);
	return n;
}

size_t fulltext_passages(const struct fulltext *f)
{
	ASSERT(f->gone <= f->n_passages);
	return f->n_passages - f->gone;
}

size_t fulltext_bytes(const struct fulltext *f)
{
	size_t bytes = sizeof(*f) + f->passages_room * (sizeof(*f->lengths) + sizeof(*f->owner)) +
		       f->documents_room * (sizeof(*f->documents) + sizeof(*f->order));

	for (size_t i = 0; i < f->n_parts; i++)
		bytes += terms_memory(f->parts[i]);
	return bytes;
}

unsigned fulltext_languages(const struct fulltext *f)
{
	unsigned bits = 0;

	for (int l = 0; l < LANGUAGES; l++)
		bits |= f->of_language[l] ? 1u << l : 0;
	return bits | (f->before ? WORDS_BEFORE : 0);
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

	ASSERT(!d->gone && at < f->n_order && d->first + d->n <= f->n_passages);
	for (uint32_t i = d->first; i < d->first + d->n; i++)
		f->length -= f->lengths[i];
	f->gone += d->n;
	ASSERT(f->of_language[d->language] > 0);
	f->of_language[d->language]--;
	f->before -= d->version < WORDS_VERSION;
	d->gone = true;
	f->n_order--;
	memmove(f->order + at, f->order + at + 1, (f->n_order - at) * sizeof(*f->order));
}

/* ---- terms ---- */

/* Each part stays at least twice as large as the next one, so that there are few of them, and a place is written anew only as
 * often as what it lies in doubles. What cannot be merged now, for want of memory, is with the next one. */
static void settle(struct fulltext *f)
{
	ASSERT(f->n_parts <= PARTS_MAX);
	while (f->n_parts >= 2) {
		struct terms **last = &f->parts[f->n_parts - 2], *one;
		if (terms_size(last[0]) >= 2 * terms_size(last[1]) || terms_merge(last, 2, NULL, f->folder, &one) < 0)
			return;
		terms_free(last[0]);
		terms_free(last[1]);
		last[0] = one;
		f->n_parts--;
	}
}

/* ---- putting ---- */

/* Whether all can be read, before any of it is added. */
static int check(struct str bytes, struct postings_reader *ret)
{
	struct postings_reader r;
	uint64_t last = 0;
	int s = postings_open(bytes, &r);

	if (s < 0)
		return s;
	*ret = r;
	for (uint32_t i = 0; i < r.passages && !r.broken; i++)
		(void)postings_length(&r);
	for (uint32_t k = postings_terms(&r); k > 0 && !r.broken; k--) {
		uint32_t n, before = 0;
		uint64_t hash = postings_term(&r, &n);
		r.broken |= hash <= last;
		last = hash;
		for (; n > 0 && !r.broken; n--)
			before = postings_next(&r, before).passage + 1;
	}
	return r.broken ? -EBADMSG : 0;
}

/* Makes room of what is gone. */
static void compact(struct fulltext *f);

/* Behind the others, in place of what the document had. */
static void show(struct fulltext *f, const struct document *d)
{
	size_t at = place_of(f, d->id);

	ASSERT(f->n_documents < f->documents_room && f->n_passages + d->n <= f->passages_room);
	ASSERT(d->first == f->n_passages && !d->gone);
	ASSERT(d->language < LANGUAGES); /* which of_language is counted by */
	if (at < f->n_order && f->documents[f->order[at]].id == d->id)
		drop(f, at);
	memmove(f->order + at + 1, f->order + at, (f->n_order - at) * sizeof(*f->order));
	f->order[at] = (uint32_t)f->n_documents;
	f->n_order++;
	f->documents[f->n_documents++] = *d;
	f->n_passages += d->n;
	f->of_language[d->language]++;
	f->before += d->version < WORDS_VERSION;
}

int fulltext_put(struct fulltext *f, int64_t id, int64_t text_id, int64_t version, struct str bytes)
{
	struct postings_reader r;
	int s = check(bytes, &r);

	if (s < 0)
		return s;
	if (f->n_parts == PARTS_MAX || !make_room(f, r.passages))
		return -ENOMEM;
	struct document d = {.id = id,
		.text_id = text_id,
		.version = version,
		.first = (uint32_t)f->n_passages,
		.n = r.passages,
		.language = (uint8_t)r.language};
	double length = 0;
	for (uint32_t i = 0; i < d.n; i++) {
		uint32_t n = postings_length(&r);
		f->lengths[d.first + i] = (uint16_t)MIN(n, (uint32_t)UINT16_MAX);
		f->owner[d.first + i] = (uint32_t)f->n_documents;
		length += f->lengths[d.first + i];
	}
	struct terms *terms = terms_new(&r, d.first);
	if (!terms)
		return -ENOMEM;
	f->parts[f->n_parts++] = terms;
	f->length += length;
	show(f, &d);
	settle(f);
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
	ASSERT(passage < f->n_passages && f->owner[passage] < f->n_documents);
	return f->documents[f->owner[passage]].gone;
}

/* New numbers of passages, in the order in which they stand. */
static uint32_t *renumber(const struct fulltext *f)
{
	uint32_t *to = malloc(MAX(f->n_passages, (size_t)1) * sizeof(*to)), n = 0;

	for (uint32_t i = 0; to && i < f->n_passages; i++)
		to[i] = is_gone(f, i) ? PASSAGE_GONE : n++;
	return to;
}

static void compact(struct fulltext *f)
{
	size_t kept = 0, n = 0;
	struct terms *one;
	uint32_t *to;

	if (f->gone < 1000 || f->gone < f->n_passages / 4)
		return;
	to = renumber(f);
	if (!to || terms_merge(f->parts, f->n_parts, to, f->folder, &one) < 0) {
		free(to);
		return; /* without memory: later */
	}
	while (f->n_parts)
		terms_free(f->parts[--f->n_parts]);
	f->parts[f->n_parts++] = one;
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

/* In how many passages the term stands that are there. */
static int count_there(const struct fulltext *f, uint64_t hash, struct buf *scratch, double *ret)
{
	for (size_t i = 0; i < f->n_parts; i++) {
		struct places p;
		uint32_t passage, times;
		int r = terms_find(f->parts[i], hash, scratch, &p);
		if (r < 0)
			return r;
		if (r > 0 && f->gone == 0)
			*ret += p.passages;
		while (r > 0 && f->gone && places_next(&p, &passage, &times))
			*ret += !is_gone(f, passage);
	}
	return 0;
}

int fulltext_count(const struct fulltext *f, const uint64_t *terms, size_t n, struct fulltext_stats *to)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT(TERM_BYTES);
	int r = 0;

	ASSERT(to->passages >= 0 && n <= FULLTEXT_TERMS);
	to->passages += (double)fulltext_passages(f);
	to->length += f->length;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = count_there(f, terms[i], &scratch, &to->with[i]);
	return r;
}

double fulltext_once(const struct fulltext_stats *s, size_t i)
{
	ASSERT(i < FULLTEXT_TERMS);
	return log(1 + (s->passages - s->with[i] + 0.5) / (s->with[i] + 0.5));
}

/* Adds the term's weight to each passage that has it. */
static int score_term(
	const struct fulltext *f, uint64_t hash, double idf, double mean, struct buf *scratch, float *scores)
{
	for (size_t i = 0; i < f->n_parts; i++) {
		struct places p;
		uint32_t passage, times;
		int r = terms_find(f->parts[i], hash, scratch, &p);
		if (r < 0)
			return r;
		while (r > 0 && places_next(&p, &passage, &times)) {
			ASSERT(passage < f->n_passages);
			double norm = K1 * (1 - B + B * f->lengths[passage] / mean);
			scores[passage] += (float)(idf * times * (K1 + 1) / (times + norm));
		}
	}
	return 0;
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
	ASSERT(n <= max);
	if (n > 1)
		qsort(ret, n, sizeof(*ret), by_rank);
	return n;
}

int fulltext_search(const struct fulltext *f, const uint64_t *terms, size_t n, const struct fulltext_stats *stats,
	const int64_t *only, size_t n_only, struct fulltext_hit *ret, size_t max)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT(TERM_BYTES);
	float *scores = calloc(MAX(f->n_passages, (size_t)1), sizeof(*scores));
	uint8_t *chosen = choose(f, only, n_only);
	double mean = MAX(stats->length / MAX(stats->passages, 1), 1);
	int r = scores && chosen ? 0 : -ENOMEM;

	ASSERT(n <= FULLTEXT_TERMS && max > 0); /* the first of the heap is looked at */
	for (size_t i = 0; r == 0 && i < n; i++)
		if (stats->with[i] > 0)
			r = score_term(f, terms[i], fulltext_once(stats, i), mean, &scratch, scores);
	if (r == 0)
		r = (int)keep_best(f, scores, chosen, ret, max);
	free(chosen);
	free(scores);
	return r;
}
