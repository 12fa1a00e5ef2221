/* request.c - what handlers ask of their request. */
#include "api/request.h"

#include <errno.h>
#include <strings.h>

static const struct param *param_of(const struct request *q, const char *name)
{
	for (size_t i = 0; i < q->route->n_params; i++) {
		if (strcmp(q->route->params[i].name, name) == 0)
			return &q->route->params[i];
	}
	abort(); /* a handler asks for what its route does not have */
}

int request_i64(struct request *q, const char *name, int64_t *ret)
{
	const struct param *p = param_of(q, name);
	const char *text = http_query(q->x, name);
	char *end;

	if (!text) {
		*ret = p->otherwise;
		return 0;
	}
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (*end || end == text || errno || strchr(" \t\n\v\f\r+", *text) || v < p->min || v > p->max)
		return err_set(&q->err, E_INVALID, "\"%s\" must be a whole number from %lld to %lld.", name,
			(long long)p->min, (long long)p->max);
	*ret = v;
	return 0;
}

int request_bool(struct request *q, const char *name, bool *ret)
{
	const struct param *p = param_of(q, name);
	const char *text = http_query(q->x, name);

	if (!text)
		*ret = p->otherwise != 0;
	else if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		*ret = true;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		*ret = false;
	else
		return err_set(&q->err, E_INVALID, "\"%s\" must be true or false.", name);
	return 0;
}

int request_id(struct request *q, const char *name, atelier_id *ret)
{
	const char *text = http_query(q->x, name);

	(void)param_of(q, name);
	*ret = 0;
	if (text && *text && !id_parse(text, strlen(text), ret))
		return err_set(&q->err, E_INVALID, "\"%s\" must be an identifier of %d characters.", name, ID_LEN);
	return 0;
}

const char *request_address(struct request *q)
{
	const char *list = q->api->c.settings->trust_proxy ? http_header(q->x, "X-Forwarded-For") : NULL;
	const char *peer = http_peer(q->x);

	if (list && *list) {
		const char *comma = strrchr(list, ',');
		const char *last = comma ? comma + 1 : list;
		size_t n;

		last += strspn(last, " \t");
		n = strcspn(last, " \t");
		if (n > 0 && n <= 64) {
			const char *copy = arena_strndup(&q->mem, last, n);
			return copy ? copy : peer;
		}
	}
	return peer;
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

int request_identify(struct request *q)
{
	struct api *a = q->api;
	struct str cookie = cookie_find(http_header(q->x, "Cookie"), SESSION_COOKIE);
	const char *bearer = bearer_of(q);
	struct err e = {0};

	if (q->known)
		return 0;
	if (bearer || cookie.p) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(a->c.db);
		int r = auth_identify(a->c.auth, c, cookie.p ? arena_strndup(&q->mem, cookie.p, cookie.n) : NULL,
			bearer, &q->mem, &q->who, &e);
		if (r == 0) {
			q->known = true;
			return 0;
		}
		if (r != E_UNAUTHORIZED) {
			q->err = e;
			return r;
		}
	}
	if (auth_setup_needed(a->c.auth))
		return err_set(&q->err, E_SETUP_REQUIRED, "%s", err_info(E_SETUP_REQUIRED)->text);
	return err_set(&q->err, E_UNAUTHORIZED, "Sign in first.");
}

int request_no_memory(struct request *q)
{
	return err_set(&q->err, -ENOMEM, "the request's memory is used up");
}
