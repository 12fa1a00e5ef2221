/*
 * oauth_client.c - who a program is that wants to sign in to /mcp: what it says of itself, be it on registering (RFC 7591) or in a
 * document at the https address that is its client_id (OAuth Client ID Metadata Document). See docs/decisions/110.
 */
#include <stdio.h>
#include <strings.h>

#include "api/oauth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "http/url.h"
#include "tool/tool.h"

enum {
	URIS_MAX = 10,
	DOCUMENT_URIS_MAX = 50,             /* which are carried nowhere */
	NAME_ROOM = 4 * OAUTH_NAME_MAX + 1, /* with all that is made visible */
	ADDRESS_MAX = 1000,
	DOCUMENT_MAX = 64 << 10,
	FETCH_MS = 8000
};
#define WITHDRAWN_MS ((int64_t)3600 * 1000)
#define LATELY_MS    ((int64_t)24 * 3600 * 1000)

#define URIS_ARE " with https, of this machine, or of a scheme of the program's own."

static bool are_good(const json_t *uris, size_t max)
{
	const json_t *item;
	size_t i, n = json_array_size(uris);

	json_array_foreach(uris, i, item)
	{
		if (!json_is_string(item) || !oauth_may_go(json_string_value(item)))
			return false;
	}
	return n > 0 && n <= max;
}

static bool has_word(const json_t *list, const char *word)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

/* As much of it as `room` allows, with what steers the text, or is not seen, made visible. */
static json_t *read_name(const char *name, size_t room)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(NAME_ROOM);

	if (name)
		utf8_add_visible(&b, name, utf8_prefix(name, strlen(name), room), UTF8_LINE);
	if (buf_status(&b) < 0)
		return NULL;
	return b.n ? json_stringn(b.p, utf8_prefix(b.p, b.n, room)) : json_string("A program");
}

/* `host` NULL: nothing vouches for the name. */
static json_t *read_program(const json_t *in, const char *host, const char **ret_error, const char **ret_why)
{
	json_t *uris = json_object_get(in, "redirect_uris");
	const char *how = json_get_str(in, "token_endpoint_auth_method");

	*ret_error = "invalid_client_metadata";
	*ret_why = "This is no JSON object.";
	if (!json_is_object(in))
		return NULL;
	*ret_why = "Programs have no secret here: \"token_endpoint_auth_method\" is none.";
	if (how && strcmp(how, "none") != 0)
		return NULL;
	*ret_error = "invalid_redirect_uri";
	*ret_why = host ? "\"redirect_uris\" are one to fifty addresses" URIS_ARE
			: "\"redirect_uris\" are one to ten addresses" URIS_ARE;
	if (!are_good(uris, host ? DOCUMENT_URIS_MAX : URIS_MAX))
		return NULL;
	return json_pack("{s:o,s:s*,s:O,s:b}", "name",
		read_name(json_get_str(in, "client_name"), OAUTH_NAME_MAX - (host ? strlen(host) + 3 : 0)), "host",
		host, "uris", uris, "renews", has_word(json_object_get(in, "grant_types"), "refresh_token"));
}

json_t *oauth_client_read(const json_t *in, const char **ret_error, const char **ret_why)
{
	return read_program(in, NULL, ret_error, ret_why);
}

void oauth_client_name(const json_t *client, char ret[OAUTH_NAME_MAX + 1])
{
	const char *name = json_get_str(client, "name"), *host = json_get_str(client, "host");

	snprintf(ret, OAUTH_NAME_MAX + 1, "%s%s%s%s", name ? name : "", host ? " (" : "", host ? host : "",
		host ? ")" : "");
}

/* ---- by a document at its address ---- */

bool oauth_client_has_document(const char *client_id)
{
	return client_id && strncmp(client_id, "https://", 8) == 0;
}

/* Whether it is an address as such a client_id is: a path, and nothing that two programs could read in two ways. */
static bool is_plain(const char *url, struct http_url *ret)
{
	size_t n = strlen(url), host = strcspn(url + 8, "/?#");
	const char *path = url + 8 + host;

	for (size_t i = 0; i < n; i++)
		if (url[i] <= ' ' || url[i] > '~' || strchr("\"<>\\^`{|}#", url[i]))
			return false;
	if (n > ADDRESS_MAX || !host || *path != '/' || !path[1] || !http_url_read(url, ret) || ret->has_user)
		return false;
	for (const char *p = path; *p == '/'; p += 1 + strcspn(p + 1, "/?")) {
		size_t part = strcspn(p + 1, "/?");

		if ((part == 1 && p[1] == '.') || (part == 2 && p[1] == '.' && p[2] == '.'))
			return false;
	}
	/* Its host is shown beside its name. */
	return strlen(ret->host) < OAUTH_NAME_MAX / 2;
}

json_t *oauth_client_of_document(const char *client_id, const json_t *in, const char **ret_why)
{
	const char *own = json_get_str(in, "client_id"), *error;
	struct http_url parts;
	char host[OAUTH_NAME_MAX];

	*ret_why = "This is no address of such a document.";
	if (!is_plain(client_id, &parts))
		return NULL;
	*ret_why = "Its \"client_id\" is not its address.";
	if (!own || strcmp(own, client_id) != 0)
		return NULL;
	*ret_why = "It has a secret in it, which is none then.";
	if (json_object_get(in, "client_secret"))
		return NULL;
	if (parts.port == 443)
		snprintf(host, sizeof(host), "%.40s", parts.host);
	else
		snprintf(host, sizeof(host), "%.40s:%u", parts.host, parts.port);
	return read_program(in, host, &error, ret_why);
}

/* Whether another person was in the same case lately, or this one's word is enough. */
static bool is_enough(struct oauth_offer *o, atelier_id who, int64_t now)
{
	int64_t at = __atomic_exchange_n(&o->missed_at, now, __ATOMIC_RELAXED);
	atelier_id before = __atomic_exchange_n(&o->missed_by, who, __ATOMIC_RELAXED);

	return !who || (before && before != who && now - at < LATELY_MS);
}

/*
 * What programs are offered they take: where Atelier cannot reach the internet they shall register instead, the next time. One
 * host that does not answer says nothing of others, and anybody may bring such a one: it counts only where no document was
 * reached lately, and by an administrator or by two people.
 */
void oauth_offer_learn(struct oauth_offer *o, bool reached, atelier_id who, int64_t now)
{
	int64_t reached_at = __atomic_load_n(&o->reached_at, __ATOMIC_RELAXED);

	if (reached) {
		__atomic_store_n(&o->reached_at, now, __ATOMIC_RELAXED);
		__atomic_store_n(&o->withdrawn_until, 0, __ATOMIC_RELAXED);
	} else if ((!reached_at || now - reached_at >= LATELY_MS) && is_enough(o, who, now))
		__atomic_store_n(&o->withdrawn_until, now + WITHDRAWN_MS, __ATOMIC_RELAXED);
}

bool oauth_offer_stands(const struct oauth_offer *o, int64_t now)
{
	return now >= __atomic_load_n(&o->withdrawn_until, __ATOMIC_RELAXED);
}

bool oauth_client_documents_offered(struct request *q)
{
	return oauth_offer_stands(&q->api->oauth_offer, clock_mono_ms());
}

static json_t *refused(const char *client_id, const char *why)
{
	log_info("http", "a program is not let in by its document at %.200s: %s", client_id, why);
	return NULL;
}

/* Somebody's browser may be led here by any page, and what comes of that is not theirs to say. */
static bool came_by_itself(struct request *q)
{
	const char *site = http_header(q->x, "Sec-Fetch-Site");

	return !site || strcmp(site, "none") == 0 || strcmp(site, "same-origin") == 0;
}

static void learn(struct request *q, int r)
{
	bool missed = r == E_PROVIDER_DOWN || r == E_PROVIDER_TIMEOUT;

	if (r == 0 || (missed && came_by_itself(q)))
		oauth_offer_learn(&q->api->oauth_offer, r == 0, user_is_admin(&q->who.user) ? 0 : q->who.user.id,
			clock_mono_ms());
}

json_t *oauth_client_fetch(struct request *q, const char *client_id)
{
	CLEANUP(json_decrefp) json_t *o = NULL;
	struct http_url parts;
	struct err why = {0};
	const char *wrong = "This is no address of such a document.";

	if (!is_plain(client_id, &parts))
		return refused(client_id, wrong);
	int r = tools_fetch_json(q->api->c.tools, client_id, DOCUMENT_MAX, FETCH_MS, &o, &why);
	learn(q, r);
	if (r < 0)
		return refused(client_id, why.msg);
	json_t *client = oauth_client_of_document(client_id, o, &wrong);
	return client ? client : refused(client_id, wrong);
}
