/*
 * configure.c - the settings, their file and the database, made into what the registry of providers is told. Always
 * all of it: whoever has changed a part has everything read again, so that there is one way in which it comes about,
 * at the start and later, here and in another process.
 */
#include "api/configure.h"

#include <errno.h>

#include "base/json.h"
#include "base/log.h"
#include "store/meta.h"
#include "store/model_rules.h"

#define MEMORY ((size_t)64 << 20)

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "no memory left for the configuration of providers");
}

/* ---- providers ---- */

static struct provider_config of_file(const struct settings_provider *p)
{
	return (struct provider_config){.name = p->name,
		.kind = p->kind,
		.url = p->url,
		.key = p->key,
		.version = p->version,
		.proxy = p->proxy,
		.max_concurrent = p->max_concurrent,
		.connect_timeout_ms = p->connect_timeout_ms,
		.first_byte_timeout_ms = p->first_byte_timeout_ms,
		.token_timeout_ms = p->token_timeout_ms,
		.total_timeout_ms = p->total_timeout_ms,
		.enabled = p->enabled};
}

int configure_bound(struct stored_provider *row, struct arena *a, struct err *e)
{
	const struct provider_config config = {.kind = row->kind, .url = row->url, .proxy = row->proxy};
	char origin[PROVIDER_ORIGIN_SIZE];
	int r = provider_config_origin(&config, origin, e);

	if (r < 0)
		return r;
	row->bound = arena_strdup(a, origin);
	return row->bound ? 0 : no_memory(e);
}

/* The key of the row; E_INVALID when it cannot be opened, as one that was given for another address. */
static int open_key(
	const struct vault *v, const struct stored_provider *row, struct arena *a, const char **ret, struct err *e)
{
	struct stored_provider bound = *row;
	int r = configure_bound(&bound, a, e);

	return r < 0 ? r : stored_provider_key(v, &bound, a, ret, e);
}

int configure_provider(const struct vault *v, const struct stored_provider *row, struct arena *a,
	struct provider_config *ret, struct err *e)
{
	const char *key = NULL;
	bool closed = row->sealed.p != NULL;

	if (v && closed) {
		struct err why = {0};
		int r = open_key(v, row, a, &key, &why);

		if (r < 0 && r != E_INVALID)
			return err_set(e, r, "%s", why.msg);
		closed = r < 0;
	}
	*ret = (struct provider_config){.id = row->id,
		.name = row->name,
		.kind = row->kind,
		.url = row->url,
		.key = key,
		.version = row->version,
		.proxy = row->proxy,
		.max_concurrent = row->max_concurrent,
		.connect_timeout_ms = row->connect_timeout_ms,
		.first_byte_timeout_ms = row->first_byte_timeout_ms,
		.token_timeout_ms = row->token_timeout_ms,
		.total_timeout_ms = row->total_timeout_ms,
		.enabled = row->enabled && !closed};
	return 0;
}

static bool is_of_file(const struct settings *s, const char *name)
{
	size_t n;
	const struct settings_provider *all = settings_providers(s, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return true;
	return false;
}

static bool is_known(const struct catalogue *known, atelier_id id)
{
	for (size_t i = 0; i < known->n_providers; i++)
		if (known->providers[i].id == id)
			return true;
	return false;
}

const char *configure_refusal(
	const struct configure *c, const struct stored_provider *row, const struct catalogue *known, struct arena *a)
{
	struct provider_config config = {
		.name = row->name, .kind = row->kind, .url = row->url, .version = row->version, .proxy = row->proxy};
	struct err e = {0};
	const char *key, *text = NULL;

	if (provider_config_check(&config, &e) < 0 || (c->vault && open_key(c->vault, row, a, &key, &e) < 0))
		text = e.msg;
	else if (!c->vault && row->sealed.p)
		text = "Its stored key cannot be opened without the master key.";
	else if (!is_known(known, row->id))
		text = "A provider of the settings has this name, too. Rename this one to use it.";
	return text ? arena_strdup(a, text) : NULL;
}

/* Those of the file, then those of the database that the registry would take. */
static int all_providers(const struct configure *c, const struct stored_provider_list *stored, struct arena *a,
	struct provider_config **ret, size_t *ret_n, struct err *e)
{
	size_t n_file, n = 0;
	const struct settings_provider *file = settings_providers(c->settings, &n_file);
	struct provider_config *all = ARENA_ARRAY(a, struct provider_config, n_file + stored->n + 1);

	if (!all)
		return no_memory(e);
	for (size_t i = 0; i < n_file; i++)
		all[n++] = of_file(&file[i]);
	for (size_t i = 0; i < stored->n; i++) {
		struct err why = {0};
		int r = configure_provider(c->vault, &stored->items[i], a, &all[n], e);

		if (r < 0)
			return r;
		if (!is_of_file(c->settings, stored->items[i].name) && provider_config_check(&all[n], &why) == 0)
			n++;
	}
	ASSERT(n <= n_file + stored->n);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- rules ---- */

int configure_targets(const char *json, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	size_t n;
	int r = json_parse(json, strlen(json), &list, e);

	if (r < 0)
		return r;
	n = json_array_size(list);
	const char **targets = (const char **)arena_alloc_array(a, n + 1, sizeof(*targets));
	if (!targets)
		return no_memory(e);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text)
			return err_set(e, E_INVALID, "a stored route has something else than texts as targets");
		if (!(targets[i] = arena_strdup(a, text)))
			return no_memory(e);
	}
	*ret = targets;
	*ret_n = n;
	return 0;
}

static int make_rules(const struct stored_rules *from, struct arena *a, struct catalogue_rules *ret, struct err *e)
{
	struct model_route *routes = ARENA_ARRAY(a, struct model_route, from->n_routes + 1);
	struct model_override *overrides = ARENA_ARRAY(a, struct model_override, from->n_overrides + 1);
	size_t n = 0;

	if (!routes || !overrides)
		return no_memory(e);
	for (size_t i = 0; i < from->n_routes; i++) {
		const char **targets;
		size_t n_targets;
		int r = configure_targets(from->routes[i].targets, a, &targets, &n_targets, e);

		if (r < 0)
			return r;
		routes[n++] = (struct model_route){
			.pattern = from->routes[i].pattern, .targets = targets, .n_targets = n_targets};
	}
	for (size_t i = 0; i < from->n_overrides; i++) {
		const struct stored_override *o = &from->overrides[i];

		overrides[i] = (struct model_override){.id = o->model, .name = o->name, .hidden = o->hidden};
	}
	ASSERT(n == from->n_routes);
	*ret = (struct catalogue_rules){
		.routes = routes, .n_routes = n, .overrides = overrides, .n_overrides = from->n_overrides};
	for (size_t i = 0; i < from->n_tasks; i++)
		for (int t = 0; t < TASK_COUNT; t++)
			if (strcmp(from->tasks[i].task, model_task_name((enum model_task)t)) == 0)
				ret->tasks[t] = from->tasks[i].model;
	return 0;
}

/* ---- together ---- */

static int read_stored(struct db *db, struct arena *a, struct stored_provider_list *ret_providers,
	struct stored_rules *ret_rules, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int r = stored_providers_list(c, a, ret_providers, e);

	return r < 0 ? r : model_rules_get(c, a, ret_rules, e);
}

int configure_again(struct providers *p, const struct configure *c, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	struct stored_provider_list stored = {0};
	struct stored_rules rules = {0};
	struct catalogue_rules made = {0};
	struct provider_config *all = NULL;
	size_t n = 0;

	ASSERT(thread_may_wait());
	arena_init(&a, MEMORY);
	int r = c->db ? read_stored(c->db, &a, &stored, &rules, e) : 0;
	if (r == 0)
		r = all_providers(c, &stored, &a, &all, &n, e);
	if (r == 0)
		r = make_rules(&rules, &a, &made, e);
	return r < 0 ? r : providers_configure(p, all, n, &made, e);
}

/* ---- keys that older versions have stored ---- */

#define KEYS_BOUND "provider_keys_bound"

static int read_unbound(struct db *db, struct arena *a, struct stored_provider_list *ret, bool *ret_done, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	const char *done = NULL;
	int r = meta_get(c, KEYS_BOUND, a, &done, e);

	*ret_done = done != NULL;
	return r < 0 || done ? r : stored_providers_list(c, a, ret, e);
}

int configure_bind_keys(const struct configure *c, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	struct stored_provider_list list = {0};
	bool done = false;
	int r;

	ASSERT(thread_may_wait() && c->vault);
	arena_init(&a, MEMORY);
	r = read_unbound(c->db, &a, &list, &done, e);
	for (size_t i = 0; r == 0 && !done && i < list.n; i++) {
		struct err why = {0};

		if (configure_bound(&list.items[i], &a, &why) == 0)
			r = stored_provider_bind(c->db, c->vault, &list.items[i], e);
	}
	return r < 0 || done ? r : meta_set(c->db, KEYS_BOUND, "1", e);
}

/* ---- the first time ---- */

/* What the registry would refuse or leave out without a word is said with its line. */
static int check_file(struct providers *p, const struct settings *s, struct err *e)
{
	CLEANUP(arena_wipe) struct arena a;
	struct catalogue known;
	size_t n;
	const struct settings_provider *all = settings_providers(s, &n);

	arena_init(&a, MEMORY);
	int r = n ? providers_catalogue(p, &a, &known, e) : 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct provider_config config = of_file(&all[i]);
		struct err why = {0};

		if (provider_config_check(&config, &why) < 0)
			return err_set(e, E_INVALID, "%s: provider %s: %s", all[i].origin, all[i].name, why.msg);
		for (size_t k = 0; k < known.n_providers; k++)
			if (strcmp(known.providers[k].name, all[i].name) == 0)
				return err_set(e, E_INVALID,
					"%s: there is a provider %s already, of a setting of its own (see atelier docs "
					"settings); give this one another name.",
					all[i].origin, all[i].name);
	}
	return r;
}

/* With another master key than before nothing looks wrong until somebody asks a model. */
static void tell_closed(const struct configure *c)
{
	CLEANUP(arena_wipe) struct arena a;
	struct stored_provider_list stored = {0};
	struct stored_rules rules = {0};
	struct err e = {0};
	const char *key;

	arena_init(&a, MEMORY);
	int r = read_stored(c->db, &a, &stored, &rules, &e);
	for (size_t i = 0; r == 0 && i < stored.n; i++) {
		err_clear(&e);
		if (stored.items[i].sealed.p && open_key(c->vault, &stored.items[i], &a, &key, &e) < 0)
			log_warn("provider", "%s: %s", stored.items[i].name, e.msg);
	}
}

int configure_start(struct providers *p, const struct configure *c, struct err *e)
{
	int r = check_file(p, c->settings, e);

	if (r == 0)
		r = configure_again(p, c, e);
	if (r == 0 && c->db && c->vault)
		tell_closed(c);
	return r;
}
