/* places.h - how many requests of each user run or wait for a thread. Any thread. */
#pragma once

#include <pthread.h>

#include "base/id.h"

#define SLOW_THREADS  64  /* that are there while they are needed: some wait minutes for a tool or a provider */
#define SLOW_PER_USER 3   /* of these */
#define SLOW_QUEUE    256 /* waiting */
#define PLACES        (SLOW_QUEUE + SLOW_THREADS) /* who waits or runs has one, be they all of different users */

struct places {
	pthread_mutex_t mx; /* of the users */
	struct {
		atelier_id user;
		unsigned n;
	} users[PLACES]; /* with n 0: free */
};

void places_init(struct places *p);
void places_done(struct places *p);

/* False when the user has SLOW_PER_USER already, or there are too many users. */
bool places_take(struct places *p, atelier_id user) MUST_CHECK;
void places_leave(struct places *p, atelier_id user);
