/* tree.h - the tree of a conversation's messages as a whole: looking at it, cutting a part of it off, taking a branch of it
 * along. All are asked for with the person's id. */
#pragma once

#include "base/id.h"
#include "db/db.h"

struct tree_node {
	atelier_id id, parent_id;         /* parent 0: a root */
	const char *role, *state, *model; /* model NULL: a user's message */
	const char *preview;              /* how its text begins */
	bool pinned;
	int64_t created_at;
};

struct tree {
	struct tree_node *nodes; /* in the order of making: a parent stands before its children */
	size_t n;
	bool more;          /* there are further ones */
	atelier_id leaf_id; /* of the branch shown; 0: none */
};

/* Up to `limit` behind the message `after` (0: from the first). */
int tree_read(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, atelier_id after, size_t limit,
	struct arena *a, struct tree *ret, struct err *e) MUST_CHECK;

int tree_pin(struct db *db, atelier_id user_id, atelier_id message_id, bool pinned, struct err *e) MUST_CHECK;

/* Of several answers that are compared, one: the branch shown ends in it, its model is the conversation's, and the comparison is
 * over; the others stay beside it. E_CONFLICT for one that is in no comparison. */
struct tree_choice {
	atelier_id user_id, message_id;
	atelier_id conversation_id; /* out */
};
int tree_keep(struct db *db, struct tree_choice *x, struct err *e) MUST_CHECK;

/* A message with all that stands below it. */
struct tree_cut {
	atelier_id user_id, message_id;
	bool dry; /* nothing happens, it is only told */
	/* Out: */
	atelier_id conversation_id, parent_id; /* parent 0: it was a first one */
	atelier_id leaf_id;                    /* of the branch that is shown then; 0: there is none */
	int64_t messages, answers;
};

/* E_CONFLICT while an answer is being written in the conversation. */
int tree_delete(struct db *db, struct tree_cut *x, struct err *e) MUST_CHECK;

/* A new conversation whose messages are the branch that ends in a message. */
struct tree_fork {
	atelier_id user_id, conversation_id, message_id;
	const char *title; /* NULL: that of the old one */
};
int tree_fork(struct db *db, const struct tree_fork *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
