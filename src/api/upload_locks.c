/* upload_locks.c - the list of those who write: short, since each user has a few at most. */
#include "api/upload_locks.h"

#include "base/lock.h"

void upload_locks_init(struct upload_locks *l)
{
	pthread_mutex_init(&l->mx, NULL);
}

void upload_locks_done(struct upload_locks *l)
{
	pthread_mutex_destroy(&l->mx);
}

static int may_take(const struct upload_locks *l, atelier_id upload, atelier_id user, struct err *e)
{
	int of_user = 0;

	ASSERT(lock_is_mine(&l->mx) && upload && user);
	for (const struct upload_lock *held = l->held; held; held = held->next) {
		if (held->upload == upload)
			return err_set(e, E_LOCKED, "Another request is writing to this upload.");
		of_user += held->user == user;
	}
	if (of_user < UPLOADS_PER_USER)
		return 0;
	return err_set(e, E_RATE_LIMITED, "At most %d uploads of one user are written to at a time.", UPLOADS_PER_USER);
}

int upload_lock_take(
	struct upload_locks *l, struct upload_lock *mine, atelier_id upload, atelier_id user, struct err *e)
{
	int r;

	pthread_mutex_lock(&l->mx);
	r = may_take(l, upload, user, e);
	if (r == 0) {
		*mine = (struct upload_lock){.upload = upload, .user = user, .next = l->held};
		l->held = mine;
	}
	pthread_mutex_unlock(&l->mx);
	return r;
}

struct http_exchange *upload_lock_holder(struct upload_locks *l, atelier_id upload)
{
	struct http_exchange *x = NULL;

	pthread_mutex_lock(&l->mx);
	for (const struct upload_lock *held = l->held; held; held = held->next)
		x = held->upload == upload ? held->x : x;
	pthread_mutex_unlock(&l->mx);
	return x;
}

void upload_lock_leave(struct upload_locks *l, struct upload_lock *mine)
{
	struct upload_lock **at = &l->held;

	pthread_mutex_lock(&l->mx);
	while (*at != mine) {
		ASSERT(*at); /* it was taken */
		at = &(*at)->next;
	}
	*at = mine->next;
	pthread_mutex_unlock(&l->mx);
}
