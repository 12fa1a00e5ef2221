/*
 * prompt.c - what the model is given, built in stages. Each adds behind what is there and changes nothing of it, and what it
 * adds depends on the conversation alone: so a prompt begins, byte for byte, like that of the turn before, and what a
 * provider keeps of that one is used again. The order in which stages stand:
 *
 *	instructions (instance, model, assistant, folder, conversation, memories of the person), summary, tools in words, history,
 *	question, before whose words retrieve.c puts passages of documents
 *
 * Instructions, summary, history and question are those that there are; a new one is a function and a row of `stages`.
 */
#include <errno.h>

#include "turn/pictures.h"
#include "turn/turn_priv.h"

struct prompt {
	struct turn *t;
	struct message_list branch; /* that ends in the question, or in the answer that is gone on with */
	struct pictures pictures;   /* in it */
	struct said said;
};

/* A turn waits for its model among thousands: of the branch it keeps what is sent. */
static int add(struct prompt *p, const char *role, const char *content)
{
	const char *copy = arena_strdup(&p->t->arena, content);

	return copy ? said_add(&p->t->arena, &p->said, &(struct gen_message){.role = role, .content = copy}) : -ENOMEM;
}

static int add_message(struct prompt *p, const struct message *m)
{
	bool asks = strcmp(m->role, MESSAGE_USER) == 0;

	if (!m->content[0] && !m->parts)
		return 0; /* an answer of which nothing came is left out */
	if (!asks && m->parts)
		return said_add_answer(&p->t->arena, &p->said, m->parts, m->parts == p->t->parts_now, &p->t->err);
	int r = add(p, asks ? MESSAGE_USER : MESSAGE_ASSISTANT, m->content);
	return r < 0 ? r : pictures_give(p->t, &p->pictures, m, &p->said.items[p->said.n - 1]);
}

/* One message of the system, since many templates of models take a single one, and at the beginning alone. */
static int stage_instructions(struct prompt *p)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	const struct turn *t = p->t;

	for (size_t i = 0; i < t->n_instructions; i++)
		buf_printf(&b, "%s%s", i ? "\n\n" : "", t->instructions[i].text);
	if (buf_status(&b) < 0)
		return -ENOMEM;
	return b.n ? add(p, "system", b.p) : 0;
}

/* What stands for the beginning of a long conversation: behind the instructions, as one with them. */
static int stage_summary(struct prompt *p)
{
	const char *text = p->t->summary.text;
	struct gen_message *system = p->said.n ? &p->said.items[p->said.n - 1] : NULL;
	char *all;

	if (!text)
		return 0;
	all = arena_printf(
		&p->t->arena, "%s%s" PROMPT_SUMMARY "%s", system ? system->content : "", system ? "\n\n" : "", text);
	if (!all)
		return -ENOMEM;
	if (!system)
		return add(p, "system", all);
	system->content = all;
	return 0;
}

/* What was said before, from the first message that is given (context.c). */
static int stage_history(struct prompt *p)
{
	const struct message_list *b = &p->branch;
	size_t i = 0;
	int r = 0;

	while (i + 1 < b->n && b->items[i].id != p->t->context.first_id)
		i++;
	for (; r == 0 && i + 1 < b->n; i++)
		r = add_message(p, &b->items[i]);
	return r;
}

/* The question; or the answer that is gone on with, which stands last. */
static int stage_question(struct prompt *p)
{
	return p->branch.n ? add_message(p, &p->branch.items[p->branch.n - 1]) : 0;
}

static int (*const stages[])(struct prompt *p) = {stage_instructions, stage_summary, stage_history, stage_question};

static int load_branch(struct prompt *p, atelier_id conversation_id, atelier_id leaf, struct arena *a)
{
	struct turn *t = p->t;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);

	int r = messages_path(c, conversation_id, leaf, CONTEXT_MESSAGES, a, &p->branch, &t->err);
	return r < 0 ? r : pictures_find(t, c, &p->branch, a, &p->pictures, &t->err);
}

/* An answer that goes on behind its last words, not behind the result of a tool. */
static bool ends_in_words(const struct said *s)
{
	const struct gen_message *last = s->n ? &s->items[s->n - 1] : NULL;

	return last && strcmp(last->role, MESSAGE_ASSISTANT) == 0 && last->n_calls == 0;
}

/* Of the branch that is loaded. */
static int build(struct prompt *p)
{
	struct turn *t = p->t;
	int r = 0;

	for (size_t i = 0; i < N_ELEMENTS(stages) && r >= 0; i++)
		r = stages[i](p);
	t->said = p->said;
	t->request = (struct gen_request){
		.model = t->model,
		.messages = t->said.items,
		.n_messages = t->said.n,
		.continues = t->before && ends_in_words(&t->said),
		.tools = t->told_tools,
		.n_tools = t->tools.n + t->n_handed,
		.tokens_if_endless = t->all->settings->answer_max_tokens,
	};
	if (r >= 0)
		r = parameters_apply(&t->parameters, &t->arena, &t->request);
	return r < 0 ? err_set(&t->err, r, "the conversation does not fit into a turn's memory") : 0;
}

int prompt_build(struct turn *t)
{
	CLEANUP(arena_done) struct arena scratch;
	struct prompt p = {.t = t};
	atelier_id leaf = t->continues ? t->ids.message_id : t->ids.user_message_id;
	int r = 0;

	ASSERT_IS(t, TURN_MAGIC);
	arena_init(&scratch, TURN_ARENA_BYTES);
	if (t->continues && !t->before)
		r = finish_load(t->all->db, t->user_id, t->ids.message_id, &t->arena, &t->before, &t->err);
	if (r < 0 || (r = load_branch(&p, t->ids.conversation_id, leaf, &scratch)) < 0)
		return r;
	if (t->parts_now && p.branch.n)
		p.branch.items[p.branch.n - 1].parts = t->parts_now;
	return build(&p);
}

int prompt_task(struct turn *t, const char *task)
{
	const char *parts = t->parts_now ? t->parts_now : t->before ? t->before->parts : NULL;
	struct message branch[] = {
		{.role = MESSAGE_USER, .content = task}, {.role = MESSAGE_ASSISTANT, .content = "", .parts = parts}};
	struct prompt p = {.t = t, .branch = {.items = branch, .n = parts ? 2 : 1}};

	return build(&p);
}

int prompt_draft(struct turn *t, const struct turn_request *q, const struct conversation *v)
{
	CLEANUP(arena_done) struct arena scratch;
	struct prompt p = {.t = t};
	int r = 0;

	arena_init(&scratch, TURN_ARENA_BYTES);
	if (v->leaf_id && (r = load_branch(&p, v->id, v->leaf_id, &scratch)) < 0)
		return r;
	if (p.pictures.n)
		return err_set(&t->err, E_TOO_LARGE, "Pictures are not sent only to be counted.");
	struct message *all = ARENA_ARRAY(&scratch, struct message, p.branch.n + 1);
	if (!all)
		return err_set(&t->err, -ENOMEM, "no memory for a turn");
	if (p.branch.n)
		memcpy(all, p.branch.items, p.branch.n * sizeof *all);
	all[p.branch.n++] = (struct message){.role = MESSAGE_USER, .content = q->content};
	p.branch.items = all;
	return build(&p);
}
