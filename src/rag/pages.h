/*
 * pages.h - pages of documents: where the words of each stand, so that a passage can be marked on the picture of its page. Boxes
 * are fractions of the page, packed for the database: of each word the distance from the end of the one before, its length
 * (numbers of variable length, the low seven bits first), and left, top, right, bottom as 16 bits each.
 */
#pragma once

#include "base/buf.h"
#include "rag/extract.h"
#include "rag/rag.h"
#include "store/texts.h"

#define BOXES_BYTES ((size_t)1 << 20) /* of one page; words beyond have none */

/* The row of a place, its boxes in `to`. Places come in order; *block goes on from one to the next, from 0. */
struct page_row page_row_of(const struct extracted *x, size_t place, size_t *block, struct buf *to);

/* The boxes of what stands in bytes [start, end) of the text, those of one line joined. Returns how many of `max`. What is
 * damaged ends the list. */
size_t page_boxes(const struct page_row *p, int64_t start, int64_t end, struct page_box *ret, size_t max);
