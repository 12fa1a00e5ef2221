/*
 * queue.c - questions asked while an answer is being written: they wait (store/queued.h), or that answer is stopped for them.
 * What waits goes on when an answer is complete. After one that was stopped or failed, and after a restart, it waits for the
 * person: what was to be asked may make no sense any more.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/collections.h"
#include "store/grants.h"
#include "store/images.h"
#include "store/queued.h"
#include "store/users.h"
#include "turn/turn_priv.h"

#define STOP_WAIT_MS  3000 /* for an answer that is stopped to be stored */
#define PLACE_WAIT_MS 50   /* for a place, before others that wait for one are tried */
#define TRIES         20   /* answers that begin and end between two looks */

/* ---- asking ---- */

static int is_running(struct turns *all, const struct turn_request *q, struct arena *a, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	struct conversation v;
	int r = conversations_get(c, q->user_id, q->conversation_id, a, &v, e);

	if (r == 0)
		*ret = v.turn_id != 0;
	return r;
}

static int check_pictures(struct turns *all, const struct turn_request *q, struct arena *a, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	struct image_row image;
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->n_attachments; i++)
		r = images_get(c, q->user_id, q->attachments[i], a, &image, e);
	return r;
}

static int check_places(struct turns *all, const struct turn_request *q, struct arena *a, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	const struct search_wish where = {q->user_id, q->collections, q->documents, q->n_collections, q->n_documents};
	struct search_scope scope;

	return q->n_collections + q->n_documents ? collections_scope(c, &where, a, &scope, e) : 0;
}

/* Nobody is to learn only when it is sent that there is no such model, that it does not see, or that there is no such picture,
 * tool, collection or document. */
static int check_what_waits(struct turns *all, const struct turn_request *q, struct arena *a, struct err *e)
{
	const char *wanted = NULL, *model = NULL;
	struct err quiet = {0};
	struct model m;
	int r = turn_wanted_model(all->db, q, a, &wanted, e);

	if (r == 0)
		r = MIN(providers_resolve(all->providers, wanted, a, &model, e), 0);
	if (r == 0 && q->n_attachments && providers_model(all->providers, model, a, &m, &quiet) >= 0 && !model_sees(&m))
		r = err_set(e, E_MODEL_CANNOT, "%.120s does not see pictures. Choose another model, or leave them out.",
			model);
	if (r == 0)
		r = check_pictures(all, q, a, e);
	if (r == 0)
		r = turn_check_tools(all, q, a, e);
	return r < 0 ? r : check_places(all, q, a, e);
}

/* A conversation whose queue goes on. */
struct going_on {
	struct turns *all;
	atelier_id user_id, conversation_id;
	struct pool_task task;
	struct going_on *next;
};

/* Whether the queue is about to be asked: an answer has just ended that was not stopped. Nothing may come before what waits. */
static bool goes_on(struct turns *all, atelier_id conversation_id)
{
	bool found = false;

	pthread_mutex_lock(&all->mx);
	for (struct turn *t = all->live; t && !found; t = t->next)
		found = t->ids.conversation_id == conversation_id && !cancel_reason(&t->cancel);
	for (const struct going_on *g = all->going_on; g && !found; g = g->next)
		found = g->conversation_id == conversation_id;
	pthread_mutex_unlock(&all->mx);
	return found;
}

/* *ret_id 0: nothing is being written any more. */
static int put(struct turns *all, const struct turn_request *q, struct arena *a, atelier_id *ret_id, struct err *e)
{
	const struct queued row = {.user_id = q->user_id,
		.conversation_id = q->conversation_id,
		.key_id = q->key_id,
		.assistant_id = q->assistant_id,
		.content = q->content,
		.images = q->attachments,
		.n_images = q->n_attachments,
		.collections = q->collections,
		.documents = q->documents,
		.n_collections = q->n_collections,
		.n_documents = q->n_documents,
		.model = q->model,
		.parameters = q->parameters,
		.tools = q->tools,
		.language = q->language,
		.time_zone = q->time_zone};
	int r = check_what_waits(all, q, a, e);

	if (r == 0)
		r = queued_add(all->db, &row, goes_on(all, q->conversation_id), ret_id, e);
	if (r == 0 && *ret_id)
		bus_publish(
			all->config.bus, &(struct bus_event){BUS_QUEUE, "queued", q->user_id, q->conversation_id, 0});
	return r;
}

/* Between a look and the next step an answer may end, or begin: then all is looked at again. */
static int wait_or_start(
	struct turns *all, const struct turn_request *q, struct arena *a, struct turn_asked *ret, struct err *e)
{
	int r = E_CONFLICT;

	for (int i = 0; r == E_CONFLICT && i < TRIES; i++) {
		bool running = false;
		err_clear(e);
		r = is_running(all, q, a, &running, e);
		if (r == 0 && (running || goes_on(all, q->conversation_id)))
			r = put(all, q, a, &ret->queued_id, e);
		if (r < 0 || ret->queued_id)
			return r;
		r = turn_start(all, q, ret, e);
	}
	return r;
}

static int stop_and_start(
	struct turns *all, const struct turn_request *q, struct arena *a, struct turn_asked *ret, struct err *e)
{
	bool running = false;
	int r = is_running(all, q, a, &running, e); /* and theirs */

	if (r < 0)
		return r;
	if (running && !turns_end_conversation(all, q->conversation_id, STOP_WAIT_MS)) {
		e->retry_after_s = 1;
		return err_set(e, E_BUSY,
			"The answer that is being written is stopped, but has not ended yet. Try again in a moment.");
	}
	return turn_start(all, q, ret, e);
}

int turn_ask_meanwhile(
	struct turns *all, const struct turn_request *q, enum turn_when when, struct turn_asked *ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;

	ASSERT(thread_may_wait());
	arena_init(&a, TURN_ARENA_BYTES);
	*ret = (struct turn_asked){.n = 0};
	return when == TURN_IN_QUEUE ? wait_or_start(all, q, &a, ret, e) : stop_and_start(all, q, &a, ret, e);
}

struct turn_request turn_of_queued(const struct queued *row)
{
	return (struct turn_request){.user_id = row->user_id,
		.conversation_id = row->conversation_id,
		.key_id = row->key_id,
		.queued_id = row->id,
		.content = row->content,
		.attachments = row->images,
		.n_attachments = row->n_images,
		.collections = row->collections,
		.documents = row->documents,
		.n_collections = row->n_collections,
		.n_documents = row->n_documents,
		.model = row->model,
		.assistant_id = row->assistant_id,
		.parameters = row->parameters,
		.tools = row->tools,
		.language = row->language,
		.time_zone = row->time_zone};
}

/* ---- going on ---- */

/* Since it was asked, the person or the model may have been taken away: E_FORBIDDEN. */
static int check_rights(struct turns *all, const struct turn_request *q, struct arena *a, struct err *e)
{
	const char *wanted, *id;
	int r;

	if ((r = turn_wanted_model(all->db, q, a, &wanted, e)) < 0 ||
		(r = providers_resolve(all->providers, wanted, a, &id, e)) < 0)
		return r;
	return turn_check_rights(all, q->user_id, q->key_id, id, e);
}

/* The first one is asked; E_NOT_FOUND when none waits. */
static int start_first(const struct going_on *g, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct queued row = {0};
	struct turn_asked asked;
	int r;

	arena_init(&a, TURN_ARENA_BYTES);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(g->all->db);
		r = queued_first(c, g->conversation_id, &a, &row, e);
	}
	if (r < 0)
		return r;
	const struct turn_request q = turn_of_queued(&row);
	r = check_rights(g->all, &q, &a, e);
	return r < 0 ? r : turn_start(g->all, &q, &asked, e);
}

static void going_on_free(struct going_on *g)
{
	struct going_on **at = &g->all->going_on;

	pthread_mutex_lock(&g->all->mx);
	while (*at != g) {
		ASSERT(*at); /* it is in the list */
		at = &(*at)->next;
	}
	*at = g->next;
	pthread_mutex_unlock(&g->all->mx);
	free(g);
}

bool turn_wait_place(struct turns *all)
{
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&all->mx);
	if (!all->stopping)
		(void)clock_wait(&all->gone, &all->mx, clock_mono_ms() + PLACE_WAIT_MS);
	bool stopping = all->stopping;
	pthread_mutex_unlock(&all->mx);
	return !stopping;
}

/* Where all places are taken it is tried again behind the others. */
static void go_on(void *arg)
{
	struct going_on *g = arg;
	struct turns *all = g->all;
	struct err e = {0};
	int r = start_first(g, &e);

	if ((r == E_BUSY || r == E_RATE_LIMITED) && turn_wait_place(all) &&
		pool_submit(all->queue_threads, &g->task, go_on, g) == 0)
		return;
	if (r < 0 && r != E_NOT_FOUND && r != E_CONFLICT && r != E_STOPPING)
		log_warn("turn", "a queued message is not sent, and waits for its person: %s", e.msg);
	going_on_free(g);
}

static bool has_queue(struct turns *all, atelier_id conversation_id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	CLEANUP(arena_done) struct arena a;
	struct queued first;
	struct err quiet = {0};

	arena_init(&a, TURN_ARENA_BYTES);
	return queued_first(c, conversation_id, &a, &first, &quiet) == 0;
}

/* A failure leaves it in the queue, for the person or the next answer. */
void turn_queue_go_on(struct turns *all, atelier_id user_id, atelier_id conversation_id)
{
	if (!has_queue(all, conversation_id))
		return;
	struct going_on *g = xcalloc(1, sizeof *g);
	*g = (struct going_on){.all = all, .user_id = user_id, .conversation_id = conversation_id};
	pthread_mutex_lock(&all->mx);
	g->next = all->going_on;
	all->going_on = g;
	pthread_mutex_unlock(&all->mx);
	if (pool_submit(all->queue_threads, &g->task, go_on, g) < 0)
		going_on_free(g);
}
