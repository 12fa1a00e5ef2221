/* plain.c - the text of Markdown, by md4c. */
#include "store/plain.h"

#include <md4c.h>

#include "sys/library.h"

#define FUNCTIONS(X) X(md_parse)
LIBRARY(FUNCTIONS, "libmd4c.so.0", "libmd4c0", NULL);
LIBRARY_CALL(int, md_parse, (const MD_CHAR *p, MD_SIZE n, const MD_PARSER *parser, void *arg), (p, n, parser, arg), -1)

/* Blocks stand apart, cells by a blank. An item keeps a mark, without which two would read as one sentence. */
static int enter_block(MD_BLOCKTYPE type, void *detail UNUSED, void *arg)
{
	struct buf *b = arg;
	bool cell = type == MD_BLOCK_TH || type == MD_BLOCK_TD;
	bool first = b->n == 0 || b->p[b->n - 1] == '\n' || b->p[b->n - 1] == ' ';

	if (!first)
		buf_add_char(b, cell ? ' ' : '\n');
	if (type == MD_BLOCK_LI)
		buf_add_str(b, "- ");
	return buf_status(b) < 0;
}

static int leave_block(MD_BLOCKTYPE type UNUSED, void *detail UNUSED, void *arg UNUSED)
{
	return 0;
}

static int on_span(MD_SPANTYPE type UNUSED, void *detail UNUSED, void *arg UNUSED)
{
	return 0;
}

static int add_text(MD_TEXTTYPE type, const MD_CHAR *p, MD_SIZE n, void *arg)
{
	struct buf *b = arg;

	if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR)
		buf_add_char(b, '\n');
	else
		buf_add(b, p, n);
	return buf_status(b) < 0;
}

void plain_add(struct buf *b, struct str markdown)
{
	const MD_PARSER parser = {/* What looks like HTML is text to the reader of a few words. */
		.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_NOHTML | MD_FLAG_NOINDENTEDCODEBLOCKS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = on_span,
		.leave_span = on_span,
		.text = add_text};

	size_t before = b->n;

	/* Without the library it is shown with its marks. */
	if (md_parse(markdown.p, (MD_SIZE)markdown.n, &parser, b) != 0 && b->n == before)
		buf_add(b, markdown.p, markdown.n);
}
