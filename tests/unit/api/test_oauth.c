/* Who a program is that signs in to /mcp: what it says on registering, and in the document at its address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/oauth.h"

#define AT "https://live.example/me.json"
#define GOOD                                                                                                           \
	"\"redirect_uris\":[\"http://127.0.0.1:7777/cb\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"]"
#define IS_AT "\"client_id\":\"" AT "\","

struct read {
	json_t *client; /* NULL: refused */
	const char *why;
};

static struct read by_document(const char *at, const char *text)
{
	json_t *in = json_loads(text, 0, NULL);
	struct read ret = {0};

	assert_non_null(in);
	ret.client = oauth_client_of_document(at, in, &ret.why);
	json_decref(in);
	return ret;
}

static void assert_refused(const char *at, const char *text, const char *why)
{
	struct read got = by_document(at, text);

	if (got.client)
		print_error("%s is taken.\n", at);
	assert_null(got.client);
	assert_non_null(strstr(got.why, why));
}

/* As a person sees it on their keys, with the host by itself. */
static void assert_named(struct read got, const char *name, const char *host)
{
	char shown[OAUTH_NAME_MAX + 1];

	if (!got.client)
		print_error("%s\n", got.why);
	assert_non_null(got.client);
	oauth_client_name(got.client, shown);
	assert_string_equal(shown, name);
	if (host)
		assert_string_equal(json_get_str(got.client, "host"), host);
	else
		assert_null(json_object_get(got.client, "host"));
	json_decref(got.client);
}

static void test_documents(void **state)
{
	struct read got =
		by_document(AT, "{" IS_AT GOOD ",\"client_name\":\"Nice\",\"token_endpoint_auth_method\":\"none\"}");

	(void)state;
	assert_true(json_is_true(json_object_get(got.client, "renews")));
	assert_true(oauth_is_registered(json_object_get(got.client, "uris"), "http://127.0.0.1:9/cb"));
	assert_false(oauth_is_registered(json_object_get(got.client, "uris"), "https://live.example/cb"));
	assert_named(got, "Nice (live.example)", "live.example");
	assert_named(by_document(AT, "{" IS_AT GOOD "}"), "A program (live.example)", "live.example");
	got = by_document(AT, "{" IS_AT "\"redirect_uris\":[\"https://live.example/cb\"]}");
	assert_false(json_is_true(json_object_get(got.client, "renews")));
	json_decref(got.client);
}

static void test_refused_documents(void **state)
{
	(void)state;
	assert_refused(AT, "{" GOOD "}", "not its address");
	assert_refused(AT, "{\"client_id\":7," GOOD "}", "not its address");
	assert_refused(AT, "{\"client_id\":\"https://live.example/me.jsoN\"," GOOD "}", "not its address");
	assert_refused(AT, "{" IS_AT GOOD ",\"client_secret\":\"s\"}", "a secret in it");
	assert_refused(AT, "{" IS_AT GOOD ",\"client_secret\":null}", "a secret in it");
	assert_refused(AT, "{" IS_AT GOOD ",\"token_endpoint_auth_method\":\"private_key_jwt\"}", "no secret here");
	assert_refused(AT, "{" IS_AT "\"client_name\":\"Nice\"}", "one to fifty addresses");
	assert_refused(AT, "{" IS_AT "\"redirect_uris\":[]}", "one to fifty addresses");
	assert_refused(AT, "{" IS_AT "\"redirect_uris\":\"https://live.example/cb\"}", "one to fifty addresses");
	assert_refused(AT, "{" IS_AT "\"redirect_uris\":[\"https://live.example/cb\",7]}", "one to fifty addresses");
	assert_refused(AT, "{" IS_AT "\"redirect_uris\":[\"http://live.example/cb\"]}", "one to fifty addresses");
}

static void test_addresses_of_documents(void **state)
{
	static const char *const none[] = {"https://live.example", "https://live.example/", "https://a@live.example/x",
		"https://live.example/a/../x", "https://live.example/./x", "https://live.example/x#y",
		"https://live.example/x y", "https://live.example/\xc3\xa4", "https:///x", "https://live.example?x",
		"https://a-host-of-forty-characters-which-is-one-too-many.example/x"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(none); i++) {
		char text[300];

		snprintf(text, sizeof(text), "{\"client_id\":\"%s\"," GOOD "}", none[i]);
		assert_refused(none[i], text, "no address of such a document");
	}
	assert_named(
		by_document("https://live.example:8443/x", "{\"client_id\":\"https://live.example:8443/x\"," GOOD "}"),
		"A program (live.example:8443)", "live.example:8443");
	assert_named(
		by_document("https://live.example:443/x", "{\"client_id\":\"https://live.example:443/x\"," GOOD "}"),
		"A program (live.example)", "live.example");
}

/* Of `n` addresses. */
static json_t *with_uris(size_t n)
{
	json_t *uris = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(uris, json_sprintf("https://live.example/%zu", i));
	return json_pack("{s:s,s:o}", "client_id", AT, "redirect_uris", uris);
}

static void test_numbers_of_addresses(void **state)
{
	static const struct {
		size_t n;
		bool registers, has_document;
	} rows[] = {{1, true, true}, {10, true, true}, {11, false, true}, {50, false, true}, {51, false, false}};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		json_t *in = with_uris(rows[i].n);
		const char *error, *why;
		json_t *client = oauth_client_read(in, &error, &why);

		assert_int_equal(client != NULL, rows[i].registers);
		if (!client) {
			assert_string_equal(error, "invalid_redirect_uri");
			assert_non_null(strstr(why, "one to ten addresses"));
		}
		json_decref(client);
		client = oauth_client_of_document(AT, in, &why);
		assert_int_equal(client != NULL, rows[i].has_document);
		json_decref(client);
		json_decref(in);
	}
}

static struct read on_registering(const char *name)
{
	json_t *in = json_pack("{s:s,s:[s]}", "client_name", name, "redirect_uris", "https://live.example/cb");
	struct read ret;
	const char *error;

	assert_non_null(in);
	ret.client = oauth_client_read(in, &error, &ret.why);
	json_decref(in);
	return ret;
}

/* What would turn the host beside the name, hide a part or end the line is seen, whichever way the name has come. */
static void test_names(void **state)
{
	char name[200], is[OAUTH_NAME_MAX + 1];

	(void)state;
	assert_named(by_document(AT, "{" IS_AT GOOD ",\"client_name\":\"\\u202eHub\\u2066\\u200f\\u0007\\n\"}"),
		"\\u202eHub\\u2066\\u200f\\x07\\x0a (live.example)", "live.example");
	assert_named(on_registering("\xe2\x80\xaeHub\xe2\x80\x8e"), "\\u202eHub\\u200e", NULL);
	assert_named(on_registering("Gr\xc3\xbc\xc3\x9f"
				    "e \xe6\x97\xa5"),
		"Gr\xc3\xbc\xc3\x9f"
		"e \xe6\x97\xa5",
		NULL);
	assert_named(on_registering(""), "A program", NULL);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(is, sizeof(is), "%s", name);
	assert_named(on_registering(name), is, NULL);
	for (size_t i = 0; i + 3 < sizeof(name); i += 3)
		memcpy(name + i, "\xe2\x80\xae", 4);
	snprintf(is, sizeof(is),
		"\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u202e\\u");
	assert_named(on_registering(name), is, NULL);
}

#define HOUR ((int64_t)3600 * 1000)

/* What one host, which anybody may name, does not answer is no reason where others have answered. */
static void test_offer(void **state)
{
	const int64_t t = 5 * HOUR;
	struct oauth_offer o = {0};

	(void)state;
	assert_true(oauth_offer_stands(&o, 0));
	oauth_offer_learn(&o, false, 0, t);
	assert_false(oauth_offer_stands(&o, t));
	assert_false(oauth_offer_stands(&o, t + HOUR - 1));
	assert_true(oauth_offer_stands(&o, t + HOUR));
	oauth_offer_learn(&o, false, 0, t + HOUR);
	oauth_offer_learn(&o, true, 7, t + HOUR);
	assert_true(oauth_offer_stands(&o, t + HOUR));
	oauth_offer_learn(&o, false, 0, t + 2 * HOUR);
	oauth_offer_learn(&o, false, 0, t + 25 * HOUR - 1);
	assert_true(oauth_offer_stands(&o, t + 25 * HOUR - 1));
	oauth_offer_learn(&o, false, 0, t + 25 * HOUR);
	assert_false(oauth_offer_stands(&o, t + 25 * HOUR));
}

/* Nor is what one person alone says, however often; two who are in that case within a day are believed. */
static void test_offer_of_one_person(void **state)
{
	const int64_t t = 5 * HOUR;
	struct oauth_offer o = {0};

	(void)state;
	for (int i = 0; i < 50; i++)
		oauth_offer_learn(&o, false, 7, t + i * HOUR);
	assert_true(oauth_offer_stands(&o, t + 49 * HOUR));
	oauth_offer_learn(&o, false, 8, t + 73 * HOUR);
	assert_true(oauth_offer_stands(&o, t + 73 * HOUR));
	oauth_offer_learn(&o, false, 7, t + 74 * HOUR);
	assert_false(oauth_offer_stands(&o, t + 74 * HOUR));
	assert_true(oauth_offer_stands(&o, t + 75 * HOUR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_refused_documents),
		cmocka_unit_test(test_addresses_of_documents),
		cmocka_unit_test(test_numbers_of_addresses),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_offer_of_one_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
