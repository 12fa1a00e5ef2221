/* wire.c - the bytes of a connection on its socket, plain or encrypted. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "http/server_priv.h"

static bool is_for_later(int error)
{
	return error == EAGAIN || error == EINTR;
}

static ssize_t failed(void)
{
	return is_for_later(errno) ? -EAGAIN : -errno;
}

/* Somebody speaks HTTP where encryption is due: told so, in the same language. */
static void say_plain(struct conn *c)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 32\r\n\r\nThis port speaks https, not http";

	(void)!send(c->fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t tls_failed(struct conn *c, int r)
{
	switch (SSL_get_error(c->tls, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return errno ? failed() : 0;
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST)
			say_plain(c);
		return -EPROTO;
	}
}

/* Whether OpenSSL has something to begin with: from then on a handshake takes memory, so it begins with a whole record. What is
 * none is for it to refuse. */
static bool hello_is_here(const struct conn *c)
{
	enum { HANDSHAKE = 0x16, HEAD = 5, MOST = 16384 };
	unsigned char head[HEAD];
	ssize_t n = recv(c->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	int there = 0, length;

	if (n <= 0)
		return n == 0 || !is_for_later(errno);
	if (head[0] != HANDSHAKE)
		return true;
	if (n < HEAD)
		return false;
	length = head[3] << 8 | head[4];
	return length > MOST || ioctl(c->fd, FIONREAD, &there) < 0 || there >= HEAD + length;
}

ssize_t wire_read(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	if (!c->tls) {
		got = recv(c->fd, p, n, MSG_DONTWAIT);
		return got < 0 ? failed() : got;
	}
	if (SSL_in_before(c->tls) && !hello_is_here(c))
		return -EAGAIN;
	ERR_clear_error();
	errno = 0;
	got = SSL_read(c->tls, p, (int)MIN(n, (size_t)INT32_MAX));
	return got > 0 ? got : tls_failed(c, (int)got);
}

/* Copies up to `max` bytes from offset `from` of the pieces: each write makes a record, and one record is cheaper than three. */
static size_t gather(const struct iovec *iov, size_t n_iov, size_t from, char *to, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < n_iov && n < max; i++) {
		size_t skip = MIN(from, iov[i].iov_len), k = MIN(iov[i].iov_len - skip, max - n);
		from -= skip;
		if (k)
			memcpy(to + n, (const char *)iov[i].iov_base + skip, k);
		n += k;
	}
	return n;
}

/* Until all is written or the socket takes no more: only then an event follows. */
static ssize_t tls_write(struct conn *c, const struct iovec *iov, size_t n_iov)
{
	char record[16384];
	size_t sent = 0, n;
	ssize_t e;
	int r;

	while ((n = gather(iov, n_iov, sent, record, sizeof(record))) > 0) {
		ERR_clear_error();
		errno = 0;
		r = SSL_write(c->tls, record, (int)n);
		if (r > 0) {
			sent += (size_t)r;
			continue;
		}
		e = tls_failed(c, r);
		if (e == -EAGAIN)
			break;
		return e == 0 ? -EPIPE : e;
	}
	return (ssize_t)sent;
}

ssize_t wire_write(struct conn *c, const struct iovec *iov, size_t n_iov)
{
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n_iov};
	ssize_t sent;

	if (c->tls)
		return tls_write(c, iov, n_iov);
	sent = n_iov == 1 ? send(c->fd, iov->iov_base, iov->iov_len, flags) : sendmsg(c->fd, &m, flags);
	if (sent >= 0)
		return sent;
	return is_for_later(errno) ? 0 : -errno;
}

void wire_close(struct conn *c, bool lingering)
{
	if (c->tls) {
		if (SSL_is_init_finished(c->tls)) {
			ERR_clear_error();
			SSL_shutdown(c->tls);
		}
		SSL_free(c->tls);
		c->tls = NULL;
	}
	if (lingering)
		shutdown(c->fd, SHUT_WR);
	else
		closep(&c->fd);
}
