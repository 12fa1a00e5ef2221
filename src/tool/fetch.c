/*
 * fetch.c - what tools ask of others over HTTP. The address that is really connected to is looked at (http/public.h), again for
 * each redirect: what a text says of an address is worth nothing, since names and numbers can be written in many ways.
 */
#include <errno.h>

#include "base/clock.h"
#include "http/client.h"
#include "http/url.h"
#include "tool/tool_priv.h"

#define REDIRECTS_MAX 5
#define URL_MAX       8192

void fetched_done(struct fetched *f)
{
	buf_done(&f->body);
	buf_done(&f->url);
}

/* The client's words are about providers of models; these are for whoever asked for a page. */
static int say_why(int r, const char *host, const struct err *was, struct err *e)
{
	if (r == E_FORBIDDEN)
		return err_set(e, r, "%.80s is not on the public internet, and only that may be reached.", host);
	if (r == E_PROVIDER_TIMEOUT)
		return err_set(e, r, "%.80s did not answer in time.", host);
	if (r == E_PROVIDER_DOWN && strstr(was->msg, "name"))
		return err_set(e, r, "The name %.80s is not known.", host);
	if (r == E_PROVIDER_DOWN && strstr(was->msg, "secure"))
		return err_set(e, r, "There is no secure connection to %.80s: its certificate is not trusted.", host);
	if (r == E_PROVIDER_DOWN)
		return err_set(e, r, "Nothing answers at %.80s.", host);
	if (r == E_TOO_LARGE)
		return err_set(e, r, "What %.80s answers is larger than allowed.", host);
	if (r == E_PROVIDER_BROKEN)
		return err_set(e, r, "%.80s ended its answer in the middle.", host);
	return err_set(e, r, "%s", was->msg);
}

static int check_url(const struct tools *t, const struct fetch *f, const char *url, struct http_url *ret, struct err *e)
{
	if (strlen(url) > URL_MAX || !http_url_read(url, ret))
		return err_set(e, E_INVALID, "This is no address that begins with http:// or https://.");
	if (ret->has_user)
		return err_set(e, E_FORBIDDEN, "An address with a user or a password in it is not asked.");
	/* Of networks that were named in the settings any port may be meant. */
	if (f->web_only && ret->port != 80 && ret->port != 443 && !*t->config.settings->tool_networks)
		return err_set(e, E_FORBIDDEN, "Only the ports 80 and 443 are asked, not %u.", ret->port);
	return 0;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static int one(struct tools *t, const struct fetch *f, const char *url, int64_t left_ms, struct buf *location,
	struct cancel *c, struct fetched *ret, struct err *e)
{
	struct http_url parts;
	struct http_result res = {0};
	struct err was = {0};
	int r = check_url(t, f, url, &parts, e);

	if (r < 0)
		return r;
	const struct http_call call = {.method = f->method,
		.url = url,
		.headers = f->opening && http_url_same_origin(f->url, url) ? f->opening : f->headers,
		.body = f->body,
		.connect_timeout_ms = left_ms,
		.first_byte_timeout_ms = left_ms,
		.idle_timeout_ms = left_ms,
		.total_timeout_ms = left_ms,
		.public_only = !f->anywhere,
		.also = t->config.settings->tool_networks,
		.location = location,
		.whole = true};
	r = http_client_fetch(t->config.http, &call, c, &ret->body, &res, &was);
	if (r == 0 && res.status / 100 != 2) {
		buf_done(&ret->body);
		ret->body = res.error_body;
		res.error_body = BUF_INIT(0);
	}
	ret->status = res.status;
	memcpy(ret->type, res.content_type, sizeof(ret->type));
	buf_done(&res.error_body);
	if (r == E_TOO_LARGE && f->cuts && ret->body.n) {
		ret->body.failed = 0;
		ret->cut = true;
		ret->status = 200; /* of others not so much is read */
		r = 0;
	}
	if (r == -ECANCELED)
		return err_set(e, r, "Stopped.");
	return r < 0 ? say_why(r, parts.host, &was, e) : 0;
}

static int follow(struct tools *t, const struct fetch *f, struct cancel *c, struct fetched *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf location = BUF_INIT(URL_MAX);
	int64_t until = clock_mono_ms() + f->timeout_ms;

	for (int n = 0;; n++) {
		int64_t left = until - clock_mono_ms();
		buf_reset(&location);
		ret->body = BUF_INIT(f->max);
		int r = left > 0 ? one(t, f, ret->url.p, left, &location, c, ret, e)
				 : err_set(e, E_PROVIDER_TIMEOUT, "It did not answer in time.");
		if (r < 0 || !(f->web_only || f->follow) || !is_redirect(ret->status) || location.n == 0)
			return r;
		if (n == REDIRECTS_MAX)
			return err_set(e, E_INVALID, "The address leads on more than %d times.", REDIRECTS_MAX);
		CLEANUP(buf_done) struct buf next = BUF_INIT(URL_MAX);
		if (buf_status(&location) < 0 || http_url_join(ret->url.p, location.p, &next) < 0)
			return err_set(e, E_INVALID, "The address leads on to something that is no address.");
		buf_done(&ret->body);
		buf_reset(&ret->url);
		buf_add(&ret->url, next.p, next.n);
	}
}

int tool_fetch(struct tools *t, const struct fetch *f, struct cancel *c, struct fetched *ret, struct err *e)
{
	int r;

	*ret = (struct fetched){.url = BUF_INIT(URL_MAX)};
	buf_add_str(&ret->url, f->url);
	if (buf_status(&ret->url) < 0 || ret->url.n == 0)
		r = err_set(e, E_INVALID, "This is no address that begins with http:// or https://.");
	else
		r = follow(t, f, c, ret, e);
	if (r < 0)
		fetched_done(ret);
	return r;
}

int tools_fetch_json(struct tools *t, const char *url, size_t max, int64_t timeout_ms, json_t **ret, struct err *e)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	const struct fetch f = {.method = "GET", .url = url, .headers = headers, .max = max, .timeout_ms = timeout_ms};
	struct fetched got;
	int r = tool_fetch(t, &f, &t->ending, &got, e);

	if (r < 0)
		return r;
	if (got.status != 200)
		r = err_set(e, E_INVALID, "It answers with the status %d.", got.status);
	else if (json_read(got.body.p, got.body.n, JSON_MEMORY, 0, ret, e) < 0 || !json_is_object(*ret))
		r = err_set(e, E_INVALID, "There is no JSON object.");
	fetched_done(&got);
	return r;
}
