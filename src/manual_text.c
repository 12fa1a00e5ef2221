/* manual_text.c - the manual that was built in, as the store takes it. */
#include "api/manual_sources.h"
#include "program.h"

size_t manual_text_count(void)
{
	return n_manual_sources;
}

const char *manual_text_version(void)
{
	return manual_version;
}

void manual_text_page(size_t i, const char **ret_slug, const char **ret_title, const char **ret_body)
{
	*ret_slug = manual_sources[i].slug;
	*ret_title = manual_sources[i].title;
	*ret_body = manual_sources[i].body;
}
