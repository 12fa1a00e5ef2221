/* range.c - one part of a file (RFC 9110, section 14). Of several parts at once the whole file is sent, as it may be. */
#include <stdio.h>

#include "http/server_priv.h"

enum range { RANGE_NONE, RANGE_PART, RANGE_OUTSIDE };

/* Decimal digits up to one that is none; larger than any file: the largest number. False: there are none. */
static bool number(const char **p, uint64_t *ret)
{
	const char *begin = *p;

	*ret = 0;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (*ret > (UINT64_MAX - 9) / 10)
			*ret = UINT64_MAX / 10 - 9;
		*ret = *ret * 10 + (uint64_t)(**p - '0');
	}
	return *p > begin;
}

static enum range parse_range(const char *p, size_t size, size_t *ret_first, size_t *ret_n)
{
	uint64_t first, last = UINT64_MAX;

	if (strncmp(p, "bytes=", 6) != 0)
		return RANGE_NONE;
	p += 6;
	if (*p == '-') { /* so many at the end */
		p++;
		if (!number(&p, &last) || *p)
			return RANGE_NONE;
		*ret_n = (size_t)MIN(last, (uint64_t)size);
		*ret_first = size - *ret_n;
		return *ret_n ? RANGE_PART : RANGE_OUTSIDE;
	}
	if (!number(&p, &first) || *p++ != '-')
		return RANGE_NONE;
	if (*p && (!number(&p, &last) || *p || last < first))
		return RANGE_NONE;
	if (first >= size)
		return RANGE_OUTSIDE;
	*ret_first = (size_t)first;
	*ret_n = (size_t)(MIN(last, (uint64_t)size - 1) - first + 1);
	return RANGE_PART;
}

/* The words for a part that is not there; what was said about the file does not hold for them. */
static void refuse(struct http_exchange *x, size_t size)
{
	const struct err_info *info = err_info(E_RANGE);
	struct buf b = BUF_INIT(1000);
	char text[80];

	snprintf(text, sizeof(text), "bytes */%zu", size);
	http_set_header(x, "Content-Range", text);
	for (unsigned i = 0; i < x->n_headers; i++) {
		if (strcmp(x->headers[i].name, "Content-Encoding") == 0)
			x->headers[i] = x->headers[--x->n_headers];
	}
	buf_printf(&b, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"request_id\":null,\"retryable\":false}}",
		info->wire_code, info->text);
	http_reply(x, info->http_status, "application/json", &b);
}

/* The status, 206 for a part of the n bytes, which it sets; 0: it was refused and answered. */
static int choose_part(struct http_exchange *x, const char *etag, size_t n, size_t *ret_first, size_t *ret_n)
{
	const char *range = strcmp(x->head.method, "GET") == 0 ? http_header(x, "Range") : NULL;
	const char *unless = http_header(x, "If-Range");
	char text[80];
	enum range r = RANGE_NONE;

	*ret_first = 0;
	*ret_n = n;
	http_set_header(x, "Accept-Ranges", "bytes");
	/* A date, or a tag that is another or a weak one: the whole file. */
	if (range && (!unless || (etag[0] == '"' && strcmp(unless, etag) == 0)))
		r = parse_range(range, n, ret_first, ret_n);
	if (r == RANGE_OUTSIDE) {
		refuse(x, n);
		return 0;
	}
	if (r == RANGE_NONE)
		return 200;
	ASSERT(*ret_n > 0 && *ret_first < n && *ret_n <= n - *ret_first);
	snprintf(text, sizeof(text), "bytes %zu-%zu/%zu", *ret_first, *ret_first + *ret_n - 1, n);
	http_set_header(x, "Content-Range", text);
	return 206;
}

void http_reply_ranges(struct http_exchange *x, const char *content_type, const char *etag, const void *p, size_t n)
{
	size_t first, part;
	int status = choose_part(x, etag, n, &first, &part);

	if (status)
		http_reply_static(x, status, content_type, (const char *)p + first, part);
}

void http_reply_ranges_of(struct http_exchange *x, const char *content_type, const char *etag, struct buf *body)
{
	size_t first, part;
	int status = choose_part(x, etag, body->n, &first, &part);

	if (!status)
		return;
	buf_consume(body, first);
	body->n = part;
	http_reply(x, status, content_type, body);
}
