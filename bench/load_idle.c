/* load_idle.c - the cases in which little flows: idle streams, waiting turns, cold start, plain requests. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- idle streams: N readers of one quiet turn, beside N streams held open through nginx --- */

static char turn_id[32];

static void turn_begin(struct client *c)
{
	char path[96];

	snprintf(path, sizeof(path), "/api/v1/conversations/%s/turns", turn_id);
	client_send(c, "POST", path, run_relay->token, "{\"content\":\"Please answer bench-00000-000020-p now.\"}");
}

static void turn_answered(struct client *c)
{
	if (!json_string(c->body.p, "turn_id", turn_id, sizeof(turn_id)))
		client_fault(c, "a turn without an id");
}

static void reader_done(struct client *c)
{
	(void)c;
}

static void open_reader(struct relay *r, unsigned i)
{
	char path[96], json[256];
	struct client *c = client_open(r->port, r->path == ATELIER ? ANSWER_EVENTS : ANSWER_LINES, i, reader_done);

	c->want = 20;
	if (r->path == ATELIER) {
		c->stream = 0;
		snprintf(path, sizeof(path), "/api/v1/turns/%s/events", turn_id);
		client_send(c, "GET", path, r->token, NULL);
		return;
	}
	snprintf(json, sizeof(json),
		"{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"" MARK_FORMAT "\"}]}", i, 20u,
		'p');
	client_send(c, "POST", "/api/chat", NULL, json);
}

struct idle {
	struct series mem, own, cpu;
	bool whole;
};

static void measure_idle(enum path path, unsigned n, struct idle *t)
{
	struct relay r;
	char id[1][16];

	relay_start(&r, path);
	loop_run_for(0.2);
	if (path == ATELIER) {
		if (!run_login(&r) || !run_conversations(&r, 1, id))
			die("atelier: no login or no conversation");
		memcpy(turn_id, id[0], sizeof(id[0]));
		if (!run_requests(&r, 1, 1, turn_begin, turn_answered) ||
			!loop_until(provider_waiting(), 1, WAIT_SECONDS))
			die("atelier: the quiet turn did not start");
	}
	stats_reset();
	loop_run_for(0.5);
	struct usage before = relay_usage(&r);
	const volatile size_t *opened = path == ATELIER ? &stats.heads : provider_waiting();
	for (unsigned i = 0; i < n; i++) {
		open_reader(&r, i);
		if (i >= 200 && !loop_until(opened, i - 200, WAIT_SECONDS))
			break;
	}
	bool open = loop_until(opened, n, WAIT_SECONDS);
	loop_run_for(0.5);
	struct usage held = relay_usage(&r);
	loop_run_for(3);
	struct usage later = relay_usage(&r);
	provider_start(20);
	bool ended = loop_until(&stats.ended, n, WAIT_SECONDS);
	t->whole = t->whole && open && ended && stats.failed == 0 && stats.tokens == n * 20ull;
	series_add(&t->mem, (held.rss_kb - before.rss_kb) / n);
	series_add(&t->own, (held.own_kb - before.own_kb) / n);
	series_add(&t->cpu, (later.cpu_us - held.cpu_us) / 3000);
	relay_stop(&r);
	loop_run_for(0.1);
}

void case_idle_streams(const struct options *o)
{
	unsigned n = o->quick ? 1000 : 5000;
	struct idle t[PATHS] = {{.whole = true}, {.whole = true}, {.whole = true}};
	char label[64];

	printf("\n== idle-streams: %u open streams in which nothing flows (Atelier: readers of one quiet turn)\n", n);
	for (unsigned rep = 0; rep < o->reps; rep++) {
		for (unsigned path = NGINX; path < PATHS; path++) {
			if (relay_has((enum path)path))
				measure_idle((enum path)path, n, &t[path]);
		}
	}
	for (unsigned path = NGINX; path < PATHS; path++) {
		snprintf(label, sizeof(label), "%-8s resident per stream", path_names[path]);
		series_print(label, &t[path].mem, "KB");
		snprintf(label, sizeof(label), "%-8s own memory per stream", path_names[path]);
		series_print(label, &t[path].own, "KB");
		snprintf(label, sizeof(label), "%-8s CPU while idle", path_names[path]);
		series_print(label, &t[path].cpu, "ms per second");
	}
	must_hold(t[NGINX].whole, "nginx: what followed came whole to every stream");
	if (relay_has(ATELIER)) {
		must_hold(t[ATELIER].whole, "Atelier: what followed came whole to every reader");
		bar("own memory per idle stream", series_median(&t[ATELIER].own), 8, "KB");
	}
	ratio_print(relay_has(ATELIER) ? series_median(&t[ATELIER].own) / series_median(&t[NGINX].own) : 0);
}

/* --- waiting turns: people whose models have not begun to answer --- */

void case_waiting_turns(const struct options *o)
{
	/* Longer than a turn takes to see that it sleeps for long, and gives back what it does not need meanwhile. */
	struct shape s = {.streams = o->quick ? 300 : 2000, .rate = 20, .tokens = 20, .wait_s = 3};
	struct series mem = {0}, own = {0};
	bool whole = true;

	if (!relay_has(ATELIER))
		return;
	printf("\n== waiting-turns: %u turns with a reader each, whose provider does not answer yet\n", s.streams);
	for (unsigned rep = 0; rep < o->reps; rep++) {
		struct relay r;
		struct result result;

		relay_start(&r, ATELIER);
		loop_run_for(0.2);
		run_streams(&r, &s, &result);
		relay_stop(&r);
		loop_run_for(0.1);
		series_add(&mem, result.mem_kb);
		series_add(&own, result.own_kb);
		whole = whole && result.whole;
	}
	series_print("resident per waiting turn", &mem, "KB");
	series_print("own memory per waiting turn", &own, "KB");
	must_hold(whole, "Atelier: the answers that followed came whole");
	bar("own memory per waiting turn", series_median(&own), 32, "KB");
	ratio_print(0);
}

/* --- start and idle memory --- */

void case_cold_start(const struct options *o)
{
	struct series ms[PATHS] = {0}, rss[PATHS] = {0};
	char label[64];
	struct relay r;

	printf("\n== cold-start: from exec to the first answered page\n");
	for (unsigned rep = 0; rep < (o->quick ? 5 : 9); rep++) {
		for (unsigned path = NGINX; path < PATHS; path++) {
			if (!relay_has((enum path)path))
				continue;
			relay_start(&r, (enum path)path);
			series_add(&ms[path], r.start_ms);
			loop_run_for(1); /* it has looked at its providers by then */
			series_add(&rss[path], relay_usage(&r).rss_kb / 1024);
			relay_stop(&r);
		}
	}
	for (unsigned path = NGINX; path < PATHS; path++) {
		snprintf(label, sizeof(label), "%-8s first page", path_names[path]);
		series_print(label, &ms[path], "ms");
	}
	if (relay_has(ATELIER))
		bar("first page later than nginx's", series_median(&ms[ATELIER]) - series_median(&ms[NGINX]), 10, "ms");
	ratio_print(relay_has(ATELIER) ? series_median(&ms[ATELIER]) / series_median(&ms[NGINX]) : 0);
	printf("\n== idle-memory: resident one second after the start, all processes\n");
	for (unsigned path = NGINX; path < PATHS; path++) {
		snprintf(label, sizeof(label), "%-8s resident", path_names[path]);
		series_print(label, &rss[path], "MB");
	}
	if (relay_has(ATELIER))
		bar("idle memory", series_median(&rss[ATELIER]), 16, "MB");
	ratio_print(relay_has(ATELIER) ? series_median(&rss[ATELIER]) / series_median(&rss[NGINX]) : 0);
}

/* --- plain requests --- */

struct rate {
	struct series per_s, cpu, bytes;
};

static size_t answer_bytes;

static void login_begin(struct client *c)
{
	client_send(c, "POST", "/api/v1/auth/login", NULL, bench_login);
}

static void list_begin(struct client *c)
{
	client_send(c, "GET", run_relay->path == ATELIER ? "/api/v1/conversations?limit=50" : "/index.html",
		run_relay->token, NULL);
}

static void count_bytes(struct client *c)
{
	answer_bytes = c->body.n;
}

static void measure_requests(
	struct relay *r, unsigned n, unsigned connections, void (*begin)(struct client *c), struct rate *t)
{
	struct usage before = relay_usage(r);
	uint64_t began = now_ns();
	bool all = run_requests(r, n, connections, begin, count_bytes);
	double seconds = (double)(now_ns() - began) / 1e9;

	if (!all)
		must_hold(false, "every request answered");
	series_add(&t->per_s, n / seconds);
	series_add(&t->cpu, (relay_usage(r).cpu_us - before.cpu_us) / n);
	series_add(&t->bytes, (double)answer_bytes);
}

static void print_rate(const char *name, const struct rate *t)
{
	char label[64];

	snprintf(label, sizeof(label), "%s requests", name);
	series_print(label, &t->per_s, "per second");
	snprintf(label, sizeof(label), "%s CPU per request", name);
	series_print(label, &t->cpu, "us");
	snprintf(label, sizeof(label), "%s size of an answer", name);
	series_print(label, &t->bytes, "bytes");
}

void case_requests(const struct options *o)
{
	static char ids[200][16];
	struct rate login = {0}, list[PATHS] = {0};
	struct relay r;

	if (!relay_has(ATELIER))
		return;
	for (unsigned rep = 0; rep < o->reps; rep++) {
		relay_start(&r, NGINX);
		measure_requests(&r, o->quick ? 5000 : 20000, 16, list_begin, &list[NGINX]);
		relay_stop(&r);
		relay_start(&r, ATELIER);
		if (!run_login(&r) || !run_conversations(&r, 200, ids))
			die("atelier: no login or no conversations");
		measure_requests(&r, o->quick ? 5000 : 20000, 16, list_begin, &list[ATELIER]);
		measure_requests(&r, o->quick ? 10 : 30, 4, login_begin, &login);
		relay_stop(&r);
		loop_run_for(0.1);
	}
	printf("\n== login: the password is checked with a hash that is slow on purpose; nginx has no counterpart\n");
	print_rate("atelier ", &login);
	ratio_print(0);
	printf("\n== list: 50 of 200 conversations over 16 connections, beside a static page from nginx\n");
	print_rate("nginx   ", &list[NGINX]);
	print_rate("atelier ", &list[ATELIER]);
	ratio_print(series_median(&list[ATELIER].cpu) / series_median(&list[NGINX].cpu));
}
