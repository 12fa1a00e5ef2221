/*
 * dispatch.c - the way of a request, head first. Nothing of a body is kept for somebody who may not send it.
 *
 *	loop:   api_handler     the head is there: a file of the web page? which route? how large may the body be?
 *	        request_submit  up to 16 KiB have come at once, in the little share that unknown clients have
 *	worker: request_check   who is it? may they? is it from our page? not too often? are path and query right?
 *	loop:   request_submit  only now what is larger, in the share of those who are known
 *	thread: request_run     the body's fields -> handler -> request_end: the answer, a line in the log
 *
 * A handler may take the body piece by piece instead (uploads_api.c): it returns REQUEST_LATER, and whoever has the last
 * piece calls request_end.
 *
 * The check runs on the thread that the handler gets, unless a large body has to wait for it, or a place among the slow
 * ones, which are counted for each user. An exchange is answered exactly once: by request_end, or by whoever the handler
 * gave it to (`taken`).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "api/answer.h"
#include "api/gateway/gateway.h"
#include "api/oauth.h"
#include "api/request.h"
#include "auth/line.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sys/metrics.h"
#include "sys/thread.h"

#define ANSWER_MAX ((size_t)512 << 20)
#define SMALL_BODY 16384 /* bytes: a body that is taken before it is known whose it is */

void answer_headers(const struct api *a, struct http_exchange *x)
{
	/* Those that no route replaces stand ready. */
#define FIXED                                                                                                          \
	"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: "              \
	"same-origin\r\n"                                                                                              \
	"Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n"
	struct auth_way way = request_way(x);
	bool https = auth_wants_https(a->c.settings, &way);

	http_set_fixed_headers(x, https ? FIXED "Strict-Transport-Security: max-age=31536000\r\n" : FIXED);
	http_set_header(x, "Content-Security-Policy",
		"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
		"frame-ancestors 'none'; form-action 'self'");
}
#undef FIXED

/* ---- the end ---- */

static void request_free(struct request *q)
{
	log_set_request(NULL);
	buf_done(&q->raw);
	arena_wipe(&q->mem);
	arena_done(&q->spare);
	free(q);
}

/* One line a request: the route's pattern, since paths may hold secrets and are anybody's text. What only looked and got
 * its answer is for debugging. */
static void request_log(const struct request *q, int status)
{
	int64_t ms = (clock_mono_us() - q->started_us) / 1000;
	const char *path = q->route ? q->route->path : "(unknown)";

	metric_add(M_http_requests_total, 1);
	if (status >= 500)
		metric_add(M_http_errors_total, 1);
	if (!q->taken)
		metric_observe(M_http_request_duration_ms, ms);
	if (status >= 500 && q->err.code)
		log_error("http", "%s %s: %s (%s:%d)", q->method, path, q->err.msg, q->err.file, q->err.line);
	bool looked = status < 400 && !q->taken && strcmp(q->method, "GET") == 0;
	log_write(looked ? LOG_DEBUG : LOG_INFO, "http", "%s %s %d %lldms %s%s", q->method, path, status, (long long)ms,
		q->known ? q->who.user.name : "-", q->taken ? " stream" : "");
}

/* Programs of other makers read a failure in the shape that they know, and try again unless they are told not to. */
static void answer_shaped_error(struct request *q, const struct err_info *info, struct buf *out)
{
	static gw_error_fn *const shapes[] = {
		[SHAPE_OPENAI] = openai_error, [SHAPE_ANTHROPIC] = anthropic_error, [SHAPE_OLLAMA] = ollama_error};
	_Static_assert(N_ELEMENTS(shapes) == SHAPE_OLLAMA + 1, "each shape has its failures");

	ASSERT(q->shape < N_ELEMENTS(shapes) && shapes[q->shape]);
	shapes[q->shape](&q->err, q->id, out);
	if (q->spent || !info->retryable)
		http_set_header(q->x, "x-should-retry", "false");
	metric_add(M_gateway_errors_total, 1);
}

/* Programs are made from the document: what it does not tell of, they cannot deal with. Test builds stop here. */
static void check_declared(const struct request *q)
{
	if (!q->route || route_may_fail(q->route, q->err.code))
		return;
	log_error("http", "%s %s does not say that it may fail with %s", q->method, q->route->path,
		err_info(q->err.code)->wire_code);
#ifdef ATELIER_FAULTS
	abort();
#endif
}

static void answer_error(struct request *q, struct buf *out, int *ret_status)
{
	const struct err_info *info = err_info(q->err.code);
	int wait = q->err.retry_after_s;
	char text[16];

	ASSERT(q->err.code < 0); /* the cause is recorded, if only in the words of the table */
	check_declared(q);
	if (q->shape == SHAPE_OWN)
		error_emit(&q->err, q->id, out);
	else
		answer_shaped_error(q, info, out);
	*ret_status = gw_error_status(q->shape, &q->err);
	if (wait <= 0 && (info->http_status == 503 || info->http_status == 429))
		wait = 1;
	if (wait > 0) {
		snprintf(text, sizeof(text), "%d", wait);
		http_set_header(q->x, "Retry-After", text);
	}
	const char *challenge =
		info->http_status == 401 || info->http_status == 403 ? oauth_challenge(q, info->http_status) : NULL;
	if (challenge)
		http_set_header(q->x, "WWW-Authenticate", challenge);
}

void request_end(struct request *q, int r)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(ANSWER_MAX);
	const char *type = "application/json";
	int status = q->status;

	ASSERT(q->x && r <= 0 && (r < 0 || q->taken || q->route));
	log_set_request(q->id); /* whichever thread has come to its end */
	if (q->taken) {
		request_log(q, 200);
		request_free(q);
		return;
	}
	if (r == 0 && q->answer)
		schema_emit(q->route->answer, q->answer, &out);
	else if (r == 0 && q->route->media) {
		out = q->raw;
		q->raw = BUF_INIT(0);
		type = q->media ? q->media : q->route->media;
	}
	if (r == 0)
		r = buf_status(&out);
	if (r < 0) {
		buf_done(&out);
		out = BUF_INIT(ANSWER_MAX);
		err_set(&q->err, r, "%s", err_info(r)->text);
		answer_error(q, &out, &status);
		type = "application/json";
	}
	request_log(q, status);
	struct http_exchange *x = q->x;
	struct str fixed = r == 0 ? q->fixed : (struct str){NULL, 0};
	request_free(q);
	if (fixed.n)
		http_reply_static(x, status, type, fixed.p, fixed.n);
	else
		http_reply(x, status, out.n ? type : NULL, &out);
}

/* ---- the work ---- */

static bool is_unsafe(const struct request *q)
{
	return strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0 && strcmp(q->method, "OPTIONS") != 0;
}

static int check_access(struct request *q)
{
	int r;

	if (q->route->access == ACCESS_PUBLIC)
		return 0;
	r = request_identify(q);
	if (r < 0)
		return r;
	if (q->route->access == ACCESS_ADMIN && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator may do this.");
	return auth_take_request(q->api->c.auth, q->who.user.id, &q->err);
}

/* What a page of another site can make a browser send must not work; who sends a bearer token is no such page. */
static int check_site(struct request *q)
{
	if (!is_unsafe(q) || (q->known && !q->who.by_cookie) || cors_is_for_all(q))
		return 0;
	/* Pages that may call the gateway; they get no cookies here. */
	if (q->shape != SHAPE_OWN && q->known && !q->who.session_id && cors_allows(q))
		return 0;
	return auth_check_site(q->api->c.settings, http_header(q->x, "Sec-Fetch-Site"), http_header(q->x, "Origin"),
		http_header(q->x, "Host"), &q->err);
}

static int parse_path(struct request *q)
{
	if (strstr(q->route->path, "{id}") && !id_parse(q->arg, strlen(q->arg), &q->arg_id))
		return err_set(&q->err, E_NOT_FOUND, "%s", err_info(E_NOT_FOUND)->text);
	return 0;
}

/* The body is bytes that the handler takes as they are. */
static bool takes_bytes(const struct request *q)
{
	const char *type = http_header(q->x, "Content-Type");

	return q->route->bytes && type && strncasecmp(type, q->route->bytes, strlen(q->route->bytes)) == 0;
}

/* A route with a body of ours takes JSON, as it is. */
static int check_media(struct request *q)
{
	const char *coding = http_header(q->x, "Content-Encoding");

	if (q->route->body && coding && *coding && strcasecmp(coding, "identity") != 0)
		return err_set(&q->err, E_MEDIA_TYPE, "Send the request without compression (Content-Encoding).");
	if (!q->route->body || takes_bytes(q) || media_type_is(http_header(q->x, "Content-Type"), "application/json"))
		return 0;
	return err_set(&q->err, E_MEDIA_TYPE, "%s", err_info(E_MEDIA_TYPE)->text);
}

/* All that the head alone tells. Once. */
static int request_check(struct request *q)
{
	ASSERT(!q->checked && (thread_may_wait() || q->route->flags & ROUTE_LOOP));
	int r = check_access(q);

	if (r == 0)
		r = check_site(q);
	if (r == 0)
		r = parse_path(q);
	if (r == 0)
		r = request_check_params(q);
	if (r == 0)
		r = check_media(q);
	q->checked = r == 0;
	return r;
}

static int parse_body(struct request *q)
{
	const struct schema *s = q->route->body;

	if (!s || takes_bytes(q))
		return 0;
	q->body = arena_alloc(&q->mem, s->size);
	if (!q->body)
		return request_no_memory(q);
	return schema_parse_given(s, http_body(q->x), q->body, &q->given, &q->mem, &q->err);
}

/* What the route has changed, to whoever shows it. */
static void tell_changes(const struct request *q)
{
	uint32_t changes = route_changes(q->route);

	for (int k = 0; k < BUS_KINDS; k++) {
		if (changes & UINT32_C(1) << k)
			bus_publish_changed(q->api->c.bus, (enum bus_kind)k);
	}
}

/* All that comes before the handler. */
static int request_prepare(struct request *q)
{
	int r = q->checked ? 0 : request_check(q);

	if (r == 0) {
		ASSERT(q->route->access == ACCESS_PUBLIC || q->who.user.id); /* handlers rely on somebody asking */
		r = parse_body(q);
	}
	if (r == 0 && q->calls)
		r = gateway_user_enter(q->api->gateway, q->who.user.id, &q->err);
	return r;
}

/* What moves much lets others go first. */
static bool brings_file(const struct request *q)
{
	return q->route->bytes;
}

static void request_run(void *arg)
{
	struct request *q = arg;
	struct api *a = q->api;
	unsigned flags = q->route->flags;
	bool calls = q->calls, file = brings_file(q); /* it may be gone behind the handler */
	atelier_id slow_of = flags & ROUTE_SLOW ? q->who.user.id : 0;

	ASSERT(thread_may_wait() || flags & ROUTE_LOOP);
	ASSERT(q->route->handler);
	log_set_request(q->id);
	int r = request_prepare(q);
	if (r == 0) {
		if (file)
			thread_aside_begin();
		r = q->route->handler(q);
		if (file)
			thread_aside_end();
		if (calls)
			gateway_user_leave(a->gateway, q->who.user.id);
		if (r == 0 && is_unsafe(q))
			tell_changes(q);
	}
	/* Before the answer goes: whoever has it may ask again at once. */
	if (flags & ROUTE_SLOW)
		places_leave(&a->slow_places, slow_of);
	if (calls)
		gateway_leave(a->gateway);
	if (r == REQUEST_LATER)
		log_set_request(NULL);
	else
		request_end(q, r);
}

static void request_fail(struct request *q, int r)
{
	ASSERT(r < 0);
	err_set(&q->err, r, "%s", err_info(r)->text);
	request_end(q, r);
}

/* ---- which thread ---- */

/* One person's slow requests leave places for others. */
static int slow_submit(struct request *q)
{
	struct api *a = q->api;
	int r;

	ASSERT(q->route->flags & ROUTE_SLOW && q->who.user.id);
	if (!places_take(&a->slow_places, q->who.user.id)) {
		q->err.retry_after_s = 2;
		return err_set(
			&q->err, E_RATE_LIMITED, "At most %d such requests of one user run at a time.", SLOW_PER_USER);
	}
	r = pool_submit(a->slow, &q->task, request_run, q);
	if (r < 0)
		places_leave(&a->slow_places, q->who.user.id);
	return r;
}

/* Who writes may have to wait for the database; whoever only reads does not wait behind them. */
static struct pool *short_pool(const struct request *q)
{
	return is_unsafe(q) ? q->api->writers : q->api->workers;
}

/* Nor do those who write a sentence wait behind files on their way to the disk, of which one person may send many at a time. */
static struct pool *own_pool(const struct request *q)
{
	return brings_file(q) ? q->api->files : short_pool(q);
}

static int submit_password(struct request *q)
{
	struct auth_visitor from;
	char group[AUTH_GROUP_LEN];
	bool known = q->checked && q->who.user.id;
	int r;

	request_visitor(q, &from);
	/* Who is signed in stands behind their own, not before everybody else of their address. */
	if (known)
		snprintf(group, sizeof(group), "user %" PRId64, (int64_t)q->who.user.id);
	else
		known = auth_visitor_group(q->api->c.auth, &from, group);
	r = line_submit(q->api->passwords, &q->task, str_from(group), known, request_run, q);
	return r == E_BUSY ? err_set(&q->err, E_RATE_LIMITED, "Too many people sign in from there just now. Try again.")
			   : r;
}

/* ---- the body ---- */

/* Whole conversations with what belongs to them. */
static bool takes_pictures(const struct request *q)
{
	return q->shape != SHAPE_OWN || q->route->flags & ROUTE_CALL;
}

static int64_t setting_max(const struct request *q)
{
	const struct settings *s = q->api->c.settings;

	return takes_pictures(q) ? s->gateway_max_body_bytes : s->max_body_bytes;
}

static int64_t body_max(const struct request *q)
{
	int64_t max = setting_max(q), own = q->route->body_max;

	return own > 0 && own < max ? own : max;
}

static int too_large(struct request *q)
{
	const char *setting = takes_pictures(q) ? "gateway_max_body_bytes" : "max_body_bytes";
	long long length = (long long)http_body_length(q->x), max = (long long)body_max(q);
	char why[40] = "";

	if (max == setting_max(q))
		snprintf(why, sizeof(why), " (%s)", setting);
	if (length > 0)
		return err_set(&q->err, E_TOO_LARGE, "The request has %lld bytes; at most %lld are taken%s.", length,
			max, why);
	return err_set(&q->err, E_TOO_LARGE, "The request has more than the %lld bytes that are taken%s.", max, why);
}

static int body_failure(struct request *q, int r)
{
	return r == E_TOO_LARGE ? too_large(q) : err_set(&q->err, r, "%s", err_info(r)->text);
}

static bool wants_body(const struct request *q)
{
	return (q->route->body || q->route->body_schema) && http_has_body(q->x);
}

static uint64_t stranger(struct request *q)
{
	struct auth_visitor from;

	request_visitor(q, &from);
	return auth_visitor_number(q->api->c.auth, &from) & ~HTTP_KNOWN;
}

static uint64_t who(struct request *q)
{
	return q->known ? HTTP_KNOWN | (uint64_t)q->who.user.id : stranger(q);
}

static bool waits_for_body(const struct request *q)
{
	return wants_body(q) && !http_body_ended(q->x);
}

static void request_submit(struct http_exchange *x);

/* Worker: the check alone. */
static void check_work(void *arg)
{
	struct request *q = arg;
	int r;

	log_set_request(q->id);
	r = request_check(q);
	log_set_request(NULL);
	if (r == 0 && !waits_for_body(q))
		request_submit(q->x);
	else if (r == 0 && (r = http_body_collect(q->x, (size_t)body_max(q), who(q), request_submit)) < 0)
		r = body_failure(q, r);
	if (r < 0)
		request_fail(q, r);
}

/* Whether who it is from has a say in where it waits, or in whether its body comes. */
static bool is_checked_first(const struct request *q)
{
	unsigned flags = q->route->flags;

	return flags & ROUTE_SLOW || (flags & ROUTE_PASSWORD && q->route->access != ACCESS_PUBLIC) || waits_for_body(q);
}

/* To the thread where the next step is taken, with its body or before it: after this the request may be gone. */
static void request_submit(struct http_exchange *x)
{
	struct request *q = http_exchange_data(x);
	unsigned flags = q->route->flags;
	int r = http_request_error(x);

	ASSERT(q->x == x && !q->taken);
	if (!brings_file(q))
		thread_asked();
	if (r < 0) { /* the body's: one of the head's has no route */
		request_fail(q, body_failure(q, r));
		return;
	}
	bool checks = !q->checked && is_checked_first(q);
	q->calls = !checks && flags & ROUTE_CALL && !(q->route->brief && q->route->brief(q));
	if (checks)
		r = pool_submit(short_pool(q), &q->task, check_work, q);
	else if (q->calls)
		r = gateway_submit(q->api->gateway, q, request_run);
	else if (flags & ROUTE_PASSWORD)
		r = submit_password(q);
	else if (flags & ROUTE_SLOW)
		r = slow_submit(q);
	else
		r = pool_submit(own_pool(q), &q->task, request_run, q);
	if (r < 0)
		request_fail(q, r);
}

/* When strangers have filled their share, who one is comes first. */
static bool takes_small_body(struct request *q)
{
	int64_t length = http_body_length(q->x);

	return wants_body(q) && length >= 0 && length <= SMALL_BODY &&
	       http_body_collect(q->x, SMALL_BODY, stranger(q), request_submit) == 0;
}

/* ---- the beginning, on the loop ---- */

static void make_request_id(char ret[REQUEST_ID_LEN + 1])
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
	unsigned char raw[REQUEST_ID_LEN];

	random_fill(raw, sizeof(raw));
	for (int i = 0; i < REQUEST_ID_LEN; i++)
		ret[i] = letters[raw[i] & 31];
	ret[REQUEST_ID_LEN] = '\0';
}

/* The method as a literal: the client's own text does not belong in the log. */
static const char *known_method(const char *method)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
		if (strcmp(method, methods[i]) == 0)
			return methods[i];
	}
	return "?";
}

static struct request *request_new(struct api *a, struct http_exchange *x)
{
	struct request *q = xcalloc(1, sizeof(*q));

	q->api = a;
	q->x = x;
	http_exchange_set_data(x, q);
	q->method = known_method(http_method(x));
	q->started_us = clock_mono_us();
	q->raw = BUF_INIT(ANSWER_MAX);
	arena_init(&q->mem, REQUEST_MEMORY);
	arena_init(&q->spare, REQUEST_MEMORY);
	make_request_id(q->id);
	answer_headers(a, x);
	http_set_header(x, "Cache-Control", "no-store");
	http_set_header(x, "X-Request-Id", q->id);
	return q;
}

static bool is_under_ollama(const char *path)
{
	path += strspn(path, "/");
	return strncmp(path, "ollama", 6) == 0 && (path[6] == '\0' || path[6] == '/');
}

/* The address as the table has it, and which shape it belongs to. */
static const char *normal_path(struct request *q)
{
	const char *path = http_path(q->x);
	char *alias = q->api->c.settings->gateway ? arena_alloc(&q->mem, strlen(path) + ROUTE_ALIAS_MORE) : NULL;

	if (!alias)
		return path;
	q->shape = route_shape_of(route_alias(path, alias));
	if (q->shape == SHAPE_OWN && is_under_ollama(path))
		q->shape = SHAPE_OLLAMA;
	if (q->shape == SHAPE_OPENAI && strncmp(alias, "/v1/models", 10) == 0 && http_header(q->x, "anthropic-version"))
		q->shape = SHAPE_ANTHROPIC;
	return q->shape != SHAPE_OWN ? alias : path;
}

/* Not by an alias, and not when the gateway is off. */
static bool is_reachable(const struct request *q, const struct route *r)
{
	return r->shape != SHAPE_OWN ? q->api->c.settings->gateway : q->shape == SHAPE_OWN;
}

/* A client of tus that may only POST says in a header what it means. */
static void override_method(struct request *q, const char *path)
{
	const char *meant = http_header(q->x, "X-HTTP-Method-Override");

	if (meant && strcmp(q->method, "POST") == 0 && strncmp(path, "/api/v1/uploads", 15) == 0)
		q->method = known_method(meant);
}

/* Sets the route and what its path holds. */
static int request_match(struct request *q, const char *path)
{
	char allow[64];
	struct route_args args;

	override_method(q, path);
	const struct route *r = route_find(q->method, path, &args, allow);

	if (!r && allow[0]) {
		http_set_header(q->x, "Allow", allow);
		/* By this status programs that try a WebSocket first (Codex) know at once to do without. */
		if (http_wants_websocket(q->x))
			return err_set(&q->err, E_UPGRADE, "There is no WebSocket here: this address takes %s.", allow);
		return err_set(&q->err, E_METHOD, "This address takes %s.", allow);
	}
	if (!r || !is_reachable(q, r))
		return err_set(&q->err, E_NOT_FOUND, "There is nothing at this address.");
	q->route = r;
	q->status = r->status;
	if (r->flags & ROUTE_TUS)
		http_set_header(q->x, "Tus-Resumable", TUS_VERSION);
	q->arg_n = args.n;
	if (!args.name.p)
		return 0;
	q->arg = arena_strndup(&q->mem, args.name.p, args.name.n);
	q->arg_second = args.second.p ? arena_strndup(&q->mem, args.second.p, args.second.n) : NULL;
	return q->arg && !args.second.p == !q->arg_second ? 0 : request_no_memory(q);
}

static int request_begin(struct request *q, const char *path)
{
	int r = http_request_error(q->x);

	if (r < 0)
		return err_set(&q->err, r, "%s", err_info(r)->text);
	if ((r = request_match(q, path)) < 0)
		return r;
	if (http_wants_websocket(q->x) && !(q->route->flags & ROUTE_WEBSOCKET))
		return err_set(&q->err, E_UPGRADE, "This address is no WebSocket: /ws is.");
	if (wants_body(q) && http_body_length(q->x) > body_max(q))
		return too_large(q);
	if (!(q->route->flags & ROUTE_LOOP) && __atomic_load_n(&q->api->stopping, __ATOMIC_ACQUIRE))
		return err_set(&q->err, E_STOPPING, "Atelier is shutting down.");
	return 0;
}

/* "OPTIONS *" asks about the server as a whole. */
static bool asks_for_methods(struct request *q)
{
	if (strcmp(q->method, "OPTIONS") != 0 || strcmp(http_path(q->x), "*") != 0)
		return false;
	http_set_header(q->x, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	return true;
}

/* What wants to know only that: a browser, above all, whether its page may ask. */
static void answer_preflight(struct request *q)
{
	struct http_exchange *x = q->x;

	request_log(q, 204);
	request_free(q);
	http_reply(x, 204, NULL, NULL);
}

static bool is_interface(const char *path)
{
	static const char *const roots[] = {"/api", "/stream", "/health", "/metrics", "/v1", "/ollama", "/ws"};

	for (size_t i = 0; i < N_ELEMENTS(roots); i++) {
		size_t n = strlen(roots[i]);
		if (strncmp(path, roots[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

static bool only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* A browser that goes to an address where nothing is: whoever sits before it reads a page, not a program's answer. */
static bool show_missing(struct request *q)
{
	struct http_exchange *x = q->x;

	if (!only_reads(q->method) || q->shape != SHAPE_OWN || is_interface(http_path(x)) ||
		!header_accepts(http_header(x, "Accept"), "text/html") || !assets_serve_missing(q->api, x))
		return false;
	request_log(q, 404);
	request_free(q);
	return true;
}

/* "ollama/0.32.0 (amd64 linux) Go/...", "ollama-python/0.6.1 ...", "ollama-js/0.6.4 ..." */
static bool is_ollamas(const char *agent)
{
	return agent && strncmp(agent, "ollama", 6) == 0 && (agent[6] == '/' || agent[6] == '-');
}

/* Ollama's own clients look at "/" to see whether one is there; all others get the page. */
static bool asks_for_ollama(const struct api *a, const struct http_exchange *x)
{
	return a->c.settings->gateway && strcmp(http_path(x), "/") == 0 && is_ollamas(http_header(x, "User-Agent"));
}

void api_handler(struct http_exchange *x, void *arg)
{
	struct api *a = arg;
	const char *path = http_path(x);

	ASSERT_IS(a, API_MAGIC);
	ASSERT(loop_is_mine(a->c.loop));
	if (only_reads(http_method(x)) && http_request_error(x) == 0 && !is_interface(path) && !asks_for_ollama(a, x) &&
		assets_serve(a, x, path))
		return;
	struct request *q = request_new(a, x);
	path = normal_path(q);
	cors_headers(q);
	if (cors_preflight(q) || asks_for_methods(q)) {
		answer_preflight(q);
		return;
	}
	int r = request_begin(q, path);
	if (r == E_NOT_FOUND && show_missing(q))
		return;
	if (r == 0 && q->route->flags & ROUTE_LOOP)
		request_run(q);
	else if (r == 0 && !takes_small_body(q))
		request_submit(x);
	else if (r < 0)
		request_fail(q, r);
}
