/* html.h - HTML for readers of formats that have it inside: books, mail, notebooks. */
#pragma once

#include "rag/formats/doc.h"

/* In UTF-8 and without NUL. `frame`: header, footer, aside and form are read, too. */
void html_parse(struct doc *d, const char *p, size_t n, bool frame);
