/* fold.h - one folding for all that is compared or searched as people read it: Unicode case folding with NFKC, so that
 * "Ärger" finds "ÄRGER" however its letters are composed, and "Straße" is "STRASSE". */
#pragma once

#include "base/buf.h"

/* Adds the folded text; what is no UTF-8 is added as it stands. */
void fold_add(struct buf *b, const char *p, size_t n);
/* Whether two names are the same to people. */
bool fold_same(const char *a, const char *b);
