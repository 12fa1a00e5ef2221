/* clock.h - time. Stored times are milliseconds since 1970 UTC; on the wire they are RFC 3339. */
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include "base/buf.h"

/* A clock that says less has not been set: some machines begin in 1970. */
#define CLOCK_PLAUSIBLE_MS INT64_C(1700000000000)

int64_t clock_now_ms(void);  /* wall clock, Unix milliseconds */
int64_t clock_mono_ms(void); /* never goes back; for timeouts */
int64_t clock_mono_us(void);

/* Waits on a condition, with its lock held, until somebody signals it or clock_mono_ms() is `until_ms`; false: the time has
 * come. By the monotonic clock, with which the condition need not have been made. */
bool clock_wait(pthread_cond_t *cv, pthread_mutex_t *mx, int64_t until_ms);
bool clock_wait_sem(sem_t *s, int64_t until_ms); /* the same for a semaphore; INT64_MAX: for ever */

/* "2026-11-21", the beginning of that day in UTC, or with a time as clock_format writes it or to the second ("...T01:27:38Z").
 * False: it is neither. */
bool clock_parse(const char *text, int64_t *ret_ms);

/* "2026-11-21T01:27:38.120Z" (24 characters and NUL). */
void clock_format(int64_t unix_ms, char ret[25]);

/* "Fri, 21 Nov 2026 01:27:38 GMT" (29 characters and NUL), as headers of HTTP say it (RFC 9110, 5.6.7). */
#define CLOCK_HTTP_SIZE 30
void clock_format_http(int64_t unix_ms, char ret[CLOCK_HTTP_SIZE]);
