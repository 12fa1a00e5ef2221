/* Where names lead: aliases, patterns, fallbacks, what is renamed and hidden, who does which task, and what state it is in. */
#include "support.h"

#include <stdio.h>

#include "base/clock.h"

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

struct trial {
	struct server s[2];
	struct world w;
	struct arena a;
	struct catalogue c;
	struct err e;
};

static const struct script ollama[] = {
	{.path = "/api/tags",
		.bytes = OK_JSON "{\"models\":[{\"model\":\"nomic-embed\",\"capabilities\":[\"embedding\"]},"
				 "{\"model\":\"llama3:latest\",\"capabilities\":[\"completion\",\"tools\"]},"
				 "{\"model\":\"qwen-coder:7b\",\"capabilities\":[\"completion\"]},"
				 "{\"model\":\"same\",\"capabilities\":[\"completion\"]}]}"},
	{.path = "/api/ps", .bytes = OK_JSON "{\"models\":[{\"model\":\"same\"}]}"}};
static const struct script openai[] = {{.path = "/v1/models",
	.bytes = OK_JSON "{\"data\":[{\"id\":\"gpt-4o\"},{\"id\":\"same\"},{\"id\":\"gpt-5\"}]}"}};

static void begin_with(struct trial *t, const struct script *first, size_t n_first, const struct script *second)
{
	char urls[2][64], base[80];
	memset(t, 0, sizeof(*t));
	server_start(&t->s[0], first, n_first);
	server_start(&t->s[1], second, 1);
	server_url(&t->s[0], urls[0]);
	server_url(&t->s[1], urls[1]);
	snprintf(base, sizeof(base), "%s/v1", urls[1]);
	world_init(&t->w, urls[0], base);
	arena_init(&t->a, 4 << 20);
	providers_refresh(t->w.providers, PATIENCE_MS);
}

static void begin(struct trial *t)
{
	begin_with(t, ollama, N_ELEMENTS(ollama), openai);
}

static void end(struct trial *t)
{
	world_done(&t->w);
	server_stop(&t->s[0]);
	server_stop(&t->s[1]);
	arena_done(&t->a);
}

static void rule(struct trial *t, const struct catalogue_rules *rules)
{
	assert_int_equal(providers_configure(t->w.providers, NULL, 0, rules, &t->e), 0);
	assert_int_equal(providers_catalogue(t->w.providers, &t->a, &t->c, &t->e), 0);
}

static const struct model *find(const struct trial *t, const char *id)
{
	const struct model *found = NULL;
	for (size_t i = 0; i < t->c.n_models; i++)
		if (strcmp(t->c.models[i].id, id) == 0) {
			assert_null(found); /* an id is that of one */
			found = &t->c.models[i];
		}
	return found;
}

/* "ollama:a openai:b" of the plan; "" when nobody offers it. */
static const char *plan(struct trial *t, const char *model)
{
	static char text[400];
	struct plan p = {0};
	struct err e = {0};
	*text = '\0';
	int r = catalogue_plan(t->w.providers, model, 0, &t->a, &p, &e);
	assert_true(r == 0 ? p.n > 0 : r == E_MODEL_UNKNOWN && strstr(e.msg, model));
	for (size_t i = 0; i < p.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", i ? " " : "",
			p.targets[i].p->name, p.targets[i].name);
	plan_done(&p);
	return text;
}

static const char *resolved(struct trial *t, const char *model)
{
	const char *id = "";
	struct err e = {0};
	int r = providers_resolve(t->w.providers, model, &t->a, &id, &e);
	assert_true(r == 0 || r == E_MODEL_UNKNOWN);
	return id;
}

static void without_rules(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	assert_string_equal(plan(&t, "llama3"), "ollama:llama3:latest");
	assert_string_equal(plan(&t, "ollama/llama3"), "ollama:llama3:latest");
	assert_string_equal(plan(&t, "ollama/llama3:latest"), "ollama:llama3:latest");
	assert_string_equal(plan(&t, "same"), "ollama:same");
	assert_string_equal(plan(&t, "openai/same"), "openai:same");
	assert_string_equal(plan(&t, "none"), "");
	assert_string_equal(plan(&t, "openai/llama3"), "");
	assert_string_equal(resolved(&t, "ollama/llama3"), "llama3:latest");
	end(&t);
}

static void aliases(void **state)
{
	static const char *const fast[] = {"llama3", "gpt-5"}, *const lost[] = {"nobody"},
				 *const half[] = {"nobody", "gpt-5"};
	static const char *const itself[] = {"gpt-4o", "llama3"}, *const other[] = {"gpt-5"}, *const chain[] = {"fast"};
	static const struct model_route routes[] = {{"fast", fast, 2}, {"lost", lost, 1}, {"half", half, 2},
		{"gpt-4o", itself, 2}, {"same", other, 1}, {"chain", chain, 1}};
	const struct catalogue_rules rules = {.routes = routes, .n_routes = N_ELEMENTS(routes)};
	struct trial t;
	struct model m;
	(void)state;
	begin(&t);
	rule(&t, &rules);
	assert_string_equal(plan(&t, "fast"), "ollama:llama3:latest openai:gpt-5");
	const struct model *fast_model = find(&t, "fast");
	assert_non_null(fast_model);
	assert_string_equal(fast_model->alias_of, "llama3");
	assert_string_equal(fast_model->provider, "ollama");
	assert_string_equal(fast_model->name, "fast");
	assert_true(model_can(fast_model, "tools"));
	assert_string_equal(resolved(&t, "fast"), "fast");
	assert_int_equal(providers_model(t.w.providers, "fast", &t.a, &m, &t.e), 0);
	assert_string_equal(m.id, "fast");
	/* Targets that nobody offers are left out. */
	assert_string_equal(plan(&t, "half"), "openai:gpt-5");
	assert_string_equal(find(&t, "half")->provider, "openai");
	assert_null(find(&t, "lost"));
	assert_string_equal(plan(&t, "lost"), "");
	assert_string_equal(resolved(&t, "lost"), "");
	/* A target names a model, not another route. */
	assert_string_equal(plan(&t, "chain"), "");
	/* A model with a fallback of its own: one entry. */
	assert_string_equal(plan(&t, "gpt-4o"), "openai:gpt-4o ollama:llama3:latest");
	assert_string_equal(plan(&t, "openai/gpt-4o"), "openai:gpt-4o ollama:llama3:latest");
	assert_string_equal(find(&t, "gpt-4o")->alias_of, "gpt-4o");
	/* A route that leads a model's name elsewhere: the model is told apart. */
	assert_string_equal(plan(&t, "same"), "openai:gpt-5");
	assert_string_equal(plan(&t, "ollama/same"), "ollama:same");
	assert_string_equal(find(&t, "same")->alias_of, "gpt-5");
	assert_non_null(find(&t, "ollama/same"));
	assert_non_null(find(&t, "openai/same"));
	end(&t);
}

static void patterns_and_fallbacks(void **state)
{
	static const char *const any[] = {"*", "same"}, *const gpt[] = {"gpt-*", "llama3"};
	static const struct model_route routes[] = {{"*", any, 2}, {"gpt-*", gpt, 2}};
	const struct catalogue_rules rules = {.routes = routes, .n_routes = 2};
	struct trial t;
	struct model m;
	(void)state;
	begin(&t);
	size_t models = (rule(&t, NULL), t.c.n_models);
	rule(&t, &rules);
	assert_int_equal(t.c.n_models, models); /* patterns are no models */
	assert_string_equal(plan(&t, "gpt-5"), "openai:gpt-5 ollama:llama3:latest");
	assert_string_equal(plan(&t, "gpt-3"), "ollama:llama3:latest");
	assert_string_equal(resolved(&t, "gpt-3"), "gpt-3");
	assert_string_equal(plan(&t, "llama3"), "ollama:llama3:latest ollama:same");
	assert_string_equal(plan(&t, "whatever"), "ollama:same");
	assert_string_equal(plan(&t, "same"), "ollama:same"); /* the same one once */
	assert_int_equal(providers_model(t.w.providers, "gpt-3", &t.a, &m, &t.e), 0);
	assert_string_equal(m.id, "gpt-3");
	assert_string_equal(m.alias_of, "llama3:latest");
	/* Those that are left alone come last. */
	struct target at = {.p = t.w.providers->all[1], .name = "gpt-5"};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(breaker_enter(t.w.providers, &at, 1, &t.e), 0);
		breaker_leave(t.w.providers, &at, 1,
			(struct breaker_outcome){.provider = BREAKER_FAILED, .model = BREAKER_UNKNOWN});
	}
	assert_string_equal(plan(&t, "gpt-5"), "ollama:llama3:latest openai:gpt-5");
	end(&t);
}

static void overrides_and_tasks(void **state)
{
	static const struct model_override overrides[] = {
		{"llama3:latest", "House model", false}, {"same", NULL, true}, {"openai/same", "Other", true}};
	struct catalogue_rules rules = {.overrides = overrides, .n_overrides = 3};
	struct trial t;
	const char *id = NULL;
	(void)state;
	begin(&t);
	rule(&t, NULL);
	assert_string_equal(t.c.tasks[TASK_CHAT], "llama3:latest");
	assert_string_equal(t.c.tasks[TASK_CODE], "qwen-coder:7b");
	assert_string_equal(t.c.tasks[TASK_EMBEDDING], "nomic-embed");
	assert_null(t.c.tasks[TASK_TITLE]); /* the conversation's own */
	rule(&t, &rules);
	assert_string_equal(find(&t, "llama3:latest")->name, "House model");
	assert_true(find(&t, "same")->hidden);
	assert_string_equal(find(&t, "openai/same")->name, "Other");
	assert_string_equal(plan(&t, "same"), "ollama:same");
	rules.tasks[TASK_CHAT] = "gpt-5";
	rules.tasks[TASK_TITLE] = "llama3";
	rules.tasks[TASK_CODE] = "nobody";
	rule(&t, &rules);
	assert_string_equal(t.c.default_model, "gpt-5");
	assert_string_equal(t.c.tasks[TASK_TITLE], "llama3:latest");
	assert_string_equal(t.c.tasks[TASK_CODE], "qwen-coder:7b"); /* who is not there does nothing */
	assert_string_equal(resolved(&t, NULL), "gpt-5");
	assert_int_equal(providers_resolve_task(t.w.providers, TASK_TITLE, "same", &t.a, &id, &t.e), 0);
	assert_string_equal(id, "llama3:latest");
	rules.tasks[TASK_TITLE] = NULL;
	rule(&t, &rules);
	assert_int_equal(providers_resolve_task(t.w.providers, TASK_TITLE, "same", &t.a, &id, &t.e), 0);
	assert_string_equal(id, "same");
	assert_int_equal(providers_resolve_task(t.w.providers, TASK_TITLE, NULL, &t.a, &id, &t.e), 0);
	assert_string_equal(id, "gpt-5");
	assert_int_equal(providers_resolve_task(t.w.providers, TASK_EMBEDDING, NULL, &t.a, &id, &t.e), 0);
	assert_string_equal(id, "nomic-embed");
	end(&t);
}

/* Servers that list names alone, most of them not of models that chat. */
static void tasks_by_name(void **state)
{
	static const struct script none[] = {
		{.path = "/api/tags", .bytes = OK_JSON "{\"models\":[]}"}, {.path = "/api/ps", .bytes = OK_JSON "{}"}};
	static const struct script names[] = {{.path = "/v1/models",
		.bytes = OK_JSON "{\"data\":[{\"id\":\"gpt-4o-transcribe\"},{\"id\":\"whisper-1\"},"
				 "{\"id\":\"all-minilm\"},{\"id\":\"multilingual-e5-small\"},"
				 "{\"id\":\"house-model\"}]}"}};
	struct trial t;
	(void)state;
	begin_with(&t, none, N_ELEMENTS(none), names);
	rule(&t, NULL);
	assert_string_equal(t.c.tasks[TASK_CHAT], "house-model");
	assert_string_equal(t.c.tasks[TASK_EMBEDDING], "all-minilm");
	end(&t);
}

static const char *state_of(struct trial *t, const char *id)
{
	struct model m = {0};
	assert_int_equal(providers_model(t->w.providers, id, &t->a, &m, &t->e), 0);
	return m.state;
}

static void states(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	struct providers *ps = t.w.providers;
	struct provider *o = ps->all[0], *x = ps->all[1];
	assert_string_equal(state_of(&t, "same"), "ready");
	assert_string_equal(state_of(&t, "gpt-5"), "ready");
	assert_string_equal(state_of(&t, "llama3"), "reachable");
	catalogue_note_waiting(ps, o, "llama3:latest", 1);
	assert_string_equal(state_of(&t, "llama3"), "loading");
	catalogue_note_waiting(ps, o, "same", 1);
	assert_string_equal(state_of(&t, "same"), "ready"); /* it is loaded: it thinks */
	catalogue_note_waiting(ps, o, "llama3:latest", -1);
	assert_string_equal(state_of(&t, "llama3"), "reachable");
	catalogue_note_waiting(ps, o, "llama3:latest", 1);
	catalogue_note_first_token(ps, o, "llama3:latest", 800);
	assert_string_equal(state_of(&t, "llama3"), "ready");
	catalogue_note_waiting(ps, o, "llama3:latest", -1);
	catalogue_note_first_token(ps, o, "llama3:latest", 1600);
	rule(&t, NULL);
	assert_int_equal(t.c.providers[0].first_token_ms, 900);
	assert_int_equal(t.c.providers[1].first_token_ms, -1);
	/* The next refresh knows better: it was unloaded. */
	for (int64_t at = clock_mono_ms(); clock_mono_ms() <= at;) /* the refresh begins after it */
		usleep(200);
	providers_refresh(ps, PATIENCE_MS);
	assert_string_equal(state_of(&t, "llama3"), "reachable");
	/* A provider that is away takes its models with it, and the default goes to one that is there. */
	assert_string_equal(resolved(&t, NULL), "llama3:latest");
	struct err why = {0};
	err_set(&why, E_PROVIDER_DOWN, "Nothing answers.");
	catalogue_note_call(ps, o, &why);
	assert_string_equal(state_of(&t, "same"), "unreachable");
	assert_string_equal(state_of(&t, "gpt-5"), "ready");
	assert_string_equal(resolved(&t, NULL), "gpt-4o");
	catalogue_note_call(ps, x, &why);
	assert_string_equal(resolved(&t, NULL), "llama3:latest"); /* nobody is there: as it was */
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rules),
		cmocka_unit_test(aliases),
		cmocka_unit_test(patterns_and_fallbacks),
		cmocka_unit_test(overrides_and_tasks),
		cmocka_unit_test(tasks_by_name),
		cmocka_unit_test(states),
	};
	return cmocka_run_group_tests_name("provider/catalogue_routes", tests, NULL, NULL);
}
