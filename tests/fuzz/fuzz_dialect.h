/* fuzz_dialect.h - what the fuzz targets of the provider streams share. */
#pragma once

#include "provider/provider_priv.h"

struct fuzz_sink {
	struct gen_sink sink;
	struct buf text[3]; /* the answer, the reasoning and the calls of tools */
	int64_t calls;
};

/* Calls are numbered from 0, and the first event of each has an id and a name. */
static void check_call(struct fuzz_sink *f, const json_t *root)
{
	int64_t index = json_get_i64(root, "index", -1);
	const char *id = json_get_str(root, "id"), *name = json_get_str(root, "name");
	if (index < 0 || index > f->calls || (index == f->calls) != (id && name))
		abort();
	f->calls += index == f->calls;
	buf_printf(&f->text[2], "%lld %s %s\n", (long long)index, name ? name : "",
		json_get_str(root, "arguments") ? json_get_str(root, "arguments") : "");
}

static void move_text(struct fuzz_sink *f, bool to_reasoning)
{
	struct buf *from = &f->text[!to_reasoning], *to = &f->text[to_reasoning];
	buf_add(to, buf_str(from).p, from->n);
	buf_reset(from);
}

/* Events must be one line of valid JSON, whatever came in. */
static int check_event(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct fuzz_sink *f = CONTAINER_OF(s, struct fuzz_sink, sink);
	json_t *root = NULL;
	(void)on_loop;
	if (memchr(json, '\n', n) || json_parse(json, n, &root, NULL) < 0)
		abort();
	if (type == EV_TOOL_CALL)
		check_call(f, root);
	else if (type == EV_MOVED)
		move_text(f, strcmp(json_get_str(root, "to"), "reasoning") == 0);
	else if (!json_get_str(root, "text"))
		abort();
	else
		buf_add_str(&f->text[type == EV_REASONING], json_get_str(root, "text"));
	json_decref(root);
	return 0;
}

static int fuzz_piece(struct answer *s, const uint8_t *p, size_t n)
{
	/* A copy of its own size, so that a read behind the piece is seen. */
	char *piece = malloc(n + (n == 0));
	if (!piece)
		abort();
	if (n > 0)
		memcpy(piece, p, n);
	int r = answer_feed(s, piece, n);
	free(piece);
	return r;
}

/* Once in two pieces, cut where the data says, and once whole: both must end alike. */
static int fuzz_dialect(const struct dialect *d, const uint8_t *p, size_t n)
{
	struct fuzz_sink sinks[2];
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + p[i];
	size_t cut = sum % (n + 1);
	int results[2];
	for (int round = 0; round < 2; round++) {
		struct err e = {0};
		struct answer s;
		sinks[round] = (struct fuzz_sink){
			{.event = check_event}, {BUF_INIT(64 << 20), BUF_INIT(64 << 20), BUF_INIT(64 << 20)}, 0};
		answer_init(&s, d, "Fuzz", &sinks[round].sink, &e);
		int r = round ? fuzz_piece(&s, p, n) : fuzz_piece(&s, p, cut);
		if (r >= 0 && !round)
			r = fuzz_piece(&s, p + cut, n - cut);
		if (r >= 0)
			r = answer_finish(&s);
		answer_done(&s);
		results[round] = r;
	}
	for (int i = 0; i < 3; i++)
		if (results[0] != results[1] || !str_eq(buf_str(&sinks[0].text[i]), buf_str(&sinks[1].text[i])))
			abort();
	for (int i = 0; i < 6; i++)
		buf_done(&sinks[i / 3].text[i % 3]);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
