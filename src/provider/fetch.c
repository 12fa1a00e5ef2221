/* fetch.c - requests outside of answers: lists and their details; and what a refusal means in words. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "provider/numbers.h"
#include "provider/run.h"
#include "sys/metrics.h"

#define WHOLE_MAX_BYTES (64u << 20) /* of an answer in one piece */

void wire_time(const char *text, int64_t *ret)
{
	struct tm t = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &t) : NULL;
	int64_t offset_s = 0;
	if (!rest)
		return;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	int h = 0, m = 0;
	char sign;
	if (sscanf(rest, "%c%2d:%2d", &sign, &h, &m) == 3 && (sign == '+' || sign == '-'))
		offset_s = (sign == '-' ? -1 : 1) * (h * 3600 + m * 60);
	int64_t s = (int64_t)timegm(&t) - offset_s;
	*ret = s > 0 ? s * 1000 : 0; /* the year 1 is how Go says "none" */
}

int provider_fetch_json(struct providers *ps, struct provider *p, const char *url, const char *post, int64_t timeout_ms,
	struct cancel *c, json_t **ret, int *ret_status, struct err *e)
{
	CLEANUP(buf_wipe) struct buf auth = BUF_INIT(2048);
	CLEANUP(buf_done) struct buf version = BUF_INIT(128), body = BUF_INIT(LIST_MAX_BYTES);
	const char *headers[5] = {"Accept: application/json"};
	size_t n = 1;
	struct http_result res = {0};
	if (*p->key) {
		buf_printf(&auth, "%s%s", p->key_header, p->key);
		headers[n++] = auth.p;
	}
	if (*p->version) {
		buf_printf(&version, "anthropic-version: %s", p->version);
		headers[n++] = version.p;
	}
	if (post)
		headers[n++] = "Content-Type: application/json";
	struct http_call call = {.method = post ? "POST" : "GET",
		.url = url,
		.headers = headers,
		.body = str_from(post),
		.proxy = p->proxy,
		.connect_timeout_ms = timeout_ms,
		.first_byte_timeout_ms = timeout_ms,
		.idle_timeout_ms = timeout_ms};
	int r = http_client_fetch(ps->http, &call, c, &body, &res, e);
	*ret_status = res.status;
	if (r >= 0 && res.status / 100 != 2)
		r = provider_status_error(p, NULL, &res, e);
	else if (r >= 0 && wire_parse(buf_str(&body).p, body.n, ret) < 0)
		r = err_set(e, E_PROVIDER, "%s answered, but not with JSON.", p->label);
	buf_done(&res.error_body);
	return r;
}

int provider_status_code(int status)
{
	switch (status) {
	case 400:
	case 422:
		return E_PROVIDER_REJECTED;
	case 402:
		return E_PROVIDER_QUOTA;
	case 413:
		return E_TOO_LARGE;
	case 408:
	case 504:
	case 524: /* of a proxy in front */
		return E_PROVIDER_TIMEOUT;
	case 429:
		return E_PROVIDER_LIMITED;
	case 503:
	case 529:
		return E_PROVIDER_BUSY;
	case 409:
	case 425:
	case 499:
		return E_PROVIDER;
	default:
		return status / 100 == 4 ? E_PROVIDER_REFUSED : E_PROVIDER;
	}
}

/* What a server says of its refusal. */
static void refusal_text(const struct provider *p, struct str body, char *ret, size_t size)
{
	char text[2048];

	wire_error_body(body.p, body.n, text, sizeof(text));
	wire_hide(text, p->key);
	snprintf(ret, size, "%.*s", (int)utf8_prefix(text, strlen(text), size - 1), text);
}

/* A word that programs go by; what is none is left out. */
static void copy_word(const json_t *error, const char *name, const char *key, char *ret, size_t size)
{
	const char *s = json_get_str(error, name);
	size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]/") : 0;

	if (n == 0 || n >= size || s[n] || (key && *key && strstr(s, key)))
		return;
	memcpy(ret, s, n + 1);
}

void provider_note_theirs(const json_t *root, const char *key, struct err *e)
{
	const json_t *error = json_object_get(root, "error");

	if (!e || e->code != 0)
		return;
	copy_word(error, "code", key, e->theirs.code, sizeof(e->theirs.code));
	copy_word(error, "param", key, e->theirs.param, sizeof(e->theirs.param));
}

int provider_status_error(const struct provider *p, const char *model, const struct http_result *res, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	char text[160];
	int status = res->status, code = provider_status_code(status),
	    meant = refusal_code(status, buf_str(&res->error_body), e);
	refusal_text(p, buf_str(&res->error_body), text, sizeof(text));
	const char *colon = *text ? ": " : ".";
	if (meant < 0)
		code = meant;
	if (code == E_PROVIDER_REJECTED && wire_parse(buf_str(&res->error_body).p, res->error_body.n, &root) == 0)
		provider_note_theirs(root, p->key, e);
	if (meant == E_PROVIDER_QUOTA)
		return err_set(e, meant, "%s says that the account is used up (%d)%s%s", p->label, status, colon, text);
	switch (status) {
	case 401:
	case 403:
		return err_set(e, code, "%s refused the call (%d%s)%s%s", p->label, status,
			*p->key ? ", check the key" : ", a key may be needed", colon, text);
	case 404:
		if (model && p->dialect == &ollama_dialect)
			return err_set(e, E_MODEL_UNKNOWN, "%s does not have this model: %s. Try: ollama pull %.60s",
				p->label, *text ? text : "not found", model);
		if (model && strstr(text, "model"))
			return err_set(e, E_MODEL_UNKNOWN, "%s does not have this model%s%s", p->label, colon, text);
		return err_set(e, code, "%s has nothing at this address (404)%s%s", p->label, colon, text);
	case 429:
		return err_set(e, code, "%s takes no more requests now (429)%s%s", p->label, colon, text);
	case 502:
	case 503:
	case 529:
		return err_set(e, code, "%s is busy or starting (%d)%s%s", p->label, status, colon, text);
	default:
		return err_set(e, code, "%s answered with status %d%s%s", p->label, status, colon, text);
	}
}

/* ---- calls whose answer comes in one piece ---- */

int run_fetch(struct run *run, struct gen_call *call, json_t **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(WHOLE_MAX_BYTES);
	struct run_limits limits = run_limits_of(run->ps, run->t->p);
	int64_t start = clock_mono_ms();
	int r = buf_check(&call->url, e, "The address is too long.");
	if (r == 0)
		r = buf_check(&call->body, e, "The texts are too large to send.");
	if (r < 0)
		return r;
	struct http_call http = {.method = "POST",
		.url = call->url.p,
		.headers = call->headers,
		.body = buf_str(&call->body),
		.proxy = run->t->p->proxy,
		.connect_timeout_ms = limits.connect_ms,
		.first_byte_timeout_ms = limits.first_byte_ms,
		.idle_timeout_ms = limits.token_ms,
		.total_timeout_ms = run->patience_ms};
	metric_add(M_provider_calls_total, 1);
	r = http_client_fetch(run->ps->http, &http, run->cancel, &body, &run->res, e);
	run->try_ms = clock_mono_ms() - start;
	if (r == E_TOO_LARGE)
		return err_set(e, E_PROVIDER_BROKEN, "%s sent too long an answer.", run->t->p->label);
	if (r < 0)
		return r;
	if (run->res.status / 100 != 2)
		return provider_status_error(run->t->p, run->t->name, &run->res, e);
	if (run->numbers)
		numbers_lift(&body, run->numbers);
	if (wire_parse(buf_str(&body).p, body.n, ret) < 0)
		return err_set(e, E_PROVIDER_BROKEN, "%s sent an answer that is not JSON.", run->t->p->label);
	return 0;
}
