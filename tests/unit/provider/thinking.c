/* thinking.c - see thinking.h. */
#include "thinking.h"

#include <stdio.h>

#include "base/utf8.h"
#include "streams.h"

bool asked;

/* Feeds the text in two pieces, cut after `cut` bytes, or each character alone (cut 0). */
struct told think(const char *p, size_t cut, bool known, bool stays, const char *reason, const char *apart)
{
	struct memory_sink m;
	struct err e = {0};
	struct answer s;
	struct told o = {.alone = false};
	size_t n = strlen(p);
	sink_init(&m, true);
	answer_init(&s, &openai_dialect, "Fake", &m.sink, &e);
	think_init(&s.think, known, stays);
	s.think.asked = asked;
	if (apart)
		assert_int_equal(answer_reasoning(&s, apart, strlen(apart)), 0);
	for (size_t at = 0; at < n;) {
		size_t k = cut == 0 ? utf8_char(p + at, n - at) : at < cut ? MIN(cut, n) : n - at;
		/* Mostly as the scanner hands it over; what it cannot take comes decoded. */
		if (memchr(p + at, '\n', k) || memchr(p + at, '"', k))
			assert_int_equal(answer_content(&s, p + at, k), 0);
		else
			assert_int_equal(answer_raw(&s, EV_TEXT, p + at, k), 0);
		at += k;
	}
	answer_set_reason(&s, reason);
	assert_int_equal(answer_finish(&s), 0);
	o.alone = s.think.closed_alone;
	o.never_closed = s.think.never_closed;
	snprintf(o.text, sizeof(o.text), "%s", buf_str(&m.text).p);
	snprintf(o.reasoning, sizeof(o.reasoning), "%s", buf_str(&m.reasoning).p);
	answer_done(&s);
	sink_done(&m);
	return o;
}

void same(const struct told *o, const char *reasoning, const char *text, const char *p)
{
	if (strcmp(o->reasoning, reasoning) != 0 || strcmp(o->text, text) != 0)
		fail_msg("%s\n became\nreasoning: %s\ntext: %s", p, o->reasoning, o->text);
}

void becomes_when(const char *p, bool known, bool stays, const char *reason, const char *apart, const char *reasoning,
	const char *text)
{
	for (size_t cut = 0; cut <= strlen(p); cut++) {
		if (utf8_prefix(p, strlen(p), cut) != cut)
			continue; /* pieces are whole characters */
		struct told o = think(p, cut, known, stays, reason, apart);
		same(&o, reasoning, text, p);
	}
}

void becomes(const char *p, const char *reasoning, const char *text)
{
	becomes_when(p, false, false, "stop", NULL, reasoning, text);
}

void stays_text(const char *p)
{
	becomes(p, "", p);
	becomes_when(p, false, true, "stop", NULL, "", p);
}
