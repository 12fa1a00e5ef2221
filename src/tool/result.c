/* result.c - results of tools: failures in words, and what is too long cut when it arrives. */
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "tool/tool_priv.h"

#define HEAD ((size_t)48 << 10)
#define TAIL ((size_t)12 << 10)

void tool_result_done(struct tool_result *r)
{
	buf_done(&r->text);
	buf_done(&r->whole);
	buf_done(&r->structured);
}

int tool_fail(struct tool_result *ret, const char *fmt, ...)
{
	char text[2400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_done(&ret->text);
	ret->text = BUF_INIT(TOOL_TEXT_MAX);
	buf_add(&ret->text, text, utf8_prefix(text, strlen(text), sizeof(text)));
	ret->failed = true;
	return 0;
}

void tool_result_unknown(const struct tool_list *l, const char *name, struct tool_result *ret)
{
	(void)tool_fail(ret, "There is no tool %.100s. ", name);
	buf_add_str(&ret->text, l->n ? "There are:" : "There are none: answer without.");
	for (size_t i = 0; i < l->n && ret->text.n < TOOL_TEXT_MAX - 100; i++)
		buf_printf(&ret->text, "%s %s", i ? "," : "", l->items[i].name);
}

/* The first byte of a character at or behind i. */
static size_t at_character(const struct buf *b, size_t i)
{
	while (i < b->n && ((unsigned char)b->p[i] & 0xc0) == 0x80)
		i++;
	return i;
}

#define NOTE_MAX 100

_Static_assert(HEAD + TAIL + NOTE_MAX <= TOOL_TEXT_MAX, "both ends fit, with the note between them");
_Static_assert(TOOL_TEXT_MAX + NOTE_MAX < TOOL_KEPT_MAX, "what is kept is more than what a model is given");

/* Models and pages are given text alone. */
static void repair(struct tool_result *r)
{
	struct buf good = BUF_INIT(r->text.n * 3 + 1);

	if (r->text.n == 0 || utf8_valid(r->text.p, r->text.n))
		return;
	utf8_add_repaired(&good, r->text.p, r->text.n);
	buf_done(&r->text);
	r->text = good;
}

void tool_result_cap(struct tool_result *r)
{
	size_t n, head, tail;
	struct buf whole, text = BUF_INIT(TOOL_TEXT_MAX);

	repair(r);
	n = r->text.n;
	if (n <= TOOL_TEXT_MAX)
		return;
	whole = r->text;
	ASSERT(!r->whole.p); /* capped once */
	head = at_character(&whole, HEAD);
	tail = at_character(&whole, n - TAIL);
	ASSERT(head <= tail && tail <= n);
	buf_add(&text, whole.p, head);
	buf_printf(&text, "\n\n[%zu of %zu bytes are left out here.]\n\n", tail - head, n);
	buf_add(&text, whole.p + tail, n - tail);
	if (n > TOOL_KEPT_MAX) {
		whole.n = utf8_prefix(whole.p, n, TOOL_KEPT_MAX - NOTE_MAX);
		buf_printf(&whole, "\n\n[%zu of %zu bytes are not kept.]\n", n - whole.n, n);
	}
	r->text = text;
	r->whole = whole;
}
