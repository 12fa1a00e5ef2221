/*
 * cors.c - which pages of other origins may call from a browser: the gateway and /mcp those of settings.cors_origins, /mcp also pages
 * of the person's own machine, and what a program needs to sign in any. They get no cookies, so a page can do only what its own key
 * allows.
 */
#include <stdio.h>
#include <strings.h>

#include "api/request.h"

static bool is_listed(const char *allowed, const char *origin)
{
	size_t n = strlen(origin);

	for (const char *p = allowed; *p;) {
		size_t len = strcspn(p, " ,");
		if ((len == 1 && *p == '*') || (len == n && strncasecmp(p, origin, n) == 0))
			return true;
		p += len;
		p += strspn(p, " ,");
	}
	return false;
}

/* What takes no cookie and says nothing of anybody. */
static bool is_for_all(const char *path)
{
	static const char *const paths[] = {"/.well-known/oauth-protected-resource",
		"/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server",
		"/oauth/register", "/oauth/token"};

	for (size_t i = 0; i < N_ELEMENTS(paths); i++)
		if (strcmp(path, paths[i]) == 0)
			return true;
	return false;
}

bool cors_is_for_all(const struct request *q)
{
	return is_for_all(http_path(q->x));
}

/* Whoever serves a page from there may read the person's files as well. A name of elsewhere that was made to mean this machine is
 * none of these. */
static bool is_of_this_machine(const char *origin)
{
	static const char *const hosts[] = {"http://localhost", "http://127.0.0.1", "http://[::1]"};

	for (size_t i = 0; i < N_ELEMENTS(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(origin, hosts[i], n) == 0 && (origin[n] == '\0' || origin[n] == ':'))
			return true;
	}
	return false;
}

bool cors_allows(const struct request *q)
{
	const char *origin = http_header(q->x, "Origin"), *path = http_path(q->x);
	bool is_mcp = strcmp(path, "/mcp") == 0;

	if (!origin || !*origin)
		return false;
	if (is_for_all(path) || (is_mcp && is_of_this_machine(origin)))
		return true;
	return (is_mcp || q->shape != SHAPE_OWN) && is_listed(q->api->c.settings->cors_origins, origin);
}

void cors_headers(struct request *q)
{
	bool allowed = cors_allows(q);

	if (allowed || *q->api->c.settings->cors_origins)
		http_set_header(q->x, "Vary", "Origin");
	if (!allowed)
		return;
	http_set_header(q->x, "Access-Control-Allow-Origin", http_header(q->x, "Origin"));
	http_set_header(q->x, "Access-Control-Expose-Headers",
		"x-request-id, request-id, retry-after, www-authenticate, mcp-session-id");
}

bool cors_preflight(struct request *q)
{
	const char *headers = http_header(q->x, "Access-Control-Request-Headers");

	if (strcmp(q->method, "OPTIONS") != 0 || !http_header(q->x, "Access-Control-Request-Method") || !cors_allows(q))
		return false;
	http_set_header(q->x, "Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE");
	http_set_header(q->x, "Access-Control-Allow-Headers",
		headers && strlen(headers) < 2000 ? headers : "authorization, content-type, x-api-key");
	http_set_header(q->x, "Access-Control-Max-Age", "600");
	return true;
}
