/* Which providers there are, and how one set becomes another while calls run. */
#include "base/clock.h"
#include "support.h"

#include <stdio.h>

#include "provider/catalogue_priv.h"

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

static struct providers *made(struct world *w, struct providers_config *c)
{
	struct err e = {0};
	*c = (struct providers_config){.settings = &w->settings, .loop = w->loop, .http = w->http};
	providers_free(w->providers);
	w->providers = NULL;
	assert_int_equal(providers_new(c, &w->providers, &e), 0);
	return w->providers;
}

static void set(struct world *w, const char *name, const char *value)
{
	struct err e = {0};
	assert_int_equal(settings_set(&w->settings, name, value, "test", &e), 0);
}

static void of_the_settings(void **state)
{
	struct world w;
	struct providers_config c;
	(void)state;
	world_init(&w, NULL, NULL);
	struct providers *ps = made(&w, &c);
	assert_int_equal(ps->n, 1); /* the address alone makes no provider of kind anthropic */
	assert_string_equal(ps->all[0]->name, "librarian");
	set(&w, "openai_api_key", "sk-1");
	set(&w, "anthropic_api_key", "sk-2");
	ps = made(&w, &c);
	assert_int_equal(ps->n, 3);
	assert_string_equal(ps->all[0]->name, "openai");
	assert_string_equal(ps->all[0]->base, "https://api.openai.com/v1");
	assert_string_equal(ps->all[1]->name, "anthropic");
	assert_string_equal(ps->all[1]->base, "https://api.anthropic.com");
	assert_string_equal(ps->all[1]->version, "2026-10-21");
	assert_string_equal(ps->all[1]->key_header, "x-api-key: ");
	assert_string_equal(ps->all[1]->label, "The server at api.anthropic.com");
	set(&w, "anthropic_base_url", "http://127.0.0.1:1/v1/");
	set(&w, "openai_base_url", "http://user:word@127.0.0.1:1/v1/chat/completions");
	set(&w, "librarian", "false");
	ps = made(&w, &c);
	assert_int_equal(ps->n, 2);
	assert_string_equal(ps->all[0]->shown_url, "http://127.0.0.1:1/v1");
	assert_string_equal(ps->all[1]->base, "http://127.0.0.1:1");
	assert_string_equal(ps->all[1]->version, "2023-06-01");
	world_done(&w);
}

static void checks(void **state)
{
	static const struct {
		struct provider_config c;
		const char *word; /* of the sentence; NULL: it is right */
	} cases[] = {
		{{.name = "a-1", .kind = "openai", .url = "https://x.example/v1"}, NULL},
		{{.name = "a-1", .kind = "ollama", .url = "somewhere"}, NULL},
		{{.name = "a-1", .kind = "ollama"}, NULL},
		{{.name = "a-1", .kind = "librarian", .url = "whatever"}, NULL},
		{{.name = "a-1", .kind = "anthropic", .version = "2026-10-21"}, NULL},
		{{.name = "", .kind = "openai"}, "name"},
		{{.name = "A", .kind = "openai"}, "name"},
		{{.name = "a/b", .kind = "openai"}, "name"},
		{{.name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .kind = "openai"}, "name"},
		{{.name = "a", .kind = "gemini"}, "kind"},
		{{.name = "a"}, "kind"},
		{{.name = "a", .kind = "openai", .url = "x.example"}, "address"},
		{{.name = "a", .kind = "openai", .url = "ftp://x.example"}, "address"},
		{{.name = "a", .kind = "openai", .url = "http://"}, "address"},
		{{.name = "a", .kind = "openai", .url = "http://a b/"}, "address"},
		{{.name = "a", .kind = "ollama", .url = "  "}, NULL},
		{{.name = "a", .kind = "openai", .key = "a\nb"}, "key"},
		{{.name = "a", .kind = "anthropic", .version = "x\r\ny"}, "version"},
		{{.name = "a", .kind = "openai", .max_concurrent = -1}, "negative"},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct err e = {0};
		int r = provider_config_check(&cases[i].c, &e);
		if (cases[i].word ? r != E_INVALID || !strstr(e.msg, cases[i].word) : r != 0)
			fail_msg("case %zu: %d %s", i, r, e.msg);
	}
}

static int count_requests(struct server *s)
{
	pthread_mutex_lock(&s->mx);
	int n = (int)s->n_requests;
	pthread_mutex_unlock(&s->mx);
	return n;
}

static void what_stays(void **state)
{
	static const struct script script[] = {
		{.path = "/v1/models", .bytes = OK_JSON "{\"data\":[{\"id\":\"one\"},{\"id\":\"two\"}]}"}};
	struct server s;
	struct world w;
	struct arena a;
	struct catalogue c;
	struct err e = {0};
	char url[64], base[80];
	(void)state;
	server_start(&s, script, 1);
	server_url(&s, url);
	snprintf(base, sizeof(base), "%s/v1", url);
	world_init(&w, NULL, NULL);
	arena_init(&a, 1 << 20);
	struct providers *ps = w.providers;
	struct provider_config stored[] = {
		{.id = 7, .name = "first", .kind = "openai", .url = base, .enabled = true},
		{.id = 8, .name = "second", .kind = "openai", .url = base, .enabled = false},
	};
	assert_int_equal(providers_configure(ps, stored, 2, NULL, &e), 0);
	assert_int_equal(ps->n, 3);
	providers_refresh(ps, PATIENCE_MS);
	assert_int_equal(count_requests(&s), 1); /* nobody asks one that is switched off */
	assert_int_equal(providers_catalogue(ps, &a, &c, &e), 0);
	assert_int_equal(c.n_models, 3);
	assert_string_equal(c.providers[0].state, "ok");
	assert_int_equal(c.providers[0].id, 7);
	assert_int_equal(c.providers[0].models, 2);
	assert_string_equal(c.providers[1].state, "disabled");
	assert_string_equal(c.providers[2].name, "librarian");

	/* The same again: the same object. A limit alone is changed in place. */
	struct provider *first = ps->all[0];
	stored[0].max_concurrent = 3;
	assert_int_equal(providers_configure(ps, stored, 2, NULL, &e), 0);
	assert_ptr_equal(ps->all[0], first);
	assert_int_equal(first->max_concurrent, 3);

	/* A call that runs keeps what it began with; the new one knows what the old one knew. */
	struct plan plan;
	assert_int_equal(catalogue_plan(ps, "one", 0, &a, &plan, &e), 0);
	assert_ptr_equal(plan.targets[0].p, first);
	stored[0].name = "renamed";
	stored[0].token_timeout_ms = 5000;
	assert_int_equal(providers_configure(ps, stored, 1, NULL, &e), 0);
	assert_int_equal(ps->n, 2);
	assert_ptr_not_equal(ps->all[0], first);
	assert_string_equal(plan.targets[0].p->name, "first");
	assert_int_equal(first->refs, 1);
	plan_done(&plan);
	assert_int_equal(providers_catalogue(ps, &a, &c, &e), 0);
	assert_string_equal(c.providers[0].name, "renamed");
	assert_string_equal(c.providers[0].state, "ok");
	assert_int_equal(c.providers[0].models, 2);

	/* What is wrong changes nothing. */
	struct provider_config bad[] = {{.id = 9, .name = "new", .kind = "openai", .url = base, .enabled = true},
		{.id = 10, .name = "new", .kind = "openai", .url = base, .enabled = true}};
	assert_int_equal(providers_configure(ps, bad, 2, NULL, &e), E_INVALID);
	assert_string_equal(ps->all[0]->name, "renamed");
	/* None at all. */
	assert_int_equal(providers_configure(ps, NULL, 0, NULL, &e), 0);
	assert_int_equal(ps->n, 1);
	world_done(&w);
	server_stop(&s);
	arena_done(&a);
}

static void names_of_the_settings_win(void **state)
{
	struct world w;
	struct err e = {0};
	struct provider_config stored[] = {
		{.id = 7, .name = "ollama", .kind = "openai", .url = "http://127.0.0.1:1", .enabled = true},
		{.id = 8, .name = "anthropic", .kind = "openai", .url = "http://127.0.0.1:1", .enabled = true}};
	(void)state;
	world_init(&w, "http://127.0.0.1:1", NULL);
	assert_int_equal(providers_configure(w.providers, stored, 2, NULL, &e), 0);
	assert_int_equal(w.providers->n, 3);
	assert_int_equal(w.providers->all[0]->id, 0);
	assert_int_equal(w.providers->all[1]->id, 8); /* the settings make none of that name */
	world_done(&w);
}

/* A change is looked at at once, also while another provider says nothing. */
static void a_change_is_looked_at(void **state)
{
	static const struct script slow[] = {{.path = "/api/tags", .bytes = "HTTP/1.1 200 OK\r\n", .hold = true}};
	static const struct script quick[] = {{.path = "/models", .bytes = OK_JSON "{\"data\":[{\"id\":\"one\"}]}"}};
	struct server s[2];
	struct world w;
	struct arena a;
	struct err e = {0};
	char urls[2][64];
	const char *id;
	(void)state;
	server_start(&s[0], slow, 1);
	server_start(&s[1], quick, 1);
	server_url(&s[0], urls[0]);
	server_url(&s[1], urls[1]);
	world_init(&w, urls[0], NULL);
	arena_init(&a, 1 << 20);
	w.settings.model_refresh_s = 3600;
	assert_int_equal(providers_start(w.providers, &e), 0);
	struct provider_config stored = {.id = 7, .name = "quick", .kind = "openai", .url = urls[1], .enabled = true};
	assert_int_equal(providers_configure(w.providers, &stored, 1, NULL, &e), 0);
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	bool in_time = true;
	pthread_mutex_lock(&w.providers->mx);
	while (w.providers->all[1]->state != PROVIDER_OK && in_time) {
		w.providers->all[0]->refresh_until_ms = INT64_MAX; /* that of the slow one is not stopped */
		in_time = clock_wait(&w.providers->cv, &w.providers->mx, until_ms);
	}
	assert_string_equal(w.providers->all[1]->name, "quick");
	assert_non_null(w.providers->all[0]->refresh);
	pthread_mutex_unlock(&w.providers->mx);
	assert_true(in_time);
	assert_int_equal(providers_resolve(w.providers, "one", &a, &id, &e), 0);
	/* The one that is taken away while it is refreshed. */
	set(&w, "ollama_host", "");
	assert_int_equal(providers_configure(w.providers, NULL, 0, NULL, &e), 0);
	assert_int_equal(w.providers->n, 1);
	world_done(&w);
	server_stop(&s[0]);
	server_stop(&s[1]);
	arena_done(&a);
}

/* Who asks for a refresh knows of something: one that began before does not count. */
static void a_refresh_of_before_does_not_count(void **state)
{
	static const struct script script[] = {
		{.bytes = "HTTP/1.1 200 OK\r\n", .hold = true}, {.bytes = OK_JSON "{\"data\":[{\"id\":\"new\"}]}"}};
	struct server s;
	struct world w;
	struct arena a;
	struct err e = {0};
	char url[64], base[80];
	const char *id;
	(void)state;
	server_start(&s, script, N_ELEMENTS(script));
	server_url(&s, url);
	snprintf(base, sizeof(base), "%s/v1", url);
	world_init(&w, NULL, base);
	arena_init(&a, 1 << 20);
	w.settings.model_refresh_s = 3600;
	assert_int_equal(providers_start(w.providers, &e), 0);
	while (count_requests(&s) == 0)
		usleep(500);
	/* The first one hangs; it is stopped here, since five seconds are long for a test. */
	pthread_mutex_lock(&w.providers->mx);
	w.providers->all[0]->refresh_until_ms = 0;
	pthread_cond_broadcast(&w.providers->cv);
	pthread_mutex_unlock(&w.providers->mx);
	providers_refresh(w.providers, PATIENCE_MS);
	assert_int_equal(count_requests(&s), 2);
	assert_int_equal(providers_resolve(w.providers, "new", &a, &id, &e), 0);
	world_done(&w);
	server_stop(&s);
	arena_done(&a);
}

struct asker {
	struct providers *ps;
	_Atomic bool over;
	_Atomic int planned;
};

static void *ask_on(void *arg)
{
	struct asker *k = arg;
	while (!k->over) {
		CLEANUP(arena_done) struct arena a;
		CLEANUP(plan_done) struct plan plan = {.n = 0};
		struct catalogue c;
		struct err e = {0};
		arena_init(&a, 1 << 20);
		if (catalogue_plan(k->ps, "one", 0, &a, &plan, &e) == 0) {
			catalogue_note_waiting(k->ps, plan.targets[0].p, "one", 1);
			catalogue_note_first_token(k->ps, plan.targets[0].p, "one", 5);
			catalogue_note_waiting(k->ps, plan.targets[0].p, "one", -1);
			k->planned++;
		}
		if (providers_catalogue(k->ps, &a, &c, &e) < 0)
			break;
	}
	return NULL;
}

/* What is configured changes again and again while others ask, look and call. */
static void changes_under_way(void **state)
{
	static const struct script script[] = {
		{.path = "/models", .bytes = OK_JSON "{\"data\":[{\"id\":\"one\"},{\"id\":\"two\"}]}"}};
	static const char *const targets[] = {"two", "one"};
	static const struct model_route routes[] = {{"one", targets, 2}};
	const struct catalogue_rules rules = {.routes = routes, .n_routes = 1};
	struct server s;
	struct world w;
	struct err e = {0};
	pthread_t threads[2];
	char url[64];
	(void)state;
	server_start(&s, script, 1);
	server_url(&s, url);
	world_init(&w, NULL, NULL);
	struct asker k = {.ps = w.providers};
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	assert_int_equal(providers_start(w.providers, &e), 0);
	for (size_t i = 0; i < N_ELEMENTS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &k), 0);
	for (int i = 0; i < 200 || (k.planned < 200 && clock_mono_ms() < until_ms); i++) {
		struct provider_config c[] = {
			{.id = 1, .name = "a", .kind = "openai", .url = url, .key = i % 3 ? "x" : "y", .enabled = true},
			{.id = 2,
				.name = "b",
				.kind = "openai",
				.url = url,
				.total_timeout_ms = i % 2,
				.enabled = i % 5 != 0}};
		assert_int_equal(
			providers_configure(w.providers, c, (size_t)(i % 7 ? 2 : 1), i % 4 ? &rules : NULL, &e), 0);
		if (i % 10 == 0)
			providers_refresh(w.providers, PATIENCE_MS);
	}
	k.over = true;
	for (size_t i = 0; i < N_ELEMENTS(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(k.planned >= 200);
	world_done(&w);
	server_stop(&s);
}

static struct server *warm_server;
static bool was_asked(struct server *s, const char *what)
{
	bool found = false;
	pthread_mutex_lock(&s->mx);
	for (size_t i = 0; i < s->n_requests && i < N_ELEMENTS(s->requests); i++)
		found |= strstr(s->requests[i], what) != NULL;
	pthread_mutex_unlock(&s->mx);
	return found;
}

static const char *state_of_model(struct providers *ps, struct arena *a)
{
	struct model m = {0};
	struct err e = {0};
	assert_int_equal(providers_model(ps, NULL, a, &m, &e), 0);
	return m.state;
}

#define TAGS OK_JSON "{\"models\":[{\"model\":\"m:1b\",\"capabilities\":[\"completion\"]}]}"

static void warming_up(void **state)
{
	static const struct script script[] = {{.path = "/api/tags", .bytes = TAGS},
		{.path = "/api/ps", .bytes = OK_JSON "{\"models\":[]}"},
		{.path = "/api/generate", .bytes = OK_JSON "{\"done\":true,\"done_reason\":\"load\"}"}};
	struct server s;
	struct world w;
	struct arena a;
	struct err e = {0};
	char url[64];
	(void)state;
	server_start(&s, script, N_ELEMENTS(script));
	warm_server = &s;
	server_url(&s, url);
	world_init(&w, url, NULL);
	arena_init(&a, 1 << 20);
	w.settings.warm_up = true;
	assert_int_equal(providers_start(w.providers, &e), 0);
	pthread_join(w.providers->warm_thread, NULL); /* it ends by itself */
	w.providers->warm_running = false;
	assert_true(was_asked(warm_server, "POST /api/generate "));
	assert_true(was_asked(warm_server, "{\"model\":\"m:1b\",\"stream\":false}"));
	assert_string_equal(state_of_model(w.providers, &a), "ready");
	world_done(&w);
	server_stop(&s);
	arena_done(&a);
}

static void it_is_loaded_already(void **state)
{
	static const struct script script[] = {{.path = "/api/tags", .bytes = TAGS},
		{.path = "/api/ps", .bytes = OK_JSON "{\"models\":[{\"model\":\"m:1b\"}]}"}};
	struct server s;
	struct world w;
	struct err e = {0};
	char url[64];
	(void)state;
	server_start(&s, script, N_ELEMENTS(script));
	server_url(&s, url);
	world_init(&w, url, NULL);
	w.settings.warm_up = true;
	assert_int_equal(providers_start(w.providers, &e), 0);
	pthread_join(w.providers->warm_thread, NULL);
	w.providers->warm_running = false;
	assert_false(was_asked(&s, "POST /api/generate "));
	world_done(&w);
	server_stop(&s);
}

static void the_end_does_not_wait_for_a_load(void **state)
{
	static const struct script script[] = {{.path = "/api/tags", .bytes = TAGS},
		{.path = "/api/ps", .bytes = OK_JSON "{\"models\":[]}"},
		{.path = "/api/generate", .bytes = "HTTP/1.1 200 OK\r\n", .hold = true}};
	struct server s;
	struct world w;
	struct arena a;
	struct err e = {0};
	char url[64];
	(void)state;
	server_start(&s, script, N_ELEMENTS(script));
	server_url(&s, url);
	world_init(&w, url, NULL);
	arena_init(&a, 1 << 20);
	w.settings.warm_up = true;
	assert_int_equal(providers_start(w.providers, &e), 0);
	while (!was_asked(&s, "POST /api/generate "))
		usleep(1000);
	assert_string_equal(state_of_model(w.providers, &a), "loading");
	world_done(&w); /* would take minutes */
	server_stop(&s);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_settings),
		cmocka_unit_test(checks),
		cmocka_unit_test(what_stays),
		cmocka_unit_test(names_of_the_settings_win),
		cmocka_unit_test(a_change_is_looked_at),
		cmocka_unit_test(a_refresh_of_before_does_not_count),
		cmocka_unit_test(changes_under_way),
		cmocka_unit_test(warming_up),
		cmocka_unit_test(it_is_loaded_already),
		cmocka_unit_test(the_end_does_not_wait_for_a_load),
	};
	return cmocka_run_group_tests_name("provider/registry", tests, NULL, NULL);
}
