/* mcp_stdio.c - a server that is a program in the sandbox, spoken to in lines. */
#include <stdio.h>

#include "tool/gate.h"
#include "tool/mcp_priv.h"

#define GATE_BYTES ((int64_t)4 << 30) /* of a program, as long as it lives */

static void on_line(void *arg, const char *p, size_t n, bool cut)
{
	ASSERT_IS((struct mcp *)arg, MCP_MAGIC);
	mcp_deliver(arg, cut ? MCP_CUT : MCP_TEXT, 0, p, n);
}

static void on_end(void *arg, const struct sandbox_result *how)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT(2048);
	const char *last = how->errors;
	size_t n = strlen(last);

	ASSERT_IS((struct mcp *)arg, MCP_MAGIC);
	/* Its last line says most. */
	while (n > 0 && last[n - 1] == '\n')
		n--;
	for (const char *end; (end = memchr(last, '\n', n)) != NULL;) {
		n -= (size_t)(end + 1 - last);
		last = end + 1;
	}
	buf_printf(&why,
		how->end == SANDBOX_EXITED ? "its program ended with status %d" : "its program was killed by signal %d",
		how->status);
	if (n > 0)
		buf_printf(&why, " (%.*s)", (int)MIN(n, 150u), last);
	mcp_deliver(arg, MCP_GONE, 0, why.p, why.n);
}

int mcp_stdio_start(struct mcp *m, struct err *e)
{
	static const struct sandbox_limits limits = {.file = (size_t)1 << 30, .files = 1024, .processes = 256};
	struct process *p;
	struct process_config c = {
		.program = m->c.program, .line_max = MCP_MESSAGE_MAX, .line = on_line, .ended = on_end, .arg = m};
	const struct gate_config out = {
		.label = m->c.label, .hosts = m->c.hosts, .also = m->c.also, .bytes_max = GATE_BYTES};
	struct gate *gate = NULL;
	int r = m->c.hosts && *m->c.hosts ? gate_new(&out, &gate, e) : 0;

	ASSERT(thread_may_wait() && !m->c.url);
	if (r < 0)
		return r;
	c.program.limits = limits;
	c.program.network = gate ? gate_end(gate) : 0;
	r = process_start(m->shared->processes, &c, &p, e);
	if (r < 0) {
		gate_free(gate);
		return r;
	}
	if (gate)
		gate_started(gate);
	pthread_mutex_lock(&m->mx);
	ASSERT(!m->process && !m->gate); /* the one before was stopped */
	m->process = p;
	m->gate = gate;
	pthread_mutex_unlock(&m->mx);
	return 0;
}

void mcp_stdio_stop(struct mcp *m, int64_t grace_ms)
{
	pthread_mutex_lock(&m->mx);
	struct process *p = m->process;
	struct gate *gate = m->gate;
	ASSERT(thread_may_wait() && !m->c.url);
	m->process = NULL;
	m->gate = NULL;
	if (p) {
		m->errors.n = 0;
		process_errors(p, &m->errors);
	}
	pthread_mutex_unlock(&m->mx);
	if (!p)
		return;
	process_stop(p, grace_ms);
	process_wait(p);
	process_free(p);
	gate_free(gate);
}

void mcp_errors(struct mcp *m, struct buf *to)
{
	ASSERT_IS(m, MCP_MAGIC);
	pthread_mutex_lock(&m->mx);
	if (m->process)
		process_errors(m->process, to);
	else
		buf_add(to, m->errors.p, m->errors.n);
	pthread_mutex_unlock(&m->mx);
}
