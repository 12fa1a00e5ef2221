/* users_api.c - everybody who can sign in, for administrators. */
#include "api/answer.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/uploads.h"

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
};
static const struct schema account_patch_schema =
	SCHEMA("AccountPatch", struct user_change, patch_fields, "What to change; the rest stays.");

static int load(struct request *q, struct user *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return users_by_id(c, q->arg_id, &q->mem, ret, &q->err);
}

static int user_patch(struct request *q)
{
	const struct user_change *in = q->body;
	struct user *out = ARENA_NEW(&q->mem, struct user);
	int r;

	if (!out)
		return request_no_memory(q);
	r = users_change(q->api->c.db, q->arg_id, in, &q->err);
	if (r == 0)
		r = load(q, out);
	if (r < 0)
		return r;
	/* Whoever was an administrator has perhaps open what only such a one may see. */
	if (in->disabled || in->role)
		api_end(q->api, &(struct ending){.user_id = q->arg_id});
	request_audit(q, "user %s is %s%s now", out->name, out->disabled ? "disabled, " : "", out->role);
	q->answer = out;
	return 0;
}

static int user_delete(struct request *q)
{
	struct user user;
	struct err e = {0};
	int64_t strays;
	int r = load(q, &user);

	if (r == 0)
		r = users_delete(q->api->c.db, q->arg_id, &q->err);
	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.user_id = q->arg_id});
	request_audit(q, "user %s is deleted", user.name);
	/* The rows of their uploads are gone with them. */
	if (uploads_delete_strays(q->api->c.db, q->api->c.settings->data, clock_now_ms(), &strays, &e) < 0)
		log_warn("http", "files of the uploads of %s are removed later: %s", user.name, e.msg);
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/users", "listUsers", users_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &account_list_schema, .summary = "Everybody who can sign in."},
	{"PATCH", V1 "/users/{id}", "updateUser", user_patch, ACCESS_ADMIN, ROUTE_SESSION, .status = 200,
		.body = &account_patch_schema, .answer = &account_schema,
		.summary = "Change somebody's role, or disable them: all that they have open ends.",
		FAILS(E_CONFLICT)},
	{"DELETE", V1 "/users/{id}", "deleteUser", user_delete, ACCESS_ADMIN, ROUTE_SESSION, .status = 204,
		.summary = "Remove somebody with their conversations and API keys; usage stays.",
		FAILS(E_CONFLICT)},
};
/* clang-format on */
const struct route_set users_routes = ROUTES(routes);
