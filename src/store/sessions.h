/* sessions.h - who is signed in where. Only hashes of the secrets are kept. */
#pragma once

#include "store/users.h"

enum session_by { SESSION_BY_COOKIE, SESSION_BY_BEARER };

struct session {
	atelier_id id;
	atelier_id user_id;
	struct str cookie_hash, bearer_hash; /* p NULL: none */
	int64_t created_at;
	int64_t last_seen_at;
	int64_t expires_at;
	const char *user_agent, *address; /* NULL: not known */
};

extern const struct rows_table sessions_table;
ROWS_CREATE(sessions_create, sessions_table, struct session)

/* The session whose cookie or bearer hash this is, with its user. E_UNAUTHORIZED when there is none, it has expired by
 * `now` or the user is disabled. */
int sessions_find(struct db_conn *c, const void *hash, size_t n, int64_t now, struct arena *a, struct session *ret,
	struct user *ret_user, enum session_by *ret_by, struct err *e) MUST_CHECK;

/* Whether the session still holds for a user who is not disabled: whose it is, and its end. E_UNAUTHORIZED. */
int sessions_good(struct db_conn *c, atelier_id id, int64_t now, atelier_id *ret_user_id, int64_t *ret_expires_at,
	struct err *e) MUST_CHECK;

/* Written with the next batch: nobody waits for it. */
void sessions_touch(struct db *db, atelier_id id, int64_t now, int64_t expires_at);
/* A session that is gone is no error. */
int sessions_delete(struct db *db, atelier_id id, struct err *e) MUST_CHECK;
/* Up to `limit` of those that have expired by `now`; *ret_n: how many went. */
int sessions_delete_expired(struct db *db, int64_t now, int64_t limit, int64_t *ret_n, struct err *e) MUST_CHECK;
/* Those last seen more than a day after `now` are of a clock that was ahead: they last for `max_ms` from now at most. */
int sessions_heal(struct db *db, int64_t now, int64_t max_ms, int64_t limit, int64_t *ret_n, struct err *e) MUST_CHECK;
