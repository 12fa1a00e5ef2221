/* process.c - the keeper's thread, and what it does for each program: start, read, write, end. */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/magic.h"
#include "base/utf8.h"
#include "sys/loop.h"
#include "sys/sandbox_priv.h"
#include "sys/thread.h"

enum {
	UNREAD_MAX = 32 << 20, /* bytes that it was sent and has not read */
	ERRORS_MAX = 16 << 10,
	ERRORS_A_SECOND = 1 << 20, /* who writes more is not read for the rest of the second */
	LINE_KEPT = 64 << 10,      /* memory for a line that is kept for the next one */
	READ_TIMES = 16            /* of 64 KB, until the others have their turn */
};

struct process {
	unsigned magic; /* PROCESS_MAGIC */
#define PROCESS_MAGIC 0x70726373u
	struct processes *keeper;
	struct process_config c;
	struct process *next; /* of those that the keeper has */
	struct sandbox_child child;
	/* the keeper's */
	struct buf line;
	size_t searched; /* bytes of `line` without an end of line */
	bool long_line;
	bool killed;
	int64_t errors_since, errors_again_ms;
	size_t errors_read;
	/* under mx */
	pthread_mutex_t mx;
	pthread_cond_t cv;
	int in; /* our end; -1: closed */
	struct buf unread, errors;
	int64_t kill_at; /* monotonic; 0: it may live on */
	bool started, gone;
	int r; /* of the start */
	struct err *e;
};

struct processes {
	pthread_t thread;
	int wake;
	pthread_mutex_t mx;
	struct process *coming; /* to be started */
	unsigned n, max;
	bool stopping;
	struct process *live; /* the keeper's */
	struct pollfd *fds;   /* the keeper's: four each, and one */
};

static void wake_keeper(struct processes *ps)
{
	(void)!write(ps->wake, &(uint64_t){1}, sizeof(uint64_t));
}

/* ---- what it writes ---- */

static void hand_line(struct process *p, const char *text, size_t n)
{
	bool cut = p->long_line;

	ASSERT(pthread_equal(pthread_self(), p->keeper->thread));
	p->long_line = false;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	p->c.line(p->c.arg, text, n, cut);
}

/* Of a line that is too long, both ends are kept. */
static void shorten_line(struct process *p)
{
	struct buf *b = &p->line;

	if (b->n <= p->c.line_max && !(p->long_line && b->n > 2 * PROCESS_CUT))
		return;
	p->long_line = true;
	memmove(b->p + PROCESS_CUT, b->p + b->n - PROCESS_CUT, PROCESS_CUT);
	b->n = 2 * PROCESS_CUT;
}

static void take_text(struct process *p, const char *piece, size_t n)
{
	struct buf *b = &p->line;

	buf_add(b, piece, n);
	if (buf_status(b) < 0) { /* no memory: what is there is lost, the program is not */
		buf_done(b);
		*b = BUF_INIT(p->c.line_max + 65536 + 1);
		p->searched = 0;
		p->long_line = false;
		return;
	}
	size_t at = 0;
	for (;;) {
		size_t from = MAX(at, p->searched);
		const char *end = memchr(b->p + from, '\n', b->n - from);

		if (!end)
			break;
		size_t length = (size_t)(end - b->p) - at;
		if (at == 0 && (p->long_line || length > p->c.line_max)) {
			size_t rest = b->n - (size_t)(end + 1 - b->p);
			size_t tail = MIN(length, (size_t)PROCESS_CUT);
			size_t head = MIN(length - tail, (size_t)PROCESS_CUT);

			memmove(b->p + head, end - tail, tail);
			p->long_line = true;
			hand_line(p, b->p, head + tail);
			memmove(b->p, end + 1, rest);
			b->n = rest;
			p->searched = 0;
			continue;
		}
		hand_line(p, b->p + at, length);
		at = (size_t)(end + 1 - b->p);
	}
	buf_consume(b, at);
	shorten_line(p);
	p->searched = b->n;
	if (b->n == 0 && b->cap > LINE_KEPT) {
		buf_done(b);
		*b = BUF_INIT(p->c.line_max + 65536 + 1);
	}
}

static void read_out(struct process *p, int times)
{
	char piece[65536];

	while (p->child.out >= 0 && times-- > 0) {
		ssize_t n = read(p->child.out, piece, sizeof(piece));

		if (n == 0)
			closep(&p->child.out);
		if (n <= 0)
			return;
		take_text(p, piece, (size_t)n);
	}
}

static void read_errors(struct process *p)
{
	char piece[4096];
	int64_t now = clock_mono_ms();

	if (now - p->errors_since >= 1000) {
		p->errors_since = now;
		p->errors_read = 0;
	}
	while (p->child.err >= 0) {
		ssize_t n = read(p->child.err, piece, sizeof(piece));

		if (n == 0)
			closep(&p->child.err);
		if (n <= 0)
			return;
		pthread_mutex_lock(&p->mx);
		if (p->errors.n + (size_t)n > ERRORS_MAX)
			buf_consume(&p->errors, p->errors.n + (size_t)n - ERRORS_MAX);
		buf_add(&p->errors, piece, (size_t)n);
		pthread_mutex_unlock(&p->mx);
		p->errors_read += (size_t)n;
		if (p->errors_read >= ERRORS_A_SECOND) {
			p->errors_again_ms = p->errors_since + 1000;
			return;
		}
	}
}

/* ---- what it reads ---- */

/* With mx held: as much as fits. Negative when nobody reads any more. */
static int write_some(struct process *p)
{
	size_t at = 0;
	int r = 0;

	ASSERT(lock_is_mine(&p->mx) && p->in >= 0);
	while (at < p->unread.n) {
		ssize_t n = write(p->in, p->unread.p + at, p->unread.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = errno == EAGAIN ? 0 : -errno;
			break;
		}
		at += (size_t)n;
	}
	if (at == p->unread.n) {
		buf_done(&p->unread);
		p->unread = BUF_INIT(UNREAD_MAX);
	} else {
		buf_consume(&p->unread, at);
	}
	return r;
}

static void write_waiting(struct process *p)
{
	pthread_mutex_lock(&p->mx);
	if (p->in >= 0 && write_some(p) < 0)
		closep(&p->in);
	pthread_mutex_unlock(&p->mx);
}

int process_send(struct process *p, const char *line, size_t n, struct err *e)
{
	int r = 0;

	ASSERT_IS(p, PROCESS_MAGIC);
	pthread_mutex_lock(&p->mx);
	bool idle = p->unread.n == 0;
	if (p->in < 0 || p->gone || p->kill_at) {
		r = err_set(e, -EPIPE, "The program has ended.");
	} else {
		size_t before = p->unread.n;

		buf_add(&p->unread, line, n);
		buf_add_char(&p->unread, '\n');
		if (buf_status(&p->unread) < 0) {
			p->unread.n = before;
			p->unread.failed = 0;
			r = err_set(e, E_BUSY, "The program does not read what it is sent.");
		} else if (idle && write_some(p) < 0) {
			closep(&p->in);
			r = err_set(e, -EPIPE, "The program reads nothing any more.");
		}
	}
	bool more = r == 0 && p->unread.n > 0;
	pthread_mutex_unlock(&p->mx);
	if (more)
		wake_keeper(p->keeper);
	return r;
}

/* ---- start and end, on the keeper's thread ---- */

static int start(struct process *p, struct err *e)
{
	int in[2], r;
	enum sandbox_wall walls = sandbox_walls();

	if (walls < p->c.program.least)
		return err_set(e, E_NOT_IMPLEMENTED, "%s", sandbox_why());
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(e, -errno, "A program cannot be started: %s", strerror(errno));
	p->c.program.in = in[0];
	r = sandbox_child_start(&p->c.program, walls, &p->child, e);
	close(in[0]);
	p->in = in[1];
	(void)fcntl(p->in, F_SETFL, O_NONBLOCK);
	if (r < 0 && p->child.pid > 0) {
		sandbox_child_kill(&p->child);
		(void)sandbox_child_reap(&p->child, true, &(struct sandbox_result){0});
	}
	return r;
}

static void forget(struct process *p)
{
	sandbox_child_close(&p->child);
	buf_done(&p->line);
	pthread_mutex_lock(&p->mx);
	closep(&p->in);
	buf_done(&p->unread);
	pthread_mutex_unlock(&p->mx);
	pthread_mutex_lock(&p->keeper->mx);
	ASSERT(p->keeper->n > 0);
	p->keeper->n--;
	pthread_mutex_unlock(&p->keeper->mx);
}

static void start_coming(struct processes *ps)
{
	for (;;) {
		pthread_mutex_lock(&ps->mx);
		struct process *p = ps->coming;
		if (p)
			ps->coming = p->next;
		pthread_mutex_unlock(&ps->mx);
		if (!p)
			return;
		int r = start(p, p->e);
		if (r < 0) {
			forget(p);
		} else {
			p->next = ps->live;
			ps->live = p;
		}
		pthread_mutex_lock(&p->mx);
		p->started = true;
		p->r = r;
		pthread_cond_broadcast(&p->cv);
		pthread_mutex_unlock(&p->mx);
	}
}

static void end(struct process *p)
{
	struct sandbox_result how = {.end = SANDBOX_EXITED};

	(void)sandbox_child_reap(&p->child, true, &how);
	read_errors(p);
	read_out(p, 64);
	if (p->line.n > 0)
		hand_line(p, p->line.p, p->line.n);
	sandbox_keep_errors(&how, p->errors.p, p->errors.n);
	forget(p);
	p->c.ended(p->c.arg, &how);
	pthread_mutex_lock(&p->mx);
	p->gone = true;
	pthread_cond_broadcast(&p->cv);
	pthread_mutex_unlock(&p->mx);
}

/* ---- the keeper ---- */

/* Fills the four places of one; returns until when at most may be slept. */
static int64_t watch_one(struct process *p, struct pollfd *f, int64_t now, int64_t until)
{
	pthread_mutex_lock(&p->mx);
	bool waiting = p->in >= 0 && p->unread.n > 0;
	if (p->kill_at && p->in >= 0)
		closep(&p->in);
	int64_t kill_at = p->kill_at;
	f[3] = (struct pollfd){.fd = waiting ? p->in : -1, .events = POLLOUT};
	pthread_mutex_unlock(&p->mx);
	if (kill_at && kill_at <= now && !p->killed) {
		sandbox_child_kill(&p->child);
		p->killed = true;
	} else if (kill_at && !p->killed) {
		until = MIN(until, kill_at);
	}
	bool paused = p->errors_again_ms > now;
	if (paused)
		until = MIN(until, p->errors_again_ms);
	f[0] = (struct pollfd){.fd = p->child.pidfd, .events = POLLIN};
	f[1] = (struct pollfd){.fd = p->child.out, .events = POLLIN};
	f[2] = (struct pollfd){.fd = paused ? -1 : p->child.err, .events = POLLIN};
	return until;
}

static void serve_all(struct processes *ps, const struct pollfd *f)
{
	for (struct process **at = &ps->live; *at; f += 4) {
		struct process *p = *at;

		if (f[2].revents)
			read_errors(p);
		if (f[1].revents)
			read_out(p, READ_TIMES);
		if (f[3].revents)
			write_waiting(p);
		if (f[0].revents) {
			*at = p->next;
			end(p); /* it may be given back from here on */
		} else {
			at = &p->next;
		}
	}
}

static void *keep(void *arg)
{
	struct processes *ps = arg;

	for (;;) {
		pthread_mutex_lock(&ps->mx);
		bool stopping = ps->stopping;
		pthread_mutex_unlock(&ps->mx);
		start_coming(ps); /* once it is to stop, no more come */
		if (stopping && !ps->live)
			return NULL;
		int64_t now = clock_mono_ms(), until = INT64_MAX;
		nfds_t n = 0;
		ps->fds[n++] = (struct pollfd){.fd = ps->wake, .events = POLLIN};
		for (struct process *p = ps->live; p; p = p->next, n += 4)
			until = watch_one(p, ps->fds + n, now, until);
		int ms = until == INT64_MAX ? -1 : (int)MAX(0, MIN(until - now, 60000));
		if (poll(ps->fds, n, ms) <= 0)
			continue;
		if (ps->fds[0].revents)
			(void)!read(ps->wake, &(uint64_t){0}, sizeof(uint64_t));
		serve_all(ps, ps->fds + 1);
	}
}

/* ---- any thread ---- */

int processes_new(unsigned max, struct processes **ret, struct err *e)
{
	struct processes *ps = xcalloc(1, sizeof(*ps));
	int r;

	pthread_mutex_init(&ps->mx, NULL);
	ps->max = max;
	ps->fds = xcalloc(4 * (size_t)max + 1, sizeof(*ps->fds));
	ps->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = ps->wake < 0 ? -errno : thread_start(&ps->thread, "processes", 0, keep, ps);
	if (r < 0) {
		closep(&ps->wake);
		pthread_mutex_destroy(&ps->mx);
		free(ps->fds);
		free(ps);
		return err_set(e, r, "The keeper of programs cannot be started: %s", strerror(-r));
	}
	*ret = ps;
	return 0;
}

void processes_free(struct processes *ps)
{
	if (!ps)
		return;
	pthread_mutex_lock(&ps->mx);
	ps->stopping = true;
	pthread_mutex_unlock(&ps->mx);
	wake_keeper(ps);
	pthread_join(ps->thread, NULL);
	ASSERT(ps->n == 0);
	close(ps->wake);
	pthread_mutex_destroy(&ps->mx);
	free(ps->fds);
	free(ps);
}

static void release(struct process *p)
{
	buf_done(&p->errors);
	pthread_cond_destroy(&p->cv);
	pthread_mutex_destroy(&p->mx);
	MAGIC_END(p, PROCESS_MAGIC);
	free(p);
}

int process_start(struct processes *ps, const struct process_config *c, struct process **ret, struct err *e)
{
	struct process *p = xcalloc(1, sizeof(*p));

	MAGIC_SET(p, PROCESS_MAGIC);
	ASSERT(thread_may_wait());
	p->keeper = ps;
	p->c = *c;
	p->child = SANDBOX_NO_CHILD;
	p->in = -1;
	p->line = BUF_INIT(c->line_max + 65536 + 1);
	p->unread = BUF_INIT(UNREAD_MAX);
	p->errors = BUF_INIT(ERRORS_MAX + 1);
	p->e = e;
	pthread_mutex_init(&p->mx, NULL);
	pthread_cond_init(&p->cv, NULL);
	pthread_mutex_lock(&ps->mx);
	bool full = ps->n >= ps->max || ps->stopping;
	if (!full) {
		ps->n++;
		p->next = ps->coming;
		ps->coming = p;
	}
	pthread_mutex_unlock(&ps->mx);
	if (full) {
		release(p);
		return err_set(e, E_BUSY, "%u programs run already; that is as many as may.", ps->max);
	}
	wake_keeper(ps);
	pthread_mutex_lock(&p->mx);
	while (!p->started)
		pthread_cond_wait(&p->cv, &p->mx);
	int r = p->r;
	pthread_mutex_unlock(&p->mx);
	if (r < 0)
		release(p);
	else
		*ret = p;
	return r;
}

void process_stop(struct process *p, int64_t grace_ms)
{
	int64_t at = clock_mono_ms() + grace_ms;

	ASSERT_IS(p, PROCESS_MAGIC);
	pthread_mutex_lock(&p->mx);
	if (!p->kill_at || at < p->kill_at)
		p->kill_at = at;
	pthread_mutex_unlock(&p->mx);
	wake_keeper(p->keeper);
}

void process_wait(struct process *p)
{
	ASSERT_IS(p, PROCESS_MAGIC);
	ASSERT(thread_may_wait() && !pthread_equal(pthread_self(), p->keeper->thread));
	pthread_mutex_lock(&p->mx);
	while (!p->gone)
		pthread_cond_wait(&p->cv, &p->mx);
	pthread_mutex_unlock(&p->mx);
}

void process_free(struct process *p)
{
	if (!p)
		return;
	process_stop(p, 0);
	process_wait(p);
	release(p);
}

void process_errors(struct process *p, struct buf *to)
{
	ASSERT_IS(p, PROCESS_MAGIC);
	pthread_mutex_lock(&p->mx);
	utf8_add_visible(to, p->errors.p ? p->errors.p : "", p->errors.n, UTF8_TEXT);
	pthread_mutex_unlock(&p->mx);
}
