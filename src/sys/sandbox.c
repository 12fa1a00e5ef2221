/* sandbox.c - see sandbox.h: how the walls are made from outside, what is read from the program, and how it ends. */
#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "sys/fault.h"
#include "sys/sandbox_priv.h"

#define BWRAP     "/usr/bin/bwrap"
#define SETPRIV   "/usr/bin/setpriv"
#define ARGS_FD   4 /* bubblewrap's options: in its command line the program could read them */
#define WORDS_MAX 512
#define FROM      10 /* descriptors from here on are not in the way of those that the program is given */

/* ---- the command line ---- */

struct command {
	struct buf words, options; /* each word ended by a NUL */
	const char *argv[WORDS_MAX + 1];
	const char *const *env;
	bool namespaces;
};

static void add(struct buf *to, const char *word)
{
	buf_add(to, word, strlen(word) + 1);
}

#define ADD(to, ...) add_all((to), (const char *const[]){__VA_ARGS__, NULL})
static void add_all(struct buf *to, const char *const *words)
{
	for (; *words; words++)
		add(to, *words);
}

/* What each of these keeps out stands in docs/decisions/071. */
static void add_options(struct buf *o, const struct sandbox *s)
{
	static const char *const links[][2] = {
		{"usr/bin", "/bin"}, {"usr/sbin", "/sbin"}, {"usr/lib", "/lib"}, {"usr/lib64", "/lib64"}};
	static const char *const also[] = {"/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime"};

	ADD(o, "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534", "--hostname",
		"sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr",
		"/usr");
	ADD(o, "--tmpfs", "/usr/local");
	for (size_t i = 0; i < N_ELEMENTS(links); i++)
		ADD(o, "--symlink", links[i][0], links[i][1]);
	for (size_t i = 0; i < N_ELEMENTS(also); i++)
		ADD(o, "--ro-bind-try", also[i], also[i]);
	ADD(o, "--proc", "/proc", "--dev", "/dev", "--size", "16777216", "--tmpfs", "/dev/shm", "--remount-ro", "/dev");
	ADD(o, "--size", "67108864", "--tmpfs", "/tmp", "--remount-ro", "/usr/local");
	for (const char *const *p = s->readable; p && *p; p++)
		ADD(o, "--ro-bind", *p, *p);
	if (s->writable)
		ADD(o, "--bind", s->writable, s->writable);
	ADD(o, "--remount-ro", "/", "--chdir", s->writable ? s->writable : "/tmp");
}

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", NULL};

/* bubblewrap itself gets no environment: the program reads that of its first process in /proc. */
static void add_env(struct buf *o, const char *const *env)
{
	for (; *env; env++) {
		size_t n = strcspn(*env, "=");

		add(o, "--setenv");
		buf_add(o, *env, n);
		add(o, "");
		add(o, (*env)[n] ? *env + n + 1 : "");
	}
}

static void add_confine(struct buf *to, const struct sandbox *s, enum sandbox_wall wall)
{
	struct confinement c = {.wall = wall,
		.cpu_s = (uint64_t)s->limits.cpu_s,
		.memory = s->limits.memory,
		.file = s->limits.file,
		.files = (uint64_t)s->limits.files,
		.processes = (uint64_t)s->limits.processes,
		.writable = s->writable};

	for (const char *const *p = s->readable; p && *p && c.n_readable < SANDBOX_PLACES; p++)
		c.readable[c.n_readable++] = *p;
	add(to, "confine");
	confinement_write(&c, to);
	for (const char *const *p = s->argv; *p; p++)
		add(to, *p);
}

static int make_command(struct command *c, const struct sandbox *s, enum sandbox_wall wall, struct err *e)
{
	c->namespaces = wall == SANDBOX_NAMESPACES;
	c->words = BUF_INIT(1 << 20);
	c->options = BUF_INIT(1 << 20);
	if (c->namespaces) {
		if (geteuid() == 0)
			ADD(&c->words, SETPRIV, "--reuid", "65534", "--regid", "65534", "--clear-groups",
				"--no-new-privs");
		ADD(&c->words, BWRAP, "--args", "4", "/proc/self/fd/3");
		add_options(&c->options, s);
		add_env(&c->options, s->env ? s->env : plain_env);
	} else {
		add(&c->words, SANDBOX_SELF);
	}
	add_confine(&c->words, s, wall);
	int r = buf_check(&c->words, e, "The command of a sandbox is too long.");
	if (r == 0)
		r = buf_check(&c->options, e, "The folders of a sandbox are too many.");
	size_t n = 0;
	for (size_t at = 0; r == 0 && at < c->words.n; at += strlen(c->words.p + at) + 1) {
		if (n == WORDS_MAX)
			return err_set(e, E_TOO_LARGE, "The command of a sandbox has too many words.");
		c->argv[n++] = c->words.p + at;
	}
	c->argv[n] = NULL;
	return r;
}

static void command_done(struct command *c)
{
	buf_done(&c->words);
	buf_done(&c->options);
}

/* ---- start ---- */

struct running {
	pid_t pid;
	int pidfd, out, err, wake;
	struct cancel_hook hook;
};

/* This program as it was started, whatever has been installed in its place since; opened once, and kept. */
static int own_program(void)
{
	static int kept = -1;
	int fd = __atomic_load_n(&kept, __ATOMIC_ACQUIRE), none = -1;

	if (fd >= 0)
		return fd;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !__atomic_compare_exchange_n(&kept, &none, fd, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		close(fd);
		fd = none;
	}
	return fd;
}

static int options_file(const struct buf *options)
{
	CLEANUP(closep) int fd = memfd_create("options", MFD_CLOEXEC);

	if (fd < 0 || write(fd, options->p, options->n) != (ssize_t)options->n || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	int r = fd;
	fd = -1;
	return r;
}

/* A copy out of the way of 0 to 4. */
static int aside(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, FROM);

	return r < 0 ? -errno : r;
}

static int spawn(const struct command *c, const int fds[5], pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r = 0;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	for (int i = 0; i < 5 && r == 0; i++) {
		if (fds[i] >= 0)
			r = posix_spawn_file_actions_adddup2(&files, fds[i], i);
	}
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, fds[4] >= 0 ? 5 : 4);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (r == 0)
		r = posix_spawn(ret, c->namespaces ? c->argv[0] : "/proc/self/fd/3", &files, &attr,
			(char *const *)c->argv, c->namespaces ? (char *const[]){NULL} : (char *const *)c->env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		closep(&fds[i]);
}

/* The five descriptors of the child, and our ends of two of them. */
static int prepare(const struct sandbox *s, const struct command *c, int fds[5], struct running *run)
{
	int program = own_program(), out[2], err[2];

	if (program < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	run->out = out[0];
	fds[1] = aside(out[1]);
	close(out[1]);
	if (fds[1] < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	run->err = err[0];
	fds[2] = aside(err[1]);
	close(err[1]);
	if (s->in >= 0) {
		fds[0] = aside(s->in);
	} else {
		CLEANUP(closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		fds[0] = null < 0 ? -errno : aside(null);
	}
	fds[3] = aside(program);
	if (c->namespaces) {
		CLEANUP(closep) int options = options_file(&c->options);
		fds[4] = options < 0 ? options : aside(options);
	}
	for (int i = 0; i < (c->namespaces ? 5 : 4); i++) {
		if (fds[i] < 0)
			return fds[i];
	}
	(void)fcntl(run->out, F_SETFL, O_NONBLOCK);
	(void)fcntl(run->err, F_SETFL, O_NONBLOCK);
	return 0;
}

static int start(const struct sandbox *s, enum sandbox_wall wall, struct running *run, struct err *e)
{
	struct command *c = xcalloc(1, sizeof(*c));
	int fds[5] = {-1, -1, -1, -1, -1};
	int r = make_command(c, s, wall, e);

	c->env = s->env ? s->env : plain_env;
	if (r == 0 && ((r = prepare(s, c, fds, run)) < 0 || (r = spawn(c, fds, &run->pid)) < 0))
		r = err_set(e, r, "A program cannot be started: %s", strerror(-r));
	if (r == 0 && (run->pidfd = pidfd_open(run->pid, 0)) < 0)
		r = err_set(e, -errno, "A program cannot be watched: %s", strerror(errno));
	close_all(fds, 5);
	command_done(c);
	free(c);
	return r;
}

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
	ssize_t n = w->run->out < 0 ? -1 : read(w->run->out, piece, sizeof(piece));

	if (n == 0)
		closep(&w->run->out);
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

	while (w->run->err >= 0) {
		ssize_t n = read(w->run->err, piece, sizeof(piece));

		if (n == 0)
			closep(&w->run->err);
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
		struct pollfd p[] = {{.fd = w->run->out, .events = POLLIN}, {.fd = w->run->err, .events = POLLIN},
			{.fd = w->run->pidfd, .events = POLLIN}, {.fd = w->run->wake, .events = POLLIN}};
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
	siginfo_t info = {0};

	(void)kill(-w->run->pid, SIGKILL);
	(void)kill(w->run->pid, SIGKILL);
	while (waitid(P_PID, (id_t)w->run->pid, &info, WEXITED) < 0 && errno == EINTR)
		;
	(void)kill(-w->run->pid, SIGKILL); /* what was just being forked */
	if (w->r < 0 || w->result->end != SANDBOX_EXITED)
		return;
	w->result->status = info.si_status;
	if (info.si_code != CLD_EXITED)
		w->result->end = SANDBOX_KILLED;
	/* bubblewrap says by an exit code which signal it was. */
	else if (info.si_status > 128 && info.si_status <= 128 + SIGRTMAX) {
		w->result->end = SANDBOX_KILLED;
		w->result->status = info.si_status - 128;
	}
}

static int run_behind(const struct sandbox *s, enum sandbox_wall wall, struct sandbox_result *ret, struct err *e)
{
	struct running run = {.pid = -1, .pidfd = -1, .out = -1, .err = -1, .wake = -1};
	struct watch w = {.s = s, .result = ret, .run = &run, .errors = BUF_INIT(sizeof(ret->errors) * 4)};
	bool hooked = false;
	int r = start(s, wall, &run, e);

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
	if (run.pid > 0)
		reap(&w);
	CLEANUP(buf_done) struct buf seen = BUF_INIT(sizeof(ret->errors) * 16);
	utf8_add_visible(&seen, w.errors.p ? w.errors.p : "", w.errors.n, true);
	size_t n = MIN(seen.n, sizeof(ret->errors) - 1);
	if (n > 0)
		memcpy(ret->errors, seen.p + seen.n - n, n);
	buf_done(&w.errors);
	close_all((int[]){run.pidfd, run.out, run.err, run.wake}, 4);
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

	if (access(BWRAP, X_OK) < 0)
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

/* The exit codes of the launcher, and of bubblewrap. */
static bool never_began(const struct sandbox_result *r)
{
	return r->end == SANDBOX_EXITED && ((r->status == SANDBOX_STATUS && strncmp(r->errors, "confine: ", 9) == 0) ||
						   (r->status == 1 && strncmp(r->errors, "bwrap: ", 7) == 0));
}

int sandbox_run(const struct sandbox *s, struct sandbox_result *ret, struct err *e)
{
	enum sandbox_wall walls = sandbox_walls();

	if (walls < s->least)
		return err_set(e, E_NOT_IMPLEMENTED, "%s", known.why);
	int r = run_behind(s, walls, ret, e);
	if (r == 0 && never_began(ret))
		return err_set(e, E_INTERNAL, "A sandbox cannot be made: %s", ret->errors);
	return r;
}
