/* openai_errors.c - failures as OpenAI would tell them. */
#include "api/gateway/openai.h"

static const struct openai_word {
	int code;
	const char *type, *word;
} words[] = {
	{E_UNAUTHORIZED, "invalid_request_error", "invalid_api_key"},
	{E_FORBIDDEN, "invalid_request_error", "permission_denied"},
	{E_MODEL_UNKNOWN, "invalid_request_error", "model_not_found"},
	{E_MODEL_CANNOT, "invalid_request_error", "unsupported_value"},
	{E_RATE_LIMITED, "requests", "rate_limit_exceeded"},
	{E_LIMIT, "requests", "rate_limit_exceeded"},
	{E_BUDGET, "insufficient_quota", "insufficient_quota"},
	{E_BUSY, "server_error", "overloaded"},
};

void openai_error_object(const struct err *e, struct buf *out)
{
	const struct err_info *info = err_info(e->code);
	const char *type = info->http_status < 500 ? "invalid_request_error" : "server_error", *word = info->wire_code;

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		if (words[i].code == e->code) {
			type = words[i].type;
			word = words[i].word;
		}
	}
	buf_add_str(out, "{\"message\":");
	json_add_cstr(out, err_public_text(e));
	buf_printf(out, ",\"type\":\"%s\",\"param\":%s,\"code\":\"%s\"}", type,
		e->code == E_MODEL_UNKNOWN ? "\"model\"" : "null", word);
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
