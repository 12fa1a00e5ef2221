/* The log of a server when nobody reads standard error, when somebody does again, and at the end. */
#include "../patience.h"
#include "sys/logger.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "sys/metrics.h"

enum { LINES = 3000, ABORTS = 5, ABORT_LINES = 100 };

static int reading, old_stderr;

static void begin(void)
{
	struct err e = {0};
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	old_stderr = dup(STDERR_FILENO);
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
	reading = p[0];
	log_init(LOG_INFO, false);
	assert_int_equal(logger_start(&e), 0);
}

static void end(void)
{
	logger_stop();
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	close(reading);
}

/* Reads until `until` is there. */
static void read_until(struct buf *b, const char *until)
{
	char piece[4096];

	while (!b->p || !strstr(b->p, until)) {
		struct pollfd f = {.fd = reading, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&f, 1, PATIENCE_MS), 1);
		n = read(reading, piece, sizeof(piece));
		assert_true(n > 0);
		buf_add(b, piece, (size_t)n);
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void test_nobody_reads(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8u << 20);
	int64_t lost_before = metric_get(M_log_lines_lost_total);
	unsigned long lost = 0;

	begin();
	for (int i = 0; i < LINES; i++)
		log_info("test", "line %04d %0500d", i, 0); /* waits for nobody, or the test ends here */
	assert_true(metric_get(M_log_lines_lost_total) > lost_before);
	/* Somebody reads: what was kept comes in order, then how many were not, then all goes on. */
	read_until(&b, "line 0400");
	log_info("test", "goes on");
	read_until(&b, "goes on");
	/* Once for each time that the queue was full. */
	for (const char *note = b.p; (note = strstr(note, " lines were lost")) != NULL; note++) {
		const char *number = note;

		while (number[-1] != ' ')
			number--;
		lost += strtoul(number, NULL, 10);
	}
	assert_true(lost > 0);
	assert_int_equal(count(b.p, "line ") + lost, LINES);
	assert_int_equal(lost, metric_get(M_log_lines_lost_total) - lost_before);
	log_info("test", "and on");
	read_until(&b, "and on");
	end();
}

static void test_the_end_waits_for_nobody(void **state UNUSED)
{
	begin();
	for (int i = 0; i < LINES; i++)
		log_info("test", "line %0500d", i);
	int64_t at = clock_mono_ms();
	end();
	assert_in_range(clock_mono_ms() - at, 0, 8000);
}

static void test_the_end_writes_what_is_there(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8u << 20);

	begin();
	for (int i = 0; i < 50; i++)
		log_info("test", "line %02d", i);
	logger_stop();
	log_info("test", "directly");
	read_until(&b, "directly");
	assert_int_equal(count(b.p, "line "), 50);
	end();
}

/* A process that says some lines and ends by a signal. */
static pid_t say_and_abort(void)
{
	pid_t pid = fork();
	struct err e = {0};

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	signal(SIGABRT, SIG_DFL); /* cmocka has its own */
	if (logger_start(&e) < 0)
		_exit(1);
	for (int i = 0; i < ABORT_LINES; i++)
		log_info("test", "line %0500d", i);
	log_error("test", "why it ends");
	abort();
}

/* All that a process says until a signal has ended it. */
static void read_to_the_end(pid_t pid, struct buf *b)
{
	struct pollfd f = {.fd = reading, .events = POLLIN};
	char piece[4096];
	pid_t ended;
	int status;

	do {
		ended = waitpid(pid, &status, WNOHANG);
		while (poll(&f, 1, ended ? 0 : 10) == 1) {
			ssize_t n = read(reading, piece, sizeof(piece));

			assert_true(n > 0);
			assert_null(memchr(piece, 0, (size_t)n));
			buf_add(b, piece, (size_t)n);
			assert_int_equal(buf_status(b), 0);
		}
	} while (!ended);
	assert_int_equal(ended, pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* The log's thread waits in the midst of writing: what both have written may come twice, and nothing but lines. */
static void test_last_words(void **state UNUSED)
{
	begin();
	logger_stop();
	assert_true(fcntl(reading, F_SETPIPE_SZ, 4096) >= 4096);
	for (int i = 0; i < ABORTS; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20);

		read_to_the_end(say_and_abort(), &b);
		assert_in_range(count(b.p, "line "), ABORT_LINES, 2 * ABORT_LINES);
		assert_in_range(count(b.p, "why it ends"), 1, 2);
	}
	end();
}

static void test_nobody_listens_at_all(void **state UNUSED)
{
	signal(SIGPIPE, SIG_IGN);
	begin();
	close(reading);
	reading = -1;
	for (int i = 0; i < LINES; i++)
		log_info("test", "line %0500d", i);
	end();
}

static void test_write_for(void **state UNUSED)
{
	char piece[65536] = "";
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_true(write_for(p[1], piece, 100, 0));
	assert_false(write_for(p[1], piece, sizeof(piece), 20));
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_the_end_waits_for_nobody),
		cmocka_unit_test(test_the_end_writes_what_is_there),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_nobody_listens_at_all),
		cmocka_unit_test(test_write_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
