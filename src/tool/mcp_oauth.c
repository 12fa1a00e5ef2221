/* mcp_oauth.c - see mcp_oauth.h: who gives out tokens for an address (RFC 9728, RFC 8414), becoming its client (RFC 7591), and a code
 * for a token (PKCE, RFC 8707, RFC 9207). */
#include "tool/mcp_oauth.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "http/url.h"
#include "tool/mcp.h"
#include "tool/tool_priv.h"

#define STATE_COLUMN "tool_servers.login"
enum {
	ANSWER_MAX = 256 << 10,
	TIMEOUT_MS = 15000,
	STATE_MS = 600000,
	EARLY_S = 60,
	VERIFIER = 43,
	EXPIRES_MAX_S = 1 << 30
};

/* ---- requests ---- */

struct asking {
	struct tools *t;
	bool anywhere;
	struct cancel *cancel;
	struct arena *a;
	struct err *e;
};

/* `form`, `json` NULL: a GET. *ret: an object; *ret_status may be NULL, and then only a success is one. */
static int ask(struct asking *q, const char *url, const char *type, const struct buf *body, const char *authorization,
	int *ret_status, json_t **ret)
{
	const char *const headers[] = {
		"Accept: application/json", body ? type : authorization, body ? authorization : NULL, NULL};
	const struct fetch f = {.method = body ? "POST" : "GET",
		.url = url,
		.headers = headers,
		.body = body ? buf_str(body) : (struct str){NULL, 0},
		.max = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
		.anywhere = q->anywhere};
	struct fetched got = {0};
	struct err ignored = {0};
	int r = tool_fetch(q->t, &f, q->cancel, &got, q->e);

	*ret = NULL;
	if (r < 0)
		return r;
	if (ret_status)
		*ret_status = got.status;
	if ((ret_status || got.status / 100 == 2) && json_parse(buf_str(&got.body).p, got.body.n, ret, &ignored) < 0)
		*ret = NULL;
	fetched_done(&got);
	if (*ret && !json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
	}
	return 0;
}

static int refuse(struct asking *q, const char *why)
{
	return err_set(q->e, E_PROVIDER, "Signing in is not possible: %s.", why);
}

/* ---- who gives out tokens ---- */

/* "https://host:1" and "/path" of an address, without what follows. */
static void split(const char *url, struct str *ret_origin, struct str *ret_path)
{
	const char *host = strstr(url, "://"), *path = host ? host + 3 + strcspn(host + 3, "/?#") : url + strlen(url);
	size_t n = strcspn(path, "?#");

	while (n > 0 && path[n - 1] == '/')
		n--;
	*ret_origin = (struct str){url, (size_t)(path - url)};
	*ret_path = (struct str){path, n};
}

/* The parameter of a challenge, in the arena; NULL: it has none. */
static const char *parameter(struct arena *a, const char *challenge, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(challenge, name); at; at = strstr(at + 1, name)) {
		if ((at != challenge && !strchr(" ,", at[-1])) || at[n] != '=')
			continue;
		const char *v = at + n + 1;
		return *v == '"' ? arena_strndup(a, v + 1, strcspn(v + 1, "\""))
				 : arena_strndup(a, v, strcspn(v, ", "));
	}
	return NULL;
}

/* The resource is this address, or what stands above it. */
static bool covers(const char *resource, const char *url)
{
	struct str origin, path, own_origin, own_path;

	split(resource, &origin, &path);
	split(url, &own_origin, &own_path);
	return str_eq(origin, own_origin) && str_starts(own_path, path) &&
	       (own_path.n == path.n || own_path.p[path.n] == '/');
}

/* What the server says of itself; *ret NULL: nothing, as the oldest ones do. */
static int resource_metadata(struct asking *q, const char *url, const char *challenge, json_t **ret)
{
	struct str origin, path;
	const char *tries[3] = {parameter(q->a, challenge, "resource_metadata")};
	int r = 0;

	split(url, &origin, &path);
	if (!tries[0]) {
		tries[0] = arena_printf(
			q->a, STR_FMT "/.well-known/oauth-protected-resource" STR_FMT, STR_ARG(origin), STR_ARG(path));
		tries[1] = arena_printf(q->a, STR_FMT "/.well-known/oauth-protected-resource", STR_ARG(origin));
	}
	*ret = NULL;
	for (size_t i = 0; i < N_ELEMENTS(tries) && r == 0 && !*ret && tries[i]; i++)
		r = ask(q, tries[i], NULL, NULL, NULL, NULL, ret);
	const char *resource = json_get_str(*ret, "resource");
	if (r == 0 && *ret && (!resource || !covers(resource, url))) {
		json_decref(*ret);
		*ret = NULL;
		return refuse(q, "the server says that it is another one");
	}
	return r;
}

static bool has_text(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(
		list, i, item) if (json_is_string(item) && strcmp(json_string_value(item), text) == 0) return true;
	return false;
}

/* Of the issuer: its addresses. It must be the very one, and know PKCE. */
static int issuer_metadata(struct asking *q, const char *issuer, json_t **ret)
{
	struct str origin, path;
	int r = 0;

	split(issuer, &origin, &path);
	const char *const tries[] = {arena_printf(q->a, STR_FMT "/.well-known/oauth-authorization-server" STR_FMT,
					     STR_ARG(origin), STR_ARG(path)),
		arena_printf(q->a, STR_FMT "/.well-known/openid-configuration" STR_FMT, STR_ARG(origin), STR_ARG(path)),
		path.n ? arena_printf(q->a, STR_FMT STR_FMT "/.well-known/openid-configuration", STR_ARG(origin),
				 STR_ARG(path))
		       : NULL};
	*ret = NULL;
	for (size_t i = 0; i < N_ELEMENTS(tries) && r == 0 && !*ret && tries[i]; i++)
		r = ask(q, tries[i], NULL, NULL, NULL, NULL, ret);
	if (r < 0)
		return r;
	const char *says = json_get_str(*ret, "issuer");
	const char *why = !*ret                                ? "nothing is known of who gives out its tokens"
			  : !says || strcmp(says, issuer) != 0 ? "who gives out its tokens says to be another one"
			  : !json_get_str(*ret, "authorization_endpoint") || !json_get_str(*ret, "token_endpoint")
				  ? "who gives out its tokens says not where"
			  : !has_text(json_object_get(*ret, "code_challenge_methods_supported"), "S256")
				  ? "who gives out its tokens does not know PKCE (S256)"
				  : NULL;
	if (!why)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return refuse(q, why);
}

/* ---- being a client ---- */

static const char *auth_method(const json_t *issuer)
{
	const json_t *list = json_object_get(issuer, "token_endpoint_auth_methods_supported");

	return !list || has_text(list, "none")        ? "none"
	       : has_text(list, "client_secret_post") ? "client_secret_post"
						      : "client_secret_basic";
}

/* What opens the server so far: its own secrets, and over them those of the person. The caller's. */
static json_t *known_secrets(struct asking *q, const struct mcp_login *l)
{
	json_t *all = json_object();

	for (int own = 0; own < 2; own++) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->t->config.db);
		CLEANUP(json_decrefp) json_t *some = NULL;
		const struct tool_secret_place at = {
			q->t->config.vault, l->server->id, own ? l->user_id : 0, tool_server_bound(l->server, q->a)};
		const char *json = NULL;
		struct err quiet = {0};
		if (at.bound && tool_secrets_get(c, &at, q->a, &json, &quiet) == 0 && json &&
			json_parse(json, strlen(json), &some, &quiet) == 0)
			json_object_update(all, some);
	}
	return all;
}

const char *mcp_client_id(const struct settings *s, struct arena *a)
{
	size_t n = strlen(s->public_url);

	while (n > 0 && s->public_url[n - 1] == '/')
		n--;
	return strncmp(s->public_url, "https://", 8) == 0
		       ? arena_printf(a, "%.*s" MCP_CLIENT_PATH, (int)n, s->public_url)
		       : NULL;
}

/* What is published names one place to come back to: the public one. */
static const char *published(struct asking *q, const struct mcp_login *l, const json_t *issuer)
{
	const char *id = json_is_true(json_object_get(issuer, "client_id_metadata_document_supported"))
				 ? mcp_client_id(q->t->config.settings, q->a)
				 : NULL;
	size_t n = id ? strlen(id) - strlen("/client") : 0;

	return id && strlen(l->redirect_uri) == n && strncmp(id, l->redirect_uri, n) == 0 ? id : NULL;
}

/* One that was registered there by hand. */
static void be_registered(const json_t *issuer, const char *id, const char *secret, json_t *p)
{
	const json_t *list = json_object_get(issuer, "token_endpoint_auth_methods_supported");
	bool post = list && !has_text(list, "client_secret_basic") && has_text(list, "client_secret_post");

	json_object_set_new(p, "client_id", json_string(id));
	json_object_set_new(p, "auth_method",
		json_string(!secret ? "none"
			    : post  ? "client_secret_post"
				    : "client_secret_basic"));
	if (secret)
		json_object_set_new(p, "client_secret", json_string(secret));
}

/* A program on the person's own machine, or one of the web: those who give out tokens check its addresses by that. */
static const char *application_type(const char *redirect_uri)
{
	struct http_url u;
	struct address a;

	if (!http_url_read(redirect_uri, &u) || u.secure)
		return "web";
	bool here = strcasecmp(u.host, "localhost") == 0 ||
		    (address_parse(str_from(u.host), &a) && address_is_loopback(&a));
	return here ? "native" : "web";
}

/* Adds client_id, client_secret and auth_method to `p`. */
static int become_client(struct asking *q, const struct mcp_login *l, const json_t *config, const json_t *secrets,
	const json_t *issuer, json_t *p)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(65536);
	CLEANUP(json_decrefp) json_t *got = NULL;
	const char *own = json_get_str(config, "client_id"), *at = json_get_str(issuer, "registration_endpoint");

	if (own) {
		be_registered(issuer, own, json_get_str(secrets, "client_secret"), p);
		return 0;
	}
	if ((own = published(q, l, issuer)) != NULL) {
		be_registered(issuer, own, NULL, p);
		return 0;
	}
	if (!at)
		return refuse(q, "it takes no new programs; register one there, and give its \"client_id\" in the "
				 "configuration");
	CLEANUP(json_decrefp)
	json_t *wish = json_pack("{s:s,s:s,s:[s],s:[s,s],s:[s],s:s}", "client_name", "Atelier", "application_type",
		application_type(l->redirect_uri), "redirect_uris", l->redirect_uri, "grant_types",
		"authorization_code", "refresh_token", "response_types", "code", "token_endpoint_auth_method",
		auth_method(issuer));
	json_add_value(&body, wish);
	int status = 0, r = ask(q, at, "Content-Type: application/json", &body, NULL, &status, &got);
	if (r < 0)
		return r;
	const char *id = json_get_str(got, "client_id"), *secret = json_get_str(got, "client_secret"),
		   *method = json_get_str(got, "token_endpoint_auth_method");
	if (status / 100 != 2 || !id)
		return refuse(q, "it does not take Atelier as a program");
	json_object_set_new(p, "client_id", json_string(id));
	json_object_set_new(p, "auth_method", json_string(method ? method : secret ? "client_secret_basic" : "none"));
	if (secret)
		json_object_set_new(p, "client_secret", json_string(secret));
	return 0;
}

/* ---- forms ---- */

static void add_pair(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->n > 0 && b->p[b->n - 1] != '?')
		buf_add_char(b, '&');
	buf_printf(b, "%s=", name);
	http_url_escape(b, value, strlen(value));
}

static const char *basic(struct arena *a, const char *id, const char *secret)
{
	CLEANUP(buf_wipe) struct buf both = BUF_INIT(8192);
	char packed[12288];

	http_url_escape(&both, id, strlen(id));
	buf_add_char(&both, ':');
	http_url_escape(&both, secret, strlen(secret));
	if (buf_status(&both) < 0)
		return NULL;
	sodium_bin2base64(
		packed, sizeof(packed), (const unsigned char *)both.p, both.n, sodium_base64_VARIANT_ORIGINAL);
	return arena_printf(a, "Authorization: Basic %s", packed);
}

/* Asks for tokens with what stands in `form`; *ret: what is kept of them and of `p`. */
static int take_tokens(struct asking *q, const json_t *p, struct buf *form, json_t **ret)
{
	static const char *const kept[] = {
		"token_endpoint", "client_id", "client_secret", "auth_method", "resource", "refresh_token", "scope"};
	CLEANUP(json_decrefp) json_t *got = NULL;
	const char *id = json_get_str(p, "client_id"), *secret = json_get_str(p, "client_secret"),
		   *method = json_get_str(p, "auth_method");
	const char *authorization = NULL;
	int status = 0;

	add_pair(form, "resource", json_get_str(p, "resource"));
	if (secret && method && strcmp(method, "client_secret_basic") == 0) {
		authorization = basic(q->a, id, secret);
	} else {
		add_pair(form, "client_id", id);
		if (method && strcmp(method, "client_secret_post") == 0)
			add_pair(form, "client_secret", secret);
	}
	int r = buf_check(form, q->e, "A form of a sign-in is too long.");
	if (r == 0)
		r = ask(q, json_get_str(p, "token_endpoint"), "Content-Type: application/x-www-form-urlencoded", form,
			authorization, &status, &got);
	if (r < 0)
		return r;
	const char *token = json_get_str(got, "access_token"), *more = json_get_str(got, "refresh_token");
	if (status / 100 != 2 || !token)
		return err_set(q->e, E_UNAUTHORIZED, "No token was given (%.60s): sign in again.",
			json_get_str(got, "error") ? json_get_str(got, "error") : "no reason was told");
	json_t *o = json_object();
	for (size_t i = 0; i < N_ELEMENTS(kept); i++)
		if (json_get_str(p, kept[i]))
			json_object_set(o, kept[i], json_object_get(p, kept[i]));
	json_object_set_new(o, "access_token", json_string(token));
	if (more)
		json_object_set_new(o, "refresh_token", json_string(more));
	int64_t seconds = MIN(json_get_i64(got, "expires_in", 0), EXPIRES_MAX_S),
		until = clock_now_ms() / 1000 + seconds;
	json_object_set_new(o, "expires_at", seconds > 0 ? json_sprintf("%lld", (long long)until) : json_string(""));
	*ret = o;
	return 0;
}

/* ---- the state ---- */

static int seal_state(struct asking *q, const struct mcp_login *l, json_t *p, const char **ret)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT(VAULT_MAX), sealed = BUF_INIT(VAULT_MAX * 2);
	char user[ID_LEN + 1], server[ID_LEN + 1];
	const struct vault_place at = {STATE_COLUMN, 0, NULL};

	id_format(l->user_id, user);
	id_format(l->server->id, server);
	json_object_set_new(p, "user", json_string(user));
	json_object_set_new(p, "server", json_string(server));
	json_object_set_new(p, "began_ms", json_integer(clock_now_ms()));
	json_add_value(&text, p);
	int r = vault_seal(q->t->config.vault, &at, buf_str(&text), &sealed, q->e);
	if (r < 0)
		return r;
	size_t room = sodium_base64_ENCODED_LEN(sealed.n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *packed = arena_alloc(q->a, room);
	*ret = packed ? sodium_bin2base64(packed, room, (const unsigned char *)sealed.p, sealed.n,
				sodium_base64_VARIANT_URLSAFE_NO_PADDING)
		      : NULL;
	return packed ? 0 : err_set(q->e, -ENOMEM, "There is no memory for a sign-in.");
}

static int open_state(
	struct tools *t, const char *state, atelier_id user_id, struct arena *a, json_t **ret, struct err *e)
{
	size_t n = strlen(state), used = 0;
	unsigned char *sealed = arena_alloc(a, n + 1);
	const struct vault_place at = {STATE_COLUMN, 0, NULL};
	struct err quiet = {0};
	char *text = NULL, user[ID_LEN + 1];

	*ret = NULL;
	id_format(user_id, user);
	if (!sealed ||
		sodium_base642bin(
			sealed, n + 1, state, n, NULL, &used, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0 ||
		vault_open(t->config.vault, &at, (struct str){(const char *)sealed, used}, a, &text, &quiet) < 0 ||
		json_parse(text, strlen(text), ret, &quiet) < 0)
		return err_set(e, E_INVALID, "This sign-in was not begun here.");
	const char *whose = json_get_str(*ret, "user");
	int64_t age = clock_now_ms() - json_get_i64(*ret, "began_ms", 0);
	if (whose && strcmp(whose, user) == 0 && age >= 0 && age < STATE_MS)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return err_set(e, E_INVALID, "This sign-in is of somebody else, or too old: begin it again.");
}

/* ---- begin and end ---- */

static void make_verifier(char ret_verifier[VERIFIER + 1], char ret_challenge[VERIFIER + 1])
{
	unsigned char bytes[32], hash[crypto_hash_sha256_BYTES];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(ret_verifier, VERIFIER + 1, bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	crypto_hash_sha256(hash, (const unsigned char *)ret_verifier, strlen(ret_verifier));
	sodium_bin2base64(ret_challenge, VERIFIER + 1, hash, sizeof(hash), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* What is to be asked for: as the challenge says, else as the server does; NULL: nothing in particular. */
static const char *scope_of(struct asking *q, const char *challenge, const json_t *resource)
{
	const char *scope = parameter(q->a, challenge, "scope");
	CLEANUP(buf_done) struct buf all = BUF_INIT(4096);
	const json_t *item;
	size_t i;

	if (scope)
		return scope;
	json_array_foreach(json_object_get(resource, "scopes_supported"), i, item)
		buf_printf(&all, "%s%s", all.n ? " " : "", json_is_string(item) ? json_string_value(item) : "");
	return all.n && buf_status(&all) == 0 ? arena_strndup(q->a, all.p, all.n) : NULL;
}

/* What was given before stays wanted when a call wants more than that. */
static const char *with_former(struct asking *q, const char *scope, const char *former)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT(8192);

	if (!scope || !former || !*former)
		return scope;
	buf_add_str(&all, scope);
	for (const char *p = former; *p;) {
		size_t n = strcspn(p, " ");
		if (n > 0 && str_word_place(all.p, (struct str){p, n}) < 0)
			buf_printf(&all, " %.*s", (int)n, p);
		p += n + (p[n] == ' ');
	}
	return buf_status(&all) < 0 ? scope : arena_strndup(q->a, all.p, all.n);
}

static int write_url(struct asking *q, const struct mcp_login *l, const json_t *issuer, const char *challenge,
	const char *scope, json_t *p, const char **ret)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(256 << 10);
	const char *at = json_get_str(issuer, "authorization_endpoint"), *state;
	struct http_url parts;
	int r = seal_state(q, l, p, &state);

	if (r < 0)
		return r;
	if (!http_url_read(at, &parts) || (!parts.secure && !q->anywhere))
		return refuse(q, "who gives out its tokens has no secure address");
	buf_printf(&url, "%s%c", at, strchr(at, '?') ? '&' : '?');
	add_pair(&url, "response_type", "code");
	add_pair(&url, "client_id", json_get_str(p, "client_id"));
	add_pair(&url, "redirect_uri", l->redirect_uri);
	add_pair(&url, "code_challenge", challenge);
	add_pair(&url, "code_challenge_method", "S256");
	add_pair(&url, "resource", json_get_str(p, "resource"));
	add_pair(&url, "scope", scope);
	add_pair(&url, "state", state);
	if ((r = buf_check(&url, q->e, "The address to sign in at is too long.")) < 0)
		return r;
	*ret = arena_strndup(q->a, url.p, url.n);
	return *ret ? 0 : err_set(q->e, -ENOMEM, "There is no memory for a sign-in.");
}

int mcp_login_begin(struct tools *t, const struct mcp_login *l, struct arena *a, const char **ret_url, struct err *e)
{
	CLEANUP(json_decrefp) json_t *config = NULL;
	CLEANUP(json_decrefp) json_t *resource = NULL;
	CLEANUP(json_decrefp) json_t *issuer = NULL;
	CLEANUP(json_decrefp) json_t *secrets = NULL;
	CLEANUP(json_decrefp) json_t *p = json_object();
	struct asking q = {.t = t, .anywhere = l->server->of_admin, .cancel = &t->ending, .a = a, .e = e};
	char verifier[VERIFIER + 1], challenge[VERIFIER + 1];
	const char *asks = "", *url, *who;
	int r = json_parse(l->server->config, strlen(l->server->config), &config, e);

	if (r == 0)
		r = mcp_challenge_of(t, l->server, l->user_id, a, &asks, e);
	if (r < 0)
		return r;
	url = json_get_str(config, "url");
	if ((r = resource_metadata(&q, url, asks, &resource)) < 0)
		return r;
	struct str origin, path;
	split(url, &origin, &path);
	who = json_string_value(json_array_get(json_object_get(resource, "authorization_servers"), 0));
	if (!who)
		who = arena_strndup(a, origin.p, origin.n); /* as before there was such metadata */
	if (!who)
		return err_set(e, -ENOMEM, "There is no memory for a sign-in.");
	secrets = known_secrets(&q, l);
	if ((r = issuer_metadata(&q, who, &issuer)) < 0 || (r = become_client(&q, l, config, secrets, issuer, p)) < 0)
		return r;
	const char *scope = with_former(&q, scope_of(&q, asks, resource),
		strstr(asks, "insufficient_scope") ? json_get_str(json_object_get(secrets, "oauth"), "scope") : NULL);
	if (scope)
		json_object_set_new(p, "scope", json_string(scope));
	make_verifier(verifier, challenge);
	json_object_set_new(p, "verifier", json_string(verifier));
	json_object_set_new(p, "redirect_uri", json_string(l->redirect_uri));
	json_object_set_new(p, "issuer", json_string(who));
	json_object_set_new(p, "iss_told",
		json_boolean(json_is_true(json_object_get(issuer, "authorization_response_iss_parameter_supported"))));
	json_object_set(p, "token_endpoint", json_object_get(issuer, "token_endpoint"));
	json_object_set_new(p, "resource",
		json_string(json_get_str(resource, "resource") ? json_get_str(resource, "resource") : url));
	return write_url(&q, l, issuer, challenge, scope, p, ret_url);
}

int mcp_login_server(
	struct tools *t, const char *state, atelier_id user_id, struct arena *a, atelier_id *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *p = NULL;
	int r = open_state(t, state, user_id, a, &p, e);
	const char *server = json_get_str(p, "server");

	if (r == 0 && (!server || !id_parse(server, strlen(server), ret)))
		r = err_set(e, E_INVALID, "This sign-in was not begun here.");
	return r;
}

int mcp_login_end(struct tools *t, const struct mcp_login *l, const char *state, const char *code, const char *iss,
	json_t **ret, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	CLEANUP(buf_wipe) struct buf form = BUF_INIT(65536);
	CLEANUP(json_decrefp) json_t *p = NULL;
	struct asking q = {.t = t, .anywhere = l->server->of_admin, .cancel = &t->ending, .a = &a, .e = e};

	arena_init(&a, 1 << 20);
	int r = open_state(t, state, l->user_id, &a, &p, e);
	if (r < 0)
		return r;
	if ((iss || json_is_true(json_object_get(p, "iss_told"))) &&
		(!iss || strcmp(iss, json_get_str(p, "issuer")) != 0))
		return err_set(e, E_INVALID, "The answer is not of who was asked (iss).");
	add_pair(&form, "grant_type", "authorization_code");
	add_pair(&form, "code", code);
	add_pair(&form, "redirect_uri", json_get_str(p, "redirect_uri"));
	add_pair(&form, "code_verifier", json_get_str(p, "verifier"));
	return take_tokens(&q, p, &form, ret);
}

bool mcp_login_is_old(const json_t *oauth)
{
	const char *at = json_get_str(oauth, "expires_at"), *more = json_get_str(oauth, "refresh_token");

	return at && *at && more && strtoll(at, NULL, 10) - EARLY_S < clock_now_ms() / 1000;
}

int mcp_login_renew(struct tools *t, bool anywhere, const json_t *oauth, struct cancel *c, json_t **ret, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	CLEANUP(buf_wipe) struct buf form = BUF_INIT(65536);
	struct asking q = {.t = t, .anywhere = anywhere, .cancel = c, .a = &a, .e = e};

	arena_init(&a, 1 << 20);
	add_pair(&form, "grant_type", "refresh_token");
	add_pair(&form, "refresh_token", json_get_str(oauth, "refresh_token"));
	return take_tokens(&q, oauth, &form, ret);
}
