/*
 * library.c - one mutex over all libraries: each is opened once, and that it is open is read without the lock. A table of functions
 * fills a page of its own, which is made unwritable when it is full. One that is missing is a state of health and an error of each
 * call, not of the start, and is tried again with the next call.
 */
#include "sys/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/health.h"
#include "sys/loop.h"

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;

/* Like what the loader has bound (full RELRO): no later write leads a call astray. */
static void close_table(struct library *l)
{
	ASSERT(l->n * sizeof(*l->at) <= LIBRARY_PAGE);
	if (sysconf(_SC_PAGESIZE) == LIBRARY_PAGE && mprotect(l->at, LIBRARY_PAGE, PROT_READ) < 0)
		log_warn("library", "the functions of %s stay writable", l->file);
}

/* What the loader has against it, without the name before it. */
static const char *reason(const struct library *l)
{
	const char *text = dlerror();
	size_t n = strlen(l->file);

	if (!text)
		return "it does not begin";
	return strncmp(text, l->file, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2 : text;
}

static int missing(struct library *l, struct err *e)
{
	char text[HEALTH_TEXT_BYTES];

	snprintf(text, sizeof(text),
		"The library %s cannot be loaded: %.200s. Install it (Debian: the package %s); a restart is not "
		"needed.",
		l->file, reason(l), l->package);
	l->missed = true;
	health_set(HEALTH_library, text);
	return err_set(e, E_INTERNAL, "%s", text);
}

static int load(struct library *l, struct err *e)
{
	ASSERT(thread_may_wait());
	void *handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return missing(l, e);
	for (size_t i = 0; i < l->n; i++) {
		l->at[i] = dlsym(handle, l->names[i]);
		if (!l->at[i]) { /* an older one than the program was built for */
			int r = missing(l, e);

			dlclose(handle);
			return r;
		}
	}
	if (l->begin && l->begin() < 0)
		return missing(l, e);
	close_table(l);
	if (l->missed)
		health_set(HEALTH_library, NULL);
	__atomic_store_n(&l->is_open, true, __ATOMIC_RELEASE);
	return 0;
}

int library_open(struct library *l, struct err *e)
{
	int r = 0;

	if (library_is_open(l))
		return 0;
	pthread_mutex_lock(&mx);
	if (!library_is_open(l))
		r = load(l, e);
	pthread_mutex_unlock(&mx);
	return r;
}
