/* doc_table.c - tables as Markdown rows, sent row by row, so that a sheet of any length takes the memory of one row. */
#include "base/utf8.h"
#include "rag/formats/doc.h"

#define CELLS_MAX 2000  /* in a row, as doc_bound() says */
#define CELL_MAX  20000 /* bytes, likewise */
#define HEAD_ROWS 4

void doc_table(struct doc *d)
{
	doc_begin(d, EXTRACT_TABLE, 0);
	d->rows = 0;
	d->n_cells = 0;
	d->columns = 0;
	d->head_rows = 0;
}

void doc_table_header(struct doc *d, int rows)
{
	if (d->rows == 0 && d->n_head == 0 && rows > 1)
		d->head_rows = MIN(rows, HEAD_ROWS);
}

static bool more_cells(struct doc *d)
{
	ASSERT(d->n_cells <= d->cells_cap);
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

/* The next one, with room for so many bytes. */
static struct doc_cell *next_cell(struct doc *d, size_t n)
{
	if (!more_cells(d))
		return NULL;
	struct doc_cell *c = &d->cells[d->n_cells];
	if (!c->text || c->cap < n + 1) {
		char *text = realloc(c->text, n + 1);

		if (!text)
			return NULL;
		c->text = text;
		c->cap = n + 1;
	}
	d->n_cells++;
	return c;
}

void doc_cell(struct doc *d, const char *p, size_t n)
{
	struct doc_cell *c;
	size_t given = n;

	n = utf8_prefix(p, n, CELL_MAX);
	if (n < given)
		doc_bound(d, DOC_CELL);
	if (n > 0 && d->n_cells >= CELLS_MAX)
		doc_bound(d, DOC_CELLS);
	c = doc_failed(d) ? NULL : next_cell(d, 2 * n);
	if (c)
		c->n = escape(c->text, p, n);
	ASSERT(!c || c->n < c->cap);
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
	d->header = doc_mark(d);
	ASSERT(d->header >= d->start);
	d->header -= d->start;
}

/* "2023" above "Units" is "2023 Units"; what is the same above and below stands once. */
static void gather(struct doc *d)
{
	struct buf *head = d->n_cells > d->n_head ? realloc(d->head, d->n_cells * sizeof(*head)) : d->head;

	if (!head)
		return;
	d->head = head;
	ASSERT(d->head_rows > 0 && d->rows == 0); /* the header is not written yet */
	for (; d->n_head < d->n_cells; d->n_head++)
		head[d->n_head] = BUF_INIT((size_t)CELL_MAX * 2 * HEAD_ROWS);
	for (size_t i = 0; i < d->n_cells; i++) {
		const struct doc_cell *c = &d->cells[i];
		struct str before = buf_str(&head[i]);
		if (c->n == 0 || (before.n >= c->n && memcmp(before.p + before.n - c->n, c->text, c->n) == 0))
			continue;
		if (before.n)
			buf_add_char(&head[i], ' ');
		buf_add(&head[i], c->text, c->n);
	}
}

/* What was gathered are the cells of a row. */
static void take_head(struct doc *d)
{
	d->n_cells = 0;
	for (size_t i = 0; i < d->n_head; i++) {
		struct str text = buf_str(&d->head[i]);
		struct doc_cell *c = next_cell(d, text.n);
		if (c) {
			memcpy(c->text, text.p, text.n);
			c->n = text.n;
		}
		buf_done(&d->head[i]);
	}
	d->n_head = 0;
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
	if (d->head_rows > 0) {
		gather(d);
		if (--d->head_rows > 0) {
			d->n_cells = 0;
			return;
		}
		take_head(d);
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

void doc_row_end(struct doc *d, size_t cells)
{
	doc_str(d, "\n");
	d->columns = cells;
	if (d->rows++ == 0)
		rule(d);
	else if (d->piece.n > EXTRACT_PIECE)
		doc_send(d);
}

void doc_table_end(struct doc *d)
{
	if (d->n_cells > 0)
		doc_row(d);
	if (d->head_rows > 0 && d->n_head > 0) { /* it has ended within its header */
		d->head_rows = 0;
		take_head(d);
		doc_row(d);
	}
	doc_end(d);
}
