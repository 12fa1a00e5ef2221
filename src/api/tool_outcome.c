/*
 * tool_outcome.c - what a tool returned, in the memory of its request: the text as a model would get it, and files in base64, as
 * one tries a tool by hand and nothing of it is kept.
 */
#include "api/tool_outcome.h"

#include <sodium.h>

struct outcome_file {
	const char *name, *media_type, *data;
};

#define F struct outcome_file
static const struct field file_fields[] = {
	FIELD_STR(F, name, "name", 0, 0, FIELD_REQUIRED, "Its name."),
	FIELD_STR(F, media_type, "media_type", 0, 0, FIELD_REQUIRED, "What it is."),
	FIELD_STR(F, data, "data", 0, 0, FIELD_REQUIRED, "Its bytes, in base64."),
};
#undef F
static const struct schema file_schema =
	SCHEMA("ToolTrialFile", struct outcome_file, file_fields, "A file that a tool has made.");

#define T struct tool_outcome
static const struct field outcome_fields[] = {
	FIELD_TEXT(T, text, "text", 0, 0, FIELD_REQUIRED, "What a model would be given."),
	FIELD_BOOL(T, failed, "failed", FIELD_REQUIRED, "It failed; the text says why."),
	FIELD_BOOL(T, cut, "cut", FIELD_REQUIRED, "The text is not all of it."),
	FIELD_JSON(T, structured, "structured", 0, "The same as data; null: there is none."),
	FIELD_LIST(T, files, "files", &file_schema, 0, FIELD_REQUIRED, "What it made."),
};
#undef T
const struct schema tool_outcome_schema =
	SCHEMA("ToolOutcome", struct tool_outcome, outcome_fields, "What came of a tool.");

static int add_files(struct request *q, const struct tool_result *res, struct schema_list *ret)
{
	struct outcome_file *items = ARENA_ARRAY(&q->mem, struct outcome_file, MAX(res->n_files, 1u));

	for (size_t i = 0; items && i < res->n_files; i++) {
		const struct tool_file *f = &res->files[i];
		size_t room = sodium_base64_ENCODED_LEN(f->n, sodium_base64_VARIANT_ORIGINAL);
		char *data = arena_alloc(&q->mem, room);
		if (!data)
			return request_no_memory(q);
		sodium_bin2base64(data, room, f->data, f->n, sodium_base64_VARIANT_ORIGINAL);
		items[i] = (struct outcome_file){f->name, f->media_type, data};
	}
	*ret = (struct schema_list){items, res->n_files};
	return items ? 0 : request_no_memory(q);
}

int tool_outcome_make(struct request *q, const struct tool_result *res, struct tool_outcome *ret)
{
	*ret = (struct tool_outcome){.text = arena_strndup(&q->mem, res->text.p ? res->text.p : "", res->text.n),
		.failed = res->failed,
		.cut = res->whole.n > 0};
	if (res->structured.n)
		ret->structured = arena_strndup(&q->mem, res->structured.p, res->structured.n);
	return ret->text ? add_files(q, res, &ret->files) : request_no_memory(q);
}
