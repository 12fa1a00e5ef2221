/* links.h - links by which a person sets a password: for a new account, or when it is forgotten. Only hashes are kept. */
#pragma once

#include "base/id.h"
#include "db/db.h"

/* The one link of a user from now on; an earlier one has ended. E_NOT_FOUND. */
int links_set(struct db *db, atelier_id user_id, struct str hash, int64_t expires_at, struct err *e) MUST_CHECK;

/* Whose link this is, with a sentence: E_NOT_FOUND when there is none or it was used or replaced, E_EXPIRED when it is too old. */
int links_find(struct db_conn *c, struct str hash, int64_t now, atelier_id *ret_user_id, struct err *e) MUST_CHECK;
