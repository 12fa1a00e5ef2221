/* fault.c - which named places fail, how, and at which pass. Only in test builds. */
#include "sys/fault.h"

#ifdef ATELIER_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#define FAULTS_MAX 16

struct fault {
	char name[48];
	unsigned long which; /* the pass that fails; 0: every one */
	unsigned long step;  /* each so many passes after it as well; 0: not again */
	unsigned long passes;
	int error;    /* a positive errno */
	bool serving; /* counts only once the server is ready */
};

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[FAULTS_MAX];
static size_t n_faults;
static bool loaded, serving;

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

/* "", "3", "3/40", "+", "+3", "+3/40" */
static bool read_which(const char *s, struct fault *f)
{
	char *end;

	f->serving = *s == '+';
	s += f->serving;
	if (!*s)
		return true;
	f->which = strtoul(s, &end, 10);
	if (*end == '/')
		f->step = strtoul(end + 1, &end, 10);
	return f->which > 0 && !*end;
}

static void add_fault(const char *part)
{
	struct fault *f = &faults[n_faults];
	char error[32], which[32] = "";
	int n;

	*f = (struct fault){.which = 0};
	n = sscanf(part, "%47[^:]:%31[^:]:%31s", f->name, error, which);
	if (n_faults + 1 >= FAULTS_MAX || n < 2 || (n == 3 && !*which) || !read_which(which, f))
		bad_spec(part);
	f->error = errno_from(error);
	if (!f->error)
		bad_spec(part);
	n_faults++;
}

static bool fails_now(const struct fault *f)
{
	return f->which == 0 || f->passes == f->which ||
	       (f->step && f->passes > f->which && (f->passes - f->which) % f->step == 0);
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

/* What ATELIER_FAULT_FILE names may change while the program runs: faults that begin and end with an event of a test. */
static void look_in_file(void)
{
	static char last[256];
	const char *path = getenv("ATELIER_FAULT_FILE");
	CLEANUP(closep) int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char spec[sizeof(last)] = "";

	if (fd < 0 || read(fd, spec, sizeof(spec) - 1) < 0 || strcmp(spec, last) == 0)
		return;
	memcpy(last, spec, sizeof(last));
	load(spec);
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
	look_in_file();
	for (size_t i = 0; i < n_faults; i++) {
		struct fault *f = &faults[i];

		if (strcmp(f->name, name) != 0 || (f->serving && !serving))
			continue;
		f->passes++;
		if (r == 0 && fails_now(f))
			r = -f->error;
	}
	pthread_mutex_unlock(&mx);
	return r;
}

bool fault_counts(const char *name)
{
	bool counts = false;

	pthread_mutex_lock(&mx);
	if (!loaded)
		load(getenv("ATELIER_FAULT"));
	for (size_t i = 0; i < n_faults; i++)
		counts |= strcmp(faults[i].name, name) == 0 && (serving || !faults[i].serving);
	pthread_mutex_unlock(&mx);
	return counts;
}

void fault_serving(void)
{
	pthread_mutex_lock(&mx);
	serving = true;
	pthread_mutex_unlock(&mx);
}

#endif
