/*
 * exchanges.c - vectors of answers, for finding earlier conversations by their meaning. They are made by a job for each person,
 * newest first, as far as they lack one of the identity that is used now. Identifiers rise with time: so whether a person has said
 * more since is one comparison of the newest of both.
 */
#include "store/exchanges.h"

#include <stdio.h>

#include "store/jobs.h"
#include "store/store_priv.h"

int exchanges_begin(struct db *db, atelier_id user_id, struct err *e)
{
	char wire[ID_LEN + 1], params[64];
	struct err quiet = {0};
	atelier_id id;

	id_format(user_id, wire);
	snprintf(params, sizeof(params), "{\"user\":\"%s\"}", wire);
	const struct job_new in = {
		.user_id = user_id, .kind = EXCHANGES_JOB, .title = "Earlier conversations", .params = params};
	int r = jobs_create(db, &in, &id, &quiet);
	return r == 0 || r == E_CONFLICT ? 0 : err_set(e, r, "%s", quiet.msg);
}

int exchanges_newest(struct db_conn *c, atelier_id user_id, const char *identity, int64_t *ret, struct err *e)
{
	ASSERT(user_id);
	return STORE_I64(c, ret, NULL, e, "SELECT max(id) FROM exchange_vectors WHERE user_id = ? AND identity = ?",
		DB_I64(user_id), DB_TEXT(identity));
}

int exchanges_are_behind(
	struct db_conn *c, atelier_id user_id, atelier_id but, const char *identity, bool *ret, struct err *e)
{
	int64_t newest = 0, told = 0;
	int r = exchanges_newest(c, user_id, identity, &newest, e);

	if (r == 0)
		r = STORE_I64(c, &told, NULL, e,
			"SELECT updated_at FROM conversations WHERE user_id = ? AND deleted_at IS NULL AND id <> ?"
			" ORDER BY updated_at DESC, id DESC LIMIT 1",
			DB_I64(user_id), DB_I64(but));
	if (r == 0)
		*ret = told && id_at(told) > newest;
	return r;
}

int exchanges_lacking(struct db_conn *c, atelier_id user_id, const char *identity, atelier_id before, int64_t limit,
	struct arena *a, struct exchange_ids *ret, struct err *e)
{
	*ret = (struct exchange_ids){.items = ARENA_ARRAY(a, atelier_id, (size_t)limit)};
	if (!ret->items)
		return store_full(e);
	return STORE_IDS(c, ret->items, (size_t)limit, &ret->n, e,
		"SELECT m.id FROM conversations v JOIN messages m ON m.conversation_id = v.id"
		" WHERE v.user_id = ? AND v.deleted_at IS NULL AND m.role = 'assistant' AND m.state <> 'running'"
		" AND m.id < ? AND NOT EXISTS (SELECT 1 FROM exchange_vectors x"
		"  WHERE x.message_id = m.id AND x.identity = ?) AND m.content <> '' ORDER BY m.id DESC LIMIT ?",
		DB_I64(user_id), DB_I64(before), DB_TEXT(identity), DB_I64(limit));
}

int exchanges_get(struct db_conn *c, atelier_id user_id, atelier_id but, const struct exchange_ids *ids, size_t limit,
	struct arena *a, struct recalled_list *ret, size_t **ret_at, struct err *e)
{
	size_t *at = ARENA_ARRAY(a, size_t, ids->n + 1);

	ASSERT(user_id);
	*ret = (struct recalled_list){.items = ARENA_ARRAY(a, struct recalled, ids->n + 1)};
	if (!ret->items || !at)
		return store_full(e);
	for (size_t i = 0; i < ids->n && ret->n < limit; i++) {
		int r = recall_message(c, user_id, but, ids->items[i], a, &ret->items[ret->n], e);
		if (r < 0)
			return r;
		at[ret->n] = i;
		ret->n += r > 0;
	}
	if (ret_at)
		*ret_at = at;
	return 0;
}

static int store_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct exchange_vectors *x = arg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->n; i++)
		r = db_exec(c, NULL, e,
			"INSERT INTO exchange_vectors (id, user_id, message_id, identity, bytes)"
			" SELECT ?, ?, id, ?, ? FROM messages WHERE id = ? ON CONFLICT DO NOTHING",
			DB_I64(id_new()), DB_I64(x->user_id), DB_TEXT(x->identity),
			DB_BLOB(x->rows + i * x->dims, x->dims * sizeof(float)), DB_I64(x->of[i].message_id));
	return r;
}

int exchanges_store(struct db *db, const struct exchange_vectors *in, struct err *e)
{
	return store_apply(db, store_in, in, e);
}

int exchanges_forget(struct db *db, atelier_id user_id, const char *identity, struct err *e)
{
	return STORE_WRITE(db, NULL, e, "DELETE FROM exchange_vectors WHERE user_id = ? AND identity <> ?",
		DB_I64(user_id), DB_TEXT(identity));
}

int exchanges_load(struct db_conn *c, atelier_id user_id, const char *identity, int64_t after, int64_t limit,
	struct db_rows **ret, struct err *e)
{
	return db_query(c, ret, e,
		"SELECT id, message_id, bytes FROM exchange_vectors WHERE user_id = ? AND identity = ? AND id > ?"
		" ORDER BY id LIMIT ?",
		DB_I64(user_id), DB_TEXT(identity), DB_I64(after), DB_I64(limit));
}
