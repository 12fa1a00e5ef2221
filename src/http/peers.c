/* peers.c - counts connections by address. */
#include "http/peers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/random.h>

void peers_init(struct peers *p)
{
	*p = (struct peers){0};
	if (getrandom(&p->seed, sizeof(p->seed), 0) < 0)
		p->seed = (uint64_t)(uintptr_t)p;
}

/* The four bytes of an IPv4 address, also of one that came mapped; NULL: it is none. */
static const unsigned char *v4_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return (const unsigned char *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	if (sa->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(a))
			return a->s6_addr + 12;
	}
	return NULL;
}

void peer_text(const struct sockaddr *sa, char ret[static INET6_ADDRSTRLEN])
{
	const unsigned char *v4 = v4_of(sa);

	if (v4)
		snprintf(ret, INET6_ADDRSTRLEN, "%u.%u.%u.%u", v4[0], v4[1], v4[2], v4[3]);
	else if (sa->sa_family != AF_INET6 ||
		 !inet_ntop(
			 AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, ret, INET6_ADDRSTRLEN))
		snprintf(ret, INET6_ADDRSTRLEN, "unix");
}

static size_t bucket_of(const struct peers *p, uint64_t net)
{
	uint64_t h = (net ^ p->seed) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32) * (p->seed | 1);
	return (size_t)(h >> 40) % PEER_BUCKETS;
}

/* What is counted of an address; false: it has none. */
static bool key_of(const struct sockaddr *sa, uint64_t *ret_net, bool *ret_v6)
{
	const unsigned char *v4 = v4_of(sa);

	*ret_net = 0;
	*ret_v6 = !v4;
	if (v4)
		memcpy(ret_net, v4, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(ret_net, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, sizeof(*ret_net));
	return v4 || sa->sa_family == AF_INET6;
}

struct peer_count *peers_find(const struct peers *p, const struct sockaddr *sa)
{
	struct peer_count *c = NULL;
	uint64_t net;
	bool v6;

	if (key_of(sa, &net, &v6))
		c = p->buckets[bucket_of(p, net)];
	while (c && (c->net != net || c->v6 != v6))
		c = c->next;
	return c;
}

struct peer_count *peers_add(struct peers *p, const struct sockaddr *sa, unsigned max)
{
	struct peer_count *c = peers_find(p, sa), **bucket;
	uint64_t net;
	bool v6;

	ASSERT(max > 0);
	if (!key_of(sa, &net, &v6) || (c && c->n >= max))
		return NULL;
	if (!c) {
		bucket = &p->buckets[bucket_of(p, net)];
		c = xcalloc(1, sizeof(*c));
		*c = (struct peer_count){.next = *bucket, .net = net, .v6 = v6};
		*bucket = c;
	}
	c->n++;
	return c;
}

void peers_remove(struct peers *p, struct peer_count *c)
{
	struct peer_count **at = &p->buckets[bucket_of(p, c->net)];

	ASSERT(c->n > 0);
	if (--c->n)
		return;
	while (*at != c) {
		ASSERT(*at); /* it is in the table */
		at = &(*at)->next;
	}
	*at = c->next;
	free(c);
}
