/* sandbox_priv.h - what both sides of the sandbox know: the words between the server and `atelier confine`. */
#pragma once

#include "base/buf.h"
#include "sys/sandbox.h"

#define SANDBOX_BWRAP      "/usr/bin/bwrap"
#define SANDBOX_STATUS     125 /* exit code: the walls could not be made */
#define SANDBOX_PROGRAM_FD 3   /* what is run first, to be started through /proc/self/fd */
#define SANDBOX_WAY_OUT_FD 5   /* where its listener is sent to */
#define SANDBOX_LIFE_FD    6   /* one end of a pair of sockets, of which only the server holds the other */
#define SANDBOX_PLACES     16  /* readable folders at most */

/* What `atelier confine` is told. */
struct confinement {
	enum sandbox_wall wall;
	uint64_t cpu_s, memory, file, files, processes, network; /* network: 1, it has a way out */
	const char *readable[SANDBOX_PLACES], *grants[SANDBOX_PLACES], *writable;
	size_t n_readable, n_grants;
};

/* Reads name=value words up to "--"; returns how many words those are, "--" among them, or -1. */
int confinement_read(struct confinement *c, int argc, char **argv);
/* Adds such words, each ended by a NUL. */
void confinement_write(const struct confinement *c, struct buf *to);

/* Hands on a descriptor, which stays the caller's; sandbox_passed() takes it. */
int sandbox_pass(int to, int fd) MUST_CHECK;

/* The kernel's version of Landlock; < 1: none. */
int landlock_version(void);

/* ---- the outer side, of sandbox_run() and of process.h ---- */

struct sandbox_child {
	pid_t pid;
	int pidfd, out, err,
		life; /* our ends, which do not block; life: when we have shut it, or have ended, it ends */
};

#define SANDBOX_NO_CHILD ((struct sandbox_child){.pid = -1, .pidfd = -1, .out = -1, .err = -1, .life = -1})

/* Starts the program; outside of namespaces it dies with the calling thread. What was opened stays open on failure. */
int sandbox_child_start(
	const struct sandbox *s, enum sandbox_wall wall, struct sandbox_child *ret, struct err *e) MUST_CHECK;
/* It and its group. */
void sandbox_child_kill(const struct sandbox_child *c);
/* Its end and status, when all that it started has ended, too; false: it has not ended, and there was to be no wait. */
bool sandbox_child_reap(const struct sandbox_child *c, bool wait, struct sandbox_result *ret);
/* The end of what it wrote on its standard error, as sandbox_result has it. */
void sandbox_keep_errors(struct sandbox_result *r, const char *p, size_t n);
/* The walls could not be made; `errors` says why. */
bool sandbox_never_began(const struct sandbox_result *r);
/* Gives back what is open of it. */
void sandbox_child_close(struct sandbox_child *c);
void sandbox_close_all(int *fds, size_t n);
