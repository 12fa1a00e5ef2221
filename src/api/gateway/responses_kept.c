/*
 * responses_kept.c - answers of /v1/responses that clients go on from by their id. They are rows of the database, for a
 * while and up to a limit for all and one for each key, the oldest going first. Between the moment when the client has the
 * end of an answer and the one when its row is written, it is found here in memory.
 */
#include "api/gateway/describe.h"
#include "api/gateway/gateway_priv.h"
#include "api/gateway/responses.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/magic.h"
#include "store/responses.h"

#define ALL_BYTES ((int64_t)512 << 20)
#define KEY_BYTES ((int64_t)48 << 20)
#define ONE_BYTES ((size_t)8 << 20)  /* a larger one is not kept: its id is not found later */
#define NEW_BYTES ((size_t)64 << 20) /* not written yet */

struct kept {
	struct response row; /* its texts are ours */
	size_t bytes;
	bool deleted;      /* by its client, before its row was written */
	struct kept *next; /* an older one */
};

struct responses_kept {
	unsigned magic; /* KEPT_MAGIC */
#define KEPT_MAGIC 0x6b657074u
	pthread_mutex_t mx; /* of the list and of what it has; the newest is first */
	struct kept *first;
	size_t bytes;
};

struct responses_kept *responses_kept_new(void)
{
	struct responses_kept *all = xcalloc(1, sizeof(*all));

	MAGIC_SET(all, KEPT_MAGIC);
	pthread_mutex_init(&all->mx, NULL);
	return all;
}

static void kept_free(struct kept *k)
{
	free((void *)(uintptr_t)k->row.previous);
	free((void *)(uintptr_t)k->row.input);
	free((void *)(uintptr_t)k->row.output);
	free(k);
}

void responses_kept_free(struct responses_kept *all)
{
	if (!all)
		return;
	for (struct kept *k = all->first, *next; k; k = next) {
		next = k->next;
		kept_free(k);
	}
	pthread_mutex_destroy(&all->mx);
	MAGIC_END(all, KEPT_MAGIC);
	free(all);
}

static struct response_owner owner_of(const struct request *q)
{
	return (struct response_owner){.user_id = q->who.user.id, .key_id = q->who.key_id};
}

/* They are kept for this long; 0: not at all. */
static int64_t kept_ms(const struct request *q)
{
	return q->api->c.settings->responses_keep_hours * 3600 * 1000;
}

/* "resp_0123456789abc": what stands behind the underscore, without the number of an item. */
static bool read_id(const char *id, atelier_id *ret)
{
	const char *at = strchr(id, '_');

	return at && strlen(at + 1) >= ID_LEN && id_parse(at + 1, ID_LEN, ret);
}

/* ---- keeping ---- */

void responses_keep(struct gw_call *c, struct str response)
{
	struct responses_kept *all = c->q->api->gateway->kept;
	const struct responses *s = c->shape;
	size_t bytes = s->input ? strlen(s->input) + response.n : 0;
	struct kept *k;

	ASSERT_IS(all, KEPT_MAGIC);
	if (!s->keeps || !s->input || bytes > ONE_BYTES || kept_ms(c->q) == 0)
		return;
	k = xcalloc(1, sizeof(*k));
	k->bytes = bytes;
	k->row = (struct response){.owner = owner_of(c->q),
		.made_at = clock_now_ms(),
		.previous = s->previous ? xstrdup(s->previous) : NULL,
		.input = strdup(s->input),
		.output = strndup(response.p, response.n)};
	pthread_mutex_lock(&all->mx);
	bool fits =
		k->row.input && k->row.output && id_parse(c->id, ID_LEN, &k->row.id) && all->bytes + bytes <= NEW_BYTES;
	if (fits) {
		k->next = all->first;
		all->first = k;
		all->bytes += bytes;
	}
	pthread_mutex_unlock(&all->mx);
	if (!fits)
		kept_free(k);
}

/* Lock held. */
static struct kept **place_of(struct responses_kept *all, atelier_id id)
{
	struct kept **p = &all->first;

	ASSERT(lock_is_mine(&all->mx));
	while (*p && (*p)->row.id != id)
		p = &(*p)->next;
	return p;
}

/* Lock held. */
static void let_go(struct responses_kept *all, struct kept **p)
{
	struct kept *k = *p;

	ASSERT(lock_is_mine(&all->mx) && all->bytes >= k->bytes);
	*p = k->next;
	all->bytes -= k->bytes;
	kept_free(k);
}

void responses_store(struct gw_call *c)
{
	struct responses_kept *all = c->q->api->gateway->kept;
	struct response_owner own = owner_of(c->q);
	struct err e = {0};
	atelier_id id;

	ASSERT_IS(all, KEPT_MAGIC);
	if (!id_parse(c->id, ID_LEN, &id))
		return;
	pthread_mutex_lock(&all->mx);
	const struct kept *k = *place_of(all, id);
	pthread_mutex_unlock(&all->mx);
	if (!k)
		return;
	int r = responses_put(c->q->api->c.db, &k->row, KEY_BYTES, ALL_BYTES, &e);
	if (r < 0 && r != E_NOT_FOUND)
		log_warn("gateway", "a response could not be kept: %s", e.msg);
	pthread_mutex_lock(&all->mx);
	bool deleted = k->deleted;
	ASSERT(*place_of(all, id) == k); /* only who stores it lets it go */
	let_go(all, place_of(all, id));
	pthread_mutex_unlock(&all->mx);
	if (deleted && r == 0 && responses_delete(c->q->api->c.db, id, &own, &e) < 0)
		log_warn("gateway", "a response could not be deleted: %s", e.msg);
}

/* ---- finding ---- */

/* Lock held. NULL: not there, or another's. */
static struct kept *own_new(const struct request *q, atelier_id id)
{
	struct kept *k = *place_of(q->api->gateway->kept, id);
	struct response_owner own = owner_of(q);

	ASSERT(lock_is_mine(&q->api->gateway->kept->mx));
	return k && !k->deleted && k->row.owner.user_id == own.user_id && k->row.owner.key_id == own.key_id ? k : NULL;
}

/* Of those that are not written yet. False: not there; *ret_r: -ENOMEM recorded. */
static bool find_new(struct request *q, atelier_id id, struct kept_response *ret, int *ret_r)
{
	struct responses_kept *all = q->api->gateway->kept;

	ASSERT_IS(all, KEPT_MAGIC);
	pthread_mutex_lock(&all->mx);
	const struct kept *k = own_new(q, id);
	if (k) {
		ret->input = arena_strdup(&q->mem, k->row.input);
		ret->response = arena_strdup(&q->mem, k->row.output);
		ret->previous = k->row.previous ? arena_strdup(&q->mem, k->row.previous) : NULL;
		*ret_r = ret->input && ret->response && (ret->previous || !k->row.previous) ? 0 : request_no_memory(q);
	}
	pthread_mutex_unlock(&all->mx);
	return k;
}

static int find_row(struct request *q, atelier_id id, struct kept_response *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct response_owner own = owner_of(q);
	struct response row;
	int r = responses_get(c, id, &own, clock_now_ms() - kept_ms(q), &q->mem, &row, &q->err);

	if (r == 0)
		*ret = (struct kept_response){.input = row.input, .response = row.output, .previous = row.previous};
	return r;
}

static int not_found(struct request *q, const char *id)
{
	err_clear(&q->err);
	return err_set(
		&q->err, E_NOT_FOUND, "Response with id '%.80s' not found: it was not stored, or too long ago.", id);
}

int responses_find(struct request *q, const char *id, struct kept_response *ret)
{
	atelier_id bare;
	int r = E_NOT_FOUND;

	if (read_id(id, &bare) && !find_new(q, bare, ret, &r))
		r = find_row(q, bare, ret);
	return r == E_NOT_FOUND ? not_found(q, id) : r;
}

/* ---- GET, DELETE, input_items ---- */

static int response_get(struct request *q)
{
	struct kept_response k = {0};
	const char *stream = http_query(q->x, "stream");
	int r = responses_find(q, q->arg, &k);

	if (r == 0 && stream && strcmp(stream, "true") == 0)
		return err_set(
			&q->err, E_INVALID, "An answer that is kept is told as a whole: \"stream\" is not offered.");
	if (r == 0)
		buf_add_str(&q->raw, k.response);
	return r;
}

static int response_delete(struct request *q)
{
	struct responses_kept *all = q->api->gateway->kept;
	struct response_owner own = owner_of(q);
	atelier_id id = 0;
	int r = 0;

	(void)read_id(q->arg, &id);
	pthread_mutex_lock(&all->mx);
	struct kept *k = own_new(q, id);
	if (k)
		k->deleted = true;
	pthread_mutex_unlock(&all->mx);
	if (!k && (r = responses_delete(q->api->c.db, id, &own, &q->err)) < 0)
		return r == E_NOT_FOUND ? not_found(q, q->arg) : r;
	buf_add_str(&q->raw, "{\"id\":");
	json_add_cstr(&q->raw, q->arg);
	buf_add_str(&q->raw, ",\"object\":\"response\",\"deleted\":true}");
	return 0;
}

/* Nothing runs once its client has gone: what is kept has ended. */
static int response_cancel(struct request *q)
{
	struct kept_response k = {0};
	int r = responses_find(q, q->arg, &k);

	return r < 0 ? r : err_set(&q->err, E_INVALID, "Cannot cancel a synchronous response: it has ended.");
}

/* ---- the items of its request ---- */

#define ITEMS_USUAL 20
#define ITEMS_MOST  100

/* Clients give few items an id of their own, and page by it. */
static const char *item_id(struct request *q, json_t *item, size_t i)
{
	const char *id = json_get_str(item, "id");

	if (!id && (id = arena_printf(&q->mem, "item_%s_%zu", strchr(q->arg, '_') + 1, i)) != NULL)
		json_object_set_new(item, "id", json_string(id));
	return id;
}

static int read_limit(struct request *q, size_t *ret)
{
	const char *text = http_query(q->x, "limit");
	char *end = NULL;
	long n = text ? strtol(text, &end, 10) : ITEMS_USUAL;

	*ret = (size_t)n;
	if (n >= 1 && n <= ITEMS_MOST && (!end || (end != text && !*end)))
		return 0;
	return err_set(&q->err, E_INVALID, "\"limit\" must be a number from 1 to %d.", ITEMS_MOST);
}

/* A page of the list: `after` an item of this id, the newest first unless the order is "asc". */
static void add_page(struct request *q, json_t *items, size_t limit)
{
	const char *after = http_query(q->x, "after"), *order = http_query(q->x, "order"), *last = NULL;
	bool ascending = order && strcmp(order, "asc") == 0, begun = !after;
	size_t n = json_array_size(items), told = 0, i = 0;

	buf_add_str(&q->raw, "{\"object\":\"list\",\"data\":[");
	for (; i < n && told < limit; i++) {
		size_t at = ascending ? i : n - 1 - i;
		json_t *item = json_array_get(items, at);
		const char *id = item_id(q, item, at);

		if (begun) {
			buf_add_str(&q->raw, told++ ? "," : "");
			json_add_value(&q->raw, item);
			last = id;
		}
		begun = begun || (id && strcmp(id, after) == 0);
	}
	size_t from = i - told;
	const char *first = told ? item_id(q, json_array_get(items, ascending ? from : n - 1 - from), 0) : NULL;

	buf_add_str(&q->raw, "],\"first_id\":");
	json_add_cstr(&q->raw, first);
	buf_add_str(&q->raw, ",\"last_id\":");
	json_add_cstr(&q->raw, last);
	buf_printf(&q->raw, ",\"has_more\":%s}", i < n ? "true" : "false");
}

static int response_items_get(struct request *q)
{
	CLEANUP(json_decrefp) json_t *items = NULL;
	struct kept_response k = {.input = ""};
	size_t limit = 0;
	int r = read_limit(q, &limit);

	if (r == 0)
		r = responses_find(q, q->arg, &k);
	if (r == 0)
		r = json_read(k.input, strlen(k.input), JSON_MEMORY, JSON_READ_EXACT, &items, &q->err);
	if (r == 0)
		add_page(q, items, limit);
	return r;
}
/* clang-format off */
static const struct route routes[] = {
	{"GET", "/v1/responses/{response}", "openaiResponse", response_get, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "An answer that is still kept."},
	{"GET", "/v1/responses/{response}/input_items", "openaiResponseItems", response_items_get, ACCESS_USER,
		ROUTE_GATEWAY, OPENAI, .summary = "What such an answer's request brought."},
	{"POST", "/v1/responses/{response}/cancel", "openaiResponseCancel", response_cancel, ACCESS_USER, ROUTE_GATEWAY,
		OPENAI, .summary = "Refused: no answer goes on without its client."},
	{"DELETE", "/v1/responses/{response}", "openaiResponseDelete", response_delete, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "Keep an answer no longer."},
};
/* clang-format on */
const struct route_set responses_kept_routes = ROUTES(routes);
