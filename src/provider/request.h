/* request.h - what the requests of all dialects are made with, and what was learned of servers that refuse parts of them. */
#pragma once

#include "provider/provider_priv.h"

/* ---- the pieces of a request ---- */

/* Instructions, by either name that they go by. */
UNUSED static inline bool gen_is_system(const struct gen_message *m)
{
	return gen_is_role(m, "system") || gen_is_role(m, "developer");
}

/* E_INVALID with a sentence when a text that shall be JSON is none: parameters of tools, a schema, a raw body. */
int request_check(const struct gen_request *q, struct err *e) MUST_CHECK;

/* A further header line, written into the call's own memory; those of `raw` follow at the end. */
void request_header(struct gen_call *r, const char *fmt, ...) PRINTF(2, 3);
void request_key(struct gen_call *r, const struct provider *p, const char *before); /* nothing without a key */

/* Also one with a name given twice, as models write them. */
bool request_is_object(const char *text);
/* The text when it is a JSON object, else {}. */
void request_add_object(struct buf *b, const char *text);
/* ,"name":value - nothing when the bit is not set. */
void request_add_number(struct buf *b, const struct gen_sampling *s, unsigned bit, const char *name, double value);
void request_add_integer(struct buf *b, const struct gen_sampling *s, unsigned bit, const char *name, int64_t value);
void request_add_seed(struct buf *b, const struct gen_sampling *s);
/* ["a","b"] */
void request_add_strings(struct buf *b, const char *const *list);
/* ,"tools":[...] as functions, as OpenAI and Ollama (`api`) want them; nothing when none shall be called. Of TOOLS_NAMED
 * with `only_named` that one alone. */
void request_add_functions(struct buf *b, const struct gen_request *q, unsigned api, bool strict, bool only_named);
/* What of the message's text stands before its picture `i`, or, where i is their number, behind all of them. */
struct str request_text_before(const struct gen_message *m, size_t i);
/* Members, or a part, of the request that only a provider of its own shape is told; "" for others. */
const char *request_extra(const struct gen_request *q, unsigned api, const char *members);
/* Whether this is the provider that said it; of what a program gives back without its name, the one that is meant. */
bool request_said_by(const struct target *t, const char *name);
/* What the target said of the message's reasoning: the text of a JSON array; NULL: nothing. */
const char *request_thoughts(const struct target *t, const struct gen_message *m);
bool request_has_thoughts(const struct target *t, const struct gen_request *q);
void request_add_logprobs(struct buf *b, const struct gen_request *q);
/* Whether a member of this name is among them. */
bool request_has_extra(const struct gen_request *q, unsigned api, const char *name);
/* What a model without a switch for it is told about the format; "" when nothing is to be said. In the buffer. */
void request_add_format_words(struct buf *b, const struct gen_request *q);
/* The instruction for models that cannot go on with a message of their own. */
extern const char request_go_on[];

/* The request with the texts of its messages as one prompt, an empty line between; in the arena. E_MODEL_CANNOT: it has
 * pictures. */
int request_flatten(const struct gen_request *q, struct arena *a, struct gen_request *ret, struct err *e) MUST_CHECK;
/* The body of `raw` with another model and "stream":true, or without that member. */
void request_add_raw(struct buf *b, const char *body, const char *model, bool stream);
/* Whether the request is handed over as it came, to a provider of this kind. */
bool request_is_raw(const struct gen_request *q, const struct provider *p);

/* ---- history.c: calls of tools in the messages, for providers that take objects alone as their arguments ---- */

/* The request with its messages made fit, in the arena; with `pairs` each call has one result and each result its call.
 * -ENOMEM. */
int history_settle(const struct gen_request *q, bool pairs, struct arena *a, struct gen_request *ret) MUST_CHECK;
/* The request with each call's result right behind it, a made one where there is none; results of no call become texts. -ENOMEM. */
int history_pair(const struct gen_request *q, struct arena *a, struct gen_request *ret) MUST_CHECK;

/* ---- roles.c: who speaks when ---- */

/* The request with its messages as the quirks of roles want them, in the arena. -ENOMEM. */
int roles_settle(const struct gen_request *q, unsigned quirks, struct arena *a, struct gen_request *ret) MUST_CHECK;
/* What the text of a refusal says of them, whose status may be 500, too: templates of models end so. */
unsigned roles_learn(const struct gen_request *q, struct str error);

/* ---- names.c: names of tools that are not taken ---- */

/* Whether all names of tools and calls are of letters, digits, _ and -, at most 64 of them. */
bool names_all_plain(const struct gen_request *q);
/* The request with such names, in the arena; *l, which must be empty, leads back to the own ones. -ENOMEM. */
int names_settle(const struct gen_request *q, struct arena *a, struct names *l, struct gen_request *ret) MUST_CHECK;

/* ---- context.c: windows of an Ollama's models; `max` is the settings' ---- */

/* The window to ask with; 0: its own; E_CONTEXT_TOO_LONG: what is asked surely fits into none. */
int64_t context_choose(const struct target *t, const struct gen_request *q, int64_t max, struct err *e) MUST_CHECK;
/* E_CONTEXT_TOO_LONG when what is asked surely fits into no window of the target, of any dialect; 0 also when that is not known. */
int context_check(const struct target *t, const struct gen_request *q, int64_t max, struct err *e) MUST_CHECK;
/* The request had so many tokens. */
void context_learn(const struct target *t, const struct gen_request *q, int64_t tokens);
/* The call with the window `sent` failed: whether to ask again, with the one that context_choose() gives then. When it
 * was for the window and there is no use, *r and *e say so in place of what they had. */
bool context_again(const struct target *t, const struct gen_request *q, int64_t sent, int64_t max,
	const struct http_result *res, int *r, struct err *e) MUST_CHECK;

/* ---- quirks.c: what a server said it does not take, remembered for a model there or for the whole server ---- */

enum {
	QUIRK_NO_STREAM_OPTIONS = 1 << 0, /* of the server */
	QUIRK_OLD_VERSION = 1 << 1,       /* of the server: anthropic-version 2023-06-01 */
	QUIRK_NEW_MAX = 1 << 2,           /* max_completion_tokens in place of max_tokens */
	QUIRK_OLD_MAX = 1 << 3,           /* the reverse, at OpenAI itself */
	QUIRK_NO_PARALLEL = 1 << 4,
	QUIRK_NO_EFFORT = 1 << 5,
	QUIRK_OTHER_FORMAT = 1 << 6, /* json_schema in place of json_object, and the reverse */
	QUIRK_NO_FORMAT = 1 << 7,    /* only by instruction */
	QUIRK_NO_STRICT = 1 << 8,
	QUIRK_NO_REASONING = 1 << 9, /* it takes no reasoning back */
	QUIRK_NO_SAMPLING = 1 << 10,
	QUIRK_NO_EXTRAS = 1 << 11, /* top_k, min_p, repeat_penalty */
	QUIRK_NO_DIMENSIONS = 1 << 12,
	QUIRK_BUDGET = 1 << 13, /* thinking with a budget in place of the adaptive one */
	QUIRK_NO_THINKING = 1 << 14,
	QUIRK_NO_SEED = 1 << 15,
	QUIRK_THINKS = 1 << 16,          /* its answers begin with reasoning whose opening tag stands in the prompt */
	QUIRK_PLAIN_NAMES = 1 << 17,     /* names of tools of letters, digits, _ and - alone; OpenAI itself always */
	QUIRK_NO_CALL_EXTRAS = 1 << 18,  /* it takes no further members of calls back */
	QUIRK_SIGNED_CALLS = 1 << 19,    /* it wants its signature with the first call of an answer */
	QUIRK_TURNS = 1 << 20,           /* users and the assistant take turns, and the system speaks first */
	QUIRK_NO_SYSTEM = 1 << 21,       /* the same, and the system does not speak */
	QUIRK_NO_EMPTY = 1 << 22,        /* no answer is empty */
	QUIRK_NO_NULL = 1 << 23,         /* the content of a message that only calls is "" */
	QUIRK_NO_THOUGHTS = 1 << 24,     /* it takes nothing back that it said of its reasoning */
	QUIRK_WANTS_REASONING = 1 << 25, /* each answer comes back with its reasoning */
	QUIRK_NO_PREFILL = 1 << 26,      /* the last message is not the assistant's */
	QUIRK_PAIRS = 1 << 27,           /* each call has its result right behind it, and there are no others */
	QUIRK_LAST = QUIRK_PAIRS,
};
#define QUIRKS_OF_SERVER (QUIRK_NO_STREAM_OPTIONS | QUIRK_OLD_VERSION)
#define QUIRKS_OF_ROLES  (QUIRK_TURNS | QUIRK_NO_SYSTEM | QUIRK_NO_EMPTY | QUIRK_NO_PREFILL)

uint64_t quirks_hash(const char *name); /* never 0 */
unsigned quirks_of(struct provider *p, const char *model);
/* Those of the server for all its models; returns what was known that is the opposite, and is so no more. */
unsigned quirks_learn(struct provider *p, const char *model, unsigned quirks);
void quirks_forget(struct provider *p, const char *model, unsigned quirks);

/* Whether the text of a refusal has the word; `any`: one of them, of which the last is NULL; `refused`: whether it also says
 * that something is not known or taken. */
bool quirk_names(struct str error, const char *word);
bool quirk_names_any(struct str error, const char *const *words);
bool quirk_refused(struct str error);
