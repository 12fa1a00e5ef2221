/* The Librarian over a manual made for the test. */
#include "support.h"

#include <errno.h>

#include "base/clock.h"

static char asked[256];
static size_t hits;

static int fake_search(void *arg, const char *query, size_t limit, struct arena *a, struct manual_passage **ret,
	size_t *ret_n, struct err *e)
{
	static const struct manual_passage passages[] = {
		{"Getting started", "Connect Ollama", "Set `OLLAMA_HOST`.\n\n```\natelier --ollama-host=box\n```\n",
			"/manual/start#ollama"},
		{"Backup", "", NULL, "/manual/backup"},
		{"Long", "Very long", NULL, "/manual/long"},
	};
	(void)e;
	assert_ptr_equal(arg, asked);
	assert_int_equal(limit, 3);
	strncpy(asked, query, sizeof(asked) - 1);
	*ret = ARENA_ARRAY(a, struct manual_passage, 3);
	memcpy(*ret, passages, sizeof(passages));
	char *body = arena_alloc(a, 6001);
	for (size_t i = 0; i < 6000; i += 3)
		memcpy(body + i, i % 60 == 57 ? "\xc3\xa9 " : "\xe2\x82\xac", 3);
	(*ret)[2].body = body;
	*ret_n = hits;
	return 0;
}

struct trial {
	struct settings settings;
	struct providers *providers;
	struct cancel cancel;
	struct memory_sink sink;
	struct gen_result result;
	struct err e;
};

static void begin(struct trial *t)
{
	memset(t, 0, sizeof(*t));
	settings_init(&t->settings);
	assert_int_equal(settings_set(&t->settings, "ollama_host", "", "test", &t->e), 0);
	struct providers_config c = {.settings = &t->settings};
	assert_int_equal(providers_new(&c, &t->providers, &t->e), 0);
	librarian_set_manual(t->providers, fake_search, asked);
	cancel_init(&t->cancel);
	sink_init(&t->sink, false);
}

static int generate(struct trial *t)
{
	const struct gen_message messages[] = {{.role = "system", .content = "s"}, {.role = "user", .content = "old"},
		{.role = "assistant", .content = "a"}, {.role = "user", .content = "How?"},
		{.role = "assistant", .content = "half"}};
	struct gen_request q = {.model = "librarian", .messages = messages, .n_messages = 5, .continues = true};
	return provider_generate(t->providers, &q, &t->sink.sink, &t->cancel, &t->result, &t->e);
}

static void end(struct trial *t)
{
	assert_false(t->sink.wrong_thread);
	providers_free(t->providers);
	cancel_done(&t->cancel);
	sink_done(&t->sink);
	settings_done(&t->settings);
}

static void quotes_what_it_finds(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	hits = 3;
	int64_t start = clock_mono_ms();
	assert_int_equal(generate(&t), 0);
	assert_true(clock_mono_ms() - start < 2500);
	assert_string_equal(asked, "How?");
	assert_non_null(strstr(t.sink.text.p,
		"I quote Atelier's manual and am not a language model.\n\n> **Connect Ollama** [1]\n>\n"
		"> Set `OLLAMA_HOST`.\n>\n> ```\n> atelier --ollama-host=box\n> ```\n\n> **Backup** [2]\n"));
	assert_non_null(strstr(t.sink.text.p, "> **Very long** [3]\n"));
	assert_non_null(strstr(t.sink.text.p, ">\n> …\n\n"));
	assert_non_null(strstr(t.sink.text.p, "OPENAI_BASE_URL"));
	assert_int_equal(t.sink.n_citations, 3);
	assert_non_null(strstr(t.sink.events.p,
		"citation {\"n\":1,\"title\":\"Getting started\",\"url\":\"/manual/start#ollama\","
		"\"quote\":\"Set `OLLAMA_HOST`.\\n\\n```"));
	assert_true(t.sink.n_events > 20 && t.sink.n_events < 200);
	assert_string_equal(t.result.finish_reason, "stop");
	assert_int_equal(t.result.tokens_in, -1);
	assert_int_equal(t.result.tokens_out, -1);
	assert_true(t.result.first_token_ms >= 0);
	end(&t);
}

static void says_when_there_is_nothing(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	hits = 0;
	assert_int_equal(generate(&t), 0);
	assert_non_null(strstr(t.sink.text.p, "I found nothing in the manual"));
	assert_non_null(strstr(t.sink.text.p, "- How do I connect"));
	assert_int_equal(t.sink.n_citations, 0);
	end(&t);
}

static void stop(void *arg, enum event_type type, const char *json)
{
	(void)type;
	(void)json;
	cancel_fire(arg, E_CANCELED);
}

static void can_be_stopped(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	hits = 3;
	t.sink.on_event = stop;
	t.sink.arg = &t.cancel;
	assert_int_equal(generate(&t), -ECANCELED);
	assert_int_equal(t.e.code, E_CANCELED);
	assert_int_equal(t.sink.n_events, 1);
	end(&t);
}

static void is_there_without_any_look(void **state)
{
	struct trial t;
	struct arena a;
	const char *id;
	(void)state;
	begin(&t);
	arena_init(&a, 65536);
	assert_int_equal(providers_resolve(t.providers, NULL, &a, &id, &t.e), 0);
	assert_string_equal(id, "librarian");
	assert_int_equal(providers_resolve(t.providers, "librarian", &a, &id, &t.e), 0);
	arena_done(&a);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_what_it_finds),
		cmocka_unit_test(says_when_there_is_nothing),
		cmocka_unit_test(can_be_stopped),
		cmocka_unit_test(is_there_without_any_look),
	};
	return cmocka_run_group_tests_name("provider/librarian", tests, NULL, NULL);
}
