/* The sandbox: what is tried from within, by this program itself, and how it ends. Runs behind both kinds of walls. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../patience.h"
#include "base/clock.h"
#include "sys/sandbox.h"

/* ---- within ---- */

static int cannot_read(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY);

	return fd < 0 || read(fd, &byte, 1) <= 0 ? 0 : 1;
}

static int cannot_write(const char *folder)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/planted", folder);
	return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? 0 : 1;
}

static int try_descriptors(const char *arg UNUSED)
{
	for (int fd = 3; fd < 256; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			return 1;
	}
	return 0;
}

static int try_network(const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static int try_server(const char *pid)
{
	return kill(atoi(pid), SIGKILL) == 0 && getpid() != atoi(pid);
}

static int try_rights(const char *arg UNUSED)
{
	return unshare(CLONE_NEWUSER) == 0 || mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || setuid(0) == 0 ||
	       ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 || chroot("/tmp") == 0;
}

static int try_environment(const char *arg UNUSED)
{
	return getenv("SECRET") != NULL || cannot_read("/proc/1/environ");
}

/* Its number says which one was possible; 0: none. */
static int try_outside(const char *file)
{
	static const char *const paths[] = {"/etc/shadow", "/etc/passwd", "/root/.bashrc"}, *const folders[] = {"/",
												    "/usr",
												    "/usr/local",
												    "/var/tmp", "/dev",
												    "/proc"};
	int r = cannot_read(file);

	for (size_t i = 0; i < N_ELEMENTS(paths) && r == 0; i++)
		r = cannot_read(paths[i]) ? 10 + (int)i : 0;
	for (size_t i = 0; i < N_ELEMENTS(folders) && r == 0; i++)
		r = cannot_write(folders[i]) ? 20 + (int)i : 0;
	if (r == 0)
		r = try_descriptors("") ? 30 : try_environment("") ? 31 : try_rights("") ? 32 : 0;
	return r;
}

/* One that leaves its session and holds what it was given. */
static int try_daemon(const char *arg UNUSED)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			(void)signal(SIGTERM, SIG_IGN);
			for (;;)
				pause();
		}
	}
	return 0;
}

static int try_fork_bomb(const char *arg UNUSED)
{
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 0;
		if (pid == 0) {
			for (;;)
				pause();
		}
	}
	return 1;
}

static int try_loop(const char *arg UNUSED)
{
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	for (volatile int i = 0;; i++)
		;
}

static int try_wait(const char *arg UNUSED)
{
	for (;;)
		pause();
}

/* Started from memory, which nobody can change. */
static int try_image(const char *arg UNUSED)
{
	char path[64] = "";

	return readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 || strncmp(path, "/memfd:", 7) != 0 ||
	       open("/proc/self/exe", O_RDWR) >= 0;
}

static int try_terminal(const char *arg UNUSED)
{
	return open("/dev/tty", O_RDWR) < 0 ? 0 : 1;
}

/* Its group at the scheduler has that nice, where it has one. */
static int try_nice(const char *nice)
{
	FILE *f = fopen("/proc/self/autogroup", "r");
	int got = 0;

	return f && fscanf(f, "/autogroup-%*d nice %d", &got) == 1 && got != atoi(nice);
}

static int within(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const char *arg);
	} all[] = {
		{"unreadable", cannot_read},
		{"outside", try_outside},
		{"network", try_network},
		{"server", try_server},
		{"rights", try_rights},
		{"environment", try_environment},
		{"daemon", try_daemon},
		{"bomb", try_fork_bomb},
		{"loop", try_loop},
		{"wait", try_wait},
		{"image", try_image},
		{"terminal", try_terminal},
		{"nice", try_nice},
	};

	for (size_t i = 0; argc > 0 && i < N_ELEMENTS(all); i++) {
		if (strcmp(all[i].name, argv[0]) == 0)
			return all[i].run(argc > 1 ? argv[1] : "");
	}
	return 99;
}

/* ---- without ---- */

static struct sandbox self(const char *const *argv)
{
	return (struct sandbox){.argv = argv,
		.in = -1,
		.least = SANDBOX_LANDLOCK,
		.limits = {.wall_ms = PATIENCE_MS, .cpu_s = 10, .files = 64, .processes = 40, .output = 1 << 20}};
}

static bool can_hold(const char *attempt, const char *arg)
{
	const char *argv[] = {SANDBOX_SELF, attempt, arg, NULL};
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct err e = {0};

	if (sandbox_run(&s, &end, &e) == 0 && end.end == SANDBOX_EXITED && end.status == 0)
		return true;
	print_error("%s %s: end %d, status %d\n%s\n", attempt, arg, (int)end.end, end.status, end.errors);
	return false;
}

static void holds(const char *attempt, const char *arg)
{
	assert_true(can_hold(attempt, arg));
}

static void test_outside_is_not_there(void **state UNUSED)
{
	char file[] = "/var/tmp/sandbox-test-XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0 && write(fd, "secret", 6) == 6 && fchmod(fd, 0644) == 0);
	close(fd);
	(void)setenv("SECRET", "key", 1);
	holds("outside", file);
	unlink(file);
}

static void test_network(void **state UNUSED)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	char port[16];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 4) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	snprintf(port, sizeof(port), "%d", ntohs(at.sin_port));
	holds("network", port);
	close(fd);
}

static void test_server_lives(void **state UNUSED)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	holds("server", pid);
}

static void test_granted(void **state UNUSED)
{
	char folder[] = "/var/tmp/sandbox-test-XXXXXX", file[64];
	const char *argv[] = {SANDBOX_SELF, "unreadable", file, NULL}, *readable[] = {folder, NULL};
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct err e = {0};

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(file, sizeof(file), "%s/f", folder);
	int fd = open(file, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
	/* It says 1 when it could read. */
	s.readable = readable;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.status, 1);
	s.readable = NULL;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.status, 0);
	unlink(file);
	rmdir(folder);
}

/* Nobody is left who could read what we write into its standard input. */
static void nobody_left(const char *attempt, enum sandbox_end expect)
{
	const char *argv[] = {SANDBOX_SELF, attempt, NULL};
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct err e = {0};
	int in[2], r = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	s.in = in[0];
	s.limits.wall_ms = expect == SANDBOX_TIME ? 300 : PATIENCE_MS;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.end, expect);
	close(in[0]);
	/* A killed process gives up what it holds a moment later than it is reaped by the one we waited for. */
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	while ((r = (int)write(in[1], "x", 1)) == 1 && clock_mono_ms() < until_ms)
		usleep(10000);
	assert_true(r < 0 && errno == EPIPE);
	close(in[1]);
}

static void test_nothing_is_left(void **state UNUSED)
{
	nobody_left("daemon", SANDBOX_EXITED);
	nobody_left("loop", SANDBOX_TIME);
	if (sandbox_walls() == SANDBOX_NAMESPACES)
		nobody_left("bomb", SANDBOX_EXITED);
}

/* Children and grandchildren whose parent has ended are given to us; false: one of them goes on. */
static bool all_end(void)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;

	while (clock_mono_ms() < until_ms) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return errno == ECHILD;
		if (pid == 0)
			usleep(500);
	}
	return false;
}

/* Whoever runs it is killed at twenty moments of a start, from before the walls are there to behind it. */
static void test_ends_with_who_runs_it(void **state UNUSED)
{
	static const char *const brief[] = {"/usr/bin/true", NULL}, *const endless[] = {SANDBOX_SELF, "wait", NULL};
	enum { MOMENTS = 20 };
	struct sandbox s = self(brief);
	struct sandbox_result end;
	struct err e = {0};
	int64_t began_ms = clock_mono_ms();

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	int64_t takes_ms = clock_mono_ms() - began_ms;
	s = self(endless);
	for (int i = 0; i < MOMENTS; i++) {
		pid_t runs = fork();

		assert_true(runs >= 0);
		if (runs == 0)
			_exit(sandbox_run(&s, &end, &e));
		usleep((useconds_t)(takes_ms * 1000 * i / MOMENTS));
		assert_int_equal(kill(runs, SIGKILL), 0);
		assert_true(all_end());
	}
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void test_limits(void **state UNUSED)
{
	static const char *const cpu[] = {SANDBOX_SELF, "loop", NULL}, *const yes[] = {"/usr/bin/yes", NULL},
				 *const memory[] = {
					 "/usr/bin/python3", "-I", "-S", "-c", "bytearray(2000000000)", NULL};
	struct sandbox s = self(cpu);
	struct sandbox_result end;
	struct err e = {0};

	s.limits.cpu_s = 1;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.end, SANDBOX_KILLED);
	assert_true(end.status == SIGXCPU || end.status == SIGKILL);
	s = self(yes);
	s.limits.output = 65536;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.end, SANDBOX_OUTPUT);
	s = self(memory);
	s.limits.memory = (size_t)256 << 20;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.end, SANDBOX_EXITED);
	assert_int_equal(end.status, 1);
	if (!strstr(end.errors, "MemoryError"))
		print_error("%s\n", end.errors);
	assert_non_null(strstr(end.errors, "MemoryError"));
}

static struct {
	int64_t fired_ms;
	struct cancel cancel;
} stop;

static int fire_later(void *arg UNUSED, const char *p UNUSED, size_t n UNUSED)
{
	stop.fired_ms = clock_mono_ms();
	cancel_fire(&stop.cancel, E_CANCELED);
	return 0;
}

/* Fired by its first output, so that it surely runs. */
static void test_cancel(void **state UNUSED)
{
	static const char *const argv[] = {"/bin/sh", "-c", "trap '' TERM; echo; while :; do :; done", NULL};
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct err e = {0};

	cancel_init(&stop.cancel);
	s.cancel = &stop.cancel;
	s.output = fire_later;
	assert_int_equal(sandbox_run(&s, &end, &e), -ECANCELED);
	assert_true(clock_mono_ms() - stop.fired_ms < 1500); /* 200 on a quiet machine */
	assert_int_equal(sandbox_run(&s, &end, &e), -ECANCELED);
	cancel_done(&stop.cancel);
}

static int refuse(void *arg UNUSED, const char *p UNUSED, size_t n UNUSED)
{
	return E_INVALID;
}

static void test_output(void **state UNUSED)
{
	static const char *const argv[] = {"/bin/sh", "-c", "echo out; echo 'bad \033[2J' >&2; exit 7", NULL},
				 *const missing[] = {"/usr/bin/no-such-program", NULL};
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct err e = {0};

	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.status, 7);
	assert_string_equal(end.errors, "bad \\x1b[2J\n");
	s.output = refuse;
	assert_int_equal(sandbox_run(&s, &end, &e), E_INVALID);
	s = self(missing);
	assert_int_equal(sandbox_run(&s, &end, &e), E_INTERNAL);
	assert_non_null(strstr(e.msg, "no-such-program"));
}

static void test_image(void **state UNUSED)
{
	static const char *const argv[] = {SANDBOX_SELF, "image", NULL};
	CLEANUP(closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct stat st;
	struct err e = {0};

	assert_int_equal(fstat(fd, &st), 0);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(p != MAP_FAILED);
	s.image = (struct sandbox_image){p, (size_t)st.st_size};
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	assert_int_equal(end.end, SANDBOX_EXITED);
	assert_int_equal(end.status, 0);
	s.image.n /= 3; /* a broken one is told, and ends nothing else */
	int r = sandbox_run(&s, &end, &e);
	assert_true(r < 0 || end.end != SANDBOX_EXITED || end.status != 0);
	munmap(p, (size_t)st.st_size);
}

/* It reads OpenSSL's configuration at its start, and does not live without: behind Landlock alone that file is there, too. */
static void test_node(void **state UNUSED)
{
	static const char *const argv[] = {"/usr/bin/node", "-e", "process.exit(7)", NULL};
	struct sandbox s = self(argv);
	struct sandbox_result end;
	struct err e = {0};

	if (access(argv[0], X_OK) < 0)
		skip();
	s.limits.files = 256;
	assert_int_equal(sandbox_run(&s, &end, &e), 0);
	if (end.status != 7)
		print_error("%s\n", end.errors);
	assert_int_equal(end.end, SANDBOX_EXITED);
	assert_int_equal(end.status, 7);
}

/* Of a server that somebody has started in a terminal. */
static void test_no_terminal(void **state UNUSED)
{
	int terminal, status = 0;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(!try_terminal("") || !can_hold("terminal", ""));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(terminal);
	assert_int_equal(status, 0);
}

static void *hold_behind(void *ret)
{
	bool *held = ret;

	if (setpriority(PRIO_PROCESS, 0, 12) ==
		0) /* who is not root may pass it on ten times a second, all processes together */
		for (int64_t until = clock_mono_ms() + PATIENCE_MS; !*held && clock_mono_ms() < until;)
			*held = can_hold("nice", "12");
	return NULL;
}

static void test_nice(void **state UNUSED)
{
	pthread_t thread;
	bool held = false;

	assert_int_equal(pthread_create(&thread, NULL, hold_behind, &held), 0);
	pthread_join(thread, NULL);
	assert_true(held);
}

static void test_walls(void **state UNUSED)
{
	/* Where the system allows no namespaces (in a chroot), the first run is behind the second wall too. */
	if (getenv("ATELIER_FAULT"))
		assert_int_equal(sandbox_walls(), SANDBOX_LANDLOCK);
	assert_true((sandbox_walls() < SANDBOX_NAMESPACES) == (sandbox_why() != NULL));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_walls),
		cmocka_unit_test(test_outside_is_not_there), cmocka_unit_test(test_network),
		cmocka_unit_test(test_server_lives), cmocka_unit_test(test_granted),
		cmocka_unit_test(test_nothing_is_left), cmocka_unit_test(test_ends_with_who_runs_it),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_cancel), cmocka_unit_test(test_output),
		cmocka_unit_test(test_image), cmocka_unit_test(test_node), cmocka_unit_test(test_no_terminal),
		cmocka_unit_test(test_nice)};

	if (argc > 1 && strcmp(argv[1], "confine") == 0)
		sandbox_confine(argc - 2, argv + 2, within);
	if (sandbox_walls() == SANDBOX_LIMITS) {
		print_message("SKIPPED: no sandbox can be made here. %s\n", sandbox_why());
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
