/*
 * memory.h - for libraries that do not survive an allocation that fails: what xcalloc() does when memory is out, without the
 * end of the program.
 */
#pragma once

#include "base/base.h"

/* As malloc and realloc, and what the reserve has before they fail. */
void *memory_try(size_t n);
void *memory_try_resize(void *p, size_t n);
