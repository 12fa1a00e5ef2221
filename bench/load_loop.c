/* load_loop.c - the epoll set, buffers, sockets and the clock. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_READY 256
#define SPIN_NS   50000 /* setting a timer for less costs more than asking again */

static int epoll_fd = -1;
static struct source *dead;

void die(const char *format, ...)
{
	va_list args;

	fputs("load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static void bytes_room(struct bytes *b, size_t n)
{
	if (b->n + n + 1 <= b->cap)
		return;
	b->cap = (b->n + n + 1) * 2;
	b->p = realloc(b->p, b->cap);
	if (!b->p)
		die("out of memory");
}

void bytes_add(struct bytes *b, const void *p, size_t n)
{
	bytes_room(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void bytes_addf(struct bytes *b, const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		die("out of memory");
	bytes_add(b, text, (size_t)n);
	free(text);
}

void bytes_cut(struct bytes *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}

void bytes_free(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){0};
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint32_t now_us(void)
{
	static uint64_t began;

	if (!began)
		began = now_ns();
	return (uint32_t)((now_ns() - began) / 1000);
}

void loop_open(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		die("epoll: %s", strerror(errno));
	now_us();
}

void loop_add(struct source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e) < 0)
		die("epoll: %s", strerror(errno));
}

void loop_change(struct source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, s->fd, &e) < 0)
		die("epoll: %s", strerror(errno));
}

void source_close(struct source *s)
{
	if (s->dead)
		return;
	s->dead = true;
	close(s->fd);
	s->next_dead = dead;
	dead = s;
}

static void bury(void)
{
	while (dead) {
		struct source *s = dead;

		dead = s->next_dead;
		s->release(s);
	}
}

void loop_step(uint64_t until_ns)
{
	struct epoll_event ready[MAX_READY];
	uint64_t now = now_ns(), due = provider_due();

	if (due < until_ns)
		until_ns = due;
	uint64_t wait = until_ns > now + SPIN_NS ? until_ns - now : 0;
	struct timespec t = {.tv_sec = (time_t)(wait / NS_PER_S), .tv_nsec = (long)(wait % NS_PER_S)};
	int n = epoll_pwait2(epoll_fd, ready, MAX_READY, &t, NULL);

	if (n < 0 && errno != EINTR)
		die("epoll: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		struct source *s = ready[i].data.ptr;

		if (!s->dead)
			s->ready(s, ready[i].events);
		if ((i & 15) == 15)
			provider_send_due(); /* a large batch must not make the provider late */
	}
	provider_send_due();
	bury();
}

void loop_run_for(double seconds)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);

	while (now_ns() < end)
		loop_step(end);
}

bool loop_until(const volatile size_t *count, size_t goal, double seconds)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);

	while (*count < goal && now_ns() < end)
		loop_step(end);
	return *count >= goal;
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

int socket_listen(int *ret_port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 4096) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		die("listen: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_port = ntohs(a.sin_port);
	return fd;
}

int socket_connect(int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}
