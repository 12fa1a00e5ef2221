/* wire.c - the bytes of a connection on its socket, plain or encrypted. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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

ssize_t wire_read(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	if (!c->tls) {
		got = recv(c->fd, p, n, MSG_DONTWAIT);
		return got < 0 ? failed() : got;
	}
	ERR_clear_error();
	errno = 0;
	got = SSL_read(c->tls, p, (int)MIN(n, (size_t)INT32_MAX));
	return got > 0 ? got : tls_failed(c, (int)got);
}

/* As much as fits into one record, in one piece: each write makes a record. */
static ssize_t tls_write(struct conn *c, const struct iovec *iov, size_t n_iov)
{
	enum { RECORD = 16384 };
	char joined[RECORD];
	const char *p = iov->iov_base;
	size_t n = iov->iov_len;
	int r;

	if (n_iov > 1 && n < RECORD) {
		n = 0;
		for (size_t i = 0; i < n_iov && n < RECORD; i++) {
			size_t k = MIN(iov[i].iov_len, RECORD - n);
			memcpy(joined + n, iov[i].iov_base, k);
			n += k;
		}
		p = joined;
	}
	ERR_clear_error();
	errno = 0;
	r = SSL_write(c->tls, p, (int)MIN(n, (size_t)RECORD));
	if (r > 0)
		return r;
	ssize_t e = tls_failed(c, r);
	return e == -EAGAIN ? 0 : e == 0 ? -EPIPE : e;
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
