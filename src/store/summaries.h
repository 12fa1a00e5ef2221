/*
 * summaries.h - what stands in a prompt in place of the beginning of a branch that has become too long: one text for all messages
 * from the first to the one that it belongs to. It is one of each branch through that message; the messages stay.
 */
#pragma once

#include "store/rows.h"

#define SUMMARY_MAX 65536 /* bytes */

struct summary {
	atelier_id id, conversation_id;
	atelier_id message_id; /* the last message that it stands for */
	int64_t messages;      /* how many these are */
	const char *text;
	const char *model; /* that wrote it; NULL: not known */
	bool edited;       /* by the person, since */
	int64_t created_at, updated_at;
};

/* Of the branch that ends in `leaf_id`, the one that stands for most of it; E_NOT_FOUND when it has none. Asks for no owner. */
int summaries_of_branch(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, struct arena *a,
	struct summary *ret, struct err *e) MUST_CHECK;

/* The same of the branch shown, for its person. */
int summaries_shown(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, struct arena *a,
	struct summary *ret, struct err *e) MUST_CHECK;

int summaries_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct summary *ret,
	struct err *e) MUST_CHECK;

/* A model's; one that the message has is replaced. E_NOT_FOUND when the message is gone. */
int summaries_put(struct db *db, const struct summary *in, struct err *e) MUST_CHECK;

/* ret_conversation: where it is. E_NOT_FOUND. */
int summaries_edit(struct db *db, atelier_id user_id, atelier_id id, const char *text, atelier_id *ret_conversation,
	struct err *e) MUST_CHECK;
int summaries_delete(
	struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_conversation, struct err *e) MUST_CHECK;
