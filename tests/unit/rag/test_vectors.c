/* The nearest by vectors: each kernel says the same, the nearest are those of an exact search, filters and changes count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rag/vectors.h"

#define DIMS 100 /* no multiple of anything */
#define EACH 25
#define DOCS 80

static uint32_t seed = 11;
static float rows[DOCS][EACH][DIMS];

static float number(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (float)(int32_t)seed / 2147483648.0f;
}

static void make_unit(float *x)
{
	double sum = 0;

	for (int i = 0; i < DIMS; i++)
		sum += (double)x[i] * x[i];
	for (int i = 0; i < DIMS; i++)
		x[i] = (float)(x[i] / sqrt(sum));
}

/* In a narrow cone, as some models have them: what tells two apart is small. */
static void fill(float *x)
{
	for (int i = 0; i < DIMS; i++)
		x[i] = 1.0f + 0.4f * number();
	make_unit(x);
}

static double dot(const float *a, const float *b)
{
	double sum = 0;

	for (int i = 0; i < DIMS; i++)
		sum += (double)a[i] * b[i];
	return sum;
}

static void test_kernels(void **state UNUSED)
{
	_Alignas(64) uint8_t a[256];
	_Alignas(64) int8_t b[256];
	vector_dot_fn dots[3];
	size_t n = vector_dots(dots);
	int32_t sum = 0;

	for (int i = 0; i < 256; i++) {
		a[i] = (uint8_t)(i % 3 == 0 ? 255 : i % 5 == 0 ? 1 : i);
		b[i] = (int8_t)(i % 4 == 0 ? -127 : i % 7 == 0 ? 127 : i - 128);
		sum += b[i];
	}
	int32_t want = 0;
	for (int i = 0; i < 256; i++)
		want += ((int32_t)a[i] - 128) * b[i];
	assert_true(n >= 1);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(dots[k](a, b, 256, sum), want);
}

static void test_recall(void **state UNUSED)
{
	struct vectors *v = vectors_new(DIMS);
	int hits = 0, all = 0;

	for (int d = DOCS - 1; d >= 0; d--) {
		for (int i = 0; i < EACH; i++)
			fill(rows[d][i]);
		assert_int_equal(vectors_add(v, d + 1, 100 + d, rows[d][0], EACH), 0);
	}
	assert_int_equal(vectors_count(v), DOCS * EACH);
	for (int q = 0; q < 40; q++) {
		float query[DIMS];
		struct vector_hit found[50];
		double tenth = -1;
		int better;
		fill(query);
		assert_int_equal(vectors_search(v, query, NULL, 0, found, 50), 50);
		/* The exact tenth best of all; of the ten best, those among the 50 found count. */
		double best[10];
		for (int k = 0; k < 10; k++) {
			double most = -1;
			for (int d = 0; d < DOCS; d++)
				for (int i = 0; i < EACH; i++) {
					double s = dot(query, rows[d][i]);
					if (s > most && (k == 0 || s < best[k - 1]))
						most = s;
				}
			best[k] = tenth = most;
		}
		better = 0;
		for (int i = 0; i < 50; i++) {
			double s = dot(query, rows[found[i].document_id - 1][found[i].passage]);
			assert_true(fabs(s - found[i].score) < 0.01);
			better += s >= tenth;
		}
		hits += better;
		all += 10;
	}
	assert_true(hits >= all * 99 / 100);
	vectors_free(v);
}

static void test_changes(void **state UNUSED)
{
	struct vectors *v = vectors_new(DIMS);
	struct vector_hit found[10];
	float one[DIMS] = {1}, two[2 * DIMS] = {0, 1};
	const int64_t only[] = {3, 5};

	two[DIMS] = 1;
	assert_int_equal(vectors_search(v, one, NULL, 0, found, 10), 0);
	assert_int_equal(vectors_add(v, 5, 50, two, 2), 0);
	assert_int_equal(vectors_add(v, 4, 40, one, 1), 0);
	assert_int_equal(vectors_search(v, one, NULL, 0, found, 10), 3);
	assert_int_equal(found[0].document_id, 4); /* equal ones in the order of documents */
	assert_int_equal(found[1].document_id, 5);
	assert_int_equal(found[1].passage, 1);
	assert_int_equal(vectors_search(v, one, only, 2, found, 10), 2);
	assert_int_equal(vectors_add(v, 5, 51, one, 1), 0);
	assert_int_equal(vectors_of(v, 5, 51), 1);
	assert_int_equal(vectors_of(v, 5, 50), 0);
	assert_int_equal(vectors_count(v), 2);
	vectors_remove(v, 4);
	vectors_remove(v, 4);
	assert_int_equal(vectors_of(v, 4, 40), 0);
	assert_int_equal(vectors_search(v, one, NULL, 0, found, 10), 1);
	assert_int_equal(vectors_search(v, one, NULL, 0, found, 0), 0);
	vectors_free(v);
}

/* What comes in pieces is as if it had come at once. */
static void test_pieces(void **state UNUSED)
{
	struct vectors *at_once = vectors_new(DIMS), *in_pieces = vectors_new(DIMS);
	struct vector_hit a[EACH], b[EACH];
	int64_t ids[2] = {0};

	for (int i = 0; i < EACH; i++)
		fill(rows[0][i]);
	assert_int_equal(vectors_add(at_once, 7, 70, rows[0][0], EACH), 0);
	assert_int_equal(vectors_add(in_pieces, 7, 70, rows[0][0], 10), 0);
	assert_int_equal(vectors_of(in_pieces, 7, 70), 10);
	assert_int_equal(vectors_add(in_pieces, 7, 70, rows[0][10], EACH - 10), 0);
	assert_int_equal(vectors_add(in_pieces, 7, 70, NULL, 0), 0);
	assert_int_equal(vectors_of(in_pieces, 7, 70), EACH);
	assert_int_equal(vectors_count(in_pieces), EACH);
	assert_int_equal(vectors_search(at_once, rows[0][3], NULL, 0, a, EACH), EACH);
	assert_int_equal(vectors_search(in_pieces, rows[0][3], NULL, 0, b, EACH), EACH);
	for (int i = 0; i < EACH; i++)
		assert_int_equal(a[i].passage, b[i].passage);
	/* Of another text none are left. */
	assert_int_equal(vectors_add(in_pieces, 7, 71, rows[0][0], 1), 0);
	assert_int_equal(vectors_count(in_pieces), 1);
	assert_int_equal(vectors_add(in_pieces, 6, 60, NULL, 0), 0);
	assert_int_equal(vectors_ids(in_pieces, ids, 2), 2);
	assert_int_equal(ids[0], 6);
	assert_int_equal(ids[1], 7);
	vectors_free(at_once);
	vectors_free(in_pieces);
}

static void test_other_text(void **state UNUSED)
{
	struct vectors *v = vectors_new(DIMS);
	struct vector_hit hit;

	fill(rows[0][0]);
	assert_int_equal(vectors_add(v, 1, 101, rows[0][0], 1), 0);
	vectors_remove_other(v, 1, 101);
	vectors_remove_other(v, 2, 101); /* which is not there */
	assert_int_equal(vectors_search(v, rows[0][0], NULL, 0, &hit, 1), 1);
	assert_int_equal(hit.text_id, 101);
	vectors_remove_other(v, 1, 102);
	assert_int_equal(vectors_search(v, rows[0][0], NULL, 0, &hit, 1), 0);
	assert_int_equal(vectors_count(v), 0);
	vectors_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernels), cmocka_unit_test(test_recall),
		cmocka_unit_test(test_changes), cmocka_unit_test(test_pieces), cmocka_unit_test(test_other_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
