/* collections_api.c - collections of documents: one's own, and those that others share. */
#include "api/shared.h"
#include "rag/rag.h"
#include "store/collections.h"
#include "store/documents.h"

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
	FIELD_STR(A, embedding_model, "embedding_model", 0, 0, 0,
		"By which it is searched for meaning; null: it is searched by words alone."),
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
		FIELD_I64(C, weight, "weight", 0, 100, 0, "Of meaning against words in a hybrid search, in percent.")
static const struct field new_fields[] = {EDIT_FIELDS(FIELD_REQUIRED)};
static const struct field patch_fields[] = {EDIT_FIELDS(0)};
static const struct schema new_schema = SCHEMA("CollectionNew", C, new_fields, "A new collection.");
static const struct schema patch_schema = SCHEMA("CollectionPatch", C, patch_fields, "What to change; the rest stays.");
#undef C

/* The model of an identity (rag/embed.h). */
static struct collection_answer answer_of(struct request *q, const struct collection *c)
{
	return (struct collection_answer){*c, shared_may(q, c->user_id, c->may),
		c->identity && *c->identity ? identity_model(c->identity, &q->mem) : NULL};
}

static int load(struct request *q, enum grant_verb verb, struct collection *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return collections_get(c, q->who.user.id, q->arg_id, verb, &q->mem, ret, &q->err);
}

static int answer_collection(struct request *q)
{
	struct collection_answer *out = ARENA_NEW(&q->mem, struct collection_answer);
	struct collection c = {0};
	int r = out ? load(q, GRANT_READ, &c) : request_no_memory(q);

	q->answer = out;
	if (r == 0 && out)
		*out = answer_of(q, &c);
	return r;
}

static int collections_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct collection_rows l = {.n = 0};
	int r = collections_list(c, q->who.user.id, &q->mem, &l, &q->err);
	struct collection_answer *items = ARENA_ARRAY(&q->mem, struct collection_answer, l.n + 1);

	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		items[i] = answer_of(q, &l.items[i]);
	return r < 0 ? r : answer_list(q, items, l.n, NULL);
}

static int collections_post(struct request *q)
{
	struct collection c = {.user_id = q->who.user.id,
		.description = "",
		.passage_tokens = 128,
		.passages = 8,
		.mode = "hybrid",
		.weight = 50};
	int r;

	request_apply(q, &c);
	r = collections_create(q->api->c.db, &c, &q->arg_id, &q->err);
	return r < 0 ? r : answer_collection(q);
}

static int collection_get(struct request *q)
{
	return answer_collection(q);
}

static int collection_patch(struct request *q)
{
	const struct rows_edit edit = {q->arg_id, request_edit, q, &q->mem};
	struct collection c = {0};
	int r = collections_edit(q->api->c.db, q->who.user.id, &edit, &c, &q->err);

	return r < 0 ? r : answer_collection(q);
}

static int collection_delete(struct request *q)
{
	return collections_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);
}

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

static int embed_post(struct request *q)
{
	struct embedded_answer *out = ARENA_NEW(&q->mem, struct embedded_answer);
	const char *identity = NULL;
	int r = out ? rag_identity(q->api->c.rag, &q->mem, &out->embedding_model, &identity, &q->err)
		    : request_no_memory(q);

	if (r == 0 && !identity)
		r = err_set(&q->err, E_MODEL_UNKNOWN,
			"There is no model for embeddings. Let Ollama pull one, for example nomic-embed-text.");
	if (r == 0)
		r = documents_embed_all(q->api->c.db, q->who.user.id, q->arg_id, identity, &out->documents, &q->err);
	q->answer = out;
	if (r == 0)
		jobs_look(q->api->c.jobs);
	return r;
}

/* Who has it is its owner's affair. */
static int check_owner(struct request *q)
{
	struct collection c = {0};
	int r = load(q, GRANT_READ, &c);

	if (r == 0 && c.user_id != q->who.user.id)
		r = err_set(&q->err, E_FORBIDDEN, "Only its owner says who has this collection.");
	return r;
}

static int grants_get(struct request *q)
{
	int r = check_owner(q);

	return r < 0 ? r : answer_shared(q, &(struct grant_place){.kind = "collection", .id = q->arg_id});
}

static int grants_put(struct request *q)
{
	int r = check_owner(q);

	return r < 0 ? r : set_shared(q, &(struct grant_place){.kind = "collection", .id = q->arg_id});
}

#define P V1 "/collections"
/* clang-format off */
static const struct route routes[] = {
	{"GET", P, "listCollections", collections_get_all, ACCESS_USER, .status = 200,
		.answer = &collection_list_schema, .summary = "The own collections, and those that others share."},
	{"POST", P, "createCollection", collections_post, ACCESS_USER, .status = 201,
		.body = &new_schema, SHORT_BODY, .answer = &collection_schema, FAILS(E_CONFLICT),
		.summary = "Make a collection."},
	{"GET", P "/{id}", "getCollection", collection_get, ACCESS_USER, .status = 200,
		.answer = &collection_schema, .summary = "One collection."},
	{"PATCH", P "/{id}", "updateCollection", collection_patch, ACCESS_USER, .status = 200,
		.body = &patch_schema, SHORT_BODY, .answer = &collection_schema, FAILS(E_CONFLICT),
		.summary = "Change a collection."},
	{"DELETE", P "/{id}", "deleteCollection", collection_delete, ACCESS_USER, .status = 204,
		.summary = "Delete an own collection with all its documents."},
	{"POST", P "/{id}/embed", "embedCollection", embed_post, ACCESS_USER, .status = 202,
		.answer = &embedded_schema, FAILS(E_MODEL_UNKNOWN, E_BUSY),
		.summary = "Have all documents embedded by the model for embeddings, by which it is searched when all are."},
	{"GET", P "/{id}/grants", "listCollectionGrants", grants_get, ACCESS_USER, .status = 200,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", P "/{id}/grants", "setCollectionGrants", grants_put, ACCESS_USER, .status = 200,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who has it."},
};
/* clang-format on */
const struct route_set collections_routes = ROUTES(routes);
