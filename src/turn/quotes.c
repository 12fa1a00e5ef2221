/*
 * quotes.c - when an answer from documents has ended: whether what it quotes stands in the passages that the model was given, and
 * whether its markers point to one. What does not is told in the answer, which stays as the model wrote it.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/fold.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/words.h"
#include "rag/rag.h"
#include "turn/turn_priv.h"

#define QUOTE_LEAST  20 /* bytes of letters and digits: shorter ones are names and words */
#define QUOTE_MOST   ((size_t)4096)
#define QUOTES_TOLD  3
#define PLAIN_BYTES  ((size_t)64 << 20)
#define BRACKETS     40  /* bytes of what is put into a quotation */
#define SHOWN        160 /* bytes of a quotation in the sentence about it */
#define MARKER_SHOWN 5

/* ---- comparing ---- */

/* The length of a marker such as "[2]" or "[1, 3]" that begins here; 0: none does. */
static size_t marker_len(const char *p, size_t n)
{
	size_t len = *p == '[' ? 1 : 0;

	while (len && len < MIN(n, (size_t)BRACKETS) &&
		(isdigit((unsigned char)p[len]) || p[len] == ',' || p[len] == ' '))
		len++;
	return len > 1 && len < n && p[len] == ']' ? len + 1 : 0;
}

/* Folded, letters and digits alone: however blanks, hyphens, quotes, dashes, points of Hebrew and Arabic, and markers are written. */
static void add_plain(struct buf *to, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf pointed = BUF_INIT(PLAIN_BYTES), folded = BUF_INIT(PLAIN_BYTES);

	fold_add(&pointed, p, n);
	words_add_unpointed(&folded, buf_str(&pointed).p, pointed.n);
	for (size_t i = 0, k; i < folded.n; i += k) {
		const char *c = folded.p + i;
		if ((k = marker_len(c, folded.n - i)) > 0)
			continue;
		k = MAX(utf8_char(c, folded.n - i), (size_t)1);
		/* U+2000 to U+206F are dashes, quotes, blanks; U+3000 to U+301F the same of Chinese and Japanese. */
		bool mark = k == 1 ? !isalnum((unsigned char)*c)
				   : (k == 3 && memcmp(c, "\xe2\x80", 2) == 0) ||
					     (k == 3 && memcmp(c, "\xe2\x81", 2) == 0) ||
					     (k == 3 && memcmp(c, "\xe3\x80", 2) == 0 && (unsigned char)c[2] < 0xa0) ||
					     (k == 2 && (unsigned char)c[0] == 0xc2);
		if (!mark)
			buf_add(to, c, k);
	}
}

struct known {
	struct buf *items; /* of each source, and of what was said before */
	size_t n;
};

static bool stands_in(const struct known *k, const struct buf *quote)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].n >= quote->n && memmem(k->items[i].p, k->items[i].n, quote->p, quote->n))
			return true;
	return false;
}

/* Where something is left out: dots. */
static size_t next_dots(const char *p, size_t n, size_t *ret_len)
{
	for (size_t i = 0; i < n; i++)
		if (n - i >= 3 && (memcmp(p + i, "...", 3) == 0 || memcmp(p + i, "\xe2\x80\xa6", 3) == 0)) {
			*ret_len = 3;
			return i;
		}
	*ret_len = 0;
	return n;
}

/* Where something was put in, or in the place of something else: what stands in brackets, as "[sic]" and "[the boats]". A marker is
 * none of it. */
static size_t next_bracket(const char *p, size_t n, size_t *ret_len)
{
	for (size_t i = 0; i < n; i++) {
		const char *end = p[i] == '[' ? memchr(p + i, ']', MIN(n - i, (size_t)BRACKETS)) : NULL;
		if (end && !marker_len(p + i, n - i)) {
			*ret_len = (size_t)(end - p) + 1 - i;
			return i;
		}
	}
	*ret_len = 0;
	return n;
}

/* Each of the pieces between brackets stands there; where all are too short to say anything, what they say together does. */
static bool pieces_known(const struct known *k, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf together = BUF_INIT(QUOTE_MOST * 4);
	bool looked = false;

	for (size_t at = 0, gap; at < n; at += gap) {
		CLEANUP(buf_done) struct buf plain = BUF_INIT(QUOTE_MOST * 4);
		size_t len = next_bracket(p + at, n - at, &gap);
		add_plain(&plain, p + at, len);
		buf_add(&together, plain.p, plain.n);
		if (plain.n >= QUOTE_LEAST && !stands_in(k, &plain))
			return false;
		looked |= plain.n >= QUOTE_LEAST;
		gap += len;
	}
	return looked || together.n < QUOTE_LEAST || stands_in(k, &together);
}

/* What is left out of a quotation parts it; each part must be there. Too short to say anything: it is. The source may have the same
 * dots and brackets, which are part of it then. */
static bool is_known(const struct known *k, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf whole = BUF_INIT(QUOTE_MOST * 4);
	bool found = true;

	add_plain(&whole, p, n);
	if (whole.n < QUOTE_LEAST || stands_in(k, &whole))
		return true;
	for (size_t at = 0, gap; found && at < n; at += gap) {
		size_t len = next_dots(p + at, n - at, &gap);
		found = pieces_known(k, p + at, len);
		gap += len;
	}
	return found;
}

/* ---- what the answer says ---- */

struct checking {
	const struct known *known;
	size_t n_sources;
	struct turn *t;
	int told;
	bool fence, markers; /* within a block of code; a marker without a source was told */
	bool quoted;         /* the line before was set off as a quotation, and did not say where that comes from */
};

static void check_quote(struct checking *x, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1024);
	size_t shown = utf8_prefix(p, n, MIN(n, (size_t)SHOWN));

	if (x->told >= QUOTES_TOLD || is_known(x->known, p, n))
		return;
	x->told++;
	buf_printf(&b, "In none of the sources stands: \xe2\x80\x9c%.*s%s\xe2\x80\x9d", (int)shown, p,
		shown < n ? "\xe2\x80\xa6" : "");
	if (buf_status(&b) == 0)
		turn_tell(x->t, "quotation", b.p);
}

/* The pairs that open and close a quotation. Which one closes depends on the language. */
static const struct {
	const char *open, *closes[2];
	bool closes_too; /* the opening one, too */
} pairs[] = {{"\"", {"\"", "\""}, true}, {"\xe2\x80\x9c", {"\xe2\x80\x9d", "\xe2\x80\x9d"}, false},
	{"\xe2\x80\x9d", {"\xe2\x80\x9d", "\xe2\x80\x9d"}, true},
	{"\xe2\x80\x9e", {"\xe2\x80\x9c", "\xe2\x80\x9d"}, false}, {"\xc2\xab", {"\xc2\xbb", "\xc2\xbb"}, false},
	{"\xc2\xbb", {"\xc2\xab", "\xc2\xbb"}, true}, {"\xe3\x80\x8c", {"\xe3\x80\x8d", "\xe3\x80\x8d"}, false},
	{"\xe3\x80\x8e", {"\xe3\x80\x8f", "\xe3\x80\x8f"}, false}};

static bool is_one_of(char c, const char *all)
{
	return c && strchr(all, c);
}

/* The nearest of its ends; NULL: none. */
static const char *quote_end(const char *p, size_t n, const char *const closes[2])
{
	const char *a = memmem(p, n, closes[0], strlen(closes[0])), *b = memmem(p, n, closes[1], strlen(closes[1]));

	return a && b ? MIN(a, b) : a ? a : b;
}

/*
 * Marks that close, too, stand at the end of what began a line before, or are inches. They open where nothing stands before them that they
 * could belong to; the plain one also within writing that puts no blanks between words.
 */
static bool may_open(const char *line, const char *p, size_t n, size_t mark)
{
	CLEANUP(buf_done) struct buf next = BUF_INIT(16);
	char before = p == line ? ' ' : p[-1];

	if (mark == 1)
		return !isalnum((unsigned char)before) && before != '.' && before != '!' && before != '?';
	add_plain(&next, p + mark, utf8_char(p + mark, n - mark));
	return is_one_of(before, " \t([{*_>") && next.n > 0;
}

/* Behind the quotation that begins here in the line; 0: none does. */
static size_t take_quote(struct checking *x, const char *line, const char *p, size_t n)
{
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		size_t open = strlen(pairs[i].open);
		if (n <= open || memcmp(p, pairs[i].open, open) != 0 ||
			(pairs[i].closes_too && !may_open(line, p, n, open)))
			continue;
		const char *end = quote_end(p + open, MIN(n - open, QUOTE_MOST), pairs[i].closes);
		if (!end)
			continue;
		size_t len = (size_t)(end - p) - open;
		check_quote(x, p + open, len);
		return open + len + MAX(utf8_char(end, n - open - len), (size_t)1);
	}
	return 0;
}

/* [7] where there are five sources; what is a link, [7](...), is none of them. */
static void take_marker(struct checking *x, const char *p, size_t n)
{
	size_t i = 1, number = 0;
	char text[80];

	while (i < n && i < MARKER_SHOWN && isdigit((unsigned char)p[i]))
		number = number * 10 + (size_t)(p[i++] - '0');
	if (x->markers || i == 1 || i >= n || p[i] != ']' || (i + 1 < n && (p[i + 1] == '(' || p[i + 1] == ':')) ||
		(number >= 1 && number <= x->n_sources))
		return;
	snprintf(text, sizeof(text), "[%zu] points to none of the %zu sources.", number, x->n_sources);
	turn_tell(x->t, "marker", text);
	x->markers = true;
}

static bool is_dash(const char *p, size_t n)
{
	return (n >= 3 && (memcmp(p, "\xe2\x80\x94", 3) == 0 || memcmp(p, "\xe2\x80\x93", 3) == 0 ||
				  memcmp(p, "\xe2\x80\x95", 3) == 0)) ||
	       (n >= 2 && memcmp(p, "--", 2) == 0);
}

/* The quotations that a line begins with, and where they come from. false: it has words of its own, to which the quotes belong. */
static bool is_all_quoted(struct checking *x, const char *line, const char *p, size_t n)
{
	size_t at = 0;

	for (size_t k; (k = take_quote(x, line, p + at, n - at)) > 0;)
		for (at += k; at < n && is_one_of(p[at], " *_."); at++)
			;
	if (at == 0 || at >= n)
		return at > 0;
	if (is_dash(p + at, n - at) || is_one_of(p[at], "([<-"))
		return true;
	/* Behind a mere word in quotes the sentence goes on. */
	return at > QUOTE_LEAST && (p[at] == ',' || is_known(x->known, p + at, n - at));
}

/* A line that is set off as a quotation. What begins with a dash behind one, or follows one behind quotes, says where it comes from;
 * with a dash also begins what somebody says. */
static void check_block(struct checking *x, const char *line, size_t n)
{
	const char *p = line;
	int told = x->told;

	for (; n > 0 && (*p == '>' || *p == ' '); p++, n--)
		;
	for (; n > 0 && (*p == '*' || *p == '_'); p++, n--)
		;
	if (x->told >= QUOTES_TOLD)
		return;
	if (x->quoted && is_dash(p, n)) {
		x->quoted = false;
		return;
	}
	x->quoted = !is_dash(p, n);
	if (!is_all_quoted(x, line, p, n) && x->told == told)
		check_quote(x, p, n);
}

static void check_line(struct checking *x, const char *p, size_t n)
{
	bool code = false;

	if (n >= 3 && memcmp(p, "```", 3) == 0)
		x->fence = !x->fence;
	if (x->fence || (n >= 3 && memcmp(p, "```", 3) == 0))
		return;
	if (n > 2 && p[0] == '>') {
		check_block(x, p, n);
		return;
	}
	if (n > 2)
		x->quoted = false;
	for (size_t i = 0, k; i < n; i += MAX(k, (size_t)1)) {
		k = 0;
		code ^= p[i] == '`';
		if (!code && p[i] == '[')
			take_marker(x, p + i, n - i);
		else if (!code)
			k = take_quote(x, p, p + i, n - i);
	}
}

static void check_text(struct checking *x, struct str text)
{
	for (size_t at = 0; at < text.n;) {
		const char *p = text.p + at, *end = memchr(p, '\n', text.n - at);
		size_t n = end ? (size_t)(end - p) : text.n - at;
		check_line(x, p, n);
		at += n + 1;
	}
}

static void check_against(struct turn *t, struct known *k, const struct reduced *answer)
{
	struct checking x = {.known = k, .n_sources = MAX(t->n_sources, (size_t)t->cited.last), .t = t};

	for (size_t i = 0; i < k->n; i++) {
		const char *text =
			i < t->n_sources ? t->sources[i].text : t->request.messages[i - t->n_sources].content;
		k->items[i] = BUF_INIT(PLAIN_BYTES);
		add_plain(&k->items[i], text, strlen(text));
	}
	check_text(&x, buf_str(&answer->content));
	for (size_t i = 0; i < k->n; i++)
		buf_done(&k->items[i]);
}

void turn_check_quotes(struct turn *t)
{
	struct known k = {.n = t->n_sources + t->request.n_messages};
	struct reduced answer;
	struct err e = {0};

	if (t->n_sources == 0)
		return;
	if (reduce_log(NULL, turn_frames(t), 0, NULL, &answer, &e) < 0) {
		log_warn("turn", "the quotations of an answer were not looked at: %s", e.msg);
		return;
	}
	k.items = ARENA_ARRAY(&t->arena, struct buf, k.n);
	if (k.items)
		check_against(t, &k, &answer);
	reduced_done(&answer);
}
