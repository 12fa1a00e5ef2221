/* places.c - how many requests of each user run or wait for a thread. */
#include "api/places.h"

void places_init(struct places *p)
{
	pthread_mutex_init(&p->mx, NULL);
}

void places_done(struct places *p)
{
	pthread_mutex_destroy(&p->mx);
}

bool places_take(struct places *p, atelier_id user)
{
	size_t at = PLACES;
	bool ok;

	ASSERT(user);
	pthread_mutex_lock(&p->mx);
	for (size_t i = 0; i < PLACES; i++) {
		bool theirs = p->users[i].n > 0 && p->users[i].user == user;

		if (theirs || (at == PLACES && p->users[i].n == 0))
			at = i;
		if (theirs)
			break;
	}
	ok = at < PLACES && p->users[at].n < SLOW_PER_USER;
	if (ok) {
		p->users[at].user = user;
		p->users[at].n++;
	}
	pthread_mutex_unlock(&p->mx);
	return ok;
}

void places_leave(struct places *p, atelier_id user)
{
	size_t i = 0;

	pthread_mutex_lock(&p->mx);
	while (i < PLACES && !(p->users[i].n > 0 && p->users[i].user == user))
		i++;
	ASSERT(i < PLACES); /* one was taken */
	p->users[i].n--;
	pthread_mutex_unlock(&p->mx);
}
