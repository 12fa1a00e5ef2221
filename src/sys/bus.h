/*
 * bus.h - what has happened, told to whoever subscribed: the lower floors publish without knowing who listens. An event is a
 * kind and ids, nothing else, so that it can be sent to another process as it is; what has become of the thing is asked
 * of the store.
 */
#pragma once

#include "base/id.h"

/*
 * kind, its name on the wire, what can be told of it, who hears of one that concerns nobody in particular
 * The first ones are things of a user. Of the last ones, which can change many times a second, only the kind is told, and
 * whoever shows any asks for all of it again.
 */
#define BUS_TABLE(X)                                                                                                   \
	X(CONVERSATION, "conversation", "created updated deleted", NOBODY)                                             \
	X(FOLDER, "folder", "created updated deleted", NOBODY)                                                         \
	X(ASSISTANT, "assistant", "created updated deleted", NOBODY)                                                   \
	X(PROMPT, "prompt", "created updated deleted", NOBODY)                                                         \
	X(COLLECTION, "collection", "created updated deleted", NOBODY)                                                 \
	X(TOOLS, "tools", "created updated deleted", EVERYBODY)                                                        \
	X(QUEUE, "queue", "queued edited removed sent", NOBODY)                                                        \
	X(TURN, "turn", "started waiting ended decided", NOBODY)                                                       \
	X(JOB, "job", "started ended", NOBODY)                                                                         \
	X(MODELS, "models", "changed", EVERYBODY)                                                                      \
	X(GRANTS, "grants", "changed", EVERYBODY)                                                                      \
	X(LIMITS, "limits", "changed", EVERYBODY)                                                                      \
	X(DOCUMENTS, "documents", "changed", EVERYBODY)                                                                \
	X(PROVIDERS, "providers", "changed", ADMINS)                                                                   \
	X(PRICES, "prices", "changed", ADMINS)                                                                         \
	X(USERS, "users", "changed", ADMINS)                                                                           \
	X(GROUPS, "groups", "changed", ADMINS)                                                                         \
	X(JOBS, "jobs", "changed", ADMINS)                                                                             \
	X(HEALTH, "health", "changed", ADMINS)

#define X(name, ...) BUS_##name,
enum bus_kind { BUS_TABLE(X) BUS_KINDS };
#undef X

struct bus_event {
	enum bus_kind kind;
	const char *what;   /* a literal of the table */
	atelier_id user_id; /* whom it concerns; 0: everybody who hears of the kind */
	atelier_id id;      /* of the conversation (of a queue, too), the folder, the assistant, or the job */
	atelier_id turn_id; /* of a turn; 0: none */
};

const char *bus_kind_name(enum bus_kind kind);

enum bus_audience { BUS_TO_NOBODY, BUS_TO_ADMINS, BUS_TO_EVERYBODY };
enum bus_audience bus_kind_audience(enum bus_kind kind);

struct bus; /* any thread */

struct bus *bus_new(void);
void bus_free(struct bus *b); /* without subscribers; NULL is fine */

/* A subscriber is embedded in the structure of whoever listens. `fn` runs on the thread that publishes: it must not wait for
 * anything, nor subscribe. */
struct bus_subscriber {
	void (*fn)(void *arg, const struct bus_event *ev);
	void *arg;
	struct bus_subscriber *next;
};
void bus_subscribe(struct bus *b, struct bus_subscriber *s);
void bus_unsubscribe(struct bus *b, struct bus_subscriber *s); /* once it returns, `fn` does not run any more */

void bus_publish(struct bus *b, const struct bus_event *ev); /* never waits; a NULL bus has no subscribers */
void bus_publish_changed(struct bus *b, enum bus_kind kind); /* of a kind that somebody hears of */
