/* clock.c - the clocks and the one time format. */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

#include "base/lock.h"

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

static void put(char *to, int width, int64_t v)
{
	while (width-- > 0) {
		to[width] = (char)('0' + v % 10);
		v /= 10;
	}
}

void clock_format(int64_t unix_ms, char ret[25])
{
	/* The years 0 to 9999: what RFC 3339 can say. */
	const int64_t lo = INT64_C(-62167219200000), hi = INT64_C(253402300799999);
	int64_t ms, sec;
	struct tm tm;
	time_t t;

	unix_ms = MIN(MAX(unix_ms, lo), hi);
	ms = unix_ms % 1000;
	if (ms < 0)
		ms += 1000;
	sec = (unix_ms - ms) / 1000;
	t = (time_t)sec;
	gmtime_r(&t, &tm);
	memcpy(ret, "0000-00-00T00:00:00.000Z", 25);
	put(ret, 4, (int64_t)tm.tm_year + 1900);
	put(ret + 5, 2, tm.tm_mon + 1);
	put(ret + 8, 2, tm.tm_mday);
	put(ret + 11, 2, tm.tm_hour);
	put(ret + 14, 2, tm.tm_min);
	put(ret + 17, 2, tm.tm_sec);
	put(ret + 20, 3, ms);
}

/* What lies before the beginning of the clock is no time to the system: it would refuse to wait, and a loop around that turn. */
static struct timespec time_of(int64_t until_ms)
{
	int64_t ms = MAX(until_ms, INT64_C(0));

	return (struct timespec){ms / 1000, (long)(ms % 1000) * 1000000};
}

bool clock_wait(pthread_cond_t *cv, pthread_mutex_t *mx, int64_t until_ms)
{
	const struct timespec until = time_of(until_ms);

	ASSERT(lock_is_mine(mx));
	return pthread_cond_clockwait(cv, mx, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

bool clock_wait_sem(sem_t *s, int64_t until_ms)
{
	const struct timespec until = time_of(until_ms);
	int r;

	while ((r = sem_clockwait(s, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
		;
	return r == 0;
}

bool clock_parse(const char *text, int64_t *ret_ms)
{
	struct tm tm = {0};
	int64_t ms = 0;
	const char *p = strptime(text, "%Y-%m-%d", &tm);

	if (p && *p)
		p = strptime(p, "T%H:%M:%S", &tm);
	if (p && *p == '.') {
		p++;
		for (int64_t unit = 100; unit > 0 && *p >= '0' && *p <= '9'; unit /= 10)
			ms += (*p++ - '0') * unit;
	}
	if (!p || (*p && strcmp(p, "Z") != 0) || tm.tm_year < 70)
		return false;
	*ret_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return true;
}

void clock_format_http(int64_t unix_ms, char ret[CLOCK_HTTP_SIZE])
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	if (strftime(ret, CLOCK_HTTP_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		ret[0] = '\0'; /* a year of five digits */
}
