/* xlsx.c - Excel: the book with its strings and styles; dates and percentages as people see them, hidden sheets left out. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "rag/formats/xlsx.h"

#define SHEETS_MAX  1000
#define STYLES_MAX  65536
#define FORMATS_MAX 5000

/* ---- the book: sheets, shared strings, styles ---- */

static void book_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "workbookPr") == 0) {
		b->date1904 = sax_is(a, "date1904", "1") || sax_is(a, "date1904", "true");
	} else if (strcmp(name, "sheet") == 0 && b->n_sheets < SHEETS_MAX) {
		struct xlsx_sheet *s = &b->sheets[b->n_sheets++];
		CLEANUP(buf_done) struct buf plain = BUF_INIT(1024);

		office_text(sax_get(a, "name"), &plain);
		office_copy((struct str){plain.p ? plain.p : "", plain.n}, s->name, sizeof(s->name));
		office_copy(sax_get(a, ":id"), s->id, sizeof(s->id));
		s->hidden = sax_get(a, "state").p && !sax_is(a, "state", "visible");
	}
}

static void string_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;

	(void)a;
	if (strcmp(name, "si") == 0) {
		if (b->n_strings + 2 > b->at_cap) {
			size_t cap = MAX(b->at_cap * 2, 1024);
			void *more = realloc(b->at, cap * sizeof(*b->at));
			if (!more) {
				doc_fail(b->d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
				return;
			}
			b->at = more;
			b->at_cap = cap;
		}
		b->at[b->n_strings++] = b->strings.n;
		b->at[b->n_strings] = b->strings.n; /* also when it is cut off here */
	} else if (strcmp(name, "rPh") == 0) {
		b->skip++;
	} else if (strcmp(name, "t") == 0) {
		b->in_text = !b->skip;
	}
}

static void string_text(void *arg, const char *p, size_t n)
{
	struct xlsx_book *b = arg;

	if (b->in_text)
		buf_add(&b->strings, p, n);
}

static void string_end(void *arg, const char *name)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "t") == 0)
		b->in_text = false;
	else if (strcmp(name, "rPh") == 0)
		b->skip -= b->skip > 0;
	else if (strcmp(name, "si") == 0 && b->n_strings > 0)
		b->at[b->n_strings] = b->strings.n;
}

/* "[h]", "[mm]": hours and more that go on beyond a day. */
static bool is_elapsed(struct str code, size_t at)
{
	size_t i = at + 1;
	char c = i < code.n ? (char)tolower((unsigned char)code.p[i]) : 0;

	while (i < code.n && (code.p[i] | 0x20) == c)
		i++;
	return (c == 'h' || c == 'm' || c == 's') && i < code.n && code.p[i] == ']';
}

/* "00000": what is counted so is no amount but a name. */
static bool is_padded(struct str code)
{
	for (size_t i = 0; i < code.n; i++)
		if (code.p[i] != '0')
			return false;
	return code.n > 1 && code.n <= AS_PADDED_MAX - AS_PADDED;
}

/* Letters of dates outside of quotes, brackets and what is escaped. */
static enum xlsx_shown shown_by_code(struct str code)
{
	bool quoted = false, bracket = false, day = false, time = false, percent = false;

	if (is_padded(code))
		return (enum xlsx_shown)(AS_PADDED + code.n);
	for (size_t i = 0; i < code.n; i++) {
		char c = (char)tolower((unsigned char)code.p[i]);

		if (c == '"' || (c == '&' && code.n - i >= 6 && memcmp(code.p + i, "&quot;", 6) == 0)) {
			quoted = !quoted;
			i += c == '&' ? 5 : 0;
		} else if (c == '\\' || c == '_' || c == '*') {
			i++;
		} else if (c == '[' || c == ']') {
			bracket = c == '[';
			time |= bracket && is_elapsed(code, i);
		} else if (!quoted && !bracket) {
			day |= c == 'd' || c == 'y';
			time |= c == 'h' || c == 's';
			percent |= c == '%';
		}
	}
	return day ? AS_DATE : time ? AS_TIME : percent ? AS_PERCENT : AS_NUMBER;
}

static enum xlsx_shown shown_by_id(const struct xlsx_book *b, int id)
{
	for (size_t i = 0; i < b->n_formats; i++) {
		if (b->formats[i].id == id)
			return b->formats[i].shown;
	}
	if ((id >= 14 && id <= 17) || id == 22)
		return AS_DATE;
	if ((id >= 18 && id <= 21) || (id >= 45 && id <= 47))
		return AS_TIME;
	return id == 9 || id == 10 ? AS_PERCENT : AS_NUMBER;
}

static void style_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "numFmt") == 0 && b->n_formats < FORMATS_MAX)
		b->formats[b->n_formats++] =
			(struct xlsx_format){sax_int(a, "numFmtId", -1), shown_by_code(sax_get(a, "formatCode"))};
	else if (strcmp(name, "cellXfs") == 0)
		b->in_styles = true;
	else if (b->in_styles && strcmp(name, "xf") == 0 && b->n_styles < STYLES_MAX)
		b->styles[b->n_styles++] = (unsigned char)shown_by_id(b, sax_int(a, "numFmtId", 0));
}

static void style_end(void *arg, const char *name)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "cellXfs") == 0)
		b->in_styles = false;
}

/* ---- a cell's value as text ---- */

/* Days since the end of 1899, with a 29 February 1900 that never was. */
static void date(const struct xlsx_book *b, double v, bool time_alone, char *to, size_t size)
{
	int64_t days = (int64_t)floor(v), seconds = (int64_t)llround((v - floor(v)) * 86400);
	int h, m, s;

	if (seconds == 86400) {
		seconds = 0;
		days++;
	}
	h = (int)(seconds / 3600);
	m = (int)(seconds / 60 % 60);
	s = (int)(seconds % 60);
	if (time_alone) {
		int64_t all = days * 24 + h;
		snprintf(to, size, s ? "%02lld:%02d:%02d" : "%02lld:%02d", (long long)(days < 1 ? h : all), m, s);
		return;
	}
	days += b->date1904 ? 1462 : days < 60 ? 1 : 0;
	/* Civil date from days since 1970-01-01. */
	int64_t z = days - 25569 + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9,
		year = yoe + era * 400 + (month <= 2);
	int n = snprintf(to, size, "%04lld-%02lld-%02lld", (long long)year, (long long)month, (long long)day);
	if (seconds && n > 0 && (size_t)n < size)
		snprintf(to + n, size - (size_t)n, s ? " %02d:%02d:%02d" : " %02d:%02d", h, m, s);
}

static void put_number(struct xlsx_book *b, const char *text)
{
	enum xlsx_shown shown =
		b->style >= 0 && (size_t)b->style < b->n_styles ? (enum xlsx_shown)b->styles[b->style] : AS_NUMBER;
	char *end, to[64];
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v)) {
		buf_add_str(&b->shown, text);
		return;
	}
	b->amount = shown != AS_DATE && shown != AS_TIME && shown <= AS_PADDED;
	if ((shown == AS_DATE || shown == AS_TIME) && v >= 0 && v < 2958466)
		date(b, v, shown == AS_TIME, to, sizeof(to));
	else if (shown == AS_PERCENT)
		snprintf(to, sizeof(to), "%.12g%%", v * 100);
	else if (shown > AS_PADDED && v >= 0 && v < 1e15)
		snprintf(to, sizeof(to), "%0*.0f", (int)(shown - AS_PADDED), v);
	else
		snprintf(to, sizeof(to), "%.15g", v);
	buf_add_str(&b->shown, to);
}

void xlsx_show_cell(struct xlsx_book *b)
{
	const char *v = b->value.n ? b->value.p : "";

	if (strcmp(b->type, "s") == 0) {
		long i = b->value.n ? strtol(v, NULL, 10) : -1;

		if (i >= 0 && (size_t)i < b->n_strings)
			buf_add(&b->shown, (b->strings.p ? b->strings.p : "") + b->at[i], b->at[i + 1] - b->at[i]);
	} else if (b->value.n == 0 && b->formula.n > 0) {
		/* Programs that wrote the file without computing it leave the value out. */
		buf_add_char(&b->shown, '=');
		buf_add(&b->shown, b->formula.p, b->formula.n);
	} else if (strcmp(b->type, "b") == 0) {
		buf_add_str(&b->shown, *v == '1' ? "TRUE" : "FALSE");
	} else if (!b->type[0] || strcmp(b->type, "n") == 0) {
		put_number(b, v);
	} else {
		buf_add(&b->shown, v, b->value.n);
	}
}

static void read_sheets(struct xlsx_book *b, struct zip_reader *z, const struct zip_relation *all)
{
	int hidden = 0;

	for (size_t i = 0; i < b->n_sheets && !doc_failed(b->d); i++) {
		hidden += b->sheets[i].hidden;
		xlsx_read_sheet(b, z, all, (int)i + 1);
		doc_progress(b->d, (int)i + 1, (int)b->n_sheets);
	}
	if (hidden)
		doc_warn(b->d, "%d hidden sheet%s skipped.", hidden, hidden == 1 ? " was" : "s were");
}

void xlsx_read(struct doc *d, struct zip_reader *z, const char *part)
{
	static const struct sax_handler book = {.start = book_start}, styles = {.start = style_start, .end = style_end},
					strings = {.start = string_start, .end = string_end, .text = string_text};
	CLEANUP(zip_relations_freep) struct zip_relation *all = zip_relations(z, part);
	const struct zip_relation *r;
	struct xlsx_book b = {.d = d,
		.strings = BUF_INIT((size_t)128 << 20),
		.value = BUF_INIT(65536),
		.formula = BUF_INIT(65536),
		.shown = BUF_INIT(65536)};

	b.sheets = xcalloc(SHEETS_MAX, sizeof(*b.sheets));
	b.formats = xcalloc(FORMATS_MAX, sizeof(*b.formats));
	b.styles = xcalloc(STYLES_MAX, 1);
	if (!zip_reader_sax(z, part, &book, &b))
		doc_fail(d, EXTRACT_BROKEN, "The workbook is damaged. Open it in its own program and save it anew.");
	if ((r = zip_relation_type(all, "styles")) != NULL)
		(void)zip_reader_sax(z, r->target, &styles, &b);
	if ((r = zip_relation_type(all, "sharedStrings")) != NULL)
		(void)zip_reader_sax(z, r->target, &strings, &b);
	if (buf_status(&b.strings) < 0)
		doc_fail(d, EXTRACT_TOO_LARGE, "The workbook holds more text than is taken.");
	read_sheets(&b, z, all);
	buf_done(&b.strings);
	buf_done(&b.value);
	buf_done(&b.formula);
	buf_done(&b.shown);
	free(b.merges);
	free(b.at);
	free(b.sheets);
	free(b.formats);
	free(b.styles);
}
