/*
 * turnlog_sink.h - where events are kept before anybody sees them: the journal of this process (journal.h), or one day what
 * several processes share. Embedded in the structure of whoever keeps them. Loop thread only, and nothing waits for more
 * than the write itself.
 *
 *	begin -> (add ... -> seal) for each turn of the loop -> release
 */
#pragma once

#include "base/id.h"

struct turnlog_sink {
	/* Whatever is added from now on stays until the mark, which is never 0, is released. */
	void (*begin)(struct turnlog_sink *s, int64_t *ret_mark);
	/* Whole frames of a turn, for the next seal. */
	void (*add)(struct turnlog_sink *s, atelier_id turn_id, struct str frames);
	/* 0: all that was added outlives this process; E_STORAGE: nothing of it is kept. */
	int (*seal)(struct turnlog_sink *s) MUST_CHECK;
	/* The database has what the mark was for. */
	void (*release)(struct turnlog_sink *s, int64_t mark);
};
