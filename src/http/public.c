/* public.c - the ranges that are not of the public internet: IANA's registries of special-purpose addresses. */
#include "http/public.h"

#include <netinet/in.h>

/* Of IPv4, as numbers of the host's order. */
static const struct {
	uint32_t net;
	unsigned bits;
} closed_v4[] = {
	{0x00000000, 8},  /* this network */
	{0x0a000000, 8},  /* private */
	{0x64400000, 10}, /* shared by customers of a provider; Alibaba's metadata 100.100.100.200 */
	{0x7f000000, 8},  /* loopback */
	{0xa83f8110, 32}, /* 168.63.129.16, Azure's own service: public by its number only */
	{0xa9fe0000, 16}, /* link-local, and the metadata of most clouds: 169.254.169.254 */
	{0xac100000, 12}, /* private */
	{0xc0000000, 24}, /* IETF protocols; Oracle's metadata 192.0.0.192 */
	{0xc0000200, 24}, /* documentation */
	{0xc0586300, 24}, /* relays from IPv6 */
	{0xc0a80000, 16}, /* private */
	{0xc6120000, 15}, /* benchmarks */
	{0xc6336400, 24}, /* documentation */
	{0xcb007100, 24}, /* documentation */
	{0xe0000000, 4},  /* multicast */
	{0xf0000000, 4},  /* reserved, broadcast */
};

static bool public_v4(uint32_t a)
{
	for (size_t i = 0; i < N_ELEMENTS(closed_v4); i++)
		if ((a ^ closed_v4[i].net) >> (32 - closed_v4[i].bits) == 0)
			return false;
	return true;
}

static bool begins(const uint8_t a[16], const char *prefix, unsigned bits)
{
	const uint8_t *p = (const uint8_t *)prefix;
	unsigned bytes = bits / 8, rest = bits % 8;

	return memcmp(a, p, bytes) == 0 && (rest == 0 || (a[bytes] ^ p[bytes]) >> (8 - rest) == 0);
}

static uint32_t v4_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool public_v6(const uint8_t a[16])
{
	/* Those that lead to an IPv4 address are judged by it. */
	if (begins(a, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 96) || begins(a, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 96))
		return public_v4(v4_at(a + 12));
	if (begins(a, "\x20\x02", 16)) /* 6to4 */
		return public_v4(v4_at(a + 2));
	if (!begins(a, "\x20", 3)) /* all that is given out begins with 001 */
		return false;
	if (begins(a, "\x20\x01\0", 23)) /* Teredo and other protocols */
		return false;
	if (begins(a, "\x20\x01\x0d\xb8", 32) || begins(a, "\x3f\xff\x00", 20)) /* documentation */
		return false;
	/* ISATAP: an IPv4 address in the lower half, whatever stands before it. */
	if ((a[8] & 0xfd) == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe)
		return public_v4(v4_at(a + 12));
	return true;
}

bool http_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return public_v4(ntohl(in.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, address, sizeof(in));
		return public_v6(in.sin6_addr.s6_addr);
	}
	return false;
}

bool http_address_of(const struct sockaddr *address, struct address *ret)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;

	if (address->sa_family == AF_INET) {
		memcpy(&in4, address, sizeof(in4));
		*ret = (struct address){.b = {[10] = 0xff, [11] = 0xff}};
		memcpy(ret->b + 12, &in4.sin_addr, 4);
		return true;
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&in6, address, sizeof(in6));
	memcpy(ret->b, &in6.sin6_addr, 16);
	return true;
}
