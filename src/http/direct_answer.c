/* direct_answer.c - reading the answer of a call without curl: its head, where it ends, and its pieces on their way to the call. */
#include <ctype.h>
#include <errno.h>

#include "http/direct.h"

#define INTERIM_MAX 100 /* nobody has so much to say before an answer */

/* --- the head of the answer ---------------------------------------------------------------------------------------- */

/* Behind the empty line that ends the head, from `from` on; 0: it has not come yet. */
static size_t head_end(const char *p, size_t n, size_t from)
{
	const char *at = p + from;

	while ((at = memchr(at, '\n', n - (size_t)(at - p))) != NULL) {
		size_t left = n - (size_t)(++at - p);
		if (left >= 1 && at[0] == '\n')
			return (size_t)(at - p) + 1;
		if (left >= 2 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at - p) + 2;
	}
	return 0;
}

static bool has_word(const char *v, size_t n, const char *word)
{
	size_t k = strlen(word);

	for (size_t i = 0; i + k <= n; i++) {
		bool begins = i == 0 || strchr(", \t", v[i - 1]), ends = i + k == n || strchr(", \t;", v[i + k]);
		if (begins && ends && strncasecmp(v + i, word, k) == 0)
			return true;
	}
	return false;
}

static bool read_length(const char *v, size_t n, struct direct *d)
{
	uint64_t length = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)v[i]) || length > INT64_MAX / 10 - 9)
			return false;
		length = length * 10 + (uint64_t)(v[i] - '0');
	}
	if (n == 0 || (d->sized && d->left != length))
		return false;
	d->sized = true;
	d->left = length;
	return true;
}

/* What a field says about where the answer ends. False: it cannot be read. */
static bool read_framing(struct direct *d, const char *p, size_t n)
{
	const char *v = memchr(p, ':', n);
	size_t k;

	if (!v)
		return true;
	v++;
	k = (size_t)(p + n - v);
	while (k && isspace((unsigned char)*v))
		v++, k--;
	while (k && isspace((unsigned char)v[k - 1]))
		k--;
	if (direct_is_named(p, "Content-Length"))
		return read_length(v, k, d);
	if (direct_is_named(p, "Transfer-Encoding")) {
		d->state = AT_CHUNKS;
		return k == 7 && strncasecmp(v, "chunked", 7) == 0;
	}
	if (direct_is_named(p, "Content-Encoding") && !d->unpack)
		d->unpack = unpack_new((struct str){v, k});
	if (direct_is_named(p, "Connection"))
		d->keep = has_word(v, k, "close") ? false : d->keep || has_word(v, k, "keep-alive");
	return true;
}

/* "HTTP/1.1 200 OK"; the status, 0 when it is none. */
static int read_status(const char *p, size_t n, bool *ret_keep)
{
	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)p[7]) || p[8] != ' ' || p[9] < '1' ||
		p[9] > '9' || !isdigit((unsigned char)p[10]) || !isdigit((unsigned char)p[11]) ||
		(n > 12 && p[12] != ' ' && p[12] != '\r' && p[12] != '\n'))
		return 0;
	*ret_keep = p[7] != '0';
	return (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
}

/* Reads a whole head. False: this is not HTTP. */
static bool read_head(struct call *c, const char *p, size_t n)
{
	struct direct *d = &c->direct;
	const char *line = p, *end = p + n;

	if (memchr(p, '\0', n))
		return false;
	unpack_free(TAKE_PTR(d->unpack)); /* of an interim answer */
	d->state = AT_CLOSE;
	d->sized = false;
	d->left = 0;
	d->chunked = (struct chunked){0};
	c->out->status = read_status(p, n, &d->keep);
	call_note_status(c);
	if (!c->out->status || c->out->status == 101)
		return false;
	while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL && ++line < end) {
		size_t k = strcspn(line, "\r\n");
		if (!read_framing(d, line, MIN(k, (size_t)(end - line))))
			return false;
		call_note_header(c, line, MIN(k, (size_t)(end - line)));
	}
	if (d->state == AT_CHUNKS && d->sized)
		d->keep = false; /* whoever stands between may have read the other one */
	if (d->state == AT_CLOSE && d->sized)
		d->state = AT_LENGTH;
	if (c->out->status < 200) {
		d->state = AT_HEAD;
		return ++d->interim <= INTERIM_MAX;
	}
	if (strcmp(c->in->method, "HEAD") == 0 || c->out->status == 204 || c->out->status == 304) {
		d->state = AT_LENGTH;
		d->left = 0;
	}
	call_first_byte(c);
	return true;
}

/* As far as it has come. */
static bool begins_well(const char *p, size_t n)
{
	return memcmp(p, "HTTP/1.", MIN(n, 7)) == 0;
}

/* Takes what it needs of the n bytes; -1: not HTTP, -ENOMEM. */
static ssize_t take_head(struct call *c, const char *p, size_t n)
{
	struct buf *head = &c->direct.head;
	size_t had = head->n, from = had > 3 ? had - 3 : 0, k;

	if (!had && !begins_well(p, n))
		return -1;
	if (!had && (k = head_end(p, n, 0)) > 0)
		return read_head(c, p, k) ? (ssize_t)k : -1;
	buf_add(head, p, n);
	if (buf_status(head) < 0)
		return head->failed == -ENOMEM ? -ENOMEM : -1;
	k = head_end(head->p, head->n, from);
	if (!k)
		return begins_well(head->p, head->n) ? (ssize_t)n : -1;
	bool good = read_head(c, head->p, k);
	buf_done(head);
	return good ? (ssize_t)(k - had) : -1;
}

/* --- its body ------------------------------------------------------------------------------------------------------- */

static bool is_whole(const struct direct *d)
{
	if (unpack_pending(d->unpack))
		return false;
	return (d->state == AT_LENGTH && d->left == 0) || (d->state == AT_CHUNKS && chunked_done(&d->chunked));
}

/* Servers send each token as a chunk of its own: the data of those that came together is moved into one piece. */
static ssize_t join_chunks(struct chunked *c, char *p, size_t n, struct str *ret)
{
	size_t at = 0;

	*ret = (struct str){p, 0};
	while (at < n && !chunked_done(c)) {
		struct str data;
		ssize_t k = chunked_take(c, p + at, n - at, &data);
		if (k < 0)
			return at > 0 ? (ssize_t)at : k; /* what came before it is handed on first */
		memmove(p + ret->n, data.p, data.n);
		ret->n += data.n;
		at += (size_t)k;
	}
	return (ssize_t)at;
}

/* The next bytes of the body within the n at p; how many were taken, negative for bad chunks. */
static ssize_t unframe(struct direct *d, char *p, size_t n, struct str *ret)
{
	if (d->state == AT_CHUNKS)
		return join_chunks(&d->chunked, p, n, ret);
	if (d->state == AT_LENGTH) {
		n = (size_t)MIN((uint64_t)n, d->left);
		d->left -= n;
	}
	*ret = (struct str){p, n};
	return (ssize_t)n;
}

/* Takes some of what came, and the next bytes of the body that are in it; how much, 0: the call has ended. */
static size_t take_some(struct call *c, char *p, size_t n, struct str *ret)
{
	struct direct *d = &c->direct;
	ssize_t k = d->state == AT_HEAD ? take_head(c, p, n) : unframe(d, p, n, ret);

	if (k < 0) {
		call_finish(
			c, k == -ENOMEM ? -ENOMEM : 0, c->headers_done ? CURLE_RECV_ERROR : CURLE_WEIRD_SERVER_REPLY);
		return 0;
	}
	if (ret->n && d->unpack) {
		unpack_put(d->unpack, ret->p, ret->n);
		ret->n = 0;
	}
	return (size_t)k;
}

/* Until the caller has worked, or others have had their turn; what was read meanwhile waits. */
static void stand_still(struct call *c, const char *p, size_t n, bool work)
{
	struct direct *d = &c->direct;

	buf_add(&d->rest, p, n);
	if (buf_status(&d->rest) < 0) {
		call_finish(c, -ENOMEM, CURLE_OUT_OF_MEMORY);
		return;
	}
	upstream_watch(d->up, 0);
	if (work)
		call_hand_over(c);
	else
		call_pause(c);
}

/* Everything that was read, or what was left of it when the caller had to work or it unpacked to much. */
void direct_take(struct call *c, char *p, size_t n)
{
	struct direct *d = &c->direct;
	size_t unpacked = 0;
	int r = 0;

	c->heard = true;
	while (r != HTTP_WORK && unpacked < HTTP_UNPACKED_MAX && (unpack_pending(d->unpack) || (n && !is_whole(d)))) {
		struct str data = {0};

		if (unpack_pending(d->unpack)) {
			if (unpack_next(d->unpack, &data) < 0) {
				call_finish(c, 0, CURLE_BAD_CONTENT_ENCODING);
				return;
			}
		} else {
			size_t k = take_some(c, p, n, &data);
			if (!k)
				return;
			p += k;
			n -= k;
		}
		if (!data.n)
			continue;
		unpacked += d->unpack ? data.n : 0;
		c->any_data |= c->accepted;
		r = c->on_data(c->arg, data.p, data.n);
		if (r < 0) {
			c->sink_error = r;
			call_finish(c, 0, CURLE_WRITE_ERROR);
			return;
		}
	}
	if (r == HTTP_WORK || unpacked >= HTTP_UNPACKED_MAX) {
		stand_still(c, p, n, r == HTTP_WORK);
		return;
	}
	if (is_whole(d)) {
		d->keep = d->keep && n == 0 && d->sent == direct_request_size(c);
		d->whole = true;
		call_finish(c, 0, CURLE_OK);
	}
}
