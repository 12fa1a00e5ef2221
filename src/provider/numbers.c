/* numbers.c - see numbers.h. */
#include "provider/numbers.h"
#include "sys/thread.h"

#include <inttypes.h>
#include <stdio.h>

#define LEAST  10 /* numbers of a list: what stands in its place is never longer than these with their commas */
#define DIGITS 19 /* that fit into 64 bits */

void numbers_done(struct numbers *x)
{
	free(x->items);
}

static bool keep(struct numbers *to, float v)
{
	if (to->n == to->room) {
		size_t room = to->room ? to->room * 2 : 4096;
		float *p = realloc(to->items, room * sizeof(*p));
		if (!p)
			return false;
		to->items = p;
		to->room = room;
	}
	to->items[to->n++] = v;
	return true;
}

static double scale(double v, int exponent)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
		1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	int n = exponent < 0 ? -exponent : exponent;

	for (; n > 22; n -= 22)
		v = exponent < 0 ? v / 1e22 : v * 1e22;
	return exponent < 0 ? v / powers[n] : v * powers[n];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits from `p` on; those that do not fit any more count for their place alone. */
static const char *digits(const char *p, const char *end, uint64_t *v, int *n, int *left_out)
{
	for (; p < end && is_digit(*p); p++)
		if (*n < DIGITS) {
			*v = *v * 10 + (uint64_t)(*p - '0');
			*n += *v > 0;
		} else {
			++*left_out;
		}
	return p;
}

/* The exponent behind an "e"; NULL: there is none. */
static const char *read_exponent(const char *p, const char *end, int *ret)
{
	bool below = p < end && *p == '-';
	int v = 0;

	p += p < end && (*p == '-' || *p == '+');
	if (p == end || !is_digit(*p))
		return NULL;
	for (; p < end && is_digit(*p); p++)
		v = v < 400 ? v * 10 + (*p - '0') : v;
	*ret = below ? -v : v;
	return p;
}

/* A number as JSON has them; NULL: this is none. */
static const char *read_number(const char *p, const char *end, float *ret)
{
	bool minus = p < end && *p == '-';
	uint64_t v = 0;
	int n = 0, whole_out = 0, exponent = 0, fraction_out = 0;

	p += minus;
	if (p == end || !is_digit(*p) || (*p == '0' && p + 1 < end && is_digit(p[1])))
		return NULL;
	p = digits(p, end, &v, &n, &whole_out);
	const char *point = p;
	if (p < end && *p == '.') {
		if (++p == end || !is_digit(*p))
			return NULL;
		p = digits(p, end, &v, &n, &fraction_out);
	}
	int places = p == point ? 0 : (int)MIN(p - point - 1, 1000000) - fraction_out;
	if (p < end && (*p == 'e' || *p == 'E') && !(p = read_exponent(p + 1, end, &exponent)))
		return NULL;
	double d = v ? scale((double)v, MIN(MAX(exponent + whole_out - places, -400), 400)) : 0;
	*ret = (float)(minus ? -d : d);
	return p;
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* The numbers of a list that begins at `p`; returns what is behind it, NULL: it is none of numbers alone, or too short. */
static const char *read_list(const char *p, const char *end, struct numbers *to)
{
	size_t first = to->n;
	float v;

	do {
		p = read_number(skip_space(p + 1, end), end, &v);
		p = p ? skip_space(p, end) : NULL;
	} while (p && keep(to, v) && p < end && *p == ',');
	if (p && p < end && *p == ']' && to->n - first >= LEAST)
		return p + 1;
	to->n = first;
	return NULL;
}

static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return MIN(p + 1, end);
}

void numbers_lift(struct buf *json, struct numbers *to)
{
	const char *p = json->p, *end = json->p + json->n;
	char *w = json->p;

	while (p < end) {
		size_t first = to->n;
		const char *next = *p == '[' ? read_list(p, end, to) : NULL;
		if (next) {
			thread_give_way();
			w += sprintf(w, "\"#%" PRIx32 ",%" PRIx32 "\"", (uint32_t)first, (uint32_t)(to->n - first));
			p = next;
			continue;
		}
		next = *p == '"' ? skip_string(p, end) : p + 1;
		memmove(w, p, (size_t)(next - p));
		w += next - p;
		p = next;
	}
	json->n = (size_t)(w - json->p);
	if (json->p)
		*w = '\0';
}

size_t numbers_of(const struct numbers *x, const char *text, const float **ret)
{
	uint32_t first, n;

	if (sscanf(text, "#%" SCNx32 ",%" SCNx32, &first, &n) != 2 || first > x->n || n > x->n - first)
		return 0;
	*ret = x->items + first;
	return n;
}
