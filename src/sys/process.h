/*
 * process.h - programs that live on behind the walls of the sandbox (sandbox.h), and are spoken to in lines. One thread, the
 * keeper, starts them, reads what they write and ends them; it lives as long as they may, since a program behind the walls dies
 * with the thread that started it.
 */
#pragma once

#include "base/buf.h"
#include "sys/sandbox.h"

struct processes;
struct process;

int processes_new(unsigned max, struct processes **ret, struct err *e) MUST_CHECK; /* the most that live at a time */
void processes_free(struct processes *ps); /* ends all that live; every one has been given back. NULL is fine */

#define PROCESS_CUT 32768 /* bytes of each end of a line that was too long */

struct process_config {
	struct sandbox program; /* without `in`, `cancel`, `output`; limits: wall_ms and output do not count */
	size_t line_max;        /* bytes; 64 KB at least */
	/* A line of its standard output, without its end. `cut`: it was longer than line_max, and these are its first and its
	 * last PROCESS_CUT bytes. On the keeper's thread, which all programs share: short work, no wait, no process_free. */
	void (*line)(void *arg, const char *p, size_t n, bool cut);
	/* It is dead, with all that it started; nothing comes behind this. On the keeper's thread, too. */
	void (*ended)(void *arg, const struct sandbox_result *how);
	void *arg;
};

/* Returns when it has been started. E_BUSY: as many live as may. Else as sandbox_run(). */
int process_start(struct processes *ps, const struct process_config *c, struct process **ret, struct err *e) MUST_CHECK;

/* Gives it a line (an end of line is added). Never waits: what it does not read is kept for it. E_BUSY when that is more than
 * 32 MB, -EPIPE when it has ended or is to end. Any thread. */
int process_send(struct process *p, const char *line, size_t n, struct err *e) MUST_CHECK;

/*
 * Ends it, without waiting: its standard input is closed; what still lives `grace_ms` later is killed, with all that it started.
 * 0: at once. Any thread, any number of times.
 */
void process_stop(struct process *p, int64_t grace_ms);

/* Until it is dead. Any thread that may wait, but not the keeper's. */
void process_wait(struct process *p);

/* Ends it, waits until it is dead and forgets it. Any thread that may wait, but not the keeper's. NULL is fine. */
void process_free(struct process *p);

/* Adds the end of what it wrote on its standard error, at most 16 KB before it is made visible (utf8.h). Any thread. */
void process_errors(struct process *p, struct buf *to);
