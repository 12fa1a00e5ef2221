/*
 * maintenance.c - what is done beside serving: removing what has outlived its use, looking through the database. One
 * thread that sleeps between. Each kind goes in small transactions, so that nobody waits long behind one, and none is
 * removed for its age while the clock has just jumped: what it takes for old would be gone for good.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "program.h"
#include "rag/rag.h"
#include "store/changes.h"
#include "store/conversations.h"
#include "store/documents.h"
#include "store/files.h"
#include "store/images.h"
#include "store/meta.h"
#include "store/owners.h"
#include "store/responses.h"
#include "store/sessions.h"
#include "store/texts.h"
#include "store/turns.h"
#include "store/uploads.h"
#include "store/usage.h"
#include "sys/fault.h"
#include "sys/thread.h"
#include "tool/workspace.h"

enum {
	CHECK_MS = 60000,
	REMOVE_MS = 3600 * 1000,
	BATCH = 500,    /* rows of one transaction: nobody waits long behind it */
	BIN_BATCH = 20, /* conversations, each with all its messages */
};

_Static_assert(BIN_BATCH < BATCH, "a conversation has many rows");

#define DAY_MS     INT64_C(86400000)
#define JUMP_MS    INT64_C(600000)
#define CLOCK_SEEN "clock_seen" /* in the database: Unix ms of the last time that old things were removed */
#define AHEAD_MS   (7 * DAY_MS) /* of it, from which on a start does not believe the clock; and behind it */
#define BEHIND_MS  DAY_MS

struct maintenance {
	struct program *p;
	pthread_t thread;
	pthread_mutex_t mx;
	pthread_cond_t wake;
	bool stopping;
	int64_t offset_ms;    /* of the wall clock from the one that never jumps */
	atelier_id logs_seen; /* turns up to here have lost their logs */
};

/* One step of each kind: removes up to BATCH rows and says how many. */
struct kind {
	const char *what;
	int (*step)(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e);
};

static int ended_sessions(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return sessions_delete_expired(m->p->db, now, BATCH, ret_n, e);
}

/* A session that was used while the clock was ahead would last for as long. */
static int sessions_of_tomorrow(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return sessions_heal(m->p->db, now, m->p->settings->session_days * DAY_MS, BATCH, ret_n, e);
}

static int old_usage(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	int64_t days = m->p->settings->usage_keep_days;

	return days == 0 ? 0
			 : usage_delete_before(
				   m->p->db, now - MAX(days, (int64_t)USAGE_DAYS_LEAST) * DAY_MS, BATCH, ret_n, e);
}

static int old_turn_logs(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	int64_t days = m->p->settings->turn_log_keep_days;

	return days == 0 ? 0 : turns_delete_logs(m->p->db, &m->logs_seen, now - days * DAY_MS, BATCH, ret_n, e);
}

static int old_uploads(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return uploads_delete_expired(m->p->db, m->p->settings->data, now, ret_n, e);
}

static int stray_uploads(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return uploads_delete_strays(m->p->db, m->p->settings->data, now, ret_n, e);
}

static int unused_images(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return images_delete_unused(m->p->db, m->p->settings->data, 0, now - IMAGES_UNSENT_MS, ret_n, e);
}

static int unused_texts(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	int r = texts_delete_unused(m->p->db, now - DAY_MS, ret_n, e);

	if (r == 0 && *ret_n > 0)
		rag_store_changed(m->p->rag); /* a store of others still has their vectors */
	return r;
}

static int waiting_collections(struct maintenance *m, int64_t now UNUSED, int64_t *ret_n, struct err *e)
{
	return documents_look_again(m->p->db, ret_n, e);
}

static int files_of_answers(struct maintenance *m, int64_t now UNUSED, int64_t *ret_n, struct err *e)
{
	return files_delete_unused(m->p->db, 0, ret_n, e);
}

static int unused_workspaces(struct maintenance *m, int64_t now UNUSED, int64_t *ret_n, struct err *e)
{
	return workspaces_delete_unused(m->p->db, m->p->settings->data, ret_n, e);
}

static int unused_files(struct maintenance *m, int64_t now UNUSED, int64_t *ret_n, struct err *e)
{
	return blobs_delete_unused(m->p->db, m->p->settings->data, ret_n, e);
}

static int stray_files(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return blobs_delete_strays(m->p->db, m->p->settings->data, now, ret_n, e);
}

static int old_responses(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	int64_t hours = m->p->settings->responses_keep_hours;

	return responses_delete_before(m->p->db, now - hours * 3600 * 1000, BATCH, ret_n, e);
}

static int emptied_bins(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	int64_t days = m->p->settings->bin_keep_days;

	return days == 0 ? 0 : conversations_empty_bin(m->p->db, now - days * DAY_MS, BIN_BATCH, ret_n, e);
}

static int seen_endings(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return changes_trim(m->p->db, now - REMOVE_MS, ret_n, e);
}

static int grants_of_nobody(struct maintenance *m, int64_t now UNUSED, int64_t *ret_n, struct err *e)
{
	return owners_sweep(m->p->db, BATCH, ret_n, e);
}

static int undecided_calls(struct maintenance *m, int64_t now, int64_t *ret_n, struct err *e)
{
	return turns_expire(m->p->turns, now, ret_n, e);
}

static const struct kind kinds[] = {
	{"conversations of the bin", emptied_bins},
	{"sessions that had ended", ended_sessions},
	{"sessions of a clock that was ahead", sessions_of_tomorrow},
	{"records of calls", old_usage},
	{"event logs of answers", old_turn_logs},
	{"responses that programs could go on from", old_responses},
	{"notes for other servers", seen_endings},
	{"grants of people, groups and things that are gone", grants_of_nobody},
	{"uploads that had expired", old_uploads},
	{"uploads of which only the row or the file was there", stray_uploads},
	{"pictures that nothing has", unused_images},
	{"texts that no document has", unused_texts},
	{"collections that were searched by words alone although they have vectors", waiting_collections},
	{"files that tools made and no answer has", files_of_answers},
	{"folders of conversations that are gone", unused_workspaces},
	{"files that nothing has", unused_files},
	{"files without a row", stray_files},
};

/* Each minute: their end is told by the clock. */
static const struct kind undecided = {"calls of tools that nobody decided of", undecided_calls};

static bool is_stopping(struct maintenance *m)
{
	pthread_mutex_lock(&m->mx);
	bool stopping = m->stopping;
	pthread_mutex_unlock(&m->mx);
	return stopping;
}

static void remove_kind(struct maintenance *m, const struct kind *k, int64_t now)
{
	int64_t n = BATCH, sum = 0;
	struct err e = {0};

	ASSERT(thread_may_wait() && k->step);
	while (n > 0 && !is_stopping(m)) {
		n = 0;
		if (k->step(m, now, &n, &e) < 0) {
			log_warn("main", "%s were not removed: %s", k->what, e.msg);
			break;
		}
		ASSERT(n >= 0);
		sum += n;
	}
	if (sum > 0)
		log_info("main", "removed or mended: %" PRId64 " %s", sum, k->what);
}

static bool has_jumped(const struct maintenance *m)
{
	int64_t offset = clock_now_ms() - clock_mono_ms();

	return offset - m->offset_ms >= JUMP_MS || m->offset_ms - offset >= JUMP_MS;
}

/* A clock that has just jumped is not believed: what it takes for old would be gone for good. */
static bool clock_is_steady(struct maintenance *m)
{
	bool steady = !has_jumped(m);

	m->offset_ms = clock_now_ms() - clock_mono_ms();
	if (!steady)
		log_warn("main", "the clock has jumped: nothing is removed as too old for an hour");
	return steady && clock_now_ms() > CLOCK_PLAUSIBLE_MS;
}

/* A machine whose battery is empty starts with any time, and asks for the right one later. By what the database was last served at
 * that shows; so does a server that was off for long, which loses nothing by an hour. */
static bool clock_goes_on(struct maintenance *m)
{
	CLEANUP(arena_done) struct arena a;
	const char *seen = NULL;
	struct err e = {0};

	arena_init(&a, 4096);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(m->p->db);
		if (meta_get(c, CLOCK_SEEN, &a, &seen, &e) < 0 || !seen)
			return true;
	}
	int64_t apart = clock_now_ms() - strtoll(seen, NULL, 10);
	return apart < AHEAD_MS && apart > -BEHIND_MS;
}

static void note_clock(struct maintenance *m)
{
	char text[24];
	struct err e = {0};

	snprintf(text, sizeof(text), "%" PRId64, clock_now_ms());
	if (meta_set(m->p->db, CLOCK_SEEN, text, &e) < 0)
		log_debug("main", "the time was not noted: %s", e.msg);
}

static void remove_old(struct maintenance *m)
{
	if (!clock_is_steady(m) || FAULT("maintenance") < 0)
		return;
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		remove_kind(m, &kinds[i], clock_now_ms());
	note_clock(m);
}

/* False: the end has come. */
static bool sleep_until(struct maintenance *m, int64_t at)
{
	bool stopping;

	pthread_mutex_lock(&m->mx);
	while (!m->stopping && at > clock_mono_ms())
		(void)clock_wait(&m->wake, &m->mx, at);
	stopping = m->stopping;
	pthread_mutex_unlock(&m->mx);
	return !stopping;
}

static void *maintenance_main(void *arg)
{
	struct maintenance *m = arg;
	int64_t removed_ms = clock_mono_ms();
	struct err e = {0};

	if (manual_load(m->p->db, &e) < 0)
		log_warn("main", "the manual was not stored: %s", e.msg);
	if (clock_goes_on(m))
		remove_old(m);
	else
		log_warn("main", "either this was off for long, or the clock is wrong: nothing is removed as too old "
				 "for an hour");
	do {
		db_check_often(m->p->db);
		certificate_check(m->p);
		if (!has_jumped(m))
			remove_kind(m, &undecided, clock_now_ms());
		if (clock_mono_ms() - removed_ms >= REMOVE_MS) {
			remove_old(m);
			removed_ms = clock_mono_ms();
		}
	} while (sleep_until(m, clock_mono_ms() + CHECK_MS));
	return NULL;
}

int maintenance_start(struct program *p, struct err *e)
{
	struct maintenance *m = xcalloc(1, sizeof(*m));
	int r;

	ASSERT(!p->maintenance && p->db && p->rag && p->turns);
	m->p = p;
	m->offset_ms = clock_now_ms() - clock_mono_ms();
	pthread_mutex_init(&m->mx, NULL);
	pthread_cond_init(&m->wake, NULL);
	r = thread_start(&m->thread, "maintenance", 0, maintenance_main, m);
	if (r < 0) {
		free(m);
		return err_set(e, r, "A thread does not start: %s.", strerror(-r));
	}
	p->maintenance = m;
	return 0;
}

void maintenance_stop(struct program *p)
{
	struct maintenance *m = TAKE_PTR(p->maintenance);

	if (!m)
		return;
	ASSERT(!pthread_equal(pthread_self(), m->thread)); /* which is waited for */
	pthread_mutex_lock(&m->mx);
	m->stopping = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->mx);
	db_check_stop(p->db);
	pthread_join(m->thread, NULL);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->mx);
	free(m);
}
