/* cli_server.h - `atelier chat` by a running server: what a person has there, assistants and conversations. */
#pragma once

#include "program.h"

/* Asks `q`, one message, with the assistant and in the conversation that the command line names; the answer's events come to
 * `out`, on the loop's thread. The conversation keeps both; without one nothing is kept. -ECANCELED: it was stopped there, too.
 * Not on the loop's thread. */
int server_ask(struct http_client *http, const struct cli *cli, const struct gen_request *q, struct gen_sink *out,
	struct cancel *cancel, struct arena *a, struct err *e) MUST_CHECK;
