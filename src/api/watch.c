/* watch.c - checks the data folder, its disk, the database, the journal and the threads for requests. */
#include "api/watch.h"
#include "api/others.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "sys/health.h"
#include "sys/metrics.h"
#include "sys/thread.h"

enum {
	CHECK_MS = 1000,
	TRY_EVERY = 5, /* checks: something is really written */
	MARGIN_BYTES = 16 << 20,
	MARGIN_SHARE = 50,         /* of a small disk: one fiftieth */
	QUIET_WORK = 20,           /* requests and events in a second: fewer, and nothing is going on; */
	QUIET_CHECKS = 3,          /* after so many such checks, */
	GIVE_BACK_BYTES = 4 << 20, /* what is free is given back when it is worth it; */
	BUSY_CHECKS = 30,          /* without a quiet moment after so many, */
	GIVE_BACK_MUCH = 32 << 20, /* when it is much */
	WAIT_MS = 5000,            /* of a request for a thread: longer, and something keeps them all */
};

struct watch {
	struct api *api;
	struct stat folder;
	unsigned checks, changes; /* changes: of the health, as told last */
	int64_t work;             /* requests and events at the last check */
	unsigned quiet_checks;
	size_t kept;          /* bytes that were free and stayed, when memory was given back last; */
	unsigned kept_checks; /* since then */
	pthread_t thread;
	pthread_mutex_t mx;
	pthread_cond_t wake;
	bool stopping;
};

static void report(enum health_part part, int r, const struct err *e)
{
	health_set(part, r < 0 ? e->msg : NULL);
}

/* ---- the data folder ---- */

static int find_folder(struct watch *w, struct err *e)
{
	const char *path = w->api->c.settings->data;
	int r = db_file_state(w->api->c.db, e);
	char journal[PATH_MAX];
	struct stat st;

	if (r < 0)
		return r;
	if (stat(path, &st) < 0 || st.st_ino != w->folder.st_ino || st.st_dev != w->folder.st_dev)
		return err_set(e, E_STORAGE,
			"The data folder %s was deleted or replaced while the server ran. Stop it and put the folder "
			"back.",
			path);
	if ((size_t)snprintf(journal, sizeof(journal), "%s/journal", path) < sizeof(journal) && stat(journal, &st) < 0)
		return err_file(e, -errno, journal);
	return 0;
}

/* Files that nobody finds any more can be written on; what stands in them is lost all the same. The key is in memory, and
 * answers go on without its file. */
static int check_folder(struct watch *w, struct err *e)
{
	int r = find_folder(w, e);

	if (r < 0)
		turns_end_unkept(w->api->c.turns);
	return r < 0 ? r : auth_key_state(w->api->c.auth, e);
}

/* ---- the disk ---- */

/* What figures do not tell: a quota, a disk that fails. A file without a name, which is gone with its descriptor. */
static int try_to_write(const char *folder, struct err *e)
{
	static const char block[4096];
	CLEANUP(closep) int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		return 0; /* a file system without them */
	if (fd < 0)
		return err_file(e, -errno, folder);
	errno = ENOSPC; /* a short write sets none */
	return write(fd, block, sizeof(block)) == sizeof(block) ? 0 : err_file(e, -errno, folder);
}

static int check_disk(struct watch *w, struct err *e)
{
	const char *path = w->api->c.settings->data;
	struct statvfs v;

	if (statvfs(path, &v) < 0)
		return errno == ENOENT ? 0 : err_file(e, -errno, path);
	if (v.f_flag & ST_RDONLY)
		return err_file(e, -EROFS, path);
	uint64_t left = (uint64_t)v.f_bavail * v.f_frsize, all = (uint64_t)v.f_blocks * v.f_frsize;
	__atomic_store_n(&w->api->disk_free, (int64_t)left, __ATOMIC_RELAXED);
	if (all && left < MIN((uint64_t)MARGIN_BYTES, all / MARGIN_SHARE))
		return err_set(e, E_STORAGE, "The disk of the data folder %.150s is full: %llu KB are left. Make room.",
			path, (unsigned long long)(left >> 10));
	return w->checks % TRY_EVERY == 0 ? try_to_write(path, e) : 0;
}

/* ---- the rest ---- */

/* A disk that is full or a server that is away is no damage: what is stored is good. */
static bool report_database(struct db *db)
{
	struct err e = {0};
	int r = db_state(db, &e);
	bool damaged = r == E_INTERNAL;

	report(HEALTH_database, damaged ? r : 0, &e);
	report(HEALTH_database_access, damaged ? 0 : r, &e);
	return damaged;
}

/* Who meets damage notes it and then tells it: what was told between a look and its report is told once more. */
static void check_database(struct db *db)
{
	struct err e = {0};

	if (!report_database(db) && db_state(db, &e) == E_INTERNAL)
		(void)report_database(db);
}

static int check_journal(struct watch *w, struct err *e)
{
	struct journal_state journal;
	struct err cause = {0};
	char path[PATH_MAX];

	turns_journal_state(w->api->c.turns, &journal);
	if (!journal.error)
		return 0;
	snprintf(path, sizeof(path), "%s/journal", w->api->c.settings->data);
	(void)err_file(&cause, journal.error, path);
	return err_set(e, cause.code, "The journal of answers cannot be written: %s", cause.msg);
}

static int check_workers(struct watch *w, struct err *e)
{
	int64_t ms = pool_waits_ms(w->api->workers);

	return ms < WAIT_MS ? 0
			    : err_set(e, E_BUSY,
				      "Requests have waited for a thread for %lld seconds: all are kept by something.",
				      (long long)(ms / 1000));
}

static int check_memory(struct watch *w UNUSED, struct err *e)
{
	return memory_reserve() ? 0 : err_set(e, -ENOMEM, "The memory that this program may use is used up.");
}

/* What was freed in small pieces stays with the allocator, in holes between others. It goes back to the system when nothing
 * else is going on, since looking for it holds up who allocates; much of it also when there is no such moment for long. */
static void give_back(struct watch *w)
{
	int64_t work = metric_get(M_http_requests_total) + metric_get(M_events_total);
	bool quiet = work - w->work <= QUIET_WORK;

	w->work = work;
	w->quiet_checks = quiet ? w->quiet_checks + 1 : 0;
	w->kept_checks++;
#ifdef __GLIBC__
	size_t worth = w->quiet_checks >= QUIET_CHECKS ? GIVE_BACK_BYTES : GIVE_BACK_MUCH;
	if ((w->quiet_checks < QUIET_CHECKS && w->kept_checks < BUSY_CHECKS) || mallinfo2().fordblks < w->kept + worth)
		return;
	malloc_trim(0);
	w->kept = mallinfo2().fordblks; /* parts of pages, which nothing gives back */
	w->kept_checks = 0;
#endif
}

static void tell_changes(struct watch *w)
{
	unsigned now = health_changes();

	if (now != w->changes)
		bus_publish_changed(w->api->c.bus, BUS_HEALTH);
	w->changes = now;
}

static void check(struct watch *w)
{
	static const struct {
		enum health_part part;
		int (*check)(struct watch *w, struct err *e);
	} parts[] = {
		{HEALTH_data_folder, check_folder},
		{HEALTH_disk, check_disk},
		{HEALTH_journal, check_journal},
		{HEALTH_workers, check_workers},
		{HEALTH_memory, check_memory},
	};
	struct err e = {0};

	for (size_t i = 0; i < N_ELEMENTS(parts); i++) {
		err_clear(&e);
		report(parts[i].part, parts[i].check(w, &e), &e);
	}
	check_database(w->api->c.db);
	err_clear(&e);
	report(HEALTH_writer, db_writer_state(w->api->c.db, &e), &e);
	tell_changes(w);
	others_poll(w->api->others);
	give_back(w);
	w->checks++;
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;

	pthread_mutex_lock(&w->mx);
	while (!w->stopping) {
		(void)clock_wait(&w->wake, &w->mx, clock_mono_ms() + CHECK_MS);
		if (w->stopping)
			break;
		pthread_mutex_unlock(&w->mx);
		check(w);
		pthread_mutex_lock(&w->mx);
	}
	pthread_mutex_unlock(&w->mx);
	return NULL;
}

int watch_new(struct api *a, struct watch **ret, struct err *e)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	int r;

	ASSERT_IS(a, API_MAGIC);
	w->api = a;
	pthread_mutex_init(&w->mx, NULL);
	pthread_cond_init(&w->wake, NULL);
	(void)stat(a->c.settings->data, &w->folder);
	check(w);
	r = thread_start(&w->thread, "watch", 0, watch_main, w);
	if (r < 0) {
		free(w);
		return err_set(e, r, "A thread does not start: %s.", strerror(-r));
	}
	*ret = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->mx);
	w->stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->mx);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->mx);
	free(w);
}
