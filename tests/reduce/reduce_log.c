/* reduce_log.c - the server's reducer as a filter, for run.mjs: on each line of standard input a message as it was (or null),
 * the events of a turn and where the log is cut from what closes it; on each line of the output the message as it is then. */
#include <stdio.h>

#include "turn/turn_priv.h"

static void add_events(const json_t *events, size_t from, size_t to, struct frames *f)
{
	for (size_t i = from; i < to; i++) {
		const json_t *event = json_array_get(events, i);
		CLEANUP(buf_done) struct buf data = BUF_INIT(1 << 20);
		json_add_value(&data, json_array_get(event, 1));
		int type = event_type_from(str_from(json_string_value(json_array_get(event, 0))));
		if (type < 0 || frames_add(f, (enum event_type)type, data.p, data.n) < 0)
			abort();
	}
}

static int64_t figure(const json_t *m, const char *key)
{
	return json_get_i64(m, key, 0);
}

static struct message message_from(const json_t *m, struct buf *parts)
{
	json_add_value(parts, json_object_get(m, "parts"));
	return (struct message){.content = json_get_str(m, "content"),
		.parts = parts->p,
		.figures = {.tokens_in = figure(m, "tokens_in"),
			.tokens_out = figure(m, "tokens_out"),
			.tokens_cached = figure(m, "tokens_cached"),
			.tokens_reasoning = figure(m, "tokens_reasoning"),
			.cost_micros = figure(m, "cost_micros"),
			.first_token_ms = figure(m, "first_token_ms"),
			.duration_ms = figure(m, "duration_ms"),
			.exact = json_is_true(json_object_get(m, "tokens_exact"))}};
}

static void print_message(const struct reduced *r)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64 << 20);
	const struct message_figures *f = &r->figures;

	buf_add_str(&b, "{\"content\":");
	json_add_string(&b, buf_str(&r->content).p, r->content.n);
	buf_printf(&b, ",\"parts\":%s,\"state\":\"%s\",\"error_code\":\"%s\",\"finish_reason\":\"%s\",\"model\":\"%s\"",
		r->json.n ? r->json.p : "null", r->state, r->error_code, r->finish_reason, r->model);
	buf_printf(&b, ",\"tokens_in\":%lld,\"tokens_out\":%lld,\"tokens_cached\":%lld,\"tokens_reasoning\":%lld",
		(long long)f->tokens_in, (long long)f->tokens_out, (long long)f->tokens_cached,
		(long long)f->tokens_reasoning);
	buf_printf(&b, ",\"cost_micros\":%lld,\"first_token_ms\":%lld,\"duration_ms\":%lld,\"tokens_exact\":%s}",
		(long long)f->cost_micros, (long long)f->first_token_ms, (long long)f->duration_ms,
		f->exact ? "true" : "false");
	puts(b.p);
	fflush(stdout);
}

static void reduce_line(const char *line, size_t n)
{
	CLEANUP(json_decrefp) json_t *in = NULL;
	CLEANUP(frames_done) struct frames log = FRAMES_INIT(64 << 20), closing = FRAMES_INIT(64 << 20);
	CLEANUP(buf_done) struct buf parts = BUF_INIT(64 << 20);
	CLEANUP(reduced_done) struct reduced r = {.last_seq = 0};
	struct err e = {0};

	if (json_parse(line, n, &in, &e) < 0)
		abort();
	const json_t *events = json_object_get(in, "events"), *before = json_object_get(in, "before");
	size_t cut = (size_t)json_get_i64(in, "cut", 0);
	const struct message was = message_from(before, &parts);
	add_events(events, 0, cut, &log);
	closing.last_seq = log.last_seq;
	add_events(events, cut, json_array_size(events), &closing);
	if (reduce_log(json_is_object(before) ? &was : NULL, &log, 0, &closing, &r, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	print_message(&r);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0)
		reduce_line(line, (size_t)n);
	free(line);
	return 0;
}
