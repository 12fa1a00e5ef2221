/* meta.h - single values that the program keeps for itself. */
#pragma once

#include "db/db.h"

/* NULL when there is none. */
int meta_get(struct db_conn *c, const char *key, struct arena *a, const char **ret, struct err *e) MUST_CHECK;

/* A value of NULL removes it. */
int meta_set(struct db *db, const char *key, const char *value, struct err *e) MUST_CHECK;
