/* load_report.c - medians, bars and the lines that are printed. */
#include "load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned bars_missed, musts_missed;

void series_add(struct series *s, double v)
{
	if (s->n < MAX_REPS)
		s->v[s->n++] = v;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct series sorted(const struct series *s)
{
	struct series t = *s;

	qsort(t.v, t.n, sizeof(t.v[0]), by_size);
	return t;
}

double series_median(const struct series *s)
{
	struct series t = sorted(s);

	if (t.n == 0)
		return 0;
	return t.n % 2 ? t.v[t.n / 2] : (t.v[t.n / 2 - 1] + t.v[t.n / 2]) / 2;
}

void series_print(const char *label, const struct series *s, const char *unit)
{
	struct series t = sorted(s);

	if (t.n == 0)
		return;
	int places = fabs(t.v[t.n - 1]) < 100 ? 2 : 0;
	printf("  %-40s %10.*f  [%.*f .. %.*f] %s\n", label, places, series_median(s), places, t.v[0], places,
		t.v[t.n - 1], unit);
}

void bar(const char *what, double value, double most, const char *unit)
{
	bool held = value <= most;

	if (!held)
		bars_missed++;
	printf("  BAR %s  %s: %.2f (at most %.2f) %s\n", held ? "held  " : "MISSED", what, value, most, unit);
}

void must_hold(bool holds, const char *what)
{
	if (!holds)
		musts_missed++;
	printf("  %s  %s\n", holds ? "CHECK held  " : "CHECK FAILED", what);
}

void ratio_print(double ratio)
{
	if (ratio > 0)
		printf("RATIO %.2f\n", ratio);
	else
		printf("RATIO n/a\n");
	fflush(stdout);
}
