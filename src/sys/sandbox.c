/*
 * sandbox.c - the server's side of a sandbox: the program's output is read and its time watched by whoever runs it, with poll; it
 * is killed with all that it started when it has said too much, when time is over or when the cancel fires, and is always waited
 * for. Which walls there are (namespaces, else Landlock, else none) is tried once, with a program that does nothing, as nothing
 * else tells whether a kernel lets us.
 */
#include "sys/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "sys/fault.h"
#include "sys/loop.h"
#include "sys/sandbox_priv.h"

struct running {
	struct sandbox_child child;
	int wake;
	struct cancel_hook hook;
};

/* ---- while it runs ---- */

struct watch {
	const struct sandbox *s;
	struct sandbox_result *result;
	struct running *run;
	size_t out; /* bytes read */
	struct buf errors;
	int r; /* what the caller's function returned */
};

/* 1: there may be more; 0: nothing at the moment; -1: it is to be ended. */
static int take_output(struct watch *w)
{
	char piece[65536];
	ssize_t n = w->run->child.out < 0 ? -1 : read(w->run->child.out, piece, sizeof(piece));

	if (n == 0)
		closep(&w->run->child.out);
	if (n <= 0)
		return 0;
	w->out += (size_t)n;
	if (w->s->limits.output && w->out > w->s->limits.output) {
		w->result->end = SANDBOX_OUTPUT;
		return -1;
	}
	if (w->s->output && (w->r = w->s->output(w->s->arg, piece, (size_t)n)) < 0)
		return -1;
	return 1;
}

static void take_errors(struct watch *w)
{
	char piece[4096];

	while (w->run->child.err >= 0) {
		ssize_t n = read(w->run->child.err, piece, sizeof(piece));

		if (n == 0)
			closep(&w->run->child.err);
		if (n <= 0)
			return;
		if (w->errors.n + (size_t)n > w->errors.max - 1)
			buf_consume(&w->errors, MIN(w->errors.n, (size_t)n));
		buf_add(&w->errors, piece, (size_t)n);
	}
}

static int left(int64_t until)
{
	int64_t ms = until - clock_mono_ms();

	return until == 0 ? -1 : ms < 0 ? 0 : (int)MIN(ms, INT64_C(3600000));
}

/* Until it has ended by itself, or is to be ended. */
static void watch(struct watch *w)
{
	int64_t until = w->s->limits.wall_ms ? clock_mono_ms() + w->s->limits.wall_ms : 0;

	for (;;) {
		struct pollfd p[] = {{.fd = w->run->child.out, .events = POLLIN},
			{.fd = w->run->child.err, .events = POLLIN}, {.fd = w->run->child.pidfd, .events = POLLIN},
			{.fd = w->run->wake, .events = POLLIN}};
		int n = poll(p, N_ELEMENTS(p), left(until));

		if (n < 0 && errno != EINTR) {
			w->r = -errno;
			return;
		}
		if (n == 0 && left(until) == 0) {
			w->result->end = SANDBOX_TIME;
			return;
		}
		if (n <= 0)
			continue;
		if (p[3].revents) {
			w->r = -ECANCELED;
			return;
		}
		if (p[1].revents)
			take_errors(w);
		if (p[0].revents && take_output(w) < 0)
			return;
		if (p[2].revents) {
			/* What it wrote last may have come behind the look above. */
			take_errors(w);
			while (take_output(w) > 0)
				;
			return;
		}
	}
}

static void wake(void *arg)
{
	const struct running *run = arg;

	(void)!write(run->wake, &(uint64_t){1}, sizeof(uint64_t));
}

/* With all that it started: in namespaces they end with their first process, which ends with this one. */
static void reap(struct watch *w)
{
	struct sandbox_result how = {.end = SANDBOX_EXITED};

	sandbox_child_kill(&w->run->child);
	(void)sandbox_child_reap(&w->run->child, true, &how);
	if (w->r < 0 || w->result->end != SANDBOX_EXITED)
		return;
	w->result->end = how.end;
	w->result->status = how.status;
}

static int run_behind(const struct sandbox *s, enum sandbox_wall wall, struct sandbox_result *ret, struct err *e)
{
	struct running run = {.child = SANDBOX_NO_CHILD, .wake = -1};
	struct watch w = {.s = s, .result = ret, .run = &run, .errors = BUF_INIT(sizeof(ret->errors) * 4)};
	bool hooked = false;
	int r = sandbox_child_start(s, wall, &run.child, e);

	*ret = (struct sandbox_result){.end = SANDBOX_EXITED};
	if (r == 0 && s->cancel) {
		run.wake = eventfd(0, EFD_CLOEXEC);
		r = run.wake < 0 ? -errno : cancel_on(s->cancel, &run.hook, wake, &run);
		hooked = r == 0;
	}
	if (r == 0)
		watch(&w);
	if (hooked)
		cancel_off(s->cancel, &run.hook);
	if (run.child.pid > 0)
		reap(&w);
	sandbox_keep_errors(ret, w.errors.p, w.errors.n);
	buf_done(&w.errors);
	sandbox_child_close(&run.child);
	closep(&run.wake);
	return r < 0 ? r : w.r;
}

/* ---- which walls there are ---- */

static struct {
	pthread_once_t once;
	enum sandbox_wall walls;
	char why[512];
} known = {.once = PTHREAD_ONCE_INIT};

/* Whether a program runs behind these walls; if not, `why` says what it said. */
static bool holds(enum sandbox_wall wall, char *why, size_t n)
{
	static const char *const nothing[] = {"/usr/bin/true", NULL};
	struct sandbox s = {.argv = nothing, .in = -1, .limits = {.wall_ms = 10000, .files = 64}};
	struct sandbox_result result;
	struct err e = {0};
	int r = FAULT(wall == SANDBOX_NAMESPACES ? "sandbox_namespaces" : "sandbox_landlock");

	if (r == 0)
		r = run_behind(&s, wall, &result, &e);
	if (r == 0 && result.end == SANDBOX_EXITED && result.status == 0)
		return true;
	snprintf(why, n, "%.200s", r < 0 ? (e.msg[0] ? e.msg : strerror(-r)) : result.errors);
	why[strcspn(why, "\n")] = '\0';
	return false;
}

static void look(void)
{
	char why[256] = "";

	if (access(SANDBOX_BWRAP, X_OK) < 0)
		snprintf(why, sizeof(why), "bubblewrap is not installed (apt install bubblewrap)");
	else if (holds(SANDBOX_NAMESPACES, why, sizeof(why)))
		known.walls = SANDBOX_NAMESPACES;
	if (known.walls == SANDBOX_NAMESPACES)
		return;
	char also[256] = "";
	if (landlock_version() < 1)
		snprintf(also, sizeof(also), "the kernel has no Landlock");
	else if (holds(SANDBOX_LANDLOCK, also, sizeof(also)))
		known.walls = SANDBOX_LANDLOCK;
	if (known.walls == SANDBOX_LANDLOCK)
		snprintf(known.why, sizeof(known.why),
			"Programs run behind Landlock and seccomp, not in namespaces of their own: %s.", why);
	else
		snprintf(known.why, sizeof(known.why),
			"No sandbox can be made, so documents that need one are refused: %s, and %s. Allow user "
			"namespaces.",
			why, also);
}

enum sandbox_wall sandbox_walls(void)
{
	pthread_once(&known.once, look);
	return known.walls;
}

const char *sandbox_why(void)
{
	pthread_once(&known.once, look);
	return known.why[0] ? known.why : NULL;
}

int sandbox_run(const struct sandbox *s, struct sandbox_result *ret, struct err *e)
{
	enum sandbox_wall walls = sandbox_walls();

	ASSERT(thread_may_wait());
	if (walls < s->least)
		return err_set(e, E_NOT_IMPLEMENTED, "%s", known.why);
	int r = run_behind(s, walls, ret, e);
	if (r == 0 && sandbox_never_began(ret))
		return err_set(e, E_INTERNAL, "A sandbox cannot be made: %s", ret->errors);
	return r;
}
