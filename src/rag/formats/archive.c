/* archive.c - a ZIP of files: each is a document in a place of its own; what cannot be read is a warning. */
#include "base/utf8.h"
#include "rag/formats/office.h"

#define NESTED 2

/* A label in UTF-8, whatever it was. */
static void label_of(const char *name, struct buf *to)
{
	const char *charset;
	bool sure;

	buf_reset(to);
	if (!charset_decode(name, strlen(name), NULL, NULL, to, &charset, &sure) || buf_status(to) < 0 || to->n == 0) {
		buf_done(to);
		*to = BUF_INIT(65536);
		utf8_add_repaired(to, name, strlen(name));
	}
	for (size_t i = 0; i < to->n; i++) {
		if (to->p[i] == '\\')
			to->p[i] = '/';
	}
}

static bool is_clutter(const char *name)
{
	return strstr(name, "__MACOSX/") || strstr(name, ".DS_Store") || (*name && name[strlen(name) - 1] == '/');
}

void read_part(struct doc *d, const struct input *in)
{
	enum extract_failure failure;
	char outer[sizeof(d->outer)];

	memcpy(outer, d->outer, sizeof(outer));
	memcpy(d->outer, d->within, sizeof(d->outer));
	d->depth++;
	if (d->depth > NESTED + 1)
		doc_fail(d, EXTRACT_UNSUPPORTED, "files within files are read two levels deep");
	else
		read_any(d, in);
	ASSERT(d->depth > 0);
	d->depth--;
	doc_end(d);
	memcpy(d->within, d->outer, sizeof(d->within));
	memcpy(d->outer, outer, sizeof(d->outer));
	failure = d->failure;
	/* What it is too much for would be too much again. */
	if (failure != EXTRACT_OK && failure != EXTRACT_TOO_LARGE) {
		char why[512];

		_Static_assert(sizeof(why) == sizeof(d->error), "it is copied as it is");
		memcpy(why, d->error, sizeof(why));
		doc_forget(d);
		doc_warn(d, "%.100s was left out: %s", *in->name ? in->name : "A part", why);
	}
}

void archive_read(struct doc *d, struct zip_reader *z)
{
	CLEANUP(buf_done) struct buf label = BUF_INIT(65536), content = BUF_INIT(4096);
	int n = zip_reader_count(z), locked = 0, files = 0;

	doc_format(d, "zip", NULL);
	for (int i = 0; i < n && !doc_failed(d); i++) {
		if (is_clutter(zip_reader_name(z, i)))
			continue;
		label_of(zip_reader_name(z, i), &label);
		files++;
		if (zip_reader_locked(z, i)) {
			locked++;
			continue;
		}
		buf_reset(&content);
		content.failed = 0;
		if (!zip_reader_read(z, i, &content)) {
			if (!doc_failed(d))
				doc_warn(d, "%.100s was left out: it is damaged.", label.n ? label.p : "");
			continue;
		}
		if (content.n == 0)
			continue;
		doc_place(d, EXTRACT_FILE, files, label.n ? label.p : "", 0, 0);
		read_part(d, &(struct input){.p = content.p, .n = content.n, .name = label.n ? label.p : ""});
		doc_progress(d, i + 1, n);
	}
	if (locked && locked == files)
		doc_fail(d, EXTRACT_LOCKED, "The archive is locked with a password. Unpack it, and add the files.");
	else if (locked)
		doc_warn(d, "%d files in the archive are locked with a password and were left out.", locked);
}
