/* cookies.c - the two cookies of the page, and the path below which the client sees Atelier. */
#include <stdio.h>

#include "api/request.h"

struct auth_way request_way(const struct http_exchange *x)
{
	return (struct auth_way){.peer = http_peer(x),
		.host = http_header(x, "Host"),
		.origin = http_header(x, "Origin"),
		.forwarded_proto = http_header(x, "X-Forwarded-Proto"),
		.forwarded_prefix = http_header(x, "X-Forwarded-Prefix"),
		.page_base = http_header(x, "X-Atelier-Base"),
		.tls = http_is_tls(x)};
}

const char *request_cookie(struct request *q, const char *name)
{
	struct str value = cookie_find(http_header(q->x, "Cookie"), name);

	return value.p ? arena_strndup(&q->mem, value.p, value.n) : NULL;
}

/* Under a path of a host that others share, each Atelier has cookies of its own. */
void request_set_cookie(struct request *q, const char *name, const char *value, long seconds)
{
	struct auth_way way = request_way(q->x);
	char text[AUTH_PREFIX_LEN + 256], prefix[AUTH_PREFIX_LEN];

	auth_prefix(q->api->c.settings, &way, prefix);
	int n = snprintf(text, sizeof(text), "%s=%s; Path=%s; HttpOnly; SameSite=Lax; Max-Age=%ld%s", name, value,
		*prefix ? prefix : "/", seconds, auth_came_by_https(q->api->c.settings, &way) ? "; Secure" : "");
	ASSERT(n > 0 && (size_t)n < sizeof(text)); /* what stands last says how safe it is */
	http_set_header(q->x, "Set-Cookie", text);
}

const char *request_prefix(struct request *q, char ret[AUTH_PREFIX_LEN])
{
	struct auth_way way = request_way(q->x);

	auth_prefix(q->api->c.settings, &way, ret);
	return ret;
}
