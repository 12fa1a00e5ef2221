/* oauth_page.c - the pages on which a person lets a program in to /mcp; see oauth.h. They are plain: no script, nothing loaded. */
#include "api/oauth.h"
#include "api/oauth_words.h"

_Static_assert(OAUTH_KEY_DAYS == 90, "the words say so");

static const struct oauth_words *words_for(struct request *q)
{
	return oauth_words_for(http_header(q->x, "Accept-Language"));
}

static void add_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (strchr("<&>\"'", *s))
			buf_printf(b, "&#%d;", *s);
		else
			buf_add_char(b, *s);
	}
}

static void add_in(struct buf *b, const char *element, const char *text)
{
	buf_printf(b, "<%s>", element);
	add_text(b, text);
	buf_printf(b, "</%s>", element);
}

/* The form leads back to the program, which the policy of all other pages does not allow. */
static struct buf *begin_page(struct request *q, int status, const struct oauth_words *w)
{
	ASSERT(!q->raw.p && w->lang);
	q->raw = BUF_INIT(1 << 20);
	q->status = status;
	http_set_header(q->x, "Cache-Control", "no-store");
	http_set_header(q->x, "Content-Language", w->lang);
	http_set_header(q->x, "Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");
	buf_printf(&q->raw, "<!doctype html><html lang=\"%s\">", w->lang);
	buf_add_str(&q->raw,
		"<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
		"<meta name=\"referrer\" content=\"same-origin\"><title>Atelier</title>"
		"<style>:root{color-scheme:light "
		"dark;background:light-dark(#fff,#16181c);color:light-dark(#1c2027,#e8eaed);"
		"font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
		"body{max-width:32rem;margin:10vh auto;padding:0 1rem}h1{font-size:1.375rem;line-height:1.3}"
		"a{color:light-dark(#2853c8,#8fb2ff)}form{display:inline-block;margin:0 1rem 1rem 0}"
		"button,.b{font:inherit;padding:.5rem 1rem}button{border:1px solid;border-radius:.6rem;background:none;"
		"color:inherit}form:first-of-type button{font-weight:600;border-color:light-dark(#2853c8,#8fb2ff);"
		"background:light-dark(#2853c8,#8fb2ff);color:light-dark(#fff,#10141c)}</style><main>");
	return &q->raw;
}

static int end_page(struct request *q)
{
	buf_add_str(&q->raw, "</main></html>");
	return buf_status(&q->raw);
}

int oauth_page_says(struct request *q, int status, enum oauth_said what)
{
	const struct oauth_words *w = words_for(q);
	const char *const says[] = {[OAUTH_UNKNOWN_PROGRAM] = w->unknown_program,
		[OAUTH_OTHER_ADDRESS] = w->other_address,
		[OAUTH_NOT_YOURS] = w->not_yours,
		[OAUTH_BACK] = w->back};

	ASSERT((size_t)what < N_ELEMENTS(says) && says[what]);
	add_in(begin_page(q, status, w), "p", says[what]);
	return end_page(q);
}

int oauth_page_error(struct request *q, const char *error, const char *at, const char *uri)
{
	const struct oauth_words *w = words_for(q);
	struct buf *b = begin_page(q, 400, w);

	buf_add_str(b, "<p>");
	add_text(b, w->misunderstood[0]);
	add_text(b, error);
	add_text(b, w->misunderstood[1]);
	buf_add_str(b, "</p><p><a rel=\"noreferrer\" href=\"");
	add_text(b, at);
	buf_add_str(b, "\">");
	add_text(b, w->back);
	buf_add_str(b, "</a></p><p>");
	add_in(b, "code", uri);
	buf_add_str(b, "</p>");
	return end_page(q);
}

int oauth_page_sign_in(struct request *q)
{
	const struct oauth_words *w = words_for(q);
	struct buf *b = begin_page(q, 200, w);

	add_in(b, "h1", w->sign_in);
	add_in(b, "p", w->sign_in_why);
	buf_add_str(b, "<p><a href=\"../\" target=\"_blank\">");
	add_text(b, w->new_tab);
	buf_add_str(b, "</a></p><p><a class=\"b\" href=\"\">");
	add_text(b, w->go_on);
	buf_add_str(b, "</a></p>");
	return end_page(q);
}

static void add_answer(struct buf *b, const char *sealed, const char *answer, const char *label)
{
	buf_printf(b, "<form method=\"post\" action=\"authorize?ask=%s&amp;answer=%s\"><button type=\"submit\">",
		sealed, answer);
	add_text(b, label);
	buf_add_str(b, "</button></form>");
}

int oauth_page_ask(struct request *q, const json_t *ask, const char *sealed)
{
	const struct oauth_words *w = words_for(q);
	struct buf *b = begin_page(q, 200, w);
	const char *host = json_get_str(ask, "host");

	/* Each apart from what is around it, whichever way it is written: the host is what vouches for the name. */
	buf_add_str(b, "<h1>");
	add_in(b, "bdi", json_get_str(ask, "name"));
	buf_add_str(b, "</h1><p>");
	if (host) {
		buf_add_str(b, "<bdi>https://");
		add_text(b, host);
		buf_add_str(b, "</bdi></p><p>");
	}
	add_text(b, w->wants[0]);
	add_in(b, "b", q->who.user.name);
	add_text(b, w->wants[1]);
	buf_add_char(b, ' ');
	add_text(b, json_is_true(json_object_get(ask, "renews")) ? w->renews : w->ends);
	buf_add_char(b, ' ');
	add_text(b, w->settings);
	buf_add_str(b, "</p><p>");
	add_text(b, w->sent);
	buf_add_str(b, "</p><p>");
	add_in(b, "code", json_get_str(ask, "uri"));
	buf_add_str(b, "</p>");
	add_in(b, "p", w->only);
	add_answer(b, sealed, "yes", w->yes);
	add_answer(b, sealed, "no", w->no);
	return end_page(q);
}
