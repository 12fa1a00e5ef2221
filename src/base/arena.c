/* arena.c - chunks of growing size, objects cut from the newest; or one malloc an object for the sanitizers. */
#include "base/arena.h"

#include <stddef.h>
#include <stdio.h>

#include "base/memory.h"

#define ALIGN       16u
#define CHUNK_FIRST 512u /* with its head, so that the first two are of those that are had without a lock (memory.h) */
#define CHUNK_MAX   65536u

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(ALIGN) char data[];
};

_Static_assert(ALIGN >= _Alignof(max_align_t) && (ALIGN & (ALIGN - 1)) == 0, "what is cut suits any type");
_Static_assert(
	sizeof(struct arena_chunk) + ALIGN <= CHUNK_FIRST && CHUNK_FIRST <= CHUNK_MAX, "the first chunk has room");

void arena_init(struct arena *a, size_t cap)
{
	ASSERT(cap > 0);
	*a = (struct arena){.cap = cap};
}

void arena_done(struct arena *a)
{
	struct arena_chunk *c = a->head;

	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
	*a = (struct arena){.cap = a->cap};
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->head; c; c = c->next) {
		ASSERT(c->used <= c->size);
		explicit_bzero(c->data, c->used);
	}
	arena_done(a);
}

static struct arena_chunk *chunk_new(struct arena *a, size_t size)
{
	struct arena_chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		return NULL;
	c = memory_zeroed(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->size = size;
	c->next = a->head;
	a->head = c;
	return c;
}

#ifdef ARENA_EMULATE
static void *cut(struct arena *a, size_t n, size_t rounded)
{
	/* The exact size, so that the first byte behind the object is already out of bounds. */
	struct arena_chunk *c = chunk_new(a, n);

	(void)rounded;
	if (!c)
		return NULL;
	c->used = n;
	return c->data;
}
#else
/* What is larger than a chunk has one of its own, and what is left of the newest one stays in use. */
static void *cut_large(struct arena *a, size_t rounded)
{
	struct arena_chunk *newest = a->head, *c = chunk_new(a, rounded);

	if (!c)
		return NULL;
	c->used = rounded;
	if (newest) {
		a->head = newest;
		c->next = newest->next;
		newest->next = c;
	}
	return c->data;
}

static void *cut(struct arena *a, size_t n, size_t rounded)
{
	struct arena_chunk *c = a->head;
	void *p;

	(void)n;
	if (!c || c->size - c->used < rounded) {
		size_t size = a->next ? a->next : CHUNK_FIRST, room = size - sizeof(*c);

		if (rounded > room)
			return cut_large(a, rounded);
		c = chunk_new(a, room);
		if (!c)
			return NULL;
		a->next = MIN(size * 2, (size_t)CHUNK_MAX);
	}
	p = c->data + c->used;
	c->used += rounded;
	ASSERT(c->used <= c->size);
	return p;
}
#endif

void *arena_alloc(struct arena *a, size_t n)
{
	size_t rounded;
	void *p;

	if (n > SIZE_MAX - ALIGN)
		return NULL;
	ASSERT(a->total <= a->cap);
	rounded = (MAX(n, (size_t)1) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (rounded > a->cap - a->total)
		return NULL;
	p = cut(a, n, rounded);
	if (p)
		a->total += rounded;
	return p;
}

void *arena_alloc_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	ASSERT(size > 0); /* the caller's type, or its row of a table */
	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (p && n > 0)
		memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

bool arena_keep(struct arena *a, const char **text)
{
	bool given = *text != NULL;

	*text = arena_strdup(a, *text);
	return !given || *text != NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
