/* manage.c - looking after the models of an Ollama: pull, show, delete, copy, load, unload. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "provider/provider_priv.h"

#define MANAGE_TIMEOUT_MS ((int64_t)60 * 1000)      /* a copy or delete of large files */
#define PULL_IDLE_MS      ((int64_t)30 * 60 * 1000) /* nothing is said while the sum of a large file is made */
#define PULL_LINE_MAX     (64u << 10)               /* a line is parsed on the loop */
#define REFRESH_MS        2000                      /* waiting for the lists afterwards */

/* ---- which provider ---- */

static int check_ollama(const struct provider *p, struct err *e)
{
	if (p->dialect != &ollama_dialect)
		return err_set(e, E_MODEL_CANNOT, "%s is no Ollama: its models are looked after elsewhere.", p->name);
	if (!p->enabled)
		return err_set(e, E_CONFLICT, "The provider %s is switched off.", p->name);
	return 0;
}

static int find_provider(struct providers *ps, const char *name, struct provider **ret, struct err *e)
{
	struct provider *p = NULL;
	int r;

	pthread_mutex_lock(&ps->mx);
	for (size_t i = 0; i < ps->n && !p; i++) {
		if (strcasecmp(ps->all[i]->name, name) == 0)
			p = provider_ref(ps->all[i]);
	}
	pthread_mutex_unlock(&ps->mx);
	if (!p)
		return err_set(e, E_NOT_FOUND, "There is no provider named %.64s.", name);
	r = check_ollama(p, e);
	if (r < 0)
		provider_unref(p);
	else
		*ret = p;
	return r;
}

struct managed {
	struct provider *p; /* a reference */
	const char *name;   /* of the model there */
	bool only_embeds;
};

/* The place of a model of the catalogue. */
static int find_model(
	struct providers *ps, enum manage_op op, const char *id, struct arena *a, struct managed *ret, struct err *e)
{
	struct model m;
	struct plan plan;
	const char *known;
	int r = providers_resolve(ps, id, a, &known, e); /* waits for the first refresh after a start */

	if (r < 0 || (r = providers_model(ps, known, a, &m, e)) < 0)
		return r;
	if (m.alias_of && (op == MANAGE_DELETE || op == MANAGE_COPY))
		return err_set(e, E_INVALID, "%.80s is another name for %.80s: name that one.", id, m.alias_of);
	r = catalogue_plan(ps, known, 0, a, &plan, e);
	if (r < 0)
		return r;
	r = check_ollama(plan.targets[0].p, e);
	if (r == 0)
		*ret = (struct managed){.p = provider_ref(plan.targets[0].p),
			.name = plan.targets[0].name,
			.only_embeds = model_only_embeds(&plan.targets[0].model)};
	plan_done(&plan);
	return r;
}

/* ---- one request ---- */

struct request {
	const char *method, *path, *model; /* model: for sentences */
	struct buf body;
	int64_t first_byte_ms, idle_ms;
	int (*on_data)(void *arg, const char *p, size_t n);
	void *arg;
};

/* As http_client_run; another status than 2xx is a failure with a sentence. */
static int run(struct providers *ps, struct provider *p, const struct request *q, struct cancel *cancel, struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(2048);
	CLEANUP(buf_wipe) struct buf auth = BUF_INIT(2048);
	const char *headers[4] = {"Content-Type: application/json"};
	struct http_result res = {0};
	int r;

	buf_printf(&url, "%s%s", p->base, q->path);
	if (*p->key) {
		buf_printf(&auth, "%s%s", p->key_header, p->key);
		headers[1] = buf_str(&auth).p;
	}
	r = buf_status(&q->body);
	if (r < 0)
		return err_set(e, r, "The names are too long.");
	struct http_call call = {.method = q->method,
		.url = buf_str(&url).p,
		.headers = headers,
		.body = buf_str(&q->body),
		.proxy = p->proxy,
		.connect_timeout_ms = p->connect_timeout_ms ? p->connect_timeout_ms : ps->settings->connect_timeout_ms,
		.first_byte_timeout_ms = q->first_byte_ms,
		.idle_timeout_ms = q->idle_ms,
		.on_data = q->on_data,
		.arg = q->arg};
	r = http_client_run(ps->http, &call, cancel, &res, e);
	if (r >= 0 && res.status / 100 != 2)
		r = provider_status_error(p, q->model, &res, e);
	buf_done(&res.error_body);
	return r;
}

static int64_t loading_ms(const struct providers *ps, const struct provider *p)
{
	return p->first_byte_timeout_ms ? p->first_byte_timeout_ms : ps->settings->first_byte_timeout_s * 1000;
}

static int canceled(struct cancel *c, struct err *e)
{
	int reason = cancel_reason(c);

	err_clear(e);
	err_set(e, reason ? reason : E_CANCELED, "%s", err_info(reason ? reason : E_CANCELED)->text);
	return -ECANCELED;
}

/* ---- pull ---- */

struct pull {
	struct lines lines;
	int (*progress)(void *arg, const char *json, size_t n);
	void *arg;
	bool success;
	char error[600]; /* what Ollama reported */
};

static int pull_line(struct pull *x, const char *p, size_t n)
{
	CLEANUP(json_decrefp) json_t *line = NULL;
	const char *status;

	if (n == 0)
		return 0;
	if (wire_parse(p, n, &line) < 0 || !json_is_object(line))
		return E_PROVIDER_BROKEN;
	if (json_object_get(line, "error")) {
		wire_error_text(line, x->error, sizeof(x->error));
		if (!*x->error)
			strcpy(x->error, "no reason was given");
		return E_PROVIDER;
	}
	status = json_get_str(line, "status");
	x->success = status && strcmp(status, "success") == 0;
	return x->progress ? x->progress(x->arg, p, n) : 0;
}

static int pull_data(void *arg, const char *p, size_t n)
{
	struct pull *x = arg;
	struct piece in = lines_piece(&x->lines, p, n);
	struct str line;
	int r = 0;

	while (r >= 0 && (r = lines_next(&x->lines, &in, &line)) > 0)
		r = pull_line(x, line.p, line.n);
	return r;
}

/* A last line without its end; on the loop, like all of them. */
static int pull_finish(void *arg)
{
	struct pull *x = arg;
	struct str line;

	return lines_last(&x->lines, &line) ? pull_line(x, line.p, line.n) : 0;
}

/* What Ollama reports has the address that it asked and the file that it wrote: what it means stands here. */
static const char *cause_of(const char *report)
{
	static const char *const causes[][2] = {
		{"no space left", "the disk there is full: no space left"},
		{"not enough space", "the disk there is full: not enough space"},
		{"disk quota exceeded", "the disk there is full: its quota is used up"},
		{"read-only file system", "its folder of models cannot be written to: a read-only file system"},
		{"permission denied", "it may not write to its folder of models: permission denied"},
		{"no such host", "it has no connection to its registry: the name cannot be looked up"},
		{"server misbehaving", "it has no connection to its registry: the name cannot be looked up"},
		{"temporary failure in name resolution",
			"it has no connection to its registry: the name cannot be looked up"},
		{"connection refused", "it has no connection to its registry: the connection is refused"},
		{"connection reset", "it lost the connection to its registry"},
		{"unreachable", "it has no connection to its registry: the network cannot be reached"},
		{"no route to host", "it has no connection to its registry: the network cannot be reached"},
		{"i/o timeout", "it has no connection to its registry: it does not answer"},
		{"handshake timeout", "it has no connection to its registry: it does not answer"},
		{"deadline exceeded", "it has no connection to its registry: it does not answer"},
		{"x509:", "it does not trust the certificate of its registry"},
		{"proxyconnect", "it has no connection to its registry: its proxy does not take it there"},
		{"max retries exceeded", "it lost the connection to its registry again and again"},
		{"unexpected eof", "it lost the connection to its registry"},
		{"file does not exist", "there is no such model: file does not exist"},
		{"manifest unknown", "there is no such model"},
		{"repository not found", "there is no such model"},
		{"invalid model name", "there can be no model of this name: invalid model name"},
		{"newer version of ollama", "the model requires a newer version of Ollama"},
		{"unauthorized", "the registry wants somebody who is signed in there"},
		{"digest mismatch", "what it fetched was damaged on its way; try again"},
		{"too many requests", "the registry takes no more requests now; try again later"},
	};

	for (size_t i = 0; i < N_ELEMENTS(causes); i++) {
		if (strcasestr(report, causes[i][0]))
			return causes[i][1];
	}
	return NULL;
}

/* Of a report of another kind the last words, behind addresses, which Go puts in quotes: Get "https://...": what it was. */
static const char *last_words(const char *report)
{
	const char *at = report, *quote = report;

	while ((quote = strstr(quote, "\": ")))
		at = quote += 3;
	size_t n = strlen(at);
	const char *space = n > 150 ? strchr(at + n - 150, ' ') : NULL;

	return space ? space + 1 : at;
}

/* The sentence of a pull that Ollama itself gave up; `answered` has the words of a status, `x` of a line. */
static int pull_refused(
	const struct provider *p, const char *model, struct pull *x, const struct err *answered, struct err *e)
{
	wire_hide(x->error, p->key);
	const char *report = *x->error ? x->error : answered->msg, *cause = cause_of(report);

	if (!cause && !*x->error && answered->code == E_MODEL_UNKNOWN)
		cause = "there is no such model";
	if (!cause && !*x->error)
		return err_set(e, answered->code, "%s", answered->msg);
	if (!cause)
		cause = last_words(report);
	return err_set(e, *x->error ? E_PROVIDER : answered->code, "%s could not pull %.60s: %s%s", p->label, model,
		cause, wire_full_stop(cause));
}

static int pull_run(struct providers *ps, struct provider *p, const char *model, struct pull *x, struct cancel *cancel,
	struct err *e)
{
	struct request q = {.method = "POST",
		.path = "/api/pull",
		.body = BUF_INIT(4096),
		.first_byte_ms = loading_ms(ps, p),
		.idle_ms = PULL_IDLE_MS,
		.on_data = pull_data,
		.arg = x};
	struct err why = {0};
	int r;

	buf_add_str(&q.body, "{\"stream\":true,\"model\":");
	json_add_cstr(&q.body, model);
	buf_add_char(&q.body, '}');
	r = run(ps, p, &q, cancel, &why);
	buf_done(&q.body);
	if (r == 0 && loop_call(ps->loop, pull_finish, x) < 0)
		r = E_PROVIDER_BROKEN;
	if (r == -ECANCELED && cancel_reason(cancel))
		return canceled(cancel, e);
	if (*x->error || why.code == E_PROVIDER || why.code == E_PROVIDER_REJECTED || why.code == E_MODEL_UNKNOWN)
		return pull_refused(p, model, x, &why, e);
	if (x->success)
		return 0; /* however the connection ended */
	if (r < 0 && why.code)
		return err_set(e, r, "%s", why.msg);
	return err_set(e, E_PROVIDER_BROKEN, "%s ended the pull of %.100s before it was done.", p->label, model);
}

int provider_pull(struct providers *ps, const char *provider, const char *model,
	int (*progress)(void *arg, const char *json, size_t n), void *arg, struct cancel *cancel, struct err *e)
{
	struct pull x = {.lines = {.part = BUF_INIT(PULL_LINE_MAX)}, .progress = progress, .arg = arg};
	struct provider *p = NULL;
	int r = find_provider(ps, provider, &p, e);

	if (!p)
		return r;
	r = pull_run(ps, p, model, &x, cancel, e);
	lines_done(&x.lines);
	provider_unref(p);
	if (r == 0)
		(void)providers_refresh(ps, REFRESH_MS);
	return r;
}

/* ---- the rest ---- */

static void add_member(struct buf *b, const char *key, const char *value)
{
	buf_add_str(b, b->n ? ",\"" : "{\"");
	buf_add_str(b, key);
	buf_add_str(b, "\":");
	json_add_cstr(b, value);
}

/* A bare number means seconds to Ollama only when it is no string. */
static void add_keep_alive(struct buf *b, const char *text)
{
	bool number = text[strspn(text, "-0123456789")] == '\0' && *text && strcmp(text, "-") != 0;

	if (!number) {
		add_member(b, "keep_alive", text);
		return;
	}
	buf_add_str(b, ",\"keep_alive\":");
	buf_printf(b, "%lld", strtoll(text, NULL, 10));
}

static void fill(enum manage_op op, const struct managed *at, const char *argument, struct request *q)
{
	static const char *const paths[] = {[MANAGE_SHOW] = "/api/show",
		[MANAGE_DELETE] = "/api/delete",
		[MANAGE_COPY] = "/api/copy",
		[MANAGE_LOAD] = "/api/generate",
		[MANAGE_UNLOAD] = "/api/generate"};

	q->method = op == MANAGE_DELETE ? "DELETE" : "POST";
	q->path = paths[op];
	q->model = at->name;
	add_member(&q->body, op == MANAGE_COPY ? "source" : "model", at->name);
	if (op == MANAGE_COPY)
		add_member(&q->body, "destination", argument);
	if (op == MANAGE_LOAD && at->only_embeds) {
		q->path = "/api/embed";
		add_member(&q->body, "input", "");
	}
	if (op == MANAGE_LOAD && argument)
		add_keep_alive(&q->body, argument);
	if (op == MANAGE_LOAD || op == MANAGE_UNLOAD)
		buf_add_str(&q->body, ",\"stream\":false");
	if (op == MANAGE_UNLOAD)
		buf_add_str(&q->body, ",\"keep_alive\":0");
	buf_add_char(&q->body, '}');
}

static int manage(struct providers *ps, enum manage_op op, const struct managed *at, const char *argument,
	struct cancel *cancel, struct arena *a, const char **ret_json, struct err *e)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(LIST_MAX_BYTES);
	bool loads = op == MANAGE_LOAD;
	struct request q = {.body = BUF_INIT(4096),
		.first_byte_ms = loads ? loading_ms(ps, at->p) : MANAGE_TIMEOUT_MS,
		.idle_ms = MANAGE_TIMEOUT_MS,
		.on_data = buf_take_piece,
		.arg = &answer};
	int r;

	fill(op, at, argument, &q);
	if (loads)
		catalogue_note_waiting(ps, at->p, at->name, 1);
	r = run(ps, at->p, &q, cancel, e);
	if (loads)
		catalogue_note_waiting(ps, at->p, at->name, -1);
	buf_done(&q.body);
	if (r == -ECANCELED && cancel_reason(cancel))
		return canceled(cancel, e);
	if (r < 0 || op != MANAGE_SHOW || !ret_json)
		return r;
	*ret_json = arena_strndup(a, buf_str(&answer).p, answer.n);
	return *ret_json ? 0 : err_set(e, -ENOMEM, "What %s tells of the model does not fit.", at->p->label);
}

int provider_manage(struct providers *ps, enum manage_op op, const char *provider, const char *model,
	const char *argument, struct cancel *cancel, struct arena *a, const char **ret_json, struct err *e)
{
	struct managed at = {.name = model};
	int r = provider ? find_provider(ps, provider, &at.p, e) : find_model(ps, op, model, a, &at, e);

	if (!at.p)
		return r;
	r = manage(ps, op, &at, argument, cancel, a, ret_json, e);
	provider_unref(at.p);
	if (r == 0 && op != MANAGE_SHOW)
		(void)providers_refresh(ps, REFRESH_MS);
	return r;
}

/* ---- names ---- */

const char *model_with_tag(const char *model, struct arena *a)
{
	const char *slash = strrchr(model, '/');

	return strchr(slash ? slash : model, ':') ? model : arena_printf(a, "%s:latest", model);
}

/* "registry.ollama.ai/library/x" is "x" to an Ollama, as is "library/x". */
static const char *without_defaults(const char *name)
{
	static const char *const before[] = {"https://", "http://", "registry.ollama.ai/", "library/"};

	for (size_t i = 0; i < N_ELEMENTS(before); i++) {
		if (strncasecmp(name, before[i], strlen(before[i])) == 0)
			name += strlen(before[i]);
	}
	return name;
}

/* Whether no other model at the provider of this one has the name. */
static int check_free(struct providers *ps, const char *model, const char *name, struct arena *a, struct err *e)
{
	struct catalogue all;
	struct model source;
	const char *tagged = model_with_tag(name, a);
	int r;

	(void)providers_refresh(ps, REFRESH_MS); /* pulls and copies are made elsewhere too */
	if ((r = providers_model(ps, model, a, &source, e)) < 0 || (r = providers_catalogue(ps, a, &all, e)) < 0)
		return r;
	for (size_t i = 0; i < all.n_models && tagged; i++) {
		const struct model *m = &all.models[i];
		const char *its = model_with_tag(m->provider_model, a);
		if (its && !m->alias_of && strcmp(m->provider, source.provider) == 0 &&
			strcasecmp(without_defaults(its), without_defaults(tagged)) == 0)
			return err_set(e, E_CONFLICT,
				"There is a model named %.120s already. Choose another name, or say that it may be "
				"replaced (\"overwrite\": true).",
				tagged);
	}
	return tagged ? 0 : err_set(e, -ENOMEM, "no memory for a name");
}

int provider_copy(struct providers *ps, const char *model, const char *name, bool overwrite, struct cancel *cancel,
	struct arena *a, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/";
	int r;

	if (!isalnum((unsigned char)*name) || name[strspn(name, allowed)])
		return err_set(e, E_INVALID, "\"%.120s\" is no name of a model, as llama3.2:3b is.", name);
	r = overwrite ? 0 : check_free(ps, model, name, a, e);
	return r < 0 ? r : provider_manage(ps, MANAGE_COPY, NULL, model, name, cancel, a, NULL, e);
}

/* ---- details ---- */

static bool copy_member(const json_t *root, const char *key, struct arena *a, const char **ret)
{
	const char *text = json_get_str(root, key);

	*ret = text && *text ? arena_strdup(a, text) : NULL;
	return *ret || !text || !*text;
}

int provider_model_details(struct providers *ps, const char *model, struct cancel *cancel, struct arena *a,
	struct model_details *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	CLEANUP(buf_done) struct buf info = BUF_INIT(LIST_MAX_BYTES);
	struct model_details d;
	const json_t *about;
	const char *text = "";
	int r = provider_manage(ps, MANAGE_SHOW, NULL, model, NULL, cancel, a, &text, e);

	if (r < 0)
		return r;
	if (wire_parse(text, strlen(text), &root) < 0)
		return err_set(e, E_PROVIDER, "The provider answered, but not with JSON.");
	about = json_object_get(root, "model_info");
	if (json_is_object(about))
		json_add_value(&info, about);
	else
		buf_add_str(&info, "{}");
	d.info = arena_strndup(a, buf_str(&info).p, info.n);
	if (!d.info || !copy_member(root, "parameters", a, &d.parameters) ||
		!copy_member(root, "template", a, &d.template) || !copy_member(root, "system", a, &d.system) ||
		!copy_member(root, "license", a, &d.license) || !copy_member(root, "modelfile", a, &d.modelfile))
		return err_set(e, -ENOMEM, "What the provider tells of the model does not fit.");
	*ret = d;
	return 0;
}
