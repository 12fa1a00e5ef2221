/* collect.c - puts the pieces of an answer together. */
#include "api/gateway/gateway_priv.h"

#define CALLS_MAX 128 /* calls of tools in one answer; what OpenAI's own clients take */

int gw_collect_text(struct buf *to, struct str escaped, size_t max)
{
	to->max = max;
	json_add_unescaped(to, escaped.p, escaped.n);
	return buf_status(to);
}

/* The call of this index; a new one, when the index is the next. */
static struct gw_made *made_at(struct gw_call *c, int64_t index, bool *ret_new)
{
	struct gw_answer *a = &c->answer;

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

static void made_begin(struct gw_made *m, const json_t *ev, size_t max)
{
	const char *id = json_get_str(ev, "id"), *name = json_get_str(ev, "name");
	char made[5 + ID_LEN + 1] = "call_";

	id_format(id_new(), made + 5);
	m->id = xstrdup(id && *id ? id : made);
	m->name = xstrdup(name ? name : "");
	m->arguments = BUF_INIT(max);
}

int gw_collect_tool(struct gw_call *c, const char *json, size_t n, struct gw_tool *ret, json_t **ret_json)
{
	CLEANUP(json_decrefp) json_t *ev = NULL;
	struct err *e = &c->q->err;
	bool is_new;
	int r = json_parse(json, n, &ev, e);

	if (r < 0)
		return r;
	struct gw_made *m = made_at(c, json_get_i64(ev, "index", -1), &is_new);
	if (!m)
		return err_set(e, E_PROVIDER, "The model called more tools, or in another order, than can be told.");
	if (is_new)
		made_begin(m, ev, (size_t)c->q->api->c.settings->max_answer_bytes);
	const json_t *arguments = json_object_get(ev, "arguments");
	struct str text = {json_string_value(arguments), json_string_length(arguments)};
	buf_add(&m->arguments, text.p ? text.p : "", text.n);
	*ret = (struct gw_tool){.index = m - c->answer.calls,
		.first = is_new,
		.id = m->id,
		.name = m->name,
		.arguments = text.p ? text : STR("")};
	*ret_json = TAKE_PTR(ev);
	return buf_status(&m->arguments);
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

static enum gw_made_state state_of(struct gw_made *m, bool cut, bool objects)
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

int gw_collect_end(struct gw_call *c, bool cut)
{
	for (size_t i = 0; i < c->answer.n_calls; i++) {
		struct gw_made *m = &c->answer.calls[i];

		m->state = state_of(m, cut, c->format->calls_are_objects);
		if (m->state == MADE_WRONG && c->format->calls_are_objects)
			return err_set(&c->q->err, E_PROVIDER_BROKEN,
				"The model called the tool %.64s with arguments that are no JSON object: %.100s",
				m->name, buf_str(&m->arguments).p);
	}
	return 0;
}

void gw_answer_done(struct gw_answer *a)
{
	for (size_t i = 0; i < a->n_calls; i++) {
		free((void *)(uintptr_t)a->calls[i].id);
		free((void *)(uintptr_t)a->calls[i].name);
		buf_done(&a->calls[i].arguments);
	}
	free(a->calls);
	buf_done(&a->text);
	buf_done(&a->reasoning);
	buf_done(&a->logprobs);
	*a = (struct gw_answer){.calls = NULL};
}
