/* load_page.c - the first page with all files that it names, as a browser takes them: from Atelier, and the same bytes
 * from nginx. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS 6   /* of a browser to one server */
#define LOADS       200 /* of a repetition; each over connections of its own */

static struct page_file files[PAGE_FILES];
static unsigned n_files, first;

static void file_begin(struct client *c)
{
	client_header = "Accept-Encoding: br\r\n";
	client_send(c, "GET", files[first + c->index].path, NULL, NULL);
	client_header = NULL;
}

static void file_keep(struct client *c)
{
	bytes_add(&files[first + c->index].bytes, c->body.p, c->body.n);
}

static void file_check(struct client *c)
{
	const struct bytes *b = &files[first + c->index].bytes;

	if (c->body.n != b->n || memcmp(c->body.p, b->p, b->n) != 0)
		client_fault(c, "not the bytes of this file");
}

static void plain_begin(struct client *c)
{
	client_send(c, "GET", "/", NULL, NULL);
}

/* The page itself, and what its attributes name as "./...", one or several; but not what the API answers. */
static void read_names(struct client *c)
{
	const char *p = c->body.n ? c->body.p : "";

	n_files = 0;
	snprintf(files[n_files++].path, sizeof(files->path), "/");
	while ((p = strstr(p, "./")) && n_files < PAGE_FILES) {
		bool names = p > c->body.p && (p[-1] == '"' || p[-1] == ' ');
		size_t n = strcspn(p += 2, "\" ");

		if (names && n > 0 && n < sizeof(files->path) - 1 && strncmp(p, "api/", 4) != 0)
			snprintf(files[n_files++].path, sizeof(files->path), "/%.*s", (int)n, p);
	}
}

static bool fetch_files(void)
{
	struct relay r;

	relay_start(&r, ATELIER);
	bool good = run_requests(&r, 1, 1, plain_begin, read_names) && n_files > 1;
	first = 0;
	good = good && run_requests(&r, n_files, 1, file_begin, file_keep);
	relay_stop(&r);
	loop_run_for(0.1);
	return good;
}

static bool load_page(struct relay *r)
{
	first = 0;
	if (!run_requests(r, 1, 1, file_begin, file_check))
		return false;
	first = 1;
	return run_requests(r, n_files - 1, CONNECTIONS, file_begin, file_check);
}

static bool measure(enum path path, struct series *ms, struct series *cpu)
{
	struct relay r;
	bool good;

	relay_start(&r, path);
	good = load_page(&r);
	struct usage before = relay_usage(&r);
	uint64_t began = now_ns();
	for (unsigned i = 0; i < LOADS && good; i++)
		good = load_page(&r);
	series_add(ms, (double)(now_ns() - began) / 1e6 / LOADS);
	series_add(cpu, (relay_usage(&r).cpu_us - before.cpu_us) / LOADS);
	relay_stop(&r);
	loop_run_for(0.1);
	return good;
}

void case_first_page(const struct options *o)
{
	struct series ms[PATHS] = {0}, cpu[PATHS] = {0};
	char label[64];
	bool good = true;
	size_t bytes = 0;

	if (!relay_has(ATELIER))
		return;
	if (!fetch_files()) {
		must_hold(false, "first page: Atelier gives the files that its page names");
		return;
	}
	for (unsigned i = 0; i < n_files; i++)
		bytes += files[i].bytes.n;
	printf("\n== first-page: the page and the %u files that it names, %.0f KB in brotli's form, over %d "
	       "connections\n",
		n_files - 1, (double)bytes / 1024, CONNECTIONS);
	relay_page(files, n_files);
	for (unsigned rep = 0; rep < o->reps; rep++) {
		for (unsigned k = 0; k < 2; k++) {
			unsigned path = (k + rep) % 2 ? ATELIER : NGINX;
			good = measure((enum path)path, &ms[path], &cpu[path]) && good;
		}
	}
	relay_page(NULL, 0);
	for (unsigned path = NGINX; path < PATHS; path++) {
		snprintf(label, sizeof(label), "%-8s all of the page", path_names[path]);
		series_print(label, &ms[path], "ms");
		snprintf(label, sizeof(label), "%-8s CPU per page", path_names[path]);
		series_print(label, &cpu[path], "us");
	}
	must_hold(good, "every file came whole, and the same from both");
	double ratio = series_median(&ms[ATELIER]) / series_median(&ms[NGINX]);
	bar("first page beside nginx's", ratio, 1.0, "x");
	ratio_print(ratio);
}
