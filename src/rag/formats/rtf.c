/* rtf.c - RTF by an own reader: the programs that convert it print deleted and hidden text, too. */
#include <ctype.h>
#include <stdio.h>
#include <utf8proc.h>

#include "rag/formats/format.h"

#define GROUPS 200
#define FONTS  256
#define MAC    10000 /* a code page */

struct group {
	bool skip, hidden, in_fonts, note;
	int uc, font;
};

struct rtf {
	struct doc *d;
	const char *p;
	size_t n, at;
	struct group groups[GROUPS];
	int depth, beyond;                /* `beyond`: groups that are deeper than we follow */
	int codepage, font, fonts[FONTS]; /* `font`: where none is chosen */
	int skip_chars;                   /* of what stands for a \u */
	int level;                        /* of the paragraph as a heading */
	bool in_table, in_cell, star;
	struct buf bytes;       /* of the present code page */
	struct buf cell, notes; /* of the present paragraph, a line each */
	int high;               /* half of a surrogate pair */
};

static struct group *group(struct rtf *r)
{
	return &r->groups[r->depth];
}

static bool silent(struct rtf *r)
{
	return group(r)->skip || group(r)->hidden || r->beyond;
}

static void put(struct rtf *r, const char *p, size_t n)
{
	if (group(r)->note || r->in_cell) {
		buf_add(group(r)->note ? &r->notes : &r->cell, p, n);
		return;
	}
	if (!r->d->open)
		doc_begin(r->d, r->level ? EXTRACT_HEADING : EXTRACT_PARA, r->level);
	doc_text(r->d, p, n);
}

static void flush(struct rtf *r)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)16 << 20);
	char name[24];
	int f = group(r)->font, page = f >= 0 && f < FONTS && r->fonts[f] ? r->fonts[f] : r->codepage;

	if (r->bytes.n == 0)
		return;
	if (page == MAC)
		snprintf(name, sizeof(name), "MACINTOSH"); /* which has no name of this kind here */
	else
		snprintf(name, sizeof(name), "CP%d", page);
	if (charset_convert(name, r->bytes.p, r->bytes.n, &text) ||
		charset_convert("CP1252", r->bytes.p, r->bytes.n, &text))
		put(r, text.p ? text.p : "", text.n);
	buf_reset(&r->bytes);
}

static void put_byte(struct rtf *r, char c)
{
	if (r->skip_chars > 0)
		r->skip_chars--;
	else if (!silent(r))
		buf_add_char(&r->bytes, c);
}

static void put_code_point(struct rtf *r, int c)
{
	char text[4];

	flush(r);
	if (silent(r))
		return;
	if (c >= 0xD800 && c < 0xDC00) {
		r->high = c;
		return;
	}
	if (c >= 0xDC00 && c < 0xE000) {
		c = r->high ? 0x10000 + ((r->high - 0xD800) << 10) + (c - 0xDC00) : 0xFFFD;
		r->high = 0;
	}
	put(r, text, (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)text));
}

static int codepage_of(int charset)
{
	static const int pages[][2] = {{0, 1252}, {77, MAC}, {128, 932}, {129, 949}, {134, 936}, {136, 950},
		{161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257}, {204, 1251}, {222, 874},
		{238, 1250}};

	for (size_t i = 0; i < N_ELEMENTS(pages); i++) {
		if (pages[i][0] == charset)
			return pages[i][1];
	}
	return 0;
}

/* What stands at the foot of the page comes behind the paragraph, or the table, that points to it. */
static void write_notes(struct rtf *r)
{
	const char *p = r->notes.p;
	size_t n = r->notes.n;

	if (buf_status(&r->notes) < 0)
		doc_bound(r->d, DOC_NOTES);

	for (size_t at = 0, end; p && at < n && !doc_failed(r->d); at = end + 1) {
		const char *nl = memchr(p + at, '\n', n - at);
		end = nl ? (size_t)(nl - p) : n;
		doc_block(r->d, EXTRACT_NOTE, 0, p + at, end - at);
	}
	buf_reset(&r->notes);
}

static void end_para(struct rtf *r)
{
	flush(r);
	if (group(r)->note || r->in_cell) {
		buf_add_char(group(r)->note ? &r->notes : &r->cell, ' ');
		return;
	}
	doc_end(r->d);
	write_notes(r);
}

static void end_cell(struct rtf *r)
{
	flush(r);
	if (!r->in_table) {
		/* What was written as a paragraph before the row was known to be one. */
		doc_table(r->d);
		r->in_table = true;
	}
	doc_cell(r->d, r->cell.p ? r->cell.p : "", r->cell.n);
	buf_reset(&r->cell);
}

static void end_table(struct rtf *r)
{
	flush(r);
	if (r->in_table) {
		doc_table_end(r->d);
		write_notes(r);
	}
	r->in_table = r->in_cell = false;
	buf_reset(&r->cell);
}

static bool is(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(word, name, n) == 0;
}

static bool is_skipped(const char *word, size_t n)
{
	static const char *const names[] = {"sp", "shprslt", "fonttbl", "colortbl", "stylesheet", "info", "pict",
		"object", "header", "footer", "headerl", "headerr", "headerf", "footerl", "footerr", "footerf",
		"fldinst", "nonshppict", "listtable", "listoverridetable", "pntext", "themedata", "datastore",
		"rsidtbl", "generator", "xmlnstbl", "revtbl", "filetbl"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (is(word, n, names[i]))
			return true;
	}
	return false;
}

/* Words that are text. */
static bool put_special(struct rtf *r, const char *word, size_t n)
{
	static const char *const special[][2] = {{"tab", "\t"}, {"line", "\n"}, {"emdash", "\xE2\x80\x94"},
		{"endash", "\xE2\x80\x93"}, {"lquote", "\xE2\x80\x98"}, {"rquote", "\xE2\x80\x99"},
		{"ldblquote", "\xE2\x80\x9C"}, {"rdblquote", "\xE2\x80\x9D"}, {"bullet", "\xE2\x80\xA2"},
		{"emspace", " "}, {"enspace", " "}};

	for (size_t i = 0; i < N_ELEMENTS(special); i++) {
		if (!is(word, n, special[i][0]))
			continue;
		flush(r);
		if (r->skip_chars > 0 && (unsigned char)special[i][1][0] > 0x7F) /* it stands for a \u */
			r->skip_chars--;
		else if (!silent(r))
			put(r, special[i][1], strlen(special[i][1]));
		return true;
	}
	return false;
}

/* A table within a cell is its text. */
static bool ends_para(const char *w, size_t n)
{
	return is(w, n, "par") || is(w, n, "nestcell") || is(w, n, "sect") || is(w, n, "page") || is(w, n, "column");
}

static void word(struct rtf *r, const char *w, size_t n, bool given, int value)
{
	struct group *g = group(r);

	if (is(w, n, "u")) {
		put_code_point(r, value < 0 ? value + 65536 : value);
		r->skip_chars = g->uc;
		return;
	}
	if (is(w, n, "fonttbl"))
		g->in_fonts = true;
	if ((is(w, n, "footnote") || is(w, n, "shptxt")) && !silent(r)) {
		flush(r);
		g->note = true; /* some programs mark it as what readers may leave out */
	} else if ((r->star && !is(w, n, "shpinst")) || is_skipped(w, n)) /* of a shape its text counts */
		g->skip = true;
	else if (ends_para(w, n) && !silent(r))
		end_para(r);
	else if (is(w, n, "cell") && !silent(r))
		end_cell(r);
	else if (is(w, n, "row") && !silent(r))
		doc_row(r->d);
	else if (is(w, n, "intbl") || is(w, n, "trowd"))
		r->in_cell = !g->note || r->in_cell;
	else if (is(w, n, "pard") && !silent(r)) {
		flush(r);
		if (g->note)
			return;
		r->level = 0;
		r->in_cell = false;
	} else if (is(w, n, "outlinelevel"))
		r->level = value >= 0 && value < 9 ? value + 1 : 0;
	else if (is(w, n, "v") || is(w, n, "deleted")) {
		flush(r);
		g->hidden = !given || value != 0;
	} else if (is(w, n, "plain")) {
		flush(r);
		g->hidden = false;
		g->font = r->font;
	} else if (is(w, n, "deff")) {
		g->font = r->font = value;
	} else if (is(w, n, "mac") || is(w, n, "pc") || is(w, n, "pca"))
		r->codepage = w[0] == 'm' ? MAC : n == 2 ? 437 : 850;
	else if (is(w, n, "uc"))
		g->uc = MAX(0, MIN(value, 10));
	else if (is(w, n, "ansicpg"))
		r->codepage = value;
	else if (is(w, n, "f")) {
		flush(r);
		g->font = value;
	} else if (is(w, n, "fcharset") && g->font >= 0 && g->font < FONTS)
		r->fonts[g->font] = codepage_of(value);
	else if (is(w, n, "bin"))
		r->at += MIN((size_t)MAX(value, 0), r->n - r->at);
	else
		(void)put_special(r, w, n);
	r->star = false;
}

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : 0;
}

static void control(struct rtf *r)
{
	size_t from = ++r->at, n;
	bool given = false, negative = false;
	int64_t value = 0;

	if (from >= r->n)
		return;
	if (!isalpha((unsigned char)r->p[from])) {
		char c = r->p[r->at++];

		if (c == '\'' && r->at + 1 < r->n) {
			put_byte(r, (char)(hex(r->p[r->at]) * 16 + hex(r->p[r->at + 1])));
			r->at += 2;
		} else if (c == '*') {
			r->star = true;
		} else if (c == '~' || c == '_') {
			put_byte(r, c == '~' ? ' ' : '-');
		} else if (c == '\\' || c == '{' || c == '}') {
			put_byte(r, c);
		} else if ((c == '\n' || c == '\r') && !silent(r)) {
			end_para(r);
		}
		return;
	}
	while (r->at < r->n && isalpha((unsigned char)r->p[r->at]))
		r->at++;
	n = r->at - from;
	if (r->at < r->n && r->p[r->at] == '-') {
		negative = true;
		r->at++;
	}
	for (; r->at < r->n && isdigit((unsigned char)r->p[r->at]); r->at++) {
		value = MIN(value * 10 + (r->p[r->at] - '0'), INT32_MAX);
		given = true;
	}
	r->at += r->at < r->n && r->p[r->at] == ' ';
	word(r, r->p + from, n, given, (int)(negative ? -value : value));
}

static void open_group(struct rtf *r)
{
	flush(r);
	r->skip_chars = 0;
	if (r->depth + 1 < GROUPS && r->beyond == 0) {
		r->groups[r->depth + 1] = r->groups[r->depth];
		r->depth++;
	} else {
		doc_bound(r->d, DOC_DEPTH);
		r->beyond++;
	}
	r->star = false;
}

static void close_group(struct rtf *r)
{
	flush(r);
	r->skip_chars = 0;
	bool note = group(r)->note;
	if (r->beyond > 0)
		r->beyond--;
	else if (r->depth > 0)
		r->depth--;
	if (note && !group(r)->note)
		buf_add_char(&r->notes, '\n');
}

void read_rtf(struct doc *d, const struct input *in)
{
	struct rtf *r = xcalloc(1, sizeof(*r));

	*r = (struct rtf){.d = d,
		.p = in->p,
		.n = in->n,
		.codepage = 1252,
		.bytes = BUF_INIT((size_t)16 << 20),
		.cell = BUF_INIT((size_t)1 << 20),
		.notes = BUF_INIT((size_t)1 << 20)};
	r->groups[0].uc = 1;
	doc_format(d, "rtf", NULL);
	while (r->at < r->n && !doc_failed(d)) {
		char c = r->p[r->at];

		if (c == '\\') {
			control(r);
			continue;
		}
		r->at++;
		if (c == '{')
			open_group(r);
		else if (c == '}')
			close_group(r);
		else if (c != '\r' && c != '\n' && c != '\0') {
			if (r->in_table && !r->in_cell && !group(r)->note && !silent(r) && c != ' ')
				end_table(r);
			put_byte(r, c);
		}
	}
	end_table(r);
	doc_end(d);
	write_notes(r);
	buf_done(&r->notes);
	buf_done(&r->bytes);
	buf_done(&r->cell);
	free(r);
}
