/*
 * uploaded.c - a whole upload is handed over as an open file, and deleted only when it was taken: so one that is refused can be
 * used again, and one that cannot be deleted now expires.
 */
#include "api/uploaded.h"

#include <inttypes.h>

#include "api/upload_metadata.h"
#include "base/log.h"
#include "store/uploads.h"

static int find(struct request *q, atelier_id id, struct upload *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return uploads_get(c, id, q->who.user.id, &q->mem, ret, &q->err);
}

/* The first is that of the protocol's own example, and what clients send. */
static const char *name_of(struct request *q, const struct upload *u)
{
	const char *name = upload_metadata_get(u->metadata, "filename", &q->mem);

	return name ? name : upload_metadata_get(u->metadata, "name", &q->mem);
}

int uploaded_take(struct request *q, atelier_id upload_id, const struct upload_use *use, void *arg)
{
	CLEANUP(closep) int fd = -1;
	struct upload u = {.metadata = ""};
	struct err quiet = {0};
	int r = find(q, upload_id, &u);

	ASSERT(use->take && use->what && use->setting && use->max_mb > 0);
	if (r == 0 && u.size > use->max_mb << 20)
		return err_set(
			&q->err, E_TOO_LARGE, "%s may have %" PRId64 " MB (%s).", use->what, use->max_mb, use->setting);
	if (r == 0)
		r = upload_open_whole(q->api->c.settings->data, &u, &fd, &q->err);
	if (r == 0)
		r = use->take(q, &(struct uploaded){{fd, u.size}, name_of(q, &u)}, arg);
	if (r == 0 && uploads_delete(q->api->c.db, q->api->c.settings->data, u.id, q->who.user.id, &quiet) < 0)
		log_warn("http", "an upload that was used stays until it expires: %s", quiet.msg);
	return r;
}
