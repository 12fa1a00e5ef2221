/* extract_read.c - what the process that read a file says about it, checked. */
#include <errno.h>
#include <math.h>

#include "base/json.h"
#include "base/utf8.h"
#include "rag/extract_priv.h"
#include "sys/thread.h"

#define MEMORY    ((size_t)128 << 20) /* labels, boxes */
#define THINGS    ((size_t)4 << 20)   /* blocks, places */
#define WARNINGS  100
#define LABEL_MAX 1024
_Static_assert(EXTRACT_TEXT_MAX <= UINT32_MAX, "places of boxes are of 32 bits");

void extract_reader_init(struct extract_reader *r, const struct extract_request *q, struct extracted *to)
{
	*to = (struct extracted){.memory = xcalloc(1, sizeof(struct arena))};
	arena_init(to->memory, MEMORY);
	*r = (struct extract_reader){.q = q,
		.to = to,
		.line = BUF_INIT(EXTRACT_LINE_MAX),
		.text = BUF_INIT((q->text_max ? q->text_max : EXTRACT_TEXT_MAX) + 1)};
}

void extract_reader_done(struct extract_reader *r)
{
	buf_done(&r->line);
	buf_done(&r->text);
}

static int strange(struct err *e)
{
	return err_set(e, E_INVALID, "What the reader of the file said is not understood.");
}

/* Room for one more at the end of a list on the heap; NULL: too many, or no memory. */
static void *grow(void **list, size_t n, size_t *cap, size_t size)
{
	ASSERT(n <= *cap);
	if (n == *cap || !*list) {
		size_t more = MAX(*cap * 2, 64);
		void *p = more <= THINGS ? realloc(*list, more * size) : NULL;

		if (!p)
			return NULL;
		*list = p;
		*cap = more;
	}
	char *at = (char *)*list + n * size;
	memset(at, 0, size);
	return at;
}

/* Text for people: whatever came, nothing in it steers anything. */
static const char *keep_text(struct extract_reader *r, const json_t *line, const char *key, size_t max)
{
	const json_t *v = json_object_get(line, key);
	const char *p = json_is_string(v) ? json_string_value(v) : "";
	size_t n = utf8_prefix(p, strlen(p), max);
	char *copy = arena_strndup(r->to->memory, p, n);

	for (char *c = copy; c && *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	}
	return copy;
}

static bool get_size(const json_t *line, const char *key, size_t max, size_t *ret)
{
	int64_t v = json_get_i64(line, key, 0);

	if (v < 0 || (uint64_t)v > max)
		return false;
	*ret = (size_t)v;
	return true;
}

static struct extract_place *present(struct extract_reader *r)
{
	return r->to->n_places ? &r->to->places[r->to->n_places - 1] : NULL;
}

static void end_place(struct extract_reader *r)
{
	if (present(r))
		present(r)->end = r->text.n;
}

static double size_of(const json_t *v)
{
	double d = json_is_number(v) ? json_number_value(v) : 0;

	return isfinite(d) && d > 0 && d < 1e6 ? d : 0;
}

/* The files of an archive, else what the document itself consists of: the pages of a file within it are that file's. */
static bool is_counted(struct extract_reader *r, enum extract_place_kind kind, size_t number)
{
	bool archive = strcmp(r->to->format, "zip") == 0, first = number > r->files;

	if (kind != EXTRACT_FILE)
		return r->files == 0 && !archive && strcmp(r->to->format, "eml") != 0;
	r->files = MAX(r->files, number);
	return archive && first;
}

static int take_place(struct extract_reader *r, const json_t *line, struct err *e)
{
	int kind = extract_place_find(json_get_str(line, "kind"));
	size_t number;

	if (kind < 0 || !get_size(line, "number", INT32_MAX, &number))
		return strange(e);
	end_place(r);
	struct extract_place *p = grow((void **)&r->to->places, r->to->n_places, &r->places_cap, sizeof(*p));
	const char *label = keep_text(r, line, "label", LABEL_MAX);
	if (!p || !label)
		return -ENOMEM;
	*p = (struct extract_place){.kind = (enum extract_place_kind)kind,
		.number = (int)number,
		.label = label,
		.start = r->text.n,
		.end = r->text.n,
		.width = size_of(json_object_get(line, "width")),
		.height = size_of(json_object_get(line, "height"))};
	r->to->n_places++;
	r->to->pages += is_counted(r, p->kind, number);
	return 0;
}

static int take_state(struct extract_reader *r, const json_t *line, struct err *e)
{
	int state = extract_state_find(json_get_str(line, "state"));

	if (state < 0 || !present(r))
		return strange(e);
	present(r)->state = (enum extract_state)state;
	r->to->pages_no_text += state == EXTRACT_NO_TEXT;
	r->to->pages_garbled += state == EXTRACT_GARBLED;
	r->to->pages_by_ocr += state == EXTRACT_BY_OCR;
	return 0;
}

static bool is_clean(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return utf8_valid(p, n);
}

static int take_text(struct extract_reader *r, const json_t *line, struct err *e)
{
	const json_t *v = json_object_get(line, "text");

	if (!json_is_string(v) || !is_clean(json_string_value(v), json_string_length(v)))
		return strange(e);
	buf_add(&r->text, json_string_value(v), json_string_length(v));
	return buf_check(&r->text, e, "The text is longer than it may be.");
}

static bool read_box(const json_t *six, const struct extract_block *b, size_t least, struct extract_box *ret)
{
	float at[4];
	int64_t start = json_integer_value(json_array_get(six, 0)), end = json_integer_value(json_array_get(six, 1));

	if (json_array_size(six) != 6 || start < (int64_t)least || end <= start || (uint64_t)start > b->end)
		return false;
	for (size_t i = 0; i < 4; i++) {
		const json_t *v = json_array_get(six, i + 2);
		if (!json_is_number(v) || !isfinite(json_number_value(v)) ||
			fabs(json_number_value(v)) > EXTRACT_BOX_MAX)
			return false;
		at[i] = (float)json_number_value(v);
	}
	*ret = (struct extract_box){(uint32_t)start, (uint32_t)MIN((size_t)end, b->end), at[0], at[1], at[2], at[3]};
	return true;
}

/* In order, within the block; what was written behind its end is blank. */
static int keep_boxes(struct extract_reader *r, const json_t *boxes, struct extract_block *b)
{
	size_t n = json_array_size(boxes), least = b->start;
	struct extract_box *to = n ? ARENA_ARRAY(r->to->memory, struct extract_box, n) : NULL;

	if (n && !to)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!read_box(json_array_get(boxes, i), b, least, &to[i]))
			return E_INVALID;
		least = to[i].end;
	}
	b->boxes = to;
	b->n_boxes = n;
	return 0;
}

/* Is the first byte of a character, or the end of the text. */
static bool is_edge(const struct extract_reader *r, size_t at)
{
	return at >= r->text.n || ((unsigned char)r->text.p[at] & 0xC0) != 0x80;
}

static int take_block(struct extract_reader *r, const json_t *line, struct err *e)
{
	const json_t *rows = json_object_get(line, "rows");
	struct extract_block b = {.place = (int)r->to->n_places - 1};
	int kind = extract_kind_find(json_get_str(line, "kind"));
	size_t level;

	if (kind < 0 || !get_size(line, "level", 100, &level) || !get_size(line, "start", r->text.n, &b.start) ||
		!get_size(line, "end", r->text.n, &b.end) || b.start < r->last || b.end <= b.start ||
		!get_size(line, "header", b.end - b.start, &b.header) || !is_edge(r, b.start) || !is_edge(r, b.end) ||
		!is_edge(r, b.start + b.header))
		return strange(e);
	b.kind = (enum extract_kind)kind;
	b.level = (int)level;
	if (present(r) && (present(r)->kind <= EXTRACT_SHEET || present(r)->kind == EXTRACT_FILE))
		b.page = present(r)->number;
	if (json_array_size(rows) == 2) {
		b.row_first = (int)json_integer_value(json_array_get(rows, 0));
		b.row_last = (int)json_integer_value(json_array_get(rows, 1));
	}
	int k = keep_boxes(r, json_object_get(line, "boxes"), &b);
	if (k < 0)
		return k == E_INVALID ? strange(e) : k;
	struct extract_block *to = grow((void **)&r->to->blocks, r->to->count, &r->blocks_cap, sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = b;
	r->to->count++;
	r->last = b.end;
	return 0;
}

static int take_warning(struct extract_reader *r, const json_t *line, struct err *e)
{
	(void)e;
	if (r->to->n_warnings == WARNINGS)
		return 0;
	const char *text = keep_text(r, line, "text", LABEL_MAX);
	const char **to = grow((void **)&r->to->warnings, r->to->n_warnings, &r->warnings_cap, sizeof(*to));
	if (!to || !text)
		return -ENOMEM;
	*to = text;
	r->to->n_warnings++;
	return 0;
}

static int copy_text(struct extract_reader *r, const json_t *line, const char *key, char *to, size_t size)
{
	const char *text = keep_text(r, line, key, size - 1);

	if (!text)
		return -ENOMEM;
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int take_format(struct extract_reader *r, const json_t *line, struct err *e)
{
	int k = copy_text(r, line, "name", r->to->format, sizeof(r->to->format));

	(void)e;
	return k < 0 ? k : copy_text(r, line, "encoding", r->to->encoding, sizeof(r->to->encoding));
}

static int take_title(struct extract_reader *r, const json_t *line, struct err *e)
{
	(void)e;
	return copy_text(r, line, "text", r->to->title, sizeof(r->to->title));
}

static int take_progress(struct extract_reader *r, const json_t *line, struct err *e)
{
	size_t done, of;

	if (!get_size(line, "done", INT32_MAX, &done) || !get_size(line, "of", INT32_MAX, &of))
		return strange(e);
	if (r->q->progress)
		r->q->progress(r->q->arg, (int)done, (int)of);
	return 0;
}

static int take_end(struct extract_reader *r, const json_t *line, struct err *e)
{
	(void)line;
	(void)e;
	end_place(r);
	r->ended = true;
	return 0;
}

static int take_failure(struct extract_reader *r, const json_t *line, struct err *e)
{
	int failure = extract_failure_find(json_get_str(line, "failure"));

	if (failure <= EXTRACT_OK)
		return strange(e);
	r->to->failure = (enum extract_failure)failure;
	r->ended = true;
	int k = copy_text(r, line, "text", r->to->error, sizeof(r->to->error));
	return k == 0 && !r->to->error[0] ? strange(e) : k;
}

static int take_line(struct extract_reader *r, const char *p, size_t n, struct err *e)
{
	static const struct {
		const char *type;
		int (*take)(struct extract_reader *r, const json_t *line, struct err *e);
	} types[] = {{"text", take_text}, {"block", take_block}, {"place", take_place}, {"state", take_state},
		{"progress", take_progress}, {"format", take_format}, {"title", take_title}, {"warning", take_warning},
		{"end", take_end}, {"failure", take_failure}};
	CLEANUP(json_decrefp) json_t *line = NULL;

	thread_give_way();
	if (r->ended || json_parse(p, n, &line, NULL) < 0)
		return strange(e);
	const char *type = json_get_str(line, "type");
	for (size_t i = 0; type && i < N_ELEMENTS(types); i++) {
		if (strcmp(type, types[i].type) == 0)
			return types[i].take(r, line, e);
	}
	return strange(e);
}

int extract_reader_take(struct extract_reader *r, const char *p, size_t n, struct err *e)
{
	int k = 0;

	while (n > 0 && k == 0) {
		const char *nl = memchr(p, '\n', n);
		size_t part = nl ? (size_t)(nl - p) : n;

		buf_add(&r->line, p, part);
		if (buf_status(&r->line) < 0)
			return strange(e);
		if (nl) {
			k = take_line(r, r->line.p ? r->line.p : "", r->line.n, e);
			buf_reset(&r->line);
			part++;
		}
		p += part;
		n -= part;
	}
	return k;
}

int extract_reader_end(struct extract_reader *r, struct err *e)
{
	if (!r->ended || r->line.n > 0)
		return strange(e);
	ASSERT(r->last <= r->text.n && (!present(r) || present(r)->end <= r->text.n));
	if (r->to->failure != EXTRACT_OK) {
		r->to->count = 0;
		r->to->n_places = 0;
		buf_reset(&r->text);
	}
	buf_add(&r->text, "", 0);
	r->to->len = r->text.n;
	r->to->text = buf_take(&r->text);
	return r->to->text ? 0 : -ENOMEM;
}

void extracted_free(struct extracted *x)
{
	free(x->text);
	free(x->blocks);
	free(x->places);
	free(x->warnings);
	if (x->memory)
		arena_done(x->memory);
	free(x->memory);
	*x = (struct extracted){0};
}
