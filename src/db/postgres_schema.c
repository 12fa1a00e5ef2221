/* postgres_schema.c - migrations of PostgreSQL: the words of SQLite's schema in its own, and functions that SQL of both uses. */
#include <ctype.h>
#include <stdio.h>

#include "base/buf.h"
#include "db/postgres_priv.h"

enum { SCHEMA_MAX = 1 << 20 };

/* ---- the words ---- */

/* Text is compared by its bytes, whatever the database's language: as SQLite does, and by every index. */
static const struct {
	const char *word, *instead;
} words[] = {
	{"INTEGER", "BIGINT"},
	{"REAL", "DOUBLE PRECISION"},
	{"BLOB", "BYTEA"},
	{"TEXT", "TEXT COLLATE \"C\""},
	{"STRICT, WITHOUT ROWID", ""},
	{"STRICT", ""},
	{"COLLATE NOCASE", ""},
};

static bool in_word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/* The end of the quoted part that begins at `p`, or `p`. */
static const char *quoted_end(const char *p)
{
	const char *end = NULL;

	if (*p == '\'' || *p == '"')
		end = strchr(p + 1, *p);
	else if (strncmp(p, "$$", 2) == 0)
		end = strstr(p + 2, "$$");
	if (!end)
		return p;
	return *p == '$' ? end + 2 : end + 1;
}

char *pg_schema_text(const char *sql)
{
	struct buf b = BUF_INIT(SCHEMA_MAX);
	const char *begin = sql;
	char *text;

	while (*sql) {
		const char *end = quoted_end(sql);
		size_t i = N_ELEMENTS(words), n = 0;

		if (end == sql && (sql == begin || !in_word(sql[-1]))) {
			for (i = 0; i < N_ELEMENTS(words); i++) {
				n = strlen(words[i].word);
				if (strncmp(sql, words[i].word, n) == 0 && !in_word(sql[n]))
					break;
			}
		}
		if (i < N_ELEMENTS(words)) {
			buf_add_str(&b, words[i].instead);
			sql += n;
			continue;
		}
		n = end > sql ? (size_t)(end - sql) : 1;
		buf_add(&b, sql, n);
		sql += n;
	}
	text = buf_take(&b);
	if (!text)
		abort();
	return text;
}

/* ---- functions ---- */

/*
 * fold(text): near enough to base/fold.h to search by; what must be equal to the letter is folded in C. The upper case of
 * ICU makes SS of a sharp s, and its lower case chooses between two small sigmas.
 */
static const char functions[] =
	"CREATE OR REPLACE FUNCTION instr(TEXT, TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE"
	" AS $f$ SELECT strpos($1, $2)::bigint $f$;"
	"DO $d$ BEGIN"
	" IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN"
	"  CREATE OR REPLACE FUNCTION fold(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$"
	"   SELECT replace(lower(upper(normalize($1, NFKC) COLLATE \"und-x-icu\") COLLATE \"und-x-icu\"),"
	"    U&'\\03C2', U&'\\03C3') COLLATE \"C\" $f$;"
	" ELSE"
	"  CREATE OR REPLACE FUNCTION fold(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE"
	"   AS $f$ SELECT lower(normalize($1, NFKC) COLLATE \"default\") COLLATE \"C\" $f$;"
	" END IF; END $d$;"
	/* words(text): the same of base/words.h. What is no letter is a blank, lest its parser see addresses and numbers. */
	"CREATE OR REPLACE FUNCTION words(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $f$"
	" SELECT regexp_replace(regexp_replace(normalize(regexp_replace(normalize(fold($1), NFD),"
	"  '[\\u0300-\\u036f]', '', 'g'), NFC),"
	"  '[\\u0001-\\u002f\\u003a-\\u0060\\u007b-\\u00bf\\u2000-\\u206f\\u3000-\\u3004\\u3008-\\u303f]+', ' ', 'g'),"
	"  '([\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u2e80-\\u2fdf\\u3005-\\u3007\\u3040-\\u30ff\\u31f0-\\u31ff"
	"\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3\\uf900-\\ufaff\\U00020000-\\U0003ffff])', ' \\1 ', 'g') $f$;";

/* ---- versions ---- */

static int table_is_there(struct db_conn *c, const char *name, bool *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		"SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?", DB_TEXT(name));

	if (r == 0)
		r = db_next(rows, e);
	if (r < 0)
		return r;
	*ret = db_i64(rows, 0) > 0;
	return 0;
}

int pg_version(struct db_conn *c, int64_t *ret, struct err *e)
{
	bool there = false;
	int r = table_is_there(c, "schema_version", &there, e);

	if (r < 0)
		return r;
	if (there)
		return db_conn_number(c, "SELECT max(version) FROM schema_version", ret, e);
	*ret = 0;
	return 0;
}

int pg_set_version(struct db_conn *c, int version, struct err *e)
{
	return db_exec(c, NULL, e, "INSERT INTO schema_version (version) VALUES (?)", DB_I64(version));
}

static int run_text(struct db_conn *c, const char *sql, struct err *e)
{
	CLEANUP(freep) char *text = sql ? pg_schema_text(sql) : NULL;

	return text ? pg_script(c, text, e) : 0;
}

int pg_migrate(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	int64_t patience = pg_link(c)->patience_ms;
	int r;

	pg_link(c)->patience_ms = INT64_C(3600) * 1000; /* a large table takes its time */
	r = pg_script(c,
		"SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;"
		"CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)",
		e);
	if (r == 0)
		r = pg_script(c, functions, e);
	if (r == 0)
		r = run_text(c, m->sql, e);
	if (r == 0)
		r = run_text(c, m->postgres, e);
	pg_link(c)->patience_ms = patience;
	return r;
}

int pg_belongs(struct db_conn *c, const struct db_config *config, struct err *e)
{
	bool ours = false;
	int64_t all = 0;
	int r;

	if (!config->table)
		return 0;
	r = db_conn_number(c, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()", &all, e);
	if (r == 0)
		r = table_is_there(c, config->table, &ours, e);
	if (r < 0 || ours || all == 0)
		return r;
	return err_set(e, E_INVALID,
		"%s is a database of another program. Nothing was changed; give Atelier a database or a schema of its "
		"own.",
		c->db->path);
}
