/*
 * bus.c - the list of subscribers. Publishing is frequent and takes the lock with others who publish; subscribing happens at
 * the start and the end of the program.
 */
#include "sys/bus.h"

#include <pthread.h>

#include "base/magic.h"

struct bus {
	unsigned magic; /* BUS_MAGIC */
#define BUS_MAGIC 0x62757362u
	pthread_rwlock_t lock; /* of the list; held for reading while subscribers run */
	struct bus_subscriber *first;
};

const char *bus_kind_name(enum bus_kind kind)
{
	static const char *const names[] = {
#define X(name, wire, ...) [BUS_##name] = (wire),
		BUS_TABLE(X)
#undef X
	};
	ASSERT(kind < BUS_KINDS);
	return names[kind];
}

enum bus_audience bus_kind_audience(enum bus_kind kind)
{
	static const enum bus_audience audiences[] = {
#define X(name, wire, what, audience) [BUS_##name] = BUS_TO_##audience,
		BUS_TABLE(X)
#undef X
	};
	ASSERT(kind < BUS_KINDS);
	return audiences[kind];
}

struct bus *bus_new(void)
{
	struct bus *b = xcalloc(1, sizeof(*b));

	MAGIC_SET(b, BUS_MAGIC);
	pthread_rwlock_init(&b->lock, NULL);
	return b;
}

void bus_free(struct bus *b)
{
	if (!b)
		return;
	ASSERT(!b->first);
	pthread_rwlock_destroy(&b->lock);
	MAGIC_END(b, BUS_MAGIC);
	free(b);
}

void bus_subscribe(struct bus *b, struct bus_subscriber *s)
{
	ASSERT(s->fn);
	ASSERT_IS(b, BUS_MAGIC);
	pthread_rwlock_wrlock(&b->lock);
	s->next = b->first;
	b->first = s;
	pthread_rwlock_unlock(&b->lock);
}

void bus_unsubscribe(struct bus *b, struct bus_subscriber *s)
{
	ASSERT_IS(b, BUS_MAGIC);
	pthread_rwlock_wrlock(&b->lock);
	for (struct bus_subscriber **at = &b->first; *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	pthread_rwlock_unlock(&b->lock);
}

void bus_publish(struct bus *b, const struct bus_event *ev)
{
	if (!b)
		return;
	ASSERT(ev->kind < BUS_KINDS && ev->what && (ev->user_id || bus_kind_audience(ev->kind) != BUS_TO_NOBODY));
	pthread_rwlock_rdlock(&b->lock);
	for (struct bus_subscriber *s = b->first; s; s = s->next)
		s->fn(s->arg, ev);
	pthread_rwlock_unlock(&b->lock);
}

void bus_publish_changed(struct bus *b, enum bus_kind kind)
{
	bus_publish(b, &(struct bus_event){.kind = kind, .what = "changed"});
}
