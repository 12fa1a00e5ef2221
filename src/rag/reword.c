/* reword.c - terms of texts that were read by an older version are made anew, of the texts and passages that are there: no file is read
 * again, and vectors stay. Until then questions ask for the terms that such a text has, too (words_ask). */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "rag/rag_priv.h"
#include "store/texts.h"

#define PASSAGES       ((int64_t)500)     /* that are read at once, */
#define PIECE_BYTES    ((size_t)64 << 20) /* and what they may say */
#define ROWS_BYTES     ((size_t)16 << 20) /* with their headings */
#define POSTINGS_BYTES ((size_t)512 << 20)
#define AGAIN_MS       60000

/* The next passages from `from` on; *ret_n: how many. */
static int add_passages(struct db_conn *c, struct postings *p, struct words *w, atelier_id id, int64_t from,
	int64_t *ret_n, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(buf_done) struct buf b = BUF_INIT(PIECE_BYTES);
	struct passage_rows l = {.n = 0};
	int64_t end = 0;

	arena_init(&a, ROWS_BYTES);
	int r = texts_passages(c, id, from, from + PASSAGES - 1, &a, &l, e);
	*ret_n = (int64_t)l.n;
	if (r < 0 || l.n == 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		end = MAX(end, l.items[i].end);
	int64_t start = l.items[0].start;
	if ((r = texts_slice(c, id, start, end, &b, e)) < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		const struct passage_row *s = &l.items[i];
		if (s->start < start || s->end < s->start)
			return err_set(e, E_INVALID, "its passages are in no order");
		postings_add(p, w, str_from(s->heading),
			(struct str){b.p + (s->start - start), (size_t)(s->end - s->start)});
	}
	return 0;
}

static int reword(struct rag *r, atelier_id id, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	CLEANUP(postings_freep) struct postings *p = NULL;
	CLEANUP(buf_done) struct buf to = BUF_INIT(POSTINGS_BYTES);
	CLEANUP(arena_done) struct arena a;
	struct text t;
	int k;

	arena_init(&a, ROWS_BYTES);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		k = texts_get(c, id, &a, &t, e);
		p = postings_new(k == 0 ? language_of(t.language) : LANGUAGE_NONE);
		for (int64_t from = 0, n = PASSAGES; k == 0 && n == PASSAGES; from += n)
			k = indexes_are_ending(r) ? -ECANCELED : add_passages(c, p, w, id, from, &n, e);
	}
	if (k < 0)
		return k;
	postings_write(p, &to);
	k = buf_check(&to, e, "it has more words than fit into an index");
	return k < 0 ? k : texts_reword(r->config.db, id, WORDS_VERSION, buf_str(&to), e);
}

int64_t reword_next(struct rag *r, struct rewording *x)
{
	struct err e = {0};
	int k;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		k = texts_outdated(c, WORDS_VERSION, x->after, &x->after, &e);
	}
	if (k == 0) {
		k = reword(r, x->after, &e);
		if (k == 0 || k == E_NOT_FOUND || k == -ECANCELED)
			return 0;
		x->failed |= err_info(k)->retryable;
		log_warn("rag", "a text keeps its words of an older version until %s: %s",
			err_info(k)->retryable ? "later" : "the next start", e.msg);
		return 0;
	}
	if (k != E_NOT_FOUND)
		log_warn("rag", "which texts have words of an older version is not known: %s", e.msg);
	else if (!x->failed)
		return INT64_MAX;
	*x = (struct rewording){0};
	return clock_mono_ms() + AGAIN_MS;
}
