/* assistants.c - the models that a key may use, and assistants among them: "assistant/NAME" is answered by the assistant's model,
 * with the layers that a conversation with it would begin with (turn/once.h). */
#include "store/assistants.h"
#include "api/gateway/gateway_priv.h"
#include "base/fold.h"
#include "turn/once.h"

#define PREFIX "assistant/"
#define LATEST ":latest" /* clients that know Ollama add it */

/* ---- finding ---- */

bool gw_names_assistant(struct request *q, const char *name)
{
	struct model m;

	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0)
		return false;
	/* What only a pattern of the rules leads to has no name of its own. */
	return providers_model(q->api->c.providers, name, &q->mem, &m, NULL) < 0 || m.alias_of;
}

/* By its name, or by its id, which also those have whose name is another's. */
static int find_by(struct request *q, const char *name, struct assistant *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	atelier_id user = q->who.user.id, id;
	int r = assistants_named(c, user, name, &q->mem, ret, e);

	if (r != E_NOT_FOUND || !id_parse(name, strlen(name), &id))
		return r;
	err_clear(e);
	return assistants_get(c, user, id, GRANT_USE, &q->mem, ret, e);
}

static int find(struct request *q, const char *model, struct assistant *ret)
{
	const char *name = model + sizeof(PREFIX) - 1, *less;
	size_t n = strlen(name), k = sizeof(LATEST) - 1;
	struct err e = {0};
	int r = find_by(q, name, ret, &e);

	if (r == E_NOT_FOUND && n > k && strcmp(name + n - k, LATEST) == 0) {
		if (!(less = arena_strndup(&q->mem, name, n - k)))
			return request_no_memory(q);
		err_clear(&e);
		r = find_by(q, less, ret, &e);
	}
	if (r == E_NOT_FOUND)
		return err_set(
			&q->err, E_MODEL_UNKNOWN, "There is no assistant %.120s, or it is not shared with you.", name);
	if (r < 0)
		q->err = e;
	return r;
}

/* ---- asking ---- */

int gw_act_for(struct gw_call *c, const struct turn_request *t)
{
	ASSERT(!c->acting);
	if (!(c->acting = ARENA_NEW(&c->q->mem, struct gw_acting)))
		return request_no_memory(c->q);
	*c->acting = (struct gw_acting){.asked = *t, .end = &c->acting->first, .piece = BUF_INIT(REQUEST_MEMORY)};
	c->acting->asked.key_id = c->q->who.key_id;
	return 0;
}

int gw_choose_assistant(struct gw_call *c)
{
	struct request *q = c->q;
	struct turn_request t = {.user_id = q->who.user.id};
	struct once_chosen *chosen = ARENA_NEW(&q->mem, struct once_chosen);
	struct assistant a;
	int r;

	ASSERT(!c->assistant && !c->req.model);
	if (!chosen)
		return request_no_memory(q);
	if ((r = find(q, c->model, &a)) < 0)
		return r;
	t.assistant_id = a.id;
	if ((r = once_choose(q->api->c.turns, &t, &q->mem, chosen, &q->err)) < 0)
		return r;
	c->assistant = chosen;
	if (chosen->acts && (r = gw_act_for(c, &t)) < 0)
		return r;
	c->req.model = chosen->request.model;
	return request_allow_model(q, c->req.model);
}

static void lay_sampling(struct gen_sampling *s, const struct gen_sampling *under)
{
	const struct {
		unsigned bit;
		double *to, from;
	} numbers[] = {
		{SAMPLE_TEMPERATURE, &s->temperature, under->temperature},
		{SAMPLE_TOP_P, &s->top_p, under->top_p},
		{SAMPLE_MIN_P, &s->min_p, under->min_p},
		{SAMPLE_PRESENCE, &s->presence_penalty, under->presence_penalty},
		{SAMPLE_FREQUENCY, &s->frequency_penalty, under->frequency_penalty},
		{SAMPLE_REPEAT, &s->repeat_penalty, under->repeat_penalty},
	};
	unsigned more = under->set & ~s->set;

	for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
		if (more & numbers[i].bit)
			*numbers[i].to = numbers[i].from;
	}
	if (more & SAMPLE_TOP_K)
		s->top_k = under->top_k;
	if (more & SAMPLE_SEED)
		s->seed = under->seed;
	s->set |= more;
}

static void lay_parameters(struct gen_request *q, const struct gen_request *under)
{
	lay_sampling(&q->sampling, &under->sampling);
	q->stop = q->stop ? q->stop : under->stop;
	q->max_tokens = q->max_tokens ? q->max_tokens : under->max_tokens;
	q->context_tokens = q->context_tokens ? q->context_tokens : under->context_tokens;
	q->keep_alive = q->keep_alive ? q->keep_alive : under->keep_alive;
	q->raw_prompt |= under->raw_prompt;
	q->thinking = q->thinking != THINKING_DEFAULT ? q->thinking : under->thinking;
	if (q->format == FORMAT_TEXT) {
		q->format = under->format;
		q->schema = under->schema;
		q->schema_name = under->schema_name;
	}
}

/* One message of the system, as of a turn: many models know only one, and only as the first. */
static int instruct(struct gw_call *c, const char *instructions)
{
	const struct gen_message *had = c->req.messages;
	size_t n = c->req.n_messages;
	bool joins = n > 0 && strcmp(had->role, "system") == 0 && had->content && *had->content;
	struct gen_message *all;

	if (!*instructions)
		return 0;
	if (c->req.prompt) { /* a text that is gone on with has no place for them */
		gw_ignore(c, "instructions");
		return 0;
	}
	if (!(all = ARENA_ARRAY(&c->q->mem, struct gen_message, n + 1)))
		return request_no_memory(c->q);
	all[0] = joins ? had[0] : (struct gen_message){.role = "system"};
	all[0].content = joins ? arena_printf(&c->q->mem, "%s\n\n%s", instructions, had->content) : instructions;
	if (!all[0].content)
		return request_no_memory(c->q);
	for (size_t i = joins; i < n; i++)
		all[i + !joins] = had[i];
	c->req.messages = all;
	c->req.n_messages = n + !joins;
	return 0;
}

/* "a, b": what the assistant asks and its model's provider has no word for. */
static int tell_left_out(struct gw_call *c, const char *list)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");
		const char *name = arena_strndup(&c->q->mem, list, n);

		if (!name)
			return request_no_memory(c->q);
		gw_ignore(c, name);
		list += n;
		list += strspn(list, ", ");
	}
	return 0;
}

int gw_lay_assistant(struct gw_call *c)
{
	const struct once_chosen *a = c->assistant;
	int r;

	if (!a)
		return 0;
	c->assistant = NULL;
	lay_parameters(&c->req, &a->request);
	r = tell_left_out(c, a->left_out);
	return r < 0 ? r : instruct(c, a->instructions);
}

/* ---- describing ---- */

static int model_of(struct request *q, const struct assistant *a, struct model *ret, struct err *e)
{
	return providers_model(q->api->c.providers, *a->model ? a->model : NULL, &q->mem, ret, e);
}

/* It can what its model can; what that takes in memory is not the assistant's. */
static int dress(struct request *q, const struct assistant *a, const char *id, struct model *m)
{
	m->alias_of = m->id;
	m->id = arena_printf(&q->mem, PREFIX "%s", id);
	m->name = a->name;
	m->modified_at = a->updated_at;
	m->digest = NULL;
	m->loaded_bytes = m->loaded_vram = m->loaded_until = 0;
	m->hidden = false;
	return m->id ? 0 : request_no_memory(q);
}

int gw_model(struct request *q, const char *name, struct model *ret)
{
	struct assistant a;
	const char *id;
	int r;

	if (!gw_names_assistant(q, name)) {
		r = gw_resolve(q, name, &id);
		return r < 0 ? r : providers_model(q->api->c.providers, id, &q->mem, ret, &q->err);
	}
	if ((r = find(q, name, &a)) < 0 || (r = model_of(q, &a, ret, &q->err)) < 0 ||
		(r = request_allow_model(q, ret->id)) < 0)
		return r;
	return dress(q, &a, a.name, ret);
}

/* ---- listing ---- */

static bool may_use(struct request *q, const struct model *m)
{
	return auth_key_allows_model(&q->who, m->id) && request_rights(q) == 0 && request_may_use(q, m);
}

static bool same_name(const char *a, const char *b)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT(REQUEST_MEMORY), y = BUF_INIT(REQUEST_MEMORY);

	fold_add(&x, a, strlen(a));
	fold_add(&y, b, strlen(b));
	return strcmp(buf_str(&x).p, buf_str(&y).p) == 0;
}

/* Whether the name leads to another one, as assistants_named has it. They are by name, and then by age. */
static bool is_hidden_by(const struct assistant_list *l, size_t i, atelier_id user_id)
{
	const struct assistant *all = l->items;
	const char *name = all[i].name;

	if (all[i].user_id == user_id)
		return false;
	for (size_t k = i; k-- > 0 && same_name(all[k].name, name);) {
		if (all[k].may >= GRANT_USE)
			return true;
	}
	for (size_t k = i + 1; k < l->n && same_name(all[k].name, name); k++) {
		if (all[k].user_id == user_id)
			return true;
	}
	return false;
}

static int load_assistants(struct request *q, struct assistant_list *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return assistants_names(c, q->who.user.id, &q->mem, ret, &q->err);
}

/* One whose model is gone, or not for this key, is none. */
static int add_assistant(struct request *q, const struct assistant_list *l, size_t i, struct catalogue *all)
{
	const struct assistant *a = &l->items[i];
	struct model *to = &all->models[all->n_models];
	struct err ignored = {0};
	char id[ID_LEN + 1];
	int r;

	if (a->may < GRANT_USE || model_of(q, a, to, &ignored) < 0 || !may_use(q, to) || model_only_embeds(to))
		return 0;
	id_format(a->id, id);
	r = dress(q, a, is_hidden_by(l, i, q->who.user.id) ? id : a->name, to);
	all->n_models += r == 0;
	return r;
}

int gw_models(struct request *q, struct catalogue *ret)
{
	struct assistant_list l = {0};
	struct catalogue all;
	int r = providers_catalogue(q->api->c.providers, &q->mem, &all, &q->err);

	if (r == 0)
		r = load_assistants(q, &l);
	if (r < 0)
		return r;
	*ret = all;
	ret->n_models = 0;
	if (!(ret->models = ARENA_ARRAY(&q->mem, struct model, all.n_models + l.n + 1)))
		return request_no_memory(q);
	for (size_t i = 0; i < all.n_models; i++) {
		if (!all.models[i].hidden && may_use(q, &all.models[i]))
			ret->models[ret->n_models++] = all.models[i];
	}
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = add_assistant(q, &l, i, ret);
	return r;
}
