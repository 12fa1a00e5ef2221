/*
 * cli_server.c - what the command line names is looked up by the API of the server, as any client would: no way into a server but
 * the one that everybody has. The answer's events are those that a browser gets, and are passed on as a provider's would be, so
 * that the command line prints both alike.
 */
#include "cli_server.h"

#include <errno.h>
#include <sodium.h>

#include "base/fold.h"
#include "base/json.h"
#include "store/grants.h"
#include "sys/loop.h"

#define API        "/api/v1"
#define ANSWER_MAX ((size_t)64 << 20)
#define BODY_MAX   ((size_t)256 << 20)

struct asking {
	struct http_client *http;
	const struct cli *cli;
	const struct gen_request *q;
	struct cancel *cancel;
	struct arena *a;
	struct err *e;
	const char *authorization;
	char assistant[ID_LEN + 1]; /* "": none */

	/* of the answer; on the loop's thread until it has ended */
	struct gen_sink *out;
	struct buf frames;
	char turn[ID_LEN + 1]; /* "": nothing is kept */
	bool complete;
	struct err failed;
};

/* ---- calls ---- */

static int no_memory(struct asking *s)
{
	return err_set(s->e, -ENOMEM, "no memory for a question");
}

static int tell_refused(struct asking *s, const struct http_result *res)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	struct str text = buf_str(&res->error_body);
	const char *message = NULL;

	if (json_parse(text.p, text.n, &body, NULL) == 0)
		message = json_get_str(json_object_get(body, "error"), "message");
	if (message)
		return err_set(s->e, E_INVALID, "The server says: %s", message);
	return err_set(s->e, E_INVALID, "%s answers with the status %d: that is no Atelier.", s->cli->settings.server,
		res->status);
}

static struct http_call call_of(struct asking *s, const char *method, const char *path, const char *const *headers)
{
	const struct settings *set = &s->cli->settings;
	size_t n = strlen(set->server);

	while (n > 0 && set->server[n - 1] == '/')
		n--;
	return (struct http_call){.method = method,
		.url = arena_printf(s->a, "%.*s" API "%s", (int)n, set->server, path),
		.headers = headers,
		.connect_timeout_ms = set->connect_timeout_ms,
		.first_byte_timeout_ms = set->first_byte_timeout_s * 1000,
		.idle_timeout_ms = set->token_timeout_s * 1000};
}

/* A call whose answer is JSON; *ret may be NULL. */
static int fetch(struct asking *s, const char *method, const char *path, const char *type, struct str body,
	struct cancel *cancel, json_t **ret)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX);
	const char *headers[] = {s->authorization, arena_printf(s->a, "Content-Type: %s", type), NULL};
	struct http_call call = call_of(s, method, path, headers);
	struct http_result res = {.status = 0};

	if (!headers[1] || !call.url)
		return no_memory(s);
	call.body = body;
	int r = http_client_fetch(s->http, &call, cancel, &answer, &res, s->e);
	if (r == 0 && (res.status < 200 || res.status > 299))
		r = tell_refused(s, &res);
	buf_done(&res.error_body);
	return r < 0 || !ret ? r : json_parse(buf_str(&answer).p, answer.n, ret, s->e);
}

/* ---- what is asked ---- */

/* The person's own before others'. */
static int find_assistant(struct asking *s)
{
	CLEANUP(json_decrefp) json_t *all = NULL;
	const char *want = s->cli->assistant;
	const json_t *item;
	bool own = false;
	size_t i;
	int r = fetch(s, "GET", "/assistants", "application/json", STR(""), s->cancel, &all);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(all, "items"), i, item)
	{
		const char *id = json_get_str(item, "id"), *name = json_get_str(item, "name");
		const char *may = json_get_str(item, "may");

		if (own || !id || !name || !may || strcmp(may, grant_verb_name(GRANT_READ)) == 0 ||
			(!fold_same(name, want) && strcmp(id, want) != 0))
			continue;
		own = strcmp(may, "own") == 0;
		snprintf(s->assistant, sizeof(s->assistant), "%s", id);
	}
	return s->assistant[0] ? 0 : err_set(s->e, E_NOT_FOUND, "There is no assistant %s that you may use.", want);
}

static void add_parameters(struct asking *s, struct buf *b)
{
	if (s->q->format == FORMAT_SCHEMA)
		buf_printf(b, ",\"parameters\":{\"format\":\"schema\",\"schema\":%s}", s->q->schema);
	if (s->cli->model) {
		buf_add_str(b, ",\"model\":");
		json_add_cstr(b, s->cli->model);
	}
	if (s->assistant[0])
		buf_printf(b, ",\"assistant_id\":\"%s\"", s->assistant);
	buf_add_char(b, '}');
}

/* A picture becomes the person's, to be named by its id. */
static int send_image(struct asking *s, const struct gen_image *image, struct buf *b)
{
	CLEANUP(json_decrefp) json_t *made = NULL;
	size_t n = strlen(image->data);
	unsigned char *bytes = arena_alloc(s->a, n + 1);

	if (!bytes || sodium_base642bin(bytes, n, image->data, n, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return no_memory(s);
	int r = fetch(s, "POST", "/images", image->media_type, (struct str){(const char *)bytes, n}, s->cancel, &made);
	if (r == 0)
		json_add_cstr(b, json_get_str(made, "id"));
	return r;
}

static int add_turn(struct asking *s, struct buf *b)
{
	const struct gen_message *m = s->q->messages;
	int r = 0;

	buf_add_str(b, "{\"content\":");
	json_add_cstr(b, m->content);
	buf_add_str(b, ",\"attachments\":[");
	for (size_t i = 0; r == 0 && i < m->n_images; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		r = send_image(s, &m->images[i], b);
	}
	buf_add_char(b, ']');
	add_parameters(s, b);
	return r;
}

static void add_generate(struct asking *s, struct buf *b)
{
	const struct gen_message *m = s->q->messages;

	buf_add_str(b, "{\"messages\":[{\"role\":\"user\",\"content\":");
	json_add_cstr(b, m->content);
	buf_add_str(b, ",\"images\":[");
	for (size_t i = 0; i < m->n_images; i++)
		buf_printf(b, "%s{\"data\":\"%s\"}", i ? "," : "", m->images[i].data);
	buf_add_str(b, "]}]");
	add_parameters(s, b);
}

/* ---- the answer ---- */

static int take_event(struct asking *s, int type, struct str json)
{
	CLEANUP(json_decrefp) json_t *data = NULL;
	const char *text;
	int r = type < 0 ? 0 : s->out->event(s->out, true, (enum event_type)type, json.p, json.n);

	if (r < 0 || (type != EV_START && type != EV_ERROR && type != EV_DONE))
		return r;
	if ((r = json_parse(json.p, json.n, &data, &s->failed)) < 0)
		return r;
	if (type == EV_START && (text = json_get_str(data, "turn_id")))
		snprintf(s->turn, sizeof(s->turn), "%s", text);
	if (type == EV_ERROR && (text = json_get_str(data, "message")))
		err_set(&s->failed, E_PROVIDER, "%s", text);
	if (type == EV_DONE && (text = json_get_str(data, "state")))
		s->complete = strcmp(text, "complete") == 0;
	return 0;
}

/* Between the frames stand comments, which are a line without an empty one behind it. */
static int take_bytes(void *arg, const char *p, size_t n)
{
	struct asking *s = arg;
	struct event_frame f;
	int r;

	buf_add(&s->frames, p, n);
	if ((r = buf_status(&s->frames)) < 0)
		return r;
	for (;;) {
		size_t at = 0;

		while (s->frames.n > 0 && (s->frames.p[0] == ':' || s->frames.p[0] == '\n')) {
			const char *end = memchr(s->frames.p, '\n', s->frames.n);
			if (!end)
				return 0;
			buf_consume(&s->frames, (size_t)(end - s->frames.p) + 1);
		}
		if ((r = event_next_frame(buf_str(&s->frames), &at, &f)) <= 0)
			return r;
		ASSERT(at > 0 && at <= s->frames.n); /* else the same frame would come for ever */
		if ((r = take_event(s, f.type, f.json)) < 0)
			return r;
		buf_consume(&s->frames, at);
	}
}

/* Who presses Ctrl+C means the answer, not only what is seen of it. */
static void stop_turn(struct asking *s)
{
	struct cancel none;
	struct err ignored = {0};
	struct err *e = s->e;
	const char *path = arena_printf(s->a, "/turns/%s/cancel", s->turn);

	if (!s->turn[0] || !path)
		return;
	cancel_init(&none);
	s->e = &ignored;
	(void)fetch(s, "POST", path, "application/json", STR("{}"), &none, NULL);
	s->e = e;
	cancel_done(&none);
}

static int stream(struct asking *s, const char *path, struct str body)
{
	const char *headers[] = {s->authorization, "Content-Type: application/json", "Accept: text/event-stream", NULL};
	struct http_call call = call_of(s, "POST", path, headers);
	struct http_result res = {.status = 0};

	if (!call.url)
		return no_memory(s);
	call.body = body;
	call.on_data = take_bytes;
	call.arg = s;
	int r = http_client_run(s->http, &call, s->cancel, &res, s->e);
	if (r == 0 && (res.status < 200 || res.status > 299))
		r = tell_refused(s, &res);
	else if (r == 0 && !s->complete)
		r = err_set(s->e, E_PROVIDER, "%s", s->failed.msg[0] ? s->failed.msg : "The answer is not complete.");
	buf_done(&res.error_body);
	if (cancel_reason(s->cancel) || r == -EPIPE)
		stop_turn(s);
	return r;
}

static int ask(struct asking *s)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(BODY_MAX);
	const char *path = "/chat/generate", *id = s->cli->conversation;
	int r = s->cli->assistant ? find_assistant(s) : 0;
	atelier_id checked;

	if (r < 0)
		return r;
	if (id && !id_parse(id, strlen(id), &checked))
		return err_set(
			s->e, E_INVALID, "%s is no id of a conversation: it stands at the end of its address.", id);
	if (id)
		path = arena_printf(s->a, "/conversations/%s/turns", id);
	if (!path)
		return no_memory(s);
	if (id)
		r = add_turn(s, &body);
	else
		add_generate(s, &body);
	if (r == 0)
		r = buf_check(&body, s->e, "The question is too long.");
	return r < 0 ? r : stream(s, path, buf_str(&body));
}

int server_ask(struct http_client *http, const struct cli *cli, const struct gen_request *q, struct gen_sink *out,
	struct cancel *cancel, struct arena *a, struct err *e)
{
	struct asking s = {.http = http,
		.cli = cli,
		.q = q,
		.cancel = cancel,
		.a = a,
		.e = e,
		.out = out,
		.frames = BUF_INIT(ANSWER_MAX)};

	ASSERT(q->n_messages == 1 && thread_may_wait());
	if (!*cli->settings.server_key)
		return err_set(e, E_INVALID,
			"Assistants and conversations are the server's: make an API key that may act as you (Settings, "
			"API keys) and give it as ATELIER_SERVER_KEY.");
	s.authorization = arena_printf(a, "Authorization: Bearer %s", cli->settings.server_key);
	int r = s.authorization ? ask(&s) : no_memory(&s);
	buf_done(&s.frames);
	return r;
}
