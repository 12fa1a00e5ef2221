/* extract_names.c - the words for kinds, places, states and failures, the same on both sides. */
#include "rag/extract_priv.h"

static const char *const kinds[EXTRACT_KINDS] = {
	"para", "heading", "list", "table", "code", "quote", "caption", "note"};
static const char *const places[EXTRACT_PLACES] = {"page", "slide", "sheet", "chapter", "message", "cell", "file"};
static const char *const failures[EXTRACT_FAILURES] = {"ok", "locked", "scanned", "empty", "unsupported", "too_large",
	"too_complex", "timeout", "out_of_memory", "broken", "missing", "unavailable"};
static const char *const states[EXTRACT_STATES] = {"read", "no_text", "garbled", "ocr", "hidden"};

const char *extract_kind_name(enum extract_kind k)
{
	return kinds[k];
}

const char *extract_place_name(enum extract_place_kind k)
{
	return places[k];
}

const char *extract_failure_name(enum extract_failure f)
{
	return failures[f];
}

const char *extract_state_name(enum extract_state s)
{
	return states[s];
}

int extract_since(const char *format)
{
	static const struct {
		const char *format;
		int version;
	} since[] = {{"zip", 14}, {"eml", 14}, {"mbox", 14}, {"pdf", 14}, {"xlsx", 10}, {"xml", 14}, {"odt", 14},
		{"ods", 13}, {"csv", 10}, {"odp", 12}, {"rtf", 14}, {"html", 14}, {"epub", 14}, {"docx", 14},
		{"markdown", 14}};

	for (size_t i = 0; i < N_ELEMENTS(since); i++) {
		if (strcmp(since[i].format, format) == 0)
			return since[i].version;
	}
	return 8;
}

static int find(const char *const *names, int n, const char *name)
{
	for (int i = 0; name && i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

int extract_kind_find(const char *name)
{
	return find(kinds, EXTRACT_KINDS, name);
}

int extract_place_find(const char *name)
{
	return find(places, EXTRACT_PLACES, name);
}

int extract_failure_find(const char *name)
{
	return find(failures, EXTRACT_FAILURES, name);
}

int extract_state_find(const char *name)
{
	return find(states, EXTRACT_STATES, name);
}
