/* cli_extract.c - `atelier extract`: what a document says, as the lines of JSON that the server reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/utf8.h"
#include "program.h"
#include "rag/extract.h"

/* What has come and is not printed yet: the beginning of a character. */
static int print_piece(void *arg, const char *p, size_t n)
{
	struct buf *left = arg;

	buf_add(left, p, n);
	if (buf_status(left) < 0)
		return buf_status(left);
	n = utf8_whole(left->p, left->n);
	bool ok = print_json(stdout, left->p, n);
	buf_consume(left, n);
	return ok ? 0 : -EIO;
}

int cmd_extract(struct cli *c)
{
	CLEANUP(closep) int fd = -1;
	const char *path = c->argc == 1 ? c->argv[0] : "-";
	struct extract_request q = {.fd = STDIN_FILENO, .ocr = extract_ocr_languages()};
	CLEANUP(buf_done) struct buf left = BUF_INIT(1 << 20);
	struct err e = {0};

	if (c->argc > 1)
		return usage_error("extract takes one file, or reads standard input.");
	if (strcmp(path, "-") != 0) {
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
			(void)err_file(&e, -errno, path);
			return report(&e);
		}
		q.fd = fd;
		q.name = path;
	}
	return extract_lines(&q, print_piece, &left, &e) < 0 ? report(&e) : EXIT_SUCCESS;
}
