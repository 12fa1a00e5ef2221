/* prompts_api.c - the library of prompts: one's own, and those that others share. */
#include <errno.h>

#include "api/shared.h"
#include "base/balance.h"
#include "store/prompts.h"

#define NAME_MAX_N     60
#define BODY_MAX       100000
#define VARIABLES_MAX  50
#define VARIABLE_TYPES "text long number choice date boolean"
#define NAME_PATTERN   "^[a-z0-9][a-z0-9_-]*$"
#define A_NAME         .pattern = NAME_PATTERN, .hint = "small letters, digits, - and _"

struct variable {
	const char *name, *type, *label, *otherwise;
	struct schema_list choices;
	bool required;
};

#define V struct variable
static const struct field choice_item = {.type = FT_STR, .min = 1, .max = 200};
static const struct field variable_fields[] = {
	FIELD(FT_STR, V, name, "name", .min = 1, .max = 60, .flags = FIELD_REQUIRED,
		.pattern = "^[A-Za-z_][A-Za-z0-9_]*$", .hint = "letters, digits and _",
		.doc = "It stands in the body as {{name}}."),
	FIELD_ENUM(V, type, "type", VARIABLE_TYPES, FIELD_REQUIRED, "What is asked for."),
	FIELD_STR(V, label, "label", 0, 200, 0, "How it is asked for; null: by its name."),
	FIELD_TEXT(V, otherwise, "default", 0, 2000, 0, "What stands there first; null: nothing."),
	FIELD(FT_STRS, V, choices, "choices", .max = 100, .item = &choice_item, .doc = "Of a choice: what there is."),
	FIELD_BOOL(V, required, "required", 0, "Whether something must be said."),
};
/* As check_choices() has it. */
static const struct schema variable_schema = {
	.name = "PromptVariable",
	.size = sizeof(V),
	.fields = variable_fields,
	.n_fields = N_ELEMENTS(variable_fields),
	.doc = "Something that is asked for when a prompt is used.",
	.rule = "\"if\":{\"properties\":{\"type\":{\"const\":\"choice\"}}},\"then\":{\"properties\":{"
		"\"choices\":{\"type\":\"array\",\"minItems\":1}},\"required\":[\"choices\"]}",
};
#undef V

struct variables {
	struct schema_list list;
};
static const struct field variables_fields[] = {
	FIELD_LIST(struct variables, list, "list", &variable_schema, VARIABLES_MAX, 0, "As they are kept."),
};
static const struct schema variables_schema =
	SCHEMA("PromptVariables", struct variables, variables_fields, "The variables of a prompt.");

struct prompt_body {
	struct prompt_row p;
	const char *may;
	struct variables v;
};

enum {
	GIVEN_NAME = 1,
	GIVEN_KIND = 2,
	GIVEN_DESCRIPTION = 4,
	GIVEN_PATTERN = 8,
	GIVEN_VARIABLES = 16,
	GIVEN_BODY = 32,
	GIVEN_STRUCTURED = 64,
};

#define B     struct prompt_body
#define KINDS PROMPT_TEXT " " PROMPT_SYSTEM
static const struct field prompt_fields[] = {
	FIELD_ID(B, p.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(B, p.name, "name", 0, 0, FIELD_REQUIRED, "It is called by /name."),
	FIELD_ENUM(B, p.kind, "kind", KINDS, FIELD_REQUIRED, "A text to send, or instructions."),
	FIELD_TEXT(B, p.description, "description", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(B, p.pattern, "pattern", 0, 0, FIELD_REQUIRED,
		"Of instructions: the models they are for; empty: none."),
	FIELD_LIST(B, v.list, "variables", &variable_schema, 0, FIELD_REQUIRED, "What is asked for."),
	FIELD_TEXT(B, p.body, "body", 0, 0, FIELD_REQUIRED, "The text, with {{variables}}."),
	FIELD_BOOL(B, p.structured, "structured", FIELD_REQUIRED, "Its tags are balanced."),
	FIELD_STR(B, p.owner, "owner", 0, 0, 0, "User name of whose it is."),
	FIELD_ENUM(B, may, "may", SHARED_MAY, FIELD_REQUIRED, "What whoever asks may do with it."),
	FIELD_BOOL(B, p.shared, "shared", FIELD_REQUIRED, "Whether others have it, too."),
	FIELD_I64(B, p.version, "version", 0, 0, FIELD_REQUIRED, "More with each change."),
	FIELD_TIME(B, p.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(B, p.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema prompt_schema = SCHEMA("Prompt", B, prompt_fields, "A text of the library.");
LIST_SCHEMA(prompt_list_schema, "PromptList", &prompt_schema, "By name.", "The own prompts and shared ones.");

#define EDIT_FIELDS(must)                                                                                              \
	FIELD(FT_STR, B, p.name, "name", .min = 1, .max = NAME_MAX_N, .flags = (must),                                 \
		.doc = "It is called by /name.", A_NAME),                                                              \
		FIELD_ENUM(B, p.kind, "kind", KINDS, 0, "A text to send, or instructions."),                           \
		FIELD_TEXT(B, p.description, "description", 0, 1000, 0, "What it is for."),                            \
		FIELD_STR(B, p.pattern, "pattern", 0, 200, 0,                                                          \
			"Of instructions: in which answers of the own they stand, by id of the model; * any "          \
			"characters, ? "                                                                               \
			"one."),                                                                                       \
		FIELD_LIST(B, v.list, "variables", &variable_schema, VARIABLES_MAX, 0, "What is asked for."),          \
		FIELD_TEXT(B, p.body, "body", 1, BODY_MAX, (must), "The text, with {{variables}}."),                   \
		FIELD_BOOL(B, p.structured, "structured", 0, "Whether its tags must be balanced, as those of XML.")
static const struct field new_fields[] = {EDIT_FIELDS(FIELD_REQUIRED)};
static const struct field patch_fields[] = {EDIT_FIELDS(0)};
static const struct schema new_schema = SCHEMA("PromptNew", B, new_fields, "A new prompt.");
static const struct schema patch_schema = SCHEMA("PromptPatch", B, patch_fields, "What to change; the rest stays.");
#undef B

#define W struct prompt_body
static const struct field version_fields[] = {
	FIELD_I64(W, p.version, "version", 0, 0, FIELD_REQUIRED, "Its number."),
	FIELD_TIME(W, p.created_at, "created_at", FIELD_REQUIRED, "Since when it was so."),
	FIELD_ID(W, p.user_id, "user_id", 0, "Who made it so; null: is gone."),
	FIELD_STR(W, p.name, "name", 0, 0, FIELD_REQUIRED, "As of a prompt, as all that follows."),
	FIELD_STR(W, p.kind, "kind", 0, 0, FIELD_REQUIRED, "Its kind."),
	FIELD_TEXT(W, p.description, "description", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(W, p.pattern, "pattern", 0, 0, FIELD_REQUIRED, "The models it is for."),
	FIELD_LIST(W, v.list, "variables", &variable_schema, 0, FIELD_REQUIRED, "What is asked for."),
	FIELD_TEXT(W, p.body, "body", 0, 0, FIELD_REQUIRED, "The text."),
	FIELD_BOOL(W, p.structured, "structured", FIELD_REQUIRED, "Its tags are balanced."),
};
static const struct schema version_schema = SCHEMA("PromptVersion", W, version_fields, "What a prompt was.");
#undef W
LIST_SCHEMA(version_list_schema, "PromptVersions", &version_schema, "The newest first.", "What a prompt was.");

/* ---- between rows and bodies ---- */

static int read_variables(struct request *q, const char *json, struct variables *ret)
{
	return schema_parse(&variables_schema, str_from(json), ret, &q->mem, &q->err);
}

static const char *write_variables(struct request *q, const struct variables *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	schema_emit(&variables_schema, v, &b);
	return buf_status(&b) < 0 ? NULL : arena_strndup(&q->mem, b.p, b.n);
}

static int fill(struct request *q, atelier_id none UNUSED, void *body)
{
	struct prompt_body *b = body;

	b->may = shared_may(q, b->p.user_id, b->p.may);
	return read_variables(q, b->p.variables, &b->v);
}

/* A choice of nothing could never be made. */
static int check_choices(const struct variables *v, struct err *e)
{
	const struct variable *all = v->list.items;

	for (size_t i = 0; i < v->list.n; i++)
		if (strcmp(all[i].type, "choice") == 0 && all[i].choices.n == 0)
			return err_set(
				e, E_INVALID, "The variable %.60s is a choice, and has no \"choices\".", all[i].name);
	return 0;
}

static int edit(void *row, void *arg, struct err *e)
{
	struct request *q = arg;
	const struct prompt_body *in = q->body;
	struct prompt_row *p = row;
	struct balance_fault fault;
	uint64_t given = q->given;

	ASSERT(request_bit_is(q, GIVEN_NAME, "name") && request_bit_is(q, GIVEN_KIND, "kind"));
	ASSERT(request_bit_is(q, GIVEN_DESCRIPTION, "description") && request_bit_is(q, GIVEN_PATTERN, "pattern"));
	ASSERT(request_bit_is(q, GIVEN_VARIABLES, "variables") && request_bit_is(q, GIVEN_BODY, "body"));
	ASSERT(request_bit_is(q, GIVEN_STRUCTURED, "structured"));
	p->name = given & GIVEN_NAME ? in->p.name : p->name;
	p->kind = given & GIVEN_KIND ? in->p.kind : p->kind;
	p->description = given & GIVEN_DESCRIPTION ? in->p.description : p->description;
	p->pattern = given & GIVEN_PATTERN ? in->p.pattern : p->pattern;
	p->body = given & GIVEN_BODY ? in->p.body : p->body;
	p->structured = given & GIVEN_STRUCTURED ? in->p.structured : p->structured;
	if (given & GIVEN_VARIABLES && check_choices(&in->v, e) < 0)
		return E_INVALID;
	if (given & GIVEN_VARIABLES && !(p->variables = write_variables(q, &in->v)))
		return err_set(e, -ENOMEM, "no memory left for the variables of a prompt");
	if (p->structured && balance_check(p->body, &fault))
		return err_set(e, E_INVALID, "Line %zu, column %zu: %s", fault.line, fault.column, fault.text);
	return 0;
}

static const struct prompt_row fresh = {.kind = PROMPT_TEXT, .description = "", .pattern = "", .variables = "{}"};
static const struct shared_resource prompts = {.kind = &prompts_kind,
	.bus = BUS_PROMPT,
	.word = "prompt",
	.fresh = &fresh,
	.row = sizeof(struct prompt_row),
	.body = sizeof(struct prompt_body),
	.name = offsetof(struct prompt_row, name),
	.edit = edit,
	.fill = fill};

/* ---- whether a text may be one ---- */

struct check_fault {
	int64_t line, column;
	const char *message;
};
struct check_answer {
	bool ok;
	struct schema_list errors;
};

static const struct field check_fields[] = {
	FIELD(FT_TEXT, struct prompt_row, body, "body", .max = BODY_MAX, .flags = FIELD_REQUIRED, .doc = "The text."),
};
static const struct schema check_schema =
	SCHEMA("PromptCheck", struct prompt_row, check_fields, "A text whose tags are to be balanced.");
static const struct field fault_fields[] = {
	FIELD_I64(struct check_fault, line, "line", 0, 0, FIELD_REQUIRED, "From 1."),
	FIELD_I64(struct check_fault, column, "column", 0, 0, FIELD_REQUIRED, "Characters, from 1."),
	FIELD_STR(struct check_fault, message, "message", 0, 0, FIELD_REQUIRED, "What is wrong there."),
};
static const struct schema fault_schema =
	SCHEMA("PromptFault", struct check_fault, fault_fields, "A tag that is not balanced.");
static const struct field checked_fields[] = {
	FIELD_BOOL(struct check_answer, ok, "ok", FIELD_REQUIRED, "Whether a structured prompt may have this text."),
	FIELD_LIST(struct check_answer, errors, "errors", &fault_schema, 0, FIELD_REQUIRED,
		"The first tag that is wrong: behind it nothing is sure."),
};
static const struct schema checked_schema =
	SCHEMA("PromptChecked", struct check_answer, checked_fields, "Whether the tags of a text are balanced.");

static int check_post(struct request *q)
{
	const struct prompt_row *in = q->body;
	struct check_answer *out = ARENA_NEW(&q->mem, struct check_answer);
	struct check_fault *first = ARENA_NEW(&q->mem, struct check_fault);
	struct balance_fault found;

	if (!out || !first)
		return request_no_memory(q);
	q->answer = out;
	out->ok = !balance_check(in->body, &found);
	if (out->ok)
		return 0;
	*first = (struct check_fault){(int64_t)found.line, (int64_t)found.column, arena_strdup(&q->mem, found.text)};
	out->errors = (struct schema_list){first, 1};
	return first->message ? 0 : request_no_memory(q);
}

#define P    V1 "/prompts"
#define THIS .shared = &prompts
/* clang-format off */
static const struct route routes[] = {
	{"GET", P, "listPrompts", shared_get_all, ACCESS_USER, .status = 200, THIS,
		.answer = &prompt_list_schema, .summary = "The own prompts, and those that others share."},
	{"POST", P, "createPrompt", shared_post, ACCESS_USER, .status = 201, THIS,
		.body = &new_schema, .answer = &prompt_schema, FAILS(E_CONFLICT), .summary = "Add a prompt."},
	{"GET", P "/{id}", "getPrompt", shared_get_one, ACCESS_USER, .status = 200, THIS,
		.answer = &prompt_schema, .summary = "One prompt."},
	{"PATCH", P "/{id}", "updatePrompt", shared_patch, ACCESS_USER, .status = 200, THIS,
		.body = &patch_schema, .answer = &prompt_schema, FAILS(E_CONFLICT), .summary = "Change a prompt."},
	{"DELETE", P "/{id}", "deletePrompt", shared_delete_one, ACCESS_USER, .status = 204, THIS,
		.summary = "Delete an own prompt."},
	{"POST", P "/check", "checkPrompt", check_post, ACCESS_USER, .status = 200,
		.body = &check_schema, .answer = &checked_schema, .summary = "Whether the tags of a text are balanced."},
	{"POST", P "/{id}/duplicate", "duplicatePrompt", shared_duplicate, ACCESS_USER, .status = 201, THIS,
		.answer = &prompt_schema, FAILS(E_CONFLICT), .summary = "Make an own copy of it."},
	{"GET", P "/{id}/versions", "listPromptVersions", shared_get_versions, ACCESS_USER, .status = 200, THIS,
		.answer = &version_list_schema, .summary = "What it was, and is; for who may edit it."},
	{"POST", P "/{id}/rollback", "rollBackPrompt", shared_rollback, ACCESS_USER, .status = 200, THIS,
		.body = &rollback_schema, SHORT_BODY, .answer = &prompt_schema, FAILS(E_CONFLICT),
		.summary = "Make it what it was."},
	{"GET", P "/{id}/grants", "listPromptGrants", shared_get_grants, ACCESS_USER, .status = 200, THIS,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", P "/{id}/grants", "setPromptGrants", shared_put_grants, ACCESS_USER, .status = 200, THIS,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who has it."},
};
/* clang-format on */
const struct route_set prompts_routes = ROUTES(routes);
