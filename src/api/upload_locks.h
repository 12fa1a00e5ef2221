/* upload_locks.h - which uploads are being written to: one request at a time each, a few for each user. Any thread. */
#pragma once

#include <pthread.h>

#include "base/err.h"
#include "base/id.h"

#define UPLOADS_PER_USER 8

struct upload_lock { /* embedded in whoever holds it */
	atelier_id upload, user;
	struct upload_lock *next;
	struct http_exchange *x; /* whose pieces come; NULL: none has come. Loop thread. */
};

struct upload_locks {
	pthread_mutex_t mx;
	struct upload_lock *held;
};

void upload_locks_init(struct upload_locks *l);
void upload_locks_done(struct upload_locks *l);

/* E_LOCKED when another request has this upload, E_RATE_LIMITED when the user has too many. */
int upload_lock_take(
	struct upload_locks *l, struct upload_lock *mine, atelier_id upload, atelier_id user, struct err *e) MUST_CHECK;
void upload_lock_leave(struct upload_locks *l, struct upload_lock *mine);
/* The request whose pieces of this upload come, or NULL: it is there for as long as the loop does nothing else. Loop thread. */
struct http_exchange *upload_lock_holder(struct upload_locks *l, atelier_id upload);
