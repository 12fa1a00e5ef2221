/*
 * fault.h - named places where tests make the world fail. In a release build they cost nothing and cannot be reached.
 * ATELIER_FAULT="journal_write:ENOSPC:3,db_commit:EIO" fails the third pass of one and every pass of the other. Passes are
 * counted from the start, or from when the server is ready on, with a + before the number; 3/40 are the third pass and
 * each fortieth after it.
 */
#pragma once

#include "base/base.h"

#ifdef ATELIER_FAULTS
/* 0, or a negative errno to fail with now. Any thread. */
int fault_at(const char *name);

/* Replaces what ATELIER_FAULT said, for tests within one program; NULL or "": no faults. Counting starts anew. A text
 * that is not understood aborts: a misspelt fault would let a test pass for nothing. */
void fault_set(const char *spec);
#define FAULT(name) fault_at(name)

/* Whether passes there are counted now, by any of the faults. */
bool fault_counts(const char *name);

/* From here on those with a + count: the server is ready. */
void fault_serving(void);
#else
#define FAULT(name) 0
UNUSED static inline void fault_serving(void)
{
}
#endif
