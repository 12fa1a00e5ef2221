/*
 * zip_reader.c - what an archive may be is bounded before anything is unpacked (entries, and entries that claim the same bytes),
 * and what comes out of it while it does: over all archives of a document, and against the size of this one, which is how a bomb
 * shows. Relations are those of office files: names within the archive, made plain here, as no path of it is ever one of a disk.
 */
#include <stdio.h>
#include <strings.h>
#include <zip.h>

#include "rag/formats/office.h"

#define ENTRIES_MAX 10000
#define READ_MAX    ((zip_uint64_t)1 << 30) /* over the whole file, with the files in it */
#define RATIO_FROM  ((zip_uint64_t)50 << 20)
#define RATIO_MAX   200
#define ENTRY_MAX   ((size_t)256 << 20)

struct zip_reader {
	struct doc *d;
	zip_t *zip;
	size_t size;
	zip_uint64_t read; /* bytes that came out */
};

/* Many entries on the same bytes: little that unpacks to anything. */
static bool claims_twice(zip_t *zip, size_t size)
{
	zip_uint64_t claimed = 0;

	for (zip_int64_t i = 0; i < zip_get_num_entries(zip, 0); i++) {
		zip_stat_t st;

		if (zip_stat_index(zip, (zip_uint64_t)i, 0, &st) == 0 && (st.valid & ZIP_STAT_COMP_SIZE))
			claimed += MIN(st.comp_size, READ_MAX);
	}
	return claimed > size;
}

struct zip_reader *zip_reader_open(struct doc *d, const struct input *in)
{
	struct zip_reader *z = xcalloc(1, sizeof(*z));
	zip_source_t *source = zip_source_buffer_create(in->p, in->n, 0, NULL);

	z->d = d;
	z->size = in->n;
	z->zip = source ? zip_open_from_source(source, ZIP_RDONLY, NULL) : NULL;
	if (!z->zip) {
		zip_source_free(source);
		doc_fail(d, EXTRACT_BROKEN,
			"The file is damaged or cut off. Open it in its own program and save it anew.");
	} else if (zip_get_num_entries(z->zip, 0) > ENTRIES_MAX) {
		doc_fail(d, EXTRACT_TOO_LARGE, "The archive holds more than %d files. Split it, and add the parts.",
			ENTRIES_MAX);
	} else if (claims_twice(z->zip, in->n)) {
		doc_fail(d, EXTRACT_TOO_LARGE, "The archive claims the same bytes for many files. It was not read.");
	}
	if (!doc_failed(d))
		return z;
	zip_reader_close(z);
	return NULL;
}

void zip_reader_close(struct zip_reader *z)
{
	if (z->zip)
		zip_discard(z->zip);
	free(z);
}

int zip_reader_count(const struct zip_reader *z)
{
	return (int)zip_get_num_entries(z->zip, 0);
}

const char *zip_reader_name(struct zip_reader *z, int i)
{
	const char *name = zip_get_name(z->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);

	return name ? name : "";
}

int zip_reader_find(struct zip_reader *z, const char *name)
{
	zip_int64_t i = zip_name_locate(z->zip, name, ZIP_FL_ENC_RAW);

	if (i < 0)
		i = zip_name_locate(z->zip, name, ZIP_FL_NOCASE);
	return (int)i;
}

bool zip_reader_locked(struct zip_reader *z, int i)
{
	zip_stat_t st;

	return zip_stat_index(z->zip, (zip_uint64_t)i, 0, &st) == 0 && (st.valid & ZIP_STAT_ENCRYPTION_METHOD) &&
	       st.encryption_method != ZIP_EM_NONE;
}

/* In pieces to whoever takes them; false: it broke off, or was too much. */
static bool read_entry(struct zip_reader *z, int i, bool (*take)(void *arg, const char *p, size_t n), void *arg)
{
	zip_file_t *f = i >= 0 ? zip_fopen_index(z->zip, (zip_uint64_t)i, 0) : NULL;
	char *piece = malloc(65536);
	zip_int64_t n = -1;

	while (f && piece && (n = zip_fread(f, piece, 65536)) > 0) {
		z->read += (zip_uint64_t)n;
		z->d->unpacked += (size_t)n;
		ASSERT(z->read <= z->d->unpacked); /* all archives together are counted */
		if (z->d->unpacked > READ_MAX || (z->read > RATIO_FROM && z->read / RATIO_MAX > z->size)) {
			doc_fail(z->d, EXTRACT_TOO_LARGE,
				"The file unpacks to far more than it should. It was not read.");
			n = -1;
			break;
		}
		if (!take(arg, piece, (size_t)n)) {
			n = -1;
			break;
		}
	}
	free(piece);
	if (f)
		(void)zip_fclose(f);
	return n == 0;
}

static bool take_buf(void *arg, const char *p, size_t n)
{
	buf_add(arg, p, n);
	return buf_status(arg) == 0;
}

bool zip_reader_read(struct zip_reader *z, int i, struct buf *to)
{
	to->max = MAX(to->max, ENTRY_MAX);
	bool good = read_entry(z, i, take_buf, to);

	if (buf_status(to) < 0)
		doc_fail(z->d, EXTRACT_TOO_LARGE, "A file in the archive is too large.");
	return good && !doc_failed(z->d);
}

bool zip_reader_get(struct zip_reader *z, const char *name, struct buf *to)
{
	return zip_reader_read(z, zip_reader_find(z, name), to);
}

static bool take_sax(void *arg, const char *p, size_t n)
{
	return sax_push(arg, p, n) == 0;
}

bool zip_reader_sax(struct zip_reader *z, const char *name, const struct sax_handler *h, void *arg)
{
	int i = zip_reader_find(z, name);

	if (i < 0 || doc_failed(z->d))
		return false;
	struct sax *x = sax_new(z->d, h, arg);
	bool good = read_entry(z, i, take_sax, x);
	return sax_free(x) && good;
}

/* ---- relations ---- */

/* Removes the last part of a path. */
static void up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
	else
		*path = '\0';
}

bool zip_path(const char *from, const char *target, size_t n, char ret[512])
{
	size_t m = strlen(from);

	if (m + n + 2 > 512 || memmem(target, n, "://", 3))
		return false;
	memcpy(ret, from, m + 1);
	up(ret);
	if (n > 0 && target[0] == '/')
		ret[0] = '\0';
	while (n > 0) {
		const char *slash = memchr(target, '/', n);
		size_t k = slash ? (size_t)(slash - target) : n;

		if (k == 2 && memcmp(target, "..", 2) == 0) {
			up(ret);
		} else if (k > 0 && !(k == 1 && target[0] == '.')) {
			size_t at = strlen(ret);
			if (at > 0)
				ret[at++] = '/';
			memcpy(ret + at, target, k);
			ret[at + k] = '\0';
		}
		target += k + (slash != NULL);
		n -= k + (slash != NULL);
	}
	return ret[0] != '\0';
}

struct relations {
	const char *part;
	struct zip_relation *list;
	int n;
};

static void relation_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct relations *all = arg;
	struct str target = sax_get(a, "Target"), type = sax_get(a, "Type");

	if (strcmp(name, "Relationship") != 0 || sax_is(a, "TargetMode", "External") || all->n++ > 100000)
		return;
	struct zip_relation *r = xcalloc(1, sizeof(*r));
	for (size_t i = type.n; i > 0; i--) {
		if (type.p[i - 1] == '/') {
			type.p += i;
			type.n -= i;
			break;
		}
	}
	office_copy(sax_get(a, "Id"), r->id, sizeof(r->id));
	office_copy(type, r->type, sizeof(r->type));
	if (!zip_path(all->part, target.p ? target.p : "", target.n, r->target))
		r->target[0] = '\0';
	r->next = all->list;
	all->list = r;
}

struct zip_relation *zip_relations(struct zip_reader *z, const char *part)
{
	static const struct sax_handler handler = {.start = relation_start};
	struct relations all = {.part = part};
	const char *file = strrchr(part, '/');
	char name[600];

	file = file ? file + 1 : part;
	snprintf(name, sizeof(name), "%.*s_rels/%s.rels", (int)(file - part), part, file);
	(void)zip_reader_sax(z, name, &handler, &all);
	return all.list;
}

void zip_relations_free(struct zip_relation *r)
{
	while (r) {
		struct zip_relation *next = r->next;

		free(r);
		r = next;
	}
}

const struct zip_relation *zip_relation_id(const struct zip_relation *r, struct str id)
{
	while (r && !str_eq(str_from(r->id), id))
		r = r->next;
	return r;
}

const struct zip_relation *zip_relation_type(const struct zip_relation *r, const char *type)
{
	while (r && strcmp(r->type, type) != 0)
		r = r->next;
	return r;
}
