/* assets.c - serves the files of the web page that are inside the program. */
#include "api/assets.h"

#include <errno.h>
#include <stdio.h>
#include <zlib.h>

#include "api/request.h"
#include "base/log.h"
#include "sys/metrics.h"

/* One form of a file: as it is, or compressed. */
struct form {
	const char *encoding;   /* NULL: as it is */
	const char *mark;       /* behind the entity tag: each form has a tag of its own */
	const unsigned char *p; /* NULL: to be unpacked */
	size_t n;
};

/* Addresses of the page's own places are answered with the page, which finds its files by its <base>: one folder deep it
 * is another file. NULL: no place. The same list in the page is web/src/core/route.ts. */
static const char *place_find(const char *path)
{
	static const char *const places[] = {"/c", "/documents", "/assistants", "/prompts", "/tools", "/settings",
		"/manual", "/login", "/setup", "/password"};

	if (strcmp(path, "/") == 0)
		return "/index.html";
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		size_t n = strlen(places[i]);
		if (strncmp(path, places[i], n) != 0)
			continue;
		if (path[n] == '\0')
			return "/index.html";
		if (path[n] == '/' && !strchr(path + n + 1, '/'))
			return "/index-1.html";
	}
	return NULL;
}

/* In folders, as a browser counts: to it an encoded slash is none. */
static size_t depth_of(const char *path)
{
	size_t n = 0;

	for (const char *p = path + 1; (p = strchr(p, '/')); p++)
		n++;
	return n;
}

static const struct asset *asset_find(const char *path, const char *raw)
{
	const char *place = depth_of(path) == depth_of(raw) ? place_find(path) : NULL;

	if (place)
		path = place;
	for (size_t low = 0, high = n_assets; low < high;) {
		size_t middle = (low + high) / 2;
		int order = strcmp(path, assets[middle].path);
		if (order == 0)
			return &assets[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static struct form choose_form(const struct asset *a, const char *accept)
{
	if (a->br && header_accepts(accept, "br"))
		return (struct form){"br", "-br", a->br, a->n_br};
	if (a->gz && header_accepts(accept, "gzip"))
		return (struct form){"gzip", "-gz", a->gz, a->n_gz};
	return (struct form){NULL, "", a->plain, a->n_plain};
}

/*
 * Diagrams are drawn by a library that writes styles into markup, from what a model wrote. It runs in a frame without an
 * origin (diagram.html), to which nothing is open but its own scripts; these may therefore be fetched from any origin, as
 * public files may. The page's own policy stays as strict as it is.
 */
static void set_frame_headers(struct http_exchange *x, const struct asset *a)
{
	if (strcmp(a->path, "/diagram.html") == 0)
		http_set_header(x, "Content-Security-Policy",
			"sandbox allow-scripts; default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
			"base-uri 'none'; form-action 'none'; frame-ancestors 'self'");
	if (a->immutable)
		http_set_header(x, "Access-Control-Allow-Origin", "*");
}

/* Adds to `ret` the file that is kept compressed alone. 0, or the failure. */
static int unpack(const struct asset *a, struct buf *ret)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)a->gz, .avail_in = (uInt)a->n_gz, .avail_out = (uInt)a->n_plain};
	char *p = buf_reserve(ret, a->n_plain);

	ASSERT(a->gz && a->n_gz > 0 && ret->n == 0);
	if (!p)
		return buf_status(ret);
	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK) /* + 16: a head of gzip */
		return -ENOMEM;
	z.next_out = (Bytef *)p;
	int r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (r != Z_STREAM_END)
		return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	ret->n = a->n_plain;
	return 0;
}

/* For the few clients that take nothing compressed. */
static void reply_unpacked(struct http_exchange *x, const struct asset *a, const char *etag)
{
	struct buf body = BUF_INIT(a->n_plain + 1);
	static const char failed[] = "There is not enough memory for this file.\n";

	if (unpack(a, &body) == 0) {
		http_reply_ranges_of(x, a->type, etag, &body);
	} else {
		log_error("http", "asset %s cannot be unpacked", a->path);
		http_reply_static(x, 503, "text/plain; charset=utf-8", failed, sizeof(failed) - 1);
	}
	buf_done(&body);
}

/* Nothing in front of a file's address but what leads up to the page's root from `path`, to a browser. */
static void put_up(struct buf *out, const char *path)
{
	buf_add_str(out, "./");
	for (size_t n = depth_of(path); n > 0; n--)
		buf_add_str(out, "../");
}

void assets_check(void)
{
	for (size_t i = 0; i < n_assets; i++) {
		const struct asset *a = &assets[i];

		ASSERT(i == 0 || strcmp(assets[i - 1].path, a->path) < 0); /* asset_find halves them */
		ASSERT(a->path[0] == '/' && a->type && strlen(a->etag) > 2);
		ASSERT(a->plain || (a->gz && a->n_plain > 0)); /* each can be told as it is, if only unpacked */
	}
}

bool assets_serve_missing(const struct api *api, struct http_exchange *x)
{
	static const char base[] = "<base href=\"";
	const char *path = http_raw_path(x);
	const struct asset *a = asset_find("/", "/");
	CLEANUP(buf_done) struct buf page = BUF_INIT(a ? a->n_plain + 1 : 1);

	if (!a || !a->gz || unpack(a, &page) < 0)
		return false;
	const char *end = page.p + page.n, *at = memmem(page.p, page.n, base, sizeof(base) - 1);
	if (!at)
		return false;
	at += sizeof(base) - 1;
	CLEANUP(buf_done) struct buf out = BUF_INIT(a->n_plain + 3 * strlen(path) + 3);
	buf_add(&out, page.p, (size_t)(at - page.p));
	put_up(&out, path);
	at += 2; /* "./" */
	buf_add(&out, at, (size_t)(end - at));
	answer_headers(api, x);
	http_set_header(x, "Cache-Control", "no-store");
	http_set_header(x, "Vary", "Accept");
	http_reply(x, 404, a->type, &out);
	return true;
}

bool assets_serve(const struct api *api, struct http_exchange *x, const char *path)
{
	const struct asset *a = asset_find(path, http_raw_path(x));
	char etag[96];

	if (!a)
		return false;
	ASSERT(loop_is_mine(api->c.loop));
	struct form f = choose_form(a, http_header(x, "Accept-Encoding"));
	/* "abc" -> "abc-br" */
	snprintf(etag, sizeof(etag), "%.*s%s\"", (int)strlen(a->etag) - 1, a->etag, f.mark);
	answer_headers(api, x);
	set_frame_headers(x, a);
	http_set_header(x, "ETag", etag);
	http_set_header(x, "Vary", "Accept-Encoding");
	http_set_header(x, "Cache-Control", a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	metric_add(M_http_requests_total, 1);
	log_debug("http", "asset %s", a->path);
	if (etag_matches(http_header(x, "If-None-Match"), etag)) {
		http_reply_static(x, 304, NULL, "", 0);
		return true;
	}
	if (f.encoding)
		http_set_header(x, "Content-Encoding", f.encoding);
	if (f.p)
		http_reply_ranges(x, a->type, etag, f.p, f.n);
	else
		reply_unpacked(x, a, etag);
	return true;
}
