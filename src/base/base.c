/* base.c - the two allocations that cannot fail, and what they live on when memory is out. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdio.h>

/* Enough for the heap to grow by its own steps once more; as it is never touched, it takes no memory but the right to some. */
#define RESERVE_BYTES ((size_t)2 << 20)

#define CACHED_MAX 1024 /* about what glibc keeps for each thread */

static _Atomic(void *) reserve;

void *memory_zeroed(size_t n)
{
	if (n > CACHED_MAX)
		return calloc(1, n);
	void *p = malloc(n);
	if (p)
		explicit_bzero(p, n); /* with memset() the compiler would make calloc() of it again */
	return p;
}

bool memory_reserve(void)
{
	void *none = NULL;

	if (atomic_load(&reserve))
		return true;
	void *p = malloc(RESERVE_BYTES);
	if (p && !atomic_compare_exchange_strong(&reserve, &none, p))
		free(p);
	return p != NULL;
}

static void reserve_give(void)
{
	free(atomic_exchange(&reserve, NULL));
}

/* No lock and no allocation: they may be what is broken. */
void assert_failed(const char *file, int line, const char *what)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "atelier: %s:%d: this does not hold: %s\n", file, line, what);

	(void)!write(STDERR_FILENO, text, (size_t)MIN(MAX(n, 0), (int)sizeof(text) - 1));
	abort();
}

void memory_is_out(void)
{
	static const char text[] = "atelier: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
	abort();
}

/* Also where another thread was given it a moment ago: there is more than one needs. */
static void *from_reserve(size_t n, size_t size)
{
	reserve_give();
	void *p = calloc(n, size);
	(void)memory_reserve();
	return p;
}

void *memory_try(size_t n)
{
	void *p = malloc(n ? n : 1);

	return p ? p : from_reserve(n ? n : 1, 1);
}

void *memory_try_resize(void *p, size_t n)
{
	void *new = realloc(p, n ? n : 1);

	if (!new) {
		reserve_give();
		new = realloc(p, n ? n : 1);
		(void)memory_reserve();
	}
	return new;
}

void *xcalloc(size_t n, size_t size)
{
	bool small = n - 1 < CACHED_MAX && size - 1 < CACHED_MAX;
	void *p = small ? memory_zeroed(n * size) : calloc(n ? n : 1, size ? size : 1);

	if (!p)
		p = from_reserve(n ? n : 1, size ? size : 1);
	if (!p)
		memory_is_out();
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xcalloc(n, 1), s, n);
}

/* ---- pieces of text ---- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(*s.p))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_next_word(const char **list, struct str *ret)
{
	const char *word = *list + strspn(*list, " ");

	*ret = (struct str){word, strcspn(word, " ")};
	*list = word + ret->n;
	return ret->n > 0;
}

int str_word_place(const char *list, struct str word)
{
	struct str one;

	for (int place = 0; str_next_word(&list, &one); place++)
		if (str_eq(one, word))
			return place;
	return -1;
}
