/*
 * responses_kept.c - answers of /v1/responses that clients go on from by their id. They are kept in memory for a day, up
 * to a limit for all and one for each key, the oldest going first; they end with the program.
 */
#include "api/gateway/describe.h"
#include "api/gateway/gateway_priv.h"
#include "api/gateway/responses.h"
#include "api/request.h"
#include "base/clock.h"

#define KEPT_MS     (INT64_C(24) * 3600 * 1000)
#define KEPT_BYTES  ((size_t)64 << 20)
#define KEPT_OF_KEY ((size_t)24 << 20)
#define KEPT_OF_ONE ((size_t)8 << 20) /* a larger one is not kept: its id is not found later */

struct kept {
	char id[ID_LEN + 1], previous[ID_LEN + 1];
	int64_t user, key, made_ms;
	size_t bytes;
	char *input, *response;
	struct kept *prev, *next; /* the newest first */
};

struct responses_kept {
	pthread_mutex_t mx;
	struct kept *first, *last;
	size_t bytes;
};

struct responses_kept *responses_kept_new(void)
{
	struct responses_kept *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->mx, NULL);
	return all;
}

/* Lock held. */
static void kept_free(struct responses_kept *all, struct kept *k)
{
	*(k->prev ? &k->prev->next : &all->first) = k->next;
	*(k->next ? &k->next->prev : &all->last) = k->prev;
	all->bytes -= k->bytes;
	free(k->input);
	free(k->response);
	free(k);
}

void responses_kept_free(struct responses_kept *all)
{
	if (!all)
		return;
	while (all->first)
		kept_free(all, all->first);
	pthread_mutex_destroy(&all->mx);
	free(all);
}

static bool is_of(const struct kept *k, const struct request *q)
{
	return k->user == q->who.user.id && k->key == q->who.key_id;
}

static void make_room(struct responses_kept *all, const struct request *q, size_t bytes)
{
	int64_t oldest = clock_now_ms() - KEPT_MS;
	size_t own = bytes;

	while (all->last && (all->bytes + bytes > KEPT_BYTES || all->last->made_ms < oldest))
		kept_free(all, all->last);
	for (struct kept *k = all->first, *next; k; k = next) {
		next = k->next;
		if (is_of(k, q) && (own += k->bytes) > KEPT_OF_KEY) {
			own -= k->bytes;
			kept_free(all, k);
		}
	}
}

/* "resp_0123456789abc": what stands behind the underscore, without the number of an item. */
static bool read_id(const char *id, char ret[ID_LEN + 1])
{
	const char *at = strchr(id, '_');

	if (!at || strlen(at + 1) < ID_LEN)
		return false;
	memcpy(ret, at + 1, ID_LEN);
	ret[ID_LEN] = '\0';
	return true;
}

void responses_keep(struct gw_call *c, struct str response)
{
	struct responses_kept *all = c->q->api->gateway->kept;
	const struct responses *s = c->shape;
	size_t bytes = s->input ? sizeof(struct kept) + strlen(s->input) + response.n + 2 : 0;
	struct kept *k;

	if (!s->keeps || !s->input || bytes > KEPT_OF_ONE)
		return;
	k = xcalloc(1, sizeof(*k));
	memcpy(k->id, c->id, sizeof(k->id));
	if (s->previous)
		(void)read_id(s->previous, k->previous);
	k->user = c->q->who.user.id;
	k->key = c->q->who.key_id;
	k->made_ms = clock_now_ms();
	k->bytes = bytes;
	k->input = xstrdup(s->input);
	k->response = strndup(response.p, response.n);
	if (!k->response)
		abort();
	pthread_mutex_lock(&all->mx);
	make_room(all, c->q, bytes);
	k->next = all->first;
	*(k->next ? &k->next->prev : &all->last) = k;
	all->first = k;
	all->bytes += bytes;
	pthread_mutex_unlock(&all->mx);
}

/* Lock held. */
static struct kept *find(struct responses_kept *all, const struct request *q, const char *id)
{
	char bare[ID_LEN + 1];

	for (struct kept *k = read_id(id, bare) ? all->first : NULL; k; k = k->next) {
		if (strcmp(k->id, bare) == 0 && is_of(k, q) && k->made_ms >= clock_now_ms() - KEPT_MS)
			return k;
	}
	return NULL;
}

int responses_find(struct request *q, const char *id, struct kept_response *ret)
{
	struct responses_kept *all = q->api->gateway->kept;
	int r = 0;

	pthread_mutex_lock(&all->mx);
	const struct kept *k = find(all, q, id);
	if (k) {
		ret->input = arena_strdup(&q->mem, k->input);
		ret->response = arena_strdup(&q->mem, k->response);
		ret->previous = *k->previous ? arena_printf(&q->mem, "resp_%s", k->previous) : NULL;
		r = ret->input && ret->response && (ret->previous || !*k->previous) ? 0 : request_no_memory(q);
	}
	pthread_mutex_unlock(&all->mx);
	return k ? r
		 : err_set(&q->err, E_NOT_FOUND,
			   "Response with id '%.80s' not found: it was not stored, or too long ago.", id);
}

/* ---- GET, DELETE, input_items ---- */

static int response_get(struct request *q)
{
	struct kept_response k = {0};
	int r = responses_find(q, q->arg, &k);

	if (r == 0)
		buf_add_str(&q->raw, k.response);
	return r;
}

static int response_delete(struct request *q)
{
	struct responses_kept *all = q->api->gateway->kept;
	bool found;

	pthread_mutex_lock(&all->mx);
	struct kept *k = find(all, q, q->arg);
	found = k != NULL;
	if (k)
		kept_free(all, k);
	pthread_mutex_unlock(&all->mx);
	if (!found)
		return err_set(&q->err, E_NOT_FOUND, "Response with id '%.80s' not found.", q->arg);
	buf_add_str(&q->raw, "{\"id\":");
	json_add_cstr(&q->raw, q->arg);
	buf_add_str(&q->raw, ",\"object\":\"response\",\"deleted\":true}");
	return 0;
}

static int response_items_get(struct request *q)
{
	struct kept_response k = {0};
	int r = responses_find(q, q->arg, &k);

	if (r == 0)
		buf_printf(&q->raw,
			"{\"object\":\"list\",\"first_id\":null,\"last_id\":null,\"has_more\":false,\"data\":");
	if (r == 0)
		buf_add_str(&q->raw, k.input);
	if (r == 0)
		buf_add_char(&q->raw, '}');
	return r;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", "/v1/responses/{response}", "openaiResponse", response_get, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "An answer that is still kept."},
	{"GET", "/v1/responses/{response}/input_items", "openaiResponseItems", response_items_get, ACCESS_USER,
		ROUTE_GATEWAY, OPENAI, .summary = "What such an answer's request brought."},
	{"DELETE", "/v1/responses/{response}", "openaiResponseDelete", response_delete, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "Keep an answer no longer."},
};
/* clang-format on */
const struct route_set responses_kept_routes = ROUTES(routes);
