/* responses.h - answers of the gateway that programs go on from by their id: what was asked and what was said, as JSON. */
#pragma once

#include "base/id.h"
#include "db/db.h"

/* Who may look at it: the key that it was asked with alone, or the user's sessions. */
struct response_owner {
	atelier_id user_id;
	atelier_id key_id; /* 0: a session */
};

struct response {
	atelier_id id;
	struct response_owner owner;
	int64_t made_at;            /* ms */
	const char *previous;       /* id of the one that it goes on from; NULL: none */
	const char *input, *output; /* JSON: the items of its request alone; the answer as it was told */
};

/* Stores it and lets the oldest go: of this owner beyond `of_owner` bytes, of all beyond `of_all`. A user or a key that is
 * gone meanwhile: E_NOT_FOUND. */
int responses_put(struct db *db, const struct response *in, int64_t of_owner, int64_t of_all, struct err *e) MUST_CHECK;

/* That of this owner, made after `oldest`; texts in the arena. E_NOT_FOUND. */
int responses_get(struct db_conn *c, atelier_id id, const struct response_owner *owner, int64_t oldest, struct arena *a,
	struct response *ret, struct err *e) MUST_CHECK;

int responses_delete(struct db *db, atelier_id id, const struct response_owner *owner, struct err *e) MUST_CHECK;

/* Removes up to `most` made before `oldest` and says how many. */
int responses_delete_before(struct db *db, int64_t oldest, int64_t most, int64_t *ret_n, struct err *e) MUST_CHECK;
