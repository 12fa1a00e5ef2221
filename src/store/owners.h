/*
 * owners.h - what becomes of all that a person owns and others have (shared_rows.h) when the person leaves: it is another's from
 * then on, or it goes with its owner. What nobody else has always goes.
 */
#pragma once

#include "base/id.h"
#include "db/db.h"

/* How many things of a person others have. */
struct owned_counts {
	int64_t assistants, collections, folders, prompts, tool_servers;
};
int owners_count(struct db_conn *c, atelier_id user_id, struct owned_counts *ret, struct err *e) MUST_CHECK;

/*
 * Inside the db_write that deletes a person, before the row goes: what others have is the heir's, who is neither the person nor
 * disabled, with its grants and versions, and by another name where the heir has one of that name. What an administrator may reach
 * was not the person's to decide: the tool servers of somebody who was none are switched off, and nobody but the heir edits them.
 * E_NOT_FOUND: there is no such heir; E_CONFLICT: disabled, or would have more of a kind than one person can.
 */
int owners_hand_over(struct db_conn *c, atelier_id user_id, atelier_id heir_id, struct err *e) MUST_CHECK;

/* The same place: the grants of all that is still the person's, and so goes. */
int owners_forget(struct db_conn *c, atelier_id user_id, struct err *e) MUST_CHECK;

/* Removes up to `limit` grants of users, groups and things that are gone. What is said of models and providers stays: these come
 * back, and are closed until somebody opens them. */
int owners_sweep(struct db *db, int64_t limit, int64_t *ret_n, struct err *e) MUST_CHECK;
