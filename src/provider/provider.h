/*
 * provider.h - language models behind one interface. A provider is a configured upstream of some kind (ollama, openai,
 * anthropic, librarian); a generation is one call of it, whose answer comes as events to a sink. Wire formats stand only
 * here. This header is the registry; with it come config.h, models.h (the catalogue), generate.h and manage.h.
 */
#pragma once

#include "base/arena.h"
#include "base/event.h"
#include "base/settings.h"
#include "http/client.h"
#include "provider/manage.h"
#include "sys/cancel.h"

struct providers; /* the registry of providers and the catalogue of their models; any thread */

struct providers_config {
	const struct settings *settings; /* borrowed for the life of the registry */
	struct loop *loop;
	struct http_client *http;
	/* The default that was found at first stays the default while nobody names another: what an earlier run kept (NULL:
	 * none), and who keeps it; called once, on a thread that may wait. NULL: it is not kept. */
	const char *found_default;
	void (*keep_default)(void *arg, const char *model);
	void *keep_arg;
	struct bus *bus; /* hears when models or providers have changed; NULL: nobody does */
};

int providers_new(const struct providers_config *c, struct providers **ret, struct err *e) MUST_CHECK;
void providers_free(struct providers *p); /* ends the refreshing thread */

/*
 * Makes the providers what `stored` and the settings say together, and the rules what `rules` says; copies all of it.
 * Any time, any thread: running calls go on with what they began with; what has changed is refreshed at once. A
 * stored provider of a name that the settings use is left out. E_INVALID names what is wrong; then nothing changes.
 */
int providers_configure(struct providers *p, const struct provider_config *stored, size_t n,
	const struct catalogue_rules *rules, struct err *e) MUST_CHECK;

/* E_INVALID with a sentence when name, kind, url or version cannot be right. */
int provider_config_check(const struct provider_config *c, struct err *e) MUST_CHECK;

/* What a key is given for: "openai https://api.openai.com:443", the kind with scheme, host and port of the address, and
 * " through http://10.0.0.1:3128", the proxy set for it, where the address is plain http and a proxy sees the key. Two
 * configurations of the same origin differ at most in the path. E_INVALID for an address or kind that is none. */
#define PROVIDER_ORIGIN_SIZE 1280
int provider_config_origin(const struct provider_config *c, char ret[PROVIDER_ORIGIN_SIZE], struct err *e) MUST_CHECK;

/* Starts the thread that refreshes the model lists, at once and every settings.model_refresh_s, and warms up. */
int providers_start(struct providers *p, struct err *e) MUST_CHECK;

/* Tries a configuration that need not be stored; at most 5 s. */
struct provider_test {
	bool ok;
	const char *
		code; /* ok, address, refused, name, tls, timeout, unauthorized, path, not_this_kind, no_models, error */
	char text[400]; /* what is wrong and what to do, or what was found */
	int64_t models, duration_ms;
};
/* E_BUSY: one of this caller's is under way, or PROVIDER_TESTS of all; each keeps a thread of its caller's waiting. */
#define PROVIDER_TESTS 2
int provider_test(struct providers *p, int64_t caller, const struct provider_config *c, struct provider_test *ret,
	struct err *e) MUST_CHECK;

/* Refreshes all lists now, in parallel; callers at the same time share one refresh. Waits for their ends for at most `wait_ms`
 * (and hardly at all when others do already): false when some are still asked, which goes on behind. */
bool providers_refresh(struct providers *p, int64_t wait_ms);
