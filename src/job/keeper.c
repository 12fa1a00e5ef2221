/*
 * keeper.c - the thread that takes jobs from the queue for this process and keeps those it has: renews their leases, saves
 * their progress, learns that somebody wants one to end or that it was taken over. Where several processes share the database
 * it also polls once a second what the others do: jobs that are watched here and run there, and those of one that died.
 *
 * It is the only thread that takes jobs, so that a job is launched once; and what it does takes one transaction each time,
 * however many jobs there are.
 */
#include <time.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "job/job_priv.h"
#include "sys/thread.h"

#define POLL_MS 1000          /* from one poll of what others do to the next, and two savings of progress */
#define TRIM_MS (60 * 1000LL) /* between two removals of old ones */

#define THERE_MS 5000 /* behind their last request people are there, */
#define LONG_MS  2000 /* what takes longer is not waited for, */
#define AGAIN_MS 250  /* and so often is looked whether it still is so */

#define WAIT_MAX_MS (RETRY_MAX_MS + 60 * 1000L)

/* Of the keeper's thread alone; times are monotonic but for `due_ms`. */
struct keeper {
	struct jobs *js;
	int64_t beat_ms, poll_ms, trim_ms, seen_ms; /* of the last one */
	int64_t due_ms;                             /* wall clock: when the next job is due */
	bool wanted;                                /* something may be taken */
	bool kept_back;                             /* there are enough of a kind */
	bool failed;                                /* the database did not answer; told once */
};

/* ---- what this process has ---- */

static size_t take_beats(struct jobs *js, struct job_beat *ret)
{
	size_t n = 0;

	pthread_mutex_lock(&js->mx);
	js->dirty = false;
	for (struct job *j = js->known; j && n < JOBS_HELD_MAX; j = j->next) {
		if (!j->held)
			continue;
		ret[n++] = (struct job_beat){
			.id = j->id, .claim = j->claim, .progress = j->unsaved ? xstrdup(j->progress) : NULL};
		j->unsaved = false;
	}
	pthread_mutex_unlock(&js->mx);
	return n;
}

static void heed_beats(struct jobs *js, struct job_beat *beats, size_t n, bool saved)
{
	ASSERT(n <= JOBS_HELD_MAX);
	pthread_mutex_lock(&js->mx);
	for (size_t i = 0; i < n; i++) {
		struct job *j = job_find(js, beats[i].id);

		if (j && j->held && j->claim == beats[i].claim) {
			if (!saved && beats[i].progress)
				j->unsaved = js->dirty = true;
			if (saved && beats[i].lost && !job_has_ended(j))
				cancel_fire(&j->cancel, E_TAKEN);
			else if (saved && beats[i].stop)
				cancel_fire(&j->cancel, E_CANCELED);
		}
		free((char *)beats[i].progress);
	}
	pthread_mutex_unlock(&js->mx);
}

static int beat(struct keeper *k, struct err *e)
{
	struct job_beat beats[JOBS_HELD_MAX];
	size_t n = take_beats(k->js, beats);
	int r = n ? jobs_beat(k->js->config.db, beats, n, k->js->lease_ms, e) : 0;

	heed_beats(k->js, beats, n, r == 0);
	if (r == 0)
		k->beat_ms = clock_mono_ms();
	return r;
}

/* ---- the queue ---- */

/* Later than any job waits: it was queued while the clock was ahead, and would wait for as long. */
static bool is_of_tomorrow(const struct keeper *k)
{
	return k->due_ms < INT64_MAX && k->due_ms > clock_now_ms() + WAIT_MAX_MS;
}

/*
 * While people are there, no more are taken of a kind than there are processors for: who works behind pauses for them, but not the
 * processes that read files. One that takes long does not count, so that it keeps nobody's other one waiting.
 */
static bool are_enough(struct jobs *js, const struct job_kind *kind)
{
	int64_t now = clock_mono_ms();
	unsigned n = 0;

	if (kind->processors == 0 || now - thread_asked_ms() >= THERE_MS)
		return false;
	pthread_mutex_lock(&js->mx);
	for (const struct job *j = js->known; j; j = j->next)
		n += j->held && j->kind == kind && now - j->begun_ms < LONG_MS;
	pthread_mutex_unlock(&js->mx);
	return n >= MAX(thread_processors() / kind->processors, 1);
}

static int take_all(struct keeper *k, const struct job_kind *kind, unsigned *ret_taken, struct err *e)
{
	struct jobs *js = k->js;
	const struct job_take x = {.kind = kind->name, .places = kind->places, .lease_ms = js->lease_ms};
	int r = 1;

	ASSERT(pthread_equal(pthread_self(), k->js->keeper));
	for (unsigned n = 0; r > 0 && n < kind->places; n++) {
		CLEANUP(arena_done) struct arena a;
		struct job_row row;

		if (are_enough(js, kind)) {
			k->kept_back = true;
			break;
		}
		arena_init(&a, 1u << 20);
		r = jobs_take(js->config.db, &x, &a, &row, e);
		if (r > 0) {
			job_launch(js, &row);
			++*ret_taken;
		}
	}
	return MIN(r, 0);
}

static int take_lanes(struct keeper *k, struct err *e)
{
	struct jobs *js = k->js;
	unsigned taken = 0;
	int64_t since_ms = clock_now_ms();
	int r = 0;

	k->kept_back = false;
	for (size_t i = 0; r == 0 && i < js->n_kinds; i++)
		r = take_all(k, &js->kinds[i], &taken, e);
	/* Who wanted one of them to end meanwhile has left a mark. */
	if (r == 0 && taken)
		r = beat(k, e);
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_next_due(c, since_ms, &k->due_ms, e);
	}
	if (k->kept_back)
		k->due_ms = MIN(k->due_ms, clock_now_ms() + AGAIN_MS);
	if (r == 0 && is_of_tomorrow(k)) {
		r = jobs_heal(js->config.db, WAIT_MAX_MS, e);
		k->due_ms = clock_now_ms(); /* they are taken in the next round */
	}
	return r;
}

/* ---- what others do ---- */

struct seen {
	atelier_id id;
	uint64_t version;
};

/* Those that are watched here and run elsewhere, or nowhere yet. */
static size_t take_watched(struct jobs *js, struct seen *ret)
{
	size_t n = 0;

	pthread_mutex_lock(&js->mx);
	for (struct job *j = js->known; j && n < JOBS_HELD_MAX; j = j->next) {
		if (!j->held && !job_has_ended(j))
			ret[n++] = (struct seen){j->id, j->version};
	}
	pthread_mutex_unlock(&js->mx);
	return n;
}

static int poll_watched(struct jobs *js, struct err *e)
{
	struct seen list[JOBS_HELD_MAX];
	size_t n = take_watched(js, list);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP(arena_done) struct arena a;
		struct job_row row = {.state = NULL};
		struct job *j;

		arena_init(&a, 1u << 20);
		{
			CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
			r = jobs_get(c, 0, list[i].id, &a, &row, e);
		}
		if (r == E_NOT_FOUND) { /* forgotten: who watches sees an end */
			row = (struct job_row){.state = "canceled", .ended_at = clock_now_ms()};
			err_clear(e);
			r = 0;
		}
		if (r < 0)
			break;
		pthread_mutex_lock(&js->mx);
		j = job_find(js, list[i].id);
		if (j && j->version == list[i].version)
			job_update(j, &row);
		pthread_mutex_unlock(&js->mx);
	}
	return r;
}

/* Whether some have ended since it was asked. */
static bool some_ended(struct jobs *js)
{
	bool ended;

	pthread_mutex_lock(&js->mx);
	ended = js->ended;
	js->ended = false;
	pthread_mutex_unlock(&js->mx);
	return ended;
}

static int poll_others(struct keeper *k, struct err *e)
{
	struct jobs *js = k->js;
	int64_t n = 0;
	int r = poll_watched(js, e);

	k->poll_ms = clock_mono_ms();
	if (r == 0 && db_is_shared(js->config.db) && (!k->seen_ms || k->poll_ms - k->seen_ms >= js->lease_ms / 3)) {
		k->seen_ms = k->poll_ms;
		r = jobs_node_seen(js->config.db, e);
	}
	if (r == 0 && db_is_shared(js->config.db))
		r = jobs_recover(js->config.db, false, &n, e);
	if (r == 0 && clock_mono_ms() - k->trim_ms >= TRIM_MS && some_ended(js)) {
		k->trim_ms = clock_mono_ms();
		r = jobs_trim(js->config.db, e);
	}
	return r;
}

/* ---- the thread ---- */

/* What is to be done now, in a word for each. */
struct tasks {
	bool beat, take, poll;
};

static struct tasks due(const struct keeper *k)
{
	struct jobs *js = k->js;
	int64_t now = clock_mono_ms();
	bool shared = db_is_shared(js->config.db);
	bool second = now - k->poll_ms >= POLL_MS;

	ASSERT(lock_is_mine(&k->js->mx));
	return (struct tasks){
		.beat = now - k->beat_ms >= (js->dirty || shared ? POLL_MS : js->lease_ms / 3),
		.take = k->wanted || (shared && second) || clock_now_ms() >= k->due_ms || is_of_tomorrow(k),
		.poll = second,
	};
}

static void sleep_a_moment(struct keeper *k)
{
	struct jobs *js = k->js;
	int64_t ms = MIN(MIN(POLL_MS, js->lease_ms / 3), MAX(k->due_ms - clock_now_ms(), 1));
	int64_t until_ms = clock_mono_ms() + ms;

	ASSERT(lock_is_mine(&k->js->mx));
	while (!js->stopping && !js->wake && clock_wait(&js->cv, &js->mx, until_ms))
		;
}

static void do_tasks(struct keeper *k, struct tasks what)
{
	struct err e = {0};
	int r = 0;

	if (what.beat)
		r = beat(k, &e);
	if (r == 0 && what.take)
		r = take_lanes(k, &e);
	if (r == 0 && what.poll)
		r = poll_others(k, &e);
	if (r < 0 && !k->failed)
		log_warn("job", "the queue of jobs was not read: %s", e.msg);
	k->failed = r < 0;
	k->wanted = k->failed && what.take;
	if (k->failed)
		k->due_ms = clock_now_ms() + POLL_MS;
}

static void *keep(void *arg)
{
	struct keeper k = {.js = arg};
	struct jobs *js = arg;

	thread_step_back(); /* its writes are no answers, for which jobs would wait */
	pthread_mutex_lock(&js->mx);
	while (!js->stopping) {
		struct tasks what;

		k.wanted |= js->wake;
		what = due(&k);
		js->wake = false;
		pthread_mutex_unlock(&js->mx);
		do_tasks(&k, what);
		pthread_mutex_lock(&js->mx);
		sleep_a_moment(&k);
	}
	pthread_mutex_unlock(&js->mx);
	return NULL;
}

int job_keeper_start(struct jobs *js, struct err *e)
{
	ASSERT(!js->keeps);
	int r = thread_start(&js->keeper, "job-keeper", 0, keep, js);

	js->keeps = r == 0;
	return r < 0 ? err_set(e, r, "The thread that takes jobs does not start: %s.", strerror(-r)) : 0;
}
