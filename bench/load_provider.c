/* load_provider.c - a model provider with Ollama's wire format that paces its tokens by the clock. */
#include "load.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LINE_HEAD                                                                                                      \
	"{\"model\":\"" MODEL "\",\"created_at\":\"2026-11-21T00:00:00.000000Z\","                                     \
	"\"message\":{\"role\":\"assistant\",\"content\":\""
#define LINE_TAIL "\"},\"done\":false}\n"
#define DATE_LINE "Date: Sat, 21 Nov 2026 00:00:00 GMT\r\n"

/* One connection of a relay to the provider. */
struct peer {
	struct source src;
	struct bytes in, out;
	unsigned stream;
	uint32_t next, total;
	bool begun; /* the head of the answer was sent */
	bool busy;  /* an answer is under way or held back */
	int slot;   /* in `waiting` or `paced`, or -1 */
	bool paced;
};

static struct source listener;
static int port;

/* The held-back requests in the order they came, and those being answered. A slot of one that left is NULL. */
static struct peer *waiting[MAX_STREAMS], *paced[MAX_STREAMS];
static size_t slots_waiting, nwaiting, npaced;

/* Step k of the pace: token k / npaced of stream k % npaced, due at start + k * period / npaced. */
static uint64_t pace_start, pace_step, pace_steps;
static double pace_ns;
static size_t late;

static void peer_read(struct peer *p);

static void peer_release(struct source *s)
{
	struct peer *p = (struct peer *)s;

	bytes_free(&p->in);
	bytes_free(&p->out);
	free(p);
}

static void peer_close(struct peer *p)
{
	if (p->slot >= 0 && p->paced) {
		paced[p->slot] = NULL;
	} else if (p->slot >= 0) {
		waiting[p->slot] = NULL;
		nwaiting--;
	}
	p->slot = -1;
	source_close(&p->src);
}

static void peer_send(struct peer *p, const char *data, size_t n)
{
	ssize_t sent = p->out.n ? 0 : send(p->src.fd, data, n, MSG_NOSIGNAL);

	if (sent < 0)
		sent = 0; /* a broken connection shows when it is read */
	if ((size_t)sent < n) {
		if (!p->out.n)
			loop_change(&p->src, EPOLLIN | EPOLLOUT);
		bytes_add(&p->out, data + sent, n - (size_t)sent);
	}
}

static void peer_flush(struct peer *p)
{
	ssize_t sent = p->out.n ? send(p->src.fd, p->out.p, p->out.n, MSG_NOSIGNAL) : 0;

	if (sent > 0)
		bytes_cut(&p->out, (size_t)sent);
	if (!p->out.n)
		loop_change(&p->src, EPOLLIN);
}

static void put_digits(char *to, unsigned width, uint32_t value, unsigned base)
{
	while (width-- > 0) {
		to[width] = "0123456789abcdef"[value % base];
		value /= base;
	}
}

/* Writes the chunk of the next token to `to` and returns its length. Only the token differs between two lines. */
static size_t make_token(struct peer *p, char *to)
{
	enum { HEAD = sizeof(LINE_HEAD) - 1, TAIL = sizeof(LINE_TAIL) - 1 };
	static char line[256];
	static size_t at, len;

	if (!len) {
		at = (size_t)snprintf(line, sizeof(line), "%x\r\n" LINE_HEAD, (unsigned)(HEAD + TOKEN_LEN + TAIL));
		len = at + TOKEN_LEN;
		len += (size_t)snprintf(line + len, sizeof(line) - len, LINE_TAIL "\r\n");
	}
	memcpy(to, line, len);
	char *token = to + at;
	token[0] = 't';
	put_digits(token + 1, 6, p->next++, 10);
	token[7] = '.';
	put_digits(token + 8, 5, p->stream, 10);
	token[13] = '.';
	put_digits(token + 14, 8, now_us(), 16);
	token[22] = ' ';
	return len;
}

static void peer_begin(struct peer *p)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n" DATE_LINE
				   "Transfer-Encoding: chunked\r\n\r\n";

	p->begun = true;
	peer_send(p, head, sizeof(head) - 1);
}

static void peer_token(struct peer *p)
{
	char chunk[256];

	if (!p->begun)
		peer_begin(p);
	peer_send(p, chunk, make_token(p, chunk));
}

static void peer_end(struct peer *p)
{
	char line[512], chunk[600];

	if (!p->begun)
		peer_begin(p);
	int n = snprintf(line, sizeof(line),
		LINE_HEAD
		"\"},\"done\":true,\"done_reason\":\"stop\",\"total_duration\":%u,"
		"\"load_duration\":1000,\"prompt_eval_count\":26,\"prompt_eval_duration\":1000,\"eval_count\":%u,"
		"\"eval_duration\":1000}\n",
		p->total * 1000, p->total);
	int m = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n0\r\n\r\n", (unsigned)n, line);
	peer_send(p, chunk, (size_t)m);
	p->busy = p->paced = false;
	p->slot = -1;
}

/* The last mark in the body counts: earlier ones stand in earlier messages of the conversation. */
static bool find_mark(const char *body, size_t n, struct peer *p, char *ret_mode)
{
	for (size_t i = n; i-- > 0;) {
		if (body[i] == 'b' && sscanf(body + i, "bench-%5u-%6u-%c", &p->stream, &p->total, ret_mode) == 3)
			return true;
	}
	return false;
}

static void answer_chat(struct peer *p, const char *body, size_t n)
{
	char mode = 'f';

	p->next = 0;
	p->begun = false;
	p->busy = true;
	if (!find_mark(body, n, p, &mode))
		p->total = 1;
	if (mode == 'p') {
		if (slots_waiting == MAX_STREAMS)
			die("more than %d held-back requests", MAX_STREAMS);
		p->slot = (int)slots_waiting;
		waiting[slots_waiting++] = p;
		nwaiting++;
		return;
	}
	while (p->next < p->total)
		peer_token(p);
	peer_end(p);
}

static void answer_json(struct peer *p, const char *json)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" DATE_LINE "Content-Length: %zu\r\n\r\n%s",
		strlen(json), json);

	peer_send(p, text, (size_t)n);
}

static void answer(struct peer *p, const char *head, const char *body, size_t n)
{
	if (!strncmp(head, "POST /api/chat ", 15))
		answer_chat(p, body, n);
	else if (!strncmp(head, "GET /api/tags ", 14))
		answer_json(p,
			"{\"models\":[{\"name\":\"" MODEL "\",\"model\":\"" MODEL "\","
			"\"modified_at\":\"2026-11-21T00:00:00Z\",\"size\":2019393189,\"digest\":\"a80c4f17acd5\","
			"\"details\":{\"format\":\"gguf\",\"family\":\"llama\",\"families\":[\"llama\"],"
			"\"parameter_size\":\"3.2B\",\"quantization_level\":\"Q4_K_M\"}}]}");
	else if (!strncmp(head, "GET /api/version ", 17))
		answer_json(p, "{\"version\":\"0.12.0\"}");
	else if (!strncmp(head, "POST /api/show ", 15))
		answer_json(p, "{\"capabilities\":[\"completion\"],\"model_info\":{\"llama.context_length\":131072}}");
	else
		answer_json(p, "{\"models\":[]}");
}

static void peer_requests(struct peer *p)
{
	while (!p->busy && p->in.n) {
		char *end = memmem(p->in.p, p->in.n, "\r\n\r\n", 4);

		if (!end)
			return;
		size_t head = (size_t)(end - p->in.p) + 4, length = 0;
		end[2] = '\0';
		const char *field = strcasestr(p->in.p, "\r\nContent-Length:");
		if (field)
			length = strtoul(field + 17, NULL, 10);
		end[2] = '\r';
		if (p->in.n < head + length)
			return;
		answer(p, p->in.p, p->in.p + head, length);
		bytes_cut(&p->in, head + length);
	}
}

static void peer_read(struct peer *p)
{
	char data[65536];
	ssize_t n = recv(p->src.fd, data, sizeof(data), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		peer_close(p);
		return;
	}
	bytes_add(&p->in, data, (size_t)n);
	peer_requests(p);
}

static void peer_ready(struct source *s, uint32_t events)
{
	struct peer *p = (struct peer *)s;

	if (events & EPOLLOUT)
		peer_flush(p);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		peer_read(p);
}

static void accept_ready(struct source *s, uint32_t events)
{
	(void)events;
	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
			return;
		if (fd < 0)
			die("accept: %s", strerror(errno));
		struct peer *p = calloc(1, sizeof(*p));
		if (!p)
			die("out of memory");
		p->src = (struct source){.fd = fd, .ready = peer_ready, .release = peer_release};
		p->slot = -1;
		loop_add(&p->src, EPOLLIN);
	}
}

void provider_open(void)
{
	listener = (struct source){.fd = socket_listen(&port), .ready = accept_ready};
	loop_add(&listener, EPOLLIN);
}

int provider_port(void)
{
	return port;
}

const volatile size_t *provider_waiting(void)
{
	return &nwaiting;
}

void provider_start(double rate)
{
	uint32_t most = 0;

	npaced = 0;
	for (size_t i = 0; i < slots_waiting; i++) {
		struct peer *p = waiting[i];

		if (!p)
			continue;
		p->slot = (int)npaced;
		p->paced = true;
		paced[npaced++] = p;
		most = p->total > most ? p->total : most;
	}
	slots_waiting = nwaiting = 0;
	pace_ns = 1e9 / rate;
	pace_start = now_ns();
	pace_step = 0;
	late = 0;
	pace_steps = npaced * (most + 1ull);
}

size_t provider_late(void)
{
	return late;
}

uint64_t provider_due(void)
{
	if (pace_step >= pace_steps)
		return UINT64_MAX;
	return pace_start + (uint64_t)((double)pace_step * pace_ns / (double)npaced);
}

void provider_send_due(void)
{
	uint64_t now = now_ns();

	/* A few at a time, so that what was sent is also read when the machine is behind. */
	for (int i = 0; i < 16 && provider_due() <= now; i++) {
		late += provider_due() + 1000000 < now;
		struct peer *p = paced[pace_step++ % npaced];

		if (!p)
			continue;
		if (p->next < p->total) {
			peer_token(p);
		} else {
			paced[p->slot] = NULL;
			peer_end(p);
			peer_requests(p);
		}
	}
}
