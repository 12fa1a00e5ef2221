/* Addresses: those that are read here mean what curl, which goes there, takes them for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "http/curl_calls.h"
#include "http/url.h"

/* What curl says, and it alone. False: nothing that is asked by http. */
static bool by_curl(const char *url, struct http_url *ret)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	CURLU *u = curl_url();
	bool good = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    strncasecmp(scheme, "http", 4) == 0;

	*ret = (struct http_url){0};
	if (good) {
		ret->secure = strcasecmp(scheme, "https") == 0;
		ret->port = (unsigned)strtoul(port, NULL, 10);
		snprintf(ret->host, sizeof(ret->host), "%s", host);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return good;
}

static void same(const char *url)
{
	struct http_url mine = {0}, theirs;
	bool read = http_url_read(url, &mine), can = by_curl(url, &theirs);

	if (read != can || mine.secure != theirs.secure || mine.port != theirs.port ||
		strcmp(mine.host, theirs.host) != 0)
		fail_msg("%s: %d %d %s %u, of curl %d %d %s %u", url, read, mine.secure, mine.host, mine.port, can,
			theirs.secure, theirs.host, theirs.port);
}

static void as_curl_reads(void **state)
{
	static const char *const urls[] = {"http://127.0.0.1:11434", "http://localhost/v1?a=b&c=d",
		"https://api.example.org", "https://api.example.org:8443/v1/", "http://127.1/", "http://0x7f.1/",
		"http://2130706433/", "http://017700000001/", "http://127.0.0.1.5/", "http://256.1.1.1/",
		"http://1.example.org/", "http://127.0.0.01/", "http://[::1]:80/x", "http://a.b./", "http://a..b/",
		"http://.a/", "http://-a/", "http://a-/", "http://a:0/", "http://a:080/", "http://a:65535/",
		"http://a:65536/", "http://a:123456/", "http://a:/", "http://a:8x/", "http://a?q", "http://a#f",
		"http://u:p@a/", "http://u@127.0.0.1:1/", "http://a/p@q", "http://a/%41", "http://a/../b",
		"http://a\\@b/", "http://a b/", "http:///a", "http://", "http:a", "ftp://a/", "HTTP://A.Example/",
		"http://A.Example/", "https:/a", "http://m\xc3\xbchle.example/", "http://a_b/", "http://a%2eb/", "//a/",
		"a", ""};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(urls); i++)
		same(urls[i]);
}

/* Addresses put together from what makes them hard to read. */
static void as_curl_reads_all(void **state)
{
	static const char *const parts[] = {"http://", "https://", "a", "b.c", ".", "..", "-", "0", "08", "127.0.0.1",
		"1.2.3", "0x7f", ":", "80", "65536", "/", "?", "#", "@", "%", "[::1]", "A", "_", "\\", " ", "x"};
	char url[256];

	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)snprintf(url, sizeof(url), "%s", parts[rand() % 2]);

		for (int k = rand() % 6; k >= 0; k--)
			n += (size_t)snprintf(url + n, sizeof(url) - n, "%s", parts[rand() % (int)N_ELEMENTS(parts)]);
		same(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(as_curl_reads), cmocka_unit_test(as_curl_reads_all)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
