/*
 * thread.h - how a thread is started, and what a process with thousands of sleeping ones tells the kernel.
 */
#pragma once

#include <pthread.h>

#include "base/err.h"

/*
 * Starts a thread that works behind the loop: all signals blocked, for they belong to the main thread, and scheduled as
 * batch work, so that waking it does not push the thread that wakes it off its processor. `name` has at most 15
 * characters; stack_bytes 0: the system's default. Negative errno.
 */
int thread_start(pthread_t *ret, const char *name, size_t stack_bytes, void *(*fn)(void *), void *arg) MUST_CHECK;

/* The same for a thread that nobody joins: who starts it counts it in some other way. */
int thread_start_detached(const char *name, void *(*fn)(void *), void *arg) MUST_CHECK;

/*
 * For a thread that is about to sleep for long: gives back the memory of its stack below the caller's frame, which deeper
 * calls have used. Any thread but the main one, for which it does nothing.
 */
void thread_release_stack(void);

/*
 * Around what takes the processor for many milliseconds: no more threads than there are processors are at such work at a
 * time, in the order in which they came; else the loop, with one share among many, would wait behind all of them. What
 * is within may wait for the loop, but for nobody who is about to begin.
 */
void thread_work_begin(void);
void thread_work_end(void);

/*
 * Around what takes the processor for many milliseconds, in turn or not: meanwhile the loop gets a processor before such threads,
 * where the system lets it (CAP_SYS_NICE, RLIMIT_RTPRIO, RLIMIT_NICE, Linux 6.12). Within thread_work_begin and _end it is so already.
 */
void thread_long_begin(void);
void thread_long_end(void);

/*
 * From here on the calling thread lets others go first: where both want a processor (on Linux this is of the thread alone, and of what
 * it starts), and at the one that writes the database (db/writer.c).
 */
void thread_step_back(void);
bool thread_stepped_back(void);

/*
 * Around work that takes the processor for long and that nobody waits for, of a thread that has stepped back: meanwhile the loop goes
 * first as above, and who answers people gets a processor when it wakes. Else that would wait for the end of a turn, as batch work does:
 * up to 4 ms, several times for each answer.
 */
void thread_behind_begin(void);
void thread_behind_end(void);

/* By a thread that answers people or that they wait for, before each piece of work: from now on it wakes as is right at the time. */
void thread_wake_soon(void);

/*
 * Between small pieces of such work (half a millisecond or so): a pause while people are answered, which is told by whoever takes a
 * step on the way of an answer. It ends a millisecond behind the last step, and after 5 ms in any case; then 2 ms of work have none. So
 * a short answer finds the processors, the disk and the writer free, and the work gets on beside any number of them. A thread that has
 * not stepped back goes on at once.
 */
void thread_give_way(void);
void thread_answers(void);
/* The first of such steps: a request has come, of which thread_asked_ms says when the last one did; monotonic ms, 0: none has. */
void thread_asked(void);
int64_t thread_asked_ms(void);

/* When thread_answers was told last, while there was work behind others; monotonic ms. */
int64_t thread_answered_ms(void);

/* How many this process may use, at least one. */
unsigned thread_processors(void);

/* Around a piece of work that lets others go first though its thread otherwise does not: at the writer, and by thread_give_way. */
void thread_aside_begin(void);
void thread_aside_end(void);

/* The calling thread is the loop's from here to there. */
void thread_loop_begin(void);
void thread_loop_end(void);

/* Once, at the start of a program that may have thousands of threads asleep. Does nothing where the kernel has no such
 * setting. */
void threads_expect_many(void);
