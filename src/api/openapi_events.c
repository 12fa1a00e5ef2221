/* openapi_events.c - the frames of event streams, for the OpenAPI document. */
#include "api/openapi_priv.h"

#include <ctype.h>

#include "base/event.h"

/* "text", "Frame" -> "TextFrame" */
static void add_event_name(struct buf *b, const char *name, const char *what)
{
	buf_printf(b, "%c%s%s", toupper((unsigned char)name[0]), name + 1, what);
}

/* "tokens_in:integer? exact:boolean" -> the properties of an object and which of them are required. */
static void add_event_fields(struct buf *b, const char *fields)
{
	CLEANUP(buf_done) struct buf required = BUF_INIT(4096);

	buf_add_str(b, "{\"type\":\"object\",\"properties\":{");
	const char *list = fields;
	for (struct str field; str_next_word(&list, &field);) {
		const char *p = field.p;
		size_t name = strcspn(p, ":"), type = field.n - name - 1;
		bool optional = p[field.n - 1] == '?';

		if (p != fields)
			buf_add_char(b, ',');
		type -= optional ? 1 : 0;
		if (str_eq((struct str){p + name + 1, type}, STR("json")))
			buf_printf(b, "\"%.*s\":{}", (int)name, p); /* any value */
		else
			buf_printf(b, "\"%.*s\":{\"type\":\"%.*s\"}", (int)name, p, (int)type, p + name + 1);
		if (!optional)
			buf_printf(&required, "%s\"%.*s\"", required.n ? "," : "", (int)name, p);
	}
	buf_printf(b, "},\"required\":[" STR_FMT "]}", STR_ARG(buf_str(&required)));
}

/* One frame as an object of its fields, which are texts; what its data holds is a schema of its own. */
static void add_frame(struct buf *b, const char *name, bool numbered, const char *fields, const char *doc)
{
	buf_add_char(b, '"');
	add_event_name(b, name, "Frame");
	buf_add_str(b, "\":{\"type\":\"object\",\"description\":");
	json_add_cstr(b, doc);
	buf_printf(b, ",\"properties\":{%s\"event\":{\"type\":\"string\",\"const\":\"%s\"},\"data\":",
		numbered ? "\"id\":{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*$\"}," : "", name);
	buf_add_str(b, "{\"type\":\"string\",\"contentMediaType\":\"application/json\",\"contentSchema\":"
		       "{\"$ref\":\"#/components/schemas/");
	add_event_name(b, name, "Data");
	buf_printf(b, "\"}}},\"required\":[%s\"event\",\"data\"]},\"", numbered ? "\"id\"," : "");
	add_event_name(b, name, "Data");
	buf_add_str(b, "\":");
	add_event_fields(b, fields);
}

static void add_one_of(struct buf *b, const char *name, const char *doc, const char *const *events, size_t n)
{
	buf_printf(b, "\"%s\":{\"description\":", name);
	json_add_cstr(b, doc);
	buf_add_str(b, ",\"oneOf\":[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s{\"$ref\":\"#/components/schemas/", i ? "," : "");
		add_event_name(b, events[i], "Frame");
		buf_add_str(b, "\"}");
	}
	buf_add_str(b, "]}");
}

void openapi_add_events(struct buf *b)
{
	static const char *const changes[] = {"hello", "change", "stale", "turn", "job_end"};
	const char *names[EVENT_COUNT];

	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_info *e = event_info((enum event_type)i);
		names[i] = e->name;
		add_frame(b, e->name, true, e->fields, e->doc);
		buf_add_char(b, ',');
	}
	add_one_of(b, "TurnEvent",
		"A frame of a turn's event stream (id, event and data as fields). `done` is the last.", names,
		EVENT_COUNT);
	buf_add_char(b, ',');
	add_frame(b, "hello", false, "version:string", "First frame of the change feed.");
	buf_add_char(b, ',');
	add_frame(b, "change", false, "kind:string id:string turn_id:string? what:string",
		"Something (kind) has changed: a conversation, a folder, an assistant, a prompt or a collection "
		"(created, updated, "
		"deleted), a "
		"turn or a job (started, ended; a turn also waiting: for a person's decision, decided: of one of the "
		"calls it waits for, asked and answered: of a question of a tool), the queue of a "
		"conversation (queued, edited, removed, sent). `id` is the thing's, of a turn or a queue the "
		"conversation's.");
	buf_add_char(b, ',');
	add_frame(b, "stale", false, "kind:string",
		"Something of a kind that has no single things here has changed: models (which there are, their "
		"states), "
		"grants (who may use what), limits (they, or what is used of them), documents (which there are, how "
		"far they are); for administrators also providers, "
		"prices, users, groups, jobs (of everybody), health. Who shows any of it asks for it again. Told at "
		"most "
		"twice a second.");
	buf_add_char(b, ',');
	add_frame(b, "turn", false, "id:string ended:boolean? code:string?",
		"The frames of TurnEvent that follow are of this turn, up to the next frame of this name. `ended`: no "
		"more come; "
		"without a `done` before it, ask again, unless `code` (as of an error) says that there is no point.");
	buf_add_char(b, ',');
	add_frame(b, "job_end", false, "id:string ended:boolean code:string", "This job cannot be followed.");
	buf_add_char(b, ',');
	add_one_of(b, "ChangeEvent", "A frame of the change feed itself.", changes, N_ELEMENTS(changes));
	buf_add_str(b, ",\"FeedEvent\":{\"description\":\"A frame of the change feed, or of what is followed in it.\","
		       "\"oneOf\":[{\"$ref\":\"#/components/schemas/ChangeEvent\"},"
		       "{\"$ref\":\"#/components/schemas/TurnEvent\"},{\"$ref\":\"#/components/schemas/JobEvent\"}]}");
	buf_add_str(b, ",\"JobEvent\":{\"type\":\"object\",\"description\":\"A frame of a job's event stream.\","
		       "\"properties\":{\"event\":{\"type\":\"string\",\"const\":\"job\"},"
		       "\"data\":{\"type\":\"string\",\"contentMediaType\":\"application/json\","
		       "\"contentSchema\":{\"$ref\":\"#/components/schemas/Job\"}}},"
		       "\"required\":[\"event\",\"data\"]}");
}
