/* images_api.c - pictures: taken from an upload or as the body of the request, and given to who may see them. */
#include "api/files.h"

#include <inttypes.h>

#include "api/uploaded.h"
#include "base/clock.h"
#include "base/image.h"
#include "base/log.h"
#include "store/files.h"
#include "store/images.h"

#define MEBI       ((int64_t)1 << 20)
#define CLEAN_MORE 1024 /* bytes that a picture may grow by when it is cleaned */

struct image_new_body {
	atelier_id upload_id;
	const char *name;
};

static const struct field image_new_fields[] = {
	FIELD_ID(struct image_new_body, upload_id, "upload_id", FIELD_REQUIRED, "The upload, whole; it is gone then."),
	FIELD_STR(struct image_new_body, name, "name", 0, 200, 0, "What it is called; null: nothing."),
};
static const struct schema image_new_schema =
	SCHEMA("ImageNew", struct image_new_body, image_new_fields, "A picture that was uploaded.");

#define I struct image_row
static const struct field image_fields[] = {
	FIELD_ID(I, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ENUM(I, media_type, "media_type", "image/png image/jpeg image/webp image/gif", FIELD_REQUIRED,
		"What its bytes are, whatever it is called."),
	FIELD_I64(I, width, "width", 0, 0, FIELD_REQUIRED, "Pixels, as it is shown."),
	FIELD_I64(I, height, "height", 0, 0, FIELD_REQUIRED, "Likewise."),
	FIELD_I64(I, bytes, "bytes", 0, 0, FIELD_REQUIRED, "Its size, without what was left out."),
	FIELD_STR(I, name, "name", 0, 0, FIELD_REQUIRED, "What it is called; empty: nothing."),
	FIELD_TIME(I, created_at, "created_at", FIELD_REQUIRED, "When it came."),
};
#undef I
static const struct schema image_schema = SCHEMA("Image", struct image_row, image_fields, "A picture.");

/* ---- taking one ---- */

static int read_file(struct request *q, const struct blob_file *file, struct buf *to)
{
	char *p = buf_reserve(to, (size_t)file->size);

	if (!p)
		return request_no_memory(q);
	for (int64_t at = 0; at < file->size;) {
		ssize_t k = pread(file->fd, p + at, (size_t)(file->size - at), at);
		if (k <= 0)
			return err_set(&q->err, E_STORAGE, "The upload cannot be read.");
		at += k;
	}
	to->n = (size_t)file->size;
	return 0;
}

static int check_pixels(struct request *q, const struct image *image)
{
	int64_t max = q->api->c.settings->image_max_megapixels;

	if ((int64_t)image->width * image->height <= max * 1000000)
		return 0;
	return err_set(&q->err, E_TOO_LARGE,
		"The picture has %" PRIu32 " by %" PRIu32 " pixels; at most %" PRId64
		" million are taken (image_max_megapixels).",
		image->width, image->height, max);
}

static int load(struct request *q, atelier_id id, struct image_row *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return images_get(c, q->who.user.id, id, &q->mem, ret, &q->err);
}

static int take(struct request *q, struct str bytes, const char *name)
{
	CLEANUP(buf_done) struct buf clean = BUF_INIT(bytes.n + CLEAN_MORE);
	struct image_row *out = ARENA_NEW(&q->mem, struct image_row);
	struct image image = {0};
	atelier_id id = 0;
	int r = image_clean(bytes, &clean, &image, &q->err);

	if (r == 0)
		r = check_pixels(q, &image);
	if (r == 0 && (!out || buf_status(&clean) < 0))
		r = request_no_memory(q);
	if (r < 0)
		return r;
	const struct image_new in = {.user_id = q->who.user.id,
		.media_type = image_media_type(image.type),
		.name = name ? name : "",
		.width = image.width,
		.height = image.height,
		.bytes = buf_str(&clean),
		.quota = q->api->c.settings->image_quota_mb * MEBI};
	r = images_create(q->api->c.db, q->api->c.settings->data, &in, &id, &q->err);
	q->answer = out;
	return r < 0 ? r : load(q, id, out);
}

static int take_file(struct request *q, const struct uploaded *u, void *arg)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT((size_t)u->file.size + 1);
	const struct image_new_body *in = arg;
	int r = read_file(q, &u->file, &bytes);

	return r < 0 ? r : take(q, buf_str(&bytes), in->name);
}

static int images_post(struct request *q)
{
	const struct upload_use use = {"A picture", "image_max_mb", q->api->c.settings->image_max_mb, take_file};
	const struct image_new_body *in = q->body;

	return in ? uploaded_take(q, in->upload_id, &use, q->body) : take(q, http_body(q->x), NULL);
}

/* ---- giving and removing it ---- */

static void set_headers(struct request *q, const struct image_row *image, const char *etag)
{
	http_set_header(q->x, "ETag", etag);
	http_set_header(q->x, "Cache-Control", "private, max-age=31536000, immutable");
	http_set_header(q->x, "Content-Disposition", "inline");
	http_set_header(q->x, "Content-Security-Policy", "default-src 'none'; sandbox");
	q->media = image_media_literal(image->media_type);
}

static int image_get(struct request *q)
{
	struct image_row image = {0};
	int r = load(q, q->arg_id, &image);

	if (r < 0)
		return r;
	const char *etag = arena_printf(&q->mem, "\"%s\"", image.hash);
	if (!etag)
		return request_no_memory(q);
	set_headers(q, &image, etag);
	if (etag_matches(http_header(q->x, "If-None-Match"), etag)) {
		q->status = 304;
		return 0;
	}
	return blobs_read(q->api->c.settings->data, image.hash, &q->raw, &q->err);
}

static int image_delete(struct request *q)
{
	int r = images_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r == 0)
		files_tidy(q, q->who.user.id);
	return r;
}

void files_tidy(struct request *q, atelier_id user_id)
{
	struct err e = {0};
	int64_t n;

	if (files_delete_unused(q->api->c.db, user_id, &n, &e) < 0 ||
		images_delete_unused(
			q->api->c.db, q->api->c.settings->data, user_id, clock_now_ms() - IMAGES_UNSENT_MS, &n, &e) < 0)
		log_warn("http", "files that nothing has are removed later: %s", e.msg);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/images", "createImage", images_post, ACCESS_USER, .status = 201,
		.body = &image_new_schema, .bytes = "image/", .answer = &image_schema,
		FAILS(E_NOT_FOUND, E_EXPIRED, E_CONFLICT, E_QUOTA),
		.summary = "Take an upload as a picture (PNG, JPEG, WebP, GIF), without place, time and person; "
			   "a small one may be the body itself, with its own type."},
	{"GET", V1 "/images/{id}", "getImage", image_get, ACCESS_USER, .status = 200,
		.media = "image/*", .summary = "The picture, for who made it or may read a message that has it."},
	{"DELETE", V1 "/images/{id}", "deleteImage", image_delete, ACCESS_USER, .status = 204,
		FAILS(E_CONFLICT), .summary = "Give up an own picture that no message has."},
};
/* clang-format on */
const struct route_set images_routes = ROUTES(routes);
