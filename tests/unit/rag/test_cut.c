/* Texts cut into passages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "rag/cut.h"
#include "rag/words.h"

struct making {
	struct buf text;
	struct extract_block blocks[4000];
	size_t n;
	struct extract_place *places; /* of each page, or NULL */
};

static void add(struct making *m, enum extract_kind kind, int level, int page, const char *text)
{
	struct extract_block *b = &m->blocks[m->n++];

	memset(b, 0, sizeof(*b));
	b->kind = kind;
	b->level = level;
	b->page = page;
	b->place = -1;
	b->start = m->text.n;
	buf_add_str(&m->text, text);
	b->end = m->text.n;
	buf_add_str(&m->text, "\n\n");
}

static void cut(struct making *m, size_t tokens, size_t overlap, struct passages *ret)
{
	struct extracted x;
	struct err e = {0};

	memset(&x, 0, sizeof(x));
	x.text = m->text.p;
	x.len = m->text.n;
	x.blocks = m->blocks;
	x.count = m->n;
	x.places = m->places;
	x.n_places = m->places ? m->n : 0;
	passages_init(ret);
	assert_int_equal(cut_text(&x, tokens, overlap, ret, &e), 0);
	for (size_t i = 0; i < ret->n; i++) { /* in order, apart, not empty, within the text */
		assert_true(ret->items[i].start < ret->items[i].end);
		assert_true(ret->items[i].end <= x.len);
		assert_true(i == 0 || overlap || ret->items[i].start >= ret->items[i - 1].end);
		assert_true(i == 0 || ret->items[i].start > ret->items[i - 1].start);
	}
}

static void test_headings(void **state UNUSED)
{
	CLEANUP(freep) struct making *m = xcalloc(1, sizeof(*m));
	CLEANUP(passages_done) struct passages p;

	m->text = BUF_INIT(1 << 20);
	add(m, EXTRACT_PARA, 0, 1, "Before all headings.");
	add(m, EXTRACT_HEADING, 1, 1, "# Harbour");
	add(m, EXTRACT_PARA, 0, 1, "A short one.");
	add(m, EXTRACT_HEADING, 2, 2, "## Berths ##");
	add(m, EXTRACT_PARA, 0, 2, "Another one.");
	add(m, EXTRACT_PARA, 0, 2, "And one more.");
	add(m, EXTRACT_HEADING, 1, 3, "# Town");
	add(m, EXTRACT_PARA, 0, 3, "The last.");
	cut(m, 128, 0, &p);
	assert_int_equal(p.n, 4);
	assert_string_equal(p.items[0].heading.p, "");
	assert_string_equal(p.items[1].heading.p, "Harbour");
	assert_string_equal(p.items[2].heading.p, "Harbour > Berths");
	assert_int_equal(p.items[2].page, 2);
	assert_string_equal(p.items[3].heading.p, "Town");
	assert_memory_equal(m->text.p + p.items[2].start, "Another one.\n\nAnd one more.", 27);
	buf_done(&m->text);
}

/* Below which nothing stands: it is found all the same, at the beginning of what follows on its page, or by itself. */
static void test_headings_alone(void **state UNUSED)
{
	CLEANUP(freep) struct making *m = xcalloc(1, sizeof(*m));
	CLEANUP(passages_done) struct passages p;
	char large[400];

	memset(large, 'a', sizeof(large));
	for (size_t i = 5; i < sizeof(large); i += 6)
		large[i] = ' ';
	large[sizeof(large) - 1] = '\0';
	m->text = BUF_INIT(1 << 20);
	add(m, EXTRACT_HEADING, 1, 1, "Harbours of the north");
	add(m, EXTRACT_HEADING, 1, 2, "Berths");
	add(m, EXTRACT_HEADING, 1, 2, "Fees");
	add(m, EXTRACT_PARA, 0, 2, "Four crowns.");
	add(m, EXTRACT_HEADING, 1, 3, "Locks");
	add(m, EXTRACT_HEADING, 2, 3, "Tides");
	add(m, EXTRACT_HEADING, 2, 3, large);
	add(m, EXTRACT_HEADING, 1, 4, "Thank you");
	cut(m, 128, 0, &p);
	assert_int_equal(p.n, 4);
	static const struct {
		const char *text, *heading;
		int page;
	} wanted[] = {{"Harbours of the north", "Harbours of the north", 1},
		{"Berths\n\nFees\n\nFour crowns.", "Fees", 2}, {"Tides\n\naaaaa", "Locks > aaaaa", 3},
		{"Thank you", "Thank you", 4}};
	for (size_t i = 0; i < p.n; i++) {
		const struct passage *x = &p.items[i];
		size_t n = strlen(wanted[i].text);

		assert_true(x->end - x->start >= n);
		assert_memory_equal(m->text.p + x->start, wanted[i].text, n);
		assert_memory_equal(x->heading.p, wanted[i].heading, strlen(wanted[i].heading));
		assert_int_equal(x->page, wanted[i].page);
	}
	buf_done(&m->text);
}

/* Small sheets and slides are passages of their own, for a passage tells one place; pages go on one behind the other. */
static void test_places(void **state UNUSED)
{
	static const struct {
		enum extract_place_kind kind;
		size_t passages;
	} cases[] = {{EXTRACT_SHEET, 3}, {EXTRACT_SLIDE, 3}, {EXTRACT_PAGE, 1}};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(freep) struct making *m = xcalloc(1, sizeof(*m));
		CLEANUP(passages_done) struct passages p;
		struct extract_place places[3] = {
			{.kind = cases[i].kind}, {.kind = cases[i].kind}, {.kind = cases[i].kind}};

		m->text = BUF_INIT(1 << 20);
		for (int k = 0; k < 3; k++) {
			add(m, EXTRACT_PARA, 0, k + 1, "A few words.");
			m->blocks[k].place = k;
		}
		m->places = places;
		cut(m, 128, 0, &p);
		assert_int_equal(p.n, cases[i].passages);
		assert_int_equal(p.items[p.n - 1].page, cases[i].passages);
		buf_done(&m->text);
	}
}

/* Nothing goes from one file of an archive to the next, be they pages of the same number, headings, or what lies over. */
static void test_files(void **state UNUSED)
{
	CLEANUP(freep) struct making *m = xcalloc(1, sizeof(*m));
	CLEANUP(passages_done) struct passages p;
	struct extract_place places[6] = {{.kind = EXTRACT_FILE}, {.kind = EXTRACT_PAGE}, {.kind = EXTRACT_FILE},
		{.kind = EXTRACT_PAGE}, {.kind = EXTRACT_PAGE}, {.kind = EXTRACT_FILE}};

	m->text = BUF_INIT(1 << 20);
	add(m, EXTRACT_HEADING, 1, 1, "Of the first one");
	m->blocks[m->n - 1].place = 1;
	add(m, EXTRACT_PARA, 0, 1, "A few words.");
	m->blocks[m->n - 1].place = 1;
	add(m, EXTRACT_PARA, 0, 1, "Few words of the second.");
	m->blocks[m->n - 1].place = 3;
	add(m, EXTRACT_PARA, 0, 2, "On its next page.");
	m->blocks[m->n - 1].place = 4;
	add(m, EXTRACT_HEADING, 1, 3, "Alone");
	m->blocks[m->n - 1].place = 5;
	m->n = 6; /* as many as there are places */
	m->blocks[5] = m->blocks[4];
	m->blocks[5].start = m->blocks[4].end + 2;
	m->blocks[5].kind = EXTRACT_PARA;
	buf_add_str(&m->text, "Third.\n\n");
	m->blocks[5].end = m->blocks[5].start + 6;
	m->places = places;
	cut(m, 128, 16, &p);
	assert_int_equal(p.n, 3);
	static const char *const headings[] = {"Of the first one", "", "Alone"};
	static const int pages[] = {1, 1, 3};
	for (size_t i = 0; i < p.n; i++) {
		assert_string_equal(p.items[i].heading.p, headings[i]);
		assert_int_equal(p.items[i].page, pages[i]);
		assert_true(i == 0 || p.items[i].start >= p.items[i - 1].end);
	}
	buf_done(&m->text);
}

static void test_long_texts(void **state UNUSED)
{
	CLEANUP(freep) struct making *m = xcalloc(1, sizeof(*m));
	CLEANUP(passages_done) struct passages p;
	CLEANUP(buf_done) struct buf words = BUF_INIT(1 << 20), one = BUF_INIT(1 << 20), rows = BUF_INIT(1 << 20);

	m->text = BUF_INIT(1 << 22);
	for (int i = 0; i < 300; i++)
		buf_printf(&words, "Sentence number %d says something of the harbour. ", i);
	for (int i = 0; i < 5000; i++)
		buf_add_str(&one, "東");
	for (int i = 0; i < 200; i++)
		buf_printf(&rows, "| berth %d | free |\n", i);
	add(m, EXTRACT_PARA, 0, 0, words.p);
	add(m, EXTRACT_PARA, 0, 0, one.p);
	add(m, EXTRACT_TABLE, 0, 0, rows.p);
	cut(m, 128, 0, &p);
	assert_true(p.n > 40);
	for (size_t i = 0; i < p.n; i++) {
		struct str s = {m->text.p + p.items[i].start, p.items[i].end - p.items[i].start};
		assert_true(words_tokens(s) <= 128 * 2 + 64);
		assert_true(((unsigned char)s.p[0] & 0xc0) != 0x80); /* no character is cut */
	}
	buf_done(&m->text);
}

/* Whole words of the one before, under the same heading alone. */
static void test_overlap(void **state UNUSED)
{
	CLEANUP(freep) struct making *m = xcalloc(1, sizeof(*m));
	CLEANUP(passages_done) struct passages p, apart;
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 20);

	m->text = BUF_INIT(1 << 20);
	for (int i = 0; i < 100; i++)
		buf_printf(&text, "The boat number %d came in. ", i);
	add(m, EXTRACT_PARA, 0, 0, text.p);
	add(m, EXTRACT_HEADING, 1, 0, "# Harbour");
	add(m, EXTRACT_PARA, 0, 0, "It lies in the north.");
	cut(m, 64, 0, &apart);
	cut(m, 64, 16, &p);
	assert_int_equal(p.n, apart.n);
	for (size_t i = 0; i < p.n; i++) {
		size_t more = apart.items[i].start - p.items[i].start;
		bool first = i == 0 || i + 1 == p.n;
		assert_int_equal(p.items[i].end, apart.items[i].end);
		assert_true(first ? more == 0 : more > 16 && more <= 80);
		assert_true(p.items[i].start == 0 || strchr(" \n", m->text.p[p.items[i].start - 1]));
	}
	buf_done(&m->text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_headings), cmocka_unit_test(test_headings_alone),
		cmocka_unit_test(test_places), cmocka_unit_test(test_files), cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_overlap)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
