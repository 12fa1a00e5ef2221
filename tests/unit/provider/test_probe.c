/* "Test connection": what it says of everything that may answer at an address, and how soon. */
#include "support.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define HTML    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html><title>Hi</title>"
#define RUNNING "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nOllama is running"
#define NO(n)                                                                                                          \
	"HTTP/1.1 " n                                                                                                  \
	" No\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"no\"}}"
#define LIST    OK_JSON "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"
#define TAGS    OK_JSON "{\"models\":[{\"model\":\"m\",\"capabilities\":[\"completion\"]}]}"
#define VERSION OK_JSON "{\"version\":\"0.32.15\"}"
#define CLAUDES                                                                                                        \
	OK_JSON "{\"data\":[{\"id\":\"claude-x\",\"type\":\"model\",\"display_name\":\"X\"}],\"has_more\":false}"

struct row {
	const char *kind, *path; /* behind the server's address */
	const char *code, *word; /* of the text */
	struct script script[6];
};

static const struct row rows[] = {
	{"ollama", "", "ok", "1 model.",
		{{.path = "/api/tags", .bytes = TAGS}, {.path = "/api/version", .bytes = VERSION}}},
	{"ollama", "/v1", "ok", "1 model.",
		{{.path = "/api/tags", .bytes = TAGS}, {.path = "/api/version", .bytes = VERSION}}},
	{"ollama", "", "no_models", "llama3.2",
		{{.path = "/api/tags", .bytes = OK_JSON "{\"models\":[]}"},
			{.path = "/api/version", .bytes = VERSION}}},
	{"openai", "/v1", "ok", "2 models", {{.path = "/v1/models", .bytes = LIST}, {.path = "/", .bytes = HTML}}},
	{"openai", "", "ok", "2 models",
		{{.path = "/models", .bytes = NO("404")}, {.path = "/v1/models", .bytes = LIST},
			{.path = "/", .bytes = HTML}}},
	{"openai", "/v1", "no_models", "no models",
		{{.path = "/v1/models", .bytes = OK_JSON "{\"data\":[]}"}, {.path = "/", .bytes = NO("404")}}},
	{"anthropic", "", "ok", "1 model.", {{.path = "/v1/models?limit=1000", .bytes = CLAUDES}}},
	{"anthropic", "/v1", "ok", "1 model.", {{.path = "/v1/models?limit=1000", .bytes = CLAUDES}}},
	/* another kind of server */
	{"openai", "", "not_this_kind", "set the type to Ollama",
		{{.path = "/models", .bytes = NO("404")}, {.path = "/v1/models", .bytes = LIST},
			{.path = "/", .bytes = RUNNING}}},
	{"openai", "/v1", "not_this_kind", "leave out the path",
		{{.path = "/v1/models", .bytes = LIST}, {.path = "/", .bytes = RUNNING}}},
	{"anthropic", "", "not_this_kind", "set the type to Ollama",
		{{.path = "/v1/models?limit=1000", .bytes = NO("404")}, {.path = "/", .bytes = RUNNING}}},
	{"ollama", "", "not_this_kind", "set the type to OpenAI-compatible",
		{{.path = "/api/tags", .bytes = NO("404")}, {.path = "/", .bytes = HTML},
			{.path = "/v1/models", .bytes = LIST}}},
	/* llama.cpp has Ollama's list, too */
	{"ollama", "", "not_this_kind", "set the type to OpenAI-compatible",
		{{.path = "/api/tags", .bytes = TAGS}, {.path = "/api/version", .bytes = NO("404")},
			{.path = "/", .bytes = HTML}, {.path = "/v1/models", .bytes = LIST}}},
	{"ollama", "", "not_this_kind", "A web page answers",
		{{.path = "/api/tags", .bytes = HTML}, {.path = "/", .bytes = HTML},
			{.path = "/v1/models", .bytes = HTML}}},
	{"openai", "/x", "not_this_kind", "A web page answers",
		{{.path = "/x/models", .bytes = HTML}, {.path = "/x/v1/models", .bytes = HTML},
			{.path = "/", .bytes = HTML}, {.path = "/v1/models", .bytes = HTML}}},
	{"openai", "/x", "not_this_kind", "not with a list",
		{{.path = "/x/models", .bytes = OK_JSON "{}"}, {.path = "/x/v1/models", .bytes = OK_JSON "[7"},
			{.path = "/", .bytes = HTML}, {.path = "/v1/models", .bytes = HTML}}},
	{"ollama", "", "not_this_kind", "does not speak HTTP",
		{{.path = "/api/tags", .bytes = "SSH-2.0-OpenSSH_9.2\r\n"}}},
	/* another path */
	{"openai", "/x", "path", "under /v1",
		{{.path = "/x/models", .bytes = NO("404")}, {.path = "/x/v1/models", .bytes = NO("404")},
			{.path = "/", .bytes = HTML}, {.path = "/v1/models", .bytes = LIST}}},
	{"openai", "/x", "path", "under /v1", /* which wants a key */
		{{.path = "/x/models", .bytes = NO("404")}, {.path = "/x/v1/models", .bytes = NO("404")},
			{.path = "/", .bytes = NO("404")}, {.path = "/v1/models", .bytes = NO("401")}}},
	{"openai", "/x/v1", "path", "404",
		{{.path = "/x/v1/models", .bytes = NO("404")}, {.path = "/", .bytes = NO("404")},
			{.path = "/v1/models", .bytes = NO("404")}}},
	{"ollama", "/x", "path", "without the path",
		{{.path = "/x/api/tags", .bytes = NO("404")}, {.path = "/", .bytes = RUNNING}}},
	{"openai", "/v1", "path", "another address",
		{{.path = "/v1/models",
			 .bytes = "HTTP/1.1 301 Moved\r\nLocation: https://x.example/\r\nConnection: close\r\n"
				  "Content-Length: 0\r\n\r\n"},
			{.path = "/", .bytes = NO("404")}}},
	/* keys */
	{"openai", "/v1", "unauthorized", "Give a key", {{.path = "/v1/models", .bytes = NO("401")}}},
	{"anthropic", "", "unauthorized", "403", {{.path = "/v1/models?limit=1000", .bytes = NO("403")}}},
	/* the rest */
	{"openai", "/v1", "error", "The proxy wants a user", {{.path = "/v1/models", .bytes = NO("407")}}},
	{"openai", "/v1", "error", "500", {{.path = "/v1/models", .bytes = NO("500")}}},
	{"openai", "/v1", "error", "without an answer", {{.path = "/v1/models", .bytes = ""}}},
	{"openai", "/v1", "ok", "still loading",
		{{.path = "/v1/models",
			 .bytes = "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n{\"error\":{\"code\":503,"
				  "\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}"},
			{.path = "/", .bytes = NO("503")}}},
};

static void what_answers(void **state)
{
	struct world w;
	(void)state;
	world_init(&w, NULL, NULL);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct row *row = &rows[i];
		struct provider_test t;
		struct err e = {0};
		struct server s;
		char url[64], whole[100];
		size_t n = 0;
		while (n < N_ELEMENTS(row->script) && row->script[n].path)
			n++;
		server_start(&s, row->script, n);
		server_url(&s, url);
		snprintf(whole, sizeof(whole), "%s%s", url, row->path);
		struct provider_config c = {.kind = row->kind, .url = whole};
		assert_int_equal(provider_test(w.providers, 1, &c, &t, &e), 0);
		if (strcmp(t.code, row->code) != 0 || !strstr(t.text, row->word) || t.ok != (strcmp(t.code, "ok") == 0))
			fail_msg("row %zu, %s %s: %s: %s", i, row->kind, row->path, t.code, t.text);
		assert_true(t.duration_ms < 5000);
		server_stop(&s);
	}
	world_done(&w);
}

static const char *test(struct world *w, const char *kind, const char *url, const char *key, struct provider_test *t)
{
	struct provider_config c = {.kind = kind, .url = url, .key = key};
	struct err e = {0};
	assert_int_equal(provider_test(w->providers, 1, &c, t, &e), 0);
	return t->code;
}

static void what_does_not_answer(void **state)
{
	struct world w;
	struct provider_test t;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* a port that nobody listens on, and nobody gets */
	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	world_init(&w, NULL, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(a.sin_port));
	assert_string_equal(test(&w, "ollama", url, NULL, &t), "refused");
	assert_non_null(strstr(t.text, "Nothing answers"));
	assert_string_equal(test(&w, "openai", "http://no-such-host.invalid/v1", NULL, &t), "name");
	assert_string_equal(test(&w, "openai", "nonsense", NULL, &t), "address");
	assert_string_equal(test(&w, "openai", "https://", NULL, &t), "address");
	assert_string_equal(test(&w, "gemini", "https://x.example", NULL, &t), "error");
	assert_string_equal(test(&w, "librarian", NULL, NULL, &t), "ok");
	close(fd);
	world_done(&w);
}

/* Answers everything at once with words that are no TLS. */
static void *plain_run(void *arg)
{
	static const char words[] = "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n";
	char hello[1024];
	int c, fd = *(int *)arg;
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		if (recv(c, hello, sizeof(hello), 0) > 0)
			send(c, words, sizeof(words) - 1, MSG_NOSIGNAL);
		shutdown(c, SHUT_WR);
		close(c);
	}
	return NULL;
}

static void it_speaks_no_tls(void **state)
{
	struct world w;
	struct provider_test t;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	pthread_t thread;
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	assert_int_equal(pthread_create(&thread, NULL, plain_run, &fd), 0);
	world_init(&w, NULL, NULL);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/v1", ntohs(a.sin_port));
	assert_string_equal(test(&w, "openai", url, NULL, &t), "tls");
	assert_non_null(strstr(t.text, "begin the address with http://"));
	world_done(&w);
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
}

/* The same, of a server that waits for the end of the request. */
static void it_waits_for_plain_words(void **state)
{
	static const struct script script[] = {{.path = "/", .bytes = NO("404")}};
	struct server s;
	struct world w;
	struct provider_test t;
	char url[64], secure[70];
	(void)state;
	server_start(&s, script, 1);
	server_url(&s, url);
	snprintf(secure, sizeof(secure), "https%s", url + 4);
	world_init(&w, NULL, NULL);
	assert_string_equal(test(&w, "openai", secure, "sk-secret", &t), "tls");
	assert_non_null(strstr(t.text, "speaks no TLS"));
	assert_true(t.duration_ms < 5000);
	assert_null(strstr(s.requests[0], "secret"));
	world_done(&w);
	server_stop(&s);
}

/* Headers, and then a byte now and then: each single wait is short, and the whole would never end. */
static void it_takes_five_seconds_at_most(void **state)
{
	static const struct script script[] = {
		{.path = "/v1/models", .bytes = "HTTP/1.1 200 OK\r\n\r\n{", .hold = true}};
	struct server s;
	struct world w;
	struct provider_test t;
	char url[64], base[80];
	(void)state;
	server_start(&s, script, 1);
	server_url(&s, url);
	snprintf(base, sizeof(base), "%s/v1", url);
	world_init(&w, NULL, NULL);
	assert_string_equal(test(&w, "openai", base, NULL, &t), "timeout");
	assert_true(t.duration_ms <= 5000);
	assert_non_null(strstr(t.text, "5 seconds"));
	world_done(&w);
	server_stop(&s);
}

static void the_key_and_the_version(void **state)
{
	static const struct script script[] = {{.path = "/v1/models?limit=1000", .bytes = NO("401")}};
	struct server s;
	struct world w;
	struct provider_test t;
	char url[64];
	(void)state;
	server_start(&s, script, 1);
	server_url(&s, url);
	world_init(&w, NULL, NULL);
	assert_string_equal(test(&w, "anthropic", url, "sk-ant-secret", &t), "unauthorized");
	assert_null(strstr(t.text, "secret"));
	assert_non_null(strstr(t.text, "check the key"));
	assert_non_null(strstr(s.requests[0], "x-api-key: sk-ant-secret\r\n"));
	assert_non_null(strstr(s.requests[0], "anthropic-version: 2023-06-01\r\n"));
	world_done(&w);
	server_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_answers),
		cmocka_unit_test(what_does_not_answer),
		cmocka_unit_test(it_speaks_no_tls),
		cmocka_unit_test(it_waits_for_plain_words),
		cmocka_unit_test(it_takes_five_seconds_at_most),
		cmocka_unit_test(the_key_and_the_version),
	};
	return cmocka_run_group_tests_name("provider/probe", tests, NULL, NULL);
}
