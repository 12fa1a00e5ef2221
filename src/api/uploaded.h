/* uploaded.h - an upload that is whole, as what something is made of. */
#pragma once

#include "api/request.h"
#include "store/blobs.h"

struct uploaded {
	struct blob_file file;
	const char *called; /* by its client; NULL: it has not said */
};

struct upload_use {
	const char *what;    /* "A picture" */
	const char *setting; /* that says how large */
	int64_t max_mb;      /* one may be */
	int (*take)(struct request *q, const struct uploaded *u, void *arg);
};

/*
 * Gives the file of the asker's upload to `take`, and removes the upload once that has kept it. E_NOT_FOUND, E_EXPIRED, E_CONFLICT
 * while bytes are missing, E_TOO_LARGE, and what `take` returns.
 */
int uploaded_take(struct request *q, atelier_id upload_id, const struct upload_use *use, void *arg) MUST_CHECK;
