/* title_clean.c - what a model answered when it was asked for a name, without what it put around the name. */
#include <ctype.h>
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

static const char *const pairs[][2] = {{"\"\"\"", "\"\"\""}, {"```", "```"}, {"\"", "\""}, {"''", "''"}, {"``", "''"},
	{"\u00b4", "\u00b4"}, {"~~", "~~"}, {"==", "=="}, {"\\boxed{", "}"}, {"\\text{", "}"}, {"$", "$"}, {"(", ")"},
	{"[", "]"}, {"'", "'"}, {"**", "**"}, {"*", "*"}, {"__", "__"}, {"_", "_"}, {"`", "`"}, {"\u201c", "\u201d"},
	{"\u201e", "\u201c"}, {"\u201e", "\u201d"}, {"\u201d", "\u201d"}, {"\u2018", "\u2019"}, {"\u201a", "\u2018"},
	{"\u00ab", "\u00bb"}, {"\u00bb", "\u00ab"}, {"\u2039", "\u203a"}, {"\u203a", "\u2039"}, {"\u300c", "\u300d"},
	{"\u300e", "\u300f"}, {"\u300a", "\u300b"}, {"\u3008", "\u3009"}, {"\u3010", "\u3011"}, {"\uff02", "\uff02"},
	{"\u275d", "\u275e"}, {"\u301d", "\u301e"}};

/* Marks of code stay around a single word, which they belong to: `printf`, __init__, [[likely]]. */
static bool is_of_the_word(const char *mark, struct str inner)
{
	return strchr("_`[($=", *mark) && strcmp(mark, "```") != 0 && !memchr(inner.p, ' ', inner.n);
}

/* <title>..</title>, whatever the tag's name. */
static bool unwrap_tag(struct str *s)
{
	const char *end = s->n > 2 && *s->p == '<' && isalpha((unsigned char)s->p[1]) ? memchr(s->p, '>', s->n) : NULL;
	size_t n = end ? (size_t)(end - s->p) + 1 : 0; /* <a>: its end has one byte more */
	char close[32];
	if (n == 0 || n + 2 > sizeof close || s->n < 2 * n + 2)
		return false;
	snprintf(close, sizeof close, "</%.*s", (int)n - 1, s->p + 1);
	struct str inner = {s->p + n, s->n - 2 * n - 1};
	if (strncasecmp(s->p + s->n - n - 1, close, n + 1) != 0 || contains(inner, close))
		return false;
	*s = str_trim(inner);
	return true;
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
	return unwrap_tag(s);
}

/* `listed`: it is the first of several, so that its number is none of the name's, as it is in "1. FC Köln". */
static bool drop_marker(struct str *s, bool listed)
{
	size_t n = 0;
	while (n < s->n && s->p[n] == '#')
		n++;
	bool heading = n > 0 && n <= 6 && n < s->n && s->p[n] == ' ';
	bool item = begins(*s, "- ") || begins(*s, "* ") || begins(*s, "> ") || begins(*s, "\u2022 ") ||
		    begins(*s, "\u2013 ") || begins(*s, "\u2014 ") ||
		    (listed && (begins(*s, "1. ") || begins(*s, "1) ")));
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
	"\u05db\u05d5\u05ea\u05e8\u05ea", "\u0936\u0940\u0930\u094d\u0937\u0915", "ti\u00eau \u0111\u1ec1", "judul",
	"suggestion", "answer", "output", "assistant"};

/* With which a label's words go: "Suggested title:", "Possible name for this chat:". */
static const char *const beside_labels[] = {"the", "a", "my", "your", "suggested", "possible", "proposed",
	"recommended", "generated", "short", "concise", "final", "best", "chat", "conversation", "session",
	"suggestion", "for", "this", "of", "des", "der", "chats", "gespr\u00e4chs", "unterhaltung", "vorgeschlagener",
	"kurzer", "de", "la", "du", "conversaci\u00f3n", "sugerido", "propos\u00e9", "sugg\u00e9r\u00e9", "della",
	"conversazione", "\u0447\u0430\u0442\u0430", "\u0431\u0435\u0441\u0435\u0434\u044b",
	"\u0440\u0430\u0437\u0433\u043e\u0432\u043e\u0440\u0430"};

static bool is_word_of(struct str word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word.n == strlen(words[i]) && begins(word, words[i]))
			return true;
	return false;
}

/* How much of the line is such words with a colon or a dash behind them; 0: it is no label. */
static size_t wordy_label(struct str s)
{
	bool label = false;
	size_t i = 0;
	while (i < s.n) {
		size_t n = 0;
		while (i + n < s.n && !strchr(" :", s.p[i + n]))
			n++;
		struct str word = {s.p + i, n}, after = skip(s, i + n);
		bool is_label = is_word_of(word, labels, N_ELEMENTS(labels));
		if (!is_label && !is_word_of(word, beside_labels, N_ELEMENTS(beside_labels)))
			return 0;
		label = label || is_label;
		i += n;
		if (begins(after, ":") || begins(after, " :"))
			return label ? i + (*after.p == ' ') + 1 : 0;
		if (begins(after, " - ") || begins(after, " \u2013 ") || begins(after, " \u2014 "))
			return label ? i + (after.p[1] == '-' ? 3 : 5) : 0;
		i++;
	}
	return 0;
}

/* Whether it begins with words that a name follows; those that a name may begin with speak of a title, too. */
static bool announces(struct str s)
{
	static const struct {
		const char *words;
		bool speaks;
	} all[] = {{"here is", false}, {"here's", false}, {"here\u2019s", false}, {"here are", false},
		{"hier ist", false}, {"voici", false}, {"aqu\u00ed tienes", false}, {"aqu\u00ed est\u00e1", false},
		{"ecco", false}, {"der titel lautet", false}, {"le titre est", false}, {"un titre appropri", false},
		{"el t\u00edtulo es", false}, {"\u0412\u043e\u0442 \u043d\u0430\u0437\u0432", false},
		{"\u4ee5\u4e0b\u662f\u6807\u9898", false}, {"\u9002\u5408\u7684\u6807\u9898", false},
		{"title for", false}, {"a fitting", true}, {"a good", true}, {"a suitable", true}, {"a concise", true},
		{"a short", true}, {"one possible", true}, {"the title is", false}, {"the title of this", false},
		{"the title for", false}, {"the name of this c", false}, {"i would", true}, {"i suggest", true},
		{"i'd suggest", true}, {"based on", true}, {"my suggestion", false},
		{"this conversation could", false}};
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
	size_t n = wordy_label(*s);
	if (n == 0 || str_trim(skip(*s, n)).n == 0)
		return false;
	*s = str_trim(skip(*s, n));
	return true;
}

static const char *const greetings[] = {"sure", "sure thing", "of course", "certainly", "okay", "ok", "absolutely",
	"got it", "alright", "great", "gladly", "nat\u00fcrlich", "gerne", "gern", "klar", "bien s\u00fbr", "claro",
	"por supuesto", "certo", "\u5f53\u7136", "\u597d\u7684", "\u597d", "\u306f\u3044", "\u3082\u3061\u308d\u3093"};

/* "Sure! ", "Okay, " */
static bool drop_greeting(struct str *s)
{
	static const char inverted[] = "\u00a1";
	static const char *const marks[] = {"!", ",", ".", " !", "\uff01", "\uff0c", "\u3001", "\u3002"};
	struct str t = begins(*s, inverted) ? skip(*s, strlen(inverted)) : *s;
	for (size_t i = 0; i < N_ELEMENTS(greetings); i++) {
		struct str rest = begins(t, greetings[i]) ? skip(t, strlen(greetings[i])) : (struct str){"", 0};
		for (size_t k = 0; k < N_ELEMENTS(marks); k++) {
			struct str left =
				begins(rest, marks[k]) ? str_trim(skip(rest, strlen(marks[k]))) : (struct str){"", 0};
			/* "Okay, computer" is a name; what follows must announce one. */
			bool called_out = (strchr(marks[k], '!') && strlen(greetings[i]) > 2) ||
					  /* not "OK! Magazine" */ strcmp(marks[k], "\uff01") == 0;
			if (left.n == 0 || !(announces(left) || drop_label(&left) || called_out))
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

/* "X" would be a good title. */
static bool take_quotation(struct str *s)
{
	static const char *const phrases[] = {"good title", "fitting title", "suitable title", "great title",
		"title for th", "title would be", "title could be", "title is \"", "title is: \"", "Titel w\u00e4re",
		"Titel ist", "Titel lautet", "titre serait", "titre est", "t\u00edtulo ser\u00eda",
		"t\u00edtulo adecuado", "titolo sarebbe"};
	const char *from = memchr(s->p, '"', s->n), *to = from ? memrchr(s->p, '"', s->n) : NULL;
	if (!from || to <= from + 1 || memchr(from + 1, '"', (size_t)(to - from - 1)))
		return false;
	struct str before = {s->p, (size_t)(from - s->p) + 1}, after = {to, s->n - (size_t)(to - s->p)};
	for (size_t i = 0; i < N_ELEMENTS(phrases); i++) {
		if (!contains(before, phrases[i]) && !contains(after, phrases[i]))
			continue;
		*s = str_trim((struct str){from + 1, (size_t)(to - from - 1)});
		return true;
	}
	return false;
}

/* The end of an answer in a template's own mark, or a note of its length. */
static bool drop_end(struct str *s)
{
	const char *from = NULL;
	if (ends(*s, "|>"))
		from = memmem(s->p, s->n, "<|", 2);
	else if (ends(*s, "</s>"))
		from = s->p + s->n - 4;
	else if (ends(*s, " words)") && (from = memrchr(s->p, '(', s->n)) && !isdigit((unsigned char)from[1]))
		from = NULL;
	if (!from || from == s->p)
		return false;
	*s = str_trim((struct str){s->p, (size_t)(from - s->p)});
	return true;
}

/* A thought in place of a name; "We Need to Talk About Kevin" is none. */
static bool is_thought(struct str s)
{
	static const char *const words[] = {"The user is ", "The user wants ", "The user asks ", "The user asked ",
		"The user has ", "The user needs ", "The user just ", "The user said", "Okay, the user", "Ok, the user",
		"Okay, so ", "Okay, let", "Alright, let", "Alright, the user", "Alright, so ", "So, the user",
		"So the user", "Hmm, ", "Hmm. ", "Let me think", "Let's think", "We need to ", "We have to ",
		"We should ", "I need to ", "I should ", "I have to ", "I'll ", "I will ", "First, I ", "First, let"};
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (s.n >= strlen(words[i]) && memcmp(s.p, words[i], strlen(words[i])) == 0)
			return true;
	return false;
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
	bool broken_json = (begins(s, "{\"") || begins(s, "{'")) && ends(s, "}");
	return s.n == 0 || s.n > LONGEST || broken_json || is_thought(s);
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

/* The title by one of its names, or the only thing that there is. */
static const char *title_in(const json_t *v, int depth)
{
	static const char *const keys[] = {
		"title", "name", "Title", "conversation_title", "chat_title", "conversation_name", "topic"};
	if (json_is_string(v) || depth == 0)
		return json_string_value(v);
	if (json_is_array(v))
		return title_in(json_array_get(v, 0), depth - 1);
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (json_get_str(v, keys[i]))
			return json_get_str(v, keys[i]);
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

/* What stands between the first brace and the last, maybe with a fence around. */
static struct str unfold_json(struct str s, struct arena *a)
{
	const char *from = begins(s, "{") || begins(s, "```") || begins(s, "[{") ? memchr(s.p, '{', s.n) : NULL;
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
		if (next.n == 0 || (begins(next, "```") && !(next.n > 6 && ends(next, "```"))))
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
	bool listed = contains(text, "\n2. ") || contains(text, "\n2) ");
	s = drop_full_stop(s);
	for (int i = 0; i < 8 && (drop_marker(&s, listed) || drop_end(&s) || drop_label(&s) || drop_greeting(&s) ||
					 take_quotation(&s) || drop_announcement(&s) || unwrap(&s));
		i++)
		s = drop_full_stop(s);
	if (is_no_name(s))
		return NULL;
	const char *whole = arena_strndup(a, s.p, s.n);
	return whole ? title_plain(whole, a) : NULL;
}
