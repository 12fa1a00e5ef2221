/*
 * fuzz_formats.c - any bytes as a document, read in this process: every format whose parser is ours or a library's. Programs are
 * not started. What is written is text that the server would take: the same lines go through its reader. With "web" as its name it is
 * a page of the web, which becomes Markdown.
 */
#include "fuzz_lines.h"

/* It is written to descriptor 1, as by its process; who asked for it mends what is no UTF-8. */
static void read_web_page(const struct input *in, int fd)
{
	int own = dup(STDOUT_FILENO);

	if (own < 0 || dup2(fd, STDOUT_FILENO) < 0)
		abort();
	(void)write_web_page(in, NULL, "https://example.org/harbour/rules");
	if (dup2(own, STDOUT_FILENO) < 0)
		abort();
	close(own);
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
	struct input in = {.p = (const char *)data, .n = size, .name = name};
	if (strcmp(name, "web") == 0) {
		read_web_page(&in, fd);
		close(fd);
		return 0;
	}
	doc_init(&d, fd, (size_t)1 << 20);
	d.walls = false;
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
	take_lines(fd);
	close(fd);
	return 0;
}
