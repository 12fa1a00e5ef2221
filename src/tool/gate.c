/*
 * gate.c - grants, the thread that accepts, and what each connection asks for. The listener is made by the program itself, within
 * its network without a way out, and passed to us over a socket: the gate has no address on this machine. It is counted who uses it
 * (the thread, each connection, whoever made it), and the last one frees it.
 */
#include "tool/gate.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/public.h"
#include "sys/loop.h"
#include "sys/thread.h"
#include "tool/gate_priv.h"

#define CONNECTIONS_MAX 32
#define HOST_MAX        255

_Static_assert(HOST_MAX < sizeof(((struct gate_host *)0)->name), "the longest name of a host fits, with its end");

const char *const gate_env[] = {"http_proxy=" GATE_URL, "https_proxy=" GATE_URL, "HTTP_PROXY=" GATE_URL,
	"HTTPS_PROXY=" GATE_URL, "no_proxy=", "NO_PROXY=", "NODE_USE_ENV_PROXY=1",
	"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", NULL};

const char *const *gate_readable(void)
{
	static const char *const certificates[] = {"/etc/ssl/certs", NULL}, *const none[] = {NULL};

	return access(certificates[0], R_OK) == 0 ? certificates : none;
}

/* ---- grants ---- */

/* "*.example.org:8443" in its parts; port 0: 80 and 443. */
static bool read_host(const char *text, struct gate_host *ret)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	char *end;

	*ret = (struct gate_host){.port = 0};
	if (colon) {
		long port = strtol(colon + 1, &end, 10);
		if (*end || end == colon + 1 || port < 1 || port > 65535)
			return false;
		ret->port = (unsigned)port;
	}
	if (n > 2 && text[0] == '*' && text[1] == '.') {
		ret->below = true;
		text += 2;
		n -= 2;
	}
	if (n == 0 || n > HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (!isalnum(c) && c != '-' && c != '.' && c != '_')
			return false;
		ret->name[i] = (char)tolower(c);
	}
	return ret->name[0] != '.' && ret->name[n - 1] != '.';
}

int gate_check_hosts(const json_t *hosts, struct err *e)
{
	struct gate_host h;
	const json_t *v;
	size_t i;

	if (!hosts)
		return 0;
	if (!json_is_array(hosts) || json_array_size(hosts) > GATE_HOSTS_MAX)
		return err_set(e, E_INVALID, "\"hosts\" must be a list of at most %d names.", GATE_HOSTS_MAX);
	json_array_foreach(hosts, i, v)
	{
		if (!json_is_string(v) || !read_host(json_string_value(v), &h))
			return err_set(e, E_INVALID,
				"\"hosts\" has names such as api.example.org, api.example.org:8443 or *.example.org.");
	}
	return 0;
}

static bool is_below(const char *name, const char *of)
{
	size_t n = strlen(name), k = strlen(of);

	return n > k + 1 && name[n - k - 1] == '.' && strcmp(name + n - k, of) == 0;
}

bool gate_allows(const struct gate *g, const char *name, unsigned port)
{
	ASSERT(port > 0 && port <= 65535); /* 0 stands for two ports in what was granted */
	for (size_t i = 0; i < g->n_hosts; i++) {
		const struct gate_host *h = &g->hosts[i];
		bool right_port = h->port ? h->port == port : port == 80 || port == 443;
		if (right_port && (h->below ? is_below(name, h->name) : strcmp(name, h->name) == 0))
			return true;
	}
	return false;
}

/* ---- to the other side ---- */

static bool may_reach(const struct gate *g, const struct sockaddr *at)
{
	struct address a;

	if (http_is_public(at))
		return true;
	return *g->also && http_address_of(at, &a) && address_in(&a, g->also);
}

/* Until it may be written, the gate ends, or it takes too long. */
static bool connected(const struct gate *g, int fd)
{
	struct pollfd p[] = {{.fd = fd, .events = POLLOUT}, {.fd = g->stop, .events = POLLIN}};
	int why = 0;

	if (poll(p, 2, GATE_CONNECT_MS) <= 0 || p[1].revents)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &(socklen_t){sizeof(why)}) == 0 && why == 0;
}

int gate_connect(const struct gate *g, const char *name, unsigned port)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found = NULL;
	char digits[12];
	int fd = -1;

	ASSERT(thread_may_wait());
	ASSERT_IS(g, GATE_MAGIC);
	snprintf(digits, sizeof(digits), "%u", port);
	if (getaddrinfo(name, digits, &wanted, &found) != 0)
		return -EHOSTUNREACH;
	int r = -EHOSTUNREACH;
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
		if (!may_reach(g, a->ai_addr)) {
			r = -EACCES;
			continue;
		}
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)
			closep(&fd);
		if (fd >= 0 && !connected(g, fd))
			closep(&fd);
	}
	freeaddrinfo(found);
	return fd >= 0 ? fd : r;
}

/* ---- the life of one ---- */

static void let_go(struct gate *g)
{
	ASSERT_IS(g, GATE_MAGIC);
	pthread_mutex_lock(&g->mx);
	ASSERT(g->users > 0);
	bool last = --g->users == 0;
	pthread_mutex_unlock(&g->mx);
	if (!last)
		return;
	close(g->stop);
	pthread_mutex_destroy(&g->mx);
	free(g->label);
	free(g->also);
	MAGIC_END(g, GATE_MAGIC);
	free(g);
}

static void *serve(void *arg)
{
	struct gate_connection *c = arg;

	gate_serve(c->gate, c->client);
	close(c->client);
	let_go(c->gate);
	free(c);
	return NULL;
}

/* Whoever calls holds it too, so that it is never the last one here. */
static void take_connection(struct gate *g, int client)
{
	struct gate_connection *c = xcalloc(1, sizeof(*c));

	*c = (struct gate_connection){g, client};
	pthread_mutex_lock(&g->mx);
	ASSERT(g->users > 0);
	bool started = g->users <= CONNECTIONS_MAX && thread_start_detached("gate", serve, c) == 0;
	g->users += started;
	pthread_mutex_unlock(&g->mx);
	if (started)
		return;
	close(client);
	free(c);
}

/* The listener, as soon as the program's network is there; negative: it never will be. */
static int take_listener(const struct gate *g, int from)
{
	struct pollfd p[] = {{.fd = from, .events = POLLIN}, {.fd = g->stop, .events = POLLIN}};

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	return p[1].revents ? -1 : sandbox_passed(from);
}

static void *watch(void *arg)
{
	struct gate *g = arg;
	CLEANUP(closep) int from = g->ours, listener = take_listener(g, from);

	while (listener >= 0) {
		struct pollfd p[] = {{.fd = listener, .events = POLLIN}, {.fd = g->stop, .events = POLLIN}};
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			break;
		int client = p[0].revents ? accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
		if (client >= 0)
			take_connection(g, client);
		else if (p[0].revents & (POLLERR | POLLHUP | POLLNVAL))
			break;
	}
	let_go(g);
	return NULL;
}

int gate_new(const struct gate_config *c, struct gate **ret, struct err *e)
{
	struct gate *g = xcalloc(1, sizeof(*g));
	int pair[2] = {-1, -1}, r;

	MAGIC_SET(g, GATE_MAGIC);
	for (const char *const *h = c->hosts; h && *h && g->n_hosts < GATE_HOSTS_MAX; h++)
		g->n_hosts += read_host(*h, &g->hosts[g->n_hosts]);
	pthread_mutex_init(&g->mx, NULL);
	g->label = xstrdup(c->label);
	g->also = xstrdup(c->also ? c->also : "");
	g->left = c->bytes_max;
	g->users = 2; /* the thread, and whoever has it */
	g->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = g->stop < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
	g->ours = pair[0];
	g->theirs = pair[1];
	if (r == 0)
		r = thread_start_detached("gate", watch, g);
	if (r == 0) {
		*ret = g;
		return 0;
	}
	closep(&pair[0]);
	closep(&pair[1]);
	g->users = 1;
	let_go(g);
	return err_set(e, r, "The way out of a sandbox cannot be made: %s", strerror(-r));
}

int gate_end(const struct gate *g)
{
	ASSERT_IS(g, GATE_MAGIC);
	ASSERT(g->theirs >= 0); /* nobody has it yet */
	return g->theirs;
}

void gate_started(struct gate *g)
{
	ASSERT_IS(g, GATE_MAGIC);
	closep(&g->theirs);
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	gate_started(g);
	(void)!write(g->stop, &(uint64_t){1}, sizeof(uint64_t));
	let_go(g);
}
