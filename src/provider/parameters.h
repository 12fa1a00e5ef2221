/*
 * parameters.h - how an answer is to be made: one table, from which checking, the OpenAPI document, what the page is told
 * and what becomes part of a request are made. A set of parameters is a JSON object wherever it is kept; layers of them lie
 * over each other, and what none of them says is the model's own.
 */
#pragma once

#include "base/schema.h"
#include "provider/generate.h"

/* type, name, least and most (of a list: items), the shapes that have a word for it (of others it is left out, which is
 * said), meaning */
#define PARAMETER_TABLE(X)                                                                                             \
	X(F64, temperature, 0, 2, API_SHAPES, "How freely words are chosen: 0 always takes the likeliest one.")        \
	X(F64, top_p, 0, 1, API_SHAPES, "Only the likeliest words whose probabilities come to this are chosen from.")  \
	X(I64, top_k, 1, 1000, API_SHAPES, "Only so many of the likeliest words are chosen from.")                     \
	X(F64, min_p, 0, 1, API_OLLAMA | API_OPENAI,                                                                   \
		"Only words that are at least this likely, compared with the likeliest one, are chosen from.")         \
	X(I64, max_tokens, 1, 1000000, API_SHAPES, "The answer ends after so many tokens.")                            \
	X(F64, repeat_penalty, 0, 2, API_OLLAMA | API_OPENAI, "Above 1: what was said of late is less likely.")        \
	X(F64, presence_penalty, -2, 2, API_OLLAMA | API_OPENAI, "Above 0: what was said is less likely.")             \
	X(F64, frequency_penalty, -2, 2, API_OLLAMA | API_OPENAI,                                                      \
		"Above 0: the more often something was said, the less likely it is.")                                  \
	X(I64, seed, 0, INT32_MAX, API_OLLAMA | API_OPENAI,                                                            \
		"The same seed, question and model give the same answer, where the provider can.")                     \
	X(STRS, stop, 0, 8, API_SHAPES, "The answer ends before any of these texts.")                                  \
	X(I64, context_tokens, 256, 10000000, API_OLLAMA,                                                              \
		"The window that an Ollama loads the model with; else what the request needs.")                        \
	X(TIME, keep_alive, 1, 20, API_OLLAMA, "How long an Ollama keeps the model loaded: 5m, 1h, -1 for ever.")      \
	X(EFFORT, effort, 0, 0, API_SHAPES,                                                                            \
		"How much is to be thought before the answer, by models that can; none: not at all.")                  \
	X(FORMAT, format, 0, 0, API_SHAPES, "What the answer is to be: text, any JSON object, or one of `schema`.")    \
	X(JSON, schema, 0, 0, API_SHAPES, "JSON Schema of the answer, for the format `schema`.")                       \
	X(SWITCH, raw, 0, 0, API_OLLAMA | API_OPENAI,                                                                  \
		"on: the texts of the chat reach the model as they stand, without its template, and it goes on with "  \
		"them.")

#define PARAMETER_EFFORTS      "none low medium high"
#define PARAMETER_FORMATS      "text json schema"
#define PARAMETER_SWITCH_WORDS "off on"
/* Times as an Ollama takes them. */
#define PARAMETER_TIME_PATTERN "^-?([0-9]+|([0-9]+(\\.[0-9]+)?(ms|s|m|h))+)$"
#define PARAMETER_TIME_HINT    "seconds, a time like 5m or 1h30m, or -1 for ever"

#define PARAMETER_F64(name)    double name;
#define PARAMETER_I64(name)    int64_t name;
#define PARAMETER_STRS(name)   struct schema_list name;
#define PARAMETER_TIME(name)   const char *name;
#define PARAMETER_EFFORT(name) const char *name;
#define PARAMETER_FORMAT(name) const char *name;
#define PARAMETER_SWITCH(name) const char *name;
#define PARAMETER_JSON(name)   const char *name;
#define X(type, name, ...)     PARAMETER_##type(name)
#define HAS(type, name, ...)   bool has_##name;
struct parameters {
	PARAMETER_TABLE(X)
	PARAMETER_TABLE(HAS) /* whether it is said */
};
#undef X
#undef HAS

/* As a field of bodies and answers; after a body was parsed, parameters_settle(). */
extern const struct schema parameters_schema;

struct parameter_info {
	const char *name, *doc;
	const char *type;    /* number, integer, strings, string, json */
	const char *choices; /* words; NULL: any text */
	double min, max;     /* 0, 0: no bounds */
	unsigned takes;      /* API_... */
	size_t offset, has, size;
};
const struct parameter_info *parameters_table(size_t *ret_n);

/* What was given as null is not said. */
void parameters_settle(struct parameters *p);

/* From the JSON object that is kept (NULL and "" are none), and to it; texts in the arena. NULL: no memory. */
int parameters_read(const char *json, struct arena *a, struct parameters *ret, struct err *e) MUST_CHECK;
const char *parameters_write(const struct parameters *p, struct arena *a);

/* Lays `over` upon `p`: what it says counts. */
void parameters_lay(struct parameters *p, const struct parameters *over);

/* Makes them part of a request, whose texts they are. -ENOMEM. */
int parameters_apply(const struct parameters *p, struct arena *a, struct gen_request *ret) MUST_CHECK;

/* Tells the name of each thing that a request says of sampling, window and keeping, and that the API has no word for. */
void parameters_lost(const struct gen_request *q, unsigned api, void (*tell)(void *arg, const char *name), void *arg);

/* The names of what a result says was not sent, with commas between; NULL: no memory. */
const char *parameters_untaken(unsigned lost, struct arena *a);

/* The names of those that are said and that the API does not take, with commas between; NULL: there are none. */
const char *parameters_left_out(const struct parameters *p, unsigned api, struct arena *a);
