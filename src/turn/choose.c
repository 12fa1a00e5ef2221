/*
 * choose.c - what an answer is made with: which model, which instructions, which parameters. Each is said in layers, of which
 * the later one counts: instance and model (parameter_rules.h), assistant, folder (instructions alone), conversation, turn.
 */
#include <errno.h>
#include <time.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "provider/parameters.h"
#include "store/assistants.h"
#include "store/conversations.h"
#include "store/folders.h"
#include "store/grants.h"
#include "store/keys.h"
#include "store/memories.h"
#include "store/parameter_rules.h"
#include "store/prompts.h"
#include "store/users.h"
#include "turn/pictures.h"
#include "turn/turn_priv.h"

#define INSTRUCTIONS_MAX ((size_t)1 << 20)

/* The assistant that the turn asks for, else the conversation's. One that is not shared any more is as if it were gone. */
static int find_assistant(struct db_conn *c, const struct turn_request *q, const struct conversation *v,
	struct arena *a, struct assistant *ret, struct err *e)
{
	struct err quiet = {0};
	int r;

	*ret = (struct assistant){.name = NULL};
	if (q->assistant_id)
		return assistants_get(c, q->user_id, q->assistant_id, GRANT_USE, a, ret, e);
	if (!v->assistant_id)
		return 0;
	r = assistants_get(c, q->user_id, v->assistant_id, GRANT_USE, a, ret, &quiet);
	if (r == E_NOT_FOUND)
		*ret = (struct assistant){.name = NULL};
	return r < 0 && r != E_NOT_FOUND ? err_set(e, r, "%s", quiet.msg) : 0;
}

static const char *model_of(const struct turn_request *q, const struct conversation *v, const struct assistant *a)
{
	return q->model ? q->model : a->name && a->model[0] ? a->model : v->model && v->model[0] ? v->model : NULL;
}

int turn_wanted_model(
	struct db *db, const struct turn_request *q, struct arena *a, const char **ret_model, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	struct conversation v;
	struct assistant assistant;
	int r = conversations_get(c, q->user_id, q->conversation_id, a, &v, e);

	if (r == 0)
		r = find_assistant(c, q, &v, a, &assistant, e);
	if (r == 0)
		*ret_model = model_of(q, &v, &assistant);
	return r;
}

/* ---- instructions ---- */

static void add_date(struct buf *b)
{
	int64_t now = clock_now_ms();
	char text[25];

	clock_format(now, text);
	buf_add(b, text, 10);
}

/* The text with {{user}}, {{date}} and {{language}} filled in; what else stands in braces stays. */
static void add_filled(struct buf *b, const char *text, const char *user, const char *language)
{
	for (const char *p; (p = strstr(text, "{{")) != NULL; text = p) {
		buf_add(b, text, (size_t)(p - text));
		if (strncmp(p, "{{user}}", 8) == 0) {
			buf_add_str(b, user);
			p += 8;
		} else if (strncmp(p, "{{date}}", 8) == 0) {
			add_date(b);
			p += 8;
		} else if (strncmp(p, "{{language}}", 12) == 0) {
			buf_add_str(b, language ? language : "the language of the question");
			p += 12;
		} else {
			buf_add_str(b, "{{");
			p += 2;
		}
	}
	buf_add_str(b, text);
}

static int add_part(
	struct turn *t, enum prompt_source source, const char *text, const struct user *u, const char *language)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(INSTRUCTIONS_MAX);

	if (!text || !*text)
		return 0;
	add_filled(&b, text, *u->display_name ? u->display_name : u->name, language);
	const char *copy = buf_status(&b) == 0 ? arena_strndup(&t->arena, buf_str(&b).p, b.n) : NULL;
	if (!copy)
		return -ENOMEM;
	t->instructions[t->n_instructions++] = (struct prompt_instruction){source, copy};
	return 0;
}

/* ---- all layers ---- */

struct layers {
	struct conversation *v;
	struct assistant assistant;
	struct folder folder;
	struct user user;
	struct parameter_rule_list rules;
	struct prompt_rows prompts;  /* that the person has bound to the model */
	struct memory_list memories; /* that models are told; none when the person does not want that */
};

static int load_memories(struct db_conn *c, atelier_id user_id, struct arena *a, struct memory_list *ret, struct err *e)
{
	bool enabled = false;
	int r = memories_enabled(c, user_id, &enabled, e);

	return r < 0 || !enabled ? r : memories_list(c, user_id, a, ret, e);
}

/* One that is not shared any more is as if it were gone. */
static int load_folder(struct db_conn *c, struct turn *t, atelier_id user_id, struct layers *l, struct err *e)
{
	struct err quiet = {0};
	int r = folders_get(c, user_id, l->v->folder_id, GRANT_USE, &t->arena, &l->folder, &quiet);

	if (r == E_NOT_FOUND)
		l->folder = (struct folder){.name = NULL};
	return r < 0 && r != E_NOT_FOUND ? err_set(e, r, "%s", quiet.msg) : 0;
}

static int load(struct db_conn *c, struct turn *t, const struct turn_request *q, struct layers *l, struct err *e)
{
	int r = parameter_rules_of(c, t->model, &t->arena, &l->rules, e);

	if (r == 0)
		r = prompts_of_model(c, q->user_id, t->model, &t->arena, &l->prompts, e);
	if (r == 0)
		r = users_by_id(c, q->user_id, &t->arena, &l->user, e);
	if (r == 0)
		r = load_memories(c, q->user_id, &t->arena, &l->memories, e);
	return r < 0 || !l->v->folder_id ? r : load_folder(c, t, q->user_id, l, e);
}

static int lay(struct turn *t, const char *json, struct err *e)
{
	struct parameters p;
	int r = parameters_read(json, &t->arena, &p, e);

	if (r == 0)
		parameters_lay(&t->parameters, &p);
	return r;
}

static int take_parameters(struct turn *t, const struct turn_request *q, const struct layers *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->rules.n; i++)
		r = lay(t, l->rules.items[i].parameters, e);
	if (r == 0 && l->assistant.name)
		r = lay(t, l->assistant.parameters, e);
	if (r == 0)
		r = lay(t, l->v->parameters, e);
	return r < 0 ? r : lay(t, q->parameters, e);
}

/* One part, behind all instructions: it changes more often than they do. */
static int take_memories(struct turn *t, const struct layers *l)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(INSTRUCTIONS_MAX);

	if (l->memories.n == 0)
		return 0;
	buf_add_str(&b, "What the person you talk with wants you to know:");
	for (size_t i = 0; i < l->memories.n; i++)
		buf_printf(&b, "\n- %s", l->memories.items[i].text);
	return buf_status(&b) < 0 ? -ENOMEM : add_part(t, FROM_MEMORIES, b.p, &l->user, NULL);
}

static int take_instructions(struct turn *t, const struct turn_request *q, const struct layers *l)
{
	const size_t others = 4; /* assistant, folder, conversation, memories */
	int r = 0;

	t->instructions = ARENA_ARRAY(&t->arena, struct prompt_instruction, l->rules.n + l->prompts.n + others);
	if (!t->instructions)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < l->rules.n; i++)
		r = add_part(t, strcmp(l->rules.items[i].pattern, "*") == 0 ? FROM_INSTANCE : FROM_MODEL,
			l->rules.items[i].instructions, &l->user, q->language);
	for (size_t i = 0; r == 0 && i < l->prompts.n; i++)
		r = add_part(t, FROM_MODEL, l->prompts.items[i].body, &l->user, q->language);
	if (r == 0)
		r = add_part(t, FROM_ASSISTANT, l->assistant.instructions, &l->user, q->language);
	if (r == 0)
		r = add_part(t, FROM_FOLDER, l->folder.instructions, &l->user, q->language);
	if (r == 0)
		r = add_part(t, FROM_CONVERSATION, l->v->instructions, &l->user, q->language);
	return r < 0 ? r : take_memories(t, l);
}

/* One that is gone is an error: to ask another instead could send a private conversation to somebody else. */
static int resolve(struct turn *t, const struct turn_request *q, const char *wanted, struct model *ret, struct err *e)
{
	struct providers *p = t->all->providers;
	int r = providers_resolve(p, wanted, &t->arena, &t->model, e);

	*ret = (struct model){.kind = NULL};
	if (r >= 0 && providers_model(p, t->model, &t->arena, ret, NULL) >= 0)
		r = model_check_answers(ret, t->model, e);
	t->sees = !ret->kind || model_sees(ret);
	t->calls_tools = !ret->kind || model_can(ret, "tools");
	return r < 0 ? r : pictures_check(t, q, e);
}

/* An Ollama loads a model with the window that is asked for. */
static int64_t window_of(const struct turn *t, const struct model *m)
{
	const struct parameters *p = &t->parameters;

	if (!(m->api & API_MANAGES))
		return model_window(m);
	if (p->has_context_tokens)
		return p->context_tokens;
	return m->context_length ? MIN(m->context_length, t->all->settings->ollama_context_max) : 0;
}

/* Without one: what the request says in its place; of an agent, what whoever called it has. */
static int find_conversation(struct db_conn *c, const struct turn *t, const struct turn_request *q, struct arena *a,
	struct conversation *ret, struct err *e)
{
	if (q->conversation_id)
		return conversations_get(c, q->user_id, q->conversation_id, a, ret, e);
	*ret = (struct conversation){.instructions = q->instructions};
	if (t->parent) {
		ret->model = t->parent->model;
		ret->tools = t->parent->wish;
	}
	return 0;
}

/* What of its assistant makes it act. Such an answer has a wish for tools, if only for none, since it may wait. */
static int take_agent(struct turn *t, const struct turn_request *q, const struct layers *l, struct err *e)
{
	const struct assistant *a = &l->assistant;

	t->wish = q->tools ? q->tools : a->tools ? a->tools : l->v->tools;
	if (!a->name)
		return 0;
	t->agent.assistant_id = a->id;
	t->agent.plans = a->plans;
	t->agent.calls = strcmp(a->agents, "[]") == 0 ? NULL : a->agents;
	if (!t->wish && (t->agent.plans || t->agent.calls))
		t->wish = "[]";
	return budget_limit(t, a->budget, e);
}

/* ---- rights ---- */

static int load_rights(
	struct db *db, atelier_id user_id, struct arena *a, struct grant_right **ret, size_t *ret_n, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	struct user u;
	int r = users_by_id(c, user_id, a, &u, e);

	if (r == 0 && u.disabled)
		return err_set(e, E_FORBIDDEN, "The account is disabled.");
	return r < 0 || user_is_admin(&u) ? r : grants_rights(c, user_id, a, ret, ret_n, e);
}

/* A key that is for some models is for these alone, whatever is called beneath an answer. */
static int check_key(
	struct turns *all, atelier_id user_id, atelier_id key_id, const char *model, struct arena *a, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	CLEANUP(json_decrefp) json_t *models = NULL;
	struct api_key key;
	int r = keys_get(c, user_id, key_id, a, &key, e);

	if (r == 0 && key.models)
		r = json_parse(key.models, strlen(key.models), &models, e);
	if (r < 0 || !models)
		return MIN(r, 0);
	const char **items = ARENA_ARRAY(a, const char *, json_array_size(models) + 1);
	if (!items)
		return err_set(e, -ENOMEM, "no memory for a turn");
	for (size_t i = 0; i < json_array_size(models); i++)
		items[i] = json_string_value(json_array_get(models, i));
	const struct auth_identity who = {.models = items, .n_models = json_array_size(models)};
	return auth_key_allows_model(&who, model)
		       ? 0
		       : err_set(e, E_FORBIDDEN, "The key is not for the model %.120s.", model);
}

int turn_check_rights(struct turns *all, atelier_id user_id, atelier_id key_id, const char *model, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct grant_right *rights = NULL;
	struct model m;
	size_t n = 0;
	int r;

	ASSERT_IS(all, TURNS_MAGIC);
	arena_init(&a, TURN_ARENA_BYTES);
	r = key_id ? check_key(all, user_id, key_id, model, &a, e) : 0;
	if (r < 0 || (r = load_rights(all->db, user_id, &a, &rights, &n, e)) < 0 || n == 0)
		return r;
	if ((r = providers_model(all->providers, model, &a, &m, e)) < 0)
		return r;
	return grants_allow(rights, n, m.id, m.alias_of, m.provider)
		       ? 0
		       : err_set(e, E_FORBIDDEN, "The model %.120s is not for this person.", m.id);
}

/* An effort for a model that is known not to think: without, which is told, rather than no answer. */
static void leave_thinking(struct turn *t, const struct model *m)
{
	bool wanted = t->parameters.has_effort && strcmp(t->parameters.effort, "none") != 0;

	if (!wanted || m->api & API_OPENAI || model_can(m, "thinking"))
		return;
	t->parameters.has_effort = false;
	if (m->api & API_SHAPES) /* else it is among them */
		t->left_out = t->left_out ? arena_printf(&t->arena, "%s, effort", t->left_out) : "effort";
}

/* ---- all of it ---- */

int turn_choose(struct turn *t, const struct turn_request *q, struct conversation *v, struct err *e)
{
	struct layers l = {.v = v};
	struct model m;
	int r;

	ASSERT_IS(t, TURN_MAGIC);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
		r = find_conversation(c, t, q, &t->arena, v, e);
		if (r == 0)
			r = find_assistant(c, q, v, &t->arena, &l.assistant, e);
	}
	if (r < 0 || (r = resolve(t, q, model_of(q, v, &l.assistant), &m, e)) < 0)
		return r;
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
		r = load(c, t, q, &l, e);
	}
	if (r == 0)
		r = take_agent(t, q, &l, e);
	t->comes_with = l.assistant.collections;
	t->history = q->conversation_id && (l.assistant.history || v->history); /* a temporary chat draws on no other */
	if (r == 0)
		r = take_parameters(t, q, &l, e);
	if (r == 0 && (r = take_instructions(t, q, &l)) < 0)
		err_set(e, r, "no memory for a turn");
	if (r == 0 && m.kind) {
		t->window = window_of(t, &m);
		t->left_out = parameters_left_out(&t->parameters, m.api, &t->arena);
		leave_thinking(t, &m);
	}
	return r;
}
