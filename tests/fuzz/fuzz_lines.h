/* fuzz_lines.h - what the fuzz targets of the readers share: the lines that a reader wrote are what the server takes. */
#pragma once

#include <sys/mman.h>

#include "rag/formats/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_lines(int fd)
{
	struct extract_request q = {.fd = -1, .text_max = (size_t)1 << 20};
	struct extract_reader reader;
	struct extracted x;
	struct err e = {0};
	char piece[4096];
	ssize_t n;
	int r = 0;

	extract_reader_init(&reader, &q, &x);
	(void)lseek(fd, 0, SEEK_SET);
	while (r == 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		r = extract_reader_take(&reader, piece, (size_t)n, &e);
	if (r != 0 || extract_reader_end(&reader, &e) != 0)
		abort();
	if (x.failure != EXTRACT_OK && !x.error[0])
		abort();
	extract_reader_done(&reader);
	extracted_free(&x);
}
