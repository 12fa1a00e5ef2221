/*
 * think.h - which part of an answer's text is reasoning. Models write it between tags of many names, in channels, or
 * with a closing tag alone, because their template opened it in the prompt. docs/decisions/030 tells how it is judged.
 */
#pragma once

#include "base/buf.h"

struct answer;

enum think_state {
	THINK_START,        /* nothing but blanks so far */
	THINK_IN,           /* reasoning, until its closing tag */
	THINK_HELD,         /* reasoning if a closing tag comes, else text: kept back */
	THINK_TEXT,         /* the answer */
	THINK_CHANNEL_HEAD, /* harmony: which channel begins */
	THINK_CHANNEL       /* harmony: what is in it */
};

/* Follows Markdown's code: what stands in it is talk about tags. */
struct think_code {
	bool mid_line;       /* something but blanks came on this line */
	char last, prev;     /* of this line: the last byte that is no blank, and the last of all; 0: none */
	unsigned char run_c; /* of the run of ` or ~ that is under way; 0: none */
	unsigned char fence; /* the character of the open fence; 0: none */
	unsigned indent, run_n, fence_n, inline_n;
	bool run_at_start;
};

struct think {
	unsigned char state;  /* enum think_state */
	unsigned char family; /* of the tag that opened the reasoning */
	unsigned char spoken; /* of FAMILY_SPOKEN: which words these were */
	bool skip_space;
	bool any_text; /* more than blanks went out as text */
	bool any_reasoning;
	bool closed;       /* reasoning in the text was closed by a tag */
	bool thought;      /* there was reasoning: an opening tag in the middle is one */
	bool guessed;      /* reasoning from the start without a tag: is moved when no tag closes it */
	bool text_stays;   /* who reads cannot move anything */
	bool in_text;      /* harmony: the channel is the answer's */
	bool closed_alone; /* found: a closing tag whose opening one stood in the prompt */
	bool never_closed; /* found: the guess was wrong */
	bool told_as_text; /* found: reasoning that went out as text, and stays it */
	bool asked;        /* the request speaks of such tags, around the answer or others: they are a part of it */
	bool wrapped;      /* such a tag was left out, and so will be the one that closes it */
	bool held_close;   /* of THINK_HELD: a closing tag in a block of code; text if no other comes, else reasoning */
	char prev;         /* the last byte of the reasoning; 0: none */
	unsigned named;    /* families whose opening tag is talked about in the text */
	struct think_code code;
	size_t held_tag, held_seen; /* of THINK_HELD: bytes of the tag; those looked through */
	int64_t held_ms;            /* since when; clock_mono_ms */
	struct buf held;
};

/* Whether a model is called as those are that always think. */
bool think_is_named(const char *model);
/* `known`: earlier answers of this model began with reasoning whose opening tag nobody saw. `text_stays`: text that went
 * out cannot be called reasoning later, so what may be is kept back. */
/* Whether a text of the request speaks of tags that are a part of the answer then. */
bool think_asked_for(const char *text);
void think_init(struct think *t, bool known, bool text_stays);
void think_done(struct think *t);

int think_feed(struct answer *s, const char *p, size_t n) MUST_CHECK;
/* True when the bytes, as text within a JSON string, can be handed on as they are; notes them. */
bool think_passes(struct think *t, const char *raw, size_t n);
/* Reasoning came apart from the text: then the text begins with none. */
void think_came_apart(struct think *t);
/* No more comes. `whole`: the answer came to the end that the model gave it. */
int think_finish(struct answer *s, bool whole) MUST_CHECK;
