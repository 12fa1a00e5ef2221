/* generate.h - a generation: one call of a model, whose answer comes as events to a sink. */
#pragma once

#include "base/event.h"
#include "provider/models.h"
#include "sys/cancel.h"

struct gen_image {
	size_t at;  /* it stands behind so many bytes of the message's text; none before the one before it */
	size_t gap; /* so many bytes of the text behind it only separate it for who takes text alone */
	const char *media_type; /* image/png ... */
	const char *data;       /* base64; NULL: at `url` */
	const char *url;        /* https address */
	const char *file_name;  /* NULL: a picture; else a PDF, which only some providers take */
	const char *extras;     /* beside its address, as gen_request's extras; NULL: none */
	const char *part;       /* no picture, but another part of the request, as JSON: for a provider of the shape
				   `extras_api` alone; NULL: none */
};

struct gen_tool_call {
	const char *id, *name;
	const char *arguments; /* the text of a JSON object */
	/* What its provider said of it beside, to be given back as it was (a signature of thoughts): members as text, as
	 * gen_request's extras, for a provider of OpenAI's shape; NULL: nothing. */
	const char *extras;
	/* The name of that provider: no other is told; NULL: not known, it is the one that the request means. */
	const char *extras_of;
	/* As `thoughts` of its message, for programs that have a place for them at calls alone; NULL: none. */
	const char *thoughts;
};

struct gen_message {
	const char *role;      /* system, user, assistant, tool */
	const char *content;   /* text; NULL is "" */
	const char *reasoning; /* of an assistant, to be given back to models that want it; NULL: none */
	/* What its provider said of its reasoning beside, as the text of a JSON array, to be given back to that; NULL: nothing. */
	const char *thoughts, *thoughts_of; /* as extras_of of a call */
	const char *name;                   /* who speaks, for providers that know such a member; NULL: none */
	const char *cache;                  /* anthropic: cache_control of the message's end, as JSON; NULL: none */
	const char *extras;                 /* further members, as gen_request's extras; NULL: none */
	const struct gen_image *images;
	size_t n_images;
	const struct gen_tool_call *calls; /* of an assistant */
	size_t n_calls;
	const char *tool_call_id, *tool_name; /* of a tool: which call it answers */
	bool tool_failed;
};

UNUSED static inline bool gen_is_role(const struct gen_message *m, const char *role)
{
	return strcmp(m->role, role) == 0;
}

struct gen_tool {
	const char *name, *description; /* description may be NULL */
	const char *parameters;         /* JSON Schema as text; NULL: none */
	bool strict;
	const char *cache, *extras; /* as of a message */
};

enum tool_choice { TOOLS_AUTO, TOOLS_NONE, TOOLS_REQUIRED, TOOLS_NAMED };
enum gen_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };
enum gen_thinking { THINKING_DEFAULT, THINKING_OFF, THINKING_ON, THINKING_LOW, THINKING_MEDIUM, THINKING_HIGH };

/* How to sample; a field counts when its bit is in `set`. What a kind does not know is left out. */
enum {
	SAMPLE_TEMPERATURE = 1,
	SAMPLE_TOP_P = 2,
	SAMPLE_TOP_K = 4,
	SAMPLE_MIN_P = 8,
	SAMPLE_SEED = 16,
	SAMPLE_PRESENCE = 32,
	SAMPLE_FREQUENCY = 64,
	SAMPLE_REPEAT = 128,
	/* Of what a result says was not sent, beside these (parameters_untaken names them in this order): */
	LOST_EFFORT = 256,
	LOST_FORMAT = 512,
	LOST_HEAT = 1024,     /* a temperature that was lowered to the most there is */
	LOST_LENGTH = 2048,   /* so were the tokens of the answer */
	LOST_LEVEL = 4096,    /* it thinks, but not by the level that was asked for */
	LOST_TO_BUDGET = 8192 /* the level went as a number of tokens, the nearest there is; not named */
};
struct gen_sampling {
	unsigned set;
	double temperature, top_p, min_p, presence_penalty, frequency_penalty, repeat_penalty;
	int64_t top_k;
	const char *seed; /* digits */
};

/* A request in the provider's own shape, sent as it is but for model and stream when the target is of that kind (else
 * what is said beside it counts), and its answer handed over as the bytes that came: nothing is lost in conversion. */
struct gen_raw {
	unsigned api;                                     /* API_ANTHROPIC */
	const char *body;                                 /* JSON object text, NUL-terminated */
	const char *const *headers;                       /* further ones, NULL-terminated; or NULL */
	int (*bytes)(void *arg, const char *p, size_t n); /* on the loop */
	void *arg;
};

/* How likely the tokens of an answer were, where the provider tells: objects of JSON {token, logprob, bytes, top_logprobs}
 * with commas between. On the loop, or on the caller's thread while nothing else comes (as events). */
struct gen_logprobs {
	int64_t top; /* alternatives of each token; 0: none */
	int (*items)(void *arg, bool on_loop, const char *items, size_t n);
	void *arg;
};

/* What an answer has beside its text, as objects of JSON in OpenAI's form with commas between: pages that it cites and the
 * like, pictures, pieces of sound. Called as the above. */
enum gen_beside_kind { BESIDE_ANNOTATIONS, BESIDE_IMAGES, BESIDE_AUDIO, BESIDE_KINDS };
struct gen_beside {
	int (*items)(void *arg, bool on_loop, enum gen_beside_kind kind, const char *items, size_t n);
	void *arg;
};

struct gen_request {
	const char *model; /* a resolved id or alias */
	int64_t caller;    /* whose call it is: the queue of a provider is fair between callers, */
	int64_t key;       /* and between the keys that one of them calls with; 0: none */
	const struct gen_message *messages;
	size_t n_messages;
	const char *prompt,
		*suffix; /* in place of messages: plain completion, and what stands behind the gap; or NULL */
	bool raw_prompt; /* the prompt, or the texts of the messages in its place, reach the model as they stand, where its
			    provider can; an Ollama would put them into the model's template */
	const struct gen_tool *tools;
	size_t n_tools;
	const char *tool_name; /* of TOOLS_NAMED */
	enum tool_choice tool_choice;
	bool one_tool_at_a_time;
	bool continues;  /* the last message is an assistant's, to be gone on with */
	bool background; /* nobody waits for it: it begins where the provider is idle, and `cancel`, which is its own, is
			    fired with E_BUSY when somebody would wait for its place */
	bool text_stays; /* the sink cannot move text (EV_MOVED): what may be reasoning is kept back */
	enum gen_format format;
	enum gen_thinking thinking;
	const char *effort; /* a client's own word of OpenAI's, for who speaks so, too; NULL: by `thinking` */
	const char *schema, *schema_name; /* of FORMAT_SCHEMA: JSON Schema as text */
	const char *schema_description;   /* or NULL */
	int schema_strict;                /* 1, -1: as the request says; 0: as the schema looks */
	struct gen_sampling sampling;
	const char *const *stop;   /* NULL-terminated, or NULL */
	int64_t max_tokens;        /* 0: the provider's default */
	int64_t tokens_if_endless; /* the same for a provider that has no default; 0: none */
	int64_t patience_ms;       /* for a whole try; 0: what the settings say */
	int64_t context_tokens;    /* ollama's num_ctx; 0: what the request needs */
	const char *user;          /* whom a program answers, in its own words: its provider may ask; NULL: not said */
	const char *keep_alive;    /* ollama's, as JSON; NULL: its own */
	bool may_truncate;         /* ollama: what does not fit may be left out, without a word */
	bool whole;                /* nobody reads along: the answer is told when it has ended */
	/* Members that only a provider of the shape `extras_api` is told, as text: ,"a":1,"b":{} - and for Ollama those of its
	 * options. What a request says by itself is not among them. NULL: none. */
	unsigned extras_api; /* one bit of API_SHAPES */
	const char *extras, *extra_options;
	const char *extra_tools;   /* as those: tools that are no functions, objects of JSON with commas between */
	const struct gen_raw *raw; /* or NULL */
	const struct gen_logprobs *logprobs; /* wanted; or NULL */
	const struct gen_beside *beside;     /* wanted; or NULL */
};

/*
 * Where a generation's events go: status, reasoning, text, moved, tool_call, citation. For providers over HTTP it is called on
 * the loop thread; the Librarian and what happens before a call (status events) use the calling thread (`on_loop` says
 * which). `json` is the event's data as one line of JSON. Negative ends the generation.
 */
struct gen_sink {
	int (*event)(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n);
	bool no_status;        /* status events are not wanted, and not made */
	struct str touched[2]; /* memory that `event` uses beside the sink: it is fetched before a piece is read */
};

/* No figure of a result is above this, whatever the provider reports: sums of them stay numbers. */
#define GEN_FIGURE_MAX (INT64_C(1) << 40)

/* Tokens that some providers count apart, within those that came in or went out; the names are OpenAI's. */
#define TOKEN_PARTS(X)                                                                                                 \
	X(TOKENS_AUDIO_IN, "prompt_tokens_details", "audio_tokens")                                                    \
	X(TOKENS_AUDIO_OUT, "completion_tokens_details", "audio_tokens")                                               \
	X(TOKENS_ACCEPTED, "completion_tokens_details", "accepted_prediction_tokens")                                  \
	X(TOKENS_REJECTED, "completion_tokens_details", "rejected_prediction_tokens")
#define X(name, ...) name,
enum token_part { TOKEN_PARTS(X) N_TOKEN_PARTS };
#undef X
struct token_place {
	const char *within, *name;
};
extern const struct token_place token_places[N_TOKEN_PARTS]; /* where OpenAI's usage has each (openai.c) */

#define GEN_NO_RESULT                                                                                                  \
	{                                                                                                              \
		.tokens_in = -1, .tokens_out = -1, .tokens_cached = -1, .tokens_reasoning = -1, .first_token_ms = -1   \
	}

struct gen_result {
	int64_t tokens_in, tokens_out;           /* -1: not reported; tokens_in includes the cached ones */
	int64_t tokens_cached, tokens_reasoning; /* -1: not reported; parts of the above */
	int64_t answer_bytes;                    /* of its text, reasoning and arguments of calls, about */
	int64_t tokens_kept;                     /* written to the provider's cache, of tokens_in; 0: not reported */
	int64_t token_parts[N_TOKEN_PARTS];      /* 0: not reported */
	int64_t first_token_ms;                  /* from the start of the successful try; -1: none came */
	int64_t duration_ms;                     /* of the successful (or last) try */
	int64_t queued_ms;
	/* Nanoseconds, as the provider measured them: to load the model, to read the request, to answer; 0: it does not say. */
	int64_t load_ns, prompt_ns, eval_ns;
	int tries;
	char finish_reason
		[24];  /* stop, length, tool_calls, content_filter, or the provider's word; "": it did not end */
	unsigned lost; /* bits of SAMPLE_ and LOST_: asked for, but not sent, since the model is known not to take it */
	bool thought_as_text; /* the text begins with reasoning, up to its closing tag: it went out before that came */
	char stop_sequence[64];                 /* that ended it, where the provider says so; else "" */
	char fingerprint[64], service_tier[24]; /* of who answered, in the provider's words; "": not said */
	char model[200]; /* id of the one that answered, after routes and fallbacks; "": none was called */
	char provider[64], provider_model[200];
};

/*
 * Calls the model and returns when its answer has ended: 0, -ECANCELED (with the cancel's reason recorded), or a
 * failure: E_PROVIDER... (what came before stays), E_MODEL_UNKNOWN, E_MODEL_CANNOT when it is known not to do what is
 * asked (tools, images, thinking, schema). Waits for a place at the provider, tries again with exponential backoff and
 * then the next target of its route, both only before the first byte, with a status event for each wait. Blocks; not on
 * the loop thread.
 */
int provider_generate(struct providers *p, const struct gen_request *q, struct gen_sink *sink, struct cancel *cancel,
	struct gen_result *ret, struct err *e) MUST_CHECK;

/* Whether a call need not be made: E_CONTEXT_TOO_LONG, with the figures, when the request surely fits into no target of its
 * model, as far as their windows are known. 0 else. Asks nobody; any thread. */
int provider_check_fits(struct providers *ps, const struct gen_request *q, struct err *e) MUST_CHECK;

/* Waits until a call of this model in the background would begin at once: 0, E_BUSY when that took `wait_ms`,
 * E_MODEL_UNKNOWN, -ECANCELED. */
int provider_await_idle(
	struct providers *ps, const char *model, struct cancel *cancel, int64_t wait_ms, struct err *e) MUST_CHECK;

/* Whether arguments of calls in the messages are no JSON object: a provider that takes objects alone gets those calls and
 * their results as texts. */
bool provider_has_broken_calls(const struct gen_request *q);

/* An earlier answer in a request, as a client has it: what is reasoning in its text becomes that, by the rules for a new answer.
 * False: there is none, and it stays as it is. New texts are in the arena. */
bool provider_part_thoughts(struct gen_message *m, struct arena *a) MUST_CHECK;
/* Whether a request speaks of such tags itself: then they are a part of its answers. */
bool provider_asks_for_tags(const struct gen_request *q);

/* The name of the request's tool that a call is written of in the text of an answer, in one of the forms that models were
 * trained with; NULL: none. Such a call is text to the provider, and stays it; it can only be told. Any thread. */
const char *provider_written_call(const struct gen_request *q, struct str text);
