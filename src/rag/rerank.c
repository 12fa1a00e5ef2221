/* rerank.c - the best of what was found, put in order by a model that reads question and passage together. */
#include <errno.h>

#include "base/utf8.h"
#include "call/call.h"
#include "provider/manage.h"
#include "rag/rag_priv.h"
#include "store/texts.h"

#define PATIENCE_MS 2000 /* a question waits no longer for its order */
#define TEXT_MAX    ((size_t)1600)
#define PASSAGE_MAX ((size_t)1 << 20)

/* A passage with its headings. */
static int read_text(struct db_conn *c, const struct reranked *x, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PASSAGE_MAX);
	struct passage_rows p = {.n = 0};
	int r = texts_passages(c, x->text_id, x->passage, x->passage, a, &p, e);

	if (r == 0 && p.n == 0)
		return err_set(e, E_NOT_FOUND, "The passage is gone.");
	if (r == 0 && p.items[0].heading[0])
		buf_printf(&b, "%s\n", p.items[0].heading);
	if (r == 0)
		r = texts_slice(c, x->text_id, p.items[0].start, p.items[0].end, &b, e);
	if (r < 0)
		return r;
	struct str text = buf_str(&b);
	*ret = arena_strndup(a, text.p, utf8_prefix(text.p, text.n, MIN(text.n, TEXT_MAX)));
	return *ret ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

static int read_texts(
	struct rag *r, const struct reranked *items, size_t n, struct arena *a, const char **texts, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	int s = 0;

	for (size_t i = 0; s == 0 && i < n; i++)
		s = read_text(c, &items[i], a, &texts[i], e);
	return s;
}

int rerank_passages(
	struct rag *r, const struct rerank_wish *w, struct reranked *items, size_t n, struct arena *a, struct err *e)
{
	const struct caller who = {.user_id = w->user_id, .purpose = "reranking"};
	const char **texts = ARENA_ARRAY(a, const char *, n + 1);
	double *scores = ARENA_ARRAY(a, double, n + 1);
	struct rerank_result got = {.scores = scores};
	struct cancel never;
	int s = texts && scores ? read_texts(r, items, n, a, texts, e) : err_set(e, -ENOMEM, "no memory for a search");

	ASSERT(thread_may_wait() && n > 0);
	if (s < 0)
		return s;
	const struct rerank_request q = {
		.model = w->model, .query = w->query, .texts = texts, .n_texts = n, .patience_ms = PATIENCE_MS};
	cancel_init(&never);
	s = call_rerank(r->config.calls, &who, &q, &never, &got, e);
	cancel_done(&never);
	for (size_t i = 0; s == 0 && i < n; i++)
		items[i].score = scores[i];
	return s;
}
