/*
 * address.h - addresses of the internet as text: what is one, which lie in a network, which belong to one client.
 */
#pragma once

#include "base/base.h"

#define ADDRESS_TEXT 46 /* bytes of an address as text, with its end; INET6_ADDRSTRLEN */

struct address {
	unsigned char b[16]; /* IPv4 as ::ffff:a.b.c.d, in whichever of the two ways it was written */
};

/* Takes 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80 and fe80::1%eth0, with blanks around; the
 * port and the zone are let go of. False for all else: names, "unknown", a stray sign. */
bool address_parse(struct str text, struct address *ret);

/* The usual way to write it, with the last 128 - `bits` bits cleared; 128 for all of it. An IPv4 address is whole. */
void address_format(const struct address *a, unsigned bits, char ret[ADDRESS_TEXT]);

bool address_is_v4(const struct address *a);
bool address_is_loopback(const struct address *a); /* 127.0.0.0/8, ::1 */

/* Whether it lies in one of the networks: 10.0.0.0/8 2001:db8::/32 192.0.2.1, with blanks or commas between. */
bool address_in(const struct address *a, const char *networks);

/* The first word that is no network, of length *ret_n; NULL: all of them are. */
const char *address_bad_network(const char *networks, size_t *ret_n);
