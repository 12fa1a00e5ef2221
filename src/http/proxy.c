/*
 * proxy.c - a list of hosts that need none (NO_PROXY) names domains, addresses and networks in CIDR; each word is tried against the
 * host, which has been read into a name or the bytes of an address first. This machine itself is never asked for through a proxy,
 * and what the environment says is ignored where a client could have said it (HTTP_PROXY of CGI).
 */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "http/curl_calls.h"
#include "http/url.h"

/* ---- a host, as a list names it ---- */

struct host {
	char name[256]; /* without brackets and a dot at the end */
	int family;     /* AF_INET, AF_INET6; 0: a name */
	unsigned port;  /* of the address that is asked for */
	unsigned char address[16];
};

static bool host_of(struct str text, struct host *ret)
{
	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
		text.p++;
		text.n -= 2;
	}
	if (text.n > 1 && text.p[text.n - 1] == '.')
		text.n--;
	if (text.n == 0 || text.n >= sizeof(ret->name))
		return false;
	*ret = (struct host){.family = AF_INET};
	memcpy(ret->name, text.p, text.n);
	if (inet_pton(AF_INET, ret->name, ret->address) == 1)
		return true;
	ret->family = inet_pton(AF_INET6, ret->name, ret->address) == 1 ? AF_INET6 : 0;
	return true;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	unsigned mask = bits % 8 ? 0xffu << (8 - bits % 8) & 0xffu : 0;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

/* "10.0.0.0/8", or an address alone. */
static bool is_in_network(const struct host *h, struct str word)
{
	const char *slash = memchr(word.p, '/', word.n);
	unsigned most = h->family == AF_INET ? 32 : 128, bits = most;
	struct host network;
	if (slash) {
		char *end;
		unsigned long n = strtoul(slash + 1, &end, 10);
		if (end != word.p + word.n || end == slash + 1 || n > most)
			return false;
		bits = (unsigned)n;
		word.n = (size_t)(slash - word.p);
	}
	return host_of(word, &network) && network.family == h->family && same_bits(network.address, h->address, bits);
}

/* The name itself, or the end of it behind a dot; a dot before the word changes nothing, nor does a star before that. */
static bool is_in_domain(const struct host *h, struct str word)
{
	struct host domain;
	if (word.n > 1 && word.p[0] == '*' && word.p[1] == '.') {
		word.p++;
		word.n--;
	}
	if (word.n > 0 && *word.p == '.') {
		word.p++;
		word.n--;
	}
	if (!host_of(word, &domain))
		return false;
	size_t n = strlen(h->name), k = strlen(domain.name);
	if (k > n || strcasecmp(h->name + n - k, domain.name) != 0)
		return false;
	return k == n || h->name[n - k - 1] == '.';
}

/* "host:port" means that port alone; of several colons only one behind a bracket begins a port. */
static bool take_port(struct str *word, unsigned port)
{
	const char *colon = memrchr(word->p, ':', word->n), *end = word->p + word->n;
	if (!colon || colon == word->p || (colon[-1] != ']' && memchr(word->p, ':', (size_t)(colon - word->p))))
		return true;
	size_t digits = strspn(colon + 1, "0123456789");
	word->n = (size_t)(colon - word->p);
	return digits > 0 && colon + 1 + digits == end && strtoul(colon + 1, NULL, 10) == port;
}

static bool is_listed(const char *list, const struct host *h)
{
	if (strcmp(list, "*") == 0)
		return true;
	while (*list) {
		struct str word = {list, strcspn(list, ", \t")}, whose = word;
		if (word.n > 0 && take_port(&whose, h->port) &&
			(h->family ? is_in_network(h, whose) : is_in_domain(h, whose)))
			return true;
		list += word.n;
		list += strspn(list, ", \t");
	}
	return false;
}

static bool is_this_machine(const struct host *h)
{
	return is_listed("localhost,127.0.0.0/8,::1,::ffff:127.0.0.0/104,0.0.0.0,::", h);
}

/* ---- which proxy ---- */

/* A web server gives HTTP_PROXY to the programs that it starts by a client's header; those have REQUEST_METHOD, too. */
static bool is_anybodys(const char *name)
{
	return strcmp(name, "HTTP_PROXY") == 0 && getenv("REQUEST_METHOD");
}

static const char *environment(const char *const *names)
{
	const char *value = NULL;
	for (; *names && !value; names++) {
		value = is_anybodys(*names) ? NULL : getenv(*names);
		if (value && !*value)
			value = NULL;
	}
	return value;
}

static const char *const any_proxy[] = {
	"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};

static const char *of_environment(bool secure, const struct host *h)
{
	static const char *const plain[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", NULL},
				 *const tls[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL},
				 *const never[] = {"no_proxy", "NO_PROXY", NULL};
	const char *list = environment(never), *proxy = environment(secure ? tls : plain);
	return proxy && list && is_listed(list, h) ? NULL : proxy;
}

void http_proxy_for(const char *setting, const char *url, char ret[static HTTP_PROXY_MAX])
{
	struct http_url to;
	struct host h;
	*ret = '\0';
	if (setting && *setting ? strcmp(setting, "none") == 0 : !environment(any_proxy))
		return; /* as mostly, and without a look at the address */
	if (!http_url_read(url, &to) || !host_of(str_from(to.host), &h) || is_this_machine(&h))
		return;
	h.port = to.port;
	const char *proxy = setting && *setting ? setting : of_environment(to.secure, &h);
	if (proxy && strcmp(proxy, "none") != 0 && strlen(proxy) < HTTP_PROXY_MAX)
		snprintf(ret, HTTP_PROXY_MAX, "%s", proxy);
}

/* ---- what may be set, and what is shown ---- */

#define PROXY_URL_FLAGS (CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME)

static bool is_proxy_url(CURLU *u, const char *text)
{
	static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
	char *scheme = NULL;
	bool known = false;
	if (!u || curl_url_set(u, CURLUPART_URL, text, PROXY_URL_FLAGS) != CURLUE_OK)
		return false;
	if (!strstr(text, "://"))
		return curl_url_set(u, CURLUPART_SCHEME, "http", 0) == CURLUE_OK; /* not by what the name begins with */
	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return false;
	for (size_t i = 0; i < N_ELEMENTS(schemes); i++)
		known |= strcasecmp(scheme, schemes[i]) == 0;
	curl_free(scheme);
	return known;
}

int http_proxy_check(const char *setting, struct err *e)
{
	if (!setting || !*setting || strcmp(setting, "none") == 0)
		return 0;
	CURLU *u = curl_url();
	bool good = strlen(setting) < HTTP_PROXY_MAX && is_proxy_url(u, setting);
	curl_url_cleanup(u);
	return good ? 0
		    : err_set(e, E_INVALID,
			      "The proxy is an address such as http://proxy.example.org:3128 or "
			      "socks5h://10.0.0.1:1080, "
			      "\"none\", or empty for what the environment says.");
}

void http_proxy_shown(const char *proxy, char ret[static HTTP_PROXY_MAX])
{
	CURLU *u = curl_url();
	char *text = NULL;
	*ret = '\0';
	if (*proxy && is_proxy_url(u, proxy)) {
		curl_url_set(u, CURLUPART_USER, NULL, 0);
		curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(u, CURLUPART_PATH, NULL, 0);
		if (curl_url_get(u, CURLUPART_URL, &text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
			snprintf(ret, HTTP_PROXY_MAX, "%.*s", (int)(strlen(text) - (text[strlen(text) - 1] == '/')),
				text);
	} else if (*proxy) {
		snprintf(ret, HTTP_PROXY_MAX, "%s", HTTP_PROXY_UNUSABLE);
	}
	curl_free(text);
	curl_url_cleanup(u);
}
