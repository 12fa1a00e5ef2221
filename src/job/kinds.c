/* kinds.c - what kinds of jobs there are. */
#include "job/load.h"
#include "job/pull.h"

static const struct job_kind kinds[] = {
	{"pull", true, pull_run},
	{"load", true, load_run},
};

const struct job_kind *job_kinds(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(kinds);
	return kinds;
}
