/* vector_store_api.c - where vectors are searched: in memory, or in a store that administrators configure. */
#include "api/answer.h"
#include "api/request.h"
#include "rag/rag.h"
#include "store/vector_stores.h"

#define URL_MAX_N  500
#define KEY_MAX_N  4096
#define NAME_MAX_N 32

struct store_answer {
	struct vector_store store;
	bool has_key;
	const char *state, *error;
	int64_t copied, texts;
};

#define A struct store_answer
static const struct field store_fields[] = {
	FIELD_ENUM(A, store.kind, "kind", VECTOR_STORES, FIELD_REQUIRED,
		"Where vectors are searched; embedded: in Atelier itself."),
	FIELD_STR(A, store.url, "url", 0, 0, FIELD_REQUIRED, "Where the store is; empty: embedded."),
	FIELD_STR(A, store.name, "name", 0, 0, FIELD_REQUIRED, "What the names of its collections begin with."),
	FIELD_BOOL(A, has_key, "has_key", FIELD_REQUIRED, "Whether it has a key, which is never told."),
	FIELD_ENUM(A, state, "state", "ok failing", FIELD_REQUIRED, "How the last look at it went."),
	FIELD_STR(A, error, "error", 0, 0, 0, "What is wrong, in words; null: nothing."),
	FIELD_I64(A, copied, "copied", 0, 0, FIELD_REQUIRED, "Texts whose vectors it has."),
	FIELD_I64(A, texts, "texts", 0, 0, FIELD_REQUIRED, "Texts that have vectors."),
};
static const struct schema store_schema =
	SCHEMA("VectorStore", A, store_fields, "Where vectors are searched, and how that is.");
#undef A

struct store_edit {
	const char *kind, *url, *name, *key;
};

#define E struct store_edit
static const struct field edit_fields[] = {
	FIELD_ENUM(E, kind, "kind", VECTOR_STORES, FIELD_REQUIRED, "Where vectors are searched."),
	FIELD(FT_STR, E, url, "url", .max = URL_MAX_N,
		.pattern = "^ "
			   "*((https?|postgresql)://"
			   "([A-Za-z0-9._-]+@)?([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9a-fA-F:]+\\])"
			   "(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~%!$&'()*+,;=:-]*)*(\\?sslmode=[a-z-]+)?)? *$",
		.hint = "an address: http://..., https://... or, of PostgreSQL, postgresql://user@host/database, "
			"without a "
			"password in it",
		.doc = "Address of the store; needed unless it is embedded. Of pgvector: "
		       "postgresql://user@host/database, "
		       "if need be with ?sslmode=verify-full."),
	FIELD(FT_STR, E, name, "name", .min = 1, .max = NAME_MAX_N, .pattern = "^[a-z][a-z0-9-]*$",
		.hint = "a name of a to z, 0 to 9 and the hyphen, that begins with a letter",
		.doc = "What the names of its collections begin with (atelier); a server that shares the store with "
		       "another one has a name of its own."),
	FIELD_STR(E, key, "key", 0, KEY_MAX_N, FIELD_SECRET,
		"Key. It is never told again; empty removes it, without this field it stays as long as kind and "
		"address "
		"do."),
};
/* As fits_kind() has it. */
#define IS_KIND(kind) "{\"properties\":{\"kind\":{\"const\":\"" kind "\"}}}"
#define NEEDS(address)                                                                                                 \
	"{\"properties\":{\"url\":{\"type\":\"string\",\"pattern\":\"" address "\"}},\"required\":[\"url\"]}"
static const struct schema edit_schema = {
	.name = "VectorStoreEdit",
	.size = sizeof(E),
	.fields = edit_fields,
	.n_fields = N_ELEMENTS(edit_fields),
	.doc = "Another store. It is tried before it is taken.",
	.rule = "\"if\":" IS_KIND("pgvector") ",\"then\":" NEEDS("^ *postgresql:") ",\"else\":{\"if\":" IS_KIND(
		"embedded") ",\"then\":true,\"else\":" NEEDS("^ *http[^@?]*$") "}",
};
#undef E

static int answer_store(struct request *q)
{
	struct store_answer *out = ARENA_NEW(&q->mem, struct store_answer);
	struct rag_store_state *state = ARENA_NEW(&q->mem, struct rag_store_state);
	int r;

	if (!out || !state)
		return request_no_memory(q);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = vector_store_get(c, &q->mem, &out->store, &q->err);
	}
	if (r == 0)
		r = rag_store_state(q->api->c.rag, state, &q->err);
	out->has_key = out->store.sealed.p != NULL;
	out->state = state->failing ? "failing" : "ok";
	out->error = state->failing ? state->error : NULL;
	out->copied = state->copied;
	out->texts = state->texts;
	q->answer = out;
	return r;
}

/* Without blanks around it and '/' at its end, in the arena. */
static const char *trim(struct request *q, const char *url)
{
	size_t n = strlen(url);

	while (*url == ' ') {
		url++;
		n--;
	}
	while (n && (url[n - 1] == ' ' || url[n - 1] == '/'))
		n--;
	return arena_strndup(&q->mem, url, n);
}

/* A PostgreSQL has a scheme of its own, and a user; where HTTP is spoken, neither has a meaning. */
static bool fits_kind(const struct vector_store *s)
{
	bool postgres = strncmp(s->url, "postgresql://", 13) == 0;

	return strcmp(s->kind, "pgvector") == 0 ? postgres : !postgres && !strpbrk(s->url, "@?");
}

static int store_put(struct request *q)
{
	const struct store_edit *in = q->body;
	bool embedded = strcmp(in->kind, "embedded") == 0;
	struct vector_store s = {.kind = in->kind,
		.url = trim(q, in->url && !embedded ? in->url : ""),
		.name = in->name ? in->name : "atelier"};
	struct err why = {0};
	int r;

	if (!s.url)
		return request_no_memory(q);
	if (!embedded && !*s.url)
		return err_field(&q->err, E_INVALID, "url", "must say where the vector store is.");
	if (!embedded && !fits_kind(&s))
		return err_field(&q->err, E_INVALID, "url", "is not the address of such a store: %s.",
			strcmp(s.kind, "pgvector") == 0 ? "postgresql://user@host/database"
							: "http://... or https://..., without a user in it");
	r = rag_store_check(q->api->c.rag, &s, in->key, &why);
	if (r < 0)
		return err_set(&q->err, E_CONFLICT, "%s", why.msg);
	r = vector_store_set(q->api->c.db, auth_vault(q->api->c.auth), &s, embedded ? "" : in->key, &q->err);
	if (r == 0)
		rag_store_changed(q->api->c.rag);
	return r < 0 ? r : answer_store(q);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/vector-store", "getVectorStore", answer_store, ACCESS_ADMIN, .status = 200,
		.answer = &store_schema, .summary = "Where vectors are searched."},
	{"PUT", V1 "/vector-store", "setVectorStore", store_put, ACCESS_ADMIN, ROUTE_SLOW, .status = 200,
		.body = &edit_schema, SHORT_BODY, .answer = &store_schema,
		FAILS(E_CONFLICT),
		.summary = "Search vectors elsewhere: what there is is copied, and found by words until then."},
};
/* clang-format on */
const struct route_set vector_store_routes = ROUTES(routes);
