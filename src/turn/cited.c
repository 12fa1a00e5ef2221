/* cited.c - see cited.h; they are numbered behind the answer's other sources. */
#include "turn/cited.h"

#include <strings.h>

#include "base/utf8.h"
#include "turn/turn_priv.h"

#define TITLE_BYTES 300
#define QUOTE_BYTES 4000
#define DATA_BYTES  65536 /* an address of so many is none */

/* What else an address can be is nothing to click at. */
static bool is_page(const char *url)
{
	return url && (strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0);
}

/* A page may be cited for each of many sentences: it is one source. */
static bool is_new(struct cited *x, const char *url)
{
	uint32_t h = 2166136261u;

	for (const char *p = url; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (size_t i = 0; i < x->n; i++) {
		if (x->pages[i] == h)
			return false;
	}
	if (x->n == N_ELEMENTS(x->pages))
		return false;
	x->pages[x->n++] = h;
	return true;
}

void cited_had(struct cited *x, int64_t number, const char *url)
{
	x->last = MAX(x->last, number);
	if (is_page(url))
		(void)is_new(x, url);
}

static bool cite_page(struct cited *x, const json_t *note, struct buf *out)
{
	const json_t *inner = json_object_get(note, "url_citation"), *of = json_is_object(inner) ? inner : note;
	const char *url = json_get_str(of, "url"), *title = json_get_str(of, "title"),
		   *said = json_get_str(of, "content");

	if (!is_page(url) || strlen(url) > DATA_BYTES / 8 || !is_new(x, url))
		return false;
	title = title && *title ? title : url;
	buf_printf(out, "{\"n\":%lld,\"title\":", (long long)++x->last);
	json_add_string(out, title, utf8_prefix(title, strlen(title), TITLE_BYTES));
	buf_add_str(out, ",\"url\":");
	json_add_cstr(out, url);
	buf_add_str(out, ",\"quote\":");
	json_add_string(out, said ? said : "", said ? utf8_prefix(said, strlen(said), QUOTE_BYTES) : 0);
	buf_add_char(out, '}');
	return true;
}

int cited_read(struct cited_items *ret, const char *items, size_t n)
{
	CLEANUP(buf_done) struct buf list = BUF_INIT(n + 16);

	*ret = (struct cited_items){.at = 0};
	buf_add_char(&list, '[');
	buf_add(&list, items, n);
	buf_add_char(&list, ']');
	if (buf_status(&list) < 0)
		return buf_status(&list);
	if (json_parse(list.p, list.n, &ret->list, NULL) < 0)
		ret->list = NULL;
	return 0;
}

bool cited_next(struct cited *x, struct cited_items *items, struct buf *out)
{
	while (items->at < json_array_size(items->list)) {
		if (cite_page(x, json_array_get(items->list, items->at++), out))
			return true;
	}
	return false;
}

void cited_items_done(struct cited_items *items)
{
	json_decref(items->list);
	items->list = NULL;
}

/* ---- of a turn ---- */

/* Agents run beside each other, and what they cite are sources of the one answer. */
static bool next_of_turn(struct turn *t, struct cited_items *items, struct buf *out)
{
	struct turn *root = turn_root(t);
	bool found;

	pthread_mutex_lock(&root->all->mx);
	found = cited_next(&root->cited, items, out);
	pthread_mutex_unlock(&root->all->mx);
	return found;
}

static int take_beside(void *arg, bool on_loop, enum gen_beside_kind kind, const char *items, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(DATA_BYTES);
	CLEANUP(cited_items_done) struct cited_items notes = {.at = 0};
	struct turn *t = arg;
	int r = kind == BESIDE_ANNOTATIONS ? cited_read(&notes, items, n) : 0;

	while (r >= 0 && next_of_turn(t, &notes, &b)) {
		r = buf_status(&b);
		r = r < 0 ? r : turn_put(&t->sink, on_loop, EV_CITATION, b.p, b.n);
		buf_reset(&b);
	}
	return r;
}

/* What the answer has from before it was cut off, or waited for a person. */
static void recall_cited(struct turn *t)
{
	CLEANUP(json_decrefp) json_t *parts = NULL;
	const char *had = t->before ? t->before->parts : NULL;

	if (!had || !strstr(had, "\"citation\"") || json_parse(had, strlen(had), &parts, NULL) < 0)
		return;
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *p = json_array_get(parts, i);
		const char *type = json_get_str(p, "type");
		if (type && strcmp(type, "citation") == 0)
			cited_had(&t->cited, json_get_i64(p, "n", 0), json_get_str(p, "url"));
	}
}

void cited_want(struct turn *t)
{
	if (t->request.beside)
		return;
	if (!t->parent) {
		cited_had(&t->cited, (int64_t)t->n_sources, NULL);
		recall_cited(t);
	}
	t->beside = (struct gen_beside){.items = take_beside, .arg = t};
	t->request.beside = &t->beside;
}
