/*
 * sax.h - XML from hostile hands, by libxml2's push parser: no tree, no DTD, no network, depth and characters bounded. Names come
 * without their namespaces' prefixes, which each program chooses for itself.
 */
#pragma once

#include "rag/formats/doc.h"

struct sax_atts {
	const unsigned char **list; /* five pointers each, as libxml2 has them */
	int n;
};

/* The value of an attribute, as it stands; p NULL: not there. "id" is rather one without a prefix, ":id" one with. */
struct str sax_get(const struct sax_atts *a, const char *name);
/* The one at `i`, from 0, with its name; false: there are fewer. */
bool sax_at(const struct sax_atts *a, int i, struct str *ret_name, struct str *ret_value);
bool sax_is(const struct sax_atts *a, const char *name, const char *value);
#define SAX_INT_MAX 1000000000 /* either way: of what is larger nothing is meant, and a few of these can be added */
int sax_int(const struct sax_atts *a, const char *name, int otherwise);
double sax_double(const struct sax_atts *a, const char *name); /* never infinite, nor no number */

struct sax_handler {
	void (*start)(void *arg, const char *name, const struct sax_atts *atts);
	void (*end)(void *arg, const char *name);
	void (*text)(void *arg, const char *p, size_t n);
	bool doctype; /* a document type is taken, and looked at no further; else it ends the file */
	bool mild;    /* what is not well-formed is read as far as it goes */
};

struct sax;
/* A failed allocation, as everything else, is a failure of the document. */
struct sax *sax_new(struct doc *d, const struct sax_handler *h, void *arg);
int sax_push(struct sax *x, const char *p, size_t n); /* -1: enough, or failed */
/* After the last byte. False: it was not well-formed, or not to the end. */
bool sax_free(struct sax *x);

/* All at once. */
bool sax_parse(struct doc *d, const struct sax_handler *h, void *arg, const char *p, size_t n);
