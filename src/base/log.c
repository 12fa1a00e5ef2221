/* log.c - makes the lines of the log. Each goes out whole, so that those of different threads do not mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#define TEXT_MAX 2048
#define LINE_MAX 16384

static enum log_level max_level = LOG_INFO;
static bool as_json;
static _Atomic(log_sink_fn) sink;
static _Thread_local char request[24]; /* "": none */

static const char *const level_names[] = {"error", "warn", "info", "debug"};
_Static_assert(N_ELEMENTS(level_names) == LOG_DEBUG + 1, "each level has its name");
/* The longest that a byte becomes is an escape in JSON, \\x1b. */
_Static_assert((TEXT_MAX + sizeof(request)) * 5 + 200 <= LINE_MAX, "the longest text has a line");

void log_init(enum log_level level, bool json)
{
	ASSERT(level <= LOG_DEBUG);
	max_level = level;
	as_json = json;
}

void log_set_sink(log_sink_fn to)
{
	atomic_store(&sink, to);
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

void log_set_request(const char *request_id)
{
	text_copy(request, sizeof(request), request_id);
}

static void add_line_text(struct buf *b, const char *time, const char *level, const char *area, struct str text)
{
	buf_printf(b, "%s %-5s %-6s ", time, level, area);
	utf8_add_visible(b, text.p, text.n, UTF8_LINE); /* a text from outside must not forge a second line */
	if (request[0]) {
		buf_add_str(b, " (request ");
		utf8_add_visible(b, request, strlen(request), UTF8_LINE);
		buf_add_char(b, ')');
	}
}

static void add_line_json(struct buf *b, const char *time, const char *level, const char *area, struct str text)
{
	buf_printf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":", time, level);
	json_add_cstr(b, area);
	buf_add_str(b, ",\"text\":");
	CLEANUP(buf_done) struct buf visible = BUF_INIT(LINE_MAX);
	utf8_add_visible(&visible, text.p, text.n, UTF8_TEXT);
	json_add_string(b, visible.n ? visible.p : "", visible.n);
	if (request[0]) {
		buf_add_str(b, ",\"request\":");
		json_add_cstr(b, request);
	}
	buf_add_char(b, '}');
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(STDERR_FILENO, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return; /* nobody is left to tell */
		p += k;
		n -= (size_t)k;
	}
}

void log_add_line(struct buf *b, enum log_level level, const char *area, const char *text, size_t n)
{
	char time[25];

	ASSERT((size_t)level < N_ELEMENTS(level_names));
	clock_format(clock_now_ms(), time);
	(as_json ? add_line_json : add_line_text)(b, time, level_names[level], area, (struct str){text, n});
	buf_add_char(b, '\n');
}

void log_write(enum log_level level, const char *area, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(LINE_MAX);
	log_sink_fn to = atomic_load(&sink);
	int saved_errno = errno, len;
	char text[TEXT_MAX];
	size_t n;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = len < 0 ? 0 : (size_t)len;
	if (n >= sizeof(text))
		n = utf8_whole(text, sizeof(text) - 1);
	log_add_line(&line, level, area, text, n);
	if (buf_status(&line) == 0)
		(to ? to : write_all)(line.p, line.n);
	errno = saved_errno;
}
