/* test_schema_check.c - tables of fields that are none end the program at its start; and a pattern for which there is no memory. */
#include <dlfcn.h>
#include <errno.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/schema.h"

/* ---- memory ---- */

static bool no_memory;

/* In place of the library's, which allocates where nobody can refuse it. */
int regcomp(regex_t *to, const char *pattern, int flags)
{
	int (*real)(regex_t *, const char *, int);

	if (no_memory)
		return REG_ESPACE;
	*(void **)&real = dlsym(RTLD_NEXT, "regcomp");
	return real(to, pattern, flags);
}

struct coded {
	const char *code;
};
static const struct field coded_fields[] = {
	FIELD(FT_STR, struct coded, code, "code", .pattern = "^[a-z]+$", .hint = "letters", .doc = "A code."),
};
static const struct schema coded_schema = SCHEMA("Coded", struct coded, coded_fields, "Something with a code.");

static void test_no_memory_for_a_pattern(void **state UNUSED)
{
	static const struct str body = {"{\"code\":\"ab\"}", 13};
	struct coded out;
	struct arena a;
	struct err e = {0};

	arena_init(&a, 1 << 16);
	no_memory = true;
	assert_int_equal(schema_parse(&coded_schema, body, &out, &a, &e), -ENOMEM);
	assert_int_equal(e.code, -ENOMEM);
	no_memory = false;
	err_clear(&e);
	assert_int_equal(schema_parse(&coded_schema, body, &out, &a, &e), 0);
	assert_string_equal(out.code, "ab");
	arena_done(&a);
}

/* ---- tables ---- */

struct thing {
	const char *name;
	int64_t n;
	struct schema_list list;
};

/* Whether the program ends. */
static bool ends(const struct field *fields, size_t n, size_t size)
{
	const struct schema s = {.name = "Thing", .size = size, .fields = fields, .n_fields = n, .doc = "A thing."};
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		signal(SIGABRT, SIG_DFL);
		(void)!freopen("/dev/null", "w", stderr);
		schema_check(&s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

#define ENDS(...)                                                                                                      \
	do {                                                                                                           \
		const struct field all[] = {__VA_ARGS__};                                                              \
		assert_true(ends(all, N_ELEMENTS(all), sizeof(struct thing)));                                         \
	} while (0)

static void test_tables(void **state UNUSED)
{
	static const struct field id = {.type = FT_ID}, word = {.type = FT_ENUM};
	const struct field good[] = {FIELD_STR(struct thing, name, "name", 1, 9, FIELD_REQUIRED, "A name."),
		FIELD_I64(struct thing, n, "n", -1, 1, 0, "A number."),
		FIELD(FT_STRS, struct thing, list, "list", .max = 2, .item = &id, .doc = "Ids.")};

	schema_check(&coded_schema);
	assert_false(ends(good, N_ELEMENTS(good), sizeof(struct thing)));
	assert_true(ends(good, N_ELEMENTS(good), offsetof(struct thing, list))); /* of another struct */
	ENDS(good[0], FIELD_TEXT(struct thing, name, "name", 0, 0, 0, "Another one."));
	ENDS(FIELD_STR(struct thing, name, "name", 9, 1, 0, "Bounds."));
	ENDS(FIELD_STR(struct thing, name, "name", 0, 0, 0, NULL));
	ENDS(FIELD_STR(struct thing, name, "name", 0, 0, FIELD_UNIQUE, "One text."));
	ENDS(FIELD_ENUM(struct thing, name, "name", NULL, 0, "No words."));
	ENDS(FIELD(FT_STR, struct thing, name, "name", .pattern = ".", .doc = "Nobody is told what fits."));
	ENDS(FIELD(FT_LIST, struct thing, list, "list", .doc = "Of nothing."));
	ENDS(FIELD(FT_STRS, struct thing, list, "list", .item = &word, .doc = "Of no words."));
	ENDS(FIELD(FT_ID, struct thing, n, "n", .min = 1, .doc = "An id is no number."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory_for_a_pattern),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
