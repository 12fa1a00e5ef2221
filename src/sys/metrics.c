/* metrics.c - one atomic a counter, on a cache line of its own. */
#include "sys/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

#define KIND_COUNTER   "counter"
#define KIND_GAUGE     "gauge"
#define KIND_HISTOGRAM "histogram"

/* Upper bounds of a histogram's buckets in milliseconds; one more bucket takes the rest. */
static const int64_t bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000};

/* Any thread, without a lock: each number is right by itself, and nothing is said of two at the same time. */
struct cell {
	_Alignas(64) _Atomic int64_t value; /* of a histogram: the sum */
};

/* The same: any thread, without a lock. */
struct histogram {
	_Atomic int64_t buckets[N_ELEMENTS(bounds) + 1];
};

#define X(k, id, u, h) {.kind = KIND_##k, .name = #id, .unit = (u), .help = (h)},
static const struct metric_info table[] = {METRICS_TABLE(X)};
#undef X

static struct cell cells[METRIC_COUNT];
static struct histogram histograms[METRIC_COUNT];

static bool is_histogram(enum metric m)
{
	return table[m].kind[0] == 'h';
}

void metric_add(enum metric m, int64_t n)
{
	ASSERT(m < METRIC_COUNT && (n >= 0 || table[m].kind[0] != 'c')); /* counters only rise */
	atomic_fetch_add_explicit(&cells[m].value, n, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t v)
{
	ASSERT(m < METRIC_COUNT && table[m].kind[0] == 'g');
	atomic_store_explicit(&cells[m].value, v, memory_order_relaxed);
}

void metric_observe(enum metric m, int64_t ms)
{
	size_t i = 0;

	ASSERT(m < METRIC_COUNT && is_histogram(m));
	ms = MAX(ms, INT64_C(0));
	while (i < N_ELEMENTS(bounds) && ms > bounds[i])
		i++;
	atomic_fetch_add_explicit(&histograms[m].buckets[i], 1, memory_order_relaxed);
	metric_add(m, ms);
}

int64_t metric_get(enum metric m)
{
	int64_t count = 0;

	ASSERT(m < METRIC_COUNT);
	if (!is_histogram(m))
		return atomic_load_explicit(&cells[m].value, memory_order_relaxed);
	for (size_t i = 0; i <= N_ELEMENTS(bounds); i++)
		count += atomic_load_explicit(&histograms[m].buckets[i], memory_order_relaxed);
	return count;
}

static void write_histogram(struct buf *b, enum metric m)
{
	const char *name = table[m].name;
	int64_t count = 0;

	/* Each bucket is read once and the count made from them, so that they agree with one another. */
	for (size_t i = 0; i < N_ELEMENTS(bounds); i++) {
		count += atomic_load_explicit(&histograms[m].buckets[i], memory_order_relaxed);
		buf_printf(b, "atelier_%s_bucket{le=\"%" PRId64 "\"} %" PRId64 "\n", name, bounds[i], count);
	}
	count += atomic_load_explicit(&histograms[m].buckets[N_ELEMENTS(bounds)], memory_order_relaxed);
	buf_printf(b, "atelier_%s_bucket{le=\"+Inf\"} %" PRId64 "\n", name, count);
	buf_printf(
		b, "atelier_%s_sum %" PRId64 "\n", name, atomic_load_explicit(&cells[m].value, memory_order_relaxed));
	buf_printf(b, "atelier_%s_count %" PRId64 "\n", name, count);
}

void metrics_write(struct buf *b)
{
	for (int i = 0; i < METRIC_COUNT; i++) {
		enum metric m = (enum metric)i;

		buf_printf(b, "# HELP atelier_%s %s\n# TYPE atelier_%s %s\n", table[m].name, table[m].help,
			table[m].name, table[m].kind);
		if (is_histogram(m))
			write_histogram(b, m);
		else
			buf_printf(b, "atelier_%s %" PRId64 "\n", table[m].name, metric_get(m));
	}
}

const struct metric_info *metrics_table(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(table);
	return table;
}
