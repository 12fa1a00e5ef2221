/* gate_priv.h - what gate.c and gate_serve.c share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/address.h"
#include "base/magic.h"
#include "sys/sandbox.h"
#include "tool/gate.h"

#define GATE_URL        "http://127.0.0.1:3128"
#define GATE_CONNECT_MS 15000
#define GATE_IDLE_MS    120000 /* without a byte in either direction */

_Static_assert(SANDBOX_WAY_OUT == 3128, "the port of GATE_URL");

struct gate_host {
	char name[256]; /* small letters */
	bool below;     /* what ends with it, and not the name itself */
	unsigned port;  /* 0: 80 and 443 */
};

struct gate {
	unsigned magic; /* GATE_MAGIC */
#define GATE_MAGIC 0x67617465u
	pthread_mutex_t mx;
	unsigned users; /* under mx */
	int stop;       /* readable when it ends */
	int ours, theirs;
	char *label, *also;
	struct gate_host hosts[GATE_HOSTS_MAX];
	size_t n_hosts;
	_Atomic int64_t left; /* bytes that may still go through */
};

struct gate_connection {
	struct gate *gate;
	int client;
};

/* By name and port, the name in small letters. */
bool gate_allows(const struct gate *g, const char *name, unsigned port);
/* A socket that does not block; -EACCES: none of its addresses may be reached; -EHOSTUNREACH: nothing answers. Waits. */
int gate_connect(const struct gate *g, const char *name, unsigned port);

/* One connection of a program, until it ends (gate_serve.c). */
void gate_serve(struct gate *g, int client);
