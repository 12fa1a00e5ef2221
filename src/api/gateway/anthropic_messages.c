/* anthropic_messages.c - POST /v1/messages and /v1/messages/count_tokens. */
#include "api/gateway/anthropic.h"
#include "api/gateway/describe.h"
#include "api/request.h"

static void anthropic_call_done(struct anthropic_call *a)
{
	buf_done(&a->held);
	buf_done(&a->order.waiting);
}

/* A real Anthropic gets the request as it came, with the headers that belong to it. */
static int prepare_raw(struct gw_call *c, struct gen_raw *raw)
{
	static const char *const names[] = {"anthropic-version", "anthropic-beta"};
	struct request *q = c->q;
	const char **headers = ARENA_ARRAY(&q->mem, const char *, N_ELEMENTS(names) + 1);
	size_t n = 0;
	int r;

	if (!headers)
		return request_no_memory(q);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const char *value = http_header(q->x, names[i]);

		if (!value || !*value)
			continue;
		headers[n] = arena_printf(&q->mem, "%s: %s", names[i], value);
		if (!headers[n++])
			return request_no_memory(q);
	}
	*raw = (struct gen_raw){.api = API_ANTHROPIC, .headers = headers, .bytes = anthropic_take_raw, .arg = c};
	r = anthropic_raw_body(c, http_body(q->x), &raw->body);
	if (r == 0)
		c->req.raw = raw;
	return r;
}

static int prepare(struct gw_call *c, struct anthropic_call *a, bool counting)
{
	struct model m;
	int r = providers_model(c->q->api->c.providers, c->req.model, &c->q->mem, &m, &c->q->err);
	bool raw = r == 0 && !c->assistant && m.api & API_ANTHROPIC;

	c->shape = a;
	if (r == 0)
		r = anthropic_read(c, counting, raw);
	if (r == 0 && raw)
		r = prepare_raw(c, &a->raw);
	if (r == 0)
		r = gw_lay_assistant(c);
	if (r == 0)
		a->estimate = provider_estimate_tokens(&c->req);
	return r;
}

static int anthropic_messages_post(struct request *q)
{
	CLEANUP(anthropic_call_done) struct anthropic_call a;
	CLEANUP(gw_closep) struct gw_call *c = NULL; /* ends before `a` does */
	int r;

	anthropic_call_init(&a);
	http_set_header(q->x, "request-id", q->id);
	if ((r = gw_open(q, &anthropic_format, &c)) < 0 || (r = prepare(c, &a, false)) < 0)
		return r;
	return gw_generate(c);
}

static int anthropic_count_tokens_post(struct request *q)
{
	CLEANUP(anthropic_call_done) struct anthropic_call a;
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int64_t n;
	bool exact;
	int r;

	anthropic_call_init(&a);
	http_set_header(q->x, "request-id", q->id);
	if ((r = gw_open(q, &anthropic_format, &c)) < 0 || (r = prepare(c, &a, true)) < 0)
		return r;
	r = provider_count_tokens(q->api->c.providers, &c->req, c->cancel, &n, &exact, &q->err);
	if (r == 0)
		buf_printf(&q->raw, "{\"input_tokens\":%lld}", (long long)n);
	return r;
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/v1/messages", "anthropicMessages", anthropic_messages_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, ANTHROPIC, EVENTS, .body_schema = GW_MESSAGES_BODY, .summary = "Ask a model in the way of Anthropic."},
	{"POST", "/v1/messages/count_tokens", "anthropicCountTokens", anthropic_count_tokens_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, ANTHROPIC, .body_schema = GW_COUNT_BODY, .summary = "How many tokens a request has."},
};
/* clang-format on */
const struct route_set anthropic_messages_routes = ROUTES(routes);
