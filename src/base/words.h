/*
 * words.h - text as it is searched by words: folded (fold.h), without accents, and with blanks around each character of
 * scripts that put none between words (Chinese, Japanese, Korean, Thai, Khmer, Burmese), so that what stands in a row in a
 * question is found wherever it stands in a row in a text.
 */
#pragma once

#include "base/buf.h"

/* Whether it is a character of such a script. */
bool words_stand_alone(int32_t c);

/* Adds the text so; what is no UTF-8 is added as it stands. */
void words_add(struct buf *b, const char *p, size_t n);

/* Adds it folded and without accents alone, for terms that know of letters. The short i of Cyrillic (U+0439) is a letter there, and no
 * accent. */
void words_add_bare(struct buf *b, const char *p, size_t n);

/* Adds what is folded already without what Hebrew and Arabic are mostly written without: points, vowel signs, signs of recitation, and
 * the line that only makes a word longer. Of Arabic, letters that are written one for another are one (alef with and without hamza, yeh
 * and alef maksura, heh and teh marbuta, the kaf and yeh of Persian), and digits of all scripts are those of ASCII. */
void words_add_unpointed(struct buf *b, const char *p, size_t n);

/* Where the first of `n` words, each as words_add has it, stands in the text, looked for in its first `within` bytes:
 * the place after which it begins, and its length, in bytes of the text. False: none of them does. */
struct words_place {
	size_t at, n;
};
bool words_find(
	struct str text, size_t from, size_t within, const struct str *words, size_t n, struct words_place *ret);
