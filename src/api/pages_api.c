/* pages_api.c - pages of documents: what stands where on them, and how they look. */
#include <inttypes.h>

#include "api/request.h"
#include "rag/rag.h"
#include "store/documents.h"
#include "store/texts.h"

#define WIDTH_DEFAULT 1000
#define TEXT_BYTES    ((size_t)1 << 20)

static const struct field box_fields[] = {
	FIELD_F64(struct page_box, left, "left", 0, 1, FIELD_REQUIRED, "Of the width of the page, from its left."),
	FIELD_F64(struct page_box, top, "top", 0, 1, FIELD_REQUIRED, "Of its height, from its top."),
	FIELD_F64(struct page_box, right, "right", 0, 1, FIELD_REQUIRED, "Likewise."),
	FIELD_F64(struct page_box, bottom, "bottom", 0, 1, FIELD_REQUIRED, "Likewise."),
};
static const struct schema box_schema =
	SCHEMA("PageBox", struct page_box, box_fields, "A line of what is to be marked.");

struct page_answer {
	struct page p;
	const char *text;
};
#define A struct page_answer
static const struct field page_fields[] = {
	FIELD_STR(A, p.kind, "kind", 0, 0, FIELD_REQUIRED, "page, slide, sheet, chapter, message, cell or file."),
	FIELD_I64(A, p.number, "number", 0, 0, FIELD_REQUIRED, "Which one."),
	FIELD_STR(A, p.label, "label", 0, 0, FIELD_REQUIRED, "What it is called in the file; may be empty."),
	FIELD_I64(A, p.start, "start", 0, 0, FIELD_REQUIRED, "Where it begins in what was read, in bytes."),
	FIELD_I64(A, p.end, "end", 0, 0, FIELD_REQUIRED, "Where it ends."),
	FIELD_F64(A, p.width, "width", 0, 0, FIELD_REQUIRED, "In points; 0: not known."),
	FIELD_F64(A, p.height, "height", 0, 0, FIELD_REQUIRED, "Likewise."),
	FIELD_LIST(A, p.boxes, "boxes", &box_schema, 0, FIELD_REQUIRED,
		"Where on the page what was asked for stands, in lines; empty: not on it, or not known."),
	FIELD_TEXT(A, text, "text", 0, 0, FIELD_REQUIRED, "What was read from it."),
};
#undef A
static const struct schema page_schema =
	SCHEMA("DocumentPage", struct page_answer, page_fields, "A page of a document.");

static int find_marked(struct request *q, struct db_conn *c, struct page_wish *w)
{
	atelier_id passage_id = 0;
	struct passage_row p = {.n = 0};
	int r = request_i64(q, "start", &w->start);

	if (r == 0)
		r = request_i64(q, "end", &w->end);
	if (r == 0)
		r = request_id(q, "passage_id", &passage_id);
	if (r < 0 || !passage_id)
		return r;
	r = texts_passage_of(c, q->arg_id, passage_id, &q->mem, &p, &q->err);
	w->start = p.start;
	w->end = p.end;
	return r;
}

static int page_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_BYTES);
	struct page_answer *out = ARENA_NEW(&q->mem, struct page_answer);
	struct page_wish w = {.number = q->arg_n};
	struct document d = {0};
	int r = documents_get(c, q->who.user.id, q->arg_id, &q->mem, &d, &q->err);

	if (r == 0 && !d.text_id)
		r = err_set(&q->err, E_CONFLICT, "This document has not been read yet.");
	w.text_id = d.text_id;
	if (r == 0)
		r = out ? find_marked(q, c, &w) : request_no_memory(q);
	if (r == 0)
		r = rag_page(c, &w, &q->mem, &out->p, &q->err);
	if (r == 0)
		r = texts_slice(c, w.text_id, out->p.start, MIN(out->p.end, out->p.start + (int64_t)TEXT_BYTES - 1),
			&text, &q->err);
	if (r < 0)
		return r;
	out->text = arena_strndup(&q->mem, buf_str(&text).p, text.n);
	q->answer = out;
	return out->text ? 0 : request_no_memory(q);
}

static int picture_get(struct request *q)
{
	struct document d = {0};
	int64_t width = 0;
	int r = request_i64(q, "width", &width);

	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = documents_get(c, q->who.user.id, q->arg_id, &q->mem, &d, &q->err);
	}
	if (r < 0)
		return r;
	const char *etag = arena_printf(&q->mem, "\"%s-%" PRId64 "-%" PRId64 "\"", d.hash, q->arg_n, width);
	if (!etag)
		return request_no_memory(q);
	http_set_header(q->x, "ETag", etag);
	http_set_header(q->x, "Cache-Control", "private, no-cache");
	if (etag_matches(http_header(q->x, "If-None-Match"), etag)) {
		q->status = 304;
		return 0;
	}
	return rag_page_png(q->api->c.rag, d.hash, (int)q->arg_n, (int)width, &q->raw, &q->err);
}

static const struct param page_params[] = {
	{.name = "passage_id", .type = PARAM_ID, .doc = "A passage whose words are to be told as boxes."},
	{.name = "start", .type = PARAM_I64, .max = INT32_MAX, .doc = "Or the words from this byte of what was read,"},
	{.name = "end", .type = PARAM_I64, .max = INT32_MAX, .doc = "to this one."},
};
static const struct param picture_params[] = {
	{.name = "width", .type = PARAM_I64, .min = 64, .max = 4000, .otherwise = WIDTH_DEFAULT, .doc = "Pixels."},
};

#define P V1 "/documents/{id}/pages/{n}"
/* clang-format off */
static const struct route routes[] = {
	{"GET", P, "getDocumentPage", page_get, ACCESS_USER, .status = 200,
		PARAMS(page_params), .answer = &page_schema, FAILS(E_CONFLICT),
		.summary = "A page, slide or sheet of a document: its text, and where on it a passage stands."},
	{"GET", P ".png", "getDocumentPagePicture", picture_get, ACCESS_USER, ROUTE_SLOW, .status = 200,
		PARAMS(picture_params), .media = "image/png", FAILS(E_INVALID, E_BUSY),
		.summary = "A page of a PDF as a picture."},
};
/* clang-format on */
const struct route_set pages_routes = ROUTES(routes);
