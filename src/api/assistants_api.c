/*
 * assistants_api.c - assistants: saved ways to answer, one's own and those that others share. The verbs are those of shared.h;
 * what is said here is the fields, and what must be so about them: that whoever makes one may use the agents and read the
 * collections that it names.
 */
#include <errno.h>

#include "api/bootstrap.h"
#include "api/shared.h"
#include "api/turns.h"
#include "provider/parameters.h"
#include "store/assistants.h"
#include "store/collections.h"
#include "store/images.h"

#define NAME_MAX_N         60
#define INSTRUCTIONS_MAX   65536
#define STARTERS_MAX       8
#define AGENTS_MAX         16
#define COLLECTIONS_OF_ONE 20

/* What an answer may take; 0: as much as any. */
struct budget_body {
	int64_t steps, tokens, cost_micros, seconds;
};

struct assistant_body {
	struct assistant a;
	const char *may, *model;
	bool is_default;
	struct parameters parameters;
	struct schema_list starters, agents, collections;
	struct budget_body budget;
};

enum {
	GIVEN_NAME = 1,
	GIVEN_DESCRIPTION = 2,
	GIVEN_EMOJI = 4,
	GIVEN_MODEL = 8,
	GIVEN_INSTRUCTIONS = 16,
	GIVEN_PARAMETERS = 32,
	GIVEN_STARTERS = 64,
	GIVEN_IMAGE = 128,
	GIVEN_TOOLS = 256,
	GIVEN_AGENTS = 512,
	GIVEN_PLANS = 1024,
	GIVEN_BUDGET = 2048,
	GIVEN_COLLECTIONS = 4096,
	GIVEN_HISTORY = 8192,
};

#define BUDGET_FIELD(member, max, text)                                                                                \
	FIELD_I64(struct budget_body, member, #member, 1, max, FIELD_OMIT | FIELD_NULL, text)
static const struct field budget_fields[] = {
	BUDGET_FIELD(steps, 1000, "Times that tools are run, by its agents, too."),
	BUDGET_FIELD(tokens, INT64_C(1000000000), "Input and output tokens."),
	BUDGET_FIELD(cost_micros, INT64_C(1000000000000), "Millionths of the currency."),
	BUDGET_FIELD(seconds, 86400, "Seconds."),
};
static const struct schema budget_schema = SCHEMA("AgentBudget", struct budget_body, budget_fields,
	"What an answer may take; what is absent is as the settings say. When one of them is used up it ends with what "
	"there is.");

#define B struct assistant_body
#define TOOLS_DOC                                                                                                      \
	"Tools that its answers may use, of those that whoever asks has: true (all), or a list of names; null: those " \
	"of the conversation."
static const struct field id_item = {.type = FT_ID};
#define A_PLACE                                                                                                        \
	.item = &id_item, .doc = "Collections of documents that its answers draw on, for whoever may read these."
#define HISTORY_DOC "Whether its answers may draw on what whoever asks has said and been answered before."
static const struct field starter_item = {.type = FT_TEXT, .min = 1, .max = 500};
static const struct field agent_item = {.type = FT_ID};
#define AGENTS_DOC                                                                                                     \
	"Assistants that it may call as tools, of those that whoever asks may use; they may call others, three deep."
#define PLANS_DOC "Whether it keeps a plan that is shown."
#define A_STARTER .item = &starter_item, .doc = "Questions to begin with."
static const struct field assistant_fields[] = {
	FIELD_ID(B, a.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(B, a.name, "name", 0, 0, FIELD_REQUIRED, "Its name."),
	FIELD_TEXT(B, a.description, "description", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(B, a.emoji, "emoji", 0, 0, FIELD_REQUIRED, "Its sign; empty: none."),
	FIELD_ID(B, a.image_id, "image_id", 0, "Its picture; null: none."),
	FIELD_STR(B, model, "model", 0, 0, 0, "Id of the model that answers; null: the conversation's."),
	FIELD_TEXT(B, a.instructions, "instructions", 0, 0, FIELD_REQUIRED, "What the model is told."),
	FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, FIELD_REQUIRED, "How its answers are made."),
	FIELD(FT_STRS, B, starters, "starters", .flags = FIELD_REQUIRED, A_STARTER),
	FIELD_JSON(B, a.tools, "tools", 0, TOOLS_DOC),
	FIELD(FT_STRS, B, agents, "agents", .flags = FIELD_REQUIRED, .item = &agent_item, .doc = AGENTS_DOC),
	FIELD_BOOL(B, a.plans, "plans", FIELD_REQUIRED, PLANS_DOC),
	FIELD_OBJECT(B, budget, "budget", &budget_schema, FIELD_REQUIRED, "What its answers may take."),
	FIELD(FT_STRS, B, collections, "collection_ids", .flags = FIELD_REQUIRED, A_PLACE),
	FIELD_BOOL(B, a.history, "history", FIELD_REQUIRED, HISTORY_DOC),
	FIELD_STR(B, a.owner, "owner", 0, 0, 0, "User name of whose it is."),
	FIELD_ENUM(B, may, "may", SHARED_MAY, FIELD_REQUIRED, "What whoever asks may do with it."),
	FIELD_BOOL(B, a.shared, "shared", FIELD_REQUIRED, "Whether others have it, too."),
	FIELD_BOOL(B, is_default, "is_default", FIELD_REQUIRED,
		"Whether conversations of whoever asks begin with it: their own choice, else that of the instance."),
	FIELD_I64(B, a.version, "version", 0, 0, FIELD_REQUIRED, "More with each change."),
	FIELD_TIME(B, a.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(B, a.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema assistant_schema = SCHEMA("Assistant", B, assistant_fields, "A saved way to answer.");
LIST_FIELDS(assistant_list, &assistant_schema, "By name.");
const struct schema assistant_list_schema =
	SCHEMA("AssistantList", struct list_answer, assistant_list_fields, "The own assistants and shared ones.");

#define EDIT_FIELDS(required)                                                                                          \
	FIELD_STR(B, a.name, "name", 1, NAME_MAX_N, required, "Its name, unlike those of the own others."),            \
		FIELD_TEXT(B, a.description, "description", 0, 1000, 0, "What it is for."),                            \
		FIELD_STR(B, a.emoji, "emoji", 0, 16, 0, "Its sign."),                                                 \
		FIELD_STR(B, a.model, "model", 0, 200, 0, "Id of the model; empty: the conversation's."),              \
		FIELD_TEXT(B, a.instructions, "instructions", 0, INSTRUCTIONS_MAX, 0,                                  \
			"What the model is told; {{user}}, {{date}} and {{language}} are filled in."),                 \
		FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, 0, "How its answers are made."),         \
		FIELD(FT_STRS, B, starters, "starters", .max = STARTERS_MAX, A_STARTER),                               \
		FIELD_ID(B, a.image_id, "image_id", FIELD_NULL, "A picture of `POST /images`; null: none."),           \
		FIELD(FT_JSON, B, a.tools, "tools", .flags = FIELD_NULL, .choices = TOOLS_WISH, .doc = TOOLS_DOC),     \
		FIELD(FT_STRS, B, agents, "agents", .max = AGENTS_MAX, .flags = FIELD_UNIQUE, .item = &agent_item,     \
			.doc = AGENTS_DOC),                                                                            \
		FIELD_BOOL(B, a.plans, "plans", 0, PLANS_DOC),                                                         \
		FIELD_OBJECT(B, budget, "budget", &budget_schema, 0, "What its answers may take."),                    \
		FIELD(FT_STRS, B, collections, "collection_ids", .max = COLLECTIONS_OF_ONE, .flags = FIELD_UNIQUE,     \
			A_PLACE),                                                                                      \
		FIELD_BOOL(B, a.history, "history", 0, HISTORY_DOC)
static const struct field new_fields[] = {EDIT_FIELDS(FIELD_REQUIRED)};
static const struct field patch_fields[] = {EDIT_FIELDS(0)};
static const struct schema new_schema = SCHEMA("AssistantNew", B, new_fields, "A new assistant.");
static const struct schema patch_schema = SCHEMA("AssistantPatch", B, patch_fields, "What to change; the rest stays.");
#undef B

#define V struct assistant_body
static const struct field version_fields[] = {
	FIELD_I64(V, a.version, "version", 0, 0, FIELD_REQUIRED, "Its number."),
	FIELD_TIME(V, a.created_at, "created_at", FIELD_REQUIRED, "Since when it was so."),
	FIELD_ID(V, a.user_id, "user_id", 0, "Who made it so; null: is gone."),
	FIELD_STR(V, a.name, "name", 0, 0, FIELD_REQUIRED, "As of an assistant, as all that follows."),
	FIELD_TEXT(V, a.description, "description", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(V, a.emoji, "emoji", 0, 0, FIELD_REQUIRED, "Its sign."),
	FIELD_ID(V, a.image_id, "image_id", 0, "Its picture; null: none."),
	FIELD_STR(V, a.model, "model", 0, 0, FIELD_REQUIRED, "Its model; empty: the conversation's."),
	FIELD_TEXT(V, a.instructions, "instructions", 0, 0, FIELD_REQUIRED, "What the model is told."),
	FIELD_OBJECT(V, parameters, "parameters", &parameters_schema, FIELD_REQUIRED, "How its answers are made."),
	FIELD(FT_STRS, V, starters, "starters", .flags = FIELD_REQUIRED, A_STARTER),
	FIELD_JSON(V, a.tools, "tools", 0, TOOLS_DOC),
	FIELD(FT_STRS, V, agents, "agents", .flags = FIELD_REQUIRED, .item = &agent_item, .doc = AGENTS_DOC),
	FIELD_BOOL(V, a.plans, "plans", FIELD_REQUIRED, PLANS_DOC),
	FIELD_OBJECT(V, budget, "budget", &budget_schema, FIELD_REQUIRED, "What its answers may take."),
	FIELD(FT_STRS, V, collections, "collection_ids", .flags = FIELD_REQUIRED, A_PLACE),
	FIELD_BOOL(V, a.history, "history", FIELD_REQUIRED, HISTORY_DOC),
};
static const struct schema version_schema = SCHEMA("AssistantVersion", V, version_fields, "What an assistant was.");
#undef V
LIST_SCHEMA(version_list_schema, "AssistantVersions", &version_schema, "The newest first.", "What an assistant was.");

/* ---- between rows and bodies ---- */

static int read_texts(struct request *q, const char *json, struct schema_list *ret)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	int r = json_parse(json, strlen(json), &list, &q->err);
	size_t n = json_array_size(list);
	const char **items = ARENA_ARRAY(&q->mem, const char *, n + 1);

	for (size_t i = 0; r == 0 && items && i < n; i++)
		items[i] = arena_strdup(&q->mem, json_string_value(json_array_get(list, i)));
	*ret = (struct schema_list){items, n};
	return r < 0 ? r : items ? 0 : request_no_memory(q);
}

static int read_budget(struct request *q, const char *json, struct budget_body *ret)
{
	*ret = (struct budget_body){0};
	return json ? schema_parse(&budget_schema, str_from(json), ret, &q->mem, &q->err) : 0;
}

/* NULL: nothing is said. */
static const char *write_budget(struct request *q, const struct budget_body *in)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	schema_emit(&budget_schema, in, &b);
	return b.n > 2 && buf_status(&b) == 0 ? arena_strndup(&q->mem, b.p, b.n) : NULL;
}

static const char *write_texts(struct request *q, const struct schema_list *list)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	for (size_t i = 0; i < list->n; i++) {
		buf_add_char(&b, i ? ',' : '[');
		json_add_cstr(&b, ((const char *const *)list->items)[i]);
	}
	buf_add_str(&b, list->n ? "]" : "[]");
	return buf_status(&b) < 0 ? NULL : arena_strndup(&q->mem, b.p, b.n);
}

static int read_default(struct request *q, struct db_conn *c, atelier_id *ret)
{
	return assistants_default(c, q->who.user.id, &q->mem, ret, &q->err);
}

static int fill(struct request *q, atelier_id default_id, void *body)
{
	struct assistant_body *b = body;
	int r = parameters_read(b->a.parameters, &q->mem, &b->parameters, &q->err);

	b->may = shared_may(q, b->a.user_id, b->a.may);
	b->model = *b->a.model ? b->a.model : NULL;
	b->is_default = b->a.id == default_id;
	if (r == 0)
		r = read_budget(q, b->a.budget, &b->budget);
	if (r == 0)
		r = read_texts(q, b->a.agents, &b->agents);
	if (r == 0)
		r = read_texts(q, b->a.collections, &b->collections);
	return r < 0 ? r : read_texts(q, b->a.starters, &b->starters);
}

static void check_bits(const struct request *q)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} all[] = {{GIVEN_NAME, "name"}, {GIVEN_DESCRIPTION, "description"}, {GIVEN_EMOJI, "emoji"},
		{GIVEN_MODEL, "model"}, {GIVEN_INSTRUCTIONS, "instructions"}, {GIVEN_PARAMETERS, "parameters"},
		{GIVEN_STARTERS, "starters"}, {GIVEN_IMAGE, "image_id"}, {GIVEN_TOOLS, "tools"},
		{GIVEN_AGENTS, "agents"}, {GIVEN_PLANS, "plans"}, {GIVEN_BUDGET, "budget"},
		{GIVEN_COLLECTIONS, "collection_ids"}, {GIVEN_HISTORY, "history"}};

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		ASSERT(request_bit_is(q, all[i].bit, all[i].name));
}

static int edit(void *row, void *arg, struct err *e)
{
	struct request *q = arg;
	struct assistant_body *in = q->body;
	struct assistant *a = row;
	uint64_t given = q->given;

	check_bits(q);
	parameters_settle(&in->parameters);
	a->name = given & GIVEN_NAME ? in->a.name : a->name;
	a->description = given & GIVEN_DESCRIPTION ? in->a.description : a->description;
	a->emoji = given & GIVEN_EMOJI ? in->a.emoji : a->emoji;
	a->image_id = given & GIVEN_IMAGE ? in->a.image_id : a->image_id;
	a->model = given & GIVEN_MODEL ? in->a.model : a->model;
	a->instructions = given & GIVEN_INSTRUCTIONS ? in->a.instructions : a->instructions;
	a->tools = given & GIVEN_TOOLS ? in->a.tools : a->tools;
	if (given & GIVEN_PARAMETERS)
		a->parameters = parameters_write(&in->parameters, &q->mem);
	if (given & GIVEN_STARTERS)
		a->starters = write_texts(q, &in->starters);
	if (given & GIVEN_AGENTS)
		a->agents = write_texts(q, &in->agents);
	a->plans = given & GIVEN_PLANS ? in->a.plans : a->plans;
	if (given & GIVEN_BUDGET)
		a->budget = write_budget(q, &in->budget);
	if (given & GIVEN_COLLECTIONS)
		a->collections = write_texts(q, &in->collections);
	a->history = given & GIVEN_HISTORY ? in->a.history : a->history;
	return a->parameters && a->starters && a->agents && a->collections
		       ? 0
		       : err_set(e, -ENOMEM, "no memory left for an assistant");
}

/* Whoever makes it may use them; whoever asks it later is asked for their own right. */
static int check_agents(struct request *q, struct db_conn *c, const struct schema_list *list)
{
	const char *const *ids = list->items;
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		struct assistant a;
		atelier_id id;
		if (id_parse(ids[i], strlen(ids[i]), &id) && id == q->arg_id)
			return err_set(&q->err, E_INVALID, "An assistant cannot call itself.");
		r = assistants_get(c, q->who.user.id, id, GRANT_USE, &q->mem, &a, &q->err);
	}
	return r;
}

/* Nobody brings others what is not theirs to read. */
static int check_place(struct request *q, struct db_conn *c, const char *word)
{
	struct collection k;
	atelier_id id = 0;

	(void)id_parse(word, ID_LEN, &id);
	return collections_get(c, q->who.user.id, id, GRANT_READ, &q->mem, &k, &q->err);
}

/* A picture that others will see has to be one's own to show, and the model one that answers. */
static int check(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	const struct assistant_body *in = q->body;
	struct image_row image;

	int r = in->a.image_id ? images_get(c, q->who.user.id, in->a.image_id, &q->mem, &image, &q->err) : 0;

	for (size_t i = 0; r == 0 && i < in->collections.n; i++)
		r = check_place(q, c, ((const char *const *)in->collections.items)[i]);
	if (r == 0)
		r = check_agents(q, c, &in->agents);
	if (r == 0)
		r = turns_check_tools(q, in->a.tools);
	return r < 0 ? r : request_check_answers(q, in->a.model);
}

static const struct assistant fresh = {.description = "",
	.emoji = "",
	.model = "",
	.instructions = "",
	.parameters = "{}",
	.starters = "[]",
	.agents = "[]",
	.collections = "[]"};
#define RESOURCE(name_word, of)                                                                                        \
	.kind = &(of), .bus = BUS_ASSISTANT, .word = (name_word), .fresh = &fresh, .row = sizeof(struct assistant),    \
	.body = sizeof(struct assistant_body), .name = offsetof(struct assistant, name), .check = check,               \
	.read_common = read_default, .fill = fill
static const struct shared_resource assistants = {RESOURCE("assistant", assistants_kind), .edit = edit};

/* ---- agents: the same rows, of which those are listed that act ---- */

/* One that is made without a word about what it may do may use all tools of whoever asks it. */
static int edit_agent(void *row, void *arg, struct err *e)
{
	struct assistant *a = row;
	int r = edit(row, arg, e);

	if (r == 0 && !a->id && !a->tools && strcmp(a->agents, "[]") == 0 && !a->plans && !a->budget)
		a->tools = "true";
	return r;
}

static const struct shared_resource agents = {RESOURCE("agent", agents_kind), .edit = edit_agent};

int assistants_all(struct request *q, struct list_answer *ret)
{
	return shared_bodies(q, &assistants, ret);
}

/* ---- with which conversations begin ---- */

struct default_edit {
	atelier_id assistant_id;
	const char *scope;
};
static const struct field default_fields[] = {
	FIELD_ID(struct default_edit, assistant_id, "assistant_id", 0, "One that may be used; null: none."),
	FIELD_ENUM(struct default_edit, scope, "scope", "user instance", FIELD_REQUIRED,
		"For whoever asks, or (administrators) for all who have not chosen and may use it."),
};
static const struct schema default_schema =
	SCHEMA("DefaultAssistant", struct default_edit, default_fields, "With which assistant conversations begin.");

static int check_usable(struct request *q, atelier_id id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct assistant a;

	return assistants_get(c, q->who.user.id, id, GRANT_USE, &q->mem, &a, &q->err);
}

static int default_put(struct request *q)
{
	const struct default_edit *in = q->body;
	bool for_all = strcmp(in->scope, "instance") == 0;
	int r = 0;

	if (for_all && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator chooses for all.");
	if (in->assistant_id)
		r = check_usable(q, in->assistant_id);
	if (r == 0)
		r = assistants_set_default(q->api->c.db, for_all ? 0 : q->who.user.id, in->assistant_id, &q->err);
	if (r == 0 && in->assistant_id)
		shared_tell(q, &assistants, in->assistant_id, "updated");
	return r;
}

#define A    V1 "/assistants"
#define THIS .shared = &assistants
/* clang-format off */
static const struct route routes[] = {
	{"GET", A, "listAssistants", shared_get_all, ACCESS_USER, .status = 200, THIS,
		.answer = &assistant_list_schema, .summary = "The own assistants, and those that others share."},
	{"POST", A, "createAssistant", shared_post, ACCESS_USER, .status = 201, THIS,
		.body = &new_schema, .answer = &assistant_schema, FAILS(E_NOT_FOUND, E_CONFLICT, E_MODEL_CANNOT),
		.summary = "Make an assistant."},
	{"PUT", A "/default", "setDefaultAssistant", default_put, ACCESS_USER, .status = 204,
		.body = &default_schema, SHORT_BODY, FAILS(E_NOT_FOUND),
		.summary = "Choose the assistant with which conversations begin that are made without model and assistant."},
	{"GET", A "/{id}", "getAssistant", shared_get_one, ACCESS_USER, .status = 200, THIS,
		.answer = &assistant_schema, .summary = "One assistant."},
	{"PATCH", A "/{id}", "updateAssistant", shared_patch, ACCESS_USER, .status = 200, THIS,
		.body = &patch_schema, .answer = &assistant_schema, FAILS(E_NOT_FOUND, E_CONFLICT, E_MODEL_CANNOT),
		.summary = "Change an assistant."},
	{"DELETE", A "/{id}", "deleteAssistant", shared_delete_one, ACCESS_USER, .status = 204, THIS,
		.summary = "Delete an own assistant; conversations go on without it."},
	{"POST", A "/{id}/duplicate", "duplicateAssistant", shared_duplicate, ACCESS_USER, .status = 201, THIS,
		.answer = &assistant_schema, FAILS(E_CONFLICT), .summary = "Make an own copy of it."},
	{"GET", A "/{id}/versions", "listAssistantVersions", shared_get_versions, ACCESS_USER, .status = 200, THIS,
		.answer = &version_list_schema, .summary = "What it was, and is; for who may edit it."},
	{"POST", A "/{id}/rollback", "rollBackAssistant", shared_rollback, ACCESS_USER, .status = 200, THIS,
		.body = &rollback_schema, SHORT_BODY, .answer = &assistant_schema, FAILS(E_CONFLICT),
		.summary = "Make it what it was."},
	{"GET", A "/{id}/grants", "listAssistantGrants", shared_get_grants, ACCESS_USER, .status = 200, THIS,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", A "/{id}/grants", "setAssistantGrants", shared_put_grants, ACCESS_USER, .status = 200, THIS,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who has it."},
};
/* clang-format on */
const struct route_set assistants_routes = ROUTES(routes);

#undef A
#undef THIS
#define A    V1 "/agents"
#define THIS .shared = &agents
/* clang-format off */
static const struct route agent_routes[] = {
	{"GET", A, "listAgents", shared_get_all, ACCESS_USER, .status = 200, THIS,
		.answer = &assistant_list_schema, .summary = "Assistants that act: with tools, agents, a plan or a budget."},
	{"POST", A, "createAgent", shared_post, ACCESS_USER, .status = 201, THIS,
		.body = &new_schema, .answer = &assistant_schema, FAILS(E_NOT_FOUND, E_CONFLICT, E_MODEL_CANNOT),
		.summary = "Make an assistant that acts; without a word about what it may do, with all tools of whoever asks."},
	{"GET", A "/{id}", "getAgent", shared_get_one, ACCESS_USER, .status = 200, THIS,
		.answer = &assistant_schema, .summary = "One of them, or any other assistant."},
	{"PATCH", A "/{id}", "updateAgent", shared_patch, ACCESS_USER, .status = 200, THIS,
		.body = &patch_schema, .answer = &assistant_schema, FAILS(E_CONFLICT, E_MODEL_CANNOT),
		.summary = "Change one."},
	{"DELETE", A "/{id}", "deleteAgent", shared_delete_one, ACCESS_USER, .status = 204, THIS,
		.summary = "Delete an own one; those that call it go on without it."},
};
/* clang-format on */
const struct route_set agents_routes = ROUTES(agent_routes);
