/* title_words.c - the words with which models lead to a name, in the languages that they speak. */
#include <ctype.h>
#include <strings.h>

#include "turn/title_priv.h"

#define LABEL_MAX 60 /* bytes of a label in a script without blanks */
#define ASIDE_MAX 20 /* of what stands in brackets behind one */

bool title_starts(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && strncasecmp(s.p, with, n) == 0;
}

bool title_ends(struct str s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

struct str title_skip(struct str s, size_t n)
{
	ASSERT(n <= s.n);
	return (struct str){s.p + n, s.n - n};
}

static bool is_one_of(struct str word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word.n == strlen(words[i]) && title_starts(word, words[i]))
			return true;
	return false;
}

/* The length of the first of the words that it begins with; 0: of none. */
static size_t starts_with_one_of(struct str s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (title_starts(s, words[i]))
			return strlen(words[i]);
	return 0;
}

/* ---- labels ---- */

static const char *const labels[] = {"title", "name", "topic", "subject", "titel", "chattitel", "gespr\u00e4chstitel",
	"titelvorschlag", "thema", "titre", "nom", "t\u00edtulo", "nombre", "nome", "titolo", "tytu\u0142",
	"n\u00e1zev", "titulek", "n\u00e1zov", "c\u00edm", "titlu", "naslov", "otsikko", "rubrik", "titill",
	"ba\u015fl\u0131k", "\u0417\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a",
	"\u0437\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a", "\u041d\u0430\u0437\u0432\u0430\u043d\u0438\u0435",
	"\u043d\u0430\u0437\u0432\u0430\u043d\u0438\u0435", "\u041d\u0430\u0437\u0432\u0430",
	"\u0422\u0435\u043c\u0430", "\u03a4\u03af\u03c4\u03bb\u03bf\u03c2", "\u6a19\u984c", "\u4e3b\u9898",
	"\u984c\u540d", "\u8868\u984c", "\uc81c\ubaa9", "\u0639\u0646\u0648\u0627\u0646",
	"\u0627\u0644\u0639\u0646\u0648\u0627\u0646", "\u05db\u05d5\u05ea\u05e8\u05ea",
	"\u0936\u0940\u0930\u094d\u0937\u0915", "\u0111\u1ec1", "\u0e2b\u0e31\u0e27\u0e02\u0e49\u0e2d",
	"\u0e0a\u0e37\u0e48\u0e2d", "\u0e0a\u0e37\u0e48\u0e2d\u0e40\u0e23\u0e37\u0e48\u0e2d\u0e07",
	"\u0417\u0430\u0433\u043b\u0430\u0432\u0438\u0435", "\u0437\u0430\u0433\u043b\u0430\u0432\u0438\u0435",
	"\u043d\u0430\u0437\u0432\u0430", "\u043d\u0430\u0441\u043b\u043e\u0432",
	"\u09b6\u09bf\u09b0\u09cb\u09a8\u09be\u09ae", "\u0ba4\u0bb2\u0bc8\u0baa\u0bcd\u0baa\u0bc1",
	"\u0c36\u0c40\u0c30\u0c4d\u0c37\u0c3f\u0c15", "tajuk", "pamagat", "nosaukums", "pavadinimas", "pealkiri",
	"titulli", "\u10e1\u10d0\u10d7\u10d0\u10e3\u10e0\u10d8", "tittel", "overskrift", "t\u00edtol", "teitl",
	"\u0eab\u0ebb\u0ea7\u0e82\u0ecd\u0ec9", "\u1785\u17c6\u178e\u1784\u1787\u17be\u1784",
	"ba\u015fl\u0131\u011f\u0131", "response", "judul", "suggestion", "answer", "output", "assistant"};

/* With which a label's words go: "Suggested title:", "Possible name for this chat:", "The title is:". */
static const char *const beside_labels[] = {"the", "a", "my", "your", "suggested", "possible", "proposed",
	"recommended", "generated", "short", "concise", "final", "best", "chat", "conversation", "session",
	"suggestion", "for", "this", "of", "is", "des", "der", "chats", "gespr\u00e4chs", "unterhaltung",
	"vorgeschlagener", "kurzer", "de", "la", "du", "da", "do", "conversation", "conversaci\u00f3n", "conversa",
	"sugerido", "propos\u00e9", "sugg\u00e9r\u00e9", "della", "conversazione", "\u0447\u0430\u0442\u0430",
	"\u0431\u0435\u0441\u0435\u0434\u044b", "\u0440\u0430\u0437\u0433\u043e\u0432\u043e\u0440\u0430",
	"\ub300\ud654", "\ucc44\ud305", "\u0627\u0644\u0645\u062d\u0627\u062f\u062b\u0629",
	"\u0627\u0644\u062f\u0631\u062f\u0634\u0629", "\u06af\u0641\u062a\u06af\u0648",
	"\u05d4\u05e9\u05d9\u05d7\u05d4", "ti\u00eau", "cu\u1ed9c", "tr\u00f2", "chuy\u1ec7n", "rozmowy", "czatu",
	"sohbet", "konu\u015fma", "\u0440\u043e\u0437\u043c\u043e\u0432\u0438", "\u0447\u0430\u0442\u0443", "van",
	"het", "gesprek", "konverzace", "chatu", "\u092c\u093e\u0924\u091a\u0940\u0924", "\u0915\u093e"};

#define ARTICLES 4

/* Where words run together, one that has a word for a title in it is a label: "会话标题". */
static const char *const within_labels[] = {"\u6807\u9898", "\u6a19\u984c", "\u30bf\u30a4\u30c8\u30eb"};

static bool is_label_word(struct str word)
{
	for (size_t i = 0; i < N_ELEMENTS(within_labels) && word.n <= LABEL_MAX; i++)
		if (memmem(word.p, word.n, within_labels[i], strlen(within_labels[i])))
			return true;
	return is_one_of(word, labels, N_ELEMENTS(labels));
}

static struct str drop_marks(struct str s, const char *marks)
{
	while (s.n > 0 && strchr(marks, *s.p))
		s = title_skip(s, 1);
	return s;
}

/* What a label may stand behind: marks of bold and of headings, a bracket, a picture with a blank. */
static struct str drop_ornament(struct str s)
{
	unsigned char first = s.n > 0 ? (unsigned char)*s.p : 0;
	const char *blank = first == 0xf0 || first == 0xe2 ? memchr(s.p, ' ', s.n) : NULL;
	if (blank)
		s = title_skip(s, (size_t)(blank - s.p) + 1);
	s = drop_marks(s, "*_#[");
	return title_starts(s, "\u3010") ? title_skip(s, 3) : s;
}

/* The mark that parts a label from the name: its length, with its blanks; 0: there is none. */
static size_t mark_behind(struct str s)
{
	static const char *const marks[] = {":", " :", "\uff1a", "]", "\u3011", " - ", " \u2013 ", " \u2014 ", " | ",
		" => ", " -> ", " \u2192 ", " = \"", " = '", "=\"", "='"};
	size_t n = starts_with_one_of(s, marks, N_ELEMENTS(marks));
	return n > 0 && strchr("\"'", s.p[n - 1]) ? n - 1 : n; /* the quotation is the name's */
}

/* What a label has behind it of itself: "Title (5 words):", "Title [en]:", "Title #1:". */
static struct str drop_aside(struct str s)
{
	bool bracket = title_starts(s, " (") || title_starts(s, " [");
	size_t n = 0, close = s.n;
	for (size_t i = 2; bracket && i < MIN(s.n, (size_t)ASIDE_MAX) && close == s.n; i++)
		if (s.p[i] == (s.p[1] == '(' ? ')' : ']'))
			close = i;
	if (title_starts(s, " #"))
		for (n = 2; n < s.n && isdigit((unsigned char)s.p[n]);)
			n++;
	return title_skip(s, close < s.n ? close + 1 : n > 2 ? n : 0);
}

/* How much of it is words of labels with a mark behind them, or with the end; 0: it is no label. */
static size_t label_length(struct str s)
{
	struct str rest = drop_ornament(s);
	bool label = false, article = false; /* "A name" is one, if an odd one */
	while (rest.n > 0) {
		size_t n = 0;
		while (n < rest.n && !strchr(" :*_]=", rest.p[n]) && !title_starts(title_skip(rest, n), "\uff1a") &&
			!title_starts(title_skip(rest, n), "\u3011"))
			n++;
		struct str word = {rest.p, n};
		bool is_label = is_label_word(word);
		if (!is_label && !is_one_of(word, beside_labels, N_ELEMENTS(beside_labels)))
			return 0;
		label = label || is_label;
		article = article || is_one_of(word, beside_labels, ARTICLES);
		rest = drop_marks(title_skip(rest, n), "*_");
		if (is_label)
			rest = drop_aside(rest);
		size_t mark = mark_behind(rest);
		if (mark > 0 || rest.n == 0)
			return label && (mark > 0 || !article) ? s.n - rest.n + mark : 0;
		if (*rest.p != ' ')
			return 0;
		rest = title_skip(rest, 1);
	}
	return 0;
}

bool title_is_label(struct str line)
{
	size_t n = label_length(line);
	return n > 0 && drop_marks(title_skip(line, n), "*_ ").n == 0;
}

/* Of "**Title:** X" and "**Title: X**" the marks whose other half went with the label. */
static struct str drop_unpaired(struct str name)
{
	size_t n = name.n - drop_marks(name, "*_").n;
	if (n > 0 && (n == name.n || name.p[n] == ' ' || !memchr(name.p + n, *name.p, name.n - n)))
		name = str_trim(title_skip(name, n));
	for (n = 0; n < name.n && strchr("*_", name.p[name.n - 1 - n]);)
		n++;
	if (n > 0 && !memchr(name.p, name.p[name.n - 1], name.n - n))
		name.n -= n;
	return str_trim(name);
}

bool title_drop_label(struct str *s)
{
	size_t n = label_length(*s);
	struct str name = str_trim(title_skip(*s, n));
	if (n > 0 && (*s->p == '#' || memchr(s->p, '*', n) || memchr(s->p, '_', n)))
		name = drop_unpaired(name);
	const char *close = n > 0 && *s->p == '[' && title_ends(name, "]") ? memmem(name.p, name.n, "[/", 2) : NULL;
	if (close)
		name = str_trim((struct str){name.p, (size_t)(close - name.p)});
	if (n == 0 || name.n == 0)
		return false;
	*s = name;
	return true;
}

/* ---- greetings ---- */

/* The first ones can stand before a colon, which is no name's. */
static const char *const greetings[] = {"sure", "sure thing", "of course", "certainly", "absolutely", "okay", "ok",
	"got it", "alright", "great", "gladly", "nat\u00fcrlich", "gerne", "gern", "klar", "bien s\u00fbr", "claro",
	"por supuesto", "certo", "\u5f53\u7136", "\u597d\u7684", "\u597d", "\u306f\u3044", "\u3082\u3061\u308d\u3093",
	"\u043a\u043e\u043d\u0435\u0447\u043d\u043e", "\u041a\u043e\u043d\u0435\u0447\u043d\u043e", "oczywi\u015bcie",
	"tabii", "natuurlijk", "certamente", "selvf\u00f8lgelig", "sj\u00e4lvklart",
	"\u0437\u0432\u0438\u0447\u0430\u0439\u043d\u043e", "tentu"};
#define BEFORE_COLON 6

static bool greets(struct str greeting, size_t which, struct str mark, struct str left)
{
	if (strchr(":-", *mark.p) || mark.n == 5)
		return which < BEFORE_COLON;
	/* "Okay, computer" is a name; what follows must announce one. "OK! Magazine" is one, too. */
	bool called_out = (*mark.p == '!' && greeting.n > 2) || *mark.p == '\xef' || (mark.n == 2 && mark.p[1] == '!');
	return called_out || title_drop_label(&left) || title_drop_announcement(&left);
}

/* Calls `found` with each way to read a greeting in front. */
bool title_drop_greeting(struct str *s)
{
	static const char *const marks[] = {
		"!", ",", ".", " !", "\uff01", "\uff0c", "\u3001", "\u3002", ":", " \u2014 ", " \u2013 ", " - "};
	struct str t = title_starts(*s, "\u00a1") ? title_skip(*s, 2) : *s;
	for (size_t i = 0; i < N_ELEMENTS(greetings); i++) {
		if (!title_starts(t, greetings[i]))
			continue;
		struct str greeting = {t.p, strlen(greetings[i])}, rest = title_skip(t, greeting.n);
		size_t n = starts_with_one_of(rest, marks, N_ELEMENTS(marks));
		struct str left = str_trim(title_skip(rest, n));
		if (n == 0 || left.n == 0 || !greets(greeting, i, (struct str){rest.p, n}, left))
			continue;
		*s = left;
		return true;
	}
	return false;
}

bool title_is_greeting(struct str line)
{
	if (title_starts(line, "\u00a1"))
		line = title_skip(line, 2);
	while (line.n > 0 && strchr("!,. :", line.p[line.n - 1]))
		line.n--;
	if (title_ends(line, "\uff01") || title_ends(line, "\uff0c") || title_ends(line, "\u3002"))
		line.n -= 3;
	return is_one_of(line, greetings, N_ELEMENTS(greetings));
}

/* ---- announcements ---- */

/* Words that a name follows; those that a name may begin with must speak of a title, too. */
static const struct {
	const char *words;
	bool speaks;
} announcements[] = {{"here is", false}, {"here's", false}, {"here\u2019s", false}, {"here are", false},
	{"here you go", false}, {"hier ist", false}, {"voici", false}, {"aqu\u00ed tienes", false},
	{"aqu\u00ed est\u00e1", false}, {"ecco", false}, {"der titel lautet", false}, {"le titre est", false},
	{"un titre appropri", false}, {"el t\u00edtulo es", false},
	{"\u0412\u043e\u0442 \u043d\u0430\u0437\u0432", false}, {"\u4ee5\u4e0b\u662f\u6807\u9898", false},
	{"\u9002\u5408\u7684\u6807\u9898", false}, {"title for", false}, {"a fitting", true}, {"a good", true},
	{"a suitable", true}, {"a concise", true}, {"a short", true}, {"one possible", true}, {"the title is", false},
	{"the title of this", false}, {"the title for", false}, {"the name of this c", false}, {"i would", true},
	{"i suggest", true}, {"i'd suggest", true}, {"based on", true}, {"my suggestion", false},
	{"this conversation", true}, {"the conversation", true}, {"this chat", true}, {"how about:", false},
	{"how about \"", false}, {"you could", true}, {"you can", true}, {"we could", true}, {"let's call", true},
	{"perhaps", true}, {"maybe", true}, {"i suggest:", false}, {"i'd suggest:", false}, {"i would suggest:", false},
	{"oto", true}, {"\u0130\u015fte", true}, {"i\u015fte", true}, {"\u0412\u043e\u0442", true},
	{"\u0432\u043e\u0442", true}, {"\u041e\u0441\u044c", true}, {"aqui", true}, {"hier is", true},
	{"h\u00e4r \u00e4r", true}, {"her er", true}, {"t\u00e4ss\u00e4", true}, {"zde je", true}, {"\u00edme", true},
	{"iat\u0103", true}, {"\u0110\u00e2y l\u00e0", true}, {"\u0111\u00e2y l\u00e0", true}, {"berikut", true},
	{"\u4ee5\u4e0b", true}, {"\u3053\u308c", true}};

/* The word of a title, as it stands in sentences. */
static bool speaks_of_title(const char *words)
{
	static const char *const stems[] = {"title", " name", "call ", "titel", "titre", "t\u00edtulo", "titolo",
		"tytu\u0142", "ba\u015fl\u0131k", "\u0437\u0430\u0433\u043e\u043b\u043e\u0432",
		"\u043d\u0430\u0437\u0432\u0430\u043d", "\u043d\u0430\u0437\u0432", "tittel", "rubrik", "otsikko",
		"n\u00e1zev", "c\u00edmet", "c\u00edm", "titlu", "ti\u00eau \u0111\u1ec1", "judul", "\u6807\u9898",
		"\u6a19\u984c", "\u30bf\u30a4\u30c8\u30eb"};
	for (size_t i = 0; i < N_ELEMENTS(stems); i++)
		if (strcasestr(words, stems[i]))
			return true;
	return false;
}

static bool announces(struct str s)
{
	const char *colon = memmem(s.p, s.n, ": ", 2), *quote = memchr(s.p, '"', s.n);
	struct str head = {s.p, colon ? (size_t)(colon - s.p) : quote ? (size_t)(quote - s.p) : s.n};
	char words[TITLE_LONGEST];
	for (size_t i = 0; i < N_ELEMENTS(announcements); i++) {
		if (!title_starts(s, announcements[i].words))
			continue;
		snprintf(words, sizeof words, "%.*s", (int)MIN(head.n, sizeof words - 1), head.p);
		if (!announcements[i].speaks || speaks_of_title(words))
			return true;
	}
	return false;
}

bool title_drop_announcement(struct str *s)
{
	if (!announces(*s))
		return false;
	const char *colon = memmem(s->p, s->n, ": ", 2), *wide = memmem(s->p, s->n, "\uff1a", 3);
	const char *quote = memchr(s->p, '"', s->n);
	struct str rest = {"", 0};
	if (colon || wide)
		rest = title_skip(*s, (size_t)((colon ? colon + 1 : wide + 3) - s->p));
	else if (quote && (title_ends(*s, "\"") || title_ends(*s, "\"?")) && quote + 2 < s->p + s->n)
		rest = title_skip(*s, (size_t)(quote - s->p));
	if (title_ends(rest, "\"?"))
		rest.n--;
	rest = str_trim(rest);
	if (rest.n == 0)
		return false;
	*s = rest;
	return true;
}

/* "Here's How Vaccines Work!" is a name. */
bool title_is_announcement(struct str line)
{
	static const char *const alone[] = {"here you go"};
	bool apart =
		memmem(line.p, line.n, ": ", 2) || memmem(line.p, line.n, "\uff1a", 3) || memchr(line.p, '"', line.n);
	char words[TITLE_LONGEST];
	if (apart || !(title_ends(line, "!") || title_ends(line, ".")) || !announces(line))
		return false;
	snprintf(words, sizeof words, "%.*s", (int)MIN(line.n, sizeof words - 1), line.p);
	return speaks_of_title(words) || is_one_of((struct str){line.p, line.n - 1}, alone, N_ELEMENTS(alone));
}

bool title_take_quotation(struct str *s)
{
	static const char *const phrases[] = {"good title", "fitting title", "suitable title", "great title",
		"title for th", "title would be", "title could be", "title is \"", "title is: \"", "Titel w\u00e4re",
		"Titel ist", "Titel lautet", "titre serait", "titre est", "t\u00edtulo ser\u00eda",
		"t\u00edtulo adecuado", "titolo sarebbe", "\uc81c\ubaa9\uc740"};
	const char *from = memchr(s->p, '"', s->n), *to = from ? memrchr(s->p, '"', s->n) : NULL;
	if (!from || to <= from + 1 || memchr(from + 1, '"', (size_t)(to - from - 1)))
		return false;
	struct str before = {s->p, (size_t)(from - s->p) + 1}, after = {to, s->n - (size_t)(to - s->p)};
	for (size_t i = 0; i < N_ELEMENTS(phrases); i++) {
		size_t n = strlen(phrases[i]);
		if (!memmem(before.p, before.n, phrases[i], n) && !memmem(after.p, after.n, phrases[i], n))
			continue;
		*s = str_trim((struct str){from + 1, (size_t)(to - from - 1)});
		return true;
	}
	return false;
}

/* ---- thoughts ---- */

/* "We Need to Talk About Kevin" and "I need to fix my bike" are names. */
bool title_is_thought(struct str s)
{
	static const char *const always[] = {"The user is ", "The user wants ", "The user asks ", "The user asked ",
		"The user has ", "The user needs ", "The user just ", "The user said", "Okay, the user", "Ok, the user",
		"Okay, so ", "Okay, let", "Alright, let", "Alright, the user", "Alright, so ", "So, the user",
		"So the user", "Hmm, ", "Hmm. ", "Let me think"};
	static const char *const of_names[] = {"Let's think", "Let's ", "Let me ", "We need to ", "We have to ",
		"We should ", "I need to ", "I should ", "I have to ", "I'll ", "I will ", "First, I ", "First, let"};
	static const char *const spoken_of[] = {
		"title", "name", "the user", "conversation", "summar", "phrase", "words"};
	bool thinks = false, of_a_name = false;
	for (size_t i = 0; i < N_ELEMENTS(always); i++)
		if (str_starts(s, str_from(always[i])))
			return true;
	for (size_t i = 0; i < N_ELEMENTS(of_names); i++)
		thinks = thinks || str_starts(s, str_from(of_names[i]));
	for (size_t i = 0; i < N_ELEMENTS(spoken_of); i++)
		of_a_name = of_a_name || memmem(s.p, s.n, spoken_of[i], strlen(spoken_of[i]));
	return thinks && of_a_name;
}
