/* embed.c - the embedding of texts: the same way as a generation, without an answer of tokens. */
#include "call/call.h"
#include "call/call_priv.h"

int call_embed(struct calls *c, const struct caller *who, const struct embed_request *q, struct cancel *cancel,
	struct arena *a, struct embed_result *ret, struct err *e)
{
	struct embed_request mine = *q;
	struct metered m;
	int64_t bytes = 0, est_in;
	int r;

	ASSERT(thread_may_wait() && cancel);
	for (size_t i = 0; i < q->n_inputs; i++)
		bytes += (int64_t)strlen(q->inputs[i]);
	est_in = (bytes + 3) / 4;
	*ret = (struct embed_result){.call = {.tokens_in = -1,
					     .tokens_out = -1,
					     .tokens_cached = -1,
					     .tokens_reasoning = -1,
					     .first_token_ms = -1}};
	r = metered_begin(&m, c, who, q->model, est_in, 0, false, e);
	if (r < 0)
		return r;
	if (!mine.caller)
		mine.caller = who->user_id;
	r = provider_embed(c->c.providers, &mine, cancel, a, ret, e);
	const struct tokens t = {.in = ret->call.tokens_in >= 0 ? ret->call.tokens_in : r >= 0 ? est_in : 0};
	struct gen_result res = ret->call;
	res.first_token_ms = -1; /* there are none: its time is no part of the mean */
	(void)metered_end(&m, r, r < 0 ? cancel_reason(cancel) : 0, &res, &t, ret->call.tokens_in >= 0, e);
	return r;
}

int call_rerank(struct calls *c, const struct caller *who, const struct rerank_request *q, struct cancel *cancel,
	struct rerank_result *ret, struct err *e)
{
	struct rerank_request mine = *q;
	struct metered m;
	int64_t bytes = (int64_t)strlen(q->query) * (int64_t)q->n_texts, est_in;
	int r;

	ASSERT(thread_may_wait() && cancel);
	for (size_t i = 0; i < q->n_texts; i++)
		bytes += (int64_t)strlen(q->texts[i]);
	est_in = (bytes + 3) / 4;
	ret->call = (struct gen_result){.tokens_in = -1};
	r = metered_begin(&m, c, who, q->model, est_in, 0, false, e);
	if (r < 0)
		return r;
	mine.caller = mine.caller ? mine.caller : who->user_id;
	r = provider_rerank(c->c.providers, &mine, cancel, ret, e);
	const struct tokens t = {.in = ret->call.tokens_in >= 0 ? ret->call.tokens_in : r >= 0 ? est_in : 0};
	struct gen_result res = ret->call;
	res.first_token_ms = -1;
	(void)metered_end(&m, r, r < 0 ? cancel_reason(cancel) : 0, &res, &t, ret->call.tokens_in >= 0, e);
	return r;
}
