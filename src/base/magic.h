/*
 * magic.h - the mark of what lives long or is shared, `magic`: written by whoever makes it, asked for at the doors of its
 * module, and taken away at its end. Memory that was given back, was never made one, or is something else, does not have it.
 */
#pragma once

#include "base/base.h"

#define MAGIC_SET(p, mark) ((void)((p)->magic = (mark)))
#define ASSERT_IS(p, mark) ASSERT((p) && (p)->magic == (mark))
#define MAGIC_END(p, mark)                                                                                             \
	do {                                                                                                           \
		ASSERT_IS(p, mark);                                                                                    \
		*(volatile unsigned *)&(p)->magic = 0; /* what is about to be freed is written all the same */         \
	} while (0)
