/*
 * gate_serve.c - one connection of a program to its proxy: CONNECT, or one plain request that is made of it again, so that the host
 * which was granted is the one that is asked; then bytes both ways, counted.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/url.h"
#include "tool/gate_priv.h"

#define HEAD_MAX 32768
#define HEAD_MS  30000
#define PIECE    4096

_Static_assert(HEAD_MAX + PIECE < 2 * HEAD_MAX, "a head has room, with the piece in which it ends");

struct asked {
	char name[256];
	unsigned port;
	bool tunnel;
	struct buf head; /* what is sent to the other side first: the request as it is there */
};

/* ---- sending ---- */

static bool wait_for(const struct gate *g, int fd, short what, int64_t ms)
{
	struct pollfd p[] = {{.fd = fd, .events = what}, {.fd = g->stop, .events = POLLIN}};

	return poll(p, 2, (int)ms) > 0 && !p[1].revents;
}

static bool send_all(const struct gate *g, int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EAGAIN && wait_for(g, fd, POLLOUT, GATE_IDLE_MS))
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static void refuse(const struct gate *g, int client, int status, const char *why)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
		status,
		status == 403   ? "Forbidden"
		: status == 400 ? "Bad Request"
				: "Bad Gateway",
		strlen(why), why);

	ASSERT(n > 0 && (size_t)n < sizeof(text));
	(void)send_all(g, client, text, (size_t)n);
}

/* ---- what is asked ---- */

/* Its head, and in `rest` what came behind it. */
static bool read_head(const struct gate *g, int client, struct buf *head, struct buf *rest)
{
	int64_t until = clock_mono_ms() + HEAD_MS;
	char piece[PIECE];

	for (;;) {
		const char *end = head->n ? memmem(head->p, head->n, "\r\n\r\n", 4) : NULL;
		if (end) {
			size_t n = (size_t)(end - head->p) + 4;
			buf_add(rest, head->p + n, head->n - n);
			head->n = n;
			head->p[n] = '\0';
			return !memchr(head->p, '\0', n);
		}
		int64_t left = until - clock_mono_ms();
		if (left <= 0 || head->n >= HEAD_MAX || !wait_for(g, client, POLLIN, left))
			return false;
		ssize_t k = recv(client, piece, sizeof(piece), 0);
		if (k <= 0)
			return false;
		buf_add(head, piece, (size_t)k);
	}
}

static bool read_name(const char *p, size_t n, struct asked *ret)
{
	if (n > 0 && p[n - 1] == '.')
		n--; /* of the root */
	if (n == 0 || n >= sizeof(ret->name))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)p[i]) && !strchr("-._", p[i]))
			return false;
		ret->name[i] = (char)tolower((unsigned char)p[i]);
	}
	ret->name[n] = '\0';
	return true;
}

/* "name:port" */
static bool read_authority(const char *p, size_t n, unsigned otherwise, struct asked *ret)
{
	const char *colon = memrchr(p, ':', n);
	char digits[6] = "";
	char *end;

	ret->port = otherwise;
	if (colon) {
		size_t k = (size_t)(p + n - colon - 1);
		if (k == 0 || k >= sizeof(digits))
			return false;
		memcpy(digits, colon + 1, k);
		ret->port = (unsigned)strtoul(digits, &end, 10);
		if (*end || ret->port == 0 || ret->port > 65535)
			return false;
		n = (size_t)(colon - p);
	} else if (otherwise == 0) {
		return false;
	}
	return read_name(p, n, ret);
}

static bool is_hop(const char *line, size_t n)
{
	static const char *const names[] = {
		"host:", "connection:", "proxy-connection:", "proxy-authorization:", "keep-alive:", "te:", "upgrade:"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (n >= strlen(names[i]) && strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* The same request as that host is sent it, which closes the connection behind it: another one is judged anew. */
static void make_request(
	const char *method, size_t n_method, const char *path, size_t n_path, const char *lines, struct asked *ret)
{
	buf_add(&ret->head, method, n_method);
	buf_add_char(&ret->head, ' ');
	if (n_path == 0 || *path != '/')
		buf_add_char(&ret->head, '/');
	buf_add(&ret->head, path, n_path);
	buf_printf(&ret->head, " HTTP/1.1\r\nHost: %s", ret->name);
	if (ret->port != 80)
		buf_printf(&ret->head, ":%u", ret->port);
	buf_add_str(&ret->head, "\r\nConnection: close\r\n");
	for (const char *end; (end = strstr(lines, "\r\n")) && end != lines; lines = end + 2) {
		if (!is_hop(lines, (size_t)(end - lines)))
			buf_add(&ret->head, lines, (size_t)(end + 2 - lines));
	}
	buf_add_str(&ret->head, "\r\n");
}

static bool read_request(const char *head, struct asked *ret)
{
	const char *line_end = strstr(head, "\r\n"), *space = strchr(head, ' ');
	const char *target = space ? space + 1 : NULL, *version = target ? strchr(target, ' ') : NULL;

	if (!version || version > line_end || strncmp(version, " HTTP/1.", 8) != 0 || space == head)
		return false;
	size_t n_method = (size_t)(space - head), n_target = (size_t)(version - target);
	ret->tunnel = n_method == 7 && strncmp(head, "CONNECT", 7) == 0;
	if (ret->tunnel)
		return read_authority(target, n_target, 0, ret);
	if (n_target <= 7 || strncasecmp(target, "http://", 7) != 0)
		return false;
	target += 7;
	n_target -= 7;
	size_t n_host = 0;
	while (n_host < n_target && !strchr("/?#", target[n_host]))
		n_host++;
	if (memchr(target, '@', n_host) || !read_authority(target, n_host, 80, ret))
		return false;
	make_request(head, n_method, target + n_host, n_target - n_host, line_end + 2, ret);
	return buf_status(&ret->head) == 0;
}

/* ---- bytes both ways ---- */

/* 1: there may be more; 0: that side has ended; -1: it is over. */
static int pass(struct gate *g, int from, int to, int64_t *count)
{
	char piece[16384];
	ssize_t k = recv(from, piece, sizeof(piece), 0);

	if (k < 0)
		return errno == EAGAIN ? 1 : -1;
	if (k == 0)
		return shutdown(to, SHUT_WR) < 0 ? -1 : 0;
	if (atomic_fetch_sub(&g->left, k) < k) {
		log_warn("tool", "A program of %s has used up the bytes that it may exchange.", g->label);
		return -1;
	}
	*count += k;
	return send_all(g, to, piece, (size_t)k) ? 1 : -1;
}

static int64_t pass_all(struct gate *g, int client, int far)
{
	bool open[2] = {true, true};
	int fds[2] = {client, far};
	int64_t count = 0;

	while (open[0] || open[1]) {
		struct pollfd p[] = {{.fd = open[0] ? client : -1, .events = POLLIN},
			{.fd = open[1] ? far : -1, .events = POLLIN}, {.fd = g->stop, .events = POLLIN}};
		if (poll(p, 3, GATE_IDLE_MS) <= 0 || p[2].revents)
			break;
		for (int i = 0; i < 2; i++) {
			int r = p[i].revents ? pass(g, fds[i], fds[1 - i], &count) : 1;
			if (r < 0)
				return count;
			if (r == 0)
				open[i] = false;
		}
		if (!open[1])
			break; /* nobody answers any more */
	}
	return count;
}

static void exchange(struct gate *g, int client, const struct asked *a, const struct buf *rest)
{
	static const char is_open[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	CLEANUP(closep) int far = gate_connect(g, a->name, a->port);

	if (far < 0) {
		log_warn("tool", "A program of %s did not reach %s:%u: %s.", g->label, a->name, a->port,
			far == -EACCES ? "its address is not of the public internet" : "nothing answers");
		refuse(g, client, far == -EACCES ? 403 : 502,
			far == -EACCES ? "The address of this host may not be reached.\n" : "Nothing answers there.\n");
		return;
	}
	bool well =
		a->tunnel ? send_all(g, client, is_open, sizeof(is_open) - 1) : send_all(g, far, a->head.p, a->head.n);
	if (well && rest->n)
		well = send_all(g, far, rest->p, rest->n);
	int64_t count = well ? pass_all(g, client, far) : 0;
	log_info("tool", "A program of %s reached %s:%u, %lld bytes.", g->label, a->name, a->port, (long long)count);
}

void gate_serve(struct gate *g, int client)
{
	CLEANUP(buf_done) struct buf head = BUF_INIT(2 * HEAD_MAX), rest = BUF_INIT(2 * HEAD_MAX);
	struct asked a = {.head = BUF_INIT(4 * HEAD_MAX)};

	ASSERT_IS(g, GATE_MAGIC);
	ASSERT(client >= 0);
	if (!read_head(g, client, &head, &rest)) {
		/* it left, or says nothing that is a request */
	} else if (!read_request(head.p, &a)) {
		refuse(g, client, 400, "This proxy takes CONNECT, and http:// requests.\n");
	} else if (!gate_allows(g, a.name, a.port)) {
		log_warn("tool", "A program of %s was not let through to %s:%u.", g->label, a.name, a.port);
		refuse(g, client, 403, "This host was not granted.\n");
	} else {
		exchange(g, client, &a, &rest);
	}
	buf_done(&a.head);
}
