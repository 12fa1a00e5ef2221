/* follow.h - streams in the stream of a browser (events_api.c, websocket_api.c). */
#pragma once

#include "api/request.h"

/* Follows a turn or a job in the stream of another request; E_NOT_FOUND for one that is not theirs. */
int turn_follow_there(struct request *q, atelier_id id, uint64_t after, const struct http_place *at) MUST_CHECK;
int job_follow_there(struct request *q, atelier_id id, const struct http_place *at) MUST_CHECK;

enum { FOLLOWED_MAX = 64 }; /* of each kind, in one request */

struct followed {
	atelier_id id;
	uint64_t after; /* the last event that is known */
};

/* "ID:17" or "ID"; E_INVALID. */
int followed_read(struct request *q, const char *text, struct followed *ret) MUST_CHECK;

/* What cannot be followed says so in the stream: the others go on. */
void follow_turn(struct request *q, struct http_shared *stream, const struct followed *f);
void follow_job(struct request *q, struct http_shared *stream, atelier_id id);
