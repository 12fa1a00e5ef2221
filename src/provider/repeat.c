/* repeat.c - see repeat.h. */
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
	r->next = r->total + CHECK_EVERY;
	r->found = period_of(r->tail + r->n - REPEAT_WINDOW, REPEAT_WINDOW) <= REPEAT_PERIOD_MAX;
}

void repeat_done(struct repeat *r)
{
	free(r->tail);
	*r = (struct repeat){.total = 0};
}
