/* rerank.c - the best of what was found, put in order by a model that reads question and passage together. */
#include <errno.h>
#include <math.h>

#include "base/utf8.h"
#include "call/call.h"
#include "provider/manage.h"
#include "rag/rag_priv.h"
#include "store/texts.h"

#define PATIENCE_MS 2000 /* a question waits no longer for its order */
#define TEXT_MAX    ((size_t)1600)
#define PASSAGE_MAX ((size_t)1 << 20)

/* A passage with its headings; *ret stays NULL: it has gone since it was found. */
static int read_text(struct db_conn *c, const struct reranked *x, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PASSAGE_MAX);
	struct passage_rows p = {.n = 0};
	struct err why = {0};
	int r = texts_passages(c, x->text_id, x->passage, x->passage, a, &p, e);

	if (r < 0 || p.n == 0)
		return r;
	if (p.items[0].heading[0])
		buf_printf(&b, "%s\n", p.items[0].heading);
	r = texts_slice(c, x->text_id, p.items[0].start, p.items[0].end, &b, &why);
	if (r < 0)
		return r == E_NOT_FOUND ? 0 : err_set(e, r, "%s", why.msg);
	struct str text = buf_str(&b);
	*ret = arena_strndup(a, text.p, utf8_prefix(text.p, text.n, MIN(text.n, TEXT_MAX)));
	return *ret ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

/* Those that are there: `of` says whose each text is. */
static int read_texts(struct rag *r, const struct reranked *items, size_t n, struct arena *a, const char **texts,
	size_t *of, size_t *ret_n, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	int s = 0;

	*ret_n = 0;
	for (size_t i = 0; s == 0 && i < n; i++) {
		const char *text = NULL;
		s = read_text(c, &items[i], a, &text, e);
		if (text) {
			of[*ret_n] = i;
			texts[(*ret_n)++] = text;
		}
	}
	return s;
}

int rerank_passages(
	struct rag *r, const struct rerank_wish *w, struct reranked *items, size_t n, struct arena *a, struct err *e)
{
	const struct caller who = {.user_id = w->user_id, .purpose = "reranking"};
	const char **texts = ARENA_ARRAY(a, const char *, n + 1);
	double *scores = ARENA_ARRAY(a, double, n + 1);
	size_t *of = ARENA_ARRAY(a, size_t, n + 1), n_texts = 0;
	struct rerank_result got = {.scores = scores};
	struct cancel never;

	ASSERT(thread_may_wait() && n > 0);
	if (!texts || !scores || !of)
		return err_set(e, -ENOMEM, "no memory for a search");
	int s = read_texts(r, items, n, a, texts, of, &n_texts, e);
	for (size_t i = 0; i < n; i++)
		items[i].score = -INFINITY;
	if (s < 0 || n_texts == 0)
		return s;
	const struct rerank_request q = {
		.model = w->model, .query = w->query, .texts = texts, .n_texts = n_texts, .patience_ms = PATIENCE_MS};
	cancel_init(&never);
	s = call_rerank(r->config.calls, &who, &q, &never, &got, e);
	cancel_done(&never);
	for (size_t i = 0; s == 0 && i < n_texts; i++)
		items[of[i]].score = scores[i];
	return s;
}
