/* shared.h - the grants of a thing that has an owner, for the resources that can be shared. */
#pragma once

#include "api/answer.h"
#include "api/request.h"
#include "store/grants.h"

extern const struct schema shared_grants_schema, shared_grants_edit_schema;

/* The body of going back to a version. */
struct rollback {
	int64_t version;
};
extern const struct schema rollback_schema;

/* What whoever asks may do with a thing of this owner: a word of SHARED_MAY. */
#define SHARED_MAY GRANT_VERBS " own"
const char *shared_may(const struct request *q, atelier_id owner_id, int64_t may);

/* Answers with the grants of the thing, or sets them to what the body (shared_grants_edit_schema) says first. That whoever asks
 * owns it is the caller's to see to. */
int answer_shared(struct request *q, const struct grant_place *of) MUST_CHECK;
int set_shared(struct request *q, const struct grant_place *of) MUST_CHECK;
