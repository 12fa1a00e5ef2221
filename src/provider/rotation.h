/*
 * rotation.h - who comes next of those who wait: users take turns, and within a user's turns the keys that call for them,
 * whatever the number of calls that each has waiting; one key's calls come in their order. All under the owner's lock.
 */
#pragma once

#include "base/base.h"

struct share; /* of a user or of a key */

/* One that waits: a part of the owner's own struct. */
struct rotated {
	struct share *key;
	struct rotated *next;
};

struct rotation {
	struct share *users; /* in the order in which they came to be known */
	size_t n_users;
	uint64_t turns;
	int64_t waiting; /* calls */
};

void rotation_done(struct rotation *r);

/* The share of a user's key, made when it is not known. It stays while one of its calls waits. */
struct share *rotation_key(struct rotation *r, int64_t user, int64_t key);
/* A call of this key has its turn now. */
void rotation_serve(struct rotation *r, struct share *key);

void rotation_add(struct rotation *r, struct share *key, struct rotated *w);
void rotation_remove(struct rotation *r, struct rotated *w);
struct rotated *rotation_next(const struct rotation *r); /* NULL: nobody waits */

/* How many turns are taken until this one has its own, from 1: in each round everybody who waits has one. */
int64_t rotation_position(const struct rotation *r, const struct rotated *w);
void rotation_each(const struct rotation *r, void (*visit)(struct rotated *w));

/* Lets go of those who wait for nothing, the longest served first, when too many are known. */
void rotation_forget(struct rotation *r);
