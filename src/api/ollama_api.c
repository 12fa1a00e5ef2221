/* ollama_api.c - looking after the models of an Ollama: pull, load, unload, delete, copy, details. For administrators. */
#include <strings.h>

#include "api/models.h"
#include "api/request.h"
#include "provider/parameters.h"

#define MODEL_MAX    200
#define PROVIDER_MAX 64

struct model_body {
	const char *model, *provider, *keep_alive, *destination;
	bool overwrite;
};

/* [host[:port]/][namespace/]model[:tag], as Ollama reads it. */
#define NAME_PART    "[A-Za-z0-9_][A-Za-z0-9_.-]*"
#define NAME_PATTERN "^(" NAME_PART "(:[0-9]+)?/)?(" NAME_PART "/)?" NAME_PART "(:" NAME_PART ")?$"

#define MODEL_FIELD FIELD_STR(struct model_body, model, "model", 1, MODEL_MAX, FIELD_REQUIRED, "Id of the model.")

static const struct field pull_fields[] = {
	FIELD(FT_STR, struct model_body, model, "model", .min = 1, .max = MODEL_MAX, .flags = FIELD_REQUIRED,
		.pattern = NAME_PATTERN, .hint = "a model's name, like llama3.2:3b",
		.doc = "Name of the model in Ollama's library, or hf.co/NAME."),
	FIELD_STR(struct model_body, provider, "provider", 1, PROVIDER_MAX, 0,
		"Name of the Ollama; without: the first one."),
};
static const struct schema model_pull_schema =
	SCHEMA("ModelPull", struct model_body, pull_fields, "A model that an Ollama shall fetch.");

static const struct field load_fields[] = {
	MODEL_FIELD,
	FIELD(FT_STR, struct model_body, keep_alive, "keep_alive", .min = 1, .max = 32,
		.pattern = PARAMETER_TIME_PATTERN, .hint = PARAMETER_TIME_HINT,
		.doc = "How long it stays loaded without use: 10m, 24h, -1 (for good); without: Ollama's setting."),
};
static const struct schema model_load_schema = SCHEMA("ModelLoad", struct model_body, load_fields, "A model to load.");

static const struct field name_fields[] = {
	MODEL_FIELD,
};
static const struct schema model_name_schema = SCHEMA("ModelName", struct model_body, name_fields, "A model.");

static const struct field copy_fields[] = {
	MODEL_FIELD,
	FIELD(FT_STR, struct model_body, destination, "destination", .min = 1, .max = MODEL_MAX,
		.flags = FIELD_REQUIRED, .pattern = NAME_PATTERN, .hint = "a model's name, like llama3.2:3b",
		.doc = "Name of the copy."),
	FIELD_BOOL(struct model_body, overwrite, "overwrite", 0, "Whether a model of that name may be replaced."),
};
static const struct schema model_copy_schema = SCHEMA("ModelCopy", struct model_body, copy_fields, "A copy to make.");

struct details_answer {
	const char *model;
	struct model_details d;
};

static const struct field details_fields[] = {
	FIELD_STR(struct details_answer, model, "model", 0, 0, FIELD_REQUIRED, "Id of the model."),
	FIELD_TEXT(struct details_answer, d.parameters, "parameters", 0, 0, 0, "Lines of name and value; null: none."),
	FIELD_TEXT(struct details_answer, d.template, "template", 0, 0, 0, "How a prompt is made; null: not known."),
	FIELD_TEXT(struct details_answer, d.system, "system", 0, 0, 0, "Its own system prompt; null: none."),
	FIELD_TEXT(struct details_answer, d.license, "license", 0, 0, 0, "Its licence; null: not known."),
	FIELD_JSON(struct details_answer, d.info, "info", FIELD_REQUIRED, "What the file says of itself, by name."),
	FIELD_TEXT(struct details_answer, d.modelfile, "modelfile", 0, 0, 0, "What it was made from; null: not known."),
};
static const struct schema model_details_schema =
	SCHEMA("ModelDetails", struct details_answer, details_fields, "What an Ollama tells of a model.");

/* ---- jobs: they may take long, and go on when nobody waits ---- */

static const char *params_of(struct request *q, const char *provider, const char *model, const char *keep_alive)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

	buf_add_str(&b, "{\"provider\":");
	json_add_cstr(&b, provider);
	buf_add_str(&b, ",\"model\":");
	json_add_cstr(&b, model);
	if (keep_alive) {
		buf_add_str(&b, ",\"keep_alive\":");
		json_add_cstr(&b, keep_alive);
	}
	buf_add_char(&b, '}');
	return buf_status(&b) < 0 ? NULL : arena_strndup(&q->mem, b.p, b.n);
}

/* The provider asked for, else the first Ollama there is; E_NOT_FOUND or E_CONFLICT with a sentence. */
static int choose_provider(struct request *q, const char *wanted, const char **ret)
{
	struct catalogue all;
	int r = providers_catalogue(q->api->c.providers, &q->mem, &all, &q->err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.n_providers; i++) {
		const struct provider_state *p = &all.providers[i];
		bool ollama = p->api & API_MANAGES;

		if (wanted && strcmp(p->name, wanted) == 0 && !ollama)
			return err_set(&q->err, E_CONFLICT, "%s is no Ollama: it has nothing to pull from.", wanted);
		if (!ollama || (wanted ? strcmp(p->name, wanted) != 0 : strcmp(p->state, "disabled") == 0))
			continue;
		*ret = p->name;
		return 0;
	}
	if (wanted)
		return err_set(&q->err, E_NOT_FOUND, "There is no provider named %s.", wanted);
	return err_set(&q->err, E_CONFLICT, "There is no Ollama to pull models with. Add one as a provider.");
}

static int model_pull_post(struct request *q)
{
	const struct model_body *in = q->body;
	struct job_view *out = ARENA_NEW(&q->mem, struct job_view);
	const char *provider = NULL, *model, *params;
	int r = choose_provider(q, in->provider, &provider);

	if (r < 0)
		return r;
	model = model_with_tag(in->model, &q->mem);
	params = model ? params_of(q, provider, model, NULL) : NULL;
	if (!out || !params)
		return request_no_memory(q);
	q->answer = out;
	return job_begin(q->api->c.jobs, q->who.user.id, "pull", in->model, params, &q->mem, out, &q->err);
}

/* Loading may take minutes; the list, and the feed, tell when it is done. */
static int model_load_post(struct request *q)
{
	const struct model_body *in = q->body;
	struct job_view job;
	struct model m;
	const char *params, *id;
	int r = providers_resolve(q->api->c.providers, in->model, &q->mem, &id, &q->err);

	if (r < 0 || (r = providers_model(q->api->c.providers, id, &q->mem, &m, &q->err)) < 0)
		return r;
	if (!(m.api & API_MANAGES))
		return err_set(&q->err, E_CONFLICT, "%s is at no Ollama: it cannot be loaded from here.", in->model);
	params = params_of(q, m.provider, m.id, in->keep_alive);
	if (!params)
		return request_no_memory(q);
	r = job_begin(q->api->c.jobs, q->who.user.id, "load", m.id, params, &q->mem, &job, &q->err);
	return r < 0 ? r : models_get(q);
}

/* ---- what is done when the answer comes ---- */

/* A model of another kind of provider is there, and is not of the kind that this can be done with. */
static int not_its_kind(struct request *q, int r)
{
	if (r == E_MODEL_CANNOT)
		q->err.code = E_CONFLICT;
	return r == E_MODEL_CANNOT ? E_CONFLICT : r;
}

static int manage(struct request *q, enum manage_op op)
{
	const struct model_body *in = q->body;
	struct cancel none;
	int r;

	cancel_init(&none);
	r = provider_manage(q->api->c.providers, op, NULL, in->model, in->destination, &none, &q->mem, NULL, &q->err);
	cancel_done(&none);
	return r < 0 ? not_its_kind(q, r) : models_get(q);
}

static int model_unload_post(struct request *q)
{
	return manage(q, MANAGE_UNLOAD);
}

static int model_delete_post(struct request *q)
{
	return manage(q, MANAGE_DELETE);
}

static int model_copy_post(struct request *q)
{
	const struct model_body *in = q->body;
	struct cancel none;
	int r;

	cancel_init(&none);
	r = provider_copy(q->api->c.providers, in->model, in->destination, in->overwrite, &none, &q->mem, &q->err);
	cancel_done(&none);
	return r < 0 ? not_its_kind(q, r) : models_get(q);
}

static int model_details_get(struct request *q)
{
	struct details_answer *out = ARENA_NEW(&q->mem, struct details_answer);
	const char *model = http_query(q->x, "model");
	struct cancel none;
	int r;

	if (!out)
		return request_no_memory(q);
	cancel_init(&none);
	r = provider_model_details(q->api->c.providers, model, &none, &q->mem, &out->d, &q->err);
	cancel_done(&none);
	if (r < 0)
		return not_its_kind(q, r);
	out->model = arena_strdup(&q->mem, model);
	q->answer = out;
	return out->model ? 0 : request_no_memory(q);
}

static const struct param details_params[] = {
	{.name = "model", .type = PARAM_STR, .required = true, .min = 1, .max = 200, .doc = "Id of the model."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/models/details", "getModelDetails", model_details_get, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(details_params), .answer = &model_details_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "What an Ollama tells of a model."},
	{"POST", V1 "/models/pull", "pullModel", model_pull_post, ACCESS_ADMIN, ROUTE_MODELS, .status = 202,
		.body = &model_pull_schema, .answer = &job_schema,
		FAILS(E_NOT_FOUND, E_CONFLICT),
		.summary = "Let an Ollama fetch a model; the job tells how far it is. One that is being fetched: its job."},
	{"POST", V1 "/models/load", "loadModel", model_load_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS, .status = 202,
		PARAMS(managed_params), .body = &model_load_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Let an Ollama load a model, which may take minutes: a job does it."},
	{"POST", V1 "/models/unload", "unloadModel", model_unload_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(managed_params), .body = &model_name_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Let an Ollama free the memory that a model takes."},
	{"POST", V1 "/models/delete", "deleteModel", model_delete_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(managed_params), .body = &model_name_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Delete a model of an Ollama."},
	{"POST", V1 "/models/copy", "copyModel", model_copy_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(managed_params), .body = &model_copy_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Give a model of an Ollama a second name."},
};
/* clang-format on */
const struct route_set ollama_routes = ROUTES(routes);
