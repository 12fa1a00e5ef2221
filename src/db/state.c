/*
 * state.c - whether the database can be relied on: its file is the one that was opened, holds what was written, and writes
 * come through. What connections meet is noted where it happens; the rest is looked at when somebody asks.
 */
#include <stdio.h>

#include "base/clock.h"
#include "db/db_priv.h"
#include "sys/health.h"

enum {
	STUCK_MS = 5000,
	CHECK_MIN_MS = 60000,    /* between two looks through the whole file */
	CHECK_SHARE = 200,       /* of the time goes into them at most */
	WRITING_TOLD_MS = 30000, /* a write that failed; then it is tried again by whoever is sent here */
};

const char *db_lost(const struct db *db, int64_t *ret_until_s)
{
	ASSERT_IS(db, DB_MAGIC);
	*ret_until_s = db->lost_until_s;
	return *db->lost ? db->lost : NULL;
}

/* ---- what connections meet ---- */

void db_note_trouble(struct db *db, enum db_trouble what, const char *text)
{
	ASSERT_IS(db, DB_MAGIC);
	if (what == DB_TROUBLE_NONE)
		return;
	pthread_mutex_lock(&db->state_mx);
	if (db->trouble != DB_TROUBLE_DAMAGED) {
		db->trouble = what;
		db->trouble_ms = clock_mono_ms();
		snprintf(db->trouble_text, sizeof(db->trouble_text), "%s", text);
	}
	pthread_mutex_unlock(&db->state_mx);
	/* A write that fails may work the next time, and whoever looks each second will tell. Damage stays: at once. */
	if (what == DB_TROUBLE_DAMAGED)
		health_set(HEALTH_database, text);
}

static void forget(struct db *db, enum db_trouble what)
{
	pthread_mutex_lock(&db->state_mx);
	if (db->trouble == what)
		db->trouble = DB_TROUBLE_NONE;
	pthread_mutex_unlock(&db->state_mx);
}

void db_note_written(struct db *db)
{
	forget(db, DB_TROUBLE_WRITING);
}

void db_check_stop(struct db *db)
{
	__atomic_store_n(&db->check_stopped, true, __ATOMIC_RELAXED);
}

void db_check_often(struct db *db)
{
	int64_t began = clock_mono_ms();
	struct err e = {0};

	if (began < db->check_due_ms || __atomic_load_n(&db->check_stopped, __ATOMIC_RELAXED))
		return;
	if (db->be->look_through(db, &e) == 0)
		forget(db, DB_TROUBLE_DAMAGED);
	db->check_due_ms = clock_mono_ms() + MAX((clock_mono_ms() - began) * CHECK_SHARE, (int64_t)CHECK_MIN_MS);
}

/* ---- all of it ---- */

static int noted(struct db *db, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&db->state_mx);
	if (db->trouble == DB_TROUBLE_WRITING && clock_mono_ms() - db->trouble_ms > WRITING_TOLD_MS)
		db->trouble = DB_TROUBLE_NONE;
	if (db->trouble)
		r = err_set(e, db->trouble == DB_TROUBLE_DAMAGED ? E_INTERNAL : E_STORAGE, "%s", db->trouble_text);
	pthread_mutex_unlock(&db->state_mx);
	return r;
}

int db_file_state(struct db *db, struct err *e)
{
	int r = db->be->file_state(db, e);

	ASSERT_IS(db, DB_MAGIC);
	/* What went into a file without a name would be lost, and who wrote it believe it kept. */
	__atomic_store_n(&db->file_is_gone, r < 0, __ATOMIC_RELAXED);
	return r;
}

int db_state(struct db *db, struct err *e)
{
	int r = db->be->state(db, e);

	ASSERT_IS(db, DB_MAGIC);
	return r < 0 ? r : noted(db, e);
}

int db_writer_state(struct db *db, struct err *e)
{
	int64_t ms = db_writer_waits_ms(db);

	if (ms < STUCK_MS)
		return 0;
	return err_set(e, E_BUSY, "Nothing could be written to the database for %lld seconds: %s.",
		(long long)(ms / 1000), db->be->stuck);
}
