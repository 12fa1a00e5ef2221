/* title.h - names for conversations: the beginning of the question at once, and one that a model gives after the answer. */
#pragma once

#include "base/arena.h"
#include "base/id.h"
#include "base/magic.h"
#include "sys/cancel.h"
#include "sys/pool.h"

struct turn;
struct turns;

#define TITLE_MAX 80 /* bytes */

/* The beginning of a question as a title, at most TITLE_MAX bytes; in the arena. */
const char *title_plain(const char *question, struct arena *a);

/* The name in a model's answer to the question for one, in the arena; NULL: there is none. `cut`: a limit ended it. */
const char *title_clean(struct str text, bool cut, struct arena *a);

/* A conversation that is to be named: what is needed of its turn, which is gone by then. */
struct title {
	unsigned magic; /* TITLE_MAGIC */
#define TITLE_MAGIC 0x74697465u
	struct turns *all;
	atelier_id user_id, key_id, conversation_id, turn_id, user_message_id, message_id;
	const char *model; /* in the arena */
	struct arena arena;
	struct cancel cancel;
	struct pool_task task;
	struct title *prev, *next; /* of those that are waited for or asked */
};

/* Asks the model for one. A failure leaves the plain title. */
void title_ask(struct title *t);

/* Has an ended turn's conversation named, soon, on a thread for titles: nobody waits for that, and where many wait to
 * be named already the plain title stays. */
void title_begin(const struct turn *t);
void titles_stop(struct turns *all);
