/* pull.h - the job that makes an Ollama fetch a model. Params: {"provider":"...","model":"..."}. */
#pragma once

#include "job/job_priv.h"

int pull_run(struct job *j, struct err *e) MUST_CHECK;

/* ---- how far it is: Ollama tells of each layer in lines of their own ---- */

#define PULL_LAYERS_MAX 256 /* real models have about ten; what comes beyond is not shown */

struct pull_layer {
	char digest[80];
	int64_t completed, total;
};

struct pull_progress {
	char status[160];
	struct pull_layer layers[PULL_LAYERS_MAX];
	size_t n;
};

/* Takes in one line (a JSON object). False when it changed nothing that is shown. */
bool pull_take_line(struct pull_progress *p, const char *json, size_t n);

/* Adds a job's progress with "layers":[...]. */
void pull_write(const struct pull_progress *p, struct buf *b);
