/*
 * library.h - a shared library that is opened when it is first needed, so that a start does not load it and the twenty
 * others that it needs itself.
 *
 * A room defines, in one file and under their own names, those functions of the library that it uses; each opens the
 * library and passes on to it. So nothing changes for who calls them; the compiler holds their types against the
 * library's header, and a function that is not passed on is missing when the program is linked.
 */
#pragma once

#include "base/err.h"

enum { LIBRARY_PAGE = 4096 };

struct library {
	const char *file;         /* as the loader knows it: with the number of its interface */
	const char *package;      /* that has it, in Debian */
	const char *const *names; /* of its functions */
	void **at;                /* where they are: a page of its own, which nobody can write once it is filled */
	size_t n;
	int (*begin)(void); /* once, before anything else of it is called; NULL: nothing to do */
	bool is_open;       /* atomic */
	bool missed;
};

/* E_INTERNAL: it cannot be loaded, and HEALTH_library says so until it can. Takes milliseconds the first time: never on
 * the loop. Any other thread. */
int library_open(struct library *l, struct err *e) MUST_CHECK;

static inline bool library_is_open(const struct library *l)
{
	return __atomic_load_n(&l->is_open, __ATOMIC_ACQUIRE);
}

#define LIBRARY_NAME_(name) #name,
#define LIBRARY_TYPE_(name) __typeof__(&name) name;

/* `FUNCTIONS(X)` names them. Defines `library` and, for those below, `library_calls`. */
#define LIBRARY(FUNCTIONS, file_, package_, begin_)                                                                    \
	static const char *const library_names[] = {FUNCTIONS(LIBRARY_NAME_)};                                         \
	static union {                                                                                                 \
		struct {                                                                                               \
			FUNCTIONS(LIBRARY_TYPE_)                                                                       \
		} of;                                                                                                  \
		void *at[N_ELEMENTS(library_names)];                                                                   \
		char page[LIBRARY_PAGE];                                                                               \
	} library_calls __attribute__((aligned(LIBRARY_PAGE)));                                                        \
	static struct library library = {.file = (file_),                                                              \
		.package = (package_),                                                                                 \
		.names = library_names,                                                                                \
		.at = library_calls.at,                                                                                \
		.n = N_ELEMENTS(library_names),                                                                        \
		.begin = (begin_)}

/* A function of the library; `otherwise` is what it answers where there is no library. */
#define LIBRARY_CALL(type, name, params, args, otherwise)                                                              \
	type name params                                                                                               \
	{                                                                                                              \
		return library_open(&library, NULL) < 0 ? (otherwise) : library_calls.of.name args;                    \
	}

/* One without a result, for what the library gave before: where it is not open, that was nothing. */
#define LIBRARY_END(name, params, args)                                                                                \
	void name params                                                                                               \
	{                                                                                                              \
		if (library_is_open(&library))                                                                         \
			library_calls.of.name args;                                                                    \
	}
