/* What does not hold ends the program, and says where: what is said at once, the mark of something live, a lock. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/lock.h"
#include "base/magic.h"

#define THING_MAGIC 0x7468696eu

struct thing {
	unsigned magic;
};

/* What the program says when fn runs; it must end by it. */
static void end_of(void (*fn)(void), char text[512])
{
	int ends[2], status = 0;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], text + n, 511 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void say_false(void)
{
	ASSERT(1 + 1 == 3);
}

static void test_says_where(void **state UNUSED)
{
	char text[512];

	ASSERT(1 + 1 == 2);
	end_of(say_false, text);
	assert_non_null(strstr(text, "test_assert.c:"));
	assert_non_null(strstr(text, "1 + 1 == 3"));
}

static void use_an_ended_one(void)
{
	struct thing t;

	MAGIC_SET(&t, THING_MAGIC);
	ASSERT_IS(&t, THING_MAGIC);
	MAGIC_END(&t, THING_MAGIC);
	ASSERT_IS(&t, THING_MAGIC);
}

static void end_one_twice(void)
{
	struct thing t;

	MAGIC_SET(&t, THING_MAGIC);
	MAGIC_END(&t, THING_MAGIC);
	MAGIC_END(&t, THING_MAGIC);
}

static void use_none(void)
{
	const struct thing *t = NULL;

	ASSERT_IS(t, THING_MAGIC);
}

static void test_marks(void **state UNUSED)
{
	char text[512];

	end_of(use_an_ended_one, text);
	assert_non_null(strstr(text, "magic"));
	end_of(end_one_twice, text);
	end_of(use_none, text);
}

static void *look(void *mx)
{
	return lock_is_mine(mx) ? mx : NULL;
}

static void test_locks(void **state UNUSED)
{
	pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
	pthread_t other;
	void *seen = NULL;

	assert_false(lock_is_mine(&mx));
	pthread_mutex_lock(&mx);
	assert_true(lock_is_mine(&mx));
	assert_int_equal(pthread_create(&other, NULL, look, &mx), 0);
	pthread_join(other, &seen);
	assert_null(seen); /* it is held, but by another */
	pthread_mutex_unlock(&mx);
	assert_false(lock_is_mine(&mx));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_where),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
