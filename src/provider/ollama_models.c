/*
 * ollama_models.c - the models that an Ollama has: /api/tags, what is loaded by /api/ps, and what a model can do by
 * /api/show where the list does not say it (before 2026), or not all. What was shown is remembered by the model's digest.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "provider/catalogue_priv.h"
#include "sys/thread.h"

#define SHOWN_AT_ONCE 4
#define SHARED_SLACK  (16LL << 20)                /* templates, parameters and licences, beside one file of weights */
#define FOR_GOOD_MS   (10LL * 365 * 86400 * 1000) /* "for good" is told as a time far away */

static const char *const *copy_words(struct arena *a, const json_t *list)
{
	size_t n = json_array_size(list), used = 0;
	const char **ret = (const char **)arena_alloc_array(a, n + 1, sizeof(*ret));
	for (size_t i = 0; ret && i < n; i++) {
		const char *word = json_string_value(json_array_get(list, i));
		char *copy = word ? arena_strdup(a, word) : NULL;
		if (copy)
			ret[used++] = copy;
	}
	return ret;
}

static int copy_word(struct arena *a, const char *word, const char **ret)
{
	if (!word || !*word)
		return 0;
	*ret = arena_strdup(a, word);
	return *ret ? 0 : -ENOMEM;
}

static int copy_details(struct arena *a, const json_t *details, struct model *m)
{
	m->context_length = wire_window(details, "context_length");
	if (copy_word(a, json_get_str(details, "family"), &m->family) < 0 ||
		copy_word(a, json_get_str(details, "parameter_size"), &m->parameters) < 0 ||
		copy_word(a, json_get_str(details, "quantization_level"), &m->quantization) < 0)
		return -ENOMEM;
	return 0;
}

static int add_model(struct model_list *l, const json_t *item)
{
	const char *name = json_get_str(item, "model");
	if (!name || !*name)
		name = json_get_str(item, "name");
	if (!name || !*name)
		return 0;
	struct model m = {.size_bytes = wire_size(item, "size"), .state = "reachable"};
	/* Of a model that others run nothing is loaded here. */
	const char *remote = json_get_str(item, "remote_model");
	if (remote && *remote)
		m.state = "ready";
	wire_time(json_get_str(item, "modified_at"), &m.modified_at);
	if (copy_word(&l->arena, name, &m.id) < 0 ||
		copy_word(&l->arena, json_get_str(item, "digest"), &m.digest) < 0 ||
		copy_details(&l->arena, json_object_get(item, "details"), &m) < 0)
		return -ENOMEM;
	m.name = m.id;
	m.capabilities = copy_words(&l->arena, json_object_get(item, "capabilities"));
	if (!m.capabilities)
		return -ENOMEM;
	l->models[l->n++] = m;
	return 0;
}

/* ---- what is loaded ---- */

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static void note_loaded(struct model_list *l, const json_t *item)
{
	const char *name = json_get_str(item, "model"), *digest = json_get_str(item, "digest");
	if (!name || !*name)
		name = json_get_str(item, "name");
	for (size_t i = 0; name && i < l->n; i++) {
		struct model *m = &l->models[i];
		bool shares = digest && *digest && same(m->digest, digest);
		if (strcmp(m->id, name) != 0 && !shares)
			continue;
		m->state = "ready";
		m->loaded_bytes = wire_size(item, "size");
		m->loaded_vram = wire_size(item, "size_vram");
		wire_time(json_get_str(item, "expires_at"), &m->loaded_until);
		if (m->loaded_until > clock_now_ms() + FOR_GOOD_MS)
			m->loaded_until = INT64_MAX;
		m->context_loaded = wire_window(item, "context_length");
	}
}

/* ---- models of one file share a runner, of which /api/ps names only the one that was asked for first ---- */

/* The digests of manifests differ with templates and parameters. What could be one file looks the same but for those;
 * only such ones are asked for their files. */
static bool could_share(const struct model *loaded, const struct model *m)
{
	int64_t apart = loaded->size_bytes - m->size_bytes;
	return loaded->loaded_bytes > 0 && m->loaded_bytes == 0 && same(loaded->family, m->family) &&
	       same(loaded->quantization, m->quantization) && apart < SHARED_SLACK && -apart < SHARED_SLACK;
}

static void mark_those_that_share(struct model_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->n; k++)
			if (could_share(&l->models[i], &l->models[k]))
				l->models[i].may_share = l->models[k].may_share = true;
}

static void spread_loaded(struct model_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct model *from = &l->models[i];
		for (size_t k = 0; k < l->n; k++) {
			struct model *m = &l->models[k];
			if (!could_share(from, m) || !same(from->files, m->files) || !*m->files)
				continue;
			m->state = from->state;
			m->loaded_bytes = from->loaded_bytes;
			m->loaded_vram = from->loaded_vram;
			m->loaded_until = from->loaded_until;
			m->context_loaded = from->context_loaded;
		}
	}
}

/* The lines FROM and ADAPTER at the front of a model file, when they name blobs: the weights, projectors and adapters that
 * a runner is made of. "" where they do not. */
static const char *files_of(const char *modelfile, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	for (const char *line = modelfile; line && *line;) {
		size_t n = strcspn(line, "\n");
		if (strncmp(line, "FROM ", 5) == 0 || strncmp(line, "ADAPTER ", 8) == 0) {
			const char *blob = memmem(line, n, "sha256", 6);
			if (!blob)
				return "";
			buf_add(&b, blob, n - (size_t)(blob - line));
			buf_add_char(&b, '\n');
		} else if (n > 0 && *line != '#' && *line != '\r') {
			break;
		}
		line += n + (line[n] == '\n');
	}
	return b.n > 0 && buf_status(&b) == 0 ? arena_strndup(a, b.p, b.n) : "";
}

/* An Ollama that does not say it has no less models for that. */
static void find_loaded(
	struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct err e = {0};
	int status;
	buf_printf(&url, "%s/api/ps", p->base);
	if (provider_fetch_json(ps, p, buf_str(&url).p, NULL, timeout_ms, c, &root, &status, &e) < 0)
		return;
	const json_t *models = json_object_get(root, "models");
	for (size_t i = 0; i < json_array_size(models); i++)
		note_loaded(l, json_array_get(models, i));
	mark_those_that_share(l);
}

/* ---- what a model can do ---- */

static bool lists(const struct model *m, const char *capability)
{
	return m->capabilities[0] && model_can(m, capability);
}

/* Of tools that only the template inside a model file tells, the list knows nothing (seen in 2026); and some lists do not
 * say what window a model was made for, beyond which none may be asked for. */
static bool lacks_details(const struct model *m)
{
	if (!m->capabilities[0] || (m->may_share && !m->files))
		return true;
	return !m->shown && m->digest && lists(m, "completion") && (!lists(m, "tools") || m->context_length == 0);
}

/* From the last list, when it is still the same model. Lock held; copies, since that list may go. */
static void recall(struct provider *p, struct model_list *l, struct model *m)
{
	const struct model *old = model_list_find(p->list, m->id);
	if (!old || !same(old->digest, m->digest) || !old->shown)
		return;
	if (old->files)
		m->files = arena_strdup(&l->arena, old->files);
	size_t n = 0;
	while (old->capabilities[n])
		n++;
	const char **words = (const char **)arena_alloc_array(&l->arena, n + 1, sizeof(*words));
	for (size_t i = 0; words && i < n; i++)
		words[i] = arena_strdup(&l->arena, old->capabilities[i]);
	if (words) {
		m->capabilities = words;
		m->shown = true;
	}
	if (m->context_length == 0)
		m->context_length = old->context_length;
}

/* What several threads share that ask for details; lives as long as the last of them, on the stack of the first. */
struct shows {
	struct providers *ps;
	struct provider *p;
	struct cancel *c;
	struct model_list *l;
	int64_t until_ms;
	pthread_mutex_t mx; /* of the arena and `next` */
	size_t next;
};

static int64_t context_of(const json_t *info)
{
	const char *arch = json_get_str(info, "general.architecture");
	char key[100];
	if (!arch)
		return 0;
	snprintf(key, sizeof(key), "%.60s.context_length", arch);
	return wire_window(info, key);
}

static void show_one(struct shows *s, struct model *m)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024), body = BUF_INIT(4096);
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct err e = {0};
	int status;
	int64_t left = s->until_ms - clock_mono_ms();
	buf_printf(&url, "%s/api/show", s->p->base);
	buf_add_str(&body, "{\"model\":");
	json_add_cstr(&body, m->id);
	buf_add_char(&body, '}');
	if (left <= 0 || buf_status(&body) < 0 ||
		provider_fetch_json(s->ps, s->p, buf_str(&url).p, body.p, left, s->c, &root, &status, &e) < 0)
		return;
	pthread_mutex_lock(&s->mx);
	const char *const *words = copy_words(&s->l->arena, json_object_get(root, "capabilities"));
	if (words && words[0]) {
		m->capabilities = words;
		m->shown = true;
	}
	if (m->may_share)
		m->files = files_of(json_get_str(root, "modelfile"), &s->l->arena);
	int64_t context = context_of(json_object_get(root, "model_info"));
	if (context > 0)
		m->context_length = context;
	pthread_mutex_unlock(&s->mx);
}

static void *show_some(void *arg)
{
	struct shows *s = arg;
	for (;;) {
		struct model *m = NULL;
		pthread_mutex_lock(&s->mx);
		while (s->next < s->l->n && !m) {
			m = &s->l->models[s->next++];
			if (!lacks_details(m))
				m = NULL;
		}
		pthread_mutex_unlock(&s->mx);
		if (!m || cancel_reason(s->c))
			return NULL;
		show_one(s, m);
	}
}

static void show_those_that_lack(
	struct providers *ps, struct provider *p, int64_t until_ms, struct cancel *c, struct model_list *l)
{
	struct shows s = {.ps = ps, .p = p, .c = c, .l = l, .until_ms = until_ms};
	pthread_t threads[SHOWN_AT_ONCE];
	size_t n = 0, lacking = 0;
	pthread_mutex_lock(&ps->mx);
	for (size_t i = 0; i < l->n; i++) {
		if (lacks_details(&l->models[i]))
			recall(p, l, &l->models[i]);
		lacking += lacks_details(&l->models[i]);
	}
	pthread_mutex_unlock(&ps->mx);
	if (lacking == 0)
		return;
	pthread_mutex_init(&s.mx, NULL);
	while (n < MIN(lacking, (size_t)SHOWN_AT_ONCE) - 1 && thread_start(&threads[n], "show", 0, show_some, &s) == 0)
		n++;
	show_some(&s);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&s.mx);
}

int ollama_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l,
	struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int status;
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	buf_printf(&url, "%s/api/tags", p->base);
	int r = provider_fetch_json(ps, p, buf_str(&url).p, NULL, timeout_ms, c, &root, &status, e);
	if (r < 0)
		return r;
	const json_t *models = json_object_get(root, "models");
	if (!json_is_array(models))
		return err_set(e, E_PROVIDER, "%s answered, but not with a list of models: is it Ollama?", p->label);
	size_t n = json_array_size(models);
	l->models = ARENA_ARRAY(&l->arena, struct model, n + 1);
	if (!l->models)
		return err_set(e, -ENOMEM, "The model list of %s is too large.", p->label);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add_model(l, json_array_get(models, i));
	if (r < 0)
		return err_set(e, r, "The model list of %s is too large.", p->label);
	/* A little is kept back, so that a list without all details is in time. */
	int64_t left = until_ms - clock_mono_ms();
	if (l->n > 0 && left > 0)
		find_loaded(ps, p, left / 2, c, l);
	show_those_that_lack(ps, p, until_ms - timeout_ms / 10, c, l);
	spread_loaded(l);
	return 0;
}
