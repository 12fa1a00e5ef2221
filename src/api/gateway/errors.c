/*
 * errors.c - failures as each of the shapes tells them: the status, the type and the code that programs go by. Where
 * there is no row the status is ours, and the type follows from it.
 */
#include "api/gateway/openai.h"
#include "api/routes.h"

struct told {
	int code;
	int ollama; /* status; 0: ours */
	struct {
		int status; /* 0: ours */
		const char *type, *word;
	} openai;
	struct {
		int status;
		const char *type;
	} anthropic;
};

/* A row for each error that has words of its own in one of the shapes, found by its code; others are told by their status alone. */
static const struct told table[] = {
	{E_UNAUTHORIZED, 0, {0, "invalid_request_error", "invalid_api_key"}, {0, "authentication_error"}},
	{E_FORBIDDEN, 0, {0, "invalid_request_error", "permission_denied"}, {0, "permission_error"}},
	{E_MODEL_UNKNOWN, 0, {0, "invalid_request_error", "model_not_found"}, {0, "not_found_error"}},
	{E_MODEL_CANNOT, 0, {0, "invalid_request_error", "unsupported_value"}, {0, "invalid_request_error"}},
	{E_TOO_LARGE, 0, {0, "invalid_request_error", "request_too_large"}, {0, "request_too_large"}},
	{E_CONTEXT_TOO_LONG, 400, {400, "invalid_request_error", "context_length_exceeded"},
		{400, "invalid_request_error"}},
	{E_RATE_LIMITED, 0, {0, "requests", "rate_limit_exceeded"}, {0, "rate_limit_error"}},
	{E_LIMIT, 0, {0, "requests", "rate_limit_exceeded"}, {0, "rate_limit_error"}},
	{E_PROVIDER_LIMITED, 0, {0, "requests", "rate_limit_exceeded"}, {0, "rate_limit_error"}},
	{E_BUDGET, 0, {429, "insufficient_quota", "insufficient_quota"}, {0, "billing_error"}},
	{E_PROVIDER_QUOTA, 0, {429, "insufficient_quota", "insufficient_quota"}, {0, "billing_error"}},
	{E_BUSY, 0, {0, "server_error", "overloaded"}, {529, "overloaded_error"}},
	{E_PROVIDER_BUSY, 0, {0, "server_error", "overloaded"}, {529, "overloaded_error"}},
	{E_STOPPING, 0, {0, "server_error", "overloaded"}, {529, "overloaded_error"}},
};

static const struct told *row_of(const struct err *e)
{
	static const struct told none;
	int code = err_info(e->code)->code;

	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		if (table[i].code == code)
			return &table[i];
	}
	return &none;
}

int gw_error_status(enum route_shape shape, const struct err *e)
{
	const struct told *t = row_of(e);
	int status = shape == SHAPE_OPENAI      ? t->openai.status
		     : shape == SHAPE_ANTHROPIC ? t->anthropic.status
		     : shape == SHAPE_OLLAMA    ? t->ollama
						: 0;

	return status ? status : err_info(e->code)->http_status;
}

/* Programs that can make a conversation shorter know that they must by these sentences; ours follows. */
static void add_too_long(const struct err *e, enum route_shape shape, struct buf *text)
{
	long long asked = (long long)e->asked, limit = (long long)e->limit;

	if (shape == SHAPE_ANTHROPIC && limit > 0)
		buf_printf(text, "prompt is too long: %lld tokens > %lld maximum. ", asked, limit);
	else if (shape == SHAPE_ANTHROPIC)
		buf_add_str(text, "prompt is too long. ");
	else if (limit > 0)
		buf_printf(text,
			"This model's maximum context length is %lld tokens. However, your messages resulted in %lld "
			"tokens. ",
			limit, asked);
}

static void add_message(const struct err *e, enum route_shape shape, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);

	if (e->code == E_CONTEXT_TOO_LONG)
		add_too_long(e, shape, &text);
	buf_add_str(&text, err_public_text(e));
	json_add_cstr(out, buf_str(&text).p);
}

/* Within a stream there is no header for it. */
static void add_retry_after(const struct err *e, struct buf *out)
{
	if (e->retry_after_s > 0)
		buf_printf(out, ",\"retry_after\":%lld", (long long)e->retry_after_s);
}

/* ---- OpenAI ---- */

/* What of the request it is about; NULL: nothing single. */
static const char *openai_param(const struct err *e)
{
	if (*e->theirs.param)
		return e->theirs.param;
	return e->code == E_MODEL_UNKNOWN ? "model" : e->code == E_CONTEXT_TOO_LONG ? "messages" : NULL;
}

static const char *openai_code(const struct err *e)
{
	const char *word = row_of(e)->openai.word;

	return *e->theirs.code ? e->theirs.code : word ? word : err_info(e->code)->wire_code;
}

void openai_error_object(const struct err *e, struct buf *out)
{
	const char *type = row_of(e)->openai.type, *param = openai_param(e);

	if (!type)
		type = err_info(e->code)->http_status < 500 ? "invalid_request_error" : "server_error";
	buf_add_str(out, "{\"message\":");
	add_message(e, SHAPE_OPENAI, out);
	buf_printf(out, ",\"type\":\"%s\",\"param\":", type);
	if (param)
		json_add_cstr(out, param);
	else
		buf_add_str(out, "null");
	buf_printf(out, ",\"code\":\"%s\"", openai_code(e));
	add_retry_after(e, out);
	buf_add_char(out, '}');
}

void openai_error(const struct err *e, const char *request_id UNUSED, struct buf *out)
{
	buf_add_str(out, "{\"error\":");
	openai_error_object(e, out);
	buf_add_char(out, '}');
}

void openai_stream_error(struct gw_call *c UNUSED, const struct err *e, struct buf *out)
{
	buf_add_str(out, "data: ");
	openai_error(e, NULL, out);
	buf_add_str(out, "\n\n");
}

/* ---- Anthropic ---- */

static const char *type_of_status(int status)
{
	switch (status) {
	case 404:
	case 410:
		return "not_found_error";
	case 409:
		return "conflict_error";
	case 413:
	case 431:
		return "request_too_large";
	case 504:
		return "timeout_error";
	default:
		return status < 500 ? "invalid_request_error" : "api_error";
	}
}

void anthropic_error(const struct err *e, const char *request_id, struct buf *out)
{
	const char *type = row_of(e)->anthropic.type;

	buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":",
		type ? type : type_of_status(err_info(e->code)->http_status));
	add_message(e, SHAPE_ANTHROPIC, out);
	add_retry_after(e, out);
	buf_add_str(out, "},\"request_id\":");
	json_add_cstr(out, request_id);
	buf_add_char(out, '}');
}

/* ---- Ollama ---- */

void ollama_error(const struct err *e, const char *request_id UNUSED, struct buf *out)
{
	buf_add_str(out, "{\"error\":");
	add_message(e, SHAPE_OLLAMA, out);
	add_retry_after(e, out);
	buf_add_char(out, '}');
}
