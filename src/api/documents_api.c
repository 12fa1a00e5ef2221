/* documents_api.c - documents of collections: brought, looked at, changed, read. */
#include <errno.h>
#include <inttypes.h>

#include "api/answer.h"
#include "api/multipart.h"
#include "api/request.h"
#include "api/uploaded.h"
#include "base/log.h"
#include "base/utf8.h"
#include "rag/rag.h"
#include "store/collections.h"
#include "store/conversations.h"
#include "store/documents.h"
#include "store/texts.h"
#include "sys/health.h"

#define MEBI          ((int64_t)1 << 20)
#define PAGE_DEFAULT  100
#define PAGE_MAX      1000
#define CONTENT_MAX   200 /* passages of a page of what was read */
#define CONTENT_BYTES ((size_t)8 << 20)
#define NAME_MAX_N    255

/* ---- as they are shown ---- */

struct document_error {
	const char *code, *message;
};
struct document_answer {
	struct document d;
	struct document_error error;
	bool has_error, searchable, pictures, older;
	atelier_id same_as;
};

#define E struct document_error
static const struct field error_fields[] = {
	FIELD_STR(E, code, "code", 0, 0, FIELD_REQUIRED, "What it is: a word for programs."),
	FIELD_STR(E, message, "message", 0, 0, FIELD_REQUIRED, "What has happened, and what to do; may be empty."),
};
#undef E
static const struct schema document_error_schema =
	SCHEMA("DocumentError", struct document_error, error_fields, "Why a document could not be read, or embedded.");

#define A struct document_answer
static const struct field document_fields[] = {
	FIELD_ID(A, d.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(A, d.collection_id, "collection_id", FIELD_REQUIRED, "Where it is."),
	FIELD_STR(A, d.name, "name", 0, 0, FIELD_REQUIRED, "What it is called."),
	FIELD_ENUM(A, d.state, "state", DOCUMENT_STATES, FIELD_REQUIRED,
		"How far it is. Also while it is embedding it is found by its words."),
	FIELD_JSON(A, d.progress, "progress", FIELD_OBJECT_ONLY,
		"While it is read: status, completed, total, unit; null: nothing is known."),
	FIELD_MAYBE(FT_OBJECT, A, error, has_error, "error", &document_error_schema,
		"Why it has failed; of one that is embedding or ready: why it is found by its words alone (so far); of "
		"one that is queued or being read: what it waits for. Null: all is well."),
	FIELD_BOOL(A, searchable, "searchable", FIELD_REQUIRED,
		"Whether it is found; also while a newer file of it is being read."),
	FIELD_BOOL(A, older, "older", FIELD_REQUIRED,
		"Whether it was read by an older version of the program, which reads files of its kind otherwise now; "
		"retryDocument reads it again."),
	FIELD_I64(A, d.size, "size", 0, 0, FIELD_REQUIRED, "Bytes of the file."),
	FIELD_STR(A, d.hash, "hash", 0, 0, FIELD_REQUIRED, "SHA-256 of the file."),
	FIELD_I64(A, d.passages, "passages", 0, 0, FIELD_REQUIRED, "How many it is cut into."),
	FIELD_I64(A, d.pages, "pages", 0, 0, FIELD_REQUIRED, "How many it has; 0: it has none."),
	FIELD_STR(A, d.format, "format", 0, 0, 0, "What kind of file it is, as \"pdf\"; null or empty: not known."),
	FIELD_BOOL(A, pictures, "pictures", FIELD_REQUIRED, "Whether its pages can be had as pictures."),
	FIELD_STR(A, d.language, "language", 0, 0, 0, "Its language; null or empty: not known."),
	FIELD_JSON(A, d.warnings, "warnings", 0,
		"What was left out when it was read, as sentences; null: nothing is known."),
	FIELD_ID(A, d.job_id, "job_id", 0, "The job that reads or embeds it, or did last."),
	FIELD_ID(A, same_as, "same_as", FIELD_OMIT,
		"Of one that was just brought: another one of the collection that is the same file; itself: it was "
		"there "
		"under this name, and stays as it is."),
	FIELD_TIME(A, d.created_at, "created_at", FIELD_REQUIRED, "When it came."),
	FIELD_TIME(A, d.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
#undef A
static const struct schema document_schema =
	SCHEMA("Document", struct document_answer, document_fields, "A file in a collection.");
LIST_SCHEMA(document_list_schema, "DocumentList", &document_schema,
	"In the order in which they came, or the newest first.", "Documents of a collection.");

/* What cannot be written down by the document while the disk is full: that it waits for that. */
static bool waits_for_room(const struct document *d)
{
	bool unfinished = strcmp(d->state, "ready") != 0 && strcmp(d->state, "failed") != 0;
	char text[HEALTH_TEXT_BYTES];

	return unfinished && health_get_text(HEALTH_disk, text);
}

/* What keeps it from being read, or embedded, that is not written down by it. */
static struct document_error waits_for(struct request *q, const struct document *d)
{
	if (waits_for_room(d))
		return (struct document_error){"storage_full", "The server has no room on its disk, or cannot write "
							       "there. It goes on by itself when it can again."};
	if (d->server_seen_at >= 0 && jobs_miss_server(q->api->c.jobs, d->server_seen_at))
		return (struct document_error){"server_away", "The server that has this file is away. It goes on by "
							      "itself when that is back."};
	return (struct document_error){NULL, NULL};
}

static void answer_of(struct request *q, const struct document *d, struct document_answer *ret)
{
	*ret = (struct document_answer){.d = *d,
		.searchable = d->text_id != 0,
		.older = d->recipe && rag_is_older(d->recipe, d->format),
		.pictures = d->format && strcmp(d->format, "pdf") == 0};
	ret->has_error = d->error_code != NULL;
	if (ret->has_error)
		ret->error = (struct document_error){d->error_code, d->error_text ? d->error_text : ""};
	if (!ret->has_error) {
		ret->error = waits_for(q, d);
		ret->has_error = ret->error.code != NULL;
	}
}

static int load(struct request *q, atelier_id id, struct document *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return documents_get(c, q->who.user.id, id, &q->mem, ret, &q->err);
}

static int answer_document(struct request *q, atelier_id id, atelier_id same_as)
{
	struct document_answer *out = ARENA_NEW(&q->mem, struct document_answer);
	struct document d = {0};
	int r = out ? load(q, id, &d) : request_no_memory(q);

	q->answer = out;
	if (r == 0 && out) {
		answer_of(q, &d, out);
		out->same_as = same_as;
	}
	return r;
}

static int answer_documents(struct request *q, const struct document_rows *l, size_t limit)
{
	size_t n = MIN(l->n, limit);

	ASSERT(limit > 0); /* the last one told says where to go on */
	struct document_answer *items = ARENA_ARRAY(&q->mem, struct document_answer, n + 1);

	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < n; i++)
		answer_of(q, &l->items[i], &items[i]);
	return answer_list(q, items, n, l->n > n ? answer_cursor(q, l->items[n - 1].id) : NULL);
}

static int list_of(struct request *q, struct db_conn *c, atelier_id collection_id)
{
	struct document_filter f = {.user_id = q->who.user.id,
		.collection_id = collection_id,
		.state = http_query(q->x, "state"),
		.name = http_query(q->x, "search")};
	struct document_rows l = {.n = 0};
	int r = request_i64(q, "limit", &f.limit);

	if (r == 0)
		r = request_bool(q, "newest", &f.newest);
	if (r == 0)
		r = request_id(q, "cursor", &f.after);
	if (r == 0)
		r = documents_list(c, &f, &q->mem, &l, &q->err);
	return r < 0 ? r : answer_documents(q, &l, (size_t)f.limit);
}

static int documents_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct collection k;
	int r = collections_get(c, q->who.user.id, q->arg_id, GRANT_READ, &q->mem, &k, &q->err);

	return r < 0 ? r : list_of(q, c, q->arg_id);
}

/* Of a conversation into which nothing was dropped there is no collection, and no document in it. */
static int conversation_documents_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct conversation found;
	atelier_id id = 0;
	int r = conversations_get(c, q->who.user.id, q->arg_id, &q->mem, &found, &q->err);

	if (r == 0)
		r = collections_find_of(c, q->who.user.id, q->arg_id, &id, &q->err);
	return r < 0 ? r : list_of(q, c, id);
}

static int documents_find(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	const char *name = http_query(q->x, "search");
	struct document_rows l = {.n = 0};
	int64_t limit = 0;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = documents_named(c, q->who.user.id, name ? name : "", limit, &q->mem, &l, &q->err);
	return r < 0 ? r : answer_documents(q, &l, (size_t)limit);
}

static int document_get(struct request *q)
{
	return answer_document(q, q->arg_id, 0);
}

/* ---- bringing one ---- */

struct document_body {
	atelier_id upload_id, replaces;
	const char *name, *on_conflict;
};
#define CONFLICT_CHOICES "add refuse replace" /* in the order of enum document_conflict */
#define B                struct document_body
static const struct field new_fields[] = {
	FIELD_ID(B, upload_id, "upload_id", FIELD_REQUIRED, "The upload, whole; it is gone then."),
	FIELD_STR(B, name, "name", 1, NAME_MAX_N, 0,
		"What it is called; null: as the upload's metadata says (`filename`), else \"document\"."),
	FIELD_ID(B, replaces, "replaces", 0,
		"A document of the collection whose file this is from now on; it is found as it was until this is "
		"read."),
	FIELD_ENUM(B, on_conflict, "on_conflict", CONFLICT_CHOICES, 0,
		"When another file of this name is in the collection: \"add\", the default, keeps both; \"refuse\" "
		"answers "
		"already_exists and keeps the upload, so that somebody may be asked; \"replace\" makes it a new "
		"version of the "
		"newest of them. The same bytes are the same document with each."),
};
#undef B
static const struct schema new_schema =
	SCHEMA("DocumentNew", struct document_body, new_fields, "A file that was uploaded.");

/* Control characters and slashes are not for names; a name that is too long ends earlier. */
static const char *name_of(struct request *q, const char *name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	size_t n;

	utf8_add_repaired(&b, name, strlen(name));
	for (size_t i = 0; i < b.n; i++)
		if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
			b.p[i] = ' ';
	n = utf8_prefix(buf_str(&b).p, b.n, NAME_MAX_N);
	return n ? arena_strndup(&q->mem, b.p, n) : "document";
}

/* What is brought: bytes or a file. */
struct brought {
	atelier_id collection_id, replaces;
	enum document_conflict on_conflict;
	const char *name;
	struct str bytes;
	const struct blob_file *file;
};

static int create(struct request *q, const struct brought *x)
{
	const struct document_new new = {.user_id = q->who.user.id,
		.collection_id = x->collection_id,
		.replaces = x->replaces,
		.on_conflict = x->on_conflict,
		.name = x->name,
		.bytes = x->bytes,
		.file = x->file,
		.quota = q->api->c.settings->document_quota_mb * MEBI,
		.total = q->api->c.settings->document_total_mb * MEBI};
	struct document_made made = {.id = 0};
	int r;

	if (x->file ? x->file->size == 0 : x->bytes.n == 0)
		return err_set(&q->err, E_INVALID, "The file is empty.");
	r = documents_create(q->api->c.db, q->api->c.settings->data, &new, &made, &q->err);
	if (r < 0)
		return r;
	jobs_notify(q->api->c.jobs);
	return answer_document(q, made.id, made.same_as);
}

/* n 0: the default. False: it is none of the choices. */
static bool conflict_of(struct str s, enum document_conflict *ret)
{
	static const char *const words[] = {"add", "refuse", "replace"};

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		if (s.n == 0 || str_eq(s, str_from(words[i]))) {
			*ret = (enum document_conflict)i;
			return true;
		}
	}
	return false;
}

struct document_from { /* an upload */
	atelier_id collection_id;
	const struct document_body *in;
};

static int take_file(struct request *q, const struct uploaded *u, void *arg)
{
	const struct document_from *x = arg;
	struct brought b = {.collection_id = x->collection_id, .replaces = x->in->replaces, .file = &u->file};
	bool known = conflict_of(str_from(x->in->on_conflict ? x->in->on_conflict : ""), &b.on_conflict);

	ASSERT(known); /* the schema has looked */
	b.name = x->in->name       ? name_of(q, x->in->name)
		 : x->in->replaces ? NULL
				   : name_of(q, u->called ? u->called : "");
	return create(q, &b);
}

static int take_upload(struct request *q, atelier_id collection_id, const struct document_body *in)
{
	const struct upload_use use = {"A document", "document_max_mb", q->api->c.settings->document_max_mb, take_file};

	return uploaded_take(q, in->upload_id, &use, &(struct document_from){collection_id, in});
}

static int take_any(struct request *q, atelier_id collection_id)
{
	struct multipart_file f = {.name = ""};
	struct brought b = {.collection_id = collection_id};
	int r;

	if (q->body)
		return take_upload(q, collection_id, q->body);
	r = multipart_read(http_header(q->x, "Content-Type"), http_body(q->x), &q->mem, &f, &q->err);
	if (r == 0 && f.replaces.n && !id_parse(f.replaces.p, f.replaces.n, &b.replaces))
		r = err_set(&q->err, E_INVALID, "The field \"replaces\" is no id.");
	if (r == 0 && !conflict_of(f.on_conflict, &b.on_conflict))
		r = err_set(&q->err, E_INVALID, "The field \"on_conflict\" is none of " CONFLICT_CHOICES ".");
	b.name = r == 0 ? name_of(q, f.name) : NULL;
	b.bytes = f.bytes;
	return r < 0 ? r : create(q, &b);
}

static int documents_post(struct request *q)
{
	return take_any(q, q->arg_id);
}

static int conversation_documents_post(struct request *q)
{
	atelier_id id = 0;
	int r = collections_of_conversation(q->api->c.db, q->who.user.id, q->arg_id, &id, &q->err);

	return r < 0 ? r : take_any(q, id);
}

/* ---- changing ---- */

struct document_patch {
	const char *name;
	atelier_id collection_id;
};
static const struct field patch_fields[] = {
	FIELD_STR(struct document_patch, name, "name", 1, NAME_MAX_N, 0, "What it is called."),
	FIELD_ID(struct document_patch, collection_id, "collection_id", 0, "Where it is to be."),
};
static const struct schema patch_schema =
	SCHEMA("DocumentPatch", struct document_patch, patch_fields, "What to change; the rest stays.");

static int document_patch(struct request *q)
{
	const struct document_patch *in = q->body;
	const struct document_edit x = {q->who.user.id, q->arg_id, in->name, in->collection_id};
	int r = documents_edit(q->api->c.db, &x, &q->err);

	return r < 0 ? r : answer_document(q, q->arg_id, 0);
}

static int cancel_job(struct request *q, const struct document *d, struct err *e)
{
	struct job_view view;

	return d->job_id ? job_cancel(q->api->c.jobs, 0, d->job_id, &q->mem, &view, e) : 0;
}

static int document_delete(struct request *q)
{
	struct document d = {0};
	struct err quiet = {0};
	int r = load(q, q->arg_id, &d);

	if (r == 0)
		r = documents_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);
	if (r == 0)
		(void)cancel_job(q, &d, &quiet);
	return r;
}

static int retry_post(struct request *q)
{
	int r = documents_retry(q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r < 0)
		return r;
	jobs_notify(q->api->c.jobs);
	return answer_document(q, q->arg_id, 0);
}

static int cancel_post(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct document d = {0};
	struct collection k;
	int r = documents_get(c, q->who.user.id, q->arg_id, &q->mem, &d, &q->err);

	if (r == 0)
		r = collections_get(c, q->who.user.id, d.collection_id, GRANT_EDIT, &q->mem, &k, &q->err);
	db_release(TAKE_PTR(c));
	if (r == 0)
		r = cancel_job(q, &d, &q->err);
	return r < 0 ? r : answer_document(q, q->arg_id, 0);
}

/* ---- reading ---- */

struct content_item {
	struct passage_row p;
	const char *text;
};
#define I struct content_item
static const struct field item_fields[] = {
	FIELD_ID(I, p.id, "passage_id", FIELD_REQUIRED, "Identifier."),
	FIELD_I64(I, p.n, "n", 0, 0, FIELD_REQUIRED, "Its number in the document, from 0."),
	FIELD_I64(I, p.start, "start", 0, 0, FIELD_REQUIRED, "Where it begins in what was read, in bytes."),
	FIELD_I64(I, p.end, "end", 0, 0, FIELD_REQUIRED, "Where it ends."),
	FIELD_I64(I, p.page, "page", 0, 0, FIELD_REQUIRED, "On which page it begins; 0: there are none."),
	FIELD_STR(I, p.place, "place", 0, 0, FIELD_REQUIRED,
		"What `page` is a number of: page, slide, sheet, chapter, message, cell or file; empty: not known."),
	FIELD_STR(I, p.label, "label", 0, 0, FIELD_REQUIRED,
		"What that is called in the file, as a sheet is; of a page in an archive, the file that it is of; may "
		"be empty."),
	FIELD_STR(I, p.heading, "heading", 0, 0, FIELD_REQUIRED, "The headings over it, \" > \" between."),
	FIELD_TEXT(I, text, "text", 0, 0, FIELD_REQUIRED, "What it says."),
};
#undef I
static const struct schema item_schema =
	SCHEMA("Passage", struct content_item, item_fields, "A passage of a document.");
LIST_SCHEMA(content_schema, "DocumentContent", &item_schema, "In the order in which they stand.",
	"What was read from a document, in passages; headings stand with them.");

static int read_texts(struct request *q, struct db_conn *c, atelier_id text_id, const struct passage_rows *l,
	struct content_item *items)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(CONTENT_BYTES);
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		buf_reset(&b);
		items[i].p = l->items[i];
		r = texts_slice(c, text_id, items[i].p.start, items[i].p.end, &b, &q->err);
		items[i].text = r < 0 ? NULL : arena_strndup(&q->mem, buf_str(&b).p, b.n);
		if (r == 0 && !items[i].text)
			r = request_no_memory(q);
	}
	return r;
}

/* From which passage on: some before the one that is asked for, so that it stands among others. */
static int find_first(struct request *q, struct db_conn *c, int64_t *ret)
{
	atelier_id passage_id = 0;
	struct passage_row p;
	int r = request_i64(q, "from", ret);

	if (r == 0)
		r = request_id(q, "passage_id", &passage_id);
	if (r < 0 || !passage_id)
		return r;
	r = texts_passage_of(c, q->arg_id, passage_id, &q->mem, &p, &q->err);
	if (r == 0)
		*ret = MAX(p.n - CONTENT_MAX / 4, 0);
	return r;
}

static int content_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct passage_rows l = {.n = 0};
	struct document d = {0};
	int64_t from = 0;
	int r = documents_get(c, q->who.user.id, q->arg_id, &q->mem, &d, &q->err);

	if (r == 0 && !d.text_id)
		r = err_set(&q->err, E_CONFLICT, "This document has not been read yet.");
	if (r == 0)
		r = find_first(q, c, &from);
	if (r == 0)
		r = texts_passages_placed(c, d.text_id, from, from + CONTENT_MAX - 1, &q->mem, &l, &q->err);
	if (r < 0)
		return r;
	struct content_item *items = ARENA_ARRAY(&q->mem, struct content_item, l.n + 1);
	const char *next =
		from + CONTENT_MAX < d.passages ? arena_printf(&q->mem, "%" PRId64, from + CONTENT_MAX) : NULL;
	if (!items)
		return request_no_memory(q);
	r = read_texts(q, c, d.text_id, &l, items);
	return r < 0 ? r : answer_list(q, items, l.n, next);
}

static int file_get(struct request *q)
{
	struct document d = {0};
	int r = load(q, q->arg_id, &d);

	if (r < 0)
		return r;
	const char *how = answer_disposition(q, "attachment", d.name);
	if (!how)
		return request_no_memory(q);
	http_set_header(q->x, "Content-Disposition", how);
	http_set_header(q->x, "Content-Security-Policy", "default-src 'none'; sandbox");
	q->raw = BUF_INIT((size_t)d.size + 1);
	return blobs_read(q->api->c.settings->data, d.hash, &q->raw, &q->err);
}

static const struct param list_params[] = {
	{.name = "limit",
		.type = PARAM_I64,
		.min = 1,
		.max = PAGE_MAX,
		.otherwise = PAGE_DEFAULT,
		.doc = "Size of a page."},
	{.name = "cursor", .type = PARAM_ID, .doc = "`next` of the page before."},
	{.name = "state", .type = PARAM_STR, .choices = DOCUMENT_STATES, .doc = "Only those that are so far."},
	{.name = "search", .type = PARAM_STR, .max = 100, .doc = "Only those with this in their name."},
	{.name = "newest", .type = PARAM_BOOL, .doc = "The newest first."},
};
static const struct param find_params[] = {
	{.name = "search", .type = PARAM_STR, .max = 100, .doc = "Only those with this in their name."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 100, .otherwise = 20, .doc = "How many at most."},
};
static const struct param content_params[] = {
	{.name = "from",
		.type = PARAM_I64,
		.max = INT32_MAX,
		.doc = "Number of the first passage; `next` of the page before."},
	{.name = "passage_id", .type = PARAM_ID, .doc = "A passage that is to be among them; counts more than `from`."},
};

#define D         V1 "/documents"
#define NEW_FAILS FAILS(E_NOT_FOUND, E_EXPIRED, E_CONFLICT, E_EXISTS, E_QUOTA, E_BUSY)
/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/collections/{id}/documents", "listDocuments", documents_get_all, ACCESS_USER, .status = 200,
		PARAMS(list_params), .answer = &document_list_schema, .summary = "Documents of a collection."},
	{"POST", V1 "/collections/{id}/documents", "createDocument", documents_post, ACCESS_USER, .status = 202,
		.body = &new_schema, .bytes = "multipart/form-data", .answer = &document_schema, NEW_FAILS,
		.summary = "Add an upload to a collection, to be read by a job; a small file may be that of a form."},
	{"GET", V1 "/conversations/{id}/documents", "listConversationDocuments", conversation_documents_get, ACCESS_USER,
		.status = 200, PARAMS(list_params), .answer = &document_list_schema,
		.summary = "The files of one conversation."},
	{"POST", V1 "/conversations/{id}/documents", "createConversationDocument", conversation_documents_post, ACCESS_USER,
		.status = 202, .body = &new_schema, .bytes = "multipart/form-data", .answer = &document_schema, NEW_FAILS,
		.summary = "The same for one conversation, whose questions are answered from it."},
	{"GET", D, "findDocuments", documents_find, ACCESS_USER, .status = 200,
		PARAMS(find_params), .answer = &document_list_schema,
		.summary = "Documents of all collections by their names, the newest first."},
	{"GET", D "/{id}", "getDocument", document_get, ACCESS_USER, .status = 200,
		.answer = &document_schema, .summary = "One document."},
	{"PATCH", D "/{id}", "updateDocument", document_patch, ACCESS_USER, .status = 200,
		.body = &patch_schema, SHORT_BODY, .answer = &document_schema, .summary = "Rename a document, or move it."},
	{"DELETE", D "/{id}", "deleteDocument", document_delete, ACCESS_USER, .status = 204,
		.summary = "Delete a document."},
	{"POST", D "/{id}/retry", "retryDocument", retry_post, ACCESS_USER, .status = 202,
		.answer = &document_schema, FAILS(E_CONFLICT, E_BUSY), .summary = "Have it read once more, or embedded when only that failed."},
	{"POST", D "/{id}/cancel", "cancelDocument", cancel_post, ACCESS_USER, .status = 202,
		.answer = &document_schema, .summary = "Stop reading it; one that is not being read is no error."},
	{"GET", D "/{id}/content", "getDocumentContent", content_get, ACCESS_USER, .status = 200,
		PARAMS(content_params), .answer = &content_schema, FAILS(E_CONFLICT), .summary = "What was read from it."},
	{"GET", D "/{id}/file", "getDocumentFile", file_get, ACCESS_USER, .status = 200,
		.media = "application/octet-stream", .summary = "The file itself."},
};
/* clang-format on */
const struct route_set documents_routes = ROUTES_CHANGING(routes, CHANGES(DOCUMENTS));
