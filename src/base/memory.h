/*
 * memory.h - allocations below xcalloc() and the arenas; and for libraries that do not survive one that fails, what xcalloc()
 * does when memory is out, without the end of the program.
 */
#pragma once

#include "base/base.h"

/* As malloc and realloc, and what the reserve has before they fail. */
void *memory_try(size_t n);
void *memory_try_resize(void *p, size_t n);

/* Zeroed; NULL: none. As calloc(), but what is small comes from the thread's own store: glibc's calloc() passes that by and
 * takes a lock, and a thread that works in the background may lose its processor while it has that lock. The loop then waits
 * for it: up to 40 ms were seen. */
void *memory_zeroed(size_t n);
