/*
 * text_calls.c - the forms in which models write calls into their text, found while it streams. What may become the mark of a
 * call is held back; what turns out to be none goes out as it came. In a block of code such text is talk.
 */
#include "tool/text_calls.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "provider/collect.h"
#include "tool/written.h"

#define HELD_MAX ((size_t)1 << 20)
#define HEAD_MAX ((size_t)512) /* of a call in channels */
#define BARE_MAX 96            /* bytes in which a bare object must show that it is a call */
#define DS(word) "<\xef\xbd\x9c" word "\xef\xbd\x9c>"
#define DS_CALLS                                                                                                       \
	DS("tool\xe2\x96\x81"                                                                                          \
	   "calls\xe2\x96\x81"                                                                                         \
	   "begin")
#define DS_END                                                                                                         \
	DS("tool\xe2\x96\x81"                                                                                          \
	   "calls\xe2\x96\x81"                                                                                         \
	   "end")

/* Where a call begins and ends; `end` NULL: with the answer. */
static const struct form {
	const char *open, *end, *also; /* also: another end */
	bool keeps;                    /* its opening mark is a part of what it says */
	bool at_line;                  /* only where a line begins */
	bool in_channel;               /* its end is that of its object */
} forms[] = {{"<tool_call>", "</tool_call>", .keeps = false}, {"<function=", "</function>", .keeps = true},
	{"<function_calls>", "</function_calls>", .keeps = false}, {"[TOOL_CALLS]", NULL, .keeps = false},
	{"<|python_tag|>", "<|eom_id|>", "<|eot_id|>", .keeps = false}, {DS_CALLS, DS_END, .keeps = false},
	{"<|channel|>commentary to=functions.", "<|call|>", .keeps = true},
	/* The same, of which the provider or the server has read the tokens. */
	{"to=functions.", NULL, .keeps = true, .at_line = true, .in_channel = true},
	{"commentary to=functions.", NULL, .keeps = true, .at_line = true, .in_channel = true},
	{"assistantcommentary to=functions.", NULL, .keeps = true, .at_line = true, .in_channel = true},
	{"<|tool_call>", "<tool_call|>", .keeps = false}, {"<|tool_call_start|>", "<|tool_call_end|>", .keeps = false},
	{"Action:", "Observation:", .keeps = true, .at_line = true}};
#define BARE   ((int)N_ELEMENTS(forms))
#define RESULT (BARE + 1)

/* What a result begins with. A model that writes one behind its call has made it up, and all that follows rests on it. */
static const char *const results[] = {"<tool_response>", "<|tool_response>", "<|tool_response_start|>",
	"[TOOL_RESULTS]", "<|observation|>",
	DS("tool\xe2\x96\x81"
	   "outputs\xe2\x96\x81"
	   "begin")};

void text_calls_done(struct text_calls *x)
{
	buf_done(&x->held);
}

/* ---- events ---- */

static int say(struct text_calls *x, bool on_loop, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 6 + 64);

	if (n == 0)
		return 0;
	buf_add_str(&b, "{\"text\":");
	json_add_string(&b, p, n);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : x->next->event(x->next, on_loop, EV_TEXT, b.p, b.n);
}

static int call(struct text_calls *x, bool on_loop, const struct written_call *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(c->arguments.n * 6 + 1024);

	buf_printf(&b, "{\"index\":%u,\"id\":\"text_%u\",\"name\":", x->n_calls, x->n_calls);
	json_add_string(&b, c->name.p, c->name.n);
	buf_add_str(&b, ",\"arguments\":");
	json_add_string(&b, c->arguments.p ? c->arguments.p : "", c->arguments.n);
	buf_add_char(&b, '}');
	x->n_calls++;
	int r = buf_status(&b);
	return r < 0 ? r : x->next->event(x->next, on_loop, EV_TOOL_CALL, b.p, b.n);
}

static bool offered(const struct text_calls *x, struct str name)
{
	for (size_t i = 0; i < x->n_tools; i++)
		if (str_eq(str_from(x->tools[i].name), name))
			return true;
	return false;
}

/* ---- what went out, for blocks of code ---- */

/* A line of at least three ticks or tildes opens a block, one of at least as many and nothing else closes it. */
static void pass(struct text_calls *x, char c)
{
	x->any |= !isspace((unsigned char)c);
	if (c == '\n') {
		if (!x->opens && !x->mid_line && x->ticks >= x->fence && x->tick == x->fence_tick)
			x->fence = 0;
		x->mid_line = x->opens = false;
		x->ticks = 0;
	} else if ((c == '`' || c == '~') && !x->mid_line && (x->ticks == 0 || x->tick == c)) {
		x->tick = c;
		x->ticks++;
		x->opens |= x->fence == 0 && x->ticks == 3;
		if (x->opens) {
			x->fence = x->ticks;
			x->fence_tick = c;
		}
	} else if (c == '`' && x->opens && x->fence_tick == '`') {
		x->opens = false; /* code within a line */
		x->fence = 0;
	} else if (c != ' ' && c != '\t' && c != '\r') {
		x->mid_line = true;
	}
}

static int release(struct text_calls *x, bool on_loop, size_t n)
{
	ASSERT(n <= x->held.n);
	for (size_t i = 0; i < n; i++)
		pass(x, x->held.p[i]);
	int r = say(x, on_loop, x->held.p, n);
	buf_consume(&x->held, n);
	return r;
}

/* ---- the beginning of one ---- */

enum match { NO, PART, YES };

static enum match starts(const char *p, size_t n, const char *mark)
{
	size_t k = strlen(mark);

	if (memcmp(p, mark, MIN(n, k)) != 0)
		return NO;
	return n >= k ? YES : PART;
}

/* {"name": "X" at the front of an answer, where X is offered; also in a list, and [x( of Python. */
static enum match bare(const struct text_calls *x, const char *p, size_t n)
{
	static const char *const keys[] = {"{\"name\":\"", "[{\"name\":\"", "{\"type\":\"function\",\"name\":\"", "["};
	char tight[BARE_MAX + 1];
	size_t k = 0;

	for (size_t i = 0; i < n && k < BARE_MAX; i++)
		if (!isspace((unsigned char)p[i]))
			tight[k++] = p[i];
	tight[k] = '\0';
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		size_t len = strlen(keys[i]);
		if (k < len && strncmp(tight, keys[i], k) == 0)
			return PART;
		if (strncmp(tight, keys[i], len) != 0)
			continue;
		for (size_t t = 0; t < x->n_tools; t++) {
			const char *name = x->tools[t].name, end = keys[i][len - 1] == '[' ? '(' : '"';
			size_t l = strlen(name);
			if (k - len <= l && strncmp(tight + len, name, k - len) == 0)
				return PART;
			if (k - len > l && strncmp(tight + len, name, l) == 0 && tight[len + l] == end)
				return YES;
		}
	}
	return NO;
}

static enum match begins(const struct text_calls *x, const char *p, size_t n, int *ret_form)
{
	enum match best = NO;

	if (x->fence)
		return NO;
	for (int i = 0; i < BARE; i++) {
		enum match m = forms[i].at_line && (x->mid_line || x->ticks) ? NO : starts(p, n, forms[i].open);
		if (m == YES) {
			*ret_form = i;
			return YES;
		}
		best = m == PART ? PART : best;
	}
	for (size_t i = 0; x->n_calls && i < N_ELEMENTS(results); i++) {
		enum match m = starts(p, n, results[i]);
		if (m == YES)
			*ret_form = RESULT;
		if (m != NO)
			return m;
	}
	if (!x->any && (*p == '{' || *p == '[')) {
		enum match m = bare(x, p, n);
		*ret_form = BARE;
		return m == NO ? best : m;
	}
	return best;
}

/* ---- the end of one ---- */

/* Of the arguments that begin at `from`: bytes up to their end; 0: it has not come. */
static size_t object_ended(struct text_calls *x, size_t from)
{
	for (size_t i = x->object.at = MAX(x->object.at, from); i < x->held.n; x->object.at = ++i) {
		char c = x->held.p[i];
		if (x->object.escaped)
			x->object.escaped = false;
		else if (x->object.quoted && c == '\\')
			x->object.escaped = true;
		else if (c == '"')
			x->object.quoted = !x->object.quoted;
		else if (!x->object.quoted && (c == '{' || c == '['))
			x->object.depth++;
		else if (!x->object.quoted && (c == '}' || c == ']') && x->object.depth && --x->object.depth == 0)
			return i + 1;
	}
	return 0;
}

/* The same of a call in channels, or up to where it shows that it is none. */
static size_t channel_ended(struct text_calls *x)
{
	struct str s = {x->held.p, x->held.n}, name;
	size_t n;
	enum written_head head = written_head(s, &name, &n);

	if (name.p + name.n < s.p + s.n && !offered(x, name))
		return (size_t)(name.p + name.n - s.p);
	if (head == HEAD_PART)
		return s.n < HEAD_MAX ? 0 : s.n;
	return head == HEAD_NONE ? n : object_ended(x, n);
}

/* Bytes up to the end of the call, its mark with it; 0: it has not come. */
static size_t ended(struct text_calls *x)
{
	ASSERT(x->form >= 0 && x->form <= BARE);
	if (x->form != BARE && forms[x->form].in_channel)
		return x->held.n ? channel_ended(x) : 0;
	const char *ends[] = {
		x->form == BARE ? NULL : forms[x->form].end, x->form == BARE ? NULL : forms[x->form].also};

	for (size_t i = 0; i < N_ELEMENTS(ends); i++) {
		const char *at = ends[i] && x->held.n ? memmem(x->held.p, x->held.n, ends[i], strlen(ends[i])) : NULL;
		if (at)
			return (size_t)(at - x->held.p) + strlen(ends[i]);
	}
	return 0;
}

/* The held text is calls, or text after all. */
static int settle(struct text_calls *x, bool on_loop, size_t n)
{
	CLEANUP(arena_done) struct arena a;
	struct written_calls found = {.n = 0};
	ASSERT(x->form >= 0 && x->form <= BARE && n <= x->held.n);
	const struct form *f = x->form == BARE ? NULL : &forms[x->form];
	bool result = f && f->at_line && f->end && n >= strlen(f->end) &&
		      memcmp(x->held.p + n - strlen(f->end), f->end, strlen(f->end)) == 0;
	int r = 0;

	arena_init(&a, 16 * HELD_MAX);
	struct str body = {x->held.p, n};
	if (f && !f->keeps) {
		size_t k = strlen(f->open);
		body = (struct str){body.p + k, body.n - k};
	}
	if (f && f->end && body.n >= strlen(f->end) &&
		memcmp(body.p + body.n - strlen(f->end), f->end, strlen(f->end)) == 0)
		body.n -= strlen(f->end);
	x->form = -1;
	written_read(body, &a, &found);
	bool good = found.n > 0;
	for (size_t i = 0; i < found.n; i++)
		good &= offered(x, found.items[i].name);
	if (!good)
		return release(x, on_loop, n);
	for (size_t i = 0; r >= 0 && i < found.n; i++)
		r = call(x, on_loop, &found.items[i]);
	buf_consume(&x->held, n);
	x->any = true;
	x->over = result;
	return r;
}

/* All that can be said of what is held. */
static int go_on(struct text_calls *x, bool on_loop)
{
	size_t at = 0, out = 0;
	int r = 0;

	while (r >= 0 && x->form >= 0 && !x->over) {
		size_t n = ended(x);
		if (n == 0)
			return x->held.n < HELD_MAX / 2 ? 0 : settle(x, on_loop, x->held.n);
		r = settle(x, on_loop, n);
	}
	if (x->over)
		buf_reset(&x->held);
	for (; r >= 0 && at < x->held.n; at++) {
		int form = -1;
		enum match m = begins(x, x->held.p + at, x->held.n - at, &form);
		if (m == PART)
			break;
		if (m == YES) {
			r = say(x, on_loop, x->held.p, at);
			buf_consume(&x->held, at);
			x->over = form == RESULT;
			x->form = form == RESULT ? -1 : form;
			memset(&x->object, 0, sizeof(x->object));
			return r < 0 ? r : go_on(x, on_loop);
		}
		pass(x, x->held.p[at]);
		out = at + 1;
	}
	if (r >= 0)
		r = say(x, on_loop, x->held.p, out);
	buf_consume(&x->held, out);
	return r;
}

static int event(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct text_calls *x = CONTAINER_OF(s, struct text_calls, sink);

	if (type != EV_TEXT)
		return x->next->event(x->next, on_loop, type, json, n);
	struct str raw = collect_text_of(json, n);
	json_add_unescaped(&x->held, raw.p, raw.n);
	int r = buf_status(&x->held);
	return r < 0 ? r : x->held.n ? go_on(x, on_loop) : 0;
}

void text_calls_init(struct text_calls *x, struct gen_sink *next, const struct gen_tool *tools, size_t n_tools)
{
	*x = (struct text_calls){.sink.event = event,
		.next = next,
		.tools = tools,
		.n_tools = n_tools,
		.held = BUF_INIT(HELD_MAX),
		.form = -1};
}

int text_calls_finish(struct text_calls *x)
{
	int r = x->form >= 0 ? settle(x, false, x->held.n) : 0;

	return r < 0 ? r : release(x, false, x->held.n);
}
