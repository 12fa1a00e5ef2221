/* What the lists of each kind say of a model, in all the shapes that real servers have. */
#include "support.h"

#include <stdio.h>

#include "base/clock.h"

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

struct trial {
	struct server s;
	struct world w;
	struct arena a;
	struct catalogue c;
	char url[64];
};

static void begin(struct trial *t, const char *kind, const char *path, const struct script *script, size_t n)
{
	struct err e = {0};
	char url[100];
	server_start(&t->s, script, n);
	server_url(&t->s, t->url);
	snprintf(url, sizeof(url), "%s%s", t->url, path);
	world_init(&t->w, NULL, NULL);
	t->w.settings.librarian = false;
	arena_init(&t->a, 4 << 20);
	struct provider_config c = {.id = 1, .name = "it", .kind = kind, .url = url, .key = "k", .enabled = true};
	assert_int_equal(providers_configure(t->w.providers, &c, 1, NULL, &e), 0);
}

static void refresh(struct trial *t)
{
	struct err e = {0};
	providers_refresh(t->w.providers, PATIENCE_MS);
	assert_int_equal(providers_catalogue(t->w.providers, &t->a, &t->c, &e), 0);
}

static void end(struct trial *t)
{
	world_done(&t->w);
	server_stop(&t->s);
	arena_done(&t->a);
}

static const struct model *find(const struct trial *t, const char *id)
{
	for (size_t i = 0; i < t->c.n_models; i++)
		if (strcmp(t->c.models[i].id, id) == 0)
			return &t->c.models[i];
	fail_msg("no model %s", id);
	return NULL;
}

static const char *words(const struct model *m)
{
	static char text[200];
	*text = '\0';
	for (size_t i = 0; m->capabilities[i]; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", m->capabilities[i]);
	return text;
}

static size_t count(struct server *s, const char *what)
{
	size_t n = 0;
	pthread_mutex_lock(&s->mx);
	for (size_t i = 0; i < s->n_requests && i < N_ELEMENTS(s->requests); i++)
		n += strstr(s->requests[i], what) != NULL;
	pthread_mutex_unlock(&s->mx);
	return n;
}

static void ollama_loaded(void **state)
{
	static const struct script script[] = {
		{.path = "/api/tags",
			.bytes = OK_JSON
			"{\"models\":["
			"{\"model\":\"a\",\"digest\":\"d1\",\"modified_at\":\"2026-08-01T12:00:00.5+02:00\","
			"\"capabilities\":[\"completion\",\"vision\"]},"
			"{\"model\":\"b\",\"capabilities\":[\"completion\"]},"
			"{\"model\":\"c\",\"capabilities\":[\"completion\"]},"
			"{\"model\":\"far:cloud\",\"remote_model\":\"far\",\"capabilities\":[\"completion\"]}]}"},
		{.path = "/api/ps",
			.bytes =
				OK_JSON "{\"models\":[{\"model\":\"a\",\"size\":4000,\"size_vram\":3000,\"expires_at\":"
					"\"2318-01-01T00:00:00Z\",\"context_length\":4096},"
					"{\"name\":\"b\",\"size\":1,\"expires_at\":\"2030-01-02T03:04:05Z\"},"
					"{\"name\":\"c\",\"expires_at\":\"2020-01-01T00:00:00Z\"},"
					"{\"model\":\"gone\"},7]}"}};
	struct trial t;
	(void)state;
	begin(&t, "ollama", "", script, N_ELEMENTS(script));
	refresh(&t);
	assert_int_equal(t.c.n_models, 4);
	const struct model *m = find(&t, "a");
	assert_string_equal(m->state, "ready");
	assert_int_equal(m->loaded_bytes, 4000);
	assert_int_equal(m->loaded_vram, 3000);
	assert_true(m->loaded_until == INT64_MAX);
	assert_int_equal(m->context_loaded, 4096);
	assert_int_equal(m->context_length, 0);          /* what it was made for is another thing */
	assert_int_equal(m->modified_at, 1785578400000); /* 10:00 UTC */
	assert_string_equal(m->digest, "d1");
	assert_string_equal(words(m), "completion vision");
	assert_true(model_can(m, "vision"));
	assert_false(model_can(m, "tools"));
	m = find(&t, "b");
	assert_string_equal(m->state, "ready");
	assert_int_equal(m->loaded_until, 1893553445000);
	assert_string_equal(find(&t, "c")->state, "reachable"); /* its time is over */
	assert_string_equal(find(&t, "far:cloud")->state, "ready");
	assert_int_equal(count(&t.s, "/api/show"), 0);
	end(&t);
}

/* The window that a model was made for stays what it is through loading and unloading; the other goes. */
static void ollama_unloaded(void **state)
{
#define THE_LIST                                                                                                       \
	{                                                                                                              \
		.path = "/api/tags",                                                                                   \
		.bytes = OK_JSON                                                                                       \
			"{\"models\":[{\"model\":\"a\",\"digest\":\"d1\",\"details\":{\"context_length\":8192},"       \
			"\"capabilities\":[\"completion\",\"tools\"]}]}"                                               \
	}
	static const struct script loaded[] = {THE_LIST,
		{.path = "/api/ps",
			.bytes = OK_JSON "{\"models\":[{\"model\":\"a\",\"size\":4000,\"context_length\":4096}]}"}},
				   gone[] = {THE_LIST, {.path = "/api/ps", .bytes = OK_JSON "{\"models\":[]}"}};
	struct trial t;
	(void)state;
	begin(&t, "ollama", "", gone, N_ELEMENTS(gone));
	for (int i = 0; i < 4; i++) {
		bool is_loaded = i % 2;
		pthread_mutex_lock(&t.s.mx);
		t.s.script = is_loaded ? loaded : gone;
		pthread_mutex_unlock(&t.s.mx);
		refresh(&t);
		const struct model *m = find(&t, "a");
		assert_int_equal(m->context_length, 8192);
		assert_int_equal(m->context_loaded, is_loaded ? 4096 : 0);
		assert_int_equal(model_window(m), 8192);
		assert_string_equal(m->state, is_loaded ? "ready" : "reachable");
	}
	end(&t);
}

static void ollama_shares(void **state)
{
	/* Made of one file, with templates of their own: only the first is named as loaded, and both are. */
	static const struct script script[] = {
		{.path = "/api/tags",
			.bytes = OK_JSON
			"{\"models\":["
			"{\"model\":\"a\",\"digest\":\"d1\",\"size\":9000,\"details\":{\"family\":\"f\",\"quantization_"
			"level\":"
			"\"q\"},\"capabilities\":[\"completion\",\"tools\"]},"
			"{\"model\":\"twin\",\"digest\":\"d2\",\"size\":9100,\"details\":{\"family\":\"f\","
			"\"quantization_level\":\"q\"},\"capabilities\":[\"completion\",\"tools\"]},"
			"{\"model\":\"other\",\"digest\":\"d3\",\"size\":9000,\"details\":{\"family\":\"g\","
			"\"quantization_level\":\"q\",\"context_length\":8192},\"capabilities\":[\"completion\","
			"\"tools\"]}]}"},
		{.path = "/api/ps",
			.bytes = OK_JSON
			"{\"models\":[{\"model\":\"a\",\"digest\":\"d1\",\"size\":4000,\"size_vram\":3000,"
			"\"expires_at\":\"2318-01-01T00:00:00Z\",\"context_length\":4096}]}"},
		{.path = "/api/show",
			.bytes = OK_JSON
			"{\"capabilities\":[\"completion\",\"tools\"],\"modelfile\":\"# Modelfile\\n# FROM "
			"a\\n\\nFROM /m/blobs/sha256-aa\\nTEMPLATE x\\nFROM sha256-b\"}"}};
	struct trial t;
	(void)state;
	begin(&t, "ollama", "", script, N_ELEMENTS(script));
	for (int i = 0; i < 2; i++) {
		refresh(&t);
		assert_string_equal(find(&t, "a")->state, "ready");
		assert_string_equal(find(&t, "twin")->state, "ready");
		assert_int_equal(find(&t, "twin")->loaded_bytes, 4000);
		assert_int_equal(find(&t, "twin")->context_loaded, 4096);
		assert_string_equal(find(&t, "other")->state, "reachable");
		assert_int_equal(count(&t.s, "/api/show"), 2);
	}
	end(&t);
}

static void ollama_shares_unknown(void **state)
{
	/* Nothing is said of the files: what only looks alike is not loaded. */
	static const struct script script[] = {
		{.path = "/api/tags",
			.bytes = OK_JSON "{\"models\":["
					 "{\"model\":\"a\",\"digest\":\"d1\",\"details\":{\"family\":\"f\","
					 "\"quantization_level\":\"q\"}},"
					 "{\"model\":\"b\",\"digest\":\"d2\",\"details\":{\"family\":\"f\","
					 "\"quantization_level\":\"q\"}}]}"},
		{.path = "/api/ps",
			.bytes = OK_JSON "{\"models\":[{\"model\":\"a\",\"digest\":\"d1\",\"size\":4000}]}"},
		{.path = "/api/show",
			.bytes = OK_JSON "{\"capabilities\":[\"completion\"],\"modelfile\":\"FROM a\\n\"}"}};
	struct trial t;
	(void)state;
	begin(&t, "ollama", "", script, N_ELEMENTS(script));
	refresh(&t);
	assert_string_equal(find(&t, "a")->state, "ready");
	assert_string_equal(find(&t, "b")->state, "reachable");
	end(&t);
}

static void ollama_shown(void **state)
{
	/* Of 2025: what a model can do stands in no list, and is asked once for each digest. */
	static const struct script script[] = {
		{.path = "/api/tags",
			.bytes = OK_JSON
			"{\"models\":[{\"model\":\"a\",\"digest\":\"d1\"},{\"model\":\"b\",\"digest\":\"d2\"},"
			"{\"model\":\"c\",\"digest\":\"d3\"},{\"model\":\"d\",\"digest\":\"d4\"},"
			"{\"model\":\"e\",\"digest\":\"d5\"}]}"},
		{.path = "/api/show",
			.bytes = OK_JSON "{\"capabilities\":[\"completion\",\"tools\"],\"model_info\":{"
					 "\"general.architecture\":\"llama\",\"llama.context_length\":8192}}"}};
	struct trial t;
	(void)state;
	begin(&t, "ollama", "", script, N_ELEMENTS(script));
	refresh(&t);
	assert_int_equal(count(&t.s, "/api/show"), 5);
	assert_string_equal(words(find(&t, "e")), "completion tools");
	assert_int_equal(find(&t, "a")->context_length, 8192);
	assert_string_equal(find(&t, "a")->state, "reachable"); /* nobody says that it is loaded */
	refresh(&t);
	assert_int_equal(count(&t.s, "/api/show"), 5);
	assert_string_equal(words(find(&t, "c")), "completion tools");
	assert_int_equal(find(&t, "c")->context_length, 8192);
	end(&t);
}

static void ollama_shown_more(void **state)
{
	/* Of 2026: the list does not know of tools that only the template inside the model file tells, and some do not say
	 * what window a model was made for. */
	static const struct script script[] = {
		{.path = "/api/tags",
			.bytes = OK_JSON
			"{\"models\":[{\"model\":\"a\",\"digest\":\"d1\",\"capabilities\":[\"completion\"]},"
			"{\"model\":\"b\",\"digest\":\"d2\",\"capabilities\":[\"completion\",\"tools\"],"
			"\"details\":{\"context_length\":4096}},"
			"{\"model\":\"d\",\"digest\":\"d4\",\"capabilities\":[\"completion\",\"tools\"]},"
			"{\"model\":\"c\",\"digest\":\"d3\",\"capabilities\":[\"embedding\"]}]}"},
		{.path = "/api/show",
			.bytes = OK_JSON "{\"capabilities\":[\"tools\",\"completion\"],\"model_info\":{"
					 "\"general.architecture\":\"x\",\"x.context_length\":8192}}"}};
	struct trial t;
	(void)state;
	begin(&t, "ollama", "", script, N_ELEMENTS(script));
	for (int i = 0; i < 2; i++) {
		refresh(&t);
		assert_int_equal(count(&t.s, "/api/show"), 2);
		assert_string_equal(words(find(&t, "a")), "tools completion");
		assert_int_equal(find(&t, "b")->context_length, 4096);
		assert_int_equal(find(&t, "d")->context_length, 8192);
		assert_string_equal(words(find(&t, "c")), "embedding");
	}
	end(&t);
}

static void openai_shapes(void **state)
{
	static const struct {
		const char *list;
		const char *id, *words, *state;
		int64_t context, output;
	} cases[] = {
		{"{\"data\":[{\"id\":\"gpt-x\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"openai\"}]}",
			"gpt-x", "", "ready", 0, 0},
		{"{\"data\":[{\"id\":\"v\",\"owned_by\":\"vllm\",\"max_model_len\":32768}]}", "v", "", "ready", 32768,
			0},
		{"{\"data\":[{\"id\":\"x/y:free\",\"name\":\"Y\",\"context_length\":1000,\"architecture\":{"
		 "\"input_modalities\":[\"text\",\"image\"],\"output_modalities\":[\"text\"]},\"top_provider\":{"
		 "\"context_length\":900,\"max_completion_tokens\":500},\"supported_parameters\":[\"tools\","
		 "\"reasoning\","
		 "\"include_reasoning\",\"seed\"]}]}",
			"x/y:free", "completion tools thinking vision", "ready", 1000, 500},
		{"{\"data\":[{\"id\":\"g\",\"active\":true,\"context_window\":8192,\"max_completion_tokens\":4096},"
		 "{\"id\":\"off\",\"active\":false}]}",
			"g", "", "ready", 8192, 4096},
		{"{\"data\":[{\"id\":\"mis\",\"max_context_length\":128000,\"capabilities\":{\"completion_chat\":true,"
		 "\"function_calling\":true,\"vision\":false,\"completion_fim\":true}}]}",
			"mis", "completion tools insert", "ready", 128000, 0},
		{"[{\"id\":\"together\",\"type\":\"chat\",\"context_length\":4096}]", "together", "completion", "ready",
			4096, 0},
		{"{\"data\":[{\"id\":\"lms\",\"type\":\"vlm\",\"arch\":\"qwen\",\"quantization\":\"4bit\",\"state\":"
		 "\"not-loaded\","
		 "\"max_context_length\":32000,\"capabilities\":[\"tool_use\"]}]}",
			"lms", "completion vision tools", "reachable", 32000, 0},
		{"{\"data\":[{\"id\":\"e\",\"type\":\"embeddings\"}]}", "e", "embedding", "ready", 0, 0},
		{"{\"data\":[{\"id\":\"r\",\"owned_by\":\"llamacpp\",\"status\":{\"value\":\"loading\"}}]}", "r", "",
			"loading", 0, 0},
		{"{\"data\":[{\"id\":\"r\",\"owned_by\":\"llamacpp\",\"status\":{\"value\":\"unloaded\"}}]}", "r", "",
			"reachable", 0, 0},
		{"{\"data\":[{\"id\":\"r\",\"status\":\"loaded\"}]}", "r", "", "ready", 0, 0},
		{"{\"models\":[{\"name\":\"only\"}]}", "only", "", "ready", 0, 0},
		{"{\"data\":[\"bare\",{\"id\":\"\"},{},7,null,\"bare\"]}", "bare", "", "ready", 0, 0},
	};
	(void)state;
	/* The window that a model was made for, and the one that it was loaded with. */
	{
		struct script script[] = {{.path = "/v1/models",
			.bytes = OK_JSON "{\"data\":[{\"id\":\"lms\",\"state\":\"loaded\",\"max_context_length\":32000,"
					 "\"loaded_context_length\":4096},{\"id\":\"cpp\",\"meta\":{\"n_ctx\":2048,\"n_"
					 "ctx_train\":8192}}]}"}};
		struct trial t;
		begin(&t, "openai", "/v1", script, 1);
		refresh(&t);
		assert_int_equal(find(&t, "lms")->context_length, 32000);
		assert_int_equal(find(&t, "lms")->context_loaded, 4096);
		assert_int_equal(find(&t, "cpp")->context_length, 8192);
		assert_int_equal(find(&t, "cpp")->context_loaded, 2048);
		end(&t);
	}
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
		struct trial t;
		buf_add_str(&b, OK_JSON);
		buf_add_str(&b, cases[i].list);
		struct script script[] = {{.path = "/v1/models", .bytes = b.p}};
		begin(&t, "openai", "/v1", script, 1);
		refresh(&t);
		assert_int_equal(t.c.n_models, 1);
		const struct model *m = find(&t, cases[i].id);
		if (strcmp(words(m), cases[i].words) != 0 || strcmp(m->state, cases[i].state) != 0 ||
			m->context_length != cases[i].context || m->max_output != cases[i].output)
			fail_msg("%s: %s %s %lld %lld", m->id, words(m), m->state, (long long)m->context_length,
				(long long)m->max_output);
		end(&t);
	}
}

static const char llama[] = OK_JSON "{\"models\":[{\"model\":\"toy\",\"capabilities\":[\"completion\"]}],\"data\":[{"
				    "\"id\":\"toy\",\"owned_by\":\"llamacpp\","
				    "\"meta\":{\"n_ctx_train\":8192,\"n_params\":8030261312}}]}";

static void llama_asked(void **state)
{
	static const struct script script[] = {{.path = "/v1/models", .bytes = llama},
		{.path = "/props",
			.bytes = OK_JSON "{\"modalities\":{\"vision\":true},\"chat_template\":"
					 "\"{% if tools %}..{% endif %}<think>\"}"}};
	static const struct script loading[] = {{.path = "/v1/models", .bytes = llama},
		{.path = "/props", .bytes = "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}"}};
	struct trial t;
	(void)state;
	begin(&t, "openai", "/v1", script, N_ELEMENTS(script));
	refresh(&t);
	assert_string_equal(words(find(&t, "toy")), "completion vision tools thinking");
	assert_string_equal(find(&t, "toy")->parameters, "8.0B");
	assert_int_equal(find(&t, "toy")->context_length, 8192);
	assert_string_equal(find(&t, "toy")->state, "ready");
	end(&t);
	begin(&t, "openai", "/v1", loading, N_ELEMENTS(loading));
	refresh(&t);
	assert_string_equal(find(&t, "toy")->state, "loading");
	end(&t);
}

static void a_server_that_starts(void **state)
{
	static const struct script script[] = {{.bytes = OK_JSON "{\"data\":[{\"id\":\"one\"}]}"},
		{.bytes = "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n{\"error\":{\"code\":503,\"message\":\"Loading "
			  "model\"}}"},
		{.bytes = OK_JSON "{\"data\":[{\"id\":\"two\"}]}"}};
	struct trial t;
	(void)state;
	begin(&t, "openai", "/v1", script, N_ELEMENTS(script));
	refresh(&t);
	assert_string_equal(find(&t, "one")->state, "ready");
	refresh(&t);
	assert_string_equal(find(&t, "one")->state, "loading"); /* what it had before */
	assert_string_equal(t.c.providers[0].state, "ok");
	refresh(&t);
	assert_string_equal(find(&t, "two")->state, "ready");
	assert_int_equal(t.c.n_models, 1);
	end(&t);
}

static void anthropic_pages(void **state)
{
	static const struct script script[] = {
		{.path = "/v1/models?limit=1000",
			.bytes = OK_JSON
			"{\"data\":[{\"id\":\"claude-a\",\"display_name\":\"Claude A\",\"created_at\":"
			"\"2026-10-01T00:00:00Z\",\"max_input_tokens\":200000,\"max_tokens\":64000,\"line\":\"opus\","
			"\"lifecycle\":\"active\",\"capabilities\":{\"image_input\":{\"supported\":true},"
			"\"thinking\":{\"types\":{\"adaptive\":{\"supported\":true}}}}},"
			"{\"id\":\"claude-old\",\"lifecycle\":\"retired\"}],\"has_more\":true,\"last_id\":\"a b/c\"}"},
		{.path = "/v1/models?limit=1000&after_id=a%20b%2Fc",
			.bytes = OK_JSON
			"{\"data\":[{\"id\":\"claude-b\",\"max_input_tokens\":null,\"capabilities\":{"
			"\"image_input\":false,\"thinking\":{\"types\":{\"adaptive\":{\"supported\":false},"
			"\"disabled\":{\"supported\":true}}}}},{\"id\":\"claude-c\",\"capabilities\":null}],"
			"\"has_more\":false,\"last_id\":\"claude-c\"}"}};
	struct trial t;
	(void)state;
	begin(&t, "anthropic", "", script, N_ELEMENTS(script));
	refresh(&t);
	assert_int_equal(t.c.n_models, 3);
	const struct model *m = find(&t, "claude-a");
	assert_string_equal(m->name, "Claude A");
	assert_string_equal(m->family, "opus");
	assert_int_equal(m->context_length, 200000);
	assert_int_equal(m->max_output, 64000);
	assert_int_equal(m->modified_at, 1790812800000);
	assert_string_equal(words(m), "completion tools vision thinking");
	assert_string_equal(m->state, "ready");
	assert_string_equal(m->kind, "anthropic");
	assert_string_equal(words(find(&t, "claude-b")), "completion tools");
	assert_string_equal(words(find(&t, "claude-c")), ""); /* nothing is known: anything may be tried */
	assert_true(model_can(find(&t, "claude-c"), "vision"));
	assert_int_equal(count(&t.s, "x-api-key: k\r\n"), 2);
	assert_int_equal(count(&t.s, "anthropic-version: 2023-06-01\r\n"), 2);
	assert_int_equal(count(&t.s, "Authorization"), 0);
	end(&t);
}

/* What cannot be a size or a window is none: in particular no window that nothing fits into. */
static void odd_figures(void **state)
{
	static const char *const figures[] = {
		"-1", "-9223372036854775808", "-1e308", "null", "\"x\"", "[8]", "\"-5\"", "true", "2.99", "15"};
	(void)state;
	for (size_t i = 0; i < 3 * N_ELEMENTS(figures); i++) {
		static const char *const kinds[] = {"ollama", "openai", "anthropic"};
		const char *kind = kinds[i % 3], *f = figures[i / 3];
		CLEANUP(buf_done) struct buf list = BUF_INIT(65536), loaded = BUF_INIT(65536);
		struct trial t;
		buf_printf(&list,
			OK_JSON
			"{\"models\":[{\"model\":\"m\",\"size\":%s,\"details\":{\"context_length\":%s}}],\"data\":[{"
			"\"id\":\"m\",\"created\":%s,\"context_length\":%s,\"max_model_len\":%s,"
			"\"loaded_context_length\":%s,\"max_output_tokens\":%s,\"max_input_tokens\":%s,\"max_tokens\":%"
			"s,"
			"\"meta\":{\"size\":%s,\"n_ctx\":%s,\"n_ctx_train\":%s,\"n_params\":%s}}]}",
			f, f, f, f, f, f, f, f, f, f, f, f, f);
		buf_printf(&loaded,
			OK_JSON "{\"models\":[{\"model\":\"m\",\"size\":%s,\"size_vram\":%s,\"context_length\":%s}]}",
			f, f, f);
		const struct script script[] = {{.path = "/api/tags", .bytes = list.p},
			{.path = "/api/ps", .bytes = loaded.p},
			{.path = i % 3 == 1 ? "/v1/models" : "/v1/models?limit=1000", .bytes = list.p}};
		begin(&t, kind, i % 3 == 1 ? "/v1" : "", script, N_ELEMENTS(script));
		refresh(&t);
		const struct model *m = find(&t, "m");
		bool sizes = m->size_bytes || m->loaded_bytes || m->loaded_vram || m->modified_at || m->parameters;
		if (m->context_length || m->context_loaded || m->max_output || (sizes && f[0] != '2' && f[0] != '1'))
			fail_msg("%s: %s is taken for a figure", kind, f);
		end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ollama_loaded),
		cmocka_unit_test(ollama_unloaded),
		cmocka_unit_test(odd_figures),
		cmocka_unit_test(ollama_shares),
		cmocka_unit_test(ollama_shares_unknown),
		cmocka_unit_test(ollama_shown),
		cmocka_unit_test(ollama_shown_more),
		cmocka_unit_test(openai_shapes),
		cmocka_unit_test(llama_asked),
		cmocka_unit_test(a_server_that_starts),
		cmocka_unit_test(anthropic_pages),
	};
	return cmocka_run_group_tests_name("provider/catalogue_lists", tests, NULL, NULL);
}
