/* load.h - the job that makes an Ollama load a model. Params: {"model":"ID","keep_alive":"10m"?}. */
#pragma once

#include "job/job_priv.h"

int load_run(struct job *j, struct err *e) MUST_CHECK;
