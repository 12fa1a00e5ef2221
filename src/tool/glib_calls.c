/* glib_calls.c - GLib, which knows time zones, opened when somebody asks for the time (sys/library.h). */
#include <glib.h>

#undef MIN /* ours are the same */
#undef MAX

#include "sys/library.h"
#include "tool/tool_priv.h"

#define FUNCTIONS(X)                                                                                                   \
	X(g_free)                                                                                                      \
	X(g_time_zone_new_identifier)                                                                                  \
	X(g_time_zone_new_utc)                                                                                         \
	X(g_time_zone_get_identifier)                                                                                  \
	X(g_time_zone_unref)                                                                                           \
	X(g_date_time_new_now)                                                                                         \
	X(g_date_time_new_from_iso8601)                                                                                \
	X(g_date_time_to_timezone)                                                                                     \
	X(g_date_time_to_unix)                                                                                         \
	X(g_date_time_get_day_of_week)                                                                                 \
	X(g_date_time_get_week_of_year)                                                                                \
	X(g_date_time_get_day_of_year)                                                                                 \
	X(g_date_time_get_timezone_abbreviation)                                                                       \
	X(g_date_time_format)                                                                                          \
	X(g_date_time_unref)

LIBRARY(FUNCTIONS, "libglib-2.0.so.0", "libglib2.0-0", NULL);

LIBRARY_CALL(GTimeZone *, g_time_zone_new_identifier, (const char *name), (name), NULL)
LIBRARY_CALL(GTimeZone *, g_time_zone_new_utc, (void), (), NULL)
LIBRARY_CALL(const char *, g_time_zone_get_identifier, (GTimeZone * z), (z), "")
LIBRARY_END(g_time_zone_unref, (GTimeZone * z), (z))

LIBRARY_CALL(GDateTime *, g_date_time_new_now, (GTimeZone * z), (z), NULL)
LIBRARY_CALL(GDateTime *, g_date_time_new_from_iso8601, (const char *text, GTimeZone *z), (text, z), NULL)
LIBRARY_CALL(GDateTime *, g_date_time_to_timezone, (GDateTime * d, GTimeZone *z), (d, z), NULL)
LIBRARY_CALL(gint64, g_date_time_to_unix, (GDateTime * d), (d), 0)
LIBRARY_CALL(int, g_date_time_get_day_of_week, (GDateTime * d), (d), 1)
LIBRARY_CALL(int, g_date_time_get_week_of_year, (GDateTime * d), (d), 1)
LIBRARY_CALL(int, g_date_time_get_day_of_year, (GDateTime * d), (d), 1)
LIBRARY_CALL(const char *, g_date_time_get_timezone_abbreviation, (GDateTime * d), (d), "")
LIBRARY_CALL(char *, g_date_time_format, (GDateTime * d, const char *format), (d, format), NULL)
LIBRARY_END(g_date_time_unref, (GDateTime * d), (d))
LIBRARY_END(g_free, (void *p), (p))

int time_zones_load(struct err *e)
{
	return library_open(&library, e);
}
