/*
 * conn.c - what evhttp does not do for a connection: counting, limits in time, its own error pages in our words, and
 * a close that does not swallow the answer.
 *
 * evhttp tells of a new connection only by asking for its bufferevent. The evhttp_connection is the argument of the
 * bufferevent's callbacks once evhttp has set it up; it is taken from there at the end of the same turn of the loop,
 * before anything can be read.
 */
#include "http/server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "sys/metrics.h"

enum { LINGER_BYTES = 64 << 20, LINGER_QUIET_S = 2 };

/* --- lingering close --------------------------------------------------------------------------------------------- */

void conn_linger_free(struct lingerer *l)
{
	if (l->prev)
		l->prev->next = l->next;
	else
		l->server->lingering = l->next;
	if (l->next)
		l->next->prev = l->prev;
	close(event_get_fd(l->ev));
	event_free(l->ev);
	free(l);
}

static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	struct lingerer *l = arg;
	char sink[16384];
	ssize_t n = what & EV_READ ? recv(fd, sink, sizeof(sink), 0) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || (size_t)n >= l->left)
		conn_linger_free(l);
	else
		l->left -= (size_t)n;
}

/* evhttp is about to shut down and close the socket. Unread bytes would turn that into a reset that overtakes the
 * answer, so a second descriptor reads them off until the client has closed too. */
static void linger_start(struct http_server *s, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return;
	struct lingerer *l = xcalloc(1, sizeof(*l));
	l->ev = event_new(loop_base(s->loop), copy, EV_READ | EV_PERSIST, on_linger, l);
	if (!l->ev) {
		close(copy);
		free(l);
		return;
	}
	l->server = s;
	l->left = LINGER_BYTES;
	l->next = s->lingering;
	if (l->next)
		l->next->prev = l;
	s->lingering = l;
	event_add(l->ev, &(struct timeval){.tv_sec = LINGER_QUIET_S});
}

/* --- birth and death --------------------------------------------------------------------------------------------- */

static void on_input(struct evbuffer *buf UNUSED, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;
	if (!info->n_added)
		return;
	c->moved = true;
	c->begun = true;
	c->seen += info->n_added;
}

static void on_output(struct evbuffer *buf UNUSED, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;
	if (info->n_deleted)
		c->moved = true;
	if (info->n_added && c->state == CONN_READING && !c->odd) {
		c->odd = true;
		c->turn_next = c->server->odd;
		c->server->odd = c;
		loop_hook_raise(c->server->hook);
	}
}

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	if (!bev)
		return NULL;
	struct conn *c = xcalloc(1, sizeof(*c));
	c->server = s;
	c->bev = bev;
	c->fd = -1;
	bufferevent_incref(bev); /* until the end of the turn: evhttp may still give the connection up */
	c->turn_next = s->fresh;
	s->fresh = c;
	if (++s->n_conns >= s->config.max_connections)
		server_pause(s);
	metric_set(M_http_connections, s->n_conns);
	loop_hook_raise(s->hook);
	return bev;
}

static void odd_remove(struct conn *c)
{
	for (struct conn **p = &c->server->odd; *p; p = &(*p)->turn_next)
		if (*p == c) {
			*p = c->turn_next;
			break;
		}
}

static void conn_forget(struct conn *c)
{
	struct http_server *s = c->server;
	s->n_conns--;
	metric_set(M_http_connections, s->n_conns);
	free(c);
	if (s->paused)
		server_resume(s);
}

/* Called by evhttp once, however the connection ends. */
static void on_conn_close(struct evhttp_connection *evcon UNUSED, void *arg)
{
	struct conn *c = arg;
	struct http_server *s = c->server;
	/* Within one of its own callbacks the bufferevent lives on a little after evhttp has closed the socket. */
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	if (c->odd)
		odd_remove(c);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->by_fd[c->fd] = NULL;
	evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
	if (c->linger)
		linger_start(s, c->fd);
	if (c->x)
		exchange_left(c->x);
	if (c->stream)
		stream_closed(c->stream);
	conn_forget(c);
}

static bool by_fd_reserve(struct http_server *s, int fd)
{
	if (fd < s->n_by_fd)
		return true;
	int n = MAX(fd + 1, s->n_by_fd * 2);
	struct conn **p = realloc(s->by_fd, (size_t)n * sizeof(struct conn *));
	if (!p)
		return false;
	memset(p + s->n_by_fd, 0, (size_t)(n - s->n_by_fd) * sizeof(struct conn *));
	s->by_fd = p;
	s->n_by_fd = n;
	return true;
}

void conn_set_watermark(struct conn *c)
{
	/* evhttp takes a body only when all of it is in the input, so the mark lies above the largest one. */
	const struct http_server_config *config = &c->server->config;
	bufferevent_setwatermark(
		c->bev, EV_READ, 0, config->max_body_bytes + HTTP_BODY_SLACK + config->max_header_bytes + 65536);
}

static void adopt(struct conn *c)
{
	struct http_server *s = c->server;
	struct bufferevent *bev = c->bev;
	bufferevent_data_cb ev_read;
	void *evcon = NULL;
	bufferevent_getcb(bev, &ev_read, &s->ev_write, &s->ev_event, &evcon);
	c->fd = bufferevent_getfd(bev);
	if (!evcon || c->fd < 0 || !by_fd_reserve(s, c->fd)) {
		conn_forget(c);
		if (evcon)
			evhttp_connection_free(evcon);
		bufferevent_decref(bev);
		return;
	}
	c->evcon = evcon;
	s->by_fd[c->fd] = c;
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	evhttp_connection_set_closecb(c->evcon, on_conn_close, c);
	int on = 1;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn_set_watermark(c);
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(bev), on_output, c);
	bufferevent_decref(bev);
}

/* --- while an answer is made ------------------------------------------------------------------------------------- */

static void on_wait_read(struct bufferevent *bev, void *arg)
{
	/* A pipelined request may wait for the end; a flood may not. */
	struct conn *c = arg;
	if (evbuffer_get_length(bufferevent_get_input(bev)) > HTTP_STREAM_INPUT_MAX)
		evhttp_connection_free(c->evcon);
}

static void on_wait_event(struct bufferevent *bev UNUSED, short what, void *arg)
{
	struct conn *c = arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		evhttp_connection_free(c->evcon);
}

void conn_see_leave(struct conn *c, bool on)
{
	/* evhttp stops reading at the end of a body, so it does not notice; and its own callbacks take what comes
	 * meanwhile for a mistake. */
	if (on) {
		bufferevent_setcb(c->bev, on_wait_read, NULL, on_wait_event, c);
		bufferevent_setwatermark(c->bev, EV_READ, 0, 0); /* a suspended reader would not see it */
		bufferevent_enable(c->bev, EV_READ);
		return;
	}
	bufferevent_disable(c->bev, EV_READ);
	conn_set_watermark(c);
	bufferevent_setcb(c->bev, NULL, c->server->ev_write, c->server->ev_event, c->evcon);
}

static void adopt_fresh(struct http_server *s)
{
	while (s->fresh) {
		struct conn *c = s->fresh;
		s->fresh = c->turn_next;
		c->turn_next = NULL;
		adopt(c);
	}
}

int conn_watch(struct http_server *s)
{
	evhttp_set_bevcb(s->http, on_accept, s);
	return 0;
}

struct conn *conn_of(struct http_server *s, struct evhttp_request *req)
{
	adopt_fresh(s);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)));
	return fd >= 0 && fd < s->n_by_fd ? s->by_fd[fd] : NULL;
}

void conn_reply_done(struct evhttp_request *req UNUSED, void *conn)
{
	struct conn *c = conn;
	size_t left = evbuffer_get_length(bufferevent_get_input(c->bev));
	c->state = CONN_READING;
	c->quiet = 0;
	c->seen = left; /* a pipelined request */
	c->begun = left > 0;
}

/* --- what evhttp says by itself ---------------------------------------------------------------------------------- */

static int error_of_page(const struct conn *c, int status)
{
	if (status == 413)
		return E_TOO_LARGE;
	if (status == 400 && c->seen > c->server->config.max_header_bytes)
		return E_HEADERS_TOO_LARGE;
	return status >= 500 ? E_INTERNAL : E_INVALID;
}

/* Replaces evhttp's HTML page, which still waits in the output, by the error envelope. */
static void replace_page(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char line[16] = "";
	evbuffer_unfreeze(out, 1);
	evbuffer_copyout(out, line, 12); /* "HTTP/1.1 400" */
	int status = strncmp(line, "HTTP/1.", 7) == 0 ? atoi(line + 9) : 0;
	if (status < 400) { /* 100 Continue */
		evbuffer_freeze(out, 1);
		return;
	}
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_freeze(out, 1);
	const struct err_info *info = err_info(error_of_page(c, status));
	char body[512];
	int n = snprintf(body, sizeof(body),
		"{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"request_id\":null,\"retryable\":false}}",
		info->wire_code, info->text);
	const char *reason = http_reason(info->http_status);
	c->state = CONN_WRITING;
	c->linger = true;
	evbuffer_add_printf(out,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		info->http_status, reason ? reason : "Bad Request", n, body);
}

void conn_turn_end(void *server)
{
	struct http_server *s = server;
	adopt_fresh(s);
	while (s->odd) {
		struct conn *c = s->odd;
		s->odd = c->turn_next;
		c->turn_next = NULL;
		c->odd = false;
		if (c->state == CONN_READING)
			replace_page(c);
	}
}

void conn_tick(void *server)
{
	struct http_server *s = server;
	server_resume(s);
	for (struct conn *c = s->conns, *next; c; c = next) {
		next = c->next;
		if (c->state == CONN_HANDLING || c->state == CONN_STREAM || c->moved) {
			c->moved = false;
			c->quiet = 0;
			continue;
		}
		unsigned limit = c->state == CONN_READING && !c->begun ? s->idle_ticks : s->request_ticks;
		if (++c->quiet >= limit)
			evhttp_connection_free(c->evcon);
	}
}
