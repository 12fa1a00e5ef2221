/* xlsx.c - Excel: the book with its strings and styles; dates and percentages as people see them, hidden sheets left out. */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "rag/formats/xlsx.h"

#define SHEETS_MAX  1000
#define STYLES_MAX  65536
#define FORMATS_MAX 5000
_Static_assert(AS_PADDED_MAX <= UCHAR_MAX, "how a cell is shown is a byte of its style");

/* ---- the book: sheets, shared strings, styles ---- */

static void book_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "workbookPr") == 0) {
		b->date1904 = sax_is(a, "date1904", "1") || sax_is(a, "date1904", "true");
	} else if (strcmp(name, "sheet") == 0 && b->n_sheets == SHEETS_MAX) {
		doc_bound(b->d, DOC_SHEETS);
	} else if (strcmp(name, "sheet") == 0) {
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
	bool quoted = false, bracket = false, day = false, time = false, minutes = false, percent = false;

	if (is_padded(code))
		return (enum xlsx_shown)(AS_PADDED + code.n);
	for (size_t i = 0; i < code.n; i++) {
		char c = (char)tolower((unsigned char)code.p[i]);

		if (c == '"') {
			quoted = !quoted;
		} else if (c == '\\' || c == '_' || c == '*') {
			i++;
		} else if (c == '[' || c == ']') {
			bracket = c == '[';
			time |= bracket && is_elapsed(code, i);
			minutes |= bracket && is_elapsed(code, i) && (code.p[i + 1] | 0x20) == 'm';
		} else if (!quoted && !bracket) {
			day |= c == 'd' || c == 'y';
			time |= c == 'h' || c == 's';
			percent |= c == '%';
		}
	}
	return day ? AS_DATE : minutes ? AS_MINUTES : time ? AS_TIME : percent ? AS_PERCENT : AS_NUMBER;
}

/* ---- the unit of a number ---- */

struct unit_reader {
	struct xlsx_unit *ret;
	bool digits;  /* their first has been */
	bool point;   /* the decimals' has been */
	bool unknown; /* scientific, a fraction: the bare number is clearer */
	int commas;   /* behind the last digit */
	size_t n[2];  /* bytes before and after */
};

static void unit_add(struct unit_reader *u, const char *p, size_t n)
{
	char *to = u->digits ? u->ret->after : u->ret->before;
	size_t *at = &u->n[u->digits];

	if (*at + n < sizeof(u->ret->after)) {
		memcpy(to + *at, p, n);
		*at += n;
		to[*at] = '\0';
	} else {
		u->unknown = true;
	}
}

/* "[$EUR-407]" is a currency; other brackets are colours, conditions and languages. The place of its end. */
static size_t unit_bracket(struct unit_reader *u, struct str code, size_t i)
{
	size_t end = i;

	while (end < code.n && code.p[end] != ']')
		end++;
	if (i + 1 < end && code.p[i + 1] == '$') {
		size_t stop = i + 2;

		while (stop < end && code.p[stop] != '-')
			stop++;
		unit_add(u, code.p + i + 2, stop - i - 2);
	}
	return end;
}

static void unit_figure(struct unit_reader *u, char c)
{
	u->unknown |= u->digits &&
		      (u->n[1] > 0 || c == '/'); /* figures after other text: a fraction, a number of a telephone */
	u->digits = true;
	u->point |= c == '.';
	u->commas = c == ',' ? u->commas + 1 : 0;
	u->ret->decimals += u->point && c == '0';
}

static size_t unit_quoted(struct unit_reader *u, struct str code, size_t i)
{
	size_t end = i + 1;

	while (end < code.n && code.p[end] != '"')
		end++;
	unit_add(u, code.p + i + 1, MIN(end, code.n) - i - 1);
	return end;
}

/* Of the first section of a code, which is that of numbers above zero. */
static void unit_of(struct str code, struct xlsx_unit *ret)
{
	struct unit_reader u = {.ret = ret};

	for (size_t i = 0; i < code.n && code.p[i] != ';'; i++) {
		char c = code.p[i];

		if (c == '[') {
			i = unit_bracket(&u, code, i);
		} else if (c == '"') {
			i = unit_quoted(&u, code, i);
		} else if (c == '_' || c == '*') {
			i++;
		} else if (c == '\\' && i + 1 < code.n) {
			unit_add(&u, &code.p[++i], 1);
		} else if (code.n - i >= 7 && memcmp(code.p + i, "General", 7) == 0) {
			unit_figure(&u, '#');
			i += 6;
		} else if (strchr("0#?.,", c)) {
			unit_figure(&u, c);
		} else if (strchr("E/@%", c)) {
			u.unknown = true;
		} else {
			unit_add(&u, &code.p[i], 1);
		}
	}
	ret->thousands = u.commas;
	if (u.unknown || !u.digits || u.commas > 3)
		*ret = (struct xlsx_unit){.before = ""};
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

static struct xlsx_style style_by_id(const struct xlsx_book *b, int id)
{
	static const struct xlsx_unit cents = {.decimals = 2};
	struct xlsx_style ret = {
		(unsigned char)shown_by_id(b, id), id == 2 || id == 4 || id == 39 || id == 40 ? &cents : NULL};

	for (size_t i = 0; i < b->n_formats; i++)
		if (b->formats[i].id == id)
			ret.unit = &b->formats[i].unit;
	return ret;
}

static void add_format(struct xlsx_book *b, const struct sax_atts *a)
{
	CLEANUP(buf_done) struct buf code = BUF_INIT(4096);
	struct xlsx_format *f = &b->formats[b->n_formats++];

	office_text(sax_get(a, "formatCode"), &code);
	f->id = sax_int(a, "numFmtId", -1);
	f->shown = shown_by_code(buf_str(&code));
	if (f->shown == AS_NUMBER)
		unit_of(buf_str(&code), &f->unit);
}

static void style_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "numFmt") == 0 && b->n_formats < FORMATS_MAX)
		add_format(b, a);
	else if (strcmp(name, "cellXfs") == 0)
		b->in_styles = true;
	else if (b->in_styles && strcmp(name, "xf") == 0 && b->n_styles < STYLES_MAX)
		b->styles[b->n_styles++] = style_by_id(b, sax_int(a, "numFmtId", 0));
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

static void minutes(double days, char *to, size_t size)
{
	long long s = llround(days * 86400);

	snprintf(to, size, "%02lld:%02lld", s / 60, s % 60);
}

/* "-$ 1234.50" */
static void with_unit(double v, const struct xlsx_unit *u, char *to, size_t size)
{
	char figures[48];

	for (int i = 0; i < u->thousands; i++)
		v /= 1000;
	snprintf(figures, sizeof(figures), "%.15g", fabs(v));
	const char *point = strchr(figures, '.');
	int has = point ? (int)strlen(point + 1) : 0,
	    lacks = strpbrk(figures, "e") ? 0 : MAX(0, MIN(u->decimals, 9) - has);
	snprintf(to, size, "%s%s%s%s%.*s%s", v < 0 ? "-" : "", u->before, figures, lacks && !point ? "." : "", lacks,
		"000000000", u->after);
}

static void put_number(struct xlsx_book *b, const char *text)
{
	static const struct xlsx_style plain = {AS_NUMBER, NULL};
	const struct xlsx_style *style =
		b->style >= 0 && (size_t)b->style < b->n_styles ? &b->styles[b->style] : &plain;
	enum xlsx_shown shown = (enum xlsx_shown)style->shown;
	char *end, to[128];
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v)) {
		buf_add_str(&b->shown, text);
		return;
	}
	b->amount = shown != AS_DATE && shown != AS_TIME && shown != AS_MINUTES && shown <= AS_PADDED;
	if ((shown == AS_DATE || shown == AS_TIME) && v >= 0 && v < 2958466)
		date(b, v, shown == AS_TIME, to, sizeof(to));
	else if (shown == AS_MINUTES && v >= 0 && v < 2958466)
		minutes(v, to, sizeof(to));
	else if (shown == AS_PERCENT)
		snprintf(to, sizeof(to), "%.12g%%", v * 100);
	else if (shown > AS_PADDED && v >= 0 && v < 1e15)
		snprintf(to, sizeof(to), "%0*.0f", (int)(shown - AS_PADDED), v);
	else if (shown == AS_NUMBER && style->unit)
		with_unit(v, style->unit, to, sizeof(to));
	else
		snprintf(to, sizeof(to), "%.15g", v);
	buf_add_str(&b->shown, to);
}

void xlsx_show_cell(struct xlsx_book *b)
{
	const char *v = b->value.n ? b->value.p : "";

	if (strcmp(b->type, "s") == 0) {
		long i = b->value.n ? strtol(v, NULL, 10) : -1;

		ASSERT(b->n_strings == 0 ||
			b->at[b->n_strings] <= b->strings.n); /* and each begins where the one before ends */
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
	b.styles = xcalloc(STYLES_MAX, sizeof(*b.styles));
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
