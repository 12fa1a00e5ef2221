/*
 * files.h - files that tools have made for answers: what they are, whose, and which messages have them. Their bytes are blobs. A file
 * is read by who may read a message that has it, and goes with the last of these.
 */
#pragma once

#include "base/arena.h"
#include "store/blobs.h"

struct file_row {
	atelier_id id, user_id;
	const char *name, *media_type;
	int64_t bytes;
	const char *hash; /* of its blob */
	int64_t created_at;
};

struct file_new {
	atelier_id user_id, message_id;
	const char *name, *media_type;
	struct str bytes;
	int64_t quota; /* bytes that all such files of the user may have */
};

/* A file that the message has. E_QUOTA, with a sentence, beyond the quota; E_NOT_FOUND when the message is gone; E_STORAGE. */
int files_create(
	struct db *db, const char *data, const struct file_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* E_NOT_FOUND for one that the user may not see. */
int files_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct file_row *ret,
	struct err *e) MUST_CHECK;

/* Inside a db_write: a message has those that another one has. */
int files_copy(struct db_conn *c, atelier_id from_message_id, atelier_id to_message_id, struct err *e) MUST_CHECK;

/* Removes some hundred of those that no message has, of one user or of all (0), and says how many. Their blobs stay, for
 * blobs_delete_unused. */
int files_delete_unused(struct db *db, atelier_id user_id, int64_t *ret_n, struct err *e) MUST_CHECK;
