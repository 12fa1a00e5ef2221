/*
 * tags.c - a machine of a few states, one byte at a time, so that it takes pieces as they come. It need not understand what a
 * parser does, only never count less: where it is in doubt it counts one more. The insides of scripts and styles of HTML are no
 * tags.
 */
#include "rag/formats/tags.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void begin(struct tags *t, char c)
{
	t->state = TAGS_NAME;
	t->name[0] = c;
	t->named = 1;
	t->attributes = 0;
	t->quote = 0;
}

static void end(struct tags *t)
{
	ASSERT(t->named > 0 && t->named <= sizeof(t->name));
	t->name[MIN(t->named, sizeof(t->name) - 1)] = '\0';
	bool raw = t->html && (strcasecmp(t->name, "script") == 0 || strcasecmp(t->name, "style") == 0);
	t->state = raw ? TAGS_RAW : TAGS_TEXT;
}

static void within(struct tags *t, char c)
{
	if (t->quote) {
		t->quote = c == t->quote ? '\0' : t->quote;
	} else if (c == '>') {
		end(t);
	} else if ((c == '"' || c == '\'') && t->last == '=') {
		t->quote = c;
	} else if (!is_blank(c) && c != '=' && (is_blank(t->last) || strchr("/\"'", t->last))) {
		t->attributes++;
	}
}

static void look(struct tags *t, char c)
{
	bool letter = isalpha((unsigned char)c) || (unsigned char)c >= 0x80 || c == '_' || c == ':';

	switch (t->state) {
	case TAGS_TEXT:
		t->state = c == '<' ? TAGS_OPEN : TAGS_TEXT;
		return;
	case TAGS_OPEN:
		if (letter)
			begin(t, c);
		else
			t->state = c == '<' ? TAGS_OPEN : TAGS_TEXT;
		return;
	case TAGS_NAME:
		if (c == '>')
			end(t);
		else if (is_blank(c) || c == '/')
			t->state = TAGS_WITHIN;
		else if (t->named < sizeof(t->name))
			t->name[t->named++] = c;
		break;
	case TAGS_WITHIN:
		within(t, c);
		break;
	case TAGS_RAW:
		t->state = c == '<' ? TAGS_RAW_OPEN : TAGS_RAW;
		return;
	case TAGS_RAW_OPEN:
		t->state = c == '/' ? TAGS_TEXT : c == '<' ? TAGS_RAW_OPEN : TAGS_RAW;
		return;
	}
	if (!is_blank(c) || t->last != '=') /* a value may stand behind "= " */
		t->last = c;
}

bool tags_look(struct tags *t, struct doc *d, const char *p, size_t n)
{
	for (size_t i = 0; i < n && t->attributes <= ATTRIBUTES_MAX; i++)
		if (p[i]) /* of UTF-16 every other byte */
			look(t, p[i]);
	if (t->attributes > ATTRIBUTES_MAX)
		doc_fail(d, EXTRACT_TOO_COMPLEX, "One element of the file has more than 5000 attributes.");
	return t->attributes <= ATTRIBUTES_MAX;
}
