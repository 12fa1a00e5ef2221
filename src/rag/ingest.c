/* ingest.c - a document's file becomes a text with passages and postings, beside what is there, and is shown at the end. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "rag/cut.h"
#include "rag/pages.h"
#include "rag/rag_priv.h"
#include "store/documents.h"
#include "store/texts.h"
#include "sys/health.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define CUT_VERSION    3
/* In one transaction: a millisecond of work at most, and few syncs of the disk. */
#define PIECES         ((size_t)16) /* of a text */
#define PASSAGES       ((size_t)400)
#define PAGES          ((size_t)50)
#define SMALL_BYTES    (2 * TEXT_PIECE) /* of one that is stored in one transaction as a whole, */
#define SMALL_PASSAGES 50               /* and of its passages */
#define POSTINGS_BYTES ((size_t)512 << 20)
#define ARENA_BYTES    ((size_t)16 << 20)
#define RECIPE_MAX     100

struct ingest {
	struct rag *rag;
	const struct ingest_progress *p;
	struct cancel *cancel;
	struct arena a;
	struct document_work work;
	char recipe[RECIPE_MAX];
	bool embeds; /* there is a model for that now */
	struct extracted text;
	struct passages passages;
	bool read;                /* there is a text to be freed */
	enum extract_failure why; /* nothing comes of the file; OK: it is not the file, or nothing has failed */
	atelier_id text_id;
};

static void tell(const struct ingest *x, const char *status, size_t completed, size_t total, const char *unit)
{
	if (x->p)
		x->p->fn(x->p->arg, status, (int64_t)completed, (int64_t)total, unit);
}

static int look(const struct ingest *x)
{
	thread_give_way();
	return cancel_reason(x->cancel) ? -ECANCELED : 0;
}

/* How a text came to be: of what has the same, nothing needs to be done again. What a file is called says how some are read. It names who
 * brought the file: who brings one that somebody else has, or a guess at it, must not see from its text that it is known. */
static void write_recipe(struct ingest *x)
{
	const char *dot = strrchr(x->work.name, '.');
	char kind[12] = "", whose[ID_LEN + 1];

	for (size_t i = 0; dot && dot[1 + i] && i + 1 < sizeof(kind); i++)
		kind[i] = isalnum((unsigned char)dot[1 + i]) ? (char)tolower((unsigned char)dot[1 + i]) : '_';
	id_format(x->work.user_id, whose);
	int n = snprintf(x->recipe, sizeof(x->recipe), "extract %d cut %d.%lld.%lld by %s %s", EXTRACT_VERSION,
		CUT_VERSION, (long long)x->work.passage_tokens, (long long)x->work.overlap, whose, kind);
	ASSERT(n > 0 && (size_t)n < sizeof(x->recipe)); /* two that were cut off would be one */
}

bool rag_is_older(const char *recipe, const char *format)
{
	int read = 0, cut = 0;

	if (sscanf(recipe, "extract %d cut %d.", &read, &cut) < 1)
		return false;
	return read < extract_since(format ? format : "") || cut < CUT_VERSION;
}

static int load(struct ingest *x, atelier_id id, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(x->rag->config.db);
	struct err quiet = {0};
	const char *model = NULL, *identity = NULL;
	int r = documents_work(c, id, &x->a, &x->work, e);

	if (r < 0)
		return r;
	write_recipe(x);
	if ((r = rag_identity(x->rag, x->work.embedding_model, &x->a, &model, &identity, e)) < 0)
		return r;
	x->embeds = identity != NULL;
	r = texts_find(c, x->work.hash, x->recipe, &x->text_id, &quiet);
	return r == E_NOT_FOUND ? 0 : r < 0 ? err_set(e, r, "%s", quiet.msg) : 0;
}

/* ---- reading ---- */

static void pages_read(void *arg, int done, int of)
{
	tell(arg, "reading", (size_t)done, (size_t)of, "pages");
}

static int fail(struct ingest *x, enum extract_failure why, const char *sentence, struct err *e)
{
	x->why = why;
	return err_set(e, E_INVALID, "%s", sentence);
}

static int read_file(struct ingest *x, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	struct err quiet = {0};
	int r = documents_set_state(x->rag->config.db, x->work.id, "reading", NULL, NULL, e);

	ASSERT(!x->read); /* what is freed once */
	if (r < 0)
		return r;
	/* E_NOT_FOUND would say that the document is gone, which is no failure. */
	r = blobs_open(x->rag->config.settings->data, x->work.hash, &fd, &quiet);
	if (r == E_NOT_FOUND)
		return fail(x, EXTRACT_MISSING, "The bytes of this file are gone. Bring the file again.", e);
	if (r < 0)
		return err_set(e, r, "%s", quiet.msg);
	tell(x, "reading", 0, 0, "pages");
	const struct extract_request q = {.fd = fd,
		.name = x->work.name,
		.ocr = extract_ocr_languages(),
		.cancel = x->cancel,
		.progress = pages_read,
		.arg = x};
	r = extract_file(&q, &x->text, e);
	x->read = r == 0;
	/* What is not there is looked for once, and so it is told until the next start. */
	if (r == 0 && x->text.failure == EXTRACT_UNAVAILABLE)
		health_set(HEALTH_documents, extract_lacks() ? extract_lacks() : x->text.error);
	if (r == 0 && x->text.failure)
		r = fail(x, x->text.failure, x->text.error, e);
	if (r == 0)
		r = look(x);
	if (r < 0)
		return r;
	r = cut_text(&x->text, (size_t)x->work.passage_tokens, (size_t)x->work.overlap, &x->passages, e);
	if (r == 0 && x->passages.n == 0)
		r = fail(x, EXTRACT_EMPTY, "There is no text in this file. Look whether it is the right one.", e);
	return r;
}

/* ---- storing ---- */

/* The row of the text; its warnings are in `warnings`. */
static int text_row(struct ingest *x, enum language l, struct buf *warnings, struct text *ret, struct err *e)
{
	buf_add_char(warnings, '[');
	for (size_t i = 0; i < x->text.n_warnings; i++) {
		buf_add_str(warnings, i ? "," : "");
		json_add_cstr(warnings, x->text.warnings[i]);
	}
	buf_add_char(warnings, ']');
	*ret = (struct text){.hash = x->work.hash,
		.recipe = x->recipe,
		.document_id = x->work.id,
		.language = language_code(l),
		.words = WORDS_VERSION,
		.format = x->text.format,
		.bytes = (int64_t)x->text.len,
		.pages = x->text.pages,
		.warnings = warnings->p};
	return buf_check(warnings, e, "There is too much to say of this file.");
}

/* Passages from `at` on. */
static void passage_rows(const struct ingest *x, size_t at, size_t n, struct passage_row *rows)
{
	for (size_t i = 0; i < n; i++) {
		const struct passage *p = &x->passages.items[at + i];

		ASSERT(p->start < p->end && p->end <= x->text.len);
		ASSERT(at + i == 0 || (p[-1].start <= p->start && p[-1].end < p->end)); /* in their order */
		rows[i] = (struct passage_row){.n = (int64_t)(at + i),
			.start = (int64_t)p->start,
			.end = (int64_t)p->end,
			.page = p->page,
			.heading = p->heading.p};
	}
}

/* At most PAGES of its places, with what they need. */
struct pages {
	struct page_row rows[PAGES];
	struct buf boxes[PAGES];
	size_t n, block;
};

static void pages_fill(const struct ingest *x, size_t at, struct pages *ret)
{
	ret->n = MIN(x->text.n_places - at, PAGES);
	for (size_t i = 0; i < ret->n; i++) {
		const struct extract_place *p = &x->text.places[at + i];

		ASSERT(p->start <= p->end && p->end <= x->text.len && (at + i == 0 || p[-1].end <= p->start));
		ret->boxes[i] = BUF_INIT(BOXES_BYTES);
		ret->rows[i] = page_row_of(&x->text, at + i, &ret->block, &ret->boxes[i]);
	}
}

static void pages_clear(struct pages *p)
{
	for (size_t i = 0; i < p->n; i++)
		buf_done(&p->boxes[i]);
	p->n = 0;
}

static int store_text(struct ingest *x, enum language l, struct err *e)
{
	CLEANUP(buf_done) struct buf warnings = BUF_INIT(65536);
	struct text in;
	int r = text_row(x, l, &warnings, &in, e);

	if (r == 0)
		r = texts_begin(x->rag->config.db, &in, &x->text_id, e);
	for (size_t at = 0; r == 0 && at < x->text.len; at += PIECES * TEXT_PIECE) {
		r = texts_add(x->rag->config.db, x->text_id, (int64_t)at,
			(struct str){x->text.text + at, MIN(x->text.len - at, PIECES * TEXT_PIECE)}, e);
		if (r == 0)
			r = look(x);
	}
	return r;
}

static int store_passages(struct ingest *x, struct err *e)
{
	CLEANUP(freep) struct passage_row *rows = xcalloc(PASSAGES, sizeof(*rows));
	int r = 0;

	ASSERT(x->text_id); /* store_text was first */
	for (size_t at = 0; r == 0 && at < x->passages.n; at += PASSAGES) {
		size_t n = MIN(x->passages.n - at, PASSAGES);

		passage_rows(x, at, n, rows);
		r = texts_add_passages(x->rag->config.db, x->text_id, rows, n, e);
		tell(x, "indexing", at + n, x->passages.n, "passages");
		if (r == 0)
			r = look(x);
	}
	return r;
}

static int store_pages(struct ingest *x, struct err *e)
{
	CLEANUP(pages_clear) struct pages some = {.n = 0};
	int r = 0;

	ASSERT(x->text_id);
	for (size_t at = 0; r == 0 && at < x->text.n_places; at += PAGES) {
		pages_clear(&some);
		pages_fill(x, at, &some);
		r = texts_add_pages(x->rag->config.db, x->text_id, some.rows, some.n, e);
		if (r == 0)
			r = look(x);
	}
	return r;
}

static int make_postings(struct ingest *x, enum language l, struct buf *to, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	CLEANUP(postings_freep) struct postings *p = postings_new(l);

	for (size_t i = 0; i < x->passages.n; i++) {
		const struct passage *s = &x->passages.items[i];
		postings_add(p, w, s->heading, (struct str){x->text.text + s->start, s->end - s->start});
		if (look(x) < 0)
			return -ECANCELED;
	}
	postings_write(p, to);
	return buf_check(to, e, "The document has more words than fit into an index. Split it, and add the parts.");
}

static struct text_end end_of(const struct ingest *x, const struct str *postings)
{
	return (struct text_end){x->work.id, x->text_id, x->work.hash, postings, (int64_t)x->passages.n,
		x->embeds ? "embedding" : "ready"};
}

static int show(struct ingest *x, const struct str *postings, struct err *e)
{
	const struct text_end end = end_of(x, postings);

	ASSERT(x->text_id && (!postings || x->passages.n > 0));
	return texts_show(x->rag->config.db, &end, e);
}

/* Most files are small, and a commit of a job may wait for those of others. */
static bool is_small(const struct ingest *x)
{
	return x->text.len <= SMALL_BYTES && x->passages.n <= SMALL_PASSAGES && x->text.n_places <= PAGES;
}

static int store_small(struct ingest *x, enum language l, const struct str *postings, struct err *e)
{
	CLEANUP(buf_done) struct buf warnings = BUF_INIT(65536);
	CLEANUP(pages_clear) struct pages pages = {.n = 0};
	struct passage_row rows[SMALL_PASSAGES];
	struct text in;
	int r = text_row(x, l, &warnings, &in, e);

	ASSERT(is_small(x) && x->passages.n > 0);
	if (r < 0)
		return r;
	passage_rows(x, 0, x->passages.n, rows);
	pages_fill(x, 0, &pages);
	return texts_put(x->rag->config.db,
		&(struct text_whole){.text = &in,
			.bytes = {x->text.text, x->text.len},
			.passages = rows,
			.n_passages = x->passages.n,
			.pages = pages.rows,
			.n_pages = pages.n,
			.end = end_of(x, postings)},
		e);
}

static int make(struct ingest *x, struct err *e)
{
	CLEANUP(buf_done) struct buf postings = BUF_INIT(POSTINGS_BYTES);
	enum language l;
	int r = read_file(x, e);

	if (r < 0)
		return r;
	l = language_guess((struct str){x->text.text, x->text.len});
	bool small = is_small(x);
	if (!small && ((r = store_text(x, l, e)) < 0 || (r = store_passages(x, e)) < 0 || (r = store_pages(x, e)) < 0))
		return r;
	if ((r = make_postings(x, l, &postings, e)) < 0)
		return r;
	const struct str bytes = buf_str(&postings);
	return small ? store_small(x, l, &bytes, e) : show(x, &bytes, e);
}

/* A failure that will not pass stays with the document. */
static int note_failure(struct ingest *x, int r, struct err *e)
{
	struct err quiet = {0};
	const char *code = x->why ? extract_failure_name(x->why) : err_info(r)->wire_code;

	if (r < 0 && r != -ECANCELED && r != E_NOT_FOUND && !err_info(r)->retryable &&
		documents_set_state(x->rag->config.db, x->work.id, "failed", code, err_public_text(e), &quiet) < 0)
		log_warn("rag", "why a document could not be read is told by its job alone: %s", quiet.msg);
	return r;
}

int rag_ingest(
	struct rag *rag, atelier_id document_id, const struct ingest_progress *p, struct cancel *cancel, struct err *e)
{
	struct ingest x = {.rag = rag, .p = p, .cancel = cancel};
	int r;

	ASSERT(thread_may_wait() && cancel);
	ASSERT_IS(rag, RAG_MAGIC);
	arena_init(&x.a, ARENA_BYTES);
	passages_init(&x.passages);
	r = load(&x, document_id, e);
	if (r == 0 && x.text_id) {
		r = show(&x, NULL, e);
	} else if (r == 0) {
		r = make(&x, e);
		if (r == E_CONFLICT) { /* another document of the same bytes was first */
			err_clear(e);
			r = load(&x, document_id, e);
			r = r < 0 ? r : show(&x, NULL, e);
		}
	}
	if (r == 0 && x.embeds)
		r = documents_embed(rag->config.db, document_id, e);
	r = note_failure(&x, r, e);
	passages_done(&x.passages);
	if (x.read)
		extracted_free(&x.text);
	arena_done(&x.a);
	if (r == E_NOT_FOUND) { /* deleted meanwhile */
		err_clear(e);
		return 0;
	}
	return r;
}
