/* throttle.c - rows of places under one lock: a thing has its place in the row that its keyed hash names. */
#include "auth/throttle.h"

#include <pthread.h>
#include <sodium.h>

#include "base/lock.h"
#include "base/magic.h"

#define PER_ROW 8

/* Of what was taken only this is kept: when all of it will have come back (the "generic cell rate algorithm"). */
struct place {
	uint64_t hash; /* 0: free */
	int64_t whole_at;
};

/* A row is found by a keyed hash, so nobody can aim at another's place. */
struct meter {
	unsigned magic; /* METER_MAGIC */
#define METER_MAGIC 0x6d657472u
	pthread_mutex_t mx; /* of the places; any thread */
	unsigned char key[crypto_shorthash_KEYBYTES];
	unsigned rows;
	struct place places[];
};

struct meter *meter_new(unsigned rows)
{
	struct meter *m = xcalloc(1, sizeof(*m) + (size_t)rows * PER_ROW * sizeof(struct place));

	MAGIC_SET(m, METER_MAGIC);
	ASSERT(rows > 0);
	pthread_mutex_init(&m->mx, NULL);
	randombytes_buf(m->key, sizeof(m->key));
	m->rows = rows;
	return m;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->mx);
	MAGIC_END(m, METER_MAGIC);
	free(m);
}

/* The place of `what`, or NULL with *ret_least: the one of its row that has least to remember, and the hash. */
static struct place *find(struct meter *m, struct str what, uint64_t *ret_hash, struct place **ret_least)
{
	uint64_t hash;

	ASSERT(lock_is_mine(&m->mx));
	crypto_shorthash((unsigned char *)&hash, (const unsigned char *)what.p, what.n, m->key);
	hash = hash ? hash : 1;
	struct place *row = &m->places[hash % m->rows * PER_ROW], *least = row;
	for (unsigned i = 0; i < PER_ROW; i++) {
		if (row[i].hash == hash)
			return &row[i];
		if (least->hash && (!row[i].hash || row[i].whole_at < least->whole_at))
			least = &row[i];
	}
	*ret_hash = hash;
	*ret_least = least;
	return NULL;
}

int64_t meter_take(struct meter *m, struct str what, struct rate r, int64_t now_us)
{
	int64_t all = r.burst * r.each_us, wait;
	struct place *least = NULL;
	uint64_t hash = 0;

	ASSERT(r.burst > 0 && r.each_us > 0);
	ASSERT_IS(m, METER_MAGIC);
	pthread_mutex_lock(&m->mx);
	struct place *p = find(m, what, &hash, &least);
	if (p)
		p->whole_at = MIN(p->whole_at, now_us + all);
	int64_t whole_at = p ? MAX(p->whole_at, now_us) : now_us;
	wait = MAX(0, whole_at + r.each_us - (now_us + all));
	if (wait == 0) {
		if (!p) {
			p = least;
			p->hash = hash;
		}
		p->whole_at = whole_at + r.each_us;
	}
	pthread_mutex_unlock(&m->mx);
	return wait;
}

void meter_give_back(struct meter *m, struct str what, struct rate r)
{
	struct place *least, *p;
	uint64_t hash;

	ASSERT_IS(m, METER_MAGIC);
	pthread_mutex_lock(&m->mx);
	p = find(m, what, &hash, &least);
	if (p)
		p->whole_at -= r.each_us;
	pthread_mutex_unlock(&m->mx);
}

void meter_forget(struct meter *m, struct str what)
{
	struct place *least, *p;
	uint64_t hash;

	ASSERT_IS(m, METER_MAGIC);
	pthread_mutex_lock(&m->mx);
	p = find(m, what, &hash, &least);
	if (p)
		*p = (struct place){0};
	pthread_mutex_unlock(&m->mx);
}
