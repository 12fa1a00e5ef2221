/* Programs that live on behind the walls: lines both ways, what hostile ones do, and that each end leaves nobody. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sys/process.h"

static struct heard {
	pthread_mutex_t mx;
	pthread_cond_t cv;
	char last[2 * PROCESS_CUT + 1];
	size_t last_n, lines, cut;
	bool ended;
	struct sandbox_result how;
} heard = {.mx = PTHREAD_MUTEX_INITIALIZER, .cv = PTHREAD_COND_INITIALIZER};

static void on_line(void *arg, const char *p, size_t n, bool cut)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->mx);
	h->last_n = n;
	memcpy(h->last, p, MIN(n, sizeof(h->last) - 1));
	h->last[MIN(n, sizeof(h->last) - 1)] = '\0';
	h->lines++;
	h->cut += cut;
	pthread_cond_broadcast(&h->cv);
	pthread_mutex_unlock(&h->mx);
}

static void on_end(void *arg, const struct sandbox_result *how)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->mx);
	h->ended = true;
	h->how = *how;
	pthread_cond_broadcast(&h->cv);
	pthread_mutex_unlock(&h->mx);
}

/* For a line more than there were; false: it has ended. */
static bool wait_line(size_t before)
{
	pthread_mutex_lock(&heard.mx);
	while (heard.lines <= before && !heard.ended)
		pthread_cond_wait(&heard.cv, &heard.mx);
	bool r = heard.lines > before;
	pthread_mutex_unlock(&heard.mx);
	return r;
}

static void wait_end(void)
{
	pthread_mutex_lock(&heard.mx);
	while (!heard.ended)
		pthread_cond_wait(&heard.cv, &heard.mx);
	pthread_mutex_unlock(&heard.mx);
}

static struct process *begin(struct processes *ps, const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct process_config c = {.program = {.argv = argv,
					   .least = SANDBOX_LANDLOCK,
					   .limits = {.cpu_s = 20, .files = 64, .processes = 40}},
		.line_max = 1 << 20,
		.line = on_line,
		.ended = on_end,
		.arg = &heard};
	struct process *p = NULL;
	struct err e = {0};

	heard.lines = heard.cut = 0;
	heard.ended = false;
	assert_int_equal(process_start(ps, &c, &p, &e), 0);
	return p;
}

static void send_line(struct process *p, const char *text)
{
	struct err e = {0};

	assert_int_equal(process_send(p, text, strlen(text), &e), 0);
}

static void test_lines(void **state)
{
	struct process *p = begin(*state, "while read -r l; do echo \"<$l>\"; done; echo bye >&2; exit 3");

	send_line(p, "one");
	assert_true(wait_line(0));
	assert_string_equal(heard.last, "<one>");
	send_line(p, "");
	assert_true(wait_line(1));
	assert_string_equal(heard.last, "<>");
	process_stop(p, 20000); /* it ends by itself when its input does */
	wait_end();
	assert_int_equal(heard.how.end, SANDBOX_EXITED);
	assert_int_equal(heard.how.status, 3);
	assert_string_equal(heard.how.errors, "bye\n");
	CLEANUP(buf_done) struct buf errors = BUF_INIT(65536);
	process_errors(p, &errors);
	assert_string_equal(errors.p, "bye\n");
	assert_int_equal(process_send(p, "late", 4, &(struct err){0}), -EPIPE);
	process_free(p);
}

/* Several in one piece, one in several pieces, the last without an end, CRLF. */
static void test_pieces(void **state)
{
	struct process *p = begin(*state, "printf 'a\\nb\\r\\nc'; sleep 0.05; printf 'd\\ne'");

	wait_end();
	assert_int_equal(heard.lines, 4);
	assert_string_equal(heard.last, "e");
	process_free(p);
}

static void test_long_line(void **state)
{
	struct process *p = begin(*state, "printf head; head -c 3000000 /dev/zero | tr '\\0' x; echo tail; echo next; "
					  "head -c 1048576 /dev/zero | tr '\\0' y; echo; read -r l");

	assert_true(wait_line(0));
	assert_true(wait_line(1));
	assert_true(wait_line(2));
	assert_int_equal(heard.cut, 1);
	assert_int_equal(heard.last_n, 1048576);
	process_free(p);
	p = begin(*state, "printf head; head -c 3000000 /dev/zero | tr '\\0' x; echo tail; read -r l");
	assert_true(wait_line(0));
	assert_int_equal(heard.last_n, 2 * PROCESS_CUT);
	assert_memory_equal(heard.last, "headxx", 6);
	assert_string_equal(heard.last + 2 * PROCESS_CUT - 6, "xxtail");
	process_free(p);
}

/* More than a pipe holds, to one that reads late; and to one that never reads. */
static void test_unread(void **state)
{
	struct process *p = begin(*state, "read -r go; cat >/dev/null; echo all");
	char *much = xcalloc(1, 1000001);
	struct err e = {0};

	memset(much, 'x', 1000000);
	send_line(p, "go");
	for (int i = 0; i < 5; i++)
		send_line(p, much);
	process_free(p);
	p = begin(*state, "echo up; sleep 100");
	assert_true(wait_line(0));
	int r = 0;
	for (int i = 0; i < 40 && r == 0; i++)
		r = process_send(p, much, 1000000, &e);
	assert_int_equal(r, E_BUSY);
	process_free(p);
	free(much);
}

/* Nobody is left who holds the write end of a pipe in the folder: it ends for us. */
static void dies(struct processes *ps, const char *script, int64_t grace_ms, int64_t within_ms)
{
	struct process *p = begin(ps, script);

	assert_true(wait_line(0));
	int64_t from = clock_mono_ms();
	process_stop(p, grace_ms);
	wait_end();
	int64_t took = clock_mono_ms() - from;
	if (took >= within_ms)
		print_error("%s: %d ms\n", script, (int)took);
	assert_true(took < within_ms);
	process_free(p);
}

static void test_ends(void **state)
{
	/* On a quiet machine these take some 10 ms, and the third 100 ms more. */
	dies(*state, "trap '' TERM INT HUP; echo up; while :; do :; done", 0, 1500);
	dies(*state, "setsid sleep 1000 & echo up; sleep 1000", 0, 1500);
	dies(*state, "echo up; while :; do sleep 1; done", 100, 1600);
	dies(*state, "echo up; while :; do sleep 1000 & done 2>/dev/null", 0, 3000);
}

/* What floods its errors is read no faster than a megabyte a second, and its lines still come. */
static void test_flood(void **state)
{
	struct process *p = begin(*state, "(yes error >&2) & while read -r l; do echo \"$l\"; done");

	send_line(p, "still");
	assert_true(wait_line(0));
	assert_string_equal(heard.last, "still");
	CLEANUP(buf_done) struct buf errors = BUF_INIT(65536);
	process_errors(p, &errors);
	assert_true(errors.n <= 16384);
	process_free(p);
}

static void test_dies_by_itself(void **state)
{
	struct process *p = begin(*state, "echo up; kill -9 $$");

	wait_end();
	if (sandbox_walls() == SANDBOX_NAMESPACES) { /* elsewhere nobody can kill, not even itself */
		assert_int_equal(heard.how.end, SANDBOX_KILLED);
		assert_int_equal(heard.how.status, SIGKILL);
	}
	process_free(p);
	p = begin(*state, "exec /usr/bin/no-such-program");
	wait_end();
	assert_int_equal(heard.how.end, SANDBOX_EXITED);
	assert_int_equal(heard.how.status, 127);
	process_free(p);
}

static void test_as_many_as_may(void **state UNUSED)
{
	struct processes *few;
	struct process *p, *q;
	struct err e = {0};

	assert_int_equal(processes_new(1, &few, &e), 0);
	p = begin(few, "read -r l");
	const char *const argv[] = {"/usr/bin/true", NULL};
	struct process_config c = {.program = {.argv = argv}, .line_max = 65536, .line = on_line, .ended = on_end};
	assert_int_equal(process_start(few, &c, &q, &e), E_BUSY);
	process_free(p);
	process_free(begin(few, "exit 0"));
	processes_free(few);
}

/* Written where it was granted, and nowhere else. */
static void test_grants(void **state)
{
	char a[] = "/var/tmp/process-test-XXXXXX", b[] = "/var/tmp/process-test-XXXXXX", script[400], file[80];
	struct process *p = NULL;
	struct err e = {0};

	assert_true(mkdtemp(a) && mkdtemp(b) && chmod(a, 0777) == 0 && chmod(b, 0777) == 0);
	snprintf(script, sizeof(script), "echo x >%s/f && echo x >%s/f && ! echo x >/usr/f && rm %s/f && echo ok", a, b,
		b);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL}, *const grants[] = {a, b, NULL};
	struct process_config c = {.program = {.argv = argv, .grants = grants, .least = SANDBOX_LANDLOCK},
		.line_max = 65536,
		.line = on_line,
		.ended = on_end,
		.arg = &heard};
	heard.lines = 0;
	heard.ended = false;
	assert_int_equal(process_start(*state, &c, &p, &e), 0);
	wait_end();
	assert_int_equal(heard.how.status, 0);
	assert_string_equal(heard.last, "ok");
	process_free(p);
	snprintf(file, sizeof(file), "%s/f", a);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(a), 0);
	assert_int_equal(rmdir(b), 0);
}

static int set_up(void **state)
{
	struct processes *ps;
	struct err e = {0};
	int r = processes_new(8, &ps, &e);

	*state = ps;
	return r;
}

static int tear_down(void **state)
{
	processes_free(*state);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_unread), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_flood), cmocka_unit_test(test_dies_by_itself),
		cmocka_unit_test(test_as_many_as_may), cmocka_unit_test(test_grants)};

	if (argc > 1 && strcmp(argv[1], "confine") == 0)
		sandbox_confine(argc - 2, argv + 2, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sandbox_walls() == SANDBOX_LIMITS) {
		print_message("SKIPPED: no sandbox can be made here. %s\n", sandbox_why());
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
