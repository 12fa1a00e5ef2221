/*
 * known_keys.c - the API keys that were used a moment ago, with whose they are, so that a program that asks often does not
 * ask the database each time. Whatever is written, by any process, makes all of it stale at once; on PostgreSQL, where that is
 * not known, nothing is remembered.
 */
#include <sodium.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/magic.h"
#include "base/secret.h"

enum { PLACES = 64, KNOWN_MS = 250, KNOWN_BYTES = 256 << 10 };

_Static_assert(256 % PLACES == 0, "a random byte is as likely to be any of them");

struct known_key {
	unsigned char hash[AUTH_HASH_LEN];
	struct auth_identity who; /* its texts are in `mem` */
	int64_t last_used_at;
	struct arena mem;
	uint64_t stamp; /* of the database, before it was asked */
	int64_t at_ms;
	bool used;
};

struct known_keys {
	unsigned magic; /* KNOWN_KEYS_MAGIC */
#define KNOWN_KEYS_MAGIC 0x6b6e6e73u
	pthread_mutex_t mx; /* of all places, which are copied out and never held */
	struct known_key places[PLACES];
};

struct known_keys *known_keys_new(void)
{
	struct known_keys *k = secret_new(sizeof(*k));

	MAGIC_SET(k, KNOWN_KEYS_MAGIC);
	pthread_mutex_init(&k->mx, NULL);
	for (size_t i = 0; i < PLACES; i++)
		arena_init(&k->places[i].mem, KNOWN_BYTES);
	return k;
}

void known_keys_free(struct known_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < PLACES; i++)
		arena_wipe(&k->places[i].mem);
	pthread_mutex_destroy(&k->mx);
	MAGIC_END(k, KNOWN_KEYS_MAGIC);
	secret_free(k);
}

static bool copy_models(struct arena *mem, struct auth_identity *who)
{
	const char **models;

	if (!who->models)
		return true;
	models = ARENA_ARRAY(mem, const char *, who->n_models + 1);
	for (size_t i = 0; models && i < who->n_models; i++) {
		models[i] = who->models[i];
		if (!arena_keep(mem, &models[i]))
			return false;
	}
	who->models = models;
	return models != NULL;
}

static bool copy(struct arena *mem, const struct auth_identity *from, struct auth_identity *ret)
{
	*ret = *from;
	return arena_keep(mem, &ret->user.name) && arena_keep(mem, &ret->user.display_name) &&
	       arena_keep(mem, &ret->user.password_hash) && arena_keep(mem, &ret->user.role) && copy_models(mem, ret);
}

static struct known_key *place_of(struct known_keys *k, const unsigned char hash[AUTH_HASH_LEN])
{
	return &k->places[hash[0] % PLACES]; /* it is random */
}

bool known_keys_find(struct auth *a, const unsigned char hash[AUTH_HASH_LEN], struct arena *mem,
	struct auth_identity *ret, int64_t *ret_last_used_at)
{
	struct known_key *at = place_of(a->known, hash);
	struct auth_identity who;
	bool found;

	ASSERT_IS(a->known, KNOWN_KEYS_MAGIC);
	pthread_mutex_lock(&a->known->mx);
	found = at->used && sodium_memcmp(at->hash, hash, AUTH_HASH_LEN) == 0 && at->stamp == db_stamp(a->db) &&
		clock_mono_ms() - at->at_ms < KNOWN_MS && copy(mem, &at->who, &who);
	*ret_last_used_at = at->last_used_at;
	pthread_mutex_unlock(&a->known->mx);
	if (found)
		*ret = who;
	return found;
}

void known_keys_add(struct auth *a, const unsigned char hash[AUTH_HASH_LEN], const struct auth_identity *who,
	int64_t last_used_at, uint64_t stamp)
{
	struct known_key *at = place_of(a->known, hash);

	ASSERT_IS(a->known, KNOWN_KEYS_MAGIC);
	pthread_mutex_lock(&a->known->mx);
	arena_wipe(&at->mem);
	memcpy(at->hash, hash, AUTH_HASH_LEN);
	at->used = copy(&at->mem, who, &at->who);
	at->last_used_at = last_used_at;
	at->stamp = stamp;
	at->at_ms = clock_mono_ms();
	pthread_mutex_unlock(&a->known->mx);
}
