/* The OpenAPI document and the tables it is made from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/gateway/gateway.h"
#include "api/request.h"
#include "base/event.h"

static json_t *document;

static int load(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(16 << 20);
	struct err e = {0};

	(void)state;
	openapi_write(&b);
	if (buf_status(&b) < 0 || json_parse(b.p, b.n, &document, &e) < 0) {
		print_error("%s\n", e.msg);
		return -1;
	}
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(document);
	return 0;
}

/* "#/components/schemas/User" leads somewhere. */
static void check_ref(const char *ref)
{
	char part[128];
	const json_t *at = document;

	assert_true(strncmp(ref, "#/", 2) == 0);
	for (const char *p = ref + 2; *p;) {
		size_t n = strcspn(p, "/");
		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		at = json_object_get(at, part);
		if (!at)
			print_error("%s leads nowhere\n", ref);
		assert_non_null(at);
		p += n;
		p += *p == '/';
	}
}

static size_t walk_refs(json_t *v)
{
	const char *key;
	json_t *item;
	size_t i, n = 0;

	json_object_foreach(v, key, item)
	{
		if (strcmp(key, "$ref") == 0) {
			check_ref(json_string_value(item));
			n++;
		}
		n += walk_refs(item);
	}
	json_array_foreach(v, i, item) n += walk_refs(item);
	return n;
}

static void test_refs_resolve(void **state)
{
	(void)state;
	assert_string_equal(json_get_str(document, "openapi"), "3.1.0");
	assert_true(walk_refs(document) > 60);
}

static json_t *operation_of(const struct route *r)
{
	char method[16];
	size_t i = 0;

	for (; r->method[i]; i++)
		method[i] = (char)(r->method[i] | 32);
	method[i] = '\0';
	return json_object_get(json_object_get(json_object_get(document, "paths"), r->path), method);
}

static void test_every_route_is_described(void **state)
{
	size_t n;
	const struct route *const *all = api_routes(&n);

	(void)state;
	assert_true(n > 20);
	for (size_t i = 0; i < n; i++) {
		const struct route *r = all[i];
		const json_t *op = operation_of(r);

		if (r->flags & ROUTE_ABSENT) {
			assert_null(op);
			continue;
		}
		assert_non_null(op);
		assert_string_equal(json_get_str(op, "operationId"), r->name);
		assert_true(r->summary && strlen(r->summary) > 5 && r->summary[strlen(r->summary) - 1] == '.');
		assert_non_null(r->handler);
		assert_true(r->status >= 200 && r->status < 300);
		/* Something comes back, or it is said that nothing does. */
		bool bare = r->status == 204 || (r->n_tells && r->status == 201) || strcmp(r->method, "HEAD") == 0 ||
			    strcmp(r->name, "ollamaDelete") == 0 || strcmp(r->name, "ollamaCopy") == 0;
		assert_true(bare == (!r->answer && !r->media && !r->stream));
		assert_true(!(r->flags & ROUTE_STREAM) || r->stream);
		assert_true(!(r->body || r->body_schema) || strcmp(r->method, "GET") != 0);
		assert_true(!r->body || !r->body_schema);
		/* What strangers send stays small. */
		assert_true(r->access != ACCESS_PUBLIC || !(r->body || r->body_schema) ||
			    (r->body_max > 0 && r->body_max <= 16384));
		assert_true(!(r->flags & ROUTE_LOOP) || r->access == ACCESS_PUBLIC);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(all[k]->name, r->name);
			assert_false(strcmp(all[k]->path, r->path) == 0 && strcmp(all[k]->method, r->method) == 0);
		}
	}
}

static const json_t *find_named(const json_t *list, const char *name)
{
	const json_t *found = NULL;

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_get_str(json_array_get(list, i), "name"), name) == 0)
			found = json_array_get(list, i);
	return found;
}

/* Headers that are asked for and told stand there with their values, and so does a body of bytes. */
static void test_headers_are_described(void **state)
{
	size_t n, seen = 0;
	const struct route *const *all = api_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct route *r = all[i];
		const json_t *op = operation_of(r);
		char status[8];

		snprintf(status, sizeof(status), "%d", r->status);
		for (size_t k = 0; op && k < r->n_asks; k++, seen++) {
			const json_t *p = find_named(json_object_get(op, "parameters"), r->asks[k].name);
			assert_string_equal(json_get_str(p, "in"), "header");
			assert_true(json_is_object(json_object_get(p, "schema")));
			assert_true(json_is_true(json_object_get(p, "required")) == r->asks[k].required);
		}
		const json_t *told =
			json_object_get(json_object_get(json_object_get(op, "responses"), status), "headers");
		for (size_t k = 0; op && k < r->n_tells; k++, seen++)
			assert_true(json_is_object(json_object_get(json_object_get(told, r->tells[k].name), "schema")));
		if (op && r->bytes && !r->body)
			assert_non_null(json_object_get(
				json_object_get(json_object_get(op, "requestBody"), "content"), r->bytes));
	}
	assert_true(seen > 15);
}

/* Only these are open to everybody: a new one has to be added here on purpose. */
static void test_public_routes(void **state)
{
	static const char *const open[] = {"login", "usePasswordLink", "getSetup", "setup", "getBootstrap",
		"followStream", "getLive", "getReady", "getMetrics", "getOpenApi", "getRoot", "ollamaVersion",
		"getUploadOptions", "describeToolLoginClient", "describeMcp", "describeMcpByPath", "describeSigningIn",
		"registerProgram", "askToSignIn", "getToken", "revokeToken"};
	size_t n, found = 0;
	const struct route *const *all = api_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool known = false;
		if (all[i]->access != ACCESS_PUBLIC)
			continue;
		for (size_t k = 0; k < N_ELEMENTS(open); k++)
			known |= strcmp(open[k], all[i]->name) == 0;
		if (!known)
			print_error("%s is public\n", all[i]->name);
		assert_true(known);
		found++;
	}
	assert_int_equal(found, N_ELEMENTS(open));
}

/* What a route may fail with, by its kind and by what it says, has a status in its description, and nothing else has. */
static void test_failures_are_described(void **state)
{
	size_t n, n_rows;
	const struct route *const *all = api_routes(&n);
	const struct err_info *rows = err_table(&n_rows);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const json_t *answers = json_object_get(operation_of(all[i]), "responses");

		for (size_t k = 0; k < n_rows && answers; k++) {
			char status[8];

			snprintf(status, sizeof(status), "%d",
				gw_error_status(all[i]->shape, &(struct err){.code = rows[k].code}));
			if (route_may_fail(all[i], rows[k].code) && rows[k].code != E_CANCELED)
				assert_non_null(json_object_get(answers, status));
		}
		assert_true(!answers || !json_object_get(answers, "default"));
		bool open = all[i]->access == ACCESS_PUBLIC && !all[i]->errors;
		assert_true(!answers || !json_object_get(answers, "401") == open || all[i]->errors);
	}
}

static void check_schema(const struct schema *s)
{
	assert_non_null(s->name);
	assert_non_null(s->doc);
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];
		assert_non_null(f->name);
		assert_true(f->doc && *f->doc);
		assert_true(f->offset < s->size);
		if (f->sub)
			check_schema(f->sub);
	}
}

static void test_every_field_is_described(void **state)
{
	size_t n;
	const struct route *const *all = api_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (all[i]->body)
			check_schema(all[i]->body);
		if (all[i]->answer)
			check_schema(all[i]->answer);
	}
}

static void test_every_event_is_described(void **state)
{
	const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
	const json_t *list = json_object_get(json_object_get(schemas, "TurnEvent"), "oneOf");

	(void)state;
	assert_int_equal(json_array_size(list), EVENT_COUNT);
	for (int i = 0; i < EVENT_COUNT; i++) {
		const char *ref = json_get_str(json_array_get(list, (size_t)i), "$ref");
		const json_t *one = json_object_get(schemas, strrchr(ref, '/') + 1);
		const json_t *props = json_object_get(one, "properties");
		const struct event_info *e = event_info((enum event_type)i);

		assert_string_equal(json_get_str(json_object_get(props, "event"), "const"), e->name);
		const json_t *data = json_object_get(json_object_get(props, "data"), "contentSchema");
		const json_t *fields = json_object_get(
			json_object_get(schemas, strrchr(json_get_str(data, "$ref"), '/') + 1), "properties");
		char first[64];
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(e->fields, ":"), e->fields);
		assert_non_null(json_object_get(fields, first));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refs_resolve),
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_headers_are_described),
		cmocka_unit_test(test_public_routes),
		cmocka_unit_test(test_failures_are_described),
		cmocka_unit_test(test_every_field_is_described),
		cmocka_unit_test(test_every_event_is_described),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
