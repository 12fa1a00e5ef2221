/* ingest.h - the job that reads a document and makes it searchable. Params: {"document":"ID"}. */
#pragma once

#include "job/job_priv.h"

int ingest_run(struct job *j, struct err *e) MUST_CHECK;
