/* extract_lacks.c - which of the programs that read documents are installed here. */
#include <pthread.h>
#include <stdio.h>

#include "rag/extract.h"
#include "sys/sandbox.h"

static struct {
	pthread_once_t once;
	char languages[256], lacks[512];
} known = {.once = PTHREAD_ONCE_INIT};

static int take_list(void *arg, const char *p, size_t n)
{
	buf_add(arg, p, n);
	return 0;
}

/* "List of available languages in ... (2):", then one a line. */
static void take_languages(const char *list)
{
	size_t n = 0;

	for (const char *line = strchr(list, '\n'); line && *++line; line = strchr(line, '\n')) {
		size_t k = strcspn(line, "\n");

		if (k == 0 || (k == 3 && memcmp(line, "osd", 3) == 0) || n + k + 2 > sizeof(known.languages))
			continue;
		n += (size_t)snprintf(
			known.languages + n, sizeof(known.languages) - n, "%s%.*s", n ? "+" : "", (int)k, line);
	}
}

static void look_for_languages(void)
{
	static const char *const list[] = {"/usr/bin/tesseract", "--list-langs", NULL};
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	struct sandbox s = {
		.argv = list, .in = -1, .limits = {.wall_ms = 10000, .files = 64}, .output = take_list, .arg = &out};
	struct sandbox_result end;
	struct err e = {0};

	if (sandbox_run(&s, &end, &e) == 0 && buf_status(&out) == 0 && out.n > 0)
		take_languages(out.p);
}

static void look(void)
{
	bool poppler = access("/usr/bin/pdftotext", X_OK) == 0 && access("/usr/bin/pdftoppm", X_OK) == 0;

	bool tesseract = access("/usr/bin/tesseract", X_OK) == 0;
	if (tesseract && sandbox_walls() > SANDBOX_LIMITS)
		look_for_languages();
	if (sandbox_walls() == SANDBOX_LIMITS)
		snprintf(known.lacks, sizeof(known.lacks), "Only text can be read, no PDF and no office files. %s",
			sandbox_why());
	else if (!poppler)
		snprintf(known.lacks, sizeof(known.lacks), "PDF files cannot be read (apt install poppler-utils).");
	else if (!known.languages[0])
		snprintf(known.lacks, sizeof(known.lacks),
			"Text in pictures and scanned pages cannot be read (apt install tesseract-ocr, and "
			"tesseract-ocr-deu and "
			"the like for its languages).");
}

const char *extract_lacks(void)
{
	pthread_once(&known.once, look);
	return known.lacks[0] ? known.lacks : NULL;
}

const char *extract_ocr_languages(void)
{
	pthread_once(&known.once, look);
	return known.languages[0] ? known.languages : NULL;
}
