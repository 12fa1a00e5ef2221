/* A provider that fails again and again is left alone, then tried by one, and trusted again when it answers. */
#include "support.h"

#include "provider/catalogue_priv.h"

#include "base/clock.h"

struct trial {
	struct world w;
	struct provider *p;
	struct arena a;
};

static void begin(struct trial *t)
{
	world_init(&t->w, "http://127.0.0.1:1", NULL);
	t->w.settings.breaker_failures = 3;
	t->w.settings.breaker_open_s = 10;
	t->p = t->w.providers->all[0];
	arena_init(&t->a, 1 << 20);
}

static void end(struct trial *t)
{
	arena_done(&t->a);
	world_done(&t->w);
}

static int enter(struct trial *t)
{
	struct err e = {0};
	int r = breaker_enter(t->w.providers, t->p, &e);
	if (r < 0)
		assert_true(strlen(e.msg) > 20);
	return r;
}

static void call(struct trial *t, enum breaker_outcome o)
{
	assert_int_equal(enter(t), 0);
	breaker_leave(t->w.providers, t->p, o);
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
	call(&t, BREAKER_FAILED);
	call(&t, BREAKER_FAILED);
	call(&t, BREAKER_OK); /* in a row, they must be */
	call(&t, BREAKER_FAILED);
	call(&t, BREAKER_UNKNOWN);
	call(&t, BREAKER_FAILED);
	assert_string_equal(shown(&t), "closed");
	call(&t, BREAKER_FAILED);
	assert_string_equal(shown(&t), "open");
	assert_int_equal(breaker_enter(t.w.providers, t.p, &e), E_PROVIDER_DOWN);
	assert_non_null(strstr(e.msg, "3 times in a row"));
	assert_non_null(strstr(e.msg, "10 s"));
	assert_int_equal(e.retry_after_s, 10);
	let_time_pass(&t);
	assert_string_equal(shown(&t), "half_open");
	/* One goes, the others wait for what it finds. */
	assert_int_equal(enter(&t), 0);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	assert_string_equal(shown(&t), "half_open");
	breaker_leave(t.w.providers, t.p, BREAKER_OK);
	assert_string_equal(shown(&t), "closed");
	call(&t, BREAKER_FAILED);
	call(&t, BREAKER_FAILED);
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
		call(&t, BREAKER_FAILED);
		int64_t ms = breaker_retry_in_ms(t.p);
		assert_true(ms > seconds[i] * 1000 - 2000 && ms <= seconds[i] * 1000);
		let_time_pass(&t);
	}
	/* After a good one it begins anew. */
	call(&t, BREAKER_OK);
	call(&t, BREAKER_FAILED);
	assert_true(breaker_retry_in_ms(t.p) <= 10000);
	end(&t);
}

static void a_probe_that_says_nothing(void **state)
{
	struct trial t;
	(void)state;
	begin(&t);
	t.w.settings.breaker_failures = 1;
	call(&t, BREAKER_FAILED);
	let_time_pass(&t);
	assert_int_equal(enter(&t), 0);
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	breaker_leave(t.w.providers, t.p, BREAKER_UNKNOWN);
	call(&t, BREAKER_OK); /* the next one may try */
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
	breaker_leave(t.w.providers, t.p, BREAKER_FAILED);
	breaker_leave(t.w.providers, t.p, BREAKER_FAILED);
	int64_t until = t.p->breaker.until_ms;
	/* They began before it was opened: neither longer nor doubled. */
	breaker_leave(t.w.providers, t.p, BREAKER_FAILED);
	breaker_leave(t.w.providers, t.p, BREAKER_FAILED);
	assert_int_equal(t.p->breaker.until_ms, until);
	assert_string_equal(shown(&t), "open");
	breaker_leave(t.w.providers, t.p, BREAKER_OK);
	assert_string_equal(shown(&t), "closed");
	end(&t);
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
		providers_refresh(t.w.providers, 5000);
	assert_string_equal(shown(&t), "open");
	assert_int_equal(enter(&t), E_PROVIDER_DOWN);
	end(&t);

	server_start(&s, script, 1);
	server_url(&s, url);
	world_init(&t.w, url, NULL);
	arena_init(&t.a, 1 << 20);
	t.p = t.w.providers->all[0];
	t.w.settings.breaker_failures = 1;
	call(&t, BREAKER_FAILED);
	assert_string_equal(shown(&t), "open");
	providers_refresh(t.w.providers, 5000);
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
		cmocka_unit_test(looks_count),
	};
	return cmocka_run_group_tests_name("provider/breaker", tests, NULL, NULL);
}
