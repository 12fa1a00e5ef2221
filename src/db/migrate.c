/* migrate.c - brings the database to the version of this program. The version stands in the database. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "db/db_priv.h"

static int apply_inside(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	const struct db_backend *be = c->db->be;
	int64_t version;
	int r;

	ASSERT(c->writes && c->db->be->transaction(c) == DB_TX_OPEN);
	/* Another process may have been faster. */
	r = be->version(c, &version, e);
	if (r < 0 || version >= m->version)
		return r;
	r = be->migrate(c, m, e);
	return r < 0 ? r : be->set_version(c, m->version, e);
}

static int apply(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	const struct db_backend *be = c->db->be;
	int r;

	log_debug("db", "migration %d: %s", m->version, m->name);
	r = be->begin(c, e);
	if (r < 0)
		return r;
	r = apply_inside(c, m, e);
	if (r == 0)
		r = db_exec(c, NULL, e, "COMMIT");
	if (r < 0 && be->transaction(c) != DB_TX_NONE)
		(void)!db_exec(c, NULL, NULL, "ROLLBACK");
	return r;
}

int db_migrate(
	struct db *db, const struct db_migration *migrations, size_t n, const struct db_config *config, struct err *e)
{
	struct db_conn *c = &db->writer;
	int last = n ? migrations[n - 1].version : 0;
	int64_t version, was;
	int r;

	r = db->be->version(c, &was, e);
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
		ASSERT(i == 0 || migrations[i].version > migrations[i - 1].version);
		if (migrations[i].version <= version)
			continue;
		if (was > 0 && version == was) {
			r = db->be->keep(c, migrations[i].version, e);
			if (r < 0)
				return r;
		}
		r = apply(c, &migrations[i], e);
		if (r < 0)
			return r;
		version = migrations[i].version;
	}
	return db->be->migrated(c, e);
}
