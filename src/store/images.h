/*
 * images.h - pictures that people have sent: what kind and size they are, whose, and which messages have them. Their bytes
 * are blobs. Who made a picture may see it, and so may whoever may read a message or an assistant that has it.
 */
#pragma once

#include "store/blobs.h"
#include "store/rows.h"

struct image_row {
	atelier_id id, user_id;
	const char *media_type; /* image/png ... */
	int64_t width, height;
	const char *name; /* as it was sent; "": none */
	int64_t bytes;
	const char *hash; /* of its blob */
	int64_t created_at;
};

struct image_rows ROWS_OF(struct image_row);

#define IMAGES_MAX       10                 /* of one message */
#define IMAGES_UNSENT_MS INT64_C(604800000) /* who writes a message for longer sends its pictures again */

struct image_new {
	atelier_id user_id;
	const char *media_type, *name;
	int64_t width, height;
	struct str bytes;
	int64_t quota; /* bytes that all pictures of the user may have */
};

/* E_QUOTA, with a sentence, beyond the quota; E_STORAGE. */
int images_create(
	struct db *db, const char *data, const struct image_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* E_NOT_FOUND for one that the user may not see. */
int images_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct image_row *ret,
	struct err *e) MUST_CHECK;

/* An own picture that nothing has: E_CONFLICT when something does, E_NOT_FOUND. */
int images_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* Those of a message, in their order; asks for no owner. */
int images_of_message(
	struct db_conn *c, atelier_id message_id, struct arena *a, struct image_rows *ret, struct err *e) MUST_CHECK;

/* Whether the message, or the question that it answers, has some; asks for no owner. */
int images_are_asked(struct db_conn *c, atelier_id message_id, bool *ret, struct err *e) MUST_CHECK;

/* Inside a db_write: the message has these pictures, in this order; or those that another one has. */
int images_attach(
	struct db_conn *c, atelier_id message_id, const atelier_id *images, size_t n, struct err *e) MUST_CHECK;
/* Likewise a question that waits; that they are there is the caller's to know. */
int images_queue(struct db_conn *c, atelier_id queued_id, const atelier_id *images, size_t n, struct err *e) MUST_CHECK;
int images_copy(struct db_conn *c, atelier_id from_message_id, atelier_id to_message_id, struct err *e) MUST_CHECK;

/* Removes what nothing has: pictures that a message had, and those that nobody has sent since `before` (Unix ms). Of one
 * user, or of all (0). Then their blobs. Says how many pictures that were. */
int images_delete_unused(
	struct db *db, const char *data, atelier_id user_id, int64_t before, int64_t *ret_n, struct err *e) MUST_CHECK;
