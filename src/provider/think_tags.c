/* think_tags.c - the tags that models write around their reasoning. */
#include <ctype.h>
#include <strings.h>

#include "provider/think_parts.h"

#define ATTRIBUTES_MAX 80
#define SPACE_MAX      24 /* of a name's namespace, with its colon */

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
	{"final_answer", true, 1}, {"response", true, 2}, {"solution", true, 3}};

static const struct {
	const char *text;
	enum tag_kind kind;
	unsigned family;
} marks[] = {{"[THINK]", TAG_OPEN, FAMILY_BRACKET}, {"[/THINK]", TAG_CLOSE, FAMILY_BRACKET},
	{"[think]", TAG_OPEN, FAMILY_BRACKET}, {"[/think]", TAG_CLOSE, FAMILY_BRACKET},
	{"[THINKING]", TAG_OPEN, FAMILY_BRACKET}, {"[/THINKING]", TAG_CLOSE, FAMILY_BRACKET},
	{"[thinking]", TAG_OPEN, FAMILY_BRACKET}, {"[/thinking]", TAG_CLOSE, FAMILY_BRACKET},
	{"\xe2\x97\x81think\xe2\x96\xb7", TAG_OPEN, FAMILY_KIMI},
	{"\xe2\x97\x81/think\xe2\x96\xb7", TAG_CLOSE, FAMILY_KIMI}, {"<|begin_of_thought|>", TAG_OPEN, FAMILY_OPEN},
	{"<|end_of_thought|>", TAG_CLOSE, FAMILY_OPEN}, {"<|begin_of_solution|>", TAG_ANSWER, FAMILY_OPEN},
	{"<|end_of_solution|>", TAG_ANSWER_END, FAMILY_OPEN}, {"<|START_RESPONSE|>", TAG_ANSWER, FAMILY_COHERE},
	{"<|END_RESPONSE|>", TAG_ANSWER_END, FAMILY_COHERE}, {"<|START_TEXT|>", TAG_ANSWER, FAMILY_COHERE},
	{"<|END_TEXT|>", TAG_ANSWER_END, FAMILY_COHERE}, {"<|START_THINKING|>", TAG_OPEN, FAMILY_COHERE},
	{"<|END_THINKING|>", TAG_CLOSE, FAMILY_COHERE}, {"<|channel>thought", TAG_OPEN, FAMILY_GEMMA},
	{"<channel|>", TAG_CLOSE, FAMILY_GEMMA}, {"<unused94>thought", TAG_OPEN, FAMILY_MEDGEMMA},
	{"<unused95>", TAG_CLOSE, FAMILY_MEDGEMMA}, {"<|think|>", TAG_OPEN, FAMILY_BARS},
	{"<|/think|>", TAG_CLOSE, FAMILY_BARS}, {"<|channel|>", TAG_CHANNEL, 0}, {"<|start|>", TAG_CHANNEL, 0},
	{"<|message|>", TAG_CHANNEL, 0}, {"<|end|>", TAG_CHANNEL, 1}, {"<|return|>", TAG_CHANNEL, 1},
	{"<|call|>", TAG_CHANNEL, 1}};

bool tag_may_begin(char c)
{
	return c == '<' || c == '[' || c == '\xe2';
}

/* Behind a name: the end of the tag, perhaps after attributes. */
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
	return part;
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
	struct tag named = match_name(p, n);
	return named.kind == TAG_NONE ? ret : named;
}
