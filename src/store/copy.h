/*
 * copy.h - moving everything from one database to another, of the same or the other kind. Both have this program's version.
 *
 * Rows are copied in the order of their keys, some megabytes at a time, so that what is there at the target says where to go
 * on after an interruption. Nobody else may write to either of them meanwhile.
 */
#pragma once

#include "db/db.h"

typedef void (*copy_progress_fn)(void *arg, const char *table, int64_t rows, bool compared);

/*
 * Copies what is missing at the target. E_CONFLICT when it has data that did not come from a copy, or came from another
 * database. The target is marked until it was compared: a server does not begin on a half one.
 */
int copy_all(struct db *from, struct db *to, copy_progress_fn progress, void *arg, struct err *e) MUST_CHECK;

/* Compares every table, row by row, and takes the mark away when they are equal; E_CONFLICT says where they are not. */
int copy_compare(struct db *from, struct db *to, copy_progress_fn progress, void *arg, struct err *e) MUST_CHECK;

/* Whether rows of this table are copied. */
bool copy_has_table(const char *name);

/* E_CONFLICT when a copy to this database was begun and not finished. */
int copy_is_whole(struct db *db, struct err *e) MUST_CHECK;
