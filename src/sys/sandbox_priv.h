/* sandbox_priv.h - what both sides of the sandbox know: the words between the server and `atelier confine`. */
#pragma once

#include "base/buf.h"
#include "sys/sandbox.h"

#define SANDBOX_STATUS     125 /* exit code: the walls could not be made */
#define SANDBOX_PROGRAM_FD 3   /* this program, to be started through /proc/self/fd */
#define SANDBOX_PLACES     16  /* readable folders at most */

/* What `atelier confine` is told. */
struct confinement {
	enum sandbox_wall wall;
	uint64_t cpu_s, memory, file, files, processes;
	const char *readable[SANDBOX_PLACES], *writable;
	size_t n_readable;
};

/* Reads name=value words up to "--"; returns how many words those are, "--" among them, or -1. */
int confinement_read(struct confinement *c, int argc, char **argv);
/* Adds such words, each ended by a NUL. */
void confinement_write(const struct confinement *c, struct buf *to);

/* The kernel's version of Landlock; < 1: none. */
int landlock_version(void);
