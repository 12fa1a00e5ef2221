/* store_pgvector.c - PostgreSQL with pgvector: a table for each identity, made with its first vectors (store/pgvector.h). */
#include "rag/stores.h"
#include "store/pgvector.h"

static int open_place(const struct store_place *p, const char *identity, int64_t timeout_ms, struct buf *table,
	struct pgvector_place *ret, struct err *e)
{
	store_add_collection(table, p, identity);
	*ret = (struct pgvector_place){
		.url = p->config.url, .key = p->key, .table = table->p, .timeout_ms = timeout_ms, .cancel = p->cancel};
	return buf_check(table, e, "the name of a table is too long");
}

static int check(const struct store_place *p, struct err *e)
{
	CLEANUP(buf_done) struct buf table = BUF_INIT(128);
	struct pgvector_place at;
	int r = open_place(p, "", STORE_SEARCH_MS, &table, &at, e);

	return r < 0 ? r : pgvector_check(&at, e);
}

static int put(const struct store_place *p, const struct store_points *x, struct err *e)
{
	CLEANUP(buf_done) struct buf table = BUF_INIT(128);
	const struct pgvector_points points = {x->text_id, x->from, x->rows, x->n, x->dims};
	struct pgvector_place at;
	int r = open_place(p, x->identity, STORE_WRITE_MS, &table, &at, e);

	return r < 0 ? r : pgvector_put(&at, &points, e);
}

static int remove_text(const struct store_place *p, const char *identity, atelier_id text_id, struct err *e)
{
	CLEANUP(buf_done) struct buf table = BUF_INIT(128);
	struct pgvector_place at;
	int r = open_place(p, identity, STORE_WRITE_MS, &table, &at, e);

	return r < 0 ? r : pgvector_remove(&at, text_id, e);
}

static int nearest(
	const struct store_place *p, const struct store_wish *w, struct store_hit *ret, size_t *ret_n, struct err *e)
{
	CLEANUP(buf_done) struct buf table = BUF_INIT(128);
	const struct pgvector_wish wish = {w->query, w->dims, w->limit, w->texts, w->n};
	CLEANUP(freep) struct pgvector_hit *hits = xcalloc(w->limit, sizeof(*hits));
	struct pgvector_place at;
	int r = open_place(p, w->identity, STORE_SEARCH_MS, &table, &at, e);

	*ret_n = 0;
	if (r == 0)
		r = pgvector_nearest(&at, &wish, hits, ret_n, e);
	for (size_t i = 0; r == 0 && i < *ret_n; i++)
		ret[i] = (struct store_hit){hits[i].text_id, hits[i].passage, hits[i].score};
	return r;
}

const struct store_kind store_pgvector = {"pgvector", check, put, remove_text, nearest};
