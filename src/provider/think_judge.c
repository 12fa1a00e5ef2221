/*
 * think_judge.c - whether a tag counts where it stands: a closing one whose opening one nobody saw, one that opens a further
 * block, one around the answer; and where reasoning ends.
 */
#include <ctype.h>

#include "provider/think_parts.h"

static bool ends_sentence(char c)
{
	/* The last bytes of full stops beyond ASCII are taken too: 0x82 of U+3002, 0x81 and 0x9f of the full-width ones. */
	return (c && strchr(".!?:)]", c)) || c == '\x82' || c == '\x81' || c == '\x9f' || c == '\xa6';
}

/*
 * Whether a closing tag in the text, whose opening one nobody saw, is one: not in code (judged before), not quoted, not
 * where tags are talked about; it stands on a line of its own, or where a thought ends and the answer begins.
 */
bool think_closes_alone(const struct think *t, const char *p, size_t n, size_t i, const struct tag *g)
{
	if (t->thought || g->family == FAMILY_WORDS || (t->named & 1u << g->family))
		return false;
	size_t behind = i + g->n;
	char prev = t->code.prev, next = behind < n ? p[behind] : '\n';
	if ((prev && strchr("\"'(`*_", prev)) || prev == '\x9c' || prev == '\x98')
		return false;
	bool ends_line = next == '\n' || next == '\r';
	if (g->family >= FAMILY_KIMI || (behind < n && tag_match(p + behind, n - behind).kind == TAG_ANSWER))
		return true;
	if (!t->code.mid_line)
		return t->code.indent <= 3 && (ends_line || next == ' ' || !ispunct((unsigned char)next));
	if (prev == ' ' || prev == '\t')
		return ends_sentence(t->code.last) && (ends_line || isupper((unsigned char)next));
	return ends_sentence(prev) || ends_line || !(next == ' ' || ispunct((unsigned char)next));
}

bool think_opens_again(const struct think *t, const struct tag *g)
{
	return t->thought && g->family != FAMILY_WORDS &&
	       (t->code.mid_line ? ends_sentence(t->code.last) : t->code.indent <= 3);
}

/* Whether the tag only stands around the answer: right behind the reasoning that was found in the text, or a token of the
 * model's own; and the one that closes it. */
bool think_wraps_answer(const struct think *t, const struct tag *g, bool speaks)
{
	bool token = g->family >= FAMILY_KIMI;
	if (g->kind == TAG_ANSWER)
		return token || (!speaks && t->any_reasoning && t->closed && !t->asked);
	return g->kind == TAG_ANSWER_END && (token || t->wrapped);
}

/* What stands behind a closing tag cannot be judged yet. */
bool think_ends_early(const char *p, size_t n)
{
	return n == 0 || (*p == '<' && tag_match(p, n).kind == TAG_PART);
}

bool think_is_closing(unsigned family, const struct tag *g)
{
	if (g->kind == TAG_CHANNEL)
		return family == FAMILY_BARS;
	return g->kind == TAG_CLOSE && (g->family == family || (family == FAMILY_ANY && g->family != FAMILY_WORDS));
}

/* The first closing tag from `at` on; its place, or n. *ret is the tag, TAG_PART when it may begin there. */
size_t think_find_close(const struct think *t, char prev, const char *p, size_t n, size_t at, struct tag *ret)
{
	unsigned family = t->family;
	for (size_t i = at; i < n; i++) {
		*ret = (struct tag){.kind = TAG_NONE};
		if (family == FAMILY_SPOKEN)
			*ret = tag_match_spoken_close(t->spoken, p + i, n - i);
		if (ret->kind == TAG_NONE && tag_may_begin(p[i]))
			*ret = tag_match(p + i, n - i);
		char quote = i > 0 ? p[i - 1] : prev;
		if (think_is_closing(family, ret) && (quote == '`' || quote == '"')) {
			if (i + ret->n == n)
				ret->kind = TAG_PART;
			else if (p[i + ret->n] == quote)
				continue; /* the model thinks about tags */
		}
		if (ret->kind == TAG_PART || think_is_closing(family, ret))
			return i;
	}
	*ret = (struct tag){.kind = TAG_NONE};
	return n;
}

/* An answer begins so, also where a thought left its block of code open. */
bool think_begins_paragraph(const char *p, size_t n, bool last)
{
	if (n > 0 && *p == '\r')
		p++, n--;
	return n == 0 ? last : *p == '\n' && (n == 1 ? last : p[1] == '\n' || p[1] == '\r');
}
