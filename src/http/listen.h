/*
 * listen.h - where the server can be reached: from the words of the setting `listen` to open sockets. The server watches
 * them; whoever opened them closes them, once the server has stopped accepting.
 *
 *   127.0.0.1:8420  [::1]:8420    one address; port 0: any free one
 *   localhost:8420                127.0.0.1 and ::1, where the machine has both
 *   *:8420  :8420                 every address of both families
 *   chat.example.org:8420         every address that the name has here
 *   unix:/run/atelier.sock        a socket in the file system
 *   http://... https://...        one of these, saying how it is spoken to; without: https when there is a certificate,
 *                                 but http on a unix socket, since a proxy stands in front of it
 */
#pragma once

#include "base/err.h"

struct tls; /* http/tls.h */

struct listener {
	int fd;          /* listens; non-blocking, close-on-exec */
	struct tls *tls; /* borrowed; NULL: http */
	unsigned port;   /* 0: a unix socket */
	char *address;   /* for people: "127.0.0.1:8420", "[::1]:8420", "unix:/run/atelier.sock" */
	char *path;      /* of a unix socket's file that is ours to remove; else NULL */
};

struct listeners {
	struct listener *items;
	size_t n;
	bool handed; /* by systemd */
};

struct listen_config {
	const char *words;  /* addresses with blanks or commas between */
	bool standard;      /* nobody chose these words: sockets that systemd hands over take their place */
	struct tls *tls;    /* NULL: no certificate */
	unsigned unix_mode; /* rights on a unix socket */
};

/*
 * Takes the sockets that systemd handed over (LISTEN_FDS; one whose name is "http" stays plain), and opens those of
 * `words`: all, or none and a sentence: E_CONFLICT for an address in use, E_INVALID for what is none of this machine.
 * What an ended server left of a unix socket is replaced; one on which somebody listens is in use. Before there are
 * threads: the environment loses what systemd has put there.
 */
int listeners_open(struct listeners *l, const struct listen_config *c, struct err *e) MUST_CHECK;
void listeners_close(struct listeners *l); /* and removes their files; one that is {0} is fine */
