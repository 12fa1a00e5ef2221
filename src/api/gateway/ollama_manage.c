/* ollama_manage.c - POST /api/pull, /api/copy and DELETE /api/delete, for those who may look after models. */
#include <errno.h>

#include "api/gateway/describe.h"
#include "api/gateway/gateway_priv.h"
#include "api/gateway/ollama.h"
#include "api/request.h"

/* ---- pull: its lines go to the client as they come; it ends when the client leaves ---- */

static void pull_end(struct gw_call *c UNUSED, struct buf *out)
{
	buf_add_str(out, "{\"status\":\"success\"}\n");
}

static const struct gw_format pull_format = {
	.content_type = "application/x-ndjson", .end = pull_end, .error = ollama_stream_error};

static int pull_progress(void *arg, const char *json, size_t n)
{
	struct gw_call *c = arg;
	int r;

	if (!c->stream)
		return 0;
	r = gw_write_raw(c, json, n);
	return r < 0 ? r : gw_write_raw(c, "\n", 1);
}

static int find_ollama(struct request *q, const char **ret)
{
	struct catalogue all;
	int r = providers_catalogue(q->api->c.providers, &q->mem, &all, &q->err);

	for (size_t i = 0; r == 0 && i < all.n_providers; i++) {
		const struct provider_state *p = &all.providers[i];

		if (p->api & API_MANAGES && strcmp(p->state, "disabled") != 0) {
			*ret = p->name;
			return 0;
		}
	}
	return r < 0 ? r : err_set(&q->err, E_CONFLICT, "There is no Ollama here to pull models with.");
}

/* As gw_open, for a model that need not be there yet. */
static int pull_open(struct request *q, struct gw_call **ret)
{
	struct gw_call *c = ARENA_NEW(&q->mem, struct gw_call);
	int r = -ENOMEM;

	if (!c) {
		(void)request_no_memory(q);
		return r;
	}
	c->q = q;
	c->format = &pull_format;
	*ret = c;
	if ((r = gw_body(q, false, &c->body)) < 0 || (r = ollama_model_name(q, c->body, &c->model)) < 0 ||
		(r = ollama_read_stream(c)) < 0)
		return r;
	gw_flow_open(c);
	return 0;
}

static int ollama_pull_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	const char *provider = NULL;
	int r;

	if ((r = find_ollama(q, &provider)) < 0 || (r = pull_open(q, &c)) < 0)
		return r;
	gw_flow_ask(c);
	r = provider_pull(q->api->c.providers, provider, c->model, pull_progress, c, c->cancel, &q->err);
	if (r < 0)
		err_set(&q->err, r, "%s", err_info(r)->text);
	q->taken = gw_flow_finish(c, r < 0 ? &q->err : NULL, r == 0 && c->stream);
	if (q->taken)
		return 0;
	if (r == 0)
		buf_add_str(&q->raw, "{\"status\":\"success\"}");
	return r;
}

/* ---- delete and copy ---- */

static int ollama_delete(struct request *q)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	const char *name = NULL, *id;
	struct cancel none;
	int r;

	if ((r = gw_body(q, false, &body)) < 0 || (r = ollama_model_name(q, body, &name)) < 0)
		return r;
	if ((r = gw_resolve(q, name, &id)) < 0)
		return ollama_say(q, name, r);
	cancel_init(&none);
	r = provider_manage(q->api->c.providers, MANAGE_DELETE, NULL, id, NULL, &none, &q->mem, NULL, &q->err);
	cancel_done(&none);
	return ollama_say(q, name, r);
}

/* Ollama would take the name away from another model without a word; here a program must say that it means it. */
static int ollama_copy_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	const char *source, *destination, *id = NULL;
	struct cancel none;
	int r = gw_body(q, false, &body);

	if (r < 0)
		return r;
	source = json_get_str(body, "source");
	destination = json_get_str(body, "destination");
	if (!source || !*source || !destination || !*destination)
		return err_set(&q->err, E_INVALID, "source and destination are required");
	if ((r = gw_resolve(q, source, &id)) < 0)
		return ollama_say(q, source, r);
	cancel_init(&none);
	r = provider_copy(q->api->c.providers, id, destination, json_is_true(json_object_get(body, "overwrite")), &none,
		&q->mem, &q->err);
	cancel_done(&none);
	return ollama_say(q, source, r);
}

/* ---- who asks ---- */

static int ollama_me_post(struct request *q)
{
	char id[ID_LEN + 1];

	id_format(q->who.user.id, id);
	buf_printf(&q->raw, "{\"id\":\"%s\",\"name\":", id);
	json_add_cstr(&q->raw, q->who.user.name);
	buf_add_str(&q->raw, ",\"email\":\"\",\"plan\":\"\"}");
	return 0;
}

/* ---- what a gateway cannot do ---- */

static int ollama_not_here(struct request *q)
{
	q->status = 501;
	buf_add_str(&q->raw, "{\"error\":\"Models are not made, pushed or uploaded through Atelier.\"}");
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/api/pull", "ollamaPull", ollama_pull_post, ACCESS_ADMIN, ROUTE_MODELS | ROUTE_CALL, OLLAMA,
		LINES, .body_schema = GW_PULL_BODY, .summary = "Let the first Ollama fetch a model."},
	{"DELETE", "/api/delete", "ollamaDelete", ollama_delete, ACCESS_ADMIN, ROUTE_MODELS | ROUTE_CALL, OLLAMA_BARE,
		.body_schema = GW_MODEL_BODY, .summary = "Delete a model of an Ollama."},
	{"POST", "/api/copy", "ollamaCopy", ollama_copy_post, ACCESS_ADMIN, ROUTE_MODELS | ROUTE_CALL, OLLAMA_BARE,
		.body_schema = GW_COPY_BODY, .summary = "Give a model of an Ollama a second name."},
	{"POST", "/api/me", "ollamaMe", ollama_me_post, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		.summary = "Whose key it is, in the way of Ollama."},
	{"POST", "/api/push", "ollamaPush", ollama_not_here, ACCESS_USER, ROUTE_GATEWAY | ROUTE_ABSENT, OLLAMA,
		FAILS(E_NOT_FOUND),
		.summary = "Not offered: 501."},
	{"POST", "/api/create", "ollamaCreate", ollama_not_here, ACCESS_USER, ROUTE_GATEWAY | ROUTE_ABSENT, OLLAMA,
		FAILS(E_NOT_FOUND),
		.summary = "Not offered: 501."},
	{"POST", "/api/blobs/{digest}", "ollamaBlobs", ollama_not_here, ACCESS_USER, ROUTE_GATEWAY | ROUTE_ABSENT, OLLAMA,
		FAILS(E_NOT_FOUND),
		.summary = "Not offered: 501."},
};
/* clang-format on */
const struct route_set ollama_manage_routes = ROUTES(routes);
