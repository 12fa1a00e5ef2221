/* load_provider.c - a model provider with Ollama's and OpenAI's wire formats that paces its tokens by the clock. */
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

#define CHUNK_HEAD                                                                                                     \
	"data: "                                                                                                       \
	"{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"" MODEL    \
	"\","
#define USAGE "\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":%u,\"total_tokens\":%u}"

/* How a token is written. */
static const struct wire {
	const char *type, *head, *tail;
} wires[] = {
	{"application/x-ndjson", LINE_HEAD, LINE_TAIL},
	{"text/event-stream", CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
		"\"},\"finish_reason\":null}]}\n\n"},
};

/* One connection of a relay to the provider. */
struct peer {
	struct source src;
	struct bytes in, out;
	unsigned stream;
	uint32_t next, total;
	bool begun;                /* the head of the answer was sent */
	bool busy;                 /* an answer is under way or held back */
	bool openai, usage, whole; /* the format; whether figures were asked for; whether no stream was */
	int slot;                  /* in `waiting`, `paced` or `selves`, or -1 */
	bool paced, self;
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

/* Those that pace themselves, in the order in which they are due: all have the same pace. */
static struct {
	struct peer *peer;
	uint64_t due;
} selves[MAX_STREAMS];
static size_t self_first, nselves;

static void peer_requests(struct peer *p);
static void answer_json(struct peer *p, const char *json);

static void peer_release(struct source *s)
{
	struct peer *p = (struct peer *)s;

	bytes_free(&p->in);
	bytes_free(&p->out);
	free(p);
}

static void peer_close(struct peer *p)
{
	if (p->slot >= 0 && p->self) {
		selves[p->slot].peer = NULL;
	} else if (p->slot >= 0 && p->paced) {
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
	static struct {
		char line[300];
		size_t at, len;
	} made[2];
	typeof(*made) *m = &made[p->openai];
	const struct wire *w = &wires[p->openai];

	if (!m->len) {
		m->at = (size_t)snprintf(m->line, sizeof(m->line), "%x\r\n%s",
			(unsigned)(strlen(w->head) + TOKEN_LEN + strlen(w->tail)), w->head);
		m->len = m->at + TOKEN_LEN;
		m->len += (size_t)snprintf(m->line + m->len, sizeof(m->line) - m->len, "%s\r\n", w->tail);
	}
	memcpy(to, m->line, m->len);
	char *token = to + m->at;
	token[0] = 't';
	put_digits(token + 1, 6, p->next++, 10);
	token[7] = '.';
	put_digits(token + 8, 5, p->stream, 10);
	token[13] = '.';
	put_digits(token + 14, 8, now_us(), 16);
	token[22] = ' ';
	return m->len;
}

static void peer_begin(struct peer *p)
{
	char head[200];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n" DATE_LINE "Transfer-Encoding: chunked\r\n\r\n",
		wires[p->openai].type);

	p->begun = true;
	peer_send(p, head, (size_t)n);
}

static void peer_token(struct peer *p)
{
	char chunk[300];

	if (!p->begun)
		peer_begin(p);
	peer_send(p, chunk, make_token(p, chunk));
}

/* The last piece of a stream; returns its length. */
static int last_piece(const struct peer *p, char *line, size_t cap)
{
	char usage[300] = "";

	if (p->usage)
		snprintf(usage, sizeof(usage), CHUNK_HEAD "\"choices\":[]," USAGE "}\n\n", p->total, p->total + 26);
	if (p->openai)
		return snprintf(line, cap,
			CHUNK_HEAD
			"\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n%sdata: [DONE]\n\n",
			usage);
	return snprintf(line, cap,
		LINE_HEAD
		"\"},\"done\":true,\"done_reason\":\"stop\",\"total_duration\":%u,"
		"\"load_duration\":1000,\"prompt_eval_count\":26,\"prompt_eval_duration\":1000,\"eval_count\":%u,"
		"\"eval_duration\":1000}\n",
		p->total * 1000, p->total);
}

static void peer_end(struct peer *p)
{
	char line[800], chunk[900];

	if (!p->begun)
		peer_begin(p);
	int n = last_piece(p, line, sizeof(line));
	int m = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n0\r\n\r\n", (unsigned)n, line);
	peer_send(p, chunk, (size_t)m);
	p->busy = p->paced = p->self = false;
	p->slot = -1;
}

static void self_push(struct peer *p)
{
	if (nselves == MAX_STREAMS)
		die("more than %d streams", MAX_STREAMS);
	p->self = true;
	p->slot = (int)((self_first + nselves++) % MAX_STREAMS);
	selves[p->slot].peer = p;
	selves[p->slot].due = now_ns() + NS_PER_S / SELF_PACED;
}

static uint64_t self_due(void)
{
	return nselves ? selves[self_first].due : UINT64_MAX;
}

static void self_step(void)
{
	struct peer *p = selves[self_first].peer;

	self_first = (self_first + 1) % MAX_STREAMS;
	nselves--;
	if (!p)
		return;
	p->slot = -1;
	if (p->next < p->total) {
		peer_token(p);
		self_push(p);
	} else {
		peer_end(p);
		peer_requests(p);
	}
}

/* An answer in one piece, of OpenAI's format. */
static void answer_whole(struct peer *p)
{
	struct bytes b = {0};

	bytes_addf(&b,
		"{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"" MODEL
		"\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
	for (uint32_t i = 0; i < p->total && i < 100; i++)
		bytes_addf(&b, "t%06u.%05u.%08x ", i, p->stream % 100000, now_us());
	bytes_addf(&b, "\"},\"finish_reason\":\"stop\"}]," USAGE "}", p->total, p->total + 26);
	p->busy = false;
	answer_json(p, b.p);
	bytes_free(&b);
}

/* One line of p->total kilobytes, in which nothing repeats. */
static void answer_long(struct peer *p)
{
	struct bytes b = {0};

	bytes_addf(&b, "%zx\r\n" LINE_HEAD, strlen(LINE_HEAD) + (size_t)p->total * 1024 + strlen(LINE_TAIL));
	for (uint32_t i = 0; i < p->total * 128; i++)
		bytes_addf(&b, "%07x ", i * 2654435761u >> 4);
	bytes_addf(&b, LINE_TAIL "\r\n");
	peer_begin(p);
	peer_send(p, b.p, b.n);
	bytes_free(&b);
	peer_end(p);
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
	if (p->whole) {
		answer_whole(p);
		return;
	}
	if (mode == 'l') {
		answer_long(p);
		return;
	}
	if (mode == 's') {
		peer_token(p);
		self_push(p);
		return;
	}
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
	struct bytes b = {0};

	bytes_addf(&b,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" DATE_LINE "Content-Length: %zu\r\n\r\n%s",
		strlen(json), json);
	peer_send(p, b.p, b.n);
	bytes_free(&b);
}

static bool says(const char *body, size_t n, const char *word)
{
	return memmem(body, n, word, strlen(word)) != NULL;
}

/* Of the way in which the relays write JSON. */
static bool is_true(const char *body, size_t n, const char *name)
{
	char tight[40], wide[40];

	snprintf(tight, sizeof(tight), "\"%s\":true", name);
	snprintf(wide, sizeof(wide), "\"%s\": true", name);
	return says(body, n, tight) || says(body, n, wide);
}

static void answer(struct peer *p, const char *head, const char *body, size_t n)
{
	p->openai = !strncmp(head, "POST /v1/chat/completions ", 26);
	p->whole = p->openai && !is_true(body, n, "stream");
	p->usage = p->openai && is_true(body, n, "include_usage");
	if (p->openai)
		answer_chat(p, body, n);
	else if (!strncmp(head, "GET /v1/models ", 15))
		answer_json(p, "{\"object\":\"list\",\"data\":[{\"id\":\"" MODEL
			       "\",\"object\":\"model\",\"created\":1790000000,\"owned_by\":\"bench\"}]}");
	else if (!strncmp(head, "POST /api/chat ", 15))
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

static uint64_t pace_due(void)
{
	if (pace_step >= pace_steps)
		return UINT64_MAX;
	return pace_start + (uint64_t)((double)pace_step * pace_ns / (double)npaced);
}

uint64_t provider_due(void)
{
	return pace_due() < self_due() ? pace_due() : self_due();
}

void provider_send_due(void)
{
	uint64_t now = now_ns();

	/* A few at a time, so that what was sent is also read when the machine is behind. */
	for (int i = 0; i < 16 && self_due() <= now; i++)
		self_step();
	for (int i = 0; i < 16 && pace_due() <= now; i++) {
		late += pace_due() + 1000000 < now;
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
