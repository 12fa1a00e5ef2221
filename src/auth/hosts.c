/* hosts.c - names under which this Atelier is reached, as the header Host has them. */
#include <strings.h>

#include "auth/auth_priv.h"
#include "base/address.h"

/* The name of "name", "name:80", "[::1]:80" or of a URL, without the dot at its end. */
static struct str host_of(struct str s)
{
	for (size_t i = 0; i + 3 <= s.n; i++) {
		if (memcmp(s.p + i, "://", 3) == 0) {
			s = (struct str){s.p + i + 3, s.n - i - 3};
			break;
		}
	}
	size_t n = 0;
	bool inside = s.n > 0 && *s.p == '[';
	while (n < s.n && !strchr("/?#", s.p[n]) && (inside || s.p[n] != ':')) {
		if (s.p[n] == ']')
			inside = false;
		n++;
	}
	if (n > 0 && s.p[n - 1] == '.')
		n--;
	return (struct str){s.p, n};
}

bool same_host(struct str a, struct str b)
{
	return a.n > 0 && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* A name beneath another; none begins with a dot. */
static bool is_beneath(struct str s, struct str end)
{
	return s.n > end.n && *s.p != '.' && strncasecmp(s.p + s.n - end.n, end.p, end.n) == 0;
}

static bool is_listed(struct str name, const char *list)
{
	for (const char *p = list + strspn(list, " ,"); *p; p += strspn(p, " ,")) {
		size_t n = strcspn(p, " ,");

		/* The path of a socket is no name. */
		if (strncmp(p, "unix:", 5) != 0 && same_host(name, host_of((struct str){p, n})))
			return true;
		p += n;
	}
	return false;
}

bool auth_is_public_host(const struct settings *s, const char *host)
{
	return same_host(host_of(str_from(host)), host_of(str_from(s->public_url)));
}

bool auth_is_local_name(const char *host)
{
	struct str name = host_of(str_from(host));

	return same_host(name, STR("localhost")) || is_beneath(name, STR(".localhost"));
}

bool auth_is_our_host(const struct settings *s, const char *host)
{
	struct str name = host_of(str_from(host));
	struct address a;

	if (name.n == 0)
		return false;
	/* Nobody can give a name to a page that is addressed by number. */
	if (address_parse(name, &a))
		return true;
	return auth_is_local_name(host) || auth_is_public_host(s, host) || is_listed(name, s->listen) ||
	       is_listed(name, s->gateway_open_hosts);
}
