/*
 * title_clean.c - what a model answered when it was asked for a name, without what it put around the name: first what holds
 * several lines (JSON, tags, fences, lists), then the line that is the name, then what stands around it on that line.
 */
#include <ctype.h>
#include <strings.h>

#include "base/utf8.h"
#include "turn/title_priv.h"

static bool contains(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* ---- characters ---- */

/* The character in front steers how a text is shown, and no more; joiners belong to words and pictures. */
static bool is_format(struct str s)
{
	unsigned char last = s.n > 2 ? (unsigned char)s.p[2] : 0;
	if (title_starts(s, "\xe2\x80"))
		return last == 0x8b || last == 0x8e || last == 0x8f || (last >= 0xaa && last <= 0xae);
	if (title_starts(s, "\xe2\x81"))
		return last == 0xa0 || (last >= 0xa6 && last <= 0xa9);
	return title_starts(s, "\xef\xbb\xbf") || title_starts(s, "\xd8\x9c");
}

/* Blanks of other kinds become one, so that they can be trimmed. */
static struct str without_format(struct str s, struct arena *a)
{
	static const char *const blanks[] = {"\u00a0", "\u202f", "\u3000", "\u2028", "\u2029"};
	char *text = arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!text)
		return s;
	for (size_t taken; s.n > 0; s = title_skip(s, taken)) {
		taken = MIN(s.n, MAX(utf8_char(s.p, s.n), 1));
		struct str here = {s.p, taken};
		if (is_format(here))
			continue;
		for (size_t i = 0; i < N_ELEMENTS(blanks); i++)
			if (str_eq(here, str_from(blanks[i])))
				here = i < 3 ? STR(" ") : STR("\n");
		memcpy(text + n, here.p, here.n);
		n += here.n;
	}
	text[n] = '\0';
	return (struct str){text, n};
}

/* Whether there is a letter, a digit or a sign in it, and not only marks that stand between words. */
static bool says_something(struct str s)
{
	while (s.n > 0) {
		unsigned char c = (unsigned char)*s.p, next = s.n > 1 ? (unsigned char)s.p[1] : 0,
			      third = s.n > 2 ? (unsigned char)s.p[2] : 0;
		if (isalnum(c) || (c && strchr("<>=+$%&@", c)))
			return true;
		bool mark = (c == 0xc2 && next && strchr("\xa1\xab\xbb\xbf", next)) ||
			    (c == 0xe2 && (next == 0x80 || next == 0x81 || (next >= 0x94 && next <= 0x97))) ||
			    (c == 0xe3 && next == 0x80) ||
			    (c == 0xef && ((next == 0xbc && (third < 0x90 || third > 0x99)) || next == 0xb8)) ||
			    (c == 0xd7 && (next == 0xb3 || next == 0xb4)) || (c == 0xd8 && next == 0x9f);
		if (c >= 0x80 && !mark)
			return true;
		s = title_skip(s, MIN(s.n, MAX(utf8_char(s.p, s.n), 1)));
	}
	return false;
}

/* ---- what stands around a name ---- */

static const char *const pairs[][2] = {{"\"\"\"", "\"\"\""}, {"```", "```"}, {"\"", "\""}, {"''", "''"}, {"``", "''"},
	{"\u00b4", "\u00b4"}, {"~~", "~~"}, {"==", "=="}, {"\\boxed{", "}"}, {"\\text{", "}"}, {"$", "$"}, {"(", ")"},
	{"[", "]"}, {"'", "'"}, {"**", "**"}, {"*", "*"}, {"__", "__"}, {"_", "_"}, {"`", "`"}, {"\u201c", "\u201d"},
	{"\u201e", "\u201c"}, {"\u201e", "\u201d"}, {"\u201d", "\u201d"}, {"\u2018", "\u2019"}, {"\u201a", "\u2018"},
	{"\u00ab", "\u00bb"}, {"\u00bb", "\u00ab"}, {"\u2039\u2039", "\u203a\u203a"}, {"<<", ">>"},
	{"\u2039", "\u203a"}, {"\u203a", "\u2039"}, {"\u300c", "\u300d"}, {"\u300e", "\u300f"}, {"\u300a", "\u300b"},
	{"\u3008", "\u3009"}, {"\u3010", "\u3011"}, {"\uff02", "\uff02"}, {"\u275d", "\u275e"}, {"\u301d", "\u301e"},
	{"\u301d", "\u301f"}, {"\u201f", "\u201d"}, {"\u201e", "\""}, {"\ufe41", "\ufe42"}, {"\ufe43", "\ufe44"},
	{"\u05f4", "\u05f4"}, {"|", "|"}, {"\\\"", "\\\""}, {"&quot;", "&quot;"}};

/* Marks of code stay around a single word, which they belong to: `printf`, __init__, [[likely]]. */
static bool is_of_the_word(const char *mark, struct str inner)
{
	return strchr("_`[($=|", *mark) && strcmp(mark, "```") != 0 && !memchr(inner.p, ' ', inner.n);
}

/* <title>X</title>, whatever the tag, with more lines behind it; <title>X, and X</title>. */
static bool unwrap_tag(struct str *s)
{
	static const char *const of_titles[] = {"title>", "name>", "answer>", "topic>", "output>", "response>"};
	const char *end = s->n > 2 && *s->p == '<' && isalpha((unsigned char)s->p[1]) ? memchr(s->p, '>', s->n) : NULL;
	size_t n = end ? (size_t)(end - s->p) + 1 : 0, name = 0;
	char close[32];
	while (name + 1 < n && (isalnum((unsigned char)s->p[name + 1]) || s->p[name + 1] == '_'))
		name++;
	for (size_t i = 0; i < N_ELEMENTS(of_titles); i++) {
		size_t k = strlen(of_titles[i]);
		if (n > k && n < s->n && title_starts(title_skip(*s, 1), of_titles[i]) && s->p[n] != ' ' &&
			!contains(*s, "</")) {
			*s = str_trim(title_skip(*s, n));
			return s->n > 0;
		}
		if (s->n > k + 2 && *s->p != '<' && strncasecmp(s->p + s->n - k, of_titles[i], k) == 0 &&
			memcmp(s->p + s->n - k - 2, "</", 2) == 0) {
			*s = str_trim((struct str){s->p, s->n - k - 2});
			return true;
		}
	}
	struct str word = title_skip(*s, MIN(s->n, 1));
	bool thinks = title_starts(word, "think") || title_starts(word, "thought") || title_starts(word, "reason");
	if (name == 0 || name + 4 > sizeof close || thinks)
		return false;
	snprintf(close, sizeof close, "</%.*s>", (int)name, s->p + 1);
	struct str inner = title_skip(*s, n);
	char *text = strcasestr(inner.p, close);
	size_t at = text ? (size_t)(text - inner.p) : inner.n;
	if (at + strlen(close) > inner.n)
		return false;
	struct str behind = title_skip(inner, at + strlen(close));
	if (behind.n > 0 && *behind.p != '\n')
		return false; /* <b>bold</b> and more */
	*s = str_trim((struct str){inner.p, at});
	return true;
}

static bool unwrap(struct str *s)
{
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		size_t a = strlen(pairs[i][0]), b = strlen(pairs[i][1]);
		if (s->n <= a + b || !title_starts(*s, pairs[i][0]) || !title_ends(*s, pairs[i][1]))
			continue;
		struct str inner = {s->p + a, s->n - a - b};
		/* "A" and "B" are not one quotation. */
		if (contains(inner, pairs[i][0]) || contains(inner, pairs[i][1]) || is_of_the_word(pairs[i][0], inner))
			continue;
		*s = str_trim(inner);
		return true;
	}
	return unwrap_tag(s);
}

/* A quotation mark without its other one; 27" is a measure. */
static bool drop_lone_quote(struct str *s)
{
	if (title_ends(*s, "\",") || title_ends(*s, "\u201d,")) {
		s->n--;
		return true;
	}
	const char *first = memchr(s->p, '"', s->n);
	if (s->n < 3 || !first || memchr(first + 1, '"', (size_t)(s->p + s->n - first) - 1))
		return false;
	bool begins = first == s->p, ends = first == s->p + s->n - 1 && !isdigit((unsigned char)first[-1]);
	if (begins || ends)
		*s = str_trim((struct str){s->p + begins, s->n - 1});
	return begins || ends;
}

/* ---- lists ---- */

/* What begins an item: "1.", "(b)", "Option 2:", "ii)"; `n`: with the blank behind it. */
struct marker {
	struct str word; /* the number or the letters */
	char delimiter;
	bool in_brackets;
	size_t n;
};

static bool read_marker(struct str s, struct marker *ret)
{
	size_t i = 0, from;
	while (i < s.n && i < 2 && strchr("*_", s.p[i]))
		i++;
	while (i < s.n && isalpha((unsigned char)s.p[i]))
		i++;
	if (i + 1 < s.n && i > 3 && s.p[i] == ' ' && isdigit((unsigned char)s.p[i + 1]))
		i++; /* "Option 1" */
	else
		for (i = 0; i < s.n && i < 2 && strchr("*_", s.p[i]);)
			i++;
	ret->in_brackets = i < s.n && s.p[i] == '(';
	i += ret->in_brackets;
	for (from = i; i < s.n && i - from < 3 && isalnum((unsigned char)s.p[i]);)
		i++;
	ret->word = (struct str){s.p + from, i - from};
	struct str rest = title_skip(s, i);
	bool wide = title_starts(rest, "\u3001") || title_starts(rest, "\uff0e") || title_starts(rest, "\uff09");
	ret->delimiter = rest.n > 0 ? *rest.p : 0;
	ret->n = i + (wide ? 3 : 2);
	return ret->word.n > 0 && rest.n > 1 && (wide || (strchr(").:", *rest.p) && rest.p[1] == ' '));
}

static bool comes_after(const struct marker *a, const struct marker *b)
{
	if (a->delimiter != b->delimiter || a->in_brackets != b->in_brackets)
		return false;
	if (isdigit((unsigned char)*a->word.p))
		return atoi(b->word.p) == atoi(a->word.p) + 1;
	if (a->word.n == 1 && b->word.n == 1)
		return *b->word.p == *a->word.p + 1;
	return strchr("iI", *a->word.p) && a->word.n == 1 && title_starts(b->word, "ii");
}

/* Words that go on with what looks like a marker: "a) or b)?", "+ and - in regex". */
static bool goes_on(struct str s)
{
	static const char *const words[] = {
		"and ", "or ", "vs", "in ", "und ", "oder ", "et ", "ou ", "y ", "o ", "&", "/", "operator"};
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (title_starts(s, words[i]))
			return true;
	return false;
}

/* The marker of an item in front of it; `next` is the line behind, by which a list shows: "1. FC Köln" is none. */
static bool drop_item(struct str *s, struct str next)
{
	static const char *const bullets[] = {"- [ ] ", "- ", "* ", "> ", "\u2022 ", "\u2013 ", "\u2014 ", "\u25aa ",
		"\u2023 ", "+ ", "\u2192 ", "\u2460 "};
	static const size_t lone = 9; /* from here on only among others */
	struct marker here, after;
	for (size_t i = 0; i < N_ELEMENTS(bullets); i++) {
		if (!title_starts(*s, bullets[i]) || goes_on(title_skip(*s, strlen(bullets[i]))))
			continue;
		bool listed = title_starts(next, bullets[i]) || (i == lone + 2 && title_starts(next, "\u2461"));
		if (i >= lone && !listed && !(i == lone + 1 && s->p[4] != 'i'))
			return false;
		*s = str_trim(title_skip(*s, strlen(bullets[i])));
		return true;
	}
	if (!read_marker(*s, &here) || goes_on(str_trim(title_skip(*s, here.n))))
		return false;
	bool listed = read_marker(next, &after) && comes_after(&here, &after);
	bool plain = here.delimiter == ')' && !here.in_brackets && here.word.n == 1 && s->p == here.word.p;
	if (!listed && !plain)
		return false;
	bool bold = *s->p == '*' && title_ends(*s, "**");
	*s = str_trim((struct str){s->p + here.n, s->n - here.n - (bold ? 2 : 0)});
	return true;
}

static bool drop_heading(struct str *s)
{
	size_t n = 0;
	while (n < s->n && n < 6 && s->p[n] == '#')
		n++;
	if (n == 0 || n + 1 >= s->n || s->p[n] != ' ')
		return false;
	*s = str_trim(title_skip(*s, n));
	for (n = 0; n < s->n && s->p[s->n - 1 - n] == '#';)
		n++;
	if (n > 0 && n < s->n && s->p[s->n - 1 - n] == ' ') /* "# X #"; "C#" has none */
		*s = str_trim((struct str){s->p, s->n - n});
	return true;
}

/* ---- ends ---- */

/* Where a note on the name begins, behind it: "(5 words)", "[Note: ...]", " - this title says ..."; NULL: there is none. */
static const char *note_at(struct str s)
{
	static const char *const begins[] = {" (", " [", " - ", " \u2013 ", " \u2014 "};
	static const char *const of_notes[] = {"note", "explanation", "this title", "the title", "this name"};
	for (size_t i = 1; i < s.n; i++)
		for (size_t k = 0; k < N_ELEMENTS(begins); k++) {
			struct str here = title_skip(s, i), inner;
			if (!title_starts(here, begins[k]))
				continue;
			inner = title_skip(here, strlen(begins[k]));
			if (k < 2 && (title_ends(inner, " words)") || title_ends(inner, " words]")) && inner.n < 20)
				return here.p;
			for (size_t w = 0; w < N_ELEMENTS(of_notes); w++)
				if (title_starts(inner, of_notes[w]) && (w > 0 || contains(inner, ":")))
					return here.p;
		}
	return NULL;
}

/* The end of an answer in a template's own mark, a note, line ends that were written out. */
static bool drop_end(struct str *s)
{
	static const char *const marks[] = {"</s>", "<eos>", "<end_of_turn>", "[/INST]", "<EOT>", "\\n"};
	const char *from = title_ends(*s, "|>") ? memmem(s->p, s->n, "<|", 2) : NULL;
	for (size_t i = 0; i < N_ELEMENTS(marks) && !from; i++)
		if (title_ends(*s, marks[i]))
			from = s->p + s->n - strlen(marks[i]);
	if (!from)
		from = memmem(s->p, s->n, "\\n\\n", 4);
	if (!from)
		from = note_at(*s);
	if (!from || from == s->p)
		return false;
	*s = str_trim((struct str){s->p, (size_t)(from - s->p)});
	return true;
}

static struct str drop_full_stop(struct str s)
{
	static const char *const kept[] = {" etc.", " inc.", " ltd.", " jr.", " sr.", " co.", " vs.", " usw.", " bzw."};
	static const char *const ends[] = {
		"\u3002", "\uff0c", "\u3001", "\u0964", ","}; /* the last ones: of a line of more */
	for (size_t i = 0; i < N_ELEMENTS(ends); i++)
		if (s.n > 3 && title_ends(s, ends[i]))
			return str_trim((struct str){s.p, s.n - strlen(ends[i])});
	if (s.n < 3 || !title_ends(s, ".") || s.p[s.n - 2] == '.' || s.p[s.n - 3] == '.' || !memchr(s.p, ' ', s.n))
		return s;
	for (size_t i = 0; i < N_ELEMENTS(kept); i++) {
		size_t n = strlen(kept[i]);
		if (s.n > n && strncasecmp(s.p + s.n - n, kept[i], n) == 0)
			return s;
	}
	s.n--;
	return s;
}

/* ---- what is no name ---- */

/* "I Don't Have Admin Rights" is a name: only with words of what it was asked for does a model speak of itself. */
static bool speaks_of_itself(struct str s)
{
	static const char *const begins[] = {"hello! ", "hi! ", "i don't have ", "i do not have ", "please provide "};
	static const char *const words[] = {"enough", "information", "conversation", "context", "access to", "title",
		"text", "message", "you", "help", "assist"};
	bool begun = false, spoken = false;
	for (size_t i = 0; i < N_ELEMENTS(begins); i++)
		begun = begun || title_starts(s, begins[i]);
	for (size_t i = 0; begun && i < N_ELEMENTS(words); i++)
		spoken = spoken || memmem(s.p, s.n, words[i], strlen(words[i]));
	return spoken;
}

/* What a model says when it gives no name, or shows how it thinks. */
static bool is_no_name(struct str s)
{
	static const char *const begins[] = {"i'm sorry", "i\u2019m sorry", "i am sorry", "i cannot ", "i can't ",
		"i can\u2019t ", "i'm unable", "i am unable", "as an ai", "sure, i can", "how can i ",
		"there is no conversation", "there's no conversation", "could you please provide", "it seems that you",
		"it seems like you", "it looks like you", "lo siento, ", "es tut mir leid, ", "tut mir leid, ",
		"je suis d\u00e9sol\u00e9", "d\u00e9sol\u00e9, ", "desculpe, mas", "mi dispiace, ",
		"\u0418\u0437\u0432\u0438\u043d\u0438\u0442\u0435, ",
		"\u041a \u0441\u043e\u0436\u0430\u043b\u0435\u043d\u0438\u044e, ", "\u62b1\u6b49\uff0c",
		"\u5bf9\u4e0d\u8d77\uff0c", "\u7533\u3057\u8a33\u3042\u308a\u307e\u305b\u3093",
		"\u7533\u3057\u8a33\u3054\u3056\u3044\u307e\u305b\u3093", "\uc8c4\uc1a1\ud569\ub2c8\ub2e4",
		"przykro mi, ", "\u00fczg\u00fcn\u00fcm, ", "het spijt me", "</", "<|", "<think", "<thought", "<reason",
		"[think", "\u25c1"};
	static const char *const placeholders[] = {
		"n/a", "none", "null", "nil", "undefined", "untitled", "no title", "no name", "unknown"};
	for (size_t i = 0; i < N_ELEMENTS(begins); i++)
		if (title_starts(s, begins[i]))
			return true;
	for (size_t i = 0; i < N_ELEMENTS(placeholders); i++)
		if (s.n == strlen(placeholders[i]) && title_starts(s, placeholders[i]))
			return true;
	bool broken_json = (title_starts(s, "{\"") || title_starts(s, "{'")) && title_ends(s, "}");
	return s.n > TITLE_LONGEST || broken_json || speaks_of_itself(s) || !says_something(s) || title_is_label(s) ||
	       title_is_thought(s);
}

/* ---- JSON ---- */

static const char *const title_keys[] = {
	"title", "name", "Title", "conversation_title", "chat_title", "conversation_name", "topic"};

/* The title by one of its names, or the only thing that there is. */
static const char *title_in(const json_t *v, int depth)
{
	if (json_is_string(v) || depth == 0)
		return json_string_value(v);
	if (json_is_array(v))
		return title_in(json_array_get(v, 0), depth - 1);
	for (size_t i = 0; i < N_ELEMENTS(title_keys); i++)
		if (json_get_str(v, title_keys[i]))
			return json_get_str(v, title_keys[i]);
	void *only = json_object_size(v) == 1 ? json_object_iter((json_t *)v) : NULL;
	return only ? title_in(json_object_iter_value(only), depth - 1) : NULL;
}

static const char *from_json(const char *text, struct arena *a)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (json_parse(text, strlen(text), &root, NULL) < 0)
		return NULL;
	const char *found = title_in(root, 4);
	return found ? arena_strdup(a, found) : NULL;
}

/* {'title': "X", ...}, {title: X}: what is meant as JSON. */
static struct str from_near_json(struct str s)
{
	for (size_t i = 0; i < N_ELEMENTS(title_keys); i++) {
		const char *key = memmem(s.p, s.n, title_keys[i], strlen(title_keys[i]));
		if (!key || key == s.p || !strchr("{'\" ,\n", key[-1]))
			continue;
		struct str rest = title_skip(s, (size_t)(key - s.p) + strlen(title_keys[i]));
		if (rest.n > 0 && strchr("'\"", *rest.p))
			rest = title_skip(rest, 1);
		rest = str_trim(rest);
		if (rest.n < 2 || *rest.p != ':')
			continue;
		rest = str_trim(title_skip(rest, 1));
		char quote = rest.n > 0 && strchr("'\"", *rest.p) ? *rest.p : 0;
		rest = title_skip(rest, quote != 0);
		size_t n = 0;
		while (n < rest.n && rest.p[n] != '\n' && (quote ? rest.p[n] != quote : !strchr(",}", rest.p[n])))
			n++;
		return str_trim((struct str){rest.p, n});
	}
	return (struct str){"", 0};
}

/* What stands between the first brace and the last, behind words that announce it, maybe with a fence around. */
static struct str unfold_json(struct str s, struct arena *a)
{
	const char *from = memchr(s.p, '{', s.n), *list = title_starts(s, "[\"") ? s.p : NULL;
	struct str before = str_trim((struct str){s.p, from ? (size_t)(from - s.p) : 0});
	if (list && (!from || from > list + 1))
		from = list;
	else if (!from ||
		 (before.n > 0 && !title_starts(s, "```") && !title_ends(before, ":") && !title_ends(before, "[")))
		return s;
	const char *to = memrchr(s.p, *from == '{' ? '}' : ']', s.n);
	struct str json = {from, (size_t)((to && to > from ? to + 1 : s.p + s.n) - from)};
	struct str behind = title_skip(s, (size_t)(json.p + json.n - s.p));
	if (behind.n > 0 && *behind.p != '\n' && *behind.p != ']' && *behind.p != '`')
		return s; /* {} in a name */
	const char *text = arena_strndup(a, json.p, json.n), *found = text ? from_json(text, a) : NULL;
	struct str near = found ? str_from(found) : *from == '{' ? from_near_json(json) : (struct str){"", 0};
	return near.n > 0 ? near : s;
}

/* ---- the line ---- */

static struct str next_line(struct str *rest)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
	*rest = title_skip(*rest, line.n + (end ? 1 : 0));
	return str_trim(line);
}

/* It leads to a name on a line of its own, or says nothing. */
static bool leads(struct str line)
{
	bool fence =
		(title_starts(line, "```") && !(line.n > 6 && title_ends(line, "```"))) || title_starts(line, "~~~");
	bool mark = title_starts(line, "<|") && title_ends(line, "|>assistant");
	return fence || mark || title_ends(line, ":") || title_ends(line, "\uff1a") || title_ends(line, ":**") ||
	       title_is_label(line) || title_is_greeting(line) || title_is_announcement(line) || !says_something(line);
}

/* The first line that says something, and the one behind it; one that only leads to the next is passed over. */
static struct str pick_line(struct str text, struct str *ret_next, bool *ret_is_last)
{
	struct str line = {"", 0};
	while (text.n > 0) {
		struct str next = next_line(&text);
		if (next.n == 0)
			continue;
		line = next;
		if (!leads(line) || str_trim(text).n == 0)
			break;
	}
	*ret_is_last = text.n == 0;
	for (*ret_next = (struct str){"", 0}; text.n > 0 && ret_next->n == 0;)
		*ret_next = next_line(&text);
	return line;
}

/* A template's mark in front, with the role that may stand behind it. */
static struct str drop_template(struct str s)
{
	const char *end = title_starts(s, "<|") ? memmem(s.p, s.n, "|>", 2) : NULL;
	if (!end)
		return s;
	s = title_skip(s, (size_t)(end - s.p) + 2);
	return str_trim(title_starts(s, "assistant") ? title_skip(s, strlen("assistant")) : s);
}

const char *title_clean(struct str text, bool cut, struct arena *a)
{
	bool is_last;
	struct str next, s = drop_template(str_trim(without_format(text, a)));
	s = unfold_json(s, a);
	if (!cut)
		while (s.n > 0 && *s.p == '<' && unwrap_tag(&s))
			;
	s = pick_line(s, &next, &is_last);
	if (cut && is_last)
		return NULL; /* the end of a line is missing: no half of a sentence is a name */
	s = drop_full_stop(s);
	for (int i = 0; i < 8 && (drop_item(&s, next) || drop_heading(&s) || drop_end(&s) || title_drop_label(&s) ||
					 title_drop_greeting(&s) || title_take_quotation(&s) ||
					 title_drop_announcement(&s) || unwrap(&s) || drop_lone_quote(&s));
		i++)
		s = drop_full_stop(s);
	if (is_no_name(s))
		return NULL;
	const char *whole = arena_strndup(a, s.p, s.n);
	return whole ? title_plain(whole, a) : NULL;
}
