/* parameters.c - how an answer is to be made. */
#include "provider/parameters.h"

#include <errno.h>
#include <math.h>

#define NOT_SAID  INT64_MIN
#define MOST_TEXT ((size_t)1 << 20)

#define P struct parameters
static const struct field stop_item = {.type = FT_TEXT, .min = 1, .max = 200};

#define HAS_FIELD(t, name, text, ...)                                                                                  \
	FIELD_HAS(t, P, name, has_##name, #name, .flags = FIELD_OMIT, .doc = (text), __VA_ARGS__),
#define FIELD_OF_F64(name, lo, hi, text)  HAS_FIELD(FT_F64, name, text, .min = (lo), .max = (hi))
#define FIELD_OF_I64(name, lo, hi, text)  HAS_FIELD(FT_I64, name, text, .min = (lo), .max = (hi), .when_null = NOT_SAID)
#define FIELD_OF_STRS(name, lo, hi, text) HAS_FIELD(FT_STRS, name, text, .max = (hi), .item = &stop_item)
#define FIELD_OF_TIME(name, lo, hi, text)                                                                              \
	HAS_FIELD(FT_STR, name, text, .min = (lo), .max = (hi), .pattern = PARAMETER_TIME_PATTERN,                     \
		.hint = PARAMETER_TIME_HINT)
#define FIELD_OF_EFFORT(name, lo, hi, text) HAS_FIELD(FT_ENUM, name, text, .choices = PARAMETER_EFFORTS)
#define FIELD_OF_FORMAT(name, lo, hi, text) HAS_FIELD(FT_ENUM, name, text, .choices = PARAMETER_FORMATS)
#define FIELD_OF_SWITCH(name, lo, hi, text) HAS_FIELD(FT_ENUM, name, text, .choices = PARAMETER_SWITCH_WORDS)
#define FIELD_OF_JSON(name, lo, hi, text)                                                                              \
	FIELD_HAS(FT_JSON, P, name, has_##name, #name, .flags = FIELD_OMIT | FIELD_OBJECT_ONLY, .doc = (text)),
#define X(type, name, lo, hi, takes, text) FIELD_OF_##type(name, lo, hi, text)
static const struct field fields[] = {PARAMETER_TABLE(X)};
#undef X
const struct schema parameters_schema = SCHEMA("Parameters", P, fields,
	"How an answer is to be made. What is absent is said by a layer below, or is the model's own.");

#define TYPE_F64     "number"
#define TYPE_I64     "integer"
#define TYPE_STRS    "strings"
#define TYPE_TIME    "string"
#define TYPE_EFFORT  "string"
#define TYPE_FORMAT  "string"
#define TYPE_SWITCH  "string"
#define TYPE_JSON    "json"
#define WORDS_F64    NULL
#define WORDS_I64    NULL
#define WORDS_STRS   NULL
#define WORDS_TIME   NULL
#define WORDS_EFFORT PARAMETER_EFFORTS
#define WORDS_FORMAT PARAMETER_FORMATS
#define WORDS_SWITCH PARAMETER_SWITCH_WORDS
#define WORDS_JSON   NULL
#define X(t, n, lo, hi, who, text)                                                                                     \
	{.name = #n,                                                                                                   \
		.doc = (text),                                                                                         \
		.type = TYPE_##t,                                                                                      \
		.choices = WORDS_##t,                                                                                  \
		.min = (lo),                                                                                           \
		.max = (hi),                                                                                           \
		.takes = (who),                                                                                        \
		.offset = offsetof(P, n),                                                                              \
		.has = offsetof(P, has_##n),                                                                           \
		.size = sizeof(((P *)0)->n)},
static const struct parameter_info table[] = {PARAMETER_TABLE(X)};
#undef X
#undef P

const struct parameter_info *parameters_table(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(table);
	return table;
}

static bool *has(struct parameters *p, const struct parameter_info *i)
{
	return (bool *)((char *)p + i->has);
}

static bool is_said(const struct parameters *p, const struct parameter_info *i)
{
	return *(const bool *)((const char *)p + i->has);
}

static bool is_null(const struct parameters *p, size_t at)
{
	const void *v = (const char *)p + table[at].offset;

	switch (fields[at].type) {
	case FT_F64:
		return isnan(*(const double *)v);
	case FT_I64:
		return *(const int64_t *)v == NOT_SAID;
	case FT_STRS:
		return ((const struct schema_list *)v)->items == NULL;
	default:
		return *(const char *const *)v == NULL;
	}
}

void parameters_settle(struct parameters *p)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++)
		if (is_said(p, &table[i]) && is_null(p, i))
			*has(p, &table[i]) = false;
}

int parameters_read(const char *json, struct arena *a, struct parameters *ret, struct err *e)
{
	int r = 0;

	*ret = (struct parameters){.has_seed = false};
	if (json && *json)
		r = schema_parse(&parameters_schema, str_from(json), ret, a, e);
	if (r == 0)
		parameters_settle(ret);
	return r;
}

const char *parameters_write(const struct parameters *p, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(MOST_TEXT);

	schema_emit(&parameters_schema, p, &b);
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

void parameters_lay(struct parameters *p, const struct parameters *over)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		if (!is_said(over, &table[i]))
			continue;
		memcpy((char *)p + table[i].offset, (const char *)over + table[i].offset, table[i].size);
		*has(p, &table[i]) = true;
	}
}

/* ---- requests ---- */

static enum gen_thinking thinking_of(const char *effort)
{
	static const struct {
		const char *word;
		enum gen_thinking thinking;
	} efforts[] = {
		{"none", THINKING_OFF}, {"low", THINKING_LOW}, {"medium", THINKING_MEDIUM}, {"high", THINKING_HIGH}};

	for (size_t i = 0; i < N_ELEMENTS(efforts); i++)
		if (strcmp(effort, efforts[i].word) == 0)
			return efforts[i].thinking;
	return THINKING_DEFAULT;
}

static int apply_texts(const struct parameters *p, struct arena *a, struct gen_request *ret)
{
	bool number = p->has_keep_alive && strspn(p->keep_alive, "-0123456789") == strlen(p->keep_alive);
	const char **stop = ARENA_ARRAY(a, const char *, p->stop.n + 1);

	if (!stop)
		return -ENOMEM;
	if (p->has_stop && p->stop.n > 0) {
		memcpy(stop, p->stop.items, p->stop.n * sizeof(*stop));
		ret->stop = stop;
	}
	if (p->has_seed && !(ret->sampling.seed = arena_printf(a, "%lld", (long long)p->seed)))
		return -ENOMEM;
	if (p->has_keep_alive) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

		if (number)
			buf_add_str(&b, p->keep_alive);
		else
			json_add_cstr(&b, p->keep_alive);
		if (buf_status(&b) < 0 || !(ret->keep_alive = arena_strndup(a, b.p, b.n)))
			return -ENOMEM;
	}
	return 0;
}

/* A schema alone wants answers of it; `schema` where no layer has one is any JSON. */
static enum gen_format format_of(const struct parameters *p)
{
	const char *word = p->has_format ? p->format : p->has_schema ? "schema" : "text";

	if (strcmp(word, "text") == 0)
		return FORMAT_TEXT;
	return strcmp(word, "schema") == 0 && p->has_schema ? FORMAT_SCHEMA : FORMAT_JSON;
}

int parameters_apply(const struct parameters *p, struct arena *a, struct gen_request *ret)
{
	ret->sampling = (struct gen_sampling){
		.set = (p->has_temperature ? SAMPLE_TEMPERATURE : 0u) | (p->has_top_p ? SAMPLE_TOP_P : 0u) |
		       (p->has_top_k ? SAMPLE_TOP_K : 0u) | (p->has_min_p ? SAMPLE_MIN_P : 0u) |
		       (p->has_seed ? SAMPLE_SEED : 0u) | (p->has_presence_penalty ? SAMPLE_PRESENCE : 0u) |
		       (p->has_frequency_penalty ? SAMPLE_FREQUENCY : 0u) |
		       (p->has_repeat_penalty ? SAMPLE_REPEAT : 0u),
		.temperature = p->temperature,
		.top_p = p->top_p,
		.min_p = p->min_p,
		.presence_penalty = p->presence_penalty,
		.frequency_penalty = p->frequency_penalty,
		.repeat_penalty = p->repeat_penalty,
		.top_k = p->top_k};
	ret->max_tokens = p->has_max_tokens ? p->max_tokens : 0;
	ret->context_tokens = p->has_context_tokens ? p->context_tokens : 0;
	ret->thinking = p->has_effort ? thinking_of(p->effort) : THINKING_DEFAULT;
	ret->format = format_of(p);
	ret->schema = p->has_schema ? p->schema : NULL;
	ret->raw_prompt = p->has_raw && strcmp(p->raw, "on") == 0;
	return apply_texts(p, a, ret);
}

static unsigned takers_of(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].takes;
	return API_SHAPES;
}

void parameters_lost(const struct gen_request *q, unsigned api, void (*tell)(void *arg, const char *name), void *arg)
{
	unsigned set = q->sampling.set;
	const struct {
		const char *name, *here; /* as requests write it, and as the table does */
		bool said;
	} all[] = {
		{"temperature", NULL, set & SAMPLE_TEMPERATURE},
		{"top_p", NULL, set & SAMPLE_TOP_P},
		{"top_k", NULL, set & SAMPLE_TOP_K},
		{"min_p", NULL, set & SAMPLE_MIN_P},
		{"seed", NULL, set & SAMPLE_SEED},
		{"presence_penalty", NULL, set & SAMPLE_PRESENCE},
		{"frequency_penalty", NULL, set & SAMPLE_FREQUENCY},
		{"repeat_penalty", NULL, set & SAMPLE_REPEAT},
		{"num_ctx", "context_tokens", q->context_tokens > 0},
		{"keep_alive", NULL, q->keep_alive != NULL},
	};

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if (all[i].said && !(takers_of(all[i].here ? all[i].here : all[i].name) & api))
			tell(arg, all[i].name);
}

const char *parameters_untaken(unsigned lost, struct arena *a)
{
	static const char *const names[] = {"temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty",
		"frequency_penalty", "repeat_penalty", "effort", "format", "temperature above 1",
		"max_tokens above the model's most", "the level of effort"};
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (lost & 1u << i)
			buf_printf(&b, "%s%s", b.n ? ", " : "", names[i]);
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, buf_str(&b).p, b.n);
}

const char *parameters_left_out(const struct parameters *p, unsigned api, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	for (size_t i = 0; i < N_ELEMENTS(table); i++)
		if (is_said(p, &table[i]) && !(table[i].takes & api))
			buf_printf(&b, "%s%s", b.n ? ", " : "", table[i].name);
	return b.n && buf_status(&b) == 0 ? arena_strndup(a, b.p, b.n) : NULL;
}
