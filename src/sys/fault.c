/* fault.c - which named places fail, how, and at which pass. Only in test builds. */
#include "sys/fault.h"

#ifdef ATELIER_FAULTS

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#define FAULTS_MAX 16

struct fault {
	char name[48];
	int error;           /* a positive errno */
	unsigned long which; /* the pass that fails; 0: every one */
	unsigned long passes;
};

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULTS_MAX];
static size_t n_faults;
static bool loaded;

static void bad_spec(const char *part)
{
	fprintf(stderr, "atelier: fault not understood: %s\n", part);
	abort();
}

static int errno_from(const char *name)
{
	for (int i = 1; i < 200; i++) {
		const char *known = strerrorname_np(i);

		if (known && strcmp(known, name) == 0)
			return i;
	}
	return 0;
}

static void add_fault(const char *part)
{
	struct fault *f = &faults[n_faults];
	char error[32], extra;
	int n = sscanf(part, "%47[^:]:%31[^:]:%lu%c", f->name, error, &f->which, &extra);

	if (n_faults + 1 >= FAULTS_MAX || n < 2 || n > 3)
		bad_spec(part);
	if (n == 2)
		f->which = 0;
	f->error = errno_from(error);
	f->passes = 0;
	if (!f->error || (n == 3 && f->which == 0))
		bad_spec(part);
	n_faults++;
}

static void load(const char *spec)
{
	CLEANUP(freep) char *copy = xstrdup(spec ? spec : "");
	char *rest = copy, *part;

	n_faults = 0;
	loaded = true;
	while ((part = strsep(&rest, ",")) != NULL)
		if (*part)
			add_fault(part);
}

void fault_set(const char *spec)
{
	pthread_mutex_lock(&mx);
	load(spec);
	pthread_mutex_unlock(&mx);
}

int fault_at(const char *name)
{
	int r = 0;

	pthread_mutex_lock(&mx);
	if (!loaded)
		load(getenv("ATELIER_FAULT"));
	for (size_t i = 0; i < n_faults; i++) {
		struct fault *f = &faults[i];

		if (strcmp(f->name, name) != 0)
			continue;
		f->passes++;
		if (r == 0 && (f->which == 0 || f->passes == f->which))
			r = -f->error;
	}
	pthread_mutex_unlock(&mx);
	return r;
}

#endif
