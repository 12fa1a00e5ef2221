/*
 * configure.h - one picture of all that configures providers and models: the settings, their file and the database.
 * Any thread but the loop's.
 */
#pragma once

#include "auth/auth.h"
#include "provider/provider.h"
#include "store/providers.h"

struct configure {
	const struct settings *settings;
	struct db *db;             /* NULL: nothing is stored */
	const struct vault *vault; /* NULL: stored keys cannot be opened */
};

/* The first time, with providers that know the settings alone: E_INVALID, naming the line of the file, when a provider
 * of the file cannot be. */
int configure_start(struct providers *p, const struct configure *c, struct err *e) MUST_CHECK;

/* Again, after the stored configuration has changed; callers see to it that this is done by one at a time. A stored
 * provider that cannot be used is left out or not called, and keeps nobody else from working: configure_refusal. */
int configure_again(struct providers *p, const struct configure *c, struct err *e) MUST_CHECK;

/* The provider as the registry wants it. What is borrowed lives as long as the row and the arena. A key that cannot be
 * opened is left out, and the provider is disabled then. */
int configure_provider(const struct vault *v, const struct stored_provider *row, struct arena *a,
	struct provider_config *ret, struct err *e) MUST_CHECK;

/* Sets row->bound, in the arena: what its key was given for. */
int configure_bound(struct stored_provider *row, struct arena *a, struct err *e) MUST_CHECK;

/* Binds the keys that older versions stored to the addresses that they stand beside; once, at the first start that has not
 * done so. */
int configure_bind_keys(const struct configure *c, struct err *e) MUST_CHECK;

/* The targets of a stored route, in the arena; E_INVALID when they are no list of texts. */
int configure_targets(const char *json, struct arena *a, const char ***ret, size_t *ret_n, struct err *e) MUST_CHECK;

/* Why a stored provider is not used as it is, in the arena; NULL: it is. `known`: the catalogue after configuring. */
const char *configure_refusal(
	const struct configure *c, const struct stored_provider *row, const struct catalogue *known, struct arena *a);
