/*
 * run.c - this process has one thread, so that it may fork. The program gets the file as its standard input and nothing else that
 * is open, with limits of time and memory of its own: so what it uses up ends it and not the reader, which can then say so. Both of
 * its pipes are read at once, for a program that waits to write errors would never end its output.
 */
#include "rag/formats/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sys/sandbox.h"

#define MEMORY ((size_t)384 << 20)

static void __attribute__((noreturn)) become(const struct run *r, int out, int err)
{
	static const char *const env[] = {
		"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "OMP_THREAD_LIMIT=1", NULL};
	rlim_t cpu = (rlim_t)MAX(r->cpu_s, 1);

	if (lseek(r->in, 0, SEEK_SET) < 0 || dup2(r->in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	(void)close_range(3, ~0u, 0);
	(void)setrlimit(RLIMIT_CPU, &(struct rlimit){cpu, cpu + 1});
	(void)setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY, MEMORY});
	execve(r->argv[0], (char *const *)r->argv, (char *const *)env);
	_exit(127);
}

static void take_errors(struct run_end *ret, size_t *n, const char *p, size_t len)
{
	ASSERT(*n < sizeof(ret->errors)); /* its end is there */
	len = MIN(len, sizeof(ret->errors) - 1 - *n);
	memcpy(ret->errors + *n, p, len);
	*n += len;
}

/* Both pipes until they end, or the taker has had enough. */
static void follow(const struct run *r, int out, int err, struct run_end *ret)
{
	struct pollfd p[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
	size_t n_errors = 0;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		char piece[65536];

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++) {
			if (p[i].fd < 0 || !p[i].revents)
				continue;
			ssize_t n = read(p[i].fd, piece, sizeof(piece));
			if (n <= 0)
				p[i].fd = -1;
			else if (i == 1)
				take_errors(ret, &n_errors, piece, (size_t)n);
			else if (r->take && r->take(r->arg, piece, (size_t)n) < 0)
				return; /* writing to a pipe without a reader ends it */
		}
	}
}

static bool cannot_start(struct doc *d)
{
	doc_fail(d, EXTRACT_MEMORY,
		"A program that reads this kind of file cannot be started for want of memory. Try again later.");
	return false;
}

bool run_program(struct doc *d, const struct run *r, struct run_end *ret)
{
	CLEANUP(closep) int out = -1, err = -1;
	int ends[2], status = 0;

	ASSERT(r->argv[0][0] == '/' && r->in >= 0);
	*ret = (struct run_end){0};
	if (access(r->argv[0], X_OK) < 0) {
		doc_fail(d, EXTRACT_UNAVAILABLE,
			"A program that reads this kind of file is not installed on the server (%s).", r->argv[0]);
		return false;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return cannot_start(d);
	CLEANUP(closep) int theirs_out = ends[1];
	out = ends[0];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return cannot_start(d);
	CLEANUP(closep) int theirs_err = ends[1];
	err = ends[0];
	pid_t pid = fork();
	if (pid < 0)
		return cannot_start(d);
	if (pid == 0)
		become(r, theirs_out, theirs_err);
	closep(&theirs_out);
	closep(&theirs_err);
	follow(r, out, err, ret);
	closep(&out);
	closep(&err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ret->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (ret->signal == SIGXCPU)
		ret->used_up = EXTRACT_TIMEOUT;
	else if (ret->signal == SIGKILL || ret->signal == SIGABRT || strstr(ret->errors, "bad_alloc") ||
		 strstr(ret->errors, "Out of memory"))
		ret->used_up = EXTRACT_MEMORY;
	return true;
}

int run_file(struct doc *d, const char *p, size_t n)
{
	int fd = sandbox_file(p, n);

	if (fd < 0)
		doc_fail(d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
	return fd;
}
