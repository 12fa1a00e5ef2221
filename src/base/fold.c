/* fold.c - Unicode case folding, by utf8proc. */
#include "base/fold.h"

#include <stdlib.h>
#include <utf8proc.h>

void fold_add(struct buf *b, const char *p, size_t n)
{
	utf8proc_uint8_t *folded = NULL;
	utf8proc_ssize_t r = utf8proc_map((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &folded,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);

	if (r >= 0)
		buf_add(b, folded, (size_t)r);
	else
		buf_add(b, p, n);
	free(folded);
}

bool fold_same(const char *a, const char *b)
{
	CLEANUP(buf_done) struct buf one = BUF_INIT(SIZE_MAX), other = BUF_INIT(SIZE_MAX);

	fold_add(&one, a, strlen(a));
	fold_add(&other, b, strlen(b));
	return buf_status(&one) == 0 && buf_status(&other) == 0 && str_eq(buf_str(&one), buf_str(&other));
}
