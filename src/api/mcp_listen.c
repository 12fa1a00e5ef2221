/*
 * mcp_listen.c - a client of /mcp that wants to be told what changes (subscriptions/listen, of the newest revision): its answer is a
 * stream of notices, which is the change feed of its person in the words of the protocol. See changes.c.
 */
#include <sodium.h>

#include "api/mcp.h"
#include "rag/rag.h"
#include "store/prompts.h"
#include "sys/bus.h"

#define META   "io.modelcontextprotocol/"
#define BIT(k) (UINT32_C(1) << BUS_##k)

#define MARK_PAGE   500 /* documents */
#define MARK_MEMORY ((size_t)64 << 20)

enum { LIST_PROMPTS, LIST_RESOURCES };
_Static_assert(LIST_RESOURCES + 1 == CHANGES_TOLD, "a feed has a mark for each");

/* The list of tools is not among them: it changes with the program. */
static const struct {
	const char *wish, *method;
	uint32_t kinds;
} told[CHANGES_TOLD] = {
	[LIST_PROMPTS] = {"promptsListChanged", "notifications/prompts/list_changed", BIT(PROMPT) | BIT(GRANTS)},
	[LIST_RESOURCES] = {"resourcesListChanged", "notifications/resources/list_changed",
		BIT(DOCUMENTS) | BIT(COLLECTION) | BIT(GRANTS)},
};

/* ---- what a list says ---- */

static void add_text(crypto_generichash_state *h, const char *s)
{
	crypto_generichash_update(h, (const unsigned char *)s, strlen(s) + 1);
}

static int add_prompts(struct api *a, atelier_id user_id, crypto_generichash_state *h, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	struct prompt_rows rows = {.n = 0};

	arena_init(&mem, MARK_MEMORY);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(a->c.db);
	int r = shared_list(&prompts_kind, c, user_id, &mem, &rows.items, &rows.n, e);
	for (size_t i = 0; i < rows.n && r == 0; i++) {
		const struct prompt_row *p = &rows.items[i];
		add_text(h, p->kind);
		add_text(h, p->name);
		add_text(h, p->description);
		add_text(h, p->variables);
	}
	return r;
}

static int add_resources(struct api *a, atelier_id user_id, crypto_generichash_state *h, struct err *e)
{
	const struct search_wish mine = {.user_id = user_id};
	struct listed_documents found = {.n = 0};
	int r;

	do {
		CLEANUP(arena_done) struct arena mem;
		atelier_id after = found.next;
		arena_init(&mem, MARK_MEMORY);
		r = rag_list(a->c.rag, &mine, after, MARK_PAGE, &mem, &found, e);
		for (size_t i = 0; r == 0 && i < found.n; i++) {
			if (!found.items[i].readable)
				continue;
			crypto_generichash_update(h, (const unsigned char *)&found.items[i].id, sizeof(atelier_id));
			add_text(h, found.items[i].name);
		}
	} while (r == 0 && found.next);
	return r;
}

static int read_mark(struct api *a, atelier_id user_id, size_t list, struct list_mark *ret, struct err *e)
{
	crypto_generichash_state h;

	ASSERT(list < CHANGES_TOLD && user_id);
	crypto_generichash_init(&h, NULL, 0, sizeof(ret->bytes));
	int r = list == LIST_PROMPTS ? add_prompts(a, user_id, &h, e) : add_resources(a, user_id, &h, e);
	crypto_generichash_final(&h, ret->bytes, sizeof(ret->bytes));
	return r;
}

/* ---- the messages ---- */

/* A message as a frame of the stream, in the arena; NULL: no memory. */
static const char *frame(struct mcp_ask *ask, json_t *taken)
{
	CLEANUP(json_decrefp) json_t *o = taken;
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 16);

	buf_add_str(&b, "event: message\ndata: ");
	json_add_value(&b, o);
	buf_add_str(&b, "\n\n");
	return buf_status(&b) == 0 ? arena_strndup(&ask->q->mem, b.p, b.n) : NULL;
}

/* Which listening it belongs to is told with each. */
static const char *notice(struct mcp_ask *ask, const char *method, json_t *granted)
{
	return frame(
		ask, json_pack("{s:s,s:s,s:{s:{s:O},s:o*}}", "jsonrpc", "2.0", "method", method, "params", "_meta",
			     META "subscriptionId", json_object_get(ask->message, "id"), "notifications", granted));
}

static const char *last(struct mcp_ask *ask)
{
	return frame(ask, json_pack("{s:s,s:O,s:{s:s,s:{s:O}}}", "jsonrpc", "2.0", "id",
				  json_object_get(ask->message, "id"), "result", "resultType", "complete", "_meta",
				  META "subscriptionId", json_object_get(ask->message, "id")));
}

static bool is_wish(const json_t *wishes)
{
	static const char *const all[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
	const json_t *uris = json_object_get(wishes, "resourceSubscriptions"), *item;
	size_t i;

	if (!json_is_object(wishes) || (uris && !json_is_array(uris)))
		return false;
	for (i = 0; i < N_ELEMENTS(all); i++) {
		item = json_object_get(wishes, all[i]);
		if (item && !json_is_boolean(item))
			return false;
	}
	json_array_foreach(uris, i, item)
	{
		if (!json_is_string(item))
			return false;
	}
	return true;
}

/* What is granted of it. */
static json_t *read_wishes(struct mcp_ask *ask, const json_t *wishes, struct change_words *ret)
{
	json_t *granted = json_object();

	for (size_t i = 0; i < N_ELEMENTS(told); i++) {
		if (!json_is_true(json_object_get(wishes, told[i].wish)))
			continue;
		json_object_set_new(granted, told[i].wish, json_true());
		ret->told[i].kinds = told[i].kinds;
		ret->told[i].frame = notice(ask, told[i].method, NULL);
	}
	return granted;
}

int mcp_subscribe(struct mcp_ask *ask)
{
	const json_t *wishes = json_object_get(ask->params, "notifications");
	struct change_words words = {.last = last(ask), .read_mark = read_mark};
	struct request *q = ask->q;

	if (!is_wish(wishes))
		return mcp_refuse(ask, -32602, "\"notifications\" says what is to be told, each true or false.");
	words.first = notice(ask, "notifications/subscriptions/acknowledged", read_wishes(ask, wishes, &words));
	if (!words.first || !words.last)
		return request_no_memory(q);
	for (size_t i = 0; i < CHANGES_TOLD; i++) {
		if (words.told[i].kinds == 0)
			continue;
		if (!words.told[i].frame)
			return request_no_memory(q);
		int r = read_mark(q->api, q->who.user.id, i, &words.told[i].mark, &q->err);
		if (r < 0)
			return r;
	}
	http_set_header(q->x, "X-Accel-Buffering", "no");
	ASSERT(!q->taken && !ask->answered);
	ask->answered = q->taken = true;
	struct http_shared *stream = changes_listen(q->api->changes, q->x, &words, &q->who);
	if (!stream)
		return 0;
	http_shared_unref(stream);
	request_recheck(q);
	return 0;
}
