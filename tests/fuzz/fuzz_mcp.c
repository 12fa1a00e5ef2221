/*
 * fuzz_mcp.c - whatever a server of MCP says, for which nobody waits: a stream of events, lines of a program, or what a tool came to,
 * which the first byte chooses. A stream, cut into pieces by the second byte, brings the same messages as it does whole.
 */
#include <pthread.h>
#include <stdint.h>

#include "tool/mcp_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct buf text;
	struct mcp *m;
};

static void on_message(void *arg, const char *p, size_t n)
{
	struct seen *s = arg;

	buf_printf(&s->text, "%zu:", n);
	buf_add(&s->text, p, n);
	if (s->m)
		mcp_deliver(s->m, MCP_TEXT, 0, p, n);
}

/* *ret: all messages behind one another. What is cut stays the same up to where it is too large. */
static int read_stream(const char *p, size_t n, size_t step, struct mcp *m, struct buf *ret)
{
	struct seen s = {.text = BUF_INIT((size_t)4 << 20), .m = m};
	struct mcp_events x = {
		.in = BUF_INIT(4096), .data = BUF_INIT(4096), .retry_ms = 1, .message = on_message, .arg = &s};
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += step)
		r = mcp_events_take(&x, p + at, MIN(step, n - at));
	if (x.retry_ms < 0 || x.retry_ms > MCP_RETRY_MAX_MS || !memchr(x.place, '\0', sizeof(x.place)))
		abort();
	buf_done(&x.in);
	buf_done(&x.data);
	*ret = s.text;
	return r;
}

static struct mcp *server(void)
{
	static const char *const never[] = {"/nowhere", NULL}; /* it is not started */
	static const struct mcp_config c = {.label = "fuzz", .program.argv = never};
	static struct mcp_shared shared = {.magic = MCP_SHARED_MAGIC};
	struct mcp *m = NULL;
	struct err e = {0};

	if (mcp_new(&shared, &c, &m, &e) < 0)
		abort();
	return m;
}

static void try_stream(const char *p, size_t n, size_t step, struct mcp *m)
{
	struct buf whole, cut;
	int a = read_stream(p, n, MAX(n, (size_t)1), m, &whole), b = read_stream(p, n, step, NULL, &cut);

	/* A line without its end may be too large in pieces alone: what was taken by then is the same. */
	if ((a == 0 && b == 0 && whole.n != cut.n) ||
		memcmp(buf_str(&whole).p, buf_str(&cut).p, MIN(whole.n, cut.n)) != 0)
		abort();
	buf_done(&whole);
	buf_done(&cut);
}

/* Lines of a program. */
static void try_lines(const char *p, size_t n, struct mcp *m)
{
	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t line = end ? (size_t)(end - p) : n;

		mcp_deliver(m, MCP_TEXT, 0, p, line);
		n -= line + (end ? 1 : 0);
		p += line + (end ? 1 : 0);
	}
}

/* As what a tool came to. */
static void try_result(const char *p, size_t n)
{
	json_t *v = NULL;
	struct tool_result r = {.failed = false};
	struct arena a;
	struct err e = {0};

	arena_init(&a, 16 << 20);
	if (json_read(p, n, JSON_MEMORY, JSON_READ_LOOSE, &v, &e) == 0)
		(void)!mcp_result(v, &a, &r, &e);
	json_decref(v);
	tool_result_done(&r);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct mcp *m = server();
	const char *p = (const char *)data + 2;
	size_t n = size - 2;

	if (data[0] % 3 == 0)
		try_stream(p, n, (size_t)data[1] % 64 + 1, m);
	else if (data[0] % 3 == 1)
		try_lines(p, n, m);
	else
		try_result(p, n);
	mcp_free(m);
	return 0;
}
