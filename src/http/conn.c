/*
 * conn.c - the way of a connection through its states. Its socket is watched once, for both directions and edges only, so that
 * no system call is needed when what it waits for changes: `readable` remembers what has not been read.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/server_priv.h"
#include "http/tls.h"
#include "http/websocket.h"
#include "sys/fault.h"
#include "sys/metrics.h"

enum {
	TURN_STEPS = 8,     /* reads and small requests of one connection before the others get their turn; */
	MANY_WAIT = 32,     /* one, while so many wait for theirs */
	TURN_US = 2000,     /* of a turn of the loop for new events, and as much for those who wait for theirs */
	HEAD_READ = 16384,  /* bytes at a time: what comes behind a head is kept before anybody knows whose it is */
	SMALL_HEAD = 2048,  /* bytes; of unfinished heads that have more, few are kept (max_large) */
	LINGER_CONNS = 256, /* above: the longest one is closed */
	LINGER_BYTES = 64 << 20, /* of each, */
	LINGER_STEP_US = 20000,  /* at a time so many reads of all together, and one of each at least */
	LINGER_READS = 64,
};

/* --- birth, states and death ------------------------------------------------------------------------------------- */

static void list_remove(struct conn *c)
{
	struct conn_list *l = &c->server->lists[c->state];

	ASSERT(l->n > 0 && *(c->prev ? &c->prev->next : &l->first) == c);
	*(c->prev ? &c->prev->next : &l->first) = c->next;
	*(c->next ? &c->next->prev : &l->last) = c->prev;
	l->n--;
}

static void list_add(struct conn *c)
{
	struct conn_list *l = &c->server->lists[c->state];

	c->prev = l->last;
	c->next = NULL;
	*(l->last ? &l->last->next : &l->first) = c;
	l->last = c;
	l->n++;
}

/* What may follow a state. An answer may come before its request's body has, and the next request with this one. */
static bool may_enter(enum conn_state from, enum conn_state to)
{
	enum { BEHIND = 1u << CONN_IDLE | 1u << CONN_HEAD | 1u << CONN_DISCARD | 1u << CONN_LINGER };
	static const unsigned next[CONN_STATES] = {
		[CONN_IDLE] = 1u << CONN_HEAD | 1u << CONN_HANDLING | 1u << CONN_WRITING | 1u << CONN_LINGER,
		[CONN_HEAD] = 1u << CONN_HANDLING | 1u << CONN_WRITING | 1u << CONN_LINGER,
		[CONN_HANDLING] = 1u << CONN_BODY | 1u << CONN_WRITING | 1u << CONN_STREAM | BEHIND,
		[CONN_BODY] = 1u << CONN_HANDLING | 1u << CONN_PAUSED | 1u << CONN_WRITING | BEHIND,
		[CONN_PAUSED] = 1u << CONN_HANDLING | 1u << CONN_BODY | 1u << CONN_WRITING | BEHIND,
		[CONN_WRITING] = BEHIND,
		[CONN_STREAM] = 1u << CONN_STALLED | 1u << CONN_WRITING | BEHIND,
		[CONN_STALLED] = 1u << CONN_STREAM | 1u << CONN_WRITING | BEHIND,
		[CONN_DISCARD] = 1u << CONN_WRITING | 1u << CONN_IDLE | 1u << CONN_HEAD | 1u << CONN_LINGER,
	};

	return next[from] >> to & 1;
}

static bool has_request(enum conn_state s)
{
	return s == CONN_HANDLING || s == CONN_BODY || s == CONN_PAUSED;
}

static bool has_stream(enum conn_state s)
{
	return s == CONN_STREAM || s == CONN_STALLED;
}

void conn_enter(struct conn *c, enum conn_state state)
{
	ASSERT(!c->dead && loop_is_mine(c->server->loop));
	ASSERT(may_enter(c->state, state));
	ASSERT(has_request(state) == (c->x != NULL) && has_stream(state) == (c->stream != NULL));
	list_remove(c);
	c->state = (unsigned char)state;
	c->since_ms = clock_mono_ms();
	c->moved = 0;
	list_add(c);
}

/* Whether connections with something new may take more of this turn of the loop. */
static bool has_time(struct http_server *s)
{
	int64_t now = clock_mono_us();

	if (!s->turn_ends_us) {
		s->turn_ends_us = now + TURN_US;
		loop_hook_raise(s->turn_hook);
	}
	return now < s->turn_ends_us;
}

void conn_turn_over(void *server)
{
	struct http_server *s = server;

	s->turn_ends_us = 0;
}

static void linger_soon(struct http_server *s)
{
	if (!event_pending(s->linger_ev, EV_TIMEOUT, NULL))
		event_add(s->linger_ev, &(struct timeval){.tv_usec = LINGER_STEP_US});
}

static void on_event(evutil_socket_t fd UNUSED, short what, void *arg)
{
	struct conn *c = arg;

	c->readable |= (what & EV_READ) || c->tls;
	c->writable |= (what & EV_WRITE) || c->tls;
	if (c->state == CONN_LINGER) {
		linger_soon(c->server);
		return;
	}
	/* Who leaves can be read; that there is room to write, which follows each answer, tells nothing. */
	if ((c->state == CONN_HANDLING || c->state == CONN_PAUSED) && (what & EV_READ) &&
		!conn_watch(c, c->x->on_leave != NULL))
		return;
	if (c->is_again) /* its turn comes */
		return;
	if (has_time(c->server))
		conn_run(c);
	else
		conn_again(c);
}

void conn_new(struct http_server *s, int fd, struct tls *tls, const char *peer, struct peer_count *counted)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	ASSERT(loop_is_mine(s->loop) && fd >= 0);
	c->server = s;
	c->fd = fd;
	c->counted = counted;
	memcpy(c->peer, peer, sizeof(c->peer));
	c->in = BUF_INIT(s->config.max_header_bytes + 2 * HTTP_READ_MAX);
	c->out = BUF_INIT(SIZE_MAX);
	c->readable = true;
	c->since_ms = clock_mono_ms();
	c->state = tls ? CONN_HEAD : CONN_IDLE; /* encryption begins within the time of a head */
	list_add(c);
	metric_set(M_http_connections, ++s->n_conns);
	if (tls && (c->tls = tls_accept(tls)) != NULL) {
		SSL_set_mode(c->tls,
			SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
		SSL_set_fd(c->tls, fd);
	}
	if (event_assign(&c->ev, loop_base(s->loop), fd, EV_READ | EV_WRITE | EV_PERSIST | EV_ET, on_event, c) < 0 ||
		event_add(&c->ev, NULL) < 0 || (tls && !c->tls))
		conn_close(c);
	else
		on_event(fd, EV_READ, c); /* the request has often come with the connection */
}

/* --- what is for the end of this turn, or for the next one -------------------------------------------------------- */

static void turn_add(struct conn_list *l, struct conn *c)
{
	if (c->is_again)
		return;
	c->is_again = true;
	c->turn_next = NULL;
	c->turn_prev = l->last;
	*(l->last ? &l->last->turn_next : &l->first) = c;
	l->last = c;
	l->n++;
}

static void turn_drop(struct conn_list *l, struct conn *c)
{
	ASSERT(c->is_again && l->n > 0);
	*(c->turn_prev ? &c->turn_prev->turn_next : &l->first) = c->turn_next;
	*(c->turn_next ? &c->turn_next->turn_prev : &l->last) = c->turn_prev;
	l->n--;
	c->is_again = false;
}

void conn_again(struct conn *c)
{
	struct http_server *s = c->server;

	if (c->dead)
		return;
	if (!s->again.first)
		event_add(s->again_ev, &(struct timeval){0});
	turn_add(&s->again, c);
}

void conn_on_again(evutil_socket_t fd UNUSED, short what UNUSED, void *server)
{
	struct http_server *s = server;
	int64_t ends_us = clock_mono_us() + TURN_US;

	for (unsigned n = s->again.n; n && s->again.first; n--) {
		struct conn *c = s->again.first;
		turn_drop(&s->again, c);
		conn_run(c);
		if (clock_mono_us() >= ends_us)
			break;
	}
	if (s->again.first)
		event_add(s->again_ev, &(struct timeval){0});
}

static void conn_free(struct conn *c)
{
	ASSERT(c->dead && !c->is_again && !c->x && !c->stream);
	buf_wipe(&c->in);
	buf_done(&c->out);
	free(c->tail_owned);
	free(c);
}

/* Its head is not in the making any more. */
static void large_end(struct conn *c)
{
	ASSERT(!c->is_large || c->server->n_large > 0);
	if (c->is_large)
		c->server->n_large--;
	c->is_large = false;
}

void conn_close(struct conn *c)
{
	struct http_server *s = c->server;
	struct http_exchange *x = TAKE_PTR(c->x);
	struct http_stream *st = TAKE_PTR(c->stream);

	if (c->dead)
		return;
	ASSERT(loop_is_mine(s->loop) && s->n_conns > 0);
	c->dead = true;
	event_del(&c->ev);
	wire_close(c, false);
	list_remove(c);
	if (c->is_again)
		turn_drop(&s->again, c);
	if (c->counted)
		peers_remove(&s->peers, c->counted);
	large_end(c);
	metric_set(M_http_connections, --s->n_conns);
	if (x)
		exchange_left(x);
	if (st)
		stream_closed(st);
	if (!c->running)
		conn_free(c);
	server_resume(s);
}

/* --- output ------------------------------------------------------------------------------------------------------ */

bool conn_waits(const struct conn *c)
{
	return c->out.n > c->out_at || c->tail_n;
}

int conn_send(struct conn *c, const struct iovec *iov, size_t n_iov)
{
	bool waits = conn_waits(c);
	ssize_t sent = waits ? 0 : wire_write(c, iov, n_iov);
	size_t total = 0;

	if (sent < 0)
		return (int)sent;
	for (size_t i = 0; i < n_iov; i++)
		total += iov[i].iov_len;
	if ((size_t)sent == total)
		return 0;
	/* That there is room may have been told already, to a connection whose turn comes: it is not told twice. */
	if (!waits)
		c->writable = false;
	c->moved += (uint64_t)sent;
	for (size_t i = 0, skip = (size_t)sent; i < n_iov; i++) {
		size_t k = MIN(skip, iov[i].iov_len);
		skip -= k;
		if (iov[i].iov_len > k)
			buf_add(&c->out, (const char *)iov[i].iov_base + k, iov[i].iov_len - k);
	}
	return buf_status(&c->out);
}

static void sent_off(struct conn *c, size_t n)
{
	size_t k = MIN(n, c->out.n - c->out_at);

	c->moved += n;
	c->out_at += k;
	n -= k;
	if (c->out_at == c->out.n) {
		buf_done(&c->out);
		c->out_at = 0;
	}
	if (n == 0)
		return;
	ASSERT(n <= c->tail_n); /* no more is sent than there was */
	c->tail += n;
	c->tail_n -= n;
	if (c->tail_n == 0) {
		free(c->tail_owned);
		c->tail_owned = NULL;
	}
}

/* Everything is with the kernel. */
static void all_sent(struct conn *c)
{
	if (c->stream)
		stream_flushed(c->stream);
	else if (c->state == CONN_WRITING)
		conn_answered(c);
}

/* Sends what waits; false when the connection is broken. */
static bool conn_flush(struct conn *c)
{
	while (conn_waits(c)) {
		struct iovec iov[2] = {{c->out.p ? c->out.p + c->out_at : NULL, c->out.n - c->out_at},
			{(void *)(uintptr_t)c->tail, c->tail_n}};
		bool copied = iov[0].iov_len > 0;
		ssize_t n = wire_write(c, iov + !copied, copied && c->tail_n ? 2 : 1);
		if (n < 0)
			return false;
		if (n == 0) {
			c->writable = false;
			return true;
		}
		sent_off(c, (size_t)n);
	}
	all_sent(c);
	return true;
}

/* Closing what has unread bytes sends a reset, which may overtake the answer. */
static bool has_unread(const struct conn *c)
{
	char one;

	return c->in.n || recv(c->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void linger(struct conn *c)
{
	struct conn_list *l = &c->server->lists[CONN_LINGER];

	linger_soon(c->server);
	conn_enter(c, CONN_LINGER);
	wire_close(c, true);
	buf_wipe(&c->in);
	if (l->n > LINGER_CONNS)
		conn_close(l->first);
}

void conn_answered(struct conn *c)
{
	ASSERT(!c->x && !c->stream);
	if (conn_waits(c)) {
		if (c->state != CONN_WRITING)
			conn_enter(c, CONN_WRITING);
		return;
	}
	switch ((enum conn_next)c->after) {
	case NEXT_REQUEST:
		conn_enter(c, c->in.n ? CONN_HEAD : CONN_IDLE);
		break;
	case NEXT_DISCARD:
		conn_enter(c, CONN_DISCARD);
		break;
	case NEXT_CLOSE:
		if (!has_unread(c)) {
			conn_close(c);
			return;
		}
		linger(c);
		break;
	case NEXT_LINGER:
		linger(c);
		break;
	}
	conn_run(c);
}

/* --- input ------------------------------------------------------------------------------------------------------- */

int conn_keep(struct conn *c, const char *p, size_t n)
{
	int r = n ? FAULT("http_keep") : 0;

	if (r < 0 || n == 0)
		return r;
	buf_add(&c->in, p, n);
	return buf_status(&c->in);
}

static void begin_request(struct conn *c, const char *p, size_t n)
{
	ASSERT(!c->x && c->scan.begin <= n); /* one at a time */
	struct http_exchange *x = exchange_new(c, p + c->scan.begin, n - c->scan.begin, c->scan.lines);

	large_end(c);
	c->scan = (struct head_scan){0};
	c->x = x;
	if (x->error < 0) {
		answer_refuse(c, x->error, x->head.why);
		return;
	}
	c->chunked = (struct chunked){0};
	c->body_left = x->head.chunked ? -1 : x->head.length;
	conn_enter(c, CONN_HANDLING);
}

/* All that has come of a head, which lies in c->in or, `fresh`, where it was read; 0: nothing new, or the connection is closed;
 * negative: it is refused. */
static ssize_t read_head(struct conn *c, const char **ret, bool *ret_fresh)
{
	struct http_server *s = c->server;
	bool fresh = c->in.n == 0;
	ssize_t n;

	if (c->in.n <= c->scan.at) { /* else a pipelined request */
		n = c->readable ? wire_read(c, s->read, HEAD_READ) : -EAGAIN;
		if (n == -EAGAIN)
			c->readable = false;
		else if (n <= 0)
			conn_close(c);
		if (n <= 0)
			return 0;
		*ret = s->read;
		*ret_fresh = fresh;
		if (fresh)
			return n;
		n = conn_keep(c, s->read, (size_t)n);
		if (n < 0)
			return n;
	}
	*ret = c->in.p;
	*ret_fresh = false;
	return (ssize_t)c->in.n;
}

/* Of unfinished heads that are long, few are kept. */
static int large_begin(struct conn *c)
{
	if (c->server->n_large >= c->server->max_large)
		return E_BUSY;
	c->is_large = true;
	c->server->n_large++;
	return 0;
}

static bool take_head(struct conn *c)
{
	const char *p;
	bool fresh;
	ssize_t n = read_head(c, &p, &fresh), k = n;

	if (n == 0)
		return false;
	if (n > 0)
		k = head_scan(&c->scan, p, (size_t)n, c->server->config.max_header_bytes);
	if (k == 0 && !c->is_large && n > SMALL_HEAD)
		k = large_begin(c);
	if (k == 0 && fresh)
		k = conn_keep(c, p, (size_t)n);
	if (k < 0) {
		answer_refuse(c, (int)k, NULL);
		return true;
	}
	if (k == 0) {
		if (c->state == CONN_IDLE)
			conn_enter(c, CONN_HEAD);
		return c->readable;
	}
	begin_request(c, p, (size_t)k);
	int r = fresh ? conn_keep(c, p + k, (size_t)(n - k)) : 0;
	if (!fresh && n == k)
		buf_wipe(&c->in);
	else if (!fresh)
		buf_consume(&c->in, (size_t)k);
	if (c->state == CONN_HANDLING && r < 0)
		answer_refuse(c, r, NULL);
	else if (c->state == CONN_HANDLING)
		c->server->config.on_head(c->x, c->server->config.arg);
	return true;
}

/* Reading behind a request is on to see the client leave. A pipelined request may wait for the end; a flood may not. */
static bool read_behind(struct conn *c)
{
	struct http_server *s = c->server;
	ssize_t n;

	if (c->half)
		return conn_check(c) && !c->half;
	if (!c->readable)
		return false;
	n = wire_read(c, s->read, sizeof(s->read));
	if (n == -EAGAIN) {
		c->readable = false;
		return false;
	}
	if (n > 0 && conn_keep(c, s->read, (size_t)n) == 0 && c->in.n <= HTTP_READ_MAX)
		return true;
	conn_close(c);
	return false;
}

/* Reads a little; false when that was all for now, or the connection is closed. */
static bool read_linger(struct conn *c)
{
	ssize_t n = recv(c->fd, c->server->read, sizeof(c->server->read), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		c->readable = false;
		return false;
	}
	c->moved += n > 0 ? (uint64_t)n : 0;
	if (n > 0 && c->moved <= LINGER_BYTES)
		return true;
	conn_close(c);
	return false;
}

/* What nobody wants is read off slowly: whoever still sends is held back by it, and nobody else. */
void conn_on_linger(evutil_socket_t fd UNUSED, short what UNUSED, void *server)
{
	struct http_server *s = server;
	unsigned each = MAX(LINGER_READS / MAX(s->lists[CONN_LINGER].n, 1u), 1u);
	bool more = false;

	for (struct conn *c = s->lists[CONN_LINGER].first, *next; c; c = next) {
		bool went_on = c->readable;
		next = c->next;
		for (unsigned n = 0; n < each && went_on; n++)
			went_on = read_linger(c);
		more |= went_on;
	}
	if (more)
		linger_soon(s);
}

bool conn_check(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) <= 0)
		return true;
	if (p.revents & (POLLERR | POLLHUP | POLLNVAL)) {
		conn_close(c);
		return false;
	}
	if (p.revents & POLLRDHUP)
		c->half = true;
	return true;
}

/* Who has shut only the sending side still waits for the answer, who is gone does not, and both look alike. Of a request whose
 * end somebody would like to know, an interim response that everybody passes over is sent: it comes back as a reset. */
bool conn_watch(struct conn *c, bool surely)
{
	static const char probe[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct iovec iov = {(void *)(uintptr_t)probe, sizeof(probe) - 1};

	if (!conn_check(c))
		return false;
	if (!c->half || c->probed || !surely)
		return true;
	c->probed = true;
	if (!c->x->head.http_1_0 && conn_send(c, &iov, 1) == 0)
		return true;
	conn_close(c);
	return false;
}

static bool stream_step(struct conn *c)
{
	return c->stream->ws ? websocket_step(c) : read_behind(c);
}

/* What a state does with what has come; false: no more for now. The others wait for somebody else. */
static bool (*const step_of[CONN_STATES])(struct conn *c) = {
	[CONN_IDLE] = take_head,
	[CONN_HEAD] = take_head,
	[CONN_BODY] = body_step,
	[CONN_STREAM] = stream_step,
	[CONN_STALLED] = stream_step,
	[CONN_DISCARD] = body_discard,
};

void conn_run(struct conn *c)
{
	if (c->running)
		return;
	ASSERT(!c->dead && loop_is_mine(c->server->loop));
	unsigned steps = c->server->again.n > MANY_WAIT ? 1 : TURN_STEPS;
	c->running = true;
	if (c->broken || (c->writable && conn_waits(c) && !conn_flush(c)))
		conn_close(c);
	for (unsigned n = 1; !c->dead && step_of[c->state] && step_of[c->state](c); n++) {
		if (n == steps) {
			conn_again(c);
			break;
		}
	}
	c->running = false;
	if (c->dead)
		conn_free(c);
}
