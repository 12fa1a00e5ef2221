/* repeat.c - see repeat.h. */
#include <ctype.h>

#include "provider/repeat.h"

#define CHECK_EVERY 2048

/* The length of what the text is a repetition of; the last one may be cut. The prefix function of Knuth, Morris, Pratt. */
static size_t period_of(const char *p, size_t n)
{
	uint16_t border[REPEAT_WINDOW];
	size_t k = 0;

	border[0] = 0;
	for (size_t i = 1; i < n; i++) {
		while (k > 0 && p[i] != p[k])
			k = border[k - 1];
		if (p[i] == p[k])
			k++;
		border[i] = (uint16_t)k;
	}
	return n - k;
}

static void keep(struct repeat *r, const char *p, size_t n)
{
	if (n >= REPEAT_WINDOW) {
		memcpy(r->tail, p + n - REPEAT_WINDOW, REPEAT_WINDOW);
		r->n = REPEAT_WINDOW;
		return;
	}
	/* Twice the window: what is old is moved away once in a window's length. */
	if (r->n + n > (size_t)2 * REPEAT_WINDOW) {
		memmove(r->tail, r->tail + r->n - REPEAT_WINDOW, REPEAT_WINDOW);
		r->n = REPEAT_WINDOW;
	}
	memcpy(r->tail + r->n, p, n);
	r->n += n;
}

/* Rows of noughts are asked for, and long: figures with what stands between them, in hexadecimal, too. */
static bool is_data(const char *p, size_t n)
{
	bool digit = false;

	for (size_t i = 0; i < n; i++) {
		digit = digit || isdigit((unsigned char)p[i]);
		if (!isxdigit((unsigned char)p[i]) && !strchr(" \t\r\nxX.,;:-|_[](){}", p[i]))
			return false;
	}
	return digit;
}

/* `n` bytes after the check before. */
static void check(struct repeat *r, size_t n)
{
	const char *window = r->tail + r->n - REPEAT_WINDOW;
	size_t period = period_of(window, REPEAT_WINDOW);

	if (period > REPEAT_PERIOD_MAX) {
		r->repeated = 0;
		return;
	}
	r->repeated += r->repeated > 0 ? n : REPEAT_WINDOW;
	r->found = r->repeated >= REPEAT_DATA || !is_data(window, period);
}

void repeat_add(struct repeat *r, const char *p, size_t n)
{
	r->total += n;
	if (r->total <= REPEAT_WINDOW || r->found)
		return;
	if (!r->tail) {
		r->tail = xcalloc(2, REPEAT_WINDOW);
		r->next = r->total + REPEAT_WINDOW;
	}
	keep(r, p, n);
	if (r->total < r->next || r->n < REPEAT_WINDOW)
		return;
	check(r, r->total - r->next + CHECK_EVERY);
	r->next = r->total + CHECK_EVERY;
}

void repeat_done(struct repeat *r)
{
	free(r->tail);
	*r = (struct repeat){.total = 0};
}
