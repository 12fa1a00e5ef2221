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

static void key_begin(struct client *c)
{
	client_send(c, "POST", "/api/v1/keys", run_relay->token, "{\"name\":\"bench\"}");
}

static void key_answered(struct client *c)
{
	json_string(c->body.p, "key", run_relay->token, sizeof(run_relay->token));
}

bool run_login(struct relay *r)
{
	if (r->path != ATELIER)
		return true;
	return run_requests(r, 1, 1, login_begin, login_answered) && *r->token &&
	       run_requests(r, 1, 1, refresh_begin, refresh_answered) &&
	       (!relay_gateway || run_requests(r, 1, 1, key_begin, key_answered));
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

/* Asks for stream c->index: the same prompt for each path; for Atelier as a turn of its conversation. */
static void stream_ask(struct client *c, const struct relay *r, uint32_t tokens, char mode)
{
	unsigned i = c->index;
	char path[96], json[512];

	c->want = tokens;
	if (relay_gateway) {
		snprintf(path, sizeof(path), "/v1/chat/completions");
		snprintf(json, sizeof(json),
			"{\"model\":\"" MODEL "\",\"stream\":%s,\"messages\":[{\"role\":\"user\",\"content\":"
			"\"Please answer " MARK_FORMAT " now.\"}]}",
			c->kind == ANSWER_JSON ? "false" : "true", i, tokens, mode);
	} else if (r->path == ATELIER) {
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

static enum answer kind_of(const struct relay *r)
{
	return relay_gateway ? ANSWER_CHUNKS : r->path == ATELIER ? ANSWER_EVENTS : ANSWER_LINES;
}

static void stream_open(struct relay *r, unsigned i, uint32_t tokens, char mode)
{
	stream_ask(client_open(r->port, kind_of(r), i, stream_done), r, tokens, mode);
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

/* Of a sorted list. */
static double percentile(const uint32_t *list, size_t n, double p)
{
	size_t i = (size_t)((double)n * p);

	return n ? list[i < n ? i : n - 1] : 0;
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
	ret->sleeps = (after.sleeps - before.sleeps) / (double)stats.tokens;
	qsort(stats.latency_us, stats.nlatency, sizeof(uint32_t), by_value);
	ret->p50_us = percentile(stats.latency_us, stats.nlatency, 0.5);
	ret->p99_us = percentile(stats.latency_us, stats.nlatency, 0.99);
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
	if (r->path == ATELIER && !relay_gateway && (!run_conversations(r, s->streams, ids) || !fill(r, s)))
		die("the conversations could not be made");
	stats_reset();
	loop_run_for(0.3);
	struct usage idle = relay_usage(r);
	bool open = open_all(r, s);
	if (!open)
		fprintf(stderr, "load: %s: %zu of %u streams reached the provider\n", path_names[r->path],
			*provider_waiting(), s->streams);
	loop_run_for(s->wait_s > 0 ? s->wait_s : 0.3);
	struct usage held = relay_usage(r);
	ret->mem_kb = (held.rss_kb - idle.rss_kb) / s->streams;
	ret->own_kb = (held.own_kb - idle.own_kb) / s->streams;
	ret->open_us = (held.cpu_us - idle.cpu_us) / s->streams;
	flow(r, s, ret);
	ret->whole = ret->whole && open;
	free(ids);
}

/* --- first tokens --- */

static struct {
	uint32_t tokens;
	uint64_t until;
	size_t asked, over;
} lane;

static void lane_done(struct client *c)
{
	lane.over++;
	if (c->status != 200 || !c->complete || now_ns() >= lane.until)
		return;
	lane.asked++;
	client_again(c);
	stream_ask(c, run_relay, lane.tokens, 's');
}

void run_first_tokens(struct relay *r, unsigned lanes, uint32_t tokens, double seconds, struct result *ret)
{
	double answer_s = (double)tokens / SELF_PACED;

	*ret = (struct result){0};
	run_relay = r;
	stats_reset();
	lane.tokens = tokens;
	lane.asked = lane.over = 0;
	lane.until = now_ns() + (uint64_t)(seconds * 1e9);
	for (unsigned i = 0; i < lanes; i++) {
		lane.asked++;
		stream_ask(client_open(r->port, ANSWER_CHUNKS, i, lane_done), r, tokens, 's');
		loop_run_for(answer_s / lanes);
	}
	/* Nobody asks again after the time, but not before that the number is fixed. */
	while (now_ns() < lane.until && stats.failed == 0)
		loop_run_for(0.05);
	ret->whole = loop_until(&lane.over, lane.asked, answer_s * 3 + WAIT_SECONDS) && stats.failed == 0 &&
		     stats.tokens == lane.asked * (size_t)tokens;
	qsort(stats.first_us, stats.nfirst, sizeof(uint32_t), by_value);
	ret->p50_us = percentile(stats.first_us, stats.nfirst, 0.5);
	ret->p99_us = percentile(stats.first_us, stats.nfirst, 0.99);
}

/* --- answers in one piece --- */

static void whole_begin(struct client *c)
{
	stream_ask(c, run_relay, lane.tokens, 'f');
}

static void whole_answered(struct client *c)
{
	char text[4096];

	if (c->status == 200 &&
		(!json_string(c->body.p, "content", text, sizeof(text)) || strlen(text) != lane.tokens * TOKEN_LEN))
		client_fault(c, "not the whole answer");
}

double run_answers(struct relay *r, unsigned n, unsigned connections, uint32_t tokens)
{
	uint64_t began = now_ns();

	lane.tokens = tokens;
	if (!run_requests(r, n, connections, whole_begin, whole_answered))
		return 0;
	return (double)n * 1e9 / (double)(now_ns() - began);
}
