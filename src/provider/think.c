/*
 * think.c - finds the reasoning in an answer's text: bytes in, cut anywhere, pieces of text and of reasoning out. Each
 * state takes what it can of the bytes at hand; what cannot be judged yet waits for more.
 */
#include "provider/think.h"

#include <stdio.h>

#include "base/clock.h"
#include "provider/provider_priv.h"
#include "provider/think_parts.h"

#define BLOCK_MAX (64u << 10)  /* of a later block that is kept back until it is closed */
#define START_MAX (512u << 10) /* of a beginning that is kept back because nothing can be moved, */
#define START_MS  300000       /* and for how long */
#define HEAD_MAX  256          /* of a channel's head */

/* ---- what goes out ---- */

static int put(struct answer *s, enum event_type type, const char *p, size_t n)
{
	struct think *t = &s->think;
	size_t blanks = t->skip_space ? count_blanks(p, n) : 0;
	if (blanks == n)
		return 0;
	p += blanks;
	n -= blanks;
	bool speaks = count_blanks(p, n) < n;
	if (t->skip_space && type == EV_REASONING && t->any_reasoning) {
		int r = answer_emit_text(s, type, "\n\n", 2); /* blocks stay apart */
		if (r < 0)
			return r;
	}
	t->skip_space = false;
	t->any_text |= speaks && type == EV_TEXT;
	t->any_reasoning |= speaks && type == EV_REASONING;
	t->prev = p[n - 1];
	return answer_emit_text(s, type, p, n);
}

static int move(struct answer *s, const char *to)
{
	char json[32];
	int n = snprintf(json, sizeof(json), "{\"to\":\"%s\"}", to);
	return answer_emit(s, EV_MOVED, json, (size_t)n);
}

static void enter(struct think *t, enum think_state state)
{
	t->state = (unsigned char)state;
	t->skip_space = true;
	t->code = (struct think_code){.mid_line = false};
}

static void open_reasoning(struct think *t, unsigned family)
{
	enter(t, THINK_IN);
	t->family = (unsigned char)family;
	t->thought = true;
}

/* ---- the states: each returns how many bytes it took; 0: it needs more; negative: a failure ---- */

static ptrdiff_t take_text(struct answer *s, const char *p, size_t n, bool last);

static ptrdiff_t take_start(struct answer *s, const char *p, size_t n, bool last)
{
	struct think *t = &s->think;
	size_t blanks = count_blanks(p, n), left = n - blanks;
	if (left == 0 && n < BLOCK_MAX && !last)
		return 0;
	struct tag g = left > 0 ? tag_match(p + blanks, left) : (struct tag){.kind = TAG_NONE};
	if (g.kind == TAG_NONE && left > 0)
		g = tag_match_spoken(p + blanks, left, &t->spoken);
	if (g.kind == TAG_PART && !last)
		return 0;
	if (g.kind == TAG_OPEN && !(g.family == FAMILY_WORDS && t->asked)) {
		open_reasoning(t, g.family);
		t->guessed = g.family == FAMILY_SPOKEN && !t->text_stays;
	} else if (g.kind == TAG_CHANNEL) {
		enter(t, THINK_CHANNEL_HEAD);
	} else if (g.kind == TAG_BODY) {
		t->in_text = true;
		enter(t, THINK_CHANNEL);
	} else {
		t->state = THINK_TEXT;
		return take_text(s, p, n, last);
	}
	return (ptrdiff_t)(blanks + g.n);
}

/* What came as text was reasoning, all of it. */
static int close_alone(struct answer *s, const char *p, size_t n)
{
	struct think *t = &s->think;
	int r = move(s, "reasoning");
	t->skip_space = false;
	t->any_text = false;
	t->any_reasoning = t->thought = t->closed = t->closed_alone = true;
	if (r >= 0)
		r = put(s, EV_REASONING, p, n);
	enter(t, THINK_TEXT);
	return r;
}

static int hold(struct think *t, const char *p, size_t n)
{
	buf_add(&t->held, p, n);
	return buf_status(&t->held);
}

static ptrdiff_t leave_out(struct answer *s, const char *p, size_t i, const struct tag *g)
{
	struct think *t = &s->think;
	int r = put(s, EV_TEXT, p, i);
	if (g->family < FAMILY_KIMI)
		t->wrapped = g->kind == TAG_ANSWER;
	t->skip_space |= g->kind == TAG_ANSWER;
	return r < 0 ? r : (ptrdiff_t)(i + g->n);
}

/* The tag at p + i, of which the text before is not out yet. Returns what was taken in all; 0: the tag is only talk. */
static ptrdiff_t take_tag(struct answer *s, const char *p, size_t n, size_t i, const struct tag *g)
{
	struct think *t = &s->think;
	bool speaks = t->any_text || count_blanks(p, i) < i;
	int r;
	if (g->kind == TAG_CLOSE && !speaks && t->code.indent <= 3) {
		enter(t, THINK_TEXT); /* nothing but a remainder of what was taken apart elsewhere */
		return (ptrdiff_t)(i + g->n);
	}
	if (g->kind == TAG_CLOSE && think_closes_alone(t, p, n, i, g)) {
		t->closed_alone = true;
		t->told_as_text = t->text_stays;
		if (t->text_stays)
			return 0;
		r = close_alone(s, p, i);
		return r < 0 ? r : (ptrdiff_t)(i + g->n);
	}
	if (g->kind == TAG_OPEN && think_opens_again(t, g)) {
		r = put(s, EV_TEXT, p, i);
		t->state = THINK_HELD;
		t->family = (unsigned char)g->family;
		t->held_tag = t->held_seen = g->n;
		t->held_ms = clock_mono_ms();
		if (r >= 0)
			r = hold(t, p + i, g->n);
		return r < 0 ? r : (ptrdiff_t)(i + g->n);
	}
	if (g->kind == TAG_OPEN)
		t->named |= 1u << g->family;
	return think_wraps_answer(t, g, speaks) ? leave_out(s, p, i, g) : 0;
}

static ptrdiff_t take_text(struct answer *s, const char *p, size_t n, bool last)
{
	struct think *t = &s->think;
	for (size_t i = 0; i < n; i++) {
		if (tag_may_begin(p[i]) && !code_inside(&t->code)) {
			struct tag g = tag_match(p + i, n - i);
			/* What stands behind a closing tag tells whether it is one. */
			bool undecided = g.kind == TAG_PART ||
					 (g.kind == TAG_CLOSE && think_ends_early(p + i + g.n, n - i - g.n));
			if (undecided && !last) {
				int r = put(s, EV_TEXT, p, i);
				return r < 0 ? r : (ptrdiff_t)i;
			}
			ptrdiff_t took = g.kind > TAG_PART ? take_tag(s, p, n, i, &g) : 0;
			if (took != 0)
				return took;
		}
		code_step(&t->code, p[i]);
	}
	int r = put(s, EV_TEXT, p, n);
	return r < 0 ? r : (ptrdiff_t)n;
}

/* A closing tag in a block of code: if another one comes, the model only thought about it. */
static int hold_close(struct think *t, const char *p, size_t n)
{
	t->state = THINK_HELD;
	t->held_close = true;
	t->held_tag = t->held_seen = n;
	t->held_ms = clock_mono_ms();
	return hold(t, p, n);
}

/* Where reasoning begins, an opening tag may come that the template has opened already, or that is doubled. */
static bool take_doubled(struct answer *s, const char *p, size_t n, bool last, ptrdiff_t *ret)
{
	struct think *t = &s->think;
	size_t blanks = count_blanks(p, n);
	if (t->any_reasoning || !t->skip_space)
		return false;
	struct tag g = blanks < n ? tag_match(p + blanks, n - blanks) : (struct tag){.kind = TAG_NONE};
	bool says_so = g.kind == TAG_OPEN || g.kind == TAG_CHANNEL || g.kind == TAG_BODY;
	if (blanks == n) {
		*ret = (ptrdiff_t)n;
	} else if (g.kind == TAG_PART && !last) {
		*ret = 0;
	} else if (says_so && t->guessed && t->family == FAMILY_ANY) {
		think_came_apart(t); /* the guess was wrong */
		t->any_reasoning = false;
		*ret = take_start(s, p, n, last);
	} else if (g.kind == TAG_OPEN && g.family == t->family) {
		*ret = (ptrdiff_t)(blanks + g.n);
	} else {
		return false;
	}
	return true;
}

static ptrdiff_t take_reasoning(struct answer *s, const char *p, size_t n, bool last)
{
	struct think *t = &s->think;
	struct tag g;
	ptrdiff_t doubled;
	if (take_doubled(s, p, n, last, &doubled))
		return doubled;
	size_t i = think_find_close(t, t->prev, p, n, 0, &g);
	if (g.kind == TAG_PART && last) {
		g = tag_match(p + i, n - i);
		if (!think_is_closing(t->family, &g))
			i = n;
	}
	int r = put(s, EV_REASONING, p, i);
	for (size_t k = 0; k < i; k++)
		code_step(&t->code, p[k]);
	if (r < 0 || !think_is_closing(t->family, &g))
		return r < 0 ? r : (ptrdiff_t)i;
	if (g.kind == TAG_CHANNEL) {
		t->thought = t->closed = true;
		enter(t, THINK_CHANNEL_HEAD);
		return (ptrdiff_t)(i + g.n);
	}
	const char *behind = p + i + g.n;
	size_t left = n - i - g.n;
	bool fenced = code_fenced(&t->code) && !think_begins_paragraph(behind, left, last);
	if (fenced && left < 2 && !last)
		return (ptrdiff_t)i;
	t->guessed = false;
	t->thought = t->closed = true;
	if (!fenced)
		enter(t, THINK_TEXT);
	else
		r = hold_close(t, p + i, g.n);
	return r < 0 ? r : (ptrdiff_t)(i + g.n);
}

/* ---- what is kept back until it is closed ---- */

static int run(struct answer *s, const char *p, size_t n, bool last);

/* How long the opening tags at the front are, with the blanks before them. */
static size_t opening_tags(const char *p, size_t n)
{
	size_t at = 0;
	for (;;) {
		size_t next = at + count_blanks(p + at, n - at);
		struct tag g = next < n ? tag_match(p + next, n - next) : (struct tag){.kind = TAG_NONE};
		if (g.kind != TAG_OPEN)
			return at;
		at = next + g.n;
	}
}

static int give_held(struct answer *s, enum think_state next, bool last)
{
	struct think *t = &s->think;
	struct buf held = t->held;
	bool reasoning = next == THINK_IN;
	if (!reasoning && t->held_tag == 0) { /* no tag came that the opening one could be missing of: as any answer */
		bool asked = t->asked;
		think_init(t, false, t->text_stays);
		t->asked = asked;
		t->never_closed = true;
		int r = run(s, held.p, held.n, last);
		buf_done(&held);
		return r;
	}
	bool begins = reasoning != t->held_close; /* a block of either, behind the tag, which is left out */
	size_t skip = begins ? t->held_tag : 0;
	if (reasoning && t->held_tag == 0) /* the model wrote the opening tag itself */
		skip = opening_tags(held.p, held.n);
	t->held = BUF_INIT(LINE_MAX_BYTES);
	t->state = (unsigned char)next;
	t->skip_space = begins;
	t->held_close = false;
	int r = held.n > skip ? put(s, reasoning ? EV_REASONING : EV_TEXT, held.p + skip, held.n - skip) : 0;
	for (size_t i = 0; i < held.n && !reasoning; i++)
		code_step(&t->code, held.p[i]);
	buf_done(&held);
	return r;
}

static ptrdiff_t take_held(struct answer *s, const char *p, size_t n, bool last)
{
	struct think *t = &s->think;
	struct tag g;
	size_t had = t->held.n;
	int r = hold(t, p, n);
	if (r < 0)
		return r;
	size_t i = think_find_close(t, t->prev, t->held.p, t->held.n, t->held_seen, &g);
	if (think_is_closing(t->family, &g)) {
		t->held.n = i;
		r = give_held(s, THINK_IN, false);
		t->thought = t->closed = true;
		t->closed_alone |= t->family == FAMILY_ANY;
		enter(t, g.kind == TAG_CHANNEL ? THINK_CHANNEL_HEAD : THINK_TEXT);
		return r < 0 ? r : (ptrdiff_t)(i + g.n - had);
	}
	t->held_seen = i;
	bool begins = t->held_tag == 0;
	if (t->held.n > (begins ? START_MAX : BLOCK_MAX) || (begins && clock_mono_ms() - t->held_ms > START_MS))
		r = give_held(s, begins || t->held_close ? THINK_TEXT : THINK_IN, last);
	return r < 0 ? r : (ptrdiff_t)n;
}

/* ---- harmony's channels ---- */

/* Where the head ends: at the mark of what it is the head of, or n. */
static size_t find_body(const char *p, size_t n, struct tag *ret)
{
	for (size_t i = 0; i < n; i++) {
		*ret = tag_match(p + i, n - i);
		if (ret->kind == TAG_BODY || (ret->kind == TAG_OPEN && ret->family == FAMILY_BARS))
			return i;
	}
	*ret = (struct tag){.kind = TAG_NONE};
	return n;
}

/* A call of a tool that no server made one of is told by its name, which stands in the head; it begins a line. */
static int put_recipient(struct answer *s, const char *head, size_t n)
{
	const char *to = memmem(head, n, "to=", 3);
	const char *end = to ? memchr(to, '<', n - (size_t)(to - head)) : NULL;
	if (!to)
		return 0;
	if (s->think.any_text && s->think.prev != '\n') {
		s->think.skip_space = false;
		int r = put(s, EV_TEXT, "\n", 1);
		if (r < 0)
			return r;
	}
	return put(s, EV_TEXT, to, (size_t)((end ? end : head + n) - to));
}

static ptrdiff_t take_head(struct answer *s, const char *p, size_t n, bool last)
{
	struct think *t = &s->think;
	struct tag g;
	size_t i = find_body(p, n, &g);
	int r = 0;
	if (i == n && n <= HEAD_MAX && !last)
		return 0;
	if (i == n) { /* the model left the channels, or said no more */
		enter(t, THINK_TEXT);
		return last && memmem(p, n, "<|", 2) ? (ptrdiff_t)n : take_text(s, p, n, last);
	}
	bool by_head = g.kind == TAG_BODY && g.family == BODY_BY_HEAD, calls = by_head && memmem(p, i, "to=", 3);
	t->in_text = by_head ? calls || !memmem(p, i, "analysis", 8) : g.kind == TAG_BODY;
	t->thought |= !t->in_text;
	enter(t, THINK_CHANNEL);
	if (calls)
		r = put_recipient(s, p, i);
	return r < 0 ? r : (ptrdiff_t)(i + g.n);
}

static ptrdiff_t take_channel(struct answer *s, const char *p, size_t n, bool last)
{
	struct think *t = &s->think;
	struct tag g = {.kind = TAG_NONE};
	size_t i = 0;
	for (; i < n; i++) {
		g = tag_match(p + i, n - i);
		if (g.kind == TAG_CHANNEL || (g.kind == TAG_PART && !last))
			break;
	}
	int r = put(s, t->in_text ? EV_TEXT : EV_REASONING, p, i);
	if (r < 0 || i == n || g.kind == TAG_PART)
		return r < 0 ? r : (ptrdiff_t)i;
	enter(t, THINK_CHANNEL_HEAD);
	return (ptrdiff_t)(i + g.n);
}

/* ---- the whole ---- */

void think_init(struct think *t, bool known, bool text_stays)
{
	*t = (struct think){.text_stays = text_stays, .held = BUF_INIT(LINE_MAX_BYTES)};
	if (!known)
		return;
	t->family = FAMILY_ANY;
	t->skip_space = true;
	t->held_ms = clock_mono_ms();
	t->state = text_stays ? THINK_HELD : THINK_IN;
	t->guessed = !text_stays;
}

void think_done(struct think *t)
{
	buf_done(&t->held);
}

static int run(struct answer *s, const char *p, size_t n, bool last)
{
	static ptrdiff_t (*const take[])(struct answer *, const char *, size_t, bool) = {[THINK_START] = take_start,
		[THINK_IN] = take_reasoning,
		[THINK_HELD] = take_held,
		[THINK_TEXT] = take_text,
		[THINK_CHANNEL_HEAD] = take_head,
		[THINK_CHANNEL] = take_channel};
	while (n > 0) {
		ptrdiff_t k = take[s->think.state](s, p, n, last);
		if (k < 0)
			return (int)k;
		if (k == 0)
			return hold(&s->think, p, n);
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int think_feed(struct answer *s, const char *p, size_t n)
{
	struct think *t = &s->think;
	if (t->state == THINK_HELD || t->held.n == 0)
		return run(s, p, n, false);
	struct buf whole = t->held;
	t->held = BUF_INIT(LINE_MAX_BYTES);
	buf_add(&whole, p, n);
	int r = buf_status(&whole);
	if (r >= 0)
		r = run(s, whole.p, whole.n, false);
	buf_done(&whole);
	return r;
}

static char unescaped(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

/* Nothing in it can begin a tag, or be a part of one that began. */
bool think_passes(struct think *t, const char *raw, size_t n)
{
	if (t->state == THINK_START && t->held.n == 0 && n > 0 && !strchr("<[\xe2 \t\\", raw[0]) &&
		tag_match_spoken(raw, n, &t->spoken).kind == TAG_NONE)
		t->state = THINK_TEXT;
	bool speaks;
	if (t->state != THINK_TEXT || t->skip_space || t->held.n > 0)
		return false;
	if (code_words(&t->code, raw, n, &speaks)) {
		t->any_text |= speaks;
		return true;
	}
	for (size_t i = 0; i < n; i++)
		if (tag_may_begin(raw[i]))
			return false;
	for (size_t i = 0; i < n; i++) {
		bool escape = raw[i] == '\\' && i + 1 < n;
		char c = escape ? unescaped(raw[++i]) : raw[i];
		code_step(&t->code, c);
		t->any_text |= !is_blank(c);
	}
	return true;
}

void think_came_apart(struct think *t)
{
	bool guess = t->family == FAMILY_ANY && !t->any_reasoning && t->held.n == 0;
	t->thought = t->any_reasoning = true;
	if ((t->state == THINK_IN || t->state == THINK_HELD) && guess) {
		t->state = THINK_START;
		t->skip_space = t->guessed = false;
		t->never_closed = true;
	}
}

int think_finish(struct answer *s, bool whole)
{
	struct think *t = &s->think;
	int r = 0;
	if (t->state == THINK_HELD)
		r = give_held(s, whole || t->held_close ? THINK_TEXT : THINK_IN, true);
	struct buf rest = t->held;
	t->held = BUF_INIT(LINE_MAX_BYTES);
	if (r >= 0 && rest.n > 0)
		r = run(s, rest.p, rest.n, true);
	buf_done(&rest);
	if (r < 0 || !t->guessed || !whole || t->state != THINK_IN)
		return r;
	t->guessed = false;
	t->never_closed = true;
	return t->any_reasoning ? move(s, "text") : 0;
}
