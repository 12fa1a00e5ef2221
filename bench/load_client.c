/* load_client.c - one HTTP client: reads JSON, Ollama's lines, OpenAI's chunks or Atelier's event stream, and checks each token. */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum phase { PHASE_HEAD, PHASE_LENGTH, PHASE_SIZE, PHASE_CHUNK, PHASE_CHUNK_END, PHASE_UNTIL_CLOSE, PHASE_OVER };

struct stats stats;
const char *client_header;

void stats_reset(void)
{
	uint32_t *keep = stats.latency_us, *keep_first = stats.first_us;
	size_t cap = stats.cap, first_cap = stats.first_cap;

	stats = (struct stats){.latency_us = keep, .cap = cap, .first_us = keep_first, .first_cap = first_cap};
}

static void add(uint32_t **list, size_t *n, size_t *cap, uint32_t value)
{
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 1 << 20;
		*list = realloc(*list, *cap * sizeof(uint32_t));
		if (!*list)
			die("out of memory");
	}
	(*list)[(*n)++] = value;
}

void client_fault(struct client *c, const char *what)
{
	if (stats.failed++ < 5)
		fprintf(stderr, "load: request %u (status %d, next token %u of %u): %s\n", c->index, c->status, c->next,
			c->want, what);
}

static void client_release(struct source *s)
{
	struct client *c = (struct client *)s;

	bytes_free(&c->out);
	bytes_free(&c->in);
	bytes_free(&c->line);
	bytes_free(&c->body);
	free(c);
}

void client_close(struct client *c)
{
	source_close(&c->src);
}

static void client_finish(struct client *c)
{
	if (c->finished)
		return;
	c->finished = true;
	if (c->kind != ANSWER_JSON) {
		if (!c->complete)
			client_fault(c, "the stream ended before its end");
		else if (c->next != c->want || c->npart)
			client_fault(c, "the stream ended with tokens missing");
		stats.ended++;
	}
	c->done(c);
	if (c->finished)
		client_close(c);
}

/* --- tokens --- */

static bool digits(const char *p, unsigned n, unsigned base, uint32_t *ret)
{
	uint32_t value = 0;

	while (n-- > 0) {
		unsigned d = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
			     : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a') + 10
						      : 99;
		if (d >= base)
			return false;
		value = value * base + d;
		p++;
	}
	*ret = value;
	return true;
}

static void check_token(struct client *c, const char *t, uint32_t now)
{
	uint32_t number, stream, sent;

	if (t[0] != 't' || t[7] != '.' || t[13] != '.' || t[22] != ' ' || !digits(t + 1, 6, 10, &number) ||
		!digits(t + 8, 5, 10, &stream) || !digits(t + 14, 8, 16, &sent)) {
		client_fault(c, "not a token");
		return;
	}
	if (stream != c->stream)
		client_fault(c, "a token of another stream");
	if (number != c->next)
		client_fault(c, number < c->next ? "a token came twice or late" : "a token is missing");
	c->next = number + 1;
	stats.last_us = now;
	stats.tokens++;
	add(&stats.latency_us, &stats.nlatency, &stats.cap, now - sent);
	if (number == 0)
		add(&stats.first_us, &stats.nfirst, &stats.first_cap, now - c->sent_us);
}

/* Text of the answer, up to the closing quote: one token, several, or a part of one. */
static void take_text(struct client *c, const char *p, const char *end, uint32_t now)
{
	for (; p < end && *p != '"'; p++) {
		c->part[c->npart++] = *p;
		if (c->npart == TOKEN_LEN) {
			c->npart = 0;
			check_token(c, c->part, now);
		}
	}
}

/* Behind `"name":"`, spaces allowed; NULL when there is none. */
static const char *string_member(const char *p, size_t n, const char *name)
{
	char key[40];
	size_t len = (size_t)snprintf(key, sizeof(key), "\"%s\"", name);
	const char *at = memmem(p, n, key, len), *end = p + n;

	if (!at)
		return NULL;
	for (at += len; at < end && (*at == ' ' || *at == ':'); at++)
		;
	return at < end && *at == '"' ? at + 1 : NULL;
}

bool json_string(const char *json, const char *name, char *ret, size_t cap)
{
	const char *at = json ? string_member(json, strlen(json), name) : NULL;
	size_t n = at ? strcspn(at, "\"") : 0;

	if (!at || n >= cap)
		return false;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return true;
}

static void take_ndjson(struct client *c, const char *p, size_t n, uint32_t now)
{
	const char *text = string_member(p, n, "content");

	if (!text)
		client_fault(c, "a line without content");
	else
		take_text(c, text, p + n, now);
	if (memmem(p, n, "\"done\":true", 11))
		c->complete = true;
}

static void take_event(struct client *c, const char *p, size_t n, uint32_t now)
{
	if (n > 4 && !memcmp(p, "id: ", 4)) {
		uint64_t id = strtoull(p + 4, NULL, 10);

		if (id != c->last_id + 1)
			client_fault(c, "the event numbers have a gap");
		c->last_id = id;
	} else if (n > 7 && !memcmp(p, "event: ", 7)) {
		size_t len = n - 7 < sizeof(c->event) - 1 ? n - 7 : sizeof(c->event) - 1;

		memcpy(c->event, p + 7, len);
		c->event[len] = '\0';
	} else if (n > 6 && !memcmp(p, "data: ", 6)) {
		if (c->complete)
			client_fault(c, "an event after done");
		if (!strcmp(c->event, "start"))
			json_string(p, "turn_id", c->turn, sizeof(c->turn));
		if (!strcmp(c->event, "text") && !c->blind) {
			const char *text = string_member(p, n, "text");

			if (text)
				take_text(c, text, p + n, now);
		} else if (!strcmp(c->event, "error")) {
			client_fault(c, p);
		} else if (!strcmp(c->event, "done")) {
			c->complete = true;
			if (!memmem(p, n, "\"complete\"", 10))
				client_fault(c, p);
		}
	}
}

static void take_chunk(struct client *c, const char *p, size_t n, uint32_t now)
{
	if (n < 7 || memcmp(p, "data: ", 6) != 0)
		return;
	const char *text = string_member(p, n, "content");
	if (text)
		take_text(c, text, p + n, now);
	else if (!memcmp(p + 6, "[DONE]", n < 12 ? n - 6 : 6))
		c->complete = true;
	else if (memmem(p, n, "\"error\":{", 9))
		client_fault(c, p);
}

/* --- HTTP --- */

static void take_body(struct client *c, const char *p, size_t n, uint32_t now)
{
	if (c->kind == ANSWER_JSON || c->status != 200) {
		bytes_add(&c->body, p, n);
		return;
	}
	bytes_add(&c->line, p, n);
	char *at = c->line.p, *end = c->line.p + c->line.n, *nl;
	for (; at < end && (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1) {
		*nl = '\0';
		if (c->kind == ANSWER_EVENTS)
			take_event(c, at, (size_t)(nl - at), now);
		else if (c->kind == ANSWER_CHUNKS)
			take_chunk(c, at, (size_t)(nl - at), now);
		else
			take_ndjson(c, at, (size_t)(nl - at), now);
	}
	bytes_cut(&c->line, (size_t)(at - c->line.p));
}

static bool take_head(struct client *c)
{
	char *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4);

	if (!end)
		return false;
	end[2] = '\0';
	const char *length = strcasestr(c->in.p, "\r\nContent-Length:");
	c->status = c->in.n > 12 ? (int)strtol(c->in.p + 9, NULL, 10) : 0;
	if (strcasestr(c->in.p, "\r\nTransfer-Encoding: chunked")) {
		c->phase = PHASE_SIZE;
	} else if (length) {
		c->left = strtoull(length + 17, NULL, 10);
		c->phase = c->left ? PHASE_LENGTH : PHASE_OVER;
	} else {
		c->phase = c->status == 204 ? PHASE_OVER : PHASE_UNTIL_CLOSE;
	}
	bytes_cut(&c->in, (size_t)(end - c->in.p) + 4);
	stats.heads++;
	return true;
}

/* Reads a chunk's size line at p; the bytes used, or 0 when it is not whole yet. */
static size_t take_size(struct client *c, const char *p, size_t n)
{
	const char *nl = memchr(p, '\n', n);

	if (!nl)
		return 0;
	c->left = strtoull(p, NULL, 16);
	c->phase = c->left ? PHASE_CHUNK : PHASE_CHUNK_END;
	c->complete = c->complete || (c->left == 0 && c->kind == ANSWER_JSON);
	c->chunked = c->left > 0; /* false: this was the last chunk */
	return (size_t)(nl - p) + 1;
}

static void take_input(struct client *c, uint32_t now)
{
	size_t at = 0, n;

	if (c->phase == PHASE_HEAD && !take_head(c))
		return;
	while (at < c->in.n && c->phase != PHASE_OVER) {
		const char *p = c->in.p + at;
		size_t have = c->in.n - at;

		if (c->phase == PHASE_SIZE) {
			n = take_size(c, p, have);
			if (n == 0)
				break;
		} else if (c->phase == PHASE_CHUNK_END) {
			if (have < 2)
				break;
			n = 2;
			c->phase = c->chunked ? PHASE_SIZE : PHASE_OVER;
		} else if (c->phase == PHASE_UNTIL_CLOSE) {
			take_body(c, p, n = have, now);
		} else {
			n = have < c->left ? have : (size_t)c->left;
			take_body(c, p, n, now);
			c->left -= n;
			if (c->left == 0)
				c->phase = c->phase == PHASE_CHUNK ? PHASE_CHUNK_END : PHASE_OVER;
		}
		at += n;
	}
	bytes_cut(&c->in, at);
}

static void client_flush(struct client *c)
{
	ssize_t n = send(c->src.fd, c->out.p, c->out.n, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
		n = 0; /* a broken connection shows when it is read */
	bytes_cut(&c->out, n > 0 ? (size_t)n : 0);
	loop_change(&c->src, c->out.n ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void client_read(struct client *c)
{
	char data[65536];
	ssize_t n = recv(c->src.fd, data, sizeof(data), 0);
	uint32_t now = now_us();

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (c->phase != PHASE_UNTIL_CLOSE && c->phase != PHASE_OVER)
			client_fault(c, "the connection was closed");
		client_finish(c);
		return;
	}
	bytes_add(&c->in, data, (size_t)n);
	take_input(c, now);
	if (c->phase == PHASE_HEAD)
		return;
	if (c->kind != ANSWER_JSON && c->status != 200 && c->phase == PHASE_OVER)
		client_fault(c, c->body.n ? c->body.p : "refused");
	/* An event stream may stay open behind its last event. */
	if (c->phase == PHASE_OVER || (c->kind == ANSWER_EVENTS && c->complete))
		client_finish(c);
}

static void client_ready(struct source *s, uint32_t events)
{
	struct client *c = (struct client *)s;

	if ((events & EPOLLOUT) && c->out.n)
		client_flush(c);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		client_read(c);
}

struct client *client_open(int port, enum answer kind, unsigned index, void (*done)(struct client *c))
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		die("out of memory");
	c->src = (struct source){.fd = socket_connect(port), .ready = client_ready, .release = client_release};
	if (c->src.fd < 0)
		die("connect to port %d: %s", port, strerror(errno));
	c->kind = kind;
	c->index = c->stream = index;
	c->done = done;
	loop_add(&c->src, EPOLLIN);
	return c;
}

void client_again(struct client *c)
{
	bytes_cut(&c->body, c->body.n);
	c->status = 0;
	c->phase = PHASE_HEAD;
	c->complete = c->finished = false;
	c->next = 0;
	c->last_id = 0;
}

void client_send(struct client *c, const char *method, const char *path, const char *token, const char *json)
{
	static const char *const accept[] = {
		"application/json", "application/x-ndjson", "text/event-stream", "text/event-stream"};

	c->sent_us = now_us();

	bytes_addf(&c->out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: %s\r\n", method, path, accept[c->kind]);
	if (token && *token)
		bytes_addf(&c->out, "Authorization: Bearer %s\r\n", token);
	if (client_header)
		bytes_addf(&c->out, "%s", client_header);
	if (json)
		bytes_addf(&c->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(json));
	bytes_addf(&c->out, "\r\n%s", json ? json : "");
	loop_change(&c->src, EPOLLIN | EPOLLOUT);
}
