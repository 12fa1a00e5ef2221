/*
 * bus.h - what has happened, told to whoever subscribed: the lower floors publish without knowing who listens. An event is a
 * kind and ids, nothing else, so that it can be sent to another process as it is; what has become of the thing is asked
 * of the store.
 */
#pragma once

#include "base/id.h"

/* kind, its name on the wire, what can be told of it */
#define BUS_TABLE(X)                                                                                                   \
	X(CONVERSATION, "conversation", "created updated deleted")                                                     \
	X(FOLDER, "folder", "created updated deleted")                                                                 \
	X(ASSISTANT, "assistant", "created updated deleted")                                                           \
	X(PROMPT, "prompt", "created updated deleted")                                                                 \
	X(QUEUE, "queue", "queued edited removed sent")                                                                \
	X(TURN, "turn", "started ended")                                                                               \
	X(JOB, "job", "started ended")

#define X(name, ...) BUS_##name,
enum bus_kind { BUS_TABLE(X) BUS_KINDS };
#undef X

struct bus_event {
	enum bus_kind kind;
	const char *what;   /* a literal of the table */
	atelier_id user_id; /* whom it concerns */
	atelier_id id;      /* of the conversation (of a queue, too), the folder, the assistant, or the job */
	atelier_id turn_id; /* of a turn; 0: none */
};

const char *bus_kind_name(enum bus_kind kind);

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
