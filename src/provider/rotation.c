/*
 * rotation.c - users take turns, and so do the keys of each one. Who had their turn the longest ago is next, by a
 * number that rises with each turn, and not by time: so nobody who waits is passed over, and who has not come for long
 * gets no credit for it beyond one turn.
 */
#include "provider/rotation.h"

#define REMEMBERED 64 /* that wait for nothing, of whom it is still known when they had their turn */

struct share {
	int64_t id;
	uint64_t served; /* number of their last turn; 0: none yet */
	int64_t waiting;
	struct share *next;

	struct share *keys; /* of a user */
	size_t n_keys;
	struct share *user; /* of a key */
	struct rotated *first, *last;
};

static void free_all(struct share *s)
{
	while (s) {
		struct share *next = s->next;
		free_all(s->keys);
		free(s);
		s = next;
	}
}

void rotation_done(struct rotation *r)
{
	free_all(r->users);
	*r = (struct rotation){.users = NULL};
}

static struct share *share_of(struct share **list, size_t *n, int64_t id)
{
	struct share **end = list;
	for (; *end; end = &(*end)->next)
		if ((*end)->id == id)
			return *end;
	struct share *s = xcalloc(1, sizeof(*s));
	s->id = id;
	*end = s;
	++*n;
	return s;
}

struct share *rotation_key(struct rotation *r, int64_t user, int64_t key)
{
	struct share *u = share_of(&r->users, &r->n_users, user);
	struct share *k = share_of(&u->keys, &u->n_keys, key);
	k->user = u;
	return k;
}

void rotation_serve(struct rotation *r, struct share *key)
{
	key->served = key->user->served = ++r->turns;
}

void rotation_add(struct rotation *r, struct share *key, struct rotated *w)
{
	*w = (struct rotated){.key = key};
	if (key->last)
		key->last->next = w;
	else
		key->first = w;
	key->last = w;
	key->waiting++;
	key->user->waiting++;
	r->waiting++;
}

void rotation_remove(struct rotation *r, struct rotated *w)
{
	struct share *key = w->key;
	struct rotated *before = NULL;
	for (struct rotated *x = key->first; x != w; x = x->next) {
		ASSERT(x); /* it is in the list */
		before = x;
	}
	if (before)
		before->next = w->next;
	else
		key->first = w->next;
	if (key->last == w)
		key->last = before;
	ASSERT(key->waiting > 0 && key->user->waiting >= 1 && r->waiting > 0);
	key->waiting--;
	key->user->waiting--;
	r->waiting--;
}

static struct share *next_of(struct share *list)
{
	struct share *next = NULL;
	for (struct share *s = list; s; s = s->next)
		if (s->waiting > 0 && (!next || s->served < next->served))
			next = s;
	return next;
}

struct rotated *rotation_next(const struct rotation *r)
{
	const struct share *user = next_of(r->users);
	const struct share *key = user ? next_of(user->keys) : NULL;
	ASSERT(!user || (key && key->first)); /* somebody of theirs waits */
	return user ? key->first : NULL;
}

/* How many turns the list has taken when `mine` has had `round` of them. */
static int64_t turns_until(const struct share *list, const struct share *mine, int64_t round)
{
	int64_t n = round;
	bool behind = false;
	for (const struct share *s = list; s; s = s->next) {
		if (s == mine) {
			behind = true;
			continue;
		}
		bool earlier = s->served < mine->served || (s->served == mine->served && !behind);
		n += MIN(s->waiting, earlier ? round : round - 1);
	}
	return n;
}

int64_t rotation_position(const struct rotation *r, const struct rotated *w)
{
	int64_t of_key = 1;
	for (const struct rotated *x = w->key->first; x != w; x = x->next)
		of_key++;
	return turns_until(r->users, w->key->user, turns_until(w->key->user->keys, w->key, of_key));
}

void rotation_each(const struct rotation *r, void (*visit)(struct rotated *w))
{
	for (const struct share *u = r->users; u; u = u->next)
		for (const struct share *k = u->keys; k; k = k->next)
			for (struct rotated *w = k->first; w; w = w->next)
				visit(w);
}

static void forget(struct share **list, size_t *n)
{
	while (*n > REMEMBERED) {
		struct share **oldest = NULL;
		for (struct share **s = list; *s; s = &(*s)->next)
			if ((*s)->waiting == 0 && (!oldest || (*s)->served < (*oldest)->served))
				oldest = s;
		if (!oldest)
			return;
		struct share *gone = *oldest;
		ASSERT(!gone->first);
		*oldest = gone->next;
		free_all(gone->keys);
		free(gone);
		--*n;
	}
}

void rotation_forget(struct rotation *r)
{
	for (struct share *u = r->users; u; u = u->next)
		forget(&u->keys, &u->n_keys);
	forget(&r->users, &r->n_users);
}
