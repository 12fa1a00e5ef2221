/*
 * proxy.h - through which proxy an address is asked for: the one that somebody set, or what the environment says, by the
 * rules of curl. The choice is ours and not curl's, so that it can be shown.
 */
#pragma once

#include "base/err.h"

enum { HTTP_PROXY_MAX = 600 };

/* `setting`: NULL or "": what the environment says; "none": no proxy; else a proxy's address (http, https, socks4, socks4a,
 * socks5 or socks5h; http where no scheme is said). E_INVALID with a sentence that does not repeat it. */
int http_proxy_check(const char *setting, struct err *e) MUST_CHECK;

/*
 * The proxy for a call of `url`; "": none. Of the environment: http_proxy or HTTP_PROXY (this one not below a web server,
 * whose clients could set it), https_proxy or HTTPS_PROXY, else all_proxy or ALL_PROXY, unless no_proxy or
 * NO_PROXY names the host. This machine itself is never asked for by a proxy, whatever is set.
 */
void http_proxy_for(const char *setting, const char *url, char ret[static HTTP_PROXY_MAX]);

/* The address without its user and password, to be shown; of one that is none, these words. */
#define HTTP_PROXY_UNUSABLE "an address that cannot be used"
void http_proxy_shown(const char *proxy, char ret[static HTTP_PROXY_MAX]);
