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

/* ---- counting on ---- */

#define COUNTED_FROM ((size_t)8 * REPEAT_WINDOW) /* what is shorter needs no memory for it */

/*
 * A stretch of the answer, with one 0 for each number, and those numbers. "Item 1 of 9, Item 2 of 9" is "Item 0 of 0, " over and
 * over, in which each number is as far from the one of the round before as that from the one before it. Real tables, logs and
 * series have the first, too, but not the second for long.
 */
struct counted {
	char text[REPEAT_WINDOW];
	uint32_t numbers[REPEAT_WINDOW / 2]; /* there is something between two of them */
	size_t n, n_numbers;
	size_t bytes; /* of the answer, in this stretch */
	size_t sum;   /* and in those before it that did nothing but count */
	bool in_number;
};

static bool goes_on_evenly(const struct counted *c)
{
	size_t period = period_of(c->text, c->n), k = 0;

	if (period > REPEAT_PERIOD_MAX)
		return false;
	for (size_t i = 0; i < period; i++)
		k += c->text[i] == '0';
	for (size_t i = 2 * k; i < c->n_numbers; i++) {
		if (c->numbers[i] - c->numbers[i - k] != c->numbers[i - k] - c->numbers[i - 2 * k])
			return false;
	}
	return true;
}

static void end_stretch(struct repeat *r, struct counted *c)
{
	c->sum = goes_on_evenly(c) ? c->sum + c->bytes : 0;
	r->found = r->counts = c->sum >= REPEAT_COUNTED;
	c->n = c->n_numbers = c->bytes = 0;
}

/* A stretch ends behind a whole number. */
static void add_counted(struct repeat *r, struct counted *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !r->found; i++) {
		bool digit = isdigit((unsigned char)p[i]) != 0;

		if (c->n == REPEAT_WINDOW && !(digit && c->in_number))
			end_stretch(r, c);
		c->bytes++;
		if (!digit || !c->in_number)
			c->text[c->n++] = digit ? '0' : p[i];
		if (digit && !c->in_number)
			c->numbers[c->n_numbers++] = 0;
		if (digit) /* of one that is too large its rest counts on as well */
			c->numbers[c->n_numbers - 1] = c->numbers[c->n_numbers - 1] * 10 + (uint32_t)(p[i] - '0');
		c->in_number = digit;
	}
}

void repeat_add(struct repeat *r, const char *p, size_t n)
{
	r->total += n;
	if (r->total > COUNTED_FROM && !r->counted)
		r->counted = xcalloc(1, sizeof *r->counted);
	if (r->counted)
		add_counted(r, r->counted, p, n);
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
	free(r->counted);
	*r = (struct repeat){.total = 0};
}
