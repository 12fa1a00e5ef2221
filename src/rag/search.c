/*
 * search.c - from a question to passages: which collections, each by its words and where it has vectors by its meaning, the two
 * put together, and what is told of the best.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/utf8.h"
#include "rag/embed.h"
#include "rag/repeats.h"
#include "rag/stores.h"
#include "rag/words.h"
#include "store/documents.h"
#include "store/texts.h"
#include "store/vectors.h"
#include "sys/loop.h"

#define QUERY_MAX     ((size_t)4096) /* bytes of a question that count */
#define PASSAGE_MAX   ((size_t)1 << 20)
#define CANDIDATES    100 /* of each way, for each collection */
#define EXACTLY       50  /* of the nearest are compared by their whole vectors */
#define RERANKED      40  /* of the best are put in order by a reranker */
#define MARKS_MAX     200
#define IDENTITIES    8   /* of one search */
#define ENOUGH_WORDS  1.5 /* a passage with two thirds of the question's words is trusted as one with all */
#define LANGUAGE_HITS 10  /* by words, that say in which language these find something */
#define EXACT_WORDS   40  /* percent that vectors count at most where a question asks for the very words */

#define NO_ROOM                                                                                                        \
	"There is not enough memory for all that is searched (document_index_mb), so some of it was searched by "      \
	"words "                                                                                                       \
	"alone."

#define LAGS                                                                                                           \
	"Not all of what is searched has been read into memory yet, so this is what was found in the rest. Ask again " \
	"in a moment for all of it."

#define OTHER_SIZE                                                                                                     \
	"The model for embeddings makes vectors of another size than these documents have, so they were searched by "  \
	"words alone. Have them embedded by a model of another name."

#define NO_STORE "The vector store cannot be reached, so this was searched by words alone."
#define NO_INDEX "The index of words cannot be read: there is no memory for it, or the disk of the data folder fails."

/* ---- ranking ---- */

struct ranked {
	atelier_id document_id, text_id, collection_id;
	uint32_t passage;
	uint8_t language;     /* enum language; of what was found by words */
	bool unmeant;         /* it has no vectors that the question could be compared with */
	float words, meaning; /* BM25; cosine; below 0: not found by that */
	int64_t fulltext_rank, vector_rank, fused_rank, reranked;
	double score;
	const struct search_place *place;
};

/* The question as a vector of one identity. */
struct asked {
	const char *identity;
	float *vector; /* NULL: it could not be made */
	size_t dims;
};

/* What a vector store found in a place. */
struct by_store {
	struct vector_hit *hits;
	size_t n;
	bool failed;
};

struct search {
	struct rag *rag;
	const struct search_request *q;
	struct search_scope scope;
	struct asked asked[IDENTITIES];
	size_t n_asked;
	struct store_place store;
	bool external;             /* meaning is searched by the store */
	struct by_store *by_store; /* what it found, of each place */
	struct index **held;       /* of each place */
	size_t n_held;
	uint64_t terms[FULLTEXT_TERMS];
	size_t n_terms;
	double whole; /* BM25 of a passage that has each of them once */
	struct ranked *found;
	size_t n_found, n_meant; /* n_meant: found by vectors */
	double best;             /* the highest score */
	const char *notice;
};

static int by_place(const struct ranked *x, const struct ranked *y)
{
	if (x->document_id != y->document_id)
		return x->document_id < y->document_id ? -1 : 1;
	return (x->passage > y->passage) - (x->passage < y->passage);
}

static int by_passage(const void *a, const void *b)
{
	return by_place(a, b);
}

static int by_words(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->words > y->words ? -1 : x->words < y->words ? 1 : by_place(x, y);
}

static int by_meaning(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->meaning > y->meaning ? -1 : x->meaning < y->meaning ? 1 : by_place(x, y);
}

/* Of equal ones those that have the words. */
static int by_score(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->score > y->score ? -1 : x->score < y->score ? 1 : by_words(x, y);
}

static void let_go(struct search *s)
{
	while (s->n_held)
		index_release(s->rag, s->held[--s->n_held]);
}

static struct str question(const struct search *s)
{
	size_t n = strlen(s->q->query);

	return (struct str){s->q->query, utf8_prefix(s->q->query, n, MIN(n, QUERY_MAX))};
}

static const char *mode_of(const struct search *s, const struct search_place *p)
{
	return s->q->mode ? s->q->mode : p->mode;
}

static const struct asked *asked_of(const struct search *s, const struct search_place *p)
{
	for (size_t i = 0; strcmp(mode_of(s, p), "fulltext") != 0 && i < s->n_asked; i++)
		if (strcmp(s->asked[i].identity, p->identity) == 0)
			return s->asked[i].vector ? &s->asked[i] : NULL;
	return NULL;
}

/* What cannot be compared: the model has become another one under its name. */
static bool is_of_another_size(const struct search *s, size_t at)
{
	const struct asked *x = asked_of(s, &s->scope.items[at]);
	const struct vectors *v = s->held[at]->vectors;

	return x && v && vectors_count(v) > 0 && vectors_dims(v) != x->dims;
}

/* Not in memory, yet or for want of room, or none that the question could be compared with. */
static bool lacks_vectors(const struct search *s, size_t at)
{
	const struct index *x = s->held[at];

	return !x->vectors || x->left_out_ms || is_of_another_size(s, at);
}

/* By its words also where only vectors were wanted and cannot be had. */
static bool goes_by_words(const struct search *s, size_t at)
{
	const struct search_place *p = &s->scope.items[at];

	return strcmp(mode_of(s, p), "vectors") != 0 || !asked_of(s, p) ||
	       (s->external ? s->by_store[at].failed : lacks_vectors(s, at));
}

/* ---- by meaning ---- */

/* Before anything is held: this waits for a provider. */
static void ask_models(struct search *s, struct arena *a)
{
	for (size_t i = 0; i < s->scope.n; i++) {
		const struct search_place *p = &s->scope.items[i];
		struct asked *x = &s->asked[s->n_asked];
		struct err why = {0};
		bool known = false;

		for (size_t k = 0; k < s->n_asked; k++)
			known |= strcmp(s->asked[k].identity, p->identity) == 0;
		if (known || !*p->identity || strcmp(mode_of(s, p), "fulltext") == 0 || s->n_asked == IDENTITIES)
			continue;
		*x = (struct asked){.identity = p->identity};
		ASSERT(!s->held); /* whoever waits for a provider holds nothing */
		s->n_asked++;
		if (embed_query(s->rag, s->q->where.user_id, x->identity, s->q->query, a, &x->vector, &x->dims, &why) <
			0) {
			log_warn("rag", "a question was searched by its words alone: %s", why.msg);
			x->vector = NULL;
			s->notice = "The model for embeddings cannot be reached, so this was searched by words alone.";
		}
	}
}

/* What is configured now. A key that does not open leaves the words. */
static int open_store(struct search *s, struct arena *a, struct err *e)
{
	struct err why = {0};
	int r = stores_open(s->rag, a, &s->store, &s->external, &why);

	if (r < 0 && !s->external)
		return err_set(e, r, "%s", why.msg);
	indexes_hold_vectors(s->rag, !s->external);
	s->by_store = ARENA_ARRAY(a, struct by_store, s->scope.n + 1);
	if (!s->by_store)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; i < s->scope.n; i++)
		s->by_store[i] = (struct by_store){.failed = r < 0};
	return 0;
}

/* Before anything is held: this waits for the store. One that has failed is not asked again for this question. */
static void ask_store(struct search *s, struct arena *a)
{
	bool failed = false;

	for (size_t i = 0; s->external && i < s->scope.n; i++) {
		const struct search_place *p = &s->scope.items[i];
		const struct asked *x = asked_of(s, p);
		struct by_store *b = &s->by_store[i];
		struct err why = {0};
		if (!x)
			continue;
		const struct store_wish w = {
			.identity = x->identity, .query = x->vector, .dims = x->dims, .limit = CANDIDATES};
		failed = failed || b->failed;
		if (!failed && stores_nearest(s->rag, &s->store, p, &w, a, &b->hits, &b->n, &why) < 0) {
			log_warn("rag", "a question was searched by its words alone: %s", why.msg);
			failed = true;
		}
		b->failed = failed;
		s->notice = failed ? NO_STORE : s->notice;
	}
}

static double dot(const float *a, const float *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)a[i] * b[i];
	return sum;
}

/* Of each place there is room for as many by either way. */
static size_t room_of(const struct search *s)
{
	return s->n_held * CANDIDATES * 2;
}

static void add_meant(struct search *s, const struct search_place *p, const struct vector_hit *hits, size_t n)
{
	ASSERT(n <= CANDIDATES && s->n_found + n <= room_of(s));
	for (size_t i = 0; i < n; i++)
		s->found[s->n_found++] = (struct ranked){.document_id = hits[i].document_id,
			.text_id = hits[i].text_id,
			.collection_id = p->collection_id,
			.passage = hits[i].passage,
			.words = -1,
			.meaning = MAX(hits[i].score, 0),
			.place = p};
	s->n_meant += n;
}

static int look_by_meaning(struct search *s, size_t at, struct err *e)
{
	const struct search_place *p = &s->scope.items[at];
	const struct index *index = s->held[at];
	const struct asked *x = asked_of(s, p);
	struct vector_hit hits[CANDIDATES];
	int n;

	if (x && s->external) {
		add_meant(s, p, s->by_store[at].hits, s->by_store[at].n);
		return 0;
	}
	if (!x || !index->vectors || strcmp(index->identity, p->identity) != 0 ||
		vectors_dims(index->vectors) != x->dims)
		return 0;
	n = vectors_search(index->vectors, x->vector, p->documents, p->n, hits, CANDIDATES);
	if (n < 0)
		return err_set(e, n, "no memory for a search");
	add_meant(s, p, hits, (size_t)n);
	return 0;
}

/* The nearest of all places, what was found by meaning so far, by their whole vectors. */
static int compare_exactly(struct search *s, struct db_conn *c, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);
	int r = 0;

	qsort(s->found, s->n_found, sizeof(*s->found), by_meaning);
	for (size_t i = 0; r == 0 && i < MIN(s->n_found, (size_t)EXACTLY); i++) {
		struct ranked *h = &s->found[i];
		const struct asked *x = asked_of(s, h->place);
		int64_t got = 0;
		buf_reset(&b);
		r = vectors_load(c, h->text_id, x->identity, h->passage, 1, &b, &got, e);
		if (r == 0 && got == 1 && b.n == x->dims * sizeof(float))
			h->meaning = (float)MAX(dot(x->vector, (const float *)(const void *)b.p, x->dims), 0);
	}
	return r;
}

/* ---- by words ---- */

static bool is_meant(const struct vectors *v, const struct fulltext_hit *hit)
{
	return v && hit->passage < vectors_of(v, hit->document_id, hit->text_id);
}

static int look_by_words(struct search *s, size_t at, const struct fulltext_stats *stats, struct err *e)
{
	const struct search_place *p = &s->scope.items[at];
	struct fulltext_hit hits[CANDIDATES];
	int n;

	if (!goes_by_words(s, at))
		return 0;
	const struct vectors *vectors = asked_of(s, p) ? s->held[at]->vectors : NULL;
	bool stored = s->external && s->by_store[at].n > 0; /* which texts it lacks is not known */
	n = fulltext_search(s->held[at]->fulltext, s->terms, s->n_terms, stats, p->documents, p->n, hits, CANDIDATES);
	if (n < 0)
		return err_set(e, n, NO_INDEX);
	ASSERT(s->n_found + (size_t)n <= room_of(s));
	for (int i = 0; i < n; i++)
		s->found[s->n_found++] = (struct ranked){.document_id = hits[i].document_id,
			.text_id = hits[i].text_id,
			.collection_id = p->collection_id,
			.passage = hits[i].passage,
			.language = hits[i].language,
			.words = hits[i].score,
			.meaning = -1,
			.unmeant = !stored && !is_meant(vectors, &hits[i]),
			.place = p};
	return 0;
}

/* ---- both together ---- */

/* "max_connections", 'a phrase', /etc/hosts, E4711: who writes so wants the very words. */
static bool asks_for_words(const char *query)
{
	bool quoted = strchr(query, '"') != NULL;

	for (; *query && !quoted; query++)
		quoted = isdigit((unsigned char)*query) || *query == '_' || *query == '/' || *query == '=';
	return quoted;
}

/* Ranks, and of a passage that was found by both one entry. */
static void join(struct search *s)
{
	size_t kept = 0;

	ASSERT(s->n_found <= room_of(s) && s->n_meant <= s->n_found);
	qsort(s->found, s->n_found, sizeof(*s->found), by_words);
	for (size_t i = 0; i < s->n_found && s->found[i].words >= 0; i++)
		s->found[i].fulltext_rank = (int64_t)i + 1;
	qsort(s->found, s->n_found, sizeof(*s->found), by_meaning);
	for (size_t i = 0; i < s->n_found && s->found[i].meaning >= 0; i++)
		s->found[i].vector_rank = (int64_t)i + 1;
	qsort(s->found, s->n_found, sizeof(*s->found), by_passage);
	for (size_t i = 0; i < s->n_found; i++) {
		struct ranked *x = &s->found[i], *before = kept ? &s->found[kept - 1] : NULL;
		if (before && by_place(before, x) == 0) {
			before->words = MAX(before->words, x->words);
			before->language = x->words >= 0 ? x->language : before->language;
			before->meaning = MAX(before->meaning, x->meaning);
			before->unmeant &= x->unmeant;
			before->fulltext_rank = MAX(before->fulltext_rank, x->fulltext_rank);
			before->vector_rank = MAX(before->vector_rank, x->vector_rank);
		} else {
			s->found[kept++] = *x;
		}
	}
	s->n_found = kept;
}

/* How far the best of those found by words, and the nearest and farthest of those found by meaning, reach. */
struct reach {
	double words, near, far;
	double trust; /* in words, 0 to 1 */
};

/* How much of the question's words a passage has, the rare ones counting more; 1: each, once or more. */
static double share_of(const struct search *s, double words)
{
	return s->whole > 0 ? MIN(words / s->whole, 1) : 0;
}

/* Words find what is written in their language alone: the share of it among the documents that are searched, by the language of
 * most of the best. */
static double language_share(const struct search *s)
{
	size_t of[LANGUAGES] = {0}, best[LANGUAGES] = {0}, all = 0, most = 0;

	for (size_t i = 0; i < s->n_held; i++)
		fulltext_documents(s->held[i]->fulltext, of);
	for (size_t i = 0; i < s->n_found; i++)
		if (s->found[i].fulltext_rank > 0 && s->found[i].fulltext_rank <= LANGUAGE_HITS)
			best[s->found[i].language]++;
	for (size_t l = 0; l < LANGUAGES; l++) {
		all += of[l];
		most = best[l] > best[most] ? l : most;
	}
	/* Those whose language is not clear count for none, unless such are what is found. */
	all -= most == LANGUAGE_NONE ? 0 : of[LANGUAGE_NONE];
	return all ? (double)of[most] / (double)all : 0;
}

static struct reach reach_of(const struct search *s)
{
	struct reach r = {.words = 0, .near = -1, .far = 2};

	for (size_t i = 0; i < s->n_found; i++) {
		const struct ranked *x = &s->found[i];
		r.words = MAX(r.words, x->words);
		r.near = MAX(r.near, x->meaning);
		r.far = x->meaning >= 0 ? MIN(r.far, x->meaning) : r.far;
	}
	double share = language_share(s);
	r.trust = share * share * sqrt(MIN(share_of(s, r.words) * ENOUGH_WORDS, 1));
	return r;
}

/* Words by the best of them, meaning between the nearest and the farthest of those found: a cosine by itself says nothing, as
 * unrelated texts have .8 with some models. Words count as far as they are to be trusted: a question in another language, or
 * in other words than the text, finds something by its words all the same (decision 082). */
static double mix(const struct search *s, const struct ranked *x, const struct reach *r, double most)
{
	bool alone = strcmp(mode_of(s, x->place), "vectors") == 0;
	double weight = alone ? 1 : MIN((double)x->place->weight / 100, most);
	double by_word = x->words > 0 && r->words > 0 ? x->words / r->words : 0;
	double meant = x->meaning < 0 ? 0 : r->near > r->far ? (x->meaning - r->far) / (r->near - r->far) : 1;
	/* A text that has no vectors, or none yet, is not far off: nobody knows. Its words speak for it, as far as they do. */
	meant = x->unmeant ? r->trust * by_word : meant;
	double trust = (1 - weight) * r->trust;

	return trust + weight > 0 ? (trust * by_word + weight * meant) / (trust + weight) : 0;
}

static void fuse(struct search *s)
{
	double most = asks_for_words(s->q->query) ? EXACT_WORDS / 100.0 : 1;

	ASSERT(s->n_found > 0);
	join(s);
	const struct reach r = reach_of(s);
	for (size_t i = 0; i < s->n_found; i++)
		s->found[i].score = s->n_meant == 0 ? s->found[i].words : mix(s, &s->found[i], &r, most);
	qsort(s->found, s->n_found, sizeof(*s->found), by_score);
	s->best = s->found[0].score;
	for (size_t i = 0; i < s->n_found; i++)
		s->found[i].fused_rank = (int64_t)i + 1;
}

static int rank_all(struct search *s, struct db_conn *c, struct arena *a, struct err *e)
{
	struct fulltext_stats stats = {.passages = 0};
	int r = 0;

	s->found = ARENA_ARRAY(a, struct ranked, room_of(s) + 1);
	if (!s->found)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; r == 0 && i < s->n_held; i++)
		r = fulltext_count(s->held[i]->fulltext, s->terms, s->n_terms, &stats);
	if (r < 0)
		return err_set(e, r, NO_INDEX);
	for (size_t i = 0; i < s->n_terms; i++)
		s->whole += fulltext_once(&stats, i);
	for (size_t i = 0; r == 0 && i < s->n_held; i++)
		r = look_by_meaning(s, i, e);
	if (r == 0 && s->n_found)
		r = compare_exactly(s, c, e);
	for (size_t i = 0; r == 0 && i < s->n_held; i++)
		r = look_by_words(s, i, &stats, e);
	if (r == 0 && s->n_found)
		fuse(s);
	return r;
}

static int by_index(const void *a, const void *b)
{
	const struct index *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* In the order of their ids, for who waits to change one keeps out who comes later. */
static int hold_all(struct search *s, struct arena *a, struct err *e)
{
	struct index **order = ARENA_ARRAY(a, struct index *, s->n_held + 1);

	if (!order)
		return err_set(e, -ENOMEM, "no memory for a search");
	memcpy(order, s->held, s->n_held * sizeof(struct index *));
	qsort(order, s->n_held, sizeof(struct index *), by_index);
	for (size_t i = 0; i < s->n_held; i++) {
		ASSERT(i == 0 || order[i - 1]->id < order[i]->id); /* held twice it would wait for who waits for it */
		index_hold(order[i]);
	}
	return 0;
}

/* As the database has them now, as far as one may wait for that: before anything is held. */
static int refresh_all(struct search *s, struct arena *a, struct err *e)
{
	struct slice slice = slice_begin();
	size_t n = 0;
	int r = 0;

	s->held = ARENA_ARRAY(a, struct index *, s->scope.n + 1);
	if (!s->held)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (; r == 0 && n < s->scope.n; n += r == 0) {
		const struct search_place *p = &s->scope.items[n];
		r = index_refresh(s->rag, p, !s->external && asked_of(s, p), &slice, &s->held[n], e);
	}
	if (r == 0) {
		s->n_held = n;
		r = hold_all(s, a, e);
		s->n_held = r == 0 ? n : 0;
	}
	while (r < 0 && n > 0)
		index_unpin(s->rag, s->held[--n]);
	return r;
}

/* Holds all indexes at once, for the weight of a word depends on all that is searched. */
static int find(struct search *s, struct arena *a, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	unsigned languages = 0;
	int r = refresh_all(s, a, e);

	if (r < 0)
		return r;
	ASSERT(s->n_held == s->scope.n); /* each place has its index at the same number */
	for (size_t i = 0; i < s->n_held; i++) {
		const struct search_place *p = &s->scope.items[i];
		bool meaning = !s->external && asked_of(s, p);
		if (index_lags(s->held[i], p, meaning))
			s->notice = LAGS;
		else if (meaning && s->held[i]->left_out_ms && !s->notice)
			s->notice = NO_ROOM;
		else if (meaning && is_of_another_size(s, i) && !s->notice)
			s->notice = OTHER_SIZE;
		languages |= fulltext_languages(s->held[i]->fulltext);
	}
	s->n_terms = words_ask(w, languages, question(s), s->terms, FULLTEXT_TERMS);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(s->rag->config.db);
		r = rank_all(s, c, a, e);
	}
	let_go(s);
	return r;
}

/* ---- by a reranker ---- */

static int by_reranker(const void *a, const void *b)
{
	const struct reranked *x = a, *y = b;

	return x->score > y->score ? -1 : x->score < y->score ? 1 : (x->at > y->at) - (x->at < y->at);
}

/* The first ones in the order of the model; the rest behind them. */
static int reorder(struct search *s, struct reranked *items, size_t n, struct arena *a)
{
	struct ranked *before = ARENA_ARRAY(a, struct ranked, n + 1);

	if (!before)
		return -ENOMEM;
	memcpy(before, s->found, n * sizeof(*before));
	qsort(items, n, sizeof(*items), by_reranker);
	ASSERT(n <= s->n_found);
	for (size_t i = 0; i < n; i++) {
		ASSERT(items[i].at < n);
		s->found[i] = before[items[i].at];
		s->found[i].reranked = (int64_t)i + 1;
	}
	return 0;
}

/* Where a collection wants that. What the model cannot do stays as it was found, with a word. */
static void rerank(struct search *s, struct arena *a)
{
	struct rerank_wish w = {.user_id = s->q->where.user_id, .query = s->q->query, .model = ""};
	struct reranked items[RERANKED];
	size_t n = MIN(s->n_found, (size_t)RERANKED);
	struct err why = {0};

	for (size_t i = 0; !*w.model && i < s->scope.n; i++)
		w.model = s->scope.items[i].reranker;
	if (!*w.model || n < 2)
		return;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct reranked){.text_id = s->found[i].text_id, .passage = s->found[i].passage, .at = i};
	int r = rerank_passages(s->rag, &w, items, n, a, &why);
	if (r == 0)
		r = reorder(s, items, n, a);
	if (r < 0) {
		log_warn("rag", "passages stand as they were found: %s", why.msg);
		s->notice = "The reranker cannot be reached, so the passages stand as they were found.";
	}
}

/* ---- what is told ---- */

struct marking {
	const struct search *s;
	struct str text;
	struct search_mark *marks;
	size_t n;
	size_t at;       /* bytes that were counted so far, */
	int64_t counted; /* and what they come to */
};

static int64_t count_to(struct marking *m, size_t at)
{
	for (; m->at < at; m->at++) {
		unsigned char ch = (unsigned char)m->text.p[m->at];
		m->counted += (ch & 0xc0) == 0x80 ? 0 : ch >= 0xf0 ? 2 : 1;
	}
	return m->counted;
}

static void mark(void *arg, const struct word *w)
{
	struct marking *m = arg;
	bool asked = false;

	for (size_t i = 0; !asked && i < m->s->n_terms; i++)
		asked = m->s->terms[i] == w->term;
	if (!asked || m->n == MARKS_MAX || w->start < m->at)
		return; /* what lies over the last mark is marked already */
	m->marks[m->n].start = count_to(m, w->start);
	m->marks[m->n++].end = count_to(m, w->end);
}

static int load_hit(const struct search *s, struct db_conn *c, const struct ranked *f, struct arena *a,
	struct search_hit *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PASSAGE_MAX);
	struct passage_rows p = {.n = 0};
	struct document d;
	int r = documents_get(c, s->q->where.user_id, f->document_id, a, &d, e);

	if (r == 0)
		r = texts_passages_placed(c, f->text_id, f->passage, f->passage, a, &p, e);
	if (r == 0 && (p.n == 0 || d.text_id != f->text_id))
		return E_NOT_FOUND; /* replaced at this moment */
	if (r == 0)
		r = texts_slice(c, f->text_id, p.items[0].start, p.items[0].end, &b, e);
	if (r < 0 || p.n == 0)
		return r;
	*ret = (struct search_hit){.document_id = d.id,
		.collection_id = f->collection_id,
		.passage_id = p.items[0].id,
		.text_id = f->text_id,
		.document = d.name,
		.text = arena_strndup(a, buf_str(&b).p, b.n),
		.heading = p.items[0].heading,
		.n = p.items[0].n,
		.page = p.items[0].page,
		.place = p.items[0].place,
		.label = p.items[0].label,
		.start = p.items[0].start,
		.end = p.items[0].end,
		.score = f->score};
	return ret->text ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

static int mark_hit(
	const struct search *s, const struct text *t, struct words *w, struct arena *a, struct search_hit *h)
{
	struct marking m = {.s = s, .text = str_from(h->text), .marks = ARENA_ARRAY(a, struct search_mark, MARKS_MAX)};
	enum language l = language_of(t->language);

	if (!m.marks)
		return -ENOMEM;
	words_each(w, l, m.text, mark, &m);
	h->marked = (struct schema_list){m.marks, m.n};
	return 0;
}

static bool is_one_too_many(const struct search *s, const struct search_hit *hits, size_t n, atelier_id document_id)
{
	int64_t of_it = 0;

	for (size_t i = 0; s->q->per_document && i < n; i++)
		of_it += hits[i].document_id == document_id;
	return s->q->per_document && of_it >= s->q->per_document;
}

/* What the last one says is said by one before it. */
static bool is_repeated(const struct said *said, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (said_alike(&said[i], &said[n]))
			return true;
	return false;
}

static int load_hits(
	const struct search *s, struct db_conn *c, struct arena *a, struct search_result *ret, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	int64_t wanted = s->q->limit;
	int r = 0;

	for (size_t i = 0; s->q->limit == 0 && i < s->scope.n; i++)
		wanted = MAX(wanted, s->scope.items[i].passages);
	size_t limit = (size_t)MIN(wanted, SEARCH_MAX);

	ASSERT(s->n_held == 0); /* nobody waits for the database with an index held */
	struct said said[SEARCH_MAX];
	*ret = (struct search_result){.items = ARENA_ARRAY(a, struct search_hit, limit + 1)};
	if (!ret->items)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; r == 0 && i < s->n_found && ret->n < limit; i++) {
		struct search_hit *h = &ret->items[ret->n];
		struct err quiet = {0};
		struct text t = {.language = ""};
		if (s->found[i].score * 100 < s->best * (double)s->found[i].place->threshold)
			continue;
		if (is_one_too_many(s, ret->items, ret->n, s->found[i].document_id))
			continue;
		r = load_hit(s, c, &s->found[i], a, h, &quiet);
		if (r == 0)
			r = texts_get(c, h->text_id, a, &t, &quiet);
		if (r == 0)
			r = mark_hit(s, &t, w, a, h);
		h->fulltext_rank = s->found[i].fulltext_rank;
		h->vector_rank = s->found[i].vector_rank;
		h->fused_rank = s->found[i].fused_rank;
		h->reranked = s->found[i].reranked;
		h->words = s->found[i].words < 0 ? -1 : share_of(s, s->found[i].words);
		h->meaning = s->found[i].meaning;
		if (r == 0 && s->q->diverse)
			r = said_of(h->text, a, &said[ret->n]);
		if (r == 0 && !(s->q->diverse && is_repeated(said, ret->n)))
			ret->n++;
		r = r == E_NOT_FOUND ? 0 : r < 0 ? err_set(e, r, "%s", quiet.msg) : 0;
	}
	return r;
}

int rag_search(
	struct rag *rag, const struct search_request *q, struct arena *a, struct search_result *ret, struct err *e)
{
	struct search s = {.rag = rag, .q = q};
	int r;

	ASSERT(thread_may_wait());
	ASSERT_IS(rag, RAG_MAGIC);
	ASSERT(q->limit >= 0 && q->limit <= SEARCH_MAX);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
		r = collections_scope(c, &q->where, a, &s.scope, e);
	}
	if (r < 0)
		return r;
	r = open_store(&s, a, e);
	if (r < 0)
		return r;
	ask_models(&s, a);
	ask_store(&s, a);
	r = find(&s, a, e);
	if (r < 0)
		return r;
	rerank(&s, a);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	r = load_hits(&s, c, a, ret, e);
	if (r == 0) {
		ret->mode = s.n_meant == 0 ? "fulltext" : q->mode ? q->mode : "hybrid";
		ret->notice = s.notice;
	}
	return r;
}
