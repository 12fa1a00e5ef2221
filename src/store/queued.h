/*
 * queued.h - questions that wait until the answer that is being written in their conversation has ended. In the order of
 * their ids; one leaves with the beginning of its turn (turns_begin), in the same transaction.
 */
#pragma once

#include "store/rows.h"

#define QUEUED_MAX 100 /* in one conversation */

struct queued {
	atelier_id id, user_id, conversation_id;
	atelier_id key_id;        /* of the API key that asked, with which it goes; 0: none */
	atelier_id assistant_id;  /* and the rest: as of struct turn_request; 0: the conversation's */
	const char *content;      /* "" with pictures alone */
	const atelier_id *images; /* pictures that it has, in order */
	size_t n_images;
	const atelier_id *collections,
		*documents; /* that are searched for it; what is deleted meanwhile is not among them */
	size_t n_collections, n_documents;
	const char *model;      /* NULL: not said */
	const char *parameters; /* JSON object; NULL: none */
	const char *tools;      /* true, or names, as JSON; NULL: those of the assistant or the conversation */
	const char *language, *time_zone; /* NULL: not known */
	int64_t created_at;
};

struct queued_list ROWS_OF(struct queued);

/* Adds it behind the others while an answer is being written, or (`behind`) while others wait; *ret_id is 0 when it is not so,
 * and nothing has happened then.
 * E_NOT_FOUND for a conversation that is not the user's, E_CONFLICT for the QUEUED_MAX + 1st. */
int queued_add(struct db *db, const struct queued *in, bool behind, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* Of one conversation, in order. E_NOT_FOUND. */
int queued_list(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, struct arena *a,
	struct queued_list *ret, struct err *e) MUST_CHECK;
int queued_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct queued *ret,
	struct err *e) MUST_CHECK;

/* The first of a conversation; asks for no owner. E_NOT_FOUND when none waits, or which answer it is to stand below is still to
 * be chosen: a comparison is open. */
int queued_first(
	struct db_conn *c, atelier_id conversation_id, struct arena *a, struct queued *ret, struct err *e) MUST_CHECK;

/* *ret_conversation: where it waits. E_NOT_FOUND. */
int queued_edit(struct db *db, atelier_id user_id, atelier_id id, const char *content, atelier_id *ret_conversation,
	struct err *e) MUST_CHECK;
int queued_delete(
	struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_conversation, struct err *e) MUST_CHECK;

/* Inside a db_write: its content as it is now, in the arena, and it waits no more; its pictures are the message's to take.
 * E_NOT_FOUND. */
int queued_take(struct db_conn *c, atelier_id conversation_id, atelier_id id, struct arena *a, const char **ret_content,
	struct err *e) MUST_CHECK;
