/*
 * collect.c - puts the pieces of an answer together. Texts come escaped, as they stood in the provider's JSON, and are
 * unescaped once, here. Calls of tools come in pieces with numbers, of which a new one must be the next: what comes
 * out of order is refused and not guessed.
 */
#include "provider/collect.h"

#include "base/id.h"

#define CALLS_MAX 128 /* calls of tools in one answer; what OpenAI's own clients take */

/* ---- texts ---- */

struct str collect_text_of(const char *json, size_t n)
{
	static const char head[] = "{\"text\":\"";
	size_t k = sizeof(head) - 1;

	if (n < k + 2 || memcmp(json, head, k) != 0)
		return (struct str){"", 0};
	return (struct str){json + k, n - k - 2};
}

int collect_text(struct gen_answer *a, bool reasoning, struct str escaped)
{
	struct buf *to = reasoning ? &a->reasoning : &a->text;

	to->max = a->max;
	json_add_unescaped(to, escaped.p, escaped.n);
	return buf_status(to);
}

int collect_moved(struct gen_answer *a, const char *json, size_t n, bool *ret_to_text)
{
	bool to_text = memmem(json, n, "\"text\"", 6);
	struct buf *from = to_text ? &a->reasoning : &a->text, *to = to_text ? &a->text : &a->reasoning;

	size_t at = MIN(to_text ? a->reasoning_from : a->text_from, from->n);

	*ret_to_text = to_text;
	to->max = a->max;
	buf_add(to, buf_str(from).p + at, from->n - at);
	buf_cut(from, at);
	return buf_status(to);
}

int collect_items(const struct gen_answer *a, struct buf *list, struct str items)
{
	list->max = a->max;
	if (list->n > 0)
		buf_add_char(list, ',');
	buf_add(list, items.p, items.n);
	return buf_status(list);
}

static int keep_text(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct text_sink *t = CONTAINER_OF(s, struct text_sink, sink);
	struct str escaped = type == EV_TEXT ? collect_text_of(json, n) : (struct str){"", 0};

	(void)on_loop;
	if (type == EV_MOVED)
		buf_reset(&t->text);
	json_add_unescaped(&t->text, escaped.p, escaped.n);
	return buf_status(&t->text);
}

void text_sink_init(struct text_sink *s, size_t max)
{
	*s = (struct text_sink){.sink.event = keep_text, .text = BUF_INIT(max)};
}

/* ---- calls of tools ---- */

void collect_members(const json_t *object, struct buf *to)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		buf_add_char(to, ',');
		json_add_cstr(to, key);
		buf_add_char(to, ':');
		json_add_value(to, v);
	}
}

/* The call of this index; a new one, when the index is the next. */
static struct made_call *call_at(struct gen_answer *a, int64_t index, bool *ret_new)
{
	*ret_new = false;
	if (index >= 0 && (size_t)index < a->n_calls)
		return &a->calls[index];
	if (index != (int64_t)a->n_calls || a->n_calls == CALLS_MAX)
		return NULL;
	if (!a->calls)
		a->calls = xcalloc(CALLS_MAX, sizeof(*a->calls));
	*ret_new = true;
	return &a->calls[a->n_calls++];
}

static char *copy_str(const json_t *from, const char *key)
{
	const char *text = json_get_str(from, key);

	return text ? xstrdup(text) : NULL;
}

static void call_begin(struct made_call *m, const json_t *ev, size_t max)
{
	const char *id = json_get_str(ev, "id"), *name = json_get_str(ev, "name");
	char made[5 + ID_LEN + 1] = "call_";

	id_format(id_new(), made + 5);
	m->id = xstrdup(id && *id ? id : made);
	m->name = xstrdup(name ? name : "");
	m->arguments = BUF_INIT(max);
	m->extras = BUF_INIT(max);
}

int collect_tool(
	struct gen_answer *a, const char *json, size_t n, struct call_piece *ret, json_t **ret_json, struct err *e)
{
	CLEANUP(json_decrefp) json_t *ev = NULL;
	bool is_new;
	int r = json_parse(json, n, &ev, e);

	if (r < 0)
		return r;
	struct made_call *m = call_at(a, json_get_i64(ev, "index", -1), &is_new);
	if (!m)
		return err_set(e, E_PROVIDER, "The model called more tools, or in another order, than can be told.");
	if (is_new)
		call_begin(m, ev, a->max);
	const json_t *arguments = json_object_get(ev, "arguments");
	const json_t *extras = json_object_get(ev, "extras"), *members = json_object_get(extras, "members");
	struct str text = {json_string_value(arguments), json_string_length(arguments)};
	if (members) { /* all of them so far */
		buf_reset(&m->extras);
		collect_members(members, &m->extras);
		free(m->extras_of);
		m->extras_of = copy_str(extras, "provider");
	}
	buf_add(&m->arguments, text.p ? text.p : "", text.n);
	*ret = (struct call_piece){.index = m - a->calls,
		.first = is_new,
		.id = m->id,
		.name = m->name,
		.arguments = text.p ? text : STR(""),
		.extras = members ? buf_str(&m->extras) : STR("")};
	*ret_json = TAKE_PTR(ev);
	r = buf_status(&m->extras);
	return r < 0 ? r : buf_status(&m->arguments);
}

int collect_thoughts(struct gen_answer *a, const char *json, size_t n, struct err *e)
{
	CLEANUP(json_decrefp) json_t *ev = NULL;
	int r = json_parse(json, n, &ev, e);

	if (r < 0)
		return r;
	collect_forget_thoughts(a);
	a->thoughts.max = a->max;
	json_add_value(&a->thoughts, json_object_get(ev, "items"));
	a->thoughts_of = copy_str(ev, "provider");
	return buf_status(&a->thoughts);
}

void collect_forget_thoughts(struct gen_answer *a)
{
	buf_done(&a->thoughts);
	free(a->thoughts_of);
	a->thoughts_of = NULL;
}

/* Some models encode their arguments twice: the object is the contents of a string then. */
static bool add_encoded_twice(struct buf *to, struct str arguments)
{
	CLEANUP(json_decrefp) json_t *v = NULL;

	return json_read(arguments.p, arguments.n, JSON_MEMORY, JSON_READ_LOOSE, &v, NULL) == 0 && json_is_string(v) &&
	       json_add_object(to, json_string_value(v), json_string_length(v));
}

/* Whether the arguments are an object; where they are told as one, strict readers take it then. */
static bool take_object(struct buf *arguments, bool objects)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT(arguments->max * 6);
	struct str text = buf_str(arguments);

	if (!json_add_object(&plain, text.p, text.n) && !(objects && add_encoded_twice(&plain, text)))
		return false;
	if (objects && buf_status(&plain) == 0) {
		buf_reset(arguments);
		buf_add(arguments, plain.p, plain.n);
	}
	return true;
}

static enum made_state state_of(struct made_call *m, bool cut, bool objects)
{
	if (take_object(&m->arguments, objects))
		return MADE_WHOLE;
	if (cut)
		return MADE_CUT;
	/* Some models write `null` where a function takes nothing. */
	if (m->arguments.n > 0 && (!objects || !str_eq(buf_str(&m->arguments), STR("null"))))
		return MADE_WRONG;
	buf_reset(&m->arguments);
	buf_add_str(&m->arguments, "{}");
	return MADE_WHOLE;
}

int collect_end(struct gen_answer *a, bool cut, bool objects, struct err *e)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		struct made_call *m = &a->calls[i];

		m->state = state_of(m, cut, objects);
		if (m->state == MADE_WRONG && objects)
			return err_set(e, E_PROVIDER_BROKEN,
				"The model called the tool %.64s with arguments that are no JSON object: %.100s",
				m->name, buf_str(&m->arguments).p);
	}
	return 0;
}

void gen_answer_done(struct gen_answer *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		free((void *)(uintptr_t)a->calls[i].id);
		free((void *)(uintptr_t)a->calls[i].name);
		buf_done(&a->calls[i].arguments);
		buf_done(&a->calls[i].extras);
		free(a->calls[i].extras_of);
	}
	free(a->calls);
	buf_done(&a->text);
	buf_done(&a->reasoning);
	buf_done(&a->logprobs);
	collect_forget_thoughts(a);
	for (size_t i = 0; i < BESIDE_KINDS; i++)
		buf_done(&a->beside[i]);
	*a = (struct gen_answer){.max = a->max};
}
