/*
 * fault_memory.c - lets allocations fail in test builds: ours, which the linker leads here (--wrap), those of jansson, curl
 * and libevent, which are made by ours, and those of SQLite. The fault point `memory` is passed at each allocation that
 * is reached by a new way: by a chain of callers that has not been seen before. So each way fails once, and not each of a
 * million allocations.
 */
#include <execinfo.h>
#include <pthread.h>
#include <sqlite3.h>

#include "sys/fault.h"

#define DEPTH 10         /* callers that tell one way from another */
#define WAYS  (1u << 16) /* a power of two */
_Static_assert(
	(WAYS & (WAYS - 1)) == 0 && WAYS <= 1u << 24, "as many of a hash's upper 24 bits say where a way stands");

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static uint64_t seen[WAYS];
static bool wanted;
static _Thread_local bool inside; /* finding the way allocates, too */
static sqlite3_mem_methods sqlite;

static uint64_t way_here(void)
{
	void *callers[DEPTH + 3];
	int n = backtrace(callers, DEPTH + 3);
	uint64_t h = 1;

	for (int i = 3; i < n; i++)
		h = (h ^ (uint64_t)(uintptr_t)callers[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	return h | 1;
}

static bool is_new(uint64_t way)
{
	size_t i = (size_t)(way >> 40) & (WAYS - 1), tried = 0;
	bool found;

	pthread_mutex_lock(&mx);
	while (seen[i] && seen[i] != way && ++tried < WAYS)
		i = (i + 1) & (WAYS - 1);
	found = seen[i] != 0;
	seen[i] = found ? seen[i] : way;
	pthread_mutex_unlock(&mx);
	return !found;
}

static NOINLINE bool fails(void)
{
	bool r;

	if (!wanted || inside)
		return false;
	inside = true;
	r = fault_counts("memory") && is_new(way_here()) && FAULT("memory") < 0;
	inside = false;
	return r;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static void *sqlite_malloc(int n)
{
	return fails() ? NULL : sqlite.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
	return fails() ? NULL : sqlite.xRealloc(p, n);
}

/* Before main(), since some of them can only be told before they are used. */
__attribute__((constructor)) static void lead_here(void)
{
	const char *spec = getenv("ATELIER_FAULT");
	void *callers[1];
	sqlite3_mem_methods ours;

	if (!spec || !strstr(spec, "memory:"))
		return;
	(void)backtrace(callers, 1); /* loads what it needs */
	(void)sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite);
	ours = sqlite;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	(void)sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
	wanted = true;
}
