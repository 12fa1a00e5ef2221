/* load_gateway.c - the case `gateway`: Atelier for other programs, beside nginx and beside programs that do the same. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define STREAMS      100
#define RATE         50
#define SHORT_TOKENS 20 /* of an answer in one piece, */
#define CONNECTIONS  16 /* over so many at once */

struct row {
	struct series cpu, p50, p99, first_p50, first_p99, per_s, cpu_answer;
	bool whole;
};

/* Short answers of one path: what one costs, and how many come in a second. */
static void measure_answers(struct relay *r, unsigned n, struct row *row)
{
	bool warm = run_answers(r, n / 10, CONNECTIONS, SHORT_TOKENS) > 0;
	struct usage before = relay_usage(r);
	double per_s = run_answers(r, n, CONNECTIONS, SHORT_TOKENS);
	struct usage after = relay_usage(r);

	series_add(&row->per_s, per_s);
	series_add(&row->cpu_answer, (after.cpu_us - before.cpu_us) / n);
	row->whole = row->whole && warm && per_s > 0;
}

/* What a path costs at all; the others' small numbers of answers keep a slow one from taking minutes. */
static void measure(enum path path, const struct options *o, struct row *row, struct result *ret_first)
{
	struct shape s = {.streams = STREAMS, .rate = RATE, .tokens = (uint32_t)(o->seconds * RATE)};
	unsigned n = path >= PATHS ? 300 : o->quick ? 3000 : 10000;
	struct result flow;
	struct relay r;

	if (!relay_start(&r, path))
		return;
	loop_run_for(0.2);
	run_streams(&r, &s, &flow);
	run_first_tokens(&r, STREAMS, RATE, o->seconds, ret_first);
	measure_answers(&r, n, row);
	relay_stop(&r);
	loop_run_for(0.1);
	series_add(&row->cpu, flow.cpu_us);
	series_add(&row->p50, flow.p50_us);
	series_add(&row->p99, flow.p99_us / 1000);
	row->whole = row->whole && flow.whole && ret_first->whole;
}

#define ROW(field, text, unit)                                                                                         \
	(snprintf(label, sizeof(label), "%-8s " text, path_names[path]), series_print(label, &row->field, unit))

static void print_answers(enum path path, const struct row *row)
{
	char label[64];

	ROW(per_s, "short answers", "per second");
	if (path != DIRECT)
		ROW(cpu_answer, "CPU per short answer", "us");
}

static void print(enum path path, const struct row *row)
{
	char label[64];

	if (path != DIRECT) {
		ROW(cpu, "CPU per streamed token", "us");
		ROW(first_p50, "p50 added to the first token", "ms");
		ROW(first_p99, "p99 added to the first token", "ms");
	} else {
		ROW(first_p50, "p50 to the first token", "ms");
		ROW(first_p99, "p99 to the first token", "ms");
	}
	ROW(p50, "p50 latency of a token", "us");
	ROW(p99, "p99 latency of a token", "ms");
	print_answers(path, row);
}

/* Only the short answers, of nginx and Atelier: to see in seconds what a change does to them. */
void case_answers(const struct options *o)
{
	static const enum path paths[] = {NGINX, ATELIER};
	struct row rows[ALL_PATHS] = {[NGINX] = {.whole = true}, [ATELIER] = {.whole = true}};
	unsigned n = o->quick ? 3000 : 10000;

	relay_gateway = true;
	printf("\n== answers: POST /v1/chat/completions, %u short answers of %d tokens over %d connections; %u "
	       "repetitions\n",
		n, SHORT_TOKENS, CONNECTIONS, o->reps);
	for (unsigned i = 0; i < o->reps * 2; i++) {
		enum path path = paths[(i + i / 2) % 2];
		struct relay r;

		if (!relay_has(path) || !relay_start(&r, path))
			continue;
		if (path == ATELIER)
			rows[path].whole &= run_login(&r);
		measure_answers(&r, n, &rows[path]);
		relay_stop(&r);
	}
	for (unsigned i = 0; i < 2; i++) {
		const struct row *row = &rows[paths[i]];

		print_answers(paths[i], row);
		must_hold(row->whole, path_names[paths[i]]);
	}
	relay_gateway = false;
	double ratio = series_median(&rows[ATELIER].cpu_answer) / series_median(&rows[NGINX].cpu_answer);
	bar("CPU per short answer beside nginx", ratio, 5.0, "x");
	ratio_print(ratio);
}

static void measure_all(const struct options *o, struct row rows[ALL_PATHS])
{
	for (unsigned rep = 0; rep < o->reps; rep++) {
		struct result first[ALL_PATHS];

		/* Interleaved, and no path is always the first. */
		for (unsigned k = 0; k < ALL_PATHS; k++) {
			enum path path = (enum path)((k + rep) % ALL_PATHS);

			if (relay_has(path))
				measure(path, o, &rows[path], &first[path]);
		}
		for (unsigned path = 0; path < ALL_PATHS; path++) {
			if (!relay_has((enum path)path))
				continue;
			series_add(
				&rows[path].first_p50, (first[path].p50_us - (path ? first[DIRECT].p50_us : 0)) / 1000);
			series_add(
				&rows[path].first_p99, (first[path].p99_us - (path ? first[DIRECT].p99_us : 0)) / 1000);
		}
	}
}

void case_gateway(const struct options *o)
{
	struct row rows[ALL_PATHS] = {
		{.whole = true}, {.whole = true}, {.whole = true}, {.whole = true}, {.whole = true}};

	relay_gateway = true;
	printf("\n== gateway: POST /v1/chat/completions, %d streams x %d tokens/s for %.0f s; %d answers of %d tokens "
	       "under "
	       "way at any time, for their first token; short answers of %d tokens over 16 connections; %u "
	       "repetitions\n",
		STREAMS, RATE, o->seconds, STREAMS, RATE, SHORT_TOKENS, o->reps);
	measure_all(o, rows);
	for (unsigned path = 0; path < ALL_PATHS; path++) {
		if (relay_has((enum path)path))
			print((enum path)path, &rows[path]);
		else
			printf("  %-8s not measured: it is not there, or did not start\n", path_names[path]);
	}
	relay_gateway = false;
	must_hold(rows[DIRECT].whole && rows[NGINX].whole, "direct and nginx: every token once, in order");
	for (unsigned path = PATHS; path < ALL_PATHS; path++) {
		if (!rows[path].whole)
			printf("  NOTE  %s lost tokens or answers, or was too slow to end\n", path_names[path]);
	}
	if (!relay_has(ATELIER)) {
		ratio_print(0);
		return;
	}
	double nginx = series_median(&rows[NGINX].cpu);
	double ratio = series_median(&rows[ATELIER].cpu) / (nginx > 0.01 ? nginx : 0.01);
	bar("CPU per streamed token beside nginx", ratio, 1.24, "x");
	double answer = series_median(&rows[ATELIER].cpu_answer) / series_median(&rows[NGINX].cpu_answer);
	bar("CPU per short answer beside nginx", answer, 5.0, "x");
	bar("p50 added to the first token", series_median(&rows[ATELIER].first_p50), 2, "ms");
	must_hold(rows[ATELIER].whole, "Atelier: every token once, in order; every answer whole");
	ratio_print(ratio);
}
