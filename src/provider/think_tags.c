/* think_tags.c - the tags that models write around their reasoning. */
#include <strings.h>

#include "provider/think_parts.h"

#define ATTRIBUTES_MAX 80

/* Names between < and >; those of one family close each other. */
static const struct {
	const char *name;
	unsigned family;
} names[] = {{"think", 0}, {"thinking", 0}, {"thought", 1}, {"thoughts", 1}, {"reasoning", 2}, {"reason", 2},
	{"seed:think", 3}, {"antml:thinking", 4}};

static const struct {
	const char *text;
	enum tag_kind kind;
	unsigned family;
} marks[] = {{"[THINK]", TAG_OPEN, FAMILY_BRACKET}, {"[/THINK]", TAG_CLOSE, FAMILY_BRACKET},
	{"[think]", TAG_OPEN, FAMILY_BRACKET}, {"[/think]", TAG_CLOSE, FAMILY_BRACKET},
	{"\xe2\x97\x81think\xe2\x96\xb7", TAG_OPEN, FAMILY_KIMI},
	{"\xe2\x97\x81/think\xe2\x96\xb7", TAG_CLOSE, FAMILY_KIMI}, {"<|begin_of_thought|>", TAG_OPEN, FAMILY_OPEN},
	{"<|end_of_thought|>", TAG_CLOSE, FAMILY_OPEN}, {"<|START_THINKING|>", TAG_OPEN, FAMILY_COHERE},
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
	for (size_t i = at; i < n && i - at < ATTRIBUTES_MAX && p[i] != '<'; i++)
		if (p[i] == '>') {
			found.n = i + 1;
			return found;
		}
	return (struct tag){.kind = n - at < ATTRIBUTES_MAX && !memchr(p + at, '<', n - at) ? TAG_PART : TAG_NONE};
}

static struct tag match_name(const char *p, size_t n)
{
	struct tag part = {.kind = TAG_NONE};
	bool close = n > 1 && p[1] == '/';
	size_t from = close ? 2 : 1;
	if (n <= from)
		return (struct tag){.kind = TAG_PART};
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		size_t k = strlen(names[i].name), have = MIN(k, n - from);
		if (strncasecmp(p + from, names[i].name, have) != 0)
			continue;
		struct tag t = {.kind = TAG_PART};
		if (have == k)
			t = tag_end(p, n, from + k,
				(struct tag){.kind = close ? TAG_CLOSE : TAG_OPEN, .family = names[i].family});
		if (t.kind > TAG_PART)
			return t;
		if (t.kind == TAG_PART)
			part = t;
	}
	return part;
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
