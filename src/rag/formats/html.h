/* html.h - HTML for readers of formats that have it inside: books, mail, notebooks. */
#pragma once

#include "rag/formats/format.h"

/*
 * In UTF-8 and without NUL. Of a page that marks its content by main or article, that alone is read. `frame`: all of it is, with
 * header, footer, aside, form and what asks for consent.
 */
void html_parse(struct doc *d, const char *p, size_t n, bool frame);
/* The charset that the page claims to be in. */
bool html_charset(const struct input *in, char ret[64]);
