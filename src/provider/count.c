/* count.c - how many tokens a request has: estimated, or counted by its provider. */
#include "provider/request.h"
#include "provider/run.h"

static int64_t length_of(const char *s)
{
	return s ? (int64_t)strlen(s) : 0;
}

int64_t provider_estimate_tokens(const struct gen_request *q)
{
	static const int64_t message = 16,
			     image = 768 * 4; /* bytes that a role costs, and what Ollama takes for an image */
	int64_t n = length_of(q->prompt) + length_of(q->suffix);
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct gen_message *m = &q->messages[i];
		n += message + length_of(m->content) + image * (int64_t)m->n_images;
		for (size_t k = 0; k < m->n_calls; k++)
			n += message + length_of(m->calls[k].name) + length_of(m->calls[k].arguments);
	}
	for (size_t i = 0; i < q->n_tools; i++)
		n += message + length_of(q->tools[i].name) + length_of(q->tools[i].description) +
		     length_of(q->tools[i].parameters);
	if (q->format == FORMAT_SCHEMA)
		n += length_of(q->schema);
	return (n + 3) / 4;
}

/* A count is believed up to so many times the estimate, and what pictures and templates add. */
#define OFF_MOST   16
#define EXTRA_MOST 100000

struct counting {
	struct run run;
	const struct gen_request *q;
	struct gen_call call;
	int64_t tokens; /* -1: the provider cannot be asked */
};

static int count_once(struct counting *g)
{
	struct run *run = &g->run;
	struct err *e = &run->why;
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (!run->t->p->dialect->count)
		return 0;
	gen_call_done(&g->call);
	g->call = GEN_CALL_INIT;
	g->call.quirks = run->quirks;
	g->call.lessons = run->lessons;
	int r = run->t->p->dialect->count(run->t, g->q, &g->call, e);
	if (r >= 0)
		r = run_fetch(run, &g->call, &root, e);
	/* Servers that imitate Anthropic often lack just this. */
	if (r < 0 && (run->res.status == 404 || run->res.status == 405 || run->res.status == 501)) {
		err_clear(e);
		return 0;
	}
	g->tokens = wire_count(root, "input_tokens", -1);
	if (g->tokens > provider_estimate_tokens(g->q) * OFF_MOST + EXTRA_MOST)
		g->tokens = -1; /* no request has so many: it would be refused for a figure that is nobody's */
	return r;
}

static unsigned count_learn(struct run *run, struct str error)
{
	const struct counting *g = CONTAINER_OF(run, struct counting, run);
	return run_learn(run, g->q, &g->call, error);
}

/* One that is not loaded would be, only to count. */
static bool can_be_asked(const struct model *m, const struct gen_request *q)
{
	return m->counts && !q->prompt && strcmp(m->state, "reachable") != 0;
}

static void counting_init(struct counting *g, struct gen_result *result, struct providers *ps,
	const struct gen_request *q, struct cancel *cancel)
{
	*result = (struct gen_result){.tokens_in = -1};
	*g = (struct counting){.run = {.ps = ps,
				       .model = q->model,
				       .caller = q->caller,
				       .cancel = cancel,
				       .ret = result,
				       .learn = count_learn},
		.q = q,
		.tokens = -1};
}

/* Those that cannot be asked are not waited for either. */
static int ask(struct counting *g, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct model m;

	arena_init(&a, 1 << 20);
	int r = providers_model(g->run.ps, g->q->model, &a, &m, e);
	if (r >= 0 && can_be_asked(&m, g->q) && (r = run_begin(&g->run, e)) >= 0) {
		while (run_next(&g->run))
			g->run.code = count_once(g);
		r = run_end(&g->run, e);
	}
	gen_call_done(&g->call);
	return r;
}

int provider_count_tokens(struct providers *ps, const struct gen_request *q, struct cancel *cancel, int64_t *ret,
	bool *ret_exact, struct err *e)
{
	struct gen_result result;
	struct counting g;
	int r = request_check(q, e);

	if (r < 0)
		return r;
	counting_init(&g, &result, ps, q, cancel);
	if ((r = ask(&g, e)) < 0)
		return r;
	*ret_exact = g.tokens >= 0;
	*ret = *ret_exact ? g.tokens : provider_estimate_tokens(q);
	return 0;
}

/* One try at the first target, beside the calls that wait for a place: nothing is answered there. */
int64_t provider_count_now(struct providers *ps, const struct gen_request *q, int64_t wait_ms, struct cancel *cancel)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(plan_done) struct plan plan = {.n = 0};
	struct gen_result result;
	struct counting g;
	struct err ignored = {0};
	int r;

	arena_init(&a, 1 << 20);
	if (catalogue_plan(ps, q->model, q->caller, &a, &plan, &ignored) < 0 || plan.n == 0 ||
		!can_be_asked(&plan.targets[0].model, q))
		return -1;
	counting_init(&g, &result, ps, q, cancel);
	g.run.t = &plan.targets[0];
	g.run.patience_ms = wait_ms;
	g.run.res = (struct http_result){.retry_after_ms = -1};
	r = count_once(&g);
	buf_done(&g.run.res.error_body);
	gen_call_done(&g.call);
	return r < 0 ? -1 : g.tokens;
}
