/*
 * direct.h - what the files of calls without curl share: direct.c, a call; upstream.c, connections; direct_answer.c, reading an
 * answer. The loop's, but for what direct.c says.
 */
#pragma once

#include <strings.h>

#include "http/client_priv.h"

/* Reading of an answer. */
enum { AT_HEAD, AT_LENGTH, AT_CHUNKS, AT_CLOSE };

struct upstream {
	struct event ev;
	struct http_client *client;
	struct call *call;            /* NULL: idle */
	struct upstream *prev, *next; /* of the idle ones, or of those that are gathering */
	struct direct_address address;
	int fd;
	short watched; /* EV_..., 0: not at all */
	bool connecting;
	bool fresh; /* no call before this one: that it is closed is no surprise */
	bool gathering;
	bool whole; /* of the call, as what follows */
	struct str touched[HTTP_TOUCHED];
	bool near;          /* the server is on this machine */
	unsigned char slow; /* pieces that came one by one, each long after the one before */
	int64_t heard_ms;   /* the last one */
	int64_t idle_since_ms;
};

UNUSED static inline size_t direct_request_size(const struct call *c)
{
	return c->direct.request.n + c->in->body.n;
}

/* A header line has this name. */
UNUSED static inline bool direct_is_named(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

/* upstream.c */
struct upstream *upstream_new(struct http_client *h, const struct direct_address *a);  /* connecting; NULL: errno */
struct upstream *upstream_take(struct http_client *h, const struct direct_address *a); /* an idle one, or NULL */
void upstream_park(struct upstream *up);                                               /* it is idle now */
void upstream_close(struct upstream *up);
void upstream_close_old(struct http_client *h);
void upstream_watch(struct upstream *up, short what); /* EV_..., 0: not at all */
void upstream_heard(struct upstream *up);             /* before a piece of an answer is read: how it is acknowledged */
void upstream_list_add(struct upstream **list, struct upstream *up);
void upstream_list_remove(struct upstream **list, struct upstream *up);

/* direct.c: something is there to be read, or can be written */
void direct_on_upstream(evutil_socket_t fd, short what, void *upstream);

/* direct_answer.c: takes what was read, and changes it; the call may have ended behind it. */
void direct_take(struct call *c, char *p, size_t n);
