/*
 * words.h - a text as the terms of full-text search. Words are folded (base/fold.h), lose the points of Hebrew and Arabic
 * (base/words.h), are stemmed by the language of their text, and lose their accents then, which endings are known by; of scripts
 * without blanks (base/words.h) each two neighbours are a term, and of a text each Chinese sign and Korean syllable is one, too,
 * for it may be the whole question. A word with joints (log_min_duration, x86-64) is a term as a whole, and so is each of its
 * parts. A term is a hash of 64 bits: what it was is not kept.
 */
#pragma once

#include "base/base.h"

/* Languages with a stemmer and a list of words that say nothing. */
enum language {
	LANGUAGE_NONE,
	LANGUAGE_EN,
	LANGUAGE_DE,
	LANGUAGE_ES,
	LANGUAGE_FR,
	LANGUAGE_IT,
	LANGUAGE_NL,
	LANGUAGE_PT,
	LANGUAGE_RU,
	LANGUAGE_SV,
	LANGUAGES
};

const char *language_code(enum language l); /* "en"; "" for LANGUAGE_NONE */

enum language language_of(const char *code); /* LANGUAGE_NONE: of no known one */

/* What most of its short words belong to; LANGUAGE_NONE: none is clear. */
enum language language_guess(struct str text);

/* Stemmers, for one thread at a time. */
struct words;
struct words *words_new(void);
void words_free(struct words *w); /* NULL is fine */
DEFINE_CLEANUP(struct words, words_free)

/* Rises with each change in how terms are made: those of texts that were read before are made anew then (reword.c). */
#define WORDS_VERSION 5

/* A term and where it stands in the text, in bytes. Pairs and parts of words lie over each other, and so do two terms of one
 * word whose ending is another one without its accents: "créée" is "cre" and "creee". */
struct word {
	uint64_t term;
	size_t start, end;
	bool stop;   /* says nothing by itself in its language; told by words_ask alone */
	bool beside; /* a sign of a pair that was told, too: makes the text no longer */
};
typedef void (*words_fn)(void *arg, const struct word *w);

/* Calls `fn` for each term of the text, in order. */
void words_each(struct words *w, enum language l, struct str text, words_fn fn, void *arg);

/* The terms of a question: each once, without those that say nothing (unless all do), by each language of the bits
 * `languages`; at most `max`. With WORDS_BEFORE among them those, too, by which texts of an older version are found. */
#define WORDS_BEFORE (1u << 31)
size_t words_ask(struct words *w, unsigned languages, struct str text, uint64_t *ret, size_t max);

/* How many tokens a model is likely to make of it: a quarter of the letters, each sign of Chinese and the like by itself. */
size_t words_tokens(struct str text);
