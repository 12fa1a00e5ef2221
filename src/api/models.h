/* models.h - what the resources about models and providers share: ways to answer with them, and how changes take effect. */
#pragma once

#include "api/request.h"

/* `all`: "Hidden ones too", of requests that answer with the models. */
extern const struct param managed_params[1];
extern const struct schema models_schema, provider_schema;

/* Answers with the models known now, hidden ones too if the query says `all`. */
int models_get(struct request *q) MUST_CHECK;

/* The same; `all`: hidden ones too. */
int models_answer(struct request *q, bool all) MUST_CHECK;

/* The catalogue's providers as items of provider_schema, borrowed from it. */
struct schema_list providers_answer(const struct catalogue *all);

/* Tells the providers what is stored now; api->configure_mx is held. */
int api_configure(struct request *q) MUST_CHECK;
int api_configure_stored(struct api *a, struct err *e) MUST_CHECK; /* the same; under configure_mx, too */
