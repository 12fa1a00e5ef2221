/*
 * fuzz_answer.c - an answer of a provider that is called without curl (direct_answer.c), as a whole and in pieces: what comes
 * of it must be the same. The first byte chooses how long the pieces are.
 */
#include <stdint.h>

#include "http/direct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 1 << 20 };

struct outcome {
	struct http_result result;
	struct buf body;
	bool done, keep;
	CURLcode curl;
};

static int on_data(void *arg, const char *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

static void read_in_pieces(const uint8_t *data, size_t size, size_t piece, struct outcome *ret)
{
	struct http_client client = {.mx = PTHREAD_MUTEX_INITIALIZER};
	struct http_call in = {.method = "GET", .on_data = on_data, .arg = &ret->body};
	struct call c = {.client = &client, .in = &in, .out = &ret->result};

	*ret = (struct outcome){.body = BUF_INIT(BODY_MAX),
		.result = {.retry_after_ms = -1, .first_byte_ms = -1, .error_body = BUF_INIT(65536)}};
	c.direct.head = BUF_INIT(65536);
	c.direct.rest = BUF_INIT(HTTP_PIECE_MAX);
	sem_init(&c.wake, 0, 0);
	for (size_t at = 0; at < size && !c.done; at += piece) {
		size_t n = MIN(piece, size - at);
		char *copy = xcalloc(1, n); /* which is changed, and of its own size */

		memcpy(copy, data + at, n);
		direct_take(&c, copy, n);
		free(copy);
	}
	ret->done = c.done;
	ret->curl = c.curl;
	ret->keep = c.direct.keep;
	direct_done(&c);
	sem_destroy(&c.wake);
}

static void outcome_done(struct outcome *o)
{
	buf_done(&o->body);
	buf_done(&o->result.error_body);
}

static bool same(struct buf *a, struct buf *b)
{
	return str_eq(buf_str(a), buf_str(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 2 || size > HTTP_PIECE_MAX)
		return 0;
	read_in_pieces(data + 1, size - 1, size - 1, &whole);
	read_in_pieces(data + 1, size - 1, 1u + data[0] % 16, &pieces);
	if (whole.done != pieces.done || whole.curl != pieces.curl)
		abort();
	if (whole.curl == CURLE_OK &&
		(whole.result.status != pieces.result.status || !same(&whole.body, &pieces.body) ||
			!same(&whole.result.error_body, &pieces.result.error_body)))
		abort();
	outcome_done(&whole);
	outcome_done(&pieces);
	return 0;
}
