/*
 * sandbox.h - a program run apart from the server, for what reads foreign bytes or is foreign itself: in namespaces of its
 * own where the kernel allows it (bubblewrap), else behind Landlock and seccomp; with an empty environment, no network, and
 * limits on time, memory and output. It is dead when sandbox_run() returns, with all that it started.
 *
 * What is run is always a program of ours first, as `confine`, which sets the limits from within and then becomes the program
 * that was meant, or goes on itself.
 */
#pragma once

#include "sys/cancel.h"

enum sandbox_wall {
	SANDBOX_LIMITS, /* a process with limits, that may read what the server may */
	SANDBOX_LANDLOCK, /* reads what it is given, writes nothing else, has no network; one kernel table with the server */
	SANDBOX_NAMESPACES, /* sees nothing else */
};

struct sandbox_limits {
	int64_t wall_ms;
	int cpu_s;            /* of each process */
	size_t memory;        /* bytes of address space of each process */
	size_t file;          /* bytes that a file which it writes may have */
	size_t output;        /* bytes that it may write on its standard output */
	int files, processes; /* open at a time; processes are only counted in namespaces */
};

/* A program of ours that is no file: the bytes of an executable, which live as long as the process. */
struct sandbox_image {
	const char *p;
	size_t n;
};

struct sandbox {
	const char *const *argv;    /* NULL at its end; argv[0]: an absolute path, or SANDBOX_SELF */
	struct sandbox_image image; /* what is run first; {0}: this program */
	const char *const *env;     /* "NAME=value", NULL at its end; NULL: none but PATH, HOME and LANG */
	const char *const
		*readable;    /* folders and files beside /usr, at the same place there; NULL at its end; NULL: none */
	const char *writable; /* a folder, at the same place there; NULL: none but an empty /tmp in namespaces */
	const char *const *grants; /* more folders that it may write, at the same places; NULL: none */
	int in;                    /* its standard input; borrowed; -1: empty */
	/* Its one way out, in namespaces alone: one end of a pair of sockets (borrowed), to which a listener on
	 * 127.0.0.1:SANDBOX_WAY_OUT inside of its network is sent (SCM_RIGHTS) before it begins. 0: no network at all. */
	int network;
	enum sandbox_wall least; /* refused behind less than this */
	struct sandbox_limits limits;
	struct cancel *cancel; /* NULL: only the limits end it */
	/* What it writes, as it comes, on the calling thread; < 0 ends it, and sandbox_run() returns that. */
	int (*output)(void *arg, const char *p, size_t n);
	void *arg;
};

#define SANDBOX_WAY_OUT 3128

/* A command of what is run first: argv[1] is its name, for the function that sandbox_confine() is given there. */
#define SANDBOX_SELF "atelier"

enum sandbox_end { SANDBOX_EXITED, SANDBOX_KILLED, SANDBOX_TIME, SANDBOX_OUTPUT };

struct sandbox_result {
	enum sandbox_end end;
	int status;        /* EXITED: its exit code; KILLED: the signal */
	char errors[1024]; /* the end of its standard error, with nothing in it that steers a terminal */
};

/*
 * Runs it on the calling thread, which may block and must live until it returns. -ECANCELED within 200 ms of a cancel;
 * E_NOT_IMPLEMENTED with sandbox_why() when the walls are lower than `least`; what `output` returned; else 0, whatever became of
 * the program.
 */
int sandbox_run(const struct sandbox *s, struct sandbox_result *ret, struct err *e) MUST_CHECK;

/* The descriptor that has come on a socket, `network` for one: without waiting; -1: none. */
int sandbox_passed(int from);

/* Bytes as a file without a name, for `in`: a descriptor, or negative. */
int sandbox_file(const char *p, size_t n) MUST_CHECK;

/* Which walls can be made here: tried once, at the first call (some 50 ms). Any thread that may block. */
enum sandbox_wall sandbox_walls(void);

/* Why they are lower than namespaces and what to do about it, in a sentence; NULL: they are not. */
const char *sandbox_why(void);

/*
 * `confine`: argv is what sandbox_run() wrote behind that word. Sets limits and walls, then becomes the program, or runs `self`
 * and ends with what it returns; NULL: this program has no command for the sandbox. Never comes back.
 */
void sandbox_confine(int argc, char **argv, int (*self)(int argc, char **argv)) __attribute__((noreturn));
