/*
 * store_qdrant.c - Qdrant over HTTP: a collection for each identity, made with its first points; a point's id is a UUID of its text
 * and the number of its passage, its payload names the text, which is indexed, since every question names the texts that may be
 * found.
 */
#include <stdio.h>

#include "base/json.h"
#include "rag/stores.h"

static int ask(const struct store_place *p, const char *method, const char *identity, const char *tail,
	const struct buf *body, int absent, int64_t timeout_ms, json_t **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(1024);

	buf_add_str(&path, "/collections/");
	store_add_collection(&path, p, identity);
	buf_add_str(&path, tail);
	if (buf_status(&path) < 0)
		return err_set(e, E_INTERNAL, "the name of a collection is too long");
	const struct store_request q = {method, path.p, "api-key: ", body, timeout_ms, absent};
	return store_ask(p, &q, ret, e);
}

static int check(const struct store_place *p, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	const struct store_request q = {"GET", "/collections", "api-key: ", NULL, STORE_SEARCH_MS, 0};
	int r = store_ask(p, &q, &root, e);

	if (r == 0 && !json_is_array(json_object_get(json_object_get(root, "result"), "collections")))
		r = err_set(e, E_PROVIDER_BROKEN, "What answers at %.200s is not Qdrant.", p->config.url);
	return r;
}

/* Made meanwhile by another server is as good. */
static int make_collection(const struct store_place *p, const struct store_points *x, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *made = NULL;
	json_t *indexed = NULL;
	int r;

	buf_printf(&b, "{\"vectors\":{\"size\":%zu,\"distance\":\"Cosine\"}}", x->dims);
	r = ask(p, "PUT", x->identity, "", &b, 409, STORE_WRITE_MS, &made, e);
	buf_reset(&b);
	buf_add_str(&b, "{\"field_name\":\"text\",\"field_schema\":\"keyword\"}");
	if (r >= 0)
		r = ask(p, "PUT", x->identity, "/index?wait=true", &b, 0, STORE_WRITE_MS, &indexed, e);
	json_decref(indexed);
	return r;
}

static int put_points(const struct store_place *p, const struct store_points *x, const struct buf *body, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;

	return ask(p, "PUT", x->identity, "/points?wait=true", body, 404, STORE_WRITE_MS, &root, e);
}

static int put(const struct store_place *p, const struct store_points *x, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)64 << 20);
	char text[ID_LEN + 1];
	int r;

	id_format(x->text_id, text);
	buf_add_str(&b, "{\"points\":[");
	for (size_t i = 0; i < x->n; i++) {
		uint64_t id = (uint64_t)x->text_id, n = (uint64_t)x->from + i;
		buf_printf(&b,
			"%s{\"id\":\"%08llx-%04llx-%04llx-%04llx-%012llx\",\"payload\":{\"text\":\"%s\",\"n\":%llu},"
			"\"vector\":",
			i ? "," : "", (unsigned long long)(id >> 32), (unsigned long long)(id >> 16 & 0xffff),
			(unsigned long long)(id & 0xffff), (unsigned long long)(n >> 48),
			(unsigned long long)(n & UINT64_C(0xffffffffffff)), text, (unsigned long long)n);
		store_add_vector(&b, x->rows + i * x->dims, x->dims);
		buf_add_char(&b, '}');
	}
	buf_add_str(&b, "]}");
	r = put_points(p, x, &b, e);
	if (r > 0) { /* the first ones of the identity */
		r = make_collection(p, x, e);
		r = r < 0 ? r : put_points(p, x, &b, e);
	}
	return r > 0 ? err_set(e, E_PROVIDER_BROKEN, "Qdrant has no collection that it has just made.") : r;
}

static int remove_text(const struct store_place *p, const char *identity, atelier_id text_id, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	char text[ID_LEN + 1];

	id_format(text_id, text);
	buf_printf(&b, "{\"filter\":{\"must\":[{\"key\":\"text\",\"match\":{\"value\":\"%s\"}}]}}", text);
	return MIN(ask(p, "POST", identity, "/points/delete?wait=true", &b, 404, STORE_WRITE_MS, &root, e), 0);
}

static int read_hits(const json_t *root, size_t limit, struct store_hit *ret, size_t *ret_n)
{
	const json_t *points = json_object_get(json_object_get(root, "result"), "points");
	size_t n = MIN(json_array_size(points), limit);

	for (size_t i = 0; i < n; i++) {
		const json_t *point = json_array_get(points, i), *payload = json_object_get(point, "payload");
		const char *text = json_get_str(payload, "text");
		struct store_hit *hit = &ret[*ret_n];
		if (!text || !id_parse(text, strlen(text), &hit->text_id) ||
			!json_is_number(json_object_get(point, "score")))
			return -1;
		hit->passage = json_integer_value(json_object_get(payload, "n"));
		hit->score = json_number_value(json_object_get(point, "score"));
		++*ret_n;
	}
	return json_is_array(points) ? 0 : -1;
}

static int nearest(
	const struct store_place *p, const struct store_wish *w, struct store_hit *ret, size_t *ret_n, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)16 << 20);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int r;

	buf_add_str(&b, "{\"query\":");
	store_add_vector(&b, w->query, w->dims);
	buf_printf(&b,
		",\"limit\":%zu,\"with_payload\":true,\"filter\":{\"must\":[{\"key\":\"text\",\"match\":{\"any\":",
		w->limit);
	store_add_texts(&b, w);
	buf_add_str(&b, "}}]}}");
	*ret_n = 0;
	r = ask(p, "POST", w->identity, "/points/query", &b, 404, STORE_SEARCH_MS, &root, e);
	if (r > 0)
		return 0; /* nothing has been copied yet */
	if (r == 0 && read_hits(root, w->limit, ret, ret_n) < 0)
		r = err_set(e, E_PROVIDER_BROKEN, "Qdrant answers in a form that is not known.");
	return r;
}

const struct store_kind store_qdrant = {"qdrant", check, put, remove_text, nearest};
