/* The manual: cutting, filling, searching with whatever a person may type. */
#include "store/manual.h"
#include "store_test.h"

static const struct manual_source pages[] = {
	{"start", NULL,
		"# Getting started\n\nRun the program.\n\n## Install\nUnpack it.\n```sh\n# not a heading\nmake\n```\n"
		"### With Docker & friends ###\nPull the image.\n#### Deep\nstays.\n## Empty\n## Install\nAgain, "
		"elsewhere.\n"},
	{"backup", "Keeping copies",
		"Above any heading.\n# Backups\r\nUse `atelier backup` to save conversations.\r\n"},
	{"bare", NULL, "conversations and nothing else"},
};

static void fill(struct fixture *f, const char *version)
{
	FINE(f, manual_fill(f->db, pages, N_ELEMENTS(pages), version, &f->e));
}

static void test_passages(void **state)
{
	static const char *const expected[][3] = {
		{"Getting started", "getting-started", "Run the program."},
		{"Install", "install", "Unpack it.\n```sh\n# not a heading\nmake\n```"},
		{"With Docker & friends", "with-docker--friends", "Pull the image.\n#### Deep\nstays."},
		{"Install", "install-1", "Again, elsewhere."},
		{"", "", "Above any heading."},
		{"Backups", "backups", "Use `atelier backup` to save conversations."},
		{"", "", "conversations and nothing else"},
	};
	struct fixture *f = *state;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	fill(f, "1");
	FINE(f, db_query(f->c, &rows, &f->e, "SELECT heading, anchor, body FROM manual_passages ORDER BY id"));
	for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
		assert_int_equal(db_next(rows, &f->e), 1);
		for (int k = 0; k < 3; k++)
			assert_string_equal(db_bytes(rows, k).p, expected[i][k]);
	}
	assert_int_equal(db_next(rows, &f->e), 0);
}

static void test_pages(void **state)
{
	struct fixture *f = *state;
	struct manual_page_list list;
	struct manual_page p;

	fill(f, "1");
	FINE(f, manual_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 3);
	assert_string_equal(list.items[0].slug, "start");
	assert_string_equal(list.items[0].title, "Getting started");
	assert_string_equal(list.items[1].title, "Keeping copies");
	assert_string_equal(list.items[2].title, "bare");
	assert_null(list.items[0].body);
	FINE(f, manual_page(f->c, "bare", &f->a, &p, &f->e));
	assert_string_equal(p.body, pages[2].body);
	REFUSED(f, E_NOT_FOUND, manual_page(f->c, "../etc", &f->a, &p, &f->e));
}

static struct manual_hit_list search(struct fixture *f, const char *text)
{
	struct manual_hit_list hits;

	FINE(f, manual_search(f->c, text, 5, &f->a, &hits, &f->e));
	return hits;
}

static void test_search(void **state)
{
	struct fixture *f = *state;
	struct manual_hit_list hits;

	assert_int_equal(search(f, "backup").n, 0);
	fill(f, "1");
	hits = search(f, "How do I save a conversation?");
	assert_int_equal(hits.n, 2);
	assert_string_equal(hits.items[0].slug, "backup");
	/* In the wide letters of other keyboards. */
	hits = search(f, "\xef\xbc\xb3\xef\xbd\x81\xef\xbd\x96\xef\xbd\x85 CONVERSATION");
	assert_int_equal(hits.n, 2);
	assert_string_equal(hits.items[0].page_title, "Keeping copies");
	assert_string_equal(hits.items[0].heading, "Backups");
	assert_string_equal(hits.items[0].anchor, "backups");
	assert_non_null(strstr(hits.items[0].body, "atelier backup"));
	assert_true(hits.items[0].score > hits.items[1].score);
	assert_string_equal(search(f, "installing DOCKER").items[0].anchor, "with-docker--friends");
	FINE(f, manual_search(f->c, "conversations", 1, &f->a, &hits, &f->e));
	assert_int_equal(hits.n, 1);
	assert_string_equal(search(f, " what is with docker & friends? ").items[0].anchor, "with-docker--friends");
	assert_int_equal(search(f, "save photosynthesis of green leaves").n, 0); /* one word of four */
	assert_int_equal(search(f, "").n, 0);
	assert_int_equal(search(f, "how do I").n, 0);
}

static void test_search_with_hostile_text(void **state)
{
	static const char *const texts[] = {
		"\"foo OR (bar* NEAR",
		"backup AND",
		"NOT",
		"OR OR OR",
		"NEAR(backup, 3)",
		"heading:backup",
		"{heading body}: x",
		"back*",
		"^backup",
		"-backup +x",
		"'; DROP TABLE users; --",
		"\"\"\"\"",
		"(((((",
		"\\",
		"%",
		"*",
		":",
		"\xe2\x80\x94",
		"\xe2\x80\x94 backup",
		"\xff\xfe backup \xc3",
		"\xc3\xa4\xc3\xb6",
		"a\"b\"c backup",
		"\x01\x02\x1b[31m",
		"\xf0\x9f\x98\x80",
	};
	struct fixture *f = *state;
	char *huge = xcalloc(1, 600001);

	fill(f, "1");
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct manual_hit_list hits = search(f, texts[i]);

		if (strstr(texts[i], "backup"))
			assert_true(hits.n >= 1);
	}
	memset(huge, 'x', 600000);
	assert_int_equal(search(f, huge).n, 0);
	for (size_t i = 9; i < 600000; i += 10)
		huge[i] = ' ';
	assert_int_equal(search(f, huge).n, 0);
	memset(huge, '"', 600000);
	assert_int_equal(search(f, huge).n, 0);
	free(huge);
}

static void test_fill_again(void **state)
{
	static const struct manual_source other = {"new", "New", "# New\nzebra stripes\n"};
	static const struct manual_source twice[] = {{"same", "A", "a zebra"}, {"same", "B", "b"}};
	struct fixture *f = *state;

	fill(f, "1");
	FINE(f, manual_fill(f->db, &other, 1, "1", &f->e));
	assert_int_equal(search(f, "zebra").n, 0);
	FINE(f, manual_fill(f->db, &other, 1, "2", &f->e));
	assert_int_equal(search(f, "zebras").n, 1);
	assert_int_equal(search(f, "backup").n, 0);
	assert_true(manual_fill(f->db, twice, 2, "3", &f->e) < 0);
	err_clear(&f->e);
	/* The one before is still whole. */
	assert_string_equal(search(f, "zebra").items[0].slug, "new");
	FINE(f, manual_fill(f->db, NULL, 0, "4", &f->e));
	assert_int_equal(search(f, "zebra").n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_passages),
		TEST(test_pages),
		TEST(test_search),
		TEST(test_search_with_hostile_text),
		TEST(test_fill_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
