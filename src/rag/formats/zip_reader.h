/*
 * zip_reader.h - archives by libzip, out of memory. What is read is counted, whatever the headers say; names are labels, never paths.
 */
#pragma once

#include "rag/formats/format.h"
#include "rag/formats/sax.h"

struct zip_reader;

/* NULL with a failure: it is damaged, or too much. */
struct zip_reader *zip_reader_open(struct doc *d, const struct input *in);
void zip_reader_close(struct zip_reader *z);
DEFINE_CLEANUP(struct zip_reader, zip_reader_close)

int zip_reader_count(const struct zip_reader *z);
/* The raw bytes of a name: any charset, or what leads out of a folder. */
const char *zip_reader_name(struct zip_reader *z, int i);
int zip_reader_find(struct zip_reader *z, const char *name); /* -1: not there; letters of either case */
bool zip_reader_locked(struct zip_reader *z, int i);         /* encrypted */

/* All of an entry; false: not there, damaged (no failure of the document) or too much (one). */
bool zip_reader_read(struct zip_reader *z, int i, struct buf *to);
bool zip_reader_get(struct zip_reader *z, const char *name, struct buf *to);
/* An entry through an XML parser, in pieces. False: not there, or not well-formed to its end. */
bool zip_reader_sax(struct zip_reader *z, const char *name, const struct sax_handler *h, void *arg);

/* "xl/worksheets/sheet1.xml" of a relation in "xl/workbook.xml" to "worksheets/sheet1.xml"; false: too long, or out of it. */
bool zip_path(const char *from, const char *target, size_t n, char ret[512]);

/* The relations of a part: id, type (its last word) and target as a name in the archive. */
struct zip_relation {
	char id[64], type[40], target[512];
	struct zip_relation *next;
};
struct zip_relation *zip_relations(struct zip_reader *z, const char *part);
void zip_relations_free(struct zip_relation *r);
DEFINE_CLEANUP(struct zip_relation, zip_relations_free)
const struct zip_relation *zip_relation_id(const struct zip_relation *r, struct str id);
const struct zip_relation *zip_relation_type(const struct zip_relation *r, const char *type);
