/* http_files.c - files as bodies of requests, or as parts of a form (multipart/form-data, RFC 7578): those of the conversation's folder and
 * documents of the person, by the names that a model has of them. */
#include <sodium.h>
#include <stdio.h>

#include "rag/rag.h"
#include "store/blobs.h"
#include "store/documents.h"
#include "tool/http_tool.h"
#include "tool/workspace.h"

#define FILES_MAX  100 /* of a request */
#define FILES_MANY "it has more than 100 files"

struct part_file {
	const char *name, *type;
	struct buf data;
};

/* ---- a file by its name ---- */

static int open_document(struct http_sending *s, atelier_id id, struct part_file *ret, struct err *e)
{
	const struct tools_config *c = &s->tools->config;
	struct document d = {.id = 0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->db);
		r = documents_get(db, s->run->user_id, id, s->a, &d, e);
	}
	if (r == 0)
		r = blobs_read(c->folder, d.hash, &ret->data, e);
	ret->name = d.name;
	return r;
}

/* The one of that id, or the newest of that name, within what the conversation may read. */
static int find_document(struct http_sending *s, const char *name, atelier_id *ret, struct err *e)
{
	struct search_wish where = {.user_id = s->run->user_id};

	if (!s->tools->config.rag)
		return err_set(e, E_NOT_FOUND, "There are no documents.");
	if (s->run->where)
		where = *s->run->where;
	return rag_named(s->tools->config.rag, &where, name, s->a, ret, e);
}

static int open_own(struct http_sending *s, const char *name, struct part_file *ret, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	int r = s->run->conversation_id ? workspace_open(s->tools->config.folder, s->run->conversation_id, &fd, e)
					: err_set(e, E_NOT_FOUND, "There is no file %.100s.", name);

	if (r == 0)
		r = workspace_read(fd, name, &ret->data, e);
	return r;
}

static int open_file(struct http_sending *s, const char *name, struct part_file *ret, struct err *e)
{
	atelier_id document = 0;
	int r;

	*ret = (struct part_file){.name = name, .data = BUF_INIT(HTTP_FILE_MAX)};
	if (!*name)
		return err_set(e, E_INVALID, "a file has no name");
	r = open_own(s, name, ret, e);
	if (r == E_NOT_FOUND || r == E_INVALID) {
		struct err why = {0};
		int found = find_document(s, name, &document, &why);

		if (found != E_NOT_FOUND) { /* otherwise what the folder said stays */
			*e = why;
			buf_reset(&ret->data);
			r = found < 0 ? found : open_document(s, document, ret, e);
		}
	}
	if (r == 0)
		ret->type = workspace_media_type(ret->name);
	return r;
}

/* False, with s->wrong set, which becomes the end of a sentence. */
static bool opened(struct http_sending *s, const json_t *named, struct part_file *ret)
{
	struct err why = {0};

	if (!json_is_string(named)) {
		*ret = (struct part_file){.data = BUF_INIT(0)};
		s->wrong = "a file is told by its name";
		return false;
	}
	if (open_file(s, json_string_value(named), ret, &why) == 0)
		return true;
	size_t n = strlen(why.msg);
	s->wrong = arena_strndup(s->a, why.msg, n - (n > 0 && why.msg[n - 1] == '.'));
	return false;
}

bool http_send_file(struct http_sending *s, const json_t *named)
{
	const char *type = json_get_str(s->call, "type");
	struct part_file f;
	bool there = opened(s, named, &f);

	if (there) {
		buf_add(s->body, f.data.p ? f.data.p : "", f.data.n);
		s->type = type ? type : f.type;
	}
	buf_done(&f.data);
	return there;
}

/* ---- parts of a form ---- */

/* Between quotes, as browsers write it. */
static void add_quoted(struct buf *b, const char *name)
{
	for (; *name; name++) {
		if (*name == '"')
			buf_add_str(b, "%22");
		else if (*name == '\r' || *name == '\n')
			buf_add_str(b, *name == '\r' ? "%0D" : "%0A");
		else
			buf_add_char(b, *name);
	}
}

static void begin_part(struct http_sending *s, const char *name, const struct part_file *f, const char *type)
{
	ASSERT(s->boundary);
	buf_printf(s->body, "--%s\r\nContent-Disposition: form-data; name=\"", s->boundary);
	add_quoted(s->body, name);
	buf_add_char(s->body, '"');
	if (f) {
		const char *slash = strrchr(f->name, '/');

		buf_add_str(s->body, "; filename=\"");
		add_quoted(s->body, slash ? slash + 1 : f->name);
		buf_add_char(s->body, '"');
	}
	if (type)
		buf_printf(s->body, "\r\nContent-Type: %s", type);
	buf_add_str(s->body, "\r\n\r\n");
}

static void add_file_part(struct http_sending *s, const char *name, const json_t *named)
{
	struct part_file f;

	if (json_is_null(named))
		return;
	if (++s->n_files > FILES_MAX) {
		s->wrong = FILES_MANY;
		return;
	}
	if (opened(s, named, &f)) {
		begin_part(s, name, &f, f.type);
		buf_add(s->body, f.data.p ? f.data.p : "", f.data.n);
		buf_add_str(s->body, "\r\n");
	}
	buf_done(&f.data);
}

static void add_value_part(struct http_sending *s, const char *name, const json_t *v)
{
	bool text = json_is_string(v) && !json_long_number(v);

	if (json_is_null(v))
		return;
	begin_part(s, name, NULL, json_is_object(v) || json_is_array(v) ? "application/json" : NULL);
	if (text)
		buf_add(s->body, json_string_value(v), json_string_length(v));
	else
		json_add_value(s->body, v);
	buf_add_str(s->body, "\r\n");
}

static bool is_file(const struct http_sending *s, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(s->call, "files"), i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

/* False: it cannot be sent any more, or nobody waits for it; s->wrong then says why. */
static bool goes_on(struct http_sending *s)
{
	if (!s->wrong && buf_status(s->body) < 0)
		s->wrong = "it is too long";
	if (!s->wrong && cancel_reason(s->run->cancel))
		s->wrong = "it was stopped";
	return !s->wrong;
}

/* A list is the name again and again. */
bool http_send_parts(struct http_sending *s, const json_t *members)
{
	unsigned char random[16];
	char hex[2 * sizeof(random) + 1];
	const char *name;
	json_t *v, *item;
	size_t i;

	ASSERT(!s->boundary && s->body->n == 0);
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(hex, sizeof(hex), random, sizeof(random));
	s->boundary = hex;
	json_object_foreach((json_t *)members, name, v)
	{
		void (*add)(struct http_sending *, const char *, const json_t *) =
			is_file(s, name) ? add_file_part : add_value_part;

		if (!json_is_array(v))
			add(s, name, v);
		json_array_foreach(v, i, item)
		{
			if (!goes_on(s))
				break;
			add(s, name, item);
		}
		if (!goes_on(s))
			return false;
	}
	buf_printf(s->body, "--%s--\r\n", hex);
	s->type = arena_printf(s->a, "multipart/form-data; boundary=%s", hex);
	s->boundary = NULL;
	return s->type != NULL;
}
