/* oauth.c - what signing in to /mcp is made of; see oauth.h and docs/decisions/108. */
#include "api/oauth.h"

#include <stdio.h>
#include <strings.h>

#include <sodium.h>

#include "base/clock.h"

enum { URI_MAX = 1000, B64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* ---- sealed ---- */

static struct vault_place place_of(const char *kind)
{
	return (struct vault_place){"oauth", 0, kind};
}

const char *oauth_seal(struct request *q, const char *kind, const json_t *o)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT(VAULT_MAX), sealed = BUF_INIT(VAULT_MAX * 2);
	const struct vault_place at = place_of(kind);

	json_add_value(&text, o);
	if (buf_check(&text, &q->err, "This is more than can be signed in with.") < 0 ||
		vault_seal(auth_vault(q->api->c.auth), &at, buf_str(&text), &sealed, &q->err) < 0)
		return NULL;
	size_t room = sodium_base64_ENCODED_LEN(sealed.n, B64);
	char *packed = arena_alloc(&q->mem, room);
	if (!packed) {
		(void)request_no_memory(q);
		return NULL;
	}
	return sodium_bin2base64(packed, room, (const unsigned char *)sealed.p, sealed.n, B64);
}

json_t *oauth_open(struct request *q, const char *kind, const char *text)
{
	size_t n = text ? strlen(text) : 0, used = 0;
	unsigned char *sealed = n ? arena_alloc(&q->mem, n + 1) : NULL;
	const struct vault_place at = place_of(kind);
	struct err quiet = {0};
	json_t *o = NULL;
	char *plain = NULL;

	if (!sealed || sodium_base642bin(sealed, n + 1, text, n, NULL, &used, NULL, B64) < 0 ||
		vault_open(auth_vault(q->api->c.auth), &at, (struct str){(const char *)sealed, used}, &q->mem, &plain,
			&quiet) < 0 ||
		json_parse(plain, strlen(plain), &o, &quiet) < 0)
		return NULL;
	int64_t until = json_get_i64(o, "until", INT64_MAX);
	if (clock_now_ms() < until)
		return o;
	json_decref(o);
	return NULL;
}

/* ---- where a person is sent back ---- */

/* Behind "http://" and the host: a port, a path; NULL: it is not on this machine. */
static const char *behind_loopback(const char *uri)
{
	static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (size_t i = 0; i < N_ELEMENTS(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (strncasecmp(uri, hosts[i], n) == 0 && (uri[n] == '\0' || strchr(":/?", uri[n])))
			return uri + n;
	}
	return NULL;
}

bool oauth_may_go(const char *uri)
{
	static const char *const never[] = {"http", "javascript", "data", "vbscript", "file", "blob", "about", "ftp",
		"ws", "wss", "view-source", "filesystem"};
	size_t scheme = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-"),
	       n = strlen(uri);

	for (size_t i = 0; i < n; i++)
		if (uri[i] <= ' ' || uri[i] > '~' || strchr("\"<>\\^`{|}#", uri[i]))
			return false;
	if (n > URI_MAX || scheme == 0 || uri[scheme] != ':' || !uri[scheme + 1])
		return false;
	if (behind_loopback(uri))
		return true;
	for (size_t i = 0; i < N_ELEMENTS(never); i++)
		if (strlen(never[i]) == scheme && strncasecmp(uri, never[i], scheme) == 0)
			return false;
	return strncasecmp(uri, "https:", 6) != 0 || (strncmp(uri + 6, "//", 2) == 0 && uri[8] && uri[8] != '/');
}

static const char *skip_port(const char *behind_host)
{
	return *behind_host == ':' ? behind_host + 1 + strspn(behind_host + 1, "0123456789") : behind_host;
}

static bool same_but_port(const char *a, const char *b)
{
	const char *x = behind_loopback(a), *y = behind_loopback(b);

	return x && y && x - a == y - b && strncasecmp(a, b, (size_t)(x - a)) == 0 &&
	       strcmp(skip_port(x), skip_port(y)) == 0;
}

bool oauth_is_registered(const json_t *uris, const char *uri)
{
	const json_t *item;
	size_t i;

	json_array_foreach(uris, i, item)
	{
		const char *own = json_string_value(item);

		if (own && (strcmp(own, uri) == 0 || same_but_port(own, uri)))
			return true;
	}
	return false;
}

/* ---- forms ---- */

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 32) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place of the arena's copy; NULL: it has a NUL in it. */
static const char *decoded(struct request *q, struct str s)
{
	char *out = arena_alloc(&q->mem, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < s.n; i++) {
		char c = s.p[i] == '+' ? ' ' : s.p[i];
		bool has_two = c == '%' && i + 2 < s.n;
		int high = has_two ? hex(s.p[i + 1]) : -1, low = has_two ? hex(s.p[i + 2]) : -1;

		if (high >= 0 && low >= 0) {
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (!c)
			return NULL;
		out[n++] = c;
	}
	if (out)
		out[n] = '\0';
	return out;
}

const char *oauth_form(struct request *q, const char *name)
{
	struct str rest = http_body(q->x);

	while (rest.n > 0) {
		const char *amp = memchr(rest.p, '&', rest.n);
		struct str pair = {rest.p, amp ? (size_t)(amp - rest.p) : rest.n};
		const char *is = memchr(pair.p, '=', pair.n);
		size_t n = is ? (size_t)(is - pair.p) : pair.n;

		if (n == strlen(name) && memcmp(pair.p, name, n) == 0)
			return is ? decoded(q, (struct str){is + 1, pair.n - n - 1}) : "";
		rest.p += pair.n + (amp != NULL);
		rest.n -= pair.n + (amp != NULL);
	}
	return NULL;
}

void oauth_add_query(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%c%s=", b->n > 0 && memchr(b->p, '?', b->n) ? '&' : '?', name);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c))
			buf_add_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* ---- addresses ---- */

const char *oauth_base(struct request *q)
{
	const struct settings *s = q->api->c.settings;
	const char *host = http_header(q->x, "Host");
	struct auth_way way = request_way(q->x);
	char prefix[AUTH_PREFIX_LEN];
	size_t n = strlen(s->public_url);

	while (n > 0 && s->public_url[n - 1] == '/')
		n--;
	if (n > 0 && (!host || auth_is_public_host(s, host)))
		return arena_strndup(&q->mem, s->public_url, n);
	return arena_printf(&q->mem, "%s://%s%s", auth_came_by_https(s, &way) ? "https" : "http",
		host ? host : "localhost", request_prefix(q, prefix));
}

/* Why a token was of no use; NULL: there was none. */
static const char *token_error(struct request *q, int status)
{
	const char *shown = http_header(q->x, "Authorization");

	if (status == 403)
		return "insufficient_scope";
	return shown && strncasecmp(shown, "Bearer ", 7) == 0 ? "invalid_token" : NULL;
}

const char *oauth_challenge(struct request *q, int status)
{
	bool is_mcp = q->route && strcmp(q->route->path, "/mcp") == 0;

	if (status == 403 && (!is_mcp || !q->who.key_id || q->who.scopes & AUTH_SCOPE_API))
		return NULL;
	if (!is_mcp)
		return "Bearer";
	const char *base = oauth_base(q), *host = http_header(q->x, "Host"), *error = token_error(q, status);
	if (!base || (host && strchr(host, '"')))
		return "Bearer";
	const char *text = arena_printf(&q->mem,
		"Bearer %s%s%sresource_metadata=\"%s/.well-known/oauth-protected-resource/mcp\", scope=\"api\"",
		error ? "error=\"" : "", error ? error : "", error ? "\", " : "", base);
	return text ? text : "Bearer";
}

/* ---- what programs are answered ---- */

int oauth_answer(struct request *q, int status, json_t *taken)
{
	CLEANUP(json_decrefp) json_t *o = taken;

	ASSERT(!q->raw.p && q->route->media); /* answered once, and as bytes */
	q->raw = BUF_INIT(1 << 20);
	q->status = status;
	http_set_header(q->x, "Cache-Control", "no-store");
	json_add_value(&q->raw, o);
	return buf_status(&q->raw);
}

int oauth_refuse(struct request *q, const char *error, const char *why)
{
	return oauth_answer(q, 400, json_pack("{s:s,s:s}", "error", error, "error_description", why));
}

bool oauth_is_ours(struct request *q, const char *resource)
{
	const char *base = oauth_base(q);
	size_t n = base ? strlen(base) : 0;

	if (!resource)
		return true;
	return base && strncasecmp(resource, base, n) == 0 &&
	       (str_word_place("/mcp /mcp/ /", str_from(resource + n)) >= 0 || !resource[n]);
}
