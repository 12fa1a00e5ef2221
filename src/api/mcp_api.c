/*
 * mcp_api.c - POST /mcp: Atelier as a server of the Model Context Protocol (Streamable HTTP). It keeps no session and asks nothing
 * back: each message is answered by itself, so that both eras come to the same, with a handshake or without. A handshake gets a name all
 * the same, by which a client can end its calls.
 */
#include "api/mcp.h"

#include <stdio.h>
#include <strings.h>

#include <sodium.h>

#include "base/address.h"

enum {
	ERR_PARSE = -32700,
	ERR_REQUEST = -32600,
	ERR_METHOD = -32601,
	ERR_PARAMS = -32602,
	ERR_HEADERS = -32020,
	ERR_VERSION = -32022,
	ERR_CANCELLED = -32800
};
#define META        "io.modelcontextprotocol/"
#define TTL_MS      60000
#define BODY_MAX    (8 << 20)
#define BRIEF_BYTES 4096

static const char *const old_versions[] = {MCP_OLD, "2025-06-18", "2025-03-26"};
_Static_assert(N_ELEMENTS(old_versions) == 3, "as many are told in two places below");

/* ---- answers ---- */

int mcp_refuse(struct mcp_ask *ask, int code, const char *problem)
{
	ASSERT(code < 0 && problem); /* 0 is that it was not refused */
	ask->code = code;
	ask->problem = problem;
	return 0;
}

/* Of a call that its client gave up by a message of its own: it is still connected, and a failure of HTTP would end all its calls. */
int mcp_refuse_cancelled(struct mcp_ask *ask)
{
	return mcp_refuse(ask, ERR_CANCELLED, "Request cancelled");
}

static json_t *server_info(void)
{
	return json_pack("{s:s,s:s,s:s}", "name", "atelier", "title", "Atelier", "version", ATELIER_VERSION);
}

static bool is_list(const char *method)
{
	static const char *const lists[] = {"server/discover", "tools/list", "prompts/list", "resources/list",
		"resources/templates/list", "resources/read"};

	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		if (strcmp(lists[i], method) == 0)
			return true;
	return false;
}

void mcp_write_result(const struct mcp_ask *ask, json_t *result, struct buf *out)
{
	ASSERT(!ask->code && ask->method);
	CLEANUP(json_decrefp)
	json_t *o = json_pack(
		"{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", json_object_get(ask->message, "id"), "result", result);

	if (ask->modern) {
		json_object_set_new(result, "resultType", json_string("complete"));
		json_object_set_new(result, "_meta", json_pack("{s:o}", META "serverInfo", server_info()));
		if (is_list(ask->method)) {
			json_object_set_new(result, "ttlMs", json_integer(TTL_MS));
			json_object_set_new(result, "cacheScope", json_string("private"));
		}
	}
	json_add_value(out, o);
}

/* 400 or 404 where the newest revision says so; the older ones know only answers. */
static int error_status(const struct mcp_ask *ask)
{
	if (ask->code == ERR_PARSE || ask->code == ERR_REQUEST || ask->code == ERR_HEADERS || ask->code == ERR_VERSION)
		return 400;
	if (!ask->modern)
		return 200;
	return ask->code == ERR_METHOD ? 404 : ask->code == ERR_PARAMS && !ask->result ? 400 : 200;
}

void mcp_write_error(const struct mcp_ask *ask, struct buf *out)
{
	const json_t *id = json_object_get(ask->message, "id"), *meta = json_object_get(ask->params, "_meta");
	const char *asked = json_get_str(meta, META "protocolVersion");
	json_t *error = json_pack("{s:i,s:s}", "code", ask->code, "message", ask->problem ? ask->problem : "Error");
	CLEANUP(json_decrefp) json_t *o = json_pack("{s:s,s:o}", "jsonrpc", "2.0", "error", error);

	if (ask->code == ERR_VERSION) {
		if (!asked)
			asked = http_header(ask->q->x, "MCP-Protocol-Version");
		json_object_set_new(error, "data",
			json_pack("{s:[s,s,s,s],s:s*}", "supported", MCP_NEWEST, old_versions[0], old_versions[1],
				old_versions[2], "requested", asked));
	}
	if (ask->code == ERR_PARAMS && json_get_str(ask->params, "uri"))
		json_object_set_new(error, "data", json_pack("{s:s}", "uri", json_get_str(ask->params, "uri")));
	json_object_set_new(
		o, "id", json_is_string(id) || json_is_integer(id) ? json_incref((json_t *)id) : json_null());
	json_add_value(out, o);
}

/* ---- the two that begin ---- */

/* Of the older ones nothing is told unasked: there is no stream that it could come by. */
static json_t *capabilities(bool modern)
{
	return json_pack("{s:{},s:o,s:o,s:{}}", "tools", "resources",
		modern ? json_pack("{s:b}", "listChanged", 1) : json_object(), "prompts",
		modern ? json_pack("{s:b}", "listChanged", 1) : json_object(), "completions");
}

#define INSTRUCTIONS                                                                                                   \
	"Documents, prompts and assistants of the person whose key this is. Search documents before answering from "   \
	"memory, and name the document and page that an answer rests on."

static int discover(struct mcp_ask *ask)
{
	ask->result = json_pack("{s:[s,s,s,s],s:o,s:s}", "supportedVersions", MCP_NEWEST, old_versions[0],
		old_versions[1], old_versions[2], "capabilities", capabilities(true), "instructions", INSTRUCTIONS);
	return 0;
}

/* Nothing is kept of it: it tells apart whose calls are to end (cancelled). */
static void name_session(struct request *q)
{
	unsigned char random[16];
	char text[sodium_base64_ENCODED_LEN(sizeof(random), sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

	randombytes_buf(random, sizeof(random));
	sodium_bin2base64(text, sizeof(text), random, sizeof(random), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	http_set_header(q->x, MCP_SESSION, text);
}

static int initialize(struct mcp_ask *ask)
{
	const char *wanted = json_get_str(ask->params, "protocolVersion"), *version = MCP_OLD;

	name_session(ask->q);

	for (size_t i = 0; wanted && i < N_ELEMENTS(old_versions); i++)
		if (strcmp(wanted, old_versions[i]) == 0)
			version = old_versions[i];
	ask->result = json_pack("{s:s,s:o,s:o,s:s}", "protocolVersion", version, "capabilities", capabilities(false),
		"serverInfo", server_info(), "instructions", INSTRUCTIONS);
	return 0;
}

static int ping(struct mcp_ask *ask)
{
	ask->result = json_object();
	return 0;
}

static const struct {
	const char *name;
	mcp_method_fn *run;
	bool old, modern;
	const char *named; /* the member of params that the header Mcp-Name says again */
} methods[] = {
	{"initialize", initialize, true, false, NULL},
	{"ping", ping, true, false, NULL},
	{"server/discover", discover, false, true, NULL},
	{"tools/list", mcp_tools_list, true, true, NULL},
	{"tools/call", mcp_tools_call, true, true, "name"},
	{"resources/list", mcp_resources_list, true, true, NULL},
	{"resources/templates/list", mcp_resource_templates, true, true, NULL},
	{"resources/read", mcp_resources_read, true, true, "uri"},
	{"prompts/list", mcp_prompts_list, true, true, NULL},
	{"prompts/get", mcp_prompts_get, true, true, "name"},
	{"completion/complete", mcp_complete, true, true, NULL},
	{"subscriptions/listen", mcp_subscribe, false, true, NULL},
};

/* ---- what the newest revision wants ---- */

/* The value of a header, unpacked where it was packed; in the arena. */
static const char *plain_header(struct request *q, const char *name)
{
	const char *v = http_header(q->x, name);
	size_t n = v ? strlen(v) : 0, used;

	if (n < 11 || strncmp(v, "=?base64?", 9) != 0 || strcmp(v + n - 2, "?=") != 0)
		return v;
	unsigned char *out = arena_alloc(&q->mem, n);
	if (!out || sodium_base642bin(out, n - 1, v + 9, n - 11, NULL, &used, NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
		return NULL;
	out[used] = '\0';
	return (const char *)out;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* 0, with ask->code set where it is refused. */
static int check_modern(struct mcp_ask *ask, const char *named)
{
	struct request *q = ask->q;
	const json_t *meta = json_object_get(ask->params, "_meta");
	const char *version = json_get_str(meta, META "protocolVersion"),
		   *header = http_header(q->x, "MCP-Protocol-Version");

	if (!version)
		return mcp_refuse(ask, ERR_PARAMS, "_meta has no " META "protocolVersion.");
	if (!same(version, header))
		return mcp_refuse(ask, ERR_HEADERS, "The header MCP-Protocol-Version is not what _meta says.");
	if (strcmp(version, MCP_NEWEST) != 0)
		return mcp_refuse(ask, ERR_VERSION, "This revision of the protocol is not spoken here.");
	if (!same(ask->method, http_header(q->x, "Mcp-Method")))
		return mcp_refuse(ask, ERR_HEADERS, "The header Mcp-Method is not the method.");
	if (!json_is_object(json_object_get(meta, META "clientCapabilities")))
		return mcp_refuse(ask, ERR_PARAMS, "_meta has no " META "clientCapabilities.");
	if (named && json_get_str(ask->params, named) &&
		!same(json_get_str(ask->params, named), plain_header(q, "Mcp-Name")))
		return mcp_refuse(ask, ERR_HEADERS, "The header Mcp-Name is not the name.");
	return 0;
}

static bool is_old_version(const char *version)
{
	for (size_t i = 0; i < N_ELEMENTS(old_versions); i++)
		if (same(version, old_versions[i]))
			return true;
	return same(version, "2024-11-05");
}

static bool is_modern(struct mcp_ask *ask)
{
	return json_object_get(json_object_get(ask->params, "_meta"), META "protocolVersion") ||
	       same(http_header(ask->q->x, "MCP-Protocol-Version"), MCP_NEWEST);
}

/* ---- a message ---- */

/* Of the older revisions, where a client that leaves has not said that it stops. */
static void cancelled(struct mcp_ask *ask)
{
	const json_t *id = json_object_get(json_object_get(ask->message, "params"), "requestId");
	uint64_t name = mcp_call_name(ask->q, id);

	if (name)
		gateway_cancel(ask->q->api->gateway, ask->q->who.user.id, name);
}

static int run(struct mcp_ask *ask)
{
	const char *version = http_header(ask->q->x, "MCP-Protocol-Version");
	size_t i = 0;

	ask->modern = is_modern(ask);
	while (i < N_ELEMENTS(methods) && strcmp(methods[i].name, ask->method) != 0)
		i++;
	bool known = i < N_ELEMENTS(methods) && (ask->modern ? methods[i].modern : methods[i].old);
	if (ask->modern) {
		(void)check_modern(ask, known ? methods[i].named : NULL);
	} else if (version && !is_old_version(version)) {
		(void)mcp_refuse(ask, ERR_VERSION, "This revision of the protocol is not spoken here.");
	}
	if (ask->code)
		return 0;
	return known ? methods[i].run(ask) : mcp_refuse(ask, ERR_METHOD, "Method not found");
}

static int take(struct mcp_ask *ask, json_t *root)
{
	const json_t *id = json_object_get(root, "id");

	ask->message = root;
	ask->method = json_get_str(root, "method");
	if (!json_is_object(root) || !same(json_get_str(root, "jsonrpc"), "2.0"))
		return mcp_refuse(ask, ERR_REQUEST, "This is no message of JSON-RPC 2.0.");
	if (!ask->method && (json_object_get(root, "result") || json_object_get(root, "error")))
		return 0; /* an answer, though nothing was asked */
	if (!ask->method || (id && !json_is_string(id) && !json_is_integer(id)))
		return mcp_refuse(
			ask, ERR_REQUEST, "A request has a method, and an id that is a text or a whole number.");
	if (!id) {
		if (strcmp(ask->method, "notifications/cancelled") == 0)
			cancelled(ask);
		return 0;
	}
	ask->params = json_object_get(root, "params");
	if (ask->params && !json_is_object(ask->params))
		return mcp_refuse(ask, ERR_PARAMS, "\"params\" must be an object.");
	return run(ask);
}

/* A name may have been made to mean this machine (DNS rebinding); a number and localhost mean what they say. */
static const char *sure_host(const char *host)
{
	struct address a;
	size_t n = host ? strcspn(host, ":") : 0;

	if (n == strlen("localhost") && strncasecmp(host, "localhost", n) == 0)
		return host;
	return host && address_parse(str_from(host), &a) ? host : NULL;
}

/* A page of another site may have been given a key. */
static int check_origin(struct request *q)
{
	const char *origin = http_header(q->x, "Origin");

	if (!origin || cors_allows(q))
		return 0;
	return auth_check_site(q->api->c.settings, NULL, origin, sure_host(http_header(q->x, "Host")), &q->err);
}

/*
 * A word about a call must arrive when calls have taken all places: that is what it may be about. What asks for nothing is known
 * by having no id, and a ping keeps the connection of those calls.
 */
static bool is_brief(struct request *q)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct str body = http_body(q->x);
	struct err unreadable = {0};

	if (body.n > BRIEF_BYTES || json_read(body.p, body.n, JSON_MEMORY, JSON_READ_MILD, &root, &unreadable) < 0)
		return false;
	return json_is_object(root) && (!json_object_get(root, "id") || same(json_get_str(root, "method"), "ping"));
}

static int mcp_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct str body = http_body(q->x);
	struct mcp_ask ask = {.q = q};
	struct err unreadable = {0};
	int r = check_origin(q);

	if (r < 0)
		return r;
	q->raw = BUF_INIT((size_t)64 << 20);
	q->status = 200;
	if (json_read(body.p, body.n, JSON_MEMORY, JSON_READ_MILD, &root, &unreadable) < 0)
		(void)mcp_refuse(&ask, ERR_PARSE, "This is not JSON.");
	else if ((r = take(&ask, root)) == E_CANCELED)
		(void)mcp_refuse_cancelled(&ask);
	else if (r < 0)
		return r;
	if (ask.answered)
		return 0;
	if (ask.code) {
		q->status = error_status(&ask);
		mcp_write_error(&ask, &q->raw);
	} else if (ask.result) {
		mcp_write_result(&ask, ask.result, &q->raw);
	} else {
		q->status = 202;
	}
	return buf_status(&q->raw);
}

/* clang-format off */
static const struct header asks[] = {
	{"MCP-Protocol-Version", false, "{\"type\":\"string\"}", "The revision that is spoken; of the newest on every request."},
	{"Mcp-Method", false, "{\"type\":\"string\"}", "The method of the message again; of the newest revision."},
	{"Mcp-Name", false, "{\"type\":\"string\"}", "The name or address that the message is about again; likewise."},
	{MCP_SESSION, false, "{\"type\":\"string\"}", "Of the older revisions, what the answer to initialize told."},
};
static const struct header tells[] = {
	{MCP_SESSION, false, "{\"type\":\"string\"}", "Of initialize: what the client is to say again, so that it can end its calls."},
};
static const struct route routes[] = {
	{"POST", "/mcp", "mcp", mcp_post, ACCESS_USER, ROUTE_CALL | ROUTE_ABSENT, .status = 200,
		.body_schema = "{\"type\":\"object\"}", .body_max = BODY_MAX, .brief = is_brief, .media = "application/json", ASKS(asks), TELLS(tells),
		FAILS(E_NOT_FOUND, E_CONFLICT, E_MODEL_UNKNOWN, E_CSRF),
		.summary = "Atelier as a server of the Model Context Protocol: a message of JSON-RPC, and its answer."},
};
/* clang-format on */
const struct route_set mcp_routes = ROUTES(routes);
