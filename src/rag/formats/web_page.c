/*
 * web_page.c - what of a page of the web is its text. What is never text is taken out; of what is left that element is taken
 * whose paragraphs have the most text that is no link.
 */
#include <ctype.h>
#include <libxml/HTMLparser.h>
#include <libxml/uri.h>
#include <strings.h>

#include "rag/formats/format.h"

#define DEPTH_MAX 200
#define LEAST     140 /* characters of a text that stands for its page */
#define LINK_MAX  2000
#define TEXT_MAX  ((size_t)16 << 20)

struct writing {
	struct buf *out;
	const char *url;
	bool pre, bold_row;
	int list; /* how deep */
	int depth;
};

static bool is(const xmlNode *n, const char *names)
{
	const char *name = (const char *)n->name;

	return n->type == XML_ELEMENT_NODE && name && str_word_place(names, str_from(name)) >= 0;
}

static bool attribute_is(xmlNode *n, const char *name, const char *value)
{
	xmlChar *v = xmlGetProp(n, (const xmlChar *)name);
	bool same = v && strcasecmp((const char *)v, value) == 0;

	xmlFree(v);
	return same;
}

static bool is_hidden(xmlNode *n)
{
	xmlChar *style = xmlGetProp(n, (const xmlChar *)"style");
	bool hidden = style && (strcasestr((const char *)style, "display:none") ||
				       strcasestr((const char *)style, "display: none"));

	xmlFree(style);
	return hidden || xmlHasProp(n, (const xmlChar *)"hidden") || attribute_is(n, "aria-hidden", "true");
}

static bool has_heading(xmlNode *n)
{
	for (xmlNode *c = n->children; c; c = c->next)
		if (is(c, "h1 h2") || (c->type == XML_ELEMENT_NODE && has_heading(c)))
			return true;
	return false;
}

/* Takes out what is no text, without recursion into what is gone. */
static void drop(xmlNode *n, int depth)
{
	for (xmlNode *c = n->children, *next; c; c = next) {
		next = c->next;
		bool goes = c->type == XML_COMMENT_NODE || c->type == XML_PI_NODE ||
			    is(c, "script style noscript template iframe svg canvas object nav footer aside form "
				  "button select "
				  "dialog input textarea link meta") ||
			    (is(c, "header") && !has_heading(c));
		if (c->type == XML_ELEMENT_NODE && !goes)
			goes = depth > DEPTH_MAX || is_hidden(c);
		if (goes) {
			xmlUnlinkNode(c);
			xmlFreeNode(c);
		} else if (c->type == XML_ELEMENT_NODE) {
			drop(c, depth + 1);
		}
	}
}

/* Characters that are no blanks, those in links counted against it. */
static long weight(const xmlNode *n, bool in_link)
{
	long w = 0;

	for (const xmlNode *c = n->children; c; c = c->next) {
		if (c->type == XML_TEXT_NODE)
			for (const char *s = (const char *)c->content; s && *s; s++)
				w += isspace((unsigned char)*s) ? 0 : in_link ? -1 : 1;
		else if (c->type == XML_ELEMENT_NODE)
			w += weight(c, in_link || is(c, "a"));
	}
	return w;
}

struct best {
	xmlNode *node;
	long weight;
};

/* The text of paragraphs counts for their parent, and half for its parent. */
static void score(xmlNode *n, struct best *best)
{
	long own = 0;

	for (xmlNode *c = n->children; c; c = c->next) {
		if (is(c, "p pre blockquote ul ol table h1 h2 h3 h4 dl"))
			own += MAX(0, weight(c, false));
		else if (is(c, "div section article main td"))
			for (xmlNode *g = c->children; g; g = g->next)
				if (is(g, "p pre blockquote"))
					own += MAX(0, weight(g, false)) / 2;
		if (c->type == XML_ELEMENT_NODE)
			score(c, best);
	}
	if (is(n, "article main"))
		own = own * 3 / 2;
	if (own > best->weight)
		*best = (struct best){n, own};
}

/* ---- as Markdown ---- */

static void end_line(struct writing *w, int lines)
{
	int there = 0;

	while (w->out->n && (w->out->p[w->out->n - 1] == ' ' || w->out->p[w->out->n - 1] == '\t'))
		w->out->n--;
	for (size_t i = w->out->n; i > 0 && w->out->p[i - 1] == '\n'; i--)
		there++;
	for (; w->out->n && there < lines; there++)
		buf_add_char(w->out, '\n');
}

static void add_text(struct writing *w, const char *s)
{
	for (; s && *s; s++) {
		bool blank = isspace((unsigned char)*s);
		if (w->pre || !blank)
			buf_add_char(w->out, *s);
		else if (w->out->n && !isspace((unsigned char)w->out->p[w->out->n - 1]))
			buf_add_char(w->out, ' ');
	}
}

static void write_all(struct writing *w, xmlNode *n);

static xmlChar *trimmed(xmlChar *s)
{
	size_t n = s ? strlen((char *)s) : 0;

	while (n > 0 && isspace(s[n - 1]))
		s[--n] = '\0';
	while (s && isspace(*s))
		s++;
	return s;
}

/* The whole address that a link leads to, without the place on its page; NULL: nowhere that can be asked. For xmlFree(). */
static xmlChar *link_of(const struct writing *w, xmlNode *n)
{
	xmlChar *given = xmlGetProp(n, (const xmlChar *)"href"), *href = trimmed(given);
	/* Blanks and letters beyond ASCII stand in many addresses, and are none of theirs. */
	xmlChar *clean =
		href && *href && *href != '#' ? xmlURIEscapeStr(href, (const xmlChar *)"!*'();:@&=+$,/?#[]%") : NULL;
	xmlChar *url = clean ? xmlBuildURI(clean, (const xmlChar *)w->url) : NULL;

	xmlFree(clean);
	xmlFree(given);
	if (!url)
		return NULL;
	url[strcspn((char *)url, "#")] = '\0';
	if (strlen((char *)url) < LINK_MAX &&
		(strncasecmp((char *)url, "http://", 7) == 0 || strncasecmp((char *)url, "https://", 8) == 0))
		return url;
	xmlFree(url);
	return NULL;
}

static void write_link(struct writing *w, xmlNode *n)
{
	xmlChar *url = link_of(w, n);
	size_t from = w->out->n;

	if (url)
		buf_add_char(w->out, '[');
	write_all(w, n);
	if (url && w->out->n > from + 1)
		buf_printf(w->out, "](%s)", (char *)url);
	else if (url)
		w->out->n = from;
	xmlFree(url);
}

static void write_row(struct writing *w, xmlNode *n)
{
	int cells = 0;
	bool head = false;

	end_line(w, 1);
	for (xmlNode *c = n->children; c; c = c->next) {
		if (!is(c, "td th"))
			continue;
		buf_add_str(w->out, cells++ ? " | " : "| ");
		head |= is(c, "th");
		size_t from = w->out->n;
		write_all(w, c);
		for (size_t i = from; i < w->out->n; i++)
			if (w->out->p[i] == '\n')
				w->out->p[i] = ' ';
	}
	if (cells)
		buf_add_str(w->out, " |\n");
	if (head && !w->bold_row) {
		for (int i = 0; i < cells; i++)
			buf_add_str(w->out, i ? "---|" : "|---|");
		buf_add_char(w->out, '\n');
		w->bold_row = true;
	}
}

static void write_element(struct writing *w, xmlNode *n)
{
	if (n->name[0] == 'h' && n->name[1] >= '1' && n->name[1] <= '6' && !n->name[2]) {
		end_line(w, 2);
		for (int i = '0'; i < n->name[1]; i++)
			buf_add_char(w->out, '#');
		buf_add_char(w->out, ' ');
		write_all(w, n);
		end_line(w, 2);
	} else if (is(n, "a")) {
		write_link(w, n);
	} else if (is(n, "br")) {
		buf_add_char(w->out, '\n');
	} else if (is(n, "li")) {
		end_line(w, 1);
		for (int i = 1; i < w->list; i++)
			buf_add_str(w->out, "  ");
		buf_add_str(w->out, "- ");
		write_all(w, n);
		end_line(w, 1);
	} else if (is(n, "ul ol")) {
		end_line(w, w->list ? 1 : 2);
		w->list++;
		write_all(w, n);
		w->list--;
		end_line(w, w->list ? 1 : 2);
	} else if (is(n, "pre")) {
		end_line(w, 2);
		buf_add_str(w->out, "```\n");
		w->pre = true;
		write_all(w, n);
		w->pre = false;
		end_line(w, 1);
		buf_add_str(w->out, "```\n\n");
	} else if (is(n, "tr")) {
		write_row(w, n);
	} else if (is(n, "table")) {
		end_line(w, 2);
		w->bold_row = false;
		write_all(w, n);
		end_line(w, 2);
	} else if (is(n, "p div section article main blockquote dl dt dd figure figcaption header address hr details "
			 "summary")) {
		end_line(w, is(n, "dt dd div summary") ? 1 : 2);
		write_all(w, n);
		end_line(w, is(n, "dt dd div summary") ? 1 : 2);
	} else {
		write_all(w, n);
	}
}

static void write_all(struct writing *w, xmlNode *n)
{
	if (w->depth > DEPTH_MAX)
		return;
	w->depth++;
	for (xmlNode *c = n->children; c; c = c->next) {
		if (c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE)
			add_text(w, (const char *)c->content);
		else if (c->type == XML_ELEMENT_NODE)
			write_element(w, c);
	}
	w->depth--;
}

static xmlNode *child(xmlNode *n, const char *name)
{
	for (xmlNode *c = n ? n->children : NULL; c; c = c->next)
		if (is(c, name))
			return c;
	return NULL;
}

static void write_page(xmlNode *root, const char *url, struct buf *ret)
{
	xmlNode *head = child(root, "head"), *body = child(root, "body"), *title = child(head, "title");
	struct writing w = {.out = ret, .url = url};
	struct best best = {.node = NULL};

	if (title) {
		buf_add_str(ret, "# ");
		write_all(&w, title);
		buf_add_str(ret, "\n\n");
	}
	body = body ? body : root;
	drop(body, 0);
	score(body, &best);
	write_all(&w, best.weight >= LEAST ? best.node : body);
	end_line(&w, 1);
}

static bool write_out(const struct buf *text)
{
	for (size_t at = 0; at < text->n;) {
		ssize_t k = write(STDOUT_FILENO, text->p + at, text->n - at);

		if (k <= 0)
			return false;
		at += (size_t)k;
	}
	return true;
}

int write_web_page(const struct input *in, const char *charset, const char *url)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	htmlDocPtr doc = htmlReadMemory(in->p, (int)in->n, NULL, charset,
		HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET | HTML_PARSE_COMPACT);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

	if (root)
		write_page(root, url, &text);
	xmlFreeDoc(doc);
	return buf_status(&text) == 0 && write_out(&text) ? EXIT_SUCCESS : EXIT_FAILURE;
}
