/* lock.c - the owner that glibc notes in a mutex. A thread's number is asked for once: that is a call of the kernel. */
#include "base/lock.h"

#include <unistd.h>

bool lock_is_mine(const pthread_mutex_t *mx)
{
#ifdef __GLIBC__
	static _Thread_local pid_t mine;

	if (mine == 0)
		mine = gettid();
	/* Its owner alone writes its own number there, and whoever asks is that one or must fail. */
	return __atomic_load_n(&mx->__data.__owner, __ATOMIC_RELAXED) == mine;
#else
	return mx != NULL;
#endif
}
