/*
 * log.h - the log on standard error, one line an entry: time, level, area, text and the request id of the thread.
 * Library code does not log above debug; the dispatcher, the turn and main do. Never a secret, never message content.
 */
#pragma once

#include "base/buf.h"

/* In the order of the choices of the setting log_level. */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Once, at start. `json`: one JSON object a line, else text for people. */
void log_init(enum log_level level, bool json);
/* Where whole lines go from now on; NULL: to standard error, by who logs (as a command does). See sys/logger.h. */
typedef void (*log_sink_fn)(const char *line, size_t n);
void log_set_sink(log_sink_fn sink);
bool log_enabled(enum log_level level);

/* `area` is one word: http, turn, db ... Any thread. */
void log_write(enum log_level level, const char *area, const char *fmt, ...) PRINTF(3, 4);
#define log_error(area, ...) log_write(LOG_ERROR, (area), __VA_ARGS__)
#define log_warn(area, ...)  log_write(LOG_WARN, (area), __VA_ARGS__)
#define log_info(area, ...)  log_write(LOG_INFO, (area), __VA_ARGS__)
#define log_debug(area, ...)                                                                                           \
	do {                                                                                                           \
		if (log_enabled(LOG_DEBUG))                                                                            \
			log_write(LOG_DEBUG, (area), __VA_ARGS__);                                                     \
	} while (0)

/* Adds a line as log_write() makes it, whatever the level that is shown. */
void log_add_line(struct buf *b, enum log_level level, const char *area, const char *text, size_t n);

/* The request id that this thread's entries carry from now on; NULL for none. Copied. */
void log_set_request(const char *request_id);
