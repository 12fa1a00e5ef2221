/* clock.c - the tool that tells the time. */
#include <ctype.h>
#include <glib.h>
#include <strings.h>

#undef MIN /* ours are the same */
#undef MAX

#include "tool/tool_priv.h"

static void zone_unref(GTimeZone **z)
{
	if (*z)
		g_time_zone_unref(*z);
}

static void date_unref(GDateTime **d)
{
	if (*d)
		g_date_time_unref(*d);
}

static void free_text(gchar **s)
{
	g_free(*s);
}

/* "UTC+2" is two hours ahead, as everybody means it; as a rule of POSIX, for which GLib takes what is no name, it would be two
 * behind. What else looks like such a rule is none of ours. */
static GTimeZone *zone_of(const char *name)
{
	size_t sign = strcspn(name, "+-"),
	       letters = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	if (sign == 0 || sign != letters || !name[sign] || !isdigit((unsigned char)name[sign + 1]))
		return g_time_zone_new_identifier(name);
	bool known = sign == 3 && (strncasecmp(name, "UTC", 3) == 0 || strncasecmp(name, "GMT", 3) == 0);
	return known ? g_time_zone_new_identifier(name + sign) : NULL;
}

int current_time_call(struct builtin_call *c, struct err *e)
{
	int r = time_zones_load(e);
	if (r < 0)
		return r;
	const char *name = json_get_str(c->arguments, "time_zone"), *at = json_get_str(c->arguments, "at");
	const char *used = name && *name ? name : c->run->time_zone ? c->run->time_zone : "UTC";
	CLEANUP(zone_unref) GTimeZone *zone = zone_of(used);

	if (!zone && used != name) /* what a browser says is no fault of the model */
		zone = g_time_zone_new_utc();
	if (!zone)
		return tool_fail(c->ret,
			"There is no time zone \"%.60s\". Use an IANA name such as America/New_York, or an offset such "
			"as +02:00.",
			used);
	CLEANUP(date_unref) GDateTime *given = at && *at ? g_date_time_new_from_iso8601(at, zone) : NULL;
	if (at && *at && !given)
		return tool_fail(c->ret, "\"%.60s\" is no moment in ISO 8601, such as 2026-03-01T09:00:00Z.", at);
	CLEANUP(date_unref) GDateTime *there = given ? g_date_time_to_timezone(given, zone) : g_date_time_new_now(zone);
	CLEANUP(free_text) gchar *text = there ? g_date_time_format(there, "%Y-%m-%dT%H:%M:%S%:z") : NULL;
	if (!text)
		return tool_fail(c->ret, "This moment cannot be told.");
	static const char *const days[] = {
		"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
	c->ret->text = BUF_INIT(1024);
	buf_printf(&c->ret->text, "%s\n%s, week %d of the year, day %d\nTime zone: %s (%s)\nUnix time: %lld", text,
		days[g_date_time_get_day_of_week(there) - 1], g_date_time_get_week_of_year(there),
		g_date_time_get_day_of_year(there), g_time_zone_get_identifier(zone),
		g_date_time_get_timezone_abbreviation(there), (long long)g_date_time_to_unix(there));
	return 0;
}
