/* main.c - the process in the sandbox: a file on descriptor 0, lines of JSON on descriptor 1. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "rag/formats/format.h"
#include "sys/sandbox.h"

#define FILE_MAX ((size_t)1 << 30)

/* What comes through a pipe is kept in memory that looks like a file, for those who read it by name or twice. */
static int spool(void)
{
	CLEANUP(closep) int file = memfd_create("input", MFD_CLOEXEC);
	char piece[65536];
	ssize_t n = 0;
	size_t all = 0;

	while (file >= 0 && (n = read(STDIN_FILENO, piece, sizeof(piece))) > 0) {
		all += (size_t)n;
		if (all > FILE_MAX || write(file, piece, (size_t)n) != n)
			return -1;
	}
	return file >= 0 && n == 0 && dup2(file, STDIN_FILENO) >= 0 ? 0 : -1;
}

/* The file as memory; NULL with a failure. */
static const char *map(struct doc *d, size_t *ret_n)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode) && spool() < 0)
		doc_fail(d, EXTRACT_TOO_LARGE, "The file is too large to be read.");
	if (!doc_failed(d) && (fstat(STDIN_FILENO, &st) < 0 || !S_ISREG(st.st_mode)))
		doc_fail(d, EXTRACT_BROKEN, "This is no file.");
	if (!doc_failed(d) && (size_t)st.st_size > FILE_MAX)
		doc_fail(d, EXTRACT_TOO_LARGE, "The file is too large to be read.");
	if (!doc_failed(d) && st.st_size == 0)
		doc_fail(d, EXTRACT_EMPTY, "The file is empty. Look whether it is the right one.");
	if (doc_failed(d))
		return NULL;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
	if (p == MAP_FAILED) {
		doc_fail(d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
		return NULL;
	}
	*ret_n = (size_t)st.st_size;
	return p;
}

static const char *word(int argc, char **argv, const char *name)
{
	size_t n = strlen(name);

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], name, n) == 0)
			return argv[i] + n;
	}
	return NULL;
}

static int number(const char *text, int otherwise)
{
	return text ? (int)strtol(text, NULL, 10) : otherwise;
}

/* The whole file: as lines of JSON, or as the Markdown of a page of the web. */
static int read_file(struct doc *d, struct input *in, const char *url)
{
	int status = EXIT_SUCCESS;

	in->p = map(d, &in->n);
	if (url)
		status = in->p ? write_web_page(in, d->encoding, url) : EXIT_FAILURE;
	else if (in->p)
		read_any(d, in);
	if (!url)
		doc_finish(d);
	if (in->p)
		(void)munmap((void *)in->p, in->n);
	return status;
}

int extract_main(int argc, char **argv)
{
	const char *text_max = word(argc, argv, "text="), *page = word(argc, argv, "page=");
	struct input in = {.name = word(argc, argv, "name=")};
	struct doc d;
	int status;

	doc_init(&d, STDOUT_FILENO, text_max ? strtoull(text_max, NULL, 10) : EXTRACT_TEXT_MAX);
	d.walls = number(word(argc, argv, "walls="), SANDBOX_NAMESPACES) != SANDBOX_LIMITS;
	d.encoding = word(argc, argv, "encoding=");
	d.ocr = word(argc, argv, "ocr=");
	d.password = getenv(EXTRACT_PASSWORD);
	if (!in.name)
		in.name = "";
	if (page)
		status = draw_page(&d, number(page, 0), number(word(argc, argv, "width="), 1000));
	else
		status = read_file(&d, &in, getenv(EXTRACT_URL));
	doc_done(&d);
	return status;
}
