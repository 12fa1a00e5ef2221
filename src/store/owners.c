/*
 * owners.c - what becomes of all that a person owns and others have. By the descriptors of the shared kinds, a table
 * of which stands here: a new kind is one row more. What is handed over keeps its grants and its id, and takes another
 * name where the heir has that already.
 */
#include "store/owners.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/assistants.h"
#include "store/collections.h"
#include "store/folders.h"
#include "store/prompts.h"
#include "store/store_priv.h"
#include "store/tool_servers.h"
#include "store/users.h"

#define SQL_MAX 1024

static const struct owned {
	const struct shared_kind *is;
	const char *words;
	size_t count; /* offset in struct owned_counts */
} kinds[] = {
	{&assistants_kind, "assistants", offsetof(struct owned_counts, assistants)},
	{&collections_kind, "collections", offsetof(struct owned_counts, collections)},
	{&folders_kind, "folders", offsetof(struct owned_counts, folders)},
	{&prompts_kind, "prompts", offsetof(struct owned_counts, prompts)},
	{&tool_servers_kind, "tool servers", offsetof(struct owned_counts, tool_servers)},
};

/* Of the rows of one kind; the parameter is their owner. */
#define SHARED_OF                                                                                                      \
	"%s t WHERE t.user_id = ? AND EXISTS (SELECT 1 FROM grants g WHERE g.kind = '%s' AND g.resource_id = "         \
	"t.id)"

int owners_count(struct db_conn *c, atelier_id user_id, struct owned_counts *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(kinds); i++) {
		const struct shared_kind *k = kinds[i].is;
		char sql[SQL_MAX];

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM " SHARED_OF, k->rows->name, k->grants);
		r = STORE_I64(c, (int64_t *)(void *)((char *)ret + kinds[i].count), NULL, e, sql, DB_I64(user_id));
	}
	return r;
}

/* ---- handing over ---- */

struct moving {
	struct db_conn *c;
	const struct shared_kind *k;
	atelier_id from, to;
	struct arena *a;
	char copied[SHARED_COPY_MAX]; /* what a copy was made of at last, and the number that the next one may have */
	int next;
};

struct thing {
	atelier_id id;
	const char *name;
};

static const struct col thing_columns[] = {
	COL_AS(I64, struct thing, id, "t.id", COL_SEEN), COL_AS(TEXT, struct thing, name, "t.name", COL_SEEN)};
static const struct rows_table thing_rows = {"", NULL, NULL, NULL, TABLE(struct thing, thing_columns)};

static int check_room(const struct moving *m, const char *words, size_t more, struct err *e)
{
	char sql[SQL_MAX];
	int64_t n = 0;
	int r;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE user_id = ?", m->k->rows->name);
	r = STORE_I64(m->c, &n, NULL, e, sql, DB_I64(m->to));
	if (r == 0 && n + (int64_t)more > m->k->max)
		r = err_set(
			e, E_CONFLICT, "Whoever shall get what is shared would have more %s than there can be.", words);
	return r;
}

/* 1: somebody's thing of the kind has this name. */
static int is_taken(const struct moving *m, const char *folded, struct err *e)
{
	char sql[SQL_MAX];
	int64_t taken = 0;
	int r;

	snprintf(sql, sizeof(sql), "SELECT 1 FROM %s WHERE user_id = ? AND folded = ?", m->k->rows->name);
	r = STORE_I64(m->c, &taken, NULL, e, sql, DB_I64(m->to), DB_TEXT(folded));
	return r < 0 ? r : taken > 0;
}

static int rename_and_give(const struct moving *m, atelier_id id, const char *name, struct err *e)
{
	char sql[SQL_MAX], *folded = store_fold(name);
	int r = is_taken(m, folded, e);

	if (r == 0) {
		snprintf(sql, sizeof(sql),
			"UPDATE %s SET user_id = ?, name = ?, folded = ?, updated_at = ? WHERE id = ?",
			m->k->rows->name);
		r = db_exec(m->c, NULL, e, sql, DB_I64(m->to), DB_TEXT(name), DB_TEXT(folded), DB_I64(clock_now_ms()),
			DB_I64(id));
	}
	free(folded);
	return r;
}

/*
 * By its name, or the first free one of its copies. Long names are cut for their number, so that many may become the same: they
 * come one behind the other, and each goes on where the one before has ended.
 */
static int give(struct moving *m, const struct thing *t, struct err *e)
{
	char name[SHARED_COPY_MAX];
	int r = rename_and_give(m, t->id, t->name, e);

	shared_copy_name(m->k, t->name, 0, name);
	if (r > 0 && strcmp(name, m->copied) != 0) {
		memcpy(m->copied, name, sizeof(name));
		m->next = 2;
	}
	while (r > 0) {
		shared_copy_name(m->k, t->name, m->next++, name);
		r = rename_and_give(m, t->id, name, e);
	}
	return r;
}

static int give_kind(struct moving *m, const char *words, struct err *e)
{
	struct thing *things = NULL;
	char sql[SQL_MAX];
	size_t n = 0;
	int r;

	snprintf(sql, sizeof(sql), SHARED_OF " ORDER BY t.folded, t.id", m->k->rows->name, m->k->grants);
	r = rows_from(&thing_rows, m->c, m->a, &things, &n, e, "", sql, DB_I64(m->from));
	if (r < 0 || n == 0)
		return r;
	r = check_room(m, words, n, e);
	m->copied[0] = '\0';
	for (size_t i = 0; r == 0 && i < n; i++)
		r = give(m, &things[i], e);
	if (r < 0)
		return r;
	/* An owner needs no grant. */
	snprintf(sql, sizeof(sql),
		"DELETE FROM grants WHERE kind = '%s' AND subject = 'user' AND subject_id = ?"
		" AND resource_id IN (SELECT id FROM %s WHERE user_id = ?)",
		m->k->grants, m->k->rows->name);
	return db_exec(m->c, NULL, e, sql, DB_I64(m->to), DB_I64(m->to));
}

/* clang-format off */
#define STRANGERS " IN (SELECT t.id FROM tool_servers t JOIN users u ON u.id = t.user_id WHERE u.id = ? AND u.role <> 'admin')"

/* While they are the person's still: an administrator's may reach more than whoever set them up. */
static int tame_servers(const struct moving *m, struct err *e)
{
	int r = db_exec(m->c, NULL, e,
		"UPDATE tool_servers SET enabled = 0, trusted = 0 WHERE id" STRANGERS,
		DB_I64(m->from));

	if (r == 0)
		r = db_exec(m->c, NULL, e,
			"UPDATE grants SET verb = ? WHERE kind = 'tool_server' AND verb > ? AND resource_id" STRANGERS,
			DB_I64(GRANT_USE), DB_I64(GRANT_USE), DB_I64(m->from));
	return r;
}

/* What things that were handed over need of the person's: pictures, and the jobs that read their documents. */
static int give_what_they_need(const struct moving *m, struct err *e)
{
	int r = db_exec(m->c, NULL, e,
		"UPDATE images SET user_id = ? WHERE user_id = ? AND id IN ("
		"SELECT image_id FROM assistants WHERE user_id = ?"
		" UNION SELECT v.image_id FROM assistant_versions v JOIN assistants s ON s.id = v.assistant_id WHERE s.user_id = ?)",
		DB_I64(m->to), DB_I64(m->from), DB_I64(m->to), DB_I64(m->to));

	if (r == 0)
		r = db_exec(m->c, NULL, e,
			"UPDATE jobs SET user_id = ? WHERE user_id = ? AND ended_at IS NULL AND id IN ("
			"SELECT d.job_id FROM documents d JOIN collections k ON k.id = d.collection_id WHERE k.user_id = ?)",
			DB_I64(m->to), DB_I64(m->from), DB_I64(m->to));
	return r;
}
/* clang-format on */

static int check_heir(const struct moving *m, struct err *e)
{
	struct user heir;
	int r = rows_lock(&users_table, m->c, m->to, e);

	if (r == 0)
		r = users_by_id(m->c, m->to, m->a, &heir, e);
	if (r == 0 && heir.disabled)
		r = err_set(e, E_CONFLICT, "%s is disabled and gets nothing.", heir.name);
	return r;
}

int owners_hand_over(struct db_conn *c, atelier_id user_id, atelier_id heir_id, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct moving m = {.c = c, .from = user_id, .to = heir_id, .a = &a};
	int r;

	ASSERT(db_is_writing(c));
	arena_init(&a, 1 << 20);
	r = check_heir(&m, e);
	if (r == 0)
		r = tame_servers(&m, e);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(kinds); i++) {
		m.k = kinds[i].is;
		r = give_kind(&m, kinds[i].words, e);
	}
	return r < 0 ? r : give_what_they_need(&m, e);
}

/* ---- going ---- */

int owners_forget(struct db_conn *c, atelier_id user_id, struct err *e)
{
	char sql[SQL_MAX];
	int r = 0;

	ASSERT(db_is_writing(c));
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(kinds); i++) {
		const struct shared_kind *k = kinds[i].is;

		snprintf(sql, sizeof(sql),
			"DELETE FROM grants WHERE kind = '%s' AND resource_id IN (SELECT id FROM %s WHERE user_id = ?)",
			k->grants, k->rows->name);
		r = db_exec(c, NULL, e, sql, DB_I64(user_id));
	}
	return r;
}

struct sweep {
	int64_t limit, n;
};

/* Those whose thing, of this kind, or whose user or group (`kind` and `table` of that) is not there. */
static int sweep_one(
	struct db_conn *c, struct sweep *x, const char *of, const char *which, const char *table, struct err *e)
{
	char sql[SQL_MAX];
	int64_t n = 0;
	int r;

	snprintf(sql, sizeof(sql),
		"DELETE FROM grants WHERE id IN (SELECT g.id FROM grants g WHERE g.%s = '%s' AND NOT EXISTS"
		" (SELECT 1 FROM %s t WHERE t.id = g.%s_id) LIMIT ?)",
		of, which, table, strcmp(of, "kind") == 0 ? "resource" : "subject");
	r = db_exec(c, &n, e, sql, DB_I64(x->limit - x->n));
	x->n += n;
	return r;
}

static int sweep_in(struct db_conn *c, void *arg, struct err *e)
{
	struct sweep *x = arg;
	int r;

	x->n = 0;
	r = sweep_one(c, x, "subject", "user", "users", e);
	if (r == 0)
		r = sweep_one(c, x, "subject", "group", "groups", e);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(kinds); i++)
		r = sweep_one(c, x, "kind", kinds[i].is->grants, kinds[i].is->rows->name, e);
	return r;
}

int owners_sweep(struct db *db, int64_t limit, int64_t *ret_n, struct err *e)
{
	struct sweep x = {.limit = limit};
	int r = db_write(db, sweep_in, &x, e);

	if (r == 0)
		*ret_n = x.n;
	return r;
}
