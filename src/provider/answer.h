/* answer.h - from the bytes of a provider to the events of a sink: lines, JSON, and what the dialects share of an answer. */
#pragma once

#include "base/json.h"
#include "provider/generate.h"
#include "provider/repeat.h"
#include "provider/think.h"

#define LINE_MAX_BYTES (8u << 20) /* what Ollama's own client takes */
#define LONG_BYTES     16384      /* lines beyond this are not parsed on the loop, and texts are told in such pieces */

struct dialect;

/* ---- lines.c ---- */

struct lines {
	struct buf part; /* the beginning of a line whose end has not come */
	bool taken;      /* no: a whole line, which was handed out and is done with by now */
	bool skip_lf;    /* the last piece ended with a CR */
};
#define LINES_INIT ((struct lines){.part = BUF_INIT(LINE_MAX_BYTES)})

/* What came in one read, and how far it is read. */
struct piece {
	const char *p, *end;
	const char *lf, *cr; /* the next of each; `end`: there is none */
};

/* The lines (\n, \r\n or \r) of the n bytes at p are read by lines_next until it returns 0: it keeps then what is left for the
 * piece behind. 1: *ret is a line, where it lies, until the next call; negative: E_TOO_LARGE. */
struct piece lines_piece(struct lines *l, const char *p, size_t n);
int lines_other(struct lines *l, struct piece *in, struct str *ret) MUST_CHECK; /* what is not the usual line */
bool lines_last(struct lines *l, struct str *ret);                              /* a last line without its end */
void lines_done(struct lines *l);

MUST_CHECK static inline int lines_next(struct lines *l, struct piece *in, struct str *ret)
{
	if (l->part.n > 0 || in->lf >= in->cr)
		return lines_other(l, in, ret);
	*ret = (struct str){in->p, (size_t)(in->lf - in->p)};
	in->p = in->lf + 1;
	in->lf = memchr(in->p, '\n', (size_t)(in->end - in->p));
	if (!in->lf)
		in->lf = in->end;
	return 1;
}

/* ---- scan.c: a strict reader of the few shapes that nearly all lines have ---- */

struct json_scan {
	const char *p, *end;
};

/* Each returns false when the text is not exactly this: then the full parser judges the whole line. Leading white space
 * is skipped. json_scan_string gives the raw text between the quotes. */
bool json_scan_char(struct json_scan *s, char c);
bool json_scan_string(struct json_scan *s, struct str *ret_raw);
bool json_scan_word(struct json_scan *s, const char *word); /* null, true, false */
bool json_scan_scalar(struct json_scan *s);              /* any string, number or word; what it says does not matter */
bool json_scan_count(struct json_scan *s, int64_t *ret); /* a whole number up to COUNT_MAX */
bool json_scan_end(struct json_scan *s);

/* What a usual line of an answer brings, as raw text; empty where there is none. */
struct scanned {
	struct str content, reasoning;
	struct str stamp;             /* differs from line to line and says nothing, such as a time */
	struct str finish;            /* why the answer has ended */
	struct str fingerprint, tier; /* of who answers: the same in all lines */
	int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning; /* -1: not said */
};
#define SCANNED_INIT ((struct scanned){.tokens_in = -1, .tokens_out = -1, .tokens_cached = -1, .tokens_reasoning = -1})

typedef bool (*scan_fn)(const char *p, size_t n, struct scanned *ret);

/* The bytes of a line around what differs: a server writes most lines of an answer alike, so that one which was scanned
 * tells how to read the next. */
struct line_shape {
	struct buf fixed;      /* of the three parts: before the stamp, before the text, behind it */
	size_t before, behind; /* bytes of the first and of the last */
	bool is_stamped, is_reasoning;
	unsigned char misses; /* since a line had the shape */
};
#define LINE_SHAPE_INIT ((struct line_shape){.fixed = BUF_INIT(512)})

bool shape_read(struct line_shape *l, const char *p, size_t n, struct scanned *ret); /* false: not of this shape */
void shape_learn(struct line_shape *l, const char *p, size_t n, const struct scanned *found);

/* 1: a member's key, the scan stands at its value; 0: the object's end; -1: not this shape. `*first` begins as true. */
int json_scan_member(struct json_scan *s, bool *first, struct str *ret_key);

/* Parses one JSON text; what strict parsers refuse but servers send (invalid UTF-8, NUL, lone surrogates and raw control
 * characters in strings) is repaired first. */
int wire_parse(const char *p, size_t n, json_t **ret) MUST_CHECK;
/* The same for a piece of an answer, where the other half of a character may be in the next piece: lone surrogates are
 * kept as marks, which wire_join_halves() understands. */
int wire_parse_piece(const char *p, size_t n, json_t **ret, bool *ret_has_halves) MUST_CHECK;
/* Makes characters of the marks in a text; *half is the one that its other half is awaited for (0: none). When there is
 * something to do, *p and *n are then in `room`. */
int wire_join_halves(uint16_t *half, bool has_halves, const char **p, size_t *n, struct buf *room) MUST_CHECK;

/* A figure that a provider counted: a number or the text of one, from 0 to COUNT_MAX; anything else: `otherwise`. */
#define COUNT_MAX INT64_C(1000000000000)
int64_t wire_count(const json_t *obj, const char *key, int64_t otherwise);
/* The same of bytes, parameters and moments, up to SIZE_MOST; 0: it is none. */
#define SIZE_MOST INT64_C(1000000000000000)
int64_t wire_size(const json_t *obj, const char *key);
/* Tokens that a model takes or gives at most; 0: not known, as where they are so few that nothing fits. */
int64_t wire_window(const json_t *obj, const char *key);

/* The message of an error body of any known shape, cut to a sentence's length; "" when there is none. */
void wire_error_text(const json_t *root, char *ret, size_t size);
/* Servers say keys back in their errors: "***" stands for each. */
void wire_hide(char *text, const char *secret);
void wire_error_body(const char *p, size_t n, char *ret, size_t size);
/* A time that a provider measured, in nanoseconds of its unit; 0 for what is none. */
int64_t wire_time_ns(const json_t *obj, const char *key, double unit_ns);
const char *wire_full_stop(const char *text); /* what the text lacks to be a sentence: "." or "" */

/* ---- answer.c: one answer being read ---- */

struct answer_calls;    /* tools.c: the calls of tools so far */
struct answer_thoughts; /* thoughts.c: what is said of the reasoning so far */

/* ---- names.c: names of tools that a provider does not take ---- */

struct name {
	char *own, *sent;
};
struct names {
	struct name *all;
	size_t n;
};
/* The tool's own name by the one that was sent; another one is itself. NULL is an empty list. */
const char *names_own(const struct names *l, const char *sent);
void names_done(struct names *l);

struct answer {
	/* What each piece of an answer touches lies together: among thousands of streams all of it is cold. */
	const struct dialect *dialect;
	struct gen_sink *sink;
	const struct gen_raw *raw;           /* not NULL: the bytes are handed over, and no events made of them */
	const struct gen_logprobs *logprobs; /* not NULL: wanted */
	const struct gen_beside *beside;     /* not NULL: wanted */
	enum { BODY_UNKNOWN, BODY_LINES, BODY_JSON } body;
	bool has_halves; /* of the piece that is taken: texts in it hold halves of characters */
	uint16_t half_text, half_reasoning;
	bool off_loop; /* it is read on the caller's thread just now */
	bool gathers;  /* nobody reads along: text is told once a piece of the answer */
	bool ended;    /* the dialect's end mark has come: what follows is ignored */
	bool got_byte;
	bool shown;       /* an event was made, or bytes were handed over: nothing can be tried again */
	bool transient;   /* the error that the stream reported may be over in a moment */
	bool error_event; /* sse.c: the event is named so */
	bool in_deltas;   /* openai.c: the answer comes in pieces, and not as a message */
	bool refused;     /* openai.c: the model said that it will not */
	bool cited;       /* openai.c: pages were told, which each chunk may repeat */
	bool thinks;      /* anthropic.c: a block of thinking is open, whose pieces are kept for its signature */
	int64_t first_token_ms;
	struct think think;
	int64_t pieces,
		bytes; /* of text, reasoning and arguments: what an answer has at least, in tokens (answer_tokens) */
	struct repeat repeat;
	struct lines lines;
	struct line_shape shape;
	struct buf data;     /* sse.c: an event of several lines, or a whole answer in one piece */
	struct buf gathered; /* answer.c: an event of text whose end has not come */

	const char *label, *key; /* of the provider; the key: NULL, or what its errors must not tell on */
	const char *provider;    /* its name, to which goes back what it says of calls; NULL: that is not told */
	struct err *e;
	int64_t start_ms, ended_ms; /* ended: when the end mark came, or the reason before it */
	int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
	int64_t load_ns, prompt_ns, eval_ns; /* 0: not said */
	int64_t token_parts[N_TOKEN_PARTS];  /* 0: not said */
	int64_t input[3];                    /* fresh (anthropic), written to and read from its cache; -1: not said */
	char finish_reason[24]; /* in our words; "error": broken off, for which the provider has this word: */
	char broken_word[32];
	char stop_sequence[64];
	char fingerprint[64], service_tier[24];
	const struct names *names; /* of the request's tools; or NULL */
	struct answer_calls *calls;
	struct answer_thoughts *thoughts; /* NULL: nothing */
	size_t calls_taken;               /* ollama: whole calls so far, which number them */
};

void answer_init(struct answer *s, const struct dialect *d, const char *label, struct gen_sink *sink, struct err *e);
void answer_done(struct answer *s);
int answer_feed(struct answer *s, const char *p, size_t n) MUST_CHECK;
/* The two halves of answer_feed: bytes are handed on as they are, and read. Reading may be done off the loop, which is
 * told by `off_loop`; a sink takes what is long in pieces then. */
int answer_pass(struct answer *s, const char *p, size_t n) MUST_CHECK;
int answer_read(struct answer *s, const char *p, size_t n) MUST_CHECK;
/* Whether the piece (NULL: the end) ends something long, whose reading would hold up the loop. */
bool answer_is_long(const struct answer *s, const char *p, size_t n);
int answer_finish(struct answer *s) MUST_CHECK; /* no more bytes will come; on the loop, since it may make events */
/* The least number of tokens that it can have had so far. */
int64_t answer_bytes(const struct answer *s); /* of text, reasoning and arguments, about */
int64_t answer_tokens(const struct answer *s);

bool answer_is_settled(const struct answer *s); /* ended, and answer_finish() has nothing to do */

/* For the dialects. Content is looked through for reasoning (think.h); what is raw is still escaped as in JSON. */
int answer_raw(
	struct answer *s, enum event_type type, const char *raw, size_t n) MUST_CHECK; /* EV_TEXT, EV_REASONING */
int answer_content(struct answer *s, const char *p, size_t n) MUST_CHECK;
int answer_reasoning(struct answer *s, const char *p, size_t n) MUST_CHECK;
/* Takes a usual line, which `scan` understands. 1: taken; 0: it is another one; negative: a failure. */
int answer_usual(struct answer *s, const char *p, size_t n, scan_fn scan) MUST_CHECK;
int answer_json_text(struct answer *s, const json_t *v,
	int (*take)(struct answer *, const char *, size_t)) MUST_CHECK; /* of anything but a string: nothing */
int answer_thought(struct answer *s, const json_t *message) MUST_CHECK; /* what a message has beside its content */
int answer_parts(struct answer *s, const json_t *content) MUST_CHECK;   /* text, or parts of text and of thought */
int answer_logprobs(struct answer *s, const json_t *list) MUST_CHECK;   /* an array of them, or nothing */
/* A list of objects, or one alone; anything else is nothing. */
int answer_beside(struct answer *s, enum gen_beside_kind kind, const json_t *items) MUST_CHECK;
void answer_copy(char *to, size_t size, const char *p, size_t n); /* what fits, cut between characters */
int answer_emit_text(struct answer *s, enum event_type type, const char *p, size_t n) MUST_CHECK;
int answer_emit(struct answer *s, enum event_type type, const char *json, size_t n) MUST_CHECK;
void answer_set_reason(struct answer *s, const char *reason); /* in our words; NULL and "" change nothing */
void answer_end(struct answer *s);
int answer_error(struct answer *s, const json_t *root) MUST_CHECK; /* what the provider reported in its stream */
int answer_cut(struct answer *s) MUST_CHECK;                       /* it ended in the middle */

/* ---- tools.c ---- */

/* A piece of a call of a tool. Which call it belongs to is judged by index, id and name, since servers number calls in many
 * ways. */
struct tool_piece {
	int64_t at;            /* the provider's index; -1: it has none */
	const char *id, *name; /* NULL: not said */
	struct str arguments;
	const json_t *extras; /* an object: what else the provider says of the call; NULL: nothing */
};
/* Takes it; `arguments`, as text of JSON, as an object, or none, are the piece's. */
int answer_tool(struct answer *s, struct tool_piece piece, const json_t *arguments) MUST_CHECK;
int answer_tools_finish(struct answer *s) MUST_CHECK; /* calls without arguments get theirs: {} */
void answer_tools_done(struct answer *s);

/* ---- thoughts.c ---- */

/* A list of objects, or pieces of them; anything else is nothing. */
void answer_thoughts(struct answer *s, const json_t *list);
#define THOUGHTS_ANTHROPIC "anthropic-claude-v1"         /* the `format` of items that are blocks of Anthropic's */
int answer_thoughts_finish(struct answer *s) MUST_CHECK; /* the answer is whole: tells them */
void answer_thoughts_done(struct answer *s);

/* ---- sse.c: event streams, and whole answers in place of one; the dialect understands each event's data ---- */

int sse_line(struct answer *s, const char *p, size_t n) MUST_CHECK;
int sse_finish(struct answer *s) MUST_CHECK; /* what is left; whether the answer was whole is for the dialect to say */
