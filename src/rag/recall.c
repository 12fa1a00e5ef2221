/*
 * recall.c - from a question to what its person has said and been answered before. The database has candidates, any of whose words
 * is enough; their order is made here, so that it is the same on each: BM25 of the question with its answer, and newer ones a
 * little before older ones. Those that are near by their meaning (exchanges.c) join them.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "rag/rag_priv.h"
#include "rag/words.h"
#include "store/recall.h"
#include "sys/loop.h"

#define QUERY_MAX  ((size_t)4096)
#define WORDS_MAX  16
#define CANDIDATES 60
#define LEAST      0.34 /* of the question's words, the rare ones counting more, that a hit must have */
#define STANDS_OUT                                                                                                     \
	0.3 /* of the way from what is usual to the question itself, that a hit by meaning alone must have gone */
#define RECENT    0.15 /* that the newest ones count more */
#define RECENT_MS (60 * INT64_C(86400000))
#define K1        1.2
#define B         0.75
#define CUT_FROM  6 /* letters of a word, of which the last two are taken for an ending */

struct asked {
	struct str text;
	struct str words[WORDS_MAX];
	bool cut[WORDS_MAX];
	uint64_t terms[WORDS_MAX];
	size_t n;
	const uint64_t *wanted; /* the terms that say something */
	size_t n_wanted;
};

static void take_word(void *arg, const struct word *w)
{
	struct asked *q = arg;
	bool says = false;
	size_t ascii = 0, len = w->end - w->start;

	for (size_t i = 0; i < q->n_wanted; i++)
		says |= q->wanted[i] == w->term;
	for (size_t i = 0; i < q->n; i++)
		says &= q->terms[i] != w->term;
	if (!says || q->n == WORDS_MAX)
		return;
	while (ascii < len && isalpha((unsigned char)q->text.p[w->start + ascii]))
		ascii++;
	q->cut[q->n] = ascii == len && len >= CUT_FROM;
	q->words[q->n] = (struct str){q->text.p + w->start, len - (q->cut[q->n] ? 2 : 0)};
	q->terms[q->n++] = w->term;
}

struct counted {
	const struct asked *q;
	double times[WORDS_MAX], length;
};

static void count_word(void *arg, const struct word *w)
{
	struct counted *x = arg;

	x->length += !w->beside;
	for (size_t i = 0; i < x->q->n; i++)
		x->times[i] += x->q->terms[i] == w->term;
}

struct scored {
	const struct recalled *x;
	double score;
};

static int by_score(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	if (x->score > y->score || x->score < y->score)
		return x->score > y->score ? -1 : 1;
	return (x->x->message_id < y->x->message_id) - (x->x->message_id > y->x->message_id);
}

/* Scores of all, the best first; returns how many are good enough. */
static size_t rank(const struct asked *q, struct words *w, enum language l, const struct recalled_list *all,
	struct counted *counts, struct scored *ret)
{
	double weight[WORDS_MAX] = {0}, mean = 0, whole = 0;
	int64_t now = clock_now_ms();
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		counts[i] = (struct counted){.q = q};
		words_each(w, l, str_from(all->items[i].question), count_word, &counts[i]);
		words_each(w, l, str_from(all->items[i].answer), count_word, &counts[i]);
		mean += counts[i].length / (double)all->n;
		for (size_t k = 0; k < q->n; k++)
			weight[k] += counts[i].times[k] > 0;
	}
	for (size_t k = 0; k < q->n; k++)
		whole += weight[k] = log(1 + ((double)all->n - weight[k] + 0.5) / (weight[k] + 0.5));
	for (size_t i = 0; i < all->n; i++) {
		double score = 0, has = 0, age = (double)MAX(now - all->items[i].created_at, INT64_C(0));
		for (size_t k = 0; k < q->n; k++) {
			double n = counts[i].times[k], norm = K1 * (1 - B + B * counts[i].length / MAX(mean, 1));
			score += weight[k] * n * (K1 + 1) / (n + norm);
			has += n > 0 ? weight[k] : 0;
		}
		score *= 1 + RECENT * exp(-age / RECENT_MS);
		if (has >= LEAST * whole && score > 0)
			ret[kept++] = (struct scored){&all->items[i], score};
	}
	if (kept > 1)
		qsort(ret, kept, sizeof(*ret), by_score);
	return kept;
}

/* ---- both together ---- */

static bool is_same(const struct recalled *x, const struct recalled *y)
{
	return x->message_id == y->message_id || (x->question_id && x->question_id == y->question_id);
}

/*
 * Words by the best of them, meaning between what is usual and the nearest. Found by meaning alone counts who stands out: a cosine by
 * itself says nothing, as unrelated texts have .8 with some models.
 */
static size_t add_meant(const struct meant *m, struct scored *found, size_t n)
{
	double least = m->usual + STANDS_OUT * (1 - m->usual), best = n ? found[0].score : 0;
	size_t n_words = n;

	for (size_t i = 0; i < n; i++)
		found[i].score /= best * 2;
	for (size_t i = 0; i < m->found.n && m->near[i] >= least; i++) {
		double share = (m->near[i] - m->usual) / MAX(m->near[0] - m->usual, 0.01) / 2;
		size_t k = 0;
		while (k < n_words && !is_same(found[k].x, &m->found.items[i]))
			k++;
		if (k == n_words) {
			k = n++;
			found[k] = (struct scored){.x = &m->found.items[i]};
		}
		found[k].score += share;
	}
	if (n > 1)
		qsort(found, n, sizeof(*found), by_score);
	return n;
}

static int tell(const struct scored *found, size_t n, struct arena *a, struct source_list *ret, struct err *e)
{
	*ret = (struct source_list){.items = ARENA_ARRAY(a, struct source, n + 1), .n = n};
	for (size_t i = 0; ret->items && i < n; i++) {
		ret->items[i] = (struct source){.message_id = found[i].x->message_id,
			.conversation_id = found[i].x->conversation_id,
			.document = found[i].x->title,
			.heading = "",
			.text = exchange_text(found[i].x, a),
			.score = found[i].score};
		if (!ret->items[i].text)
			return err_set(e, -ENOMEM, "no memory for a search");
	}
	return ret->items ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

int rag_recall(struct rag *r, const struct recall_request *in, struct arena *a, struct source_list *ret, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	uint64_t wanted[WORDS_MAX];
	size_t n = strlen(in->query);
	struct asked q = {.text = {in->query, utf8_prefix(in->query, n, MIN(n, QUERY_MAX))}, .wanted = wanted};
	struct recalled_list all = {.n = 0};
	struct meant meant = {.usual = 0};
	enum language l = language_guess(q.text);
	int s;

	ASSERT(thread_may_wait());
	ASSERT_IS(r, RAG_MAGIC);
	l = l == LANGUAGE_NONE ? LANGUAGE_EN : l; /* a short question: most chats are in English */
	q.n_wanted = words_ask(w, 1u << l, q.text, wanted, WORDS_MAX);
	words_each(w, l, q.text, take_word, &q);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		const struct recall_wish wish = {in->user_id, in->but, q.words, q.cut, q.n, CANDIDATES};
		s = recall_messages(c, &wish, a, &all, e);
	}
	if (s == 0)
		s = exchanges_nearest(r, in, a, &meant, e);
	struct counted *counts = ARENA_ARRAY(a, struct counted, all.n + 1);
	struct scored *found = ARENA_ARRAY(a, struct scored, all.n + meant.found.n + 1);
	if (s < 0)
		return s;
	if (!counts || !found)
		return err_set(e, -ENOMEM, "no memory for a search");
	n = rank(&q, w, l, &all, counts, found);
	if (meant.found.n)
		n = add_meant(&meant, found, n);
	ASSERT(n <= all.n + meant.found.n);
	s = tell(found, MIN(n, in->limit), a, ret, e);
	ret->notice = meant.notice;
	return s;
}
