/* once.c - see once.h. */
#include "turn/once.h"

#include <errno.h>

#include "turn/turn_priv.h"

static int copy_chosen(const struct turn *t, struct arena *a, struct once_chosen *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	struct parameters p;
	struct err ignored = {0};
	const char *parameters = parameters_write(&t->parameters, a);

	for (size_t i = 0; i < t->n_instructions; i++)
		buf_printf(&b, "%s%s", i ? "\n\n" : "", t->instructions[i].text);
	bool has_tools = t->wish && strcmp(t->wish, "[]") != 0;
	bool has_documents = t->comes_with && strcmp(t->comes_with, "[]") != 0;
	*ret = (struct once_chosen){.acts = has_tools || has_documents || t->agent.calls || t->agent.plans,
		.instructions = buf_status(&b) == 0 ? arena_strdup(a, buf_str(&b).p) : NULL,
		.left_out = t->left_out ? arena_strdup(a, t->left_out) : NULL,
		.request = {
			.model = arena_strdup(a, t->model), .tokens_if_endless = t->all->settings->answer_max_tokens}};
	if (!ret->instructions || !ret->request.model || !parameters || (t->left_out && !ret->left_out))
		return -ENOMEM;
	int r = parameters_read(parameters, a, &p, &ignored);
	return r < 0 ? r : parameters_apply(&p, a, &ret->request);
}

int once_choose(
	struct turns *all, const struct turn_request *q, struct arena *a, struct once_chosen *ret, struct err *e)
{
	struct turn *t = turn_new(all, q);
	struct conversation none;
	int r = turn_check_tools(all, q, a, e);

	if (r == 0)
		r = turn_choose(t, q, &none, e);
	if (r == 0 && (r = copy_chosen(t, a, ret)) < 0)
		err_set(e, r, "no memory for an answer");
	turn_free(t);
	return r;
}

int once_said(const char *parts, struct arena *a, struct gen_message **ret, size_t *ret_n, struct err *e)
{
	struct said said = {.n = 0};
	int r = said_add_answer(a, &said, parts, false, e);

	if (r == -ENOMEM)
		return err_set(e, r, "no memory for an answer");
	*ret = said.items;
	*ret_n = said.n;
	return r;
}

/* ---- the whole answer ---- */

static int pass_to_listener(struct turn *t, enum event_type type, const char *json, size_t n)
{
	return t->listener->event(t->listener, true, type, json, n);
}

/* Behind those of the answer stand the tools of who asks, which go before others of their name. */
static int add_handed(struct turn *t, const struct gen_request *q)
{
	struct gen_tool *told = ARENA_ARRAY(&t->arena, struct gen_tool, t->tools.n + q->n_tools + 1);
	size_t n = 0;

	if (!told)
		return -ENOMEM;
	for (size_t i = 0; i < t->tools.n; i++) {
		bool taken = false;
		for (size_t k = 0; k < q->n_tools && !taken; k++)
			taken = strcmp(q->tools[k].name, t->tools.items[i].name) == 0;
		if (taken)
			continue;
		t->tools.items[n] = t->tools.items[i];
		told[n++] = t->told_tools[i];
	}
	if (q->n_tools)
		memcpy(told + n, q->tools, q->n_tools * sizeof *told);
	t->tools.n = n;
	t->n_handed = q->n_tools;
	t->told_tools = told;
	return 0;
}

static int take_request(struct turn *t, const struct once_call *c)
{
	int r = add_handed(t, c->request);

	for (size_t i = 0; r == 0 && i < c->request->n_messages; i++)
		r = said_add(&t->arena, &t->said, &c->request->messages[i]);
	t->model = c->request->model;
	t->request = *c->request;
	t->request.messages = t->said.items;
	t->request.tools = t->told_tools;
	t->request.n_tools = t->tools.n + t->n_handed;
	return r < 0 ? err_set(&t->err, r, "no memory for an answer") : 0;
}

int once_run(struct turns *all, const struct once_call *c, struct gen_result *ret, int64_t *ret_cost, struct err *e)
{
	struct turn *t = turn_new(all, c->q);
	struct conversation none;
	struct cancel_link link;
	int r;

	t->ids.turn_id = c->turn_id ? c->turn_id : id_new(); /* to name its calls by */
	t->ids.conversation_id = c->q->conversation_id;
	t->purpose = c->purpose;
	t->asking = c->asks ? ASK_LIVE : ASK_NOBODY;
	t->listener = c->sink;
	t->out = (struct output){FRAMES_INIT((size_t)all->settings->max_answer_bytes), pass_to_listener};
	if ((r = turn_choose(t, c->q, &none, &t->err)) == 0 && (r = turn_choose_tools(t, false, &t->err)) == 0)
		r = take_request(t, c);
	cancel_link(&link, c->cancel, &t->cancel);
	if (r == 0)
		r = turn_where(t, c->q, &t->err);
	if (r == 0 && (r = turn_retrieve(t)) >= 0)
		r = turn_converse(t);
	cancel_unlink(&link);
	*ret = t->result;
	*ret_cost = t->cost_micros;
	if (r < 0)
		*e = t->err;
	turn_free(t);
	return r;
}

/* ---- its events ---- */

void once_log_done(struct once_log *l)
{
	frames_done(&l->frames);
}

int once_log_add(struct once_log *l, enum event_type type, const char *json, size_t n)
{
	return frames_add(&l->frames, type, json, n);
}

int once_log_begin(struct once_log *l, atelier_id turn_id, const char *model, const char *left_out)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT(8192), text = BUF_INIT(4096);
	int r;

	buf_add_char(&json, '{');
	if (turn_id) {
		char id[ID_LEN + 1];
		id_format(turn_id, id);
		buf_printf(&json, "\"turn_id\":\"%s\",", id);
	}
	buf_add_str(&json, "\"model\":");
	json_add_cstr(&json, model);
	buf_add_char(&json, '}');
	if ((r = buf_status(&json)) < 0 || (r = once_log_add(l, EV_START, json.p, json.n)) < 0 || !left_out)
		return r;
	buf_reset(&json);
	turn_left_out_text(model, left_out, &text);
	buf_add_str(&json, "{\"code\":\"parameters\",\"text\":");
	json_add_cstr(&json, buf_str(&text).p);
	buf_add_char(&json, '}');
	r = buf_status(&json);
	return r < 0 ? r : once_log_add(l, EV_NOTICE, json.p, json.n);
}

int once_log_end(struct once_log *l, const struct once_end *end)
{
	const struct closing c = {.state = !end->e                      ? STATE_COMPLETE
					   : end->e->code == E_STOPPING ? STATE_INTERRUPTED
									: STATE_FAILED,
		.result = end->result,
		.asked = end->asked,
		.est_in = end->est_in,
		.est_out = end->est_out,
		.cost_micros = end->cost_micros,
		.error = end->e ? end->e->code : 0,
		.error_text = end->e ? err_public_text(end->e) : NULL};

	return closing_frames(&c, &l->frames);
}

void once_log_send(struct once_log *l, struct buf *out)
{
	struct place end = frames_end(&l->frames);

	for (;;) {
		struct str s = frames_next(&l->frames, &l->sent, end, SIZE_MAX);

		if (s.n == 0)
			return;
		buf_add(out, s.p, s.n);
	}
}

int once_log_message(const struct once_log *l, struct once_message *ret, struct err *e)
{
	struct reduced m;
	int r = reduce_log(NULL, &l->frames, 0, NULL, &m, e);

	*ret = (struct once_message){.content = BUF_INIT(0)};
	if (r == 0) {
		ret->content = m.content;
		ret->parts = m.json;
		ret->figures = m.figures;
		memcpy(ret->finish_reason, m.finish_reason, sizeof ret->finish_reason);
		memcpy(ret->model, m.model, sizeof ret->model);
		m.content = m.json = BUF_INIT(0);
	}
	reduced_done(&m);
	return r;
}

void once_message_done(struct once_message *m)
{
	buf_done(&m->content);
	buf_done(&m->parts);
}
