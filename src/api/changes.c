/*
 * changes.c - the change feed: each browser that is open learns that a conversation or a turn of its user has changed, and
 * asks for it again. Of these nothing is numbered or kept: who connects anew asks for everything. The events of turns and
 * jobs can come in the same stream (events_api.c), as parts of it.
 *
 * What several people see, such as the states of models, may change with each call. Of it only the kind is told, at most
 * once in TICK_MS: a feed keeps a bit for each kind until then. To a feed in the words of another protocol only that a list of its
 * person has become another one is told: where anything changed, a worker looks, in a small part of its time.
 */
#include <stdio.h>

#include "api/request.h"
#include "base/clock.h"
#include "base/magic.h"

#define TICK_MS           500
#define LOOK_MS           100   /* what one look at lists begins within: the others are looked at by the next ones */
#define LOOK_PAUSE        20    /* times as long as the last look at lists took, */
#define LOOK_PAUSE_MAX_MS 30000 /* at most */
#define FRAME_BYTES       256

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
	uint64_t number;            /* more than that of each that was opened before, which stands behind it */
	struct feed *next, **at;    /* `at` points to what points here */
};

/* A look at the lists of feeds in other words, in their order. */
struct look {
	struct pool_task task;
	struct loop_task told;
	struct changes *all;
	int64_t took_ms;
	size_t n, n_read;
	struct looked {
		uint64_t feed;
		atelier_id user_id;
		int (*read_mark)(struct api *a, atelier_id user_id, size_t list, struct list_mark *ret, struct err *e);
		uint32_t stale, kinds[CHANGES_TOLD];
		bool known[CHANGES_TOLD];
		struct list_mark marks[CHANGES_TOLD];
	} feeds[];
};

struct changes {
	unsigned magic; /* CHANGES_MAGIC */
#define CHANGES_MAGIC 0x63686e73u
	struct api *api;
	struct loop *loop;
	struct bus *bus; /* NULL once it has been left */
	struct bus_subscriber subscriber;
	struct loop_timer *heartbeat, *tick;
	struct feed *feeds;
	uint64_t opened;
	bool looks; /* a worker does; the next time not before */
	int64_t look_ms;
	uint64_t looked; /* the feed that the last look came to; UINT64_MAX: it came to the end */
	size_t n;        /* of them; atomic, for who publishes */
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
	ret->read_mark = w->read_mark;
	for (size_t i = 0; i < CHANGES_TOLD; i++) {
		ret->told[i] = w->told[i];
		ret->told[i].frame = w->told[i].frame ? xstrdup(w->told[i].frame) : NULL;
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

static void feed_tell_stale(struct feed *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	for (int k = 0; k < BUS_KINDS; k++) {
		if (f->stale & UINT32_C(1) << k)
			buf_printf(&b, "event: stale\ndata: {\"kind\":\"%s\"}\n\n", bus_kind_name((enum bus_kind)k));
	}
	f->stale = 0;
	if (b.n > 0)
		feed_write(f, b.p, b.n);
}

/* ---- lists, in other words ---- */

static uint32_t kinds_of(const struct change_words *w)
{
	uint32_t kinds = 0;

	for (size_t i = 0; i < CHANGES_TOLD; i++)
		kinds |= w->told[i].kinds;
	return kinds;
}

/* What could not be looked at is looked at again. */
static void tell_looked(struct feed *f, const struct looked *x)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);

	for (size_t i = 0; i < CHANGES_TOLD; i++) {
		uint32_t stale = x->stale & f->words->told[i].kinds;
		if (stale && !x->known[i]) {
			f->stale |= stale;
		} else if (stale && memcmp(&f->words->told[i].mark, &x->marks[i], sizeof(x->marks[i])) != 0) {
			f->words->told[i].mark = x->marks[i];
			buf_add_str(&b, f->words->told[i].frame);
		}
	}
	if (b.n > 0)
		feed_write(f, b.p, b.n);
}

static void look_done(void *arg)
{
	struct look *l = arg;
	struct changes *c = l->all;
	size_t i = 0;

	ASSERT(loop_is_mine(c->loop) && c->looks);
	c->looks = false;
	c->look_ms = clock_mono_ms() + MIN(LOOK_PAUSE * l->took_ms, LOOK_PAUSE_MAX_MS);
	c->looked = l->n_read > 0 && l->n_read < l->n ? l->feeds[l->n_read - 1].feed : UINT64_MAX;
	for (struct feed *f = c->feeds, *next; f; f = next) {
		next = f->next;
		while (i < l->n && l->feeds[i].feed > f->number)
			i++;
		if (i < l->n && l->feeds[i].feed == f->number)
			tell_looked(f, &l->feeds[i]);
	}
	free(l);
}

/* What the same look has read of the list for another feed of the person; NULL: nothing. */
static const struct list_mark *read_before(const struct look *l, const struct looked *x, size_t list)
{
	for (const struct looked *o = l->feeds; o < x; o++)
		if (o->user_id == x->user_id && o->known[list])
			return &o->marks[list];
	return NULL;
}

static void read_lists(struct look *l, struct looked *x)
{
	for (size_t k = 0; k < CHANGES_TOLD; k++) {
		const struct list_mark *known = read_before(l, x, k);
		struct err quiet = {0};
		if (!(x->stale & x->kinds[k]))
			continue;
		if (known)
			x->marks[k] = *known;
		x->known[k] = known || x->read_mark(l->all->api, x->user_id, k, &x->marks[k], &quiet) == 0;
	}
}

static void look_run(void *arg)
{
	struct look *l = arg;
	const struct api *a = l->all->api;
	int64_t begun_ms = clock_mono_ms();

	ASSERT(thread_may_wait() && l->n > 0 && l->n_read == 0);
	while (l->n_read < l->n && l->took_ms < LOOK_MS && !__atomic_load_n(&a->stopping, __ATOMIC_ACQUIRE)) {
		read_lists(l, &l->feeds[l->n_read++]);
		l->took_ms = clock_mono_ms() - begun_ms;
	}
	loop_post(l->all->loop, &l->told, look_done, l);
}

/* Behind those that the look before came to. */
static bool is_to_look_at(const struct changes *c, const struct feed *f)
{
	return f->words && f->stale && f->number < c->looked;
}

static void look_at_lists(struct changes *c)
{
	size_t n = 0;

	if (c->looks || clock_mono_ms() < c->look_ms)
		return;
	for (const struct feed *f = c->feeds; f; f = f->next)
		n += is_to_look_at(c, f);
	if (n == 0) {
		c->looked = UINT64_MAX; /* from the front, at the next tick */
		return;
	}
	struct look *l = xcalloc(1, sizeof(*l) + n * sizeof(l->feeds[0]));
	l->all = c;
	for (const struct feed *f = c->feeds; f; f = f->next) {
		if (!is_to_look_at(c, f))
			continue;
		struct looked *x = &l->feeds[l->n++];
		*x = (struct looked){.feed = f->number,
			.user_id = f->who.user.id,
			.stale = f->stale,
			.read_mark = f->words->read_mark};
		for (size_t k = 0; k < CHANGES_TOLD; k++)
			x->kinds[k] = f->words->told[k].kinds;
	}
	if (pool_submit(c->api->workers, &l->task, look_run, l) < 0) {
		free(l); /* at the next tick */
		return;
	}
	for (struct feed *f = c->feeds; f; f = f->next)
		f->stale = is_to_look_at(c, f) ? 0 : f->stale;
	c->looks = true;
}

/* ---- told at its times ---- */

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
		else if (f->stale && !f->words)
			feed_tell_stale(f);
	}
	look_at_lists(c);
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

	ASSERT(loop_is_mine(j->all->loop));
	for (struct feed *f = j->all->feeds, *next; f; f = next) {
		next = f->next;
		if (f->words)
			f->stale |= UINT32_C(1) << j->kind & kinds_of(f->words);
		else if (f->who.user.id == j->user_id)
			feed_write(f, j->frame, n);
	}
	free(j);
}

static bool hears(const struct feed *f, const struct errand *j)
{
	if (f->words)
		return kinds_of(f->words) & UINT32_C(1) << j->kind;
	if (f->admin)
		return true;
	return j->user_id ? f->who.user.id == j->user_id : bus_kind_audience(j->kind) == BUS_TO_EVERYBODY;
}

static void note_stale_on_loop(void *arg)
{
	struct errand *j = arg;

	ASSERT(loop_is_mine(j->all->loop));
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
	int n = snprintf(j->frame, sizeof(j->frame),
		"event: change\ndata: {\"kind\":\"%s\",\"id\":\"%s\"%s%s%s,\"what\":\"%s\"}\n\n",
		bus_kind_name(ev->kind), id, ev->turn_id ? ",\"turn_id\":\"" : "", ev->turn_id ? turn : "",
		ev->turn_id ? "\"" : "", ev->what);
	ASSERT(n > 0 && n < FRAME_BYTES); /* else all that follows were a part of it */
	loop_post(c->loop, &j->task, tell_on_loop, j);
}

struct changes *changes_new(struct api *a)
{
	struct changes *c = xcalloc(1, sizeof(*c));

	MAGIC_SET(c, CHANGES_MAGIC);
	c->api = a;
	c->looked = UINT64_MAX;
	c->loop = a->c.loop;
	c->bus = a->c.bus;
	c->subscriber = (struct bus_subscriber){.fn = tell, .arg = c};
	bus_subscribe(c->bus, &c->subscriber);
	c->heartbeat = loop_timer_new(c->loop, a->c.settings->heartbeat_s * 1000, heartbeat, c);
	c->tick = loop_timer_new(c->loop, TICK_MS, tick, c);
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
	f->stale = f->words ? kinds_of(f->words) : 0; /* since its marks were read */
	f->number = ++c->opened;
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

	ASSERT(loop_is_mine(j->all->loop));
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
