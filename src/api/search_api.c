/* search_api.c - passages of documents that fit a question. */
#include "api/answer.h"
#include "api/request.h"
#include "rag/rag.h"

#define PLACES_MAX 100
#define LIMIT      10 /* hits, where nothing is said */

struct search_body {
	const char *query, *mode;
	struct schema_list collection_ids, document_ids;
	int64_t limit;
};

static const struct field id_item = {.type = FT_ID};
#define B struct search_body
static const struct field body_fields[] = {
	FIELD_TEXT(B, query, "query", 1, 4000, FIELD_REQUIRED, "The question, or words."),
	FIELD(FT_STRS, B, collection_ids, "collection_ids", .max = PLACES_MAX, .item = &id_item, .flags = FIELD_UNIQUE,
		.doc = "Where to look."),
	FIELD(FT_STRS, B, document_ids, "document_ids", .max = PLACES_MAX, .item = &id_item, .flags = FIELD_UNIQUE,
		.doc = "Single documents beside these. Neither: in all collections that whoever asks may read."),
	FIELD_I64(B, limit, "limit", 1, SEARCH_MAX, 0, "Hits at most; null: 10."),
	FIELD_ENUM(B, mode, "mode", SEARCH_MODES, 0, "How to look; null: as the collections say."),
};
#undef B
static const struct schema body_schema = SCHEMA("DocumentSearch", struct search_body, body_fields, "What to look for.");

#define M struct search_mark
static const struct field mark_fields[] = {
	FIELD_I64(M, start, "start", 0, 0, FIELD_REQUIRED, "Of `text`, in UTF-16 units."),
	FIELD_I64(M, end, "end", 0, 0, FIELD_REQUIRED, "Likewise."),
};
#undef M
static const struct schema mark_schema =
	SCHEMA("DocumentMark", struct search_mark, mark_fields, "A word of the question.");

struct ranks {
	int64_t fulltext, vector, fused, reranked;
	double words, meaning;
	bool has_words, has_meaning;
};
static const struct field ranks_fields[] = {
	FIELD(FT_I64, struct ranks, fulltext, "fulltext", .flags = FIELD_NULL, .when_null = 0,
		.doc = "Place in full-text search, from 1; null: not found by it."),
	FIELD(FT_I64, struct ranks, vector, "vector", .flags = FIELD_NULL, .when_null = 0,
		.doc = "Place by meaning, likewise."),
	FIELD_I64(struct ranks, fused, "fused", 0, 0, FIELD_REQUIRED, "Place of both together, from 1."),
	FIELD(FT_I64, struct ranks, reranked, "reranked", .flags = FIELD_NULL, .when_null = 0,
		.doc = "Place by the collection's reranker, from 1; null: it was not asked, or not of this one."),
	FIELD_MAYBE(FT_F64, struct ranks, words, has_words, "words", NULL,
		"How much of the question's words it has, the rare ones counting more, 0 to 1; null: not found by "
		"words."),
	FIELD_MAYBE(FT_F64, struct ranks, meaning, has_meaning, "meaning", NULL,
		"Cosine of the vectors; null: not found by meaning."),
};
static const struct schema ranks_schema =
	SCHEMA("DocumentRanks", struct ranks, ranks_fields, "Why a hit stands where it does.");

struct hit_answer {
	struct search_hit h;
	struct ranks ranks;
};
#define H struct hit_answer
static const struct field hit_fields[] = {
	FIELD_ID(H, h.document_id, "document_id", FIELD_REQUIRED, "The document."),
	FIELD_ID(H, h.collection_id, "collection_id", FIELD_REQUIRED, "Where that is."),
	FIELD_ID(H, h.passage_id, "passage_id", FIELD_REQUIRED, "The passage."),
	FIELD_STR(H, h.document, "document", 0, 0, FIELD_REQUIRED, "What the document is called."),
	FIELD_TEXT(H, h.text, "text", 0, 0, FIELD_REQUIRED, "What the passage says."),
	FIELD_STR(H, h.heading, "heading", 0, 0, FIELD_REQUIRED, "The headings over it, \" > \" between."),
	FIELD_I64(H, h.page, "page", 0, 0, FIELD_REQUIRED, "On which page it begins; 0: there are none."),
	FIELD_STR(H, h.place, "place", 0, 0, FIELD_REQUIRED,
		"What `page` is a number of: page, slide, sheet, chapter, message, cell or file; empty: not known."),
	FIELD_STR(H, h.label, "label", 0, 0, FIELD_REQUIRED,
		"What that is called in the file, as a sheet is; of a page in an archive, the file that it is of; may "
		"be empty."),
	FIELD_I64(H, h.start, "start", 0, 0, FIELD_REQUIRED, "Where it begins in what was read, in bytes."),
	FIELD_I64(H, h.end, "end", 0, 0, FIELD_REQUIRED, "Where it ends."),
	FIELD_F64(H, h.score, "score", 0, 0, FIELD_REQUIRED, "To be compared with others of this answer alone."),
	FIELD_OBJECT(H, ranks, "ranks", &ranks_schema, FIELD_REQUIRED, "Its places."),
	FIELD_LIST(
		H, h.marked, "marked", &mark_schema, 0, FIELD_REQUIRED, "Where words of the question stand in `text`."),
};
#undef H
static const struct schema hit_schema = SCHEMA("DocumentHit", struct hit_answer, hit_fields, "A passage that fits.");

struct search_answer {
	struct schema_list items;
	const char *mode, *notice;
};
static const struct field answer_fields[] = {
	FIELD_LIST(struct search_answer, items, "items", &hit_schema, 0, FIELD_REQUIRED, "The best first."),
	FIELD_STR(struct search_answer, mode, "mode", 0, 0, FIELD_REQUIRED,
		"How it was looked for: hybrid, fulltext or vectors."),
	FIELD_STR(struct search_answer, notice, "notice", 0, 0, 0, "Why not as was wanted; null: it was."),
};
static const struct schema answer_schema =
	SCHEMA("DocumentsFound", struct search_answer, answer_fields, "What was found.");

static struct hit_answer answer_of(const struct search_hit *h)
{
	return (struct hit_answer){.h = *h,
		.ranks = {.fulltext = h->fulltext_rank,
			.vector = h->vector_rank,
			.fused = h->fused_rank,
			.reranked = h->reranked,
			.words = h->words,
			.meaning = h->meaning,
			.has_words = h->words >= 0,
			.has_meaning = h->meaning >= 0}};
}

static int search_post(struct request *q)
{
	const struct search_body *in = q->body;
	struct search_request s = {.where = {.user_id = q->who.user.id,
					   .n_collections = in->collection_ids.n,
					   .n_documents = in->document_ids.n},
		.query = in->query,
		.mode = in->mode,
		.limit = in->limit ? in->limit : LIMIT};
	struct search_answer *out = ARENA_NEW(&q->mem, struct search_answer);
	struct search_result found = {.n = 0};
	int r = request_ids(q, &in->collection_ids, &s.where.collections);

	if (r == 0)
		r = request_ids(q, &in->document_ids, &s.where.documents);
	if (r == 0)
		r = rag_search(q->api->c.rag, &s, &q->mem, &found, &q->err);
	struct hit_answer *items = ARENA_ARRAY(&q->mem, struct hit_answer, found.n + 1);
	if (r == 0 && (!out || !items))
		r = request_no_memory(q);
	if (r < 0)
		return r;
	for (size_t i = 0; i < found.n; i++)
		items[i] = answer_of(&found.items[i]);
	*out = (struct search_answer){{items, found.n}, found.mode, found.notice};
	q->answer = out;
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/search", "searchDocuments", search_post, ACCESS_USER, ROUTE_CALL, .status = 200,
		.body = &body_schema, SHORT_BODY, .answer = &answer_schema, FAILS(E_NOT_FOUND),
		.summary = "Passages of documents that fit a question, the best first."},
};
/* clang-format on */
const struct route_set search_routes = ROUTES(routes);
