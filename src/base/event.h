/*
 * event.h - the events of the turn log: one table, from which the C enum, the TypeScript union and the documentation
 * come. Every event is one SSE frame: `id` (its number within the turn, from 1), `event` (its name) and `data` (a JSON
 * object with the fields named here).
 */
#pragma once

#include "base/buf.h"

/* name, wire name, fields as "name:type" (?: may be absent), meaning */
#define EVENT_TABLE(X)                                                                                                 \
	X(EV_START, "start",                                                                                           \
		"turn_id:string? conversation_id:string? user_message_id:string? message_id:string? model:string",     \
		"First event: the turn exists and the user's message is stored. Of an answer of which nothing is "     \
		"kept it has the model alone, and with tools the turn_id by which calls are decided.")                 \
	X(EV_STATUS, "status",                                                                                         \
		"state:string text:string attempt:integer? wait_ms:integer? elapsed_ms:integer? position:integer?",    \
		"What the turn waits for: searching, summarising (what does not fit any more), queued (at "            \
		"`position`, from 1), connecting, loading (since "                                                     \
		"`elapsed_ms`), retrying, fallback (another model is asked), storing (the answer has ended and "       \
		"cannot be "                                                                                           \
		"stored yet; its end comes when it is), lost (in place of events that a damaged journal has lost).")   \
	X(EV_REASONING, "reasoning", "text:string parent:string?", "A piece of the model's reasoning, to append.")     \
	X(EV_TEXT, "text", "text:string parent:string?",                                                               \
		"A piece of the answer, to append. `parent`, here and elsewhere: the call of a tool whose agent it "   \
		"is of, not the answer's own.")                                                                        \
	X(EV_MOVED, "moved", "to:string parent:string?",                                                               \
		"The pieces so far were of the other kind: what this turn brought as text since the last result of a " \
		"tool is reasoning (`to` is \"reasoning\"), or the reverse (`to` is \"text\"). It stays where it "     \
		"stands.")                                                                                             \
	X(EV_CITATION, "citation",                                                                                     \
		"n:integer title:string url:string quote:string document_id:string? passage_id:string? page:integer? " \
		"heading:string? place:string? label:string? start:integer? end:integer? score:number?",               \
		"A source that the answer may refer to as [n]; of a document, where it stands in that (`start` and "   \
		"`end`: in bytes of what was read; `place`: what `page` is a number of, as page, slide, sheet or "     \
		"file, "                                                                                               \
		"and `label`: what that is called, or the file in an archive that the page is of), and the `score` "   \
		"by which it was found.")                                                                              \
	X(EV_THOUGHTS, "thoughts", "provider:string items:json parent:string?",                                        \
		"At the end of what a model said or called: what the `provider` says of its reasoning beside the "     \
		"words, which is given back to it as it is (`items`, a list of objects).")                             \
	X(EV_TOOL_CALL, "tool_call",                                                                                   \
		"index:integer id:string? name:string? arguments:string? extras:json? parent:string?",                 \
		"A piece of a call of a tool: one with an `id` begins a call and brings its name, others belong to "   \
		"the newest call of their `index` (from 0); the pieces of arguments, put together, are a JSON "        \
		"object. `extras`: what the `provider` said of the call beside that (`members`), which is given back " \
		"to it with the call.")                                                                                \
	X(EV_TOOL_START, "tool_start", "id:string title:string? source:string? at:integer?",                           \
		"The call runs, since `at` (Unix ms): what the tool is called for people, and where it comes from "    \
		"(builtin, the id of a tool server, agent, or plan).")                                                 \
	X(EV_TOOL_PROGRESS, "tool_progress", "id:string progress:number? total:number? message:string?",               \
		"How far it is, as the tool tells; without `total` nobody knows of how much.")                         \
	X(EV_TOOL_RESULT, "tool_result",                                                                               \
		"id:string result:string failed:boolean? structured:json? files:json? cut:boolean? "                   \
		"duration_ms:integer?",                                                                                \
		"What the newest call of this id came to; `failed`: the text says why it came to nothing. "            \
		"`structured`: "                                                                                       \
		"the same as data. `files`: what it made, each with id (GET /files/{id}), name, media_type and size. " \
		"`cut`: the text is not all of it; the file that says `whole` is, and so does "                        \
		"GET /turns/{id}/calls/{call_id}.")                                                                    \
	X(EV_APPROVAL, "approval",                                                                                     \
		"id:string name:string title:string? arguments:string effect:string expires_at:integer "               \
		"unknown:boolean? decision:string? reason:string?",                                                    \
		"Whether the call of this id may run: asked, or, with a `decision`, answered (once, conversation, "    \
		"always, deny, expired, canceled). `arguments` are what will run, `effect` what that may do: writes, " \
		"destroys, outside (reaches beyond this machine). `unknown`: it had begun when the server ended, and " \
		"nobody knows whether it was done; the question is whether it is run again.")                          \
	X(EV_QUESTION, "question",                                                                                     \
		"id:string call_id:string from:string message:string schema:json? url:string? expires_at:integer? "    \
		"action:string?",                                                                                      \
		"A tool asks the person: for what `schema` describes, or to open `url`. With an `action` (accept, "    \
		"decline, cancel, expired) it is over.")                                                               \
	X(EV_BUDGET, "budget", "steps:json tokens:json cost_micros:json seconds:json parent:string?",                  \
		"Before the first calls, after each round of them, and at the end: of each what is `used` of the "     \
		"answer's budget, and the `limit` if there is one. In place of what it said before.")                  \
	X(EV_PLAN, "plan", "steps:json parent:string?",                                                                \
		"What the answer, or an agent beneath it, is going to do, in place of what it said before: `steps` "   \
		"are "                                                                                                 \
		"objects with `text` and `state` (pending, active, done).")                                            \
	X(EV_NOTICE, "notice", "code:string text:string count:integer? tokens:integer? parent:string?",                \
		"What is to be known of the answer and stays with it. Code: fallback (another model was asked), "      \
		"parameters (some were not taken by the provider), context (the oldest messages were not given), "     \
		"summary (they were given as a summary, made for this answer), sources (documents were searched in "   \
		"vain), tools (the model cannot call any), budget (rounds, tokens, time or money were used up), loop " \
		"(the same call came to the same again and again). Of context and summary: how many messages, and "    \
		"about how many tokens they have.")                                                                    \
	X(EV_USAGE, "usage",                                                                                           \
		"tokens_in:integer? tokens_out:integer? tokens_cached:integer? tokens_reasoning:integer? "             \
		"exact:boolean first_token_ms:integer? duration_ms:integer cost_micros:integer? model:string?",        \
		"What the answer took; `exact` is false for an estimate.")                                             \
	X(EV_ERROR, "error", "code:string message:string retryable:boolean",                                           \
		"Why the answer ended early; the text before it stays.")                                               \
	X(EV_DONE, "done", "state:string message_id:string? finish_reason:string?",                                    \
		"Last event of the stream. State: complete, canceled, failed, interrupted; or waiting: for a "         \
		"person's decision, "                                                                                  \
		"behind which the turn goes on under its id and further numbers.")

#define X(name, ...) name,
enum event_type { EVENT_TABLE(X) EVENT_COUNT };
#undef X

struct event_info {
	const char *name;
	const char *fields;
	const char *doc;
};

const struct event_info *event_info(enum event_type type);

/* The type for a wire name, or -1. */
int event_type_from(struct str name);

/* The beginning of a frame, up to its data, behind which an empty line ends it; returns its length. */
#define EVENT_HEAD_MAX 64
#define EVENT_TAIL     "\n\n"
size_t event_head(char ret[EVENT_HEAD_MAX], uint64_t seq, enum event_type type);

/* Adds one frame: "id: 7\nevent: text\ndata: {...}\n\n". `json` is one line. */
void event_add_frame(struct buf *b, uint64_t seq, enum event_type type, const char *json, size_t n);

/* One frame read back. */
struct event_frame {
	uint64_t seq;
	int type;        /* enum event_type, or -1 for a name of a newer version */
	struct str json; /* borrowed */
};

/* Reads the frame at *pos and moves *pos behind it. 1: a frame; 0: no whole frame left; E_INVALID: not a frame. */
int event_next_frame(struct str log, size_t *pos, struct event_frame *ret) MUST_CHECK;
