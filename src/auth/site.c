/* The cross-site check: a request that a browser sends with a cookie must come from our own page. */
#include <strings.h>

#include "auth/auth_priv.h"

/* "host[:port]" of a URL or an origin; n 0 when it is neither http nor https. */
static struct str url_authority(const char *url)
{
	size_t skip = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;

	if (!skip)
		return (struct str){"", 0};
	return (struct str){url + skip, strcspn(url + skip, "/?#")};
}

/* Scheme and authority; a path behind the address that browsers use does not matter. */
static bool is_public_origin(const struct settings *s, const char *origin)
{
	struct str ours = url_authority(s->public_url), theirs = url_authority(origin);

	return same_host(ours, theirs) && ours.p - s->public_url == theirs.p - origin;
}

int auth_check_site(
	const struct settings *s, const char *sec_fetch_site, const char *origin, const char *host, struct err *e)
{
	if (sec_fetch_site) {
		if (strcmp(sec_fetch_site, "same-origin") == 0 || strcmp(sec_fetch_site, "none") == 0)
			return 0;
		return err_set(e, E_CSRF, "The request came from another site.");
	}
	if (!origin)
		return 0;
	if (host && same_host(url_authority(origin), str_from(host)))
		return 0;
	if (is_public_origin(s, origin))
		return 0;
	return err_set(e, E_CSRF,
		"The request came from another site. If Atelier stands behind a proxy, set public_url to the address "
		"that browsers use.");
}
