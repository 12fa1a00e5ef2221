/* bootstrap_api.c - all that the web page needs to begin, in one answer. */
#include "api/bootstrap.h"

struct bootstrap {
	const char *version;
	bool setup_needed, signed_in;
	struct user user;
	struct models_answer models;
	struct list_answer conversations, pinned, folders, assistants;
};

#define B struct bootstrap
static const struct field bootstrap_fields[] = {
	FIELD_STR(B, version, "version", 0, 0, FIELD_REQUIRED, "Version of this Atelier."),
	FIELD_BOOL(B, setup_needed, "setup_needed", FIELD_REQUIRED, "There is no administrator yet."),
	FIELD_MAYBE(FT_OBJECT, B, user, signed_in, "user", &user_schema, "Who is signed in; null: nobody."),
	FIELD_MAYBE(FT_OBJECT, B, models, signed_in, "models", &models_schema, "As `GET /api/v1/models`."),
	FIELD_MAYBE(FT_OBJECT, B, conversations, signed_in, "conversations", &conversation_page_schema,
		"The first page of `GET /api/v1/conversations`."),
	FIELD_MAYBE(FT_OBJECT, B, pinned, signed_in, "pinned", &conversation_page_schema, "Those that are pinned."),
	FIELD_MAYBE(FT_OBJECT, B, folders, signed_in, "folders", &folder_list_schema, "As `GET /api/v1/folders`."),
	FIELD_MAYBE(FT_OBJECT, B, assistants, signed_in, "assistants", &assistant_list_schema,
		"As `GET /api/v1/assistants`."),
};
#undef B
static const struct schema bootstrap_schema =
	SCHEMA("Bootstrap", struct bootstrap, bootstrap_fields, "What the web page begins with.");

static int bootstrap_get(struct request *q)
{
	struct bootstrap *out = ARENA_NEW(&q->mem, struct bootstrap);
	int r;

	if (!out)
		return request_no_memory(q);
	*out = (struct bootstrap){.version = ATELIER_VERSION, .setup_needed = auth_setup_needed(q->api->c.auth)};
	q->answer = out;
	r = request_identify(q);
	if (r == E_UNAUTHORIZED || r == E_SETUP_REQUIRED) {
		err_clear(&q->err);
		return 0;
	}
	if (r == 0)
		r = models_list(q, false, &out->models);
	if (r == 0)
		r = conversations_first_page(q, &out->conversations);
	if (r == 0)
		r = conversations_pinned(q, &out->pinned);
	if (r == 0)
		r = folders_all(q, &out->folders);
	if (r == 0)
		r = assistants_all(q, &out->assistants);
	out->user = q->who.user;
	out->signed_in = true;
	return r;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/bootstrap", "getBootstrap", bootstrap_get, ACCESS_PUBLIC, .status = 200,
		.answer = &bootstrap_schema, FAILS(E_FORBIDDEN),
		.summary = "Who is signed in, the models and the newest conversations at once; without a sign-in, whether one is possible."},
};
/* clang-format on */
const struct route_set bootstrap_routes = ROUTES(routes);
