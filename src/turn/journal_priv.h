/* journal_priv.h - what the files of the journal share: the segments, and who may touch what. */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "base/magic.h"
#include "turn/journal.h"

#define JOURNAL_MAGIC "ATELIERJ\1\0\0\0\0\0\0" /* all of the head */
#define HEAD_BYTES    16
#define RECORD_HEAD   16
#define FRAMES_BEGIN  "id: " /* what a record's bytes begin with: by this the next one is found behind damage */
#define PATH_BYTES    4200
#define SEGMENT_NAME  "%010lld.journal"

struct segment {
	int64_t number;
	int fd;
	int64_t bytes;    /* written */
	int64_t reserved; /* bytes that the disk has promised; INT64_MAX: it cannot promise */
	int64_t marks;    /* live turns that began in it */
	bool dirty;       /* has bytes that are not synced */
	bool bad;         /* a sync has failed: what the kernel still holds of it may never reach the disk */
	struct segment *next;
};

_Static_assert(sizeof(JOURNAL_MAGIC) == HEAD_BYTES, "a file's head");

/*
 * The loop's thread writes and decides; a thread of its own, the keeper, does all that may wait for the disk: it syncs,
 * makes the next segment, has space promised and removes old files. Only the keeper closes a segment.
 */
struct journal {
	unsigned magic; /* JOURNAL_LIVE_MAGIC */
#define JOURNAL_LIVE_MAGIC 0x6a6f6165u
	struct turnlog_sink sink;
	char *dir;
	int64_t segment_bytes, sync_ms;
	void (*lost)(void *arg);
	void *arg;

	/* of the loop */
	struct buf batch;
	int error; /* of the last write; under the lock */

	pthread_t keeper;
	bool has_keeper;
	pthread_mutex_t mx; /* guards what follows */
	pthread_cond_t cv, settled;
	struct segment *oldest, *current; /* in use; current is the last of them and is written to */
	struct segment *next;             /* made ahead; NULL: not yet */
	struct segment *dropped;          /* to be removed */
	bool wants_room, wants_next;      /* the loop's wishes */
	int room_error;                   /* why the last promise of space was refused */
	int sync_error;                   /* of the last sync */
	int next_error;                   /* why the next segment could not be made, as it was told */
	int64_t sync_at_ms;               /* monotonic; 0: nothing is to be synced */
	bool working, stop;
};

void segment_path(const char *dir, int64_t number, char ret[PATH_BYTES]);

/* A new file with its head, on the disk; the first space is promised. Negative errno. */
int segment_make(const char *dir, int64_t number, struct segment **ret) MUST_CHECK;
void segment_free(const char *dir, struct segment *s, bool remove_file);

/* Promises of space up to `end`; negative errno. */
int segment_reserve(int fd, int64_t end, int64_t *ret_reserved) MUST_CHECK;

int keeper_start(struct journal *j) MUST_CHECK;
void keeper_stop(struct journal *j);
/* With the lock held. The second one sets the time to sync, and after a failure to try again, unless there is one. */
void keeper_wake(struct journal *j);
void journal_sync_later(struct journal *j);
