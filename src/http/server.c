/* server.c - the server as a whole: its address, its limits, its birth and its end. */
#include "http/server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"

enum { TICK_MS = 5000, REQUEST_TICKS = 12, IDLE_TICKS = 15, BACKLOG = 4096 };

/* "host:port", "[v6]:port" or ":port". */
static int address_split(const char *listen_on, char host[static 256], char port[static 16])
{
	const char *colon = strrchr(listen_on, ':');
	if (!colon || colon[1] == '\0' || strlen(colon + 1) > 5 ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535)
		return E_INVALID;
	const char *p = listen_on;
	size_t n = (size_t)(colon - p);
	if (n && *p == '[') {
		if (n < 3 || p[n - 1] != ']')
			return E_INVALID;
		p++;
		n -= 2;
	} else if (memchr(p, ':', n)) {
		return E_INVALID;
	}
	if (n > 255)
		return E_INVALID;
	memcpy(host, p, n);
	host[n] = '\0';
	snprintf(port, 16, "%s", colon + 1);
	return 0;
}

static int bind_failed(const char *listen_on, int error, struct err *e)
{
	if (error == EADDRINUSE)
		return err_set(e, E_CONFLICT, "%s is in use by another program. Choose another port with --listen.",
			listen_on);
	if (error == EACCES || error == EPERM)
		return err_set(e, E_INVALID, "%s may not be used by this user: %s.", listen_on, strerror(error));
	return err_set(e, E_INVALID, "%s cannot be listened on: %s.", listen_on, strerror(error));
}

static int listen_open(const char *listen_on, int *ret_fd, unsigned *ret_port, struct err *e)
{
	char host[256], port[16];
	if (!listen_on || address_split(listen_on, host, port) < 0)
		return err_set(e, E_INVALID, "\"%s\" is not an address to listen on; write for example 127.0.0.1:8420.",
			listen_on ? listen_on : "");
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
	int r = getaddrinfo(*host && strcmp(host, "*") != 0 ? host : NULL, port, &hints, &list);
	if (r != 0)
		return err_set(
			e, E_INVALID, "\"%s\" is not an address of this machine: %s.", listen_on, gai_strerror(r));
	int error = EADDRNOTAVAIL, on = 1;
	CLEANUP(closep) int fd = -1;
	for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
			bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
			break;
		error = errno;
		closep(&fd);
	}
	freeaddrinfo(list);
	if (fd < 0)
		return bind_failed(listen_on, error, e);
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		return bind_failed(listen_on, errno, e);
	*ret_port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port
						   : ((struct sockaddr_in *)(void *)&sa)->sin_port);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

void server_pause(struct http_server *s)
{
	if (!s->listener || s->paused)
		return;
	s->paused = true;
	evconnlistener_disable(s->listener);
}

void server_resume(struct http_server *s)
{
	if (!s->listener || s->n_conns >= s->config.max_connections)
		return;
	s->paused = false;
	evconnlistener_enable(s->listener);
}

/* Out of descriptors, most likely: without the pause the loop would spin. The next tick tries again. */
static void on_accept_error(struct evconnlistener *l, void *evhttp UNUSED)
{
	log_warn("http", "no connection can be taken for some seconds: %s", strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(l);
}

static int server_start(struct http_server *s, int fd)
{
	s->listener = evconnlistener_new(loop_base(s->loop), NULL, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, fd);
	if (!s->listener) {
		close(fd);
		return -ENOMEM;
	}
	s->bound = evhttp_bind_listener(s->http, s->listener);
	if (!s->bound) {
		evconnlistener_free(s->listener);
		s->listener = NULL;
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	evhttp_set_default_content_type(s->http, NULL);
	evhttp_set_max_headers_size(s->http, (ev_ssize_t)s->config.max_header_bytes);
	evhttp_set_max_body_size(s->http, (ev_ssize_t)(s->config.max_body_bytes + HTTP_BODY_SLACK));
	evhttp_set_allowed_methods(
		s->http, UINT16_MAX); /* with the bit for those it does not know: the handler answers */
	evhttp_set_gencb(s->http, exchange_begin, s);
	s->hook = loop_hook_new(s->loop, conn_turn_end, s);
	http_server_set_pace(s, TICK_MS, REQUEST_TICKS, IDLE_TICKS);
	int r = conn_watch(s);
	if (r < 0)
		return r;
	return evconnlistener_enable(s->listener) < 0 ? -ENOMEM : 0;
}

int http_server_new(struct loop *l, const struct http_server_config *c, struct http_server **ret, struct err *e)
{
	int fd = -1;
	unsigned port = 0;
	signal(SIGPIPE, SIG_IGN); /* libevent writes without MSG_NOSIGNAL */
	int r = listen_open(c->listen, &fd, &port, e);
	if (r < 0)
		return r;
	struct http_server *s = xcalloc(1, sizeof(*s));
	s->loop = l;
	s->config = *c;
	s->config.listen = NULL; /* borrowed for this call only */
	s->port = port;
	s->http = evhttp_new(loop_base(l));
	if (!s->http) {
		close(fd);
		r = -ENOMEM;
	} else {
		r = server_start(s, fd);
	}
	if (r < 0) {
		http_server_free(s);
		return err_set(e, r, "The server could not be started: %s.", strerror(-r));
	}
	*ret = s;
	return 0;
}

void http_server_set_pace(struct http_server *s, int64_t tick_ms, unsigned request_ticks, unsigned idle_ticks)
{
	if (s->timer)
		loop_timer_free(s->timer);
	s->request_ticks = request_ticks;
	s->idle_ticks = idle_ticks;
	s->timer = loop_timer_new(s->loop, tick_ms, conn_tick, s);
}

unsigned http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stop_accepting(struct http_server *s)
{
	if (!s->listener)
		return;
	evhttp_del_accept_socket(s->http, s->bound); /* frees the listener, which closes the socket */
	s->bound = NULL;
	s->listener = NULL;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	http_server_stop_accepting(s);
	conn_turn_end(s);
	if (s->timer)
		loop_timer_free(s->timer);
	if (s->hook)
		loop_hook_free(s->hook);
	if (s->http)
		evhttp_free(s->http); /* every connection passes its close callback on the way */
	while (s->lingering)
		conn_linger_free(s->lingering);
	while (s->exchanges)
		exchange_drop(s->exchanges);
	free(s->by_fd);
	free(s);
}
