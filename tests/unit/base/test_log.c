/* test_log.c - one line an entry, in both formats, whatever the text holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/json.h"
#include "base/log.h"

static int pipe_out, old_stderr;

static void capture_begin(void)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	old_stderr = dup(STDERR_FILENO);
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
	pipe_out = p[0];
}

/* What was written since; all of it fits the pipe. */
static size_t capture_end(char *text, size_t size)
{
	ssize_t k;
	size_t n = 0;

	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	while ((k = read(pipe_out, text + n, size - 1 - n)) > 0)
		n += (size_t)k;
	close(pipe_out);
	text[n] = '\0';
	return n;
}

static void test_text(void **state)
{
	char text[8192], *line;

	(void)state;
	log_init(LOG_INFO, false);
	capture_begin();
	errno = 42;
	log_info("http", "listening on %s", "127.0.0.1");
	char id[] = "0abc";
	log_set_request(id);
	memset(id, 'x', sizeof(id) - 1); /* who ended the request may have freed it */
	log_error("database", "two\nlines\x7f");
	log_set_request(NULL);
	log_debug("http", "not shown");
	assert_int_equal(errno, 42);
	capture_end(text, sizeof(text));
	assert_int_equal(text[4], '-');
	assert_int_equal(text[23], 'Z');
	line = strchr(text, '\n');
	*line++ = '\0';
	assert_string_equal(text + 24, " info  http   listening on 127.0.0.1");
	assert_string_equal(line + 24, " error database two\\x0alines\\x7f (request 0abc)\n");
}

static void test_json(void **state)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	char text[8192];
	size_t n;

	(void)state;
	log_init(LOG_DEBUG, true);
	assert_true(log_enabled(LOG_DEBUG));
	capture_begin();
	log_set_request("7");
	log_debug("turn", "says \"%s\"\n", "hi");
	log_set_request(NULL);
	n = capture_end(text, sizeof(text));
	assert_int_equal(text[n - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + n - 1);
	assert_int_equal(json_parse(text, n, &v, NULL), 0);
	assert_string_equal(json_get_str(v, "level"), "debug");
	assert_string_equal(json_get_str(v, "area"), "turn");
	assert_string_equal(json_get_str(v, "text"), "says \"hi\"\n");
	assert_string_equal(json_get_str(v, "request"), "7");
	assert_int_equal(strlen(json_get_str(v, "time")), 24);
}

static void test_long(void **state)
{
	char text[32768];
	size_t n;

	(void)state;
	log_init(LOG_ERROR, false);
	assert_false(log_enabled(LOG_WARN));
	capture_begin();
	log_error("x", "%05000d", 0);
	log_warn("x", "not shown");
	n = capture_end(text, sizeof(text));
	assert_in_range(n, 2000, 2200);
	assert_int_equal(text[n - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
