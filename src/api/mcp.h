/* mcp.h - Atelier as a server of the Model Context Protocol: one message of a client, and what answers it. */
#pragma once

#include "api/gateway/gateway.h"
#include "base/json.h"

#define MCP_NEWEST   "2026-07-28"
#define MCP_OLD      "2025-11-25"
#define MCP_DOCUMENT "atelier://documents/"

struct mcp_ask {
	struct request *q;
	const json_t *message, *params; /* params: an object, perhaps empty */
	const char *method;
	bool modern;
	json_t *result;      /* set by who answers */
	int code;            /* or this error of JSON-RPC, */
	const char *problem; /* with these words, in the arena or a literal */
	bool answered;       /* q->raw is the answer already */
};

/* Each sets ask->result or ask->code and returns 0; negative, with the cause in q->err, for what is a failure of the whole. */
typedef int mcp_method_fn(struct mcp_ask *ask);
mcp_method_fn mcp_tools_list, mcp_tools_call;                                 /* mcp_tools.c */
mcp_method_fn mcp_resources_list, mcp_resource_templates, mcp_resources_read; /* mcp_library.c */
mcp_method_fn mcp_prompts_list, mcp_prompts_get, mcp_complete;
mcp_method_fn mcp_subscribe; /* mcp_listen.c */

/* The message of a result (taken), as bytes of q->raw. */
void mcp_write_result(const struct mcp_ask *ask, json_t *result, struct buf *out);
void mcp_write_error(const struct mcp_ask *ask, struct buf *out);   /* likewise of ask->code */
int mcp_refuse(struct mcp_ask *ask, int code, const char *problem); /* 0 */
int mcp_refuse_cancelled(struct mcp_ask *ask);                      /* 0 */

/* A model's answer to a call (mcp_chat.c): the state of the two formats. */
struct mcp_chat {
	struct mcp_ask *ask;
	json_t *token; /* what progress is told by, of the message; NULL: none is told, and the answer is no stream */
	int64_t begun_ms, told_ms;
};
struct mcp_chat *mcp_chat_new(struct mcp_ask *ask); /* in the arena; NULL: no memory */
#define MCP_SESSION "Mcp-Session-Id"
/* What a client of the older revisions calls its call of this id: the handshake that it names, and the id. 0: it names none. */
uint64_t mcp_call_name(const struct request *q, const json_t *id);
extern const struct gw_format mcp_chat_whole, mcp_chat_stream;

/* What a document is called as a resource; in the arena. */
const char *mcp_document_uri(struct request *q, atelier_id id);
