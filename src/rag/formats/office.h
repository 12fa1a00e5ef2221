/* office.h - documents that are archives of XML: which one it is, and a reader for each. */
#pragma once

#include "rag/formats/zip_reader.h"

/* `part` is the main one. */
void docx_read(struct doc *d, struct zip_reader *z, const char *part);
void xlsx_read(struct doc *d, struct zip_reader *z, const char *part);
void pptx_read(struct doc *d, struct zip_reader *z, const char *part);
void odf_read(struct doc *d, struct zip_reader *z);
void epub_read(struct doc *d, struct zip_reader *z);
void archive_read(struct doc *d, struct zip_reader *z); /* any other ZIP */

/* Cut to its size, and ended by a NUL. */
void office_copy(struct str v, char *to, size_t size);
/* The value of an attribute as text: with the few entities that XML knows. */
void office_text(struct str v, struct buf *to);
