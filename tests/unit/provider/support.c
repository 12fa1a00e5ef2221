#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

static void add_text(struct buf *b, const char *json, size_t n)
{
	json_t *root = json_loadb(json, n, 0, NULL);
	assert_non_null(root);
	buf_add_str(b, json_string_value(json_object_get(root, "text")));
	json_decref(root);
}

static int remember(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	static const char *const names[EVENT_COUNT] = {[EV_STATUS] = "status",
		[EV_TEXT] = "text",
		[EV_REASONING] = "reasoning",
		[EV_MOVED] = "moved",
		[EV_CITATION] = "citation",
		[EV_NOTICE] = "notice",
		[EV_THOUGHTS] = "thoughts",
		[EV_TOOL_CALL] = "tool_call"};
	struct memory_sink *m = CONTAINER_OF(s, struct memory_sink, sink);
	assert_non_null(names[type]);
	assert_null(memchr(json, '\n', n));
	m->n_events++;
	m->n_status += type == EV_STATUS;
	m->n_citations += type == EV_CITATION;
	if (type != EV_STATUS && on_loop != m->expect_loop)
		m->wrong_thread = true;
	if (m->loop && on_loop != loop_is_current(m->loop))
		m->wrong_thread = true;
	if (type == EV_TEXT)
		add_text(&m->text, json, n);
	if (type == EV_REASONING)
		add_text(&m->reasoning, json, n);
	if (type == EV_MOVED && strcmp(json, "{\"to\":\"reasoning\"}") == 0) {
		buf_add(&m->reasoning, m->text.p, m->text.n);
		buf_reset(&m->text);
	} else if (type == EV_MOVED) {
		buf_add(&m->text, m->reasoning.p, m->reasoning.n);
		buf_reset(&m->reasoning);
	}
	buf_printf(&m->events, "%s %.*s\n", names[type], (int)n, json);
	if (m->on_event)
		m->on_event(m->arg, type, json);
	return m->answer;
}

void sink_init(struct memory_sink *m, bool expect_loop)
{
	*m = (struct memory_sink){.sink = {.event = remember},
		.text = BUF_INIT(64 << 20),
		.reasoning = BUF_INIT(64 << 20),
		.events = BUF_INIT(64 << 20),
		.expect_loop = expect_loop};
	buf_add(&m->text, "", 0);
	buf_add(&m->reasoning, "", 0);
	buf_add(&m->events, "", 0);
}

void sink_done(struct memory_sink *m)
{
	buf_done(&m->text);
	buf_done(&m->reasoning);
	buf_done(&m->events);
}

/* ---- the provider ---- */

static bool read_request(int fd, char *to, size_t size)
{
	size_t n = 0, want = SIZE_MAX;
	while (n < want && n < size - 1) {
		ssize_t k = recv(fd, to + n, size - 1 - n, 0);
		if (k <= 0)
			return false;
		n += (size_t)k;
		to[n] = '\0';
		const char *body = strstr(to, "\r\n\r\n"), *length = strcasestr(to, "content-length:");
		if (body)
			want = (size_t)(body + 4 - to) + (length && length < body ? strtoul(length + 15, NULL, 10) : 0);
	}
	return true;
}

static const struct script *choose(struct server *s, const char *request)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->script[i].path) {
			const char *path = strchr(request, ' ') + 1;
			size_t n = strlen(s->script[i].path);
			if (strncmp(path, s->script[i].path, n) == 0 && path[n] == ' ')
				return &s->script[i];
		}
	while (s->used < s->n && s->script[s->used].path)
		s->used++;
	return s->used < s->n ? &s->script[s->used++] : NULL;
}

/* What a refresh asks besides the list is not scripted by most tests, and does not count. */
static bool is_aside(const struct server *s, const char *request)
{
	static const char *const paths[] = {"/api/ps", "/api/show", "/props"};
	const char *path = strchr(request, ' ') + 1;
	for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
		size_t n = strlen(paths[i]);
		bool scripted = false;
		for (size_t k = 0; k < s->n; k++)
			scripted |= s->script[k].path && strcmp(s->script[k].path, paths[i]) == 0;
		if (!scripted && strncmp(path, paths[i], n) == 0 && path[n] == ' ')
			return true;
	}
	return false;
}

static void serve(struct server *s, int fd)
{
	static const char nothing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	char request[4096];
	if (!read_request(fd, request, sizeof(request)))
		return;
	if (is_aside(s, request)) {
		send(fd, nothing, sizeof(nothing) - 1, MSG_NOSIGNAL);
		return;
	}
	pthread_mutex_lock(&s->mx);
	if (s->n_requests < N_ELEMENTS(s->requests))
		snprintf(s->requests[s->n_requests], sizeof(s->requests[0]), "%s", request);
	s->n_requests++;
	const struct script *answer = choose(s, request);
	pthread_mutex_unlock(&s->mx);
	if (s->on_request)
		s->on_request(s->arg);
	if (!answer)
		return;
	size_t n = strlen(answer->bytes), half = n / 2;
	send(fd, answer->bytes, half, MSG_NOSIGNAL);
	send(fd, answer->bytes + half, n - half, MSG_NOSIGNAL);
	char rest[256];
	while (answer->hold && recv(fd, rest, sizeof(rest), 0) > 0)
		;
}

static void *server_run(void *arg)
{
	struct server *s = arg;
	for (;;) {
		int fd = accept(s->fd, NULL, NULL), one = 1;
		if (fd < 0)
			return NULL;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		serve(s, fd);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
}

void server_start(struct server *s, const struct script *script, size_t n)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	memset(s, 0, sizeof(*s));
	s->script = script;
	s->n = n;
	pthread_mutex_init(&s->mx, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	getsockname(s->fd, (struct sockaddr *)&a, &len);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	pthread_mutex_destroy(&s->mx);
}

void server_url(const struct server *s, char ret[64])
{
	snprintf(ret, 64, "http://127.0.0.1:%d", s->port);
}

/* ---- the world ---- */

static void *loop_thread(void *arg)
{
	loop_run(arg);
	return NULL;
}

void world_init(struct world *w, const char *ollama, const char *openai)
{
	struct err e = {0};
	memset(w, 0, sizeof(*w));
	settings_init(&w->settings);
	assert_int_equal(settings_set(&w->settings, "ollama_host", ollama ? ollama : "", "test", &e), 0);
	assert_int_equal(settings_set(&w->settings, "openai_base_url", openai ? openai : "", "test", &e), 0);
	w->settings.retry_base_ms = 4;
	w->settings.connect_timeout_ms = PATIENCE_MS;
	w->settings.warm_up = false; /* a call that no script waits for */
	w->loop = loop_new();
	assert_int_equal(http_client_new(w->loop, &w->http), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, loop_thread, w->loop), 0);
	struct providers_config c = {.settings = &w->settings, .loop = w->loop, .http = w->http};
	assert_int_equal(providers_new(&c, &w->providers, &e), 0);
	cancel_init(&w->cancel);
}

void world_done(struct world *w)
{
	providers_free(w->providers);
	loop_stop(w->loop);
	pthread_join(w->thread, NULL);
	http_client_free(w->http);
	loop_free(w->loop);
	cancel_done(&w->cancel);
	settings_done(&w->settings);
}
