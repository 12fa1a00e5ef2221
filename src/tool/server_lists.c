/*
 * server_lists.c - what servers offer, read once: a list of tools is read from its row again only when the row has changed. Whoever uses
 * one holds it; it is forgotten when nobody does and there is no room for it.
 */
#include <errno.h>
#include <sodium.h>

#include "store/tool_servers.h"
#include "sys/loop.h"
#include "tool/tool_priv.h"

#define KEPT_BYTES ((size_t)32 << 20) /* of all that nobody holds just now */

/* What of a server's row its tools are made of. */
static bool is_of(const struct server_tools *s, const struct tool_server *row)
{
	return s->server_id == row->id && s->updated_at == row->updated_at && s->refreshed_at == row->refreshed_at;
}

static void free_one(struct server_tools *s)
{
	ASSERT(s->users == 0); /* nobody holds it */
	arena_done(&s->mem);
	free(s);
}

/* ---- reading ---- */

static const char *text_of(const json_t *v, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TOOLS_BYTES);

	json_add_value(&b, v);
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

static const char *copy_of(const char *s, const char *otherwise, struct arena *a)
{
	return arena_strdup(a, s && *s ? s : otherwise);
}

int server_tool_read(const char *prefix, const json_t *entry, struct arena *a, struct tool *ret)
{
	const char *own = json_get_str(entry, "name");

	*ret = (struct tool){.name = server_tool_name(prefix, own, a),
		.title = copy_of(json_get_str(entry, "title"), own, a),
		.description = copy_of(json_get_str(entry, "description"), "", a),
		.parameters = text_of(json_object_get(entry, "parameters"), a),
		.own_name = arena_strdup(a, own),
		.hints = (unsigned)json_get_i64(entry, "hints", 0)};
	if (!ret->name || !ret->title || !ret->description || !ret->parameters || !ret->own_name)
		return -ENOMEM;
	ret->hash = tool_hash(ret, a);
	return ret->hash ? 0 : -ENOMEM;
}

static int read_tools(struct server_tools *s, const struct tool_server *row, struct err *e)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	struct err quiet = {0};
	const json_t *entry;
	size_t i;
	int r = 0;

	/* A list that cannot be read is one that offers nothing. */
	if (json_parse(row->tools, strlen(row->tools), &list, &quiet) < 0)
		return 0;
	s->items = ARENA_ARRAY(&s->mem, struct tool, MAX(json_array_size(list), 1u));
	s->entries = ARENA_ARRAY(&s->mem, const char *, MAX(json_array_size(list), 1u));
	s->source = arena_alloc(&s->mem, ID_LEN + 1);
	if (!s->items || !s->entries || !s->source)
		return err_set(e, -ENOMEM, "There is no memory for the list of tools.");
	id_format(row->id, s->source);
	json_array_foreach(list, i, entry)
	{
		if (r == 0)
			r = server_tool_read(row->prefix, entry, &s->mem, &s->items[i]);
		s->items[i].source = s->source;
		s->entries[i] = r == 0 ? text_of(entry, &s->mem) : NULL;
		if (!s->entries[i])
			return err_set(e, -ENOMEM, "There is no memory for the list of tools.");
	}
	s->n = json_array_size(list);
	return 0;
}

/* ---- keeping ---- */

/* Under the lock: those of the row as it was, and the oldest that nobody holds where they are too many. */
static struct server_tools *take_unwanted(struct server_lists *l, const struct tool_server *row)
{
	struct server_tools *out = NULL, **oldest = NULL;
	size_t bytes = 0;

	ASSERT(lock_is_mine(&l->mx));
	for (struct server_tools **at = &l->first; *at;) {
		struct server_tools *s = *at;
		if (s->users == 0 && s->server_id == row->id && !is_of(s, row)) {
			*at = s->next;
			s->next = out;
			out = s;
			continue;
		}
		bytes += s->users == 0 ? s->mem.total : 0;
		if (s->users == 0)
			oldest = at; /* what was used last stands first */
		at = &s->next;
	}
	if (bytes > KEPT_BYTES && oldest) {
		struct server_tools *s = *oldest;
		*oldest = s->next;
		s->next = out;
		out = s;
	}
	return out;
}

static struct server_tools *find(struct server_lists *l, const struct tool_server *row)
{
	ASSERT(lock_is_mine(&l->mx));
	for (struct server_tools **at = &l->first; *at; at = &(*at)->next) {
		struct server_tools *s = *at;
		if (!is_of(s, row))
			continue;
		*at = s->next;
		s->next = l->first;
		l->first = s;
		s->users++;
		return s;
	}
	return NULL;
}

static int load(
	struct tools *t, atelier_id user_id, const struct tool_server *row, struct server_tools **ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct tool_server whole = {.id = 0};
	struct server_tools *s;
	int r;

	ASSERT(thread_may_wait() && user_id);
	arena_init(&a, (size_t)32 << 20);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
		r = tool_servers_get(c, user_id, row->id, GRANT_USE, &a, &whole, e);
	}
	if (r < 0)
		return r;
	s = xcalloc(1, sizeof(*s));
	*s = (struct server_tools){
		.server_id = whole.id, .updated_at = whole.updated_at, .refreshed_at = whole.refreshed_at};
	arena_init(&s->mem, 8 * TOOLS_BYTES);
	r = read_tools(s, &whole, e);
	if (r < 0) {
		free_one(s);
		return r;
	}
	s->users = 1;
	*ret = s;
	return 0;
}

int server_tools_hold(
	struct tools *t, atelier_id user_id, const struct tool_server *row, struct server_tools **ret, struct err *e)
{
	struct server_lists *l = &t->lists;
	struct server_tools *made = NULL, *out;
	int r = 0;

	ASSERT_IS(t, TOOLS_MAGIC);
	ASSERT(row->id);
	pthread_mutex_lock(&l->mx);
	*ret = find(l, row);
	pthread_mutex_unlock(&l->mx);
	if (*ret)
		return 0;
	r = load(t, user_id, row, &made, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&l->mx);
	made->next = l->first;
	l->first = made;
	out = take_unwanted(l, row);
	pthread_mutex_unlock(&l->mx);
	while (out) {
		struct server_tools *s = out;
		out = s->next;
		free_one(s);
	}
	*ret = made;
	return 0;
}

void server_tools_release(struct tools *t, struct server_tools *s)
{
	ASSERT_IS(t, TOOLS_MAGIC);
	pthread_mutex_lock(&t->lists.mx);
	ASSERT(s->users > 0); /* released once */
	s->users--;
	pthread_mutex_unlock(&t->lists.mx);
}

void server_lists_free(struct server_lists *l)
{
	while (l->first) {
		struct server_tools *s = l->first;
		l->first = s->next;
		free_one(s);
	}
	pthread_mutex_destroy(&l->mx);
}
