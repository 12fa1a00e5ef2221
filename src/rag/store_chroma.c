/*
 * store_chroma.c - Chroma over HTTP (its second interface): a collection for each identity, which is asked for by its name, since all
 * else goes by its id. A point's id is its text and the number of its passage, which its metadata name as well.
 */
#include <stdio.h>

#include "base/json.h"
#include "rag/stores.h"

#define DATABASE "/api/v2/tenants/default_tenant/databases/default_database"

static int ask(const struct store_place *p, const char *method, const char *path, const struct buf *body, int absent,
	int64_t timeout_ms, json_t **ret, struct err *e)
{
	const struct store_request q = {method, path, "x-chroma-token: ", body, timeout_ms, absent};

	return store_ask(p, &q, ret, e);
}

static int check(const struct store_place *p, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	int r = ask(p, "GET", DATABASE "/collections?limit=1", NULL, 0, STORE_SEARCH_MS, &root, e);

	if (r == 0 && !json_is_array(root))
		r = err_set(e, E_PROVIDER_BROKEN, "What answers at %.200s is not Chroma.", p->config.url);
	return r;
}

static int take_path(const json_t *collection, const char *verb, struct buf *ret, struct err *e)
{
	const char *id = json_get_str(collection, "id");

	if (!id || strlen(id) != strspn(id, "0123456789abcdefABCDEF-"))
		return err_set(e, E_PROVIDER_BROKEN, "Chroma answers in a form that is not known.");
	buf_printf(ret, DATABASE "/collections/%s/%s", id, verb);
	return buf_check(ret, e, "the path of a collection is too long");
}

/* The path of a verb of the identity's collection; 1: there is no such collection. */
static int find_path(
	const struct store_place *p, const char *identity, const char *verb, struct buf *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int r;

	buf_add_str(&path, DATABASE "/collections/");
	store_add_collection(&path, p, identity);
	r = buf_check(&path, e, "the name of a collection is too long");
	if (r == 0)
		r = ask(p, "GET", path.p, NULL, 404, STORE_SEARCH_MS, &root, e);
	return r == 0 ? take_path(root, verb, ret, e) : r;
}

static int make_path(
	const struct store_place *p, const char *identity, const char *verb, struct buf *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int r;

	buf_add_str(&b, "{\"name\":\"");
	store_add_collection(&b, p, identity);
	buf_add_str(&b, "\",\"get_or_create\":true,\"configuration\":{\"hnsw\":{\"space\":\"cosine\"}}}");
	r = ask(p, "POST", DATABASE "/collections", &b, 0, STORE_WRITE_MS, &root, e);
	return r == 0 ? take_path(root, verb, ret, e) : r;
}

static void add_points(struct buf *b, const struct store_points *x)
{
	char text[ID_LEN + 1];

	id_format(x->text_id, text);
	buf_add_str(b, "{\"ids\":[");
	for (size_t i = 0; i < x->n; i++)
		buf_printf(b, "%s\"%s-%lld\"", i ? "," : "", text, (long long)x->from + (long long)i);
	buf_add_str(b, "],\"metadatas\":[");
	for (size_t i = 0; i < x->n; i++)
		buf_printf(b, "%s{\"text\":\"%s\",\"n\":%lld}", i ? "," : "", text, (long long)x->from + (long long)i);
	buf_add_str(b, "],\"embeddings\":[");
	for (size_t i = 0; i < x->n; i++) {
		buf_add_str(b, i ? "," : "");
		store_add_vector(b, x->rows + i * x->dims, x->dims);
	}
	buf_add_str(b, "]}");
}

static int put(const struct store_place *p, const struct store_points *x, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(1024), b = BUF_INIT((size_t)64 << 20);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int r = make_path(p, x->identity, "upsert", &path, e);

	add_points(&b, x);
	return r < 0 ? r : ask(p, "POST", path.p, &b, 0, STORE_WRITE_MS, &root, e);
}

static int remove_text(const struct store_place *p, const char *identity, atelier_id text_id, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(1024), b = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	char text[ID_LEN + 1];
	int r = find_path(p, identity, "delete", &path, e);

	id_format(text_id, text);
	buf_printf(&b, "{\"where\":{\"text\":\"%s\"}}", text);
	return r != 0 ? MIN(r, 0) : ask(p, "POST", path.p, &b, 0, STORE_WRITE_MS, &root, e);
}

static int read_hits(const json_t *root, size_t limit, struct store_hit *ret, size_t *ret_n)
{
	const json_t *metadatas = json_array_get(json_object_get(root, "metadatas"), 0);
	const json_t *distances = json_array_get(json_object_get(root, "distances"), 0);
	size_t n = MIN(json_array_size(metadatas), limit);

	if (!json_is_array(metadatas) || json_array_size(distances) != json_array_size(metadatas))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const json_t *metadata = json_array_get(metadatas, i), *distance = json_array_get(distances, i);
		const char *text = json_get_str(metadata, "text");
		if (!text || !id_parse(text, strlen(text), &ret[i].text_id) || !json_is_number(distance))
			return -1;
		ret[i].passage = json_integer_value(json_object_get(metadata, "n"));
		ret[i].score = 1 - json_number_value(distance);
	}
	*ret_n = n;
	return 0;
}

static int nearest(
	const struct store_place *p, const struct store_wish *w, struct store_hit *ret, size_t *ret_n, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(1024), b = BUF_INIT((size_t)16 << 20);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int r = find_path(p, w->identity, "query", &path, e);

	*ret_n = 0;
	if (r != 0)
		return MIN(r, 0);
	buf_add_str(&b, "{\"query_embeddings\":[");
	store_add_vector(&b, w->query, w->dims);
	buf_printf(&b, "],\"n_results\":%zu,\"include\":[\"metadatas\",\"distances\"],\"where\":{\"text\":{\"$in\":",
		w->limit);
	store_add_texts(&b, w);
	buf_add_str(&b, "}}}");
	r = ask(p, "POST", path.p, &b, 0, STORE_SEARCH_MS, &root, e);
	if (r == 0 && read_hits(root, w->limit, ret, ret_n) < 0)
		r = err_set(e, E_PROVIDER_BROKEN, "Chroma answers in a form that is not known.");
	return r;
}

const struct store_kind store_chroma = {"chroma", check, put, remove_text, nearest};
