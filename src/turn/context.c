/* context.c - counting what a model is given, and choosing what it is not. */
#include "turn/context.h"

#include <errno.h>
#include <math.h>

#include "store/token_rates.h"
#include "turn/turn_priv.h"

#define MESSAGE_BYTES 16   /* that a template adds to each message, about */
#define COUNT_MS      1500 /* that a provider has to count a question: an estimate is there at once */
#define ANSWER_TOKENS 1024 /* kept free for an answer whose length nothing bounds, at most a quarter of the window */

/* ---- as JSON ---- */

#define S struct context_stage
static const struct field id_item = {.type = FT_STR};
static const struct field stage_fields[] = {
	FIELD_STR(S, stage, "stage", 0, 0, FIELD_REQUIRED,
		"instructions, summary, history, sources (room for passages of documents) or question, in this order."),
	FIELD_STR(S, source, "source", 0, 0, 0,
		"Whose instructions: instance, model, assistant, folder, conversation or memories; null: none are."),
	FIELD_I64(S, tokens, "tokens", 0, 0, FIELD_REQUIRED, "What it comes to."),
	FIELD_I64(S, messages, "messages", 0, 0, FIELD_REQUIRED,
		"How many messages of the conversation it is, or stands for."),
	FIELD_TEXT(S, text, "text", 0, 0, 0, "Of instructions and a summary: as they were sent."),
	FIELD(FT_STRS, S, message_ids, "message_ids", .item = &id_item, .doc = "The messages, oldest first."),
};
#undef S
static const struct schema stage_schema =
	SCHEMA("ContextStage", struct context_stage, stage_fields, "A part of what a model is given.");

#define L struct context_left
static const struct field left_fields[] = {
	FIELD_I64(L, messages, "messages", 0, 0, FIELD_REQUIRED, "The oldest ones; 0: none."),
	FIELD_I64(L, tokens, "tokens", 0, 0, FIELD_REQUIRED, "What they come to."),
};
#undef L
static const struct schema left_schema =
	SCHEMA("ContextLeftOut", struct context_left, left_fields, "What a model is not given, since it does not fit.");

#define C struct context
static const struct field context_fields[] = {
	FIELD_STR(C, model, "model", 0, 0, FIELD_REQUIRED, "Who is asked."),
	FIELD_I64(
		C, window, "window", 0, 0, FIELD_NULL, "Tokens that it takes, the answer among them; null: not known."),
	FIELD_I64(C, tokens, "tokens", 0, 0, FIELD_REQUIRED, "What it is given."),
	FIELD_BOOL(C, exact, "exact", FIELD_REQUIRED, "Whether the provider has counted `tokens`."),
	FIELD(FT_I64, C, error_percent, "error_percent", .flags = FIELD_NULL, .when_null = -1,
		.doc = "How far off estimates for this model have been of late; null: none were compared yet."),
	FIELD_LIST(C, stages, "stages", &stage_schema, 0, FIELD_REQUIRED, "In the order in which they stand."),
	FIELD_OBJECT(C, left_out, "left_out", &left_schema, FIELD_REQUIRED, "What is left out of the history."),
};
#undef C
const struct schema context_schema =
	SCHEMA("Context", struct context, context_fields, "What a model is given, with what it comes to in tokens.");

/* ---- the plan ---- */

struct plan {
	struct turn *t;
	struct token_rate rate;
	const struct message_size *history;
	size_t n;         /* of the history */
	bool more;        /* there are messages before these */
	bool summarises;  /* what does not fit is to be summarised */
	int64_t question; /* bytes; 0: there is none */
	struct context_stage
		*stages; /* the turn's arena: one of each instruction, a summary, the history, the question */
	size_t n_stages;
};

static int64_t tokens_of(const struct plan *p, int64_t bytes)
{
	return (int64_t)ceil((double)bytes / p->rate.bytes);
}

static int64_t size_of(const struct message_size *m)
{
	return m->bytes ? (int64_t)m->bytes + MESSAGE_BYTES : 0; /* an answer of which nothing came is left out */
}

static struct context_stage *add_stage(struct plan *p, const char *stage, int64_t bytes)
{
	struct context_stage *s = &p->stages[p->n_stages++];

	*s = (struct context_stage){.stage = stage, .tokens = tokens_of(p, bytes)};
	p->t->context.bytes += bytes;
	p->t->context.tokens += s->tokens;
	return s;
}

static int load_summary(
	struct turn *t, struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, struct err *e)
{
	struct err quiet = {0};
	int r = summaries_of_branch(c, conversation_id, leaf_id, &t->arena, &t->summary, &quiet);

	if (r < 0)
		t->summary = (struct summary){.text = NULL};
	return r < 0 && r != E_NOT_FOUND ? err_set(e, r, "%s", quiet.msg) : 0;
}

/* One that stands for messages which are to be answered anew is no use. */
static void begin_behind_summary(struct plan *p)
{
	struct summary *s = &p->t->summary;
	size_t i = 0;

	while (s->text && i < p->n && p->history[i].id != s->message_id)
		i++;
	if (!s->text || i == p->n) {
		*s = (struct summary){.text = NULL};
		return;
	}
	p->history += i + 1;
	p->n -= i + 1;
	p->more = true;
}

/* The branch before the question, and the question: of the new one its text, else the last message of the branch. */
static int load(
	struct plan *p, const struct turn_request *q, const struct conversation *v, struct arena *a, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(p->t->all->db);
	bool goes_on = q->place == TURN_GO_ON, at_leaf = goes_on || q->place == TURN_AT_LEAF;
	struct message_size *items = NULL;
	int r = messages_sizes(
		c, v->id, at_leaf ? v->leaf_id : q->at, CONTEXT_MESSAGES - 1, a, &items, &p->n, &p->more, e);

	if (r == 0)
		r = token_rates_get(c, p->t->model, &p->rate, e);
	if (r == 0 && p->summarises)
		r = load_summary(p->t, c, v->id, at_leaf ? v->leaf_id : q->at, e);
	if (r < 0)
		return r;
	if (q->place == TURN_REGENERATE && p->n && !items[p->n - 1].asks)
		p->n--;
	if ((goes_on || (!at_leaf && q->place != TURN_BELOW)) && p->n)
		p->question = size_of(&items[--p->n]);
	if (!goes_on && q->content)
		p->question = *q->content ? (int64_t)strlen(q->content) + MESSAGE_BYTES : 0;
	p->history = items;
	begin_behind_summary(p);
	return 0;
}

static void stage_instructions(struct plan *p)
{
	static const char *const sources[] = {"instance", "model", "assistant", "folder", "conversation", "memories"};
	_Static_assert(N_ELEMENTS(sources) == FROM_MEMORIES + 1, "each source has its name");

	for (size_t i = 0; i < p->t->n_instructions; i++) {
		const struct prompt_instruction *x = &p->t->instructions[i];
		struct context_stage *s =
			add_stage(p, "instructions", (int64_t)strlen(x->text) + (i ? 2 : MESSAGE_BYTES));

		s->source = sources[x->source];
		s->text = x->text;
	}
}

static void fill_summary(const struct plan *p, struct context_stage *s)
{
	struct context *x = &p->t->context;
	int64_t bytes = (int64_t)(strlen(PROMPT_SUMMARY) + strlen(p->t->summary.text)) + MESSAGE_BYTES;

	x->bytes += bytes;
	x->tokens += tokens_of(p, bytes) - s->tokens;
	s->tokens = tokens_of(p, bytes);
	s->text = p->t->summary.text;
	s->messages = p->t->summary.messages;
}

static void stage_summary(struct plan *p)
{
	if (p->t->summary.text)
		fill_summary(p, add_stage(p, "summary", 0));
}

/* Tokens that have to be left out, or nothing. More than is needed now, by steps of a quarter of the window: so the next
 * questions begin with the same messages, and what the provider keeps of them is used again. */
static int64_t too_many(const struct plan *p, int64_t all)
{
	const struct turn *t = p->t;
	int64_t answer = t->parameters.has_max_tokens ? MIN(t->parameters.max_tokens, t->window / 2)
						      : MIN((int64_t)ANSWER_TOKENS, t->window / 4);
	int64_t room = (int64_t)((double)(t->window - answer) / (1 + p->rate.error)), step = MAX(t->window / 4, 1);

	return t->window && all > room ? (all - room + step - 1) / step * step : 0;
}

/* The first message of the history that is given. */
static size_t first_given(const struct plan *p, bool drops, int64_t question)
{
	int64_t all = p->t->context.tokens + question, surplus, gone = 0;
	size_t i = 0;

	for (size_t k = 0; k < p->n; k++)
		all += tokens_of(p, size_of(&p->history[k]));
	surplus = drops ? too_many(p, all) : 0;
	if (surplus && p->summarises)
		surplus = too_many(p, all + SUMMARY_TOKENS(p->t->window));
	while (i < p->n && (gone < surplus || ((i || p->more) && !p->history[i].asks)))
		gone += tokens_of(p, size_of(&p->history[i++]));
	return i;
}

static int stage_history(struct plan *p, bool drops)
{
	struct context *x = &p->t->context;
	size_t first = first_given(p, drops, tokens_of(p, p->question) + turn_retrieve_tokens(p->t));
	int64_t bytes = 0, left = 0;

	for (size_t i = 0; i < p->n; i++)
		*(i < first ? &left : &bytes) += size_of(&p->history[i]);
	x->left_out = (struct context_left){(int64_t)first, tokens_of(p, left)};
	x->first_id = first < p->n ? p->history[first].id : 0;
	struct context_stage *s = add_stage(p, "history", bytes);
	s->messages = (int64_t)(p->n - first);
	const char **ids = ARENA_ARRAY(&p->t->arena, const char *, 1);
	char *id = arena_alloc(&p->t->arena, ID_LEN + 1);
	if (!ids || !id)
		return -ENOMEM;
	id_format(x->first_id, id);
	ids[0] = id;
	s->message_ids = (struct schema_list){ids, x->first_id != 0};
	return 0;
}

static int keep(struct plan *p)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	struct context *x = &p->t->context;

	x->stages = (struct schema_list){p->stages, p->n_stages};
	x->model = p->t->model;
	x->window = p->t->window;
	x->error_percent = p->rate.calls ? (int64_t)lround(p->rate.error * 100) : -1;
	x->least = (int64_t)((double)x->tokens * (1 - MIN(p->rate.error, 0.5)));
	x->most = (int64_t)((double)x->tokens * (1 + MIN(p->rate.error, 0.5)));
	schema_emit(&context_schema, x, &b);
	x->json = buf_status(&b) == 0 ? arena_strndup(&p->t->arena, b.p, b.n) : NULL;
	return x->json ? 0 : -ENOMEM;
}

int prompt_plan(struct turn *t, const struct turn_request *q, const struct conversation *v, struct err *e)
{
	CLEANUP(arena_done) struct arena scratch;
	struct plan p = {.t = t};
	int r;

	ASSERT_IS(t, TURN_MAGIC);
	arena_init(&scratch, TURN_ARENA_BYTES);
	t->context = (struct context){.error_percent = -1};
	p.summarises = v->context && strcmp(v->context, CONTEXT_SUMMARISE) == 0;
	if ((r = load(&p, q, v, &scratch, e)) < 0)
		return r;
	p.stages = ARENA_ARRAY(&t->arena, struct context_stage, t->n_instructions + 4);
	if (!p.stages)
		return err_set(e, -ENOMEM, "no memory for a turn");
	stage_instructions(&p);
	stage_summary(&p);
	r = stage_history(&p, p.summarises || (v->context && strcmp(v->context, CONTEXT_DROP) == 0));
	t->summarises = p.summarises && t->context.left_out.messages;
	if (r == 0 && turn_retrieves(t)) {
		t->context.sources = (int64_t)((double)turn_retrieve_tokens(t) * p.rate.bytes);
		add_stage(&p, "sources", t->context.sources);
	}
	if (r == 0) {
		add_stage(&p, "question", p.question)->messages = p.question ? 1 : 0;
		r = keep(&p);
	}
	return r < 0 ? err_set(e, r, "no memory for a turn") : 0;
}

int prompt_summarised(struct turn *t)
{
	struct context *x = &t->context;
	struct context_stage *stages = x->stages.items;
	size_t at = 0;
	struct plan p = {.t = t, .stages = stages, .n_stages = x->stages.n};
	int r;

	ASSERT_IS(t, TURN_MAGIC);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
		r = token_rates_get(c, t->model, &p.rate, &t->err);
	}
	while (at < x->stages.n && strcmp(stages[at].stage, "instructions") == 0)
		at++;
	if (r == 0 && strcmp(stages[at].stage, "summary") != 0) {
		memmove(stages + at + 1, stages + at, (p.n_stages - at) * sizeof *stages);
		stages[at] = (struct context_stage){.stage = "summary"};
		p.n_stages++;
	}
	if (r < 0)
		return r;
	fill_summary(&p, &stages[at]);
	x->left_out = (struct context_left){0};
	r = keep(&p);
	return r < 0 ? err_set(&t->err, r, "no memory for a turn")
		     : turns_set_prompt(t->all->db, t->ids.turn_id, x->json, &t->err);
}

/* From what the provider has counted. */
static void learn(const struct turn *t, const struct gen_request *q, int64_t tokens)
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (q->messages[i].n_images)
			return; /* what a picture comes to is another matter */
	token_rates_learn(t->all->db, t->model, t->context.bytes, tokens);
}

/* Short requests wait for it: of their threads half are left for those of others, who make do with the estimate meanwhile. */
static int64_t count_now(struct turn *t, const struct gen_request *q)
{
	static int64_t waiting; /* atomic */
	int64_t ret = -1;

	if (__atomic_add_fetch(&waiting, 1, __ATOMIC_ACQ_REL) <= MAX(t->all->settings->workers / 2, 1))
		ret = provider_count_now(t->all->providers, q, COUNT_MS, &t->cancel);
	__atomic_sub_fetch(&waiting, 1, __ATOMIC_ACQ_REL);
	return ret;
}

/* What the provider counts of a question that is put at the end of its conversation; -1: it was not asked, or does not say. The
 * request is made in an arena of its own: the turn's lives as long as its answer is waited for. */
static int64_t count(struct turn *t, const struct turn_request *q, const struct conversation *v)
{
	bool plain = q->content && q->place == TURN_AT_LEAF && q->n_attachments == 0 &&
		     !turn_retrieves(t); /* what will be found is not known */
	struct turn draft = {.all = t->all,
		.model = t->model,
		.parameters = t->parameters,
		.instructions = t->instructions,
		.n_instructions = t->n_instructions,
		.summary = t->summary,
		.context = t->context};
	int64_t ret = -1;

	arena_init(&draft.arena, TURN_ARENA_BYTES);
	if (plain && prompt_draft(&draft, q, v) == 0)
		ret = count_now(t, &draft.request);
	if (ret > 0)
		learn(t, &draft.request, ret);
	arena_done(&draft.arena);
	return ret;
}

int prompt_check(struct turn *t, const struct turn_request *q, const struct conversation *v, struct err *e)
{
	struct context *x = &t->context;
	bool near = x->most > t->window / 2 && t->window && v->context && strcmp(v->context, CONTEXT_REFUSE) == 0;
	int64_t counted = near ? count(t, q, v) : -1;

	ASSERT_IS(t, TURN_MAGIC);
	if (counted > 0)
		x->tokens = x->least = counted;
	if (!t->window || x->least <= t->window)
		return 0;
	e->asked = x->tokens;
	e->limit = t->window;
	return err_set(e, E_CONTEXT_TOO_LONG,
		"With this question the conversation has about %lld tokens, and %.80s takes %lld. Ask for less, begin "
		"a new "
		"conversation, choose a model with a larger window, or let this conversation drop or summarise its "
		"oldest messages.",
		(long long)x->tokens, t->model, (long long)t->window);
}

void prompt_learn(const struct turn *t, const struct gen_result *r)
{
	if (r->tokens_in > 0 && (!*r->model || strcmp(r->model, t->model) == 0))
		learn(t, &t->request, r->tokens_in);
}

int turn_preview(struct turns *all, const struct turn_request *q, struct arena *a, struct context *ret, struct err *e)
{
	struct turn *t = turn_new(all, q);
	struct conversation v;
	int r = turn_choose(t, q, &v, e);
	if (r == 0)
		r = turn_where(t, q, e);
	if (r == 0)
		r = prompt_plan(t, q, &v, e);
	if (r == 0)
		r = schema_parse(&context_schema, str_from(t->context.json), ret, a, e);
	int64_t counted = r == 0 ? count(t, q, &v) : -1;
	if (counted > 0) {
		ret->tokens = counted;
		ret->exact = true;
	}
	turn_free(t);
	return r;
}
