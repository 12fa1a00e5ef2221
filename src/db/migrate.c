/* migrate.c - brings the file to the version of this program. The version stands in the file (PRAGMA user_version). */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "db/db_priv.h"

static int version_now(struct db_conn *c, int64_t *ret, struct err *e)
{
	return db_conn_number(c, "PRAGMA user_version", ret, e);
}

/* A copy of the file as it was, beside it; the copy of an earlier try gives way only once the new one is whole. */
static int keep_old(struct db *db, int next_version, struct err *e)
{
	CLEANUP(freep) char *keep = NULL;
	CLEANUP(freep) char *part = NULL;
	int r;

	if (asprintf(&keep, "%s.before-v%d", db->path, next_version) < 0 || asprintf(&part, "%s.part", keep) < 0)
		return err_set(e, -ENOMEM, "Out of memory.");
	if (unlink(part) < 0 && errno != ENOENT)
		return db_file_fail(-errno, part, e);
	r = db_conn_copy(&db->writer, part, e);
	if (r < 0)
		return r;
	if (rename(part, keep) < 0)
		return db_file_fail(-errno, keep, e);
	return 0;
}

static int references_hold(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query(c, &rows, e, "PRAGMA foreign_key_check");
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r > 0)
		return err_set(
			e, E_INTERNAL, "Migration %d (%s) left a row that refers to nothing.", m->version, m->name);
	return r;
}

static int apply_inside(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	char set_version[64];
	int64_t version;
	int r;

	/* Another process may have been faster. */
	r = version_now(c, &version, e);
	if (r < 0 || version >= m->version)
		return r;
	r = db_conn_run(c, m->sql, e);
	if (r == 0 && m->sqlite)
		r = db_conn_run(c, m->sqlite, e);
	if (r < 0)
		return r;
	r = references_hold(c, m, e);
	if (r < 0)
		return r;
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", m->version);
	return db_conn_run(c, set_version, e);
}

static int apply(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	int r;

	log_debug("db", "migration %d: %s", m->version, m->name);
	r = db_conn_run(c, "BEGIN IMMEDIATE", e);
	if (r < 0)
		return r;
	r = apply_inside(c, m, e);
	if (r == 0)
		r = db_conn_run(c, "COMMIT", e);
	if (r < 0 && !sqlite3_get_autocommit(c->h))
		(void)!db_conn_run(c, "ROLLBACK", NULL);
	return r;
}

/* A file of another program must neither be filled with our tables nor taken for one of ours. */
int db_belongs(struct db_conn *c, const struct db_config *config, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int64_t version;
	int r;

	if (!config->table)
		return 0;
	r = version_now(c, &version, e);
	if (r < 0)
		return r;
	r = db_query(c, &rows, e, "SELECT count(*), total(name = ?) FROM sqlite_schema", DB_TEXT(config->table));
	if (r == 0)
		r = db_next(rows, e);
	if (r < 0)
		return r;
	bool empty = db_i64(rows, 0) == 0, ours = db_i64(rows, 1) > 0;
	if (version > 0 ? ours : empty)
		return 0;
	return err_set(e, E_INVALID,
		"%s is a database, but not one of Atelier. Nothing was changed; move it away, or choose another folder "
		"with --data.",
		config->path);
}

int db_migrate(
	struct db *db, const struct db_migration *migrations, size_t n, const struct db_config *config, struct err *e)
{
	struct db_conn *c = &db->writer;
	int last = n ? migrations[n - 1].version : 0;
	int64_t version, was;
	int r;

	r = version_now(c, &was, e);
	if (r < 0)
		return r;
	if (was > last)
		return err_set(e, E_NEWER_DATA,
			"%s has version %lld, and this Atelier knows versions up to %d. Use the newer "
			"Atelier that made it.",
			db->path, (long long)was, last);
	if (config->as_it_is && was < last)
		return err_set(e, E_CONFLICT,
			"%s has version %lld; the next start brings it to version %d, after a copy", db->path,
			(long long)was, last);
	version = was;
	for (size_t i = 0; i < n; i++) {
		if (migrations[i].version <= version)
			continue;
		if (was > 0 && version == was) {
			r = keep_old(db, migrations[i].version, e);
			if (r < 0)
				return r;
		}
		r = apply(c, &migrations[i], e);
		if (r < 0)
			return r;
		version = migrations[i].version;
	}
	/* Only now: a migration that rebuilds a table must be able to break references for a moment. */
	return db_conn_run(c, "PRAGMA foreign_keys = ON", e);
}
