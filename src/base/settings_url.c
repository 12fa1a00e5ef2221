/* settings_url.c - addresses as people write them, made into URLs once, where they are set. */
#include "base/settings_priv.h"

#include <stdio.h>

#include "base/buf.h"

#define OLLAMA_PORT "11434"

static bool has_scheme(struct str s)
{
	return str_starts(s, STR("http://")) || str_starts(s, STR("https://"));
}

/* What ends an authority for one reader and not for the next would lead a key to another host than it was given for: an
 * address to which paths are added has no query and no fragment. */
static bool printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || strchr("\"\\?#", *s))
			return false;
	return true;
}

/* The addresses that mean "all of mine" to a server are no address to connect to. */
static struct str reachable(struct str host)
{
	if (host.n == 0 || str_eq(host, STR("0.0.0.0")))
		return STR("127.0.0.1");
	if (str_eq(host, STR("[::]")) || str_eq(host, STR("::")))
		return STR("[::1]");
	return host;
}

static bool is_port(struct str s)
{
	unsigned v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i > 4)
			return false;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	return v >= 1 && v <= 65535;
}

/* Parts "host:port", "[::1]:port" or a bare IPv6 address; the port is empty when none is given. */
static bool split_port(struct str s, struct str *ret_host, struct str *ret_port)
{
	const char *bracket = s.n && s.p[0] == '[' ? memchr(s.p, ']', s.n) : NULL;
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;

	*ret_host = s;
	*ret_port = (struct str){"", 0};
	if (s.n && s.p[0] == '[' && !bracket)
		return false;
	if (!colon || (bracket && colon < bracket))
		return !bracket || bracket + 1 == s.p + s.n;
	if (!bracket && memchr(s.p, ':', (size_t)(colon - s.p)))
		return true; /* a bare IPv6 address: its colons are its own */
	if (bracket && bracket + 1 != colon)
		return false;
	ret_host->n = (size_t)(colon - s.p);
	*ret_port = (struct str){colon + 1, (size_t)(s.p + s.n - colon - 1)};
	return is_port(*ret_port);
}

/* Adds host and port of an authority without a scheme of its own. */
static bool add_authority(struct buf *b, struct str authority, bool guess)
{
	struct str host, port;

	if (!split_port(authority, &host, &port))
		return false;
	if (host.n == 0 && !guess)
		return false;
	host = reachable(host);
	if (host.p[0] != '[' && memchr(host.p, ':', host.n))
		buf_printf(b, "[" STR_FMT "]", STR_ARG(host));
	else
		buf_add(b, host.p, host.n);
	if (port.n > 0)
		buf_printf(b, ":" STR_FMT, STR_ARG(port));
	else if (guess)
		buf_add_str(b, ":" OLLAMA_PORT);
	return true;
}

/* Without the blanks and quotes around it, as Ollama reads its own variable: shells and env files leave them there. */
static char *unquoted(const char *value)
{
	static const char blanks[] = " \t\r\n", quotes[] = "\"'";
	char *ret;
	size_t n;

	value += strspn(value, blanks);
	n = strlen(value);
	while (n > 0 && strchr(blanks, value[n - 1]))
		n--;
	while (n > 0 && strchr(quotes, *value))
		value++, n--;
	while (n > 0 && strchr(quotes, value[n - 1]))
		n--;
	ret = xstrdup(value);
	ret[n] = '\0';
	return ret;
}

char *settings_url(const char *given, bool guess, const char *origin, struct err *e)
{
	CLEANUP(freep) char *owned = guess ? unquoted(given) : NULL;
	CLEANUP(buf_done) struct buf url = BUF_INIT(4096);
	const char *value = owned ? owned : given;
	struct str rest = str_from(value), authority, user = {0};
	bool scheme = has_scheme(rest);
	const char *at;

	if (!printable(value) || (!scheme && (!guess || strstr(value, "://"))))
		goto refuse;
	if (scheme) {
		size_t n = (size_t)(strstr(value, "://") - value) + 3;

		buf_add(&url, value, n);
		rest = str_from(value + n);
	} else {
		buf_add_str(&url, "http://");
	}
	while (rest.n > 0 && rest.p[rest.n - 1] == '/')
		rest.n--;
	at = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
	authority = (struct str){rest.p, at ? (size_t)(at - rest.p) : rest.n};
	rest = (struct str){rest.p + authority.n, rest.n - authority.n};
	at = authority.n ? memrchr(authority.p, '@', authority.n) : NULL;
	if (at) {
		user = (struct str){authority.p, (size_t)(at - authority.p) + 1};
		authority = (struct str){at + 1, authority.n - user.n};
	}
	buf_add(&url, user.p ? user.p : "", user.n);
	if (!add_authority(&url, authority, guess && !scheme))
		goto refuse;
	buf_add(&url, rest.p, rest.n);
	if (buf_status(&url) == 0)
		return buf_take(&url);
refuse:
	err_set(e, E_INVALID,
		guess ? "%s: must be a host, host:port or URL" : "%s: must be a URL, http://... or https://...",
		origin);
	return NULL;
}
