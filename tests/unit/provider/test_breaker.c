/* A provider that fails again and again is left alone, then tried by one, and trusted again when it answers. */
#include "support.h"

#include "provider/catalogue_priv.h"

#include "base/clock.h"

#define ALICE 1
#define BOB   2

#define OUTCOME(of_provider, of_model)                                                                                 \
	{                                                                                                              \
		.provider = (of_provider), .model = (of_model)                                                         \
	}
static const struct breaker_outcome well = OUTCOME(BREAKER_OK, BREAKER_OK),
				    failed = OUTCOME(BREAKER_OK, BREAKER_FAILED),
				    unreached = OUTCOME(BREAKER_FAILED, BREAKER_UNKNOWN),
				    nothing = OUTCOME(BREAKER_UNKNOWN, BREAKER_UNKNOWN);

#define FAILED_AS(why, after_ms)                                                                                       \
	((struct breaker_outcome){                                                                                     \
		.provider = BREAKER_OK, .model = BREAKER_FAILED, .code = (why), .retry_after_ms = (after_ms)})

struct trial {
	struct world w;
	struct provider *p;
	struct target m;
	struct arena a;
};

static void begin(struct trial *t)
{
	world_init(&t->w, "http://127.0.0.1:1", NULL);
	t->w.settings.breaker_failures = 3;
	t->w.settings.breaker_open_s = 10;
	t->p = t->w.providers->all[0];
	t->m = (struct target){.p = t->p, .name = "m"};
	arena_init(&t->a, 1 << 20);
}

static void end(struct trial *t)
{
	arena_done(&t->a);
	world_done(&t->w);
}

static int enter_as(struct trial *t, int64_t caller)
{
	struct err e = {0};
	int r = breaker_enter(t->w.providers, &t->m, caller, &e);
	if (r < 0)
		assert_true(strlen(e.msg) > 20);
	return r;
}

static int enter(struct trial *t)
{
	return enter_as(t, ALICE);
}

static void leave(struct trial *t, struct breaker_outcome o)
{
	breaker_leave(t->w.providers, &t->m, ALICE, o);
}

static void call_as(struct trial *t, int64_t caller, struct breaker_outcome o)
{
	assert_int_equal(enter_as(t, caller), 0);
	breaker_leave(t->w.providers, &t->m, caller, o);
}

static void call(struct trial *t, struct breaker_outcome o)
{
	call_as(t, ALICE, o);
}

static const char *shown(struct trial *t)
{
	struct catalogue c;
	struct err e = {0};
	assert_int_equal(providers_catalogue(t->w.providers, &t->a, &c, &e), 0);
	return c.providers[0].breaker;
}

/* As if the time were over. */
static void let_time_pass(struct trial *t)
{
	t->p->breaker.until_ms = clock_mono_ms();
}

static void opens_and_closes(void **state)
{
	struct trial t;
	struct err e = {0};
	(void)state;
	begin(&t);
	call(&t, unreached);
	call(&t, unreached);
	call(&t, well); /* in a row, they must be */
	call(&t, unreached);
	call(&t, nothing);
	call(&t, unreached);
	assert_string_equal(shown(&t), "closed");
	call(&t, unreached);
	assert_string_equal(shown(&t), "open");
	assert_int_equal(breaker_enter(t.w.providers, &t.m, ALICE, &e), E_PROVIDER_DOWN);
	assert_non_null(strstr(e.msg, "3 times in a row"));
	assert_non_null(strstr(e.msg, "10 s"));
	assert_int_equal(e.retry_after_s, 10);
	let_time_pass(&t);
	assert_string_equal(shown(&t), "half_open");
	/* One goes, the others wait for what it finds. */
	assert_int_equal(enter(&t), 0);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	assert_string_equal(shown(&t), "half_open");
	leave(&t, well);
	assert_string_equal(shown(&t), "closed");
	call(&t, unreached);
	call(&t, unreached);
	assert_string_equal(shown(&t), "closed");
	end(&t);
}

static void longer_each_time(void **state)
{
	static const int64_t seconds[] = {10, 20, 40, 80, 80, 80};
	struct trial t;
	(void)state;
	begin(&t);
	t.w.settings.breaker_failures = 1;
	for (size_t i = 0; i < N_ELEMENTS(seconds); i++) {
		call(&t, unreached);
		int64_t ms = breaker_retry_in_ms(&t.p->breaker);
		assert_true(ms > seconds[i] * 1000 - 2000 && ms <= seconds[i] * 1000);
		let_time_pass(&t);
	}
	/* After a good one it begins anew. */
	call(&t, well);
	call(&t, unreached);
	assert_true(breaker_retry_in_ms(&t.p->breaker) <= 10000);
	end(&t);
}

static void a_probe_that_says_nothing(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	t.w.settings.breaker_failures = 1;
	call(&t, unreached);
	let_time_pass(&t);
	assert_int_equal(enter(&t), 0);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	leave(&t, nothing);
	call(&t, well); /* the next one may try */
	assert_string_equal(shown(&t), "closed");
	end(&t);
}

static void late_calls(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	t.w.settings.breaker_failures = 2;
	for (int i = 0; i < 5; i++)
		assert_int_equal(enter(&t), 0);
	leave(&t, unreached);
	leave(&t, unreached);
	int64_t until = t.p->breaker.until_ms;
	/* They began before it was opened: neither longer nor doubled. */
	leave(&t, unreached);
	leave(&t, unreached);
	assert_int_equal(t.p->breaker.until_ms, until);
	assert_string_equal(shown(&t), "open");
	leave(&t, well);
	assert_string_equal(shown(&t), "closed");
	end(&t);
}

static struct breaker *of_model(struct trial *t)
{
	return &catalogue_note_of(t->p, "m")->breaker;
}

/* What one caller's requests bring to a model is that caller's. */
static void one_caller_shuts_nobody_out(void **state)
{
	struct trial t;
	struct err e = {0};
	(void)state;
	begin(&t);
	for (int i = 0; i < 3; i++)
		call(&t, failed);
	assert_int_equal(breaker_enter(t.w.providers, &t.m, ALICE, &e), E_PROVIDER_DOWN);
	assert_non_null(strstr(e.msg, "m at "));
	assert_string_equal(shown(&t), "closed");
	assert_null(breaker_of_model(t.p, "m"));
	for (int i = 0; i < 20; i++) {
		call_as(&t, BOB, well); /* which shows that it answers: hers may try again, too */
		assert_int_equal(enter(&t), 0);
		leave(&t, failed);
	}
	/* Another model of the same provider is not meant at all. */
	for (int i = 0; i < 2; i++)
		call(&t, failed);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	t.m.name = "n";
	assert_int_equal(enter(&t), 0);
	end(&t);
}

static void several_callers_shut_the_model(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	for (int i = 0; i < 3; i++)
		call(&t, failed);
	call_as(&t, BOB, failed);
	assert_int_equal(enter_as(&t, BOB), E_PROVIDER_DOWN);
	assert_int_equal(enter_as(&t, 3), E_PROVIDER_DOWN);
	assert_non_null(breaker_of_model(t.p, "m"));
	assert_string_equal(shown(&t), "closed");
	/* A trial that fails binds who made it; the next one has a try of their own. */
	of_model(&t)->until_ms = clock_mono_ms();
	call(&t, failed);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	call_as(&t, BOB, well);
	assert_int_equal(enter(&t), 0);
	end(&t);
}

/* Nobody waits for the end of a long answer to see that a model answers. */
static void a_trial_that_answers(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	call(&t, failed);
	call_as(&t, BOB, failed);
	call(&t, failed);
	of_model(&t)->until_ms = clock_mono_ms();
	assert_int_equal(enter(&t), 0);
	assert_int_equal(enter_as(&t, BOB), E_PROVIDER_DOWN);
	catalogue_note_first_token(t.w.providers, t.p, "m", 5);
	assert_int_equal(enter_as(&t, BOB), 0);
	/* And one that says nothing for long does not hold them all. */
	leave(&t, failed);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	of_model(&t)->until_ms = clock_mono_ms();
	assert_int_equal(enter(&t), 0);
	of_model(&t)->trial_until_ms = clock_mono_ms();
	assert_int_equal(enter(&t), 0);
	end(&t);
}

/* What is spared answers as it failed last, and the later of the two waits counts. */
static void keeps_what_the_last_failure_was(void **state)
{
	static const struct {
		int code;
		int64_t after_ms;
		int told_s;
	} cases[] = {{E_PROVIDER_BUSY, 60000, 60}, {E_PROVIDER_BUSY, 2000, 10}, {E_PROVIDER_BUSY, -1, 10},
		{E_PROVIDER_TIMEOUT, -1, 10}, {E_PROVIDER_LIMITED, 3600000, 3600}, {E_PROVIDER, 0, 10}};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct trial t;
		struct err e = {0};
		begin(&t);
		call(&t, failed);
		call(&t, FAILED_AS(E_PROVIDER_BUSY, 300000));
		call(&t, FAILED_AS(cases[i].code, cases[i].after_ms));
		assert_int_equal(breaker_enter(t.w.providers, &t.m, ALICE, &e), cases[i].code);
		assert_in_range(e.retry_after_s, cases[i].told_s - 1, cases[i].told_s);
		assert_non_null(strstr(e.msg, "3 times in a row"));
		/* Its trial is on its way: others still hear what it asked for. */
		of_model(&t)->until_ms = clock_mono_ms();
		assert_int_equal(enter(&t), 0);
		e = (struct err){0};
		assert_int_equal(breaker_enter(t.w.providers, &t.m, ALICE, &e), cases[i].code);
		assert_true(cases[i].after_ms <= 0 || e.retry_after_s >= cases[i].after_ms / 1000 - 1);
		end(&t);
	}
}

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

static void looks_count(void **state)
{
	static const struct script script[] = {
		{.path = "/api/tags", .bytes = OK_JSON "{\"models\":[{\"model\":\"m\"}]}"}};
	struct server s;
	struct trial t;
	char url[64];
	(void)state;
	begin(&t);
	for (int i = 0; i < 3; i++) /* nobody listens on port 1 */
		providers_refresh(t.w.providers, PATIENCE_MS);
	assert_string_equal(shown(&t), "open");
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	end(&t);

	server_start(&s, script, 1);
	server_url(&s, url);
	world_init(&t.w, url, NULL);
	arena_init(&t.a, 1 << 20);
	t.p = t.w.providers->all[0];
	t.m = (struct target){.p = t.p, .name = "m"};
	t.w.settings.breaker_failures = 1;
	call(&t, unreached);
	assert_string_equal(shown(&t), "open");
	providers_refresh(t.w.providers, PATIENCE_MS);
	assert_string_equal(shown(&t), "closed");
	end(&t);
	server_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_closes),
		cmocka_unit_test(longer_each_time),
		cmocka_unit_test(a_probe_that_says_nothing),
		cmocka_unit_test(late_calls),
		cmocka_unit_test(one_caller_shuts_nobody_out),
		cmocka_unit_test(several_callers_shut_the_model),
		cmocka_unit_test(a_trial_that_answers),
		cmocka_unit_test(keeps_what_the_last_failure_was),
		cmocka_unit_test(looks_count),
	};
	return cmocka_run_group_tests_name("provider/breaker", tests, NULL, NULL);
}
