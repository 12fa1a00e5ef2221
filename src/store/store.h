/*
 * store.h - what is kept: the schema of the database. The queries stand in one file a thing: users, sessions,
 * conversations, messages, turns, meta, manual.
 *
 * The same everywhere in this room: what reads takes a `struct db_conn` and an arena that the strings live in; what
 * writes takes the `struct db`, waits until the change is durable and must not run on the loop thread. What belongs
 * to a person takes that person's id; what is another's is E_NOT_FOUND, like what is not there. Times are Unix
 * milliseconds.
 */
#pragma once

#include "db/db.h"

/* The migrations to open the database with, in order. */
#define STORE_TABLE "conversations" /* what every database of ours has */
const struct db_migration *store_migrations(size_t *ret_n);
