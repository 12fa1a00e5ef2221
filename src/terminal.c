/* terminal.c - what others wrote, shown on a terminal that it must not steer. */
#include <stdio.h>

#include "base/utf8.h"
#include "program.h"

bool print_text(FILE *to, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(SIZE_MAX / 2);

	utf8_add_visible(&b, p, n, true);
	return buf_status(&b) == 0 && fwrite(b.n ? b.p : "", 1, b.n, to) == b.n;
}
