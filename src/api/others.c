/*
 * others.c - what other processes change in the database that several share: once a second a worker reads their counters
 * and rereads what is kept in memory here, and ends what was opened by rights that they have taken away. On SQLite there are
 * no others.
 */
#include "api/others.h"

#include "api/models.h"
#include "base/log.h"
#include "store/changes.h"

/* Limits are counted anew at most so often for what others have used up: it reads the sums of a month. */
enum { RECOUNT_POLLS = 5, MEMORY = 64 << 10 };
/* Numbers are given before their transaction is committed: one that took its time (somebody's psql) comes behind later ones. */
enum { ENDINGS_BACK = 512 };

struct others {
	struct pool_task task;
	struct api *api;
	struct changes_seen seen; /* of the worker alone, as all here but `busy` */
	/* The highest ending that was seen, and which of the last ENDINGS_BACK there were: by id, modulo */
	int64_t ending;
	uint64_t endings[ENDINGS_BACK / 64];
	unsigned polls;
	bool busy; /* atomic */
};

static int read_again(struct others *o, const struct changes_seen *now, struct err *e)
{
	bool used = now->usage != o->seen.usage && ++o->polls >= RECOUNT_POLLS;
	int r = 0;

	ASSERT(__atomic_load_n(&o->busy, __ATOMIC_RELAXED)); /* one worker at a time */
	if (now->configuration != o->seen.configuration) {
		pthread_mutex_lock(&o->api->configure_mx);
		r = api_configure_stored(o->api, e);
		pthread_mutex_unlock(&o->api->configure_mx);
		if (r == 0)
			o->seen.configuration = now->configuration;
	}
	if (r == 0 && (now->limits != o->seen.limits || used)) {
		r = calls_reload(o->api->c.calls, e);
		if (r == 0) {
			if (now->limits != o->seen.limits) {
				bus_publish_changed(o->api->c.bus, BUS_PRICES);
				bus_publish_changed(o->api->c.bus, BUS_GROUPS);
			}
			o->seen.limits = now->limits;
			o->seen.usage = now->usage;
			o->polls = 0;
		}
	}
	return r;
}

/* Whether it was not seen before; now it is. */
static bool is_news(struct others *o, int64_t id)
{
	ASSERT(id > 0);
	if (id > o->ending && id - o->ending >= ENDINGS_BACK) {
		memset(o->endings, 0, sizeof(o->endings));
		o->ending = id;
	}
	for (; o->ending < id; o->ending++)
		o->endings[(o->ending + 1) % ENDINGS_BACK / 64] &= ~(UINT64_C(1) << (o->ending + 1) % 64);
	uint64_t *bits = &o->endings[id % ENDINGS_BACK / 64], bit = UINT64_C(1) << id % 64;
	bool news = id > o->ending - ENDINGS_BACK && !(*bits & bit);

	*bits |= bit;
	return news;
}

/* What is ended once too often, since it was noted before this process began, had no stream here. */
static int end_streams(struct others *o, struct err *e)
{
	struct change_ending *list = NULL;
	int64_t after = o->ending - ENDINGS_BACK;
	size_t n = CHANGE_ENDINGS;
	int r = 0;

	ASSERT(thread_may_wait());
	while (r == 0 && n == CHANGE_ENDINGS) {
		CLEANUP(arena_done) struct arena a;

		arena_init(&a, MEMORY);
		{
			CLEANUP(db_releasep) struct db_conn *c = db_acquire(o->api->c.db);
			r = changes_endings(c, after, &a, &list, &n, e);
		}
		for (size_t i = 0; r == 0 && i < n; i++) {
			const struct ending what = {.user_id = list[i].user_id,
				.session_id = list[i].session_id,
				.key_id = list[i].key_id,
				.conversation_id = list[i].conversation_id};
			bool any = what.user_id || what.session_id || what.key_id || what.conversation_id;
			if (is_news(o, list[i].id) && any)
				api_end(o->api, &what);
			after = list[i].id;
		}
	}
	return r;
}

static int poll_changes(struct others *o, struct err *e)
{
	struct changes_seen now = {0};
	int r = end_streams(o, e);

	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(o->api->c.db);
		r = changes_read(c, &now, e);
	}
	if (r == 0)
		r = calls_look_elsewhere(o->api->c.calls, e);
	if (r < 0)
		return r;
	/* What was there at the start has been read then, or is read once too often. */
	return read_again(o, &now, e);
}

static void run(void *arg)
{
	struct others *o = arg;
	struct err e = {0};

	ASSERT_IS(o->api, API_MAGIC);
	if (poll_changes(o, &e) < 0)
		log_debug("api", "what others have changed was not read: %s", e.msg);
	__atomic_store_n(&o->busy, false, __ATOMIC_RELEASE);
}

void others_poll(struct others *o)
{
	if (!db_is_shared(o->api->c.db) || __atomic_exchange_n(&o->busy, true, __ATOMIC_ACQUIRE))
		return;
	if (pool_submit(o->api->workers, &o->task, run, o) < 0)
		__atomic_store_n(&o->busy, false, __ATOMIC_RELEASE);
}

struct others *others_new(struct api *a)
{
	struct others *o = xcalloc(1, sizeof(*o));

	o->api = a;
	return o;
}

void others_free(struct others *o)
{
	free(o);
}
