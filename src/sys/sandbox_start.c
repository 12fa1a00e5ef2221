/* sandbox_start.c - how the walls are made from outside: the command line, the descriptors, the child. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/utf8.h"
#include "sys/sandbox_priv.h"

#define SETPRIV   "/usr/bin/setpriv"
#define ARGS_FD   4 /* bubblewrap's options: in its command line the program could read them */
#define WORDS_MAX 512
#define FDS       7    /* 0 to 4, SANDBOX_WAY_OUT_FD, SANDBOX_LIFE_FD */
#define DEATH_MS  3000 /* of a machine that has little time for those that were killed */
#define NONE      INT_MIN
#define FROM      10 /* descriptors from here on are not in the way of those that the program is given */

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* newer than the C library's headers */
#endif

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

/*
 * What each of these keeps out stands in docs/decisions/071. Neither with --die-with-parent nor with --info-fd: by the one it is
 * killed, by the other it fails when we end between the fork of its child and the word that the child waits for, which then
 * waits for good. Who ends when we do is the program that is the first one within.
 */
static void add_options(struct buf *o, const struct sandbox *s)
{
	static const char *const links[][2] = {
		{"usr/bin", "/bin"}, {"usr/sbin", "/sbin"}, {"usr/lib", "/lib"}, {"usr/lib64", "/lib64"}};
	static const char *const also[] = {"/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime"};

	ADD(o, "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid", "65534", "--hostname",
		"sandbox", "--as-pid-1", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr");
	ADD(o, "--tmpfs", "/usr/local");
	for (size_t i = 0; i < N_ELEMENTS(links); i++)
		ADD(o, "--symlink", links[i][0], links[i][1]);
	for (size_t i = 0; i < N_ELEMENTS(also); i++)
		ADD(o, "--ro-bind-try", also[i], also[i]);
	ADD(o, "--proc", "/proc", "--dev", "/dev", "--size", "16777216", "--tmpfs", "/dev/shm", "--remount-ro", "/dev");
	ADD(o, "--size", "67108864", "--tmpfs", "/tmp");
	for (const char *const *p = s->readable; p && *p; p++)
		ADD(o, "--ro-bind", *p, *p);
	for (const char *const *p = s->grants; p && *p; p++)
		ADD(o, "--bind", *p, *p);
	if (s->writable)
		ADD(o, "--bind", s->writable, s->writable);
	ADD(o, "--remount-ro", "/usr/local", "--remount-ro", "/", "--chdir", s->writable ? s->writable : "/tmp");
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
		.network = wall == SANDBOX_NAMESPACES && s->network > 0,
		.writable = s->writable};

	for (const char *const *p = s->readable; p && *p && c.n_readable < SANDBOX_PLACES; p++)
		c.readable[c.n_readable++] = *p;
	for (const char *const *p = s->grants; p && *p && c.n_grants < SANDBOX_PLACES; p++)
		c.grants[c.n_grants++] = *p;
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
		ADD(&c->words, SANDBOX_BWRAP, "--args", "4", "/proc/self/fd/3");
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

/* A copy out of the way of 0 to 4. */
static int aside(int fd)
{
	int r = fcntl(fd, F_DUPFD_CLOEXEC, FROM);

	return r < 0 ? -errno : r;
}

/* Bytes as a file without a name, to be read from its beginning. */
static int memory_file(unsigned flags, const char *p, size_t n)
{
	CLEANUP(closep) int fd = memfd_create("atelier", MFD_CLOEXEC | flags);

	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < n;) {
		ssize_t k = write(fd, p + at, n - at);

		if (k < 0)
			return -errno;
		at += (size_t)k;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : aside(fd);
}

int sandbox_file(const char *p, size_t n)
{
	return memory_file(0, p, n);
}

/* Sealed: whoever is started holds a descriptor of the very file that it runs. */
static int image_file(const struct sandbox_image *image)
{
	CLEANUP(closep) int fd = memory_file(MFD_ALLOW_SEALING | MFD_EXEC, image->p, image->n);

	if (fd == -EINVAL) /* a kernel before 6.3 does not know the last flag, nor need it */
		fd = memory_file(MFD_ALLOW_SEALING, image->p, image->n);
	if (fd < 0)
		return fd;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ? -errno
												    : aside(fd);
}

static int program_file(const struct sandbox *s)
{
	if (s->image.n > 0)
		return image_file(&s->image);
	int own = own_program();
	return own < 0 ? -errno : aside(own);
}

/*
 * A session has a group of its own at the scheduler, which gets as much of the processors as all of ours do, whatever the nice of its
 * threads: so the group gets that of the thread that starts it. Where there are no such groups, nice is enough. (sched(7), autogrouping)
 */
static void pass_on_nice(pid_t session)
{
	char path[32], text[8];
	int nice = getpriority(PRIO_PROCESS, 0);

	if (nice <= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/autogroup", (int)session);
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", nice);
	if (fd >= 0)
		(void)!write(fd, text, (size_t)n);
}

/* In a session of its own, so that it has no terminal. */
static int spawn(const struct command *c, const int fds[FDS], pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r = 0;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	int above = 0;
	for (int i = 0; i < FDS && r == 0; i++) {
		r = fds[i] < 0 ? posix_spawn_file_actions_addclose(&files, i)
			       : posix_spawn_file_actions_adddup2(&files, fds[i], i);
		above = i + 1;
	}
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, above);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	if (r == 0)
		r = posix_spawn(ret, c->namespaces ? c->argv[0] : "/proc/self/fd/3", &files, &attr,
			(char *const *)c->argv, c->namespaces ? (char *const[]){NULL} : (char *const *)c->env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (r == 0)
		pass_on_nice(*ret);
	return -r;
}

void sandbox_close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		closep(&fds[i]);
}

static int share(const int ends[2], int *ret_ours, int *ret_its)
{
	*ret_ours = ends[0];
	*ret_its = aside(ends[1]);
	close(ends[1]);
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return MIN(*ret_its, 0);
}

static int open_pipe(int *ret_ours, int *ret_its)
{
	int ends[2];

	return pipe2(ends, O_CLOEXEC) < 0 ? -errno : share(ends, ret_ours, ret_its);
}

static int open_life(int *ret_ours, int *ret_its)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : share(ends, ret_ours, ret_its);
}

/* The descriptors of the child, and our ends of its pipes. */
static int prepare(const struct sandbox *s, const struct command *c, int fds[FDS], struct sandbox_child *run)
{
	int r = open_pipe(&run->out, &fds[1]);

	if (r == 0)
		r = open_pipe(&run->err, &fds[2]);
	if (r == 0)
		r = open_life(&run->life, &fds[SANDBOX_LIFE_FD]);
	if (r < 0)
		return r;
	if (s->in >= 0) {
		fds[0] = aside(s->in);
	} else {
		CLEANUP(closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		fds[0] = null < 0 ? -errno : aside(null);
	}
	fds[3] = program_file(s);
	if (c->namespaces)
		fds[ARGS_FD] = memory_file(0, c->options.p, c->options.n);
	if (c->namespaces && s->network > 0)
		fds[SANDBOX_WAY_OUT_FD] = aside(s->network);
	for (int i = 0; i < FDS; i++) {
		if (fds[i] < 0 && fds[i] != NONE)
			return fds[i];
	}
	return 0;
}

int sandbox_child_start(const struct sandbox *s, enum sandbox_wall wall, struct sandbox_child *run, struct err *e)
{
	struct command *c = xcalloc(1, sizeof(*c));
	int fds[FDS] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE};
	int r = make_command(c, s, wall, e);

	c->env = s->env ? s->env : plain_env;
	if (r == 0 && ((r = prepare(s, c, fds, run)) < 0 || (r = spawn(c, fds, &run->pid)) < 0))
		r = err_set(e, r, "A program cannot be started: %s", strerror(-r));
	if (r == 0 && (run->pidfd = pidfd_open(run->pid, 0)) < 0)
		r = err_set(e, -errno, "A program cannot be watched: %s", strerror(errno));
	sandbox_close_all(fds, FDS);
	command_done(c);
	free(c);
	return r;
}

/* ---- end ---- */

void sandbox_child_close(struct sandbox_child *c)
{
	sandbox_close_all((int[]){c->pidfd, c->out, c->err, c->life}, 4);
	*c = SANDBOX_NO_CHILD;
}

void sandbox_child_kill(const struct sandbox_child *c)
{
	(void)shutdown(c->life, SHUT_WR);
	(void)kill(-c->pid, SIGKILL);
	(void)kill(c->pid, SIGKILL);
}

/* bubblewrap may end before the first process behind the walls does, and with that one, in the kernel, all others. That one sends
 * a descriptor of itself before it starts anything. */
static void await_first(const struct sandbox_child *c)
{
	CLEANUP(closep) int first = sandbox_passed(c->life);

	if (first >= 0)
		(void)poll(&(struct pollfd){.fd = first, .events = POLLIN}, 1, DEATH_MS);
}

bool sandbox_child_reap(const struct sandbox_child *c, bool wait, struct sandbox_result *ret)
{
	siginfo_t info = {0};
	int r;

	do
		r = waitid(P_PID, (id_t)c->pid, &info, WEXITED | (wait ? 0 : WNOHANG));
	while (r < 0 && errno == EINTR);
	if (r == 0 && info.si_pid == 0)
		return false;
	(void)shutdown(c->life, SHUT_WR);
	(void)kill(-c->pid, SIGKILL); /* what was just being forked */
	await_first(c);
	ret->end = info.si_code == CLD_EXITED ? SANDBOX_EXITED : SANDBOX_KILLED;
	ret->status = info.si_status;
	/* bubblewrap says by an exit code which signal it was. */
	if (info.si_code == CLD_EXITED && info.si_status > 128 && info.si_status <= 128 + SIGRTMAX) {
		ret->end = SANDBOX_KILLED;
		ret->status = info.si_status - 128;
	}
	return true;
}

void sandbox_keep_errors(struct sandbox_result *r, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf seen = BUF_INIT(sizeof(r->errors) * 16);

	utf8_add_visible(&seen, p ? p : "", n, UTF8_TEXT);
	n = MIN(seen.n, sizeof(r->errors) - 1);
	if (n > 0)
		memcpy(r->errors, seen.p + seen.n - n, n);
	r->errors[n] = '\0';
}

/* The exit codes of the launcher, and of bubblewrap. */
bool sandbox_never_began(const struct sandbox_result *r)
{
	return r->end == SANDBOX_EXITED && ((r->status == SANDBOX_STATUS && strncmp(r->errors, "confine: ", 9) == 0) ||
						   (r->status == 1 && strncmp(r->errors, "bwrap: ", 7) == 0));
}
