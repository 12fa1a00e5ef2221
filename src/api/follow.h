/* follow.h - following something in a stream of several: what the resources of these things give to events_api.c. */
#pragma once

#include "api/request.h"

/* Looks whether the asker may follow it, and does. The texts of the place last as long as the program, or for a turn the call. Negative with the cause in q->err. */
int turn_follow_there(struct request *q, atelier_id id, uint64_t after, const struct http_place *at) MUST_CHECK;
int job_follow_there(struct request *q, atelier_id id, const struct http_place *at) MUST_CHECK;
