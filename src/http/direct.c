/*
 * direct.c - calls of plain http servers at an address, which is where models mostly run: without curl, on sockets of our own.
 * A call that waits for its answer holds a connection and nothing else, and each piece of an answer is read once.
 *
 * Everything here is the loop's, but for direct_prepare() and direct_done().
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/direct.h"

enum {
	REQUEST_HEAD_MAX = 65536,
	HEAD_MAX = 65536, /* of an answer */
	PIECE = 4096,     /* read at a time, so that others have their turn */
	GATHER_US = 1000,
};

/* --- before: does it fit, and the head of the request; on the caller's thread ------------------------------------- */

/* The address when the host is one; "localhost" is 127.0.0.1, or else ::1. */
static bool read_address(struct str host, unsigned port, struct direct *d)
{
	char text[64];

	d->local = str_eq(host, STR("localhost"));
	if (d->local)
		host = STR("127.0.0.1");
	bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (v6)
		host = (struct str){host.p + 1, host.n - 2};
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	d->address = (struct direct_address){.port = htons((uint16_t)port), .family = v6 ? AF_INET6 : AF_INET};
	return inet_pton(d->address.family, text, d->address.bytes) == 1;
}

/* Splits "http://host:port/path"; false when that is not all that it is. */
static bool read_url(const char *url, struct direct *d, struct str *ret_host, const char **ret_path)
{
	const char *host = url + 7, *path, *colon, *p;
	unsigned port = 80;

	if (strncasecmp(url, "http://", 7) != 0 || strstr(host, "/."))
		return false;
	for (p = host; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f || strchr("@#\\\"<>^`{|}", *p))
			return false;
	}
	path = host + strcspn(host, "/?");
	if (*path == '?')
		return false;
	*ret_host = (struct str){host, (size_t)(path - host)};
	*ret_path = *path ? path : "/";
	colon = memrchr(host, ':', ret_host->n);
	if (colon && !memchr(colon, ']', (size_t)(path - colon))) {
		port = 0;
		for (p = colon + 1; p < path && isdigit((unsigned char)*p) && port <= 65535; p++)
			port = port * 10 + (unsigned)(*p - '0');
		if (p != path || port == 0 || port > 65535)
			return false;
		return read_address((struct str){host, (size_t)(colon - host)}, port, d);
	}
	return read_address(*ret_host, port, d);
}

static int add_headers(struct call *c, struct buf *b)
{
	bool accept = false, agent = false;

	for (const char *const *h = c->in->headers; h && *h; h++) {
		if (strpbrk(*h, "\r\n"))
			return E_INVALID;
		accept |= direct_is_named(*h, "Accept");
		agent |= direct_is_named(*h, "User-Agent");
		buf_add_str(b, *h);
		buf_add(b, "\r\n", 2);
	}
	if (!accept)
		buf_add_str(b, "Accept: */*\r\n");
	if (!agent)
		buf_add_str(b, "User-Agent: atelier/" ATELIER_VERSION "\r\n");
	return 0;
}

/* What the head of the request takes at most. */
static size_t request_room(const struct call *c, const char *path)
{
	size_t n = 512 + strlen(path);

	for (const char *const *h = c->in->headers; h && *h; h++)
		n += strlen(*h) + 2;
	return n;
}

int direct_prepare(struct call *c, bool *ret_fits)
{
	struct direct *d = &c->direct;
	struct buf *b = &d->request;
	const char *method = c->in->method, *path;
	struct str host;
	int r;

	*ret_fits = false;
	if (c->in->public_only || c->in->total_timeout_ms > 0 || c->proxy || !read_url(c->in->url, d, &host, &path))
		return 0;
	d->request = BUF_INIT(REQUEST_HEAD_MAX);
	buf_reserve(b, request_room(c, path)); /* it does not grow: what it grew out of would keep the key */
	d->head = BUF_INIT(HEAD_MAX);
	d->rest = BUF_INIT(HTTP_PIECE_MAX);
	buf_add_str(b, method);
	buf_add_char(b, ' ');
	buf_add_str(b, path);
	buf_add_str(b, " HTTP/1.1\r\nHost: ");
	buf_add(b, host.p, host.n);
	buf_add(b, "\r\n", 2);
	if ((r = add_headers(c, b)) < 0)
		return r;
	if (c->in->body.n || strcmp(method, "POST") == 0) {
		buf_add_str(b, "Content-Length: ");
		buf_add_u64(b, c->in->body.n);
		buf_add(b, "\r\n", 2);
	}
	buf_add(b, "\r\n", 2);
	*ret_fits = true;
	return buf_status(b);
}

void direct_done(struct call *c)
{
	buf_wipe(&c->direct.request); /* a key */
	buf_done(&c->direct.head);
	buf_done(&c->direct.rest);
	unpack_free(c->direct.unpack);
}

/* --- the request --------------------------------------------------------------------------------------------------- */

/* Of "localhost" alone. */
static struct direct_address second_address(const struct direct *d)
{
	return (struct direct_address){.port = d->address.port, .family = AF_INET6, .bytes[15] = 1};
}

/* On the way to the next address that was not tried yet; NULL: there is none. */
static struct upstream *connect_next(struct call *c)
{
	struct direct *d = &c->direct;

	while (d->tried < (d->local ? 2 : 1)) {
		struct direct_address a = d->tried++ ? second_address(d) : d->address;
		struct upstream *up = upstream_new(c->client, &a);

		if (up) {
			up->call = c;
			upstream_watch(up, EV_WRITE);
			return up;
		}
	}
	return NULL;
}

/* False when there is no address to try; the call has ended then. */
static bool connect_call(struct call *c)
{
	c->direct.tried = 0;
	c->direct.up = connect_next(c);
	if (!c->direct.up)
		call_finish(c, 0, CURLE_COULDNT_CONNECT);
	return c->direct.up;
}

void direct_hurry(struct call *c)
{
	struct direct *d = &c->direct;

	if (d->up && d->up->connecting && !d->other)
		d->other = connect_next(c);
}

/* A server may close an idle connection at the moment at which it is used again: then nothing was asked yet. */
static void lost(struct call *c, CURLcode how)
{
	struct direct *d = &c->direct;

	ASSERT(d->up && d->up->call == c);
	if (d->up->fresh || d->any) {
		call_finish(c, 0, how);
		return;
	}
	upstream_close(TAKE_PTR(d->up));
	d->sent = 0;
	c->sent = false;
	(void)connect_call(c);
}

static void watch_call(struct call *c)
{
	upstream_watch(c->direct.up, c->direct.sent < direct_request_size(c) ? EV_READ | EV_WRITE : EV_READ);
}

/* All of it, or what the socket takes. False when the call has ended, or begins anew. */
static bool send_request(struct call *c)
{
	struct direct *d = &c->direct;

	ASSERT(d->up->call == c && !d->up->connecting && !d->other);
	if (!c->sent) { /* the time to the first byte counts from here */
		c->sent = true;
		c->last_ms = clock_mono_ms();
		d->up->whole = c->whole;
		d->up->slow = 0;
		memcpy(d->up->touched, c->in->touched, sizeof(c->in->touched));
	}
	while (d->sent < direct_request_size(c)) {
		size_t from = MIN(d->sent, d->request.n), in_body = d->sent - from;
		struct iovec iov[2] = {{d->request.p + from, d->request.n - from},
			{(void *)(uintptr_t)(c->in->body.p ? c->in->body.p + in_body : NULL), c->in->body.n - in_body}};
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
		ssize_t n = sendmsg(d->up->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			d->sent += (size_t)n;
		} else if (errno == EAGAIN || errno == EINTR) {
			break;
		} else {
			lost(c, CURLE_SEND_ERROR);
			return false;
		}
	}
	watch_call(c);
	return true;
}

void direct_start(struct call *c)
{
	struct direct *d = &c->direct;
	struct direct_address second = second_address(d);

	d->up = upstream_take(c->client, &d->address);
	if (!d->up && d->local)
		d->up = upstream_take(c->client, &second);
	if (!d->up) {
		upstream_close_old(c->client);
		(void)connect_call(c);
		return;
	}
	d->up->call = c;
	(void)send_request(c);
}

/* One of the two, or the only one, is there or failed. */
static void connected(struct upstream *up)
{
	struct call *c = up->call;
	struct direct *d = &c->direct;
	struct upstream *rest = up == d->up ? d->other : d->up;
	int error = 0;
	socklen_t n = sizeof(error);

	ASSERT(up->connecting && (up == d->up || up == d->other));
	(void)getsockopt(up->fd, SOL_SOCKET, SO_ERROR, &error, &n);
	d->other = NULL;
	if (error == 0) {
		if (rest)
			upstream_close(rest);
		up->connecting = false;
		d->up = up;
		(void)send_request(c);
		return;
	}
	upstream_close(up);
	d->up = rest ? rest : connect_next(c);
	if (!d->up)
		call_finish(c, 0, CURLE_COULDNT_CONNECT);
}

/* The server has closed. */
static void ended(struct call *c, bool orderly)
{
	struct direct *d = &c->direct;

	if (!d->any)
		lost(c, CURLE_GOT_NOTHING);
	else if (orderly && d->state == AT_CLOSE)
		call_finish(c, 0, CURLE_OK);
	else
		call_finish(c, 0, CURLE_PARTIAL_FILE);
}

/* Among thousands of streams all of a call has left the caches since its last piece: it is waited for at once. */
static void fetch_call(const struct upstream *up)
{
	memory_fetch(up->call, offsetof(struct call, direct) + offsetof(struct direct, other));
	for (size_t i = 0; i < HTTP_TOUCHED; i++)
		memory_fetch(up->touched[i].p, up->touched[i].n);
}

static void read_answer(struct upstream *up)
{
	struct call *c = up->call;
	struct http_client *h = up->client;

	ASSERT(c && !up->gathering);
	fetch_call(up);
	upstream_heard(up);
	ssize_t n = recv(up->fd, h->read, up->whole ? sizeof(h->read) : PIECE, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ended(c, n == 0);
		return;
	}
	c->direct.any = true;
	direct_take(c, h->read, (size_t)n);
}

/* Servers send an answer token by token, and where nobody reads along each token would be a read and an acknowledgement. */
static void gather(struct upstream *up)
{
	struct http_client *h = up->client;

	upstream_watch(up, 0);
	up->gathering = true;
	if (!h->gathering)
		(void)timerfd_settime(
			h->gather_fd, 0, &(struct itimerspec){.it_value.tv_nsec = GATHER_US * INT64_C(1000)}, NULL);
	upstream_list_add(&h->gathering, up);
}

static void on_gathered(evutil_socket_t fd, short what UNUSED, void *client)
{
	struct http_client *h = client;
	struct upstream *up;
	uint64_t times;

	(void)!read(fd, &times, sizeof(times));
	while ((up = h->gathering) != NULL) {
		upstream_list_remove(&h->gathering, up);
		up->gathering = false;
		upstream_watch(up, EV_READ);
		read_answer(up);
	}
}

void direct_on_upstream(evutil_socket_t fd UNUSED, short what, void *arg)
{
	struct upstream *up = arg;
	struct call *c = up->call;

	if (!c)
		upstream_close(up);
	else if (up->connecting)
		connected(up);
	else if ((what & EV_WRITE) && !send_request(c))
		return; /* it is another connection's now, or nobody's */
	else if ((what & EV_READ) && up->whole && up->watched == EV_READ)
		gather(up);
	else if (what & EV_READ)
		read_answer(up);
}

/* --- pauses and ends ------------------------------------------------------------------------------------------------- */

void direct_resume(struct call *c)
{
	struct direct *d = &c->direct;
	struct buf rest = d->rest;

	d->rest = BUF_INIT(HTTP_PIECE_MAX);
	watch_call(c);
	direct_take(c, rest.p, rest.n);
	buf_done(&rest);
}

void direct_stop(struct call *c)
{
	struct direct *d = &c->direct;
	struct upstream *up = TAKE_PTR(d->up);

	if (d->other)
		upstream_close(TAKE_PTR(d->other));
	if (!up)
		return;
	if (d->whole && d->keep)
		upstream_park(up);
	else
		upstream_close(up);
}

/* A descriptor keeps the time to the microsecond; the loop's own timers go by a clock that ticks every four milliseconds. */
bool direct_new(struct http_client *h)
{
	h->gather_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (h->gather_fd < 0)
		return false;
	h->gathered = event_new(loop_base(h->loop), h->gather_fd, EV_READ | EV_PERSIST, on_gathered, h);
	return h->gathered && event_add(h->gathered, NULL) == 0;
}

void direct_free(struct http_client *h)
{
	while (h->idle)
		upstream_close(h->idle);
	if (h->gathered)
		event_free(h->gathered);
	closep(&h->gather_fd);
}
