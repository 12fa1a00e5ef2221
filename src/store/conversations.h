/* conversations.h - a person's conversations: what the list at the side shows. */
#pragma once

#include "base/id.h"
#include "db/db.h"

/* Where the title came from. Only a plain one (the beginning of the first message) is replaced by a model's. */
#define TITLE_PLAIN  "plain"
#define TITLE_MODEL  "model"
#define TITLE_PERSON "person"

struct conversation {
	atelier_id id;
	atelier_id user_id;
	const char *title;       /* "": none yet */
	const char *title_state; /* TITLE_... */
	const char *model;       /* "": none chosen */
	atelier_id leaf_id;      /* newest message of the branch shown; 0: no messages yet */
	atelier_id turn_id;      /* the turn that is running in it; 0: none */
	int64_t message_count;
	int64_t tokens_in, tokens_out;
	int64_t created_at, updated_at;
};

struct conversation_list {
	struct conversation *items;
	size_t n;
	bool more; /* there are older ones: continue after the last item */
};

/* The last item seen; all 0: from the newest. */
struct conversation_cursor {
	int64_t updated_at;
	atelier_id id;
};

/* NULL: leave it as it is. A title set here is the person's and stays. */
struct conversation_patch {
	const char *title;
	const char *model;
	atelier_id leaf_id; /* a message: the newest branch through it is shown; 0: as it is */
};

/* Title and model may be NULL. The texts of `ret` are borrowed from the arguments. */
int conversations_create(struct db *db, atelier_id user_id, const char *title, const char *model,
	struct conversation *ret, struct err *e) MUST_CHECK;

int conversations_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct conversation *ret,
	struct err *e) MUST_CHECK;

/* Newest first. `search`: text of a person that the title must contain, or NULL. */
int conversations_list(struct db_conn *c, atelier_id user_id, const char *search,
	const struct conversation_cursor *after, size_t limit, struct arena *a, struct conversation_list *ret,
	struct err *e) MUST_CHECK;

int conversations_update(struct db *db, atelier_id user_id, atelier_id id, const struct conversation_patch *patch,
	struct err *e) MUST_CHECK;

/* Out of sight, or (`hard`) gone with all messages and turns; a hidden one can still be deleted hard. E_CONFLICT while
 * an answer is being written in it: cancel that first. */
int conversations_delete(struct db *db, atelier_id user_id, atelier_id id, bool hard, struct err *e) MUST_CHECK;

/* Brings back one that is out of sight; E_NOT_FOUND for any other. */
int conversations_restore(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* A model's title, unless a person or a model has given one already; `ret_set` (may be NULL) says whether it took. */
int conversations_set_title_if_plain(
	struct db *db, atelier_id id, const char *title, bool *ret_set, struct err *e) MUST_CHECK;
