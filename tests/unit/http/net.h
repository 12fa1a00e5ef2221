/* net.h - raw sockets for the tests of this room; every wait ends in a failure at some time. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "../patience.h"
#include "base/base.h"

UNUSED static int net_connect_small(unsigned port, int rcvbuf)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval tv = {.tv_sec = PATIENCE_MS / 1000};
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (rcvbuf)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

UNUSED static int net_connect(unsigned port)
{
	int fd = net_connect_small(port, 0);
	assert_true(fd >= 0);
	return fd;
}

/* A listener on loopback at any port; negative: none can be made. */
UNUSED static int net_listen(int backlog, unsigned *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, backlog) < 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		return -1;
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

/* Closes with a reset. */
UNUSED static void net_reset(int fd)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

/* False when the other side has closed. */
UNUSED static bool net_send(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

UNUSED static void net_say(int fd, const char *text)
{
	assert_true(net_send(fd, text, strlen(text)));
}

struct net_text {
	char *p;
	size_t n, cap;
};

UNUSED static void net_text_done(struct net_text *t)
{
	free(t->p);
}

UNUSED static void net_room(struct net_text *t, size_t n)
{
	if (t->n + n < t->cap)
		return;
	t->cap = 2 * t->cap + n + 1;
	t->p = realloc(t->p, t->cap);
	assert_non_null(t->p);
}

/* One recv, appended; 0 at the end, negative on a reset. A wait without end fails the test. */
UNUSED static ssize_t net_more(int fd, struct net_text *t)
{
	net_room(t, 65536);
	ssize_t n = recv(fd, t->p + t->n, 65536, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		fail_msg("nothing came; so far: %.*s", (int)t->n, t->p);
	if (n > 0)
		t->n += (size_t)n;
	t->p[t->n] = '\0';
	return n;
}

/* Reads until `what` was seen behind offset `from`. */
UNUSED static void net_until(int fd, struct net_text *t, size_t from, const char *what)
{
	while (!t->p || t->n <= from || !strstr(t->p + from, what))
		if (net_more(fd, t) <= 0)
			fail_msg("closed before \"%s\"; so far: %s", what, t->p ? t->p : "");
}

UNUSED static void net_until_closed(int fd, struct net_text *t)
{
	while (net_more(fd, t) > 0)
		;
}

/* Reads one answer with a Content-Length; returns its body. `t` holds just this answer afterwards. */
UNUSED static const char *net_answer(int fd, struct net_text *t, bool with_body)
{
	if (t->p)
		t->p[t->n = 0] = '\0';
	/* byte by byte, so that nothing of a following answer is taken */
	net_room(t, 1 << 20);
	while (t->n < 4 || memcmp(t->p + t->n - 4, "\r\n\r\n", 4) != 0) {
		ssize_t k = recv(fd, t->p + t->n, 1, 0);
		if (k <= 0)
			fail_msg("no answer; so far: %.*s", (int)t->n, t->p);
		t->n++;
		t->p[t->n] = '\0';
	}
	size_t head = t->n;
	const char *length = strcasestr(t->p, "\r\nContent-Length: ");
	size_t n = length && with_body ? (size_t)atoi(length + 18) : 0;
	while (t->n < head + n) {
		ssize_t k = recv(fd, t->p + t->n, head + n - t->n, 0);
		if (k <= 0)
			fail_msg("cut answer: %.*s", (int)t->n, t->p);
		t->n += (size_t)k;
		t->p[t->n] = '\0';
	}
	return t->p + head;
}

UNUSED static void net_wait(sem_t *s)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += PATIENCE_MS / 1000;
	while (sem_timedwait(s, &ts) < 0)
		if (errno != EINTR)
			fail_msg("waited in vain");
}
