/*
 * ingest.h - the jobs that make a document searchable: by its words ({"document":"ID"}), and by its meaning
 * ({"document":"ID","text":"ID"}); and what a person was told before ({"user":"ID"}).
 */
#pragma once

#include "job/job_priv.h"

int ingest_run(struct job *j, struct err *e) MUST_CHECK;
int embedding_run(struct job *j, struct err *e) MUST_CHECK;
int exchanges_run(struct job *j, struct err *e) MUST_CHECK;
