/* window.c - fixed windows of time in UTC: minute, hour, day, calendar month. */
#include "call/call_priv.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   INT64_C(3600000)

/* Days from 1970-01-01 to the first of a month (of the proleptic Gregorian calendar; months count from March, so that
 * the odd day of a leap year is the last of its year). */
static int64_t days_to_month(int64_t year, int64_t month)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 - 719468;
}

static struct window month_of(int64_t at_ms)
{
	int64_t day = at_ms / DAY_MS, year = 1970 + day / 366, month = 1;

	/* The year is right or a little early: it is gone up to. */
	while (days_to_month(year + 1, 1) <= day)
		year++;
	while (month < 12 && days_to_month(year, month + 1) <= day)
		month++;
	return (struct window){days_to_month(year, month) * DAY_MS,
		(month < 12 ? days_to_month(year, month + 1) : days_to_month(year + 1, 1)) * DAY_MS};
}

struct window window_of(enum period p, int64_t at_ms)
{
	static const int64_t lengths[] = {[PERIOD_MINUTE] = MINUTE_MS, [PERIOD_HOUR] = HOUR_MS, [PERIOD_DAY] = DAY_MS};
	int64_t start;

	at_ms = MAX(at_ms, INT64_C(0));
	if (p == PERIOD_MONTH)
		return month_of(at_ms);
	start = at_ms - at_ms % lengths[p];
	return (struct window){start, start + lengths[p]};
}
