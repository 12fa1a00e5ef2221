/* prompt_priv.h - the stages in which a turn finds out what its model is to be given: who answers and how, what is left out, what was
 * found, what is said. In the order in which they run; on the thread that begins the turn unless said. */
#pragma once

#include "store/conversations.h"
#include "turn/turn.h"

struct turn;

/* ---- context.c ---- */

/* What is to be given for this request, by the conversation's way with what does not fit; after turn_choose. */
int prompt_plan(struct turn *t, const struct turn_request *q, const struct conversation *v, struct err *e) MUST_CHECK;

/* E_CONTEXT_TOO_LONG, with the figures, when that is sure to be more than the model takes; where it might be, the provider is
 * asked, if it counts. */
int prompt_check(struct turn *t, const struct turn_request *q, const struct conversation *v, struct err *e) MUST_CHECK;

/* What was left out stands in the turn's summary now: changes the plan, as it is kept, too. */
int prompt_summarised(struct turn *t) MUST_CHECK;

/* From what the provider has counted. */
void prompt_learn(const struct turn *t, const struct gen_result *r);

/* ---- summary.c ---- */

/* Of a turn that summarises: makes the summary anew with what the plan leaves out. Where that fails it stays left out, and the
 * answer says so; negative: the turn was stopped. Turn thread. */
int summary_renew(struct turn *t) MUST_CHECK;

/* ---- prompt.c ---- */

#define SUMMARY_TOKENS(window) ((window) ? MIN((window) / 8, (int64_t)1024) : 1024) /* that one may have */
#define PROMPT_SUMMARY         "Summary of the conversation until now:\n"

int prompt_build(struct turn *t) MUST_CHECK;
int prompt_task(struct turn *t, const char *task) MUST_CHECK; /* of an agent: that, and what it has done of it */

/* The same for a question that is not stored, behind the last message of the conversation, to be counted. Negative also where
 * there are pictures, which are heavy. */
int prompt_draft(struct turn *t, const struct turn_request *q, const struct conversation *v) MUST_CHECK;

/* ---- quotes.c ---- */

/* Tells of quotations that stand in none of the sources, and of markers that point to none. Behind the last event of the answer. */
void turn_check_quotes(struct turn *t);

/* ---- retrieve.c ---- */

#define RETRIEVE_PER_DOCUMENT 4 /* passages of one document, where several are searched */

/* Which documents are searched for the question: those of the request and those of its conversation. E_NOT_FOUND for what the
 * person may not read. */
int turn_where(struct turn *t, const struct turn_request *q, struct err *e) MUST_CHECK;
bool turn_searches(const struct turn *t);           /* documents */
bool turn_retrieves(const struct turn *t);          /* anything: documents, or what was said before */
int64_t turn_retrieve_tokens(const struct turn *t); /* that passages may have at most */

/* Searches, tells what was found, and puts it before the question. Turn thread. */
int turn_retrieve(struct turn *t) MUST_CHECK;

/* ---- cited.c ---- */

/* What the model's provider cites becomes citations of the answer, unless somebody else asked for it. */
void cited_want(struct turn *t);

/* ---- choose.c ---- */

/* Sets the turn's model, parameters and instructions; `v` is the conversation, in the turn's arena, or an empty one when the
 * request has none. E_NOT_FOUND, E_MODEL_UNKNOWN, E_MODEL_CANNOT. */
int turn_choose(struct turn *t, const struct turn_request *q, struct conversation *v, struct err *e) MUST_CHECK;

/* Whether the person and the key (0: none) may have this model answer now. E_FORBIDDEN. */
int turn_check_rights(
	struct turns *all, atelier_id user_id, atelier_id key_id, const char *model, struct err *e) MUST_CHECK;
