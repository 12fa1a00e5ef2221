/*
 * find.c - the full-text search over a person's conversations. Titles are gone through one by one, since no index has
 * parts of words; messages by the index, in steps of which each looks at more of them than the one before, as most
 * questions are answered by the newest. What is marked is found by the same walk over words that made the question's.
 */
#include "store/find.h"

#include "base/words.h"
#include "store/messages.h"
#include "store/plain.h"
#include "store/search.h"
#include "store/store_priv.h"

#define QUERY_MAX    ((size_t)2000) /* bytes */
#define WORDS_MAX    16
#define SNIPPET_LEAD 60                 /* bytes before the first hit */
#define SNIPPET_SIZE 240                /* bytes of the whole */
#define LOOK_MAX     ((size_t)64 << 10) /* of a text, for its place to show */
#define PIECES_MAX   12
#define MARKS_AROUND ((size_t)4 << 10) /* of a text, before and behind the place: what is read as Markdown */

struct query {
	struct str words[WORDS_MAX]; /* each may be several in a row */
	size_t n;
};

/* ---- the words that are asked for ---- */

static bool has_letter(struct str word)
{
	for (size_t i = 0; i < word.n; i++) {
		unsigned char c = (unsigned char)word.p[i];

		if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
			return true;
	}
	return false;
}

static int add_word(struct query *q, struct str text, struct arena *a, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(QUERY_MAX * 8);
	const char *copy;

	words_add(&b, text.p, text.n);
	for (size_t i = 0; i < b.n; i++) /* no mark is an operator of a search */
		if ((unsigned char)b.p[i] < 0x80 && !has_letter((struct str){b.p + i, 1}))
			b.p[i] = ' ';
	if (!has_letter(buf_str(&b)) || q->n == WORDS_MAX)
		return 0;
	copy = arena_strndup(a, b.p, b.n);
	if (!copy)
		return store_full(e);
	q->words[q->n++] = (struct str){copy, b.n};
	return 0;
}

static int read_query(const char *text, struct query *ret, struct arena *a, struct err *e)
{
	size_t n = strlen(text);
	int r = 0;

	ret->n = 0;
	if (n > QUERY_MAX)
		return err_field(e, E_INVALID, "q", "has more than %zu bytes.", QUERY_MAX);
	for (const char *p = text, *end = text + n; r == 0 && p < end;) {
		const char *close = *p == '"' ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
		size_t len = close ? (size_t)(close - p - 1) : strcspn(p, " \t\r\n\"");

		r = add_word(ret, (struct str){close ? p + 1 : p, len}, a, e);
		p += close ? len + 2 : MAX(len, (size_t)1);
	}
	if (r == 0 && ret->n == 0)
		r = err_field(e, E_INVALID, "q", "has no word to look for.");
	return r;
}

/* ---- what is shown of a text ---- */

static int add_piece(struct find_hit *h, struct find_piece *pieces, struct str text, bool hit, struct arena *a)
{
	if (text.n == 0)
		return 0;
	pieces[h->n_pieces].text = arena_strndup(a, text.p, text.n);
	pieces[h->n_pieces].hit = hit;
	return pieces[h->n_pieces++].text ? 0 : -ENOMEM;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Some words before the first place, and on from there. */
static struct str window_of(struct str text, size_t first)
{
	size_t from = first > SNIPPET_LEAD ? first - SNIPPET_LEAD : 0, to;

	while (from > 0 && from < first && (is_continuation(text.p[from]) || text.p[from - 1] != ' '))
		from++;
	if (from == first && first > SNIPPET_LEAD) {
		from = first - SNIPPET_LEAD;
		while (is_continuation(text.p[from]))
			from++;
	}
	to = MIN(from + SNIPPET_SIZE, text.n);
	while (to < text.n && to > from && is_continuation(text.p[to]))
		to--;
	return (struct str){text.p + from, to - from};
}

/* Back to where a character begins. */
static size_t char_begin(struct str text, size_t at)
{
	while (at > 0 && at < text.n && is_continuation(text.p[at]))
		at--;
	return at;
}

/* Whole lines around the place, as marks of Markdown belong to lines; of a line that is longer than what is looked at, a part. */
static struct str lines_around(struct str text, size_t place)
{
	size_t first = char_begin(text, place > MARKS_AROUND ? place - MARKS_AROUND : 0);
	size_t last = char_begin(text, MIN(place + MARKS_AROUND, text.n));
	size_t from = first, to = last;

	while (from > 0 && from < place && text.p[from - 1] != '\n')
		from++;
	if (from == place && place > 0 && text.p[place - 1] != '\n')
		from = first;
	while (to < text.n && to > place + SNIPPET_SIZE && text.p[to] != '\n')
		to--;
	if (to < text.n && text.p[to] != '\n')
		to = last;
	return (struct str){text.p + from, to - from};
}

/* How many marks of a fence, ``` or ~~~, the line begins with; fewer than three are none. */
static size_t fence_of(struct str line, char *ret_mark)
{
	size_t at = 0, n = 0;

	while (at < line.n && at < 3 && line.p[at] == ' ')
		at++;
	*ret_mark = at < line.n ? line.p[at] : 0;
	if (*ret_mark != '`' && *ret_mark != '~')
		return 0;
	while (at + n < line.n && line.p[at + n] == *ret_mark)
		n++;
	return n < 3 ? 0 : n;
}

/* Whether the text ends within fenced code, whose characters are no marks. */
static bool ends_in_code(struct str text)
{
	size_t open = 0;
	char by = 0;

	for (size_t at = 0; at < text.n;) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		size_t n = end ? (size_t)(end - text.p) - at : text.n - at;
		char mark;
		size_t fence = fence_of((struct str){text.p + at, n}, &mark);

		if (fence && !open) {
			open = fence;
			by = mark;
		} else if (open && mark == by && fence >= open) {
			open = 0;
		}
		at += n + 1;
	}
	return open > 0;
}

/*
 * What is shown: the text around the first place. An answer is Markdown, and shown without its marks; a word that is not in its
 * text (of a link's address) is shown with them, and so is what stands in long code. `plain` has what is made anew.
 */
static struct str excerpt_of(struct str text, bool markdown, const struct query *q, struct buf *plain)
{
	struct words_place place = {0, 0}, in_plain;

	(void)words_find(text, 0, LOOK_MAX, q->words, q->n, &place);
	if (markdown) {
		struct str lines = lines_around(text, place.at);

		if (ends_in_code((struct str){text.p, (size_t)(lines.p - text.p)}))
			return window_of(text, place.at);
		plain_add(plain, lines);
		if (buf_status(plain) == 0 && words_find(buf_str(plain), 0, plain->n, q->words, q->n, &in_plain))
			return window_of(buf_str(plain), in_plain.at);
	}
	return window_of(text, place.at);
}

static int make_snippet(struct find_hit *h, struct str text, bool markdown, const struct query *q, struct arena *a)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT(4 * MARKS_AROUND);
	struct find_piece *pieces = ARENA_ARRAY(a, struct find_piece, PIECES_MAX + 2);
	struct words_place place;
	size_t at = 0;
	int r = 0;

	if (!pieces)
		return -ENOMEM;
	h->pieces = pieces;
	text = excerpt_of(text, markdown, q, &plain);
	while (r == 0 && h->n_pieces < PIECES_MAX && words_find(text, at, text.n, q->words, q->n, &place)) {
		r = add_piece(h, pieces, (struct str){text.p + at, place.at - at}, false, a);
		if (r == 0)
			r = add_piece(h, pieces, (struct str){text.p + place.at, place.n}, true, a);
		at = place.at + place.n;
	}
	return r < 0 ? r : add_piece(h, pieces, (struct str){text.p + at, text.n - at}, false, a);
}

/* ---- titles ---- */

static bool has_all(struct str text, const struct query *q)
{
	struct words_place place;

	for (size_t i = 0; i < q->n; i++)
		if (!words_find(text, 0, text.n, &q->words[i], 1, &place))
			return false;
	return true;
}

/* A person has some thousand titles at most, and no index has parts of words. */
static int find_titles(struct db_conn *c, const struct find_filter *f, const struct query *q, struct store_list *l,
	struct arena *a, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	int r = db_query(c, &rows, e,
		"SELECT id, title, model, updated_at FROM conversations WHERE user_id = ? AND deleted_at IS NULL"
		" AND (? = 0 OR folder_id = ?) AND (? = '' OR model = ?) AND updated_at >= ? AND updated_at < ?"
		" ORDER BY updated_at DESC, id DESC",
		DB_I64(f->user_id), DB_I64(f->folder_id), DB_I64(f->folder_id), DB_TEXT(f->model ? f->model : ""),
		DB_TEXT(f->model ? f->model : ""), DB_I64(f->from), DB_I64(f->to ? f->to : INT64_MAX));

	rd.rows = rows;
	while (r >= 0 && l->n < FIND_TITLES && (r = db_next(rows, e)) > 0) {
		struct str title = db_bytes(rows, 1);
		struct find_hit *h;

		if (!has_all(title, q))
			continue;
		if (!(h = store_push(l, a)))
			return store_full(e);
		*h = (struct find_hit){
			.conversation_id = db_i64(rows, 0), .title = store_str(&rd, 1), .created_at = db_i64(rows, 3)};
		if (make_snippet(h, title, false, q, a) < 0)
			return store_full(e);
	}
	return r < 0 ? r : store_reader_end(&rd, e);
}

/* ---- messages ---- */

/* *ret_more: there are more than `limit`; *ret_further: fewer, and not all was looked at. */
static int read_hits(struct db_rows *rows, const struct query *q, size_t limit, struct store_list *l, bool *ret_more,
	bool *ret_further, struct arena *a, struct err *e)
{
	struct store_reader rd = {.rows = rows, .a = a};
	size_t titles = l->n;
	int r;

	*ret_further = false;
	while ((r = db_next(rows, e)) > 0) {
		struct find_hit *h;

		*ret_further = db_i64(rows, 7) != 0;
		if (db_is_null(rows, 0))
			continue;
		if (l->n - titles == limit) {
			*ret_more = true;
			*ret_further = false;
			return 0;
		}
		if (!(h = store_push(l, a)))
			return store_full(e);
		*h = (struct find_hit){.message_id = db_i64(rows, 0),
			.conversation_id = db_i64(rows, 1),
			.role = store_str(&rd, 2),
			.model = store_str(&rd, 3),
			.created_at = db_i64(rows, 4),
			.title = store_str(&rd, 5)};
		if (make_snippet(h, db_bytes(rows, 6), strcmp(h->role, MESSAGE_USER) != 0, q, a) < 0)
			return store_full(e);
	}
	return r < 0 ? r : store_reader_end(&rd, e);
}

/* Each step looks at more than the one before; the first that has enough, or has looked at all, is the answer. */
static int find_messages(struct db_conn *c, const struct find_filter *f, const struct query *q, size_t limit,
	struct store_list *l, bool *ret_more, struct arena *a, struct err *e)
{
	size_t titles = l->n;
	bool further = true;
	int r = 0;

	for (size_t step = 0; r == 0 && further && step < SEARCH_STEPS; step++) {
		CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

		l->n = titles;
		r = search_messages(c, f, q->words, q->n, step, (int64_t)limit + 1, a, &rows, e);
		if (r == 0)
			r = read_hits(rows, q, limit, l, ret_more, &further, a, e);
	}
	return r;
}

int find_all(struct db_conn *c, const struct find_filter *f, size_t limit, struct arena *a, struct find_result *ret,
	struct err *e)
{
	struct store_list l = {.size = sizeof(struct find_hit)};
	struct query q;
	bool more = false;
	int r = read_query(f->query, &q, a, e);

	if (r == 0 && !f->before_id && !f->role && !f->pinned)
		r = find_titles(c, f, &q, &l, a, e);
	if (r == 0)
		r = find_messages(c, f, &q, limit, &l, &more, a, e);
	if (r == 0)
		*ret = (struct find_result){l.items, l.n, more};
	return r;
}
