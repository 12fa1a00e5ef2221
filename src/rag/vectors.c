/*
 * vectors.c - a run of rows for each document, by its id; a row is padded with zeros to what the widest kernel takes at a time, so
 * that none has an end to look after. Kernels multiply an unsigned byte by a signed one, which is what processors have: the
 * question is moved up by 128, and 128 times the sum of the row, which is kept, taken off again; so all give the same number, bit
 * by bit. The best are kept in a heap of as many as are wanted.
 */
#include "rag/vectors.h"

#include <errno.h>
#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/magic.h"

_Static_assert(VECTOR_ALIGN % 64 == 0, "the widest kernel takes as many at a time");

/* ---- the kernel ---- */

static int32_t dot_plain(const uint8_t *a, const int8_t *b, size_t n, int32_t sum)
{
	int32_t d = 0;

	for (size_t i = 0; i < n; i++)
		d += (int32_t)a[i] * b[i];
	return d - 128 * sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static int32_t dot_avx2(const uint8_t *a, const int8_t *b, size_t n, int32_t sum)
{
	__m256i acc = _mm256_setzero_si256();

	for (size_t i = 0; i < n; i += 16) {
		__m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(a + i)));
		__m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(b + i)));
		acc = _mm256_add_epi32(acc, _mm256_madd_epi16(x, y));
	}
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
	return _mm_cvtsi128_si32(s) - 128 * sum;
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static int32_t dot_vnni(
	const uint8_t *a, const int8_t *b, size_t n, int32_t sum)
{
	__m512i acc = _mm512_setzero_si512();

	for (size_t i = 0; i < n; i += 64)
		acc = _mm512_dpbusd_epi32(acc, _mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
	return _mm512_reduce_add_epi32(acc) - 128 * sum;
}
#endif

size_t vector_dots(vector_dot_fn ret[3])
{
	size_t n = 0;

	ret[n++] = dot_plain;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		ret[n++] = dot_avx2;
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
		ret[n++] = dot_vnni;
#endif
	return n;
}

/* ---- what is there ---- */

/* A document's vectors. */
struct run {
	int64_t id, text_id;
	size_t n;
	int8_t *codes; /* n rows of `width`; NULL with n 0 */
	float *scales;
	int32_t *sums;
};

struct vectors {
	unsigned magic; /* VECTORS_MAGIC */
#define VECTORS_MAGIC 0x76657473u
	size_t dims, width; /* width: padded */
	struct run *runs;   /* by id */
	size_t n, room;
	size_t count;
};

struct vectors *vectors_new(size_t dims)
{
	struct vectors *v = xcalloc(1, sizeof(*v));

	ASSERT(dims > 0);
	MAGIC_SET(v, VECTORS_MAGIC);
	v->dims = dims;
	v->width = (dims + VECTOR_ALIGN - 1) / VECTOR_ALIGN * VECTOR_ALIGN;
	return v;
}

static void run_done(struct run *r)
{
	free(r->codes);
	free(r->scales);
	free(r->sums);
}

void vectors_free(struct vectors *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++)
		run_done(&v->runs[i]);
	free(v->runs);
	MAGIC_END(v, VECTORS_MAGIC);
	free(v);
}

size_t vectors_dims(const struct vectors *v)
{
	return v->dims;
}

size_t vectors_count(const struct vectors *v)
{
	return v->count;
}

size_t vectors_bytes(const struct vectors *v)
{
	return v->count * (v->width + sizeof(float) + sizeof(int32_t)) + v->room * sizeof(*v->runs);
}

static size_t place_of(const struct vectors *v, int64_t id)
{
	size_t lo = 0, hi = v->n;

	ASSERT(v->n <= v->room);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (v->runs[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct run *find(const struct vectors *v, int64_t id)
{
	size_t at = place_of(v, id);

	return at < v->n && v->runs[at].id == id ? &v->runs[at] : NULL;
}

size_t vectors_of(const struct vectors *v, int64_t id, int64_t text_id)
{
	const struct run *r = find(v, id);

	return r && r->text_id == text_id ? r->n : 0;
}

size_t vectors_ids(const struct vectors *v, int64_t *ret, size_t max)
{
	for (size_t i = 0; i < v->n && i < max; i++)
		ret[i] = v->runs[i].id;
	return v->n;
}

/* The largest number becomes 127. */
static float encode(const float *x, size_t dims, int8_t *ret, int32_t *ret_sum)
{
	float most = 0;

	*ret_sum = 0;
	for (size_t i = 0; i < dims; i++)
		most = fmaxf(most, fabsf(x[i]));
	for (size_t i = 0; i < dims; i++) {
		ret[i] = (int8_t)(most > 0 ? lrintf(x[i] * 127 / most) : 0);
		*ret_sum += ret[i];
	}
	return most / 127;
}

static bool resize(void *array, size_t n, size_t size)
{
	void **items = array, *p = realloc(*items, MAX(n, (size_t)1) * size);

	if (p)
		*items = p;
	return p != NULL;
}

/* The document's run, behind all that has a lower id. NULL: there is no memory. */
static struct run *run_of(struct vectors *v, int64_t id)
{
	size_t at = place_of(v, id), room = v->room ? v->room * 2 : 64;

	if (at < v->n && v->runs[at].id == id)
		return &v->runs[at];
	if (v->n == v->room) {
		if (!resize(&v->runs, room, sizeof(*v->runs)))
			return NULL;
		v->room = room;
	}
	memmove(v->runs + at + 1, v->runs + at, (v->n - at) * sizeof(*v->runs));
	v->runs[at] = (struct run){.id = id};
	v->n++;
	return &v->runs[at];
}

int vectors_add(struct vectors *v, int64_t id, int64_t text_id, const float *rows, size_t n)
{
	struct run *r = run_of(v, id);

	ASSERT_IS(v, VECTORS_MAGIC);
	if (!r)
		return -ENOMEM;
	ASSERT(r->n == 0 || (r->codes && r->scales && r->sums));
	size_t from = r->text_id == text_id ? r->n : 0, all = from + n;
	/* What is left of another text stays until all of the room is there. */
	if (all > r->n && (!resize(&r->codes, all, v->width) || !resize(&r->scales, all, sizeof(*r->scales)) ||
				  !resize(&r->sums, all, sizeof(*r->sums))))
		return -ENOMEM;
	if (n > 0)
		memset(r->codes + from * v->width, 0, n * v->width);
	for (size_t i = 0; i < n; i++)
		r->scales[from + i] =
			encode(rows + i * v->dims, v->dims, r->codes + (from + i) * v->width, &r->sums[from + i]);
	ASSERT(v->count >= r->n);
	v->count = v->count - r->n + all;
	r->n = all;
	r->text_id = text_id;
	return 0;
}

void vectors_remove(struct vectors *v, int64_t id)
{
	size_t at = place_of(v, id);

	ASSERT_IS(v, VECTORS_MAGIC);
	if (at == v->n || v->runs[at].id != id)
		return;
	ASSERT(v->count >= v->runs[at].n);
	v->count -= v->runs[at].n;
	run_done(&v->runs[at]);
	v->n--;
	memmove(v->runs + at, v->runs + at + 1, (v->n - at) * sizeof(*v->runs));
}

void vectors_remove_other(struct vectors *v, int64_t id, int64_t text_id)
{
	const struct run *r = find(v, id);

	if (r && r->text_id != text_id)
		vectors_remove(v, id);
}

/* ---- searching ---- */

static bool is_nearer(const struct vector_hit *a, const struct vector_hit *b)
{
	if (a->score > b->score || a->score < b->score)
		return a->score > b->score;
	return a->document_id != b->document_id ? a->document_id < b->document_id : a->passage < b->passage;
}

static int by_rank(const void *a, const void *b)
{
	return is_nearer(a, b) ? -1 : 1;
}

/* A heap whose first is the farthest of the nearest. */
static void sink(struct vector_hit *heap, size_t n, size_t i)
{
	for (;;) {
		size_t far = i, left = 2 * i + 1, right = left + 1;
		if (left < n && is_nearer(&heap[far], &heap[left]))
			far = left;
		if (right < n && is_nearer(&heap[far], &heap[right]))
			far = right;
		if (far == i)
			return;
		struct vector_hit t = heap[i];
		heap[i] = heap[far];
		heap[far] = t;
		i = far;
	}
}

struct nearest {
	struct vector_hit *items;
	size_t n, max;
};

static void keep(struct nearest *k, const struct vector_hit *hit)
{
	if (k->n < k->max) {
		k->items[k->n++] = *hit;
		if (k->n == k->max)
			for (size_t i = k->n / 2; i-- > 0;)
				sink(k->items, k->n, i);
	} else if (is_nearer(hit, &k->items[0])) {
		k->items[0] = *hit;
		sink(k->items, k->n, 0);
	}
}

static void look(const struct vectors *v, const struct run *r, const uint8_t *query, float scale, vector_dot_fn dot,
	struct nearest *k)
{
	for (size_t i = 0; i < r->n; i++) {
		int32_t d = dot(query, r->codes + i * v->width, v->width, r->sums[i]);
		struct vector_hit hit = {r->id, r->text_id, (uint32_t)i, (float)d * scale * r->scales[i]};
		if (k->n < k->max || hit.score >= k->items[0].score)
			keep(k, &hit);
	}
}

/* The question as a row is, but moved up. Its scale. */
static float encode_query(const struct vectors *v, const float *query, int8_t *codes, uint8_t *ret)
{
	int32_t sum;
	float scale = encode(query, v->dims, codes, &sum);

	for (size_t i = 0; i < v->width; i++)
		ret[i] = (uint8_t)(codes[i] + 128);
	return scale;
}

int vectors_search(const struct vectors *v, const float *query, const int64_t *only, size_t n_only,
	struct vector_hit *ret, size_t max)
{
	int8_t *codes = calloc(2, v->width);
	uint8_t *moved = (uint8_t *)codes + v->width;
	struct nearest k = {.items = ret, .max = max};
	vector_dot_fn dots[3];
	size_t n_dots = vector_dots(dots);

	ASSERT_IS(v, VECTORS_MAGIC);
	ASSERT(v->width % VECTOR_ALIGN == 0 && v->width >= v->dims); /* what the kernels read is there */
	if (!codes)
		return -ENOMEM;
	float scale = encode_query(v, query, codes, moved);
	for (size_t i = 0; n_only == 0 && max > 0 && i < v->n; i++)
		look(v, &v->runs[i], moved, scale, dots[n_dots - 1], &k);
	for (size_t i = 0; max > 0 && i < n_only; i++) {
		const struct run *r = find(v, only[i]);
		if (r)
			look(v, r, moved, scale, dots[n_dots - 1], &k);
	}
	free(codes);
	ASSERT(k.n <= max);
	if (k.n > 1)
		qsort(ret, k.n, sizeof(*ret), by_rank);
	return (int)k.n;
}
