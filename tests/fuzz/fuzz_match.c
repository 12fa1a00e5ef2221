/*
 * fuzz_match.c - addresses: which route any path and method lead to, beside a second reading of the table that goes segment by
 * segment; and the forms of a path that clients of the gateway use.
 *
 * The first byte chooses: below 128 the rest is a path. From there on the path is made from the address of a route, each {name} being
 * the next line of the rest, so that what is far down in the table is met, too.
 */
#include <stdint.h>
#include <stdio.h>

#include "api/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "?", ""};

/* The piece up to the next slash, which is taken along; false behind the last one. */
static bool segment(const char **rest, struct str *ret)
{
	if (!*rest)
		return false;
	size_t n = strcspn(*rest, "/");
	*ret = (struct str){*rest, n};
	*rest = (*rest)[n] ? *rest + n + 1 : NULL;
	return true;
}

/* "{n}" or "{n}.png", and what stands there: a number from 1 to 999,999,999 as one writes it, then the same ending. */
static bool number_fits(struct str pattern, struct str have, int64_t *ret)
{
	struct str ending = {pattern.p + 3, pattern.n - 3};
	char text[24];

	if (have.n <= ending.n || have.n - ending.n > 9)
		return false;
	size_t digits = have.n - ending.n;
	memcpy(text, have.p, digits);
	text[digits] = '\0';
	*ret = strtoll(text, NULL, 10);
	char again[24];
	snprintf(again, sizeof(again), "%lld", (long long)*ret);
	return *ret > 0 && strcmp(again, text) == 0 && str_eq((struct str){have.p + digits, ending.n}, ending);
}

static bool fits(const struct route *r, const char *path, struct route_args *ret)
{
	const char *pattern = r->path;
	struct str want, have;

	*ret = (struct route_args){.n = 0};
	while (segment(&pattern, &want)) {
		const char *from = path;
		if (!segment(&path, &have))
			return false;
		if (want.n == 0 || want.p[0] != '{') {
			if (!str_eq(want, have))
				return false;
		} else if (r->flags & ROUTE_REST && !pattern) {
			ret->name = str_from(from);
			return *from != '\0';
		} else if (str_starts(want, STR("{n}"))) {
			if (!number_fits(want, have, &ret->n))
				return false;
		} else if (have.n == 0) {
			return false;
		} else if (!ret->name.p) {
			ret->name = have;
		} else {
			ret->second = have;
		}
	}
	return !path;
}

/* Whether the route answers this method: a HEAD as its GET would, streams apart. */
static bool answers(const struct route *r, const char *method)
{
	bool head = strcmp(method, "HEAD") == 0 && !(r->flags & ROUTE_STREAM);

	return strcmp(r->method, head ? "GET" : method) == 0 || strcmp(r->method, method) == 0;
}

static bool word_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strspn(p, ", ")) {
		size_t k = strcspn(p, ",");
		if (k == n && memcmp(p, word, n) == 0)
			return true;
		p += k;
	}
	return false;
}

static void same(struct str a, struct str b)
{
	if (a.p != b.p || a.n != b.n)
		abort();
}

static void try_method(const char *method, const char *path)
{
	size_t n;
	const struct route *const *routes = api_routes(&n);
	const struct route *want = NULL;
	struct route_args args = {0}, found = {0}, have;
	bool literal = false;
	char allow[64];

	/* An address of the table is itself, whatever {name} could be read into it. */
	for (size_t i = 0; i < n; i++)
		literal |= strcmp(routes[i]->path, path) == 0;
	const struct route *r = route_find(method, path, &found, allow);
	for (size_t i = 0; i < n; i++) {
		if (literal ? strcmp(routes[i]->path, path) != 0 : !fits(routes[i], path, &have))
			continue;
		if (!r && !word_in(allow, routes[i]->method))
			abort(); /* there is something here, and nobody is told */
		if (!want && answers(routes[i], method)) {
			want = routes[i];
			args = literal ? args : have;
		}
	}
	if (r != want || (r && allow[0]))
		abort();
	if (!r)
		return;
	if (literal && strchr(path, '{'))
		return; /* the address as the table writes it: its names are values, too */
	same(args.name, found.name);
	same(args.second, found.second);
	if (args.n != found.n)
		abort();
}

/* Whatever it is, its plain form has no doubled slash, is hardly longer, and comes to rest. */
static void try_alias(const char *path)
{
	size_t n = strlen(path), room = n + ROUTE_ALIAS_MORE + 1;
	char *now = malloc(room), *next = malloc(room + ROUTE_ALIAS_MORE);

	if (!now || !next)
		abort();
	(void)route_shape_of(route_alias(path, now));
	if (strlen(now) >= room || strstr(now, "//"))
		abort();
	for (size_t steps = 0; strcmp(route_alias(now, next), now) != 0; steps++) {
		if (steps > n || strlen(next) > strlen(now))
			abort();
		memcpy(now, next, strlen(next) + 1);
	}
	free(now);
	free(next);
}

/* The route's address with lines of the text for its names. The text loses its line ends. */
static char *path_of(const struct route *r, char *text)
{
	char *path = malloc(strlen(r->path) + strlen(text) + 1), *out = path;

	if (!path)
		abort();
	for (const char *p = r->path; *p;) {
		if (*p != '{') {
			*out++ = *p++;
			continue;
		}
		size_t n = strcspn(text, "\n");
		memcpy(out, text, n);
		out += n;
		text += n + (text[n] != '\0');
		p += strcspn(p, "}") + 1;
	}
	*out = '\0';
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_routes;
	const struct route *const *routes = api_routes(&n_routes);

	if (size < 1)
		return 0;
	char *text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	size_t at = size > 1 ? (size_t)(data[0] - 128) << 2 | (data[size - 1] & 3) : 0;
	char *path = data[0] < 128 ? strdup(text) : path_of(routes[at % n_routes], text);
	if (!path)
		abort();
	for (size_t i = 0; i < N_ELEMENTS(methods); i++)
		try_method(methods[i], path);
	try_alias(path);
	free(path);
	free(text);
	return 0;
}
