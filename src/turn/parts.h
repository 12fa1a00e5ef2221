/*
 * parts.h - what a message is made of, in the order in which it came: texts, reasoning, calls of tools with their results,
 * citations, notices. As JSON they are the same in the database, in the API and in the page:
 *
 *	{"type":"text","text":"..."}   {"type":"reasoning","text":"..."}
 *	   these and calls also "thoughts":{"provider","items"}, as of that event: the last part of what was said with them;
 *	   of words also "round", as of the calls
 *	{"type":"tool_call","id":"...","name":"...","arguments":"{...}","result":"..." or null,"failed":false,"round":1}
 *	   also "title", "source", "structured", "files", "cut", "duration_ms", as of the events of a call,
 *	   "approval":{"effect","expires_at","unknown","decision","reason"}, "questions":[{"id","from","message",...}]
 *	{"type":"image","id":"...","media_type":"image/png","width":800,"height":600,"name":"..."}   of a question
 *	{"type":"citation","n":1,"title":"...","url":"...","quote":"..."}   also "document_id", "passage_id", "page", "heading",
 *	   "place", "label", "score"
 *	{"type":"plan","steps":[{"text":"...","state":"done"}]}
 *	{"type":"budget","steps":{"used":3,"limit":20},"tokens":{..},"cost_micros":{..},"seconds":{..}}
 *	{"type":"notice","code":"...","text":"..."}   also "count" and "tokens" of the messages it is about
 *
 * What an agent that was itself called as a tool said, called, planned and used names that call in "parent".
 */
#pragma once

#include "base/json.h"

enum part_type {
	PART_TEXT,
	PART_REASONING,
	PART_TOOL_CALL,
	PART_CITATION,
	PART_NOTICE,
	PART_IMAGE,
	PART_PLAN,
	PART_BUDGET
};

struct part {
	enum part_type type;
	struct buf text;   /* its words; a call's arguments; the quote of a citation; the media type of an image */
	struct buf result; /* of a call */
	char *id, *name;   /* of a call; title and url of a citation; code of a notice in `name`; NULL is "" */
	char *parent;      /* the call whose agent it is of; NULL: the answer's own */
	char *document, *passage, *heading; /* of a citation from a document; NULL: of none */
	char *place, *label;                /* what the page is, as in the event; NULL: not known */
	int64_t page;                       /* the same; 0: it has none */
	double score;                       /* by which it was found; 0: it was not */
	int64_t n;             /* of a citation; a call's index within its round, -1 of one that was read */
	int64_t count, tokens; /* of a notice: the messages it is about; 0: not said */
	int64_t width, height; /* of an image */
	bool answered, failed; /* a call has its result; which tells of a failure */
	int64_t round;         /* of a call: calls of one were made together; from 1 */
	json_t *more; /* of a call or words: an object of their other members; of a plan and a budget all; NULL: none */
};

/* A list that owns its parts. One thread. */
struct parts {
	struct part *items;
	size_t n, room;
	size_t max; /* bytes of one text */
};

#define PARTS_INIT(limit) ((struct parts){.max = (limit)})
void parts_done(struct parts *p); /* also the cleanup function */

/* A new part at the end, of which only the type is set. The pointer is good until the next one. */
struct part *parts_add(struct parts *p, enum part_type type);

/* Where a citation stands in a document, as `v` says. */
void part_read_place(struct part *part, const json_t *v);

/* Of which messages a notice is, as `v` says. */
void part_read_counts(struct part *part, const json_t *v);

/* Sets another member of a call, which is shared. */
void part_set(struct part *part, const char *key, json_t *value);

/* Takes the part at `i` out and frees it. */
void parts_remove(struct parts *p, size_t i);

/* Adds what a message has: `json` as it is stored, or (NULL) its content as the only part. E_INVALID when that is not
 * what parts_write makes. */
int parts_read(struct parts *p, const char *json, const char *content, struct err *e) MUST_CHECK;

/* Adds the array to `to`, but nothing for what parts_read makes of the content alone. */
void parts_write(const struct parts *p, struct buf *to);

/* One of them. */
void parts_write_one(const struct part *part, struct buf *to);

/* Adds all words of a type, put together. */
void parts_words(const struct parts *p, enum part_type type, struct buf *to);

/* 0, or that a text did not fit. */
int parts_status(const struct parts *p) MUST_CHECK;
