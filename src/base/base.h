/*
 * base.h - the attributes and small macros every file uses. Floor 0: knows no application words.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLEANUP(fn)   __attribute__((cleanup(fn)))
#define MUST_CHECK    __attribute__((warn_unused_result))
#define NOINLINE      __attribute__((noinline)) /* keeps large locals out of the frame of one that sleeps */
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define UNUSED        __attribute__((unused))
#define N_ELEMENTS(x) (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* The structure of which `ptr` is the member `m`. */
#define CONTAINER_OF(ptr, type, m) ((type *)(void *)((char *)(ptr)-offsetof(type, m)))

/* Hands the pointer over and clears the variable, so that its cleanup does nothing. */
#define TAKE_PTR(p)                                                                                                    \
	__extension__({                                                                                                \
		__typeof__(p) take_ptr_ = (p);                                                                         \
		(p) = NULL;                                                                                            \
		take_ptr_;                                                                                             \
	})

/* Defines `fn##p(type **)`, a cleanup function for a pointer that is freed by `fn(type *)`. */
#define DEFINE_CLEANUP(type, fn)                                                                                       \
	UNUSED static inline void fn##p(type **p)                                                                      \
	{                                                                                                              \
		if (*p)                                                                                                \
			fn(*p);                                                                                        \
		*p = NULL;                                                                                             \
	}

/* Cleanups for a malloc'd pointer and a descriptor (-1: none). */
UNUSED static inline void freep(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

UNUSED static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Small fixed allocations: zeroed. When memory is out they take from the reserve, and abort when that is used up. What a user
 * can size goes through an arena or a buf. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
void memory_is_out(void) __attribute__((noreturn));

/* Makes the reserve, or makes it anew after it was taken; false: there is no memory for it. Any thread. */
bool memory_reserve(void);

/*
 * What must hold, whatever anybody sends: the thread something runs on, a state, who owns what. Always checked; when it does
 * not hold, the program says where and ends at once, before anything false is stored. What was shown is in the journal, and
 * the next start stores it. Never of what a user, a provider, a disk or missing memory can bring about: those are errors.
 */
#define ASSERT(what)                                                                                                   \
	do {                                                                                                           \
		if (__builtin_expect(!(what), 0))                                                                      \
			assert_failed(__FILE__, __LINE__, #what);                                                      \
	} while (0)
void assert_failed(const char *file, int line, const char *what) __attribute__((noreturn, cold));

/* A borrowed piece of text or bytes; not terminated. */
struct str {
	const char *p;
	size_t n;
};

/* As much of the text as fits, and a NUL; NULL is "". */
UNUSED static inline void text_copy(char *to, size_t size, const char *text)
{
	ASSERT(size > 0);
	size_t n = text ? strnlen(text, size - 1) : 0;

	if (n > 0)
		memcpy(to, text, n);
	to[n] = '\0';
}

/*
 * Brings memory nearer that is about to be used: what has left the caches is waited for all at once, and not one line after the
 * other. By reading, since processors drop what is only prefetched from pages that they do not know. NULL is nothing.
 */
UNUSED static inline void memory_fetch(const void *p, size_t n)
{
	enum { CACHE_LINE = 64 };

	for (size_t i = 0; p && i < n; i += CACHE_LINE)
		(void)*((const volatile char *)p + i);
}

#define STR(lit)   ((struct str){(lit), sizeof(lit) - 1})
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

UNUSED static inline struct str str_from(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

UNUSED static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct str str_trim(struct str s); /* without the blanks, tabs and line ends around it */

/* Lists of words with blanks between, which is how tables of the code and columns of the database write them. */
bool str_next_word(const char **list, struct str *ret); /* the next word is taken off it; false: there is none */
int str_word_place(const char *list, struct str word);  /* from 0; -1: it is not among them */

UNUSED static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}
