/* logger.c - the queue of the log and the thread that writes it. */
#include "sys/logger.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/metrics.h"
#include "sys/thread.h"

enum {
	QUEUE_BYTES = 256 * 1024,
	PIECE_BYTES = 4096, /* PIPE_BUF: a pipe that poll() calls writable takes as many without waiting */
	POLL_MS = 200,
	STOP_MS = 1000,
	FINAL_LINES_MS = 200,
};

static struct {
	pthread_mutex_t mx;
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stopping;
	_Atomic uint64_t in, out; /* bytes that ever came in and went out; the difference is in the ring */
	uint64_t lost;            /* lines since the last that was taken */
	char ring[QUEUE_BYTES];
} q = {.mx = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* One piece, waiting for the descriptor at most `ms`: how many bytes it took; 0: it takes none now; -1: never again. */
static ssize_t write_piece(int fd, const char *p, size_t n, int ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int r = poll(&ready, 1, ms);

	if (r == 0 || (r < 0 && errno == EINTR))
		return 0;
	if (r < 0 || (ready.revents & (POLLERR | POLLNVAL)))
		return -1;
	ssize_t k = write(fd, p, MIN(n, (size_t)PIECE_BYTES));
	return k >= 0 || (errno != EINTR && errno != EAGAIN) ? k : 0;
}

bool write_for(int fd, const char *p, size_t n, int ms)
{
	int64_t until = clock_mono_ms() + ms;

	while (n > 0) {
		int64_t left = until - clock_mono_ms();
		ssize_t k = write_piece(fd, p, n, (int)MAX(left, INT64_C(0)));

		if (k < 0 || (k == 0 && left <= 0))
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* ---- in ---- */

static bool ring_add(const char *p, size_t n)
{
	uint64_t in = atomic_load(&q.in);
	size_t at = (size_t)(in % QUEUE_BYTES), first = MIN(n, QUEUE_BYTES - at);

	ASSERT(in - atomic_load(&q.out) <= QUEUE_BYTES);
	if (n > QUEUE_BYTES - (in - atomic_load(&q.out)))
		return false;
	memcpy(q.ring + at, p, first);
	memcpy(q.ring, p + first, n - first);
	atomic_store(&q.in, in + n);
	return true;
}

static void add_note(struct buf *b)
{
	char text[96];
	int n = snprintf(text, sizeof(text), "%" PRIu64 " lines were lost: nobody read standard error", q.lost);

	log_add_line(b, LOG_WARN, "log", text, (size_t)n);
}

static void add_line(const char *line, size_t n)
{
	CLEANUP(buf_done) struct buf both = BUF_INIT(QUEUE_BYTES);

	pthread_mutex_lock(&q.mx);
	if (q.lost > 0) {
		/* Both or none: a count that is told must not be lost itself. */
		add_note(&both);
		buf_add(&both, line, n);
		line = both.p;
		n = both.n;
	}
	if (ring_add(line, n)) {
		q.lost = 0;
		pthread_cond_signal(&q.wake);
	} else {
		q.lost++;
		metric_add(M_log_lines_lost_total, 1);
	}
	pthread_mutex_unlock(&q.mx);
}

/* ---- out ---- */

/* What is next in one piece, from *ret_out on; whole lines where there are some. */
static size_t ring_piece(const char **ret, uint64_t *ret_out)
{
	uint64_t out = *ret_out = atomic_load(&q.out);
	size_t at = (size_t)(out % QUEUE_BYTES), n = (size_t)(atomic_load(&q.in) - out);

	ASSERT(n <= QUEUE_BYTES);
	n = MIN(MIN(n, QUEUE_BYTES - at), (size_t)PIECE_BYTES);
	const char *end = n ? memrchr(q.ring + at, '\n', n) : NULL;
	*ret = q.ring + at;
	return end ? (size_t)(end + 1 - *ret) : n;
}

/* The thread and the handler of a fatal signal may both have written a piece: it goes out of the ring once. */
static void ring_drop(uint64_t out, size_t n)
{
	atomic_compare_exchange_strong(&q.out, &out, out + n);
}

static void *logger_main(void *arg UNUSED)
{
	int64_t until = INT64_MAX;
	const char *p;
	uint64_t out;
	size_t n;

	pthread_mutex_lock(&q.mx);
	for (;;) {
		while ((n = ring_piece(&p, &out)) == 0 && !q.stopping)
			pthread_cond_wait(&q.wake, &q.mx);
		if (q.stopping && until == INT64_MAX)
			until = clock_mono_ms() + STOP_MS;
		if (n == 0 || clock_mono_ms() >= until)
			break;
		pthread_mutex_unlock(&q.mx);
		ssize_t k = write_piece(STDERR_FILENO, p, n, POLL_MS);
		/* Closed for good, as when a terminal is gone: the log goes nowhere, and that is no reason to end. */
		ring_drop(out, k < 0 ? n : (size_t)k);
		pthread_mutex_lock(&q.mx);
	}
	pthread_mutex_unlock(&q.mx);
	return NULL;
}

/* ---- life ---- */

static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

/* What SIGBUS means here: only the index of the database's log is mapped, and SQLite that, too (docs/decisions/102). */
static const char cut_short[] = "error  log     a file that is mapped into memory was cut short, or its disk fails: "
				"most likely atelier.db-shm. This process "
				"ends; what was stored and shown is in atelier.db, atelier.db-wal and the journal, and "
				"the next start goes on with that\n";

/* Without a lock: whoever held it may be the one that fails. Then the signal does what it does. */
static void write_final_lines(int sig)
{
	const char *p;
	uint64_t out;
	size_t n;

	for (ssize_t k; (n = ring_piece(&p, &out)) > 0; ring_drop(out, (size_t)k)) {
		k = write_piece(STDERR_FILENO, p, n, FINAL_LINES_MS);
		if (k <= 0)
			break;
	}
	if (sig == SIGBUS)
		(void)write_piece(STDERR_FILENO, cut_short, sizeof(cut_short) - 1, FINAL_LINES_MS);
	raise(sig);
}

static void watch_fatal(void)
{
	struct sigaction now, ours = {.sa_handler = write_final_lines, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < N_ELEMENTS(fatal); i++) {
		/* A sanitizer's own stays. */
		if (sigaction(fatal[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(fatal[i], &ours, NULL);
	}
}

int logger_start(struct err *e)
{
	int r = thread_start(&q.thread, "log", 0, logger_main, NULL);

	if (r < 0)
		return err_set(e, r, "The log's thread does not start: %s.", strerror(-r));
	q.running = true;
	watch_fatal();
	log_set_sink(add_line);
	return 0;
}

void logger_stop(void)
{
	if (!q.running)
		return;
	log_set_sink(NULL);
	pthread_mutex_lock(&q.mx);
	q.stopping = true;
	pthread_cond_signal(&q.wake);
	pthread_mutex_unlock(&q.mx);
	pthread_join(q.thread, NULL);
	q.running = q.stopping = false;
	atomic_store(&q.out, atomic_load(&q.in)); /* what nobody read within the time */
	q.lost = 0;
}
