#include "auth/throttle.h"

#include <pthread.h>
#include <sodium.h>

/* 512 rows of 8 places: 4096 entries. A row is found by a keyed hash, so nobody can aim at another's place. */
#define ROWS      512
#define PER_ROW   8
#define FORGET_MS (15 * 60 * 1000) /* of quiet after which failures no longer count */
#define WAIT_MAX  300              /* seconds */

struct place {
	uint64_t hash; /* 0: free */
	int64_t at;    /* ms; of the last try or request */
	int64_t value; /* failures, or thousandths of requests left */
};

struct table {
	pthread_mutex_t mx;
	unsigned char key[crypto_shorthash_KEYBYTES];
	struct place rows[ROWS][PER_ROW];
};

struct throttle {
	struct table t;
};

struct buckets {
	struct table t;
};

static void table_init(struct table *t)
{
	pthread_mutex_init(&t->mx, NULL);
	randombytes_buf(t->key, sizeof(t->key));
}

static uint64_t table_hash(const struct table *t, const void *p, size_t n)
{
	uint64_t h;

	crypto_shorthash((unsigned char *)&h, p, n, t->key);
	return h ? h : 1;
}

/* The place of the hash, or NULL. */
static struct place *table_find(struct table *t, uint64_t hash)
{
	struct place *row = t->rows[hash % ROWS];

	for (unsigned i = 0; i < PER_ROW; i++) {
		if (row[i].hash == hash)
			return &row[i];
	}
	return NULL;
}

/* The place of the hash; else a new one with value `fresh`, in the row's free or longest unused place. */
static struct place *table_get(struct table *t, uint64_t hash, int64_t fresh, int64_t now)
{
	struct place *row = t->rows[hash % ROWS], *found = table_find(t, hash);

	if (found)
		return found;
	found = &row[0];
	for (unsigned i = 0; i < PER_ROW && found->hash; i++) {
		if (!row[i].hash || row[i].at < found->at)
			found = &row[i];
	}
	*found = (struct place){.hash = hash, .at = now, .value = fresh};
	return found;
}

struct throttle *throttle_new(void)
{
	struct throttle *t = xcalloc(1, sizeof(*t));

	table_init(&t->t);
	return t;
}

void throttle_free(struct throttle *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->t.mx);
	free(t);
}

/* The wait that follows so many failures. */
static int64_t wait_ms(int64_t failures, int64_t limit)
{
	int64_t over = failures - limit;

	if (over < 0)
		return 0;
	return (over >= 8 ? WAIT_MAX : (int64_t)MIN(2 << over, WAIT_MAX)) * 1000;
}

int throttle_try(struct throttle *t, const char *what, int64_t limit, int64_t now_ms)
{
	uint64_t hash = table_hash(&t->t, what, strlen(what));
	int64_t left;

	pthread_mutex_lock(&t->t.mx);
	struct place *p = table_get(&t->t, hash, 0, now_ms);
	if (now_ms - p->at > FORGET_MS)
		p->value = 0;
	left = p->value ? p->at + wait_ms(p->value, limit) - now_ms : 0;
	if (left <= 0) {
		p->value++;
		p->at = now_ms;
	}
	pthread_mutex_unlock(&t->t.mx);
	return left > 0 ? (int)((left + 999) / 1000) : 0;
}

void throttle_forgive(struct throttle *t, const char *what, bool all)
{
	uint64_t hash = table_hash(&t->t, what, strlen(what));

	pthread_mutex_lock(&t->t.mx);
	struct place *p = table_find(&t->t, hash);
	if (p && all)
		*p = (struct place){0};
	else if (p && p->value > 0)
		p->value--;
	pthread_mutex_unlock(&t->t.mx);
}

struct buckets *buckets_new(void)
{
	struct buckets *b = xcalloc(1, sizeof(*b));

	table_init(&b->t);
	return b;
}

void buckets_free(struct buckets *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->t.mx);
	free(b);
}

int buckets_take(struct buckets *b, int64_t key, int64_t per_minute, int64_t now_ms)
{
	uint64_t hash = table_hash(&b->t, &key, sizeof(key));
	int64_t full = per_minute * 1000, lacking = 0;

	pthread_mutex_lock(&b->t.mx);
	struct place *p = table_get(&b->t, hash, full, now_ms);
	int64_t since = MIN(now_ms - p->at, 60000);
	if (since > 0) {
		/* In thousandths; too short a time gives none and is left for the next one to count. */
		int64_t given = since * per_minute / 60;
		if (given > 0) {
			p->value = MIN(full, p->value + given);
			p->at = now_ms;
		}
	}
	if (p->value >= 1000)
		p->value -= 1000;
	else
		lacking = 1000 - p->value;
	pthread_mutex_unlock(&b->t.mx);
	if (!lacking)
		return 0;
	/* lacking thousandths at per_minute/60 a millisecond, in whole seconds, at least one. */
	return (int)(lacking * 60 / per_minute / 1000) + 1;
}
