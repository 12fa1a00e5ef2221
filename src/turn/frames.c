/* frames.c - see frames.h. Chunks double from a small one, since most logs of thousands are those of waiting turns. */
#include "turn/frames.h"

#include <errno.h>

#include "base/err.h"
#include "sys/fault.h"

#define CHUNK_FIRST 448u
#define CHUNK_MAX   (16u << 10) /* some 300 events: what finding a place has to read */

static void chunks_free(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

void frames_done(struct frames *f)
{
	chunks_free(f->first);
	free(f->flat);
	*f = FRAMES_INIT(f->max);
}

static struct chunk *chunk_add(struct frames *f, uint64_t first_seq, size_t room)
{
	struct chunk *c = FAULT("frames_chunk") < 0 ? NULL : malloc(sizeof *c + room);

	if (!c)
		return NULL;
	*c = (struct chunk){.first_seq = first_seq, .room = room, .p = (char *)(c + 1)};
	if (f->last)
		f->last->next = c;
	else
		f->first = c;
	f->last = c;
	return c;
}

/* Room for a frame of n bytes; the caller writes there. */
static char *frame_room(struct frames *f, uint64_t seq, size_t n, int *ret_error)
{
	struct chunk *c = f->last;

	if (n > f->max - MIN(f->bytes, f->max)) {
		*ret_error = E_TOO_LARGE;
		return NULL;
	}
	if (!c || c->n + n > c->room)
		c = chunk_add(f, seq,
			MAX(n, c ? MIN(MAX(c->room, (size_t)CHUNK_FIRST) * 2, (size_t)CHUNK_MAX) : CHUNK_FIRST));
	if (!c) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	ASSERT(n > 0 && n <= c->room - c->n); /* whole in its chunk */
	ASSERT(seq > f->last_seq);
	char *to = c->p + c->n;
	c->n += n;
	f->bytes += n;
	f->last_seq = seq;
	return to;
}

int frames_add(struct frames *f, enum event_type type, const char *json, size_t n)
{
	char head[EVENT_HEAD_MAX];
	size_t k = event_head(head, f->last_seq + 1, type), tail = sizeof(EVENT_TAIL) - 1;
	int r = 0;
	char *to = frame_room(f, f->last_seq + 1, k + n + tail, &r);

	ASSERT(n > 0 && *json == '{');
	if (!to)
		return r;
	memcpy(to, head, k);
	memcpy(to + k, json, n);
	memcpy(to + k + n, EVENT_TAIL, tail);
	return 0;
}

int frames_add_raw(struct frames *f, uint64_t seq, struct str frame)
{
	int r = 0;
	char *to = frame_room(f, seq, frame.n, &r);

	if (to)
		memcpy(to, frame.p, frame.n);
	return r;
}

/* A chunk that is a part of `flat`. */
static int slice_add(struct frames *f, uint64_t first_seq, char *p, size_t n)
{
	struct chunk *c = chunk_add(f, first_seq, 0);

	if (!c)
		return -ENOMEM;
	c->p = p;
	c->n = n;
	return 0;
}

int frames_take(struct frames *f, struct buf *bytes)
{
	struct str all = buf_str(bytes);
	struct event_frame frame;
	uint64_t first_seq = 0;
	size_t pos = 0, begin = 0, last = 0;
	int r;

	frames_done(f);
	f->bytes = all.n;
	f->flat = TAKE_PTR(bytes->p);
	buf_done(bytes);
	while ((r = event_next_frame(all, &pos, &frame)) == 1) {
		if (pos - begin > CHUNK_MAX && last > begin) {
			if ((r = slice_add(f, first_seq, f->flat + begin, last - begin)) < 0)
				return r;
			begin = last;
		}
		if (begin == last)
			first_seq = frame.seq;
		f->last_seq = frame.seq;
		last = pos;
	}
	if (r < 0 || last != all.n)
		return E_INVALID;
	return last > begin ? slice_add(f, first_seq, f->flat + begin, last - begin) : 0;
}

void frames_join(struct frames *f, struct frames *more)
{
	ASSERT(f != more);
	if (!more->first)
		return;
	ASSERT(more->first->first_seq > f->last_seq);
	if (f->last)
		f->last->next = more->first;
	else
		f->first = more->first;
	f->last = more->last;
	f->last_seq = more->last_seq;
	f->bytes += more->bytes;
	more->first = more->last = NULL;
	frames_done(more);
}

/* ---- places ---- */

struct place frames_end(const struct frames *f)
{
	return (struct place){f->last, f->last ? f->last->n : 0};
}

struct place frames_after(const struct frames *f, uint64_t seq)
{
	struct chunk *c = f->first;
	struct event_frame frame;
	size_t at = 0, next = 0;

	if (!c || seq == 0)
		return (struct place){NULL, 0};
	while (c->next && c->next->first_seq <= seq)
		c = c->next;
	while (event_next_frame((struct str){c->p, c->n}, &next, &frame) == 1 && frame.seq <= seq)
		at = next;
	return (struct place){c, at};
}

struct str frames_next(const struct frames *f, struct place *from, struct place to, size_t most)
{
	if (!to.chunk)
		return (struct str){"", 0};
	if (!from->chunk)
		*from = (struct place){f->first, 0};
	while (from->chunk != to.chunk && from->at == from->chunk->n)
		*from = (struct place){from->chunk->next, 0};
	size_t end = from->chunk == to.chunk ? to.at : from->chunk->n;
	ASSERT(from->at <= end);
	struct str s = {from->chunk->p + from->at, MIN(end - from->at, most)};
	from->at += s.n;
	return s;
}

void frames_cut(struct frames *f, struct place end, size_t bytes, uint64_t last_seq)
{
	ASSERT(bytes <= f->bytes && last_seq <= f->last_seq);
	ASSERT(bytes <= f->bytes && last_seq <= f->last_seq && (!end.chunk || end.at <= end.chunk->n));
	if (end.chunk) {
		chunks_free(end.chunk->next);
		end.chunk->next = NULL;
		end.chunk->n = end.at;
	} else {
		chunks_free(f->first);
		f->first = NULL;
	}
	f->last = end.chunk;
	f->bytes = bytes;
	f->last_seq = last_seq;
}
