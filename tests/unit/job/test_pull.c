/* The lines of a pull, put together by layer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "job/pull.h"

static bool take(struct pull_progress *p, const char *json)
{
	return pull_take_line(p, json, strlen(json));
}

static void expect(const struct pull_progress *p, const char *json)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	pull_write(p, &b);
	assert_int_equal(buf_status(&b), 0);
	assert_string_equal(b.p, json);
}

static void test_layers(void **state)
{
	struct pull_progress p = {.n = 0};

	(void)state;
	expect(&p, "{\"status\":\"\",\"completed\":0,\"total\":0,\"unit\":\"bytes\",\"layers\":[]}");
	assert_true(take(&p, "{\"status\":\"pulling manifest\"}"));
	assert_false(take(&p, "{\"status\":\"pulling manifest\"}"));
	/* `completed` is not there while it is 0. */
	assert_true(take(&p, "{\"status\":\"pulling aa\",\"digest\":\"sha256:aa\",\"total\":100}"));
	assert_true(take(&p, "{\"status\":\"pulling bb\",\"digest\":\"sha256:bb\",\"total\":50,\"completed\":5}"));
	assert_true(take(&p, "{\"status\":\"pulling aa\",\"digest\":\"sha256:aa\",\"total\":100,\"completed\":40}"));
	assert_false(take(&p, "{\"status\":\"pulling aa\",\"digest\":\"sha256:aa\",\"total\":100,\"completed\":40}"));
	expect(&p, "{\"status\":\"pulling aa\",\"completed\":45,\"total\":150,\"unit\":\"bytes\",\"layers\":["
		   "{\"digest\":\"sha256:aa\",\"completed\":40,\"total\":100},"
		   "{\"digest\":\"sha256:bb\",\"completed\":5,\"total\":50}]}");
	assert_true(take(&p, "{\"status\":\"success\"}"));
}

/* It neither goes back nor beyond its end, and what is no line of a pull changes nothing. */
static void test_odd_lines(void **state)
{
	struct pull_progress p = {.n = 0};

	(void)state;
	assert_true(take(&p, "{\"digest\":\"d\",\"total\":100,\"completed\":40}"));
	assert_false(take(&p, "{\"digest\":\"d\",\"total\":100,\"completed\":30}"));
	assert_true(take(&p, "{\"digest\":\"d\",\"total\":100,\"completed\":400}"));
	expect(&p, "{\"status\":\"\",\"completed\":100,\"total\":100,\"unit\":\"bytes\","
		   "\"layers\":[{\"digest\":\"d\",\"completed\":100,\"total\":100}]}");
	assert_false(take(&p, "{\"digest\":\"d\",\"completed\":-1}"));
	assert_false(take(&p, "{\"digest\":7,\"status\":null}"));
	assert_false(take(&p, "[1]"));
	assert_false(take(&p, "no json"));
	assert_false(take(&p, ""));
	assert_true(take(&p, "{\"digest\":\"neg\",\"total\":-5,\"completed\":-9}") || p.n == 2);
	assert_int_equal(p.layers[1].total, 0);
	assert_int_equal(p.layers[1].completed, 0);
}

static void test_without_end(void **state)
{
	struct pull_progress p = {.n = 0};
	char line[2048], digest[512];

	(void)state;
	for (int i = 0; i < PULL_LAYERS_MAX + 10; i++) {
		snprintf(line, sizeof(line), "{\"digest\":\"sha256:%064d\",\"total\":10}", i);
		take(&p, line);
	}
	assert_int_equal(p.n, PULL_LAYERS_MAX);
	CLEANUP(buf_done) struct buf b = BUF_INIT(48u << 10); /* what a job shows at most */
	pull_write(&p, &b);
	assert_int_equal(buf_status(&b), 0);

	p.n = 0;
	memset(digest, 'x', sizeof(digest) - 1);
	digest[sizeof(digest) - 1] = '\0';
	snprintf(line, sizeof(line), "{\"digest\":\"%s\",\"status\":\"%s\"}", digest, digest);
	assert_true(take(&p, line));
	assert_int_equal(p.n, 0);
	assert_int_equal(strlen(p.status), sizeof(p.status) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_odd_lines),
		cmocka_unit_test(test_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
