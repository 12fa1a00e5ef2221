/*
 * public.h - which addresses belong to the public internet. Whatever a user may enter is fetched from those alone, so
 * that nobody reaches through Atelier what only its own machine or network should reach. Any thread.
 */
#pragma once

#include <sys/socket.h>

#include "base/address.h"

/* False for loopback, private, link-local, shared (CGNAT), unique local, multicast, unspecified, documentation and
 * reserved addresses, those of clouds' metadata services, IPv6 forms of such IPv4 addresses, and other families. */
bool http_is_public(const struct sockaddr *address);

/* The same as an address of base/address.h; false for other families. */
bool http_address_of(const struct sockaddr *address, struct address *ret);
