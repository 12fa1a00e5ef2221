/*
 * remarks.c - what of a request had no effect, or another, is gathered while it is read, as lists of names in the request's memory;
 * they go into headers, and into the member `atelier` of an answer's last object, for clients that see no headers. A name is a
 * client's own text: it is told only if it is a word, once, and up to a size.
 */
#include "api/gateway/gateway_priv.h"

#define LIST_BYTES 2000

/* Adds to a list with commas between, once. False: it is there already, or there is no room. */
static bool add_listed(struct gw_call *c, const char **list, const char *name, const char *rest)
{
	size_t n = strlen(name);
	const char *had = *list ? *list : "";

	if (strlen(had) + n + strlen(rest) > LIST_BYTES)
		return false;
	for (const char *at = strstr(had, name); at; at = strstr(at + 1, name)) {
		if ((at == had || at[-1] == ' ') && (at[n] == ',' || at[n] == '=' || at[n] == '\0'))
			return false;
	}
	const char *more = arena_printf(&c->q->mem, "%s%s%s%s", had, *had ? ", " : "", name, rest);
	if (more)
		*list = more;
	return more != NULL;
}

/* Names are a client's own text: what is no word of letters is not repeated in a header. */
static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= 64 && s[n] == '\0';
}

void gw_ignore(struct gw_call *c, const char *name)
{
	if (name && is_name(name))
		(void)add_listed(c, &c->ignored, name, "");
}

void gw_change(struct gw_call *c, const char *name, const char *as)
{
	const char *rest = is_name(name) && is_name(as) ? arena_printf(&c->q->mem, "=%s", as) : NULL;

	if (rest)
		(void)add_listed(c, &c->changed, name, rest);
}

static const char *effort_name(const struct gw_call *c)
{
	return c->effort_name ? c->effort_name : "reasoning_effort";
}

void gw_change_effort(struct gw_call *c, const char *word, enum gen_thinking thinking, unsigned knows)
{
	static const char *const words[] = {[THINKING_OFF] = "none",
		[THINKING_ON] = "on",
		[THINKING_LOW] = "low",
		[THINKING_MEDIUM] = "medium",
		[THINKING_HIGH] = "high"};
	_Static_assert(N_ELEMENTS(words) == THINKING_HIGH + 1, "each has its word");

	ASSERT((size_t)thinking < N_ELEMENTS(words));
	if (thinking != THINKING_DEFAULT && strcmp(word, words[thinking]) != 0 && !gw_target_can(c, knows))
		gw_change(c, effort_name(c), words[thinking]);
}

/* The limit of tokens, by the name that the request has for it. */
static const char *limit_name(const struct gw_call *c)
{
	static const char *const names[] = {"max_completion_tokens", "max_output_tokens", "max_tokens", NULL};

	for (size_t i = 0; names[i]; i++) {
		if (json_object_get(c->body, names[i]))
			return names[i];
	}
	return "num_predict";
}

void gw_tell_lost(struct gw_call *c)
{
	static const char *const names[] = {"temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty",
		"frequency_penalty", "repeat_penalty"};
	unsigned lost = c->result.lost;

	_Static_assert(
		SAMPLE_TEMPERATURE == 1 && SAMPLE_SEED == 1 << 4 && SAMPLE_REPEAT == 1 << (N_ELEMENTS(names) - 1),
		"a bit for each name, in this order");
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (lost & 1u << i)
			gw_ignore(c, names[i]);
	}
	if (lost & LOST_EFFORT)
		gw_ignore(c, effort_name(c));
	if (lost & (LOST_LEVEL | LOST_TO_BUDGET))
		gw_change(c, effort_name(c), lost & LOST_LEVEL ? "on" : "budget");
	if (lost & LOST_FORMAT)
		gw_ignore(c, "response_format");
	if (lost & LOST_HEAT)
		gw_change(c, "temperature", "1");
	if (lost & LOST_LENGTH)
		gw_change(c, limit_name(c), arena_printf(&c->q->mem, "%lld", (long long)c->max_output));
	if (c->stream)
		return;
	gw_tell_ignored(c);
	if (c->result.queued_ms > 0)
		http_set_header(c->q->x, "x-atelier-queued-ms",
			arena_printf(&c->q->mem, "%lld", (long long)c->result.queued_ms));
}

#define USER_BYTES 256 /* what an Anthropic takes */

void gw_read_user(struct gw_call *c, const char *user, unsigned same)
{
	if (!user || !*user || gw_target_can(c, same))
		return;
	if (strlen(user) > USER_BYTES)
		gw_ignore(c, json_object_get(c->body, "user") ? "user" : "safety_identifier");
	else
		c->req.user = user;
}

void gw_tell_tier(struct gw_call *c)
{
	static const char *const usual[] = {"auto", "default", "standard", "standard_only", NULL};
	const char *tier = json_get_str(c->body, "service_tier");

	if (tier && !gw_word_in(usual, tier))
		gw_ignore(c, "service_tier");
}

json_t *gw_notes(struct str items)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
	json_t *list = NULL;

	buf_add_char(&b, '[');
	buf_add(&b, items.p, items.n);
	buf_add_char(&b, ']');
	if (buf_status(&b) < 0 || json_parse(b.p, b.n, &list, NULL) < 0)
		return json_array();
	return list;
}

bool gw_note_page(const json_t *note, struct gw_page *ret)
{
	const json_t *inner = json_object_get(note, "url_citation");
	const json_t *of = json_is_object(inner) ? inner : note;

	*ret = (struct gw_page){.url = json_get_str(of, "url"),
		.title = json_get_str(of, "title"),
		.said = json_get_str(of, "content"),
		.start = MAX(json_get_i64(of, "start_index", 0), INT64_C(0)),
		.end = MAX(json_get_i64(of, "end_index", 0), INT64_C(0))};
	if (!ret->title)
		ret->title = ret->url;
	if (!ret->said)
		ret->said = "";
	return ret->url != NULL;
}

static void add_ignored(const char *list, struct buf *out)
{
	buf_add_str(out, "\"ignored\":[\"");
	for (const char *p = list; *p; p++) {
		if (p[0] == ',' && p[1] == ' ') {
			buf_add_str(out, "\",\"");
			p++;
		} else {
			buf_add_char(out, *p);
		}
	}
	buf_add_str(out, "\"]");
}

/* Names and words have no characters that JSON escapes. */
static void add_changed(const char *list, struct buf *out)
{
	buf_add_str(out, "\"changed\":{\"");
	for (const char *p = list; *p; p++) {
		if (*p == '=')
			buf_add_str(out, "\":\"");
		else if (p[0] == ',' && p[1] == ' ')
			buf_add_str(out, "\",\"");
		else if (*p != ' ')
			buf_add_char(out, *p);
	}
	buf_add_str(out, "\"}");
}

static void add_remarks(const struct gw_call *c, bool ended, struct buf *out)
{
	const char *comma = ",\"atelier\":{";

	if (c->ignored) {
		buf_add_str(out, comma);
		add_ignored(c->ignored, out);
		comma = ",";
	}
	if (c->changed) {
		buf_add_str(out, comma);
		add_changed(c->changed, out);
		comma = ",";
	}
	if (c->notice) {
		buf_add_str(out, comma);
		buf_add_str(out, "\"notice\":");
		json_add_cstr(out, c->notice);
		comma = ",";
	}
	if (!c->format->beside && c->answer.beside[BESIDE_ANNOTATIONS].n > 0) {
		struct str notes = buf_str(&c->answer.beside[BESIDE_ANNOTATIONS]);

		buf_add_str(out, comma);
		buf_add_str(out, "\"annotations\":[");
		buf_add(out, notes.p, notes.n);
		buf_add_char(out, ']');
		comma = ",";
	}
	if (c->sources.n > 0) {
		struct str sources = buf_str(&c->sources);

		buf_add_str(out, comma);
		buf_add_str(out, "\"sources\":[");
		buf_add(out, sources.p, sources.n);
		buf_add_char(out, ']');
		comma = ",";
	}
	if (ended && c->result.queued_ms > 0) {
		buf_printf(out, "%s\"queued_ms\":%lld", comma, (long long)c->result.queued_ms);
		comma = ",";
	}
	if (comma[1] == '\0')
		buf_add_char(out, '}');
}

void gw_add_remarks(const struct gw_call *c, struct buf *out)
{
	add_remarks(c, true, out);
}

void gw_add_first_remarks(const struct gw_call *c, struct buf *out)
{
	add_remarks(c, false, out);
}

void gw_tell_ignored(const struct gw_call *c)
{
	if (c->ignored)
		http_set_header(c->q->x, "x-atelier-ignored", c->ignored);
	if (c->changed)
		http_set_header(c->q->x, "x-atelier-changed", c->changed);
}
