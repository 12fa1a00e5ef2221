/*
 * manual.c - the manual: cutting pages into passages, filling the index, searching it. It is filled anew when the
 * version that is kept is another one, all in one transaction, so that nobody ever searches half of it. A passage is
 * what stands under one heading, for that is what the Librarian quotes.
 */
#include <ctype.h>

#include "base/buf.h"
#include "base/fold.h"
#include "store/manual.h"
#include "store/search.h"
#include "store/store_priv.h"

#define VERSION_KEY     "manual_version"
#define MAX_PAGE_BYTES  ((size_t)4 << 20)
#define MAX_ANCHORS     1000
#define MAX_QUERY_WORDS 32
#define MAX_WORD_BYTES  64

/* ---- cutting a page ---- */

struct passage {
	struct str heading; /* as it stands in the page */
	struct str body;
	const char *anchor; /* in the cutter's arena */
};

struct cutter {
	struct str rest;
	struct arena a;
	const char *anchors[MAX_ANCHORS]; /* before they were made unique, to count the same ones */
	size_t n_anchors;
	char fence; /* the sign of the open code fence, or 0 */
};

static struct str next_line(struct str *rest)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) + 1 : rest->n;
	struct str line = {rest->p, n};

	rest->p += n;
	rest->n -= n;
	return line;
}

/* Follows code fences; within one a # is a comment. */
static bool in_fence(struct cutter *k, struct str line)
{
	struct str t = str_trim(line);

	if (str_starts(t, STR("```")) || str_starts(t, STR("~~~"))) {
		if (!k->fence)
			k->fence = t.p[0];
		else if (k->fence == t.p[0])
			k->fence = 0;
		return true;
	}
	return k->fence != 0;
}

/* # to ###: deeper ones stay within their passage. */
static bool is_heading(struct str line, struct str *ret)
{
	size_t level = 0;

	while (level < line.n && line.p[level] == '#')
		level++;
	if (level < 1 || level > 3 || level == line.n || line.p[level] != ' ')
		return false;
	*ret = str_trim((struct str){line.p + level, line.n - level});
	while (ret->n && ret->p[ret->n - 1] == '#')
		ret->n--;
	*ret = str_trim(*ret);
	return true;
}

/* The anchor that renderers give a heading: lower case, blanks as -, other signs left out, repeats numbered. */
static const char *anchor_make(struct cutter *k, struct str heading)
{
	char *s = arena_alloc(&k->a, heading.n + 1);
	size_t n = 0, same = 0;

	if (!s)
		return NULL;
	for (size_t i = 0; i < heading.n; i++) {
		unsigned char ch = (unsigned char)heading.p[i];

		if (isalnum(ch) || ch == '_' || ch >= 0x80)
			s[n++] = (char)tolower(ch);
		else if (ch == ' ' || ch == '-')
			s[n++] = '-';
	}
	for (size_t i = 0; i < k->n_anchors; i++)
		same += strcmp(k->anchors[i], s) == 0;
	if (k->n_anchors < MAX_ANCHORS)
		k->anchors[k->n_anchors++] = s;
	return same ? arena_printf(&k->a, "%s-%zu", s, same) : s;
}

/* The next passage that has a body; false at the end. `heading` is the one met last, from the call before. */
static bool cut(struct cutter *k, struct str *heading, struct passage *ret)
{
	while (k->rest.n) {
		const char *start = k->rest.p;
		struct str next = {NULL, 0}, body = {start, 0}, own = *heading;
		bool found = false;

		while (k->rest.n && !found) {
			struct str line = next_line(&k->rest);

			found = !in_fence(k, line) && is_heading(line, &next);
			if (!found)
				body.n = (size_t)(k->rest.p - start);
		}
		ret->heading = own;
		ret->anchor = own.n ? anchor_make(k, own) : "";
		ret->body = str_trim(body);
		*heading = next;
		if (ret->body.n)
			return true;
	}
	return false;
}

static struct str first_heading(struct str body)
{
	struct str h;

	while (body.n) {
		if (is_heading(next_line(&body), &h))
			return h;
	}
	return (struct str){NULL, 0};
}

/* ---- filling ---- */

struct fill {
	const struct manual_source *pages;
	size_t n;
	const char *version;
};

static int fill_passages(struct db_conn *c, int64_t page_id, struct str body, int64_t *id, struct err *e)
{
	CLEANUP(freep) struct cutter *k = xcalloc(1, sizeof(*k));
	struct str heading = {NULL, 0};
	struct passage p;
	int r = 0;

	k->rest = body;
	arena_init(&k->a, MAX_PAGE_BYTES * 2);
	while (r == 0 && cut(k, &heading, &p)) {
		++*id;
		if (!p.anchor)
			r = store_full(e);
		else
			r = db_exec(c, NULL, e,
				"INSERT INTO manual_passages (id, page_id, anchor, heading, body)"
				" VALUES (?, ?, ?, ?, ?)",
				DB_I64(*id), DB_I64(page_id), DB_TEXT(p.anchor), store_text(p.heading),
				store_text(p.body));
	}
	arena_done(&k->a);
	return r;
}

static int fill_page(struct db_conn *c, int64_t id, const struct manual_source *p, int64_t *passage_id, struct err *e)
{
	struct str body = str_from(p->body), title = str_from(p->title);
	int r;

	if (body.n > MAX_PAGE_BYTES)
		return err_set(e, E_TOO_LARGE, "The page %s of the manual is too large.", p->slug);
	if (!title.n)
		title = first_heading(body);
	if (!title.n)
		title = str_from(p->slug);
	r = db_exec(c, NULL, e, "INSERT INTO manual_pages (id, slug, title, body) VALUES (?, ?, ?, ?)", DB_I64(id),
		DB_TEXT(p->slug), store_text(title), store_text(body));
	return r < 0 ? r : fill_passages(c, id, body, passage_id, e);
}

static int fill_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct fill *x = arg;
	int64_t passage = 0, same = 0;
	int r = STORE_I64(c, &same, NULL, e, "SELECT 1 FROM meta WHERE key = '" VERSION_KEY "' AND value = ?",
		DB_TEXT(x->version));

	if (r < 0 || same)
		return r;
	r = db_exec(c, NULL, e, "DELETE FROM manual_passages");
	if (r == 0)
		r = db_exec(c, NULL, e, "DELETE FROM manual_pages");
	for (size_t i = 0; r == 0 && i < x->n; i++)
		r = fill_page(c, (int64_t)i + 1, &x->pages[i], &passage, e);
	if (r == 0)
		r = search_manual_filled(c, e);
	if (r == 0)
		r = db_exec(c, NULL, e,
			"INSERT INTO meta (key, value) VALUES ('" VERSION_KEY "', ?)"
			" ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			DB_TEXT(x->version));
	return r;
}

int manual_fill(struct db *db, const struct manual_source *pages, size_t n, const char *version, struct err *e)
{
	return store_apply(db, fill_in, &(struct fill){pages, n, version}, e);
}

/* ---- reading ---- */

#define P struct manual_page
static const struct col columns[] = {COL(TEXT, P, slug), COL(TEXT, P, title), COL(TEXT, P, body)};
#undef P
static const struct rows_table page_rows = {
	"manual_pages", NULL, "The manual has no such page.", NULL, TABLE(struct manual_page, columns)};
static const struct rows_table title_rows = {
	"manual_pages", "id", NULL, NULL, columns, 2, sizeof(struct manual_page), NULL};

int manual_list(struct db_conn *c, struct arena *a, struct manual_page_list *ret, struct err *e)
{
	return rows_list(&title_rows, c, a, &ret->items, &ret->n, e);
}

int manual_page(struct db_conn *c, const char *slug, struct arena *a, struct manual_page *ret, struct err *e)
{
	return rows_first(&page_rows, c, a, ret, e, "WHERE slug = ?", DB_TEXT(slug));
}

/* ---- searching ---- */

static bool is_stop_word(struct str w)
{
	static const char words[] = " a about am an and any are as at be been but by can could did do does for from "
				    "get had has have how i if"
				    " in into is it its just like may me my no not of on or our please should so some"
				    " tell than that the their them then there these they this to up use was we were"
				    " what when where which who why will with work would you"
				    " your ";
	char key[MAX_WORD_BYTES + 3];

	key[0] = ' ';
	for (size_t i = 0; i < w.n; i++)
		key[i + 1] = (char)tolower((unsigned char)w.p[i]);
	key[w.n + 1] = ' ';
	key[w.n + 2] = '\0';
	return strstr(words, key) != NULL;
}

/* The words of a person's text that say something. */
struct words {
	struct str items[MAX_QUERY_WORDS];
	size_t n;
};

static void words_find(const char *text, struct words *ret)
{
	ret->n = 0;
	while (*text && ret->n < MAX_QUERY_WORDS) {
		struct str w = {text, 0};

		while (isalnum((unsigned char)w.p[w.n]) || (unsigned char)w.p[w.n] >= 0x80)
			w.n++;
		text += w.n ? w.n : 1;
		if (w.n && w.n <= MAX_WORD_BYTES && !is_stop_word(w))
			ret->items[ret->n++] = w;
	}
}

/* A passage that has less than a third of the words is about something else. A word is looked for without its ending, as
 * the index does. */
static bool is_about(const struct manual_hit *h, const struct words *words)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(MAX_PAGE_BYTES * 4);
	char stem[MAX_WORD_BYTES + 1];
	size_t found = 0;

	fold_add(&all, h->heading, strlen(h->heading));
	buf_add_char(&all, '\n');
	fold_add(&all, h->body, strlen(h->body));
	for (size_t i = 0; i < words->n; i++) {
		struct str w = words->items[i];
		size_t n = w.n > 4 ? w.n - w.n / 3 : w.n;

		memcpy(stem, w.p, n);
		stem[n] = '\0';
		found += strstr(buf_str(&all).p, stem) != NULL;
	}
	return found * 3 >= words->n;
}

static int read_hits(struct db_rows *rows, struct arena *a, struct manual_hit_list *ret, struct err *e)
{
	struct store_list l = {.size = sizeof(struct manual_hit)};
	struct store_reader rd = {.rows = rows, .a = a};
	int r;

	while ((r = db_next(rows, e)) > 0) {
		struct manual_hit *h = store_push(&l, a);

		if (!h)
			return store_full(e);
		*h = (struct manual_hit){
			.slug = store_str(&rd, 0),
			.page_title = store_str(&rd, 1),
			.heading = store_str(&rd, 2),
			.anchor = store_str(&rd, 3),
			.body = store_str(&rd, 4),
			.score = -db_f64(rows, 5),
		};
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct manual_hit_list){l.items, l.n};
	return r;
}

int manual_search(
	struct db_conn *c, const char *text, size_t limit, struct arena *a, struct manual_hit_list *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(MAX_PAGE_BYTES);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct words words;
	size_t kept = 0;
	int r;

	*ret = (struct manual_hit_list){NULL, 0};
	fold_add(&folded, text, strlen(text));
	words_find(buf_str(&folded).p, &words);
	if (words.n == 0)
		return 0;
	r = search_manual(c, text, words.items, words.n, (int64_t)MIN(limit, (size_t)1000), a, &rows, e);
	if (r < 0 || (r = read_hits(rows, a, ret, e)) < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		if (is_about(&ret->items[i], &words))
			ret->items[kept++] = ret->items[i];
	ret->n = kept;
	return 0;
}
