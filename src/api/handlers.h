/* handlers.h - the handlers and schemas that the table of routes names, by the file they stand in. */
#pragma once

#include "api/request.h"

/* errors.c */
extern const struct schema error_schema;

/* auth_api.c */
int login_post(struct request *q);
int logout_post(struct request *q);
int setup_get(struct request *q);
int setup_post(struct request *q);
int me_get(struct request *q);
int password_post(struct request *q);
extern const struct schema login_schema, setup_schema, setup_state_schema, signed_in_schema, user_schema,
	password_schema;

/* conversations_api.c */
int conversations_post(struct request *q);
int conversations_get_all(struct request *q);
int conversation_get(struct request *q);
int conversation_patch(struct request *q);
int conversation_delete(struct request *q);
extern const struct schema conversation_new_schema, conversation_patch_schema, conversation_schema,
	conversation_page_schema;

/* messages_api.c */
int messages_get_all(struct request *q);
extern const struct schema message_page_schema;

/* turns_api.c */
int turns_post(struct request *q);
int turn_get(struct request *q);
int turn_events_get(struct request *q);
int turn_cancel_post(struct request *q);
int stream_get(struct request *q);
extern const struct schema turn_new_schema, turn_started_schema, turn_schema, empty_schema;

/* models_api.c */
int models_get(struct request *q);
int models_refresh_post(struct request *q);
struct schema_list providers_answer(const struct catalogue *all); /* of provider_schema */
extern const struct schema models_schema, provider_schema;

/* manual_api.c */
int manual_get_all(struct request *q);
int manual_get(struct request *q);
extern const struct schema manual_list_schema, manual_page_schema;

/* health_api.c */
int live_get(struct request *q);
int ready_get(struct request *q);
int health_get(struct request *q);
int metrics_get(struct request *q);
extern const struct schema status_schema, health_schema;

/* changes.c */
int changes_get(struct request *q);

/* openapi.c */
int openapi_get(struct request *q);
