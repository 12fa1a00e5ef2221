/*
 * mcp_library.c - what a client of /mcp may read: documents as resources, prompts of the library as prompts. Always as whoever
 * asks, and from the database each time: a list goes on at a cursor, and nothing is kept between two requests.
 */
#include "api/mcp.h"

#include <stdio.h>
#include <strings.h>

#include "rag/rag.h"
#include "store/prompts.h"

enum { ERR_PARAMS = -32602, PAGE = 100, READ_MAX = 1 << 20, PROMPT_MAX = 1 << 20 };

/* ---- documents ---- */

const char *mcp_document_uri(struct request *q, atelier_id id)
{
	char text[ID_LEN + 1];

	id_format(id, text);
	return arena_printf(&q->mem, MCP_DOCUMENT "%s", text);
}

int mcp_resources_list(struct mcp_ask *ask)
{
	struct request *q = ask->q;
	const struct search_wish mine = {.user_id = q->who.user.id};
	const char *cursor = json_get_str(ask->params, "cursor");
	struct listed_documents found = {.n = 0};
	atelier_id after = 0;

	if (cursor && !id_parse(cursor, strlen(cursor), &after))
		return mcp_refuse(ask, ERR_PARAMS, "There is no such cursor.");
	int r = rag_list(q->api->c.rag, &mine, after, PAGE, &q->mem, &found, &q->err);
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < found.n; i++) {
		const struct listed_document *d = &found.items[i];
		const char *uri = mcp_document_uri(q, d->id);

		if (uri && d->readable)
			json_array_append_new(list,
				json_pack("{s:s,s:s,s:s}", "uri", uri, "name", d->name, "mimeType", "text/plain"));
	}
	ask->result = json_pack("{s:o}", "resources", list);
	if (found.next) {
		char next[ID_LEN + 1];

		id_format(found.next, next);
		json_object_set_new(ask->result, "nextCursor", json_string(next));
	}
	return 0;
}

int mcp_resource_templates(struct mcp_ask *ask)
{
	ask->result = json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "resourceTemplates", "uriTemplate",
		MCP_DOCUMENT "{id}{?page,start}", "name", "document", "description",
		"A document's text: all of it, a page, or from a byte on (the answer says where it goes on).",
		"mimeType", "text/plain");
	return 0;
}

/* "?page=2", "?start=1000"; false: something else. */
static bool read_query(const char *query, struct reading_wish *w)
{
	char *end;

	if (!*query)
		return true;
	if (strncmp(query, "?page=", 6) == 0)
		w->page = strtoll(query + 6, &end, 10);
	else if (strncmp(query, "?start=", 7) == 0)
		w->start = strtoll(query + 7, &end, 10);
	else
		return false;
	return *end == '\0' && w->page >= 0 && w->start >= 0;
}

int mcp_resources_read(struct mcp_ask *ask)
{
	struct request *q = ask->q;
	const char *uri = json_get_str(ask->params, "uri"), *id;
	struct reading_wish w = {.where = {.user_id = q->who.user.id}, .bytes = READ_MAX};
	struct reading got = {.text = ""};

	if (!uri)
		return mcp_refuse(ask, ERR_PARAMS, "\"uri\" is missing.");
	if (strncmp(uri, MCP_DOCUMENT, strlen(MCP_DOCUMENT)) != 0)
		return mcp_refuse(ask, ERR_PARAMS, "There is no such resource.");
	id = uri + strlen(MCP_DOCUMENT);
	if (!id_parse(id, MIN(strlen(id), (size_t)ID_LEN), &w.document_id) || !read_query(id + ID_LEN, &w))
		return mcp_refuse(ask, ERR_PARAMS, "There is no such resource.");
	int r = rag_read(q->api->c.rag, &w, &q->mem, &got, &q->err);
	if (r == E_NOT_FOUND || r == E_CONFLICT || r == E_INVALID)
		return mcp_refuse(ask, ERR_PARAMS, err_public_text(&q->err));
	if (r < 0)
		return r;
	json_t *item = json_pack("{s:s,s:s,s:s}", "uri", uri, "mimeType", "text/plain", "text", got.text);
	if (got.next && !w.page) {
		const char *document = mcp_document_uri(q, w.document_id);

		if (document)
			json_object_set_new(item, "_meta",
				json_pack("{s:o}", "atelier/next",
					json_sprintf("%s?start=%lld", document, (long long)got.next)));
	}
	ask->result = json_pack("{s:[o]}", "contents", item);
	return 0;
}

/* ---- prompts ---- */

static const json_t *variables_of(const json_t *read)
{
	return json_object_get(read, "list");
}

static json_t *arguments_of(const struct prompt_row *p)
{
	CLEANUP(json_decrefp) json_t *read = NULL;
	json_t *list = json_array();
	const json_t *v;
	size_t i;

	if (json_parse(p->variables, strlen(p->variables), &read, NULL) < 0)
		return list;
	json_array_foreach(variables_of(read), i, v)
	{
		json_t *argument = json_pack("{s:s}", "name", json_get_str(v, "name"));

		if (json_get_str(v, "label"))
			json_object_set_new(argument, "description", json_string(json_get_str(v, "label")));
		if (json_is_true(json_object_get(v, "required")))
			json_object_set_new(argument, "required", json_true());
		json_array_append_new(list, argument);
	}
	return list;
}

int mcp_prompts_list(struct mcp_ask *ask)
{
	struct request *q = ask->q;
	struct prompt_rows rows = {.n = 0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = shared_list(&prompts_kind, c, q->who.user.id, &q->mem, &rows.items, &rows.n, &q->err);
	}
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < rows.n; i++) {
		const struct prompt_row *p = &rows.items[i];

		if (strcmp(p->kind, PROMPT_TEXT) != 0)
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o}", "name", p->name, "description",
				      *p->description ? p->description : p->name, "arguments", arguments_of(p)));
	}
	ask->result = json_pack("{s:o}", "prompts", list);
	return 0;
}

/* What is given for a variable, else what stands there otherwise; "": neither. */
static const char *value_of(const struct mcp_ask *ask, const json_t *variable, const char *name)
{
	const char *given = json_get_str(json_object_get(ask->params, "arguments"), name);
	const char *otherwise = json_get_str(variable, "default");

	return given ? given : otherwise ? otherwise : "";
}

/* What stands in place of a name in braces; NULL: there is no such variable, and the text keeps it. */
static const char *value_named(const struct mcp_ask *ask, const json_t *variables, struct str name)
{
	const json_t *v;
	size_t i;

	json_array_foreach(variables, i, v)
	{
		const char *own = json_get_str(v, "name");

		if (own && str_eq(str_from(own), name))
			return value_of(ask, v, own);
	}
	return NULL;
}

static void fill(const struct mcp_ask *ask, const char *body, const json_t *variables, struct buf *out)
{
	for (const char *open; (open = strstr(body, "{{")) != NULL;) {
		const char *close = strstr(open, "}}");

		if (!close)
			break;
		struct str name = str_trim((struct str){open + 2, (size_t)(close - open) - 2});
		const char *value = value_named(ask, variables, name);
		buf_add(out, body, (size_t)(open - body));
		if (value)
			buf_add_str(out, value);
		else
			buf_add(out, open, (size_t)(close + 2 - open));
		body = close + 2;
	}
	buf_add_str(out, body);
}

/* NULL: it is no choice, though it may have been one, and still have them. */
static const json_t *choices_of(const json_t *variable)
{
	const char *type = json_get_str(variable, "type");

	return type && strcmp(type, "choice") == 0 ? json_object_get(variable, "choices") : NULL;
}

/* Something is said of a choice that is none of those that there are. */
static bool is_no_choice(const struct mcp_ask *ask, const json_t *variable, const char *name)
{
	const char *given = json_get_str(json_object_get(ask->params, "arguments"), name);
	const json_t *choices = choices_of(variable), *choice;
	size_t i;

	json_array_foreach(choices, i, choice)
	{
		if (given && strcmp(json_string_value(choice), given) == 0)
			return false;
	}
	return json_array_size(choices) > 0 && given && *given;
}

static const char *wrong_choice(struct arena *a, const json_t *variable, const char *name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);
	const json_t *choice;
	size_t i;

	json_array_foreach(choices_of(variable), i, choice)
	{
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", json_string_value(choice));
	}
	return arena_printf(a, "The argument \"%s\" must be one of: %s.", name, buf_status(&b) == 0 ? b.p : "");
}

/* Why the prompt cannot be made of what is given for its variables, in the arena; NULL: it can. */
static const char *argument_problem(const struct mcp_ask *ask, const json_t *variables)
{
	struct arena *a = &ask->q->mem;
	const json_t *v;
	size_t i;

	json_array_foreach(variables, i, v)
	{
		const char *name = json_get_str(v, "name");

		if (name && json_is_true(json_object_get(v, "required")) && !*value_of(ask, v, name))
			return arena_printf(a, "The argument \"%s\" is missing.", name);
		if (name && is_no_choice(ask, v, name))
			return wrong_choice(a, v, name);
	}
	return NULL;
}

/* A prompt that its person may use, and what it asks for (*ret_read is owned by the caller). 0 with ask->code set: there is none. */
static int prompt_named(struct mcp_ask *ask, const char *name, struct prompt_row *ret, json_t **ret_read)
{
	struct request *q = ask->q;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = shared_named(&prompts_kind, c, q->who.user.id, name, GRANT_READ, &q->mem, ret, &q->err);
	}
	if (r == E_NOT_FOUND || (r == 0 && strcmp(ret->kind, PROMPT_TEXT) != 0))
		return mcp_refuse(ask, ERR_PARAMS, "There is no such prompt.");
	return r < 0 ? r : json_parse(ret->variables, strlen(ret->variables), ret_read, &q->err);
}

int mcp_prompts_get(struct mcp_ask *ask)
{
	CLEANUP(json_decrefp) json_t *read = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(PROMPT_MAX);
	struct request *q = ask->q;
	const char *name = json_get_str(ask->params, "name");
	struct prompt_row p = {0};

	if (!name)
		return mcp_refuse(ask, ERR_PARAMS, "\"name\" is missing.");
	int r = prompt_named(ask, name, &p, &read);
	if (r < 0 || ask->code)
		return r;
	const char *problem = argument_problem(ask, variables_of(read));
	if (problem)
		return mcp_refuse(ask, ERR_PARAMS, problem);
	fill(ask, p.body, variables_of(read), &text);
	if ((r = buf_check(&text, &q->err, "The prompt is too long.")) < 0)
		return r;
	ask->result = json_pack("{s:[{s:s,s:{s:s,s:s}}]}", "messages", "role", "user", "content", "type", "text",
		"text", text.p ? text.p : "");
	if (*p.description)
		json_object_set_new(ask->result, "description", json_string(p.description));
	return 0;
}

/* ---- completion ---- */

/* Of a choice: what begins with what was typed. */
static json_t *choices_like(const json_t *variables, const char *name, const char *typed)
{
	json_t *values = json_array();
	const json_t *v, *choice;
	size_t i, k;

	json_array_foreach(variables, i, v)
	{
		const char *own = json_get_str(v, "name");

		if (!own || strcmp(own, name) != 0)
			continue;
		json_array_foreach(choices_of(v), k, choice)
		{
			if (strncasecmp(json_string_value(choice), typed, strlen(typed)) == 0)
				json_array_append(values, (json_t *)choice);
		}
	}
	return values;
}

/* Arguments of prompts that are choices have something to offer; all else is for the person to say. */
int mcp_complete(struct mcp_ask *ask)
{
	CLEANUP(json_decrefp) json_t *read = NULL;
	const json_t *ref = json_object_get(ask->params, "ref"), *argument = json_object_get(ask->params, "argument");
	const char *type = json_get_str(ref, "type"), *prompt = json_get_str(ref, "name"),
		   *name = json_get_str(argument, "name"), *typed = json_get_str(argument, "value");
	bool of_prompt = type && strcmp(type, "ref/prompt") == 0 && prompt;
	bool of_resource = type && strcmp(type, "ref/resource") == 0 && json_get_str(ref, "uri");
	struct prompt_row p = {0};

	if ((!of_prompt && !of_resource) || !name || !typed)
		return mcp_refuse(ask, ERR_PARAMS,
			"What is completed is an argument (\"name\", \"value\") of a prompt or a template (\"ref\").");
	int r = of_prompt ? prompt_named(ask, prompt, &p, &read) : 0;
	if (r < 0 || ask->code)
		return r;
	json_t *values = choices_like(variables_of(read), name, typed);
	ask->result = json_pack("{s:{s:o,s:I,s:b}}", "completion", "values", values, "total",
		(json_int_t)json_array_size(values), "hasMore", 0);
	return 0;
}
