/* fuzz_http.c - any body against the schemas of the routes. The first byte chooses the route. */
#include <stdint.h>

#include "api/request.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	const struct route *r = routes[data[0] % n_routes];
	if (r->body)
		try_body(r->body, text, size - 1);
	free(text);
	return 0;
}
