/* listen.c - opens the addresses of the setting `listen`, and takes those that systemd has opened. */
#include "http/listen.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"

enum {
	BACKLOG = 4096,
	FIRST_HANDED = 3,     /* SD_LISTEN_FDS_START */
	FREE_PORT_TRIES = 20, /* a port that is free in one family may be taken in the other */
};

enum spoken { SPOKEN_STANDARD, SPOKEN_HTTP, SPOKEN_HTTPS };

/* One address of a word: localhost has two. */
struct endpoint {
	struct sockaddr_storage sa;
	socklen_t n;
	const char *word; /* as it was given */
	enum spoken spoken;
	bool follows; /* of the same word as the one before it: has its port, too */
	bool spare;   /* this family may be missing here, when the other is there */
};

struct plan {
	struct endpoint *items;
	size_t n;
};

static void plan_done(struct plan *p)
{
	free(p->items);
}

/* ---- words ---- */

static unsigned port_of(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return sa->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port) : 0;
}

static void set_port(struct sockaddr_storage *sa, unsigned port)
{
	if (sa->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)(void *)sa)->sin_port = htons((uint16_t)port);
}

/* "host:port", "[v6]:port" or ":port". */
static int address_split(const char *address, char host[static 256], char port[static 8])
{
	const char *colon = strrchr(address, ':'), *p = address;

	if (!colon || colon[1] == '\0' || strlen(colon + 1) > 5 ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535)
		return E_INVALID;
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
	snprintf(port, 8, "%s", colon + 1);
	return 0;
}

static void plan_add(struct plan *p, const struct endpoint *like, const struct sockaddr *sa, socklen_t n)
{
	struct endpoint *to;

	for (size_t i = 0; i < p->n; i++) {
		if (p->items[i].n == n && memcmp(&p->items[i].sa, sa, n) == 0 && port_of(&p->items[i].sa))
			return; /* the same once more */
	}
	p->items = realloc(p->items, (p->n + 1) * sizeof(*p->items));
	if (!p->items)
		abort();
	to = &p->items[p->n++];
	*to = *like;
	memset(&to->sa, 0, sizeof(to->sa));
	memcpy(&to->sa, sa, n);
	to->n = n;
}

static int plan_unix(struct plan *p, struct endpoint *like, const char *path, struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (path[0] != '/')
		return err_set(e, E_INVALID,
			"\"%s\" is not the whole path of a socket; write for example unix:/run/atelier.sock.",
			like->word);
	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, E_INVALID,
			"The path of the socket %s is longer than the %zu bytes that the system allows.", path,
			sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	plan_add(p, like, (const struct sockaddr *)&sa, sizeof(sa));
	return 0;
}

/* Both families by their own names, since what a machine's name service says of them is often half of it. */
static bool plan_both(struct plan *p, struct endpoint *like, const char *host, unsigned port)
{
	bool all = host[0] == '\0' || strcmp(host, "*") == 0;

	if (!all && strcasecmp(host, "localhost") != 0)
		return false;
	const struct sockaddr_in four = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(all ? INADDR_ANY : INADDR_LOOPBACK)};
	const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
		.sin6_addr = all ? in6addr_any : in6addr_loopback};
	like->spare = true;
	plan_add(p, like, (const struct sockaddr *)&four, sizeof(four));
	like->follows = true;
	plan_add(p, like, (const struct sockaddr *)&six, sizeof(six));
	return true;
}

static int plan_tcp(struct plan *p, struct endpoint *like, const char *address, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
	char host[256], port[8];
	int r = address_split(address, host, port);

	if (r < 0)
		return err_set(e, E_INVALID, "\"%s\" is not an address to listen on; write for example 127.0.0.1:8420.",
			like->word);
	if (plan_both(p, like, host, (unsigned)atoi(port)))
		return 0;
	r = getaddrinfo(host, port, &hints, &list);
	if (r != 0)
		return err_set(
			e, E_INVALID, "\"%s\" is not an address of this machine: %s.", like->word, gai_strerror(r));
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		plan_add(p, like, a->ai_addr, a->ai_addrlen);
		like->follows = true;
	}
	freeaddrinfo(list);
	return 0;
}

static int plan_word(struct plan *p, const char *word, const struct tls *tls, struct err *e)
{
	struct endpoint like = {.word = word};
	const char *address = word;
	size_t n;

	if (strncmp(word, "http://", 7) == 0)
		like.spoken = SPOKEN_HTTP, address += 7;
	else if (strncmp(word, "https://", 8) == 0)
		like.spoken = SPOKEN_HTTPS, address += 8;
	if (like.spoken == SPOKEN_HTTPS && !tls)
		return err_set(e, E_INVALID,
			"To listen on %s a certificate and its key are needed: --tls-cert and --tls-key.", word);
	if (strncmp(address, "unix:", 5) == 0)
		return plan_unix(p, &like, address + 5, e);
	n = strlen(address);
	if (like.spoken && n && address[n - 1] == '/')
		return err_set(e, E_INVALID, "\"%s\" is an address to listen on with something behind the port.", word);
	return plan_tcp(p, &like, address, e);
}

/* ---- sockets ---- */

static struct listener *listener_add(struct listeners *l)
{
	l->items = realloc(l->items, (l->n + 1) * sizeof(*l->items));
	if (!l->items)
		abort();
	l->items[l->n] = (struct listener){.fd = -1};
	return &l->items[l->n++];
}

/* Whether somebody listens there, or may: only a refusal says that nobody does. */
static bool unix_answers(const char *path)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	return fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 || errno != ECONNREFUSED;
}

static void listener_close(struct listener *one)
{
	closep(&one->fd);
	/* Another server may have put its own in its place. */
	if (one->path && !unix_answers(one->path))
		unlink(one->path);
	free(one->path);
	free(one->address);
}

static void listeners_cut(struct listeners *l, size_t n)
{
	while (l->n > n)
		listener_close(&l->items[--l->n]);
}

void listeners_close(struct listeners *l)
{
	listeners_cut(l, 0);
	free(l->items);
	*l = (struct listeners){0};
}

/* Address and port of a socket that is bound. */
static int listener_describe(struct listener *one)
{
	struct sockaddr_storage sa = {0};
	CLEANUP(buf_done) struct buf b = BUF_INIT(1024);
	socklen_t n = sizeof(sa);
	char host[256];

	if (getsockname(one->fd, (struct sockaddr *)&sa, &n) < 0)
		return -errno;
	one->port = port_of(&sa);
	if (sa.ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const void *)&sa;
		size_t length =
			n > offsetof(struct sockaddr_un, sun_path) ? n - offsetof(struct sockaddr_un, sun_path) : 0;

		if (length && !un->sun_path[0])
			buf_printf(&b, "unix:@%.*s", (int)length - 1, un->sun_path + 1);
		else
			buf_printf(&b, "unix:%.*s", (int)length, un->sun_path);
	} else {
		if (getnameinfo((struct sockaddr *)&sa, n, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
			return -EAFNOSUPPORT;
		buf_printf(&b, sa.ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, one->port);
	}
	one->address = buf_take(&b);
	return one->address ? 0 : -ENOMEM;
}

static int open_failed(const struct endpoint *at, int error, struct err *e)
{
	if (error == EADDRINUSE)
		return err_set(
			e, E_CONFLICT, "%s is in use by another program. Choose another port with --listen.", at->word);
	if (error == EACCES || error == EPERM)
		return err_set(e, E_INVALID, "%s may not be used by this user: %s.", at->word, strerror(error));
	if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
		return err_set(e, E_INVALID, "%s is not an address of this machine.", at->word);
	return err_set(e, E_INVALID, "%s cannot be listened on: %s.", at->word, strerror(error));
}

/* [::] alone takes IPv4 too, as everywhere on Linux; beside an IPv4 address with its port it cannot. */
static bool six_only(const struct plan *p, const struct endpoint *at)
{
	const struct sockaddr_in6 *six = (const void *)&at->sa;

	if (memcmp(&six->sin6_addr, &in6addr_any, sizeof(in6addr_any)) != 0)
		return true;
	for (size_t i = 0; i < p->n; i++) {
		const struct endpoint *other = &p->items[i];
		bool same = port_of(&other->sa) == port_of(&at->sa) && port_of(&at->sa);

		if (other->sa.ss_family == AF_INET && (same || strcmp(other->word, at->word) == 0))
			return true;
	}
	return false;
}

/* 0 or -errno. */
static int tcp_open(const struct plan *p, const struct endpoint *at, unsigned port, int *ret_fd)
{
	CLEANUP(closep) int fd = socket(at->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa = at->sa;
	int on = 1, only = at->sa.ss_family == AF_INET6 && six_only(p, at);

	if (fd < 0)
		return -errno;
	set_port(&sa, port);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		(sa.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0) ||
		bind(fd, (struct sockaddr *)&sa, at->n) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Whoever listens there would lose it without a word. */
static int unix_clear(const struct sockaddr_un *sa, struct err *e)
{
	struct stat st;

	if (lstat(sa->sun_path, &st) < 0)
		return 0; /* none, or bind says why not */
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			e, E_CONFLICT, "%s is there already and is no socket; nothing was changed.", sa->sun_path);
	if (unix_answers(sa->sun_path))
		return err_set(e, E_CONFLICT, "%s is in use by another program.", sa->sun_path);
	unlink(sa->sun_path);
	return 0;
}

static int unix_open(struct listeners *l, const struct endpoint *at, unsigned mode, struct err *e)
{
	const struct sockaddr_un *sa = (const void *)&at->sa;
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct listener *one;
	int r = unix_clear(sa, e);

	if (r < 0)
		return r;
	/* What the socket has before it gets a name is what nobody can exceed in between; umask may take from it. */
	if (fd < 0 || fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)sa, at->n) < 0 ||
		chmod(sa->sun_path, mode) < 0 || listen(fd, BACKLOG) < 0)
		return open_failed(at, errno, e);
	one = listener_add(l);
	one->fd = fd;
	fd = -1;
	one->path = xstrdup(sa->sun_path);
	r = listener_describe(one);
	return r < 0 ? open_failed(at, -r, e) : 0;
}

/* The addresses of one word, from `at` on; all with one port. 0 or -errno. */
static int word_open(struct listeners *l, const struct plan *p, size_t at, size_t end)
{
	unsigned port = port_of(&p->items[at].sa);
	size_t before = l->n;
	int missing = 0;

	for (size_t i = at; i < end; i++) {
		int fd = -1, r = tcp_open(p, &p->items[i], port, &fd);

		if ((r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT) && p->items[i].spare) {
			missing = r;
			continue;
		}
		if (r < 0)
			return r;
		struct listener *one = listener_add(l);
		one->fd = fd;
		r = listener_describe(one);
		if (r < 0)
			return r;
		port = one->port;
	}
	return l->n > before ? 0 : missing;
}

static int plan_open(struct listeners *l, const struct plan *p, const struct listen_config *c, struct err *e)
{
	for (size_t at = 0, end; at < p->n; at = end) {
		const struct endpoint *first = &p->items[at];
		size_t before = l->n;
		int r, tries = port_of(&first->sa) ? 1 : FREE_PORT_TRIES;

		for (end = at + 1; end < p->n && p->items[end].follows && first->sa.ss_family != AF_UNIX; end++)
			;
		if (first->sa.ss_family == AF_UNIX) {
			r = unix_open(l, first, c->unix_mode, e);
			if (r < 0)
				return r;
		} else {
			while ((r = word_open(l, p, at, end)) < 0) {
				listeners_cut(l, before);
				if (r != -EADDRINUSE || --tries == 0)
					return open_failed(first, -r, e);
			}
		}
		bool secure = first->spoken ? first->spoken == SPOKEN_HTTPS : first->sa.ss_family != AF_UNIX;
		for (; before < l->n; before++)
			l->items[before].tls = secure ? c->tls : NULL;
	}
	return 0;
}

/* ---- what systemd hands over ---- */

static unsigned number_of(const char *name)
{
	const char *value = getenv(name);

	return value && isdigit((unsigned char)*value) ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static int handed_one(struct listeners *l, int fd, struct str name, struct tls *tls, struct err *e)
{
	struct listener *one = listener_add(l);
	int listens = 0, type = 0, flags = fcntl(fd, F_GETFL);
	socklen_t n = sizeof(int);

	one->fd = fd;
	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_STREAM ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) < 0 || !listens)
		return err_set(e, E_INVALID,
			"Descriptor %d, which systemd handed over, is no stream socket that listens. Its unit needs "
			"ListenStream= and "
			"Accept=no.",
			fd);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
		listener_describe(one) < 0)
		return err_set(e, E_INVALID, "Descriptor %d, which systemd handed over, cannot be used: %s.", fd,
			strerror(errno));
	if (str_eq(name, STR("https")) && !tls)
		return err_set(e, E_INVALID,
			"The socket unit names %s \"https\", and there is no certificate: --tls-cert and --tls-key.",
			one->address);
	if (!str_eq(name, STR("http")) && (one->port || str_eq(name, STR("https"))))
		one->tls = tls;
	return 0;
}

static int handed_open(struct listeners *l, struct tls *tls, struct err *e)
{
	unsigned n = number_of("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	int r = 0;

	if (number_of("LISTEN_PID") != (unsigned)getpid())
		n = 0; /* meant for another process */
	for (unsigned i = 0; i < n && r == 0; i++) {
		size_t length = names ? strcspn(names, ":") : 0;

		r = handed_one(l, FIRST_HANDED + (int)i, (struct str){names ? names : "", length}, tls, e);
		if (names)
			names += length + (names[length] == ':');
	}
	l->handed = n > 0;
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return r;
}

/* ---- all of them ---- */

int listeners_open(struct listeners *l, const struct listen_config *c, struct err *e)
{
	static const char between[] = " \t,";
	CLEANUP(freep) char *words = xstrdup(c->words);
	CLEANUP(plan_done) struct plan p = {0};
	char *state = NULL;
	int r;

	*l = (struct listeners){0};
	r = handed_open(l, c->tls, e);
	if (!(l->handed && c->standard)) {
		for (char *w = strtok_r(words, between, &state); w && r == 0; w = strtok_r(NULL, between, &state))
			r = plan_word(&p, w, c->tls, e);
		if (r == 0)
			r = plan_open(l, &p, c, e);
	}
	if (r == 0 && l->n == 0)
		r = err_set(
			e, E_INVALID, "There is no address to listen on; write for example --listen 127.0.0.1:8420.");
	if (r < 0)
		listeners_close(l);
	return r;
}
