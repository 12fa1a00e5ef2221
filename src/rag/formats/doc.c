/* doc.c - the canonical text: blocks are cleaned, composed and sent as lines. */
#include "rag/formats/doc.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <utf8proc.h>

#include "base/json.h"
#include "base/utf8.h"

#define NO_LIMIT  ((size_t)1 << 30)
#define LINE_LONG 8000

void doc_init(struct doc *d, int fd, size_t text_max)
{
	*d = (struct doc){.fd = fd,
		.text_max = text_max,
		.out = BUF_INIT(NO_LIMIT),
		.pending = BUF_INIT(NO_LIMIT),
		.piece = BUF_INIT(NO_LIMIT),
		.clean = BUF_INIT(NO_LIMIT),
		.boxes = BUF_INIT(EXTRACT_LINE_MAX / 2),
		.walls = true};
}

void doc_done(struct doc *d)
{
	buf_done(&d->out);
	buf_done(&d->pending);
	buf_done(&d->piece);
	buf_done(&d->clean);
	buf_done(&d->boxes);
	for (size_t i = 0; i < d->cells_cap; i++)
		free(d->cells[i].text);
	free(d->cells);
	for (size_t i = 0; i < d->n_head; i++)
		buf_done(&d->head[i]);
	free(d->head);
}

/* ---- lines ---- */

int doc_fail(struct doc *d, enum extract_failure f, const char *fmt, ...)
{
	va_list ap;

	ASSERT(f != EXTRACT_OK);
	if (doc_failed(d))
		return -1;
	d->failure = f;
	va_start(ap, fmt);
	(void)vsnprintf(d->error, sizeof(d->error), fmt, ap);
	va_end(ap);
	return -1;
}

void doc_forget(struct doc *d)
{
	d->failure = EXTRACT_OK;
	d->error[0] = '\0';
}

static void write_out(struct doc *d)
{
	size_t at = 0;

	ASSERT(d->piece.n <= d->n); /* what is not sent is a part of all */
	if (buf_status(&d->out) < 0)
		doc_fail(d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
	while (d->fd >= 0 && at < d->out.n) {
		ssize_t n = write(d->fd, d->out.p + at, d->out.n - at);

		if (n < 0 && errno != EINTR) {
			doc_fail(d, EXTRACT_TOO_LARGE,
				"The file holds more text than is taken. Split it, and add the parts.");
			break;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	buf_reset(&d->out);
}

static void line_text(struct doc *d, const char *type, const char *key, const char *p, size_t n)
{
	buf_printf(&d->out, "{\"type\":\"%s\",\"%s\":", type, key);
	json_add_string(&d->out, p, n);
}

static void line_end(struct doc *d)
{
	buf_add_str(&d->out, "}\n");
	if (d->out.n > EXTRACT_PIECE)
		write_out(d);
}

void doc_format(struct doc *d, const char *name, const char *encoding)
{
	if (d->depth > 0)
		return;
	line_text(d, "format", "name", name, strlen(name));
	if (encoding) {
		buf_add_str(&d->out, ",\"encoding\":");
		json_add_cstr(&d->out, encoding);
	}
	line_end(d);
}

/* No NUL, which a JSON reader would stumble over. */
static size_t before_nul(const char *p, size_t n)
{
	return strnlen(p, n);
}

void doc_title(struct doc *d, const char *p, size_t n)
{
	n = before_nul(p, n);
	if (d->depth > 0 || d->untitled || n == 0)
		return;
	line_text(d, "title", "text", p, MIN(n, 1000));
	line_end(d);
}

void doc_warn(struct doc *d, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (d->warnings++ >= 50)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line_text(d, "warning", "text", text, strlen(text));
	line_end(d);
}

void doc_bound(struct doc *d, enum doc_bound which)
{
	static const char *const words[DOC_BOUNDS] = {
		[DOC_CELLS] = "A row has more than 2000 cells: the rest of it was left out.",
		[DOC_CELL] = "A cell holds more than 20000 bytes: the rest of it was left out.",
		[DOC_DEPTH] = "What is nested deeper than any document needs was left out.",
		[DOC_MESSAGES] = "Of more than 20000 messages the rest was left out. Split the mailbox.",
		[DOC_NOTES] = "The notes and shapes of a paragraph hold more than 1 MB: the rest was left out.",
		[DOC_PARTS] = "A message has more than 1000 parts: the rest was left out.",
		[DOC_REPEATS] = "Of more than 100 cells or 1000 rows that are alike the rest was left out.",
		[DOC_SHEETS] = "There are more than 1000 sheets: the rest was left out.",
		[DOC_SLIDES] = "There are more than 5000 slides: the rest was left out."};

	if (!(d->beyond & 1U << which) && !doc_failed(d))
		doc_warn(d, "%s", words[which]);
	d->beyond |= 1U << which;
}

void doc_progress(struct doc *d, int done, int of)
{
	if (d->depth > 0)
		return;
	buf_printf(&d->out, "{\"type\":\"progress\",\"done\":%d,\"of\":%d}\n", done, of);
	doc_send(d);
	write_out(d);
}

/* The canonical text so far. */
void doc_send(struct doc *d)
{
	for (size_t at = 0; at < d->piece.n;) {
		size_t n = utf8_prefix(d->piece.p + at, d->piece.n - at, EXTRACT_PIECE);

		line_text(d, "text", "text", d->piece.p + at, n);
		line_end(d);
		at += n;
	}
	buf_reset(&d->piece);
}

void doc_finish(struct doc *d)
{
	ASSERT(d->depth == 0); /* files within it have ended */
	doc_end(d);
	doc_send(d);
	if (!doc_failed(d) && !d->any)
		doc_fail(d, EXTRACT_EMPTY, "There is no text in this file. Look whether it is the right one.");
	if (doc_failed(d)) {
		line_text(d, "failure", "text", d->error, strlen(d->error));
		buf_printf(&d->out, ",\"failure\":\"%s\"", extract_failure_name(d->failure));
		line_end(d);
	} else {
		buf_add_str(&d->out, "{\"type\":\"end\"}\n");
	}
	write_out(d);
}

/* The files that hold it, then its own name. */
static void enter_file(struct doc *d, int number, const char *name)
{
	char path[sizeof(d->within) * 2];

	if (!d->outer[0])
		d->file = number;
	snprintf(path, sizeof(path), "%s%s%.290s", d->outer, d->outer[0] ? "/" : "", name);
	path[utf8_prefix(path, strlen(path), sizeof(d->within) - 1)] = '\0';
	memcpy(d->within, path, strlen(path) + 1);
}

void doc_place(struct doc *d, enum extract_place_kind kind, int number, const char *label, double width, double height)
{
	char both[sizeof(d->within) * 2];

	_Static_assert(sizeof(both) > sizeof(d->within) + sizeof(": ") + 290, "both names are whole");
	if (!label)
		label = "";
	if (kind == EXTRACT_CELL && d->within[0])
		return; /* a place for each would be told as the same one */
	doc_end(d);
	doc_send(d);
	if (kind == EXTRACT_FILE)
		enter_file(d, number, label);
	if (d->within[0]) {
		/* A page or a slide is told by its number, behind the name of its file; what else a file consists of has a name. */
		bool named = kind != EXTRACT_FILE && kind != EXTRACT_PAGE && kind != EXTRACT_SLIDE && *label;
		snprintf(both, sizeof(both), "%s%s%.290s", d->within, named ? ": " : "", named ? label : "");
		label = both;
		kind = kind > EXTRACT_SHEET ? EXTRACT_FILE : kind;
		number = kind == EXTRACT_FILE ? d->file : number;
	}
	buf_printf(&d->out, "{\"type\":\"place\",\"kind\":\"%s\",\"number\":%d,\"label\":", extract_place_name(kind),
		number);
	json_add_cstr(&d->out, label);
	if (width > 0)
		buf_printf(&d->out, ",\"width\":%.2f,\"height\":%.2f", width, height);
	line_end(d);
}

void doc_state(struct doc *d, enum extract_state state)
{
	buf_printf(&d->out, "{\"type\":\"state\",\"state\":\"%s\"", extract_state_name(state));
	line_end(d);
}

/* ---- canonical text ---- */

/* Soft hyphens, byte order marks, controls, joiners and other signs without a shape, what reverses the writing of what follows, and
 * tags and variants, in which whole texts can be hidden. */
static bool is_unseen(int32_t c)
{
	static const int32_t ranges[][2] = {{0x7F, 0x9F}, {0xAD, 0xAD}, {0x180E, 0x180E}, {0x200B, 0x200B},
		{0x202A, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF},
		{0xE0000, 0xE01EF}};
	bool found = c < 0x20 && c != '\n' && c != '\t';

	for (size_t i = 0; i < N_ELEMENTS(ranges); i++)
		found |= c >= ranges[i][0] && c <= ranges[i][1];
	return found;
}

static void add_code_point(struct buf *to, int32_t c)
{
	static const char *const ligatures[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
	utf8proc_uint8_t bytes[4];

	if (c >= 0xFB00 && c <= 0xFB06)
		buf_add_str(to, ligatures[c - 0xFB00]);
	else if (c == 0x85 || c == 0x2028 || c == 0x2029 || c == '\v' || c == '\f')
		buf_add_char(to, '\n');
	else if (c == 0xA0 || c == 0x2007 || c == 0x202F)
		buf_add_char(to, ' ');
	else if (!is_unseen(c))
		buf_add(to, bytes, (size_t)utf8proc_encode_char(c, bytes));
}

static void clean(struct buf *to, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		size_t plain = at, k;
		int32_t c;

		while (plain < n && (unsigned char)p[plain] >= 0x20 && (unsigned char)p[plain] < 0x7F)
			plain++;
		buf_add(to, p + at, plain - at);
		at = plain;
		if (at == n)
			break;
		k = utf8_char(p + at, n - at);
		if (k == 0) {
			c = 0xFFFD;
			k = 1;
		} else {
			(void)utf8proc_iterate((const utf8proc_uint8_t *)p + at, (utf8proc_ssize_t)k, &c);
		}
		at += k;
		if (c == '\r') {
			c = '\n';
			at += at < n && p[at] == '\n';
		}
		add_code_point(to, c);
	}
}

static bool is_ascii(const char *p, size_t n)
{
	unsigned char all = 0;

	for (size_t i = 0; i < n; i++)
		all |= (unsigned char)p[i];
	return all < 0x80;
}

/* Into `piece`, in NFC. */
static void add_canonical(struct doc *d, const char *p, size_t n)
{
	utf8proc_uint8_t *composed = NULL;
	utf8proc_ssize_t m = -1;

	buf_reset(&d->clean);
	clean(&d->clean, p, n);
	if (buf_status(&d->clean) < 0 || buf_status(&d->pending) < 0) {
		doc_fail(d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
		return;
	}
	const char *text = d->clean.n ? d->clean.p : "";
	size_t len = d->clean.n;
	if (!is_ascii(text, len))
		m = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &composed,
			UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	if (m >= 0) {
		text = (const char *)composed;
		len = (size_t)m;
	}
	buf_add(&d->piece, text, len);
	d->n += len;
	free(composed);
	if (buf_status(&d->piece) < 0)
		doc_fail(d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
	else if (d->n > d->text_max)
		doc_fail(d, EXTRACT_TOO_LARGE, "The file holds more than %zu MB of text. Split it, and add the parts.",
			d->text_max >> 20);
}

/* ---- blocks ---- */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void begin_text(struct doc *d)
{
	ASSERT(d->open && !d->begun);
	if (d->any) {
		bool near = d->kind == EXTRACT_LIST && d->before == EXTRACT_LIST;

		buf_add(&d->piece, "\n\n", near ? 1 : 2);
		d->n += near ? 1 : 2;
	}
	d->start = d->n;
	d->kept = 0;
	d->begun = true;
}

/* Takes what is pending; at the end of a block, without the blanks there. */
static void take_pending(struct doc *d, bool last)
{
	char *p = d->pending.p;
	size_t n = d->pending.n;

	if (!d->begun && n > 0) {
		size_t skip = 0;

		/* Code keeps the indentation of its first line. */
		while (skip < n && blank(p[skip]))
			skip++;
		if (skip < n && d->kind == EXTRACT_CODE) {
			while (skip > 0 && p[skip - 1] != '\n')
				skip--;
		}
		p += skip;
		n -= skip;
	}
	while (last && n > 0 && blank(p[n - 1]))
		n--;
	if (n > 0 && !doc_failed(d)) {
		if (!d->begun)
			begin_text(d);
		add_canonical(d, p, n);
	}
	buf_reset(&d->pending);
}

void doc_begin(struct doc *d, enum extract_kind kind, int level)
{
	doc_end(d);
	d->open = true;
	d->begun = false;
	d->kind = kind;
	d->level = level;
	d->header = 0;
	d->row_first = d->row_last = 0;
	buf_reset(&d->boxes);
}

void doc_text(struct doc *d, const char *p, size_t n)
{
	if (doc_failed(d))
		return;
	if (!d->open)
		doc_begin(d, EXTRACT_PARA, 0);
	buf_add(&d->pending, p, n);
	if (d->pending.n > d->text_max * 2 + EXTRACT_PIECE)
		doc_fail(d, EXTRACT_TOO_LARGE, "The file holds more than %zu MB of text. Split it, and add the parts.",
			d->text_max >> 20);
}

void doc_str(struct doc *d, const char *s)
{
	doc_text(d, s, strlen(s));
}

void doc_flow(struct doc *d, const char *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t k = at;

		while (k < n && !blank(p[k]))
			k++;
		if (k > at)
			doc_text(d, p + at, k - at);
		at = k;
		while (k < n && blank(p[k]))
			k++;
		if (k > at && d->open && d->pending.n > 0 && !blank(d->pending.p[d->pending.n - 1]))
			doc_text(d, " ", 1);
		at = k;
	}
}

size_t doc_mark(struct doc *d)
{
	if (d->open)
		take_pending(d, false);
	return d->n;
}

void doc_box(struct doc *d, size_t start, size_t end, double x0, double y0, double x1, double y1)
{
	bool near = fabs(x0) <= EXTRACT_BOX_MAX && fabs(y0) <= EXTRACT_BOX_MAX && fabs(x1) <= EXTRACT_BOX_MAX &&
		    fabs(y1) <= EXTRACT_BOX_MAX; /* nor is one of these no number */

	/* Blanks at the end of a block are no part of it. */
	for (size_t n = d->piece.n; end > start && d->n - end < n && blank(d->piece.p[n - 1 - (d->n - end)]);)
		end--;
	if (d->boxes.n > EXTRACT_LINE_MAX / 4 || end <= start || !near)
		return;
	buf_printf(&d->boxes, "%s[%zu,%zu,%.1f,%.1f,%.1f,%.1f]", d->boxes.n ? "," : "", start, end, x0, y0, x1, y1);
}

/* The end of a table's last row was taken with it: the block ends before that. */
static size_t block_end(const struct doc *d)
{
	size_t end = d->n, n = d->piece.n;

	while (n > 0 && end > d->start && blank(d->piece.p[n - 1])) {
		n--;
		end--;
	}
	return end;
}

void doc_end(struct doc *d)
{
	if (!d->open)
		return;
	take_pending(d, true);
	d->open = false;
	if (!d->begun || doc_failed(d))
		return;
	size_t end = block_end(d);
	ASSERT(d->start <= end && end <= d->n);
	if (end > d->start) {
		doc_send(d);
		buf_printf(&d->out, "{\"type\":\"block\",\"kind\":\"%s\",\"level\":%d,\"start\":%zu,\"end\":%zu",
			extract_kind_name(d->kind), MAX(0, MIN(d->level, 100)), d->start, end);
		if (d->header)
			buf_printf(&d->out, ",\"header\":%zu", MIN(d->header, end - d->start));
		if (d->row_last)
			buf_printf(&d->out, ",\"rows\":[%d,%d]", d->row_first, d->row_last);
		if (d->boxes.n)
			buf_printf(&d->out, ",\"boxes\":[%s]", d->boxes.p);
		line_end(d);
		d->any = true;
		d->before = d->kind;
	}
	d->begun = false;
}

void doc_block(struct doc *d, enum extract_kind kind, int level, const char *p, size_t n)
{
	doc_begin(d, kind, level);
	doc_text(d, p, n);
	doc_end(d);
}
