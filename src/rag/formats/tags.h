/*
 * tags.h - how many attributes tags have, before a parser sees them: libxml2 compares each with all before it, so that one tag of a
 * megabyte takes minutes.
 */
#pragma once

#include "rag/formats/doc.h"

#define ATTRIBUTES_MAX 5000

struct tags {
	bool html; /* the text of scripts and styles is none of tags */
	enum { TAGS_TEXT, TAGS_OPEN, TAGS_NAME, TAGS_WITHIN, TAGS_RAW, TAGS_RAW_OPEN } state;
	char quote; /* within a value; 0: none */
	char last;
	char name[8];
	size_t named;
	int attributes; /* of this tag so far, or more: spaces around "=" make more of them */
};

/* Piece by piece. False: there is a tag with too many, and the document has failed. */
bool tags_look(struct tags *t, struct doc *d, const char *p, size_t n);
