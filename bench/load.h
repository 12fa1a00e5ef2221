/*
 * load.h - the load program: one thread and one epoll set play the model provider and all clients, so that the moment a
 * token is sent and the moment it is received come from the same clock. It includes nothing of Atelier: what it checks,
 * it reads from the wire.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MODEL "bench:latest"

/* "t000123.00042.0a1b2c3d ": number of the token, stream, microseconds since the program began (hex). */
#define TOKEN_LEN    23
#define MAX_STREAMS  20000
#define NS_PER_S     1000000000ull
#define WAIT_SECONDS 60

/* --- loop: load_loop.c --- */

/* What can be ready. Embedded first in its owner; freed only by source_close(), after the running batch. */
struct source {
	int fd;
	void (*ready)(struct source *s, uint32_t events);
	void (*release)(struct source *s);
	struct source *next_dead;
	bool dead;
};

struct bytes {
	char *p;
	size_t n, cap;
};

void bytes_add(struct bytes *b, const void *p, size_t n);
void bytes_addf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_cut(struct bytes *b, size_t n); /* takes n bytes off the front */
void bytes_free(struct bytes *b);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void);
uint32_t now_us(void); /* since the program began */

void loop_open(void);
void loop_add(struct source *s, uint32_t events);
void loop_change(struct source *s, uint32_t events);
void source_close(struct source *s);
void loop_step(uint64_t until_ns); /* one batch: sends due tokens, handles ready sockets; waits at most until then */
void loop_run_for(double seconds);
/* Runs until *count >= goal; false when the time is over. */
bool loop_until(const volatile size_t *count, size_t goal, double seconds);

int socket_listen(int *ret_port);
int socket_connect(int port);

/* --- provider: load_provider.c --- */

/* A prompt says what it wants as "bench-SSSSS-NNNNNN-M": stream, tokens, p (paced, held back), f (at once), s (by
 * itself: the first at once, the others SELF_PACED a second), or l (one line of so many kilobytes). */
#define SELF_PACED  50
#define MARK_FORMAT "bench-%05u-%06u-%c"

void provider_open(void);
int provider_port(void);
/* Requests whose answer is held back until provider_start(). */
const volatile size_t *provider_waiting(void);
/* Gives every held-back request its tokens, `rate` a second each, all spread evenly over the period. */
void provider_start(double rate);
/* Tokens that left more than a millisecond after they were due, since provider_start(): this program was the brake. */
size_t provider_late(void);
/* When the next token is due, or UINT64_MAX. Called by the loop. */
uint64_t provider_due(void);
void provider_send_due(void);

/* --- clients: load_client.c --- */

enum answer { ANSWER_JSON, ANSWER_LINES, ANSWER_EVENTS, ANSWER_CHUNKS /* OpenAI's */ };

struct client {
	struct source src;
	enum answer kind;
	unsigned index;  /* the caller's number */
	unsigned stream; /* the stream its tokens must name */
	uint32_t want;   /* tokens that must come */
	void (*done)(struct client *c);

	struct bytes out, in, line, body;
	uint32_t sent_us; /* when the request was made */
	int status;       /* of the answer; 0 before its head */
	int phase;        /* enum phase in load_client.c */
	bool chunked;
	uint64_t left; /* bytes of the body or chunk yet to come */
	uint32_t next; /* number of the next token */
	uint64_t last_id;
	char event[16];
	char turn[32]; /* of an event stream of Atelier: the id that its first event names */
	bool blind;    /* the text is not made of tokens, and not looked at */
	char part[TOKEN_LEN];
	unsigned npart;
	bool complete; /* the end of the answer was seen */
	bool finished; /* done() was called */
};

/* What arrived since stats_reset(). */
struct stats {
	uint32_t *latency_us;
	size_t nlatency, cap;
	uint32_t *first_us; /* from the request to the first token */
	size_t nfirst, first_cap;
	size_t tokens, ended, failed, heads;
	uint32_t last_us;
};

extern struct stats stats;
void stats_reset(void);

/* A further header line of every request, with its line break, or NULL. */
extern const char *client_header;

/* Begins a request; the client frees itself after done() unless done() begins the next with client_again(). */
struct client *client_open(int port, enum answer kind, unsigned index, void (*done)(struct client *c));
void client_send(struct client *c, const char *method, const char *path, const char *token, const char *json);
void client_again(struct client *c);
void client_close(struct client *c);
/* Prints what went wrong (the first few) and counts it. */
void client_fault(struct client *c, const char *what);

/* Copies the string member `name` out of JSON text; false when it is not there. */
bool json_string(const char *json, const char *name, char *ret, size_t cap);

/* --- relays: load_relay.c --- */

/* The first three are in every case, the others where programs are measured that do the same. */
enum path { DIRECT, NGINX, ATELIER, PATHS, LITELLM = PATHS, PORTKEY, ALL_PATHS };
extern const char *const path_names[ALL_PATHS];
/* The provider speaks like OpenAI, and Atelier is asked by its gateway; set by the case. */
extern bool relay_gateway;

struct relay {
	enum path path;
	pid_t pid;
	int port;
	char dir[64];
	char token[512]; /* the bearer token, or "" */
	double start_ms; /* from exec to the first answered page */
};

struct usage {
	double cpu_us; /* of all its processes */
	double rss_kb; /* resident */
	double own_kb; /* resident and anonymous: what it allocated itself */
	double sleeps; /* of all its threads: how often one waited for something */
};

/* A file of the web page, compressed: nginx serves these in place of its own, from its next start on. */
#define PAGE_FILES 24
struct page_file {
	char path[96];
	struct bytes bytes;
};
void relay_page(const struct page_file *files, unsigned n);

void relay_program(enum path path, const char *program); /* NULL: there is none */
bool relay_has(enum path path);
/* False when one of the others does not start: then it is not there. The first three must. */
bool relay_start(struct relay *r, enum path path);
void relay_stop(struct relay *r);
struct usage relay_usage(const struct relay *r);
void pin_to(bool relay);

/* --- one measurement: load_run.c --- */

struct shape {
	unsigned streams;
	double rate;
	uint32_t tokens;
	unsigned earlier; /* messages in the conversation before */
	double wait_s;    /* all streams are open so long before the first token; 0: a moment */
};

struct result {
	bool whole; /* every token came once, in order, and every stream ended */
	double tokens_per_s, cpu_us, p50_us, p99_us;
	double mem_kb, own_kb; /* a stream, open and waiting for its first token */
	double open_us;        /* CPU to open one stream */
	double sleeps;         /* of the relay's threads, a token */
	double late;           /* per cent of the tokens that this program itself sent too late */
};

void run_streams(struct relay *r, const struct shape *s, struct result *ret);
/* `lanes` clients ask one answer of `tokens` after the other for some seconds, their beginnings spread evenly. Fills
 * p50_us and p99_us of the time to the first token, and whole. */
void run_first_tokens(struct relay *r, unsigned lanes, uint32_t tokens, double seconds, struct result *ret);
/* n answers of so many tokens that are no stream; answers a second, 0 when one failed. relay_gateway. */
double run_answers(struct relay *r, unsigned n, unsigned connections, uint32_t tokens);
/* Does n requests over a few connections; begin() makes request i with client_send(). False when one failed. */
bool run_requests(struct relay *r, unsigned n, unsigned connections, void (*begin)(struct client *c),
	void (*answered)(struct client *c));
bool run_conversations(struct relay *r, unsigned n, char (*ret_ids)[16]);
bool run_login(struct relay *r); /* with relay_gateway: leaves an API key as the token */
extern struct relay *run_relay;  /* the one of the running requests, for begin() */
extern const char bench_login[];

/* --- reports and cases: load_report.c, load_case.c, load_idle.c --- */

#define MAX_REPS 16

struct series {
	double v[MAX_REPS];
	unsigned n;
};

void series_add(struct series *s, double v);
double series_median(const struct series *s);
void series_print(const char *label, const struct series *s, const char *unit);
void bar(const char *what, double value, double most, const char *unit);
void ratio_print(double ratio);
void must_hold(bool holds, const char *what);

struct options {
	unsigned reps;
	double seconds;
	bool quick;
	const char *only; /* a case's name, or NULL */
};

/* `most`: CPU per token, in times of nginx's. */
void case_streams(const struct options *o, const char *name, unsigned streams, double rate, double most);
void case_long(const struct options *o);
void case_idle_streams(const struct options *o);
void case_waiting_turns(const struct options *o);
void case_stalls(const struct options *o);
void case_first_page(const struct options *o);
void case_cold_start(const struct options *o);
void case_requests(const struct options *o);
void case_gateway(const struct options *o);
void case_answers(const struct options *o);
extern unsigned bars_missed, musts_missed;
