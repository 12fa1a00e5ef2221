/*
 * fuzz_formats.c - any bytes as a document, read in this process: every format whose parser is ours or a library's. Programs are
 * not started. What is written is text that the server would take: the same lines go through its reader.
 */
#include <sys/mman.h>

#include "rag/formats/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_all(int fd)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The name is the first line, and chooses among kinds of text. */
	const uint8_t *nl = memchr(data, '\n', size);
	char name[32] = "";
	struct doc d;
	int fd = memfd_create("lines", MFD_CLOEXEC);

	if (nl && nl - data < (ptrdiff_t)sizeof(name)) {
		memcpy(name, data, (size_t)(nl - data));
		size -= (size_t)(nl + 1 - data);
		data = nl + 1;
	}
	doc_init(&d, fd, (size_t)1 << 20);
	d.walls = false;
	struct input in = {.p = (const char *)data, .n = size, .name = name};
	if (size > 4 && memcmp(data, "PK\3\4", 4) == 0)
		read_zip(&d, &in);
	else if (size > 5 && memcmp(data, "<?xml", 5) == 0)
		read_xml(&d, &in);
	else if (size > 5 && memcmp(data, "From", 4) == 0)
		read_mail(&d, &in);
	else
		read_any(&d, &in);
	doc_finish(&d);
	doc_done(&d);
	take_all(fd);
	close(fd);
	return 0;
}
