/*
 * memory.h - for libraries that do not survive an allocation that fails: what xcalloc() does when memory is out, without the
 * end of the program.
 */
#pragma once

#include "base/base.h"

/* As malloc, and what the reserve has before it fails. */
void *memory_try(size_t n);
