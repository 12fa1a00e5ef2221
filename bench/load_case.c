/* load_case.c - the cases in which tokens flow: many streams, and long conversations. */
#include "load.h"

#include <stdio.h>
#include <string.h>

struct table {
	struct series tokens, cpu, sleeps, p50, p99, mem, own, open, late;
	bool whole;
};

static void add(struct table *t, const struct result *r, const struct result *direct)
{
	series_add(&t->tokens, r->tokens_per_s);
	series_add(&t->cpu, r->cpu_us);
	series_add(&t->sleeps, r->sleeps);
	series_add(&t->p50, r->p50_us - (direct ? direct->p50_us : 0));
	series_add(&t->p99, (r->p99_us - (direct ? direct->p99_us : 0)) / 1000);
	series_add(&t->mem, r->mem_kb);
	series_add(&t->own, r->own_kb);
	series_add(&t->open, r->open_us);
	series_add(&t->late, r->late);
	t->whole = t->whole && r->whole;
}

static void print(const struct table *t, enum path path)
{
	char label[64];
	bool direct = path == DIRECT;
	const char *name = path_names[path];

#define ROW(field, text, unit)                                                                                         \
	(snprintf(label, sizeof(label), "%-8s " text, name), series_print(label, &t->field, unit))
	ROW(tokens, "delivered", "tokens/s");
	if (!direct) {
		ROW(cpu, "CPU per token", "us");
		ROW(sleeps, "sleeps of threads per token", "");
	}
	if (direct)
		ROW(p50, "p50 latency", "us");
	else
		ROW(p50, "p50 added latency", "us");
	if (direct)
		ROW(p99, "p99 latency", "ms");
	else
		ROW(p99, "p99 added latency", "ms");
	ROW(late, "sent over 1 ms late", "% of the tokens");
	if (direct)
		return;
	ROW(open, "CPU to open a stream", "us");
	ROW(mem, "resident per waiting stream", "KB");
	ROW(own, "own memory per waiting stream", "KB");
#undef ROW
}

static struct result measure(enum path path, const struct shape *s)
{
	struct relay r;
	struct result result;

	relay_start(&r, path);
	loop_run_for(0.2);
	run_streams(&r, s, &result);
	relay_stop(&r);
	loop_run_for(0.1); /* what the end of the relay closed */
	return result;
}

static double at_least(double v, double least)
{
	return v > least ? v : least;
}

static void compare(const struct table *t, double most)
{
	double cpu = series_median(&t[ATELIER].cpu) / at_least(series_median(&t[NGINX].cpu), 0.01);
	double p50 = at_least(series_median(&t[ATELIER].p50), 1) / at_least(series_median(&t[NGINX].p50), 1);

	bar("CPU per token beside nginx", cpu, most, "x");
	bar("p50 added latency beside nginx", p50, 2.0, "x");
	bar("p99 added latency", series_median(&t[ATELIER].p99), 30, "ms");
	must_hold(t[ATELIER].whole, "Atelier: every token once, in order; every stream ended whole");
	ratio_print(cpu);
}

void case_streams(const struct options *o, const char *name, unsigned streams, double rate, double most)
{
	struct table tables[PATHS] = {{.whole = true}, {.whole = true}, {.whole = true}};
	struct shape s = {.streams = streams, .rate = rate, .tokens = (uint32_t)(o->seconds * rate)};

	printf("\n== %s: %u streams x %.0f tokens/s for %.0f s, %u repetitions\n", name, streams, rate, o->seconds,
		o->reps);
	for (unsigned rep = 0; rep < o->reps; rep++) {
		struct result results[PATHS];

		/* Interleaved, and no path is always the first. */
		for (unsigned k = 0; k < PATHS; k++) {
			enum path path = (enum path)((k + rep) % PATHS);

			if (relay_has(path))
				results[path] = measure(path, &s);
		}
		for (unsigned path = 0; path < PATHS; path++) {
			if (relay_has((enum path)path))
				add(&tables[path], &results[path], path ? &results[DIRECT] : NULL);
		}
	}
	for (unsigned path = 0; path < PATHS; path++)
		print(&tables[path], (enum path)path);
	if (series_median(&tables[DIRECT].late) > 5)
		printf("  NOTE  the machine was busy with something else: these figures say little\n");
	must_hold(tables[DIRECT].whole && tables[NGINX].whole, "direct and nginx: every token once, in order");
	if (relay_has(ATELIER))
		compare(tables, most);
	else
		ratio_print(0);
}

void case_long(const struct options *o)
{
	static const unsigned earlier[2] = {0, 200};
	struct table tables[2] = {{.whole = true}, {.whole = true}};
	struct shape s = {.streams = 50, .rate = 50, .tokens = (uint32_t)(o->seconds * 50)};

	if (!relay_has(ATELIER))
		return;
	printf("\n== long: 50 streams x 50 tokens/s for %.0f s in conversations of 1 and of %u messages, %u "
	       "repetitions\n",
		o->seconds, earlier[1] + 1, o->reps);
	for (unsigned rep = 0; rep < o->reps; rep++) {
		for (unsigned k = 0; k < 2; k++) {
			s.earlier = earlier[k];
			struct result result = measure(ATELIER, &s);
			add(&tables[k], &result, NULL);
		}
	}
	for (unsigned k = 0; k < 2; k++) {
		char label[64];

		snprintf(label, sizeof(label), "%3u earlier: CPU per token", earlier[k]);
		series_print(label, &tables[k].cpu, "us");
		snprintf(label, sizeof(label), "%3u earlier: CPU to open a stream", earlier[k]);
		series_print(label, &tables[k].open, "us");
		snprintf(label, sizeof(label), "%3u earlier: p50 latency", earlier[k]);
		series_print(label, &tables[k].p50, "us");
	}
	must_hold(tables[0].whole && tables[1].whole, "Atelier: every token once, in order; every stream ended whole");
	ratio_print(series_median(&tables[1].cpu) / at_least(series_median(&tables[0].cpu), 0.01));
}
