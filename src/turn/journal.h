/*
 * journal.h - the durable form of the live turn logs: append-only files of checksummed records, one write for all turns
 * at the end of each turn of the loop. A turn's part is dropped once the database has its whole log. After a crash of
 * the program every written byte is there; a power cut loses at most the last sync interval.
 *
 * File: DIR/NNNNNNNNNN.journal; 16 bytes of head ("ATELIERJ", version, zero), then records of
 * u32 length, u32 crc32 (of what follows), i64 turn id, bytes; little endian; a length of 0 ends the file.
 */
#pragma once

#include "base/err.h"
#include "base/id.h"

struct journal;

struct journal_config {
	const char *dir; /* made when missing */
	int64_t segment_bytes;
	int64_t sync_ms;
};

/* Opens a new segment behind those that are there. */
int journal_open(const struct journal_config *c, struct journal **ret, struct err *e) MUST_CHECK;
void journal_close(struct journal *j);

/* Everything of older runs, by record in order; `fn` returning negative ends it. Damaged ends of files are skipped. */
int journal_replay(const char *dir, int (*fn)(void *arg, atelier_id turn_id, struct str bytes), void *arg,
	struct err *e) MUST_CHECK;

/* Removes the files of older runs, after their turns are stored. */
int journal_forget(const char *dir, struct err *e) MUST_CHECK;

/* ---- loop thread only ---- */
void journal_begin(struct journal *j, int64_t *ret_mark); /* holds back the present segment from now on */
void journal_end(struct journal *j, int64_t mark);

/* Adds to the batch; journal_write writes the whole batch at once: 0, or E_STORAGE with nothing of it kept. */
void journal_add(struct journal *j, atelier_id turn_id, struct str bytes);
int journal_write(struct journal *j) MUST_CHECK;

int64_t journal_bytes(const struct journal *j);
int64_t journal_segments(const struct journal *j);
int journal_error(struct journal *j); /* of the last write or else sync: 0, or why it failed (-errno) */
