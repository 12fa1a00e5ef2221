/* collections_api.c - collections of documents: one's own, and those that others share. */
#include "api/shared.h"
#include "provider/manage.h"
#include "rag/rag.h"
#include "store/collections.h"
#include "store/documents.h"

#define REFRESH_PAGE  500 /* documents of one transaction */
#define REFRESH_BYTES ((size_t)16 << 20)

#define C struct collection

struct collection_answer {
	struct collection c;
	const char *may;
	const char *embedding_model;
};

#define A struct collection_answer
static const struct field collection_fields[] = {
	FIELD_ID(A, c.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(A, c.name, "name", 0, 0, FIELD_REQUIRED, "What it is called."),
	FIELD_TEXT(A, c.description, "description", 0, 0, FIELD_REQUIRED, "What is in it."),
	FIELD_I64(A, c.passage_tokens, "passage_tokens", 0, 0, FIELD_REQUIRED, "Size of a passage in tokens, about."),
	FIELD_I64(A, c.passages, "passages", 0, 0, FIELD_REQUIRED, "Passages that a model is given at most."),
	FIELD_ENUM(A, c.mode, "mode", SEARCH_MODES, FIELD_REQUIRED, "How it is searched where that can be."),
	FIELD_I64(A, c.weight, "weight", 0, 0, FIELD_REQUIRED,
		"Of meaning against words in a hybrid search, in percent."),
	FIELD_I64(A, c.overlap, "overlap", 0, 0, FIELD_REQUIRED, "Tokens that a passage has of the one before."),
	FIELD_I64(A, c.threshold, "threshold", 0, 0, FIELD_REQUIRED,
		"Passages whose score is below this percent of the best one's are left out."),
	FIELD_BOOL(A, c.whole, "whole", FIELD_REQUIRED,
		"Whether a model is given the documents as a whole where they fit."),
	FIELD_STR(A, c.reranker, "reranker", 0, 0, FIELD_REQUIRED,
		"The model that puts what was found in order; empty: it stands as it was found."),
	FIELD_BOOL(A, c.rewrite, "rewrite", FIELD_REQUIRED,
		"Whether a question that leans on the chat is first written so that it stands alone, by a model."),
	FIELD_STR(A, c.embedding_model, "wanted_model", 0, 0, FIELD_REQUIRED,
		"The model for embeddings that was chosen for it; empty: whatever there is."),
	FIELD_STR(A, embedding_model, "embedding_model", 0, 0, 0,
		"By which it is searched for meaning now; null: it is searched by words alone."),
	FIELD_I64(A, c.documents, "documents", 0, 0, FIELD_REQUIRED, "How many documents it has."),
	FIELD_STR(A, c.owner, "owner", 0, 0, 0, "User name of whose it is."),
	FIELD_ENUM(A, may, "may", SHARED_MAY, FIELD_REQUIRED, "What whoever asks may do with it."),
	FIELD_BOOL(A, c.shared, "shared", FIELD_REQUIRED, "Whether others have it, too."),
	FIELD_TIME(A, c.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(A, c.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
#undef A
static const struct schema collection_schema =
	SCHEMA("Collection", struct collection_answer, collection_fields, "Documents that are searched together.");
LIST_SCHEMA(collection_list_schema, "CollectionList", &collection_schema, "By name.",
	"The own collections and shared ones.");

#define EDIT_FIELDS(must)                                                                                              \
	FIELD_STR(C, name, "name", 1, 100, (must), "What it is called."),                                              \
		FIELD_TEXT(C, description, "description", 0, 1000, 0, "What is in it."),                               \
		FIELD_I64(C, passage_tokens, "passage_tokens", 32, 1024, 0,                                            \
			"Size of a passage in tokens, about; of documents that are read from now on."),                \
		FIELD_I64(C, passages, "passages", 1, 50, 0, "Passages that a model is given at most."),               \
		FIELD_ENUM(C, mode, "mode", SEARCH_MODES, 0, "How it is searched where that can be."),                 \
		FIELD_I64(C, weight, "weight", 0, 100, 0, "Of meaning against words in a hybrid search, in percent."), \
		FIELD_I64(C, overlap, "overlap", 0, 256, 0,                                                            \
			"Tokens that a passage has of the one before; of documents that are read from now on."),       \
		FIELD_I64(C, threshold, "threshold", 0, 100, 0,                                                        \
			"Passages whose score is below this percent of the best one's are left out."),                 \
		FIELD_BOOL(C, whole, "whole", 0, "Whether a model is given the documents as a whole where they fit."), \
		FIELD_STR(C, reranker, "reranker", 0, 200, 0,                                                          \
			"A model that puts the best of what was found in order, by a service of the kind /rerank "     \
			"(llama.cpp, vLLM, Jina, Cohere); empty: none."),                                              \
		FIELD_BOOL(C, rewrite, "rewrite", 0,                                                                   \
			"Whether a question that leans on the chat is first written so that it stands alone, by the "  \
			"model for titles."),                                                                          \
		FIELD_STR(C, embedding_model, "wanted_model", 0, 200, 0,                                               \
			"The model for embeddings; empty: whatever there is. A change has all documents embedded by "  \
			"it, and it is searched by the old one until all are.")
static const struct field new_fields[] = {EDIT_FIELDS(FIELD_REQUIRED)};
static const struct field patch_fields[] = {EDIT_FIELDS(0)};
static const struct schema new_schema = SCHEMA("CollectionNew", C, new_fields, "A new collection.");
static const struct schema patch_schema = SCHEMA("CollectionPatch", C, patch_fields, "What to change; the rest stays.");
#undef C

static int fill(struct request *q, atelier_id none UNUSED, void *body)
{
	struct collection_answer *b = body;

	b->may = shared_may(q, b->c.user_id, b->c.may);
	b->embedding_model = b->c.identity && *b->c.identity ? identity_model(b->c.identity, &q->mem) : NULL;
	return 0;
}

static const struct collection fresh = {COLLECTION_FRESH};
static const struct shared_resource collections = {.kind = &collections_kind,
	.bus = BUS_COLLECTION,
	.word = "collection",
	.fresh = &fresh,
	.row = sizeof(struct collection),
	.body = sizeof(struct collection_answer),
	.edit = request_edit,
	.fill = fill};

struct embedded_answer {
	int64_t documents;
	const char *embedding_model;
};
static const struct field embedded_fields[] = {
	FIELD_I64(struct embedded_answer, documents, "documents", 0, 0, FIELD_REQUIRED, "Jobs that were begun."),
	FIELD_STR(struct embedded_answer, embedding_model, "embedding_model", 0, 0, FIELD_REQUIRED, "By which model."),
};
static const struct schema embedded_schema =
	SCHEMA("CollectionEmbedded", struct embedded_answer, embedded_fields, "What is done for a search by meaning.");

static int embed_all(struct request *q, struct embedded_answer *out)
{
	struct collection k = {.embedding_model = ""};
	const char *identity = NULL;
	int r;

	*out = (struct embedded_answer){.documents = 0};
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = collections_get(c, q->who.user.id, q->arg_id, GRANT_EDIT, &q->mem, &k, &q->err);
	}
	if (r == 0)
		r = rag_identity(q->api->c.rag, k.embedding_model, &q->mem, &out->embedding_model, &identity, &q->err);
	if (r == 0 && !identity)
		r = err_set(&q->err, E_MODEL_UNKNOWN,
			"There is no model for embeddings. Let Ollama pull one, for example nomic-embed-text.");
	if (r == 0)
		r = documents_embed_all(q->api->c.db, q->who.user.id, q->arg_id, identity, &out->documents, &q->err);
	if (r == 0)
		jobs_notify(q->api->c.jobs);
	return r;
}

/* That it is there, can do what it is for, and may be used by whoever asks. */
static int check_model(struct request *q, const char *model, int (*can)(struct providers *, const char *, struct err *))
{
	const char *id = NULL;
	int r;

	if (!model || !*model)
		return 0;
	r = request_allow_model(q, model);
	if (r == 0)
		r = MIN(providers_resolve(q->api->c.providers, model, &q->mem, &id, &q->err), 0);
	return r < 0 ? r : can(q->api->c.providers, id, &q->err);
}

static int check_models(struct request *q)
{
	const struct collection *in = q->body;
	int r = check_model(q, in->embedding_model, provider_can_embed);

	return r < 0 ? r : check_model(q, in->reranker, provider_can_rerank);
}

static int collection_post(struct request *q)
{
	int r = check_models(q);

	return r < 0 ? r : shared_post(q);
}

static int embed_post(struct request *q)
{
	struct embedded_answer *out = ARENA_NEW(&q->mem, struct embedded_answer);
	int r = out ? embed_all(q, out) : request_no_memory(q);

	q->answer = out;
	return r;
}

struct refreshed_answer {
	int64_t documents;
};
static const struct field refreshed_fields[] = {
	FIELD_I64(struct refreshed_answer, documents, "documents", 0, 0, FIELD_REQUIRED, "Jobs that were begun."),
};
static const struct schema refreshed_schema =
	SCHEMA("CollectionRefreshed", struct refreshed_answer, refreshed_fields, "What is read anew.");

/* Of the documents behind *after, which goes on, those that are read otherwise now. */
static int gather_older(struct request *q, atelier_id *after, struct documents_some *ret, atelier_id *ids)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	CLEANUP(arena_done) struct arena a;
	const struct document_filter f = {
		.user_id = q->who.user.id, .collection_id = q->arg_id, .after = *after, .limit = REFRESH_PAGE};
	struct document_rows l = {.n = 0};
	arena_init(&a, REFRESH_BYTES);
	int r = documents_list(c, &f, &a, &l, &q->err);
	size_t n = MIN(l.n, (size_t)REFRESH_PAGE);

	*ret = (struct documents_some){.user_id = q->who.user.id, .collection_id = q->arg_id, .ids = ids};
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct document *d = &l.items[i];
		if (d->recipe && rag_is_older(d->recipe, d->format) && strcmp(d->state, "ready") == 0)
			ids[ret->n++] = d->id;
	}
	*after = r == 0 && l.n > n ? l.items[n - 1].id : 0;
	return r;
}

static int refresh_post(struct request *q)
{
	struct refreshed_answer *out = ARENA_NEW(&q->mem, struct refreshed_answer);
	atelier_id *ids = ARENA_ARRAY(&q->mem, atelier_id, REFRESH_PAGE), after = 0;
	struct collection k;
	int r = out && ids ? 0 : request_no_memory(q);

	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = collections_get(c, q->who.user.id, q->arg_id, GRANT_EDIT, &q->mem, &k, &q->err);
	}
	do {
		struct documents_some some;
		int64_t n = 0;
		if (r == 0)
			r = gather_older(q, &after, &some, ids);
		if (r == 0 && some.n)
			r = documents_reread(q->api->c.db, &some, &n, &q->err);
		if (r == 0)
			out->documents += n;
	} while (r == 0 && after);
	if (r == E_BUSY && out->documents > 0) { /* the rest when these are read */
		err_clear(&q->err);
		r = 0;
	}
	jobs_notify(q->api->c.jobs);
	q->answer = out;
	return r;
}

/* Another model: its index is built beside the one that is there. */
static int collection_patch(struct request *q)
{
	struct collection before = {.embedding_model = ""}, now = {.embedding_model = ""};
	struct embedded_answer none;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = collections_get(c, q->who.user.id, q->arg_id, GRANT_EDIT, &q->mem, &before, &q->err);
	}
	if (r == 0)
		r = check_models(q);
	if (r == 0)
		r = shared_patch(q);
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = collections_get(c, q->who.user.id, q->arg_id, GRANT_EDIT, &q->mem, &now, &q->err);
	}
	return r < 0 || strcmp(before.embedding_model, now.embedding_model) == 0 ? r : embed_all(q, &none);
}

#define P    V1 "/collections"
#define THIS .shared = &collections
/* clang-format off */
static const struct route routes[] = {
	{"GET", P, "listCollections", shared_get_all, ACCESS_USER, .status = 200, THIS,
		.answer = &collection_list_schema, .summary = "The own collections, and those that others share."},
	{"POST", P, "createCollection", collection_post, ACCESS_USER, .status = 201, THIS,
		.body = &new_schema, SHORT_BODY, .answer = &collection_schema, FAILS(E_CONFLICT, E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Make a collection."},
	{"GET", P "/{id}", "getCollection", shared_get_one, ACCESS_USER, .status = 200, THIS,
		.answer = &collection_schema, .summary = "One collection."},
	{"PATCH", P "/{id}", "updateCollection", collection_patch, ACCESS_USER, .status = 200, THIS,
		.body = &patch_schema, SHORT_BODY, .answer = &collection_schema, FAILS(E_CONFLICT, E_MODEL_UNKNOWN, E_MODEL_CANNOT, E_BUSY),
		.summary = "Change a collection."},
	{"DELETE", P "/{id}", "deleteCollection", shared_delete_one, ACCESS_USER, .status = 204, THIS,
		.summary = "Delete an own collection with all its documents."},
	{"POST", P "/{id}/embed", "embedCollection", embed_post, ACCESS_USER, .status = 202,
		.answer = &embedded_schema, FAILS(E_MODEL_UNKNOWN, E_BUSY),
		.summary = "Have all documents embedded by the model for embeddings, by which it is searched when all are."},
	{"POST", P "/{id}/refresh", "refreshCollection", refresh_post, ACCESS_USER, .status = 202,
		.answer = &refreshed_schema, FAILS(E_BUSY),
		.summary = "Have all documents read anew that an older version of the program has read and that this one reads "
			   "otherwise. What was read of them is found until then."},
	{"GET", P "/{id}/grants", "listCollectionGrants", shared_get_grants, ACCESS_USER, .status = 200, THIS,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", P "/{id}/grants", "setCollectionGrants", shared_put_grants, ACCESS_USER, .status = 200, THIS,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who has it."},
};
/* clang-format on */
const struct route_set collections_routes = ROUTES(routes);
