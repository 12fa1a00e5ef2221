/* think_tags.c - the tags that models write around their reasoning. */
#include <ctype.h>
#include <strings.h>

#include "provider/think_parts.h"

#define ATTRIBUTES_MAX 80
#define SPACE_MAX      24 /* of a name's namespace, with its colon */
#define SPELLED_MAX    64 /* of a name that no table has, */
#define TOKEN_MAX      40 /* and of a token between bars */

/* Names between < and >; those of one family close each other. Those of FAMILY_WORDS are also words of other documents:
 * they open reasoning only where an answer begins, and not when the request speaks of them. */
static const struct {
	const char *name;
	bool answer; /* the answer stands in it, and not the reasoning */
	unsigned family;
} names[] = {{"think", false, 0}, {"thinking", false, 0}, {"thought", false, 1}, {"thoughts", false, 1},
	{"reasoning", false, 2}, {"reason", false, 2}, {"antthinking", false, FAMILY_WORDS},
	{"reflection", false, FAMILY_WORDS}, {"rationale", false, FAMILY_WORDS}, {"scratchpad", false, FAMILY_WORDS},
	{"analysis", false, FAMILY_WORDS}, {"deliberation", false, FAMILY_WORDS}, {"cot", false, FAMILY_WORDS},
	{"inner_monologue", false, FAMILY_WORDS}, {"internal_monologue", false, FAMILY_WORDS},
	{"inner_thoughts", false, FAMILY_WORDS}, {"internal_thoughts", false, FAMILY_WORDS},
	{"thought_process", false, FAMILY_WORDS}, {"thinking_process", false, FAMILY_WORDS},
	{"reasoning_process", false, FAMILY_WORDS}, {"chain_of_thought", false, FAMILY_WORDS}, {"answer", true, 0},
	{"final_answer", true, 1}, {"response", true, 2}, {"solution", true, 3}, {"output", true, 4}};

static const struct {
	const char *text;
	enum tag_kind kind;
	unsigned family;
} marks[] = {{"[THINK]", TAG_OPEN, FAMILY_BRACKET}, {"[/THINK]", TAG_CLOSE, FAMILY_BRACKET},
	{"[think]", TAG_OPEN, FAMILY_BRACKET}, {"[/think]", TAG_CLOSE, FAMILY_BRACKET},
	{"[THINKING]", TAG_OPEN, FAMILY_BRACKET}, {"[/THINKING]", TAG_CLOSE, FAMILY_BRACKET},
	{"[thinking]", TAG_OPEN, FAMILY_BRACKET}, {"[/thinking]", TAG_CLOSE, FAMILY_BRACKET},
	{"[unused16]", TAG_OPEN, FAMILY_UNUSED}, {"[unused17]", TAG_CLOSE, FAMILY_UNUSED},
	{"[BEGIN FINAL RESPONSE]", TAG_CLOSE, FAMILY_FINAL}, {"[END FINAL RESPONSE]", TAG_ANSWER_END, FAMILY_FINAL},
	{"\xe2\x97\x81think\xe2\x96\xb7", TAG_OPEN, FAMILY_KIMI},
	{"\xe2\x97\x81/think\xe2\x96\xb7", TAG_CLOSE, FAMILY_KIMI}, {"<|open|>think<|sep|>", TAG_OPEN, FAMILY_SEP},
	{"<|close|>think<|sep|>", TAG_CLOSE, FAMILY_SEP}, {"<|open|>response<|sep|>", TAG_ANSWER, FAMILY_SEP},
	{"<|close|>response<|sep|>", TAG_ANSWER_END, FAMILY_SEP},
	{"<|close|>message<|sep|>", TAG_ANSWER_END, FAMILY_SEP}, {"<|begin_of_solution|>", TAG_ANSWER, FAMILY_BARS},
	{"<|end_of_solution|>", TAG_ANSWER_END, FAMILY_BARS}, {"<|START_RESPONSE|>", TAG_ANSWER, FAMILY_BARS},
	{"<|END_RESPONSE|>", TAG_ANSWER_END, FAMILY_BARS}, {"<|START_TEXT|>", TAG_ANSWER, FAMILY_BARS},
	{"<|END_TEXT|>", TAG_ANSWER_END, FAMILY_BARS}, {"<|begin_of_box|>", TAG_ANSWER, FAMILY_BARS},
	{"<|end_of_box|>", TAG_ANSWER_END, FAMILY_BARS}, {"<|inner_prefix|>", TAG_OPEN, FAMILY_BARS},
	{"<|inner_suffix|>", TAG_CLOSE, FAMILY_BARS}, {"<|channel>thought", TAG_OPEN, FAMILY_GEMMA},
	{"<channel|>", TAG_CLOSE, FAMILY_GEMMA}, {"<unused94>thought", TAG_OPEN, FAMILY_MEDGEMMA},
	{"<unused95>", TAG_CLOSE, FAMILY_MEDGEMMA}, {"<|channel|>", TAG_CHANNEL, 0}, {"<|start|>", TAG_CHANNEL, 0},
	{"<|begin|>", TAG_CHANNEL, 0}, {"<|message_model|>", TAG_CHANNEL, 0}, {"<|end|>", TAG_CHANNEL, 0},
	{"<|end_message|>", TAG_CHANNEL, 0}, {"<|return|>", TAG_CHANNEL, 0}, {"<|call|>", TAG_CHANNEL, 0},
	{"<|flush|>", TAG_CHANNEL, 0}, {"<|content_model_end_sampling|>", TAG_CHANNEL, 0},
	{"<|message|>", TAG_BODY, BODY_BY_HEAD}, {"<|content|>", TAG_BODY, BODY_TEXT},
	{"<|content_text|>", TAG_BODY, BODY_TEXT}, {"<|content_invoke_tool_json|>", TAG_BODY, BODY_TEXT},
	{"<|content_invoke_tool_text|>", TAG_BODY, BODY_TEXT}};

bool tag_may_begin(char c)
{
	return c == '<' || c == '[' || c == '\xe2';
}

/* Behind a name: the end of the tag, perhaps after attributes; one that ends itself ("<think />") has nothing in it. */
static struct tag tag_end(const char *p, size_t n, size_t at, struct tag found)
{
	if (at == n)
		return (struct tag){.kind = TAG_PART};
	if (!is_blank(p[at]) && p[at] != '>')
		return (struct tag){.kind = TAG_NONE};
	char quote = 0;
	for (size_t i = at; i < n; i++) {
		if (i - at == ATTRIBUTES_MAX || (!quote && p[i] == '<'))
			return (struct tag){.kind = TAG_NONE};
		if (!quote && p[i] == '>') {
			if (p[i - 1] == '/')
				return (struct tag){.kind = TAG_NONE};
			found.n = i + 1;
			return found;
		}
		if (quote ? p[i] == quote : p[i] == '"' || p[i] == '\'')
			quote = quote ? 0 : p[i];
	}
	return (struct tag){.kind = TAG_PART};
}

/* How long the namespace at p is, with its colon: <seed:think>, <thinking>. 0: it has none; n: perhaps one begins. */
static size_t space_length(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && i < SPACE_MAX && (isalnum((unsigned char)p[i]) || p[i] == '_' || p[i] == '-'))
		i++;
	if (i == n && i < SPACE_MAX)
		return n;
	return i > 0 && i < SPACE_MAX && p[i] == ':' ? i + 1 : 0;
}

/* How long the word at p is, of letters and digits. */
static size_t word_length(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && isalnum((unsigned char)p[i]))
		i++;
	return i;
}

static bool is_one_of(const char *p, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		if (strlen(words[i]) == n && strncasecmp(p, words[i], n) == 0)
			return true;
	return false;
}

/* A name whose first word is "think", or its second one: <think:opensource>, <longcat_think>. */
static struct tag match_spelled(const char *p, size_t n, size_t from, bool close)
{
	static const char *const think[] = {"think"};
	size_t at = from;
	while (at < n && (isalnum((unsigned char)p[at]) || strchr("_:", p[at])))
		if (++at - from > SPELLED_MAX)
			return (struct tag){.kind = TAG_NONE};
	if (at == n)
		return (struct tag){.kind = TAG_PART};
	size_t first = word_length(p + from, at - from), second = MIN(from + first + 1, at);
	bool thinks = is_one_of(p + from, first, think, 1) ||
		      (first > 0 && is_one_of(p + second, word_length(p + second, at - second), think, 1));
	if (!thinks)
		return (struct tag){.kind = TAG_NONE};
	return tag_end(p, n, at, (struct tag){close ? TAG_CLOSE : TAG_OPEN, FAMILY_SPACE, 0});
}

/* A token between bars that speaks of thinking: <|start_thinking|>, <|think:end|>, <|/think|>. */
static struct tag match_token(const char *p, size_t n)
{
	static const char *const thoughts[] = {"think", "thinking", "thought", "thoughts", "reasoning", "cot"};
	static const char *const ends[] = {"end", "close", "stop", "finish"};
	bool thinks = false, close = false;
	size_t at = 2;
	if (n > 1 && p[1] != '|')
		return (struct tag){.kind = TAG_NONE};
	while (at < n && p[at] != '|') {
		size_t k = word_length(p + at, n - at);
		thinks = thinks || is_one_of(p + at, k, thoughts, N_ELEMENTS(thoughts));
		close = close || p[at] == '/' || is_one_of(p + at, k, ends, N_ELEMENTS(ends));
		at += k;
		if (at < n && p[at] != '|' && (!strchr("_:/-", p[at++]) || at > TOKEN_MAX))
			return (struct tag){.kind = TAG_NONE};
	}
	if (at > TOKEN_MAX || (at < n && !thinks) || (at + 1 < n && p[at + 1] != '>'))
		return (struct tag){.kind = TAG_NONE};
	if (at + 1 >= n)
		return (struct tag){.kind = TAG_PART};
	return (struct tag){close ? TAG_CLOSE : TAG_OPEN, FAMILY_BARS, at + 2};
}

static struct tag match_name(const char *p, size_t n)
{
	struct tag part = {.kind = TAG_NONE};
	bool close = n > 1 && p[1] == '/';
	size_t from = close ? 2 : 1, space = n > from ? space_length(p + from, n - from) : 0;
	if (n <= from || from + space == n)
		return (struct tag){.kind = TAG_PART};
	from += space;
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		size_t k = strlen(names[i].name), have = MIN(k, n - from);
		if (strncasecmp(p + from, names[i].name, have) != 0 || (space > 0 && names[i].answer))
			continue;
		struct tag found = {names[i].answer ? TAG_ANSWER : TAG_OPEN, names[i].family, 0},
			   t = {.kind = TAG_PART};
		if (space > 0)
			found.family = FAMILY_SPACE;
		if (close)
			found.kind = names[i].answer ? TAG_ANSWER_END : TAG_CLOSE;
		if (have == k)
			t = tag_end(p, n, from + k, found);
		if (t.kind > TAG_PART)
			return t;
		if (t.kind == TAG_PART)
			part = t;
	}
	return part.kind == TAG_PART ? part : match_spelled(p, n, close ? 2 : 1, close);
}

bool think_asked_for(const char *text)
{
	for (const char *at = strchr(text, '<'); at; at = strchr(at + 1, '<')) {
		for (size_t i = 0; i < N_ELEMENTS(names); i++) {
			bool asked = names[i].answer || names[i].family == FAMILY_WORDS;
			if (asked && strncasecmp(at + 1, names[i].name, strlen(names[i].name)) == 0)
				return true;
		}
	}
	return false;
}

bool think_is_named(const char *model)
{
	static const char *const words[] = {"-r1", "qwq", "thinking", "reasoner", "reasoning", "magistral"};
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (strcasestr(model, words[i]))
			return !strcasestr(model, "non-");
	return false;
}

struct tag tag_match(const char *p, size_t n)
{
	struct tag ret = {.kind = TAG_NONE};
	if (!tag_may_begin(*p))
		return ret;
	for (size_t i = 0; i < N_ELEMENTS(marks); i++) {
		size_t k = strlen(marks[i].text);
		if (memcmp(p, marks[i].text, MIN(k, n)) != 0)
			continue;
		if (n >= k)
			return (struct tag){marks[i].kind, marks[i].family, k};
		ret.kind = TAG_PART;
	}
	if (*p != '<')
		return ret;
	struct tag named = match_token(p, n);
	if (named.kind == TAG_NONE)
		named = match_name(p, n);
	return named.kind == TAG_NONE ? ret : named;
}

/* ---- plain words ---- */

#define SPOKEN_MIN 5 /* bytes that come at once where plain words open the reasoning */

/* Plain words in place of tags: the names of harmony's channels, from servers that drop a model's special tokens
 * ("analysisWe need ... assistantfinal"), and sentences that models were trained to begin with. */
static const struct {
	const char *open, *close, *or_close;
	bool upper; /* an upper-case letter follows, else it is only a word */
} spoken[] = {{"analysis", "assistantfinal", NULL, true}, {"assistantanalysis", "assistantfinal", NULL, true},
	{"Here is my thought process:", "Here is my response:", "Here's my response:", false},
	{"Here's my thought process:", "Here's my response:", "Here is my response:", false},
	{"Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", NULL, false}};

struct tag tag_match_spoken(const char *p, size_t n, unsigned char *ret_which)
{
	for (size_t i = 0; i < N_ELEMENTS(spoken); i++) {
		size_t k = strlen(spoken[i].open);
		if (memcmp(p, spoken[i].open, MIN(k, n)) != 0)
			continue;
		if (n < SPOKEN_MIN)
			break; /* no answer waits for its second word because of its first letters */
		if (n < k || (n == k && spoken[i].upper))
			return (struct tag){.kind = TAG_PART};
		if (spoken[i].upper && !isupper((unsigned char)p[k]))
			continue;
		*ret_which = (unsigned char)i;
		return (struct tag){TAG_OPEN, FAMILY_SPOKEN, k};
	}
	return (struct tag){.kind = TAG_NONE};
}

/* The words that close what words have opened. */
struct tag tag_match_spoken_close(unsigned which, const char *p, size_t n)
{
	const char *const words[] = {spoken[which].close, spoken[which].or_close};
	struct tag ret = {.kind = TAG_NONE};
	for (size_t i = 0; i < N_ELEMENTS(words) && words[i]; i++) {
		size_t k = strlen(words[i]);
		if (memcmp(p, words[i], MIN(k, n)) != 0)
			continue;
		ret = (struct tag){n < k ? TAG_PART : TAG_CLOSE, FAMILY_SPOKEN, k};
		if (n >= k)
			return ret;
	}
	return ret;
}
