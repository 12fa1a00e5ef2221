/* errors.c - the one shape of a failure on the wire. */
#include "api/answer.h"

static const struct field error_body_fields[] = {
	FIELD_STR(struct error_body, code, "code", 0, 0, FIELD_REQUIRED,
		"Word for programs; the table of errors has all."),
	FIELD_STR(struct error_body, message, "message", 0, 0, FIELD_REQUIRED, "Sentence for the person."),
	FIELD_STR(struct error_body, request_id, "request_id", 0, 0, FIELD_REQUIRED, "Names the request in the log."),
	FIELD_BOOL(struct error_body, retryable, "retryable", FIELD_REQUIRED, "The same request may work later."),
};
static const struct schema error_body_schema =
	SCHEMA("ErrorBody", struct error_body, error_body_fields, "What went wrong.");

static const struct field error_fields[] = {
	FIELD_OBJECT(struct error_answer, error, "error", &error_body_schema, FIELD_REQUIRED, "What went wrong."),
};
const struct schema error_schema = SCHEMA("Error", struct error_answer, error_fields, "The answer of any failure.");

void error_emit(const struct err *e, const char *request_id, struct buf *b)
{
	const struct err_info *info = err_info(e->code);
	struct error_answer answer = {{.code = info->wire_code,
		.message = err_public_text(e),
		.request_id = request_id,
		.retryable = info->retryable}};

	schema_emit(&error_schema, &answer, b);
}
