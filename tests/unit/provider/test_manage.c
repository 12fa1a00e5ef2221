/* Looking after the models of an Ollama: what is asked, and what each answer means. */
#include "support.h"

#include <errno.h>
#include <stdio.h>

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define TAGS                                                                                                           \
	{                                                                                                              \
		.path = "/api/tags", .bytes = OK_JSON "{\"models\":["                                                  \
						      "{\"name\":\"small:1b\",\"model\":\"small:1b\",\"capabilities\"" \
						      ":[\"completion\"]},"                                            \
						      "{\"name\":\"vec:latest\",\"model\":\"vec:latest\","             \
						      "\"capabilities\":[\"embedding\"]}]}"                            \
	}

struct fixture {
	struct server server;
	struct script script[8]; /* the server reads it until its end, when the caller's may be gone */
	struct world w;
	struct arena a;
	struct err e;
	struct buf lines;
	int lines_r;
};

static void begin(struct fixture *f, const struct script *script, size_t n)
{
	char url[64];

	*f = (struct fixture){.lines = BUF_INIT(1 << 16)};
	assert_true(n <= N_ELEMENTS(f->script));
	memcpy(f->script, script, n * sizeof(*script));
	server_start(&f->server, f->script, n);
	server_url(&f->server, url);
	world_init(&f->w, url, NULL);
	arena_init(&f->a, 1 << 20);
	providers_refresh(f->w.providers, PATIENCE_MS);
}

static void end(struct fixture *f)
{
	buf_done(&f->lines);
	arena_done(&f->a);
	world_done(&f->w);
	server_stop(&f->server);
}

/* The last request that was no refresh of the list. */
static const char *asked(struct fixture *f)
{
	const char *last = "";

	pthread_mutex_lock(&f->server.mx);
	for (size_t i = 0; i < f->server.n_requests; i++)
		if (!strstr(f->server.requests[i], "/api/tags"))
			last = f->server.requests[i];
	pthread_mutex_unlock(&f->server.mx);
	return last;
}

static int on_line(void *arg, const char *json, size_t n)
{
	struct fixture *f = arg;

	assert_true(loop_is_current(f->w.loop));
	buf_add(&f->lines, json, n);
	buf_add_char(&f->lines, '|');
	return f->lines_r;
}

static int pull(struct fixture *f, const char *answer)
{
	const struct script script[] = {TAGS, {.bytes = answer}};
	int r;

	begin(f, script, N_ELEMENTS(script));
	r = provider_pull(f->w.providers, "ollama", "new:1b", on_line, f, &f->w.cancel, &f->e);
	return r;
}

static void pull_whole(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(pull(&f, NDJSON_HEAD "{\"status\":\"pulling manifest\"}\n"
					      "{\"digest\":\"d\",\"total\":3}\r\n\n{\"status\":\"success\"}"),
		0);
	assert_string_equal(f.lines.p,
		"{\"status\":\"pulling manifest\"}|{\"digest\":\"d\",\"total\":3}|{\"status\":\"success\"}|");
	assert_memory_equal(asked(&f), "POST /api/pull ", 15);
	assert_non_null(strstr(asked(&f), "{\"stream\":true,\"model\":\"new:1b\"}"));
	end(&f);
}

static void pull_failures(void **state)
{
	static const struct {
		const char *answer;
		int code;
		const char *text;
	} cases[] = {
		{NDJSON_HEAD "{\"status\":\"pulling manifest\"}\n{\"error\":\"no such model\"}\n", E_PROVIDER,
			"no such model"},
		{NDJSON_HEAD "{\"error\":\"pull model manifest: Get "
			     "\\\"https://registry.example.org/v2/library/thing/manifests/"
			     "latest\\\": dial tcp: lookup registry.example.org on 192.0.2.53:53: read udp "
			     "192.0.2.1:40000->192.0.2.53:53: no such host\"}\n",
			E_PROVIDER,
			"could not pull new:1b: it has no connection to its registry: the name cannot be looked up."},
		{NDJSON_HEAD "{\"status\":\"pulling manifest\"}\n", E_PROVIDER_BROKEN, "before it was done"},
		{NDJSON_HEAD, E_PROVIDER_BROKEN, "before it was done"},
		{NDJSON_HEAD "what?\n", E_PROVIDER_BROKEN, NULL},
		{NDJSON_HEAD "{\"error\":{}}\n", E_PROVIDER, "no reason"},
		{"HTTP/1.1 500 X\r\nConnection: close\r\n\r\n{\"error\":\"disk full\"}", E_PROVIDER, "disk full"},
		{"HTTP/1.1 400 X\r\nConnection: close\r\n\r\n{\"error\":\"invalid model name\"}", E_PROVIDER_REJECTED,
			"invalid model name"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"status\":\"x\"}\n", E_PROVIDER_BROKEN, NULL},
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		int r = pull(&f, cases[i].answer);

		if (r != cases[i].code || (cases[i].text && !strstr(f.e.msg, cases[i].text)))
			fail_msg("case %zu: %d, %s", i, r, f.e.msg);
		assert_true(*f.e.msg);
		end(&f);
	}
}

static void fire(void *arg)
{
	struct world *w = arg;

	cancel_fire(&w->cancel, E_CANCELED);
}

static int cancel_at_line(void *arg, const char *json, size_t n)
{
	struct fixture *f = arg;

	(void)json;
	(void)n;
	fire(&f->w);
	return 0;
}

static void pull_canceled(void **state)
{
	static const struct script script[] = {TAGS, {.bytes = NDJSON_HEAD "{\"status\":\"x\"}\n", .hold = true}};
	struct fixture f;

	(void)state;
	begin(&f, script, N_ELEMENTS(script));
	assert_int_equal(
		provider_pull(f.w.providers, "ollama", "new", cancel_at_line, &f, &f.w.cancel, &f.e), -ECANCELED);
	assert_int_equal(f.e.code, E_CANCELED);
	end(&f);
}

static void pull_from_nobody(void **state)
{
	static const struct script script[] = {TAGS};
	struct fixture f;

	(void)state;
	begin(&f, script, N_ELEMENTS(script));
	assert_int_equal(provider_pull(f.w.providers, "nobody", "new", on_line, &f, &f.w.cancel, &f.e), E_NOT_FOUND);
	f.e = (struct err){0};
	assert_int_equal(
		provider_pull(f.w.providers, "librarian", "new", on_line, &f, &f.w.cancel, &f.e), E_MODEL_CANNOT);
	end(&f);
}

static void requests(void **state)
{
	static const struct {
		enum manage_op op;
		const char *provider, *model, *argument, *line, *body;
	} cases[] = {
		{MANAGE_LOAD, NULL, "small:1b", "5m", "POST /api/generate ",
			"{\"model\":\"small:1b\",\"keep_alive\":\"5m\",\"stream\":false}"},
		{MANAGE_LOAD, NULL, "small:1b", "-1", "POST /api/generate ",
			"{\"model\":\"small:1b\",\"keep_alive\":-1,\"stream\":false}"},
		{MANAGE_LOAD, NULL, "small:1b", NULL, "POST /api/generate ",
			"{\"model\":\"small:1b\",\"stream\":false}"},
		/* generate is refused for a model that only embeds. */
		{MANAGE_LOAD, NULL, "vec", NULL, "POST /api/embed ",
			"{\"model\":\"vec:latest\",\"input\":\"\",\"stream\":false}"},
		{MANAGE_UNLOAD, NULL, "small:1b", NULL, "POST /api/generate ",
			"{\"model\":\"small:1b\",\"stream\":false,\"keep_alive\":0}"},
		{MANAGE_COPY, NULL, "small:1b", "mine", "POST /api/copy ",
			"{\"source\":\"small:1b\",\"destination\":\"mine\"}"},
		{MANAGE_DELETE, NULL, "ollama/small:1b", NULL, "DELETE /api/delete ", "{\"model\":\"small:1b\"}"},
		/* Under its own name at the provider, whether the catalogue knows it or not. */
		{MANAGE_DELETE, "ollama", "unlisted", NULL, "DELETE /api/delete ", "{\"model\":\"unlisted\"}"},
	};
	static const struct script script[] = {TAGS, {.bytes = OK_JSON "{}"}};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		begin(&f, script, N_ELEMENTS(script));
		int r = provider_manage(f.w.providers, cases[i].op, cases[i].provider, cases[i].model,
			cases[i].argument, &f.w.cancel, &f.a, NULL, &f.e);
		if (r != 0 || strncmp(asked(&f), cases[i].line, strlen(cases[i].line)) != 0 ||
			!strstr(asked(&f), cases[i].body))
			fail_msg("case %zu: %d %s\n%s", i, r, f.e.msg, asked(&f));
		end(&f);
	}
}

static void details(void **state)
{
	static const struct script script[] = {
		TAGS, {.path = "/api/show",
			      .bytes = OK_JSON
			      "{\"license\":\"MIT\",\"template\":\"{{ .Prompt }}\",\"system\":\"\","
			      "\"model_info\":{\"general.architecture\":\"toy\",\"toy.context_length\":4096}}"}};
	struct model_details d;
	struct fixture f;

	(void)state;
	begin(&f, script, N_ELEMENTS(script));
	assert_int_equal(provider_model_details(f.w.providers, "small:1b", &f.w.cancel, &f.a, &d, &f.e), 0);
	assert_string_equal(d.license, "MIT");
	assert_string_equal(d.template, "{{ .Prompt }}");
	assert_null(d.system);
	assert_null(d.parameters);
	assert_string_equal(d.info, "{\"general.architecture\":\"toy\",\"toy.context_length\":4096}");
	end(&f);
}

static void refusals(void **state)
{
	static const struct script script[] = {TAGS,
		{.bytes = "HTTP/1.1 404 X\r\nConnection: close\r\n\r\n{\"error\":\"model 'small:1b' not found\"}"}};
	struct fixture f;

	(void)state;
	begin(&f, script, N_ELEMENTS(script));
	assert_int_equal(
		provider_manage(f.w.providers, MANAGE_DELETE, NULL, "small:1b", NULL, &f.w.cancel, &f.a, NULL, &f.e),
		E_MODEL_UNKNOWN);
	f.e = (struct err){0};
	assert_int_equal(
		provider_manage(f.w.providers, MANAGE_UNLOAD, NULL, "no-such", NULL, &f.w.cancel, &f.a, NULL, &f.e),
		E_MODEL_UNKNOWN);
	f.e = (struct err){0};
	assert_int_equal(
		provider_manage(f.w.providers, MANAGE_UNLOAD, NULL, "librarian", NULL, &f.w.cancel, &f.a, NULL, &f.e),
		E_MODEL_CANNOT);
	end(&f);
}

/* Another name is not the model: to delete by it would surprise. */
static void aliases(void **state)
{
	static const char *const targets[] = {"small:1b"};
	static const struct model_route route = {.pattern = "fast", .targets = targets, .n_targets = 1};
	static const struct catalogue_rules rules = {.routes = &route, .n_routes = 1};
	static const struct script script[] = {TAGS, {.bytes = OK_JSON "{}"}};
	struct fixture f;

	(void)state;
	begin(&f, script, N_ELEMENTS(script));
	assert_int_equal(providers_configure(f.w.providers, NULL, 0, &rules, &f.e), 0);
	assert_int_equal(
		provider_manage(f.w.providers, MANAGE_DELETE, NULL, "fast", NULL, &f.w.cancel, &f.a, NULL, &f.e),
		E_INVALID);
	assert_non_null(strstr(f.e.msg, "small:1b"));
	f.e = (struct err){0};
	assert_int_equal(
		provider_manage(f.w.providers, MANAGE_UNLOAD, NULL, "fast", NULL, &f.w.cancel, &f.a, NULL, &f.e), 0);
	assert_non_null(strstr(asked(&f), "\"model\":\"small:1b\""));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pull_whole),
		cmocka_unit_test(pull_failures),
		cmocka_unit_test(pull_canceled),
		cmocka_unit_test(pull_from_nobody),
		cmocka_unit_test(requests),
		cmocka_unit_test(details),
		cmocka_unit_test(refusals),
		cmocka_unit_test(aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
