/* load_run.c - one measurement: opens the streams, lets the tokens flow, and reads the relay's accounts around it. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENING     200 /* requests on their way to the provider at a time while streams are opened */
#define CONNECTIONS 32
#define FILL_TOKENS 20

struct relay *run_relay;

/* --- plain requests --- */

static struct {
	unsigned n, begun;
	size_t over;
	void (*begin)(struct client *c);
	void (*answered)(struct client *c);
} job;

static void job_done(struct client *c)
{
	job.over++;
	if (c->status < 200 || c->status > 299)
		client_fault(c, c->body.n ? c->body.p : "no answer");
	if (job.answered)
		job.answered(c);
	if (c->status == 0 || job.begun >= job.n)
		return;
	c->index = job.begun++;
	client_again(c);
	job.begin(c);
}

bool run_requests(struct relay *r, unsigned n, unsigned connections, void (*begin)(struct client *c),
	void (*answered)(struct client *c))
{
	run_relay = r;
	stats_reset();
	job.n = n;
	job.begun = 0;
	job.over = 0;
	job.begin = begin;
	job.answered = answered;
	while (job.begun < n && job.begun < connections) {
		unsigned i = job.begun++;

		begin(client_open(r->port, ANSWER_JSON, i, job_done));
	}
	return loop_until(&job.over, n, WAIT_SECONDS) && stats.failed == 0;
}

/* --- Atelier's own steps --- */

static void login_begin(struct client *c)
{
	client_send(c, "POST", "/api/v1/auth/login", NULL, bench_login);
}

static void login_answered(struct client *c)
{
	json_string(c->body.p, "token", run_relay->token, sizeof(run_relay->token));
}

static void refresh_begin(struct client *c)
{
	client_send(c, "POST", "/api/v1/models/refresh", run_relay->token, "{}");
}

static void refresh_answered(struct client *c)
{
	if (!c->body.n || !strstr(c->body.p, MODEL))
		client_fault(c, "the provider's model is not in the list");
}

bool run_login(struct relay *r)
{
	if (r->path != ATELIER)
		return true;
	return run_requests(r, 1, 1, login_begin, login_answered) && *r->token &&
	       run_requests(r, 1, 1, refresh_begin, refresh_answered);
}

static char (*conversation)[16];

static void conversation_begin(struct client *c)
{
	client_send(
		c, "POST", "/api/v1/conversations", run_relay->token, "{\"title\":\"Bench\",\"model\":\"" MODEL "\"}");
}

static void conversation_answered(struct client *c)
{
	if (!json_string(c->body.p, "id", conversation[c->index], sizeof(conversation[0])))
		client_fault(c, "a conversation without an id");
}

bool run_conversations(struct relay *r, unsigned n, char (*ret_ids)[16])
{
	conversation = ret_ids;
	return run_requests(r, n, CONNECTIONS, conversation_begin, conversation_answered);
}

/* --- streams --- */

static void stream_done(struct client *c)
{
	(void)c; /* stats.ended counts it; the client closes itself */
}

/* Opens stream i: the same prompt for each path; for Atelier as a turn of its conversation. */
static void stream_open(struct relay *r, unsigned i, uint32_t tokens, char mode)
{
	char path[96], json[512];
	struct client *c = client_open(r->port, r->path == ATELIER ? ANSWER_EVENTS : ANSWER_LINES, i, stream_done);

	c->want = tokens;
	if (r->path == ATELIER) {
		snprintf(path, sizeof(path), "/api/v1/conversations/%s/turns", conversation[i]);
		snprintf(json, sizeof(json), "{\"content\":\"Please answer " MARK_FORMAT " now.\"}", i, tokens, mode);
	} else {
		snprintf(path, sizeof(path), "/api/chat");
		snprintf(json, sizeof(json),
			"{\"model\":\"" MODEL "\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
			"\"Please answer " MARK_FORMAT " now.\"}]}",
			i, tokens, mode);
	}
	client_send(c, "POST", path, r->token, json);
}

static bool open_all(struct relay *r, const struct shape *s)
{
	const volatile size_t *held = provider_waiting();

	for (unsigned i = 0; i < s->streams; i++) {
		stream_open(r, i, s->tokens, 'p');
		if (i >= OPENING && !loop_until(held, i - OPENING, WAIT_SECONDS))
			return false;
	}
	return loop_until(held, s->streams, WAIT_SECONDS);
}

/* Gives each conversation its earlier messages: short turns, one after the other, all conversations at once. */
static bool fill(struct relay *r, const struct shape *s)
{
	for (unsigned k = 0; k + 1 < s->earlier; k += 2) {
		stats_reset();
		for (unsigned i = 0; i < s->streams; i++)
			stream_open(r, i, FILL_TOKENS, 'f');
		if (!loop_until(&stats.ended, s->streams, WAIT_SECONDS) || stats.failed)
			return false;
	}
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile(double p)
{
	size_t i = (size_t)((double)stats.nlatency * p);

	if (!stats.nlatency)
		return 0;
	return stats.latency_us[i < stats.nlatency ? i : stats.nlatency - 1];
}

static void flow(struct relay *r, const struct shape *s, struct result *ret)
{
	double seconds = (double)s->tokens / s->rate;
	struct usage before = relay_usage(r);
	uint32_t began = now_us();

	provider_start(s->rate);
	bool all = loop_until(&stats.ended, s->streams, seconds * 3 + WAIT_SECONDS);
	/* The relay may still be storing: that belongs to the price of its tokens. */
	loop_run_for(1.2);
	struct usage after = relay_usage(r);
	size_t expected = (size_t)s->streams * s->tokens;

	ret->whole = all && stats.failed == 0 && stats.tokens == expected;
	if (!ret->whole)
		fprintf(stderr, "load: %s: %zu of %zu tokens, %zu of %u streams ended, %zu faults\n",
			path_names[r->path], stats.tokens, expected, stats.ended, s->streams, stats.failed);
	if (!stats.tokens)
		return;
	ret->late = (double)provider_late() * 100 / (double)stats.tokens;
	ret->tokens_per_s = (double)stats.tokens * 1e6 / (double)(stats.last_us - began);
	ret->cpu_us = (after.cpu_us - before.cpu_us) / (double)stats.tokens;
	qsort(stats.latency_us, stats.nlatency, sizeof(uint32_t), by_value);
	ret->p50_us = percentile(0.5);
	ret->p99_us = percentile(0.99);
}

void run_streams(struct relay *r, const struct shape *s, struct result *ret)
{
	*ret = (struct result){0};
	if (!run_login(r))
		die("%s: no login or no model", path_names[r->path]);
	char(*ids)[16] = calloc(s->streams, sizeof(*ids));
	if (!ids)
		die("out of memory");
	run_relay = r;
	if (r->path == ATELIER && (!run_conversations(r, s->streams, ids) || !fill(r, s)))
		die("the conversations could not be made");
	stats_reset();
	loop_run_for(0.3);
	struct usage idle = relay_usage(r);
	bool open = open_all(r, s);
	if (!open)
		fprintf(stderr, "load: %s: %zu of %u streams reached the provider\n", path_names[r->path],
			*provider_waiting(), s->streams);
	loop_run_for(0.3);
	struct usage held = relay_usage(r);
	ret->mem_kb = (held.rss_kb - idle.rss_kb) / s->streams;
	ret->own_kb = (held.own_kb - idle.own_kb) / s->streams;
	ret->open_us = (held.cpu_us - idle.cpu_us) / s->streams;
	flow(r, s, ret);
	ret->whole = ret->whole && open;
	free(ids);
}
