/*
 * blobs.h - the bytes of files, each kept once however many things have them: a row for each, and DATA/blobs/xx/HASH with
 * the bytes, named by their SHA-256. A file is written beside its place, synced and renamed before its row is made, and goes
 * after its row; so a row has its bytes, and a file without a row is a leftover.
 *
 * Who has a blob refers to its row (`blob_id`), and is named in BLOBS_USED of blobs.c; one that nobody has any more is
 * removed. `data` is the data folder, which one process uses at a time. Not on the loop thread.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "db/db.h"

#define BLOB_HASH_LEN 64 /* hexadecimal digits */

struct blob_file { /* borrowed; it does not change meanwhile */
	int fd;
	int64_t size;
};
struct blob_new {
	struct str bytes;
	const struct blob_file *file; /* instead of the bytes, which are then read in pieces; NULL */
	/* Makes the row that has the blob, in the transaction that makes the blob's. */
	int (*take)(struct db_conn *c, atelier_id blob_id, void *arg, struct err *e);
	void *arg;
};

/* Durable when this returns 0. E_STORAGE when the disk is full. */
int blobs_put(struct db *db, const char *data, const struct blob_new *in, struct err *e) MUST_CHECK;

/* Adds the bytes. E_NOT_FOUND when the file is gone. */
int blobs_read(const char *data, const char *hash, struct buf *to, struct err *e) MUST_CHECK;

/* To read it piece by piece. E_NOT_FOUND. */
int blobs_open(const char *data, const char *hash, int *ret_fd, struct err *e) MUST_CHECK;

/* Removes some hundred of those that nobody has, and says how many. */
int blobs_delete_unused(struct db *db, const char *data, int64_t *ret_n, struct err *e) MUST_CHECK;
/* Removes files without a row that are older than an hour (`now`, Unix ms), and says how many. */
int blobs_delete_strays(struct db *db, const char *data, int64_t now, int64_t *ret_n, struct err *e) MUST_CHECK;
