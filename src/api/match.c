/* match.c - pieces of requests: addresses, cookies, lists in headers. All text here is the client's. */
#include <stdio.h>
#include <strings.h>

#include "api/request.h"

/* Digits alone, from 1 on; 0: it is no such number. */
static int64_t path_number(struct str s)
{
	int64_t n = 0;

	ASSERT(s.n > 0);
	if (s.n > 9 || *s.p == '0')
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		n = n * 10 + (s.p[i] - '0');
	}
	return n;
}

bool route_matches(const char *pattern, const char *path, struct route_args *ret)
{
	struct route_args args = {.n = 0};

	while (*pattern) {
		if (*pattern == '{') {
			bool number = strncmp(pattern, "{n}", 3) == 0;
			struct str arg = {path, strcspn(path, number ? "/." : "/")};
			if (arg.n == 0 || (number && !(args.n = path_number(arg))))
				return false;
			if (!number)
				*(args.name.p ? &args.second : &args.name) = arg;
			path += arg.n;
			pattern += strcspn(pattern, "}") + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	if (*path)
		return false;
	*ret = args;
	return true;
}

/* As route_matches for a pattern that ends in its {name}, which may hold slashes. */
static bool rest_matches(const char *pattern, const char *path, struct route_args *ret)
{
	size_t n = strcspn(pattern, "{");

	if (strncmp(pattern, path, n) != 0 || path[n] == '\0')
		return false;
	*ret = (struct route_args){.name = str_from(path + n)};
	return true;
}

/* Adds a method to "GET, POST". HEAD goes with GET, but for streams. */
static void allow_add(const struct route *r, char allow[64])
{
	size_t n = strlen(allow);
	bool head = strcmp(r->method, "GET") == 0 && !(r->flags & ROUTE_STREAM);

	int more = snprintf(allow + n, 64 - n, "%s%s%s", n ? ", " : "", r->method, head ? ", HEAD" : "");
	ASSERT(more > 0 && n + (size_t)more < 64); /* no address has that many methods */
}

/* HEAD goes by GET where it has no route of its own, but for streams. */
static bool takes_method(const struct route *r, const char *method)
{
	if (strcmp(method, r->method) == 0)
		return true;
	return strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0 && !(r->flags & ROUTE_STREAM);
}

const struct route *route_find(const char *method, const char *path, struct route_args *ret, char ret_allow[64])
{
	size_t n;
	const struct route *const *routes = api_routes_at(path, &n);

	ret_allow[0] = '\0';
	if (n == 0)
		routes = api_routes(&n); /* one with a {name} */
	for (size_t i = 0; i < n; i++) {
		const struct route *r = routes[i];
		struct route_args args;

		if (r->flags & ROUTE_REST ? !rest_matches(r->path, path, &args) : !route_matches(r->path, path, &args))
			continue;
		if (takes_method(r, method)) {
			*ret = args;
			ret_allow[0] = '\0';
			return r;
		}
		allow_add(r, ret_allow);
	}
	return NULL;
}

static bool under(const char *path, const char *root)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static void cut_front(char *path, size_t n)
{
	memmove(path, path + n, strlen(path + n) + 1);
	if (!*path)
		strcpy(path, "/"); /* NOLINT: what was cut off was longer */
}

char *route_alias(const char *path, char *ret)
{
	static const char *const bare[] = {
		"/chat/completions", "/completions", "/embeddings", "/models", "/responses", "/messages"};
	static const char v1[] = {'/', 'v', '1'};
	char *out = ret;

	for (const char *p = path; *p; p++) {
		if (*p != '/' || out == ret || out[-1] != '/')
			*out++ = *p;
	}
	while (out > ret + 1 && out[-1] == '/')
		out--;
	*out = '\0';
	if (under(ret, "/ollama"))
		cut_front(ret, strlen("/ollama"));
	while (under(ret, "/v1/v1"))
		cut_front(ret, strlen("/v1"));
	for (size_t i = 0; i < N_ELEMENTS(bare); i++) {
		if (under(ret, bare[i])) {
			for (size_t n = strlen(ret) + 1; n-- > 0;)
				ret[n + sizeof(v1)] = ret[n];
			memcpy(ret, v1, sizeof(v1));
			break;
		}
	}
	return ret;
}

enum route_shape route_shape_of(const char *path)
{
	static const char *const ollama[] = {"/api/version", "/api/tags", "/api/ps", "/api/show", "/api/chat",
		"/api/generate", "/api/embed", "/api/embeddings", "/api/pull", "/api/push", "/api/create", "/api/copy",
		"/api/delete", "/api/blobs"};

	if (under(path, "/v1/messages"))
		return SHAPE_ANTHROPIC;
	if (under(path, "/v1"))
		return SHAPE_OPENAI;
	for (size_t i = 0; i < N_ELEMENTS(ollama); i++) {
		if (under(path, ollama[i]))
			return SHAPE_OLLAMA;
	}
	return SHAPE_OWN;
}

/* Takes the next piece up to one of `ends` off `*rest`; false at the end. */
static bool next_piece(const char **rest, const char *ends, struct str *ret)
{
	if (!*rest || !**rest)
		return false;
	size_t n = strcspn(*rest, ends);
	*ret = str_trim((struct str){*rest, n});
	*rest += n;
	if (**rest)
		(*rest)++;
	return true;
}

struct str cookie_next(const char **rest, const char *name)
{
	size_t n = strlen(name);
	struct str piece;

	while (next_piece(rest, ";", &piece)) {
		if (piece.n > n && piece.p[n] == '=' && memcmp(piece.p, name, n) == 0) {
			struct str value = {piece.p + n + 1, piece.n - n - 1};
			if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
				value = (struct str){value.p + 1, value.n - 2};
			return value;
		}
	}
	return (struct str){NULL, 0};
}

struct str cookie_find(const char *header, const char *name)
{
	return cookie_next(&header, name);
}

static bool str_is(struct str s, const char *what)
{
	return s.n == strlen(what) && strncasecmp(s.p, what, s.n) == 0;
}

bool media_type_is(const char *header, const char *type)
{
	struct str piece;

	return next_piece(&header, ";", &piece) && str_is(piece, type);
}

/* The parameters behind a list's entry say q=0, q=0.0 ... */
static bool is_refused(const char *params)
{
	struct str piece;

	while (next_piece(&params, ";", &piece)) {
		if (piece.n >= 3 && (piece.p[0] == 'q' || piece.p[0] == 'Q') && piece.p[1] == '=') {
			for (size_t i = 2; i < piece.n; i++) {
				if (piece.p[i] != '0' && piece.p[i] != '.')
					return false;
			}
			return true;
		}
	}
	return false;
}

bool header_accepts(const char *header, const char *what)
{
	struct str piece;

	while (next_piece(&header, ",", &piece)) {
		char entry[128];
		const char *rest = entry;
		struct str name;

		if (piece.n >= sizeof(entry))
			continue;
		memcpy(entry, piece.p, piece.n);
		entry[piece.n] = '\0';
		if (next_piece(&rest, ";", &name) && str_is(name, what))
			return !is_refused(rest);
	}
	return false;
}

bool etag_matches(const char *header, const char *etag)
{
	struct str piece;

	while (next_piece(&header, ",", &piece)) {
		if (piece.n > 2 && piece.p[0] == 'W' && piece.p[1] == '/')
			piece = (struct str){piece.p + 2, piece.n - 2};
		if (str_eq(piece, STR("*")) || str_eq(piece, str_from(etag)))
			return true;
	}
	return false;
}
