/* mcp_events.c - events of a stream over HTTP, each of which brings one message, however its bytes are cut. */
#include <stdio.h>

#include "tool/mcp_priv.h"

static void end_event(struct mcp_events *x)
{
	if (x->data.n > 0)
		x->message(x->arg, x->data.p, x->data.n);
	buf_reset(&x->data);
}

static int take_line(struct mcp_events *x, const char *p, size_t n)
{
	if (n > 0 && p[n - 1] == '\r')
		n--;
	if (n == 0) {
		end_event(x);
		return 0;
	}
	const char *colon = memchr(p, ':', n);
	struct str name = {p, colon ? (size_t)(colon - p) : n}, value = {p + n, 0};
	if (colon) {
		value = (struct str){colon + 1, n - name.n - 1};
		if (value.n > 0 && *value.p == ' ')
			value.p++, value.n--;
	}
	if (str_eq(name, STR("data"))) {
		if (x->data.n > 0)
			buf_add_char(&x->data, '\n');
		buf_add(&x->data, value.p, value.n);
	} else if (str_eq(name, STR("id")) && value.n < sizeof(x->place)) {
		memcpy(x->place, value.p, value.n);
		x->place[value.n] = '\0';
	} else if (str_eq(name, STR("retry"))) {
		char digits[16];
		snprintf(digits, sizeof(digits), "%.*s", (int)MIN(value.n, sizeof(digits) - 1), value.p);
		x->retry_ms = MAX(0, MIN(strtoll(digits, NULL, 10), MCP_RETRY_MAX_MS));
	}
	return buf_status(&x->data);
}

int mcp_events_take(struct mcp_events *x, const char *p, size_t n)
{
	ASSERT(x->message && x->in.max > 0 && x->data.max > 0); /* born with bounds */
	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t piece = end ? (size_t)(end - p) : n;
		int r;

		if (x->in.n > 0 || !end) {
			buf_add(&x->in, p, piece);
			if ((r = buf_status(&x->in)) < 0)
				return r;
		}
		if (!end)
			return 0;
		r = x->in.n > 0 ? take_line(x, x->in.p, x->in.n) : take_line(x, p, piece);
		buf_reset(&x->in);
		if (r < 0)
			return r;
		p += piece + 1;
		n -= piece + 1;
	}
	return 0;
}
