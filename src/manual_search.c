/* manual_search.c - lets the Librarian look into the manual: rooms on one floor do not see each other. */
#include <errno.h>

#include "program.h"
#include "store/manual.h"

int manual_search_db(void *arg, const char *query, size_t limit, struct arena *a, struct manual_passage **ret,
	size_t *ret_n, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(arg);
	struct manual_hit_list hits;
	int r = manual_search(c, query, limit, a, &hits, e);

	if (r < 0)
		return r;
	struct manual_passage *out = ARENA_ARRAY(a, struct manual_passage, MAX(hits.n, 1));
	if (!out)
		return err_set(e, -ENOMEM, "no memory for passages of the manual");
	for (size_t i = 0; i < hits.n; i++) {
		const struct manual_hit *h = &hits.items[i];
		out[i] = (struct manual_passage){.title = h->page_title,
			.heading = h->heading,
			.body = h->body,
			.url = arena_printf(a, "/#/manual/%s%s%s", h->slug, h->anchor && *h->anchor ? "/" : "",
				h->anchor ? h->anchor : "")};
		if (!out[i].url)
			return err_set(e, -ENOMEM, "no memory for passages of the manual");
	}
	*ret = out;
	*ret_n = hits.n;
	return 0;
}

int manual_load(struct db *db, struct err *e)
{
	size_t n = manual_text_count();
	struct manual_source *pages = xcalloc(n + 1, sizeof(*pages));
	int r;

	for (size_t i = 0; i < n; i++)
		manual_text_page(i, &pages[i].slug, &pages[i].title, &pages[i].body);
	r = manual_fill(db, pages, n, manual_text_version(), e);
	free(pages);
	return r;
}
