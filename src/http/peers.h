/*
 * peers.h - how many connections each address has. An IPv6 network of 64 bits is one address, since that is what one household
 * has; an IPv4 address that came mapped into IPv6 is the IPv4 address.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/base.h"

struct peer_count {
	struct peer_count *next;
	uint64_t net; /* the address, or its first half */
	bool v6;
	unsigned n; /* connections */
};

enum { PEER_BUCKETS = 1024 };

struct peers {
	uint64_t seed; /* nobody outside can choose addresses that meet in one bucket */
	struct peer_count *buckets[PEER_BUCKETS];
};

void peers_init(struct peers *p);

/* Counts one more connection of this address; NULL when there are `max` already, or it has no address to count. */
struct peer_count *peers_add(struct peers *p, const struct sockaddr *sa, unsigned max);
struct peer_count *peers_find(const struct peers *p, const struct sockaddr *sa); /* NULL: it has none */
void peers_remove(struct peers *p, struct peer_count *c);

/* The address without its port, as text: "127.0.0.1", "2001:db8::1"; "unix" for a socket in the file system. */
void peer_text(const struct sockaddr *sa, char ret[static INET6_ADDRSTRLEN]);
