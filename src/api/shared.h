/*
 * shared.h - resources that belong to a person and that others may have: one descriptor for each, and the handlers of all. A
 * route names its resource as `.shared`.
 */
#pragma once

#include "api/answer.h"
#include "api/request.h"
#include "store/shared_rows.h"

/* Bodies begin with their row, and are read and answered in one struct. */
struct shared_resource {
	const struct shared_kind *kind;
	enum bus_kind bus;
	const char *word;                /* "assistant" */
	const void *fresh;               /* a row before its body is read */
	size_t row, body;                /* bytes of each */
	size_t name;                     /* offset of the name in the row */
	int (*check)(struct request *q); /* of a body, where the database is needed; NULL */
	int (*edit)(void *row, void *request, struct err *e);
	/* What all bodies of an answer need, once; NULL. And the rest of one whose row is there, also of a version. */
	int (*read_common)(struct request *q, struct db_conn *c, atelier_id *ret);
	int (*fill)(struct request *q, atelier_id common, void *body);
};

int shared_get_all(struct request *q);
int shared_post(struct request *q);
int shared_get_one(struct request *q);
int shared_patch(struct request *q);
int shared_delete_one(struct request *q);
int shared_duplicate(struct request *q); /* a copy of what one may read is one's own */
int shared_get_versions(struct request *q);
int shared_rollback(struct request *q);   /* the body is of rollback_schema */
int shared_get_grants(struct request *q); /* its owner's affair, as the next one */
int shared_put_grants(struct request *q);

/* Item `i` of the body's "grants": a user or a group needs a subject, everyone has none. E_INVALID. */
int shared_check_subject(struct request *q, size_t i, const char *subject, atelier_id subject_id) MUST_CHECK;
/* The same in the schema of such an item. */
#define SUBJECT_RULE                                                                                                   \
	"\"if\":{\"properties\":{\"subject\":{\"const\":\"everyone\"}}},"                                              \
	"\"then\":{\"properties\":{\"subject_id\":{\"type\":\"null\"}}},"                                              \
	"\"else\":{\"properties\":{\"subject_id\":{\"type\":\"string\"}},\"required\":[\"subject_id\"]}"

/* As shared_get_all answers, for another answer. */
int shared_bodies(struct request *q, const struct shared_resource *of, struct list_answer *ret) MUST_CHECK;
void shared_tell(struct request *q, const struct shared_resource *of, atelier_id id, const char *what);

extern const struct schema shared_grants_schema, shared_grants_edit_schema, rollback_schema;

/* What whoever asks may do with a thing of this owner: a word of SHARED_MAY. */
#define SHARED_MAY GRANT_VERBS " own"
const char *shared_may(const struct request *q, atelier_id owner_id, int64_t may);
