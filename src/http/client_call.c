/* client_call.c - one call: its options, what curl hands over while it runs, and what its end means. */
#include "http/client_priv.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "http/public.h"
#include "http/url.h"
#include "sys/fault.h"

enum { RETRY_AFTER_MAX_S = 86400, BURST_MAX = 4096, BUFFER_BYTES = 2048, BUFFER_LARGE = 8192 };

/* --- while the answer comes, on the loop --------------------------------------------------------------------------- */

/* What somebody says who refuses; the rest of a longer one is read and forgotten. */
static int take_refusal(void *arg, const char *p, size_t n)
{
	struct buf *b = &((struct call *)arg)->out->error_body;
	buf_add(b, p, MIN(n, b->max - b->n));
	return 0;
}

void call_first_byte(struct call *c)
{
	c->headers_done = true;
	c->accepted = c->out->status / 100 == 2;
	c->on_data = c->accepted ? c->in->on_data : take_refusal;
	c->arg = c->accepted ? c->in->arg : c;
	c->sent = true;
	c->last_ms = clock_mono_ms();
	if (c->out->first_byte_ms < 0)
		c->out->first_byte_ms = c->last_ms - c->begun_ms;
}

/* A server that sends as fast as it can would keep curl reading for a hundred buffers: others have their turn before. What a
 * buffer was packed of curl keeps, and copies at each pause, so that more of it is taken at a time. */
static void bound_burst(struct call *c, size_t n)
{
	if (c->turn != c->client->turn) {
		c->turn = c->client->turn;
		c->burst = 0;
	}
	c->burst += (unsigned)n;
	c->packed |= n > BUFFER_LARGE;
	if (c->burst >= (c->packed ? HTTP_UNPACKED_MAX : c->whole ? 2 * BUFFER_LARGE : BURST_MAX))
		call_pause(c);
}

/* curl's callback; anything but the size ends the transfer. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	/* Of a packed answer curl hands on all that one read was packed of, also behind a pause; what is refused here comes again. */
	if (c->paused || c->working)
		return CURL_WRITEFUNC_PAUSE;
	n *= size;
	c->heard = true;
	if (!c->headers_done)
		call_first_byte(c);
	c->any_data |= c->accepted && n;
	int r = n ? c->on_data(c->arg, p, n) : 0;
	if (r < 0)
		c->sink_error = r;
	if (r == HTTP_WORK)
		call_hand_over(c);
	else if (r == 0 && c->accepted && n)
		bound_burst(c, n);
	return r < 0 ? n + 1 : n;
}

/* The value of a header line when it has that name, without blanks around; else NULL. */
static const char *header_value(const char *p, size_t n, const char *name, char ret[static 96])
{
	size_t k = strlen(name);
	if (n <= k || p[k] != ':' || strncasecmp(p, name, k) != 0)
		return NULL;
	p += k + 1;
	n -= k + 1;
	while (n && isspace((unsigned char)*p))
		p++, n--;
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	n = MIN(n, 95);
	memcpy(ret, p, n);
	ret[n] = '\0';
	return ret;
}

/* Seconds, also with a fraction. Else it should be a date, which the caller's thread reads: that may load curl. */
static void note_retry_after(struct call *c, const char *v)
{
	if (isdigit((unsigned char)*v)) {
		char *end;
		double s = strtod(v, &end);
		if (*end == '\0') {
			c->out->retry_after_ms = (int64_t)(MIN(s, (double)RETRY_AFTER_MAX_S) * 1000);
			return;
		}
	}
	free(c->retry_date);
	c->retry_date = xstrdup(v);
}

static void read_retry_date(struct call *c)
{
	time_t at = c->retry_date && c->out->retry_after_ms < 0 ? curl_getdate(c->retry_date, NULL) : (time_t)-1;
	if (at != (time_t)-1)
		c->out->retry_after_ms =
			MAX(0, MIN((int64_t)at * 1000 - clock_now_ms(), (int64_t)RETRY_AFTER_MAX_S * 1000));
}

void call_note_status(struct call *c)
{
	c->out->retry_after_ms = -1; /* those of an interim answer do not count */
	free(TAKE_PTR(c->retry_date));
	c->out->content_type[0] = '\0';
	if (c->in->location)
		buf_reset(c->in->location);
}

static void note_location(struct call *c, const char *p, size_t n)
{
	static const char name[] = "Location:";
	size_t k = sizeof(name) - 1;

	if (!c->in->location || n <= k || strncasecmp(p, name, k) != 0)
		return;
	for (p += k, n -= k; n && isspace((unsigned char)*p); n--)
		p++;
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	buf_reset(c->in->location);
	buf_add(c->in->location, p, n);
}

void call_note_header(struct call *c, const char *p, size_t n)
{
	char value[96];
	if (c->in->on_header)
		c->in->on_header(c->in->arg, p, n);
	if (header_value(p, n, "Content-Type", value)) {
		text_copy(c->out->content_type, sizeof(c->out->content_type), value);
	} else if (header_value(p, n, "Retry-After-Ms", value)) { /* finer, and some send both */
		if (isdigit((unsigned char)*value))
			c->out->retry_after_ms = (int64_t)MIN(strtod(value, NULL), RETRY_AFTER_MAX_S * 1000.0);
	} else if (c->out->retry_after_ms < 0 && header_value(p, n, "Retry-After", value)) {
		note_retry_after(c, value);
	} else {
		note_location(c, p, n);
	}
}

/* curl's callback. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	n *= size;
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		long status = 0;
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
		c->out->status = (int)status;
		call_note_status(c);
	} else if (n <= 2 && c->out->status >= 200) {
		call_first_byte(c);
	} else {
		call_note_header(c, p, n);
	}
	return n;
}

/* --- before: the options, on the caller's thread ----------------------------------------------------------------- */

/* "host:port" without what else a URL may hold (a password, a key). */
const char *call_where(struct call *c)
{
	struct http_url to;
	char where[160];
	if (c->where)
		return c->where;
	if (http_url_read(c->in->url, &to))
		snprintf(where, sizeof(where), "%.140s:%u", to.host, to.port);
	else
		snprintf(where, sizeof(where), "an address that is not valid");
	c->where = xstrdup(where);
	return c->where;
}

static bool is_http(const char *url)
{
	return url && (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
}

static int add_header(struct call *c, const char *line)
{
	struct curl_slist *l = curl_slist_append(c->headers, line);
	if (!l)
		return -ENOMEM;
	c->headers = l;
	return 0;
}

static int set_headers(struct call *c)
{
	bool typed = false;
	for (const char *const *h = c->in->headers; h && *h; h++) {
		if (strpbrk(*h, "\r\n"))
			return E_INVALID;
		typed |= strncasecmp(*h, "Content-Type:", 13) == 0;
		if (add_header(c, *h) < 0)
			return -ENOMEM;
	}
	/* Those that curl would add; nothing is asked to be packed, which would keep small pieces back. */
	if (add_header(c, "Expect:") < 0 || add_header(c, "Accept-Encoding:") < 0 ||
		(!typed && add_header(c, "Content-Type:") < 0))
		return -ENOMEM;
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	return 0;
}

static void set_method(struct call *c)
{
	const char *method = c->in->method;
	bool body = c->in->body.n > 0 || strcmp(method, "POST") == 0;
	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
	} else if (body) {
		curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->in->body.n);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->in->body.n ? c->in->body.p : "");
	}
	if (strcmp(method, body ? "POST" : "GET") != 0 && strcmp(method, "HEAD") != 0)
		curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
}

static bool may_reach(const struct call *c, const struct sockaddr *at)
{
	struct address a;

	if (http_is_public(at))
		return true;
	if (c->in->also && *c->in->also && http_address_of(at, &a) && address_in(&a, c->in->also))
		return true;
	return FAULT("public_address") != 0; /* tests have no public address */
}

/* In place of curl's own socket(): the address is the one that is connected to, so no name can change it any more. */
static curl_socket_t open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct call *c = arg;
	if (purpose != CURLSOCKTYPE_IPCXN || !may_reach(c, &a->addr)) {
		c->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void set_public(struct call *c)
{
	CURL *h = c->easy;
	curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_public);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, c);
	/* A connection that is open already was not asked about; and the callback's call is gone with this one. */
	curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
}

static int prepare_curl(struct call *c, struct err *e)
{
	struct err why = {0};
	if (http_client_load(&why) < 0)
		return err_set(e, E_PROVIDER_DOWN,
			"The server lacks a library that calls of this address need (libcurl); its administrator finds "
			"more under /health.");
	c->easy = curl_easy_init();
	if (!c->easy)
		return err_set(e, -ENOMEM, "No memory for a call.");
	CURL *h = c->easy;
	curl_easy_setopt(h, CURLOPT_URL, c->in->url);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_PROXY, c->proxy ? c->proxy : "");
	curl_easy_setopt(h, CURLOPT_NOPROXY, ""); /* the list has been read */
	curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	/* Held for as long as the call lasts, and most calls wait: bursts are taken in more reads instead. */
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, (long)(c->in->whole ? BUFFER_LARGE : BUFFER_BYTES));
	/* What comes packed, although nobody asked for it, is unpacked. */
	curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "identity");
	curl_easy_setopt(h, CURLOPT_USERAGENT, "atelier/" ATELIER_VERSION);
	/* One connection a call: with HTTP/2 a cancel would only reset a stream, and a slow answer could stall others. */
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	/* Without this a cancel during a slow name lookup would hold the loop until the resolver is done. */
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	/* The time to connect is watched by the client's sweep: curl would keep its timer long after the connection is
	 * made, and with each piece of an answer go through the timers of all calls. */
	if (c->in->total_timeout_ms > 0)
		curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)c->in->total_timeout_ms);
	if (strncasecmp(c->in->url, "https:", 6) == 0) {
		c->said = xcalloc(1, CURL_ERROR_SIZE);
		curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->said);
	}
	if (c->in->public_only)
		set_public(c);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(h, CURLOPT_PRIVATE, c);
	set_method(c);
	int r = set_headers(c);
	return r < 0 ? err_set(e, r, "A header of the call is not valid.") : 0;
}

int call_prepare(struct call *c, struct err *e)
{
	char proxy[HTTP_PROXY_MAX];
	bool direct;
	if (!is_http(c->in->url))
		return err_set(e, E_PROVIDER_DOWN, "The provider's address is not a valid http or https address.");
	http_proxy_for(c->in->public_only ? "none" : c->in->proxy, c->in->url, proxy);
	if (*proxy)
		c->proxy = xstrdup(proxy);
	int r = direct_prepare(c, &direct);
	if (r < 0)
		return err_set(e, r, "A header of the call is not valid.");
	return direct ? 0 : prepare_curl(c, e);
}

void call_done(struct call *c)
{
	direct_done(c);
	if (c->easy)
		curl_easy_cleanup(c->easy);
	for (const struct curl_slist *l = c->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data)); /* a key */
	curl_slist_free_all(c->headers);
	if (c->proxy)
		explicit_bzero(c->proxy, strlen(c->proxy)); /* a password */
	free(c->proxy);
	free(c->where);
	free(c->said);
	free(c->retry_date);
	pthread_cond_destroy(&c->cv);
	sem_destroy(&c->wake);
	MAGIC_END(c, CALL_MAGIC);
}

/* --- after: what the end means ----------------------------------------------------------------------------------- */

/* As one says a time ("%.12g"): tenths of a second matter only where there are few seconds. */
static double seconds_of(int64_t ms)
{
	return (double)(ms < 10000 ? ms : ms - ms % 1000) / 1000.0;
}

/* The total limit, or else curl's own for connecting: 300 seconds, where ours is longer or none. */
static int judge_timeout(struct call *c, struct err *e)
{
	int64_t total = c->in->total_timeout_ms, passed = clock_mono_ms() - c->begun_ms;
	bool whole = total > 0 && passed >= total;
	return err_set(e, E_PROVIDER_TIMEOUT, "%s %s within %.12g seconds.", call_where(c),
		whole ? "did not end its answer" : "could not be connected to",
		seconds_of(whole ? total : passed / 100 * 100));
}

/* Nobody else can have closed it: behind a tunnel (a 2xx of CONNECT, or SOCKS) it may be the provider. */
static bool proxy_closed(const struct call *c, long tunnel)
{
	bool closed = c->curl == CURLE_GOT_NOTHING || c->curl == CURLE_RECV_ERROR || c->curl == CURLE_SEND_ERROR;
	return closed && !c->headers_done && tunnel / 100 != 2 && strncasecmp(c->proxy, "socks", 5) != 0;
}

/* What failed between us and the proxy, or between it and the provider. 0: neither. */
static int judge_proxy(struct call *c, struct err *e)
{
	char proxy[HTTP_PROXY_MAX];
	long status = 0;
	if (!c->proxy)
		return 0;
	http_proxy_shown(c->proxy, proxy);
	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (strcmp(proxy, HTTP_PROXY_UNUSABLE) == 0)
		return err_set(e, E_PROVIDER_DOWN,
			"For %s the server's environment (http_proxy, https_proxy, all_proxy) names a proxy "
			"with " HTTP_PROXY_UNUSABLE ".",
			call_where(c)); /* one that is set is checked before */
	if (c->curl == CURLE_COULDNT_RESOLVE_PROXY)
		return err_set(e, E_PROVIDER_DOWN, "The name of the proxy %.100s is not known.", proxy);
	if (c->curl == CURLE_COULDNT_CONNECT)
		return err_set(e, E_PROVIDER_DOWN, "Nothing answers at the proxy %.100s.", proxy);
	if (c->curl == CURLE_PROXY)
		return err_set(e, E_PROVIDER_DOWN, "The proxy %.100s does not lead to %s.", proxy, call_where(c));
	if (status / 100 > 2 && !c->headers_done)
		return err_set(e, E_PROVIDER_DOWN, "The proxy %.100s does not lead to %s (%ld%s).", proxy,
			call_where(c), status, status == 407 ? ", it wants a user and a password" : "");
	if (proxy_closed(c, status))
		return err_set(e, E_PROVIDER_DOWN,
			"The proxy %.100s closed the connection without an answer. Does it lead to %s?", proxy,
			call_where(c));
	return 0;
}

/* Why a certificate was not accepted, for who can do something about it. */
static const char *certificate_fault(long verified)
{
	switch (verified) {
	case X509_V_OK: /* its issuers are, so that it is the name; or curl looked at that first, and at nothing else */
	case X509_V_ERR_UNSPECIFIED:
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "is for another name. Is the address the one that the certificate has?";
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "has expired.";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "is not valid yet. Are the clocks of both machines right?";
	default:
		return "was not issued by anybody whom this machine trusts (update-ca-certificates).";
	}
}

static int judge_certificate(struct call *c, struct err *e)
{
	long verified = X509_V_OK;
	c->out->wrong_peer = true;
	curl_easy_getinfo(c->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	return err_set(e, E_PROVIDER_DOWN, "No secure connection to %s: its certificate %s", call_where(c),
		certificate_fault(verified));
}

/* There was none to look at: OpenSSL's words tell a server without TLS from one whose TLS is another. */
static int judge_handshake(struct call *c, struct err *e)
{
	static const char *const plain[] = {"wrong version number", "packet length too long", "http request", NULL};
	static const char *const other[] = {"alert", "unsupported protocol", "no protocols available", "cipher", NULL};
	const char *said = c->said ? c->said : "",
		   *why = "the other side ended it. If it speaks no TLS, begin the address with http://.";
	for (size_t i = 0; other[i]; i++)
		if (strstr(said, other[i])) {
			why = "it takes no version of TLS, or no certificate, that this machine has.";
			c->out->wrong_peer = true;
		}
	for (size_t i = 0; plain[i]; i++)
		if (strstr(said, plain[i])) {
			why = "it speaks no TLS: begin the address with http://.";
			c->out->wrong_peer = true;
		}
	return err_set(e, E_PROVIDER_DOWN, "No secure connection to %s: %s", call_where(c), why);
}

static int judge_curl(struct call *c, struct err *e)
{
	const char *w = call_where(c);
	int r = judge_proxy(c, e);
	if (r < 0)
		return r;
	if (c->refused && c->curl == CURLE_COULDNT_CONNECT)
		return err_set(e, E_FORBIDDEN,
			"%s is not on the public internet; only what everybody can reach is fetched from an address "
			"that a user gives.",
			w);
	switch (c->curl) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(e, E_PROVIDER_DOWN, "The name of the provider %s is not known.", w);
	case CURLE_COULDNT_CONNECT:
		return err_set(e, E_PROVIDER_DOWN, "Nothing answers at %s. Is the provider running?", w);
	case CURLE_PEER_FAILED_VERIFICATION:
		return judge_certificate(c, e);
	case CURLE_SSL_CONNECT_ERROR:
		return judge_handshake(c, e);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
		return err_set(e, E_PROVIDER_DOWN, "No secure connection to %s: %s.", w, curl_easy_strerror(c->curl));
	case CURLE_URL_MALFORMAT:
		return err_set(e, E_PROVIDER_DOWN, "The provider's address is not a valid http or https address.");
	case CURLE_OPERATION_TIMEDOUT:
		return judge_timeout(c, e);
	case CURLE_OUT_OF_MEMORY:
		return err_set(e, -ENOMEM, "No memory for a call of %s.", w);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, which is anything at all */
		c->out->wrong_peer = true;
		if (c->out->status) /* so it does speak it: another port or https:// would be no help */
			return err_set(e, E_PROVIDER_BROKEN,
				"The answer of %s breaks the rules of HTTP: what its head says cannot be read, or says "
				"two "
				"things. Is there a proxy in between that has changed it?",
				w);
		return err_set(e, E_PROVIDER_BROKEN,
			"What answers at %s does not speak HTTP. Is it the right port, or does it want https://?", w);
	default:
		break;
	}
	if (!c->headers_done)
		/* It is tried for as long as any that is away: what passes ports on (as Docker does) closes them so while the server
		 * behind it starts. */
		return err_set(e, E_PROVIDER_BROKEN,
			"%s closed the connection without an answer. Is it the right port, and has the server there "
			"started?",
			w);
	return err_set(e, E_PROVIDER_BROKEN, "%s ended its answer in the middle.", w);
}

int call_judge(struct call *c, struct err *e)
{
	c->out->any_data = c->any_data;
	read_retry_date(c);
	if (c->code == 0 && c->curl == CURLE_OK && c->headers_done)
		return 0;      /* curl takes a cut within the headers for an empty answer */
	if (c->sink_error < 0) /* the sink knows why; its record comes first if it made one */
		return err_set(e, c->sink_error,
			c->sink_error == E_TOO_LARGE ? "The answer of %s is larger than allowed."
						     : "The answer of %s was not accepted.",
			call_where(c));
	switch (c->code) {
	case 0:
		return judge_curl(c, e);
	case -ECANCELED:
		return err_set(e, -ECANCELED, "The call of %s was stopped.", call_where(c));
	case E_STOPPING:
		return err_set(e, E_STOPPING, "Atelier is shutting down.");
	case E_PROVIDER_TIMEOUT:
		return err_set(
			e, E_PROVIDER_TIMEOUT, "%s %s %.12g seconds.", call_where(c), c->late, seconds_of(c->late_ms));
	default:
		return err_set(e, c->code, "The call of %s could not be made.", call_where(c));
	}
}
