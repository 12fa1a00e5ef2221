/* routes.c - every address that is not a file of the web page. */
#include "api/gateway/describe.h"
#include "api/handlers.h"

/* Two identifiers. */
#define CURSOR_PATTERN "^(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}$"

static const struct param conversation_list_params[] = {
	{.name = "q", .type = PARAM_STR, .doc = "Words that the title must contain."},
	{.name = "cursor", .type = PARAM_STR, .pattern = CURSOR_PATTERN, .doc = "`next` of the page before."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 200, .otherwise = 50, .doc = "Items of a page."},
};
static const struct param key_list_params[] = {
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's; for administrators."},
};
static const struct param job_list_params[] = {
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 500, .otherwise = 50, .doc = "At most so many."},
};
static const struct param details_params[] = {
	{.name = "model", .type = PARAM_STR, .required = true, .min = 1, .max = 200, .doc = "Id of the model."},
};
/* Of requests that answer with the models. */
static const struct param managed_params[] = {
	{.name = "all", .type = PARAM_BOOL, .doc = "Hidden ones too; for administrators."},
};
static const struct param delete_params[] = {
	{.name = "hard", .type = PARAM_BOOL, .doc = "Remove it for good instead of hiding it."},
};
static const struct param message_list_params[] = {
	{.name = "before", .type = PARAM_ID, .doc = "`next` of the newer page."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 500, .otherwise = 100, .doc = "Messages of a page."},
};
static const struct param stream_params[] = {
	{.name = "after",
		.type = PARAM_I64,
		.max = INT64_MAX,
		.doc = "Number of the last event that is known; the header Last-Event-ID says the same and wins."},
};

static const struct param usage_params[] = {
	{.name = "from",
		.type = PARAM_STR,
		.format = "date",
		.doc = "First day, UTC: 2026-11-01. Without it 30 days are told."},
	{.name = "to", .type = PARAM_STR, .format = "date", .doc = "Last day, UTC; today."},
	{.name = "by", .type = PARAM_STR, .choices = "day model provider user key", .doc = "What to add up by; day."},
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's, for administrators."},
};
static const struct param usage_calls_params[] = {
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 200, .otherwise = 50, .doc = "Items of a page."},
	{.name = "cursor", .type = PARAM_ID, .doc = "`next` of the page before."},
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's, for administrators."},
};

#define PARAMS(array) .params = (array), .n_params = N_ELEMENTS(array)
#define V1            "/api/v1"
/* How a route may fail beside what its kind has (fails.c). */
#define FAILS(...)                                                                                                     \
	.errors = (const int[])                                                                                        \
	{                                                                                                              \
		__VA_ARGS__, 0                                                                                         \
	}
#define PROVIDER_FAILS                                                                                                 \
	E_PROVIDER, E_PROVIDER_DOWN, E_PROVIDER_BROKEN, E_PROVIDER_TIMEOUT, E_PROVIDER_REFUSED, E_PROVIDER_REJECTED,   \
		E_PROVIDER_LIMITED, E_PROVIDER_BUSY, E_PROVIDER_QUOTA
#define UPLOAD_PART_MAX (8 << 20) /* bytes */

/* For bodies of a few words: what asks for more is refused by its head. */
#define SMALL_BODY .body_max = 16384

/* clang-format off */
static const struct route routes[] = {
	/* people */
	{"POST", V1 "/auth/login", "login", login_post, ACCESS_PUBLIC, ROUTE_PASSWORD, .status = 200,
		SMALL_BODY, .body = &login_schema, .answer = &signed_in_schema, FAILS(E_UNAUTHORIZED, E_FORBIDDEN, E_RATE_LIMITED, E_SETUP_REQUIRED),
		.summary = "Sign in; also sets the session's cookie."},
	{"POST", V1 "/auth/logout", "logout", logout_post, ACCESS_USER, ROUTE_SESSION, .status = 204,
		.summary = "End the session."},
	{"GET", V1 "/setup", "getSetup", setup_get, ACCESS_PUBLIC, .status = 200,
		.answer = &setup_state_schema, .summary = "Whether there is no administrator yet."},
	{"POST", V1 "/setup", "setup", setup_post, ACCESS_PUBLIC, ROUTE_PASSWORD, .status = 200,
		SMALL_BODY, .body = &setup_schema, .answer = &signed_in_schema,
		FAILS(E_UNAUTHORIZED, E_FORBIDDEN, E_CONFLICT, E_RATE_LIMITED),
		.summary = "Make the first administrator with the code that the server printed."},
	{"GET", V1 "/me", "getMe", me_get, ACCESS_USER, .status = 200,
		.answer = &user_schema, .summary = "Who is signed in."},
	{"POST", V1 "/me/password", "changePassword", password_post, ACCESS_USER, ROUTE_PASSWORD | ROUTE_SESSION, .status = 204,
		SMALL_BODY, .body = &password_schema, .summary = "Change the own password; all sessions of the user end, and the API keys unless told otherwise."},

	{"GET", V1 "/users", "listUsers", users_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &account_list_schema, .summary = "Everybody who can sign in."},
	{"PATCH", V1 "/users/{id}", "updateUser", user_patch, ACCESS_ADMIN, ROUTE_SESSION, .status = 200,
		.body = &account_patch_schema, .answer = &account_schema,
		.summary = "Change somebody's role, or disable them: all that they have open ends.",
		FAILS(E_CONFLICT)},
	{"DELETE", V1 "/users/{id}", "deleteUser", user_delete, ACCESS_ADMIN, ROUTE_SESSION, .status = 204,
		.summary = "Remove somebody with their conversations and API keys; usage stays.",
		FAILS(E_CONFLICT)},
	{"GET", V1 "/keys", "listKeys", keys_get_all, ACCESS_USER, ROUTE_SESSION, .status = 200,
		PARAMS(key_list_params), .answer = &key_list_schema, .summary = "The own API keys, without their secrets."},
	{"POST", V1 "/keys", "createKey", keys_post, ACCESS_USER, ROUTE_SESSION, .status = 201,
		.body = &key_new_schema, .answer = &key_made_schema,
		FAILS(E_CONFLICT),
		.summary = "Make an API key; this answer is the only one that shows it."},
	{"PATCH", V1 "/keys/{id}", "updateKey", key_patch, ACCESS_USER, ROUTE_SESSION, .status = 200,
		.body = &key_patch_schema, .answer = &key_schema, FAILS(E_CONFLICT),
		.summary = "Change name, scopes or models of an own key."},
	{"DELETE", V1 "/keys/{id}", "deleteKey", key_delete, ACCESS_USER, ROUTE_SESSION, .status = 204,
		.summary = "End a key at once; an administrator may end anybody's."},

	/* conversations */
	{"POST", V1 "/conversations", "createConversation", conversations_post, ACCESS_USER, .status = 201,
		.body = &conversation_new_schema, .answer = &conversation_schema, FAILS(E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Begin a conversation."},
	{"GET", V1 "/conversations", "listConversations", conversations_get_all, ACCESS_USER, .status = 200,
		PARAMS(conversation_list_params), .answer = &conversation_page_schema,
		.summary = "The own conversations, the newest first."},
	{"GET", V1 "/conversations/{id}", "getConversation", conversation_get, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, .summary = "One conversation."},
	{"PATCH", V1 "/conversations/{id}", "updateConversation", conversation_patch, ACCESS_USER, .status = 200,
		.body = &conversation_patch_schema, .answer = &conversation_schema, FAILS(E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Change title or model."},
	{"DELETE", V1 "/conversations/{id}", "deleteConversation", conversation_delete, ACCESS_USER, ROUTE_SLOW,
		.status = 204, PARAMS(delete_params), FAILS(E_CONFLICT),
		.summary = "Delete it; an answer being written is stopped."},
	{"GET", V1 "/conversations/{id}/messages", "listMessages", messages_get_all, ACCESS_USER, .status = 200,
		PARAMS(message_list_params), .answer = &message_page_schema,
		.summary = "The messages, from the newest page backwards; within a page the oldest first."},

	/* turns */
	{"POST", V1 "/conversations/{id}/turns", "createTurn", turns_post, ACCESS_USER, .status = 202,
		.body = &turn_new_schema, .answer = &turn_started_schema, .stream = "TurnEvent",
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, E_MODEL_CANNOT, E_LIMIT, E_BUDGET, PROVIDER_FAILS),
		.summary = "Say something and have it answered; with Accept: text/event-stream the answer is the stream."},
	{"GET", V1 "/turns/{id}", "getTurn", turn_get, ACCESS_USER, .status = 200,
		.answer = &turn_schema, .summary = "How far a turn is."},
	{"GET", V1 "/turns/{id}/events", "followTurn", turn_events_get, ACCESS_USER, ROUTE_STREAM, .status = 200,
		PARAMS(stream_params), .stream = "TurnEvent", .summary = "The turn's events so far, then live."},
	{"POST", V1 "/turns/{id}/cancel", "cancelTurn", turn_cancel_post, ACCESS_USER, .status = 202,
		.answer = &empty_schema, .summary = "Stop it; what is written stays. A turn that has ended is no error."},
	{"GET", "/stream/{token}", "followStream", stream_get, ACCESS_PUBLIC, ROUTE_STREAM, .status = 200,
		PARAMS(stream_params), .stream = "TurnEvent",
		FAILS(E_UNAUTHORIZED, E_EXPIRED),
		.summary = "The same by the link that starting a turn gave; needs no other credential."},
	{"GET", V1 "/events", "followChanges", changes_get, ACCESS_USER, ROUTE_STREAM, .status = 200,
		.stream = "FeedEvent", .summary = "What changes for the user, live. Not numbered: ask again after a gap."},

	/* models and the manual */
	{"GET", V1 "/models", "listModels", models_get, ACCESS_USER, .status = 200,
		PARAMS(managed_params), .answer = &models_schema, .summary = "The models known now."},
	{"POST", V1 "/models/refresh", "refreshModels", models_refresh_post, ACCESS_USER, ROUTE_SLOW, .status = 200,
		PARAMS(managed_params), .answer = &models_schema, .summary = "Look at all providers again (at most 5 seconds)."},
	{"GET", V1 "/models/details", "getModelDetails", model_details_get, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(details_params), .answer = &model_details_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "What an Ollama tells of a model."},
	{"POST", V1 "/models/pull", "pullModel", model_pull_post, ACCESS_ADMIN, ROUTE_MODELS, .status = 202,
		.body = &model_pull_schema, .answer = &job_schema,
		FAILS(E_NOT_FOUND, E_CONFLICT),
		.summary = "Let an Ollama fetch a model; the job tells how far it is. One that is being fetched: its job."},
	{"POST", V1 "/models/load", "loadModel", model_load_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS, .status = 202,
		PARAMS(managed_params), .body = &model_load_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Let an Ollama load a model, which may take minutes: a job does it."},
	{"POST", V1 "/models/unload", "unloadModel", model_unload_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(managed_params), .body = &model_name_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Let an Ollama free the memory that a model takes."},
	{"POST", V1 "/models/delete", "deleteModel", model_delete_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(managed_params), .body = &model_name_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Delete a model of an Ollama."},
	{"POST", V1 "/models/copy", "copyModel", model_copy_post, ACCESS_ADMIN, ROUTE_SLOW | ROUTE_MODELS,
		.status = 200, PARAMS(managed_params), .body = &model_copy_schema, .answer = &models_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "Give a model of an Ollama a second name."},

	/* jobs */
	{"GET", V1 "/jobs", "listJobs", jobs_get_all, ACCESS_USER, ROUTE_JOBS, .status = 200,
		PARAMS(job_list_params), .answer = &job_list_schema,
		.summary = "The own jobs, an administrator's are all, the newest first."},
	{"GET", V1 "/jobs/{id}", "getJob", job_get_one, ACCESS_USER, ROUTE_JOBS, .status = 200,
		.answer = &job_schema, .summary = "How far a job is."},
	{"GET", V1 "/jobs/{id}/events", "followJob", job_events_get, ACCESS_USER, ROUTE_JOBS | ROUTE_STREAM,
		.status = 200, .stream = "JobEvent",
		.summary = "How far it is, at once and whenever that changes (at most 5 times a second), to its end."},
	{"POST", V1 "/jobs/{id}/cancel", "cancelJob", job_cancel_post, ACCESS_USER, ROUTE_JOBS, .status = 202,
		.answer = &job_schema, FAILS(E_CONFLICT),
		.summary = "Stop it; one that has ended is no error."},
	{"POST", V1 "/jobs/{id}/resume", "resumeJob", job_resume_post, ACCESS_USER, ROUTE_JOBS, .status = 202,
		.answer = &job_schema, FAILS(E_CONFLICT),
		.summary = "Go on with one that failed or was canceled."},
	{"DELETE", V1 "/jobs/{id}", "deleteJob", job_delete_one, ACCESS_USER, ROUTE_JOBS, .status = 204,
		FAILS(E_CONFLICT), .summary = "Forget one that has ended."},

	{"PUT", V1 "/models/tasks", "setModelTasks", models_tasks_put, ACCESS_ADMIN, .status = 200,
		.body = &tasks_edit_schema, .answer = &models_schema, FAILS(E_MODEL_UNKNOWN, E_CONFLICT),
		.summary = "Say which model each task takes."},
	{"PUT", V1 "/models/override", "overrideModel", models_override_put, ACCESS_ADMIN, .status = 200,
		.body = &override_schema, .answer = &models_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Show a model under another name, or hide it."},
	{"GET", V1 "/models/routes", "listModelRoutes", routes_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &route_list_schema, .summary = "Aliases, and what is called when something else cannot be."},
	{"POST", V1 "/models/routes", "createModelRoute", routes_post, ACCESS_ADMIN, .status = 201,
		.body = &route_new_schema, .answer = &route_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Say where calls for a name or pattern go."},
	{"PATCH", V1 "/models/routes/{id}", "updateModelRoute", route_patch, ACCESS_ADMIN, .status = 200,
		.body = &route_patch_schema, .answer = &route_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Change a route."},
	{"DELETE", V1 "/models/routes/{id}", "deleteModelRoute", route_delete, ACCESS_ADMIN, .status = 204,
		FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Remove a route."},
	{"GET", V1 "/providers", "listProviders", providers_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &provider_list_schema, .summary = "Where models come from, and how each of them is."},
	{"POST", V1 "/providers", "createProvider", providers_post, ACCESS_ADMIN, .status = 201,
		.body = &provider_new_schema, .answer = &provider_details_schema,
		FAILS(E_CONFLICT),
		.summary = "Add a provider; it is used at once."},
	{"PATCH", V1 "/providers/{id}", "updateProvider", provider_patch, ACCESS_ADMIN, .status = 200,
		.body = &provider_patch_schema, .answer = &provider_details_schema, FAILS(E_CONFLICT),
		.summary = "Change a stored provider."},
	{"DELETE", V1 "/providers/{id}", "deleteProvider", provider_delete, ACCESS_ADMIN, .status = 204,
		FAILS(E_CONFLICT),
		.summary = "Remove a stored provider; calls that run go on to their end."},
	{"POST", V1 "/providers/test", "testProvider", providers_test_post, ACCESS_ADMIN, ROUTE_SLOW, .status = 200,
		.body = &provider_try_schema, .answer = &provider_tested_schema,
		FAILS(E_NOT_FOUND),
		.summary = "Try a provider without storing it (at most 5 seconds); says in words what is wrong."},
	{"GET", V1 "/manual", "listManual", manual_get_all, ACCESS_USER, .status = 200,
		.answer = &manual_list_schema, .summary = "The pages of the manual."},
	{"GET", V1 "/manual/{slug}", "getManualPage", manual_get, ACCESS_USER, .status = 200,
		.answer = &manual_page_schema, .summary = "One page of the manual."},

	/* uploads: the protocol tus, which describes itself */
#define TUS(more) ROUTE_TUS | ROUTE_ABSENT, .status = (more)
	{"OPTIONS", V1 "/uploads", "getUploadOptions", uploads_options, ACCESS_PUBLIC, TUS(204),
		.summary = "Versions, extensions and limits of uploads in parts."},
	{"POST", V1 "/uploads", "createUpload", uploads_post, ACCESS_USER, TUS(201),
		FAILS(E_PRECONDITION),
		.summary = "Begin an upload of Upload-Length bytes; Location says where its parts go."},
	{"HEAD", V1 "/uploads/{id}", "getUpload", upload_head, ACCESS_USER, TUS(200),
		FAILS(E_PRECONDITION, E_EXPIRED), .summary = "How many bytes are there: Upload-Offset."},
	{"PATCH", V1 "/uploads/{id}", "addToUpload", upload_patch, ACCESS_USER, TUS(204), .body_max = UPLOAD_PART_MAX,
		FAILS(E_PRECONDITION, E_EXPIRED, E_CONFLICT, E_MEDIA_TYPE, E_LOCKED, E_CHECKSUM),
		.summary = "The next part, at most 8 MiB."},
	{"DELETE", V1 "/uploads/{id}", "deleteUpload", upload_delete, ACCESS_USER, TUS(204),
		FAILS(E_PRECONDITION, E_LOCKED), .summary = "Give an upload up."},

	/* usage, prices, limits */
	{"GET", V1 "/usage", "getUsage", usage_get, ACCESS_USER, .status = 200, PARAMS(usage_params),
		.answer = &usage_schema, .summary = "What the own calls of models took and cost."},
	{"GET", V1 "/usage/calls", "listCalls", usage_calls_get, ACCESS_USER, .status = 200,
		PARAMS(usage_calls_params), .answer = &call_page_schema, .summary = "The single calls, the newest first."},
	{"GET", V1 "/prices", "listPrices", prices_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &price_list_schema, .summary = "What models cost."},
	{"POST", V1 "/prices", "createPrice", prices_post, ACCESS_ADMIN, .status = 201,
		.body = &price_new_schema, .answer = &price_schema, FAILS(E_CONFLICT),
		.summary = "Set a price; it counts from the next call on."},
	{"PATCH", V1 "/prices/{id}", "updatePrice", price_patch, ACCESS_ADMIN, .status = 200,
		.body = &price_patch_schema, .answer = &price_schema, FAILS(E_CONFLICT),
		.summary = "Change a price; what is past stays."},
	{"DELETE", V1 "/prices/{id}", "deletePrice", price_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Remove a price."},
	{"GET", V1 "/me/limits", "listMyLimits", my_limits_get, ACCESS_USER, .status = 200,
		.answer = &limit_list_schema, .summary = "The limits that bind the asker, as they stand."},
	{"GET", V1 "/limits", "listLimits", limits_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &limit_list_schema, .summary = "All limits, as they stand."},
	{"POST", V1 "/limits", "createLimit", limits_post, ACCESS_ADMIN, .status = 201,
		.body = &limit_new_schema, .answer = &limit_schema,
		FAILS(E_CONFLICT, E_NOT_FOUND),
		.summary = "Set a limit; what its running window has seen counts."},
	{"PATCH", V1 "/limits/{id}", "updateLimit", limit_patch, ACCESS_ADMIN, .status = 200,
		.body = &limit_patch_schema, .answer = &limit_schema, .summary = "Change how much may be used."},
	{"DELETE", V1 "/limits/{id}", "deleteLimit", limit_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Remove a limit."},
	{"GET", V1 "/groups", "listGroups", groups_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &group_list_schema, .summary = "All groups and who is in them."},
	{"POST", V1 "/groups", "createGroup", groups_post, ACCESS_ADMIN, .status = 201,
		.body = &group_new_schema, .answer = &group_schema, FAILS(E_CONFLICT),
		.summary = "Make a group."},
	{"PUT", V1 "/groups/{id}/members", "setGroupMembers", group_members_put, ACCESS_ADMIN, .status = 200,
		.body = &group_members_schema, .answer = &group_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Say who is in it."},
	{"DELETE", V1 "/groups/{id}", "deleteGroup", group_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Remove a group with its limits."},

	/* the gateway: as OpenAI, Anthropic and Ollama have it */
#define OPENAI    .status = 200, .media = "application/json", .shape = SHAPE_OPENAI
#define ANTHROPIC .status = 200, .media = "application/json", .shape = SHAPE_ANTHROPIC
#define OLLAMA    .status = 200, .media = "application/json", .shape = SHAPE_OLLAMA
#define EVENTS    .media_stream = "text/event-stream"
#define LINES     .media_stream = "application/x-ndjson"
	{"GET", "/", "getRoot", ollama_root_get, ACCESS_PUBLIC, ROUTE_LOOP | ROUTE_ABSENT, .status = 200,
		.media = "text/plain; charset=utf-8", .shape = SHAPE_OLLAMA,
		.summary = "\"Ollama is running\" for Ollama's own clients; all others get the page."},
	{"POST", "/v1/chat/completions", "openaiChat", chat_completions_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, EVENTS, .body_schema = GW_MODEL_BODY, .summary = "Ask a model in the way of OpenAI."},
	{"POST", "/v1/completions", "openaiCompletions", completions_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, EVENTS, .body_schema = GW_MODEL_BODY, .summary = "Have a model go on with a text, or fill a gap in one."},
	{"POST", "/v1/responses", "openaiResponses", responses_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, EVENTS, .body_schema = GW_MODEL_BODY, .summary = "Ask a model in OpenAI's newer way; answers are kept for a while, to go on from."},
	{"POST", "/v1/responses/compact", "openaiCompact", responses_compact_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, .body_schema = GW_MODEL_BODY, .summary = "Have a model put a conversation in short."},
	{"POST", "/v1/responses/input_tokens", "openaiInputTokens", responses_count_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, OPENAI, .body_schema = GW_MODEL_BODY, .summary = "How many tokens a request has."},
	{"GET", "/v1/responses/{response}", "openaiResponse", response_get, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "An answer that is still kept."},
	{"GET", "/v1/responses/{response}/input_items", "openaiResponseItems", response_items_get, ACCESS_USER,
		ROUTE_GATEWAY, OPENAI, .summary = "What such an answer's request brought."},
	{"DELETE", "/v1/responses/{response}", "openaiResponseDelete", response_delete, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "Keep an answer no longer."},
	{"POST", "/v1/embeddings", "openaiEmbeddings", embeddings_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, .body_schema = GW_MODEL_BODY, .summary = "Embed texts."},
	{"GET", "/v1/models", "openaiModels", gateway_models_get, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "The models that the key may call; with the header anthropic-version in Anthropic's shape."},
	{"GET", "/v1/models/{model}", "openaiModel", gateway_model_get, ACCESS_USER, ROUTE_GATEWAY | ROUTE_REST,
		OPENAI, FAILS(E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "One model."},
	{"POST", "/v1/messages", "anthropicMessages", anthropic_messages_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, ANTHROPIC, EVENTS, .body_schema = GW_MODEL_BODY, .summary = "Ask a model in the way of Anthropic."},
	{"POST", "/v1/messages/count_tokens", "anthropicCountTokens", anthropic_count_tokens_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, ANTHROPIC, .body_schema = GW_MODEL_BODY, .summary = "How many tokens a request has."},
	{"GET", "/api/version", "ollamaVersion", ollama_version_get, ACCESS_PUBLIC, ROUTE_LOOP, OLLAMA,
		.summary = "The version of Ollama whose interface this is."},
	{"GET", "/api/tags", "ollamaTags", ollama_tags_get, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		.summary = "All models that the key may use, in the way of Ollama."},
	{"GET", "/api/ps", "ollamaPs", ollama_ps_get, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		.summary = "The models that are loaded."},
	{"POST", "/api/show", "ollamaShow", ollama_show_post, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		FAILS(E_NOT_FOUND, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.body_schema = GW_MODEL_BODY, .summary = "What is known of a model."},
	{"POST", "/api/chat", "ollamaChat", ollama_chat_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL, OLLAMA,
		LINES, .body_schema = GW_MODEL_BODY, .summary = "Ask a model in the way of Ollama; a stream of lines of JSON unless \"stream\" is false."},
	{"POST", "/api/generate", "ollamaGenerate", ollama_generate_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OLLAMA, LINES, .body_schema = GW_MODEL_BODY, .summary = "Go on with a prompt in the way of Ollama."},
	{"POST", "/api/embed", "ollamaEmbed", ollama_embed_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL, OLLAMA,
		.body_schema = GW_MODEL_BODY, .summary = "Embed texts."},
	{"POST", "/api/embeddings", "ollamaEmbeddings", ollama_embeddings_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, OLLAMA, .body_schema = GW_MODEL_BODY, .summary = "Embed one text, in the older way."},
	{"POST", "/api/pull", "ollamaPull", ollama_pull_post, ACCESS_ADMIN, ROUTE_MODELS | ROUTE_CALL, OLLAMA,
		LINES, .body_schema = GW_MODEL_BODY, .summary = "Let the first Ollama fetch a model."},
	{"DELETE", "/api/delete", "ollamaDelete", ollama_delete, ACCESS_ADMIN, ROUTE_MODELS | ROUTE_CALL, OLLAMA,
		.body_schema = GW_MODEL_BODY, .summary = "Delete a model of an Ollama."},
	{"POST", "/api/copy", "ollamaCopy", ollama_copy_post, ACCESS_ADMIN, ROUTE_MODELS | ROUTE_CALL, OLLAMA,
		.body_schema = GW_COPY_BODY, .summary = "Give a model of an Ollama a second name."},
	{"POST", "/api/me", "ollamaMe", ollama_me_post, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		.summary = "Whose key it is, in the way of Ollama."},
	{"POST", "/api/push", "ollamaPush", ollama_not_here, ACCESS_USER, ROUTE_GATEWAY | ROUTE_ABSENT, OLLAMA,
		FAILS(E_NOT_FOUND),
		.summary = "Not offered: 501."},
	{"POST", "/api/create", "ollamaCreate", ollama_not_here, ACCESS_USER, ROUTE_GATEWAY | ROUTE_ABSENT, OLLAMA,
		FAILS(E_NOT_FOUND),
		.summary = "Not offered: 501."},
	{"POST", "/api/blobs/{digest}", "ollamaBlobs", ollama_not_here, ACCESS_USER, ROUTE_GATEWAY | ROUTE_ABSENT, OLLAMA,
		FAILS(E_NOT_FOUND),
		.summary = "Not offered: 501."},

	/* the program */
	{"GET", "/health/live", "getLive", live_get, ACCESS_PUBLIC, ROUTE_LOOP, .status = 200,
		.answer = &status_schema, .summary = "The program runs."},
	{"GET", "/health/ready", "getReady", ready_get, ACCESS_PUBLIC, ROUTE_LOOP, .status = 200,
		.answer = &status_schema, .summary = "The program can do its work; 503 when it cannot."},
	{"GET", "/health", "getHealth", health_get, ACCESS_ADMIN, ROUTE_SLOW, .status = 200,
		.answer = &health_schema, .summary = "How each part is."},
	{"GET", "/metrics", "getMetrics", metrics_get, ACCESS_PUBLIC, .status = 200,
		.media = "text/plain; version=0.0.4; charset=utf-8",
		FAILS(E_UNAUTHORIZED, E_FORBIDDEN, E_SETUP_REQUIRED, E_NOT_FOUND),
		.summary = "Metrics for Prometheus; the setting metrics_access says for whom."},
	{"GET", V1 "/openapi.json", "getOpenApi", openapi_get, ACCESS_PUBLIC, ROUTE_LOOP, .status = 200,
		.media = "application/json", .summary = "This description."},
};
/* clang-format on */

const struct route *api_routes(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(routes);
	return routes;
}
