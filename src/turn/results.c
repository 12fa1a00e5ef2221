/* results.c - what calls came to: their files kept, the event told of it, and all of it read again. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/utf8.h"
#include "store/files.h"
#include "turn/turn_priv.h"

#define EVENT_MAX      ((size_t)4 << 20) /* of one result, as JSON */
#define STRUCTURED_MAX ((size_t)256 << 10)
#define NAME_MAX_BYTES 200
#define TOLD_FILES_MAX ((size_t)2 << 20) /* as base64 */
#define NO_CALL        "There is no such call of a tool, or it is not yours."

/* ---- kept ---- */

static void add_file(struct buf *b, atelier_id id, const struct file_new *f, bool whole)
{
	char text[ID_LEN + 1];

	id_format(id, text);
	buf_printf(b, "%s{\"id\":\"%s\",\"name\":", b->n ? "," : "", text);
	json_add_cstr(b, f->name);
	buf_add_str(b, ",\"media_type\":");
	json_add_cstr(b, f->media_type);
	buf_printf(b, ",\"size\":%zu%s}", f->bytes.n, whole ? ",\"whole\":true" : "");
}

/* Of an answer that is not kept the file itself is told, if it is small. */
static void tell_file(struct tool_result *result, const struct tool_file *file, struct buf *b)
{
	size_t room = sodium_base64_encoded_len(file->n, sodium_base64_VARIANT_ORIGINAL);

	if (b->n + room > TOLD_FILES_MAX) {
		buf_printf(&result->text, "\n[%.200s was not kept: it is too large for a chat that is not kept.]",
			file->name);
		return;
	}
	CLEANUP(freep) char *text = xcalloc(1, room);
	sodium_bin2base64(text, room, file->data, file->n, sodium_base64_VARIANT_ORIGINAL);
	buf_printf(b, "%s{\"name\":", b->n ? "," : "");
	json_add_string(b, file->name, strnlen(file->name, NAME_MAX_BYTES));
	buf_add_str(b, ",\"media_type\":");
	json_add_cstr(b, file->media_type);
	buf_printf(b, ",\"size\":%zu,\"data\":\"", file->n);
	buf_add_str(b, text);
	buf_add_str(b, "\"}");
}

/* One that cannot be kept is no failure of the tool: the text says so. */
static void keep_file(
	struct turn *t, struct tool_result *result, const struct tool_file *file, bool whole, struct buf *b)
{
	char name[NAME_MAX_BYTES + 1];
	struct file_new f = {.user_id = t->user_id,
		.message_id = t->ids.message_id,
		.name = name,
		.media_type = file->media_type,
		.bytes = {file->data, file->n},
		.quota = t->all->settings->file_quota_mb << 20};
	struct err e = {0};
	atelier_id id;

	if (!t->ids.message_id) {
		tell_file(result, file, b);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)utf8_prefix(file->name, strlen(file->name), NAME_MAX_BYTES),
		file->name);
	if (files_create(t->all->db, t->all->settings->data, &f, &id, &e) == 0)
		add_file(b, id, &f, whole);
	else if (!whole)
		buf_printf(&result->text, "\n[%s was not kept: %s.]", file->name, e.msg);
}

static void keep_files(struct turn *t, const struct call *c, struct tool_result *result, struct buf *b)
{
	for (size_t i = 0; i < result->n_files; i++)
		keep_file(t, result, &result->files[i], false, b);
	if (result->whole.n == 0 || !t->ids.message_id)
		return;
	char name[NAME_MAX_BYTES];
	snprintf(name, sizeof(name), "%.100s.txt", c->name);
	const struct tool_file all = {
		.name = name, .media_type = "text/plain", .data = result->whole.p, .n = result->whole.n};
	keep_file(t, result, &all, true, b);
}

/* ---- told ---- */

/* Data that the reader of the log can read, too. */
static void add_structured(struct buf *b, const struct buf *structured)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct err quiet = {0};

	if (structured->n == 0 || structured->n > STRUCTURED_MAX ||
		json_parse(structured->p, structured->n, &v, &quiet) < 0)
		return;
	buf_add_str(b, ",\"structured\":");
	json_add_value(b, v);
}

int call_tell_result(struct turn *t, struct call *c, struct tool_result *result, int64_t ms)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(EVENT_MAX), files = BUF_INIT(EVENT_MAX);

	c->failed = result->failed;
	if (result->structured.n > STRUCTURED_MAX)
		buf_printf(&result->text, "\n[The result as data is larger than %zu KB and is not shown.]",
			STRUCTURED_MAX >> 10);
	keep_files(t, c, result, &files);
	buf_add_str(&b, "{\"id\":");
	json_add_cstr(&b, c->id);
	buf_add_str(&b, ",\"result\":");
	json_add_string(&b, buf_str(&result->text).p, result->text.n);
	if (result->failed)
		buf_add_str(&b, ",\"failed\":true");
	add_structured(&b, &result->structured);
	if (files.n)
		buf_printf(&b, ",\"files\":[" STR_FMT "]", STR_ARG(buf_str(&files)));
	if (result->whole.n)
		buf_add_str(&b, ",\"cut\":true");
	if (ms >= 0)
		buf_printf(&b, ",\"duration_ms\":%lld", (long long)ms);
	buf_add_char(&b, '}');
	return turn_event(t, EV_TOOL_RESULT, &b);
}

/* ---- read again ---- */

/* A live log is copied chunk by chunk, so that the loop never does much of it at once. */
struct copying {
	struct turns *all;
	atelier_id turn_id;
	uint64_t after;
	struct buf bytes;
};

static int copy_on_loop(void *arg)
{
	struct copying *x = arg;
	struct turnlog *l = turnlog_find(x->all->logs, x->turn_id);
	const struct frames *f = l ? turnlog_frames(l) : NULL;

	if (!f)
		return E_NOT_FOUND;
	struct place at = frames_after(f, x->after);
	struct str s = frames_next(f, &at, frames_end(f), SIZE_MAX);
	buf_add(&x->bytes, s.p, s.n);
	return s.n > 0;
}

/* E_NOT_FOUND: it is not live, or just was. */
static int copy_live(struct turns *all, atelier_id turn_id, struct frames *ret)
{
	struct copying x = {.all = all, .turn_id = turn_id, .bytes = BUF_INIT(ret->max)};
	struct event_frame f;
	size_t pos = 0;
	int r;

	while ((r = loop_call(all->loop, copy_on_loop, &x)) > 0 && (r = buf_status(&x.bytes)) == 0)
		while (event_next_frame(buf_str(&x.bytes), &pos, &f) == 1)
			x.after = f.seq;
	if (r == 0 && x.bytes.n)
		r = frames_take(ret, &x.bytes);
	buf_done(&x.bytes);
	return r;
}

static int read_log(struct turns *all, atelier_id turn_id, struct frames *ret, struct err *e)
{
	int r = copy_live(all, turn_id, ret);

	if (r == E_NOT_FOUND)
		return turn_stored_log(all->db, turn_id, ret, e);
	return r < 0 ? err_set(e, r, "the log of a turn does not fit into memory") : 0;
}

/* By its events where they are still there, else those of the message. */
int turn_read_parts(struct turns *all, const struct turn_record *t, struct arena *a, struct reduced *ret, struct err *e)
{
	CLEANUP(frames_done) struct frames log = FRAMES_INIT(FINISH_LOG_MAX);
	const struct message *m = NULL;
	int r = read_log(all, t->id, &log, e);

	if (r == 0 && log.bytes == 0)
		r = finish_load(all->db, t->user_id, t->message_id, a, &m, e);
	return r < 0 ? r : reduce_log(m, &log, 0, NULL, ret, e);
}

static const json_t *whole_of(const json_t *files)
{
	const json_t *f;
	size_t i;

	json_array_foreach(files, i, f) if (json_is_true(json_object_get(f, "whole"))) return f;
	return NULL;
}

static int read_whole(struct turns *all, atelier_id user_id, const char *id, struct buf *to, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct file_row row;
	atelier_id file;
	int r;

	arena_init(&a, 64 << 10);
	if (!id || !id_parse(id, strlen(id), &file))
		return err_set(e, E_NOT_FOUND, NO_CALL);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
		r = files_get(c, user_id, file, &a, &row, e);
	}
	return r < 0 ? r : blobs_read(all->settings->data, row.hash, to, e);
}

static int show(struct turns *all, atelier_id user_id, const struct part *p, struct arena *a,
	struct turn_call_text *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf part = BUF_INIT(SIZE_MAX), text = BUF_INIT(TOOL_KEPT_MAX + 1);
	const json_t *whole = whole_of(json_object_get(p->more, "files"));
	int r = whole ? read_whole(all, user_id, json_get_str(whole, "id"), &text, e) : 0;

	if (r < 0)
		return r;
	parts_write_one(p, &part);
	const struct buf *said = whole ? &text : &p->result;
	ret->part = buf_status(&part) < 0 ? NULL : arena_strndup(a, part.p, part.n);
	ret->text = p->answered ? arena_strndup(a, buf_str(said).p, said->n) : NULL;
	return ret->part && (ret->text || !p->answered) ? 0 : err_set(e, -ENOMEM, "no memory for a call");
}

int turn_call_read(struct turns *all, const struct turn_record *t, const char *call_id, struct arena *a,
	struct turn_call_text *ret, struct err *e)
{
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	int r = turn_read_parts(all, t, a, &m, e);

	for (size_t i = 0; r == 0 && i < m.parts.n; i++) {
		const struct part *p = &m.parts.items[i];
		if (p->type == PART_TOOL_CALL && p->id && strcmp(p->id, call_id) == 0)
			return show(all, t->user_id, p, a, ret, e);
	}
	return r < 0 ? r : err_set(e, E_NOT_FOUND, NO_CALL);
}
