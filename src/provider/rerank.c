/*
 * rerank.c - which of some texts answer a question best, by a model that reads both together. llama.cpp, vLLM, Jina and Cohere have
 * the same request: POST .../rerank {model, query, documents}, answered by "results" of {index, relevance_score}. Scores may be of
 * any scale: only their order counts. What a service leaves out stands behind the rest.
 */
#include <math.h>

#include "base/clock.h"
#include "provider/request.h"
#include "provider/run.h"

struct reranking {
	struct run run;
	const struct rerank_request *q;
	struct rerank_result *ret;
	struct gen_call call;
	int64_t start_ms;
};

static int take_answer(struct reranking *g, const json_t *root, struct err *e)
{
	const json_t *results = json_object_get(root, "results");
	const char *label = g->run.t->p->label;

	if (!json_is_array(results))
		return err_set(e, E_PROVIDER_BROKEN, "%s was asked to rank texts and sent no results.", label);
	for (size_t i = 0; i < g->q->n_texts; i++)
		g->ret->scores[i] = -INFINITY;
	for (size_t i = 0; i < json_array_size(results); i++) {
		const json_t *item = json_array_get(results, i), *score = json_object_get(item, "relevance_score");
		int64_t index = json_get_i64(item, "index", -1);
		score = score ? score : json_object_get(item, "score");
		if (index < 0 || index >= (int64_t)g->q->n_texts || !json_is_number(score))
			return err_set(e, E_PROVIDER_BROKEN, "%s ranked texts that it was not given.", label);
		g->ret->scores[index] = json_number_value(score);
	}
	g->ret->call.tokens_in = wire_count(json_object_get(root, "usage"), "prompt_tokens",
		wire_count(json_object_get(root, "usage"), "total_tokens", -1));
	return 0;
}

static int rerank_once(struct reranking *g)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct run *run = &g->run;
	struct err *e = &run->why;

	g->start_ms = clock_mono_ms();
	gen_call_done(&g->call);
	g->call = GEN_CALL_INIT;
	buf_done(&run->res.error_body);
	run->res = (struct http_result){.retry_after_ms = -1};
	int r = run->t->p->dialect->rerank(run->t, g->q, &g->call);
	if (r >= 0)
		r = run_fetch(run, &g->call, &root, e);
	if (r >= 0)
		r = take_answer(g, root, e);
	run->ret->duration_ms = clock_mono_ms() - g->start_ms;
	return r;
}

static unsigned learn_nothing(struct run *run UNUSED, struct str error UNUSED)
{
	return 0;
}

static int rerank_able(struct run *run UNUSED, const struct target *t, struct err *e)
{
	return t->p->dialect->rerank
		       ? 0
		       : err_set(e, E_MODEL_CANNOT,
				 "%.120s ranks no texts: %s has no service for that. Choose a model of llama.cpp, "
				 "vLLM, Jina or Cohere.",
				 t->model.id, t->p->label);
}

int provider_can_rerank(struct providers *ps, const char *model, struct err *e)
{
	struct run run = {.ps = ps, .model = model, .able = rerank_able};

	return run_can(&run, e);
}

int provider_rerank(struct providers *ps, const struct rerank_request *q, struct cancel *cancel,
	struct rerank_result *ret, struct err *e)
{
	struct reranking g = {.run = {.ps = ps,
				      .model = q->model,
				      .caller = q->caller,
				      .cancel = cancel,
				      .ret = &ret->call,
				      .able = rerank_able,
				      .learn = learn_nothing,
				      .patience_ms = q->patience_ms},
		.q = q,
		.ret = ret};

	ret->call = (struct gen_result)GEN_NO_RESULT;
	int r = run_begin(&g.run, e);
	while (r >= 0 && run_next(&g.run))
		g.run.code = rerank_once(&g);
	if (r >= 0)
		r = run_end(&g.run, e);
	gen_call_done(&g.call);
	return r;
}
