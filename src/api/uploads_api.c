/*
 * uploads_api.c - files in parts, as the protocol tus 1.0 has it: core, creation, expiration, termination, checksum.
 *
 * A part goes to the file as it comes: each piece is copied on the loop and written by a thread, and only then is the next
 * one read. While that lasts the request holds the lock of its upload, unless it falls silent and another one comes. What was written stays when the connection breaks,
 * so that the client can go on from there; unless the part has a checksum, which only a whole part can be held against.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "api/checksum.h"
#include "api/request.h"
#include "api/upload_metadata.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/uploads.h"

#define MEBI       ((int64_t)1 << 20)
#define RECHECK_MS 1000 /* whether who sends a part still may */
#define QUIET_MS   2000 /* who has sent nothing for so long gives way */

/* ---- headers ---- */

static int64_t size_max(const struct request *q)
{
	return q->api->c.settings->upload_max_mb * MEBI;
}

static void set_number(struct request *q, const char *name, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	http_set_header(q->x, name, text);
}

static void set_expires(struct request *q, int64_t at_ms)
{
	char text[CLOCK_HTTP_SIZE];

	clock_format_http(at_ms, text);
	http_set_header(q->x, "Upload-Expires", text);
}

/* A header that is a whole number, 0 or more. */
static int get_number(struct request *q, const char *name, int64_t *ret)
{
	const char *text = http_header(q->x, name);
	size_t n = text ? strspn(text, "0123456789") : 0;

	if (n == 0 || n > 18 || text[n])
		return err_set(&q->err, E_INVALID, "The header %s must be there and be a whole number.", name);
	*ret = strtoll(text, NULL, 10);
	return 0;
}

static int check_version(struct request *q)
{
	const char *version = http_header(q->x, "Tus-Resumable");

	if (version && strcmp(version, TUS_VERSION) == 0)
		return 0;
	http_set_header(q->x, "Tus-Version", TUS_VERSION);
	return err_set(&q->err, E_PRECONDITION, "The header Tus-Resumable must be there and be " TUS_VERSION ".");
}

/* "name BASE64,name BASE64,name": kept as it is. */
static int get_metadata(struct request *q, const char **ret)
{
	const char *text = http_header(q->x, "Upload-Metadata");

	*ret = text ? text : "";
	if (strlen(*ret) > UPLOAD_METADATA_MAX)
		return err_set(&q->err, E_INVALID, "Upload-Metadata may have %d bytes.", UPLOAD_METADATA_MAX);
	return upload_metadata_valid(*ret)
		       ? 0
		       : err_set(&q->err, E_INVALID,
				 "Upload-Metadata must be pairs of a name and a value in base64, with a blank between "
				 "the two and a comma between pairs: filename bm90ZXMubWQ=");
}

/* ---- short requests ---- */

static int uploads_options(struct request *q)
{
	http_set_header(q->x, "Tus-Version", TUS_VERSION);
	http_set_header(q->x, "Tus-Extension", "creation,expiration,termination,checksum");
	http_set_header(q->x, "Tus-Checksum-Algorithm", CHECKSUM_ALGORITHMS);
	set_number(q, "Tus-Max-Size", size_max(q));
	return 0;
}

static void set_location(struct request *q, atelier_id id)
{
	char prefix[AUTH_PREFIX_LEN], text[ID_LEN + 1], path[AUTH_PREFIX_LEN + 40];

	id_format(id, text);
	snprintf(path, sizeof(path), "%s/api/v1/uploads/%s", request_prefix(q, prefix), text);
	http_set_header(q->x, "Location", path);
}

static int uploads_post(struct request *q)
{
	const struct settings *s = q->api->c.settings;
	struct upload_new in = {.user_id = q->who.user.id,
		.expires_at = clock_now_ms() + s->upload_keep_hours * 3600 * 1000,
		.quota = s->upload_quota_mb * MEBI};
	atelier_id id = 0;
	int r = check_version(q);

	if (r == 0 && http_header(q->x, "Upload-Concat")) /* else all of them would come before one is refused */
		r = err_set(&q->err, E_INVALID,
			"Uploads that are put together of several (Upload-Concat) are not offered; send it as one.");
	if (r == 0)
		r = get_number(q, "Upload-Length", &in.size);
	if (r == 0)
		r = get_metadata(q, &in.metadata);
	if (r == 0 && in.size > size_max(q))
		r = err_set(&q->err, E_TOO_LARGE, "An upload may have %" PRId64 " bytes (upload_max_mb).", size_max(q));
	if (r == 0)
		r = uploads_create(q->api->c.db, s->data, &in, &id, &q->err);
	if (r < 0)
		return r;
	set_location(q, id);
	set_expires(q, in.expires_at);
	return 0;
}

static int load(struct request *q, struct upload *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	ASSERT(q->arg_id && q->who.user.id);
	return uploads_get(c, q->arg_id, q->who.user.id, &q->mem, ret, &q->err);
}

static int upload_head(struct request *q)
{
	CLEANUP(closep) int fd = -1;
	struct upload u = {.metadata = ""};
	int64_t there = 0;
	int r = check_version(q);

	if (r == 0)
		r = load(q, &u);
	if (r == 0)
		r = upload_open(q->api->c.settings->data, u.id, &fd, &there, &q->err);
	if (r < 0)
		return r;
	set_number(q, "Upload-Offset", there);
	set_number(q, "Upload-Length", u.size);
	set_expires(q, u.expires_at);
	if (u.metadata[0])
		http_set_header(q->x, "Upload-Metadata", u.metadata);
	return 0;
}

struct takeover {
	struct upload_locks *locks;
	atelier_id upload;
};

/* Loop. */
static int give_way(void *arg)
{
	const struct takeover *t = arg;
	struct http_exchange *x = upload_lock_holder(t->locks, t->upload);

	if (x)
		http_body_give_up(x, QUIET_MS, E_LOCKED);
	return 0;
}

/*
 * A sender that has fallen silent, most often since its network is gone, gives way to who comes after it: this request is told
 * that the upload is locked, and its next try finds it free.
 */
static int lock(struct request *q, struct upload_lock *mine)
{
	int r = upload_lock_take(&q->api->uploads, mine, q->arg_id, q->who.user.id, &q->err);

	if (r == E_LOCKED)
		(void)loop_call(q->api->c.loop, give_way, &(struct takeover){&q->api->uploads, q->arg_id});
	return r;
}

static int upload_delete(struct request *q)
{
	struct upload_lock mine;
	int r = check_version(q);

	if (r == 0)
		r = lock(q, &mine);
	if (r < 0)
		return r;
	r = uploads_delete(q->api->c.db, q->api->c.settings->data, q->arg_id, q->who.user.id, &q->err);
	upload_lock_leave(&q->api->uploads, &mine);
	return r;
}

/* ---- a part ---- */

struct part {
	struct upload upload;
	struct upload_lock lock;
	int fd;
	int64_t begin, end; /* in the file: where the part begins, and how far it is */
	int64_t checked_ms; /* when it was found out last that its sender may send it */
	struct checksum checksum;
	struct buf piece; /* that is being written; empty: the body has ended */
};

/* What is left of a part that went wrong: what nobody has seen as a whole is of no use with a checksum or beyond the end. */
static void cut_back(struct part *p, int r)
{
	struct err e = {0};
	bool useless = p->checksum.n_wanted || r == E_TOO_LARGE || r == E_INVALID;

	ASSERT(r < 0 && p->fd >= 0);
	if (useless && upload_cut(p->fd, p->begin, &e) < 0)
		log_warn("http", "a part of an upload was not cut off: %s", e.msg);
}

static int part_whole(struct request *q, struct part *p)
{
	if (p->checksum.n_wanted && !checksum_matches(&p->checksum))
		return err_set(&q->err, E_CHECKSUM, "%s", err_info(E_CHECKSUM)->text);
	return p->end == p->upload.size ? upload_sync(p->fd, &q->err) : 0;
}

/* Gives back all that the part holds. The lock is free before the client hears of it, which then sends the next part. */
static void part_done(struct request *q, struct part *p)
{
	upload_lock_leave(&q->api->uploads, &p->lock);
	if (p->fd >= 0)
		close(p->fd);
	checksum_done(&p->checksum);
	buf_done(&p->piece);
}

static void part_end(struct request *q, int r)
{
	struct part *p = q->later;

	ASSERT(p->lock.upload == p->upload.id);
	if (r == 0)
		r = part_whole(q, p);
	if (r < 0)
		cut_back(p, r);
	part_done(q, p);
	if (r == 0) {
		set_number(q, "Upload-Offset", p->end);
		set_expires(q, p->upload.expires_at);
	}
	request_end(q, r);
}

static int write_piece(struct request *q, struct part *p)
{
	int r = upload_write(p->fd, p->end, p->piece.p, p->piece.n, &q->err);

	ASSERT(p->piece.n > 0 && p->begin <= p->end && p->end <= p->upload.size);
	if (r < 0)
		return r;
	checksum_add(&p->checksum, p->piece.p, p->piece.n);
	p->end += (int64_t)p->piece.n;
	return 0;
}

static int body_error(struct request *q)
{
	int r = http_request_error(q->x);

	if (r == E_TOO_LARGE)
		return err_set(&q->err, r, "The part has more bytes than the upload, or more than %" PRId64 ".",
			q->route->body_max);
	return r < 0 ? err_set(&q->err, r, "%s", err_info(r)->text) : 0;
}

/* A part may take minutes: it ends with the session or key that it was begun with. */
static int still_may(struct request *q, struct part *p)
{
	int64_t now = clock_mono_ms();

	if (now - p->checked_ms < RECHECK_MS)
		return 0;
	p->checked_ms = now;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	return auth_still_holds(c, q->who.session_id, q->who.key_id, &q->err);
}

static void piece_work(void *arg)
{
	struct request *q = arg;
	struct part *p = q->later;
	bool last = p->piece.n == 0;
	int r = still_may(q, p);

	ASSERT(thread_may_wait());
	if (r == 0)
		r = last ? body_error(q) : write_piece(q, p);

	if (r == 0 && !last)
		http_body_more(q->x);
	else
		part_end(q, r);
}

/* Loop: a piece for a thread that writes. */
static void on_piece(struct http_exchange *x, const char *bytes, size_t n)
{
	struct request *q = http_exchange_data(x);
	struct part *p = q->later;
	int r;

	ASSERT(loop_is_mine(q->api->c.loop) && p->lock.upload);
	p->lock.x = x;
	buf_reset(&p->piece);
	buf_add(&p->piece, bytes, n);
	r = buf_status(&p->piece);
	if (r == 0)
		r = pool_submit(q->api->files, &q->task, piece_work, q);
	if (r < 0)
		part_end(q, err_set(&q->err, r, "%s", err_info(r)->text));
}

static int check_media_type(struct request *q)
{
	if (media_type_is(http_header(q->x, "Content-Type"), q->route->bytes))
		return 0;
	return err_set(&q->err, E_MEDIA_TYPE, "Send the part with Content-Type %s.", q->route->bytes);
}

/* Where the client believes to be, and how much it wants to send. */
static int check_place(struct request *q, const struct part *p, int64_t offset)
{
	int64_t length = http_body_length(q->x), left = p->upload.size - p->begin;

	if (offset != p->begin)
		return err_set(&q->err, E_CONFLICT, "Upload-Offset is %" PRId64 ", but %" PRId64 " bytes are there.",
			offset, p->begin);
	if (left < 0)
		return err_set(
			&q->err, E_CONFLICT, "More bytes are there than the upload was to have. Begin a new one.");
	if (length > left)
		return err_set(&q->err, E_TOO_LARGE,
			"%" PRId64 " bytes of the upload are missing; the part has %" PRId64 ".", left, length);
	if (length > q->route->body_max)
		return err_set(&q->err, E_TOO_LARGE, "A part may have %" PRId64 " bytes: send more of them.",
			q->route->body_max);
	return 0;
}

/* Everything that the head tells; from the lock on the part has to be given back. */
static int part_begin(struct request *q, struct part *p)
{
	int64_t offset = 0;
	int r = check_version(q);

	if (r == 0)
		r = check_media_type(q);
	if (r == 0)
		r = get_number(q, "Upload-Offset", &offset);
	if (r == 0)
		r = load(q, &p->upload);
	if (r == 0)
		r = lock(q, &p->lock);
	if (r < 0)
		return r;
	r = checksum_begin(&p->checksum, http_header(q->x, "Upload-Checksum"), &q->err);
	if (r == 0)
		r = upload_open(q->api->c.settings->data, q->arg_id, &p->fd, &p->begin, &q->err);
	if (r == 0)
		r = check_place(q, p, offset);
	p->end = p->begin;
	p->checked_ms = clock_mono_ms();
	if (r < 0)
		part_done(q, p);
	return r;
}

static int upload_patch(struct request *q)
{
	struct part *p = ARENA_NEW(&q->mem, struct part);
	int r;

	if (!p)
		return request_no_memory(q);
	p->fd = -1;
	p->piece = BUF_INIT((size_t)q->route->body_max);
	r = part_begin(q, p);
	if (r < 0)
		return r;
	ASSERT(!q->later);
	q->later = p;
	if (!http_has_body(q->x)) {
		part_end(q, 0);
		return REQUEST_LATER;
	}
	r = http_body_pieces(q->x, MIN(q->route->body_max, p->upload.size - p->begin), on_piece);
	if (r == 0)
		return REQUEST_LATER;
	part_done(q, p);
	return err_set(&q->err, r, "%s", err_info(r)->text);
}

#define UPLOAD_PART_MAX (8 << 20) /* bytes */
#define TUS(more)       ROUTE_TUS, .status = (more)

/* clang-format off */
/* The values of headers, and those that several have. */
#define BYTES       "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":0,\"maximum\":999999999999999999}"
#define TEXT        "{\"type\":\"string\"}"
#define PAIR        "[!-+--~]+( (([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?))?"
#define METADATA    "{\"type\":\"string\",\"maxLength\":4096,\"pattern\":\"^(" PAIR "(," PAIR ")*)?$\"}"
#define BASE64_OF(name, n, last) \
	"{\"type\":\"string\",\"pattern\":\"^" name " [A-Za-z0-9+/]{" #n "}" last "$\"}"
#define CHECKSUM    "{\"anyOf\":[" BASE64_OF("sha1", 26, "[AEIMQUYcgkosw048]=") "," \
	BASE64_OF("sha256", 42, "[AEIMQUYcgkosw048]=") "," BASE64_OF("crc32", 5, "[AQgw]==") "]}"
#define VERSION     "{\"type\":\"string\",\"enum\":[\"" TUS_VERSION "\"]}"
#define H_VERSION   {"Tus-Resumable", true, VERSION, "Version of the protocol."}
#define H_OFFSET    {"Upload-Offset", true, BYTES, "How many bytes are there."}
#define H_LENGTH    {"Upload-Length", true, BYTES, "How many bytes the whole has."}
#define H_EXPIRES   {"Upload-Expires", true, TEXT, "When it is removed, as HTTP writes dates."}
#define H_METADATA  {"Upload-Metadata", false, METADATA, \
	"Pairs of a name and a value in base64, with commas between; given back as it is. A document without a name is called as " \
	"`filename` says."}

static const struct header asks_version[] = {H_VERSION};
static const struct header asks_new[] = {H_VERSION, H_LENGTH, H_METADATA};
static const struct header asks_part[] = {H_VERSION, H_OFFSET,
	{"Upload-Checksum", false, CHECKSUM,
		"An algorithm of Tus-Checksum-Algorithm and the part's checksum in base64."}};
static const struct header tells_version[] = {H_VERSION};
static const struct header tells_options[] = {H_VERSION,
	{"Tus-Version", true, TEXT, "Versions that are spoken."},
	{"Tus-Extension", true, TEXT, "Extensions, with commas between."},
	{"Tus-Checksum-Algorithm", true, TEXT, "Algorithms, with commas between."},
	{"Tus-Max-Size", true, BYTES, "How many bytes an upload may have."}};
static const struct header tells_new[] = {H_VERSION, {"Location", true, TEXT, "Where its parts go."}, H_EXPIRES};
static const struct header tells_state[] = {H_VERSION, H_OFFSET, H_LENGTH, H_EXPIRES, H_METADATA};
static const struct header tells_part[] = {H_VERSION, H_OFFSET, H_EXPIRES};

static const struct route routes[] = {
	{"OPTIONS", V1 "/uploads", "getUploadOptions", uploads_options, ACCESS_PUBLIC, TUS(204), TELLS(tells_options),
		.summary = "Versions, extensions and limits of uploads in parts."},
	{"POST", V1 "/uploads", "createUpload", uploads_post, ACCESS_USER, TUS(201), ASKS(asks_new), TELLS(tells_new),
		FAILS(E_PRECONDITION, E_QUOTA),
		.summary = "Begin an upload of Upload-Length bytes; Location says where its parts go."},
	{"HEAD", V1 "/uploads/{id}", "getUpload", upload_head, ACCESS_USER, TUS(200), ASKS(asks_version),
		TELLS(tells_state), FAILS(E_PRECONDITION, E_EXPIRED), .summary = "How many bytes are there: Upload-Offset."},
	{"PATCH", V1 "/uploads/{id}", "addToUpload", upload_patch, ACCESS_USER, TUS(204), ASKS(asks_part),
		TELLS(tells_part), .bytes = "application/offset+octet-stream", .body_max = UPLOAD_PART_MAX,
		FAILS(E_PRECONDITION, E_EXPIRED, E_CONFLICT, E_MEDIA_TYPE, E_LOCKED, E_CHECKSUM),
		.summary = "The next part, at most 8 MiB."},
	{"DELETE", V1 "/uploads/{id}", "deleteUpload", upload_delete, ACCESS_USER, TUS(204), ASKS(asks_version),
		TELLS(tells_version), FAILS(E_PRECONDITION, E_LOCKED), .summary = "Give an upload up."},
};
/* clang-format on */
const struct route_set uploads_routes = ROUTES(routes);
