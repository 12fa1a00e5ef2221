/* load_stalls.c - how long Atelier's loop leaves everybody else waiting while it does what is large. */
#include "load.h"

#include <arpa/inet.h>
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

static int probe_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? fd : -1;
}

/* Asks what the loop answers by itself, each millisecond. Told a byte, it says the longest wait since the last one. */
_Noreturn static void probe_run(int port, int told)
{
	static const char request[] = "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	struct pollfd word = {.fd = told, .events = POLLIN};
	double longest = 0;
	char text[4096];
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_TIMERSLACK, 1ul);
	/* Where it may: it shares its core with the load. */
	(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 2});
	for (;;) {
		if (poll(&word, 1, 1) > 0) {
			if (read(told, text, 1) != 1 || write(told, &longest, sizeof(longest)) != sizeof(longest))
				_exit(0);
			longest = 0;
		}
		if (fd < 0 && (fd = probe_connect(port)) < 0)
			_exit(1);
		uint64_t asked = now_ns();
		if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 || recv(fd, text, sizeof(text), 0) <= 0) {
			close(fd);
			fd = -1;
			continue;
		}
		double ms = (double)(now_ns() - asked) / 1e6;
		longest = ms > longest ? ms : longest;
	}
}

static void probe_start(const struct relay *r)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (probe_pid = fork()) < 0)
		die("no process for the probe");
	if (probe_pid == 0) {
		close(pair[0]);
		probe_run(r->port, pair[1]);
	}
	close(pair[1]);
	probe_fd = pair[0];
}

static double probe_longest_ms(void)
{
	double ms;

	if (write(probe_fd, "", 1) != 1 || read(probe_fd, &ms, sizeof(ms)) != sizeof(ms))
		die("the probe has ended");
	return ms;
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

/* n turns at a time, each answered with one line of so many kilobytes. */
static double measure_lines(struct relay *r, char (*ids)[16], unsigned n, unsigned kb, bool *whole)
{
	stats_reset();
	probe_longest_ms();
	for (unsigned i = 0; i < n; i++)
		(void)turn_open(r, ids[i], i, kb, 'l');
	*whole = loop_until(&stats.ended, n, WAIT_SECONDS) && stats.failed == 0 && *whole;
	loop_run_for(1.5); /* it is being stored */
	return probe_longest_ms();
}

/* Readers that come back to the end of a long log, one after the other. */
static double measure_reattach(struct relay *r, const char *id, double *ret_cpu_us, bool *whole)
{
	char header[64], path[96];

	stats_reset();
	struct client *first = turn_open(r, id, 0, LOG_FRAMES * 2, 'p');
	*whole = loop_until(provider_waiting(), 1, WAIT_SECONDS) && *whole;
	provider_start(LOG_RATE);
	for (unsigned i = 0; i < 10 * WAIT_SECONDS && first->last_id < LOG_FRAMES; i++)
		loop_run_for(0.1);
	*whole = first->last_id >= LOG_FRAMES && *whole;
	provider_start(1); /* the rest does not come */
	loop_run_for(0.5);
	snprintf(path, sizeof(path), "/api/v1/turns/%s/events", first->turn);
	snprintf(header, sizeof(header), "Last-Event-ID: %d\r\n", LOG_FRAMES - 10);
	stats_reset();
	probe_longest_ms();
	client_header = header;
	struct usage before = relay_usage(r);
	for (unsigned i = 0; i < REATTACH; i++) {
		struct client *c = client_open(r->port, ANSWER_EVENTS, i, nothing_more);

		c->blind = true;
		c->last_id = LOG_FRAMES - 10;
		client_send(c, "GET", path, r->token, NULL);
		*whole = loop_until(&stats.heads, i + 1, WAIT_SECONDS) && c->status == 200 && *whole;
		loop_run_for(0.005);
		client_close(c);
	}
	client_header = NULL;
	double longest = probe_longest_ms();
	*ret_cpu_us = (relay_usage(r).cpu_us - before.cpu_us) / REATTACH;
	client_close(first);
	return longest;
}

struct stalls {
	struct series quiet, reattach, reattach_cpu, journal, lines;
	bool whole;
};

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
	probe_longest_ms();
	loop_run_for(2);
	series_add(&t->quiet, probe_longest_ms());
	series_add(&t->lines, measure_lines(&r, ids, 4, 7500, &t->whole));
	series_add(&t->journal, measure_lines(&r, ids + 4, 16, 4096, &t->whole));
	series_add(&t->reattach, measure_reattach(&r, ids[31], &cpu_us, &t->whole));
	series_add(&t->reattach_cpu, cpu_us);
	probe_stop();
	relay_stop(&r);
	loop_run_for(0.1);
}

void case_stalls(const struct options *o)
{
	struct stalls t = {.whole = true};

	if (!relay_has(ATELIER))
		return;
	printf("\n== stalls: the longest wait for an answer of the loop itself, asked each millisecond\n");
	for (unsigned rep = 0; rep < o->reps; rep++)
		measure(&t);
	series_print("nothing happens", &t.quiet, "ms");
	series_print("readers come back to 60,000 frames", &t.reattach, "ms");
	series_print("CPU of one that comes back, and the probe", &t.reattach_cpu, "us");
	series_print("64 MB through the journal", &t.journal, "ms");
	series_print("provider's lines of 7.5 MB", &t.lines, "ms");
	if (series_median(&t.quiet) > 1)
		printf("  NOTE  the machine was busy with something else: these figures say little\n");
	must_hold(t.whole, "Atelier: every answer ended whole");
	bar("longest wait: coming back", series_median(&t.reattach), BAR_MS, "ms");
	bar("longest wait: journal", series_median(&t.journal), BAR_MS, "ms");
	bar("longest wait: long lines", series_median(&t.lines), BAR_MS, "ms");
	ratio_print(0);
}
