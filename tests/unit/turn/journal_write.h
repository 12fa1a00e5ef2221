/* journal_write.h - the journal's sink, for tests that write to it directly. */
#pragma once

#include "turn/journal.h"

UNUSED static inline void journal_begin(struct journal *j, int64_t *ret_mark)
{
	journal_sink(j)->begin(journal_sink(j), ret_mark);
}

UNUSED static inline void journal_add(struct journal *j, atelier_id turn_id, struct str frames)
{
	journal_sink(j)->add(journal_sink(j), turn_id, frames);
}

MUST_CHECK UNUSED static inline int journal_write(struct journal *j)
{
	return journal_sink(j)->seal(journal_sink(j));
}

UNUSED static inline void journal_end(struct journal *j, int64_t mark)
{
	journal_sink(j)->release(journal_sink(j), mark);
}
