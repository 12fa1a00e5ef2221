/*
 * quirks.c - servers that speak a dialect differ in what they take. A refusal that names a field is remembered for the
 * model at that provider (or for the whole provider), and the call is made again at once without the field. Refusals may
 * quote what a caller wrote, so what one teaches is kept only if the call without the field is taken, and not for ever.
 */
#include <strings.h>

#include "base/clock.h"
#include "provider/request.h"

#define QUIRKS_KEPT_MS ((int64_t)6 * 3600 * 1000)

#define QUIRK_BITS 28
#define HASH_MASK  (~(((uint64_t)1 << QUIRK_BITS) - 1))
_Static_assert(QUIRK_LAST < 1u << QUIRK_BITS, "a quirk would be taken for a part of a name's hash");

/* FNV-1a; 0 marks a free place. Two names of one hash would share what was learned, which only costs a field. */
uint64_t quirks_hash(const char *name)
{
	uint64_t h = 14695981039346656037u;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	h &= HASH_MASK;
	return h ? h : HASH_MASK;
}

/* The place of this name, a free one, or, when all are taken, the one that another name must leave. */
static _Atomic uint64_t *place_of(struct provider *p, uint64_t hash)
{
	size_t first = (size_t)(hash >> QUIRK_BITS) % N_ELEMENTS(p->quirks);
	for (size_t i = 0; i < N_ELEMENTS(p->quirks); i++) {
		_Atomic uint64_t *at = &p->quirks[(first + i) % N_ELEMENTS(p->quirks)];
		uint64_t v = atomic_load(at);
		if (v == 0 || (v & HASH_MASK) == hash)
			return at;
	}
	return &p->quirks[first];
}

static unsigned read_place(struct provider *p, const char *name)
{
	uint64_t hash = quirks_hash(name), v = atomic_load(place_of(p, hash));
	return (v & HASH_MASK) == hash ? (unsigned)(v & ~HASH_MASK) : 0;
}

/* What says the opposite: of two such lessons the last one holds, since one name may stand for several servers. */
static unsigned opposites_of(unsigned quirks)
{
	static const unsigned pairs[][2] = {
		{QUIRK_NO_REASONING, QUIRK_WANTS_REASONING}, {QUIRK_NEW_MAX, QUIRK_OLD_MAX}};
	unsigned ret = 0;
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		ret |= quirks & pairs[i][0] ? pairs[i][1] : 0;
		ret |= quirks & pairs[i][1] ? pairs[i][0] : 0;
	}
	return ret;
}

/* Returns what had to go for it. */
static unsigned write_place(struct provider *p, const char *name, unsigned quirks)
{
	uint64_t hash = quirks_hash(name), opposites = opposites_of(quirks);
	_Atomic uint64_t *at = place_of(p, hash);
	uint64_t old = atomic_load(at), known;
	do {
		known = (old & HASH_MASK) == hash ? old & ~HASH_MASK : 0;
	} while (!atomic_compare_exchange_weak(at, &old, hash | (known & ~opposites) | quirks));
	return (unsigned)(known & opposites);
}

/* Servers are updated, too: what they take is found out anew now and then. */
static void forget_old(struct provider *p)
{
	int64_t now = clock_mono_ms(), since = atomic_load(&p->quirks_since_ms);
	if (since != 0 && now - since < QUIRKS_KEPT_MS)
		return;
	if (!atomic_compare_exchange_strong(&p->quirks_since_ms, &since, now) || since == 0)
		return;
	for (size_t i = 0; i < N_ELEMENTS(p->quirks); i++)
		atomic_store(&p->quirks[i], 0);
}

unsigned quirks_of(struct provider *p, const char *model)
{
	forget_old(p);
	return read_place(p, "") | read_place(p, model);
}

unsigned quirks_learn(struct provider *p, const char *model, unsigned quirks)
{
	unsigned replaced = 0;
	if (quirks & QUIRKS_OF_SERVER)
		replaced |= write_place(p, "", quirks & QUIRKS_OF_SERVER);
	if (quirks & ~(unsigned)QUIRKS_OF_SERVER)
		replaced |= write_place(p, model, quirks & ~(unsigned)QUIRKS_OF_SERVER);
	return replaced;
}

void quirks_forget(struct provider *p, const char *model, unsigned quirks)
{
	const char *const names[] = {"", model};
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		uint64_t hash = quirks_hash(names[i]);
		_Atomic uint64_t *at = place_of(p, hash);
		uint64_t old = atomic_load(at);
		while ((old & HASH_MASK) == hash && !atomic_compare_exchange_weak(at, &old, old & ~(uint64_t)quirks))
			;
	}
}

/* ---- what a refusal says ---- */

bool quirk_names(struct str error, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= error.n; i++)
		if (strncasecmp(error.p + i, word, n) == 0)
			return true;
	return false;
}

bool quirk_names_any(struct str error, const char *const *words)
{
	for (; *words; words++)
		if (quirk_names(error, *words))
			return true;
	return false;
}

bool quirk_refused(struct str error)
{
	static const char *const words[] = {"unsupported", "not support", "n't support", "unknown", "unrecognized",
		"unexpected", "extra", "not permitted", "not allowed", "deprecated", "only the default", "removed",
		"not available", "no longer", "invalid parameter", "instead", NULL};
	return quirk_names_any(error, words);
}
