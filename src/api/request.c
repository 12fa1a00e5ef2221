/* request.c - what handlers ask of their request. */
#include "api/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "base/utf8.h"

#define COOKIES_TRIED 4 /* of the length of a session's: each is a look into the database */

static const struct param *param_of(const struct request *q, const char *name, enum param_type type)
{
	size_t i = 0;

	while (i < q->route->n_params && strcmp(q->route->params[i].name, name) != 0)
		i++;
	ASSERT(i < q->route->n_params);           /* a handler asks for what its route has, */
	ASSERT(q->route->params[i].type == type); /* as what it is there */
	return &q->route->params[i];
}

int request_i64(struct request *q, const char *name, int64_t *ret)
{
	const struct param *p = param_of(q, name, PARAM_I64);
	const char *text = http_query(q->x, name);
	char *end;

	if (!text) {
		*ret = p->otherwise;
		return 0;
	}
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (*end || end == text || errno || strchr(" \t\n\v\f\r+", *text) || v < p->min || v > p->max)
		return err_field(&q->err, E_INVALID, name, "must be a whole number from %lld to %lld.",
			(long long)p->min, (long long)p->max);
	*ret = v;
	return 0;
}

int request_bool(struct request *q, const char *name, bool *ret)
{
	const struct param *p = param_of(q, name, PARAM_BOOL);
	const char *text = http_query(q->x, name);

	if (!text)
		*ret = p->otherwise != 0;
	else if (strcmp(text, "true") == 0)
		*ret = true;
	else if (strcmp(text, "false") == 0)
		*ret = false;
	else
		return err_field(&q->err, E_INVALID, name, "must be true or false.");
	return 0;
}

int request_id(struct request *q, const char *name, atelier_id *ret)
{
	const char *text = http_query(q->x, name);

	(void)param_of(q, name, PARAM_ID);
	*ret = 0;
	if (text && !id_parse(text, strlen(text), ret))
		return err_field(&q->err, E_INVALID, name, "must be an identifier of %d characters.", ID_LEN);
	return 0;
}

static int check_text(struct request *q, const struct param *p)
{
	const char *text = http_query(q->x, p->name);
	size_t n = text ? strlen(text) : 0;

	if (!text)
		return p->required ? err_field(&q->err, E_INVALID, p->name, "is missing.") : 0;
	if (p->choices && str_word_place(p->choices, str_from(text)) < 0)
		return err_field(&q->err, E_INVALID, p->name, "must be one of: %s.", p->choices);
	if ((p->min && n < (size_t)p->min) || (p->max && n > (size_t)p->max))
		return err_field(&q->err, E_INVALID, p->name, "must have %lld to %lld bytes.", (long long)p->min,
			(long long)p->max);
	return 0;
}

int request_check_params(struct request *q)
{
	int64_t whole;
	atelier_id id;
	bool truth;
	int r = 0;

	for (size_t i = 0; i < q->route->n_params && r == 0; i++) {
		const struct param *p = &q->route->params[i];

		if (!http_query_is_text(q->x, p->name)) /* a filter that is passed over would answer with everything */
			return err_field(&q->err, E_INVALID, p->name,
				"must be text in UTF-8 without a byte 0, and each %% be followed by two hexadecimal "
				"digits.");
		switch (p->type) {
		case PARAM_I64:
			r = request_i64(q, p->name, &whole);
			break;
		case PARAM_BOOL:
			r = request_bool(q, p->name, &truth);
			break;
		case PARAM_ID:
			r = request_id(q, p->name, &id);
			break;
		case PARAM_STR:
			r = check_text(q, p);
			break;
		}
	}
	return r;
}

/* What the client calls itself, cut to a length worth keeping. */
static const char *user_agent_of(struct request *q)
{
	const char *text = http_header(q->x, "User-Agent");

	return text ? arena_strndup(&q->mem, text, utf8_prefix(text, strlen(text), 200)) : NULL;
}

void request_visitor(struct request *q, struct auth_visitor *ret)
{
	*ret = (struct auth_visitor){.device = request_cookie(q, DEVICE_COOKIE), .user_agent = user_agent_of(q)};
	auth_client_address(q->api->c.settings, http_peer(q->x), http_header(q->x, "X-Forwarded-For"), ret->address);
}

void request_audit(struct request *q, const char *fmt, ...)
{
	char what[300], address[ADDRESS_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	auth_client_address(q->api->c.settings, http_peer(q->x), http_header(q->x, "X-Forwarded-For"), address);
	log_info("audit", "%s (%s%s%sfrom %s)", what, q->known ? "by " : "", q->known ? q->who.user.name : "",
		q->known ? ", " : "", address);
}

/* The token of "Authorization: Bearer TOKEN", or NULL. */
static const char *bearer_of(struct request *q)
{
	const char *header = http_header(q->x, "Authorization");

	if (!header || strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	header += 7;
	return header + strspn(header, " ");
}

/* What a program shows: an API key in whichever header its kind of interface has for it, else the bearer token. */
static const char *token_of(struct request *q)
{
	const char *const found[] = {bearer_of(q), http_header(q->x, "x-api-key"), http_header(q->x, "api-key")};

	for (size_t i = 0; i < N_ELEMENTS(found); i++) {
		if (auth_is_api_key(found[i]))
			return found[i];
	}
	return found[0];
}

/* Which scopes of a key open the route; one of them is enough. */
static unsigned scopes_of(const struct route *r)
{
	if (r->flags & ROUTE_SESSION)
		return 0;
	if (r->flags & ROUTE_GATEWAY)
		return AUTH_SCOPE_GATEWAY;
	if (r->flags & ROUTE_MODELS)
		return AUTH_SCOPE_MODELS;
	if (r->flags & ROUTE_JOBS)
		return AUTH_SCOPE_API | AUTH_SCOPE_MODELS;
	return AUTH_SCOPE_API;
}

static int check_scopes(struct request *q)
{
	unsigned wanted = scopes_of(q->route);
	char words[AUTH_SCOPES_MAX];

	ASSERT(q->known);
	if (!q->who.key_id || (q->who.scopes & wanted))
		return 0;
	if (!wanted)
		return err_set(&q->err, E_FORBIDDEN, "This works for somebody who signed in, not for an API key.");
	auth_scopes_format(wanted & -wanted, words);
	return err_set(&q->err, E_FORBIDDEN,
		"This API key may not be used here: it lacks the scope \"%s\". Its owner can give it that.", words);
}

/* Without a key, a page of another site must be one of cors_origins, even to look. */
static int check_open_page(struct request *q, struct err *e)
{
	const char *origin = http_header(q->x, "Origin");

	if (!origin || cors_allows(q))
		return 0;
	return auth_check_site(q->api->c.settings, NULL, origin, http_header(q->x, "Host"), e);
}

/* The first cookie that is a session's: a page of another host below the same name can put one of its own before ours. */
static int identify_by_cookie(struct request *q, struct db_conn *c, struct err *e)
{
	const char *rest = http_header(q->x, "Cookie");
	int r = E_UNAUTHORIZED;
	struct str value;

	for (int n = 0; r == E_UNAUTHORIZED && n < COOKIES_TRIED;) {
		value = cookie_next(&rest, SESSION_COOKIE);
		if (!value.p)
			break;
		if (value.n != AUTH_TOKEN_LEN)
			continue;
		n++;
		err_clear(e);
		r = auth_identify(
			q->api->c.auth, c, arena_strndup(&q->mem, value.p, value.n), NULL, &q->mem, &q->who, e);
	}
	return r;
}

/* 0 with q->who set, or E_UNAUTHORIZED, or what kept us from finding out; none of them recorded in q->err. */
static int identify(struct request *q, const char *token, struct err *e)
{
	struct api *a = q->api;
	bool cookie = !token && cookie_find(http_header(q->x, "Cookie"), SESSION_COOKIE).p;
	bool gateway = q->route->flags & ROUTE_GATEWAY;
	int r = E_UNAUTHORIZED;

	if (!token && !cookie && !gateway)
		return r;
	if (auth_identify_known(a->c.auth, token, &q->mem, &q->who))
		return 0;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(a->c.db);
	if (token)
		r = auth_identify(a->c.auth, c, NULL, token, &q->mem, &q->who, e);
	else if (cookie)
		r = identify_by_cookie(q, c, e);
	if (r == E_UNAUTHORIZED && gateway && !auth_is_api_key(token)) {
		/* Programs that need no key often send something in its place. */
		err_clear(e);
		r = auth_identify_open(a->c.auth, c, http_header(q->x, "Host"), &q->mem, &q->who, e);
		if (r == 0)
			r = check_open_page(q, e);
	}
	return r;
}

/* Whoever comes back with the session's cookie keeps cookies, and gets the one that tells a known device by. */
static void give_device(struct request *q)
{
	char token[AUTH_DEVICE_TOKEN_LEN + 1];

	if (!q->who.session_id || !q->who.by_cookie)
		return;
	if (auth_device_renew(q->api->c.auth, request_cookie(q, DEVICE_COOKIE), &q->who.user, token))
		request_set_cookie(q, DEVICE_COOKIE, token, COOKIE_SECONDS);
}

int request_identify(struct request *q)
{
	const char *token = token_of(q);
	struct err e = {0};
	int r;

	if (q->known)
		return check_scopes(q);
	r = identify(q, token, &e);
	if (r == 0) {
		q->known = true;
		give_device(q);
		return check_scopes(q);
	}
	if (r != E_UNAUTHORIZED || auth_is_api_key(token)) {
		q->err = e;
		return r;
	}
	if (auth_setup_needed(q->api->c.auth))
		return err_set(&q->err, E_SETUP_REQUIRED, "%s", err_info(E_SETUP_REQUIRED)->text);
	return err_set(&q->err, E_UNAUTHORIZED, "%s", e.code ? e.msg : "Sign in first.");
}

int request_no_memory(struct request *q)
{
	return err_set(&q->err, -ENOMEM, "the request's memory is used up");
}

int request_ids(struct request *q, const struct schema_list *words, const atelier_id **ret)
{
	const char *const *items = words->items;
	atelier_id *ids = ARENA_ARRAY(&q->mem, atelier_id, words->n + 1);

	if (!ids)
		return request_no_memory(q);
	for (size_t i = 0; i < words->n; i++)
		ASSERT(id_parse(items[i], strlen(items[i]), &ids[i])); /* the schema has seen to it */
	*ret = ids;
	return 0;
}
