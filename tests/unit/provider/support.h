/* support.h - for the tests of this room: a sink that remembers, and a provider on a socket that answers by a script. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../patience.h"
#include "provider/provider_priv.h"

struct memory_sink {
	struct gen_sink sink;
	struct buf text, reasoning; /* joined */
	struct buf events;          /* "name json\n" each */
	size_t n_events, n_status, n_citations;
	bool wrong_thread; /* text of an HTTP provider that did not come on the loop's thread, or the reverse */
	bool expect_loop;
	const struct loop *loop; /* NULL: not looked at */
	int answer;              /* what the sink returns */
	void (*on_event)(void *arg, enum event_type type, const char *json);
	void *arg;
};

void sink_init(struct memory_sink *m, bool expect_loop);
void sink_done(struct memory_sink *m);

/* One answer: the bytes are sent, then the connection is closed, or held until the other side closes it. */
struct script {
	const char *bytes;
	bool hold;
	const char *path; /* of the request that this answers; NULL: the next one, whatever it asks */
};

#define NDJSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
#define SSE_HEAD    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

struct server {
	int fd, port;
	const struct script *script;
	size_t n, used;
	char requests[16][4096]; /* head and body */
	size_t n_requests;
	void (*on_request)(void *arg);
	void *arg;
	pthread_t thread;
	pthread_mutex_t mx;
};

void server_start(struct server *s, const struct script *script, size_t n);
void server_stop(struct server *s);

/* Loop, HTTP client, settings and registry over them. */
struct world {
	struct loop *loop;
	struct http_client *http;
	pthread_t thread;
	struct settings settings;
	struct providers *providers;
	struct cancel cancel;
};

/* URLs may be NULL. */
void world_init(struct world *w, const char *ollama, const char *openai);
void world_done(struct world *w);

void server_url(const struct server *s, char ret[64]);
