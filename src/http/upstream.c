/*
 * upstream.c - connections of calls without curl. One belongs to one call at a time; between two it is idle, the one used last
 * first.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/direct.h"

enum {
	IDLE_MAX = 256,
	IDLE_MS = 60000,
	SLOW_MS = 46, /* longer than the kernel holds an acknowledgement back, which is 40 ms and a tick */
	SLOW_PIECES = 8,
};

void upstream_watch(struct upstream *up, short what)
{
	if (up->watched == what)
		return;
	if (up->watched)
		event_del(&up->ev);
	up->watched = what;
	if (!what)
		return;
	event_assign(&up->ev, loop_base(up->client->loop), up->fd, (short)(what | EV_PERSIST), direct_on_upstream, up);
	event_add(&up->ev, NULL);
}

/*
 * The kernel acknowledges a small piece as soon as it is read. On this machine that takes as long as passing a token on, since
 * the server's side of it is done within the same call. Where pieces come one by one, each after the time for which it may hold
 * an acknowledgement back (RFC 9293, 3.8.6.3), it is told to, and does many of them at a tick; it forgets that when the time is
 * over. Nowhere else: a server that collects what it sends until all is acknowledged (RFC 896) would wait for it.
 */
void upstream_heard(struct upstream *up)
{
	if (!up->near)
		return;
	int64_t now = clock_mono_ms();
	bool slow = now - up->heard_ms >= SLOW_MS;

	up->heard_ms = now;
	up->slow = slow ? (unsigned char)MIN(up->slow + 1, SLOW_PIECES) : 0;
	if (up->slow == SLOW_PIECES)
		(void)setsockopt(up->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){0}, sizeof(int));
}

void upstream_list_add(struct upstream **list, struct upstream *up)
{
	up->prev = NULL;
	up->next = *list;
	if (up->next)
		up->next->prev = up;
	*list = up;
}

void upstream_list_remove(struct upstream **list, struct upstream *up)
{
	ASSERT(*(up->prev ? &up->prev->next : list) == up);
	*(up->prev ? &up->prev->next : list) = up->next;
	if (up->next)
		up->next->prev = up->prev;
}

void upstream_close(struct upstream *up)
{
	struct http_client *h = up->client;

	ASSERT(loop_is_mine(h->loop));
	ASSERT(up->call || !up->gathering); /* one list at a time */
	upstream_watch(up, 0);
	if (up->gathering)
		upstream_list_remove(&h->gathering, up);
	if (!up->call) {
		upstream_list_remove(&h->idle, up);
		ASSERT(h->n_idle > 0);
		h->n_idle--;
	}
	closep(&up->fd);
	free(up);
}

/* Those that nobody has used for long; and, of many, the one that has waited longest. */
void upstream_close_old(struct http_client *h)
{
	struct upstream *last = h->idle;
	int64_t now = clock_mono_ms();

	while (last && last->next)
		last = last->next;
	while (last && (h->n_idle > IDLE_MAX || now - last->idle_since_ms > IDLE_MS)) {
		struct upstream *before = last->prev;
		upstream_close(last);
		last = before;
	}
}

void upstream_park(struct upstream *up)
{
	struct http_client *h = up->client;

	ASSERT(up->call && !up->connecting && !up->gathering);
	up->call = NULL;
	up->idle_since_ms = clock_mono_ms();
	upstream_list_add(&h->idle, up);
	upstream_watch(up, EV_READ); /* its end is all that can come */
	if (++h->n_idle > IDLE_MAX)
		upstream_close_old(h);
}

struct upstream *upstream_take(struct http_client *h, const struct direct_address *a)
{
	int64_t now = clock_mono_ms();

	for (struct upstream *up = h->idle; up && now - up->idle_since_ms <= IDLE_MS; up = up->next) {
		if (memcmp(&up->address, a, sizeof(*a)) != 0)
			continue;
		upstream_list_remove(&h->idle, up);
		ASSERT(!up->call && h->n_idle > 0);
		h->n_idle--;
		up->fresh = false;
		return up;
	}
	return NULL;
}

static int connect_to(int fd, const struct direct_address *a)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = a->port};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = a->port};

	memcpy(&v4.sin_addr, a->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->bytes, sizeof(v6.sin6_addr));
	return a->family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
				    : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
}

static bool is_near(const struct direct_address *a)
{
	return a->family == AF_INET ? a->bytes[0] == 127
				    : memcmp(a->bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

struct upstream *upstream_new(struct http_client *h, const struct direct_address *a)
{
	int on = 1, fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return NULL;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (connect_to(fd, a) < 0 && errno != EINPROGRESS) {
		closep(&fd);
		return NULL;
	}
	struct upstream *up = xcalloc(1, sizeof(*up));
	*up = (struct upstream){
		.client = h, .address = *a, .fd = fd, .connecting = true, .fresh = true, .near = is_near(a)};
	return up;
}
