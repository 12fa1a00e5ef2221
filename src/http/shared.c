/*
 * shared.c - several event streams in one answer. A part has the functions of any stream; what it writes goes to the whole,
 * behind a frame that names the part wherever another one wrote before.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/magic.h"
#include "http/server_priv.h"
#include "http/websocket.h"

/* So much may wait for the client when the owner writes: what the parts write, they write again, but the owner does not. */
#define OWN_MAX (1u << 20)

struct part {
	struct http_stream stream; /* first: who holds the part holds this */
	struct part *prev, *next;
	char *begin, *end;
};

struct http_shared {
	unsigned magic; /* SHARED_MAGIC */
#define SHARED_MAGIC 0x73687264u
	atomic_uint refs;
	struct http_stream *whole; /* NULL: it has ended */
	struct part *first, *last;
	const struct part *current; /* who wrote last */
	unsigned n_parts;
	void (*on_close)(void *arg);
	void *arg;
};

static struct part *part_of(struct http_stream *st)
{
	ASSERT(st->shared);
	return (struct part *)(void *)st;
}

static void list_add(struct http_shared *s, struct part *p)
{
	p->prev = s->last;
	p->next = NULL;
	*(s->last ? &s->last->next : &s->first) = p;
	s->last = p;
	s->n_parts++;
}

static void list_remove(struct http_shared *s, struct part *p)
{
	ASSERT(s->n_parts > 0 && *(p->prev ? &p->prev->next : &s->first) == p);
	*(p->prev ? &p->prev->next : &s->first) = p->next;
	*(p->next ? &p->next->prev : &s->last) = p->prev;
	s->n_parts--;
}

static void part_free(struct part *p)
{
	struct http_shared *s = p->stream.shared;

	if (s->current == p)
		s->current = NULL;
	list_remove(s, p);
	free(p->begin);
	free(p->end);
	free(p);
}

/* ---- the whole ---- */

/* Each part has its turn, the one that had it last at the end. A part may end meanwhile. */
static void whole_writable(void *arg)
{
	struct http_shared *s = arg;

	for (unsigned n = s->n_parts; n > 0 && s->first && !s->whole->blocked; n--) {
		struct part *p = s->first;

		list_remove(s, p);
		list_add(s, p);
		if (p->stream.ops->on_writable)
			p->stream.ops->on_writable(p->stream.arg);
	}
}

static void close_parts(struct http_shared *s)
{
	s->whole = NULL;
	while (s->first) {
		struct part *p = s->first;

		p->stream.closed = true;
		if (p->stream.ops->on_close)
			p->stream.ops->on_close(p->stream.arg);
		part_free(p);
	}
	ASSERT(s->n_parts == 0 && !s->current);
}

static void whole_closed(void *arg)
{
	struct http_shared *s = arg;

	close_parts(s);
	if (s->on_close)
		s->on_close(s->arg);
}

struct http_shared *http_shared_start(
	struct http_exchange *x, const struct http_websocket *w, void (*on_close)(void *arg), void *arg)
{
	static const struct http_stream_ops ops = {.on_writable = whole_writable, .on_close = whole_closed};
	struct http_shared *s = xcalloc(1, sizeof(*s));

	*s = (struct http_shared){.magic = SHARED_MAGIC, .refs = 1, .on_close = on_close, .arg = arg};
	s->whole = http_stream_begin(&(struct http_place){.x = x, .websocket = w}, "text/event-stream", &ops, s);
	if (!s->whole) {
		free(s);
		return NULL;
	}
	return s;
}

struct http_shared *http_shared_ref(struct http_shared *s)
{
	unsigned before = atomic_fetch_add(&s->refs, 1);

	ASSERT_IS(s, SHARED_MAGIC);
	ASSERT(before > 0);
	return s;
}

void http_shared_unref(struct http_shared *s)
{
	unsigned before = s ? atomic_fetch_sub(&s->refs, 1) : 2;

	ASSERT(before > 0);
	if (before > 1)
		return;
	ASSERT(!s->whole && !s->first); /* whoever began it has ended it */
	MAGIC_END(s, SHARED_MAGIC);
	free(s);
}

bool http_shared_write(struct http_shared *s, const void *p, size_t n)
{
	struct http_stream *whole = s->whole;

	ASSERT_IS(s, SHARED_MAGIC);
	if (!whole || whole->broken || whole->conn->out.n - whole->conn->out_at > OWN_MAX)
		return false;
	return stream_send(whole, (struct str){"", 0}, (struct str){(char *)(uintptr_t)p, n});
}

struct http_stream *shared_whole(const struct http_shared *s)
{
	return s->whole;
}

unsigned http_shared_parts(const struct http_shared *s)
{
	ASSERT_IS(s, SHARED_MAGIC);
	return s->n_parts;
}

void http_shared_break(struct http_shared *s)
{
	if (s->whole && !s->whole->broken)
		stream_break(s->whole);
}

void http_shared_end(struct http_shared *s, bool regular)
{
	struct http_stream *whole = s->whole;

	ASSERT_IS(s, SHARED_MAGIC);
	if (!whole)
		return;
	close_parts(s);
	if (regular)
		http_stream_end(whole);
	else
		http_stream_abort(whole);
}

/* ---- its parts ---- */

struct http_stream *part_new(const struct http_place *at, const struct http_stream_ops *ops, void *arg)
{
	struct http_shared *s = at->shared;

	if (!s->whole)
		return NULL;
	struct part *p = xcalloc(1, sizeof(*p));
	*p = (struct part){
		.stream = {.ops = ops, .arg = arg, .shared = s}, .begin = xstrdup(at->begin), .end = xstrdup(at->end)};
	list_add(s, p);
	return &p->stream;
}

bool part_blocked(const struct http_stream *st)
{
	const struct http_stream *whole = st->shared->whole;

	return !whole || whole->blocked;
}

size_t part_write(struct http_stream *st, const void *p, size_t n)
{
	struct part *part = part_of(st);
	struct http_shared *s = st->shared;
	struct str name = {"", 0};

	if (!n || part_blocked(st))
		return 0;
	if (s->current != part)
		name = (struct str){part->begin, strlen(part->begin)};
	if (!stream_send(s->whole, name, (struct str){(char *)(uintptr_t)p, n}))
		return 0;
	s->current = part;
	return n;
}

void part_end(struct http_stream *st)
{
	struct http_stream *whole = st->shared->whole;
	struct part *p = part_of(st);

	if (whole && !whole->broken && *p->end)
		(void)stream_send(whole, (struct str){"", 0}, (struct str){p->end, strlen(p->end)});
	part_free(p);
}

void part_abort(struct http_stream *st)
{
	struct http_stream *whole = st->shared->whole;

	part_free(part_of(st));
	if (whole)
		stream_break(whole);
}
