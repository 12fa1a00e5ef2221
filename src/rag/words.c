/*
 * words.c - one walk over the characters for texts and for questions, which must agree on every term: a text tells all that a word
 * may be looked for by, a question asks for one of them, in each language that the collection has. Stop words are terms as others,
 * for a question may be made of nothing else; otherwise it leaves them out. The language of a text is guessed by its stop words
 * alone.
 */
#include "rag/words.h"

#include <libstemmer.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/fold.h"
#include "base/utf8.h"
#include "base/words.h"

#define WORD_MAX    64 /* bytes of a folded word that count; what is longer is not written by people */
#define GUESS_BYTES (16u << 10)

/* Words that stand in any text of the language, as they are folded. */
static const struct {
	const char *code, *stemmer, *stop;
} languages[LANGUAGES] = {
	[LANGUAGE_NONE] = {"", NULL, ""},
	[LANGUAGE_EN] = {"en", "english",
		" a about after all an and any are as at be been but by can could did do does for from had has have he "
		"her "
		"his how i if in into is it its me my no not of on or our over she should so some than that the their "
		"them "
		"then there these they this to was we were what when where which who why will with would you your "},
	[LANGUAGE_DE] = {"de", "german",
		" aber als am an auch auf aus bei bin bis da das dass daß dem den der des die dies diese dieser doch "
		"durch ein eine "
		"einem einen einer er es für hat ich ihr im in ist ja kann kein mein mich mir mit muss nach nicht noch "
		"nur "
		"oder ohne sein sich sie sind so über um und uns unter vom von vor wann warum was wenn wer werden wie "
		"wird wir wo "
		"zu zum zur "},
	[LANGUAGE_ES] = {"es", "spanish",
		" a al algo ante antes como con cual cuál cuando de del desde donde dónde el él ella ellos en entre "
		"era es esa ese eso esta "
		"está este esto fue ha hay la las le lo los más me mi muy no nos o para pero por porque qué que quien "
		"se ser "
		"si sí sin sobre son su sus también te tiene un una uno y ya yo cómo "},
	[LANGUAGE_FR] = {"fr", "french",
		" à au aux avec ce ces cette ceux comme comment d dans de des du elle elles en est et être eu il ils j "
		"je l la le les "
		"leur lui ma mais me mes mon n ne nos notre nous on ou où par pas pour pourquoi qu quand que quel "
		"quelle qui s sa sans se ses "
		"son sont sur ta te tu un une vos votre vous y a "},
	[LANGUAGE_IT] = {"it", "italian",
		" a ad ai al alla anche che chi ci come con cosa cui da dal dalla dei del della delle di dove e è ed "
		"era gli "
		"ha hanno i il in io la le lei lo loro lui ma mi mio nel nella non o per perché più quale quando "
		"quello questa questo "
		"se si sono su sul sulla tra un una uno vi "},
	[LANGUAGE_NL] = {"nl", "dutch",
		" aan al als bij dan dat de der deze die dit door een en er had heb heeft het hij hoe ik in is je kan "
		"met "
		"mijn naar niet nog of om onder ook op over te tot u uit van voor waar waarom was wat we wel werd wie "
		"wordt ze "
		"zich zij zijn zo "},
	[LANGUAGE_PT] = {"pt", "portuguese",
		" a ao aos as às até com como da das de dele do dos e é ela ele em entre era essa esse esta está este "
		"eu foi há isso "
		"já lhe mais mas me mesmo meu minha muito na não nas no nos o onde os ou para pela pelo por porque "
		"qual quando que "
		"quem se sem ser seu sua são também tem um uma "},
	[LANGUAGE_RU] = {"ru", "russian",
		" а без бы был была было быть в вам вас во вот все всё вы где да для до его ее её если есть еще ещё же "
		"за и из или им их "
		"к как какая какой когда которые который ли мне мы на не нет но о об он она они от по под при с со так "
		"также то только "
		"у уже что чтобы это этот я почему "},
	[LANGUAGE_SV] = {"sv", "swedish",
		" alla att av blir de den denna det detta dig din du där efter ej eller en er ett från för ha han har "
		"hon hur här "
		"i icke inte jag kan kommer man med men mig min ni nu när och om oss på som så till under upp ut vad "
		"var vara varför vem "
		"vi vid vilka är "},
};

struct words {
	struct sb_stemmer *stemmers[LANGUAGES];
};

const char *language_code(enum language l)
{
	ASSERT((unsigned)l < LANGUAGES);
	return languages[l].code;
}

struct words *words_new(void)
{
	return xcalloc(1, sizeof(struct words));
}

void words_free(struct words *w)
{
	for (size_t i = 0; w && i < LANGUAGES; i++)
		if (w->stemmers[i])
			sb_stemmer_delete(w->stemmers[i]);
	free(w);
}

/* ---- letters ---- */

enum kind { BETWEEN, LETTER, JOINT, SIGN };

static enum kind kind_of(int32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? LETTER
		       : c == '_' || c == '-' || c == '.'                                         ? JOINT
												  : BETWEEN;
	if (words_stand_alone(c))
		return SIGN;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
		return LETTER;
	default:
		return BETWEEN;
	}
}

/* The character at `at`, and where the next one is; what is no UTF-8 stands between words. */
static enum kind look(struct str text, size_t at, size_t *ret_next)
{
	utf8proc_int32_t c = -1;
	utf8proc_ssize_t n;

	if ((unsigned char)text.p[at] < 0x80) {
		*ret_next = at + 1;
		return kind_of(text.p[at]);
	}
	n = utf8proc_iterate((const utf8proc_uint8_t *)text.p + at, (utf8proc_ssize_t)(text.n - at), &c);
	*ret_next = at + (n > 0 ? (size_t)n : 1);
	return n > 0 ? kind_of(c) : BETWEEN;
}

/* ---- terms ---- */

struct room { /* for words, as they are looked at */
	struct buf folded, unpointed, bare;
};

struct walk {
	struct words *w;
	enum language l;
	struct str text;
	words_fn fn;
	void *arg;
	bool asks;   /* is a question: wants to know which words say nothing, */
	bool before; /* and the terms of WORDS_BEFORE */
};

static uint64_t hash(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * UINT64_C(1099511628211);
	h ^= h >> 32;
	return h ? h : 1; /* 0 is no term */
}

static bool is_stop(enum language l, struct str folded)
{
	char word[WORD_MAX + 3];

	if (folded.n > WORD_MAX)
		return false;
	word[0] = ' ';
	memcpy(word + 1, folded.p, folded.n);
	word[folded.n + 1] = ' ';
	word[folded.n + 2] = '\0';
	return strstr(languages[l].stop, word) != NULL;
}

/* Stays until the next one. */
static struct str stem(struct words *w, enum language l, struct str folded)
{
	if (l == LANGUAGE_NONE)
		return folded;
	if (!w->stemmers[l])
		w->stemmers[l] = sb_stemmer_new(languages[l].stemmer, NULL);
	const sb_symbol *s =
		w->stemmers[l] ? sb_stemmer_stem(w->stemmers[l], (const sb_symbol *)folded.p, (int)folded.n) : NULL;
	return s ? (struct str){(const char *)s, (size_t)sb_stemmer_length(w->stemmers[l])} : folded;
}

static bool is_plain(struct str word)
{
	bool plain = true;

	for (size_t i = 0; plain && i < word.n; i++)
		plain = (unsigned char)word.p[i] < 0x80;
	return plain;
}

static struct str cut(struct str word)
{
	return (struct str){word.p, utf8_prefix(word.p, word.n, WORD_MAX)};
}

/* As fold_add, without a library for what is plain. */
static struct str fold_case(struct str word, struct buf *room)
{
	buf_reset(room);
	if (is_plain(word)) {
		char *p = buf_reserve(room, word.n);
		for (size_t i = 0; p && i < word.n; i++)
			p[i] = (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] | 0x20 : word.p[i]);
		room->n = p ? word.n : 0;
	} else {
		fold_add(room, word.p, word.n);
	}
	return (struct str){buf_str(room).p, room->n};
}

/* Whether there is a character from U+0580 to U+2FFF: before and behind it nothing has points. */
static bool may_have_points(struct str folded)
{
	bool may = false;

	for (size_t i = 0; !may && i < folded.n; i++)
		may = (unsigned char)folded.p[i] >= 0xd6 && (unsigned char)folded.p[i] <= 0xe2;
	return may;
}

/* Points go before the word is cut: with all of them it is thrice as long. */
static struct str fold(struct str word, struct room *room)
{
	struct str folded = fold_case(word, &room->folded);

	if (!may_have_points(folded))
		return cut(folded);
	buf_reset(&room->unpointed);
	words_add_unpointed(&room->unpointed, folded.p, folded.n);
	return cut(buf_str(&room->unpointed));
}

static struct str bare(struct str folded, struct buf *room)
{
	buf_reset(room);
	words_add_bare(room, folded.p, folded.n);
	return buf_str(room);
}

/* The terms of a word with accents, as many as TERMS: its stem, and of a text the stem of what people write who leave accents out. */
#define TERMS 2
_Static_assert(LANGUAGES < 31, "languages are bits of a number, and WORDS_BEFORE is one more");
static size_t accented_terms(
	const struct walk *x, enum language l, struct str folded, struct room *room, uint64_t ret[TERMS])
{
	struct str s = bare(stem(x->w, l, folded), &room->bare);

	ret[0] = ret[1] = hash(s.p, s.n);
	if (!x->asks) {
		s = stem(x->w, l, bare(folded, &room->bare));
		ret[1] = hash(s.p, s.n);
	}
	return ret[1] == ret[0] ? 1 : TERMS;
}

/* What texts have of it whose terms are not made anew yet: with its accents until version 3, with its points until version 4. */
#define OLDER 2
static size_t older_terms(
	const struct walk *x, enum language l, struct str word, struct room *room, uint64_t ret[OLDER])
{
	struct str s = stem(x->w, l, cut(fold_case(word, &room->folded)));

	ret[0] = hash(s.p, s.n);
	s = bare(s, &room->bare);
	ret[1] = hash(s.p, s.n);
	return OLDER;
}

enum part { WORD, WHOLE, SIGNS, SIGN_IN_PAIR };

static void tell(const struct walk *x, size_t start, size_t end, enum part part, struct room *room)
{
	struct str word = {x->text.p + start, end - start}, folded = fold(word, room);
	enum language l = part == WORD ? x->l : LANGUAGE_NONE;
	struct word w = {.start = start,
		.end = end,
		.stop = x->asks && part == WORD && is_stop(x->l, folded),
		.beside = part == SIGN_IN_PAIR};
	uint64_t terms[TERMS + OLDER];
	size_t n = 1;

	if (!folded.n)
		return;
	if (is_plain(folded)) {
		struct str s = stem(x->w, l, folded);
		terms[0] = hash(s.p, s.n);
	} else {
		n = accented_terms(x, l, folded, room, terms);
	}
	if (x->before && !is_plain(word))
		n += older_terms(x, l, word, room, terms + n);
	for (size_t i = 0; i < n; i++) {
		w.term = terms[i];
		x->fn(x->arg, &w);
	}
}

/* From its first letter: the parts, and if there are several the whole. Returns its end. */
static size_t walk_word(const struct walk *x, size_t start, struct room *room)
{
	size_t at = start, part = start, end = start, parts = 0;

	while (at < x->text.n) {
		size_t next, behind;
		enum kind k = look(x->text, at, &next);
		if (k == JOINT && (next >= x->text.n || look(x->text, next, &behind) != LETTER))
			break;
		if (k != LETTER && k != JOINT)
			break;
		if (k == JOINT) {
			tell(x, part, at, WORD, room);
			part = next;
			parts++;
		}
		at = end = next;
	}
	if (parts)
		tell(x, start, end, WHOLE, room);
	tell(x, part, end, WORD, room);
	return end;
}

/* Whether the sign is often a word: a Chinese one, or a syllable of Korean. */
static bool is_word(struct str sign)
{
	utf8proc_int32_t c = -1;

	(void)utf8proc_iterate((const utf8proc_uint8_t *)sign.p, (utf8proc_ssize_t)sign.n, &c);
	return (c >= 0x3400 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) || c >= 0x20000;
}

/* Each two neighbours; a sign that stands alone is a term itself. Of a text, those that are words are terms by themselves, too. */
static size_t walk_signs(const struct walk *x, size_t start, struct room *room)
{
	size_t at = start, before = start, n = 0, next;

	for (; at < x->text.n && look(x->text, at, &next) == SIGN; at = next, n++) {
		if (n) {
			tell(x, before, next, SIGNS, room);
			if (!x->asks && is_word((struct str){x->text.p + before, at - before}))
				tell(x, before, at, SIGN_IN_PAIR, room);
		}
		before = at;
	}
	if (n == 1)
		tell(x, start, at, SIGNS, room);
	else if (!x->asks && is_word((struct str){x->text.p + before, at - before}))
		tell(x, before, at, SIGN_IN_PAIR, room);
	return at;
}

static void walk(const struct walk *x)
{
	ASSERT((unsigned)x->l < LANGUAGES);
	size_t most = x->text.n * 20 + 4096;
	struct room room = {BUF_INIT(most), BUF_INIT(most), BUF_INIT(most)};
	size_t at = 0, next;

	while (at < x->text.n)
		switch (look(x->text, at, &next)) {
		case LETTER:
			at = walk_word(x, at, &room);
			break;
		case SIGN:
			at = walk_signs(x, at, &room);
			break;
		default:
			at = next;
		}
	ASSERT(at == x->text.n);
	buf_done(&room.folded);
	buf_done(&room.unpointed);
	buf_done(&room.bare);
}

void words_each(struct words *w, enum language l, struct str text, words_fn fn, void *arg)
{
	walk(&(struct walk){.w = w, .l = l, .text = text, .fn = fn, .arg = arg});
}

/* ---- questions ---- */

struct asked {
	uint64_t *terms;
	size_t n, max;
	bool stops; /* also those that say nothing */
};

static void ask(void *arg, const struct word *w)
{
	struct asked *x = arg;
	size_t i = 0;

	if (w->stop && !x->stops)
		return;
	while (i < x->n && x->terms[i] != w->term)
		i++;
	if (i == x->n && x->n < x->max)
		x->terms[x->n++] = w->term;
}

size_t words_ask(struct words *w, unsigned bits, struct str text, uint64_t *ret, size_t max)
{
	struct asked x = {.terms = ret, .max = max};

	ASSERT(max > 0 && w);
	ASSERT((bits & ~WORDS_BEFORE) >> LANGUAGES == 0);
	for (int stops = 0; stops < 2 && x.n == 0; stops++) { /* a question of nothing but such words asks for them */
		x.stops = stops;
		for (int l = LANGUAGE_NONE; l < LANGUAGES; l++)
			if (bits & (1u << l))
				walk(&(struct walk){w, (enum language)l, text, ask, &x, true, bits & WORDS_BEFORE});
	}
	return x.n;
}

/* ---- which language ---- */

struct guess {
	struct str text;
	size_t hits[LANGUAGES], words;
	struct room room;
};

static void count(void *arg, const struct word *w)
{
	struct guess *g = arg;
	if (w->beside)
		return;
	struct str folded = fold((struct str){g->text.p + w->start, w->end - w->start}, &g->room);

	g->words++;
	for (int l = LANGUAGE_NONE + 1; l < LANGUAGES; l++)
		g->hits[l] += is_stop((enum language)l, folded);
}

enum language language_of(const char *code)
{
	int l = LANGUAGES - 1;

	while (l > LANGUAGE_NONE && strcmp(languages[l].code, code) != 0)
		l--;
	return (enum language)l;
}

enum language language_guess(struct str text)
{
	struct guess g = {.text = text};
	struct words none = {{NULL}};
	int best = LANGUAGE_NONE;

	g.text.n = utf8_prefix(text.p, text.n, MIN(text.n, (size_t)GUESS_BYTES));
	g.room = (struct room){.folded = BUF_INIT(1 << 20), .unpointed = BUF_INIT(1 << 20)};
	words_each(&none, LANGUAGE_NONE, g.text, count, &g);
	buf_done(&g.room.folded);
	buf_done(&g.room.unpointed);
	for (int l = LANGUAGE_NONE + 1; l < LANGUAGES; l++)
		if (g.hits[l] > g.hits[best])
			best = l;
	return g.hits[best] * 12 >= g.words && g.hits[best] ? (enum language)best : LANGUAGE_NONE;
}

size_t words_tokens(struct str text)
{
	size_t quarters = 0, at = 0, next;

	for (; at < text.n; at = next)
		/* Chinese and the like begin with this byte; of Thai and its neighbours several signs are a token, as of letters. */
		quarters += look(text, at, &next) == SIGN && (unsigned char)text.p[at] >= 0xe2 ? 4 : 1;
	return (quarters + 3) / 4;
}
