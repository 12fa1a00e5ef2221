/* lock.h - whether a lock is held by who says so: for ASSERT in functions that are called with it. */
#pragma once

#include <pthread.h>

#include "base/base.h"

/* Whether this thread has it. glibc notes the owner of every mutex; elsewhere nobody can tell, and it is true. Any thread. */
bool lock_is_mine(const pthread_mutex_t *mx);
/* Whether this thread has it for writing, the same way; who reads is noted nowhere. */
bool lock_is_mine_to_write(const pthread_rwlock_t *lock);
