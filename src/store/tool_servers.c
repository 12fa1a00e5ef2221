/*
 * tool_servers.c - rows by shared_rows.h, in two widths, as lists need neither a configuration nor the tools. Secrets are rows of
 * their own, sealed with whose they are and the place they may be sent to: a server that is pointed elsewhere has none, whoever
 * changed the row.
 */
#include "store/tool_servers.h"

#include <stdio.h>

#include "store/store_priv.h"

#define SECRET_COLUMN "tool_secrets.sealed"

#define R struct tool_server
#define FIRST                                                                                                          \
	COL(I64, R, id), COL_ONCE(I64, R, user_id), COL(TEXT, R, name), COL_FOLDED(R, name, "folded"),                 \
		COL_ONCE(TEXT, R, kind), COL(TEXT, R, prefix)
#define LAST                                                                                                           \
	COL_AS(I64, R, refreshed_at, "tool_servers.refreshed_at", COL_SEEN), COL_CREATED(R, created_at),               \
		COL_UPDATED(R, updated_at), SHARED_COLS(R, "tool_servers", "tool_server"),                             \
		COL_AS(BOOL, R, of_admin,                                                                              \
			"EXISTS (SELECT 1 FROM users o WHERE o.id = tool_servers.user_id AND o.role = 'admin')",       \
			COL_SEEN)
static const struct col columns[] = {FIRST, COL(TEXT, R, config), COL(BOOL, R, enabled), COL(BOOL, R, trusted),
	COL(BOOL, R, per_user), COL_AS(TEXT, R, state, "tool_servers.state", COL_SEEN),
	COL_AS(TEXT, R, error, "tool_servers.error", COL_SEEN), COL_AS(TEXT, R, tools, "tool_servers.tools", COL_SEEN),
	LAST};
static const struct col brief_columns[] = {
	FIRST, COL(BOOL, R, enabled), COL(BOOL, R, trusted), COL(BOOL, R, per_user), LAST};
#undef R
static const struct rows_table rows = {"tool_servers", "folded",
	"There is no such tool server, or it is not shared with you.", "You have a tool server of this name already.",
	TABLE(struct tool_server, columns)};
static const struct rows_table brief_rows = {"tool_servers", "folded",
	"There is no such tool server, or it is not shared with you.", NULL, TABLE(struct tool_server, brief_columns)};

const struct shared_kind tool_servers_kind = {.rows = &rows,
	.grants = "tool_server",
	.max = TOOL_SERVERS_MAX,
	.many = "You have as many tool servers as there can be.",
	.user_id = offsetof(struct tool_server, user_id)};

const struct shared_kind tool_servers_brief = {.rows = &brief_rows,
	.grants = "tool_server",
	.max = TOOL_SERVERS_MAX,
	.user_id = offsetof(struct tool_server, user_id)};

int tool_servers_found(struct db *db, const struct tool_server_found *f, struct err *e)
{
	return STORE_WRITE(db, NULL, e,
		"UPDATE tool_servers SET state = ?, error = ?, tools = coalesce(?, tools), refreshed_at = ?"
		" WHERE id = ?",
		DB_TEXT(f->state), f->error ? DB_TEXT(f->error) : DB_NULL, f->tools ? DB_TEXT(f->tools) : DB_NULL,
		DB_I64(clock_now_ms()), DB_I64(f->id));
}

/* ---- secrets ---- */

/* Whose, and for where: a text that is sealed with it. */
static int bound_to(const struct tool_secret_place *at, struct buf *ret, struct err *e)
{
	buf_printf(ret, "%lld %s", (long long)at->user_id, at->bound);
	return buf_check(ret, e, "The configuration of the tool server is too long.");
}

int tool_secrets_get(
	struct db_conn *c, const struct tool_secret_place *at, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf bound = BUF_INIT(VAULT_MAX);
	CLEANUP(db_rows_donep) struct db_rows *found = NULL;
	struct err quiet = {0};
	char *text = NULL;
	int r = bound_to(at, &bound, e);

	*ret = NULL;
	if (r == 0)
		r = STORE_ROW(c, &found, e, "SELECT sealed FROM tool_secrets WHERE server_id = ? AND user_id = ?",
			DB_I64(at->server_id), DB_I64(at->user_id));
	if (r <= 0)
		return r;
	const struct vault_place place = {SECRET_COLUMN, at->server_id, bound.p};
	r = vault_open(at->vault, &place, db_bytes(found, 0), a, &text, &quiet);
	if (r == -ENOMEM)
		return err_set(e, r, "%s", quiet.msg);
	*ret = r < 0 ? NULL : text;
	return 0;
}

struct secret_change {
	const struct tool_secret_place *at;
	struct buf sealed;
};

static int secret_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct secret_change *x = arg;
	atelier_id id;
	int r = db_exec(c, NULL, e, "DELETE FROM tool_secrets WHERE server_id = ? AND user_id = ?",
		DB_I64(x->at->server_id), DB_I64(x->at->user_id));

	if (r < 0 || x->sealed.n == 0)
		return r;
	return STORE_INSERT(c, &id, e, "INSERT INTO tool_secrets (id, server_id, user_id, sealed) VALUES (?, ?, ?, ?)",
		DB_I64(x->at->server_id), DB_I64(x->at->user_id), DB_BLOB(x->sealed.p, x->sealed.n));
}

int tool_secrets_set(struct db *db, const struct tool_secret_place *at, const char *json, struct err *e)
{
	CLEANUP(buf_done) struct buf bound = BUF_INIT(VAULT_MAX);
	struct secret_change x = {.at = at, .sealed = BUF_INIT(VAULT_MAX + 256)};
	int r = bound_to(at, &bound, e);

	if (r == 0 && json && *json) {
		const struct vault_place place = {SECRET_COLUMN, at->server_id, bound.p};
		r = vault_seal(at->vault, &place, str_from(json), &x.sealed, e);
	}
	if (r == 0)
		r = db_write(db, secret_in, &x, e);
	buf_done(&x.sealed);
	return r;
}
