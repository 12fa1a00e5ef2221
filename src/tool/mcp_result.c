/* mcp_result.c - what a tool of a server gave, for the model, the page and the files. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "tool/mcp_priv.h"

enum { TEXT_MAX = 16 << 20 };

struct reading {
	struct arena *a;
	struct tool_result *ret;
	unsigned left_out;
};

static void gap(struct buf *b)
{
	if (b->n > 0)
		buf_add_char(b, '\n');
}

static const char *extension(const char *type)
{
	static const char *const known[][2] = {{"image/png", "png"}, {"image/jpeg", "jpg"}, {"image/webp", "webp"},
		{"image/gif", "gif"}, {"image/svg+xml", "svg"}, {"audio/wav", "wav"}, {"audio/mpeg", "mp3"},
		{"application/pdf", "pdf"}, {"text/plain", "txt"}, {"text/csv", "csv"}, {"application/json", "json"},
		{"application/gzip", "gz"}, {"application/zip", "zip"}};

	for (size_t i = 0; type && i < N_ELEMENTS(known); i++)
		if (strcmp(type, known[i][0]) == 0)
			return known[i][1];
	return "bin";
}

/* The part of an address behind its last slash that may be a name of a file. */
static const char *file_name(struct reading *r, const char *uri, const char *type)
{
	const char *slash = uri ? strrchr(uri, '/') : NULL;
	size_t n = slash ? strcspn(slash + 1, "?#") : 0;

	if (n > 0 && n < 200)
		return arena_strndup(r->a, slash + 1, n);
	return arena_printf(r->a, "file-%zu.%s", r->ret->n_files + 1, extension(type));
}

static void add_file(struct reading *r, const char *packed, const char *type, const char *uri)
{
	struct tool_result *ret = r->ret;
	size_t room = packed ? strlen(packed) / 4 * 3 + 4 : 0, n = 0;

	if (!packed || ret->n_files == TOOL_FILES || room > TOOL_FILE_MAX) {
		r->left_out++;
		return;
	}
	unsigned char *data = arena_alloc(r->a, room);
	const char *name = file_name(r, uri, type);
	if (!ret->files)
		ret->files = ARENA_ARRAY(r->a, struct tool_file, TOOL_FILES);
	if (!data || !name || !ret->files ||
		sodium_base642bin(
			data, room, packed, strlen(packed), "\r\n ", &n, NULL, sodium_base64_VARIANT_ORIGINAL) < 0) {
		r->left_out++;
		return;
	}
	ret->files[ret->n_files++] = (struct tool_file){.name = name,
		.media_type = type ? arena_strdup(r->a, type) : "application/octet-stream",
		.data = data,
		.n = n};
	gap(&ret->text);
	buf_printf(&ret->text, "[%s: %s, %zu bytes, shown to the user]", name, type ? type : "a file", n);
}

static void add_resource(struct reading *r, const json_t *resource)
{
	const char *text = json_get_str(resource, "text"), *uri = json_get_str(resource, "uri");

	if (!text) {
		add_file(r, json_get_str(resource, "blob"), json_get_str(resource, "mimeType"), uri);
		return;
	}
	gap(&r->ret->text);
	if (uri)
		buf_printf(&r->ret->text, "[%.500s]\n", uri);
	buf_add_str(&r->ret->text, text);
}

static void add_link(struct reading *r, const json_t *item)
{
	const char *title = json_get_str(item, "title"), *about = json_get_str(item, "description");

	if (!title)
		title = json_get_str(item, "name");
	gap(&r->ret->text);
	buf_printf(&r->ret->text, "[%.200s](%.2000s)%s%.1000s", title ? title : "link", json_get_str(item, "uri"),
		about ? ": " : "", about ? about : "");
}

static void add_item(struct reading *r, const json_t *item)
{
	const char *type = json_get_str(item, "type");

	if (!type)
		return;
	if (strcmp(type, "text") == 0 && json_get_str(item, "text")) {
		gap(&r->ret->text);
		buf_add_str(&r->ret->text, json_get_str(item, "text"));
	} else if (strcmp(type, "image") == 0 || strcmp(type, "audio") == 0) {
		add_file(r, json_get_str(item, "data"), json_get_str(item, "mimeType"), NULL);
	} else if (strcmp(type, "resource") == 0) {
		add_resource(r, json_object_get(item, "resource"));
	} else if (strcmp(type, "resource_link") == 0 && json_get_str(item, "uri")) {
		add_link(r, item);
	} else {
		r->left_out++;
	}
}

int mcp_result(const json_t *result, struct arena *a, struct tool_result *ret, struct err *e)
{
	const json_t *content = json_object_get(result, "content"),
		     *structured = json_object_get(result, "structuredContent");
	struct reading r = {.a = a, .ret = ret};
	const json_t *item;
	size_t i;

	ASSERT(!ret->text.p && !ret->structured.p && ret->n_files == 0);
	ret->text = BUF_INIT(TEXT_MAX);
	ret->failed = json_is_true(json_object_get(result, "isError"));
	json_array_foreach(content, i, item) add_item(&r, item);
	if (structured) {
		ret->structured = BUF_INIT(TOOL_KEPT_MAX);
		json_add_value(&ret->structured, structured);
	}
	/* Some give the result there alone. */
	if (structured && ret->text.n == 0)
		json_add_value(&ret->text, structured);
	if (buf_status(&ret->structured) < 0) {
		buf_done(&ret->structured);
		ret->structured = (struct buf){0};
		gap(&ret->text);
		buf_printf(&ret->text, "[The result as data is larger than %zu KB and is not shown.]",
			(size_t)TOOL_KEPT_MAX >> 10);
	}
	if (r.left_out > 0) {
		gap(&ret->text);
		buf_printf(&ret->text, "[%u more parts of the result cannot be shown]", r.left_out);
	}
	if (ret->text.n == 0)
		buf_add_str(&ret->text, ret->failed ? "The tool failed without a word." : "Done.");
	return buf_check(&ret->text, e, "The result of the tool is larger than 16 MB.");
}
