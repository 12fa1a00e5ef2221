/* client.c - where a request comes from: the peer, or what a proxy that is believed says of it. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "auth/auth_priv.h"
#include "base/address.h"

bool auth_is_proxy(const struct settings *s, const char *peer)
{
	struct address a;

	if (strcmp(peer, "unix") == 0)
		return s->trust_proxy;
	if (!address_parse(str_from(peer), &a))
		return false;
	return (s->trust_proxy && address_is_loopback(&a)) || address_in(&a, s->trusted_proxies);
}

/* What stands behind the last comma, which is taken off. */
static struct str take_last(struct str *list)
{
	size_t n = list->n;

	if (n == 0)
		return *list;
	while (n > 0 && list->p[n - 1] != ',')
		n--;
	struct str last = {list->p + n, list->n - n};
	list->n = n > 0 ? n - 1 : 0;
	return last;
}

/* Each proxy adds whom it was asked by at the end, so what stands before the entry of one that is not ours may be the
 * client's own invention. */
void auth_client_address(const struct settings *s, const char *peer, const char *forwarded_for, char ret[ADDRESS_TEXT])
{
	struct str list = str_from(forwarded_for);
	struct address a;

	snprintf(ret, ADDRESS_TEXT, "%s", peer);
	if (address_parse(str_from(peer), &a))
		address_format(&a, 128, ret);
	while (list.n > 0 && auth_is_proxy(s, ret) && address_parse(take_last(&list), &a))
		address_format(&a, 128, ret);
}

static bool is_https(struct str url)
{
	return url.n >= 8 && strncasecmp(url.p, "https://", 8) == 0;
}

bool auth_came_by_https(const struct settings *s, const struct auth_way *w)
{
	struct str list = str_from(w->forwarded_proto), last = take_last(&list);

	if (w->tls)
		return true;
	/* A browser says itself what its page was opened by. */
	if (w->origin && strncasecmp(w->origin, "http", 4) == 0)
		return is_https(str_from(w->origin));
	if (last.n && auth_is_proxy(s, w->peer)) {
		while (last.n && *last.p == ' ')
			last = (struct str){last.p + 1, last.n - 1};
		return last.n == 5 && strncasecmp(last.p, "https", 5) == 0;
	}
	return is_https(str_from(s->public_url)) && w->host && auth_is_public_host(s, w->host);
}

bool auth_wants_https(const struct settings *s, const struct auth_way *w)
{
	return auth_came_by_https(s, w) && w->host && !auth_is_local_name(w->host);
}

/* ---- the path that we are seen below ---- */

/* A plain path without its last slash; false for what could not stand in a cookie or in front of a link. */
static bool take_prefix(struct str path, char ret[AUTH_PREFIX_LEN])
{
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	if (path.n >= AUTH_PREFIX_LEN || (path.n > 0 && *path.p != '/'))
		return false;
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (!isalnum(c) && !(c && strchr("/-._~%", c)))
			return false;
		if (c == '/' && i + 1 < path.n && strchr("/.", path.p[i + 1]))
			return false;
	}
	memcpy(ret, path.p, path.n);
	ret[path.n] = '\0';
	return true;
}

void auth_public_prefix(const struct settings *s, char ret[AUTH_PREFIX_LEN])
{
	const char *host = strstr(s->public_url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

	if (!path || !take_prefix((struct str){path, strcspn(path, "?#")}, ret))
		*ret = '\0';
}

void auth_prefix(const struct settings *s, const struct auth_way *w, char ret[AUTH_PREFIX_LEN])
{
	if (w->page_base && take_prefix(str_from(w->page_base), ret))
		return;
	if (w->forwarded_prefix && auth_is_proxy(s, w->peer) && take_prefix(str_from(w->forwarded_prefix), ret))
		return;
	*ret = '\0';
	if ((w->origin && auth_is_public_host(s, w->origin)) || (w->host && auth_is_public_host(s, w->host)))
		auth_public_prefix(s, ret);
}
