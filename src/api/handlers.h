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
int models_answer(struct request *q, bool all);                   /* of models_schema; `all`: hidden ones too */
struct schema_list providers_answer(const struct catalogue *all); /* of provider_schema */
extern const struct schema models_schema, provider_schema;

/* providers_api.c */
int providers_get_all(struct request *q);
int providers_post(struct request *q);
int provider_patch(struct request *q);
int provider_delete(struct request *q);
int providers_test_post(struct request *q);
int api_configure(struct request *q) MUST_CHECK; /* tells the providers what is stored now; api->configure_mx held */
extern const struct schema provider_new_schema, provider_patch_schema, provider_try_schema, provider_details_schema,
	provider_list_schema, provider_tested_schema;

/* catalogue_api.c */
int models_tasks_put(struct request *q);
int models_override_put(struct request *q);
int routes_get_all(struct request *q);
int routes_post(struct request *q);
int route_patch(struct request *q);
int route_delete(struct request *q);
extern const struct schema tasks_edit_schema, override_schema, route_new_schema, route_patch_schema, route_schema,
	route_list_schema;

/* manual_api.c */
int manual_get_all(struct request *q);
int manual_get(struct request *q);
extern const struct schema manual_list_schema, manual_page_schema;

/* keys_api.c */
int keys_get_all(struct request *q);
int keys_post(struct request *q);
int key_patch(struct request *q);
int key_delete(struct request *q);
extern const struct schema key_new_schema, key_patch_schema, key_schema, key_list_schema, key_made_schema;

/* users_api.c */
int users_get_all(struct request *q);
int user_patch(struct request *q);
int user_delete(struct request *q);
extern const struct schema account_schema, account_list_schema, account_patch_schema;

/* jobs_api.c; job_schema stands in job/job.h */
int jobs_get_all(struct request *q);
int job_get_one(struct request *q);
int job_events_get(struct request *q);
int job_cancel_post(struct request *q);
int job_resume_post(struct request *q);
int job_delete_one(struct request *q);
extern const struct schema job_list_schema;

/* ollama_api.c */
int model_pull_post(struct request *q);
int model_load_post(struct request *q);
int model_unload_post(struct request *q);
int model_delete_post(struct request *q);
int model_copy_post(struct request *q);
int model_details_get(struct request *q);
extern const struct schema model_pull_schema, model_load_schema, model_name_schema, model_copy_schema,
	model_details_schema;

/* uploads_api.c */
int uploads_options(struct request *q);
int uploads_post(struct request *q);
int upload_head(struct request *q);
int upload_patch(struct request *q);
int upload_delete(struct request *q);

/* usage_api.c */
int usage_get(struct request *q);
int usage_calls_get(struct request *q);
extern const struct schema usage_schema, call_page_schema;

/* prices_api.c */
int prices_get_all(struct request *q);
int prices_post(struct request *q);
int price_patch(struct request *q);
int price_delete(struct request *q);
extern const struct schema price_schema, price_list_schema, price_new_schema, price_patch_schema;

/* limits_api.c */
int limits_get_all(struct request *q);
int my_limits_get(struct request *q);
int limits_post(struct request *q);
int limit_patch(struct request *q);
int limit_delete(struct request *q);
extern const struct schema limit_schema, limit_list_schema, limit_new_schema, limit_patch_schema;

/* groups_api.c */
int groups_get_all(struct request *q);
int groups_post(struct request *q);
int group_members_put(struct request *q);
int group_delete(struct request *q);
extern const struct schema group_schema, group_list_schema, group_new_schema, group_members_schema;

/* gateway/openai_chat.c, openai_completions.c, responses_request.c, embeddings.c, models.c */
int chat_completions_post(struct request *q);
int completions_post(struct request *q);
int responses_post(struct request *q);
int responses_compact_post(struct request *q);
int responses_count_post(struct request *q);
int response_get(struct request *q);
int response_items_get(struct request *q);
int response_delete(struct request *q);
int embeddings_post(struct request *q);
int gateway_models_get(struct request *q);
int gateway_model_get(struct request *q);
int ollama_root_get(struct request *q);

/* gateway/anthropic_messages.c */
int anthropic_messages_post(struct request *q);
int anthropic_count_tokens_post(struct request *q);

/* gateway/ollama_models.c, ollama_calls.c, ollama_manage.c */
int ollama_version_get(struct request *q);
int ollama_tags_get(struct request *q);
int ollama_ps_get(struct request *q);
int ollama_show_post(struct request *q);
int ollama_chat_post(struct request *q);
int ollama_generate_post(struct request *q);
int ollama_embed_post(struct request *q);
int ollama_embeddings_post(struct request *q);
int ollama_pull_post(struct request *q);
int ollama_delete(struct request *q);
int ollama_copy_post(struct request *q);
int ollama_me_post(struct request *q);
int ollama_not_here(struct request *q);

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
