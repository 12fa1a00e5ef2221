/*
 * recall.h - what a person has said and been answered before, by the words of a question: for answers that may draw on it. Only the
 * person's own conversations that are not in the bin; what is not stored cannot be found.
 */
#pragma once

#include "store/rows.h"

struct recall_wish {
	atelier_id user_id;
	atelier_id but;          /* this conversation is not looked at */
	const struct str *words; /* any of which is enough; each is folded, and may be the beginning of one (`cut`) */
	const bool *cut;
	size_t n;
	int64_t limit;
};
/* A question with its answer. */
struct recalled {
	atelier_id conversation_id, message_id; /* the message that was found */
	atelier_id question_id;                 /* 0: an answer whose question is gone */
	const char *title, *question, *answer;  /* "": none */
	int64_t created_at;
};
struct recalled_list ROWS_OF(struct recalled);
/* Candidates, in the order of each database's own ranking: a question is told once. */
int recall_messages(struct db_conn *c, const struct recall_wish *w, struct arena *a, struct recalled_list *ret,
	struct err *e) MUST_CHECK;
/* The exchange that this message is in, by the same rules: 1; 0: there is none. */
int recall_message(struct db_conn *c, atelier_id user_id, atelier_id but, atelier_id id, struct arena *a,
	struct recalled *ret, struct err *e) MUST_CHECK;
