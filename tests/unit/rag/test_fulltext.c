/* The index in memory: against the plain formula, through changes, and with bytes that are damaged. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rag/fulltext.h"

#define DOCUMENTS 40
#define PASSAGES  6
#define WORDS     12 /* of a passage */
#define KINDS     30 /* of words */

static int words_of[DOCUMENTS][PASSAGES][WORDS];
static uint32_t seed = 7;

static int below(int n)
{
	seed = seed * 1664525u + 1013904223u;
	return (int)((seed >> 8) % (uint32_t)n);
}

static void make_bytes(int d, struct buf *to)
{
	CLEANUP(words_freep) struct words *w = words_new();
	CLEANUP(postings_freep) struct postings *p = postings_new(LANGUAGE_NONE);

	for (int i = 0; i < PASSAGES; i++) {
		char text[WORDS * 8];
		int n = 0;
		for (int k = 0; k < WORDS; k++) {
			words_of[d][i][k] = below(below(KINDS) + 1);
			n += snprintf(text + n, sizeof(text) - (size_t)n, "w%d ", words_of[d][i][k]);
		}
		postings_add(p, w, STR(""), (struct str){text, (size_t)n});
	}
	postings_write(p, to);
	assert_int_equal(buf_status(to), 0);
}

static void put(struct fulltext *f, int d)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	make_bytes(d, &b);
	assert_int_equal(fulltext_put(f, d + 1, 1000 + d, WORDS_VERSION, buf_str(&b)), 0);
}

/* The plain formula over what is there (`gone`: a bit for each document). */
static double plain(const int *asked, int n, uint64_t gone, int d, int i)
{
	double all = 0, sum = 0;

	for (int x = 0; x < DOCUMENTS; x++)
		all += gone >> x & 1 ? 0 : PASSAGES;
	for (int q = 0; q < n; q++) {
		int with = 0, times = 0;
		for (int x = 0; x < DOCUMENTS; x++)
			for (int y = 0; y < PASSAGES && !(gone >> x & 1); y++) {
				bool has = false;
				for (int k = 0; k < WORDS; k++)
					has |= words_of[x][y][k] == asked[q];
				with += has;
			}
		for (int k = 0; k < WORDS; k++)
			times += words_of[d][i][k] == asked[q];
		sum += log(1 + (all - with + 0.5) / (with + 0.5)) * times * 2.2 / (times + 1.2);
	}
	return sum;
}

static void compare(const struct fulltext *f, uint64_t gone)
{
	static struct fulltext_hit hits[DOCUMENTS * PASSAGES];
	CLEANUP(words_freep) struct words *w = words_new();
	struct fulltext_stats stats = {.passages = 0};
	uint64_t terms[8];
	char text[64];
	int asked[3] = {3, 11, 23}, n;

	snprintf(text, sizeof(text), "w%d w%d w%d", asked[0], asked[1], asked[2]);
	assert_int_equal(words_ask(w, 1, str_from(text), terms, 8), 3);
	assert_int_equal(fulltext_count(f, terms, 3, &stats), 0);
	n = fulltext_search(f, terms, 3, &stats, NULL, 0, hits, DOCUMENTS * PASSAGES);
	assert_true(n > 10);
	for (int i = 0; i < n; i++) {
		int d = (int)hits[i].document_id - 1;
		assert_false(gone >> d & 1);
		assert_int_equal(hits[i].text_id, 1000 + d);
		double want = plain(asked, 3, gone, d, (int)hits[i].passage);
		assert_true(fabs(hits[i].score - want) < 1e-4);
		assert_true(i == 0 || hits[i].score <= hits[i - 1].score);
	}
	/* The few best are the first of all; a filter leaves the others out and changes no score. */
	struct fulltext_hit few[5];
	assert_int_equal(fulltext_search(f, terms, 3, &stats, NULL, 0, few, 5), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
			few[i].passage + 100 * few[i].document_id, hits[i].passage + 100 * hits[i].document_id);
	const int64_t only[] = {hits[2].document_id};
	int m = fulltext_search(f, terms, 3, &stats, only, 1, few, 5);
	assert_true(m >= 1);
	for (int i = 0; i < m; i++)
		assert_int_equal(few[i].document_id, only[0]);
}

static void test_ranking(void **state UNUSED)
{
	struct fulltext *f = fulltext_new(NULL);
	uint64_t gone = 0;

	for (int d = DOCUMENTS - 1; d >= 0; d--)
		put(f, d);
	assert_int_equal(fulltext_passages(f), DOCUMENTS * PASSAGES);
	compare(f, 0);
	for (int d = 0; d < DOCUMENTS; d += 3) {
		fulltext_remove(f, d + 1);
		gone |= UINT64_C(1) << d;
	}
	compare(f, gone);
	for (int round = 0; round < 60; round++) /* so often that room is made */
		for (int d = 1; d < DOCUMENTS; d += 3)
			put(f, d);
	compare(f, gone);
	assert_int_equal(fulltext_text_of(f, 1), 0);
	assert_int_equal(fulltext_text_of(f, 2), 1001);
	assert_int_equal(fulltext_version_of(f, 1), 0);
	assert_int_equal(fulltext_version_of(f, 2), WORDS_VERSION);
	fulltext_free(f);
}

static void test_damaged(void **state UNUSED)
{
	struct fulltext *f = fulltext_new(NULL);
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	make_bytes(0, &b);
	for (size_t n = 0; n < b.n; n++) {
		char *copy = malloc(n + 1); /* so that a sanitizer sees what reads behind it */
		memcpy(copy, b.p, n);
		int r = fulltext_put(f, 1, 1, WORDS_VERSION, (struct str){copy, n});
		free(copy);
		assert_int_equal(r, -EBADMSG);
	}
	for (size_t i = 0; i < b.n; i++) {
		char was = b.p[i];
		b.p[i] = (char)~was;
		int r = fulltext_put(f, 1, 1, WORDS_VERSION, buf_str(&b));
		assert_true(r == 0 || r == -EBADMSG);
		b.p[i] = was;
	}
	assert_int_equal(fulltext_put(f, 1, 1, WORDS_VERSION, buf_str(&b)), 0);
	fulltext_free(f);
}

/* ---- in a file ---- */

#define MANY      250 /* documents of */
#define EACH      20  /* passages of */
#define LONG      40  /* words of so many: */
#define DIFFERENT 5000

static void make_many(struct words *w, struct buf *to)
{
	CLEANUP(postings_freep) struct postings *p = postings_new(LANGUAGE_NONE);

	for (int i = 0; i < EACH; i++) {
		char text[LONG * 8];
		int n = 0;
		for (int k = 0; k < LONG; k++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "w%d ", below(below(DIFFERENT) + 1));
		postings_add(p, w, STR(""), (struct str){text, (size_t)n});
	}
	buf_reset(to);
	postings_write(p, to);
	assert_int_equal(buf_status(to), 0);
}

static int ask(const struct fulltext *f, int first, struct fulltext_hit *ret, int max)
{
	CLEANUP(words_freep) struct words *w = words_new();
	struct fulltext_stats stats = {.passages = 0};
	uint64_t terms[8];
	char text[64];

	snprintf(text, sizeof(text), "w%d w%d w%d", first, first * 7 + 1, first * 40 + 9);
	assert_int_equal(words_ask(w, 1, str_from(text), terms, 8), 3);
	assert_int_equal(fulltext_count(f, terms, 3, &stats), 0);
	return fulltext_search(f, terms, 3, &stats, NULL, 0, ret, (size_t)max);
}

static void same(const struct fulltext *a, const struct fulltext *b)
{
	static struct fulltext_hit x[50], y[50];

	for (int q = 0; q < 20; q++) {
		int n = ask(a, q, x, 50);
		assert_true(n > 0);
		assert_int_equal(ask(b, q, y, 50), n);
		for (int i = 0; i < n; i++) {
			assert_int_equal(
				x[i].document_id * 1000 + x[i].passage, y[i].document_id * 1000 + y[i].passage);
			assert_true(fabsf(x[i].score - y[i].score) < 1e-6f);
		}
	}
}

/* Where terms stand lies in a file; what is found is the same, also when much of it has gone. */
static void test_file(void **state UNUSED)
{
	struct fulltext *memory = fulltext_new(NULL), *file = fulltext_new("/tmp");
	struct fulltext *nowhere = fulltext_new("/nonexistent");
	CLEANUP(words_freep) struct words *w = words_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	for (int d = 1; d <= MANY; d++) {
		make_many(w, &b);
		assert_int_equal(fulltext_put(memory, d, d, WORDS_VERSION, buf_str(&b)), 0);
		assert_int_equal(fulltext_put(file, d, d, WORDS_VERSION, buf_str(&b)), 0);
		assert_int_equal(fulltext_put(nowhere, d, d, WORDS_VERSION, buf_str(&b)), 0);
	}
	same(memory, file);
	same(memory, nowhere);
	assert_true(fulltext_bytes(memory) > (size_t)60 * MANY * EACH);
	assert_true(fulltext_bytes(file) < (size_t)40 * MANY * EACH);
	for (int d = 1; d <= MANY; d++) /* until room has been made */
		if (d % 3) {
			fulltext_remove(memory, d);
			fulltext_remove(file, d);
		}
	assert_int_equal(fulltext_passages(file), MANY / 3 * EACH);
	same(memory, file);
	fulltext_free(memory);
	fulltext_free(file);
	fulltext_free(nowhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranking), cmocka_unit_test(test_damaged), cmocka_unit_test(test_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
