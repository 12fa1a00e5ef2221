/* answer.c - the one shape of a failure, and that of a list. */
#include "api/answer.h"
#include "api/request.h"

static const struct field error_body_fields[] = {
	FIELD_STR(struct error_body, code, "code", 0, 0, FIELD_REQUIRED,
		"Word for programs; the table of errors has all."),
	FIELD_STR(struct error_body, message, "message", 0, 0, FIELD_REQUIRED, "Sentence for the person."),
	FIELD_STR(struct error_body, request_id, "request_id", 0, 0, FIELD_REQUIRED, "Names the request in the log."),
	FIELD_BOOL(struct error_body, retryable, "retryable", FIELD_REQUIRED, "The same request may work later."),
	FIELD_I64(struct error_body, asked, "asked", 0, 0, FIELD_NULL | FIELD_OMIT,
		"Of context_too_long: the tokens of what was to be sent."),
	FIELD_I64(struct error_body, limit, "limit", 0, 0, FIELD_NULL | FIELD_OMIT, "And how many the model takes."),
	FIELD_STR(struct error_body, field, "field", 0, 0, FIELD_NULL | FIELD_OMIT,
		"What of the request is refused, when it is one thing: a field of the body by its path from the top, "
		"as in "
		"`grants[0].subject_id`, or a parameter of the address."),
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
		.retryable = info->retryable,
		.asked = e->asked,
		.limit = e->limit,
		.field = e->field[0] ? e->field : NULL}};

	schema_emit(&error_schema, &answer, b);
}

const char *answer_cursor(struct request *q, atelier_id id)
{
	char *text = arena_alloc(&q->mem, ID_LEN + 1);

	if (text)
		id_format(id, text);
	return text;
}

int answer_list(struct request *q, const void *items, size_t n, const char *next)
{
	struct list_answer *out = ARENA_NEW(&q->mem, struct list_answer);

	ASSERT(q->route->answer && (items || n == 0));
	if (!out)
		return request_no_memory(q);
	*out = (struct list_answer){{(void *)items, n}, next, q->api->c.settings->currency};
	q->answer = out;
	return 0;
}

void request_apply(const struct request *q, void *row)
{
	ASSERT(q->route->body && q->body);
	schema_apply(q->route->body, q->body, q->given, row);
}

int request_edit(void *row, void *q, struct err *e UNUSED)
{
	request_apply(q, row);
	return 0;
}

bool request_bit_is(const struct request *q, uint64_t bit, const char *name)
{
	const struct schema *s = q->route->body;

	for (size_t i = 0; s && i < s->n_fields; i++) {
		if ((strcmp(s->fields[i].name, name) == 0) != (bit == UINT64_C(1) << i))
			return false;
	}
	return s != NULL;
}

int answer_ids(struct request *q, const atelier_id *ids, size_t n, struct schema_list *ret)
{
	const char **texts = ARENA_ARRAY(&q->mem, const char *, n + 1);
	char(*text)[ID_LEN + 1] = arena_alloc(&q->mem, (n + 1) * sizeof *text);

	if (!texts || !text)
		return request_no_memory(q);
	for (size_t i = 0; i < n; i++) {
		id_format(ids[i], text[i]);
		texts[i] = text[i];
	}
	*ret = (struct schema_list){texts, n};
	return 0;
}

const char *answer_disposition(struct request *q, const char *how, const char *name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	const char *slash = strrchr(name, '/');

	buf_printf(&b, "%s; filename*=UTF-8''", how);
	for (const char *p = slash ? slash + 1 : name; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
			     c == '_' || c == '.';
		buf_printf(&b, plain ? "%c" : "%%%02X", c);
	}
	return buf_status(&b) < 0 ? NULL : arena_strdup(&q->mem, b.p);
}
