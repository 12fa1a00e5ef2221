/* builtin.c - the tools that come with the program: a row each. */
#include <errno.h>

#include "store/memories.h"
#include "store/users.h"
#include "tool/tool_priv.h"

#define OBJECT(properties, ...)  "{\"type\":\"object\",\"properties\":{" properties "}" __VA_ARGS__ "}"
#define REQUIRED(names)          ",\"required\":[" names "]"
#define VALUE(name, type, words) "\"" name "\":{\"type\":\"" type "\",\"description\":\"" words "\"}"
#define TEXT(name, words)        VALUE(name, "string", words)
#define READS                    (TOOL_READS | TOOL_IDEMPOTENT)
#define DOCUMENT_ID              TEXT("document_id", "Id of a document, as list_documents and search_documents tell it.")

static bool has_documents(const struct tools *t)
{
	return t->config.rag;
}

/* A name is what people have allowed and assistants have chosen: it stays. */
static const struct builtin all[] = {
	{"calculator", "Calculator",
		"Calculates an expression: + - * / % ^, parentheses, factorial (!), functions such as sqrt, ln, log, "
		"sin (radians), round, min, max, sum, mean, gcd, comb, and pi, e. Whole numbers are exact up to 18 "
		"digits, all else is rounded to 15. Use it for any arithmetic beyond the trivial.",
		OBJECT(TEXT("expression", "For example 17.5% * 240, or sqrt(2)*10^3."), REQUIRED("\"expression\"")),
		READS, .call = calculator_call},
	{"current_time", "Date and time",
		"Tells the date, weekday and time of now, or of a given moment, in a time zone.",
		OBJECT(TEXT("time_zone",
			"IANA name such as Europe/Berlin; without it, where the person is, else UTC.") "," TEXT("at",
			"A moment in ISO 8601, such as 2026-03-01T09:00:00Z, in place of now.")),
		READS, .call = current_time_call},
	{"list_documents", "List documents",
		"Lists the documents of the person that can be searched and read, with their ids.",
		OBJECT(TEXT("after", "The id that the answer before ended with, for those that follow.")), READS,
		.available = has_documents, .call = list_documents_call},
	{"search_documents", "Search documents",
		"Searches the person's documents by words and meaning, and gives the best passages with their places.",
		OBJECT(TEXT("query", "What is looked for, in words or as a question.") "," VALUE(
			       "limit", "integer", "How many passages, 1 to 20; else 8."),
			REQUIRED("\"query\"")),
		READS, .available = has_documents, .call = search_documents_call},
	{"read_document", "Read a document",
		"Reads a document: one of its pages, or its text from a place on, some 12,000 bytes at a time.",
		OBJECT(DOCUMENT_ID
			"," VALUE("page", "integer", "The number of a page, slide or sheet, from 1.") "," VALUE(
				"start", "integer", "Without a page: the byte to begin at; else 0."),
			REQUIRED("\"document_id\"")),
		READS, .available = has_documents, .call = read_document_call},
	{"find_in_documents", "Find in documents",
		"Finds every place where exactly this text stands, in one document or in all.",
		OBJECT(TEXT("text", "The text, whatever its case.") "," DOCUMENT_ID, REQUIRED("\"text\"")), READS,
		.available = has_documents, .call = find_in_documents_call},
	{"web_fetch", "Read a web page", "Reads a page of the public web as text, without its menus.",
		OBJECT(TEXT("url", "Its address, with http:// or https://."), REQUIRED("\"url\"")),
		READS | TOOL_OUTSIDE, .call = web_fetch_call},
	{"web_search", "Search the web",
		"Searches the web and gives titles, addresses and extracts. Read a page with web_fetch.",
		OBJECT(TEXT("query", "What is looked for.") "," VALUE(
			       "limit", "integer", "How many results, 1 to 20; else 8."),
			REQUIRED("\"query\"")),
		READS | TOOL_OUTSIDE, .available = web_search_available, .call = web_search_call},
	{"python", "Python",
		"Runs Python without network, at most 60 s, in the folder of the conversation's files. What it prints "
		"and the value of "
		"its last line come back; files that it writes stay in that folder and are shown to the user, pictures "
		"among them. For a chart, print one Vega-Lite specification as JSON, with its $schema and its data in "
		"it.",
		OBJECT(TEXT("code", "The program."), REQUIRED("\"code\"")), 0, .available = python_available,
		.call = python_call},
	{"list_files", "List files", "Lists the files of this conversation's folder.", OBJECT(""), READS,
		.call = list_files_call},
	{"read_file", "Read a file", "Reads a text file of this conversation's folder.",
		OBJECT(TEXT("path", "Its path, as list_files tells it."), REQUIRED("\"path\"")), READS,
		.call = read_file_call},
	{"write_file", "Write a file",
		"Writes a text file into this conversation's folder, in place of one of the same path.",
		OBJECT(TEXT("path", "Its path, such as notes/plan.md.") "," TEXT("content", "All of its text."),
			REQUIRED("\"path\",\"content\"")),
		TOOL_IDEMPOTENT, .call = write_file_call},
	{"remember", "Remember",
		"Notes a lasting fact about the person that will help in other conversations, when they ask for it or "
		"clearly want it. The "
		"person sees it and can take it back.",
		OBJECT(TEXT("fact", "One short sentence."), REQUIRED("\"fact\"")), 0, .remembers = true,
		.call = remember_call},
	{"system_info", "System information", "Tells how the machine is that Atelier runs on: load, memory, disk.",
		OBJECT(""), READS, .admin = true, .call = system_info_call},
};

static int is_admin(struct tools *t, atelier_id user_id, struct arena *a, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
	struct user u;
	int r = users_by_id(c, user_id, a, &u, e);

	if (r == 0)
		*ret = user_is_admin(&u) && !u.disabled;
	return r;
}

static int may_remember(struct tools *t, atelier_id user_id, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);

	return memories_enabled(c, user_id, ret, e);
}

static int list(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e)
{
	struct tool *items = ARENA_ARRAY(a, struct tool, N_ELEMENTS(all));
	bool admin = false, remembers = false;
	size_t n = 0;
	int r = is_admin(t, user_id, a, &admin, e);

	if (r == 0)
		r = may_remember(t, user_id, &remembers, e);
	if (r < 0)
		return r;
	if (!items)
		return err_set(e, -ENOMEM, "There is no memory for the list of tools.");
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		const struct builtin *b = &all[i];
		if ((b->admin && !admin) || (b->remembers && !remembers) || (b->available && !b->available(t)))
			continue;
		ASSERT(b->call && strlen(b->name) <= TOOL_NAME_MAX);
		items[n++] = (struct tool){.name = b->name,
			.title = b->title,
			.description = b->description,
			.parameters = b->parameters,
			.source = "builtin",
			.own_name = b->name,
			.hints = b->hints,
			.asks = b->asks,
			.enabled = true};
	}
	*ret = (struct tool_list){items, n};
	return 0;
}

static bool owns(const struct tool *tool)
{
	return strcmp(tool->source, "builtin") == 0;
}

static int call(struct tools *t, const struct tool *tool, const json_t *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e)
{
	struct builtin_call c = {t, arguments, run, a, ret};

	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		bool admin = true;
		int r = 0;
		if (strcmp(all[i].name, tool->own_name) != 0)
			continue;
		if (all[i].admin) /* they may have lost the right since the tool was offered */
			r = is_admin(t, run->user_id, a, &admin, e);
		if (r < 0)
			return r;
		return admin ? all[i].call(&c, e) : tool_fail(ret, "%s is for administrators alone.", tool->name);
	}
	return tool_fail(ret, "The tool %s is not there any more.", tool->name);
}

const struct tool_source builtin_source = {.kind = "builtin", .list = list, .owns = owns, .call = call};
