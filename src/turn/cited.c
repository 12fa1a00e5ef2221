/* cited.c - pages of the web that the model's provider found and cites: citations, numbered behind the answer's own sources. */
#include <strings.h>

#include "base/utf8.h"
#include "turn/turn_priv.h"

#define TITLE_BYTES 300

/* What else an address can be is nothing to click at. */
static bool is_page(const char *url)
{
	return url && (strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0);
}

/* A page may be cited for each of many sentences: it is one source. */
static bool is_new(struct turn *t, const char *url)
{
	uint32_t h = 2166136261u;

	for (const char *p = url; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (size_t i = 0; i < t->n_pages; i++) {
		if (t->pages[i] == h)
			return false;
	}
	if (t->n_pages == N_ELEMENTS(t->pages))
		return false;
	t->pages[t->n_pages++] = h;
	return true;
}

static int cite_page(struct turn *t, bool on_loop, const json_t *note)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	const json_t *of = json_object_get(note, "url_citation");
	const char *url = json_get_str(of, "url"), *title = json_get_str(of, "title"),
		   *said = json_get_str(of, "content");

	if (!is_page(url) || !is_new(t, url))
		return 0;
	title = title && *title ? title : url;
	buf_printf(&b, "{\"n\":%zu,\"title\":", t->n_sources + t->n_pages);
	json_add_string(&b, title, utf8_prefix(title, strlen(title), TITLE_BYTES));
	buf_add_str(&b, ",\"url\":");
	json_add_cstr(&b, url);
	buf_add_str(&b, ",\"quote\":");
	json_add_string(&b, said ? said : "", said ? utf8_prefix(said, strlen(said), 4000) : 0);
	buf_add_char(&b, '}');
	return buf_status(&b) < 0 ? 0 : turn_put(t, on_loop, EV_CITATION, b.p, b.n); /* an address of 60 KB is none */
}

static int take_beside(void *arg, bool on_loop, enum gen_beside_kind kind, const char *items, size_t n)
{
	CLEANUP(buf_done) struct buf list = BUF_INIT(n + 16);
	CLEANUP(json_decrefp) json_t *notes = NULL;
	int r = 0;

	if (kind != BESIDE_ANNOTATIONS)
		return 0;
	buf_add_char(&list, '[');
	buf_add(&list, items, n);
	buf_add_char(&list, ']');
	if (buf_status(&list) < 0 || json_parse(list.p, list.n, &notes, NULL) < 0)
		return 0;
	for (size_t i = 0; i < json_array_size(notes) && r >= 0; i++)
		r = cite_page(arg, on_loop, json_array_get(notes, i));
	return r;
}

void cited_want(struct turn *t)
{
	if (t->request.beside)
		return;
	t->beside = (struct gen_beside){.items = take_beside, .arg = t};
	t->request.beside = &t->beside;
}
