/* price.c - which price counts, and what a call costs by it: whole micro-units, no floating point. */
#include <inttypes.h>
#include <stdio.h>

#include "base/pattern.h"
#include "call/call_priv.h"

#define MILLION 1000000

static int by_rank(const void *a, const void *b)
{
	const char *x = ((const struct price *)a)->pattern, *y = ((const struct price *)b)->pattern;
	int closer = pattern_compare(x, y);

	return closer ? closer : strcmp(x, y);
}

void prices_sort(struct price *p, size_t n)
{
	if (n > 1)
		qsort(p, n, sizeof(*p), by_rank);
}

const struct price *price_find(const struct price *p, size_t n, const char *provider, const char *model)
{
	char name[2 * NAME_BYTES];

	if (n == 0)
		return NULL;
	snprintf(name, sizeof(name), "%s/%s", provider, model);
	for (size_t i = 0; i < n; i++)
		if (pattern_matches(p[i].pattern, name))
			return &p[i];
	return NULL;
}

int64_t price_of(const struct price *p, const struct tokens *t, bool called)
{
	__extension__ typedef __int128 wide; /* no product of two int64 is too large for it, nor is this sum */
	int64_t in, cached, out;
	wide sum;

	if (!p)
		return 0;
	in = MAX(t->in, INT64_C(0));
	out = MAX(t->out, INT64_C(0));
	cached = MIN(MAX(t->cached, INT64_C(0)), in);
	sum = (wide)(in - cached) * p->input_micros + (wide)out * p->output_micros +
	      (wide)cached * (p->cached_micros >= 0 ? p->cached_micros : p->input_micros);
	sum = (sum + MILLION - 1) / MILLION + (called ? p->request_micros : 0);
	return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

void money_format(int64_t micros, const char *currency, char *ret, size_t size)
{
	char part[8];
	size_t n = 6;

	snprintf(part, sizeof(part), "%06d", (int)(micros % MILLION));
	while (n > 2 && part[n - 1] == '0')
		part[--n] = '\0';
	snprintf(ret, size, "%" PRId64 ".%s %s", micros / MILLION, part, currency);
}
