/* latex.c - LaTeX as what it prints: headings, tables, items, notes; commands vanish, what they take stays. */
#include <ctype.h>
#include <stdio.h>
#include <utf8proc.h>

#include "rag/formats/format.h"

#define NESTED 20 /* notes within notes */

struct latex {
	struct doc *d;
	const char *p;
	size_t n, at;
	const char *title; /* what \title takes; NULL */
	size_t title_n;
	int depth;
};

static const struct {
	const char *name;
	int level;
} sections[] = {{"part", 1}, {"chapter", 1}, {"section", 2}, {"subsection", 3}, {"subsubsection", 4}, {"paragraph", 5}};

/* The end of {...} from its brace on. */
static size_t braces(const struct latex *l, size_t at)
{
	int depth = 0;

	for (; at < l->n; at++) {
		if (l->p[at] == '\\')
			at++;
		else if (l->p[at] == '{')
			depth++;
		else if (l->p[at] == '}' && --depth == 0)
			return at;
	}
	return l->n;
}

static size_t skip_argument(const struct latex *l, size_t at)
{
	while (at < l->n && l->p[at] == '[') {
		while (at < l->n && l->p[at] != ']')
			at++;
		at += at < l->n;
	}
	return at;
}

/* Behind the arguments that say how a cell is set, not what it says. */
static size_t skip_setting(const struct latex *l, size_t name, size_t n, size_t at)
{
	static const struct {
		const char *name;
		int arguments;
	} taking[] = {{"multicolumn", 2}, {"multirow", 2}, {"cline", 1}, {"cmidrule", 1}, {"label", 1},
		{"textcolor", 1}, {"cellcolor", 1}, {"rowcolor", 1}};

	for (size_t i = 0; i < N_ELEMENTS(taking); i++)
		if (strlen(taking[i].name) == n && memcmp(taking[i].name, l->p + name, n) == 0)
			for (int k = 0; k < taking[i].arguments && at < l->n && l->p[at] == '{'; k++)
				at = MIN(braces(l, at) + 1, l->n);
	return at;
}

/* Commands that are letters, and accents, which stand in front of theirs: \"u, \c{c}. */
static const struct {
	const char *name, *text;
	bool accent;
} letters[] = {{"`", "\u0300", true}, {"'", "\u0301", true}, {"^", "\u0302", true}, {"~", "\u0303", true},
	{"=", "\u0304", true}, {"u", "\u0306", true}, {".", "\u0307", true}, {"\"", "\u0308", true},
	{"r", "\u030A", true}, {"H", "\u030B", true}, {"v", "\u030C", true}, {"c", "\u0327", true},
	{"k", "\u0328", true}, {"ss", "\u00DF", false}, {"ae", "\u00E6", false}, {"AE", "\u00C6", false},
	{"oe", "\u0153", false}, {"OE", "\u0152", false}, {"o", "\u00F8", false}, {"O", "\u00D8", false},
	{"l", "\u0142", false}, {"L", "\u0141", false}, {"aa", "\u00E5", false}, {"AA", "\u00C5", false},
	{"i", "i", false}, {"j", "j", false}};

static void compose(char letter, const char *accent, char to[16])
{
	char both[16];

	snprintf(both, sizeof(both), "%c%s", letter, accent);
	utf8proc_uint8_t *one = utf8proc_NFC((const utf8proc_uint8_t *)both);
	snprintf(to, 16, "%s", one ? (const char *)one : both);
	free(one);
}

/* Behind the letter that the command at `at` is, which is then in `to`; 0: it is none. */
static size_t letter_at(const struct latex *l, size_t at, size_t end, char to[16])
{
	size_t n = 0;

	while (at + n < end && isalpha((unsigned char)l->p[at + n]))
		n++;
	n += n == 0 && at < end;
	for (size_t i = 0; n > 0 && i < N_ELEMENTS(letters); i++) {
		if (strlen(letters[i].name) != n || memcmp(letters[i].name, l->p + at, n) != 0)
			continue;
		size_t k = at + n;
		while (k < end && l->p[k] == ' ' && isalpha((unsigned char)l->p[at]))
			k++;
		if (!letters[i].accent) {
			snprintf(to, 16, "%s", letters[i].text);
			return k + 2 <= end && l->p[k] == '{' && l->p[k + 1] == '}' ? k + 2 : k;
		}
		bool braced = k < end && l->p[k] == '{';
		size_t letter = k + braced + (k + braced < end && l->p[k + braced] == '\\'); /* \'{\i} */
		if (letter >= end || !isalpha((unsigned char)l->p[letter]) ||
			(braced && !(letter + 1 < end && l->p[letter + 1] == '}')))
			return 0;
		compose(l->p[letter], letters[i].text, to);
		return letter + 1 + braced;
	}
	return 0;
}

static void add_blank(struct buf *to)
{
	if (to->n > 0 && to->p[to->n - 1] != ' ')
		buf_add_char(to, ' ');
}

/* What is printed of a cell, a heading: without what sets it. */
static void add_plain(const struct latex *l, size_t at, size_t end, struct buf *to)
{
	char letter[16];

	while (at < end) {
		char c = l->p[at++];
		size_t name = at, behind = c == '\\' ? letter_at(l, at, end, letter) : 0;
		if (behind) {
			buf_add_str(to, letter);
			at = behind;
			continue;
		}
		while (c == '\\' && at < end && isalpha((unsigned char)l->p[at]))
			at++;
		if (c == '\\' && at > name) {
			add_blank(to);
			at = skip_setting(l, name, at - name, at);
		} else if (c == '\\' && at < end) {
			buf_add_char(to, l->p[at++]);
		} else if (c == '~' || isspace((unsigned char)c)) {
			add_blank(to);
		} else if (c != '{' && c != '}' && c != '$') {
			buf_add_char(to, c);
		}
	}
}

static void put_cell(const struct latex *l, size_t at, size_t end)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	add_plain(l, at, end, &b);
	doc_cell(l->d, b.p ? b.p : "", b.n);
}

static void put_heading(const struct latex *l, int level, size_t at, size_t end)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	add_plain(l, at, end, &b);
	doc_begin(l->d, EXTRACT_HEADING, level);
	doc_flow(l->d, b.p ? b.p : "", b.n);
	doc_end(l->d);
}

/* What stands in \begin{tabular}{...}: cells between &, rows between \\. */
static void tabular(struct latex *l, size_t end)
{
	size_t from = l->at;

	doc_end(l->d);
	doc_table(l->d);
	for (; l->at < end && !doc_failed(l->d); l->at++) {
		bool row = l->p[l->at] == '\\' && l->at + 1 < end && l->p[l->at + 1] == '\\';
		bool cell = row || l->p[l->at] == '&';
		if (cell)
			put_cell(l, from, l->at);
		if (row)
			doc_row(l->d);
		l->at += l->p[l->at] == '\\'; /* what is escaped */
		from = cell ? l->at + 1 : from;
	}
	put_cell(l, MIN(from, end), end);
	doc_table_end(l->d);
	l->at = end;
}

/* Behind \begin{NAME}: a table as such, what other surroundings take is left to them. False: it is none. */
static bool table_begins(struct latex *l, size_t name, size_t n)
{
	static const char *const names[] = {"tabular", "tabularx", "tabulary", "longtable"};
	char closing[32];

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		size_t len = strlen(names[i]), plain = n - (n > 0 && l->p[name + n - 1] == '*');
		if (plain != len || memcmp(l->p + name, names[i], len) != 0)
			continue;
		while (l->at < l->n && (l->p[l->at] == '{' || l->p[l->at] == '['))
			l->at = l->p[l->at] == '[' ? skip_argument(l, l->at) : MIN(braces(l, l->at) + 1, l->n);
		snprintf(closing, sizeof(closing), "\\end{%s", names[i]);
		const char *end = memmem(l->p + l->at, l->n - l->at, closing, strlen(closing));
		tabular(l, end ? (size_t)(end - l->p) : l->n);
		return true;
	}
	return false;
}

static bool is(const struct latex *l, size_t name, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(word, l->p + name, n) == 0;
}

/* What is printed as it stands. False: this is none of it. */
static bool listing_begins(struct latex *l, size_t name, size_t n)
{
	static const char *const names[] = {"verbatim", "verbatim*", "lstlisting", "minted", "Verbatim"};
	char closing[32];

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (!is(l, name, n, names[i]))
			continue;
		l->at = skip_argument(l, l->at);
		if (strcmp(names[i], "minted") == 0 && l->at < l->n && l->p[l->at] == '{')
			l->at = MIN(braces(l, l->at) + 1, l->n);
		l->at += l->at < l->n && l->p[l->at] == '\n';
		snprintf(closing, sizeof(closing), "\\end{%s}", names[i]);
		const char *end = memmem(l->p + l->at, l->n - l->at, closing, strlen(closing));
		size_t stop = end ? (size_t)(end - l->p) : l->n;
		doc_end(l->d);
		doc_block(l->d, EXTRACT_CODE, 0, l->p + l->at, stop - l->at);
		l->at = stop;
		return true;
	}
	return false;
}

/* A formula stands within its sentence. */
static bool is_formula(const struct latex *l, size_t name, size_t n)
{
	static const char *const names[] = {"equation", "align", "gather", "multline", "eqnarray", "displaymath",
		"math", "aligned", "cases", "split"};

	n -= n > 0 && l->p[name + n - 1] == '*';
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (is(l, name, n, names[i]))
			return true;
	}
	return false;
}

/* At the brace behind \begin or \end: what is read as such, or the end of a paragraph. */
static void surrounding(struct latex *l, bool begins)
{
	size_t name = l->at + 1, end = braces(l, l->at), n = end - name;

	l->at = MIN(end + 1, l->n);
	if (end >= l->n)
		return;
	if (begins && is(l, name, n, "thebibliography") && l->at < l->n && l->p[l->at] == '{')
		l->at = MIN(braces(l, l->at) + 1, l->n); /* how wide its numbers are */
	if (!begins && is(l, name, n, "document"))
		l->at = l->n;
	else if (!begins || (!table_begins(l, name, n) && !listing_begins(l, name, n))) {
		if (!is_formula(l, name, n))
			doc_end(l->d);
	}
}

static void body(struct latex *l, size_t end);

/* What a note says, behind the word that it belongs to. */
static void note(struct latex *l)
{
	size_t end = braces(l, l->at);

	l->at = MIN(l->at + 1, l->n);
	doc_flow(l->d, " (", 2);
	l->depth++;
	body(l, end);
	l->depth--;
	doc_flow(l->d, ")", 1);
	l->at = MIN(end + 1, l->n);
}

/* The words behind a backslash that take something, at its brace. */
static void command_with(struct latex *l, size_t name, size_t n)
{
	/* Their first argument; what follows that is printed. */
	static const char *const silent[] = {"label", "ref", "eqref", "autoref", "cref", "Cref", "cite", "citep",
		"citet", "parencite", "textcite", "autocite", "index", "bibitem", "href", "textcolor", "color",
		"usepackage", "includegraphics", "bibliography", "bibliographystyle", "input", "include", "vspace",
		"hspace", "pageref", "documentclass"};

	for (size_t i = 0; i < N_ELEMENTS(sections); i++) {
		if (is(l, name, n, sections[i].name)) {
			size_t end = braces(l, l->at);

			put_heading(l, sections[i].level, l->at + 1, end);
			l->at = MIN(end + 1, l->n);
			return;
		}
	}
	if (is(l, name, n, "begin") || is(l, name, n, "end")) {
		surrounding(l, n == 5);
	} else if (is(l, name, n, "footnote") && l->depth < NESTED) {
		note(l);
	} else {
		for (size_t i = 0; i < N_ELEMENTS(silent); i++) {
			if (is(l, name, n, silent[i]))
				l->at = MIN(braces(l, l->at) + 1, l->n);
		}
	}
}

/* At a backslash. */
static void command(struct latex *l)
{
	size_t from = ++l->at, n, behind;
	char letter[16];

	if ((behind = letter_at(l, l->at, l->n, letter)) > 0) {
		doc_text(l->d, letter, strlen(letter));
		l->at = behind;
		return;
	}
	while (l->at < l->n && isalpha((unsigned char)l->p[l->at]))
		l->at++;
	n = l->at - from;
	if (n == 0) {
		if (l->at < l->n)
			doc_text(l->d, l->p[l->at] == '\\' ? "\n" : l->p + l->at, 1);
		l->at++;
		return;
	}
	l->at += l->at < l->n && l->p[l->at] == '*';
	if (is(l, from, n, "item")) {
		doc_end(l->d);
		doc_begin(l->d, EXTRACT_LIST, 1);
		doc_str(l->d, "- ");
	} else if (is(l, from, n, "maketitle") && l->title) {
		put_heading(l, 1, (size_t)(l->title - l->p), (size_t)(l->title - l->p) + l->title_n);
	} else {
		l->at = skip_argument(l, l->at);
		if (l->at < l->n && l->p[l->at] == '{')
			command_with(l, from, n);
	}
}

/* Signs that are written with several of the keyboard. */
static size_t sign(struct latex *l)
{
	static const char *const signs[][2] = {
		{"---", "\u2014"}, {"--", "\u2013"}, {"``", "\u201C"}, {"''", "\u201D"}, {"~", " "}};

	for (size_t i = 0; i < N_ELEMENTS(signs); i++) {
		size_t n = strlen(signs[i][0]);

		if (l->n - l->at >= n && memcmp(l->p + l->at, signs[i][0], n) == 0) {
			doc_flow(l->d, signs[i][1], strlen(signs[i][1]));
			return n;
		}
	}
	return 0;
}

static void body(struct latex *l, size_t end)
{
	size_t n;

	while (l->at < end && !doc_failed(l->d)) {
		char c = l->p[l->at];

		if (c == '\\') {
			command(l);
		} else if (c == '%') {
			while (l->at < end && l->p[l->at] != '\n')
				l->at++;
			l->at += l->at < end;
		} else if (c == '\n' && l->at + 1 < end && l->p[l->at + 1] == '\n') {
			if (l->depth == 0)
				doc_end(l->d);
			l->at++;
		} else if (c == '{' || c == '}') {
			l->at++;
		} else if ((n = sign(l)) > 0) {
			l->at += n;
		} else {
			doc_flow(l->d, l->p + l->at, 1);
			l->at++;
		}
	}
}

/* Before the document begins. */
static void find_title(struct latex *l)
{
	const char *at = memmem(l->p, l->n, "\\title", 6);
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	if (!at)
		return;
	size_t brace = skip_argument(l, (size_t)(at - l->p) + 6), end;
	if (brace >= l->n || l->p[brace] != '{' || (end = braces(l, brace)) >= l->n)
		return;
	l->title = l->p + brace + 1;
	l->title_n = end - brace - 1;
	add_plain(l, brace + 1, end, &b);
	if (b.n > 0)
		doc_title(l->d, b.p, b.n);
}

void read_latex(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;

	if (!text_decode(d, in, &text) || text.n == 0)
		return;
	doc_format(d, "latex", d->charset);
	struct latex l = {.d = d, .p = text.p, .n = text.n};
	const char *begin = memmem(text.p, text.n, "\\begin{document}", 16);
	find_title(&l);
	l.at = begin ? (size_t)(begin - text.p) + 16 : 0;
	body(&l, l.n);
	doc_end(d);
}
