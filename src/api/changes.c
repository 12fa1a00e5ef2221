/*
 * changes.c - the change feed: each browser that is open learns that a conversation or a turn of its user has changed, and
 * asks for it again. Of these nothing is numbered or kept: who connects anew asks for everything. The events of turns and
 * jobs can come in the same stream (events_api.c), as parts of it.
 *
 * What several people see, such as the states of models, may change with each call. Of it only the kind is told, at most
 * once in TICK_MS: a feed keeps a bit for each kind until then.
 */
#include <stdio.h>

#include "api/request.h"
#include "base/clock.h"
#include "base/magic.h"

#define TICK_MS     500
#define FRAME_BYTES 256

enum { WS_GOING_AWAY = 1001, WS_POLICY = 1008 }; /* as of RFC 6455 */

_Static_assert(BUS_KINDS <= 32, "struct feed has a bit for each kind");

struct feed {
	unsigned magic; /* FEED_MAGIC */
#define FEED_MAGIC 0x66656564u
	struct changes *all;
	struct http_shared *stream;
	struct auth_identity who; /* what it was opened with, and ends with */
	bool admin;
	struct change_words *words; /* of another protocol; NULL: ours */
	uint32_t stale;             /* bits of enum bus_kind: to be told at the next tick */
	struct feed *next, **at;    /* `at` points to what points here */
};

struct changes {
	unsigned magic; /* CHANGES_MAGIC */
#define CHANGES_MAGIC 0x63686e73u
	struct loop *loop;
	struct bus *bus; /* NULL once it has been left */
	struct bus_subscriber subscriber;
	struct loop_timer *heartbeat, *tick;
	struct feed *feeds;
	size_t n; /* of them; atomic, for who publishes */
	bool stopped;
};

/* Something for the loop to do, from another thread. */
struct errand {
	struct loop_task task;
	struct changes *all;
	struct http_exchange *x;         /* to follow with, */
	const struct http_websocket *ws; /* and whether as a WebSocket; or NULL */
	struct change_words *words;      /* or in these words, which are taken */
	struct http_shared *stream;      /* what that began */
	struct auth_identity who;        /* who follows, */
	bool admin;                      /* who is one */
	struct ending ending;            /* whose feeds end */
	atelier_id user_id;              /* who is told; 0: everybody who hears of the kind */
	enum bus_kind kind;
	char frame[FRAME_BYTES];
};

static struct change_words *words_copy(const struct change_words *w)
{
	struct change_words *ret = xcalloc(1, sizeof(*ret));

	ret->first = xstrdup(w->first);
	ret->last = xstrdup(w->last);
	for (size_t i = 0; i < CHANGES_TOLD && w->told[i].kinds; i++) {
		ret->told[i].kinds = w->told[i].kinds;
		ret->told[i].frame = xstrdup(w->told[i].frame);
	}
	return ret;
}

static void words_free(struct change_words *w)
{
	if (!w)
		return;
	free((char *)w->first);
	free((char *)w->last);
	for (size_t i = 0; i < CHANGES_TOLD; i++)
		free((char *)w->told[i].frame);
	free(w);
}

static void feed_remove(struct feed *f)
{
	ASSERT(loop_is_mine(f->all->loop) && *f->at == f && f->all->n > 0);
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	__atomic_sub_fetch(&f->all->n, 1, __ATOMIC_RELAXED);
	http_shared_unref(f->stream);
	words_free(f->words);
	MAGIC_END(f, FEED_MAGIC);
	free(f);
}

static void feed_closed(void *arg)
{
	feed_remove(arg);
}

/* With the code of a WebSocket: the right is gone, or the server stops. */
static void feed_end(struct feed *f)
{
	ASSERT_IS(f, FEED_MAGIC);
	if (f->words)
		(void)http_shared_write(f->stream, f->words->last, strlen(f->words->last));
	http_shared_code(f->stream, f->all->stopped ? WS_GOING_AWAY : WS_POLICY);
	http_shared_end(f->stream, true);
	feed_remove(f);
}

/* Who does not read is let go of: it will connect again and ask for everything. */
static void feed_write(struct feed *f, const char *p, size_t n)
{
	ASSERT(n > 0 && loop_is_mine(f->all->loop));
	ASSERT_IS(f, FEED_MAGIC);
	if (http_shared_write(f->stream, p, n))
		return;
	http_shared_end(f->stream, false);
	feed_remove(f);
}

static void add_told(const struct feed *f, struct buf *b)
{
	for (size_t i = 0; i < CHANGES_TOLD; i++) {
		if (f->stale & f->words->told[i].kinds)
			buf_add_str(b, f->words->told[i].frame);
	}
}

static void feed_tell_stale(struct feed *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	for (int k = 0; k < BUS_KINDS && !f->words; k++) {
		if (f->stale & UINT32_C(1) << k)
			buf_printf(&b, "event: stale\ndata: {\"kind\":\"%s\"}\n\n", bus_kind_name((enum bus_kind)k));
	}
	if (f->words)
		add_told(f, &b);
	f->stale = 0;
	if (b.n > 0)
		feed_write(f, b.p, b.n);
}

/* Sessions and keys that end by themselves tell nobody. */
static void tick(void *arg)
{
	struct changes *c = arg;
	int64_t now = clock_now_ms();

	ASSERT_IS(c, CHANGES_MAGIC);
	for (struct feed *f = c->feeds, *next; f; f = next) {
		next = f->next;
		if (f->who.expires_at && f->who.expires_at <= now)
			feed_end(f);
		else if (f->stale)
			feed_tell_stale(f);
	}
}

static void heartbeat(void *arg)
{
	struct changes *c = arg;

	for (struct feed *f = c->feeds, *next; f; f = next) {
		next = f->next;
		feed_write(f, ": still here\n\n", 14);
	}
}

static void tell_on_loop(void *arg)
{
	struct errand *j = arg;
	size_t n = strlen(j->frame);

	for (struct feed *f = j->all->feeds, *next; f; f = next) {
		next = f->next;
		if (f->who.user.id != j->user_id)
			continue;
		if (!f->words) {
			feed_write(f, j->frame, n);
			continue;
		}
		f->stale |= UINT32_C(1) << j->kind;
		feed_tell_stale(f);
	}
	free(j);
}

static bool hears(const struct feed *f, const struct errand *j)
{
	if (f->admin)
		return true;
	return j->user_id ? f->who.user.id == j->user_id : bus_kind_audience(j->kind) == BUS_TO_EVERYBODY;
}

static void note_stale_on_loop(void *arg)
{
	struct errand *j = arg;

	for (struct feed *f = j->all->feeds; f; f = f->next) {
		if (hears(f, j))
			f->stale |= UINT32_C(1) << j->kind;
	}
	free(j);
}

/* What was published: any thread. Who opens a feed asks for everything behind its first frame. */
static void tell(void *arg, const struct bus_event *ev)
{
	struct changes *c = arg;
	char id[ID_LEN + 1], turn[ID_LEN + 1];

	ASSERT_IS(c, CHANGES_MAGIC);
	if (__atomic_load_n(&c->n, __ATOMIC_RELAXED) == 0)
		return;
	struct errand *j = xcalloc(1, sizeof(*j));
	j->all = c;
	j->user_id = ev->user_id;
	j->kind = ev->kind;
	if (bus_kind_audience(ev->kind) != BUS_TO_NOBODY) {
		loop_post(c->loop, &j->task, note_stale_on_loop, j);
		return;
	}
	id_format(ev->id, id);
	id_format(ev->turn_id, turn);
	snprintf(j->frame, sizeof(j->frame),
		"event: change\ndata: {\"kind\":\"%s\",\"id\":\"%s\"%s%s%s,\"what\":\"%s\"}\n\n",
		bus_kind_name(ev->kind), id, ev->turn_id ? ",\"turn_id\":\"" : "", ev->turn_id ? turn : "",
		ev->turn_id ? "\"" : "", ev->what);
	loop_post(c->loop, &j->task, tell_on_loop, j);
}

struct changes *changes_new(struct loop *l, struct bus *b, int64_t heartbeat_ms)
{
	struct changes *c = xcalloc(1, sizeof(*c));

	MAGIC_SET(c, CHANGES_MAGIC);
	c->loop = l;
	c->bus = b;
	c->subscriber = (struct bus_subscriber){.fn = tell, .arg = c};
	bus_subscribe(b, &c->subscriber);
	c->heartbeat = loop_timer_new(l, heartbeat_ms, heartbeat, c);
	c->tick = loop_timer_new(l, TICK_MS, tick, c);
	return c;
}

static void timers_free(struct changes *c)
{
	if (!c->heartbeat)
		return;
	loop_timer_free(c->heartbeat);
	loop_timer_free(c->tick);
	c->heartbeat = c->tick = NULL;
}

static void stop_hearing(struct changes *c)
{
	if (c->bus)
		bus_unsubscribe(c->bus, &c->subscriber);
	c->bus = NULL;
}

void changes_stop(struct changes *c)
{
	ASSERT_IS(c, CHANGES_MAGIC);
	ASSERT(loop_is_mine(c->loop));
	stop_hearing(c);
	c->stopped = true;
	while (c->feeds)
		feed_end(c->feeds);
	timers_free(c);
}

void changes_free(struct changes *c)
{
	if (!c)
		return;
	stop_hearing(c);
	while (c->feeds)
		feed_remove(c->feeds);
	timers_free(c);
	MAGIC_END(c, CHANGES_MAGIC);
	free(c);
}

static int follow_on_loop(void *arg)
{
	static const char hello[] = "event: hello\ndata: {\"version\":\"" ATELIER_VERSION "\"}\n\n";
	struct errand *j = arg;
	struct changes *c = j->all;
	struct feed *f = xcalloc(1, sizeof(*f));

	ASSERT(loop_is_mine(c->loop));
	MAGIC_SET(f, FEED_MAGIC);
	f->stream = http_shared_start(j->x, j->ws, feed_closed, f);
	if (!f->stream) {
		words_free(j->words);
		free(f);
		return 0;
	}
	j->stream = http_shared_ref(f->stream);
	f->all = c;
	f->who = j->who;
	f->admin = j->admin;
	f->words = j->words;
	f->next = c->feeds;
	f->at = &c->feeds;
	if (f->next)
		f->next->at = &f->next;
	c->feeds = f;
	__atomic_add_fetch(&c->n, 1, __ATOMIC_RELAXED);
	if (c->stopped)
		feed_end(f);
	else
		feed_write(f, f->words ? f->words->first : hello, strlen(f->words ? f->words->first : hello));
	return 0;
}

static struct http_shared *follow(struct changes *c, struct http_exchange *x, const struct http_websocket *ws,
	struct change_words *words, const struct auth_identity *who)
{
	struct errand j = {.all = c,
		.x = x,
		.ws = ws,
		.words = words,
		/* Only numbers: its texts live as long as the request. */
		.who = {.user.id = who->user.id,
			.session_id = who->session_id,
			.key_id = who->key_id,
			.expires_at = who->expires_at},
		.admin = user_is_admin(&who->user)};

	ASSERT(who->user.id);
	ASSERT_IS(c, CHANGES_MAGIC);
	(void)loop_call(c->loop, follow_on_loop, &j);
	return j.stream;
}

struct http_shared *changes_follow(
	struct changes *c, struct http_exchange *x, const struct http_websocket *ws, const struct auth_identity *who)
{
	return follow(c, x, ws, NULL, who);
}

struct http_shared *changes_listen(
	struct changes *c, struct http_exchange *x, const struct change_words *words, const struct auth_identity *who)
{
	return follow(c, x, NULL, words_copy(words), who);
}

static void end_on_loop(void *arg)
{
	struct errand *j = arg;

	for (struct feed *f = j->all->feeds, *next; f; f = next) {
		next = f->next;
		if (ending_fits(&j->ending, &f->who))
			feed_end(f);
	}
	free(j);
}

void changes_end(struct changes *c, const struct ending *what)
{
	struct errand *j = xcalloc(1, sizeof(*j));

	ASSERT_IS(c, CHANGES_MAGIC);
	j->all = c;
	j->ending = *what;
	loop_post(c->loop, &j->task, end_on_loop, j);
}
