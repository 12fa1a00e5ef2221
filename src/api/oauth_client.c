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
	DOCUMENT_URIS_MAX = 50, /* which are carried nowhere */
	NAME_MAX_BYTES = 80,
	ADDRESS_MAX = 1000,
	DOCUMENT_MAX = 64 << 10,
	FETCH_MS = 8000
};
#define WITHDRAWN_MS ((int64_t)3600 * 1000)

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

json_t *oauth_client_read(const json_t *in, const char *host, const char **ret_error, const char **ret_why)
{
	json_t *uris = json_object_get(in, "redirect_uris");
	const char *name = json_get_str(in, "client_name"), *how = json_get_str(in, "token_endpoint_auth_method");
	char shown[NAME_MAX_BYTES + 1];

	*ret_error = "invalid_client_metadata";
	*ret_why = "This is no JSON object.";
	if (!json_is_object(in))
		return NULL;
	*ret_why = "Programs have no secret here: \"token_endpoint_auth_method\" is none.";
	if (how && strcmp(how, "none") != 0)
		return NULL;
	*ret_error = "invalid_redirect_uri";
	*ret_why = "\"redirect_uris\" are one to ten addresses with https, of this machine, or of a scheme of the "
		   "program's own.";
	if (!are_good(uris, host ? DOCUMENT_URIS_MAX : URIS_MAX))
		return NULL;
	size_t room = host ? NAME_MAX_BYTES - strlen(host) - 3 : NAME_MAX_BYTES;
	int n = name ? (int)utf8_prefix(name, strlen(name), room) : 0;
	if (!n) {
		name = "A program";
		n = (int)strlen(name);
	}
	snprintf(shown, sizeof(shown), "%.*s%s%s%s", n, name, host ? " (" : "", host ? host : "", host ? ")" : "");
	return json_pack("{s:s,s:O,s:b}", "name", shown, "uris", uris, "renews",
		has_word(json_object_get(in, "grant_types"), "refresh_token"));
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
	if (n > ADDRESS_MAX || *path != '/' || !path[1] || !http_url_read(url, ret) || ret->has_user)
		return false;
	for (const char *p = path; *p == '/'; p += 1 + strcspn(p + 1, "/?")) {
		size_t part = strcspn(p + 1, "/?");

		if ((part == 1 && p[1] == '.') || (part == 2 && p[1] == '.' && p[2] == '.'))
			return false;
	}
	/* Its host is shown beside its name. */
	return strlen(ret->host) < NAME_MAX_BYTES / 2;
}

bool oauth_client_documents_offered(struct request *q)
{
	return clock_mono_ms() >= __atomic_load_n(&q->api->documents_withdrawn_until, __ATOMIC_RELAXED);
}

/* What programs are offered they take: where Atelier cannot reach the internet they shall register instead, the next time. */
static void withdraw(struct request *q)
{
	__atomic_store_n(&q->api->documents_withdrawn_until, clock_mono_ms() + WITHDRAWN_MS, __ATOMIC_RELAXED);
}

static json_t *refused(const char *client_id, const char *why)
{
	log_info("http", "a program is not let in by its document at %.200s: %s", client_id, why);
	return NULL;
}

json_t *oauth_client_fetch(struct request *q, const char *client_id)
{
	CLEANUP(json_decrefp) json_t *o = NULL;
	struct http_url parts;
	struct err why = {0};
	const char *error, *wrong;

	if (!is_plain(client_id, &parts))
		return refused(client_id, "This is no address of such a document.");
	int r = tools_fetch_json(q->api->c.tools, client_id, DOCUMENT_MAX, FETCH_MS, &o, &why);
	if (r == E_PROVIDER_DOWN || r == E_PROVIDER_TIMEOUT)
		withdraw(q);
	if (r < 0)
		return refused(client_id, why.msg);
	const char *own = json_get_str(o, "client_id");
	if (!own || strcmp(own, client_id) != 0)
		return refused(client_id, "Its \"client_id\" is not its address.");
	if (json_object_get(o, "client_secret"))
		return refused(client_id, "It has a secret in it, which is none then.");
	json_t *client = oauth_client_read(o, parts.host, &error, &wrong);
	return client ? client : refused(client_id, wrong);
}
