/* catalogue.c - what models there are: looks at the lists in parallel, and what is known between two looks. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "provider/provider_priv.h"

#define LOOK_TIMEOUT_MS 5000
#define LOOK_DOWN_MS    5000 /* from one look to the next while a provider cannot be reached */
#define LOOK_AGAIN_MS   2000 /* an unknown id causes a new look, but not more often than this */

void model_list_free(struct model_list *l)
{
	if (!l)
		return;
	arena_done(&l->arena);
	free(l);
}

static struct timespec deadline(int64_t ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* ---- looking ---- */

struct look {
	struct providers *ps;
	struct provider *p;
	struct cancel cancel;
	int64_t timeout_ms;
	unsigned *running; /* under the lock */
	pthread_t thread;
	bool has_thread;
};

static void look_keep(struct look *l, struct model_list *list, const struct err *e)
{
	struct provider *p = l->p;
	CLEANUP(model_list_freep) struct model_list *old = NULL;
	pthread_mutex_lock(&l->ps->mx);
	free(p->error);
	p->error = list ? NULL : xstrdup(err_public_text(e));
	p->state = list ? LOOK_OK : LOOK_UNREACHABLE;
	if (list) {
		old = p->list;
		p->list = list;
	}
	p->look = NULL;
	--*l->running;
	pthread_cond_broadcast(&l->ps->cv);
	pthread_mutex_unlock(&l->ps->mx);
}

static void *look_run(void *arg)
{
	struct look *l = arg;
	struct err e = {0};
	CLEANUP(model_list_freep) struct model_list *list = xcalloc(1, sizeof(*list));
	arena_init(&list->arena, LIST_MAX_BYTES);
	int r = l->p->dialect->list(l->ps, l->p, l->timeout_ms, &l->cancel, list, &e);
	if (r == -ECANCELED) {
		err_clear(&e);
		err_set(&e, E_PROVIDER_TIMEOUT, "%s did not answer in time.", l->p->label);
	}
	look_keep(l, r < 0 ? NULL : TAKE_PTR(list), &e);
	return NULL;
}

static void look_begin(struct look *l, struct providers *ps, struct provider *p, int64_t timeout_ms, unsigned *running)
{
	*l = (struct look){.ps = ps, .p = p, .timeout_ms = timeout_ms, .running = running};
	cancel_init(&l->cancel);
	pthread_mutex_lock(&ps->mx);
	p->look = &l->cancel;
	++*running;
	if (ps->stopping)
		cancel_fire(&l->cancel, E_STOPPING);
	pthread_mutex_unlock(&ps->mx);
	l->has_thread = pthread_create(&l->thread, NULL, look_run, l) == 0;
	if (!l->has_thread)
		look_run(l);
}

static void look_all(struct providers *ps, int64_t timeout_ms)
{
	CLEANUP(freep) struct look *looks = xcalloc(ps->n + 1, sizeof(*looks));
	size_t n = 0;
	unsigned running = 0;
	struct timespec until = deadline(timeout_ms);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].dialect->list)
			look_begin(&looks[n++], ps, &ps->all[i], timeout_ms, &running);
	pthread_mutex_lock(&ps->mx);
	while (running > 0 && pthread_cond_timedwait(&ps->cv, &ps->mx, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&ps->mx);
	for (size_t i = 0; i < n; i++) {
		cancel_fire(&looks[i].cancel, E_PROVIDER_TIMEOUT); /* nothing, for those that have ended */
		if (looks[i].has_thread)
			pthread_join(looks[i].thread, NULL);
		cancel_done(&looks[i].cancel);
	}
}

void providers_refresh(struct providers *ps, int64_t timeout_ms)
{
	struct timespec until = deadline(timeout_ms);
	pthread_mutex_lock(&ps->mx);
	if (ps->looking) {
		uint64_t looks = ps->looks;
		while (ps->looks == looks && !ps->stopping &&
			pthread_cond_timedwait(&ps->cv, &ps->mx, &until) != ETIMEDOUT)
			;
		pthread_mutex_unlock(&ps->mx);
		return;
	}
	ps->looking = true;
	pthread_mutex_unlock(&ps->mx);
	look_all(ps, timeout_ms);
	pthread_mutex_lock(&ps->mx);
	ps->looking = false;
	ps->looks++;
	ps->looked_ms = clock_mono_ms();
	pthread_cond_broadcast(&ps->cv);
	pthread_mutex_unlock(&ps->mx);
}

/* Sooner while one cannot be reached: people start Ollama when they see that it is missing. Under the lock. */
static int64_t until_next_look(const struct providers *ps)
{
	int64_t ms = ps->settings->model_refresh_s * 1000;

	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].state == LOOK_UNREACHABLE)
			return MIN(ms, LOOK_DOWN_MS);
	return ms;
}

static void *refresh_thread(void *arg)
{
	struct providers *ps = arg;
	pthread_setname_np(pthread_self(), "models");
	pthread_mutex_lock(&ps->mx);
	while (!ps->stopping) {
		ps->look_wanted = false;
		pthread_mutex_unlock(&ps->mx);
		providers_refresh(ps, LOOK_TIMEOUT_MS);
		pthread_mutex_lock(&ps->mx);
		struct timespec until = deadline(until_next_look(ps));
		while (!ps->stopping && !ps->look_wanted &&
			pthread_cond_timedwait(&ps->cv, &ps->mx, &until) != ETIMEDOUT)
			;
	}
	pthread_mutex_unlock(&ps->mx);
	return NULL;
}

int providers_start(struct providers *ps, struct err *e)
{
	pthread_mutex_lock(&ps->mx);
	int r = pthread_create(&ps->thread, NULL, refresh_thread, ps);
	ps->started = r == 0;
	pthread_mutex_unlock(&ps->mx);
	return r == 0 ? 0 : err_set(e, -r, "No thread could be made for looking at the model lists.");
}

void catalogue_note_call(struct providers *ps, struct provider *p, const struct err *why)
{
	pthread_mutex_lock(&ps->mx);
	if (why) {
		free(p->error);
		p->error = xstrdup(err_public_text(why));
		p->state = LOOK_UNREACHABLE;
	} else if (p->state == LOOK_UNREACHABLE) {
		/* It answers: whether its list does, too, is for a look to say. */
		free(p->error);
		p->error = NULL;
		p->state = LOOK_CHECKING;
		ps->look_wanted = true;
		pthread_cond_broadcast(&ps->cv);
	}
	pthread_mutex_unlock(&ps->mx);
}

/* ---- ids: the provider's own name, or provider/name where an earlier provider has the same. Lock held. ---- */

static bool has_name(const struct provider *p, const char *name)
{
	for (size_t i = 0; p->list && i < p->list->n; i++)
		if (strcmp(p->list->models[i].id, name) == 0)
			return true;
	return false;
}

static bool is_ambiguous(const struct providers *ps, size_t provider, const char *name)
{
	for (size_t i = 0; i < provider; i++)
		if (has_name(&ps->all[i], name))
			return true;
	return false;
}

static const char *make_id(const struct providers *ps, size_t provider, const char *name, struct arena *a)
{
	if (!is_ambiguous(ps, provider, name))
		return arena_strdup(a, name);
	return arena_printf(a, "%s/%s", ps->all[provider].name, name);
}

/* Whether `id` may mean this model: its name, the name with its provider before it, or without ":latest" at its end. */
static bool means(const struct provider *p, const char *name, const char *id, int strictness)
{
	size_t n = strlen(p->name);
	switch (strictness) {
	case 0:
		return strcmp(name, id) == 0;
	case 1:
		return strncmp(id, p->name, n) == 0 && id[n] == '/' && strcmp(id + n + 1, name) == 0;
	default:
		n = strlen(id);
		return p->dialect == &ollama_dialect && strncmp(name, id, n) == 0 && strcmp(name + n, ":latest") == 0;
	}
}

struct provider *catalogue_find(
	struct providers *ps, const char *id, struct arena *a, const char **ret_id, const char **ret_name)
{
	struct provider *found = NULL;
	pthread_mutex_lock(&ps->mx);
	for (int strictness = 0; strictness < 3 && !found; strictness++)
		for (size_t i = 0; i < ps->n && !found; i++) {
			const struct model_list *l = ps->all[i].list;
			for (size_t k = 0; l && k < l->n && !found; k++) {
				if (!means(&ps->all[i], l->models[k].id, id, strictness))
					continue;
				*ret_id = make_id(ps, i, l->models[k].id, a);
				*ret_name = arena_strdup(a, l->models[k].id);
				found = *ret_id && *ret_name ? &ps->all[i] : NULL;
			}
		}
	pthread_mutex_unlock(&ps->mx);
	return found;
}

/* ---- the default ---- */

static bool can_chat(const struct model *m)
{
	static const char *const others[] = {
		"embed", "bge-", "rerank", "whisper", "tts-", "-tts", "dall-e", "moderation", "gpt-image", "sora-"};
	if (m->capabilities[0]) {
		for (size_t i = 0; m->capabilities[i]; i++)
			if (strcmp(m->capabilities[i], "completion") == 0)
				return true;
		return false;
	}
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		if (strcasestr(m->id, others[i]))
			return false;
	return true;
}

static const char *default_model(const struct catalogue *c, const char *preferred)
{
	const char *librarian = NULL;
	for (size_t i = 0; i < c->n_models; i++)
		if (strcmp(c->models[i].id, preferred) == 0)
			return c->models[i].id;
	for (size_t i = 0; i < c->n_models; i++) {
		if (strcmp(c->models[i].kind, "librarian") == 0)
			librarian = c->models[i].id;
		else if (can_chat(&c->models[i]))
			return c->models[i].id;
	}
	return librarian;
}

bool catalogue_has_real_model(struct providers *ps)
{
	bool has = false;
	pthread_mutex_lock(&ps->mx);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].dialect->list && ps->all[i].state == LOOK_OK && ps->all[i].list &&
			ps->all[i].list->n > 0)
			has = true;
	pthread_mutex_unlock(&ps->mx);
	return has;
}

/* ---- copies ---- */

static int copy_model(
	const struct providers *ps, size_t provider, const struct model *m, struct arena *a, struct model *ret)
{
	size_t n = 0;
	while (m->capabilities[n])
		n++;
	const char **words = (const char **)arena_alloc_array(a, n + 1, sizeof(*words));
	for (size_t i = 0; words && i < n; i++)
		if (!(words[i] = arena_strdup(a, m->capabilities[i])))
			return -ENOMEM;
	*ret = *m;
	ret->id = make_id(ps, provider, m->id, a);
	ret->name = arena_strdup(a, m->name);
	ret->provider = ps->all[provider].name;
	ret->kind = ps->all[provider].dialect->kind;
	ret->family = arena_strdup(a, m->family);
	ret->parameters = arena_strdup(a, m->parameters);
	ret->quantization = arena_strdup(a, m->quantization);
	ret->capabilities = words;
	return !words || !ret->id || !ret->name || (m->family && !ret->family) || (m->parameters && !ret->parameters) ||
			       (m->quantization && !ret->quantization)
		       ? -ENOMEM
		       : 0;
}

static int copy_all(struct providers *ps, struct arena *a, struct catalogue *ret)
{
	static const char *const states[] = {"checking", "ok", "unreachable"};
	size_t n = 0;
	for (size_t i = 0; i < ps->n; i++)
		n += ps->all[i].list ? ps->all[i].list->n : 0;
	struct catalogue c = {.models = ARENA_ARRAY(a, struct model, n + 1),
		.providers = ARENA_ARRAY(a, struct provider_state, ps->n + 1),
		.n_providers = ps->n};
	if (!c.models || !c.providers)
		return -ENOMEM;
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = &ps->all[i];
		struct provider_state *s = &c.providers[i];
		*s = (struct provider_state){.name = p->name, .kind = p->dialect->kind, .state = states[p->state]};
		s->url = arena_strdup(a, p->shown_url);
		s->error = arena_strdup(a, p->error);
		if (!s->url || (p->error && !s->error))
			return -ENOMEM;
		for (size_t k = 0; p->list && k < p->list->n; k++)
			if (copy_model(ps, i, &p->list->models[k], a, &c.models[c.n_models++]) < 0)
				return -ENOMEM;
	}
	*ret = c;
	return 0;
}

int providers_catalogue(struct providers *ps, struct arena *a, struct catalogue *ret, struct err *e)
{
	struct catalogue c;
	const char *preferred = ps->settings->default_model ? ps->settings->default_model : "", *id, *name;
	pthread_mutex_lock(&ps->mx);
	int r = copy_all(ps, a, &c);
	pthread_mutex_unlock(&ps->mx);
	if (r < 0)
		return err_set(e, r, "The model lists are too large.");
	if (*preferred && catalogue_find(ps, preferred, a, &id, &name))
		preferred = id; /* "llama3" may be written for "llama3:latest" */
	c.default_model = default_model(&c, preferred);
	*ret = c;
	return 0;
}

/* ---- resolving ---- */

static bool resolve_now(
	struct providers *ps, const char *model, struct arena *a, const char **ret_id, int *r, struct err *e)
{
	const char *name;
	struct catalogue c;
	*r = 0;
	if (model)
		return catalogue_find(ps, model, a, ret_id, &name) != NULL;
	*r = providers_catalogue(ps, a, &c, e);
	if (*r < 0 || !c.default_model)
		return *r < 0;
	*ret_id = c.default_model;
	return true;
}

/* Waits for the first look to end, if the thread that makes it was started. */
static void wait_first_look(struct providers *ps)
{
	struct timespec until = deadline(LOOK_TIMEOUT_MS);
	pthread_mutex_lock(&ps->mx);
	while (ps->started && ps->looks == 0 && !ps->stopping &&
		pthread_cond_timedwait(&ps->cv, &ps->mx, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&ps->mx);
}

int catalogue_unknown_model(struct providers *ps, const char *model, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	buf_printf(&b, "No provider offers the model \"%.100s\" now.", model);
	pthread_mutex_lock(&ps->mx);
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = &ps->all[i];
		if (p->state == LOOK_UNREACHABLE && p->error)
			buf_printf(&b, " %s at %s cannot be reached: %s%s", p->noun, p->shown_url, p->error,
				wire_full_stop(p->error));
	}
	pthread_mutex_unlock(&ps->mx);
	return err_set(e, E_MODEL_UNKNOWN, "%s", buf_str(&b).p);
}

int providers_resolve(struct providers *ps, const char *model, struct arena *a, const char **ret_id, struct err *e)
{
	int r;
	if (model && !*model)
		model = NULL;
	if (!model)
		wait_first_look(ps);
	if (resolve_now(ps, model, a, ret_id, &r, e))
		return r;
	wait_first_look(ps);
	if (resolve_now(ps, model, a, ret_id, &r, e))
		return r;
	/* It may have been pulled, or its provider started, since the last look. */
	pthread_mutex_lock(&ps->mx);
	bool again = ps->looks > 0 && clock_mono_ms() - ps->looked_ms > LOOK_AGAIN_MS;
	pthread_mutex_unlock(&ps->mx);
	if (again) {
		providers_refresh(ps, LOOK_TIMEOUT_MS);
		if (resolve_now(ps, model, a, ret_id, &r, e))
			return r;
	}
	if (!model)
		return err_set(e, E_MODEL_UNKNOWN,
			"No model can be reached. Start Ollama or name a provider in the settings.");
	return catalogue_unknown_model(ps, model, e);
}
