/* sandbox_words.c - what goes between the server and `atelier confine`: words, written and read by one table, and descriptors. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "sys/sandbox_priv.h"

/* One side writes them and the other reads them, both by this table. No word begins with another one. */
static const struct {
	const char *name;
	size_t at;
} numbers[] = {
	{"cpu=", offsetof(struct confinement, cpu_s)},
	{"memory=", offsetof(struct confinement, memory)},
	{"file=", offsetof(struct confinement, file)},
	{"files=", offsetof(struct confinement, files)},
	{"processes=", offsetof(struct confinement, processes)},
	{"network=", offsetof(struct confinement, network)},
};

static uint64_t *number(struct confinement *c, size_t i)
{
	return (uint64_t *)(void *)((char *)c + numbers[i].at);
}

static const char *value(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, name, n) == 0 ? word + n : NULL;
}

static bool read_word(struct confinement *c, const char *word)
{
	const char *v;

	for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
		if ((v = value(word, numbers[i].name)) != NULL) {
			*number(c, i) = strtoull(v, NULL, 10);
			return true;
		}
	}
	if ((v = value(word, "wall=")) != NULL && *v >= '0' && *v <= '0' + SANDBOX_NAMESPACES)
		c->wall = (enum sandbox_wall)(*v - '0');
	else if ((v = value(word, "read=")) != NULL && c->n_readable < SANDBOX_PLACES)
		c->readable[c->n_readable++] = v;
	else if ((v = value(word, "grant=")) != NULL && c->n_grants < SANDBOX_PLACES)
		c->grants[c->n_grants++] = v;
	else if ((v = value(word, "write=")) != NULL)
		c->writable = v;
	else
		return false;
	return true;
}

int confinement_read(struct confinement *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		if (!read_word(c, argv[i]))
			return -1;
	}
	return -1;
}

static void add(struct buf *to, const char *name, const char *text)
{
	buf_add_str(to, name);
	buf_add(to, text, strlen(text) + 1);
}

void confinement_write(const struct confinement *c, struct buf *to)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%d", c->wall);
	add(to, "wall=", digits);
	for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
		snprintf(digits, sizeof(digits), "%llu",
			(unsigned long long)*(const uint64_t *)(const void *)((const char *)c + numbers[i].at));
		add(to, numbers[i].name, digits);
	}
	for (size_t i = 0; i < c->n_readable; i++)
		add(to, "read=", c->readable[i]);
	for (size_t i = 0; i < c->n_grants; i++)
		add(to, "grant=", c->grants[i]);
	if (c->writable)
		add(to, "write=", c->writable);
	add(to, "--", "");
}

/* ---- descriptors ---- */

struct parcel {
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov;
	struct msghdr message;
};

static void parcel_init(struct parcel *p)
{
	memset(p, 0, sizeof(*p));
	p->iov = (struct iovec){&p->byte, 1};
	p->message = (struct msghdr){
		.msg_iov = &p->iov, .msg_iovlen = 1, .msg_control = p->control, .msg_controllen = sizeof(p->control)};
}

int sandbox_pass(int to, int fd)
{
	struct parcel p;
	struct cmsghdr *c;

	parcel_init(&p);
	c = CMSG_FIRSTHDR(&p.message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(to, &p.message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sandbox_passed(int from)
{
	struct parcel p;
	const struct cmsghdr *c;
	int fd = -1;

	parcel_init(&p);
	ssize_t n = recvmsg(from, &p.message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	c = n > 0 ? CMSG_FIRSTHDR(&p.message) : NULL;
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}
