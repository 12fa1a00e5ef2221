/*
 * parameters_api.c - how answers are made: what can be said, by whom it is said, and what administrators say. What
 * counts is a pile of layers, the rules of administrators at the bottom, of which the topmost that says something
 * wins; `effective` shows for each parameter which that was.
 */
#include <errno.h>

#include "api/answer.h"
#include "api/request.h"
#include "provider/parameters.h"
#include "store/assistants.h"
#include "store/conversations.h"
#include "store/parameter_rules.h"

#define INSTRUCTIONS_MAX 32768

/* ---- the table ---- */

struct info_answer {
	const char *name, *type, *doc;
	double min, max;
	bool has_bounds;
	struct schema_list choices, kinds;
};

#define I struct info_answer
static const struct field info_fields[] = {
	FIELD_STR(I, name, "name", 0, 0, FIELD_REQUIRED, "Its name in `parameters`."),
	FIELD_ENUM(I, type, "type", "number integer string strings json", FIELD_REQUIRED, "What its value is."),
	FIELD_MAYBE(FT_F64, I, min, has_bounds, "min", NULL, "The least; null: there are no bounds."),
	FIELD_MAYBE(FT_F64, I, max, has_bounds, "max", NULL, "The most."),
	FIELD(FT_STRS, I, choices, "choices", .flags = FIELD_REQUIRED, .doc = "The words it can be; empty: any."),
	FIELD(FT_STRS, I, kinds, "kinds", .flags = FIELD_REQUIRED, .doc = "The kinds of providers that take it."),
	FIELD_STR(I, doc, "doc", 0, 0, FIELD_REQUIRED, "What it is for."),
};
static const struct schema info_schema = SCHEMA("Parameter", I, info_fields, "Something that can be said of answers.");
#undef I
LIST_SCHEMA(info_list_schema, "ParameterList", &info_schema, "As a page shows them.", "What can be said of answers.");

/* The words of a text, in the arena. */
static int words_of(struct request *q, const char *text, struct schema_list *ret)
{
	size_t n = 0, room = strlen(text) / 2 + 2; /* each has a letter, and a blank behind it */
	const char **words = ARENA_ARRAY(&q->mem, const char *, room);

	for (struct str word; words && str_next_word(&text, &word);) {
		ASSERT(n < room);
		words[n] = arena_strndup(&q->mem, word.p, word.n);
		if (!words[n++])
			return request_no_memory(q);
	}
	*ret = (struct schema_list){words, n};
	return words ? 0 : request_no_memory(q);
}

static int kinds_of(struct request *q, unsigned api, struct schema_list *ret)
{
	const char **kinds = (const char **)arena_alloc_array(&q->mem, PROVIDER_SHAPES, sizeof(*kinds));

	if (!kinds)
		return request_no_memory(q);
	*ret = (struct schema_list){kinds, provider_kinds_of(api, kinds)};
	return 0;
}

static int parameters_get_all(struct request *q)
{
	size_t n;
	const struct parameter_info *table = parameters_table(&n);
	struct info_answer *items = ARENA_ARRAY(&q->mem, struct info_answer, n);
	int r = items ? 0 : request_no_memory(q);

	for (size_t i = 0; r == 0 && i < n; i++) {
		items[i] = (struct info_answer){.name = table[i].name,
			.type = table[i].type,
			.doc = table[i].doc,
			.min = table[i].min,
			.max = table[i].max,
			.has_bounds = strcmp(table[i].type, "number") == 0 || strcmp(table[i].type, "integer") == 0};
		r = words_of(q, table[i].choices ? table[i].choices : "", &items[i].choices);
		if (r == 0)
			r = kinds_of(q, table[i].takes, &items[i].kinds);
	}
	return r < 0 ? r : answer_list(q, items, n, NULL);
}

/* ---- what is said of an answer, and by whom ---- */

struct said {
	const char *name, *value, *source;
	bool taken;
};

static const struct field said_fields[] = {
	FIELD_STR(struct said, name, "name", 0, 0, FIELD_REQUIRED, "The parameter."),
	FIELD_JSON(struct said, value, "value", FIELD_REQUIRED, "Its value."),
	FIELD_ENUM(
		struct said, source, "source", "instance model assistant conversation", FIELD_REQUIRED, "Who says so."),
	FIELD_BOOL(struct said, taken, "taken", FIELD_REQUIRED, "Whether the model's provider takes it."),
};
static const struct schema said_schema =
	SCHEMA("ParameterSaid", struct said, said_fields, "A parameter that an answer would be made with.");
LIST_SCHEMA(said_list_schema, "ParametersSaid", &said_schema, "As in the list of parameters.",
	"What an answer would be made with; the turn may say otherwise.");

#define LAYERS_MAX 64

struct layer {
	const char *source, *json;
};

/* What answers are asked about. */
struct asked {
	struct conversation v;
	struct assistant assistant;
	struct model m; /* that would answer; an id of "": none is known */
};

static int find_asked(struct request *q, struct db_conn *c, struct asked *x)
{
	atelier_id conversation_id, assistant_id;
	int r = request_id(q, "conversation_id", &conversation_id);

	if (r == 0)
		r = request_id(q, "assistant_id", &assistant_id);
	if (r == 0 && conversation_id)
		r = conversations_get(c, q->who.user.id, conversation_id, &q->mem, &x->v, &q->err);
	if (r == 0 && (assistant_id || x->v.assistant_id))
		r = assistants_get(c, q->who.user.id, assistant_id ? assistant_id : x->v.assistant_id, GRANT_USE,
			&q->mem, &x->assistant, &q->err);
	return r;
}

/* The one that is named, else as a turn chooses it. */
static void find_model(struct request *q, struct asked *x)
{
	const char *named = http_query(q->x, "model"), *const wanted[] = {named, x->assistant.model, x->v.model};
	const char *id = NULL;
	struct err unknown = {0};

	for (size_t i = 0; i < N_ELEMENTS(wanted) && !id; i++)
		id = wanted[i] && *wanted[i] ? wanted[i] : NULL;
	if (!id && providers_resolve(q->api->c.providers, NULL, &q->mem, &id, &unknown) < 0)
		return;
	if (providers_model(q->api->c.providers, id, &q->mem, &x->m, &unknown) < 0)
		x->m = (struct model){.id = "", .kind = ""};
}

static int find_layers(struct request *q, struct db_conn *c, const struct asked *x, struct layer *layers, size_t *n)
{
	struct parameter_rule_list rules = {0};
	int r = parameter_rules_of(c, x->m.id, &q->mem, &rules, &q->err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rules.n && *n < LAYERS_MAX - 2; i++)
		layers[(*n)++] = (struct layer){
			strcmp(rules.items[i].pattern, "*") == 0 ? "instance" : "model", rules.items[i].parameters};
	layers[(*n)++] = (struct layer){"assistant", x->assistant.parameters};
	layers[(*n)++] = (struct layer){"conversation", x->v.parameters};
	ASSERT(*n <= LAYERS_MAX);
	return 0;
}

/* The value that the last layer to say one gives. */
static int find_said(struct request *q, const struct layer *layers, size_t n, const char *name, struct said *ret)
{
	for (size_t i = n; i > 0; i--) {
		CLEANUP(json_decrefp) json_t *o = NULL;
		CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
		const char *json = layers[i - 1].json;
		const json_t *v =
			json && json_parse(json, strlen(json), &o, NULL) == 0 ? json_object_get(o, name) : NULL;

		if (!v)
			continue;
		json_add_value(&b, v);
		ret->value = buf_status(&b) == 0 ? arena_strndup(&q->mem, b.p, b.n) : NULL;
		ret->source = layers[i - 1].source;
		return ret->value ? 1 : request_no_memory(q);
	}
	return 0;
}

static int effective_get(struct request *q)
{
	struct asked x = {.m = {.id = "", .kind = ""}};
	struct layer layers[LAYERS_MAX];
	size_t n = 0, n_layers = 0, kept = 0;
	const struct parameter_info *table = parameters_table(&n);
	struct said *items = ARENA_ARRAY(&q->mem, struct said, n);
	int r;

	if (!items)
		return request_no_memory(q);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = find_asked(q, c, &x);
	}
	if (r == 0)
		find_model(q, &x); /* which may wait for the first look at the providers */
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = find_layers(q, c, &x, layers, &n_layers);
	}
	for (size_t i = 0; r >= 0 && i < n; i++) {
		items[kept] = (struct said){.name = table[i].name, .taken = table[i].takes & x.m.api};
		r = find_said(q, layers, n_layers, table[i].name, &items[kept]);
		kept += r > 0;
	}
	return r < 0 ? r : answer_list(q, items, kept, NULL);
}

/* ---- rules of administrators ---- */

struct rule_body {
	atelier_id id;
	const char *pattern, *instructions;
	struct parameters parameters;
	int64_t updated_at;
};

#define B          struct rule_body
#define A_PATTERN  "Which models, by id: * any characters, ? one; * alone: all answers of this Atelier."
#define RULE_TELLS "What these models are told in every conversation; empty: nothing."
#define RULE_MAKES "How their answers are to be made."
enum { GIVEN_PATTERN = 1, GIVEN_INSTRUCTIONS = 2, GIVEN_PARAMETERS = 4 };
static const struct field rule_fields[] = {
	FIELD_ID(B, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(B, pattern, "pattern", 0, 0, FIELD_REQUIRED, A_PATTERN),
	FIELD_TEXT(B, instructions, "instructions", 0, 0, FIELD_REQUIRED, RULE_TELLS),
	FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, FIELD_REQUIRED, RULE_MAKES),
	FIELD_TIME(B, updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema rule_schema =
	SCHEMA("ParameterRule", B, rule_fields, "What is said of the answers of some models.");
LIST_SCHEMA(rule_list_schema, "ParameterRuleList", &rule_schema, "By pattern.", "All such rules.");
static const struct field rule_new_fields[] = {
	FIELD_STR(B, pattern, "pattern", 1, 200, FIELD_REQUIRED, A_PATTERN),
	FIELD_TEXT(B, instructions, "instructions", 0, INSTRUCTIONS_MAX, 0, RULE_TELLS),
	FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, 0, RULE_MAKES),
};
static const struct schema rule_new_schema = SCHEMA("ParameterRuleNew", B, rule_new_fields, "A new rule.");
static const struct field rule_patch_fields[] = {
	FIELD_STR(B, pattern, "pattern", 1, 200, 0, A_PATTERN),
	FIELD_TEXT(B, instructions, "instructions", 0, INSTRUCTIONS_MAX, 0, RULE_TELLS),
	FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, 0, RULE_MAKES),
};
static const struct schema rule_patch_schema =
	SCHEMA("ParameterRulePatch", B, rule_patch_fields, "What to change; the rest stays.");
#undef B

static int rule_answer(struct request *q, const struct parameter_rule *in, struct rule_body *ret)
{
	*ret = (struct rule_body){
		.id = in->id, .pattern = in->pattern, .instructions = in->instructions, .updated_at = in->updated_at};
	return parameters_read(in->parameters, &q->mem, &ret->parameters, &q->err);
}

static int answer_rule(struct request *q, atelier_id id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct rule_body *out = ARENA_NEW(&q->mem, struct rule_body);
	struct parameter_rule rule;
	int r = out ? parameter_rules_get(c, id, &q->mem, &rule, &q->err) : request_no_memory(q);

	q->answer = out;
	return r < 0 ? r : rule_answer(q, &rule, out);
}

static int rules_get_all(struct request *q)
{
	struct parameter_rule_list l = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = parameter_rules_list(c, &q->mem, &l, &q->err);
	}
	struct rule_body *items = ARENA_ARRAY(&q->mem, struct rule_body, l.n + 1);
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = rule_answer(q, &l.items[i], &items[i]);
	return r < 0 ? r : answer_list(q, items, l.n, NULL);
}

/* Of the body, over what the row has. */
static int rule_edit(void *row, void *arg, struct err *e)
{
	struct request *q = arg;
	struct rule_body *in = q->body;
	struct parameter_rule *rule = row;

	ASSERT(request_bit_is(q, GIVEN_PATTERN, "pattern") && request_bit_is(q, GIVEN_INSTRUCTIONS, "instructions"));
	ASSERT(request_bit_is(q, GIVEN_PARAMETERS, "parameters"));
	parameters_settle(&in->parameters);
	if (q->given & GIVEN_PATTERN)
		rule->pattern = in->pattern;
	if (q->given & GIVEN_INSTRUCTIONS)
		rule->instructions = in->instructions;
	if (q->given & GIVEN_PARAMETERS && !(rule->parameters = parameters_write(&in->parameters, &q->mem)))
		return err_set(e, -ENOMEM, "no memory left for parameters");
	return 0;
}

static int rules_post(struct request *q)
{
	struct parameter_rule rule = {.instructions = "", .parameters = "{}"};
	atelier_id id = 0;
	int r = rule_edit(&rule, q, &q->err);

	if (r == 0)
		r = parameter_rules_create(q->api->c.db, &rule, &id, &q->err);
	if (r < 0)
		return r;
	request_audit(q, "answers of %s: a rule was made", rule.pattern);
	return answer_rule(q, id);
}

static int rule_get(struct request *q)
{
	return answer_rule(q, q->arg_id);
}

static int rule_patch(struct request *q)
{
	const struct rows_edit edit = {q->arg_id, rule_edit, q, &q->mem};
	struct parameter_rule rule;
	int r = parameter_rules_edit(q->api->c.db, &edit, &rule, &q->err);

	if (r < 0)
		return r;
	request_audit(q, "answers of %s: the rule was changed", rule.pattern);
	return answer_rule(q, q->arg_id);
}

static int rule_delete(struct request *q)
{
	return parameter_rules_delete(q->api->c.db, q->arg_id, &q->err);
}

static const struct param effective_params[] = {
	{.name = "model", .type = PARAM_STR, .doc = "Id of the model; else the one that would answer."},
	{.name = "assistant_id", .type = PARAM_ID, .doc = "The assistant that would answer."},
	{.name = "conversation_id", .type = PARAM_ID, .doc = "Where."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/parameters", "listParameters", parameters_get_all, ACCESS_USER, .status = 200,
		.answer = &info_list_schema, .summary = "What can be said of how answers are made."},
	{"GET", V1 "/parameters/effective", "effectiveParameters", effective_get, ACCESS_USER, .status = 200,
		PARAMS(effective_params), .answer = &said_list_schema, FAILS(E_NOT_FOUND),
		.summary = "What an answer would be made with, and who says so."},
	{"GET", V1 "/parameter-rules", "listParameterRules", rules_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &rule_list_schema, .summary = "What is said of all answers, or of those of some models."},
	{"POST", V1 "/parameter-rules", "createParameterRule", rules_post, ACCESS_ADMIN, .status = 201,
		.body = &rule_new_schema, .answer = &rule_schema, FAILS(E_CONFLICT), .summary = "Say more."},
	{"GET", V1 "/parameter-rules/{id}", "getParameterRule", rule_get, ACCESS_ADMIN, .status = 200,
		.answer = &rule_schema, .summary = "One rule."},
	{"PATCH", V1 "/parameter-rules/{id}", "updateParameterRule", rule_patch, ACCESS_ADMIN, .status = 200,
		.body = &rule_patch_schema, .answer = &rule_schema, FAILS(E_CONFLICT), .summary = "Change a rule."},
	{"DELETE", V1 "/parameter-rules/{id}", "deleteParameterRule", rule_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Take a rule away."},
};
/* clang-format on */
const struct route_set parameters_routes = ROUTES(routes);
