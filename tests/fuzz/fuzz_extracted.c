/*
 * fuzz_extracted.c - any bytes as what the process that reads files says: it holds hostile bytes, so its lines are believed in nothing.
 * In pieces of any size; what is taken is UTF-8 with blocks and places in order and within the text.
 */
#include "base/utf8.h"
#include "rag/extract_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_taken(const struct extracted *x)
{
	size_t at = 0;

	for (size_t i = 0; i < x->count; i++) {
		const struct extract_block *b = &x->blocks[i];

		check(b->start >= at && b->end > b->start && b->end <= x->len && b->header <= b->end - b->start);
		check(utf8_valid(x->text + b->start, b->end - b->start) && utf8_valid(x->text + b->start, b->header));
		at = b->end;
	}
	check(x->len == 0 || utf8_valid(x->text, x->len));
	check(x->failure == EXTRACT_OK || x->error[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct extract_request q = {.fd = -1, .text_max = (size_t)1 << 20};
	struct extract_reader reader;
	struct extracted x;
	struct err e = {0};
	size_t piece = size ? data[0] % 61 + 1 : 1;
	int r = 0;

	extract_reader_init(&reader, &q, &x);
	for (size_t at = 0; r == 0 && at < size; at += piece)
		r = extract_reader_take(&reader, (const char *)data + at, MIN(piece, size - at), &e);
	if (r == 0 && extract_reader_end(&reader, &e) == 0)
		check_taken(&x);
	extract_reader_done(&reader);
	extracted_free(&x);
	return 0;
}
