/*
 * mcp_tools.c - what a client of /mcp may have done: search and reading of documents, answers by an assistant, and
 * built-in tools. A failure that the caller can do something about is a result with isError, which a model reads; any
 * other is an error of the protocol. What asks a person first is not offered, for nobody is there to be asked.
 */
#include "api/mcp.h"

#include <stdio.h>

#include "rag/rag.h"
#include "store/assistants.h"
#include "tool/tool.h"
#include "turn/once.h"

enum {
	ERR_PARAMS = -32602,
	LIMIT = 10,
	LIMIT_MAX = 50,
	READ_BYTES = 32 << 10,
	READ_MAX = 256 << 10,
	TEXT_MAX = 8 << 20
};

/* A call, and what it says. */
struct call {
	struct mcp_ask *ask;
	struct request *q;
	const json_t *arguments;
	struct buf text;
	json_t *structured; /* NULL: none */
};

/* ---- arguments ---- */

static int wrong(struct call *c, const char *what)
{
	return err_set(&c->q->err, E_INVALID, "%s", what);
}

static int document_id(struct call *c, atelier_id *ret)
{
	const char *id = json_get_str(c->arguments, "document_id");

	if (id && id_parse(id, strlen(id), ret))
		return 0;
	return wrong(
		c, "\"document_id\" must be the id of a document, as search_documents and list_documents tell it.");
}

static int64_t number(struct call *c, const char *name, int64_t otherwise, int64_t max)
{
	int64_t v = json_get_i64(c->arguments, name, otherwise);

	return MAX(0, MIN(v, max));
}

static struct search_wish mine(const struct call *c)
{
	return (struct search_wish){.user_id = c->q->who.user.id};
}

/* ---- documents ---- */

struct passage {
	atelier_id document_id;
	const char *document, *heading, *text;
	int64_t page, start;
	const char *place, *label;
};

static void add_passage(struct call *c, json_t *items, const struct passage *p)
{
	char id[ID_LEN + 1];

	id_format(p->document_id, id);
	buf_printf(&c->text, "%s[%s", c->text.n ? "\n\n" : "", p->document);
	buf_add_str(&c->text, p->page > 0 ? ", " : "");
	rag_add_place(&c->text, p->place, p->page, p->label);
	buf_printf(&c->text, ", document_id %s, start %lld]\n", id, (long long)p->start);
	buf_add_str(&c->text, p->text);
	json_array_append_new(
		items, json_pack("{s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:s}", "document_id", id, "document", p->document,
			       "heading", p->heading ? p->heading : "", "page", (json_int_t)p->page, "place",
			       p->place ? p->place : "", "label", p->label ? p->label : "", "start",
			       (json_int_t)p->start, "text", p->text, "uri", mcp_document_uri(c->q, p->document_id)));
}

static int search_documents(struct call *c)
{
	struct search_request s = {.where = mine(c),
		.query = json_get_str(c->arguments, "query"),
		.limit = number(c, "limit", LIMIT, LIMIT_MAX)};
	struct search_result found = {.n = 0};

	if (!s.query || !*s.query)
		return wrong(c, "\"query\" must be a text.");
	int r = rag_search(c->q->api->c.rag, &s, &c->q->mem, &found, &c->q->err);
	if (r < 0)
		return r;
	json_t *items = json_array();
	for (size_t i = 0; i < found.n; i++) {
		const struct search_hit *h = &found.items[i];

		add_passage(c, items,
			&(struct passage){h->document_id, h->document, h->heading, h->text, h->page, h->start, h->place,
				h->label});
	}
	if (found.n == 0)
		buf_add_str(&c->text, "Nothing was found.");
	c->structured = json_pack("{s:o}", "items", items);
	return 0;
}

static int list_documents(struct call *c)
{
	const struct search_wish where = mine(c);
	const char *after = json_get_str(c->arguments, "after");
	struct listed_documents found = {.n = 0};
	atelier_id from = 0;

	if (after && !id_parse(after, strlen(after), &from))
		return wrong(c, "\"after\" must be what the call before this one told.");
	int r = rag_list(c->q->api->c.rag, &where, from, 100, &c->q->mem, &found, &c->q->err);
	if (r < 0)
		return r;
	json_t *items = json_array();
	for (size_t i = 0; i < found.n; i++) {
		const struct listed_document *d = &found.items[i];
		char id[ID_LEN + 1];

		id_format(d->id, id);
		buf_printf(&c->text, "%s  %s", id, d->name);
		if (d->pages > 0)
			buf_printf(&c->text, " (%lld %s)", (long long)d->pages, rag_counted_in(d->format));
		buf_add_str(&c->text, d->readable ? "\n" : " (not read yet)\n");
		json_array_append_new(items, json_pack("{s:s,s:s,s:I,s:b}", "document_id", id, "name", d->name, "pages",
						     (json_int_t)d->pages, "readable", d->readable));
	}
	c->structured = json_pack("{s:o}", "items", items);
	if (found.next) {
		char next[ID_LEN + 1];

		id_format(found.next, next);
		buf_printf(&c->text, "There are more: call this again with after=%s.", next);
		json_object_set_new(c->structured, "after", json_string(next));
	} else if (found.n == 0) {
		buf_add_str(&c->text, "There are no documents.");
	}
	return 0;
}

static int read_document(struct call *c)
{
	struct reading_wish w = {.where = mine(c),
		.page = number(c, "page", 0, INT32_MAX),
		.start = number(c, "start", 0, INT64_MAX),
		.bytes = MAX(1000, number(c, "bytes", READ_BYTES, READ_MAX))};
	struct reading got = {.text = ""};
	int r = document_id(c, &w.document_id);

	if (r == 0)
		r = rag_read(c->q->api->c.rag, &w, &c->q->mem, &got, &c->q->err);
	if (r < 0)
		return r;
	json_t *items = json_array();
	add_passage(c, items,
		&(struct passage){got.document_id, got.document, got.heading, got.text, got.page, got.start, got.place,
			got.label});
	c->structured = json_pack("{s:o,s:I}", "items", items, "bytes", (json_int_t)got.bytes);
	if (got.next) {
		buf_printf(
			&c->text, "\n\n[It goes on at start=%lld of %lld.]", (long long)got.next, (long long)got.bytes);
		json_object_set_new(c->structured, "next", json_integer(got.next));
	}
	return 0;
}

static int find_in_documents(struct call *c)
{
	struct find_wish w = {.where = mine(c),
		.text = json_get_str(c->arguments, "text"),
		.limit = number(c, "limit", LIMIT, LIMIT_MAX)};
	struct found got = {.n = 0};

	if (!w.text || !*w.text)
		return wrong(c, "\"text\" must be a text.");
	int r = json_object_get(c->arguments, "document_id") ? document_id(c, &w.document_id) : 0;
	if (r == 0)
		r = rag_find(c->q->api->c.rag, &w, &c->q->mem, &got, &c->q->err);
	if (r < 0)
		return r;
	json_t *items = json_array();
	for (size_t i = 0; i < got.n; i++) {
		const struct reading *p = &got.items[i];

		add_passage(c, items,
			&(struct passage){p->document_id, p->document, p->heading, p->text, p->page, p->start, p->place,
				p->label});
	}
	if (got.n == 0)
		buf_add_str(&c->text, "It stands nowhere.");
	c->structured = json_pack("{s:o,s:b}", "items", items, "more", got.more);
	return 0;
}

/* ---- assistants ---- */

static int list_assistants(struct call *c)
{
	struct assistant_list all = {.n = 0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->q->api->c.db);
		r = shared_list(&assistants_kind, db, c->q->who.user.id, &c->q->mem, &all.items, &all.n, &c->q->err);
	}
	if (r < 0)
		return r;
	json_t *items = json_array();
	for (size_t i = 0; i < all.n; i++) {
		buf_printf(&c->text, "%s%s%s\n", all.items[i].name, *all.items[i].description ? ": " : "",
			all.items[i].description);
		json_array_append_new(items,
			json_pack("{s:s,s:s}", "name", all.items[i].name, "description", all.items[i].description));
	}
	if (all.n == 0)
		buf_add_str(&c->text, "There are no assistants; chat answers with the default model.");
	c->structured = json_pack("{s:o}", "items", items);
	return 0;
}

static int choose(struct call *c, struct gw_call *call, struct once_chosen *ret)
{
	struct request *q = c->q;
	const char *name = json_get_str(c->arguments, "assistant");
	struct turn_request t = {
		.user_id = q->who.user.id, .model = json_get_str(c->arguments, "model"), .parameters = "{}"};
	struct assistant assistant = {0};
	int r = 0;

	if (name && *name) {
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(q->api->c.db);
		r = assistants_named(db, q->who.user.id, name, &q->mem, &assistant, &q->err);
		t.assistant_id = assistant.id;
	}
	if (r < 0 || (r = once_choose(q->api->c.turns, &t, &q->mem, ret, &q->err)) < 0 || (r = request_rights(q)) < 0)
		return r;
	if (ret->acts && (r = gw_act_for(call, &t)) < 0)
		return r;
	return request_allow_model(q, ret->request.model);
}

static int chat(struct call *c)
{
	CLEANUP(gw_closep) struct gw_call *call = NULL;
	struct once_chosen chosen = {.instructions = ""};
	const char *message = json_get_str(c->arguments, "message");
	struct gen_message *messages = ARENA_ARRAY(&c->q->mem, struct gen_message, 2);
	size_t n = 0;
	int r;

	if (!message || !*message)
		return wrong(c, "\"message\" must be a text.");
	if (!messages)
		return request_no_memory(c->q);
	struct mcp_chat *shape = mcp_chat_new(c->ask);
	if (!shape)
		return request_no_memory(c->q);
	r = gw_open_own(c->q, shape->token ? &mcp_chat_stream : &mcp_chat_whole, shape->token != NULL, &call);
	if (r < 0)
		return r;
	r = gw_name(call, mcp_call_name(c->q, json_object_get(c->ask->message, "id")));
	if (r < 0 || (r = choose(c, call, &chosen)) < 0)
		return r;
	call->shape = shape;
	call->purpose = "chat";
	call->req = chosen.request;
	call->req.caller = c->q->who.user.id;
	call->model = chosen.request.model;
	if (*chosen.instructions)
		messages[n++] = (struct gen_message){.role = "system", .content = chosen.instructions};
	messages[n++] = (struct gen_message){.role = "user", .content = message};
	call->req.messages = messages;
	call->req.n_messages = n;
	r = provider_check_fits(c->q->api->c.providers, &call->req, &c->q->err);
	if (r == 0)
		r = gw_generate(call);
	c->ask->answered = r == 0;
	return r;
}

/* ---- the list ---- */

#define OBJECT(properties, ...) "{\"type\":\"object\",\"properties\":{" properties "}" __VA_ARGS__ "}"
#define TEXT(name, about)       "\"" name "\":{\"type\":\"string\",\"description\":\"" about "\"}"
#define NUMBER(name, about)     "\"" name "\":{\"type\":\"integer\",\"description\":\"" about "\"}"

/* Names are what programs have in their settings: they stay. */
static const struct own_tool {
	const char *name, *title, *description, *schema;
	bool outside; /* asks a model, which may be elsewhere */
	int (*run)(struct call *c);
} own[] = {
	{"search_documents", "Search documents",
		"Finds the passages of the person's documents that fit a question best, by words and by meaning.",
		OBJECT(TEXT("query", "The question, or words.") "," NUMBER(
			       "limit", "Passages at most; 10 unless said."),
			",\"required\":[\"query\"]"),
		false, search_documents},
	{"list_documents", "List documents", "Which documents there are, 100 at a time.",
		OBJECT(TEXT("after", "What the call before this one told.")), false, list_documents},
	{"read_document", "Read a document",
		"Reads a page of a document, or its text from a byte on; the result says where it goes on.",
		OBJECT(TEXT("document_id", "The id of the document.") "," NUMBER(
			       "page", "The number of a page, slide or sheet.") "," NUMBER("start",
			       "The byte to begin with.") "," NUMBER("bytes", "Bytes at most; 32768 unless said."),
			",\"required\":[\"document_id\"]"),
		false, read_document},
	{"find_in_documents", "Find in documents", "Finds a text as it stands, in one document or in all of them.",
		OBJECT(TEXT("text", "What to find.") "," TEXT("document_id", "Only in this document.") "," NUMBER(
			       "limit", "Passages at most; 10 unless said."),
			",\"required\":[\"text\"]"),
		false, find_in_documents},
	{"list_assistants", "List assistants", "Which assistants chat can answer as.", OBJECT(""), false,
		list_assistants},
	{"chat", "Chat with an assistant",
		"Asks a model, or an assistant with its instructions and tools, and gives its answer.",
		OBJECT(TEXT("message", "What to say.") "," TEXT(
			       "assistant", "The name of an assistant; none: the model alone.") "," TEXT("model",
			       "The id of a model; none: the assistant's, else the default."),
			",\"required\":[\"message\"]"),
		true, chat},
};

static const struct own_tool *own_tool(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(own); i++)
		if (strcmp(own[i].name, name) == 0)
			return &own[i];
	return NULL;
}

static json_t *schema_of(const char *text)
{
	json_t *schema = NULL;

	return json_parse(text, strlen(text), &schema, NULL) == 0 ? schema : json_pack("{s:s}", "type", "object");
}

static void add_tool(
	json_t *list, const char *name, const char *title, const char *description, const char *schema, bool outside)
{
	json_array_append_new(list,
		json_pack("{s:s,s:s,s:s,s:o,s:{s:b,s:b}}", "name", name, "title", title, "description", description,
			"inputSchema", schema_of(schema), "annotations", "readOnlyHint", 1, "openWorldHint", outside));
}

/* Those that come with the program, only look, and need nobody's yes. */
static bool is_offered(const struct tool *t)
{
	return strcmp(t->source, "builtin") == 0 && !t->asks && t->hints & TOOL_READS && !own_tool(t->name);
}

static int built_in(struct request *q, struct tool_list *ret)
{
	*ret = (struct tool_list){.n = 0};
	return q->api->c.tools ? tools_list(q->api->c.tools, q->who.user.id, &q->mem, ret, &q->err) : 0;
}

int mcp_tools_list(struct mcp_ask *ask)
{
	struct tool_list more;
	int r = built_in(ask->q, &more);

	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < N_ELEMENTS(own); i++)
		add_tool(list, own[i].name, own[i].title, own[i].description, own[i].schema, own[i].outside);
	for (size_t i = 0; i < more.n; i++) {
		const struct tool *t = &more.items[i];

		if (is_offered(t))
			add_tool(list, t->name, t->title, t->description, t->parameters, t->hints & TOOL_OUTSIDE);
	}
	ask->result = json_pack("{s:o}", "tools", list);
	return 0;
}

/* ---- a call ---- */

static void give(struct call *c, bool failed)
{
	struct str text = buf_str(&c->text);
	json_t *said = json_stringn(text.p, text.n);

	ASSERT(!c->ask->result && !c->ask->answered); /* it has one answer */
	c->ask->result = json_pack("{s:[{s:s,s:o}],s:b}", "content", "type", "text", "text",
		said ? said : json_string(""), "isError", failed);
	if (c->structured && !failed)
		json_object_set(c->ask->result, "structuredContent", c->structured);
}

static int call_built_in(struct call *c, const struct tool *tool)
{
	CLEANUP(tool_result_done) struct tool_result got = {.failed = false};
	CLEANUP(buf_done) struct buf arguments = BUF_INIT(1 << 20);
	struct cancel never;
	const struct tool_run run = {
		.user_id = c->q->who.user.id, .key_id = c->q->who.key_id, .call_id = c->q->id, .cancel = &never};

	json_add_value(&arguments, c->arguments);
	int r = buf_check(&arguments, &c->q->err, "The arguments are too long.");
	if (r < 0)
		return r;
	cancel_init(&never);
	r = tools_call(c->q->api->c.tools, tool, arguments.p, &run, &c->q->mem, &got, &c->q->err);
	cancel_done(&never);
	if (r < 0)
		return r;
	buf_add(&c->text, buf_str(&got.text).p, got.text.n);
	give(c, got.failed);
	return 0;
}

/* What the caller can mend is told as a result. */
static bool is_told(int r)
{
	const struct err_info *info = err_info(r);

	return info->shown && r != E_UNAUTHORIZED && r != E_STOPPING && r != E_CANCELED;
}

int mcp_tools_call(struct mcp_ask *ask)
{
	struct call c = {.ask = ask,
		.q = ask->q,
		.arguments = json_object_get(ask->params, "arguments"),
		.text = BUF_INIT(TEXT_MAX)};
	CLEANUP(json_decrefp) json_t *none = json_object();
	const char *name = json_get_str(ask->params, "name");
	const struct own_tool *tool = name ? own_tool(name) : NULL;
	struct tool_list more = {.n = 0};
	int r = 0;

	if (!name)
		return mcp_refuse(ask, ERR_PARAMS, "\"name\" is missing.");
	if (!c.arguments)
		c.arguments = none;
	if (!json_is_object(c.arguments))
		return mcp_refuse(ask, ERR_PARAMS, "\"arguments\" must be an object.");
	if (!tool && (r = built_in(ask->q, &more)) < 0)
		return r;
	const struct tool *other = tool ? NULL : tools_find(&more, name);
	if (!tool && (!other || !is_offered(other)))
		return mcp_refuse(ask, ERR_PARAMS, arena_printf(&ask->q->mem, "Unknown tool: %.200s", name));
	r = tool ? tool->run(&c) : call_built_in(&c, other);
	if (r == 0 && !ask->answered && !ask->result)
		give(&c, false);
	if (r < 0 && is_told(r)) {
		c.text.n = 0;
		buf_add_str(&c.text, err_public_text(&ask->q->err));
		give(&c, true);
		r = 0;
	}
	if (r == 0)
		r = buf_status(&c.text);
	buf_done(&c.text);
	json_decref(c.structured);
	return r;
}
