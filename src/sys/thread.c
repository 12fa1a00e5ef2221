/* thread.c - see thread.h. */
#include "sys/thread.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

/* Since Linux 6.16 each process has a table of its own for what its threads sleep on (prctl(2), PR_FUTEX_HASH), by
 * default of a few slots for each processor: with a thousand sleepers a slot, each waking goes through a long list. */
#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH           78
#define PR_FUTEX_HASH_SET_SLOTS 1
#endif
#define FUTEX_SLOTS 4096 /* of 64 bytes */

void threads_expect_many(void)
{
	(void)prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, FUTEX_SLOTS, 0, 0);
}

int thread_start(pthread_t *ret, const char *name, size_t stack_bytes, void *(*fn)(void *), void *arg)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	pthread_attr_t attr;
	sigset_t all, before;
	int r = 0;

	pthread_attr_init(&attr);
	if (stack_bytes)
		r = pthread_attr_setstacksize(&attr, stack_bytes);
	sigfillset(&all);
	/* What a fault of the thread itself raises is always taken; blocked, the program would end without last words. */
	for (size_t i = 0; i < N_ELEMENTS(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r == 0)
		r = pthread_create(ret, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r != 0)
		return -r;
	pthread_setname_np(*ret, name);
	(void)pthread_setschedparam(*ret, SCHED_BATCH, &(struct sched_param){0});
	return 0;
}

int thread_start_detached(const char *name, void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	int r = thread_start(&thread, name, 0, fn, arg);

	/* A thread that has ended already is still there until somebody joins or detaches it. */
	return r < 0 ? r : -pthread_detach(thread);
}
