/*
 * fuzz_http.c - what a client may send and the interface itself reads: paths, cookies, lists in headers, and bodies
 * against every route's schema. The first byte chooses.
 */
#include <stdint.h>

#include "api/request.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, const char *text)
{
	if (part.p && (part.p < text || part.p + part.n > text + strlen(text)))
		abort();
}

static void try_path(const char *text)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "?"};

	for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
		struct route_args args = {0};
		char allow[64];
		const struct route *r = route_find(methods[i], text, &args, allow);
		if (r && allow[0])
			abort();
		if (r)
			inside(args.name, text);
	}
	/* Brought into its normal form once, it is in it. */
	size_t room = strlen(text) + ROUTE_ALIAS_MORE + 1;
	char *once = malloc(room), *twice = malloc(room + ROUTE_ALIAS_MORE);
	if (!once || !twice)
		abort();
	(void)route_shape_of(route_alias(text, once));
	if (strcmp(route_alias(once, twice), once) != 0 && strlen(twice) > strlen(once))
		abort();
	free(once);
	free(twice);
}

static void try_headers(const char *text)
{
	inside(cookie_find(text, SESSION_COOKIE), text);
	(void)header_accepts(text, "br");
	(void)header_accepts(text, "text/event-stream");
	(void)media_type_is(text, "application/json");
	(void)etag_matches(text, "\"abc\"");
}

/* What was accepted can be written again, and is then valid JSON. */
static void try_body(const struct schema *s, const char *text, size_t n)
{
	struct arena a;
	struct err e = {0};

	arena_init(&a, 4 << 20);
	void *out = arena_alloc(&a, s->size);
	if (out && schema_parse(s, (struct str){text, n}, out, &a, &e) == 0) {
		struct buf b = BUF_INIT(16 << 20);
		json_t *v = NULL;
		schema_emit(s, out, &b);
		if (buf_status(&b) < 0 || json_parse(b.p, b.n, &v, NULL) < 0)
			abort();
		json_decref(v);
		buf_done(&b);
	} else if (e.code >= 0) {
		abort(); /* a refusal without a reason */
	}
	arena_done(&a);
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
	if (data[0] < 64) {
		try_path(text);
		try_headers(text);
	} else {
		const struct route *r = routes[data[0] % n_routes];
		if (r->body)
			try_body(r->body, text, size - 1);
	}
	free(text);
	return 0;
}
