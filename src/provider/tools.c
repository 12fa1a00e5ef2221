/*
 * tools.c - the calls of tools in an answer: pieces that servers number in many ways become events of calls numbered
 * from 0, each with an id and a name in its first event.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/utf8.h"
#include "provider/provider_priv.h"

#define CALLS_MAX    128     /* what clients of such servers take */
#define EXTRAS_BYTES 65536u  /* of what is said of a call beside its arguments; more is not kept */
#define EXTRAS_TOLD  262144u /* of an answer, as they come; beyond it those that change are told when it ends */

struct answer_call {
	size_t index;                        /* in our events: the calls are numbered as their names come */
	int64_t at;                          /* the provider's index; -1: none */
	char *id;                            /* the provider's; NULL: none came yet, and one was made */
	char *name;                          /* NULL: has not come yet */
	bool told;                           /* its first event was made */
	struct buf early;                    /* arguments that came before the name */
	json_t *extras;                      /* so far; NULL: none came */
	bool untold;                         /* not as they are now */
	int depth;                           /* of the braces in the arguments so far */
	bool in_string, escaped, any, whole; /* any: something stands in them; whole: the outermost brace was closed */
	uint16_t half;                       /* of a character in the arguments */
};

struct answer_calls {
	struct answer_call *all;
	size_t n, n_named;
	size_t extras_told; /* bytes */
};

void answer_tools_done(struct answer *s)
{
	if (!s->calls)
		return;
	for (size_t i = 0; i < s->calls->n; i++) {
		free(s->calls->all[i].id);
		free(s->calls->all[i].name);
		buf_done(&s->calls->all[i].early);
		json_decref(s->calls->all[i].extras);
	}
	free(s->calls->all);
	free(s->calls);
	s->calls = NULL;
}

/* ---- events ---- */

static void make_id(char ret[static 32])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char random[16];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		abort(); /* as all ids of the program: the kernel always has these few bytes */
	memcpy(ret, "call_", 5);
	for (size_t i = 0; i < sizeof(random); i++)
		ret[5 + i] = letters[random[i] % (sizeof(letters) - 1)];
	ret[5 + sizeof(random)] = '\0';
}

static int emit_arguments(struct answer *s, size_t index, const char *p, size_t n)
{
	int r = 0;
	while (n > 0 && r >= 0) {
		size_t k = MAX(utf8_prefix(p, n, LONG_BYTES), MIN(n, 1u)); /* never in the middle of a character */
		CLEANUP(buf_done) struct buf b = BUF_INIT(k * 6 + 64);
		buf_printf(&b, "{\"index\":%zu,\"arguments\":", index);
		json_add_string(&b, p, k);
		buf_add_char(&b, '}');
		r = buf_status(&b);
		if (r >= 0)
			r = answer_emit(s, EV_TOOL_CALL, b.p, b.n);
		p += k;
		n -= k;
	}
	return r;
}

static void add_extras(const struct answer *s, const struct answer_call *c, struct buf *b)
{
	buf_add_str(b, ",\"extras\":{\"provider\":");
	json_add_cstr(b, s->provider);
	buf_add_str(b, ",\"members\":");
	json_add_value(b, c->extras);
	buf_add_char(b, '}');
}

static int emit_extras(struct answer *s, const struct answer_call *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(EXTRAS_BYTES * 2);
	buf_printf(&b, "{\"index\":%zu", c->index);
	add_extras(s, c, &b);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : answer_emit(s, EV_TOOL_CALL, b.p, b.n);
}

static int emit_first(struct answer *s, const struct answer_call *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES * 6);
	bool fits = c->early.n <= LONG_BYTES;
	char made[32];
	if (!c->id)
		make_id(made);
	buf_printf(&b, "{\"index\":%zu,\"id\":", c->index);
	json_add_cstr(&b, c->id ? c->id : made);
	buf_add_str(&b, ",\"name\":");
	json_add_cstr(&b, c->name);
	if (fits && c->early.n > 0) {
		buf_add_str(&b, ",\"arguments\":");
		json_add_string(&b, c->early.p, c->early.n);
	}
	if (c->extras)
		add_extras(s, c, &b);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	if (r >= 0)
		r = answer_emit(s, EV_TOOL_CALL, b.p, b.n);
	return r < 0 || fits ? r : emit_arguments(s, c->index, c->early.p, c->early.n);
}

/* ---- which call a piece belongs to ---- */

static struct answer_call *last_call(const struct answer_calls *all)
{
	return all->n > 0 ? &all->all[all->n - 1] : NULL;
}

static struct answer_call *by_id(const struct answer_calls *all, const char *id)
{
	for (size_t i = all->n; i-- > 0;)
		if (all->all[i].id && strcmp(all->all[i].id, id) == 0)
			return &all->all[i];
	return NULL;
}

static struct answer_call *by_place(const struct answer_calls *all, int64_t at)
{
	for (size_t i = all->n; i-- > 0;)
		if (all->all[i].at == at)
			return &all->all[i];
	return NULL;
}

/* Without an id to tell: a name again after whole arguments begins the next call; else the name is only repeated. */
static bool begins_next(const struct answer_call *c, const char *name)
{
	return name && c->name && (c->whole || strcmp(c->name, name) != 0);
}

static struct answer_call *find_call(const struct answer_calls *all, int64_t at, const char *id, const char *name)
{
	struct answer_call *c = at >= 0 ? by_place(all, at) : id ? by_id(all, id) : last_call(all);
	if (!c)
		return NULL;
	if (id && c->id)
		return strcmp(id, c->id) == 0 ? c : at >= 0 ? by_id(all, id) : NULL;
	return begins_next(c, name) ? NULL : c;
}

static struct answer_call *add_call(struct answer *s, int64_t at)
{
	struct answer_calls *all = s->calls;
	if (!all)
		all = s->calls = xcalloc(1, sizeof(*all));
	if (!all->all)
		all->all = xcalloc(CALLS_MAX, sizeof(*all->all));
	if (all->n == CALLS_MAX)
		return NULL;
	struct answer_call *c = &all->all[all->n++];
	c->at = at;
	c->early = BUF_INIT(LINE_MAX_BYTES);
	return c;
}

/* ---- pieces ---- */

/* Follows the braces, so that the end of the arguments is known without keeping them. */
static void follow(struct answer_call *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		c->any = true;
		if (c->escaped)
			c->escaped = false;
		else if (c->in_string && p[i] == '\\')
			c->escaped = true;
		else if (p[i] == '"')
			c->in_string = !c->in_string;
		else if (!c->in_string && (p[i] == '{' || p[i] == '['))
			c->depth++;
		else if (!c->in_string && (p[i] == '}' || p[i] == ']'))
			c->whole |= --c->depth <= 0;
	}
}

/* At their beginning: blanks, and an object without members, which some servers send before the pieces of the real one.
 * Without those it is what the end makes of no arguments. */
static void skip_nothing(struct answer_call *c, const char **p, size_t *n)
{
	size_t blanks = 0;
	while (blanks < *n && isspace((unsigned char)(*p)[blanks]))
		blanks++;
	*p += blanks;
	*n -= blanks;
	if (*n == 2 && memcmp(*p, "{}", 2) == 0) {
		c->whole = true;
		*n = 0;
	}
}

static int take_arguments(struct answer *s, struct answer_call *c, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf whole = BUF_INIT(n * 3 + 16);
	int r = wire_join_halves(&c->half, s->has_halves, &p, &n, &whole);
	if (r >= 0 && !c->any)
		skip_nothing(c, &p, &n);
	if (r < 0 || n == 0)
		return r;
	follow(c, p, n);
	if (!c->whole) /* what has its end repeats nothing without end */
		repeat_add(&s->repeat, p, n);
	if (c->told)
		return emit_arguments(s, c->index, p, n);
	buf_add(&c->early, p, n);
	return buf_status(&c->early);
}

/* Calls whose arguments are an empty object, as far as one can know: something else of the answer follows. */
static int settle_empty(struct answer *s)
{
	int r = 0;
	for (size_t i = 0; s->calls && i < s->calls->n && r >= 0; i++) {
		struct answer_call *c = &s->calls->all[i];
		if (!c->told || c->any || !c->whole)
			continue;
		c->any = true;
		r = emit_arguments(s, c->index, "{}", 2);
	}
	return r;
}

/* Some servers say them again with each piece: only what is new is told. */
static int take_extras(struct answer *s, struct answer_call *c, const json_t *extras)
{
	if (!extras || !s->provider)
		return 0;
	CLEANUP(json_decrefp) json_t *all = c->extras ? json_copy(c->extras) : json_object();
	json_object_update(all, (json_t *)(uintptr_t)extras);
	size_t bytes = json_dumpb(all, NULL, 0, JSON_COMPACT);
	if (bytes > EXTRAS_BYTES || json_equal(all, c->extras))
		return 0;
	json_decref(c->extras);
	c->extras = json_incref(all);
	c->untold = c->told && s->calls->extras_told + bytes > EXTRAS_TOLD;
	if (!c->told || c->untold)
		return 0;
	s->calls->extras_told += bytes;
	return emit_extras(s, c);
}

/* The call has its name: it begins. */
static int begin_call(struct answer *s, struct answer_call *c, const struct tool_piece *p)
{
	int r = settle_empty(s);
	c->name = xstrdup(p->name);
	c->index = s->calls->n_named++;
	if (r >= 0)
		r = take_arguments(s, c, p->arguments.p, p->arguments.n);
	if (r >= 0)
		r = emit_first(s, c);
	c->told = true;
	buf_done(&c->early);
	return r;
}

static int take_piece(struct answer *s, const struct tool_piece *p)
{
	struct answer_call *c = s->calls ? find_call(s->calls, p->at, p->id, p->name) : NULL;
	bool is_call = p->id || p->name || p->arguments.n > 0;
	if (!c && !is_call)
		return 0;
	if (!c && !(c = add_call(s, p->at)))
		return err_set(
			s->e, E_PROVIDER_BROKEN, "%s wants more than %d tools in one answer.", s->label, CALLS_MAX);
	if (p->id && !c->id && !c->name)
		c->id = xstrdup(p->id);
	int r = take_extras(s, c, p->extras);
	if (r < 0 || !is_call)
		return r;
	return p->name && !c->name ? begin_call(s, c, p) : take_arguments(s, c, p->arguments.p, p->arguments.n);
}

int answer_tool(struct answer *s, struct tool_piece piece, const json_t *arguments)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES * 6);
	piece.id = piece.id && *piece.id ? piece.id : NULL;
	piece.name = piece.name && *piece.name ? names_own(s->names, piece.name) : NULL;
	piece.arguments = STR("");
	if (json_is_string(arguments)) {
		piece.arguments = (struct str){json_string_value(arguments), json_string_length(arguments)};
	} else if (arguments && !json_is_null(arguments)) {
		json_add_value(&b, arguments);
		piece.arguments = buf_str(&b);
	}
	int r = buf_status(&b);
	return r < 0 ? r : take_piece(s, &piece);
}

int answer_tools_finish(struct answer *s)
{
	/* Where the answer was cut off, or ended by a word that nobody knows, arguments that did not come are missing, and not
	 * none; also behind an empty object. */
	bool cut = strcmp(s->finish_reason, "stop") != 0 && strcmp(s->finish_reason, "tool_calls") != 0;
	int r = cut ? 0 : settle_empty(s);
	for (size_t i = 0; s->calls && !cut && i < s->calls->n && r >= 0; i++) {
		struct answer_call *c = &s->calls->all[i];
		if (!c->name)
			return err_set(s->e, E_PROVIDER_BROKEN, "%s wants a tool without saying which.", s->label);
		if (c->half)
			r = emit_arguments(s, c->index, "\xef\xbf\xbd", 3);
		else if (!c->any)
			r = emit_arguments(s, c->index, "{}", 2);
	}
	for (size_t i = 0; s->calls && i < s->calls->n && r >= 0; i++)
		if (s->calls->all[i].untold)
			r = emit_extras(s, &s->calls->all[i]);
	/* Some servers say "stop" although there are calls. */
	if (s->calls && strcmp(s->finish_reason, "stop") == 0)
		answer_set_reason(s, "tool_calls");
	return r;
}
