/* head.c - the head of a request: where it ends, and what it says. */
#include "http/head.h"

#include <arpa/inet.h>
#include <strings.h>

enum { TOKEN = 1, TEXT = 2, TARGET = 4, HOST = 8 };

/* clang-format off */
#define T (TOKEN | TEXT | TARGET)
#define H (TOKEN | TEXT | TARGET | HOST)
#define V (TEXT | TARGET)
/* In what each byte may stand; one that is not here may stand in nothing. */
static const unsigned char kinds[256] = {
	['\t'] = TEXT, [' '] = TEXT,
	['!'] = T, ['#'] = TOKEN | TEXT, ['$'] = T, ['%'] = H, ['&'] = T, ['\''] = T, ['*'] = T, ['+'] = T, ['-'] = H,
	['.'] = H, ['^'] = T, ['_'] = H, ['`'] = T, ['|'] = T, ['~'] = H,
	['0' ... '9'] = H, ['A' ... 'Z'] = H, ['a' ... 'z'] = H,
	['"'] = V, ['('] = V, [')'] = V, [','] = V, ['/'] = V, [':'] = V, [';'] = V, ['<'] = V, ['='] = V, ['>'] = V,
	['?'] = V, ['@'] = V, ['['] = V, ['\\'] = V, [']'] = V, ['{'] = V, ['}'] = V,
	[0x80 ... 0xff] = TEXT,
};
#undef T
#undef H
#undef V
/* clang-format on */

bool head_is_token(unsigned char c)
{
	return kinds[c] & TOKEN;
}

bool head_is_text(unsigned char c)
{
	return kinds[c] & TEXT;
}

/* How many characters from p on are of the kind. */
static size_t span(const char *p, size_t n, unsigned kind)
{
	size_t i = 0;

	while (i < n && (kinds[(unsigned char)p[i]] & kind))
		i++;
	return i;
}

/* --- where it ends ----------------------------------------------------------------------------------------------- */

/* What is known by the first line, be it finished or not: n bytes. */
static int check_first_line(const char *p, size_t n)
{
	if (n && !head_is_token((unsigned char)p[0]))
		return E_INVALID; /* another protocol, most likely, which may never send a line end */
	return n > HEAD_TARGET_MAX + 64 ? E_URI_TOO_LONG : 0;
}

/* What an unfinished head can already be refused for. */
static int check_unfinished(const struct head_scan *s, const char *p, size_t n, size_t max)
{
	bool empty = n == 1 && p[0] == '\r' && s->begin == 0; /* the beginning of an empty line */
	int r = s->lines || empty ? 0 : check_first_line(p + s->begin, n - s->begin);

	if (r < 0 || n - s->begin <= max)
		return r;
	return s->lines ? E_HEADERS_TOO_LARGE : E_URI_TOO_LONG;
}

ssize_t head_scan(struct head_scan *s, const char *p, size_t n, size_t max)
{
	const char *end;

	while ((end = s->at < n ? memchr(p + s->at, '\n', n - s->at) : NULL) != NULL) {
		size_t next = (size_t)(end - p) + 1, size = next - s->line;
		if (size < 2 || end[-1] != '\r')
			return E_INVALID;
		s->at = s->line = next;
		if (size > 2) {
			int r = s->lines ? 0 : check_first_line(p + s->begin, size);
			if (r < 0)
				return r;
			if (++s->lines > HEAD_FIELDS_MAX + 1)
				return E_HEADERS_TOO_LARGE;
		} else if (s->lines) {
			return next - s->begin > max ? E_HEADERS_TOO_LARGE : (ssize_t)next;
		} else if (s->begin) {
			return E_INVALID;
		} else {
			s->begin = next;
		}
	}
	s->at = n;
	return check_unfinished(s, p, n, max);
}

/* --- the request line -------------------------------------------------------------------------------------------- */

static int refuse(struct head *h, int r, const char *why)
{
	h->why = why;
	return r;
}

static bool is_port(const char *p, size_t n)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9' || n > 5)
			return false;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	return v <= 65535;
}

/* host [":" port]; a name, an address or "[v6]". */
static bool is_host(const char *p, size_t n)
{
	size_t k;

	if (n && *p == '[') {
		char text[INET6_ADDRSTRLEN];
		struct in6_addr a;
		const char *end = memchr(p, ']', n);
		k = end ? (size_t)(end - p) : 0;
		if (k < 3 || k > sizeof(text))
			return false;
		memcpy(text, p + 1, k - 1);
		text[k - 1] = '\0';
		if (inet_pton(AF_INET6, text, &a) != 1)
			return false;
		k++;
	} else {
		k = span(p, n, HOST);
		if (k == 0)
			return false;
	}
	return k == n || (p[k] == ':' && is_port(p + k + 1, n - k - 1));
}

static void split_query(struct head *h, char *p)
{
	char *mark = strchr(p, '?');

	h->path = p;
	if (mark) {
		*mark = '\0';
		h->query = mark + 1;
	}
}

/* "http://host/path": the host moves one place back, to be terminated before the path. */
static int parse_absolute(struct head *h, char *p)
{
	char *slashes = strstr(p, "://"), *host = slashes + 3;
	size_t n = strcspn(host, "/?");

	if (!is_host(host, n))
		return refuse(h, E_INVALID, "The request's target names no valid host.");
	memmove(host - 1, host, n);
	host[n - 1] = '\0';
	h->host = host - 1;
	if (host[n] == '/') {
		split_query(h, host + n);
		return 0;
	}
	h->path = "/";
	h->query = host[n] == '?' ? host + n + 1 : NULL;
	return 0;
}

static int parse_target(struct head *h, char *p)
{
	if (strcmp(h->method, "CONNECT") == 0)
		return refuse(h, E_NOT_IMPLEMENTED, "This server is no tunnel.");
	if (*p == '/') {
		split_query(h, p);
		return 0;
	}
	if (strcmp(p, "*") == 0 && strcmp(h->method, "OPTIONS") == 0) {
		h->path = p;
		return 0;
	}
	if (strncasecmp(p, "http://", 7) == 0 || strncasecmp(p, "https://", 8) == 0)
		return parse_absolute(h, p);
	return refuse(h, E_INVALID, "The request's target is neither a path nor an address of this server.");
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_version(struct head *h, const char *p, size_t n)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || !is_digit(p[5]) || p[6] != '.' || !is_digit(p[7]))
		return refuse(h, E_INVALID, "The request line does not end in a version of HTTP.");
	if (p[5] != '1' || p[7] > '1') /* there has been no other 1.x, and proxies make different things of one */
		return refuse(h, E_HTTP_VERSION, NULL);
	h->http_1_0 = p[7] == '0';
	h->keep_alive = !h->http_1_0;
	return 0;
}

/* n: without the line end. */
static int parse_request_line(struct head *h, char *p, size_t n)
{
	size_t method = span(p, n, TOKEN), target, k;
	int r;

	if (method == 0 || method == n || p[method] != ' ')
		return refuse(h, E_INVALID, "The request line does not begin with a method.");
	k = method + 1;
	target = span(p + k, n - k, TARGET);
	if (target > HEAD_TARGET_MAX)
		return refuse(h, E_URI_TOO_LONG, NULL);
	if (target == 0 || k + target == n || p[k + target] != ' ')
		return refuse(h, E_INVALID, "The request's target is missing, or has characters that none may have.");
	p[method] = p[k + target] = '\0';
	h->method = p;
	r = parse_version(h, p + k + target + 1, n - k - target - 1);
	return r < 0 ? r : parse_target(h, p + k);
}

/* --- the fields -------------------------------------------------------------------------------------------------- */

/* Length, first and last letter: tells nearly all names apart. */
static uint32_t field_key(const char *name, size_t n)
{
	return (uint32_t)n << 16 | (uint32_t)(name[0] | 0x20) << 8 | (uint32_t)(name[n - 1] | 0x20);
}

unsigned head_find(const struct head *h, const char *name, unsigned from)
{
	uint32_t key = field_key(name, strlen(name));

	while (from < h->n_fields && !(h->fields[from].key == key && strcasecmp(h->fields[from].name, name) == 0))
		from++;
	return from;
}

/* Each element of a list: *p is moved behind it; false at the end. Elements may be empty. */
static bool next_element(const char **p, struct str *ret)
{
	const char *s = *p;
	size_t n;

	if (!s)
		return false;
	s += strspn(s, " \t");
	n = strcspn(s, ",");
	*p = s[n] ? s + n + 1 : NULL;
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	*ret = (struct str){s, n};
	return true;
}

static bool is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool wants_websocket(const char *value)
{
	struct str s;
	bool found = false;

	while (next_element(&value, &s))
		found |= is_word(s, "websocket");
	return found;
}

/* What h2c and its like offer may be passed over; somebody who wants another protocol waits for it in vain. */
static bool wants_more(const char *value)
{
	struct str s;

	while (next_element(&value, &s)) {
		if (s.n && !is_word(s, "h2c") && strncasecmp(s.p, "HTTP/", 5) != 0 && strncasecmp(s.p, "TLS/", 4) != 0)
			return true;
	}
	return false;
}

/* What the fields say about the message as a whole. */
struct framing {
	const char *length, *encoding, *expect, *upgrade;
	unsigned hosts;
	bool close, upgrades; /* Connection names them */
};

/* Several equal ones may be taken for one (RFC 9112, 6.3), and by some proxies are not. */
static int parse_length(struct head *h, struct framing *f, const char *value)
{
	size_t n = strspn(value, "0123456789");

	if (f->length || n == 0 || n > 18 || value[n])
		return refuse(h, E_INVALID, "Content-Length is not one decimal number.");
	f->length = value;
	h->length = strtoll(value, NULL, 10);
	return 0;
}

static void parse_connection(struct head *h, struct framing *f, const char *value)
{
	struct str s;

	while (next_element(&value, &s)) {
		if (is_word(s, "close"))
			f->close = true;
		else if (is_word(s, "keep-alive") && h->http_1_0)
			h->keep_alive = true;
		else if (is_word(s, "upgrade"))
			f->upgrades = true;
	}
}

static int note_field(struct head *h, struct framing *f, const char *name, size_t n, const char *value)
{
	if (n == 4 && strcasecmp(name, "Host") == 0) {
		if (++f->hosts > 1)
			return refuse(h, E_INVALID, "There is more than one Host.");
		if (!is_host(value, strlen(value)))
			return refuse(h, E_INVALID, "Host is no valid name.");
		if (!h->host)
			h->host = value;
	} else if (n == 14 && strcasecmp(name, "Content-Length") == 0) {
		return parse_length(h, f, value);
	} else if (n == 17 && strcasecmp(name, "Transfer-Encoding") == 0) {
		if (f->encoding || strcasecmp(value, "chunked") != 0)
			return refuse(h, E_INVALID, "Transfer-Encoding is anything but one \"chunked\".");
		f->encoding = value;
	} else if (n == 10 && strcasecmp(name, "Connection") == 0) {
		parse_connection(h, f, value);
	} else if (n == 6 && strcasecmp(name, "Expect") == 0) {
		f->expect = f->expect && strcasecmp(f->expect, "100-continue") != 0 ? f->expect : value;
	} else if (n == 7 && strcasecmp(name, "Upgrade") == 0) {
		f->upgrade = f->upgrade && wants_more(f->upgrade) ? f->upgrade : value;
	}
	return 0;
}

static int parse_field(struct head *h, struct framing *f, char *p, size_t n)
{
	size_t name = span(p, n, TOKEN), k = name + 1;

	if (name == 0 && (*p == ' ' || *p == '\t'))
		return refuse(h, E_INVALID, "A header field is folded into a second line.");
	if (name == 0 || name == n || p[name] != ':')
		return refuse(h, E_INVALID,
			"A header field's name has characters that none may have, or no colon follows it.");
	if (span(p + k, n - k, TEXT) != n - k)
		return refuse(h, E_INVALID, "A header field's value has control characters.");
	while (k < n && (p[k] == ' ' || p[k] == '\t'))
		k++;
	while (n > k && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	p[name] = p[n] = '\0';
	h->fields[h->n_fields++] = (struct head_field){p, p + k, field_key(p, name)};
	return note_field(h, f, p, name, p + k);
}

static int check_framing(struct head *h, const struct framing *f)
{
	if (f->hosts == 0 && !h->http_1_0)
		return refuse(h, E_INVALID, "There is no Host.");
	if (f->encoding && f->length)
		return refuse(h, E_INVALID, "There is a Content-Length and a Transfer-Encoding.");
	if (f->encoding && h->http_1_0)
		return refuse(h, E_INVALID, "HTTP/1.0 has no Transfer-Encoding.");
	h->chunked = f->encoding != NULL;
	h->keep_alive = h->keep_alive && !f->close;
	if (h->http_1_0)
		return 0; /* knows neither of the following */
	if (f->expect && strcasecmp(f->expect, "100-continue") != 0)
		return refuse(h, E_EXPECTATION, NULL);
	h->expects = f->expect && (h->chunked || h->length > 0);
	h->websocket = f->upgrade && f->upgrades && wants_websocket(f->upgrade) && strcmp(h->method, "GET") == 0;
	if (f->upgrade && f->upgrades && !h->websocket && wants_more(f->upgrade))
		return refuse(h, E_UPGRADE, NULL);
	return 0;
}

int head_parse(char *p, size_t n, struct head_field *fields, struct head *h)
{
	struct framing f = {0};
	char *end = memchr(p, '\r', n), *last = p + n - 2; /* the empty line */
	int r;

	*h = (struct head){.fields = fields};
	r = end[1] == '\n' ? parse_request_line(h, p, (size_t)(end - p))
			   : refuse(h, E_INVALID, "The request line has control characters.");
	for (p = end + 2; r == 0 && p < last; p = end + 2) {
		end = (char *)memchr(p, '\n', (size_t)(last - p)) - 1;
		r = parse_field(h, &f, p, (size_t)(end - p));
	}
	return r < 0 ? r : check_framing(h, &f);
}
