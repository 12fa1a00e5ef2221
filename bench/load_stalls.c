/* load_stalls.c - how long Atelier's loop leaves everybody else waiting while it does what is large. */
#include "load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_FRAMES 60000
#define LOG_RATE   20000 /* tokens a second */
#define REATTACH   100
#define BAR_MS     5

/* --- the probe: a process of its own, so that this one's work is not taken for a stall --- */

static pid_t probe_pid;
static int probe_fd;

/* The longest wait for an answer, and what the loop's thread did meanwhile: it worked, or it waited for a processor that
 * another thread or process had. In the rest it was blocked, or the answer was on its way. */
struct wait {
	double ms, work_ms, queue_ms;
};

/* Of the thread called "loop": the file that tells the two sums in nanoseconds. */
static int open_schedstat(pid_t pid)
{
	char path[300], name[32] = "";
	struct dirent *e;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *d = opendir(path);
	while (d && fd < 0 && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", pid, e->d_name);
		FILE *f = fopen(path, "re");
		bool is_loop = f && fgets(name, sizeof(name), f) && strcmp(name, "loop\n") == 0;
		if (f)
			fclose(f);
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid, e->d_name);
		if (is_loop)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return fd;
}

static void read_schedstat(int fd, struct wait *ret)
{
	char text[128];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	char *end = text;

	text[n > 0 ? n : 0] = '\0';
	ret->work_ms = strtod(text, &end) / 1e6;
	ret->queue_ms = strtod(end, NULL) / 1e6;
}

static int probe_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : -1;
}

/* Asks what the loop answers by itself, each millisecond. Told a byte, it says the longest wait since the last one. */
_Noreturn static void probe_run(const struct relay *r, int told)
{
	static const char request[] = "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	struct pollfd word = {.fd = told, .events = POLLIN};
	struct wait longest = {0}, before, after;
	char text[4096];
	int fd = -1, loop = open_schedstat(r->pid);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_TIMERSLACK, 1ul);
	/* Where it may: it shares its core with the load. */
	(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 2});
	for (;;) {
		if (poll(&word, 1, 1) > 0) {
			if (read(told, text, 1) != 1 || write(told, &longest, sizeof(longest)) != sizeof(longest))
				_exit(0);
			longest = (struct wait){0};
		}
		if (fd < 0 && (fd = probe_connect(r->port)) < 0)
			_exit(1);
		read_schedstat(loop, &before);
		uint64_t asked = now_ns();
		if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 || recv(fd, text, sizeof(text), 0) <= 0) {
			close(fd);
			fd = -1;
			continue;
		}
		double ms = (double)(now_ns() - asked) / 1e6;
		if (ms <= longest.ms)
			continue;
		read_schedstat(loop, &after);
		longest = (struct wait){ms, after.work_ms - before.work_ms, after.queue_ms - before.queue_ms};
	}
}

static void probe_start(const struct relay *r)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (probe_pid = fork()) < 0)
		die("no process for the probe");
	if (probe_pid == 0) {
		close(pair[0]);
		probe_run(r, pair[1]);
	}
	close(pair[1]);
	probe_fd = pair[0];
}

static struct wait probe_longest(void)
{
	struct wait w;

	if (write(probe_fd, "", 1) != 1 || read(probe_fd, &w, sizeof(w)) != sizeof(w))
		die("the probe has ended");
	return w;
}

static void probe_stop(void)
{
	close(probe_fd);
	waitpid(probe_pid, NULL, 0);
}

/* --- what is large --- */

static void nothing_more(struct client *c)
{
	(void)c;
}

/* A turn of conversation `id` whose answer is what the mark says; its events are not looked at. */
static struct client *turn_open(struct relay *r, const char *id, unsigned i, uint32_t n, char mode)
{
	struct client *c = client_open(r->port, ANSWER_EVENTS, i, nothing_more);
	char path[640], json[128];

	c->blind = true;
	snprintf(path, sizeof(path), "/api/v1/conversations/%s/turns", id);
	snprintf(json, sizeof(json), "{\"content\":\"Please answer " MARK_FORMAT " now.\"}", i, n, mode);
	client_send(c, "POST", path, r->token, json);
	return c;
}

/* Says what did not come about in its time: on a busy machine that may be all that is wrong. */
static bool came_about(bool it, const char *what)
{
	if (!it)
		printf("  NOT YET  %s: %zu answers have begun, %zu have ended, %zu failed\n", what, stats.heads,
			stats.ended, stats.failed);
	return it;
}

/* n turns at a time, each answered with one line of so many kilobytes. */
static struct wait measure_lines(struct relay *r, char (*ids)[16], unsigned n, unsigned kb, bool *whole)
{
	stats_reset();
	probe_longest();
	for (unsigned i = 0; i < n; i++)
		(void)turn_open(r, ids[i], i, kb, 'l');
	*whole = came_about(loop_until(&stats.ended, n, WAIT_SECONDS) && stats.failed == 0, "lines") && *whole;
	loop_run_for(1.5); /* it is being stored */
	return probe_longest();
}

/* Readers that come back to the end of a long log, one after the other. */
static struct wait measure_reattach(struct relay *r, const char *id, double *ret_cpu_us, bool *whole)
{
	char header[64], path[96];

	stats_reset();
	struct client *first = turn_open(r, id, 0, LOG_FRAMES * 2, 'p');
	if (!came_about(loop_until(provider_waiting(), 1, WAIT_SECONDS), "a long answer"))
		die("stalls: the long answer that readers are to come back to never began; nothing of it is measured");
	provider_start(LOG_RATE);
	for (unsigned i = 0; i < 10 * WAIT_SECONDS && first->last_id < LOG_FRAMES; i++)
		loop_run_for(0.1);
	if (!came_about(first->last_id >= LOG_FRAMES, "its 60,000 frames"))
		die("stalls: the long answer stopped at frame %d; nothing of it is measured", (int)first->last_id);
	provider_start(1); /* the rest does not come */
	loop_run_for(0.5);
	snprintf(path, sizeof(path), "/api/v1/turns/%s/events", first->turn);
	snprintf(header, sizeof(header), "Last-Event-ID: %d\r\n", LOG_FRAMES - 10);
	stats_reset();
	probe_longest();
	client_header = header;
	struct usage before = relay_usage(r);
	for (unsigned i = 0; i < REATTACH; i++) {
		struct client *c = client_open(r->port, ANSWER_EVENTS, i, nothing_more);

		c->blind = true;
		c->last_id = LOG_FRAMES - 10;
		client_send(c, "GET", path, r->token, NULL);
		*whole = came_about(loop_until(&stats.heads, i + 1, WAIT_SECONDS) && c->status == 200,
				 "a reader that comes back") &&
			 *whole;
		loop_run_for(0.005);
		client_close(c);
	}
	client_header = NULL;
	struct wait longest = probe_longest();
	*ret_cpu_us = (relay_usage(r).cpu_us - before.cpu_us) / REATTACH;
	client_close(first);
	return longest;
}

struct waits {
	struct series all, work, queue;
};

struct stalls {
	struct waits quiet, reattach, journal, lines;
	struct series reattach_cpu;
	bool whole;
};

static void waits_add(struct waits *s, struct wait w)
{
	series_add(&s->all, w.ms);
	series_add(&s->work, w.work_ms);
	series_add(&s->queue, w.queue_ms);
}

static void waits_print(const char *label, const struct waits *s)
{
	series_print(label, &s->all, "ms");
	series_print("  in which the loop worked", &s->work, "ms");
	series_print("  and waited for a processor", &s->queue, "ms");
}

static void measure(struct stalls *t)
{
	static char ids[32][16];
	struct relay r;
	double cpu_us;

	relay_start(&r, ATELIER);
	if (!run_login(&r) || !run_conversations(&r, 32, ids))
		die("atelier: no login or no conversations");
	probe_start(&r);
	loop_run_for(0.5);
	probe_longest();
	loop_run_for(2);
	waits_add(&t->quiet, probe_longest());
	waits_add(&t->lines, measure_lines(&r, ids, 4, 7500, &t->whole));
	waits_add(&t->journal, measure_lines(&r, ids + 4, 16, 4096, &t->whole));
	waits_add(&t->reattach, measure_reattach(&r, ids[31], &cpu_us, &t->whole));
	series_add(&t->reattach_cpu, cpu_us);
	probe_stop();
	relay_stop(&r);
	loop_run_for(0.1);
}

/* The second holds on a busy machine, too: it leaves out what the loop waited for a processor. */
static void waits_bar(const char *what, const struct waits *s)
{
	char text[96];

	snprintf(text, sizeof(text), "longest wait: %s", what);
	bar(text, series_median(&s->all), BAR_MS, "ms");
	snprintf(text, sizeof(text), "of it not for a processor: %s", what);
	bar(text, series_median(&s->all) - series_median(&s->queue), BAR_MS, "ms");
}

void case_stalls(const struct options *o)
{
	struct stalls t = {.whole = true};

	if (!relay_has(ATELIER))
		return;
	printf("\n== stalls: the longest wait for an answer of the loop itself, asked each millisecond\n");
	for (unsigned rep = 0; rep < o->reps; rep++)
		measure(&t);
	waits_print("nothing happens", &t.quiet);
	waits_print("readers come back to 60,000 frames", &t.reattach);
	series_print("CPU of one that comes back, and the probe", &t.reattach_cpu, "us");
	waits_print("64 MB through the journal", &t.journal);
	waits_print("provider's lines of 7.5 MB", &t.lines);
	if (series_median(&t.quiet.all) > 1)
		printf("  NOTE  the machine was busy with something else: these figures say little\n");
	must_hold(t.whole, "Atelier: every answer ended whole");
	waits_bar("coming back", &t.reattach);
	waits_bar("journal", &t.journal);
	waits_bar("long lines", &t.lines);
	ratio_print(0);
}
