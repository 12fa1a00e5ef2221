/* kinds.c - what kinds of jobs there are. */
#include "job/ingest.h"
#include "job/load.h"
#include "job/pull.h"
#include "store/documents.h"

/* name, for administrators, places, tries */
static const struct job_kind kinds[] = {
	{"pull", true, 3, 5, pull_run},
	{"load", true, 3, 1, load_run},
	{DOCUMENT_JOB, false, 2, 5, ingest_run},
	{EMBEDDING_JOB, false, 2, 5, embedding_run},
};

const struct job_kind *job_kinds(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(kinds);
	return kinds;
}
