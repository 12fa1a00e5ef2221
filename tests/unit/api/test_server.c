/* The interface as a client meets it: the whole server on a port of its own, asked over sockets. */
#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/places.h"
#include "base/json.h"
#include "base/log.h"
#include "http/listen.h"
#include "store/store.h"

struct world {
	char folder[64];
	struct settings settings;
	struct loop *loop;
	pthread_t thread;
	struct listeners listeners;
	struct http_server *server;
	struct db *db;
	struct auth *auth;
	struct http_client *http;
	struct providers *providers;
	struct calls *calls;
	struct bus *bus;
	struct api *api;
	struct turns *turns;
	char code[32], bearer[64], cookie[128];
};

static struct world w;

/* ---- asking ---- */

struct reply {
	int status;
	struct buf text; /* head and body */
	const char *body;
	json_t *json; /* NULL: the body is none */
};

static void reply_done(struct reply *r)
{
	buf_done(&r->text);
	json_decref(r->json);
}

static int connect_to(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_server_port(w.server))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		assert_true(sent > 0);
		p += sent;
		n -= (size_t)sent;
	}
}

/* `headers`: lines with their \r\n. */
static struct reply ask(const char *method, const char *path, const char *headers, const char *body)
{
	CLEANUP(buf_done) struct buf q = BUF_INIT(16 << 20);
	CLEANUP(closep) int fd = connect_to();
	struct reply r = {.text = BUF_INIT(16 << 20)};
	ssize_t n;

	buf_printf(&q, "%s %s HTTP/1.1\r\nHost: atelier.test\r\nConnection: close\r\n%s", method, path, headers);
	if (body)
		buf_printf(&q, "Content-Length: %zu\r\n", strlen(body));
	buf_add_str(&q, "\r\n");
	if (body)
		buf_add_str(&q, body);
	send_all(fd, q.p, q.n);
	do {
		char *at = buf_reserve(&r.text, 65536);
		assert_non_null(at);
		n = recv(fd, at, 65535, 0);
		if (n > 0)
			r.text.n += (size_t)n;
	} while (n > 0);
	assert_true(r.text.n > 12);
	r.text.p[r.text.n] = '\0';
	r.status = atoi(r.text.p + 9);
	r.body = strstr(r.text.p, "\r\n\r\n");
	assert_non_null(r.body);
	r.body += 4;
	if (json_parse(r.body, strlen(r.body), &r.json, NULL) < 0)
		r.json = NULL;
	return r;
}

/* The header's value up to the end of its line in `ret`, or "". */
/* The first of that name. */
static const char *header(const struct reply *r, const char *name, char ret[512])
{
	size_t n = strlen(name);

	ret[0] = '\0';
	for (const char *line = strstr(r->text.p, "\r\n"); line && line + 2 < r->body && !*ret;
		line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':')
			snprintf(ret, 512, "%.*s", (int)strcspn(line + 4 + n, "\r"), line + 4 + n);
	}
	return ret;
}

#define JSON "Content-Type: application/json\r\n"

static struct reply ask_signed(const char *method, const char *path, const char *body)
{
	char headers[256];

	snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\n%s", w.bearer, body ? JSON : "");
	return ask(method, path, headers, body);
}

static const char *error_code(const struct reply *r)
{
	const char *code = json_get_str(json_object_get(r->json, "error"), "code");

	return code ? code : "";
}

static void expect_error(struct reply r, int status, const char *code)
{
	char text[512];

	if (r.status != status || strcmp(error_code(&r), code) != 0)
		print_error("wanted %d %s, got %s\n", status, code, r.text.p);
	assert_int_equal(r.status, status);
	assert_string_equal(error_code(&r), code);
	assert_string_equal(
		json_get_str(json_object_get(r.json, "error"), "request_id"), header(&r, "X-Request-Id", text));
	assert_int_equal(strlen(text), 12);
	reply_done(&r);
}

static void expect(struct reply r, int status)
{
	if (r.status != status)
		print_error("wanted %d, got %s\n", status, r.text.p);
	assert_int_equal(r.status, status);
	reply_done(&r);
}

/* ---- the world ---- */

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int start_parts(struct err *e)
{
	char path[96];
	size_t n;
	const struct db_migration *m = store_migrations(&n);
	int r;

	snprintf(path, sizeof(path), "%s/db", w.folder);
	if ((r = db_open(&(struct db_config){.path = path, .readers = 4}, m, n, &w.db, e)) < 0)
		return r;
	snprintf(path, sizeof(path), "%s/key", w.folder);
	if ((r = auth_new(w.db, &w.settings, path, &w.auth, e)) < 0 || (r = http_client_new(w.loop, &w.http)) < 0)
		return r;
	struct providers_config pc = {.settings = &w.settings, .loop = w.loop, .http = w.http};
	if ((r = providers_new(&pc, &w.providers, e)) < 0)
		return r;
	struct calls_config cc = {.settings = &w.settings, .db = w.db, .providers = w.providers};
	if ((r = calls_new(&cc, &w.calls, e)) < 0)
		return r;
	w.bus = bus_new();
	snprintf(path, sizeof(path), "%s/journal", w.folder);
	struct turns_config tc = {.settings = &w.settings,
		.loop = w.loop,
		.db = w.db,
		.providers = w.providers,
		.calls = w.calls,
		.journal_dir = path,
		.bus = w.bus};
	if ((r = turns_new(&tc, &w.turns, e)) < 0)
		return r;
	struct api_config ac = {.settings = &w.settings,
		.loop = w.loop,
		.db = w.db,
		.auth = w.auth,
		.providers = w.providers,
		.calls = w.calls,
		.turns = w.turns,
		.bus = w.bus};
	if ((r = api_new(&ac, &w.api, e)) < 0)
		return r;
	if ((r = listeners_open(&w.listeners, &(struct listen_config){.words = "127.0.0.1:0"}, e)) < 0)
		return r;
	struct http_server_config sc = {.listeners = w.listeners.items,
		.n_listeners = w.listeners.n,
		.max_header_bytes = 32768,
		.max_connections = 100,
		.body_budget = 64 << 20,
		.body_budget_unknown = 4 << 20,
		.on_head = api_handler,
		.arg = w.api};
	return http_server_new(w.loop, &sc, &w.server, e);
}

static int world_start(void **state)
{
	struct err e = {0};

	(void)state;
	log_init(LOG_ERROR, false);
	strcpy(w.folder, "/tmp/atelier-api-XXXXXX");
	if (!mkdtemp(w.folder))
		return -1;
	settings_init(&w.settings);
	if (settings_set(&w.settings, "ollama_host", "", "test", &e) < 0 ||
		settings_set(&w.settings, "max_message_bytes", "1000", "test", &e) < 0)
		return -1;
	w.loop = loop_new();
	if (start_parts(&e) < 0) {
		print_error("%s\n", e.msg);
		return -1;
	}
	snprintf(w.code, sizeof(w.code), "%s", auth_setup_code(w.auth));
	if (pthread_create(&w.thread, NULL, run_loop, w.loop) != 0)
		return -1;
	return providers_start(w.providers, &e);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int world_stop(void **state)
{
	(void)state;
	api_refuse(w.api);
	turns_stop(w.turns);
	api_stop(w.api);
	providers_free(w.providers);
	loop_stop(w.loop);
	pthread_join(w.thread, NULL);
	http_server_free(w.server);
	listeners_close(&w.listeners);
	turns_free(w.turns);
	api_free(w.api);
	bus_free(w.bus);
	http_client_free(w.http);
	calls_free(w.calls);
	auth_free(w.auth);
	db_close(w.db);
	loop_free(w.loop);
	settings_done(&w.settings);
	nftw(w.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- the tests, in this order ---- */

static void test_before_setup(void **state)
{
	char text[512];

	(void)state;
	struct reply r = ask("GET", "/api/v1/setup", "", NULL);
	assert_int_equal(r.status, 200);
	assert_true(json_is_true(json_object_get(r.json, "needed")));
	assert_string_equal(header(&r, "Cache-Control", text), "no-store");
	assert_string_equal(header(&r, "X-Content-Type-Options", text), "nosniff");
	assert_non_null(strstr(header(&r, "Content-Security-Policy", text), "default-src 'self'"));
	reply_done(&r);
	expect_error(ask("GET", "/api/v1/me", "", NULL), 403, "setup_required");
	expect_error(ask("POST", "/api/v1/auth/login", JSON, "{\"username\":\"a\",\"password\":\"b\"}"), 403,
		"setup_required");
	expect_error(ask("POST", "/api/v1/setup", JSON,
			     "{\"code\":\"0000000000000000\",\"username\":\"anna\",\"password\":\"right horse\"}"),
		403, "forbidden");
}

static void test_setup(void **state)
{
	char body[256], text[512];

	(void)state;
	snprintf(body, sizeof(body), "{\"code\":\"%s\",\"username\":\"anna\",\"password\":\"right horse\"}", w.code);
	expect_error(ask("POST", "/api/v1/setup", JSON "Sec-Fetch-Site: cross-site\r\n", body), 403, "cross_site");
	struct reply r = ask("POST", "/api/v1/setup", JSON, body);
	assert_int_equal(r.status, 200);
	snprintf(w.bearer, sizeof(w.bearer), "%s", json_get_str(r.json, "token"));
	header(&r, "Set-Cookie", text);
	assert_non_null(strstr(text, "; HttpOnly; SameSite=Lax"));
	assert_null(strstr(text, "Secure"));
	snprintf(w.cookie, sizeof(w.cookie), "Cookie: %.*s\r\n", (int)strcspn(text, ";"), text);
	reply_done(&r);
	expect_error(ask("POST", "/api/v1/setup", JSON, body), 409, "conflict");
	expect_error(ask("GET", "/api/v1/me", "", NULL), 401, "unauthorized");
	r = ask("GET", "/api/v1/me", w.cookie, NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(json_get_str(r.json, "username"), "anna");
	assert_null(json_object_get(r.json, "password_hash"));
	reply_done(&r);
}

static void test_ready_when_all_runs(void **state)
{
	(void)state;
	struct reply r = ask("GET", "/health/ready", "", NULL);
	assert_int_equal(r.status, 503);
	assert_string_equal(json_get_str(r.json, "status"), "starting");
	reply_done(&r);
	api_started(w.api);
	r = ask("GET", "/health/ready", "", NULL);
	assert_int_equal(r.status, 200);
	reply_done(&r);
}

static void test_unknown_addresses_and_methods(void **state)
{
	char text[512];

	(void)state;
	expect_error(ask("GET", "/api/v1/nothing", "", NULL), 404, "not_found");
	expect_error(ask("GET", "/nothing.html", "", NULL), 404, "not_found");
	expect_error(ask("GET", "/health/", "", NULL), 404, "not_found");
	struct reply r = ask_signed("DELETE", "/api/v1/models", NULL);
	assert_string_equal(header(&r, "Allow", text), "GET, HEAD");
	expect_error(r, 405, "method_not_allowed");
	expect_error(ask_signed("GET", "/api/v1/conversations/0000000000000", NULL), 404, "not_found");
	expect_error(ask_signed("GET", "/api/v1/conversations/UPPER", NULL), 404, "not_found");
	expect_error(ask("GET", "/api/v1/conversations/UPPER", "", NULL), 401, "unauthorized");
	r = ask("HEAD", "/health/live", "", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "");
	reply_done(&r);
}

static void test_web_page(void **state)
{
	char text[512], ask_again[600];

	(void)state;
	struct reply r = ask("GET", "/", "Accept: text/html\r\n", NULL);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, "Atelier"));
	assert_string_equal(header(&r, "Cache-Control", text), "no-cache");
	header(&r, "ETag", text);
	assert_true(text[0] == '"');
	reply_done(&r);
	snprintf(ask_again, sizeof(ask_again), "If-None-Match: %s\r\n", text);
	r = ask("GET", "/index.html", ask_again, NULL);
	assert_int_equal(r.status, 304);
	assert_string_equal(r.body, "");
	reply_done(&r);
}

static void test_cross_site_is_refused_by_cookie(void **state)
{
	char headers[512];

	(void)state;
	snprintf(headers, sizeof(headers), "%s" JSON "Sec-Fetch-Site: same-site\r\n", w.cookie);
	expect_error(ask("POST", "/api/v1/conversations", headers, "{}"), 403, "cross_site");
	snprintf(headers, sizeof(headers), "%s" JSON "Origin: http://evil.example\r\n", w.cookie);
	expect_error(ask("POST", "/api/v1/conversations", headers, "{}"), 403, "cross_site");
	snprintf(headers, sizeof(headers), "%s" JSON "Origin: http://atelier.test\r\n", w.cookie);
	expect(ask("POST", "/api/v1/conversations", headers, "{}"), 201);
	snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\n" JSON "Origin: http://evil.example\r\n",
		w.bearer);
	expect(ask("POST", "/api/v1/conversations", headers, "{}"), 201);
	snprintf(headers, sizeof(headers), "%sContent-Type: text/plain\r\n", w.cookie);
	expect_error(ask("POST", "/api/v1/conversations", headers, "{}"), 415, "unsupported_media_type");
	expect_error(ask_signed("POST", "/api/v1/conversations", "{\"title\":7}"), 400, "invalid_request");
	expect_error(ask_signed("POST", "/api/v1/conversations", "{"), 400, "invalid_request");
}

static void test_pages_of_conversations(void **state)
{
	char path[256], next[64] = "";
	size_t seen = 0;

	(void)state;
	do {
		snprintf(path, sizeof(path), "/api/v1/conversations?limit=1%s%s", *next ? "&cursor=" : "", next);
		struct reply r = ask_signed("GET", path, NULL);
		assert_int_equal(r.status, 200);
		seen += json_array_size(json_object_get(r.json, "items"));
		const char *more = json_get_str(r.json, "next");
		snprintf(next, sizeof(next), "%s", more ? more : "");
		reply_done(&r);
		assert_true(seen < 10);
	} while (*next);
	assert_int_equal(seen, 2);
	expect_error(ask_signed("GET", "/api/v1/conversations?limit=201", NULL), 400, "invalid_request");
	expect_error(ask_signed("GET", "/api/v1/conversations?limit=1x", NULL), 400, "invalid_request");
	expect_error(ask_signed("GET", "/api/v1/conversations?cursor=zz", NULL), 400, "invalid_request");
}

static void new_conversation(char ret[ID_LEN + 1])
{
	struct reply r = ask_signed("POST", "/api/v1/conversations", "{}");

	assert_int_equal(r.status, 201);
	snprintf(ret, ID_LEN + 1, "%s", json_get_str(r.json, "id"));
	reply_done(&r);
}

static void test_a_turn(void **state)
{
	char id[ID_LEN + 1], path[128], stream[128];

	(void)state;
	new_conversation(id);
	snprintf(path, sizeof(path), "/api/v1/conversations/%s/turns", id);
	struct reply r = ask_signed("POST", path, "{\"content\":\"How?\",\"model\":\"librarian\"}");
	assert_int_equal(r.status, 202);
	snprintf(stream, sizeof(stream), "%s", json_get_str(r.json, "stream_url"));
	reply_done(&r);
	/* No other credential; to its end. */
	r = ask("GET", stream, "", NULL);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, "event: start\n"));
	assert_non_null(strstr(r.body, "event: done\n"));
	reply_done(&r);
	stream[strlen(stream) - 1] ^= 1;
	expect_error(ask("GET", stream, "", NULL), 401, "unauthorized");

	snprintf(path, sizeof(path), "/api/v1/conversations/%s/messages", id);
	r = ask_signed("GET", path, NULL);
	const json_t *items = json_object_get(r.json, "items");
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_get_str(json_array_get(items, 0), "content"), "How?");
	assert_string_equal(json_get_str(json_array_get(items, 1), "state"), "complete");
	assert_true(json_is_null(json_object_get(r.json, "next")));
	reply_done(&r);
	snprintf(path, sizeof(path), "/api/v1/conversations/%s?hard=true", id);
	expect(ask_signed("DELETE", path, NULL), 204);
	expect_error(ask_signed("GET", path, NULL), 404, "not_found");
}

static void test_bad_turns(void **state)
{
	char id[ID_LEN + 1], path[128], body[2200];

	(void)state;
	new_conversation(id);
	snprintf(path, sizeof(path), "/api/v1/conversations/%s/turns", id);
	expect_error(ask_signed("POST", path, "{}"), 400, "invalid_request");
	expect_error(ask_signed("POST", path, "{\"content\":\" \\n\"}"), 400, "invalid_request");
	expect_error(ask_signed("POST", path, "{\"content\":\"a\",\"continue\":true}"), 400, "invalid_request");
	expect_error(ask_signed("POST", path, "{\"content\":\"a\",\"model\":\"nope\"}"), 404, "model_not_found");
	snprintf(body, sizeof(body), "{\"content\":\"%01500d\"}", 7);
	struct reply r = ask_signed("POST", path, body);
	const char *message = json_get_str(json_object_get(r.json, "error"), "message");
	assert_non_null(strstr(message, "1500"));
	assert_non_null(strstr(message, "1000"));
	expect_error(r, 413, "too_large");
}

/* A head that declares a body of which nothing comes: whatever is answered, is answered by the head. */
static void expect_by_head(const char *method, const char *path, const char *headers, int status)
{
	CLEANUP(closep) int fd = connect_to();
	char text[512];
	ssize_t n;

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path, headers);
	send_all(fd, text, strlen(text));
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 12);
	text[n] = '\0';
	if (atoi(text + 9) != status)
		print_error("%s %s: wanted %d, got %s\n", method, path, status, text);
	assert_int_equal(atoi(text + 9), status);
}

static void test_the_head_decides(void **state)
{
	char headers[256];

	(void)state;
	expect_by_head("POST", "/api/v1/nowhere", "Content-Length: 30000000\r\n", 404);
	expect_by_head("PUT", "/api/v1/auth/login", "Content-Length: 30000000\r\n", 405);
	expect_by_head("POST", "/api/v1/auth/login", "Content-Length: 16385\r\n" JSON, 413);
	expect_by_head("POST", "/api/v1/conversations", "Content-Length: 30000000\r\n" JSON, 413);
	/* Larger than what strangers may send, and chunked: who is it? */
	expect_by_head("POST", "/api/v1/conversations", "Content-Length: 20000\r\n" JSON, 401);
	expect_by_head("POST", "/api/v1/conversations", "Transfer-Encoding: chunked\r\n" JSON, 401);
	expect_by_head("POST", "/v1/chat/completions", "Content-Length: 20000\r\n" JSON, 401);
	/* Known, and still refused before the body. */
	snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\nContent-Length: 20000\r\n", w.bearer);
	expect_by_head("POST", "/api/v1/conversations", headers, 415);
	snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\nContent-Length: 20000\r\n" JSON, w.bearer);
	expect_by_head("PATCH", "/api/v1/conversations/0000000000000", headers, 404);
	/* A body where none is taken is let be. */
	snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\nContent-Length: 20000\r\n", w.bearer);
	expect_by_head("GET", "/api/v1/me", headers, 200);
}

static void test_large_and_chunked_bodies(void **state)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(1 << 20);
	char headers[256];

	(void)state;
	snprintf(headers, sizeof(headers),
		"Authorization: Bearer %s\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n"
		"d\r\n{\"title\":\"c\"}\r\n0\r\n",
		w.bearer);
	expect(ask("POST", "/api/v1/conversations", headers, NULL), 201);
	buf_printf(&body, "{\"title\":\"a\"%*s}", 40000, "");
	expect(ask_signed("POST", "/api/v1/conversations", body.p), 201);
}

/* One person's slow requests leave places for others, and come back when they end. */
static void test_places(void **state)
{
	struct places *p = xcalloc(1, sizeof(*p));

	(void)state;
	places_init(p);
	for (int i = 0; i < SLOW_PER_USER; i++)
		assert_true(places_take(p, 1));
	assert_false(places_take(p, 1));
	assert_true(places_take(p, 2));
	places_leave(p, 1);
	assert_true(places_take(p, 1));
	assert_false(places_take(p, 1));
	for (atelier_id user = 3; user <= PLACES; user++)
		assert_true(places_take(p, user));
	/* More users than can wait: refused, not forgotten. */
	assert_false(places_take(p, PLACES + 1));
	places_leave(p, 2);
	assert_true(places_take(p, PLACES + 1));
	places_done(p);
	free(p);
}

/* Reads until the text has come. */
static void read_until(int fd, struct buf *b, const char *text)
{
	while (!b->p || !strstr(b->p, text)) {
		char *at = buf_reserve(b, 4096);
		ssize_t n = recv(fd, at, 4095, 0);
		assert_true(n > 0);
		b->n += (size_t)n;
		b->p[b->n] = '\0';
	}
}

static int follow_changes(struct buf *b)
{
	char q[256];
	int fd = connect_to();

	snprintf(q, sizeof(q), "GET /api/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", w.bearer);
	send_all(fd, q, strlen(q));
	read_until(fd, b, "event: hello\ndata: {\"version\":\"" ATELIER_VERSION "\"}\n\n");
	return fd;
}

static void test_changes(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	CLEANUP(closep) int fd = follow_changes(&b);
	CLEANUP(closep) int gone = follow_changes(&other);
	char id[ID_LEN + 1], want[128];

	(void)state;
	closep(&gone);
	new_conversation(id);
	snprintf(want, sizeof(want),
		"event: change\ndata: {\"kind\":\"conversation\",\"id\":\"%s\",\"what\":\"created\"}\n\n", id);
	read_until(fd, &b, want);
}

/* The last one: it ends the session that the others use. */
static void test_logout_ends_everything(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	CLEANUP(closep) int fd = follow_changes(&b);
	char text[512];

	(void)state;
	struct reply r = ask_signed("POST", "/api/v1/auth/logout", NULL);
	assert_int_equal(r.status, 204);
	assert_non_null(strstr(header(&r, "Set-Cookie", text), "Max-Age=0"));
	reply_done(&r);
	expect_error(ask_signed("GET", "/api/v1/me", NULL), 401, "unauthorized");
	expect_error(ask("GET", "/api/v1/me", w.cookie, NULL), 401, "unauthorized");
	/* The open feed ends, too: the end of the chunks. */
	read_until(fd, &b, "\r\n0\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_setup),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_ready_when_all_runs),
		cmocka_unit_test(test_unknown_addresses_and_methods),
		cmocka_unit_test(test_web_page),
		cmocka_unit_test(test_cross_site_is_refused_by_cookie),
		cmocka_unit_test(test_pages_of_conversations),
		cmocka_unit_test(test_a_turn),
		cmocka_unit_test(test_bad_turns),
		cmocka_unit_test(test_the_head_decides),
		cmocka_unit_test(test_large_and_chunked_bodies),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_logout_ends_everything),
	};

	return cmocka_run_group_tests(tests, world_start, world_stop);
}
