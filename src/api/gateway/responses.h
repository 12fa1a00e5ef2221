/* responses.h - what the two files of /v1/responses share. */
#pragma once

#include "api/gateway/openai.h"

/* responses_request.c: fills c->req from c->body. */
int responses_read(struct gw_call *c) MUST_CHECK;

/* responses_answer.c */
extern const struct gw_format responses_format;
int responses_prepare(struct gw_call *c) MUST_CHECK; /* sets c->shape */
