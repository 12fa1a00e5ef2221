/* users_api.c - everybody who can sign in, for administrators. */
#include "api/handlers.h"

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

struct account_list {
	struct schema_list items;
};

static const struct field list_fields[] = {
	FIELD_LIST(struct account_list, items, "items", &account_schema, 0, FIELD_REQUIRED, "By name."),
};
const struct schema account_list_schema = SCHEMA("AccountList", struct account_list, list_fields, "All users.");

int users_get_all(struct request *q)
{
	struct account_list *out = ARENA_NEW(&q->mem, struct account_list);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct user_list list = {0};
	int r = users_list(c, &q->mem, &list, &q->err);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	out->items = (struct schema_list){list.items, list.n};
	q->answer = out;
	return 0;
}
