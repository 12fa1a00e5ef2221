/*
 * metrics.h - counters, gauges and histograms, one table; /metrics and docs/reference/metrics.md come from it.
 */
#pragma once

#include "base/buf.h"

/* kind, name, unit, help.   Histograms are of milliseconds with fixed bounds. */
#define METRICS_TABLE(X)                                                                                               \
	X(COUNTER, http_requests_total, "", "requests answered")                                                       \
	X(COUNTER, http_errors_total, "", "requests answered with a status of 500 or more")                            \
	X(HISTOGRAM, http_request_duration_ms, "milliseconds", "time to answer a request that is not a stream")        \
	X(GAUGE, http_connections, "", "open client connections")                                                      \
	X(COUNTER, http_connections_refused_total, "", "connections refused: too many from one address")               \
	X(COUNTER, http_refused_total, "",                                                                             \
		"requests refused before they were looked at: they broke the rules of HTTP")                           \
	X(COUNTER, http_timeouts_total, "", "requests whose body came too slowly")                                     \
	X(GAUGE, stream_readers, "", "readers following a turn")                                                       \
	X(COUNTER, stream_readers_dropped_total, "", "readers dropped because they stopped reading")                   \
	X(GAUGE, turns_running, "", "turns being answered now")                                                        \
	X(COUNTER, turns_total, "", "turns begun")                                                                     \
	X(COUNTER, turns_failed_total, "", "turns that ended in an error")                                             \
	X(COUNTER, turns_canceled_total, "", "turns stopped by a person")                                              \
	X(COUNTER, turns_interrupted_total, "", "turns found interrupted at start")                                    \
	X(HISTOGRAM, turn_first_token_ms, "milliseconds", "time from the call of the provider to its first token")     \
	X(COUNTER, events_total, "", "events appended to turn logs")                                                   \
	X(COUNTER, journal_writes_total, "", "writes to the journal")                                                  \
	X(COUNTER, journal_bytes_total, "bytes", "bytes written to the journal")                                       \
	X(COUNTER, journal_syncs_total, "", "times that a file of the journal was brought to the disk")                \
	X(COUNTER, provider_calls_total, "", "calls of providers")                                                     \
	X(COUNTER, provider_retries_total, "", "calls tried again")                                                    \
	X(COUNTER, provider_errors_total, "", "calls that failed for good")                                            \
	X(COUNTER, provider_fallbacks_total, "", "calls that went on to another model of their chain")                 \
	X(GAUGE, provider_calls_queued, "", "calls waiting for a place at their provider")                             \
	X(COUNTER, tokens_in_total, "", "input tokens of models")                                                      \
	X(COUNTER, tokens_out_total, "", "output tokens of models")                                                    \
	X(COUNTER, limits_refused_total, "", "calls refused for a limit or a budget")                                  \
	X(GAUGE, gateway_calls, "", "gateway requests being answered now")                                             \
	X(COUNTER, gateway_calls_total, "", "gateway requests begun")                                                  \
	X(COUNTER, gateway_errors_total, "", "gateway requests that ended in an error")                                \
	X(GAUGE, jobs_running, "", "background jobs running now")                                                      \
	X(COUNTER, db_commits_total, "", "transactions committed")                                                     \
	X(COUNTER, db_writes_total, "", "write requests in them")                                                      \
	X(COUNTER, db_round_trips_total, "", "exchanges with a PostgreSQL server")                                     \
	X(COUNTER, log_lines_lost_total, "", "lines of the log that nobody read in time")                              \
	X(COUNTER, logins_total, "", "successful logins")                                                              \
	X(COUNTER, logins_failed_total, "", "failed logins")

#define X(kind, name, ...) M_##name,
enum metric { METRICS_TABLE(X) METRIC_COUNT };
#undef X

/* Any thread; wait-free. */
void metric_add(enum metric m, int64_t n);
void metric_set(enum metric m, int64_t v);
void metric_observe(enum metric m, int64_t ms);
int64_t metric_get(enum metric m); /* counters and gauges; a histogram's count */

/* Adds the Prometheus text exposition (format 0.0.4); every name starts with atelier_. */
void metrics_write(struct buf *b);

struct metric_info {
	const char *kind, *name, *unit, *help;
};
const struct metric_info *metrics_table(size_t *ret_n);
