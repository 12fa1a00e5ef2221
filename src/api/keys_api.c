/* keys_api.c - a person's API keys for other programs. The secret is in one answer only: that of making the key. */
#include <errno.h>

#include "api/answer.h"
#include "api/request.h"
#include "base/clock.h"
#include "store/keys.h"

#define NAME_MAX_BYTES 100
#define MODELS_MAX     100
#define MODEL_NAME_MAX 200
#define SCOPES         3
#define EXPIRES_MAX    3650
#define DAY_MS         ((int64_t)24 * 3600 * 1000)
#define SCOPES_DOC     "What it may do: `gateway` (call models), `api` (this interface, like you), `models` (look after "

struct key_edit {
	const char *name;
	struct schema_list scopes, models;
	bool has_scopes, has_models;
	int64_t expires_in_days;
};

static const struct field scope_item = {.type = FT_ENUM, .choices = "gateway api models"};
static const struct field model_item = {.type = FT_STR, .min = 1, .max = MODEL_NAME_MAX};

#define EDIT_SCOPES                                                                                                    \
	FIELD_HAS(FT_STRS, struct key_edit, scopes, has_scopes, "scopes", .min = 1, .max = SCOPES,                     \
		.item = &scope_item, .doc = SCOPES_DOC "models, as an administrator).")
#define EDIT_MODELS                                                                                                    \
	FIELD_HAS(FT_STRS, struct key_edit, models, has_models, "models", .min = 1, .max = MODELS_MAX,                 \
		.item = &model_item,                                                                                   \
		.doc = "Ids of the models that it may call, or patterns with * and ?; null: all.")

static const struct field new_fields[] = {
	FIELD_STR(struct key_edit, name, "name", 1, NAME_MAX_BYTES, FIELD_REQUIRED, "What it is for."),
	EDIT_SCOPES,
	EDIT_MODELS,
	FIELD_I64(struct key_edit, expires_in_days, "expires_in_days", 1, EXPIRES_MAX, 0,
		"Days until it stops working; without: never."),
};
static const struct schema key_new_schema =
	SCHEMA("KeyNew", struct key_edit, new_fields, "A new API key; without scopes it has `gateway`.");

static const struct field patch_fields[] = {
	FIELD_STR(struct key_edit, name, "name", 1, NAME_MAX_BYTES, 0, "What it is for."),
	EDIT_SCOPES,
	EDIT_MODELS,
};
static const struct schema key_patch_schema =
	SCHEMA("KeyPatch", struct key_edit, patch_fields, "What to change; the rest stays.");

struct key_answer {
	atelier_id id;
	const char *name, *prefix, *username;
	struct schema_list scopes, models;
	bool has_models;
	int64_t created_at, expires_at, last_used_at;
};

static const struct field key_fields[] = {
	FIELD_ID(struct key_answer, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct key_answer, name, "name", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(struct key_answer, prefix, "prefix", 0, 0, FIELD_REQUIRED, "How the secret begins."),
	FIELD(FT_STRS, struct key_answer, scopes, "scopes", .flags = FIELD_REQUIRED, .doc = SCOPES_DOC "models)."),
	FIELD_HAS(FT_STRS, struct key_answer, models, has_models, "models",
		.doc = "Ids of the models that it may call, or patterns with * and ?; null: all."),
	FIELD_TIME(struct key_answer, created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(struct key_answer, expires_at, "expires_at", 0, "When it stops working; null: never."),
	FIELD_TIME(struct key_answer, last_used_at, "last_used_at", 0, "Last use, to the minute; null: none yet."),
	FIELD_STR(struct key_answer, username, "username", 0, 0, FIELD_REQUIRED, "Whose it is."),
};
static const struct schema key_schema = SCHEMA("Key", struct key_answer, key_fields, "An API key, without its secret.");

LIST_SCHEMA(key_list_schema, "KeyList", &key_schema, "Newest first.", "API keys.");

struct key_made {
	const char *key;
	struct key_answer item;
};

static const struct field made_fields[] = {
	FIELD_STR(struct key_made, key, "key", 0, 0, FIELD_REQUIRED | FIELD_SECRET,
		"The secret. It is not kept: nobody can show it again."),
	FIELD_OBJECT(struct key_made, item, "item", &key_schema, FIELD_REQUIRED, "The key."),
};
static const struct schema key_made_schema =
	SCHEMA("KeyMade", struct key_made, made_fields, "A key that was just made.");

/* The words of a text as a list of strings. */
static int split_words(struct request *q, const char *text, struct schema_list *ret)
{
	const char **words = ARENA_ARRAY(&q->mem, const char *, SCOPES);
	size_t n = 0;

	if (!words)
		return request_no_memory(q);
	for (struct str word; n < SCOPES && str_next_word(&text, &word);) {
		words[n] = arena_strndup(&q->mem, word.p, word.n);
		if (!words[n++])
			return request_no_memory(q);
	}
	*ret = (struct schema_list){words, n};
	return 0;
}

static int answer_of(struct request *q, const struct api_key *k, struct key_answer *ret)
{
	const char *const *models;
	size_t n;
	int r = auth_models_parse(k->models, &q->mem, &models, &n, &q->err);

	if (r < 0)
		return r;
	*ret = (struct key_answer){.id = k->id,
		.name = k->name,
		.prefix = k->prefix,
		.username = k->username,
		.models = {(void *)models, n},
		.has_models = models != NULL,
		.created_at = k->created_at,
		.expires_at = k->expires_at,
		.last_used_at = k->last_used_at};
	return split_words(q, k->scopes, &ret->scopes);
}

static int load(struct request *q, atelier_id id, struct key_answer *ret)
{
	struct api_key k;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = keys_get(c, q->who.user.id, id, &q->mem, &k, &q->err);
	}
	return r < 0 ? r : answer_of(q, &k, ret);
}

static int keys_get_all(struct request *q)
{
	struct api_key_list list = {0};
	struct key_answer *items;
	bool all;
	int r = request_bool(q, "all", &all);

	if (r < 0)
		return r;
	if (all && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator may see everybody's API keys.");
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = keys_list(c, all ? 0 : q->who.user.id, &q->mem, &list, &q->err);
	}
	if (r < 0)
		return r;
	items = ARENA_ARRAY(&q->mem, struct key_answer, list.n + 1);
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = answer_of(q, &list.items[i], &items[i]);
	return r < 0 ? r : answer_list(q, items, list.n, NULL);
}

/* The scopes as bits; E_FORBIDDEN for one that the user cannot give. */
static int read_scopes(struct request *q, const struct key_edit *in, unsigned *ret)
{
	const char *const *words = in->scopes.items;
	unsigned bits = 0;

	for (size_t i = 0; i < in->scopes.n; i++)
		bits |= auth_scopes_parse(words[i]);
	if ((bits & AUTH_SCOPE_MODELS) && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator's API key may look after models.");
	*ret = bits ? bits : AUTH_SCOPE_GATEWAY;
	return 0;
}

static int keys_post(struct request *q)
{
	const struct key_edit *in = q->body;
	struct key_made *out = ARENA_NEW(&q->mem, struct key_made);
	char key[AUTH_API_KEY_LEN + 1];
	atelier_id id;
	unsigned scopes = 0;
	int r = read_scopes(q, in, &scopes);

	if (r < 0)
		return r;
	r = auth_key_create(q->api->c.auth,
		&(struct auth_key_new){.user_id = q->who.user.id,
			.name = in->name,
			.scopes = scopes,
			.models = in->models.n ? in->models.items : NULL,
			.n_models = in->models.n,
			.expires_at = in->expires_in_days ? clock_now_ms() + in->expires_in_days * DAY_MS : 0},
		key, &id, &q->err);
	if (r < 0)
		return r;
	if (!out || !(out->key = arena_strdup(&q->mem, key)))
		return request_no_memory(q);
	q->answer = out;
	request_audit(q, "new API key %.*s...", AUTH_KEY_SHOWN, key);
	return load(q, id, &out->item);
}

static int key_patch(struct request *q)
{
	const struct key_edit *in = q->body;
	struct key_answer *out = ARENA_NEW(&q->mem, struct key_answer);
	struct api_key_change x = {.name = in->name, .has_models = in->has_models};
	char words[AUTH_SCOPES_MAX];
	unsigned scopes = 0;
	int r = read_scopes(q, in, &scopes);

	if (r < 0)
		return r;
	if (in->scopes.n) {
		auth_scopes_format(scopes, words);
		x.scopes = words;
	}
	if (in->models.n && auth_models_format(in->models.items, in->models.n, &q->mem, &x.models) < 0)
		return request_no_memory(q);
	r = keys_change(q->api->c.db, q->who.user.id, q->arg_id, &x, &q->err);
	if (r < 0)
		return r;
	/* What it has open may be more than it may do now. */
	if (x.scopes || x.has_models)
		api_end(q->api, &(struct ending){.key_id = q->arg_id});
	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return load(q, q->arg_id, out);
}

/* An administrator may end anybody's. */
static int key_delete(struct request *q)
{
	bool admin = user_is_admin(&q->who.user);
	atelier_id owner;
	int r = keys_delete(q->api->c.db, admin ? 0 : q->who.user.id, q->arg_id, &owner, &q->err);

	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.key_id = q->arg_id});
	request_audit(q, "API key %s of %s is ended", q->arg, owner == q->who.user.id ? "their own" : "another user");
	return 0;
}

static const struct param key_list_params[] = {
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's; for administrators."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/keys", "listKeys", keys_get_all, ACCESS_USER, ROUTE_SESSION, .status = 200,
		PARAMS(key_list_params), .answer = &key_list_schema, .summary = "The own API keys, without their secrets."},
	{"POST", V1 "/keys", "createKey", keys_post, ACCESS_USER, ROUTE_SESSION, .status = 201,
		.body = &key_new_schema, .answer = &key_made_schema,
		FAILS(E_CONFLICT),
		.summary = "Make an API key; this answer is the only one that shows it."},
	{"PATCH", V1 "/keys/{id}", "updateKey", key_patch, ACCESS_USER, ROUTE_SESSION, .status = 200,
		.body = &key_patch_schema, .answer = &key_schema, FAILS(E_CONFLICT),
		.summary = "Change name, scopes or models of an own key."},
	{"DELETE", V1 "/keys/{id}", "deleteKey", key_delete, ACCESS_USER, ROUTE_SESSION, .status = 204,
		.summary = "End a key at once; an administrator may end anybody's."},
};
/* clang-format on */
const struct route_set keys_routes = ROUTES(routes);
