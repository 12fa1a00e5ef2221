/*
 * journal.h - the durable form of the live turn logs: append-only files of checksummed records, one write for all turns
 * at the end of each turn of the loop. A turn's part is dropped once the database has its whole log. After a crash of
 * the program every written byte is there; a power cut loses at most the last sync interval.
 *
 * File: DIR/NNNNNNNNNN.journal; 16 bytes of head ("ATELIERJ", version, zero), then records of
 * u32 length, u32 crc32 (of what follows), i64 turn id, bytes; little endian; zeros end the file.
 */
#pragma once

#include "base/err.h"
#include "turn/turnlog_sink.h"

struct journal;

struct journal_config {
	const char *dir; /* made when missing */
	int64_t segment_bytes;
	int64_t sync_ms; /* 0: the kernel's own time */
	/* What was written may never reach the disk: a sync has failed. On the journal's thread. NULL: nobody asks. */
	void (*lost)(void *arg);
	void *arg;
};

/* Opens a new segment behind those that are there. */
int journal_open(const struct journal_config *c, struct journal **ret, struct err *e) MUST_CHECK;
void journal_close(struct journal *j);

/* A mark holds back the segment of its time and those behind it; a seal is one write of all that was added. */
struct turnlog_sink *journal_sink(struct journal *j);

/* ---- any thread ---- */
int64_t journal_bytes(struct journal *j);
int64_t journal_segments(struct journal *j);
int journal_error(struct journal *j);   /* of the last write or else sync: 0, or why it failed (-errno) */
void journal_settle(struct journal *j); /* returns when the journal's thread has nothing left to do but to sync */

/* ---- the files of older runs: main and the thread that recovers ---- */

struct journal_file {
	int64_t number;
	int64_t changed_s;  /* Unix seconds: when it was last written */
	int64_t unreadable; /* bytes that are no records, once it is read */
};

struct journal_files {
	struct journal_file *items; /* rising; journal_files_done() */
	size_t n;
	int64_t highest; /* number in use, also by a damaged one that is kept, or by what is none of ours; 0: none */
};

int journal_list(const char *dir, struct journal_files *ret, struct err *e) MUST_CHECK;
void journal_files_done(struct journal_files *f);

/* Every record of the files, in order. What is damaged is left out, noted in `files` and told in the log; what stands
 * behind it is read. E_STORAGE for a file that cannot be read, which `skip` takes for damaged. */
int journal_replay(const char *dir, struct journal_files *files, bool skip,
	void (*fn)(void *arg, atelier_id turn_id, struct str frames), void *arg, struct err *e) MUST_CHECK;

/* Removes the files, after their turns are stored; a damaged one is kept as NNNNNNNNNN.journal.damaged. */
int journal_forget(const char *dir, const struct journal_files *files, struct err *e) MUST_CHECK;
