/* random.h - random bytes for names: of what is made, not of secrets. Any thread. */
#pragma once

#include "base/base.h"

/* Fetched from the kernel for many at a time, and kept until then. n: up to 64. */
void random_fill(void *p, size_t n);
