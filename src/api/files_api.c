/* files_api.c - files that tools made for answers, for who may read these. */
#include "api/answer.h"
#include "api/request.h"
#include "base/image.h"
#include "store/files.h"

/* Of what stands in the row, which tools have said, only these are said to browsers. */
static const char *literal_of(const char *type)
{
	static const char *const known[] = {"image/svg+xml", "text/csv", "application/json", "application/pdf",
		"audio/wav", "audio/mpeg", "application/zip", "application/gzip"};
	const char *image = image_media_literal(type);

	for (size_t i = 0; !image && i < N_ELEMENTS(known); i++)
		if (strcmp(known[i], type) == 0)
			return known[i];
	if (image)
		return image;
	return strncmp(type, "text/", 5) == 0 ? "text/plain; charset=utf-8" : "application/octet-stream";
}

static int file_get(struct request *q)
{
	struct file_row f = {.name = "", .media_type = "", .hash = ""};
	bool download;
	int r = request_bool(q, "download", &download);

	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = files_get(c, q->who.user.id, q->arg_id, &q->mem, &f, &q->err);
	}
	if (r < 0)
		return r;
	bool saved = download || !image_media_literal(f.media_type);
	const char *etag = arena_printf(&q->mem, "\"%s\"", f.hash),
		   *how = answer_disposition(q, saved ? "attachment" : "inline", f.name);
	if (!etag || !how)
		return request_no_memory(q);
	http_set_header(q->x, "ETag", etag);
	http_set_header(q->x, "Cache-Control", "private, max-age=31536000, immutable");
	http_set_header(q->x, "Content-Disposition", how);
	http_set_header(q->x, "Content-Security-Policy", "default-src 'none'; sandbox");
	q->media = literal_of(f.media_type);
	if (etag_matches(http_header(q->x, "If-None-Match"), etag)) {
		q->status = 304;
		return 0;
	}
	q->raw = BUF_INIT((size_t)f.bytes + 1);
	return blobs_read(q->api->c.settings->data, f.hash, &q->raw, &q->err);
}

static const struct param file_params[] = {
	{.name = "download", .type = PARAM_BOOL, .doc = "True: to be saved, also what browsers show."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/files/{id}", "getFile", file_get, ACCESS_USER, .status = 200,
		PARAMS(file_params), .media = "*/*",
		.summary = "A file that a tool made, for who may read an answer that has it."},
};
/* clang-format on */
const struct route_set files_routes = ROUTES(routes);
