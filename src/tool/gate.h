/*
 * gate.h - the one way out of a sandbox: a proxy for HTTP that lets a program reach the hosts that were granted and no other. Names are
 * resolved here, and the address that is connected to must be of the public internet (or of the setting `tool_networks`), so that no
 * name that changes its mind leads into this machine or its network. Each connection has a thread while it is open.
 */
#pragma once

#include "base/json.h"

struct gate;

#define GATE_HOSTS_MAX 32

/* A list of "name", "name:port", "*.name": without a port 80 and 443 are meant. NULL is fine: nothing. E_INVALID. */
int gate_check_hosts(const json_t *hosts, struct err *e) MUST_CHECK;

struct gate_config {              /* copied */
	const char *label;        /* whose program it is, for the log */
	const char *const *hosts; /* as gate_check_hosts found well, NULL at its end */
	const char *also;         /* networks beside the public internet (base/address.h) */
	int64_t bytes_max;        /* both ways, of all connections together */
};
int gate_new(const struct gate_config *c, struct gate **ret, struct err *e) MUST_CHECK;
/* What `network` of a sandbox is given; until gate_started. */
int gate_end(const struct gate *g) MUST_CHECK;
void gate_started(struct gate *g); /* the program has it, or was not started */
/* Ends all its connections, without waiting for them. NULL is fine. */
void gate_free(struct gate *g);

/* The environment of a program that is to find it: "NAME=value", NULL at its end. */
extern const char *const gate_env[];
/* Folders that it reads for secure connections; NULL at its end. */
const char *const *gate_readable(void);
