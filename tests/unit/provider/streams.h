/* streams.h - for the tests of the dialects: what a stream becomes wherever it is cut, and what a request is written as. */
#pragma once

#include "support.h"

struct outcome {
	int r;
	char text[1024], reasoning[512], tools[4096], reason[24], stop[64], error[256], code[48];
	char annotations[512], fingerprint[64], tier[24];
	long long in, out, cached, thought;
};

/* Feeds it in two pieces (step 0), cut after `cut` bytes, or in pieces of `step` bytes. `tools` is "index id name
 * arguments" of each call, one a line, the pieces put together; ids that were made are shown as MADE. */
struct outcome stream_run(const struct dialect *d, const char *p, size_t n, size_t cut, size_t step);
void stream_same(const struct outcome *a, const struct outcome *b);

/* Whole, cut at every byte, and in pieces of 1, 2 and 3 bytes: all must be the same. */
struct outcome stream_everywhere(const struct dialect *d, const char *p);
struct outcome stream_everywhere_n(const struct dialect *d, const char *p, size_t n);

/* A provider and a model that need no registry. The key is "k". */
struct fake_target {
	struct provider provider;
	struct target target;
	unsigned lessons; /* of the request that is being made again and again */
};
void fake_target_init(struct fake_target *f, const struct dialect *d, const char *base);

/* Writes the request and holds it against `expected`, in which ' stands for ". */
void request_is(struct fake_target *f, const struct gen_request *q, const char *url, const char *expected);
/* The value of a header of the last request, or NULL. */
const char *request_header_of(struct fake_target *f, const struct gen_request *q, const char *name, char ret[256]);
