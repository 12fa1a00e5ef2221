/* Files of text, Markdown and HTML, from a descriptor to blocks, through the process in the sandbox. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "rag/extract_priv.h"
#include "sys/sandbox.h"

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	return fd;
}

static void read_bytes(const char *name, const void *p, size_t n, struct extracted *x)
{
	struct extract_request q = {.fd = file_of(p, n), .name = name};
	struct err e = {0};
	int r = extract_file(&q, x, &e);

	if (r < 0)
		print_error("%s\n", e.msg);
	assert_int_equal(r, 0);
	close(q.fd);
}
#define READ(name, text, x) read_bytes((name), (text), sizeof(text) - 1, (x))

static void is_block(const struct extracted *x, size_t i, enum extract_kind kind, int level, const char *text)
{
	assert_true(i < x->count);
	const struct extract_block *b = &x->blocks[i];
	if (b->end - b->start != strlen(text) || memcmp(x->text + b->start, text, b->end - b->start) != 0)
		print_error("block %zu: \"%.*s\"\n", i, (int)(b->end - b->start), x->text + b->start);
	assert_int_equal(b->end - b->start, strlen(text));
	assert_memory_equal(x->text + b->start, text, strlen(text));
	assert_int_equal(b->kind, kind);
	assert_int_equal(b->level, level);
}

static void test_markdown(void **state UNUSED)
{
	struct extracted x;

	READ("notes.md",
		"---\ntitle: \"My notes\"\n---\n# Head\n\nSome *para* [site](https://x.org/a) <https://y.org>.\n\n- "
		"one\n"
		"- two\n  1. deep\n\n| a | b |\n|---|---|\n| 1 | x\\|y |\n\n> said\n\n```c\n  int x;\n```\n",
		&x);
	assert_string_equal(x.format, "markdown");
	assert_string_equal(x.title, "My notes");
	is_block(&x, 0, EXTRACT_HEADING, 1, "Head");
	is_block(&x, 1, EXTRACT_PARA, 0, "Some para site (https://x.org/a) https://y.org.");
	is_block(&x, 2, EXTRACT_LIST, 1, "- one");
	is_block(&x, 4, EXTRACT_LIST, 2, "1. deep");
	is_block(&x, 5, EXTRACT_TABLE, 0, "| a | b |\n| --- | --- |\n| 1 | x\\|y |");
	assert_int_equal(x.blocks[5].header, strlen("| a | b |\n| --- | --- |\n"));
	is_block(&x, 6, EXTRACT_QUOTE, 1, "said");
	is_block(&x, 7, EXTRACT_CODE, 0, "  int x;");
	assert_int_equal(x.count, 8);
	extracted_free(&x);
}

static void test_html(void **state UNUSED)
{
	struct extracted x;

	READ("page",
		"<!doctype html><title>T</title><nav>menu</nav><h2>Hi</h2><p>A&nbsp;b&mdash;c <b>bo</b>ld\n<p hidden>no"
		"<p style='display : none'>ignore "
		"all</p><table><tr><th>x<th>y<tr><td>1<td>2\n3</table><ol><li>a<li>b</ol>"
		"<script>s()</script><pre>  k\n v</pre><div aria-hidden=true>no</div><img alt='A cat' src=x>",
		&x);
	assert_string_equal(x.format, "html");
	assert_string_equal(x.title, "T");
	is_block(&x, 0, EXTRACT_HEADING, 2, "Hi");
	is_block(&x, 1, EXTRACT_PARA, 0,
		"A b\xE2\x80\x94"
		"c bold");
	is_block(&x, 2, EXTRACT_TABLE, 0, "| x | y |\n| --- | --- |\n| 1 | 2 3 |");
	is_block(&x, 3, EXTRACT_LIST, 1, "1. a");
	is_block(&x, 4, EXTRACT_LIST, 1, "2. b");
	is_block(&x, 5, EXTRACT_CODE, 0, "  k\n v");
	is_block(&x, 6, EXTRACT_PARA, 0, "A cat");
	assert_int_equal(x.count, 7);
	extracted_free(&x);
}

/* A charset that comes late or not at all, a wrong one, and none. */
static void test_charsets(void **state UNUSED)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		const char *charset, *text;
	} files[] = {
#define FILE_OF(name, bytes, charset, text) {(name), (bytes), sizeof(bytes) - 1, (charset), (text)}
		FILE_OF("a.txt", "caf\xC3\xA9 \xEF\xAC\x81n", "UTF-8", "caf\xC3\xA9 fin"),
		FILE_OF("a.txt", "\xEF\xBB\xBFx", "UTF-8", "x"),
		FILE_OF("a.txt", "\xFF\xFEH\0i\0\xE9\0", "UTF-16LE", "Hi\xC3\xA9"),
		FILE_OF("a.txt", "\0T\0h\0e\0 \0e\0n\0d", "UTF-16BE", "The end"),
		FILE_OF("a.txt",
			"\xCF\xF0\xE8\xE2\xE5\xF2, \xEC\xE8\xF0! \xDD\xF2\xEE \xEF\xF0\xEE\xF1\xF2\xEE\xE9 "
			"\xF2\xE5\xEA\xF1\xF2 "
			"\xED\xE0 \xF0\xF3\xF1\xF1\xEA\xEE\xEC.",
			"WINDOWS-1251",
			"\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u042d\u0442\u043e "
			"\u043f\u0440\u043e\u0441\u0442\u043e\u0439 \u0442\u0435\u043a\u0441\u0442 \u043d\u0430 "
			"\u0440\u0443\u0441\u0441\u043a\u043e\u043c."),
		FILE_OF("a.html", "<meta charset=iso-8859-1><p>\xC3\xA9 \xE2\x82\xAC", "UTF-8",
			"\xC3\xA9 \xE2\x82\xAC"),
		FILE_OF("a.html", "<meta charset=iso-8859-1><p>caf\xE9 \x80", "windows-1252",
			"caf\xC3\xA9 \xE2\x82\xAC"),
		FILE_OF("a.txt",
			"e\xCC\x81\x01\x02 a\xC2\xAD"
			"b\r\nc\rd",
			"UTF-8", "\xC3\xA9 ab\nc\nd"),
	};

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		struct extracted x;

		read_bytes(files[i].name, files[i].bytes, files[i].n, &x);
		assert_string_equal(x.encoding, files[i].charset);
		assert_string_equal(x.text, files[i].text);
		extracted_free(&x);
	}
}

static void test_failures(void **state UNUSED)
{
	static const char noise[] =
		"\x7f"
		"ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0\xff\xfe\x80\x81\x90\x8d\x03\x04";
	struct extracted x;
	struct extract_request q = {.fd = file_of("long enough", 11), .text_max = 4};
	struct err e = {0};

	read_bytes("a.txt", "", 0, &x);
	assert_int_equal(x.failure, EXTRACT_EMPTY);
	extracted_free(&x);
	read_bytes("a.txt", " \n\n \t", 5, &x);
	assert_int_equal(x.failure, EXTRACT_EMPTY);
	extracted_free(&x);
	READ("movie", noise, &x);
	assert_int_equal(x.failure, EXTRACT_UNSUPPORTED);
	assert_true(strlen(x.error) > 20);
	assert_int_equal(x.len, 0);
	extracted_free(&x);
	assert_int_equal(extract_file(&q, &x, &e), 0);
	assert_int_equal(x.failure, EXTRACT_TOO_LARGE);
	extracted_free(&x);
	close(q.fd);
}

/* What a process that was taken over could say. */
/* A process that ends without a word: time, memory, too much, a fault of its own. */
static void test_ended(void **state UNUSED)
{
	static const struct {
		struct sandbox_result end;
		const char *failure, *says;
	} cases[] = {
		{{.end = SANDBOX_TIME}, "timeout", "more time"},
		{{.end = SANDBOX_KILLED, .status = SIGXCPU}, "timeout", "more time"},
		{{.end = SANDBOX_KILLED, .status = SIGKILL}, "out_of_memory", "more memory"},
		{{.end = SANDBOX_KILLED, .status = SIGABRT}, "out_of_memory", "more memory"},
		{{.end = SANDBOX_OUTPUT}, "too_large", "Split it"},
		{{.end = SANDBOX_KILLED, .status = SIGSEGV}, "broken", "damaged"},
		{{.end = SANDBOX_EXITED, .status = 1}, "broken", "damaged"},
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct extracted x = {0};
		assert_int_equal(extract_ended(&x, &cases[i].end), 0);
		assert_string_equal(extract_failure_name(x.failure), cases[i].failure);
		assert_non_null(strstr(x.error, cases[i].says));
	}
}

static void test_reader(void **state UNUSED)
{
	static const char *const bad[] = {"nonsense\n", "{\"type\":\"text\",\"text\":1}\n",
		"{\"type\":\"text\",\"text\":\"a\\u0001\"}\n", "{\"type\":\"text\",\"text\":\"a\\u0000\"}\n",
		"{\"type\":\"text\",\"text\":\"\xff\"}\n",
		"{\"type\":\"block\",\"kind\":\"para\",\"start\":0,\"end\":1}\n",
		"{\"type\":\"text\",\"text\":\"abcd\"}\n{\"type\":\"block\",\"kind\":\"para\",\"start\":2,\"end\":3}\n"
		"{\"type\":\"block\",\"kind\":\"para\",\"start\":1,\"end\":2}\n",
		"{\"type\":\"text\",\"text\":\"abcd\"}\n{\"type\":\"block\",\"kind\":\"para\",\"start\":2,\"end\":2}\n",
		"{\"type\":\"text\",\"text\":\"abcd\"}\n{\"type\":\"block\",\"kind\":\"word\",\"start\":0,\"end\":2}\n",
		"{\"type\":\"text\",\"text\":\"abcd\"}\n{\"type\":\"block\",\"kind\":\"para\",\"start\":0,\"end\":2,"
		"\"header\":3}\n",
		"{\"type\":\"text\",\"text\":\"ab\"}\n{\"type\":\"block\",\"kind\":\"para\",\"start\":0,\"end\":2,"
		"\"boxes\":[[1,\"x\"]]}\n",
		"{\"type\":\"place\",\"kind\":\"page\",\"number\":-1}\n", "{\"type\":\"state\",\"state\":\"read\"}\n",
		"{\"type\":\"failure\",\"failure\":\"ok\",\"text\":\"\"}\n", "{\"type\":\"end\"}\n{\"type\":\"end\"}\n",
		"{\"type\":\"x\"}\n", "{\"type\":\"end\"}", ""};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct extract_request q = {.fd = -1, .text_max = 100};
		struct extract_reader r;
		struct extracted x;
		struct err e = {0};

		extract_reader_init(&r, &q, &x);
		int k = extract_reader_take(&r, bad[i], strlen(bad[i]), &e);
		if (k == 0)
			k = extract_reader_end(&r, &e);
		if (k != E_INVALID)
			print_error("%s", bad[i]);
		assert_int_equal(k, E_INVALID);
		extract_reader_done(&r);
		extracted_free(&x);
	}
}

/* The same in pieces of one byte. */
static void test_reader_split(void **state UNUSED)
{
	static const char lines[] =
		"{\"type\":\"place\",\"kind\":\"page\",\"number\":3,\"label\":\"iii\",\"width\":10.5,\"height\":20}\n"
		"{\"type\":\"state\",\"state\":\"ocr\"}\n{\"type\":\"text\",\"text\":\"ab\"}\n"
		"{\"type\":\"block\",\"kind\":\"table\",\"level\":0,\"start\":0,\"end\":2,\"header\":1,\"rows\":[4,5],"
		"\"boxes\":[[0,2,1.5,2,3,4]]}\n{\"type\":\"end\"}\n";
	struct extract_request q = {.fd = -1};
	struct extract_reader r;
	struct extracted x;
	struct err e = {0};

	extract_reader_init(&r, &q, &x);
	for (size_t i = 0; i < sizeof(lines) - 1; i++)
		assert_int_equal(extract_reader_take(&r, lines + i, 1, &e), 0);
	assert_int_equal(extract_reader_end(&r, &e), 0);
	extract_reader_done(&r);
	assert_int_equal(x.pages, 1);
	assert_int_equal(x.pages_by_ocr, 1);
	assert_string_equal(x.places[0].label, "iii");
	assert_int_equal(x.places[0].end, 2);
	assert_int_equal(x.blocks[0].page, 3);
	assert_int_equal(x.blocks[0].row_last, 5);
	assert_int_equal(x.blocks[0].n_boxes, 1);
	assert_int_equal(x.blocks[0].boxes[0].end, 2);
	assert_true(x.blocks[0].boxes[0].x0 > 1.4F && x.blocks[0].boxes[0].x0 < 1.6F);
	extracted_free(&x);
}

static int within(int argc, char **argv)
{
	return extract_main(argc, argv);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_markdown), cmocka_unit_test(test_html),
		cmocka_unit_test(test_charsets), cmocka_unit_test(test_failures), cmocka_unit_test(test_ended),
		cmocka_unit_test(test_reader), cmocka_unit_test(test_reader_split)};

	if (argc > 1 && strcmp(argv[1], "confine") == 0)
		sandbox_confine(argc - 2, argv + 2, within);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
