/* Paths, cookies, lists in headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/request.h"

static bool matches(const char *pattern, const char *path, const char *arg)
{
	struct route_args found;

	if (!route_matches(pattern, path, &found))
		return false;
	return str_eq(found.name, str_from(arg));
}

static void test_patterns(void **state)
{
	struct route_args arg;

	(void)state;
	assert_true(matches("/a/b", "/a/b", NULL));
	assert_true(matches("/a/{id}", "/a/x", "x"));
	assert_true(matches("/a/{id}/b", "/a/xyz/b", "xyz"));
	assert_false(route_matches("/a/{id}", "/a/", &arg));
	assert_false(route_matches("/a/{id}", "/a/x/", &arg));
	assert_false(route_matches("/a/{id}", "/a/x/b", &arg));
	assert_false(route_matches("/a/{id}/b", "/a/x", &arg));
	assert_false(route_matches("/a/b", "/a/b/", &arg));
	assert_false(route_matches("/a/b", "/a", &arg));
	assert_false(route_matches("/a/b", "", &arg));
	assert_true(route_matches("/a/{id}/b/{n}.png", "/a/xyz/b/12.png", &arg));
	assert_true(str_eq(arg.name, STR("xyz")));
	assert_int_equal(arg.n, 12);
	assert_true(route_matches("/a/{id}/b/{n}", "/a/xyz/b/999999999", &arg));
	static const char *const none[] = {"0", "01", "-1", "x", "1x", "1.png", "1000000000", "", "1/", "%31"};
	for (size_t i = 0; i < N_ELEMENTS(none); i++) {
		char path[64];
		snprintf(path, sizeof(path), "/a/xyz/b/%s", none[i]);
		assert_false(route_matches("/a/{id}/b/{n}", path, &arg));
	}
}

static void test_methods(void **state)
{
	struct route_args arg;
	char allow[64];

	(void)state;
	assert_string_equal(route_find("GET", "/api/v1/me", &arg, allow)->name, "getMe");
	assert_string_equal(route_find("HEAD", "/api/v1/me", &arg, allow)->name, "getMe");
	assert_string_equal(route_find("GET", "/api/v1/turns/abc/events", &arg, allow)->name, "followTurn");
	assert_true(str_eq(arg.name, STR("abc")));
	assert_null(route_find("HEAD", "/api/v1/turns/abc/events", &arg, allow));
	assert_string_equal(allow, "GET");
	assert_null(route_find("PUT", "/api/v1/conversations/abc", &arg, allow));
	assert_string_equal(allow, "GET, HEAD, PATCH, DELETE");
	assert_null(route_find("GET", "/api/v1/nothing", &arg, allow));
	assert_string_equal(allow, "");
	assert_null(route_find("?", "/api/v1/me", &arg, allow));
	assert_string_equal(allow, "GET, HEAD");
}

/* Each address without a {name} is found, as its own route and not as one that has a {name} in that place. */
static void test_literals(void **state)
{
	size_t n;
	const struct route *const *all = api_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct route_args arg;
		char allow[64];

		if (!strchr(all[i]->path, '{'))
			assert_ptr_equal(route_find(all[i]->method, all[i]->path, &arg, allow), all[i]);
	}
	api_routes_at("/api/v1/nothing", &n);
	assert_int_equal(n, 0);
	api_routes_at("", &n);
	assert_int_equal(n, 0);
}

static void test_cookies(void **state)
{
	(void)state;
	assert_true(str_eq(cookie_find("a=1; b=2", "b"), STR("2")));
	assert_true(str_eq(cookie_find("a=1;b=\"2\";", "b"), STR("2")));
	assert_true(str_eq(cookie_find("ab=1; b=2", "b"), STR("2")));
	assert_true(str_eq(cookie_find("b=", "b"), STR("")));
	assert_non_null(cookie_find("b=", "b").p);
	assert_null(cookie_find("b", "b").p);
	assert_null(cookie_find("ab=1", "b").p);
	assert_null(cookie_find(";;;", "b").p);
	assert_null(cookie_find("", "b").p);
	assert_null(cookie_find(NULL, "b").p);
	const char *rest = "b=1; a=2; b=3";
	assert_true(str_eq(cookie_next(&rest, "b"), STR("1")));
	assert_true(str_eq(cookie_next(&rest, "b"), STR("3")));
	assert_null(cookie_next(&rest, "b").p);
}

static void test_header_lists(void **state)
{
	(void)state;
	assert_true(header_accepts("gzip, br", "br"));
	assert_true(header_accepts("gzip;q=0.5 , BR;q=1.0", "br"));
	assert_false(header_accepts("gzip, br;q=0", "br"));
	assert_false(header_accepts("br; q=0.000", "br"));
	assert_true(header_accepts("br; q=0.001", "br"));
	assert_false(header_accepts("brotli", "br"));
	assert_false(header_accepts(NULL, "br"));
	assert_true(header_accepts("text/event-stream", "text/event-stream"));

	assert_true(media_type_is("application/json", "application/json"));
	assert_true(media_type_is("Application/JSON ; charset=utf-8", "application/json"));
	assert_false(media_type_is("application/jsonp", "application/json"));
	assert_false(media_type_is("text/plain; application/json", "application/json"));
	assert_false(media_type_is("", "application/json"));
	assert_false(media_type_is(NULL, "application/json"));

	assert_true(etag_matches("\"a\", W/\"b\"", "\"b\""));
	assert_true(etag_matches("*", "\"b\""));
	assert_false(etag_matches("\"a\"", "\"b\""));
	assert_false(etag_matches("b", "\"b\""));
	assert_false(etag_matches(NULL, "\"b\""));
}

static void check_alias(const char *path, const char *want, enum route_shape shape)
{
	char text[200];

	assert_true(strlen(path) + ROUTE_ALIAS_MORE <= sizeof(text));
	assert_string_equal(route_alias(path, text), want);
	assert_int_equal(route_shape_of(text), shape);
}

static void test_alias(void **state)
{
	struct route_args arg;
	char allow[64];

	(void)state;
	check_alias("/v1/chat/completions", "/v1/chat/completions", SHAPE_OPENAI);
	check_alias("//v1//chat///completions//", "/v1/chat/completions", SHAPE_OPENAI);
	check_alias("/chat/completions", "/v1/chat/completions", SHAPE_OPENAI);
	check_alias("/v1/v1/v1/models", "/v1/models", SHAPE_OPENAI);
	check_alias("/models/a/b:c", "/v1/models/a/b:c", SHAPE_OPENAI);
	check_alias("/modelsx", "/modelsx", SHAPE_OWN);
	check_alias("/ollama", "/", SHAPE_OWN);
	check_alias("/ollama/", "/", SHAPE_OWN);
	check_alias("/ollama/v1/messages", "/v1/messages", SHAPE_ANTHROPIC);
	check_alias("/ollama//api/chat", "/api/chat", SHAPE_OLLAMA);
	check_alias("/ollamas/api/chat", "/ollamas/api/chat", SHAPE_OWN);
	check_alias("/messages/count_tokens", "/v1/messages/count_tokens", SHAPE_ANTHROPIC);
	check_alias("/api/v1/me", "/api/v1/me", SHAPE_OWN);
	check_alias("/api", "/api", SHAPE_OWN);
	check_alias("/api/v2/me", "/api/v2/me", SHAPE_OWN);
	check_alias("/api/chats", "/api/chats", SHAPE_OWN);
	check_alias("/", "/", SHAPE_OWN);
	check_alias("", "", SHAPE_OWN);

	assert_string_equal(route_find("GET", "/v1/models/hf.co/a/b:q4", &arg, allow)->name, "openaiModel");
	assert_true(str_eq(arg.name, STR("hf.co/a/b:q4")));
	assert_string_equal(route_find("GET", "/v1/models", &arg, allow)->name, "openaiModels");
	assert_null(route_find("GET", "/v1/models/", &arg, allow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_header_lists),
		cmocka_unit_test(test_alias),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
