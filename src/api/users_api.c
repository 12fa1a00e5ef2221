/* users_api.c - everybody who can sign in, for administrators. */
#include "api/answer.h"
#include "api/files.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/owners.h"
#include "store/uploads.h"

#define NAME_MAX_N 64

static const struct field account_fields[] = {
	FIELD_ID(struct user, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct user, name, "username", 0, 0, FIELD_REQUIRED, "Name to sign in with."),
	FIELD_STR(struct user, display_name, "display_name", 0, 0, FIELD_REQUIRED, "Name to show."),
	FIELD_ENUM(struct user, role, "role", ROLE_ADMIN " " ROLE_USER, FIELD_REQUIRED, "What the user may do."),
	FIELD_BOOL(struct user, disabled, "disabled", FIELD_REQUIRED, "May not sign in, nor use API keys."),
	FIELD_TIME(struct user, created_at, "created_at", FIELD_REQUIRED, "When the user was made."),
};
static const struct schema account_schema =
	SCHEMA("Account", struct user, account_fields, "A person, as an administrator sees them.");

LIST_SCHEMA(account_list_schema, "AccountList", &account_schema, "By name.", "All users.");

static int users_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct user_list list;
	int r = users_list(c, &q->mem, &list, &q->err);

	return r < 0 ? r : answer_list(q, list.items, list.n, NULL);
}

static const struct field patch_fields[] = {
	FIELD_HAS(FT_BOOL, struct user_change, disabled, has_disabled, "disabled",
		.doc = "True: may not sign in, nor use API keys; what is open ends."),
	FIELD_ENUM(struct user_change, role, "role", ROLE_ADMIN " " ROLE_USER, 0, "What the user may do."),
	FIELD(FT_STR, struct user_change, name, "username", USER_NAME_RULE,
		.doc = "Name to sign in with from now on: letters, digits and . _ - @."),
	FIELD_STR(struct user_change, display_name, "display_name", 1, NAME_MAX_N, 0, "Name to show."),
};
static const struct schema account_patch_schema =
	SCHEMA("AccountPatch", struct user_change, patch_fields, "What to change; the rest stays.");

/* ---- new users, and links to set a password ---- */

static const struct field new_fields[] = {
	FIELD(FT_STR, struct user_change, name, "username", USER_NAME_RULE, .flags = FIELD_REQUIRED,
		.doc = "Name to sign in with: letters, digits and . _ - @."),
	FIELD_STR(
		struct user_change, display_name, "display_name", 1, NAME_MAX_N, 0, "Name to show; without: the same."),
	FIELD_ENUM(struct user_change, role, "role", ROLE_ADMIN " " ROLE_USER, FIELD_REQUIRED, "What the user may do."),
};
static const struct schema account_new_schema =
	SCHEMA("AccountNew", struct user_change, new_fields, "Somebody new, who sets the password by a link.");

struct link_answer {
	atelier_id user_id;
	const char *username, *token;
	int64_t expires_at;
};

static const struct field link_fields[] = {
	FIELD_ID(struct link_answer, user_id, "user_id", FIELD_REQUIRED, "Whose it is."),
	FIELD_STR(struct link_answer, username, "username", 0, 0, FIELD_REQUIRED, "The name to sign in with."),
	FIELD_STR(struct link_answer, token, "token", 0, 0, FIELD_REQUIRED,
		"To be handed over as the address /password#TOKEN, and shown only here."),
	FIELD_TIME(struct link_answer, expires_at, "expires_at", FIELD_REQUIRED,
		"When it ends, unless it is used before."),
};
static const struct schema link_schema =
	SCHEMA("PasswordLink", struct link_answer, link_fields, "A link by which a person sets a password, once.");

static int answer_link(struct request *q, const struct user *u)
{
	struct link_answer *out = ARENA_NEW(&q->mem, struct link_answer);
	struct auth_link link;
	int r = auth_link_new(q->api->c.auth, u->id, &link, &q->err);

	if (r < 0)
		return r;
	if (!out || !(out->token = arena_strdup(&q->mem, link.token)))
		return request_no_memory(q);
	out->user_id = u->id;
	out->username = u->name;
	out->expires_at = link.expires_at;
	q->answer = out;
	request_audit(q, "a link to set the password of %s", u->name);
	return 0;
}

static int users_post(struct request *q)
{
	const struct user_change *in = q->body;
	struct user u = {.name = in->name};
	int r = auth_check_name(in->name, &q->err);

	if (r == 0)
		r = users_create(q->api->c.db,
			&(struct user_new){.name = in->name,
				.display_name = in->display_name,
				.password_hash = AUTH_NO_PASSWORD,
				.role = in->role},
			&u.id, &q->err);
	if (r < 0)
		return r;
	request_audit(q, "new %s %s", in->role, in->name);
	return answer_link(q, &u);
}

static int load(struct request *q, struct user *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return users_by_id(c, q->arg_id, &q->mem, ret, &q->err);
}

static int user_link_post(struct request *q)
{
	struct user u;
	int r = load(q, &u);

	return r < 0 ? r : answer_link(q, &u);
}

static int user_patch(struct request *q)
{
	const struct user_change *in = q->body;
	struct user *out = ARENA_NEW(&q->mem, struct user);
	int r = out ? 0 : request_no_memory(q);

	if (r == 0 && in->name)
		r = auth_check_name(in->name, &q->err);
	if (r < 0)
		return r;
	r = users_change(q->api->c.db, q->arg_id, in, &q->err);
	if (r == 0)
		r = load(q, out);
	if (r < 0)
		return r;
	/* Whoever was an administrator has perhaps open what only such a one may see. */
	if (in->disabled || in->role)
		api_end(q->api, &(struct ending){.user_id = q->arg_id});
	request_audit(q, "user %s is %s%s now%s%s", out->name, out->disabled ? "disabled, " : "", out->role,
		in->name ? ", by the name " : "", in->name ? in->name : "");
	q->answer = out;
	return 0;
}

/* ---- leaving ---- */

static const struct field owned_fields[] = {
	FIELD_I64(struct owned_counts, assistants, "assistants", 0, 0, FIELD_REQUIRED, "Assistants."),
	FIELD_I64(struct owned_counts, collections, "collections", 0, 0, FIELD_REQUIRED, "Collections of documents."),
	FIELD_I64(struct owned_counts, folders, "folders", 0, 0, FIELD_REQUIRED, "Folders."),
	FIELD_I64(struct owned_counts, prompts, "prompts", 0, 0, FIELD_REQUIRED, "Prompts."),
	FIELD_I64(struct owned_counts, tool_servers, "tool_servers", 0, 0, FIELD_REQUIRED, "Tool servers."),
};
static const struct schema owned_schema =
	SCHEMA("SharedCounts", struct owned_counts, owned_fields, "How many things of a user others have.");

static int user_shared_get(struct request *q)
{
	struct owned_counts *out = ARENA_NEW(&q->mem, struct owned_counts);
	struct user user;
	int r = out ? load(q, &user) : request_no_memory(q);

	if (r < 0)
		return r;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	q->answer = out;
	return owners_count(c, q->arg_id, out, &q->err);
}

#define HAND_OVER "hand_over"
static const struct param delete_params[] = {
	{.name = "shared",
		.type = PARAM_STR,
		.choices = HAND_OVER " delete",
		.doc = "What becomes of all of theirs that others have (assistants, collections, folders, prompts, "
		       "tool "
		       "servers): it is handed over (so without a word), or deleted, too. Tool servers of somebody who "
		       "is no "
		       "administrator arrive switched off, and only their new owner may edit them."},
	{.name = "heir",
		.type = PARAM_ID,
		.doc = "The user to whom it is handed over; without one, whoever deletes. Who deletes their own "
		       "account "
		       "and shares something says one."},
};

/* Nobody's own leaving takes from others what they have without a word. */
static int check_nothing_shared(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct owned_counts n = {0};
	int r = owners_count(c, q->arg_id, &n, &q->err);

	if (r == 0 && n.assistants + n.collections + n.folders + n.prompts + n.tool_servers > 0)
		r = err_field(&q->err, E_INVALID, "heir", "must be said: others have things of yours.");
	return r;
}

/* 0: what is shared goes, too. */
static int read_heir(struct request *q, atelier_id *ret)
{
	const char *shared = http_query(q->x, "shared");
	bool keeps = !shared || strcmp(shared, HAND_OVER) == 0;
	int r = request_id(q, "heir", ret);

	if (r == 0 && *ret && !keeps)
		r = err_field(&q->err, E_INVALID, "heir", "gets nothing when all is deleted.");
	if (r == 0 && *ret == q->arg_id)
		r = err_field(&q->err, E_INVALID, "heir", "must be somebody else.");
	if (r < 0 || *ret || !keeps)
		return r;
	if (q->who.user.id == q->arg_id)
		return check_nothing_shared(q);
	*ret = q->who.user.id;
	return 0;
}

static int user_delete(struct request *q)
{
	struct user user;
	struct err e = {0};
	atelier_id heir = 0;
	int64_t strays;
	int r = read_heir(q, &heir);

	if (r < 0)
		return r;
	r = load(q, &user);
	if (r == 0)
		r = users_delete(q->api->c.db, q->arg_id, heir, &q->err);
	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.user_id = q->arg_id});
	bus_publish_changed(q->api->c.bus, BUS_GRANTS);
	bus_publish_changed(q->api->c.bus, BUS_TOOLS);
	request_audit(q, "user %s is deleted%s", user.name, heir ? "; what others have of theirs is handed over" : "");
	/* The rows of their uploads are gone with them. */
	if (uploads_delete_strays(q->api->c.db, q->api->c.settings->data, clock_now_ms(), &strays, &e) < 0)
		log_warn("http", "files of the uploads of %s are removed later: %s", user.name, e.msg);
	files_tidy(q, q->arg_id);
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/users", "listUsers", users_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &account_list_schema, .summary = "Everybody who can sign in."},
	{"POST", V1 "/users", "createUser", users_post, ACCESS_ADMIN, ROUTE_SESSION, .status = 201,
		.body = &account_new_schema, .answer = &link_schema, FAILS(E_CONFLICT),
		.summary = "Make somebody an account; the answer is a link by which they set their password."},
	{"POST", V1 "/users/{id}/link", "createPasswordLink", user_link_post, ACCESS_ADMIN, ROUTE_SESSION, .status = 201,
		.answer = &link_schema, .summary = "A link by which somebody sets a new password; one made before ends."},
	{"PATCH", V1 "/users/{id}", "updateUser", user_patch, ACCESS_ADMIN, ROUTE_SESSION, .status = 200,
		.body = &account_patch_schema, .answer = &account_schema,
		.summary = "Change somebody's name or role, or disable them: all that they have open ends.",
		FAILS(E_CONFLICT)},
	{"GET", V1 "/users/{id}/shared", "countSharedOfUser", user_shared_get, ACCESS_ADMIN, .status = 200,
		.answer = &owned_schema, .summary = "How much of somebody's is shared with others."},
	{"DELETE", V1 "/users/{id}", "deleteUser", user_delete, ACCESS_ADMIN, ROUTE_SESSION, .status = 204,
		PARAMS(delete_params), FAILS(E_CONFLICT),
		.summary = "Remove somebody with their conversations and API keys; usage stays, and what others have can."},
};
/* clang-format on */
const struct route_set users_routes = ROUTES_CHANGING(routes, CHANGES(USERS));
