/*
 * routes.c - every address that is not a file of the web page: the list of what each resource offers.
 *
 * A resource's routes stand beside their handlers, as a `struct route_set` at the end of its file; here they come
 * together. The order is that of the OpenAPI document and of the reference.
 */
#include <pthread.h>
#include <stdlib.h>

#include "api/shared.h"

#define ROUTES_MAX 512

#define ROUTE_SETS(X)                                                                                                  \
	X(auth)                                                                                                        \
	X(bootstrap)                                                                                                   \
	X(users)                                                                                                       \
	X(keys)                                                                                                        \
	X(conversations)                                                                                               \
	X(find)                                                                                                        \
	X(bulk)                                                                                                        \
	X(folders)                                                                                                     \
	X(tree)                                                                                                        \
	X(messages)                                                                                                    \
	X(queue)                                                                                                       \
	X(summaries)                                                                                                   \
	X(context)                                                                                                     \
	X(turns)                                                                                                       \
	X(generate)                                                                                                    \
	X(assistants)                                                                                                  \
	X(agents)                                                                                                      \
	X(parameters)                                                                                                  \
	X(prompts)                                                                                                     \
	X(memories)                                                                                                    \
	X(websocket)                                                                                                   \
	X(events)                                                                                                      \
	X(models)                                                                                                      \
	X(ollama)                                                                                                      \
	X(jobs)                                                                                                        \
	X(catalogue)                                                                                                   \
	X(providers)                                                                                                   \
	X(manual)                                                                                                      \
	X(collections)                                                                                                 \
	X(documents)                                                                                                   \
	X(pages)                                                                                                       \
	X(search)                                                                                                      \
	X(tools)                                                                                                       \
	X(tool_servers)                                                                                                \
	X(tool_logins)                                                                                                 \
	X(mcp)                                                                                                         \
	X(oauth)                                                                                                       \
	X(oauth_token)                                                                                                 \
	X(files)                                                                                                       \
	X(images)                                                                                                      \
	X(uploads)                                                                                                     \
	X(usage)                                                                                                       \
	X(prices)                                                                                                      \
	X(limits)                                                                                                      \
	X(principals)                                                                                                  \
	X(groups)                                                                                                      \
	X(grants)                                                                                                      \
	X(openai_chat)                                                                                                 \
	X(openai_completions)                                                                                          \
	X(responses_request)                                                                                           \
	X(responses_kept)                                                                                              \
	X(embeddings)                                                                                                  \
	X(gateway_models)                                                                                              \
	X(anthropic_messages)                                                                                          \
	X(ollama_models)                                                                                               \
	X(ollama_calls)                                                                                                \
	X(ollama_manage)                                                                                               \
	X(vector_store)                                                                                                \
	X(health)                                                                                                      \
	X(openapi)

#define DECLARE(name) extern const struct route_set name##_routes;
#define LIST(name)    &name##_routes,

ROUTE_SETS(DECLARE)

static const struct route_set *const sets[] = {ROUTE_SETS(LIST)};

static const struct route *routes[ROUTES_MAX];
static const struct route *by_path[ROUTES_MAX]; /* the same, sorted */
static size_t n_routes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int compare_paths(const void *a, const void *b)
{
	const struct route *const *x = a, *const *y = b;

	int r = strcmp((*x)->path, (*y)->path);

	return r ? r : (*x > *y) - (*x < *y); /* those of one path as they stand in their set */
}

/* What the handlers of shared.h take for granted. */
static void check_shared(const struct route *r)
{
	const struct shared_resource *s = r->shared;

	ASSERT(s->kind && s->word && s->row <= s->body); /* a body begins with its row */
	ASSERT(s->kind->user_id + sizeof(atelier_id) <= s->row);
	ASSERT(!s->kind->versions || s->kind->version + sizeof(int64_t) <= s->row);
	ASSERT(!r->body || (r->handler != shared_post && r->handler != shared_patch) || r->body->size == s->body);
	ASSERT(r->handler != shared_post || (s->fresh && s->edit && s->fill));
	ASSERT(r->handler != shared_patch || (s->edit && s->fill && r->body));
	ASSERT(r->handler != shared_duplicate || s->name + sizeof(const char *) <= s->row);
}

static void check_params(const struct route *r)
{
	for (size_t i = 0; i < r->n_params; i++) {
		const struct param *p = &r->params[i];

		ASSERT(p->name && p->doc && p->min <= p->max);
		ASSERT(p->type != PARAM_I64 || (p->otherwise >= p->min && p->otherwise <= p->max));
		ASSERT(p->type == PARAM_STR ||
			(!p->choices && !p->pattern && !p->required)); /* of others nobody asks */
	}
}

/* Of the handlers of shared.h, each of which asks its route what it works on. */
static bool is_of_shared(const struct route *r)
{
	static int (*const all[])(struct request * q) = {shared_get_all, shared_post, shared_get_one, shared_patch,
		shared_delete_one, shared_duplicate, shared_get_versions, shared_rollback, shared_get_grants,
		shared_put_grants};
	bool found = false;

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		found |= r->handler == all[i];
	return found;
}

/* What match.c makes of it: struct route_args has a place for two names and one number. */
static void check_path(const struct route *r)
{
	size_t names = 0, numbers = 0;

	ASSERT(r->path[0] == '/');
	for (const char *p = strchr(r->path, '{'); p; p = strchr(p + 1, '{')) {
		bool number = strncmp(p, "{n}", 3) == 0;

		ASSERT(p[1] != '}' && strchr(p, '}'));
		*(number ? &numbers : &names) += 1;
	}
	ASSERT(names <= 2 && numbers <= 1);
	ASSERT(!(r->flags & ROUTE_REST) || (names == 1 && numbers == 0 && r->path[strlen(r->path) - 1] == '}'));
}

/* A mistake in a row would be met by the first request that comes that way: it is by the start. */
static void check_route(const struct route *r)
{
	bool asks_who = r->access != ACCESS_PUBLIC, reads = strcmp(r->method, "GET") == 0;

	ASSERT(r->handler && r->name && r->summary);
	ASSERT(r->status < 400);                                     /* errors have theirs from their table */
	ASSERT(!(r->flags & ROUTE_LOOP && asks_who));                /* the database is asked for that */
	ASSERT(!(r->flags & (ROUTE_SLOW | ROUTE_CALL)) || asks_who); /* they are counted for each user */
	ASSERT(!(r->flags & ROUTE_SLOW && r->flags & ROUTE_CALL));   /* it has one thread */
	ASSERT(!r->brief || r->flags & ROUTE_CALL);
	ASSERT(!(r->flags & ROUTE_STREAM) || !r->answer); /* it has no other answer */
	ASSERT(!(r->body && r->body_schema) && !(reads && (r->body || r->body_schema)));
	ASSERT(!r->body || r->body->n_fields <= 64); /* which were given are bits of a number */
	ASSERT(!is_of_shared(r) || r->shared);
	for (const int *code = r->errors; code && *code; code++)
		ASSERT(*code < 0);
	check_path(r);
	check_params(r);
	if (r->shared)
		check_shared(r);
	if (r->body)
		schema_check(r->body);
	if (r->answer)
		schema_check(r->answer);
}

static void gather(void)
{
	for (size_t i = 0; i < N_ELEMENTS(sets); i++) {
		for (size_t k = 0; k < sets[i]->n; k++) {
			ASSERT(n_routes < ROUTES_MAX);
			check_route(&sets[i]->routes[k]);
			routes[n_routes++] = &sets[i]->routes[k];
		}
	}
	memcpy(by_path, routes, sizeof(routes));
	qsort(by_path, n_routes, sizeof(by_path) / ROUTES_MAX, compare_paths);
	for (size_t i = 1; i < n_routes; i++) /* the second one would never be found */
		ASSERT(strcmp(by_path[i]->path, by_path[i - 1]->path) != 0 ||
			strcmp(by_path[i]->method, by_path[i - 1]->method) != 0);
}

uint32_t route_changes(const struct route *r)
{
	for (size_t i = 0; i < N_ELEMENTS(sets); i++) {
		if (r >= sets[i]->routes && r < sets[i]->routes + sets[i]->n)
			return sets[i]->changes;
	}
	return 0;
}

const struct route *const *api_routes(size_t *ret_n)
{
	pthread_once(&once, gather);
	*ret_n = n_routes;
	return routes;
}

const struct route *const *api_routes_at(const char *path, size_t *ret_n)
{
	size_t low = 0, high;

	pthread_once(&once, gather);
	high = n_routes;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(by_path[mid]->path, path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (high = low; high < n_routes && strcmp(by_path[high]->path, path) == 0; high++)
		;
	*ret_n = high - low;
	return by_path + low;
}
