/* csv.c - tables as text: which character separates is decided by what gives the same number of fields in most records. */
#include <string.h>

#include "rag/formats/format.h"

#define RECORDS 50

/* Where the quote at `at` is closed; n: nowhere, so that it is one of the text: it would take all that follows into its field. */
static size_t closing(const char *p, size_t n, size_t at)
{
	for (size_t i = at + 1; i < n; i++) {
		if (p[i] == '"' && (i + 1 == n || p[i + 1] != '"'))
			return i;
		i += p[i] == '"';
	}
	return n;
}

/* The end of a field that begins at `at`; its text goes to `to` unless that is NULL. *ret_last: the record ends behind it. */
static size_t field(const char *p, size_t n, size_t at, char by, struct buf *to, bool *ret_last)
{
	size_t i = at;

	if (i < n && p[i] == '"') {
		size_t end = closing(p, n, at);

		for (i++; i < end && end < n; i++) {
			i += p[i] == '"';
			if (to)
				buf_add_char(to, p[i]);
		}
		i = end < n ? end + 1 : at;
	}
	size_t rest = i;
	while (i < n && p[i] != by && p[i] != '\n' && p[i] != '\r')
		i++;
	if (to)
		buf_add(to, p + rest, i - rest);
	*ret_last = i >= n || p[i] != by;
	if (i < n)
		i += 1 + (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n');
	return i;
}

static size_t count_fields(const char *p, size_t n, size_t *at, char by)
{
	size_t fields = 0;
	bool last = false;

	while (!last) {
		*at = field(p, n, *at, by, NULL, &last);
		fields++;
	}
	return fields;
}

/* How many of the first records have as many fields as most; 0: it does not separate. */
static size_t agreement(const char *p, size_t n, char by, size_t *ret_records)
{
	size_t counts[RECORDS], records = 0, best = 0;

	for (size_t at = 0; at < n && records < RECORDS;) {
		size_t fields = count_fields(p, n, &at, by);

		if (fields > 0)
			counts[records++] = fields;
	}
	for (size_t i = 0; i < records; i++) {
		size_t same = 0;

		for (size_t k = 0; k < records; k++)
			same += counts[k] == counts[i];
		if (counts[i] > 1 && same * 1000 + MIN(counts[i], 999) > best)
			best = same * 1000 + MIN(counts[i], 999);
	}
	*ret_records = records;
	return best;
}

static char separator(const char *p, size_t n, size_t *ret_skip)
{
	static const char all[] = {',', ';', '\t', '|'};
	size_t best = 0, records;
	char by = ',';

	*ret_skip = 0;
	/* Excel's own first line. */
	if (n > 6 && memcmp(p, "sep=", 4) == 0 && (p[5] == '\n' || p[5] == '\r')) {
		*ret_skip = 6 + (p[5] == '\r' && p[6] == '\n');
		return p[4];
	}
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		size_t k = agreement(p, n, all[i], &records);

		if (k > best) {
			best = k;
			by = all[i];
		}
	}
	return by;
}

static void write_records(struct doc *d, const char *p, size_t n, char by)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)64 << 20);
	int row = 0;

	doc_table(d);
	for (size_t at = 0; at < n && !doc_failed(d);) {
		bool last = false;

		while (!last) {
			buf_reset(&text);
			size_t before = at;

			at = field(p, n, at, by, &text, &last);
			ASSERT(at <= n && (at > before || last)); /* it gets on */
			doc_cell(d, text.p ? text.p : "", text.n);
		}
		doc_row_number(d, ++row);
		doc_row(d);
	}
	doc_table_end(d);
}

void read_csv(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;
	size_t skip;

	if (!text_decode(d, in, &text))
		return;
	doc_format(d, "csv", d->charset);
	if (text.n == 0)
		return;
	char by = separator(text.p, text.n, &skip);
	write_records(d, text.p + skip, text.n - skip, by);
}
