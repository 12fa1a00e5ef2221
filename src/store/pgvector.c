/*
 * pgvector.c - statements for a PostgreSQL with the extension "vector", asked through db/elsewhere.h. Values go as parameters;
 * names of tables, which cannot, are made by us (rag/store_pgvector.c) and quoted. A table is made when the first points are put,
 * for only then is it known how many dimensions they have. It is another's server: what it answers is read as text and checked as
 * such.
 */
#include "store/pgvector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/elsewhere.h"

#define TEXT_MAX ((size_t)64 << 20) /* of one statement's values */

static int ask(const struct pgvector_place *p, const char *sql, const char *const *values, size_t n,
	struct db_table **ret, struct err *e)
{
	const struct db_elsewhere at = {"vector store", p->url, p->key, p->timeout_ms, p->cancel};

	return db_elsewhere_ask(&at, sql, values, n, ret, e);
}

static int lost_again(const struct pgvector_place *p, struct err *e)
{
	return err_set(e, E_PROVIDER_BROKEN, "The vector store at %.200s has no table that it has just made.", p->url);
}

/* ---- values ---- */

static void add_vector(struct buf *b, const float *v, size_t dims)
{
	for (size_t i = 0; i < dims; i++)
		buf_printf(b, "%c%.9g", i ? ',' : '[', (double)v[i]);
	buf_add_char(b, ']');
}

static void add_ids(struct buf *b, const atelier_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%c%lld", i ? ',' : '{', (long long)ids[i]);
	buf_add_str(b, n ? "}" : "{}");
}

static int check_text(const struct buf *b, struct err *e)
{
	return buf_check(b, e, "There is too much for one question to the vector store.");
}

/* ---- verbs ---- */

int pgvector_check(const struct pgvector_place *p, struct err *e)
{
	CLEANUP(db_table_freep) struct db_table *res = NULL;
	CLEANUP(db_table_freep) struct db_table *made = NULL;
	int r = ask(p,
		"SELECT (SELECT count(*) FROM pg_extension WHERE extname = 'vector'),"
		" (SELECT count(*) FROM pg_available_extensions WHERE name = 'vector')",
		NULL, 0, &res, e);

	if (r != 0)
		return r < 0 ? r : lost_again(p, e);
	if (strcmp(db_table_text(res, 0, 0), "0") != 0)
		return 0;
	if (strcmp(db_table_text(res, 0, 1), "0") == 0)
		return err_set(e, E_PROVIDER_BROKEN,
			"The PostgreSQL at %.200s is no vector store: it has no extension \"vector\". Install pgvector"
			" there.",
			p->url);
	r = ask(p, "CREATE EXTENSION IF NOT EXISTS vector", NULL, 0, &made, e);
	if (r == 0)
		return 0;
	err_clear(e);
	return err_set(e, E_PROVIDER_BROKEN,
		"The PostgreSQL at %.200s is no vector store yet: have its administrator run CREATE EXTENSION vector.",
		p->url);
}

static int make_table(const struct pgvector_place *p, size_t dims, struct err *e)
{
	CLEANUP(db_table_freep) struct db_table *res = NULL;
	char sql[400];
	int r;

	snprintf(sql, sizeof(sql),
		"CREATE TABLE IF NOT EXISTS \"%.60s\" (text_id bigint NOT NULL, passage bigint NOT NULL,"
		" v vector(%zu) NOT NULL, PRIMARY KEY (text_id, passage))",
		p->table, dims);
	r = ask(p, sql, NULL, 0, &res, e);
	return r > 0 ? lost_again(p, e) : r;
}

static int put(const struct pgvector_place *p, const char *const *values, struct err *e)
{
	CLEANUP(db_table_freep) struct db_table *res = NULL;
	char sql[400];

	snprintf(sql, sizeof(sql),
		"INSERT INTO \"%.60s\" (text_id, passage, v) SELECT $1::bigint, $2::bigint + o - 1, x::vector"
		" FROM unnest($3::text[]) WITH ORDINALITY AS u(x, o)"
		" ON CONFLICT (text_id, passage) DO UPDATE SET v = excluded.v",
		p->table);
	return ask(p, sql, values, 3, &res, e);
}

int pgvector_put(const struct pgvector_place *p, const struct pgvector_points *x, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TEXT_MAX);
	char text[24], from[24];
	const char *values[] = {text, from, NULL};
	int r;

	snprintf(text, sizeof(text), "%lld", (long long)x->text_id);
	snprintf(from, sizeof(from), "%lld", (long long)x->from);
	for (size_t i = 0; i < x->n; i++) {
		buf_add_str(&b, i ? "\",\"" : "{\"");
		add_vector(&b, x->rows + i * x->dims, x->dims);
	}
	buf_add_str(&b, x->n ? "\"}" : "{}");
	if ((r = check_text(&b, e)) < 0)
		return r;
	values[2] = b.p;
	r = put(p, values, e);
	if (r > 0) { /* the first ones */
		r = make_table(p, x->dims, e);
		r = r < 0 ? r : put(p, values, e);
	}
	return r > 0 ? lost_again(p, e) : r;
}

int pgvector_remove(const struct pgvector_place *p, atelier_id text_id, struct err *e)
{
	CLEANUP(db_table_freep) struct db_table *res = NULL;
	char sql[160], text[24];
	const char *values[] = {text};

	snprintf(text, sizeof(text), "%lld", (long long)text_id);
	snprintf(sql, sizeof(sql), "DELETE FROM \"%.60s\" WHERE text_id = $1::bigint", p->table);
	return MIN(ask(p, sql, values, 1, &res, e), 0);
}

int pgvector_nearest(const struct pgvector_place *p, const struct pgvector_wish *w, struct pgvector_hit *ret,
	size_t *ret_n, struct err *e)
{
	CLEANUP(buf_done) struct buf query = BUF_INIT(TEXT_MAX), texts = BUF_INIT(TEXT_MAX);
	CLEANUP(db_table_freep) struct db_table *res = NULL;
	char sql[300], limit[24];
	const char *values[] = {NULL, NULL, limit};
	int r;

	*ret_n = 0;
	add_vector(&query, w->query, w->dims);
	add_ids(&texts, w->texts, w->n);
	snprintf(limit, sizeof(limit), "%zu", w->limit);
	snprintf(sql, sizeof(sql),
		"SELECT text_id, passage, 1 - (v <=> $1::vector) FROM \"%.60s\" WHERE text_id = ANY($2::bigint[])"
		" ORDER BY v <=> $1::vector LIMIT $3::bigint",
		p->table);
	if ((r = check_text(&query, e)) < 0 || (r = check_text(&texts, e)) < 0)
		return r;
	values[0] = query.p;
	values[1] = texts.p;
	r = ask(p, sql, values, 3, &res, e);
	if (r != 0)
		return MIN(r, 0); /* no table: nothing has been copied yet */
	for (size_t i = 0; i < db_table_rows(res) && *ret_n < w->limit; i++)
		ret[(*ret_n)++] = (struct pgvector_hit){.text_id = strtoll(db_table_text(res, i, 0), NULL, 10),
			.passage = strtoll(db_table_text(res, i, 1), NULL, 10),
			.score = strtod(db_table_text(res, i, 2), NULL)};
	return 0;
}
