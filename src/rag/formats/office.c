/* office.c - what an archive is: Office and OpenDocument files and books say it in their first parts; others are folders. */
#include <stdio.h>

#include "rag/formats/office.h"

void office_copy(struct str v, char *to, size_t size)
{
	size_t n = MIN(v.n, size - 1);

	if (n > 0)
		memcpy(to, v.p, n);
	to[n] = '\0';
}

void office_text(struct str v, struct buf *to)
{
	static const char *const entities[][2] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""},
		{"&apos;", "'"}, {"&#38;", "&"}, {"&#10;", "\n"}};

	for (size_t i = 0; i < v.n;) {
		size_t k = 0;

		for (; k < N_ELEMENTS(entities); k++) {
			size_t n = strlen(entities[k][0]);
			if (v.n - i >= n && memcmp(v.p + i, entities[k][0], n) == 0)
				break;
		}
		if (k < N_ELEMENTS(entities)) {
			buf_add_str(to, entities[k][1]);
			i += strlen(entities[k][0]);
		} else {
			buf_add_char(to, v.p[i++]);
		}
	}
}

static const struct office {
	const char *types[2]; /* words of the content type of its main part */
	const char *name;
	void (*read)(struct doc *d, struct zip_reader *z, const char *part);
} offices[] = {
	{{"wordprocessing", "ms-word"}, "docx", docx_read},
	{{"spreadsheet", "ms-excel"}, "xlsx", xlsx_read},
	{{"presentation", "ms-powerpoint"}, "pptx", pptx_read},
};

struct types {
	const struct office *found;
	char part[256];
};

static void type_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct types *t = arg;
	struct str type = sax_get(a, "ContentType"), part = sax_get(a, "PartName");

	if (t->found || strcmp(name, "Override") != 0 || !part.p || !type.p || !memmem(type.p, type.n, "main+xml", 8))
		return;
	for (size_t i = 0; i < N_ELEMENTS(offices) && !t->found; i++) {
		for (size_t k = 0; k < 2; k++) {
			const char *word = offices[i].types[k];
			if (memmem(type.p, type.n, word, strlen(word)))
				t->found = &offices[i];
		}
	}
	if (part.n > 0 && part.p[0] == '/') {
		part.p++;
		part.n--;
	}
	office_copy(part, t->part, sizeof(t->part));
}

static bool read_office(struct doc *d, struct zip_reader *z)
{
	static const struct sax_handler handler = {.start = type_start};
	struct types t = {0};

	if (!zip_reader_sax(z, "[Content_Types].xml", &handler, &t) || !t.found)
		return false;
	doc_format(d, t.found->name, NULL);
	t.found->read(d, z, t.part);
	return true;
}

static bool has_mimetype(struct zip_reader *z, const char *word, char ret[128])
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1024);

	ret[0] = '\0';
	if (zip_reader_get(z, "mimetype", &b))
		office_copy((struct str){b.p, b.n}, ret, 128);
	return strstr(ret, word) != NULL;
}

void read_zip(struct doc *d, const struct input *in)
{
	CLEANUP(zip_reader_closep) struct zip_reader *z = zip_reader_open(d, in);
	char type[128];

	if (!z)
		return;
	if (has_mimetype(z, "application/epub", type)) {
		doc_format(d, "epub", NULL);
		epub_read(d, z);
	} else if (strstr(type, "opendocument")) {
		doc_format(d, strstr(type, "text") ? "odt" : strstr(type, "spreadsheet") ? "ods" : "odp", NULL);
		odf_read(d, z);
	} else if (!doc_failed(d) && !read_office(d, z) && !doc_failed(d)) {
		archive_read(d, z);
	}
}

/* Files of the years before: of Office, or a newer one that is encrypted. */
void read_ole(struct doc *d, const struct input *in)
{
	/* Names of streams are in UTF-16. */
	static const char package[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

	if (memmem(in->p, in->n, package, sizeof(package) - 1))
		doc_fail(d, EXTRACT_LOCKED,
			"The file is locked with a password. Save it without one, and add it again.");
	else
		doc_fail(d, EXTRACT_UNSUPPORTED,
			"Files of Word, Excel and PowerPoint from before 2007 are not read. Save it as DOCX, XLSX, "
			"PPTX or PDF.");
}
