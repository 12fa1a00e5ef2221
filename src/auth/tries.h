/*
 * tries.h - who may try a password now. The rules and what each attack costs under them: docs/decisions/025. Any thread;
 * time is the caller's, monotonic microseconds.
 */
#pragma once

#include "base/address.h"
#include "base/err.h"

struct tries;

struct tries *tries_new(int64_t attempts); /* of the setting login_attempts */
void tries_free(struct tries *t);
DEFINE_CLEANUP(struct tries, tries_free)

/* One try at a user's name. */
struct knock {
	const char *name;
	const char *address; /* of the client; any text */
	const char *device;  /* of a device that this user has signed in on; NULL: a stranger */
};

/* What a try has taken: given back when it was a good one. */
struct taken {
	char name[80], device[48], address[ADDRESS_TEXT], site[ADDRESS_TEXT]; /* site "": as the address */
	bool shared; /* took from what everybody at this name, and at this address, has together */
};

/*
 * Before the password is looked at, so that tries at the same time cannot slip through together. E_RATE_LIMITED with a
 * sentence and retry_after_s; then nothing is taken.
 */
int tries_take(struct tries *t, const struct knock *k, int64_t now_us, struct taken *ret, struct err *e) MUST_CHECK;
void tries_good(struct tries *t, const struct taken *x);

/* The same for a secret that is not a login: `what` names who tries (a session, an address and its purpose). */
int tries_take_plain(struct tries *t, const char *what, int64_t now_us, struct err *e) MUST_CHECK;
void tries_good_plain(struct tries *t, const char *what);

/* E_RATE_LIMITED with "WHAT Try again in N seconds." and retry_after_s. */
int tries_must_wait(int64_t wait_us, const char *what, struct err *e);
