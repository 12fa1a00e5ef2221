/* conversations.h - a person's conversations: what the list at the side shows. */
#pragma once

#include "store/rows.h"

/* Where the title came from. Only a plain one (the beginning of the first message) is replaced by a model's. */
#define TITLE_PLAIN  "plain"
#define TITLE_MODEL  "model"
#define TITLE_PERSON "person"

/* What happens when a conversation has become longer than the model takes. */
#define CONTEXT_REFUSE    "refuse"    /* nothing is asked: E_CONTEXT_TOO_LONG */
#define CONTEXT_DROP      "drop"      /* the oldest messages are left out */
#define CONTEXT_SUMMARISE "summarise" /* a model makes one text of them (summaries.h) */

struct conversation {
	atelier_id id;
	atelier_id user_id;
	const char *title;        /* "": none yet */
	const char *title_state;  /* TITLE_... */
	const char *model;        /* "": none chosen */
	atelier_id leaf_id;       /* newest message of the branch shown; 0: no messages yet */
	atelier_id turn_id;       /* a turn that is running in it, or else one that waits; 0: none */
	bool waiting;             /* a turn in it waits for a person's decision */
	atelier_id folder_id;     /* 0: in none */
	const char *tags;         /* JSON array of texts, each once however it is written */
	atelier_id assistant_id;  /* 0: none */
	const char *instructions; /* to the model; "": none */
	const char *parameters;   /* JSON object (provider/parameters.h) */
	const char *context;      /* CONTEXT_... */
	const char *tools;        /* that answers may use: true, or names, as JSON; NULL: none */
	bool history;             /* answers may draw on what the person has said in other conversations */
	bool pinned, archived;
	bool unread; /* an answer has ended that nobody was there to see */
	int64_t message_count;
	int64_t tokens_in, tokens_out;
	int64_t created_at, updated_at;
	int64_t deleted_at; /* when it was put into the bin; 0: it is not there */
};

struct conversation_list PAGE_OF(struct conversation);

/* The last item seen; all 0: from the newest. */
struct conversation_cursor {
	int64_t updated_at;
	atelier_id id;
};

enum conversation_shelf { SHELF_ACTIVE, SHELF_ARCHIVED, SHELF_DELETED };

/* Which ones; zeroed: the active ones. */
struct conversation_filter {
	enum conversation_shelf shelf;
	const char *search;   /* text of a person that the title must contain; NULL: any */
	const char *tag;      /* NULL: any */
	atelier_id folder_id; /* 0: any */
	bool has_pinned, pinned, unread;
};

enum conversation_set {
	SET_PINNED = 1,
	SET_ARCHIVED = 2,
	SET_UNREAD = 4,
	SET_FOLDER = 8,
	SET_TAGS = 16,
	SET_TAG = 32,   /* `tags` is one tag, which it has from now on, */
	SET_UNTAG = 64, /* or has no more */
	SET_ASSISTANT = 128,
	SET_INSTRUCTIONS = 256,
	SET_PARAMETERS = 512,
	SET_CONTEXT = 1024,
	SET_TOOLS = 2048,
	SET_HISTORY = 4096,
};

/* NULL and 0: leave it as it is. A title set here is the person's and stays. */
struct conversation_patch {
	const char *title;
	const char *model;
	atelier_id leaf_id; /* a message: the newest branch through it is shown, unless the one shown goes through it */
	unsigned set;       /* which of the following count */
	bool pinned, archived, unread, history;
	atelier_id folder_id;    /* 0: in none; E_NOT_FOUND when it is not the user's */
	const char *tags;        /* JSON array of texts */
	atelier_id assistant_id; /* 0: none; E_NOT_FOUND when the user may not use it */
	const char *instructions, *parameters;
	const char *context, *tools;
};

#define CONVERSATION_TAGS_MAX 50

/* `in`: what it is to have from the beginning. The texts of `ret` are borrowed; of its tags nothing is told. */
int conversations_create(struct db *db, atelier_id user_id, const struct conversation_patch *in,
	struct conversation *ret, struct err *e) MUST_CHECK;

int conversations_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct conversation *ret,
	struct err *e) MUST_CHECK;

/* Whether it is there, be it in the bin; asks for no owner. */
int conversations_has(struct db *db, atelier_id id, bool *ret, struct err *e) MUST_CHECK;

/* Newest first. */
int conversations_list(struct db_conn *c, atelier_id user_id, const struct conversation_filter *which,
	const struct conversation_cursor *after, size_t limit, struct arena *a, struct conversation_list *ret,
	struct err *e) MUST_CHECK;

int conversations_update(struct db *db, atelier_id user_id, atelier_id id, const struct conversation_patch *patch,
	struct err *e) MUST_CHECK;

/* Into the bin, or (`hard`) gone with all messages and turns; one in the bin can still be deleted hard. E_CONFLICT while
 * an answer is being written in it: cancel that first. */
int conversations_delete(struct db *db, atelier_id user_id, atelier_id id, bool hard, struct err *e) MUST_CHECK;

/* Brings back one that is in the bin; E_NOT_FOUND for any other. */
int conversations_restore(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

enum conversation_fate { FATE_STAYS, FATE_BIN, FATE_RESTORED, FATE_GONE };

/* The same for many, in one transaction. */
struct conversation_bulk {
	atelier_id user_id;
	const atelier_id *ids;
	size_t n;
	enum conversation_fate fate;
	struct conversation_patch patch; /* of FATE_STAYS */
	bool *ret_done; /* of each id: false when there is no such one, or an answer is being written in it */
};
int conversations_bulk(struct db *db, const struct conversation_bulk *x, struct err *e) MUST_CHECK;

/* Removes for good up to `limit` that were put into the bin before that time (Unix ms). */
int conversations_empty_bin(struct db *db, int64_t before, int64_t limit, int64_t *ret_n, struct err *e) MUST_CHECK;

/* A tag, and how many conversations outside of the bin have it. */
struct tag_count {
	const char *name;
	int64_t count;
};
int conversations_tags(struct db_conn *c, atelier_id user_id, struct arena *a, struct tag_count **ret, size_t *ret_n,
	struct err *e) MUST_CHECK;

/* A model's title, unless a person or a model has given one already; `ret_set` (may be NULL) says whether it took. */
int conversations_set_title_if_plain(
	struct db *db, atelier_id id, const char *title, bool *ret_set, struct err *e) MUST_CHECK;
