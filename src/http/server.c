/* server.c - the server as a whole: the sockets it listens on, its limits, its birth and its end. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/secret.h"
#include "http/server_priv.h"
#include "sys/metrics.h"

enum {
	ACCEPT_MAX = 64,           /* connections in one turn of the loop */
	ANSWER_HEAD_MAX = 1 << 20, /* bytes */
};

static const struct http_pace standard_pace = {.tick_ms = 1000,
	.head_ms = 15000,
	.idle_ms = 75000,
	.grace_ms = 20000,
	.rate = 8192,
	.stall_ms = 60000,
	.linger_ms = 10000};

struct door {
	struct http_server *server;
	struct listener listener;
	struct event *ev;
};

/* --- new connections ---------------------------------------------------------------------------------------------- */

static void pause_accepting(struct http_server *s)
{
	s->full = true;
	for (size_t i = 0; i < s->config.n_listeners; i++)
		event_del(s->doors[i].ev);
}

void server_resume(struct http_server *s)
{
	ASSERT(loop_is_mine(s->loop));
	if (!s->full || !s->doors || s->n_conns >= s->config.max_connections)
		return;
	s->full = false;
	for (size_t i = 0; i < s->config.n_listeners; i++)
		event_add(s->doors[i].ev, NULL);
}

/* One of too many from its address. */
static void turn_away(int fd, const struct listener *l)
{
	static const char text[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 112\r\n"
		"Retry-After: 5\r\nConnection: close\r\n\r\n"
		"{\"error\":{\"code\":\"busy\",\"message\":\"Too many connections from your address.\","
		"\"request_id\":null,\"retryable\":true}}";

	metric_add(M_http_connections_refused_total, 1);
	if (!l->tls)
		(void)!send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void take(struct http_server *s, const struct door *d, int fd, const struct sockaddr *sa)
{
	const struct http_server_config *config = &s->config;
	struct peer_count *counted = NULL;
	char peer[INET6_ADDRSTRLEN];

	peer_text(sa, peer);
	if (sa->sa_family != AF_UNIX && !(config->is_proxy && config->is_proxy(peer, config->arg))) {
		unsigned max = config->max_connections_per_address;
		counted = peers_add(&s->peers, sa, max);
		if (!counted && pace_make_room_of(s, peers_find(&s->peers, sa)))
			counted = peers_add(&s->peers, sa, max);
		if (!counted) {
			turn_away(fd, &d->listener);
			return;
		}
	}
	conn_new(s, fd, d->listener.tls, peer, counted);
}

/* Out of descriptors, most likely: without a pause the loop would spin. The next tick tries again. */
static void on_accept_failed(struct http_server *s)
{
	log_warn("http", "no connection can be taken for a second: %s", strerror(errno));
	pause_accepting(s);
}

/* Whether another connection may be taken; room is made only for one that is there. */
static bool is_room(struct http_server *s, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (s->n_conns < s->config.max_connections)
		return true;
	if (poll(&p, 1, 0) <= 0)
		return false;
	if (pace_make_room(s))
		return true;
	pause_accepting(s);
	return false;
}

static void on_accept(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct door *d = arg;
	struct http_server *s = d->server;

	for (int i = 0; i < ACCEPT_MAX && is_room(s, fd); i++) {
		struct sockaddr_storage sa = {0};
		socklen_t n = sizeof(sa);
		int new = accept4(fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (new >= 0) {
			take(s, d, new, (struct sockaddr *)&sa);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
			on_accept_failed(s);
			return;
		}
	}
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int open_door(struct http_server *s, struct door *d, const struct listener *l)
{
	const int on = 1, gone_ms = (int)standard_pace.stall_ms, quiet_s = gone_ms / 1000;

	*d = (struct door){.server = s, .listener = *l};
	if (l->port && !s->port)
		s->port = l->port;
	if (l->port) { /* connections inherit them; a client whose machine or network is gone must not be waited for */
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPIDLE, &quiet_s, sizeof(quiet_s));
		setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
	}
	d->ev = event_new(loop_base(s->loop), l->fd, EV_READ | EV_PERSIST, on_accept, d);
	return d->ev && event_add(d->ev, NULL) == 0 ? 0 : -ENOMEM;
}

static int server_start(struct http_server *s)
{
	int r = 0;

	s->doors = xcalloc(MAX(s->config.n_listeners, (size_t)1), sizeof(*s->doors));
	for (size_t i = 0; r == 0 && i < s->config.n_listeners; i++)
		r = open_door(s, &s->doors[i], &s->config.listeners[i]);
	s->again_ev = evtimer_new(loop_base(s->loop), conn_on_again, s);
	s->linger_ev = evtimer_new(loop_base(s->loop), conn_on_linger, s);
	s->hook = loop_hook_new(s->loop, stream_turn_end, s);
	s->turn_hook = loop_hook_new(s->loop, conn_turn_over, s);
	http_server_set_pace(s, &standard_pace);
	return s->again_ev && s->linger_ev ? r : -ENOMEM;
}

int http_server_new(struct loop *l, const struct http_server_config *c, struct http_server **ret, struct err *e)
{
	struct http_server *s = secret_new(sizeof(*s)); /* what is read has keys and passwords in it */
	int r;

	MAGIC_SET(s, SERVER_MAGIC);
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
	s->loop = l;
	s->config = *c;
	if (!s->config.max_connections_per_address)
		s->config.max_connections_per_address = MAX(c->max_connections / 2, 1u);
	s->max_large = MIN(256u, MAX(16u, c->max_connections / 8));
	s->head = BUF_INIT(ANSWER_HEAD_MAX);
	peers_init(&s->peers);
	budget_init(&s->budget, c->body_budget, c->body_budget_unknown);
	r = server_start(s);
	s->config.listeners = NULL; /* borrowed for this call only */
	if (r < 0) {
		http_server_free(s);
		return err_set(e, r, "The server could not be started: %s.", strerror(-r));
	}
	*ret = s;
	return 0;
}

void http_server_set_pace(struct http_server *s, const struct http_pace *p)
{
	ASSERT(loop_is_mine(s->loop) && p->tick_ms > 0 && p->rate > 0);
	if (s->timer)
		loop_timer_free(s->timer);
	s->pace = *p;
	s->timer = loop_timer_new(s->loop, p->tick_ms, pace_tick, s);
}

unsigned http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_stop_accepting(struct http_server *s)
{
	ASSERT_IS(s, SERVER_MAGIC);
	ASSERT(loop_is_mine(s->loop));
	if (!s->doors)
		return;
	for (size_t i = 0; i < s->config.n_listeners; i++) {
		if (s->doors[i].ev)
			event_free(s->doors[i].ev);
	}
	free(s->doors);
	s->doors = NULL;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	http_server_stop_accepting(s);
	for (unsigned i = 0; i < CONN_STATES; i++) {
		while (s->lists[i].first)
			conn_close(s->lists[i].first);
	}
	ASSERT(s->n_conns == 0 && s->n_large == 0 && !s->again.first && !s->heads && !s->owing);
	while (s->exchanges)
		exchange_free(s->exchanges);
	ASSERT(s->budget.used == 0);
	if (s->timer)
		loop_timer_free(s->timer);
	if (s->hook)
		loop_hook_free(s->hook);
	if (s->turn_hook)
		loop_hook_free(s->turn_hook);
	if (s->again_ev)
		event_free(s->again_ev);
	if (s->linger_ev)
		event_free(s->linger_ev);
	budget_done(&s->budget);
	buf_done(&s->head);
	MAGIC_END(s, SERVER_MAGIC);
	secret_free(s);
}
