/* doc_table.c - tables as Markdown rows, sent row by row, so that a sheet of any length takes the memory of one row. */
#include "base/utf8.h"
#include "rag/formats/doc.h"

#define CELLS_MAX 2000  /* in a row */
#define CELL_MAX  20000 /* bytes */

void doc_table(struct doc *d)
{
	doc_begin(d, EXTRACT_TABLE, 0);
	d->rows = 0;
	d->n_cells = 0;
	d->columns = 0;
}

static bool more_cells(struct doc *d)
{
	if (d->n_cells < d->cells_cap)
		return true;
	size_t cap = MAX(d->cells_cap * 2, 16);
	void *p = d->n_cells < CELLS_MAX ? realloc(d->cells, cap * sizeof(*d->cells)) : NULL;
	if (!p)
		return false;
	d->cells = p;
	memset(&d->cells[d->cells_cap], 0, (cap - d->cells_cap) * sizeof(*d->cells));
	d->cells_cap = cap;
	return true;
}

/* One line, with what would end the cell escaped; at most twice as long. */
static size_t escape(char *to, const char *p, size_t n)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f')
			c = ' ';
		if (c == ' ' && (m == 0 || to[m - 1] == ' '))
			continue;
		if (c == '|')
			to[m++] = '\\';
		to[m++] = c;
	}
	while (m > 0 && to[m - 1] == ' ')
		m--;
	return m;
}

void doc_cell(struct doc *d, const char *p, size_t n)
{
	if (doc_failed(d) || !more_cells(d))
		return;
	n = utf8_prefix(p, n, CELL_MAX);
	if (d->cells[d->n_cells].cap < 2 * n + 1) {
		char *text = realloc(d->cells[d->n_cells].text, 2 * n + 1);

		if (!text)
			return;
		d->cells[d->n_cells].text = text;
		d->cells[d->n_cells].cap = 2 * n + 1;
	}
	d->cells[d->n_cells].n = escape(d->cells[d->n_cells].text, p, n);
	d->n_cells++;
}

void doc_row_number(struct doc *d, int number)
{
	if (d->row_first == 0)
		d->row_first = number;
	d->row_last = number;
}

static void rule(struct doc *d)
{
	for (size_t i = 0; i < d->columns; i++)
		doc_str(d, i ? " --- |" : "| --- |");
	doc_str(d, "\n");
	d->header = doc_mark(d) - d->start;
}

void doc_row(struct doc *d)
{
	bool empty = true;

	for (size_t i = 0; i < d->n_cells; i++)
		empty &= d->cells[i].n == 0;
	if (empty || doc_failed(d)) {
		d->n_cells = 0;
		return;
	}
	if (d->rows == 0)
		d->columns = d->n_cells;
	doc_str(d, "|");
	for (size_t i = 0; i < MAX(d->n_cells, d->columns); i++) {
		doc_str(d, " ");
		if (i < d->n_cells)
			doc_text(d, d->cells[i].text, d->cells[i].n);
		doc_str(d, " |");
	}
	doc_str(d, "\n");
	d->n_cells = 0;
	if (d->rows++ == 0)
		rule(d);
	else if (d->pending.n > EXTRACT_PIECE)
		(void)doc_mark(d);
	if (d->piece.n > EXTRACT_PIECE)
		doc_send(d);
}

void doc_table_end(struct doc *d)
{
	if (d->n_cells > 0)
		doc_row(d);
	doc_end(d);
}
