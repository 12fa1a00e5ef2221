/* messages.h - what was said. Messages form a tree by their parent; a branch is the way from the root to a leaf. They
 * are written by turns.h alone. */
#pragma once

#include "base/id.h"
#include "db/db.h"

/* States of a message and of a turn. */
#define STATE_RUNNING     "running"
#define STATE_WAITING     "waiting" /* for a person; then it runs again */
#define STATE_COMPLETE    "complete"
#define STATE_CANCELED    "canceled"
#define STATE_FAILED      "failed"
#define STATE_INTERRUPTED "interrupted"

#define MESSAGE_USER      "user"
#define MESSAGE_ASSISTANT "assistant"

/* What the turns of a message took, added up. 0: nothing, or not known. */
struct message_figures {
	int64_t tokens_in, tokens_out;           /* the provider's count where `exact`, else an estimate */
	int64_t tokens_cached, tokens_reasoning; /* parts of the above */
	int64_t cost_micros;                     /* of the currency's unit */
	int64_t first_token_ms, duration_ms;     /* the first one's; of all */
	bool exact;
};

#define COMPARED_MAX 4 /* answers in one comparison */

struct message {
	atelier_id id;
	atelier_id conversation_id;
	atelier_id parent_id; /* 0: a root */
	atelier_id turn_id;   /* the last turn that wrote it; 0: none */
	int64_t last_event;   /* of a running or waiting one: what of that turn it has already; else 0 */
	const char *role;     /* MESSAGE_... */
	const char *state;    /* STATE_... */
	const char *
		content; /* never NULL: all its text. While running what was there before: the turn's log has the rest */
	const char *parts;         /* JSON array in order (turn/parts.h); NULL: `content` is all there is */
	const char *model;         /* NULL for a user's message */
	const char *error_code;    /* NULL: none */
	const char *error_text;    /* NULL: none */
	const char *finish_reason; /* NULL: none */
	bool pinned;
	struct message_figures figures;
	int64_t created_at;
	/* Of messages_list: all messages of the same parent, itself among them, oldest first. */
	const atelier_id *siblings;
	size_t n_siblings;
	/* Of these, in their order, those of the comparison that it is part of. */
	int64_t compared; /* its place among them, from 1 on; 0: it is in none, or in one that has ended */
	atelier_id together[COMPARED_MAX];
	size_t n_together;
};

struct message_list {
	struct message *items; /* oldest first */
	size_t n;
	bool more;  /* there are older ones */
	bool newer; /* of messages_list: there are newer ones in the branch shown */
};

/*
 * For prompts: of the branch that ends in `leaf_id` the newest `limit` messages, oldest first, with id, parent, role, state,
 * content and, of a question or an answer that called tools, parts alone. Asks for no owner, so the caller must know that the conversation may be read.
 */
int messages_path(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, size_t limit, struct arena *a,
	struct message_list *ret, struct err *e) MUST_CHECK;

struct message_size {
	atelier_id id;
	bool asks; /* a user's */
	size_t bytes;
};

/* Of the same messages how long they are, without the texts. *ret_more: there are older ones. */
int messages_sizes(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, size_t limit, struct arena *a,
	struct message_size **ret, size_t *ret_n, bool *ret_more, struct err *e) MUST_CHECK;

/* Which page of the branch shown; of the last three one at most. Of none: the end. */
struct message_place {
	atelier_id user_id, conversation_id;
	atelier_id before_id; /* the page that ends before this message */
	atelier_id after_id;  /* the page that begins behind it */
	atelier_id around_id; /* the page that has it in its middle */
};

/* E_NOT_FOUND for a message that is not in the branch shown, where one is asked for. */
int messages_list(struct db_conn *c, const struct message_place *at, size_t limit, struct arena *a,
	struct message_list *ret, struct err *e) MUST_CHECK;

int messages_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct message *ret,
	struct err *e) MUST_CHECK;

/* Of one that messages_get gave. */
int messages_add_siblings(struct db_conn *c, struct message *m, struct arena *a, struct err *e) MUST_CHECK;
