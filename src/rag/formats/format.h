/*
 * format.h - the readers: each takes the bytes of a file and writes a document. They run in the sandbox, one file a process, and
 * say what is wrong by doc_fail().
 */
#pragma once

#include "rag/formats/doc.h"

struct input {
	const char *p;
	size_t n;
	const char *name;    /* ""; of an attachment or a file in an archive, too */
	const char *charset; /* that a header claims; NULL */
};

/* Finds the kind by what is in it, and reads it: also for files within files. */
void read_any(struct doc *d, const struct input *in);

void read_code(struct doc *d, const struct input *in);
void read_csv(struct doc *d, const struct input *in);
void read_html(struct doc *d, const struct input *in);
void read_markdown(struct doc *d, const struct input *in);
bool is_json(const struct input *in);
void read_json(struct doc *d, const struct input *in);
void read_latex(struct doc *d, const struct input *in);
void read_xml(struct doc *d, const struct input *in);
bool is_mail(const struct input *in);
void read_mail(struct doc *d, const struct input *in);
void read_rtf(struct doc *d, const struct input *in);
void read_ole(struct doc *d, const struct input *in);
void read_pdf(struct doc *d, const struct input *in);
void read_picture(struct doc *d, const struct input *in);
void read_zip(struct doc *d, const struct input *in);
/* A file within a file: what fails there is a warning. */
void read_part(struct doc *d, const struct input *in);
void markdown_parse(struct doc *d, const char *p, size_t n); /* in UTF-8 */
void read_text(struct doc *d, const struct input *in);
/* Paragraphs of a text in UTF-8. */
void text_paragraphs(struct doc *d, const char *p, size_t n);

/* charset.c: the text in UTF-8. *ret_name: the charset it was in. False: it is no text. */
bool charset_decode(const char *p, size_t n, const char *claimed, const char *chosen, struct buf *to,
	const char **ret_name, bool *ret_sure);
/* From the charset of this name; what it does not know becomes U+FFFD. False: there is no such charset. */
bool charset_convert(const char *name, const char *p, size_t n, struct buf *to);
/* charset_decode for a reader: what it cannot decode fails, what it is not sure of is a warning. */
bool text_decode(struct doc *d, const struct input *in, struct buf *to);

/* The ending of a name, lower case and without the dot; "" */
void name_ending(const char *name, char ret[16]);

/* web_page.c: a page of the web as Markdown on descriptor 1; the exit status. */
int write_web_page(const struct input *in, const char *charset, const char *url);

/* pdf.c: a page of the PDF on descriptor 0 as PNG on descriptor 1; the exit status. */
int draw_page(struct doc *d, int number, int width);
