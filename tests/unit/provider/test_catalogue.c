/* What models there are: lists of real shapes, ids, the default, what stays when a provider goes. */
#include "support.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/socket.h>

#define OK_JSON   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 35\r\n\r\n{\"error\":{\"message\":\"File Not Found\"}}"

static const char tags[] = OK_JSON
	"{\"models\":[{\"name\":\"nomic-embed-text:latest\",\"model\":\"nomic-embed-text:latest\",\"size\":274302450,"
	"\"details\":{\"family\":\"nomic-bert\",\"families\":null}},"
	"{\"name\":\"llama3.2:latest\",\"model\":\"llama3.2:latest\",\"size\":2019393189,\"capabilities\":["
	"\"completion\",\"tools\"],"
	"\"details\":{\"family\":\"llama\",\"parameter_size\":\"3.2B\",\"quantization_level\":\"Q4_K_M\",\"context_"
	"length\":131072}},"
	"{\"name\":\"shared\",\"model\":\"shared\"},{\"bad\":1},7]}";
/* As llama-server lists its model. */
static const char models[] = OK_JSON
	"{\"models\":[{\"name\":\"toy\",\"model\":\"toy\",\"capabilities\":[\"completion\"]}],\"object\":\"list\","
	"\"data\":[{\"id\":\"toy\",\"object\":\"model\",\"owned_by\":\"llamacpp\",\"meta\":{\"n_ctx\":4096,\"n_ctx_"
	"train\":8192,"
	"\"n_params\":1493248,\"size\":844352,\"ftype\":\"Q4_0\"}},{\"id\":\"shared\",\"max_model_len\":2048}]}";

static const struct model *find(const struct catalogue *c, const char *id)
{
	for (size_t i = 0; i < c->n_models; i++)
		if (strcmp(c->models[i].id, id) == 0)
			return &c->models[i];
	return NULL;
}

static void two_providers(void **state)
{
	static const struct script a[] = {{.path = "/api/tags", .bytes = tags}};
	/* The address without /v1, where the lists of some servers do not stand. */
	static const struct script b[] = {
		{.path = "/models", .bytes = NOT_FOUND}, {.path = "/v1/models", .bytes = models}};
	struct server ollama, openai;
	struct world w;
	struct arena arena;
	struct catalogue c;
	struct err e = {0};
	const char *id;
	char urls[2][64];
	(void)state;
	server_start(&ollama, a, N_ELEMENTS(a));
	server_start(&openai, b, N_ELEMENTS(b));
	server_url(&ollama, urls[0]);
	server_url(&openai, urls[1]);
	world_init(&w, urls[0], urls[1]);
	arena_init(&arena, 1 << 20);
	assert_int_equal(providers_catalogue(w.providers, &arena, &c, &e), 0);
	assert_int_equal(c.n_models, 1);
	assert_string_equal(c.default_model, "librarian");
	assert_string_equal(c.providers[0].state, "checking");
	providers_refresh(w.providers, PATIENCE_MS);
	assert_int_equal(providers_catalogue(w.providers, &arena, &c, &e), 0);
	assert_int_equal(c.n_providers, 3);
	assert_string_equal(c.providers[0].state, "ok");
	assert_string_equal(c.providers[1].state, "ok");
	assert_string_equal(c.providers[1].url, urls[1]);
	assert_int_equal(c.n_models, 6);
	const struct model *m = find(&c, "llama3.2:latest");
	assert_non_null(m);
	assert_int_equal(m->size_bytes, 2019393189);
	assert_int_equal(m->context_length, 131072);
	assert_string_equal(m->family, "llama");
	assert_string_equal(m->parameters, "3.2B");
	assert_string_equal(m->quantization, "Q4_K_M");
	assert_string_equal(m->capabilities[1], "tools");
	assert_null(m->capabilities[2]);
	assert_string_equal(m->provider, "ollama");
	m = find(&c, "toy");
	assert_non_null(m);
	assert_int_equal(m->context_length, 8192);
	assert_int_equal(m->context_loaded, 4096);
	assert_string_equal(m->parameters, "1.5M");
	assert_string_equal(m->capabilities[0], "completion");
	assert_string_equal(m->kind, "openai");
	/* The same name at both: the second one is told apart. */
	assert_string_equal(find(&c, "shared")->provider, "ollama");
	assert_int_equal(find(&c, "openai/shared")->context_length, 2048);
	/* The embedding model stands first, but nobody can talk with it. */
	assert_string_equal(c.default_model, "llama3.2:latest");

	assert_int_equal(providers_resolve(w.providers, NULL, &arena, &id, &e), 0);
	assert_string_equal(id, "llama3.2:latest");
	assert_int_equal(providers_resolve(w.providers, "llama3.2", &arena, &id, &e), 0);
	assert_string_equal(id, "llama3.2:latest");
	assert_int_equal(providers_resolve(w.providers, "openai/toy", &arena, &id, &e), 0);
	assert_string_equal(id, "toy");
	assert_int_equal(providers_resolve(w.providers, "openai/shared", &arena, &id, &e), 0);
	assert_string_equal(id, "openai/shared");
	assert_int_equal(providers_resolve(w.providers, "gone", &arena, &id, &e), E_MODEL_UNKNOWN);
	assert_string_equal(e.msg, "No provider offers the model \"gone\" now.");

	/* One provider goes: its state tells, its last list stays. */
	server_stop(&ollama);
	providers_refresh(w.providers, PATIENCE_MS);
	assert_int_equal(providers_catalogue(w.providers, &arena, &c, &e), 0);
	assert_string_equal(c.providers[0].state, "unreachable");
	assert_non_null(c.providers[0].error);
	assert_int_equal(c.n_models, 6);
	world_done(&w);
	server_stop(&openai);
	arena_done(&arena);
}

struct told {
	struct bus_subscriber s;
	int models, providers; /* atomic */
};

static void hear(void *arg, const struct bus_event *ev)
{
	struct told *t = arg;
	__atomic_add_fetch(ev->kind == BUS_MODELS ? &t->models : &t->providers, 1, __ATOMIC_RELAXED);
}

/* A list that is read again tells something only when people see another one; so does a server that goes away. */
static void what_has_changed_is_told(void **state)
{
	static const char other[] = OK_JSON "{\"models\":[{\"name\":\"shared\",\"model\":\"shared\",\"size\":7}]}";
	static const char bigger[] = OK_JSON "{\"models\":[{\"name\":\"shared\",\"model\":\"shared\",\"size\":8}]}";
	static const char bad[] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
	static const struct {
		const char *list;
		int told;
	} lists[] = {{other, 1}, {other, 0}, {bigger, 1}, {bad, 1}, {bad, 0}, {bigger, 1}};
	struct told t = {.s = {.fn = hear, .arg = &t}};
	struct script script = {.path = "/api/tags"};
	struct server s;
	struct world w;
	char url[64];
	(void)state;
	script.bytes = other;
	server_start(&s, &script, 1);
	server_url(&s, url);
	world_init(&w, url, NULL);
	w.providers->bus = bus_new();
	bus_subscribe(w.providers->bus, &t.s);
	for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
		int told = t.models, of_providers = t.providers;
		pthread_mutex_lock(&s.mx);
		script.bytes = lists[i].list;
		pthread_mutex_unlock(&s.mx);
		assert_true(providers_refresh(w.providers, PATIENCE_MS));
		assert_int_equal(t.models - told, lists[i].told);
		assert_int_equal(t.providers - of_providers, lists[i].told);
	}
	bus_unsubscribe(w.providers->bus, &t.s);
	bus_free(TAKE_PTR(w.providers->bus));
	world_done(&w);
	server_stop(&s);
}

static void preferred_default(void **state)
{
	static const struct script a[] = {{.path = "/api/tags", .bytes = tags}};
	struct server s;
	struct world w;
	struct arena arena;
	struct err e = {0};
	const char *id;
	char url[64];
	(void)state;
	server_start(&s, a, N_ELEMENTS(a));
	server_url(&s, url);
	world_init(&w, url, NULL);
	assert_int_equal(settings_set(&w.settings, "default_model", "shared", "test", &e), 0);
	arena_init(&arena, 1 << 20);
	/* The first question right after the start: the refresh is under way, and the answer waits for it. */
	assert_int_equal(providers_start(w.providers, &e), 0);
	assert_int_equal(providers_resolve(w.providers, NULL, &arena, &id, &e), 0);
	assert_string_equal(id, "shared");
	world_done(&w);
	server_stop(&s);
	arena_done(&arena);
}

static void wrong_answers(void **state)
{
	static const struct script cases[][1] = {
		{{.path = "/api/tags", .bytes = OK_JSON "<html></html>"}},
		{{.path = "/api/tags", .bytes = OK_JSON "{\"object\":\"list\"}"}},
		{{.path = "/api/tags", .bytes = NOT_FOUND}},
		{{.path = "/api/tags", .bytes = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"}},
		{{.path = "/api/tags", .bytes = ""}},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct server s;
		struct world w;
		struct arena arena;
		struct catalogue c;
		struct err e = {0};
		char url[64];
		server_start(&s, cases[i], 1);
		server_url(&s, url);
		world_init(&w, url, NULL);
		arena_init(&arena, 1 << 20);
		providers_refresh(w.providers, PATIENCE_MS);
		assert_int_equal(providers_catalogue(w.providers, &arena, &c, &e), 0);
		assert_string_equal(c.providers[0].state, "unreachable");
		assert_true(strlen(c.providers[0].error) > 10);
		assert_string_equal(c.default_model, "librarian");
		world_done(&w);
		server_stop(&s);
		arena_done(&arena);
	}
}

static void slow_lists_do_not_hold_the_look(void **state)
{
	static const struct script a[] = {{.path = "/api/tags", .bytes = "HTTP/1.1 200 OK\r\n", .hold = true}};
	struct server s;
	struct world w;
	struct arena arena;
	struct catalogue c;
	struct err e = {0};
	char url[64];
	(void)state;
	server_start(&s, a, N_ELEMENTS(a));
	server_url(&s, url);
	world_init(&w, url, NULL);
	arena_init(&arena, 1 << 20);
	assert_false(providers_refresh(w.providers, 100));
	assert_int_equal(providers_catalogue(w.providers, &arena, &c, &e), 0);
	assert_string_equal(c.providers[0].state, "checking");
	assert_true(c.refreshing);
	/* The end of the registry ends a refresh that is under way. */
	assert_int_equal(providers_start(w.providers, &e), 0);
	world_done(&w);
	server_stop(&s);
	arena_done(&arena);
}

static _Atomic int patient_ones, answered;

static void *refresh_once(void *arg)
{
	int64_t began = clock_mono_ms();
	assert_false(providers_refresh(arg, 3000));
	patient_ones += clock_mono_ms() - began >= 2900;
	answered++;
	return NULL;
}

/* However many look again, few wait for one that accepts and never answers. */
static void a_crowd_of_refreshes(void **state)
{
	static const struct script a[] = {{.path = "/api/tags", .bytes = "HTTP/1.1 200 OK\r\n", .hold = true}};
	struct server s;
	struct world w;
	struct err e = {0};
	char url[64];
	pthread_t threads[40];
	(void)state;
	server_start(&s, a, N_ELEMENTS(a));
	server_url(&s, url);
	world_init(&w, url, NULL);
	assert_int_equal(providers_start(w.providers, &e), 0);
	for (size_t i = 0; i < N_ELEMENTS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, refresh_once, w.providers), 0);
	for (size_t i = 0; i < N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(answered, 40);
	assert_true(patient_ones <= 2);
	assert_true(s.n_requests <= 2); /* and all share one refresh */
	world_done(&w);
	server_stop(&s);
}

static void secrets_stay(void **state)
{
	struct world w;
	struct arena arena;
	struct catalogue c;
	struct err e = {0};
	(void)state;
	world_init(&w, NULL, "http://user:secret@127.0.0.1:1/v1/");
	arena_init(&arena, 1 << 20);
	providers_refresh(w.providers, PATIENCE_MS);
	assert_int_equal(providers_catalogue(w.providers, &arena, &c, &e), 0);
	assert_string_equal(c.providers[0].url, "http://127.0.0.1:1/v1");
	assert_null(strstr(c.providers[0].error, "secret"));
	assert_string_equal(c.providers[0].state, "unreachable");
	world_done(&w);
	arena_done(&arena);
}

static void the_key_is_sent(void **state)
{
	static const struct script a[] = {{.path = "/v1/models", .bytes = models}};
	struct server s;
	struct world w;
	struct err e = {0};
	char url[64], base[80];
	(void)state;
	server_start(&s, a, N_ELEMENTS(a));
	server_url(&s, url);
	snprintf(base, sizeof(base), "%s/v1", url);
	world_init(&w, NULL, base);
	providers_free(w.providers);
	assert_int_equal(settings_set(&w.settings, "openai_api_key", "sk-test", "test", &e), 0);
	struct providers_config c = {.settings = &w.settings, .loop = w.loop, .http = w.http};
	assert_int_equal(providers_new(&c, &w.providers, &e), 0);
	providers_refresh(w.providers, PATIENCE_MS);
	assert_int_equal(s.n_requests, 1);
	assert_non_null(strstr(s.requests[0], "Authorization: Bearer sk-test\r\n"));
	world_done(&w);
	server_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_providers),
		cmocka_unit_test(what_has_changed_is_told),
		cmocka_unit_test(preferred_default),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(slow_lists_do_not_hold_the_look),
		cmocka_unit_test(a_crowd_of_refreshes),
		cmocka_unit_test(secrets_stay),
		cmocka_unit_test(the_key_is_sent),
	};
	return cmocka_run_group_tests_name("provider/catalogue", tests, NULL, NULL);
}
