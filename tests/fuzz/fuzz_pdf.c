/*
 * fuzz_pdf.c - any bytes as what poppler's programs and tesseract say of a PDF, which holds hostile bytes: no program is started here. The
 * input has five parts with form feeds between them: what pdfinfo, pdftohtml, pdftotext, pdftoppm and tesseract say. A program without
 * a part fails, and so does each one when it is asked too often.
 */
#include "fuzz_lines.h"
#include "rag/formats/run.h"

#define CALLS 40

static struct str parts[5];
static int calls;

bool run_program(struct doc *d, const struct run *r, struct run_end *ret)
{
	static const char *const programs[] = {"/usr/bin/pdfinfo", "/usr/bin/pdftohtml", "/usr/bin/pdftotext",
		"/usr/bin/pdftoppm", "/usr/bin/tesseract"};
	struct str said = {NULL, 0};

	(void)d;
	*ret = (struct run_end){.code = 1};
	for (size_t i = 0; i < N_ELEMENTS(programs); i++)
		if (strcmp(r->argv[0], programs[i]) == 0)
			said = parts[i];
	if (!said.p || ++calls > CALLS)
		return true;
	ret->code = 0;
	for (size_t at = 0, n; at < said.n; at += n) {
		n = MIN(said.n - at, 61);
		if (r->take(r->arg, said.p + at, n) < 0)
			break;
	}
	return true;
}

int run_file(struct doc *d, const char *p, size_t n)
{
	(void)d;
	(void)p;
	(void)n;
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	int fd = memfd_create("lines", MFD_CLOEXEC);
	struct doc d;

	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		const char *end = rest.n ? memchr(rest.p, '\f', rest.n) : NULL;
		size_t n = end ? (size_t)(end - rest.p) : rest.n;

		parts[i] = n ? (struct str){rest.p, n} : (struct str){NULL, 0};
		rest = end ? (struct str){end + 1, rest.n - n - 1} : (struct str){NULL, 0};
	}
	calls = 0;
	doc_init(&d, fd, (size_t)1 << 20);
	d.ocr = parts[4].p ? "eng" : NULL;
	read_pdf(&d, &(struct input){.p = "%PDF-", .n = 5, .name = ""});
	doc_finish(&d);
	doc_done(&d);
	take_lines(fd);
	close(fd);
	return 0;
}
