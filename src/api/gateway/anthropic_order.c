/*
 * anthropic_order.c - the order of the blocks in a stream that is passed on as it came: start, pieces, stop, and then the
 * next one. A server that mixes its blocks, goes on with one that it has ended, or gives an index twice breaks programs
 * that go by their place. What comes in order goes on byte for byte; a block that begins within another waits for its
 * turn, and a piece of one that has ended begins a new one.
 */
#include <string.h>

#include "api/gateway/anthropic.h"

enum part { OTHER, BEGIN, PIECE, END, LAST };

struct event {
	struct str all;
	enum part part;
	int64_t index;       /* as the provider says it */
	const char *at, *to; /* its digits */
};

/* ---- reading ---- */

/* Takes one event with its empty line off the text. */
static struct str take_event(struct str *text)
{
	const char *p = text->p, *end = text->p + text->n, *lf;
	struct str ret = *text;

	while ((lf = memchr(p, '\n', (size_t)(end - p)))) {
		p = lf + 1;
		const char *next = p < end && *p == '\r' ? p + 1 : p;

		if (next < end && *next == '\n') {
			ret.n = (size_t)(next + 1 - text->p);
			break;
		}
	}
	*text = (struct str){ret.p + ret.n, text->n - ret.n};
	return ret;
}

static bool is_named(struct str event, const char *name)
{
	static const char before[] = "event:";
	size_t n = sizeof(before) - 1, len = strlen(name);

	if (event.n <= n + 1 + len || memcmp(event.p, before, n) != 0)
		return false;
	n += event.p[n] == ' ';
	return memcmp(event.p + n, name, len) == 0 && (event.p[n + len] == '\n' || event.p[n + len] == '\r');
}

static const char *find(struct str event, const char *word)
{
	return memmem(event.p, event.n, word, strlen(word));
}

static bool read_index(struct event *e)
{
	const char *p = find(e->all, "\"index\""), *end = e->all.p + e->all.n;

	if (!p)
		return false;
	for (p += strlen("\"index\""); p < end && (*p == ' ' || *p == ':'); p++)
		;
	e->at = p;
	for (e->index = 0; p < end && *p >= '0' && *p <= '9' && e->index < 1000000; p++)
		e->index = e->index * 10 + (*p - '0');
	e->to = p;
	return e->to > e->at;
}

static struct event read_event(struct str all)
{
	static const char *const names[] = {
		[BEGIN] = "content_block_start", [PIECE] = "content_block_delta", [END] = "content_block_stop"};
	struct event e = {.all = all, .part = OTHER};

	if (is_named(all, "message_delta") || is_named(all, "message_stop"))
		e.part = LAST;
	for (enum part i = BEGIN; i <= END; i++)
		if (is_named(all, names[i]) && read_index(&e))
			e.part = i;
	return e;
}

/* ---- writing ---- */

static void put(const struct anthropic_order *o, const struct event *e, struct buf *out)
{
	if (e->index == o->n - 1) {
		buf_add(out, e->all.p, e->all.n);
		return;
	}
	buf_add(out, e->all.p, (size_t)(e->at - e->all.p));
	buf_add_u64(out, (uint64_t)(o->n - 1));
	buf_add(out, e->to, (size_t)(e->all.p + e->all.n - e->to));
}

static void end_block(struct anthropic_order *o, struct buf *out)
{
	ASSERT(!o->is_open || o->n > 0); /* the last one that was told */
	if (o->is_open)
		anthropic_add_block_stop(o->n - 1, out);
	o->is_open = o->is_ours = false;
}

/* A text or thought goes on in a block of its own; the signature of a thought that was told says nothing of another. A
 * call that was told whole cannot go on. */
static int begin_late(struct anthropic_order *o, const struct event *e, struct buf *out)
{
	bool thinks = find(e->all, "\"thinking_delta\"");

	if (find(e->all, "\"input_json_delta\""))
		return find(e->all, "\"partial_json\":\"\"") || find(e->all, "\"partial_json\": \"\"")
			       ? 0
			       : E_PROVIDER_BROKEN;
	if (!thinks && !find(e->all, "\"text_delta\"") && !find(e->all, "\"citations_delta\""))
		return 0;
	end_block(o, out);
	o->is_open = o->is_ours = true;
	o->index = e->index;
	anthropic_add_block_start(o->n++, out);
	buf_add_str(out, thinks ? "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
				: "{\"type\":\"text\",\"text\":\"\"}}\n\n");
	put(o, e, out);
	return 0;
}

static int take_one(struct anthropic_order *o, const struct event *e, struct buf *out)
{
	bool is_its = o->is_open && o->index == e->index && e->part != BEGIN;

	if (e->part == OTHER || e->part == LAST) {
		buf_add(out, e->all.p, e->all.n);
		return 0;
	}
	if (is_its) {
		put(o, e, out);
		o->is_open = e->part != END;
		o->is_ours = o->is_ours && o->is_open;
		return 0;
	}
	if (o->waiting.n > 0 || (o->is_open && !o->is_ours && o->index != e->index)) {
		buf_add(&o->waiting, e->all.p, e->all.n);
		return buf_status(&o->waiting);
	}
	if (e->part == PIECE)
		return begin_late(o, e, out);
	if (e->part == END) /* of one that never began, or that was ended here */
		return 0;
	end_block(o, out);
	o->is_open = true;
	o->index = e->index;
	o->n++;
	put(o, e, out);
	return 0;
}

/* Those that waited, one block a time: what waits for the next one waits on. */
static int take_waiting(struct anthropic_order *o, bool last, struct buf *out)
{
	int r = 0;

	ASSERT(o->is_open || !o->is_ours);
	while (r == 0 && o->waiting.n > 0 && (last || !o->is_open || o->is_ours)) {
		CLEANUP(buf_done) struct buf now = o->waiting;

		o->waiting = BUF_INIT(REQUEST_MEMORY);
		end_block(o, out);
		for (struct str rest = buf_str(&now); r == 0 && rest.n > 0;) {
			struct event e = read_event(take_event(&rest));

			r = take_one(o, &e, out);
		}
	}
	return r;
}

int anthropic_order_take(struct anthropic_order *o, struct str events, struct buf *out)
{
	int r = 0;

	while (r == 0 && events.n > 0) {
		struct event e = read_event(take_event(&events));

		if (e.part == LAST) {
			r = take_waiting(o, true, out);
			if (o->is_ours)
				end_block(o, out);
		}
		if (r == 0)
			r = take_one(o, &e, out);
		if (r == 0)
			r = take_waiting(o, false, out);
	}
	return r < 0 ? r : buf_status(out);
}
