/*
 * url.c - see url.h. Addresses are read by curl, which is the one that will be asked to go there; those that leave it no
 * choice are read here, so that a server with plain providers need not load it (sys/library.h).
 */
#include "http/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "http/curl_calls.h"

static void url_free(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void text_free(char **s)
{
	curl_free(*s);
}

static bool has(CURLU *u, CURLUPart part)
{
	CLEANUP(text_free) char *s = NULL;

	return curl_url_get(u, part, &s, 0) == CURLUE_OK && *s;
}

/* ---- an address that can only be read in one way, as nearly all are: that needs no curl ---- */

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

/* A name, or an IPv4 address in its usual form: what else begins with a digit may be another form of one. */
static bool is_plain_host(const char *host)
{
	struct in_addr a;
	char text[INET_ADDRSTRLEN];

	if (isdigit((unsigned char)*host))
		return inet_pton(AF_INET, host, &a) == 1 &&
		       strcmp(inet_ntop(AF_INET, &a, text, sizeof(text)), host) == 0;
	return strchr(LETTERS, *host) && !strstr(host, "..") && host[strlen(host) - 1] != '.';
}

static bool read_plain(const char *url, struct http_url *ret)
{
	struct http_url plain = {.secure = strncmp(url, "https://", 8) == 0};
	const char *p = url + (plain.secure ? 8 : 7);
	size_t n;

	if (!plain.secure && strncmp(url, "http://", 7) != 0)
		return false;
	n = strspn(p, LETTERS DIGITS "-.");
	if (n == 0 || n >= sizeof(plain.host))
		return false;
	memcpy(plain.host, p, n);
	p += n;
	plain.port = plain.secure ? 443 : 80;
	if (*p == ':') {
		n = strspn(++p, DIGITS);
		plain.port = (unsigned)strtoul(p, NULL, 10);
		if (*p == '0' || n < 1 || n > 5 || plain.port > 65535)
			return false;
		p += n;
	}
	if (!is_plain_host(plain.host) || (*p && *p != '/') ||
		p[strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LETTERS DIGITS "/-._~?&=")])
		return false;
	*ret = plain;
	return true;
}

/* ---- any address ---- */

bool http_url_read(const char *url, struct http_url *ret)
{
	if (read_plain(url, ret))
		return true;
	CLEANUP(url_free) CURLU *u = curl_url();
	CLEANUP(text_free) char *scheme = NULL;
	CLEANUP(text_free) char *host = NULL;
	CLEANUP(text_free) char *port = NULL;

	if (!u || curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
		(strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0))
		return false;
	*ret = (struct http_url){.secure = strcasecmp(scheme, "https") == 0};
	ret->has_user = has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD);
	snprintf(ret->host, sizeof(ret->host), "%s", host);
	if (curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return false;
	ret->port = (unsigned)strtoul(port, NULL, 10);
	return true;
}

bool http_url_same_origin(const char *a, const char *b)
{
	struct http_url x, y;

	return http_url_read(a, &x) && http_url_read(b, &y) && x.secure == y.secure && x.port == y.port &&
	       strcasecmp(x.host, y.host) == 0;
}

int http_url_join(const char *base, const char *relative, struct buf *ret)
{
	CLEANUP(url_free) CURLU *u = curl_url();
	CLEANUP(text_free) char *url = NULL;

	if (!u)
		return -ENOMEM;
	if (curl_url_set(u, CURLUPART_URL, base, 0) != CURLUE_OK ||
		curl_url_set(u, CURLUPART_URL, relative, CURLU_URLENCODE) != CURLUE_OK ||
		curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
		curl_url_get(u, CURLUPART_URL, &url, 0) != CURLUE_OK)
		return E_INVALID;
	buf_add_str(ret, url);
	return buf_status(ret);
}

void http_url_escape(struct buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (isalnum(c) || (c && strchr("-._~", c)))
			buf_add_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}
