/* fails.c - how routes may fail: by what they are, and what they say of themselves. */
#include "api/routes.h"

static bool in_list(const int *codes, int code)
{
	for (; codes && *codes; codes++)
		if (*codes == code)
			return true;
	return false;
}

/* Before a handler has it: what any request meets. */
static bool comes_to_all(int code)
{
	static const int codes[] = {E_INVALID, E_TOO_LARGE, E_REQUEST_TIMEOUT, E_URI_TOO_LONG, E_HEADERS_TOO_LARGE,
		E_EXPECTATION, E_UPGRADE, E_INTERNAL, E_NOT_IMPLEMENTED, E_HTTP_VERSION, E_BUSY, E_STOPPING, E_STORAGE,
		E_CANCELED, 0};

	return in_list(codes, code);
}

static bool comes_of_access(const struct route *r, int code)
{
	static const int codes[] = {E_UNAUTHORIZED, E_FORBIDDEN, E_SETUP_REQUIRED, E_RATE_LIMITED, 0};

	return r->access != ACCESS_PUBLIC && in_list(codes, code);
}

/* What calling a model may bring: nearly everything. */
static bool comes_of_calling(const struct route *r, int code)
{
	static const int never[] = {E_METHOD, E_EXPIRED, E_NEWER_DATA, E_INTERRUPTED, E_UNAUTHORIZED, E_CSRF, 0};

	return r->flags & ROUTE_CALL && !in_list(never, code);
}

/* A model that is not known may be one of a provider that was not seen yet; and refusals of providers say more. */
static bool comes_with_others(const struct route *r, int code)
{
	if (code == E_PROVIDER_BUSY)
		return in_list(r->errors, E_MODEL_UNKNOWN) || in_list(r->errors, E_PROVIDER);
	return (code == E_PROVIDER_QUOTA || code == E_CONTEXT_TOO_LONG) && in_list(r->errors, E_PROVIDER);
}

bool route_may_fail(const struct route *r, int code)
{
	bool unsafe =
		strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0 && strcmp(r->method, "OPTIONS") != 0;

	code = err_info(code)->code;
	if (comes_to_all(code) || comes_of_access(r, code) || comes_of_calling(r, code) || in_list(r->errors, code) ||
		comes_with_others(r, code))
		return true;
	if (code == E_CSRF)
		return unsafe || r->flags & ROUTE_GATEWAY; /* one that is open asks any page where it comes from */
	if (code == E_MEDIA_TYPE)
		return r->body || r->body_schema;
	if (code == E_UNSURE)
		return unsafe;
	return code == E_NOT_FOUND && strchr(r->path, '{');
}
