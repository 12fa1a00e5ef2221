/*
 * What the strict readers take and what they refuse: a table of heads and one of chunked bodies, each read whole and cut at every
 * byte. What two programs on the way could read in two ways must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/chunked.h"
#include "http/head.h"

enum { MAX = 32768 };

struct row {
	const char *what, *bytes;
	size_t n;
	int error;        /* 0: taken */
	const char *read; /* "METHOD path?query host=.. body=N|chunked [close] [1.0] [expects]" */
};

#define BAD(what, bytes)                                                                                               \
	{                                                                                                              \
		what, bytes, sizeof(bytes) - 1, E_INVALID, NULL                                                        \
	}
#define ERR(what, error, bytes)                                                                                        \
	{                                                                                                              \
		what, bytes, sizeof(bytes) - 1, error, NULL                                                            \
	}
#define OK(what, bytes, read)                                                                                          \
	{                                                                                                              \
		what, bytes, sizeof(bytes) - 1, 0, read                                                                \
	}
#define GET(fields)  "GET / HTTP/1.1\r\n" fields "\r\n"
#define POST(fields) "POST / HTTP/1.1\r\nHost: x\r\n" fields "\r\n"
#define PLAIN        "GET / host=x body=0"

static const struct row rows[] = {
	/* the request line */
	OK("plain", GET("Host: x\r\n"), PLAIN),
	OK("an empty line before it", "\r\n" GET("Host: x\r\n"), PLAIN),
	BAD("two empty lines", "\r\n\r\n" GET("Host: x\r\n")),
	BAD("a blank before it", " " GET("Host: x\r\n")),
	BAD("two blanks", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("two blanks before the version", "GET /  HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("a tab between", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("a blank at the end", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"),
	BAD("no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("nothing but a method", "GET\r\nHost: x\r\n\r\n"),
	BAD("no version", "GET /\r\nHost: x\r\n\r\n"),
	BAD("no method", "/ HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("a method that is no token", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("a method with a NUL", "G\0T / HTTP/1.1\r\nHost: x\r\n\r\n"),
	OK("a method nobody knows", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "BREW / host=x body=0"),
	OK("methods are told apart by case", "get / HTTP/1.1\r\nHost: x\r\n\r\n", "get / host=x body=0"),
	BAD("bare LF", "GET / HTTP/1.1\nHost: x\n\n"),
	BAD("bare LF after a field", "GET / HTTP/1.1\r\nHost: x\n\r\n"),
	BAD("bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n"),
	BAD("bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("bare CR as an end", "GET / HTTP/1.1\rHost: x\r\n\r\n"),
	BAD("LF before it", "\n" GET("Host: x\r\n")),
	BAD("another protocol", "\x16\x03\x01\x02"),
	/* the target */
	OK("a query", "GET /a%20b?c=d&e HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a%20b?c=d&e host=x body=0"),
	OK("an empty query", "GET /? HTTP/1.1\r\nHost: x\r\n\r\n", "GET /? host=x body=0"),
	OK("characters that browsers send", "GET /|{}?\"<>^` HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /|{}?\"<>^` host=x body=0"),
	BAD("a fragment", "GET /#a HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("a NUL in it", "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("a control character in it", "GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("DEL in it", "GET /a\x7f HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("bytes above ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("no slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n"),
	OK("absolute", "GET http://h:80/p?q HTTP/1.1\r\nHost: x\r\n\r\n", "GET /p?q host=h:80 body=0"),
	OK("absolute, the host is that of the target", "GET HTTPS://h HTTP/1.1\r\nHost: other\r\n\r\n",
		"GET / host=h body=0"),
	OK("absolute, only a query", "GET http://h?q HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?q host=h body=0"),
	BAD("absolute without Host", "GET http://h/ HTTP/1.1\r\n\r\n"),
	BAD("absolute without a name", "GET http:///p HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("absolute with a user", "GET http://u@h/ HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: x\r\n\r\n"),
	BAD("an authority", "GET h:80 HTTP/1.1\r\nHost: x\r\n\r\n"),
	ERR("a tunnel", E_NOT_IMPLEMENTED, "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"),
	OK("asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * host=x body=0"),
	BAD("asterisk of another method", "GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
	/* the version */
	OK("1.0", "GET / HTTP/1.0\r\n\r\n", "GET / host=- body=0 close 1.0"),
	OK("1.0 kept", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / host=- body=0 1.0"),
	ERR("a later 1", E_HTTP_VERSION, "GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
	ERR("a much later 1", E_HTTP_VERSION, "GET / HTTP/1.9\r\nHost: x\r\n\r\n"),
	BAD("1.10", "GET / HTTP/1.10\r\nHost: x\r\n\r\n"),
	BAD("01.1", "GET / HTTP/01.1\r\nHost: x\r\n\r\n"),
	BAD("1", "GET / HTTP/1\r\nHost: x\r\n\r\n"),
	BAD("1.", "GET / HTTP/1.\r\nHost: x\r\n\r\n"),
	BAD("1.1x", "GET / HTTP/1.1x\r\nHost: x\r\n\r\n"),
	BAD("+1.1", "GET / HTTP/+1.1\r\nHost: x\r\n\r\n"),
	BAD("lower case", "GET / http/1.1\r\nHost: x\r\n\r\n"),
	BAD("another name", "GET / HTTPS/1.1\r\nHost: x\r\n\r\n"),
	ERR("2.0", E_HTTP_VERSION, "PRI * HTTP/2.0\r\n\r\n"),
	ERR("0.9", E_HTTP_VERSION, "GET / HTTP/0.9\r\n\r\n"),
	ERR("3.0", E_HTTP_VERSION, "GET / HTTP/3.0\r\nHost: x\r\n\r\n"),
	/* Host */
	BAD("no Host", GET("")),
	BAD("two Hosts", GET("Host: a\r\nHost: b\r\n")),
	BAD("the same Host twice", GET("Host: a\r\nhost: a\r\n")),
	BAD("two in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
	BAD("an empty one", GET("Host:\r\n")),
	BAD("a list", GET("Host: a, b\r\n")),
	BAD("a blank in it", GET("Host: a b\r\n")),
	BAD("a path in it", GET("Host: a/b\r\n")),
	BAD("a user in it", GET("Host: u@a\r\n")),
	BAD("a port that is none", GET("Host: a:b\r\n")),
	BAD("a port that is too large", GET("Host: a:65536\r\n")),
	BAD("a port with many zeros", GET("Host: a:000080\r\n")),
	BAD("two ports", GET("Host: a:1:2\r\n")),
	BAD("an open bracket", GET("Host: [::1\r\n")),
	BAD("an address that is none", GET("Host: [::g]\r\n")),
	OK("an IPv6 address", GET("Host: [::1]:8420\r\n"), "GET / host=[::1]:8420 body=0"),
	OK("an IPv4 address", GET("Host: 127.0.0.1:8420\r\n"), "GET / host=127.0.0.1:8420 body=0"),
	OK("a name with a port", GET("Host: a-b_c.example:1\r\n"), "GET / host=a-b_c.example:1 body=0"),
	/* fields */
	OK("blanks around a value", GET("Host: \t x \t\r\n"), PLAIN),
	OK("no blank", GET("Host:x\r\n"), PLAIN),
	OK("an empty value", GET("Host: x\r\nX-A:\r\nX-B: \r\n"), PLAIN),
	OK("a value above ASCII", GET("Host: x\r\nX: \xc3\xa9\xff\r\n"), PLAIN),
	BAD("a blank before the colon", GET("Host : x\r\n")),
	BAD("a tab before the colon", GET("Host: x\r\nX\t: a\r\n")),
	BAD("a folded line", GET("Host: x\r\nX: a\r\n b\r\n")),
	BAD("a folded line by tab", GET("Host: x\r\nX: a\r\n\tb\r\n")),
	BAD("a blank before the first field", GET(" Host: x\r\n")),
	BAD("no name", GET("Host: x\r\n: a\r\n")),
	BAD("no colon", GET("Host: x\r\nnonsense\r\n")),
	BAD("a name that is no token", GET("Host: x\r\nX(: a\r\n")),
	BAD("a name with a NUL", GET("Host: x\r\nX\0: a\r\n")),
	BAD("a name above ASCII", GET("Host: x\r\nX\xc3\xa9: a\r\n")),
	BAD("a NUL in a value", GET("Host: x\r\nX: a\0b\r\n")),
	BAD("a control character in a value", GET("Host: x\r\nX: a\x01"
						  "b\r\n")),
	BAD("DEL in a value", GET("Host: x\r\nX: a\x7f\r\n")),
	BAD("bare CR in a value", GET("Host: x\r\nX: a\rContent-Length: 5\r\n")),
	/* Connection */
	OK("close", GET("Host: x\r\nConnection: close\r\n"), "GET / host=x body=0 close"),
	OK("close in a list", GET("Host: x\r\nConnection: te, Close\r\n"), "GET / host=x body=0 close"),
	OK("close wins", GET("Host: x\r\nConnection: close\r\nConnection: keep-alive\r\n"),
		"GET / host=x body=0 close"),
	OK("close wins in 1.0", "GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n",
		"GET / host=- body=0 close 1.0"),
	OK("what only begins like it", GET("Host: x\r\nConnection: closed\r\n"), PLAIN),
	/* lengths */
	OK("a length", POST("Content-Length: 5\r\n"), "POST / host=x body=5"),
	OK("zero", POST("Content-Length: 0\r\n"), "POST / host=x body=0"),
	OK("leading zeros", POST("Content-Length: 005\r\n"), "POST / host=x body=5"),
	BAD("the same twice", POST("Content-Length: 5\r\nContent-Length: 5\r\n")),
	BAD("zero twice", POST("Content-Length: 0\r\ncontent-length: 0\r\n")),
	BAD("the same in a list", POST("Content-Length: 5 , 5\r\n")),
	OK("a body of a GET", GET("Host: x\r\nContent-Length: 3\r\n"), "GET / host=x body=3"),
	BAD("empty", POST("Content-Length:\r\n")),
	BAD("a sign", POST("Content-Length: +5\r\n")),
	BAD("negative", POST("Content-Length: -5\r\n")),
	BAD("hexadecimal", POST("Content-Length: 0x5\r\n")),
	BAD("hexadecimal digits", POST("Content-Length: 5a\r\n")),
	BAD("a fraction", POST("Content-Length: 5.0\r\n")),
	BAD("an exponent", POST("Content-Length: 5e1\r\n")),
	BAD("a blank in it", POST("Content-Length: 5 5\r\n")),
	BAD("an underscore", POST("Content-Length: 5_0\r\n")),
	BAD("a NUL behind it", POST("Content-Length: 5\0\r\n")),
	BAD("a vertical tab", POST("Content-Length: \x0b"
				   "5\r\n")),
	BAD("quotes", POST("Content-Length: \"5\"\r\n")),
	BAD("too large for any number", POST("Content-Length: 18446744073709551621\r\n")),
	BAD("too large for ours", POST("Content-Length: 9223372036854775808\r\n")),
	BAD("two", POST("Content-Length: 5\r\nContent-Length: 6\r\n")),
	BAD("two in a list", POST("Content-Length: 5, 6\r\n")),
	BAD("two ways to write one", POST("Content-Length: 5\r\nContent-Length: 05\r\n")),
	BAD("a prefix of the first", POST("Content-Length: 55\r\nContent-Length: 5\r\n")),
	BAD("an empty element", POST("Content-Length: 5,\r\n")),
	/* codings */
	OK("chunked", POST("Transfer-Encoding: chunked\r\n"), "POST / host=x body=chunked"),
	OK("chunked in any case", POST("Transfer-Encoding:  Chunked \r\n"), "POST / host=x body=chunked"),
	BAD("with a length", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
	BAD("with a length of zero", POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")),
	BAD("chunked twice", POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
	BAD("chunked, chunked", POST("Transfer-Encoding: chunked, chunked\r\n")),
	BAD("chunked and identity", POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")),
	BAD("identity", POST("Transfer-Encoding: identity\r\n")),
	BAD("gzip, chunked", POST("Transfer-Encoding: gzip, chunked\r\n")),
	BAD("xchunked", POST("Transfer-Encoding: xchunked\r\n")),
	BAD("a parameter", POST("Transfer-Encoding: chunked;q=1\r\n")),
	BAD("quotes around it", POST("Transfer-Encoding: \"chunked\"\r\n")),
	BAD("a vertical tab before it", POST("Transfer-Encoding: \x0b"
					     "chunked\r\n")),
	BAD("a comma behind it", POST("Transfer-Encoding: chunked,\r\n")),
	BAD("an empty coding", POST("Transfer-Encoding:\r\n")),
	BAD("chunked in 1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
	BAD("a blank before the colon of a coding", POST("Transfer-Encoding : chunked\r\n")),
	/* Expect and Upgrade */
	OK("waits", POST("Expect: 100-Continue\r\nContent-Length: 5\r\n"), "POST / host=x body=5 expects"),
	OK("waits without a body", POST("Expect: 100-continue\r\n"), "POST / host=x body=0"),
	OK("waits in 1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
		"POST / host=- body=5 close 1.0"),
	ERR("another expectation", E_EXPECTATION, POST("Expect: miracles\r\n")),
	ERR("another one too", E_EXPECTATION, POST("Expect: 100-continue, miracles\r\n")),
	OK("WebSocket", GET("Host: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n"),
		"GET / host=x body=0 websocket"),
	ERR("by POST", E_UPGRADE, POST("Connection: Upgrade\r\nUpgrade: websocket\r\n")),
	ERR("anything else", E_UPGRADE, GET("Host: x\r\nConnection: upgrade\r\nUpgrade: h2c, foo/1\r\n")),
	OK("h2c", GET("Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"),
		PLAIN),
	OK("not named in Connection", GET("Host: x\r\nUpgrade: websocket\r\n"), PLAIN),
	OK("in 1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET / host=- body=0 close 1.0"),
};

/* Reads what has come after each byte, as a connection does; 0 with the length, or the refusal. */
static int scan(const char *bytes, size_t n, size_t step, struct head_scan *ret, size_t *ret_n)
{
	*ret = (struct head_scan){0};
	for (size_t have = MIN(step, n); have <= n; have += MIN(step, n - have)) {
		char *copy = malloc(have ? have : 1); /* of this size: a sanitizer sees what looks behind it */
		memcpy(copy, bytes, have);
		ssize_t k = head_scan(ret, copy, have, MAX);
		free(copy);
		if (k != 0) {
			*ret_n = k > 0 ? (size_t)k : 0;
			return k < 0 ? (int)k : 0;
		}
		if (have == n)
			break;
	}
	return -1; /* more is needed */
}

static void describe(const struct head *h, struct buf *b)
{
	buf_printf(b, "%s %s%s%s host=%s body=", h->method, h->path, h->query ? "?" : "", h->query ? h->query : "",
		h->host ? h->host : "-");
	if (h->chunked)
		buf_add_str(b, "chunked");
	else
		buf_printf(b, "%lld", (long long)h->length);
	buf_printf(b, "%s%s%s", h->keep_alive ? "" : " close", h->http_1_0 ? " 1.0" : "", h->expects ? " expects" : "");
	if (h->websocket)
		buf_add_str(b, " websocket");
}

static void read_row(const struct row *r, size_t step)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(10000);
	struct head_scan s;
	struct head h = {0};
	size_t n = 0;
	int e = scan(r->bytes, r->n, step, &s, &n);

	if (e == 0) {
		char *head = malloc(n - s.begin);
		struct head_field *fields = calloc(s.lines, sizeof(*fields));
		memcpy(head, r->bytes + s.begin, n - s.begin);
		e = head_parse(head, n - s.begin, fields, &h);
		if (e == 0)
			describe(&h, &text);
		free(fields);
		free(head);
	}
	if (e != r->error)
		fail_msg("%s (in steps of %zu): %d instead of %d", r->what, step, e, r->error);
	if (e == 0 && strcmp(text.p, r->read) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", r->what, text.p, r->read);
}

static void test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		for (size_t step = 1; step <= rows[i].n; step++)
			read_row(&rows[i], step);
	}
}

static int read_long(size_t target, size_t value, unsigned fields)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct head_scan s;
	size_t n;

	buf_printf(&b, "GET /%0*d HTTP/1.1\r\nHost: x\r\nX: %0*d\r\n", (int)target - 1, 1, (int)value, 1);
	for (unsigned i = 0; i < fields; i++)
		buf_printf(&b, "X-%u: 1\r\n", i);
	buf_add_str(&b, "\r\n");
	int e = scan(b.p, b.n, 1000, &s, &n);
	if (e == 0) {
		struct head_field f[HEAD_FIELDS_MAX];
		struct head h;
		e = head_parse(b.p, n, f, &h);
	}
	return e;
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(read_long(HEAD_TARGET_MAX, 10, 0), 0);
	assert_int_equal(read_long(HEAD_TARGET_MAX + 1, 10, 0), E_URI_TOO_LONG);
	assert_int_equal(read_long(1 << 16, 10, 0), E_URI_TOO_LONG);
	assert_int_equal(read_long(10, 32600, 0), 0);
	assert_int_equal(read_long(10, 32800, 0), E_HEADERS_TOO_LARGE);
	assert_int_equal(read_long(10, 10, HEAD_FIELDS_MAX - 2), 0);
	assert_int_equal(read_long(10, 10, HEAD_FIELDS_MAX - 1), E_HEADERS_TOO_LARGE);
}

static void test_find(void **state)
{
	char text[] = "GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-b: 2\r\nX-a: 3\r\n\r\n";
	struct head_field fields[5];
	struct head h;

	(void)state;
	assert_int_equal(head_parse(text, sizeof(text) - 1, fields, &h), 0);
	assert_int_equal(h.n_fields, 4);
	assert_int_equal(head_find(&h, "x-A", 0), 1);
	assert_string_equal(h.fields[1].value, "1");
	assert_int_equal(head_find(&h, "X-A", 2), 3);
	assert_int_equal(head_find(&h, "X-A", 4), 4);
	assert_int_equal(head_find(&h, "x-c", 0), 4);
}

/* --- chunks -------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *what, *bytes;
	size_t n;
	const char *body; /* NULL: refused */
	size_t rest;      /* bytes that are not the body's any more */
} bodies[] = {
#define TAKEN(what, bytes, body, rest)                                                                                 \
	{                                                                                                              \
		what, bytes, sizeof(bytes) - 1, body, rest                                                             \
	}
#define REFUSED(what, bytes)                                                                                           \
	{                                                                                                              \
		what, bytes, sizeof(bytes) - 1, NULL, 0                                                                \
	}
	TAKEN("empty", "0\r\n\r\n", "", 0),
	TAKEN("two", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", 0),
	TAKEN("what stands behind", "1\r\na\r\n0\r\n\r\nGET ", "a", 4),
	TAKEN("hexadecimal in any case", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a",
		0),
	TAKEN("leading zeros", "0003\r\nabc\r\n000\r\n\r\n", "abc", 0),
	TAKEN("bytes of all kinds", "4\r\n\r\n\n\r\r\n0\r\n\r\n", "\r\n\n\r", 0),
	TAKEN("an extension", "3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc", 0),
	TAKEN("a quoted one", "3;a=\"b;\\\"c\"\r\nabc\r\n0\r\n\r\n", "abc", 0),
	TAKEN("several", "3;a;b=c ; d = \"e\"\r\nabc\r\n0\r\n\r\n", "abc", 0),
	TAKEN("trailers", "1\r\na\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n", "a", 0),
	TAKEN("an empty trailer value", "0\r\nX:\r\n\r\n", "", 0),
	REFUSED("no size", "\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a sign", "+3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("negative", "-3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("0x", "0x3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("an underscore", "0_3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a blank before it", " 3\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a blank behind it", "3 \r\nabc\r\n0\r\n\r\n"),
	REFUSED("no digit", "g\r\nabc\r\n0\r\n\r\n"),
	REFUSED("too large", "10000000000000000\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a bare LF behind the size", "3\nabc\r\n0\r\n\r\n"),
	REFUSED("a bare LF behind the data", "3\r\nabc\n0\r\n\r\n"),
	REFUSED("a bare CR behind the size", "3\rabc\r\n0\r\n\r\n"),
	REFUSED("more data than said", "3\r\nabcd\r\n0\r\n\r\n"),
	REFUSED("less data than said", "5\r\nabc\r\n0\r\n\r\n"),
	REFUSED("no name of an extension", "3;\r\nabc\r\n0\r\n\r\n"),
	REFUSED("no value of an extension", "3;a=\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a control character in an extension", "3;a\x01\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a bare LF in an extension", "3;a\nabc\r\n0\r\n\r\n"),
	REFUSED("a bare CR in quotes", "3;a=\"\r\"\r\nabc\r\n0\r\n\r\n"),
	REFUSED("a trailer without a colon", "0\r\nX\r\n\r\n"),
	REFUSED("a blank before a trailer's colon", "0\r\nX : y\r\n\r\n"),
	REFUSED("a folded trailer", "0\r\nX: y\r\n z\r\n\r\n"),
	REFUSED("a NUL in a trailer", "0\r\nX: \0\r\n\r\n"),
	REFUSED("a bare LF in trailers", "0\r\nX: y\n\r\n"),
	REFUSED("a bare LF at the end", "0\r\n\n"),
};

static void read_body(size_t i, size_t step)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(10000);
	struct chunked c = {0};
	size_t at = 0;
	ssize_t k = 1;

	while (at < bodies[i].n && !chunked_done(&c) && k > 0) {
		size_t have = MIN(step, bodies[i].n - at);
		char *copy = malloc(have);
		struct str data;
		memcpy(copy, bodies[i].bytes + at, have);
		k = chunked_take(&c, copy, have, &data);
		if (k > 0) {
			buf_add(&body, data.p, data.n);
			at += (size_t)k;
		}
		free(copy);
	}
	bool taken = k > 0 && chunked_done(&c);
	if (taken != (bodies[i].body != NULL))
		fail_msg("%s (in steps of %zu) was %s", bodies[i].what, step, taken ? "taken" : "refused");
	if (taken) {
		assert_true(str_eq(buf_str(&body), str_from(bodies[i].body)));
		assert_int_equal(bodies[i].n - at, bodies[i].rest);
	}
}

static void test_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bodies); i++) {
		for (size_t step = 1; step <= bodies[i].n; step++)
			read_body(i, step);
	}
}

/* Extensions and trailers are bounded, also when each of them is short. */
static void test_overhead(void **state)
{
	static const char *const endless[] = {
		"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(endless); i++) {
		struct chunked c = {0};
		size_t taken = 0;
		struct str data;
		ssize_t k = i ? chunked_take(&c, "0\r\n", 3, &data) : 0;
		while (k >= 0 && taken < 1 << 20) {
			for (size_t at = 0; k >= 0 && at < strlen(endless[i]); at += (size_t)MAX(k, (ssize_t)0))
				k = chunked_take(&c, endless[i] + at, strlen(endless[i]) - at, &data);
			taken += strlen(endless[i]);
		}
		assert_int_equal(k, E_INVALID);
		assert_in_range(taken, 8000, 40000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_overhead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
