/* terminal.c - what others wrote, shown on a terminal that it must not steer. */
#include <stdio.h>

#include "base/utf8.h"
#include "program.h"

static bool print_visible(FILE *to, const char *p, size_t n, enum utf8_visible as)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(SIZE_MAX / 2);

	utf8_add_visible(&b, p, n, as);
	return buf_status(&b) == 0 && fwrite(b.n ? b.p : "", 1, b.n, to) == b.n;
}

bool print_text(FILE *to, const char *p, size_t n)
{
	return print_visible(to, p, n, UTF8_TEXT);
}

bool print_line(FILE *to, const char *text)
{
	return print_visible(to, text, strlen(text), UTF8_LINE);
}

bool print_json(FILE *to, const char *p, size_t n)
{
	return print_visible(to, p, n, UTF8_JSON);
}
