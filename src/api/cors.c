/* cors.c - which pages of other origins may call the gateway from a browser: those of settings.cors_origins. They get no
 * cookies, so a page can do only what its own key allows. */
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

bool cors_allows(const struct request *q)
{
	const char *origin = http_header(q->x, "Origin");

	return q->shape != SHAPE_OWN && origin && *origin && is_listed(q->api->c.settings->cors_origins, origin);
}

void cors_headers(struct request *q)
{
	if (!*q->api->c.settings->cors_origins)
		return;
	http_set_header(q->x, "Vary", "Origin");
	if (!cors_allows(q))
		return;
	http_set_header(q->x, "Access-Control-Allow-Origin", http_header(q->x, "Origin"));
	http_set_header(q->x, "Access-Control-Expose-Headers", "x-request-id, request-id, retry-after");
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
