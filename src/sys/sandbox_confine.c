/* sandbox_confine.c - the inner side: what a process does to itself before it reads a foreign byte. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sys/sandbox_priv.h"

#define NOBODY 65534

/* A sanitizer's own tables are larger than any limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static void __attribute__((noreturn)) give_up(const char *what)
{
	dprintf(STDERR_FILENO, "confine: %s: %s\n", what, strerror(errno));
	_exit(SANDBOX_STATUS);
}

/* ---- limits ---- */

static void limit(int which, uint64_t soft, uint64_t hard)
{
	if (setrlimit(which, &(struct rlimit){soft, hard}) < 0)
		give_up("a limit");
}

static void set_limits(const struct confinement *c)
{
	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_NICE, 0, 0);
	limit(RLIMIT_RTPRIO, 0, 0);
	if (c->cpu_s)
		limit(RLIMIT_CPU, c->cpu_s, c->cpu_s + 1);
	if (c->file)
		limit(RLIMIT_FSIZE, c->file, c->file);
	if (c->files)
		limit(RLIMIT_NOFILE, c->files, c->files);
	/* Elsewhere all threads of the server would be counted too. */
	if (c->processes && c->wall == SANDBOX_NAMESPACES)
		limit(RLIMIT_NPROC, c->processes, c->processes);
}

/* ---- system calls ---- */

/* What no program needs that only computes; mostly ways to more rights, or into the kernel's less trodden parts. */
static const char *const refused[] = {"mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsmount",
	"fsconfig", "fspick", "mount_setattr", "unshare", "setns", "chroot", "ptrace", "process_vm_readv",
	"process_vm_writev", "pidfd_getfd", "kcmp", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "init_module", "finit_module",
	"delete_module", "kexec_load", "kexec_file_load", "open_by_handle_at", "name_to_handle_at", "swapon", "swapoff",
	"reboot", "acct", "quotactl", "syslog", "personality"};

/* Without namespaces also: whatever would leave the process group or reach another process or the network. */
static const char *const refused_alone[] = {"socket", "setsid", "setpgid", "kill", "tkill", "pidfd_open",
	"pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sched_setscheduler", "shmget", "msgget",
	"semget"};

static int refuse_all(scmp_filter_ctx f, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		int call = seccomp_syscall_resolve_name(names[i]);

		if (call != __NR_SCMP_ERROR)
			r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), call, 0);
	}
	return r;
}

static int refuse_parts(scmp_filter_ctx f)
{
	static const uint64_t spaces[] = {
		CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET};
	/* Its flags stand in memory, where a filter cannot look; the C library then falls back to clone. */
	int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < N_ELEMENTS(spaces) && r == 0; i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]));
	for (int i = 0; i < 2 && r == 0; i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, i ? TIOCLINUX : TIOCSTI));
	return r;
}

static void refuse_calls(const struct confinement *c)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = f ? 0 : -ENOMEM;

	if (r == 0 && (r = refuse_all(f, refused, N_ELEMENTS(refused))) == 0)
		r = refuse_parts(f);
	if (r == 0 && c->wall == SANDBOX_LANDLOCK) {
		r = refuse_all(f, refused_alone, N_ELEMENTS(refused_alone));
		if (r == 0) /* abort() reaches itself alone */
			r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
				SCMP_A0_64(SCMP_CMP_NE, (uint64_t)getpid(), 0));
		if (r == 0) /* and limits are its own */
			r = seccomp_rule_add(
				f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1, SCMP_A0_64(SCMP_CMP_NE, 0, 0));
	}
	if (r == 0)
		r = seccomp_load(f);
	if (r < 0) {
		errno = -r;
		give_up("the filter of system calls");
	}
	seccomp_release(f);
}

/* ---- Landlock ---- */

#define READING (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define ABI_1   ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

int landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void allow_fd(int rules, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = rights, .parent_fd = fd};
	struct stat st;

	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		beneath.allowed_access &= OF_FILE;
	/* Pipes have no place in the tree, and need no right. */
	(void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

static void allow(int rules, const char *path, uint64_t rights)
{
	CLEANUP(closep) int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd >= 0)
		allow_fd(rules, fd, rights);
}

static void close_tree(const struct confinement *c)
{
	static const char *const system[] = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives",
		"/etc/fonts", "/etc/localtime", "/etc/ssl/openssl.cnf", "/dev/zero", "/dev/urandom"};
	struct landlock_ruleset_attr all = {.handled_access_fs = ABI_1};
	int abi = landlock_version();

	/* Rights that this version's header does not name, by their numbers: to move between folders, to truncate. */
	if (abi >= 2)
		all.handled_access_fs |= 1u << 13;
	if (abi >= 3)
		all.handled_access_fs |= 1u << 14;
	CLEANUP(closep) int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all.handled_access_fs), 0);
	if (rules < 0)
		give_up("Landlock");
	for (size_t i = 0; i < N_ELEMENTS(system); i++)
		allow(rules, system[i], READING);
	allow(rules, "/dev/null", OF_FILE);
	allow_fd(rules, STDIN_FILENO, LANDLOCK_ACCESS_FS_READ_FILE);
	for (size_t i = 0; i < c->n_readable; i++)
		allow(rules, c->readable[i], READING);
	for (size_t i = 0; i < c->n_grants; i++)
		allow(rules, c->grants[i], all.handled_access_fs);
	if (c->writable)
		allow(rules, c->writable, all.handled_access_fs);
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		give_up("Landlock");
}

/* ---- the way out ---- */

/* A listener in a network that has nothing else, for whoever started this; what connects to it goes where they let it. */
static void give_listener(void)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(SANDBOX_WAY_OUT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	CLEANUP(closep) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 32) < 0 ||
		sandbox_pass(SANDBOX_WAY_OUT_FD, listener) < 0)
		give_up("its way out");
	close(SANDBOX_WAY_OUT_FD);
}

/* ---- until the server ends ---- */

static void tie_to_parent(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		give_up("no new rights");
	/* It may have ended before that was asked for. */
	if (poll(&(struct pollfd){.fd = SANDBOX_LIFE_FD, .events = POLLIN}, 1, 0) != 0)
		_exit(SANDBOX_STATUS);
}

/* Ends as the program does, and when the server has ended; with this process the kernel ends all others behind the walls. */
static void __attribute__((noreturn)) await_end(pid_t program, int signals)
{
	struct signalfd_siginfo seen;
	int status = 0;
	pid_t pid;

	for (;;) {
		struct pollfd p[] = {{.fd = SANDBOX_LIFE_FD, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

		if (poll(p, N_ELEMENTS(p), -1) < 0 && errno != EINTR)
			give_up("its end");
		if (p[0].revents)
			_exit(SANDBOX_STATUS);
		(void)!read(signals, &seen, sizeof(seen));
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == program)
				_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	}
}

/*
 * The first process of a namespace stays as that and does nothing else; the program is its child, which returns from here.
 * It cannot be dumped, or a program of the same user could write into its memory; and it has no words, for it is not the program.
 */
static void leave_first(char **argv)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), own = pidfd_open(getpid(), 0);
	if (signals < 0 || own < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		give_up("its first process");
	tie_to_parent();
	if (sandbox_pass(SANDBOX_LIFE_FD, own) < 0)
		_exit(SANDBOX_STATUS);
	close(own);
	pid_t program = fork();
	if (program < 0)
		give_up("its program");
	if (program > 0) {
		close(SANDBOX_PROGRAM_FD);
		close(SANDBOX_WAY_OUT_FD);
		for (; *argv; argv++)
			memset(*argv, 0, strlen(*argv));
		await_end(program, signals);
	}
	close(signals);
	(void)sigprocmask(SIG_UNBLOCK, &child, NULL);
	(void)prctl(PR_SET_DUMPABLE, 1);
}

/* ---- together ---- */

/* Root's rights do not stop at what it was given; inside namespaces bubblewrap has taken them away. */
static void drop_root(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				      setresuid(NOBODY, NOBODY, NOBODY) < 0))
		give_up("another user");
}

void sandbox_confine(int argc, char **argv, int (*self)(int argc, char **argv))
{
	struct confinement c = {0};
	int used = confinement_read(&c, argc, argv);

	if (used < 0 || used == argc) {
		errno = EINVAL;
		give_up("its words");
	}
	if (c.wall == SANDBOX_NAMESPACES)
		leave_first(argv);
	argv += used;
	argc -= used;
	bool is_self = strcmp(argv[0], SANDBOX_SELF) == 0;
	if (c.wall != SANDBOX_NAMESPACES)
		drop_root();
	/* The descriptor that it was started by. */
	if (!is_self)
		(void)fcntl(SANDBOX_PROGRAM_FD, F_SETFD, FD_CLOEXEC);
	else
		close(SANDBOX_PROGRAM_FD);
	if (c.network)
		give_listener();
	set_limits(&c);
	tie_to_parent(); /* behind all that changes who it is, which would clear it */
	close(SANDBOX_LIFE_FD);
	if (c.wall == SANDBOX_LANDLOCK)
		close_tree(&c);
	if (c.wall != SANDBOX_LIMITS)
		refuse_calls(&c);
	if (c.memory && !(is_self && SANITIZED))
		limit(RLIMIT_AS, c.memory, c.memory);
	if (is_self) {
		int status = self && argc > 1 ? self(argc - 1, argv + 1) : SANDBOX_STATUS;

		(void)fflush(NULL);
		_exit(status); /* without a sanitizer's last look, which needs what was refused */
	}
	execv(argv[0], argv);
	give_up(argv[0]);
}
