/* finish.h - an ended turn on its way into the database. */
#pragma once

#include "store/turns.h"
#include "turn/reduce.h"

/* ---- pack.c: logs in the database are deflated ---- */

int log_pack(const struct frames *log, const struct frames *closing, struct buf *ret) MUST_CHECK;
int log_unpack(struct str packed, size_t size, struct frames *ret) MUST_CHECK; /* -EBADMSG: it is damaged */

/* ---- finish.c: storing an ended turn ---- */

#define FINISH_LOG_MAX  (512u << 20)
#define FINISH_NAME_MAX 40

/* What is to be stored of a turn, from the bytes of its log. */
struct finish {
	atelier_id turn_id;
	const struct message *before;       /* what the message was; NULL: a new one */
	uint64_t after;                     /* events up to this number are in `before` already */
	const struct frames *log, *closing; /* together all of its events; closing may be NULL */
	const char *journal_dir;
	bool followed; /* somebody was there to see the end */
	int refusals;  /* by the database, for other reasons than its own state: from some on a plainer way is tried */
};

/* What a message that is gone on with has had, in the arena. */
int finish_load(struct db *db, atelier_id user_id, atelier_id message_id, struct arena *a, const struct message **ret,
	struct err *e) MUST_CHECK;

/* The row, borrowed from `ret`, and what became of it, in each try to store it. */
struct stored {
	struct turn_finish row;
	struct reduced m;
	struct buf packed;
	char note[160];
};
int finish_prepare(const struct finish *f, struct stored *ret, struct err *e) MUST_CHECK;
void finish_note(struct finish *f, int r);
void stored_done(struct stored *s);
bool finish_is_aside(const struct finish *f); /* what is stored says where its events are, in place of them */
