/* plain.h - Markdown as it reads: the text alone, without the marks of emphasis, code, headings, quotations, links and tables. */
#pragma once

#include "base/buf.h"

/* Adds it, of which `b` has room; a full one is marked as failed. HTML stays as it stands. */
void plain_add(struct buf *b, struct str markdown);
