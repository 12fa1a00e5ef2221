/* ocr.c - text in pictures, by tesseract: its table of words becomes paragraphs with boxes. */
#include <stdio.h>
#include <sys/mman.h>

#include "rag/formats/pdf.h"
#include "rag/formats/run.h"

#define DPI       "200"
#define POINTS    (72.0 / 200)
#define CPU_S     40 /* of a dense page: 5 */
#define CONFIDENT 30

static int take_file(void *arg, const char *p, size_t n)
{
	return write(*(int *)arg, p, n) == (ssize_t)n ? 0 : -1;
}

/* level page block par line word left top width height conf text, of which the first eleven are numbers. */
struct word {
	double f[11];
	const char *text;
	size_t n;
};

static bool next_word(const char **at, struct word *w)
{
	while (**at) {
		const char *p = *at;
		size_t n = strcspn(p, "\n");
		int k = 0;

		*at += n + (p[n] == '\n');
		for (; k < 11; k++) {
			char *end;

			w->f[k] = strtod(p, &end);
			if (*end != '\t')
				break;
			p = end + 1;
		}
		if (k < 11 || w->f[0] != 5 || w->f[10] < CONFIDENT)
			continue;
		w->text = p;
		w->n = strcspn(p, "\n");
		return true;
	}
	return false;
}

/* False: there were no words. */
static bool write_words(struct doc *d, const char *table, double scale)
{
	struct word w, before = {{0}, NULL, 0};
	bool any = false;

	while (next_word(&table, &w)) {
		if (!any || w.f[2] != before.f[2] || w.f[3] != before.f[3])
			doc_begin(d, EXTRACT_PARA, 0);
		else
			doc_text(d, " ", 1);
		size_t start = doc_mark(d);
		doc_text(d, w.text, w.n);
		size_t end = doc_mark(d);
		doc_box(d, MAX(start, d->start), end, w.f[6] * scale, w.f[7] * scale, (w.f[6] + w.f[8]) * scale,
			(w.f[7] + w.f[9]) * scale);
		before = w;
		any = true;
	}
	doc_end(d);
	return any;
}

/* *ret_ran: tesseract could make something of the picture, whether words or none. */
static bool read_words(struct doc *d, int fd, double scale, bool *ret_ran)
{
	const char *argv[] = {"/usr/bin/tesseract", "-", "-", "-l", d->ocr, "--psm", "3", "tsv", NULL};
	CLEANUP(buf_done) struct buf table = BUF_INIT((size_t)16 << 20);
	struct run_end end;

	if (!run_program(d,
		    &(struct run){.argv = argv, .in = fd, .cpu_s = CPU_S, .take = buf_take_piece, .arg = &table}, &end))
		return false;
	*ret_ran = !end.code && !end.signal && table.n > 0 && buf_status(&table) == 0;
	return *ret_ran && write_words(d, table.p, scale);
}

bool ocr_picture(struct doc *d, int fd, double scale)
{
	bool ran = false;

	return read_words(d, fd, scale, &ran);
}

bool pdf_ocr_page(struct pdf *p, int number)
{
	char page[16];
	const char *argv[] = {"/usr/bin/pdftoppm", "-gray", "-cropbox", "-r", DPI, "-png", "-singlefile", "-f", page,
		"-l", page, "-", NULL, NULL, NULL, NULL};
	CLEANUP(closep) int picture = memfd_create("page", MFD_CLOEXEC);
	struct run_end end;

	snprintf(page, sizeof(page), "%d", number);
	if (p->password[0]) {
		argv[11] = "-upw";
		argv[12] = p->password;
		argv[13] = "-";
	}
	return picture >= 0 &&
	       run_program(p->d,
		       &(struct run){.argv = argv, .in = p->fd, .cpu_s = CPU_S, .take = take_file, .arg = &picture},
		       &end) &&
	       !end.code && !end.signal && ocr_picture(p->d, picture, POINTS);
}

/* A picture as a document of its own. */
void read_picture(struct doc *d, const struct input *in)
{
	CLEANUP(closep) int own = -1;
	bool ran = false;

	doc_format(d, "picture", NULL);
	if (!d->ocr) {
		doc_fail(d, EXTRACT_SCANNED,
			"This is a picture. An administrator can install text recognition (tesseract-ocr) for text in "
			"pictures.");
		return;
	}
	own = run_file(d, in->p, in->n);
	if (own < 0 || read_words(d, own, 1, &ran) || doc_failed(d))
		return;
	if (ran)
		doc_fail(d, EXTRACT_SCANNED, "No text was recognised in the picture.");
	else
		doc_fail(d, EXTRACT_BROKEN,
			"The picture is damaged, or larger than can be read. Save it anew, smaller.");
}
