/*
 * uploads.h - files that come in parts: a row for each, and DATA/uploads/ID.part with the bytes that are there so far. The
 * size of that file is the offset, nothing else is; an upload whose file has its full size is whole. Rows are made before
 * their file and removed before it, so a file without a row is a leftover.
 *
 * `data` is the data folder. Files are opened by their id alone, without following links, and are nobody else's to read.
 */
#pragma once

#include "base/id.h"
#include "db/db.h"

#define UPLOAD_METADATA_MAX 4096 /* bytes */

struct upload {
	atelier_id id;
	int64_t size;         /* bytes, once it is whole */
	const char *metadata; /* as the client sent it; "" */
	int64_t created_at, expires_at;
};

struct upload_new {
	atelier_id user_id;
	int64_t size;
	const char *metadata; /* not NULL */
	int64_t expires_at;
	int64_t quota; /* bytes that all uploads of the user may have, each counted as UPLOAD_LEAST at least */
};
#define UPLOAD_LEAST INT64_C(65536)

/* Row and empty file. E_QUOTA, with a sentence, beyond the quota. */
int uploads_create(
	struct db *db, const char *data, const struct upload_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
/* E_NOT_FOUND; E_EXPIRED when its time is over. */
int uploads_get(struct db_conn *c, atelier_id id, atelier_id user_id, struct arena *a, struct upload *ret,
	struct err *e) MUST_CHECK;
int uploads_delete(
	struct db *db, const char *data, atelier_id id, atelier_id user_id, struct err *e) MUST_CHECK; /* E_NOT_FOUND */

/* The file of an upload, to read and to write behind its end; E_NOT_FOUND. *ret_n: how many bytes are there. */
int upload_open(const char *data, atelier_id id, int *ret_fd, int64_t *ret_n, struct err *e) MUST_CHECK;
/* The same of an upload that is to be used; E_CONFLICT while bytes are missing. */
int upload_open_whole(const char *data, const struct upload *u, int *ret_fd, struct err *e) MUST_CHECK;
int upload_write(int fd, int64_t at, const void *p, size_t n, struct err *e) MUST_CHECK; /* a full disk: E_STORAGE */
int upload_cut(int fd, int64_t n, struct err *e) MUST_CHECK;                             /* to its first n bytes */
int upload_sync(int fd, struct err *e) MUST_CHECK;

/* Removes a few hundred of those that expired before `now`, and says how many. */
int uploads_delete_expired(struct db *db, const char *data, int64_t now, int64_t *ret_n, struct err *e) MUST_CHECK;
/* Removes files without a row, and rows that have been without a file for a minute. */
int uploads_delete_strays(struct db *db, const char *data, int64_t now, int64_t *ret_n, struct err *e) MUST_CHECK;
