/* catalogue.c - what models there are: their ids, what is known of them between two refreshes, and who does which task. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/pattern.h"
#include "http/proxy.h"
#include "provider/catalogue_priv.h"

/* ---- lists ---- */

void model_list_free(struct model_list *l)
{
	if (!l)
		return;
	arena_done(&l->arena);
	free(l);
}

static int by_id(const void *a, const void *b, void *models)
{
	const struct model *m = models;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int r = strcmp(m[x].id, m[y].id);
	return r ? r : (x > y) - (x < y);
}

int model_list_sort(struct model_list *l)
{
	l->by_id = ARENA_ARRAY(&l->arena, size_t, l->n + 1);
	bool *twice = ARENA_ARRAY(&l->arena, bool, l->n + 1);
	if (!l->by_id || !twice)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		l->by_id[i] = i;
	if (l->n > 1)
		qsort_r(l->by_id, l->n, sizeof(size_t), by_id, l->models);
	bool any = false;
	for (size_t i = 1; i < l->n; i++)
		if (strcmp(l->models[l->by_id[i - 1]].id, l->models[l->by_id[i]].id) == 0)
			any = twice[l->by_id[i]] = true;
	if (!any)
		return 0;
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!twice[i])
			l->models[n++] = l->models[i];
	l->n = n;
	return model_list_sort(l);
}

static bool list_place(const struct model_list *l, const char *id, size_t *ret)
{
	size_t low = 0, high = l ? l->n : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(l->models[l->by_id[mid]].id, id);
		if (r == 0) {
			*ret = l->by_id[mid];
			return true;
		}
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

const struct model *model_list_find(const struct model_list *l, const char *id)
{
	size_t at;
	return list_place(l, id, &at) ? &l->models[at] : NULL;
}

/* ---- ids: the provider's own name, or provider/name where an earlier provider or a route has the same ---- */

static const struct model *model_at(const struct providers *ps, struct model_place at)
{
	ASSERT(at.provider < ps->n && ps->all[at.provider]->list && at.model < ps->all[at.provider]->list->n);
	return &ps->all[at.provider]->list->models[at.model];
}

static bool first_with_name(const struct providers *ps, const char *name, size_t before, struct model_place *ret)
{
	ASSERT(lock_is_mine(&ps->mx) && before <= ps->n);
	for (size_t i = 0; i < before; i++)
		if (ps->all[i]->enabled && list_place(ps->all[i]->list, name, &ret->model)) {
			ret->provider = i;
			return true;
		}
	return false;
}

/* A route of that very name hides the model, unless the model is one of its targets. */
static bool is_taken(const struct providers *ps, const char *name)
{
	const struct model_route *r = rules_exact(ps->rules, name);
	for (size_t i = 0; r && i < r->n_targets; i++)
		if (strcmp(r->targets[i], name) == 0)
			return false;
	return r != NULL;
}

const char *catalogue_id(const struct providers *ps, struct model_place at, struct arena *a)
{
	const char *name = model_at(ps, at)->id;
	struct model_place other;
	if (!first_with_name(ps, name, at.provider, &other) && !is_taken(ps, name))
		return arena_strdup(a, name);
	return arena_printf(a, "%s/%s", ps->all[at.provider]->name, name);
}

bool catalogue_place(const struct providers *ps, const char *name, struct model_place *ret)
{
	char latest[300];
	ASSERT(lock_is_mine(&ps->mx));
	if (first_with_name(ps, name, ps->n, ret))
		return true;
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = ps->all[i];
		size_t n = strlen(p->name);
		if (p->enabled && strncmp(name, p->name, n) == 0 && name[n] == '/' &&
			list_place(p->list, name + n + 1, &ret->model)) {
			ret->provider = i;
			return true;
		}
	}
	if (snprintf(latest, sizeof(latest), "%s:latest", name) >= (int)sizeof(latest))
		return false;
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = ps->all[i];
		size_t n = strlen(p->name);
		const char *rest = strncmp(latest, p->name, n) == 0 && latest[n] == '/' ? latest + n + 1 : latest;
		if (p->enabled && p->dialect == &ollama_dialect &&
			(list_place(p->list, latest, &ret->model) || list_place(p->list, rest, &ret->model))) {
			ret->provider = i;
			return true;
		}
	}
	return false;
}

bool catalogue_target(
	const struct providers *ps, const struct model_route *r, size_t i, const char *asked, struct model_place *ret)
{
	bool itself = strcmp(r->targets[i], r->pattern) == 0;
	ASSERT(lock_is_mine(&ps->mx) && i < r->n_targets);
	return catalogue_place(ps, itself ? asked : r->targets[i], ret);
}

/* ---- what is known of a model now ---- */

#define NOBODY INT64_MIN /* a caller whom only breakers that bind everybody bind */

static const char *const breaker_words[] = {
	[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"};
_Static_assert(N_ELEMENTS(breaker_words) == 3, "each state has its word");

static const char *state_of(const struct provider *p, const struct model *m)
{
	const struct model_note *note = catalogue_note_find(p, m->id);
	const char *state = m->state ? m->state : "ready";
	if (p->state == PROVIDER_UNREACHABLE || breaker_is_open_for(p, m->id, NOBODY))
		return "unreachable";
	if (p->loading)
		return "loading";
	/* What was to be unloaded by now is perhaps still there: a later call may have put it off. */
	if (strcmp(state, "ready") == 0 && m->loaded_until > 0 && m->loaded_until < clock_now_ms())
		state = "reachable";
	if (strcmp(state, "ready") == 0 || (note && note->ready_ms > 0))
		return p->state == PROVIDER_OK || note ? "ready" : "reachable";
	return note && note->waiting > 0 ? "loading" : state;
}

int catalogue_copy(const struct providers *ps, struct model_place at, struct arena *a, struct model *ret)
{
	const struct provider *p = ps->all[at.provider];
	struct model m = *model_at(ps, at);
	size_t n = 0;
	ASSERT(lock_is_mine(&ps->mx));
	while (m.capabilities && m.capabilities[n])
		n++;
	const char **words = (const char **)arena_alloc_array(a, n + 1, sizeof(*words));
	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!(words[i] = arena_strdup(a, m.capabilities[i])))
			return -ENOMEM;
	m.state = state_of(p, &m);
	const struct breaker *b = breaker_of_model(p, m.id);
	m.breaker = breaker_words[b ? breaker_shown(b) : BREAKER_CLOSED];
	m.retry_in_ms = b ? breaker_retry_in_ms(b) : 0;
	m.provider_model = m.id;
	m.id = catalogue_id(ps, at, a);
	if (!m.id)
		return -ENOMEM;
	const struct model_override *o = rules_override(ps->rules, m.id);
	if (o && o->name)
		m.name = o->name;
	m.hidden = o && o->hidden;
	m.provider = p->name;
	m.kind = p->dialect->kind;
	m.api = p->dialect->api;
	m.capabilities = words;
	m.alias_of = NULL;
	m.files = NULL; /* of the list alone */
	bool ok = arena_keep(a, &m.name) && arena_keep(a, &m.provider_model) && arena_keep(a, &m.provider) &&
		  arena_keep(a, &m.family) && arena_keep(a, &m.parameters) && arena_keep(a, &m.quantization) &&
		  arena_keep(a, &m.digest);
	if (!ok)
		return -ENOMEM;
	*ret = m;
	return 0;
}

int catalogue_copy_alias(const struct providers *ps, const struct model_route *r, struct arena *a, struct model *ret)
{
	struct model_place at, first = {0};
	bool any = false;
	for (size_t i = 0; i < r->n_targets; i++) {
		if (!catalogue_target(ps, r, i, r->pattern, &at))
			continue;
		const struct provider *p = ps->all[at.provider];
		bool well = p->state != PROVIDER_UNREACHABLE && !breaker_is_open_for(p, model_at(ps, at)->id, NOBODY);
		if (!any || well)
			first = at;
		any = true;
		if (well)
			break;
	}
	if (!any)
		return -ENOENT;
	struct model m;
	int res = catalogue_copy(ps, first, a, &m);
	if (res < 0)
		return res;
	const struct model_override *o = rules_override(ps->rules, r->pattern);
	m.id = arena_strdup(a, r->pattern);
	m.name = arena_strdup(a, o && o->name ? o->name : r->pattern);
	m.hidden = o && o->hidden;
	m.alias_of = arena_strdup(a, r->targets[0]);
	if (!m.id || !m.name || !m.alias_of)
		return -ENOMEM;
	*ret = m;
	return 0;
}

bool model_can(const struct model *m, const char *capability)
{
	if (!m->capabilities || !m->capabilities[0])
		return true;
	for (size_t i = 0; m->capabilities[i]; i++)
		if (strcmp(m->capabilities[i], capability) == 0)
			return true;
	return false;
}

bool model_sees(const struct model *m)
{
	/* OpenAI-compatible servers list few capabilities, if any. */
	return m->api & API_SILENT_LIST || model_can(m, "vision");
}

int64_t model_window(const struct model *m)
{
	bool fixed = m->context_loaded > 0 && !(m->api & API_MANAGES);

	return fixed ? m->context_loaded : m->context_length;
}

bool model_only_embeds(const struct model *m)
{
	return model_can(m, "embedding") && !model_can(m, "completion");
}

int model_check_answers(const struct model *m, const char *name, struct err *e)
{
	if (!model_only_embeds(m))
		return 0;
	return err_set(
		e, E_MODEL_CANNOT, "%.120s makes vectors of texts and cannot answer. Choose another model.", name);
}

/* ---- tasks ---- */

static bool has_word(const char *const *words, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcasestr(text, words[i]))
			return true;
	return false;
}

/* What models are for whose server does not tell: by words of their names. The page goes by the same (core/words.ts). */
static const char *const embedders[] = {"embed", "bge-", "gte-", "minilm", "e5-small", "e5-base", "e5-large"};
static const char *const others[] = {
	"rerank", "whisper", "transcribe", "tts-", "-tts", "dall-e", "moderation", "gpt-image", "sora-"};

static bool can_do(const struct model *m, enum model_task t)
{
	static const char *const coders[] = {"code", "coder", "codestral", "devstral", "starcoder"};
	bool known = m->capabilities && m->capabilities[0];
	if (t == TASK_EMBEDDING)
		return known ? model_can(m, "embedding") : has_word(embedders, N_ELEMENTS(embedders), m->id);
	bool chats = known ? model_can(m, "completion")
			   : !has_word(embedders, N_ELEMENTS(embedders), m->id) &&
				     !has_word(others, N_ELEMENTS(others), m->id);
	return chats && (t != TASK_CODE || has_word(coders, N_ELEMENTS(coders), m->id));
}

static bool is_hidden(const struct providers *ps, struct model_place at)
{
	CLEANUP(arena_done) struct arena a;
	arena_init(&a, 4096);
	if (rules_get(ps->rules)->n_overrides == 0)
		return false;
	const char *id = catalogue_id(ps, at, &a);
	const struct model_override *o = id ? rules_override(ps->rules, id) : NULL;
	return o && o->hidden;
}

enum choice { REACHED, LAST_KNOWN, FIXED, CHOICES }; /* better ones first; FIXED: of the Librarian */

/* Whether the model is one of this choice for the task. */
static bool is_choice(const struct providers *ps, enum model_task t, enum choice c, struct model_place at)
{
	const struct provider *p = ps->all[at.provider];
	bool well = p->state != PROVIDER_UNREACHABLE && !breaker_is_open(p), fixed = p->dialect->fixed_list != NULL;
	return p->enabled && (c == FIXED) == fixed && (c != REACHED || well) &&
	       (fixed || can_do(model_at(ps, at), t)) && !is_hidden(ps, at);
}

/* The first model that can do it, of a provider that can be reached if there is one. For chats the one that was found so
 * the first time comes before its equals. The Librarian only chats, and only when nobody else can. */
static bool choose(const struct providers *ps, enum model_task t, struct model_place *ret)
{
	struct model_place kept;
	bool has_kept = t == TASK_CHAT && ps->found_default && catalogue_place(ps, ps->found_default, &kept);
	ASSERT(lock_is_mine(&ps->mx) && t < TASK_COUNT);
	for (enum choice c = REACHED; c < (t == TASK_CHAT ? CHOICES : FIXED); c++) {
		if (has_kept && is_choice(ps, t, c, kept)) {
			*ret = kept;
			return true;
		}
		for (size_t i = 0; i < ps->n; i++) {
			const struct provider *p = ps->all[i];
			for (size_t k = 0; p->list && k < p->list->n; k++) {
				*ret = (struct model_place){i, k};
				if (is_choice(ps, t, c, *ret))
					return true;
			}
		}
	}
	return false;
}

/* The id of what would be the default when all have been seen once and none was kept before; to be freed. NULL: none. */
static char *first_default(struct providers *ps)
{
	CLEANUP(arena_done) struct arena a;
	struct model_place at;
	arena_init(&a, 4096);
	if (ps->found_default)
		return NULL;
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i]->enabled && ps->all[i]->dialect->list && ps->all[i]->refreshes == 0)
			return NULL;
	if (!choose(ps, TASK_CHAT, &at) || !is_choice(ps, TASK_CHAT, REACHED, at))
		return NULL;
	const char *id = catalogue_id(ps, at, &a);
	return id ? xstrdup(id) : NULL;
}

void catalogue_keep_default(struct providers *ps)
{
	if (!ps->keep_default)
		return;
	pthread_mutex_lock(&ps->mx);
	char *id = first_default(ps);
	if (id)
		ps->found_default = xstrdup(id);
	pthread_mutex_unlock(&ps->mx);
	if (id)
		ps->keep_default(ps->keep_arg, id);
	free(id);
}

/* One that only embeds may have been named before that was known. */
static bool may_do(const struct providers *ps, enum model_task t, struct model_place at)
{
	return t == TASK_EMBEDDING || !model_only_embeds(model_at(ps, at));
}

/* The id that a name stands for, when it can be called for the task. */
static const char *known_as(const struct providers *ps, enum model_task t, const char *name, struct arena *a)
{
	struct model_place at;
	const struct model_route *r = name && *name ? rules_exact(ps->rules, name) : NULL;
	for (size_t i = 0; r && i < r->n_targets; i++)
		if (catalogue_target(ps, r, i, name, &at) && may_do(ps, t, at))
			return arena_strdup(a, name);
	if (!name || !*name || !catalogue_place(ps, name, &at) || !may_do(ps, t, at))
		return NULL;
	return catalogue_id(ps, at, a);
}

const char *catalogue_task(const struct providers *ps, enum model_task t, struct arena *a)
{
	struct model_place at;
	ASSERT(t < TASK_COUNT);
	const char *id = known_as(ps, t, rules_get(ps->rules)->tasks[t], a);
	if (!id && t == TASK_CHAT)
		id = known_as(ps, t, ps->settings->default_model, a);
	if (id || t == TASK_TITLE)
		return id;
	if (choose(ps, t, &at))
		return catalogue_id(ps, at, a);
	return t == TASK_CODE ? catalogue_task(ps, TASK_CHAT, a) : NULL;
}

/* ---- copies ---- */

static int copy_provider(const struct provider *p, struct arena *a, struct provider_state *ret)
{
	static const char *const states[] = {"checking", "ok", "unreachable"};
	struct provider_state s = {.id = p->id,
		.name = p->name,
		.kind = p->dialect->kind,
		.api = p->dialect->api,
		.url = p->shown_url,
		.state = p->enabled ? states[p->state] : "disabled",
		.error = p->enabled ? p->error : NULL,
		.breaker = breaker_words[breaker_shown(&p->breaker)],
		.retry_in_ms = breaker_retry_in_ms(&p->breaker),
		.models = p->enabled && p->list ? (int64_t)p->list->n : 0,
		.first_token_ms = p->first_token_ms,
		.has_key = *p->key != '\0',
		.from_settings = p->id == 0};
	slots_count(p->slots, &s.running, &s.queued);
	for (const struct model_note *n = p->notes; n; n = n->next) {
		int64_t running = 0, queued = 0;
		if (n->slots)
			slots_count(n->slots, &running, &queued);
		s.running += running;
		s.queued += queued;
	}
	char through[HTTP_PROXY_MAX] = "", shown[HTTP_PROXY_MAX];
	if (p->dialect->list)
		http_proxy_for(p->proxy, p->base, through);
	http_proxy_shown(through, shown);
	s.proxy = *shown ? shown : NULL;
	if (!arena_keep(a, &s.proxy) || !arena_keep(a, &s.name) || !arena_keep(a, &s.url) || !arena_keep(a, &s.error))
		return -ENOMEM;
	*ret = s;
	return 0;
}

/* A route of the model's own name stands for both. */
static bool is_shown_as_alias(const struct providers *ps, struct model_place at)
{
	struct model_place first;
	const char *name = model_at(ps, at)->id;
	return rules_exact(ps->rules, name) && !is_taken(ps, name) && !first_with_name(ps, name, at.provider, &first);
}

static int copy_models(const struct providers *ps, struct arena *a, struct catalogue *c)
{
	const struct catalogue_rules *rules = rules_get(ps->rules);
	int r;
	for (size_t i = 0; i < rules->n_routes; i++) {
		if (pattern_is(rules->routes[i].pattern))
			continue;
		r = catalogue_copy_alias(ps, &rules->routes[i], a, &c->models[c->n_models]);
		if (r == -ENOMEM)
			return r;
		c->n_models += r >= 0;
	}
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = ps->all[i];
		for (size_t k = 0; p->enabled && p->list && k < p->list->n; k++) {
			struct model_place at = {i, k};
			if (is_shown_as_alias(ps, at))
				continue;
			r = catalogue_copy(ps, at, a, &c->models[c->n_models++]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int copy_all(const struct providers *ps, struct arena *a, struct catalogue *ret)
{
	size_t n = rules_get(ps->rules)->n_routes;
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < ps->n; i++)
		n += ps->all[i]->list ? ps->all[i]->list->n : 0;
	struct catalogue c = {.models = ARENA_ARRAY(a, struct model, n + 1),
		.providers = ARENA_ARRAY(a, struct provider_state, ps->n + 1),
		.n_providers = ps->n};
	if (!c.models || !c.providers)
		return -ENOMEM;
	for (size_t i = 0; i < ps->n; i++) {
		c.refreshing |= ps->all[i]->refresh != NULL;
		if (copy_provider(ps->all[i], a, &c.providers[i]) < 0)
			return -ENOMEM;
	}
	int r = copy_models(ps, a, &c);
	if (r < 0)
		return r;
	for (int t = 0; t < TASK_COUNT; t++)
		c.tasks[t] = catalogue_task(ps, (enum model_task)t, a);
	c.default_model = c.tasks[TASK_CHAT];
	*ret = c;
	return 0;
}

int providers_catalogue(struct providers *ps, struct arena *a, struct catalogue *ret, struct err *e)
{
	pthread_mutex_lock(&ps->mx);
	int r = copy_all(ps, a, ret);
	pthread_mutex_unlock(&ps->mx);
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	return r < 0 ? err_set(e, r, "The model lists are too large.") : 0;
}

bool catalogue_has_real_model(struct providers *ps)
{
	bool has = false;
	pthread_mutex_lock(&ps->mx);
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = ps->all[i];
		has |= p->enabled && p->dialect->list && p->state == PROVIDER_OK && p->list && p->list->n > 0;
	}
	pthread_mutex_unlock(&ps->mx);
	return has;
}
