/* run.h - programs that this process starts within its sandbox: poppler's and tesseract's. */
#pragma once

#include "rag/formats/doc.h"

struct run {
	const char *const *argv; /* argv[0]: an absolute path */
	int in;                  /* read from its beginning; borrowed */
	int cpu_s;
	int (*take)(void *arg, const char *p, size_t n); /* its output; < 0 ends it */
	void *arg;
};

struct run_end {
	int code, signal;             /* one of them; 0, 0: it ended well */
	enum extract_failure used_up; /* TIMEOUT or MEMORY; OK: neither was */
	char errors[1024];
};

/* False: it cannot be started, which is a failure of the document. */
bool run_program(struct doc *d, const struct run *r, struct run_end *ret);

/* Bytes as a file without a name; -1 with a failure. */
int run_file(struct doc *d, const char *p, size_t n);
