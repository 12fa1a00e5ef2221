/* lock.c - the owner that glibc notes in a mutex. A thread's number is asked for once: that is a call of the kernel. */
#include "base/lock.h"

#include <unistd.h>

#ifdef __GLIBC__
static pid_t me(void)
{
	static _Thread_local pid_t mine;

	if (mine == 0)
		mine = gettid();
	return mine;
}
#endif

bool lock_is_mine(const pthread_mutex_t *mx)
{
#ifdef __GLIBC__
	/* Its owner alone writes its own number there, and whoever asks is that one or must fail. */
	return __atomic_load_n(&mx->__data.__owner, __ATOMIC_RELAXED) == me();
#else
	return mx != NULL;
#endif
}

bool lock_is_mine_to_write(const pthread_rwlock_t *lock)
{
#ifdef __GLIBC__
	return __atomic_load_n(&lock->__data.__cur_writer, __ATOMIC_RELAXED) == me();
#else
	return lock != NULL;
#endif
}
