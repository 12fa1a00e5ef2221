/* cli_talk.c - calls to a running server. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cli_talk.h"

#define API        "/api/v1"
#define ANSWER_MAX ((size_t)64 << 20)
#define PAUSE_MS   60000 /* a server that wants a longer one is not waited for */

bool talk_wait(const struct http_result *res)
{
	int64_t ms = res->retry_after_ms;

	if (res->status != 429 || ms < 0 || ms > PAUSE_MS)
		return false;
	ms = MAX(ms, 100);
	return nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL) == 0;
}

static int refusal(const char *word)
{
	static const int known[] = {E_CONFLICT, E_NOT_FOUND};

	for (size_t i = 0; i < N_ELEMENTS(known); i++)
		if (strcmp(err_info(known[i])->wire_code, word) == 0)
			return known[i];
	return E_INVALID;
}

int talk_refused(struct talk *t, const struct http_result *res)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	struct str text = buf_str(&res->error_body);
	const char *message = NULL, *code = "";

	if (res->status == 401)
		return err_set(&t->e, E_INVALID,
			"The server does not take the API key in ATELIER_SERVER_KEY: it may have ended or been taken "
			"back. "
			"Make another one (Settings, API keys).");
	if (json_parse(text.p, text.n, &body, NULL) == 0) {
		message = json_get_str(json_object_get(body, "error"), "message");
		code = json_get_str(json_object_get(body, "error"), "code");
	}
	return message ? err_set(&t->e, refusal(code ? code : ""), "%s", message)
		       : err_set(&t->e, E_INVALID, "%s answers with the status %d: that is no Atelier.",
				 t->cli->settings.server, res->status);
}

static const char *url_of(struct talk *t, const char *path)
{
	const char *server = t->cli->settings.server;
	size_t n = strlen(server);

	ASSERT(*path == '/');
	while (n > 0 && server[n - 1] == '/')
		n--;
	return arena_printf(&t->a, "%.*s" API "%s", (int)n, server, path);
}

struct http_call talk_call(
	struct talk *t, const char *method, const char *path, const char *const *headers, struct str body)
{
	const struct settings *s = &t->cli->settings;

	return (struct http_call){.method = method,
		.url = url_of(t, path),
		.headers = headers,
		.body = body,
		.connect_timeout_ms = s->connect_timeout_ms,
		.first_byte_timeout_ms = s->first_byte_timeout_s * 1000,
		.idle_timeout_ms = s->token_timeout_s * 1000};
}

int talk_fetch(struct talk *t, const char *method, const char *path, const char *type, struct str body, json_t **ret)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX);
	const char *headers[] = {t->authorization, arena_printf(&t->a, "Content-Type: %s", type), NULL};
	const struct http_call call = talk_call(t, method, path, headers, body);
	struct http_result res = {.status = 0};

	if (!headers[1] || !call.url)
		return err_set(&t->e, -ENOMEM, "no memory for a call");
	int r = http_client_fetch(t->engine.http, &call, &t->cancel, &answer, &res, &t->e);
	while (r == 0 && talk_wait(&res)) {
		buf_done(&res.error_body);
		r = http_client_fetch(t->engine.http, &call, &t->cancel, &answer, &res, &t->e);
	}
	if (r == 0 && (res.status < 200 || res.status > 299))
		r = talk_refused(t, &res);
	buf_done(&res.error_body);
	return r < 0 || !ret ? r : json_parse(buf_str(&answer).p, answer.n, ret, &t->e);
}

int talk_get(struct talk *t, const char *path, json_t **ret)
{
	return path ? talk_fetch(t, "GET", path, "application/json", (struct str){"", 0}, ret)
		    : err_set(&t->e, -ENOMEM, "no memory for a call");
}

int talk_start(struct talk *t, const struct cli *cli)
{
	*t = (struct talk){.cli = cli};
	arena_init(&t->a, (size_t)1 << 30);
	cancel_init(&t->cancel);
	if (!*cli->settings.server_key)
		return err_set(&t->e, E_INVALID,
			"Documents are the server's: make an API key that may act as you (Settings, API keys) and give "
			"it as "
			"ATELIER_SERVER_KEY.");
	t->authorization = arena_printf(&t->a, "Authorization: Bearer %s", cli->settings.server_key);
	return t->authorization ? engine_start(&t->engine, &(struct configure){.settings = &cli->settings}, &t->e)
				: err_set(&t->e, -ENOMEM, "no memory for a call");
}

int talk_end(struct talk *t, int r)
{
	engine_stop(&t->engine);
	/* Whoever reads no more of a pipe knows; what a full disk has not taken must be said. */
	errno = 0;
	bool written = fflush(stdout) == 0 && !ferror(stdout);
	if (r == 0 && !written && errno != EPIPE)
		r = err_set(&t->e, E_INVALID, "Standard output cannot be written.");
	int status = r < 0 ? report(&t->e) : written ? EXIT_SUCCESS : EXIT_FAILURE;
	cancel_done(&t->cancel);
	arena_done(&t->a);
	return status;
}
