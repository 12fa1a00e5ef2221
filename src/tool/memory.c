/* memory.c - the tool by which a model notes a fact about the person, who sees it and can take it back. */
#include "store/memories.h"

#include <errno.h>

#include "tool/tool_priv.h"

#define FACT_MAX 500

int remember_call(struct builtin_call *c, struct err *e)
{
	const char *text = json_get_str(c->arguments, "fact");
	struct memory m = {.user_id = c->run->user_id};
	char id[ID_LEN + 1];
	bool enabled = false;
	struct err why = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->tools->config.db);
		r = memories_enabled(db, c->run->user_id, &enabled, e);
	}
	if (r < 0)
		return r;
	struct str fact = str_trim(str_from(text ? text : ""));
	if (!enabled)
		return tool_fail(c->ret, "The person does not let models remember things.");
	if (fact.n == 0 || fact.n > FACT_MAX)
		return tool_fail(c->ret, "A fact has 1 to %d bytes.", FACT_MAX);
	m.text = arena_strndup(c->mem, fact.p, fact.n);
	if (!m.text)
		return err_set(e, -ENOMEM, "There is no memory for a fact.");
	r = memories_create(c->tools->config.db, &m, &m.id, &why);
	if (r == E_CONFLICT)
		return tool_fail(c->ret, "%s", why.msg);
	if (r < 0)
		return err_set(e, r, "%s", why.msg);
	id_format(m.id, id);
	c->ret->text = BUF_INIT(1024);
	buf_add_str(&c->ret->text, "It is noted, and the person sees it.");
	c->ret->structured = BUF_INIT(8192);
	buf_printf(&c->ret->structured, "{\"memory\":{\"id\":\"%s\",\"text\":", id);
	json_add_cstr(&c->ret->structured, m.text);
	buf_add_str(&c->ret->structured, "}}");
	return 0;
}
