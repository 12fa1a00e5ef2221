/* kinds.c - what kinds of jobs there are. */
#include "job/ingest.h"
#include "job/load.h"
#include "job/pull.h"
#include "store/documents.h"
#include "store/exchanges.h"

/* name, for administrators, processors, places, tries, with what it is shown, what does it; a document takes its reader's and its own */
static const struct job_kind kinds[] = {
	{"pull", true, 0, 3, 5, 0, pull_run},
	{"load", true, 0, 3, 1, 0, load_run},
	{DOCUMENT_JOB, false, 2, 2, 5, BUS_DOCUMENTS, ingest_run},
	{EMBEDDING_JOB, false, 1, 2, 5, BUS_DOCUMENTS, embedding_run},
	{EXCHANGES_JOB, false, 1, 2, 5, 0, exchanges_run},
};

const struct job_kind *job_kinds(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(kinds);
	return kinds;
}
