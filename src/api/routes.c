/* routes.c - every address that is not a file of the web page. */
#include "api/handlers.h"

static const struct param conversation_list_params[] = {
	{.name = "q", .type = PARAM_STR, .doc = "Words that the title must contain."},
	{.name = "cursor", .type = PARAM_STR, .doc = "`next` of the page before."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 200, .otherwise = 50, .doc = "Items of a page."},
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

#define PARAMS(array) .params = (array), .n_params = N_ELEMENTS(array)
#define V1            "/api/v1"

/* clang-format off */
static const struct route routes[] = {
	/* people */
	{"POST", V1 "/auth/login", "login", login_post, ACCESS_PUBLIC, ROUTE_SLOW, .status = 200,
		.body = &login_schema, .answer = &signed_in_schema, .summary = "Sign in; also sets the session's cookie."},
	{"POST", V1 "/auth/logout", "logout", logout_post, ACCESS_USER, .status = 204,
		.summary = "End the session."},
	{"GET", V1 "/setup", "getSetup", setup_get, ACCESS_PUBLIC, .status = 200,
		.answer = &setup_state_schema, .summary = "Whether there is no administrator yet."},
	{"POST", V1 "/setup", "setup", setup_post, ACCESS_PUBLIC, ROUTE_SLOW, .status = 200,
		.body = &setup_schema, .answer = &signed_in_schema,
		.summary = "Make the first administrator with the code that the server printed."},
	{"GET", V1 "/me", "getMe", me_get, ACCESS_USER, .status = 200,
		.answer = &user_schema, .summary = "Who is signed in."},
	{"POST", V1 "/me/password", "changePassword", password_post, ACCESS_USER, ROUTE_SLOW, .status = 204,
		.body = &password_schema, .summary = "Change the own password; all sessions of the user end."},

	/* conversations */
	{"POST", V1 "/conversations", "createConversation", conversations_post, ACCESS_USER, .status = 201,
		.body = &conversation_new_schema, .answer = &conversation_schema, .summary = "Begin a conversation."},
	{"GET", V1 "/conversations", "listConversations", conversations_get_all, ACCESS_USER, .status = 200,
		PARAMS(conversation_list_params), .answer = &conversation_page_schema,
		.summary = "The own conversations, the newest first."},
	{"GET", V1 "/conversations/{id}", "getConversation", conversation_get, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, .summary = "One conversation."},
	{"PATCH", V1 "/conversations/{id}", "updateConversation", conversation_patch, ACCESS_USER, .status = 200,
		.body = &conversation_patch_schema, .answer = &conversation_schema, .summary = "Change title or model."},
	{"DELETE", V1 "/conversations/{id}", "deleteConversation", conversation_delete, ACCESS_USER, ROUTE_SLOW,
		.status = 204, PARAMS(delete_params), .summary = "Delete it; an answer being written is stopped."},
	{"GET", V1 "/conversations/{id}/messages", "listMessages", messages_get_all, ACCESS_USER, .status = 200,
		PARAMS(message_list_params), .answer = &message_page_schema,
		.summary = "The messages, from the newest page backwards; within a page the oldest first."},

	/* turns */
	{"POST", V1 "/conversations/{id}/turns", "createTurn", turns_post, ACCESS_USER, ROUTE_EITHER, .status = 202,
		.body = &turn_new_schema, .answer = &turn_started_schema, .stream = "TurnEvent",
		.summary = "Say something and have it answered; with Accept: text/event-stream the answer is the stream."},
	{"GET", V1 "/turns/{id}", "getTurn", turn_get, ACCESS_USER, .status = 200,
		.answer = &turn_schema, .summary = "How far a turn is."},
	{"GET", V1 "/turns/{id}/events", "followTurn", turn_events_get, ACCESS_USER, ROUTE_STREAM, .status = 200,
		PARAMS(stream_params), .stream = "TurnEvent", .summary = "The turn's events so far, then live."},
	{"POST", V1 "/turns/{id}/cancel", "cancelTurn", turn_cancel_post, ACCESS_USER, .status = 202,
		.answer = &empty_schema, .summary = "Stop it; what is written stays. A turn that has ended is no error."},
	{"GET", "/stream/{token}", "followStream", stream_get, ACCESS_PUBLIC, ROUTE_STREAM | ROUTE_SECRET, .status = 200,
		PARAMS(stream_params), .stream = "TurnEvent",
		.summary = "The same by the link that starting a turn gave; needs no other credential."},
	{"GET", V1 "/events", "followChanges", changes_get, ACCESS_USER, ROUTE_STREAM, .status = 200,
		.stream = "FeedEvent", .summary = "What changes for the user, live. Not numbered: ask again after a gap."},

	/* models and the manual */
	{"GET", V1 "/models", "listModels", models_get, ACCESS_USER, .status = 200,
		.answer = &models_schema, .summary = "The models known now."},
	{"POST", V1 "/models/refresh", "refreshModels", models_refresh_post, ACCESS_USER, ROUTE_SLOW, .status = 200,
		.answer = &models_schema, .summary = "Look at all providers again (at most 5 seconds)."},
	{"GET", V1 "/manual", "listManual", manual_get_all, ACCESS_USER, .status = 200,
		.answer = &manual_list_schema, .summary = "The pages of the manual."},
	{"GET", V1 "/manual/{slug}", "getManualPage", manual_get, ACCESS_USER, .status = 200,
		.answer = &manual_page_schema, .summary = "One page of the manual."},

	/* the program */
	{"GET", "/health/live", "getLive", live_get, ACCESS_PUBLIC, ROUTE_LOOP, .status = 200,
		.answer = &status_schema, .summary = "The program runs."},
	{"GET", "/health/ready", "getReady", ready_get, ACCESS_PUBLIC, .status = 200,
		.answer = &status_schema, .summary = "The program can do its work; 503 when it cannot."},
	{"GET", "/health", "getHealth", health_get, ACCESS_ADMIN, .status = 200,
		.answer = &health_schema, .summary = "How each part is."},
	{"GET", "/metrics", "getMetrics", metrics_get, ACCESS_PUBLIC, .status = 200,
		.media = "text/plain; version=0.0.4; charset=utf-8",
		.summary = "Metrics for Prometheus; the setting metrics_access says for whom."},
	{"GET", V1 "/openapi.json", "getOpenApi", openapi_get, ACCESS_PUBLIC, .status = 200,
		.media = "application/json", .summary = "This description."},
};
/* clang-format on */

const struct route *api_routes(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(routes);
	return routes;
}
