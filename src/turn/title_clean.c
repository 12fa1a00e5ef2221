/* title_clean.c - what a model answered when it was asked for a name, without what it put around the name. */
#include <strings.h>

#include "base/utf8.h"
#include "turn/turn_priv.h"

#define LONGEST 160 /* bytes: more is no name */

static bool begins(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && strncasecmp(s.p, with, n) == 0;
}

static bool ends(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

static struct str skip(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

static bool contains(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* ---- what stands around a name ---- */

static const char *const pairs[][2] = {{"\"", "\""}, {"'", "'"}, {"**", "**"}, {"*", "*"}, {"__", "__"}, {"_", "_"},
	{"`", "`"}, {"\u201c", "\u201d"}, {"\u201e", "\u201c"}, {"\u201e", "\u201d"}, {"\u201d", "\u201d"},
	{"\u2018", "\u2019"}, {"\u201a", "\u2018"}, {"\u00ab", "\u00bb"}, {"\u00bb", "\u00ab"}, {"\u2039", "\u203a"},
	{"\u203a", "\u2039"}, {"\u300c", "\u300d"}, {"\u300e", "\u300f"}, {"\u300a", "\u300b"}, {"\u3008", "\u3009"},
	{"\u3010", "\u3011"}, {"\uff02", "\uff02"}, {"\u275d", "\u275e"}, {"\u301d", "\u301e"}, {"<title>", "</title>"},
	{"<name>", "</name>"}, {"<b>", "</b>"}, {"<h1>", "</h1>"}};

/* Marks of code stay around a single word, which they belong to: `printf`, __init__. */
static bool is_of_the_word(const char *mark, struct str inner)
{
	return (*mark == '_' || *mark == '`') && !memchr(inner.p, ' ', inner.n);
}

static bool unwrap(struct str *s)
{
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		size_t a = strlen(pairs[i][0]), b = strlen(pairs[i][1]);
		if (s->n <= a + b || !begins(*s, pairs[i][0]) || !ends(*s, pairs[i][1]))
			continue;
		struct str inner = {s->p + a, s->n - a - b};
		/* "A" and "B" are not one quotation. */
		if (contains(inner, pairs[i][0]) || contains(inner, pairs[i][1]) || is_of_the_word(pairs[i][0], inner))
			continue;
		*s = str_trim(inner);
		return true;
	}
	return false;
}

static bool drop_marker(struct str *s)
{
	size_t n = 0;
	while (n < s->n && s->p[n] == '#')
		n++;
	bool heading = n > 0 && n <= 6 && n < s->n && s->p[n] == ' ';
	bool item = begins(*s, "- ") || begins(*s, "* ") || begins(*s, "> ") || begins(*s, "1. ") || begins(*s, "1) ");
	if (!heading && !item)
		return false;
	*s = str_trim(skip(*s, heading ? n : strcspn(s->p, " ")));
	return true;
}

static const char *const labels[] = {"conversation title", "conversation name", "chat title", "suggested title",
	"title", "name", "topic", "subject", "titel", "name des gespr\u00e4chs", "thema", "titre", "nom", "t\u00edtulo",
	"nombre", "titolo", "tytu\u0142", "n\u00e1zev", "titulek", "n\u00e1zov", "c\u00edm", "titlu", "naslov",
	"otsikko", "rubrik", "titill", "ba\u015fl\u0131k", "\u0417\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a",
	"\u0437\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a", "\u041d\u0430\u0437\u0432\u0430\u043d\u0438\u0435",
	"\u043d\u0430\u0437\u0432\u0430\u043d\u0438\u0435", "\u041d\u0430\u0437\u0432\u0430",
	"\u0422\u0435\u043c\u0430", "\u03a4\u03af\u03c4\u03bb\u03bf\u03c2", "\u6807\u9898", "\u6a19\u984c",
	"\u4e3b\u9898", "\u30bf\u30a4\u30c8\u30eb", "\u984c\u540d", "\u8868\u984c", "\uc81c\ubaa9",
	"\u0639\u0646\u0648\u0627\u0646", "\u0627\u0644\u0639\u0646\u0648\u0627\u0646",
	"\u05db\u05d5\u05ea\u05e8\u05ea", "\u0936\u0940\u0930\u094d\u0937\u0915", "ti\u00eau \u0111\u1ec1", "judul"};

/* Whether it begins with words that a name follows; those that a name may begin with speak of a title, too. */
static bool announces(struct str s)
{
	static const struct {
		const char *words;
		bool speaks;
	} all[] = {{"here is", false}, {"here's", false}, {"here\u2019s", false}, {"here are", false},
		{"hier ist", false}, {"voici", false}, {"aqu\u00ed tienes", false}, {"aqu\u00ed est\u00e1", false},
		{"ecco", false}, {"title for", false}, {"a fitting", true}, {"a good", true}, {"a suitable", true},
		{"a concise", true}, {"a short", true}, {"one possible", true}, {"the title is", false},
		{"the title of this", false}, {"the title for", false}, {"the name of this c", false},
		{"i would", true}, {"i suggest", true}, {"i'd suggest", true}, {"based on", true},
		{"my suggestion", false}, {"this conversation could", false}};
	const char *colon = memmem(s.p, s.n, ": ", 2), *quote = memchr(s.p, '"', s.n);
	struct str head = {s.p, colon ? (size_t)(colon - s.p) : quote ? (size_t)(quote - s.p) : s.n};
	char words[LONGEST];
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		if (!begins(s, all[i].words))
			continue;
		snprintf(words, sizeof words, "%.*s", (int)MIN(head.n, sizeof words - 1), head.p);
		if (!all[i].speaks || strcasestr(words, "title") || strcasestr(words, " name") ||
			strcasestr(words, "call "))
			return true;
	}
	return false;
}

/* The length of ":" in one of its forms, with marks of bold behind it; 0: there is none. */
static size_t colon_at(struct str s)
{
	size_t n = begins(s, ":") ? 1 : begins(s, "\uff1a") ? 3 : 0;
	return n > 0 && begins(skip(s, n), "**") ? n + 2 : n;
}

static bool drop_label(struct str *s)
{
	struct str t = begins(*s, "**") ? skip(*s, 2) : *s;
	bool bold = t.p != s->p;
	for (size_t i = 0; i < N_ELEMENTS(labels); i++) {
		if (!begins(t, labels[i]))
			continue;
		struct str rest = skip(t, strlen(labels[i]));
		if (bold && begins(rest, "**"))
			rest = skip(rest, 2);
		size_t colon = colon_at(str_trim(rest));
		if (colon == 0)
			continue;
		rest = str_trim(skip(str_trim(rest), colon));
		if (bold && ends(rest, "**") && !begins(rest, "**"))
			rest.n -= 2;
		if (rest.n == 0)
			return false;
		*s = str_trim(rest);
		return true;
	}
	return false;
}

static const char *const greetings[] = {"sure", "sure thing", "of course", "certainly", "okay", "ok", "absolutely",
	"got it", "alright", "great", "gladly", "nat\u00fcrlich", "gerne", "klar", "bien s\u00fbr", "claro",
	"por supuesto", "certo", "\u5f53\u7136", "\u597d\u7684", "\u597d", "\u306f\u3044", "\u3082\u3061\u308d\u3093"};

/* "Sure! ", "Okay, " */
static bool drop_greeting(struct str *s)
{
	static const char *const marks[] = {"!", ",", ".", " !", "\uff01", "\uff0c", "\u3001", "\u3002"};
	for (size_t i = 0; i < N_ELEMENTS(greetings); i++) {
		struct str rest = begins(*s, greetings[i]) ? skip(*s, strlen(greetings[i])) : (struct str){"", 0};
		for (size_t k = 0; k < N_ELEMENTS(marks); k++) {
			struct str left =
				begins(rest, marks[k]) ? str_trim(skip(rest, strlen(marks[k]))) : (struct str){"", 0};
			/* "Great, Britain" is a name; what follows must announce one. */
			if (left.n == 0 || !(announces(left) || drop_label(&left)))
				continue;
			*s = left;
			return true;
		}
	}
	return false;
}

/* "Here is a fitting title: ...", and "A fitting title would be "..."" */
static bool drop_announcement(struct str *s)
{
	if (!announces(*s))
		return false;
	const char *colon = memmem(s->p, s->n, ": ", 2), *wide = memmem(s->p, s->n, "\uff1a", 3);
	const char *quote = memchr(s->p, '"', s->n);
	struct str rest = {"", 0};
	if (colon || wide)
		rest = skip(*s, (size_t)((colon ? colon + 1 : wide + 3) - s->p));
	else if (quote && ends(*s, "\"") && quote + 2 < s->p + s->n)
		rest = skip(*s, (size_t)(quote - s->p));
	rest = str_trim(rest);
	if (rest.n == 0)
		return false;
	*s = rest;
	return true;
}

/* What a model says when it gives no name, or shows how it thinks. */
static bool is_no_name(struct str s)
{
	static const char *const words[] = {"i'm sorry", "i\u2019m sorry", "i am sorry", "i cannot ", "i can't ",
		"i can\u2019t ", "i'm unable", "i am unable", "as an ai", "</", "<|", "<think", "<thought", "<reason",
		"[think", "\u25c1"};
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (begins(s, words[i]))
			return true;
	return s.n == 0 || s.n > LONGEST;
}

static struct str drop_full_stop(struct str s)
{
	if (ends(s, "\u3002"))
		return str_trim((struct str){s.p, s.n - 3});
	if (s.n > 1 && ends(s, ".") && s.p[s.n - 2] != '.' && memchr(s.p, ' ', s.n))
		s.n--;
	return s;
}

/* ---- JSON ---- */

static const char *from_json(const char *text, struct arena *a)
{
	static const char *const keys[] = {"title", "name", "Title", "conversation_title", "topic"};
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (json_parse(text, strlen(text), &root, NULL) < 0)
		return NULL;
	const json_t *v = json_is_array(root) ? json_array_get(root, 0) : root;
	const char *found = json_string_value(v);
	for (size_t i = 0; i < N_ELEMENTS(keys) && !found; i++)
		found = json_get_str(v, keys[i]);
	return found ? arena_strdup(a, found) : NULL;
}

/* What stands between the first brace and the last, maybe with a fence around. */
static struct str unfold_json(struct str s, struct arena *a)
{
	const char *from = begins(s, "{") || begins(s, "```") || begins(s, "[\"") ? memchr(s.p, '{', s.n) : NULL;
	if (!from && begins(s, "[\""))
		from = s.p;
	const char *to = from ? memrchr(s.p, *from == '{' ? '}' : ']', s.n) : NULL;
	const char *json = to && to > from ? arena_strndup(a, from, (size_t)(to - from) + 1) : NULL;
	const char *found = json ? from_json(json, a) : NULL;
	return found ? str_from(found) : s;
}

/* ---- the line ---- */

static struct str next_line(struct str *rest)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
	*rest = skip(*rest, line.n + (end ? 1 : 0));
	return str_trim(line);
}

/* "Title", "**Title:**", "## Title" */
static bool is_label(struct str line)
{
	while (line.n > 0 && strchr("#*_ :", line.p[0]))
		line = skip(line, 1);
	while (line.n > 0 && strchr("#*_ :", line.p[line.n - 1]))
		line.n--;
	for (size_t i = 0; i < N_ELEMENTS(labels); i++)
		if (line.n == strlen(labels[i]) && begins(line, labels[i]))
			return true;
	return false;
}

/* The first line that says something; one that only announces the next is passed over. */
static struct str pick_line(struct str text, bool *ret_is_last)
{
	struct str line = {"", 0};
	while (text.n > 0) {
		struct str next = next_line(&text);
		if (next.n == 0 || begins(next, "```"))
			continue;
		line = next;
		bool before = ends(line, ":") || ends(line, "\uff1a") || ends(line, ":**") || is_label(line);
		if (!before || str_trim(text).n == 0)
			break;
	}
	*ret_is_last = text.n == 0;
	return line;
}

const char *title_clean(struct str text, bool cut, struct arena *a)
{
	bool is_last;
	struct str s = pick_line(unfold_json(str_trim(text), a), &is_last);
	if (cut && is_last)
		return NULL; /* the end of a line is missing: no half of a sentence is a name */
	s = drop_full_stop(s);
	for (int i = 0; i < 8 &&
			(drop_marker(&s) || drop_label(&s) || drop_greeting(&s) || drop_announcement(&s) || unwrap(&s));
		i++)
		s = drop_full_stop(s);
	if (is_no_name(s))
		return NULL;
	const char *whole = arena_strndup(a, s.p, s.n);
	return whole ? title_plain(whole, a) : NULL;
}
